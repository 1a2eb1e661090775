//! Which format a request speaks, and what all formats have in common. Each writes an answer as its provider documents it.

use super::behaviour::Trouble;
use super::{anthropic, fill, gemini, ollama, openai};
use crate::request::Finish;
use crate::tools::ToolCall;
use serde_json::Value;

/// A wire format, told by the path of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `/chat/completions`.
    ChatCompletions,
    /// `/responses`.
    Responses,
    /// `/v1/messages`.
    Messages,
    /// `:generateContent` and `:streamGenerateContent`.
    Gemini,
    /// `/api/chat`.
    Ollama,
    /// `/completions`.
    Completions,
    /// `/infill`.
    Infill,
    /// `/fim/completions`.
    Fim,
    /// `/api/generate`.
    Generate,
}

impl Format {
    /// The format of a path without its query.
    pub fn of(path: &str) -> Option<Self> {
        let ends = |end| path.ends_with(end);
        match path {
            _ if ends("/chat/completions") => Some(Self::ChatCompletions),
            _ if ends("/responses") => Some(Self::Responses),
            _ if ends("/v1/messages") => Some(Self::Messages),
            _ if ends(":generateContent") || ends(":streamGenerateContent") => Some(Self::Gemini),
            _ if ends("/api/chat") => Some(Self::Ollama),
            _ if ends("/fim/completions") => Some(Self::Fim),
            _ if ends("/completions") => Some(Self::Completions),
            _ if ends("/infill") => Some(Self::Infill),
            _ if ends("/api/generate") => Some(Self::Generate),
            _ => None,
        }
    }

    /// Whether a request asks for an answer in pieces.
    pub(super) fn streams(self, path: &str, body: &Value) -> bool {
        match self {
            Self::Gemini => path.ends_with(":streamGenerateContent"),
            // It is the only one that streams unless it is told not to.
            Self::Ollama | Self::Generate => body.get("stream").and_then(Value::as_bool).unwrap_or(true),
            Self::ChatCompletions | Self::Responses | Self::Messages | Self::Completions | Self::Infill | Self::Fim => {
                body.get("stream").and_then(Value::as_bool).unwrap_or(false)
            }
        }
    }

    /// The model that a request asks for.
    pub(super) fn model(self, path: &str, body: &Value) -> String {
        let named = match self {
            Self::Gemini => path.rsplit('/').next().and_then(|last| last.split(':').next()),
            _ => body.get("model").and_then(Value::as_str),
        };
        named.unwrap_or("scripted").to_owned()
    }

    /// The `content-type` of an answer.
    pub(super) fn content_type(self, stream: bool) -> &'static str {
        match self {
            _ if !stream => "application/json",
            Self::Ollama | Self::Generate => "application/x-ndjson",
            _ => "text/event-stream",
        }
    }

    /// Who writes an answer.
    pub(super) fn writer(self, model: String, wants_usage: bool) -> Box<dyn Wire> {
        match self {
            Self::ChatCompletions => Box::new(openai::Chat { model, wants_usage }),
            // It tells what was used without being asked.
            Self::Fim => Box::new(openai::Chat { model, wants_usage: true }),
            Self::Completions => Box::new(fill::Completions { model, wants_usage }),
            Self::Infill => Box::new(fill::Infill { model, said: 0 }),
            Self::Generate => Box::new(fill::Generate { model }),
            Self::Responses => Box::new(openai::Responses::new(model)),
            Self::Messages => Box::new(anthropic::Messages::new(model)),
            Self::Gemini => Box::new(gemini::Gemini { model }),
            Self::Ollama => Box::new(ollama::Ollama { model }),
        }
    }

    /// The status and the body with which a provider reports a trouble.
    pub(super) fn trouble(self, trouble: Trouble) -> (u16, Value) {
        match self {
            Self::ChatCompletions | Self::Responses | Self::Completions | Self::Fim => openai::trouble(trouble),
            Self::Infill => fill::trouble(trouble),
            Self::Messages => anthropic::trouble(trouble),
            Self::Gemini => gemini::trouble(trouble),
            Self::Ollama | Self::Generate => ollama::trouble(trouble),
        }
    }
}

/// What is told at the end of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub finish: Finish,
    pub is_novel: bool,
    pub prompt: u64,
    pub cached: u64,
    pub thoughts: u64,
    pub words: u64,
}

/// Writes one answer. What is written are whole events.
pub(super) trait Wire: Send {
    /// What comes before everything else.
    fn opening(&mut self, end: &End) -> String;

    /// A piece of thought.
    fn thought(&mut self, text: &str) -> String;

    /// A piece of the answer.
    fn word(&mut self, text: &str) -> String;

    /// A call of a tool, as events; nothing where the format has no place for it.
    fn call(&mut self, _place: usize, _call: &ToolCall) -> String {
        String::new()
    }

    /// A whole answer with these calls of tools besides.
    fn with_calls(&self, answer: Value, _calls: &[ToolCall]) -> Value {
        answer
    }

    /// What comes after everything else.
    fn closing(&mut self, end: &End) -> String;

    /// An event that nobody knows yet.
    fn novelty(&mut self) -> String;

    /// An event that says what went wrong.
    fn trouble(&mut self, trouble: Trouble) -> String;

    /// The beginning of an event that never gets its end, as an event.
    fn garbage(&mut self) -> String {
        "data: {\"choices\": [{\"delta\"\n\n".to_owned()
    }

    /// The answer in one piece.
    fn whole(&mut self, thoughts: &str, text: &str, end: &End) -> Value;
}

/// A text in two pieces, as a server cuts the arguments of a call.
pub(super) fn halves(text: &str) -> [&str; 2] {
    let middle = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (first, second) = text.split_at_checked(middle).unwrap_or((text, ""));
    [first, second]
}

/// The arguments of a call as a value.
pub(super) fn arguments(call: &ToolCall) -> Value {
    serde_json::from_str(&call.arguments).unwrap_or(Value::Null)
}

/// An event without a name.
pub(super) fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// An event with the name that its data has as `type`.
pub(super) fn named(value: &Value) -> String {
    let name = value.get("type").and_then(Value::as_str).unwrap_or("message");
    format!("event: {name}\ndata: {value}\n\n")
}
