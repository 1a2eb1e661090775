//! `code-agent lsp`: the language server on standard input and output.

use super::{Failure, Outcome};
use crate::wiring::{self, Wish};
use engine::config::sections::LogLevel;
use std::io::IsTerminal;

/// Be a language server on standard input and output; editors start this.
#[derive(Debug, clap::Args)]
pub struct Lsp {
    /// Accepted because many clients append it; standard input and output are used anyway.
    #[arg(long)]
    stdio: bool,
    /// Log to standard error: off, error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    log: Option<LogLevel>,
}

/// The level of this name.
pub(super) fn level(name: &str) -> Result<LogLevel, String> {
    let all = [LogLevel::Off, LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];
    all.into_iter().find(|level| level.name() == name).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|level| level.name()).collect();
        format!("the levels are {}", names.join(", "))
    })
}

impl Lsp {
    /// Serves until the client says goodbye.
    pub fn run(self) -> Result<Outcome, Failure> {
        if !self.stdio && std::io::stdin().is_terminal() {
            return Err(Failure(
                "A language server talks to an editor, not to a terminal; `code-agent --help` lists the other commands.".to_owned(),
            ));
        }
        let (core, errors) = wiring::editor(Wish { log: self.log, ..Wish::default() });
        for error in errors {
            tracing::error!("{error}");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Failure(format!("The server could not be started: {error}.")))?;
        let outcome = runtime.block_on(lsp::serve(core, tokio::io::stdin(), tokio::io::stdout()));
        // A read of standard input that nobody ends must not hold up the end of the process.
        runtime.shutdown_background();
        Ok(Outcome::Code(outcome.exit_code()))
    }
}
