//! What the version control of a file says of it: the text it had, what changed since, which files a branch changes.
//!
//! Runs `git`, for a bounded time, with nothing of the repository's own configuration that starts other programs.

use crate::error::CoreError;
use crate::server_core::Shared;
use actions::context::changes;
use security::cage::{Bounds, CageError, run};
use std::path::{Path, PathBuf};
use std::time::Duration;
use syntax::model::FileModel;
use syntax::text::Span;
use workspace::uri;

/// What `git` may take.
const GIT: Bounds = Bounds { time: Duration::from_secs(5), output: 4 << 20 };
/// Branches that others begin at, in the order in which they are looked for.
const BASES: [&str; 5] = ["origin/HEAD", "origin/main", "origin/master", "main", "master"];

impl Shared {
    /// The text that a file had at a commit; empty where it was not there yet.
    ///
    /// # Errors
    /// If the folder has no history.
    pub(super) fn committed_text(&self, uri: &str, commit: &str) -> Result<String, CoreError> {
        self.wants_disk()?;
        let path = uri::to_path(uri).ok_or_else(|| CoreError::UnknownDocument { uri: uri::display(uri) })?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Said first, so that a file that is new is told from a folder without history.
        git(folder, &["rev-parse", "--git-dir"])
            .map_err(|error| CoreError::refused(format!("There is no history to compare with: {error}")))?;
        Ok(git(folder, &["show", &format!("{commit}:./{name}")]).unwrap_or_default())
    }

    /// The commit at which the branch of a folder left the one that it is going to be merged into.
    ///
    /// # Errors
    /// If there is no such branch.
    pub(super) fn branch_base(&self, folder: &Path) -> Result<String, CoreError> {
        self.wants_disk()?;
        let base = BASES.iter().find_map(|base| git(folder, &["merge-base", "HEAD", base]).ok());
        let base = base.map(|base| base.trim().to_owned()).filter(|base| !base.is_empty());
        base.ok_or_else(|| {
            CoreError::refused(format!("There is no branch to compare with; one of {} is wanted.", BASES.join(", ")))
        })
    }

    /// The files below a folder that differ from a commit and are still there, sorted.
    ///
    /// # Errors
    /// If `git` does not say.
    pub(super) fn changed_files(&self, folder: &Path, commit: &str) -> Result<Vec<PathBuf>, CoreError> {
        self.wants_disk()?;
        let list = |arguments: &[&str]| {
            git(folder, arguments)
                .map_err(|error| CoreError::refused(format!("The changed files are not known: {error}")))
        };
        let mut names =
            list(&["diff", "--name-only", "--relative", "--no-ext-diff", "--no-textconv", "-z", commit, "--"])?;
        names.push_str(&list(&["ls-files", "--others", "--exclude-standard", "-z"])?);
        let mut files: Vec<PathBuf> =
            names.split('\0').filter(|name| !name.is_empty()).map(|name| folder.join(name)).collect();
        files.retain(|file| file.is_file());
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// Whether the folder is at work on a branch that is none of those that others begin at. Reads one small file, and starts nothing.
    pub(crate) fn is_on_branch(&self, root: &Path) -> bool {
        let head = std::fs::read_to_string(root.join(".git/HEAD")).unwrap_or_default();
        let branch = head.trim().strip_prefix("ref: refs/heads/");
        branch.is_some_and(|branch| !matches!(branch, "main" | "master" | "trunk" | "develop"))
    }

    /// What changed in a file since the last commit, near a place first; nothing where there is no history.
    pub(super) fn changes_near(&self, uri: &str, model: &FileModel, span: Span, most: usize) -> Option<String> {
        self.root_of(uri).filter(|root| root.join(".git").exists())?;
        let before = self.committed_text(uri, "HEAD").ok().filter(|before| !before.is_empty())?;
        let first = model.lines.line(span.start);
        Some(changes(&before, &model.text, first, most)).filter(|text| !text.is_empty())
    }
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String, CageError> {
    let folder = folder.to_string_lossy();
    // A monitor of files is a program that the repository names.
    let before = ["-c", "core.fsmonitor=false", "-C", &folder];
    let arguments: Vec<String> = before.iter().chain(arguments).map(|word| (*word).to_owned()).collect();
    run("git", &arguments, GIT).map(|text| String::from_utf8_lossy(&text).into_owned())
}
