//! Ollama's two formats, which stream lines of JSON: its chat, and the one that fills holes.

use super::fill::{Template, root};
use super::{
    Endpoint, Failed, Provider, WireRequest, as_object, at, bearer, bytes, count, failed, parse, text, thinking,
    whole_call,
};
use crate::prompt::{Said, Shown};
use crate::request::{Finish, Piece, Request, Usage};
use crate::sse::Framing;
use crate::tools::{Tool, ToolCall, ToolChoice};
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
        messages.extend(request.prompt.turns().map(message));
        let mut body = json!({
            "model": endpoint.model,
            "messages": messages,
            "stream": endpoint.stream,
            "options": options(request, endpoint, None),
            // A prompt for which there is no room is refused and not cut from the front without a word of it; older servers cut.
            "truncate": false,
        });
        if let Some(form) = &request.form {
            body["format"] = form.schema();
        }
        let tools: Vec<Value> = tools(request).map(definition).collect();
        if !tools.is_empty() {
            body["tools"] = json!(tools);
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
        let calls = at(body, "/message/tool_calls").and_then(Value::as_array).into_iter().flatten();
        let calls =
            calls.map(|call| whole_call(call.get("id"), at(call, "/function/name"), at(call, "/function/arguments")));
        let said = thought.into_iter().chain(text(body.pointer("/message/content")));
        Ok(said.chain(calls).chain(end(body)).collect())
    }
}

/// A turn. Results are told by the names of tools, in the order of the calls.
fn message(said: Said<'_>) -> Value {
    match said {
        Said::User(text) => json!({ "role": "user", "content": text }),
        // Pictures stand beside the words, and have no place among them.
        Said::Showing(shown) => {
            let images: Vec<&str> =
                shown.iter().filter_map(Shown::picture).filter_map(|picture| Some(picture.data()?.1)).collect();
            json!({ "role": "user", "content": said.texts().collect::<Vec<_>>().join("\n\n"), "images": images })
        }
        Said::Assistant(text, []) => json!({ "role": "assistant", "content": text }),
        Said::Assistant(text, calls) => {
            let call =
                |call: &ToolCall| json!({ "function": { "name": call.name, "arguments": as_object(&call.arguments) } });
            json!({ "role": "assistant", "content": text, "tool_calls": calls.iter().map(call).collect::<Vec<_>>() })
        }
        Said::Tool { name, text, .. } => json!({ "role": "tool", "tool_name": name, "content": text }),
    }
}

/// The tools that may be called. It has no other place for the choice, and none in which to say that one must be called.
fn tools(request: &Request) -> impl Iterator<Item = &Tool> {
    request.prompt.tools().iter().filter(move |tool| match &request.tool_choice {
        ToolChoice::None => false,
        ToolChoice::Named(name) => tool.name == *name,
        ToolChoice::Auto | ToolChoice::Required => true,
    })
}

/// What a tool is.
fn definition(tool: &Tool) -> Value {
    let function = json!({ "name": tool.name, "description": tool.description, "parameters": tool.schema() });
    json!({ "type": "function", "function": function })
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
            "options": options(request, endpoint, self.0),
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

fn options(request: &Request, endpoint: &Endpoint<'_>, template: Option<&Template>) -> Value {
    let longest = request.longest(endpoint.quirks);
    let mut options = json!({ "temperature": request.temperature, "num_predict": longest });
    let own = template.into_iter().flat_map(|template| template.stop.iter().copied());
    let stop: Vec<_> = request.stops().chain(own).collect();
    if !stop.is_empty() {
        options["stop"] = json!(stop);
    }
    if let Some(tokens) = endpoint.quirks.context_window {
        options["num_ctx"] = json!(tokens);
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
