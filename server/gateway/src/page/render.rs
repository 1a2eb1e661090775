//! Makes pages of templates. Everything that comes from outside is escaped: it never marks a text as safe, and no template does.

use super::{Visitor, assets};
use crate::error::{Kind, Problem, Told, correlation};
use crate::state::Gateway;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// All templates. Those whose names end with `.html` escape what they are given.
const TEMPLATES: &[(&str, &str)] = &[
    ("base.html", include_str!("templates/base.html")),
    ("parts.html", include_str!("templates/parts.html")),
    ("sign_in.html", include_str!("templates/sign_in.html")),
    ("signed_in.html", include_str!("templates/signed_in.html")),
    ("device.html", include_str!("templates/device.html")),
    ("set_up.html", include_str!("templates/set_up.html")),
    ("invitation.html", include_str!("templates/invitation.html")),
    ("step_up.html", include_str!("templates/step_up.html")),
    ("jobs.html", include_str!("templates/jobs.html")),
    ("job_new.html", include_str!("templates/job_new.html")),
    ("job.html", include_str!("templates/job.html")),
    ("usage.html", include_str!("templates/usage.html")),
    ("models.html", include_str!("templates/models.html")),
    ("incidents.html", include_str!("templates/incidents.html")),
    ("audit.html", include_str!("templates/audit.html")),
    ("accounts.html", include_str!("templates/accounts.html")),
    ("account_of.html", include_str!("templates/account_of.html")),
    ("tokens.html", include_str!("templates/tokens.html")),
    ("account.html", include_str!("templates/account.html")),
    ("factor.html", include_str!("templates/factor.html")),
    ("problem.html", include_str!("templates/problem.html")),
];

/// The pages that stand in the navigation: where, how they are called, and the operation that whoever sees them may call.
const NAVIGATION: &[(&str, &str, &str)] = &[
    ("/jobs", "Jobs", "jobs.list"),
    ("/usage", "Usage", "usage.show"),
    ("/models", "Models", "models.list"),
    ("/incidents", "Incidents", "incidents.list"),
    ("/audit", "Audit", "audit.list"),
    ("/accounts", "Accounts", "accounts.list"),
    ("/tokens", "Tokens", "tokens.list"),
    ("/account", "Account", "me.show"),
];

/// Only what is ours is run, shown or asked, and nobody shows this page inside of his.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

static TEMPLATE: LazyLock<Result<Environment<'static>, String>> = LazyLock::new(|| {
    let mut all = Environment::new();
    all.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    all.add_filter("moment", moment);
    all.add_filter("money", |dollars: f64| format!("{dollars:.4}"));
    for (name, source) in TEMPLATES {
        all.add_template(name, source).map_err(|error| format!("{error:#}"))?;
    }
    Ok(all)
});

/// A moment as people read it, in UTC.
fn moment(text: &str) -> String {
    let (day, time) = text.split_once('T').unwrap_or((text, ""));
    format!("{day} {}", time.split('.').next().unwrap_or_default().trim_end_matches('Z'))
}

/// The headers of everything that a browser gets.
pub(super) fn protect(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        // With `no-referrer` browsers would not say any more from where a form is sent.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// The same for a page whose address has a code in it: browsers say from which site they ask and send a form, and not a word more, to this service either.
pub(super) fn hide_address(headers: &mut HeaderMap) {
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
}

/// The first page that somebody may see.
pub(super) fn first_page(gateway: &Gateway, visitor: &Visitor) -> &'static str {
    seen(gateway, visitor).next().map_or("/account", |(path, _, _)| *path)
}

fn seen<'a>(
    gateway: &'a Gateway,
    visitor: &'a Visitor,
) -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str)> + 'a {
    let may = |operation: &str| gateway.policies().decide(&visitor.principal.account, operation, None).is_allowed;
    NAVIGATION.iter().filter(move |(_, _, operation)| may(operation))
}

/// Whether somebody may call an operation at all, for what is offered on a page; the gate asks again.
pub(super) fn may(gateway: &Gateway, visitor: &Visitor, operation: &str) -> bool {
    gateway.policies().decide(&visitor.principal.account, operation, None).is_allowed
}

/// A page. `here` is the path in the navigation that it belongs to.
pub(super) fn page(
    gateway: &Gateway,
    visitor: Option<&Visitor>,
    template: &str,
    here: &str,
    context: Value,
) -> Response {
    let mut all = json!({ "here": here, "style": assets::style(), "script": assets::script(), "navigation": [] });
    if let Some(visitor) = visitor {
        let navigation: Vec<Value> =
            seen(gateway, visitor).map(|(path, name, _)| json!({ "path": path, "name": name })).collect();
        let account = &visitor.principal.account;
        all["navigation"] = navigation.into();
        all["visitor"] = json!({
            "name": account.name, "role": account.role.name(), "id": account.id,
            "is_fresh": visitor.principal.is_fresh(), "has_factor": account.has_totp,
        });
        all["token"] = json!(visitor.form_token);
    }
    if let (Value::Object(all), Value::Object(context)) = (&mut all, context) {
        all.extend(context);
    }
    let made = TEMPLATE.as_ref().map_err(Clone::clone).and_then(|templates| {
        let template = templates.get_template(template).map_err(|error| format!("{error:#}"))?;
        template.render(Serde(&all)).map_err(|error| format!("{error:#}"))
    });
    match made {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(correlation = correlation(), %error, "A page could not be made.");
            (StatusCode::INTERNAL_SERVER_ERROR, "The page could not be made; the log says why.\n").into_response()
        }
    }
}

/// The same with what went wrong in it, and its status.
pub(super) fn with_problem(
    gateway: &Gateway,
    visitor: Option<&Visitor>,
    template: &str,
    here: &str,
    mut context: Value,
    problem: &Problem,
) -> Response {
    let told = problem.told();
    context["problem"] = json!({ "detail": told.detail, "pointer": told.pointer });
    let mut answer = page(gateway, visitor, template, here, context);
    if answer.status() == StatusCode::OK {
        *answer.status_mut() = told.kind.facts().0;
        told.tell_when(answer.headers_mut());
    }
    answer
}

/// What went wrong, as a page of its own.
pub(super) fn problem(gateway: &Gateway, visitor: Option<&Visitor>, told: &Told) -> Response {
    let (status, _, title) = told.kind.facts();
    let number = if told.kind == Kind::Internal { correlation() } else { String::new() };
    let context = json!({ "title": title, "detail": told.detail, "number": number });
    let mut answer = page(gateway, visitor, "problem.html", "", context);
    if answer.status() == StatusCode::OK {
        *answer.status_mut() = status;
        told.tell_when(answer.headers_mut());
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_templates_are_understood_and_none_marks_a_text_as_safe() {
        assert!(
            TEMPLATE.as_ref().is_ok_and(|all| all.get_template("base.html").is_ok()),
            "{:?}",
            TEMPLATE.as_ref().err()
        );
        for (name, source) in TEMPLATES {
            for word in ["|safe", "| safe", "autoescape", "<script>", "style=", "onclick", "javascript:"] {
                assert!(!source.contains(word), "{name} has {word}");
            }
        }
    }

    #[test]
    fn moments_are_read_by_people() {
        assert_eq!(moment("2026-11-28T23:08:32.123Z"), "2026-11-28 23:08:32");
        assert_eq!(moment(""), " ");
    }
}
