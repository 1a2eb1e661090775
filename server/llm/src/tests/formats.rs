//! Every wire format through the whole path: what is sent, what comes back in pieces and whole, and what goes wrong.

use super::{key, manager, request, server};
use crate::config::{KeySource, ModelsSettings, Settings, TargetSettings};
use crate::error::{Cause, LlmError};
use crate::prompt::{Prompt, PromptLimits, Turn};
use crate::providers::ProviderKind;
use crate::request::{Answer, Finish, Form, Piece, Request, Usage};
use crate::scripted::{Behaviour, Fault, ModelServer, Script, Trouble, words};
use crate::tools::Tool;
use crate::{LlmManager, config::RoutingSettings, config::RoutingStrategy};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

pub(super) const ALL: [ProviderKind; 5] = [
    ProviderKind::Openai,
    ProviderKind::OpenaiResponses,
    ProviderKind::Anthropic,
    ProviderKind::Gemini,
    ProviderKind::Ollama,
];

/// Settings for servers that all speak one format.
pub(super) fn speaking(kind: ProviderKind, servers: &[&ModelServer], stream: bool, http2: bool) -> Settings {
    let targets = servers.iter().enumerate().map(|(index, server)| TargetSettings {
        name: ["one", "two"][index].to_owned(),
        provider: kind,
        model: "m".to_owned(),
        base_url: Some(server.url.clone()),
        api_key: Some(KeySource::Env("KEY".to_owned())),
        stream: Some(stream),
        http2,
        ..TargetSettings::default()
    });
    Settings {
        models: ModelsSettings { target: targets.collect(), first_word_ms: 5_000, stall_ms: 250, ..Default::default() },
        routing: RoutingSettings { strategy: RoutingStrategy::Ordered, judge: None },
        ..Settings::default()
    }
}

async fn asked(
    kind: ProviderKind,
    script: Script,
    stream: bool,
    http2: bool,
) -> (Result<Answer, LlmError>, ModelServer) {
    let server = ModelServer::start(script, 100).await;
    let answer = manager(&speaking(kind, &[&server], stream, http2)).ask(request("x")).await;
    (answer, server)
}

/// What a server was asked, in order.
fn bodies(server: &ModelServer) -> Vec<Value> {
    server.seen.bodies.lock().unwrap().iter().map(|body| serde_json::from_str(body).unwrap()).collect()
}

#[tokio::test]
async fn an_answer_is_the_same_in_pieces_and_whole_in_every_format() {
    for kind in ALL {
        for (stream, http2) in [(true, false), (true, true), (false, false), (false, true)] {
            let text = "Grüße, 世界 🎉 \"quoted\"\nand more";
            let behaviour = Behaviour { thoughts: 3, prompt: 20, cached: 4, ..Behaviour::saying(text) };
            let words = behaviour.words.len() as u64;
            let (answer, server) = asked(kind, behaviour.script(), stream, http2).await;
            let answer = answer.unwrap();
            let cached = if kind == ProviderKind::Ollama { 0 } else { 4 };
            assert_eq!((answer.text.as_str(), answer.finish), (text, Finish::Stop), "{kind:?} {stream}");
            assert_eq!(answer.usage, Some(Usage { input: 20, cached, output: words + 3 }), "{kind:?} {stream}");
            let path = server.seen.paths.lock().unwrap().concat();
            let expected = match (kind, stream) {
                (ProviderKind::Openai, _) => "/v1/chat/completions",
                (ProviderKind::OpenaiResponses, _) => "/v1/responses",
                (ProviderKind::Anthropic, _) => "/v1/v1/messages",
                (ProviderKind::Gemini, true) => "/v1/models/m:streamGenerateContent?alt=sse",
                (ProviderKind::Gemini, false) => "/v1/models/m:generateContent",
                (ProviderKind::Ollama, _) => "/v1/api/chat",
            };
            assert_eq!(path, expected);
            assert!(server.seen.keys.lock().unwrap().concat().ends_with("a-key"), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_says_why_it_ended_in_every_format() {
    for kind in ALL {
        for stream in [true, false] {
            let cut = Behaviour { finish: Finish::Length, ..Behaviour::saying("as far as it") };
            let answer = asked(kind, cut.script(), stream, false).await.0.unwrap();
            assert_eq!((answer.text.as_str(), answer.finish), ("as far as it", Finish::Length), "{kind:?}");
            if kind != ProviderKind::Ollama {
                let refused = Behaviour { finish: Finish::ContentFilter, ..Behaviour::saying("well") };
                let error = asked(kind, refused.script(), stream, false).await.0.unwrap_err();
                assert_eq!(error.cause, Cause::ContentFilter, "{kind:?} {stream}");
            }
        }
    }
}

#[tokio::test]
async fn an_answer_ends_at_the_texts_at_which_it_is_to_end_in_every_format() {
    for kind in ALL {
        for stream in [true, false] {
            let words = ["one ", "two ", "EN", "D ", "three ", "four"].map(str::to_owned).to_vec();
            let server = ModelServer::start(Script::Words(words, Duration::ZERO), 100).await;
            let manager = manager(&speaking(kind, &[&server], stream, false));
            let ask = |stop: &str| manager.ask(Request { stop: vec![stop.to_owned()], ..request("x") });
            let answer = ask(" END").await.unwrap();
            assert_eq!((answer.text.as_str(), answer.finish), ("one two", Finish::Stop), "{kind:?} {stream}");
            assert!(answer.usage.is_some_and(|usage| usage.output > 0), "{kind:?} {stream}: it was paid for");
            assert_eq!(ask("END!").await.unwrap().text, "one two END three four", "{kind:?} {stream}");
        }
    }
}

#[tokio::test]
async fn what_a_model_says_behind_the_end_of_its_answer_is_not_waited_for() {
    let slow = Behaviour { pace: Duration::from_millis(50), times: 100, ..Behaviour::saying("one END two ") };
    let server = ModelServer::start(slow.script(), 100).await;
    let settings = speaking(ProviderKind::OpenaiResponses, &[&server], true, false);
    let answer = manager(&settings).ask(Request { stop: vec!["END".to_owned()], ..request("x") }).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.finish), ("one ", Finish::Stop));
    let left = Instant::now();
    while server.seen.aborted.load(Ordering::Relaxed) == 0 {
        assert!(left.elapsed() < Duration::from_secs(5), "it goes on");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn tools_that_are_called_behind_the_end_of_an_answer_are_not() {
    let parameters = json!({ "type": "object", "properties": {} });
    let tool = Tool { name: "read".to_owned(), description: String::new(), parameters, strict: None };
    let turns = vec![Turn::User("Go.".to_owned())];
    let prompt = Arc::new(Prompt::conversation(&[], turns, vec![tool], PromptLimits::default()).unwrap());
    for (stop, finish) in [("END", Finish::Stop), ("end", Finish::ToolCalls)] {
        let calling = Behaviour::calling("one END two", &[("read", "{}")]);
        let server = ModelServer::start(calling.script(), 100).await;
        let manager = manager(&speaking(ProviderKind::Openai, &[&server], false, false));
        let asked = Request { stop: vec![stop.to_owned()], ..Request::new(prompt.clone()) };
        assert_eq!(manager.ask(asked).await.unwrap().finish, finish);
    }
}

#[tokio::test]
async fn what_nobody_knows_yet_breaks_no_format() {
    for kind in ALL {
        let novel = Behaviour { is_novel: true, thoughts: 1, ..Behaviour::saying("as ever") };
        let answer = asked(kind, novel.script(), true, false).await.0.unwrap();
        assert_eq!((answer.text.as_str(), answer.finish), ("as ever", Finish::Stop), "{kind:?}");
    }
}

#[tokio::test]
async fn thoughts_are_shown_to_nobody() {
    for kind in ALL {
        let thinking = Behaviour { thoughts: 5, ..Behaviour::saying("so it is") };
        let server = ModelServer::start(thinking.script(), 100).await;
        let manager = manager(&speaking(kind, &[&server], true, false));
        let mut stream = manager.stream(request("x")).unwrap();
        let mut text = String::new();
        while let Some(piece) = stream.next().await {
            match piece.unwrap() {
                Piece::Text(more) => text.push_str(&more),
                Piece::Restart | Piece::Usage(_) | Piece::From(_) | Piece::End(_) => {}
                inner => panic!("{kind:?} {inner:?}"),
            }
        }
        assert_eq!(text, "so it is", "{kind:?}");
    }
}

/// What a fault in a stream is, said by the error.
fn cause_of(kind: ProviderKind, fault: Fault) -> Cause {
    match fault {
        Fault::Cut | Fault::Ends => Cause::Transport,
        Fault::Stall => Cause::Timeout,
        Fault::Garbage | Fault::NotUtf8 => Cause::Malformed,
        // One sentence without a code says only that something failed.
        Fault::Quota | Fault::Says(_) if kind == ProviderKind::Ollama => Cause::Server,
        Fault::Quota if kind == ProviderKind::Gemini => Cause::Rate,
        // Where it has no code of its own, what the message says must do.
        Fault::Quota if kind == ProviderKind::Anthropic => Cause::Quota,
        Fault::Quota => Cause::Quota,
        Fault::Says(Trouble::Overload) => Cause::Overload,
        Fault::Says(_) => Cause::Server,
    }
}

const FAULTS: [Fault; 8] = [
    Fault::Cut,
    Fault::Ends,
    Fault::Stall,
    Fault::Garbage,
    Fault::NotUtf8,
    Fault::Quota,
    Fault::Says(Trouble::Overload),
    Fault::Says(Trouble::Server),
];

/// The text as a reader sees it at the end.
async fn shown(manager: &LlmManager) -> String {
    let mut stream = manager.stream(request("x")).unwrap();
    let mut shown = String::new();
    while let Some(piece) = stream.next().await {
        match piece.unwrap() {
            Piece::Text(text) => shown.push_str(&text),
            Piece::Restart => shown.clear(),
            Piece::Usage(_) | Piece::From(_) | Piece::End(_) => {}
            inner => panic!("no tools were there, and thoughts are told to nobody: {inner:?}"),
        }
    }
    shown
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_breaks_goes_on_elsewhere_in_every_format() {
    let cases = ALL.into_iter().flat_map(|kind| FAULTS.map(|fault| (kind, fault)));
    let checks = cases.map(|(kind, fault)| {
        tokio::spawn(async move {
            for (there, http2) in [("one two three four", false), ("other words here", true)] {
                let broken = ModelServer::start(Script::Broken(words("one two "), fault), 100).await;
                let whole = ModelServer::start(Script::Words(words(there), Duration::ZERO), 100).await;
                let manager = manager(&speaking(kind, &[&broken, &whole], true, http2));
                assert_eq!(shown(&manager).await, there, "{kind:?} {fault:?}");
                assert_eq!((broken.requests(), whole.requests()), (1, 1), "{kind:?} {fault:?}");
                let expected = cause_of(kind, fault).name();
                assert_eq!(manager.report()[0].failures, [(expected, 1)], "{kind:?} {fault:?}");
            }
        })
    });
    for check in checks.collect::<Vec<_>>() {
        check.await.unwrap();
    }
}

#[tokio::test]
async fn a_whole_answer_that_is_none_is_a_typed_failure_in_every_format() {
    for kind in ALL {
        for fault in [Fault::Cut, Fault::Ends, Fault::Garbage, Fault::NotUtf8, Fault::Says(Trouble::Server)] {
            let error = asked(kind, Script::Broken(words("one"), fault), false, false).await.0.unwrap_err();
            let expected = match fault {
                Fault::Cut => Cause::Transport,
                Fault::Says(_) => Cause::Server,
                _ => Cause::Malformed,
            };
            assert_eq!(error.cause, expected, "{kind:?} {fault:?}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_provider_says_instead_of_an_answer_is_understood_in_every_format() {
    let troubles = [
        (Trouble::Auth, Cause::Auth),
        (Trouble::Quota, Cause::Quota),
        (Trouble::Rate, Cause::Rate),
        (Trouble::Overload, Cause::Overload),
        (Trouble::ContextLength, Cause::ContextLength),
        (Trouble::ContentFilter, Cause::ContentFilter),
        (Trouble::Server, Cause::Server),
    ];
    let cases = ALL.into_iter().flat_map(|kind| troubles.map(|(trouble, cause)| (kind, trouble, cause)));
    let checks = cases.map(|(kind, trouble, cause)| {
        tokio::spawn(async move {
            // Google means the limit of a minute where it speaks of a quota.
            let is_limit = (kind, trouble) == (ProviderKind::Gemini, Trouble::Quota);
            let cause = if is_limit { Cause::Rate } else { cause };
            for stream in [true, false] {
                let error = asked(kind, Script::Fails(trouble, Vec::new()), stream, false).await.0.unwrap_err();
                assert_eq!(error.cause, cause, "{kind:?} {trouble:?}: {error}");
            }
        })
    });
    for check in checks.collect::<Vec<_>>() {
        check.await.unwrap();
    }
}

#[tokio::test]
async fn a_limit_says_when_to_come_again_in_every_format() {
    for kind in ALL {
        for (name, value) in [("retry-after", "7"), ("retry-after-ms", "7000")] {
            let headers = vec![(name, value.to_owned()), ("x-ratelimit-remaining-requests", "0".to_owned())];
            let (answer, server) = asked(kind, Script::Fails(Trouble::Rate, headers), true, false).await;
            let error = answer.unwrap_err();
            assert_eq!((error.cause, error.retry_after), (Cause::Rate, Some(Duration::from_secs(7))), "{kind:?}");
            assert_eq!(server.requests(), 1, "nobody comes before the time");
        }
    }
}

#[tokio::test]
async fn a_schema_is_asked_for_in_each_providers_words() {
    let schema = json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"] });
    for kind in ALL {
        let server = ModelServer::start(Script::Words(words("{}"), Duration::ZERO), 100).await;
        let manager = manager(&speaking(kind, &[&server], true, false));
        manager.ask(Request { form: Some(Form::strict(schema.clone())), ..request("x") }).await.unwrap();
        let [body] = <[Value; 1]>::try_from(bodies(&server)).unwrap();
        let format = match kind {
            ProviderKind::Openai => &body["response_format"],
            ProviderKind::OpenaiResponses => &body["text"]["format"],
            ProviderKind::Gemini => &body["generationConfig"],
            ProviderKind::Ollama => &body["format"],
            ProviderKind::Anthropic => &body["system"],
        };
        let matches = match kind {
            ProviderKind::Openai => {
                *format
                    == json!({ "type": "json_schema", "json_schema": { "name": "answer", "schema": schema, "strict": true } })
            }
            ProviderKind::OpenaiResponses => {
                *format == json!({ "type": "json_schema", "name": "answer", "schema": schema, "strict": true })
            }
            ProviderKind::Gemini => {
                format["responseMimeType"] == "application/json" && format["responseJsonSchema"] == schema
            }
            ProviderKind::Ollama => *format == schema,
            ProviderKind::Anthropic => format.as_str().unwrap().contains(&schema.to_string()),
        };
        assert!(matches, "{kind:?}: {body}");
    }
}

#[tokio::test]
async fn any_object_and_a_schema_that_is_not_strict_are_asked_for_in_each_providers_words() {
    let schema = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    let (name, description) = (Some("pet".to_owned()), Some("A pet.".to_owned()));
    let loose = Form::Schema { schema: schema.clone(), strict: false, name, description };
    let told = json!({ "name": "pet", "description": "A pet.", "schema": schema, "strict": false });
    let mut flat = told.clone();
    flat["type"] = json!("json_schema");
    let any = json!({ "type": "object" });
    for kind in ALL {
        for form in [Form::Object, loose.clone()] {
            let server = server("{}").await;
            let manager = manager(&speaking(kind, &[&server], true, false));
            manager.ask(Request { form: Some(form.clone()), ..request("x") }).await.unwrap();
            let [body] = <[Value; 1]>::try_from(bodies(&server)).unwrap();
            let is_any = form == Form::Object;
            if kind == ProviderKind::OpenaiResponses {
                // There, who asks for any object has to speak of JSON in what is asked.
                let instructions = body.pointer(if is_any { "/input/0/content" } else { "/instructions" });
                assert!(instructions.and_then(Value::as_str).is_some_and(|said| said.contains("Answer.")), "{body}");
                assert_eq!(body.get("instructions").is_none(), is_any, "{body}");
            }
            let (place, expected) = match kind {
                ProviderKind::Openai if is_any => ("/response_format", json!({ "type": "json_object" })),
                ProviderKind::Openai => ("/response_format", json!({ "type": "json_schema", "json_schema": told })),
                ProviderKind::OpenaiResponses if is_any => ("/text/format", json!({ "type": "json_object" })),
                ProviderKind::OpenaiResponses => ("/text/format", flat.clone()),
                ProviderKind::Gemini => ("/generationConfig/responseMimeType", json!("application/json")),
                ProviderKind::Ollama => ("/format", if is_any { any.clone() } else { schema.clone() }),
                ProviderKind::Anthropic => {
                    let said = body["system"].as_str().unwrap_or_default();
                    assert!(said.contains(&if is_any { any.to_string() } else { schema.to_string() }), "{body}");
                    continue;
                }
            };
            assert_eq!(body.pointer(place), Some(&expected), "{kind:?}: {body}");
            let told = body.pointer("/generationConfig/responseJsonSchema");
            assert_eq!(told, (kind == ProviderKind::Gemini && !is_any).then_some(&schema), "{kind:?}: {body}");
        }
    }
}

#[tokio::test]
async fn who_has_no_word_for_any_object_is_asked_for_one_by_its_schema() {
    let server = server("{}").await;
    let manager = manager(&speaking(ProviderKind::Openai, &[&server], true, false));
    let said = json!({ "error": "'response_format.type' must be 'json_schema' or 'text'" });
    server.next([Script::Status(400, Vec::new(), said.to_string())]);
    for text in ["one", "two"] {
        manager.ask(Request { form: Some(Form::Object), ..request(text) }).await.unwrap();
    }
    let formats: Vec<Value> = bodies(&server).iter().map(|body| body["response_format"].clone()).collect();
    let schema = json!({ "name": "answer", "schema": { "type": "object" }, "strict": false });
    let by_schema = json!({ "type": "json_schema", "json_schema": schema });
    assert_eq!(formats, [json!({ "type": "json_object" }), by_schema.clone(), by_schema]);
}

#[tokio::test]
async fn the_window_of_the_settings_is_told_and_stays_where_something_is_learnt() {
    let server = server("fine").await;
    let mut wide = speaking(ProviderKind::Ollama, &[&server], true, false);
    let (manager, _) = LlmManager::new(&wide, &key);
    manager.ask(request("one")).await.unwrap();
    wide.models.target[0].context_window = Some(32_768);
    assert!(manager.reconfigure(&wide, &key).is_empty());
    server.next([Script::Status(400, Vec::new(), json!({ "error": "'stop' is not supported" }).to_string())]);
    manager.ask(request("two")).await.unwrap();
    manager.ask(request("three")).await.unwrap();
    let windows: Vec<_> = bodies(&server).iter().map(|body| body["options"]["num_ctx"].as_u64()).collect();
    assert_eq!(windows, [None, Some(32_768), Some(32_768), Some(32_768)]);
}

#[tokio::test]
async fn a_request_too_many_is_refused_before_it_is_sent() {
    let server = ModelServer::start(Script::Words(words("fine"), Duration::ZERO), 100).await;
    let mut tight = speaking(ProviderKind::Openai, &[&server], true, false);
    tight.models.max_bytes_in_flight = 10_000;
    let (manager, _) = LlmManager::new(&tight, &key);
    let error = manager.ask(request(&"x".repeat(20_000))).await.unwrap_err();
    assert_eq!((error.cause, server.requests()), (Cause::Busy, 0));
    assert!(error.to_string().contains("models.max-bytes-in-flight"), "{error}");
    assert_eq!(manager.ask(request("short")).await.unwrap().text, "fine");
    tight.models.max_bytes_in_flight = 100_000;
    manager.reconfigure(&tight, &key);
    assert_eq!(manager.ask(request(&"x".repeat(20_000))).await.unwrap().text, "fine");
}
