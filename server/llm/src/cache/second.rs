//! The second level of the cache: answers in a store that several processes share. It may hang, lie or be gone; nobody notices but by a miss.
//!
//! No secret of a user goes there: an answer into which secrets were put back, or in which anything looks like one, stays in this process.

use super::body::{Body, LONGEST};
use super::key::Key;
use crate::prompt::Prompt;
use crate::request::Answer;
use crate::shared::Shared;
use crate::shared::gate::Gate;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Why a store did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// A place for bytes under keys, which forgets them after a while. Dropping a future of it does no harm.
pub trait CacheStore: Send + Sync {
    /// What lies under a key; longer values than `longest` may be given cut off.
    fn get<'a>(&'a self, key: &'a Key, longest: usize) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>>;

    /// Puts a value there for a time.
    fn put<'a>(&'a self, key: &'a Key, value: Vec<u8>, keep: Duration) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// Answers in a Redis or a Redis Cluster.
#[derive(Debug)]
pub struct RedisStore {
    shared: Arc<Shared>,
}

impl RedisStore {
    /// Answers there.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

/// The braces are the hash tag: whatever is added for the same question later lies on the same node of a cluster.
fn name(key: &Key) -> String {
    format!("code-agent:{{{}}}:v1", key.hex())
}

impl CacheStore for RedisStore {
    fn get<'a>(&'a self, key: &'a Key, longest: usize) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            // A part of a value at the most, so that nobody reads a larger one than was ever written.
            let mut command = redis::cmd("GETRANGE");
            command.arg(name(key)).arg(0).arg(longest);
            match self.shared.query::<Vec<u8>>(&command).await {
                Ok(bytes) if bytes.is_empty() => Ok(None),
                Ok(bytes) => Ok(Some(bytes)),
                // Something else lies there, which says nothing of the server.
                Err(error) if error.code() == Some("WRONGTYPE") => Ok(None),
                Err(error) => Err(StoreError(error.category().to_owned())),
            }
        })
    }

    fn put<'a>(&'a self, key: &'a Key, value: Vec<u8>, keep: Duration) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut command = redis::cmd("SET");
            command.arg(name(key)).arg(value).arg("EX").arg(keep.as_secs().max(1));
            match self.shared.query::<()>(&command).await {
                // It is full, or does not let itself be written to; it can be read all the same.
                Err(error) if matches!(error.code(), Some("OOM" | "MISCONF" | "NOPERM" | "READONLY")) => Ok(()),
                result => result.map_err(|error| StoreError(error.category().to_owned())),
            }
        })
    }
}

/// A shared store behind its deadline and breaker.
pub struct SecondLevel {
    store: Arc<dyn CacheStore>,
    gate: Gate,
    hits: AtomicU64,
    refused: AtomicU64,
}

/// What became of what was asked of the second level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SecondCounts {
    /// Answers that were there.
    pub hits: u64,
    /// Values that were no answers to their questions.
    pub refused: u64,
    /// Calls that failed or took too long.
    pub failures: u64,
    /// Calls that were not made, because the last one had failed.
    pub held_back: u64,
}

impl SecondLevel {
    /// A store, and how long it may take.
    pub fn new(store: Arc<dyn CacheStore>, deadline: Duration) -> Self {
        let gate = Gate::new("The Redis of `cache.redis`", deadline);
        Self { store, gate, hits: AtomicU64::new(0), refused: AtomicU64::new(0) }
    }

    /// Whether answers to a prompt may be there.
    pub fn takes(prompt: &Prompt) -> bool {
        prompt.hidden_secrets() == 0
    }

    pub(super) async fn get(&self, key: &Key) -> Option<Body> {
        let bytes = self.gate.pass(self.store.get(key, LONGEST)).await??;
        let body = Body::read(key, &bytes);
        let count = if body.is_some() { &self.hits } else { &self.refused };
        count.fetch_add(1, Ordering::Relaxed);
        body
    }

    pub(super) async fn put(&self, key: &Key, answer: &Answer, born: u64, keep: Duration) {
        if !security::scan::scan(&answer.text).is_empty() {
            return;
        }
        let Some(value) = (Body { answer: answer.clone(), born }).write(key) else { return };
        self.gate.pass(self.store.put(key, value, spread(keep, key))).await;
    }

    /// What happened so far.
    pub fn counts(&self) -> SecondCounts {
        let (failures, held_back) = self.gate.counts();
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        SecondCounts { hits: read(&self.hits), refused: read(&self.refused), failures, held_back }
    }
}

/// A time up to a tenth shorter or longer, by the key: what is written together is not to run out together.
fn spread(keep: Duration, key: &Key) -> Duration {
    keep.mul_f64(0.9 + 0.2 * f64::from(key.bytes()[0]) / 255.0)
}
