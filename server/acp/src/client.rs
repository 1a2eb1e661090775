//! The client at the other end: replies, notifications and our own requests go to it through here, in their order.

use crate::message::{self, Failure};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

/// Bytes that are gathered before they are written.
const GATHERED: usize = 64 << 10;

/// Who waits for a reply.
type Asked = HashMap<u64, oneshot::Sender<Result<Value, String>>>;

/// Where messages to the client go.
pub(crate) struct Client {
    out: mpsc::UnboundedSender<Value>,
    asked: Mutex<Asked>,
    next: AtomicU64,
    /// Whether it reads files for us, as its user sees them.
    pub reads_files: AtomicBool,
    /// Whether it writes files for us.
    pub writes_files: AtomicBool,
}

impl Client {
    /// A client, and what is to be written to it.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Value>) {
        let (out, outgoing) = mpsc::unbounded_channel();
        let client = Self {
            out,
            asked: Mutex::default(),
            next: AtomicU64::new(1),
            reads_files: AtomicBool::new(false),
            writes_files: AtomicBool::new(false),
        };
        (client, outgoing)
    }

    fn send(&self, message: Value) {
        // The only failure is a writer that is gone, and then the connection is ending already.
        let _ = self.out.send(message);
    }

    /// The one reply to a request.
    pub fn reply(&self, id: &Value, result: Result<Value, Failure>) {
        self.send(message::reply(id, result));
    }

    /// Tells of something in a session.
    pub fn update(&self, session: &str, update: Value) {
        let params = json!({ "sessionId": session, "update": update });
        self.send(json!({ "jsonrpc": "2.0", "method": "session/update", "params": params }));
    }

    /// Adds to the answer that the user reads.
    pub fn say(&self, session: &str, text: &str) {
        let content = json!({ "type": "text", "text": text });
        self.update(session, json!({ "sessionUpdate": "agent_message_chunk", "content": content }));
    }

    /// A number that no other request or tool call of this connection has.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Asks the client, for as long as it takes. Why it refused is half a sentence.
    pub async fn ask(&self, method: &str, params: Value) -> Result<Value, String> {
        let (sender, answer) = oneshot::channel();
        let id = self.number();
        {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            // Whoever was cancelled waits no longer.
            asked.retain(|_, waiting| !waiting.is_closed());
            asked.insert(id, sender);
        }
        self.send(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        answer.await.unwrap_or_else(|_closed| Err("it went away".to_owned()))
    }

    /// Hands on a reply to whoever asked. One that nobody waits for is passed over.
    pub fn answered(&self, id: &Value, result: Result<Value, String>) {
        let waiting = id.as_u64().and_then(|id| self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&id));
        if let Some(waiting) = waiting {
            // Who asked may have been cancelled in between.
            let _ = waiting.send(result);
        }
    }
}

/// Writes messages, one a line, until there can be no more of them or nobody reads.
pub(crate) async fn write<O: AsyncWrite + Unpin>(mut output: O, mut outgoing: mpsc::UnboundedReceiver<Value>) {
    let mut buffer = Vec::new();
    while let Some(message) = outgoing.recv().await {
        append(&mut buffer, &message);
        while buffer.len() < GATHERED
            && let Ok(message) = outgoing.try_recv()
        {
            append(&mut buffer, &message);
        }
        if output.write_all(&buffer).await.is_err() || output.flush().await.is_err() {
            return;
        }
        buffer.clear();
    }
}

/// A line break inside of a text is escaped in JSON, so a message is one line.
fn append(buffer: &mut Vec<u8>, message: &Value) {
    buffer.extend_from_slice(message.to_string().as_bytes());
    buffer.push(b'\n');
}
