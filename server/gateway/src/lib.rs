//! Keeps HTTP in: the team service, REST v2 first.
//!
//! Decides nothing that the core decides. Every route stands in the OpenAPI document, every body is held against its schema, and what no policy permits
//! is denied.

mod auth;
mod error;
mod extract;
mod metrics;
mod openapi;
mod page;
mod routes;
mod setup;
mod state;
mod tries;

pub use openapi::document;
pub use state::{Config, Gateway, StartError};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use error::{CORRELATION, Kind, Problem};
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

/// What a request may take in all.
const LONGEST: Duration = Duration::from_secs(60);
/// How often what is kept no longer is removed.
const SWEEP: Duration = Duration::from_secs(3600);
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
    stop: impl Future<Output = ()> + Send + 'static,
    grace: Duration,
) -> std::io::Result<()> {
    let (stopping, mut stopped) = tokio::sync::watch::channel(false);
    let asked = async move {
        stop.await;
        stopping.send_replace(true);
    };
    let service = router(gateway.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(asked);
    let bounded = async move {
        let served = server.into_future();
        tokio::pin!(served);
        tokio::select! {
            result = &mut served => return result,
            _ = stopped.wait_for(|is_stopped| *is_stopped) => {}
        }
        match tokio::time::timeout(grace, served).await {
            Ok(result) => result,
            Err(_) => {
                tracing::warn!("Some requests were ended, since they took longer than there was time.");
                Ok(())
            }
        }
    };
    tokio::select! {
        result = bounded => result,
        () = sweep(&gateway) => Ok(()),
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
    let brought = request.headers().get(CORRELATION_HEADER).and_then(|id| id.to_str().ok()).filter(is_plain);
    let number = brought.map_or_else(auth::secrets::number, str::to_owned);
    let mut response = CORRELATION.scope(number.clone(), next.run(request)).await;
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
    match tokio::time::timeout(LONGEST, next.run(request)).await {
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
