//! What every handler has at hand. Cloning it is cheap.

use crate::auth::keys::{KeyError, Keys};
use crate::auth::oidc::{OidcConfig, Provider};
use crate::auth::passwords::Passwords;
use crate::auth::policy::{Policies, PolicyError};
use crate::auth::recent::Recent;
use crate::auth::scrapers::Scrapers;
use crate::auth::seen::Seen;
use crate::deed::{Deeds, UnderWay};
use crate::metrics::Measures;
use crate::openapi::{Operations, document_value};
use crate::quotas::Quotas;
use crate::routes::Places;
use crate::setup::Setup;
use crate::socket::{Hub, LanguageServer, MOST_CONNECTIONS, OPERATIONS};
use crate::tries::Tries;
use engine::ServerCore;
use engine::config::sections::MetricsAccess;
use engine::jobs::Observer;
use engine::store::{Store, StoreError};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, watch};

/// How long an answer of a model that goes out piece by piece may be without a word before it begins anyway.
const SILENCE: Duration = Duration::from_secs(15);

/// How the service is to be.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file of the key that signs access tokens; made where it is not there.
    pub signing_key: PathBuf,
    /// Bytes that a body may have.
    pub max_body: usize,
    /// Who may read figures without a token.
    pub metrics: MetricsAccess,
    /// How many proxies stand before the service, each of which adds to `X-Forwarded-For`; 0 where there is none.
    pub proxies: usize,
    /// How people reach the service; empty where each request names its host.
    pub public_url: String,
    /// Whether connections begin with TLS here.
    pub is_tls: bool,
    /// A provider by whom people sign in.
    pub oidc: Option<OidcConfig>,
}

/// Why the service cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No policies.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// No store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing counts requests.
    #[error("Requests cannot be counted. {0}")]
    Quotas(String),
    /// No chance.
    #[error("The system gives no random numbers.")]
    Chance,
}

/// Makes a span a part of the trace that the text names, as W3C Trace Context has it. The format of traces is a matter of whoever sends them.
pub type Joiner = fn(&tracing::Span, &str);

/// What every handler has at hand.
#[derive(Clone)]
pub struct Gateway(Arc<Parts>);

struct Parts {
    core: ServerCore,
    store: Store,
    keys: Keys,
    policies: Policies,
    operations: Operations,
    setup: Setup,
    tries: Tries,
    quotas: Quotas,
    recent: Recent,
    scrapers: Scrapers,
    seen: Seen,
    passwords: Passwords,
    links_in_use: UnderWay,
    deeds: Deeds,
    provider: Option<Arc<Provider>>,
    config: Config,
    measures: Measures,
    new_jobs: Arc<Notify>,
    stopping: watch::Sender<bool>,
    hub: Hub,
    places: Arc<Semaphore>,
    large_bodies: Places,
    language_server: OnceLock<LanguageServer>,
    joiner: OnceLock<Joiner>,
    silence: OnceLock<Duration>,
}

impl Gateway {
    /// Brings the parts together.
    ///
    /// # Errors
    /// If there is no key, or the store does not answer.
    pub async fn new(core: ServerCore, store: Store, config: Config) -> Result<Self, StartError> {
        let operations = Operations::of(document_value());
        let messages = OPERATIONS.map(|(id, group)| (id.to_owned(), group.to_owned()));
        let asked: Vec<_> = operations.groups().into_iter().chain(messages).collect();
        let policies = Policies::new(&asked)?;
        let keys = Keys::open(&config.signing_key)?;
        let setup = Setup::new(store.count_accounts().await? == 0)?;
        let tries = Tries::default();
        let quotas = Quotas::of(&core).await?;
        let groups = operations.groups().into_iter().map(|(_, group)| group);
        let measures = Measures::new(&core.health().version, groups);
        Ok(Self(Arc::new(Parts {
            core,
            store,
            keys,
            policies,
            operations,
            setup,
            tries,
            quotas,
            recent: Recent::default(),
            scrapers: Scrapers::default(),
            seen: Seen::default(),
            passwords: Passwords::default(),
            links_in_use: UnderWay::default(),
            deeds: Deeds::default(),
            provider: config.oidc.clone().map(Provider::new),
            config,
            measures,
            new_jobs: Arc::default(),
            stopping: watch::Sender::new(false),
            hub: Hub::new(),
            places: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
            large_bodies: Places::default(),
            language_server: OnceLock::new(),
            joiner: OnceLock::new(),
            silence: OnceLock::new(),
        })))
    }

    /// The core, as one account uses it.
    pub fn core(&self, account: &str) -> ServerCore {
        self.0.core.for_client(account)
    }

    /// The code with which the first admin is made; `None` where there is an account.
    pub fn setup_code(&self) -> Option<&str> {
        self.0.setup.code()
    }

    /// What is told when there is a new job.
    pub fn new_jobs(&self) -> Arc<Notify> {
        self.0.new_jobs.clone()
    }

    /// Counts attempts at jobs.
    pub fn observer_of_jobs(&self) -> Observer {
        self.0.measures.of_jobs()
    }

    /// What serves clients of the WebSocket that speak the Language Server Protocol; set once, before the service begins.
    pub fn set_language_server(&self, server: LanguageServer) {
        // Whoever sets it twice means the same one.
        let _ = self.0.language_server.set(server);
    }

    /// What makes the span of a request a part of the trace that its `traceparent` names; set once, where traces are made.
    pub fn set_joiner(&self, joiner: Joiner) {
        let _ = self.0.joiner.set(joiner);
    }

    pub(crate) fn joiner(&self) -> Option<Joiner> {
        self.0.joiner.get().copied()
    }

    /// How long an answer of a model that goes out piece by piece may be without a word before it begins anyway.
    pub(crate) fn silence(&self) -> Duration {
        self.0.silence.get().copied().unwrap_or(SILENCE)
    }

    /// Another time for that, for tests that cannot wait so long.
    #[cfg(test)]
    pub(crate) fn set_silence(&self, silence: Duration) {
        assert!(self.0.silence.set(silence).is_ok(), "it is set once");
    }

    pub(crate) fn language_server(&self) -> Option<&LanguageServer> {
        self.0.language_server.get()
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.0.hub
    }

    /// The places of those who are connected by WebSocket.
    pub(crate) fn places(&self) -> Arc<Semaphore> {
        self.0.places.clone()
    }

    /// The places of bodies that are larger than usual.
    pub(crate) fn large_bodies(&self) -> &Places {
        &self.0.large_bodies
    }

    /// Waits until nobody is connected by WebSocket.
    pub(crate) async fn everybody_gone(&self) {
        let all = u32::try_from(MOST_CONNECTIONS).unwrap_or(u32::MAX);
        // It is never closed.
        drop(self.0.places.acquire_many(all).await);
    }

    pub(crate) fn measures(&self) -> &Measures {
        &self.0.measures
    }

    /// Ends what would go on for ever.
    pub(crate) fn stop(&self) {
        self.0.stopping.send_replace(true);
    }

    /// Becomes true when the service ends.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.0.stopping.subscribe()
    }

    pub(crate) fn tell_of_a_job(&self) {
        self.0.new_jobs.notify_one();
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(crate) fn policies(&self) -> &Policies {
        &self.0.policies
    }

    pub(crate) fn operations(&self) -> &Operations {
        &self.0.operations
    }

    pub(crate) fn setup(&self) -> &Setup {
        &self.0.setup
    }

    pub(crate) fn tries(&self) -> &Tries {
        &self.0.tries
    }

    pub(crate) fn quotas(&self) -> &Quotas {
        &self.0.quotas
    }

    /// Bytes that a text may have.
    pub(crate) fn most_text(&self) -> usize {
        let limit = self.0.core.config().settings().limits.max_file_size;
        usize::try_from(limit).unwrap_or(usize::MAX)
    }

    pub(crate) fn recent(&self) -> &Recent {
        &self.0.recent
    }

    pub(crate) fn scrapers(&self) -> &Scrapers {
        &self.0.scrapers
    }

    pub(crate) fn seen(&self) -> &Seen {
        &self.0.seen
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    /// Changes that are carried through whoever waits for them.
    pub(crate) fn deeds(&self) -> &Deeds {
        &self.0.deeds
    }

    /// The links for a new password that are being used just now, by the hashes of their codes.
    pub(crate) fn links_in_use(&self) -> &UnderWay {
        &self.0.links_in_use
    }

    /// The provider by whom people sign in, where there is one.
    pub(crate) fn provider(&self) -> Option<&Provider> {
        self.0.provider.as_deref()
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }
}
