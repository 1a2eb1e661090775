//! The list of commands, one file each, and how each of them can end.

mod acp;
mod ask;
mod ask_bulk;
mod ask_fill;
mod bench;
mod check;
mod config;
mod context;
mod document;
mod languages;
mod login;
mod lsp;
mod models;
mod replay;
mod rules;
#[cfg(feature = "service")]
mod serve;
mod stats;
mod top;

use crate::output::terminal::{complain, remark};
use clap::{Parser, Subcommand};
use engine::answers::FileProblem;
use std::io::{self, Read};
use std::process::ExitCode;
use std::sync::Arc;

/// Finds documentation that is missing or no longer true, and mends it. Offline.
///
/// Without a command it is a language server on standard input and output.
#[derive(Debug, Parser)]
#[command(name = "code-agent", version, args_conflicts_with_subcommands = true)]
#[command(after_help = "Exit codes: 0 all is well, 1 there are findings, 2 wrong usage or trouble with a file.")]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// How to be a language server when no command is named.
    #[command(flatten)]
    lsp: lsp::Lsp,
}

#[derive(Debug, Subcommand)]
enum Command {
    Lsp(lsp::Lsp),
    Acp(acp::Acp),
    Ask(ask::Ask),
    Check(check::Check),
    Document(document::Document),
    Replay(replay::Replay),
    Rules(rules::Rules),
    Config(config::Config),
    Context(context::Context),
    Languages(languages::Languages),
    Models(models::Models),
    Login(login::Login),
    Token(login::Token),
    Logout(login::Logout),
    #[cfg(feature = "service")]
    Serve(serve::Serve),
    Stats(stats::Stats),
    Top(top::Top),
    Bench(bench::Bench),
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is well.
    Clean,
    /// There are findings.
    Findings,
    /// Something could not be read or written, and was said already.
    Trouble,
    /// A server ended with this code, as its protocol says.
    Code(u8),
}

/// Why a command could not do its work; the text is one sentence for the user.
#[derive(Debug)]
pub struct Failure(pub String);

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(format!("The output could not be written: {error}."))
    }
}

/// Runs a command and tells how it ended.
pub fn run(arguments: Arguments) -> ExitCode {
    let result = match arguments.command {
        None => arguments.lsp.run(),
        Some(Command::Lsp(command)) => command.run(),
        Some(Command::Acp(command)) => command.run(),
        Some(Command::Ask(command)) => command.run(),
        Some(Command::Check(command)) => command.run(),
        Some(Command::Document(command)) => command.run(),
        Some(Command::Replay(command)) => command.run(),
        Some(Command::Rules(command)) => command.run(),
        Some(Command::Config(command)) => command.run(),
        Some(Command::Context(command)) => command.run(),
        Some(Command::Languages(command)) => command.run(),
        Some(Command::Models(command)) => command.run(),
        Some(Command::Login(command)) => command.run(),
        Some(Command::Token(command)) => command.run(),
        Some(Command::Logout(command)) => command.run(),
        #[cfg(feature = "service")]
        Some(Command::Serve(command)) => command.run(),
        Some(Command::Stats(command)) => command.run(),
        Some(Command::Top(command)) => command.run(),
        Some(Command::Bench(command)) => command.run(),
    };
    match result {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Ok(Outcome::Trouble) => ExitCode::from(2),
        Ok(Outcome::Code(code)) => ExitCode::from(code),
        Err(Failure(sentence)) => {
            complain(&sentence);
            ExitCode::from(2)
        }
    }
}

/// What a command waits with for a network.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure(format!("The work could not be started: {error}.")))
}

/// The whole text on standard input.
fn read_input() -> Result<Arc<str>, Failure> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(|error| Failure(format!("Standard input could not be read: {error}.")))?;
    let text = String::from_utf8(bytes).map_err(|_| Failure("The text on standard input is not UTF-8.".to_owned()))?;
    Ok(text.into())
}

/// Says what was wrong with a file, also with one that a walk only came upon: nothing is left out in silence.
fn tell(problem: Option<&FileProblem>) {
    match problem {
        Some(problem) if problem.is_trouble => complain(&problem.message),
        Some(problem) => remark(&problem.message),
        None => {}
    }
}
