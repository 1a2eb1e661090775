//! Cuts a documentation comment into its content lines.
//!
//! There is one content line for each physical line of the block, lines that hold only a delimiter included, so that line numbers
//! of a [`DocBlock`] count like those of the editor. This file never interprets what the lines say, and never fails: a comment
//! without its end is read to the end of its span.

use super::{CommentForm, DocBlock, DocLine};
use crate::text::Span;

/// Reads the comment at `span`.
///
/// A blank line has an empty span: behind its marker, or at the end of its white space. In a line that holds only the closing
/// delimiter the empty span stands right before it.
pub fn read(text: &str, span: Span, form: CommentForm) -> DocBlock {
    let span = clamp(text, span);
    let inner = inner_span(text, span, &form);
    let physical = physical_lines(text, span);
    let spans = match &form {
        CommentForm::PythonString { .. } => python_lines(text, inner, &physical),
        CommentForm::Block { .. } => block_lines(text, inner, &physical),
        CommentForm::Lines { marker } => physical.iter().map(|&line| marked_line(text, line, marker)).collect(),
    };
    let lines = spans.into_iter().zip(physical).map(|(span, physical)| DocLine { span, physical }).collect();
    DocBlock { span, indent: indent_before(text, span.start), form, lines }
}

/// Columns after the white space `gap` that begins at `column`; a tab goes on to the next multiple of eight.
pub(crate) fn columns(gap: &str, column: usize) -> usize {
    gap.chars().fold(column, |column, character| if character == '\t' { column / 8 * 8 + 8 } else { column + 1 })
}

/// Length of the white space at the start of a line.
pub(crate) fn gap_len(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t', '\u{c}']).len()
}

fn clamp(text: &str, span: Span) -> Span {
    let floor = |offset: usize| {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    };
    Span::new(floor(span.start), floor(span.end))
}

fn indent_before(text: &str, start: usize) -> String {
    let before = text.get(..start).unwrap_or("");
    let line = before.rfind(['\n', '\r']).map_or(before, |at| before.get(at + 1..).unwrap_or(""));
    let line = line.trim_start_matches('\u{feff}');
    line.get(..gap_len(line)).unwrap_or("").to_owned()
}

fn physical_lines(text: &str, span: Span) -> Vec<Span> {
    let content = span.of(text);
    let bytes = content.as_bytes();
    let mut lines = Vec::new();
    let mut start = 0;
    for at in memchr::memchr2_iter(b'\n', b'\r', bytes) {
        if at < start {
            continue;
        }
        lines.push(Span::new(span.start + start, span.start + at));
        let pair = bytes.get(at) == Some(&b'\r') && bytes.get(at + 1) == Some(&b'\n');
        start = if pair { at + 2 } else { at + 1 };
    }
    lines.push(Span::new(span.start + start, span.end));
    lines
}

/// The bytes between the delimiters.
fn inner_span(text: &str, span: Span, form: &CommentForm) -> Span {
    let content = span.of(text);
    let (open, close) = match form {
        CommentForm::PythonString { prefix, quote } => {
            let head = content.get(..prefix.len()).unwrap_or("");
            let letters = if head.eq_ignore_ascii_case(prefix) { prefix.len() } else { 0 };
            let quoted = content.get(letters..).is_some_and(|rest| rest.starts_with(quote.as_str()));
            (if quoted { letters + quote.len() } else { 0 }, quote.as_str())
        }
        CommentForm::Block { open } => {
            let open = if content.starts_with(open.as_str()) {
                open.len()
            } else if content.starts_with("/*") {
                2
            } else {
                0
            };
            (open, "*/")
        }
        CommentForm::Lines { .. } => (0, ""),
    };
    let closed = content.ends_with(close)
        && match form {
            CommentForm::PythonString { .. } => {
                let body = content.get(open..content.len().saturating_sub(close.len()));
                body.is_some_and(|body| body.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 0)
            }
            // In the shortest comment `/**/` the delimiters share a star.
            CommentForm::Block { .. } => content.len() >= 4,
            CommentForm::Lines { .. } => true,
        };
    let end = if closed { content.len() - close.len() } else { content.len() };
    Span::new(span.start + open.min(end), span.start + end)
}

/// The part of a physical line that lies between the delimiters.
fn clip(line: Span, inner: Span) -> Span {
    let start = line.start.clamp(inner.start, inner.end);
    Span::new(start, line.end.clamp(start, inner.end))
}

/// The span without the white space at its end.
fn trim_end(text: &str, span: Span) -> Span {
    Span::new(span.start, span.start + span.of(text).trim_end().len())
}

/// Skips white space up to `limit` columns; a tab that would go past the limit stays.
fn skip_columns(line: &str, limit: usize) -> usize {
    let mut column = 0;
    for (at, character) in line.char_indices() {
        let next = match character {
            '\t' => column / 8 * 8 + 8,
            ' ' | '\u{c}' => column + 1,
            _ => return at,
        };
        if next > limit {
            return at;
        }
        column = next;
    }
    line.len()
}

/// The smallest indentation of the lines that are not blank.
fn common_columns(text: &str, lines: &[Span]) -> usize {
    let indents = lines.iter().filter_map(|line| {
        let content = line.of(text);
        let gap = gap_len(content);
        (!content.trim().is_empty()).then(|| columns(content.get(..gap).unwrap_or(""), 0))
    });
    indents.min().unwrap_or(0)
}

fn first_line(text: &str, clipped: Span) -> Span {
    let gap = gap_len(clipped.of(text));
    trim_end(text, Span::new(clipped.start + gap, clipped.end))
}

fn python_lines(text: &str, inner: Span, physical: &[Span]) -> Vec<Span> {
    let clipped: Vec<Span> = physical.iter().map(|&line| clip(line, inner)).collect();
    let (first, rest) = match clipped.split_first() {
        Some((&first, rest)) => (first, rest),
        None => return Vec::new(),
    };
    let margin = common_columns(text, rest);
    // A backslash behind the opening quote only joins the lines.
    let head = if first.of(text).trim() == "\\" { Span::at(first.start) } else { first_line(text, first) };
    let mut lines = vec![head];
    for &line in rest {
        let start = line.start + skip_columns(line.of(text), margin);
        lines.push(trim_end(text, Span::new(start, line.end)));
    }
    lines
}

fn block_lines(text: &str, inner: Span, physical: &[Span]) -> Vec<Span> {
    let clipped: Vec<Span> = physical.iter().map(|&line| clip(line, inner)).collect();
    let (first, rest) = match clipped.split_first() {
        Some((&first, rest)) => (first, rest),
        None => return Vec::new(),
    };
    let star_column = |line: &Span| {
        let content = line.of(text);
        let gap = gap_len(content);
        content
            .get(gap..)
            .is_some_and(|rest| rest.starts_with('*'))
            .then(|| columns(content.get(..gap).unwrap_or(""), 0))
    };
    let filled = rest.iter().filter(|line| !line.of(text).trim().is_empty()).count();
    let starred = rest.iter().filter(|line| star_column(line).is_some()).count();
    let has_stars = starred > 0 && starred * 2 >= filled;
    let margin = if has_stars {
        rest.iter().find_map(star_column).map_or(0, |column| column + 2)
    } else {
        common_columns(text, rest)
    };
    let mut lines = Vec::with_capacity(clipped.len());
    let banner = first.of(text);
    let stars = if banner.trim_end().bytes().all(|byte| byte == b'*') { banner.trim_end().len() } else { 0 };
    lines.push(first_line(text, Span::new(first.start + stars, first.end)));
    for &line in rest {
        let content = line.of(text);
        let gap = gap_len(content);
        let after = content.get(gap..).unwrap_or("");
        let start = if has_stars && after.starts_with('*') {
            // A line of stars only, as the last one in `**/`, holds no content.
            let stars = after.trim_end();
            let marker = if stars.bytes().all(|byte| byte == b'*') { stars.len() } else { 1 };
            let space =
                usize::from(after.get(marker..).is_some_and(|rest| rest.starts_with(' ') && !rest.trim().is_empty()));
            gap + marker + space
        } else if after.is_empty() && line.end == inner.end {
            content.len()
        } else {
            skip_columns(content, margin)
        };
        lines.push(trim_end(text, Span::new(line.start + start.min(content.len()), line.end)));
    }
    lines
}

fn marked_line(text: &str, line: Span, marker: &str) -> Span {
    let content = line.of(text);
    let gap = gap_len(content);
    let start = match content.get(gap..).and_then(|rest| rest.strip_prefix(marker)) {
        Some(rest) => gap + marker.len() + usize::from(rest.starts_with(' ') && !rest.trim().is_empty()),
        None => gap,
    };
    trim_end(text, Span::new(line.start + start, line.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(text: &str) -> DocBlock {
        let start = text.find("\"\"\"").unwrap();
        let form = CommentForm::PythonString { prefix: String::new(), quote: "\"\"\"".into() };
        read(text, Span::new(start, text.len()), form)
    }

    fn contents<'a>(text: &'a str, block: &DocBlock) -> Vec<&'a str> {
        block.lines.iter().map(|line| line.span.of(text)).collect()
    }

    #[test]
    fn python_strings_lose_the_common_indentation_of_all_lines_but_the_first() {
        let text = "def f():\n    \"\"\"  Say it.\n\n    More:\n      - a\n    \"\"\"";
        let block = python(text);
        assert_eq!(contents(text, &block), ["Say it.", "", "More:", "  - a", ""]);
        assert_eq!(block.indent, "    ");
        let last = block.lines.last().unwrap();
        assert_eq!((last.span, last.physical.of(text)), (Span::at(text.len() - 3), "    \"\"\""));
    }

    #[test]
    fn tabs_count_to_the_next_multiple_of_eight() {
        let text = "\"\"\"A\n\tb\n        c\n\t  d\n\"\"\"";
        assert_eq!(contents(text, &python(text)), ["A", "b", "c", "  d", ""]);
    }

    #[test]
    fn every_line_ending_a_mark_and_emoji_keep_their_places() {
        let text = "\u{feff}\"\"\"🎉 A\r\n  b🎉 \r  c\n  \"\"\"";
        let block = python(text);
        assert_eq!(contents(text, &block), ["🎉 A", "b🎉", "c", ""]);
        assert_eq!(block.indent, "");
        assert_eq!(block.lines[1].physical.of(text), "  b🎉 ");
    }

    #[test]
    fn prefixes_and_single_quotes_are_delimiters_too() {
        let text = "R'a b'";
        let block = read(text, Span::new(0, 6), CommentForm::PythonString { prefix: "r".into(), quote: "'".into() });
        assert_eq!(contents(text, &block), ["a b"]);
        let text = "\"\"\"\\\n  a\\\"\"\"";
        assert_eq!(contents(text, &python(text)), ["", "a\\\"\"\""], "an escaped quote closes nothing");
    }

    #[test]
    fn stars_of_a_block_comment_are_no_content() {
        let open = || CommentForm::Block { open: "/**".into() };
        for (text, expected) in [
            ("/** x */", vec!["x"]),
            ("/**/", vec![""]),
            ("/***/", vec![""]),
            ("/**\n * a\n *\n *   b\n **/", vec!["", "a", "", "  b", ""]),
            ("/**\n * a\n   b\n *c\n", vec!["", "a", "b", "c", ""]),
            ("/**\n  a\n    b\n  * c\n*/", vec!["", "a", "  b", "* c", ""]),
            ("/** a\r\n\t * b */", vec!["a", "b"]),
            ("/**", vec![""]),
        ] {
            let block = read(text, Span::new(0, text.len()), open());
            assert_eq!(contents(text, &block), expected, "{text:?}");
        }
        let text = "/*! a\n * b\n */";
        let block = read(text, Span::new(0, text.len()), CommentForm::Block { open: "/*!".into() });
        assert_eq!(contents(text, &block), ["a", "b", ""]);
    }

    #[test]
    fn one_space_after_a_line_marker_is_no_content() {
        let text = "x\n  /// a\n  ///  b\r\n  ///\n  ///c ";
        let block = read(text, Span::new(4, text.len()), CommentForm::Lines { marker: "///".into() });
        assert_eq!(contents(text, &block), ["a", " b", "", "c"]);
        assert_eq!(block.indent, "  ");
        assert_eq!(block.lines[2].span.start, text.find("///\n").unwrap() + 3);
    }
}
