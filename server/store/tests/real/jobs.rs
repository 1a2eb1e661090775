//! How one job after another goes.

use crate::databases::{Ground, new_job, on_both};
use serde_json::json;
use std::time::{Duration, Instant};
use store::idempotency::Once;
use store::jobs::{Beat, Job, JobFilter, JobState, Leased, NewJob, Outcome};
use store::{StoreError, now_ms};

on_both!(
    a_job_that_is_given_back_waits_again_and_was_no_attempt,
    all_jobs_of_an_account_are_ended_and_no_others,
    a_job_comes_back_with_its_result,
    a_job_waits_for_its_moment_and_its_kind,
    a_lease_that_is_over_is_given_to_another,
    a_beat_makes_a_lease_longer,
    who_ends_an_attempt_twice_hears_of_that_one_and_not_of_the_next,
    a_job_that_waits_is_cancelled_at_once,
    a_job_that_runs_hears_that_it_is_cancelled,
    a_job_that_fails_is_tried_again_until_it_is_dead,
    a_job_that_kills_its_workers_is_dead_in_the_end,
    a_job_whose_workers_were_killed_is_done_by_the_next,
    a_cancelled_job_whose_worker_is_gone_is_not_begun_again,
    accounts_take_turns,
    a_thousand_jobs_of_one_account_do_not_hold_up_one_of_another,
    no_account_has_more_than_its_share,
    so_many_jobs_of_an_account_wait_and_no_more,
    an_effect_is_had_once_over_all_attempts,
    who_waits_for_news_hears_of_what_is_written,
    events_tell_the_whole_story,
    jobs_are_listed_and_counted,
);

const LONG: i64 = 60_000;

async fn lease(ground: &Ground, worker: &str, lease_ms: i64) -> Option<Leased> {
    ground.store.lease_job(worker, &["work"], lease_ms, None).await.expect("asked").leased
}

fn retried(error: &str) -> Outcome {
    Outcome::Failed { error: error.to_owned(), retry_in_ms: Some(0) }
}

async fn a_job_comes_back_with_its_result(ground: Ground) {
    let made = ground.job("ada", 5).await;
    assert_eq!(ground.store.job(&made.id).await.expect("read"), Some(made.clone()));
    let leased = lease(&ground, "w", LONG).await.expect("a job");
    assert_eq!((leased.job.state, leased.job.attempts, &leased.job.input), (JobState::Running, 1, &made.input));
    assert_eq!(lease(&ground, "w", LONG).await, None, "there is only one");
    let beat = ground.store.heartbeat(&leased, LONG, 140, "nearly").await.expect("asked");
    assert_eq!(beat, Beat::Going);
    let now = ground.store.job(&made.id).await.expect("read").expect("there");
    assert_eq!((now.progress, now.message.as_str()), (100, "nearly"));
    let result = json!({ "z": [1, 2.5], "a": "ü" });
    assert!(ground.store.finish_job(&leased, &Outcome::Succeeded(result.clone())).await.expect("asked").is_some());
    let done = ground.store.job(&made.id).await.expect("read").expect("there");
    let without_input = Job { input: json!(null), ..done.clone() };
    assert_eq!(ground.store.job_without_input(&made.id).await.expect("read"), Some(without_input));
    let expected = (JobState::Succeeded, &Some(result), &None, 100);
    assert_eq!((done.state, &done.result, &done.error, done.progress), expected);
    assert!(done.started_at >= Some(made.created_at) && done.finished_at >= done.started_at);
    let again = ground.store.finish_job(&leased, &Outcome::Succeeded(json!("another"))).await.expect("asked");
    assert_eq!(again, Some(JobState::Succeeded), "it was not told, and asks again");
    assert_eq!(ground.store.job(&made.id).await.expect("read").expect("there").result, done.result);
    assert_eq!(ground.store.heartbeat(&leased, LONG, 0, "").await.expect("asked"), Beat::Lost);
}

async fn a_job_waits_for_its_moment_and_its_kind(ground: Ground) {
    let later = NewJob { run_at: Some(now_ms() + 2_000), ..new_job("ada", 0) };
    ground.store.create_job(later, None).await.expect("made");
    assert_eq!(lease(&ground, "w", LONG).await, None, "it is too early");
    tokio::time::sleep(Duration::from_millis(2_050)).await;
    assert_eq!(ground.store.lease_job("w", &["other", "x"], LONG, None).await.expect("asked").leased, None);
    assert_eq!(ground.store.lease_job("w", &[], LONG, None).await.expect("asked").leased, None);
    assert!(ground.store.lease_job("w", &["other", "work"], LONG, None).await.expect("asked").leased.is_some());
}

async fn a_lease_that_is_over_is_given_to_another(ground: Ground) {
    let job = ground.job("ada", 0).await;
    let paused = lease(&ground, "paused", 30).await.expect("a job");
    tokio::time::sleep(Duration::from_millis(60)).await;
    let other = lease(&ground, "other", LONG).await.expect("it is free again");
    assert_eq!((&other.job.id, other.job.attempts), (&job.id, 2));
    let before = ground.store.job(&job.id).await.expect("read");
    let seq = ground.store.newest_job_event().await.expect("read");
    assert_eq!(ground.store.heartbeat(&paused, LONG, 99, "I live").await.expect("asked"), Beat::Lost);
    assert!(!ground.store.record_effect(&paused, "mail").await.expect("asked"));
    for outcome in [Outcome::Succeeded(json!(1)), retried("x"), Outcome::Cancelled] {
        assert!(ground.store.finish_job(&paused, &outcome).await.expect("asked").is_none());
    }
    assert_eq!(ground.store.job(&job.id).await.expect("read"), before, "nothing is written");
    assert_eq!(ground.store.newest_job_event().await.expect("read"), seq);
    assert!(ground.store.finish_job(&other, &Outcome::Succeeded(json!(2))).await.expect("asked").is_some());
    assert_eq!(ground.store.job(&job.id).await.expect("read").expect("there").result, Some(json!(2)));
}

async fn a_beat_makes_a_lease_longer(ground: Ground) {
    const SHORT: i64 = 1_500;
    let short = Duration::from_millis(SHORT.unsigned_abs());
    let job = ground.job("ada", 0).await;
    let began = Instant::now();
    let held = lease(&ground, "holder", SHORT).await.expect("a job");
    while began.elapsed() < short * 5 / 2 {
        tokio::time::sleep(short / 3).await;
        assert_eq!(ground.store.heartbeat(&held, SHORT, 0, "").await.expect("asked"), Beat::Going);
        assert_eq!(lease(&ground, "other", LONG).await, None, "its holder said that he is there");
    }
    // The control: he says so no more.
    tokio::time::sleep(short + short / 5).await;
    let other = lease(&ground, "other", LONG).await.expect("it is free again");
    assert_eq!((&other.job.id, other.job.attempts), (&job.id, 2));
    assert_eq!(ground.store.heartbeat(&held, LONG, 0, "").await.expect("asked"), Beat::Lost);
}

async fn who_ends_an_attempt_twice_hears_of_that_one_and_not_of_the_next(ground: Ground) {
    let finish =
        async |leased: &Leased, outcome: Outcome| ground.store.finish_job(leased, &outcome).await.expect("asked");
    let job = ground.job("ada", 0).await;
    let first = lease(&ground, "w", LONG).await.expect("a job");
    assert_eq!(finish(&first, retried("x")).await, Some(JobState::Queued));
    let (before, seq) = (ground.store.job(&job.id).await, ground.store.newest_job_event().await);
    assert_eq!(finish(&first, Outcome::Cancelled).await, Some(JobState::Queued), "it was not told, and asks again");
    assert_eq!(ground.store.job(&job.id).await.expect("read"), before.expect("read"), "nothing is written");
    assert_eq!(ground.store.newest_job_event().await.expect("read"), seq.expect("read"));
    let second = lease(&ground, "w", LONG).await.expect("a job");
    assert_eq!(finish(&first, retried("x")).await, None, "it is in other hands");
    assert_eq!(finish(&second, Outcome::Succeeded(json!(1))).await, Some(JobState::Succeeded));
    assert_eq!(finish(&first, retried("x")).await, None, "that was the work of somebody else");
    // Cancelled by somebody while it waited again.
    let job = ground.job("ada", 0).await;
    let leased = lease(&ground, "w", LONG).await.expect("a job");
    assert_eq!(finish(&leased, retried("x")).await, Some(JobState::Queued));
    assert_eq!(ground.store.cancel_job(&job.id).await.expect("asked"), Some(JobState::Cancelled));
    assert_eq!(finish(&leased, retried("x")).await, None);
}

async fn a_job_that_waits_is_cancelled_at_once(ground: Ground) {
    let job = ground.job("ada", 0).await;
    assert_eq!(ground.store.cancel_job(&job.id).await.expect("asked"), Some(JobState::Cancelled));
    assert_eq!(lease(&ground, "w", LONG).await, None);
    assert_eq!(ground.store.cancel_job(&job.id).await.expect("asked"), Some(JobState::Cancelled), "as it is already");
    assert_eq!(ground.store.cancel_job("no such job").await.expect("asked"), None);
    assert!(ground.store.job(&job.id).await.expect("read").expect("there").finished_at.is_some());
}

async fn a_job_that_runs_hears_that_it_is_cancelled(ground: Ground) {
    let job = ground.job("ada", 0).await;
    let leased = lease(&ground, "w", LONG).await.expect("a job");
    assert_eq!(ground.store.cancel_job(&job.id).await.expect("asked"), Some(JobState::Running));
    assert_eq!(ground.store.heartbeat(&leased, LONG, 10, "").await.expect("asked"), Beat::CancelWanted);
    assert!(ground.store.finish_job(&leased, &Outcome::Cancelled).await.expect("asked").is_some());
    let done = ground.store.job(&job.id).await.expect("read").expect("there");
    assert_eq!((done.state, done.progress), (JobState::Cancelled, 10));

    let job = ground.job("ada", 0).await;
    let leased = lease(&ground, "w", LONG).await.expect("a job");
    ground.store.cancel_job(&job.id).await.expect("asked");
    assert!(ground.store.finish_job(&leased, &retried("x")).await.expect("asked").is_some());
    let done = ground.store.job(&job.id).await.expect("read").expect("there");
    assert_eq!(done.state, JobState::Cancelled, "it is not tried again");
}

async fn a_job_that_fails_is_tried_again_until_it_is_dead(ground: Ground) {
    let job = ground.job("ada", 0).await;
    for attempt in 1..=3 {
        let leased = lease(&ground, "w", LONG).await.expect("a job");
        assert_eq!(leased.job.attempts, attempt);
        let wait = Outcome::Failed { error: format!("error {attempt}"), retry_in_ms: Some(1_000) };
        assert!(ground.store.finish_job(&leased, &wait).await.expect("asked").is_some());
        assert_eq!(lease(&ground, "w", LONG).await, None, "it waits before it is tried again");
        tokio::time::sleep(Duration::from_millis(1_050)).await;
    }
    let dead = ground.store.job(&job.id).await.expect("read").expect("there");
    assert_eq!((dead.state, dead.error.as_deref(), dead.attempts), (JobState::Dead, Some("error 3"), 3));

    let job = ground.job("ada", 0).await;
    let leased = lease(&ground, "w", LONG).await.expect("a job");
    let outcome = Outcome::Failed { error: "hopeless".to_owned(), retry_in_ms: None };
    assert!(ground.store.finish_job(&leased, &outcome).await.expect("asked").is_some());
    let failed = ground.store.job(&job.id).await.expect("read").expect("there");
    assert_eq!((failed.state, failed.attempts), (JobState::Failed, 1));
}

async fn a_job_that_is_given_back_waits_again_and_was_no_attempt(ground: Ground) {
    let store = &ground.store;
    let made = ground.job("ada", 0).await;
    for _ in 0..10 {
        let leased = lease(&ground, "w", 60_000).await.expect("a job");
        assert_eq!((leased.job.id.as_str(), leased.job.attempts), (made.id.as_str(), 1));
        for told in ["given back", "and asked again"] {
            assert_eq!(store.finish_job(&leased, &Outcome::Released).await.expect(told), Some(JobState::Queued));
        }
    }
    let leased = lease(&ground, "w", 60_000).await.expect("a job");
    store.cancel_job(&made.id).await.expect("wanted");
    assert!(store.finish_job(&leased, &Outcome::Released).await.expect("given back").is_some());
    assert_eq!(store.job_state(&made.id).await.expect("read"), Some(JobState::Cancelled));
}

async fn all_jobs_of_an_account_are_ended_and_no_others(ground: Ground) {
    let store = &ground.store;
    let running = ground.job("ada", 9).await;
    let leased = lease(&ground, "w", 60_000).await.expect("a job");
    assert_eq!(leased.job.id, running.id);
    let (waiting, other) = (ground.job("ada", 0).await, ground.job("bob", 0).await);
    assert_eq!(store.cancel_jobs_of("ada").await.expect("cancelled"), 2);
    assert_eq!(store.job_state(&waiting.id).await.expect("read"), Some(JobState::Cancelled));
    assert_eq!(store.job_state(&other.id).await.expect("read"), Some(JobState::Queued));
    let beat = store.heartbeat(&leased, 60_000, 0, "").await.expect("asked");
    assert_eq!(beat, store::jobs::Beat::CancelWanted, "its worker hears of it");
}

async fn a_job_that_kills_its_workers_is_dead_in_the_end(ground: Ground) {
    let poison = ground.job("ada", 9).await;
    let other = ground.job("ada", 0).await;
    for attempt in 1..=10 {
        let leased = lease(&ground, "w", 1).await.expect("a job");
        assert_eq!((&leased.job.id, leased.job.attempts), (&poison.id, attempt));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let asked = ground.store.lease_job("w", &["work"], LONG, None).await.expect("asked");
    assert_eq!(asked.leased.expect("a job").job.id, other.id, "the dead one stands in nobody's way");
    let put_away: Vec<_> = asked.put_away.iter().map(|job| (&job.id, job.state)).collect();
    assert_eq!(put_away, [(&poison.id, JobState::Dead)], "and whoever counts hears of it");
    let dead = ground.store.job(&poison.id).await.expect("read").expect("there");
    assert_eq!((dead.state, dead.attempts), (JobState::Dead, 10));
    assert!(dead.error.is_some() && dead.finished_at.is_some());
}

async fn a_job_whose_workers_were_killed_is_done_by_the_next(ground: Ground) {
    let job = ground.job("ada", 0).await;
    for _ in 0..9 {
        lease(&ground, "w", 1).await.expect("a job");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let leased = lease(&ground, "w", LONG).await.expect("a job");
    // What fails by itself after that is not tried again.
    let failed = Outcome::Failed { error: "it was too much".to_owned(), retry_in_ms: Some(0) };
    assert!(ground.store.finish_job(&leased, &failed).await.expect("written").is_some());
    assert_eq!(ground.store.job_state(&job.id).await.expect("read"), Some(JobState::Dead));
    let other = ground.job("ada", 0).await;
    for _ in 0..9 {
        lease(&ground, "w", 1).await.expect("a job");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let leased = lease(&ground, "w", LONG).await.expect("a job");
    assert!(
        ground.store.finish_job(&leased, &Outcome::Succeeded(serde_json::json!({}))).await.expect("written").is_some()
    );
    assert_eq!(ground.store.job_state(&other.id).await.expect("read"), Some(JobState::Succeeded));
}

async fn a_cancelled_job_whose_worker_is_gone_is_not_begun_again(ground: Ground) {
    let job = ground.job("ada", 0).await;
    lease(&ground, "w", 1).await.expect("a job");
    ground.store.cancel_job(&job.id).await.expect("asked");
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(lease(&ground, "w", LONG).await, None);
    assert_eq!(ground.store.job(&job.id).await.expect("read").expect("there").state, JobState::Cancelled);
}

async fn accounts_take_turns(ground: Ground) {
    // Ada has many urgent jobs, and they were first.
    for _ in 0..4 {
        ground.job("ada", 100).await;
    }
    ground.job("bob", 0).await;
    ground.job("bob", 1).await;
    ground.job("eve", -5).await;
    let mut order = Vec::new();
    for _ in 0..7 {
        let job = lease(&ground, "w", LONG).await.expect("a job").job;
        order.push(format!("{}{}", job.account, job.priority));
    }
    assert_eq!(order, ["ada100", "bob1", "eve-5", "ada100", "bob0", "ada100", "ada100"]);
}

async fn a_thousand_jobs_of_one_account_do_not_hold_up_one_of_another(ground: Ground) {
    let first = ground.job("ada", 10).await;
    let columns = "kind, account, priority, state, input, max_attempts, created_at, run_at";
    for letter in 'a'..='j' {
        let double = format!(
            "INSERT INTO jobs (id, {columns}) SELECT id || '{letter}', {columns} FROM jobs WHERE state = 'queued' AND account = 'ada'"
        );
        ground.tamper(&double).await;
    }
    let late = [ground.job("bob", -10).await, ground.job("bob", -10).await];
    // One worker, which is the hardest: whenever it asks, nobody has a job under way.
    let mut done = Vec::new();
    for _ in 0..4 {
        let leased = lease(&ground, "w", LONG).await.expect("a job");
        assert!(ground.store.finish_job(&leased, &Outcome::Succeeded(json!(1))).await.expect("asked").is_some());
        done.push(leased.job);
        // Turns are told apart by the millisecond.
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    // Neither had a turn before, so their ids decide once; from then on they take turns.
    let accounts: Vec<&str> = done.iter().map(|job| job.account.as_str()).collect();
    assert_eq!(accounts, ["ada", "bob", "ada", "bob"]);
    assert_eq!((&done[0].id, &done[1].id, &done[3].id), (&first.id, &late[0].id, &late[1].id));
}

async fn no_account_has_more_than_its_share(ground: Ground) {
    for _ in 0..6 {
        ground.job("ada", 9).await;
        ground.job("bob", 0).await;
    }
    let tasks = (0..12).map(|_| {
        let store = ground.store.clone();
        tokio::spawn(async move { store.lease_job("w", &["work"], LONG, Some(2)).await.expect("asked").leased })
    });
    let mut leased = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        leased.extend(task.await.expect("it goes through"));
    }
    let of = |account: &str| leased.iter().filter(|leased| leased.job.account == account).count();
    assert_eq!((of("ada"), of("bob")), (2, 2));
    assert!(ground.store.finish_job(&leased[0], &Outcome::Cancelled).await.expect("asked").is_some());
    let next =
        ground.store.lease_job("w", &["work"], LONG, Some(2)).await.expect("asked").leased.expect("there is room");
    assert_eq!(next.job.account, leased[0].job.account);
}

async fn an_effect_is_had_once_over_all_attempts(ground: Ground) {
    ground.job("ada", 0).await;
    let first = lease(&ground, "w", LONG).await.expect("a job");
    assert!(ground.store.record_effect(&first, "mail").await.expect("asked"));
    assert!(!ground.store.record_effect(&first, "mail").await.expect("asked"));
    assert!(ground.store.record_effect(&first, "bill").await.expect("asked"));
    assert!(ground.store.finish_job(&first, &retried("x")).await.expect("asked").is_some());
    let second = lease(&ground, "w", LONG).await.expect("a job");
    assert!(!ground.store.record_effect(&second, "mail").await.expect("asked"));
    ground.job("ada", 0).await;
    let other = lease(&ground, "w", LONG).await.expect("a job");
    assert!(ground.store.record_effect(&other, "mail").await.expect("asked"), "another job has effects of its own");
}

async fn so_many_jobs_of_an_account_wait_and_no_more(ground: Ground) {
    let (store, now) = (&ground.store, now_ms());
    let once = async || store.create_job_once(new_job("ada", 0), "k", "h", now, Some(2)).await;
    for _ in 0..2 {
        store.create_job(new_job("ada", 0), Some(2)).await.expect("made");
    }
    let error = store.create_job(new_job("ada", 0), Some(2)).await.expect_err("two wait");
    assert!(matches!(error, StoreError::Crowded(2)), "{error}");
    assert!(matches!(once().await, Err(StoreError::Crowded(2))));
    store.create_job(new_job("bob", 0), Some(2)).await.expect("it is somebody else's");
    // One of each account is begun, and waits no longer.
    for _ in 0..2 {
        lease(&ground, "w", LONG).await.expect("a job");
    }
    let Once::Made(made) = once().await.expect("there is room") else { panic!("what was refused keeps no key") };
    assert!(matches!(once().await.expect("asked"), Once::Same(same) if same.id == made.id), "it is no other one");
    let of_ada = JobFilter { account: Some("ada".to_owned()), ..JobFilter::default() };
    assert_eq!(store.jobs(of_ada, None, 10).await.expect("read").items.len(), 3);
    assert_eq!(store.newest_job_event().await.expect("read"), 6, "what was refused left nothing");
}

async fn who_waits_for_news_hears_of_what_is_written(ground: Ground) {
    let hears = async |news| tokio::time::timeout(std::time::Duration::from_secs(5), news).await.is_ok();
    let news = ground.store.job_news();
    ground.job("ada", 0).await;
    assert!(hears(news).await, "a job is news");
    assert_eq!(ground.store.newest_job_event().await.expect("read"), 1, "it is there by then");
    let leased = lease(&ground, "w", LONG).await.expect("a job");
    let news = ground.store.job_news();
    ground.store.heartbeat(&leased, LONG, 0, "").await.expect("asked");
    let is_silent = tokio::time::timeout(std::time::Duration::from_millis(200), news).await.is_err();
    assert!(is_silent, "nothing that is told has changed");
}

async fn events_tell_the_whole_story(ground: Ground) {
    let job = ground.job("ada", 0).await;
    let leased = lease(&ground, "w", LONG).await.expect("a job");
    for (progress, message) in [(10, "a"), (10, "a"), (10, "b")] {
        ground.store.heartbeat(&leased, LONG, progress, message).await.expect("asked");
    }
    assert!(ground.store.finish_job(&leased, &retried("it broke")).await.expect("asked").is_some());
    let again = lease(&ground, "w", LONG).await.expect("a job");
    assert!(ground.store.finish_job(&again, &Outcome::Succeeded(json!(null))).await.expect("asked").is_some());
    let events = ground.store.job_events_since(0, 100).await.expect("read");
    let story: Vec<_> = events.iter().map(|event| (event.state, event.progress, event.message.as_str())).collect();
    let expected = [
        (JobState::Queued, 0, ""),
        (JobState::Running, 0, ""),
        (JobState::Running, 10, "a"),
        (JobState::Running, 10, "b"),
        (JobState::Queued, 10, "it broke"),
        (JobState::Running, 0, "b"),
        (JobState::Succeeded, 100, "b"),
    ];
    assert_eq!(story, expected);
    assert!(events.iter().all(|event| event.job == job.id && event.account == "ada"));
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), (1..=7).collect::<Vec<_>>());
    let rest = ground.store.job_events_since(events[2].seq, 2).await.expect("read");
    assert_eq!(rest, events[3..5]);
}

async fn jobs_are_listed_and_counted(ground: Ground) {
    let (first, second) = (ground.job("ada", 0).await, ground.job("bob", 0).await);
    let other = NewJob { kind: "other".to_owned(), ..new_job("ada", 0) };
    let third = ground.store.create_job(other, None).await.expect("made");
    ground.store.cancel_job(&first.id).await.expect("asked");
    let listed = async |filter: JobFilter| {
        let page = ground.store.jobs(filter, None, 10).await.expect("read");
        page.items.into_iter().map(|job| job.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(JobFilter::default()).await, [&third.id, &second.id, &first.id].map(String::clone));
    let of_ada = JobFilter { account: Some("ada".to_owned()), ..JobFilter::default() };
    assert_eq!(listed(of_ada.clone()).await, [&third.id, &first.id].map(String::clone));
    let waiting = JobFilter { state: Some(JobState::Queued), ..of_ada };
    assert_eq!(listed(waiting).await, std::slice::from_ref(&third.id));
    let work = JobFilter { kind: Some("work".to_owned()), ..JobFilter::default() };
    assert_eq!(listed(work).await, [&second.id, &first.id].map(String::clone));
    let counts = ground.store.job_counts().await.expect("counted");
    let expected = [("other", JobState::Queued, 1), ("work", JobState::Cancelled, 1), ("work", JobState::Queued, 1)];
    assert_eq!(counts, expected.map(|(kind, state, number)| (kind.to_owned(), state, number)));
}
