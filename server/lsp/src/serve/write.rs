//! The writing half of the loop: the only place that writes to the client.

use super::unread::Unread;
use super::{Ended, Lines, Outgoing};
use futures_util::{Stream, StreamExt};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tower_lsp::jsonrpc::Request;

/// Bytes that are written at one time, and one message more: what gathers beyond that waits where it is counted.
const GATHERED: usize = 256 << 10;

/// The request of ours for settings.
const SETTINGS: &str = "workspace/configuration";

/// So long a client for whom much waits may take nothing at all. An editor that is stopped for as long comes back to a session that is over, and not to a
/// server that hears neither its requests nor its end.
const PATIENCE: Duration = Duration::from_secs(60);

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
                        lines.asked().insert(id.clone(), request.method() == SETTINGS);
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
                if put(&mut output, &buffer, &lines.unread, PATIENCE).await.is_err() || is_closing {
                    return Ended::Writer;
                }
                buffer.clear();
                buffer.shrink_to(1 << 20);
                gathered.drain(..).for_each(|bytes| lines.unread.written(bytes));
            }
        }
    }
}

/// Writes all of it. A client for whom much waits and who takes nothing for so long is left; whoever waits for that ends this too.
async fn put<O: AsyncWrite + Unpin>(
    output: &mut O,
    mut bytes: &[u8],
    unread: &Unread,
    patience: Duration,
) -> io::Result<()> {
    while !bytes.is_empty() {
        match tokio::time::timeout(patience, output.write(bytes)).await {
            Ok(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(Ok(written)) => bytes = bytes.get(written..).unwrap_or_default(),
            Ok(Err(error)) => return Err(error),
            Err(_elapsed) if unread.is_much() => {
                unread.leave();
                std::future::pending::<()>().await;
            }
            Err(_elapsed) => {}
        }
    }
    output.flush().await
}

/// Appends one message with its header.
fn append(buffer: &mut Vec<u8>, body: &[u8]) {
    buffer.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    buffer.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use tokio::io::AsyncReadExt;

    const PAUSE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_for_long_is_left_where_much_waits_and_waited_for_where_little_does() {
        for (much, is_left) in [(true, true), (false, false)] {
            let (mut here, _there) = tokio::io::duplex(1 << 10);
            let unread = Unread::new();
            while much && !unread.is_much() {
                assert!(unread.add(1 << 20));
            }
            let putting = put(&mut here, &[b'x'; 2 << 10], &unread, PAUSE);
            assert!(tokio::time::timeout(10 * PAUSE, putting).await.is_err());
            assert_eq!(unread.too_much().now_or_never().is_some(), is_left);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_a_little_at_a_time_gets_all_of_it() {
        let (mut here, mut there) = tokio::io::duplex(1 << 10);
        let unread = Unread::new();
        while !unread.is_much() {
            assert!(unread.add(1 << 20));
        }
        let reading = tokio::spawn(async move {
            let mut part = [0; 1 << 10];
            for _ in 0..8 {
                tokio::time::sleep(PAUSE - Duration::from_secs(1)).await;
                there.read_exact(&mut part).await.unwrap();
            }
        });
        put(&mut here, &[b'x'; 8 << 10], &unread, PAUSE).await.unwrap();
        reading.await.unwrap();
        assert!(unread.too_much().now_or_never().is_none());
    }
}
