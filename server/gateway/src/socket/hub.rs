//! Where all connections of this process hear of events: one look at the store for all of them, and one copy of each event.
//!
//! Events of jobs stand in the store's log and are only passed on. Those of models and of documents live here, the last of them for those who come back
//! after a drop. Nobody who listens slowly holds up the others: he falls behind, and is told so.

use super::messages::Topic;
use crate::auth::secrets;
use crate::state::Gateway;
use engine::ModelStep;
use engine::store::jobs::JobEvent;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, broadcast, watch};

/// How often the store is asked while somebody listens, and while nobody does.
const LOOK: Duration = Duration::from_millis(20);
const LOOK_IDLE: Duration = Duration::from_secs(1);
/// How often it is asked whether anything was revoked.
const LOOK_AT_RIGHTS: Duration = Duration::from_millis(300);
/// Events that somebody may be behind.
const BEHIND: usize = 4096;
/// Events of this process that are kept for those who come back.
const KEPT: usize = 1024;
/// Lines that one look at the store gives.
const AT_ONCE: u32 = 500;

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// To a job.
    Job(Arc<JobEvent>),
    /// In this process.
    Here(Arc<Here>),
}

/// Something that happened in this process and stands in no log.
#[derive(Debug)]
pub(crate) struct Here {
    /// Its number.
    pub number: u64,
    /// What it is about.
    pub topic: Topic,
    /// Whom it concerns; everybody who may hear of the topic where it is left out.
    pub account: Option<String>,
    /// What happened, as JSON.
    pub data: String,
    /// The same for those who may not see what is spent.
    pub plain: Option<String>,
}

/// Where events come together.
pub(crate) struct Hub {
    /// Stands for this process in the ids of events.
    process: String,
    live: broadcast::Sender<Told>,
    /// The last events of this process, and the number of the newest.
    kept: Mutex<(VecDeque<Arc<Here>>, u64)>,
    /// Somebody listens for the first time.
    first: Notify,
    /// Becomes true when the store is looked at.
    is_looking: watch::Sender<bool>,
    /// Grows when rights may have been lost.
    rights: watch::Sender<u64>,
}

impl Hub {
    /// A hub that does nothing until somebody listens.
    pub fn new() -> Self {
        let number = secrets::number().replace('-', "");
        Self {
            process: number.get(..16).unwrap_or("0000000000000000").to_owned(),
            live: broadcast::channel(BEHIND).0,
            kept: Mutex::default(),
            first: Notify::new(),
            is_looking: watch::Sender::new(false),
            rights: watch::Sender::new(0),
        }
    }

    /// The name of this process in ids.
    pub fn process(&self) -> &str {
        &self.process
    }

    /// All that happens from now on, once the store is looked at.
    pub async fn listen(&self) -> broadcast::Receiver<Told> {
        let live = self.live.subscribe();
        self.first.notify_one();
        // It ends only with the process.
        let _ = self.is_looking.subscribe().wait_for(|looks| *looks).await;
        live
    }

    /// The number of the newest event of this process.
    pub fn newest(&self) -> u64 {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// The events of this process after a number; `None` where some of them are kept no longer.
    pub fn since(&self, number: u64) -> Option<Vec<Arc<Here>>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = kept.0.front().map_or(kept.1 + 1, |event| event.number);
        (number <= kept.1 && number + 1 >= oldest)
            .then(|| kept.0.iter().filter(|event| event.number > number).cloned().collect())
    }

    /// Tells what happened in this process.
    pub fn tell(&self, topic: Topic, account: Option<&str>, data: String, plain: Option<String>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.1 += 1;
        let event = Arc::new(Here { number: kept.1, topic, account: account.map(str::to_owned), data, plain });
        if kept.0.len() == KEPT {
            kept.0.pop_front();
        }
        kept.0.push_back(event.clone());
        // Sent while the lock is held, so that numbers come in their order; it does not wait. Without listeners nobody hears it.
        self.live.send(Told::Here(event)).ok();
    }

    /// Grows when rights may have been lost.
    pub fn rights(&self) -> watch::Receiver<u64> {
        self.rights.subscribe()
    }
}

/// Looks at the store and at the models for all connections, from the first that listens on; until it is dropped.
pub(crate) async fn watch(gateway: &Gateway) {
    gateway.hub().first.notified().await;
    tokio::join!(watch_jobs(gateway), watch_rights(gateway), watch_models(gateway));
}

async fn watch_jobs(gateway: &Gateway) {
    let hub = gateway.hub();
    let mut newest = loop {
        match gateway.store().newest_job_event().await {
            Ok(newest) => break newest,
            Err(_) => tokio::time::sleep(LOOK_IDLE).await,
        }
    };
    hub.is_looking.send_replace(true);
    loop {
        // Where the store does not answer, it is asked again; who listens notices nothing but that it comes late.
        let events = gateway.store().job_events_since(newest, AT_ONCE).await.unwrap_or_default();
        let is_all = events.len() < AT_ONCE as usize;
        if let Some(last) = events.last() {
            newest = last.seq;
        }
        for event in events {
            hub.live.send(Told::Job(Arc::new(event))).ok();
        }
        if is_all {
            tokio::time::sleep(if hub.live.receiver_count() > 0 { LOOK } else { LOOK_IDLE }).await;
        }
    }
}

async fn watch_rights(gateway: &Gateway) {
    let mut known = None;
    loop {
        if let Ok((newest, _)) = gateway.store().revoked_since(i64::MAX).await {
            if known.is_some_and(|known| known != newest) {
                gateway.hub().rights.send_modify(|times| *times += 1);
            }
            known = Some(newest);
        }
        tokio::time::sleep(LOOK_AT_RIGHTS).await;
    }
}

async fn watch_models(gateway: &Gateway) {
    let hub = gateway.hub();
    loop {
        if let Ok(mut steps) = gateway.core("service").model_steps().await {
            while let Some(step) = steps.next().await {
                let json = |step: &ModelStep| serde_json::to_string(step).unwrap_or_default();
                let plain = matches!(step, ModelStep::Answered { .. }).then(|| json(&step.clone().without_cost()));
                hub.tell(Topic::Models, None, json(&step), plain);
            }
        }
        tokio::time::sleep(LOOK_IDLE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_is_told_all_that_he_missed_or_that_some_is_gone() {
        let hub = Hub::new();
        let numbers = |since: u64| hub.since(since).map(|events| events.iter().map(|event| event.number).collect::<Vec<_>>());
        assert_eq!(numbers(0), Some(vec![]));
        assert_eq!(numbers(1), None, "that has not happened yet");
        for _ in 0..3 {
            hub.tell(Topic::Models, None, "{}".to_owned(), None);
        }
        assert_eq!((numbers(0), numbers(2), numbers(3)), (Some(vec![1, 2, 3]), Some(vec![3]), Some(vec![])));
        for _ in 0..KEPT {
            hub.tell(Topic::Models, None, "{}".to_owned(), None);
        }
        assert_eq!(numbers(2), None, "the third is kept no longer");
        assert_eq!(numbers(3).map(|numbers| numbers.len()), Some(KEPT));
    }
}
