//! What the journal tells of a day, summed up for people.

use super::{Call, Entry, Tally, entries, now, path, read_lines, today};
use crate::incidents::{Incident, Incidents};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// How a target did.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TargetHistory {
    /// Answers.
    pub answers: u64,
    /// Failures by their cause.
    pub failures: BTreeMap<String, u64>,
    /// Half of the first words came within so many milliseconds.
    pub first_word_p50_ms: Option<f64>,
    /// 95 in a hundred did.
    pub first_word_p95_ms: Option<f64>,
    /// Tokens of prompts.
    pub input_tokens: u64,
    /// Tokens of answers.
    pub output_tokens: u64,
    /// Dollars.
    pub dollars: f64,
    #[serde(skip)]
    first_words: Vec<f64>,
}

/// A day of all processes of this machine.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct History {
    /// Calls to models that were answered.
    pub answers: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Dollars.
    pub dollars: f64,
    /// What is only counted.
    #[serde(flatten)]
    pub tally: Tally,
    /// By target.
    pub targets: BTreeMap<String, TargetHistory>,
    /// Failures, put together by what lies behind them.
    pub incidents: Vec<Incident>,
}

impl History {
    /// What happened today; nothing where nothing was written.
    pub fn of_today(folder: &Path) -> Self {
        let mut history = Self::default();
        let incidents = Incidents::default();
        // Incidents are told by how long ago things happened.
        let (here, wall) = (Instant::now(), now());
        let when = |at: u64| here.checked_sub(Duration::from_millis(wall.saturating_sub(at))).unwrap_or(here);
        read_lines(&path(folder, today()), 0, |bytes| {
            entries(bytes).for_each(|entry| match entry {
                Entry::Call(call) => {
                    match call.cause.as_deref().and_then(crate::error::Cause::by_name) {
                        Some(cause) => incidents.replay_failure(&call.place, &call, cause, when(call.at)),
                        None => incidents.success_at(&call.place.watched(), when(call.at)),
                    }
                    history.add(call);
                }
                Entry::Counts(tally) => {
                    history.tally.cache_hits += tally.cache_hits;
                    history.tally.coalesced += tally.coalesced;
                    history.tally.hedged += tally.hedged;
                    history.tally.offline += tally.offline;
                }
                Entry::Spent { model, money, .. } => {
                    let dollars = crate::budget::dollars(money);
                    history.dollars += dollars;
                    history.targets.entry(model).or_default().dollars += dollars;
                }
            });
        });
        history.incidents = incidents.list();
        for target in history.targets.values_mut() {
            target.first_words.sort_by(f64::total_cmp);
            let words = &target.first_words;
            let at = |share: f64| words.get(((words.len() as f64 * share).ceil() as usize).saturating_sub(1)).copied();
            (target.first_word_p50_ms, target.first_word_p95_ms) = (at(0.5), at(0.95));
        }
        history
    }

    fn add(&mut self, call: Call) {
        let target = self.targets.entry(call.target).or_default();
        if let Some(cause) = call.cause {
            self.failures += 1;
            *target.failures.entry(cause).or_default() += 1;
            return;
        }
        self.answers += 1;
        target.answers += 1;
        target.input_tokens += call.input;
        target.output_tokens += call.output;
        target.first_words.extend(call.first_ms);
    }
}
