//! Carries an editor's messages to a language server elsewhere and back: headers on the editor's side, one text a message on the other.
//!
//! Reads nothing of what is said.

use crate::Outcome;
use crate::serve::framing::{Frame, FrameReader};
use engine::queue::{Receiver, Sender};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

/// Carries messages until the editor says `exit`, or either side is gone.
pub async fn relay<I, O>(
    input: I,
    mut output: O,
    to_server: Sender<String>,
    mut from_server: Receiver<String>,
) -> Outcome
where
    I: AsyncRead + Unpin,
    O: AsyncWrite + Unpin,
{
    let there = async move {
        let mut frames = FrameReader::new(input);
        let mut was_shut_down = false;
        loop {
            let body = match frames.next().await {
                Frame::Body(body) => body,
                Frame::Garbage(reason) => {
                    tracing::warn!(%reason, "Input was skipped.");
                    continue;
                }
                Frame::End => return Outcome::Unclean,
            };
            let Ok(message) = String::from_utf8(body) else {
                tracing::warn!("A message that is not UTF-8 was skipped.");
                continue;
            };
            let method = serde_json::from_str::<Method>(&message).ok().and_then(|message| message.method);
            if to_server.send(message).await.is_err() {
                return Outcome::Unclean;
            }
            match method.as_deref() {
                Some("shutdown") => was_shut_down = true,
                Some("exit") => return if was_shut_down { Outcome::Clean } else { Outcome::Unclean },
                _ => {}
            }
        }
    };
    let back = async {
        while let Some(message) = from_server.recv().await {
            let header = format!("Content-Length: {}\r\n\r\n", message.len());
            let wrote = async {
                output.write_all(header.as_bytes()).await?;
                output.write_all(message.as_bytes()).await?;
                output.flush().await
            };
            if wrote.await.is_err() {
                return Outcome::Unclean;
            }
        }
        Outcome::Unclean
    };
    tokio::select! {
        outcome = there => outcome,
        outcome = back => outcome,
    }
}

#[derive(serde::Deserialize)]
struct Method {
    method: Option<String>,
}
