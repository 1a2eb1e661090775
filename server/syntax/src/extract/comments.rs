//! Comments: which of them document what follows, which switch rules off, which hold a mark.

use super::signature::span_of;
use crate::docstring::CommentForm;
use crate::language::DocFacts;
use crate::model::{Suppression, Symbol, Todo};
use crate::text::{LineIndex, Span};
use aho_corasick::AhoCorasick;
use std::sync::LazyLock;
use tree_sitter::Node;

/// The documentation comment among the comments right before a definition that starts at `start`.
pub(super) fn documentation(
    comments: &[Node],
    start: usize,
    facts: &DocFacts,
    text: &str,
) -> Option<(Span, CommentForm)> {
    // Another comment, such as a switch for a linter, may stand between the documentation and the definition.
    let mut below = start;
    for (index, comment) in comments.iter().enumerate().rev() {
        let span = trimmed(*comment, text);
        if blank_lines(span.end, below, text) > facts.gap {
            return None;
        }
        let source = span.of(text);
        if let Some(marker) = line_marker(source, &facts.lines, facts) {
            return lines(&comments[..=index], marker, facts, text);
        }
        if let Some(open) = block_open(source, &facts.blocks) {
            let stands_alone = facts.standalone.iter().any(|tag| has_tag(source, tag));
            return (!stands_alone).then(|| (span, CommentForm::Block { open: open.to_string() }));
        }
        below = span.start;
    }
    None
}

/// The comment at the start of a file that documents the file, by its tag.
pub(super) fn file_documentation(comments: &[Node], facts: &DocFacts, text: &str) -> Option<(Span, CommentForm)> {
    comments.iter().find_map(|comment| {
        let span = trimmed(*comment, text);
        let source = span.of(text);
        let open = block_open(source, &facts.blocks)?;
        let speaks_of_file = facts.file_tags.iter().any(|tag| has_tag(source, tag));
        speaks_of_file.then(|| (span, CommentForm::Block { open: open.to_string() }))
    })
}

/// Whether a line of the comment begins with the tag.
fn has_tag(source: &str, tag: &str) -> bool {
    source.match_indices(tag).any(|(at, _)| {
        let line_start = source[..at].rfind(['\n', '\r']).map_or(0, |at| at + 1);
        let is_first = source[line_start..at].chars().all(|character| matches!(character, ' ' | '\t' | '*' | '/'));
        is_first && !source[at + tag.len()..].starts_with(|next: char| next.is_alphanumeric())
    })
}

/// A run of comments that document what encloses them (`//!`) at the start of a file or a body.
pub(super) fn inner_documentation(comments: &[Node], facts: &DocFacts, text: &str) -> Option<(Span, CommentForm)> {
    let (first, marker) = comments.iter().enumerate().find_map(|(index, comment)| {
        let source = trimmed(*comment, text).of(text);
        facts.inner.iter().find(|marker| source.starts_with(marker.as_str())).map(|marker| (index, marker))
    })?;
    let comments = &comments[first..];
    if marker.starts_with("/*") {
        return Some((trimmed(*comments.first()?, text), CommentForm::Block { open: marker.clone() }));
    }
    let mut run: Option<Span> = None;
    for comment in comments {
        let span = trimmed(*comment, text);
        let adjoins = run.is_none_or(|run| blank_lines(run.end, span.start, text) == 0);
        if !adjoins || !span.of(text).starts_with(marker.as_str()) {
            break;
        }
        run = Some(Span::new(run.map_or(span.start, |run| run.start), span.end));
    }
    run.map(|span| (span, CommentForm::Lines { marker: marker.clone() }))
}

/// The opening of a documentation block; `/***` and `/**/` are ornaments.
fn block_open<'f>(source: &str, blocks: &'f [String]) -> Option<&'f str> {
    let is_ornament = source.starts_with("/***") || source == "/**/";
    blocks.iter().find(|open| source.starts_with(open.as_str())).filter(|_| !is_ornament).map(String::as_str)
}

fn lines(comments: &[Node], marker: &str, facts: &DocFacts, text: &str) -> Option<(Span, CommentForm)> {
    let mut run: Option<Span> = None;
    for comment in comments.iter().rev() {
        let span = trimmed(*comment, text);
        let adjoins = run.is_none_or(|run| blank_lines(span.end, run.start, text) == 0);
        let source = span.of(text);
        if !adjoins || line_marker(source, &facts.lines, facts) != Some(marker) {
            // A directive between two lines ends the documentation only below; above it the text goes on.
            break;
        }
        run = Some(Span::new(span.start, run.map_or(span.end, |run| run.end)));
    }
    let form = CommentForm::Lines { marker: marker.to_string() };
    run.map(|span| (span, form))
}

fn line_marker<'f>(source: &str, markers: &'f [String], facts: &DocFacts) -> Option<&'f str> {
    if facts.directives.iter().any(|directive| source.starts_with(directive.as_str())) {
        return None;
    }
    let marker = markers.iter().find(|marker| source.starts_with(marker.as_str()))?;
    // `////` is no `///`.
    let ornament = marker.len() > 2 && source.get(marker.len()..).is_some_and(|rest| rest.starts_with('/'));
    (!ornament).then_some(marker.as_str())
}

/// A comment without the line break that some grammars count in.
fn trimmed(node: Node, text: &str) -> Span {
    let span = span_of(node);
    Span::new(span.start, span.start + span.of(text).trim_end_matches(['\n', '\r']).len())
}

/// Empty lines between two places; 0 where they are on neighbouring lines or the same one.
fn blank_lines(from: usize, to: usize, text: &str) -> usize {
    let between = text.get(from..to).unwrap_or("");
    LineIndex::new(between).lines().saturating_sub(2)
}

static MARKS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(["TODO", "FIXME", "XXX", "HACK"]).ok());
static SWITCHES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let words = ["doc-ignore", "noqa", "eslint-disable", "[allow(", "[expect(", "[cfg_attr(", "nolint"];
    // Only `noqa` may be written in capitals, but the others hardly ever are, and then for nothing else.
    AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok()
});

/// Marks in comments, found by their words first, so that a file without any costs one scan.
pub(super) fn todos(text: &str, in_comment: impl Fn(usize) -> bool) -> Vec<Todo> {
    let Some(marks) = MARKS.as_ref() else { return Vec::new() };
    let mut found = Vec::new();
    for hit in marks.find_iter(text) {
        let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let bytes = text.as_bytes();
        if is_word(hit.start().checked_sub(1).and_then(|before| bytes.get(before)))
            || is_word(bytes.get(hit.end()))
            || !in_comment(hit.start())
        {
            continue;
        }
        let line = text[hit.start()..].lines().next().unwrap_or("").trim_end().trim_end_matches("*/").trim_end();
        let rest = line.get(hit.len()..).unwrap_or("");
        found.push(Todo {
            mark: text[hit.range()].to_string(),
            text: rest.trim_start_matches([':', ' ', '-']).to_string(),
            span: Span::new(hit.start(), hit.start() + line.len()),
        });
    }
    found
}

/// Comments and attributes that switch rules off.
pub(super) fn suppressions(
    text: &str,
    lines: &LineIndex,
    symbols: &[Symbol],
    is_switch: impl Fn(usize) -> bool,
) -> Vec<Suppression> {
    let Some(switches) = SWITCHES.as_ref() else { return Vec::new() };
    let mut found: Vec<Suppression> = Vec::new();
    for hit in switches.find_iter(text) {
        if !is_switch(hit.start()) {
            continue;
        }
        let line = lines.line(hit.start());
        let line_span = lines.line_span(text, line);
        let rest = Span::new(hit.end(), line_span.end).of(text);
        let alone = Span::new(line_span.start, hit.start()).of(text).trim_start().chars().all(|c| !c.is_alphanumeric());
        let span = Span::new(hit.start(), line_span.end);
        // Go's directive opens its comment; elsewhere the word is one like others.
        let opens = Span::new(line_span.start, hit.start()).of(text).trim_end().ends_with("//");
        if text[hit.range()].eq_ignore_ascii_case("nolint") && !opens {
            continue;
        }
        let (dialect, codes, scope) = match text[hit.range()].to_ascii_lowercase().as_str() {
            "doc-ignore" => ("doc-ignore", codes(rest.strip_prefix("-file").unwrap_or(rest)), {
                if rest.starts_with("-file") { whole(text) } else { around(lines, text, symbols, line, alone) }
            }),
            "noqa" => ("noqa", codes(rest), {
                let before = Span::new(line_span.start, hit.start()).of(text).trim().to_ascii_lowercase();
                let is_of_file = before.starts_with('#') && (before.ends_with("ruff:") || before.ends_with("flake8:"));
                if is_of_file { whole(text) } else { around(lines, text, symbols, line, false) }
            }),
            "nolint" => ("nolint", codes(rest), around(lines, text, symbols, line, alone)),
            // The list may go on over lines.
            word @ ("[allow(" | "[expect(" | "[cfg_attr(") => {
                let after = &text[hit.end()..];
                let listed = match word {
                    "[cfg_attr(" => {
                        let attribute = after.split(']').next().unwrap_or("");
                        let list = ["allow(", "expect("].iter().find_map(|word| attribute.split_once(word));
                        let Some((_, list)) = list else { continue };
                        list
                    }
                    _ => after,
                };
                let listed = listed.split(')').next().unwrap_or("");
                let codes = listed
                    .split(',')
                    .map(str::trim)
                    .filter(|code| !code.is_empty() && !code.contains('='))
                    .map(str::to_string)
                    .collect();
                let inner = text[..hit.start()].ends_with("#!");
                let owner = symbols
                    .iter()
                    .skip(1)
                    .filter(|symbol| symbol.span.touches(hit.start()))
                    .min_by_key(|symbol| symbol.span.len());
                ("allow", codes, if inner { whole(text) } else { owner.map_or(line_span, Symbol::extent) })
            }
            _ => eslint(rest, lines, text, symbols, line, hit.start()),
        };
        found.push(Suppression { codes, dialect: dialect.to_string(), scope, span });
    }
    found
}

fn eslint(
    rest: &str,
    lines: &LineIndex,
    text: &str,
    symbols: &[Symbol],
    line: usize,
    start: usize,
) -> (&'static str, Vec<String>, Span) {
    if let Some(rest) = rest.strip_prefix("-next-line") {
        return ("eslint-disable", codes(rest), around(lines, text, symbols, line, true));
    }
    if let Some(rest) = rest.strip_prefix("-line") {
        return ("eslint-disable", codes(rest), around(lines, text, symbols, line, false));
    }
    let end = text.get(start..).and_then(|tail| tail.find("eslint-enable")).map_or(text.len(), |end| start + end);
    ("eslint-disable", codes(rest), Span::new(start, end))
}

fn whole(text: &str) -> Span {
    Span::new(0, text.len())
}

/// `: DOC101, DOC103 -- because` → the codes.
fn codes(rest: &str) -> Vec<String> {
    let listed = rest.trim_start_matches([':', '[', ' ']);
    let listed =
        listed.split(" --").next().unwrap_or("").split("*/").next().unwrap_or("").split("//").next().unwrap_or("");
    listed
        .split([',', ' ', '\t', ']'])
        .map(str::trim)
        .take_while(|code| !code.starts_with('#'))
        .filter(|code| !code.is_empty())
        .map(str::to_string)
        .collect()
}

/// The line, or documentation and signature of the definition that it belongs to; the next line's where the comment stands alone.
fn around(lines: &LineIndex, text: &str, symbols: &[Symbol], line: usize, next: bool) -> Span {
    let line = line + usize::from(next);
    let span = lines.line_span(text, line);
    let own = symbols.iter().skip(1).find_map(|symbol| {
        let signature = Span::new(symbol.span.start, symbol.signature.end);
        let doc = symbol.doc.as_ref().map_or(signature, |doc| doc.block.span);
        let all = Span::new(signature.start.min(doc.start), signature.end.max(doc.end));
        (signature.overlaps(span) || doc.overlaps(span)).then_some(all)
    });
    own.map_or(span, |own| Span::new(own.start.min(span.start), own.end.max(span.end)))
}
