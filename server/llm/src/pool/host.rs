//! What is known of a host: its connections, who waits for one, and how many requests a connection takes.

use super::{Body, IDLE, PREPARED, Pool, STREAMS};
use crate::error::{Cause, LlmError};
use hyper::Uri;
use hyper::client::conn::{http1, http2};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

/// How long it is remembered after how much time a host closed an idle connection.
const REMEMBERED: Duration = Duration::from_secs(600);

/// A host and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub tls: bool,
    pub host: String,
    pub port: u16,
    /// HTTP/2 without asking first.
    pub h2: bool,
}

/// An HTTP/2 connection and how many streams run on it.
pub(super) struct Shared {
    /// Which one it is.
    pub connection: usize,
    pub sender: http2::SendRequest<Body>,
    pub streams: Arc<AtomicUsize>,
    /// How many the peer allows.
    pub allowed: Arc<AtomicUsize>,
}

/// An HTTP/1.1 connection.
pub(super) struct Single {
    pub sender: http1::SendRequest<Body>,
    /// Closes when the task that drives the connection has ended.
    pub ended: oneshot::Receiver<()>,
}

/// An HTTP/1.1 connection on which nothing runs.
struct Idle {
    single: Single,
    since: Instant,
}

/// All that is known of a host.
pub(super) struct Host {
    pub shared: Vec<Shared>,
    idle: Vec<Idle>,
    /// HTTP/1.1 connections on which something runs.
    busy: Arc<AtomicUsize>,
    /// Connections that are coming about, and requests that wait for one of them.
    pub connecting: usize,
    pub waiting: usize,
    /// Whether it speaks HTTP/2, once that is known.
    pub h2: Option<bool>,
    /// Streams that a connection takes, as far as is known.
    pub streams: usize,
    /// How long it keeps an idle HTTP/1.1 connection, as far as it says so.
    keeps: Duration,
    /// How long one was idle that ended under a request, and when that was.
    ended: Option<(Duration, Instant)>,
    pub changed: Arc<Notify>,
    /// Why the last connection did not come about.
    pub failed: Option<LlmError>,
}

/// A sender with the place on its connection.
pub(super) enum Line {
    Shared { sender: http2::SendRequest<Body>, place: Place, connection: usize },
    Own { single: Single, place: Place, idle: Duration },
}

impl Line {
    /// How long its connection had nothing to do, where it is one that has a request to itself.
    pub fn idle(&self) -> Option<Duration> {
        match self {
            Self::Shared { .. } => None,
            Self::Own { idle, .. } => Some(*idle),
        }
    }

    /// The shared connection that it is on.
    pub fn connection(&self) -> Option<usize> {
        match self {
            Self::Shared { connection, .. } => Some(*connection),
            Self::Own { .. } => None,
        }
    }
}

/// A place among the requests that run; it is free again when this is dropped.
pub(super) struct Place(Arc<AtomicUsize>);

impl Place {
    /// One more.
    pub fn take(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Host {
    /// A host without connections.
    pub fn new(origin: &Origin) -> Self {
        Self {
            shared: Vec::new(),
            idle: Vec::new(),
            busy: Arc::default(),
            connecting: 0,
            waiting: 0,
            h2: origin.h2.then_some(true),
            streams: STREAMS,
            keeps: Duration::MAX,
            ended: None,
            changed: Arc::default(),
            failed: None,
        }
    }

    /// Whether a connection that is coming about will have room for one more request besides the one that opens it.
    pub fn is_worth_waiting(&self) -> bool {
        let others = match self.h2 {
            Some(false) => 0,
            Some(true) => self.streams.saturating_sub(1),
            // Nobody knows yet; all wait for the first one to tell.
            None => usize::MAX,
        };
        self.waiting < self.connecting.saturating_mul(others)
    }

    /// A line of a connection that is there and did not refuse the request before.
    pub fn free_line(&mut self, refused_by: &[usize], idle_age: Duration) -> Option<Line> {
        self.forget_closed(idle_age);
        // The fullest one that has room, so that those that are not needed any more fall idle.
        let with_room = self.shared.iter().filter_map(|shared| {
            let streams = shared.streams.load(Ordering::Acquire);
            let has_room = streams < shared.allowed.load(Ordering::Acquire);
            (has_room && !refused_by.contains(&shared.connection)).then_some((streams, shared))
        });
        if let Some((_, shared)) = with_room.max_by_key(|(streams, _)| *streams) {
            let (sender, place) = (shared.sender.clone(), Place::take(&shared.streams));
            return Some(Line::Shared { sender, place, connection: shared.connection });
        }
        // The one that was used last is the least likely to be closed by now.
        let idle = self.idle.pop()?;
        Some(Line::Own { single: idle.single, place: Place::take(&self.busy), idle: idle.since.elapsed() })
    }

    /// A line on a new connection of its own.
    pub fn own(&self, single: Single) -> Line {
        Line::Own { single, place: Place::take(&self.busy), idle: Duration::ZERO }
    }

    /// A connection that had been idle for so long ended under a request. Most likely the host keeps none for longer, and those that are
    /// nearly as old are not used for a while: what is lost to chance once is not to be lost each time.
    pub fn ended_after(&mut self, idle: Duration) {
        self.ended = Some((idle, Instant::now()));
    }

    /// Keeps a connection for the next request.
    pub fn keep(&mut self, single: Single, most: usize) {
        if self.idle.len() < most && !single.sender.is_closed() {
            self.idle.push(Idle { single, since: Instant::now() });
        }
    }

    /// Keeps a connection whose answer was read; `keep_alive` is what the answer said of how long the host keeps it.
    pub fn keep_used(&mut self, single: Single, keep_alive: Option<&str>) {
        let says = |part: &str| part.trim().strip_prefix("timeout=")?.parse().ok();
        if let Some(seconds) = keep_alive.and_then(|said| said.split(',').find_map(says)) {
            self.keeps = Duration::from_secs(seconds);
        }
        self.keep(single, IDLE);
    }

    /// Connections that are missing for so many requests at one time.
    pub fn missing(&mut self, requests: usize, idle_age: Duration) -> usize {
        self.forget_closed(idle_age);
        let (wanted, there) = match self.h2 {
            // One tells whether it is there and what it speaks.
            _ if self.failed.is_some() => (1, 0),
            None => (1, self.idle.len()),
            Some(true) => (requests.div_ceil(self.streams.max(1)), self.shared.len()),
            Some(false) => (requests, self.idle.len() + self.busy.load(Ordering::Acquire)),
        };
        wanted.min(PREPARED).saturating_sub(there + self.connecting)
    }

    fn forget_closed(&mut self, idle_age: Duration) {
        // Whoever closes and whoever sends last must not meet, so the last part of the time is not used.
        let ended = self.ended.filter(|(_, then)| then.elapsed() < REMEMBERED).map_or(Duration::MAX, |(idle, _)| idle);
        let oldest = idle_age.min(self.keeps.min(ended).mul_f64(0.8));
        let now = Instant::now();
        self.shared.retain(|shared| !shared.sender.is_closed());
        self.idle.retain(|idle| !idle.single.sender.is_closed() && now.saturating_duration_since(idle.since) < oldest);
    }
}

/// One of a host's counts, taken back when this is dropped.
pub(super) struct Counted {
    pool: Arc<Pool>,
    origin: Origin,
    count: fn(&mut Host) -> &mut usize,
    /// Whether those who wait are to look again.
    wakes: bool,
}

impl Counted {
    /// A connection that was counted as coming about.
    pub fn connecting(pool: &Arc<Pool>, origin: &Origin) -> Self {
        Self { pool: pool.clone(), origin: origin.clone(), count: |host| &mut host.connecting, wakes: true }
    }

    /// A request that was counted as waiting.
    pub fn waiting(pool: &Arc<Pool>, origin: &Origin) -> Self {
        Self { pool: pool.clone(), origin: origin.clone(), count: |host| &mut host.waiting, wakes: false }
    }

    /// Tells how many streams a connection of this host takes.
    pub fn learn(&self, streams: usize) {
        if let Some(host) = self.pool.lock().get_mut(&self.origin) {
            host.streams = streams;
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(host) = self.pool.lock().get_mut(&self.origin) {
            let count = (self.count)(host);
            *count = count.saturating_sub(1);
            if self.wakes {
                host.changed.notify_waiters();
            }
        }
    }
}

/// The host of an address.
pub(super) fn origin(target: &str, url: &str, h2: bool) -> Result<(Origin, Uri), LlmError> {
    let wrong = |why: &str| LlmError::new(target, Cause::BadRequest, format!("`base-url` {why}: {url}"));
    let uri: Uri = url.parse().map_err(|_| wrong("is no address"))?;
    let tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(wrong("must begin with http:// or https://")),
    };
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("names no host"))?.to_owned();
    let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
    Ok((Origin { tls, host, port, h2: h2 && !tls }, uri))
}
