//! Accounts, for whoever sees to them: those there are, a new one, and one with what can be changed of it.
//!
//! All of it is done by the handlers of the interface, and refused where they refuse it; here is only how it is shown, and in which words.

use super::render::{may, page, with_problem};
use super::{Form, Visitor, invitation};
use crate::auth::oidc::Provider;
use crate::error::{Kind, Problem};
use crate::extract::{Asked, Id, PublicUrl, fitting};
use crate::routes::{self, Part, factors, sessions};
use crate::state::Gateway;
use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use engine::store::accounts::Role;
use serde_json::{Value, json};

/// What is told where no role was chosen.
const NO_ROLE: &str = "Choose what the account may do.";

/// What a role may do, in words.
fn words(role: Role) -> &'static str {
    match role {
        Role::Viewer => "Viewer: looks, and has texts checked",
        Role::Developer => "Developer: runs jobs and asks models too",
        Role::Maintainer => "Maintainer: sees to everybody's jobs too, and to what they cost",
        Role::Admin => "Admin: sees to accounts too",
        Role::Auditor => "Auditor: sees what was allowed and what was not, and changes nothing",
    }
}

fn roles() -> Vec<Value> {
    Role::ALL.into_iter().map(|role| json!({ "name": role.name(), "words": words(role) })).collect()
}

/// A part of the list, with what the form for a new one needs.
async fn part_of_all(gateway: &Gateway, visitor: &Visitor, part: Asked<Part>) -> Result<Value, Problem> {
    let accounts = routes::accounts::list(State(gateway.clone()), part).await?.0;
    let mut context = json!(accounts);
    context["may_create"] = json!(may(gateway, visitor, "accounts.create"));
    context["roles"] = roles().into();
    context["provider"] = json!(gateway.provider().map(Provider::shown));
    context["typed"] = json!({ "name": "", "role": Role::Viewer.name(), "subject": "" });
    Ok(context)
}

/// All of them, the oldest first, with the form for a new one.
pub(super) async fn list(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
    part: Asked<Part>,
) -> Result<Response, Problem> {
    let mut context = part_of_all(&gateway, &visitor, part).await?;
    context["is_first"] = json!(query.is_none_or(|query| query.is_empty()));
    Ok(page(&gateway, Some(&visitor), "accounts.html", "/accounts", context))
}

/// Makes one. Where its owner has no way in yet, a link is made for him too, and shown this once.
pub(super) async fn create(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    base: Result<PublicUrl, Problem>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let wants_link = form.text("password").is_empty() && form.typed("subject").is_none();
    match created(&gateway, &visitor, &form).await {
        Ok(id) if wants_link => Ok(invitation::first(&gateway, &visitor, base, &id).await),
        Ok(id) => Ok(Redirect::to(&format!("/accounts/{id}?done=made")).into_response()),
        Err(problem) => {
            let mut context = part_of_all(&gateway, &visitor, Asked(Part::default())).await?;
            context["is_first"] = json!(true);
            context["typed"] =
                json!({ "name": form.text("name"), "role": form.text("role"), "subject": form.text("subject") });
            Ok(with_problem(&gateway, Some(&visitor), "accounts.html", "/accounts", context, &problem))
        }
    }
}

async fn created(gateway: &Gateway, visitor: &Visitor, form: &Form) -> Result<String, Problem> {
    let role = chosen(form)?;
    let mut wanted = json!({ "name": form.text("name").trim().to_lowercase(), "role": role });
    if !form.text("password").is_empty() {
        wanted["password"] = json!(form.text("password"));
    }
    if let Some(subject) = form.typed("subject") {
        wanted["subject"] = json!(subject.trim());
    }
    let wanted = fitting(wanted).map_err(in_words)?;
    let principal = Extension(visitor.principal.clone());
    let (_, made) = routes::accounts::create(State(gateway.clone()), principal, wanted).await?;
    Ok(made.0.account.id)
}

/// The role that was chosen. Without one nothing would be changed, and nobody told.
fn chosen(form: &Form) -> Result<&str, Problem> {
    form.typed("role").ok_or_else(|| Problem::new(Kind::Invalid, NO_ROLE).at("/role"))
}

/// What does not fulfil the schema, in words for somebody who sees a form and no schema.
pub(super) fn in_words(problem: Problem) -> Problem {
    let told = problem.told();
    let pointer = told.pointer.unwrap_or_default();
    let words = match pointer.as_str() {
        "/name" => "A name has 1 to 64 characters: letters of English, digits, dots, dashes, underscores and @.",
        "/password" => "A password has 12 to 256 characters.",
        "/subject" => "A subject has 1 to 255 characters.",
        "/role" => NO_ROLE,
        _ => return problem,
    };
    Problem::new(told.kind, words).at(pointer)
}

/// One, with what the visitor may change of it.
pub(super) async fn context(gateway: &Gateway, visitor: &Visitor, id: &str) -> Result<Value, Problem> {
    let one = routes::accounts::show(State(gateway.clone()), Id(id.to_owned())).await?.0;
    let may = |operation| may(gateway, visitor, operation);
    Ok(json!({
        "one": one, "roles": roles(), "is_own": is_own(visitor, id), "done": null, "ended": null, "link": null, "is_guessed": false,
        "may_change": may("accounts.change"), "may_end": may("accounts.end_sessions"),
        "may_remove": may("accounts.remove_totp"), "may_invite": may("accounts.invite"),
        "provider": gateway.provider().map(Provider::shown),
        "gives_roles": gateway.provider().is_some_and(Provider::gives_roles),
    }))
}

fn is_own(visitor: &Visitor, id: &str) -> bool {
    visitor.principal.account.id == id
}

/// Where to go on to after a change. Who changed himself may not see accounts any more, or is signed out.
fn place_after(visitor: &Visitor, id: &str, done: &str) -> Redirect {
    match is_own(visitor, id) {
        true => Redirect::to("/account"),
        false => Redirect::to(&format!("/accounts/{id}?done={done}")),
    }
}

/// What there is of one.
pub(super) async fn show(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
    Id(id): Id,
) -> Result<Response, Problem> {
    let mut context = context(&gateway, &visitor, &id).await?;
    context["done"] = json!(query.as_deref().and_then(|query| query.strip_prefix("done=")));
    Ok(page(&gateway, Some(&visitor), "account_of.html", "/accounts", context))
}

/// Gives one another role.
pub(super) async fn change_role(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let wanted = chosen(&form).map(|role| json!({ "role": role }));
    changed(&gateway, &visitor, &id, wanted, "role").await
}

/// Switches one off, or on again.
pub(super) async fn switch(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let wanted = match form.text("disabled") {
        "true" => Ok(json!({ "disabled": true })),
        "false" => Ok(json!({ "disabled": false })),
        _ => Err(Problem::new(Kind::Invalid, "Say whether the account is to be switched off or on.").at("/disabled")),
    };
    changed(&gateway, &visitor, &id, wanted, "state").await
}

async fn changed(
    gateway: &Gateway,
    visitor: &Visitor,
    id: &str,
    wanted: Result<Value, Problem>,
    done: &str,
) -> Result<Response, Problem> {
    let changed = async {
        let wanted = fitting(wanted?).map_err(in_words)?;
        let principal = Extension(visitor.principal.clone());
        routes::accounts::change(State(gateway.clone()), principal, Id(id.to_owned()), wanted).await
    };
    match changed.await {
        Ok(_) => Ok(place_after(visitor, id, done).into_response()),
        Err(problem) => {
            let context = context(gateway, visitor, id).await?;
            Ok(with_problem(gateway, Some(visitor), "account_of.html", "/accounts", context, &problem))
        }
    }
}

/// Ends all that its owner is signed in with.
pub(super) async fn end_sessions(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id,
) -> Result<Response, Problem> {
    let principal = Extension(visitor.principal.clone());
    let ended = sessions::end_of_another(State(gateway.clone()), principal, Id(id.clone())).await?.0;
    if is_own(&visitor, &id) {
        return Ok(place_after(&visitor, &id, "").into_response());
    }
    let mut context = context(&gateway, &visitor, &id).await?;
    context["ended"] = json!(ended);
    Ok(page(&gateway, Some(&visitor), "account_of.html", "/accounts", context))
}

/// Removes the second factor of somebody who lost it.
pub(super) async fn remove_factor(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id,
) -> Result<Redirect, Problem> {
    let principal = Extension(visitor.principal.clone());
    factors::remove_of_another(State(gateway), principal, Id(id.clone())).await?;
    Ok(place_after(&visitor, &id, "factor"))
}
