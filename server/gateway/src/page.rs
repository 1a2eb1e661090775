//! The web page at `/`: what the interface does, for people with a browser.
//!
//! It has no rules of its own. Each of its routes stands in [`PAGES`] with the operation of the document that it asks the policies for, and then calls the
//! same function that the interface calls; a route that does not stand there is open to nobody. Pages are made here and work without JavaScript; its
//! few lines of JavaScript are our own (`assets/page.js`), so that no code of others has to be fetched or kept, and show only what happens meanwhile.
//!
//! A browser is known by a cookie that no script can read. Whatever changes something comes from a form of ours: the browser has to say so
//! (`Sec-Fetch-Site`, `Origin`), and the form carries a token that only this service can write.

mod account;
mod accounts;
mod assets;
mod audit;
mod device;
mod differences;
pub(crate) mod docs;
mod entry;
mod form;
mod invitation;
mod jobs;
mod models;
mod provider;
mod render;
mod session;
mod tokens;

pub(crate) use form::Form;
pub(crate) use session::Visitor;

use crate::auth;
use crate::error::{Kind, Problem, Told};
use crate::quotas;
use crate::state::Gateway;
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use form_urlencoded::byte_serialize;

/// Who may open a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Anybody.
    Open,
    /// Whoever the policies let call this operation of the document.
    Operation(&'static str),
}

use Access::{Open, Operation};

/// All routes of the page, and who may call them. The gate reads nothing else.
const PAGES: &[(&str, &str, Access)] = &[
    ("GET", "/assets/{name}", Open),
    ("GET", "/sign-in", Open),
    ("POST", "/sign-in", Open),
    ("GET", "/auth/oidc/login", Open),
    ("GET", "/auth/oidc/callback", Open),
    ("GET", "/device", Operation("devices.decide")),
    ("POST", "/device", Operation("devices.decide")),
    ("GET", "/set-up", Open),
    ("POST", "/set-up", Open),
    ("GET", "/invitation", Open),
    ("POST", "/invitation", Open),
    ("GET", "/", Operation("me.show")),
    ("POST", "/sign-out", Operation("sessions.delete")),
    ("GET", "/step-up", Operation("sessions.step_up")),
    ("POST", "/step-up", Operation("sessions.step_up")),
    ("GET", "/jobs", Operation("jobs.list")),
    ("GET", "/jobs/new", Operation("jobs.create")),
    ("POST", "/jobs/new", Operation("jobs.create")),
    ("GET", "/jobs/{id}", Operation("jobs.show")),
    ("POST", "/jobs/{id}/cancel", Operation("jobs.cancel")),
    ("GET", "/jobs/{id}/events", Operation("jobs.events")),
    ("GET", "/usage", Operation("usage.show")),
    ("GET", "/models", Operation("models.list")),
    ("GET", "/incidents", Operation("incidents.list")),
    ("GET", "/audit", Operation("audit.list")),
    ("GET", "/accounts", Operation("accounts.list")),
    ("POST", "/accounts", Operation("accounts.create")),
    ("GET", "/accounts/{id}", Operation("accounts.show")),
    ("POST", "/accounts/{id}/role", Operation("accounts.change")),
    ("POST", "/accounts/{id}/state", Operation("accounts.change")),
    ("POST", "/accounts/{id}/sessions/end", Operation("accounts.end_sessions")),
    ("POST", "/accounts/{id}/second-factor/remove", Operation("accounts.remove_totp")),
    ("POST", "/accounts/{id}/invitation", Operation("accounts.invite")),
    ("POST", "/accounts/{id}/invitation/end", Operation("accounts.end_invitation")),
    ("GET", "/tokens", Operation("tokens.list")),
    ("POST", "/tokens", Operation("tokens.create")),
    ("POST", "/tokens/{id}/revoke", Operation("tokens.revoke")),
    ("GET", "/account", Operation("me.show")),
    ("POST", "/account/password", Operation("me.change_password")),
    ("POST", "/account/sessions/end", Operation("sessions.end_others")),
    ("POST", "/account/second-factor", Operation("me.begin_totp")),
    ("POST", "/account/second-factor/confirm", Operation("me.confirm_totp")),
    ("POST", "/account/second-factor/remove", Operation("me.remove_totp")),
    ("POST", "/account/recovery-codes", Operation("me.new_recovery_codes")),
];

/// Pages that are opened by a link with a code in it, which their address must tell to nobody.
const BY_CODE: [&str; 2] = ["/set-up", "/invitation"];

/// The routes of the page behind their gate.
pub(crate) fn routes(gateway: Gateway) -> Router<Gateway> {
    let max_body = gateway.config().max_body;
    Router::new()
        .route("/assets/{name}", get(assets::asset))
        .route("/sign-in", get(entry::sign_in_form).post(entry::sign_in))
        .route("/auth/oidc/login", get(provider::leave))
        .route("/auth/oidc/callback", get(provider::come_back))
        .route("/device", get(device::form).post(device::decide))
        .route("/set-up", get(entry::set_up_form).post(entry::set_up))
        .route("/invitation", get(invitation::form).post(invitation::accept))
        .route("/", get(entry::home))
        .route("/sign-out", post(entry::sign_out))
        .route("/step-up", get(entry::step_up_form).post(entry::step_up))
        .route("/jobs", get(jobs::list))
        .route("/jobs/new", get(jobs::new_form).post(jobs::create))
        .route("/jobs/{id}", get(jobs::show))
        .route("/jobs/{id}/cancel", post(jobs::cancel))
        .route("/jobs/{id}/events", get(jobs::events))
        .route("/usage", get(models::usage))
        .route("/models", get(models::list))
        .route("/incidents", get(models::incidents))
        .route("/audit", get(audit::list))
        .route("/accounts", get(accounts::list).post(accounts::create))
        .route("/accounts/{id}", get(accounts::show))
        .route("/accounts/{id}/role", post(accounts::change_role))
        .route("/accounts/{id}/state", post(accounts::switch))
        .route("/accounts/{id}/sessions/end", post(accounts::end_sessions))
        .route("/accounts/{id}/second-factor/remove", post(accounts::remove_factor))
        .route("/accounts/{id}/invitation", post(invitation::make))
        .route("/accounts/{id}/invitation/end", post(invitation::end))
        .route("/tokens", get(tokens::list).post(tokens::create))
        .route("/tokens/{id}/revoke", post(tokens::revoke))
        .route("/account", get(account::show))
        .route("/account/password", post(account::change_password))
        .route("/account/sessions/end", post(account::end_other_sessions))
        .route("/account/second-factor", post(account::begin_factor))
        .route("/account/second-factor/confirm", post(account::confirm_factor))
        .route("/account/second-factor/remove", post(account::remove_factor))
        .route("/account/recovery-codes", post(account::new_recovery_codes))
        .route_layer(middleware::from_fn_with_state(gateway, gate))
        .layer(DefaultBodyLimit::max(max_body))
}

/// Who may call a route; `None` where it does not stand in the list.
fn access(method: &Method, path: &str) -> Option<Access> {
    // What answers to GET answers to HEAD.
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    PAGES.iter().find(|(of, at, _)| *of == method && *at == path).map(|(_, _, access)| *access)
}

/// The one gate of the page: what it lets through has a visitor whom the policies allow the operation, and a form that is one of ours.
async fn gate(State(gateway): State<Gateway>, mut request: Request, next: Next) -> Response {
    let wanted = request.uri().path().to_owned();
    let is_asset = wanted.starts_with("/assets/");
    let visitor = match is_asset {
        true => Ok(Ok(None)),
        false => session::visitor(&gateway, request.headers()).await,
    };
    let visitor = visitor.map(|visitor| {
        visitor.unwrap_or_else(|too_weak| {
            // The page to sign in on tells him why he has to.
            request.extensions_mut().insert(too_weak);
            None
        })
    });
    let answer = match &visitor {
        Ok(visitor) => {
            enter(&gateway, visitor.clone(), request, next).await.unwrap_or_else(IntoResponse::into_response)
        }
        Err(_) => Problem::new(Kind::Unavailable, "What is kept cannot be read just now; try again.").into_response(),
    };
    let mut answer = match answer.extensions().get::<Told>().cloned() {
        Some(told) => shown(&gateway, visitor.ok().flatten().as_ref(), &wanted, &told),
        None => answer,
    };
    render::protect(answer.headers_mut());
    if BY_CODE.contains(&wanted.as_str()) {
        render::hide_address(answer.headers_mut());
    }
    answer
}

async fn enter(
    gateway: &Gateway,
    visitor: Option<Visitor>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let method = request.method().clone();
    let Some(access) = access(&method, &path) else {
        // To a method that a page does not have the router answers with 405 by itself; what comes here is a route that the list does not have.
        return Err(Problem::new(Kind::Forbidden, "This page is open to nobody."));
    };
    let changes = method == Method::POST;
    if changes {
        session::is_from_us(&gateway.config().public_url, request.uri(), request.headers())?;
    }
    let operation = match access {
        Open => None,
        Operation(id) => Some(
            gateway
                .operations()
                .by_id(id)
                .ok_or_else(|| Problem::new(Kind::Forbidden, "This page is open to nobody."))?,
        ),
    };
    if operation.is_some() && visitor.is_none() {
        return Err(Problem::new(Kind::Unauthenticated, "Nobody is signed in."));
    }
    let owner = session::owner_of_forms(visitor.as_ref(), request.headers());
    if changes {
        let form = Form::read(&mut request, gateway).await?;
        session::check_form(gateway, owner.as_deref(), &form)?;
        request.extensions_mut().insert(form);
    }
    if let Some(visitor) = &visitor
        && let Some(standing) = quotas::take(gateway, &visitor.principal.account.id).await
        && let Some(problem) = quotas::exceeded(&standing)
    {
        return Err(problem);
    }
    if let (Some(operation), Some(visitor)) = (operation, &visitor) {
        auth::permit(gateway, &visitor.principal, operation, request.uri().path(), changes).await?;
    }
    if let Some(visitor) = visitor {
        request.extensions_mut().insert(visitor.principal.clone());
        request.extensions_mut().insert(visitor);
    }
    let answer = next.run(request).await;
    if changes {
        // What was taken back here is good no more at once.
        gateway.recent().forget();
    }
    Ok(answer)
}

/// A problem, as people get to see it: whoever has to sign in, or to show again that it is he, is sent where he can.
fn shown(gateway: &Gateway, visitor: Option<&Visitor>, path: &str, told: &Told) -> Response {
    let back = |to: &str| {
        let place: String = byte_serialize(home_of(path).as_bytes()).collect();
        Redirect::to(&format!("{to}?back={place}")).into_response()
    };
    match told.kind {
        Kind::Unauthenticated if visitor.is_none() => back("/sign-in"),
        Kind::StepUpNeeded => back("/step-up"),
        _ => render::problem(gateway, visitor, told),
    }
}

/// The page with the form that a path stands behind.
fn home_of(path: &str) -> &str {
    match path {
        // What is done with one of them stands on the page of that one.
        path if path.starts_with("/accounts/") => {
            let end = path.match_indices('/').nth(2).map_or(path.len(), |(at, _)| at);
            path.get(..end).unwrap_or(path)
        }
        path if path.starts_with("/account/") => "/account",
        path if path.starts_with("/tokens") => "/tokens",
        "/sign-out" | "/step-up" => "/",
        path => path.trim_end_matches("/cancel").trim_end_matches("/events"),
    }
}

/// A page of ours to go on to, taken from a query or a form: never another host.
fn place(wanted: Option<&str>) -> &str {
    let is_plain = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'/' | b'-'))
    };
    wanted.filter(is_plain).unwrap_or("/")
}

/// Whether a browser asks, and wants to be shown a page.
pub(crate) fn wants_a_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

/// What a browser is told where there is nothing.
pub(crate) fn nothing_here(gateway: &Gateway) -> Response {
    let told = Problem::new(Kind::NotFound, "There is no such page.").told();
    let mut answer = render::problem(gateway, None, &told);
    render::protect(answer.headers_mut());
    answer
}

#[cfg(test)]
mod tests;
