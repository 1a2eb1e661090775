//! Who follows a single job. Thousands may, and only those whom a line of the log concerns wake and read it: followers who looked for themselves,
//! each a few times a second, would ask the store the more the further its workers fall behind, and keep them from catching up.

use dashmap::DashMap;
use std::sync::Arc;
use tokio::sync::watch;

/// The jobs that are followed.
#[derive(Clone, Default)]
pub(crate) struct Followers(Arc<DashMap<String, watch::Sender<()>>>);

/// Somebody who follows a job, until he is dropped.
pub(crate) struct Follower {
    followers: Followers,
    job: String,
    /// Nothing only while he leaves.
    lines: Option<watch::Receiver<()>>,
}

impl Followers {
    /// Hears of the lines of a job from now on.
    pub fn add(&self, job: &str) -> Follower {
        let lines = self.0.entry(job.to_owned()).or_insert_with(|| watch::Sender::new(())).subscribe();
        Follower { followers: self.clone(), job: job.to_owned(), lines: Some(lines) }
    }

    /// Tells those who follow a job that it has another line.
    pub fn tell(&self, job: &str) {
        if let Some(lines) = self.0.get(job) {
            lines.send_replace(());
        }
    }

    /// Whether nobody follows anything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Follower {
    /// Waits for a line that he was not told of yet. Dropping it loses nothing.
    pub async fn told(&mut self) {
        if let Some(lines) = &mut self.lines
            && lines.changed().await.is_ok()
        {
            return;
        }
        // It does not come to this: the other end stands in the table as long as anybody follows.
        std::future::pending().await
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // Counted no longer before he looks, so that whoever leaves last sees that nobody is left.
        self.lines = None;
        self.followers.0.remove_if(&self.job, |_, lines| lines.receiver_count() == 0);
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
        followers.tell("a");
        followers.tell("c");
        assert!(one.told().now_or_never().is_some() && second.told().now_or_never().is_some());
        assert!(one.told().now_or_never().is_none() && other.told().now_or_never().is_none());
        drop(one);
        followers.tell("a");
        assert!(second.told().now_or_never().is_some(), "the other one still follows");
        drop((second, other));
        assert!(followers.is_empty());
    }

    #[test]
    fn of_those_who_leave_at_the_same_moment_none_leaves_anything_behind() {
        let followers = Followers::default();
        for _ in 0..2_000 {
            let both = [followers.add("a"), followers.add("a")];
            let ready = std::sync::Barrier::new(2);
            std::thread::scope(|scope| {
                for one in both {
                    let ready = &ready;
                    scope.spawn(move || {
                        ready.wait();
                        drop(one);
                    });
                }
            });
            assert!(followers.is_empty());
        }
    }
}
