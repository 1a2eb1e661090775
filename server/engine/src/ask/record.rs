//! What was asked and what came of it, as a page that anybody can read: the prompt as it was sent, the answer, the checks, the model, the cost.
//!
//! Secrets are taken out of a prompt before it exists, so a page has none.

use llm::LlmManager;
use llm::prompt::Prompt;
use llm::request::Answer;
use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Pages that are kept.
const KEPT: usize = 64;
/// The scheme of their addresses.
pub const SCHEME: &str = "code-agent";

/// Something to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its address, `code-agent:/…`.
    pub uri: String,
    /// What it is about.
    pub title: String,
    /// Markdown.
    pub text: Arc<str>,
}

/// The last pages.
#[derive(Default)]
pub(crate) struct Pages {
    pages: Mutex<VecDeque<Page>>,
    next: AtomicU64,
}

impl Pages {
    /// Keeps a page; the oldest makes room.
    pub fn keep(&self, title: &str, text: String) -> Page {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name: String = title.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '-' }).collect();
        let name = name.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
        let page = Page { uri: format!("{SCHEME}:/{number}/{name}.md"), title: title.to_owned(), text: text.into() };
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if pages.len() == KEPT {
            pages.pop_front();
        }
        pages.push_back(page.clone());
        page
    }

    /// The page of an address.
    pub fn get(&self, uri: &str) -> Option<Page> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).iter().find(|page| page.uri == uri).cloned()
    }

    /// The last page whose title begins so.
    pub fn last(&self, title: &str) -> Option<Page> {
        self.pages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .rev()
            .find(|page| page.title.starts_with(title))
            .cloned()
    }
}

/// How an answer came about.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    prompts: Vec<Arc<Prompt>>,
    problems: Vec<String>,
    answer: Option<Answer>,
    /// Dollars, where the price is known.
    pub cost: Option<f64>,
    model: String,
    took: Duration,
}

impl Record {
    pub fn new(
        prompts: &[Arc<Prompt>],
        problems: &[String],
        answer: Option<&Answer>,
        manager: &LlmManager,
        began: Instant,
    ) -> Self {
        let target = answer.and_then(|answer| manager.report().into_iter().find(|target| target.name == answer.target));
        let cost = target.as_ref().zip(answer.and_then(|answer| answer.usage)).map(|(target, usage)| {
            let (input, output) = target.price;
            (usage.input as f64 * input + usage.output as f64 * output) / 1e6
        });
        let is_free = answer.is_some_and(|answer| answer.from_cache);
        Self {
            prompts: prompts.to_vec(),
            problems: problems.to_vec(),
            answer: answer.cloned(),
            cost: if is_free { Some(0.0) } else { cost.filter(|cost| *cost > 0.0) },
            model: target
                .map_or_else(String::new, |target| format!("{} ({}, {})", target.name, target.model, target.provider)),
            took: began.elapsed(),
        }
    }

    /// The model in a few words, for a note.
    pub fn source(&self) -> String {
        let Some(answer) = &self.answer else { return "without a model".to_owned() };
        let cost = self.cost.filter(|cost| *cost > 0.0).map(|cost| format!(", {}", cents(cost))).unwrap_or_default();
        let kept = if answer.from_cache { ", from memory" } else { "" };
        format!("{}{cost}{kept}", answer.target)
    }

    /// The page.
    pub fn page(&self, checks: &[&str], remarks: &[String], diff: &str) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = writeln!(text, "| | |\n| --- | --- |");
        let _ = writeln!(text, "| model | {} |", if self.model.is_empty() { "none" } else { &self.model });
        if let Some(usage) = self.answer.as_ref().and_then(|answer| answer.usage) {
            let _ = writeln!(
                text,
                "| tokens | {} in, {} of them cached, {} out |",
                usage.input, usage.cached, usage.output
            );
        }
        let cost = self.cost.map_or_else(|| "not known".to_owned(), cents);
        let _ = writeln!(text, "| cost | {cost} |\n| time | {:.1} s |", self.took.as_secs_f64());
        let verified = if checks.is_empty() { "nothing".to_owned() } else { checks.join(", ") };
        let _ = writeln!(text, "| verified | {verified} |");
        for problem in &self.problems {
            let _ = writeln!(text, "| sent back | {} |", problem.replace('|', "\\|"));
        }
        for remark in remarks {
            let _ = writeln!(text, "| remark | {} |", remark.replace('|', "\\|"));
        }
        if !diff.is_empty() {
            let _ = writeln!(text, "\n## Difference\n\n{}", fenced(diff, "diff"));
        }
        if let Some(answer) = &self.answer {
            // The answer as it came may hold secrets that were put back; they are taken out again.
            let hidden = self.prompts.last().map_or_else(|| answer.text.clone(), |prompt| prompt.hidden(&answer.text));
            let _ = writeln!(text, "\n## Answer\n\n{}", fenced(&hidden, ""));
        }
        for (number, prompt) in self.prompts.iter().enumerate() {
            let _ = writeln!(text, "\n## Prompt {} ({} secrets taken out)\n", number + 1, prompt.hidden_secrets());
            let _ = writeln!(text, "{}\n\n{}", fenced(prompt.system(), ""), fenced(prompt.user(), ""));
        }
        text
    }
}

/// Text between fences that it does not contain.
fn fenced(text: &str, language: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", text.trim_end())
}

/// Dollars as people read small sums.
pub(crate) fn cents(dollars: f64) -> String {
    match dollars * 100.0 {
        0.0 => "nothing".to_owned(),
        cents if cents < 0.05 => "under 0.1 ct".to_owned(),
        cents if cents < 100.0 => format!("{cents:.1} ct"),
        _ => format!("${dollars:.2}"),
    }
}
