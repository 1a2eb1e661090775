//! Requests that may come twice and must be done once. A key belongs to one account and is never compared with those of others.

use crate::sql::values;
use crate::{Store, StoreError};

/// How long a key is remembered.
pub const KEPT_MS: i64 = 24 * 60 * 60 * 1_000;

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Idempotency {
    /// Nothing was: the caller does the work, then finishes or forgets the key.
    New,
    /// Somebody does the work right now.
    Running,
    /// The work is done.
    Done {
        /// What was answered.
        status: u16,
        /// With which text.
        body: String,
    },
    /// The key came with another request before.
    Mismatch,
}

impl Store {
    /// Takes a key; of many who do it at once only one gets [`Idempotency::New`].
    pub async fn begin_idempotent(
        &self,
        account: &str,
        key: &str,
        request_hash: &str,
        now: i64,
    ) -> Result<Idempotency, StoreError> {
        let mut writing = self.pool.begin().await?;
        // What is too old is taken over as if it were not there.
        let sql = "INSERT INTO idempotency (account, key, request_hash, created_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (account, key) DO UPDATE
            SET request_hash = excluded.request_hash, created_at = excluded.created_at, status = NULL, body = NULL
            WHERE idempotency.created_at <= $5";
        if writing.run(sql, values![account, key, request_hash, now, now - KEPT_MS]).await? == 1 {
            writing.commit().await?;
            return Ok(Idempotency::New);
        }
        let sql = "SELECT request_hash, status, body FROM idempotency WHERE account = $1 AND key = $2";
        let Some(row) = writing.row(sql, values![account, key]).await? else {
            // Whoever had it has forgotten it in between and may not have done anything; a second try is new.
            return Ok(Idempotency::Running);
        };
        if row.text("request_hash")? != request_hash {
            return Ok(Idempotency::Mismatch);
        }
        let Some(status) = row.number_if_any("status")? else { return Ok(Idempotency::Running) };
        let status = u16::try_from(status).map_err(|_| StoreError::Stored("status"))?;
        Ok(Idempotency::Done { status, body: row.text_if_any("body")?.unwrap_or_default() })
    }

    /// Notes what was answered, for all who come with the key again.
    pub async fn finish_idempotent(&self, account: &str, key: &str, status: u16, body: &str) -> Result<(), StoreError> {
        let sql = "UPDATE idempotency SET status = $3, body = $4 WHERE account = $1 AND key = $2";
        self.pool.run(sql, values![account, key, i64::from(status), body]).await?;
        Ok(())
    }

    /// Gives a key back, because nothing was done.
    pub async fn forget_idempotent(&self, account: &str, key: &str) -> Result<(), StoreError> {
        self.pool.run("DELETE FROM idempotency WHERE account = $1 AND key = $2", values![account, key]).await?;
        Ok(())
    }
}
