//! Who follows a single job. Thousands may, and only those whom a line of the log concerns wake and read it: followers who looked for themselves,
//! each a few times a second, would ask the store the more the further its workers fall behind, and keep them from catching up.

use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The jobs that are followed, each with the number of its newest line.
#[derive(Clone, Default)]
pub(crate) struct Followers(Arc<Mutex<FxHashMap<String, watch::Sender<i64>>>>);

/// Somebody who follows a job, until he is dropped.
pub(crate) struct Follower {
    followers: Followers,
    job: String,
    lines: watch::Receiver<i64>,
}

impl Followers {
    /// Hears of the lines of a job from now on.
    pub fn add(&self, job: &str) -> Follower {
        let mut of = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = of.entry(job.to_owned()).or_insert_with(|| watch::Sender::new(0)).subscribe();
        Follower { followers: self.clone(), job: job.to_owned(), lines }
    }

    /// Tells those who follow a job of a line.
    pub fn tell(&self, job: &str, line: i64) {
        if let Some(lines) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(job) {
            lines.send_replace(line);
        }
    }

    /// Whether nobody follows anything.
    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl Follower {
    /// Waits for a line that he was not told of yet. Dropping it loses nothing.
    pub async fn told(&mut self) {
        // The other end stands in the table as long as anybody follows.
        if self.lines.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut of = self.followers.0.lock().unwrap_or_else(PoisonError::into_inner);
        // This one is counted still.
        if of.get(&self.job).is_some_and(|lines| lines.receiver_count() <= 1) {
            of.remove(&self.job);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn only_those_whom_a_line_concerns_are_told_and_nobody_who_left_is_kept() {
        let followers = Followers::default();
        let (mut one, mut other) = (followers.add("a"), followers.add("b"));
        let mut second = followers.add("a");
        assert!(one.told().now_or_never().is_none(), "nothing happened");
        followers.tell("a", 1);
        followers.tell("c", 2);
        assert!(one.told().now_or_never().is_some() && second.told().now_or_never().is_some());
        assert!(one.told().now_or_never().is_none() && other.told().now_or_never().is_none());
        drop(one);
        followers.tell("a", 3);
        assert!(second.told().now_or_never().is_some(), "the other one still follows");
        drop((second, other));
        assert!(followers.is_empty());
    }
}
