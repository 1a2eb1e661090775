//! Which lines belong to which entry, and the order of entries.
//!
//! The lines of a comment are cut into units that move together: an entry, the field with its type, or a single other line.

use crate::docstring::Docstring;
use std::ops::Range;

/// Lines that stay together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// Its content lines.
    pub lines: Range<usize>,
    /// Whose they are.
    pub entry: Option<usize>,
    /// They hold only the entry's type, in a field that stands apart.
    pub is_type: bool,
}

/// The comment as units.
pub(super) struct Units {
    /// In source order.
    pub units: Vec<Unit>,
    /// For each entry its type field's lines, where that is a field of its own.
    pub type_lines: Vec<Option<Range<usize>>>,
}

impl Units {
    /// Cuts the content lines `content` into units.
    pub fn new(text: &str, doc: &Docstring, content: Range<usize>) -> Self {
        let mut owner: Vec<Option<(usize, bool)>> = vec![None; doc.block.lines.len()];
        let header = |line: usize| doc.sections.iter().any(|section| section.header.contains(&line));
        let type_lines: Vec<Option<Range<usize>>> =
            (0..doc.entries.len()).map(|entry| type_field(text, doc, entry)).collect();
        let mut claim = |lines: Range<usize>, entry: usize, is_type: bool| {
            for line in lines {
                if let Some(slot) = owner.get_mut(line)
                    && (slot.is_none() || (is_type && *slot == Some((entry, false))))
                    && !header(line)
                    && content.contains(&line)
                {
                    *slot = Some((entry, is_type));
                }
            }
        };
        for (number, entry) in doc.entries.iter().enumerate() {
            claim(entry.lines.clone(), number, false);
        }
        for (number, lines) in type_lines.iter().enumerate() {
            if let Some(lines) = lines {
                claim(lines.clone(), number, true);
            }
        }
        let mut units: Vec<Unit> = Vec::new();
        for line in content {
            let (entry, is_type) = match owner.get(line).copied().flatten() {
                Some((entry, is_type)) => (Some(entry), is_type),
                None => (None, false),
            };
            match units.last_mut() {
                // A type field beside its entry is part of it.
                Some(last) if entry.is_some() && last.entry == entry => {
                    last.lines.end = line + 1;
                    last.is_type = last.is_type && is_type;
                }
                _ => units.push(Unit { lines: line..line + 1, entry, is_type }),
            }
        }
        Self { units, type_lines }
    }

    /// Indices of all units in the order in which they are to be written: the entries of `order` change places among themselves.
    pub fn ordered(&self, doc: &Docstring, order: &[usize]) -> Vec<usize> {
        let mut wanted: Vec<usize> = Vec::new();
        for &entry in order {
            if !wanted.contains(&entry) && self.units.iter().any(|unit| unit.entry == Some(entry) && !unit.is_type) {
                wanted.push(entry);
            }
        }
        let mut sequence: Vec<usize> = (0..self.units.len()).collect();
        let mains = wanted.iter().filter_map(|&entry| self.chunk(doc, entry, &wanted)).collect();
        permute(&mut sequence, mains);
        let types = wanted
            .iter()
            .filter_map(|&entry| self.units.iter().position(|unit| unit.entry == Some(entry) && unit.is_type))
            .map(|at| at..at + 1)
            .collect();
        permute(&mut sequence, types);
        sequence
    }

    /// The units that move with an entry: its own, and those of nested parameters (`opts.x`) that nobody moves by name.
    fn chunk(&self, doc: &Docstring, entry: usize, listed: &[usize]) -> Option<Range<usize>> {
        let start = self.units.iter().position(|unit| unit.entry == Some(entry) && !unit.is_type)?;
        let mut end = start + 1;
        for (at, unit) in self.units.iter().enumerate().skip(start + 1) {
            match unit.entry {
                Some(other) if other != entry && is_child(doc, entry, other) && !listed.contains(&other) => {
                    end = at + 1
                }
                Some(other) if other != entry => break,
                _ => {}
            }
        }
        Some(start..end)
    }
}

/// Puts runs of units, given in the order wanted, into the places that they have in the sequence.
fn permute(sequence: &mut Vec<usize>, wanted: Vec<Range<usize>>) {
    let mut slots = wanted.clone();
    slots.sort_by_key(|slot| slot.start);
    if slots.windows(2).any(|pair| matches!(pair, [a, b] if a.end > b.start)) {
        return;
    }
    let mut result = Vec::with_capacity(sequence.len());
    let mut turn = wanted.into_iter();
    for &unit in sequence.iter() {
        match slots.iter().find(|slot| slot.contains(&unit)) {
            Some(slot) if slot.start == unit => result.extend(turn.next().unwrap_or_default()),
            Some(_) => {}
            None => result.push(unit),
        }
    }
    *sequence = result;
}

/// Whether `other` documents a part of what `entry` documents: `opts.x` of `opts`.
pub(super) fn is_child(doc: &Docstring, entry: usize, other: usize) -> bool {
    let (Some(parent), Some(child)) = (doc.entries.get(entry), doc.entries.get(other)) else { return false };
    let [name] = parent.names.as_slice() else { return false };
    parent.kind == child.kind && child.names.first().is_some_and(|inner| below(&inner.name, &name.name).is_some())
}

/// What of `name` follows `root`, if it is a part of it: `.x` of `opts.x`, `[].x` of `list[].x`.
pub(super) fn below<'a>(name: &'a str, root: &str) -> Option<&'a str> {
    if root.is_empty() {
        return None;
    }
    name.strip_prefix(root).filter(|rest| rest.starts_with('.') || rest.starts_with("[]"))
}

/// The number of the content line that holds a byte.
pub(super) fn line_of(doc: &Docstring, offset: usize) -> Option<usize> {
    let at = doc.block.lines.partition_point(|line| line.physical.start <= offset);
    at.checked_sub(1)
}

/// The tag or field that a content line begins with: the bytes of its word.
pub(super) fn tag_word(text: &str, doc: &Docstring, line: usize) -> Option<crate::text::Span> {
    let span = doc.block.lines.get(line)?.span;
    let content = span.of(text);
    let inner = content.trim_start();
    let word = inner.strip_prefix([':', '@'])?;
    let length =
        word.len() - word.trim_start_matches(|character: char| character.is_alphanumeric() || character == '_').len();
    let start = span.start + (content.len() - inner.len()) + 1;
    (length > 0).then(|| crate::text::Span::new(start, start + length))
}

/// Lines of the field that holds nothing but the type of an entry.
fn type_field(text: &str, doc: &Docstring, number: usize) -> Option<Range<usize>> {
    let entry = doc.entries.get(number)?;
    let first = line_of(doc, entry.type_text.as_ref()?.span.start)?;
    let word = tag_word(text, doc, first)?;
    if Some(word) == entry.tag_span || !is_type_word(word.of(text)) {
        return None;
    }
    let indent = |line: usize| {
        let content = doc.block.lines.get(line).map_or("", |line| line.span.of(text));
        content.len() - content.trim_start().len()
    };
    let blank = |line: usize| doc.block.lines.get(line).is_none_or(|line| line.span.is_empty());
    let mut end = first + 1;
    while end < doc.block.lines.len() && !blank(end) && indent(end) > indent(first) {
        end += 1;
    }
    Some(first..end)
}

/// Whether a field of this name holds a type.
pub(super) fn is_type_word(word: &str) -> bool {
    word.ends_with("type")
}
