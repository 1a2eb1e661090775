//! `code-agent replay`: a recorded session played again, and what is different.

use super::{Failure, Outcome};
use crate::output::terminal::complain;
use crate::wiring::{self, Wish};
use std::path::PathBuf;

/// Play a session again that `code-agent lsp --record FILE` wrote down, without its editor and without any model, and tell what is different.
/// Exits with 1 where something is.
#[derive(Debug, clap::Args)]
pub struct Replay {
    /// The record.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Replay {
    /// Plays it.
    pub fn run(self) -> Result<Outcome, Failure> {
        let record = std::fs::read_to_string(&self.file)
            .map_err(|error| Failure(format!("{} could not be read: {error}.", self.file.display())))?;
        let (core, _) = wiring::editor(Wish::default());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Failure(format!("The session could not be played: {error}.")))?;
        let differences = runtime.block_on(lsp::replay(core, &record)).map_err(Failure)?;
        runtime.shutdown_background();
        differences.iter().for_each(|difference| complain(difference));
        Ok(if differences.is_empty() { Outcome::Clean } else { Outcome::Findings })
    }
}
