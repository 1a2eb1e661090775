//! What is shown of a symbol under the cursor: its documentation as Markdown, with marks where it drifted.

use analysis::diagnostic::Finding;
use syntax::model::FileModel;
use syntax::text::Span;

/// Text for a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoverText {
    /// What it is about: the symbol's name.
    pub span: Span,
    /// Markdown.
    pub markdown: String,
}

/// What to show at `offset`: on a symbol's name, signature or documentation.
pub fn hover(_model: &FileModel, _findings: &[Finding], _offset: usize) -> Option<HoverText> {
    None
}
