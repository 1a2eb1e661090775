//! Parameters and generic parameters, by the patterns of `signature.scm`.

use crate::grammar::CompiledQuery;
use crate::model::{Param, ParamField, ParamKind, Spanned, TypeParam};
use crate::text::Span;
use streaming_iterator::StreamingIterator;
use tree_sitter::{Node, QueryCursor};

/// What a list of parameters holds.
#[derive(Default)]
pub(super) struct Signature {
    pub params: Vec<Param>,
    /// A receiver that the grammar marks as one (`&self`, `this: T`, Go's receiver list).
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
pub(super) fn params(query: &CompiledQuery, cursor: &mut QueryCursor, node: Node, text: &str) -> Signature {
    let mut signature = Signature::default();
    // Keyed by the start of the parameter: several patterns may each tell a part of it.
    let mut found: Vec<(usize, Param)> = Vec::new();
    let (mut positional_end, mut keyword_begin) = (None, None);
    cursor.set_max_start_depth(Some(0));
    let mut matches = cursor.matches(&query.query, node, text.as_bytes());
    while let Some(hit) = matches.next() {
        let mut key = None;
        for capture in hit.captures() {
            let name = query.names[capture.index as usize].as_str();
            if name == "param" {
                key = Some(capture.node.start_byte());
            }
        }
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
        // Go's `a, b int` is one declaration with several names, so the name belongs to the key there.
        let own_name = hit.captures().iter().find(|capture| query.names[capture.index as usize] == "param.name");
        let key = own_name.map_or(key, |capture| capture.node.start_byte().max(key));
        let index = match found.iter().position(|(at, _)| *at == key) {
            Some(index) => index,
            None => {
                found.push((key, Param::default()));
                found.len() - 1
            }
        };
        let param = &mut found[index].1;
        for capture in hit.captures() {
            tell(param, query.names[capture.index as usize].as_str(), capture.node, text);
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
        param.fields.sort_by_key(|field| field.span.start);
        param.fields.dedup_by(|next, first| next.span == first.span);
        signature.params.push(param);
    }
    signature
}

fn tell(param: &mut Param, capture: &str, node: Node, text: &str) {
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
            param.kind = ParamKind::Pattern;
            param.span = span_of(node);
        }
        "param.field" => {
            let span = span_of(node);
            if !param.fields.iter().any(|field| field.span == span) {
                let name = pattern_path(node, text);
                param.fields.push(ParamField { name, span, default: None });
            }
        }
        "param.field.default" => {
            let default = spanned(node, text);
            // The default stands right of its name, so it belongs to the last field before it.
            if let Some(field) = param.fields.iter_mut().rev().find(|field| field.span.end <= default.span.start) {
                field.default = Some(default);
            }
        }
        _ => {}
    }
}

/// The key of a destructured field with the keys around it: `{a: {b}}` gives `a.b`.
fn pattern_path(node: Node, text: &str) -> String {
    let mut name = span_of(node).of(text).to_string();
    let mut current = node;
    while let Some(parent) = current.parent() {
        if parent.kind() == "pair_pattern"
            && let Some(key) = parent.child_by_field_name("key")
            && key.id() != current.id()
            && parent.child_by_field_name("value").is_some_and(|value| value.kind() == "object_pattern")
        {
            name = format!("{}.{name}", span_of(key).of(text));
        }
        if parent.kind().ends_with("parameters") {
            break;
        }
        current = parent;
    }
    name
}

/// A type as written, without the colon or arrow in front that some grammars count in.
pub(super) fn annotation(node: Node, text: &str) -> Spanned {
    let mut span = span_of(node);
    let raw = span.of(text);
    let bare = raw.trim_start_matches([':', ' ', '\t', '\n', '\r']).trim_start_matches("->").trim_start();
    span.start = span.end - bare.len();
    Spanned { text: bare.trim_end().to_string(), span }
}

/// Reads the generic parameters below `node`.
pub(super) fn type_params(query: &CompiledQuery, cursor: &mut QueryCursor, node: Node, text: &str) -> Vec<TypeParam> {
    let mut found: Vec<TypeParam> = Vec::new();
    cursor.set_max_start_depth(Some(0));
    let mut matches = cursor.matches(&query.query, node, text.as_bytes());
    while let Some(hit) = matches.next() {
        let mut param = TypeParam::default();
        for capture in hit.captures() {
            match query.names[capture.index as usize].as_str() {
                "type_param" => {
                    param.span = span_of(capture.node);
                    param.name = param.span.of(text).to_string();
                }
                "type_param.bound" => param.bound = Some(annotation(capture.node, text).text),
                _ => {}
            }
        }
        match found.iter_mut().find(|known| known.span == param.span) {
            Some(known) => known.bound = known.bound.take().or(param.bound),
            None if !param.name.is_empty() => found.push(param),
            None => {}
        }
    }
    found.sort_by_key(|param| param.span.start);
    found
}
