//! Makes all changes that an editor has noted down.

use super::insert::{Group, Inserter};
use super::learn::Pupil;
use super::place::{Places, Spot};
use super::rows::{Row, Sheet};
use super::spots::{Spots, is_stray_type};
use super::stream::{self, Piece};
use super::units::{Units, is_child};
use super::{DocEditor, diff};
use crate::docstring::shape::Types;
use crate::docstring::{CommentForm, DocStyle, EntryKind, canon};
use crate::text::{Span, TextEdit};

impl DocEditor<'_> {
    /// The edits from the old comment to the new one.
    pub(super) fn apply(&self) -> Vec<TextEdit> {
        let span = self.doc.block.span;
        let Some(old) = self.text.get(span.range()) else { return Vec::new() };
        if self.doc.block.lines.is_empty() {
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

    /// Whether nothing is to be done.
    pub(super) fn is_idle(&self) -> bool {
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
        self.add_stray_types(&mut gone);
        gone
    }

    /// `:type b:` goes with the last entry that names `b`.
    fn add_stray_types(&self, gone: &mut [bool]) {
        let entries = &self.doc.entries;
        let is_named = |gone: &[bool], name: &str| {
            entries.iter().enumerate().any(|(number, entry)| {
                let is_live = |at: usize| {
                    !gone.get(number).copied().unwrap_or(false) && !self.dropped_names.contains(&(number, at))
                };
                !is_stray_type(entry)
                    && entry.names.iter().enumerate().any(|(at, known)| known.name == name && is_live(at))
            })
        };
        let was_named = |name: &str| {
            is_named(&vec![false; entries.len()], name)
                || self.dropped_names.iter().any(|(number, at)| {
                    entries.get(*number).and_then(|entry| entry.names.get(*at)).is_some_and(|known| known.name == name)
                })
        };
        for (number, entry) in entries.iter().enumerate().filter(|(_, entry)| is_stray_type(entry)) {
            let is_orphan = entry.names.iter().all(|known| was_named(&known.name) && !is_named(gone, &known.name));
            if is_orphan && let Some(slot) = gone.get_mut(number) {
                *slot = true;
            }
        }
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
