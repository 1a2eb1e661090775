//! Keeps HTTP in: the team service, REST v2 first.
//!
//! Decides nothing that the core decides. Every route stands in the OpenAPI document, every body is held against its schema, and what no policy permits
//! is denied.

mod auth;
#[cfg(feature = "bench")]
pub mod bench;
mod client;
mod conditional;
mod error;
mod extract;
mod listen;
mod metrics;
mod openapi;
mod page;
mod quotas;
mod routes;
mod setup;
mod socket;
mod state;
mod tries;

pub use auth::oidc::OidcConfig;
pub use client::{ConnectError, Connection, connect};
pub use listen::{Tls, TlsError, TlsFiles};
pub use openapi::document;
pub use socket::{Bounds, Carrier, Ended, Incoming, LanguageServer};
pub use state::{Config, Gateway, Joiner, StartError};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use error::{CORRELATION, Kind, Problem, Told};
use std::future::Future;
use std::time::Duration;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

/// What a request may take in all.
const LONGEST: Duration = Duration::from_secs(60);
/// What an answer of a model may take in all, where it is not told piece by piece.
const LONGEST_ANSWER: Duration = Duration::from_secs(600);
/// How often what is kept no longer is removed.
const SWEEP: Duration = Duration::from_secs(3600);
/// What those who are connected have to hear that the service ends.
const GOODBYE: Duration = Duration::from_secs(2);
/// The header with the number of a request.
const CORRELATION_HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

/// All routes behind their gate.
pub fn router(gateway: Gateway) -> Router {
    let (routes, _) = routes::all().split_for_parts();
    let gate = middleware::from_fn_with_state(gateway.clone(), auth::gate);
    let max_body = gateway.config().max_body;
    // The page has a gate of its own, which asks the same policies.
    let routes = routes.route_layer(gate).merge(page::routes(gateway.clone()));
    routes
        .method_not_allowed_fallback(async || Problem::new(Kind::MethodNotAllowed, "The path has no such method."))
        .fallback(nowhere)
        .layer(DefaultBodyLimit::max(max_body))
        .layer(CatchPanicLayer::custom(|_| Problem::new(Kind::Internal, "Something failed here.").into_response()))
        .layer(middleware::from_fn(bounded))
        .layer(middleware::from_fn(numbered))
        .layer(middleware::from_fn_with_state(gateway.clone(), metrics::requests::counted))
        .with_state(gateway)
}

/// What is said of a path that is not there.
async fn nowhere(State(gateway): State<Gateway>, uri: Uri, headers: HeaderMap) -> Response {
    if page::wants_a_page(&headers) && !uri.path().starts_with("/api/") {
        return page::nothing_here(&gateway);
    }
    Problem::new(Kind::NotFound, "There is no such path; /api/v2/openapi.json has those that there are.")
        .into_response()
}

/// Serves until `stop` comes, then ends what is under way within `grace`.
///
/// # Errors
/// If no more connections can be taken.
pub async fn serve(
    gateway: Gateway,
    listener: TcpListener,
    tls: Option<Tls>,
    stop: impl Future<Output = ()> + Send + 'static,
    grace: Duration,
) -> std::io::Result<()> {
    let router = router(gateway.clone());
    let told = gateway.clone();
    let stop = async move {
        stop.await;
        // Streams that would go on for ever end now.
        told.stop();
    };
    tokio::select! {
        result = listen::serve(router, listener, tls, stop, grace) => {
            // Those who were connected are told; it takes a moment and no more.
            let _ = tokio::time::timeout(GOODBYE.min(grace), gateway.everybody_gone()).await;
            result
        }
        () = sweep(&gateway) => Ok(()),
        () = socket::watch(&gateway) => Ok(()),
    }
}

/// Removes what is kept no longer, until it is dropped.
async fn sweep(gateway: &Gateway) {
    loop {
        match gateway.store().sweep(engine::store::now_ms()).await {
            Ok(removed) => tracing::debug!(removed, "What is kept no longer was removed."),
            Err(error) => tracing::warn!(%error, "What is kept no longer could not be removed."),
        }
        tokio::time::sleep(SWEEP).await;
    }
}

/// Gives each request a number: the one that it brings, if that is a plain one.
async fn numbered(request: Request<Body>, next: Next) -> Response {
    let is_plain =
        |id: &&str| (8..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_openai = request.uri().path().starts_with("/v1/");
    let brought = request.headers().get(CORRELATION_HEADER).and_then(|id| id.to_str().ok()).filter(is_plain);
    let number = brought.map_or_else(auth::secrets::number, str::to_owned);
    tracing::Span::current().record("code_agent.correlation", number.as_str());
    let mut response = CORRELATION.scope(number.clone(), next.run(request)).await;
    if is_openai && let Some(told) = response.extensions_mut().remove::<Told>() {
        // The programs that come by this door read no problem details.
        let body = serde_json::to_vec(&told.for_openai()).unwrap_or_default();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::from(body);
    }
    if let Ok(value) = HeaderValue::from_str(&number) {
        response.headers_mut().insert(CORRELATION_HEADER, value);
    }
    let headers = response.headers_mut();
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Ends what takes too long; a stream of events is no such thing once it began.
async fn bounded(request: Request<Body>, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path();
    let asks_models = path.starts_with("/v1/") || path == routes::RUN_ACTION;
    let longest = if asks_models { LONGEST_ANSWER } else { LONGEST };
    match tokio::time::timeout(longest, next.run(request)).await {
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

#[cfg(test)]
mod tests;
