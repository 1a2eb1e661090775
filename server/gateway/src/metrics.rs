//! Figures for Prometheus: what requests take, what waits, who signs in, what models do, and how the process is.
//!
//! Names are those that others give to the same things (OpenTelemetry's for HTTP and models, Prometheus' own for processes); what only this
//! program has begins with `code_agent`. A label has few values, which all stand in this program or its settings: never a path, a name or a text
//! that somebody sent. What is not there just now is left out, and never makes the answer fail.

pub(crate) mod access;
pub(crate) mod requests;

mod now;
mod process;

use crate::state::Gateway;
use engine::jobs::{Attempt, JobKind, Observer};
use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use requests::{MethodLabels, RequestLabels};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// The format of the answer.
pub(crate) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;
/// Seconds of requests, as OpenTelemetry's conventions have them.
const REQUEST_SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Seconds of jobs, from one small file to hundreds of large ones.
const JOB_SECONDS: [f64; 12] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0];

/// A histogram of times for each set of labels.
pub(crate) type Seconds<L> = Family<L, Histogram, fn() -> Histogram>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignInLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DenialLabels {
    group: String,
    policy: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

/// Why clients are connected no longer.
const DISCONNECTS: [&str; 7] = ["gone", "going-away", "no-text", "too-large", "broken", "signed-out", "too-slow"];

/// Somebody who is connected by WebSocket.
pub(crate) struct Connected(Gauge);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: String,
}

/// How somebody who wanted to sign in fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignIn {
    /// Is in.
    Succeeded,
    /// The name or what proves it was wrong.
    Refused,
    /// Tried too often.
    Throttled,
    /// Showed a refresh token that was used before.
    Replayed,
}

impl SignIn {
    const ALL: [Self; 4] = [Self::Succeeded, Self::Refused, Self::Throttled, Self::Replayed];

    fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Replayed => "replayed",
        }
    }
}

/// What is counted where it happens. Cloning it gives another handle to the same figures.
#[derive(Clone)]
pub(crate) struct Measures {
    registry: Arc<Registry>,
    requests: Seconds<RequestLabels>,
    active: Family<MethodLabels, Gauge>,
    jobs: Seconds<JobLabels>,
    waits: Seconds<KindLabels>,
    sign_ins: Family<SignInLabels, Counter>,
    denials: Family<DenialLabels, Counter>,
    connections: Gauge,
    disconnects: Family<ReasonLabels, Counter>,
}

impl Measures {
    /// Figures that begin with 0: what can happen stands there before it happens, so that its first time is seen as a rise.
    pub fn new(version: &str, groups: impl Iterator<Item = String>) -> Self {
        let request: fn() -> Histogram = || Histogram::new(REQUEST_SECONDS);
        let job: fn() -> Histogram = || Histogram::new(JOB_SECONDS);
        let mut registry = Registry::default();
        let measures = Self {
            requests: Family::new_with_constructor(request),
            active: Family::default(),
            jobs: Family::new_with_constructor(job),
            waits: Family::new_with_constructor(job),
            sign_ins: Family::default(),
            denials: Family::default(),
            connections: Gauge::default(),
            disconnects: Family::default(),
            registry: Arc::default(),
        };
        registry.register(
            "http_server_request_duration_seconds",
            "From the request to the head of its answer",
            measures.requests.clone(),
        );
        registry.register(
            "http_server_active_requests",
            "Requests that are not answered to their end",
            measures.active.clone(),
        );
        registry.register(
            "code_agent_job_duration_seconds",
            "Attempts at jobs, by how they ended",
            measures.jobs.clone(),
        );
        registry.register(
            "code_agent_job_wait_seconds",
            "From when a job could have begun to its beginning",
            measures.waits.clone(),
        );
        registry.register("code_agent_sign_ins", "Tries to sign in, by how they ended", measures.sign_ins.clone());
        registry.register(
            "code_agent_policy_denials",
            "What was not allowed, by what was asked for and the policy that decided",
            measures.denials.clone(),
        );
        registry.register(
            "code_agent_websocket_connections",
            "Clients that are connected by WebSocket",
            measures.connections.clone(),
        );
        registry.register(
            "code_agent_websocket_disconnects",
            "Clients that were connected, by why they are no longer",
            measures.disconnects.clone(),
        );
        for reason in DISCONNECTS {
            drop(measures.disconnects.get_or_create(&ReasonLabels { reason }));
        }
        let build: Family<BuildLabels, Gauge> = Family::default();
        build.get_or_create(&BuildLabels { version: version.to_owned() }).set(1);
        registry.register("code_agent_build_info", "Which program this is", build);
        registry.register_collector(Box::new(process::Process::new()));
        for method in requests::METHODS {
            drop(measures.active.get_or_create(&MethodLabels { http_request_method: method }));
        }
        for kind in JobKind::ALL.map(JobKind::name) {
            drop(measures.waits.get_or_create(&KindLabels { kind }));
            for outcome in Attempt::OUTCOMES {
                drop(measures.jobs.get_or_create(&JobLabels { kind, outcome }));
            }
        }
        for outcome in SignIn::ALL.map(SignIn::name) {
            drop(measures.sign_ins.get_or_create(&SignInLabels { outcome }));
        }
        for group in groups {
            for policy in ["default-deny", "token-scope"].map(str::to_owned) {
                drop(measures.denials.get_or_create(&DenialLabels { group: group.clone(), policy }));
            }
        }
        Self { registry: Arc::new(registry), ..measures }
    }

    /// Somebody wanted to sign in.
    pub fn signed_in(&self, outcome: SignIn) {
        self.sign_ins.get_or_create(&SignInLabels { outcome: outcome.name() }).inc();
    }

    /// Something was not allowed.
    pub fn denied(&self, group: &str, policy: &str) {
        self.denials.get_or_create(&DenialLabels { group: group.to_owned(), policy: policy.to_owned() }).inc();
    }

    /// Somebody is connected by WebSocket, until what is given back is dropped.
    pub fn connected(&self) -> Connected {
        self.connections.inc();
        Connected(self.connections.clone())
    }

    /// Somebody is connected no longer.
    pub fn disconnected(&self, reason: &'static str) {
        self.disconnects.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Counts attempts at jobs.
    pub fn of_jobs(&self) -> Observer {
        let own = self.clone();
        Arc::new(move |Attempt { kind, outcome, took, waited }| {
            own.jobs.get_or_create(&JobLabels { kind, outcome }).observe(took.as_secs_f64());
            own.waits.get_or_create(&KindLabels { kind }).observe(waited.as_secs_f64());
        })
    }

    fn request(&self, labels: &RequestLabels, took: Duration) {
        self.requests.get_or_create(labels).observe(took.as_secs_f64());
    }
}

/// All figures, in the text format that all tools of Prometheus read.
pub(crate) async fn text(gateway: &Gateway) -> String {
    let mut text = String::new();
    let now = now::registry(gateway, &mut text).await;
    for registry in [&gateway.measures().registry, &Arc::new(now)] {
        // Writing into a string does not fail.
        let _ = prometheus_text::encode(&mut text, registry);
    }
    text
}

/// A gauge of whole numbers or fractions.
type Amount = Gauge<f64, AtomicU64>;

#[cfg(test)]
mod tests;
