//! Numbers about calls, for Prometheus and for people: counted where an event is told, read when somebody asks.
//!
//! Names of calls to models are those of OpenTelemetry's conventions for generative AI; what only this program has begins with
//! `code_agent_llm`. No label ever holds anything of a prompt or an answer.

use crate::budget::dollars;
use crate::error::Cause;
use crate::events::Event;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use rustc_hash::FxHashMap;
use serde::Serialize;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Seconds, from the time of a call within this program to that of a long answer.
const SECONDS: [f64; 16] =
    [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
/// Seconds that this program itself takes.
const OVERHEAD: [f64; 12] = [5e-6, 10e-6, 15e-6, 25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 10e-3, 100e-3];
/// Tokens, as the conventions have them.
const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TargetLabels {
    target: String,
    gen_ai_provider_name: String,
    gen_ai_request_model: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    target: String,
    gen_ai_token_type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    target: String,
    error_type: &'static str,
}

type Seconds = Family<TargetLabels, Histogram, fn() -> Histogram>;

/// What one target's events are counted in, found once.
struct Handles {
    first_word: Histogram,
    duration: Histogram,
    waited: Histogram,
    input: Histogram,
    output: Histogram,
    cost: Counter<f64, AtomicU64>,
}

/// What happened so far, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// Answers from memory.
    pub cache_hits: u64,
    /// Questions joined to others.
    pub coalesced: u64,
    /// Calls to targets.
    pub calls: u64,
    /// Of those, the ones made because another was late.
    pub hedged: u64,
    /// Answers of models.
    pub answers: u64,
    /// Answers that needed no model.
    pub offline: u64,
    /// Failures.
    pub failures: u64,
    /// Tokens of prompts.
    pub input_tokens: u64,
    /// Tokens of answers.
    pub output_tokens: u64,
}

/// All numbers.
pub struct Measures {
    registry: Registry,
    cache_hits: Counter,
    coalesced: Counter,
    calls: Counter,
    hedged: Counter,
    fallbacks: Counter,
    answers: Counter,
    offline: Counter,
    failures: Family<FailureLabels, Counter>,
    failed: AtomicU64,
    input_tokens: AtomicU64,
    output_tokens: AtomicU64,
    overhead: Histogram,
    first_word: Seconds,
    duration: Seconds,
    waited: Seconds,
    tokens: Family<TokenLabels, Histogram, fn() -> Histogram>,
    cost: Family<TargetLabels, Counter<f64, AtomicU64>>,
    handles: RwLock<FxHashMap<String, Arc<Handles>>>,
}

impl Default for Measures {
    fn default() -> Self {
        let seconds: fn() -> Histogram = || Histogram::new(SECONDS);
        let tokens: fn() -> Histogram = || Histogram::new(TOKENS);
        let mut measures = Self {
            registry: Registry::default(),
            cache_hits: Counter::default(),
            coalesced: Counter::default(),
            calls: Counter::default(),
            hedged: Counter::default(),
            fallbacks: Counter::default(),
            answers: Counter::default(),
            offline: Counter::default(),
            failures: Family::default(),
            failed: AtomicU64::new(0),
            input_tokens: AtomicU64::new(0),
            output_tokens: AtomicU64::new(0),
            overhead: Histogram::new(OVERHEAD),
            first_word: Family::new_with_constructor(seconds),
            duration: Family::new_with_constructor(seconds),
            waited: Family::new_with_constructor(seconds),
            tokens: Family::new_with_constructor(tokens),
            cost: Family::default(),
            handles: RwLock::default(),
        };
        measures.register();
        measures
    }
}

impl Measures {
    fn register(&mut self) {
        let registry = &mut self.registry;
        for (name, help, counter) in [
            ("cache_hits", "Answers that were in memory", &self.cache_hits),
            ("coalesced", "Questions that were joined to one asked already", &self.coalesced),
            ("calls", "Calls to models", &self.calls),
            ("hedged", "Calls made because another was late", &self.hedged),
            ("fallbacks", "Calls for a question that another call was made for before", &self.fallbacks),
            ("answers", "Answers of models", &self.answers),
            ("offline", "Answers that needed no model", &self.offline),
        ] {
            registry.register(format!("code_agent_llm_{name}"), help, counter.clone());
        }
        registry.register("code_agent_llm_failures", "Calls that failed, by cause", self.failures.clone());
        registry.register("code_agent_llm_cost_dollars", "What calls cost", self.cost.clone());
        for (name, help, family) in [
            ("gen_ai_client_operation_duration_seconds", "From the request to the end of the answer", &self.duration),
            ("gen_ai_server_time_to_first_token_seconds", "From the request to the first word", &self.first_word),
            ("code_agent_llm_queue_wait_seconds", "Waiting for room at a target", &self.waited),
        ] {
            registry.register(name, help, family.clone());
        }
        registry.register("gen_ai_client_token_usage", "Tokens of prompts and answers", self.tokens.clone());
        registry.register(
            "code_agent_llm_overhead_seconds",
            "From the question to the request at the model, waiting for room left out",
            self.overhead.clone(),
        );
    }

    /// Counts an event.
    pub fn note(&self, event: &Event) {
        match event {
            Event::CacheHit { took } => {
                self.cache_hits.inc();
                self.overhead.observe(took.as_secs_f64());
            }
            Event::Coalesced => _ = self.coalesced.inc(),
            Event::Asked { target, provider, model, attempt, overhead, waited } => {
                self.calls.inc();
                if *attempt > 0 {
                    self.fallbacks.inc();
                }
                if let Some(overhead) = overhead {
                    self.overhead.observe(overhead.as_secs_f64());
                }
                self.of(target, || (provider, model)).waited.observe(waited.as_secs_f64());
            }
            Event::Hedged { .. } => _ = self.hedged.inc(),
            Event::Offline { .. } => _ = self.offline.inc(),
            Event::FirstWord { target, took } => {
                self.of(target, || ("", "")).first_word.observe(took.as_secs_f64());
            }
            Event::Failed { error, .. } => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                let labels = FailureLabels { target: error.target.clone(), error_type: error.cause.name() };
                self.failures.get_or_create(&labels).inc();
            }
            Event::Answered { target, took, usage, cost, .. } => {
                self.answers.inc();
                self.input_tokens.fetch_add(usage.input, Ordering::Relaxed);
                self.output_tokens.fetch_add(usage.output, Ordering::Relaxed);
                let of = self.of(target, || ("", ""));
                of.duration.observe(took.as_secs_f64());
                of.input.observe(usage.input as f64);
                of.output.observe(usage.output as f64);
                of.cost.inc_by(dollars(*cost));
            }
        }
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        Counts {
            cache_hits: self.cache_hits.get(),
            coalesced: self.coalesced.get(),
            calls: self.calls.get(),
            hedged: self.hedged.get(),
            answers: self.answers.get(),
            offline: self.offline.get(),
            failures: self.failed.load(Ordering::Relaxed),
            input_tokens: self.input_tokens.load(Ordering::Relaxed),
            output_tokens: self.output_tokens.load(Ordering::Relaxed),
        }
    }

    /// All numbers in the text format of OpenMetrics, which Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }

    /// The same in the text format that Prometheus had before, which all of its tools read. Other families can follow it.
    pub fn plain_text(&self) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }

    /// A target is set: its figures are there from now on, with 0 in them, so that the first failure is seen as one.
    pub fn expect(&self, target: &str, provider: &str, model: &str) {
        self.of(target, || (provider, model));
        for cause in Cause::ALL {
            let labels = FailureLabels { target: target.to_owned(), error_type: cause.name() };
            drop(self.failures.get_or_create(&labels));
        }
    }

    /// The handles of a target. What is asked first says what it is.
    fn of<'a>(&self, target: &str, names: impl FnOnce() -> (&'a str, &'a str)) -> Arc<Handles> {
        if let Some(handles) = self.handles.read().unwrap_or_else(PoisonError::into_inner).get(target) {
            return handles.clone();
        }
        let (provider, model) = names();
        let labels = TargetLabels {
            target: target.to_owned(),
            gen_ai_provider_name: provider.to_owned(),
            gen_ai_request_model: model.to_owned(),
        };
        let tokens =
            |kind| self.tokens.get_or_create_owned(&TokenLabels { target: target.to_owned(), gen_ai_token_type: kind });
        let handles = Arc::new(Handles {
            first_word: self.first_word.get_or_create_owned(&labels),
            duration: self.duration.get_or_create_owned(&labels),
            waited: self.waited.get_or_create_owned(&labels),
            input: tokens("input"),
            output: tokens("output"),
            cost: self.cost.get_or_create_owned(&labels),
        });
        let mut all = self.handles.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(target.to_owned()).or_insert(handles).clone()
    }
}

impl fmt::Debug for Measures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts().fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::LlmError;
    use crate::request::Usage;
    use std::time::Duration;

    #[test]
    fn each_event_is_in_the_numbers_under_the_names_of_the_conventions() {
        let measures = Measures::default();
        measures.note(&Event::CacheHit { took: Duration::from_micros(3) });
        measures.note(&Event::Asked {
            target: "t".into(),
            provider: "openai",
            model: "m".into(),
            attempt: 1,
            overhead: Some(Duration::from_micros(12)),
            waited: Duration::from_millis(3),
        });
        measures.note(&Event::FirstWord { target: "t".into(), took: Duration::from_millis(30) });
        let usage = Usage { input: 100, cached: 0, output: 5 };
        let took = Duration::from_millis(70);
        let (watched, first_word) = (crate::breaker::Watched::new("p", "m", ""), Duration::from_millis(30));
        let target = "t".to_owned();
        let answered = Event::Answered { target, watched: watched.clone(), first_word, took, usage, cost: 100_000_000 };
        measures.note(&answered);
        measures.note(&Event::Failed { error: LlmError::new("t", Cause::Rate, "slow down"), watched });
        let text = measures.text();
        let model = r#"target="t",gen_ai_provider_name="openai",gen_ai_request_model="m""#;
        for line in [
            r#"code_agent_llm_overhead_seconds_bucket{le="0.000005"} 1"#.to_owned(),
            r#"code_agent_llm_overhead_seconds_count 2"#.to_owned(),
            r#"code_agent_llm_fallbacks_total 1"#.to_owned(),
            format!(r#"gen_ai_server_time_to_first_token_seconds_bucket{{le="0.05",{model}}} 1"#),
            format!(r#"gen_ai_client_operation_duration_seconds_count{{{model}}} 1"#),
            format!(r#"code_agent_llm_queue_wait_seconds_sum{{{model}}} 0.003"#),
            r#"gen_ai_client_token_usage_sum{target="t",gen_ai_token_type="output"} 5.0"#.to_owned(),
            format!(r#"code_agent_llm_cost_dollars_total{{{model}}} 1.0"#),
            r#"code_agent_llm_failures_total{target="t",error_type="rate"} 1"#.to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        let counts = measures.counts();
        assert_eq!((counts.cache_hits, counts.calls, counts.failures, counts.output_tokens), (1, 1, 1, 5));
    }

    #[test]
    fn what_is_set_is_there_before_it_is_used_and_counters_have_their_names_in_both_formats() {
        let measures = Measures::default();
        measures.expect("t", "openai", "m");
        measures.expect("t", "openai", "m");
        let text = measures.plain_text();
        for line in [
            "# TYPE code_agent_llm_calls_total counter",
            r#"code_agent_llm_failures_total{target="t",error_type="no-target"} 0"#,
            r#"gen_ai_client_operation_duration_seconds_count{target="t",gen_ai_provider_name="openai",gen_ai_request_model="m"} 0"#,
        ] {
            assert!(text.lines().filter(|found| *found == line).count() == 1, "{line}\n{text}");
        }
        assert!(!text.contains("# EOF") && measures.text().ends_with("# EOF\n"));
    }
}
