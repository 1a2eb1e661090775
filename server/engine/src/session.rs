//! A core for documents whose files lie on another machine: an editor that talks to a service over the network.
//!
//! It has documents, an index and settings of its own, and shares threads, models and measures with the core that it comes from. It never looks at the
//! disk of this machine for a client, starts no program, and takes no setting from it that costs or opens anything.

use crate::error::CoreError;
use crate::events::{Event, MessageLevel};
use crate::server_core::{Rooms, ServerCore, Shared};
use std::sync::Arc;
use workspace::files::MemoryFiles;
use workspace::uri;

/// Documents that are open at a time.
const MOST_DOCUMENTS: usize = 512;
/// Bytes that all of them have together.
const MOST_BYTES: usize = 64 << 20;
/// Events that are kept for a door that is slow; one that falls behind asks anew.
const EVENTS: usize = 64;

impl ServerCore {
    /// A core for one connection of a client. Without `may_ask_models` it is as if no model were set.
    ///
    /// # Errors
    /// If too much is waiting to set the models up.
    pub async fn session(&self, client: &str, may_ask_models: bool) -> Result<Self, CoreError> {
        if may_ask_models && !self.config().settings().models.target.is_empty() {
            // Keys are read where they lie, and a session looks nowhere.
            self.models().await?;
        }
        let shared = self.shared();
        let rooms = Rooms {
            file_system: Arc::new(MemoryFiles::default()),
            config: Arc::new(self.config().for_session(may_ask_models)),
            metrics: shared.metrics.clone(),
            mode: self.inner.mode.clone(),
            strategy: shared.strategy.clone(),
            models: shared.models.clone(),
            tasks: self.inner.tasks.sharing(),
            is_elsewhere: true,
        };
        Ok(Self::of(rooms, client, EVENTS))
    }

    /// Whether the files of its documents lie on another machine.
    pub fn is_elsewhere(&self) -> bool {
        self.shared().is_elsewhere
    }

    /// Whether a connection holds more than it may; then this document is let go, and the client is told.
    pub(crate) fn is_too_much(&self, uri: &str) -> bool {
        if !self.is_elsewhere() {
            return false;
        }
        let (documents, bytes) = self.workspace().held();
        if documents <= MOST_DOCUMENTS && bytes <= MOST_BYTES {
            return false;
        }
        self.close(uri);
        let text = format!(
            "The service keeps {MOST_DOCUMENTS} documents and {} MiB for one connection, so {} is not looked at; close some and open it again.",
            MOST_BYTES >> 20,
            uri::display(uri)
        );
        self.shared().publish(Event::Message { level: MessageLevel::Warning, text });
        true
    }
}

impl Shared {
    /// Says that what is wanted needs the files themselves, where they lie on another machine.
    pub(crate) fn wants_disk(&self) -> Result<(), CoreError> {
        if self.is_elsewhere {
            return Err(CoreError::refused(
                "This needs the files themselves, and over the network the service has only what is open; do it with `code-agent` on your own machine.",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
