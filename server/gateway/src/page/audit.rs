//! What was allowed and what was not.

use super::Visitor;
use super::render::page;
use crate::error::Problem;
use crate::extract::Asked;
use crate::routes::{self, LogPart};
use crate::state::Gateway;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde_json::json;

/// The log, the newest first.
pub(super) async fn list(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    part: Asked<LogPart>,
) -> Result<Response, Problem> {
    let log = routes::audit::list(State(gateway.clone()), part).await?.0;
    Ok(page(&gateway, Some(&visitor), "audit.html", "/audit", json!(log)))
}
