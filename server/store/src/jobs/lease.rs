//! How workers get jobs, say that they are alive, and bring them to an end.
//! Every statement that a worker causes names its lease, so one who was paused while another took over changes nothing.
//! To find the next job takes longer the more accounts have some that wait, because who is next depends on who is busy, but not the more jobs they have.
//! Leases are measured with the clocks of the machines that ask, which must not differ by more than a part of a lease.

use super::{Beat, Change, Found, Job, JobState, Leased, Outcome, SHORT, job_in, log_changes, state_in};
use crate::sql::{Value, Writing, values};
use crate::{Store, StoreError, new_id, now_ms};

/// How many hopeless jobs are put away while one is looked for; the next call goes on.
const HOPELESS_AT_ONCE: usize = 100;

/// How many workers may be gone in the middle of a job, beyond its attempts, before it is held against the job. A worker is mostly gone for another
/// reason, and whoever happened to be in its hands three times must not be given up for it; a job that kills its workers has to end all the same.
const WORKERS_LOST: i64 = 7;

impl Store {
    /// Gives a worker the next job of these kinds, if there is one: of the account with the fewest running jobs, of these the one whose turn
    /// was longest ago, and of its jobs the one with the highest priority, of these the oldest. Priorities count within an account
    /// only, so that nobody gets ahead of others by them. A job whose lease is over is given again; if [`WORKERS_LOST`] more than its attempts are used
    /// up it is dead, and if it was to be cancelled it is cancelled: it is put away, and told of beside what is given.
    /// Without `most_per_account` workers do not wait for each other on PostgreSQL, so jobs that are taken at this very moment are not counted;
    /// with it no account has more than that many running, as long as all workers say so.
    pub async fn lease_job(
        &self,
        worker: &str,
        kinds: &[&str],
        lease_ms: i64,
        most_per_account: Option<u32>,
    ) -> Result<Found, StoreError> {
        let mut found = Found::default();
        if kinds.is_empty() || !self.has_work(kinds).await? {
            return Ok(found);
        }
        let mut writing = self.pool.begin().await?;
        if most_per_account.is_some() {
            // Two who count at once would both see room for one more.
            writing.hold("leases").await?;
        }
        let now = now_ms();
        let mut changes = Vec::new();
        while found.leased.is_none() && changes.len() < HOPELESS_AT_ONCE {
            let Some((mut job, cancel)) = pick(&mut writing, kinds, now, most_per_account).await? else { break };
            let is_hopeless = job.attempts >= job.max_attempts.saturating_add(WORKERS_LOST);
            if job.state == JobState::Running && (cancel || is_hopeless) {
                put_away(&mut writing, &mut job, cancel, now).await?;
                changes.push(Change::of(&job));
                // Whoever counts does not need it, and it may be large.
                job.input = serde_json::Value::Null;
                found.put_away.push(job);
                continue;
            }
            let lease = new_id();
            job.state = JobState::Running;
            job.attempts += 1;
            job.started_at = Some(now);
            job.progress = 0;
            let sql = "UPDATE jobs SET state = 'running', attempts = $2, started_at = $3, progress = 0, worker = $4,
                lease = $5, lease_until = $6 WHERE id = $1";
            let until = now.saturating_add(lease_ms);
            writing.run(sql, values![&job.id, job.attempts, now, worker, &lease, until]).await?;
            let sql =
                "INSERT INTO turns (account, at) VALUES ($1, $2) ON CONFLICT (account) DO UPDATE SET at = excluded.at";
            writing.run(sql, values![&job.account, now]).await?;
            changes.push(Change::of(&job));
            found.leased = Some(Leased { job, lease });
        }
        if !changes.is_empty() {
            log_changes(&mut writing, &changes).await?;
            writing.commit().await?;
        }
        Ok(found)
    }

    /// A look without a lock, so that idle workers do not stand in the way of those who write.
    async fn has_work(&self, kinds: &[&str]) -> Result<bool, StoreError> {
        let sql = format!(
            "SELECT id FROM jobs WHERE ((state = 'queued' AND run_at <= $1) OR (state = 'running' AND lease_until <= $1))
            AND kind IN ({}) LIMIT 1",
            numbers(2, kinds.len())
        );
        let values: Vec<Value<'_>> =
            std::iter::once(now_ms().into()).chain(kinds.iter().map(|&kind| kind.into())).collect();
        Ok(self.pool.row_built(sql, &values).await?.is_some())
    }

    /// Makes a lease longer and tells how far the job is.
    pub async fn heartbeat(
        &self,
        leased: &Leased,
        lease_ms: i64,
        progress: i64,
        message: &str,
    ) -> Result<Beat, StoreError> {
        let mut writing = self.pool.begin().await?;
        let Some((mut job, cancel)) = held(&mut writing, leased).await? else { return Ok(Beat::Lost) };
        let progress = progress.clamp(0, 100);
        let until = now_ms().saturating_add(lease_ms);
        let sql = "UPDATE jobs SET lease_until = $2, progress = $3, message = $4 WHERE id = $1";
        writing.run(sql, values![&job.id, until, progress, message]).await?;
        if job.progress != progress || job.message != message {
            job.progress = progress;
            job.message = message.to_owned();
            log_changes(&mut writing, &[Change::of(&job)]).await?;
        }
        writing.commit().await?;
        Ok(if cancel { Beat::CancelWanted } else { Beat::Going })
    }

    /// Ends an attempt; the state in which that left the job. Where this lease ended it before, nothing is written, and the state is told again: whoever
    /// was not told whether it was written can ask once more. Nothing, and nothing is written, if the lease was lost.
    pub async fn finish_job(&self, leased: &Leased, outcome: &Outcome) -> Result<Option<JobState>, StoreError> {
        let now = now_ms();
        let mut writing = self.pool.begin().await?;
        let Some((mut job, cancel)) = held(&mut writing, leased).await? else {
            // A job keeps the name of the lease that ended its attempt until somebody else changes it.
            let sql = "SELECT state FROM jobs WHERE id = $1 AND lease = $2";
            let row = writing.row(sql, values![&leased.job.id, &leased.lease]).await?;
            return row.map(|row| state_in(&row)).transpose();
        };
        let mut change = Change::of(&job);
        let (mut result, mut problem) = (None, None);
        match outcome {
            Outcome::Succeeded(value) => {
                job.state = JobState::Succeeded;
                job.progress = 100;
                result = Some(value.to_string());
            }
            Outcome::Failed { error, retry_in_ms } => {
                change.message.clone_from(error);
                problem = Some(error.as_str());
                job.state = match *retry_in_ms {
                    None => JobState::Failed,
                    Some(_) if cancel => JobState::Cancelled,
                    Some(_) if job.attempts >= job.max_attempts => JobState::Dead,
                    Some(wait) => {
                        job.run_at = now.saturating_add(wait.max(0));
                        JobState::Queued
                    }
                };
            }
            Outcome::Cancelled => job.state = JobState::Cancelled,
            Outcome::Released if cancel => job.state = JobState::Cancelled,
            Outcome::Released => {
                job.state = JobState::Queued;
                job.attempts = (job.attempts - 1).max(0);
                job.progress = 0;
                job.run_at = now;
            }
        }
        change.state = job.state;
        change.progress = job.progress;
        let finished_at = job.state.is_final().then_some(now);
        let sql = "UPDATE jobs SET state = $2, result = $3, error = $4, progress = $5, run_at = $6, finished_at = $7,
            attempts = $8, lease_until = NULL WHERE id = $1";
        let head = values![&job.id, job.state.name(), result.as_deref(), problem];
        let tail = values![job.progress, job.run_at, finished_at, job.attempts];
        writing.run(sql, &[&head[..], &tail[..]].concat()).await?;
        log_changes(&mut writing, &[change]).await?;
        writing.commit().await?;
        Ok(Some(job.state))
    }

    /// Notes that a job has an effect outside: true once for each key of a job, over all attempts, and only while the lease holds.
    /// Who gets true has the effect right after; who gets false must not.
    pub async fn record_effect(&self, leased: &Leased, key: &str) -> Result<bool, StoreError> {
        let mut writing = self.pool.begin().await?;
        if held(&mut writing, leased).await?.is_none() {
            return Ok(false);
        }
        let sql = "INSERT INTO job_effects (job, key, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        let is_new = writing.run(sql, values![&leased.job.id, key, now_ms()]).await? == 1;
        writing.commit().await?;
        Ok(is_new)
    }
}

/// The job that comes next, held to the end of the transaction, and whether it was to be cancelled.
async fn pick(
    writing: &mut Writing,
    kinds: &[&str],
    now: i64,
    most_per_account: Option<u32>,
) -> Result<Option<(Job, bool)>, StoreError> {
    for account in in_turn(writing, now, most_per_account).await? {
        let queued = next_of(writing, "state = 'queued' AND run_at <= $1", &account, kinds, now).await?;
        let left = next_of(writing, "state = 'running' AND lease_until <= $1", &account, kinds, now).await?;
        let next = [queued, left].into_iter().flatten();
        let next = next.min_by(|(one, _), (other, _)| other.priority.cmp(&one.priority).then(one.id.cmp(&other.id)));
        if next.is_some() {
            return Ok(next);
        }
    }
    Ok(None)
}

/// The accounts for which something waits, or was left, and that have fewer running than they may, in the order in which they are served.
async fn in_turn(writing: &mut Writing, now: i64, most_per_account: Option<u32>) -> Result<Vec<String>, StoreError> {
    // From account to account by the index, whatever number waits for each.
    let sql = "WITH RECURSIVE waiting (account) AS (
            SELECT min(account) FROM jobs WHERE state = 'queued'
            UNION ALL
            SELECT (SELECT min(jobs.account) FROM jobs WHERE jobs.state = 'queued' AND jobs.account > waiting.account)
            FROM waiting WHERE waiting.account IS NOT NULL)
        SELECT ready.account AS account FROM
            (SELECT account FROM waiting WHERE account IS NOT NULL
            UNION
            SELECT account FROM jobs WHERE state = 'running' AND lease_until <= $1) AS ready
            LEFT JOIN
            (SELECT account, count(*) AS number FROM jobs WHERE state = 'running' AND lease_until > $1 GROUP BY account)
            AS busy ON busy.account = ready.account
            LEFT JOIN turns ON turns.account = ready.account
        WHERE coalesce(busy.number, 0) < $2
        ORDER BY coalesce(busy.number, 0), coalesce(turns.at, 0), ready.account";
    let most = most_per_account.map_or(i64::MAX, i64::from);
    let rows = writing.rows(sql, values![now, most]).await?;
    rows.iter().map(|row| row.text("account")).collect()
}

/// The first job of an account that a condition lets pass, held. What others are about to take is passed over.
async fn next_of(
    writing: &mut Writing,
    condition: &str,
    account: &str,
    kinds: &[&str],
    now: i64,
) -> Result<Option<(Job, bool)>, StoreError> {
    let kinds_in = numbers(3, kinds.len());
    let sql = format!(
        "SELECT * FROM jobs WHERE account = $2 AND kind IN ({kinds_in}) AND {condition}
        ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED"
    );
    let values: Vec<Value<'_>> =
        [now.into(), account.into()].into_iter().chain(kinds.iter().map(|&kind| kind.into())).collect();
    let row = writing.row_built(sql, &values).await?;
    row.map(|row| Ok((job_in(&row)?, row.truth("cancel")?))).transpose()
}

/// Ends a job that no attempt is left for, or that nobody wants, and whose worker is gone.
async fn put_away(writing: &mut Writing, job: &mut Job, cancel: bool, now: i64) -> Result<(), StoreError> {
    job.state = if cancel { JobState::Cancelled } else { JobState::Dead };
    job.message = "Its worker was gone, and it is not begun again.".to_owned();
    let sql = "UPDATE jobs SET state = $2, message = $3, error = $3, finished_at = $4, lease = NULL, lease_until = NULL
        WHERE id = $1";
    writing.run(sql, values![&job.id, job.state.name(), &job.message, now]).await?;
    Ok(())
}

/// The job of a lease as it is now, without what it was given, held to the end of the transaction, if the lease still stands.
async fn held(writing: &mut Writing, leased: &Leased) -> Result<Option<(Job, bool)>, StoreError> {
    let sql = format!("SELECT {SHORT}, cancel FROM jobs WHERE id = $1 AND lease = $2 AND state = 'running' FOR UPDATE");
    let row = writing.row_built(sql, values![&leased.job.id, &leased.lease]).await?;
    row.map(|row| Ok((job_in(&row)?, row.truth("cancel")?))).transpose()
}

/// Names of values from a number on, for `IN`.
fn numbers(first: usize, count: usize) -> String {
    (first..first + count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}
