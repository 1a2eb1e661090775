//! `code-agent stats`: checks files and tells how long everything took.

use super::{Failure, Outcome, tell};
use crate::output::Pipe;
use crate::output::terminal::Progress;
use crate::wiring::{self, Wish};
use engine::answers::BatchOptions;
use std::io::Write;
use std::path::PathBuf;

/// Check files, report no findings, and tell how long parsing, reading and rules took.
#[derive(Debug, clap::Args)]
pub struct Stats {
    /// Files and folders; the current folder where none is named.
    paths: Vec<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

impl Stats {
    /// Checks and prints the measures.
    pub fn run(self) -> Result<Outcome, Failure> {
        let core = wiring::batch(Wish { places: self.paths.clone(), ..Wish::default() })?;
        let paths = if self.paths.is_empty() { vec![PathBuf::from(".")] } else { self.paths };
        let progress = Progress::new("measuring");
        let summary = core.check_paths(&paths, &BatchOptions::default(), &mut |report| {
            progress.step();
            progress.suspend(|| tell(report.problem.as_ref()));
        });
        progress.done();
        let stats = core.metrics().stats();
        let mut out = Pipe::new(std::io::stdout().lock());
        if self.json {
            serde_json::to_writer(&mut out, &stats).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            write!(out, "{}", stats.table())?;
        }
        out.flush()?;
        Ok(if summary.troubles > 0 { Outcome::Trouble } else { Outcome::Clean })
    }
}
