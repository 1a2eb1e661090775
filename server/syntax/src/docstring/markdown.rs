//! rustdoc and godoc: Markdown-like prose with headings.
//!
//! There are no tags; what a section speaks of is told by its heading alone.

use super::code::{Markup, Survey, survey};
use super::flow::{Flow, Lines, Piece, bare_entry, describe};
use super::prose::{mentions, split_type};
use super::scan::{balanced, dotted, run};
use super::{DocBlock, DocStyle, Docstring, Entry, EntryKind, EntryName, Section};
use std::ops::Range;

/// Parses the block.
pub fn parse(text: &str, block: DocBlock, hint: DocStyle) -> Docstring {
    let markup = if hint == DocStyle::Godoc { Markup::Godoc } else { Markup::Rustdoc };
    let lines = Lines::new(text, &block);
    let mut survey = survey(&lines, markup);
    let (sections, entries) = sections(&lines, &survey, markup);
    let summary = summary(&lines, &survey, &sections);
    let examples = std::mem::take(&mut survey.examples);
    let mentions = mentions(&lines, &survey, markup, &entries);
    let style = if sections.is_empty() { DocStyle::Plain } else { hint };
    drop(lines);
    Docstring { block, style, summary, sections, entries, mentions, examples, problems: Vec::new(), inherits: false }
}

fn kind_of(title: &str) -> EntryKind {
    match title.trim_end_matches(':').to_lowercase().as_str() {
        "errors" | "error" => EntryKind::Raise,
        "panics" | "panic" => EntryKind::Panic,
        "safety" => EntryKind::Safety,
        "example" | "examples" | "usage" => EntryKind::Example,
        "arguments" | "argument" | "args" | "parameters" | "parameter" | "params" | "inputs" => EntryKind::Param,
        "type parameters" | "type params" | "generics" | "generic parameters" => EntryKind::TypeParam,
        "returns" | "return" | "return value" | "return values" => EntryKind::Return,
        "fields" => EntryKind::Attribute,
        "deprecated" | "deprecation" => EntryKind::Deprecated,
        _ => EntryKind::Other,
    }
}

/// The title of a heading line.
fn heading<'a>(lines: &Lines<'a>, survey: &Survey, number: usize) -> Option<Piece<'a>> {
    let piece = lines.piece(number);
    let level = run(piece.text, '#');
    let rest = piece.from(level);
    let heads =
        (1..=6).contains(&level) && rest.text.starts_with(' ') && lines.indent(number) < 4 && !survey.is_code(number);
    if !heads {
        return None;
    }
    let title = rest.trim();
    // A heading may close with the marks it opens with.
    let bare = title.text.trim_end_matches('#').trim_end();
    Some(title.to(bare.len())).filter(|title| !title.is_empty())
}

/// The title of a paragraph that begins with `Deprecated: `, which is a section of its own in Go.
fn deprecation<'a>(lines: &Lines<'a>, survey: &Survey, number: usize) -> Option<Piece<'a>> {
    let piece = lines.piece(number);
    let starts =
        piece.text.starts_with("Deprecated: ") && !survey.is_code(number) && (number == 0 || lines.blank(number - 1));
    starts.then(|| piece.to("Deprecated".len()))
}

fn sections(lines: &Lines<'_>, survey: &Survey, markup: Markup) -> (Vec<Section>, Vec<Entry>) {
    let title = |number: usize| {
        let notice = if markup == Markup::Godoc { deprecation(lines, survey, number) } else { None };
        let paragraph = notice.is_some();
        Some((number, notice.or_else(|| heading(lines, survey, number))?, paragraph))
    };
    let titles: Vec<(usize, Piece<'_>, bool)> = (0..lines.len()).filter_map(title).collect();
    let mut sections = Vec::new();
    let mut entries = Vec::new();
    for (index, &(number, title, paragraph)) in titles.iter().enumerate() {
        let next = titles.get(index + 1).map_or(lines.len(), |&(next, ..)| next);
        let from = entries.len();
        let kind = kind_of(title.text);
        let end = if paragraph {
            let end = (number..next).find(|&at| lines.blank(at)).unwrap_or(next);
            let mut entry = bare_entry(kind, Some(index));
            entry.lines = number..end;
            let mut flow = Flow::default();
            flow.push(lines.piece(number).from("Deprecated:".len()));
            for line in number + 1..end {
                flow.push(lines.piece(line));
            }
            describe(&mut entry, &flow, lines.piece(end - 1).span().end);
            entries.push(entry);
            end
        } else {
            lines.trim_blank(number + 1, next)
        };
        match kind {
            EntryKind::Param | EntryKind::TypeParam | EntryKind::Attribute => {
                bullets(lines, survey, kind, index, number + 1..end, &mut entries)
            }
            EntryKind::Return | EntryKind::Deprecated if !paragraph => {
                entries.extend(whole(lines, kind, index, number + 1..end))
            }
            _ => {}
        }
        sections.push(Section {
            kind,
            title: title.text.to_owned(),
            title_span: title.span(),
            header: number..number + 1,
            lines: number..end,
            entries: from..entries.len(),
        });
    }
    (sections, entries)
}

/// The section's text as one entry.
fn whole(lines: &Lines<'_>, kind: EntryKind, section: usize, body: Range<usize>) -> Option<Entry> {
    let start = body.clone().find(|&number| !lines.blank(number))?;
    let mut entry = bare_entry(kind, Some(section));
    entry.lines = start..body.end;
    describe(&mut entry, &lines.flow(start..body.end), lines.piece(body.end.saturating_sub(1)).span().end);
    Some(entry)
}

/// List items: ``* `x` - text``, ``- `x`: text``, `* **x** - text`.
fn bullets(
    lines: &Lines<'_>,
    survey: &Survey,
    kind: EntryKind,
    section: usize,
    body: Range<usize>,
    entries: &mut Vec<Entry>,
) {
    let items: Vec<usize> = body
        .clone()
        .filter(|&number| {
            !survey.is_code(number) && ["* ", "- ", "+ "].iter().any(|mark| lines.text(number).starts_with(mark))
        })
        .collect();
    let Some(column) = items.iter().map(|&number| lines.indent(number)).min() else { return };
    let items: Vec<usize> = items.into_iter().filter(|&number| lines.indent(number) == column).collect();
    for (index, &number) in items.iter().enumerate() {
        let next = items.get(index + 1).copied().unwrap_or(body.end);
        // Text behind a gap at the column of the list stands below the list.
        let end = (number + 1..next)
            .find(|&at| !lines.blank(at) && lines.blank(at - 1) && lines.indent(at) <= column)
            .unwrap_or(next);
        let end = lines.trim_blank(number + 1, end);
        let Some((names, type_line, rest)) = item(lines.piece(number).from(2).trim_start()) else { continue };
        let mut entry = bare_entry(kind, Some(section));
        entry.names = names;
        entry.lines = number..end;
        if let Some(piece) = type_line {
            let mut flow = Flow::default();
            flow.push(piece);
            let split = split_type(&flow);
            entry.type_text = split.type_text;
            entry.optional = split.optional;
            entry.default = split.default;
        }
        let mut flow = Flow::default();
        flow.push(rest);
        for line in number + 1..end {
            flow.push(lines.piece(line));
        }
        describe(&mut entry, &flow, lines.piece(end - 1).span().end);
        entries.push(entry);
    }
}

type Item<'a> = (Vec<EntryName>, Option<Piece<'a>>, Piece<'a>);

/// Reads the names of a list item.
fn item(piece: Piece<'_>) -> Option<Item<'_>> {
    let mut names = Vec::new();
    let mut type_line = None;
    let mut rest = piece;
    let mut marked = false;
    loop {
        let stars = run(rest.text, '*').min(2);
        let inner = rest.from(stars);
        let ticks = run(inner.text, '`');
        let inner = inner.from(ticks);
        let length = dotted(inner.text);
        if length == 0 {
            return None;
        }
        let raw = inner.to(length);
        let mut after = inner.from(length);
        marked |= ticks > 0 || stars > 0;
        if ticks > 0 {
            // The type may stand inside the marks: `x: u32`.
            let close = after.text.find('`')?;
            let typed = after.to(close).trim_start().strip(":").map(Piece::trim).filter(|piece| !piece.is_empty());
            type_line = type_line.or(typed);
            after = after.from(close + ticks);
        }
        after = after.from(run(after.text, '*').min(stars));
        names.push(EntryName { name: raw.text.to_owned(), span: raw.span(), stars: String::new() });
        match after.trim_start().strip(",").map(Piece::trim_start) {
            Some(next) if next.text.starts_with(['`', '*']) => rest = next,
            _ => {
                rest = after.trim_start();
                break;
            }
        }
    }
    if rest.text.starts_with('(')
        && let Some(length) = balanced(rest.text)
    {
        type_line = type_line.or(Some(rest.to(length - 1).from(1)));
        rest = rest.from(length).trim_start();
    }
    let dash = ["--", "-", "–", "—", ":", "=>", "->"].iter().find_map(|dash| rest.strip(dash));
    let dash = dash.filter(|after| after.is_empty() || after.text.starts_with(char::is_whitespace));
    (marked || dash.is_some()).then(|| (names, type_line, dash.unwrap_or(rest).trim_start()))
}

fn summary(lines: &Lines<'_>, survey: &Survey, sections: &[Section]) -> Range<usize> {
    let Some(start) = lines.next_filled(0) else { return 0..0 };
    let prose = |number: usize| {
        !lines.blank(number)
            && !survey.is_code(number)
            && !sections.iter().any(|section| section.header.contains(&number))
    };
    let end = (start..lines.len()).find(|&number| !prose(number)).unwrap_or(lines.len());
    if end > start { start..end } else { 0..0 }
}

#[cfg(test)]
mod tests;
