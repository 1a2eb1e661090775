//! The whole path over real sockets: fallbacks, broken streams, coalescing, connections, cancels, budgets.

mod calls;
mod faults;
mod fill;
mod formats;
mod pictures;
mod stale;
mod thoughts;

use crate::LlmManager;
use crate::best_of_two::{Start, best_of_two};
use crate::budget::{Limits, Price};
use crate::config::{KeySource, ModelsSettings, RoutingSettings, RoutingStrategy, Settings, TargetSettings};
use crate::error::Cause;
use crate::prompt::{Origin, Part, Prompt, PromptLimits, Turn};
use crate::request::{Piece, Request};
use crate::scripted::{Fault, ModelServer, Script, words};
use crate::tools::ToolCall;
use security::secret::Secret;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

fn key(_: &KeySource) -> Result<Secret, String> {
    Ok(Secret::new("a-key"))
}

fn settings(servers: &[&ModelServer]) -> Settings {
    let targets = servers.iter().enumerate().map(|(index, server)| TargetSettings {
        name: ["one", "two", "three"][index].to_owned(),
        model: "m".to_owned(),
        base_url: Some(server.url.clone()),
        api_key: Some(KeySource::Env("KEY".to_owned())),
        ..TargetSettings::default()
    });
    Settings {
        models: ModelsSettings { target: targets.collect(), first_word_ms: 2_000, stall_ms: 300, ..Default::default() },
        routing: RoutingSettings { strategy: RoutingStrategy::Ordered, judge: None },
        ..Settings::default()
    }
}

fn manager(settings: &Settings) -> LlmManager {
    let (manager, errors) = LlmManager::new(settings, &key);
    assert!(errors.is_empty(), "{errors:?}");
    manager
}

fn request(text: &str) -> Request {
    let parts = [Part::Instruction("Answer.".into()), Part::Data(Origin::Question, text.into())];
    Request::new(Arc::new(Prompt::new(&parts, PromptLimits::default()).unwrap()))
}

fn saying(text: &str) -> Script {
    Script::Words(words(text), Duration::ZERO)
}

fn refusing(said: &str) -> Script {
    Script::Status(400, Vec::new(), json!({ "error": { "message": said } }).to_string())
}

async fn server(text: &str) -> ModelServer {
    ModelServer::start(saying(text), 100).await
}

#[tokio::test]
async fn an_answer_comes_once_and_then_from_memory() {
    let server = server("Hello you there").await;
    let manager = manager(&settings(&[&server]));
    let first = manager.ask(request("hi")).await.unwrap();
    assert_eq!((first.text.as_str(), first.target.as_str(), first.from_cache), ("Hello you there", "one", false));
    assert_eq!(first.usage.map(|usage| (usage.input, usage.output)), Some((10, 3)));
    let second = manager.ask(request("hi")).await.unwrap();
    assert_eq!((second.text.as_str(), second.from_cache, server.requests()), ("Hello you there", true, 1));
    manager.ask(Request { temperature: 0.7, ..request("hi") }).await.unwrap();
    assert_eq!(server.requests(), 2, "what may differ is asked anew");
    let counts = manager.counts();
    assert_eq!((counts.cache_hits, counts.answers, counts.output_tokens), (1, 2, 6));
}

#[tokio::test]
async fn a_stream_that_breaks_goes_on_elsewhere_with_nothing_lost_or_doubled() {
    for fault in [Fault::Cut, Fault::Stall, Fault::Garbage, Fault::Quota] {
        for (there, expected) in
            [("one two three four", "one two three four"), ("other words here", "other words here")]
        {
            let (broken, whole) =
                (ModelServer::start(Script::Broken(words("one two "), fault), 100).await, server(there).await);
            let manager = manager(&settings(&[&broken, &whole]));
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
            assert_eq!(shown, expected, "{fault:?}");
            assert_eq!(whole.requests(), 1, "{fault:?}");
        }
    }
}

#[tokio::test]
async fn failures_before_an_answer_fall_back_and_the_breaker_keeps_away() {
    let bad = ModelServer::start(Script::Status(500, Vec::new(), "{}".into()), 100).await;
    let good = server("fine").await;
    let manager = manager(&settings(&[&bad, &good]));
    for number in 0..25 {
        assert_eq!(manager.ask(request(&number.to_string())).await.unwrap().text, "fine");
    }
    assert_eq!(bad.requests(), 5, "25 questions, and the breaker opened after five failures");
    assert_eq!(manager.report()[0].state, "left alone");
}

#[tokio::test]
async fn what_one_target_refuses_is_no_end_where_another_was_only_not_well() {
    let later = Script::Status(429, vec![("retry-after", "30".to_owned())], "{}".into());
    let small = ModelServer::start(refusing("messages: at least one is wanted"), 100).await;
    let limited = ModelServer::start(later, 100).await;
    let error = manager(&settings(&[&limited, &small])).ask(request("x")).await.unwrap_err();
    assert_eq!((error.target.as_str(), error.cause), ("two", Cause::BadRequest));
    assert!(!error.is_of_request() && !error.is_final(), "the other one may answer it in a moment");
    let error = manager(&settings(&[&small])).ask(request("x")).await.unwrap_err();
    assert!(error.is_of_request() && error.is_final(), "the control");
    // Nor does a request cause what is wrong with a key or a place.
    for said in ["Incorrect API key provided: xai-…", "User location is not supported for the API use."] {
        let server = ModelServer::start(refusing(said), 100).await;
        let error = manager(&settings(&[&server])).ask(request("x")).await.unwrap_err();
        assert!(!error.is_of_request(), "{said}: {error}");
    }
}

#[tokio::test]
async fn an_answer_without_a_word_is_not_given_again() {
    let server = ModelServer::start(saying("Done."), 100).await;
    let manager = manager(&settings(&[&server]));
    let call = ToolCall { id: "c".into(), name: "read".into(), arguments: "{}".into(), thought: None };
    let turns = vec![
        Turn::User("Go.".into()),
        Turn::Assistant { text: String::new(), calls: vec![call] },
        Turn::Tool { id: "c".into(), name: "read".into(), text: "done".into() },
    ];
    let prompt = Arc::new(Prompt::conversation(&[], turns, Vec::new(), PromptLimits::default()).unwrap());
    let asked = || Request { is_led_elsewhere: true, ..Request::new(prompt.clone()) };
    server.next([saying("")]);
    for expected in ["", "Done.", "Done."] {
        assert_eq!(manager.ask(asked()).await.unwrap().text, expected);
    }
    assert_eq!(server.requests(), 2, "what has a word is kept");
}

#[tokio::test]
async fn a_wish_to_wait_is_kept() {
    let limited = ModelServer::start(saying("later"), 100).await;
    let wait = vec![("retry-after-ms", "400".to_owned())];
    limited.next([Script::Status(429, wait, r#"{"error":{"message":"slow down"}}"#.into())]);
    let manager = manager(&settings(&[&limited]));
    let began = Instant::now();
    assert_eq!(manager.ask(request("x")).await.unwrap().text, "later");
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(400), "{took:?}");
    assert_eq!(limited.requests(), 2);
}

#[tokio::test]
async fn what_cannot_be_answered_is_one_sentence_with_the_target() {
    let server = ModelServer::start(
        Script::Status(401, Vec::new(), r#"{"error":{"message":"Incorrect API key provided: a-key."}}"#.into()),
        100,
    )
    .await;
    let manager = manager(&settings(&[&server]));
    let error = manager.ask(request("x")).await.unwrap_err();
    assert_eq!((error.cause, error.target.as_str()), (Cause::Auth, "one"));
    let unknown = manager.ask(Request { target: Some("nine".into()), ..request("x") }).await.unwrap_err();
    assert_eq!(unknown.to_string(), "nine: there is no model of this name; there are one (no model can be asked).");
    let nobody = LlmManager::new(&Settings::default(), &key).0;
    assert_eq!(nobody.ask(request("x")).await.unwrap_err().cause, Cause::NoTarget);
    let mut gone = settings(&[&server]);
    gone.models.target[0].base_url = Some("http://127.0.0.1:1/v1".into());
    let error = LlmManager::new(&gone, &key).0.ask(request("x")).await.unwrap_err();
    assert_eq!(error.cause, Cause::Transport);
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let server = ModelServer::start(Script::Words(vec!["x".repeat(1000); 100], Duration::ZERO), 100).await;
    let mut bounded = settings(&[&server]);
    bounded.models.max_answer_bytes = 4096;
    for comes_in_pieces in [true, false] {
        bounded.models.target[0].stream = Some(comes_in_pieces);
        let error = manager(&bounded).ask(request("x")).await.unwrap_err();
        assert_eq!(error.cause, Cause::LongAnswer);
        assert!(error.detail.contains("the 4096 bytes of `models.max-answer-bytes`"), "{}", error.detail);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_equal_questions_are_one_call() {
    let server = ModelServer::start(Script::Words(words("one two three four"), Duration::from_millis(20)), 100).await;
    let manager = manager(&settings(&[&server]));
    let ask = |number: usize| {
        let manager = manager.clone();
        tokio::spawn(async move {
            let ask = manager.ask(request("the same"));
            // The first ones leave in the middle.
            if number < 50 { tokio::time::timeout(Duration::from_millis(30), ask).await.ok() } else { Some(ask.await) }
        })
    };
    let calls: Vec<_> = (0..1000).map(ask).collect();
    for call in calls.into_iter().skip(50) {
        assert_eq!(call.await.unwrap().unwrap().unwrap().text, "one two three four");
    }
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn whoever_leaves_ends_the_call_at_the_provider() {
    let server = ModelServer::start(Script::Words(words("a b c d e f g h"), Duration::from_millis(100)), 100).await;
    let manager = manager(&settings(&[&server]));
    let mut stream = manager.stream(request("x")).unwrap();
    assert!(matches!(stream.next().await, Some(Ok(Piece::Text(_)))));
    let began = Instant::now();
    drop(stream);
    while server.seen.aborted.load(Ordering::Relaxed) == 0 {
        assert!(began.elapsed() < Duration::from_secs(2), "the provider goes on");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(manager.report()[0].in_flight, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_calls_spread_over_connections_of_a_hundred_streams() {
    let server = ModelServer::start(Script::Late(Duration::from_secs(5), words("ok")), 100).await;
    let mut over_h2 = settings(&[&server]);
    over_h2.models.target[0].http2 = true;
    over_h2.models.first_word_ms = 30_000;
    over_h2.models.concurrency = 1000;
    let manager = manager(&over_h2);
    let calls: Vec<_> = (0..1000)
        .map(|number| {
            let manager = manager.clone();
            tokio::spawn(async move { manager.ask(request(&number.to_string())).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().text, "ok");
    }
    let (connections, at_once) =
        (server.seen.connections.load(Ordering::Relaxed), server.seen.most_at_once.load(Ordering::Relaxed));
    assert!((10..=12).contains(&connections), "{connections} connections");
    assert!(at_once > 900, "{at_once} at once: none waited for a stream");
}

#[tokio::test]
async fn secrets_stay_here_and_come_back() {
    let secret = ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat();
    let server = server("use __SEC RET_ and __SECRET_1__ please").await;
    let manager = manager(&settings(&[&server]));
    let answer = manager.ask(request(&format!("token = \"{secret}\""))).await.unwrap();
    assert_eq!(answer.text, format!("use __SEC RET_ and {secret} please"));
    assert!(!server.seen.bodies.lock().unwrap().concat().contains(&secret));
}

#[tokio::test]
async fn a_field_that_a_model_refuses_is_left_out_from_then_on() {
    let server = server("fine").await;
    server.next([refusing("Unsupported value: 'temperature' does not support 0")]);
    let manager = manager(&settings(&[&server]));
    assert_eq!(manager.ask(request("one")).await.unwrap().text, "fine");
    assert_eq!(manager.ask(request("two")).await.unwrap().text, "fine");
    let with: Vec<bool> = server.seen.bodies.lock().unwrap().iter().map(|body| body.contains("temperature")).collect();
    assert_eq!(with, [true, false, false]);
}

#[tokio::test]
async fn a_temperature_out_of_range_is_refused_and_what_is_learnt_holds_until_the_settings_change() {
    let server = server("fine").await;
    let manager = manager(&settings(&[&server]));
    server.next([refusing("temperature: range: 0..1")]);
    // With another one it would be another answer than was asked for.
    let refused = manager.ask(Request { temperature: 1.5, ..request("one") }).await.unwrap_err();
    assert!(refused.is_of_request() && refused.is_final(), "{refused}");
    assert_eq!(manager.ask(request("two")).await.unwrap().text, "fine");
    server.next([refusing("temperature: it is deprecated for this model")]);
    assert_eq!(manager.ask(request("three")).await.unwrap().text, "fine");
    assert_eq!(manager.ask(request("four")).await.unwrap().text, "fine");
    assert!(manager.reconfigure(&settings(&[&server]), &key).is_empty());
    assert_eq!(manager.ask(request("five")).await.unwrap().text, "fine");
    let with: Vec<bool> =
        server.seen.bodies.lock().unwrap().iter().map(|body| body.contains("\"temperature\"")).collect();
    assert_eq!(with, [true, true, true, false, false, true]);
}

#[tokio::test]
async fn what_was_begun_is_paid_though_nobody_waits_any_more() {
    let server = ModelServer::start(Script::Words(words("a b c d e f g h"), Duration::from_millis(50)), 100).await;
    let mut priced = settings(&[&server]);
    priced.models.target[0].price = Some(Price { input: 100.0, cached: None, output: 100.0 });
    let manager = manager(&priced);
    let mut stream = manager.stream(request("x")).unwrap();
    assert!(matches!(stream.next().await, Some(Ok(Piece::Text(_)))));
    drop(stream);
    let spending = manager.spending();
    assert!(spending.dollars > 0.0 && spending.tokens < 100, "{spending:?}");
}

#[tokio::test]
async fn the_end_of_an_answer_is_its_end_whatever_the_connection_does() {
    let server = ModelServer::start(Script::Open(words("all is said")), 100).await;
    let manager = manager(&settings(&[&server]));
    let began = Instant::now();
    assert_eq!(manager.ask(request("x")).await.unwrap().text, "all is said");
    assert!(began.elapsed() < Duration::from_secs(2) && server.requests() == 1);
}

#[tokio::test]
async fn a_budget_that_is_used_up_is_said_before_anything_is_sent() {
    let server = server("fine").await;
    let mut tight = settings(&[&server]);
    tight.models.target[0].price = Some(Price { input: 1000.0, cached: None, output: 1000.0 });
    tight.budget = Limits { dollars_per_day: Some(1.5), ..Limits::default() };
    let manager = manager(&tight);
    manager.ask(request("one")).await.unwrap();
    assert_eq!(manager.spending().dollars, 0.011, "settled, not reserved");
    let dear = Request { max_tokens: 2000, ..request("two") };
    let error = manager.ask(dear).await.unwrap_err();
    assert_eq!((error.cause, server.requests()), (Cause::Budget, 1));
    assert!(error.to_string().contains("budget.dollars-per-day"), "{error}");
}

#[tokio::test]
async fn other_settings_hold_from_the_next_request_on() {
    let (one, two) = (
        ModelServer::start(Script::Words(words("from one"), Duration::from_millis(50)), 100).await,
        server("from two").await,
    );
    let manager = manager(&settings(&[&one]));
    let running = manager.stream(request("x")).unwrap();
    assert!(manager.reconfigure(&settings(&[&two]), &key).is_empty());
    assert_eq!(manager.ask(request("y")).await.unwrap().text, "from two");
    let mut text = String::new();
    let mut running = running;
    while let Some(piece) = running.next().await {
        if let Piece::Text(piece) = piece.unwrap() {
            text.push_str(&piece);
        }
    }
    assert_eq!(text, "from one", "what is under way ends as it began");
}

#[tokio::test]
async fn the_first_of_two_that_passes_wins_and_the_other_is_ended() {
    let slow = ModelServer::start(Script::Words(words("right but slow indeed"), Duration::from_millis(400)), 100).await;
    let (wrong, right) = (server("wrong").await, server("right").await);
    let check = |answer: &crate::request::Answer| {
        if answer.text.starts_with("right") { Ok(()) } else { Err(format!("it says {}", answer.text)) }
    };
    let quick = manager(&settings(&[&slow, &right]));
    let began = Instant::now();
    let chosen = best_of_two(&quick, request("x"), &[&check], Start::Together).await.unwrap();
    assert_eq!((chosen.answer.text.as_str(), chosen.refused), ("right", None));
    assert!(began.elapsed() < Duration::from_millis(400), "nobody waits for the slower one");
    while slow.seen.aborted.load(Ordering::Relaxed) == 0 {
        assert!(began.elapsed() < Duration::from_secs(2), "the loser goes on");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let checked = manager(&settings(&[&wrong, &right]));
    let chosen = best_of_two(&checked, request("x"), &[&check], Start::Together).await.unwrap();
    assert_eq!(chosen.answer.text, "right");
    let neither = manager(&settings(&[&wrong]));
    let error = best_of_two(&neither, request("x"), &[&check], Start::Together).await.unwrap_err();
    assert!(error.to_string().contains("it says wrong"), "{error}");
    assert_eq!(wrong.requests(), 3, "with one target it is asked for two samples");
}

#[tokio::test]
async fn a_late_first_word_is_asked_for_elsewhere_and_the_loser_ends() {
    let (one, two) = (server("from one").await, server("from two").await);
    let mut quick = settings(&[&one, &two]);
    quick.models.first_word_ms = 10_000;
    let manager = manager(&quick);
    for number in 0..40 {
        assert_eq!(manager.ask(request(&number.to_string())).await.unwrap().target, "one");
    }
    one.next([Script::Late(Duration::from_secs(8), words("far too late"))]);
    let began = Instant::now();
    assert_eq!(manager.ask(request("late")).await.unwrap().text, "from two");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    while one.seen.aborted.load(Ordering::Relaxed) == 0 {
        assert!(began.elapsed() < Duration::from_secs(6), "the loser goes on");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // At most one in twenty: two for forty questions, and one is spent.
    let hedged = manager.counts().hedged;
    assert!((1..=3).contains(&hedged), "{hedged}");
    let plain = Settings { models: ModelsSettings { hedging: false, ..quick.models.clone() }, ..quick.clone() };
    manager.reconfigure(&plain, &key);
    one.next([Script::Late(Duration::from_millis(1500), words("late but wanted"))]);
    assert_eq!(manager.ask(request("wait")).await.unwrap().text, "late but wanted");
}

#[tokio::test]
async fn where_no_model_answers_the_answer_that_needs_none_is_given() {
    let bad = ModelServer::start(Script::Status(500, Vec::new(), "{}".into()), 100).await;
    let manager = manager(&settings(&[&bad]));
    let offline = || Some(crate::request::Offline::new(|| "from the code alone".to_owned()));
    let answer = manager.ask(Request { offline: offline(), ..request("x") }).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.target.as_str()), ("from the code alone", "offline"));
    assert!(manager.ask(request("x")).await.is_err(), "it is not kept for those who have no such answer");
    let nobody = LlmManager::new(&Settings::default(), &key).0;
    for strategy in crate::strategy::AnswerStrategy::ALL {
        let chosen = nobody.answer(Request { offline: offline(), ..request("x") }, strategy, &[]).await.unwrap();
        assert_eq!(chosen.answer.text, "from the code alone", "{strategy:?}");
        assert!(nobody.answer(request("x"), strategy, &[]).await.is_err());
    }
}

#[tokio::test]
async fn the_cheap_model_is_asked_first_where_its_answers_pass() {
    use crate::strategy::AnswerStrategy::Cascade;
    let (dear, cheap) = (server("right").await, server("wrong").await);
    let mut priced = settings(&[&dear, &cheap]);
    priced.models.target[0].price = Some(Price { input: 10.0, cached: None, output: 10.0 });
    priced.models.target[1].price = Some(Price { input: 1.0, cached: None, output: 1.0 });
    let manager = manager(&priced);
    let check = |answer: &crate::request::Answer| {
        if answer.text == "right" { Ok(()) } else { Err("it is wrong".to_owned()) }
    };
    let chosen = manager.answer(request("hard"), Cascade, &[&check]).await.unwrap();
    assert_eq!((chosen.answer.text.as_str(), cheap.requests(), dear.requests()), ("right", 1, 1));
    assert!(chosen.refused.unwrap().contains("it is wrong"));
    let chosen = manager.answer(request("easy"), Cascade, &[]).await.unwrap();
    assert_eq!((chosen.answer.text.as_str(), cheap.requests(), dear.requests()), ("wrong", 2, 1));
}

#[tokio::test]
async fn the_second_candidate_may_wait_until_the_first_is_late_or_loses() {
    let (one, two) = (server("right").await, server("right too").await);
    let manager = manager(&settings(&[&one, &two]));
    let right = |answer: &crate::request::Answer| {
        if answer.text.starts_with("right") { Ok(()) } else { Err("it is wrong".to_owned()) }
    };
    let chosen = best_of_two(&manager, request("a"), &[&right], Start::WhenLate).await.unwrap();
    assert_eq!((chosen.answer.text.as_str(), two.requests()), ("right", 0), "the first was in time");
    one.next([saying("wrong")]);
    let chosen = best_of_two(&manager, request("b"), &[&right], Start::WhenLate).await.unwrap();
    assert_eq!((chosen.answer.text.as_str(), two.requests()), ("right too", 1));
    one.next([Script::Late(Duration::from_secs(60), words("right"))]);
    let chosen = best_of_two(&manager, request("c"), &[&right], Start::WhenLate).await.unwrap();
    assert_eq!((chosen.answer.text.as_str(), two.requests()), ("right too", 2));
}

#[tokio::test]
async fn a_judge_is_asked_only_where_both_pass_and_differ_and_in_both_orders() {
    let (one, two, judge) = (server("an answer").await, server("a better answer").await, server("2").await);
    let mut judged = settings(&[&one, &two, &judge]);
    judged.routing.judge = Some("three".to_owned());
    let manager = manager(&judged);
    // A judge who always says 2 only likes the second place.
    let chosen = best_of_two(&manager, request("a"), &[], Start::Together).await.unwrap();
    assert_eq!((chosen.was_judged, judge.requests()), (true, 2));
    let first = chosen.answer.text;
    assert!(["an answer", "a better answer"].contains(&first.as_str()));
    two.next([saying("an answer")]);
    let chosen = best_of_two(&manager, request("b"), &[], Start::Together).await.unwrap();
    assert_eq!((chosen.was_judged, judge.requests()), (false, 2), "they are equal");
    let picky = |answer: &crate::request::Answer| {
        if answer.text.contains("better") { Ok(()) } else { Err("it could be better".to_owned()) }
    };
    let chosen = best_of_two(&manager, request("c"), &[&picky], Start::Together).await.unwrap();
    assert_eq!((chosen.answer.text.as_str(), chosen.was_judged), ("a better answer", false));
}

#[tokio::test]
async fn a_key_that_is_not_allowed_one_model_is_right_for_others_and_nothing_of_ours_is_repeated() {
    let refusal = r#"{"error":{"message":"the key a-key may not use this model"}}"#;
    let forbidden = ModelServer::start(Script::Status(403, Vec::new(), refusal.into()), 100).await;
    let mut shared = settings(&[&forbidden]);
    let mut other = shared.models.target[0].clone();
    (other.name, other.model) = ("two".to_owned(), "n".to_owned());
    shared.models.target.push(other);
    let manager = manager(&shared);
    forbidden.next([Script::Status(403, Vec::new(), refusal.into()), saying("fine")]);
    let answer = manager.ask(request("x")).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.target.as_str()), ("fine", "two"));
    let error = manager.ask(Request { target: Some("two".into()), ..request("y") }).await.unwrap_err();
    assert_eq!((error.cause, error.detail.as_str()), (Cause::Forbidden, "the key … may not use this model"));
    let secret = "the quarterly figures are down by four in a hundred and nobody is to know";
    let echo = format!(r#"{{"error":{{"message":"invalid input: {secret}"}}}}"#);
    let repeats = ModelServer::start(Script::Status(400, Vec::new(), echo), 100).await;
    let error = LlmManager::new(&settings(&[&repeats]), &key).0.ask(request(secret)).await.unwrap_err();
    assert_eq!(error.detail, "it answered with status 400");
}

#[tokio::test]
async fn a_target_that_says_that_nothing_is_left_is_not_asked_until_there_is() {
    use crate::scripted::Behaviour;
    let (first, second) = (server("from one").await, server("from two").await);
    let headers =
        vec![("x-ratelimit-remaining-requests", "0".to_owned()), ("x-ratelimit-reset-requests", "700ms".to_owned())];
    first.next([Behaviour { headers, ..Behaviour::saying("the last one") }.script()]);
    let manager = manager(&settings(&[&first, &second]));
    assert_eq!(manager.ask(request("a")).await.unwrap().text, "the last one");
    assert_eq!(manager.ask(request("b")).await.unwrap().text, "from two");
    tokio::time::sleep(Duration::from_millis(750)).await;
    assert_eq!(manager.ask(request("c")).await.unwrap().text, "from one");
}

#[tokio::test]
async fn who_waits_for_an_answer_is_not_joined_to_work_that_can_wait() {
    use crate::request::Priority;
    let server = ModelServer::start(Script::Words(words("one two three"), Duration::from_millis(50)), 100).await;
    let manager = manager(&settings(&[&server]));
    let bulk = manager.ask(Request { priority: Priority::Bulk, ..request("x") });
    let (one, two, three) =
        futures_util::future::join3(manager.ask(request("x")), manager.ask(request("x")), bulk).await;
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    assert_eq!(server.requests(), 2, "two who wait are one call, and what can wait is another");
}

#[tokio::test]
async fn a_setting_that_holds_only_from_the_next_start_on_and_one_that_names_nobody_are_told() {
    let server = server("fine").await;
    let before = settings(&[&server]);
    let manager = manager(&before);
    assert!(manager.reconfigure(&before, &key).is_empty());
    let mut after = before.clone();
    after.cache.seconds = 5;
    after.routing.judge = Some("nobody".to_owned());
    let told: Vec<String> = manager.reconfigure(&after, &key).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "`routing.judge`: There is no target of the name nobody.",
            "`[cache]`: What changed in it holds from the next start on.",
        ]
    );
}
