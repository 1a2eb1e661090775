//! llama.cpp's own way to fill a hole: it knows the marks of the model that it runs.

use super::fill::root;
use super::{Endpoint, Failed, Provider, WireRequest, bearer, bytes, count, failed, parse, text};
use crate::request::{Finish, Piece, Request, Usage};
use serde_json::{Value, json};

/// `POST /infill`, at the root of the server.
pub(super) struct Infill;

impl Provider for Infill {
    fn name(&self) -> &'static str {
        "llama.cpp"
    }

    fn base_url(&self) -> &'static str {
        "http://127.0.0.1:8080"
    }

    fn request(&self, request: &Request, endpoint: &Endpoint<'_>) -> WireRequest {
        let (prefix, suffix) = request.prompt.hole().unwrap_or((request.prompt.user(), ""));
        let body = json!({
            // A server that runs several models chooses by it.
            "model": endpoint.model,
            "input_prefix": prefix,
            "input_suffix": suffix,
            "n_predict": request.max_tokens,
            "temperature": request.temperature,
            "stop": request.stops().collect::<Vec<_>>(),
            "stream": endpoint.stream,
        });
        WireRequest {
            url: format!("{}/infill", root(endpoint.base_url)),
            headers: bearer(endpoint.key),
            body: bytes(&body),
        }
    }

    fn event(&self, data: &str) -> Result<Vec<Piece>, Failed> {
        if data.trim() == "[DONE]" {
            return Ok(Vec::new());
        }
        self.whole(&parse(data)?)
    }

    fn whole(&self, body: &Value) -> Result<Vec<Piece>, Failed> {
        if body.get("error").is_some_and(|error| !error.is_null()) {
            return Err(failed(body));
        }
        let mut pieces: Vec<Piece> = text(body.get("content")).into_iter().collect();
        if body.get("stop").and_then(Value::as_bool) == Some(true) {
            pieces.push(Piece::Usage(Usage {
                input: count(body, "/tokens_evaluated"),
                cached: count(body, "/timings/cache_n"),
                output: count(body, "/tokens_predicted"),
            }));
            // The older word for the same thing is a flag.
            let is_cut = body.get("stop_type").and_then(Value::as_str) == Some("limit")
                || body.get("stopped_limit").and_then(Value::as_bool) == Some(true);
            pieces.push(Piece::End(if is_cut { Finish::Length } else { Finish::Stop }));
        }
        Ok(pieces)
    }
}
