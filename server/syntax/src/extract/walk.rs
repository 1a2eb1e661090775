//! The walk over a tree that finds definitions, their documentation and their signatures.
//!
//! It looks only into the node kinds that `language.toml` names, and asks the queries only where a definition may stand:
//! that keeps a cold read of a file near the cost of parsing it.

use super::comments;
use super::signature::{self, annotation, span_of, spanned};
use super::{Depth, body};
use crate::docstring::{self, CommentForm, DocStyle, EntryKind};
use crate::grammar::{Grammar, role};
use crate::language::Language;
use crate::model::{DocSlot, FileModel, NamedLiteral, Placement, Smell, Symbol, SymbolFlags, SymbolKind, SyntaxError, Visibility};
use crate::text::{LineIndex, Span};
use std::sync::Arc;
use streaming_iterator::StreamingIterator;
use tree_sitter::{Node, QueryCursor};

/// Nesting at which the walk stops: deeper code is machine-made, and recursion must end somewhere.
const DEEPEST: usize = 300;
/// No more syntax errors than this are told of one file.
const MOST_ERRORS: usize = 50;

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
    }
}

/// Reads the model below `root`.
pub(super) fn model(language: &'static Language, root: Node, text: Arc<str>, depth: Depth) -> FileModel {
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
    };
    walker.inside_doc(0, root);
    walker.symbols[0].doc_slot = walker.module_slot(root);
    walker.children(root, &Context::default(), Pending::default());
    walker.finish(depth);
    model.symbols = walker.symbols;
    model.exports = walker.exports;
    model.syntax_errors = syntax_errors(root);
    smells(language, root, &text, &mut model);
    let kind_at = |offset: usize| root.descendant_for_byte_range(offset, offset + 1);
    let in_comment = |offset: usize| {
        std::iter::successors(kind_at(offset), Node::parent_of).take(3).any(|node| grammar.role(node.kind_id()) & role::COMMENT != 0)
    };
    model.todos = comments::todos(&text, in_comment);
    model.suppressions = comments::suppressions(&text, &model.lines, &model.symbols, |offset| {
        std::iter::successors(kind_at(offset), Node::parent_of)
            .take(4)
            .any(|node| grammar.role(node.kind_id()) & (role::COMMENT | role::DECORATOR) != 0 || node.kind().contains("attribute"))
    });
    model
}

trait ParentOf: Sized {
    fn parent_of(&self) -> Option<Self>;
}

impl ParentOf for Node<'_> {
    fn parent_of(&self) -> Option<Self> {
        self.parent()
    }
}

fn blank(kind: SymbolKind, span: Span) -> Symbol {
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
#[derive(Clone, Default)]
struct Context {
    parent: usize,
    in_body: bool,
    exported: bool,
    /// The outermost wrapper around a definition: first and last byte.
    wrapper: Option<Span>,
    depth: usize,
}

/// Comments and decorators seen right before the next definition.
#[derive(Default)]
struct Pending<'t> {
    comments: Vec<Node<'t>>,
    decorators: Vec<Node<'t>>,
}

struct Walker<'t, 's> {
    language: &'static Language,
    grammar: &'static Grammar,
    text: &'s str,
    cursor: QueryCursor,
    symbols: Vec<Symbol>,
    bodies: Vec<(usize, Node<'t>)>,
    exports: Vec<String>,
}

/// What the patterns of `symbols.scm` tell of one node.
#[derive(Default)]
struct Raw<'t> {
    kind: Option<SymbolKind>,
    name: Option<Node<'t>>,
    params: Option<Node<'t>>,
    body: Option<Node<'t>>,
    return_type: Option<Node<'t>>,
    type_params: Option<Node<'t>>,
    value: Option<Node<'t>>,
    value_type: Option<Node<'t>>,
    visibility: Option<Node<'t>>,
    receiver: Option<Node<'t>>,
    receiver_type: Option<Node<'t>>,
    bases: Vec<Node<'t>>,
    decorators: Vec<Node<'t>>,
    flags: SymbolFlags,
    matched: bool,
}

impl<'t> Walker<'t, '_> {
    fn children(&mut self, node: Node<'t>, context: &Context, mut pending: Pending<'t>) {
        if context.depth > DEEPEST {
            return;
        }
        let mut cursor = node.walk();
        if !cursor.goto_first_child() {
            return;
        }
        let mut previous_row = usize::MAX;
        let mut at_start = context.wrapper.is_none();
        loop {
            let child = cursor.node();
            let kind = self.grammar.role(child.kind_id());
            if kind & role::COMMENT != 0 {
                if child.start_position().row != previous_row {
                    pending.comments.push(child);
                }
            } else if kind & role::DECORATOR != 0 {
                pending.decorators.push(child);
            } else if child.is_named() {
                if std::mem::take(&mut at_start) {
                    self.inner_doc(context.parent, &mut pending, context.in_body);
                }
                self.child(child, kind, context, std::mem::take(&mut pending));
            }
            previous_row = child.end_position().row;
            if !cursor.goto_next_sibling() {
                break;
            }
        }
        if at_start {
            self.inner_doc(context.parent, &mut pending, context.in_body);
        }
    }

    fn child(&mut self, child: Node<'t>, kind: u8, context: &Context, pending: Pending<'t>) {
        let wanted = if context.in_body { role::CODE_ROOT } else { role::ROOT };
        let pending = match kind & wanted {
            0 => pending,
            _ => match self.definition(child, context, pending) {
                None => return,
                Some(pending) => pending,
            },
        };
        if kind & role::ENTER == 0 {
            return;
        }
        let mut inner = Context { depth: context.depth + 1, ..context.clone() };
        if kind & role::WRAPPER != 0 {
            let first = pending.decorators.first().map_or(child.start_byte(), Node::start_byte);
            let outer = context.wrapper.unwrap_or(Span::new(first, child.end_byte()));
            inner.wrapper = Some(outer);
            inner.exported |= kind & role::EXPORT != 0;
            self.children(child, &inner, pending);
        } else {
            inner.wrapper = None;
            inner.exported = false;
            inner.in_body |= kind & role::BODY != 0;
            self.children(child, &inner, Pending::default());
        }
    }

    /// Takes `node` as a definition; gives the pending comments back where no pattern matches.
    fn definition(&mut self, node: Node<'t>, context: &Context, pending: Pending<'t>) -> Option<Pending<'t>> {
        let raw = self.raw(node);
        if raw.matched && raw.kind.is_none() {
            return Some(pending);
        }
        let Some(kind) = raw.kind else { return Some(pending) };
        if kind == SymbolKind::Module {
            self.module(&raw, node, &pending);
            return None;
        }
        let symbol = self.symbol(kind, &raw, node, context, &pending);
        let index = self.symbols.len();
        self.symbols.push(symbol);
        if let Some(body) = raw.body {
            if self.symbols[index].kind.is_callable() {
                self.bodies.push((index, body));
            }
            if self.symbols[index].doc.is_none() {
                self.inside_doc(index, body);
            }
            self.symbols[index].doc_slot = self.slot(node, Some(body), index);
        } else {
            self.symbols[index].doc_slot = self.slot(node, None, index);
        }
        let inner = Context {
            parent: index,
            in_body: context.in_body || self.symbols[index].kind.is_callable(),
            exported: false,
            wrapper: None,
            depth: context.depth + 1,
        };
        self.children(node, &inner, Pending::default());
        None
    }

    fn raw(&mut self, node: Node<'t>) -> Raw<'t> {
        let mut raw = Raw::default();
        let query = &self.grammar.symbols;
        self.cursor.set_max_start_depth(Some(0));
        let mut matches = self.cursor.matches(&query.query, node, self.text.as_bytes());
        while let Some(hit) = matches.next() {
            raw.matched = true;
            for capture in hit.captures() {
                let found = capture.node;
                match query.names[capture.index as usize].as_str() {
                    "name" => raw.name = raw.name.or(Some(found)),
                    "params" => raw.params = raw.params.or(Some(found)),
                    "body" => raw.body = raw.body.or(Some(found)),
                    "return.type" => raw.return_type = raw.return_type.or(Some(found)),
                    "type_params" => raw.type_params = raw.type_params.or(Some(found)),
                    "value" => raw.value = raw.value.or(Some(found)),
                    "value.type" => raw.value_type = raw.value_type.or(Some(found)),
                    "visibility" => raw.visibility = Some(found),
                    "receiver" => raw.receiver = Some(found),
                    "receiver.type" => raw.receiver_type = Some(found),
                    "base" if !raw.bases.contains(&found) => raw.bases.push(found),
                    "decorator" if !raw.decorators.contains(&found) => raw.decorators.push(found),
                    "async" => raw.flags.is_async = true,
                    "generator" => raw.flags.is_generator = true,
                    "static" => raw.flags.is_static = true,
                    "abstract" => raw.flags.is_abstract = true,
                    "override" => raw.flags.is_override = true,
                    "unsafe" => raw.flags.is_unsafe = true,
                    "getter" => raw.flags.is_getter = true,
                    "setter" => raw.flags.is_setter = true,
                    "overload" => raw.flags.is_overload = true,
                    "exported" => raw.flags.is_exported = true,
                    "export" => {
                        let name = span_of(found).of(self.text).trim_matches(['"', '\'', '`']).to_string();
                        if !self.exports.contains(&name) {
                            self.exports.push(name);
                        }
                    }
                    kind => raw.kind = raw.kind.or(symbol_kind(kind)),
                }
            }
        }
        raw
    }

    /// A node that speaks of the file itself: Go's package clause.
    fn module(&mut self, raw: &Raw<'t>, node: Node<'t>, pending: &Pending<'t>) {
        if let Some(name) = raw.name {
            self.symbols[0].name_span = span_of(name);
            self.symbols[0].name = span_of(name).of(self.text).to_string();
        }
        self.symbols[0].signature = span_of(node);
        if let Some((span, form)) = comments::documentation(&pending.comments, node.start_byte(), &self.language.facts.docs, self.text) {
            self.symbols[0].doc = Some(self.parse_doc(span, form));
        }
        self.symbols[0].doc_slot = DocSlot { offset: node.start_byte(), indent: String::new(), placement: Placement::Before, usable: true };
    }

    fn symbol(&mut self, kind: SymbolKind, raw: &Raw<'t>, node: Node<'t>, context: &Context, pending: &Pending<'t>) -> Symbol {
        let text = self.text;
        let facts = &self.language.facts;
        let start = pending.decorators.first().map_or(node.start_byte(), |first| first.start_byte().min(node.start_byte()));
        let outer = context.wrapper.unwrap_or(span_of(node));
        let span = Span::new(outer.start.min(start), outer.end.max(node.end_byte()));
        let mut symbol = blank(kind, span);
        let parent = context.parent;
        symbol.parent = Some(parent);
        symbol.flags = raw.flags;
        symbol.flags.is_exported |= context.exported;
        symbol.flags.is_local = context.in_body;
        if let Some(name) = raw.name {
            symbol.name_span = span_of(name);
            symbol.name = symbol.name_span.of(text).trim_matches(['"', '\'']).to_string();
        } else {
            symbol.name_span = Span::at(node.start_byte());
        }
        let owner = raw.receiver_type.map(|receiver| bare_type(span_of(receiver).of(text)));
        let prefix = owner.as_deref().unwrap_or(self.symbols[parent].path.as_str());
        symbol.path = if prefix.is_empty() { symbol.name.clone() } else { format!("{prefix}.{}", symbol.name) };
        if kind == SymbolKind::Impl {
            symbol.name = bare_type(&symbol.name);
            symbol.path = symbol.name.clone();
        }
        let body_start = raw.body.map_or(node.end_byte(), |body| body.start_byte());
        symbol.signature = Span::new(node.start_byte().min(symbol.name_span.start), body_start);
        symbol.body = raw.body.map(span_of);
        for decorator in pending.decorators.iter().chain(&raw.decorators) {
            symbol.decorators.push(bare_decorator(span_of(*decorator).of(text)));
        }
        symbol.bases = raw.bases.iter().map(|base| span_of(*base).of(text).to_string()).collect();
        symbol.return_type = raw.return_type.map(|node| annotation(node, text));
        symbol.value = raw.value.map(|node| spanned(node, text));
        symbol.value_type = raw.value_type.map(|node| annotation(node, text));
        self.settle_kind(&mut symbol, parent, owner.is_some());
        symbol.flags = self.decorator_flags(&symbol);
        if symbol.flags.is_getter || symbol.flags.is_setter {
            symbol.kind = SymbolKind::Property;
        }
        if let Some(params) = raw.params {
            self.read_params(&mut symbol, params, parent);
        }
        if let Some(receiver) = raw.receiver {
            symbol.receiver = Some(span_of(receiver).of(text).to_string());
        }
        if let Some(node) = raw.type_params {
            symbol.type_params = signature::type_params(&self.grammar.signature, &mut self.cursor, node, text);
        }
        symbol.visibility = self.visibility(&symbol, raw.visibility.map(|node| span_of(node).of(text)), parent);
        symbol.flags.is_stub = raw.body.is_none() && symbol.kind.is_callable() || raw.body.is_some_and(|body| self.is_stub(body));
        symbol.flags.is_test |= facts.names.tests.iter().any(|prefix| symbol.name.starts_with(prefix.as_str()));
        symbol.flags.is_test |= self.symbols[parent].flags.is_test;
        if facts.docs.placement == "before"
            && let Some((span, form)) = comments::documentation(&pending.comments, symbol.span.start, &facts.docs, text)
        {
            symbol.doc = Some(self.parse_doc(span, form));
        }
        symbol
    }

    /// A function of a type is a method; some methods are constructors.
    fn settle_kind(&self, symbol: &mut Symbol, parent: usize, has_owner: bool) {
        let parent = &self.symbols[parent];
        let in_type = has_owner || parent.kind.is_type() || parent.kind == SymbolKind::Impl;
        if symbol.kind == SymbolKind::Function && in_type {
            symbol.kind = SymbolKind::Method;
        }
        if symbol.kind == SymbolKind::Constant && parent.kind.is_type() {
            symbol.kind = SymbolKind::Field;
        }
        if symbol.kind == SymbolKind::Method && self.language.facts.names.constructors.contains(&symbol.name) {
            symbol.kind = SymbolKind::Constructor;
        }
    }

    fn decorator_flags(&self, symbol: &Symbol) -> SymbolFlags {
        let table = &self.language.facts.decorators;
        let mut flags = symbol.flags;
        for decorator in &symbol.decorators {
            let bare = decorator.split(['(', ' ', '=']).next().unwrap_or("");
            let last = bare.rsplit(['.', ':']).next().unwrap_or(bare);
            let says = |words: &Vec<String>| words.iter().any(|word| word == bare || word == last);
            flags.is_static |= says(&table.statics);
            flags.is_class_method |= says(&table.class_methods);
            flags.is_getter |= says(&table.getters);
            flags.is_setter |= says(&table.setters);
            flags.is_overload |= says(&table.overloads);
            flags.is_abstract |= says(&table.abstracts);
            flags.is_override |= says(&table.overrides);
            flags.is_deprecated |= says(&table.deprecated);
            flags.is_test |= says(&table.tests) || decorator.replace(' ', "") == "cfg(test)";
        }
        flags
    }

    fn read_params(&mut self, symbol: &mut Symbol, params: Node<'t>, parent: usize) {
        let read = signature::params(&self.grammar.signature, &mut self.cursor, params, self.text);
        symbol.params = read.params;
        symbol.receiver = read.receiver;
        let is_method = matches!(symbol.kind, SymbolKind::Method | SymbolKind::Constructor | SymbolKind::Property);
        let in_type = self.symbols[parent].kind.is_type();
        if self.language.facts.names.first_is_receiver && is_method && in_type && !symbol.flags.is_static {
            let is_plain = symbol.params.first().is_some_and(|first| {
                matches!(first.kind, crate::model::ParamKind::Normal | crate::model::ParamKind::PositionalOnly)
            });
            if is_plain {
                symbol.receiver = Some(symbol.params.remove(0).name);
            }
        }
        if symbol.receiver.is_none() && self.symbols[parent].kind == SymbolKind::Impl {
            symbol.flags.is_static = true;
        }
    }

    fn visibility(&self, symbol: &Symbol, keyword: Option<&str>, parent: usize) -> Visibility {
        let own = match self.language.facts.names.visibility.as_str() {
            "underscore" => {
                let dunder = symbol.name.starts_with("__") && symbol.name.ends_with("__");
                let hidden = (symbol.name.starts_with('_') || symbol.name.starts_with('#')) && !dunder;
                match keyword {
                    Some("private") => Visibility::Private,
                    Some("protected") => Visibility::Restricted,
                    _ if hidden => Visibility::Private,
                    _ => Visibility::Public,
                }
            }
            "keyword" => match keyword {
                Some("pub") => Visibility::Public,
                Some(_) => Visibility::Restricted,
                None => self.inherited(symbol, parent),
            },
            _ => {
                if symbol.name.chars().next().is_some_and(char::is_uppercase) { Visibility::Public } else { Visibility::Private }
            }
        };
        let around = &self.symbols[parent];
        if matches!(around.kind, SymbolKind::Module | SymbolKind::Impl) { own } else { own.min(around.visibility) }
    }

    /// Members of traits, enums and trait impls are as visible as what holds them.
    fn inherited(&self, symbol: &Symbol, parent: usize) -> Visibility {
        let around = &self.symbols[parent];
        match around.kind {
            SymbolKind::Interface => around.visibility,
            SymbolKind::Enum => around.visibility,
            SymbolKind::Impl if !around.bases.is_empty() => Visibility::Public,
            _ if symbol.kind == SymbolKind::Impl => Visibility::Public,
            _ if symbol.kind == SymbolKind::Macro && symbol.decorators.iter().any(|decorator| decorator == "macro_export") => Visibility::Public,
            SymbolKind::Variant => around.visibility,
            _ => Visibility::Private,
        }
    }

    fn is_stub(&self, body: Node<'t>) -> bool {
        let table = &self.language.facts.body;
        let mut meaningful = (0..body.named_child_count() as u32).filter_map(|index| body.named_child(index)).filter(|child| !child.is_extra());
        let is_text = |node: Node| {
            let text = span_of(node).of(self.text).trim();
            table.stubs.iter().any(|stub| stub == text) || table.stub_throws.iter().any(|throw| text.starts_with(throw.as_str()))
        };
        let is_doc = |node: Node| node.child_count() == 1 && node.child(0).is_some_and(|child| child.kind() == "string");
        let Some(first) = meaningful.next() else { return false };
        let second = if self.language.facts.docs.placement == "inside" && is_doc(first) { meaningful.next() } else { Some(first) };
        match second {
            None => self.language.facts.docs.placement == "inside",
            Some(statement) => is_text(statement) && meaningful.next().is_none(),
        }
    }

    fn parse_doc(&self, span: Span, form: CommentForm) -> docstring::Docstring {
        docstring::parse(self.text, span, form, self.language.doc_style)
    }

    /// The string that opens a body, where documentation stands inside.
    fn inside_doc(&mut self, index: usize, body: Node<'t>) {
        if self.language.facts.docs.placement != "inside" {
            return;
        }
        let query = &self.grammar.docs;
        self.cursor.set_max_start_depth(Some(0));
        let mut matches = self.cursor.matches(&query.query, body, self.text.as_bytes());
        let mut found = None;
        while let Some(hit) = matches.next() {
            for capture in hit.captures() {
                if query.names[capture.index as usize] == "doc" {
                    found = found.or(Some(span_of(capture.node)));
                }
            }
        }
        let Some(span) = found else { return };
        let literal = span.of(self.text);
        let Some(quote_at) = literal.find(['"', '\'']) else { return };
        let prefix = &literal[..quote_at];
        if prefix.contains(['f', 'F', 'b', 'B', 't', 'T']) {
            return;
        }
        let quotes = &literal[quote_at..];
        let quote = [r#"""""#, "'''"].into_iter().find(|triple| quotes.starts_with(triple)).unwrap_or(&quotes[..1]);
        let form = CommentForm::PythonString { prefix: prefix.to_string(), quote: quote.to_string() };
        self.symbols[index].doc = Some(self.parse_doc(span, form));
    }

    fn inner_doc(&mut self, index: usize, pending: &mut Pending<'t>, in_body: bool) {
        if in_body || self.symbols[index].doc.is_some() || self.language.facts.docs.inner.is_empty() {
            return;
        }
        if let Some((span, form)) = comments::inner_documentation(&pending.comments, &self.language.facts.docs, self.text) {
            pending.comments.retain(|comment| comment.start_byte() >= span.end);
            self.symbols[index].doc = Some(self.parse_doc(span, form));
        }
    }

    fn module_slot(&self, root: Node<'t>) -> DocSlot {
        let placement = if self.language.facts.docs.placement == "inside" { Placement::Inside } else { Placement::Before };
        let first = (0..root.named_child_count() as u32).filter_map(|index| root.named_child(index)).find(|child| !child.is_extra());
        let offset = first.map_or(0, |first| first.start_byte());
        DocSlot { offset, indent: String::new(), placement, usable: placement == Placement::Inside && first.is_some() }
    }

    fn slot(&self, node: Node<'t>, body: Option<Node<'t>>, index: usize) -> DocSlot {
        let text = self.text;
        let symbol = &self.symbols[index];
        let line_start = |offset: usize| text[..offset].rfind(['\n', '\r']).map_or(0, |at| at + 1);
        let lead = |offset: usize| text.get(line_start(offset)..offset).unwrap_or("").trim_start_matches('\u{feff}');
        if self.language.facts.docs.placement == "inside" {
            let first = body.and_then(|body| body.named_child(0));
            let Some(first) = first else { return DocSlot { placement: Placement::Inside, ..DocSlot::default() } };
            let offset = first.start_byte();
            let own_line = lead(offset).trim().is_empty() && first.start_position().row > node.start_position().row;
            return DocSlot { offset, indent: lead(offset).to_string(), placement: Placement::Inside, usable: own_line && !node.has_error() };
        }
        let offset = symbol.span.start;
        let usable = lead(offset).trim().is_empty() && !node.has_error();
        DocSlot { offset: offset - lead(offset).len(), indent: lead(offset).to_string(), placement: Placement::Before, usable }
    }

    fn finish(&mut self, depth: Depth) {
        for symbol in &mut self.symbols[1..] {
            symbol.flags.is_exported |= !symbol.name.is_empty() && self.exports.contains(&symbol.name);
        }
        if self.language.facts.names.overloads {
            self.mark_overloads();
        }
        let table = &self.language.facts.body;
        for (index, body) in std::mem::take(&mut self.bodies) {
            if depth == Depth::Documented && !self.wants_facts(index) {
                continue;
            }
            let is_async = self.symbols[index].flags.is_async;
            let facts = body::facts(self.grammar, table, &mut self.cursor, body, self.text, is_async);
            self.symbols[index].flags.is_generator |= !facts.yields.is_empty();
            self.symbols[index].facts = Some(facts);
        }
    }

    fn wants_facts(&self, index: usize) -> bool {
        let symbol = &self.symbols[index];
        let speaks = |symbol: &Symbol| {
            symbol.doc.as_ref().is_some_and(|doc| doc.is_structured() || matches!(doc.style, DocStyle::Rustdoc | DocStyle::Godoc))
        };
        let owner = symbol.parent.map(|parent| &self.symbols[parent]);
        let of_class = owner.is_some_and(|owner| {
            owner.kind.is_type()
                && owner.doc.as_ref().is_some_and(|doc| doc.speaks_of(EntryKind::Attribute) || symbol.kind == SymbolKind::Constructor && doc.is_structured())
        });
        speaks(symbol) || of_class
    }

    /// Same-named neighbours without a body are overloads of each other.
    fn mark_overloads(&mut self) {
        let mut names: rustc_hash::FxHashMap<(Option<usize>, String), usize> = rustc_hash::FxHashMap::default();
        for symbol in self.symbols.iter().filter(|symbol| symbol.kind.is_callable() && symbol.kind != SymbolKind::Property) {
            *names.entry((symbol.parent, symbol.name.clone())).or_default() += 1;
        }
        for symbol in &mut self.symbols {
            let repeated = symbol.kind.is_callable() && names.get(&(symbol.parent, symbol.name.clone())).is_some_and(|count| *count > 1);
            symbol.flags.is_overload |= repeated && symbol.body.is_none();
        }
    }
}

fn symbol_kind(capture: &str) -> Option<SymbolKind> {
    Some(match capture {
        "symbol.module" => SymbolKind::Module,
        "symbol.class" => SymbolKind::Class,
        "symbol.interface" => SymbolKind::Interface,
        "symbol.struct" => SymbolKind::Struct,
        "symbol.enum" => SymbolKind::Enum,
        "symbol.variant" => SymbolKind::Variant,
        "symbol.impl" => SymbolKind::Impl,
        "symbol.namespace" => SymbolKind::Namespace,
        "symbol.function" => SymbolKind::Function,
        "symbol.method" => SymbolKind::Method,
        "symbol.property" => SymbolKind::Property,
        "symbol.field" => SymbolKind::Field,
        "symbol.constant" => SymbolKind::Constant,
        "symbol.type" => SymbolKind::TypeAlias,
        "symbol.macro" => SymbolKind::Macro,
        _ => return None,
    })
}

/// `*Server[T]` and `Server<'a, T>` → `Server`.
fn bare_type(name: &str) -> String {
    let bare = name.trim_start_matches(['*', '&', ' ']);
    bare.split(['<', '[', ' ']).next().unwrap_or(bare).to_string()
}

/// Without `@` or `#[…]`.
fn bare_decorator(source: &str) -> String {
    let bare = source.trim().trim_start_matches('@');
    let bare = bare.strip_prefix("#[").and_then(|rest| rest.strip_suffix(']')).unwrap_or(bare);
    bare.trim().to_string()
}

fn syntax_errors(root: Node) -> Vec<SyntaxError> {
    let mut found = Vec::new();
    let mut open = if root.has_error() { vec![root] } else { Vec::new() };
    while let Some(node) = open.pop() {
        if found.len() >= MOST_ERRORS {
            break;
        }
        if node.is_missing() {
            found.push(SyntaxError { span: Span::at(node.start_byte()), missing: Some(node.kind().to_string()) });
        } else if node.is_error() {
            found.push(SyntaxError { span: span_of(node), missing: None });
        } else {
            let mut cursor = node.walk();
            open.extend(node.children(&mut cursor).filter(Node::has_error));
        }
    }
    found.sort_by_key(|error| (error.span.start, error.span.end));
    found
}

/// Runs `smells.scm` over the statements in which one of its words occurs.
fn smells(language: &'static Language, root: Node, text: &str, model: &mut FileModel) {
    let grammar = language.grammar();
    let mut statements: Vec<Node> = Vec::new();
    for words in [&grammar.smell_triggers, &grammar.literal_triggers].into_iter().flatten() {
        for hit in words.find_iter(text) {
            if statements.last().is_some_and(|last| last.byte_range().contains(&hit.start())) {
                continue;
            }
            let Some(mut node) = root.descendant_for_byte_range(hit.start(), hit.end()) else { continue };
            // Four steps up reach the call or assignment that holds the word; a whole body is never taken.
            for _ in 0..4 {
                match node.parent() {
                    Some(parent) if parent.id() != root.id() && parent.byte_range().len() < 4096 => node = parent,
                    _ => break,
                }
            }
            statements.push(node);
        }
    }
    let query = &grammar.smells;
    let mut cursor = QueryCursor::new();
    for statement in statements {
        let mut matches = cursor.matches(&query.query, statement, text.as_bytes());
        while let Some(hit) = matches.next() {
            let node_of = |name: &str| hit.captures().iter().find(|capture| query.names[capture.index as usize] == name).map(|capture| capture.node);
            if let (Some(name), Some(value)) = (node_of("literal.name"), node_of("literal.value")) {
                let value = spanned(value, text);
                if let Some(unquoted) = body::unquoted(&value)
                    && !model.literals.iter().any(|known| known.span == value.span)
                {
                    model.literals.push(NamedLiteral { name: spanned(name, text).text, value: unquoted, span: value.span });
                }
            }
            for capture in hit.captures() {
                let name = query.names[capture.index as usize].as_str();
                let Some(rule) = name.strip_prefix("smell.") else { continue };
                let note = query
                    .query
                    .property_settings(hit.pattern_index)
                    .iter()
                    .find(|property| &*property.key == "note")
                    .and_then(|property| property.value.as_deref())
                    .unwrap_or("")
                    .to_string();
                let smell = Smell { rule: rule.to_string(), span: span_of(capture.node), note };
                if !model.smells.contains(&smell) {
                    model.smells.push(smell);
                }
            }
        }
    }
    model.smells.sort_by_key(|smell| smell.span.start);
    model.literals.sort_by_key(|literal| literal.span.start);
}
