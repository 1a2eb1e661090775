//! What the serve loop owes to every client, tried over a pipe in memory with handlers that are slow, panic, or ask back.

mod unread;

use crate::serve::{Observer, Outcome, run};
use crate::tests::client::TestClient;
use lsp_types::{InitializeParams, InitializeResult, MessageActionItem, MessageType};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::{Client, LanguageServer, LspService};

/// Watches nothing.
#[derive(Clone)]
struct Nobody;

impl Observer for Nobody {
    fn handled(&self, _: &str, _: Duration, _: Option<&Error>) {}

    async fn settled(&self) {}
}

/// Counts what happens to it.
struct Probe {
    client: Client,
    changes: Arc<Mutex<Vec<i64>>>,
    dropped: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

/// Counts handlers that were dropped before their end.
struct Guard(Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl LanguageServer for Probe {
    async fn initialize(&self, _: InitializeParams) -> Result<InitializeResult> {
        Ok(InitializeResult::default())
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }
}

impl Probe {
    async fn change(&self, params: Value) {
        self.changes.lock().unwrap().push(params["version"].as_i64().unwrap());
        // An await after the change must not let a later change overtake the next one.
        if params["version"].as_i64().unwrap() % 3 == 0 {
            tokio::task::yield_now().await;
        }
    }

    async fn seen(&self) -> Result<usize> {
        let seen = self.changes.lock().unwrap().len();
        tokio::task::yield_now().await;
        Ok(seen)
    }

    async fn slow(&self) -> Result<()> {
        let guard = Guard(self.dropped.clone());
        tokio::time::sleep(Duration::from_secs(3600)).await;
        std::mem::forget(guard);
        Ok(())
    }

    async fn quick(&self) -> Result<&'static str> {
        Ok("quick")
    }

    async fn echo(&self, params: Value) -> Result<Value> {
        tokio::task::yield_now().await;
        Ok(params)
    }

    /// A reply of so many bytes, at once.
    async fn long(&self, params: Value) -> Result<String> {
        self.changes.lock().unwrap().push(0);
        Ok("x".repeat(params[0].as_u64().unwrap() as usize))
    }

    /// The same, when the gate is open.
    async fn long_behind_gate(&self, params: Value) -> Result<String> {
        let _open = self.gate.acquire().await;
        self.long(params).await
    }

    async fn panics(&self) -> Result<()> {
        panic!("on purpose");
    }

    async fn panics_later(&self) -> Result<()> {
        tokio::task::yield_now().await;
        panic!("on purpose");
    }

    async fn panicking_notification(&self, _: Value) {
        panic!("on purpose");
    }

    async fn asks_back(&self) -> Result<Value> {
        let choice = self
            .client
            .show_message_request(
                MessageType::Info,
                "?",
                Some(vec![MessageActionItem { title: "yes".to_owned(), ..Default::default() }]),
            )
            .await?;
        Ok(json!(choice.map(|choice| choice.title)))
    }

    async fn asks_in_notification(&self, _: Value) {
        let answer = self.client.show_message_request(MessageType::Info, "?", None).await;
        self.changes.lock().unwrap().push(if answer.is_ok() { 1 } else { -1 });
    }

    async fn tells_then_answers(&self) -> Result<usize> {
        for count in 0..5 {
            self.client.log_message(MessageType::Log, count).await;
        }
        Ok(5)
    }

    async fn fails(&self) -> Result<()> {
        Err(Error::internal_error())
    }
}

struct Session {
    client: TestClient,
    server: JoinHandle<Outcome>,
    changes: Arc<Mutex<Vec<i64>>>,
    dropped: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Session {
    async fn start() -> Self {
        let mut session = Self::start_uninitialized();
        let reply = session.client.call("initialize", json!({ "capabilities": {} })).await;
        assert!(reply["result"]["capabilities"].is_object(), "{reply}");
        session.client.notify("initialized", json!({})).await;
        session
    }

    fn start_uninitialized() -> Self {
        let (client, input, output) = TestClient::pair();
        let changes = Arc::new(Mutex::default());
        let dropped = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(Semaphore::new(0));
        let probe = |client| Probe { client, changes: changes.clone(), dropped: dropped.clone(), gate: gate.clone() };
        let (service, socket) = LspService::build_with_lifecycle_methods(probe)
            .custom_method("change", Probe::change)
            .custom_method("seen", Probe::seen)
            .custom_method("slow", Probe::slow)
            .custom_method("quick", Probe::quick)
            .custom_method("echo", Probe::echo)
            .custom_method("long", Probe::long)
            .custom_method("longBehindGate", Probe::long_behind_gate)
            .custom_method("panics", Probe::panics)
            .custom_method("panicsLater", Probe::panics_later)
            .custom_method("panickingNotification", Probe::panicking_notification)
            .custom_method("asksBack", Probe::asks_back)
            .custom_method("asksInNotification", Probe::asks_in_notification)
            .custom_method("tellsThenAnswers", Probe::tells_then_answers)
            .custom_method("fails", Probe::fails)
            .finish();
        let server = tokio::spawn(run(service, socket, input, output, Nobody));
        Self { client, server, changes, dropped, gate }
    }

    async fn stop(mut self) {
        let reply = self.client.call("shutdown", Value::Null).await;
        assert_eq!(reply["result"], Value::Null, "{reply}");
        self.client.notify("exit", Value::Null).await;
        assert_eq!(self.outcome().await, Outcome::Clean);
    }

    async fn outcome(self) -> Outcome {
        tokio::time::timeout(Duration::from_secs(5), self.server).await.expect("the server ends").expect("no panic")
    }
}

fn code(reply: &Value) -> i64 {
    reply["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {reply}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_changes_arrive_in_order_and_requests_see_those_before_them() {
    let mut session = Session::start().await;
    let mut asked = Vec::new();
    for version in 0..20_000 {
        session.client.notify("change", json!({ "version": version })).await;
        if version % 1_000 == 0 {
            asked.push((session.client.ask("seen", Value::Null).await, version + 1));
        }
    }
    for (id, expected) in asked {
        let reply = session.client.reply(id).await;
        assert_eq!(reply["result"], expected, "a request sees exactly the changes sent before it");
    }
    session.client.call("quick", Value::Null).await;
    assert_eq!(*session.changes.lock().unwrap(), (0..20_000).collect::<Vec<i64>>());
    session.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_is_answered_at_once_while_many_requests_are_slow() {
    let mut session = Session::start().await;
    let mut slow = Vec::new();
    for _ in 0..64 {
        slow.push(session.client.ask("slow", Value::Null).await);
    }
    // All of them have begun once this is answered.
    assert_eq!(session.client.call("quick", Value::Null).await["result"], "quick");
    let mut waits = Vec::new();
    for &id in &slow {
        let asked = Instant::now();
        session.client.notify("$/cancelRequest", json!({ "id": id })).await;
        let reply = session.client.reply(id).await;
        waits.push(asked.elapsed());
        assert_eq!(code(&reply), -32800, "{reply}");
    }
    waits.sort();
    assert!(waits[waits.len() / 2] < Duration::from_millis(10), "{waits:?}");
    assert_eq!(session.dropped.load(Ordering::SeqCst), 64, "a cancelled handler is dropped before its reply");
    // The same identifiers may be used again.
    let again = json!({ "jsonrpc": "2.0", "id": slow[0], "method": "quick" });
    session.client.send(&again).await;
    assert_eq!(session.client.reply(slow[0]).await["result"], "quick");
    session.stop().await;
}

#[tokio::test]
async fn slow_requests_starve_nobody() {
    let mut session = Session::start().await;
    for _ in 0..1_000 {
        session.client.ask("slow", Value::Null).await;
    }
    for _ in 0..10 {
        session.client.notify("change", json!({ "version": 1 })).await;
        assert_eq!(session.client.call("quick", Value::Null).await["result"], "quick");
    }
    assert_eq!(session.changes.lock().unwrap().len(), 10);
    session.stop().await;
}

#[tokio::test]
async fn a_cancel_of_a_finished_unknown_or_malformed_request_is_ignored() {
    let mut session = Session::start().await;
    let id = session.client.ask("quick", Value::Null).await;
    session.client.reply(id).await;
    for params in
        [json!({ "id": id }), json!({ "id": "nobody" }), json!({}), json!([]), Value::Null, json!({ "id": {} })]
    {
        session.client.notify("$/cancelRequest", params).await;
    }
    assert_eq!(session.client.call("quick", Value::Null).await["result"], "quick");
    assert!(session.client.unread.is_empty(), "{:?}", session.client.unread);
    session.stop().await;
}

#[tokio::test]
async fn identifiers_of_every_sort_come_back_as_they_were() {
    let mut session = Session::start().await;
    for id in [json!(0), json!(-5), json!(9_007_199_254_740_993_i64), json!("a\u{1F389}\"b"), json!("7")] {
        session.client.send(&json!({ "jsonrpc": "2.0", "id": id, "method": "echo", "params": [id] })).await;
        let reply = session.client.read().await.unwrap();
        assert_eq!((&reply["id"], &reply["result"][0]), (&id, &id));
        session.client.send(&json!({ "jsonrpc": "2.0", "id": id, "method": "slow" })).await;
        session.client.notify("$/cancelRequest", json!({ "id": id })).await;
        let reply = session.client.read().await.unwrap();
        assert_eq!((&reply["id"], code(&reply)), (&id, -32800));
    }
    session.stop().await;
}

#[tokio::test]
async fn an_identifier_in_use_is_refused_and_the_first_request_still_answered() {
    let mut session = Session::start().await;
    let id = session.client.ask("slow", Value::Null).await;
    session.client.send(&json!({ "jsonrpc": "2.0", "id": id, "method": "quick" })).await;
    assert_eq!(code(&session.client.reply(id).await), -32600);
    session.client.notify("$/cancelRequest", json!({ "id": id })).await;
    assert_eq!(code(&session.client.reply(id).await), -32800);
    session.stop().await;
}

#[tokio::test]
async fn a_panic_costs_one_request_and_is_answered() {
    let mut session = Session::start().await;
    for method in ["panics", "panicsLater", "panics"] {
        assert_eq!(code(&session.client.call(method, Value::Null).await), -32603);
    }
    session.client.notify("panickingNotification", json!({})).await;
    assert_eq!(session.client.call("quick", Value::Null).await["result"], "quick");
    session.stop().await;
}

#[tokio::test]
async fn what_is_unknown_or_misused_is_answered_with_its_code() {
    let mut session = Session::start().await;
    assert_eq!(code(&session.client.call("textDocument/nothing", json!({})).await), -32601);
    assert_eq!(code(&session.client.call("$/nothing", json!({})).await), -32601);
    assert_eq!(
        code(&session.client.call("change", json!({ "version": 1 })).await),
        -32600,
        "a notification with an id"
    );
    assert_eq!(code(&session.client.call("exit", Value::Null).await), -32600);
    assert_eq!(code(&session.client.call("$/cancelRequest", json!({ "id": 1 })).await), -32600);
    assert_eq!(code(&session.client.call("initialize", json!({ "capabilities": {} })).await), -32600);
    assert_eq!(code(&session.client.call("quick", json!({ "unexpected": 1 })).await), -32602);
    assert_eq!(code(&session.client.call("fails", Value::Null).await), -32603);
    session.client.notify("textDocument/nothing", json!({})).await;
    session.client.notify("$/nothing", json!({})).await;
    session.client.send(&json!({ "jsonrpc": "2.0", "method": "quick" })).await;
    assert_eq!(session.client.call("quick", Value::Null).await["result"], "quick");
    assert!(session.client.unread.is_empty(), "{:?}", session.client.unread);
    session.stop().await;
}

#[tokio::test]
async fn malformed_messages_are_answered_and_the_next_one_served() {
    let mut session = Session::start().await;
    let broken: [(&[u8], i64); 9] = [
        (b"Content-Length: 4\r\n\r\n{\"a\"", -32700),
        (b"Content-Length: 2\r\n\r\n\xff\xfe", -32700),
        (b"Content-Length: 2\r\n\r\n[]", -32600),
        (b"Content-Length: 1\r\n\r\n7", -32600),
        (b"Content-Length: 2\r\n\r\n{}", -32600),
        (b"Content-Length: nine\r\n\r\n", -32700),
        (b"Content-Length: -1\r\n\r\n", -32700),
        (b"Hello: world\r\n\r\n", -32700),
        (b"Content-Length: 999999999999999999999999\r\n\r\n", -32700),
    ];
    for (bytes, expected) in broken {
        session.client.raw(bytes).await;
        let reply = session.client.read().await.unwrap();
        assert_eq!((&reply["id"], code(&reply)), (&Value::Null, expected), "{}", String::from_utf8_lossy(bytes));
        assert_eq!(session.client.call("quick", Value::Null).await["result"], "quick");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    session.client.raw(format!("Content-Length: {}\r\n\r\n{deep}", deep.len()).as_bytes()).await;
    assert_eq!(code(&session.client.read().await.unwrap()), -32700);
    session.client.raw(b"Content-Length: 0\r\n\r\n").await;
    assert_eq!(session.client.call("quick", Value::Null).await["result"], "quick");
    session.stop().await;
}

#[tokio::test]
async fn half_an_emoji_costs_no_message_and_a_request_too_deep_is_answered_under_its_id() {
    let mut session = Session::start().await;
    let framed = |body: String| format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes();
    let body = r#"{"id":"half","method":"echo","params":["\ud83d","\\ud83d","\ud83d\ude00"]}"#;
    session.client.raw(&framed(body.to_owned())).await;
    let reply = session.client.wait_for(|message| message["id"] == "half").await;
    assert_eq!(reply["result"], json!(["\u{fffd}", "\\ud83d", "😀"]));
    let body = r#"{"method":"change","params":{"version":7,"text":"\udc00"}}"#;
    session.client.raw(&framed(body.to_owned())).await;
    assert_eq!(session.client.call("seen", Value::Null).await["result"], 1, "the change is not lost");

    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    session.client.raw(&framed(format!(r#"{{"id":"deep","method":"echo","params":{deep}}}"#))).await;
    let reply = session.client.wait_for(|message| message["id"] == "deep").await;
    assert_eq!(code(&reply), -32600);
    session.stop().await;
}

#[tokio::test]
async fn a_length_that_is_too_great_costs_no_message() {
    let mut session = Session::start().await;
    let first = json!({ "jsonrpc": "2.0", "id": 500, "method": "quick" }).to_string();
    let second = json!({ "jsonrpc": "2.0", "id": 501, "method": "quick" }).to_string();
    let both = format!("{first}Content-Length: {}\r\n\r\n{second}", second.len());
    session.client.raw(format!("Content-Length: {}\r\n\r\n{both}", first.len() + 10).as_bytes()).await;
    // Its header is cut through: what is left of it must not be lost either.
    for id in [500, 501] {
        assert_eq!(session.client.reply(id).await["result"], "quick");
    }
    session.stop().await;
}

#[tokio::test]
async fn the_client_is_asked_and_answers_in_a_request_and_in_a_notification() {
    let mut session = Session::start().await;
    let id = session.client.ask("asksBack", Value::Null).await;
    let question = session.client.wait_method("window/showMessageRequest").await;
    session.client.answer(&question, json!({ "title": "yes" })).await;
    assert_eq!(session.client.reply(id).await["result"], "yes");

    session.client.notify("asksInNotification", json!({})).await;
    let question = session.client.wait_method("window/showMessageRequest").await;
    session.client.answer(&question, Value::Null).await;
    assert_eq!(session.client.call("quick", Value::Null).await["result"], "quick");
    assert_eq!(*session.changes.lock().unwrap(), [1]);
    session.stop().await;
}

#[tokio::test]
async fn a_reply_without_a_result_counts_as_null_only_where_one_was_asked_for() {
    let mut session = Session::start().await;
    let id = session.client.ask("asksBack", Value::Null).await;
    let question = session.client.wait_method("window/showMessageRequest").await;
    session.client.send(&json!({ "jsonrpc": "2.0", "id": question["id"] })).await;
    assert_eq!(session.client.reply(id).await["result"], Value::Null);
    session.client.send(&json!({ "jsonrpc": "2.0", "id": 4711 })).await;
    assert_eq!(code(&session.client.reply(4711).await), -32600);
    // A reply to nobody is nobody's business.
    session.client.send(&json!({ "jsonrpc": "2.0", "id": 4712, "result": 1 })).await;
    assert_eq!(session.client.call("quick", Value::Null).await["result"], "quick");
    session.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_handler_tells_comes_before_its_reply() {
    let mut session = Session::start().await;
    for _ in 0..50 {
        let id = session.client.ask("tellsThenAnswers", Value::Null).await;
        for count in 0..5 {
            let message = session.client.read().await.unwrap();
            assert_eq!(message["params"]["message"], count.to_string(), "{message}");
        }
        assert_eq!(session.client.read().await.unwrap()["id"], id);
    }
    session.stop().await;
}

#[tokio::test]
async fn shutdown_is_understood_in_every_spelling() {
    for params in [None, Some(Value::Null), Some(json!({})), Some(json!([]))] {
        let mut session = Session::start().await;
        let mut message = json!({ "jsonrpc": "2.0", "id": "bye", "method": "shutdown" });
        if let Some(params) = params {
            message["params"] = params;
        }
        session.client.send(&message).await;
        let reply = session.client.read().await.unwrap();
        assert_eq!((&reply["id"], reply.get("result")), (&json!("bye"), Some(&Value::Null)));
        assert_eq!(code(&session.client.call("quick", Value::Null).await), -32600, "nothing is served after shutdown");
        session.client.notify("exit", Value::Null).await;
        assert_eq!(session.outcome().await, Outcome::Clean);
    }
}

#[tokio::test]
async fn before_initialize_requests_are_refused_and_notifications_dropped() {
    let mut session = Session::start_uninitialized();
    session.client.notify("change", json!({ "version": 1 })).await;
    assert_eq!(code(&session.client.call("quick", Value::Null).await), -32002);
    assert_eq!(code(&session.client.call("shutdown", Value::Null).await), -32002);
    assert_eq!(code(&session.client.call("initialize", json!({ "capabilities": 7 })).await), -32602);
    session.client.result("initialize", json!({ "capabilities": {} })).await;
    assert_eq!(session.client.call("seen", Value::Null).await["result"], 0);
    session.stop().await;
}

#[tokio::test]
async fn exit_without_shutdown_is_unclean_and_stops_even_while_requests_run() {
    let mut session = Session::start().await;
    let id = session.client.ask("slow", Value::Null).await;
    session.client.notify("exit", Value::Null).await;
    assert_eq!(code(&session.client.reply(id).await), -32800, "nobody is left waiting");
    assert_eq!(session.outcome().await.exit_code(), 1);
    let mut session = Session::start_uninitialized();
    session.client.notify("exit", Value::Null).await;
    assert_eq!(session.outcome().await, Outcome::Unclean);
}

#[tokio::test]
async fn what_still_runs_is_answered_before_shutdown_is() {
    let mut session = Session::start().await;
    let slow = session.client.ask("slow", Value::Null).await;
    let shutdown = session.client.ask("shutdown", Value::Null).await;
    let reply = session.client.read().await.unwrap();
    assert_eq!((&reply["id"], code(&reply)), (&json!(slow), -32800));
    assert_eq!(session.client.reply(shutdown).await["result"], Value::Null);
    session.client.notify("exit", Value::Null).await;
    assert_eq!(session.outcome().await, Outcome::Clean);
}

#[tokio::test]
async fn a_closed_pipe_ends_the_session_after_the_running_requests() {
    let mut session = Session::start().await;
    let id = session.client.ask("echo", json!([1])).await;
    session.client.raw(b"Content-Length: 100\r\n\r\n{\"jsonrpc\"").await;
    session.client.hang_up().await;
    assert_eq!(session.client.reply(id).await["result"], json!([1]));
    assert_eq!(session.client.read().await, None);
    assert_eq!(session.outcome().await, Outcome::Unclean);

    let mut session = Session::start().await;
    session.client.call("shutdown", Value::Null).await;
    session.client.hang_up().await;
    assert_eq!(session.outcome().await, Outcome::Clean);
}

#[tokio::test]
async fn a_client_that_reads_nothing_any_more_is_left() {
    let mut session = Session::start().await;
    let big = "x".repeat(1 << 20);
    session.client.ask("echo", json!([big])).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    session.client.notify("exit", Value::Null).await;
    let Session { client, server, .. } = session;
    let outcome = tokio::time::timeout(Duration::from_secs(5), server).await.expect("the server ends").unwrap();
    assert_eq!(outcome, Outcome::Unclean);
    drop(client);

    let session = Session::start().await;
    let Session { client, server, .. } = session;
    drop(client);
    assert_eq!(
        tokio::time::timeout(Duration::from_secs(5), server).await.expect("the server ends").unwrap(),
        Outcome::Unclean
    );
}

/// Pieces of garbage that may stand between two messages.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let framed = |body: Vec<u8>| [format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes(), body].concat();
    prop_oneof![
        Just(Vec::new()),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(framed),
        "[a-z{}\\[\\]\":,0-9]{0,30}".prop_map(move |text| framed(text.into_bytes())),
        Just(b"garbage\r\n\r\n".to_vec()),
        Just(b"Content-Length: zwei\r\n\r\n".to_vec()),
        Just(b"}{\"\r\n".to_vec()),
    ]
}

/// Valid requests: the method, and which replies may come.
fn request() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        Just(("quick", Value::Null)),
        Just(("echo", json!({ "text": "é🎉\r\n" }))),
        Just(("panics", Value::Null)),
        Just(("panicsLater", Value::Null)),
        Just(("nothing", json!([]))),
        Just(("quick", json!({ "wrong": true }))),
        Just(("slow", Value::Null)),
    ]
}

#[test]
fn every_valid_request_is_answered_exactly_once_whatever_stands_between() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let conversation = proptest::collection::vec((garbage(), request()), 1..25);
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() });
    let outcome = runner.run(&conversation, |conversation| {
        let replies = runtime.block_on(replies_to(&conversation));
        for id in 0..conversation.len() as i64 {
            let count = replies.get(&id).copied().unwrap_or(0);
            prop_assert_eq!(count, 1, "request {} was answered {} times: {:?}", id, count, &conversation);
        }
        Ok(())
    });
    outcome.unwrap();
}

/// Holds one conversation and counts the replies to each identifier.
async fn replies_to(conversation: &[(Vec<u8>, (&'static str, Value))]) -> HashMap<i64, usize> {
    let mut session = Session::start().await;
    for (id, (garbage, (method, params))) in conversation.iter().enumerate() {
        session.client.raw(garbage).await;
        session.client.send(&json!({ "jsonrpc": "2.0", "id": id + 1_000, "method": method, "params": params })).await;
        if *method == "slow" {
            session.client.notify("$/cancelRequest", json!({ "id": id + 1_000 })).await;
        }
    }
    session.client.send(&json!({ "jsonrpc": "2.0", "id": "last", "method": "shutdown" })).await;
    session.client.hang_up().await;
    let mut counts = HashMap::new();
    while let Some(message) = session.client.read().await {
        if let Some(id) = message["id"].as_i64() {
            *counts.entry(id - 1_000).or_default() += 1;
        }
    }
    counts
}
