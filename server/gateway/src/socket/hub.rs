//! Where all connections of this process hear of events: one look at the store for all of them, and one copy of each event.
//!
//! Events of jobs stand in the store's log and are only passed on. Those of models and of documents live here, the last of them for those who come back
//! after a drop. Nobody who listens slowly holds up the others: he falls behind, and is told so.

use super::followers::{Follower, Followers};
use super::messages::Topic;
use crate::auth::secrets;
use crate::state::Gateway;
use engine::store::jobs::JobEvent;
use engine::{ModelStep, ModelSteps};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, broadcast, watch};

/// How often the store is asked for what other replicas wrote: while somebody listens, while somebody follows a job, and while nobody does.
const LOOK: Duration = Duration::from_millis(20);
const LOOK_FOLLOWED: Duration = Duration::from_millis(250);
const LOOK_IDLE: Duration = Duration::from_secs(1);
/// And how often at most, where this process writes much itself.
const BREATH: Duration = Duration::from_millis(2);
/// How often it is asked whether anything was revoked.
const LOOK_AT_RIGHTS: Duration = Duration::from_millis(300);
/// How long the models have to be set up.
const SET_UP: Duration = Duration::from_secs(2);
/// How long somebody waits for the store.
const PATIENCE: Duration = Duration::from_secs(5);
/// Revocations that somebody may be behind before he asks for himself.
const BEHIND_RIGHTS: usize = 64;
/// Events that somebody may be behind.
const BEHIND: usize = 4096;
/// Events of one topic, and where it concerns an account of that account, that are kept for those who come back.
const KEPT: usize = 1024;
/// Accounts whose events are kept.
const ACCOUNTS: usize = 1024;
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
    followers: Followers,
    kept: Mutex<Kept>,
    /// Somebody begins to listen.
    begins: Notify,
    /// Becomes true when the store is looked at.
    is_looking: watch::Sender<bool>,
    /// The ids of accounts, sessions and tokens that may have lost rights; none, where that may be any.
    rights: broadcast::Sender<Arc<Vec<String>>>,
}

/// The last events of this process. Each topic and each account has its own, so that nobody's many events push out those of others.
#[derive(Default)]
struct Kept {
    /// The number of the newest.
    newest: u64,
    of: FxHashMap<(Topic, Option<String>), Ring>,
    /// The newest event of an account that is kept no longer at all.
    forgotten: u64,
}

#[derive(Default)]
struct Ring {
    events: VecDeque<Arc<Here>>,
    /// The newest that was let go.
    gone: u64,
}

impl Kept {
    fn keep(&mut self, event: &Arc<Here>) {
        let key = (event.topic, event.account.clone());
        if self.of.len() >= ACCOUNTS && !self.of.contains_key(&key) {
            // The one of whom nothing was heard for longest.
            let last = |ring: &Ring| ring.events.back().map_or(0, |event| event.number);
            let oldest = self.of.iter().min_by_key(|(_, ring)| last(ring)).map(|(key, ring)| (key.clone(), last(ring)));
            if let Some((key, last)) = oldest {
                self.of.remove(&key);
                self.forgotten = self.forgotten.max(last);
            }
        }
        let ring = self.of.entry(key).or_default();
        if ring.events.len() == KEPT
            && let Some(first) = ring.events.pop_front()
        {
            ring.gone = first.number;
        }
        ring.events.push_back(event.clone());
    }
}

impl Hub {
    /// A hub that does nothing until somebody listens.
    pub fn new() -> Self {
        let number = secrets::number().replace('-', "");
        Self {
            process: number.get(..16).unwrap_or("0000000000000000").to_owned(),
            live: broadcast::channel(BEHIND).0,
            followers: Followers::default(),
            kept: Mutex::default(),
            begins: Notify::new(),
            is_looking: watch::Sender::new(false),
            rights: broadcast::channel(BEHIND_RIGHTS).0,
        }
    }

    /// The name of this process in ids.
    pub fn process(&self) -> &str {
        &self.process
    }

    /// All that happens from now on, once the store is looked at; `None` where it does not answer.
    pub async fn listen(&self) -> Option<broadcast::Receiver<Told>> {
        let live = self.live.subscribe();
        self.looks().await.then_some(live)
    }

    /// All that happens to a job from now on, once the store is looked at; `None` where it does not answer.
    pub async fn follow(&self, job: &str) -> Option<Follower> {
        let follower = self.followers.add(job);
        self.looks().await.then_some(follower)
    }

    /// Has the store looked at; whether it is.
    async fn looks(&self) -> bool {
        self.begins.notify_one();
        let mut is_looking = self.is_looking.subscribe();
        tokio::time::timeout(PATIENCE, is_looking.wait_for(|looks| *looks)).await.is_ok()
    }

    /// The number of the newest event of this process.
    pub fn newest(&self) -> u64 {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).newest
    }

    /// The events of topics for an account after a number, oldest first; `None` where some of them are kept no longer.
    pub fn since(&self, number: u64, topics: &[Topic], account: &str) -> Option<Vec<Arc<Here>>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if number > kept.newest {
            return None;
        }
        let mut missed = Vec::new();
        for topic in topics.iter().copied().filter(|topic| *topic != Topic::Jobs) {
            for owner in [None, Some(account.to_owned())] {
                let is_of_account = owner.is_some();
                match kept.of.get(&(topic, owner)) {
                    Some(ring) if ring.gone > number => return None,
                    Some(ring) => missed.extend(ring.events.iter().filter(|event| event.number > number).cloned()),
                    // Whether there was anything is not known any more.
                    None if is_of_account && topic == Topic::Diagnostics && kept.forgotten > number => return None,
                    None => {}
                }
            }
        }
        missed.sort_unstable_by_key(|event| event.number);
        Some(missed)
    }

    /// Tells what happened in this process.
    pub fn tell(&self, topic: Topic, account: Option<&str>, data: String, plain: Option<String>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.newest += 1;
        let event = Arc::new(Here { number: kept.newest, topic, account: account.map(str::to_owned), data, plain });
        kept.keep(&event);
        // Sent while the lock is held, so that numbers come in their order; it does not wait. Without listeners nobody hears it.
        self.live.send(Told::Here(event)).ok();
    }

    /// The ids of accounts, sessions and tokens that may have lost rights from now on; none, where that may be any.
    pub fn rights(&self) -> broadcast::Receiver<Arc<Vec<String>>> {
        let rights = self.rights.subscribe();
        self.begins.notify_one();
        rights
    }
}

/// Looks at the store and at the models for all connections, from the first that listens on; until it is dropped.
pub(crate) async fn watch(gateway: &Gateway) {
    gateway.hub().begins.notified().await;
    tokio::join!(watch_rights(gateway), watch_events(gateway));
}

/// Whoever waits until he listens is told so once nothing is missed any more, neither of jobs nor of models.
async fn watch_events(gateway: &Gateway) {
    let (newest, steps) = tokio::join!(newest_of_jobs(gateway), steps_of_models(gateway));
    gateway.hub().is_looking.send_replace(true);
    tokio::join!(watch_jobs(gateway, newest), watch_models(gateway, steps));
}

async fn newest_of_jobs(gateway: &Gateway) -> i64 {
    loop {
        match gateway.store().newest_job_event().await {
            Ok(newest) => return newest,
            Err(_) => tokio::time::sleep(LOOK_IDLE).await,
        }
    }
}

async fn watch_jobs(gateway: &Gateway, mut newest: i64) {
    let hub = gateway.hub();
    loop {
        // From before the look on, so that nothing is written between the two unnoticed.
        let news = gateway.store().job_news();
        // Where the store does not answer, it is asked again; who listens notices nothing but that it comes late.
        let events = gateway.store().job_events_since(newest, AT_ONCE).await.unwrap_or_default();
        let is_all = events.len() < AT_ONCE as usize;
        if let Some(last) = events.last() {
            newest = last.seq;
        }
        for event in events {
            hub.followers.tell(&event.job);
            hub.live.send(Told::Job(Arc::new(event))).ok();
        }
        if is_all {
            let pause = if hub.live.receiver_count() > 0 {
                LOOK
            } else if hub.followers.is_empty() {
                LOOK_IDLE
            } else {
                LOOK_FOLLOWED
            };
            tokio::select! {
                // While nobody hears it, news are no reason to look.
                () = news, if pause != LOOK_IDLE => tokio::time::sleep(BREATH).await,
                () = hub.begins.notified() => tokio::time::sleep(BREATH).await,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

async fn watch_rights(gateway: &Gateway) {
    let mut known = None;
    loop {
        if let Ok((newest, revoked)) = gateway.store().revoked_since(known.unwrap_or(i64::MAX)).await {
            // What was revoked before this began to look is told to nobody: whoever is connected by now asks for himself.
            let is_first = known.replace(newest).is_none();
            if is_first || !revoked.is_empty() {
                // Without connections nobody hears it.
                gateway.hub().rights.send(Arc::new(revoked.into_iter().map(|one| one.id).collect())).ok();
            }
        }
        tokio::time::sleep(LOOK_AT_RIGHTS).await;
    }
}

/// What happens with models from now on; nothing where they could not be set up just now, or not soon: who listens for jobs waits for it too.
async fn steps_of_models(gateway: &Gateway) -> Option<ModelSteps> {
    tokio::time::timeout(SET_UP, gateway.core("service").model_steps()).await.ok()?.ok()
}

async fn watch_models(gateway: &Gateway, mut steps: Option<ModelSteps>) {
    let hub = gateway.hub();
    loop {
        if let Some(mut steps) = steps {
            while let Some(step) = steps.next().await {
                let json = |step: &ModelStep| serde_json::to_string(step).unwrap_or_default();
                let plain = matches!(step, ModelStep::Answered { .. }).then(|| json(&step.clone().without_cost()));
                hub.tell(Topic::Models, None, json(&step), plain);
            }
        }
        tokio::time::sleep(LOOK_IDLE).await;
        steps = steps_of_models(gateway).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_is_told_all_that_he_missed_or_that_some_is_gone() {
        let hub = Hub::new();
        let numbers = |since: u64, topic: Topic, account: &str| {
            let events = hub.since(since, &[topic], account)?;
            Some(events.iter().map(|event| event.number).collect::<Vec<_>>())
        };
        let models = |since| numbers(since, Topic::Models, "ann");
        assert_eq!(models(0), Some(vec![]));
        assert_eq!(models(1), None, "that has not happened yet");
        for _ in 0..3 {
            hub.tell(Topic::Models, None, "{}".to_owned(), None);
        }
        hub.tell(Topic::Diagnostics, Some("ann"), "{}".to_owned(), None);
        assert_eq!((models(0), models(2), models(4)), (Some(vec![1, 2, 3]), Some(vec![3]), Some(vec![])));
        assert_eq!(numbers(0, Topic::Diagnostics, "ann"), Some(vec![4]));
        assert_eq!(numbers(0, Topic::Diagnostics, "bob"), Some(vec![]));
        // What one account does much of pushes out nothing of others.
        for _ in 0..KEPT + 1 {
            hub.tell(Topic::Diagnostics, Some("bob"), "{}".to_owned(), None);
        }
        assert_eq!((models(0), numbers(0, Topic::Diagnostics, "ann")), (Some(vec![1, 2, 3]), Some(vec![4])));
        assert_eq!(numbers(4, Topic::Diagnostics, "bob"), None, "the first is kept no longer");
        assert_eq!(numbers(5, Topic::Diagnostics, "bob").map(|numbers| numbers.len()), Some(KEPT));
        // Nor are there accounts without end.
        for number in 0..ACCOUNTS {
            hub.tell(Topic::Diagnostics, Some(&number.to_string()), "{}".to_owned(), None);
        }
        assert_eq!(numbers(0, Topic::Diagnostics, "ann"), None);
        assert!(hub.kept.lock().unwrap().of.len() <= ACCOUNTS);
    }
}
