//! Changes of documents in the order of their versions, for a client that lets one overtake another (Helix 25.01 under fast typing).
//!
//! A change is held back for a moment where those before it have not come; nothing is ever dropped. Clients that keep the order are not held up:
//! the protocol lets versions skip numbers, so this is only for one of which it is known that it counts by one.

use engine::syntax::document::Change;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long the changes before one are waited for.
pub(crate) const PATIENCE: Duration = Duration::from_millis(80);

/// The changes that came before their time, by document and version.
#[derive(Debug, Default)]
pub(crate) struct Reorder {
    held: Mutex<HashMap<String, BTreeMap<i32, Vec<Change>>>>,
}

impl Reorder {
    /// Takes a change and gives out those whose time has come to `apply`, in order. `known` is the version that the document has. Says whether the
    /// change is held back.
    pub(crate) fn take(
        &self,
        uri: &str,
        known: i32,
        version: i32,
        changes: Vec<Change>,
        mut apply: impl FnMut(i32, &[Change]),
    ) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let next = known.saturating_add(1);
        if version > next {
            held.entry(uri.to_owned()).or_default().insert(version, changes);
            return true;
        }
        apply(version, &changes);
        let mut known = version;
        if let Some(waiting) = held.get_mut(uri) {
            while let Some(changes) = waiting.remove(&known.saturating_add(1)) {
                known += 1;
                apply(known, &changes);
            }
            if waiting.is_empty() {
                held.remove(uri);
            }
        }
        false
    }

    /// Gives out all that is held for a document, if a version still is: what came before it will not come.
    pub(crate) fn give_up(&self, uri: &str, version: i32, mut apply: impl FnMut(i32, &[Change])) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.get(uri).is_some_and(|waiting| waiting.contains_key(&version)) {
            for (version, changes) in held.remove(uri).unwrap_or_default() {
                apply(version, &changes);
            }
        }
    }

    /// Drops what is held for a document that was closed or opened anew.
    pub(crate) fn forget(&self, uri: &str) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(uri);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order in which Helix sent versions under load, and all others of five.
    #[test]
    fn whatever_the_order_of_arrival_versions_are_applied_in_theirs() {
        let mut orders = vec![vec![7, 8, 11, 9, 10], vec![12, 11, 10, 9, 8, 7]];
        orders.extend([vec![7, 9, 8, 10, 11], vec![8, 7, 10, 9, 11], vec![7, 8, 9, 10, 11]]);
        for order in orders {
            let reorder = Reorder::default();
            let mut applied = vec![6];
            for version in &order {
                let known = *applied.last().unwrap();
                reorder.take("a", known, *version, Vec::new(), |version, _| applied.push(version));
            }
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(applied[1..], sorted, "{order:?}");
            assert!(reorder.held.lock().unwrap().is_empty());
        }
    }

    #[test]
    fn a_gap_that_stays_is_given_up_and_an_older_version_is_applied_as_it_comes() {
        let reorder = Reorder::default();
        let mut applied = Vec::new();
        assert!(reorder.take("a", 1, 5, Vec::new(), |_, _| panic!("it is early")));
        assert!(reorder.take("a", 1, 4, Vec::new(), |_, _| panic!("it is early")));
        reorder.give_up("a", 5, |version, _| applied.push(version));
        reorder.give_up("a", 4, |version, _| applied.push(version));
        assert!(!reorder.take("a", 5, 3, Vec::new(), |version, _| applied.push(version)));
        assert_eq!(applied, [4, 5, 3]);
        assert!(reorder.take("a", 5, 9, Vec::new(), |_, _| panic!("it is early")));
        reorder.forget("a");
        reorder.give_up("a", 9, |_, _| panic!("it is forgotten"));
    }
}
