//! Signed tokens whose signature was found to be good, so that who shows one many times has it computed once.
//!
//! The signature and the reading are saved, and nothing else: whoever looks here holds what a token says against the clock and the settings, and asks the store
//! what was taken back, as for one that he never saw. What was found is given out for the very key that verified it: one that was taken back is not
//! there to be shown, and one that was replaced, or only read anew, is another. Refused tokens are not remembered, and no token is kept: a hash
//! stands for each.

use super::jwt::PinnedKey;
use super::recent::mark;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// So many are remembered at most.
const MOST: usize = 4096;
/// Bytes of the longest token that is; what a longer one says could be much, and is read each time.
const LONGEST: usize = 4 << 10;

/// What is remembered of a token.
#[derive(Debug)]
pub(super) struct Found<T> {
    key_id: Arc<str>,
    key: u64,
    said: Arc<T>,
}

impl<T> Clone for Found<T> {
    fn clone(&self) -> Self {
        Self { key_id: self.key_id.clone(), key: self.key, said: self.said.clone() }
    }
}

impl<T> Found<T> {
    /// How the token calls its key.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// What the token says, if this is the key that verified it.
    pub fn by(self, key: &PinnedKey) -> Option<Arc<T>> {
        (self.key == key.number()).then_some(self.said)
    }
}

/// The tokens in two halves: where the younger one is full it becomes the older one, which is forgotten. What is asked for becomes young again.
#[derive(Debug)]
struct Halves<T> {
    young: FxHashMap<[u8; 32], Found<T>>,
    old: FxHashMap<[u8; 32], Found<T>>,
}

impl<T> Halves<T> {
    fn put(&mut self, mark: [u8; 32], found: Found<T>) {
        if self.young.len() >= MOST / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(mark, found);
    }
}

/// What tokens were found to say.
#[derive(Debug)]
pub(super) struct Verified<T> {
    known: Mutex<Halves<T>>,
}

impl<T> Default for Verified<T> {
    fn default() -> Self {
        Self { known: Mutex::new(Halves { young: FxHashMap::default(), old: FxHashMap::default() }) }
    }
}

impl<T> Verified<T> {
    /// What was found of this token, to the letter.
    pub fn of(&self, token: &str) -> Option<Found<T>> {
        if token.len() > LONGEST {
            return None;
        }
        let mark = mark(token);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.young.get(&mark) {
            return Some(found.clone());
        }
        let found = known.old.remove(&mark)?;
        known.put(mark, found.clone());
        Some(found)
    }

    /// A token is good: this key, which it calls so, signed what it says.
    pub fn remember(&self, token: &str, key_id: &str, key: &PinnedKey, said: Arc<T>) {
        if token.len() <= LONGEST {
            let found = Found { key_id: key_id.into(), key: key.number(), said };
            self.known.lock().unwrap_or_else(PoisonError::into_inner).put(mark(token), found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{Algorithm, DecodingKey};

    fn key() -> PinnedKey {
        PinnedKey::new(DecodingKey::from_ed_der(&[7; 32]), Algorithm::EdDSA).unwrap()
    }

    #[test]
    fn what_was_found_is_given_out_for_the_key_that_verified_it_and_no_other() {
        let (verified, first) = (Verified::default(), key());
        verified.remember("token", "k", &first, Arc::new(7));
        let found = verified.of("token").unwrap();
        assert_eq!((found.key_id(), found.clone().by(&first.clone()).as_deref()), ("k", Some(&7)));
        // The same letters, read again.
        assert!(found.by(&key()).is_none());
        for other in ["tokem", "token ", "toke", ""] {
            assert!(verified.of(other).is_none(), "{other}");
        }
        // What is found anew takes the place of what was.
        let second = key();
        verified.remember("token", "k", &second, Arc::new(8));
        assert!(verified.of("token").unwrap().by(&first).is_none());
        assert_eq!(verified.of("token").unwrap().by(&second).as_deref(), Some(&8));
    }

    #[test]
    fn so_many_are_remembered_and_those_that_are_shown_again_stay() {
        let (verified, key) = (Verified::default(), key());
        for number in 0..10 * MOST {
            verified.remember(&format!("token {number}"), "k", &key, Arc::new(number));
            assert!(verified.of("token 0").is_some(), "it is shown each time, at {number}");
            let known = verified.known.lock().unwrap();
            assert!(known.young.len() + known.old.len() <= MOST, "at {number}");
        }
        let last = format!("token {}", 10 * MOST - 1);
        assert!(verified.of(&last).is_some() && verified.of("token 1").is_none());
        for (length, is_kept) in [(LONGEST, true), (LONGEST + 1, false)] {
            let long = "x".repeat(length);
            verified.remember(&long, "k", &key, Arc::new(0));
            assert_eq!(verified.of(&long).is_some(), is_kept, "{length}");
        }
    }
}
