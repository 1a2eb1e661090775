//! What is remembered of models for a while, since they said so themselves: longer than a question takes, and not for ever, since models change.
//!
//! Holds no more than so much, whoever asks for whatever.

use rustc_hash::FxHashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// So much is remembered of one kind.
const MOST: usize = 1024;

/// Things that are so for a while.
#[derive(Debug)]
pub(crate) struct Remembered<K> {
    since: Mutex<FxHashMap<K, Instant>>,
    long: Duration,
}

impl<K: Hash + Eq> Remembered<K> {
    /// Each is remembered for so long.
    pub fn new(long: Duration) -> Self {
        Self { since: Mutex::default(), long }
    }

    /// Whether this is so, as far as is remembered.
    pub fn has(&self, one: &K) -> bool {
        self.lock().get(one).is_some_and(|since| since.elapsed() < self.long)
    }

    /// This is so from now on.
    pub fn add(&self, one: K) {
        let mut since = self.lock();
        if since.len() >= MOST {
            since.retain(|_, since| since.elapsed() < self.long);
        }
        if since.len() < MOST || since.contains_key(&one) {
            since.insert(one, Instant::now());
        }
    }

    /// All may be otherwise now.
    pub fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<K, Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_so_for_a_while_and_bounded() {
        let remembered = Remembered::new(Duration::from_secs(10));
        remembered.add(0);
        assert!(remembered.has(&0) && !remembered.has(&1));
        tokio::time::advance(Duration::from_secs(9)).await;
        (1..2 * MOST).for_each(|number| remembered.add(number));
        assert!(remembered.has(&0) && remembered.has(&1) && !remembered.has(&(2 * MOST - 1)));
        assert_eq!(remembered.lock().len(), MOST);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!remembered.has(&0) && remembered.has(&1));
        remembered.add(2 * MOST);
        assert!(remembered.has(&(2 * MOST)), "what is over makes room");
        remembered.forget();
        assert!(!remembered.has(&1));
    }
}
