//! The settings of the service for a team.

use super::OidcSettings;
use llm::budget::Quotas;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The service for a team.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServiceSettings {
    /// The address and port that it listens on.
    pub listen: String,
    /// Where accounts and jobs are kept: `sqlite:/PATH`, or `postgres://USER@HOST/NAME` without a password, which stands in `PGPASSWORD` or in a
    /// `.pgpass` file; `env:NAME` takes the whole address from that variable. Empty is a file in the folder of the program's state.
    pub store: String,
    /// The file of the key that signs access tokens, shared by all replicas. Empty is a file in the folder of the program's state.
    pub signing_key: String,
    /// Bytes that the body of a request may have; one with pictures, at `/v1/chat/completions`, may have 33554432 where it tells its length.
    #[schemars(range(min = 1024, max = 268_435_456))]
    pub max_body: u64,
    /// Jobs that are done at the same time.
    #[schemars(range(min = 1, max = 64))]
    pub jobs: u16,
    /// Seconds that one text of a job may take; one that takes longer fails, and with it the job.
    #[schemars(range(min = 1, max = 3600))]
    pub job_text_seconds: u64,
    /// How many proxies stand before it, each of which adds the address of its client to `X-Forwarded-For`; 0 where there is none. Sign-ins are
    /// counted by the address of the client.
    #[schemars(range(max = 8))]
    pub proxies: u8,
    /// Seconds that requests under way have when the service is told to end.
    #[schemars(range(max = 3600))]
    pub grace_seconds: u64,
    /// The chain of certificates in PEM with which it speaks TLS, its own first; read again when it changes. Empty is plain HTTP.
    pub tls_certificate: String,
    /// The key of the certificate, in PEM.
    pub tls_key: String,
    /// Who signs the certificates of clients, in PEM. Where it is set, only clients with such a certificate are let in.
    pub tls_client_authority: String,
    /// Who may read `/metrics`, which tells what models cost: whoever shows a token for it, and besides them programs on this machine (`local`),
    /// nobody (`token`), or everybody (`open`).
    pub metrics: MetricsAccess,
    /// The address of a collector of OpenTelemetry, `http://HOST:4318`, which gets a trace of each request. Empty is none. A collector elsewhere is
    /// reached by way of one beside the service, which speaks TLS to it.
    pub traces: String,
    /// How people reach it, `https://HOST` or with a port: the provider of sign-ins sends them back there, and `code-agent login` shows it. Empty is
    /// what each request names as its host, which is enough where nothing stands before the service that speaks TLS.
    pub public_url: String,
    /// A provider by whom people sign in.
    pub oidc: OidcSettings,
    /// What each account may use.
    pub quotas: QuotaSettings,
}

/// Who may read figures without a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MetricsAccess {
    /// Programs on this machine that ask without a proxy in between.
    #[default]
    Local,
    /// Nobody.
    Token,
    /// Everybody.
    Open,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7420".to_owned(),
            store: String::new(),
            signing_key: String::new(),
            max_body: 8 << 20,
            jobs: 2,
            job_text_seconds: 120,
            proxies: 0,
            grace_seconds: 20,
            tls_certificate: String::new(),
            tls_key: String::new(),
            tls_client_authority: String::new(),
            metrics: MetricsAccess::default(),
            traces: String::new(),
            public_url: String::new(),
            oidc: OidcSettings::default(),
            quotas: QuotaSettings::default(),
        }
    }
}

impl ServiceSettings {
    /// What is set to a number out of its bounds: the key, and what is expected.
    pub(in crate::config) fn problem(&self) -> Option<(&'static str, &'static str)> {
        let QuotaSettings { dollars_per_day, dollars_per_month, .. } = self.quotas;
        let is_amount = |dollars: f64| dollars.is_finite() && (0.0..=MOST_DOLLARS).contains(&dollars);
        let all = [
            ("max-body", (1024..=268_435_456).contains(&self.max_body), "a number from 1024 to 268435456"),
            ("jobs", (1..=64).contains(&self.jobs), "a number from 1 to 64"),
            ("job-text-seconds", (1..=3600).contains(&self.job_text_seconds), "a number from 1 to 3600"),
            ("proxies", self.proxies <= 8, "a number from 0 to 8"),
            ("traces", is_collector(&self.traces), "`http://HOST:PORT`, without a name or a password in it,"),
            ("grace-seconds", self.grace_seconds <= 3600, "a number from 0 to 3600"),
            ("quotas.requests-per-minute", self.quotas.requests_per_minute <= 1_000_000, "a number from 0 to 1000000"),
            ("quotas.running-jobs", self.quotas.running_jobs <= 1000, "a number from 0 to 1000"),
            ("quotas.waiting-jobs", self.quotas.waiting_jobs <= 1_000_000, "a number from 0 to 1000000"),
            ("quotas.dollars-per-day", is_amount(dollars_per_day), "a number from 0 to 1000000000"),
            ("quotas.dollars-per-month", is_amount(dollars_per_month), "a number from 0 to 1000000000"),
        ];
        all.into_iter().find(|(_, is_good, _)| !is_good).map(|(key, _, expected)| (key, expected))
    }
}

/// Whether an address is that of a collector.
fn is_collector(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return url.is_empty() };
    !rest.is_empty() && !rest.contains(['@', '?', '#', ' ', '\\']) && rest.bytes().all(|byte| byte.is_ascii_graphic())
}

/// As much money as can be counted without loss, and more than anybody has.
const MOST_DOLLARS: f64 = 1e9;

/// What each account of the service may use; 0 is no bound. What is asked beyond it is refused with the status 429, and jobs wait for their turn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct QuotaSettings {
    /// Requests in a minute: so many at once, and as many again within a minute, evenly. Counted over all replicas where `cache.redis` is set.
    #[schemars(range(max = 1_000_000))]
    pub requests_per_minute: u32,
    /// Tokens of models in a day (UTC). Counts beside `budget.tokens-per-client`; the smaller of the two holds.
    pub tokens_per_day: u64,
    /// Dollars for models in a day (UTC). Counts beside `budget.dollars-per-client`; the smaller of the two holds.
    #[schemars(range(min = 0.0, max = 1_000_000_000.0))]
    pub dollars_per_day: f64,
    /// Dollars for models in a calendar month (UTC).
    #[schemars(range(min = 0.0, max = 1_000_000_000.0))]
    pub dollars_per_month: f64,
    /// Jobs under way at the same time, over all replicas; read when the service begins.
    #[schemars(range(max = 1000))]
    pub running_jobs: u32,
    /// Jobs that may wait at the same time, over all replicas; one more is refused until one of them is begun.
    #[schemars(range(max = 1_000_000))]
    pub waiting_jobs: u32,
}

impl Default for QuotaSettings {
    fn default() -> Self {
        Self {
            requests_per_minute: 6000,
            tokens_per_day: 0,
            dollars_per_day: 0.0,
            dollars_per_month: 0.0,
            running_jobs: 2,
            waiting_jobs: 1000,
        }
    }
}

impl QuotaSettings {
    /// The part that counts what models cost.
    pub fn of_models(&self) -> Quotas {
        let dollars = |dollars: f64| (dollars > 0.0).then_some(dollars);
        Quotas {
            tokens_per_day: (self.tokens_per_day > 0).then_some(self.tokens_per_day),
            dollars_per_day: dollars(self.dollars_per_day),
            dollars_per_month: dollars(self.dollars_per_month),
        }
    }

    /// How many jobs of one account may be under way.
    pub fn running_jobs(&self) -> Option<u32> {
        (self.running_jobs > 0).then_some(self.running_jobs)
    }

    /// How many jobs of one account may wait.
    pub fn waiting_jobs(&self) -> Option<u32> {
        (self.waiting_jobs > 0).then_some(self.waiting_jobs)
    }
}
