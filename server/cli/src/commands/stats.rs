//! `code-agent stats`: checks files and tells how long everything took.

use super::{Failure, Outcome, tell};
use crate::output::Pipe;
use crate::output::terminal::Progress;
use crate::wiring::{self, Wish};
use engine::answers::BatchOptions;
use llm::journal::History;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// Tell how long parsing, reading and rules take over files, and what language models did today.
#[derive(Debug, clap::Args)]
pub struct Stats {
    /// Files and folders; the current folder where none is named.
    paths: Vec<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

impl Stats {
    /// Checks and prints the measures.
    pub fn run(self) -> Result<Outcome, Failure> {
        let core = wiring::batch(Wish { places: self.paths.clone(), ..Wish::default() })?;
        let paths = if self.paths.is_empty() { vec![PathBuf::from(".")] } else { self.paths };
        let progress = Progress::new("measuring");
        let summary = core.check_paths(&paths, &BatchOptions::default(), &mut |report| {
            progress.step();
            progress.suspend(|| tell(report.problem.as_ref()));
        });
        progress.done();
        let stats = core.metrics().stats();
        let history = engine::config::state_dir().map(|folder| History::of_today(&folder)).unwrap_or_default();
        let mut out = Pipe::new(std::io::stdout().lock());
        if self.json {
            let mut document = serde_json::to_value(&stats).map_err(std::io::Error::from)?;
            document["models"] = json!(history);
            writeln!(out, "{document}")?;
        } else {
            write!(out, "{}", stats.table())?;
            write_models(&history, &mut out)?;
        }
        out.flush()?;
        Ok(if summary.troubles > 0 { Outcome::Trouble } else { Outcome::Clean })
    }
}

/// What models did today, in all processes of this machine.
fn write_models(history: &History, out: &mut impl Write) -> std::io::Result<()> {
    let tally = history.tally;
    let asked = history.answers + tally.cache_hits + tally.coalesced;
    if asked + history.failures + tally.offline == 0 {
        return Ok(());
    }
    writeln!(out, "\nLanguage models today")?;
    let share = if asked > 0 { 100.0 * tally.cache_hits as f64 / asked as f64 } else { 0.0 };
    writeln!(out, "  answers           {:>8}", history.answers)?;
    writeln!(out, "  from the cache    {:>8}  {share:.0} % of the questions", tally.cache_hits)?;
    writeln!(out, "  joined to others  {:>8}", tally.coalesced)?;
    writeln!(out, "  asked twice       {:>8}  because the first was late", tally.hedged)?;
    writeln!(out, "  without a model   {:>8}", tally.offline)?;
    writeln!(out, "  failed            {:>8}", history.failures)?;
    writeln!(out, "  cost              {:>8}", format!("${:.4}", history.dollars))?;
    for (name, target) in &history.targets {
        let (input, output, dollars) = (target.input_tokens, target.output_tokens, target.dollars);
        writeln!(out, "    {name}: {} answers, {input} tokens in, {output} out, ${dollars:.4}", target.answers)?;
    }
    for incident in &history.incidents {
        let state = if incident.is_open { "open" } else { "over" };
        let place = incident.model.as_deref().map_or_else(String::new, |model| format!("{model} at "));
        let (number, cause, scope, count) = (incident.number, incident.cause, incident.scope, incident.failures);
        let targets = incident.targets.join(", ");
        writeln!(
            out,
            "  incident {number} ({state}): {cause}, {scope}, {place}{}, {count} failures at {targets}: {}",
            incident.provider, incident.message
        )?;
    }
    Ok(())
}
