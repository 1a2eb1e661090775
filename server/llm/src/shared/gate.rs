//! Bounds what a shared store may cost: each call has a deadline, and after one that failed nobody asks for a while.
//!
//! A store that hangs costs those who ask it at that moment one deadline; afterwards one call at a time finds out whether it is back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long nobody asks after the first failure; each further one doubles it.
const PAUSE: Duration = Duration::from_millis(250);
/// It never takes longer than this to find out that a store is back.
const LONGEST: Duration = Duration::from_secs(8);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
    is_probing: bool,
}

/// A deadline and a breaker.
#[derive(Debug)]
pub struct Gate {
    /// What it leads to, for the log.
    what: &'static str,
    deadline: Duration,
    state: Mutex<State>,
    failures: AtomicU64,
    held_back: AtomicU64,
}

/// One call that was let through; when it is dropped unheard, as its caller left, nothing is held against the store.
struct Passing<'a> {
    gate: &'a Gate,
    is_probe: bool,
    is_told: bool,
}

impl Gate {
    /// A gate that is open to calls.
    pub fn new(what: &'static str, deadline: Duration) -> Self {
        Self { what, deadline, state: Mutex::default(), failures: AtomicU64::new(0), held_back: AtomicU64::new(0) }
    }

    /// Runs a call within the deadline; `None` if it failed or was not tried.
    pub async fn pass<T, E: std::fmt::Display>(&self, call: impl Future<Output = Result<T, E>>) -> Option<T> {
        let Some(passing) = self.admit() else {
            self.held_back.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        match tokio::time::timeout(self.deadline, call).await {
            Ok(Ok(value)) => {
                passing.succeeded();
                Some(value)
            }
            Ok(Err(error)) => {
                passing.failed(&error);
                None
            }
            Err(_elapsed) => {
                passing.failed(&"no reply came in time");
                None
            }
        }
    }

    /// Calls that failed, and calls that were not tried.
    pub fn counts(&self) -> (u64, u64) {
        (self.failures.load(Ordering::Relaxed), self.held_back.load(Ordering::Relaxed))
    }

    fn admit(&self) -> Option<Passing<'_>> {
        let mut state = self.lock();
        let is_probe = match state.open_until {
            None => false,
            Some(until) if state.is_probing || Instant::now() < until => return None,
            Some(_) => true,
        };
        state.is_probing |= is_probe;
        Some(Passing { gate: self, is_probe, is_told: false })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passing<'_> {
    fn succeeded(mut self) {
        self.is_told = true;
        let mut state = self.gate.lock();
        if self.is_probe {
            tracing::info!("{} answers again", self.gate.what);
            *state = State::default();
        } else if state.open_until.is_none() {
            state.failures = 0;
        }
    }

    fn failed(mut self, error: &dyn std::fmt::Display) {
        self.is_told = true;
        self.gate.failures.fetch_add(1, Ordering::Relaxed);
        let mut state = self.gate.lock();
        // Others that were under way when it opened say nothing new.
        if state.open_until.is_some() && !self.is_probe {
            return;
        }
        if state.open_until.is_none() {
            tracing::warn!(
                "{} does not answer ({error}); it is left alone for a while, and all goes on without it",
                self.gate.what
            );
        }
        let pause = PAUSE.saturating_mul(1 << state.failures.min(16)).min(LONGEST);
        state.failures = state.failures.saturating_add(1);
        state.open_until = Some(Instant::now() + pause);
        state.is_probing = false;
    }
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        if self.is_probe && !self.is_told {
            self.gate.lock().is_probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::future::{pending, ready};

    const DEADLINE: Duration = Duration::from_millis(5);

    async fn hang(gate: &Gate) -> Option<()> {
        gate.pass(pending::<Result<(), String>>()).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_hangs_costs_a_crowd_one_deadline_and_then_nothing() {
        let gate = Gate::new("it", DEADLINE);
        let began = Instant::now();
        let crowd = (0..64).map(|_| hang(&gate));
        assert!(futures_util::future::join_all(crowd).await.iter().all(Option::is_none));
        assert_eq!((began.elapsed(), gate.counts()), (DEADLINE, (64, 0)));
        for _ in 0..100 {
            assert_eq!(hang(&gate).await, None);
        }
        assert_eq!((began.elapsed(), gate.counts()), (DEADLINE, (64, 100)), "none of these was tried");
    }

    #[tokio::test(start_paused = true)]
    async fn one_call_at_a_time_finds_out_that_it_is_back() {
        let gate = Gate::new("it", DEADLINE);
        let works = || gate.pass(ready(Ok::<_, String>(7)));
        hang(&gate).await;
        tokio::time::advance(PAUSE).await;
        let probe = hang(&gate);
        tokio::pin!(probe);
        assert!(probe.as_mut().now_or_never().is_none());
        assert_eq!(works().await, None, "somebody is finding out already");
        assert_eq!(probe.await, None);
        tokio::time::advance(PAUSE).await;
        assert_eq!(works().await, None, "the second pause is longer");
        tokio::time::advance(PAUSE).await;
        assert_eq!((works().await, works().await), (Some(7), Some(7)));
        hang(&gate).await;
        tokio::time::advance(PAUSE).await;
        assert_eq!(works().await, Some(7), "and the first one is short again");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_leaves_while_finding_out_makes_room_for_the_next() {
        let gate = Gate::new("it", DEADLINE);
        hang(&gate).await;
        tokio::time::advance(PAUSE).await;
        {
            let probe = hang(&gate);
            tokio::pin!(probe);
            assert!(probe.as_mut().now_or_never().is_none());
        }
        assert_eq!(gate.pass(ready(Ok::<_, String>(7))).await, Some(7));
    }
}
