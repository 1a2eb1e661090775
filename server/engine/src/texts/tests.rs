//! Offers and searches over texts, as the service calls them, with a model server that says what it is told to.

use super::*;
use crate::config::{ConfigurationManager, Sources};
use crate::mode::{EditorMode, Offline};
use crate::server_core::Parts;
use llm::scripted::{Behaviour, ModelServer};
use serde_json::{Value, json};
use workspace::files::MemoryFiles;

/// The parameter was renamed, the documentation was not.
const DRIFTED: &str = "def area(width, height):\n    \"\"\"Return the area.\n\n    Args:\n        widht: The width.\n        height: The height.\n    \"\"\"\n    return width * height\n";
const BARE: &str = "def total(prices, rate):\n    result = 0\n    for price in prices:\n        result = result + price * rate\n    return result\n";

pub(crate) fn core(settings: Value) -> ServerCore {
    let files = Arc::new(MemoryFiles::default());
    let sources = Sources { file_system: files.clone(), flags: settings, ..Sources::none() };
    ServerCore::new(Parts {
        file_system: files,
        config: Arc::new(ConfigurationManager::new(sources).0),
        metrics: Arc::default(),
        mode: Arc::new(EditorMode),
        strategy: Arc::new(Offline),
        journal: || None,
    })
}

async fn offers(core: &ServerCore, name: &str, text: &str) -> Vec<TextOffer> {
    core.text_offers(name.into(), text.into(), Span::new(4, 4), true).await.unwrap()
}

async fn run(core: &ServerCore, name: &str, text: &str, id: &str) -> Result<TextDone, CoreError> {
    core.run_text_offer(name.into(), text.into(), Span::new(4, 4), id.to_owned()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_is_found_again_and_done_without_anything_being_kept() {
    let core = core(json!({}));
    let offers = core.text_offers("a.py".into(), DRIFTED.into(), Span::new(0, DRIFTED.len()), true).await.unwrap();
    let fix = offers.iter().find(|offer| offer.title == "Rename to `width` in the documentation").unwrap();
    assert!(fix.kind == "quickfix" && fix.preferred && !fix.asks_model, "{fix:?}");
    let whole = Span::new(0, DRIFTED.len());
    let done = core.run_text_offer("a.py".into(), DRIFTED.into(), whole, fix.id.clone()).await.unwrap();
    assert_eq!(&*done.after, DRIFTED.replace("widht", "width"));
    assert_eq!(apply_edits(DRIFTED, &done.edits).as_deref(), Some(&*done.after));
    assert!(!done.is_by_model && done.page.is_none());
    assert!(core.workspace().open_uris().is_empty() && core.workspace().index.is_empty());
    let gone = run(&core, "a.py", BARE, &fix.id).await.unwrap_err();
    assert!(matches!(gone, CoreError::Refused { .. }), "{gone:?}");
    let unknown = core.text_offers("a.txt".into(), "x".into(), Span::new(0, 0), true).await.unwrap_err();
    assert!(matches!(unknown, CoreError::UnsupportedLanguage { .. }), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_above_the_limit_is_refused() {
    let core = core(json!({ "limits": { "max-file-size": 1024 } }));
    let text: Arc<str> = "x = 1\n".repeat(200).into();
    let refused = core.text_offers("a.py".into(), text, Span::new(0, 0), true).await.unwrap_err();
    assert!(matches!(refused, CoreError::TooLarge { size: 1200, limit: 1024, .. }), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_asked_when_an_offer_of_its_own_is_run_and_not_before() {
    let says = "```python\ndef total(prices, rate):\n    return sum(price * rate for price in prices)\n```";
    let script = Behaviour { words: vec![says.to_owned()], ..Behaviour::default() }.script();
    let server = ModelServer::start(script, 100).await;
    let core = core(json!({ "models": { "target": [{ "name": "own", "model": "m", "base-url": server.url }] } }));
    let all = offers(&core, "src/orders.py", BARE).await;
    let ids: Vec<&str> = all.iter().filter(|offer| offer.asks_model).map(|offer| offer.id.as_str()).collect();
    assert_eq!(ids, ["ask:document", "ask:refactor:simplify", "ask:refactor:rename", "ask:write-tests", "ask:explain"]);
    assert_eq!(server.requests(), 0);
    let done = run(&core, "src/orders.py", BARE, "ask:refactor:simplify").await.unwrap();
    assert!(done.is_by_model && done.after.contains("return sum("), "{done:?}");
    assert!(done.checks.iter().any(|check| check == "parses"), "{done:?}");
    let said = server.seen.bodies.lock().unwrap().last().cloned().unwrap();
    assert!(said.contains("def total(prices, rate)") && !said.contains("text:src"), "{said}");
    let without = core.text_offers("a.py".into(), BARE.into(), Span::new(4, 4), false).await.unwrap();
    assert!(without.iter().all(|offer| !offer.asks_model));
    let private = offers(&core, "secrets.py", BARE).await;
    assert!(!private.is_empty() && private.iter().all(|offer| !offer.asks_model), "{private:?}");
    assert!(run(&core, "secrets.py", BARE, "ask:explain").await.is_err());
    assert!(core.last_record().is_err(), "nothing is kept of what was asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_model_answers_the_words_that_need_none_are_used_or_it_is_said() {
    let target = json!([{ "name": "gone", "model": "m", "base-url": "http://127.0.0.1:1" }]);
    let core = core(json!({ "models": { "target": target } }));
    let done = run(&core, "a.py", BARE, "ask:document").await.unwrap();
    assert!(!done.is_by_model && done.after.contains("\"\"\""), "{done:?}");
    assert!(done.remarks[0].starts_with("No model's answer was used"), "{done:?}");
    let refused = run(&core, "a.py", BARE, "ask:refactor:simplify").await.unwrap_err();
    assert!(matches!(refused, CoreError::Model(_)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_goes_over_the_texts_that_are_given_and_no_others() {
    let core = core(json!({}));
    let texts = || {
        vec![
            ("a.py".into(), DRIFTED.into()),
            ("b.py".into(), BARE.into()),
            ("c.go".into(), "package c\n\nfunc Total() {}\n".into()),
        ]
    };
    let names = |found: &[FoundSymbol]| -> Vec<String> {
        found.iter().map(|one| format!("{}:{}", one.uri, one.name)).collect()
    };
    let found = core.search_texts(texts(), "total".into(), Vec::new(), 9).await.unwrap();
    assert_eq!(names(&found), ["c.go:Total", "b.py:total"]);
    assert_eq!((found[1].kind.word(), found[1].start.line, found[1].start.character), ("function", 0, 4));
    let one = core.search_texts(texts(), String::new(), vec!["function".into()], 1).await.unwrap();
    assert_eq!(one.len(), 1);
    assert!(core.search_texts(texts(), String::new(), vec!["class".into()], 9).await.unwrap().is_empty());
    assert!(core.search_texts(Vec::new(), "total".into(), Vec::new(), 9).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quotas_hold_for_the_clients_of_a_service_and_for_nobody_else() {
    let script = Behaviour { words: vec!["It adds up.".to_owned()], ..Behaviour::default() }.script();
    let server = ModelServer::start(script, 100).await;
    let settings = json!({
        "models": { "target": [{ "name": "own", "model": "m", "base-url": server.url }] },
        "service": { "quotas": { "tokens-per-day": 1 } },
    });
    let editor = core(settings.clone());
    assert!(run(&editor, "a.py", BARE, "ask:explain").await.is_ok(), "an editor has no quota");
    let service = core(settings);
    service.hold_quotas();
    let done = run(&service, "a.py", BARE, "ask:explain").await.unwrap();
    assert!(!done.is_by_model && done.remarks[0].contains("`service.quotas.tokens-per-day`"), "{done:?}");
    let refused = run(&service, "a.py", BARE, "ask:refactor:simplify").await.unwrap_err().to_string();
    assert!(refused.contains("`service.quotas.tokens-per-day`"), "{refused}");
}
