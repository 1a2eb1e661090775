//! OpenAI's oldest format, plain completions: text in, more text out. Here it only fills holes.

use super::fill::{Template, stops, temperature};
use super::openai::{ChatCompletions, finish, usage};
use super::{Endpoint, Failed, Provider, WireRequest, at, bearer, failed, parse, text};
use crate::request::{Piece, Request};
use serde::Serialize;
use serde_json::Value;

/// What is sent.
#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    prompt: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    suffix: Option<&'a str>,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop: Vec<&'a str>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// `POST /completions`, with the marks of a model around the text, or with a `suffix` where the server knows them.
pub(super) struct Completions(pub Option<&'static Template>);

impl Provider for Completions {
    fn name(&self) -> &'static str {
        ChatCompletions.name()
    }

    fn base_url(&self) -> &'static str {
        ChatCompletions.base_url()
    }

    fn request(&self, request: &Request, endpoint: &Endpoint<'_>) -> WireRequest {
        let (prefix, suffix) = request.prompt.hole().unwrap_or((request.prompt.user(), ""));
        let marked = self.0.map(|template| template.prompt(prefix, suffix));
        let body = Body {
            model: endpoint.model,
            prompt: marked.as_deref().unwrap_or(prefix),
            suffix: Some(suffix).filter(|suffix| marked.is_none() && !suffix.is_empty()),
            max_tokens: request.max_tokens,
            temperature: temperature(request, endpoint.quirks),
            stop: stops(request, self.0),
            stream: endpoint.stream,
            stream_options: endpoint.stream.then_some(StreamOptions { include_usage: true }),
        };
        WireRequest {
            url: format!("{}/completions", endpoint.base_url),
            headers: bearer(endpoint.key),
            // What is made of strings and numbers always serialises.
            body: serde_json::to_vec(&body).unwrap_or_default(),
        }
    }

    fn event(&self, data: &str) -> Result<Vec<Piece>, Failed> {
        if data.trim() == "[DONE]" {
            return Ok(Vec::new());
        }
        let event = parse(data)?;
        if event.get("error").is_some_and(|error| !error.is_null()) {
            return Err(failed(&event));
        }
        pieces(&event)
    }

    fn whole(&self, body: &Value) -> Result<Vec<Piece>, Failed> {
        if body.get("error").is_some_and(|error| !error.is_null()) {
            return Err(failed(body));
        }
        if at(body, "/choices/0").is_none() {
            return Err(Failed::malformed("the answer has no choices"));
        }
        pieces(body)
    }
}

fn pieces(value: &Value) -> Result<Vec<Piece>, Failed> {
    let said = text(at(value, "/choices/0/text"));
    Ok(said.into_iter().chain(usage(value)).chain(finish(value)?).collect())
}
