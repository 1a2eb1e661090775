//! What could be told to the log with every request, and is told once a minute: a client in a loop must not fill it, nor bury in it what others do.
//!
//! Keeps no more than this program has warnings and reasons for them; a word of a client is never one of the two.

use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long nothing more is told of the same.
pub(super) const SILENCE: Duration = Duration::from_secs(60);

/// What was told lately.
#[derive(Debug, Default)]
pub(super) struct Seldom {
    told: Mutex<FxHashMap<(&'static str, &'static str), Told>>,
}

/// When it was told, and how often it could have been since.
#[derive(Debug)]
struct Told {
    at: Instant,
    passed_over: u64,
}

impl Seldom {
    /// Whether a warning is told at this moment for this reason: how many like it were passed over before; `None` where it is one of those itself.
    pub fn take(&self, warning: &'static str, reason: &'static str, now: Instant) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match told.entry((warning, reason)) {
            Entry::Vacant(place) => {
                place.insert(Told { at: now, passed_over: 0 });
                Some(0)
            }
            Entry::Occupied(known) => {
                let known = known.into_mut();
                if now.saturating_duration_since(known.at) < SILENCE {
                    known.passed_over += 1;
                    return None;
                }
                known.at = now;
                Some(std::mem::take(&mut known.passed_over))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_minute_is_told_with_how_many_were_passed_over() {
        let (seldom, begin) = (Seldom::default(), Instant::now());
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        assert_eq!(seldom.take("weak", "no acr", at(0)), Some(0));
        for second in 0..59 {
            assert_eq!(seldom.take("weak", "no acr", at(second)), None, "{second}");
        }
        // Another reason, and another warning for the same one, have a minute of their own.
        assert_eq!(seldom.take("weak", "no amr", at(1)), Some(0));
        assert_eq!(seldom.take("away", "no acr", at(1)), Some(0));
        assert_eq!(seldom.take("weak", "no acr", at(60)), Some(59));
        assert_eq!(seldom.take("weak", "no acr", at(61)), None);
        assert_eq!(seldom.take("weak", "no acr", at(3600)), Some(1), "it begins anew each time");
        assert_eq!(seldom.take("weak", "no acr", at(3660)), Some(0));
    }
}
