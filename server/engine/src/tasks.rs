//! Tasks. (Signatures first.)

/// Why a task gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// The queue is full.
    #[error("The server is busy: {waiting} tasks are waiting already; try again in a moment.")]
    Busy {
        /// How many wait.
        waiting: usize,
    },
    /// The asker went away.
    #[error("The task was cancelled.")]
    Cancelled,
    /// A newer task of the same key took its place.
    #[error("The task was replaced by a newer one.")]
    Replaced,
    /// It took longer than allowed.
    #[error("The task took longer than allowed and was stopped; try again, or raise `limits.deadline`.")]
    Deadline,
    /// It failed in a way that is an error of this program.
    #[error("An internal error stopped the task ({message}); nothing was changed, please report it.")]
    Panicked {
        /// What was said.
        message: String,
    },
}
