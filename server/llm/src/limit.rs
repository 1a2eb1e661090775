//! How many requests a target is given at a time: as many as it bears, found out by asking it.
//!
//! A limit that is too high makes the provider queue or refuse; one that is too low wastes it. Both are seen in the time to the first word
//! against the time when little is under way: while it stays, the limit grows; when it rises, the limit falls in proportion (a gradient
//! limit, as in Netflix's "Performance Under Load"). A refusal for want of room cuts it at once. Whether the limit began too high is found
//! out by halving it for a moment: if waiting falls with it, the queue was at the provider. Whole answers are no signal, since their time
//! is the length of the text. Who may not go out waits here, in order of priority.

mod forecast;
mod gradient;
mod queue;

pub use forecast::Forecast;
use gradient::Gradient;
use queue::Queue;

use crate::error::{Cause, LlmError};
use crate::request::Priority;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Requests that may wait for one target; more are refused, since memory is not without end and neither is patience.
const LONGEST_QUEUE: usize = 10_000;

/// Where a limit begins and how far it may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LimitConfig {
    /// Requests at a time to begin with.
    pub first: usize,
    /// Never more than this.
    pub most: usize,
    /// Whether it follows what is measured; otherwise it stays where it began.
    pub adapts: bool,
    /// Whether room is made for what is about to come.
    pub foresees: bool,
}

impl Default for LimitConfig {
    fn default() -> Self {
        Self { first: 32, most: 1024, adapts: true, foresees: true }
    }
}

/// What is asked for at the gate of a target.
#[derive(Clone, Copy, Debug)]
pub struct Admission<'a> {
    /// Who goes first.
    pub priority: Priority,
    /// Whose request it is; clients take turns.
    pub client: &'a str,
    /// Bytes of the prompt: a long one takes longer to be read, and that is not held against the target.
    pub bytes: usize,
    /// How long it may wait.
    pub patience: Duration,
}

/// How a limit stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitReport {
    /// Requests at a time.
    pub limit: usize,
    /// Requests under way.
    pub in_flight: usize,
    /// Requests that wait.
    pub queued: usize,
}

/// The limit of one target.
#[derive(Debug)]
pub struct Limiter {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    gradient: Gradient,
    forecast: Forecast,
    queue: Queue<Permit>,
    in_flight: usize,
}

impl Limiter {
    /// A limiter with nothing under way.
    pub fn new(config: LimitConfig) -> Self {
        let state = State {
            gradient: Gradient::new(config),
            forecast: Forecast::new(Instant::now()),
            queue: Queue::default(),
            in_flight: 0,
        };
        Self { state: Mutex::new(state) }
    }

    /// Takes other bounds over.
    pub fn configure(self: &Arc<Self>, config: LimitConfig) {
        self.lock().gradient.configure(config);
        self.wake();
    }

    /// How it stands.
    pub fn report(&self) -> LimitReport {
        let state = self.lock();
        LimitReport { limit: state.gradient.limit(), in_flight: state.in_flight, queued: state.queue.len() }
    }

    /// Connections' worth of requests that are about to be under way at one time, if that is known.
    pub fn foreseen(&self) -> Option<usize> {
        let mut state = self.lock();
        if !state.gradient.config().foresees {
            return None;
        }
        let now = Instant::now();
        let foreseen = state.forecast.in_flight(now);
        (foreseen > state.in_flight).then_some(foreseen)
    }

    /// Leave to send one request, as soon as there is room.
    ///
    /// # Errors
    /// If too many wait already, or no room came in time. Dropping the future gives the place in the queue up.
    pub async fn admit(self: &Arc<Self>, target: &str, admission: Admission<'_>) -> Result<Permit, LlmError> {
        let waiting = {
            let mut state = self.lock();
            let now = Instant::now();
            state.forecast.arrival(now);
            state.foresee(now);
            if state.has_room(admission.priority) && state.queue.is_empty_down_to(admission.priority) {
                return Ok(state.permit(self, admission.bytes, now));
            }
            if state.queue.len() >= LONGEST_QUEUE {
                let detail = format!("{LONGEST_QUEUE} requests wait for it already");
                return Err(LlmError::new(target, Cause::Busy, detail));
            }
            state.queue.push(admission.priority, admission.client, admission.bytes)
        };
        let leave = Leave { limiter: self };
        match tokio::time::timeout(admission.patience, waiting).await {
            Ok(Ok(permit)) => {
                std::mem::forget(leave);
                Ok(permit)
            }
            Ok(Err(_closed)) => Err(LlmError::new(target, Cause::Busy, "its queue was given up")),
            Err(_elapsed) => {
                let seconds = admission.patience.as_secs_f64();
                Err(LlmError::new(target, Cause::Busy, format!("no place came free in {seconds:.0} seconds")))
            }
        }
    }

    /// Sends those who wait on their way, as many as there is room for.
    fn wake(self: &Arc<Self>) {
        loop {
            let (next, permit) = {
                let mut state = self.lock();
                let Some(priority) = Priority::ALL.into_iter().find(|priority| state.has_waiting(*priority)) else {
                    return;
                };
                if !state.has_room(priority) {
                    return;
                }
                // All who stood there had left.
                let Some((next, bytes)) = state.queue.pop(priority) else { continue };
                (next, state.permit(self, bytes, Instant::now()))
            };
            // One who left between takes nothing along: the permit comes back and is dropped here, outside of the lock.
            if let Err(mut permit) = next.send(permit) {
                permit.is_returned = true;
                self.lock().in_flight -= 1;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Marks a place in the queue as given up, so that it is not counted any more.
struct Leave<'a> {
    limiter: &'a Limiter,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.limiter.lock().queue.sweep();
    }
}

impl State {
    /// Whether one more of this priority may go out. What can wait leaves some room to what cannot.
    fn has_room(&self, priority: Priority) -> bool {
        let limit = self.gradient.limit();
        let share = match priority {
            Priority::Interactive => limit,
            Priority::Background => (limit * 3).div_ceil(4),
            Priority::Bulk => limit.div_ceil(2),
        };
        self.in_flight < share
    }

    fn has_waiting(&self, priority: Priority) -> bool {
        self.queue.has(priority) && self.has_room(priority)
    }

    fn permit(&mut self, limiter: &Arc<Limiter>, bytes: usize, now: Instant) -> Permit {
        self.in_flight += 1;
        Permit { limiter: limiter.clone(), bytes, sent: now, under_way: self.in_flight, is_returned: false }
    }

    /// Makes room for what is about to come, where nothing says that the target would not bear it.
    fn foresee(&mut self, now: Instant) {
        if self.gradient.config().foresees && self.forecast.is_due(now) {
            let needed = self.forecast.in_flight(now);
            self.gradient.make_room(needed, now);
        }
    }
}

/// Leave for one request. It is under way until this is dropped.
#[derive(Debug)]
pub struct Permit {
    limiter: Arc<Limiter>,
    bytes: usize,
    sent: Instant,
    /// How many were under way with it.
    under_way: usize,
    is_returned: bool,
}

impl Permit {
    /// The first word came so long after the request went out.
    pub fn first_word(&self, took: Duration) {
        let mut state = self.limiter.lock();
        state.gradient.sample(self.sent, took, self.under_way, self.bytes);
        drop(state);
        self.limiter.wake();
    }

    /// The target had no room for the request.
    pub fn refused(&self) {
        let mut state = self.limiter.lock();
        let in_flight = state.in_flight;
        state.gradient.cut(self.sent, in_flight);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_returned {
            return;
        }
        let mut state = self.limiter.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
        let now = Instant::now();
        state.forecast.departure(now.saturating_duration_since(self.sent));
        drop(state);
        self.limiter.wake();
    }
}

/// All limiters, by what providers count limits for: address, model and key.
#[derive(Debug, Default)]
pub struct Limiters {
    all: Mutex<FxHashMap<String, Arc<Limiter>>>,
}

impl Limiters {
    /// The limiter under a name; a new one if there is none.
    pub fn of(&self, name: &str, config: LimitConfig) -> Arc<Limiter> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(limiter) = all.get(name) {
            return limiter.clone();
        }
        let limiter = Arc::new(Limiter::new(config));
        all.insert(name.to_owned(), limiter.clone());
        limiter
    }

    /// Takes other bounds over, for all.
    pub fn configure(&self, config: LimitConfig) {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().for_each(|limiter| limiter.configure(config));
    }
}

#[cfg(test)]
mod tests;
