//! The writing half of the loop: the only place that writes to the client.

use super::{Ended, Lines, Outgoing};
use futures_util::{Stream, StreamExt};
use std::sync::Arc;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tower_lsp::jsonrpc::Request;

/// Bytes that are written at one time, and one message more: what gathers beyond that waits where it is counted.
const GATHERED: usize = 256 << 10;

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
    // How long each reply in it is.
    let mut gathered = Vec::new();
    let mut requests_open = true;
    let mut is_closing = false;
    loop {
        let takes_more = is_closing || buffer.len() < GATHERED;
        tokio::select! {
            biased;
            request = requests.next(), if requests_open && takes_more => match request {
                Some(request) => {
                    if let Some(id) = request.id() {
                        lines.asked().insert(id.clone());
                    }
                    match serde_json::to_vec(&request) {
                        Ok(body) => append(&mut buffer, &body),
                        Err(error) => tracing::error!(%error, "A message could not be written as JSON."),
                    }
                }
                None => requests_open = false,
            },
            message = outgoing.recv(), if !is_closing && takes_more => match message {
                Some(Outgoing::Reply(body)) => {
                    append(&mut buffer, &body);
                    gathered.push(body.len());
                }
                Some(Outgoing::Close) | None => is_closing = true,
            },
            // Nothing is ready, or enough is: what has gathered goes out in one write.
            () = std::future::ready(()), if is_closing || !buffer.is_empty() => {
                if output.write_all(&buffer).await.is_err() || output.flush().await.is_err() || is_closing {
                    return Ended::Writer;
                }
                buffer.clear();
                buffer.shrink_to(1 << 20);
                gathered.drain(..).for_each(|bytes| lines.unread.written(bytes));
            }
        }
    }
}

/// Appends one message with its header.
fn append(buffer: &mut Vec<u8>, body: &[u8]) {
    buffer.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    buffer.extend_from_slice(body);
}
