//! What is answered in OpenAI's format: whole, in pieces, or with an error.

use super::tools::{CallEntry, Thoughts};
use crate::auth::secrets;
use crate::error::{Kind, Problem};
use axum::Json;
use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use engine::converse::{Conversing, Finish, LlmError, Piece, Usage};
use engine::store::now_ms;
use futures_util::Stream;
use serde::Serialize;
use serde_json::Value;
use std::convert::Infallible;
use std::time::Duration;
use utoipa::ToSchema;

/// Says whether an answer was kept.
const CACHE: HeaderName = HeaderName::from_static("x-code-agent-cache");

/// What went wrong, as OpenAI's programs read it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OpenAiError)]
pub(crate) struct ErrorAnswer {
    /// It.
    error: ErrorBody,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OpenAiErrorBody)]
struct ErrorBody {
    /// A sentence.
    message: String,
    /// The kind of the status.
    #[schema(example = "invalid_request_error")]
    r#type: &'static str,
    /// Where in the body it is.
    param: Option<String>,
    /// The kind of the problem.
    #[schema(example = "invalid")]
    code: Option<String>,
}

impl ErrorAnswer {
    /// A problem in this format.
    pub fn of(status: u16, detail: &str, pointer: Option<&str>, code: &str) -> Self {
        let r#type = match status {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            429 => "rate_limit_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        };
        let param = pointer.map(|pointer| pointer.trim_start_matches('/').replace('/', "."));
        Self { error: ErrorBody { message: detail.to_owned(), r#type, param, code: Some(code.to_owned()) } }
    }
}

/// A whole answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatCompletion)]
pub(crate) struct Completion {
    id: String,
    /// Always `chat.completion`.
    object: &'static str,
    /// Seconds since 1970.
    created: i64,
    /// The model that answered.
    model: String,
    /// One answer.
    choices: [Choice; 1],
    /// Tokens, where the model's provider tells them.
    usage: Option<Tokens>,
}

/// An answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatChoice)]
struct Choice {
    index: u32,
    message: ModelMessage,
    logprobs: Option<()>,
    /// `stop`, `length`, `tool_calls` or `content_filter`.
    #[schema(example = "stop")]
    finish_reason: &'static str,
}

/// What the model says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatAnswer)]
struct ModelMessage {
    /// Always `assistant`.
    role: &'static str,
    /// Nothing where it only calls tools.
    content: Option<String>,
    refusal: Option<String>,
    /// What it thought before it called tools, where it is to be told that again.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    /// The same in OpenRouter's form, which is to come back unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    reasoning_details: Option<Vec<Value>>,
    /// The tools that it calls, where it calls any.
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<Vec<CallEntry>>,
}

/// Tokens that were used.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatUsage)]
struct Tokens {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: CachedTokens,
}

/// Of the tokens of a prompt.
#[derive(Debug, Serialize, ToSchema)]
struct CachedTokens {
    /// Those that the provider had kept.
    cached_tokens: u64,
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.input.saturating_add(usage.output),
            prompt_tokens_details: CachedTokens { cached_tokens: usage.cached },
        }
    }
}

/// The word for it in this format.
fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::ContentFilter => "content_filter",
        Finish::ToolCalls => "tool_calls",
    }
}

/// What a piece says.
enum Said {
    Text(String),
    /// A call, and what was thought before it.
    Call(CallEntry, Thoughts),
}

/// What is known of an answer when it ended.
#[derive(Default)]
struct Heard {
    target: String,
    usage: Option<Usage>,
    finish: Option<Finish>,
}

impl Heard {
    /// Takes a piece, and gives back what is said in it.
    fn take(&mut self, piece: Piece) -> Option<Said> {
        match piece {
            Piece::Text(text) => return Some(Said::Text(text)),
            Piece::Call(call) => {
                let (call, thoughts) = CallEntry::told(call);
                return Some(Said::Call(call, thoughts));
            }
            Piece::Usage(usage) => self.usage = Some(self.usage.unwrap_or_default().with(usage)),
            Piece::From(target) => self.target = target,
            Piece::End(finish) => self.finish = Some(finish.after(self.finish)),
            Piece::CallPart { .. } | Piece::Signature(_) | Piece::Restart => {}
            Piece::Thinking | Piece::Thought(_) | Piece::Detail { .. } => {}
        }
        None
    }
}

/// Why there is no answer. Who asks by this door wrote the request himself, and what a provider does not take of it is for him to change.
fn no_answer(error: LlmError) -> Problem {
    if error.is_of_request() { Problem::new(Kind::Invalid, error.to_string()) } else { error.into() }
}

/// An answer as a whole.
///
/// # Errors
/// If no model answered.
pub(super) async fn whole(mut answer: Conversing) -> Result<Response, Problem> {
    let (mut heard, mut content) = (Heard::default(), String::new());
    let (mut calls, mut thoughts) = (Vec::new(), Thoughts::default());
    while let Some(piece) = answer.next().await {
        match piece.map_err(no_answer)? {
            Piece::Restart => {
                content.clear();
                calls.clear();
                thoughts = Thoughts::default();
            }
            piece => match heard.take(piece) {
                Some(Said::Text(text)) => content.push_str(&text),
                Some(Said::Call(call, first)) => {
                    calls.push(call);
                    thoughts = thoughts.or(first);
                }
                None => {}
            },
        }
    }
    let message = ModelMessage {
        role: "assistant",
        content: Some(content).filter(|content| !content.is_empty() || calls.is_empty()),
        refusal: None,
        reasoning_content: thoughts.reasoning,
        reasoning_details: thoughts.details,
        tool_calls: Some(calls).filter(|calls| !calls.is_empty()),
    };
    let completion = Completion {
        id: format!("chatcmpl-{}", secrets::number()),
        object: "chat.completion",
        created: now_ms() / 1000,
        model: heard.target,
        choices: [Choice {
            index: 0,
            message,
            logprobs: None,
            finish_reason: reason(heard.finish.unwrap_or(Finish::Stop)),
        }],
        usage: heard.usage.map(Into::into),
    };
    Ok(with_cache(Json(completion).into_response(), answer.is_from_cache()))
}

fn with_cache(mut response: Response, is_kept: bool) -> Response {
    response.headers_mut().insert(CACHE, HeaderValue::from_static(if is_kept { "hit" } else { "miss" }));
    response
}

/// A piece of an answer.
#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: &'a [ChunkChoice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Tokens>,
}

#[derive(Serialize)]
struct ChunkChoice<'a> {
    index: u32,
    delta: Delta<'a>,
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_details: Option<&'a [Value]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ChunkCall<'a>; 1]>,
}

/// A call, which always comes whole.
#[derive(Serialize)]
struct ChunkCall<'a> {
    index: u32,
    #[serde(flatten)]
    call: &'a CallEntry,
}

/// An answer that is being sent.
struct Sending {
    answer: Conversing,
    heard: Heard,
    id: String,
    created: i64,
    tells_usage: bool,
    has_begun: bool,
    /// How many calls of tools there were.
    calls: u32,
    /// What is sent next, before anything else is heard.
    waiting: std::collections::VecDeque<Event>,
    is_over: bool,
}

/// An answer piece by piece. It is an error with a status as long as nothing came, and for no longer than `silence`; after that, the last event.
///
/// # Errors
/// If no model answered.
pub(super) async fn streamed(answer: Conversing, tells_usage: bool, silence: Duration) -> Result<Response, Problem> {
    let mut sending = Sending {
        answer,
        heard: Heard::default(),
        id: format!("chatcmpl-{}", secrets::number()),
        created: now_ms() / 1000,
        tells_usage,
        has_begun: false,
        calls: 0,
        waiting: Default::default(),
        is_over: false,
    };
    // The first piece decides whether this is an answer at all. Calls of tools come at the end only, and until then whoever waits, and every
    // proxy on the way, has to see that there is somebody.
    let by = tokio::time::Instant::now() + silence;
    while !sending.has_begun && !sending.is_over {
        match tokio::time::timeout_at(by, sending.hear()).await {
            Ok(heard) => heard?,
            Err(_elapsed) => break,
        }
    }
    let is_kept = sending.answer.is_from_cache();
    let sse = Sse::new(sending.events()).keep_alive(KeepAlive::default());
    Ok(with_cache(sse.into_response(), is_kept))
}

impl Sending {
    /// Waits for the next piece and puts what it says in the queue.
    async fn hear(&mut self) -> Result<(), Problem> {
        match self.answer.next().await {
            None => self.end(),
            Some(Err(error)) => return Err(no_answer(error)),
            // Nobody can take back what was sent; the program asks again.
            Some(Ok(Piece::Restart)) if self.has_begun => {
                let said = "the model broke off, and another one would begin anew";
                return Err(LlmError::new("models", engine::converse::Cause::Transport, said).into());
            }
            Some(Ok(piece)) => {
                let Some(said) = self.heard.take(piece) else { return Ok(()) };
                let mut role = (!self.has_begun).then_some("assistant");
                self.has_begun = true;
                match said {
                    Said::Text(text) => self.push(Delta { role, content: Some(&text), ..Delta::default() }, None),
                    Said::Call(call, thoughts) => {
                        // Some programs look at one field of a piece only.
                        if let Some(text) = &thoughts.reasoning {
                            let role = role.take();
                            self.push(Delta { role, reasoning_content: Some(text), ..Delta::default() }, None);
                        }
                        if let Some(details) = &thoughts.details {
                            let role = role.take();
                            self.push(Delta { role, reasoning_details: Some(details), ..Delta::default() }, None);
                        }
                        let tool_calls = Some([ChunkCall { index: self.calls, call: &call }]);
                        self.calls += 1;
                        self.push(Delta { role, tool_calls, ..Delta::default() }, None);
                    }
                }
            }
        }
        Ok(())
    }

    fn end(&mut self) {
        self.is_over = true;
        let role = (!self.has_begun).then_some("assistant");
        let delta = Delta { role, content: role.map(|_| ""), ..Delta::default() };
        self.push(delta, Some(reason(self.heard.finish.unwrap_or(Finish::Stop))));
        if self.tells_usage {
            let usage = self.heard.usage.unwrap_or_default().into();
            self.push_chunk(&[], Some(usage));
        }
        self.waiting.push_back(Event::default().data("[DONE]"));
    }

    fn push(&mut self, delta: Delta<'_>, finish_reason: Option<&'static str>) {
        self.push_chunk(&[ChunkChoice { index: 0, delta, finish_reason }], None);
    }

    fn push_chunk(&mut self, choices: &[ChunkChoice<'_>], usage: Option<Tokens>) {
        // Which model it is is told at its end; until then it is the one that was chosen for it.
        let model = if self.heard.target.is_empty() { super::AUTO } else { &self.heard.target };
        let chunk =
            Chunk { id: &self.id, object: "chat.completion.chunk", created: self.created, model, choices, usage };
        // What is made of strings and numbers always serialises.
        if let Ok(text) = serde_json::to_string(&chunk) {
            self.waiting.push_back(Event::default().data(text));
        }
    }

    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        futures_util::stream::unfold(self, |mut sending| async move {
            loop {
                if let Some(event) = sending.waiting.pop_front() {
                    return Some((Ok(event), sending));
                }
                if sending.is_over {
                    return None;
                }
                if let Err(problem) = sending.hear().await {
                    sending.is_over = true;
                    let text = serde_json::to_string(&problem.told().for_openai()).unwrap_or_default();
                    sending.waiting.push_back(Event::default().data(text));
                }
            }
        })
    }
}
