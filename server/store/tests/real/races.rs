//! What happens when many want the same at once.

use crate::databases::{Ground, new_job, on_both};
use serde_json::json;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use store::accounts::Role;
use store::jobs::{JobState, Outcome};
use store::tokens::{Proof, Rotated};
use store::{Store, StoreError, now_ms};

on_both!(
    each_of_many_jobs_is_done_by_one_of_many_workers,
    a_call_that_is_dropped_is_done_or_not_done,
    a_long_queue_is_no_hindrance,
    many_who_create_jobs_at_once_do_not_pass_the_bound,
    of_two_admins_who_dismiss_each_other_one_stays,
    of_many_first_admins_there_is_one,
    a_time_step_is_used_once,
    a_session_of_the_old_password_does_not_outlive_its_change,
    of_many_who_use_the_same_link_one_gives_the_password,
    admins_who_make_links_for_each_other_do_not_lock_each_other,
    a_recovery_code_is_used_once,
    recovery_codes_that_are_used_and_replaced_at_once_do_not_lock_each_other,
    of_two_who_rotate_the_same_token_none_keeps_the_session,
    sessions_that_are_rotated_and_revoked_at_once_do_not_lock_each_other,
);

/// Lets many do the same at once, each with connections as a replica of its own for every fourth.
async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    ground: &Ground,
    count: usize,
    act: impl Fn(Store, usize) -> F,
) -> Vec<T> {
    let replica = Store::open(&ground.url).await.expect("it opens");
    let tasks = (0..count).map(|number| {
        let store = if number % 4 == 0 { &replica } else { &ground.store };
        tokio::spawn(act(store.clone(), number))
    });
    let mut answers = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        answers.push(task.await.expect("it goes through"));
    }
    replica.close().await;
    answers
}

async fn each_of_many_jobs_is_done_by_one_of_many_workers(ground: Ground) {
    for number in 0..500 {
        ground.job(["ada", "bob", "eve"][number % 3], 0).await;
    }
    let workers = at_once(&ground, 8, |store, worker| async move {
        let mut done = Vec::new();
        while let Some(leased) =
            store.lease_job(&format!("w{worker}"), &["work"], 60_000, None).await.expect("asked").leased
        {
            assert!(store.record_effect(&leased, "done").await.expect("asked"));
            assert!(store.finish_job(&leased, &Outcome::Succeeded(json!(worker))).await.expect("asked").is_some());
            done.push(leased.job.id);
        }
        done
    })
    .await;
    let mut times = HashMap::<String, usize>::new();
    workers.iter().flatten().for_each(|id| *times.entry(id.clone()).or_default() += 1);
    assert_eq!((times.len(), times.values().max()), (500, Some(&1)));
    assert_eq!(ground.store.job_counts().await.expect("counted"), [("work".to_owned(), JobState::Succeeded, 500)]);
    // Created, begun, done: in an order without gaps.
    let (mut seq, mut count) = (0, 0);
    loop {
        let events = ground.store.job_events_since(seq, 1_000).await.expect("read");
        let Some(last) = events.last() else { break };
        (seq, count) = (last.seq, count + events.len());
    }
    assert_eq!((seq, count), (1_500, 1_500));
}

async fn of_two_admins_who_dismiss_each_other_one_stays(ground: Ground) {
    let one = ground.store.create_first_admin("one", "hash").await.expect("made");
    let two = ground.store.create_account("two", store::accounts::Role::Admin, Some("hash")).await.expect("made");
    for _ in 0..5 {
        let ids = [one.id.clone(), two.id.clone()];
        let answers = at_once(&ground, 2, move |store, number| {
            let id = ids[number].clone();
            async move { store.set_disabled(&id, true).await }
        })
        .await;
        let refused = answers.iter().filter(|answer| matches!(answer, Err(StoreError::LastAdmin))).count();
        let gone = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!((refused, gone), (1, 1), "{answers:?}");
        for id in [&one.id, &two.id] {
            ground.store.set_disabled(id, false).await.expect("enabled");
        }
    }
}

async fn of_many_first_admins_there_is_one(ground: Ground) {
    let answers = at_once(&ground, 10, |store, number| async move {
        store.create_first_admin(&format!("admin{number}"), "hash").await
    })
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Err(StoreError::Taken))).count(), 9);
}

async fn a_time_step_is_used_once(ground: Ground) {
    let id = ground.account("ada").await.id;
    assert!(ground.store.set_totp(&id, b"secret").await.expect("set"));
    assert!(ground.store.confirm_totp(&id, b"secret", 1, &[]).await.expect("asked"));
    for step in [7, 8] {
        let answers = at_once(&ground, 50, |store, _| {
            let id = id.clone();
            async move { store.use_totp_step(&id, step).await.expect("asked") }
        })
        .await;
        assert_eq!(answers.iter().filter(|&&is_first| is_first).count(), 1);
    }
}

async fn a_session_of_the_old_password_does_not_outlive_its_change(ground: Ground) {
    let store = &ground.store;
    for round in 0..10 {
        let id = store.create_account(&format!("a{round}"), Role::Viewer, Some("old")).await.expect("made").id;
        let answers = at_once(&ground, 9, |store, number| {
            let id = id.clone();
            async move {
                if number == 4 {
                    return store.change_password(&id, "old", "new").await.map(|_| ());
                }
                let proof = Proof { password_hash: Some("old".to_owned()), ..Proof::default() };
                store.start_session(&id, &format!("{id}{number}"), now_ms() + 60_000, &proof).await.map(|_| ())
            }
        })
        .await;
        let is_foreseen = |answer: &Result<(), StoreError>| matches!(answer, Ok(()) | Err(StoreError::Outdated));
        assert!(answers.iter().all(is_foreseen) && answers[4].is_ok(), "{answers:?}");
        assert!(store.sessions(&id).await.expect("read").is_empty(), "a session of the old password lives");
        let proof = Proof { password_hash: Some("new".to_owned()), ..Proof::default() };
        store.start_session(&id, &id, now_ms() + 60_000, &proof).await.expect("the new one is good");
    }
}

async fn of_many_who_use_the_same_link_one_gives_the_password(ground: Ground) {
    let store = &ground.store;
    let root = store.create_first_admin("root", "hash").await.expect("made").id;
    for round in 0..5 {
        let id = store.create_account(&format!("a{round}"), Role::Viewer, Some("old")).await.expect("made").id;
        assert!(store.invite(&id, &id, now_ms() + 60_000, &root, false).await.expect("asked"));
        let answers = at_once(&ground, 12, |store, number| {
            let id = id.clone();
            async move {
                if number % 3 == 0 {
                    let proof = Proof { password_hash: Some("old".to_owned()), ..Proof::default() };
                    let begun = store.start_session(&id, &format!("{id}{number}"), now_ms() + 60_000, &proof).await;
                    assert!(matches!(begun, Ok(_) | Err(StoreError::Outdated)), "{begun:?}");
                    return false;
                }
                store.accept_invitation(&id, &format!("new{number}")).await.expect("asked").is_some()
            }
        })
        .await;
        assert_eq!(answers.iter().filter(|&&is_first| is_first).count(), 1, "{answers:?}");
        let first = answers.iter().position(|&is_first| is_first).expect("there is one");
        assert_eq!(store.password_hash(&id).await.expect("read"), Some(format!("new{first}")));
        assert!(store.sessions(&id).await.expect("read").is_empty(), "a session of the old password lives");
    }
}

async fn admins_who_make_links_for_each_other_do_not_lock_each_other(ground: Ground) {
    let ids = [ground.account("one").await.id, ground.account("two").await.id];
    let answers = at_once(&ground, 16, move |store, number| {
        let (own, other) = (ids[number % 2].clone(), ids[(number + 1) % 2].clone());
        async move { store.invite(&other, &format!("c{number}"), now_ms() + 60_000, &own, false).await }
    })
    .await;
    assert!(answers.iter().all(|answer| matches!(answer, Ok(true))), "{answers:?}");
}

async fn a_recovery_code_is_used_once(ground: Ground) {
    let id = ground.account("ada").await.id;
    ground.store.set_recovery_codes(&id, &["code".to_owned()]).await.expect("set");
    let answers = at_once(&ground, 20, |store, _| {
        let id = id.clone();
        async move { store.use_recovery_code(&id, "code").await.expect("asked") }
    })
    .await;
    assert_eq!(answers.iter().filter(|&&is_first| is_first).count(), 1);
}

async fn recovery_codes_that_are_used_and_replaced_at_once_do_not_lock_each_other(ground: Ground) {
    let id = ground.account("ada").await.id;
    let codes: Vec<String> = (0..16).map(|number| format!("code {number}")).collect();
    ground.store.set_recovery_codes(&id, &codes).await.expect("set");
    let answers = at_once(&ground, 16, |store, number| {
        let (id, codes) = (id.clone(), codes.clone());
        async move {
            if number % 2 == 0 {
                store.set_recovery_codes(&id, &codes).await
            } else {
                store.use_recovery_code(&id, &codes[number]).await.map(|_| ())
            }
        }
    })
    .await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

async fn of_two_who_rotate_the_same_token_none_keeps_the_session(ground: Ground) {
    let id = ground.account("ada").await.id;
    ground.store.start_session(&id, "r", now_ms() + 60_000, &Proof::default()).await.expect("begun");
    let answers = at_once(&ground, 2, |store, number| async move {
        store.rotate_session("r", &format!("new{number}")).await.expect("asked")
    })
    .await;
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Rotated::Ok(_))).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Rotated::Reused(_))).count(), 1, "{answers:?}");
    assert!(ground.store.sessions(&id).await.expect("read").is_empty());
}

async fn sessions_that_are_rotated_and_revoked_at_once_do_not_lock_each_other(ground: Ground) {
    let id = ground.account("ada").await.id;
    for number in 0..8 {
        let hash = format!("r{number}");
        ground.store.start_session(&id, &hash, now_ms() + 60_000, &Proof::default()).await.expect("begun");
        ground.store.rotate_session(&hash, &format!("n{number}")).await.expect("asked");
    }
    let answers = at_once(&ground, 16, |store, number| {
        let id = id.clone();
        async move {
            if number % 2 == 0 {
                store.rotate_session(&format!("r{}", number / 2), "x").await.map(|_| ())
            } else {
                store.revoke_sessions_of(&id).await.map(|_| ())
            }
        }
    })
    .await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let (seq, lines) = ground.store.revoked_since(0).await.expect("read");
    assert_eq!((seq, lines.len()), (8, 8), "each was ended once");
}

async fn a_call_that_is_dropped_is_done_or_not_done(ground: Ground) {
    for round in 0..200 {
        let store = ground.store.clone();
        let call = tokio::spawn(async move { store.create_job(new_job("ada", 0), None).await });
        tokio::time::sleep(Duration::from_micros(40 * (round % 50))).await;
        call.abort();
        // An error here is that it was dropped.
        if let Ok(made) = call.await {
            made.expect("made");
        }
    }
    ground.job("ada", 0).await;
    let counts = ground.store.job_counts().await.expect("counted");
    let events = ground.store.job_events_since(0, 1_000).await.expect("read");
    assert_eq!(counts[0].2, events.len() as u64, "each job has its event, and no event is without its job");
    assert_eq!(ground.store.newest_job_event().await.expect("read"), events.len() as i64, "no number is lost");
}

async fn many_who_create_jobs_at_once_do_not_pass_the_bound(ground: Ground) {
    let create = |store: Store, _| async move { store.create_job(new_job("ada", 0), Some(5)).await };
    let answers = at_once(&ground, 40, create).await;
    assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(StoreError::Crowded(5)))), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 5);
    let counts = ground.store.job_counts().await.expect("counted");
    assert_eq!(counts, [("work".to_owned(), JobState::Queued, 5)]);
    assert_eq!(ground.store.newest_job_event().await.expect("read"), 5, "what was refused left nothing");
}

async fn a_long_queue_is_no_hindrance(ground: Ground) {
    let first = ground.job("ada", 0).await;
    let columns = "kind, account, priority, state, input, max_attempts, created_at, run_at";
    let double = |letter: char| {
        format!("INSERT INTO jobs (id, {columns}) SELECT id || '{letter}', {columns} FROM jobs WHERE state = 'queued'")
    };
    for letter in 'a'..='n' {
        ground.tamper(&double(letter)).await;
    }
    let began = Instant::now();
    for number in 0..50 {
        let leased =
            ground.store.lease_job("w", &["work"], 60_000, Some(100)).await.expect("asked").leased.expect("a job");
        assert!(number > 0 || leased.job.id == first.id);
        assert!(ground.store.finish_job(&leased, &Outcome::Succeeded(json!(1))).await.expect("asked").is_some());
    }
    let each = began.elapsed() / 50;
    assert!(each < Duration::from_millis(100), "{each:?} for each of 16,384 jobs");
}
