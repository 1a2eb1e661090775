//! Actions with models, end to end in the core, against a model server over real sockets that says what it is told to.

mod surroundings;

use super::*;
use crate::config::{ConfigurationManager, Sources};
use crate::mode::{EditorMode, Offline};
use crate::server_core::Parts;
use llm::scripted::{Behaviour, Fault, ModelServer, Script, Trouble, Usual};
use serde_json::{Value, json};
use syntax::document::Change;
use syntax::extract::code_fingerprint;
use syntax::language::Language;
use syntax::text::{Position, apply_edits};
use workspace::files::MemoryFiles;
use workspace::log::Conflict;

const URI: &str = "file:///w/orders.py";
const TEXT: &str = "import os\n\n\ndef parse_url(url, strict=False):\n    if not url:\n        raise ValueError('empty')\n    return url.split('/', 3)\n\n\ndef total(prices, rate):\n    result = 0\n    for price in prices:\n        result = result + price * rate\n    return result\n";

fn core(url: &str, settings: Value) -> ServerCore {
    let files = Arc::new(MemoryFiles::default());
    let sources = Sources { file_system: files.clone(), ..Sources::none() };
    let core = ServerCore::new(Parts {
        file_system: files,
        config: Arc::new(ConfigurationManager::new(sources).0),
        metrics: Arc::default(),
        mode: Arc::new(EditorMode),
        strategy: Arc::new(Offline),
        journal: || None,
    });
    let mut all = json!({ "models": { "target": [{ "name": "own", "model": "m", "base-url": url }] } });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    core.set_editor_settings(all);
    core.open(URI, "python", 1, TEXT);
    core
}

async fn saying(text: impl Into<String>) -> ModelServer {
    ModelServer::start(script(&text.into()), 100).await
}

fn script(text: &str) -> Script {
    Behaviour { words: vec![text.to_owned()], ..Behaviour::default() }.script()
}

fn at(kind: AskKind, part: &str) -> Ask {
    let start = TEXT.find(part).unwrap();
    Ask { kind, uri: URI.into(), revision: 0, start, end: start, words: String::new(), problems: Vec::new() }
}

fn problem(part: &str) -> Problem {
    let start = TEXT.find(part).unwrap();
    Problem { start, end: start + part.len(), message: "It is too slow.".into(), source: "pylint".into() }
}

fn after(core: &ServerCore, asked: &Asked) -> String {
    let [file] = asked.edit.files.as_slice() else { panic!("one file: {asked:?}") };
    let now = core.snapshot(URI).unwrap();
    assert_eq!((file.version, &*file.text), (now.version, &*now.text()), "an edit fits the text of now");
    apply_edits(&file.text, &file.edits).unwrap()
}

const SLOTS: &str = r#"{"summary": "Split a URL into its parts.", "details": "", "params": {"url": "What is split.", "strict": "Not used."}, "returns": "At most four parts.", "raises": {"ValueError": "If `url` is empty."}}"#;
const TOTAL: &str = "```python\ndef total(prices, rate):\n    return sum(price * rate for price in prices)\n```";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_documents_and_what_it_said_is_on_a_page() {
    let server = saying(SLOTS).await;
    let core = core(&server.url, json!({}));
    let asked = core.ask(at(AskKind::Document, "parse_url"), None).await.unwrap();
    let text = after(&core, &asked);
    assert!(
        text.contains("    \"\"\"Split a URL into its parts.\n\n    Args:\n        url: What is split.\n"),
        "{text}"
    );
    assert!(asked.note.contains("own") && asked.note.contains("only documentation changed"), "{}", asked.note);
    let page = core.last_record().unwrap();
    for part in
        ["own (m, openai)", "| verified | parses", "+    \"\"\"Split a URL", "What is split.", "\"name\":\"parse_url\""]
    {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert_eq!(core.page(&page.uri), Some(page.clone()));
    let file = core.page_file(&page);
    assert!(file.is_ok_and(|file| std::fs::read_to_string(file).is_ok_and(|text| text == *page.text)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_answer_goes_back_once_and_then_the_offline_words_are_used() {
    let server = saying("I would rather not.").await;
    server.next([script("{\"summary\": \"Uses `magic_cache`.\"}"), script(SLOTS)]);
    let core = core(&server.url, json!({}));
    let asked = core.ask(at(AskKind::Document, "parse_url"), None).await.unwrap();
    assert!(after(&core, &asked).contains("Split a URL"), "the second answer is good");
    assert_eq!(server.requests(), 2);
    let said = server.seen.bodies.lock().unwrap().last().cloned().unwrap();
    assert!(
        said.contains("magic_cache") && said.contains("could not be used"),
        "the second question tells what was wrong"
    );
    // Another place, so that no answer is kept.
    let asked = core.ask(at(AskKind::Document, "total"), None).await.unwrap();
    let text = after(&core, &asked);
    assert!(text.contains("def total(prices, rate):\n    \"\"\""), "the offline writer: {text}");
    assert!(asked.note.contains("without a model"), "{}", asked.note);
    assert_eq!(server.requests(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_action_does_its_work() {
    let by = Usual::by(|_, info| {
        let body = &info.body;
        script(match () {
            () if body.contains("You explain code") => "It splits a URL at its slashes. An empty one is an error.",
            () if body.contains("You write tests") => {
                "```python\nimport unittest\n\nclass TestTotal(unittest.TestCase):\n    def test_total(self):\n        self.assertEqual(total([1], 2), 2)\n```"
            }
            _ => TOTAL,
        })
    });
    let server = ModelServer::start(by, 100).await;
    let core = core(&server.url, json!({}));
    let fix = Ask { problems: vec![problem("result + price * rate")], ..at(AskKind::Fix, "result + price") };
    let fixed = core.ask(fix, None).await.unwrap();
    assert!(
        after(&core, &fixed).ends_with("def total(prices, rate):\n    return sum(price * rate for price in prices)\n")
    );
    let refactored = core.ask(at(AskKind::Refactor, "result = 0"), None).await.unwrap();
    assert!(refactored.note.contains("signatures kept"), "{}", refactored.note);
    let explained = core.ask(at(AskKind::Explain, "parse_url"), None).await.unwrap();
    let page = explained.page.unwrap();
    assert!(
        page.text.starts_with("# Explanation of `parse_url`\n\nIt splits a URL") && page.text.ends_with("own\n"),
        "{}",
        page.text
    );
    let tested = core.ask(at(AskKind::WriteTests, "total"), None).await.unwrap();
    assert!(tested.creates.is_some_and(|uri| uri.ends_with("tests/test_orders.py")), "a new file");
    assert!(tested.edit.files[0].edits[0].text.contains("def test_total"));
    // Each told its price, and the model was asked once for each.
    assert_eq!(server.requests(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_model_what_can_be_done_is_done_and_the_rest_is_said() {
    let down = core("http://127.0.0.1:1/v1", json!({}));
    let documented = down.ask(at(AskKind::Document, "parse_url"), None).await.unwrap();
    assert!(after(&down, &documented).contains("\"\"\""));
    let explained = down.ask(at(AskKind::Explain, "parse_url"), None).await.unwrap().page.unwrap();
    assert!(explained.text.contains("this is what the code says itself"), "{}", explained.text);
    let refused = down.ask(at(AskKind::Refactor, "total"), None).await.unwrap_err();
    assert!(matches!(&refused, CoreError::Model(_)), "{refused}");
    let server = saying(TOTAL).await;
    let poor = core(&server.url, json!({ "budget": { "tokens-per-day": 10 } }));
    let refused = poor.ask(at(AskKind::Refactor, "total"), None).await.unwrap_err();
    assert!(matches!(&refused, CoreError::Model(error) if error.cause == Cause::Budget), "{refused}");
    assert!(poor.ask(at(AskKind::Document, "total"), None).await.is_ok(), "documentation needs no money");
    assert_eq!(server.requests(), 0);
    let offline = core(&server.url, json!({ "actions": { "strategy": "offline" } }));
    assert!(offline.ask(at(AskKind::Document, "total"), None).await.unwrap().note.contains("without a model"));
    assert_eq!(offline.ask_offers(URI, place(&offline, 60), Vec::new()).await.unwrap(), []);
}

fn place(core: &ServerCore, offset: usize) -> PlaceAt {
    PlaceAt { span: Span::at(offset), revision: core.snapshot(URI).unwrap().revision }
}

fn insert(core: &ServerCore, version: i32, line: u32, text: &str) {
    let at = Position { line, character: 0 };
    core.change(URI, version, &[Change { range: Some((at, at)), text: text.into() }]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_types_meanwhile_gets_the_edit_in_the_new_place_or_a_refusal() {
    let slow =
        Behaviour { words: vec![TOTAL.to_owned()], before_first: Duration::from_millis(300), ..Behaviour::default() };
    let server = ModelServer::start(slow.script(), 100).await;
    let core = core(&server.url, json!({}));
    let other = core.clone();
    let running = tokio::spawn(async move { other.ask(at(AskKind::Refactor, "total"), None).await });
    tokio::time::sleep(Duration::from_millis(120)).await;
    insert(&core, 2, 0, "# 🎉 a line above\n");
    let asked = running.await.unwrap().unwrap();
    let text = after(&core, &asked);
    assert!(
        text.starts_with("# 🎉 a line above\nimport os\n")
            && text.ends_with("    return sum(price * rate for price in prices)\n"),
        "{text}"
    );
    let start = core.snapshot(URI).unwrap().text().find("total").unwrap();
    let (other, again) =
        (core.clone(), Ask { start, end: start, words: "rename".into(), ..at(AskKind::Refactor, "total") });
    let running = tokio::spawn(async move { other.ask(again, None).await });
    tokio::time::sleep(Duration::from_millis(120)).await;
    insert(&core, 3, 12, "    prices = list(prices)\n");
    let refused = running.await.unwrap().unwrap_err();
    assert!(matches!(refused, CoreError::Conflict(Conflict::Touched)), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_the_question_closes_the_connection() {
    let endless = Behaviour {
        words: vec!["x ".to_owned()],
        times: 100_000,
        pace: Duration::from_millis(5),
        ..Behaviour::default()
    };
    let server = ModelServer::start(endless.script(), 100).await;
    let core = core(&server.url, json!({}));
    let mut events = core.events();
    let (other, ask) = (core.clone(), at(AskKind::Explain, "total"));
    let running = tokio::spawn(async move { other.ask(ask, Some("t")).await });
    let mut told = false;
    while !told {
        let event = tokio::time::timeout(Duration::from_secs(5), events.recv()).await.unwrap().unwrap();
        told = matches!(event, crate::events::Event::Progress { step: crate::events::ProgressStep::Report { .. }, .. });
    }
    running.abort();
    for _ in 0..200 {
        if server.seen.last_abort().is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the provider still writes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_tell_model_and_price_and_what_is_private_is_not_offered() {
    let server = saying(TOTAL).await;
    let core = core(&server.url, json!({}));
    let titles =
        |offers: Vec<crate::model_offers::AskOffer>| offers.into_iter().map(|offer| offer.title).collect::<Vec<_>>();
    let here = place(&core, TEXT.find("parse_url").unwrap());
    let offers = titles(core.ask_offers(URI, here, vec![problem("strict")]).await.unwrap());
    for title in [
        "Document `parse_url` · local model",
        "Explain `parse_url` · local model",
        "Fix “It is too slow” · local model",
    ] {
        assert!(offers.contains(&title.to_owned()), "{title}: {offers:?}");
    }
    let priced = json!({ "models": { "target": [{ "name": "big", "model": "m", "base-url": "https://models.invalid/v1", "price": { "input": 3.0, "output": 15.0 } }] } });
    core.set_editor_settings(priced);
    let here = place(&core, TEXT.find("parse_url").unwrap());
    let offers = titles(core.ask_offers(URI, here, Vec::new()).await.unwrap());
    assert!(
        offers.iter().any(|title| title.starts_with("Document `parse_url` · big · ~0.") && title.ends_with(" ct")),
        "{offers:?}"
    );
    let secret = "file:///w/secrets.py";
    core.open(secret, "python", 1, TEXT);
    let here = PlaceAt { span: Span::at(20), revision: core.snapshot(secret).unwrap().revision };
    assert_eq!(core.ask_offers(secret, here, Vec::new()).await.unwrap(), []);
    let refused = core.ask(Ask { uri: secret.into(), ..at(AskKind::Explain, "total") }, None).await.unwrap_err();
    assert!(refused.to_string().contains("is not shown to a model"), "{refused}");
    assert_eq!(server.requests(), 0, "offering is free");
}

/// A small generator of numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

/// A model that means ill, or is only bad.
fn hostile(dice: &mut Dice, body: &str) -> String {
    let slots =
        |name: &str, text: &str| SLOTS.replace("What is split.", text).replace("\"url\"", &format!("\"{name}\""));
    let wants_slots = body.contains("Fill the slots");
    let code = |code: &str| format!("```python\n{code}\n```");
    match dice.roll(16) {
        0 => String::new(),
        1 => "x".repeat(60_000),
        2 => "I am sorry, I cannot help with that.".into(),
        3 if wants_slots => slots("address", "Renamed."),
        4 if wants_slots => slots("url", "See `not_there_at_all`."),
        5 if wants_slots => SLOTS.replace("\"ValueError\"", "\"KeyError\""),
        6 if wants_slots => slots("url", "End.\\\"\\\"\\\"\\nimport os; os.remove('x')\\n\\\"\\\"\\\""),
        7 if wants_slots => "{\"summary\": ".repeat(40),
        3 => code("def total(costs, rate):\n    return 0"),
        4 => code("def total(prices, rate):\n    return compute_everything(prices)"),
        5 => code("def total(prices, rate):\n    # ... rest of the function unchanged\n    return 0"),
        6 => code("def total(prices, rate):\n    return 0\n\nimport sys\ndef parse_url(url):\n    pass"),
        7 => code("def total(prices, rate)\n    return (("),
        8 => code("class Total:\n    pass"),
        9 => code("\u{feff}def total(prices, rate):\r\n\treturn 0 \u{2028}"),
        10 => format!("{}\n{}", code("x = 1"), code("y = 2")),
        11 => "```python\ndef total(prices, rate):".into(),
        12 => code("    def total(prices, rate):\n        return 0\n\ndef total(prices, rate):\n    return 1"),
        13 => "{\"notes\": []}".into(),
        14 if wants_slots => SLOTS.into(),
        _ => TOTAL.into(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_hostile_answers_put_no_wrong_byte_into_a_buffer() {
    let dice = Mutex::new(Dice(7));
    let by = Usual::by(move |_, info| script(&hostile(&mut dice.lock().unwrap(), &info.body)));
    let server = ModelServer::start(by, 100).await;
    let core = core(&server.url, json!({ "cache": { "max-bytes": 0 } }));
    let python = Language::from_id("python").unwrap();
    let code = code_fingerprint(python, TEXT);
    let (mut edited, mut refused, mut number) = (0, 0, 0);
    while server.requests() < 1000 {
        number += 1;
        // A comment at the end makes each question another one.
        let text = format!("{TEXT}# {number}\n");
        core.open(URI, "python", number, &text);
        let ask = match number % 3 {
            0 => at(AskKind::Document, "parse_url"),
            1 => at(AskKind::Refactor, "total"),
            _ => Ask { problems: vec![problem("price * rate")], ..at(AskKind::Fix, "result + price") },
        };
        let (kind, words) = (ask.kind, format!("{number}"));
        let ask = Ask {
            words: if kind == AskKind::Refactor { format!("simplify it, please ({words})") } else { words },
            ..ask
        };
        match core.ask(ask, None).await {
            Ok(asked) => {
                let after = after(&core, &asked);
                edited += 1;
                if kind == AskKind::Document {
                    assert_eq!(code_fingerprint(python, &after), code_fingerprint(python, &text), "{after}");
                    assert!(!after.contains("not_there_at_all") && !after.contains("os.remove"), "{after}");
                } else {
                    let start = text.find("def total").unwrap();
                    assert!(
                        after.starts_with(&text[..start]) && after.ends_with(&format!("\n# {number}\n")),
                        "{after}"
                    );
                    assert_eq!(code_fingerprint(python, &after).errors, code.errors, "{after}");
                    assert!(
                        after.contains("def total(prices, rate):") && !after.contains("compute_everything"),
                        "{after}"
                    );
                }
            }
            Err(error) => {
                refused += 1;
                assert!(matches!(error, CoreError::Model(_)), "{error}");
            }
        }
    }
    assert!(edited > 150 && refused > 150, "{edited} edits and {refused} refusals of {number}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_raced_edits_never_land_on_changed_text() {
    let server = saying(TOTAL).await;
    let core = core(&server.url, json!({}));
    let asked = core.ask(at(AskKind::Refactor, "total"), None).await.unwrap();
    let [made] = asked.edit.files.as_slice() else { panic!("one file") };
    let region = Span::new(TEXT.find("def total").unwrap(), TEXT.len() - 1);
    let (mut dice, mut landed, mut refused) = (Dice(3), 0, 0);
    for round in 0..10_000 {
        core.open(URI, "python", 1, TEXT);
        let revision = core.snapshot(URI).unwrap().revision;
        let file = crate::answers::FileEdit { revision, ..made.clone() };
        let mut touched = false;
        let mut text = TEXT.to_owned();
        // Where the region lies, while others type.
        let mut own = region;
        for step in 0..1 + dice.roll(4) {
            let start = (0..).map(|_| dice.roll(text.len() + 1)).find(|at| text.is_char_boundary(*at)).unwrap();
            let end = (start + dice.roll(4)).min(text.len());
            let end = (end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap();
            let new = ["", "x", "é\n", "🎉", "def f(): pass\n"][dice.roll(5)];
            if start == end && new.is_empty() {
                continue;
            }
            let position = |offset: usize| {
                let before = &text[..offset];
                let line = before.matches('\n').count() as u32;
                let character = before.rsplit('\n').next().unwrap_or("").encode_utf16().count() as u32;
                Position { line, character }
            };
            let change = Change { range: Some((position(start), position(end))), text: new.into() };
            core.change(URI, 2 + step as i32, &[change]);
            text.replace_range(start..end, new);
            if start < own.end && end > own.start {
                touched = true;
            } else if end <= own.start && start < own.start {
                own = Span::new(own.start + new.len() - (end - start), own.end + new.len() - (end - start));
            } else if start == own.start && end == start {
                own = Span::new(own.start + new.len(), own.end + new.len());
            }
        }
        match core.rebase(WorkspaceEdit { files: vec![file], ..WorkspaceEdit::default() }).await {
            Ok(edit) => {
                landed += 1;
                assert!(!touched, "round {round}: what was changed is not written over");
                let after = apply_edits(&edit.files[0].text, &edit.files[0].edits).unwrap();
                let expected = text.replacen(
                    region.of(TEXT),
                    "def total(prices, rate):\n    return sum(price * rate for price in prices)",
                    1,
                );
                assert_eq!(after, expected, "round {round}");
            }
            Err(error) => {
                refused += 1;
                assert!(matches!(error, CoreError::Conflict(_)), "round {round}: {error}");
            }
        }
    }
    assert!(landed > 1000 && refused > 1000, "{landed} landed, {refused} refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_answers_the_sound_one_is_chosen_by_checks_alone() {
    let dice = Mutex::new(Dice(11));
    let broken = |dice: &mut Dice| loop {
        let answer = hostile(dice, "");
        if answer != TOTAL {
            return answer;
        }
    };
    // Each question gets one sound and one broken answer, in an order that differs.
    let first = Mutex::new(std::collections::HashMap::<String, bool>::new());
    let by = Usual::by(move |_, info| {
        let mut dice = dice.lock().unwrap();
        let question =
            info.body.split("pair ").nth(1).unwrap_or("").chars().take_while(char::is_ascii_digit).collect::<String>();
        let mut first = first.lock().unwrap();
        let is_sound = match first.remove(&question) {
            Some(was_sound) => !was_sound,
            None => {
                let is_sound = dice.roll(2) == 0;
                first.insert(question, is_sound);
                is_sound
            }
        };
        script(&if is_sound { TOTAL.to_owned() } else { broken(&mut dice) })
    });
    let server = ModelServer::start(by, 100).await;
    let core = core(&server.url, json!({ "actions": { "strategy": "best_of_two" } }));
    let (mut chosen, pairs) = (0, 500);
    for pair in 0..pairs {
        let ask = Ask { words: format!("simplify it (pair {pair})"), ..at(AskKind::Refactor, "total") };
        let asked = core.ask(ask, None).await;
        chosen += usize::from(
            asked.is_ok_and(|asked| after(&core, &asked).contains("sum(price * rate for price in prices)")),
        );
    }
    assert!(chosen * 100 >= pairs * 98, "{chosen} of {pairs}");
    assert!(server.requests() <= pairs * 2, "no judge was asked: {} requests", server.requests());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_breaks_leaves_the_text_as_it_is() {
    let cut =
        |fault| Behaviour { words: vec![TOTAL[..40].to_owned()], fault: Some(fault), ..Behaviour::default() }.script();
    for fault in [Fault::Cut, Fault::Ends, Fault::Garbage, Fault::NotUtf8, Fault::Says(Trouble::Server)] {
        let server = ModelServer::start(cut(fault), 100).await;
        let core = core(&server.url, json!({}));
        let refused = core.ask(at(AskKind::Refactor, "total"), None).await.unwrap_err();
        assert!(matches!(refused, CoreError::Model(_)), "{fault:?}: {refused}");
    }
    let endless = Behaviour { words: vec!["x".repeat(1000)], times: 10_000, ..Behaviour::default() };
    let server = ModelServer::start(endless.script(), 100).await;
    let core = core(&server.url, json!({}));
    let refused = core.ask(at(AskKind::Refactor, "total"), None).await.unwrap_err();
    assert!(refused.to_string().contains("max-answer-bytes"), "10 MB: {refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_users_own_programs_format_and_verify_and_nobody_elses() {
    let server = saying(TOTAL).await;
    let with = |programs: &str| {
        let files = Arc::new(MemoryFiles::default());
        let url = &server.url;
        let target = format!("[[models.target]]\nname = 'own'\nmodel = 'm'\nbase-url = '{url}'\n");
        files.put("/home/u/config.toml", format!("[actions]\n{programs}\n{target}"));
        let sources =
            Sources { file_system: files.clone(), user_file: Some("/home/u/config.toml".into()), ..Sources::none() };
        let core = ServerCore::new(Parts {
            file_system: files,
            config: Arc::new(ConfigurationManager::new(sources).0),
            metrics: Arc::default(),
            mode: Arc::new(EditorMode),
            strategy: Arc::new(Offline),
            journal: || None,
        });
        core.open(URI, "python", 1, TEXT);
        core
    };
    let formats = with(
        "format = ['sed', '-i', 's/for price in/for each in/; s/price \\* rate/each * rate/', '{file}']\nverify = ['grep', '-q', 'for each', '{file}']",
    );
    let asked = formats.ask(at(AskKind::Refactor, "total"), None).await.unwrap();
    let text = after(&formats, &asked);
    assert!(text.ends_with("    return sum(each * rate for each in prices)\n"), "{text}");
    assert!(asked.note.contains("formatted, passes your check"), "{}", asked.note);
    let refuses = with("verify = ['grep', '-q', 'no such text', '{file}']");
    let refused = refuses.ask(at(AskKind::Refactor, "total"), None).await.unwrap_err();
    assert!(refused.to_string().contains("could not be verified, so nothing was changed"), "{refused}");
    // A workspace and an editor name no program: the control is that the same setting of the user runs, above.
    let editor = core(&server.url, json!({}));
    let said = json!({ "actions": { "verify": ["touch", "/tmp/never"] } });
    assert!(editor.config().set_editor(said).unwrap_err().to_string().contains("belongs into your own settings"));
}
