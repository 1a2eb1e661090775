//! Takes connections, plain or with TLS, and ends them within a bound: so many at a time, each of them given so long to say what it wants.
//!
//! Knows nothing of what is asked.

mod tls;

pub use tls::{Tls, TlsError, TlsFiles};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Connections at a time; more wait in the system's queue.
const MOST: usize = 4096;
/// How long a client may take for each of these: its first byte, its handshake, and the headers of its first request.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection of HTTP/1.1 is kept between requests: longer than the 60 seconds for which load balancers and proxies keep theirs by default, so that
/// they close it first. If the service did, a request could be lost that was on its way, and proxies do not repeat one that changes something. hyper counts
/// until the headers of the next request are whole, so half of one may wait for as long.
const KEPT: Duration = Duration::from_secs(75);
/// Streams at a time on one connection of HTTP/2.
const MOST_STREAMS: u32 = 256;
/// After so long without a word a connection of HTTP/2 is asked whether it is there.
const ALIVE: Duration = Duration::from_secs(30);

/// Serves connections until `stop` comes; those that are open then have `grace` to end.
///
/// # Errors
/// If the listener can take no more connections.
pub(crate) async fn serve(
    router: Router,
    listener: TcpListener,
    tls: Option<Tls>,
    stop: impl Future<Output = ()> + Send,
    grace: Duration,
) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(MOST));
    let graceful = GracefulShutdown::new();
    let ending = CancellationToken::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            () = &mut stop => break,
        };
        let (stream, peer, place) = accepted?;
        let (router, tls) = (router.clone(), tls.clone());
        // Taken here and not in the task, which may begin only after the end was said. From now on the end waits for it, so what comes before a
        // request hears of the end too.
        let (watcher, ending) = (graceful.watcher(), ending.clone());
        tokio::spawn(async move {
            let talked = talk(stream, peer, router, tls, watcher, ending).await;
            if let Err(error) = talked {
                tracing::debug!(%peer, %error, "A connection ended.");
            }
            drop(place);
        });
    }
    // Nobody new is let in while those who are here end, and nobody waits for who has said nothing yet.
    drop(listener);
    ending.cancel();
    if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("Some requests were ended, since they took longer than there was time.");
    }
    Ok(())
}

/// The next connection, with its place among those that there may be.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = room.clone().acquire_owned().await.map_err(io::Error::other)?;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return Ok((stream, peer, place)),
            // The client went away before it was taken.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {
            }
            Err(error) => {
                // No file is left to open; some will be closed.
                tracing::warn!(%error, "A connection could not be taken.");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// All that is said on one connection.
async fn talk(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    tls: Option<Tls>,
    watcher: Watcher,
    ending: CancellationToken,
) -> Result<(), Failure> {
    // Small answers are not held back for larger ones.
    stream.set_nodelay(true)?;
    // Which protocol it is shows in the first bytes; nobody holds a place without sending any.
    begun(stream.peek(&mut [0]), &ending).await?;
    match tls {
        None => speak(stream, peer, router, watcher).await,
        Some(tls) => {
            let stream = begun(tls.accept(stream), &ending).await?;
            speak(stream, peer, router, watcher).await
        }
    }
}

/// What has to be done before anything can be asked, within [`PATIENCE`] and before the service ends.
async fn begun<T>(first: impl Future<Output = io::Result<T>>, ending: &CancellationToken) -> io::Result<T> {
    tokio::select! {
        done = tokio::time::timeout(PATIENCE, first) => done?,
        () = ending.cancelled() => Err(io::Error::other("the service ends")),
    }
}

/// HTTP/1.1 or HTTP/2, whichever the client speaks. A connection on which no request came within [`PATIENCE`] ends.
async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: SocketAddr,
    router: Router,
    watcher: Watcher,
) -> Result<(), Failure> {
    let asked = Arc::new(AtomicBool::new(false));
    let asks = asked.clone();
    let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
        asks.store(true, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(KEPT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(ALIVE)
        .keep_alive_timeout(PATIENCE)
        .max_concurrent_streams(MOST_STREAMS);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let mut connection = pin!(watcher.watch(connection.into_owned()));
    // The bounds of hyper do not do this: they begin once it knows which protocol is spoken, and with HTTP/2 a client that answers pings keeps within them.
    match tokio::time::timeout(PATIENCE, connection.as_mut()).await {
        Ok(ended) => ended,
        Err(_) if asked.load(Ordering::Relaxed) => connection.await,
        Err(silent) => Err(silent.into()),
    }
}

#[cfg(test)]
mod tests;
