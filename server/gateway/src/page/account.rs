//! One's own account: its second factor, recovery codes, password and sessions.

use super::render::{page, with_problem};
use super::session::no_cookie;
use super::{Form, Visitor};
use crate::error::{Kind, Problem};
use crate::extract::fitting;
use crate::routes::{self, factors, sessions};
use crate::state::Gateway;
use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use qrcodegen::{QrCode, QrCodeEcc};
use serde_json::{Value, json};
use std::fmt::Write;

/// White around a QR code, in its squares: what the standard asks for.
const QUIET: i32 = 4;

async fn context(gateway: &Gateway, visitor: &Visitor) -> Result<Value, Problem> {
    let me = routes::accounts::me(State(gateway.clone()), Extension(visitor.principal.clone())).await?.0;
    let is_of_provider = gateway.store().is_of_provider(&visitor.principal.account.id).await?;
    Ok(json!({ "me": me, "is_of_provider": is_of_provider }))
}

async fn again(gateway: &Gateway, visitor: &Visitor, problem: &Problem) -> Result<Response, Problem> {
    let context = context(gateway, visitor).await?;
    Ok(with_problem(gateway, Some(visitor), "account.html", "/account", context, problem))
}

/// What there is.
pub(super) async fn show(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Problem> {
    let context = context(&gateway, &visitor).await?;
    Ok(page(&gateway, Some(&visitor), "account.html", "/account", context))
}

/// Changes the password, which ends all sessions.
pub(super) async fn change_password(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let wanted = json!({ "old": form.text("old"), "password": form.text("password") });
    let principal = Extension(visitor.principal.clone());
    let changed = async {
        if form.text("password") != form.text("repeated") {
            return Err(Problem::new(Kind::Invalid, "The new password was not typed twice the same.").at("/password"));
        }
        routes::accounts::change_password(State(gateway.clone()), principal, fitting(wanted)?).await
    };
    match changed.await {
        Ok(_) => {
            let mut answer = Redirect::to("/sign-in?done=password").into_response();
            answer.headers_mut().append(header::SET_COOKIE, no_cookie());
            Ok(answer)
        }
        Err(problem) => again(&gateway, &visitor, &problem).await,
    }
}

/// Ends all sessions but this one.
pub(super) async fn end_other_sessions(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Problem> {
    let ended = sessions::end_others(State(gateway.clone()), Extension(visitor.principal.clone())).await?.0;
    let mut context = context(&gateway, &visitor).await?;
    context["ended"] = json!(ended);
    Ok(page(&gateway, Some(&visitor), "account.html", "/account", context))
}

/// Begins a second factor, and shows its secret this once.
pub(super) async fn begin_factor(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Problem> {
    let (_, made) = factors::begin(State(gateway.clone()), Extension(visitor.principal.clone())).await?;
    let groups: Vec<&str> = (0..made.secret.len())
        .step_by(4)
        .filter_map(|at| made.secret.get(at..(at + 4).min(made.secret.len())))
        .collect();
    let context = json!({ "secret": groups.join(" "), "uri": made.uri, "picture": picture(&made.uri) });
    Ok((StatusCode::CREATED, page(&gateway, Some(&visitor), "factor.html", "/account", context)).into_response())
}

/// Confirms it with a code of it.
pub(super) async fn confirm_factor(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let code: String = form.text("code").chars().filter(|letter| !letter.is_whitespace()).collect();
    let principal = Extension(visitor.principal.clone());
    let confirmed =
        async { factors::confirm(State(gateway.clone()), principal, fitting(json!({ "code": code }))?).await };
    Ok(match confirmed.await {
        Ok(codes) => page(&gateway, Some(&visitor), "factor.html", "/account", json!(codes.0)),
        Err(problem) => with_problem(&gateway, Some(&visitor), "factor.html", "/account", json!({}), &problem),
    })
}

/// Removes it.
pub(super) async fn remove_factor(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Redirect, Problem> {
    factors::remove(State(gateway), Extension(visitor.principal)).await?;
    Ok(Redirect::to("/account"))
}

/// Gives new recovery codes.
pub(super) async fn new_recovery_codes(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, Problem> {
    let principal = Extension(visitor.principal.clone());
    let (_, codes) = factors::new_recovery_codes(State(gateway.clone()), principal).await?;
    Ok(page(&gateway, Some(&visitor), "factor.html", "/account", json!(codes.0)))
}

/// A QR code: its size in squares, and its black squares as the path of an SVG.
fn picture(text: &str) -> Option<Value> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            // Writing to a text cannot fail.
            let _ = write!(path, "M{} {}h1v1h-1z", x + QUIET, y + QUIET);
        }
    }
    Some(json!({ "size": code.size() + 2 * QUIET, "path": path }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_white_border_and_only_squares() {
        let picture = picture("otpauth://totp/code-agent:ann?secret=ABC").unwrap();
        let (size, path) = (picture["size"].as_i64().unwrap(), picture["path"].as_str().unwrap());
        assert!(size >= 21 + 8 && path.starts_with("M4 4h1v1h-1zM5 4h1v1h-1z"), "{size} {path}");
    }
}
