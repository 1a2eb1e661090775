//! Anthropic's messages.

use super::{
    Endpoint, Failed, Provider, WireRequest, bytes, count, failed, messages, parse, text, thinking, with_temperature,
};
use crate::request::{Finish, Piece, Request, Usage};
use security::secret::Secret;
use serde_json::{Value, json};

/// `POST /v1/messages`.
pub(super) struct Messages;

impl Provider for Messages {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn base_url(&self) -> &'static str {
        "https://api.anthropic.com"
    }

    fn request(&self, request: &Request, endpoint: &Endpoint<'_>) -> WireRequest {
        let mut system = request.prompt.system().to_owned();
        if let Some(schema) = &request.schema {
            // The format has no field for a schema that all of its models know, so it is asked for in words.
            system.push_str(&format!(
                "\n\nAnswer with one JSON value that fulfils this JSON Schema, and nothing else: {schema}"
            ));
        }
        let body = json!({
            "model": endpoint.model,
            "max_tokens": request.max_tokens,
            "messages": messages(&request.prompt),
            "stream": endpoint.stream,
        });
        let mut body = with_temperature(body, "", request, endpoint.quirks);
        if !system.trim().is_empty() {
            body["system"] = json!(system.trim_start());
        }
        // It refuses those in which there is nothing to be seen.
        let stop: Vec<_> = request.stops().filter(|stop| !stop.trim().is_empty()).collect();
        if !stop.is_empty() {
            body["stop_sequences"] = json!(stop);
        }
        let mut headers = vec![("anthropic-version", Secret::new("2023-06-01"))];
        headers.extend(endpoint.key.map(|key| ("x-api-key", key.clone())));
        WireRequest { url: format!("{}/v1/messages", endpoint.base_url), headers, body: bytes(&body) }
    }

    fn event(&self, data: &str) -> Result<Vec<Piece>, Failed> {
        let event = parse(data)?;
        Ok(match event.get("type").and_then(Value::as_str).unwrap_or("") {
            "message_start" => usage(event.pointer("/message/usage")).into_iter().collect(),
            "content_block_delta" => {
                let thought = thinking(event.pointer("/delta/thinking"));
                thought.into_iter().chain(text(event.pointer("/delta/text"))).collect()
            }
            "message_delta" => usage(event.get("usage")).into_iter().chain(end(event.get("delta"))).collect(),
            "error" => return Err(failed(&event)),
            _ => Vec::new(),
        })
    }

    fn whole(&self, body: &Value) -> Result<Vec<Piece>, Failed> {
        if body.get("type").and_then(Value::as_str) == Some("error") {
            return Err(failed(body));
        }
        let Some(content) = body.get("content").and_then(Value::as_array) else {
            return Err(Failed::malformed("the answer has no content"));
        };
        let texts = content.iter().filter_map(|block| text(block.get("text")));
        Ok(texts.chain(usage(body.get("usage"))).chain(end(Some(body))).collect())
    }
}

fn usage(usage: Option<&Value>) -> Option<Piece> {
    let usage = usage.filter(|usage| usage.is_object())?;
    let cached = count(usage, "/cache_read_input_tokens");
    let input = count(usage, "/input_tokens") + cached + count(usage, "/cache_creation_input_tokens");
    Some(Piece::Usage(Usage { input, cached, output: count(usage, "/output_tokens") }))
}

fn end(holder: Option<&Value>) -> Option<Piece> {
    let reason = holder?.get("stop_reason")?.as_str()?;
    Some(Piece::End(match reason {
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "refusal" => Finish::ContentFilter,
        _ => Finish::Stop,
    }))
}
