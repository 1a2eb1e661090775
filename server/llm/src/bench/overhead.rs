//! What the path takes itself, without a network.

use super::Length;
use super::parts::{Row, manager, quantile, server, settings, sized};
use crate::LlmManager;
use crate::scripted::{ModelServer, Options};
use bytes::Bytes;
use std::time::{Duration, Instant};

/// An answer of four words as it comes over the wire.
const ANSWER: [&str; 6] = [
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"It \"}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"adds \"}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"the numbers.\"}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":900,\"completion_tokens\":4}}\n\n",
    "data: [DONE]\n\n",
];

/// A manager whose every answer comes from memory.
async fn canned() -> (ModelServer, LlmManager) {
    let server = server(Options::default()).await;
    let manager = manager(&settings(&[&server]));
    manager.answer_with(vec![Bytes::from(ANSWER.concat())]);
    (server, manager)
}

/// Makes so many calls without a network, for whoever counts something from outside.
pub async fn calls(count: usize) {
    let (_server, manager) = canned().await;
    for number in 0..count {
        // What is counted is the way, whatever comes of it; that answers come is measured elsewhere.
        let _ = manager.ask(sized(number, 2_000)).await;
    }
}

/// Questions that were never asked, from the question to the last word, JSON of both directions included.
pub async fn miss(length: Length) -> Vec<Row> {
    let (_server, manager) = canned().await;
    let mut times = Vec::new();
    for number in 0..length.of(20_000) {
        let request = sized(number, 2_000);
        let began = Instant::now();
        let is_answered = manager.ask(request).await.is_ok();
        times.push(if is_answered { began.elapsed() } else { Duration::MAX });
    }
    let (p50, p99) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
    vec![Row::new(
        "the whole path, cache miss, JSON of request and answer included, prompt of 2 KB",
        format!("p50 {:.1} µs, p99 {:.1} µs", micros(p50), micros(p99)),
        "p50 ≤ 15 µs",
        micros(p50) <= 15.0,
    )]
}

/// A question that was asked before. Its prompt is made already, and with it its digest, as for a miss.
pub async fn hit(length: Length) -> Vec<Row> {
    let (_server, manager) = canned().await;
    let mut rows = Vec::new();
    for bytes in [2_000, 16_000] {
        let request = sized(1, bytes);
        let mut times = Vec::new();
        for _ in 0..length.of(40_000) {
            let request = request.clone();
            let began = Instant::now();
            let is_answered = manager.ask(request).await.is_ok();
            times.push(if is_answered { began.elapsed() } else { Duration::MAX });
        }
        let p50 = quantile(&mut times, 0.5);
        let what = format!("answer from memory, prompt of {} KB", bytes / 1000);
        rows.push(Row::new(what, format!("p50 {:.1} µs", micros(p50)), "≤ 5 µs", micros(p50) <= 5.0));
    }
    rows
}

/// Memory after many requests against memory after more.
pub async fn growth(length: Length) -> Vec<Row> {
    let (_server, manager) = canned().await;
    let (first, second) = (length.of(100_000), length.of(1_000_000));
    let mut before = None;
    for number in 0..second {
        // What fails shows in the figure of the overhead.
        let _ = manager.ask(sized(number, 500)).await;
        if number + 1 == first {
            before = resident();
        }
    }
    let Some((before, after)) = before.zip(resident()) else {
        return vec![Row::new("memory", "not known on this system", "< 2 %", false)];
    };
    let growth = 100.0 * (after as f64 - before as f64) / before as f64;
    let what = format!("resident memory between {first} and {second} requests");
    vec![Row::new(what, format!("{growth:+.1} % of {} MB", before >> 20), "< 2 %", growth < 2.0)]
}

/// Bytes of this process in memory, where the system tells.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
