//! `code-agent models`: which language models are set up, and whether they answer.

use super::{Failure, Outcome, runtime};
use crate::output::Pipe;
use crate::output::terminal::complain;
use crate::wiring::{self, Wish};
use llm::LlmManager;
use llm::journal::{History, TargetHistory};
use llm::manager::TargetReport;
use llm::prompt::{Origin, Part, Prompt};
use llm::request::Request;
use serde_json::json;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

/// List the language models that are set up; with `test`, ask each of them.
#[derive(Debug, clap::Args)]
pub struct Models {
    /// `test` makes a small call to each model.
    #[arg(value_name = "test", value_parser = ["test"])]
    action: Option<String>,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

impl Models {
    /// Lists, or tests. A model that does not answer is a finding.
    pub fn run(self) -> Result<Outcome, Failure> {
        let (manager, problems) = wiring::models(Wish::default())?;
        problems.iter().for_each(|problem| complain(problem));
        let mut out = Pipe::new(std::io::stdout().lock());
        let reports = manager.report();
        if reports.is_empty() && problems.is_empty() && !self.json {
            writeln!(
                out,
                "No model is set up; everything works offline. `[[models.target]]` in your settings adds one."
            )?;
        }
        let history = engine::config::state_dir().map(|folder| History::of_today(&folder)).unwrap_or_default();
        if self.action.is_none() && !self.json && !reports.is_empty() {
            writeln!(
                out,
                "{:<20} {:<16} {:<28} {:<10} {:>5} {:>8} {:>9} {:>9}  {:<16} errors today",
                "name", "provider", "model", "state", "limit", "answers", "p50 ms", "p95 ms", "$ in/out"
            )?;
        }
        let mut failed = false;
        for report in reports {
            if self.action.is_some() {
                failed |= !self.test(&manager, &report, &mut out)?;
            } else {
                // This process has only begun; what other ones met a moment ago is known from what they wrote down.
                let is_failing = history.incidents.iter().any(|one| one.is_open && one.targets.contains(&report.name));
                let report = if is_failing { TargetReport { state: "failing", ..report } } else { report };
                self.show(&report, history.targets.get(&report.name), &mut out)?;
            }
        }
        out.flush()?;
        Ok(match (problems.is_empty(), failed) {
            (false, _) => Outcome::Trouble,
            (true, true) => Outcome::Findings,
            (true, false) => Outcome::Clean,
        })
    }

    /// A line of a target: how it stands, and how it did today in all processes of this machine.
    fn show(&self, report: &TargetReport, today: Option<&TargetHistory>, out: &mut impl Write) -> Result<(), Failure> {
        if self.json {
            let mut line = json!(report);
            line["today"] = json!(today);
            writeln!(out, "{line}")?;
            return Ok(());
        }
        let (input, output) = report.price;
        let price = if input + output > 0.0 { format!("{input}/{output}") } else { "unknown".to_owned() };
        let milliseconds = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.0}"));
        let first_words = [today.and_then(|day| day.first_word_p50_ms), today.and_then(|day| day.first_word_p95_ms)];
        let [p50, p95] = first_words.map(milliseconds);
        let failures = today.map(|day| day.failures.iter().map(|(cause, count)| format!("{cause} {count}")));
        let failures = failures.map(|failures| failures.collect::<Vec<_>>().join(", ")).unwrap_or_default();
        let failures = if failures.is_empty() { "none".to_owned() } else { failures };
        let answers = today.map_or(0, |day| day.answers);
        writeln!(
            out,
            "{:<20} {:<16} {:<28} {:<10} {:>5} {answers:>8} {p50:>9} {p95:>9}  {price:<16} {failures}",
            report.name, report.provider, report.model, report.state, report.limit
        )?;
        Ok(())
    }

    fn test(&self, manager: &LlmManager, report: &TargetReport, out: &mut impl Write) -> Result<bool, Failure> {
        let parts = [Part::Data(Origin::Question, "Answer with the word ready and nothing else.".to_owned())];
        let prompt = Prompt::new(&parts, manager.prompt_limits()).map_err(|error| Failure(error.to_string()))?;
        let target = Some(report.name.clone());
        let request = Request { target, max_tokens: 16, must_be_new: true, ..Request::new(Arc::new(prompt)) };
        let began = Instant::now();
        let result = runtime()?.block_on(manager.ask(request));
        let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
        let (is_well, sentence) = match &result {
            Ok(answer) => (true, format!("answered {:?}", answer.text.trim().chars().take(40).collect::<String>())),
            Err(error) => (false, error.to_string()),
        };
        if self.json {
            let line = json!({ "name": report.name, "ok": is_well, "milliseconds": milliseconds, "message": sentence });
            writeln!(out, "{line}")?;
        } else if is_well {
            writeln!(out, "{:<20} ok      {milliseconds:7.0} ms  {sentence}", report.name)?;
        } else {
            writeln!(out, "{:<20} failed  {milliseconds:7.0} ms  {sentence}", report.name)?;
        }
        Ok(is_well)
    }
}
