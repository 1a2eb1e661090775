//! Where new entries, sections and tags go.

use super::units::{Units, below, is_child};
use crate::docstring::{DocStyle, Docstring, EntryKind, canon};

/// A place beside a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// Right before the unit.
    Before(usize),
    /// Right behind the unit.
    After(usize),
    /// At the end.
    End,
}

/// Finds places in one comment.
pub(super) struct Places<'a> {
    pub text: &'a str,
    pub doc: &'a Docstring,
    pub units: &'a Units,
    /// The units in their new order.
    pub sequence: &'a [usize],
    pub style: DocStyle,
    /// What each kind of the old comment is called in the new one.
    pub kind_of: &'a dyn Fn(EntryKind) -> EntryKind,
}

impl Places<'_> {
    /// Behind an entry, its nested ones included, unless `name` is one of those.
    pub fn behind(&self, entry: usize, name: &str) -> Option<Spot> {
        let start = self.sequence.iter().position(|&unit| self.is_main(unit, entry))?;
        let mut last = start;
        let parent = self.doc.entries.get(entry)?.names.last().map_or("", |name| name.name.as_str());
        if below(name, parent).is_none() {
            for (at, &unit) in self.sequence.iter().enumerate().skip(start + 1) {
                match self.units.units.get(unit).and_then(|unit| unit.entry) {
                    Some(other) if is_child(self.doc, entry, other) => last = at,
                    Some(other) if other != entry => break,
                    _ => {}
                }
            }
        }
        self.sequence.get(last).map(|&unit| Spot::After(unit))
    }

    /// Before the first entry of a kind.
    pub fn first_of(&self, kind: EntryKind) -> Option<Spot> {
        let is_one = |&&unit: &&usize| {
            let unit = self.units.units.get(unit);
            let entry = unit.filter(|unit| !unit.is_type).and_then(|unit| self.doc.entries.get(unit.entry?));
            entry.is_some_and(|entry| (self.kind_of)(entry.kind) == kind)
        };
        self.sequence.iter().find(is_one).map(|&unit| Spot::Before(unit))
    }

    /// Behind the last line of the last section of a kind.
    pub fn end_of_section(&self, kind: EntryKind) -> Option<Spot> {
        let section = self.doc.sections.iter().rev().find(|section| (self.kind_of)(section.kind) == kind)?;
        self.at_line(section.lines.end.checked_sub(1)?).map(Spot::After)
    }

    /// Where the style wants a new section or tag of `kind`.
    pub fn canonical(&self, kind: EntryKind) -> Spot {
        let rank = |kind| canon::rank(self.style, (self.kind_of)(kind));
        let Some(own) = canon::rank(self.style, kind) else { return self.end() };
        let parts: Vec<(u8, std::ops::Range<usize>)> = if canon::has_tags(self.style) {
            let entries = self.doc.entries.iter();
            entries.filter_map(|entry| Some((rank(entry.kind)?, entry.lines.clone()))).collect()
        } else {
            let sections = self.doc.sections.iter();
            sections.filter_map(|section| Some((rank(section.kind)?, section.lines.clone()))).collect()
        };
        if let Some((_, lines)) = parts.iter().rev().find(|(rank, _)| *rank <= own) {
            let unit = lines.end.checked_sub(1).and_then(|line| self.at_line(line));
            return unit.map_or(Spot::End, |unit| Spot::After(self.with_type(unit)));
        }
        if let Some((_, lines)) = parts.iter().find(|(rank, _)| *rank > own) {
            return self.at_line(lines.start).map_or(Spot::End, Spot::Before);
        }
        self.end()
    }

    /// Behind the first paragraph.
    pub fn behind_summary(&self) -> Spot {
        let line = if self.doc.summary.is_empty() { None } else { self.doc.summary.end.checked_sub(1) };
        line.and_then(|line| self.at_line(line)).map_or_else(|| self.end(), Spot::After)
    }

    /// Behind the last filled line.
    pub fn end(&self) -> Spot {
        let filled = |unit: &usize| {
            let lines = self.units.units.get(*unit).map_or(0..0, |unit| unit.lines.clone());
            let mut lines = lines.filter_map(|line| self.doc.block.lines.get(line));
            lines.any(|line| !line.span.of(self.text).trim().is_empty())
        };
        self.sequence.iter().rev().copied().find(filled).map_or(Spot::End, Spot::After)
    }

    /// Behind the field with the type of `entry`, or the last one of its kind, where such fields stand apart.
    pub fn behind_type(&self, entry: Option<usize>, kind: EntryKind) -> Option<Spot> {
        let is_type = |unit: &usize, wanted: &dyn Fn(usize) -> bool| {
            self.units.units.get(*unit).is_some_and(|unit| unit.is_type && unit.entry.is_some_and(wanted))
        };
        let of_kind = |other: usize| self.doc.entries.get(other).is_some_and(|other| other.kind == kind);
        let found = self.sequence.iter().find(|unit| is_type(unit, &|other| Some(other) == entry));
        let found = found.or_else(|| self.sequence.iter().rev().find(|unit| is_type(unit, &of_kind)));
        found.map(|&unit| Spot::After(unit))
    }

    fn is_main(&self, unit: usize, entry: usize) -> bool {
        self.units.units.get(unit).is_some_and(|unit| unit.entry == Some(entry) && !unit.is_type)
    }

    fn at_line(&self, line: usize) -> Option<usize> {
        self.units.units.iter().position(|unit| unit.lines.contains(&line))
    }

    /// The unit with the type of the entry, where it directly follows with nothing else between.
    fn with_type(&self, unit: usize) -> usize {
        let entry = self.units.units.get(unit).and_then(|unit| unit.entry);
        let found =
            self.units.units.iter().rposition(|other| other.entry.is_some() && other.entry == entry && other.is_type);
        found.filter(|&found| found > unit).unwrap_or(unit)
    }
}
