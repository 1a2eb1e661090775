//! Keys of requests that may come twice.

use crate::databases::{Ground, on_both};
use store::idempotency::{Idempotency, KEPT_MS};
use store::now_ms;
use store::tokens::Proof;

on_both!(
    a_key_goes_from_new_to_done,
    a_key_that_is_too_old_is_new_again,
    of_many_who_begin_at_once_one_is_first,
    sweeping_removes_what_is_old_and_nothing_else,
);

async fn a_key_goes_from_new_to_done(ground: Ground) {
    let (store, now) = (&ground.store, now_ms());
    let begin = async |account: &str, hash: &str| store.begin_idempotent(account, "k", hash, now).await.expect("asked");
    assert_eq!(begin("ada", "h").await, Idempotency::New);
    assert_eq!(begin("ada", "h").await, Idempotency::Running);
    assert_eq!(begin("ada", "other").await, Idempotency::Mismatch);
    assert_eq!(begin("bob", "other").await, Idempotency::New, "keys of others are others");
    store.forget_idempotent("ada", "k").await.expect("forgotten");
    assert_eq!(begin("ada", "h2").await, Idempotency::New);
    store.finish_idempotent("ada", "k", 201, "{\"id\":1}").await.expect("finished");
    let done = Idempotency::Done { status: 201, body: "{\"id\":1}".to_owned() };
    assert_eq!(begin("ada", "h2").await, done);
    assert_eq!(begin("ada", "h").await, Idempotency::Mismatch);
}

async fn a_key_that_is_too_old_is_new_again(ground: Ground) {
    let (store, now) = (&ground.store, now_ms());
    assert_eq!(store.begin_idempotent("ada", "k", "h", now).await.expect("asked"), Idempotency::New);
    store.finish_idempotent("ada", "k", 200, "old").await.expect("finished");
    let later = now + KEPT_MS - 1;
    assert!(matches!(store.begin_idempotent("ada", "k", "h", later).await.expect("asked"), Idempotency::Done { .. }));
    let later = now + KEPT_MS;
    assert_eq!(store.begin_idempotent("ada", "k", "other", later).await.expect("asked"), Idempotency::New);
    assert_eq!(store.begin_idempotent("ada", "k", "other", later).await.expect("asked"), Idempotency::Running);
}

async fn of_many_who_begin_at_once_one_is_first(ground: Ground) {
    let now = now_ms();
    let tasks = (0..20).map(|_| {
        let store = ground.store.clone();
        tokio::spawn(async move { store.begin_idempotent("ada", "k", "h", now).await.expect("asked") })
    });
    let mut answers = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        answers.push(task.await.expect("it goes through"));
    }
    assert_eq!(answers.iter().filter(|answer| **answer == Idempotency::New).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| **answer == Idempotency::Running).count(), 19, "{answers:?}");
}

async fn sweeping_removes_what_is_old_and_nothing_else(ground: Ground) {
    let (store, now) = (&ground.store, now_ms());
    store.begin_idempotent("ada", "k", "h", now).await.expect("asked");
    let (done, waiting) = (ground.job("ada", 0).await, ground.job("ada", -1).await);
    let leased = store.lease_job("w", &["work"], 60_000, None).await.expect("asked").expect("a job");
    assert!(store.record_effect(&leased, "mail").await.expect("asked"));
    assert!(store.finish_job(&leased, store::jobs::Outcome::Cancelled).await.expect("asked"));
    let account = ground.account("ada").await;
    store.start_session(&account.id, "r", now + 1, &Proof::default()).await.expect("begun");
    assert_eq!(store.sweep(now).await.expect("swept"), 0, "nothing is old");
    let day = 24 * 60 * 60 * 1_000;
    // The key and four events.
    assert_eq!(store.sweep(now + 8 * day).await.expect("swept"), 5);
    // The job, the session and its refresh token.
    assert_eq!(store.sweep(now + 31 * day).await.expect("swept"), 3);
    assert_eq!(store.job(&done.id).await.expect("read"), None);
    assert_eq!(store.job(&waiting.id).await.expect("read"), Some(waiting));
    assert!(store.job_events_since(0, 100).await.expect("read").is_empty());
    assert!(store.newest_job_event().await.expect("read") >= 4, "numbers go on");
}
