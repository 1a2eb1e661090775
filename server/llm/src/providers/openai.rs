//! OpenAI's older format, chat completions, which nearly every other server speaks as well. The newer one is in `responses`.

use super::fill::MOST_STOPS;
use super::form::response_format;
use super::gemini::{Signer, is_gemini};
use super::ids::ShortIds;
use super::mistral::content;
use super::{
    Endpoint, Failed, Provider, Quirks, USUAL_PICTURE, WireRequest, at, bearer, call_part, count, failed, index, parse,
    signature, text, thought, whole_call,
};
use crate::error::Cause;
use crate::prompt::{Prompt, Said, Shown};
use crate::request::{Finish, Piece, Request, Usage};
use crate::tools::{Tool, ToolCall, ToolChoice};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Bytes of a request beside its prompt.
const HEAD: usize = 512;

/// Tokens of a picture at gpt-4o-mini, which has many times as many as all others: 2,833 where it looks roughly, and 5,667 more for each square of
/// 512 pixels, of which there are eight in the largest picture, 768 × 2048 (OpenAI, "Images and vision").
const ROUGH_PICTURE: u64 = 2_833;
const PICTURE: u64 = ROUGH_PICTURE + 8 * 5_667;

/// What is sent. Written straight from the prompt, which may be long.
#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop: Vec<&'a str>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    /// Nothing where the model only called tools.
    content: Option<Content<'a>>,
    /// What was thought before tools were called, for those who want to be told again.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    /// The same in OpenRouter's form.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_details: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

/// What is said, in one piece where nothing is shown.
#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(&'a str),
    Parts(Vec<Part<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: ImageUrl<'a> },
}

/// A picture, attached or at an address, which is written in one way here.
#[derive(Serialize)]
struct ImageUrl<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
}

impl<'a> From<&'a Shown> for Part<'a> {
    fn from(shown: &'a Shown) -> Self {
        match shown {
            Shown::Text(text) => Self::Text { text },
            Shown::Picture(picture) => {
                Self::ImageUrl { image_url: ImageUrl { url: picture.url(), detail: picture.detail() } }
            }
        }
    }
}

impl<'a> Message<'a> {
    fn of(said: Said<'a>, manner: &'a Manner<'a>) -> Self {
        let plain = |role, text| Self {
            role,
            content: Some(Content::Text(text)),
            reasoning_content: None,
            reasoning_details: None,
            tool_calls: Vec::new(),
            tool_call_id: None,
        };
        match said {
            Said::User(text) => plain("user", text),
            Said::Showing(shown) => {
                Self { content: Some(Content::Parts(shown.iter().map(Part::from).collect())), ..plain("user", "") }
            }
            Said::Assistant(text, calls) => Self {
                content: Some(text).filter(|text| !text.is_empty() || calls.is_empty()).map(Content::Text),
                reasoning_content: manner.tells_reasoning.then(|| reasoning_of(calls)),
                reasoning_details: if manner.tells_details { details_of(calls) } else { None },
                tool_calls: calls.iter().enumerate().map(|(place, call)| manner.call(place, call)).collect(),
                ..plain("assistant", text)
            },
            Said::Tool { id, text, .. } => Self { tool_call_id: Some(manner.ids.get(id)), ..plain("tool", text) },
        }
    }
}

/// What stands where a model wants back what it thought and nobody kept it. Some of DeepSeek's models refuse an empty text.
const NO_REASONING: &str = " ";

/// What was thought before these calls.
fn reasoning_of(calls: &[ToolCall]) -> &str {
    let mut thoughts = calls.iter().filter_map(|call| call.thought.as_ref()).map(|thought| thought.reasoning.as_str());
    thoughts.find(|reasoning| !reasoning.is_empty()).unwrap_or(NO_REASONING)
}

/// The same in OpenRouter's form, as it came.
fn details_of(calls: &[ToolCall]) -> Option<Value> {
    let mut thoughts = calls.iter().filter_map(|call| call.thought.as_ref()).map(|thought| thought.details.as_str());
    thoughts.find(|details| !details.is_empty()).and_then(|details| serde_json::from_str(details).ok())
}

/// Whether tools are called in a conversation, or may be.
fn has_tools(prompt: &Prompt) -> bool {
    !prompt.tools().is_empty() || prompt.calls().next().is_some()
}

/// How an endpoint wants to be told of calls, where that is not as OpenAI has it. Most refuse what they do not know, so that each is told no
/// more than what it is known to want.
struct Manner<'a> {
    /// The names of the calls.
    ids: ShortIds<'a>,
    /// Whether what was thought before calls is told.
    tells_reasoning: bool,
    /// Whether that is told in OpenRouter's form, and nothing of it was refused as somebody else's.
    tells_details: bool,
    /// The model, if it is one of Google's, which sign their calls.
    signed_by: Option<Signer<'a>>,
}

impl<'a> Manner<'a> {
    fn of(prompt: &'a Prompt, endpoint: &Endpoint<'a>) -> Self {
        let quirks = endpoint.quirks;
        Self {
            ids: if quirks.short_ids { ShortIds::of(prompt) } else { ShortIds::default() },
            tells_reasoning: quirks.wants_reasoning && has_tools(prompt),
            tells_details: quirks.wants_details && !quirks.strange_thoughts,
            signed_by: is_gemini(endpoint.model)
                .then_some(Signer { model: endpoint.model, is_another: quirks.strange_thoughts }),
        }
    }

    /// A call, as it was made, which is at this place of its turn.
    fn call(&self, place: usize, call: &ToolCall) -> Value {
        let function = json!({ "name": call.name, "arguments": call.arguments });
        let mut told = json!({ "id": self.ids.get(&call.id), "type": "function", "function": function });
        if let Some(signature) = self.signed_by.and_then(|signer| signer.signature(place, call)) {
            told["extra_content"] = json!({ "google": { "thought_signature": signature } });
        }
        told
    }
}

/// What a tool is.
pub(super) fn function(tool: &Tool, quirks: Quirks) -> Value {
    let mut function = json!({ "name": tool.name, "parameters": tool.schema() });
    if !tool.description.is_empty() {
        function["description"] = json!(tool.description);
    }
    if let Some(strict) = tool.strict.filter(|_| !quirks.no_strict) {
        function["strict"] = json!(strict);
    }
    function
}

/// Whether tools are to be called, where it is not as the model likes; `named` writes that one of them is.
pub(super) fn choice(request: &Request, named: impl FnOnce(&str) -> Value) -> Option<Value> {
    match &request.tool_choice {
        // Without tools there is nothing to choose, and saying so is refused.
        _ if request.prompt.tools().is_empty() => None,
        ToolChoice::Auto => None,
        ToolChoice::None => Some(json!("none")),
        ToolChoice::Required => Some(json!("required")),
        ToolChoice::Named(name) => Some(named(name)),
    }
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// `POST /chat/completions`.
pub(super) struct ChatCompletions;

impl Provider for ChatCompletions {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn base_url(&self) -> &'static str {
        "https://api.openai.com/v1"
    }

    fn fetches(&self, _address: &str) -> bool {
        true
    }

    fn picture_tokens(&self, model: &str, detail: Option<&str>) -> u64 {
        if !model.to_ascii_lowercase().contains("4o-mini") {
            USUAL_PICTURE
        } else if detail == Some("low") {
            ROUGH_PICTURE
        } else {
            // Where nothing is said, how closely it is looked at is for the model to choose.
            PICTURE
        }
    }

    fn tells_strict(&self, strict: Option<bool>) -> bool {
        strict.is_some()
    }

    fn thoughts(&self, prompt: &Prompt, model: &str, quirks: Quirks) -> usize {
        let told = |is_told: bool, bytes: usize| if is_told { bytes } else { 0 };
        let thoughts = prompt.thoughts();
        told(is_gemini(model) && !quirks.strange_thoughts, thoughts.signatures)
            + told(quirks.wants_reasoning && has_tools(prompt), thoughts.reasoning)
            + told(quirks.wants_details && !quirks.strange_thoughts, thoughts.details)
    }

    fn request(&self, request: &Request, endpoint: &Endpoint<'_>) -> WireRequest {
        let (prompt, quirks) = (&request.prompt, endpoint.quirks);
        let system = Some(prompt.system()).filter(|system| !system.is_empty());
        let manner = Manner::of(prompt, endpoint);
        let system = system.map(|text| Message { role: "system", ..Message::of(Said::User(text), &manner) });
        let turns = prompt.turns().map(|said| Message::of(said, &manner));
        let longest = Some(request.longest(quirks));
        let (older, newer) = if quirks.completion_tokens { (None, longest) } else { (longest, None) };
        let tool = |tool: &Tool| json!({ "type": "function", "function": function(tool, quirks) });
        let body = Body {
            model: endpoint.model,
            messages: system.into_iter().chain(turns).collect(),
            max_tokens: older,
            max_completion_tokens: newer,
            temperature: (!quirks.no_temperature).then_some(request.temperature),
            stop: if quirks.no_stop { Vec::new() } else { request.stops().take(MOST_STOPS).collect() },
            stream: endpoint.stream,
            stream_options: endpoint.stream.then_some(StreamOptions { include_usage: true }),
            response_format: request.form.as_ref().map(|form| response_format(form, quirks)),
            tools: prompt.tools().iter().map(tool).collect(),
            tool_choice: choice(request, |name| json!({ "type": "function", "function": { "name": name } })),
            parallel_tool_calls: request.parallel_tool_calls.filter(|_| !prompt.tools().is_empty()),
        };
        let url = format!("{}/chat/completions", endpoint.base_url);
        // What is made of strings and numbers always serialises.
        let mut bytes = Vec::with_capacity(prompt.len() + prompt.len() / 8 + prompt.pictures().bytes + HEAD);
        let body = serde_json::to_writer(&mut bytes, &body).map_or_else(|_| Vec::new(), |()| bytes);
        WireRequest { url, headers: bearer(endpoint.key), body }
    }

    fn event(&self, data: &str) -> Result<Vec<Piece>, Failed> {
        if data.trim() == "[DONE]" {
            return Ok(Vec::new());
        }
        match plain(data) {
            Some(pieces) => Ok(pieces),
            None => said_by(&parse(data)?),
        }
    }

    fn whole(&self, body: &Value) -> Result<Vec<Piece>, Failed> {
        if body.get("error").is_some_and(|error| !error.is_null()) {
            return Err(failed(body));
        }
        if body.pointer("/choices/0").is_none() {
            return Err(Failed::malformed("the answer has no choices"));
        }
        pieces(body, "/choices/0/message", true)
    }
}

/// What nearly every event is, a word, an end or what was used, read without making a tree of it; `None` where there is anything more.
fn plain(data: &str) -> Option<Vec<Piece>> {
    #[derive(Deserialize)]
    struct Event {
        choices: Vec<Choice>,
        usage: Option<Used>,
        error: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Choice {
        delta: Delta,
        finish_reason: Option<Reason>,
    }
    #[derive(Deserialize)]
    struct Delta {
        content: Option<String>,
        refusal: Option<IgnoredAny>,
        reasoning: Option<IgnoredAny>,
        reasoning_content: Option<IgnoredAny>,
        reasoning_details: Option<IgnoredAny>,
        tool_calls: Option<IgnoredAny>,
    }
    #[derive(Clone, Copy, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Reason {
        Stop,
        Length,
    }
    #[derive(Deserialize)]
    struct Used {
        prompt_tokens: u32,
        completion_tokens: u32,
        prompt_tokens_details: Option<Details>,
    }
    #[derive(Deserialize)]
    struct Details {
        cached_tokens: Option<u32>,
    }
    let Event { mut choices, usage, error } = serde_json::from_str(data).ok()?;
    let choice = choices.pop();
    if error.is_some() || !choices.is_empty() {
        return None;
    }
    let mut pieces = Vec::with_capacity(1);
    let mut end = None;
    if let Some(Choice { delta, finish_reason }) = choice {
        let thoughts = [delta.reasoning, delta.reasoning_content, delta.reasoning_details];
        let mut more = [delta.refusal, delta.tool_calls].into_iter().chain(thoughts);
        if more.any(|field| field.is_some()) {
            return None;
        }
        pieces.extend(delta.content.filter(|word| !word.is_empty()).map(Piece::Text));
        end = finish_reason.map(|reason| match reason {
            Reason::Stop => Finish::Stop,
            Reason::Length => Finish::Length,
        });
    }
    pieces.extend(usage.map(|used| {
        let cached = used.prompt_tokens_details.and_then(|details| details.cached_tokens).unwrap_or(0);
        let (input, output) = (used.prompt_tokens.into(), used.completion_tokens.into());
        Piece::Usage(Usage { input, cached: cached.into(), output })
    }));
    pieces.extend(end.map(Piece::End));
    Some(pieces)
}

/// What any event says.
fn said_by(event: &Value) -> Result<Vec<Piece>, Failed> {
    if event.get("error").is_some_and(|error| !error.is_null()) {
        return Err(failed(event));
    }
    pieces(event, "/choices/0/delta", false)
}

fn pieces(value: &Value, holder: &str, is_whole: bool) -> Result<Vec<Piece>, Failed> {
    let message = at(value, holder);
    let said = |key: &str| message.and_then(|message| message.get(key));
    // The same thing under two names: DeepSeek's, and OpenRouter's, which newer servers share.
    let thoughts = thought(said("reasoning_content")).or_else(|| thought(said("reasoning")));
    let details = said("reasoning_details").and_then(Value::as_array).into_iter().flatten();
    let details = details.map(|detail| Piece::Detail { detail: detail.clone(), is_part: !is_whole });
    let mut pieces: Vec<Piece> = thoughts.into_iter().chain(details).chain(content(said("content"))).collect();
    let calls = said("tool_calls").and_then(Value::as_array).into_iter().flatten();
    for (call, place) in calls.zip(0..) {
        let (id, name, arguments) = (call.get("id"), at(call, "/function/name"), at(call, "/function/arguments"));
        // Some servers leave the number out of parts.
        let number = index(call.get("index")).unwrap_or(place);
        pieces.push(if is_whole { whole_call(id, name, arguments) } else { call_part(number, id, name, arguments) });
        // Google's way to tell what belongs to a call.
        pieces.extend(signature(at(call, "/extra_content/google/thought_signature")));
    }
    if text(said("refusal")).is_some() {
        pieces.push(Piece::End(Finish::ContentFilter));
    }
    pieces.extend(usage(value));
    pieces.extend(finish(value)?);
    Ok(pieces)
}

/// What was used, where an event or an answer tells it.
pub(super) fn usage(value: &Value) -> Option<Piece> {
    let usage = value.get("usage").filter(|usage| usage.is_object())?;
    Some(Piece::Usage(Usage {
        input: count(usage, "/prompt_tokens"),
        cached: count(usage, "/prompt_tokens_details/cached_tokens"),
        output: count(usage, "/completion_tokens"),
    }))
}

/// Why the answer ended, where it did.
pub(super) fn finish(value: &Value) -> Result<Option<Piece>, Failed> {
    let Some(reason) = at(value, "/choices/0/finish_reason").and_then(Value::as_str) else { return Ok(None) };
    Ok(Some(Piece::End(match reason {
        "length" => Finish::Length,
        "content_filter" => Finish::ContentFilter,
        "error" | "insufficient_system_resource" => {
            return Err(Failed { cause: Cause::Server, detail: "the provider broke the answer off".to_owned() });
        }
        _ => Finish::Stop,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::select;

    const DELTAS: [&str; 12] = [
        "{}",
        r#"{"role":"assistant","content":""}"#,
        r#"{"content":"a\u0062 \"c\""}"#,
        r#"{"content":null}"#,
        r#"{"content":"x","refusal":null}"#,
        r#"{"content":"x","refusal":"no"}"#,
        r#"{"content":"x","reasoning":"hm"}"#,
        r#"{"reasoning_content":"hm"}"#,
        r#"{"content":"x","tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}"#,
        r#"{"content":["x",{"type":"text","text":"y"}]}"#,
        r#"{"content":7}"#,
        "null",
    ];
    const REASONS: [&str; 7] = ["null", "\"stop\"", "\"length\"", "\"content_filter\"", "\"error\"", "\"new\"", "4"];
    const USAGES: [&str; 6] = [
        "null",
        r#"{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}"#,
        r#"{"prompt_tokens":7,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":2}}"#,
        r#"{"prompt_tokens":7,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":null}}"#,
        r#"{"prompt_tokens":-7,"completion_tokens":99999999999999}"#,
        "{}",
    ];

    proptest! {
        #[test]
        fn the_short_way_says_what_the_long_one_says(
            deltas in prop::collection::vec((select(&DELTAS[..]), select(&REASONS[..])), 0..3),
            usage in select(&USAGES[..]),
            error in select(&["null", "{\"message\":\"no\"}"][..]),
        ) {
            let choices: Vec<String> = deltas.iter()
                .map(|(delta, reason)| format!(r#"{{"index":0,"delta":{delta},"finish_reason":{reason}}}"#)).collect();
            let data = format!(r#"{{"choices":[{}],"usage":{usage},"error":{error}}}"#, choices.join(","));
            let long = said_by(&serde_json::from_str(&data).unwrap());
            if let Some(short) = plain(&data) {
                prop_assert_eq!(Ok(short), long, "{}", data);
            }
        }
    }

    #[test]
    fn the_short_way_is_taken_where_it_counts() {
        let event = |delta: &str, reason: &str, usage: &str| {
            plain(&format!(r#"{{"choices":[{{"delta":{delta},"finish_reason":{reason}}}],"usage":{usage}}}"#))
        };
        assert_eq!(event(DELTAS[1], "null", "null"), Some(Vec::new()));
        assert_eq!(event(DELTAS[2], "null", "null"), Some(vec![Piece::Text("ab \"c\"".to_owned())]));
        assert_eq!(event("{}", "\"length\"", "null"), Some(vec![Piece::End(Finish::Length)]));
        let used = Piece::Usage(Usage { input: 7, cached: 2, output: 3 });
        assert_eq!(event("{}", "\"stop\"", USAGES[2]), Some(vec![used.clone(), Piece::End(Finish::Stop)]));
        assert_eq!(plain(&format!(r#"{{"choices":[],"usage":{}}}"#, USAGES[2])), Some(vec![used]));
        assert_eq!(event(DELTAS[8], "null", "null"), None);
    }
}
