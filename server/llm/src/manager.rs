//! The one who is asked: [`LlmManager`] holds what outlives a request and hands each on to [`crate::stack`].

use crate::breaker::{BreakerConfig, Breakers, State};
use crate::budget::{Budget, Limits, RedisLedger, dollars};
use crate::cache::{Cache, CacheConfig, RedisStore, SecondCounts, SecondLevel};
use crate::coalesce::{Flights, Follower};
use crate::config::{Bounds, CacheSettings, KeySource, RoutingStrategy, Settings, Target, TargetError};
use crate::error::LlmError;
use crate::events::{Event, Events};
use crate::fallback::ordered;
use crate::health::Health;
use crate::hedge::Allowance;
use crate::incidents::{Incident, Incidents};
use crate::journal::{Journal, JournalLedger};
use crate::limit::{LimitConfig, Limiters};
use crate::measures::Counts;
use crate::pool::Pool;
use crate::prompt::PromptLimits;
use crate::providers::{FillFormat, Quirks, gather, knows_no_strict};
use crate::remembered::Remembered;
use crate::request::{Answer, Piece, Request, Usage};
use crate::revalidate::Refreshes;
use crate::shared::Shared;
use crate::shared::address::Addresses;
use crate::stack::travel;
use crate::tape::{Played, Take, Tape};
use rustc_hash::FxHashMap;
use security::secret::Secret;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::broadcast;

/// For so long a model that sees nothing is shown nothing.
const BLIND: Duration = Duration::from_secs(600);
/// For so long a model is told tools that it refused as strict ones without a word of that.
const LOOSE: Duration = Duration::from_secs(3600);

/// What the settings say, in the form in which it is used. Calls under way go on with the one they began with.
pub(crate) struct Plan {
    pub targets: Vec<Target>,
    pub bounds: Bounds,
    pub routing: RoutingStrategy,
    pub limits: Limits,
    pub prompt: PromptLimits,
    pub limit: LimitConfig,
    pub hedges: bool,
    pub judge: Option<String>,
    /// What stands for each target in the keys of answers: what a name stands for may change while answers are kept.
    pub identities: Vec<String>,
}

impl Plan {
    fn of(settings: &Settings, key: &dyn Fn(&KeySource) -> Result<Secret, String>) -> (Self, Vec<TargetError>) {
        let (targets, mut errors) = settings.models.targets(key);
        if let Some(judge) = &settings.routing.judge
            && !targets.iter().any(|target| target.name == *judge)
        {
            let problem = format!("There is no target of the name {judge}.");
            errors.push(TargetError { name: "`routing.judge`".to_owned(), problem });
        }
        let identity = |target: &Target| {
            let fill = target.fill.map_or("", FillFormat::name);
            format!("{:?} {} {} {fill}", target.provider, target.base_url, target.model)
        };
        let plan = Self {
            identities: targets.iter().map(identity).collect(),
            targets,
            bounds: settings.models.bounds(),
            routing: settings.routing.strategy,
            limits: settings.budget,
            prompt: settings.models.prompt_limits(),
            limit: settings.models.limit(),
            hedges: settings.models.hedging,
            judge: settings.routing.judge.clone(),
        };
        (plan, errors)
    }

    /// What was spent, under the limits of this plan.
    pub fn budget(&self, spent: &Budget) -> Budget {
        spent.with_limits(self.limits)
    }
}

/// What outlives a request.
pub(crate) struct Inner {
    pub cache: Cache,
    pub refreshes: Refreshes,
    pub flights: Flights,
    pub breakers: Breakers,
    pub budget: Budget,
    pub health: Health,
    pub limiters: Limiters,
    pub incidents: Incidents,
    /// Requests to a target that failed already, and requests to a second target, over all questions.
    pub retries: Allowance,
    pub hedges: Allowance,
    pub pool: Arc<Pool>,
    pub events: Events,
    /// With what the cache was made.
    cache_settings: CacheSettings,
    quirks: Mutex<FxHashMap<String, Quirks>>,
    /// Models that said that they see nothing.
    pub blind: Remembered<String>,
    /// Models, and a digest of the tools that they refused as strict ones.
    pub loose: Remembered<(String, blake3::Hash)>,
    tickets: AtomicU64,
    /// The record of the session, where there is one.
    pub tape: OnceLock<Arc<Tape>>,
}

impl Inner {
    /// What the model of a target does not take, as far as is known.
    pub fn quirks(&self, target: &Target) -> Quirks {
        let known = self.quirks.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known
            .get(target.watched.limit_name())
            .copied()
            .unwrap_or_else(|| Quirks::of(&target.model).at(&target.base_url));
        Quirks { context_window: target.context_window, ..known }
    }

    /// Learns from a refusal of a request that was asked in this way; gives the way in which it is to be asked then. `was_strict` is whether a word
    /// of strictness was told with a tool. A refusal of one with pictures at addresses is heeded for that one only: what is said of those may be in
    /// the words of whoever asked.
    pub fn learn(&self, target: &Target, request: &Request, error: &LlmError, way: Quirks, was_strict: bool) -> Quirks {
        let taught = |quirks: Quirks| {
            let quirks = quirks.learnt(error);
            let no_strict = quirks.no_strict || (was_strict && knows_no_strict(error));
            let quirks = Quirks { no_strict, ..quirks };
            // Whoever asks for a length himself may ask for more than is usual.
            if request.will_do.is_some() { quirks.shortened(error) } else { quirks }
        };
        if request.prompt.addresses().next().is_none() {
            let known = taught(self.quirks(target));
            let mut quirks = self.quirks.lock().unwrap_or_else(PoisonError::into_inner);
            quirks.insert(target.watched.limit_name().to_owned(), known);
        }
        taught(way)
    }

    /// Another number each time.
    pub fn ticket(&self) -> u64 {
        self.tickets.fetch_add(1, Ordering::Relaxed)
    }
}

/// What was spent, in the journal where there is one.
fn budget(settings: &Settings, journal: Option<&Arc<Journal>>) -> Budget {
    match journal {
        Some(journal) => {
            let ledger = JournalLedger::new(journal.clone());
            let month = ledger.monthly();
            Budget::with_ledgers(settings.budget, Arc::new(ledger), Arc::new(month))
        }
        None => Budget::new(settings.budget),
    }
}

fn cache_config(settings: &CacheSettings) -> CacheConfig {
    let seconds = settings.seconds.clamp(1, TEN_YEARS);
    let fresh = settings.fresh_seconds.unwrap_or(seconds).min(seconds);
    CacheConfig {
        max_bytes: settings.max_bytes,
        time_to_live: Duration::from_secs(seconds),
        fresh: Duration::from_secs(fresh),
    }
}

/// The Redis of the settings, if there is one.
///
/// # Errors
/// A sentence, without its address, if that cannot be used.
pub fn shared(
    settings: &CacheSettings,
    key: &dyn Fn(&KeySource) -> Result<Secret, String>,
) -> Result<Option<Arc<Shared>>, String> {
    let Some(source) = &settings.redis else { return Ok(None) };
    Shared::new(&Addresses::of(source, key)?).map(Some)
}

/// In seconds; what is kept longer is kept for ever.
const TEN_YEARS: u64 = 10 * 365 * 86_400;

/// The only way to a language model. Cloning it gives another handle to the same one.
#[derive(Clone)]
pub struct LlmManager {
    pub(crate) inner: Arc<Inner>,
    plan: Arc<RwLock<Arc<Plan>>>,
    _end: Arc<End>,
}

/// Ends what runs behind everybody's back when the last handle goes.
struct End(Refreshes);

impl Drop for End {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// How one target stands, for people and machines.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TargetReport {
    /// How it is called here.
    pub name: String,
    /// The provider.
    pub provider: &'static str,
    /// The model's name there.
    pub model: String,
    /// `ready`, `probing`, or `left alone`.
    pub state: &'static str,
    /// Seconds for which it is left alone.
    pub open_seconds: Option<f64>,
    /// Requests under way, how many there may be at a time, and how many wait.
    pub in_flight: usize,
    /// As above.
    pub limit: usize,
    /// As above.
    pub queued: usize,
    /// Answers.
    pub answers: u64,
    /// Half of the first words came within so many milliseconds.
    pub first_word_p50_ms: Option<f64>,
    /// 95 in a hundred did.
    pub first_word_p95_ms: Option<f64>,
    /// Dollars for a million tokens of a prompt, and of an answer; 0 where it is not known.
    pub price: (f64, f64),
    /// Failures by their cause.
    pub failures: Vec<(&'static str, u64)>,
}

/// What was spent today.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Spending {
    /// Dollars, reserves included.
    pub dollars: f64,
    /// Tokens, reserves included.
    pub tokens: u64,
    /// By target: dollars and tokens.
    pub by_target: Vec<(String, f64, u64)>,
}

/// An answer as it comes. Dropping it ends the call, unless others wait for the same answer.
pub struct AnswerStream {
    follower: Follower,
    from_cache: bool,
    /// Pieces of a record that is played.
    played: Option<Played>,
    /// Where the answer is written down.
    take: Option<Take>,
}

impl AnswerStream {
    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Piece, LlmError>> {
        let piece = match &mut self.played {
            Some(played) => played.pieces.pop_front(),
            None => self.follower.next().await,
        };
        let is_kept = self.is_from_cache();
        if let (Some(take), Some(piece)) = (&mut self.take, &piece) {
            take.push(piece, is_kept);
        }
        piece
    }

    /// Whether the answer was kept; of one that was not in memory it is known when its first piece came.
    pub fn is_from_cache(&self) -> bool {
        match &self.played {
            Some(played) => played.was_kept,
            None => self.from_cache || self.follower.is_kept(),
        }
    }
}

impl LlmManager {
    /// A manager for these settings. `key` reads a key; targets whose key cannot be read are left out and told.
    pub fn new(settings: &Settings, key: &dyn Fn(&KeySource) -> Result<Secret, String>) -> (Self, Vec<TargetError>) {
        let (plan, mut errors) = Plan::of(settings, key);
        let journal = settings.journal.as_deref().map(|folder| Arc::new(Journal::new(folder)));
        let (cache, budget) = match shared(&settings.cache, key) {
            Ok(None) => (Cache::new(cache_config(&settings.cache)), budget(settings, journal.as_ref())),
            Ok(Some(shared)) => {
                let deadline = Duration::from_millis(settings.cache.redis_deadline_ms);
                let second = SecondLevel::new(Arc::new(RedisStore::new(shared.clone())), deadline);
                let ledger = RedisLedger::new(shared.clone(), deadline);
                let month = RedisLedger::new(shared, deadline).monthly();
                (
                    Cache::new(cache_config(&settings.cache)).with_second(second),
                    Budget::with_ledgers(settings.budget, Arc::new(ledger), Arc::new(month)),
                )
            }
            Err(problem) => {
                errors.push(TargetError { name: "`cache.redis`".to_owned(), problem });
                (Cache::new(cache_config(&settings.cache)), budget(settings, journal.as_ref()))
            }
        };
        let refreshes = Refreshes::default();
        let end = Arc::new(End(refreshes.clone()));
        let inner = Inner {
            cache,
            refreshes,
            flights: Flights::default(),
            breakers: Breakers::new(BreakerConfig::default()),
            budget,
            health: Health::default(),
            limiters: Limiters::default(),
            incidents: Incidents::default(),
            // As Finagle has them: a fifth of the questions, and ten a second for those who ask seldom.
            retries: Allowance::new(0.2, 10.0, 100.0),
            hedges: Allowance::new(0.05, 0.0, 10.0),
            pool: Arc::default(),
            events: journal.map_or_else(Events::default, Events::with_journal),
            cache_settings: settings.cache.clone(),
            quirks: Mutex::default(),
            blind: Remembered::new(BLIND),
            loose: Remembered::new(LOOSE),
            tickets: AtomicU64::new(0),
            tape: OnceLock::new(),
        };
        inner.pool.bound(settings.models.max_bytes_in_flight);
        (Self { inner: Arc::new(inner), plan: Arc::new(RwLock::new(Arc::new(plan))), _end: end }, errors)
    }

    /// Takes other settings over, for all requests from now on; those under way end as they began. The cache and its Redis stay.
    pub fn reconfigure(
        &self,
        settings: &Settings,
        key: &dyn Fn(&KeySource) -> Result<Secret, String>,
    ) -> Vec<TargetError> {
        let (plan, mut errors) = Plan::of(settings, key);
        if settings.cache != self.inner.cache_settings {
            let problem = "What changed in it holds from the next start on.".to_owned();
            errors.push(TargetError { name: "`[cache]`".to_owned(), problem });
        }
        // Somebody may have set up eyes, or a model that takes what another one refused.
        self.inner.blind.forget();
        self.inner.loose.forget();
        self.inner.quirks.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.inner.limiters.configure(plan.limit);
        self.inner.pool.bound(settings.models.max_bytes_in_flight);
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(plan);
        errors
    }

    /// Writes down what models say from now on, or plays what was written down. Only the first call counts.
    pub fn set_tape(&self, tape: Arc<Tape>) {
        // A session has one record.
        let _ = self.inner.tape.set(tape);
    }

    /// Whether there is any model to ask.
    pub fn has_models(&self) -> bool {
        !self.plan().targets.is_empty()
    }

    /// Nothing, if there is any model to ask.
    ///
    /// # Errors
    /// If there is none.
    pub fn check_models(&self) -> Result<(), LlmError> {
        if self.has_models() { Ok(()) } else { Err(LlmError::none_set()) }
    }

    /// Whether there is any model that fills holes.
    pub fn can_fill(&self) -> bool {
        self.plan().targets.iter().any(|target| target.fill.is_some())
    }

    /// Bounds on prompts.
    pub fn prompt_limits(&self) -> PromptLimits {
        self.plan().prompt
    }

    /// The targets that may answer a request, in the order in which they would be asked.
    pub(crate) fn names_in_order(&self, request: &Request) -> Vec<String> {
        let plan = self.plan();
        ordered(&self.inner, &plan, request).into_iter().map(|candidate| candidate.target.name.clone()).collect()
    }

    /// The same, the cheapest first: by the price of a prompt and an answer of this size.
    pub(crate) fn names_by_price(&self, request: &Request) -> Vec<String> {
        let plan = self.plan();
        let output = u64::from(request.max_tokens);
        let mut candidates = ordered(&self.inner, &plan, request);
        // Of equal prices the order of the router stays.
        candidates.sort_by_cached_key(|candidate| {
            let input = candidate.target.told(request, self.inner.quirks(candidate.target)) as u64 / 3;
            candidate.target.price.of(Usage { input, cached: 0, output })
        });
        candidates.into_iter().map(|candidate| candidate.target.name.clone()).collect()
    }

    /// After how long the first word of the target of this request is late, where that is known.
    pub(crate) fn late_after(&self, request: &Request) -> Option<Duration> {
        if request.prompt.pictures().count > 0 {
            return None;
        }
        self.inner.health.late_after(request.target.as_deref()?, request.prompt.len())
    }

    /// The target that judges between answers, where one is set.
    pub(crate) fn judge(&self) -> Option<String> {
        self.plan().judge.clone()
    }

    /// An answer was given that needed no model.
    pub(crate) fn tell_offline(&self, error: Option<LlmError>) {
        self.inner.events.tell(Event::Offline { error });
    }

    /// Asks, and gives the answer piece by piece.
    ///
    /// # Errors
    /// If there is no model to ask, or none of the name that is wanted. What goes wrong later comes as a piece.
    pub fn stream(&self, request: Request) -> Result<AnswerStream, LlmError> {
        let tape = self.inner.tape.get();
        if let Some(played) = tape.and_then(|tape| tape.played(&request)) {
            let played = Some(played);
            return Ok(AnswerStream { follower: Follower::of(Vec::new()), from_cache: false, played, take: None });
        }
        let take = tape.and_then(|tape| Take::begin(tape, &request));
        let (follower, from_cache) = travel(&self.inner, &self.plan(), request)?;
        Ok(AnswerStream { follower, from_cache, played: None, take })
    }

    /// Asks, and gives the whole answer.
    ///
    /// # Errors
    /// If no model answered.
    pub async fn ask(&self, request: Request) -> Result<Answer, LlmError> {
        let mut stream = self.stream(request)?;
        let mut pieces = Vec::new();
        while let Some(piece) = stream.next().await {
            pieces.push(piece?);
        }
        let from_cache = stream.is_from_cache();
        gather("models", pieces).map(|answer| Answer { from_cache, ..answer })
    }

    /// Counts every target as one of the open web: the servers of tests stand on this machine. To be called before anything is asked.
    #[cfg(test)]
    pub(crate) fn open_all(&self) {
        let mut plan = self.plan.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = Arc::get_mut(&mut plan) {
            plan.targets.iter_mut().for_each(|target| target.is_open = true);
        }
    }

    /// Answers every question with these bytes from now on, without a network: to measure what this program takes itself.
    #[cfg(any(test, feature = "scripted"))]
    pub fn answer_with(&self, pieces: Vec<bytes::Bytes>) {
        self.inner.pool.answer_with(pieces);
    }

    /// What happens from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.events.listen()
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.inner.events.counts()
    }

    /// Failures, put together by what lies behind them, the newest first.
    pub fn incidents(&self) -> Vec<Incident> {
        self.inner.incidents.list()
    }

    /// All numbers about calls in the text format of OpenMetrics.
    pub fn metrics(&self) -> String {
        self.inner.events.text()
    }

    /// The same in the text format that all tools of Prometheus read, for whoever adds to it. Targets that were not asked yet stand there with 0.
    pub fn plain_metrics(&self) -> String {
        for target in &self.plan().targets {
            self.inner.events.expect(&target.name, target.provider.provider().name(), &target.model);
        }
        self.inner.events.plain_text()
    }

    /// What was spent today.
    pub fn spending(&self) -> Spending {
        let (money, tokens, by_target) = self.inner.budget.today();
        let by_target = by_target.into_iter().map(|(name, money, tokens)| (name, dollars(money), tokens)).collect();
        Spending { dollars: dollars(money), tokens, by_target }
    }

    /// What became of what was asked of the Redis of the settings, where there is one.
    pub fn shared_cache(&self) -> Option<SecondCounts> {
        self.inner.cache.shared_counts()
    }

    /// Writes down what was spent where others share the budget; for whoever ends the process. Takes a bounded time.
    pub async fn flush(&self) {
        self.inner.budget.flush().await;
    }

    /// How each target stands.
    pub fn report(&self) -> Vec<TargetReport> {
        self.plan().targets.iter().map(|target| self.report_of(target)).collect()
    }

    fn report_of(&self, target: &Target) -> TargetReport {
        let health = self.inner.health.report(&target.name);
        let state = self.inner.breakers.state(&target.watched);
        let limit = self.inner.limiters.of(target.watched.limit_name(), self.plan().limit).report();
        let milliseconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64() * 1000.0);
        let mut failures: Vec<_> = health.failures.iter().map(|(cause, count)| (cause.name(), *count)).collect();
        failures.sort_unstable();
        TargetReport {
            name: target.name.clone(),
            provider: target.provider.provider().name(),
            model: target.model.clone(),
            state: match state {
                State::Closed => "ready",
                State::HalfOpen => "probing",
                State::Open(_) => "left alone",
            },
            open_seconds: match state {
                State::Open(left) => Some(left.as_secs_f64()),
                State::Closed | State::HalfOpen => None,
            },
            in_flight: health.in_flight,
            limit: limit.limit,
            queued: limit.queued,
            answers: health.answers,
            first_word_p50_ms: milliseconds(health.p50),
            first_word_p95_ms: milliseconds(health.p95),
            price: (target.price.input, target.price.output),
            failures,
        }
    }

    pub(crate) fn plan(&self) -> Arc<Plan> {
        self.plan.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
