//! Docstrings in Python strings: Google, NumPy, Sphinx and Epydoc.
//!
//! Each docstring is read in the style that it shows most signs of; the hint only breaks ties. Prose alone is never forced into a style.

mod fields;
mod google;
mod names;
mod numpy;
mod titles;

use super::code::{Markup, Survey, survey};
use super::flow::{Lines, Piece, bare_entry, describe};
use super::prose::mentions;
use super::scan::{balanced, top_level};
use super::{DocBlock, DocProblem, DocProblemKind, DocStyle, Docstring, Entry, EntryKind, Section, TypeMention};
use std::ops::Range;

/// What one style makes of a docstring.
#[derive(Default)]
struct Parts {
    sections: Vec<Section>,
    entries: Vec<Entry>,
    problems: Vec<DocProblem>,
    /// How strongly the text speaks for the style; nothing found is zero.
    score: usize,
}

impl Parts {
    /// Notes that a section of named things names nothing.
    fn note_unreadable(&mut self, title: Piece<'_>, lines: &Lines<'_>, body: Range<usize>) {
        let Some(first) = body.clone().find(|&number| !lines.blank(number)) else { return };
        if lines.text(first).split_whitespace().next().is_none_or(titles::is_placeholder) {
            return;
        }
        let reason = "Expected a name at the start of each entry.".to_owned();
        let kind = DocProblemKind::UnparsableSection { title: title.text.to_owned(), reason };
        self.problems.push(DocProblem { kind, span: title.span() });
    }
}

/// Parses the block.
pub fn parse(text: &str, block: DocBlock, hint: DocStyle) -> Docstring {
    let lines = Lines::new(text, &block);
    let mut survey = survey(&lines, Markup::Python);
    let (style, mut parts) = choose(&lines, &survey, hint);
    add_deprecations(&lines, &survey, &mut parts);
    let summary = summary(&lines, &survey, &parts);
    let examples = std::mem::take(&mut survey.examples);
    for section in parts.sections.iter().filter(|section| section.kind == EntryKind::Example) {
        survey.mark(section.lines.clone());
    }
    let mentions = mentions(&lines, &survey, Markup::Python, &parts.entries);
    let inherits = inherits(&lines);
    drop(lines);
    Docstring {
        block,
        style,
        summary,
        sections: parts.sections,
        entries: parts.entries,
        mentions,
        examples,
        problems: parts.problems,
        inherits,
    }
}

fn choose(lines: &Lines<'_>, survey: &Survey, hint: DocStyle) -> (DocStyle, Parts) {
    let mut candidates = vec![
        (DocStyle::Google, google::parse(lines, survey)),
        (DocStyle::Numpy, numpy::parse(lines, survey)),
        (DocStyle::Sphinx, fields::parse(lines, survey, ':')),
        (DocStyle::Epydoc, fields::parse(lines, survey, '@')),
    ];
    // The sort is stable and the best comes last, so the hint is put behind its equals.
    candidates.sort_by_key(|(style, parts)| (parts.score, *style == hint));
    let Some((style, parts)) = candidates.pop() else { return (DocStyle::Plain, Parts::default()) };
    match parts.score {
        0 => (DocStyle::Plain, Parts::default()),
        // A lone `Note:` stands in docstrings of all styles.
        1 if style != hint => (DocStyle::Plain, parts),
        _ => (style, parts),
    }
}

/// `.. deprecated::` marks what is documented only where it stands outside of all sections and entries.
fn add_deprecations(lines: &Lines<'_>, survey: &Survey, parts: &mut Parts) {
    let taken = |number: usize| {
        parts.sections.iter().any(|section| section.lines.contains(&number))
            || parts.entries.iter().any(|entry| entry.lines.contains(&number))
    };
    let mut found = Vec::new();
    for number in 0..lines.len() {
        let piece = lines.piece(number);
        let Some(after) = piece.strip(".. deprecated::") else { continue };
        if taken(number) || survey.is_code(number) || lines.indent(number) > 0 {
            continue;
        }
        let mut end = number + 1;
        while end < lines.len() && (lines.blank(end) || lines.indent(end) > 0) {
            end += 1;
        }
        let end = lines.trim_blank(number + 1, end);
        let mut entry = bare_entry(EntryKind::Deprecated, None);
        entry.tag = Some("deprecated".to_owned());
        entry.tag_span = Some(piece.from(3).to("deprecated".len()).span());
        entry.lines = number..end;
        let mut flow = super::flow::Flow::default();
        flow.push(after);
        for line in number + 1..end {
            flow.push(lines.piece(line));
        }
        describe(&mut entry, &flow, lines.piece(end - 1).span().end);
        found.push(entry);
    }
    if found.is_empty() {
        return;
    }
    parts.entries.append(&mut found);
    parts.entries.sort_by_key(|entry| entry.lines.start);
    for (index, section) in parts.sections.iter_mut().enumerate() {
        let own = |entry: &Entry| entry.section == Some(index);
        let first = parts.entries.iter().position(own).unwrap_or(0);
        section.entries = first..parts.entries.iter().rposition(own).map_or(first, |last| last + 1);
    }
}

/// The lines of the first paragraph, if it is prose.
fn summary(lines: &Lines<'_>, survey: &Survey, parts: &Parts) -> Range<usize> {
    let Some(start) = lines.next_filled(0) else { return 0..0 };
    let prose = |number: usize| {
        !lines.blank(number)
            && !survey.is_code(number)
            && !lines.text(number).starts_with(".. ")
            && !parts.sections.iter().any(|section| section.lines.contains(&number))
            && !parts.entries.iter().any(|entry| entry.lines.contains(&number))
    };
    let end = (start..lines.len()).find(|&number| !prose(number)).unwrap_or(lines.len());
    if end > start { start..end } else { 0..0 }
}

fn inherits(lines: &Lines<'_>) -> bool {
    let mut filled = (0..lines.len()).filter(|&number| !lines.blank(number));
    let (Some(first), None) = (filled.next(), filled.next()) else {
        return (0..lines.len()).any(|number| lines.text(number).to_ascii_lowercase().contains("{@inheritdoc}"));
    };
    let text = lines.text(first).trim_end_matches('.').to_ascii_lowercase();
    text.contains("{@inheritdoc}")
        || matches!(
            text.as_str(),
            "inherit" | "inherited" | "inherit docs" | "inherit docstring" | "@inheritdoc" | "inheritdoc"
        )
        || text.starts_with("see base class")
        || text.starts_with("inherited from ")
}

/// The type in `type: text`, and the text; no type where the words before the colon are prose.
fn result_type(piece: Piece<'_>) -> (Option<TypeMention>, Piece<'_>) {
    let piece = piece.trim();
    if piece.text.trim_end_matches('.') == "None" {
        let none = piece.to("None".len());
        return (Some(TypeMention { text: none.text.to_owned(), span: none.span() }), piece.from(piece.text.len()));
    }
    let colon = top_level(piece.text, |at, character| {
        character == ':'
            && piece.text.get(at + 1..).is_none_or(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
    });
    let Some(colon) = colon.filter(|&at| at > 0) else { return (None, piece) };
    let before = piece.to(colon).trim();
    if !is_type_like(before.text) {
        return (None, piece);
    }
    (Some(TypeMention { text: before.text.to_owned(), span: before.span() }), piece.from(colon + 1).trim_start())
}

/// Whether words read like a type: `int`, `list of str`, `Tuple[int, str] or None`.
fn is_type_like(text: &str) -> bool {
    let text = text.trim().trim_end_matches(", optional");
    if text.is_empty() || text.len() > 120 || text.ends_with(['.', ';', '!', '?']) {
        return false;
    }
    let mut words: Vec<&str> = Vec::new();
    let mut start = 0;
    top_level(text, |at, character| {
        if character.is_whitespace() {
            words.push(text.get(start..at).unwrap_or(""));
            start = at + character.len_utf8();
        }
        false
    });
    words.push(text.get(start..).unwrap_or(""));
    words.retain(|word| !word.is_empty());
    let mut joined = true;
    for (index, word) in words.iter().enumerate() {
        let lower = word.to_ascii_lowercase();
        let link =
            matches!(lower.as_str(), "of" | "or" | "and" | "to" | "->" | "|" | "/" | "with" | "shape" | "shape:");
        if link && index > 0 {
            joined = true;
            continue;
        }
        let noun = matches!(
            lower.trim_end_matches(','),
            "array"
                | "arrays"
                | "ndarray"
                | "object"
                | "objects"
                | "instance"
                | "instances"
                | "tensor"
                | "tensors"
                | "scalar"
                | "optional"
                | "dict"
                | "list"
                | "tuple"
                | "string"
                | "strings"
                | "matrix"
                | "function"
                | "iterator"
        );
        if !(joined || noun) || is_prose_word(&lower) || !is_type_word(word) {
            return false;
        }
        joined = word.ends_with([',', '|']);
    }
    !words.is_empty()
}

fn is_prose_word(lower: &str) -> bool {
    matches!(
        lower,
        "a" | "an"
            | "the"
            | "this"
            | "that"
            | "true"
            | "false"
            | "if"
            | "whether"
            | "all"
            | "each"
            | "no"
            | "note"
            | "notes"
            | "example"
            | "examples"
            | "returns"
            | "return"
            | "see"
            | "where"
            | "when"
            | "e.g"
            | "i.e"
            | "with"
            | "of"
            | "or"
            | "and"
            | "to"
            | "warning"
            | "yields"
            | "otherwise"
            | "either"
            | "one"
            | "two"
            | "three"
            | "following"
            | "is"
            | "are"
            | "which"
            | "contains"
            | "containing"
    )
}

fn is_type_word(word: &str) -> bool {
    let allowed = |character: char| character.is_alphanumeric() || "_.[](){}'\"`~:*|,-<>=\\!?".contains(character);
    let named = word.contains(|character: char| character.is_alphanumeric() || character == '.');
    let bracket = word.find(['(', '[', '{']);
    let closed = bracket.is_none_or(|at| word.get(at..).and_then(balanced).is_some());
    closed && named && (bracket.is_some() || word.chars().all(allowed))
}

#[cfg(test)]
mod tests;
