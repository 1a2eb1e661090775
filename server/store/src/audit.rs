//! The log of who did what, in a chain: each line holds a hash of itself and of the line before.
//! No line is ever changed or removed; whoever does it behind the store's back breaks the chain.

use crate::sql::{Row, storable, values};
use crate::{Store, StoreError, now_ms};
use serde::{Deserialize, Serialize};

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number; there are no gaps.
    pub seq: i64,
    /// When it happened.
    pub at: i64,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub resource: String,
    /// Whether it was let through.
    pub allowed: bool,
    /// What decided that.
    pub policy: String,
    /// What it belongs to.
    pub correlation: String,
    /// Anything else.
    pub detail: String,
    /// BLAKE3 of the hash before and of this line.
    pub hash: String,
}

/// Characters of a text of a line. Lines are never removed, and much of what stands in them is chosen by whoever asks: paths, names, what a provider says.
const LONGEST: usize = 400;

/// How many lines are looked at in one go.
const AT_ONCE: i64 = 1_000;

impl AuditEntry {
    /// The hash that the line must have. A JSON array has one order, unlike an object.
    fn hash_after(&self, before: &str) -> Result<String, StoreError> {
        let line = (
            (self.seq, self.at, &self.actor, &self.action, &self.resource),
            (self.allowed, &self.policy, &self.correlation, &self.detail),
        );
        let line = serde_json::to_string(&line).map_err(|_| StoreError::Invalid("A line of the log must be text."))?;
        Ok(blake3::Hasher::new().update(before.as_bytes()).update(line.as_bytes()).finalize().to_hex().to_string())
    }
}

impl Store {
    /// Adds a line, which is on the disk when this returns.
    #[expect(clippy::too_many_arguments, reason = "they are the columns, and each call names all of them")]
    pub async fn audit(
        &self,
        actor: &str,
        action: &str,
        resource: &str,
        allowed: bool,
        policy: &str,
        correlation: &str,
        detail: &str,
    ) -> Result<(), StoreError> {
        let mut writing = self.pool.begin().await?;
        let seq = writing.next("audit").await?;
        // The line before is there, because its number was given out and nobody else has been let in since.
        let before = writing.row("SELECT hash FROM audit WHERE seq = $1", values![seq - 1]).await?;
        let before = before.map_or(Ok(String::new()), |row| row.text("hash"))?;
        let mut entry = AuditEntry {
            seq,
            at: now_ms(),
            // As they are stored, because that is what the hash is of.
            actor: kept(actor),
            action: kept(action),
            resource: kept(resource),
            allowed,
            policy: kept(policy),
            correlation: kept(correlation),
            detail: kept(detail),
            hash: String::new(),
        };
        entry.hash = entry.hash_after(&before)?;
        let sql = "INSERT INTO audit (seq, at, actor, action, resource, allowed, policy, correlation, detail, hash)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let head = [seq.into(), entry.at.into(), (&entry.actor).into(), (&entry.action).into()];
        let tail =
            values![&entry.resource, entry.allowed, &entry.policy, &entry.correlation, &entry.detail, &entry.hash];
        writing.run(sql, &[&head[..], &tail[..]].concat()).await?;
        writing.commit().await
    }

    /// Lines before a number, or the last ones, newest first.
    pub async fn audit_entries(&self, before: Option<i64>, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        let sql = "SELECT * FROM audit WHERE seq < $1 ORDER BY seq DESC LIMIT $2";
        let limit = i64::from(limit).clamp(1, AT_ONCE);
        self.pool.rows(sql, values![before.unwrap_or(i64::MAX), limit]).await?.iter().map(entry_in).collect()
    }

    /// Goes along the whole chain: how many lines there are, or the number of the first that is not as it was written or is gone.
    pub async fn verify_audit(&self) -> Result<Result<u64, i64>, StoreError> {
        let row = self.pool.row("SELECT value FROM counters WHERE name = $1", values!["audit"]).await?;
        let newest = row.ok_or(StoreError::Stored("counter"))?.number("value")?;
        let (mut seq, mut hash) = (0, String::new());
        while seq < newest {
            let sql = "SELECT * FROM audit WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3";
            let rows = self.pool.rows(sql, values![seq, newest, AT_ONCE]).await?;
            if rows.is_empty() {
                return Ok(Err(seq + 1));
            }
            for row in &rows {
                let entry = entry_in(row)?;
                seq += 1;
                if entry.seq != seq || entry.hash != entry.hash_after(&hash)? {
                    return Ok(Err(seq));
                }
                hash = entry.hash;
            }
        }
        // Lines are counted from one; what has a lower number was put in by somebody else.
        let beyond = self.pool.row("SELECT min(seq) AS seq FROM audit WHERE seq < 1", &[]).await?;
        match beyond.map_or(Ok(None), |row| row.number_if_any("seq"))? {
            Some(stranger) => Ok(Err(stranger)),
            None => Ok(Ok(u64::try_from(newest).unwrap_or_default())),
        }
    }
}

/// A text as it is stored, and cut where it is longer than a line can hold.
fn kept(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => storable(text.get(..end).unwrap_or_default()) + "…",
        None => storable(text),
    }
}

fn entry_in(row: &Row) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        seq: row.number("seq")?,
        at: row.number("at")?,
        actor: row.text("actor")?,
        action: row.text("action")?,
        resource: row.text("resource")?,
        allowed: row.truth("allowed")?,
        policy: row.text("policy")?,
        correlation: row.text("correlation")?,
        detail: row.text("detail")?,
        hash: row.text("hash")?,
    })
}
