//! `code-agent acp`: an agent on standard input and output, for editors that speak the Agent Client Protocol.

use super::lsp::level;
use super::{Failure, Outcome};
use crate::wiring::{self, Wish};
use engine::config::sections::LogLevel;
use std::io::IsTerminal;

/// Be an agent on standard input and output; editors that speak the Agent Client Protocol start this.
#[derive(Debug, clap::Args)]
pub struct Acp {
    /// Log to standard error: off, error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    log: Option<LogLevel>,
}

impl Acp {
    /// Serves until the client closes its end.
    pub fn run(self) -> Result<Outcome, Failure> {
        if std::io::stdin().is_terminal() {
            return Err(Failure(
                "An agent talks to an editor, not to a terminal; `code-agent ask` answers questions here.".to_owned(),
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
            .map_err(|error| Failure(format!("The agent could not be started: {error}.")))?;
        runtime.block_on(acp::serve(core, tokio::io::stdin(), tokio::io::stdout()));
        // A read of standard input that nobody ends must not hold up the end of the process.
        runtime.shutdown_background();
        Ok(Outcome::Clean)
    }
}
