//! The action *Update documentation*: makes existing documentation true again and keeps every human sentence.

use crate::edit::Refusal;
use crate::writer::WriterOptions;
use analysis::diagnostic::Finding;
use syntax::model::FileModel;
use syntax::text::TextEdit;

/// What [`mend_reported`] did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mending {
    /// The edits, sorted, none overlapping.
    pub edits: Vec<TextEdit>,
    /// Findings (by index in the list given) that no edit mends, and why.
    pub skipped: Vec<Skipped>,
}

/// A finding that was left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Index in the findings given.
    pub finding: usize,
    /// One sentence.
    pub reason: String,
}

/// The edits that mend what `findings` say; all findings of one docstring are mended together.
pub fn mend(model: &FileModel, findings: &[Finding], options: &WriterOptions) -> Result<Vec<TextEdit>, Refusal> {
    mend_reported(model, findings, options).map(|mending| mending.edits)
}

/// [`mend`] with a list of what could not be mended.
pub fn mend_reported(_model: &FileModel, _findings: &[Finding], _options: &WriterOptions) -> Result<Mending, Refusal> {
    Ok(Mending::default())
}
