//! Connections to providers: HTTP/1.1 and HTTP/2, by ALPN or by prior knowledge, and another connection where one has no free stream.
//!
//! An HTTP client that sends everything over one HTTP/2 connection stalls at the limit of its peer; here a connection that is full is
//! left alone. Knows no provider and retries nothing but a connection that was closed before anything was sent on it.

use crate::error::{Cause, LlmError};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request, Response, Uri, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustc_hash::FxHashMap;
use rustls::pki_types::ServerName;
use security::secret::Secret;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;

/// The most streams on one HTTP/2 connection: what nearly all servers allow, and what the specification recommends as the least they should.
const STREAMS: usize = 100;
/// Idle HTTP/1.1 connections that are kept for a host.
const IDLE: usize = 16;
/// How often a request is put on another connection because its own closed before it was sent.
const ATTEMPTS: usize = 4;
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// A connection on which nothing is heard for so long is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// A host and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Origin {
    tls: bool,
    host: String,
    port: u16,
    /// HTTP/2 without asking first.
    h2: bool,
}

type Body = Full<Bytes>;

/// An HTTP/2 connection and how many streams run on it.
struct Shared {
    sender: http2::SendRequest<Body>,
    streams: Arc<AtomicUsize>,
    /// How many the peer allows.
    allowed: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Host {
    shared: Vec<Shared>,
    idle: Vec<http1::SendRequest<Body>>,
    /// Connections that are coming about, and requests that wait for one of them.
    connecting: usize,
    waiting: usize,
    /// Whether it speaks HTTP/2, once that is known.
    h2: Option<bool>,
    changed: Arc<Notify>,
    /// Why the last connection did not come about.
    failed: Option<LlmError>,
}

impl Host {
    /// Whether a connection that is coming about will have room for one more request.
    fn is_worth_waiting(&self) -> bool {
        let streams = match self.h2 {
            Some(false) => 0,
            Some(true) => STREAMS,
            // Nobody knows yet; all wait for the first one to tell.
            None => usize::MAX,
        };
        self.waiting < self.connecting.saturating_mul(streams)
    }
}

/// All connections.
#[derive(Default)]
pub struct Pool {
    hosts: Mutex<FxHashMap<Origin, Host>>,
    tls: OnceLock<Result<TlsConnector, String>>,
    opened: AtomicUsize,
}

/// A sender with the place on its connection.
enum Line {
    Shared(http2::SendRequest<Body>, Stream),
    Own(http1::SendRequest<Body>),
}

/// A stream of a shared connection; it is free again when this is dropped.
struct Stream(Arc<AtomicUsize>);

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What a request carries.
#[derive(Clone, Debug)]
pub struct Content<'a> {
    /// Its `content-type`.
    pub kind: &'a str,
    /// The bytes.
    pub bytes: Bytes,
}

impl Content<'_> {
    /// JSON.
    pub fn json(bytes: impl Into<Bytes>) -> Self {
        Self { kind: "application/json", bytes: bytes.into() }
    }
}

/// An answer whose body is still to come. Dropping it ends the request at the provider.
pub struct Reply {
    response: Response<Incoming>,
    back: Back,
}

/// Where the line goes when the body was read.
enum Back {
    Shared { _stream: Stream },
    Own { pool: Arc<Pool>, origin: Origin, sender: Option<http1::SendRequest<Body>> },
}

impl Pool {
    /// How many connections were opened so far.
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    /// Sends a `POST` with a JSON body and waits for the head of the answer.
    ///
    /// # Errors
    /// As for [`Self::send`].
    pub async fn post(
        self: &Arc<Self>,
        target: &str,
        url: &str,
        headers: &[(&'static str, Secret)],
        body: Vec<u8>,
        h2: bool,
    ) -> Result<Reply, LlmError> {
        self.send(Method::POST, target, url, headers, Some(Content::json(body)), h2).await
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
    /// # Errors
    /// If the address is none, no connection comes about, or it breaks.
    pub async fn send(
        self: &Arc<Self>,
        method: Method,
        target: &str,
        url: &str,
        headers: &[(&'static str, Secret)],
        content: Option<Content<'_>>,
        h2: bool,
    ) -> Result<Reply, LlmError> {
        let (origin, uri) = origin(target, url, h2)?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let (line, is_fresh) = self.line(target, &origin).await?;
            let is_h2 = matches!(line, Line::Shared(..));
            let request = build(target, &method, &uri, &origin, headers, content.as_ref(), is_h2)?;
            match self.send_on(line, request, &origin).await {
                Ok(reply) => return Ok(reply),
                // It was closed while it lay idle, and nothing of the request was read: that is nobody's failure.
                Err(error) if error.is_canceled() && (!is_fresh || attempts < ATTEMPTS) => {}
                Err(error) => return Err(LlmError::new(target, Cause::Transport, describe(&error))),
            }
        }
    }

    async fn send_on(self: &Arc<Self>, line: Line, request: Request<Body>, origin: &Origin) -> hyper::Result<Reply> {
        match line {
            Line::Shared(mut sender, stream) => {
                let response = sender.send_request(request).await?;
                Ok(Reply { response, back: Back::Shared { _stream: stream } })
            }
            Line::Own(mut sender) => {
                sender.ready().await?;
                let response = sender.send_request(request).await?;
                let back = Back::Own { pool: self.clone(), origin: origin.clone(), sender: Some(sender) };
                Ok(Reply { response, back })
            }
        }
    }

    /// A line that is free, or a new one. Says whether it is new.
    async fn line(self: &Arc<Self>, target: &str, origin: &Origin) -> Result<(Line, bool), LlmError> {
        loop {
            let changed = {
                let mut hosts = self.lock();
                let host = hosts
                    .entry(origin.clone())
                    .or_insert_with(|| Host { h2: origin.h2.then_some(true), ..Host::default() });
                if let Some(line) = host.free_line() {
                    return Ok((line, false));
                }
                if !host.is_worth_waiting() {
                    host.connecting += 1;
                    break;
                }
                host.waiting += 1;
                host.changed.clone().notified_owned()
            };
            let waiting = Counted { pool: self, origin, count: |host| &mut host.waiting, wakes: false };
            changed.await;
            drop(waiting);
            // Whoever waited for a connection that did not come about fails with it; trying one after the other would take for ever.
            if let Some(error) = self.lock().get(origin).and_then(|host| host.failed.clone()) {
                return Err(LlmError { target: target.to_owned(), ..error });
            }
        }
        let connecting = Counted { pool: self, origin, count: |host| &mut host.connecting, wakes: true };
        let line = tokio::time::timeout(CONNECT, self.connect(target, origin)).await;
        let late = || LlmError::new(target, Cause::Timeout, "no connection came about in 10 seconds");
        let line = line.unwrap_or_else(|_elapsed| Err(late()));
        if let Some(host) = self.lock().get_mut(origin) {
            host.failed = line.as_ref().err().cloned();
        }
        drop(connecting);
        Ok((line?, true))
    }

    async fn connect(&self, target: &str, origin: &Origin) -> Result<Line, LlmError> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            LlmError::new(target, Cause::Transport, format!("{what} {} ({error})", origin.host))
        };
        let tcp = TcpStream::connect((origin.host.trim_matches(['[', ']']), origin.port))
            .await
            .map_err(|error| failed("there is no connection to", &error))?;
        // Small pieces must go out at once. Where that cannot be set, they go out a little later.
        let _ = tcp.set_nodelay(true);
        self.opened.fetch_add(1, Ordering::Relaxed);
        if !origin.tls {
            return self.handshake(target, origin, TokioIo::new(tcp), origin.h2).await;
        }
        let connector =
            self.tls.get_or_init(tls).clone().map_err(|error| LlmError::new(target, Cause::Transport, error))?;
        let name = ServerName::try_from(origin.host.clone())
            .map_err(|error| failed("no certificate can be asked for", &error))?;
        let stream =
            connector.connect(name, tcp).await.map_err(|error| failed("there is no secure connection to", &error))?;
        let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        self.handshake(target, origin, TokioIo::new(stream), is_h2).await
    }

    async fn handshake<I>(&self, target: &str, origin: &Origin, io: I, h2: bool) -> Result<Line, LlmError>
    where
        I: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    {
        let failed = |error: hyper::Error| LlmError::new(target, Cause::Transport, describe(&error));
        if !h2 {
            let (sender, connection) = http1::handshake(io).await.map_err(failed)?;
            // What it ends with is told to whoever waits for an answer on it.
            tokio::spawn(async move { connection.await.ok() });
            self.lock().entry(origin.clone()).or_default().h2 = Some(false);
            return Ok(Line::Own(sender));
        }
        let (sender, mut connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEP_ALIVE)
            .handshake(io)
            .await
            .map_err(failed)?;
        let (streams, allowed) = (Arc::new(AtomicUsize::new(1)), Arc::new(AtomicUsize::new(STREAMS)));
        let told = allowed.clone();
        tokio::spawn(std::future::poll_fn(move |context| {
            let ended = Pin::new(&mut connection).poll(context);
            // The peer may say at any time how much it allows.
            told.store(connection.current_max_send_streams().min(STREAMS), Ordering::Release);
            ended
        }));
        let shared = Shared { sender: sender.clone(), streams: streams.clone(), allowed };
        let mut hosts = self.lock();
        let host = hosts.entry(origin.clone()).or_default();
        host.h2 = Some(true);
        host.shared.push(shared);
        Ok(Line::Shared(sender, Stream(streams)))
    }

    fn lock(&self) -> MutexGuard<'_, FxHashMap<Origin, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host {
    /// A line of a connection that is there.
    fn free_line(&mut self) -> Option<Line> {
        self.shared.retain(|shared| !shared.sender.is_closed());
        self.idle.retain(|sender| !sender.is_closed());
        // The fullest one that has room, so that those that are not needed any more fall idle.
        let with_room = self.shared.iter().filter_map(|shared| {
            let streams = shared.streams.load(Ordering::Acquire);
            (streams < shared.allowed.load(Ordering::Acquire)).then_some((streams, shared))
        });
        if let Some((_, shared)) = with_room.max_by_key(|(streams, _)| *streams) {
            shared.streams.fetch_add(1, Ordering::AcqRel);
            return Some(Line::Shared(shared.sender.clone(), Stream(shared.streams.clone())));
        }
        self.idle.pop().map(Line::Own)
    }
}

/// One of a host's counts, taken back when this is dropped; whoever waits then looks again.
struct Counted<'a> {
    pool: &'a Pool,
    origin: &'a Origin,
    count: fn(&mut Host) -> &mut usize,
    /// Whether those who wait are to look again.
    wakes: bool,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        if let Some(host) = self.pool.lock().get_mut(self.origin) {
            let count = (self.count)(host);
            *count = count.saturating_sub(1);
            if self.wakes {
                host.changed.notify_waiters();
            }
        }
    }
}

impl Reply {
    /// The status.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<String> {
        self.response.headers().get(name)?.to_str().ok().map(str::to_owned)
    }

    /// The next bytes of the body; `None` at its end.
    ///
    /// # Errors
    /// If the connection broke.
    pub async fn bytes(&mut self, target: &str) -> Result<Option<Bytes>, LlmError> {
        loop {
            match self.response.body_mut().frame().await {
                None => {
                    self.give_back();
                    return Ok(None);
                }
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Some(Err(error)) => return Err(LlmError::new(target, Cause::Transport, describe(&error))),
            }
        }
    }

    /// The whole body, if it is not longer than allowed.
    ///
    /// # Errors
    /// If the connection broke or the body is longer.
    pub async fn whole(&mut self, target: &str, limit: usize) -> Result<Vec<u8>, LlmError> {
        let mut body = Vec::new();
        while let Some(bytes) = self.bytes(target).await? {
            if body.len() + bytes.len() > limit {
                let detail = format!("the answer is longer than the {limit} bytes of `models.max-answer-bytes`");
                return Err(LlmError::new(target, Cause::TooLarge, detail));
            }
            body.extend_from_slice(&bytes);
        }
        Ok(body)
    }

    /// Keeps an HTTP/1.1 connection whose answer was read to its end.
    fn give_back(&mut self) {
        if let Back::Own { pool, origin, sender } = &mut self.back
            && let Some(sender) = sender.take().filter(|sender| !sender.is_closed())
        {
            let mut hosts = pool.lock();
            let idle = &mut hosts.entry(origin.clone()).or_default().idle;
            if idle.len() < IDLE {
                idle.push(sender);
            }
        }
    }
}

fn origin(target: &str, url: &str, h2: bool) -> Result<(Origin, Uri), LlmError> {
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

/// TLS with the certificates that the machine trusts.
fn tls() -> Result<TlsConnector, String> {
    let mut roots = rustls::RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for certificate in found.certs {
        // One that cannot be read is one that this machine cannot use; the others count.
        let _ = roots.add(certificate);
    }
    if roots.is_empty() {
        return Err("this machine has no certificates of authorities that it trusts".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// What an error of the connection says, with what lies behind it.
fn describe(error: &hyper::Error) -> String {
    use std::error::Error;
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_is_named() {
        for (url, part) in [("http//x", "address"), ("ftp://x/", "http"), ("nonsense", "http")] {
            let error = origin("work", url, false).unwrap_err();
            assert!(error.to_string().contains(part) && error.to_string().contains(url), "{error}");
        }
        let (origin, uri) = origin("work", "https://api.example:8443/v1/x?y=1", true).unwrap();
        assert_eq!((origin.tls, origin.port, origin.h2), (true, 8443, false));
        assert_eq!(uri.path_and_query().unwrap().as_str(), "/v1/x?y=1");
    }

    #[test]
    fn a_key_with_a_line_end_is_refused_and_not_shown() {
        let (origin, uri) = origin("work", "http://localhost/", false).unwrap();
        let headers = [("authorization", Secret::new("Bearer a\nb"))];
        let error = build("work", &Method::POST, &uri, &origin, &headers, None, false).unwrap_err();
        assert_eq!(error.cause, Cause::Auth);
        assert!(!error.to_string().contains("Bearer"), "{error}");
    }
}
