//! Each format against what its provider documents: requests, streams, whole answers, failures.

use super::*;
use crate::prompt::{Origin, Part, Prompt, PromptLimits, Turn};
use crate::request::Usage;
use crate::tools::{Tool, ToolCall, ToolChoice};
use serde_json::json;
use std::sync::Arc;

const ALL: [ProviderKind; 5] = [
    ProviderKind::Openai,
    ProviderKind::OpenaiResponses,
    ProviderKind::Anthropic,
    ProviderKind::Gemini,
    ProviderKind::Ollama,
];

fn request() -> Request {
    let parts = [Part::Instruction("Be brief.".into()), Part::Data(Origin::Question, "Why?".into())];
    let prompt = Prompt::new(&parts, PromptLimits::default()).unwrap();
    Request { max_tokens: 7, schema: Some(json!({ "type": "object" })), ..Request::new(Arc::new(prompt)) }
}

fn sent(kind: ProviderKind, stream: bool) -> (WireRequest, Value) {
    let key = Secret::new("k");
    let endpoint = Endpoint { base_url: "http://h/v1", model: "m", key: Some(&key), stream, quirks: Quirks::default() };
    let wire = kind.provider().request(&request(), &endpoint);
    let body = serde_json::from_slice(&wire.body).unwrap();
    (wire, body)
}

fn streamed(kind: ProviderKind, events: &[Value]) -> Result<Vec<Piece>, Failed> {
    let mut pieces = Vec::new();
    for event in events {
        pieces.extend(kind.provider().event(&event.to_string())?);
    }
    Ok(pieces)
}

#[test]
fn a_request_says_everything_in_each_providers_words() {
    for (kind, url, header, limit, schema) in [
        (
            ProviderKind::Openai,
            "http://h/v1/chat/completions",
            "authorization",
            "/max_tokens",
            "/response_format/json_schema/schema",
        ),
        (
            ProviderKind::OpenaiResponses,
            "http://h/v1/responses",
            "authorization",
            "/max_output_tokens",
            "/text/format/schema",
        ),
        (ProviderKind::Anthropic, "http://h/v1/v1/messages", "x-api-key", "/max_tokens", "/system"),
        (
            ProviderKind::Gemini,
            "http://h/v1/models/m:streamGenerateContent?alt=sse",
            "x-goog-api-key",
            "/generationConfig/maxOutputTokens",
            "/generationConfig/responseJsonSchema",
        ),
        (ProviderKind::Ollama, "http://h/v1/api/chat", "authorization", "/options/num_predict", "/format"),
    ] {
        let (wire, body) = sent(kind, true);
        assert_eq!(wire.url, url);
        let sent_key = wire.headers.iter().find(|(name, _)| *name == header).map(|(_, value)| value.expose());
        assert!(matches!(sent_key, Some("k" | "Bearer k")), "{kind:?}");
        assert_eq!(body.pointer(limit), Some(&json!(7)), "{kind:?}");
        assert!(body.pointer(schema).is_some(), "{kind:?}");
        assert!(body.to_string().contains("Be brief.") && body.to_string().contains("Why?"), "{kind:?}");
        assert!(!format!("{wire:?}").contains("Bearer"), "a key is never printed");
    }
}

#[test]
fn streams_are_read_and_what_is_new_in_them_is_passed_over() {
    let expected = |usage| {
        vec![Piece::Text("He".into()), Piece::Text("llo".into()), Piece::Usage(usage), Piece::End(Finish::Length)]
    };
    let usage = Usage { input: 10, cached: 4, output: 3 };
    let openai = streamed(
        ProviderKind::Openai,
        &[
            json!({ "choices": [{ "delta": { "role": "assistant", "content": "" } }], "new": 1 }),
            json!({ "choices": [{ "delta": { "content": "He" }, "finish_reason": null }], "usage": null }),
            json!({ "choices": [{ "delta": { "content": "llo", "refusal": null } }] }),
            json!({ "choices": [], "usage": { "prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": { "cached_tokens": 4 } } }),
            json!({ "choices": [{ "delta": {}, "finish_reason": "length" }] }),
        ],
    );
    assert_eq!(openai, Ok(expected(usage)));
    assert_eq!(ProviderKind::Openai.provider().event("[DONE]"), Ok(vec![]));
    let responses = streamed(
        ProviderKind::OpenaiResponses,
        &[
            json!({ "type": "response.created" }),
            json!({ "type": "response.output_text.delta", "delta": "He" }),
            json!({ "type": "response.output_text.delta", "delta": "llo" }),
            json!({ "type": "response.incomplete", "response": { "incomplete_details": { "reason": "max_output_tokens" },
                "usage": { "input_tokens": 10, "output_tokens": 3, "input_tokens_details": { "cached_tokens": 4 } } } }),
        ],
    );
    assert_eq!(responses, Ok(expected(usage)));
    let gemini = streamed(
        ProviderKind::Gemini,
        &[
            json!({ "candidates": [{ "content": { "parts": [{ "text": "why", "thought": true }, { "text": "He" }] } }] }),
            json!({ "candidates": [{ "content": { "parts": [{ "text": "llo" }] }, "finishReason": "MAX_TOKENS" }],
                "usageMetadata": { "promptTokenCount": 10, "candidatesTokenCount": 2, "thoughtsTokenCount": 1, "cachedContentTokenCount": 4 } }),
        ],
    );
    let with_a_thought: Vec<Piece> = std::iter::once(Piece::Thinking).chain(expected(usage)).collect();
    assert_eq!(gemini, Ok(with_a_thought));
    let ollama = streamed(
        ProviderKind::Ollama,
        &[
            json!({ "message": { "content": "He" }, "done": false }),
            json!({ "message": { "content": "llo" }, "done": false }),
            json!({ "done": true, "done_reason": "length", "prompt_eval_count": 10, "eval_count": 3 }),
        ],
    );
    assert_eq!(ollama, Ok(expected(Usage { cached: 0, ..usage })));
    let anthropic = streamed(
        ProviderKind::Anthropic,
        &[
            json!({ "type": "message_start", "message": { "usage": { "input_tokens": 6, "cache_read_input_tokens": 4, "output_tokens": 1 } } }),
            json!({ "type": "ping" }),
            json!({ "type": "content_block_delta", "delta": { "type": "text_delta", "text": "He" } }),
            json!({ "type": "content_block_delta", "delta": { "type": "text_delta", "text": "llo" } }),
            json!({ "type": "message_delta", "delta": { "stop_reason": "max_tokens" }, "usage": { "output_tokens": 3 } }),
            json!({ "type": "message_stop" }),
        ],
    );
    let answer = gather("t", anthropic.unwrap()).unwrap();
    assert_eq!((answer.text.as_str(), answer.finish, answer.usage), ("Hello", Finish::Length, Some(usage)));
}

#[test]
fn that_a_model_thinks_is_told_and_what_it_thinks_is_not() {
    let delta = |key: &str| json!({ "choices": [{ "delta": { key: "hmm" } }] });
    let part = json!({ "text": "hmm", "thought": true });
    for (kind, event) in [
        (ProviderKind::Openai, delta("reasoning_content")),
        (ProviderKind::Openai, delta("reasoning")),
        (ProviderKind::OpenaiResponses, json!({ "type": "response.reasoning_text.delta", "delta": "hmm" })),
        (ProviderKind::OpenaiResponses, json!({ "type": "response.reasoning_summary_text.delta", "delta": "hmm" })),
        (
            ProviderKind::Anthropic,
            json!({ "type": "content_block_delta", "delta": { "type": "thinking_delta", "thinking": "hmm" } }),
        ),
        (ProviderKind::Gemini, json!({ "candidates": [{ "content": { "parts": [part] } }] })),
        (ProviderKind::Ollama, json!({ "message": { "content": "", "thinking": "hmm" }, "done": false })),
    ] {
        assert_eq!(streamed(kind, std::slice::from_ref(&event)), Ok(vec![Piece::Thinking]), "{event}");
        let silent: Value = serde_json::from_str(&event.to_string().replace("hmm", "")).unwrap();
        assert_eq!(streamed(kind, &[silent]), Ok(vec![]), "an empty piece is no sign of anything");
    }
    let thoughts = json!({ "type": "reasoning", "content": [{ "type": "reasoning_text", "text": "hmm" }] });
    let message = json!({ "type": "message", "content": [{ "type": "output_text", "text": "Yes" }] });
    for (kind, body) in [
        (
            ProviderKind::Openai,
            json!({ "choices": [{ "message": { "content": "Yes", "reasoning": "hmm" }, "finish_reason": "stop" }] }),
        ),
        (ProviderKind::OpenaiResponses, json!({ "output": [thoughts, message] })),
        (
            ProviderKind::Anthropic,
            json!({ "content": [{ "type": "thinking", "thinking": "hmm" }, { "type": "text", "text": "Yes" }], "stop_reason": "end_turn" }),
        ),
        (
            ProviderKind::Gemini,
            json!({ "candidates": [{ "content": { "parts": [part, { "text": "Yes" }] }, "finishReason": "STOP" }] }),
        ),
        (ProviderKind::Ollama, json!({ "message": { "content": "Yes", "thinking": "hmm" }, "done": true })),
    ] {
        let answer = gather("t", kind.provider().whole(&body).unwrap()).unwrap();
        assert_eq!((answer.text.as_str(), answer.finish), ("Yes", Finish::Stop), "{kind:?}");
    }
}

#[test]
fn whole_answers_are_read() {
    for (kind, body) in [
        (ProviderKind::Openai, json!({ "choices": [{ "message": { "content": "Hello" }, "finish_reason": "stop" }] })),
        (
            ProviderKind::OpenaiResponses,
            json!({ "output": [{ "type": "reasoning" }, { "content": [{ "type": "output_text", "text": "Hello" }] }] }),
        ),
        (
            ProviderKind::Anthropic,
            json!({ "content": [{ "type": "text", "text": "Hello" }], "stop_reason": "end_turn" }),
        ),
        (
            ProviderKind::Gemini,
            json!({ "candidates": [{ "content": { "parts": [{ "text": "Hello" }] }, "finishReason": "STOP" }] }),
        ),
        (ProviderKind::Ollama, json!({ "message": { "content": "Hello" }, "done": true })),
    ] {
        let answer = gather("t", kind.provider().whole(&body).unwrap()).unwrap();
        assert_eq!((answer.text.as_str(), answer.finish), ("Hello", Finish::Stop), "{kind:?}");
    }
    for kind in ALL {
        let nothing = kind.provider().whole(&json!({ "unknown": true }));
        let is_refused = nothing.is_err() || gather("t", nothing.unwrap()).is_err();
        assert!(is_refused, "{kind:?}");
        assert_eq!(kind.provider().event("{\"cut").map_err(|failed| failed.cause), Err(Cause::Malformed), "{kind:?}");
    }
}

#[test]
fn failures_are_told_apart() {
    let none = |_: &str| None;
    let cause = |status, body: Value| failure("t", status, &none, body.to_string().as_bytes()).cause;
    assert_eq!(cause(401, json!({ "error": { "message": "bad key" } })), Cause::Auth);
    assert_eq!(
        cause(429, json!({ "error": { "code": "insufficient_quota", "message": "You exceeded your current quota" } })),
        Cause::Quota
    );
    assert_eq!(cause(429, json!({ "error": { "message": "slow down" } })), Cause::Rate);
    assert_eq!(
        cause(529, json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } })),
        Cause::Overload
    );
    assert_eq!(cause(500, Value::Null), Cause::Server);
    assert_eq!(
        cause(400, json!({ "error": { "type": "exceed_context_size_error", "message": "too long" } })),
        Cause::ContextLength
    );
    assert_eq!(
        cause(400, json!({ "error": { "code": "context_length_exceeded", "message": "x" } })),
        Cause::ContextLength
    );
    assert_eq!(cause(400, json!({ "error": { "code": "content_filter", "message": "x" } })), Cause::ContentFilter);
    assert_eq!(cause(404, json!({ "error": "model not found" })), Cause::BadRequest);
    assert_eq!(
        cause(400, json!([{ "error": { "status": "INVALID_ARGUMENT", "message": "API key not valid." } }])),
        Cause::Auth
    );
    let in_stream = |kind: ProviderKind, event: Value| kind.provider().event(&event.to_string()).unwrap_err().cause;
    assert_eq!(
        in_stream(
            ProviderKind::Anthropic,
            json!({ "type": "error", "error": { "type": "overloaded_error", "message": "o" } })
        ),
        Cause::Overload
    );
    assert_eq!(
        in_stream(ProviderKind::Openai, json!({ "error": { "type": "insufficient_quota", "message": "o" } })),
        Cause::Quota
    );
    assert_eq!(
        in_stream(
            ProviderKind::OpenaiResponses,
            json!({ "type": "response.failed", "response": { "error": { "code": "rate_limit_exceeded", "message": "o" } } })
        ),
        Cause::Rate
    );
}

#[test]
fn models_get_what_they_take() {
    let body = |quirks| {
        let endpoint = Endpoint { base_url: "http://h", model: "m", key: None, stream: false, quirks };
        let wire = ProviderKind::Openai.provider().request(&request(), &endpoint);
        serde_json::from_slice::<Value>(&wire.body).unwrap()
    };
    let usual = body(Quirks::of("gpt-4o"));
    assert!(usual.get("temperature").is_some() && usual.get("max_tokens").is_some());
    let reasoning = body(Quirks::of("openai/gpt-5-mini"));
    assert!(reasoning.get("temperature").is_none() && reasoning.get("max_completion_tokens").is_some());
    assert_eq!((Quirks::of("o3-mini").no_temperature, Quirks::of("olmo").no_temperature), (true, false));
    let refused = LlmError::new("t", Cause::BadRequest, "`temperature` is deprecated for this model");
    assert!(Quirks::default().learnt(&refused).no_temperature);
    assert_eq!(Quirks::default().learnt(&LlmError::new("t", Cause::Server, "temperature")), Quirks::default());
    let of_a_tool = LlmError::new("t", Cause::BadRequest, "Invalid schema for function 'get_temperature'");
    assert_eq!(Quirks::default().learnt(&of_a_tool), Quirks::default(), "tools have any names");
}

#[test]
fn texts_at_which_an_answer_ends_are_sent_where_a_format_has_a_place_for_them() {
    let stop: Vec<String> = ["\n\n", "", "a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
    let body = |kind: ProviderKind, stop: &[String], quirks| {
        let endpoint = Endpoint { base_url: "http://h", model: "m", key: None, stream: false, quirks };
        let request = Request { stop: stop.to_vec(), ..request() };
        serde_json::from_slice::<Value>(&kind.provider().request(&request, &endpoint).body).unwrap()
    };
    for (kind, place, expected) in [
        (ProviderKind::Openai, "/stop", json!(["\n\n", "a", "b", "c"])),
        (ProviderKind::Anthropic, "/stop_sequences", json!(["a", "b", "c", "d", "e"])),
        (ProviderKind::Gemini, "/generationConfig/stopSequences", json!(["\n\n", "a", "b", "c", "d"])),
        (ProviderKind::Ollama, "/options/stop", json!(["\n\n", "a", "b", "c", "d", "e"])),
    ] {
        assert_eq!(body(kind, &stop, Quirks::default()).pointer(place), Some(&expected), "{kind:?}");
        assert_eq!(body(kind, &[], Quirks::default()).pointer(place), None, "{kind:?}");
    }
    let refused =
        LlmError::new("t", Cause::BadRequest, "Unsupported parameter: 'stop' is not supported with this model");
    let learnt = Quirks::default().learnt(&refused);
    assert!(learnt.no_stop && Quirks::of("o3-mini").no_stop && !Quirks::of("gpt-4o").no_stop);
    assert_eq!(body(ProviderKind::Openai, &stop, learnt).pointer("/stop"), None, "a model that refuses them gets none");
}

#[test]
fn a_refusal_is_no_answer() {
    let ends = |kind: ProviderKind, body: Value| gather("t", kind.provider().whole(&body).unwrap()).unwrap().finish;
    let refusal = json!({ "choices": [{ "message": { "content": null, "refusal": "No." } }] });
    assert_eq!(ends(ProviderKind::Openai, refusal), Finish::ContentFilter);
    assert_eq!(
        ends(ProviderKind::Gemini, json!({ "promptFeedback": { "blockReason": "OTHER" } })),
        Finish::ContentFilter
    );
    let said_to_be_whole = json!({ "choices": [{ "message": { "refusal": "No." }, "finish_reason": "stop" }] });
    assert_eq!(ends(ProviderKind::Openai, said_to_be_whole), Finish::ContentFilter);
    let message = json!({ "type": "message", "content": [{ "type": "refusal", "refusal": "No." }] });
    let said_to_be_whole = json!({ "status": "completed", "output": [message] });
    assert_eq!(ends(ProviderKind::OpenaiResponses, said_to_be_whole), Finish::ContentFilter);
    let failed = json!({ "status": "failed", "error": { "code": "server_error", "message": "x" }, "output": [] });
    assert_eq!(ProviderKind::OpenaiResponses.provider().whole(&failed).unwrap_err().cause, Cause::Server);
    let inside = json!({ "error": { "code": 429, "message": "slow" } });
    assert_eq!(ProviderKind::Openai.provider().whole(&inside).unwrap_err().cause, Cause::Rate);
}

#[test]
fn googles_limits_are_limits_with_a_wish_to_wait() {
    let body = json!({ "error": { "status": "RESOURCE_EXHAUSTED", "message": "You exceeded your current quota, check billing",
        "details": [{ "retryDelay": "26s" }] } });
    let error = failure("t", 429, &|_| None, body.to_string().as_bytes());
    assert_eq!((error.cause, error.retry_after), (Cause::Rate, Some(Duration::from_secs(26))));
}

#[test]
fn a_wish_to_wait_is_kept_to_the_millisecond() {
    let wish = |name: &'static str, value: &'static str| {
        retry_after(&move |asked: &str| (asked == name).then(|| value.to_owned()))
    };
    assert_eq!(wish("retry-after", "1.5"), Some(Duration::from_millis(1500)));
    assert_eq!(wish("retry-after-ms", "20"), Some(Duration::from_millis(20)));
    assert_eq!(wish("retry-after", "-1"), None);
    assert_eq!(wish("retry-after", "1e300"), Some(Duration::from_secs(86_400)));
    assert_eq!(wish("retry-after", "tomorrow"), None);
}

#[test]
fn what_is_left_is_read_in_every_form_in_which_it_is_written() {
    for (text, expected) in [("1.5s", 1500), ("6m0s", 360_000), ("20ms", 20), ("1h2m3s", 3_723_000), ("7", 7000)] {
        assert_eq!(until(text).map(|time| time.as_millis()), Some(expected), "{text}");
    }
    assert!(until("soon").is_none() && until("5").is_some() && until("").is_some_and(|time| time.is_zero()));
    let since = |text: &str| moment(text).unwrap().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!((since("1970-01-01T00:00:00Z"), since("2024-02-29T12:00:01Z")), (0, 1_709_208_001));
    assert_eq!(moment("2024-02-2"), None);
    assert_eq!(date("Thu, 29 Feb 2024 12:00:01 GMT"), moment("2024-02-29T12:00:01Z"));
    assert!(date("soon").is_none() && date("Wed, 21 Foo 2015 07:28:00 GMT").is_none());
    let wish = |wish: &'static str| move |name: &str| (name == "retry-after").then(|| wish.to_owned());
    assert_eq!(retry_after(&wish("Thu, 29 Feb 2024 12:00:01 GMT")), Some(Duration::ZERO), "it is over");
    assert_eq!(
        retry_after(&wish("Fri, 31 Dec 2999 23:59:59 GMT")),
        Some(Duration::from_secs(86_400)),
        "it is far away"
    );
    let header = |left: &'static str| {
        move |name: &str| match name {
            "x-ratelimit-remaining-requests" => Some(left.to_owned()),
            "x-ratelimit-reset-requests" => Some("1s".to_owned()),
            _ => None,
        }
    };
    assert_eq!(exhausted(&header("0")), Some(Duration::from_secs(1)));
    assert_eq!(exhausted(&header("12")), None);
    assert_eq!(exhausted(&header("many")), None);
}

#[test]
fn a_conversation_is_told_turn_by_turn_in_each_providers_words() {
    let answer = Turn::Assistant { text: "Hello.".to_owned(), calls: Vec::new() };
    let turns = vec![Turn::User("Hi.".to_owned()), answer, Turn::User("Why?".to_owned())];
    let prompt = Prompt::conversation(&["Be brief.".to_owned()], turns, Vec::new(), PromptLimits::default()).unwrap();
    let request = Request::new(Arc::new(prompt));
    let chat = json!([
        { "role": "user", "content": "Hi." }, { "role": "assistant", "content": "Hello." }, { "role": "user", "content": "Why?" },
    ]);
    let with_system = |turns: &Value| {
        let system = json!({ "role": "system", "content": "Be brief." });
        Value::Array([vec![system], turns.as_array().unwrap().clone()].concat())
    };
    let gemini = json!([
        { "role": "user", "parts": [{ "text": "Hi." }] },
        { "role": "model", "parts": [{ "text": "Hello." }] },
        { "role": "user", "parts": [{ "text": "Why?" }] },
    ]);
    for (kind, place, wanted) in [
        (ProviderKind::Openai, "messages", with_system(&chat)),
        (ProviderKind::OpenaiResponses, "input", chat.clone()),
        (ProviderKind::Anthropic, "messages", chat.clone()),
        (ProviderKind::Gemini, "contents", gemini),
        (ProviderKind::Ollama, "messages", with_system(&chat)),
    ] {
        let endpoint = Endpoint { base_url: "", model: "m", key: None, stream: true, quirks: Quirks::default() };
        let body: Value = serde_json::from_slice(&kind.provider().request(&request, &endpoint).body).unwrap();
        assert_eq!(body[place], wanted, "{kind:?}");
    }
}

/// A conversation in which two tools were called at once, and the answer to what they said is wanted.
fn loop_of_tools() -> Request {
    let call = |id: &str, name: &str, arguments: &str| ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    };
    let result = |id: &str, name: &str, text: &str| Turn::Tool {
        id: id.to_owned(),
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let turns = vec![
        Turn::User("Weather?".to_owned()),
        Turn::Assistant {
            text: String::new(),
            calls: vec![call("c.1", "get", r#"{"city": "Ulm"}"#), call("c2", "now", "")],
        },
        result("c.1", "get", "rain"),
        result("c2", "now", "noon"),
    ];
    let parameters = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let tools = vec![
        Tool { name: "get".into(), description: "Tells the weather.".into(), parameters, strict: Some(true) },
        Tool { name: "now".into(), description: String::new(), parameters: Value::Null, strict: None },
    ];
    Request::new(Arc::new(Prompt::conversation(&[], turns, tools, PromptLimits::default()).unwrap()))
}

fn body_of(kind: ProviderKind, model: &str, request: &Request) -> Value {
    let endpoint = Endpoint { base_url: "", model, key: None, stream: true, quirks: Quirks::default() };
    serde_json::from_slice(&kind.provider().request(request, &endpoint).body).unwrap()
}

#[test]
fn calls_and_their_results_are_told_in_each_providers_words() {
    let request = loop_of_tools();
    let arguments = r#"{"city": "Ulm"}"#;
    let city = json!({ "city": "Ulm" });
    let function = |name: &str, arguments: &Value| json!({ "function": { "name": name, "arguments": arguments } });
    for (kind, place, wanted) in [
        (
            ProviderKind::Openai,
            "messages",
            json!([
                { "role": "user", "content": "Weather?" },
                { "role": "assistant", "content": null, "tool_calls": [
                    { "id": "c.1", "type": "function", "function": { "name": "get", "arguments": arguments } },
                    { "id": "c2", "type": "function", "function": { "name": "now", "arguments": "" } },
                ] },
                { "role": "tool", "content": "rain", "tool_call_id": "c.1" },
                { "role": "tool", "content": "noon", "tool_call_id": "c2" },
            ]),
        ),
        (
            ProviderKind::OpenaiResponses,
            "input",
            json!([
                { "role": "user", "content": "Weather?" },
                { "type": "function_call", "call_id": "c.1", "name": "get", "arguments": arguments },
                { "type": "function_call", "call_id": "c2", "name": "now", "arguments": "" },
                { "type": "function_call_output", "call_id": "c.1", "output": "rain" },
                { "type": "function_call_output", "call_id": "c2", "output": "noon" },
            ]),
        ),
        (
            ProviderKind::Anthropic,
            "messages",
            json!([
                { "role": "user", "content": "Weather?" },
                { "role": "assistant", "content": [
                    { "type": "tool_use", "id": "c_1", "name": "get", "input": city },
                    { "type": "tool_use", "id": "c2", "name": "now", "input": {} },
                ] },
                { "role": "user", "content": [
                    { "type": "tool_result", "tool_use_id": "c_1", "content": "rain" },
                    { "type": "tool_result", "tool_use_id": "c2", "content": "noon" },
                ] },
            ]),
        ),
        (
            ProviderKind::Gemini,
            "contents",
            json!([
                { "role": "user", "parts": [{ "text": "Weather?" }] },
                { "role": "model", "parts": [
                    { "functionCall": { "id": "c.1", "name": "get", "args": city } },
                    { "functionCall": { "id": "c2", "name": "now", "args": {} } },
                ] },
                { "role": "user", "parts": [
                    { "functionResponse": { "id": "c.1", "name": "get", "response": { "result": "rain" } } },
                    { "functionResponse": { "id": "c2", "name": "now", "response": { "result": "noon" } } },
                ] },
            ]),
        ),
        (
            ProviderKind::Ollama,
            "messages",
            json!([
                { "role": "user", "content": "Weather?" },
                { "role": "assistant", "content": "", "tool_calls": [function("get", &city), function("now", &json!({}))] },
                { "role": "tool", "tool_name": "get", "content": "rain" },
                { "role": "tool", "tool_name": "now", "content": "noon" },
            ]),
        ),
    ] {
        assert_eq!(body_of(kind, "m", &request)[place], wanted, "{kind:?}");
    }
    // The third generation of Gemini wants back what it thought; a conversation has no place for that.
    let thought = |model: &str| {
        body_of(ProviderKind::Gemini, model, &request).pointer("/contents/1/parts/0/thoughtSignature").is_some()
    };
    assert_eq!(["gemini-3-pro-preview", "gemini-flash-latest", "gemini-2.5-pro"].map(thought), [true, true, false]);
}

#[test]
fn text_before_a_call_and_a_question_after_a_result_keep_their_places() {
    let call = ToolCall { id: "c".into(), name: "get".into(), arguments: "not {json".into() };
    let turns = vec![
        Turn::Assistant { text: "I look.".into(), calls: vec![call] },
        Turn::Tool { id: "c".into(), name: "get".into(), text: "rain".into() },
        Turn::User("And now?".into()),
    ];
    let prompt = Prompt::conversation(&[], turns, Vec::new(), PromptLimits::default()).unwrap();
    let request = Request::new(Arc::new(prompt));
    let broken = json!({ "arguments": "not {json" });
    for (kind, place, wanted) in [
        (ProviderKind::Openai, "/messages/0/content", json!("I look.")),
        (ProviderKind::Openai, "/messages/0/tool_calls/0/function/arguments", json!("not {json")),
        (ProviderKind::Openai, "/messages/2/content", json!("And now?")),
        (ProviderKind::OpenaiResponses, "/input/0/content", json!("I look.")),
        (ProviderKind::OpenaiResponses, "/input/3/content", json!("And now?")),
        (ProviderKind::Anthropic, "/messages/0/content/0/text", json!("I look.")),
        (ProviderKind::Anthropic, "/messages/0/content/1/input", broken.clone()),
        (ProviderKind::Anthropic, "/messages/2/content", json!("And now?")),
        (ProviderKind::Gemini, "/contents/0/parts/0/text", json!("I look.")),
        (ProviderKind::Gemini, "/contents/0/parts/1/functionCall/args", broken.clone()),
        (ProviderKind::Gemini, "/contents/2/parts/0/text", json!("And now?")),
        (ProviderKind::Ollama, "/messages/0/content", json!("I look.")),
        (ProviderKind::Ollama, "/messages/0/tool_calls/0/function/arguments", broken),
        (ProviderKind::Ollama, "/messages/2/content", json!("And now?")),
    ] {
        assert_eq!(body_of(kind, "m", &request).pointer(place), Some(&wanted), "{kind:?} {place}");
    }
}

#[test]
fn tools_are_offered_in_each_providers_words() {
    let request = loop_of_tools();
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let nothing = json!({ "type": "object", "properties": {} });
    let said = "Tells the weather.";
    let chat = json!([
        { "type": "function", "function": { "name": "get", "description": said, "parameters": schema, "strict": true } },
        { "type": "function", "function": { "name": "now", "parameters": nothing } },
    ]);
    let responses = json!([
        { "type": "function", "name": "get", "description": said, "parameters": schema, "strict": true },
        { "type": "function", "name": "now", "parameters": nothing, "strict": false },
    ]);
    let anthropic = json!([
        { "name": "get", "description": said, "input_schema": schema },
        { "name": "now", "input_schema": nothing },
    ]);
    let gemini = json!([{ "functionDeclarations": [
        { "name": "get", "description": said, "parametersJsonSchema": schema },
        { "name": "now", "description": "" },
    ] }]);
    let ollama = json!([
        { "type": "function", "function": { "name": "get", "description": said, "parameters": schema } },
        { "type": "function", "function": { "name": "now", "description": "", "parameters": nothing } },
    ]);
    for (kind, wanted) in [
        (ProviderKind::Openai, chat),
        (ProviderKind::OpenaiResponses, responses),
        (ProviderKind::Anthropic, anthropic),
        (ProviderKind::Gemini, gemini),
        (ProviderKind::Ollama, ollama),
    ] {
        let body = body_of(kind, "m", &request);
        assert_eq!(body["tools"], wanted, "{kind:?}");
        for place in ["tool_choice", "toolConfig", "parallel_tool_calls"] {
            assert_eq!(body.get(place), None, "{kind:?}: what is as ever is not said");
        }
        let plain = Request { tool_choice: ToolChoice::Required, ..self::request() };
        let without = body_of(kind, "m", &plain);
        let said = ["tools", "tool_choice", "toolConfig"].map(|place| without.get(place).is_some());
        assert_eq!(said, [false; 3], "{kind:?}: without tools nothing is said of them");
    }
}

#[test]
fn the_choice_among_tools_is_told_where_a_format_has_a_place_for_it() {
    let named = ToolChoice::Named("now".into());
    let chosen = |kind, choice: &ToolChoice, is_parallel| {
        let request = Request { tool_choice: choice.clone(), parallel_tool_calls: is_parallel, ..loop_of_tools() };
        body_of(kind, "m", &request)
    };
    let gemini = |mode: &str| json!({ "functionCallingConfig": { "mode": mode } });
    for (kind, place, none, required, one) in [
        (
            ProviderKind::Openai,
            "tool_choice",
            json!("none"),
            json!("required"),
            json!({ "type": "function", "function": { "name": "now" } }),
        ),
        (
            ProviderKind::OpenaiResponses,
            "tool_choice",
            json!("none"),
            json!("required"),
            json!({ "type": "function", "name": "now" }),
        ),
        (
            ProviderKind::Anthropic,
            "tool_choice",
            json!({ "type": "none" }),
            json!({ "type": "any" }),
            json!({ "type": "tool", "name": "now" }),
        ),
        (
            ProviderKind::Gemini,
            "toolConfig",
            gemini("NONE"),
            gemini("ANY"),
            json!({ "functionCallingConfig": { "mode": "ANY", "allowedFunctionNames": ["now"] } }),
        ),
    ] {
        assert_eq!(chosen(kind, &ToolChoice::None, None)[place], none, "{kind:?}");
        assert_eq!(chosen(kind, &ToolChoice::Required, None)[place], required, "{kind:?}");
        assert_eq!(chosen(kind, &named, None)[place], one, "{kind:?}");
    }
    for kind in [ProviderKind::Openai, ProviderKind::OpenaiResponses] {
        assert_eq!(chosen(kind, &ToolChoice::Auto, Some(false))["parallel_tool_calls"], json!(false));
    }
    let single = chosen(ProviderKind::Anthropic, &ToolChoice::Auto, Some(false));
    assert_eq!(single["tool_choice"], json!({ "type": "auto", "disable_parallel_tool_use": true }));
    assert_eq!(chosen(ProviderKind::Ollama, &ToolChoice::None, None).get("tools"), None);
    let only = chosen(ProviderKind::Ollama, &named, None);
    assert_eq!((only["tools"].as_array().unwrap().len(), &only["tools"][0]["function"]["name"]), (1, &json!("now")));
}

/// The calls that pieces come to.
fn calls_of(pieces: &[Piece]) -> Vec<(Option<String>, String, String)> {
    let mut calls: Vec<(u32, Option<String>, String, String)> = Vec::new();
    for piece in pieces {
        let Piece::CallPart { index, id, name, arguments } = piece else { continue };
        match calls.iter_mut().find(|call| call.0 == *index && *index != WHOLE_CALL) {
            Some(call) => call.3.push_str(arguments),
            None => calls.push((*index, id.clone(), name.clone().unwrap_or_default(), arguments.clone())),
        }
    }
    calls.into_iter().map(|(_, id, name, arguments)| (id, name, arguments)).collect()
}

#[test]
fn calls_are_read_from_streams() {
    let whole_city = r#"{"city":"Ulm"}"#;
    let item = |id: &str, name: &str| json!({ "type": "function_call", "id": "fc", "call_id": id, "name": name, "arguments": "" });
    let block = |id: &str, name: &str| json!({ "type": "tool_use", "id": id, "name": name, "input": {} });
    for (kind, events) in [
        (
            ProviderKind::Openai,
            vec![
                json!({ "choices": [{ "delta": { "role": "assistant", "content": null, "tool_calls": [
                    { "index": 0, "id": "a", "type": "function", "function": { "name": "get", "arguments": "" } }] } }] }),
                json!({ "choices": [{ "delta": { "tool_calls": [{ "index": 0, "function": { "arguments": "{\"city\":" } }] } }] }),
                json!({ "choices": [{ "delta": { "tool_calls": [
                    { "index": 0, "function": { "arguments": "\"Ulm\"}" } },
                    { "index": 1, "id": "b", "function": { "name": "now", "arguments": "{}" } }] } }] }),
                json!({ "choices": [{ "delta": {}, "finish_reason": "tool_calls" }] }),
            ],
        ),
        (
            ProviderKind::OpenaiResponses,
            vec![
                json!({ "type": "response.output_item.added", "output_index": 1, "item": item("a", "get") }),
                json!({ "type": "response.function_call_arguments.delta", "output_index": 1, "delta": "{\"city\":" }),
                json!({ "type": "response.function_call_arguments.delta", "output_index": 1, "delta": "\"Ulm\"}" }),
                json!({ "type": "response.function_call_arguments.done", "output_index": 1, "arguments": whole_city }),
                json!({ "type": "response.output_item.added", "output_index": 2, "item": item("b", "now") }),
                json!({ "type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{}" }),
                json!({ "type": "response.output_item.done", "output_index": 2, "item": item("b", "now") }),
                json!({ "type": "response.completed", "response": {} }),
            ],
        ),
        (
            ProviderKind::Anthropic,
            vec![
                json!({ "type": "content_block_start", "index": 1, "content_block": block("a", "get") }),
                json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "input_json_delta", "partial_json": "" } }),
                json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "input_json_delta", "partial_json": "{\"city\":" } }),
                json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "input_json_delta", "partial_json": "\"Ulm\"}" } }),
                json!({ "type": "content_block_stop", "index": 1 }),
                json!({ "type": "content_block_start", "index": 2, "content_block": block("b", "now") }),
                json!({ "type": "content_block_delta", "index": 2, "delta": { "type": "input_json_delta", "partial_json": "{}" } }),
                json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use" } }),
            ],
        ),
    ] {
        let pieces = streamed(kind, &events).unwrap();
        let expected = [(Some("a".to_owned()), "get", whole_city), (Some("b".to_owned()), "now", "{}")];
        let expected = expected.map(|(id, name, arguments)| (id, name.to_owned(), arguments.to_owned()));
        assert_eq!(calls_of(&pieces), expected, "{kind:?}");
        assert_eq!(pieces.last(), Some(&Piece::End(Finish::Stop)), "{kind:?}");
    }
    // These give whole calls, as many events as there are.
    for (kind, events) in [
        (
            ProviderKind::Gemini,
            ["get", "now"].map(|name| {
                json!({ "candidates": [{ "content": { "parts": [{ "functionCall": { "name": name, "args": { "a": 1 } } }] } }] })
            }),
        ),
        (
            ProviderKind::Ollama,
            ["get", "now"].map(|name| {
                json!({ "message": { "content": "", "tool_calls": [{ "function": { "name": name, "arguments": { "a": 1 } } }] } })
            }),
        ),
    ] {
        let expected = ["get", "now"].map(|name| (None, name.to_owned(), r#"{"a":1}"#.to_owned()));
        assert_eq!(calls_of(&streamed(kind, &events).unwrap()), expected, "{kind:?}");
    }
}

#[test]
fn calls_are_read_from_whole_answers_after_the_text() {
    let function = json!({ "name": "get", "arguments": "{}" });
    let object = json!({ "name": "get", "arguments": {} });
    let output = json!([
        { "type": "message", "content": [{ "type": "output_text", "text": "I look." }] },
        { "type": "function_call", "call_id": "a", "name": "get", "arguments": "{}" },
    ]);
    for (kind, body, id) in [
        (
            ProviderKind::Openai,
            json!({ "choices": [{ "message": { "content": "I look.", "tool_calls": [{ "id": "a", "function": function }] },
                "finish_reason": "tool_calls" }] }),
            Some("a"),
        ),
        (ProviderKind::OpenaiResponses, json!({ "output": output }), Some("a")),
        (
            ProviderKind::Anthropic,
            json!({ "content": [{ "type": "text", "text": "I look." }, { "type": "tool_use", "id": "a", "name": "get", "input": {} }],
                "stop_reason": "tool_use" }),
            Some("a"),
        ),
        (
            ProviderKind::Gemini,
            json!({ "candidates": [{ "content": { "parts": [{ "text": "I look." }, { "functionCall": { "name": "get", "args": {} } }] },
                "finishReason": "STOP" }] }),
            None,
        ),
        (
            ProviderKind::Ollama,
            json!({ "message": { "content": "I look.", "tool_calls": [{ "function": object }] }, "done": true }),
            None,
        ),
    ] {
        let pieces = kind.provider().whole(&body).unwrap();
        let (found, name, arguments) = calls_of(&pieces).remove(0);
        // An empty input may be told as nothing.
        let is_empty = matches!(arguments.as_str(), "" | "{}");
        assert!((found.as_deref(), name.as_str(), is_empty) == (id, "get", true), "{kind:?}: {pieces:?}");
        assert_eq!(pieces[0], Piece::Text("I look.".into()), "{kind:?}");
    }
}

#[test]
fn a_word_and_a_call_in_one_event_are_both_heard() {
    let event = json!({ "choices": [{ "delta": { "content": "I look.", "tool_calls": [
        { "index": 0, "id": "a", "function": { "name": "get", "arguments": "{}" } }] }, "finish_reason": null }] });
    let pieces = streamed(ProviderKind::Openai, &[event]).unwrap();
    assert_eq!((&pieces[0], calls_of(&pieces).len()), (&Piece::Text("I look.".into()), 1));
    let wrongly = json!({ "candidates": [{ "finishReason": "MALFORMED_FUNCTION_CALL" }] });
    assert_eq!(streamed(ProviderKind::Gemini, &[wrongly]).unwrap_err().cause, Cause::Malformed);
}

#[test]
fn calls_that_nobody_offers_any_more_and_a_form_beside_tools_go_where_they_would_be_refused() {
    let turns = loop_of_tools().prompt.earlier().to_vec();
    let after = Prompt::conversation(&[], turns, Vec::new(), PromptLimits::default()).unwrap();
    let body = body_of(ProviderKind::Anthropic, "claude-x", &Request::new(Arc::new(after)));
    assert_eq!(body["tool_choice"], json!({ "type": "none" }));
    assert!(body["tools"].as_array().is_some_and(|tools| !tools.is_empty()), "{body}");
    let schema = Some(json!({ "type": "object" }));
    let body =
        body_of(ProviderKind::Gemini, "gemini-2.5-flash", &Request { schema: schema.clone(), ..loop_of_tools() });
    assert_eq!(body.pointer("/generationConfig/responseMimeType"), None);
    let said = body.pointer("/systemInstruction/parts/0/text").and_then(Value::as_str);
    assert!(said.is_some_and(|said| said.contains(r#"{"type":"object"}"#)), "{body}");
    let body = body_of(ProviderKind::Gemini, "gemini-2.5-flash", &Request { schema, ..request() });
    assert_eq!(body.pointer("/generationConfig/responseMimeType"), Some(&json!("application/json")));
}
