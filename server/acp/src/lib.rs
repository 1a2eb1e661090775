//! Keeps the Agent Client Protocol in: the only room that speaks it. Maps prompts to the core and its answers back, decides nothing.
//!
//! [`serve`] is the whole of it from outside. The messages are our own few types: the published crates of the protocol turn on a feature of
//! `serde_json` that would change the order of keys in everything that the program writes.

mod agent;
mod change;
mod client;
mod commands;
mod content;
mod lines;
mod message;
mod place;
mod session;
mod talk;
#[cfg(test)]
mod tests;
mod turn;

use agent::Agent;
use client::Client;
use engine::ServerCore;
use engine::events::{Event, MessageLevel};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// How long a client may take to read the last replies after it closed its end.
const GRACE: Duration = Duration::from_secs(1);

/// Serves one client over a pipe until it closes either end of it.
///
/// The caller should end the process afterwards without waiting for its standard input, whose reader may block in the runtime.
pub async fn serve<I, O>(core: ServerCore, input: I, output: O)
where
    I: AsyncRead + Send + Unpin,
    O: AsyncWrite + Send + Unpin,
{
    static CONNECTIONS: AtomicU64 = AtomicU64::new(1);
    let core = core.for_client(&format!("agent-{}", CONNECTIONS.fetch_add(1, Ordering::Relaxed)));
    let events = core.events();
    let (client, outgoing) = Client::new();
    let mut writer = Box::pin(client::write(output, outgoing));
    let agent = Agent::new(core, Arc::new(client));
    let is_heard = tokio::select! {
        () = &mut writer => false,
        () = log(events) => true,
        // The agent goes with the end of its input, and with it the last who could send anything.
        () = agent.run(input) => true,
    };
    if is_heard && tokio::time::timeout(GRACE, writer).await.is_err() {
        tracing::warn!("The client did not read the last replies.");
    }
}

/// Logs what the core tells of its own accord: the protocol has no place for it outside of a turn.
async fn log(mut events: Receiver<Event>) {
    loop {
        match events.recv().await {
            Ok(Event::Message { level: MessageLevel::Error, text }) => tracing::error!("{text}"),
            Ok(Event::Message { level: MessageLevel::Warning, text }) => tracing::warn!("{text}"),
            Ok(Event::Message { text, .. }) => tracing::info!("{text}"),
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            // Without a core the agent ends as well; it is the one to say so.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
