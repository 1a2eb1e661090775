//! How each target does: what is under way, how soon first words come, what failed. Counts only; it decides nothing.

use crate::error::{Cause, LlmError, Scope};
use rustc_hash::FxHashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// First words that are remembered for the quantiles, in all and for each size of prompt.
const REMEMBERED: usize = 256;
/// How many are needed before anything is called late.
const FEWEST: usize = 20;
/// Quantiles are computed anew after so many first words.
const REFRESHED: usize = 64;
/// How much the newest value weighs in a mean.
const WEIGHT: f64 = 0.2;
/// What comes before so many times the usual is not late yet, whatever is rare: a second request is not for a little jitter.
const NOT_YET_LATE: f64 = 1.5;
/// What comes after so many times the usual is late in any case.
const LATE: f64 = 3.0;
/// Prompts are told apart by the power of sixteen that their bytes reach.
const CLASSES: usize = 8;

/// How a target does, as far as a choice between targets needs it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vitals {
    /// Requests under way.
    pub in_flight: usize,
    /// Seconds to the first word: a mean in which a slow one counts at once and fades (peak EWMA, as Finagle has it), or how long those
    /// are being waited for that have none yet; 0 where nothing is known.
    pub first_word: f64,
    /// The share of answers among the last calls, with the newest weighing most; 1 before the first.
    pub health: f64,
    /// Since a request was sent to it last; `None` before the first.
    pub idle: Option<Duration>,
}

impl Default for Vitals {
    fn default() -> Self {
        Self { in_flight: 0, first_word: 0.0, health: 1.0, idle: None }
    }
}

impl Vitals {
    /// What a request costs in waiting: less is better.
    pub fn load(&self) -> f64 {
        // A target that was never asked is worth a try.
        self.first_word.max(0.001) * (self.in_flight + 1) as f64 / self.health.max(0.05)
    }
}

/// How a target does, for people.
#[derive(Clone, Debug, Default)]
pub struct HealthReport {
    /// Requests under way.
    pub in_flight: usize,
    /// Answers that came.
    pub answers: u64,
    /// Failures by their cause.
    pub failures: FxHashMap<Cause, u64>,
    /// Half of the last first words came within this.
    pub p50: Option<Duration>,
    /// 95 in a hundred did.
    pub p95: Option<Duration>,
}

/// The last first words, in seconds.
#[derive(Debug, Default)]
struct Recent {
    values: Vec<f64>,
    next: usize,
    since_refresh: usize,
    /// The 50th and the 95th of a hundred.
    quantiles: Option<(f64, f64)>,
}

impl Recent {
    fn push(&mut self, seconds: f64) {
        match self.values.get_mut(self.next) {
            Some(old) => *old = seconds,
            None => self.values.push(seconds),
        }
        self.next = (self.next + 1) % REMEMBERED;
        self.since_refresh += 1;
        if self.since_refresh >= REFRESHED || self.values.len() < 2 * FEWEST {
            (self.since_refresh, self.quantiles) = (0, self.compute());
        }
    }

    fn compute(&self) -> Option<(f64, f64)> {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| sorted.get(((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1)).copied();
        Some((at(0.5)?, at(0.95)?))
    }
}

#[derive(Debug)]
struct One {
    in_flight: usize,
    answers: u64,
    failures: FxHashMap<Cause, u64>,
    first_word: f64,
    health: f64,
    /// Requests without a first word, and the sum of the seconds, counted from the beginning, at which they were sent.
    waiting: usize,
    sent: f64,
    last_sent: Option<Instant>,
    all: Recent,
    by_class: [Recent; CLASSES],
}

impl Default for One {
    fn default() -> Self {
        Self {
            in_flight: 0,
            answers: 0,
            failures: FxHashMap::default(),
            first_word: 0.0,
            health: 1.0,
            waiting: 0,
            sent: 0.0,
            last_sent: None,
            all: Recent::default(),
            by_class: Default::default(),
        }
    }
}

/// All targets, by name.
#[derive(Debug)]
pub struct Health {
    all: Mutex<FxHashMap<String, One>>,
    began: Instant,
}

impl Default for Health {
    fn default() -> Self {
        Self { all: Mutex::default(), began: Instant::now() }
    }
}

/// A request that is under way; it is over when this is dropped.
#[derive(Debug)]
pub struct UnderWay<'a> {
    health: &'a Health,
    target: String,
    /// The class of its prompt; none where it is compared with no other.
    class: Option<usize>,
    sent: Instant,
    had_word: std::cell::Cell<bool>,
}

impl Health {
    /// How a target does.
    pub fn of(&self, target: &str) -> Vitals {
        let all = self.lock();
        let Some(one) = all.get(target) else { return Vitals::default() };
        let now = Instant::now();
        // Of requests that come evenly and are waited for, the mean age is half of the wait.
        let age = if one.waiting > 0 { 2.0 * (self.seconds(now) - one.sent / one.waiting as f64) } else { 0.0 };
        Vitals {
            in_flight: one.in_flight,
            first_word: one.first_word.max(age),
            health: one.health,
            idle: one.last_sent.map(|sent| now.saturating_duration_since(sent)),
        }
    }

    /// How a target did, for people.
    pub fn report(&self, target: &str) -> HealthReport {
        let all = self.lock();
        let Some(one) = all.get(target) else { return HealthReport::default() };
        let quantiles = one.all.compute();
        HealthReport {
            in_flight: one.in_flight,
            answers: one.answers,
            failures: one.failures.clone(),
            p50: quantiles.map(|(p50, _)| Duration::from_secs_f64(p50)),
            p95: quantiles.map(|(_, p95)| Duration::from_secs_f64(p95)),
        }
    }

    /// After how long the first word to a prompt of this size is late; `None` while too little is known.
    pub fn late_after(&self, target: &str, bytes: usize) -> Option<Duration> {
        let all = self.lock();
        let recent = all.get(target)?.by_class.get(class(bytes))?;
        let (p50, p95) = recent.quantiles.filter(|_| recent.values.len() >= FEWEST)?;
        Some(Duration::from_secs_f64(p95.clamp(p50 * NOT_YET_LATE, p50 * LATE)))
    }

    /// A request goes out.
    pub fn begin(&self, target: &str, bytes: usize) -> UnderWay<'_> {
        let now = Instant::now();
        let mut all = self.lock();
        if !all.contains_key(target) {
            all.insert(target.to_owned(), One::default());
        }
        if let Some(one) = all.get_mut(target) {
            one.in_flight += 1;
            one.waiting += 1;
            one.sent += self.seconds(now);
            one.last_sent = Some(now);
        }
        let class = Some(class(bytes));
        UnderWay { health: self, target: target.to_owned(), class, sent: now, had_word: std::cell::Cell::new(false) }
    }

    fn seconds(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.began).as_secs_f64()
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<String, One>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn class(bytes: usize) -> usize {
    (bytes.max(1).ilog2() as usize / 4).min(CLASSES - 1)
}

impl UnderWay<'_> {
    /// A request that is compared with no other, since what it shows has to be sent and looked at first: how long that takes says nothing of the
    /// target.
    #[must_use]
    pub fn apart(mut self) -> Self {
        self.end_waiting();
        self.class = None;
        self
    }

    /// The first word came after so long.
    pub fn first_word(&self, took: Duration) {
        let Some(class) = self.class else { return };
        let seconds = took.as_secs_f64();
        self.end_waiting();
        self.with(|one| {
            one.first_word = peak(one.first_word, seconds);
            one.all.push(seconds);
            if let Some(recent) = one.by_class.get_mut(class) {
                recent.push(seconds);
            }
        });
    }

    /// The answer is whole.
    pub fn success(&self) {
        self.with(|one| {
            one.answers += 1;
            one.health += WEIGHT * (1.0 - one.health);
        });
    }

    /// It failed.
    pub fn failure(&self, error: &LlmError) {
        self.end_waiting();
        self.with(|one| {
            *one.failures.entry(error.cause).or_default() += 1;
            // What is wrong with the question says nothing of the target.
            if error.cause.scope() != Scope::Request {
                one.health -= WEIGHT * one.health;
            }
        });
    }

    fn end_waiting(&self) {
        if self.had_word.replace(true) {
            return;
        }
        let sent = self.health.seconds(self.sent);
        self.with(|one| {
            one.waiting = one.waiting.saturating_sub(1);
            one.sent = if one.waiting == 0 { 0.0 } else { one.sent - sent };
        });
    }

    fn with(&self, change: impl FnOnce(&mut One)) {
        if let Some(one) = self.health.lock().get_mut(&self.target) {
            change(one);
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.had_word.get() {
            // Nobody waited any longer, so all that is known is that it takes longer than this.
            let waited = self.sent.elapsed().as_secs_f64();
            self.with(|one| {
                if waited > one.first_word && one.first_word > 0.0 {
                    one.first_word = waited;
                }
            });
            self.end_waiting();
        }
        self.with(|one| one.in_flight = one.in_flight.saturating_sub(1));
    }
}

/// A mean in which a value above it counts at once, and one below it pulls it down slowly.
fn peak(mean: f64, value: f64) -> f64 {
    if value > mean { value } else { mean + WEIGHT * (value - mean) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(health: &Health, target: &str, milliseconds: u64) {
        health.begin(target, 100).first_word(Duration::from_millis(milliseconds));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_first_word_counts_at_once_and_fades() {
        let health = Health::default();
        let call = health.begin("a", 100);
        assert_eq!(health.of("a").in_flight, 1);
        call.first_word(Duration::from_millis(100));
        drop(call);
        (0..50).for_each(|_| answered(&health, "a", 100));
        answered(&health, "a", 2000);
        assert_eq!(health.of("a").first_word, 2.0);
        (0..20).for_each(|_| answered(&health, "a", 100));
        assert!(health.of("a").first_word < 0.2);
        let report = health.report("a");
        assert_eq!((report.p50, report.p95), (Some(Duration::from_millis(100)), Some(Duration::from_millis(100))));
        assert_eq!((health.of("a").in_flight, health.of("b")), (0, Vitals::default()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_waited_for_counts_before_it_comes() {
        let health = Health::default();
        answered(&health, "a", 100);
        let waiting: Vec<_> = (0..4).map(|_| health.begin("a", 100)).collect();
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(health.of("a").first_word >= 2.0, "{:?}", health.of("a"));
        drop(waiting);
        assert_eq!(health.of("a").first_word, 2.0, "who gave up knows that it takes at least as long");
    }

    #[tokio::test(start_paused = true)]
    async fn late_is_what_nearly_never_happens_by_the_size_of_the_prompt() {
        let health = Health::default();
        (0..19).for_each(|_| answered(&health, "a", 100));
        assert_eq!(health.late_after("a", 100), None, "too little is known");
        (0..200).for_each(|number| answered(&health, "a", if number % 20 == 0 { 1000 } else { 100 }));
        let late = health.late_after("a", 100).unwrap();
        assert!((100..=300).contains(&late.as_millis()), "{late:?}");
        assert_eq!(health.late_after("a", 100_000), None, "long prompts are another matter");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_apart_makes_nobody_slow() {
        let health = Health::default();
        (0..30).for_each(|_| answered(&health, "a", 100));
        let before = (health.of("a").first_word, health.late_after("a", 100), health.report("a").p95);
        let calls: Vec<_> = (0..30).map(|_| health.begin("a", 100).apart()).collect();
        assert_eq!(health.of("a").in_flight, 30, "it is under way");
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(health.of("a").first_word, before.0);
        calls.iter().for_each(|call| call.first_word(Duration::from_secs(60)));
        calls[0].success();
        drop(calls);
        assert_eq!((health.of("a").first_word, health.late_after("a", 100), health.report("a").p95), before);
        assert_eq!((health.of("a").in_flight, health.report("a").answers), (0, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_make_a_target_heavier_and_answers_lighter() {
        let health = Health::default();
        answered(&health, "a", 100);
        let before = health.of("a").load();
        let error = LlmError::new("a", Cause::Server, "no");
        (0..5).for_each(|_| health.begin("a", 100).failure(&error));
        assert!(health.of("a").load() > before * 2.0);
        (0..20).for_each(|_| health.begin("a", 100).success());
        assert!(health.of("a").health > 0.95);
        assert_eq!(health.report("a").failures.get(&Cause::Server), Some(&5));
    }
}
