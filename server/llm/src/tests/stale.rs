//! Answers that are no longer fresh: given at once, and fetched anew by one call at a time.

use super::*;
use std::sync::atomic::AtomicUsize;

/// An answer is fresh for no time at all, so that each hit is a stale one.
async fn never_fresh(script: Script) -> (ModelServer, LlmManager) {
    let server = ModelServer::start(script, 100).await;
    let mut settings = settings(&[&server]);
    settings.cache.fresh_seconds = Some(0);
    let manager = manager(&settings);
    (server, manager)
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hot_question_never_waits_again_and_has_one_refresh_at_a_time() {
    let (server, manager) = never_fresh(Script::Late(Duration::from_millis(200), words("the answer"))).await;
    assert!(!manager.ask(request("q")).await.unwrap().from_cache);
    let waited = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (manager, waited) = (manager.clone(), waited.clone());
            tokio::spawn(async move {
                for _ in 0..100 {
                    let answer = manager.ask(request("q")).await.unwrap();
                    assert_eq!(answer.text, "the answer");
                    waited.fetch_add(usize::from(!answer.from_cache), Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(waited.load(Ordering::Relaxed), 0, "all were answered from memory");
    assert_eq!(server.seen.most_at_once.load(Ordering::Relaxed), 1, "one refresh at a time");
    assert!(server.requests() >= 2, "and there were some");
}

#[tokio::test]
async fn a_refresh_takes_the_place_of_the_old_answer() {
    let (server, manager) = never_fresh(saying("new")).await;
    server.next([saying("old")]);
    assert_eq!(manager.ask(request("q")).await.unwrap().text, "old");
    assert_eq!(manager.ask(request("q")).await.unwrap().text, "old", "at once");
    until("refreshed", || server.requests() == 2).await;
    let began = Instant::now();
    while manager.ask(request("q")).await.unwrap().text != "new" {
        assert!(began.elapsed() < Duration::from_secs(20), "the old answer stays");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_the_old_answer_and_is_not_repeated_at_once() {
    let (server, manager) = never_fresh(Script::Status(400, Vec::new(), "{}".into())).await;
    server.next([saying("old")]);
    for _ in 0..100 {
        assert_eq!(manager.ask(request("q")).await.unwrap().text, "old");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    until("refreshed", || server.requests() > 1).await;
    assert!(server.requests() <= 3, "{} requests, one of them the first", server.requests());
}

#[tokio::test]
async fn a_refresh_ends_with_the_manager() {
    let (server, manager) = never_fresh(Script::Words(words("a b c d e f g h"), Duration::from_millis(300))).await;
    server.next([saying("old")]);
    manager.ask(request("q")).await.unwrap();
    manager.ask(request("q")).await.unwrap();
    until("begun", || server.requests() == 2).await;
    drop(manager);
    until("ended at the provider", || server.seen.aborted.load(Ordering::Relaxed) == 1).await;
}
