//! Each step of a call is one event: it writes its line in the trace and its numbers in one place, and whoever listens gets it too.

use crate::budget::Money;
use crate::error::{Cause, LlmError};
use crate::request::Usage;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::broadcast;

/// A step of a call.
#[derive(Clone, Debug)]
pub enum Event {
    /// An answer was in memory.
    CacheHit,
    /// A question was joined to one that was asked already.
    Coalesced,
    /// A target is asked.
    Asked {
        /// Its name.
        target: String,
        /// The name of its provider in OpenTelemetry's conventions.
        provider: &'static str,
        /// The model.
        model: String,
        /// How many were asked before it for the same question.
        attempt: usize,
    },
    /// The first word came.
    FirstWord {
        /// The target.
        target: String,
        /// Since it was asked.
        took: Duration,
    },
    /// A target failed.
    Failed {
        /// Why.
        error: LlmError,
    },
    /// The answer is whole.
    Answered {
        /// The target.
        target: String,
        /// Since it was asked.
        took: Duration,
        /// Tokens.
        usage: Usage,
        /// What it cost.
        cost: Money,
    },
}

/// What happened so far, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// Answers from memory.
    pub cache_hits: u64,
    /// Questions joined to others.
    pub coalesced: u64,
    /// Calls to targets.
    pub calls: u64,
    /// Answers.
    pub answers: u64,
    /// Failures.
    pub failures: u64,
    /// Tokens of prompts.
    pub input_tokens: u64,
    /// Tokens of answers.
    pub output_tokens: u64,
}

/// Where events go.
#[derive(Debug)]
pub struct Events {
    listeners: broadcast::Sender<Event>,
    cache_hits: AtomicU64,
    coalesced: AtomicU64,
    calls: AtomicU64,
    answers: AtomicU64,
    failures: AtomicU64,
    input_tokens: AtomicU64,
    output_tokens: AtomicU64,
}

impl Default for Events {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            listeners: broadcast::channel(256).0,
            cache_hits: zero(),
            coalesced: zero(),
            calls: zero(),
            answers: zero(),
            failures: zero(),
            input_tokens: zero(),
            output_tokens: zero(),
        }
    }
}

impl Events {
    /// What happens from now on.
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.listeners.subscribe()
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            cache_hits: read(&self.cache_hits),
            coalesced: read(&self.coalesced),
            calls: read(&self.calls),
            answers: read(&self.answers),
            failures: read(&self.failures),
            input_tokens: read(&self.input_tokens),
            output_tokens: read(&self.output_tokens),
        }
    }

    /// Something happened.
    pub fn tell(&self, event: Event) {
        let add = |count: &AtomicU64, number: u64| {
            count.fetch_add(number, Ordering::Relaxed);
        };
        match &event {
            Event::CacheHit => {
                tracing::debug!("An answer was in memory.");
                add(&self.cache_hits, 1);
            }
            Event::Coalesced => {
                tracing::debug!("A question was joined to another.");
                add(&self.coalesced, 1);
            }
            Event::Asked { target, provider, model, attempt } => {
                tracing::debug!(
                    target_name = target,
                    gen_ai.provider.name = provider,
                    gen_ai.request.model = model,
                    attempt,
                    "A model is asked."
                );
                add(&self.calls, 1);
            }
            Event::FirstWord { target, took } => {
                let seconds = took.as_secs_f64();
                tracing::debug!(
                    target_name = target,
                    gen_ai.server.time_to_first_token = seconds,
                    "The first word came."
                );
            }
            Event::Failed { error } => {
                let cause = Cause::name(error.cause);
                tracing::debug!(target_name = error.target, error.type = cause, detail = error.detail, "A model failed.");
                add(&self.failures, 1);
            }
            Event::Answered { target, took, usage, cost } => {
                let seconds = took.as_secs_f64();
                tracing::debug!(
                    target_name = target,
                    gen_ai.client.operation.duration = seconds,
                    gen_ai.usage.input_tokens = usage.input,
                    gen_ai.usage.output_tokens = usage.output,
                    cost,
                    "A model answered."
                );
                add(&self.answers, 1);
                add(&self.input_tokens, usage.input);
                add(&self.output_tokens, usage.output);
            }
        }
        // Nobody has to listen.
        self.listeners.send(event).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_counted_and_heard() {
        let events = Events::default();
        let mut listener = events.listen();
        events.tell(Event::CacheHit);
        let usage = Usage { input: 7, cached: 0, output: 3 };
        events.tell(Event::Answered { target: "t".into(), took: Duration::ZERO, usage, cost: 0 });
        let counts = events.counts();
        assert_eq!((counts.cache_hits, counts.answers, counts.input_tokens, counts.output_tokens), (1, 1, 7, 3));
        assert!(matches!(listener.try_recv(), Ok(Event::CacheHit)));
    }
}
