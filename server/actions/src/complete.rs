//! Drafts a documentation comment behind its opening: `"""`, `/**`, `///`, `//`, `#`.

use crate::writer::WriterOptions;
use syntax::language::Language;
use syntax::text::Span;

/// A comment to be put in place of its opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocCompletion {
    /// What is replaced: the opening, and the closing where the editor put one.
    pub span: Span,
    /// The comment with tab stops (`${1:…}`), `$`, `}` and `\` escaped; indentation is as it must be, nothing is to be adjusted.
    pub snippet: String,
    /// The comment without tab stops.
    pub plain: String,
    /// What the user reads in the list.
    pub label: String,
}

/// The comment for the opening just before `offset`, if documentation goes there.
///
/// The text is read again without the opening, since an unclosed one breaks the parse.
pub fn doc_completion(
    _language: &'static Language,
    _text: &str,
    _offset: usize,
    _options: &WriterOptions,
) -> Option<DocCompletion> {
    None
}
