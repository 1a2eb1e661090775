//! Many requests at one time: joined, limited, foreseen, and spread over connections.

use super::Length;
use super::parts::{Row, evenly, first_word, manager, ms, open_loop, quantile, question, saying, server, settings};
use crate::LlmManager;
use crate::config::Settings;
use crate::events::Event;
use crate::scripted::{Knee, Options, Script, words};
use futures_util::future::join_all;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Equal questions at one time, in pieces and whole, with the first ones leaving in the middle.
pub async fn coalescing(length: Length) -> Vec<Row> {
    let mut rows = Vec::new();
    let callers = length.of(1000);
    for (streams, leaves) in [(true, false), (false, false), (true, true)] {
        let usual = Script::Words(words("one two three four five"), Duration::from_millis(20)).into();
        let server = server(Options { usual, ..Options::default() }).await;
        let mut settings = settings(&[&server]);
        settings.models.target.iter_mut().for_each(|target| target.stream = Some(streams));
        let manager = manager(&settings);
        let ask = async |number: usize| {
            let ask = manager.ask(question(0));
            // The one who began it leaves while it runs.
            if leaves && number == 0 {
                return tokio::time::timeout(Duration::from_millis(50), ask).await.is_err();
            }
            ask.await.is_ok_and(|answer| answer.text == "one two three four five")
        };
        let answers = join_all((0..callers).map(ask)).await;
        let errors = answers.iter().filter(|is_right| !**is_right).count();
        let calls = server.requests();
        let how = if streams { "in pieces" } else { "whole" };
        let (who, aim, most) =
            if leaves { (", the first one leaves", "≤ 2 calls, 0 errors", 2) } else { ("", "1 call, 0 errors", 1) };
        rows.push(Row::new(
            format!("{callers} equal questions at once, {how}{who}"),
            format!("{calls} calls, {errors} errors"),
            aim,
            calls <= most && errors == 0,
        ));
    }
    rows
}

/// Good answers a second of callers who never rest.
async fn goodput(settings: &Settings, callers: usize, warm: Duration, time: Duration) -> f64 {
    let manager = manager(settings);
    let (good, began) = (AtomicUsize::new(0), Instant::now());
    let caller = async |caller: usize| {
        for call in 0.. {
            let is_good = manager.ask(question(caller * 1_000_000 + call)).await.is_ok();
            let at = began.elapsed();
            if at >= warm + time {
                return;
            }
            good.fetch_add(usize::from(is_good && at >= warm), Ordering::Relaxed);
        }
    };
    join_all((0..callers).map(caller)).await;
    good.load(Ordering::Relaxed) as f64 / time.as_secs_f64()
}

/// A server with a knee: the limit that is found against the best of those that are set.
pub async fn limit(length: Length) -> Vec<Row> {
    let mut rows = Vec::new();
    let time = length.time(Duration::from_secs(8));
    let knee = Knee { capacity: 16, service: Duration::from_millis(100), power: 1.0, at_most: None };
    let knees = [
        ("requests wait for one another beyond 16", knee),
        ("requests hinder one another beyond 16", Knee { power: 2.0, ..knee }),
        ("beyond 16 they wait, beyond 32 they are refused", Knee { at_most: Some(32), ..knee }),
    ];
    for (what, knee) in knees {
        let fixed = async |limit: usize| {
            let server = server(Options { usual: saying().into(), knee: Some(knee), ..Options::default() }).await;
            let mut settings = settings(&[&server]);
            (settings.models.concurrency, settings.models.adaptive) = (limit, false);
            goodput(&settings, 80, time / 8, time / 2).await
        };
        let mut best: f64 = 0.0;
        for limit in [8, 12, 16, 24] {
            best = best.max(fixed(limit).await);
        }
        let server = server(Options { usual: saying().into(), knee: Some(knee), ..Options::default() }).await;
        let mut settings = settings(&[&server]);
        settings.models.concurrency = 32;
        let converges = length.time(Duration::from_secs(10));
        let found = goodput(&settings, 80, converges, time).await;
        let share = found / best.max(1.0);
        rows.push(Row::new(
            format!("adaptive limit, {what}"),
            format!(
                "{:.0} % of the best fixed limit ({found:.0} of {best:.0} a second) after {converges:?}",
                share * 100.0
            ),
            "≥ 95 % after 10 s",
            share >= 0.95,
        ));
    }
    rows
}

/// How long requests of a trace wait for their turn.
async fn waits(settings: &Settings, trace: &[Duration]) -> Vec<Duration> {
    let manager = manager(settings);
    let mut events = manager.events();
    let (mut waits, done) = (Vec::new(), tokio::sync::Notify::new());
    let asking = async {
        open_loop(trace.iter().copied(), |number| {
            let manager = &manager;
            async move { manager.ask(question(number)).await.is_ok() }
        })
        .await;
        done.notify_one();
    };
    let listening = async {
        loop {
            tokio::select! {
                biased;
                event = events.recv() => match event {
                    Ok(Event::Asked { waited, .. }) => waits.push(waited),
                    Ok(_) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                    Err(_) => return,
                },
                () = done.notified() => return,
            }
        }
    };
    futures_util::future::join(asking, listening).await;
    waits
}

/// A morning in short: few requests, then ever more, then a burst.
pub async fn forecast(length: Length) -> Vec<Row> {
    let scale = if length == Length::Full { 1.0 } else { 0.5 };
    let mut trace = Vec::new();
    // The rate, a second at a time.
    let rates = [20, 20, 20, 20, 40, 80, 120, 160, 200, 240, 240, 60, 40, 40, 220, 240, 240, 40, 20, 20];
    for (second, rate) in rates.into_iter().enumerate() {
        let rate = f64::from(rate) * scale;
        let of_second = evenly(rate, Duration::from_secs(1));
        trace.extend(of_second.into_iter().map(|at| at + Duration::from_secs(second as u64)));
    }
    let slow = || Options {
        usual: Script::Late(Duration::from_millis(400), words("It is done.")).into(),
        ..Options::default()
    };
    let measured = async |predictive: bool| {
        let server = server(slow()).await;
        let mut settings = settings(&[&server]);
        (settings.models.predictive, settings.models.concurrency) = (predictive, 16);
        let mut waits = waits(&settings, &trace).await;
        quantile(&mut waits, 0.95)
    };
    let (without, with) = (measured(false).await, measured(true).await);
    let saved = 100.0 * (1.0 - with.as_secs_f64() / without.as_secs_f64().max(1e-9));
    vec![Row::new(
        "wait for a turn on a ramp and a burst, with the forecast against without",
        format!("p95 {} against {}, {saved:.0} % less", ms(with), ms(without)),
        "−30 %",
        saved >= 30.0,
    )]
}

/// Many calls to a peer that allows few streams on a connection, and one that goes away again and again.
pub async fn streams(length: Length) -> Vec<Row> {
    let calls = length.of(1000);
    let usual = || Script::Late(Duration::from_millis(500), words("It is done.")).into();
    let peer = server(Options { usual: usual(), streams: 100, ..Options::default() }).await;
    let mut over_h2 = settings(&[&peer]);
    over_h2.models.target.iter_mut().for_each(|target| target.http2 = true);
    over_h2.models.concurrency = 1000;
    let all = async |manager: &LlmManager| {
        let began = Instant::now();
        let answers = join_all((0..calls).map(|number| first_word(manager, question(number)))).await;
        (answers.iter().filter(|answer| answer.is_err()).count(), began.elapsed())
    };
    let many = manager(&over_h2);
    let (errors, took) = all(&many).await;
    // The same calls to a peer that allows all of them on one connection: what is left is this machine.
    let wide = server(Options { usual: usual(), streams: 100_000, ..Options::default() }).await;
    let mut ideal = over_h2.clone();
    ideal.models.target.iter_mut().for_each(|target| target.base_url = Some(wide.url.clone()));
    let (_, at_best) = all(&manager(&ideal)).await;
    let ratio = took.as_secs_f64() / at_best.as_secs_f64().max(1e-9);
    let connections = peer.seen.connections.load(Ordering::Relaxed);
    let leaving = server(Options { usual: usual(), requests_a_connection: Some(50), ..Options::default() }).await;
    let mut away = over_h2.clone();
    away.models.target.iter_mut().for_each(|target| target.base_url = Some(leaving.url.clone()));
    let (lost, _) = all(&manager(&away)).await;
    vec![
        Row::new(
            format!("{calls} calls at once, 100 streams a connection"),
            format!("{ratio:.2} times the time of one without a limit, {connections} connections, {errors} errors"),
            "≤ 1.1 times, 0 errors",
            ratio <= 1.1 && errors == 0,
        ),
        Row::new(format!("{calls} calls, GOAWAY after each 50"), format!("{lost} lost"), "0 lost", lost == 0),
    ]
}
