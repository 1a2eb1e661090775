//! Jobs from the store and back, by runners that end, on a real store in a file.

use super::*;
use crate::tasks::{Class, TaskHandle, TaskSpec};
use crate::texts::tests::core;
use std::sync::Mutex;
use std::sync::mpsc;
use store::jobs::NewJob;

/// The documentation names a parameter that is not there.
const DRIFTED: &str = "def f(a):\n    \"\"\"Do.\n\n    Args:\n        b: B.\n    \"\"\"\n    return a\n";
const BARE: &str = "def total(prices):\n    return sum(prices)\n";
/// How long jobs under way have when a runner is told to stop.
const GRACE: Duration = Duration::from_millis(50);

/// A core with one thread, and a store of its own.
struct Ground {
    core: ServerCore,
    store: Store,
    /// How long one text may take.
    text_deadline: Duration,
    /// What the observer was told.
    told: Arc<Mutex<Vec<Attempt>>>,
    _folder: tempfile::TempDir,
}

impl Ground {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", folder.path().join("s.db").display())).await.unwrap();
        let core = core(json!({ "core": { "threads": 1 } }));
        Self { core, store, text_deadline: Duration::from_secs(60), told: Arc::default(), _folder: folder }
    }

    /// A new job, which may be tried three times.
    async fn job(&self, kind: JobKind, input: Value) -> Job {
        let (kind, account) = (kind.name().to_owned(), "ada".to_owned());
        let new = NewJob { kind, account, priority: 0, input, max_attempts: 3, run_at: None };
        self.store.create_job(new, None).await.unwrap()
    }

    /// Lets a new runner work, tells it to stop as soon as `is_so` holds of the job, and waits until it has. The job then.
    async fn run_until(&self, id: &str, is_so: impl Fn(&Job) -> bool) -> Job {
        let (stop, stopped) = watch::channel(false);
        let told = self.told.clone();
        let runner = JobRunner::new(self.core.clone(), self.store.clone(), "w".to_owned(), Arc::default(), stopped)
            .with_grace(GRACE)
            .observed_by(Arc::new(move |attempt| told.lock().unwrap().push(attempt)));
        let runner = JobRunner { text_deadline: self.text_deadline, ..runner };
        let look = async {
            while !is_so(&self.store.job(id).await.unwrap().unwrap()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            stop.send_replace(true);
        };
        let both = async { tokio::join!(runner.run(1), look) };
        tokio::time::timeout(Duration::from_secs(60), both).await.unwrap();
        self.store.job(id).await.unwrap().unwrap()
    }

    /// A task of the core that begins at once and ends when it is told to.
    fn busy(&self) -> (TaskHandle<bool>, mpsc::Sender<()>) {
        let (go, wait) = mpsc::channel();
        (self.core.inner.tasks.submit(spec(Class::Interactive), move |_| wait.recv().is_ok()).unwrap(), go)
    }

    fn outcomes(&self) -> Vec<&'static str> {
        self.told.lock().unwrap().iter().map(|attempt| attempt.outcome).collect()
    }
}

fn spec(class: Class) -> TaskSpec {
    TaskSpec { name: "busy", class, client: "other".into(), key: None, deadline: None, correlation: 0 }
}

fn input() -> Value {
    json!({ "files": [{ "path": "a.py", "text": DRIFTED }, { "path": "b.py", "text": BARE }] })
}

fn is_done(job: &Job) -> bool {
    job.state.is_final()
}

#[test]
fn the_wait_for_another_attempt_doubles_and_is_bounded() {
    let waits: Vec<i64> = (1..=10).map(wait_after).collect();
    assert!(waits[..8].windows(2).all(|pair| pair[1] == 2 * pair[0]), "{waits:?}");
    assert_eq!((waits[0], waits[7], waits[9]), (2000, 256_000, 256_000));
    // No number of attempts makes it overflow, or less than a second.
    assert_eq!((wait_after(i64::MIN), wait_after(i64::MAX)), (1000, 256_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_that_ask_no_model_are_done_and_told_of_once() {
    let ground = Ground::new().await;
    let kinds = [JobKind::Check, JobKind::Document, JobKind::UpdateDocs];
    for kind in kinds {
        let job = ground.job(kind, input()).await;
        let done = ground.run_until(&job.id, is_done).await;
        assert_eq!((done.state, done.attempts, done.progress), (JobState::Succeeded, 1, 100), "{done:?}");
        let result = done.result.unwrap();
        let files = result["files"].as_array().unwrap();
        let paths: Vec<&Value> = files.iter().map(|file| &file["path"]).collect();
        assert_eq!(paths, ["a.py", "b.py"], "{result}");
        match kind {
            JobKind::Check => assert!(files[0]["diagnostics"].to_string().contains("`b`"), "{result}"),
            JobKind::Document => assert_eq!(files[1]["written"], 1, "{result}"),
            JobKind::UpdateDocs => assert!(files[0]["text"].as_str().unwrap().contains("  a: B.\n"), "{result}"),
            JobKind::Review => panic!("it needs a model"),
        }
    }
    let told = ground.told.lock().unwrap();
    let told: Vec<_> = told.iter().map(|attempt| (attempt.kind, attempt.outcome)).collect();
    assert_eq!(told, kinds.map(|kind| (kind.name(), "succeeded")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_when_a_runner_has_to_stop_is_given_back_and_done_by_the_next() {
    let ground = Ground::new().await;
    let job = ground.job(JobKind::Check, input()).await;
    // Its only thread has something else to do, so the job is begun and goes no further.
    let (busy, go) = ground.busy();
    let given_back = ground.run_until(&job.id, |job| job.state == JobState::Running).await;
    assert_eq!((given_back.state, given_back.attempts), (JobState::Queued, 0), "it was no attempt: {given_back:?}");
    assert!(given_back.result.is_none() && given_back.error.is_none(), "{given_back:?}");
    assert_eq!(ground.outcomes(), ["released"]);
    go.send(()).unwrap();
    assert_eq!(busy.await, Ok(true));
    let done = ground.run_until(&job.id, is_done).await;
    assert_eq!((done.state, done.attempts), (JobState::Succeeded, 1), "{done:?}");
    assert_eq!(done.result.unwrap()["files"].as_array().unwrap().len(), 2);
    assert_eq!(ground.outcomes(), ["released", "succeeded"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_for_which_there_was_no_room_is_tried_again_after_a_while() {
    let ground = Ground::new().await;
    let job = ground.job(JobKind::Check, input()).await;
    let (busy, go) = ground.busy();
    let tasks = &ground.core.inner.tasks;
    let waiting: Vec<_> = (0..ground.core.inner.mode.queue_limit())
        .map(|_| tasks.submit(spec(Class::Background), |_| ()).unwrap())
        .collect();
    let has_failed = |job: &Job| job.state == JobState::Queued && job.attempts == 1;
    let failed = ground.run_until(&job.id, has_failed).await;
    assert!(has_failed(&failed) && failed.error.as_ref().unwrap().contains("busy"), "{failed:?}");
    let wait = failed.run_at - store::now_ms();
    assert!(failed.run_at - failed.started_at.unwrap() >= wait_after(1) && wait <= wait_after(1), "{failed:?}");
    assert_eq!(ground.outcomes(), ["retried"]);
    drop(waiting);
    go.send(()).unwrap();
    assert_eq!(busy.await, Ok(true));
    let done = ground.run_until(&job.id, is_done).await;
    assert_eq!((done.state, done.attempts, done.error), (JobState::Succeeded, 2, None));
    assert!(done.started_at.unwrap() >= failed.run_at, "and not before");
    assert_eq!(ground.outcomes(), ["retried", "succeeded"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_attempt_would_not_change_is_not_tried_again() {
    let mut ground = Ground::new().await;
    let no_input = ground.job(JobKind::Check, json!({ "files": 7 })).await;
    let failed = ground.run_until(&no_input.id, is_done).await;
    assert_eq!((failed.state, failed.attempts), (JobState::Failed, 1), "{failed:?}");
    assert!(failed.error.unwrap().starts_with("The job cannot be read: "));
    // A text that takes longer than one may will take as long the next time.
    ground.text_deadline = Duration::ZERO;
    let text = "def f(a):\n    return a\n\n\n".repeat(10_000);
    let long = ground.job(JobKind::Check, json!({ "files": [{ "path": "long.py", "text": text }] })).await;
    let failed = ground.run_until(&long.id, is_done).await;
    assert_eq!((failed.state, failed.attempts), (JobState::Failed, 1), "{:?}", failed.error);
    assert!(failed.error.unwrap().starts_with("long.py took longer than 0 seconds and was given up; "));
    assert_eq!(ground.outcomes(), ["failed", "failed"]);
}
