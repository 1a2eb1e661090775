//! The writing half of the loop: the only place that writes to the client.

use super::{Ended, Lines, Outgoing};
use futures_util::{Stream, StreamExt};
use std::sync::Arc;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tower_lsp::jsonrpc::Request;

/// Writes replies and our own requests and notifications.
///
/// What a handler sent before it returned stands before its reply, because our own messages are always taken first.
pub(super) async fn write<O: AsyncWrite + Unpin>(
    mut output: O,
    mut outgoing: mpsc::UnboundedReceiver<Outgoing>,
    mut requests: impl Stream<Item = Request> + Unpin,
    lines: Arc<Lines>,
) -> Ended {
    let mut buffer = Vec::with_capacity(16 << 10);
    let mut requests_open = true;
    let mut is_closing = false;
    loop {
        let wrote = tokio::select! {
            biased;
            request = requests.next(), if requests_open => match request {
                Some(request) => {
                    if let Some(id) = request.id() {
                        lines.asked().insert(id.clone());
                    }
                    encode(&mut buffer, &request)
                }
                None => {
                    requests_open = false;
                    true
                }
            },
            message = outgoing.recv(), if !is_closing => match message {
                Some(Outgoing::Reply(response)) => encode(&mut buffer, &response),
                Some(Outgoing::Close) | None => {
                    is_closing = true;
                    true
                }
            },
            // Nothing is ready: what has gathered goes out in one write.
            () = std::future::ready(()), if is_closing || !buffer.is_empty() => {
                if output.write_all(&buffer).await.is_err() || output.flush().await.is_err() || is_closing {
                    return Ended::Writer;
                }
                buffer.clear();
                buffer.shrink_to(1 << 20);
                true
            }
        };
        if !wrote {
            tracing::error!("A message could not be written as JSON.");
        }
    }
}

/// Appends one message with its header.
fn encode(buffer: &mut Vec<u8>, message: &impl serde::Serialize) -> bool {
    match serde_json::to_vec(message) {
        Ok(body) => {
            buffer.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
            buffer.extend_from_slice(&body);
            true
        }
        Err(_) => false,
    }
}
