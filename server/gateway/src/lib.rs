//! Keeps HTTP in: the team service, REST v2 first.
//!
//! Decides nothing that the core decides. Every route stands in the OpenAPI document, every body is held against its schema, and what no policy permits
//! is denied.

mod attend;
mod auth;
#[cfg(feature = "bench")]
pub mod bench;
mod client;
mod conditional;
mod deed;
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
pub use socket::{Bounds, Carrier, Ended, Incoming, LanguageServer, Served};
pub use state::{Config, Gateway, Joiner, StartError};

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Uri};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use error::{Kind, Problem};
use std::future::Future;
use std::time::Duration;
use tokio::net::TcpListener;

/// How often what is kept no longer is removed.
const SWEEP: Duration = Duration::from_secs(3600);
/// What those who are connected have to hear that the service ends.
const GOODBYE: Duration = Duration::from_secs(2);

/// All routes behind their gate.
pub fn router(gateway: Gateway) -> Router {
    let (routes, _) = routes::all().split_for_parts();
    guarded(gateway, routes)
}

/// These routes behind the gate, with the page and with what is done around every request.
fn guarded(gateway: Gateway, routes: Router<Gateway>) -> Router {
    let gate = middleware::from_fn_with_state(gateway.clone(), auth::gate);
    let max_body = gateway.config().max_body;
    // The page has a gate of its own, which asks the same policies.
    let routes = routes.route_layer(gate).merge(page::routes(gateway.clone()));
    routes
        .method_not_allowed_fallback(async || Problem::new(Kind::MethodNotAllowed, "The path has no such method."))
        .fallback(nowhere)
        .layer(DefaultBodyLimit::max(max_body))
        .layer(middleware::from_fn_with_state(gateway.clone(), attend::attend))
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
            // What was begun for clients that are gone is put to its end.
            if tokio::time::timeout(GOODBYE, gateway.deeds().all_done()).await.is_err() {
                tracing::warn!("Some changes were left in the middle; the audit log tells which were begun.");
            }
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

#[cfg(test)]
mod tests;
