//! Which tokens read the figures a few minutes ago, so that they still do while the store is away: else what watches the service would be refused just when
//! the figures tell that it is away.
//!
//! Good for the figures and for nothing else, and never against what the store says. Tokens themselves are not kept.

use super::recent::mark;
use super::{Principal, Via};
use dashmap::DashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a token is good while nobody can say whether it still is: many times what the alerts wait for.
const GOOD_FOR: Duration = Duration::from_secs(600);
/// So many are remembered, which is more than watch one service; beyond it those that are over are forgotten.
const MOST: usize = 64;

/// Those who read the figures lately.
#[derive(Debug, Default)]
pub(crate) struct Scrapers {
    /// Each with the moment from which on it is believed no longer.
    known: DashMap<[u8; 32], (Principal, Instant)>,
    changes: AtomicU64,
}

impl Scrapers {
    /// Whose token it is, if it read the figures lately.
    pub fn of(&self, token: &str, now: Instant) -> Option<Principal> {
        let known = self.known.get(&mark(token))?;
        (now < known.1).then(|| known.0.clone())
    }

    /// How often tokens or accounts were changed here.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// The token may read the figures, by a look that began when so much had changed: what changed meanwhile may be that it may not. Tokens of sign-ins are
    /// over soon by themselves, and not remembered. `left` is how long the token is good if nothing happens.
    pub fn remember(&self, token: &str, principal: &Principal, changes: u64, left: Duration, now: Instant) {
        if !matches!(principal.via, Via::Token { .. }) {
            return;
        }
        if self.known.len() >= MOST {
            self.known.retain(|_, known| now < known.1);
        }
        let mark = mark(token);
        if self.known.len() < MOST || self.known.contains_key(&mark) {
            self.known.insert(mark, (principal.clone(), now + left.min(GOOD_FOR)));
        }
        if self.changes() != changes {
            self.known.remove(&mark);
        }
    }

    /// The token is not good, or may not read the figures.
    pub fn refuse(&self, token: &str) {
        self.known.remove(&mark(token));
    }

    /// Tokens or accounts were changed here: each token has to be good once more.
    pub fn forget(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::store::accounts::{Account, Role};

    fn principal(via: Via) -> Principal {
        let account = Account {
            id: "1".to_owned(),
            name: "prometheus".to_owned(),
            role: Role::Maintainer,
            disabled: false,
            created_at: 0,
            has_totp: false,
        };
        Principal { account, via }
    }

    fn of_token() -> Principal {
        principal(Via::Token { id: "t".to_owned(), scopes: vec!["metrics".to_owned()] })
    }

    #[test]
    fn a_token_is_good_for_ten_minutes_after_it_was_last_good() {
        let (scrapers, begin) = (Scrapers::default(), Instant::now());
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        assert!(scrapers.of("a", at(0)).is_none(), "nobody is believed who was never good");
        scrapers.remember("a", &of_token(), 0, GOOD_FOR, at(0));
        assert!(scrapers.of("a", at(599)).is_some() && scrapers.of("a", at(600)).is_none());
        assert!(scrapers.of("b", at(1)).is_none());
        scrapers.remember("a", &of_token(), 0, GOOD_FOR, at(500));
        assert!(scrapers.of("a", at(1000)).is_some());
        scrapers.refuse("a");
        assert!(scrapers.of("a", at(501)).is_none(), "what the store says comes first");
        scrapers.remember("a", &of_token(), 0, GOOD_FOR, at(502));
        scrapers.forget();
        assert!(scrapers.of("a", at(503)).is_none());
        scrapers.remember("a", &of_token(), 0, GOOD_FOR, at(504));
        assert!(scrapers.of("a", at(505)).is_none(), "the look at it began before the change");
        scrapers.remember("a", &of_token(), scrapers.changes(), GOOD_FOR, at(506));
        assert!(scrapers.of("a", at(507)).is_some());
        scrapers.remember("a", &of_token(), scrapers.changes(), Duration::from_secs(30), at(508));
        assert!(scrapers.of("a", at(537)).is_some() && scrapers.of("a", at(538)).is_none(), "its own end comes first");
    }

    #[test]
    fn only_tokens_for_the_interface_are_remembered_and_of_them_a_few() {
        let (scrapers, begin) = (Scrapers::default(), Instant::now());
        let session = Via::Session { id: "s".to_owned(), amr: vec!["pwd".to_owned()], auth_time: 0, lack: None };
        scrapers.remember("session", &principal(session), 0, GOOD_FOR, begin);
        assert!(scrapers.of("session", begin).is_none());
        for number in 0..MOST + 10 {
            scrapers.remember(&number.to_string(), &of_token(), 0, GOOD_FOR, begin);
        }
        assert_eq!(scrapers.known.len(), MOST);
        scrapers.remember("0", &of_token(), 0, GOOD_FOR, begin + GOOD_FOR / 2);
        assert!(scrapers.of("0", begin + GOOD_FOR).is_some(), "one that is known has its place");
        scrapers.remember("new", &of_token(), 0, GOOD_FOR, begin + GOOD_FOR);
        assert_eq!(scrapers.known.len(), 2, "those that are over make room");
    }
}
