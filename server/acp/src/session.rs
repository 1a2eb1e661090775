//! A session: a folder, its conversation, and the turn that is under way.

use crate::talk::Talk;
use engine::workspace::uri;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// One conversation of a client.
pub(crate) struct Session {
    /// As the client names it.
    pub id: String,
    /// Its folder.
    pub root: PathBuf,
    /// The address of the document that the conversation would be; there is no such file.
    pub uri: String,
    talk: Mutex<Talk>,
    running: Mutex<Option<Running>>,
}

/// A turn under way.
struct Running {
    /// The request that it answers.
    id: Value,
    /// Dropped, it ends the turn.
    cancel: Option<oneshot::Sender<()>>,
}

impl Session {
    pub fn new(id: String, root: PathBuf) -> Self {
        let uri = uri::from_path(&root.join(format!("{id}.chat.md")));
        Self { id, root, uri, talk: Mutex::default(), running: Mutex::default() }
    }

    /// What was said.
    pub fn talk(&self) -> MutexGuard<'_, Talk> {
        self.talk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a turn; what it gives is done when the turn is cancelled. `None` where one is under way.
    pub fn begin(&self, id: &Value) -> Option<oneshot::Receiver<()>> {
        let mut running = self.running();
        if running.is_some() {
            return None;
        }
        let (cancel, cancelled) = oneshot::channel();
        *running = Some(Running { id: id.clone(), cancel: Some(cancel) });
        Some(cancelled)
    }

    /// The turn is over.
    pub fn end(&self) {
        *self.running() = None;
    }

    /// Ends the turn under way, if it answers this request; any if none is named. The session takes no other turn before it is over.
    pub fn cancel(&self, id: Option<&Value>) {
        if let Some(running) = &mut *self.running()
            && id.is_none_or(|id| *id == running.id)
        {
            running.cancel = None;
        }
    }
}
