//! Connections to providers: HTTP/1.1 and HTTP/2, by ALPN or by prior knowledge, and another connection where one has no free stream.
//!
//! An HTTP client that sends everything over one HTTP/2 connection stalls at the limit of its peer; here a connection that is full is
//! left alone. Knows no provider, and sends nothing twice that may have been read the first time: an answer costs money.

mod connect;
mod held;
mod host;
mod outcome;
mod reply;
#[cfg(test)]
mod tests;

pub(crate) use held::MOST;
pub use held::{Held, Upload};
pub use hyper::Method;
pub use reply::Reply;

use crate::error::{Cause, LlmError};
use bytes::Bytes;
use held::{InFlight, Uploads};
use host::{Counted, Host, Line, Origin};
use http_body_util::Full;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Request, Uri, Version};
use outcome::{Broken, Read, describe};
use rustc_hash::FxHashMap;
use security::secret::Secret;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio_rustls::TlsConnector;

/// The most streams on one HTTP/2 connection: what nearly all servers allow, and what the specification recommends as the least they should.
const STREAMS: usize = 100;
/// Idle HTTP/1.1 connections that are kept for a host: a team has as many questions under way, and one that ends while others begin must not be closed.
const IDLE: usize = 64;
/// An idle HTTP/1.1 connection that is older is not used again. Many servers and the proxies before them close one after a minute, some
/// after less; one that is closed while a request goes out on it cannot be told from one whose request was read.
const IDLE_AGE: Duration = Duration::from_secs(50);
/// How often a request is put on another connection because it was not read on its own.
const ATTEMPTS: usize = 4;
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// A connection on which nothing is heard for so long is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// Connections that are opened ahead of need for a host; whatever the forecast, more do not help.
const PREPARED: usize = 64;

type Body = Full<Bytes>;

/// All connections.
pub struct Pool {
    hosts: Mutex<FxHashMap<Origin, Host>>,
    tls: OnceLock<Result<TlsConnector, String>>,
    opened: AtomicUsize,
    numbers: AtomicUsize,
    in_flight: Arc<InFlight>,
    uploads: Uploads,
    idle_age: Duration,
    #[cfg(any(test, feature = "scripted"))]
    canned: OnceLock<Arc<[Bytes]>>,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            hosts: Mutex::default(),
            tls: OnceLock::new(),
            opened: AtomicUsize::new(0),
            numbers: AtomicUsize::new(0),
            in_flight: Arc::default(),
            uploads: Uploads::default(),
            idle_age: IDLE_AGE,
            #[cfg(any(test, feature = "scripted"))]
            canned: OnceLock::new(),
        }
    }
}

/// What a request carries.
#[derive(Clone, Debug)]
pub struct Content<'a> {
    /// Its `content-type`.
    pub kind: &'a str,
    /// The bytes.
    pub bytes: Bytes,
    /// How many of them have room already.
    pub beforehand: usize,
}

impl Content<'_> {
    /// JSON.
    pub fn json(bytes: impl Into<Bytes>) -> Self {
        Self { kind: "application/json", bytes: bytes.into(), beforehand: 0 }
    }
}

impl Pool {
    /// Answers every `POST` with these bytes from now on, without a network: to measure what this program takes itself.
    #[cfg(any(test, feature = "scripted"))]
    pub fn answer_with(&self, pieces: Vec<Bytes>) {
        // What was said first holds.
        let _ = self.canned.set(pieces.into());
    }

    /// How many connections were opened so far.
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    /// So many bytes of requests and answers may be held at one time, over all calls; what is held already stays.
    pub fn bound(&self, bytes: usize) {
        self.in_flight.bound(bytes);
    }

    /// Counts bytes that somebody holds for a call with those that the pool holds itself.
    ///
    /// # Errors
    /// If there are more than may be held at one time.
    pub fn hold(&self, target: &str, bytes: usize) -> Result<Held, LlmError> {
        let mut held = self.in_flight.nothing();
        held.grow(target, bytes)?;
        Ok(held)
    }

    /// Waits for room for pictures of so many bytes, before anything is made of them that goes out.
    ///
    /// # Errors
    /// If there is none in so long.
    pub async fn hold_pictures(&self, target: &str, bytes: usize, patience: Duration) -> Result<Upload, LlmError> {
        self.uploads.wait(target, bytes, patience).await
    }

    /// Sends a `POST` with a JSON body and waits for the head of the answer. Pictures in it have their room in `upload`.
    ///
    /// # Errors
    /// As for [`Self::send`].
    pub async fn post(
        self: &Arc<Self>,
        target: &str,
        url: &str,
        headers: &[(&'static str, Secret)],
        body: Vec<u8>,
        upload: Option<&Upload>,
        h2: bool,
    ) -> Result<Reply, LlmError> {
        #[cfg(any(test, feature = "scripted"))]
        if let Some(pieces) = self.canned.get() {
            return Ok(Reply::canned(self, pieces));
        }
        let content = Content { beforehand: upload.map_or(0, |upload| upload.bytes), ..Content::json(body) };
        self.send(Method::POST, target, url, headers, Some(content), h2).await
    }

    /// Sends a `GET` and waits for the head of the answer.
    ///
    /// # Errors
    /// As for [`Self::send`].
    pub async fn get(
        self: &Arc<Self>,
        target: &str,
        url: &str,
        headers: &[(&'static str, Secret)],
        h2: bool,
    ) -> Result<Reply, LlmError> {
        self.send(Method::GET, target, url, headers, None, h2).await
    }

    /// Sends a request and waits for the head of the answer. `target` names in failures whom it was for.
    ///
    /// It is sent again on another connection where HTTP says that nobody read it: it never went out, the peer refused its stream, or the
    /// peer went away before it. A connection that was idle and ends before the first byte of an answer may have been closed before the
    /// request came, or after it was read: the two look the same from here. Such a request is sent again only if its method may be repeated
    /// by definition; a `POST` is a failure of the connection, and whoever sent it decides whether the answer is worth being paid twice.
    ///
    /// # Errors
    /// If the address is none, no connection comes about, it breaks, or more bytes are under way than may be.
    pub async fn send(
        self: &Arc<Self>,
        method: Method,
        target: &str,
        url: &str,
        headers: &[(&'static str, Secret)],
        content: Option<Content<'_>>,
        h2: bool,
    ) -> Result<Reply, LlmError> {
        let (origin, uri) = host::origin(target, url, h2)?;
        let beside = |content: &Content<'_>| content.bytes.len().saturating_sub(content.beforehand);
        let _held = self.hold(target, content.as_ref().map_or(0, beside))?;
        let mut attempts = 0;
        let mut refused_by = Vec::new();
        loop {
            attempts += 1;
            let (line, is_fresh) = self.line(target, &origin, &refused_by).await?;
            let (connection, idle) = (line.connection(), line.idle());
            let request = build(target, &method, &uri, &origin, headers, content.as_ref(), connection.is_some())?;
            let Broken { error, read } = match self.send_on(line, request, &origin).await {
                Ok(reply) => return Ok(reply),
                Err(broken) => broken,
            };
            if let Some(idle) = idle.filter(|_| !is_fresh && read == Read::Perhaps)
                && let Some(host) = self.lock().get_mut(&origin)
            {
                host.ended_after(idle);
            }
            let is_spent = attempts >= ATTEMPTS;
            match read {
                // A connection that was closed while it lay idle is nobody's failure, however many there are; each of them is found once.
                Read::Not if !is_fresh || !is_spent => {}
                Read::Refused if !is_spent => refused_by.extend(connection),
                Read::Refused => {
                    return Err(LlmError::new(target, Cause::Overload, "it refuses the request on every connection"));
                }
                Read::Perhaps if method.is_idempotent() && !is_fresh && !is_spent => {}
                Read::Not | Read::Perhaps => return Err(LlmError::new(target, Cause::Transport, describe(&error))),
            }
        }
    }

    /// Opens connections ahead of need, so that so many requests can be under way at one time, and says how many it opens. Only as many as
    /// are missing, and only one where it is not known yet how the host is spoken to or whether it is there.
    ///
    /// # Errors
    /// If the address is none.
    pub fn prepare(self: &Arc<Self>, target: &str, url: &str, count: usize, h2: bool) -> Result<usize, LlmError> {
        let (origin, _) = host::origin(target, url, h2)?;
        let missing = {
            let mut hosts = self.lock();
            let host = hosts.entry(origin.clone()).or_insert_with(|| Host::new(&origin));
            let missing = host.missing(count, self.idle_age);
            host.connecting += missing;
            missing
        };
        for _ in 0..missing {
            let connecting = Counted::connecting(self, &origin);
            connect::ahead(self.clone(), target.to_owned(), origin.clone(), connecting);
        }
        Ok(missing)
    }

    async fn send_on(self: &Arc<Self>, line: Line, request: Request<Body>, origin: &Origin) -> Result<Reply, Broken> {
        match line {
            // A request that goes into the queue of a connection while that ends stays there until no sender is left, and only then it is
            // told that it was not sent. So nobody keeps a sender while he waits, or not beyond the end of the connection.
            Line::Shared { mut sender, place, .. } => {
                let sent = sender.try_send_request(request);
                drop(sender);
                let response = sent.await.map_err(Broken::of_stream)?;
                Ok(Reply::shared(self, response, place))
            }
            Line::Own { mut single, place, .. } => {
                single.sender.ready().await.map_err(|error| Broken { error, read: Read::Not })?;
                let mut sent = pin!(single.sender.try_send_request(request));
                let (sent, single) = tokio::select! {
                    biased;
                    sent = &mut sent => (sent, Some(single)),
                    _ = &mut single.ended => {
                        drop(single);
                        (sent.await, None)
                    }
                };
                Ok(Reply::own(self, sent.map_err(Broken::of)?, origin.clone(), single, place))
            }
        }
    }

    /// A line that is free, or a new one. Says whether it is new.
    async fn line(
        self: &Arc<Self>,
        target: &str,
        origin: &Origin,
        refused_by: &[usize],
    ) -> Result<(Line, bool), LlmError> {
        loop {
            let changed = {
                let mut hosts = self.lock();
                let host = hosts.entry(origin.clone()).or_insert_with(|| Host::new(origin));
                if let Some(line) = host.free_line(refused_by, self.idle_age) {
                    return Ok((line, false));
                }
                if !host.is_worth_waiting() {
                    host.connecting += 1;
                    break;
                }
                host.waiting += 1;
                host.changed.clone().notified_owned()
            };
            let waiting = Counted::waiting(self, origin);
            changed.await;
            drop(waiting);
            // Whoever waited for a connection that did not come about fails with it; trying one after the other would take for ever.
            if let Some(error) = self.lock().get(origin).and_then(|host| host.failed.clone()) {
                return Err(LlmError { target: target.to_owned(), ..error });
            }
        }
        let connecting = Counted::connecting(self, origin);
        // In a box: few requests open a connection, and the state of a handshake would be part of all of them.
        Ok((Box::pin(self.open(target, origin, connecting)).await?, true))
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<Origin, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn build(
    target: &str,
    method: &Method,
    uri: &Uri,
    origin: &Origin,
    headers: &[(&'static str, Secret)],
    content: Option<&Content<'_>>,
    h2: bool,
) -> Result<Request<Body>, LlmError> {
    let wrong = |error: &dyn std::fmt::Display| {
        LlmError::new(target, Cause::BadRequest, format!("the request cannot be sent ({error})"))
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::builder().method(method);
    if let Some(content) = content {
        request = request.header("content-type", content.kind);
    }
    request = if h2 {
        request.version(Version::HTTP_2).uri(uri.clone())
    } else {
        let is_usual = matches!((origin.tls, origin.port), (true, 443) | (false, 80));
        let host = if is_usual { origin.host.clone() } else { format!("{}:{}", origin.host, origin.port) };
        request.header("host", host).uri(path)
    };
    let bytes = content.map(|content| content.bytes.clone()).unwrap_or_default();
    let mut request = request.body(Full::new(bytes)).map_err(|error| wrong(&error))?;
    for (name, value) in headers {
        let mut value = HeaderValue::from_str(value.expose())
            .map_err(|_| LlmError::new(target, Cause::Auth, "its key holds characters that no key has"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(HeaderName::from_static(name), value);
    }
    Ok(request)
}
