//! Loops of tools with models that want back what they thought, through the whole path; and how long an answer may be where nobody says so.

use super::formats::speaking;
use super::{manager, request, settings};
use crate::LlmManager;
use crate::budget::{Limits, Price};
use crate::error::Cause;
use crate::prompt::{Prompt, PromptLimits, Turn};
use crate::providers::ProviderKind;
use crate::request::{Piece, Request};
use crate::scripted::{Behaviour, ModelServer, Script};
use crate::tools::{Thought, Tool, ToolCall};
use serde_json::{Value, json};
use std::sync::Arc;

fn key() -> String {
    ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat()
}

fn asking(turns: Vec<Turn>) -> Request {
    let tool = Tool { name: "read".into(), description: String::new(), parameters: Value::Null, strict: None };
    Request::new(Arc::new(Prompt::conversation(&[], turns, vec![tool], PromptLimits::default()).unwrap()))
}

/// The calls of an answer.
async fn called(manager: &LlmManager, request: Request) -> Vec<ToolCall> {
    let (mut stream, mut calls) = (manager.stream(request).unwrap(), Vec::new());
    while let Some(piece) = stream.next().await {
        match piece.unwrap() {
            Piece::Call(call) => calls.push(call),
            Piece::Text(_) | Piece::Usage(_) | Piece::From(_) | Piece::End(_) => {}
            inner => panic!("this is told to nobody: {inner:?}"),
        }
    }
    calls
}

/// What the server was sent last.
fn sent(server: &ModelServer) -> Value {
    let bodies = server.seen.bodies.lock().unwrap();
    serde_json::from_str(bodies.last().unwrap()).unwrap()
}

/// A model of this name behind a server that calls a tool after it thought.
async fn of_model(model: &str, behaviour: Behaviour, stream: bool) -> (LlmManager, ModelServer) {
    let server = ModelServer::start(behaviour.script(), 100).await;
    let mut settings = speaking(ProviderKind::Openai, &[&server], stream, false);
    settings.models.target[0].model = model.to_owned();
    (manager(&settings), server)
}

/// The next turn of a loop, as a client leads it on.
fn and_then(calls: Vec<ToolCall>) -> Request {
    let results = calls.iter().map(|call| Turn::Tool { id: call.id.clone(), name: call.name.clone(), text: key() });
    let results: Vec<Turn> = results.collect();
    let mut turns = vec![Turn::User("Go.".into()), Turn::Assistant { text: String::new(), calls }];
    turns.extend(results);
    asking(turns)
}

#[tokio::test]
async fn thoughts_go_round_through_a_client_and_no_secret_with_them() {
    let question = || asking(vec![Turn::User(format!("The token is {}.", key()))]);
    for stream in [true, false] {
        let thinking = Behaviour { thoughts: 2, ..Behaviour::calling("", &[("read", "{}"), ("read", "{}")]) };
        let (manager, server) = of_model("deepseek-reasoner", thinking, stream).await;
        let mut calls = called(&manager, question()).await;
        assert_eq!(calls[0].thought, Thought::of(String::new(), "hmm hmm ".into()), "{stream}");
        assert_eq!((calls.len(), &calls[1].thought), (2, &None), "{stream}");
        // As if the model had repeated the token: a client has it as it is, and the model never.
        calls[0].thought = Thought::of(String::new(), format!("hmm {}", key()));
        called(&manager, and_then(calls.clone())).await;
        let body = sent(&server);
        assert_eq!(body["messages"][1]["reasoning_content"], "hmm __SECRET_1__", "{body}");
        assert!(!body.to_string().contains(&key()), "{body}");
        calls[0].thought = None;
        called(&manager, and_then(calls)).await;
        assert_eq!(sent(&server)["messages"][1]["reasoning_content"], " ");
    }
}

#[tokio::test]
async fn who_does_not_want_thoughts_back_has_none_kept_for_it() {
    let thinking = Behaviour { thoughts: 2, ..Behaviour::calling("", &[("read", "{}")]) };
    let (manager, server) = of_model("gpt-4o", thinking, true).await;
    let calls = called(&manager, asking(vec![Turn::User("Go.".into())])).await;
    assert_eq!(calls[0].thought, None);
    called(&manager, and_then(calls)).await;
    assert!(!sent(&server).to_string().contains("reasoning_content"));
}

#[tokio::test]
async fn a_model_that_misses_its_thoughts_is_told_them_from_then_on() {
    let thinking = Behaviour { thoughts: 1, ..Behaviour::calling("", &[("read", "{}")]) };
    let (manager, server) = of_model("kimi-k2.5", thinking, true).await;
    let calls = called(&manager, asking(vec![Turn::User("Go.".into())])).await;
    let said = "thinking is enabled but reasoning_content is missing in assistant tool call message at index 1";
    let refusal = json!({ "error": { "message": said, "type": "invalid_request_error" } }).to_string();
    server.next([Script::Status(400, Vec::new(), refusal)]);
    let calls = called(&manager, and_then(calls)).await;
    assert_eq!((sent(&server)["messages"][1]["reasoning_content"].as_str(), server.requests()), (Some(" "), 3));
    assert_eq!(calls[0].thought, Thought::of(String::new(), "hmm ".into()), "and it is kept for the next turn");
}

#[tokio::test]
async fn signatures_go_round_through_a_client() {
    let mut signed = Behaviour::calling("", &[("read", "{}"), ("read", "{}")]);
    signed.calls[0].thought = Thought::of("c2lnbmVk".into(), String::new());
    for stream in [true, false] {
        let (manager, server) = of_model("gemini-3-pro-preview", signed.clone(), stream).await;
        let mut calls = called(&manager, asking(vec![Turn::User("Go.".into())])).await;
        assert_eq!((&calls[0].thought, &calls[1].thought), (&Thought::of("c2lnbmVk".into(), String::new()), &None));
        for (kept, expected) in [(true, "c2lnbmVk"), (false, "skip_thought_signature_validator")] {
            calls[0].thought = calls[0].thought.take().filter(|_| kept);
            called(&manager, and_then(calls.clone())).await;
            let told = sent(&server)["messages"][1]["tool_calls"].clone();
            assert_eq!(told[0]["extra_content"]["google"]["thought_signature"], expected, "{told}");
            assert_eq!(told[1].get("extra_content"), None, "{told}");
        }
    }
}

#[tokio::test]
async fn signatures_of_another_model_are_left_out_when_they_are_refused_and_only_then() {
    let mut signed = Behaviour::calling("", &[("read", "{}")]);
    signed.calls[0].thought = Thought::of("c2lnbmVk".into(), String::new());
    let (manager, server) = of_model("gemini-3-pro-preview", signed, true).await;
    let calls = called(&manager, asking(vec![Turn::User("Go.".into())])).await;
    let refusal = json!({ "error": { "message": "Corrupted thought signature.", "code": 400 } }).to_string();
    server.next([Script::Status(400, Vec::new(), refusal)]);
    for (expected, requests) in [("skip_thought_signature_validator", 3), ("c2lnbmVk", 4)] {
        called(&manager, and_then(calls.clone())).await;
        let told =
            sent(&server)["messages"][1]["tool_calls"][0]["extra_content"]["google"]["thought_signature"].clone();
        assert_eq!((told.as_str(), server.requests()), (Some(expected), requests));
    }
}

/// What a router of models says who wants thoughts in its own form.
fn wants_details() -> Script {
    let said = "Gemini models require OpenRouter reasoning details to be preserved in each request.";
    Script::Status(400, Vec::new(), json!({ "error": { "message": said, "code": 400 } }).to_string())
}

#[tokio::test]
async fn thoughts_in_a_form_of_their_own_go_round_through_a_client_as_they_came() {
    let list = json!([
        { "type": "reasoning.text", "text": "It may rain.", "signature": "c2ln", "id": null, "format": "f", "index": 0 },
        { "type": "reasoning.encrypted", "data": "b3BhcXVl", "id": "r1", "format": "f", "index": 1 },
    ]);
    let mut thinking = Behaviour::calling("", &[("read", "{}"), ("read", "{}")]);
    thinking.calls[0].thought = Thought { details: list.to_string(), ..Thought::default() }.kept();
    for stream in [true, false] {
        let (manager, server) = of_model("m", thinking.clone(), stream).await;
        let question = || asking(vec![Turn::User("Go.".into())]);
        assert_eq!(called(&manager, question()).await[0].thought, None, "who does not want it has none kept for it");
        server.next([wants_details()]);
        let calls = called(&manager, question()).await;
        let kept: Value = serde_json::from_str(&calls[0].thought.as_ref().unwrap().details).unwrap();
        assert_eq!((&kept, &calls[1].thought), (&list, &None), "{stream}");
        called(&manager, and_then(calls.clone())).await;
        assert_eq!(sent(&server)["messages"][1]["reasoning_details"], list, "{stream}");
        // Those of somebody else are left out, and only where they are refused.
        let refusal = json!({ "error": { "message": "Invalid thought signature.", "code": 400 } }).to_string();
        server.next([Script::Status(400, Vec::new(), refusal)]);
        called(&manager, and_then(calls)).await;
        assert_eq!(sent(&server)["messages"][1].get("reasoning_details"), None, "{stream}");
    }
}

#[tokio::test]
async fn thoughts_cost_those_who_are_told_them_and_nobody_else() {
    let thought = Thought { signature: "s".repeat(3000), reasoning: "r".repeat(3000), details: String::new() };
    let call = ToolCall { id: "c".into(), name: "read".into(), thought: thought.kept(), ..ToolCall::default() };
    for (model, budget, fits) in [
        ("gpt-4o", 1500, true),
        ("gpt-4o", 500, false),
        ("deepseek-reasoner", 1500, false),
        ("deepseek-reasoner", 2500, true),
        ("gemini-2.5-pro", 1500, false),
        ("gemini-2.5-pro", 2500, true),
    ] {
        let server = ModelServer::start(Behaviour::saying("fine").script(), 100).await;
        let mut tight = speaking(ProviderKind::Openai, &[&server], true, false);
        tight.models.target[0].model = model.to_owned();
        tight.budget = Limits { tokens_per_day: Some(budget), ..Limits::default() };
        // With the longest answer, and what stands around it.
        let asked = Request { max_tokens: 900, ..and_then(vec![call.clone()]) };
        let answer = manager(&tight).ask(asked).await;
        assert_eq!(answer.map_err(|error| error.cause).err(), (!fits).then_some(Cause::Budget), "{model} {budget}");
    }
}

#[tokio::test]
async fn where_there_is_no_money_or_minute_for_the_longest_answer_a_shorter_one_is_asked_for() {
    let poor = "This request requires more credits, or fewer max_tokens. You requested up to 16384 tokens.";
    let large = "Request too large for m on tokens per min (TPM): Limit 10000, Requested 16890.";
    for (status, said) in [(402, poor), (429, large)] {
        let (manager, server) = of_model("m", Behaviour::calling("", &[("read", "{}")]), true).await;
        let refusal = json!({ "error": { "message": said } }).to_string();
        server.next([Script::Status(status, Vec::new(), refusal)]);
        let question = || Request { max_tokens: 16_384, will_do: Some(4096), ..asking(vec![Turn::User("Go.".into())]) };
        called(&manager, question()).await;
        assert_eq!((sent(&server)["max_tokens"].as_u64(), server.requests()), (Some(4096), 2), "{said}");
        // It is so now, and may be otherwise with the next one.
        called(&manager, question()).await;
        assert_eq!((sent(&server)["max_tokens"].as_u64(), server.requests()), (Some(16_384), 3), "{said}");
    }
}

/// A question for whose answer nobody named a length.
fn open(text: &str) -> Request {
    Request { max_tokens: 2000, will_do: Some(500), ..request(text) }
}

#[tokio::test]
async fn a_budget_without_room_for_the_longest_answer_has_some_for_one_that_will_do() {
    let server = ModelServer::start(Behaviour::saying("fine").script(), 100).await;
    let mut tight = settings(&[&server]);
    tight.models.target[0].price = Some(Price { input: 1000.0, cached: None, output: 1000.0 });
    tight.budget = Limits { dollars_per_day: Some(1.5), ..Limits::default() };
    let manager = manager(&tight);
    manager.ask(open("one")).await.unwrap();
    assert_eq!(sent(&server)["max_tokens"], 500, "no answer is longer than what there is room for");
    let asked = Request { will_do: None, ..open("two") };
    assert_eq!(manager.ask(asked).await.unwrap_err().cause, Cause::Budget);
    tight.budget = Limits { dollars_per_day: Some(0.1), ..Limits::default() };
    assert!(manager.reconfigure(&tight, &super::key).is_empty());
    assert_eq!(manager.ask(open("three")).await.unwrap_err().cause, Cause::Budget);
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_model_with_shorter_answers_is_asked_for_one_that_will_do() {
    let error = |message: &str| json!({ "error": { "message": message } }).to_string();
    let of_the_model = error("max_tokens is too large: 2000. This model supports at most 1000 completion tokens.");
    let of_the_prompt = error("This model's maximum context length is 2048 tokens, and max_tokens is too large: 2000.");
    // What a model says of all its answers is remembered, and what it says of one prompt is not.
    for (refusal, later) in [(of_the_model, 500), (of_the_prompt, 2000)] {
        let server = ModelServer::start(Behaviour::saying("fine").script(), 100).await;
        let manager = manager(&settings(&[&server]));
        server.next([Script::Status(400, Vec::new(), refusal.clone())]);
        assert_eq!(manager.ask(open("one")).await.unwrap().text, "fine", "{refusal}");
        assert_eq!((sent(&server)["max_tokens"].as_u64(), server.requests()), (Some(500), 2), "{refusal}");
        manager.ask(open("two")).await.unwrap();
        assert_eq!(sent(&server)["max_tokens"], later, "{refusal}");
        // Whoever names a length has it, or hears why not.
        manager.ask(Request { will_do: None, ..open("three") }).await.unwrap();
        assert_eq!(sent(&server)["max_tokens"], 2000, "{refusal}");
    }
    let server = ModelServer::start(Behaviour::saying("fine").script(), 100).await;
    let manager = manager(&settings(&[&server]));
    let refusal = error("max_tokens is too large: 2000. This model supports at most 1000 completion tokens.");
    server.next([Script::Status(400, Vec::new(), refusal)]);
    let asked = manager.ask(Request { will_do: None, ..open("x") }).await;
    assert_eq!((asked.unwrap_err().cause, server.requests()), (Cause::BadRequest, 1));
}
