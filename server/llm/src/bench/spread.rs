//! Several targets: late first words, a slow one among good ones, conversations that stay where they are.

use super::Length;
use super::parts::{Row, evenly, first_word, manager, ms, open_loop, quantile, question, server, settings};
use crate::config::Settings;
use crate::scripted::{Behaviour, ModelServer, Options, Tail};
use rustc_hash::FxHashMap;
use std::time::Duration;

/// A server whose first word takes so long, and for a share of the requests longer.
async fn paced(first: Duration, tail: Option<Tail>) -> ModelServer {
    let behaviour = Behaviour { before_first: first, ..Behaviour::saying("It is done.") };
    server(Options { usual: behaviour.script().into(), tail, ..Options::default() }).await
}

/// First words of an even flow of questions.
async fn first_words(settings: &Settings, a_second: f64, time: Duration, warm: usize) -> (Vec<Duration>, usize) {
    let manager = manager(settings);
    let manager = &manager;
    let words = open_loop(evenly(a_second, time), |number| async move {
        first_word(manager, question(number)).await.ok().map(|took| (number, took))
    })
    .await;
    let failed = words.iter().filter(|word| word.is_none()).count();
    (words.into_iter().flatten().filter(|(number, _)| *number >= warm).map(|(_, took)| took).collect(), failed)
}

/// Five in a hundred first words are ten times slower.
pub async fn hedging(length: Length) -> Vec<Row> {
    let tail = Some(Tail { share: 0.05, times: 10.0 });
    let time = length.time(Duration::from_secs(24));
    let measured = async |hedging: bool| {
        let servers = [paced(Duration::from_millis(50), tail).await, paced(Duration::from_millis(50), tail).await];
        let mut settings = settings(&[&servers[0], &servers[1]]);
        settings.models.hedging = hedging;
        let asked = evenly(100.0, time).len();
        let (mut words, failed) = first_words(&settings, 100.0, time, asked / 8).await;
        let calls: usize = servers.iter().map(ModelServer::requests).sum();
        (quantile(&mut words, 0.99), 100.0 * (calls as f64 / asked.max(1) as f64 - 1.0), failed)
    };
    let (without, ..) = measured(false).await;
    let (with, extra, failed) = measured(true).await;
    let saved = 100.0 * (1.0 - with.as_secs_f64() / without.as_secs_f64().max(1e-9));
    vec![Row::new(
        "hedging, 5 % of first words ten times slower",
        format!(
            "p99 {} against {}, {saved:.0} % less, for {extra:.1} % more calls, {failed} errors",
            ms(with),
            ms(without)
        ),
        "p99 −70 %, ≤ 5 % more calls",
        saved >= 70.0 && extra <= 5.0 && failed == 0,
    )]
}

/// One of three targets is ten times slower than the two others.
pub async fn slow_target(length: Length) -> Vec<Row> {
    let time = length.time(Duration::from_secs(24));
    let quick = Duration::from_millis(50);
    let measured = async |slow: bool| {
        let servers = [paced(quick, None).await, paced(quick, None).await, paced(quick * 10, None).await];
        let chosen: Vec<&ModelServer> = if slow { servers.iter().collect() } else { servers[..2].iter().collect() };
        let warm = evenly(100.0, time).len() / 4;
        let (mut words, failed) = first_words(&settings(&chosen), 100.0, time, warm).await;
        (quantile(&mut words, 0.99), failed)
    };
    let ((alone, _), (with, failed)) = (measured(false).await, measured(true).await);
    let ratio = with.as_secs_f64() / alone.as_secs_f64().max(1e-9);
    vec![Row::new(
        "one of three targets ten times slower",
        format!("p99 {} against {} of the two good ones alone, {ratio:.2} times, {failed} errors", ms(with), ms(alone)),
        "≤ 1.3 times",
        ratio <= 1.3 && failed == 0,
    )]
}

/// Conversations of twenty turns over three targets.
pub async fn affinity(length: Length) -> Vec<Row> {
    let servers = [
        paced(Duration::from_millis(20), None).await,
        paced(Duration::from_millis(20), None).await,
        paced(Duration::from_millis(20), None).await,
    ];
    let chosen: Vec<&ModelServer> = servers.iter().collect();
    let manager = manager(&settings(&chosen));
    let (sessions, turns) = (length.of(480).max(120), 20);
    let manager = &manager;
    // Turns of all conversations mixed, as they come in a day.
    let rate = if length == Length::Full { 600.0 } else { 150.0 };
    let times = evenly(rate, Duration::from_secs_f64((sessions * turns) as f64 / rate));
    let answers = open_loop(times, |number| async move {
        let session = number % sessions;
        let request = crate::request::Request { session: Some(session.to_string()), ..question(number) };
        manager.ask(request).await.ok().map(|answer| (session, answer.target))
    })
    .await;
    let mut by_session: FxHashMap<usize, FxHashMap<String, usize>> = FxHashMap::default();
    let mut by_target: FxHashMap<String, usize> = FxHashMap::default();
    let all = answers.len();
    for (session, target) in answers.into_iter().flatten() {
        *by_session.entry(session).or_default().entry(target.clone()).or_default() += 1;
        *by_target.entry(target).or_default() += 1;
    }
    let stayed: usize = by_session.values().filter_map(|targets| targets.values().max()).sum();
    let share = 100.0 * stayed as f64 / all.max(1) as f64;
    let most = by_target.values().max().copied().unwrap_or(0) as f64;
    let spread = most / (all as f64 / 3.0).max(1.0);
    vec![Row::new(
        format!("{sessions} conversations of {turns} turns over three targets"),
        format!("{share:.1} % of the turns stay, most/mean load {spread:.2}"),
        "≥ 98 %, ≤ 1.3",
        share >= 98.0 && spread <= 1.3,
    )]
}
