//! Content lines and running text that know from which bytes of the file they came.
//!
//! Parsers work on these and never count offsets by hand.

use super::block::{columns, gap_len};
use super::{CommentForm, DefaultMention, DocBlock, Entry, EntryKind};
use crate::text::Span;

/// A slice of the file and its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    /// Offset of its first byte.
    pub at: usize,
    /// Its text.
    pub text: &'a str,
}

impl<'a> Piece<'a> {
    /// Where it stands.
    pub fn span(self) -> Span {
        Span::new(self.at, self.at + self.text.len())
    }

    /// The part from byte `offset` on; empty where the offset does not fit.
    pub fn from(self, offset: usize) -> Self {
        match self.text.get(offset..) {
            Some(text) => Self { at: self.at + offset, text },
            None => Self { at: self.at + self.text.len(), text: "" },
        }
    }

    /// The part before byte `offset`.
    pub fn to(self, offset: usize) -> Self {
        Self { at: self.at, text: self.text.get(..offset).unwrap_or(self.text) }
    }

    /// Without white space at the start.
    pub fn trim_start(self) -> Self {
        self.from(self.text.len() - self.text.trim_start().len())
    }

    /// Without white space at both ends.
    pub fn trim(self) -> Self {
        let piece = self.trim_start();
        piece.to(piece.text.trim_end().len())
    }

    /// The rest behind `prefix`.
    pub fn strip(self, prefix: &str) -> Option<Self> {
        self.text.starts_with(prefix).then(|| self.from(prefix.len()))
    }

    /// Whether there is nothing in it.
    pub fn is_empty(self) -> bool {
        self.text.is_empty()
    }
}

/// A content line without its own indentation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    /// What it says.
    pub piece: Piece<'a>,
    /// Columns of white space before it, the common indentation not counted.
    pub indent: usize,
}

/// The content lines of a block.
pub(crate) struct Lines<'a> {
    lines: Vec<Line<'a>>,
    end: usize,
}

impl<'a> Lines<'a> {
    /// Measures the lines of `block`.
    pub fn new(text: &'a str, block: &DocBlock) -> Self {
        // Tabs make a column depend on all that stands before it, so Python lines are measured from their physical start.
        let absolute = matches!(block.form, CommentForm::PythonString { .. });
        let mut lines: Vec<Line<'a>> = Vec::with_capacity(block.lines.len());
        for (number, line) in block.lines.iter().enumerate() {
            let content = line.span.of(text);
            let gap = gap_len(content);
            let piece = Piece { at: line.span.start, text: content };
            let before = if absolute && number > 0 {
                text.get(line.physical.start..line.span.start + gap).unwrap_or("")
            } else {
                content.get(..gap).unwrap_or("")
            };
            lines.push(Line { piece: piece.from(gap), indent: columns(before, 0) });
        }
        if absolute {
            let rest = lines.get(1..).unwrap_or(&[]).iter();
            let margin = rest.filter(|line| !line.piece.is_empty()).map(|line| line.indent).min().unwrap_or(0);
            for line in lines.iter_mut().skip(1) {
                line.indent = line.indent.saturating_sub(margin);
            }
        }
        Self { lines, end: block.span.end }
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// What line `number` says, without indentation; nothing where there is no such line.
    pub fn piece(&self, number: usize) -> Piece<'a> {
        self.lines.get(number).map_or(Piece { at: self.end, text: "" }, |line| line.piece)
    }

    /// The text of [`Lines::piece`].
    pub fn text(&self, number: usize) -> &'a str {
        self.piece(number).text
    }

    /// Columns before what it says.
    pub fn indent(&self, number: usize) -> usize {
        self.lines.get(number).map_or(0, |line| line.indent)
    }

    /// Whether the line is blank, or there is no such line.
    pub fn blank(&self, number: usize) -> bool {
        self.piece(number).is_empty()
    }

    /// The first line from `number` on that is not blank.
    pub fn next_filled(&self, number: usize) -> Option<usize> {
        (number..self.len()).find(|&at| !self.blank(at))
    }

    /// `end` moved back over blank lines, not past `start`.
    pub fn trim_blank(&self, start: usize, mut end: usize) -> usize {
        while end > start && self.blank(end - 1) {
            end -= 1;
        }
        end
    }

    /// Lines `range` as running text.
    pub fn flow(&self, range: std::ops::Range<usize>) -> Flow {
        let mut flow = Flow::default();
        for number in range {
            flow.push(self.piece(number));
        }
        flow
    }
}

/// Pieces joined by single spaces, with the way back to their places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flow {
    /// The joined text.
    pub text: String,
    /// Start in the joined text and place in the file of each piece.
    parts: Vec<(usize, Span)>,
}

impl Flow {
    /// Adds a piece; white space at its ends is dropped.
    pub fn push(&mut self, piece: Piece<'_>) {
        let piece = piece.trim();
        if piece.is_empty() {
            return;
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.parts.push((self.text.len(), piece.span()));
        self.text.push_str(piece.text);
    }

    /// The place of bytes `start..end` of the joined text, if they come from one piece.
    pub fn span(&self, start: usize, end: usize) -> Option<Span> {
        let part = self.parts.partition_point(|&(from, _)| from <= start).checked_sub(1)?;
        let &(from, span) = self.parts.get(part)?;
        let place = Span::new(span.start + (start - from), span.start + (end.max(start) - from));
        (place.end <= span.end).then_some(place)
    }

    /// From the first to the last byte.
    pub fn outer(&self) -> Option<Span> {
        Some(Span::new(self.parts.first()?.1.start, self.parts.last()?.1.end))
    }

    /// The default at bytes `start..end`, if they come from one piece.
    pub fn default_at(&self, start: usize, end: usize) -> Option<DefaultMention> {
        let span = self.span(start, end)?;
        Some(DefaultMention { value: self.text.get(start..end)?.to_owned(), span })
    }
}

/// An entry of which only the kind is known.
pub(crate) fn bare_entry(kind: EntryKind, section: Option<usize>) -> Entry {
    Entry {
        kind,
        section,
        tag: None,
        tag_span: None,
        names: Vec::new(),
        type_text: None,
        optional: false,
        default: None,
        description: String::new(),
        description_span: Span::at(0),
        lines: 0..0,
    }
}

/// Gives an entry its description, or an empty one at `end`, and the default that the description states.
pub(crate) fn describe(entry: &mut Entry, flow: &Flow, end: usize) {
    entry.description_span = flow.outer().unwrap_or(Span::at(end));
    entry.description = flow.text.clone();
    if entry.default.is_none() && matches!(entry.kind, EntryKind::Param | EntryKind::Attribute | EntryKind::TypeParam) {
        entry.default = super::prose::default_in(flow);
    }
}
