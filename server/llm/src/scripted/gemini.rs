//! Google's Gemini API as its reference documents it: each event is a response of its own.

use super::behaviour::Trouble;
use super::formats::{End, Wire, arguments};
use crate::request::Finish;
use crate::tools::ToolCall;
use serde_json::{Value, json};

/// Responses with candidates.
pub(super) struct Gemini {
    pub model: String,
}

/// Google ends its lines as HTTP does.
fn event(value: &Value) -> String {
    format!("data: {value}\r\n\r\n")
}

impl Gemini {
    fn candidate(&self, parts: Value, finish: Option<&str>, usage: Value) -> Value {
        let mut candidate = json!({ "content": { "parts": parts, "role": "model" }, "index": 0 });
        if let Some(finish) = finish {
            candidate["finishReason"] = json!(finish);
        }
        json!({
            "candidates": [candidate], "usageMetadata": usage, "modelVersion": self.model, "responseId": "scripted",
        })
    }
}

fn usage(end: &End) -> Value {
    json!({
        "promptTokenCount": end.prompt, "candidatesTokenCount": end.words, "thoughtsTokenCount": end.thoughts,
        "cachedContentTokenCount": end.cached, "totalTokenCount": end.prompt + end.words + end.thoughts,
        "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": end.prompt }],
    })
}

fn reason(end: &End) -> &'static str {
    match end.finish {
        // It does not tell that it ended in order to call tools.
        Finish::Stop | Finish::ToolCalls => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::ContentFilter => "SAFETY",
    }
}

/// A call without an id, as the models before the third generation make it.
fn part(call: &ToolCall) -> Value {
    json!({ "functionCall": { "name": call.name, "args": arguments(call) }, "thoughtSignature": "c2lnbmVk" })
}

impl Wire for Gemini {
    fn opening(&mut self, _end: &End) -> String {
        String::new()
    }

    fn thought(&mut self, text: &str) -> String {
        event(&self.candidate(json!([{ "text": text, "thought": true }]), None, json!({ "promptTokenCount": 10 })))
    }

    fn word(&mut self, text: &str) -> String {
        event(&self.candidate(json!([{ "text": text }]), None, json!({ "promptTokenCount": 10 })))
    }

    fn call(&mut self, _place: usize, call: &ToolCall) -> String {
        event(&self.candidate(json!([part(call)]), None, json!({ "promptTokenCount": 10 })))
    }

    fn with_calls(&self, mut answer: Value, calls: &[ToolCall]) -> Value {
        if let Some(parts) = answer.pointer_mut("/candidates/0/content/parts").and_then(Value::as_array_mut) {
            parts.extend(calls.iter().map(part));
        }
        answer
    }

    fn closing(&mut self, end: &End) -> String {
        event(&self.candidate(json!([{ "text": "" }]), Some(reason(end)), usage(end)))
    }

    fn novelty(&mut self) -> String {
        event(&json!({
            "candidates": [{ "content": { "parts": [{ "hologram": { "depth": 3 } }] }, "novelRatings": [] }],
            "novelMetadata": {},
        }))
    }

    fn trouble(&mut self, said: Trouble) -> String {
        event(&trouble(said).1)
    }

    fn whole(&mut self, thoughts: &str, text: &str, end: &End) -> Value {
        let mut parts = vec![json!({ "text": text })];
        if !thoughts.is_empty() {
            parts.insert(0, json!({ "text": thoughts, "thought": true }));
        }
        self.candidate(json!(parts), Some(reason(end)), usage(end))
    }
}

/// How it reports what went wrong. What it does not want to answer it answers with success and without candidates.
pub(super) fn trouble(trouble: Trouble) -> (u16, Value) {
    let limit = json!([
        { "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [] },
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s" },
    ]);
    let (code, status, message, details) = match trouble {
        Trouble::Auth => (
            400,
            "INVALID_ARGUMENT",
            "API key not valid. Please pass a valid API key.",
            json!([{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID" }]),
        ),
        // A day's quota and a minute's limit look the same.
        Trouble::Quota | Trouble::Rate => (
            429,
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota, please check your plan and billing details.",
            limit,
        ),
        Trouble::Overload => (503, "UNAVAILABLE", "The model is overloaded. Please try again later.", json!([])),
        Trouble::ContextLength => (
            400,
            "INVALID_ARGUMENT",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            json!([]),
        ),
        Trouble::ContentFilter => {
            return (200, json!({ "promptFeedback": { "blockReason": "PROHIBITED_CONTENT", "safetyRatings": [] } }));
        }
        Trouble::Server => (500, "INTERNAL", "An internal error has occurred.", json!([])),
    };
    (code, json!({ "error": { "code": code, "message": message, "status": status, "details": details } }))
}
