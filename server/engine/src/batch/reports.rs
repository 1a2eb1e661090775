//! What runs over files report when there is nothing to report but trouble, and how reports add up.

use crate::answers::{FileChangeReport, FileProblem, FileReport, Summary};
use crate::error::CoreError;
use analysis::diagnostic::Finding;
use std::path::Path;
use std::sync::Arc;
use syntax::text::LineIndex;

pub(super) fn unsupported(path: &Path) -> FileProblem {
    let error = CoreError::UnsupportedLanguage { uri: path.display().to_string() };
    FileProblem { message: error.to_string(), is_trouble: true }
}

pub(super) fn problem_report(path: &Path, problem: FileProblem) -> FileReport {
    FileReport {
        path: path.into(),
        text: "".into(),
        lines: Arc::new(LineIndex::new("")),
        findings: Vec::new(),
        problem: Some(problem),
    }
}

pub(super) fn problem_change(path: &Path, problem: FileProblem) -> FileChangeReport {
    FileChangeReport {
        path: path.into(),
        before: "".into(),
        after: "".into(),
        lines: Arc::new(LineIndex::new("")),
        written: 0,
        mended: 0,
        findings: Vec::new(),
        problem: Some(problem),
    }
}

pub(super) fn internal(path: &Path, message: &str) -> FileProblem {
    let message =
        format!("An internal error stopped the work on {} ({message}); the file is left as it is.", path.display());
    FileProblem { message, is_trouble: true }
}

pub(super) fn panicked(path: &Path, message: &str) -> FileReport {
    problem_report(path, internal(path, message))
}

pub(super) fn panicked_change(path: &Path, message: &str) -> FileChangeReport {
    problem_change(path, internal(path, message))
}

impl Summary {
    fn count_problem(&mut self, problem: Option<&FileProblem>) {
        match problem {
            None => self.files += 1,
            Some(problem) if problem.is_trouble => self.troubles += 1,
            Some(_) => self.skipped += 1,
        }
    }

    fn count_findings(&mut self, findings: &[Finding]) {
        self.findings += findings.len();
        self.fixable += findings.iter().filter(|finding| !finding.repairs.is_empty()).count();
    }

    pub(super) fn count_check(&mut self, report: &FileReport) {
        self.count_problem(report.problem.as_ref());
        self.count_findings(&report.findings);
    }

    pub(super) fn count_change(&mut self, report: &FileChangeReport) {
        self.count_problem(report.problem.as_ref());
        self.count_findings(&report.findings);
        self.changed += usize::from(report.before != report.after);
        self.written += report.written;
        self.mended += report.mended;
    }
}
