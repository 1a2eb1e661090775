//! The serve loop: the one place where messages come in and go out, and where their order is kept.
//!
//! Replies of the client are routed the moment they are read; what the client says after its settings waits
//! until they hold, for a moment at most. Notifications and the requests of the life cycle are awaited one after
//! the other, in order. Every other request is polled once in its turn, which is when its handler takes its snapshot of the state,
//! and then runs on its own. Every request gets exactly one reply: after a cancel, a panic and malformed input too.
//! The framework's own loop is never used: it runs notifications and cancels through the same few slots as slow requests.

mod dispatch;
pub(crate) mod framing;
mod mend;
mod message;
mod read;
#[cfg(test)]
mod tests;
mod unread;
mod write;

use dispatch::Dispatcher;
use engine::queue::{ROOM, Weigh, queue};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tower_lsp::jsonrpc::{Error, Id, Response};
use tower_lsp::{ClientSocket, LanguageServer, LspService};
use unread::Unread;

/// How long running requests may still be answered after the client closed its end without saying goodbye.
const GRACE: Duration = Duration::from_secs(1);

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The client asked for shutdown first.
    Clean,
    /// It did not: `exit` without `shutdown`, or a closed pipe.
    Unclean,
    /// It read so little of what was said to it that it was left.
    Unread,
}

impl Outcome {
    /// The exit code that the protocol asks for.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Unclean | Self::Unread => 1,
        }
    }
}

/// Is told of messages.
pub(crate) trait Observer: Clone + Send + Sync + 'static {
    /// A message of this method took so long, and perhaps ended with an error.
    fn handled(&self, method: &str, took: Duration, error: Option<&Error>);

    /// The client answered with its settings: ends when they are in force, after a moment at most.
    fn settled(&self) -> impl Future<Output = ()> + Send;
}

/// Serves one client until it says `exit` or closes a pipe.
pub(crate) async fn run<S, I, O>(
    service: LspService<S>,
    socket: ClientSocket,
    input: I,
    output: O,
    observer: impl Observer,
) -> Outcome
where
    S: LanguageServer,
    I: AsyncRead + Send + Unpin + 'static,
    O: AsyncWrite + Send + Unpin + 'static,
{
    let (requests, replies) = socket.split();
    let (out, outgoing) = mpsc::unbounded_channel();
    let (work, waiting) = queue(ROOM);
    let lines = Arc::new(Lines { out, unread: Unread::new(), running: Mutex::default(), asked: Mutex::default() });

    let mut tasks = JoinSet::new();
    let writer = tasks.spawn(write::write(output, outgoing, requests, lines.clone()));
    let reader = tasks.spawn(read::read(input, work, replies, lines.clone()));
    let outcome = Dispatcher { service, lines: lines.clone(), observer, was_shut_down: false }
        .dispatch(waiting, &mut tasks)
        .await;

    reader.abort();
    lines.send(Outgoing::Close);
    if !writer.is_finished() {
        // A client that reads nothing any more must not keep the process alive.
        let closed = async { while tasks.join_next().await.is_some() && !writer.is_finished() {} };
        let _ = tokio::time::timeout(GRACE, closed).await;
    }
    outcome
}

/// What goes to the writer.
enum Outgoing {
    /// A reply as JSON.
    Reply(Vec<u8>),
    /// Nothing follows: write out what is there and end.
    Close,
}

/// What the reader hands to the dispatcher, in order.
enum Work {
    Request {
        number: i32,
        id: Id,
        method: String,
        params: Option<Value>,
        cancelled: oneshot::Receiver<()>,
    },
    Notification {
        method: String,
        params: Option<Value>,
    },
    /// Here the client answered with its settings, which hold for all that follows.
    Settings,
    /// The request of this number was cancelled: the framework may forget it.
    Forget(i32),
    Exit,
    /// The input ended.
    End,
}

/// Work that waits for its turn.
struct Waiting {
    work: Work,
    /// As long as it came.
    bytes: usize,
}

impl Weigh for Waiting {
    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// A request that has no reply yet.
struct Running {
    number: i32,
    cancel: Option<oneshot::Sender<()>>,
}

/// What reader, dispatcher, handlers and writer share.
struct Lines {
    out: mpsc::UnboundedSender<Outgoing>,
    /// How much of it waits for the client.
    unread: Unread,
    /// Requests of the client without a reply, by the client's identifier.
    running: Mutex<HashMap<Id, Running>>,
    /// Requests of ours without a reply, and whether they ask for settings.
    asked: Mutex<HashMap<Id, bool>>,
}

impl Lines {
    fn send(&self, message: Outgoing) {
        // The only failure is a writer that is gone, and then the dispatcher is ending the session already.
        let _ = self.out.send(message);
    }

    fn reply(&self, response: &Response) {
        match serde_json::to_vec(response) {
            Ok(body) if self.unread.add(body.len()) => self.send(Outgoing::Reply(body)),
            // The client reads too little, and the session ends.
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "A reply could not be written as JSON."),
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Id, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<Id, bool>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request of the client begins; whether none of this identifier is under way.
    fn begin(&self, id: &Id, request: Running) -> bool {
        let mut running = self.running();
        let is_new = !running.contains_key(id);
        if is_new {
            running.insert(id.clone(), request);
        }
        is_new
    }

    /// Cancels every request that has no reply yet.
    fn cancel_all(&self) {
        let cancels: Vec<_> = self.running().values_mut().filter_map(|request| request.cancel.take()).collect();
        for cancel in cancels {
            let _ = cancel.send(());
        }
    }

    /// Sends the one reply of a request, in the client's own identifier.
    fn finish(&self, id: Id, result: Result<Value, Error>) {
        self.running().remove(&id);
        self.reply(&Response::from_parts(id, result));
    }
}

/// Which of the two pipes ended.
enum Ended {
    Reader,
    Writer,
}
