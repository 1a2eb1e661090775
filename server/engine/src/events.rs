//! What the core tells all doors: one broadcast channel of plain events.

use crate::answers::Diagnosis;
use std::sync::Arc;

/// How serious a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageLevel {
    /// Something failed.
    Error,
    /// Something is not as the user may think.
    Warning,
    /// Good to know.
    Info,
    /// Only for the log.
    Log,
}

/// How far a piece of long work is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgressStep {
    /// It began.
    Begin {
        /// What is done.
        title: String,
    },
    /// It went on.
    Report {
        /// What is done now.
        message: String,
        /// 0 to 100, where it is known.
        percent: Option<u8>,
    },
    /// It ended; comes exactly once after each begin, after a cancel and a failure too.
    End {
        /// What came of it.
        message: String,
    },
}

/// Something that doors may want to know.
#[derive(Clone, Debug)]
pub enum Event {
    /// New findings of an open document, or those of a closed one gone. A door sends them only if the version is still the newest.
    Diagnostics(Arc<Diagnosis>),
    /// The document was closed: what was shown for it goes away.
    DiagnosticsCleared {
        /// The document.
        uri: String,
    },
    /// A piece of long work moved on.
    Progress {
        /// As the door named it when it called.
        token: String,
        /// Where it is.
        step: ProgressStep,
    },
    /// Settings took effect; pulled diagnostics are to be refreshed.
    ConfigChanged,
    /// Files or symbols of the workspace are known anew; pulled diagnostics and lenses are to be refreshed.
    WorkspaceChanged,
    /// One sentence for the user or the log.
    Message {
        /// How serious.
        level: MessageLevel,
        /// The sentence.
        text: String,
    },
}
