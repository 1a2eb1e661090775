//! Ollama's chat, which streams lines of JSON.

use super::{Endpoint, Failed, Provider, WireRequest, bearer, bytes, count, failed, parse, text, thinking};
use crate::request::{Finish, Piece, Request, Usage};
use crate::sse::Framing;
use serde_json::{Value, json};

/// `POST /api/chat`.
pub(super) struct Chat;

impl Provider for Chat {
    fn name(&self) -> &'static str {
        "ollama"
    }

    fn base_url(&self) -> &'static str {
        "http://127.0.0.1:11434"
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn request(&self, request: &Request, endpoint: &Endpoint<'_>) -> WireRequest {
        let mut messages = Vec::new();
        if !request.prompt.system().is_empty() {
            messages.push(json!({ "role": "system", "content": request.prompt.system() }));
        }
        messages.push(json!({ "role": "user", "content": request.prompt.user() }));
        let mut body = json!({
            "model": endpoint.model,
            "messages": messages,
            "stream": endpoint.stream,
            "options": { "temperature": request.temperature, "num_predict": request.max_tokens },
        });
        if let Some(schema) = &request.schema {
            body["format"] = schema.clone();
        }
        WireRequest {
            url: format!("{}/api/chat", endpoint.base_url),
            headers: bearer(endpoint.key),
            body: bytes(&body),
        }
    }

    fn event(&self, data: &str) -> Result<Vec<Piece>, Failed> {
        self.whole(&parse(data)?)
    }

    fn whole(&self, body: &Value) -> Result<Vec<Piece>, Failed> {
        if body.get("error").is_some() {
            return Err(failed(body));
        }
        let thought = thinking(body.pointer("/message/thinking"));
        let mut pieces: Vec<Piece> = thought.into_iter().chain(text(body.pointer("/message/content"))).collect();
        if body.get("done").and_then(Value::as_bool) == Some(true) {
            let (input, output) = (count(body, "/prompt_eval_count"), count(body, "/eval_count"));
            pieces.push(Piece::Usage(Usage { input, cached: 0, output }));
            let is_cut = body.get("done_reason").and_then(Value::as_str) == Some("length");
            pieces.push(Piece::End(if is_cut { Finish::Length } else { Finish::Stop }));
        }
        Ok(pieces)
    }
}
