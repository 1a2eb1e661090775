//! Talks to a batch API: sends what a vendor's file says and reads what comes, within bounds of time and size. Repeats nothing.
//!
//! A key goes to the target's own address and to no other, whatever an answer names.

use super::vendor::Call;
use crate::config::{Bounds, Target};
use crate::error::{Cause, LlmError};
use crate::pool::{Content, Pool, Reply};
use crate::providers::failure;
use hyper::{Method, Uri};
use security::secret::Secret;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// A page of a list of batches is shorter than this.
const PAGE: usize = 8 << 20;
/// A report of an error is never longer than this.
const ERROR_BYTES: usize = 64 << 10;
/// Bytes a second on a slow line.
const SLOW: u64 = 50_000;

/// Why a call to a batch API came to nothing.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The status, where there was an answer.
    pub status: Option<u16>,
    pub error: LlmError,
}

impl Refusal {
    /// Whether there is nothing at this address.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self.status, Some(404 | 405 | 410 | 501))
    }

    /// Whether the same call may succeed at another time.
    pub(super) fn may_pass(&self) -> bool {
        self.error.cause.may_pass() && !self.is_missing()
    }
}

impl From<LlmError> for Refusal {
    fn from(error: LlmError) -> Self {
        Self { status: None, error }
    }
}

/// The way to one target's batches.
pub(super) struct Wire {
    pub pool: Arc<Pool>,
    pub target: Target,
    /// Those of a single call, with the key.
    pub headers: Vec<(&'static str, Secret)>,
    pub bounds: Bounds,
}

impl Wire {
    /// Sends a call and gives the JSON that comes back.
    pub(super) async fn call(&self, call: Call) -> Result<Value, Refusal> {
        let url = format!("{}{}", self.target.base_url, call.path);
        let content =
            (call.method != Method::GET).then(|| Content { kind: &call.kind, bytes: call.body.into(), beforehand: 0 });
        let mut reply = self.send(call.method, &url, content).await?;
        let body = tokio::time::timeout(self.bounds.first_word, reply.whole(&self.target.name, PAGE)).await;
        let body = body.map_err(|_elapsed| self.late("its answer broke off"))??;
        serde_json::from_slice(&body)
            .map_err(|error| self.error(Cause::Malformed, format!("its answer is not JSON ({error})")).into())
    }

    /// The lines of a file of answers; `place` is a path after the base URL or a whole address.
    pub(super) async fn lines(&self, place: &str, longest: usize) -> Result<Lines, Refusal> {
        let url = if place.starts_with('/') {
            format!("{}{place}", self.target.base_url)
        } else if is_same_origin(place, &self.target.base_url) {
            place.to_owned()
        } else {
            let why = "it names another address than its `base-url` for its answers, and no key is sent there";
            return Err(self.error(Cause::BadRequest, why).into());
        };
        let reply = self.send(Method::GET, &url, None).await?;
        Ok(Lines { reply, name: self.target.name.clone(), stall: self.bounds.stall, parts: Splitter::new(longest) })
    }

    async fn send(&self, method: Method, url: &str, content: Option<Content<'_>>) -> Result<Reply, Refusal> {
        let name = &self.target.name;
        let size = content.as_ref().map_or(0, |content| content.bytes.len() as u64);
        let sent = self.pool.send(method, name, url, &self.headers, content, self.target.http2);
        let patience = self.bounds.first_word + Duration::from_secs(size / SLOW);
        let mut reply =
            tokio::time::timeout(patience, sent).await.map_err(|_elapsed| self.late("it did not answer in time"))??;
        let status = reply.status();
        if (200..300).contains(&status) {
            return Ok(reply);
        }
        let body = tokio::time::timeout(self.bounds.stall, reply.whole(name, ERROR_BYTES)).await;
        let body = body.unwrap_or(Ok(Vec::new())).unwrap_or_default();
        Err(Refusal { status: Some(status), error: failure(name, status, &|header| reply.header(header), &body) })
    }

    fn late(&self, what: &str) -> LlmError {
        self.error(Cause::Timeout, what)
    }

    /// A failure of this target.
    pub(super) fn error(&self, cause: Cause, detail: impl Into<String>) -> LlmError {
        LlmError::new(&self.target.name, cause, detail)
    }
}

/// Whether two addresses are on the same host, spoken to in the same way.
fn is_same_origin(one: &str, other: &str) -> bool {
    fn origin(url: &str) -> Option<(String, String, u16)> {
        let uri: Uri = url.parse().ok()?;
        let scheme = uri.scheme_str()?.to_owned();
        let authority = uri.authority()?;
        if authority.as_str().contains('@') {
            return None;
        }
        let usual = if scheme == "https" { 443 } else { 80 };
        Some((scheme, authority.host().to_lowercase(), uri.port_u16().unwrap_or(usual)))
    }
    origin(one).is_some_and(|one| origin(other) == Some(one))
}

/// A file as it comes, line by line.
pub(super) struct Lines {
    reply: Reply,
    name: String,
    stall: Duration,
    parts: Splitter,
}

impl Lines {
    /// The next lines that are whole; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Vec<u8>>>, LlmError> {
        let late = |_elapsed| LlmError::new(&self.name, Cause::Timeout, "its file of answers broke off");
        match tokio::time::timeout(self.stall, self.reply.bytes(&self.name)).await.map_err(late)?? {
            Some(bytes) => Ok(Some(self.parts.push(&bytes))),
            None => Ok(self.parts.end().map(|line| vec![line])),
        }
    }
}

/// Cuts bytes into lines. One that is too long is passed over.
struct Splitter {
    held: Vec<u8>,
    longest: usize,
    skips: bool,
}

impl Splitter {
    fn new(longest: usize) -> Self {
        Self { held: Vec::new(), longest, skips: false }
    }

    fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = piece.strip_suffix(b"\n").map_or((piece, false), |text| (text, true));
            if self.held.len() + text.len() > self.longest {
                self.skips = true;
                self.held = Vec::new();
            }
            if !self.skips {
                self.held.extend_from_slice(text);
            }
            if ends {
                let line = std::mem::take(&mut self.held);
                if !std::mem::take(&mut self.skips) && !line.is_empty() {
                    lines.push(line);
                }
            }
        }
        lines
    }

    fn end(&mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.held);
        (!std::mem::take(&mut self.skips) && !line.is_empty()).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_not_follow_another_address() {
        let base = "https://api.example/v1";
        for own in ["https://api.example/v1/x", "https://API.example:443/y"] {
            assert!(is_same_origin(own, base), "{own}");
        }
        for other in [
            "http://api.example/v1/x",
            "https://api.example:444/x",
            "https://api.example.evil/x",
            "https://api.example@evil/x",
            "https://evil/https://api.example",
            "//api.example/x",
            "x",
        ] {
            assert!(!is_same_origin(other, base), "{other}");
        }
    }

    #[test]
    fn lines_are_cut_at_their_ends_only_and_long_ones_are_passed_over() {
        let text = b"one\n\ntwo two\nthree is too long\nfour\nfive";
        for size in 1..text.len() {
            let mut splitter = Splitter::new(8);
            let mut lines: Vec<_> = text.chunks(size).flat_map(|chunk| splitter.push(chunk)).collect();
            lines.extend(splitter.end());
            let lines: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
            assert_eq!(lines, ["one", "two two", "four", "five"], "in pieces of {size}");
        }
    }
}
