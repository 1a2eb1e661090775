//! From the captures of `symbols.scm` at one node to a symbol.

use super::comments;
use super::signature::{self, annotation, span_of, spanned};
use super::walk::{Context, Walker, blank};
use crate::grammar::role;
use crate::model::{DocSlot, ParamKind, Placement, Symbol, SymbolFlags, SymbolKind, Visibility};
use crate::text::Span;
use streaming_iterator::StreamingIterator;
use tree_sitter::Node;

/// Stands for the name in the path of what has none.
const NAMELESS: &str = "<anonymous>";

/// Comments and decorators seen right before the next definition.
#[derive(Default)]
pub(super) struct Pending<'t> {
    pub comments: Vec<Node<'t>>,
    pub decorators: Vec<Node<'t>>,
    /// Where the definition begins, if before its own node: `const` of a group's first.
    pub start: Option<usize>,
}

/// A node that names its value.
#[derive(Clone, Copy)]
pub(super) struct Namer<'t> {
    node: Node<'t>,
    pub name: Node<'t>,
    is_member: bool,
}

/// What a namer says: `Thing.prototype.run` is the method `run` of `Thing`.
#[derive(Default)]
struct Named<'t> {
    name: Option<Node<'t>>,
    owner: Option<String>,
    is_method: bool,
    is_exported: bool,
    /// A member of the instance that the function around works on.
    is_of_self: bool,
}

/// What the patterns of `symbols.scm` tell of one node.
#[derive(Default)]
pub(super) struct Raw<'t> {
    pub kind: Option<SymbolKind>,
    pub names: Vec<Node<'t>>,
    pub body: Option<Node<'t>>,
    params: Option<Node<'t>>,
    return_type: Option<Node<'t>>,
    type_params: Vec<Node<'t>>,
    value: Option<Node<'t>>,
    value_type: Option<Node<'t>>,
    visibility: Option<Node<'t>>,
    receiver: Option<Node<'t>>,
    receiver_type: Option<Node<'t>>,
    bases: Vec<Node<'t>>,
    decorators: Vec<Node<'t>>,
    flags: SymbolFlags,
}

impl<'t> Walker<'t, '_> {
    pub(super) fn raw(&mut self, node: Node<'t>) -> Raw<'t> {
        let mut raw = Raw::default();
        let query = &self.grammar.symbols;
        self.cursor.set_max_start_depth(Some(0));
        let mut matches = self.cursor.matches(&query.query, node, self.text.as_bytes());
        while let Some(hit) = matches.next() {
            for capture in hit.captures() {
                let found = capture.node;
                match query.names[capture.index as usize].as_str() {
                    "name" if !raw.names.contains(&found) => raw.names.push(found),
                    "params" => raw.params = raw.params.or(Some(found)),
                    "body" => raw.body = raw.body.or(Some(found)),
                    "return.type" => raw.return_type = raw.return_type.or(Some(found)),
                    "type_params" if !raw.type_params.contains(&found) => raw.type_params.push(found),
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
                    kind => raw.kind = stronger(raw.kind, symbol_kind(kind)),
                }
            }
        }
        raw.names.sort_by_key(Node::start_byte);
        raw.type_params.sort_by_key(Node::start_byte);
        raw.bases.sort_by_key(Node::start_byte);
        raw.decorators.sort_by_key(Node::start_byte);
        raw
    }

    /// What the patterns tell of a definition and of what names it: a method that is the value of a private field is private.
    pub(super) fn raw_with_namer(&mut self, node: Node<'t>, namer: Option<Namer<'t>>) -> Raw<'t> {
        let mut raw = self.raw(node);
        let Some(namer) =
            namer.filter(|namer| raw.kind.is_some() && self.grammar.role(namer.node.kind_id()) & role::ROOT != 0)
        else {
            return raw;
        };
        let around = self.raw(namer.node);
        raw.visibility = raw.visibility.or(around.visibility);
        raw.value_type = raw.value_type.or(around.value_type);
        raw.flags.is_static |= around.flags.is_static;
        raw.flags.is_override |= around.flags.is_override;
        raw.decorators.extend(around.decorators);
        raw
    }

    /// A node that speaks of the file itself, such as a package clause.
    pub(super) fn module(&mut self, raw: &Raw<'t>, node: Node<'t>, pending: &Pending<'t>) {
        if let Some(name) = raw.names.first() {
            self.symbols[0].name_span = span_of(*name);
            self.symbols[0].name = span_of(*name).of(self.text).to_string();
        }
        self.symbols[0].signature = span_of(node);
        if let Some((span, form)) =
            comments::documentation(&pending.comments, node.start_byte(), &self.language.facts.docs, self.text)
        {
            self.symbols[0].doc = Some(self.parse_doc(span, form));
        }
        self.symbols[0].doc_slot =
            DocSlot { offset: node.start_byte(), indent: String::new(), placement: Placement::Before, usable: true };
    }

    /// Whether the comments before `start` document what begins there.
    pub(super) fn documents(&self, pending: &Pending<'t>, start: usize) -> bool {
        !pending.comments.is_empty()
            && comments::documentation(&pending.comments, start, &self.language.facts.docs, self.text).is_some()
    }

    /// Whether the value of a namer is a function or type.
    pub(super) fn names_code(&self, namer: Node<'t>) -> bool {
        let mut cursor = namer.walk();
        namer.named_children(&mut cursor).any(|child| self.grammar.role(child.kind_id()) & role::CODE_ROOT != 0)
    }

    pub(super) fn namer(&self, node: Node<'t>) -> Option<Namer<'t>> {
        let facts = self.language.facts.walk.namers.iter().find(|namer| namer.kind == node.kind())?;
        Some(Namer { node, name: node.child_by_field_name(&facts.name)?, is_member: facts.member })
    }

    fn named(&self, namer: Option<Namer<'t>>, parent: usize) -> Named<'t> {
        let Some(Namer { name, is_member, .. }) = namer else { return Named::default() };
        let facts = &self.language.facts;
        let plain = Named { name: Some(name), is_method: is_member, ..Named::default() };
        let Some(path) = facts.walk.paths.iter().find(|path| path.kind == name.kind()) else { return plain };
        let (Some(owner), Some(last)) = (name.child_by_field_name(&path.owner), name.child_by_field_name(&path.name))
        else {
            return plain;
        };
        let is_export = |text: &str| facts.names.export_objects.iter().any(|known| known == text);
        let owner = span_of(owner).of(self.text);
        let named = Named { name: Some(last), ..Named::default() };
        if is_export(span_of(name).of(self.text)) {
            return Named { is_exported: true, ..Named::default() };
        }
        if is_export(owner) {
            return Named { is_exported: true, ..named };
        }
        if facts.names.selves.iter().any(|word| word == owner) {
            // A method works on the instance of its type, a plain function on its own.
            let around =
                self.symbols[parent].parent.filter(|owner| self.symbols[*owner].kind.is_type()).unwrap_or(parent);
            return Named {
                owner: Some(self.symbols[around].path.clone()),
                is_method: true,
                is_of_self: true,
                ..named
            };
        }
        if let Some(of_type) =
            owner.strip_suffix(facts.names.prototype.as_str()).and_then(|rest| rest.strip_suffix('.'))
        {
            return Named { owner: Some(of_type.to_string()), is_method: true, ..named };
        }
        let is_simple =
            owner.len() < 60 && owner.chars().all(|character| character.is_alphanumeric() || "_$.".contains(character));
        Named { owner: is_simple.then(|| owner.to_string()), ..named }
    }

    pub(super) fn symbol(
        &mut self,
        kind: SymbolKind,
        raw: &Raw<'t>,
        node: Node<'t>,
        context: &Context<'t>,
        pending: &Pending<'t>,
    ) -> Symbol {
        let text = self.text;
        let facts = &self.language.facts;
        let parent = context.parent;
        let decorated = pending.decorators.first().map_or(node.start_byte(), Node::start_byte);
        let start = pending.start.unwrap_or(decorated).min(decorated).min(node.start_byte());
        let outer = context.wrapper.unwrap_or(span_of(node));
        let mut symbol = blank(kind, Span::new(outer.start.min(start), outer.end.max(node.end_byte())));
        let named = self.named(context.namer, parent);
        symbol.parent = Some(parent);
        symbol.flags = raw.flags;
        symbol.flags.is_exported |= context.exported || named.is_exported;
        symbol.flags.is_local = context.in_body && (!named.is_of_self || self.symbols[parent].flags.is_local);
        if let Some(name) = named.name.or_else(|| raw.names.first().copied()) {
            symbol.name_span = span_of(name);
            symbol.name = symbol.name_span.of(text).trim_matches(['"', '\'']).to_string();
        } else {
            symbol.name_span = Span::at(node.start_byte());
        }
        let owner = raw.receiver_type.map(|receiver| bare_type(span_of(receiver).of(text))).or(named.owner);
        let prefix = owner.as_deref().unwrap_or(self.symbols[parent].path.as_str());
        let own = if symbol.name.is_empty() { NAMELESS } else { &symbol.name };
        symbol.path = [prefix, own].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".");
        if kind == SymbolKind::Impl {
            symbol.name = bare_type(&symbol.name);
            symbol.path = symbol.name.clone();
        }
        let decorators_end =
            raw.decorators.iter().map(Node::end_byte).filter(|end| *end <= symbol.name_span.start).max();
        let first =
            decorators_end.map_or(node.start_byte(), |end| end + text[end..].len() - text[end..].trim_start().len());
        let body_start = raw.body.map_or(node.end_byte(), |body| body.start_byte());
        symbol.signature = Span::new(first.min(symbol.name_span.start), body_start);
        symbol.body = raw.body.map(span_of);
        for decorator in pending.decorators.iter().chain(&raw.decorators) {
            symbol.decorators.push(bare_decorator(span_of(*decorator).of(text)));
        }
        symbol.bases = raw.bases.iter().map(|base| span_of(*base).of(text).to_string()).collect();
        symbol.return_type = raw.return_type.map(|node| annotation(node, text));
        let has_value = is_value(kind);
        symbol.value = raw.value.filter(|_| has_value).map(|node| spanned(node, text));
        symbol.value_type = raw.value_type.map(|node| annotation(node, text));
        self.settle_kind(&mut symbol, parent, raw.receiver_type.is_some() || named.is_method);
        symbol.flags = self.decorator_flags(&symbol);
        if symbol.flags.is_getter || symbol.flags.is_setter {
            symbol.kind = SymbolKind::Property;
        }
        if let Some(params) = raw.params {
            self.read_params(&mut symbol, params, parent);
        }
        if let Some(receiver) = raw.receiver {
            let written = span_of(receiver).of(text).trim();
            symbol.receiver =
                Some(written.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(written).to_string());
        }
        for node in &raw.type_params {
            signature::type_params(&self.grammar.signature, &mut self.cursor, *node, text, &mut symbol.type_params);
        }
        symbol.visibility = self.visibility(&symbol, raw.visibility.map(|node| span_of(node).of(text)), parent);
        self.settle_flags(&mut symbol, raw, parent);
        if facts.docs.placement == "before"
            && let Some((span, form)) = comments::documentation(&pending.comments, symbol.span.start, &facts.docs, text)
        {
            symbol.doc = Some(self.parse_doc(span, form));
        }
        symbol.flags.in_documented_group = context.documented_group && symbol.doc.is_none();
        symbol
    }

    /// One declaration may name several fields or constants; each is a symbol, and the comment is the first one's.
    pub(super) fn more_names(&mut self, raw: &Raw<'t>, index: usize) {
        if matches!(self.symbols[index].kind, SymbolKind::Constant | SymbolKind::Field) && raw.names.len() > 1 {
            let first = self.symbols[index].clone();
            for name in &raw.names[1..] {
                let mut symbol = Symbol { doc: None, value: None, name_span: span_of(*name), ..first.clone() };
                symbol.name = symbol.name_span.of(self.text).to_string();
                symbol.path = format!("{}{}", first.path.strip_suffix(first.name.as_str()).unwrap_or(""), symbol.name);
                symbol.flags.in_documented_group |= first.doc.is_some();
                symbol.doc_slot.usable = false;
                let around = &self.symbols[first.parent.unwrap_or(0)];
                symbol.visibility = self
                    .visibility(
                        &symbol,
                        raw.visibility.map(|node| span_of(node).of(self.text)),
                        first.parent.unwrap_or(0),
                    )
                    .min(if around.kind == SymbolKind::Module { Visibility::Public } else { around.visibility });
                self.symbols.push(symbol);
            }
        }
    }

    /// A function of a type is a method; some functions are constructors.
    fn settle_kind(&self, symbol: &mut Symbol, parent: usize, has_owner: bool) {
        let parent = &self.symbols[parent];
        let names = &self.language.facts.names;
        let in_type =
            has_owner || parent.kind.is_type() || matches!(parent.kind, SymbolKind::Impl | SymbolKind::TypeAlias);
        if symbol.kind == SymbolKind::Function && in_type {
            symbol.kind = SymbolKind::Method;
        }
        if symbol.kind == SymbolKind::Constant && in_type {
            symbol.kind = SymbolKind::Field;
        }
        let makes = |prefix: &String| {
            symbol.name.strip_prefix(prefix.as_str()).is_some_and(|rest| !rest.starts_with(char::is_lowercase))
        };
        let is_constructor = match symbol.kind {
            SymbolKind::Method => {
                names.constructors.contains(&symbol.name) && parent.bases.is_empty() | parent.kind.is_type()
            }
            SymbolKind::Function => names.constructor_prefixes.iter().any(makes),
            _ => false,
        };
        if is_constructor {
            symbol.kind = SymbolKind::Constructor;
        }
    }

    fn settle_flags(&self, symbol: &mut Symbol, raw: &Raw<'t>, parent: usize) {
        let around = &self.symbols[parent];
        let is_callable = symbol.kind.is_callable();
        symbol.flags.is_stub = raw.body.is_none() && is_callable && symbol.kind != SymbolKind::Macro
            || raw.body.is_some_and(|body| self.is_stub(body));
        symbol.flags.is_abstract |= around.kind == SymbolKind::Interface && is_callable && raw.body.is_none();
        symbol.flags.is_override |= around.kind == SymbolKind::Impl && !around.bases.is_empty();
        let begins = |prefix: &String| {
            let rest = symbol.name.strip_prefix(prefix.as_str());
            rest.is_some_and(|rest| !prefix.ends_with(char::is_alphanumeric) || !rest.starts_with(char::is_lowercase))
        };
        let is_named_test = self.language.facts.names.tests.iter().any(begins);
        symbol.flags.is_test |= around.flags.is_test || is_callable && is_named_test;
    }

    pub(super) fn decorator_flags(&self, symbol: &Symbol) -> SymbolFlags {
        let table = &self.language.facts.decorators;
        let mut flags = symbol.flags;
        for decorator in &symbol.decorators {
            let bare = decorator.split(['(', ' ', '=']).next().unwrap_or("");
            let last = bare.rsplit(['.', ':']).next().unwrap_or(bare);
            let whole = decorator.replace(' ', "");
            let says = |words: &Vec<String>| words.iter().any(|word| word == bare || word == last || *word == whole);
            flags.is_static |= says(&table.statics);
            flags.is_class_method |= says(&table.class_methods);
            flags.is_getter |= says(&table.getters);
            flags.is_setter |= says(&table.setters);
            flags.is_overload |= says(&table.overloads);
            flags.is_abstract |= says(&table.abstracts);
            flags.is_override |= says(&table.overrides);
            flags.is_deprecated |= says(&table.deprecated);
            flags.is_test |= says(&table.tests);
            // A condition may stand around it: `cfg_attr(docsrs, doc = "…")`.
            let begins = |words: &Vec<String>| {
                words.iter().any(|word| whole.starts_with(word.as_str()) || whole.contains(&format!(",{word}")))
            };
            flags.owes_no_doc |= begins(&table.documents) || begins(&table.hides);
        }
        let hides = |owner: &Symbol| {
            owner.decorators.iter().any(|decorator| {
                let whole = decorator.replace(' ', "");
                table.hides.iter().any(|word| whole.starts_with(word.as_str()))
            })
        };
        if !table.hides.is_empty() {
            let owner = |owner: Option<usize>| owner.and_then(|owner| self.symbols.get(owner));
            let mut owners = std::iter::successors(owner(symbol.parent), |inner| owner(inner.parent));
            flags.owes_no_doc |= owners.any(hides);
        }
        flags
    }

    fn read_params(&mut self, symbol: &mut Symbol, params: Node<'t>, parent: usize) {
        let facts = &self.language.facts;
        let read = signature::params(&self.grammar.signature, &facts.patterns, &mut self.cursor, params, self.text);
        symbol.params = read.params;
        symbol.receiver = read.receiver;
        let is_method = matches!(symbol.kind, SymbolKind::Method | SymbolKind::Constructor | SymbolKind::Property);
        let in_type = self.symbols[parent].kind.is_type();
        if facts.names.first_is_receiver && is_method && in_type && !symbol.flags.is_static {
            let is_plain = symbol
                .params
                .first()
                .is_some_and(|first| matches!(first.kind, ParamKind::Normal | ParamKind::PositionalOnly));
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
                if symbol.name.starts_with(char::is_uppercase) {
                    Visibility::Public
                } else {
                    Visibility::Private
                }
            }
        };
        let around = &self.symbols[parent];
        if matches!(around.kind, SymbolKind::Module | SymbolKind::Impl) { own } else { own.min(around.visibility) }
    }

    /// Members of traits, enums and trait impls are as visible as what holds them.
    fn inherited(&self, symbol: &Symbol, parent: usize) -> Visibility {
        let around = &self.symbols[parent];
        match around.kind {
            SymbolKind::Interface | SymbolKind::Enum | SymbolKind::Variant => around.visibility,
            SymbolKind::Impl if !around.bases.is_empty() => Visibility::Public,
            _ if symbol.kind == SymbolKind::Impl => Visibility::Public,
            _ if symbol.kind == SymbolKind::Macro
                && symbol.decorators.iter().any(|decorator| decorator.starts_with("macro_export")) =>
            {
                Visibility::Public
            }
            _ => Visibility::Private,
        }
    }

    fn is_stub(&self, body: Node<'t>) -> bool {
        let facts = &self.language.facts;
        let table = &facts.body;
        // Some grammars put a list of statements between the braces and the statements.
        let mut body = body;
        while body.named_child_count() == 1
            && let Some(only) = body.named_child(0)
            && table.blocks.iter().any(|kind| kind == only.kind())
        {
            body = only;
        }
        let mut meaningful = (0..body.named_child_count() as u32)
            .filter_map(|index| body.named_child(index))
            .filter(|child| !child.is_extra());
        let is_text = |node: Node| {
            let text = span_of(node).of(self.text).trim().trim_end_matches(';');
            table.stubs.iter().any(|stub| stub == text)
                || table.stub_throws.iter().any(|throw| text.starts_with(throw.as_str()))
        };
        let is_doc = |node: Node| {
            node.child_count() == 1 && node.child(0).is_some_and(|child| child.kind() == facts.docs.literal)
        };
        let is_inside = facts.docs.placement == "inside";
        let first = meaningful.next();
        let statement = if is_inside && first.is_some_and(is_doc) { meaningful.next() } else { first };
        match statement {
            None => first.is_some() || table.empty_is_stub && table.blocks.iter().any(|kind| kind == body.kind()),
            Some(statement) => is_text(statement) && meaningful.next().is_none(),
        }
    }
}

/// A function or type is more than the value that holds it.
fn stronger(known: Option<SymbolKind>, new: Option<SymbolKind>) -> Option<SymbolKind> {
    match (known, new) {
        (Some(known), Some(new)) if is_value(known) && !is_value(new) => Some(new),
        (known, new) => known.or(new),
    }
}

fn is_value(kind: SymbolKind) -> bool {
    matches!(kind, SymbolKind::Constant | SymbolKind::Field | SymbolKind::Variant | SymbolKind::TypeAlias)
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
pub(super) fn bare_decorator(source: &str) -> String {
    let bare = source.trim().trim_start_matches('@');
    let bare = bare
        .strip_prefix("#![")
        .or_else(|| bare.strip_prefix("#["))
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(bare);
    bare.trim().to_string()
}
