//! OpenAI's newer format, responses. Where it is spoken and what its pictures cost is as for the older one.

use super::form::text_format;
use super::openai::{ChatCompletions, choice, function};
use super::{
    Endpoint, Failed, Provider, WireRequest, at, bearer, bytes, call_part, count, failed, index, parse, text, thinking,
    whole_call, with_temperature,
};
use crate::prompt::{Prompt, Said, Shown};
use crate::request::{Finish, Form, Piece, Request, Usage};
use crate::tools::{Tool, ToolCall};
use serde_json::{Value, json};

/// `POST /responses`.
pub(super) struct Responses;

impl Provider for Responses {
    fn name(&self) -> &'static str {
        ChatCompletions.name()
    }

    fn base_url(&self) -> &'static str {
        ChatCompletions.base_url()
    }

    fn fetches(&self, address: &str) -> bool {
        ChatCompletions.fetches(address)
    }

    fn picture_tokens(&self, model: &str, detail: Option<&str>) -> u64 {
        ChatCompletions.picture_tokens(model, detail)
    }

    fn tells_strict(&self, strict: Option<bool>) -> bool {
        // That it is not strict has to be said here, and is no more than what everybody says.
        strict == Some(true)
    }

    fn request(&self, request: &Request, endpoint: &Endpoint<'_>) -> WireRequest {
        let system = Some(request.prompt.system()).filter(|text| !text.is_empty());
        // `json_object` is refused unless the input speaks of JSON, and `instructions` do not count for that.
        let (in_input, instructions) = match request.form {
            Some(Form::Object) => (system, None),
            _ => (None, system),
        };
        let body = json!({
            "model": endpoint.model,
            "input": input(&request.prompt, in_input),
            "max_output_tokens": request.longest(endpoint.quirks),
            "stream": endpoint.stream,
            "store": false,
        });
        let mut body = with_temperature(body, request.temperature, endpoint.quirks);
        if let Some(instructions) = instructions {
            body["instructions"] = json!(instructions);
        }
        if let Some(form) = &request.form {
            body["text"] = json!({ "format": text_format(form) });
        }
        let tools = request.prompt.tools();
        if !tools.is_empty() {
            let flat = |tool: &Tool| {
                let mut function = function(tool, endpoint.quirks);
                function["type"] = json!("function");
                // Where it is left out this format takes it for true, other than the older one.
                function["strict"] = json!(tool.strict.unwrap_or(false) && !endpoint.quirks.no_strict);
                function
            };
            body["tools"] = tools.iter().map(flat).collect();
            if let Some(is_parallel) = request.parallel_tool_calls {
                body["parallel_tool_calls"] = json!(is_parallel);
            }
        }
        if let Some(choice) = choice(request, |name| json!({ "type": "function", "name": name })) {
            body["tool_choice"] = choice;
        }
        let url = format!("{}/responses", endpoint.base_url);
        WireRequest { url, headers: bearer(endpoint.key), body: bytes(&body) }
    }

    fn event(&self, data: &str) -> Result<Vec<Piece>, Failed> {
        let event = parse(data)?;
        match event.get("type").and_then(Value::as_str).unwrap_or("") {
            "response.output_text.delta" => Ok(text(event.get("delta")).into_iter().collect()),
            "response.output_item.added" if at(&event, "/item/type").is_some_and(|kind| kind == "function_call") => {
                let number = index(event.get("output_index")).unwrap_or_default();
                // Its arguments come in parts.
                Ok(vec![call_part(number, at(&event, "/item/call_id"), at(&event, "/item/name"), None)])
            }
            "response.function_call_arguments.delta" => {
                let number = index(event.get("output_index")).unwrap_or_default();
                Ok(vec![call_part(number, None, None, event.get("delta"))])
            }
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
        let is_call = |item: &&Value| item.get("type").is_some_and(|kind| kind == "function_call");
        let calls = output.iter().filter(is_call);
        let calls = calls.map(|call| whole_call(call.get("call_id"), call.get("name"), call.get("arguments")));
        Ok(contents.filter_map(said).chain(calls).chain(end(body)).collect())
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

/// What is asked: a text, or the turns of a conversation, in which calls and their results are items of their own; the instructions first, if any.
fn input(prompt: &Prompt, system: Option<&str>) -> Value {
    if prompt.earlier().is_empty() && system.is_none() {
        return json!(prompt.user());
    }
    let mut items: Vec<Value> = system.map(|text| json!({ "role": "system", "content": text })).into_iter().collect();
    for said in prompt.turns() {
        match said {
            Said::User(text) => items.push(json!({ "role": "user", "content": text })),
            Said::Showing(shown) => {
                let parts: Vec<Value> = shown.iter().map(input_part).collect();
                items.push(json!({ "role": "user", "content": parts }));
            }
            Said::Assistant(text, calls) => {
                if !text.is_empty() || calls.is_empty() {
                    items.push(json!({ "role": "assistant", "content": text }));
                }
                items.extend(calls.iter().map(|ToolCall { id, name, arguments, .. }| {
                    json!({ "type": "function_call", "call_id": id, "name": name, "arguments": arguments })
                }));
            }
            Said::Tool { id, text, .. } => {
                items.push(json!({ "type": "function_call_output", "call_id": id, "output": text }));
            }
        }
    }
    Value::Array(items)
}

/// A piece of what is shown. How closely a picture is looked at has to be said here.
fn input_part(shown: &Shown) -> Value {
    match shown {
        Shown::Text(text) => json!({ "type": "input_text", "text": text }),
        Shown::Picture(picture) => {
            json!({ "type": "input_image", "image_url": picture.url(), "detail": picture.detail().unwrap_or("auto") })
        }
    }
}
