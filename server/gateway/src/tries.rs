//! How often somebody may try to sign in: a bucket for each name, so that passwords cannot be guessed.

use dashmap::DashMap;
use std::time::{Duration, Instant};

/// Tries at once.
const AT_ONCE: f64 = 5.0;
/// After this long one more.
const ONE_MORE: Duration = Duration::from_secs(12);
/// Names that are remembered; beyond it those that have their tries again are forgotten.
const MOST: usize = 10_000;

/// The tries that names have left.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    left: DashMap<String, (f64, Instant)>,
}

impl Tries {
    /// Takes a try of a name; where it has none left, the seconds until it has.
    pub fn take(&self, name: &str) -> Result<(), u64> {
        self.take_at(name, Instant::now())
    }

    fn take_at(&self, name: &str, now: Instant) -> Result<(), u64> {
        let filled = |(left, at): (f64, Instant)| {
            (left + now.saturating_duration_since(at).as_secs_f64() / ONE_MORE.as_secs_f64()).min(AT_ONCE)
        };
        if self.left.len() > MOST {
            self.left.retain(|_, known| filled(*known) < AT_ONCE);
        }
        let mut known = self.left.entry(name.to_lowercase()).or_insert((AT_ONCE, now));
        let left = filled(*known);
        if left < 1.0 {
            return Err(((1.0 - left) * ONE_MORE.as_secs_f64()).ceil() as u64);
        }
        *known = (left - 1.0, now);
        Ok(())
    }

    /// Somebody signed in: the tries of the name begin anew.
    pub fn forgive(&self, name: &str) {
        self.left.remove(&name.to_lowercase());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_tries_then_one_in_twelve_seconds() {
        let (tries, now) = (Tries::default(), Instant::now());
        for _ in 0..5 {
            assert_eq!(tries.take_at("Ann", now), Ok(()));
        }
        assert_eq!(tries.take_at("ann", now), Err(12), "whatever the case of the name");
        assert_eq!(tries.take_at("bob", now), Ok(()));
        assert_eq!(tries.take_at("ann", now + ONE_MORE), Ok(()));
        assert_eq!(tries.take_at("ann", now + ONE_MORE), Err(12));
        tries.forgive("ANN");
        assert_eq!(tries.take_at("ann", now + ONE_MORE), Ok(()));
    }
}
