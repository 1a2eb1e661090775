//! Calls of tools through the door for OpenAI's format: what comes out of it whole and in pieces, and what it refuses.

use super::*;
use llm::scripted::{Behaviour, ModelServer};

fn tool(name: &str) -> Value {
    json!({ "type": "function", "function": { "name": name, "parameters": { "type": "object", "properties": {} } } })
}

fn asked(changes: &[(&str, Value)]) -> Value {
    let mut body =
        json!({ "model": "auto", "messages": [{ "role": "user", "content": "Go." }], "tools": [tool("read")] });
    changes.iter().for_each(|(name, value)| body[*name] = value.clone());
    body
}

/// A service with a model of its own, and who may ask it.
async fn service(behaviour: Behaviour) -> (Service, String, ModelServer) {
    service_of("m", behaviour).await
}

/// The same with a model of this name.
async fn service_of(model: &str, behaviour: Behaviour) -> (Service, String, ModelServer) {
    let server = ModelServer::start(behaviour.script(), 100).await;
    let target = json!({ "name": "own", "model": model, "base-url": server.url });
    let service = Service::set(json!({ "models": { "target": [target] } }), MetricsAccess::default()).await;
    let token = service.account("dev", Role::Developer).await;
    (service, token, server)
}

async fn ask(service: &Service, token: &str, body: Value) -> Reply {
    service.send("POST", "/v1/chat/completions", token, Some(body)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_tools_come_whole_and_in_chunks() {
    let calls = [("read", "{\"path\":\"a\"}"), ("read", "{}")];
    let (service, token, server) = service(Behaviour::calling("", &calls)).await;
    let call = |number: usize, arguments: &str| {
        let function = json!({ "name": "read", "arguments": arguments });
        json!({ "id": format!("call_scripted_{number}"), "type": "function", "function": function })
    };
    let (first, second) = (call(0, calls[0].1), call(1, "{}"));
    let reply = ask(&service, &token, asked(&[])).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    let choice = reply.json()["choices"][0].clone();
    let message = json!({ "role": "assistant", "content": null, "refusal": null, "tool_calls": [first, second] });
    assert_eq!((&choice["message"], &choice["finish_reason"]), (&message, &json!("tool_calls")));
    let reply = ask(&service, &token, asked(&[("stream", json!(true))])).await;
    let events = reply.text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    let choices: Vec<Value> =
        events.map(|data| serde_json::from_str::<Value>(data).unwrap()["choices"][0].clone()).collect();
    let numbered = |number: u32, mut call: Value| {
        call["index"] = json!(number);
        json!([call])
    };
    assert_eq!(choices[0]["delta"], json!({ "role": "assistant", "tool_calls": numbered(0, first) }), "{reply:?}");
    assert_eq!(choices[1]["delta"], json!({ "tool_calls": numbered(1, second) }), "{reply:?}");
    assert_eq!((choices.len(), &choices[2]["finish_reason"]), (3, &json!("tool_calls")), "{reply:?}");
    assert!(reply.text.ends_with("data: [DONE]\n\n"), "{reply:?}");
    assert_eq!(server.requests(), 2, "calls are not kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_before_calls_comes_before_them() {
    let (service, token, _server) = service(Behaviour::calling("I look.", &[("read", "{}")])).await;
    let message = ask(&service, &token, asked(&[])).await.json()["choices"][0]["message"].clone();
    assert_eq!((&message["content"], message["tool_calls"].as_array().map(Vec::len)), (&json!("I look."), Some(1)));
    let reply = ask(&service, &token, asked(&[("stream", json!(true))])).await;
    let places = ["\"role\":", "\"content\":", "\"tool_calls\":[", "\"finish_reason\":\"tool_calls\""];
    let places = places.map(|words| reply.text.find(words).unwrap());
    assert!(places.is_sorted() && reply.text.matches("\"role\":").count() == 1, "{reply:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_called_is_refused_with_its_place_and_asks_nobody() {
    let (service, token, server) = service(Behaviour::saying("Never.")).await;
    let user = json!({ "role": "user", "content": "Go." });
    let message = |role: &str, call: Value| json!({ "role": role, "content": null, "tool_calls": [call] });
    let call = json!({ "id": "c", "type": "function", "function": { "name": "read", "arguments": "{}" } });
    let with = |place: &str, value: Value| {
        let mut call = call.clone();
        *call.pointer_mut(place).unwrap() = value;
        json!([user, message("assistant", call), user])
    };
    let many: Vec<Value> = (0..129).map(|number| tool(&format!("t{number}"))).collect();
    for (name, value, status, place) in [
        ("tools", json!(many), 400, "tools"),
        ("tools", json!({}), 400, "tools"),
        ("tools", json!([{ "type": "custom", "custom": {} }]), 400, "tools.0"),
        ("tools", json!([tool("")]), 400, "tools.0.function.name"),
        ("tools", json!([tool("a b")]), 400, "tools.0.function.name"),
        ("tools", json!([tool("a"), tool("a")]), 422, "tools.1.function.name"),
        ("tool_choice", json!("always"), 400, "tool_choice"),
        ("tool_choice", json!(7), 400, "tool_choice"),
        ("tool_choice", tool("write"), 422, "tool_choice.function.name"),
        ("parallel_tool_calls", json!("yes"), 400, "parallel_tool_calls"),
        ("stop", json!(["a", "b", "c", "d", "e"]), 400, "stop"),
        ("functions", json!([{ "name": "read" }]), 422, "functions"),
        ("function_call", json!("auto"), 422, "function_call"),
        ("messages", with("/id", json!("")), 400, "messages.1.tool_calls.0.id"),
        ("messages", with("/id", json!(7)), 400, "messages.1.tool_calls.0.id"),
        ("messages", with("/function/arguments", json!({})), 400, "messages.1.tool_calls.0.function.arguments"),
        ("messages", with("/type", json!("custom")), 400, "messages.1.tool_calls.0.type"),
        ("messages", json!([user, message("assistant", call.clone())]), 422, "messages.1"),
        ("messages", json!([message("user", call.clone()), user]), 422, "messages.0.tool_calls"),
        (
            "messages",
            json!([user, { "role": "tool", "tool_call_id": "c", "content": "x" }]),
            422,
            "messages.1.tool_call_id",
        ),
        ("messages", json!([user, { "role": "tool", "content": "x" }]), 422, "messages.1.tool_call_id"),
    ] {
        let reply = ask(&service, &token, asked(&[(name, value)])).await;
        let error = reply.json()["error"].clone();
        assert_eq!(reply.status.as_u16(), status, "{name} {place}: {error}");
        assert!(error["param"].as_str().is_some_and(|param| param.starts_with(place)), "{place}: {error}");
        assert!(error["message"].as_str().is_some_and(|said| said.ends_with('.')), "{error}");
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_result_of_a_tool_is_answered() {
    let (service, token, server) = service(Behaviour::saying("Done.")).await;
    let call = json!({ "id": "c", "type": "function", "function": { "name": "read", "arguments": "{}" } });
    let messages = json!([
        { "role": "user", "content": "Go." },
        { "role": "assistant", "content": null, "tool_calls": [call] },
        { "role": "tool", "tool_call_id": "c", "content": [{ "type": "text", "text": "the file" }] },
    ]);
    let reply = ask(&service, &token, asked(&[("messages", messages)])).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    let choice = reply.json()["choices"][0].clone();
    assert_eq!((&choice["message"]["content"], &choice["finish_reason"]), (&json!("Done."), &json!("stop")));
    assert_eq!(choice["message"].get("tool_calls"), None);
    let sent: Value = serde_json::from_str(&server.seen.bodies.lock().unwrap().concat()).unwrap();
    assert_eq!(sent["messages"][1]["tool_calls"], json!([call]));
    assert_eq!(sent["messages"][2], json!({ "role": "tool", "tool_call_id": "c", "content": "the file" }));
    assert_eq!(sent["tools"], json!([tool("read")]));
}

/// The messages of a loop in which the model said this and the tools answered.
fn and_then(message: &Value) -> Value {
    let calls = message["tool_calls"].as_array().unwrap();
    let results = calls.iter().map(|call| json!({ "role": "tool", "tool_call_id": call["id"], "content": "done" }));
    let before = [json!({ "role": "user", "content": "Go." }), message.clone()];
    Value::Array(before.into_iter().chain(results).collect())
}

/// What the model was sent last.
fn sent(server: &ModelServer) -> Value {
    serde_json::from_str(server.seen.bodies.lock().unwrap().last().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thoughts_go_out_with_calls_and_come_back_with_them() {
    let thinking = Behaviour { thoughts: 2, ..Behaviour::calling("I look.", &[("read", "{}")]) };
    let (service, token, server) = service_of("deepseek-reasoner", thinking).await;
    let message = ask(&service, &token, asked(&[])).await.json()["choices"][0]["message"].clone();
    assert_eq!(message["reasoning_content"], "hmm hmm ", "{message}");
    let reply = ask(&service, &token, asked(&[("stream", json!(true))])).await;
    let places = ["\"content\":\"I ", "\"reasoning_content\":\"hmm hmm \"", "\"tool_calls\":["];
    let places = places.map(|words| reply.text.find(words).unwrap());
    assert!(places.is_sorted() && reply.text.matches("\"role\":").count() == 1, "{reply:?}");
    ask(&service, &token, asked(&[("messages", and_then(&message))])).await;
    assert_eq!(sent(&server)["messages"][1], message_without_nulls(&message));
    // Some programs pass over what they do not know.
    let mut forgetful = message.clone();
    forgetful.as_object_mut().unwrap().remove("reasoning_content");
    let reply = ask(&service, &token, asked(&[("messages", and_then(&forgetful))])).await;
    assert_eq!((reply.status, &sent(&server)["messages"][1]["reasoning_content"]), (StatusCode::OK, &json!(" ")));
}

/// A message as it goes on to a model.
fn message_without_nulls(message: &Value) -> Value {
    let fields = message.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
    Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signatures_go_out_with_calls_and_come_back_with_them() {
    let mut signed = Behaviour::calling("I look.", &[("read", "{}")]);
    signed.calls[0].thought = llm::tools::Thought::of("c2lnbmVk".into(), String::new());
    let (service, token, server) = service_of("gemini-3-pro-preview", signed).await;
    let message = ask(&service, &token, asked(&[])).await.json()["choices"][0]["message"].clone();
    let extra = json!({ "google": { "thought_signature": "c2lnbmVk" } });
    assert_eq!(message["tool_calls"][0]["extra_content"], extra, "{message}");
    let reply = ask(&service, &token, asked(&[("stream", json!(true))])).await;
    assert!(reply.text.contains(&format!("\"extra_content\":{extra}")), "{reply:?}");
    ask(&service, &token, asked(&[("messages", and_then(&message))])).await;
    assert_eq!(sent(&server)["messages"][1]["tool_calls"][0]["extra_content"], extra);
    let mut forgetful = message;
    forgetful["tool_calls"][0].as_object_mut().unwrap().remove("extra_content");
    let reply = ask(&service, &token, asked(&[("messages", and_then(&forgetful))])).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    let told = sent(&server)["messages"][1]["tool_calls"][0]["extra_content"]["google"]["thought_signature"].clone();
    assert_eq!(told, "skip_thought_signature_validator");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thoughts_in_openrouters_form_go_out_with_calls_and_come_back_with_them() {
    let list = json!([{ "type": "reasoning.encrypted", "data": "b3BhcXVl", "id": "r1", "format": "f", "index": 0 }]);
    let mut thinking = Behaviour::calling("", &[("read", "{}")]);
    thinking.calls[0].thought =
        llm::tools::Thought { details: list.to_string(), ..llm::tools::Thought::default() }.kept();
    let (service, token, server) = service(thinking).await;
    let said = "Gemini models require OpenRouter reasoning details to be preserved in each request.";
    let refusal = json!({ "error": { "message": said, "code": 400 } }).to_string();
    server.next([llm::scripted::Script::Status(400, Vec::new(), refusal)]);
    let message = ask(&service, &token, asked(&[])).await.json()["choices"][0]["message"].clone();
    assert_eq!(message["reasoning_details"], list, "{message}");
    let reply = ask(&service, &token, asked(&[("stream", json!(true))])).await;
    let places = [format!("\"reasoning_details\":{list}"), "\"tool_calls\":[".to_owned()];
    assert!(places.map(|words| reply.text.find(&words).unwrap()).is_sorted(), "{reply:?}");
    ask(&service, &token, asked(&[("messages", and_then(&message))])).await;
    assert_eq!(sent(&server)["messages"][1]["reasoning_details"], list);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thoughts_are_bounded_and_texts() {
    let (service, token, server) = service(Behaviour::saying("Never.")).await;
    let function = json!({ "name": "read", "arguments": "{}" });
    let with = |name: &str, value: Value| {
        let mut call = json!({ "id": "c", "type": "function", "function": function });
        let mut message = json!({ "role": "assistant", "content": null });
        if name.starts_with("reasoning") {
            message[name] = value;
        } else {
            call["extra_content"] = value;
        }
        message["tool_calls"] = json!([call]);
        and_then(&message)
    };
    let signature = |value: Value| json!({ "google": { "thought_signature": value } });
    let refused = "messages.1.tool_calls.0.extra_content";
    for (name, value, place) in [
        ("reasoning_content", json!(7), "messages.1.reasoning_content"),
        ("reasoning_content", json!("x".repeat(1_000_001)), "messages.1.reasoning_content"),
        ("reasoning_details", json!("x"), "messages.1.reasoning_details"),
        ("reasoning_details", json!(["x"]), "messages.1.reasoning_details"),
        ("reasoning_details", json!(vec![json!({}); 1001]), "messages.1.reasoning_details"),
        ("extra_content", signature(json!(7)), refused),
        ("extra_content", signature(json!("x".repeat(100_001))), refused),
        ("extra_content", json!("x"), refused),
    ] {
        let reply = ask(&service, &token, asked(&[("messages", with(name, value))])).await;
        let error = reply.json()["error"].clone();
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{name} {error}");
        assert!(error["param"].as_str().is_some_and(|param| param.starts_with(place)), "{place}: {error}");
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_may_be_long_unless_something_else_is_asked_for() {
    let (service, token, server) = service(Behaviour::saying("Done.")).await;
    for (changes, expected) in [
        (vec![], 16_384),
        (vec![("tools", Value::Null)], 16_384),
        (vec![("max_tokens", json!(7))], 7),
        (vec![("max_completion_tokens", json!(8))], 8),
    ] {
        let reply = ask(&service, &token, asked(&changes)).await;
        assert_eq!((reply.status, &sent(&server)["max_tokens"]), (StatusCode::OK, &json!(expected)), "{changes:?}");
    }
}
