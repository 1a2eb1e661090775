//! Keeps away from what fails: by key, by model and by provider, with probes before full trust comes back.
//!
//! Only counts; whoever asks says what happened. Time is tokio's.

use crate::error::{Cause, LlmError, Scope};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// When a breaker opens and how it closes again.
#[derive(Clone, Copy, Debug)]
pub struct BreakerConfig {
    /// Failures one after the other that open it.
    pub consecutive: u32,
    /// The share of failures among the last calls that opens it.
    pub failure_rate: f64,
    /// How many of the last calls count, and how many are needed before a share means anything.
    pub window: usize,
    /// How long it stays open at first; each failed probe doubles it.
    pub open: Duration,
    /// It never stays open longer than this, unless the provider asked for it.
    pub longest: Duration,
    /// Probes that must succeed. The first goes alone, then two at a time, then four.
    pub probes: u32,
    /// A first word that takes longer is a slow call.
    pub slow: Duration,
    /// The share of slow calls among the last ones that opens it.
    pub slow_rate: f64,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            consecutive: 5,
            failure_rate: 0.5,
            window: 20,
            open: Duration::from_secs(5),
            longest: Duration::from_secs(300),
            probes: 4,
            slow: Duration::from_secs(30),
            slow_rate: 0.8,
        }
    }
}

/// How a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Everything passes.
    Closed,
    /// Nothing passes for so long.
    Open(Duration),
    /// Few calls at a time pass.
    HalfOpen,
}

/// What a breaker watches over: a provider, a model there, and a key. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Watched(Arc<Names>);

#[derive(Debug)]
struct Names {
    provider: String,
    model: String,
    /// Stands for the key; never the key itself.
    key: String,
    /// One name for each scope, the narrowest last.
    scopes: [(Scope, String); 4],
}

impl Watched {
    /// A provider's address, a model's name and something that stands for the key, never the key itself.
    pub fn new(provider: &str, model: &str, key: &str) -> Self {
        let scopes = [
            (Scope::Provider, provider.to_owned()),
            (Scope::Model, format!("{provider}\n{model}")),
            (Scope::Key, format!("{provider}\n{key}")),
            (Scope::Limit, format!("{provider}\n{model}\n{key}")),
        ];
        Self(Arc::new(Names { provider: provider.to_owned(), model: model.to_owned(), key: key.to_owned(), scopes }))
    }

    /// The provider's address.
    pub fn provider(&self) -> &str {
        &self.0.provider
    }

    /// The model's name.
    pub fn model(&self) -> &str {
        &self.0.model
    }

    /// What stands for the key.
    pub fn key(&self) -> &str {
        &self.0.key
    }

    /// Provider, model and key in one: what providers count limits for.
    pub fn limit_name(&self) -> &str {
        &self.0.scopes[3].1
    }

    /// Whether it is another one at the same provider.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.provider() == other.provider() && self != other
    }

    fn names(&self) -> &[(Scope, String); 4] {
        &self.0.scopes
    }
}

impl PartialEq for Watched {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.limit_name() == other.limit_name()
    }
}

impl Eq for Watched {}

impl std::hash::Hash for Watched {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.limit_name().hash(state);
    }
}

/// How a call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Good,
    Slow,
    Failed,
}

#[derive(Debug, Default)]
struct One {
    recent: VecDeque<Outcome>,
    consecutive: u32,
    /// How often in a row it opened; each time it stays open longer.
    openings: u32,
    open_until: Option<Instant>,
    /// When it opened last; what was sent before says nothing about now.
    opened: Option<Instant>,
    /// Successful probes since it was last open.
    passed: u32,
    /// When the probes began that have not been told of.
    probing: Vec<Instant>,
    /// It opened although some calls succeeded: where nobody else can answer, asking it is better than nothing.
    is_partial: bool,
    /// It is open only because the provider asked for a pause: afterwards nothing has to be proved.
    is_pause: bool,
}

/// Leave to make one call. What came of it is told; where it is dropped instead, another may try.
pub struct Pass<'a> {
    breakers: &'a Breakers,
    watched: Watched,
    sent: Instant,
    /// Whether it is a probe of a breaker that is half open.
    is_probe: bool,
    told: bool,
}

impl Pass<'_> {
    /// The call succeeded, with its first word after so long.
    pub fn success(mut self, first_word: Duration) {
        self.told = true;
        self.breakers.success(&self.watched, first_word, self.sent, self.is_probe);
    }

    /// The call failed for a cause that reaches so far.
    pub fn failure(mut self, error: &LlmError, scope: Scope) {
        self.told = true;
        self.breakers.failure(&self.watched, error, scope, self.sent, self.is_probe);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if !self.told && self.is_probe {
            let mut all = self.breakers.lock();
            for name in self.watched.names() {
                if let Some(one) = all.get_mut(name) {
                    one.probing.pop();
                }
            }
        }
    }
}

/// All breakers.
#[derive(Debug, Default)]
pub struct Breakers {
    config: BreakerConfig,
    all: Mutex<FxHashMap<(Scope, String), One>>,
}

/// A probe that is never told of blocks others for no longer than this.
const PROBE_PATIENCE: Duration = Duration::from_secs(30);

impl Breakers {
    /// Closed breakers.
    pub fn new(config: BreakerConfig) -> Self {
        Self { config, all: Mutex::default() }
    }

    /// How the strictest breaker over a target stands, without taking a probe's place.
    pub fn state(&self, watched: &Watched) -> State {
        let all = self.lock();
        let states = watched.names().iter().filter_map(|name| all.get(name)).map(|one| self.state_of(one));
        states
            .max_by_key(|state| match state {
                State::Closed => Duration::ZERO,
                State::HalfOpen => Duration::from_nanos(1),
                State::Open(left) => *left + Duration::from_nanos(2),
            })
            .unwrap_or(State::Closed)
    }

    /// Leave for a call, if it may pass now; a half-open breaker lets one probe through at a time.
    pub fn admit(&self, watched: &Watched) -> Option<Pass<'_>> {
        let mut all = self.lock();
        let names = watched.names();
        let now = Instant::now();
        let may_pass = names.iter().filter_map(|name| all.get(name)).all(|one| match self.state_of(one) {
            State::Closed => true,
            State::Open(_) => false,
            State::HalfOpen => {
                let under_way = one.probing.iter().filter(|began| **began + PROBE_PATIENCE >= now).count();
                under_way < 1 << one.passed.min(16)
            }
        });
        let mut is_probe = false;
        if may_pass {
            for name in names {
                if let Some(one) = all.get_mut(name).filter(|one| one.open_until.is_some() && !one.is_pause) {
                    is_probe = true;
                    one.probing.retain(|began| *began + PROBE_PATIENCE >= now);
                    one.probing.push(now);
                }
            }
        }
        may_pass.then(|| Pass { breakers: self, watched: watched.clone(), sent: now, is_probe, told: false })
    }

    fn success(&self, watched: &Watched, first_word: Duration, sent: Instant, is_probe: bool) {
        let mut all = self.lock();
        let is_slow = first_word >= self.config.slow;
        if is_slow && let Some(name) = watched.names().iter().find(|(scope, _)| *scope == Scope::Model) {
            all.entry(name.clone()).or_default();
        }
        for name in watched.names() {
            let Some(one) = all.get_mut(name) else { continue };
            if one.opened.is_some_and(|opened| sent < opened) {
                continue;
            }
            one.consecutive = 0;
            let outcome = if is_slow { Outcome::Slow } else { Outcome::Good };
            push(&mut one.recent, outcome, self.config.window);
            if is_probe && one.open_until.is_some() && !one.is_pause && matches!(self.state_of(one), State::HalfOpen) {
                one.probing.pop();
                if is_slow && name.0 == Scope::Model {
                    // It is still what it was opened for.
                    self.open(one, Duration::ZERO);
                    continue;
                }
                one.passed += 1;
                if one.passed >= self.config.probes {
                    *one = One::default();
                }
            }
            if is_slow
                && name.0 == Scope::Model
                && self.share(one, |outcome| outcome != Outcome::Good) >= self.config.slow_rate
            {
                self.open(one, Duration::ZERO);
            }
        }
    }

    /// The share of such calls among the last ones; 0 while they are too few.
    fn share(&self, one: &One, counts: impl Fn(Outcome) -> bool) -> f64 {
        if one.recent.len() < self.config.window {
            return 0.0;
        }
        one.recent.iter().filter(|outcome| counts(**outcome)).count() as f64 / one.recent.len() as f64
    }

    /// Leave for a call in spite of an open breaker, for who has nobody else to ask: only where what it watches answers now and then.
    pub fn admit_in_need(&self, watched: &Watched) -> Option<Pass<'_>> {
        let all = self.lock();
        let answers_at_times = |one: &One| match self.state_of(one) {
            State::Closed => true,
            State::Open(_) | State::HalfOpen => one.is_partial,
        };
        let may_pass = watched.names().iter().filter_map(|name| all.get(name)).all(answers_at_times);
        drop(all);
        let sent = Instant::now();
        may_pass.then(|| Pass { breakers: self, watched: watched.clone(), sent, is_probe: false, told: false })
    }

    /// Opens, each time in a row for twice as long, and not shorter than the provider asked for.
    fn open(&self, one: &mut One, wish: Duration) {
        let grown = self.config.open.saturating_mul(1 << one.openings.min(16)).min(self.config.longest);
        let now = Instant::now();
        (one.opened, one.open_until) = (Some(now), Some(now + grown.max(wish)));
        one.openings += 1;
        one.passed = 0;
        one.is_pause = false;
        let good = one.recent.iter().filter(|outcome| **outcome != Outcome::Failed).count();
        one.is_partial = good > 0 && good * 4 >= one.recent.len();
        one.recent.clear();
    }

    /// Nothing passes for so long, because the provider said so; afterwards nothing has to be proved.
    pub fn pause(&self, watched: &Watched, scope: Scope, wait: Duration) {
        let Some(name) = watched.names().iter().find(|(named, _)| *named == scope) else { return };
        let mut all = self.lock();
        let one = all.entry(name.clone()).or_default();
        let until = Instant::now() + wait;
        if one.open_until.is_none() || one.is_pause {
            (one.open_until, one.is_pause) = (one.open_until.max(Some(until)), true);
        }
    }

    /// What is wrong with a request alone is held against nobody.
    fn failure(&self, watched: &Watched, error: &LlmError, scope: Scope, sent: Instant, is_probe: bool) {
        let mut all = self.lock();
        // Whatever probe this call was, it is over.
        for name in watched.names().iter().filter(|_| is_probe) {
            if let Some(one) = all.get_mut(name) {
                one.probing.pop();
            }
        }
        let Some(name) = watched.names().iter().find(|(watched, _)| *watched == scope) else { return };
        let one = all.entry(name.clone()).or_default();
        let is_old = one.opened.is_some_and(|opened| sent < opened);
        if is_old || matches!(self.state_of(one), State::Open(_)) {
            // It went out before the breaker opened, or in need, and says little new: a longer wish to wait, or that nothing answers any more.
            one.consecutive += u32::from(!is_old);
            one.is_partial &= one.consecutive < 2 * self.config.consecutive;
            if let Some(wait) = error.retry_after {
                one.open_until = one.open_until.max(Some(Instant::now() + wait));
            }
            return;
        }
        if one.is_pause {
            (one.open_until, one.is_pause) = (None, false);
        }
        let was_half_open = one.open_until.is_some() && matches!(self.state_of(one), State::HalfOpen);
        one.consecutive += 1;
        push(&mut one.recent, Outcome::Failed, self.config.window);
        let is_bad_rate = self.share(one, |outcome| outcome == Outcome::Failed) >= self.config.failure_rate;
        // A key that is wrong does not become right, and a wish to wait is to be kept from the first time on.
        let is_certain = matches!(error.cause, Cause::Auth | Cause::Forbidden | Cause::Quota);
        let is_failing = was_half_open || is_certain || is_bad_rate || one.consecutive >= self.config.consecutive;
        if is_failing {
            self.open(one, error.retry_after.unwrap_or(Duration::ZERO));
        } else if let Some(wait) = error.retry_after {
            one.open_until = Some(Instant::now() + wait);
            one.is_pause = true;
        }
    }

    fn state_of(&self, one: &One) -> State {
        match one.open_until {
            None => State::Closed,
            Some(until) if one.is_pause && until <= Instant::now() => State::Closed,
            Some(until) => match until.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => State::Open(left),
                _ => State::HalfOpen,
            },
        }
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<(Scope, String), One>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push(recent: &mut VecDeque<Outcome>, outcome: Outcome, window: usize) {
    if recent.len() >= window {
        recent.pop_front();
    }
    recent.push_back(outcome);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(model: &str, key: &str) -> Watched {
        Watched::new("p", model, key)
    }

    fn fail(breakers: &Breakers, watched: &Watched, cause: Cause) {
        breakers.failure(watched, &failed(cause), cause.scope(), Instant::now(), true);
    }

    fn failed(cause: Cause) -> LlmError {
        LlmError::new("t", cause, "x")
    }

    #[tokio::test(start_paused = true)]
    async fn it_holds_under_constant_failures_and_lets_few_probes_through() {
        let breakers = Breakers::new(BreakerConfig::default());
        let (target, mut asked) = (watched("m", "k"), 0);
        for _ in 0..600 {
            if let Some(pass) = breakers.admit(&target) {
                asked += 1;
                pass.failure(&failed(Cause::Server), Scope::Provider);
            }
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        // Five to open it, then a probe after 5, 10, 20 … seconds.
        assert!((6..=9).contains(&asked), "{asked} calls in a minute");
    }

    #[tokio::test(start_paused = true)]
    async fn it_closes_after_probes_that_succeed_of_which_ever_more_go_at_a_time() {
        let breakers = Breakers::new(BreakerConfig::default());
        let target = watched("m", "k");
        (0..5).for_each(|_| fail(&breakers, &target, Cause::Overload));
        assert!(matches!(breakers.state(&target), State::Open(_)) && breakers.admit(&target).is_none());
        tokio::time::advance(Duration::from_secs(6)).await;
        // One that is given up leaves its place to the next.
        drop(breakers.admit(&target).expect("a probe"));
        let probe = breakers.admit(&target).expect("a probe");
        assert!(breakers.admit(&target).is_none(), "the first goes alone");
        probe.success(Duration::ZERO);
        let probes = [breakers.admit(&target).expect("a probe"), breakers.admit(&target).expect("a probe")];
        assert!(breakers.admit(&target).is_none(), "then two");
        probes.into_iter().for_each(|probe| probe.success(Duration::ZERO));
        assert_eq!(breakers.state(&target), State::HalfOpen);
        breakers.admit(&target).expect("a probe").success(Duration::ZERO);
        assert_eq!(breakers.state(&target), State::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wish_to_wait_is_kept_exactly_and_never_made_shorter() {
        let breakers = Breakers::new(BreakerConfig::default());
        let target = watched("m", "k");
        let wait = |seconds| LlmError { retry_after: Some(Duration::from_secs(seconds)), ..failed(Cause::Rate) };
        breakers.failure(&target, &wait(60), Scope::Limit, Instant::now(), false);
        breakers.failure(&target, &wait(2), Scope::Limit, Instant::now(), false);
        tokio::time::advance(Duration::from_millis(59_980)).await;
        assert!(breakers.admit(&target).is_none());
        tokio::time::advance(Duration::from_millis(40)).await;
        let both = (breakers.admit(&target), breakers.admit(&target));
        assert!(both.0.is_some() && both.1.is_some(), "after a pause that was asked for all may pass");
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_failures_opens_it_once() {
        let breakers = Breakers::new(BreakerConfig::default());
        let target = watched("m", "k");
        (0..50).for_each(|_| fail(&breakers, &target, Cause::Transport));
        assert!(matches!(breakers.state(&target), State::Open(left) if left <= Duration::from_secs(5)));
    }

    #[tokio::test(start_paused = true)]
    async fn each_cause_reaches_as_far_as_it_goes() {
        let breakers = Breakers::new(BreakerConfig::default());
        fail(&breakers, &watched("m", "k1"), Cause::Auth);
        assert!(breakers.admit(&watched("other", "k1")).is_none(), "the key is wrong for all models");
        assert!(breakers.admit(&watched("m", "k2")).is_some());
        (0..5).for_each(|_| fail(&breakers, &watched("m", "k2"), Cause::Rate));
        assert!(breakers.admit(&watched("m", "k2")).is_none() && breakers.admit(&watched("m", "k1")).is_none());
        assert!(breakers.admit(&watched("m", "k3")).is_some(), "another key has a limit of its own");
        (0..9).for_each(|_| fail(&breakers, &watched("n", "k2"), Cause::ContextLength));
        assert!(
            breakers.admit(&watched("n", "k2")).is_some(),
            "what is wrong with a request is not held against the model"
        );
        (0..5).for_each(|_| fail(&breakers, &watched("n", "k2"), Cause::Server));
        assert!(breakers.admit(&watched("z", "k2")).is_none(), "the provider is down");
    }

    #[tokio::test(start_paused = true)]
    async fn half_of_the_calls_failing_opens_it_too() {
        let breakers = Breakers::new(BreakerConfig::default());
        let target = watched("m", "k");
        let mut opened = false;
        for call in 0..40 {
            if call % 2 == 0 {
                fail(&breakers, &target, Cause::Server);
            } else {
                breakers.success(&target, Duration::ZERO, Instant::now(), false);
            }
            opened |= breakers.admit(&target).is_none();
        }
        assert!(opened);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_are_slow_open_it_too() {
        let breakers = Breakers::new(BreakerConfig::default());
        let (slow, quick) = (watched("slow", "k"), watched("quick", "k"));
        for _ in 0..20 {
            assert!(breakers.admit(&slow).is_some());
            breakers.success(&slow, Duration::from_secs(40), Instant::now(), false);
            breakers.success(&quick, Duration::from_secs(1), Instant::now(), false);
        }
        assert!(matches!(breakers.state(&slow), State::Open(_)));
        assert_eq!(breakers.state(&quick), State::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn in_need_what_answers_at_times_is_asked_and_what_never_does_is_not() {
        let breakers = Breakers::new(BreakerConfig::default());
        let (brown, dead) = (Watched::new("brown", "m", ""), Watched::new("dead", "m", ""));
        for call in 0..40 {
            fail(&breakers, &dead, Cause::Server);
            if call % 2 == 0 {
                fail(&breakers, &brown, Cause::Server);
            } else {
                breakers.success(&brown, Duration::ZERO, Instant::now(), false);
            }
        }
        assert!(breakers.admit(&brown).is_none() && breakers.admit(&dead).is_none());
        assert!(breakers.admit_in_need(&brown).is_some() && breakers.admit_in_need(&dead).is_none());
        (0..10).for_each(|_| fail(&breakers, &brown, Cause::Server));
        assert!(breakers.admit_in_need(&brown).is_none(), "now it never does");
        let revoked = Watched::new("p", "m", "k");
        breakers.success(&revoked, Duration::ZERO, Instant::now(), false);
        fail(&breakers, &revoked, Cause::Auth);
        assert!(breakers.admit_in_need(&revoked).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_sent_before_it_opened_neither_closes_nor_opens_it() {
        let breakers = Breakers::new(BreakerConfig::default());
        let target = watched("m", "k");
        let old: Vec<_> = (0..8).map(|_| breakers.admit(&target).expect("closed")).collect();
        tokio::time::advance(Duration::from_millis(1)).await;
        (0..5).for_each(|_| fail(&breakers, &target, Cause::Server));
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(breakers.state(&target), State::HalfOpen);
        let mut old = old.into_iter();
        old.by_ref().take(4).for_each(|pass| pass.success(Duration::ZERO));
        assert_eq!(breakers.state(&target), State::HalfOpen, "nothing was proved");
        let probe = breakers.admit(&target).expect("a probe");
        old.for_each(|pass| pass.failure(&failed(Cause::Server), Scope::Provider));
        assert_eq!(breakers.state(&target), State::HalfOpen, "nothing new was said");
        assert!(breakers.admit(&target).is_none(), "the probe is still under way");
        probe.success(Duration::ZERO);
        assert!(breakers.admit(&target).is_some());
    }
}
