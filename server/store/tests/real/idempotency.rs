//! Keys of requests that may come twice.

use crate::databases::{Ground, on_both};
use store::idempotency::{KEPT_MS, Once};
use store::jobs::{JobState, NewJob};
use store::now_ms;
use store::tokens::Proof;

on_both!(
    of_many_who_ask_at_once_one_makes_it_and_all_get_it,
    the_same_request_makes_one_job,
    what_was_made_and_swept_is_gone,
    sweeping_removes_what_is_old_and_nothing_else,
    what_cannot_be_swept_does_not_keep_the_rest,
);

fn work(account: &str) -> NewJob {
    let (kind, account) = ("work".to_owned(), account.to_owned());
    NewJob { kind, account, priority: 0, input: serde_json::json!({}), max_attempts: 3, run_at: None }
}

async fn the_same_request_makes_one_job(ground: Ground) {
    let (store, now) = (&ground.store, now_ms());
    let ask = async |account: &str, hash: &str, now: i64| {
        store.create_job_once(work(account), "k", hash, now, None).await.expect("asked")
    };
    let Once::Made(made) = ask("ada", "h", now).await else { panic!("it is the first") };
    assert_eq!(store.job(&made.id).await.expect("read"), Some(made.clone()));
    assert_eq!(ask("ada", "h", now).await, Once::Same(made.clone()));
    assert_eq!(ask("ada", "other", now).await, Once::Mismatch);
    assert!(matches!(ask("bob", "other", now).await, Once::Made(_)), "keys of others are others");
    let leased = store.lease_job("w", &["work"], 60_000, None).await.expect("asked").leased.expect("a job");
    assert_eq!(leased.job.id, made.id);
    let Once::Same(now_running) = ask("ada", "h", now + KEPT_MS - 1).await else { panic!("it is the same") };
    assert_eq!(now_running.state, JobState::Running, "it is told as it is now");
    assert!(matches!(ask("ada", "other", now + KEPT_MS).await, Once::Made(_)), "after a day the key is free");
}

async fn of_many_who_ask_at_once_one_makes_it_and_all_get_it(ground: Ground) {
    let now = now_ms();
    let tasks = (0..20).map(|_| {
        let store = ground.store.clone();
        tokio::spawn(async move { store.create_job_once(work("ada"), "k", "h", now, None).await.expect("asked") })
    });
    let (mut made, mut ids) = (0, Vec::new());
    for task in tasks.collect::<Vec<_>>() {
        match task.await.expect("it goes through") {
            Once::Made(job) => {
                made += 1;
                ids.push(job.id);
            }
            Once::Same(job) => ids.push(job.id),
            other => panic!("{other:?}"),
        }
    }
    ids.dedup();
    assert_eq!((made, ids.len()), (1, 1));
    let all = store::jobs::JobFilter { account: None, state: None, kind: None };
    assert_eq!(ground.store.jobs(all, None, 10).await.expect("read").items.len(), 1);
}

async fn what_was_made_and_swept_is_gone(ground: Ground) {
    let (store, now) = (&ground.store, now_ms());
    let Once::Made(made) = store.create_job_once(work("ada"), "k", "h", now, None).await.expect("asked") else {
        panic!("it is the first")
    };
    store.cancel_job(&made.id).await.expect("cancelled");
    store.sweep(now + 31 * 24 * 60 * 60 * 1_000).await.expect("swept");
    assert_eq!(store.job(&made.id).await.expect("read"), None);
    let again = store.create_job_once(work("ada"), "k", "h", now, None).await.expect("asked");
    assert!(matches!(again, Once::Made(_)), "the key went with it");
}

async fn sweeping_removes_what_is_old_and_nothing_else(ground: Ground) {
    let (store, now) = (&ground.store, now_ms());
    let (done, waiting) = (ground.job("ada", 0).await, ground.job("ada", -1).await);
    let leased = store.lease_job("w", &["work"], 60_000, None).await.expect("asked").leased.expect("a job");
    assert!(store.record_effect(&leased, "mail").await.expect("asked"));
    assert!(store.finish_job(&leased, &store::jobs::Outcome::Cancelled).await.expect("asked").is_some());
    let account = ground.account("ada").await;
    store.start_session(&account.id, "r", now + 1, &Proof::default()).await.expect("begun");
    assert_eq!(store.sweep(now).await.expect("swept"), 0, "nothing is old");
    // More than are removed at once.
    let many = "INSERT INTO idempotency (account, key, request_hash, created_at) WITH RECURSIVE n (i) AS
        (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) SELECT 'ada', 'k' || i, 'h', 0 FROM n";
    ground.tamper(many).await;
    assert_eq!(store.sweep(now).await.expect("swept"), 1_200);
    let day = 24 * 60 * 60 * 1_000;
    // Four events.
    assert_eq!(store.sweep(now + 8 * day).await.expect("swept"), 4);
    // The job, the session and its refresh token.
    assert_eq!(store.sweep(now + 31 * day).await.expect("swept"), 3);
    assert_eq!(store.job(&done.id).await.expect("read"), None);
    assert_eq!(store.job(&waiting.id).await.expect("read"), Some(waiting));
    assert!(store.job_events_since(0, 100).await.expect("read").is_empty());
    assert!(store.newest_job_event().await.expect("read") >= 4, "numbers go on");
}

async fn what_cannot_be_swept_does_not_keep_the_rest(ground: Ground) {
    ground.job("ada", 0).await;
    assert_eq!(ground.store.job_events_since(0, 100).await.expect("read").len(), 1, "the control");
    ground.tamper("ALTER TABLE idempotency RENAME TO elsewhere").await;
    ground.store.sweep(now_ms() + 8 * 24 * 60 * 60 * 1_000).await.expect_err("a table is missing");
    assert!(ground.store.job_events_since(0, 100).await.expect("read").is_empty());
}
