//! Anthropic's messages.

use super::form::in_words;
use super::{
    Endpoint, Failed, Provider, Quirks, WireRequest, as_object, bytes, call_part, count, failed, index, parse, text,
    thinking, whole_call, with_temperature,
};
use crate::prompt::{Prompt, Said, Shown};
use crate::request::{Finish, Piece, Request, Usage};
use crate::tools::{Tool, ToolCall, ToolChoice};
use security::secret::Secret;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// It takes no higher temperature, where others take 2.
const WARMEST: f32 = 1.0;

/// `POST /v1/messages`.
pub(super) struct Messages;

/// The turns. What several tools said one after the other stands in one message, as their calls do.
fn messages(prompt: &Prompt) -> Vec<Value> {
    let (mut messages, mut results) = (Vec::new(), Vec::new());
    for said in prompt.turns() {
        if let Said::Tool { id: of, text, .. } = said {
            results.push(json!({ "type": "tool_result", "tool_use_id": id(of), "content": text }));
            continue;
        }
        if !results.is_empty() {
            messages.push(json!({ "role": "user", "content": std::mem::take(&mut results) }));
        }
        messages.push(match said {
            Said::Assistant(text, calls) if !calls.is_empty() => {
                // It refuses texts in which there is nothing to be seen.
                let text = Some(text).filter(|text| !text.trim().is_empty());
                let text = text.map(|text| json!({ "type": "text", "text": text }));
                let content: Vec<Value> = text.into_iter().chain(calls.iter().map(tool_use)).collect();
                json!({ "role": "assistant", "content": content })
            }
            Said::Assistant(text, _) => json!({ "role": "assistant", "content": text }),
            Said::Showing(shown) => {
                let content: Vec<Value> = shown.iter().filter_map(block).collect();
                json!({ "role": "user", "content": content })
            }
            Said::User(text) | Said::Tool { text, .. } => json!({ "role": "user", "content": text }),
        });
    }
    if !results.is_empty() {
        messages.push(json!({ "role": "user", "content": results }));
    }
    messages
}

/// A piece of what is shown; nothing of a text in which there is nothing to be seen, which it refuses.
fn block(shown: &Shown) -> Option<Value> {
    let picture = match shown {
        Shown::Text(text) => return (!text.trim().is_empty()).then(|| json!({ "type": "text", "text": text })),
        Shown::Picture(picture) => picture,
    };
    let source = match picture.data() {
        Some((media, data)) => json!({ "type": "base64", "media_type": media, "data": data }),
        None => json!({ "type": "url", "url": picture.url() }),
    };
    Some(json!({ "type": "image", "source": source }))
}

fn tool_use(call: &ToolCall) -> Value {
    json!({ "type": "tool_use", "id": id(&call.id), "name": call.name, "input": as_object(&call.arguments) })
}

/// An id as it takes them; other servers make them of other characters, and a conversation may come from one of those.
fn id(id: &str) -> String {
    let is_fine = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    id.chars().map(|character| if is_fine(character) { character } else { '_' }).collect()
}

/// What a tool is. Where its arguments must fulfil the schema to the letter, that may be refused: older models do not know it, and the others
/// know a part of JSON Schema only.
fn definition(tool: &Tool, quirks: Quirks) -> Value {
    let mut definition = json!({ "name": tool.name, "input_schema": tool.schema() });
    if tool.strict == Some(true) && !quirks.no_strict {
        definition["strict"] = json!(true);
    }
    if !tool.description.is_empty() {
        definition["description"] = json!(tool.description);
    }
    definition
}

/// Whether tools are to be called, and several of them, where it is not as the model likes.
fn choice(request: &Request) -> Option<Value> {
    let is_single = request.parallel_tool_calls == Some(false);
    let mut choice = match &request.tool_choice {
        ToolChoice::Auto if !is_single => return None,
        ToolChoice::None => return Some(json!({ "type": "none" })),
        ToolChoice::Auto => json!({ "type": "auto" }),
        ToolChoice::Required => json!({ "type": "any" }),
        ToolChoice::Named(name) => json!({ "type": "tool", "name": name }),
    };
    if is_single {
        choice["disable_parallel_tool_use"] = json!(true);
    }
    Some(choice)
}

impl Provider for Messages {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn base_url(&self) -> &'static str {
        "https://api.anthropic.com"
    }

    fn loosens(&self) -> bool {
        true
    }

    fn tells_strict(&self, strict: Option<bool>) -> bool {
        strict == Some(true)
    }

    fn fetches(&self, address: &str) -> bool {
        // It refuses all others.
        address.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"))
    }

    fn request(&self, request: &Request, endpoint: &Endpoint<'_>) -> WireRequest {
        let mut system = request.prompt.system().to_owned();
        if let Some(form) = &request.form {
            // The format has no field for a schema that all of its models know, so it is asked for in words.
            system.push_str(&in_words(form));
        }
        let body = json!({
            "model": endpoint.model,
            "max_tokens": request.longest(endpoint.quirks),
            "messages": messages(&request.prompt),
            "stream": endpoint.stream,
        });
        let mut body = with_temperature(body, request.temperature.min(WARMEST), endpoint.quirks);
        if !system.trim().is_empty() {
            body["system"] = json!(system.trim_start());
        }
        // It refuses those in which there is nothing to be seen.
        let stop: Vec<_> = request.stops().filter(|stop| !stop.trim().is_empty()).collect();
        if !stop.is_empty() {
            body["stop_sequences"] = json!(stop);
        }
        let tools = request.prompt.tools();
        if !tools.is_empty() {
            body["tools"] = tools.iter().map(|tool| definition(tool, endpoint.quirks)).collect();
            if let Some(choice) = choice(request) {
                body["tool_choice"] = choice;
            }
        } else if request.prompt.calls().next().is_some() {
            // It refuses turns with calls where no tools are told, though nobody is to call any more.
            let names: BTreeSet<&str> = request.prompt.calls().map(|call| call.name.as_str()).collect();
            let tool = |name: &str| json!({ "name": name, "input_schema": { "type": "object" } });
            body["tools"] = names.into_iter().map(tool).collect();
            body["tool_choice"] = json!({ "type": "none" });
        }
        let mut headers = vec![("anthropic-version", Secret::new("2023-06-01"))];
        headers.extend(endpoint.key.map(|key| ("x-api-key", key.clone())));
        WireRequest { url: format!("{}/v1/messages", endpoint.base_url), headers, body: bytes(&body) }
    }

    fn event(&self, data: &str) -> Result<Vec<Piece>, Failed> {
        let event = parse(data)?;
        Ok(match event.get("type").and_then(Value::as_str).unwrap_or("") {
            "message_start" => usage(event.pointer("/message/usage")).into_iter().collect(),
            "content_block_start" => {
                tool_call(event.get("content_block"), index(event.get("index"))).into_iter().collect()
            }
            "content_block_delta" if event.pointer("/delta/partial_json").is_some() => {
                let number = index(event.get("index")).unwrap_or_default();
                vec![call_part(number, None, None, event.pointer("/delta/partial_json"))]
            }
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
        let calls = content.iter().filter_map(|block| tool_call(Some(block), None));
        Ok(texts.chain(calls).chain(usage(body.get("usage"))).chain(end(Some(body))).collect())
    }
}

/// The call that a block is, or the beginning of one where the block has a number: its input comes in parts then.
fn tool_call(block: Option<&Value>, number: Option<u32>) -> Option<Piece> {
    let block = block.filter(|block| block.get("type").is_some_and(|kind| kind == "tool_use"))?;
    let (id, name, input) = (block.get("id"), block.get("name"), block.get("input"));
    // It stands there empty while nothing of it has come.
    let input = input.filter(|input| input.as_object().is_some_and(|fields| !fields.is_empty()));
    Some(match number {
        Some(number) => call_part(number, id, name, input),
        None => whole_call(id, name, input),
    })
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
