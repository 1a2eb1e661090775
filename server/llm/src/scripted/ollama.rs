//! Ollama's chat as its documentation shows it: lines of JSON. What fills holes there has the same lines.

use super::behaviour::Trouble;
use super::formats::{End, Wire, arguments};
use crate::request::Finish;
use crate::tools::ToolCall;
use serde_json::{Value, json};

/// Lines of a chat.
pub(super) struct Ollama {
    pub model: String,
}

/// A line with one thing in it.
pub(super) fn line(model: &str, key: &str, value: Value) -> Value {
    json!({ "model": model, "created_at": "2026-01-01T00:00:00.000000Z", key: value, "done": false })
}

/// The same line as the last one.
pub(super) fn last(mut line: Value, end: &End) -> Value {
    let reason = match end.finish {
        _ if end.is_novel => "a_reason_of_next_year",
        Finish::Length => "length",
        // It refuses nothing, and does not tell that it ended in order to call tools.
        Finish::Stop | Finish::ContentFilter | Finish::ToolCalls => "stop",
    };
    for (key, value) in [
        ("done", json!(true)),
        ("done_reason", json!(reason)),
        ("total_duration", json!(5_000_000)),
        ("load_duration", json!(1_000_000)),
        ("prompt_eval_count", json!(end.prompt)),
        ("prompt_eval_duration", json!(1_000_000)),
        ("eval_count", json!(end.words + end.thoughts)),
        ("eval_duration", json!(2_000_000)),
    ] {
        line[key] = value;
    }
    line
}

impl Ollama {
    fn line(&self, message: Value) -> Value {
        line(&self.model, "message", message)
    }
}

/// A call, which has no id.
fn call(call: &ToolCall) -> Value {
    json!({ "function": { "name": call.name, "arguments": arguments(call) } })
}

impl Wire for Ollama {
    fn opening(&mut self, _end: &End) -> String {
        String::new()
    }

    fn thought(&mut self, text: &str) -> String {
        format!("{}\n", self.line(json!({ "role": "assistant", "content": "", "thinking": text })))
    }

    fn word(&mut self, text: &str) -> String {
        format!("{}\n", self.line(json!({ "role": "assistant", "content": text })))
    }

    fn call(&mut self, _place: usize, made: &ToolCall) -> String {
        format!("{}\n", self.line(json!({ "role": "assistant", "content": "", "tool_calls": [call(made)] })))
    }

    fn with_calls(&self, mut answer: Value, calls: &[ToolCall]) -> Value {
        if !calls.is_empty() {
            answer["message"]["tool_calls"] = calls.iter().map(call).collect();
        }
        answer
    }

    fn closing(&mut self, end: &End) -> String {
        format!("{}\n", last(self.line(json!({ "role": "assistant", "content": "" })), end))
    }

    fn novelty(&mut self) -> String {
        format!("{}\n", json!({ "model": self.model, "hologram": { "depth": 3 }, "done": false }))
    }

    fn trouble(&mut self, said: Trouble) -> String {
        format!("{}\n", trouble(said).1)
    }

    fn garbage(&mut self) -> String {
        "{\"model\": \"scripted\", \"message\n".to_owned()
    }

    fn whole(&mut self, thoughts: &str, text: &str, end: &End) -> Value {
        let mut message = json!({ "role": "assistant", "content": text });
        if !thoughts.is_empty() {
            message["thinking"] = json!(thoughts);
        }
        last(self.line(message), end)
    }
}

/// How it reports what went wrong: in one sentence, and nothing else.
pub(super) fn trouble(trouble: Trouble) -> (u16, Value) {
    let (status, message) = match trouble {
        Trouble::Auth => (401, "unauthorized"),
        Trouble::Quota => (402, "your account has no credit"),
        Trouble::Rate => (429, "you have reached your hourly usage limit"),
        Trouble::Overload => (503, "server busy, please try again.  maximum pending requests exceeded"),
        Trouble::ContextLength => (400, "the input length exceeds the context length"),
        Trouble::ContentFilter => (400, "content filter"),
        Trouble::Server => (500, "llama runner process has terminated: exit status 2"),
    };
    (status, json!({ "error": message }))
}
