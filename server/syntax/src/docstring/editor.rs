//! Changes a docstring in place.
//!
//! Calls are only noted down; [`DocEditor::finish`] makes all of them at once: it cuts the comment into rows, replaces bytes in rows,
//! takes rows out, moves them and puts new ones in, and compares the result with what was there. No edit reaches beyond the comment.

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

use super::shape::Types;
use super::{CommentForm, DocStyle, Docstring, EntryDraft, EntryKind, Layout, canon};
use crate::text::{Span, TextEdit};
use insert::{Group, Inserter, Wish};
use learn::Pupil;
use place::{Places, Spot};
use rows::{Row, Sheet};
use spots::Spots;
use stream::Piece;
use units::{Units, is_child};

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
        let span = self.doc.block.span;
        let Some(old) = self.text.get(span.range()) else { return Vec::new() };
        if self.is_idle() || self.doc.block.lines.is_empty() {
            return Vec::new();
        }
        let style = self.style();
        let sheet = Sheet::new(self.text, &self.doc.block, &self.layout.eol);
        if !sheet.is_closed() {
            return Vec::new();
        }
        let units = Units::new(self.text, self.doc, sheet.content());
        let sequence = units.ordered(self.doc, &self.order);
        let kind_of = |kind| self.kind_after(kind);
        let places =
            Places { text: self.text, doc: self.doc, units: &units, sequence: &sequence, style, kind_of: &kind_of };
        let pupil = Pupil { text: self.text, doc: self.doc, sheet: &sheet, units: &units, layout: &self.layout, style };
        let mut inserter = Inserter { pupil: &pupil, places: &places, groups: Vec::new() };
        let gone_entries = self.gone_entries();
        let mut gone = self.gone_lines(&units, &gone_entries, style);
        let spots = self.spots(style, &units, &pupil, &gone_entries, &mut inserter, &mut gone);
        inserter.entries(&self.wishes);
        for (kind, text) in &self.prose {
            inserter.prose(*kind, text);
        }
        let groups = inserter.groups;
        let rows = self.rows(&sheet, spots);
        let pieces = pieces(&units, &sequence, rows, &gone, groups);
        let new = sheet.assemble(&stream::settle(pieces, &sheet, self.doc));
        diff::edits(old, &new, span.start)
    }

    fn is_idle(&self) -> bool {
        self.renames.is_empty()
            && self.replacements.is_empty()
            && self.dropped_names.is_empty()
            && self.dropped_entries.is_empty()
            && self.dropped_kinds.is_empty()
            && self.wishes.is_empty()
            && self.prose.is_empty()
            && self.order.is_empty()
            && self.name_orders.is_empty()
            && self.types.is_empty()
            && self.defaults.is_empty()
            && self.retitles.is_empty()
    }

    /// The docstring's own style; the caller's, or the form's usual one, where it shows none.
    fn style(&self) -> DocStyle {
        if self.doc.style != DocStyle::Plain {
            return self.doc.style;
        }
        self.style.filter(|style| *style != DocStyle::Plain).unwrap_or(match &self.doc.block.form {
            CommentForm::PythonString { .. } => DocStyle::Google,
            CommentForm::Block { .. } => DocStyle::Jsdoc,
            CommentForm::Lines { marker } if marker.starts_with("///") || marker.starts_with("//!") => {
                DocStyle::Rustdoc
            }
            CommentForm::Lines { .. } => DocStyle::Godoc,
        })
    }

    fn kind_after(&self, kind: EntryKind) -> EntryKind {
        self.retitles.iter().find(|(from, _)| *from == kind).map_or(kind, |(_, to)| *to)
    }

    /// Which entries go away.
    fn gone_entries(&self) -> Vec<bool> {
        let entries = &self.doc.entries;
        let mut gone = vec![false; entries.len()];
        let all_names = |number: usize| {
            let names = entries.get(number).map_or(0, |entry| entry.names.len());
            names > 0 && self.dropped_names.iter().filter(|(entry, _)| *entry == number).count() == names
        };
        for (number, entry) in entries.iter().enumerate() {
            let is_gone =
                self.dropped_entries.contains(&number) || self.dropped_kinds.contains(&entry.kind) || all_names(number);
            if !is_gone {
                continue;
            }
            for (other, slot) in gone.iter_mut().enumerate() {
                *slot = *slot || other == number || is_child(self.doc, number, other);
            }
        }
        gone
    }

    /// Which content lines go away with them.
    fn gone_lines(&self, units: &Units, gone_entries: &[bool], style: DocStyle) -> Vec<bool> {
        let is_gone = |entry: usize| gone_entries.get(entry).copied().unwrap_or(false);
        let mut gone = vec![false; self.doc.block.lines.len()];
        let mut mark = |lines: std::ops::Range<usize>| {
            for slot in gone.get_mut(lines).into_iter().flatten() {
                *slot = true;
            }
        };
        for unit in units.units.iter().filter(|unit| unit.entry.is_some_and(is_gone)) {
            mark(unit.lines.clone());
        }
        for (number, section) in self.doc.sections.iter().enumerate() {
            let mut own =
                self.doc.entries.iter().enumerate().filter(|(_, entry)| entry.section == Some(number)).peekable();
            let had_entries = own.peek().is_some();
            let lost_all = had_entries && own.all(|(entry, _)| is_gone(entry));
            let kind = self.kind_after(section.kind);
            let gets_new = !canon::has_tags(style) && self.wishes.iter().any(|wish| wish.kind == kind);
            let is_dropped = self.dropped_kinds.contains(&section.kind);
            if (is_dropped || (lost_all && !self.has_other_text(number, units))) && !gets_new {
                mark(section.lines.clone());
            }
        }
        gone
    }

    /// Whether a section says anything outside of its entries.
    fn has_other_text(&self, number: usize, units: &Units) -> bool {
        let Some(section) = self.doc.sections.get(number) else { return false };
        let own = |line: usize| units.units.iter().any(|unit| unit.lines.contains(&line) && unit.entry.is_some());
        let filled =
            |line: usize| self.doc.block.lines.get(line).is_some_and(|line| !line.span.of(self.text).trim().is_empty());
        section.lines.clone().any(|line| !section.header.contains(&line) && !own(line) && filled(line))
    }

    /// All replacements inside of lines; those that need lines of their own go to `inserter`, lines that go away to `gone`.
    fn spots(
        &self,
        style: DocStyle,
        units: &Units,
        pupil: &Pupil<'_>,
        gone_entries: &[bool],
        inserter: &mut Inserter<'_>,
        gone: &mut [bool],
    ) -> Vec<(Span, String)> {
        let mut spots = Spots::new(self.text, self.doc, style);
        for number in 0..self.doc.entries.len() {
            let of_entry = self.dropped_names.iter().filter(|(entry, _)| *entry == number);
            let dropped: Vec<usize> = of_entry.map(|(_, name)| *name).collect();
            if !dropped.is_empty() && !gone_entries.get(number).copied().unwrap_or(false) {
                spots.drop_names(number, &dropped);
            }
        }
        for (entry, order) in &self.name_orders {
            let kept = |name: &usize| !self.dropped_names.contains(&(*entry, *name));
            let order: Vec<usize> = order.iter().copied().filter(kept).collect();
            let renamed = |name: usize| {
                let of_name = self.renames.iter().find(|(other, at, _)| (*other, *at) == (*entry, name));
                of_name.map(|(_, _, to)| to.clone())
            };
            spots.reorder_names(*entry, &order, &renamed);
        }
        for (span, to) in &self.replacements {
            spots.words(*span, to);
        }
        for (entry, name, to) in &self.renames {
            spots.rename(*entry, *name, to);
        }
        for (entry, to) in &self.types {
            let Some(kind) = self.doc.entries.get(*entry).map(|entry| entry.kind) else { continue };
            let field = units.type_lines.get(*entry).cloned().flatten();
            if let (None, Some(lines)) = (to, field) {
                for slot in gone.get_mut(lines).into_iter().flatten() {
                    *slot = true;
                }
                continue;
            }
            let as_field =
                canon::is_field(style) && pupil.habit(kind).is_none_or(|habit| habit.shape.types != Types::Inline);
            if !spots.set_type(*entry, to.as_deref(), as_field)
                && let Some(to) = to
            {
                inserter.type_field(*entry, to);
            }
        }
        for (entry, to) in &self.defaults {
            spots.default(*entry, to);
        }
        for (from, to) in &self.retitles {
            spots.retitle(*from, *to);
        }
        spots.sorted()
    }

    /// The rows of all content lines with the replacements made; lines that a replacement swallowed have none.
    fn rows(&self, sheet: &Sheet<'_>, spots: Vec<(Span, String)>) -> Vec<Option<Row>> {
        let lines = &self.doc.block.lines;
        let mut rows: Vec<Option<Row>> = (0..lines.len()).map(|number| Some(sheet.row(number))).collect();
        let mut spots = spots.into_iter().peekable();
        let mut number = 0;
        while let Some(line) = lines.get(number) {
            let first = number;
            let mut body = String::new();
            let mut done = line.span.start;
            let mut is_changed = false;
            while let Some(current) = lines.get(number)
                && let Some((span, to)) = spots.next_if(|(span, _)| span.start <= current.physical.end)
            {
                body.push_str(self.text.get(done..span.start).unwrap_or(""));
                body.push_str(&to);
                done = span.end;
                is_changed = true;
                while lines.get(number).is_some_and(|current| done > current.physical.end) {
                    number += 1;
                }
            }
            if is_changed && let Some(mut row) = rows.get_mut(first).and_then(Option::take) {
                let last = sheet.row(number);
                let end = lines.get(number).map_or(done, |line| line.span.start + last.body.len());
                body.push_str(self.text.get(done..end).unwrap_or(""));
                row.is_kept = number == first && row.body == body;
                row.body = body;
                row.eol = last.eol;
                sheet.guard(&mut row);
                for slot in rows.iter_mut().take(number + 1).skip(first) {
                    *slot = None;
                }
                if let Some(slot) = rows.get_mut(first) {
                    *slot = Some(row);
                }
            }
            number += 1;
        }
        rows
    }
}

/// Rows, gaps and gone places in their new order.
fn pieces(
    units: &Units,
    sequence: &[usize],
    mut rows: Vec<Option<Row>>,
    gone: &[bool],
    groups: Vec<Group>,
) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut groups: Vec<Option<Group>> = groups.into_iter().map(Some).collect();
    let mut put = |pieces: &mut Vec<Piece>, spot: Spot| {
        for slot in &mut groups {
            if let Some(group) = slot.take_if(|group| group.spot == spot) {
                pieces.push(Piece::Gap(group.above));
                pieces.extend(group.rows.into_iter().map(Piece::Row));
                pieces.push(Piece::Gap(group.below));
            }
        }
    };
    for &unit in sequence {
        put(&mut pieces, Spot::Before(unit));
        for line in units.units.get(unit).map_or(0..0, |unit| unit.lines.clone()) {
            if gone.get(line).copied().unwrap_or(false) {
                if !matches!(pieces.last(), Some(Piece::Gone)) {
                    pieces.push(Piece::Gone);
                }
            } else if let Some(row) = rows.get_mut(line).and_then(Option::take) {
                pieces.push(Piece::Row(row));
            }
        }
        put(&mut pieces, Spot::After(unit));
    }
    put(&mut pieces, Spot::End);
    pieces
}
