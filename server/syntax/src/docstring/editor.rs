//! Changes a docstring in place.

use super::{Docstring, EntryDraft, EntryKind, Layout};
use crate::text::{Span, TextEdit};

/// Collects changes to one docstring and turns them into the smallest edits that make them.
///
/// All indices are those of the docstring given to [`DocEditor::new`], whatever has been changed since; changes compose in any order.
/// Lines that no change concerns keep every byte.
pub struct DocEditor<'a> {
    text: &'a str,
    doc: &'a Docstring,
    layout: Layout,
}

impl<'a> DocEditor<'a> {
    /// Begins with the docstring as it is.
    pub fn new(text: &'a str, doc: &'a Docstring, layout: Layout) -> Self {
        Self { text, doc, layout }
    }

    /// Renames one name of an entry; stars and grouping stay.
    pub fn rename(&mut self, _entry: usize, _name: usize, _to: &str) {}

    /// Replaces bytes inside one content line.
    pub fn replace(&mut self, _span: Span, _to: &str) {}

    /// Drops one name of a grouped entry; the entry too when it was the last name.
    pub fn remove_name(&mut self, _entry: usize, _name: usize) {}

    /// Drops an entry with its lines; its section too when nothing else is in it.
    pub fn remove_entry(&mut self, _entry: usize) {}

    /// Drops all sections and entries of a kind.
    pub fn remove_kind(&mut self, _kind: EntryKind) {}

    /// Adds an entry of `kind`: behind the entry `after` if given, else first of its kind (`after == None`), in a section that is made where there is none.
    /// Several inserts behind the same entry keep the order of the calls.
    pub fn insert(&mut self, _kind: EntryKind, _after: Option<usize>, _draft: &EntryDraft) {}

    /// Adds a titled section of prose (`# Panics`, `# Safety`, `# Errors`), or the style's tag for it.
    pub fn add_section(&mut self, _kind: EntryKind, _text: &str) {}

    /// Puts the entries listed into the order listed; places of other lines stay.
    pub fn reorder(&mut self, _order: &[usize]) {}

    /// Sets or takes away the type of an entry.
    pub fn set_type(&mut self, _entry: usize, _to: Option<&str>) {}

    /// Sets the default that an entry states, in the words in which it stood.
    pub fn set_default(&mut self, _entry: usize, _to: &str) {}

    /// Turns sections and tags of one kind into another: `Returns:` becomes `Yields:`.
    pub fn retitle(&mut self, _from: EntryKind, _to: EntryKind) {}

    /// The edits, sorted, none overlapping; empty when nothing changed.
    pub fn finish(self) -> Vec<TextEdit> {
        let _ = (self.text, self.doc, self.layout);
        Vec::new()
    }
}
