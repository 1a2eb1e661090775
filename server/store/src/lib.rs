//! Keeps the durable state of the service: accounts, tokens, the audit log, idempotency keys and jobs, on SQLite or PostgreSQL.
//! It must never hold a secret in clear that a hash of would do, decide who may do what, or know a protocol.
//!
//! Both databases run the same migrations and the same statements; `sql.rs` is the only file that knows which one it is.

pub mod accounts;
pub mod audit;
mod error;
pub mod idempotency;
pub mod jobs;
mod open;
mod page;
mod sql;
mod sweep;
pub mod tokens;

pub use error::{StoreError, failures};
pub use page::Page;

use sql::Pool;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Whoever asks whether the database is there wants to know it soon.
const PING: Duration = Duration::from_secs(2);

/// Which database is behind a [`Store`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// One file on this machine.
    Sqlite,
    /// A server that several replicas share.
    Postgres,
}

/// The durable state. Cloning it is cheap; all clones share their connections.
#[derive(Debug, Clone)]
pub struct Store {
    pool: Pool,
}

impl Store {
    /// Opens `sqlite:/path/file.db`, which is made if it is not there, or `postgres://…`, and brings its tables up to date.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Ok(Self { pool: open::open(url).await? })
    }

    /// Which database this is.
    pub fn backend(&self) -> Backend {
        self.pool.backend()
    }

    /// Whether the database answers, within two seconds.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match tokio::time::timeout(PING, self.pool.row("SELECT 1 AS one", &[])).await {
            Ok(answer) => answer.map(|_| ()),
            Err(_) => Err(StoreError::Unavailable("it does not answer".to_owned()).counted()),
        }
    }

    /// Ends all connections, after what is under way.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// This moment in Unix milliseconds.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A new id; later ones are greater.
fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
