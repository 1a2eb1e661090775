//! Figures that are read when somebody asks: how many jobs wait, whether the store answers, how the models and the core are.

use super::Amount;
use crate::state::Gateway;
use engine::ModelFigures;
use engine::jobs::JobKind;
use engine::metrics::{Kind, Stats};
use engine::store::jobs::JobState;
use engine::store::{failures, now_ms};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::fmt::Write;
use std::time::Duration;

/// How long the store may take to be counted: whoever asks for figures asks again soon.
const PATIENCE: Duration = Duration::from_secs(5);
/// How far a cause of trouble with models reaches, as it is called where it is told.
const SCOPES: [&str; 4] = ["key", "limit", "model", "provider"];
/// The breaker of a target as the core calls its states, and as others do.
const BREAKERS: [(&str, &str); 3] = [("ready", "closed"), ("probing", "half-open"), ("left alone", "open")];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    kind: String,
    state: &'static str,
}

macro_rules! label {
    ($name:ident, $field:ident) => {
        #[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
        struct $name {
            $field: String,
        }

        impl $name {
            fn new(value: impl Into<String>) -> Self {
                Self { $field: value.into() }
            }
        }
    };
}
label!(Class, class);
label!(ErrorType, error_type);
label!(Outcome, outcome);
label!(Part, part);
label!(Scope, scope);
label!(Target, target);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BreakerLabels {
    target: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    request: String,
    outcome: String,
}

/// The figures of now. What is text already goes to `text`.
pub(super) async fn registry(gateway: &Gateway, text: &mut String) -> Registry {
    let mut registry = Registry::default();
    store(gateway, &mut registry).await;
    let core = gateway.core("service");
    match core.model_figures().await {
        Ok(figures) => models(figures, &mut registry, text),
        Err(error) => tracing::warn!(%error, "The figures of the models are left out."),
    }
    let load = core.health().load;
    let waiting: Family<Class, Gauge> = Family::default();
    for (class, count) in ["interactive", "background", "bulk"].into_iter().zip(load.waiting) {
        waiting.get_or_create(&Class::new(class)).set(whole(count));
    }
    registry.register("code_agent_tasks_waiting", "Tasks of the core that wait for a thread", waiting);
    let running: Gauge = Gauge::default();
    running.set(whole(load.running));
    registry.register("code_agent_tasks_running", "Tasks of the core that run", running);
    if let Some(provider) = gateway.provider() {
        let old: Gauge = Gauge::default();
        old.set(i64::from(provider.uses_old_keys()));
        let said = "1 while the provider of sign-ins does not give its keys and those of more than an hour ago are used, else 0";
        registry.register("code_agent_provider_keys_old", said, old);
    }
    requests_to_the_core(&core.metrics().stats(), &mut registry, text);
    registry
}

/// Whether the store answers, how often it failed, and the jobs in it.
async fn store(gateway: &Gateway, registry: &mut Registry) {
    let store = gateway.store();
    let answers = store.ping().await;
    let counted = async {
        let counts = store.job_counts().await?;
        Ok::<_, engine::store::StoreError>((counts, store.oldest_waiting_job(now_ms()).await?))
    };
    let counted = match &answers {
        Ok(()) => tokio::time::timeout(PATIENCE, counted).await.ok().and_then(Result::ok),
        Err(_) => None,
    };
    let ready: Family<Part, Gauge> = Family::default();
    ready.get_or_create(&Part::new("store")).set(i64::from(answers.is_ok()));
    registry.register("code_agent_ready", "1 where a part that is needed answers, else 0", ready);
    let errors: Family<ErrorType, Counter> = Family::default();
    for (kind, count) in failures() {
        errors.get_or_create(&ErrorType::new(kind)).inc_by(count);
    }
    registry.register("code_agent_store_errors", "Failures of the database, by what was wrong", errors);
    let Some((counts, oldest)) = counted else { return };
    let jobs: Family<JobLabels, Gauge> = Family::default();
    for kind in JobKind::ALL {
        for state in JobState::ALL {
            drop(jobs.get_or_create(&JobLabels { kind: kind.name().to_owned(), state: state.name() }));
        }
    }
    for (kind, state, count) in counts {
        jobs.get_or_create(&JobLabels { kind, state: state.name() }).set(whole(count));
    }
    registry.register(
        "code_agent_jobs",
        "Jobs that are kept, by what they do and how far they are; all replicas see the same",
        jobs,
    );
    let waits: Amount = Gauge::default();
    waits.set(oldest.map_or(0.0, |since| now_ms().saturating_sub(since).max(0) as f64 / 1e3));
    registry.register(
        "code_agent_oldest_waiting_job_seconds",
        "How long the job waits that could have begun first; 0 where none does",
        waits,
    );
}

/// How each model is, and what was spent.
fn models(figures: ModelFigures, registry: &mut Registry, text: &mut String) {
    text.push_str(&figures.text);
    let (in_flight, queued, limit) =
        (Family::<Target, Gauge>::default(), Family::<Target, Gauge>::default(), Family::<Target, Gauge>::default());
    let breakers: Family<BreakerLabels, Gauge> = Family::default();
    let (dollars, tokens) = (Family::<Target, Amount>::default(), Family::<Target, Gauge>::default());
    for target in &figures.targets {
        let label = Target::new(&target.name);
        in_flight.get_or_create(&label).set(whole(target.in_flight));
        queued.get_or_create(&label).set(whole(target.queued));
        limit.get_or_create(&label).set(whole(target.limit));
        drop(dollars.get_or_create(&label));
        drop(tokens.get_or_create(&label));
        for (known, state) in BREAKERS {
            let labels = BreakerLabels { target: target.name.clone(), state };
            breakers.get_or_create(&labels).set(i64::from(known == target.state));
        }
    }
    for (target, spent, count) in figures.spending.by_target {
        let label = Target::new(target);
        dollars.get_or_create(&label).set(spent);
        tokens.get_or_create(&label).set(whole(count));
    }
    registry.register("code_agent_llm_in_flight", "Questions under way", in_flight);
    registry.register("code_agent_llm_queued", "Questions that wait for room at a target", queued);
    registry.register("code_agent_llm_concurrency_limit", "Questions that a target is given at a time", limit);
    registry.register("code_agent_llm_breaker", "1 for the state that the breaker of a target is in", breakers);
    registry.register("code_agent_llm_spent_today_dollars", "What was spent today, reserves included", dollars);
    registry.register("code_agent_llm_spent_today_tokens", "Tokens of today, reserves included", tokens);
    if let Some(most) = figures.limits.dollars_per_day {
        let budget: Amount = Gauge::default();
        budget.set(most);
        registry.register("code_agent_llm_budget_dollars", "What may be spent a day", budget);
    }
    if let Some(most) = figures.limits.tokens_per_day {
        let budget: Gauge = Gauge::default();
        budget.set(whole(most));
        registry.register("code_agent_llm_budget_tokens", "Tokens that may be used a day", budget);
    }
    let incidents: Family<Scope, Gauge> = Family::default();
    for scope in SCOPES {
        let open = figures.incidents.iter().filter(|incident| incident.is_open && incident.scope == scope);
        incidents.get_or_create(&Scope::new(scope)).set(whole(open.count()));
    }
    registry.register(
        "code_agent_llm_open_incidents",
        "Trouble that is not over, by how far its cause reaches",
        incidents,
    );
    if let Some(counts) = figures.shared_cache {
        let shared: Family<Outcome, Counter> = Family::default();
        let all = [
            ("hit", counts.hits),
            ("refused", counts.refused),
            ("failed", counts.failures),
            ("held-back", counts.held_back),
        ];
        for (outcome, count) in all {
            shared.get_or_create(&Outcome::new(outcome)).inc_by(count);
        }
        registry.register("code_agent_llm_shared_cache", "What became of what the shared cache was asked", shared);
    }
}

/// What was asked of the core. Its times are sums already, for which the library has no type.
fn requests_to_the_core(stats: &Stats, registry: &mut Registry, text: &mut String) {
    let rows = || stats.rows.iter().filter(|row| row.kind == Kind::Request);
    let requests: Family<RequestLabels, Counter> = Family::default();
    for row in rows() {
        for (outcome, count) in &row.outcomes {
            let outcome = serde_json::to_value(outcome).ok().and_then(|name| Some(name.as_str()?.to_owned()));
            let labels = RequestLabels { request: row.name.clone(), outcome: outcome.unwrap_or_default() };
            requests.get_or_create(&labels).inc_by(*count);
        }
    }
    registry.register("code_agent_requests", "Requests to the core, by what was asked and how it ended", requests);
    let name = "code_agent_request_duration_seconds";
    text.push_str(&format!("# HELP {name} How long requests to the core took.\n# TYPE {name} summary\n"));
    for row in rows() {
        let request = &row.name;
        for (quantile, micros) in [("0.5", row.p50_micros), ("0.95", row.p95_micros), ("0.99", row.p99_micros)] {
            let seconds = micros as f64 / 1e6;
            // Writing into a string does not fail.
            let _ = writeln!(text, "{name}{{request=\"{request}\",quantile=\"{quantile}\"}} {seconds}");
        }
        let _ = writeln!(text, "{name}_count{{request=\"{request}\"}} {}", row.count);
    }
}

/// A count as a gauge has it.
fn whole(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}
