//! What the gate takes of each request: `cargo bench -p gateway --bench gate`.

// A measurement talks to whoever runs it, and may fail.
#![allow(clippy::expect_used, clippy::print_stdout)]

use gateway::bench::{Figures, decision, remembered, verification};

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key.pem");
    let verified = verification(&key, 20_000).expect("a key");
    tell("verification of a token, ES256", verified, verified.p50.as_secs_f64() * 1e6, "p50", 60.0);
    let again = remembered(&key, 200_000).expect("a key");
    println!("verification of a token that is remembered: {}", shown(again));
    let decided = decision(200_000, false).expect("policies");
    tell("decision of the policies, remembered", decided, decided.p99.as_secs_f64() * 1e6, "p99", 20.0);
    let anew = decision(20_000, true).expect("policies");
    tell("decision of the policies, made anew", anew, anew.p99.as_secs_f64() * 1e6, "p99", 20.0);
}

fn shown(figures: Figures) -> String {
    format!("p50 {:.1} µs, p99 {:.1} µs", figures.p50.as_secs_f64() * 1e6, figures.p99.as_secs_f64() * 1e6)
}

fn tell(what: &str, figures: Figures, value: f64, name: &str, aim: f64) {
    let verdict = if value <= aim { "met" } else { "missed" };
    println!("{what} ({verdict}): {} (aim: {name} ≤ {aim} µs)", shown(figures));
}
