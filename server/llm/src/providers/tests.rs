//! Each format against what its provider documents: requests, streams, whole answers, failures.

use super::*;
use crate::prompt::{Origin, Part, Prompt, PromptLimits, Turn};
use crate::request::{Form, Usage};
use serde_json::json;
use std::sync::Arc;

mod pictures;
mod thoughts;
mod tools;

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
    Request { max_tokens: 7, form: Some(Form::strict(json!({ "type": "object" }))), ..Request::new(Arc::new(prompt)) }
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
    // This format has providers that want it back after a call, so that the attempt itself hears it.
    for key in ["reasoning_content", "reasoning"] {
        assert_eq!(streamed(ProviderKind::Openai, &[delta(key)]), Ok(vec![Piece::Thought("hmm".into())]), "{key}");
        let silent: Value = serde_json::from_str(&delta(key).to_string().replace("hmm", "")).unwrap();
        assert_eq!(streamed(ProviderKind::Openai, &[silent]), Ok(vec![]), "{key}");
    }
    for (kind, event) in [
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
fn a_list_of_what_a_model_thinks_and_says_is_read() {
    let part = |thought: &str| json!({ "type": "thinking", "thinking": [{ "type": "text", "text": thought }] });
    let (thought, said) = (part("hmm"), json!({ "type": "text", "text": "Yes" }));
    let delta = |content: Value| json!({ "choices": [{ "delta": { "content": content } }] });
    let unknown = json!([{ "type": "reference", "reference_ids": [1] }, part("")]);
    let events = [delta(json!([thought])), delta(unknown), delta(json!([said])), delta(json!("!"))];
    let expected = vec![Piece::Thinking, Piece::Text("Yes".into()), Piece::Text("!".into())];
    assert_eq!(streamed(ProviderKind::Openai, &events), Ok(expected));
    let body = json!({ "choices": [{ "message": { "content": [thought, said] }, "finish_reason": "stop" }] });
    let answer = gather("t", ProviderKind::Openai.provider().whole(&body).unwrap()).unwrap();
    assert_eq!((answer.text.as_str(), answer.finish), ("Yes", Finish::Stop));
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
}

#[test]
fn a_temperature_is_no_higher_than_a_format_takes_it() {
    for (kind, place, most) in [
        (ProviderKind::Openai, "/temperature", 2.0),
        (ProviderKind::OpenaiResponses, "/temperature", 2.0),
        (ProviderKind::Anthropic, "/temperature", 1.0),
        (ProviderKind::Gemini, "/generationConfig/temperature", 2.0),
        (ProviderKind::Ollama, "/options/temperature", 2.0),
    ] {
        for (asked, sent) in [(0.5, 0.5), (2.0, most)] {
            let endpoint = Endpoint { base_url: "", model: "m", key: None, stream: true, quirks: Quirks::default() };
            let wire = kind.provider().request(&Request { temperature: asked, ..request() }, &endpoint);
            let body: Value = serde_json::from_slice(&wire.body).unwrap();
            assert_eq!(body.pointer(place), Some(&json!(sent)), "{kind:?}");
        }
    }
}

#[test]
fn ollama_is_told_for_how_much_there_is_to_be_room_and_to_cut_no_question() {
    let hole = Prompt::fill("a", "b", PromptLimits::default()).unwrap();
    let hole = Request::new(Arc::new(hole));
    let chat = ProviderKind::Ollama.provider();
    let fills =
        [FillFormat::Ollama, FillFormat::Qwen].map(|fill| (fill.provider(ProviderKind::Ollama).unwrap(), &hole));
    for (format, request) in std::iter::once((chat, &request())).chain(fills) {
        for context_window in [None, Some(32_768)] {
            let quirks = Quirks { context_window, ..Quirks::default() };
            let endpoint = Endpoint { base_url: "", model: "m", key: None, stream: true, quirks };
            let body: Value = serde_json::from_slice(&format.request(request, &endpoint).body).unwrap();
            assert_eq!(body.pointer("/options/num_ctx"), context_window.map(|tokens| json!(tokens)).as_ref());
            // Around a hole what is far away is not missed.
            let expected = request.prompt.hole().is_none().then_some(&Value::Bool(false));
            assert_eq!(body.get("truncate"), expected);
        }
    }
    let said = "the prompt is longer than the context length currently available to the model; shorten the prompt";
    let refused = failure("t", 400, &|_| None, json!({ "error": said }).to_string().as_bytes());
    assert_eq!(refused.cause, Cause::ContextLength);
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
