//! The language models that are set up, how they are, and what they cost today.

use crate::error::{Problem, ProblemBody};
use crate::state::Gateway;
use axum::Json;
use axum::extract::State;
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
