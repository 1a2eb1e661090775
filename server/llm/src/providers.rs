//! The wire formats of providers: a request into bytes, bytes into pieces of an answer. Pure: nothing here talks to anybody.
//!
//! Fields that are not known and values that are new are passed over, so that a provider's next version does not break a user.

mod anthropic;
mod completions;
pub(crate) mod fill;
mod form;
mod gemini;
mod ids;
mod llama_cpp;
mod mistral;
mod ollama;
mod openai;
mod quirks;
mod responses;

pub use fill::FillFormat;
pub use quirks::Quirks;
pub(crate) use quirks::{is_of_length, is_of_strictness, is_of_thoughts, knows_no_strict, sees_nothing, unseen};

use crate::error::{Cause, LlmError};
use crate::prompt::Prompt;
use crate::request::{Answer, Finish, Piece, Request, WHOLE_CALL};
use crate::sse::Framing;
use security::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::Duration;

/// Tokens of a picture: the most of OpenAI's models that count patches, 1,536 of them with 1.72 tokens each (OpenAI, "Images and vision"), rounded
/// up. Most models have fewer, for their largest picture.
const USUAL_PICTURE: u64 = 2_700;

/// A wire format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderKind {
    /// Chat completions as OpenAI, Azure, vLLM, llama.cpp, LM Studio, OpenRouter, DeepSeek and many others serve them.
    #[default]
    Openai,
    /// The responses API of OpenAI.
    OpenaiResponses,
    /// The messages API of Anthropic.
    Anthropic,
    /// The Gemini API of Google.
    Gemini,
    /// The chat API of Ollama.
    Ollama,
}

/// A request as it goes over the wire.
#[derive(Clone, Debug)]
pub struct WireRequest {
    /// Where to.
    pub url: String,
    /// Names in lower case. Values that are secrets are marked so by the sender.
    pub headers: Vec<(&'static str, Secret)>,
    /// JSON.
    pub body: Vec<u8>,
}

/// What a format needs to know of a target.
#[derive(Clone, Debug)]
pub struct Endpoint<'a> {
    /// Without a slash at the end.
    pub base_url: &'a str,
    /// The model's name at the provider.
    pub model: &'a str,
    /// The key, where one is needed.
    pub key: Option<&'a Secret>,
    /// Whether the answer is to come in pieces.
    pub stream: bool,
    /// What this model does not take.
    pub quirks: Quirks,
}

/// The answer in pieces cannot be read, or the provider says in it what went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// What lies behind it.
    pub cause: Cause,
    /// What was said.
    pub detail: String,
}

impl Failed {
    fn malformed(detail: impl Into<String>) -> Self {
        Self { cause: Cause::Malformed, detail: detail.into() }
    }
}

/// A wire format.
pub trait Provider: Send + Sync + 'static {
    /// The name in `gen_ai.provider.name`.
    fn name(&self) -> &'static str;

    /// The base URL where none is set.
    fn base_url(&self) -> &'static str;

    /// How a streamed answer is framed.
    fn framing(&self) -> Framing {
        Framing::ServerSentEvents
    }

    /// Whether a picture at an address is found there by whoever speaks this format. Nothing here fetches one.
    fn fetches(&self, _address: &str) -> bool {
        false
    }

    /// Whether pictures of this type (`image/png`) are shown in this format.
    fn shows(&self, _media: &str) -> bool {
        true
    }

    /// As many tokens as are reserved for a picture at a model of this name, which is looked at so closely (`low`, `high` or `auto`). What is too
    /// much is given back when its provider tells; where it has more, that is counted then.
    fn picture_tokens(&self, _model: &str, _detail: Option<&str>) -> u64 {
        USUAL_PICTURE
    }

    /// Bytes of what models thought in a conversation that this one is told again.
    fn thoughts(&self, _prompt: &Prompt, _model: &str, _quirks: Quirks) -> usize {
        0
    }

    /// Whether a word of it is sent in this format that a tool is strict, or is not.
    fn tells_strict(&self, _strict: Option<bool>) -> bool {
        false
    }

    /// Whether a schema that is refused for a strict tool may do for one that is not: where it is a part of JSON Schema that is known then.
    fn loosens(&self) -> bool {
        false
    }

    /// The request over the wire.
    fn request(&self, request: &Request, endpoint: &Endpoint<'_>) -> WireRequest;

    /// The pieces of one event of a stream.
    ///
    /// # Errors
    /// If the event is no JSON, or says that something went wrong.
    fn event(&self, data: &str) -> Result<Vec<Piece>, Failed>;

    /// The pieces of an answer that came whole.
    ///
    /// # Errors
    /// As for [`Self::event`].
    fn whole(&self, body: &Value) -> Result<Vec<Piece>, Failed>;
}

impl ProviderKind {
    /// The format itself.
    pub fn provider(self) -> &'static dyn Provider {
        match self {
            Self::Openai => &openai::ChatCompletions,
            Self::OpenaiResponses => &responses::Responses,
            Self::Anthropic => &anthropic::Messages,
            Self::Gemini => &gemini::GenerateContent,
            Self::Ollama => &ollama::Chat,
        }
    }
}

/// Puts the pieces of an answer together.
///
/// # Errors
/// If it never ended.
pub fn gather(target: &str, pieces: impl IntoIterator<Item = Piece>) -> Result<Answer, LlmError> {
    let mut answer =
        Answer { text: String::new(), finish: Finish::Stop, usage: None, target: target.to_owned(), from_cache: false };
    let mut end = None;
    for piece in pieces {
        match piece {
            Piece::Text(text) => answer.text.push_str(&text),
            Piece::Restart => answer.text.clear(),
            Piece::Usage(usage) => answer.usage = Some(answer.usage.unwrap_or_default().with(usage)),
            Piece::From(target) => answer.target = target,
            Piece::End(finish) => end = Some(finish.after(end)),
            // Calls are for whoever reads the pieces.
            Piece::Call(_) | Piece::CallPart { .. } | Piece::Signature(_) => {}
            Piece::Thinking | Piece::Thought(_) | Piece::Detail { .. } => {}
        }
    }
    match end {
        Some(finish) => Ok(Answer { finish, ..answer }),
        None => Err(LlmError::new(target, Cause::Transport, "the answer broke off")),
    }
}

/// What a status other than success means. `header` gives headers by their lower-case names.
pub fn failure(target: &str, status: u16, header: &dyn Fn(&str) -> Option<String>, body: &[u8]) -> LlmError {
    let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let error = error_object(&body);
    let said = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or("").to_lowercase();
    let message = error
        .get("message")
        .and_then(Value::as_str)
        .or_else(|| error.as_str())
        .map_or_else(|| format!("it answered with status {status}"), str::to_owned);
    let words = format!("{} {} {} {}", said("code"), said("type"), said("status"), message.to_lowercase());
    let has = |candidates: &[&str]| candidates.iter().any(|candidate| words.contains(candidate));
    let cause = match status {
        403 if has(&["moderation", "flagged", "content_policy"]) => Cause::ContentFilter,
        401 => Cause::Auth,
        403 => Cause::Forbidden,
        402 => Cause::Quota,
        // Google speaks of a quota and of billing where it means the requests of a minute.
        429 if said("status") == "resource_exhausted" => Cause::Rate,
        429 if has(&["insufficient_quota", "billing", "credit", "exceeded your current quota"]) => Cause::Quota,
        429 => Cause::Rate,
        // It was never built, and asking again does not build it.
        501 => Cause::BadRequest,
        408 | 504 => Cause::Timeout,
        503 | 529 => Cause::Overload,
        500..=599 if has(&["overloaded"]) => Cause::Overload,
        500..=599 => Cause::Server,
        413 => Cause::ContextLength,
        _ if has(&[
            "context_length",
            "exceed_context_size",
            "context length",
            "too many tokens",
            "prompt is too long",
            "maximum context",
            "input token count",
        ]) =>
        {
            Cause::ContextLength
        }
        _ if has(&[
            "content_filter",
            "content filter",
            "content_policy",
            "content management policy",
            "invalid_prompt",
            "safety",
            "responsible ai",
        ]) =>
        {
            Cause::ContentFilter
        }
        400 if has(&["credit balance is too low"]) => Cause::Quota,
        400 if has(&["api key not valid", "api_key_invalid"]) => Cause::Auth,
        _ => Cause::BadRequest,
    };
    let retry_after = retry_after(header).or_else(|| retry_delay(error));
    // Most say with 404 that there is no such model, some with 400.
    let is_unknown = has(&["not exist", "not found", "not_found", "unknown model", "invalid model"]);
    // Nor is the request to blame for a key, an account, or the place from which it is sent.
    let is_of_setup = has(&[
        "api key",
        "api_key",
        "apikey",
        "credential",
        "unauthorized",
        "billing",
        "location is not supported",
        "failed_precondition",
        "does not support chat",
        "does not support generate",
    ]);
    let blames_request = matches!(status, 400 | 422) && !is_of_setup && !(is_unknown && has(&["model"]));
    LlmError { retry_after, blames_request, ..LlmError::new(target, cause, message) }
}

/// When the provider wants to be asked again: `retry-after-ms`, then `retry-after` in seconds or as a moment.
pub fn retry_after(header: &dyn Fn(&str) -> Option<String>) -> Option<Duration> {
    // A day is longer than anybody waits, and a wrong value must not last for ever.
    const LONGEST: f64 = 86_400.0;
    let number =
        |name: &str| header(name)?.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    let at_a_moment = || {
        let wait = date(header("retry-after")?.trim())?.duration_since(std::time::SystemTime::now());
        // A moment that is over is none to wait for.
        Some(wait.map_or(0.0, |wait| wait.as_secs_f64()))
    };
    let in_milliseconds = number("retry-after-ms").map(|milliseconds| milliseconds / 1000.0);
    let seconds = in_milliseconds.or_else(|| number("retry-after")).or_else(at_a_moment)?;
    Some(Duration::from_secs_f64(seconds.min(LONGEST)))
}

/// How long nothing more is to be sent, where an answer says that no request or no token is left: OpenAI's and Anthropic's headers.
pub fn exhausted(header: &dyn Fn(&str) -> Option<String>) -> Option<Duration> {
    const LEFT: [(&str, &str); 6] = [
        ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
        ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
        ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
        ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
        ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
        ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
    ];
    let is_gone =
        |name: &str| header(name).is_some_and(|left| left.trim().parse::<f64>().is_ok_and(|left| left <= 0.0));
    let waits = LEFT.into_iter().filter(|(left, _)| is_gone(left)).filter_map(|(_, reset)| until(&header(reset)?));
    // A limit of a minute is over in a minute; what says more is not believed.
    waits.max().map(|wait| wait.min(Duration::from_secs(60)))
}

/// A time from now on, as `1.5s`, `6m0s`, `20ms`, a number of seconds, or a moment of RFC 3339.
fn until(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    if text.contains('T') {
        return moment(text)?.duration_since(std::time::SystemTime::now()).ok();
    }
    let (mut total, mut number) = (0.0, String::new());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '0'..='9' | '.' => number.push(character),
            'm' if characters.next_if_eq(&'s').is_some() => {
                total += std::mem::take(&mut number).parse::<f64>().ok()? / 1e3
            }
            'h' => total += std::mem::take(&mut number).parse::<f64>().ok()? * 3600.0,
            'm' => total += std::mem::take(&mut number).parse::<f64>().ok()? * 60.0,
            's' => total += std::mem::take(&mut number).parse::<f64>().ok()?,
            _ => return None,
        }
    }
    number.is_empty().then(|| Duration::try_from_secs_f64(total).ok())?
}

/// A moment of RFC 3339 in Coordinated Universal Time, whole seconds: `2026-01-02T03:04:05Z`.
fn moment(text: &str) -> Option<std::time::SystemTime> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let seconds = number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?;
    // Days since 1970, counted in years that begin in March (Howard Hinnant's days_from_civil).
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let of_era = (year % 400) * 365 + (year % 400) / 4 - (year % 400) / 100 + of_year;
    let days = (year / 400) * 146_097 + of_era - 719_468;
    let since = u64::try_from(days.checked_mul(86_400)?.checked_add(seconds)?).ok()?;
    std::time::UNIX_EPOCH.checked_add(Duration::from_secs(since))
}

/// A moment as HTTP writes it: `Wed, 21 Oct 2015 07:28:00 GMT`.
fn date(text: &str) -> Option<std::time::SystemTime> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.strip_suffix("GMT")?.split_whitespace().skip(1);
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    moment(&format!("{year:0>4}-{month:02}-{day:0>2}T{time}Z"))
}

/// Google's wish to wait, which stands in the body: `"retryDelay": "26s"`.
fn retry_delay(error: &Value) -> Option<Duration> {
    let details = error.get("details")?.as_array()?;
    let delay = details.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?;
    let seconds: f64 = delay.strip_suffix('s')?.parse().ok()?;
    (0.0..86_400.0).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

/// Where a body says what went wrong.
fn error_object(body: &Value) -> &Value {
    let body = body.as_array().and_then(|list| list.first()).unwrap_or(body);
    body.get("error").unwrap_or(body)
}

/// What an event that reports an error means.
pub(crate) fn failed(error: &Value) -> Failed {
    let error = LlmError { ..failure("", status_of(error), &|_| None, error.to_string().as_bytes()) };
    Failed { cause: error.cause, detail: error.detail }
}

fn status_of(body: &Value) -> u16 {
    let error = error_object(body);
    let number = ["code", "status_code"].iter().find_map(|key| error.get(*key)?.as_u64());
    let by_word = || {
        let words = ["type", "code", "status"].iter().filter_map(|key| error.get(*key)?.as_str());
        let known = |word: &str| match word {
            "overloaded_error" => Some(529),
            "billing_error" => Some(402),
            "timeout_error" => Some(504),
            "request_too_large" => Some(413),
            "rate_limit_error" | "rate_limit_exceeded" | "RESOURCE_EXHAUSTED" | "insufficient_quota" => Some(429),
            "authentication_error" | "invalid_api_key" => Some(401),
            "permission_error" => Some(403),
            "invalid_request_error"
            | "INVALID_ARGUMENT"
            | "context_length_exceeded"
            | "content_filter"
            | "invalid_prompt" => Some(400),
            _ => None,
        };
        words.into_iter().find_map(known).unwrap_or(500)
    };
    number.and_then(|number| u16::try_from(number).ok()).unwrap_or_else(by_word)
}

fn parse(data: &str) -> Result<Value, Failed> {
    serde_json::from_str(data).map_err(|error| Failed::malformed(format!("an event is not JSON ({error})")))
}

/// A call that came whole.
fn whole_call(id: Option<&Value>, name: Option<&Value>, arguments: Option<&Value>) -> Piece {
    call_part(WHOLE_CALL, id, name, arguments)
}

/// A part of a call. Most formats write arguments as a string that is JSON, others as JSON.
fn call_part(index: u32, id: Option<&Value>, name: Option<&Value>, arguments: Option<&Value>) -> Piece {
    let word = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let arguments = match arguments {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    Piece::CallPart { index, id: word(id), name: word(name), arguments }
}

/// The number of a call, or of what holds it.
fn index(value: Option<&Value>) -> Option<u32> {
    value.and_then(Value::as_u64).and_then(|index| u32::try_from(index).ok())
}

/// Arguments of a call for formats that have them as an object. A model may have written something else.
fn as_object(arguments: &str) -> Value {
    match serde_json::from_str(arguments) {
        Ok(Value::Object(fields)) => Value::Object(fields),
        _ if arguments.trim().is_empty() => Value::Object(Map::new()),
        _ => Value::Object(Map::from_iter([("arguments".to_owned(), Value::from(arguments))])),
    }
}

/// Text pieces that are empty say nothing.
fn text(value: Option<&Value>) -> Option<Piece> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(|text| Piece::Text(text.to_owned()))
}

/// Text of which only that there is some counts.
fn thinking(value: Option<&Value>) -> Option<Piece> {
    text(value).map(|_| Piece::Thinking)
}

/// What was thought, for a format whose providers may want it back.
fn thought(value: Option<&Value>) -> Option<Piece> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(|text| Piece::Thought(text.to_owned()))
}

/// What a provider attached to the call before it.
fn signature(value: Option<&Value>) -> Option<Piece> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(|text| Piece::Signature(text.to_owned()))
}

/// What stands at a path of names and numbers that begins with a slash. `Value::pointer` looks for escapes in each of them every time.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('/').skip(1).try_fold(value, |value, name| match value {
        Value::Array(list) => list.get(name.parse::<usize>().ok()?),
        value => value.get(name),
    })
}

fn count(value: &Value, path: &str) -> u64 {
    // No model reads or writes so much; what a server says must not make sums overflow.
    at(value, path).and_then(Value::as_u64).unwrap_or(0).min(1 << 40)
}

/// The body without the temperature, where the model takes none.
fn with_temperature(mut body: Value, temperature: f32, quirks: Quirks) -> Value {
    if !quirks.no_temperature {
        body["temperature"] = temperature.into();
    }
    body
}

/// The body as bytes; values made of strings and numbers always serialise.
fn bytes(body: &Value) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}

fn bearer(key: Option<&Secret>) -> Vec<(&'static str, Secret)> {
    key.map(|key| ("authorization", Secret::new(format!("Bearer {}", key.expose())))).into_iter().collect()
}

#[cfg(test)]
mod tests;
