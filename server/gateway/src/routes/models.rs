//! The language models that are set up, how they are, and what they cost today.

use crate::error::{Problem, ProblemBody};
use crate::routes::time;
use crate::state::Gateway;
use axum::Json;
use axum::extract::State;
use engine::store::now_ms;
use serde::Serialize;
use utoipa::ToSchema;

/// A model that can be asked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Model {
    /// The name under which it is set up.
    #[schema(example = "work")]
    name: String,
    /// As its provider calls it.
    model: String,
    /// Which format is spoken.
    #[schema(example = "anthropic")]
    provider: String,
    /// `ready`, `probing`, or `left alone`.
    #[schema(example = "ready")]
    state: String,
    /// Answers since the start.
    answers: u64,
    /// Questions under way.
    in_flight: usize,
    /// Half of the first words came within so many milliseconds; missing without answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_word_p50_ms: Option<f64>,
    /// 95 in a hundred did.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_word_p95_ms: Option<f64>,
    /// Failures since the start.
    failures: u64,
}

/// All models.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Models {
    /// In the order in which they are asked.
    models: Vec<Model>,
}

/// What was spent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Usage {
    /// Dollars of today, as far as prices are known; what questions under way may cost is in it.
    dollars: f64,
    /// Tokens of today.
    tokens: u64,
    /// By model.
    models: Vec<ModelUsage>,
}

/// What was spent on one model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelUsage {
    /// The name under which it is set up.
    name: String,
    /// Dollars of today.
    dollars: f64,
    /// Tokens of today.
    tokens: u64,
}

/// The models, and how they are.
#[utoipa::path(get, path = "/models", tag = "models", operation_id = "models.list",
    extensions(("x-group" = json!("models.read"))), responses(
    (status = 200, description = "The models", body = Models),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody)))]
pub(crate) async fn list(State(gateway): State<Gateway>) -> Result<Json<Models>, Problem> {
    let targets = gateway.core("service").model_report().await?;
    let models = targets.into_iter().map(|target| Model {
        name: target.name,
        model: target.model,
        provider: target.provider.to_string(),
        state: target.state.to_string(),
        answers: target.answers,
        in_flight: target.in_flight,
        first_word_p50_ms: target.first_word_p50_ms,
        first_word_p95_ms: target.first_word_p95_ms,
        failures: target.failures.iter().map(|(_, count)| count).sum(),
    });
    Ok(Json(Models { models: models.collect() }))
}

/// What models cost today.
#[utoipa::path(get, path = "/usage", tag = "models", operation_id = "usage.show",
    extensions(("x-group" = json!("usage.read"))), responses(
    (status = 200, description = "The sums", body = Usage),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody)))]
pub(crate) async fn usage(State(gateway): State<Gateway>) -> Result<Json<Usage>, Problem> {
    let spending = gateway.core("service").spent_today().await?;
    let models = spending.by_target.into_iter().map(|(name, dollars, tokens)| ModelUsage { name, dollars, tokens });
    Ok(Json(Usage { dollars: spending.dollars, tokens: spending.tokens, models: models.collect() }))
}

/// Trouble with models that has one cause.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Incident)]
pub(crate) struct IncidentView {
    /// Counted from 1.
    number: u64,
    /// What is in trouble: `request`, `key`, `limit`, `model` or `provider`.
    #[schema(example = "provider")]
    scope: String,
    /// The address of the provider.
    provider: String,
    /// The model, where only it is in trouble.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// What lies behind it.
    cause: String,
    /// What was said first.
    message: String,
    /// Failures that belong to it.
    failures: u64,
    /// The models that it was met at, by the names under which they are set up.
    targets: Vec<String>,
    /// When it began.
    #[schema(format = "date-time")]
    began_at: String,
    /// When it was met last.
    #[schema(format = "date-time")]
    last_at: String,
    /// Whether nothing of it answered since.
    is_open: bool,
}

/// All trouble that is remembered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Incidents)]
pub(crate) struct IncidentList {
    /// The newest first.
    incidents: Vec<IncidentView>,
}

/// Trouble with models, put together by what lies behind it.
#[utoipa::path(get, path = "/incidents", tag = "models", operation_id = "incidents.list",
    extensions(("x-group" = json!("usage.read"))), responses(
    (status = 200, description = "The incidents", body = IncidentList),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody)))]
pub(crate) async fn incidents(State(gateway): State<Gateway>) -> Result<Json<IncidentList>, Problem> {
    let ago = |seconds: f64| time(now_ms() - (seconds * 1000.0) as i64);
    let all = gateway.core("service").model_incidents().await?.into_iter().map(|incident| IncidentView {
        number: incident.number,
        scope: incident.scope.to_owned(),
        provider: incident.provider,
        model: incident.model,
        cause: incident.cause.to_owned(),
        message: incident.message,
        failures: incident.failures,
        targets: incident.targets,
        began_at: ago(incident.began_seconds_ago),
        last_at: ago(incident.last_seconds_ago),
        is_open: incident.is_open,
    });
    Ok(Json(IncidentList { incidents: all.collect() }))
}
