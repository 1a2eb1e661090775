//! Work that is kept until it is done: a job is taken under a lease, done file by file, and given back with its result.
//!
//! Whoever holds no lease any more writes nothing. A process that dies leaves its jobs to whoever asks next.

mod review;

use crate::answers::{FileChangeReport, FileReport};
use crate::error::CoreError;
use crate::server_core::ServerCore;
use crate::tasks::TaskError;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::jobs::{Beat, Job, JobState, Leased, Outcome};
use store::{Store, StoreError};
use syntax::text::{LineIndex, PositionEncoding, Span};
use tokio::sync::{Notify, watch};

/// How long a lease is good, in milliseconds: a process that died is noticed after it.
const LEASE_MS: i64 = 15_000;
/// How often a lease is made longer, and asked whether the job is to end.
const BEAT: Duration = Duration::from_secs(2);
/// How long to wait for a job where there was none, if nobody tells of one.
const IDLE: Duration = Duration::from_millis(500);
/// How long jobs under way have when the runner is told to stop.
const GRACE: Duration = Duration::from_secs(20);
/// What lies between two tries to write the end of a job down.
const AGAIN: Duration = Duration::from_secs(1);
/// Files of one job.
pub const MOST_FILES: usize = 500;

/// What is done with texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobKind {
    /// Say what is wrong.
    Check,
    /// Write the documentation that is missing.
    Document,
    /// Make documentation true again.
    UpdateDocs,
    /// Have a model remark on what changed.
    Review,
}

impl JobKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Check, Self::Document, Self::UpdateDocs, Self::Review];

    /// Its name in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Document => "document",
            Self::UpdateDocs => "update-docs",
            Self::Review => "review",
        }
    }

    /// How often it is tried. A model may be away for minutes, and the pauses between nine tries are some eight minutes.
    pub fn tries(self) -> i64 {
        match self {
            Self::Check | Self::Document | Self::UpdateDocs => 3,
            Self::Review => 9,
        }
    }

    fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A text of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobFile {
    /// The name, which says what language it is.
    pub path: String,
    /// What is in it.
    pub text: String,
    /// What was in it before, where it is not new; a review is of what changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// What a job is given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JobInput {
    /// The texts.
    pub files: Vec<JobFile>,
}

/// How an attempt at a job ended, for whoever counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attempt {
    /// What was done.
    pub kind: &'static str,
    /// One of [`Attempt::OUTCOMES`].
    pub outcome: &'static str,
    /// From its beginning to its end.
    pub took: Duration,
    /// From when it could have begun to its beginning.
    pub waited: Duration,
}

impl Attempt {
    /// How attempts end: with a result, with an error, with an error and another attempt to come, with none left, because nobody wants it, or because
    /// its worker ended.
    pub const OUTCOMES: [&'static str; 6] = ["succeeded", "failed", "retried", "dead", "cancelled", "released"];

    /// One that left its job in a state.
    fn of(job: &Job, state: JobState, is_released: bool, took: Duration) -> Option<Self> {
        let outcome = match state {
            JobState::Queued if is_released => "released",
            JobState::Queued | JobState::Running => "retried",
            JobState::Succeeded => "succeeded",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
            JobState::Dead => "dead",
        };
        let waited = job.started_at.unwrap_or(job.run_at).saturating_sub(job.run_at);
        let waited = Duration::from_millis(u64::try_from(waited).unwrap_or(0));
        Some(Self { kind: JobKind::by_name(&job.kind)?.name(), outcome, took, waited })
    }

    /// The last one of a job whose worker was gone and that was put away for it. It took no longer than until now; when its worker went is known to nobody.
    fn put_away(job: &Job) -> Option<Self> {
        let took = store::now_ms().saturating_sub(job.started_at.unwrap_or(i64::MAX)).max(0);
        Self::of(job, job.state, false, Duration::from_millis(took.unsigned_abs()))
    }
}

/// Is told of each attempt that ended.
pub type Observer = Arc<dyn Fn(Attempt) + Send + Sync>;

/// Takes jobs and does them.
pub struct JobRunner {
    core: ServerCore,
    store: Store,
    worker: String,
    /// Told when there is a new job.
    new: Arc<Notify>,
    /// True when no more jobs are to be taken.
    stop: watch::Receiver<bool>,
    /// How long those under way have then.
    grace: Duration,
    /// Jobs of one account that run at the same time, over all replicas.
    most_of_one: Option<u32>,
    /// How long one text may take.
    text_deadline: Duration,
    observer: Option<Observer>,
}

impl JobRunner {
    /// A runner that is told of new jobs by `new`, and of its end by `stop`; then jobs under way have [`GRACE`]. `worker` names this
    /// process among its replicas. What an account and a text may take is read from the settings now.
    pub fn new(core: ServerCore, store: Store, worker: String, new: Arc<Notify>, stop: watch::Receiver<bool>) -> Self {
        let service = core.config().settings().service.clone();
        let most_of_one = service.quotas.running_jobs();
        let text_deadline = Duration::from_secs(service.job_text_seconds);
        Self { core, store, worker, new, stop, grace: GRACE, most_of_one, text_deadline, observer: None }
    }

    /// Gives jobs under way another time when the runner is told to stop. What is not done by then is given back, for whoever takes it next.
    #[must_use]
    pub fn with_grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// Tells an observer of each attempt that ends.
    #[must_use]
    pub fn observed_by(self, observer: Observer) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// Does up to `count` jobs at the same time, until it is told to stop and those under way are done.
    pub async fn run(&self, count: usize) {
        join_all((0..count).map(|_| self.one_after_another())).await;
    }

    async fn one_after_another(&self) {
        let kinds: Vec<&str> = JobKind::ALL.iter().map(|kind| kind.name()).collect();
        let mut stop = self.stop.clone();
        while !*self.stop.borrow() {
            match self.store.lease_job(&self.worker, &kinds, LEASE_MS, self.most_of_one).await {
                Ok(found) => {
                    // Their workers ended with the process that held them, so nobody else counts them.
                    found.put_away.iter().for_each(|job| self.observe(Attempt::put_away(job)));
                    if let Some(leased) = found.leased {
                        self.do_one(leased).await;
                        continue;
                    }
                }
                Err(error) => tracing::warn!(%error, "No job can be taken just now."),
            }
            tokio::select! {
                () = self.new.notified() => {}
                () = tokio::time::sleep(IDLE) => {}
                changed = stop.changed() => {
                    // Whoever could say it is gone.
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn observe(&self, attempt: Option<Attempt>) {
        if let (Some(observer), Some(attempt)) = (&self.observer, attempt) {
            observer(attempt);
        }
    }

    async fn do_one(&self, mut leased: Leased) {
        let began = Instant::now();
        let (progress, told) = watch::channel((0, String::new()));
        // Nothing but the work needs it, and it may be large.
        let input = std::mem::take(&mut leased.job.input);
        let work = self.work(&leased.job, input, &progress);
        let outcome = tokio::select! {
            outcome = work => Some(outcome),
            () = self.out_of_time() => Some(Outcome::Released),
            // Nobody waits for the work any more. What is computed just now goes on to its end, since a thread is not stopped in the middle; then the
            // lane of background work takes the next.
            outcome = self.hold(&leased, told) => outcome,
        };
        let Some(outcome) = outcome else {
            tracing::warn!(job = leased.job.id, "The lease of a job was lost; somebody else does it.");
            return;
        };
        let (took, is_released) = (began.elapsed(), outcome == Outcome::Released);
        match self.finish(&leased, outcome).await {
            Ok(Some(state)) => self.observe(Attempt::of(&leased.job, state, is_released, took)),
            Ok(None) => tracing::warn!(
                job = leased.job.id,
                "A job was done, and by then somebody else had it, or had cancelled it."
            ),
            Err(error) => tracing::warn!(job = leased.job.id, %error, "The end of a job could not be written down."),
        }
    }

    /// Writes the end of a job down, again and again while the store does not answer and the lease may still stand: what took minutes must not be done
    /// anew because the database began again just then. After that the lease runs out, and the job is done again.
    async fn finish(&self, leased: &Leased, outcome: Outcome) -> Result<Option<JobState>, StoreError> {
        let until = Instant::now() + Duration::from_millis(LEASE_MS.unsigned_abs());
        loop {
            match self.store.finish_job(leased, &outcome).await {
                Err(error) if error.is_transient() && Instant::now() < until => tokio::time::sleep(AGAIN).await,
                // Also where an earlier try was written though nobody could say so any more.
                finished => return finished,
            }
        }
    }

    /// Waits until this runner was told to stop and its grace is over.
    async fn out_of_time(&self) {
        let mut stop = self.stop.clone();
        if stop.wait_for(|is_told| *is_told).await.is_err() {
            // Whoever could say it is gone, and the process with it.
            return std::future::pending().await;
        }
        tokio::time::sleep(self.grace).await;
    }

    /// Keeps the lease, until the job is to be cancelled (`Some`) or the lease is lost (`None`).
    async fn hold(&self, leased: &Leased, told: watch::Receiver<(i64, String)>) -> Option<Outcome> {
        loop {
            tokio::time::sleep(BEAT).await;
            let (progress, message) = told.borrow().clone();
            match self.store.heartbeat(leased, LEASE_MS, progress, &message).await {
                Ok(Beat::Going) => {}
                Ok(Beat::CancelWanted) => return Some(Outcome::Cancelled),
                Ok(Beat::Lost) => return None,
                Err(error) => tracing::warn!(%error, "A lease could not be made longer."),
            }
        }
    }

    async fn work(&self, job: &Job, input: Value, progress: &watch::Sender<(i64, String)>) -> Outcome {
        let failed = |error: String| Outcome::Failed { error, retry_in_ms: None };
        let Some(kind) = JobKind::by_name(&job.kind) else {
            return failed(format!("There is no job `{}`.", job.kind));
        };
        let input = match serde_json::from_value::<JobInput>(input) {
            Ok(input) => input,
            Err(error) => return failed(format!("The job cannot be read: {error}.")),
        };
        let core = self.core.for_client(&job.account);
        if kind == JobKind::Review {
            // Said before any file is looked at: none of them could be reviewed.
            match core.why_no_model().await {
                Ok(None) => {}
                Ok(Some(why)) => return failed(why.to_owned()),
                Err(error) => {
                    return Outcome::Failed { error: error.to_string(), retry_in_ms: Some(wait_after(job.attempts)) };
                }
            }
        }
        let count = input.files.len().max(1);
        let mut files = Vec::with_capacity(input.files.len());
        for (number, file) in input.files.into_iter().enumerate() {
            progress.send_replace(((number * 100 / count) as i64, file.path.clone()));
            let path = file.path.clone();
            match one_file(&core, kind, file, self.text_deadline).await {
                Ok(done) => files.push(done),
                Err(CoreError::Task(TaskError::Deadline)) => {
                    let seconds = self.text_deadline.as_secs();
                    return failed(format!(
                        "{path} took longer than {seconds} seconds and was given up; `service.job-text-seconds` sets how long it may take."
                    ));
                }
                Err(CoreError::Model(error)) if !review::may_answer_later(&error) => return failed(error.to_string()),
                Err(error) => {
                    // Too much work, a file that upsets the analysis, or a model that is away: another time it may do.
                    let wait = wait_after(job.attempts).max(review::asked_pause(&error));
                    return Outcome::Failed { error: error.to_string(), retry_in_ms: Some(wait) };
                }
            }
        }
        Outcome::Succeeded(json!({ "files": files }))
    }
}

/// Milliseconds between the attempt of this number and the next: twice as long each time, and no longer than some four minutes.
fn wait_after(attempt: i64) -> i64 {
    1000 << attempt.clamp(0, 8)
}

/// What came of one file.
async fn one_file(core: &ServerCore, kind: JobKind, file: JobFile, deadline: Duration) -> Result<Value, CoreError> {
    let JobFile { path, text, before } = file;
    let (name, text): (PathBuf, Arc<str>) = (path.into(), text.into());
    let options = crate::answers::BatchOptions::default();
    let own = core.clone();
    match kind {
        JobKind::Check => {
            let report = core.apart_in_background("check", Some(deadline), move || own.check_text(&name, text)).await?;
            Ok(checked(&report))
        }
        JobKind::Document => {
            let work = move || own.document_text(&name, text, &options);
            Ok(changed(&core.apart_in_background("document", Some(deadline), work).await?))
        }
        JobKind::UpdateDocs => {
            let work = move || own.fix_text(&name, text, &options);
            Ok(changed(&core.apart_in_background("update-docs", Some(deadline), work).await?))
        }
        // In a box, for it is much larger than the others, which would have it with them all the same.
        JobKind::Review => Box::pin(review::reviewed(core, name, before, text, deadline)).await,
    }
}

/// Where something is in a text, as clients are told: lines and columns from 0, columns in UTF-16 code units.
fn range(lines: &LineIndex, text: &str, span: Span) -> Value {
    let place = |offset| {
        let place = lines.position(text, offset, PositionEncoding::Utf16);
        json!({ "line": place.line, "character": place.character })
    };
    json!({ "start": place(span.start), "end": place(span.end) })
}

fn checked(report: &FileReport) -> Value {
    let findings: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            json!({
                "code": finding.rule, "severity": finding.severity, "message": finding.message, "symbol": finding.symbol_path,
                "range": range(&report.lines, &report.text, finding.span),
                "fixable": !finding.repairs.is_empty(),
            })
        })
        .collect();
    json!({ "path": report.path, "diagnostics": findings, "problem": report.problem.as_ref().map(|problem| &problem.message) })
}

fn changed(report: &FileChangeReport) -> Value {
    let text = (report.before != report.after).then(|| report.after.to_string());
    json!({
        "path": report.path, "text": text, "written": report.written, "mended": report.mended,
        "problem": report.problem.as_ref().map(|problem| &problem.message),
    })
}

#[cfg(test)]
mod tests;
