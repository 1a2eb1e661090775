//! Between the styles of Python docstrings.

use super::Source;
use crate::docstring::render::{Content, Part, framed};
use crate::docstring::shape::{Body, Item};
use crate::docstring::{DocStyle, Entry, EntryKind, Layout, canon};
use std::ops::Range;

/// The comment in the style `to`.
pub(super) fn convert(source: &Source<'_>, to: DocStyle, layout: &Layout) -> Option<String> {
    let mut parts = if canon::has_tags(source.doc.style) {
        from_fields(source, to, layout)?
    } else {
        from_sections(source, to, layout)?
    };
    if to == DocStyle::Numpy {
        // A NumPy section goes on to the next title, so prose stands before all of them.
        parts.sort_by_key(|part| !matches!(part, Part::Prose(_)));
    }
    let lines = Content { parts }.lay(to, layout)?;
    Some(framed(&lines, layout, source.opens_alone()))
}

fn from_sections(source: &Source<'_>, to: DocStyle, layout: &Layout) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut number = 0;
    for section in &source.doc.sections {
        parts.extend(prose(source, number..section.lines.start));
        number = section.lines.end;
        let own: Vec<&Entry> = source.doc.entries.get(section.entries.clone())?.iter().collect();
        let covered = |line: usize| own.iter().any(|entry| entry.lines.contains(&line));
        let body = section.header.end..section.lines.end;
        if own.is_empty() {
            let lines = source.dedented(trimmed(source, body));
            parts.extend(untold(&section.title, lines, to, layout));
            continue;
        }
        let other_text = body.clone().any(|line| !source.line(line).is_empty() && !covered(line));
        if other_text || own.iter().any(|entry| entry.kind != section.kind) {
            return None;
        }
        let items = items(source, &own, to, layout)?;
        parts.push(Part::Entries(section.kind, retitled(section.kind, &section.title, to), items));
    }
    parts.extend(prose(source, number..source.doc.block.lines.len()));
    Some(parts)
}

fn from_fields(source: &Source<'_>, to: DocStyle, layout: &Layout) -> Option<Vec<Part>> {
    let types = type_lines(source);
    let told = |entry: &&Entry| !matches!(entry.kind, EntryKind::Other | EntryKind::Deprecated | EntryKind::Example);
    let taken = |line: usize| {
        types.iter().any(|lines| lines.contains(&line))
            || source.doc.entries.iter().filter(told).any(|entry| entry.lines.contains(&line))
    };
    // Prose, and fields that no section can hold, keep their lines.
    let mut parts = Vec::new();
    let mut start = 0;
    for line in 0..=source.doc.block.lines.len() {
        if line == source.doc.block.lines.len() || taken(line) {
            parts.extend(prose(source, start..line));
            start = line + 1;
        }
    }
    let mut kinds: Vec<EntryKind> = Vec::new();
    for entry in source.doc.entries.iter().filter(told) {
        if !kinds.contains(&entry.kind) {
            kinds.push(entry.kind);
        }
    }
    kinds.sort_by_key(|kind| canon::rank(to, *kind));
    for kind in kinds {
        let own: Vec<&Entry> = source.doc.entries.iter().filter(|entry| entry.kind == kind).collect();
        parts.push(Part::Entries(kind, None, items(source, &own, to, layout)?));
    }
    Some(parts)
}

fn items(source: &Source<'_>, entries: &[&Entry], to: DocStyle, layout: &Layout) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    for entry in entries {
        let item = source.item(entry, &layout.indent_unit)?;
        let is_thrown = matches!(entry.kind, EntryKind::Raise | EntryKind::Warn);
        if entry.names.len() > 1 && canon::is_field(to) && !is_thrown {
            // A field names one thing.
            items.extend(item.name.split(", ").map(|name| Item { name: name.to_owned(), ..item.clone() }));
            continue;
        }
        if !entry.names.is_empty() && is_result(entry.kind) && canon::is_field(to) {
            items.push(unnamed(item, entries.len())?);
            continue;
        }
        items.push(item);
    }
    Some(items)
}

fn is_result(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Return | EntryKind::Yield)
}

/// A field has no name for its result, so the name goes into the text, marked as Sphinx itself marks it. One field holds one result.
fn unnamed(item: Item, count: usize) -> Option<Item> {
    let Body::Lines(mut lines) = item.body else { return None };
    let first = lines.first_mut().filter(|_| count == 1)?;
    *first = format!("**{}** -- {first}", item.name);
    Some(Item { name: String::new(), body: Body::Lines(lines), ..item })
}

/// Lines of the fields that hold types.
fn type_lines(source: &Source<'_>) -> Vec<Range<usize>> {
    let lines = &source.doc.block.lines;
    let line_of = |offset: usize| lines.partition_point(|line| line.physical.start <= offset).checked_sub(1);
    let ranges = source.doc.entries.iter().filter_map(|entry| {
        let span = entry.type_text.as_ref()?.span;
        let first = line_of(span.start).filter(|line| !entry.lines.contains(line))?;
        Some(first..line_of(span.end)? + 1)
    });
    ranges.collect()
}

fn trimmed(source: &Source<'_>, lines: Range<usize>) -> Range<usize> {
    let filled = |line: &usize| !source.line(*line).is_empty();
    let start = lines.clone().find(filled).unwrap_or(lines.end);
    let end = lines.clone().rev().find(filled).map_or(start, |last| last + 1);
    start..end.max(start)
}

/// The lines between as prose, if there are any words.
fn prose(source: &Source<'_>, lines: Range<usize>) -> Option<Part> {
    let lines = trimmed(source, lines);
    let text: Vec<String> = lines.map(|line| source.line(line).to_owned()).collect();
    (!text.is_empty()).then_some(Part::Prose(text))
}

/// The title of a section of entries, where it is not the usual one.
fn retitled(kind: EntryKind, title: &str, to: DocStyle) -> Option<String> {
    let lower = title.to_lowercase();
    if kind != EntryKind::Param || !(lower.contains("other") || lower.contains("keyword")) {
        return None;
    }
    let is_keyword = lower.contains("keyword") && to == DocStyle::Google;
    Some(if is_keyword { "Keyword Args" } else { "Other Parameters" }.to_owned())
}

/// A titled part without entries.
fn untold(title: &str, lines: Vec<String>, to: DocStyle, layout: &Layout) -> Option<Part> {
    let lower = title.to_lowercase();
    if !canon::is_field(to) {
        let title = match (to, lower.as_str()) {
            (DocStyle::Numpy, "note" | "warning" | "example" | "reference") => format!("{title}s"),
            _ => title.to_owned(),
        };
        return Some(Part::Section(title, lines));
    }
    let directive = match lower.as_str() {
        "note" | "notes" => Some("note"),
        "warning" | "warnings" => Some("warning"),
        "see also" => Some("seealso"),
        "tip" | "hint" | "important" | "caution" | "danger" | "attention" | "error" => Some(lower.as_str()),
        "todo" | "todos" => Some("todo"),
        _ => None,
    };
    let mut text = Vec::new();
    match directive {
        Some(name) => {
            text.extend([format!(".. {name}::"), String::new()]);
            let unit = &layout.indent_unit;
            text.extend(lines.iter().map(|line| if line.is_empty() { String::new() } else { format!("{unit}{line}") }));
        }
        None => {
            text.extend([format!(".. rubric:: {title}"), String::new()]);
            text.extend(lines);
        }
    }
    Some(Part::Prose(text))
}
