//! Tools in each format against what its provider documents: offers, choices, calls and their results.

use super::*;
use crate::tools::{Tool, ToolCall, ToolChoice};

/// A conversation in which two tools were called at once, and the answer to what they said is wanted.
fn loop_of_tools() -> Request {
    let call = |id: &str, name: &str, arguments: &str| ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        thought: None,
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
    // The third generation of Gemini wants back what it thought, and takes a word for it where nobody kept it.
    let thought = |model: &str| {
        body_of(ProviderKind::Gemini, model, &request).pointer("/contents/1/parts/0/thoughtSignature").is_some()
    };
    assert_eq!(["gemini-3-pro-preview", "gemini-flash-latest", "gemini-2.5-pro"].map(thought), [true, true, false]);
}

#[test]
fn text_before_a_call_and_a_question_after_a_result_keep_their_places() {
    let call = ToolCall { id: "c".into(), name: "get".into(), arguments: "not {json".into(), thought: None };
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
        { "name": "get", "description": said, "input_schema": schema, "strict": true },
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
fn who_knows_no_strict_tools_is_told_the_same_ones_without_a_word_of_it() {
    let quirks = Quirks { no_strict: true, ..Quirks::default() };
    for (kind, place, wanted) in [
        (ProviderKind::Openai, "/tools/0/function/strict", None),
        // Where it is left out here it would hold.
        (ProviderKind::OpenaiResponses, "/tools/0/strict", Some(json!(false))),
        (ProviderKind::Anthropic, "/tools/0/strict", None),
    ] {
        let endpoint = Endpoint { base_url: "", model: "m", key: None, stream: true, quirks };
        let body: Value = serde_json::from_slice(&kind.provider().request(&loop_of_tools(), &endpoint).body).unwrap();
        assert_eq!(body.pointer(place), wanted.as_ref(), "{kind:?}");
        assert_eq!(body_of(kind, "m", &loop_of_tools()).pointer(place), Some(&json!(true)), "{kind:?}");
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
    let form = Some(Form::Object);
    let body = body_of(ProviderKind::Gemini, "gemini-2.5-flash", &Request { form: form.clone(), ..loop_of_tools() });
    assert_eq!(body.pointer("/generationConfig/responseMimeType"), None);
    let said = body.pointer("/systemInstruction/parts/0/text").and_then(Value::as_str);
    assert!(said.is_some_and(|said| said.contains(r#"{"type":"object"}"#)), "{body}");
    let body = body_of(ProviderKind::Gemini, "gemini-2.5-flash", &Request { form, ..request() });
    assert_eq!(body.pointer("/generationConfig/responseMimeType"), Some(&json!("application/json")));
}
