//! What became of a request that got no answer: whether anybody may have read it.

use super::Body;
use hyper::Request;
use hyper::client::conn::TrySendError;
use std::error::Error;

/// Whether the peer may have read a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// It did not: the request never went out, or the peer went away before it came.
    Not,
    /// It says that it did not look at it, and the connection lives on.
    Refused,
    /// Nobody can tell.
    Perhaps,
}

/// A request that got no answer.
#[derive(Debug)]
pub(super) struct Broken {
    pub error: hyper::Error,
    pub read: Read,
}

impl Broken {
    /// What became of a request on a shared connection. Its head may be out when the connection turns out to take no more requests; it is
    /// then dropped before its body went out, which the client reports as a mistake of its own. No peer acts on half a request.
    pub fn of_stream(failed: TrySendError<Request<Body>>) -> Self {
        let broken = Self::of(failed);
        if broken.error.is_user() { Self { read: Read::Not, ..broken } } else { broken }
    }

    pub fn of(failed: TrySendError<Request<Body>>) -> Self {
        let was_kept = failed.message().is_some();
        let error = failed.into_error();
        let read = if was_kept || error.is_canceled() { Read::Not } else { read(&error) };
        Self { error, read }
    }
}

/// What an error of the peer says. A stream gets the peer's GOAWAY as its error only if its number is above the last one that the peer may
/// have acted on (RFC 9113, 6.8 and 8.7); one that the peer goes on with ends with the connection, and then with an error of the connection.
fn read(error: &hyper::Error) -> Read {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<h2::Error>().filter(|cause| cause.is_remote()) {
            return match cause.reason() {
                Some(h2::Reason::REFUSED_STREAM) if cause.is_reset() => Read::Refused,
                _ if cause.is_go_away() => Read::Not,
                _ => Read::Perhaps,
            };
        }
        source = cause.source();
    }
    Read::Perhaps
}

/// What an error of the connection says, with what lies behind it.
pub(super) fn describe(error: &hyper::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
