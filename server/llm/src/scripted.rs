//! A model server that does as it is told: real sockets, HTTP/1.1 and HTTP/2, every wire format that targets speak, and faults on demand.
//!
//! Tests and measurements stand on it. It proves how the path behaves, not that a real provider answers as it does, and it is never part of
//! answering a user.

mod anthropic;
mod behaviour;
mod body;
mod fill;
mod formats;
mod gemini;
mod ollama;
mod openai;
mod serve;
#[cfg(test)]
mod tests;

pub use behaviour::{Behaviour, Fault, Knee, Script, Tail, Trouble, words};
pub use formats::Format;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::time::Instant;
use tokio::net::TcpListener;

/// So many bodies, keys and times are remembered, the last ones: a measurement asks a million times.
const REMEMBERED: usize = 16;

/// What can be known of a request when it is decided how it is answered.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    /// Its path with its query.
    pub path: String,
    /// The format that its path belongs to; none where no provider has such a path.
    pub format: Option<Format>,
    /// Whether the answer is to come in pieces.
    pub stream: bool,
    /// Its body.
    pub body: String,
    /// Requests under way, this one included.
    pub at_once: usize,
}

/// Says how the request of a number is answered.
type Director = dyn Fn(usize, &RequestInfo) -> Script + Send + Sync;

/// What is done with requests for which nothing else is said.
#[derive(Clone)]
pub enum Usual {
    /// The same each time.
    Same(Script),
    /// What a function says of the request of this number, counted from 0.
    By(Arc<Director>),
}

impl Usual {
    /// What a function says.
    pub fn by(script: impl Fn(usize, &RequestInfo) -> Script + Send + Sync + 'static) -> Self {
        Self::By(Arc::new(script))
    }

    fn of(&self, number: usize, info: &RequestInfo) -> Script {
        match self {
            Self::Same(script) => script.clone(),
            Self::By(script) => script(number, info),
        }
    }
}

impl From<Script> for Usual {
    fn from(script: Script) -> Self {
        Self::Same(script)
    }
}

/// How a server behaves besides what its scripts say.
#[derive(Clone)]
pub struct Options {
    /// What is done with a request.
    pub usual: Usual,
    /// Streams that an HTTP/2 connection may have at one time.
    pub streams: u32,
    /// After so many requests a connection says that it goes away: GOAWAY in HTTP/2, `connection: close` in HTTP/1.1.
    pub requests_a_connection: Option<usize>,
    /// A connection on which nothing is under way for so long is closed without a word.
    pub idle: Option<Duration>,
    /// How the first word comes later the more there is to do.
    pub knee: Option<Knee>,
    /// Requests whose first word is slower than that of others.
    pub tail: Option<Tail>,
}

impl Default for Options {
    fn default() -> Self {
        let usual = Script::Words(words("It is done."), Duration::ZERO).into();
        Self { usual, streams: 100, requests_a_connection: None, idle: None, knee: None, tail: None }
    }
}

/// What the server has seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Requests that came.
    pub requests: AtomicUsize,
    /// Requests whose client left before the answer was whole.
    pub aborted: AtomicUsize,
    /// Answers that were given to their end.
    pub finished: AtomicUsize,
    /// Requests that were turned away because there were too many.
    pub turned_away: AtomicUsize,
    /// Connections that were opened.
    pub connections: AtomicUsize,
    /// The most requests that were under way at one time.
    pub most_at_once: AtomicUsize,
    /// Requests under way.
    pub at_once: AtomicUsize,
    /// Keys, in whichever header they came; the last of them.
    pub keys: Mutex<Vec<String>>,
    /// Bodies, the last of them.
    pub bodies: Mutex<Vec<String>>,
    /// Paths, the last of them.
    pub paths: Mutex<Vec<String>>,
    /// When clients left, the last times.
    pub aborted_at: Mutex<Vec<Instant>>,
}

impl Seen {
    /// When a client left last.
    pub fn last_abort(&self) -> Option<Instant> {
        self.aborted_at.lock().unwrap_or_else(PoisonError::into_inner).last().copied()
    }
}

/// Adds to a list and forgets the oldest.
fn remember<T>(list: &Mutex<Vec<T>>, item: T) {
    let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
    if list.len() >= REMEMBERED {
        list.remove(0);
    }
    list.push(item);
}

/// A running server; it ends with the runtime.
pub struct ModelServer {
    /// Its address, as `base-url`.
    pub url: String,
    /// What it has seen.
    pub seen: Arc<Seen>,
    scripts: Arc<Mutex<VecDeque<Script>>>,
}

impl ModelServer {
    /// Starts one that does what `usual` says, on a port of its own, with so many streams on an HTTP/2 connection. Where there is no port,
    /// its address is one at which nobody answers.
    pub async fn start(usual: impl Into<Usual>, streams: u32) -> Self {
        let options = Options { usual: usual.into(), streams, ..Options::default() };
        let nobody =
            |_error| Self { url: "http://127.0.0.1:1/v1".to_owned(), seen: Arc::default(), scripts: Arc::default() };
        Self::with(options).await.unwrap_or_else(nobody)
    }

    /// Starts one with everything that can be said of it.
    ///
    /// # Errors
    /// If there is no port.
    pub async fn with(options: Options) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/v1", listener.local_addr()?);
        let (seen, scripts) = (Arc::<Seen>::default(), Arc::<Mutex<VecDeque<Script>>>::default());
        let stage = serve::Stage { options, seen: seen.clone(), scripts: scripts.clone() };
        tokio::spawn(serve::listen(listener, Arc::new(stage)));
        Ok(Self { url, seen, scripts })
    }

    /// Has the next requests answered in another way, each once.
    pub fn next(&self, scripts: impl IntoIterator<Item = Script>) {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner).extend(scripts);
    }

    /// How many requests came.
    pub fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::Relaxed)
    }
}
