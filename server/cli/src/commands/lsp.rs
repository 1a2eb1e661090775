//! `code-agent lsp`: the language server on standard input and output.

use super::{Failure, Outcome};
use crate::wiring::{self, Wish};
use engine::config::sections::LogLevel;
#[cfg(feature = "service")]
use llm::config::KeySource;
use lsp::Record;
use std::fs::{File, OpenOptions};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Be a language server on standard input and output; editors start this.
#[derive(Debug, clap::Args)]
pub struct Lsp {
    /// Accepted because many clients append it; standard input and output are used anyway.
    #[arg(long)]
    stdio: bool,
    /// Log to standard error: off, error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    log: Option<LogLevel>,
    /// Write the whole conversation with the editor down, one message a line, and what models answered. It holds the text of your documents.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Be the language server of a service, `https://HOST:PORT`, with its models: what is opened goes there, and no file is looked at here.
    #[cfg(feature = "service")]
    #[arg(long, value_name = "URL", conflicts_with = "record")]
    connect: Option<String>,
    /// Where the token for the service is: env:NAME or file:PATH. Left out, `code-agent login` has to have signed you in.
    #[cfg(feature = "service")]
    #[arg(long, value_name = "PLACE", requires = "connect", value_parser = super::top::source)]
    token: Option<KeySource>,
}

/// The level of this name.
pub(super) fn level(name: &str) -> Result<LogLevel, String> {
    let all = [LogLevel::Off, LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];
    all.into_iter().find(|level| level.name() == name).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|level| level.name()).collect();
        format!("the levels are {}", names.join(", "))
    })
}

/// A new file that nobody but its owner reads.
fn private_file(path: &Path) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| Failure(format!("{} could not be written: {error}.", path.display())))
}

/// Hands on what the editor says to a service, and what that says to the editor.
#[cfg(feature = "service")]
fn connect(url: &str, token: Option<&KeySource>) -> Result<Outcome, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure(format!("The server could not be started: {error}.")))?;
    let outcome = runtime.block_on(async {
        // Later on others write there.
        let connection = match connected(url, token).await {
            Ok(connection) => connection,
            Err(failure) => {
                tell_editor(&failure.0);
                editor_left().await;
                return Err(failure);
            }
        };
        let gateway::Connection { to_service, from_service, ended } = connection;
        let outcome = lsp::relay(tokio::io::stdin(), tokio::io::stdout(), to_service, from_service).await;
        if outcome == lsp::Outcome::Clean {
            return Ok(Outcome::Code(outcome.exit_code()));
        }
        // Why the service hung up, where it did.
        let reason = tokio::time::timeout(std::time::Duration::from_secs(1), ended).await;
        match reason.ok().and_then(Result::ok).flatten() {
            Some(reason) => Err(Failure(format!("{url} ended the session: {reason}"))),
            None => Ok(Outcome::Code(outcome.exit_code())),
        }
    });
    runtime.shutdown_background();
    outcome
}

#[cfg(feature = "service")]
async fn connected(url: &str, token: Option<&KeySource>) -> Result<gateway::Connection, Failure> {
    let token = match token {
        Some(place) => wiring::secret(place).map_err(|problem| Failure(problem.replace("Its key", "The token")))?,
        None => super::login::access(Some(url.trim_end_matches('/'))).await?,
    };
    gateway::connect(url, &token).await.map_err(|error| Failure(error.to_string()))
}

/// Has the editor show why there is no server; most editors put what stands on standard error where nobody looks.
#[cfg(feature = "service")]
fn tell_editor(reason: &str) {
    use std::io::Write;
    let params = serde_json::json!({ "type": 1, "message": reason });
    let message = serde_json::json!({ "jsonrpc": "2.0", "method": "window/showMessage", "params": params });
    let text = message.to_string();
    let mut output = std::io::stdout().lock();
    let told = write!(output, "Content-Length: {}\r\n\r\n{text}", text.len()).and_then(|()| output.flush());
    if told.is_err() {
        tracing::debug!("The editor is gone.");
    }
}

/// Ends when the editor closed its end, or a moment later: some forget what they were told when the server ends before they have handled it.
#[cfg(feature = "service")]
async fn editor_left() {
    let rest = async { tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await };
    if tokio::time::timeout(std::time::Duration::from_secs(1), rest).await.is_err() {
        tracing::debug!("The editor is still there.");
    }
}

impl Lsp {
    /// Serves until the client says goodbye.
    pub fn run(self) -> Result<Outcome, Failure> {
        if !self.stdio && std::io::stdin().is_terminal() {
            return Err(Failure(
                "A language server talks to an editor, not to a terminal; `code-agent --help` lists the other commands.".to_owned(),
            ));
        }
        #[cfg(feature = "service")]
        if let Some(url) = &self.connect {
            return connect(url, self.token.as_ref());
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
        let (input, output) = (tokio::io::stdin(), tokio::io::stdout());
        let outcome = match &self.record {
            None => runtime.block_on(lsp::serve(core, input, output)),
            Some(path) => {
                let record = Record::new(private_file(path)?);
                runtime.block_on(lsp::serve_recorded(core, input, output, record))
            }
        };
        // A read of standard input that nobody ends must not hold up the end of the process.
        runtime.shutdown_background();
        Ok(Outcome::Code(outcome.exit_code()))
    }
}
