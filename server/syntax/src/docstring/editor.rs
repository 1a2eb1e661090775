//! Changes a docstring in place.
//!
//! Calls are only noted down; [`DocEditor::finish`] makes all of them at once: it cuts the comment into rows, replaces bytes in rows,
//! takes rows out, moves them and puts new ones in, and compares the result with what was there. No edit reaches beyond the comment.

mod apply;
mod diff;
mod insert;
#[cfg(test)]
mod laws;
mod learn;
mod place;
mod rows;
mod spots;
mod stream;
#[cfg(test)]
mod tests;
mod units;

use super::{DocStyle, Docstring, EntryDraft, EntryKind, Layout};
use crate::text::{Span, TextEdit};
use insert::Wish;

/// Collects changes to one docstring and turns them into the smallest edits that make them.
///
/// All indices are those of the docstring given to [`DocEditor::new`], whatever has been changed since; changes compose in any order.
/// Lines that no change concerns keep every byte. Something to change that is not there is left alone.
pub struct DocEditor<'a> {
    text: &'a str,
    doc: &'a Docstring,
    layout: Layout,
    style: Option<DocStyle>,
    renames: Vec<(usize, usize, String)>,
    replacements: Vec<(Span, String)>,
    dropped_names: Vec<(usize, usize)>,
    dropped_entries: Vec<usize>,
    dropped_kinds: Vec<EntryKind>,
    wishes: Vec<Wish>,
    prose: Vec<(EntryKind, String)>,
    order: Vec<usize>,
    name_orders: Vec<(usize, Vec<usize>)>,
    types: Vec<(usize, Option<String>)>,
    defaults: Vec<(usize, String)>,
    retitles: Vec<(EntryKind, EntryKind)>,
}

impl<'a> DocEditor<'a> {
    /// Begins with the docstring as it is.
    pub fn new(text: &'a str, doc: &'a Docstring, layout: Layout) -> Self {
        Self {
            text,
            doc,
            layout,
            style: None,
            renames: Vec::new(),
            replacements: Vec::new(),
            dropped_names: Vec::new(),
            dropped_entries: Vec::new(),
            dropped_kinds: Vec::new(),
            wishes: Vec::new(),
            prose: Vec::new(),
            order: Vec::new(),
            name_orders: Vec::new(),
            types: Vec::new(),
            defaults: Vec::new(),
            retitles: Vec::new(),
        }
    }

    /// The style for new sections and tags where the docstring itself shows none.
    pub fn with_style(mut self, style: DocStyle) -> Self {
        self.style = Some(style);
        self
    }

    /// Renames one name of an entry; stars and grouping stay.
    ///
    /// Nested parameters, the field with its type and marked mentions of the name follow.
    pub fn rename(&mut self, entry: usize, name: usize, to: &str) {
        self.renames.retain(|(other, at, _)| (*other, *at) != (entry, name));
        self.renames.push((entry, name, to.to_owned()));
    }

    /// Replaces bytes inside one content line by new words.
    pub fn replace(&mut self, span: Span, to: &str) {
        self.replacements.push((span, to.to_owned()));
    }

    /// Drops one name of a grouped entry; the entry too when it was the last name.
    pub fn remove_name(&mut self, entry: usize, name: usize) {
        let known = self.doc.entries.get(entry).is_some_and(|entry| name < entry.names.len());
        if known && !self.dropped_names.contains(&(entry, name)) {
            self.dropped_names.push((entry, name));
        }
    }

    /// Drops an entry with its lines and what is nested in it; its section too when nothing else is in it.
    pub fn remove_entry(&mut self, entry: usize) {
        self.dropped_entries.push(entry);
    }

    /// Drops all sections and entries of a kind.
    pub fn remove_kind(&mut self, kind: EntryKind) {
        self.dropped_kinds.push(kind);
    }

    /// Adds an entry of `kind`: behind the entry `after` if given, else first of its kind (`after == None`), in a section that is made where there is none.
    /// Several inserts behind the same entry keep the order of the calls.
    pub fn insert(&mut self, kind: EntryKind, after: Option<usize>, draft: &EntryDraft) {
        if after.is_none_or(|entry| entry < self.doc.entries.len()) {
            self.wishes.push(Wish { kind, after, draft: draft.clone() });
        }
    }

    /// Adds a titled section of prose (`# Panics`, `# Safety`, `# Errors`), or the style's tag for it.
    pub fn add_section(&mut self, kind: EntryKind, text: &str) {
        self.prose.push((kind, text.to_owned()));
    }

    /// Puts the entries listed into the order listed; places of other lines stay. Nested entries that are not listed stay with theirs.
    pub fn reorder(&mut self, order: &[usize]) {
        self.order = order.to_vec();
    }

    /// Puts the names of a grouped entry (`x, y : int`) into the order listed, by their places in the group.
    pub fn reorder_names(&mut self, entry: usize, order: &[usize]) {
        self.name_orders.retain(|(other, _)| *other != entry);
        self.name_orders.push((entry, order.to_vec()));
    }

    /// Sets or takes away the type of an entry.
    pub fn set_type(&mut self, entry: usize, to: Option<&str>) {
        self.types.retain(|(other, _)| *other != entry);
        self.types.push((entry, to.map(str::to_owned)));
    }

    /// Sets the default that an entry states, in the words in which it stood.
    pub fn set_default(&mut self, entry: usize, to: &str) {
        self.defaults.retain(|(other, _)| *other != entry);
        self.defaults.push((entry, to.to_owned()));
    }

    /// Turns sections and tags of one kind into another: `Returns:` becomes `Yields:`.
    pub fn retitle(&mut self, from: EntryKind, to: EntryKind) {
        self.retitles.retain(|(other, _)| *other != from);
        self.retitles.push((from, to));
    }

    /// The edits, sorted, none overlapping; empty when nothing changed.
    pub fn finish(self) -> Vec<TextEdit> {
        if self.is_idle() { Vec::new() } else { self.apply() }
    }
}
