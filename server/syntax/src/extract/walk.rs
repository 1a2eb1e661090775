//! The walk over a tree that finds definitions.
//!
//! It looks only into the node kinds that `language.toml` names, and asks the queries only where a definition may stand:
//! that keeps a cold read of a file near the cost of parsing it.

use super::definition::{Namer, Pending};
use super::memory::Recall;
use super::signature::span_of;
use super::{Depth, body, comments, errors, smells};
use crate::docstring::{DocStyle, EntryKind};
use crate::grammar::{Grammar, role};
use crate::language::Language;
use crate::model::{DocSlot, FileModel, Symbol, SymbolFlags, SymbolKind, Visibility};
use crate::text::{LineIndex, Span};
use std::sync::Arc;
use tree_sitter::{Node, QueryCursor, TreeCursor};

/// Nesting at which the walk stops: deeper code is machine-made, and recursion must end somewhere.
const DEEPEST: usize = 300;

/// The model of a text that could not be parsed at all.
pub(super) fn empty(language: &'static Language, text: Arc<str>) -> FileModel {
    let lines = Arc::new(LineIndex::new(&text));
    let module = blank(SymbolKind::Module, Span::new(0, text.len()));
    FileModel {
        language,
        text,
        lines,
        symbols: vec![module],
        syntax_errors: Vec::new(),
        smells: Vec::new(),
        todos: Vec::new(),
        literals: Vec::new(),
        suppressions: Vec::new(),
        exports: Vec::new(),
        code: None,
    }
}

/// Reads the model below `root`.
///
/// `recall` holds what is known of the bodies of the version before.
pub(super) fn model(
    language: &'static Language,
    root: Node,
    text: Arc<str>,
    depth: Depth,
    recall: Option<&mut Recall>,
) -> FileModel {
    let mut model = empty(language, text.clone());
    let grammar = language.grammar();
    let mut walker = Walker {
        language,
        grammar,
        text: &text,
        cursor: QueryCursor::new(),
        symbols: std::mem::take(&mut model.symbols),
        bodies: Vec::new(),
        exports: Vec::new(),
        recall,
    };
    walker.inside_doc(0, root);
    walker.symbols[0].doc_slot = walker.module_slot(root);
    walker.children(&mut root.walk(), &Context::default(), Pending::default());
    walker.finish(depth);
    model.symbols = walker.symbols;
    model.exports = walker.exports;
    model.syntax_errors = errors::syntax_errors(grammar, root, &text);
    smells::smells(language, root, &text, &mut model);
    let is_in = |offset: usize, steps: usize, roles: u16| {
        let innermost = root.descendant_for_byte_range(offset, offset + 1);
        std::iter::successors(innermost, Node::parent).take(steps).any(|node| grammar.role(node.kind_id()) & roles != 0)
    };
    model.todos = comments::todos(&text, |offset| is_in(offset, 3, role::COMMENT));
    let switches = role::COMMENT | role::DECORATOR | role::INNER_DECORATOR;
    model.suppressions =
        comments::suppressions(&text, &model.lines, &model.symbols, |offset| is_in(offset, 4, switches));
    model
}

pub(super) fn blank(kind: SymbolKind, span: Span) -> Symbol {
    Symbol {
        kind,
        name: String::new(),
        path: String::new(),
        parent: None,
        span,
        name_span: Span::at(span.start),
        signature: Span::at(span.start),
        body: None,
        visibility: Visibility::Public,
        flags: SymbolFlags::default(),
        params: Vec::new(),
        type_params: Vec::new(),
        return_type: None,
        decorators: Vec::new(),
        bases: Vec::new(),
        value_type: None,
        value: None,
        receiver: None,
        doc: None,
        doc_slot: DocSlot::default(),
        facts: None,
    }
}

/// Where the walk is.
#[derive(Clone, Copy, Default)]
pub(super) struct Context<'t> {
    pub parent: usize,
    pub in_body: bool,
    pub exported: bool,
    /// The outermost wrapper around a definition: first and last byte.
    pub wrapper: Option<Span>,
    /// What names a function or type that has no name of its own.
    pub namer: Option<Namer<'t>>,
    /// The group that the definition stands in has a comment.
    pub documented_group: bool,
    pub depth: usize,
}

/// Finds the definitions of one file.
pub(super) struct Walker<'t, 's> {
    pub language: &'static Language,
    pub grammar: &'static Grammar,
    pub text: &'s str,
    pub cursor: QueryCursor,
    pub symbols: Vec<Symbol>,
    pub bodies: Vec<(usize, Node<'t>)>,
    pub exports: Vec<String>,
    pub recall: Option<&'s mut Recall>,
}

impl<'t> Walker<'t, '_> {
    /// Walks the children of the node that `cursor` stands on, and comes back to it.
    pub(super) fn children(&mut self, cursor: &mut TreeCursor<'t>, context: &Context<'t>, mut pending: Pending<'t>) {
        if context.depth > DEEPEST || !cursor.goto_first_child() {
            return;
        }
        let mut previous_row = usize::MAX;
        let mut at_start = context.wrapper.is_none() && !context.in_body;
        loop {
            let child = cursor.node();
            let kind = self.grammar.role(child.kind_id());
            if kind & role::COMMENT != 0 {
                // A comment behind other code on its line speaks of that code, unless more code follows it there.
                let row = child.start_position().row;
                if row != previous_row
                    || child.next_sibling().is_some_and(|next| next.start_position().row == child.end_position().row)
                {
                    pending.comments.push(child);
                }
            } else if kind & role::INNER_DECORATOR != 0 {
                self.decorate(context.parent, child);
            } else if kind & role::DECORATOR != 0 {
                pending.decorators.push(child);
            } else if child.is_named() && kind & role::PREAMBLE == 0 {
                if std::mem::take(&mut at_start) {
                    self.opening_doc(context.parent, &mut pending);
                }
                // The name in front of a value, or its type, is not what a comment before the whole speaks of.
                let is_part = context.wrapper.is_some()
                    && (kind & (role::ROOT | role::ENTER) == 0
                        || kind & role::VARIANT != 0
                        || context.namer.is_some_and(|namer| namer.name.id() == child.id()));
                if !is_part {
                    self.child(cursor, child, kind, context, std::mem::take(&mut pending));
                }
            }
            previous_row = child.end_position().row;
            if !cursor.goto_next_sibling() {
                break;
            }
        }
        if at_start {
            self.opening_doc(context.parent, &mut pending);
        }
        cursor.goto_parent();
    }

    fn child(
        &mut self,
        cursor: &mut TreeCursor<'t>,
        child: Node<'t>,
        kind: u16,
        context: &Context<'t>,
        pending: Pending<'t>,
    ) {
        // Variables of a body are its own affair; fields of a type in it are not.
        let skips_values = context.in_body && !self.symbols[context.parent].kind.is_type();
        let mut wanted = if skips_values { role::CODE_ROOT } else { role::ROOT };
        if kind & role::VARIANT != 0 && self.symbols[context.parent].kind != SymbolKind::Enum
            || kind & role::NAMER != 0 && self.names_code(child)
        {
            wanted = role::CODE_ROOT;
        }
        let pending = match kind & wanted {
            0 => pending,
            _ => match self.definition(cursor, child, context, pending) {
                None => return,
                Some(pending) => pending,
            },
        };
        // What does not parse may hold whole definitions: the rest of a file while a line in it is being written.
        if kind & role::ENTER == 0 && !child.is_error() {
            return;
        }
        let mut inner = Context { depth: context.depth + 1, ..*context };
        if kind & role::WRAPPER == 0 {
            inner = Context { wrapper: None, namer: None, exported: false, documented_group: false, ..inner };
            inner.in_body |= kind & role::BODY != 0;
            return self.children(cursor, &inner, Pending::default());
        }
        inner.exported |= kind & role::EXPORT != 0;
        if kind & role::NAMER != 0 {
            inner.namer = self.namer(child);
        }
        let first =
            pending.decorators.first().map_or(child.start_byte(), |first| first.start_byte().min(child.start_byte()));
        let first = pending.start.map_or(first, |start| start.min(first));
        let outer = context.wrapper.unwrap_or(Span::new(first, child.end_byte()));
        if kind & role::GROUP != 0
            && let Some(shares_row) = self.several(child)
        {
            inner.wrapper = None;
            inner.documented_group = self.documents(&pending, outer.start);
            let first = if shares_row { Pending { start: Some(outer.start), ..pending } } else { Pending::default() };
            return self.children(cursor, &inner, first);
        }
        inner.wrapper = Some(outer);
        self.children(cursor, &inner, pending);
    }

    /// Whether a group holds definitions that stand for themselves, and then whether the first is on the line of the group.
    fn several(&self, group: Node<'t>) -> Option<bool> {
        let mut cursor = group.walk();
        let mut count = 0;
        let mut shares_row = true;
        for child in
            group.named_children(&mut cursor).filter(|child| self.grammar.role(child.kind_id()) & role::ROOT != 0)
        {
            if count == 0 {
                shares_row = child.start_position().row == group.start_position().row;
            }
            count += 1;
        }
        (count > 1 || !shares_row).then_some(shares_row)
    }

    /// Takes `node` as a definition; gives the pending comments back where no pattern matches.
    fn definition(
        &mut self,
        cursor: &mut TreeCursor<'t>,
        node: Node<'t>,
        context: &Context<'t>,
        pending: Pending<'t>,
    ) -> Option<Pending<'t>> {
        let is_nameless =
            self.grammar.role(node.kind_id()) & role::BODY != 0 && context.namer.is_none() && !context.exported;
        // A callback is a part of the function around it, unless a comment says what it is for.
        if is_nameless && !self.documents(&pending, node.start_byte()) {
            return Some(pending);
        }
        let raw = self.raw_with_namer(node, context.namer);
        let Some(kind) = raw.kind else { return Some(pending) };
        if kind == SymbolKind::Module {
            self.module(&raw, node, &pending);
            return None;
        }
        let index = self.symbols.len();
        let mut symbol = self.symbol(kind, &raw, node, context, &pending);
        symbol.flags.is_local |= is_nameless;
        self.symbols.push(symbol);
        if let Some(body) = raw.body {
            if self.symbols[index].kind.is_callable() {
                self.bodies.push((index, body));
            }
            if self.symbols[index].doc.is_none() {
                self.inside_doc(index, body);
            }
        }
        self.symbols[index].doc_slot = self.slot(node, raw.body, index);
        self.symbols[index].doc_slot.usable &= !self.symbols[index].flags.owes_no_doc;
        self.more_names(&raw, index);
        let in_body = context.in_body || self.symbols[index].kind.is_callable();
        let inner = Context { parent: index, in_body, depth: context.depth + 1, ..Context::default() };
        self.members(cursor, node, &inner);
        None
    }

    /// Walks what a definition holds, unless it is a function that is known to define nothing.
    fn members(&mut self, cursor: &mut TreeCursor<'t>, node: Node<'t>, inner: &Context<'t>) {
        let source = span_of(node).of(self.text);
        let is_function = self.symbols[inner.parent].kind.is_callable() && !node.has_error();
        if is_function && self.recall.as_mut().is_some_and(|recall| recall.defines_nothing(source)) {
            return;
        }
        let before = self.symbols.len();
        self.children(cursor, inner, Pending::default());
        if is_function
            && self.symbols.len() == before
            && let Some(recall) = self.recall.as_mut()
        {
            recall.note_that_nothing_is_defined(source);
        }
    }

    fn finish(&mut self, depth: Depth) {
        for symbol in &mut self.symbols[1..] {
            symbol.flags.is_exported |=
                symbol.parent == Some(0) && !symbol.name.is_empty() && self.exports.contains(&symbol.name);
        }
        if self.language.facts.names.overloads {
            self.mark_overloads();
            self.excuse_implementations();
        }
        self.hide_members_of_hidden_types();
        let table = &self.language.facts.body;
        for (index, body) in std::mem::take(&mut self.bodies) {
            if depth == Depth::Documented && !self.wants_facts(index) {
                continue;
            }
            let symbol = &self.symbols[index];
            let context =
                body::BodyContext { is_async: symbol.flags.is_async, has_result: symbol.return_type.is_some() };
            let (grammar, cursor, text) = (self.grammar, &mut self.cursor, self.text);
            let mut read = || body::facts(grammar, table, cursor, body, text, context);
            let facts = match self.recall.as_mut().filter(|_| !body.has_error()) {
                Some(recall) => recall.facts(text, span_of(body), context, read),
                None => read(),
            };
            self.symbols[index].flags.is_generator |= !facts.yields.is_empty();
            self.symbols[index].facts = Some(facts);
        }
    }

    fn wants_facts(&self, index: usize) -> bool {
        let symbol = &self.symbols[index];
        // Where a convention has titles only for what is worth one, a comment without any may lack one.
        let has_titles = matches!(self.language.doc_style, DocStyle::Rustdoc | DocStyle::Godoc);
        let speaks = |symbol: &Symbol| symbol.doc.as_ref().is_some_and(|doc| has_titles || doc.is_structured());
        let owner = symbol.parent.map(|parent| &self.symbols[parent]);
        let of_class = owner.is_some_and(|owner| {
            owner.kind.is_type()
                && owner.doc.as_ref().is_some_and(|doc| {
                    doc.speaks_of(EntryKind::Attribute) || symbol.kind == SymbolKind::Constructor && doc.is_structured()
                })
        });
        speaks(symbol) || of_class
    }

    /// Same-named neighbours without a body are overloads of each other.
    fn mark_overloads(&mut self) {
        let mut names: rustc_hash::FxHashMap<(Option<usize>, &str), usize> = rustc_hash::FxHashMap::default();
        for symbol in
            self.symbols.iter().filter(|symbol| symbol.kind.is_callable() && symbol.kind != SymbolKind::Property)
        {
            *names.entry((symbol.parent, &symbol.name)).or_default() += 1;
        }
        let is_repeated = |symbol: &Symbol| {
            symbol.body.is_none() && names.get(&(symbol.parent, symbol.name.as_str())).is_some_and(|count| *count > 1)
        };
        let overloads: Vec<usize> =
            (0..self.symbols.len()).filter(|index| is_repeated(&self.symbols[*index])).collect();
        for index in overloads {
            self.symbols[index].flags.is_overload |= self.symbols[index].kind.is_callable();
        }
    }

    /// Where overloads are documented, readers never see what stands on their implementation.
    fn excuse_implementations(&mut self) {
        let documented: rustc_hash::FxHashSet<(Option<usize>, String)> = self
            .symbols
            .iter()
            .filter(|symbol| symbol.flags.is_overload && symbol.doc.is_some())
            .map(|symbol| (symbol.parent, symbol.name.clone()))
            .collect();
        if documented.is_empty() {
            return;
        }
        for symbol in self.symbols.iter_mut().filter(|symbol| symbol.body.is_some() && symbol.doc.is_none()) {
            if symbol.kind.is_callable() && documented.contains(&(symbol.parent, symbol.name.clone())) {
                symbol.flags.owes_no_doc = true;
                symbol.doc_slot.usable = false;
            }
        }
    }

    /// Members that stand apart from their type (in `impl`, behind a receiver) are no more visible than the type.
    fn hide_members_of_hidden_types(&mut self) {
        let apart = |symbols: &[Symbol], symbol: &Symbol| {
            let parent = symbol.parent?;
            match symbols[parent].kind {
                SymbolKind::Impl => Some((symbols[parent].parent, symbols[parent].name.clone())),
                _ if symbol.receiver.is_some() => Some((symbol.parent, symbol.path.rsplit_once('.')?.0.to_string())),
                _ => None,
            }
        };
        let mut hidden: rustc_hash::FxHashMap<(Option<usize>, String), Visibility> = rustc_hash::FxHashMap::default();
        for symbol in self.symbols.iter().filter(|symbol| symbol.kind.is_type() || symbol.kind == SymbolKind::TypeAlias)
        {
            if symbol.visibility != Visibility::Public {
                hidden.insert((symbol.parent, symbol.name.clone()), symbol.visibility);
            }
        }
        if hidden.is_empty() {
            return;
        }
        for index in 1..self.symbols.len() {
            let symbol = &self.symbols[index];
            if symbol.visibility != Visibility::Private
                && let Some(owner) = apart(&self.symbols, symbol)
                && let Some(around) = hidden.get(&owner)
            {
                self.symbols[index].visibility = symbol.visibility.min(*around);
            }
        }
    }

    fn decorate(&mut self, index: usize, decorator: Node<'t>) {
        let decorator = super::definition::bare_decorator(span_of(decorator).of(self.text));
        self.symbols[index].decorators.push(decorator);
        self.symbols[index].flags = self.decorator_flags(&self.symbols[index]);
    }
}
