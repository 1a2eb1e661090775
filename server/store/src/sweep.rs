//! Removes what nobody needs any more, a little at a time. It must never remove a job that is not at its end, or a line of the audit log.

use crate::idempotency::KEPT_MS;
use crate::sql::values;
use crate::{Store, StoreError};

const DAY: i64 = 24 * 60 * 60 * 1_000;

/// How long jobs that came to their end can be looked at.
const JOBS_KEPT: i64 = 30 * DAY;

/// How long a client may be away and still resume.
const EVENTS_KEPT: i64 = 7 * DAY;

/// Replicas ask every second; a session that is over is kept as long, so that its used tokens are still known as such. A token of a provider that was
/// given back is good for a day at most.
const REVOCATIONS_KEPT: i64 = 30 * DAY;

/// Writers wait while rows are removed, so not many are at once.
const AT_ONCE: i64 = 500;

/// What is removed, and how old it has to be.
const SWEPT: &[(&str, i64)] = &[
    (
        "DELETE FROM idempotency WHERE (account, key) IN
            (SELECT account, key FROM idempotency WHERE created_at <= $1 ORDER BY created_at LIMIT $2)",
        KEPT_MS,
    ),
    ("DELETE FROM job_events WHERE seq IN (SELECT seq FROM job_events WHERE at <= $1 ORDER BY at LIMIT $2)", EVENTS_KEPT),
    (
        "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE finished_at <= $1 ORDER BY finished_at LIMIT $2)",
        JOBS_KEPT,
    ),
    (
        // Their numbers grow with the time, so the oldest are found without a look at all.
        "DELETE FROM revocations WHERE seq IN (SELECT seq FROM revocations ORDER BY seq LIMIT $2) AND at <= $1",
        REVOCATIONS_KEPT,
    ),
    (
        "DELETE FROM devices WHERE hash IN (SELECT hash FROM devices WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        DAY,
    ),
    // Nobody is told that a link is over, so none has to be known when it is.
    ("DELETE FROM invitations WHERE account IN (SELECT account FROM invitations WHERE expires_at <= $1 LIMIT $2)", 0),
    (
        "DELETE FROM refreshes WHERE hash IN (SELECT hash FROM refreshes JOIN sessions ON sessions.id = refreshes.session
            WHERE sessions.expires_at <= $1 LIMIT $2)",
        REVOCATIONS_KEPT,
    ),
    (
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= $1
            AND NOT EXISTS (SELECT hash FROM refreshes WHERE refreshes.session = sessions.id) LIMIT $2)",
        REVOCATIONS_KEPT,
    ),
];

impl Store {
    /// Removes old events, keys of idempotency, jobs that ended more than 30 days ago, links that are over and sessions that are long over; how many rows.
    ///
    /// # Errors
    /// The first there was, once all has been tried: what cannot be removed of one kind must not keep the others.
    pub async fn sweep(&self, now: i64) -> Result<u64, StoreError> {
        let (mut removed, mut failed) = (0, None);
        for &(sql, kept) in SWEPT {
            loop {
                match self.pool.run(sql, values![now.saturating_sub(kept), AT_ONCE]).await {
                    Ok(changed) => {
                        removed += changed;
                        if changed < AT_ONCE.unsigned_abs() {
                            break;
                        }
                    }
                    Err(error) => {
                        failed.get_or_insert(error);
                        break;
                    }
                }
            }
        }
        failed.map_or(Ok(removed), Err)
    }
}
