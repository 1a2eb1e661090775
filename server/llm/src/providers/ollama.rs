//! Ollama's two formats, which stream lines of JSON: its chat, and the one that fills holes.

use super::fill::{Template, root};
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
        messages.extend(super::messages(&request.prompt));
        let mut body = json!({
            "model": endpoint.model,
            "messages": messages,
            "stream": endpoint.stream,
            "options": options(request, None),
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
        Ok(thought.into_iter().chain(text(body.pointer("/message/content"))).chain(end(body)).collect())
    }
}

/// `POST /api/generate`, at the root of the server: with a `suffix`, around which it puts the marks of the model itself, or as it is, with
/// the marks of a template.
pub(super) struct Generate(pub Option<&'static Template>);

impl Provider for Generate {
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
        let (prefix, suffix) = request.prompt.hole().unwrap_or((request.prompt.user(), ""));
        let mut body = json!({
            "model": endpoint.model,
            "stream": endpoint.stream,
            "options": options(request, self.0),
        });
        match self.0 {
            Some(template) => {
                body["prompt"] = json!(template.prompt(prefix, suffix));
                body["raw"] = json!(true);
            }
            None => {
                body["prompt"] = json!(prefix);
                // Without any it would take the text for a question.
                body["suffix"] = json!(if suffix.is_empty() { "\n" } else { suffix });
            }
        }
        WireRequest {
            url: format!("{}/api/generate", root(endpoint.base_url)),
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
        let thought = thinking(body.get("thinking"));
        Ok(thought.into_iter().chain(text(body.get("response"))).chain(end(body)).collect())
    }
}

fn options(request: &Request, template: Option<&Template>) -> Value {
    let mut options = json!({ "temperature": request.temperature, "num_predict": request.max_tokens });
    let own = template.into_iter().flat_map(|template| template.stop.iter().copied());
    let stop: Vec<_> = request.stops().chain(own).collect();
    if !stop.is_empty() {
        options["stop"] = json!(stop);
    }
    options
}

/// What the last line tells.
fn end(body: &Value) -> impl Iterator<Item = Piece> {
    let is_last = body.get("done").and_then(Value::as_bool) == Some(true);
    let (input, output) = (count(body, "/prompt_eval_count"), count(body, "/eval_count"));
    let is_cut = body.get("done_reason").and_then(Value::as_str) == Some("length");
    let finish = if is_cut { Finish::Length } else { Finish::Stop };
    let pieces = [Piece::Usage(Usage { input, cached: 0, output }), Piece::End(finish)];
    pieces.into_iter().filter(move |_| is_last)
}
