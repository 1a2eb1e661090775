//! Work that costs: on threads of its own, interactive before background before bulk, fair between clients, and gone when nobody waits for it.
//!
//! Only this file starts threads for tasks. A task never touches the async runtime; its handle is a future that cancels on drop.

mod order;
mod queue;

pub use order::in_order;

use crate::metrics::{Kind, MetricsCollector, Outcome};
use queue::{Queue, Waiting};
use rustc_hash::FxHashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::Sleep;

/// Room for the deepest nesting that is read; it costs address space, not memory.
const STACK: usize = 32 << 20;

/// How soon a task is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Somebody waits for it.
    Interactive,
    /// Somebody will look at it soon.
    Background,
    /// It may take its time.
    Bulk,
}

/// Why a task gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// The queue is full.
    #[error("The server is busy: {waiting} tasks are waiting already; try again in a moment.")]
    Busy {
        /// How many wait.
        waiting: usize,
    },
    /// The asker went away, or the core was shut down.
    #[error("The task was cancelled.")]
    Cancelled,
    /// A newer task of the same key took its place.
    #[error("The task was replaced by a newer one.")]
    Replaced,
    /// It took longer than allowed.
    #[error("The task took longer than allowed and was stopped; try again, or raise `limits.deadline-ms`.")]
    Deadline,
    /// It failed in a way that is an error of this program.
    #[error("An internal error stopped the task ({message}); nothing was changed, please report it.")]
    Panicked {
        /// What was said.
        message: String,
    },
}

/// What a task is to the orchestrator.
#[derive(Clone, Debug)]
pub struct TaskSpec {
    /// The name under which it is measured.
    pub name: &'static str,
    /// How soon it is wanted.
    pub class: Class,
    /// For whom.
    pub client: Arc<str>,
    /// A newer task of the same key replaces an older one, whether that waits or runs.
    pub key: Option<Arc<str>>,
    /// After this time its handle gives [`TaskError::Deadline`] and the task is cancelled.
    pub deadline: Option<Duration>,
    /// Stands for the request that it is a part of, in traces.
    pub correlation: u64,
}

/// Tells a running task that nobody wants its result any more.
#[derive(Clone, Debug, Default)]
pub struct CancelFlag(Arc<AtomicU8>);

const WANTED: u8 = 0;
const CANCELLED: u8 = 1;
const SETTLED: u8 = 2;

impl CancelFlag {
    /// Whether to stop; cheap enough to be asked all the time.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed) == CANCELLED
    }

    /// Asks the task to stop.
    pub fn set(&self) {
        self.move_to(CANCELLED);
    }

    /// The result has gone out: what is left to do is done to its end, and the task counts as a success whoever goes away.
    pub fn settle(&self) {
        self.move_to(SETTLED);
    }

    fn move_to(&self, state: u8) {
        // The first of the two decides; that the other came too late is no error.
        self.0.compare_exchange(WANTED, state, Ordering::Relaxed, Ordering::Relaxed).ok();
    }
}

type Sender<T> = Arc<Mutex<Option<oneshot::Sender<Result<T, TaskError>>>>>;

/// What is kept of a task while it waits or runs.
struct Ticket {
    id: u64,
    /// The keys of whom it is one of.
    space: u64,
    spec: TaskSpec,
    cancel: CancelFlag,
    /// Answers its handle with an error, unless it has its answer already.
    refuse: Box<dyn Fn(TaskError) + Send>,
}

type Work = Box<dyn FnOnce() -> Outcome + Send>;

#[derive(Default)]
struct State {
    queue: Queue,
    running: FxHashMap<u64, Ticket>,
    threads: usize,
    idle: usize,
    next_id: u64,
    stopping: bool,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    metrics: Arc<MetricsCollector>,
    max_threads: usize,
    queue_limit: usize,
}

/// Runs tasks. Dropping it cancels them all; dropping a handle of [`Self::sharing`], those that came by it.
pub struct TaskOrchestrator {
    shared: Arc<Shared>,
    /// Keeps the keys of those apart who share the threads; 0 is who has them.
    space: u64,
}

impl TaskOrchestrator {
    /// An orchestrator with at most `threads` threads (started when there is work) and so many waiting tasks in each class.
    pub fn new(threads: usize, queue_limit: usize, metrics: Arc<MetricsCollector>) -> Self {
        let shared = Shared {
            state: Mutex::default(),
            wake: Condvar::new(),
            metrics,
            max_threads: threads.max(1),
            queue_limit: queue_limit.max(1),
        };
        Self { shared: Arc::new(shared), space: 0 }
    }

    /// Another handle to the same threads, with keys of its own: its tasks take nobody else's place, and end with it.
    pub fn sharing(&self) -> Self {
        static SPACES: AtomicU64 = AtomicU64::new(1);
        Self { shared: self.shared.clone(), space: SPACES.fetch_add(1, Ordering::Relaxed) }
    }

    /// Puts a task in the queue, and drops and cancels an older one of the same key.
    ///
    /// # Errors
    /// [`TaskError::Busy`] if as many tasks of its class wait as may.
    pub fn submit<T: Send + 'static>(
        &self,
        mut spec: TaskSpec,
        work: impl FnOnce(&CancelFlag) -> T + Send + 'static,
    ) -> Result<TaskHandle<T>, TaskError> {
        if self.space > 0 {
            spec.key = spec.key.map(|key| format!("{} {key}", self.space).into());
        }
        let (sender, receiver) = oneshot::channel();
        let sender: Sender<T> = Arc::new(Mutex::new(Some(sender)));
        let cancel = CancelFlag::default();
        let deadline = spec.deadline;
        let answer = |sender: &Sender<T>, result| {
            if let Some(sender) = lock(sender).take() {
                // Nobody listens any more when the handle is gone; that is what dropping it means.
                sender.send(result).ok();
            }
        };
        let refuse = {
            let sender = sender.clone();
            Box::new(move |error| answer(&sender, Err(error)))
        };
        let run: Work = {
            let cancel = cancel.clone();
            Box::new(move || match std::panic::catch_unwind(AssertUnwindSafe(|| work(&cancel))) {
                Ok(value) => {
                    let outcome = if cancel.is_set() { Outcome::Cancelled } else { Outcome::Success };
                    answer(&sender, Ok(value));
                    outcome
                }
                Err(panic) => {
                    let message = panic_message(&*panic);
                    // Its words may be those of a text, which go into the log of this machine and into no trace.
                    tracing::error!(target: "panic", message, "a task panicked");
                    answer(&sender, Err(TaskError::Panicked { message }));
                    Outcome::Panicked
                }
            })
        };
        let mut state = lock(&self.shared.state);
        let id = state.next_id;
        state.next_id += 1;
        // What the older task captured is dropped outside of the lock.
        let replaced = spec.key.as_ref().and_then(|key| state.replace(key));
        let waiting = state.queue.len(spec.class);
        if waiting >= self.shared.queue_limit {
            drop(state);
            self.shared.metrics.record(Kind::Task, spec.name, Duration::ZERO, Outcome::Refused);
            return Err(TaskError::Busy { waiting });
        }
        let ticket = Ticket { id, space: self.space, spec, cancel: cancel.clone(), refuse };
        state.queue.push(Waiting { ticket, work: run, since: Instant::now() });
        // A thread that was woken for another task, but did not wake yet, still counts as idle.
        if state.idle < state.queue.total() && state.threads < self.shared.max_threads {
            self.start_thread(&mut state);
        }
        drop(state);
        drop(replaced);
        self.shared.wake.notify_one();
        let sleep = deadline.map(|deadline| (tokio::time::Instant::now() + deadline, None));
        Ok(TaskHandle { receiver, id, cancel, sleep, shared: self.shared.clone(), done: false })
    }

    /// How many tasks wait and run.
    pub fn load(&self) -> Load {
        let state = lock(&self.shared.state);
        let waiting = [Class::Interactive, Class::Background, Class::Bulk].map(|class| state.queue.len(class));
        Load { waiting, running: state.running.len(), threads: state.threads }
    }

    /// Cancels what came by this handle, and leaves the threads to the others.
    fn leave(&self) {
        let mut state = lock(&self.shared.state);
        for ticket in state.running.values().filter(|ticket| ticket.space == self.space) {
            ticket.cancel.set();
            (ticket.refuse)(TaskError::Cancelled);
        }
        let mut waiting = Vec::new();
        while let Some(one) = state.queue.remove(|ticket| ticket.space == self.space) {
            (one.ticket.refuse)(TaskError::Cancelled);
            waiting.push(one);
        }
        // What they captured is dropped outside of the lock.
        drop(state);
        drop(waiting);
    }

    fn start_thread(&self, state: &mut State) {
        let shared = self.shared.clone();
        let name = format!("task-{}", state.threads);
        match std::thread::Builder::new().name(name).stack_size(STACK).spawn(move || shared.serve()) {
            Ok(_detached) => state.threads += 1,
            // The threads that run already go on; without any, the next submit tries again.
            Err(error) => tracing::error!(%error, "no thread could be started"),
        }
    }
}

impl Drop for TaskOrchestrator {
    fn drop(&mut self) {
        if self.space > 0 {
            return self.leave();
        }
        let mut state = lock(&self.shared.state);
        state.stopping = true;
        for ticket in state.running.values() {
            ticket.cancel.set();
            (ticket.refuse)(TaskError::Cancelled);
        }
        let waiting = state.queue.drain();
        drop(state);
        waiting.iter().for_each(|waiting| (waiting.ticket.refuse)(TaskError::Cancelled));
        self.shared.wake.notify_all();
    }
}

/// What the orchestrator is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Load {
    /// Waiting tasks: interactive, background, bulk.
    pub waiting: [usize; 3],
    /// Running tasks.
    pub running: usize,
    /// Threads started so far.
    pub threads: usize,
}

impl State {
    /// Refuses the task of that key, and cancels it where it runs.
    fn replace(&mut self, key: &Arc<str>) -> Option<Waiting> {
        let older = self.queue.remove(|ticket| ticket.spec.key.as_ref() == Some(key));
        if let Some(older) = &older {
            (older.ticket.refuse)(TaskError::Replaced);
        }
        for ticket in self.running.values().filter(|ticket| ticket.spec.key.as_ref() == Some(key)) {
            ticket.cancel.set();
            (ticket.refuse)(TaskError::Replaced);
        }
        older
    }

    /// The next task to run; one thread is always left to those that somebody waits for.
    fn next(&mut self, max_threads: usize) -> Option<Waiting> {
        let unhurried = self.running.values().filter(|ticket| ticket.spec.class != Class::Interactive).count();
        self.queue.pop(max_threads == 1 || unhurried + 1 < max_threads)
    }
}

impl Shared {
    /// The life of a thread.
    fn serve(&self) {
        let mut state = lock(&self.state);
        loop {
            if state.stopping {
                return;
            }
            let Some(Waiting { ticket, work, since }) = state.next(self.max_threads) else {
                state.idle += 1;
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
                continue;
            };
            let id = ticket.id;
            let TaskSpec { name, correlation, .. } = ticket.spec;
            state.running.insert(id, ticket);
            drop(state);
            let began = Instant::now();
            self.metrics.record(Kind::Wait, name, began - since, Outcome::Success);
            let outcome = tracing::debug_span!("task", name, correlation).in_scope(work);
            self.metrics.record(Kind::Task, name, began.elapsed(), outcome);
            state = lock(&self.state);
            state.running.remove(&id);
            // Work that had to leave this thread free may go on now, on a thread that sleeps.
            self.wake.notify_one();
        }
    }
}

/// A task's result to come. Dropping it cancels the task: at once where it waits, at its next look at the flag where it runs.
pub struct TaskHandle<T> {
    receiver: oneshot::Receiver<Result<T, TaskError>>,
    id: u64,
    cancel: CancelFlag,
    sleep: Option<(tokio::time::Instant, Option<Pin<Box<Sleep>>>)>,
    shared: Arc<Shared>,
    done: bool,
}

impl<T> TaskHandle<T> {
    /// The flag that the task looks at.
    pub fn cancel_flag(&self) -> &CancelFlag {
        &self.cancel
    }
}

impl<T> Future for TaskHandle<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(answer) = Pin::new(&mut self.receiver).poll(context) {
            self.done = true;
            return Poll::Ready(answer.unwrap_or(Err(TaskError::Cancelled)));
        }
        if let Some((deadline, sleep)) = &mut self.sleep {
            let deadline = *deadline;
            let sleep = sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
            if sleep.as_mut().poll(context).is_ready() {
                self.abandon();
                return Poll::Ready(Err(TaskError::Deadline));
            }
        }
        Poll::Pending
    }
}

impl<T> TaskHandle<T> {
    /// Lets the task go on without anybody waiting for its result.
    pub fn detach(mut self) {
        self.done = true;
    }

    fn abandon(&mut self) {
        self.done = true;
        self.cancel.set();
        let id = self.id;
        // What the task captured is dropped outside of the lock.
        let waiting = lock(&self.shared.state).queue.remove(|ticket| ticket.id == id);
        if let Some(waiting) = waiting {
            self.shared.metrics.record(Kind::Task, waiting.ticket.spec.name, Duration::ZERO, Outcome::Cancelled);
        }
    }
}

impl<T> Drop for TaskHandle<T> {
    fn drop(&mut self) {
        if !self.done {
            self.abandon();
        }
    }
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "unknown".to_string())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
