//! Links for a new password: made and taken back on the page of their account, and used on a page of their own by somebody who is not signed in.
//!
//! A link is shown once, to whoever makes it. Its page names the account only to who has a link that is good, and its address is told to nobody.

use super::accounts::{context, in_words};
use super::entry::open_form;
use super::render::{page, with_problem};
use super::session::{is_drawn_in_elsewhere, no_cookie};
use super::{Form, Visitor};
use crate::auth;
use crate::error::{Kind, Problem};
use crate::extract::{ClientAddress, Id, PublicUrl, fitting};
use crate::routes::invitations;
use crate::state::Gateway;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use engine::store::accounts::Invited;
use serde::Deserialize;
use serde_json::{Value, json};

/// The operation that makes a link.
const INVITE: &str = "accounts.invite";
/// The page of an account, and where it stands in the navigation.
const TEMPLATE: &str = "account_of.html";
const HERE: &str = "/accounts";

/// The code that stands in a link.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Shown {
    code: Option<String>,
}

/// Makes a link for an account. Its form says which link was open when it was drawn: sent once more, as by whoever loads the page anew, it makes none, since
/// that would end the one that was handed over.
pub(super) async fn make(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    base: Result<PublicUrl, Problem>,
    Id(id): Id,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let before = context(&gateway, &visitor, &id).await?;
    if form.text("open") != before["one"]["invited_until"].as_str().unwrap_or_default() {
        let said = "A link was made or ended since this form was opened, so none was made now; look at what is open below, and make another one if you want to.";
        let problem = Problem::new(Kind::Conflict, said);
        return Ok(with_problem(&gateway, Some(&visitor), TEMPLATE, HERE, before, &problem));
    }
    match made(&gateway, &visitor, &id, form.typed("clear-factor").is_some()).await {
        Ok(link) => Ok(shown(&gateway, &visitor, base, &id, &link, before).await),
        Err(problem) => Ok(with_problem(&gateway, Some(&visitor), TEMPLATE, HERE, before, &problem)),
    }
}

/// Makes the first link for an account that was made just now, which is all that the gate was asked for. Whatever goes wrong, the account is there, and its
/// page is the answer.
pub(super) async fn first(
    gateway: &Gateway,
    visitor: &Visitor,
    base: Result<PublicUrl, Problem>,
    id: &str,
) -> Response {
    let answer = async {
        let nobody = || Problem::new(Kind::Forbidden, "This page is open to nobody.");
        let operation = gateway.operations().by_id(INVITE).ok_or_else(nobody)?;
        auth::permit(gateway, &visitor.principal, operation, &format!("/accounts/{id}/invitation"), true).await?;
        let before = context(gateway, visitor, id).await?;
        let link = made(gateway, visitor, id, false).await?;
        Ok::<_, Problem>(shown(gateway, visitor, base, id, &link, before).await)
    };
    let problem = match answer.await {
        Ok(answer) => return answer,
        Err(problem) => problem.told(),
    };
    let said = format!("The account was made, and there is no link that could be shown. {}", problem.detail);
    match context(gateway, visitor, id).await {
        Ok(context) => {
            let problem = Problem::new(problem.kind, said);
            with_problem(gateway, Some(visitor), TEMPLATE, HERE, context, &problem)
        }
        Err(_) => Redirect::to(&format!("/accounts/{id}")).into_response(),
    }
}

/// Makes a link; where it is, after the address of this service.
async fn made(gateway: &Gateway, visitor: &Visitor, id: &str, clears: bool) -> Result<String, Problem> {
    let wanted = fitting(json!({ "clear_factor": clears }))?;
    let principal = Extension(visitor.principal.clone());
    let (_, made) = invitations::invite(State(gateway.clone()), principal, Id(id.to_owned()), wanted).await?;
    Ok(made.0.link)
}

/// Shows a link this once, on the page of its account: as it was `before` where it cannot be read any more.
async fn shown(
    gateway: &Gateway,
    visitor: &Visitor,
    base: Result<PublicUrl, Problem>,
    id: &str,
    link: &str,
    before: Value,
) -> Response {
    let mut context = context(gateway, visitor, id).await.unwrap_or(before);
    // Whoever asked names the host that he reaches; where he does not, what stands after it is still right.
    let base = base.unwrap_or_else(|_| PublicUrl(String::new()));
    context["link"] = json!(format!("{}{link}", base.0));
    context["is_guessed"] = json!(base.is_guessed(gateway.config()));
    (StatusCode::CREATED, page(gateway, Some(visitor), TEMPLATE, HERE, context)).into_response()
}

/// Takes the link of an account back.
pub(super) async fn end(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id,
) -> Result<Redirect, Problem> {
    invitations::end(State(gateway), Extension(visitor.principal), Id(id.clone())).await?;
    Ok(Redirect::to(&format!("/accounts/{id}?done=link")))
}

/// The form of a link that is good, or what is told of one that is not.
pub(super) async fn form(
    State(gateway): State<Gateway>,
    from: ClientAddress,
    visitor: Option<Extension<Visitor>>,
    Query(shown): Query<Shown>,
    headers: HeaderMap,
) -> Response {
    if is_drawn_in_elsewhere(&headers) {
        // Else each page of others could fill the audit log, and use up the tries of all who are at the address of its reader.
        return Problem::new(Kind::Forbidden, "Open the link itself; pages of others do not show it.").into_response();
    }
    let visitor = visitor.map(|visitor| visitor.0);
    let code = shown.code.unwrap_or_default();
    match invitations::invited(&gateway, &from.0, code.trim()).await {
        Ok(invited) => drawn(&gateway, visitor.as_ref(), &headers, facts(&invited, code.trim()), None),
        Err(problem) => drawn(&gateway, visitor.as_ref(), &headers, json!({}), Some(&problem)),
    }
}

/// Gives the account its password.
pub(super) async fn accept(
    State(gateway): State<Gateway>,
    from: ClientAddress,
    visitor: Option<Extension<Visitor>>,
    headers: HeaderMap,
    Extension(form): Extension<Form>,
) -> Response {
    let visitor = visitor.map(|visitor| visitor.0);
    let code = form.text("code").trim();
    let invited = match invitations::invited(&gateway, &from.0, code).await {
        Ok(invited) => invited,
        Err(problem) => return drawn(&gateway, visitor.as_ref(), &headers, json!({}), Some(&problem)),
    };
    let wanted = json!({ "code": code, "password": form.text("password") });
    let accepted = async {
        let wanted = fitting(wanted).map_err(in_words)?;
        invitations::accept(State(gateway.clone()), from, wanted).await
    };
    if let Err(problem) = accepted.await {
        let facts = if problem.is_denial() { json!({}) } else { facts(&invited, code) };
        return drawn(&gateway, visitor.as_ref(), &headers, facts, Some(&problem));
    }
    match visitor.filter(|visitor| visitor.principal.account.id != invited.account.id) {
        // Who is signed in as somebody else stays it.
        Some(visitor) => {
            let context = json!({ "is_taken": true, "name": invited.account.name });
            page(&gateway, Some(&visitor), "invitation.html", "", context)
        }
        None => {
            let mut answer = Redirect::to("/sign-in?done=invitation").into_response();
            answer.headers_mut().append(header::SET_COOKIE, no_cookie());
            answer
        }
    }
}

/// What the form tells of a link that is good.
fn facts(invited: &Invited, code: &str) -> Value {
    let clears = invited.clear_factor && invited.account.has_totp;
    json!({ "code": code, "name": invited.account.name, "clears": clears })
}

/// The page of a link. Forms are bound to the session of who is signed in, and to a cookie of who is not.
fn drawn(
    gateway: &Gateway,
    visitor: Option<&Visitor>,
    headers: &HeaderMap,
    facts: Value,
    problem: Option<&Problem>,
) -> Response {
    const OF_LINK: &str = "invitation.html";
    match (visitor, problem) {
        (None, _) => open_form(gateway, headers, OF_LINK, facts, problem),
        (Some(_), None) => page(gateway, visitor, OF_LINK, "", facts),
        (Some(_), Some(problem)) => with_problem(gateway, visitor, OF_LINK, "", facts, problem),
    }
}
