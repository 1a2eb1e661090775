//! Each step of a call is one event: it writes its line in the trace and its numbers in one place, and whoever listens gets it too.

use crate::breaker::Watched;
use crate::budget::Money;
use crate::error::LlmError;
use crate::journal::Journal;
use crate::measures::{Counts, Measures};
use crate::request::Usage;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;

/// A step of a call.
#[derive(Clone, Debug)]
pub enum Event {
    /// An answer was in memory.
    CacheHit {
        /// How long it took to find it.
        took: Duration,
    },
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
        /// What this program took from the question to here, waiting left out; only for the first one that is asked.
        overhead: Option<Duration>,
        /// How long the request waited for room at the target.
        waited: Duration,
    },
    /// A second target is asked, because the first word of another is late.
    Hedged {
        /// The second target.
        target: String,
        /// After so long.
        after: Duration,
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
        /// Where.
        watched: Watched,
    },
    /// The answer is whole.
    Answered {
        /// The target.
        target: String,
        /// Where.
        watched: Watched,
        /// From the asking to the first word.
        first_word: Duration,
        /// Since it was asked.
        took: Duration,
        /// Tokens.
        usage: Usage,
        /// What it cost.
        cost: Money,
    },
    /// No model answered, and the answer that needs none was given.
    Offline {
        /// Why; `None` where no model is set.
        error: Option<LlmError>,
    },
}

/// Where events go.
#[derive(Debug)]
pub struct Events {
    listeners: broadcast::Sender<Event>,
    measures: Measures,
    journal: Option<Arc<Journal>>,
}

impl Default for Events {
    fn default() -> Self {
        Self { listeners: broadcast::channel(256).0, measures: Measures::default(), journal: None }
    }
}

impl Events {
    /// Events that are written down as well.
    pub fn with_journal(journal: Arc<Journal>) -> Self {
        Self { journal: Some(journal), ..Self::default() }
    }

    /// What happens from now on.
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.listeners.subscribe()
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.measures.counts()
    }

    /// All numbers, as Prometheus reads them.
    pub fn text(&self) -> String {
        self.measures.text()
    }

    /// The same in the older text format, which other families can follow.
    pub fn plain_text(&self) -> String {
        self.measures.plain_text()
    }

    /// A target is set.
    pub fn expect(&self, target: &str, provider: &str, model: &str) {
        self.measures.expect(target, provider, model);
    }

    /// Something happened.
    pub fn tell(&self, event: Event) {
        self.measures.note(&event);
        if let Some(journal) = &self.journal {
            journal.note(&event);
        }
        trace(&event);
        if self.listeners.receiver_count() > 0 {
            // The last one may have left just now.
            self.listeners.send(event).ok();
        }
    }
}

fn trace(event: &Event) {
    match event {
        Event::CacheHit { .. } => tracing::debug!("An answer was in memory."),
        Event::Coalesced => tracing::debug!("A question was joined to another."),
        Event::Asked { target, provider, model, attempt, waited, .. } => tracing::debug!(
            target_name = target,
            gen_ai.provider.name = provider,
            gen_ai.request.model = model,
            attempt,
            waited = waited.as_secs_f64(),
            "A model is asked."
        ),
        Event::Hedged { target, after } => tracing::debug!(
            target_name = target,
            after = after.as_secs_f64(),
            "Another model is asked, because the first word is late."
        ),
        Event::FirstWord { target, took } => tracing::debug!(
            target_name = target,
            gen_ai.server.time_to_first_token = took.as_secs_f64(),
            "The first word came."
        ),
        Event::Failed { error, .. } => tracing::debug!(
            target_name = error.target,
            error.type = error.cause.name(),
            detail = error.detail,
            "A model failed."
        ),
        Event::Answered { target, took, usage, cost, .. } => tracing::debug!(
            target_name = target,
            gen_ai.client.operation.duration = took.as_secs_f64(),
            gen_ai.usage.input_tokens = usage.input,
            gen_ai.usage.output_tokens = usage.output,
            cost,
            "A model answered."
        ),
        Event::Offline { .. } => tracing::debug!("No model answered, and the answer that needs none was given."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_counted_and_heard() {
        let events = Events::default();
        events.tell(Event::Coalesced);
        let mut listener = events.listen();
        events.tell(Event::CacheHit { took: Duration::ZERO });
        let usage = Usage { input: 7, cached: 0, output: 3 };
        let (watched, zero) = (Watched::new("p", "m", ""), Duration::ZERO);
        let target = "t".to_owned();
        events.tell(Event::Answered { target, watched, first_word: zero, took: zero, usage, cost: 0 });
        let counts = events.counts();
        assert_eq!((counts.cache_hits, counts.coalesced, counts.answers, counts.input_tokens), (1, 1, 1, 7));
        assert!(matches!(listener.try_recv(), Ok(Event::CacheHit { .. })), "from then on");
        assert!(events.text().contains("code_agent_llm_coalesced_total 1"));
    }
}
