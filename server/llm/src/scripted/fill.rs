//! The formats that fill holes, as llama.cpp's server sends them and as the documentation of the others shows them.

use super::behaviour::Trouble;
use super::formats::{End, Wire, data};
use super::{ollama, openai};
use crate::request::Finish;
use serde_json::{Value, json};

/// OpenAI's plain completions.
pub(super) struct Completions {
    pub model: String,
    /// Usage is told in a stream only where it was asked for.
    pub wants_usage: bool,
}

impl Completions {
    fn value(&self, choices: Value, usage: Value) -> Value {
        json!({
            "id": "cmpl-scripted", "object": "text_completion", "created": 1_700_000_000, "model": self.model,
            "system_fingerprint": "fp_scripted", "choices": choices, "usage": usage,
        })
    }

    fn choice(text: &str, finish: Option<&str>) -> Value {
        json!([{ "text": text, "index": 0, "logprobs": null, "finish_reason": finish }])
    }
}

impl Wire for Completions {
    fn opening(&mut self, _end: &End) -> String {
        String::new()
    }

    // It has no place for thoughts.
    fn thought(&mut self, _text: &str) -> String {
        data(&self.value(Self::choice("", None), Value::Null))
    }

    fn word(&mut self, text: &str) -> String {
        data(&self.value(Self::choice(text, None), Value::Null))
    }

    fn closing(&mut self, end: &End) -> String {
        let mut text = data(&self.value(Self::choice("", Some(openai::chat_finish(end))), Value::Null));
        if self.wants_usage {
            text += &data(&self.value(json!([]), openai::chat_usage(end)));
        }
        text + "data: [DONE]\n\n"
    }

    fn novelty(&mut self) -> String {
        data(&json!({ "object": "text_completion.novelty", "choices": [{ "index": 0, "hologram": [1, 2] }] }))
    }

    fn trouble(&mut self, said: Trouble) -> String {
        data(&openai::trouble(said).1)
    }

    fn whole(&mut self, _thoughts: &str, text: &str, end: &End) -> Value {
        self.value(Self::choice(text, Some(openai::chat_finish(end))), openai::chat_usage(end))
    }
}

/// llama.cpp's infill.
pub(super) struct Infill {
    pub model: String,
    /// Tokens so far.
    pub said: u64,
}

impl Infill {
    fn piece(&mut self, text: &str) -> String {
        self.said += 1;
        data(&json!({
            "index": 0, "content": text, "tokens": [481], "stop": false, "id_slot": -1, "tokens_predicted": self.said,
            "tokens_evaluated": 10,
        }))
    }

    fn last(&self, text: &str, end: &End) -> Value {
        let stop_type = match end.finish {
            _ if end.is_novel => "a_reason_of_next_year",
            Finish::Length => "limit",
            // It refuses nothing, and calls nothing.
            Finish::Stop | Finish::ContentFilter | Finish::ToolCalls => "eos",
        };
        json!({
            "index": 0, "content": text, "tokens": [], "id_slot": 0, "stop": true, "model": self.model,
            "tokens_predicted": end.words + end.thoughts, "tokens_evaluated": end.prompt,
            "generation_settings": { "temperature": 0.0, "stop": [] }, "prompt": "as it was put together", "has_new_line": false,
            "truncated": false, "stop_type": stop_type, "stopping_word": "", "tokens_cached": end.prompt,
            "timings": { "cache_n": end.cached, "prompt_n": end.prompt - end.cached.min(end.prompt) },
        })
    }
}

impl Wire for Infill {
    fn opening(&mut self, _end: &End) -> String {
        String::new()
    }

    fn thought(&mut self, _text: &str) -> String {
        self.piece("")
    }

    fn word(&mut self, text: &str) -> String {
        self.piece(text)
    }

    fn closing(&mut self, end: &End) -> String {
        data(&self.last("", end))
    }

    fn novelty(&mut self) -> String {
        data(&json!({ "index": 0, "hologram": { "depth": 3 }, "stop": false }))
    }

    fn trouble(&mut self, said: Trouble) -> String {
        data(&trouble(said).1)
    }

    fn whole(&mut self, _thoughts: &str, text: &str, end: &End) -> Value {
        self.last(text, end)
    }
}

/// Ollama's generate.
pub(super) struct Generate {
    pub model: String,
}

impl Wire for Generate {
    fn opening(&mut self, _end: &End) -> String {
        String::new()
    }

    fn thought(&mut self, text: &str) -> String {
        format!("{}\n", ollama::line(&self.model, "thinking", json!(text)))
    }

    fn word(&mut self, text: &str) -> String {
        format!("{}\n", ollama::line(&self.model, "response", json!(text)))
    }

    fn closing(&mut self, end: &End) -> String {
        format!("{}\n", ollama::last(ollama::line(&self.model, "response", json!("")), end))
    }

    fn novelty(&mut self) -> String {
        format!("{}\n", json!({ "model": self.model, "hologram": { "depth": 3 }, "done": false }))
    }

    fn trouble(&mut self, said: Trouble) -> String {
        format!("{}\n", ollama::trouble(said).1)
    }

    fn garbage(&mut self) -> String {
        "{\"model\": \"scripted\", \"response\n".to_owned()
    }

    fn whole(&mut self, _thoughts: &str, text: &str, end: &End) -> Value {
        ollama::last(ollama::line(&self.model, "response", json!(text)), end)
    }
}

/// How llama.cpp reports what went wrong.
pub(super) fn trouble(trouble: Trouble) -> (u16, Value) {
    let (status, kind, message) = match trouble {
        Trouble::Auth => (401, "authentication_error", "Invalid API Key"),
        Trouble::Quota => (402, "permission_error", "there is no credit"),
        Trouble::Rate => (429, "unavailable_error", "too many requests"),
        Trouble::Overload => (503, "unavailable_error", "Loading model"),
        Trouble::ContextLength => {
            (400, "exceed_context_size_error", "the request exceeds the available context size, try increasing it")
        }
        Trouble::ContentFilter => (400, "invalid_request_error", "content filter"),
        Trouble::Server => (500, "server_error", "it failed"),
    };
    (status, json!({ "error": { "code": status, "message": message, "type": kind } }))
}
