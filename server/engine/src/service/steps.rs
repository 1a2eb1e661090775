//! What happens with language models, step by step, as plain data for doors that pass it on.
//!
//! Tells which model, how long and how much, and never a word of what was asked or answered.

use crate::error::CoreError;
use crate::server_core::ServerCore;
use llm::events::Event;
use serde::Serialize;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// A step of a call to a model. Times are milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ModelStep {
    /// An answer was in memory.
    CacheHit {
        /// How long it took to find it.
        took_ms: f64,
    },
    /// A question was joined to an equal one that is under way.
    Coalesced,
    /// A target is asked.
    Asked {
        /// Its name in the settings.
        target: String,
        /// Its provider.
        provider: &'static str,
        /// The model.
        model: String,
        /// How many were asked before it for the same question.
        attempt: usize,
    },
    /// A second target is asked as well, because the first is late.
    Hedged {
        /// The second.
        target: String,
    },
    /// The first word came.
    FirstWord {
        /// From whom.
        target: String,
        /// Since it was asked.
        took_ms: f64,
    },
    /// A target failed.
    Failed {
        /// Which.
        target: String,
        /// The kind of failure.
        cause: &'static str,
    },
    /// The answer is whole.
    Answered {
        /// From whom.
        target: String,
        /// Since it was asked.
        took_ms: f64,
        /// Tokens of the prompt.
        input_tokens: u64,
        /// Tokens of the answer.
        output_tokens: u64,
        /// What it cost; only for those who may see that.
        #[serde(skip_serializing_if = "Option::is_none")]
        cost_dollars: Option<f64>,
    },
    /// No model answered, and what needs none was given.
    Offline,
    /// So many steps happened faster than they could be told.
    Skipped {
        /// How many.
        count: u64,
    },
}

impl ModelStep {
    /// The same without what it cost.
    #[must_use]
    pub fn without_cost(mut self) -> Self {
        if let Self::Answered { cost_dollars, .. } = &mut self {
            *cost_dollars = None;
        }
        self
    }
}

/// The steps from some moment on.
#[derive(Debug)]
pub struct ModelSteps(Receiver<Event>);

impl ModelSteps {
    /// The next step; `None` when there are no models any more.
    pub async fn next(&mut self) -> Option<ModelStep> {
        match self.0.recv().await {
            Ok(event) => Some(step(event)),
            Err(RecvError::Lagged(count)) => Some(ModelStep::Skipped { count }),
            Err(RecvError::Closed) => None,
        }
    }
}

impl ServerCore {
    /// What happens with models from now on.
    ///
    /// # Errors
    /// As for [`Self::models`].
    pub async fn model_steps(&self) -> Result<ModelSteps, CoreError> {
        Ok(ModelSteps(self.models().await?.events()))
    }
}

fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

fn step(event: Event) -> ModelStep {
    match event {
        Event::CacheHit { took } => ModelStep::CacheHit { took_ms: ms(took) },
        Event::Coalesced => ModelStep::Coalesced,
        Event::Asked { target, provider, model, attempt, .. } => ModelStep::Asked { target, provider, model, attempt },
        Event::Hedged { target, .. } => ModelStep::Hedged { target },
        Event::FirstWord { target, took } => ModelStep::FirstWord { target, took_ms: ms(took) },
        Event::Failed { error, .. } => ModelStep::Failed { target: error.target.clone(), cause: error.cause.name() },
        Event::Answered { target, took, usage, cost, .. } => ModelStep::Answered {
            target,
            took_ms: ms(took),
            input_tokens: usage.input,
            output_tokens: usage.output,
            cost_dollars: Some(llm::budget::dollars(cost)),
        },
        Event::Offline { .. } => ModelStep::Offline,
    }
}
