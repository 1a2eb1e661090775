//! Workers that are killed in the middle of their work: no job is lost, and none is done twice.

use crate::databases::{Ground, new_job, on_both};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use store::jobs::{JobState, Outcome};
use store::{Backend, Store};

/// Tells this program that it is a worker, and on which database.
const WORKER_ON: &str = "CODE_AGENT_TESTS_WORKER_ON";

/// Where the worker writes down what it did.
const DIARY: &str = "CODE_AGENT_TESTS_DIARY";

const JOBS: usize = 200;
const ROUNDS: usize = 10;

/// Long enough for the work, short enough to wait for.
const LEASE: i64 = 400;

on_both!(jobs_survive_workers_that_are_killed);

/// Not a test but a worker, when it is started as such: it works until there is nothing to do, or until it is killed.
#[test]
fn works_until_it_is_killed() {
    let Ok(url) = std::env::var(WORKER_ON) else { return };
    let diary = std::env::var_os(DIARY).expect("a diary");
    let mut diary = OpenOptions::new().append(true).create(true).open(diary).expect("a diary");
    crate::databases::run(async move {
        let store = Store::open(&url).await.expect("it opens");
        while let Some(leased) = store.lease_job("w", &["work"], LEASE, None).await.expect("asked").leased {
            if store.record_effect(&leased, "effect").await.expect("asked") {
                // Whole or not at all: half a line would take that of the next worker along.
                diary.write_all(format!("effect {}\n", leased.job.id).as_bytes()).expect("written");
            }
            if store
                .finish_job(&leased, &Outcome::Succeeded(json!(leased.job.attempts)))
                .await
                .expect("asked")
                .is_some()
            {
                diary.write_all(format!("done {}\n", leased.job.id).as_bytes()).expect("written");
            }
        }
    });
}

fn worker(url: &str, diary: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "crashes::works_until_it_is_killed"])
        .env(WORKER_ON, url)
        .env(DIARY, diary)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a worker")
}

fn lines(diary: &Path) -> Vec<String> {
    std::fs::read_to_string(diary).unwrap_or_default().lines().map(str::to_owned).collect()
}

async fn jobs_survive_workers_that_are_killed(ground: Ground) {
    let mut killed_at_work = 0;
    for round in 0..ROUNDS {
        let mut ids = Vec::new();
        for _ in 0..JOBS {
            ids.push(ground.job("ada", 0).await.id);
        }
        let diary = ground.folder.path().join(format!("diary-{round}"));
        let mut first = worker(&ground.url, &diary);
        // At another place in each round: as early as the first job, as late as most of them.
        let enough = 1 + round * JOBS / ROUNDS;
        let began = Instant::now();
        while lines(&diary).len() < enough {
            assert!(began.elapsed() < Duration::from_secs(60), "the worker does nothing");
            // The diary is another process's: there is nothing to wait on but the file.
            std::thread::sleep(Duration::from_micros(500));
        }
        // SIGKILL.
        first.kill().expect("it runs");
        first.wait().expect("it ends");
        killed_at_work += usize::from(lines(&diary).len() < JOBS * 2);
        // Another one takes over at once, and what the first one held when its lease is over.
        let began = Instant::now();
        loop {
            assert!(worker(&ground.url, &diary).wait().expect("it ends").success());
            let waiting = ground.store.job_counts().await.expect("counted");
            if waiting.iter().all(|(_, state, _)| state.is_final()) {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{waiting:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let mut times = HashMap::<String, usize>::new();
        lines(&diary).into_iter().for_each(|line| *times.entry(line).or_default() += 1);
        assert!(times.values().all(|&number| number == 1), "something was done twice: {times:?}");
        for id in &ids {
            let job = ground.store.job(id).await.expect("read").expect("it is not lost");
            assert_eq!((job.state, job.attempts <= 2), (JobState::Succeeded, true), "{job:?}");
        }
        // What was done and not written down is at most what was under way when it was killed.
        let written = ids.iter().filter(|id| times.contains_key(&format!("effect {id}"))).count();
        assert!(written >= JOBS - 1, "{written} effects");
    }
    assert_eq!(killed_at_work, ROUNDS, "each was killed in the middle");
    let (mut seq, mut done) = (0, HashMap::<String, usize>::new());
    loop {
        let events = ground.store.job_events_since(seq, 1_000).await.expect("read");
        let Some(last) = events.last() else { break };
        seq = last.seq;
        let ends = events.into_iter().filter(|event| event.state == JobState::Succeeded);
        ends.for_each(|event| *done.entry(event.job).or_default() += 1);
    }
    assert_eq!((done.len(), done.values().max()), (JOBS * ROUNDS, Some(&1)));
}

/// What one replica holds in the middle of a transaction everybody waits for: the number of the next event, say. One that is paused, or whose machine is
/// gone, must not keep it for as long as the network takes to notice.
#[test]
fn a_worker_that_is_paused_in_the_middle_of_a_transaction_holds_up_nobody_for_long() {
    crate::databases::run(async {
        let ground = Ground::new(Backend::Postgres).await;
        for _ in 0..JOBS * 5 {
            ground.job("ada", 0).await;
        }
        let mut worker = worker(&ground.url, &ground.folder.path().join("diary"));
        let signal = |signal: &str| {
            let sent = Command::new("kill").args([signal, &worker.id().to_string()]).status();
            assert!(sent.expect("kill runs").success());
        };
        let mut connection = PgConnection::connect(&ground.url).await.expect("it opens");
        // In the middle of a transaction that has taken a number, and does not give it back.
        let sql = "SELECT count(*) FROM pg_stat_activity JOIN pg_locks USING (pid)
            WHERE pg_stat_activity.datname = current_database() AND state = 'idle in transaction'
            AND relation = 'counters'::regclass AND mode = 'RowExclusiveLock' AND granted";
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < Duration::from_secs(60), "it is never in the middle of one");
            tokio::time::sleep(Duration::from_millis(7)).await;
            signal("-STOP");
            // The statement that was under way comes to its end.
            tokio::time::sleep(Duration::from_millis(20)).await;
            let paused: i64 = sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("read");
            if paused > 0 {
                break;
            }
            signal("-CONT");
        }
        // A number of its own, as every job needs one; and more at once than there are connections, so that some stand in line for one.
        let making = (0..20).map(|_| {
            let store = ground.store.clone();
            tokio::spawn(async move { store.create_job(new_job("bob", 0), None).await })
        });
        for made in making.collect::<Vec<_>>() {
            let made = made.await.expect("it goes through");
            made.expect("who is silent is ended before anybody gives up");
        }
        signal("-CONT");
        worker.kill().expect("it runs");
        worker.wait().expect("it ends");
    });
}
