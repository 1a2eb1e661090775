//! JSDoc and TSDoc: block tags in `/** … */`.
//!
//! A tag counts only at the start of a line, outside of code and of an open type; `{@link x}` in running text is never a block tag.

mod param;
mod tags;

use super::code::{Markup, Survey, code_of, fence_mark, survey};
use super::flow::{Flow, Lines, Piece, bare_entry, describe};
use super::prose::mentions;
use super::scan::nearest;
use super::{DocBlock, DocProblem, DocProblemKind, DocStyle, Docstring, Entry, EntryKind, Example};
use std::ops::Range;

/// Parses the block.
pub fn parse(text: &str, block: DocBlock, hint: DocStyle) -> Docstring {
    let lines = Lines::new(text, &block);
    let mut survey = survey(&lines, Markup::Tags);
    let mut reader = Reader { lines: &lines, entries: Vec::new(), problems: Vec::new() };
    let starts = starts(&lines, &survey);
    for (index, &(start, tag)) in starts.iter().enumerate() {
        let next = starts.get(index + 1).map_or(lines.len(), |&(next, _)| next);
        reader.tag(start, lines.trim_blank(start + 1, next), tag);
    }
    let Reader { entries, problems, .. } = reader;
    let first = starts.first().map_or(lines.len(), |&(start, _)| start);
    let summary = summary(&lines, &survey, first, &entries);
    let mut examples: Vec<Example> = Vec::new();
    let fenced = std::mem::take(&mut survey.examples);
    let in_tag = |lines: &Range<usize>| {
        entries.iter().any(|entry| entry.kind == EntryKind::Example && entry.lines.contains(&lines.start))
    };
    examples.extend(fenced.iter().filter(|example| !in_tag(&example.lines)).cloned());
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Example) {
        let inner: Vec<Example> =
            fenced.iter().filter(|example| entry.lines.contains(&example.lines.start)).cloned().collect();
        if inner.is_empty() {
            examples.extend(bare_example(&lines, entry));
        }
        examples.extend(inner);
    }
    examples.sort_by_key(|example| example.lines.start);
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Example) {
        survey.mark(entry.lines.clone());
    }
    let mentions = mentions(&lines, &survey, Markup::Tags, &entries);
    let inherits = inherits(&lines, &survey, &entries);
    let style = match hint {
        _ if entries.is_empty() => DocStyle::Plain,
        // Types in braces are JSDoc's own, whatever the file is.
        DocStyle::Tsdoc if entries.iter().any(|entry| entry.kind == EntryKind::Param && entry.type_text.is_some()) => {
            DocStyle::Jsdoc
        }
        hint => hint,
    };
    drop(lines);
    Docstring { block, style, summary, sections: Vec::new(), entries, mentions, examples, problems, inherits }
}

/// The tag's name at the start of a line, without `@`.
fn tag_name<'a>(piece: Piece<'a>) -> Option<Piece<'a>> {
    let rest = piece.strip("@")?;
    let length = rest.text.len()
        - rest
            .text
            .trim_start_matches(|next: char| next.is_ascii_alphanumeric() || matches!(next, '-' | '_' | ':'))
            .len();
    let name = rest.to(length);
    let name = name.to(name.text.trim_end_matches(':').len());
    let after = rest.from(length);
    let starts = name.text.starts_with(|first: char| first.is_ascii_alphabetic());
    // `@babel/core`, `@foo.bar` and `@Component()` are words of prose or code.
    let ends = after.is_empty()
        || after.text.starts_with(char::is_whitespace)
        || after.text.starts_with(['{', '[', '!', '*', ',', ';']);
    (starts && ends).then_some(name)
}

/// The lines on which block tags begin.
fn starts<'a>(lines: &Lines<'a>, survey: &Survey) -> Vec<(usize, Piece<'a>)> {
    let mut starts: Vec<(usize, Piece<'a>)> = Vec::new();
    let mut open = 0isize;
    for number in 0..lines.len() {
        if survey.is_code(number) || fence_mark(lines.text(number)).is_some() {
            continue;
        }
        let name = tag_name(lines.piece(number));
        let in_example = starts.last().is_some_and(|(_, tag)| tag.text == "example");
        let known = name.is_some_and(|name| tags::kind_of(name.text).is_some());
        // A decorator in example code looks like a tag; so does a decorator inside a type that stays open, which none is.
        let begins = name.is_some() && (open <= 0 || known) && (!in_example || known);
        if let Some(name) = name.filter(|_| begins) {
            starts.push((number, name));
            open = 0;
        }
        let typed = starts.last().is_some_and(|&(start, name)| {
            let first = lines.piece(start).from(1 + name.text.len()).trim_start();
            first.text.starts_with('{') && tags::kind_of(name.text).is_some()
        });
        if typed && (begins || open > 0) {
            open += depth(lines.text(number));
        }
    }
    starts
}

/// Braces opened and not closed in a line.
fn depth(text: &str) -> isize {
    text.chars().map(|character| isize::from(character == '{') - isize::from(character == '}')).sum()
}

struct Reader<'a> {
    lines: &'a Lines<'a>,
    entries: Vec<Entry>,
    problems: Vec<DocProblem>,
}

impl<'a> Reader<'a> {
    fn tag(&mut self, start: usize, end: usize, tag: Piece<'a>) {
        let kind = tags::kind_of(tag.text);
        if kind.is_none() {
            let nearest = nearest(tag.text, tags::known()).map(str::to_owned);
            let kind = DocProblemKind::UnknownTag { tag: tag.text.to_owned(), nearest };
            self.problems.push(DocProblem { kind, span: tag.span() });
        }
        let kind = kind.unwrap_or(EntryKind::Other);
        let mut entry = bare_entry(kind, None);
        entry.tag = Some(tag.text.to_owned());
        entry.tag_span = Some(tag.span());
        entry.lines = start..end;
        let first = self.lines.piece(start);
        let rest = first.from(tag.span().end - first.at);
        let rest = rest.from(rest.text.len() - rest.text.trim_start_matches([':', '!']).len()).trim_start();
        // What follows an open brace may be type, name or text: nothing in it can be relied on.
        if param::is_left_open(self.lines, rest, start, end, &entry) {
            let reason = "the type's brace is never closed".to_owned();
            let kind = DocProblemKind::UnparsableSection { title: format!("@{}", tag.text), reason };
            self.problems.push(DocProblem { kind, span: tag.span() });
        }
        let (rest, line) = param::read(self.lines, rest, start, end, tag.text, &mut entry);
        let mut flow = Flow::default();
        flow.push(rest);
        for number in line + 1..end {
            flow.push(self.lines.piece(number));
        }
        describe(&mut entry, &flow, self.lines.piece(end.saturating_sub(1)).span().end);
        self.entries.push(entry);
    }
}

/// The first paragraph before the tags, else that of `@description` or `@summary`.
fn summary(lines: &Lines<'_>, survey: &Survey, first: usize, entries: &[Entry]) -> Range<usize> {
    let paragraph = |range: Range<usize>| {
        let start = range.clone().find(|&number| !lines.blank(number))?;
        let end = (start..range.end).find(|&number| lines.blank(number) || survey.is_code(number)).unwrap_or(range.end);
        (end > start).then_some(start..end)
    };
    if let Some(range) = paragraph(0..first) {
        return range;
    }
    let described =
        |tags: &[&str]| entries.iter().find(|entry| entry.tag.as_deref().is_some_and(|tag| tags.contains(&tag)));
    let Some(entry) = described(&["summary"]).or_else(|| described(&["description", "desc"])) else { return 0..0 };
    // The tag stands on a line of its own, or on that of the text.
    let begins = entry.lines.clone().find(|&number| lines.piece(number).span().end >= entry.description_span.start);
    if entry.description.is_empty() {
        0..0
    } else {
        paragraph(begins.unwrap_or(entry.lines.start)..entry.lines.end).unwrap_or(0..0)
    }
}

/// The code of an `@example` without a fence.
fn bare_example(lines: &Lines<'_>, entry: &Entry) -> Option<Example> {
    let tag_end = entry.tag_span?.end;
    let first = lines.piece(entry.lines.start);
    let beside = first.from(tag_end.saturating_sub(first.at)).trim();
    let mut start = entry.lines.start + 1;
    let mut head = String::new();
    if beside.text.starts_with("<caption>") {
        // A caption may go on over lines.
        let closes = (entry.lines.clone()).find(|&number| lines.text(number).contains("</caption>"))?;
        start = closes + 1;
    } else if !beside.is_empty() {
        head = beside.text.to_owned();
    }
    let body = code_of(lines, start.min(entry.lines.end)..entry.lines.end, Markup::Tags);
    let code = match (head.is_empty(), body.is_empty()) {
        (true, _) => body,
        (false, true) => head,
        (false, false) => format!("{head}\n{body}"),
    };
    (!code.trim().is_empty()).then(|| Example { code, lines: entry.lines.clone() })
}

fn inherits(lines: &Lines<'_>, survey: &Survey, entries: &[Entry]) -> bool {
    let tagged =
        entries.iter().any(|entry| entry.tag.as_deref().is_some_and(|tag| tag.eq_ignore_ascii_case("inheritdoc")));
    let says = |kind: EntryKind| entries.iter().any(|entry| entry.kind == kind);
    let overrides = entries.iter().any(|entry| entry.tag.as_deref() == Some("override"))
        && !says(EntryKind::Param)
        && !says(EntryKind::Return);
    let inline = (0..lines.len())
        .any(|number| !survey.is_code(number) && lines.text(number).to_ascii_lowercase().contains("{@inheritdoc"));
    tagged || overrides || inline
}

#[cfg(test)]
mod tests;
