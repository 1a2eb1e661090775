//! What is done around every request, whichever route it takes: it is counted, numbered, bounded in time, and a panic in it is its own.
//!
//! One layer for all of it: each layer of its own would copy and box all those that are below it for every request.

use crate::auth;
use crate::error::{CORRELATION, Kind, Problem, Told};
use crate::metrics::requests::counted;
use crate::routes;
use crate::state::Gateway;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// What a request may take in all.
const LONGEST: Duration = Duration::from_secs(60);
/// What an answer of a model may take in all, where it is not told piece by piece.
const LONGEST_ANSWER: Duration = Duration::from_secs(600);
/// The header with the number of a request.
const CORRELATION_HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

/// Attends to a request from its beginning to its answer.
pub(crate) async fn attend(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let caught = |request| caught(next.run(request));
    counted(&gateway, request, |request| numbered(request, |request| bounded(request, caught))).await
}

/// What is left half done by a panic belongs to that request alone.
async fn caught(answer: impl Future<Output = Response>) -> Response {
    AssertUnwindSafe(answer)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Problem::new(Kind::Internal, "Something failed here.").into_response())
}

/// Gives each request a number: the one that it brings, if that is a plain one.
async fn numbered<F: Future<Output = Response>>(request: Request, next: impl FnOnce(Request) -> F) -> Response {
    let is_plain =
        |id: &&str| (8..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_openai = request.uri().path().starts_with("/v1/");
    let brought = request.headers().get(CORRELATION_HEADER).and_then(|id| id.to_str().ok()).filter(is_plain);
    let number = brought.map_or_else(auth::secrets::number, str::to_owned);
    tracing::Span::current().record("code_agent.correlation", number.as_str());
    let mut response = CORRELATION.scope(number.clone(), next(request)).await;
    if is_openai && let Some(told) = response.extensions_mut().remove::<Told>() {
        // The programs that come by this door read no problem details.
        let body = serde_json::to_vec(&told.for_openai()).unwrap_or_default();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::from(body);
        if told.is_final {
            // After 429 and 5xx the SDKs of OpenAI wait and ask again, unless this header says no.
            response.headers_mut().insert("x-should-retry", HeaderValue::from_static("false"));
        }
    }
    if let Ok(value) = HeaderValue::from_str(&number) {
        response.headers_mut().insert(CORRELATION_HEADER, value);
    }
    let headers = response.headers_mut();
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream") {
        // nginx holds an answer back until a buffer is full or the stream ends, unless this header says no; events have to come at once.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    }
    response
}

/// Ends what takes too long; a stream of events is no such thing once it began.
async fn bounded<F: Future<Output = Response>>(request: Request, next: impl FnOnce(Request) -> F) -> Response {
    let method = request.method().clone();
    let path = request.uri().path();
    let asks_models = path.starts_with("/v1/") || path == routes::RUN_ACTION;
    let longest = if asks_models { LONGEST_ANSWER } else { LONGEST };
    match tokio::time::timeout(longest, next(request)).await {
        Ok(response) => response,
        Err(_) => {
            let said = if method == Method::GET {
                "It took too long."
            } else {
                "It took too long; whether it was done is not known."
            };
            Problem::new(Kind::Timeout, said).into_response()
        }
    }
}
