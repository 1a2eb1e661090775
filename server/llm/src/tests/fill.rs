//! Holes through the whole path: who is asked, what is sent, what comes back, and what is said where nobody can fill one.

use super::*;
use crate::config::TargetSettings;
use crate::providers::{FillFormat, ProviderKind};
use crate::request::{Answer, Finish, Usage};
use crate::scripted::{Behaviour, Trouble};
use crate::strategy::AnswerStrategy;
use serde_json::{Value, json};

/// Settings in which each server is a target of its own, `one` and `two`, with these ways to fill.
fn filling(servers: &[(&ModelServer, Option<FillFormat>)], stream: bool) -> Settings {
    let mut settings = settings(&servers.iter().map(|(server, _)| *server).collect::<Vec<_>>());
    for (target, (_, fill)) in settings.models.target.iter_mut().zip(servers) {
        *target = TargetSettings { fill: *fill, stream: Some(stream), ..target.clone() };
    }
    settings
}

fn hole(prefix: &str, suffix: &str) -> Request {
    Request::new(Arc::new(Prompt::fill(prefix, suffix, PromptLimits::default()).unwrap()))
}

fn body(server: &ModelServer) -> Value {
    serde_json::from_str(server.seen.bodies.lock().unwrap().last().unwrap()).unwrap()
}

fn path(server: &ModelServer) -> String {
    server.seen.paths.lock().unwrap().last().cloned().unwrap()
}

#[tokio::test]
async fn a_hole_is_filled_the_same_in_pieces_and_whole_in_every_format() {
    for fill in FillFormat::ALL {
        for stream in [true, false] {
            let text = "Grüße, 世界 🎉 \"quoted\"\nand more";
            let behaviour = Behaviour { prompt: 20, cached: 4, ..Behaviour::saying(text) };
            let words = behaviour.words.len() as u64;
            let server = ModelServer::start(behaviour.script(), 100).await;
            let manager = manager(&filling(&[(&server, Some(fill))], stream));
            let answer = manager.ask(hole("def f(", "):\n")).await.unwrap();
            assert_eq!((answer.text.as_str(), answer.finish), (text, Finish::Stop), "{fill:?} {stream}");
            let cached = if fill == FillFormat::Ollama { 0 } else { 4 };
            assert_eq!(answer.usage, Some(Usage { input: 20, cached, output: words }), "{fill:?} {stream}");
            let expected = match fill {
                FillFormat::Infill => "/infill",
                FillFormat::Mistral => "/v1/fim/completions",
                FillFormat::Ollama => "/api/generate",
                _ => "/v1/completions",
            };
            assert_eq!(path(&server), expected);
            assert!(server.seen.keys.lock().unwrap().concat().ends_with("a-key"), "{fill:?}");
            let again = manager.ask(hole("def f(", "):\n")).await.unwrap();
            assert!(again.from_cache && again.text == text, "{fill:?}");
            assert!(!manager.ask(hole("def f", "():\n")).await.unwrap().from_cache, "another hole, another question");
        }
    }
}

#[tokio::test]
async fn ollama_gets_the_marks_of_a_template_as_they_are() {
    let server = server("x").await;
    let mut settings = filling(&[(&server, Some(FillFormat::Codellama))], true);
    settings.models.target[0].provider = ProviderKind::Ollama;
    let answer = manager(&settings).ask(hole("a", "b")).await.unwrap();
    assert_eq!((answer.text.as_str(), path(&server).as_str()), ("x", "/api/generate"));
    assert_eq!((&body(&server)["prompt"], &body(&server)["raw"]), (&json!("<PRE> a <SUF>b <MID>"), &json!(true)));
}

#[tokio::test]
async fn only_targets_that_fill_are_given_a_hole_and_ordinary_questions_go_where_they_went() {
    let (chats, fills) = (server("talk").await, server("code").await);
    let manager = manager(&filling(&[(&chats, None), (&fills, Some(FillFormat::Qwen))], true));
    assert!(manager.can_fill());
    for strategy in [AnswerStrategy::Fast, AnswerStrategy::Cascade, AnswerStrategy::BestOfTwo] {
        let prefix = format!("def {}(", strategy.name());
        let chosen = manager.answer(hole(&prefix, ""), strategy, &[]).await.unwrap();
        assert_eq!((chosen.answer.text.as_str(), chosen.answer.target.as_str()), ("code", "two"), "{strategy:?}");
    }
    assert_eq!(chats.requests(), 0);
    assert_eq!(manager.ask(request("x")).await.unwrap().target, "one");
    let wanted = Request { target: Some("one".into()), ..hole("x", "") };
    let error = manager.ask(wanted).await.unwrap_err();
    assert_eq!(error.cause, Cause::NoFill);
    assert!(
        error.to_string().starts_with("one: it is given no holes to fill, since its `fill` is not set ("),
        "{error}"
    );
}

#[tokio::test]
async fn where_nobody_fills_it_is_one_sentence_that_names_the_setting() {
    let server = server("talk").await;
    let manager = manager(&settings(&[&server]));
    assert!(!manager.can_fill());
    for strategy in [AnswerStrategy::Fast, AnswerStrategy::Cascade, AnswerStrategy::BestOfTwo] {
        let error = manager.answer(hole("x", ""), strategy, &[]).await.unwrap_err();
        let expected =
            "models: no `[[models.target]]` has a `fill`, which says how it fills a hole (no model can be asked).";
        assert_eq!(error.to_string(), expected, "{strategy:?}");
    }
    let offline = crate::request::Offline::new(|| "from here".to_owned());
    let answer = manager.ask(Request { offline: Some(offline), ..hole("x", "") }).await.unwrap();
    assert_eq!((answer.text.as_str(), server.requests()), ("from here", 0));
}

#[tokio::test]
async fn a_model_without_marks_is_told_from_a_server_that_fails_and_nothing_is_held_against_it() {
    let refusal = json!({ "error": { "code": 501, "type": "not_supported_error",
        "message": "Infill is not supported by this model: prefix token is missing. suffix token is missing. middle token is missing. " } });
    let server = ModelServer::start(Script::Status(501, Vec::new(), refusal.to_string()), 100).await;
    let manager = manager(&filling(&[(&server, Some(FillFormat::Infill))], true));
    for number in 0..10 {
        let error = manager.ask(hole(&number.to_string(), "")).await.unwrap_err();
        let expected = "one: its model takes no hole to be filled (take `fill` out of its settings, or set it as the model needs it).";
        assert_eq!((error.cause, error.to_string().as_str()), (Cause::NoFill, expected));
    }
    assert_eq!(server.requests(), 10, "it is not asked twice for the same");
    assert_eq!(manager.report()[0].state, "ready");
    server.next([saying("talk")]);
    assert_eq!(manager.ask(request("x")).await.unwrap().text, "talk");
}

#[tokio::test]
async fn nothing_may_be_missing_in_a_text() {
    for (fill, stream) in FillFormat::ALL.into_iter().flat_map(|fill| [(fill, true), (fill, false)]) {
        let server = ModelServer::start(Script::Words(Vec::new(), Duration::ZERO), 100).await;
        let manager = manager(&filling(&[(&server, Some(fill))], stream));
        let answer = manager.ask(hole("x = 1", "\n")).await.unwrap();
        assert_eq!(
            (answer.text.as_str(), answer.finish, server.requests()),
            ("", Finish::Stop, 1),
            "{fill:?} {stream}"
        );
    }
}

#[tokio::test]
async fn a_secret_beside_a_hole_stays_here_and_comes_back() {
    let secret = ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat();
    let server = server("\"__SECRET_1__\" ").await;
    let manager = manager(&filling(&[(&server, Some(FillFormat::Infill))], true));
    let answer = manager.ask(hole(&format!("token = \"{secret}\"\nagain = "), "\n")).await.unwrap();
    assert_eq!(answer.text, format!("\"{secret}\" "));
    assert!(!server.seen.bodies.lock().unwrap().concat().contains(&secret));
    assert_eq!(body(&server)["input_prefix"], "token = \"__SECRET_1__\"\nagain = ");
}

#[tokio::test]
async fn stops_are_sent_and_are_a_part_of_the_question() {
    let server = server("x").await;
    let manager = manager(&filling(&[(&server, Some(FillFormat::Infill))], true));
    let ask = async |stop: &[&str]| -> Answer {
        let stop = stop.iter().map(|&stop| stop.to_owned()).collect();
        manager.ask(Request { stop, ..hole("a", "b") }).await.unwrap()
    };
    assert!(!ask(&["\n"]).await.from_cache);
    assert_eq!(body(&server)["stop"], json!(["\n"]));
    assert!(!ask(&["\n\n"]).await.from_cache && ask(&["\n\n"]).await.from_cache);
}

#[tokio::test]
async fn a_fill_that_breaks_goes_on_elsewhere_in_another_format() {
    for fault in [Fault::Cut, Fault::Ends, Fault::Stall, Fault::Garbage, Fault::Says(Trouble::Server)] {
        for fill in [FillFormat::Suffix, FillFormat::Infill, FillFormat::Mistral, FillFormat::Ollama] {
            let broken = ModelServer::start(Script::Broken(words("one two "), fault), 100).await;
            let whole = server("one two three").await;
            let manager = manager(&filling(&[(&broken, Some(fill)), (&whole, Some(FillFormat::Qwen))], true));
            let answer = manager.ask(hole("a", "b")).await.unwrap();
            assert_eq!((answer.text.as_str(), answer.target.as_str()), ("one two three", "two"), "{fill:?} {fault:?}");
        }
    }
}
