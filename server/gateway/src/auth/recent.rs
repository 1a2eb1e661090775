//! Who showed a token a moment ago, so that a program that asks many times a second is looked up twice a second and no more.
//!
//! Tells nothing that is older than [`GOOD_FOR`]: what was revoked on another replica is refused here within that time, and what was revoked
//! here at once, since every request that changes something forgets all of it. Tokens themselves are not kept.

use super::Principal;
use dashmap::DashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long it is believed.
const GOOD_FOR: Duration = Duration::from_millis(500);
/// So many are remembered; beyond it those that are over are forgotten.
const MOST: usize = 4096;

/// Those who came lately.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    known: DashMap<[u8; 32], (Principal, Instant)>,
    changes: AtomicU64,
}

/// What stands for a token.
pub(super) fn mark(token: &str) -> [u8; 32] {
    *blake3::hash(token.as_bytes()).as_bytes()
}

impl Recent {
    /// Whose token it is, if that was found out a moment ago.
    pub fn of(&self, token: &str) -> Option<Principal> {
        let known = self.known.get(&mark(token))?;
        (known.1.elapsed() < GOOD_FOR).then(|| known.0.clone())
    }

    /// How often something changed.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// Somebody was found to be who he is, by a look that began when so much had changed. What changed meanwhile may be that he is not.
    pub fn remember(&self, token: &str, principal: &Principal, changes: u64) {
        if self.known.len() >= MOST {
            self.known.retain(|_, known| known.1.elapsed() < GOOD_FOR);
        }
        // A flood of tokens that are good needs as many accounts; still it takes no more room than this.
        if self.known.len() < MOST {
            self.known.insert(mark(token), (principal.clone(), Instant::now()));
        }
        if self.changes() != changes {
            self.known.remove(&mark(token));
        }
    }

    /// Something changed.
    pub fn forget(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.known.clear();
    }
}
