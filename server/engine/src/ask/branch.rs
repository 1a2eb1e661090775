//! The review of a whole branch: each file that it changes is reviewed for itself, and what was remarked stands in one page too.

use super::{Ask, Asked};
use crate::error::CoreError;
use crate::progress::Progress;
use crate::server_core::{ServerCore, Shared};
use std::fmt::Write;
use std::path::PathBuf;
use syntax::language::Language;
use workspace::uri;

/// Files of a branch that are reviewed; a larger one is better reviewed in parts.
const MOST_FILES: usize = 40;
/// The words of an [`Ask`] for the review of the whole branch.
pub(crate) const BRANCH: &str = "branch";

/// What a branch changes.
struct Changed {
    /// The commit at which it began.
    base: String,
    files: Vec<PathBuf>,
    /// Files that are kept from models.
    hidden: usize,
}

impl ServerCore {
    pub(super) async fn review_branch(
        &self,
        ask: &Ask,
        progress: &Progress,
        correlation: u64,
    ) -> Result<Asked, CoreError> {
        let uri = ask.uri.clone();
        let Changed { base, files, hidden } =
            self.compute("ask", correlation, move |shared: &Shared| shared.changed_by_branch(&uri)).await??;
        let (mut page, mut remarks, mut reviewed, mut source) = (String::new(), 0, 0, String::new());
        let mut failed = Vec::new();
        for (number, file) in files.iter().enumerate() {
            let uri = uri::from_path(file);
            let shown = self.shared().shown_path(&uri);
            progress.teller().report(&shown, number * 100 / files.len());
            let one = Ask { uri, words: base.clone(), revision: 0, start: 0, end: 0, ..ask.clone() };
            let uri = one.uri.clone();
            match self.ask_one(one, progress, correlation).await {
                Ok(asked) => {
                    reviewed += 1;
                    source = asked.note.rsplit(" · ").next().unwrap_or("").trim_end_matches('.').to_owned();
                    let diagnosis = self.analysis(&uri, correlation).await?.diagnosis.clone();
                    for remark in self.remarks(&diagnosis) {
                        remarks += 1;
                        let line = diagnosis.model.lines.line(remark.span.start) + 1;
                        // Writing into a string does not fail.
                        let _ = writeln!(page, "- [{shown}:{line}]({}#L{line}): {}", diagnosis.uri, remark.message);
                    }
                }
                // Where no model answers, the other files need not be tried.
                Err(error @ CoreError::Model(_)) if reviewed == 0 => return Err(error),
                // Lines that went away alone have no place for a remark.
                Err(CoreError::NothingToDo) => {}
                Err(error) if error.is_cancelled() => return Err(error),
                Err(error) => failed.push(format!("{shown}: {error}")),
            }
        }
        if reviewed == 0 {
            let nothing = || "The branch only takes lines away, which leaves nothing to remark on.".to_owned();
            return Err(CoreError::refused(failed.into_iter().next().unwrap_or_else(nothing)));
        }
        self.show_remarks();
        let count = if remarks == 1 { "1 remark".to_owned() } else { format!("{remarks} remarks") };
        let note = format!("Review of the branch: {count} on {reviewed} changed files · {source}.");
        let mut text = format!("# Review of the branch\n\n{note}\n\n{page}");
        for failure in &failed {
            let _ = writeln!(text, "\n> Not reviewed: {failure}");
        }
        if hidden > 0 {
            let _ = writeln!(text, "\n> {hidden} changed files are kept from models.");
        }
        let page = self.shared().pages.keep("Review of the branch", text);
        Ok(Asked { page: Some(page), note, ..Asked::default() })
    }
}

impl Shared {
    fn changed_by_branch(&self, uri: &str) -> Result<Changed, CoreError> {
        let root = self.root_of(uri).or_else(|| uri::to_path(uri)?.parent().map(PathBuf::from));
        let root = root.ok_or_else(|| CoreError::refused("The document is in no folder with a history."))?;
        let base = self.branch_base(&root)?;
        let changed = self.changed_files(&root, &base)?;
        let all = changed.len();
        let mut files: Vec<PathBuf> =
            changed.into_iter().filter(|file| self.check_shown(&uri::from_path(file)).is_ok()).collect();
        let hidden = all - files.len();
        files.retain(|file| Language::from_path(file).is_some());
        if files.is_empty() {
            return Err(CoreError::refused("The branch changes no file that can be reviewed."));
        }
        if files.len() > MOST_FILES {
            let count = files.len();
            return Err(CoreError::refused(format!(
                "The branch changes {count} files, more than the {MOST_FILES} that are reviewed at once."
            )));
        }
        Ok(Changed { base, files, hidden })
    }
}
