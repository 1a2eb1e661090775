//! What the core answers with: plain data, spans in bytes, no protocol types.

use analysis::diagnostic::Finding;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use syntax::docstring::DocStyle;
use syntax::model::{FileModel, SymbolKind};
use syntax::text::{LineIndex, Position, PositionEncoding, Span, TextEdit};

/// The findings of one version of one file.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// As the client wrote it, or made from the path.
    pub uri: String,
    /// Version of the open document; `None` for a file on disk.
    pub version: Option<i32>,
    /// The state of the document, whatever its version; 0 for a file on disk.
    pub revision: u64,
    /// Stands for the settings and customs that were in force: under other ones there may be other findings.
    pub epoch: u64,
    /// Stands for these findings: equal ids mean equal findings.
    pub result_id: String,
    /// Sorted by place.
    pub findings: Arc<[Finding]>,
    /// What they were found in; its text and lines turn spans into positions.
    pub model: Arc<FileModel>,
}

impl Diagnosis {
    /// The positions of a span's ends.
    pub fn range(&self, span: Span, encoding: PositionEncoding) -> (Position, Position) {
        let (lines, text) = (&self.model.lines, &self.model.text);
        (lines.position(text, span.start, encoding), lines.position(text, span.end, encoding))
    }
}

/// Something seen in a document, with the state of the document that its spans belong to.
#[derive(Clone, Debug)]
pub struct Seen<T> {
    /// Turns spans into positions.
    pub diagnosis: Arc<Diagnosis>,
    /// What was seen.
    pub value: T,
}

/// A place as an asker names it: bytes, and the state of the document that they were counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceAt {
    /// The bytes.
    pub span: Span,
    /// The state of the document.
    pub revision: u64,
}

/// One file's part of the diagnostics of a workspace.
#[derive(Clone, Debug)]
pub enum WorkspaceReport {
    /// The findings changed.
    Full(Arc<Diagnosis>),
    /// They are those that the client has under this id.
    Unchanged {
        /// The file.
        uri: String,
        /// Version of the open document; `None` for a file on disk.
        version: Option<i32>,
        /// The id that still holds.
        result_id: String,
    },
    /// The client has findings for a file that is there no more or cannot be analysed: they go away.
    Gone {
        /// The file, as the client wrote it.
        uri: String,
    },
}

/// What sort of action an offer is; the names are those of the protocol's kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfferKind {
    /// `quickfix`: mends findings.
    QuickFix,
    /// `refactor.rewrite`: writes or converts documentation.
    Rewrite,
    /// `source`: concerns the whole file.
    Source,
    /// `source.fixAll.code-agent`: mends all that can be mended safely.
    FixAll,
}

impl OfferKind {
    /// The protocol's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::QuickFix => "quickfix",
            Self::Rewrite => "refactor.rewrite",
            Self::Source => "source",
            Self::FixAll => "source.fixAll.code-agent",
        }
    }
}

/// Something that can be done at a place. Making one is free; [`crate::ServerCore::resolve`] makes its edit.
///
/// It serialises, so that a door can send it out and get it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Which action, as `actions` knows it.
    pub id: String,
    /// What the user reads.
    pub title: String,
    /// What sort it is.
    pub kind: OfferKind,
    /// The file.
    pub uri: String,
    /// The version it was offered for; `None` for a file on disk.
    pub version: Option<i32>,
    /// The state of the document it was offered for, whatever its version.
    pub revision: u64,
    /// First byte of the place it was offered for.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// The one to be taken without asking.
    pub preferred: bool,
    /// Indices of the findings that it mends, in the [`Diagnosis`] of the same version.
    pub findings: Vec<usize>,
}

/// The edits to one file.
#[derive(Clone, Debug)]
pub struct FileEdit {
    /// The file.
    pub uri: String,
    /// The version the edits fit; `None` for a file that is not open.
    pub version: Option<i32>,
    /// The state of the document that the edits fit, whatever its version.
    pub revision: u64,
    /// Sorted, none overlapping, in bytes of `text`.
    pub edits: Vec<TextEdit>,
    /// The text that the edits fit.
    pub text: Arc<str>,
    /// Its lines.
    pub lines: Arc<LineIndex>,
    /// What the edits rely on in `text`: the signatures and docstrings concerned. Changed meanwhile, the edits are refused.
    pub relied_on: Vec<Span>,
    /// Ranges of the text after the edits that are worth a tab stop, for clients with snippet edits: the sentences of a docstring just written.
    pub placeholders: Vec<Span>,
}

/// The edits to a number of files.
#[derive(Clone, Debug, Default)]
pub struct WorkspaceEdit {
    /// Sorted by uri; files without edits are left out.
    pub files: Vec<FileEdit>,
    /// One sentence on what was done: "Documented 3 functions in 2 files."
    pub note: String,
    /// Whether the user is to be asked before it is applied, where the client can ask.
    pub confirm: bool,
}

/// What a client can have executed. It serialises as `{"command": "document-symbol", "uri": …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Command {
    /// Make the edit of an offer.
    Apply {
        /// As it was offered.
        offer: Offer,
    },
    /// Write documentation for the symbol at a place.
    DocumentSymbol {
        /// The file.
        uri: String,
        /// A byte in the symbol.
        offset: usize,
    },
    /// Write documentation for the undocumented symbols in a selection.
    DocumentSelection {
        /// The file.
        uri: String,
        /// First byte.
        start: usize,
        /// One past the last byte.
        end: usize,
    },
    /// Write documentation for all undocumented symbols of a file.
    DocumentFile {
        /// The file.
        uri: String,
    },
    /// The same for all files of the workspace.
    DocumentWorkspace,
    /// Make existing documentation tell the truth again.
    UpdateDocs {
        /// The file.
        uri: String,
        /// A byte in the symbol; `None` means the whole file.
        offset: Option<usize>,
    },
    /// Mend every finding of a file that can be mended without inventing text.
    FixAll {
        /// The file.
        uri: String,
    },
    /// Rewrite docstrings in another style.
    ConvertStyle {
        /// The file.
        uri: String,
        /// A byte in the symbol; `None` means the whole file.
        offset: Option<usize>,
        /// The style's name: `google`, `numpy`, `sphinx`, …
        style: String,
    },
}

impl Command {
    /// The names of all commands, as a client lists and calls them, behind the prefix `code-agent.`.
    pub const NAMES: [&'static str; 8] = [
        "apply",
        "document-symbol",
        "document-selection",
        "document-file",
        "document-workspace",
        "update-docs",
        "fix-all",
        "convert-style",
    ];

    /// The same command with its place moved to another state of the document.
    pub(crate) fn moved<E>(mut self, carry: impl Fn(Span) -> Result<Span, E>) -> Result<Self, E> {
        match &mut self {
            Self::DocumentSymbol { offset, .. }
            | Self::UpdateDocs { offset: Some(offset), .. }
            | Self::ConvertStyle { offset: Some(offset), .. } => *offset = carry(Span::at(*offset))?.start,
            Self::DocumentSelection { start, end, .. } => {
                let moved = carry(Span::new(*start, *end))?;
                (*start, *end) = (moved.start, moved.end);
            }
            Self::Apply { .. }
            | Self::DocumentFile { .. }
            | Self::DocumentWorkspace
            | Self::UpdateDocs { offset: None, .. }
            | Self::FixAll { .. }
            | Self::ConvertStyle { offset: None, .. } => {}
        }
        Ok(self)
    }

    /// Its own name among [`Self::NAMES`].
    pub fn name(&self) -> &'static str {
        match self {
            Self::Apply { .. } => "apply",
            Self::DocumentSymbol { .. } => "document-symbol",
            Self::DocumentSelection { .. } => "document-selection",
            Self::DocumentFile { .. } => "document-file",
            Self::DocumentWorkspace => "document-workspace",
            Self::UpdateDocs { .. } => "update-docs",
            Self::FixAll { .. } => "fix-all",
            Self::ConvertStyle { .. } => "convert-style",
        }
    }

    /// What a user reads while it runs.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Apply { .. } => "Preparing the edit",
            Self::DocumentSymbol { .. } | Self::DocumentSelection { .. } | Self::DocumentFile { .. } => {
                "Writing documentation"
            }
            Self::DocumentWorkspace => "Documenting the workspace",
            Self::UpdateDocs { .. } => "Updating documentation",
            Self::FixAll { .. } => "Fixing documentation problems",
            Self::ConvertStyle { .. } => "Converting documentation",
        }
    }
}

/// What is shown over a symbol, Markdown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// The name that it is about.
    pub span: Span,
    /// Markdown.
    pub markdown: String,
}

/// A docstring drafted where the user began one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What the user reads in the list.
    pub label: String,
    /// Its first line, as a preview.
    pub detail: String,
    /// What is replaced: the opening that was typed.
    pub span: Span,
    /// Plain text to insert.
    pub text: String,
    /// The same with tab stops in the protocol's snippet syntax.
    pub snippet: String,
}

/// A line over a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lens {
    /// The symbol's name.
    pub span: Span,
    /// `undocumented`, `drifted: 2 findings`.
    pub title: String,
    /// What a click does.
    pub command: Command,
}

/// One symbol in a file's outline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlineItem {
    /// Its own name.
    pub name: String,
    /// Signature or type in short.
    pub detail: String,
    /// What it is.
    pub kind: SymbolKind,
    /// The definition with its documentation.
    pub span: Span,
    /// The name.
    pub name_span: Span,
    /// Deprecated by decorator or attribute.
    pub deprecated: bool,
    /// Its members.
    pub children: Vec<OutlineItem>,
}

/// One symbol of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSymbol {
    /// Its own name.
    pub name: String,
    /// What it is.
    pub kind: SymbolKind,
    /// Path of the owner; empty at the top level.
    pub container: String,
    /// The file.
    pub uri: String,
    /// Beginning of the name, already in the encoding agreed on.
    pub start: Position,
    /// End of the name.
    pub end: Position,
}

/// What a check of one file came to.
#[derive(Clone, Debug)]
pub struct FileReport {
    /// As given or as walked, never made absolute.
    pub path: PathBuf,
    /// The content; empty where there are no findings, for thrift.
    pub text: Arc<str>,
    /// Its lines, for turning spans into positions.
    pub lines: Arc<LineIndex>,
    /// Sorted by place.
    pub findings: Vec<Finding>,
    /// Why the file was left out or not read, one sentence.
    pub problem: Option<FileProblem>,
}

/// Why a file was not checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileProblem {
    /// One sentence.
    pub message: String,
    /// A file that was named by the user counts as trouble; one that a walk came upon is only skipped.
    pub is_trouble: bool,
}

/// What a run over files did to one of them.
#[derive(Clone, Debug)]
pub struct FileChangeReport {
    /// As given or as walked.
    pub path: PathBuf,
    /// The text before.
    pub before: Arc<str>,
    /// The text after; equal to `before` where nothing was to be done.
    pub after: Arc<str>,
    /// Lines of `after`.
    pub lines: Arc<LineIndex>,
    /// Docstrings written.
    pub written: usize,
    /// Findings mended.
    pub mended: usize,
    /// Findings that remain, in `after`.
    pub findings: Vec<Finding>,
    /// Why nothing was done or kept, one sentence.
    pub problem: Option<FileProblem>,
}

/// What a run over many files came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files read.
    pub files: usize,
    /// Files skipped: too large, binary.
    pub skipped: usize,
    /// Files that could not be read or written, and paths that do not exist.
    pub troubles: usize,
    /// Findings in all.
    pub findings: usize,
    /// Findings that can be mended.
    pub fixable: usize,
    /// Files whose text was changed.
    pub changed: usize,
    /// Docstrings written.
    pub written: usize,
    /// Findings mended.
    pub mended: usize,
}

/// How files are gone through.
#[derive(Clone, Debug, Default)]
pub struct BatchOptions {
    /// Threads; 0 means as many as the machine has.
    pub threads: usize,
    /// Write changed files; otherwise they are only reported.
    pub write: bool,
    /// Mend also what only may be wrong, as a person does who takes each quick fix.
    pub uncertain: bool,
    /// Only this symbol (`name`, `Class.method`), for documenting.
    pub symbol: Option<String>,
    /// Style of new documentation; `None` means what the file and the repository use.
    pub style: Option<DocStyle>,
}
