//! What a body does, by the patterns of `calls.scm`.

use super::boundaries::{Boundaries, is_rebound};
use super::complexity::Complexity;
use super::flow::{Flow, first_argument, negated};
use super::signature::{span_of, spanned};
use crate::grammar::Grammar;
use crate::language::BodyFactsTable;
use crate::model::{BodyFacts, PanicFact, ReturnFact, Spanned, ThrowFact, YieldFact};
use crate::text::Span;
use streaming_iterator::StreamingIterator;
use tree_sitter::{Node, QueryCursor};

/// A `try` and what its handlers catch.
struct Try {
    body: Span,
    handlers: Vec<Handler>,
}

struct Handler {
    span: Span,
    types: Vec<String>,
    name: Option<String>,
}

#[derive(Default)]
struct Throw<'t> {
    node: Option<Node<'t>>,
    type_name: Option<String>,
    is_call: bool,
    /// Counts only where a `return` or the end of the body hands it out.
    only_returned: bool,
    /// The function that it is handed to; counts only where that is a promise's own.
    by: Option<String>,
    /// Hands on what a call threw.
    is_again: bool,
    condition: Option<String>,
    message: Option<String>,
    kind: ThrowKind,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum ThrowKind {
    #[default]
    Throw,
    Reject,
    Panic,
}

/// What the signature says that the body is read by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BodyContext {
    pub is_async: bool,
    /// A result is declared, so the last expression can be one.
    pub has_result: bool,
}

/// Reads the body at `body`.
pub(super) fn facts(
    grammar: &Grammar,
    table: &BodyFactsTable,
    cursor: &mut QueryCursor,
    body: Node,
    text: &str,
    context: BodyContext,
) -> BodyFacts {
    let flow = Flow { table, text };
    let mut reader = Reader {
        flow,
        body,
        facts: BodyFacts::default(),
        boundaries: Vec::new(),
        tries: Vec::new(),
        executors: Vec::new(),
        settled: Vec::new(),
        awaited: Vec::new(),
        throws: Vec::new(),
        calls: Vec::new(),
    };
    let complexity = reader.collect(grammar, cursor);
    let mut facts = reader.conclude(context);
    (facts.cyclomatic, facts.cognitive) = complexity.conclude();
    facts
}

struct Reader<'t, 's> {
    flow: Flow<'s>,
    body: Node<'t>,
    facts: BodyFacts,
    boundaries: Vec<Span>,
    tries: Vec<(usize, Try)>,
    /// Promises made here, and what their executors call the function that rejects.
    executors: Vec<(Span, String)>,
    /// Promises whose rejections are handled where they stand.
    settled: Vec<Span>,
    /// Promises whose rejections a `try` around them sees.
    awaited: Vec<Span>,
    throws: Vec<(usize, Throw<'t>)>,
    calls: Vec<Span>,
}

impl<'t> Reader<'t, '_> {
    fn collect(&mut self, grammar: &Grammar, cursor: &mut QueryCursor) -> Complexity {
        let mut complexity = Complexity::default();
        let query = &grammar.bodies;
        cursor.set_max_start_depth(None);
        let mut matches = cursor.matches(&query.query, self.body, self.flow.text.as_bytes());
        while let Some(hit) = matches.next() {
            let Some(main) = hit.captures().first().map(|first| first.node) else { continue };
            let counts = hit.pattern_index >= grammar.first_of_complexity;
            for capture in hit.captures() {
                let name = query.names[capture.index as usize].as_str();
                match counts {
                    true => complexity.tell(name, capture.node),
                    false => self.tell(name, capture.node, main),
                }
            }
        }
        complexity
    }

    /// Takes in one capture; `main` is the node of the pattern's first capture, to which the details belong.
    fn tell(&mut self, capture: &str, node: Node<'t>, main: Node<'t>) {
        let text = self.flow.text;
        match capture {
            "boundary" => self.boundaries.push(span_of(node)),
            "return" => {
                let span = span_of(node);
                if !self.facts.returns.iter().any(|known| known.span == span) {
                    self.facts.returns.push(ReturnFact { span, value: None });
                }
            }
            "return.value" => {
                let (span, value) = (span_of(main), spanned(node, text));
                match self.facts.returns.iter_mut().find(|known| known.span == span) {
                    Some(known) => known.value = known.value.take().or(Some(value)),
                    None => self.facts.returns.push(ReturnFact { span, value: Some(value) }),
                }
            }
            "yield" | "yield.value" | "yield.from" => {
                let span = span_of(main);
                let index = self.facts.yields.iter().position(|known| known.span == span).unwrap_or_else(|| {
                    self.facts.yields.push(YieldFact { span, ..YieldFact::default() });
                    self.facts.yields.len() - 1
                });
                let fact = &mut self.facts.yields[index];
                match capture {
                    "yield.value" => fact.value = Some(spanned(node, text).text),
                    "yield.from" => fact.delegates = true,
                    _ => {}
                }
            }
            "try" | "try.body" | "catch" | "catch.type" | "catch.name" => self.tell_try(capture, node, main),
            "executor.reject" => self.executors.push((span_of(main), spanned(node, text).text)),
            "settled" => self.settled.push(span_of(node)),
            "awaited" => self.awaited.push(span_of(node)),
            "throw" | "reject" | "reject.by" | "panic" | "panic.name" => self.tell_throw(capture, node, main),
            _ if capture.starts_with("throw.") => self.tell_throw(capture, node, main),
            "attribute" => {
                let attribute = spanned(node, text);
                if !self.facts.assigned_attributes.iter().any(|known| known.text == attribute.text) {
                    self.facts.assigned_attributes.push(attribute);
                }
            }
            "call" => {
                let is_name = |called: &str| {
                    called.len() <= 120 && !called.contains(|c: char| c.is_whitespace() || "()'\"`".contains(c))
                };
                if is_name(span_of(node).of(text)) {
                    self.calls.push(span_of(node));
                }
            }
            _ => {}
        }
    }

    fn tell_try(&mut self, capture: &str, node: Node<'t>, main: Node<'t>) {
        let text = self.flow.text;
        match capture {
            "try" => self.tries.push((node.start_byte(), Try { body: Span::default(), handlers: Vec::new() })),
            "try.body" => {
                if let Some((_, known)) = self.tries.iter_mut().find(|(start, _)| *start == main.start_byte()) {
                    known.body = span_of(node);
                }
            }
            _ => {
                // A handler belongs to the last `try` whose body ends before it and which has no other `try` between.
                let span = span_of(main);
                let parent = main.parent().map(|parent| parent.start_byte());
                let Some((_, owner)) = self.tries.iter_mut().find(|(start, _)| Some(*start) == parent) else { return };
                let index = owner.handlers.iter().position(|handler| handler.span == span).unwrap_or_else(|| {
                    owner.handlers.push(Handler { span, types: Vec::new(), name: None });
                    owner.handlers.len() - 1
                });
                let handler = &mut owner.handlers[index];
                match capture {
                    "catch.type" => {
                        let name = spanned(node, text).text;
                        if !handler.types.contains(&name) {
                            handler.types.push(name);
                        }
                    }
                    "catch.name" => handler.name = Some(spanned(node, text).text),
                    _ => {}
                }
            }
        }
    }

    fn tell_throw(&mut self, capture: &str, node: Node<'t>, main: Node<'t>) {
        let text = self.flow.text;
        // A call in a chain (`a.unwrap().b.unwrap()`) starts where the chain does, so the end tells one from the other.
        let key = main.id();
        let index = self.throws.iter().rposition(|(known, _)| *known == key).unwrap_or_else(|| {
            self.throws.push((key, Throw { node: Some(main), ..Throw::default() }));
            self.throws.len() - 1
        });
        let throw = &mut self.throws[index].1;
        match capture {
            "reject" => throw.kind = ThrowKind::Reject,
            "reject.by" => throw.by = Some(spanned(node, text).text),
            "panic" => throw.kind = ThrowKind::Panic,
            "throw.returned" => throw.only_returned = true,
            "throw.again" => throw.is_again = true,
            "throw.type" => throw.type_name = Some(spanned(node, text).text),
            "panic.name" => {
                // The mark of a macro belongs to its name.
                let mark = text.get(node.end_byte()..).is_some_and(|rest| rest.starts_with('!'));
                throw.type_name = Some(spanned(node, text).text + if mark { "!" } else { "" });
            }
            "throw.unless" => {
                let arguments = span_of(node).of(text);
                let condition = first_argument(arguments).map(|first| first.of(arguments).trim());
                throw.condition =
                    condition.filter(|text| !text.is_empty()).map(|text| negated(text, &self.flow.table.negation));
            }
            "throw.call" => throw.is_call = true,
            "throw.message" => throw.message = plain_string(span_of(node).of(text)),
            _ => {}
        }
    }

    fn conclude(mut self, context: BodyContext) -> BodyFacts {
        let boundaries = Boundaries::new(std::mem::take(&mut self.boundaries));
        self.facts.returns.retain(|fact| boundaries.own(fact.span));
        self.facts.yields.retain(|fact| boundaries.own(fact.span));
        self.facts.assigned_attributes.retain(|fact| boundaries.own(fact.span));
        let is_block = self.flow.table.blocks.iter().any(|kind| kind == self.body.kind());
        let mut tails = Vec::new();
        if !is_block {
            tails.push(self.body);
        } else if context.has_result {
            tails = self.flow.tails(self.body);
        }
        let text = self.flow.text;
        for tail in &tails {
            self.facts.returns.push(ReturnFact { span: span_of(*tail), value: Some(spanned(*tail, text)) });
        }
        self.facts.returns.sort_by_key(|fact| fact.span.start);
        let mut known: rustc_hash::FxHashSet<&str> = rustc_hash::FxHashSet::default();
        for called in self.calls.iter().filter(|called| boundaries.own(**called)).map(|called| called.of(text)) {
            if known.insert(called) {
                self.facts.calls.push(called.to_string());
            }
        }
        let throws = std::mem::take(&mut self.throws);
        for (_, throw) in &throws {
            let Some(node) = throw.node else { continue };
            let span = span_of(node);
            let is_returned =
                || self.facts.returns.iter().any(|fact| fact.value.as_ref().is_some_and(|value| value.span == span));
            let is_own = match &throw.by {
                Some(by) => self
                    .executors
                    .iter()
                    .filter(|(promise, reject)| promise.contains(span) && reject == by && boundaries.own(*promise))
                    .any(|(promise, _)| !is_rebound(node, by, *promise, self.flow)),
                None => boundaries.own(span),
            };
            if is_own && (!throw.only_returned || is_returned()) {
                self.conclude_throw(throw, node, context.is_async && self.flow.table.async_rejects);
            }
        }
        for (_, known) in &self.tries {
            for handler in &known.handlers {
                self.facts.catches.extend(handler.types.iter().cloned());
            }
        }
        self.facts.falls_through = tails.is_empty() && !self.flow.ends(self.body, 0);
        self.facts
    }

    fn conclude_throw(&mut self, throw: &Throw<'t>, node: Node<'t>, rejects: bool) {
        let span = span_of(node);
        let condition = throw.condition.clone().or_else(|| self.flow.guard(node, self.body));
        if throw.kind == ThrowKind::Panic {
            let call = throw.type_name.clone().unwrap_or_default();
            self.facts.panics.push(PanicFact { call, span, condition, message: throw.message.clone() });
            return;
        }
        let handler = self
            .tries
            .iter()
            .flat_map(|(_, known)| &known.handlers)
            .filter(|handler| handler.span.contains(span))
            .min_by_key(|handler| handler.span.len());
        let rethrown = match (&throw.type_name, handler) {
            (None, Some(handler)) => Some(handler),
            (Some(name), Some(handler)) if !throw.is_call && handler.name.as_ref() == Some(name) => Some(handler),
            _ => None,
        };
        let types: Vec<String> = match rethrown {
            Some(handler) if handler.types.is_empty() => vec![String::new()],
            Some(handler) => handler.types.clone(),
            None => vec![known_type(throw)],
        };
        for type_name in types {
            let is_seen = throw.kind == ThrowKind::Throw || self.awaited.iter().any(|awaited| awaited.contains(span));
            if is_seen && self.is_caught(span, &type_name) {
                continue;
            }
            if throw.kind == ThrowKind::Reject && self.settled.iter().any(|settled| settled.contains(span)) {
                continue;
            }
            let fact = ThrowFact {
                type_name,
                span,
                condition: condition.clone(),
                message: throw.message.clone(),
                is_rethrow: rethrown.is_some() || throw.is_again && throw.type_name.is_none(),
            };
            if throw.kind == ThrowKind::Reject || rejects {
                self.facts.rejects.push(fact.clone());
            }
            if throw.kind == ThrowKind::Throw {
                self.facts.throws.push(fact);
            }
        }
    }

    /// Whether a `try` around the place catches the type.
    fn is_caught(&self, span: Span, type_name: &str) -> bool {
        self.tries.iter().filter(|(_, known)| known.body.contains(span)).any(|(_, known)| {
            known.handlers.iter().any(|handler| {
                handler.types.is_empty()
                    || handler.types.iter().any(|caught| {
                        last_part(caught) == last_part(type_name) && !type_name.is_empty()
                            || self.flow.table.catch_all.iter().any(|all| all == last_part(caught))
                    })
            })
        })
    }
}

/// The type thrown, or nothing for a value whose type the body does not tell.
fn known_type(throw: &Throw) -> String {
    let name = throw.type_name.as_deref().unwrap_or("");
    let last = last_part(name);
    if !last.starts_with(char::is_lowercase) {
        return name.to_string();
    }
    // `io::Error::new(…)` makes an `io::Error`.
    if let Some((owner, _)) = name.rsplit_once("::")
        && throw.is_call
        && last_part(owner).starts_with(char::is_uppercase)
    {
        return owner.to_string();
    }
    let looks_like_type = ["error", "exception", "exit", "warning", "fault", "failure"]
        .iter()
        .any(|end| last.to_lowercase().ends_with(end));
    if throw.is_call && looks_like_type { name.to_string() } else { String::new() }
}

fn last_part(name: &str) -> &str {
    name.rsplit(['.', ':']).next().unwrap_or(name)
}

/// The text of a string literal of one line without interpolation; nothing for any other expression.
fn plain_string(literal: &str) -> Option<String> {
    let literal = Spanned { text: literal.to_owned(), span: Span::default() };
    unquoted(&literal).filter(|inner| !inner.contains('\n'))
}

/// The text of a string literal without interpolation, of several lines too, for [`crate::model::NamedLiteral`].
pub(super) fn unquoted(literal: &Spanned) -> Option<String> {
    let literal = literal.text.as_str();
    let bare = literal.trim_start_matches(|character: char| character.is_ascii_alphabetic());
    let prefix = literal.get(..literal.len() - bare.len())?;
    // Rust writes raw strings between number signs.
    let bare = bare.trim_matches('#');
    let quote = bare.chars().next().filter(|quote| matches!(quote, '"' | '\'' | '`'))?;
    let inner = bare.trim_matches(quote);
    let has_holes = prefix.contains(['f', 'F']) || quote == '`' && inner.contains("${");
    (prefix.len() <= 2 && !has_holes).then(|| inner.to_string())
}
