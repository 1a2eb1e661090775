//! What providers attach to calls and want back with them: thoughts, signatures, and names of a form of their own.

use super::*;
use crate::tools::{Thought, ToolCall};

/// A conversation in which the first of two calls was thought about.
fn thought_of(ids: [&str; 2], signature: &str, reasoning: &str) -> Request {
    let call = |id: &str, thought| ToolCall { id: id.into(), name: "get".into(), arguments: "{}".into(), thought };
    let result = |id: &str| Turn::Tool { id: id.into(), name: "get".into(), text: "rain".into() };
    let thought = Thought::of(signature.into(), reasoning.into());
    let turns = vec![
        Turn::Assistant { text: "Hello.".into(), calls: Vec::new() },
        Turn::User("Weather?".into()),
        Turn::Assistant { text: String::new(), calls: vec![call(ids[0], thought), call(ids[1], None)] },
        result(ids[0]),
        result(ids[1]),
    ];
    Request::new(Arc::new(Prompt::conversation(&[], turns, Vec::new(), PromptLimits::default()).unwrap()))
}

/// What is sent to a model that is known by nothing but its name.
fn body_of(kind: ProviderKind, model: &str, request: &Request) -> Value {
    let endpoint = Endpoint { base_url: "", model, key: None, stream: true, quirks: Quirks::of(model) };
    serde_json::from_slice(&kind.provider().request(request, &endpoint).body).unwrap()
}

#[test]
fn who_wants_its_thoughts_back_is_told_them_and_nobody_else() {
    let told = |model: &str, request: &Request| {
        let body = body_of(ProviderKind::Openai, model, request);
        let messages = body["messages"].as_array().unwrap();
        messages.iter().map(|message| message.get("reasoning_content").cloned()).collect::<Vec<_>>()
    };
    let known = thought_of(["a", "b"], "", "It may rain.");
    let space = Some(json!(" "));
    let expected = [space.clone(), None, Some(json!("It may rain.")), None, None];
    assert_eq!(told("deepseek-reasoner", &known), expected);
    // A client that passes over what it does not know gets on all the same.
    let dropped = thought_of(["a", "b"], "", "");
    assert_eq!(told("deepseek/deepseek-v3.2", &dropped), [space.clone(), None, space, None, None]);
    assert_eq!(told("gpt-4o", &known), vec![None::<Value>; 5]);
    // Where no tool is called there is nothing that has to be known again.
    let plain = vec![Turn::Assistant { text: "Hello.".into(), calls: Vec::new() }, Turn::User("Hi.".into())];
    let plain = Prompt::conversation(&[], plain, Vec::new(), PromptLimits::default()).unwrap();
    assert_eq!(told("deepseek-reasoner", &Request::new(Arc::new(plain))), vec![None::<Value>; 2]);
    for kind in ALL.into_iter().filter(|kind| *kind != ProviderKind::Openai) {
        let body = body_of(kind, "deepseek-reasoner", &known).to_string();
        assert!(!body.contains("It may rain."), "{kind:?}");
    }
}

#[test]
fn details_go_back_to_those_who_want_them_and_nobody_else() {
    let list = json!([{ "type": "reasoning.text", "text": "It may rain.", "signature": "c2ln", "index": 0 }]);
    let thought = Thought { details: list.to_string(), ..Thought::default() };
    let call = ToolCall { id: "a".into(), name: "get".into(), thought: thought.kept(), ..ToolCall::default() };
    let turns = vec![
        Turn::User("Weather?".into()),
        Turn::Assistant { text: String::new(), calls: vec![call] },
        Turn::Tool { id: "a".into(), name: "get".into(), text: "rain".into() },
    ];
    let prompt = Prompt::conversation(&[], turns, Vec::new(), PromptLimits::default()).unwrap();
    let request = Request::new(Arc::new(prompt));
    let told = |kind: ProviderKind, quirks: Quirks| {
        let endpoint = Endpoint { base_url: "", model: "m", key: None, stream: true, quirks };
        let body: Value = serde_json::from_slice(&kind.provider().request(&request, &endpoint).body).unwrap();
        let bytes = kind.provider().thoughts(&request.prompt, "m", quirks);
        (body.pointer("/messages/1/reasoning_details").cloned(), body.to_string().contains("It may rain."), bytes)
    };
    let wants = Quirks::default().at("https://openrouter.ai/api/v1");
    assert_eq!(told(ProviderKind::Openai, wants), (Some(list.clone()), true, list.to_string().len()));
    let strange = Quirks { strange_thoughts: true, ..wants };
    assert_eq!(told(ProviderKind::Openai, strange), (None, false, 0));
    for kind in ALL {
        assert_eq!(told(kind, Quirks::default()), (None, false, 0), "{kind:?}");
    }
}

#[test]
fn a_signature_goes_back_with_its_call_to_those_who_sign() {
    let place = "/messages/2/tool_calls/0/extra_content/google/thought_signature";
    let native = "/contents/2/parts/0/thoughtSignature";
    let (known, dropped) = (thought_of(["a", "b"], "c2lnbmVk", ""), thought_of(["a", "b"], "", ""));
    let (own, word) = (json!("c2lnbmVk"), json!("skip_thought_signature_validator"));
    for (model, request, expected) in [
        ("google/gemini-3-pro-preview", &known, Some(&own)),
        ("gemini-3-pro-preview", &dropped, Some(&word)),
        ("gemini-2.5-pro", &known, Some(&own)),
        ("gemini-2.5-pro", &dropped, None),
    ] {
        let body = body_of(ProviderKind::Openai, model, request);
        assert_eq!(body.pointer(place), expected, "{model} {body}");
        assert_eq!(body.pointer("/messages/2/tool_calls/1/extra_content"), None, "{body}");
        let body = body_of(ProviderKind::Gemini, model, request);
        assert_eq!(body.pointer(native), expected, "{model} {body}");
        assert_eq!(body.pointer("/contents/2/parts/1/thoughtSignature"), None, "{body}");
    }
    for kind in ALL.into_iter().filter(|kind| *kind != ProviderKind::Gemini) {
        let body = body_of(kind, "gpt-4o", &known).to_string();
        assert!(!body.contains("c2lnbmVk") && !body.contains("extra_content"), "{kind:?} {body}");
    }
}

#[test]
fn mistral_gets_names_of_nine_characters() {
    let request = thought_of(["call_00_abc", "D681PevKs"], "", "");
    let body = body_of(ProviderKind::Openai, "mistral-large-latest", &request);
    let id = |place: &str| body.pointer(place).and_then(Value::as_str).unwrap().to_owned();
    let made = id("/messages/2/tool_calls/0/id");
    assert!(made.len() == 9 && made.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{made}");
    assert_eq!(id("/messages/3/tool_call_id"), made, "results are told by it");
    assert_eq!([id("/messages/2/tool_calls/1/id"), id("/messages/4/tool_call_id")], ["D681PevKs"; 2]);
    let other = body_of(ProviderKind::Openai, "gpt-4o", &request);
    assert_eq!(other.pointer("/messages/2/tool_calls/0/id"), Some(&json!("call_00_abc")));
}

#[test]
fn signatures_are_read_with_their_calls() {
    let extra = json!({ "google": { "thought_signature": "c2lnbmVk" } });
    let function = json!({ "name": "get", "arguments": "{}" });
    let called = json!([{ "index": 0, "id": "a", "function": function, "extra_content": extra }, { "index": 1, "id": "b", "function": function }]);
    let expected = |pieces: Vec<Piece>, kind: ProviderKind| {
        let is_call = |piece: &Piece| matches!(piece, Piece::CallPart { .. });
        assert!(is_call(&pieces[0]) && is_call(&pieces[2]), "{kind:?} {pieces:?}");
        assert_eq!(pieces[1], Piece::Signature("c2lnbmVk".into()), "{kind:?}");
        assert!(pieces[3..].iter().all(|piece| !matches!(piece, Piece::Signature(_))), "{kind:?} {pieces:?}");
    };
    let event = json!({ "choices": [{ "delta": { "tool_calls": called } }] });
    expected(streamed(ProviderKind::Openai, &[event]).unwrap(), ProviderKind::Openai);
    let whole =
        json!({ "choices": [{ "message": { "content": null, "tool_calls": called }, "finish_reason": "tool_calls" }] });
    expected(ProviderKind::Openai.provider().whole(&whole).unwrap(), ProviderKind::Openai);
    let call = json!({ "name": "get", "args": {} });
    let parts = json!([{ "functionCall": call, "thoughtSignature": "c2lnbmVk" }, { "functionCall": call }]);
    let event = json!({ "candidates": [{ "content": { "parts": parts } }] });
    expected(streamed(ProviderKind::Gemini, &[event]).unwrap(), ProviderKind::Gemini);
}

#[test]
fn a_length_that_nobody_asked_for_gives_way() {
    let (usual, short) = (Quirks::default(), Quirks { short_answers: true, ..Quirks::default() });
    let sent = |kind: ProviderKind, request: &Request, quirks, place: &str| {
        let endpoint = Endpoint { base_url: "", model: "m", key: None, stream: true, quirks };
        let body: Value = serde_json::from_slice(&kind.provider().request(request, &endpoint).body).unwrap();
        body.pointer(place).cloned()
    };
    let open = Request { max_tokens: 900, will_do: Some(300), ..request() };
    let asked = Request { max_tokens: 900, will_do: None, ..request() };
    let small = Request { max_tokens: 200, will_do: Some(300), ..request() };
    for (kind, place) in [
        (ProviderKind::Openai, "/max_tokens"),
        (ProviderKind::OpenaiResponses, "/max_output_tokens"),
        (ProviderKind::Anthropic, "/max_tokens"),
        (ProviderKind::Gemini, "/generationConfig/maxOutputTokens"),
        (ProviderKind::Ollama, "/options/num_predict"),
    ] {
        for (request, quirks, expected) in
            [(&open, usual, 900), (&open, short, 300), (&asked, short, 900), (&small, short, 200)]
        {
            assert_eq!(sent(kind, request, quirks, place), Some(json!(expected)), "{kind:?}");
        }
    }
}
