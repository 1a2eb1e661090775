//! Whose token was good lately, so that it need not be looked up again: for a program that asks many times a second, and for what watches the service.
//!
//! What was revoked on another replica is believed here for as long as whoever remembers it says; what was revoked here is not, since whatever may take
//! something back forgets all of it. Tokens themselves are not kept.

use super::Principal;
use dashmap::DashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long somebody is believed who may do anything: a program is looked up twice a second and no more.
pub(super) const GOOD_FOR: Duration = Duration::from_millis(500);

/// Those whose token was good lately, at most `MOST` of them; beyond it those that are over are forgotten.
#[derive(Debug, Default)]
pub(crate) struct Remembered<const MOST: usize> {
    /// Each with the moment from which on it is believed no longer.
    known: DashMap<[u8; 32], (Principal, Instant)>,
    changes: AtomicU64,
}

/// Those who came a moment ago.
pub(crate) type Recent = Remembered<4096>;

/// What stands for a token.
pub(super) fn mark(token: &str) -> [u8; 32] {
    *blake3::hash(token.as_bytes()).as_bytes()
}

impl<const MOST: usize> Remembered<MOST> {
    /// Whose token it is, if that was found out lately.
    pub fn of(&self, token: &str, now: Instant) -> Option<Principal> {
        let known = self.known.get(&mark(token))?;
        (now < known.1).then(|| known.0.clone())
    }

    /// How often something changed.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// Somebody was found to be who he is, which is believed for so long, by a look that began when so much had changed. What changed meanwhile may be that
    /// he is not.
    pub fn remember(&self, token: &str, principal: &Principal, changes: u64, good_for: Duration, now: Instant) {
        let mark = mark(token);
        if self.known.len() >= MOST {
            self.known.retain(|_, known| now < known.1);
        }
        // A flood of tokens that are good needs as many accounts; still it takes no more room than this.
        if self.known.len() < MOST || self.known.contains_key(&mark) {
            self.known.insert(mark, (principal.clone(), now + good_for));
        }
        if self.changes() != changes {
            self.known.remove(&mark);
        }
    }

    /// The token is good no longer.
    pub fn refuse(&self, token: &str) {
        self.known.remove(&mark(token));
    }

    /// Something changed.
    pub fn forget(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Via;
    use engine::store::accounts::{Account, Role};

    const MINUTE: Duration = Duration::from_secs(60);

    fn principal() -> Principal {
        let account = Account {
            id: "1".to_owned(),
            name: "prometheus".to_owned(),
            role: Role::Maintainer,
            disabled: false,
            created_at: 0,
            has_totp: false,
        };
        Principal { account, via: Via::Token { id: "t".to_owned(), scopes: vec!["metrics".to_owned()] } }
    }

    #[test]
    fn a_token_is_believed_for_a_while_and_only_if_nothing_changed_since_it_was_looked_at() {
        let (all, begin) = (Remembered::<8>::default(), Instant::now());
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        assert!(all.of("a", at(0)).is_none(), "nobody is believed who was never good");
        all.remember("a", &principal(), 0, MINUTE, at(0));
        assert!(all.of("a", at(59)).is_some() && all.of("a", at(60)).is_none());
        assert!(all.of("b", at(1)).is_none());
        all.remember("a", &principal(), 0, MINUTE, at(50));
        assert!(all.of("a", at(100)).is_some(), "its time begins anew");
        all.refuse("a");
        assert!(all.of("a", at(51)).is_none());
        all.remember("a", &principal(), 0, MINUTE, at(52));
        all.forget();
        assert!(all.of("a", at(53)).is_none());
        all.remember("a", &principal(), 0, MINUTE, at(54));
        assert!(all.of("a", at(55)).is_none(), "the look at it began before the change");
        all.remember("a", &principal(), all.changes(), MINUTE, at(56));
        assert!(all.of("a", at(57)).is_some());
    }

    #[test]
    fn memory_is_bounded() {
        let (all, begin) = (Remembered::<8>::default(), Instant::now());
        for number in 0..18 {
            all.remember(&number.to_string(), &principal(), 0, MINUTE, begin);
        }
        assert_eq!(all.known.len(), 8);
        all.remember("0", &principal(), 0, MINUTE, begin + MINUTE / 2);
        assert!(all.of("0", begin + MINUTE).is_some(), "one that is known has its place");
        all.remember("new", &principal(), 0, MINUTE, begin + MINUTE);
        assert_eq!(all.known.len(), 2, "those that are over make room");
    }
}
