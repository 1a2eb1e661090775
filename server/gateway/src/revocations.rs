//! What was revoked, as this replica knows it: read from the store several times a second, so that a revocation holds everywhere within one.

use dashmap::DashMap;
use engine::store::{Store, StoreError, now_ms};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// How often the store is asked.
const EVERY: Duration = Duration::from_millis(400);
/// How long a revocation is remembered: longer than any access token is good.
const REMEMBERED_MS: i64 = 2 * 1000 * crate::auth::keys::GOOD_FOR_SECONDS;

/// Sessions and accounts that were revoked, with the time.
#[derive(Debug, Default)]
pub(crate) struct Revocations {
    known: DashMap<(String, String), i64>,
    read_to: AtomicI64,
}

impl Revocations {
    /// Takes in what is new.
    pub async fn read(&self, store: &Store) -> Result<(), StoreError> {
        let (read_to, new) = store.revoked_since(self.read_to.load(Ordering::Acquire)).await?;
        let now = now_ms();
        for revocation in new {
            self.known.insert((revocation.kind, revocation.id), now);
        }
        self.read_to.fetch_max(read_to, Ordering::AcqRel);
        self.known.retain(|_, at| now - *at < REMEMBERED_MS);
        Ok(())
    }

    /// Takes in what is new, until it is dropped.
    pub async fn follow(&self, store: &Store) {
        loop {
            tokio::time::sleep(EVERY).await;
            if let Err(error) = self.read(store).await {
                tracing::warn!(%error, "Revocations cannot be read just now.");
            }
        }
    }

    /// Whether a session was ended, or its account closed or changed after the token was made.
    pub fn is_revoked(&self, session: &str, account: &str, made_ms: i64) -> bool {
        let at = |kind: &str, id: &str| self.known.get(&(kind.to_owned(), id.to_owned())).map(|at| *at);
        at("session", session).is_some() || at("account", account).is_some_and(|at| at >= made_ms)
    }
}
