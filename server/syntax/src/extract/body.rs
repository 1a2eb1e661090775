//! What a body does, by the patterns of `calls.scm` and `complexity.scm`.

use super::signature::{span_of, spanned};
use crate::grammar::{CompiledQuery, Grammar};
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

/// Reads the body at `body`, which belongs to an async function if `is_async`.
pub(super) fn facts(grammar: &Grammar, table: &BodyFactsTable, cursor: &mut QueryCursor, body: Node, text: &str, is_async: bool) -> BodyFacts {
    let mut reader = Reader::new(text, table, body);
    reader.collect(&grammar.calls, cursor);
    let mut facts = reader.conclude(is_async);
    (facts.cyclomatic, facts.cognitive) = complexity(&grammar.complexity, cursor, body, text);
    facts
}

struct Reader<'t, 's> {
    text: &'s str,
    table: &'s BodyFactsTable,
    body: Node<'t>,
    facts: BodyFacts,
    boundaries: Vec<Span>,
    tries: Vec<(usize, Try)>,
    throws: Vec<(usize, Throw<'t>)>,
}

impl<'t, 's> Reader<'t, 's> {
    fn new(text: &'s str, table: &'s BodyFactsTable, body: Node<'t>) -> Self {
        Self { text, table, body, facts: BodyFacts::default(), boundaries: Vec::new(), tries: Vec::new(), throws: Vec::new() }
    }

    fn collect(&mut self, query: &CompiledQuery, cursor: &mut QueryCursor) {
        cursor.set_max_start_depth(None);
        let mut matches = cursor.matches(&query.query, self.body, self.text.as_bytes());
        while let Some(hit) = matches.next() {
            for capture in hit.captures() {
                let name = query.names[capture.index as usize].as_str();
                let main = hit.captures()[0].node;
                self.tell(name, capture.node, main);
            }
        }
    }

    /// Takes in one capture; `main` is the node of the pattern's first capture, to which the details belong.
    fn tell(&mut self, capture: &str, node: Node<'t>, main: Node<'t>) {
        let text = self.text;
        match capture {
            "boundary" if node.id() != self.body.id() => self.boundaries.push(span_of(node)),
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
            "throw" | "reject" | "panic" | "throw.type" | "throw.call" | "throw.message" | "panic.name" => self.tell_throw(capture, node, main),
            "attribute" => {
                let attribute = spanned(node, text);
                if !self.facts.assigned_attributes.iter().any(|known| known.text == attribute.text) {
                    self.facts.assigned_attributes.push(attribute);
                }
            }
            "call" => {
                let called = span_of(node).of(text);
                if called.len() <= 120 && !self.facts.calls.iter().any(|known| known == called) {
                    self.facts.calls.push(called.to_string());
                }
            }
            _ => {}
        }
    }

    fn tell_try(&mut self, capture: &str, node: Node<'t>, main: Node<'t>) {
        let text = self.text;
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
        let text = self.text;
        let key = main.start_byte();
        let index = self.throws.iter().position(|(start, _)| *start == key).unwrap_or_else(|| {
            self.throws.push((key, Throw { node: Some(main), ..Throw::default() }));
            self.throws.len() - 1
        });
        let throw = &mut self.throws[index].1;
        match capture {
            "reject" => throw.kind = ThrowKind::Reject,
            "panic" => throw.kind = ThrowKind::Panic,
            "throw.type" | "panic.name" => throw.type_name = Some(spanned(node, text).text),
            "throw.call" => throw.is_call = true,
            "throw.message" => throw.message = plain_string(span_of(node).of(text)),
            _ => {}
        }
    }

    fn conclude(mut self, is_async: bool) -> BodyFacts {
        let boundaries = std::mem::take(&mut self.boundaries);
        let own = |span: Span| !boundaries.iter().any(|boundary| boundary.contains(span) && *boundary != span);
        self.facts.returns.retain(|fact| own(fact.span));
        self.facts.yields.retain(|fact| own(fact.span));
        self.facts.assigned_attributes.retain(|fact| own(fact.span));
        let throws = std::mem::take(&mut self.throws);
        for (_, throw) in &throws {
            if let Some(node) = throw.node
                && own(span_of(node))
            {
                self.conclude_throw(throw, node, is_async);
            }
        }
        for (_, known) in &self.tries {
            for handler in &known.handlers {
                self.facts.catches.extend(handler.types.iter().cloned());
            }
        }
        self.facts.falls_through = self.falls_through();
        self.facts
    }

    fn conclude_throw(&mut self, throw: &Throw<'t>, node: Node<'t>, is_async: bool) {
        let span = span_of(node);
        let condition = self.guard(node);
        if throw.kind == ThrowKind::Panic {
            let call = throw.type_name.clone().unwrap_or_default();
            self.facts.panics.push(PanicFact { call, span, condition, message: throw.message.clone() });
            return;
        }
        let handler = self.tries.iter().flat_map(|(_, known)| &known.handlers).filter(|handler| handler.span.contains(span)).min_by_key(|handler| handler.span.len());
        let rethrown = match (&throw.type_name, handler) {
            (None, Some(handler)) => Some(handler),
            (Some(name), Some(handler)) if !throw.is_call && handler.name.as_ref() == Some(name) => Some(handler),
            _ => None,
        };
        let types: Vec<String> = match rethrown {
            Some(handler) if handler.types.is_empty() => vec![String::new()],
            Some(handler) => handler.types.clone(),
            None => vec![self.known_type(throw)],
        };
        for type_name in types {
            if throw.kind == ThrowKind::Throw && self.is_caught(span, &type_name) {
                continue;
            }
            let fact = ThrowFact {
                type_name,
                span,
                condition: condition.clone(),
                message: throw.message.clone(),
                is_rethrow: rethrown.is_some(),
            };
            if throw.kind == ThrowKind::Reject || is_async && !self.table.lower_case_throws_are_values {
                self.facts.rejects.push(fact.clone());
            }
            if throw.kind == ThrowKind::Throw {
                self.facts.throws.push(fact);
            }
        }
    }

    /// The type thrown, or nothing for a value whose type the body does not tell.
    fn known_type(&self, throw: &Throw) -> String {
        let name = throw.type_name.clone().unwrap_or_default();
        let last = name.rsplit('.').next().unwrap_or("");
        let lower = last.chars().next().is_some_and(|first| first.is_lowercase());
        let looks_like_type = ["error", "exception", "exit", "warning", "fault", "failure"].iter().any(|end| last.to_lowercase().ends_with(end));
        if lower && !(throw.is_call && looks_like_type) { String::new() } else { name }
    }

    /// Whether a `try` around the place catches the type.
    fn is_caught(&self, span: Span, type_name: &str) -> bool {
        self.tries.iter().filter(|(_, known)| known.body.contains(span)).any(|(_, known)| {
            known.handlers.iter().any(|handler| {
                handler.types.is_empty()
                    || handler.types.iter().any(|caught| {
                        last_part(caught) == last_part(type_name) && !type_name.is_empty() || self.table.catch_all.iter().any(|all| all == last_part(caught))
                    })
            })
        })
    }

    /// The condition of the nearest guard around `node`, negated in its other branch.
    fn guard(&self, node: Node<'t>) -> Option<String> {
        let mut inner = node;
        while let Some(outer) = inner.parent() {
            if inner.id() == self.body.id() || outer.id() == self.body.id() && inner.id() == self.body.id() {
                return None;
            }
            if let Some(guard) = self.table.guards.iter().find(|guard| guard.kind == outer.kind()) {
                let condition = outer.child_by_field_name(&guard.condition)?;
                let place = span_of(inner);
                if span_of(condition).contains(place) {
                    return None;
                }
                let consequence = outer.child_by_field_name(&guard.consequence);
                let written = bare_condition(span_of(condition).of(self.text));
                if consequence.is_some_and(|consequence| span_of(consequence).contains(place)) {
                    return Some(written);
                }
                // Another branch of the same guard has its own condition; only a plain else is the negation.
                let has_middle = (0..outer.child_count()).filter_map(|index| outer.child(index)).any(|child| child.kind() == "elif_clause");
                return (!has_middle).then(|| negated(&written, &self.table.negation));
            }
            if outer.id() == self.body.id() {
                return None;
            }
            inner = outer;
        }
        None
    }

    fn falls_through(&self) -> bool {
        let count = self.body.named_child_count() as u32;
        let last = (0..count).rev().filter_map(|index| self.body.named_child(index)).find(|child| !child.is_extra());
        last.is_none_or(|last| !self.table.terminators.iter().any(|kind| kind == last.kind()))
    }
}

fn last_part(name: &str) -> &str {
    name.rsplit(['.', ':']).next().unwrap_or(name)
}

/// Without brackets around it, white space folded.
fn bare_condition(condition: &str) -> String {
    let mut bare = condition.trim();
    while let Some(inner) = bare.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        let mut depth = 0i32;
        let closes_early = inner.chars().any(|character| {
            depth += i32::from(character == '(') - i32::from(character == ')');
            depth < 0
        });
        if closes_early {
            break;
        }
        bare = inner.trim();
    }
    bare.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn negated(condition: &str, negation: &str) -> String {
    match condition.strip_prefix(negation) {
        Some(bare) if !bare.contains([' ', '|', '&']) => bare.to_string(),
        _ if condition.contains(' ') => format!("{negation}({condition})"),
        _ => format!("{negation}{condition}"),
    }
}

/// The text of a string literal without interpolation; nothing for any other expression.
fn plain_string(literal: &str) -> Option<String> {
    let quote = literal.chars().find(|character| !character.is_ascii_alphabetic())?;
    let prefix = literal.find(quote)?;
    if !matches!(quote, '"' | '\'' | '`') || prefix > 2 {
        return None;
    }
    let inner = literal.get(prefix..)?.trim_matches(quote);
    let has_holes = literal.starts_with(['f', 'F']) || quote == '`' && inner.contains("${");
    (!has_holes && !inner.contains('\n')).then(|| inner.to_string())
}

/// Cyclomatic and cognitive complexity: each `@branch` counts one for the first, one and its nesting for the second.
fn complexity(query: &CompiledQuery, cursor: &mut QueryCursor, body: Node, text: &str) -> (u32, u32) {
    let mut boundaries: Vec<Span> = Vec::new();
    let mut nests: Vec<Span> = Vec::new();
    let mut branches: Vec<(Span, bool, bool)> = Vec::new();
    cursor.set_max_start_depth(None);
    let mut matches = cursor.matches(&query.query, body, text.as_bytes());
    while let Some(hit) = matches.next() {
        for capture in hit.captures() {
            let span = span_of(capture.node);
            match query.names[capture.index as usize].as_str() {
                "boundary" if capture.node.id() != body.id() => boundaries.push(span),
                "branch" => {
                    branches.push((span, true, true));
                    nests.push(span);
                }
                "branch.flat" => branches.push((span, true, false)),
                "branch.case" => branches.push((span, true, false)),
                "cognitive" => branches.push((span, false, false)),
                "nest" => nests.push(span),
                _ => {}
            }
        }
    }
    let (mut cyclomatic, mut cognitive) = (1, 0);
    for (span, counts, nested) in branches {
        if boundaries.iter().any(|boundary| boundary.contains(span) && *boundary != span) {
            continue;
        }
        cyclomatic += u32::from(counts);
        let depth = if nested { nests.iter().filter(|nest| nest.contains(span) && **nest != span).count() as u32 } else { 0 };
        cognitive += 1 + depth;
    }
    (cyclomatic, cognitive)
}

/// A field's or constant's name and value, for [`crate::model::NamedLiteral`].
pub(super) fn unquoted(literal: &Spanned) -> Option<String> {
    plain_string(&literal.text)
}
