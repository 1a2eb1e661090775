//! The action *Fix all*: mends every finding of a file that can be mended without writing documentation where there is none.

use crate::edit::Refusal;
use crate::update_docs::{Mending, mend_reported};
use crate::writer::WriterOptions;
use analysis::diagnostic::Finding;
use syntax::model::FileModel;

/// The edits that mend all findings; missing documentation is left to [`crate::document`], and what may be wrong to a person.
pub fn fix_all(model: &FileModel, findings: &[Finding], options: &WriterOptions) -> Result<Mending, Refusal> {
    let kept: Vec<usize> =
        (0..findings.len()).filter(|&index| findings.get(index).is_some_and(Finding::is_mended_unasked)).collect();
    let chosen: Vec<Finding> = kept.iter().filter_map(|&index| findings.get(index).cloned()).collect();
    let mut mending = mend_reported(model, &chosen, options)?;
    for skipped in &mut mending.skipped {
        skipped.finding = kept.get(skipped.finding).copied().unwrap_or(skipped.finding);
    }
    Ok(mending)
}
