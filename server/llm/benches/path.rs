//! The path to language models, measured: `cargo bench -p llm --features scripted` prints every figure against its aim, and
//! `cargo bench -p llm --features scripted -- calls 1000` makes so many calls without a network, for counting instructions
//! (`tests/instructions.sh`).

// A measurement talks to whoever runs it, and may fail.
#![allow(clippy::expect_used, clippy::print_stdout)]

use llm::bench::{Length, NAMES, calls, run};

fn main() {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let [what, count] = arguments.as_slice()
        && what == "calls"
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(calls(count.parse().expect("a number")));
        return;
    }
    let runtime = builder.worker_threads(2).enable_all().build().expect("a runtime");
    for name in NAMES.into_iter().filter(|name| arguments.is_empty() || arguments.iter().any(|only| only == name)) {
        for row in runtime.block_on(run(name, Length::Full)) {
            let verdict = if row.is_met { "met" } else { "missed" };
            println!("{name} ({verdict}) {}: {} (aim: {})", row.what, row.measured, row.aim);
        }
    }
}
