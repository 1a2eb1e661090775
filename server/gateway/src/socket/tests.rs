//! The WebSocket over real connections: who is let in, what is heard, what is missed and made up for, and who is let go.

mod models;
mod pressure;
mod refused;
mod slow;

use super::Served;
use super::messages::Topic;
use crate::tests::Service;
use engine::config::sections::MetricsAccess;
use engine::store::accounts::Role;
use engine::store::jobs::NewJob;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// A service that listens.
struct Listening {
    service: Service,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Listening {
    async fn new() -> Self {
        Self::set(Value::Null).await
    }

    /// One with settings of its own.
    async fn set(settings: Value) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), settings).await
    }

    async fn on(listener: TcpListener, settings: Value) -> Self {
        let service = Service::set(settings, MetricsAccess::default()).await;
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let end = async move { drop(stopped.await) };
        let serving = crate::serve(service.gateway.clone(), listener, None, end, Duration::from_secs(5));
        Self { address, stop: Some(stop), serving: tokio::spawn(serving), service }
    }

    async fn try_connect(&self, token: &str) -> Result<Client, Error> {
        self.connect_by(TcpStream::connect(self.address).await.unwrap(), token).await
    }

    async fn connect_by(&self, stream: TcpStream, token: &str) -> Result<Client, Error> {
        let mut request = format!("ws://{}/api/v2/ws", self.address).into_client_request().unwrap();
        if !token.is_empty() {
            request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        let (socket, _) = client_async(request, stream).await?;
        Ok(Client { socket, id: 0 })
    }

    async fn connect(&self, token: &str) -> Client {
        self.try_connect(token).await.unwrap()
    }

    /// A job of an account, and what happened to it so far.
    async fn job(&self, account: &str) -> String {
        let account = self.service.gateway.store().account_by_name(account).await.unwrap().unwrap();
        let new = NewJob {
            kind: "check".to_owned(),
            account: account.id,
            priority: 0,
            input: json!({ "files": [] }),
            max_attempts: 3,
            run_at: None,
        };
        self.service.gateway.store().create_job(new, None).await.unwrap().id
    }
}

struct Client {
    socket: WebSocketStream<TcpStream>,
    id: u64,
}

impl Client {
    async fn send(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next text.
    async fn next(&mut self) -> Value {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(10), self.socket.next()).await.expect("a message");
            match message.expect("it is open").unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(close) => panic!("it was closed: {close:?}"),
                _ => {}
            }
        }
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        self.send(json!({ "jsonrpc": "2.0", "id": self.id, "method": method, "params": params })).await;
        loop {
            let answer = self.next().await;
            // Events that were wanted before may come in between.
            if answer["method"].is_null() {
                assert_eq!(answer["id"], self.id, "{answer}");
                return answer;
            }
        }
    }

    async fn subscribe(&mut self, topics: Value) -> String {
        let answer = self.ask("service/subscribe", json!({ "topics": topics })).await;
        answer["result"]["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// The next event: its id, and what it tells.
    async fn event(&mut self) -> (String, Value) {
        let message = self.next().await;
        assert_eq!(message["method"], "service/event", "{message}");
        (message["params"]["id"].as_str().unwrap().to_owned(), message["params"]["data"].clone())
    }

    async fn is_silent(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(300), self.socket.next()).await.is_err()
    }

    /// The code and the reason with which it is closed.
    async fn closed(&mut self) -> (u16, String) {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(20), self.socket.next()).await.expect("an end");
            match message {
                Some(Ok(Message::Close(Some(close)))) => return (close.code.into(), close.reason.to_string()),
                Some(Ok(_)) => {}
                ended => panic!("it ended without a word: {ended:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_let_in_without_a_token_and_others_are_told_that_it_is_a_websocket() {
    let listening = Listening::new().await;
    for token in ["", "wrong"] {
        let Err(Error::Http(answer)) = listening.try_connect(token).await else { panic!("let in") };
        assert_eq!(answer.status(), 401);
    }
    let token = listening.service.account("ann", Role::Viewer).await;
    listening.connect(&token).await;
    let body = json!({ "name": "ci", "scopes": ["documents"], "days": 1 });
    let made = listening.service.send("POST", "/api/v2/tokens", &token, Some(body)).await.json();
    let Err(Error::Http(answer)) = listening.try_connect(made["secret"].as_str().unwrap()).await else {
        panic!("let in")
    };
    let asked = "Bearer error=\"insufficient_scope\", scope=\"socket\"";
    assert_eq!((answer.status().as_u16(), &answer.headers()["www-authenticate"]), (403, &asked.parse().unwrap()));
    let plain = listening.service.send("GET", "/api/v2/ws", &token, None).await;
    assert_eq!((plain.status.as_u16(), &plain.headers["upgrade"]), (426, &"websocket".parse().unwrap()));
    assert!(plain.json()["detail"].as_str().unwrap().starts_with("This is a WebSocket"), "{plain:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_missed_is_told_after_a_drop_once_and_in_order() {
    let listening = Listening::new().await;
    let token = listening.service.account("ann", Role::Developer).await;
    let before = listening.job("ann").await;
    let mut client = listening.connect(&token).await;
    let begun = client.subscribe(json!(["jobs"])).await;
    let first = listening.job("ann").await;
    let (id, data) = client.event().await;
    assert_eq!((data["job"].as_str(), data["state"].as_str()), (Some(&*first), Some("queued")));
    assert_ne!(id, begun);
    // The connection breaks without a goodbye, and more happens than one look at the log gives.
    drop(client);
    let mut missed = Vec::new();
    for _ in 0..250 {
        missed.push(listening.job("ann").await);
    }
    let mut client = listening.connect(&token).await;
    let answer = client.ask("service/subscribe", json!({ "topics": ["jobs"], "after": id })).await;
    assert_eq!(answer["result"]["id"], *id);
    missed.push(listening.job("ann").await);
    for job in &missed {
        assert_eq!(client.event().await.1["job"], **job);
    }
    assert!(client.is_silent().await, "none twice");
    // Whoever names an earlier event hears from there on, and what lies ahead was told to nobody.
    let mut other = listening.connect(&token).await;
    other.ask("service/subscribe", json!({ "topics": ["jobs"], "after": begun })).await;
    assert_eq!(other.event().await.1["job"], *first);
    let ahead = begun.replacen(|letter: char| letter.is_ascii_digit(), "9999", 1);
    let answer = other.ask("service/subscribe", json!({ "topics": ["jobs"], "after": ahead })).await;
    assert!(answer["result"]["id"].as_str().unwrap() < &*ahead, "{answer}");
    assert_ne!(before, first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_are_kept_no_longer_are_told_as_lost() {
    let listening = Listening::new().await;
    let token = listening.service.account("ann", Role::Maintainer).await;
    let mut client = listening.connect(&token).await;
    let begun = client.subscribe(json!(["models"])).await;
    let hub = listening.service.gateway.hub();
    hub.tell(Topic::Models, None, json!({ "type": "coalesced" }).to_string(), None);
    assert_eq!(client.event().await.1["type"], "coalesced");
    // Another process does not know what happened in the one that is gone.
    let process = begun.split('.').nth(1).unwrap();
    let other = begun.replace(process, "fedcba9876543210");
    client.ask("service/subscribe", json!({ "topics": ["models", "jobs"], "after": other })).await;
    let lost = client.next().await;
    assert_eq!((&lost["method"], &lost["params"]["topics"]), (&json!("service/lost"), &json!(["models"])));
    // The same process does.
    client.ask("service/subscribe", json!({ "topics": ["models"], "after": begun })).await;
    assert_eq!(client.event().await.1["type"], "coalesced");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_hears_what_the_policies_let_him_hear() {
    let listening = Listening::new().await;
    let mut clients = Vec::new();
    for role in [Role::Viewer, Role::Developer, Role::Maintainer, Role::Auditor] {
        let token = listening.service.account(role.name(), role).await;
        clients.push((role, listening.connect(&token).await));
    }
    for (role, client) in &mut clients {
        for (topic, may) in
            [("jobs", *role != Role::Auditor), ("models", true), ("diagnostics", *role != Role::Auditor)]
        {
            let answer = client.ask("service/subscribe", json!({ "topics": [topic] })).await;
            assert_eq!(answer["error"].is_null(), may, "{role:?} {topic}: {answer}");
            if !may {
                assert_eq!(answer["error"]["code"], -32001, "{answer}");
            }
        }
        let all = if *role == Role::Auditor { json!(["models"]) } else { json!(["jobs", "models", "diagnostics"]) };
        client.subscribe(all).await;
    }
    let hub = listening.service.gateway.hub();
    let developer = listening.service.gateway.store().account_by_name("developer").await.unwrap().unwrap();
    hub.tell(Topic::Diagnostics, Some(&developer.id), json!({ "uri": "file:///a.py" }).to_string(), None);
    hub.tell(Topic::Models, None, json!({ "cost": 3 }).to_string(), Some(json!({ "cost": null }).to_string()));
    let job = listening.job("developer").await;
    for (role, client) in &mut clients {
        let mut heard = Vec::new();
        let count = match role {
            Role::Developer => 3,
            Role::Maintainer => 2,
            _ => 1,
        };
        for _ in 0..count {
            heard.push(client.event().await.1);
        }
        assert!(client.is_silent().await, "{role:?} {heard:?}");
        let sees_cost = matches!(role, Role::Maintainer | Role::Auditor);
        assert!(
            heard.contains(&json!({ "cost": if sees_cost { json!(3) } else { Value::Null } })),
            "{role:?} {heard:?}"
        );
        let sees_job = matches!(role, Role::Developer | Role::Maintainer);
        assert_eq!(heard.iter().any(|data| data["job"] == *job), sees_job, "{role:?} {heard:?}");
        assert_eq!(heard.iter().any(|data| data["uri"] == "file:///a.py"), *role == Role::Developer, "{role:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_opens_the_parts_that_it_is_for() {
    let listening = Listening::new().await;
    let session = listening.service.account("ann", Role::Developer).await;
    let token = async |scopes: Value| {
        let body = json!({ "name": "ci", "scopes": scopes, "days": 1 });
        let made = listening.service.send("POST", "/api/v2/tokens", &session, Some(body)).await;
        made.json()["secret"].as_str().unwrap_or_else(|| panic!("{made:?}")).to_owned()
    };
    let Err(Error::Http(answer)) = listening.try_connect(&token(json!(["jobs"])).await).await else { panic!("let in") };
    assert_eq!(answer.status(), 403);
    let mut client = listening.connect(&token(json!(["socket", "jobs"])).await).await;
    client.subscribe(json!(["jobs"])).await;
    for (method, params) in [("service/subscribe", json!({ "topics": ["models"] })), ("initialize", json!({}))] {
        assert_eq!(client.ask(method, params).await["error"]["code"], -32001, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_loses_his_rights_is_let_go_within_a_second() {
    let listening = Listening::new().await;
    let token = listening.service.account("ann", Role::Developer).await;
    // One that never asks for events is let go as well.
    let mut idle = listening.connect(&token).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut client = listening.connect(&token).await;
    client.subscribe(json!(["jobs"])).await;
    listening.job("ann").await;
    client.event().await;
    let other = listening.service.account("bob", Role::Developer).await;
    let mut stays = listening.connect(&other).await;
    let signed_out = listening.service.send("DELETE", "/api/v2/sessions/current", &token, None).await;
    assert_eq!(signed_out.status.as_u16(), 204);
    let began = Instant::now();
    assert_eq!(client.closed().await.0, 4001);
    let job = listening.job("ann").await;
    loop {
        match idle.socket.next().await.unwrap().unwrap() {
            Message::Close(close) => break assert_eq!(u16::from(close.unwrap().code), 4001),
            Message::Text(text) => assert!(!text.contains(&job), "told after the end: {text}"),
            _ => {}
        }
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    stays.subscribe(json!(["jobs"])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_let_go_and_others_hear_on() {
    let listening = Listening::new().await;
    let token = listening.service.account("ann", Role::Developer).await;
    let mut stalled = listening.connect(&token).await;
    let mut client = listening.connect(&token).await;
    for client in [&mut stalled, &mut client] {
        client.subscribe(json!(["models"])).await;
    }
    let hub = listening.service.gateway.hub();
    // More than the system keeps for a connection, and more events than anybody may be behind.
    let large = json!({ "text": "x".repeat(16 << 10) }).to_string();
    for number in 0..5000 {
        hub.tell(Topic::Models, None, large.clone(), None);
        if number % 8 == 7 {
            for _ in 0..8 {
                client.event().await;
            }
        }
    }
    // He who stalled reads at last: what was sent, and then why it ended, or the end alone where there was no room for a word.
    let mut heard = 0;
    let end = loop {
        match tokio::time::timeout(Duration::from_secs(30), stalled.socket.next()).await.expect("an end") {
            Some(Ok(Message::Text(_))) => heard += 1,
            Some(Ok(Message::Close(close))) => break close.map(|close| u16::from(close.code)),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => break None,
        }
    };
    assert!(heard < 5000 && end.is_none_or(|code| code == 4008), "{heard} {end:?}");
    let figures = crate::metrics::text(&listening.service.gateway).await;
    assert!(figures.contains("code_agent_websocket_disconnects_total{reason=\"too-slow\"} 1"), "{figures}");
    hub.tell(Topic::Models, None, json!({ "last": true }).to_string(), None);
    assert_eq!(client.event().await.1["last"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_message_gets_an_answer_and_the_connection_stays() {
    let listening = Listening::new().await;
    let token = listening.service.account("ann", Role::Developer).await;
    let mut client = listening.connect(&token).await;
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"service/subscribe","params":{}1{}}}"#,
        "[".repeat(5000),
        "]".repeat(5000)
    );
    for (text, code) in [
        ("no JSON", -32700),
        ("", -32700),
        ("[]", -32600),
        (r#"["service/subscribe", 1]"#, -32600),
        ("7", -32600),
        (r#"{"method": 7}"#, -32600),
        (r#"{"id": 1, "method": "service/none"}"#, -32601),
        (r#"{"id": 1, "method": "service/subscribe"}"#, -32602),
        (r#"{"id": 1, "method": "service/subscribe", "params": {"topics": []}}"#, -32602),
        (r#"{"id": 1, "method": "service/subscribe", "params": {"topics": ["all"]}}"#, -32602),
        (r#"{"id": 1, "method": "service/subscribe", "params": {"topics": ["jobs"], "also": 1}}"#, -32602),
        (r#"{"id": 1, "method": "service/subscribe", "params": {"topics": ["jobs"], "after": "yesterday"}}"#, -32602),
        (r#"{"id": 1, "method": "initialize"}"#, -32601),
        (&deep, -32600),
    ] {
        client.socket.send(Message::text(text)).await.unwrap();
        let answer = client.next().await;
        assert_eq!(answer["error"]["code"], code, "{text:.60}: {answer}");
    }
    client.subscribe(json!(["jobs"])).await;
    client.socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(client.closed().await.0, 1003);
    // A message that is larger than a body may be ends the connection before it is read.
    let mut client = listening.connect(&token).await;
    let large = Message::text("x".repeat((1 << 20) + 1));
    let _ = client.socket.send(large).await;
    let end = tokio::time::timeout(Duration::from_secs(10), client.socket.next()).await.expect("an end");
    // The word may be lost where the client still sends; the message is never taken.
    let code = match end {
        Some(Ok(Message::Close(Some(close)))) => u16::from(close.code),
        Some(Ok(other)) => panic!("{other:?}"),
        Some(Err(_)) | None => 1009,
    };
    assert_eq!(code, 1009);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_methods_go_to_a_language_server_of_the_connection() {
    let listening = Listening::new().await;
    listening.service.gateway.set_language_server(Arc::new(|core, mut from_client, to_client| {
        Box::pin(async move {
            let models = core.config().settings().models.target.len();
            while let Some(message) = from_client.recv().await {
                let message: Value = serde_json::from_str(&message).unwrap();
                if message["method"] == "exit" {
                    break;
                }
                let said = json!({ "elsewhere": core.is_elsewhere(), "models": models, "method": message["method"] });
                to_client.send(json!({ "id": message["id"], "result": said }).to_string()).await.unwrap();
            }
            Served::Over
        })
    }));
    let token = listening.service.account("ann", Role::Developer).await;
    let mut client = listening.connect(&token).await;
    let answer = client.ask("initialize", json!({})).await;
    assert_eq!(answer["result"], json!({ "elsewhere": true, "models": 0, "method": "initialize" }));
    // What comes right behind a goodbye is for the next one.
    client.send(json!({ "method": "exit" })).await;
    assert!(!client.ask("initialize", json!({})).await["result"].is_null(), "after a goodbye another one begins");
    let auditor = listening.service.account("otto", Role::Auditor).await;
    let mut client = listening.connect(&auditor).await;
    assert_eq!(client.ask("initialize", json!({})).await["error"]["code"], -32001);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_service_ends_those_who_are_connected_are_told() {
    let mut listening = Listening::new().await;
    let token = listening.service.account("ann", Role::Developer).await;
    let mut client = listening.connect(&token).await;
    client.subscribe(json!(["jobs"])).await;
    listening.stop.take().unwrap().send(()).unwrap();
    assert_eq!(client.closed().await.0, 1001);
    let ended = tokio::time::timeout(Duration::from_secs(5), listening.serving).await.unwrap().unwrap();
    ended.unwrap();
}
