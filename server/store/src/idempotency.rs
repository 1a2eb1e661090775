//! Requests that may come twice and must be done once. A key belongs to one account and is never compared with those of others.
//!
//! The key and what is done under it are written in one transaction: there is no moment at which one is there without the other.

use crate::jobs::{Job, NewJob};
use crate::sql::values;
use crate::{Store, StoreError};

/// How long a key is remembered.
pub const KEPT_MS: i64 = 24 * 60 * 60 * 1_000;

/// What a request under a key came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Once {
    /// It was the first, and made this.
    Made(Job),
    /// It came before and made this, as it is now.
    Same(Job),
    /// It came before, and what it made is kept no longer.
    Gone,
    /// The key came with another request before.
    Mismatch,
}

impl Store {
    /// Creates a job under a key of its account, unless that was done in the last day: of many who do it at once one makes it, and all get it.
    /// `request_hash` stands for the whole request. `most_waiting` is as for [`Store::create_job`]; a request that comes again is answered whatever waits.
    ///
    /// # Errors
    /// [`StoreError::Crowded`] where as many wait; then the key is free.
    pub async fn create_job_once(
        &self,
        new: NewJob,
        key: &str,
        request_hash: &str,
        now: i64,
        most_waiting: Option<u32>,
    ) -> Result<Once, StoreError> {
        let account = new.account.clone();
        let mut writing = self.pool.begin().await?;
        // Whoever comes second waits here until the first is done. What is too old is taken over as if it were not there.
        let sql = "INSERT INTO idempotency (account, key, request_hash, created_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (account, key) DO UPDATE
            SET request_hash = excluded.request_hash, created_at = excluded.created_at, status = NULL, body = NULL
            WHERE idempotency.created_at <= $5";
        if writing.run(sql, values![&account, key, request_hash, now, now - KEPT_MS]).await? == 1 {
            let job = crate::jobs::write_job(&mut writing, new, most_waiting).await?;
            let sql = "UPDATE idempotency SET status = 202, body = $3 WHERE account = $1 AND key = $2";
            writing.run(sql, values![&account, key, &job.id]).await?;
            writing.commit().await?;
            return Ok(Once::Made(job));
        }
        let sql = "SELECT request_hash, body FROM idempotency WHERE account = $1 AND key = $2";
        let row = writing.row(sql, values![&account, key]).await?;
        drop(writing);
        // Swept in between: it is as old as what was made.
        let Some(row) = row else { return Ok(Once::Gone) };
        if row.text("request_hash")? != request_hash {
            return Ok(Once::Mismatch);
        }
        let id = row.text_if_any("body")?.unwrap_or_default();
        Ok(self.job(&id).await?.map_or(Once::Gone, Once::Same))
    }
}
