//! One WebSocket: texts in, texts out, with a heartbeat, bounds on sizes, and an end to patience with a client that does not read.
//!
//! Knows nothing of what is said.

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use std::time::{Duration, Instant};
use tokio::time::{Interval, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite;

/// What a message may take, and how long a client may be silent or slow.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of a message.
    pub message: usize,
    /// After half as long without a word the client is asked whether it is there; after so long without an answer it is not.
    pub heartbeat: Duration,
    /// How long a message may wait for a client that does not read.
    pub patience: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { message: 8 << 20, heartbeat: Duration::from_secs(20), patience: Duration::from_secs(10) }
    }
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A text.
    Text(Utf8Bytes),
    /// Bytes that are no text.
    Binary(axum::body::Bytes),
    /// A message that is larger than it may be; nothing more can be read.
    TooLarge,
    /// The client is gone, said goodbye, or broke the rules; nothing more comes.
    Gone,
}

/// Why nothing more can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The client is gone.
    Gone,
    /// It did not read in time.
    Slow,
}

/// A WebSocket.
#[derive(Debug)]
pub struct Carrier {
    socket: WebSocket,
    bounds: Bounds,
    beat: Interval,
    heard: Instant,
    /// When it was asked whether it is there, if nothing was heard since.
    asked: Option<Instant>,
}

impl Carrier {
    /// Bounds what is read before anything is.
    pub fn prepare(upgrade: WebSocketUpgrade, bounds: Bounds) -> WebSocketUpgrade {
        upgrade
            .max_message_size(bounds.message)
            .max_frame_size(bounds.message)
            // Thousands of connections that say little cost little.
            .read_buffer_size(8 << 10)
            .write_buffer_size(0)
    }

    /// A connection that begins now.
    pub fn new(socket: WebSocket, bounds: Bounds) -> Self {
        // Looked at more often than is asked, so that no beat is missed by a hair.
        let every = bounds.heartbeat / 2;
        let mut beat = interval_at(tokio::time::Instant::now() + every, every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { socket, bounds, beat, heard: Instant::now(), asked: None }
    }

    /// What comes next. Dropping it loses nothing.
    pub async fn next(&mut self) -> Incoming {
        loop {
            let message = tokio::select! {
                // What came while nobody listened counts before it is asked how long nothing came.
                biased;
                message = self.socket.recv() => message,
                _ = self.beat.tick() => {
                    match self.asked {
                        Some(asked) if asked.elapsed() >= self.bounds.heartbeat => return Incoming::Gone,
                        None if self.heard.elapsed() >= self.bounds.heartbeat / 2 => {
                            self.asked = Some(Instant::now());
                            if self.put(Message::Ping(axum::body::Bytes::new())).await.is_err() {
                                return Incoming::Gone;
                            }
                        }
                        _ => {}
                    }
                    continue;
                }
            };
            (self.heard, self.asked) = (Instant::now(), None);
            match message {
                Some(Ok(Message::Text(text))) => return Incoming::Text(text),
                Some(Ok(Message::Binary(bytes))) => return Incoming::Binary(bytes),
                // Pongs are sent and goodbyes are answered by the library, as long as it is asked for more.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_))) => {}
                Some(Err(error)) => {
                    tracing::debug!(%error, "A WebSocket ended.");
                    let error = error.into_inner().downcast::<tungstenite::Error>();
                    return match error.as_deref() {
                        Ok(tungstenite::Error::Capacity(_)) => Incoming::TooLarge,
                        _ => Incoming::Gone,
                    };
                }
                None => return Incoming::Gone,
            }
        }
    }

    /// What comes next, after a pause in which nothing is read. Dropping it loses nothing.
    pub async fn next_after(&mut self, pause: Duration) -> Incoming {
        // Whoever talks without end leaves `next` no moment to ask him anything.
        if !pause.is_zero()
            && let Ok(ended) = timeout(pause, self.unheard()).await
        {
            return ended;
        }
        self.next().await
    }

    /// Asks from time to time whether the client is there, and reads nothing of what it says; comes back where it is not. Dropping it loses
    /// nothing.
    ///
    /// A ping of the client stands behind all that it said before. To answer it at once would be to read that, and so to keep it without bound;
    /// it is answered in its turn, and what we ask shows meanwhile that the connection lives.
    pub async fn unheard(&mut self) -> Incoming {
        loop {
            self.beat.tick().await;
            // Proxies on the way see it too. What the client answers is read when there is room, so it is not waited for.
            if self.put(Message::Ping(axum::body::Bytes::new())).await.is_err() {
                return Incoming::Gone;
            }
            (self.heard, self.asked) = (Instant::now(), None);
        }
    }

    /// Says a text.
    ///
    /// # Errors
    /// If the client is gone, or does not read; then nothing more can be said.
    pub async fn say(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), Ended> {
        self.put(Message::Text(text.into())).await
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// As for [`Self::say`].
    pub async fn send(&mut self, bytes: axum::body::Bytes) -> Result<(), Ended> {
        self.put(Message::Binary(bytes)).await
    }

    async fn put(&mut self, message: Message) -> Result<(), Ended> {
        match timeout(self.bounds.patience, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Ended::Gone),
            Err(_) => Err(Ended::Slow),
        }
    }

    /// Says why it ends, and waits a moment for the client to have heard it.
    pub async fn close(mut self, code: u16, reason: &str) {
        // A reason has 123 bytes at most.
        let mut end = reason.len().min(123);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let reason = Utf8Bytes::from(reason.get(..end).unwrap_or_default());
        let goodbye = async {
            if self.socket.send(Message::Close(Some(CloseFrame { code, reason }))).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        // Whoever does not read does not hear it.
        let _ = timeout(Duration::from_secs(2), goodbye).await;
    }
}
