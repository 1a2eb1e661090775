//! Who of the provider's people was here lately, and which API token, so that it is written down once a minute and not with each request: many of those people
//! come with its access tokens alone, and never sign in here.
//!
//! Decides nothing: nobody is let in or refused by it, nor by a failure to write it down. A disk that is full keeps nobody from looking, and nobody waits for
//! long while others write.

use super::seldom::Seldom;
use crate::error::{correlation, of_this_request};
use crate::state::Gateway;
use dashmap::{DashMap, Entry};
use engine::store::{Store, StoreError};
use std::time::{Duration, Instant};
use tokio_util::task::TaskTracker;

/// What lies between two looks at the store for one person or token. A little more than the minute for which the store writes nothing: what comes to the
/// second is written then, and not a minute later.
const EVERY: Duration = Duration::from_secs(61);
/// So many are remembered; beyond it those are forgotten whose minute is over.
const MOST: usize = 10_000;
/// How long a request waits for it.
const PATIENCE: Duration = Duration::from_millis(100);

/// When people and tokens were last written down, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    last: DashMap<String, Instant>,
    /// What is being written down.
    writing: TaskTracker,
    /// Which failures the log was told of lately.
    failures: Seldom,
}

impl Seen {
    /// Whether it is to be written down now that this account or token is here; of those who ask at once it is one.
    fn is_due(&self, id: &str, now: Instant) -> bool {
        let is_over = |last: &Instant| now.saturating_duration_since(*last) >= EVERY;
        // The usual case takes no room, and waits for nobody who writes.
        if self.last.get(id).is_some_and(|last| !is_over(&last)) {
            return false;
        }
        if self.last.len() >= MOST {
            self.last.retain(|_, last| !is_over(last));
        }
        if self.last.len() >= MOST {
            // The store looks before it writes.
            return true;
        }
        match self.last.entry(id.to_owned()) {
            Entry::Occupied(mut last) => {
                let is_due = is_over(last.get());
                if is_due {
                    last.insert(now);
                }
                is_due
            }
            Entry::Vacant(place) => {
                place.insert(now);
                true
            }
        }
    }

    /// Tells the log, once a minute, that it could not be written down.
    fn tell(&self, warning: &'static str, error: &StoreError) {
        if let Some(passed_over) = self.failures.take(warning, "", Instant::now()) {
            tracing::warn!(correlation = correlation(), %error, passed_over, "{warning}");
        }
    }
}

#[cfg(test)]
impl Seen {
    /// As if the minute of each were over.
    pub fn forget(&self) {
        self.last.clear();
    }

    /// Waits until all of it is written down.
    pub async fn written(&self) {
        self.writing.close();
        self.writing.wait().await;
    }
}

/// A person of the provider is here, by the account that he has.
pub(crate) async fn note_seen(gateway: &Gateway, account: &str) {
    let warning = "It could not be written down that a person of the provider was here.";
    write_down(gateway, account, warning, |store, account| async move { store.touch_person(&account).await }).await;
}

/// An API token is being used.
pub(super) async fn note_used(gateway: &Gateway, token: &str) {
    let warning = "It could not be written down that a token was used.";
    write_down(gateway, token, warning, |store, token| async move { store.touch_token(&token).await }).await;
}

/// Writes down that an account or a token is here, if that is due, and waits a moment for it. After that it goes on by itself: there is one writer, and
/// whoever only looks is not held up by it. Where it cannot be written down, it is tried again in a minute.
async fn write_down<F: Future<Output = Result<(), StoreError>> + Send + 'static>(
    gateway: &Gateway,
    id: &str,
    warning: &'static str,
    touch: impl FnOnce(Store, String) -> F,
) {
    if !gateway.seen().is_due(id, Instant::now()) {
        return;
    }
    let (here, touched) = (gateway.clone(), touch(gateway.store().clone(), id.to_owned()));
    let writes = of_this_request(async move {
        if let Err(error) = touched.await {
            here.seen().tell(warning, &error);
        }
    });
    drop(tokio::time::timeout(PATIENCE, gateway.seen().writing.spawn(writes)).await);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_due_once_a_minute() {
        let (seen, begin) = (Seen::default(), Instant::now());
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        assert!(seen.is_due("ann", at(0)) && seen.is_due("bob", at(30)), "each has a minute of his own");
        for (account, second, is_due) in [
            ("ann", 0, false),
            ("ann", 60, false),
            ("ann", 61, true),
            ("ann", 61, false),
            ("bob", 90, false),
            ("bob", 91, true),
            ("ann", 121, false),
            ("ann", 122, true),
        ] {
            assert_eq!(seen.is_due(account, at(second)), is_due, "{account} {second}");
        }
    }

    #[test]
    fn of_many_requests_at_once_one_writes() {
        let (seen, now) = (Seen::default(), Instant::now());
        let written: usize = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..1000).filter(|_| seen.is_due("ann", now)).count())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(written, 1);
    }

    #[test]
    fn memory_is_bounded() {
        let (seen, begin) = (Seen::default(), Instant::now());
        for number in 0..MOST + 100 {
            assert!(seen.is_due(&number.to_string(), begin), "nobody is missed: {number}");
        }
        assert!(seen.last.len() <= MOST, "{}", seen.last.len());
        assert!(seen.is_due("new", begin + EVERY));
        assert_eq!(seen.last.len(), 1, "those whose minute is over are forgotten");
    }
}
