//! The log by which replicas hear of what was revoked. Its numbers become visible in their order, so no reader misses one.

use super::Revocation;
use crate::sql::{Writing, values};
use crate::{Store, StoreError, now_ms};

/// The most that one call gives.
const AT_ONCE: usize = 1_000;

/// The kind of tokens that somebody else gave, of which nothing is kept but that they were given back.
const FOREIGN: &str = "foreign-token";

/// The kind of all tokens that somebody else gave to an account until then.
const FOREIGN_ALL: &str = "foreign-tokens";

/// Adds a line, at the end of the transaction that revokes.
pub(crate) async fn log_revocation(writing: &mut Writing, kind: &'static str, target: &str) -> Result<(), StoreError> {
    let seq = writing.next("revocations").await?;
    let sql = "INSERT INTO revocations (seq, kind, target, at) VALUES ($1, $2, $3, $4)";
    writing.run(sql, values![seq, kind, target, now_ms()]).await?;
    Ok(())
}

impl Store {
    /// Takes back a token that somebody else gave, by what stands for it here; from then on [`Store::is_foreign_token_revoked`] says so, for as long as
    /// lines of the log are kept, which is far longer than such a token is good.
    pub async fn revoke_foreign_token(&self, mark: &str) -> Result<(), StoreError> {
        let mut writing = self.pool.begin().await?;
        log_revocation(&mut writing, FOREIGN, mark).await?;
        writing.commit().await
    }

    /// Whether a token that somebody else gave was taken back.
    pub async fn is_foreign_token_revoked(&self, mark: &str) -> Result<bool, StoreError> {
        let sql = "SELECT seq FROM revocations WHERE kind = $1 AND target = $2 LIMIT 1";
        Ok(self.pool.row(sql, values![FOREIGN, mark]).await?.is_some())
    }

    /// Takes back all tokens that somebody else gave to an account until now.
    pub async fn revoke_foreign_tokens_of(&self, account: &str) -> Result<(), StoreError> {
        let mut writing = self.pool.begin().await?;
        log_revocation(&mut writing, FOREIGN_ALL, account).await?;
        writing.commit().await
    }

    /// Whether a token that somebody else gave to an account at a moment, in Unix milliseconds, is one of those that were taken back together.
    pub async fn are_foreign_tokens_revoked(&self, account: &str, made: i64) -> Result<bool, StoreError> {
        let sql = "SELECT seq FROM revocations WHERE kind = $1 AND target = $2 AND at >= $3 LIMIT 1";
        Ok(self.pool.row(sql, values![FOREIGN_ALL, account, made]).await?.is_some())
    }

    /// What was revoked after a number, oldest first, and the number to ask with next time.
    /// There may be more while it gives anything. Who keeps nothing in memory yet asks with `i64::MAX` and gets only the number.
    pub async fn revoked_since(&self, seq: i64) -> Result<(i64, Vec<Revocation>), StoreError> {
        // Read before the lines: what comes after is of the next time.
        let row = self.pool.row("SELECT value FROM counters WHERE name = $1", values!["revocations"]).await?;
        let newest = row.ok_or(StoreError::Stored("counter"))?.number("value")?;
        if seq >= newest {
            return Ok((newest, Vec::new()));
        }
        let sql = "SELECT seq, kind, target FROM revocations WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3";
        let rows = self.pool.rows(sql, values![seq, newest, AT_ONCE as i64]).await?;
        let last = match rows.last() {
            Some(row) if rows.len() == AT_ONCE => row.number("seq")?,
            _ => newest,
        };
        let lines = rows.iter().map(|row| Ok(Revocation { kind: row.text("kind")?, id: row.text("target")? }));
        Ok((last, lines.collect::<Result<_, StoreError>>()?))
    }
}
