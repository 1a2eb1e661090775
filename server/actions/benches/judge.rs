//! What the verifier takes for a file of 10 KB, and what the context takes in a workspace of 100,000 files: `cargo bench -p actions`.

// A measurement talks to whoever runs it, and may fail.
#![allow(clippy::expect_used, clippy::print_stdout)]

use actions::check::{Ground, Keeps, judge};
use actions::context::{Source, gather, names_used};
use std::sync::Arc;
use std::time::{Duration, Instant};
use syntax::extract::{Depth, model};
use syntax::language::Language;
use syntax::text::PositionEncoding;
use workspace::index::{FileRecord, SymbolIndex};

fn main() {
    let python = Language::from_id("python").expect("Python");
    let text: String = (0..90).map(|number| function(number, number + 1)).collect();
    let before = model(python, text.as_str().into(), Depth::Full);
    let symbol = before.symbols.iter().find(|symbol| symbol.name == "compute_45").expect("a function");
    let code = symbol.span.of(&text).replace("total = 0", "total = 0\n    count = len(values)");
    // Made with the question, while nobody waits for an answer yet.
    let ground = Ground::new(Arc::new(before.clone()), symbol.span, std::iter::empty());
    let mut times: Vec<Duration> = (0..2000)
        .map(|number| {
            // Never the same answer twice.
            let code = format!("{code}    # {number}");
            let began = Instant::now();
            judge(&ground, symbol.span, &code, Keeps::Signatures).expect("sound code");
            began.elapsed()
        })
        .collect();
    tell(&format!("verifier, {} KB", text.len() >> 10), &mut times, 0.99, "p99", 2.0);

    let index = SymbolIndex::default();
    let record = |number: usize| {
        let text: String = (0..8).map(|inner| function(number * 8 + inner, number * 8 + inner + 1)).collect();
        FileRecord::of(&model(python, text.into(), Depth::Documented), PositionEncoding::Utf8)
    };
    // A thousand files under a hundred names each: reading a hundred thousand would only measure the parser.
    for number in 0..1000 {
        let record = record(number);
        for copy in 0..100 {
            index.update(&format!("file:///w/{copy}/m{number}.py").into(), record.clone());
        }
    }
    let others: Vec<Source> =
        (0..6).map(|number| Source { path: format!("m{number}.py"), model: Arc::new(before.clone()) }).collect();
    let here = Source { path: "here.py".to_owned(), model: Arc::new(before.clone()) };
    let mut times: Vec<Duration> = (0..300)
        .map(|_| {
            let began = Instant::now();
            let mut names = names_used(&before, symbol.span);
            names.extend((0..20).map(|number| format!("compute_{}", 4000 + number)));
            let found = index.defining(&names, 12);
            assert_eq!(found.len(), 12, "the names are defined");
            // The six files that are then looked at are read and parsed.
            let files: Vec<Source> = others
                .iter()
                .map(|other| Source {
                    path: other.path.clone(),
                    model: Arc::new(model(python, short(&text), Depth::Full)),
                })
                .collect();
            let files: Vec<Source> = std::iter::once(here.clone()).chain(files).collect();
            assert!(!gather(&files, symbol.span, 1500).is_empty(), "there are pieces");
            began.elapsed()
        })
        .collect();
    tell("context, 100,000 files known, 6 of 3 KB parsed", &mut times, 0.95, "p95", 30.0);
}

fn short(text: &str) -> Arc<str> {
    let end = text.get(..3000).and_then(|part| part.rfind("\n\n")).unwrap_or(0);
    text.get(..end).unwrap_or("").into()
}

fn function(number: usize, next: usize) -> String {
    format!(
        "def compute_{number}(values, rate=1):\n    total = 0\n    for value in values:\n        total += value * rate\n    return compute_{next}([total])\n\n\n"
    )
}

fn tell(what: &str, times: &mut [Duration], share: f64, name: &str, aim: f64) {
    times.sort_unstable();
    let at =
        |share: f64| times.get((times.len() as f64 * share) as usize).map_or(0.0, |time| time.as_secs_f64() * 1000.0);
    let (middle, value) = (at(0.5), at(share));
    let verdict = if value <= aim { "met" } else { "missed" };
    println!("{what} ({verdict}): p50 {middle:.2} ms, {name} {value:.2} ms (aim: {name} ≤ {aim} ms)");
}
