//! Mistral's way to fill a hole, whose answers are those of a chat; and the lists in which its models that think answer a chat.

use super::fill::{stops, temperature};
use super::openai::ChatCompletions;
use super::{Endpoint, Failed, Provider, WireRequest, bearer, bytes, text, thinking};
use crate::request::{Piece, Request};
use serde_json::{Value, json};

/// What is said in an answer of a chat: a text, or, by models that think, a list of thoughts and texts.
pub(super) fn content(content: Option<&Value>) -> impl Iterator<Item = Piece> {
    let parts = content.and_then(Value::as_array).into_iter().flatten();
    let parts = parts.filter_map(|part| match part.get("type").and_then(Value::as_str) {
        Some("text") => text(part.get("text")),
        Some("thinking") => {
            let mut thoughts = part.get("thinking").and_then(Value::as_array).into_iter().flatten();
            thoughts.find_map(|thought| thinking(thought.get("text")))
        }
        _ => None,
    });
    text(content).into_iter().chain(parts)
}

/// `POST /fim/completions`.
pub(super) struct FimCompletions;

impl Provider for FimCompletions {
    fn name(&self) -> &'static str {
        "mistral_ai"
    }

    fn base_url(&self) -> &'static str {
        "https://api.mistral.ai/v1"
    }

    fn request(&self, request: &Request, endpoint: &Endpoint<'_>) -> WireRequest {
        let (prefix, suffix) = request.prompt.hole().unwrap_or((request.prompt.user(), ""));
        // Nothing may stand in it that it does not know, such as a wish for usage, which it tells unasked.
        let mut body = json!({
            "model": endpoint.model,
            "prompt": prefix,
            "suffix": suffix,
            "max_tokens": request.max_tokens,
            "stream": endpoint.stream,
        });
        if let Some(temperature) = temperature(request, endpoint.quirks) {
            body["temperature"] = json!(temperature);
        }
        let stop = stops(request, None);
        if !stop.is_empty() {
            body["stop"] = json!(stop);
        }
        WireRequest {
            url: format!("{}/fim/completions", endpoint.base_url),
            headers: bearer(endpoint.key),
            body: bytes(&body),
        }
    }

    fn event(&self, data: &str) -> Result<Vec<Piece>, Failed> {
        ChatCompletions.event(data)
    }

    fn whole(&self, body: &Value) -> Result<Vec<Piece>, Failed> {
        ChatCompletions.whole(body)
    }
}
