//! Anthropic's messages as its reference documents them: named events in blocks.

use super::behaviour::Trouble;
use super::formats::{End, Wire, arguments, halves, named};
use crate::request::Finish;
use crate::tools::ToolCall;
use serde_json::{Value, json};

/// Which block is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    None,
    Thinking,
    Text,
}

/// Events of a message.
pub(super) struct Messages {
    model: String,
    block: Block,
    index: usize,
}

impl Messages {
    pub fn new(model: String) -> Self {
        Self { model, block: Block::None, index: 0 }
    }

    /// Ends the open block and begins another.
    fn enter(&mut self, block: Block) -> String {
        if self.block == block {
            return String::new();
        }
        let mut events = self.leave();
        self.block = block;
        let empty = match block {
            Block::Thinking => json!({ "type": "thinking", "thinking": "", "signature": "" }),
            Block::Text | Block::None => json!({ "type": "text", "text": "" }),
        };
        events += &named(&json!({ "type": "content_block_start", "index": self.index, "content_block": empty }));
        events + &named(&json!({ "type": "ping" }))
    }

    fn leave(&mut self) -> String {
        let mut events = match self.block {
            Block::None => return String::new(),
            Block::Text => String::new(),
            Block::Thinking => self.delta(json!({ "type": "signature_delta", "signature": "c2lnbmVk" })),
        };
        events += &named(&json!({ "type": "content_block_stop", "index": self.index }));
        self.index += 1;
        self.block = Block::None;
        events
    }

    fn delta(&self, delta: Value) -> String {
        named(&json!({ "type": "content_block_delta", "index": self.index, "delta": delta }))
    }
}

fn reason(end: &End) -> &'static str {
    match end.finish {
        _ if end.is_novel => "a_reason_of_next_year",
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::ContentFilter => "refusal",
        Finish::ToolCalls => "tool_use",
    }
}

fn usage(end: &End, output: u64) -> Value {
    json!({
        "input_tokens": end.prompt - end.cached.min(end.prompt), "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": end.cached, "output_tokens": output, "service_tier": "standard",
    })
}

impl Wire for Messages {
    fn opening(&mut self, end: &End) -> String {
        let message = json!({
            "id": "msg_scripted", "type": "message", "role": "assistant", "model": self.model, "content": [],
            "stop_reason": null, "stop_sequence": null, "usage": usage(end, 1),
        });
        named(&json!({ "type": "message_start", "message": message }))
    }

    fn thought(&mut self, text: &str) -> String {
        self.enter(Block::Thinking) + &self.delta(json!({ "type": "thinking_delta", "thinking": text }))
    }

    fn word(&mut self, text: &str) -> String {
        self.enter(Block::Text) + &self.delta(json!({ "type": "text_delta", "text": text }))
    }

    fn call(&mut self, _place: usize, call: &ToolCall) -> String {
        let mut events = self.leave();
        let block = json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": {} });
        events += &named(&json!({ "type": "content_block_start", "index": self.index, "content_block": block }));
        for text in halves(&call.arguments) {
            events += &self.delta(json!({ "type": "input_json_delta", "partial_json": text }));
        }
        events += &named(&json!({ "type": "content_block_stop", "index": self.index }));
        self.index += 1;
        events
    }

    fn with_calls(&self, mut answer: Value, calls: &[ToolCall]) -> Value {
        if let Some(content) = answer.get_mut("content").and_then(Value::as_array_mut) {
            content.extend(
                calls.iter().map(
                    |call| json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": arguments(call) }),
                ),
            );
        }
        answer
    }

    fn closing(&mut self, end: &End) -> String {
        let delta = json!({ "stop_reason": reason(end), "stop_sequence": null });
        let usage = json!({ "output_tokens": end.words + end.thoughts });
        self.leave()
            + &named(&json!({ "type": "message_delta", "delta": delta, "usage": usage }))
            + &named(&json!({ "type": "message_stop" }))
    }

    fn novelty(&mut self) -> String {
        named(&json!({ "type": "hologram_delta", "index": 0, "depth": 3 }))
            + &self.delta(json!({ "type": "hologram_delta", "hologram": "not text" }))
    }

    fn trouble(&mut self, said: Trouble) -> String {
        named(&trouble(said).1)
    }

    fn whole(&mut self, thoughts: &str, text: &str, end: &End) -> Value {
        let mut content = vec![json!({ "type": "text", "text": text })];
        if !thoughts.is_empty() {
            content.insert(0, json!({ "type": "thinking", "thinking": thoughts, "signature": "c2lnbmVk" }));
        }
        json!({
            "id": "msg_scripted", "type": "message", "role": "assistant", "model": self.model, "content": content,
            "stop_reason": reason(end), "stop_sequence": null, "usage": usage(end, end.words + end.thoughts),
        })
    }
}

/// How it reports what went wrong.
pub(super) fn trouble(trouble: Trouble) -> (u16, Value) {
    let (status, kind, message) = match trouble {
        Trouble::Auth => (401, "authentication_error", "invalid x-api-key"),
        Trouble::Quota => (
            400,
            "invalid_request_error",
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade.",
        ),
        Trouble::Rate => (
            429,
            "rate_limit_error",
            "This request would exceed your organization's rate limit of 50 requests per minute.",
        ),
        Trouble::Overload => (529, "overloaded_error", "Overloaded"),
        Trouble::ContextLength => (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        Trouble::ContentFilter => (400, "invalid_request_error", "Output blocked by content filtering policy"),
        Trouble::Server => (500, "api_error", "Internal server error"),
    };
    let error = json!({ "type": kind, "message": message });
    (status, json!({ "type": "error", "error": error, "request_id": "req_scripted" }))
}
