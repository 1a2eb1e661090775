//! How each target does: what is under way, how soon first words come, what failed. Counts only; it decides nothing.

use crate::error::{Cause, LlmError};
use rustc_hash::FxHashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// First words that are remembered for the quantiles.
const REMEMBERED: usize = 256;
/// How much the newest value weighs in a mean.
const WEIGHT: f64 = 0.2;

/// How one target does.
#[derive(Clone, Debug, Default)]
pub struct TargetHealth {
    /// Requests under way.
    pub in_flight: usize,
    /// Answers that came.
    pub answers: u64,
    /// Failures by their cause.
    pub failures: FxHashMap<Cause, u64>,
    /// Seconds to the first word, a mean in which a slow one counts at once and fades (peak EWMA, as Finagle has it); 0 before the first.
    pub first_word: f64,
    /// The last times to the first word, in seconds.
    recent: Vec<f64>,
    next: usize,
}

impl TargetHealth {
    /// The time within which this share of the last first words came; `None` before the first.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let mut sorted = self.recent.clone();
        sorted.sort_by(f64::total_cmp);
        let index = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
        sorted.get(index).map(|seconds| Duration::from_secs_f64(*seconds))
    }

    /// What a request costs in waiting: less is better.
    pub fn load(&self) -> f64 {
        // A target that was never asked is worth a try.
        self.first_word.max(0.001) * (self.in_flight + 1) as f64
    }
}

/// All targets, by name.
#[derive(Debug, Default)]
pub struct Health(Mutex<FxHashMap<String, TargetHealth>>);

/// A request that is under way; it is over when this is dropped.
#[derive(Debug)]
pub struct UnderWay<'a> {
    health: &'a Health,
    target: String,
}

impl Health {
    /// How a target does.
    pub fn of(&self, target: &str) -> TargetHealth {
        self.lock().get(target).cloned().unwrap_or_default()
    }

    /// A request goes out.
    pub fn begin(&self, target: &str) -> UnderWay<'_> {
        self.lock().entry(target.to_owned()).or_default().in_flight += 1;
        UnderWay { health: self, target: target.to_owned() }
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<String, TargetHealth>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay<'_> {
    /// The first word came after so long.
    pub fn first_word(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        self.with(|health| {
            let mean = health.first_word;
            health.first_word = if seconds > mean { seconds } else { mean + WEIGHT * (seconds - mean) };
            match health.recent.get_mut(health.next) {
                Some(old) => *old = seconds,
                None => health.recent.push(seconds),
            }
            health.next = (health.next + 1) % REMEMBERED;
        });
    }

    /// The answer is whole.
    pub fn success(&self) {
        self.with(|health| health.answers += 1);
    }

    /// It failed.
    pub fn failure(&self, error: &LlmError) {
        self.with(|health| *health.failures.entry(error.cause).or_default() += 1);
    }

    fn with(&self, change: impl FnOnce(&mut TargetHealth)) {
        if let Some(health) = self.health.lock().get_mut(&self.target) {
            change(health);
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.with(|health| health.in_flight = health.in_flight.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_first_word_counts_at_once_and_fades() {
        let health = Health::default();
        let call = health.begin("a");
        (0..50).for_each(|_| call.first_word(Duration::from_millis(100)));
        call.first_word(Duration::from_secs(2));
        assert_eq!(health.of("a").first_word, 2.0);
        (0..20).for_each(|_| call.first_word(Duration::from_millis(100)));
        assert!(health.of("a").first_word < 0.2);
        assert_eq!(health.of("a").quantile(0.5), Some(Duration::from_millis(100)));
        assert_eq!(health.of("a").quantile(1.0), Some(Duration::from_secs(2)));
        assert_eq!(health.of("a").in_flight, 1);
        drop(call);
        assert_eq!(health.of("a").in_flight, 0);
        assert_eq!(health.of("b").quantile(0.5), None);
    }
}
