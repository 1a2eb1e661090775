//! Fetches another answer behind the back of whoever got one that is no longer fresh: one at a time for a question, and few in all.
//!
//! Nobody waits for such a refresh, so that it is a task of its own; it ends with the manager. One that fails changes nothing: the old
//! answer stays as long as it is good, and the next attempt is not made at once.

use crate::cache::Key;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Refreshes at once; a question beyond that is refreshed when it is asked the next time.
const MOST: usize = 16;
/// How long a question is left alone after its refresh failed.
const REST: Duration = Duration::from_secs(10);

#[derive(Default)]
struct State {
    running: FxHashSet<Key>,
    resting: FxHashMap<Key, Instant>,
    tasks: JoinSet<()>,
    is_over: bool,
}

/// All refreshes.
#[derive(Clone, Default)]
pub(crate) struct Refreshes {
    state: Arc<Mutex<State>>,
}

/// The place of one refresh; it is free again when this is dropped, however it ended.
struct Place {
    refreshes: Refreshes,
    key: Key,
    has_succeeded: bool,
}

impl Place {
    fn leave(mut self, has_succeeded: bool) {
        self.has_succeeded = has_succeeded;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.refreshes.lock();
        state.running.remove(&self.key);
        if self.has_succeeded {
            state.resting.remove(&self.key);
        } else {
            state.resting.insert(self.key, Instant::now() + REST);
        }
    }
}

impl Refreshes {
    /// Begins a refresh, unless there is one already, there are too many, or the last one failed a moment ago. `refresh` says whether it succeeded.
    pub fn begin<F>(&self, key: Key, refresh: impl FnOnce() -> F)
    where
        F: Future<Output = bool> + Send + 'static,
    {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut state = self.lock();
        let now = Instant::now();
        let is_resting = state.resting.get(&key).is_some_and(|until| now < *until);
        if state.is_over || is_resting || state.running.len() >= MOST || !state.running.insert(key) {
            return;
        }
        state.resting.retain(|_, until| now < *until);
        let place = Place { refreshes: self.clone(), key, has_succeeded: false };
        let refresh = refresh();
        while state.tasks.try_join_next().is_some() {}
        state.tasks.spawn_on(async move { place.leave(refresh.await) }, &runtime);
    }

    /// Ends those under way, for good.
    pub fn stop(&self) {
        let mut tasks = {
            let mut state = self.lock();
            state.is_over = true;
            std::mem::take(&mut state.tasks)
        };
        tasks.abort_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{Origin, Part, Prompt, PromptLimits};
    use crate::request::Request;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn key(text: &str) -> Key {
        let prompt = Prompt::new(&[Part::Data(Origin::Code, text.into())], PromptLimits::default()).unwrap();
        Key::of(&Request::new(Arc::new(prompt)), &["m"])
    }

    /// Counts those that run and those that ran.
    #[derive(Clone, Default)]
    struct Work(Arc<AtomicUsize>);

    impl Work {
        fn begun(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }

        fn begin(&self, refreshes: &Refreshes, name: &str, succeeds: bool) {
            let count = self.0.clone();
            refreshes.begin(key(name), move || async move {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(1)).await;
                succeeds
            });
        }
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_one_for_a_question_and_few_in_all() {
        let (refreshes, work) = (Refreshes::default(), Work::default());
        for _ in 0..100 {
            work.begin(&refreshes, "q", true);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(work.begun(), 1);
        tokio::time::sleep(Duration::from_secs(2)).await;
        work.begin(&refreshes, "q", true);
        (0..100).for_each(|number| work.begin(&refreshes, &number.to_string(), true));
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(work.begun(), 1 + MOST);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_failed_is_not_tried_again_at_once() {
        let (refreshes, work) = (Refreshes::default(), Work::default());
        for _ in 0..50 {
            work.begin(&refreshes, "q", false);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        assert!((2..=3).contains(&work.begun()), "{} in 25 seconds", work.begun());
    }

    #[tokio::test(start_paused = true)]
    async fn they_end_with_whom_they_belong_to() {
        let (refreshes, work) = (Refreshes::default(), Work::default());
        work.begin(&refreshes, "q", true);
        tokio::time::sleep(Duration::from_millis(1)).await;
        refreshes.stop();
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(refreshes.lock().running.is_empty());
        work.begin(&refreshes, "r", true);
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(work.begun(), 1);
    }
}
