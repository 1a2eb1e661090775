//! Google's Gemini API.

use super::{Endpoint, Failed, Provider, WireRequest, bytes, count, failed, parse, text, thinking};
use crate::prompt::{Prompt, Speaker};
use crate::request::{Finish, Piece, Request, Usage};
use serde_json::{Value, json};

/// So many texts that end an answer it takes, and no more.
const MOST_STOPS: usize = 5;

/// `POST /models/MODEL:generateContent`.
pub(super) struct GenerateContent;

/// The turns, in which the model is called `model`.
fn contents(prompt: &Prompt) -> Vec<Value> {
    let role = |speaker| if speaker == Speaker::User { "user" } else { "model" };
    prompt.turns().map(|(speaker, text)| json!({ "role": role(speaker), "parts": [{ "text": text }] })).collect()
}

impl Provider for GenerateContent {
    fn name(&self) -> &'static str {
        "gcp.gemini"
    }

    fn base_url(&self) -> &'static str {
        "https://generativelanguage.googleapis.com/v1beta"
    }

    fn request(&self, request: &Request, endpoint: &Endpoint<'_>) -> WireRequest {
        let mut settings = json!({ "temperature": request.temperature, "maxOutputTokens": request.max_tokens });
        if let Some(schema) = &request.schema {
            settings["responseMimeType"] = json!("application/json");
            settings["responseJsonSchema"] = schema.clone();
        }
        let stop: Vec<_> = request.stops().take(MOST_STOPS).collect();
        if !stop.is_empty() {
            settings["stopSequences"] = json!(stop);
        }
        let mut body = json!({
            "contents": contents(&request.prompt),
            "generationConfig": settings,
        });
        if !request.prompt.system().is_empty() {
            body["systemInstruction"] = json!({ "parts": [{ "text": request.prompt.system() }] });
        }
        let method = if endpoint.stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
        let url = format!("{}/models/{}:{method}", endpoint.base_url, endpoint.model);
        // In a header: an address ends up in the logs of everybody on the way.
        let headers = endpoint.key.map(|key| ("x-goog-api-key", key.clone())).into_iter().collect();
        WireRequest { url, headers, body: bytes(&body) }
    }

    fn event(&self, data: &str) -> Result<Vec<Piece>, Failed> {
        let event = parse(data)?;
        if event.get("error").is_some() {
            return Err(failed(&event));
        }
        Ok(pieces(&event))
    }

    fn whole(&self, body: &Value) -> Result<Vec<Piece>, Failed> {
        if body.get("error").is_some() {
            return Err(failed(body));
        }
        if body.get("candidates").is_none() && body.get("promptFeedback").is_none() {
            return Err(Failed::malformed("the answer has no candidates"));
        }
        Ok(pieces(body))
    }
}

fn pieces(value: &Value) -> Vec<Piece> {
    let parts = value.pointer("/candidates/0/content/parts").and_then(Value::as_array);
    let said = |part: &Value| match part.get("thought").and_then(Value::as_bool) {
        Some(true) => thinking(part.get("text")),
        _ => text(part.get("text")),
    };
    let mut pieces: Vec<Piece> = parts.into_iter().flatten().filter_map(said).collect();
    if let Some(usage) = value.get("usageMetadata").filter(|usage| usage.is_object()) {
        pieces.push(Piece::Usage(Usage {
            input: count(usage, "/promptTokenCount"),
            cached: count(usage, "/cachedContentTokenCount"),
            output: count(usage, "/candidatesTokenCount") + count(usage, "/thoughtsTokenCount"),
        }));
    }
    let reason = value.pointer("/candidates/0/finishReason").or_else(|| value.pointer("/promptFeedback/blockReason"));
    if let Some(reason) = reason.and_then(Value::as_str) {
        pieces.push(Piece::End(match reason {
            "MAX_TOKENS" => Finish::Length,
            "STOP" => Finish::Stop,
            // Whatever else there is or will be, the answer is not what the model had to say.
            _ => Finish::ContentFilter,
        }));
    }
    pieces
}
