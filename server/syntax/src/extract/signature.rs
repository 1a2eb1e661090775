//! Parameters and generic parameters, by the patterns of `signature.scm`.

use crate::grammar::CompiledQuery;
use crate::language::PatternFacts;
use crate::model::{Param, ParamField, ParamKind, Spanned, TypeParam};
use crate::text::Span;
use streaming_iterator::StreamingIterator;
use tree_sitter::{Node, QueryCursor};

/// Nesting at which a destructured pattern is no longer followed.
const DEEPEST: usize = 20;

/// What a list of parameters holds.
#[derive(Default)]
pub(super) struct Signature {
    pub params: Vec<Param>,
    /// A receiver that the grammar marks as one (`&self`, `this: T`).
    pub receiver: Option<String>,
}

pub(super) fn span_of(node: Node) -> Span {
    Span::new(node.start_byte(), node.end_byte())
}

pub(super) fn spanned(node: Node, text: &str) -> Spanned {
    let span = span_of(node);
    Spanned { text: span.of(text).to_string(), span }
}

/// Reads the parameters below `node`.
pub(super) fn params(
    query: &CompiledQuery,
    facts: &PatternFacts,
    cursor: &mut QueryCursor,
    node: Node,
    text: &str,
) -> Signature {
    let mut signature = Signature::default();
    // Keyed by the start of the parameter: several patterns may each tell a part of it.
    let mut found: Vec<(usize, Param)> = Vec::new();
    let (mut positional_end, mut keyword_begin) = (None, None);
    cursor.set_max_start_depth(Some(0));
    let mut matches = cursor.matches(&query.query, node, text.as_bytes());
    while let Some(hit) = matches.next() {
        let node_of = |name: &str| {
            hit.captures()
                .iter()
                .find(|capture| query.names[capture.index as usize] == name)
                .map(|capture| capture.node.start_byte())
        };
        // One declaration may have several names (`a, b int`): each is a parameter then, known by its name's place.
        let key = node_of("param").or_else(|| node_of("param.each").and_then(|_| node_of("param.name")));
        let Some(key) = key else {
            for capture in hit.captures() {
                match query.names[capture.index as usize].as_str() {
                    "param.positional_end" => positional_end = Some(capture.node.start_byte()),
                    "param.keyword_begin" => keyword_begin = Some(capture.node.start_byte()),
                    "receiver" => signature.receiver = Some(spanned(capture.node, text).text),
                    _ => {}
                }
            }
            continue;
        };
        let index = match found.iter().position(|(at, _)| *at == key) {
            Some(index) => index,
            None => {
                found.push((key, Param::default()));
                found.len() - 1
            }
        };
        let param = &mut found[index].1;
        for capture in hit.captures() {
            tell(param, facts, query.names[capture.index as usize].as_str(), capture.node, text);
        }
    }
    found.sort_by_key(|(start, _)| *start);
    for (start, mut param) in found {
        if param.kind == ParamKind::Normal && positional_end.is_some_and(|end| start < end) {
            param.kind = ParamKind::PositionalOnly;
        }
        if param.kind == ParamKind::Normal && keyword_begin.is_some_and(|begin| start > begin) {
            param.kind = ParamKind::KeywordOnly;
        }
        if param.kind == ParamKind::Rest && keyword_begin.is_none() {
            keyword_begin = Some(start);
        }
        param.optional |= param.default.is_some();
        signature.params.push(param);
    }
    signature
}

fn tell(param: &mut Param, facts: &PatternFacts, capture: &str, node: Node, text: &str) {
    match capture {
        "param" if param.span.is_empty() => param.span = span_of(node),
        "param.name" => {
            param.span = span_of(node);
            param.name = param.span.of(text).to_string();
        }
        "param.type" => param.type_text = Some(annotation(node, text)),
        "param.default" => param.default = Some(spanned(node, text)),
        "param.optional" => param.optional = true,
        "param.rest" => param.kind = ParamKind::Rest,
        "param.keyword_rest" => param.kind = ParamKind::KeywordRest,
        "param.property" => param.is_property = true,
        "param.pattern" => {
            if param.kind == ParamKind::Normal {
                param.kind = ParamKind::Pattern;
            }
            param.span = span_of(node);
            if param.fields.is_empty() {
                pattern_fields(facts, node, "", text, &mut param.fields, 0);
            }
        }
        _ => {}
    }
}

/// The names that a destructured pattern binds, with the keys around them: `{a: {b = 1}}` gives `a.b`.
fn pattern_fields(
    facts: &PatternFacts,
    pattern: Node,
    prefix: &str,
    text: &str,
    fields: &mut Vec<ParamField>,
    depth: usize,
) {
    let is = |kinds: &[String], node: Node| kinds.iter().any(|kind| kind == node.kind());
    if depth > DEEPEST || !is(&facts.objects, pattern) {
        return;
    }
    let mut cursor = pattern.walk();
    for child in pattern.named_children(&mut cursor).filter(|child| !child.is_extra() && !child.is_error()) {
        let (mut key, mut value) = (child, child);
        if is(&facts.pairs, child) {
            let (Some(own_key), Some(own_value)) =
                (child.child_by_field_name("key"), child.child_by_field_name("value"))
            else {
                continue;
            };
            (key, value) = (own_key, own_value);
        }
        let mut default = None;
        if is(&facts.defaults, value) {
            let (Some(left), Some(right)) = (value.child_by_field_name("left"), value.child_by_field_name("right"))
            else {
                continue;
            };
            default = Some(spanned(right, text));
            key = if key.id() == value.id() { left } else { key };
            value = left;
        }
        let is_rest = is(&facts.rests, child);
        if is_rest {
            let Some(inner) = child.named_child(0) else { continue };
            (key, value) = (inner, inner);
        }
        let bare = span_of(key).of(text).trim_matches(['"', '\'']);
        if is(&facts.objects, value) {
            pattern_fields(facts, value, &format!("{prefix}{bare}."), text, fields, depth + 1);
        } else {
            fields.push(ParamField { name: format!("{prefix}{bare}"), span: span_of(key), default, is_rest });
        }
    }
}

/// A type as written, without the colon or arrow in front that some grammars count in.
pub(super) fn annotation(node: Node, text: &str) -> Spanned {
    let mut span = span_of(node);
    let raw = span.of(text);
    let bare = raw.trim_start_matches([':', ' ', '\t', '\n', '\r']).trim_start_matches("->").trim_start();
    span.start = span.end - bare.len();
    Spanned { text: bare.trim_end().to_string(), span }
}

/// Reads the generic parameters below `node` into `found`; a list of bounds that stands apart (`where`) adds to those known.
pub(super) fn type_params(
    query: &CompiledQuery,
    cursor: &mut QueryCursor,
    node: Node,
    text: &str,
    found: &mut Vec<TypeParam>,
) {
    cursor.set_max_start_depth(Some(0));
    let mut matches = cursor.matches(&query.query, node, text.as_bytes());
    while let Some(hit) = matches.next() {
        let mut param = TypeParam::default();
        let mut of = None;
        for capture in hit.captures() {
            match query.names[capture.index as usize].as_str() {
                "type_param" => {
                    param.span = span_of(capture.node);
                    param.name = param.span.of(text).to_string();
                }
                "type_param.of" => of = Some(span_of(capture.node).of(text)),
                "type_param.bound" => param.bound = Some(annotation(capture.node, text).text),
                _ => {}
            }
        }
        if let Some(of) = of {
            if let (Some(known), Some(bound)) = (found.iter_mut().find(|known| known.name == of), param.bound) {
                known.bound = Some(known.bound.take().map_or(bound.clone(), |first| format!("{first} + {bound}")));
            }
            continue;
        }
        match found.iter_mut().find(|known| known.span == param.span) {
            Some(known) => known.bound = known.bound.take().or(param.bound),
            None if !param.name.is_empty() => found.push(param),
            None => {}
        }
    }
    found.sort_by_key(|param| param.span.start);
}
