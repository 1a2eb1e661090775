//! Answers that are kept: in memory, weighed by their bytes, and behind that in a store that several processes share, where one is set.
//!
//! Only answers that are the same each time are kept, and only whole ones. An answer that is no longer fresh is still good for a while:
//! whoever gets it is told, so that another one is fetched behind his back.

mod body;
pub mod key;
pub mod second;

use crate::prompt::Prompt;
use crate::request::Answer;
pub use key::Key;
use moka::sync::Cache as Memory;
pub use second::{CacheStore, RedisStore, SecondCounts, SecondLevel};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Bytes that an answer takes besides its text, with its places in the lists and tables of the cache.
const OVERHEAD: usize = 512;

/// Bounds on what is kept.
#[derive(Clone, Copy, Debug)]
pub struct CacheConfig {
    /// Bytes in all; 0 keeps nothing.
    pub max_bytes: u64,
    /// How long an answer is good.
    pub time_to_live: Duration,
    /// How long it is fresh; from then on until it is no longer good another one is fetched when somebody asks for it.
    pub fresh: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        let day = Duration::from_secs(24 * 3600);
        Self { max_bytes: 16 << 20, time_to_live: day, fresh: day }
    }
}

/// An answer in memory.
#[derive(Clone)]
struct Kept {
    answer: Arc<Answer>,
    born: Instant,
}

/// An answer that was kept.
#[derive(Clone, Debug)]
pub struct Hit {
    /// It.
    pub answer: Arc<Answer>,
    /// Whether it is still good but no longer fresh.
    pub is_stale: bool,
}

/// All answers that are kept.
pub struct Cache {
    answers: Memory<Key, Kept>,
    second: Option<SecondLevel>,
    config: CacheConfig,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Cache {
    /// An empty one, with nothing behind it.
    pub fn new(config: CacheConfig) -> Self {
        let weigh = |_: &Key, kept: &Kept| {
            u32::try_from(kept.answer.text.len() + kept.answer.target.len() + OVERHEAD).unwrap_or(u32::MAX)
        };
        let answers =
            Memory::builder().max_capacity(config.max_bytes).weigher(weigh).time_to_live(config.time_to_live).build();
        Self { answers, second: None, config, hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// The same with a store behind it.
    pub fn with_second(self, second: SecondLevel) -> Self {
        Self { second: Some(second), ..self }
    }

    /// The answer in memory under a key.
    pub fn get(&self, key: &Key) -> Option<Hit> {
        let hit = self.answers.get(key).and_then(|kept| self.hit(kept.answer, kept.born.elapsed()));
        let count = if hit.is_some() { &self.hits } else { &self.misses };
        count.fetch_add(1, Ordering::Relaxed);
        hit
    }

    /// The answer in the shared store, which is in memory too from then on. Takes no longer than the store's deadline.
    pub async fn get_shared(&self, key: &Key, prompt: &Prompt) -> Option<Hit> {
        let second = self.second.as_ref().filter(|_| SecondLevel::takes(prompt))?;
        let body = second.get(key).await?;
        // Clocks differ; what seems to come from the future is new.
        let age = Duration::from_secs(now().saturating_sub(body.born));
        let hit = self.hit(Arc::new(body.answer), age)?;
        if let Some(born) = Instant::now().checked_sub(age) {
            self.answers.insert(*key, Kept { answer: hit.answer.clone(), born });
        }
        Some(hit)
    }

    /// Keeps an answer that was just given. Takes no longer than the deadline of the shared store.
    pub async fn put(&self, key: &Key, answer: &Answer, prompt: &Prompt) {
        let kept = Arc::new(Answer { from_cache: true, ..answer.clone() });
        self.answers.insert(*key, Kept { answer: kept, born: Instant::now() });
        if let Some(second) = self.second.as_ref().filter(|_| SecondLevel::takes(prompt)) {
            second.put(key, answer, now(), self.config.time_to_live).await;
        }
    }

    /// Hits and misses in memory so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }

    /// What became of what was asked of the shared store, where there is one.
    pub fn shared_counts(&self) -> Option<SecondCounts> {
        self.second.as_ref().map(SecondLevel::counts)
    }

    fn hit(&self, answer: Arc<Answer>, age: Duration) -> Option<Hit> {
        (age < self.config.time_to_live).then(|| Hit { answer, is_stale: age >= self.config.fresh })
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

#[cfg(test)]
mod tests;
