//! Bulk work over real sockets, against a server that speaks both batch APIs and fails on demand.

#[path = "../../../../tests/support/batch_server.rs"]
mod batch_server;

use super::{BulkError, BulkOptions, Question, Summary, Told};
use crate::LlmManager;
use crate::budget::{Limits, Price};
use crate::config::{KeySource, ModelsSettings, Settings, TargetSettings};
use crate::error::Cause;
use crate::prompt::{Origin, Part, Prompt, PromptLimits};
use crate::providers::ProviderKind;
use crate::request::Request;
use batch_server::{BatchServer, Fault, Step};
use security::secret::Secret;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const BOTH: [ProviderKind; 2] = [ProviderKind::Openai, ProviderKind::Anthropic];

fn settings(api: &BatchServer, provider: ProviderKind) -> Settings {
    let target = TargetSettings {
        name: "one".to_owned(),
        provider,
        model: "m".to_owned(),
        base_url: Some(api.url.clone()),
        api_key: Some(KeySource::Env("KEY".to_owned())),
        price: Some(Price { input: 1000.0, cached: None, output: 2000.0 }),
        ..TargetSettings::default()
    };
    let models = ModelsSettings { target: vec![target], first_word_ms: 5_000, stall_ms: 5_000, ..Default::default() };
    Settings { models, ..Settings::default() }
}

fn manager(settings: &Settings) -> LlmManager {
    LlmManager::new(settings, &|_| Ok(Secret::new("a-key"))).0
}

fn question(id: &str, text: &str) -> Question {
    let parts = [Part::Instruction("Answer.".into()), Part::Data(Origin::Question, text.into())];
    let prompt = Prompt::new(&parts, PromptLimits::default()).unwrap();
    Question { id: id.to_owned(), request: Request { max_tokens: 20, ..Request::new(Arc::new(prompt)) } }
}

fn questions(texts: &[&str]) -> Vec<Question> {
    texts.iter().map(|text| question(&format!("id of {text}"), text)).collect()
}

fn options(folder: &Path) -> BulkOptions {
    BulkOptions {
        first_pause: Duration::from_millis(5),
        longest_pause: Duration::from_millis(20),
        ..BulkOptions::new(folder.to_path_buf())
    }
}

type Heard = Vec<(String, Result<String, Cause>)>;

/// Runs to the end, and gives what was told in the order of names.
async fn run(
    manager: &LlmManager,
    questions: &[Question],
    options: &BulkOptions,
) -> (Heard, Result<Summary, BulkError>) {
    let mut heard = Heard::new();
    let result = manager
        .bulk(questions, options, &mut |told| {
            if let Told::Answer { id, result } = told {
                let result = result.map(|answer| answer.text.clone()).map_err(|error| error.cause);
                heard.push((id.to_owned(), result));
            }
            ControlFlow::Continue(())
        })
        .await;
    heard.sort_by(|one, other| one.0.cmp(&other.0));
    (heard, result)
}

fn answered(texts: &[&str]) -> Heard {
    let mut all: Heard = texts.iter().map(|text| (format!("id of {text}"), Ok(format!("answer to {text}")))).collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().count() == 0
}

#[tokio::test]
async fn many_questions_are_one_batch_at_half_the_price_and_nothing_stays_behind() {
    for provider in BOTH {
        let (api, folder) = (BatchServer::start().await, tempfile::tempdir().unwrap());
        let manager = manager(&settings(&api, provider));
        let asked = questions(&["a", "b", "c"]);
        let (heard, summary) = run(&manager, &asked, &options(folder.path())).await;
        assert_eq!(heard, answered(&["a", "b", "c"]), "{provider:?}");
        // Three times 100 tokens for 1000 and 10 for 2000 dollars a million, halved.
        let wanted = Summary { answered: 3, known: 0, failed: 0, dollars: 3.0 * 0.06 };
        let summary = summary.unwrap();
        assert!((summary.dollars - wanted.dollars).abs() < 1e-9, "{summary:?}");
        assert_eq!(Summary { dollars: wanted.dollars, ..summary }, wanted);
        assert!((manager.spending().dollars - wanted.dollars).abs() < 1e-9, "{:?}", manager.spending());
        let uploads = usize::from(provider == ProviderKind::Openai);
        assert_eq!((api.count(Step::Upload), api.count(Step::Create), api.count(Step::Look)), (uploads, 1, 2));
        let key = if provider == ProviderKind::Openai { "Bearer a-key" } else { "a-key" };
        assert!(api.state.lock().unwrap().keys.iter().all(|other| other == key));
        assert!(is_empty(folder.path()));
    }
}

#[tokio::test]
async fn each_question_has_its_own_end() {
    for provider in BOTH {
        let (api, folder) = (BatchServer::start().await, tempfile::tempdir().unwrap());
        let manager = manager(&settings(&api, provider));
        let asked = questions(&["a", "too long", "expire", "silence", "garbage", "z"]);
        let (heard, summary) = run(&manager, &asked, &options(folder.path())).await;
        let cause = |text: &str| {
            let (_, result) = heard.iter().find(|(id, _)| *id == format!("id of {text}")).unwrap();
            result.clone()
        };
        assert_eq!(heard.len(), 6, "each is told once: {heard:?}");
        assert_eq!((cause("a"), cause("z")), (Ok("answer to a".into()), Ok("answer to z".into())));
        assert_eq!(cause("too long"), Err(Cause::ContextLength), "{provider:?}");
        assert_eq!(cause("expire"), Err(Cause::Timeout));
        assert_eq!((cause("silence"), cause("garbage")), (Err(Cause::Malformed), Err(Cause::Malformed)));
        assert_eq!(summary.map(|summary| (summary.answered, summary.failed)), Ok((2, 4)));
        // Failures cost nothing; what was reserved for them is given back.
        assert!((manager.spending().dollars - 0.12).abs() < 1e-9, "{:?}", manager.spending());
        // Begun again, only what failed is asked again; what was answered is told again.
        let (heard, summary) = run(&manager, &asked, &options(folder.path())).await;
        assert_eq!(summary.map(|summary| (summary.answered, summary.known, summary.failed)), Ok((2, 2, 4)));
        assert_eq!(heard.len(), 6);
        let state = api.state.lock().unwrap();
        assert_eq!(state.batches.iter().map(|batch| batch.questions.len()).collect::<Vec<_>>(), [6, 4]);
    }
}

#[tokio::test]
async fn a_batch_that_ends_badly_is_a_typed_error_for_each_of_its_questions() {
    for (end, cause) in [("failed", Cause::BadRequest), ("expired", Cause::Timeout), ("cancelled", Cause::Server)] {
        let (api, folder) = (BatchServer::start().await, tempfile::tempdir().unwrap());
        api.change(|state| state.end = end);
        let manager = manager(&settings(&api, ProviderKind::Openai));
        let asked = questions(&["silence 1", "silence 2"]);
        let (heard, summary) = run(&manager, &asked, &options(folder.path())).await;
        assert!(heard.iter().all(|(_, result)| *result == Err(cause)) && heard.len() == 2, "{end}: {heard:?}");
        assert_eq!(summary.map(|summary| summary.failed), Ok(2));
    }
}

#[tokio::test]
async fn trouble_on_the_way_is_waited_out_and_nothing_is_made_twice() {
    for provider in BOTH {
        let (api, folder) = (BatchServer::start().await, tempfile::tempdir().unwrap());
        api.fail(Step::Upload, Fault::Status(503));
        api.fail(Step::Look, Fault::Status(500));
        api.fail(Step::Look, Fault::Instead("no json".into()));
        api.fail(Step::Look, Fault::Cut);
        api.fail(Step::Create, Fault::Status(500));
        // It is made, but the answer to that is lost.
        api.fail(Step::Create, Fault::Cut);
        api.fail(Step::Results, Fault::Status(502));
        api.fail(Step::Results, Fault::Cut);
        let manager = manager(&settings(&api, provider));
        let asked = questions(&["a", "b", "c", "d"]);
        let (heard, summary) = run(&manager, &asked, &options(folder.path())).await;
        assert_eq!(heard, answered(&["a", "b", "c", "d"]), "{provider:?}: each once");
        assert_eq!(summary.map(|summary| summary.failed), Ok(0));
        assert_eq!(api.state.lock().unwrap().batches.len(), 1, "{provider:?}: what was made is found");
    }
}

#[tokio::test]
async fn a_wish_to_wait_is_kept_and_patience_has_an_end() {
    let (api, folder) = (BatchServer::start().await, tempfile::tempdir().unwrap());
    api.fail(Step::Look, Fault::Later(700));
    let manager = manager(&settings(&api, ProviderKind::Openai));
    let began = Instant::now();
    let (heard, _) = run(&manager, &questions(&["a"]), &options(folder.path())).await;
    assert!(began.elapsed() >= Duration::from_millis(700) && heard.len() == 1);
    (0..100).for_each(|_| api.fail(Step::Look, Fault::Status(500)));
    let short = BulkOptions { patience: Duration::from_millis(50), ..options(folder.path()) };
    let (heard, result) = run(&manager, &questions(&["b"]), &short).await;
    assert!(
        heard.is_empty() && matches!(&result, Err(BulkError::Model(error)) if error.cause == Cause::Server),
        "{result:?}"
    );
    // It is not lost: when the provider is well again, the same batch is read.
    api.change(|state| state.faults.clear());
    let (heard, _) = run(&manager, &questions(&["b"]), &options(folder.path())).await;
    assert_eq!((heard, api.count(Step::Create)), (answered(&["b"]), 2));
}

#[tokio::test]
async fn what_must_not_be_tried_again_ends_the_run_with_its_cause() {
    for (step, status, cause) in
        [(Step::Create, 401, Cause::Auth), (Step::Create, 402, Cause::Quota), (Step::Look, 401, Cause::Auth)]
    {
        let (api, folder) = (BatchServer::start().await, tempfile::tempdir().unwrap());
        api.fail(step, Fault::Status(status));
        let manager = manager(&settings(&api, ProviderKind::Anthropic));
        let (_, result) = run(&manager, &questions(&["a"]), &options(folder.path())).await;
        assert!(matches!(&result, Err(BulkError::Model(error)) if error.cause == cause), "{result:?}");
        assert!(manager.spending().dollars == 0.0, "what was reserved is given back");
        let (heard, _) = run(&manager, &questions(&["a"]), &options(folder.path())).await;
        assert_eq!(heard, answered(&["a"]), "and the next run goes on");
    }
}

#[tokio::test]
async fn a_run_that_is_killed_anywhere_is_taken_up_and_pays_once() {
    let steps = [Step::Upload, Step::List, Step::Create, Step::Look, Step::Results];
    for provider in BOTH {
        for step in steps {
            for fault in [Fault::HangBefore, Fault::HangAfter, Fault::Stall] {
                let is_there = match (provider, step) {
                    (ProviderKind::Openai, Step::List) => false,
                    (_, Step::Upload) => provider == ProviderKind::Openai,
                    _ => true,
                };
                if !is_there {
                    continue;
                }
                let what = format!("{provider:?} {step:?} {fault:?}");
                let (api, folder) = (BatchServer::start().await, tempfile::tempdir().unwrap());
                let asked = questions(&["a", "b", "c", "d"]);
                api.fail(step, fault);
                let first = manager(&settings(&api, provider));
                let waits = options(folder.path());
                tokio::select! {
                    (heard, result) = run(&first, &asked, &waits) => panic!("{what}: it was to hang: {heard:?} {result:?}"),
                    () = api.hangs.notified() => {}
                }
                // Another process knows only what was written down.
                let second = manager(&settings(&api, provider));
                let (heard, summary) = run(&second, &asked, &options(folder.path())).await;
                assert_eq!(heard, answered(&["a", "b", "c", "d"]), "{what}");
                assert_eq!(summary.map(|summary| summary.failed), Ok(0), "{what}");
                assert_eq!(api.state.lock().unwrap().batches.len(), 1, "{what}");
                assert!(api.count(Step::Upload) <= 2 && is_empty(folder.path()), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_batch_of_the_same_size_that_is_somebody_elses_is_left_again() {
    let (api, folder) = (BatchServer::start().await, tempfile::tempdir().unwrap());
    api.fail(Step::Create, Fault::HangBefore);
    let asked = questions(&["a", "b"]);
    let first = manager(&settings(&api, ProviderKind::Anthropic));
    let waits = options(folder.path());
    tokio::select! {
        _ = run(&first, &asked, &waits) => panic!("it was to hang"),
        () = api.hangs.notified() => {}
    }
    // Between the two runs somebody else makes a batch of two.
    let other = tempfile::tempdir().unwrap();
    let theirs = manager(&settings(&api, ProviderKind::Anthropic));
    run(&theirs, &questions(&["x", "y"]), &options(other.path())).await.1.unwrap();
    let second = manager(&settings(&api, ProviderKind::Anthropic));
    let (heard, _) = run(&second, &asked, &options(folder.path())).await;
    assert_eq!((heard, api.state.lock().unwrap().batches.len()), (answered(&["a", "b"]), 2));
}

#[tokio::test]
async fn a_listener_that_stops_has_heard_nothing_for_the_last_time() {
    let (api, folder) = (BatchServer::start().await, tempfile::tempdir().unwrap());
    let manager = manager(&settings(&api, ProviderKind::Openai));
    let asked = questions(&["a", "b", "c"]);
    let mut heard = 0;
    let result = manager
        .bulk(&asked, &options(folder.path()), &mut |told| match told {
            Told::Answer { .. } => {
                heard += 1;
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        })
        .await;
    assert_eq!((heard, result), (1, Err(BulkError::Stopped)));
    let (heard, summary) = run(&manager, &asked, &options(folder.path())).await;
    assert_eq!((heard, api.count(Step::Create)), (answered(&["a", "b", "c"]), 1));
    assert_eq!(summary.map(|summary| summary.known), Ok(1));
}

#[tokio::test]
async fn many_questions_are_divided() {
    for provider in BOTH {
        let (api, folder) = (BatchServer::start().await, tempfile::tempdir().unwrap());
        let manager = manager(&settings(&api, provider));
        let texts: Vec<String> = (0..25).map(|number| format!("q{number}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let small = BulkOptions { largest: 10, ..options(folder.path()) };
        let (heard, _) = run(&manager, &questions(&texts), &small).await;
        assert_eq!(heard, answered(&texts));
        let state = api.state.lock().unwrap();
        assert_eq!(state.batches.iter().map(|batch| batch.questions.len()).collect::<Vec<_>>(), [10, 10, 5]);
    }
}

#[tokio::test]
async fn a_target_without_batches_is_asked_one_by_one_and_goes_on_too() {
    for (name, step, at) in [("files", Step::Upload, 0), ("batches", Step::Create, 1)] {
        let (api, folder) = (BatchServer::start().await, tempfile::tempdir().unwrap());
        (0..2).for_each(|_| api.fail(step, Fault::Status(404)));
        let one = manager(&settings(&api, ProviderKind::Openai));
        let asked = questions(&["a", "b", "c", "d", "e", "f"]);
        let mut options = options(folder.path());
        options.at_once = 2;
        let mut heard = 0;
        let mut is_told = false;
        let result = one
            .bulk(&asked, &options, &mut |told| match told {
                Told::OneByOne(target) => {
                    is_told = target == "one";
                    ControlFlow::Continue(())
                }
                Told::Answer { .. } if heard == 3 => ControlFlow::Break(()),
                Told::Answer { .. } => {
                    heard += 1;
                    ControlFlow::Continue(())
                }
                _ => ControlFlow::Continue(()),
            })
            .await;
        assert_eq!((result, is_told), (Err(BulkError::Stopped), true), "{name}");
        let second = manager(&settings(&api, ProviderKind::Openai));
        let (heard, summary) = run(&second, &asked, &options).await;
        let summary = summary.unwrap();
        assert_eq!((heard.len(), summary.answered, summary.failed), (6, 6, 0), "{name}");
        assert_eq!(summary.known, 4, "{name}: what was written down before it was told");
        assert!(heard.iter().all(|(_, text)| text.as_ref().is_ok_and(|text| text.starts_with("single "))));
        // Two were under way when the first run stopped; those may have been asked twice, no other.
        assert!((6..=8).contains(&api.count(Step::Single)), "{}", api.count(Step::Single));
        assert_eq!((api.count(Step::Upload), is_empty(folder.path())), (1, true), "{at}");
    }
}

#[tokio::test]
async fn a_server_that_answers_to_any_address_has_no_batches() {
    for (provider, step) in [(ProviderKind::Openai, Step::Upload), (ProviderKind::Anthropic, Step::List)] {
        let (api, folder) = (BatchServer::start().await, tempfile::tempdir().unwrap());
        let nonsense = if step == Step::Upload { r#"{"error":"Unexpected endpoint"}"# } else { "<html>" };
        (0..3).for_each(|_| api.fail(step, Fault::Instead(nonsense.into())));
        let manager = manager(&settings(&api, provider));
        let mut is_told = false;
        let result = manager
            .bulk(&questions(&["a"]), &options(folder.path()), &mut |told| {
                is_told |= matches!(told, Told::OneByOne(_));
                ControlFlow::Continue(())
            })
            .await;
        assert!(is_told && result.is_ok() && api.count(Step::Create) == 0, "{result:?}");
    }
}

#[tokio::test]
async fn a_secret_in_an_answer_of_a_single_call_is_not_kept() {
    let secret = ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat();
    let (api, folder) = (BatchServer::start().await, tempfile::tempdir().unwrap());
    api.fail(Step::Upload, Fault::Status(404));
    let one = manager(&settings(&api, ProviderKind::Openai));
    let asked = [question("s", &format!("what is token = \"{secret}\"?")), question("t", "other")];
    let stopped = one
        .bulk(&asked, &BulkOptions { at_once: 1, ..options(folder.path()) }, &mut |told| match told {
            Told::Answer { .. } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
        .await;
    assert_eq!(stopped, Err(BulkError::Stopped));
    let files = std::fs::read_dir(folder.path()).unwrap();
    let kept: String = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    assert!(!kept.contains(&secret) && kept.contains("__SECRET_1__"), "{kept}");
    let (heard, _) = run(&one, &asked, &options(folder.path())).await;
    assert_eq!(heard[0].1, Ok(format!("single what is token = \"{secret}\"?")), "and comes back");
}

#[tokio::test]
async fn secrets_stay_here_and_come_back_and_stand_in_no_file() {
    let secret = ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat();
    for provider in [ProviderKind::Openai, ProviderKind::Anthropic, ProviderKind::Ollama] {
        let (api, folder) = (BatchServer::start().await, tempfile::tempdir().unwrap());
        // Ollama's format has no batches, so it fails here: the questions stay, which is what is looked at.
        let manager = manager(&settings(&api, provider));
        let asked = [question("s", &format!("what is token = \"{secret}\"?")), question("t", "silence")];
        let (heard, _) = run(&manager, &asked, &options(folder.path())).await;
        if provider != ProviderKind::Ollama {
            assert_eq!(heard[0].1, Ok(format!("answer to what is token = \"{secret}\"?")));
        }
        let sent = api.state.lock().unwrap().bodies.concat();
        assert!(!sent.contains(&secret) && sent.contains("__SECRET_1__"), "{sent}");
        let kept: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
            .collect();
        assert_eq!(kept.len(), 2, "something failed, so the files are there");
        let kept = kept.concat();
        assert!(!kept.contains(&secret) && !kept.contains("a-key") && !kept.contains("silence"), "{kept}");
    }
}

#[tokio::test]
async fn a_key_does_not_follow_an_answer_to_another_host() {
    let (api, thief, folder) = (BatchServer::start().await, BatchServer::start().await, tempfile::tempdir().unwrap());
    api.change(|state| state.elsewhere = Some(thief.url.clone()));
    let manager = manager(&settings(&api, ProviderKind::Anthropic));
    let (_, result) = run(&manager, &questions(&["a"]), &options(folder.path())).await;
    assert!(result.is_err_and(|error| error.to_string().contains("another address")));
    assert!(thief.state.lock().unwrap().keys.is_empty());
    api.change(|state| state.elsewhere = None);
    let (heard, _) = run(&manager, &questions(&["a"]), &options(folder.path())).await;
    assert_eq!((heard, api.count(Step::Create)), (answered(&["a"]), 1));
}

#[tokio::test]
async fn a_budget_without_room_for_all_makes_no_batch_and_what_is_paid_is_still_read() {
    let (api, folder) = (BatchServer::start().await, tempfile::tempdir().unwrap());
    let mut tight = settings(&api, ProviderKind::Openai);
    tight.budget = Limits { dollars_per_day: Some(0.05), ..Limits::default() };
    let asked = questions(&["a", "b", "c"]);
    let (heard, result) = run(&manager(&tight), &asked, &options(folder.path())).await;
    assert!(heard.is_empty() && result.is_err_and(|error| error.to_string().contains("budget.dollars-per-day")));
    assert_eq!(api.count(Step::Create), 0);
    // There is room for two of them; in three batches it is too little all the same, and none is made.
    let elsewhere = tempfile::tempdir().unwrap();
    let three = BulkOptions { largest: 1, ..options(elsewhere.path()) };
    let one = manager(&tight);
    assert!(run(&one, &asked, &three).await.1.is_err() && api.count(Step::Create) == 0);
    assert!(one.spending().dollars == 0.0, "what was reserved is given back");
    // Made under a wider budget and left, it is read under the tight one.
    api.fail(Step::Look, Fault::HangBefore);
    let (wide, waits) = (manager(&settings(&api, ProviderKind::Openai)), options(folder.path()));
    tokio::select! {
        _ = run(&wide, &asked, &waits) => panic!("it was to hang"),
        () = api.hangs.notified() => {}
    }
    let (heard, _) = run(&manager(&tight), &asked, &options(folder.path())).await;
    assert_eq!((heard, api.count(Step::Create)), (answered(&["a", "b", "c"]), 1));
}

#[tokio::test]
async fn what_cannot_be_asked_is_one_sentence() {
    let (api, folder) = (BatchServer::start().await, tempfile::tempdir().unwrap());
    let manager = manager(&settings(&api, ProviderKind::Openai));
    let twice = [question("x", "a"), question("x", "b")];
    assert_eq!(run(&manager, &twice, &options(folder.path())).await.1, Err(BulkError::Twice("x".into())));
    let named = BulkOptions { target: Some("other".into()), ..options(folder.path()) };
    let error = run(&manager, &questions(&["a"]), &named).await.1.unwrap_err().to_string();
    assert!(error.contains("other") && error.contains("no model of this name"), "{error}");
    assert_eq!(run(&manager, &[], &options(folder.path())).await.1, Ok(Summary::default()));
    // Numbers that are paths are not taken for numbers.
    api.fail(Step::Upload, Fault::Instead(r#"{"id":"../../else"}"#.into()));
    let short = BulkOptions { patience: Duration::ZERO, ..options(folder.path()) };
    let error = run(&manager, &questions(&["a"]), &short).await.1.unwrap_err().to_string();
    assert!(error.contains("names nothing"), "{error}");
}
