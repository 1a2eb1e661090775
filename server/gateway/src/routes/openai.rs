//! The door for programs that speak OpenAI's format: they set a base URL, and have the models of this service with its cache, fallbacks and budgets.
//!
//! Answers as OpenAI does, errors too. What it is asked and cannot do, it refuses; what would only colour the answer is named in a header.

mod answer;
mod pictures;
mod room;
mod tools;
mod wire;

pub(crate) use answer::ErrorAnswer;
pub(crate) use room::Places;

use crate::auth::Principal;
use crate::error::{Kind, Problem};
use crate::state::Gateway;
use answer::{Completion, streamed, whole};
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use engine::converse::PromptError;
use room::{Roomy, holding, sends_none};
use serde::Serialize;
use utoipa::ToSchema;
use wire::ChatRequest;

/// The name that leaves the choice of the model to the service.
const AUTO: &str = "auto";

/// A model, as the list has it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelEntry {
    /// The name to ask for.
    #[schema(example = "auto")]
    id: String,
    /// Always `model`.
    #[schema(example = "model")]
    object: &'static str,
    /// Always 0: when a model was made is not known here.
    created: i64,
    /// Which provider's format is spoken to it.
    #[schema(example = "code-agent")]
    owned_by: String,
}

/// All models.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelEntries {
    /// Always `list`.
    #[schema(example = "list")]
    object: &'static str,
    /// `auto`, then those that are set up.
    data: Vec<ModelEntry>,
}

/// The models that can be asked for. `auto` leaves the choice to the service.
#[utoipa::path(get, path = "/v1/models", tag = "openai", operation_id = "openai.models",
    extensions(("x-group" = json!("models.read"))), responses(
    (status = 200, description = "The models", body = ModelEntries),
    (status = 401, description = "Not signed in", body = ErrorAnswer), (status = 403, description = "Not allowed", body = ErrorAnswer)))]
pub(crate) async fn models(State(gateway): State<Gateway>) -> Result<Json<ModelEntries>, Problem> {
    Ok(Json(ModelEntries { object: "list", data: entries(&gateway).await? }))
}

/// One model.
#[utoipa::path(get, path = "/v1/models/{model}", tag = "openai", operation_id = "openai.model",
    extensions(("x-group" = json!("models.read"))),
    params(("model" = String, Path, description = "Its name", example = "auto")), responses(
    (status = 200, description = "The model", body = ModelEntry),
    (status = 401, description = "Not signed in", body = ErrorAnswer), (status = 403, description = "Not allowed", body = ErrorAnswer),
    (status = 404, description = "There is no such model", body = ErrorAnswer)))]
pub(crate) async fn model(
    State(gateway): State<Gateway>,
    Path(name): Path<String>,
) -> Result<Json<ModelEntry>, Problem> {
    let found = entries(&gateway).await?.into_iter().find(|entry| entry.id == name);
    found.map(Json).ok_or_else(|| Problem::missing("model", &name))
}

async fn entries(gateway: &Gateway) -> Result<Vec<ModelEntry>, Problem> {
    let entry = |id: String, owned_by: String| ModelEntry { id, object: "model", created: 0, owned_by };
    let targets = gateway.core("service").model_report().await?;
    let named = targets.into_iter().map(|target| entry(target.name, target.provider.to_string()));
    Ok([entry(AUTO.to_owned(), "code-agent".to_owned())].into_iter().chain(named).collect())
}

/// Answers the last message of a conversation, whole or in pieces (`stream`). An answer may call tools that were offered with it. Pictures may
/// stand among the words of the user; a body with pictures may have 32 MiB, if it tells its length before.
#[utoipa::path(post, path = "/v1/chat/completions", tag = "openai", operation_id = "openai.chat",
    extensions(("x-group" = json!("models.ask"))), request_body = ChatRequest, responses(
    (status = 200, description = "The answer; with `stream` as server-sent events, the last of which is `[DONE]`", content(
        (Completion = "application/json"), (String = "text/event-stream"))),
    (status = 400, description = "Not as it has to be, or longer than the model can read", body = ErrorAnswer),
    (status = 401, description = "Not signed in", body = ErrorAnswer), (status = 403, description = "Not allowed", body = ErrorAnswer),
    (status = 404, description = "There is no such model", body = ErrorAnswer),
    (status = 408, description = "A large body came too slowly", body = ErrorAnswer),
    (status = 413, description = "Too large", body = ErrorAnswer), (status = 415, description = "No JSON", body = ErrorAnswer),
    (status = 422, description = "It cannot be done", body = ErrorAnswer),
    (status = 429, description = "Too much was asked, or the budget is used up", body = ErrorAnswer),
    (status = 502, description = "The models failed", body = ErrorAnswer),
    (status = 503, description = "No model is set up, or none has room", body = ErrorAnswer),
    (status = 504, description = "No model answered in time", body = ErrorAnswer)))]
pub(crate) async fn chat(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Roomy { body, place }: Roomy,
) -> Result<Response, Problem> {
    if let Some(picture) = body.first_picture().filter(|_| sends_none(&gateway)) {
        return Err(Problem::new(Kind::Refused, PromptError::NoPictures.to_string()).at(picture));
    }
    let ignored = body.ignored();
    let (is_streamed, tells_usage) = (body.is_streamed(), body.tells_usage());
    let core = gateway.core(&principal.account.id);
    // To look at pictures takes long enough to keep others waiting.
    let conversation = match place {
        Some(_) => core.apart("pictures", move || body.conversation()).await??,
        None => body.conversation()?,
    };
    let answer = core.converse(conversation).await?;
    let mut response = match is_streamed {
        true => holding(streamed(answer, tells_usage, gateway.silence()).await?, place),
        false => whole(answer).await?.into_response(),
    };
    if let Ok(value) = HeaderValue::from_str(&ignored.join(", "))
        && !ignored.is_empty()
    {
        response.headers_mut().insert("x-code-agent-ignored", value);
    }
    Ok(response)
}
