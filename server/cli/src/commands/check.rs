//! `code-agent check`: finds what is wrong in files, and mends what can be mended.

use super::{Failure, Outcome, read_input, tell};
use crate::output::terminal::{Progress, colours};
use crate::output::{Pipe, Reporter, github::Github, json::Json, sarif::Sarif, text::Text};
use crate::wiring::{self, Wish};
use engine::analysis::baseline::Baseline;
use engine::analysis::settings::Profile;
use engine::answers::{BatchOptions, FileChangeReport, FileProblem, FileReport, Summary};
use engine::syntax::text::LineIndex;
use std::io::Write;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Find what is wrong with documentation and code.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// Files and folders; the current folder where none is named.
    paths: Vec<PathBuf>,
    /// How findings are written down.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The set of rules: default, strict, pydoclint, jsdoc or clippy.
    #[arg(long, value_name = "PROFILE", value_parser = profile)]
    profile: Option<Profile>,
    /// Mend what can be mended; findings that remain are reported.
    #[arg(long)]
    fix: bool,
    /// With --fix: mend also what only may be wrong, as the quick fixes of an editor do; look at the result.
    #[arg(long, requires = "fix")]
    uncertain: bool,
    /// Check the text on standard input as if it were this file; with --fix, print the mended text and nothing else.
    #[arg(long, value_name = "FILE", conflicts_with = "paths")]
    stdin_filename: Option<PathBuf>,
    /// Leave out the findings that this file accepts.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Accept all findings of now: write them into the file of --baseline.
    #[arg(long, requires = "baseline", conflicts_with_all = ["fix", "stdin_filename"])]
    write_baseline: bool,
}

/// How findings are written down.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON object a line; columns count UTF-16 code units.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// Workflow commands of GitHub.
    Github,
}

fn profile(name: &str) -> Result<Profile, String> {
    Profile::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Profile::ALL.iter().map(|profile| profile.name()).collect();
        format!("the profiles are {}", names.join(", "))
    })
}

impl Check {
    /// Checks, and mends if asked to.
    pub fn run(self) -> Result<Outcome, Failure> {
        let places = self.stdin_filename.iter().chain(&self.paths).cloned().collect();
        let core = wiring::batch(Wish { profile: self.profile, places, ..Wish::default() })?;
        let accepted = match &self.baseline {
            Some(path) if !self.write_baseline => read_baseline(path)?,
            _ => Baseline::default(),
        };
        let mut run = Run {
            reporter: self.format.reporter(),
            out: Pipe::new(std::io::BufWriter::new(std::io::stdout().lock())),
            folder: self.baseline.as_deref().map(folder_of).unwrap_or_default(),
            accepted,
            seen: self.write_baseline.then(Baseline::default),
            summary: Summary::default(),
            failure: None,
        };
        let paths = if self.paths.is_empty() { vec![PathBuf::from(".")] } else { self.paths.clone() };
        let summary = if let Some(name) = self.stdin_filename.as_ref().filter(|_| self.fix) {
            let report = core.fix_text(
                name,
                read_input()?,
                &BatchOptions { uncertain: self.uncertain, ..BatchOptions::default() },
            );
            run.reporter = Box::new(Source { text: report.after.clone() });
            let summary =
                Summary { files: 1, troubles: usize::from(is_trouble(report.problem.as_ref())), ..Summary::default() };
            run.file(remaining(report));
            summary
        } else if let Some(name) = &self.stdin_filename {
            let report = core.check_text(name, read_input()?);
            let summary =
                Summary { files: 1, troubles: usize::from(is_trouble(report.problem.as_ref())), ..Summary::default() };
            run.file(report);
            summary
        } else if self.fix {
            let progress = Progress::new("mending");
            let options = BatchOptions { write: true, uncertain: self.uncertain, ..BatchOptions::default() };
            let summary = core.fix_paths(&paths, &options, &mut |report| {
                progress.step();
                progress.suspend(|| run.file(remaining(report)));
            });
            progress.done();
            summary
        } else {
            let progress = Progress::new("checking");
            let summary = core.check_paths(&paths, &BatchOptions::default(), &mut |report| {
                progress.step();
                progress.suspend(|| run.file(report));
            });
            progress.done();
            summary
        };
        if let (Some(path), Some(seen)) = (&self.baseline, &run.seen) {
            std::fs::write(path, seen.write())
                .map_err(|error| Failure(format!("{} could not be written: {error}.", path.display())))?;
            run.summary = Summary::default();
        }
        run.finish(summary)
    }
}

impl Format {
    fn reporter(self) -> Box<dyn Reporter> {
        match self {
            Self::Text => Box::new(Text::new(colours())),
            Self::Json => Box::new(Json),
            Self::Sarif => Box::<Sarif>::default(),
            Self::Github => Box::new(Github),
        }
    }
}

/// One run: where findings go, and what of them is counted.
struct Run<W> {
    reporter: Box<dyn Reporter>,
    out: Pipe<W>,
    /// The folder of the baseline, which its paths are relative to.
    folder: PathBuf,
    accepted: Baseline,
    /// Gathers the findings for a new baseline; they are not reported then.
    seen: Option<Baseline>,
    /// Findings that were reported.
    summary: Summary,
    failure: Option<std::io::Error>,
}

impl<W: Write> Run<W> {
    fn file(&mut self, mut report: FileReport) {
        tell(report.problem.as_ref());
        let path = relative_to(&report.path, &self.folder);
        if let Some(seen) = &mut self.seen {
            for finding in &report.findings {
                seen.add(&path, finding);
            }
            return;
        }
        self.accepted.filter(&path, &mut report.findings);
        self.summary.findings += report.findings.len();
        // What is missing altogether is written by `document`, not by --fix.
        self.summary.fixable += report.findings.iter().filter(|finding| finding.is_mended_unasked()).count();
        if let Err(error) = self.reporter.file(&report, &mut self.out) {
            self.failure.get_or_insert(error);
        }
    }

    fn finish(mut self, whole: Summary) -> Result<Outcome, Failure> {
        let summary = Summary { findings: self.summary.findings, fixable: self.summary.fixable, ..whole };
        if let Some(error) = self.failure {
            return Err(error.into());
        }
        if self.seen.is_none() {
            self.reporter.finish(&summary, &mut self.out)?;
        }
        self.out.flush()?;
        Ok(match summary {
            Summary { troubles: 1.., .. } => Outcome::Trouble,
            Summary { findings: 1.., .. } => Outcome::Findings,
            _ => Outcome::Clean,
        })
    }
}

/// Writes the mended text of standard input, whatever is left to be said of it.
struct Source {
    text: Arc<str>,
}

impl Reporter for Source {
    fn file(&mut self, _report: &FileReport, _out: &mut dyn Write) -> std::io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, _summary: &Summary, out: &mut dyn Write) -> std::io::Result<()> {
        out.write_all(self.text.as_bytes())
    }
}

/// What is left of a file's findings after it was mended.
fn remaining(report: FileChangeReport) -> FileReport {
    let lines = Arc::new(LineIndex::new(&report.after));
    FileReport { path: report.path, text: report.after, lines, findings: report.findings, problem: report.problem }
}

fn is_trouble(problem: Option<&FileProblem>) -> bool {
    problem.is_some_and(|problem| problem.is_trouble)
}

fn read_baseline(path: &Path) -> Result<Baseline, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure(format!("{} could not be read: {error}.", path.display())))?;
    Baseline::parse(&text).map_err(|error| Failure(format!("{}: {error}", path.display())))
}

fn folder_of(path: &Path) -> PathBuf {
    normal(path).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// The path of a file as a baseline in `folder` names it.
fn relative_to(path: &Path, folder: &Path) -> String {
    let normal = normal(path);
    normal.strip_prefix(folder).unwrap_or(&normal).to_string_lossy().replace('\\', "/")
}

/// The whole path without `.` and `..`, so that one file has one name from wherever it is looked at.
fn normal(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    whole.components().fold(PathBuf::new(), |mut normal, part| {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
        normal
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_names_files_from_its_own_folder() {
        let folder = folder_of(Path::new("here/baseline.json"));
        assert_eq!(relative_to(Path::new("./here/src/a.py"), &folder), "src/a.py");
        assert_eq!(relative_to(Path::new("here/src/a.py"), &folder), "src/a.py");
        assert_eq!(relative_to(Path::new("elsewhere/../here/src/a.py"), &folder), "src/a.py");
        assert_eq!(folder_of(Path::new("there/../here/baseline.json")), folder);
        let outside = relative_to(Path::new("/elsewhere/b.py"), &folder);
        assert_eq!(outside, "/elsewhere/b.py");
    }

    #[test]
    fn an_unknown_profile_is_answered_with_those_that_are_known() {
        assert_eq!(profile("strict"), Ok(Profile::Strict));
        assert!(profile("loud").unwrap_err().contains("pydoclint"));
    }
}
