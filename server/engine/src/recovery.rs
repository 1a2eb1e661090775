//! The one table from an error to what happens next.

use crate::error::CoreError;
use crate::tasks::TaskError;
use workspace::files::FileError;
use workspace::log::Conflict;

/// What happens after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// The same once more, from the newest text.
    Retry,
    /// The next best source gives the answer.
    FallBack,
    /// The answer comes with a part missing.
    Degrade,
    /// There is no answer; the user is told why.
    Refuse,
}

/// What happens after `error`.
pub fn recovery(error: &CoreError) -> Recovery {
    match error {
        // Overtaken by a newer text: whoever still waits wants the answer for that one.
        CoreError::Task(TaskError::Replaced) => Recovery::Retry,
        // The last good settings stay in force.
        CoreError::Config(_) => Recovery::FallBack,
        // What needs no model takes its place, where there is anything.
        CoreError::Model(_) => Recovery::FallBack,
        // A file that is passed over leaves the others.
        CoreError::File(FileError::Binary { .. } | FileError::TooLarge { .. } | FileError::NotUtf8 { .. }) => {
            Recovery::Degrade
        }
        CoreError::File(FileError::Unreadable { .. } | FileError::NotFound { .. }) => Recovery::Degrade,
        CoreError::UnsupportedLanguage { .. } | CoreError::TooLarge { .. } => Recovery::Degrade,
        // Guessing where an edit belongs, or writing over somebody's work, is never right.
        CoreError::Conflict(Conflict::Touched | Conflict::Forgotten) => Recovery::Refuse,
        CoreError::File(FileError::ChangedMeanwhile { .. } | FileError::Unwritable { .. }) => Recovery::Refuse,
        CoreError::UnknownDocument { .. } | CoreError::NothingToDo | CoreError::Refused { .. } => Recovery::Refuse,
        // Nobody waits, or waiting longer would not help; a panic would come again.
        CoreError::Task(
            TaskError::Cancelled | TaskError::Deadline | TaskError::Busy { .. } | TaskError::Panicked { .. },
        ) => Recovery::Refuse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_overtaken_work_is_tried_again_and_no_edit_is_ever_guessed() {
        assert_eq!(recovery(&TaskError::Replaced.into()), Recovery::Retry);
        assert_eq!(recovery(&TaskError::Busy { waiting: 3 }.into()), Recovery::Refuse);
        assert_eq!(recovery(&Conflict::Touched.into()), Recovery::Refuse);
        assert_eq!(recovery(&FileError::ChangedMeanwhile { path: "x".into() }.into()), Recovery::Refuse);
        assert_eq!(recovery(&FileError::Binary { path: "x".into() }.into()), Recovery::Degrade);
    }
}
