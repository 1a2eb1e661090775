//! Mistral's way to fill a hole. Its answers are those of a chat.

use super::fill::{stops, temperature};
use super::openai::ChatCompletions;
use super::{Endpoint, Failed, Provider, WireRequest, bearer, bytes};
use crate::request::{Piece, Request};
use serde_json::{Value, json};

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
