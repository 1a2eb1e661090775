//! Whether two texts are the same code: tokens and tree compared without comments and documentation strings.

use super::{Parsed, parse_incremental};
use crate::grammar::{Grammar, role};
use crate::language::{DocFacts, Language};
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};
use tree_sitter::{Node, TreeCursor};

/// A fingerprint of the code of a text.
///
/// Two texts with equal fingerprints have the same tokens in the same order and the same tree, comments and documentation strings left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeFingerprint {
    /// Hash of the kinds and texts of all leaves.
    pub tokens: u64,
    /// Hash of the tree's shape.
    pub shape: u64,
    /// Number of nodes that do not parse.
    pub errors: usize,
}

/// Takes the fingerprint of `text`.
pub fn code_fingerprint(language: &'static Language, text: &str) -> CodeFingerprint {
    match parse_incremental(language, text, None, &|| false) {
        Some(parsed) => fingerprint_from(&parsed, text),
        None => CodeFingerprint { tokens: 0, shape: 0, errors: usize::MAX },
    }
}

/// The fingerprint of a parsed text; `text` is the text that was parsed.
pub fn fingerprint_from(parsed: &Parsed, text: &str) -> CodeFingerprint {
    let language = parsed.language;
    let grammar = language.grammar();
    let docs = &language.facts.docs;
    let mut tokens = FxHasher::default();
    let mut shape = FxHasher::default();
    let mut errors = 0;
    let mut cursor = parsed.tree.walk();
    loop {
        let node = cursor.node();
        errors += usize::from(node.is_error() || node.is_missing());
        let skipped = is_documentation(&cursor, grammar, docs, text);
        if !skipped {
            node.kind_id().hash(&mut shape);
            if node.child_count() == 0 {
                node.kind_id().hash(&mut tokens);
                text.get(node.byte_range()).unwrap_or("").trim_end_matches(['\r', '\n']).hash(&mut tokens);
            }
            if cursor.goto_first_child() {
                1u8.hash(&mut shape);
                continue;
            }
        }
        loop {
            if cursor.goto_next_sibling() {
                break;
            }
            if !cursor.goto_parent() {
                return CodeFingerprint { tokens: tokens.finish(), shape: shape.finish(), errors };
            }
            2u8.hash(&mut shape);
        }
    }
}

/// A comment, or a string statement that opens a body.
fn is_documentation(cursor: &TreeCursor, grammar: &Grammar, facts: &DocFacts, text: &str) -> bool {
    let node = cursor.node();
    grammar.role(node.kind_id()) & role::COMMENT != 0
        || facts.placement == "inside" && opens_body(node, grammar, facts, text)
}

fn opens_body(node: Node, grammar: &Grammar, facts: &DocFacts, text: &str) -> bool {
    let is_string = |child: Node| child.kind() == facts.literal;
    if node.kind() != facts.statement || node.child_count() != 1 || !node.child(0).is_some_and(is_string) {
        return false;
    }
    let Some(parent) = node.parent().filter(|parent| facts.bodies.iter().any(|kind| kind == parent.kind())) else {
        return false;
    };
    let is_first = (0..parent.child_count())
        .filter_map(|index| parent.child(index))
        .find(|child| grammar.role(child.kind_id()) & role::COMMENT == 0)
        .is_some_and(|first| first.id() == node.id());
    is_first && text.get(node.byte_range()).is_some_and(|literal| facts.is_documentation_string(literal))
}
