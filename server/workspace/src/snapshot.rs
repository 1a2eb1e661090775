//! One version of one document, as all readers see it: immutable, and cheap to take.

use std::sync::Arc;
use syntax::document::Content;
use syntax::extract::Parsed;
use syntax::language::Language;
use syntax::text::{LineIndex, Position, PositionEncoding, Span};

/// What a document was at one version. Cloning it copies no text.
#[derive(Clone)]
pub struct Snapshot {
    /// The document, as its client wrote it.
    pub uri: Arc<str>,
    /// The client's version; `None` for a file on disk.
    pub version: Option<i32>,
    /// Which state of the document it is, whatever the client's version says; 0 for a file on disk.
    pub revision: u64,
    /// Its language, if it is a supported one.
    pub language: Option<&'static Language>,
    /// The last tree, moved along with the edits since; what an incremental parse begins with.
    pub parsed: Option<Parsed>,
    content: Arc<Content>,
}

impl Snapshot {
    /// A snapshot of `content`.
    pub fn new(
        uri: Arc<str>,
        version: Option<i32>,
        revision: u64,
        language: Option<&'static Language>,
        content: Arc<Content>,
        parsed: Option<Parsed>,
    ) -> Self {
        Self { uri, version, revision, language, parsed, content }
    }

    /// Length in bytes, known without making the text.
    pub fn size(&self) -> usize {
        self.content.len()
    }

    /// The whole text, made once for each version.
    pub fn text(&self) -> Arc<str> {
        self.content.text()
    }

    /// Its lines, found once for each version.
    pub fn lines(&self) -> Arc<LineIndex> {
        self.content.lines()
    }

    /// The byte at a position, clamped.
    pub fn offset(&self, position: Position, encoding: PositionEncoding) -> usize {
        self.content.offset(position, encoding)
    }

    /// The bytes between two positions, clamped.
    pub fn span(&self, start: Position, end: Position, encoding: PositionEncoding) -> Span {
        Span::new(self.offset(start, encoding), self.offset(end, encoding))
    }

    /// The position of a byte, clamped.
    pub fn position(&self, offset: usize, encoding: PositionEncoding) -> Position {
        self.content.position(offset, encoding)
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Snapshot")
            .field("uri", &self.uri)
            .field("version", &self.version)
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}
