//! Places in a text: byte spans, line-and-column positions in each encoding, and edits.
//!
//! Every offset in the house is a UTF-8 byte offset; positions in other encodings exist only here and at the doors.
//! Nothing in this file panics on an offset or a position out of range: it is clamped.

use std::ops::Range;

/// A half-open range of bytes in one version of one text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// A span from `start` to `end`; an end before the start is taken as empty.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end: end.max(start) }
    }

    /// The empty span at `offset`.
    pub fn at(offset: usize) -> Self {
        Self { start: offset, end: offset }
    }

    /// Length in bytes.
    pub fn len(self) -> usize {
        self.end - self.start
    }

    /// Whether the span holds no byte.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Whether `other` lies wholly inside.
    pub fn contains(self, other: Span) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// Whether the byte at `offset` lies inside; the end counts, so that a cursor behind the last character is inside.
    pub fn touches(self, offset: usize) -> bool {
        self.start <= offset && offset <= self.end
    }

    /// Whether the two share a byte, or touch where one of them is empty.
    pub fn overlaps(self, other: Span) -> bool {
        if self.is_empty() || other.is_empty() {
            self.start <= other.end && other.start <= self.end
        } else {
            self.start < other.end && other.start < self.end
        }
    }

    /// The text of the span; empty where the span does not fit the text or cuts a character.
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or("")
    }

    /// The span as a standard range.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// Replaces the bytes of `span` by `text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextEdit {
    /// What goes away, in bytes of the text before the edit.
    pub span: Span,
    /// What comes in its place.
    pub text: String,
}

impl TextEdit {
    /// An edit that only inserts.
    pub fn insert(offset: usize, text: impl Into<String>) -> Self {
        Self { span: Span::at(offset), text: text.into() }
    }

    /// An edit that replaces `span`.
    pub fn replace(span: Span, text: impl Into<String>) -> Self {
        Self { span, text: text.into() }
    }
}

/// Applies `edits` (in any order, spans in the text before all of them) and returns the new text.
///
/// Two inserts at one place are applied in the order given. Returns `None` where edits overlap, or do not fit the text.
pub fn apply_edits(text: &str, edits: &[TextEdit]) -> Option<String> {
    let mut order: Vec<&TextEdit> = edits.iter().collect();
    order.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let mut result = String::with_capacity(text.len() + edits.iter().map(|edit| edit.text.len()).sum::<usize>());
    let mut done = 0;
    for edit in order {
        if edit.span.start < done {
            return None;
        }
        result.push_str(text.get(done..edit.span.start)?);
        result.push_str(&edit.text);
        done = edit.span.end;
    }
    result.push_str(text.get(done..)?);
    Some(result)
}

/// In which unit the columns of a [`Position`] count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PositionEncoding {
    /// Bytes.
    #[default]
    Utf8,
    /// UTF-16 code units, the protocol's default.
    Utf16,
    /// Unicode scalar values.
    Utf32,
}

/// A line (from zero) and a column in units of the encoding agreed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Line, from zero; lines end at `\n`, `\r\n` or a lone `\r`.
    pub line: u32,
    /// Column, from zero.
    pub character: u32,
}

/// Where the lines of a text begin.
#[derive(Clone, Debug, Default)]
pub struct LineIndex {
    starts: Vec<usize>,
}

impl LineIndex {
    /// Finds the lines of `text`.
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for offset in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            if bytes[offset] == b'\n' || bytes.get(offset + 1) != Some(&b'\n') {
                starts.push(offset + 1);
            }
        }
        Self { starts }
    }

    /// Number of lines; a text that ends with a line break has an empty last line.
    pub fn lines(&self) -> usize {
        self.starts.len()
    }

    /// The line (from zero) that holds `offset`.
    pub fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|&start| start <= offset).saturating_sub(1)
    }

    /// First byte of `line`; the end of the text where there is no such line.
    pub fn line_start(&self, text: &str, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or(text.len())
    }

    /// The bytes of `line` without its line break.
    pub fn line_span(&self, text: &str, line: usize) -> Span {
        let start = self.line_start(text, line);
        let end = self.line_start(text, line + 1);
        let trimmed = text.get(start..end).unwrap_or("").trim_end_matches(['\n', '\r']).len();
        Span::new(start, start + trimmed)
    }

    /// The position of a byte offset; an offset out of range or inside a character is clamped.
    pub fn position(&self, text: &str, offset: usize, encoding: PositionEncoding) -> Position {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.line(offset);
        let before = &text[self.starts[line].min(offset)..offset];
        let character = match encoding {
            PositionEncoding::Utf8 => before.len(),
            PositionEncoding::Utf16 => before.chars().map(char::len_utf16).sum(),
            PositionEncoding::Utf32 => before.chars().count(),
        };
        Position { line: line as u32, character: character as u32 }
    }

    /// The byte offset of a position; a position past the end of its line or of the text is clamped.
    pub fn offset(&self, text: &str, position: Position, encoding: PositionEncoding) -> usize {
        let line = position.line as usize;
        if line >= self.starts.len() {
            return text.len();
        }
        let span = self.line_span(text, line);
        span.start + column_to_byte(span.of(text), position.character as usize, encoding)
    }
}

/// Bytes before `column` in `line`, clamped to the line and to the start of a character.
pub fn column_to_byte(line: &str, column: usize, encoding: PositionEncoding) -> usize {
    if encoding == PositionEncoding::Utf8 {
        let mut column = column.min(line.len());
        while !line.is_char_boundary(column) {
            column -= 1;
        }
        return column;
    }
    let mut units = 0;
    for (offset, character) in line.char_indices() {
        units += if encoding == PositionEncoding::Utf16 { character.len_utf16() } else { 1 };
        if units > column {
            return offset;
        }
    }
    line.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_round_trip_over_every_line_ending() {
        let text = "a\r\nb🎉c\rd\n\u{2028}e";
        let index = LineIndex::new(text);
        assert_eq!(index.lines(), 4);
        for (offset, _) in text.char_indices() {
            for encoding in [PositionEncoding::Utf8, PositionEncoding::Utf16, PositionEncoding::Utf32] {
                let position = index.position(text, offset, encoding);
                let back = index.offset(text, position, encoding);
                let inside_break =
                    matches!(text.as_bytes()[offset], b'\n') && offset > 0 && text.as_bytes()[offset - 1] == b'\r';
                assert!(back == offset || inside_break, "{offset} {encoding:?} {position:?} {back}");
            }
        }
    }

    #[test]
    fn positions_out_of_range_are_clamped() {
        let text = "é🎉\nx";
        let index = LineIndex::new(text);
        assert_eq!(index.offset(text, Position { line: 9, character: 9 }, PositionEncoding::Utf16), text.len());
        assert_eq!(index.offset(text, Position { line: 0, character: 99 }, PositionEncoding::Utf16), 6);
        assert_eq!(index.offset(text, Position { line: 0, character: 2 }, PositionEncoding::Utf16), 2, "inside a pair");
        assert_eq!(index.position(text, 3, PositionEncoding::Utf16), Position { line: 0, character: 1 });
    }

    #[test]
    fn overlapping_edits_are_refused() {
        let edits = [TextEdit::replace(Span::new(0, 2), "x"), TextEdit::replace(Span::new(1, 3), "y")];
        assert_eq!(apply_edits("abcd", &edits), None);
        let edits = [TextEdit::insert(4, "!"), TextEdit::replace(Span::new(0, 1), "")];
        assert_eq!(apply_edits("abcd", &edits).as_deref(), Some("bcd!"));
    }
}
