//! OpenAI's two formats as its reference documents them: chunks of chat completions, and the named events of responses.

use super::behaviour::Trouble;
use super::formats::{End, Wire, data, halves, named};
use crate::request::Finish;
use crate::tools::ToolCall;
use serde_json::{Value, json};

/// Chunks of chat completions.
pub(super) struct Chat {
    pub model: String,
    /// Usage is told in a stream only where it was asked for.
    pub wants_usage: bool,
}

impl Chat {
    fn chunk(&self, choices: Value, usage: Value) -> String {
        data(&json!({
            "id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": self.model,
            "service_tier": "default", "system_fingerprint": "fp_scripted", "choices": choices, "usage": usage,
        }))
    }

    fn delta(&self, delta: Value, finish: Option<&str>) -> String {
        let choice = json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish });
        self.chunk(json!([choice]), Value::Null)
    }
}

pub(super) fn chat_finish(end: &End) -> &'static str {
    match end.finish {
        _ if end.is_novel => "a_reason_of_next_year",
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ContentFilter => "content_filter",
        Finish::ToolCalls => "tool_calls",
    }
}

pub(super) fn chat_usage(end: &End) -> Value {
    let output = end.words + end.thoughts;
    json!({
        "prompt_tokens": end.prompt, "completion_tokens": output, "total_tokens": end.prompt + output,
        "prompt_tokens_details": { "cached_tokens": end.cached, "audio_tokens": 0 },
        "completion_tokens_details": { "reasoning_tokens": end.thoughts, "audio_tokens": 0 },
    })
}

/// A call with what Google's endpoint for this format attaches to it.
fn signed(mut told: Value, call: &ToolCall) -> Value {
    if let Some(thought) = call.thought.as_ref().filter(|thought| !thought.signature.is_empty()) {
        told["extra_content"] = json!({ "google": { "thought_signature": thought.signature } });
    }
    told
}

/// What OpenRouter tells of what was thought before a call.
fn details(call: &ToolCall) -> Option<Value> {
    call.thought.as_ref().and_then(|thought| serde_json::from_str(&thought.details).ok())
}

impl Wire for Chat {
    fn opening(&mut self, _end: &End) -> String {
        self.delta(json!({ "role": "assistant", "content": "", "refusal": null }), None)
    }

    fn thought(&mut self, text: &str) -> String {
        self.delta(json!({ "content": null, "reasoning_content": text }), None)
    }

    fn word(&mut self, text: &str) -> String {
        self.delta(json!({ "content": text }), None)
    }

    fn call(&mut self, place: usize, call: &ToolCall) -> String {
        let part = |part: Value| self.delta(json!({ "tool_calls": [part] }), None);
        let function = json!({ "name": call.name, "arguments": "" });
        let beginning = json!({ "index": place, "id": call.id, "type": "function", "function": function });
        let thought = details(call).map(|list| self.delta(json!({ "reasoning_details": list }), None));
        let beginning = thought.unwrap_or_default() + &part(signed(beginning, call));
        let rest =
            halves(&call.arguments).map(|text| part(json!({ "index": place, "function": { "arguments": text } })));
        beginning + &rest.concat()
    }

    fn with_calls(&self, mut answer: Value, calls: &[ToolCall]) -> Value {
        let call = |call: &ToolCall| {
            let function = json!({ "name": call.name, "arguments": call.arguments });
            signed(json!({ "id": call.id, "type": "function", "function": function }), call)
        };
        if !calls.is_empty()
            && let Some(message) = answer.pointer_mut("/choices/0/message")
        {
            message["tool_calls"] = calls.iter().map(call).collect();
            if let Some(list) = calls.first().and_then(details) {
                message["reasoning_details"] = list;
            }
            if message["content"] == "" {
                message["content"] = Value::Null;
            }
        }
        answer
    }

    fn closing(&mut self, end: &End) -> String {
        let mut text = self.delta(json!({}), Some(chat_finish(end)));
        if self.wants_usage {
            text += &self.chunk(json!([]), chat_usage(end));
        }
        text + "data: [DONE]\n\n"
    }

    fn novelty(&mut self) -> String {
        data(
            &json!({ "object": "chat.completion.novelty", "choices": [{ "index": 0, "delta": { "hologram": [1, 2] } }] }),
        )
    }

    fn trouble(&mut self, said: Trouble) -> String {
        data(&trouble(said).1)
    }

    fn whole(&mut self, thoughts: &str, text: &str, end: &End) -> Value {
        let mut message = json!({ "role": "assistant", "content": text, "refusal": null, "annotations": [] });
        if !thoughts.is_empty() {
            message["reasoning_content"] = json!(thoughts);
        }
        json!({
            "id": "chatcmpl-scripted", "object": "chat.completion", "created": 1_700_000_000, "model": self.model,
            "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": chat_finish(end) }],
            "usage": chat_usage(end), "service_tier": "default",
        })
    }
}

/// Events of responses.
pub(super) struct Responses {
    model: String,
    sequence: u64,
    thoughts: String,
    said: String,
    /// Whether the item that holds the answer has begun.
    has_item: bool,
    /// The items of calls.
    calls: Vec<Value>,
}

impl Responses {
    pub fn new(model: String) -> Self {
        Self { model, sequence: 0, thoughts: String::new(), said: String::new(), has_item: false, calls: Vec::new() }
    }

    fn event(&mut self, mut value: Value) -> String {
        value["sequence_number"] = json!(self.sequence);
        self.sequence += 1;
        named(&value)
    }

    fn response(&self, status: &str, output: Value, end: Option<&End>) -> Value {
        let usage = end.map(|end| {
            let output = end.words + end.thoughts;
            json!({
                "input_tokens": end.prompt, "input_tokens_details": { "cached_tokens": end.cached },
                "output_tokens": output, "output_tokens_details": { "reasoning_tokens": end.thoughts },
                "total_tokens": end.prompt + output,
            })
        });
        let reason = end.and_then(|end| match end.finish {
            Finish::Stop | Finish::ToolCalls => None,
            Finish::Length => Some("max_output_tokens"),
            Finish::ContentFilter => Some("content_filter"),
        });
        json!({
            "id": "resp_scripted", "object": "response", "created_at": 1_700_000_000, "status": status, "error": null,
            "incomplete_details": reason.map(|reason| json!({ "reason": reason })), "instructions": null,
            "model": self.model, "output": output, "store": false, "usage": usage,
        })
    }

    fn message(&self, text: &str) -> Value {
        let content = json!([{ "type": "output_text", "text": text, "annotations": [], "logprobs": [] }]);
        json!({ "id": "msg_scripted", "type": "message", "status": "completed", "role": "assistant", "content": content })
    }

    fn reasoning(&self, thoughts: &str) -> Value {
        json!({ "id": "rs_scripted", "type": "reasoning", "summary": [{ "type": "summary_text", "text": thoughts }] })
    }

    fn output(&self, thoughts: &str, text: &str) -> Value {
        if thoughts.is_empty() {
            json!([self.message(text)])
        } else {
            json!([self.reasoning(thoughts), self.message(text)])
        }
    }

    fn index(&self) -> usize {
        usize::from(!self.thoughts.is_empty())
    }
}

fn response_status(end: &End) -> &'static str {
    if matches!(end.finish, Finish::Stop | Finish::ToolCalls) { "completed" } else { "incomplete" }
}

/// A call as an item.
fn call_item(call: &ToolCall, arguments: &str, status: &str) -> Value {
    json!({
        "id": format!("fc_{}", call.id), "type": "function_call", "status": status, "call_id": call.id, "name": call.name,
        "arguments": arguments,
    })
}

impl Wire for Responses {
    fn opening(&mut self, _end: &End) -> String {
        let response = self.response("in_progress", json!([]), None);
        let created = self.event(json!({ "type": "response.created", "response": response.clone() }));
        created + &self.event(json!({ "type": "response.in_progress", "response": response }))
    }

    fn thought(&mut self, text: &str) -> String {
        let mut events = String::new();
        if self.thoughts.is_empty() {
            let item = json!({ "id": "rs_scripted", "type": "reasoning", "summary": [] });
            events += &self.event(json!({ "type": "response.output_item.added", "output_index": 0, "item": item }));
        }
        self.thoughts.push_str(text);
        events
            + &self.event(json!({
                "type": "response.reasoning_summary_text.delta", "item_id": "rs_scripted", "output_index": 0,
                "summary_index": 0, "delta": text,
            }))
    }

    fn word(&mut self, text: &str) -> String {
        let (index, mut events) = (self.index(), String::new());
        if !self.has_item {
            self.has_item = true;
            if index > 0 {
                let item = self.reasoning(&self.thoughts);
                events += &self.event(json!({ "type": "response.output_item.done", "output_index": 0, "item": item }));
            }
            let item = json!({
                "id": "msg_scripted", "type": "message", "status": "in_progress", "role": "assistant", "content": [],
            });
            events += &self.event(json!({ "type": "response.output_item.added", "output_index": index, "item": item }));
            events += &self.event(json!({
                "type": "response.content_part.added", "item_id": "msg_scripted", "output_index": index, "content_index": 0,
                "part": { "type": "output_text", "text": "", "annotations": [] },
            }));
        }
        self.said.push_str(text);
        events + &self.event(json!({
            "type": "response.output_text.delta", "item_id": "msg_scripted", "output_index": index, "content_index": 0,
            "delta": text, "logprobs": [], "obfuscation": "xyz",
        }))
    }

    fn call(&mut self, _place: usize, call: &ToolCall) -> String {
        let index = self.index() + usize::from(self.has_item) + self.calls.len();
        let (begun, done) = (call_item(call, "", "in_progress"), call_item(call, &call.arguments, "completed"));
        let mut events =
            self.event(json!({ "type": "response.output_item.added", "output_index": index, "item": begun }));
        for text in halves(&call.arguments) {
            events += &self.event(json!({
                "type": "response.function_call_arguments.delta", "item_id": done["id"], "output_index": index, "delta": text,
            }));
        }
        events += &self.event(json!({
            "type": "response.function_call_arguments.done", "item_id": done["id"], "output_index": index,
            "arguments": call.arguments,
        }));
        events += &self.event(json!({ "type": "response.output_item.done", "output_index": index, "item": done }));
        self.calls.push(done);
        events
    }

    fn with_calls(&self, mut answer: Value, calls: &[ToolCall]) -> Value {
        if let Some(output) = answer.get_mut("output").and_then(Value::as_array_mut) {
            output.extend(calls.iter().map(|call| call_item(call, &call.arguments, "completed")));
        }
        answer
    }

    fn closing(&mut self, end: &End) -> String {
        let (index, said, mut events) = (self.index(), self.said.clone(), String::new());
        if self.has_item || self.calls.is_empty() {
            events += &self.event(json!({
                "type": "response.output_text.done", "item_id": "msg_scripted", "output_index": index, "content_index": 0,
                "text": said,
            }));
            let item = self.message(&said);
            events += &self.event(json!({ "type": "response.output_item.done", "output_index": index, "item": item }));
        }
        let mut output = self.output(&self.thoughts, &said);
        if let Some(items) = output.as_array_mut() {
            items.extend(self.calls.iter().cloned());
        }
        let response = self.response(response_status(end), output, Some(end));
        let name = format!("response.{}", response_status(end));
        events + &self.event(json!({ "type": name, "response": response }))
    }

    fn novelty(&mut self) -> String {
        self.event(json!({ "type": "response.hologram.delta", "delta": "not text", "depth": 3 }))
    }

    fn trouble(&mut self, said: Trouble) -> String {
        let error = trouble(said).1["error"].clone();
        self.event(json!({ "type": "error", "code": error["code"], "message": error["message"], "param": null }))
    }

    fn whole(&mut self, thoughts: &str, text: &str, end: &End) -> Value {
        self.response(response_status(end), self.output(thoughts, text), Some(end))
    }
}

/// How both report what went wrong.
pub(super) fn trouble(trouble: Trouble) -> (u16, Value) {
    let (status, kind, code, message) = match trouble {
        Trouble::Auth => (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided: scripted."),
        Trouble::Quota => (
            429,
            "insufficient_quota",
            "insufficient_quota",
            "You exceeded your current quota, please check your plan and billing details.",
        ),
        Trouble::Rate => (
            429,
            "tokens",
            "rate_limit_exceeded",
            "Rate limit reached for scripted on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000.",
        ),
        Trouble::Overload => {
            (503, "server_error", "server_overloaded", "The engine is currently overloaded, please try again later.")
        }
        Trouble::ContextLength => (
            400,
            "invalid_request_error",
            "context_length_exceeded",
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 10000 tokens.",
        ),
        Trouble::ContentFilter => (
            400,
            "invalid_request_error",
            "content_filter",
            "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        ),
        Trouble::Server => (
            500,
            "server_error",
            "server_error",
            "The server had an error while processing your request. Sorry about that!",
        ),
    };
    (status, json!({ "error": { "message": message, "type": kind, "param": null, "code": code } }))
}
