//! The user-chosen ways to work: how the core behaves in an editor or over a batch of files, and how documentation is made.
//!
//! Each is a strategy behind a trait, chosen by configuration; nothing else in the core asks which one it is.

use actions::edit::{Proved, Refusal};
use actions::offer::Offer;
use actions::writer::WriterOptions;
use analysis::diagnostic::Finding;
use std::fmt::Debug;
use syntax::model::FileModel;

/// How the core behaves as a whole.
pub trait Mode: Send + Sync + Debug + 'static {
    /// The name in settings and statistics.
    fn name(&self) -> &'static str;

    /// Threads for computing, on a machine with so many processors.
    fn threads(&self, processors: usize) -> usize;

    /// How many tasks of one class may wait.
    fn queue_limit(&self) -> usize;
}

/// In an editor: quick answers to one person.
#[derive(Clone, Copy, Debug, Default)]
pub struct EditorMode;

impl Mode for EditorMode {
    fn name(&self) -> &'static str {
        "editor"
    }

    fn threads(&self, processors: usize) -> usize {
        // One is kept free for the editor itself; two at least, so that long work never holds up a keystroke.
        processors.saturating_sub(1).clamp(2, 4)
    }

    fn queue_limit(&self) -> usize {
        1024
    }
}

/// On the command line: as much as the machine can do.
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchMode;

impl Mode for BatchMode {
    fn name(&self) -> &'static str {
        "batch"
    }

    fn threads(&self, processors: usize) -> usize {
        processors.clamp(1, 32)
    }

    fn queue_limit(&self) -> usize {
        64 * 1024
    }
}

/// How the words of documentation come about.
pub trait Strategy: Send + Sync + Debug + 'static {
    /// The name in settings and statistics.
    fn name(&self) -> &'static str;

    /// Makes the proved edits of an offer.
    ///
    /// # Errors
    /// If there is nothing to do, or it could not be proved harmless.
    fn run(
        &self,
        model: &FileModel,
        findings: &[Finding],
        offer: &Offer,
        options: &WriterOptions,
    ) -> Result<Proved, Refusal>;
}

/// Words from names and facts alone: no model, no network, the same answer every time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offline;

impl Strategy for Offline {
    fn name(&self) -> &'static str {
        "offline"
    }

    fn run(
        &self,
        model: &FileModel,
        findings: &[Finding],
        offer: &Offer,
        options: &WriterOptions,
    ) -> Result<Proved, Refusal> {
        actions::offer::run(model, findings, offer, options)
    }
}
