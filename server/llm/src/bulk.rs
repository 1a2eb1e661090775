//! Work that can wait: many questions at once, at half the price where the provider has an API for it, one by one where it has none.
//!
//! It may take a day, so it outlives the program: begun again with the same questions it goes on where it was, and pays for nothing twice
//! that can be found. What is known of it stands in a folder that the caller names; see `bulk/state.rs` for what that holds.
//!
//! - Before a batch is made its mark is written down. OpenAI's batches carry the mark, so one whose making was cut off is found by it.
//!   Anthropic's carry none: there the newest batch of the same size since then is taken, and left again if its answers are marked otherwise.
//! - An answer is written down before it is told. One that was written down is told again by the next run, so a caller may hear it twice, but
//!   never not at all. When all questions are answered, everything is forgotten.
//! - What failed is asked again by the next run, and only that.

mod anthropic;
mod openai;
mod ordinary;
mod pauses;
mod read;
mod run;
mod state;
#[cfg(test)]
mod tests;
mod vendor;
mod wire;

use crate::LlmManager;
use crate::budget::Price;
use crate::config::Target;
use crate::error::{Cause, LlmError};
use crate::request::{Answer, Request};
use run::{Fate, Run};
use rustc_hash::FxHashSet;
use serde_json::json;
use state::{State, Store};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

/// A question of many.
#[derive(Clone, Debug)]
pub struct Question {
    /// What its answer is told under; no other question has the same.
    pub id: String,
    /// What is asked. Which target it goes to is chosen for all together.
    pub request: Request,
}

/// How bulk work is done.
#[derive(Clone, Debug)]
pub struct BulkOptions {
    /// The target; the first one of the settings where none is named.
    pub target: Option<String>,
    /// Where it is kept what is known. Only its owner should be able to look into it.
    pub folder: PathBuf,
    /// Questions asked at once where there are no batches.
    pub at_once: usize,
    /// The most questions of a batch, where that is less than the provider allows.
    pub largest: usize,
    /// Until a batch is looked at for the second time; then longer and longer.
    pub first_pause: Duration,
    /// The longest time between two looks.
    pub longest_pause: Duration,
    /// How long a provider may fail or be out of reach until the work is left for another time.
    pub patience: Duration,
}

impl BulkOptions {
    /// The usual ones.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            target: None,
            folder,
            at_once: 4,
            largest: usize::MAX,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(60),
            patience: Duration::from_secs(3600),
        }
    }
}

/// Why bulk work ended before its end. Begun again it goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BulkError {
    /// A provider, a target or a budget is in the way.
    #[error(transparent)]
    Model(#[from] LlmError),
    /// Two questions have the same name.
    #[error("There are two questions with the id {0}; each needs one of its own.")]
    Twice(String),
    /// Another process is at it.
    #[error("Another process is asking the same questions.")]
    Busy,
    /// What is known cannot be kept.
    #[error("{path} cannot be written or read, so it cannot be kept what was asked: {reason}.")]
    Folder {
        /// The file or folder.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// What is known cannot be read.
    #[error(
        "{path} says what was asked before, but cannot be read; remove it to ask anew, which may cost what was paid already."
    )]
    Unreadable {
        /// The file.
        path: String,
    },
    /// Whoever listens wanted no more.
    #[error("The work was stopped.")]
    Stopped,
}

/// What happens, as it happens.
#[derive(Debug)]
pub enum Told<'a> {
    /// A question has its answer, or none.
    Answer {
        /// The question's name.
        id: &'a str,
        /// What came of it.
        result: Result<&'a Answer, &'a LlmError>,
    },
    /// A batch is at the provider; `found` if it was made by an earlier run.
    Batch {
        /// The provider's number of it.
        id: &'a str,
        /// Questions in it.
        questions: usize,
        /// Whether an earlier run made it.
        found: bool,
    },
    /// The provider could not be asked; it will be asked again.
    Trouble(&'a LlmError),
    /// The target has no batches, and questions are asked one by one, at the full price.
    OneByOne(&'a str),
}

/// Who listens. Everything stops at a `Break`, and can go on another time.
pub type Listener<'a> = &'a mut (dyn FnMut(Told<'_>) -> ControlFlow<()> + Send);

/// What came of it all.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// Questions with an answer.
    pub answered: usize,
    /// Of those, the ones whose answers were known from an earlier run.
    pub known: usize,
    /// Questions without one.
    pub failed: usize,
    /// What the answers of this run's batches cost, in dollars; calls one by one are counted where all calls are.
    pub dollars: f64,
}

impl LlmManager {
    /// Asks many questions, tells each answer as it comes, and goes on with what an earlier run of the same questions began.
    ///
    /// # Errors
    /// If the work cannot go on now; see [`BulkError`]. A question that fails is told and counted, and does not stop the others.
    pub async fn bulk(
        &self,
        questions: &[Question],
        options: &BulkOptions,
        tell: Listener<'_>,
    ) -> Result<Summary, BulkError> {
        let mut names = FxHashSet::default();
        if let Some(twice) = questions.iter().find(|question| !names.insert(question.id.as_str())) {
            return Err(BulkError::Twice(twice.id.clone()));
        }
        let plan = self.plan();
        let target = target_of(&plan.targets, options.target.as_deref())?;
        if questions.is_empty() {
            return Ok(Summary::default());
        }
        let digest = digest(target, questions);
        let state = State {
            begun: begun(),
            target: target.name.clone(),
            provider: target.provider.provider().name().to_owned(),
            model: target.model.clone(),
            digest,
            ..State::default()
        };
        let (store, known) = Store::open(&options.folder, state)?;
        let mut run = Run::new(self, &plan, target, questions, options, store, tell);
        let result = run.all(known).await;
        // Whoever shares the budget is to know what was spent, however this ended.
        self.inner.budget.flush().await;
        result?;
        let summary = run.summary();
        if summary.failed == 0 {
            run.store.remove();
        }
        Ok(summary)
    }
}

fn target_of<'a>(targets: &'a [Target], name: Option<&str>) -> Result<&'a Target, LlmError> {
    let found = match name {
        Some(name) => targets.iter().find(|target| target.name == name),
        None => targets.first(),
    };
    found.ok_or_else(|| match name {
        Some(name) => LlmError::new(name, Cause::NoTarget, "there is no model of this name"),
        None => LlmError::none_set(),
    })
}

/// Stands for the questions and for whom they go to. Secrets are left out: nobody who answers sees them, so an answer is as good for another.
fn digest(target: &Target, questions: &[Question]) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |value: serde_json::Value| {
        hasher.update(value.to_string().as_bytes()).update(b"\n");
    };
    add(json!([target.provider, target.base_url, target.model]));
    for Question { id, request } in questions {
        let (prompt, form) = (&request.prompt, request.form.as_ref());
        let schema = form.map(|form| form.schema().to_string());
        let answer = json!([request.max_tokens, request.temperature.to_bits(), schema, request.client]);
        add(json!([id, prompt.system(), prompt.user(), answer]));
        // Only where there is any, so that what an older version began is still known.
        let hole = prompt.hole().map(|(prefix, _)| prefix.len());
        if hole.is_some() || !request.stop.is_empty() {
            add(json!([hole, request.stop]));
        }
        if let Some(form) = form.filter(|form| !form.is_only_strict()) {
            add(json!(["form", format!("{form:?}")]));
        }
    }
    hasher.finalize().to_hex().chars().take(32).collect()
}

/// A word that is another one each time.
fn begun() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}", now.as_nanos(), std::process::id())
}

/// Batches cost half.
fn half(price: Price) -> Price {
    Price { input: price.input / 2.0, cached: price.cached.map(|cached| cached / 2.0), output: price.output / 2.0 }
}

impl Run<'_> {
    /// What is known, then what the provider takes in batches, then the rest.
    async fn all(&mut self, known: Vec<(usize, Answer)>) -> Result<(), BulkError> {
        self.tell_known(known)?;
        // No batch API fills holes.
        let has_holes = self.questions.iter().any(|question| question.request.prompt.hole().is_some());
        let vendor = vendor::vendor(self.target.provider).filter(|_| !has_holes);
        if let Some(vendor) = vendor.filter(|_| !self.store.state.ordinary) {
            self.batches(vendor).await?;
        } else if !self.store.state.ordinary {
            self.store.state.ordinary = true;
            self.store.save()?;
        }
        if self.store.state.ordinary {
            self.one_by_one().await?;
        }
        Ok(())
    }

    /// Tells the answers that an earlier run brought.
    fn tell_known(&mut self, known: Vec<(usize, Answer)>) -> Result<(), BulkError> {
        for (at, answer) in known {
            let Some(question) = self.questions.get(at) else { continue };
            if self.fate(at) != Fate::Open {
                continue;
            }
            self.fates[at] = Fate::Known;
            let text = question.request.prompt.restore(&answer.text);
            self.say(Told::Answer { id: &question.id, result: Ok(&Answer { text, ..answer }) })?;
        }
        Ok(())
    }

    fn summary(&self) -> Summary {
        let count = |fate| self.fates.iter().filter(|other| **other == fate).count();
        Summary {
            answered: count(Fate::Answered) + count(Fate::Known),
            known: count(Fate::Known),
            failed: count(Fate::Failed) + count(Fate::Open),
            dollars: crate::budget::dollars(self.cost),
        }
    }
}
