//! How the language models are, what they cost, and what trouble there is with them.

use super::Visitor;
use super::render::page;
use crate::error::Problem;
use crate::routes;
use crate::state::Gateway;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde_json::json;

/// What models cost today.
pub(super) async fn usage(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Problem> {
    let usage = routes::models::usage(State(gateway.clone())).await?.0;
    Ok(page(&gateway, Some(&visitor), "usage.html", "/usage", json!({ "usage": usage })))
}

/// How the models are.
pub(super) async fn list(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Problem> {
    let models = routes::models::list(State(gateway.clone())).await?.0;
    Ok(page(&gateway, Some(&visitor), "models.html", "/models", json!(models)))
}

/// What trouble there is with them.
pub(super) async fn incidents(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Problem> {
    let incidents = routes::models::incidents(State(gateway.clone())).await?.0;
    Ok(page(&gateway, Some(&visitor), "incidents.html", "/incidents", json!(incidents)))
}
