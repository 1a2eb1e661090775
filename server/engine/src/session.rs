//! A core for documents whose files lie on another machine: an editor that talks to a service over the network.
//!
//! It has documents, an index and settings of its own, and shares threads, models and measures with the core that it comes from. It never looks at the
//! disk of this machine for a client, starts no program, and takes no setting from it that costs or opens anything.

use crate::error::CoreError;
use crate::events::{Event, MessageLevel};
use crate::models::Models;
use crate::server_core::{Rooms, ServerCore, Shared};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use workspace::files::MemoryFiles;
use workspace::uri;

/// Documents that are open at a time.
const MOST_DOCUMENTS: usize = 512;
/// Bytes that all of them have together.
const MOST_BYTES: usize = 64 << 20;
/// Bytes that the documents of all connections have together.
const MOST_BYTES_OF_ALL: usize = 1 << 30;
/// Bytes of the address of a document, and of the name of its language.
const LONGEST_URI: usize = 4096;
const LONGEST_LANGUAGE: usize = 64;
/// Events that are kept for a door that is slow; one that falls behind asks anew.
const EVENTS: usize = 64;

impl ServerCore {
    /// A core for one connection of a client. Without `may_ask_models` it is as if no model were set.
    ///
    /// # Errors
    /// As for [`Self::models`].
    pub async fn session(&self, client: &str, may_ask_models: bool) -> Result<Self, CoreError> {
        let shared = self.shared();
        let models = match may_ask_models {
            // Set up by the service, whose keys lie where a session does not look, before anybody here could.
            true => {
                self.models().await?;
                shared.models.clone()
            }
            false => Arc::new(Models::none()),
        };
        let rooms = Rooms {
            file_system: Arc::new(MemoryFiles::default()),
            config: Arc::new(self.config().for_session(may_ask_models)),
            metrics: shared.metrics.clone(),
            mode: self.inner.mode.clone(),
            strategy: shared.strategy.clone(),
            models,
            tasks: self.inner.tasks.sharing(),
            is_elsewhere: true,
            held: shared.held.beside(),
        };
        Ok(Self::of(rooms, client, EVENTS))
    }

    /// Whether the files of its documents lie on another machine.
    pub fn is_elsewhere(&self) -> bool {
        self.shared().is_elsewhere
    }

    /// Whether a document may be opened at all; the client is told where not.
    pub(crate) fn may_open(&self, uri: &str, language_id: &str) -> bool {
        if !self.is_elsewhere() || (uri.len() <= LONGEST_URI && language_id.len() <= LONGEST_LANGUAGE) {
            return true;
        }
        let text = format!(
            "A document whose address has more than {LONGEST_URI} bytes, or the name of its language more than {LONGEST_LANGUAGE}, is not looked at."
        );
        self.shared().publish(Event::Message { level: MessageLevel::Warning, text });
        false
    }

    /// Whether a connection holds more than it may; then this document is let go, and the client is told.
    pub(crate) fn is_too_much(&self, uri: &str) -> bool {
        if !self.is_elsewhere() {
            return false;
        }
        let (documents, bytes) = self.workspace().held();
        let of_all = self.shared().held.note(bytes);
        let bound = if documents > MOST_DOCUMENTS || bytes > MOST_BYTES {
            format!("{MOST_DOCUMENTS} documents and {} MiB for one connection", MOST_BYTES >> 20)
        } else if of_all > MOST_BYTES_OF_ALL {
            format!("{} MiB for all connections together", MOST_BYTES_OF_ALL >> 20)
        } else {
            return false;
        };
        self.close(uri);
        self.shared().held.note(self.workspace().held().1);
        let text = format!(
            "The service keeps {bound}, so {} is not looked at; close some and open it again.",
            uri::display(uri)
        );
        self.shared().publish(Event::Message { level: MessageLevel::Warning, text });
        true
    }
}

/// Bytes of the documents of one connection, and of all of them.
#[derive(Debug, Default)]
pub(crate) struct Held {
    all: Arc<AtomicUsize>,
    own: AtomicUsize,
}

impl Held {
    /// The same count for another connection.
    fn beside(&self) -> Self {
        Self { all: self.all.clone(), own: AtomicUsize::new(0) }
    }

    /// One connection holds this now; gives what all hold.
    fn note(&self, bytes: usize) -> usize {
        let before = self.own.swap(bytes, Ordering::Relaxed);
        if bytes >= before {
            self.all.fetch_add(bytes - before, Ordering::Relaxed) + (bytes - before)
        } else {
            self.all.fetch_sub(before - bytes, Ordering::Relaxed) - (before - bytes)
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.note(0);
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
