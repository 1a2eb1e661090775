//! Failures put together by what lies behind them: one incident for one root cause, and how far that cause reaches.
//!
//! A status alone does not say whether a model, a key or a whole provider is in trouble. What others of the same provider, model or key did
//! a moment ago does: if they answer, the trouble is narrower than them; if they fail in the same way, it is wider.

use crate::breaker::Watched;
use crate::error::{Cause, LlmError, Scope};
use crate::journal::Call;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What happened longer ago says nothing about now.
const WINDOW: Duration = Duration::from_secs(60);
/// Incidents that are remembered.
const REMEMBERED: usize = 64;
/// Combinations of provider, model and key that are looked at; nobody has more.
const MOST_LANES: usize = 1024;
/// The longest message that is kept, in characters.
const LONGEST: usize = 120;

/// How one combination of provider, model and key did last.
#[derive(Debug)]
struct Lane {
    watched: Watched,
    success: Option<Instant>,
    failure: Option<(Instant, Cause)>,
}

impl Lane {
    /// Whether it answered lately, and did not fail since.
    fn is_well(&self, now: Instant) -> bool {
        self.success.is_some_and(|at| {
            now.saturating_duration_since(at) < WINDOW && self.failure.is_none_or(|(failed, _)| failed < at)
        })
    }

    /// Whether it failed lately for this cause, and did not answer since.
    fn fails(&self, cause: Cause, now: Instant) -> bool {
        self.failure.is_some_and(|(at, of)| {
            of == cause && now.saturating_duration_since(at) < WINDOW && self.success.is_none_or(|success| success < at)
        })
    }
}

/// Provider, model and key as they are written down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// The address of the provider.
    pub provider: String,
    /// The model's name there.
    pub model: String,
    /// Tells keys apart, and is too short for anything else.
    pub key: String,
}

impl Place {
    /// What is written down of what was watched.
    pub fn of(watched: &Watched) -> Self {
        Self {
            provider: watched.provider().to_owned(),
            model: watched.model().to_owned(),
            key: watched.key().chars().take(8).collect(),
        }
    }

    /// As it was watched.
    pub fn watched(&self) -> Watched {
        Watched::new(&self.provider, &self.model, &self.key)
    }
}

#[derive(Debug)]
struct One {
    number: u64,
    watched: Watched,
    scope: Scope,
    cause: Cause,
    message: String,
    first: Instant,
    last: Instant,
    count: u64,
    targets: BTreeSet<String>,
    ended: Option<Instant>,
}

/// Trouble with one cause, for people and machines.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Incident {
    /// Counted from 1.
    pub number: u64,
    /// `request`, `key`, `limit`, `model` or `provider`: what is in trouble.
    pub scope: &'static str,
    /// The address of the provider.
    pub provider: String,
    /// The model, where only it is in trouble.
    pub model: Option<String>,
    /// What lies behind it.
    pub cause: &'static str,
    /// What was said first, with numbers left out.
    pub message: String,
    /// Failures that belong to it.
    pub failures: u64,
    /// The targets that it was met at.
    pub targets: Vec<String>,
    /// Seconds since it began, and since it was met last.
    pub began_seconds_ago: f64,
    /// As above.
    pub last_seconds_ago: f64,
    /// Whether nothing of it answered since.
    pub is_open: bool,
}

#[derive(Debug, Default)]
struct State {
    lanes: Vec<Lane>,
    by_name: FxHashMap<Watched, usize>,
    incidents: Vec<One>,
    numbers: u64,
}

/// All incidents.
#[derive(Debug, Default)]
pub struct Incidents(Mutex<State>);

impl Incidents {
    /// A call succeeded.
    pub fn success(&self, watched: &Watched) {
        self.success_at(watched, Instant::now());
    }

    pub(crate) fn success_at(&self, watched: &Watched, now: Instant) {
        let mut state = self.lock();
        if let Some(lane) = state.lane(watched) {
            lane.success = Some(now);
        }
        for incident in &mut state.incidents {
            if incident.ended.is_none() && covers(incident.scope, &incident.watched, watched) {
                incident.ended = Some(now);
            }
        }
    }

    /// A call to a target failed. Gives how far the cause reaches, as far as it can be told.
    pub fn failure(&self, watched: &Watched, target: &str, error: &LlmError) -> Scope {
        self.failure_at(watched, target, error, Instant::now())
    }

    /// A failure that was written down.
    pub(crate) fn replay_failure(&self, place: &Place, call: &Call, cause: Cause, at: Instant) {
        let error = LlmError::new(&call.target, cause, cause.name());
        self.failure_at(&place.watched(), &call.target, &error, at);
    }

    fn failure_at(&self, watched: &Watched, target: &str, error: &LlmError, now: Instant) -> Scope {
        let mut state = self.lock();
        if let Some(lane) = state.lane(watched) {
            lane.failure = Some((now, error.cause));
        }
        let scope = state.scope(watched, error.cause, now);
        if scope != Scope::Request {
            state.note(watched, target, scope, error, now);
        }
        scope
    }

    /// All that are remembered, the newest first.
    pub fn list(&self) -> Vec<Incident> {
        let now = Instant::now();
        let state = self.lock();
        let seconds = |at: Instant| now.saturating_duration_since(at).as_secs_f64();
        let incidents = state.incidents.iter().map(|one| Incident {
            number: one.number,
            scope: one.scope.name(),
            provider: one.watched.provider().to_owned(),
            model: matches!(one.scope, Scope::Model | Scope::Limit).then(|| one.watched.model().to_owned()),
            cause: one.cause.name(),
            message: one.message.clone(),
            failures: one.count,
            targets: one.targets.iter().cloned().collect(),
            began_seconds_ago: seconds(one.first),
            last_seconds_ago: seconds(one.last),
            is_open: one.ended.is_none(),
        });
        let mut incidents: Vec<_> = incidents.collect();
        incidents.sort_by_key(|incident| std::cmp::Reverse(incident.number));
        incidents
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn lane(&mut self, watched: &Watched) -> Option<&mut Lane> {
        let index = match self.by_name.get(watched) {
            Some(index) => *index,
            None if self.lanes.len() >= MOST_LANES => return None,
            None => {
                self.by_name.insert(watched.clone(), self.lanes.len());
                self.lanes.push(Lane { watched: watched.clone(), success: None, failure: None });
                self.lanes.len() - 1
            }
        };
        self.lanes.get_mut(index)
    }

    fn scope(&self, watched: &Watched, cause: Cause, now: Instant) -> Scope {
        let usual = cause.scope();
        if usual == Scope::Request {
            return usual;
        }
        let others = || self.lanes.iter().filter(|lane| lane.watched.is_beside(watched));
        let same_model = |lane: &&Lane| lane.watched.model() == watched.model();
        let same_key = |lane: &&Lane| lane.watched.key() == watched.key();
        let well = |lane: &&Lane| lane.is_well(now);
        let failing = |lane: &&Lane| lane.fails(cause, now);
        match usual {
            // A key that other models still take is not wrong as such.
            Scope::Key if others().filter(same_key).any(|lane| well(&lane)) => Scope::Limit,
            Scope::Key
                if others().any(|lane| !same_key(&lane) && failing(&lane)) && !others().any(|lane| well(&lane)) =>
            {
                Scope::Provider
            }
            Scope::Limit if others().filter(same_key).any(|lane| well(&lane)) => Scope::Limit,
            Scope::Limit if others().filter(same_key).any(|lane| failing(&lane)) => Scope::Key,
            // The provider is not down while it answers.
            Scope::Provider if others().filter(same_model).any(|lane| well(&lane)) => Scope::Limit,
            Scope::Provider if others().any(|lane| well(&lane)) => Scope::Model,
            Scope::Model if others().filter(same_model).any(|lane| well(&lane)) => Scope::Limit,
            Scope::Model
                if others().any(|lane| !same_model(&lane) && failing(&lane)) && !others().any(|lane| well(&lane)) =>
            {
                Scope::Provider
            }
            usual => usual,
        }
    }

    /// Adds a failure to the incident that it belongs to.
    fn note(&mut self, watched: &Watched, target: &str, scope: Scope, error: &LlmError, now: Instant) {
        let belongs = |one: &One| {
            one.cause == error.cause
                && one.ended.is_none_or(|ended| now.saturating_duration_since(ended) < WINDOW)
                && (covers(one.scope, &one.watched, watched) || covers(scope, watched, &one.watched))
        };
        let found: Vec<usize> =
            self.incidents.iter().enumerate().filter(|(_, one)| belongs(one)).map(|(index, _)| index).collect();
        let Some((&first, others)) = found.split_first() else {
            self.numbers += 1;
            if self.incidents.len() >= REMEMBERED {
                self.incidents.remove(0);
            }
            self.incidents.push(One {
                number: self.numbers,
                watched: watched.clone(),
                scope,
                cause: error.cause,
                message: normalised(&error.detail),
                first: now,
                last: now,
                count: 1,
                targets: BTreeSet::from([target.to_owned()]),
                ended: None,
            });
            return;
        };
        // What looked like several causes was one that reaches further.
        let merged: Vec<One> = others.iter().rev().map(|&index| self.incidents.remove(index)).collect();
        let Some(one) = self.incidents.get_mut(first) else { return };
        for other in merged {
            one.count += other.count;
            one.targets.extend(other.targets);
        }
        if covers(scope, watched, &one.watched) && scope != one.scope {
            (one.scope, one.watched) = (scope, watched.clone());
        }
        one.count += 1;
        (one.last, one.ended) = (now, None);
        one.targets.insert(target.to_owned());
    }
}

/// Whether trouble of this scope, met at one place, reaches another place.
fn covers(scope: Scope, at: &Watched, other: &Watched) -> bool {
    let (same_model, same_key) = (at.model() == other.model(), at.key() == other.key());
    at.provider() == other.provider()
        && match scope {
            Scope::Request => false,
            Scope::Key => same_key,
            Scope::Limit => same_model && same_key,
            Scope::Model => same_model,
            Scope::Provider => true,
        }
}

/// The message with numbers and what looks like an identifier left out, so that equal causes read equal.
fn normalised(message: &str) -> String {
    let word = |word: &str| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        if digits > 0 && (word.len() > 8 || digits * 2 >= word.len()) { "#".to_owned() } else { word.to_owned() }
    };
    let words: Vec<String> = message.split_whitespace().map(word).collect();
    words.join(" ").chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(model: &str, key: &str) -> Watched {
        Watched::new("p", model, key)
    }

    fn fail(incidents: &Incidents, model: &str, key: &str, cause: Cause) -> Scope {
        let error = LlmError::new("t", cause, "request 4711 failed");
        incidents.failure(&watched(model, key), &format!("{model}-{key}"), &error)
    }

    #[tokio::test(start_paused = true)]
    async fn a_revoked_key_an_ill_provider_and_a_full_model_are_told_apart() {
        let lanes = [("a", "1"), ("a", "2"), ("b", "1"), ("b", "2")];
        type Ill = fn(&str, &str) -> bool;
        let trouble: [(&str, Cause, Ill, Scope); 4] = [
            ("key", Cause::Auth, |_, key| key == "1", Scope::Key),
            ("provider", Cause::Server, |_, _| true, Scope::Provider),
            ("model", Cause::Overload, |model, _| model == "a", Scope::Model),
            ("limit", Cause::Rate, |model, key| (model, key) == ("b", "2"), Scope::Limit),
        ];
        for (name, cause, is_ill, expected) in trouble {
            let incidents = Incidents::default();
            lanes.iter().for_each(|(model, key)| incidents.success(&watched(model, key)));
            tokio::time::advance(Duration::from_secs(1)).await;
            let (mut right, mut all) = (0, 0);
            for _ in 0..50 {
                for (model, key) in lanes {
                    tokio::time::advance(Duration::from_millis(10)).await;
                    if is_ill(model, key) {
                        all += 1;
                        right += usize::from(fail(&incidents, model, key, cause) == expected);
                    } else {
                        incidents.success(&watched(model, key));
                    }
                }
            }
            assert!(right * 100 >= all * 95, "{name}: {right} of {all}");
            let list = incidents.list();
            assert_eq!(list.len(), 1, "{name}: {list:#?}");
            assert_eq!((list[0].scope, list[0].cause, list[0].failures), (expected.name(), cause.name(), all as u64));
            assert_eq!(list[0].message, "request # failed");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_when_it_answers_and_goes_on_if_it_fails_again_soon() {
        let incidents = Incidents::default();
        fail(&incidents, "a", "1", Cause::Server);
        assert!(incidents.list()[0].is_open);
        incidents.success(&watched("a", "1"));
        assert!(!incidents.list()[0].is_open);
        tokio::time::advance(Duration::from_secs(10)).await;
        fail(&incidents, "a", "1", Cause::Server);
        assert_eq!((incidents.list().len(), incidents.list()[0].failures), (1, 2));
        incidents.success(&watched("a", "1"));
        tokio::time::advance(Duration::from_secs(100)).await;
        fail(&incidents, "a", "1", Cause::Server);
        assert_eq!(incidents.list().len(), 2, "that was long ago");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_wrong_with_a_question_is_no_incident_and_memory_has_an_end() {
        let incidents = Incidents::default();
        assert_eq!(fail(&incidents, "a", "1", Cause::ContextLength), Scope::Request);
        assert!(incidents.list().is_empty());
        for number in 0..3000 {
            incidents.failure(
                &Watched::new(&number.to_string(), "m", "k"),
                "t",
                &LlmError::new("t", Cause::Server, "x"),
            );
        }
        assert_eq!(incidents.list().len(), REMEMBERED);
    }
}
