//! Where somebody who is signed in lets a device in by the code that it shows (RFC 8628, 3.3): first the code, then what device has it, and only then
//! yes or no. It never lets one in that its owner was not shown.

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

/// Shows which device has the code; with an answer, lets it in or refuses it.
pub(super) async fn decide(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Response {
    let code = form.text("code").trim();
    let answer = form.get("answer");
    let is_let_in = answer == Some("let-in");
    let wanted = json!({ "user_code": code, "let_in": is_let_in });
    let principal = visitor.principal.clone();
    let result = async {
        let wanted = fitting(wanted)?;
        match answer {
            None => routes::devices::waiting(&gateway, &principal, wanted).await,
            Some(_) => {
                let decided = routes::devices::decide(State(gateway.clone()), Extension(principal), wanted).await;
                decided.map(|device| device.0)
            }
        }
    };
    let result: Result<_, Problem> = result.await;
    match result {
        Ok(device) => {
            let is_decided = answer.is_some();
            let context = json!({ "device": device, "code": code, "is_decided": is_decided, "is_let_in": is_let_in });
            page(&gateway, Some(&visitor), "device.html", "", context)
        }
        Err(problem) => with_problem(&gateway, Some(&visitor), "device.html", "", json!({ "code": code }), &problem),
    }
}
