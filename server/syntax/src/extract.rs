//! From text to a tree to the model: the one place that drives tree-sitter.
//!
//! Pure: the same text gives the same model. Never fails: what does not parse is left out and told as [`crate::model::SyntaxError`].

mod body;
mod boundaries;
mod comments;
mod complexity;
mod definition;
mod documentation;
mod errors;
mod fingerprint;
mod flow;
mod leaves;
mod memory;
mod signature;
mod smells;
mod walk;

pub use fingerprint::{CodeFingerprint, code_fingerprint, fingerprint_from};
pub use leaves::{CodeName, comments_in, names_in};

use crate::language::Language;
use crate::model::FileModel;
use crate::text::Span;
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::Arc;
use tree_sitter::{InputEdit, ParseOptions, Parser, Point, Tree};

/// For which symbols the bodies are read; reading bodies costs most of the time of a cold check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Depth {
    /// Only bodies of symbols whose documentation has sections or tags.
    #[default]
    Documented,
    /// All bodies.
    Full,
}

/// A parsed text. Opaque: above this crate nobody sees the tree.
#[derive(Clone, Debug)]
pub struct Parsed {
    language: &'static Language,
    tree: Tree,
    /// Only for a text that is edited: a text read once has nothing to remember.
    memory: Option<Arc<memory::FactMemory>>,
}

/// A change to a parsed text, in bytes and in rows with byte columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeEdit {
    /// First changed byte.
    pub start_byte: usize,
    /// One past the last byte that went away.
    pub old_end_byte: usize,
    /// One past the last byte that came.
    pub new_end_byte: usize,
    /// Row and byte column of `start_byte`.
    pub start_point: (usize, usize),
    /// Row and byte column of `old_end_byte` before the change.
    pub old_end_point: (usize, usize),
    /// Row and byte column of `new_end_byte` after the change.
    pub new_end_point: (usize, usize),
}

impl TreeEdit {
    /// The change that puts `new` in the place of `span`. Rows are counted as tree-sitter does, by `\n` alone.
    pub fn replacing(text: &str, span: Span, new: &str) -> Self {
        let end_of = |(row, column): (usize, usize), text: &str| match text.rfind('\n') {
            Some(last) => (row + text.matches('\n').count(), text.len() - last - 1),
            None => (row, column + text.len()),
        };
        let start_point = end_of((0, 0), text.get(..span.start).unwrap_or(""));
        Self {
            start_byte: span.start,
            old_end_byte: span.end,
            new_end_byte: span.start + new.len(),
            start_point,
            old_end_point: end_of(start_point, span.of(text)),
            new_end_point: end_of(start_point, new),
        }
    }
}

impl Parsed {
    /// The same tree for a text that is going to be edited: what is read of it from now on is remembered.
    #[must_use]
    pub fn remembering(self) -> Self {
        Self { memory: Some(Arc::default()), ..self }
    }

    /// Whether a part of the text does not parse. Costs nothing, whatever the size of the text.
    pub fn has_errors(&self) -> bool {
        self.tree.root_node().has_error()
    }

    /// Tells the tree of a change, so that the next parse can reuse what lies outside of it.
    pub fn edit(&mut self, edit: &TreeEdit) {
        let point = |(row, column)| Point { row, column };
        self.tree.edit(&InputEdit {
            start_byte: edit.start_byte,
            old_end_byte: edit.old_end_byte,
            new_end_byte: edit.new_end_byte,
            start_position: point(edit.start_point),
            old_end_position: point(edit.old_end_point),
            new_end_position: point(edit.new_end_point),
        });
    }

    /// The rows and columns of all nodes, for tests that compare trees.
    #[cfg(test)]
    fn points(&self) -> Vec<(Point, Point, u16)> {
        let mut cursor = self.tree.walk();
        let mut points = Vec::new();
        loop {
            let node = cursor.node();
            points.push((node.start_position(), node.end_position(), node.kind_id()));
            if cursor.goto_first_child() {
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return points;
                }
            }
        }
    }

    /// The tree as an S-expression, for tests that compare trees.
    pub fn outline(&self) -> String {
        self.tree.root_node().to_sexp()
    }
}

thread_local! {
    /// One parser a thread and language: making one costs more than parsing a small file.
    static PARSERS: RefCell<rustc_hash::FxHashMap<&'static str, Parser>> = RefCell::default();
}

/// Parses `text`, reusing `old` (already told of the edits) where there is one. `None` when `cancelled` said so.
pub fn parse_incremental(
    language: &'static Language,
    text: &str,
    old: Option<&Parsed>,
    cancelled: &dyn Fn() -> bool,
) -> Option<Parsed> {
    let grammar = language.grammar();
    PARSERS.with_borrow_mut(|parsers| {
        let parser = parsers.entry(language.id).or_insert_with(|| {
            let mut parser = Parser::new();
            // Fails only for a grammar of another ABI, which the tests of `language.rs` exclude; parsing then yields no tree.
            parser.set_language(&grammar.language).ok();
            parser
        });
        let mut progress =
            |_: &tree_sitter::ParseState| if cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let options = ParseOptions::new().progress_callback(&mut progress);
        let bytes = text.as_bytes();
        let mut read = |offset: usize, _: Point| bytes.get(offset..).unwrap_or(&[]);
        let old_tree = old.filter(|old| old.language.id == language.id).map(|old| &old.tree);
        let tree = parser.parse_with_options(&mut read, old_tree, Some(options));
        if tree.is_none() {
            parser.reset();
        }
        tree.map(|tree| Parsed { language, tree, memory: old.map(|old| old.memory.clone().unwrap_or_default()) })
    })
}

/// The model of a parsed text; `text` is the text that was parsed.
pub fn model_from(parsed: &Parsed, text: Arc<str>, depth: Depth) -> FileModel {
    let mut recall = parsed.memory.as_ref().map(|memory| memory.recall());
    let model = walk::model(parsed.language, parsed.tree.root_node(), text, depth, recall.as_mut());
    if let (Some(memory), Some(recall)) = (&parsed.memory, recall) {
        memory.keep(recall);
    }
    model
}

/// Parses `text` afresh and reads its model.
pub fn model(language: &'static Language, text: Arc<str>, depth: Depth) -> FileModel {
    match parse_incremental(language, &text, None, &|| false) {
        Some(parsed) => model_from(&parsed, text, depth),
        None => walk::empty(language, text),
    }
}
