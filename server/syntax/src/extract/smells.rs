//! Matches of `smells.scm`: code that asks for trouble, and literals that have a name.

use super::body;
use super::signature::{span_of, spanned};
use crate::grammar::role;
use crate::language::Language;
use crate::model::{FileModel, NamedLiteral, Smell};
use streaming_iterator::StreamingIterator;
use tree_sitter::{Node, QueryCursor};

/// Runs `smells.scm` over the statements in which one of its words occurs.
pub(super) fn smells(language: &'static Language, root: Node, text: &str, model: &mut FileModel) {
    let grammar = language.grammar();
    let mut statements: Vec<Node> = Vec::new();
    for words in [&grammar.smell_triggers, &grammar.literal_triggers].into_iter().flatten() {
        for hit in words.find_iter(text) {
            if statements.last().is_some_and(|last| last.byte_range().contains(&hit.start())) {
                continue;
            }
            let Some(mut node) = root.descendant_for_byte_range(hit.start(), hit.end()) else { continue };
            if grammar.role(node.kind_id()) & role::COMMENT != 0 {
                continue;
            }
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
            let node_of = |name: &str| {
                hit.captures()
                    .iter()
                    .find(|capture| query.names[capture.index as usize] == name)
                    .map(|capture| capture.node)
            };
            if let Some(value) = node_of("literal.value") {
                let name = node_of("literal.name").map_or(String::new(), |name| spanned(name, text).text);
                let value = spanned(value, text);
                match model.literals.iter_mut().find(|known| known.span == value.span) {
                    Some(known) if known.name.is_empty() => known.name = name,
                    Some(_) => {}
                    None => model.literals.extend(body::unquoted(&value).map(|unquoted| NamedLiteral {
                        name,
                        value: unquoted,
                        span: value.span,
                    })),
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
