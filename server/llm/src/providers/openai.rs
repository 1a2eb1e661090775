//! OpenAI's two formats. The older one, chat completions, is what nearly every other server speaks as well.

use super::fill::MOST_STOPS;
use super::{
    Endpoint, Failed, Provider, WireRequest, at, bearer, bytes, count, failed, messages, parse, text, thinking,
    with_temperature,
};
use crate::error::Cause;
use crate::prompt::Prompt;
use crate::request::{Finish, Piece, Request, Usage};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Bytes of a request beside its prompt.
const HEAD: usize = 512;

/// What is sent. Written straight from the prompt, which may be long.
#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop: Vec<&'a str>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Value>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// `POST /chat/completions`.
pub(super) struct ChatCompletions;

impl Provider for ChatCompletions {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn base_url(&self) -> &'static str {
        "https://api.openai.com/v1"
    }

    fn request(&self, request: &Request, endpoint: &Endpoint<'_>) -> WireRequest {
        let (prompt, quirks) = (&request.prompt, endpoint.quirks);
        let system = Some(prompt.system()).filter(|system| !system.is_empty());
        let system = system.map(|content| Message { role: "system", content });
        let turns = prompt.turns().map(|(speaker, content)| Message { role: speaker.name(), content });
        let (older, newer) =
            if quirks.completion_tokens { (None, Some(request.max_tokens)) } else { (Some(request.max_tokens), None) };
        let body = Body {
            model: endpoint.model,
            messages: system.into_iter().chain(turns).collect(),
            max_tokens: older,
            max_completion_tokens: newer,
            temperature: (!quirks.no_temperature).then_some(request.temperature),
            stop: if quirks.no_stop { Vec::new() } else { request.stops().take(MOST_STOPS).collect() },
            stream: endpoint.stream,
            stream_options: endpoint.stream.then_some(StreamOptions { include_usage: true }),
            response_format: request.schema.as_ref().map(|schema| {
                json!({ "type": "json_schema", "json_schema": { "name": "answer", "schema": schema, "strict": true } })
            }),
        };
        let url = format!("{}/chat/completions", endpoint.base_url);
        // What is made of strings and numbers always serialises.
        let mut bytes = Vec::with_capacity(prompt.len() + prompt.len() / 8 + HEAD);
        let body = serde_json::to_writer(&mut bytes, &body).map_or_else(|_| Vec::new(), |()| bytes);
        WireRequest { url, headers: bearer(endpoint.key), body }
    }

    fn event(&self, data: &str) -> Result<Vec<Piece>, Failed> {
        if data.trim() == "[DONE]" {
            return Ok(Vec::new());
        }
        if let Some(word) = word(data) {
            return Ok(vec![word]);
        }
        let event = parse(data)?;
        if event.get("error").is_some_and(|error| !error.is_null()) {
            return Err(failed(&event));
        }
        pieces(&event, "/choices/0/delta")
    }

    fn whole(&self, body: &Value) -> Result<Vec<Piece>, Failed> {
        if body.get("error").is_some_and(|error| !error.is_null()) {
            return Err(failed(body));
        }
        if body.pointer("/choices/0").is_none() {
            return Err(Failed::malformed("the answer has no choices"));
        }
        pieces(body, "/choices/0/message")
    }
}

/// What is asked: a text, or the turns of a conversation.
fn input(prompt: &Prompt) -> Value {
    if prompt.earlier().is_empty() { json!(prompt.user()) } else { json!(messages(prompt)) }
}

/// What nearly every event is, one word and nothing else, read without making a tree of it; `None` where there is anything more.
fn word(data: &str) -> Option<Piece> {
    #[derive(Deserialize)]
    struct Event {
        choices: [Choice; 1],
        usage: Option<IgnoredAny>,
        error: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Choice {
        delta: Delta,
        finish_reason: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Delta {
        content: String,
        refusal: Option<IgnoredAny>,
        reasoning: Option<IgnoredAny>,
        reasoning_content: Option<IgnoredAny>,
    }
    let Event { choices: [Choice { delta, finish_reason }], usage, error } = serde_json::from_str(data).ok()?;
    let has_more = [usage, error, finish_reason, delta.refusal, delta.reasoning, delta.reasoning_content];
    let is_word = has_more.iter().all(Option::is_none) && !delta.content.is_empty();
    is_word.then_some(Piece::Text(delta.content))
}

fn pieces(value: &Value, holder: &str) -> Result<Vec<Piece>, Failed> {
    let message = at(value, holder);
    let said = |key: &str| message.and_then(|message| message.get(key));
    // The same thing under two names: DeepSeek's, and OpenRouter's, which newer servers share.
    let thought = thinking(said("reasoning_content")).or_else(|| thinking(said("reasoning")));
    let mut pieces: Vec<Piece> = thought.into_iter().chain(text(said("content"))).collect();
    if text(said("refusal")).is_some() {
        pieces.push(Piece::End(Finish::ContentFilter));
    }
    pieces.extend(usage(value));
    pieces.extend(finish(value)?);
    Ok(pieces)
}

/// What was used, where an event or an answer tells it.
pub(super) fn usage(value: &Value) -> Option<Piece> {
    let usage = value.get("usage").filter(|usage| usage.is_object())?;
    Some(Piece::Usage(Usage {
        input: count(usage, "/prompt_tokens"),
        cached: count(usage, "/prompt_tokens_details/cached_tokens"),
        output: count(usage, "/completion_tokens"),
    }))
}

/// Why the answer ended, where it did.
pub(super) fn finish(value: &Value) -> Result<Option<Piece>, Failed> {
    let Some(reason) = at(value, "/choices/0/finish_reason").and_then(Value::as_str) else { return Ok(None) };
    Ok(Some(Piece::End(match reason {
        "length" => Finish::Length,
        "content_filter" => Finish::ContentFilter,
        "error" | "insufficient_system_resource" => {
            return Err(Failed { cause: Cause::Server, detail: "the provider broke the answer off".to_owned() });
        }
        _ => Finish::Stop,
    })))
}

/// `POST /responses`.
pub(super) struct Responses;

impl Provider for Responses {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn base_url(&self) -> &'static str {
        "https://api.openai.com/v1"
    }

    fn request(&self, request: &Request, endpoint: &Endpoint<'_>) -> WireRequest {
        let body = json!({
            "model": endpoint.model,
            "input": input(&request.prompt),
            "max_output_tokens": request.max_tokens,
            "stream": endpoint.stream,
            "store": false,
        });
        let mut body = with_temperature(body, "", request, endpoint.quirks);
        if !request.prompt.system().is_empty() {
            body["instructions"] = json!(request.prompt.system());
        }
        if let Some(schema) = &request.schema {
            let format = json!({ "type": "json_schema", "name": "answer", "schema": schema, "strict": true });
            body["text"] = json!({ "format": format });
        }
        let url = format!("{}/responses", endpoint.base_url);
        WireRequest { url, headers: bearer(endpoint.key), body: bytes(&body) }
    }

    fn event(&self, data: &str) -> Result<Vec<Piece>, Failed> {
        let event = parse(data)?;
        match event.get("type").and_then(Value::as_str).unwrap_or("") {
            "response.output_text.delta" => Ok(text(event.get("delta")).into_iter().collect()),
            "response.refusal.delta" => Ok(vec![Piece::End(Finish::ContentFilter)]),
            name if name.starts_with("response.reasoning") => Ok(thinking(event.get("delta")).into_iter().collect()),
            "response.completed" | "response.incomplete" => Ok(end(event.get("response").unwrap_or(&Value::Null))),
            "response.failed" => Err(failed(event.get("response").unwrap_or(&event))),
            "error" => Err(failed(&event)),
            _ => Ok(Vec::new()),
        }
    }

    fn whole(&self, body: &Value) -> Result<Vec<Piece>, Failed> {
        let is_error = body.get("error").is_some_and(|error| !error.is_null());
        if is_error || body.get("status").and_then(Value::as_str) == Some("failed") {
            return Err(failed(body));
        }
        let Some(output) = body.get("output").and_then(Value::as_array) else {
            return Err(Failed::malformed("the answer has no output"));
        };
        let contents = output.iter().filter_map(|item| item.get("content")?.as_array()).flatten();
        // A model that shows its reasoning has it in the output too, and that is no part of the answer.
        let said = |content: &Value| match content.get("type").and_then(Value::as_str) {
            Some("output_text") => text(content.get("text")),
            Some("refusal") => Some(Piece::End(Finish::ContentFilter)),
            Some("reasoning_text") => thinking(content.get("text")),
            _ => None,
        };
        Ok(contents.filter_map(said).chain(end(body)).collect())
    }
}

fn end(response: &Value) -> Vec<Piece> {
    let mut pieces = Vec::new();
    if let Some(usage) = response.get("usage").filter(|usage| usage.is_object()) {
        pieces.push(Piece::Usage(Usage {
            input: count(usage, "/input_tokens"),
            cached: count(usage, "/input_tokens_details/cached_tokens"),
            output: count(usage, "/output_tokens"),
        }));
    }
    let reason = response.pointer("/incomplete_details/reason").and_then(Value::as_str);
    pieces.push(Piece::End(match reason {
        Some("max_output_tokens") => Finish::Length,
        Some("content_filter") => Finish::ContentFilter,
        _ => Finish::Stop,
    }));
    pieces
}
