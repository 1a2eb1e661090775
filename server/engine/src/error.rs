//! What can go wrong in the core, named by what a door can do about it. Every message is one sentence for the user.

use crate::config::ConfigError;
use crate::tasks::TaskError;
use actions::edit::Refusal;
use llm::error::{Cause, LlmError};
use workspace::files::FileError;
use workspace::log::Conflict;

/// Why the core did not answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CoreError {
    /// The document is neither open nor on disk.
    #[error("{uri} is not open and could not be found on disk; open it and try again.")]
    UnknownDocument {
        /// As the client wrote it.
        uri: String,
    },
    /// No language is known for it.
    #[error("{uri} is in a language that is not supported; run `code-agent languages` to see those that are.")]
    UnsupportedLanguage {
        /// As the client wrote it.
        uri: String,
    },
    /// Larger than `limits.max-file-size`.
    #[error("{uri} has {size} bytes, more than the {limit} allowed by `limits.max-file-size`, and is not analysed.")]
    TooLarge {
        /// As the client wrote it.
        uri: String,
        /// Its size.
        size: usize,
        /// What is allowed.
        limit: usize,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The document moved on where the edit was to be made: the protocol's "content modified".
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// A task was refused, cancelled, timed out or failed.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No model answered.
    #[error(transparent)]
    Model(#[from] LlmError),
    /// It would change nothing.
    #[error("{}", Refusal::NothingToDo)]
    NothingToDo,
    /// What was asked for cannot be done, and why.
    #[error("{reason}")]
    Refused {
        /// One sentence.
        reason: String,
    },
}

impl CoreError {
    /// A refusal with its reason, a whole sentence.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::Refused { reason: reason.into() }
    }

    /// Whether a provider refused to answer what was asked: nothing failed, and asking again would not help.
    pub fn is_declined(&self) -> bool {
        matches!(self, Self::Model(error) if error.cause == Cause::ContentFilter)
    }

    /// Whether the asker went away or was overtaken, so that nothing is to be shown.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Task(TaskError::Cancelled | TaskError::Replaced))
    }
}
