//! `code-agent document`: writes documentation where there is none.

use super::{Failure, Outcome, read_input, tell};
use crate::output::terminal::{Progress, colours};
use crate::output::{Pipe, counted, diff};
use crate::wiring::{self, Wish};
use engine::answers::{BatchOptions, FileChangeReport, Summary};
use engine::syntax::docstring::DocStyle;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Write documentation where there is none.
///
/// Prints the documented source of one file; for a folder or several files it prints what would change.
#[derive(Debug, clap::Args)]
pub struct Document {
    /// Files and folders; the current folder where none is named.
    paths: Vec<PathBuf>,
    /// Only this symbol: a name, or a path such as Class.method.
    #[arg(long, value_name = "SYMBOL")]
    symbol: Option<String>,
    /// The style of new documentation; otherwise that of the file or the repository.
    #[arg(long, value_name = "STYLE", value_parser = style)]
    style: Option<DocStyle>,
    /// Print what would change as a unified diff.
    #[arg(long, conflicts_with = "write")]
    diff: bool,
    /// Change the files.
    #[arg(long)]
    write: bool,
    /// Document the text on standard input as if it were this file, and print it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["paths", "write"])]
    stdin_filename: Option<PathBuf>,
}

fn style(name: &str) -> Result<DocStyle, String> {
    // These two are read, never written.
    let is_written = |style: &DocStyle| !matches!(style, DocStyle::Epydoc | DocStyle::Plain);
    DocStyle::from_name(name).filter(is_written).ok_or_else(|| {
        let names: Vec<&str> =
            DocStyle::ALL.iter().filter(|style| is_written(style)).map(|style| style.name()).collect();
        format!("the styles are {}", names.join(", "))
    })
}

/// What is done with the documented text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Source,
    Diff,
    Write,
}

impl Document {
    /// Documents.
    pub fn run(self) -> Result<Outcome, Failure> {
        let places = self.stdin_filename.iter().chain(&self.paths).cloned().collect();
        let core = wiring::batch(Wish { places, ..Wish::default() })?;
        let form = self.form();
        let paths = if self.paths.is_empty() { vec![PathBuf::from(".")] } else { self.paths };
        let options = BatchOptions {
            write: form == Form::Write,
            symbol: self.symbol,
            style: self.style,
            ..BatchOptions::default()
        };
        let mut out = Pipe::new(io::BufWriter::new(io::stdout().lock()));
        let colours = colours();
        if let Some(name) = &self.stdin_filename {
            let report = core.document_text(name, read_input()?, &options);
            tell(report.problem.as_ref());
            match form {
                Form::Diff => diff::write(&report, &mut out, colours)?,
                Form::Source | Form::Write => out.write_all(report.after.as_bytes())?,
            }
            out.flush()?;
            let trouble = report.problem.is_some_and(|problem| problem.is_trouble);
            return Ok(if trouble { Outcome::Trouble } else { Outcome::Clean });
        }
        let progress = Progress::new("documenting");
        let (mut failure, mut printed) = (None, false);
        let summary = core.document_paths(&paths, &options, &mut |report: FileChangeReport| {
            progress.step();
            progress.suspend(|| tell(report.problem.as_ref()));
            let written = match form {
                Form::Source if report.problem.is_none() => {
                    printed = true;
                    out.write_all(report.after.as_bytes())
                }
                Form::Diff => progress.suspend(|| diff::write(&report, &mut out, colours)),
                Form::Source | Form::Write => Ok(()),
            };
            if let Err(error) = written {
                failure.get_or_insert(error);
            }
        });
        progress.done();
        if let Some(error) = failure {
            return Err(error.into());
        }
        match form {
            // A file with nothing to add is not reported; its source is what it is.
            Form::Source if !printed && summary.troubles == 0 => {
                for path in &paths {
                    copy(path, &mut out)?;
                }
            }
            Form::Write => writeln!(out, "{}", sentence(&summary))?,
            Form::Source | Form::Diff => {}
        }
        out.flush()?;
        Ok(if summary.troubles > 0 { Outcome::Trouble } else { Outcome::Clean })
    }

    fn form(&self) -> Form {
        match self.paths.as_slice() {
            _ if self.write => Form::Write,
            _ if self.diff => Form::Diff,
            [] if self.stdin_filename.is_some() => Form::Source,
            [path] if !path.is_dir() => Form::Source,
            _ => Form::Diff,
        }
    }
}

fn copy(path: &Path, out: &mut impl Write) -> Result<(), Failure> {
    let bytes =
        std::fs::read(path).map_err(|error| Failure(format!("{} could not be read: {error}.", path.display())))?;
    out.write_all(&bytes)?;
    Ok(())
}

fn sentence(summary: &Summary) -> String {
    let files = counted(summary.files, "file");
    match summary.written {
        0 => format!("Nothing to document in {files}."),
        written => format!("Documented {} in {} of {files}.", counted(written, "symbol"), summary.changed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_tells_what_was_written() {
        let summary = Summary { files: 9, written: 1, changed: 1, ..Summary::default() };
        assert_eq!(sentence(&summary), "Documented 1 symbol in 1 of 9 files.");
        assert_eq!(sentence(&Summary { files: 1, ..Summary::default() }), "Nothing to document in 1 file.");
    }
}
