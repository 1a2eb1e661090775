//! An answer as it comes in.

use super::host::{Origin, Place, Single};
use super::{Held, Pool, describe};
use crate::error::{Cause, LlmError};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;
use std::sync::Arc;

/// An answer whose body is still to come. Dropping it ends the request at the provider.
pub struct Reply {
    source: Source,
    back: Option<Own>,
    held: Held,
    _place: Place,
}

/// Where an answer comes from.
enum Source {
    Wire(Response<Incoming>),
    /// From memory, for measuring what this program takes itself.
    #[cfg(any(test, feature = "scripted"))]
    Canned(std::collections::VecDeque<Bytes>),
}

/// The connection that an answer has to itself, and where it goes when the body was read.
struct Own {
    pool: Arc<Pool>,
    origin: Origin,
    single: Single,
}

impl Reply {
    pub(super) fn shared(pool: &Pool, response: Response<Incoming>, place: Place) -> Self {
        Self { source: Source::Wire(response), back: None, held: pool.in_flight.nothing(), _place: place }
    }

    pub(super) fn own(
        pool: &Arc<Pool>,
        response: Response<Incoming>,
        origin: Origin,
        single: Option<Single>,
        place: Place,
    ) -> Self {
        let back = single.map(|single| Own { pool: pool.clone(), origin, single });
        Self { source: Source::Wire(response), back, held: pool.in_flight.nothing(), _place: place }
    }

    /// An answer from memory.
    #[cfg(any(test, feature = "scripted"))]
    pub(super) fn canned(pool: &Pool, pieces: &[Bytes]) -> Self {
        let source = Source::Canned(pieces.iter().cloned().collect());
        Self { source, back: None, held: pool.in_flight.nothing(), _place: Place::take(&Arc::default()) }
    }

    /// The status.
    pub fn status(&self) -> u16 {
        match &self.source {
            Source::Wire(response) => response.status().as_u16(),
            #[cfg(any(test, feature = "scripted"))]
            Source::Canned(_) => 200,
        }
    }

    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<String> {
        match &self.source {
            Source::Wire(response) => response.headers().get(name)?.to_str().ok().map(str::to_owned),
            #[cfg(any(test, feature = "scripted"))]
            Source::Canned(_) => None,
        }
    }

    /// The next bytes of the body; `None` at its end. They count as held until the next ones are asked for.
    ///
    /// # Errors
    /// If the connection broke, or more bytes are under way than may be.
    pub async fn bytes(&mut self, target: &str) -> Result<Option<Bytes>, LlmError> {
        self.held.release();
        self.more(target).await
    }

    /// The whole body, if it is not longer than allowed. It counts as held for as long as this answer.
    ///
    /// # Errors
    /// As for [`Self::bytes`], or if the body is longer.
    pub async fn whole(&mut self, target: &str, limit: usize) -> Result<Vec<u8>, LlmError> {
        let mut body = Vec::new();
        while let Some(bytes) = self.more(target).await? {
            if body.len() + bytes.len() > limit {
                let detail = format!("the answer is longer than {limit} bytes");
                return Err(LlmError::new(target, Cause::LongAnswer, detail));
            }
            body.extend_from_slice(&bytes);
        }
        Ok(body)
    }

    async fn more(&mut self, target: &str) -> Result<Option<Bytes>, LlmError> {
        loop {
            let response = match &mut self.source {
                Source::Wire(response) => response,
                #[cfg(any(test, feature = "scripted"))]
                Source::Canned(pieces) => return Ok(pieces.pop_front()),
            };
            match response.body_mut().frame().await {
                None => {
                    self.give_back();
                    return Ok(None);
                }
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.held.grow(target, data.len())?;
                        return Ok(Some(data));
                    }
                }
                Some(Err(error)) => return Err(LlmError::new(target, Cause::Transport, describe(&error))),
            }
        }
    }

    /// Keeps an HTTP/1.1 connection whose answer was read to its end.
    fn give_back(&mut self) {
        let keep_alive = self.header("keep-alive");
        if let Some(Own { pool, origin, single }) = self.back.take()
            && let Some(host) = pool.lock().get_mut(&origin)
        {
            host.keep_used(single, keep_alive.as_deref());
        }
    }
}
