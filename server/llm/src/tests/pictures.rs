//! Pictures through the whole path: who is shown them, what they cost, and what nobody is told of them.

use super::formats::{ALL, speaking};
use super::{manager, saying, settings};
use crate::LlmManager;
use crate::budget::Limits;
use crate::config::{PicturesSetting, Settings};
use crate::error::Cause;
use crate::events::Event;
use crate::prompt::{Detail, Picture, Prompt, PromptError, PromptLimits, Shown, Turn};
use crate::providers::ProviderKind;
use crate::request::{Form, Piece, Request};
use crate::scripted::{ModelServer, Script, words};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const PNG: &str = "data:image/png;base64,iVBORw0KGgo=";
const OTHER: &str = "data:image/png;base64,iVBORw0KGgoA";
const ADDRESS: &str = "https://example.org/a.png";

fn showing(url: &str) -> Request {
    let picture = Shown::Picture(Picture::of(url.to_owned(), None).unwrap());
    let turns = vec![Turn::Showing(vec![Shown::Text("What is it?".to_owned()), picture])];
    Request::new(Arc::new(Prompt::conversation(&[], turns, Vec::new(), PromptLimits::default()).unwrap()))
}

/// Settings of two targets that speak these formats.
fn two(servers: [&ModelServer; 2], kinds: [ProviderKind; 2]) -> Settings {
    let mut settings = speaking(kinds[0], &servers, true, false);
    settings.models.target[1].provider = kinds[1];
    settings
}

/// Asks models that may be told addresses.
fn reaching(settings: &Settings) -> LlmManager {
    let manager = manager(settings);
    manager.open_all();
    manager
}

async fn server(text: &str) -> ModelServer {
    ModelServer::start(saying(text), 100).await
}

#[tokio::test]
async fn a_picture_arrives_in_every_format_and_is_another_question_than_another_one() {
    for kind in ALL {
        let server = server("a cat").await;
        let manager = manager(&speaking(kind, &[&server], true, false));
        assert_eq!(manager.ask(showing(PNG)).await.unwrap().text, "a cat", "{kind:?}");
        assert!(server.seen.bodies.lock().unwrap()[0].contains("iVBORw0KGgo="), "{kind:?}");
        assert!(manager.ask(showing(PNG)).await.unwrap().from_cache, "{kind:?}");
        assert!(!manager.ask(showing(OTHER)).await.unwrap().from_cache, "{kind:?}");
        assert_eq!(server.requests(), 2, "{kind:?}");
    }
}

#[tokio::test]
async fn who_does_not_go_to_an_address_is_passed_over() {
    let (gemini, chat) = (server("never").await, server("a cat").await);
    let manager = reaching(&two([&gemini, &chat], [ProviderKind::Gemini, ProviderKind::Openai]));
    assert_eq!(manager.ask(showing(ADDRESS)).await.unwrap().target, "two");
    let error = manager.ask(Request { target: Some("one".into()), ..showing(ADDRESS) }).await.unwrap_err();
    assert_eq!(error.cause, Cause::NoPicture);
    assert!(error.to_string().starts_with("one: its format has no place for a picture that is at an address only ("));
    assert_eq!((gemini.requests(), chat.requests()), (0, 1));
    // It is shown what is attached.
    assert_eq!(manager.ask(showing(PNG)).await.unwrap().target, "one");
}

#[tokio::test]
async fn a_server_of_ones_own_is_given_no_address() {
    for kind in [ProviderKind::Openai, ProviderKind::OpenaiResponses, ProviderKind::Anthropic] {
        let server = server("a cat").await;
        // An address of the encrypted web, so that all of these formats would take it.
        let own = manager(&speaking(kind, &[&server], true, false));
        for target in [None, Some("one".to_owned())] {
            let error = own.ask(Request { target, ..showing(ADDRESS) }).await.unwrap_err();
            assert_eq!((error.cause, server.requests()), (Cause::NoPicture, 0), "{kind:?}");
        }
        assert_eq!(own.ask(showing(PNG)).await.unwrap().text, "a cat", "{kind:?}: what is attached is shown");
        let open = reaching(&speaking(kind, &[&server], true, false));
        assert_eq!(open.ask(showing(ADDRESS)).await.unwrap().text, "a cat", "{kind:?}");
        assert_eq!(server.requests(), 2, "{kind:?}");
    }
}

#[tokio::test]
async fn what_is_at_an_address_is_looked_at_anew_and_by_those_who_ask_at_once_together() {
    let server = ModelServer::start(Script::Words(words("a cat"), Duration::from_millis(50)), 100).await;
    let manager = reaching(&settings(&[&server]));
    let (one, two) = tokio::join!(manager.ask(showing(ADDRESS)), manager.ask(showing(ADDRESS)));
    assert_eq!((one.unwrap().text, two.unwrap().text, server.requests()), ("a cat".into(), "a cat".into(), 1));
    assert!(!manager.ask(showing(ADDRESS)).await.unwrap().from_cache);
    assert_eq!(server.requests(), 2);
    assert!(!manager.ask(showing(PNG)).await.unwrap().from_cache);
    assert!(manager.ask(showing(PNG)).await.unwrap().from_cache, "what is attached stays what it is");
}

/// A picture of so many letters of base64.
fn large(letters: usize) -> String {
    format!("{PNG}{}", "A".repeat(letters)).replace("Ggo=", "GgoA")
}

#[tokio::test]
async fn pictures_have_the_time_that_their_way_takes_and_make_nobody_slow() {
    let late = |milliseconds| Script::Late(Duration::from_millis(milliseconds), words("a cat"));
    let server = server("never").await;
    let mut quick = settings(&[&server]);
    quick.models.first_word_ms = 300;
    let manager = manager(&quick);
    server.next([late(900)]);
    assert_eq!(manager.ask(showing(&large(256 << 10))).await.unwrap().text, "a cat");
    assert_eq!(manager.report()[0].first_word_p50_ms, None);
    server.next([late(900), late(900), late(900)]);
    assert_eq!(manager.ask(showing(PNG)).await.unwrap_err().cause, Cause::Timeout);
}

#[tokio::test]
async fn who_waits_for_his_turn_keeps_no_room_from_pictures_that_could_go_out() {
    let server = ModelServer::start(Script::Words(words("a b c d e f"), Duration::from_millis(50)), 100).await;
    let mut narrow = settings(&[&server]);
    (narrow.models.concurrency, narrow.models.adaptive) = (1, false);
    let manager = manager(&narrow);
    let mut stream = manager.stream(super::request("x")).unwrap();
    assert!(matches!(stream.next().await, Some(Ok(Piece::Text(_)))));
    let mut waits = std::pin::pin!(manager.ask(showing(PNG)));
    assert!(tokio::time::timeout(Duration::from_millis(30), &mut waits).await.is_err());
    assert_eq!(server.requests(), 1, "it has no turn yet");
    let all = manager.inner.pool.hold_pictures("t", usize::MAX, Duration::from_millis(10)).await;
    assert!(all.is_ok());
    drop((all, stream));
    assert_eq!(waits.await.unwrap().text, "a b c d e f");
}

#[tokio::test]
async fn who_does_not_know_a_type_is_passed_over() {
    let gif = "data:image/gif;base64,R0lGODlhAQ==";
    let (gemini, chat) = (server("a cat").await, server("a dog").await);
    let manager = manager(&two([&gemini, &chat], [ProviderKind::Gemini, ProviderKind::Openai]));
    assert_eq!(manager.ask(showing(gif)).await.unwrap().target, "two");
    assert_eq!(manager.ask(showing(PNG)).await.unwrap().target, "one");
    let error = manager.ask(Request { target: Some("one".into()), ..showing(gif) }).await.unwrap_err();
    let expected = "one: its format has no place for a picture of this type \
                    (it cannot read the picture; save it anew, as PNG or JPEG).";
    assert_eq!((error.cause, error.to_string().as_str()), (Cause::NoPicture, expected));
    assert_eq!((gemini.requests(), chat.requests()), (1, 1));
    let alone = super::manager(&speaking(ProviderKind::Gemini, &[&gemini], true, false));
    let error = alone.ask(showing(gif)).await.unwrap_err();
    assert_eq!((error.cause, error.detail.as_str()), (Cause::NoPicture, "none of them takes a picture of this type"));
}

#[tokio::test]
async fn no_judge_is_asked_about_what_it_does_not_see() {
    use crate::best_of_two::{Start, best_of_two};
    let (one, two, judge) = (server("a cat").await, server("a dog").await, server("2").await);
    let mut judged = settings(&[&one, &two, &judge]);
    judged.routing.judge = Some("three".to_owned());
    let manager = manager(&judged);
    let chosen = best_of_two(&manager, showing(PNG), &[], Start::Together).await.unwrap();
    assert_eq!((chosen.was_judged, judge.requests()), (false, 0));
    let chosen = best_of_two(&manager, super::request("x"), &[], Start::Together).await.unwrap();
    assert_eq!((chosen.was_judged, judge.requests()), (true, 2), "without pictures it is");
}

#[tokio::test]
async fn where_nobody_goes_to_an_address_it_is_one_sentence() {
    let (gemini, ollama) = (server("never").await, server("never").await);
    let manager = manager(&two([&gemini, &ollama], [ProviderKind::Gemini, ProviderKind::Ollama]));
    let error = manager.ask(showing(ADDRESS)).await.unwrap_err();
    let expected = "models: none of them fetches a picture that is at an address only \
                    (it takes no such picture; ask a model that sees, or attach the picture itself).";
    assert_eq!((error.cause, error.to_string().as_str()), (Cause::NoPicture, expected));
    assert_eq!((gemini.requests(), ollama.requests()), (0, 0));
}

#[tokio::test]
async fn after_a_model_that_sees_nothing_the_next_one_is_asked_and_it_is_not_asked_again() {
    let llama = "image input is not supported - hint: you may need to provide the mmproj";
    for (status, said) in [(400, "This model does not support image input."), (500, llama)] {
        let (blind, sees) = (server("words").await, server("a cat").await);
        let manager = manager(&two([&blind, &sees], [ProviderKind::Openai; 2]));
        let refusal = json!({ "error": { "message": said } }).to_string();
        blind.next([Script::Status(status, Vec::new(), refusal)]);
        for number in 0..8 {
            let asked = Request { max_tokens: 100 + number, ..showing(PNG) };
            assert_eq!(manager.ask(asked).await.unwrap().target, "two", "{said}");
        }
        assert_eq!((blind.requests(), sees.requests()), (1, 8), "{said}");
        assert_eq!(manager.report()[0].state, "ready", "{said}");
        assert_eq!(manager.report()[0].failures, [("no-picture", 1)], "{said}");
        let error = manager.ask(Request { target: Some("one".into()), ..showing(PNG) }).await.unwrap_err();
        assert_eq!((error.cause, blind.requests()), (Cause::NoPicture, 1), "{said}");
        assert!(error.to_string().contains("ask a model that sees"), "{error}");
        // It is asked what it can answer, and shown pictures again when the settings are other ones.
        assert_eq!(manager.ask(super::request("x")).await.unwrap().target, "one", "{said}");
        manager.reconfigure(&two([&blind, &sees], [ProviderKind::Openai; 2]), &super::key);
        assert_eq!(manager.ask(Request { max_tokens: 7, ..showing(PNG) }).await.unwrap().target, "one", "{said}");
    }
}

#[tokio::test]
async fn a_picture_that_a_model_does_not_take_makes_it_blind_for_no_other() {
    let (first, second) = (server("a dog").await, server("a cat").await);
    let manager = manager(&two([&first, &second], [ProviderKind::Openai; 2]));
    let refusal = json!({ "error": { "message": "This model does not support image format bmp" } }).to_string();
    first.next([Script::Status(400, Vec::new(), refusal)]);
    assert_eq!(manager.ask(showing(PNG)).await.unwrap().target, "two");
    assert_eq!(manager.ask(showing(OTHER)).await.unwrap().target, "one");
}

#[tokio::test]
async fn what_is_said_of_an_address_or_beside_a_schema_makes_a_model_blind_for_no_other() {
    let refusal = json!({ "error": { "message": "This model does not support image input." } }).to_string();
    let beside = Request { form: Some(Form::Object), ..showing(PNG) };
    for asked in [showing(ADDRESS), beside] {
        let (first, second) = (server("a dog").await, server("a cat").await);
        let manager = reaching(&two([&first, &second], [ProviderKind::Openai; 2]));
        first.next([Script::Status(400, Vec::new(), refusal.clone())]);
        assert_eq!(manager.ask(asked).await.unwrap().target, "two");
        assert_eq!(manager.ask(showing(OTHER)).await.unwrap().target, "one");
    }
}

/// Of all that was asked: how many were asked before it, and whether the time before it was told.
fn attempts(events: &mut tokio::sync::broadcast::Receiver<Event>) -> Vec<(usize, bool)> {
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let Event::Asked { attempt, overhead, .. } = event {
            told.push((attempt, overhead.is_some()));
        }
    }
    told
}

#[tokio::test]
async fn models_that_see_nothing_take_no_turn_from_one_that_sees() {
    let refusal = json!({ "error": { "message": "This model does not support image input." } }).to_string();
    let blind = ModelServer::start(Script::Status(400, Vec::new(), refusal), 100).await;
    let sees = server("a cat").await;
    let mut many = settings(&[&blind]);
    for number in 0..6 {
        let mut target = many.models.target[0].clone();
        (target.name, target.model) = (format!("blind-{number}"), format!("b-{number}"));
        many.models.target.push(target);
    }
    many.models.target.extend(settings(&[&blind, &sees]).models.target.pop());
    let manager = manager(&many);
    let mut events = manager.events();
    assert_eq!(manager.ask(showing(PNG)).await.unwrap().target, "two");
    assert_eq!((blind.requests(), sees.requests()), (7, 1));
    let expected: Vec<_> = (0..8).map(|attempt| (attempt, attempt == 0)).collect();
    assert_eq!(
        attempts(&mut events),
        expected,
        "each of them is one, and the first tells how long it took to come to it"
    );
}

#[tokio::test]
async fn a_refusal_that_shows_the_picture_is_told_without_it() {
    let server = server("never").await;
    let manager = manager(&settings(&[&server]));
    let data = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ";
    let url = format!("data:image/png;base64,{data}");
    let of = |said: String| Script::Status(422, Vec::new(), json!({ "error": { "message": said } }).to_string());
    server.next([of(format!("cannot be read: {url}"))]);
    let error = manager.ask(showing(&url)).await.unwrap_err();
    assert_eq!(error.detail, "it answered with status 422");
    // What is said otherwise is told.
    server.next([of("the picture is upside down".to_owned())]);
    assert_eq!(manager.ask(showing(&url)).await.unwrap_err().detail, "the picture is upside down");
}

#[tokio::test]
async fn an_address_that_is_repeated_teaches_nothing_and_is_shown_to_nobody() {
    let address = "https://example.org/max_completion_tokens/temperature.png?of='stop'";
    let request = || Request { temperature: 0.5, ..showing(address) };
    let of = |status: u16, said: &str| {
        Script::Status(status, Vec::new(), json!({ "error": { "message": said } }).to_string())
    };
    let in_a_stream = |said: &str| {
        let event = json!({ "error": { "code": 503, "message": said } });
        Script::Status(200, Vec::new(), format!("data: {event}\n\n"))
    };
    let echo = format!("Cannot fetch {address} just now");
    for script in [of(400, &echo), of(503, &echo), in_a_stream(&echo)] {
        let server = server("a cat").await;
        let manager = reaching(&settings(&[&server]));
        let mut events = manager.events();
        server.next([script]);
        // It may be answered when it is asked once more.
        let _ = manager.ask(request()).await;
        let mut told = vec![format!("{:?}", manager.incidents())];
        while let Ok(event) = events.try_recv() {
            told.push(format!("{event:?}"));
        }
        let told = told.concat();
        assert!(told.contains("Cannot fetch … just now") && !told.contains("temperature"), "{told}");
        manager.ask(Request { temperature: 0.5, ..super::request("x") }).await.unwrap();
        let bodies = server.seen.bodies.lock().unwrap();
        let last = bodies.last().unwrap();
        assert!(last.contains("\"temperature\"") && last.contains("\"max_tokens\""), "{last}");
    }
}

#[tokio::test]
async fn what_is_refused_beside_a_picture_is_learnt_where_nobody_chose_the_words() {
    // What is not in the words of an address is heeded this once, and learnt from a question without one only.
    for (url, refusals, sent) in
        [(ADDRESS, [1, 1], [true, false, true, false].as_slice()), (PNG, [1, 0], [true, false, false].as_slice())]
    {
        let server = server("a cat").await;
        let manager = reaching(&settings(&[&server]));
        let mut events = manager.events();
        for (number, refusals) in (0..).zip(refusals) {
            let said = "Unsupported value: 'temperature' does not support 0.5";
            let refusal = Script::Status(400, Vec::new(), json!({ "error": { "message": said } }).to_string());
            server.next(std::iter::repeat_n(refusal, refusals));
            let asked = Request { temperature: 0.5, max_tokens: 100 + number, ..showing(url) };
            assert_eq!(manager.ask(asked).await.unwrap().text, "a cat", "{url}");
        }
        let bodies = server.seen.bodies.lock().unwrap();
        let with: Vec<bool> = bodies.iter().map(|body| body.contains("temperature")).collect();
        assert_eq!(with, sent, "{url}");
        let first = attempts(&mut events).iter().filter(|(_, is_first)| *is_first).count();
        assert_eq!(first, 2, "{url}: a repair is asked for no time of its own");
    }
}

#[tokio::test]
async fn a_picture_that_cannot_be_read_is_held_against_nobody() {
    let image = "failed to process inputs: image: unknown format";
    let said = |status: u16, said: &str| {
        let error = json!({ "error": { "message": said } });
        let body = if status == 200 { format!("data: {error}\n\n") } else { error.to_string() };
        Script::Status(status, Vec::new(), body)
    };
    for (script, url, state) in [
        (said(500, image), PNG, "ready"),
        (said(200, image), PNG, "ready"),
        (Script::Status(500, Vec::new(), "Internal Server Error".to_owned()), ADDRESS, "ready"),
        (said(500, "The server had an error while processing your request"), ADDRESS, "left alone"),
        (said(200, "The server had an error while processing your request"), ADDRESS, "left alone"),
        (said(500, "Internal Server Error"), PNG, "left alone"),
        (said(502, "Bad Gateway"), ADDRESS, "left alone"),
    ] {
        let server = ModelServer::start(script, 100).await;
        let manager = reaching(&settings(&[&server]));
        for number in 0..8 {
            let failed = manager.ask(Request { max_tokens: 100 + number, ..showing(url) }).await;
            assert!(failed.is_err());
        }
        assert_eq!(manager.report()[0].state, state, "{url} {:?}", manager.incidents());
        assert_eq!(manager.incidents().is_empty(), state == "ready");
    }
}

#[tokio::test]
async fn a_picture_costs_as_many_tokens_as_it_may_have_before_anybody_says_what_it_cost() {
    let of = |detail| {
        let picture = Shown::Picture(Picture::of(PNG.to_owned(), detail).unwrap());
        let turns = vec![Turn::Showing(vec![picture])];
        let prompt = Prompt::conversation(&[], turns, Vec::new(), PromptLimits::default()).unwrap();
        Request { max_tokens: 1, ..Request::new(Arc::new(prompt)) }
    };
    for (kind, model, detail, most) in [
        (ProviderKind::Openai, "gpt-4o-mini-2024-07-18", None, 48_169),
        (ProviderKind::Openai, "openai/GPT-4o-mini", Some(Detail::High), 48_169),
        (ProviderKind::OpenaiResponses, "gpt-4o-mini", Some(Detail::Auto), 48_169),
        (ProviderKind::OpenaiResponses, "gpt-4o-mini", Some(Detail::Low), 2_833),
        (ProviderKind::Openai, "gpt-4o", Some(Detail::High), 2_700),
        (ProviderKind::OpenaiResponses, "gpt-4.1-mini", Some(Detail::Low), 2_700),
        (ProviderKind::Anthropic, "m", Some(Detail::Low), 2_700),
        (ProviderKind::Gemini, "m", None, 2_700),
        (ProviderKind::Ollama, "m", None, 2_700),
    ] {
        let server = server("a cat").await;
        let mut tight = speaking(kind, &[&server], true, false);
        tight.models.target[0].model = model.to_owned();
        tight.budget = Limits { tokens_per_day: Some(most), ..Limits::default() };
        let refused = manager(&tight).ask(of(detail)).await.unwrap_err();
        assert_eq!((refused.cause, server.requests()), (Cause::Budget, 0), "{kind:?} {detail:?}");
        tight.budget = Limits { tokens_per_day: Some(most + 100), ..Limits::default() };
        let enough = manager(&tight);
        assert_eq!(enough.ask(of(detail)).await.unwrap().text, "a cat", "{kind:?} {detail:?}");
        assert!(enough.spending().tokens < 100, "what it has told counts in the end");
    }
    // Who leaves before anybody says how many there were has spent as many as most pictures have; Anthropic says it at once.
    for (kind, spent) in [(ProviderKind::Openai, 1_600..1_700), (ProviderKind::Anthropic, 10..100)] {
        let server = ModelServer::start(Script::Words(words("a b c d e f"), Duration::from_millis(50)), 100).await;
        let left = manager(&speaking(kind, &[&server], true, false));
        let mut stream = left.stream(of(None)).unwrap();
        assert!(matches!(stream.next().await, Some(Ok(Piece::Text(_)))), "{kind:?}");
        drop(stream);
        assert!(spent.contains(&left.spending().tokens), "{kind:?} {:?}", left.spending());
    }
}

#[tokio::test]
async fn settings_that_refuse_pictures_let_none_through() {
    let server = server("a cat").await;
    let mut settings = settings(&[&server]);
    assert_eq!(manager(&settings).prompt_limits().pictures, 20);
    settings.models.pictures = PicturesSetting::Refuse;
    let (manager, _) = LlmManager::new(&settings, &super::key);
    let turns = vec![Turn::Showing(vec![Shown::Picture(Picture::of(PNG.to_owned(), None).unwrap())])];
    let refused = Prompt::conversation(&[], turns, Vec::new(), manager.prompt_limits()).unwrap_err();
    assert_eq!(refused, PromptError::NoPictures);
    settings.models.pictures = PicturesSetting::Attached;
    let limits = super::manager(&settings).prompt_limits();
    let of = |url: &str| {
        let turns = vec![Turn::Showing(vec![Shown::Picture(Picture::of(url.to_owned(), None).unwrap())])];
        Prompt::conversation(&[], turns, Vec::new(), limits).map(|made| made.pictures().count)
    };
    assert_eq!((of(PNG), of(ADDRESS)), (Ok(1), Err(PromptError::NoAddresses)));
    settings.models.pictures = PicturesSetting::Refuse;
    let read: Value = serde_json::to_value(&settings.models).unwrap();
    assert_eq!(read["pictures"], "refuse");
}
