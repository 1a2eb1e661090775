//! `code-agent bench llm`: measures the path to language models on this machine.

use super::{Failure, Outcome};
use crate::output::Pipe;
use llm::bench::{Length, NAMES, run};
use serde_json::json;
use std::io::Write;

/// Measure this program on this machine. Nothing leaves it: the models are scripted servers that it starts itself.
#[derive(Debug, clap::Args)]
pub struct Bench {
    /// What is measured: `llm`, the path to language models.
    #[arg(value_name = "WHAT", value_parser = ["llm"])]
    what: String,
    /// Only these measurements.
    #[arg(long, value_name = "NAME", value_parser = NAMES)]
    only: Vec<String>,
    /// Measure only long enough to see that it works; the figures say little.
    #[arg(long)]
    short: bool,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Bench {
    /// Measures and prints. An aim that is missed is a finding.
    pub fn run(self) -> Result<Outcome, Failure> {
        let length = if self.short { Length::Short } else { Length::Full };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Failure(format!("The work could not be started: {error}.")))?;
        let mut out = Pipe::new(std::io::stdout().lock());
        let mut is_met = true;
        if !self.json {
            writeln!(out, "Load of the machine: {}", load())?;
        }
        for name in NAMES.into_iter().filter(|name| self.only.is_empty() || self.only.iter().any(|only| only == name)) {
            for row in runtime.block_on(run(name, length)) {
                is_met &= row.is_met;
                if self.json {
                    let mut line = json!(row);
                    line["name"] = json!(name);
                    writeln!(out, "{line}")?;
                } else {
                    let verdict = if row.is_met { "met   " } else { "missed" };
                    writeln!(out, "{name:<12} {verdict}  {}: {} (aim: {})", row.what, row.measured, row.aim)?;
                }
                out.flush()?;
            }
        }
        Ok(if is_met { Outcome::Clean } else { Outcome::Findings })
    }
}

/// What else the machine does, where the system tells.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first: Vec<&str> = text.split_whitespace().take(3).collect();
    if first.is_empty() { "not known".to_owned() } else { first.join(" ") }
}
