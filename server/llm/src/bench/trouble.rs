//! Providers that fail and callers who leave.

use super::Length;
use super::parts::{Row, evenly, manager, ms, open_loop, question, saying, server, settings};
use crate::LlmManager;
use crate::best_of_two::{Start, best_of_two};
use crate::config::RoutingStrategy;
use crate::scripted::{ModelServer, Options, Script, Trouble, Usual, words};
use std::time::{Duration, Instant};

/// Half of the requests fail with a status of 500, at one target alone and with a good one beside it.
pub async fn brown_out(length: Length) -> Vec<Row> {
    let mut rows = Vec::new();
    let time = length.time(Duration::from_secs(20));
    for has_other in [false, true] {
        let half =
            Usual::by(|number, _| if number % 2 == 0 { Script::Fails(Trouble::Server, Vec::new()) } else { saying() });
        let ill = server(Options { usual: half, ..Options::default() }).await;
        let well = server(Options { usual: saying().into(), ..Options::default() }).await;
        let targets = if has_other { vec![&ill, &well] } else { vec![&ill] };
        let mut settings = settings(&targets);
        settings.routing.strategy = RoutingStrategy::Ordered;
        let manager = &manager(&settings);
        let answers =
            open_loop(evenly(100.0, time), |number| async move { manager.ask(question(number)).await.is_ok() }).await;
        let (calls, failed) = (ill.requests() + well.requests(), answers.iter().filter(|is_ok| !**is_ok).count());
        let ratio = calls as f64 / answers.len().max(1) as f64;
        let beside = if has_other { "a good one beside it" } else { "no other" };
        rows.push(Row::new(
            format!("half of the calls fail with 500, {beside}"),
            format!("{ratio:.2} calls a question, {failed} of {} without an answer", answers.len()),
            if has_other { "≤ 1.2 calls, all answered" } else { "≤ 1.2 calls" },
            ratio <= 1.2 && (failed == 0 || !has_other),
        ));
    }
    rows
}

/// From the leaving of a caller to the end at the provider, wherever the request was.
pub async fn cancel(length: Length) -> Vec<Row> {
    let rounds = length.of(40);
    let mut rows = Vec::new();
    for state in
        ["before the first word", "in the middle", "as the loser of a hedge", "as the second candidate", "in the queue"]
    {
        let mut worst = Duration::ZERO;
        let mut missed = 0;
        for round in 0..rounds {
            match abort(state, round).await {
                Some(took) => worst = worst.max(took),
                None => missed += 1,
            }
        }
        rows.push(Row::new(
            format!("a caller leaves: the request {state}"),
            format!("ended at the provider after {} at most, {missed} of {rounds} not", ms(worst)),
            "≤ 50 ms",
            worst <= Duration::from_millis(50) && missed == 0,
        ));
    }
    rows
}

/// Brings a request into a state, leaves it, and gives how long the provider worked on.
async fn abort(state: &str, round: usize) -> Option<Duration> {
    let late = || Script::Late(Duration::from_secs(60), words("late"));
    let slow = server(Options { usual: late().into(), ..Options::default() }).await;
    let quick = server(Options { usual: saying().into(), ..Options::default() }).await;
    let request = question(round);
    match state {
        "before the first word" => {
            let manager = manager(&settings(&[&slow]));
            leave(&manager, request, Duration::from_millis(20)).await;
            ended(&slow, Instant::now()).await
        }
        "in the middle" => {
            let words = Script::Words(words("one two three four five six seven eight"), Duration::from_millis(20));
            let server = server(Options { usual: words.into(), ..Options::default() }).await;
            let manager = manager(&settings(&[&server]));
            leave(&manager, request, Duration::from_millis(60)).await;
            ended(&server, Instant::now()).await
        }
        "in the queue" => {
            // One is under way and stays; the other waits, leaves, and must neither go out later nor take a place.
            let mut settings = settings(&[&slow]);
            (settings.models.concurrency, settings.models.adaptive) = (1, false);
            let manager = manager(&settings);
            let mut first = manager.stream(question(1_000_000)).ok()?;
            let _ = tokio::time::timeout(Duration::from_millis(10), first.next()).await;
            leave(&manager, request, Duration::from_millis(10)).await;
            let left = Instant::now();
            let is_gone = manager.report().first().is_some_and(|report| report.queued == 0);
            (is_gone && slow.requests() == 1).then(|| left.elapsed())
        }
        "as the loser of a hedge" => {
            let mut settings = settings(&[&slow, &quick]);
            (settings.models.hedging, settings.routing.strategy) = (true, RoutingStrategy::Ordered);
            slow.next((0..40).map(|_| saying()));
            let manager = manager(&settings);
            for number in 0..40 {
                manager.ask(question(2_000_000 + number)).await.ok()?;
            }
            manager.ask(request).await.ok()?;
            ended(&slow, Instant::now()).await
        }
        _ => {
            let mut settings = settings(&[&slow, &quick]);
            settings.routing.strategy = RoutingStrategy::Ordered;
            let manager = manager(&settings);
            best_of_two(&manager, request, &[], Start::Together).await.ok()?;
            ended(&slow, Instant::now()).await
        }
    }
}

/// Asks, and leaves after a time.
async fn leave(manager: &LlmManager, request: crate::request::Request, after: Duration) {
    // That it is not answered in this time is the point.
    let _ = tokio::time::timeout(after, manager.ask(request)).await;
}

/// How long after `left` the server saw that its client is gone; none if it does not within two seconds.
async fn ended(server: &ModelServer, left: Instant) -> Option<Duration> {
    for _ in 0..2000 {
        if let Some(at) = server.seen.last_abort() {
            return Some(at.saturating_duration_since(left));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    None
}
