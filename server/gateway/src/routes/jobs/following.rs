//! One client that follows a job: the lines of its log in their order, each once, until it has ended or he may hear no more. Between the lines it
//! asks the store nothing.

use crate::auth::Principal;
use crate::error::Problem;
use crate::socket::{Follower, Standing};
use crate::state::Gateway;
use engine::store::StoreError;
use engine::store::jobs::{JobEvent, JobState};
use std::collections::VecDeque;

/// Lines that are read at once.
const AT_ONCE: u32 = 100;

/// Somebody who follows a job.
pub(super) struct Following {
    gateway: Gateway,
    follower: Follower,
    standing: Standing,
    id: String,
    /// The number of the last line that was read.
    from: i64,
    /// What was read and not told yet.
    waiting: VecDeque<JobEvent>,
    /// There may be more than what was read.
    is_behind: bool,
    is_over: bool,
}

impl Following {
    /// Follows a job from behind a line.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn begin(gateway: &Gateway, principal: &Principal, id: String, from: i64) -> Result<Self, Problem> {
        // Heard first and read then, so that no line is written between the two that nobody sees.
        let follower = gateway.hub().follow(&id).await;
        let follower = follower.ok_or_else(|| StoreError::Unavailable("it takes too long".to_owned()))?;
        let standing = Standing::new(gateway, principal);
        // What is said to lie ahead was never told by us: the store may have been put back to what it was.
        let from = from.min(gateway.store().newest_job_event().await?);
        let is_done = gateway.store().job_state(&id).await?.is_none_or(JobState::is_final);
        let (waiting, is_behind, is_over) = Default::default();
        let mut following =
            Self { gateway: gateway.clone(), follower, standing, id, from, waiting, is_behind, is_over };
        following.read().await?;
        // One that ended before anybody looked has no more lines.
        following.is_over = is_done && following.waiting.is_empty();
        Ok(following)
    }

    /// The next line; `None` where there is none any more, or he who follows goes on behind the last one elsewhere, if he still may.
    pub async fn next(&mut self) -> Option<JobEvent> {
        let mut stopping = self.gateway.stopping();
        loop {
            if self.is_over || self.standing.lost_by_now().await.is_some() {
                return None;
            }
            if let Some(event) = self.waiting.pop_front() {
                self.is_over = event.state.is_final();
                return Some(event);
            }
            if *stopping.borrow() {
                return None;
            }
            if self.is_behind {
                self.read().await.ok()?;
                continue;
            }
            tokio::select! {
                () = self.follower.told() => self.read().await.ok()?,
                _ = self.standing.lost() => return None,
                _ = stopping.changed() => return None,
            }
        }
    }

    /// Reads what stands behind the last line that was read.
    async fn read(&mut self) -> Result<(), StoreError> {
        self.waiting = self.gateway.store().job_events_of(&self.id, self.from, AT_ONCE).await?.into();
        if let Some(last) = self.waiting.back() {
            self.from = last.seq;
        }
        self.is_behind = self.waiting.len() == AT_ONCE as usize;
        Ok(())
    }
}
