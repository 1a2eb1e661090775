//! How fast one connection is listened to. Requests have a quota, and what wants no answer has none: this is its bound.
//!
//! Who is faster waits, and nothing of what he says is lost: the socket is not read meanwhile, and fills up to where he is.

use std::time::{Duration, Instant};

/// What one message takes to be worked off: two thousand of them are a second.
const EACH: Duration = Duration::from_micros(500);
/// How far ahead somebody may be: what an editor says at once when it opens a workspace, or changes all of its documents.
const AHEAD: Duration = Duration::from_secs(2);

/// What was heard on a connection.
#[derive(Debug)]
pub(super) struct Pace {
    /// When all of it is worked off.
    until: Instant,
}

impl Pace {
    pub fn new(now: Instant) -> Self {
        Self { until: now }
    }

    /// A message was heard.
    pub fn count(&mut self, now: Instant) {
        self.until = self.until.max(now) + EACH;
    }

    /// How long the next one has to wait.
    pub fn wait(&self, now: Instant) -> Duration {
        self.until.saturating_duration_since(now).saturating_sub(AHEAD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_then_evenly() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        let mut at_once = 0;
        while pace.wait(now).is_zero() {
            pace.count(now);
            at_once += 1;
        }
        assert_eq!((at_once, pace.wait(now)), (4001, EACH));
        // Whoever waits as he is told is heard two thousand times a second.
        let mut then = now;
        for _ in 0..2000 {
            then += pace.wait(then);
            pace.count(then);
        }
        assert_eq!(then - now, Duration::from_secs(1));
        // Silence is not saved up beyond that.
        let later = now + Duration::from_secs(3600);
        (0..4000).for_each(|_| pace.count(later));
        assert!(pace.wait(later).is_zero());
        (0..1000).for_each(|_| pace.count(later));
        assert_eq!(pace.wait(later), Duration::from_millis(500));
    }
}
