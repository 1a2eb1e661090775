//! Calls of tools through the whole path, in every wire format: what goes out, what comes back, and what is never shown.

use super::formats::{ALL, speaking};
use super::{manager, request};
use crate::error::{Cause, LlmError};
use crate::prompt::{Prompt, PromptLimits, Turn};
use crate::providers::ProviderKind;
use crate::request::{Finish, Piece, Request};
use crate::scripted::{Behaviour, Fault, ModelServer, Script};
use crate::tools::{Tool, ToolCall, ToolChoice};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

fn key() -> String {
    ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat()
}

fn tools() -> Vec<Tool> {
    let parameters = json!({ "type": "object", "properties": { "path": { "type": "string" } } });
    let tool = |name: &str| Tool {
        name: name.to_owned(),
        description: "It does.".to_owned(),
        parameters: parameters.clone(),
        strict: None,
    };
    vec![tool("read"), tool("write")]
}

fn asking(turns: Vec<Turn>) -> Request {
    Request::new(Arc::new(Prompt::conversation(&[], turns, tools(), PromptLimits::default()).unwrap()))
}

/// A question with a tool whose arguments must fulfil their schema to the letter.
fn strict() -> Request {
    strict_of("path")
}

/// The same with a field of this name.
fn strict_of(field: &str) -> Request {
    let mut tools: Vec<_> = tools().into_iter().map(|tool| Tool { strict: Some(true), ..tool }).collect();
    tools[0].parameters["properties"][field] = json!({ "type": "string" });
    let turns = vec![Turn::User("Go.".to_owned())];
    let prompt = Prompt::conversation(&[], turns, tools, PromptLimits::default()).unwrap();
    Request { temperature: 1.0, ..Request::new(Arc::new(prompt)) }
}

/// Whether each request so far had a strict tool.
fn were_strict(server: &ModelServer) -> Vec<bool> {
    let bodies = server.seen.bodies.lock().unwrap();
    bodies.iter().map(|body| body.contains("\"strict\":true")).collect()
}

#[tokio::test]
async fn a_schema_that_is_refused_for_a_strict_tool_is_told_once_more_without_a_word_of_that() {
    let refusal = |said: &str| {
        let error = json!({ "type": "error", "error": { "type": "invalid_request_error", "message": said } });
        Script::Status(400, Vec::new(), error.to_string())
    };
    let of_a_schema = "tools.0.custom: For 'object' type, 'additionalProperties' must be explicitly set to false";
    let of_the_model = "tools.0.custom.strict: Extra inputs are not permitted";
    for (said, later) in [(of_a_schema, true), (of_the_model, false)] {
        let server = ModelServer::start(Behaviour::saying("Fine.").script(), 100).await;
        let manager = manager(&speaking(ProviderKind::Anthropic, &[&server], true, false));
        server.next([refusal(said)]);
        for asked in [strict(), strict(), strict_of("other")] {
            assert_eq!(manager.ask(asked).await.unwrap().text, "Fine.", "{said}");
        }
        assert_eq!(were_strict(&server), [true, false, false, later], "{said}");
    }
    // What is refused for several reasons is mended for each of them, and no further.
    let of_a_field = "temperature: Extra inputs are not permitted";
    let (of_another, of_thoughts) = ("'stop' is unknown", "Corrupted thought signature.");
    for (refusals, is_mended) in [
        (vec![of_a_schema, of_a_field], true),
        (vec![of_a_field, of_a_schema], true),
        (vec![of_a_schema, of_a_field, of_a_field], false),
        (vec![of_a_field, of_another, of_a_schema], true),
        (vec![of_a_field, of_another, of_a_schema, of_thoughts], false),
    ] {
        let server = ModelServer::start(Behaviour::saying("Fine.").script(), 100).await;
        let manager = manager(&speaking(ProviderKind::Anthropic, &[&server], true, false));
        server.next(refusals.iter().map(|&said| refusal(said)));
        assert_eq!(manager.ask(strict()).await.is_ok(), is_mended, "{refusals:?}");
        assert_eq!(server.requests(), refusals.len() + usize::from(is_mended), "{refusals:?}");
    }
    // Who speaks of the word otherwise, or was told of no strict tool, has said nothing of the kind.
    for (kind, request, said) in [
        (ProviderKind::Openai, strict(), "Unknown argument: 'strict' is not in the list"),
        (ProviderKind::Openai, question(), of_the_model),
        (ProviderKind::Anthropic, question(), of_the_model),
    ] {
        let server = ModelServer::start(Behaviour::saying("Fine.").script(), 100).await;
        let manager = manager(&speaking(kind, &[&server], true, false));
        server.next([refusal(said)]);
        assert_eq!(manager.ask(request).await.unwrap_err().cause, Cause::BadRequest, "{kind:?} {said}");
        assert_eq!(manager.ask(strict()).await.unwrap().text, "Fine.");
        assert_eq!(were_strict(&server).last(), Some(&true), "{kind:?} {said}");
    }
    // Who knows no strict tools is known by it from then on, in whatever format.
    for said in ["body.tools.0.function.strict: Extra inputs are not permitted", "'strict' is not supported"] {
        let server = ModelServer::start(Behaviour::saying("Fine.").script(), 100).await;
        let manager = manager(&speaking(ProviderKind::Openai, &[&server], true, false));
        server.next([refusal(said)]);
        for asked in [strict(), strict_of("other")] {
            assert_eq!(manager.ask(asked).await.unwrap().text, "Fine.", "{said}");
        }
        assert_eq!(were_strict(&server), [true, false, false], "{said}");
    }
    // OpenAI refuses what no tool of its has, strict or not; whoever asks is told.
    let server = ModelServer::start(Behaviour::saying("Fine.").script(), 100).await;
    let manager = manager(&speaking(ProviderKind::Openai, &[&server], true, false));
    let said = "Invalid schema for function 'read': 'additionalProperties' is required to be supplied and to be false.";
    server.next([refusal(said)]);
    assert_eq!(manager.ask(strict()).await.unwrap_err().cause, Cause::BadRequest);
    assert_eq!(were_strict(&server), [true]);
}

fn question() -> Request {
    asking(vec![Turn::User(format!("The token is {}.", key()))])
}

/// What a reader has at the end.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    text: String,
    calls: Vec<ToolCall>,
    finish: Option<Finish>,
    error: Option<Cause>,
}

async fn heard(manager: &crate::LlmManager, request: Request) -> Heard {
    let mut heard = Heard::default();
    let mut stream = manager.stream(request).unwrap();
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(Piece::Text(text)) => {
                assert!(heard.calls.is_empty(), "calls come after the text");
                heard.text.push_str(&text);
            }
            Ok(Piece::Call(call)) => heard.calls.push(call),
            Ok(Piece::Restart) => heard.text.clear(),
            Ok(Piece::End(finish)) => heard.finish = Some(finish),
            Ok(Piece::Usage(_) | Piece::From(_)) => {
                assert_eq!(heard.finish, None, "the end is the last");
            }
            Ok(inner) => panic!("this is told to nobody: {inner:?}"),
            Err(LlmError { cause, .. }) => heard.error = Some(cause),
        }
    }
    heard
}

async fn asked(kind: ProviderKind, script: Script, stream: bool, request: Request) -> (Heard, ModelServer) {
    let server = ModelServer::start(script, 100).await;
    let answer = heard(&manager(&speaking(kind, &[&server], stream, false)), request).await;
    (answer, server)
}

#[tokio::test]
async fn calls_come_back_the_same_in_pieces_and_whole_in_every_format() {
    let first = json!({ "path": "Grüße \"x\"\n", "token": "__SECRET_1__" }).to_string();
    for kind in ALL {
        for stream in [true, false] {
            for (text, thoughts) in [("", 0), ("I look at both.", 2)] {
                let calls = [("read", first.as_str()), ("write", "{}")];
                let behaviour = Behaviour { thoughts, ..Behaviour::calling(text, &calls) };
                let (heard, server) = asked(kind, behaviour.script(), stream, question()).await;
                let said = format!("{kind:?} {stream} {heard:?}");
                assert_eq!(
                    (heard.text.as_str(), heard.finish, heard.error),
                    (text, Some(Finish::ToolCalls), None),
                    "{said}"
                );
                let names: Vec<&str> = heard.calls.iter().map(|call| call.name.as_str()).collect();
                assert_eq!(names, ["read", "write"], "{said}");
                let arguments: serde_json::Value = serde_json::from_str(&heard.calls[0].arguments).unwrap();
                assert_eq!(arguments, json!({ "path": "Grüße \"x\"\n", "token": key() }), "{said}");
                assert_eq!(heard.calls[1].arguments, "{}", "{said}");
                assert!(heard.calls[0].id != heard.calls[1].id && !heard.calls[0].id.is_empty(), "{said}");
                let sent = server.seen.bodies.lock().unwrap().concat();
                assert!(!sent.contains(&key()) && sent.contains("__SECRET_1__"), "{sent}");
            }
        }
    }
}

#[tokio::test]
async fn secrets_in_calls_and_results_never_leave() {
    let arguments = json!({ "token": key() }).to_string();
    let call = ToolCall { id: "c".into(), name: "read".into(), arguments, thought: None };
    let turns = vec![
        Turn::User("Go.".into()),
        Turn::Assistant { text: String::new(), calls: vec![call] },
        Turn::Tool { id: "c".into(), name: "read".into(), text: format!("token = '{}'", key()) },
    ];
    for kind in ALL {
        let (heard, server) =
            asked(kind, Behaviour::saying("It is __SECRET_1__ .").script(), true, asking(turns.clone())).await;
        assert_eq!((heard.text, heard.finish), (format!("It is {} .", key()), Some(Finish::Stop)), "{kind:?}");
        let sent = server.seen.bodies.lock().unwrap().concat();
        assert!(!sent.contains(&key()) && sent.matches("__SECRET_1__").count() == 2, "{kind:?} {sent}");
    }
}

#[tokio::test]
async fn nothing_of_a_call_is_shown_before_the_answer_ended_well() {
    for kind in ALL {
        for fault in [Fault::Cut, Fault::Ends, Fault::Stall, Fault::Garbage] {
            let broken = Behaviour { fault: Some(fault), ..Behaviour::calling("", &[("read", "{\"path\":\"a\"}")]) };
            let (broken, whole) = (
                ModelServer::start(broken.script(), 100).await,
                ModelServer::start(Behaviour::calling("", &[("write", "{}")]).script(), 100).await,
            );
            let heard = heard(&manager(&speaking(kind, &[&broken, &whole], true, false)), question()).await;
            let names: Vec<&str> = heard.calls.iter().map(|call| call.name.as_str()).collect();
            assert_eq!((names, heard.finish), (vec!["write"], Some(Finish::ToolCalls)), "{kind:?} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_call_is_a_first_word_and_a_sign_of_life() {
    // Each part comes well within the time for a stall, all of them together do not; the first comes in time, the text never.
    let calls: Vec<(&str, &str)> = (0..6).map(|_| ("read", "{\"path\":\"abc\"}")).collect();
    let slow = Behaviour { pace: Duration::from_millis(100), ..Behaviour::calling("", &calls) };
    let (heard, _) = asked(ProviderKind::Openai, slow.script(), true, question()).await;
    assert_eq!((heard.calls.len(), heard.finish, heard.error), (6, Some(Finish::ToolCalls), None));
}

#[tokio::test]
async fn calls_are_not_kept_and_text_is_though_there_are_tools() {
    let server = ModelServer::start(Behaviour::calling("", &[("read", "{}")]).script(), 100).await;
    let manager = manager(&speaking(ProviderKind::Openai, &[&server], true, false));
    for _ in 0..2 {
        assert_eq!(heard(&manager, question()).await.calls.len(), 1);
    }
    assert_eq!(server.requests(), 2);
    server.next([Behaviour::saying("No need.").script()]);
    for _ in 0..2 {
        assert_eq!(heard(&manager, question()).await.text, "No need.");
    }
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn calls_that_nobody_asked_for_are_no_answer() {
    // Without them nothing is left, which is nobody's fault but the request's.
    for (request, kind) in [
        (request("x"), ProviderKind::Openai),
        (Request { tool_choice: ToolChoice::None, ..question() }, ProviderKind::Anthropic),
    ] {
        let (heard, _) = asked(kind, Behaviour::calling("", &[("read", "{}")]).script(), false, request).await;
        assert_eq!((heard.error, heard.calls.len()), (Some(Cause::Empty), 0), "{kind:?}");
    }
    let (heard, _) =
        asked(ProviderKind::Gemini, Behaviour::calling("Well.", &[("read", "{}")]).script(), true, request("x")).await;
    assert_eq!((heard.text.as_str(), heard.finish, heard.calls.len()), ("Well.", Some(Finish::Stop), 0));
}

#[tokio::test]
async fn calls_are_bounded_in_number_and_in_bytes() {
    let many: Vec<(&str, &str)> = (0..200).map(|_| ("read", "{}")).collect();
    let (heard, _) = asked(ProviderKind::Ollama, Behaviour::calling("", &many).script(), true, question()).await;
    assert_eq!((heard.error, heard.calls.len()), (Some(Cause::Malformed), 0));
    let long = json!({ "path": "x".repeat(64 << 10) }).to_string();
    let server = ModelServer::start(Behaviour::calling("", &[("read", long.as_str())]).script(), 100).await;
    let mut settings = speaking(ProviderKind::Openai, &[&server], true, false);
    settings.models.max_answer_bytes = 32 << 10;
    let heard = self::heard(&manager(&settings), question()).await;
    assert_eq!((heard.error, heard.calls.len()), (Some(Cause::LongAnswer), 0));
}
