//! Where somebody who is signed in lets a device in by the code that it shows (RFC 8628, 3.3).

use super::render::{page, with_problem};
use super::{Form, Visitor};
use crate::error::Problem;
use crate::extract::fitting;
use crate::routes;
use crate::state::Gateway;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

/// A code that a device put into its link. It is shown, and sent by its owner alone.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Shown {
    user_code: Option<String>,
}

/// The form for a code.
pub(super) async fn form(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    Query(shown): Query<Shown>,
) -> Response {
    let code: String = shown.user_code.unwrap_or_default().chars().take(20).collect();
    page(&gateway, Some(&visitor), "device.html", "", json!({ "code": code }))
}

/// Lets it in, or refuses it.
pub(super) async fn decide(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Response {
    let is_let_in = form.get("answer") == Some("let-in");
    let wanted = json!({ "user_code": form.text("code").trim(), "let_in": is_let_in });
    let principal = Extension(visitor.principal.clone());
    let decided = async { routes::devices::decide(State(gateway.clone()), principal, fitting(wanted)?).await };
    let decided: Result<_, Problem> = decided.await;
    match decided {
        Ok(device) => {
            page(&gateway, Some(&visitor), "device.html", "", json!({ "device": device.0, "is_let_in": is_let_in }))
        }
        Err(problem) => {
            let context = json!({ "code": form.text("code") });
            with_problem(&gateway, Some(&visitor), "device.html", "", context, &problem)
        }
    }
}
