//! Durable jobs: a job that was created is done once, or it is known why not, whatever crashes in between.
//! A worker that lost its lease must never write anything.
//!
//! This is our own queue and not apalis 1.0.0 (apalis-sqlite, apalis-postgres). Its source was read and its statements were run by hand:
//! - The end of a job is fenced by the *name* of the worker only, not by lease, state or attempt, and nobody looks at how many rows it changed
//!   (sqlite `queries/task/ack.sql:19-21`, `src/persist.rs:147-150`; postgres `queries/task/handle_result.sql:13,18-25`).
//!   Run: an attempt that was lost put its result over the one under way, and then over a job that was done.
//! - To begin a job sets `lock_by` whoever holds it (sqlite `queries/task/lock.sql:1-20`, postgres `queries/task/lock_by_id.sql:1-17`).
//!   Run: a worker that had been paused took over what another one had in its hands.
//! - Leases are those of whole workers, not of jobs. A job whose worker died goes back to `Pending` whatever its `attempts`
//!   (`queries/backend/reenqueue_orphaned.sql`), and `Pending` is taken without a look at `max_attempts`
//!   (sqlite `queries/backend/fetch_next.sql:22-28`, postgres `migrations/20260902075949_remove_pl_in_get_jobs.sql:14-23`).
//!   Run: a job with three attempts whose worker died each time was handed out ten times of ten; nothing of it became dead.
//! - There are no accounts, so no fairness between them and no listing by them; jobs that run cannot be cancelled and have no progress
//!   (neither word is in either `src/`); there is no log of events to resume from.
//! - The two have 11 and 23 migrations that differ in tables and types, those of PostgreSQL with plpgsql, triggers and `CREATE EXTENSION pgcrypto`.

mod events;
mod lease;

pub(crate) use events::{Change, log_changes};

use crate::page::Ask;
use crate::sql::{Row, Writing, values};
use crate::{Page, Store, StoreError, new_id, now_ms};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// Waits for a worker, maybe for its next attempt.
    Queued,
    /// A worker has a lease on it.
    Running,
    /// It has a result.
    Succeeded,
    /// It has an error that another attempt would not change.
    Failed,
    /// Somebody did not want it any more.
    Cancelled,
    /// All its attempts are used up.
    Dead,
}

impl JobState {
    /// All states.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled, Self::Dead];

    /// Its name in answers and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Dead => "dead",
        }
    }

    /// The state with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing will change any more.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// Work that outlives the process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Later jobs have greater ones.
    pub id: String,
    /// Which worker can do it.
    pub kind: String,
    /// For whom it is done.
    pub account: String,
    /// Higher goes first.
    pub priority: i64,
    /// How far it is.
    pub state: JobState,
    /// What is to be done.
    pub input: Value,
    /// What came of it.
    pub result: Option<Value>,
    /// What went wrong in the last attempt.
    pub error: Option<String>,
    /// From 0 to 100.
    pub progress: i64,
    /// What the worker says.
    pub message: String,
    /// How often it was begun.
    pub attempts: i64,
    /// How often it may be begun.
    pub max_attempts: i64,
    /// When it was created.
    pub created_at: i64,
    /// When its last attempt began.
    pub started_at: Option<i64>,
    /// When it came to its end.
    pub finished_at: Option<i64>,
    /// Not before this moment.
    pub run_at: i64,
}

/// A job to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Which worker can do it.
    pub kind: String,
    /// For whom it is done.
    pub account: String,
    /// Higher goes first.
    pub priority: i64,
    /// What is to be done.
    pub input: Value,
    /// How often it may be begun; at least once.
    pub max_attempts: i64,
    /// Not before this moment; now if there is none.
    pub run_at: Option<i64>,
}

/// Which jobs are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Those of one account.
    pub account: Option<String>,
    /// Those in one state.
    pub state: Option<JobState>,
    /// Those of one kind.
    pub kind: Option<String>,
}

/// A job that a worker may do until its lease ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Leased {
    /// What it has to do.
    pub job: Job,
    /// Proves that it is this worker's, and this attempt.
    pub lease: String,
}

/// What there was for a worker that asked for a job.
#[derive(Debug, Default, PartialEq)]
pub struct Found {
    /// What it is to do; nothing where nothing waits.
    pub leased: Option<Leased>,
    /// Jobs that were found beside it whose workers were gone, and that are at their end by that: dead, or cancelled.
    pub put_away: Vec<Job>,
}

/// What a worker hears when it says that it is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// Go on.
    Going,
    /// Stop, and finish with [`Outcome::Cancelled`].
    CancelWanted,
    /// The job is somebody else's, or at an end: drop everything.
    Lost,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The worker has no more time for it: it waits again, and this was no attempt.
    Released,
    /// With a result.
    Succeeded(Value),
    /// With an error.
    Failed {
        /// One sentence.
        error: String,
        /// When to try again; never, if there is nothing.
        retry_in_ms: Option<i64>,
    },
    /// Because it was not wanted any more.
    Cancelled,
}

/// A line of the log from which clients are told how jobs go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobEvent {
    /// Grows; ask for what comes after the last one seen.
    pub seq: i64,
    /// Which job.
    pub job: String,
    /// Whose.
    pub account: String,
    /// Its state then.
    pub state: JobState,
    /// Its progress then.
    pub progress: i64,
    /// What the worker said, or what went wrong.
    pub message: String,
    /// When.
    pub at: i64,
}

/// Writes a new job down, within a transaction that must not be committed if this fails. `most_waiting` is how many jobs of its account may wait,
/// with this one.
pub(crate) async fn write_job(
    writing: &mut Writing,
    new: NewJob,
    most_waiting: Option<u32>,
) -> Result<Job, StoreError> {
    // Whoever is over the bound costs a count, and not the writing of what would be taken back.
    if let Some(most) = most_waiting
        && waiting_of(writing, &new.account).await? >= i64::from(most)
    {
        return Err(StoreError::Crowded(most));
    }
    let now = now_ms();
    let job = Job {
        id: new_id(),
        kind: new.kind,
        account: new.account,
        priority: new.priority,
        state: JobState::Queued,
        input: new.input,
        result: None,
        error: None,
        progress: 0,
        message: String::new(),
        attempts: 0,
        max_attempts: new.max_attempts.max(1),
        created_at: now,
        started_at: None,
        finished_at: None,
        run_at: new.run_at.unwrap_or(now),
    };
    let sql = "INSERT INTO jobs (id, kind, account, priority, state, input, max_attempts, created_at, run_at)
        VALUES ($1, $2, $3, $4, 'queued', $5, $6, $7, $8)";
    let input = job.input.to_string();
    let head = values![&job.id, &job.kind, &job.account, job.priority];
    let tail = values![&input, job.max_attempts, now, job.run_at];
    writing.run(sql, &[&head[..], &tail[..]].concat()).await?;
    log_changes(writing, &[Change::of(&job)]).await?;
    // The number of the event is held from here to the end, so whoever else makes a job has done so by now or waits, and the count is exact.
    if let Some(most) = most_waiting
        && waiting_of(writing, &job.account).await? > i64::from(most)
    {
        return Err(StoreError::Crowded(most));
    }
    Ok(job)
}

/// How many jobs of an account wait, as this transaction sees it.
async fn waiting_of(writing: &mut Writing, account: &str) -> Result<i64, StoreError> {
    let sql = "SELECT count(*) AS number FROM jobs WHERE state = 'queued' AND account = $1";
    let row = writing.row(sql, values![account]).await?;
    row.ok_or(StoreError::Stored("count"))?.number("number")
}

impl Store {
    /// Creates a job, which is on the disk when this returns. With `most_waiting` no account has more than that many that wait, beside
    /// those that were begun and wait again, as long as all who create jobs say so.
    ///
    /// # Errors
    /// [`StoreError::Crowded`] where as many wait.
    pub async fn create_job(&self, new: NewJob, most_waiting: Option<u32>) -> Result<Job, StoreError> {
        let mut writing = self.pool.begin().await?;
        let job = write_job(&mut writing, new, most_waiting).await?;
        writing.commit().await?;
        Ok(job)
    }

    /// The job with this id.
    pub async fn job(&self, id: &str) -> Result<Option<Job>, StoreError> {
        let row = self.pool.row("SELECT * FROM jobs WHERE id = $1", values![id]).await?;
        row.map(|row| job_in(&row)).transpose()
    }

    /// The job with this id and what came of it, without what it was given, which may be large.
    pub async fn job_without_input(&self, id: &str) -> Result<Option<Job>, StoreError> {
        let row = self.pool.row_built(format!("SELECT {WITHOUT_INPUT} FROM jobs WHERE id = $1"), values![id]).await?;
        row.map(|row| job_in(&row)).transpose()
    }

    /// The same without what came of it, which may be large too.
    pub async fn job_in_short(&self, id: &str) -> Result<Option<Job>, StoreError> {
        let row = self.pool.row_built(format!("SELECT {SHORT} FROM jobs WHERE id = $1"), values![id]).await?;
        row.map(|row| job_in(&row)).transpose()
    }

    /// How far the job with this id is, without what it was given and what came of it.
    pub async fn job_state(&self, id: &str) -> Result<Option<JobState>, StoreError> {
        let row = self.pool.row("SELECT state FROM jobs WHERE id = $1", values![id]).await?;
        row.map(|row| state_in(&row)).transpose()
    }

    /// A page of jobs, newest first, each without what it was given and what came of it: both may be large.
    pub async fn jobs(&self, filter: JobFilter, after: Option<&str>, limit: u32) -> Result<Page<Job>, StoreError> {
        let ask = Ask::new(after, limit)?;
        // Only conditions that are asked for, because an optional one keeps the index from being used.
        let wanted = [
            ("account =", filter.account.as_deref()),
            ("state =", filter.state.map(JobState::name)),
            ("kind =", filter.kind.as_deref()),
            ("id <", ask.after),
        ];
        let (mut sql, mut values) = (format!("SELECT {SHORT} FROM jobs"), vec![ask.rows().into()]);
        for (condition, value) in wanted {
            if value.is_some() {
                values.push(value.into());
                let word = if values.len() == 2 { "WHERE" } else { "AND" };
                sql.push_str(&format!(" {word} {condition} ${}", values.len()));
            }
        }
        sql.push_str(" ORDER BY id DESC LIMIT $1");
        let rows = self.pool.rows_built(sql, &values).await?;
        let jobs = rows.iter().map(job_in).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::new(jobs, &ask, |job| &job.id))
    }

    /// Cancels a job: one that waits at once, one that runs when its worker hears of it. Its state after that, if there is such a job.
    pub async fn cancel_job(&self, id: &str) -> Result<Option<JobState>, StoreError> {
        let mut writing = self.pool.begin().await?;
        let sql = format!("SELECT {SHORT} FROM jobs WHERE id = $1 FOR UPDATE");
        let Some(row) = writing.row_built(sql, values![id]).await? else {
            return Ok(None);
        };
        let mut job = job_in(&row)?;
        match job.state {
            JobState::Queued => {
                job.state = JobState::Cancelled;
                let sql = "UPDATE jobs SET state = 'cancelled', finished_at = $2, lease = NULL WHERE id = $1";
                writing.run(sql, values![id, now_ms()]).await?;
                log_changes(&mut writing, &[Change::of(&job)]).await?;
            }
            JobState::Running => {
                writing.run("UPDATE jobs SET cancel = 1 WHERE id = $1", values![id]).await?;
            }
            _ => return Ok(Some(job.state)),
        }
        writing.commit().await?;
        Ok(Some(job.state))
    }

    /// Ends all jobs of an account: those that wait at once, those that run when their workers hear of it. Gives how many there were.
    pub async fn cancel_jobs_of(&self, account: &str) -> Result<usize, StoreError> {
        let sql = "SELECT id FROM jobs WHERE account = $1 AND state IN ('queued', 'running') ORDER BY id";
        let ids = self.pool.rows(sql, values![account]).await?;
        let ids = ids.iter().map(|row| row.text("id")).collect::<Result<Vec<_>, _>>()?;
        for id in &ids {
            self.cancel_job(id).await?;
        }
        Ok(ids.len())
    }

    /// How many jobs of each kind are in each state.
    pub async fn job_counts(&self) -> Result<Vec<(String, JobState, u64)>, StoreError> {
        let sql = "SELECT kind, state, count(*) AS number FROM jobs GROUP BY kind, state ORDER BY kind, state";
        let rows = self.pool.rows(sql, &[]).await?;
        let counts = rows.iter().map(|row| {
            let number = u64::try_from(row.number("number")?).map_err(|_| StoreError::Stored("count"))?;
            Ok((row.text("kind")?, state_in(row)?, number))
        });
        counts.collect()
    }

    /// Since when the job that could be begun first waits for a worker, if one does.
    pub async fn oldest_waiting_job(&self, now: i64) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT min(run_at) AS since FROM jobs WHERE state = 'queued' AND run_at <= $1";
        let row = self.pool.row(sql, values![now]).await?;
        row.map_or(Ok(None), |row| row.number_if_any("since"))
    }
}

fn state_in(row: &Row) -> Result<JobState, StoreError> {
    JobState::by_name(&row.text("state")?).ok_or(StoreError::Stored("state of a job"))
}

/// All columns of a job but its input, with this in the place of its result.
macro_rules! columns {
    ($result:literal) => {
        concat!(
            "id, kind, account, priority, state, 'null' AS input, error, progress, message, attempts, max_attempts, created_at, started_at,
            finished_at, run_at, ",
            $result
        )
    };
}

const WITHOUT_INPUT: &str = columns!("result");
const SHORT: &str = columns!("CAST(NULL AS TEXT) AS result");

fn job_in(row: &Row) -> Result<Job, StoreError> {
    let json = |text: String| serde_json::from_str(&text).map_err(|_| StoreError::Stored("input or result of a job"));
    Ok(Job {
        id: row.text("id")?,
        kind: row.text("kind")?,
        account: row.text("account")?,
        priority: row.number("priority")?,
        state: state_in(row)?,
        input: json(row.text("input")?)?,
        result: row.text_if_any("result")?.map(json).transpose()?,
        error: row.text_if_any("error")?,
        progress: row.number("progress")?,
        message: row.text("message")?,
        attempts: row.number("attempts")?,
        max_attempts: row.number("max_attempts")?,
        created_at: row.number("created_at")?,
        started_at: row.number_if_any("started_at")?,
        finished_at: row.number_if_any("finished_at")?,
        run_at: row.number("run_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_has_the_same_name_everywhere() {
        for state in JobState::ALL {
            assert_eq!(JobState::by_name(state.name()), Some(state));
            assert_eq!(serde_json::to_value(state).expect("plain"), state.name());
        }
        assert!(JobState::Dead.is_final() && !JobState::Queued.is_final());
    }
}
