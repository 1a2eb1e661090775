//! Coming in and going out: signing in, the first admin, showing again who one is.
//!
//! Who signs in is looked at by the same functions as with the interface; only what is given out is another: a cookie instead of tokens.

use super::render::{page, with_problem};
use super::session::{GOOD_FOR_MS, TooWeak, before, cookie_of, hash, no_cookie};
use super::{Form, Visitor, place, render};
use crate::auth::oidc::Provider;
use crate::auth::{Principal, factors, secrets};
use crate::error::{Kind, Problem};
use crate::extract::{ClientAddress, Valid, fitting};
use crate::routes;
use crate::routes::sessions::Credentials;
use crate::state::Gateway;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Value, json};

/// Where to go on to, and what was just done.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Coming {
    back: Option<String>,
    done: Option<String>,
    code: Option<String>,
}

/// A form for somebody who is not signed in, with the cookie that it is bound to.
pub(super) fn open_form(
    gateway: &Gateway,
    headers: &HeaderMap,
    template: &str,
    mut context: Value,
    problem: Option<&Problem>,
) -> Response {
    let (token, cookie) = before(gateway, headers);
    context["provider"] = json!(gateway.provider().map(Provider::shown));
    context["token"] = json!(token);
    // The provider would say the same again of whom it knows already, unless it is told to ask him.
    context["is_too_weak"] = json!(problem.is_some_and(|problem| problem.told().kind == Kind::StepUpNeeded));
    let mut answer = match problem {
        Some(problem) => with_problem(gateway, None, template, "", context, problem),
        None => page(gateway, None, template, "", context),
    };
    if let Some(cookie) = cookie {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    answer
}

/// The first page that somebody may see.
pub(super) async fn home(State(gateway): State<Gateway>, Extension(visitor): Extension<Visitor>) -> Redirect {
    Redirect::to(render::first_page(&gateway, &visitor))
}

/// The form to sign in with; and why, for somebody whose sign-in is not enough any more.
pub(super) async fn sign_in_form(
    State(gateway): State<Gateway>,
    visitor: Option<Extension<Visitor>>,
    too_weak: Option<Extension<TooWeak>>,
    Query(coming): Query<Coming>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let back = place(coming.back.as_deref());
    if visitor.is_some() {
        return Ok(Redirect::to(back).into_response());
    }
    if gateway.setup_code().is_some() && gateway.store().count_accounts().await? == 0 {
        return Ok(Redirect::to("/set-up").into_response());
    }
    let is_done = |what: &str| coming.done.as_deref() == Some(what);
    let context = json!({
        "back": back, "name": "", "is_out": is_done("out"), "is_changed": is_done("password"), "is_set": is_done("invitation"),
    });
    let problem = too_weak.map(|Extension(TooWeak(said))| Problem::new(Kind::StepUpNeeded, said));
    Ok(open_form(&gateway, &headers, "sign_in.html", context, problem.as_ref()))
}

/// Signs in.
pub(super) async fn sign_in(
    State(gateway): State<Gateway>,
    from: ClientAddress,
    headers: HeaderMap,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let back = place(form.get("back"));
    let attempt = async {
        let mut wanted = json!({ "name": form.text("name").trim().to_lowercase(), "password": form.text("password") });
        if let Some(code) = form.typed("code") {
            wanted["code"] = json!(code);
        }
        let Valid(Credentials { name, password, code }) = fitting(wanted)?;
        let (account, proof) = factors::sign_in(&gateway, &from.0, &name, password, code.as_deref()).await?;
        let secret = secrets::page_secret()?;
        factors::begin(&gateway, &account, &proof, &hash(&secret), GOOD_FOR_MS).await?;
        Ok::<String, Problem>(secret)
    };
    match attempt.await {
        Ok(secret) => {
            let mut answer = Redirect::to(back).into_response();
            if let Some(cookie) = cookie_of(&secret) {
                answer.headers_mut().append(header::SET_COOKIE, cookie);
            }
            Ok(answer)
        }
        Err(problem) => {
            let context = json!({ "back": back, "name": form.text("name"), "is_out": false, "is_changed": false, "is_set": false });
            Ok(open_form(&gateway, &headers, "sign_in.html", context, Some(&problem)))
        }
    }
}

/// The form for the first admin.
pub(super) async fn set_up_form(
    State(gateway): State<Gateway>,
    Query(coming): Query<Coming>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if gateway.store().count_accounts().await? > 0 {
        return Ok(Redirect::to("/sign-in").into_response());
    }
    let context = json!({ "code": coming.code.unwrap_or_default(), "name": "" });
    Ok(open_form(&gateway, &headers, "set_up.html", context, None))
}

/// Makes the first admin.
pub(super) async fn set_up(
    State(gateway): State<Gateway>,
    from: ClientAddress,
    headers: HeaderMap,
    Extension(form): Extension<Form>,
) -> Response {
    let (code, name) = (form.text("code").trim(), form.text("name").trim().to_lowercase());
    let wanted = json!({ "code": code, "name": name, "password": form.text("password") });
    let made = async { routes::service::set_up(State(gateway.clone()), from, fitting(wanted)?).await };
    match made.await {
        Ok(_) => Redirect::to("/sign-in").into_response(),
        Err(problem) => {
            let context = json!({ "code": code, "name": name });
            open_form(&gateway, &headers, "set_up.html", context, Some(&problem))
        }
    }
}

/// Ends the session.
pub(super) async fn sign_out(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
) -> Result<Response, Problem> {
    routes::sessions::sign_out(State(gateway), Extension(principal)).await?;
    let mut answer = Redirect::to("/sign-in?done=out").into_response();
    answer.headers_mut().append(header::SET_COOKIE, no_cookie());
    Ok(answer)
}

/// The form in which somebody shows again who he is.
pub(super) async fn step_up_form(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    Query(coming): Query<Coming>,
) -> Result<Response, Problem> {
    let context = step_up_context(&gateway, &visitor, place(coming.back.as_deref())).await?;
    Ok(page(&gateway, Some(&visitor), "step_up.html", "", context))
}

/// Who is of the provider shows it there.
async fn step_up_context(gateway: &Gateway, visitor: &Visitor, back: &str) -> Result<Value, Problem> {
    let is_of_provider = gateway.store().is_of_provider(&visitor.principal.account.id).await?;
    let provider = gateway.provider().filter(|_| is_of_provider).map(Provider::shown);
    Ok(json!({ "back": back, "provider": provider }))
}

/// Looks at what he shows.
pub(super) async fn step_up(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let back = place(form.get("back"));
    let mut wanted = json!({});
    for name in ["password", "code"] {
        if let Some(typed) = form.typed(name) {
            wanted[name] = json!(typed);
        }
    }
    let principal = Extension(visitor.principal.clone());
    let shown = async { routes::sessions::step_up(State(gateway.clone()), principal, fitting(wanted)?).await };
    match shown.await {
        Ok(_) => Ok(Redirect::to(back).into_response()),
        Err(problem) => {
            let context = step_up_context(&gateway, &visitor, back).await?;
            Ok(with_problem(&gateway, Some(&visitor), "step_up.html", "", context, &problem))
        }
    }
}
