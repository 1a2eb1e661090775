//! Brings connections about and drives them. A connection's task ends with it.

use super::host::{Counted, Host, Line, Origin, Place, Shared, Single};
use super::outcome::describe;
use super::{CONNECT, KEEP_ALIVE, PREPARED, Pool, STREAMS};
use crate::error::{Cause, LlmError};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Interval, MissedTickBehavior};
use tokio_rustls::TlsConnector;

/// What a connection takes until the peer said how much that is: the request that it was opened for.
const FIRST: usize = 1;
/// How often it is looked whether the peer has said so, and how often at most: a peer that says nothing gets no more.
const LOOK: Duration = Duration::from_millis(1);
const LOOKS: usize = 1000;

/// Opens a connection for whoever will need it.
pub(super) fn ahead(pool: Arc<Pool>, target: String, origin: Origin, connecting: Counted) {
    tokio::spawn(async move {
        // A failure is told to whoever asks next, and a line that nobody has is free.
        if let Ok(Line::Own { single, .. }) = pool.open(&target, &origin, connecting).await
            && let Some(host) = pool.lock().get_mut(&origin)
        {
            host.keep(single, PREPARED);
            host.changed.notify_waiters();
        }
    });
}

impl Pool {
    /// A new connection, or why there is none, which those who wait for it are told as well.
    pub(super) async fn open(
        self: &Arc<Self>,
        target: &str,
        origin: &Origin,
        connecting: Counted,
    ) -> Result<Line, LlmError> {
        let mut connecting = Some(connecting);
        let line = tokio::time::timeout(CONNECT, self.connect(target, origin, &mut connecting)).await;
        let late = || LlmError::new(target, Cause::Timeout, "no connection came about in 10 seconds");
        let line = line.unwrap_or_else(|_elapsed| Err(late()));
        if let Some(host) = self.lock().get_mut(origin) {
            host.failed = line.as_ref().err().cloned();
        }
        line
    }

    async fn connect(
        self: &Arc<Self>,
        target: &str,
        origin: &Origin,
        connecting: &mut Option<Counted>,
    ) -> Result<Line, LlmError> {
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
            return self.handshake(target, origin, TokioIo::new(tcp), origin.h2, connecting).await;
        }
        let connector =
            self.tls.get_or_init(tls).clone().map_err(|error| LlmError::new(target, Cause::Transport, error))?;
        let name = ServerName::try_from(origin.host.clone())
            .map_err(|error| failed("no certificate can be asked for", &error))?;
        let stream =
            connector.connect(name, tcp).await.map_err(|error| failed("there is no secure connection to", &error))?;
        let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        self.handshake(target, origin, TokioIo::new(stream), is_h2, connecting).await
    }

    async fn handshake<I>(
        self: &Arc<Self>,
        target: &str,
        origin: &Origin,
        io: I,
        h2: bool,
        connecting: &mut Option<Counted>,
    ) -> Result<Line, LlmError>
    where
        I: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    {
        let failed = |error: hyper::Error| LlmError::new(target, Cause::Transport, describe(&error));
        if !h2 {
            let (sender, connection) = http1::handshake(io).await.map_err(failed)?;
            let (driven, ended) = oneshot::channel();
            tokio::spawn(async move {
                // What it ends with is told to whoever waits for an answer on it.
                let _ = connection.await;
                drop(driven);
            });
            let mut hosts = self.lock();
            let host = hosts.entry(origin.clone()).or_insert_with(|| Host::new(origin));
            host.h2 = Some(false);
            return Ok(host.own(Single { sender, ended }));
        }
        let (sender, mut connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEP_ALIVE)
            .initial_max_send_streams(FIRST)
            .handshake(io)
            .await
            .map_err(failed)?;
        let (streams, allowed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(FIRST)));
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let shared =
            Shared { connection: number, sender: sender.clone(), streams: streams.clone(), allowed: allowed.clone() };
        let place = Place::take(&streams);
        {
            let mut hosts = self.lock();
            let host = hosts.entry(origin.clone()).or_insert_with(|| Host::new(origin));
            host.h2 = Some(true);
            host.shared.push(shared);
        }
        let mut settling = connecting.take().map(Settling::begin);
        let (pool, of) = (Arc::downgrade(self), origin.clone());
        tokio::spawn(std::future::poll_fn(move |context| {
            let ended = Pin::new(&mut connection).poll(context);
            // The peer may say at any time how much it allows.
            let now = connection.current_max_send_streams().min(STREAMS);
            allowed.store(now, Ordering::Release);
            if settling.as_mut().is_some_and(|settling| settling.is_over(now, context)) || ended.is_ready() {
                settling = None;
            }
            if ended.is_ready()
                && let Some(pool) = pool.upgrade()
                && let Some(host) = pool.lock().get_mut(&of)
            {
                // A request that goes into the queue while the connection ends is told so only when no sender is left.
                host.shared.retain(|shared| shared.connection != number);
            }
            ended
        }));
        Ok(Line::Shared { sender, place, connection: number })
    }
}

/// A connection that is there and whose peer has not said yet how many streams it allows. Sending as many as most servers allow would have
/// them refused by one that allows fewer; so the first request goes out at once, and those that wait for this connection wait a little longer.
struct Settling {
    connecting: Counted,
    ticks: Interval,
    looks: usize,
}

impl Settling {
    fn begin(connecting: Counted) -> Self {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { connecting, ticks, looks: 0 }
    }

    /// Whether it is known how many streams are allowed, or will not be.
    fn is_over(&mut self, allowed: usize, context: &mut std::task::Context<'_>) -> bool {
        while self.looks < LOOKS && self.ticks.poll_tick(context).is_ready() {
            self.looks += 1;
        }
        let is_over = allowed != FIRST || self.looks == LOOKS;
        if is_over {
            self.connecting.learn(allowed);
        }
        is_over
    }
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
