//! Lets a request be overtaken: an older one of the same kind for the same document gives way when the document has moved on.
//!
//! Some clients never cancel. Requests for one version never disturb each other: two parts of an editor may ask the same at once.

use lsp_types::LspErrorCodes;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};

/// The newest running request of each kind and document.
#[derive(Default)]
pub(crate) struct Newest {
    running: Mutex<HashMap<Key, Running>>,
}

type Key = (&'static str, String);

struct Running {
    ticket: u64,
    version: Option<i32>,
    overtaken: oneshot::Sender<()>,
}

impl Newest {
    /// Does the work of a request for one version of a document, unless a request for a newer version comes.
    pub(crate) async fn run<T>(
        &self,
        kind: &'static str,
        uri: &str,
        version: Option<i32>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let (overtaken, mut is_overtaken) = oneshot::channel();
        let place = self.enter((kind, uri.to_owned()), version, overtaken);
        let result = tokio::select! {
            biased;
            Ok(()) = &mut is_overtaken => Err(overtaken_error()),
            result = work => result,
        };
        drop(place);
        result
    }

    fn enter(&self, key: Key, version: Option<i32>, overtaken: oneshot::Sender<()>) -> Place<'_> {
        let mut running = self.lock();
        let previous = running.remove(&key);
        let ticket = previous.as_ref().map_or(0, |previous| previous.ticket + 1);
        if let Some(previous) = previous.filter(|previous| previous.version < version) {
            // It may have ended in this moment, and then there is nobody to tell.
            let _ = previous.overtaken.send(());
        }
        running.insert(key.clone(), Running { ticket, version, overtaken });
        Place { newest: self, key, ticket }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leaves the table when the request ends, however it ends.
struct Place<'a> {
    newest: &'a Newest,
    key: Key,
    ticket: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut running = self.newest.lock();
        if running.get(&self.key).is_some_and(|running| running.ticket == self.ticket) {
            running.remove(&self.key);
        }
    }
}

fn overtaken_error() -> Error {
    Error {
        code: ErrorCode::from(i64::from(i32::from(LspErrorCodes::ContentModified))),
        message: "The document changed while the request was being answered.".into(),
        data: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    #[tokio::test]
    async fn a_request_for_a_newer_version_overtakes_only_its_own_kind_and_document() {
        let newest = Newest::default();
        let old = newest.run("hover", "a", Some(1), pending::<Result<()>>());
        let other = newest.run("hover", "b", Some(1), pending::<Result<()>>());
        let same = newest.run("hover", "a", Some(1), ready(Ok(())));
        let new = newest.run("hover", "a", Some(2), ready(Ok(())));
        tokio::select! {
            biased;
            result = old => assert_eq!(result, Ok(()), "polled first, it must wait"),
            result = other => assert_eq!(result, Ok(()), "nobody asks for it again"),
            result = async { (same.await, new.await) } => assert_eq!(result, (Ok(()), Ok(()))),
        }
    }

    #[tokio::test]
    async fn the_overtaken_request_is_answered() {
        let newest = Newest::default();
        let old = newest.run("lens", "a", Some(1), pending::<Result<()>>());
        let new = async {
            tokio::task::yield_now().await;
            newest.run("lens", "a", Some(2), ready(Ok(()))).await
        };
        let (old, new) = tokio::join!(old, new);
        assert_eq!(old.unwrap_err().code.code(), -32801);
        assert_eq!(new, Ok(()));
        assert!(newest.lock().is_empty(), "nothing is kept");
    }
}
