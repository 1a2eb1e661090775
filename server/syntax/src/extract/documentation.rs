//! Which comment or string documents what, and where new documentation would go.

use super::comments;
use super::definition::Pending;
use super::signature::span_of;
use super::walk::Walker;
use crate::docstring::{self, CommentForm};
use crate::model::{DocSlot, Placement};
use crate::text::Span;
use streaming_iterator::StreamingIterator;
use tree_sitter::Node;

impl<'t> Walker<'t, '_> {
    pub(super) fn parse_doc(&mut self, span: Span, form: CommentForm) -> docstring::Docstring {
        let (text, style) = (self.text, self.language.doc_style);
        let read = || docstring::parse(text, span, form, style);
        match self.recall.as_mut() {
            Some(recall) => recall.doc(text, span, read),
            None => read(),
        }
    }

    /// The string that opens a body, where documentation stands inside.
    pub(super) fn inside_doc(&mut self, index: usize, body: Node<'t>) {
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
        if !self.language.facts.docs.is_documentation_string(literal) {
            return;
        }
        let quotes = &literal[quote_at..];
        let quote = [r#"""""#, "'''"].into_iter().find(|triple| quotes.starts_with(triple)).unwrap_or(&quotes[..1]);
        let form = CommentForm::PythonString { prefix: prefix.to_string(), quote: quote.to_string() };
        self.symbols[index].doc = Some(self.parse_doc(span, form));
    }

    /// Comments at the start of what encloses them that document it: `//!`, `/** @file … */`, attributes that speak of it.
    pub(super) fn opening_doc(&mut self, index: usize, pending: &mut Pending<'t>) {
        let facts = &self.language.facts.docs;
        if self.symbols[index].doc.is_some() || facts.inner.is_empty() && facts.file_tags.is_empty() {
            return;
        }
        let mut found = comments::inner_documentation(&pending.comments, facts, self.text);
        if index == 0 {
            found = found.or_else(|| comments::file_documentation(&pending.comments, facts, self.text));
        }
        if let Some((span, form)) = found {
            pending.comments.retain(|comment| comment.start_byte() >= span.end);
            self.symbols[index].doc = Some(self.parse_doc(span, form));
        }
    }

    pub(super) fn module_slot(&self, root: Node<'t>) -> DocSlot {
        let placement =
            if self.language.facts.docs.placement == "inside" { Placement::Inside } else { Placement::Before };
        let first = (0..root.named_child_count() as u32)
            .filter_map(|index| root.named_child(index))
            .find(|child| !child.is_extra());
        let offset = first.map_or(0, |first| first.start_byte());
        DocSlot { offset, indent: String::new(), placement, usable: placement == Placement::Inside && first.is_some() }
    }

    pub(super) fn slot(&self, node: Node<'t>, body: Option<Node<'t>>, index: usize) -> DocSlot {
        if self.language.facts.docs.placement == "inside" {
            let first = body.and_then(|body| body.named_child(0));
            let Some(first) = first else { return DocSlot { placement: Placement::Inside, ..DocSlot::default() } };
            let (indent, alone) = self.lead(first.start_byte());
            let own_line = alone && first.start_position().row > node.start_position().row;
            let usable = own_line && !node.has_error();
            return DocSlot { offset: first.start_byte(), indent, placement: Placement::Inside, usable };
        }
        let start = self.symbols[index].span.start;
        let (indent, alone) = self.lead(start);
        DocSlot {
            offset: start - indent.len(),
            indent,
            placement: Placement::Before,
            usable: alone && !node.has_error(),
        }
    }

    /// The white space before a place, and whether nothing else stands before it on its line. Looks no further back than that:
    /// a generated file may be one long line.
    fn lead(&self, offset: usize) -> (String, bool) {
        let before = self.text.get(..offset).unwrap_or("");
        let rest = before.trim_end_matches([' ', '\t', '\u{c}']);
        let alone = rest.is_empty() || rest.ends_with(['\n', '\r', '\u{feff}']);
        let indent = if alone { before.get(rest.len()..).unwrap_or("") } else { "" };
        (indent.to_string(), alone)
    }
}
