//! The log of how jobs go, from which a client resumes. A line is written with the change that it tells of, or not at all.

use super::{Job, JobEvent, JobState, state_in};
use crate::sql::{Row, Writing, values};
use crate::{Store, StoreError, now_ms};

/// The most that one call gives.
const AT_ONCE: i64 = 1_000;

/// What happened to a job.
pub(crate) struct Change {
    pub job: String,
    pub account: String,
    pub state: JobState,
    pub progress: i64,
    pub message: String,
}

impl Change {
    /// What a job looks like now.
    pub fn of(job: &Job) -> Self {
        Self {
            job: job.id.clone(),
            account: job.account.clone(),
            state: job.state,
            progress: job.progress,
            message: job.message.clone(),
        }
    }
}

/// Writes lines, at the end of the transaction that made the changes: from the first number on, nobody else can write any.
pub(crate) async fn log_changes(writing: &mut Writing, changes: &[Change]) -> Result<(), StoreError> {
    for change in changes {
        let seq = writing.next("job_events").await?;
        let sql = "INSERT INTO job_events (seq, job, account, state, progress, message, at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let head = values![seq, &change.job, &change.account, change.state.name()];
        let tail = values![change.progress, &change.message, now_ms()];
        writing.run(sql, &[&head[..], &tail[..]].concat()).await?;
        writing.has_news();
    }
    Ok(())
}

impl Store {
    /// Waits until this process wrote lines, from this call on. What other replicas write is found by looking only.
    pub fn job_news(&self) -> impl Future<Output = ()> + Send {
        self.pool.news.notified()
    }

    /// Lines after a number, oldest first. A number that is older than what is kept gives the oldest that are.
    pub async fn job_events_since(&self, seq: i64, limit: u32) -> Result<Vec<JobEvent>, StoreError> {
        let sql = "SELECT * FROM job_events WHERE seq > $1 ORDER BY seq LIMIT $2";
        let rows = self.pool.rows(sql, values![seq, i64::from(limit).clamp(1, AT_ONCE)]).await?;
        rows.iter().map(event_in).collect()
    }

    /// Lines of one job after a number, oldest first.
    pub async fn job_events_of(&self, job: &str, seq: i64, limit: u32) -> Result<Vec<JobEvent>, StoreError> {
        let sql = "SELECT * FROM job_events WHERE job = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        let rows = self.pool.rows(sql, values![job, seq, i64::from(limit).clamp(1, AT_ONCE)]).await?;
        rows.iter().map(event_in).collect()
    }

    /// The number of the newest line, for a client that only wants to hear what comes.
    pub async fn newest_job_event(&self) -> Result<i64, StoreError> {
        let row = self.pool.row("SELECT value FROM counters WHERE name = $1", values!["job_events"]).await?;
        row.ok_or(StoreError::Stored("counter"))?.number("value")
    }
}

fn event_in(row: &Row) -> Result<JobEvent, StoreError> {
    Ok(JobEvent {
        seq: row.number("seq")?,
        job: row.text("job")?,
        account: row.text("account")?,
        state: state_in(row)?,
        progress: row.number("progress")?,
        message: row.text("message")?,
        at: row.number("at")?,
    })
}
