//! The language server for doors that carry whole messages: one JSON-RPC message is one text, without headers.
//!
//! Who does not take what is said holds up his own server and nobody else; the door ends with him who takes nothing for too long, and the server where
//! too much gathers for him ([`Outcome::Unread`]).

use crate::serve::framing::{Frame, FrameReader};
use crate::{Outcome, serve_as};
use engine::ServerCore;
use engine::queue::{Receiver, Sender};
use tokio::io::{AsyncWriteExt, duplex};

/// Bytes between the door and the loop.
const PIPE: usize = 64 << 10;

/// Serves one client, whom the core names, until it says `exit` or its door is closed.
pub async fn serve_messages(core: ServerCore, mut from_client: Receiver<String>, to_client: Sender<String>) -> Outcome {
    let (mut feed, input) = duplex(PIPE);
    let (output, taken) = duplex(PIPE);
    let feeding = async move {
        while let Some(message) = from_client.recv().await {
            let header = format!("Content-Length: {}\r\n\r\n", message.len());
            let wrote = async {
                feed.write_all(header.as_bytes()).await?;
                feed.write_all(message.as_bytes()).await
            };
            if wrote.await.is_err() {
                break;
            }
        }
        // The server hears that nothing more comes, and ends by itself.
        drop(feed);
        std::future::pending::<()>().await;
    };
    let taking = async move {
        let mut frames = FrameReader::new(taken);
        loop {
            match frames.next().await {
                Frame::Body(body) => {
                    let Ok(message) = String::from_utf8(body) else { continue };
                    if to_client.send(message).await.is_err() {
                        return;
                    }
                }
                Frame::Garbage(_) => {}
                Frame::End => return,
            }
        }
    };
    let serving = async { tokio::join!(serve_as(core, input, output), taking).0 };
    tokio::select! {
        outcome = serving => outcome,
        () = feeding => Outcome::Unclean,
    }
}
