//! How the service is, what it is set to, and its own document.

use crate::deed::carried_through;
use crate::error::{Kind, Problem, ProblemBody};
use crate::extract::{ClientAddress, Valid};
use crate::metrics;
use crate::routes::accounts::AccountView;
use crate::routes::too_many;
use crate::state::Gateway;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::config::ConfigurationManager;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`; `degraded`, where it does its work and something is not as it should be; or `unavailable`.
    #[schema(example = "ok")]
    status: &'static str,
    /// Of the program.
    #[schema(example = "0.1.0")]
    version: String,
    /// What is not there that is needed, or missed, a sentence each.
    reasons: Vec<String>,
}

/// The process is there.
#[utoipa::path(get, path = "/health/live", tag = "service", operation_id = "service.live", security(()),
    responses((status = 200, description = "It is there", body = Health)))]
pub(crate) async fn live(State(gateway): State<Gateway>) -> Json<Health> {
    let version = gateway.core("service").health().version;
    Json(Health { status: "ok", version, reasons: Vec::new() })
}

/// The service can do its work.
#[utoipa::path(get, path = "/health/ready", tag = "service", operation_id = "service.ready", security(()), responses(
    (status = 200, description = "It can", body = Health),
    (status = 503, description = "It cannot, and why", body = Health)))]
pub(crate) async fn ready(State(gateway): State<Gateway>) -> Response {
    let version = gateway.core("service").health().version;
    match gateway.store().ping().await {
        Ok(()) => {
            let reasons: Vec<String> = gateway.quotas().degraded().await.into_iter().map(str::to_owned).collect();
            let status = if reasons.is_empty() { "ok" } else { "degraded" };
            Json(Health { status, version, reasons }).into_response()
        }
        Err(error) => {
            tracing::warn!(%error, "The store does not answer.");
            let reasons = vec!["The store does not answer.".to_owned()];
            (StatusCode::SERVICE_UNAVAILABLE, Json(Health { status: "unavailable", version, reasons })).into_response()
        }
    }
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "service", operation_id = "service.document", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Value)))]
pub(crate) async fn document() -> Json<&'static Value> {
    Json(crate::openapi::document_value())
}

/// The JSON Schema of all settings.
#[utoipa::path(get, path = "/config/schema", tag = "service", operation_id = "config.schema",
    extensions(("x-group" = json!("config.read"))),
    responses((status = 200, description = "A JSON Schema", body = Value), (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody)))]
pub(crate) async fn schema() -> Json<Value> {
    Json(serde_json::to_value(ConfigurationManager::schema()).unwrap_or_default())
}

/// The settings in force.
///
/// Secrets never stand in settings, so none is shown; what could be one (a name before a host, the words of a program that gives a key) is left
/// out all the same.
#[utoipa::path(get, path = "/config", tag = "service", operation_id = "config.show",
    extensions(("x-group" = json!("config.read"))),
    responses((status = 200, description = "The settings", body = Value), (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody)))]
pub(crate) async fn config(State(gateway): State<Gateway>) -> Json<Value> {
    let settings = gateway.core("service").config().settings();
    let mut settings = serde_json::to_value(&*settings).unwrap_or_default();
    scrub(&mut settings);
    Json(settings)
}

/// What stands in place of what is not shown.
const HIDDEN: &str = "…";

/// Takes names and passwords out of addresses, and the words of programs that give keys.
fn scrub(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(shown) = without_user(text) {
                *text = shown;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(scrub),
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::Array(_) if name == "command" => *field = Value::from(vec![HIDDEN]),
                    field => scrub(field),
                }
            }
        }
        _ => {}
    }
}

/// An address without what stands before its host; `None` where nothing does.
fn without_user(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    // A password may hold the sign too, so the last one counts.
    let (_, host) = authority.rsplit_once('@')?;
    Some(format!("{scheme}://{HIDDEN}@{host}{path}"))
}

/// What the first admin is made of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "code": "the code that was printed", "name": "ann", "password": "correct horse battery" }))]
pub(crate) struct FirstAdmin {
    /// The code that was printed when the service began.
    #[schema(min_length = 1, max_length = 128)]
    code: String,
    /// The name to sign in with.
    #[schema(min_length = 1, max_length = 64, pattern = "^[a-z0-9._@-]+$", example = "ann")]
    name: String,
    /// Twelve characters or more.
    #[schema(min_length = 12, max_length = 256)]
    password: String,
}

/// Makes the first admin, once, with the code that was printed at the first start.
#[utoipa::path(post, path = "/setup", tag = "service", operation_id = "service.setup", security(()),
    request_body = FirstAdmin, responses(
    (status = 201, description = "The account", body = AccountView),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 403, description = "The code is wrong, used or over", body = ProblemBody),
    (status = 409, description = "There is an account already", body = ProblemBody),
    (status = 415, description = "No JSON", body = ProblemBody),
    (status = 422, description = "The password is too short", body = ProblemBody),
    (status = 429, description = "Too many tries", body = ProblemBody),
    (status = 503, description = "Not just now", body = ProblemBody)))]
pub(crate) async fn set_up(
    State(gateway): State<Gateway>,
    from: ClientAddress,
    Valid(body): Valid<FirstAdmin>,
) -> Result<Response, Problem> {
    // A code that is right is taken however many wrong ones came: nobody keeps its owner out.
    if !gateway.setup().is_right(&body.code) {
        gateway.tries().take("\0setup", &from.0).map_err(too_many)?;
        return Err(Problem::new(
            Kind::Forbidden,
            "The code is not right, was used, or is over; it is printed when the service begins.",
        ));
    }
    carried_through(&gateway.clone(), async move {
        let hash = gateway.passwords().hash(&gateway.core("service"), body.password).await?;
        let account = gateway.store().create_first_admin(&body.name, &hash).await?;
        gateway.setup().spend();
        gateway
            .store()
            .audit(&account.id, "service.setup", &account.id, true, "setup-code", &crate::error::correlation(), "")
            .await?;
        Ok((StatusCode::CREATED, Json(AccountView::from(account))).into_response())
    })
    .await
}

/// Figures for Prometheus. Programs on the same machine need no token, unless `service.metrics` says otherwise.
#[utoipa::path(get, path = "/metrics", tag = "metrics", operation_id = "service.metrics", security((), ("bearer" = [])),
    extensions(("x-group" = json!("metrics.read"))), responses(
    (status = 200, description = "In the text format of Prometheus", body = String, content_type = "text/plain"),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody)))]
pub(crate) async fn metrics(State(gateway): State<Gateway>) -> Response {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::text(&gateway).await).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_could_be_a_secret_is_not_shown() {
        let mut settings = json!({
            "target": [
                { "base-url": "https://user:hunter2@host:1/v1?x=@", "api-key": { "command": ["pass", "hunter2"] } },
                { "base-url": "http://hunter2@[::1]:1", "api-key": { "env": "KEY" } },
                { "base-url": "http://a:b@hunter2@host/" },
            ],
            "store": "postgres://ann@host/name",
            "plain": ["http://host/path@2", "a@b", "no address", 7],
        });
        scrub(&mut settings);
        assert!(!settings.to_string().contains("hunter2") && !settings.to_string().contains("pass"), "{settings}");
        assert_eq!(settings["target"][0]["base-url"], "https://…@host:1/v1?x=@");
        assert_eq!(settings["target"][1]["api-key"]["env"], "KEY");
        assert_eq!(settings["plain"], json!(["http://host/path@2", "a@b", "no address", 7]));
    }
}
