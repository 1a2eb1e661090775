//! The events that one connection hears: what it missed first, then what comes, each once and in its order.

use super::cursor::Cursor;
use super::hub::{Here, Told};
use super::messages::{self, Topic};
use crate::auth::{self, Principal};
use crate::routes::jobs::{event_data, sees_all};
use crate::state::Gateway;
use engine::store::StoreError;
use engine::store::jobs::JobEvent;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// Lines of the log that are read at once.
const AT_ONCE: u32 = 200;

/// What there is to say next.
#[derive(Debug)]
pub(crate) enum Next {
    /// A message for the client.
    Say(String),
    /// The client reads so slowly that it fell behind all that is kept for it.
    FellBehind,
    /// The store does not answer.
    Broken,
}

/// The events that somebody hears.
pub(crate) struct Feed {
    gateway: Gateway,
    account: String,
    topics: Vec<Topic>,
    sees_all_jobs: bool,
    sees_cost: bool,
    live: Receiver<Told>,
    /// The last event that was said.
    said: Cursor,
    /// The last line of the log that was looked at.
    looked_at: i64,
    /// The last event of this process that was looked at.
    here: u64,
    /// There are lines in the log that were not looked at.
    is_behind: bool,
    waiting: VecDeque<Waiting>,
}

enum Waiting {
    Job(Arc<JobEvent>),
    Here(Arc<Here>),
    Lost(Vec<Topic>),
}

impl Feed {
    /// What happens from now on, or after the event that is named.
    ///
    /// # Errors
    /// If the store does not answer; in a sentence, where it said something.
    pub async fn begin(
        gateway: &Gateway,
        principal: &Principal,
        topics: Vec<Topic>,
        after: Option<Cursor>,
    ) -> Result<Self, String> {
        let hub = gateway.hub();
        // Heard first and asked then, so that nothing happens between the two.
        let live = hub.listen().await.ok_or_else(|| "it took too long".to_owned())?;
        let newest = gateway.store().newest_job_event().await.map_err(|error| error.to_string())?;
        let account = principal.account.id.clone();
        let mut waiting = VecDeque::new();
        let said = match after {
            None => Cursor { job: newest, process: hub.process().to_owned(), event: hub.newest() },
            Some(after) => {
                let missed =
                    (after.process == hub.process()).then(|| hub.since(after.event, &topics, &account)).flatten();
                let here: Vec<Topic> = topics.iter().copied().filter(|topic| *topic != Topic::Jobs).collect();
                let event = match missed {
                    Some(missed) => {
                        waiting.extend(missed.into_iter().map(Waiting::Here));
                        after.event
                    }
                    None => {
                        if !here.is_empty() {
                            waiting.push_back(Waiting::Lost(here));
                        }
                        hub.newest()
                    }
                };
                // What is said to lie ahead was never told by us.
                Cursor { job: after.job.min(newest), process: hub.process().to_owned(), event }
            }
        };
        let is_allowed = |operation| auth::is_allowed(gateway, principal, &operation);
        Ok(Self {
            account,
            sees_all_jobs: sees_all(principal),
            sees_cost: is_allowed(messages::usage()),
            is_behind: topics.contains(&Topic::Jobs) && said.job < newest,
            looked_at: said.job,
            here: said.event,
            gateway: gateway.clone(),
            topics,
            live,
            said,
            waiting,
        })
    }

    /// How far was heard.
    pub fn cursor(&self) -> &Cursor {
        &self.said
    }

    /// What there is to say next. Dropping it loses nothing.
    pub async fn next(&mut self) -> Next {
        loop {
            while let Some(waiting) = self.waiting.pop_front() {
                if let Some(message) = self.message(&waiting) {
                    return Next::Say(message);
                }
            }
            if self.is_behind {
                if self.look_at_the_log().await.is_err() {
                    return Next::Broken;
                }
                continue;
            }
            match self.live.recv().await {
                Ok(Told::Job(event)) if !self.topics.contains(&Topic::Jobs) || event.seq <= self.looked_at => {}
                // Lines have no gaps: where one is missing, it was written before anybody listened.
                Ok(Told::Job(event)) if event.seq > self.looked_at + 1 => self.is_behind = true,
                Ok(Told::Job(event)) => {
                    self.looked_at = event.seq;
                    self.waiting.push_back(Waiting::Job(event));
                }
                Ok(Told::Here(event)) if event.number > self.here => {
                    self.here = event.number;
                    self.waiting.push_back(Waiting::Here(event));
                }
                Ok(Told::Here(_)) => {}
                // Others made more than he could be told one by one. What concerns him is kept elsewhere, as long as it is not too much.
                Err(RecvError::Lagged(_)) => {
                    let newest = self.gateway.hub().newest();
                    let Some(missed) = self.gateway.hub().since(self.here, &self.topics, &self.account) else {
                        return Next::FellBehind;
                    };
                    self.is_behind = self.topics.contains(&Topic::Jobs);
                    self.here = missed.last().map_or(newest, |last| last.number.max(newest));
                    self.waiting.extend(missed.into_iter().map(Waiting::Here));
                }
                Err(RecvError::Closed) => return Next::Broken,
            }
        }
    }

    async fn look_at_the_log(&mut self) -> Result<(), StoreError> {
        let events = self.gateway.store().job_events_since(self.looked_at, AT_ONCE).await?;
        if events.first().is_some_and(|first| first.seq > self.looked_at + 1) {
            self.waiting.push_back(Waiting::Lost(vec![Topic::Jobs]));
        }
        self.is_behind = events.len() == AT_ONCE as usize;
        if let Some(last) = events.last() {
            self.looked_at = last.seq;
        }
        self.waiting.extend(events.into_iter().map(|event| Waiting::Job(Arc::new(event))));
        Ok(())
    }

    /// What is said of it to this client; nothing where it does not concern him.
    fn message(&mut self, waiting: &Waiting) -> Option<String> {
        match waiting {
            Waiting::Lost(topics) => Some(messages::lost(topics)),
            Waiting::Job(event) => {
                // Lines of others count as heard: whoever comes back need not read them again.
                self.said.job = event.seq;
                if !self.sees_all_jobs && event.account != self.account {
                    return None;
                }
                Some(messages::event(&self.said.to_string(), Topic::Jobs, &event_data(event).to_string()))
            }
            Waiting::Here(event) => {
                let is_for_him = event.account.as_ref().is_none_or(|account| *account == self.account);
                if event.number <= self.said.event {
                    return None;
                }
                self.said.event = event.number;
                if !is_for_him || !self.topics.contains(&event.topic) {
                    return None;
                }
                let data = event.plain.as_deref().filter(|_| !self.sees_cost).unwrap_or(&event.data);
                Some(messages::event(&self.said.to_string(), event.topic, data))
            }
        }
    }
}
