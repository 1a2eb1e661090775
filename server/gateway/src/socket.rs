//! The WebSocket: the language server and the stream of events on one connection that knows who is there.
//!
//! A text is one JSON-RPC message. Methods that begin with `service/` are about events and are answered here; all others go to a language server of the
//! connection's own, which is started by the first of them and looks at no disk. Each message is asked of the policies, who loses his rights is let go
//! within a second, and who reads too slowly is told and let go: nothing is kept for him without bound.

mod carrier;
mod connection;
mod cursor;
mod feed;
mod followers;
mod hub;
mod messages;
mod pace;
mod standing;

pub use carrier::{Bounds, Carrier, Ended, Incoming};
pub(crate) use connection::converse;
pub(crate) use followers::Follower;
pub(crate) use hub::{Hub, watch};
pub(crate) use messages::{OPERATIONS, Subscription};
pub(crate) use standing::Standing;

use engine::ServerCore;
use engine::queue::{Receiver, Sender};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// Serves one client with a core of its own: messages of the client come by the first channel, and those for it go by the second.
/// Whoever puts the program together hands it in, since the doors do not know each other.
pub type LanguageServer =
    Arc<dyn Fn(ServerCore, Receiver<String>, Sender<String>) -> BoxFuture<'static, Served> + Send + Sync>;

/// How a language server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// Its client said goodbye, or is gone.
    Over,
    /// Its client takes so little of what is said that no more is kept for it.
    TooSlow,
}

/// Connections at a time; whoever comes after them is asked to come again.
pub(crate) const MOST_CONNECTIONS: usize = 2048;

#[cfg(test)]
mod tests;
