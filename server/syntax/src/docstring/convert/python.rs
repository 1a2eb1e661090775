//! Between the styles of Python docstrings.

use super::{Source, results};
use crate::docstring::render::{Content, Part, framed};
use crate::docstring::shape::{Body, Item};
use crate::docstring::{DocStyle, Entry, EntryKind, Layout, canon};
use std::ops::Range;

/// Where directives that stand behind sections go in a style whose sections end only at the next title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directives {
    /// Behind the same section.
    InPlace,
    /// Before all sections, as other prose.
    First,
}

/// The comment in the style `to`.
pub(super) fn convert(source: &Source<'_>, to: DocStyle, layout: &Layout, directives: Directives) -> Option<String> {
    let mut parts = if canon::has_tags(source.doc.style) {
        from_fields(source, to, layout)?
    } else {
        from_sections(source, to, layout)?
    };
    if to == DocStyle::Numpy {
        // A NumPy section goes on to the next title, so prose stands before all of them; only a directive ends its entries.
        let (mut first, mut rest) = (Vec::new(), Vec::new());
        for part in parts {
            let stays = match &part {
                Part::Prose(lines) => {
                    let is_directive = lines.first().is_some_and(|line| line.starts_with(".. "));
                    !rest.is_empty() && is_directive && directives == Directives::InPlace
                }
                _ => true,
            };
            if stays { rest.push(part) } else { first.push(part) }
        }
        first.append(&mut rest);
        parts = first;
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
        let last = body.clone().rev().find(|&line| covered(line)).map_or(body.start, |last| last + 1);
        let tail = trimmed(source, last..body.end);
        // A directive at the column of the titles stands behind the entries; other text would belong to nothing.
        let is_directive = source.line(tail.start).starts_with(".. ");
        let end = if is_directive { last } else { body.end };
        let other_text = (body.start..end).any(|line| !source.line(line).is_empty() && !covered(line));
        if other_text || own.iter().any(|entry| entry.kind != section.kind) {
            return None;
        }
        let items = items(source, &own, to, layout)?;
        parts.push(Part::Entries(section.kind, retitled(section.kind, &section.title, to), items));
        if is_directive {
            parts.extend(prose(source, tail));
        }
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
    let count = source.doc.block.lines.len();
    for line in (0..count).filter(|&line| taken(line)) {
        parts.extend(prose(source, start..line));
        start = line + 1;
    }
    let behind = prose(source, start..count);
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
    parts.extend(behind);
    Some(parts)
}

fn items(source: &Source<'_>, entries: &[&Entry], to: DocStyle, layout: &Layout) -> Option<Vec<Item>> {
    let mut items: Vec<Item> = Vec::new();
    for entry in entries {
        let mut item = source.item(entry, &layout.indent_unit)?;
        let is_thrown = matches!(entry.kind, EntryKind::Raise | EntryKind::Warn);
        if item.optional && (canon::is_field(to) || results::is_result(entry.kind)) {
            // These have no other place for the mark.
            item.type_text = item.type_text.map(|text| format!("{text}, optional"));
            item.optional = false;
        }
        if results::is_result(entry.kind) {
            items.extend(as_results(source, entry, item, to, entries.len())?);
        } else if entry.names.len() > 1 && canon::is_field(to) && !is_thrown {
            // A field names one thing.
            items.extend(item.name.split(", ").map(|name| Item { name: name.to_owned(), ..item.clone() }));
        } else {
            match items.last_mut().filter(|last| to == DocStyle::Numpy && !is_thrown && is_same(source, last, &item)) {
                Some(last) => last.name = format!("{}, {}", last.name, item.name),
                None => items.push(item),
            }
        }
    }
    Some(items)
}

/// Whether two fields say the same, as the fields of a group do.
fn is_same(source: &Source<'_>, last: &Item, item: &Item) -> bool {
    let says = matches!(&item.body, Body::Lines(lines) if lines.iter().any(|line| !line.is_empty()));
    let nameless = Item { name: last.name.clone(), ..item.clone() };
    canon::is_field(source.doc.style) && says && !item.name.is_empty() && !last.name.is_empty() && *last == nameless
}

/// The results of an entry. A field has no name for its result, so the name goes into the text; one field holds one result.
fn as_results(source: &Source<'_>, entry: &Entry, item: Item, to: DocStyle, count: usize) -> Option<Vec<Item>> {
    if !canon::is_field(to) {
        return Some(results::named(source, entry, &item).unwrap_or_else(|| vec![item]));
    }
    if !item.name.is_empty() {
        return if count == 1 { Some(vec![results::with_mark(item)?]) } else { None };
    }
    let named = results::named(source, entry, &item).filter(|named| named.len() == 1 && count == 1);
    match named.and_then(|mut named| named.pop()) {
        Some(named) => Some(vec![results::with_mark(named)?]),
        None => Some(vec![item]),
    }
}

/// Lines of the fields that hold types.
pub(super) fn type_lines(source: &Source<'_>) -> Vec<Range<usize>> {
    let lines = &source.doc.block.lines;
    let line_of = |offset: usize| lines.partition_point(|line| line.physical.start <= offset).checked_sub(1);
    let ranges = source.doc.entries.iter().filter_map(|entry| {
        let Some(span) = entry.type_text.as_ref().map(|mention| mention.span) else {
            // A field that holds only the mark leaves no type behind.
            let [name] = entry.names.as_slice() else { return None };
            let is_mark = |field: &str| {
                let rest = field.trim().strip_prefix([':', '@']).and_then(|field| field.strip_prefix("type "));
                rest.and_then(|rest| rest.split_once(':'))
                    .is_some_and(|(of, mark)| of.trim_start_matches('*') == name.name && mark.trim() == "optional")
            };
            let line = (0..lines.len()).filter(|_| entry.optional).find(|&line| is_mark(source.line(line)))?;
            return Some(line..line + 1);
        };
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
