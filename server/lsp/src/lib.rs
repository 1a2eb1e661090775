//! Keeps the Language Server Protocol in: the only room with its types. Maps messages to the core and back, decides nothing.
//!
//! [`serve`] is the whole of it from outside.

mod capabilities;
mod commands;
mod events;
mod from_proto;
mod handlers;
mod messages;
mod newest;
mod parent;
mod progress;
mod record;
mod relay;
mod reorder;
mod serve;
mod server;
#[cfg(test)]
mod tests;
mod to_proto;

pub use messages::serve_messages;
pub use record::{Record, replay, serve_recorded};
pub use relay::relay;
pub use serve::Outcome;

use engine::ServerCore;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use server::{Jobs, Server};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

/// Serves one client over a pipe until it says `exit` or hangs up, and says with which exit code the process should end.
///
/// The caller should end the process afterwards without waiting for its standard input, whose reader may block in the runtime.
pub async fn serve<I, O>(core: ServerCore, input: I, output: O) -> Outcome
where
    I: AsyncRead + Send + Unpin + 'static,
    O: AsyncWrite + Send + Unpin + 'static,
{
    static CONNECTIONS: AtomicU64 = AtomicU64::new(1);
    serve_as(core.for_client(&format!("editor-{}", CONNECTIONS.fetch_add(1, Ordering::Relaxed))), input, output).await
}

/// The same for whoever the core takes the client for.
async fn serve_as<I, O>(core: ServerCore, input: I, output: O) -> Outcome
where
    I: AsyncRead + Send + Unpin + 'static,
    O: AsyncWrite + Send + Unpin + 'static,
{
    let (jobs, mut queue) = Jobs::new();
    let events = core.events();
    let (service, socket) = server::service(core, jobs);
    let server: Server = service.inner().clone();
    let (observer, shared) = (server.clone(), server.shared.clone());
    // Both end with this function, because the set that owns them does.
    let mut beside = JoinSet::new();
    beside.spawn(events::pass_on(server, events));
    beside.spawn(async move {
        let mut running = FuturesUnordered::new();
        loop {
            tokio::select! {
                job = queue.recv() => match job {
                    Some(job) => running.push(job),
                    None => return,
                },
                Some(()) = running.next(), if !running.is_empty() => {}
            }
        }
    });
    tokio::select! {
        outcome = serve::run(service, socket, input, output, observer) => outcome,
        () = shared.abandoned.notified() => Outcome::Unclean,
    }
}
