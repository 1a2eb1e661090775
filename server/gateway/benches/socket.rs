//! A thousand clients on the WebSocket that each hear ten events a second, some of them stalled: `cargo bench -p gateway --bench socket`.
//!
//! Service and clients are one process on one machine, so the time of the clients is in the figures. An event is a line in the log of jobs: its time runs
//! from before it is written to when a client has it. Ends with 1 where an event was lost or came twice, where 99 of 100 took longer than allowed,
//! or where a stalled client was not let go.
//!
//! Arguments: clients, stalled ones among them, events a second, seconds, and bytes of padding in each event. Without padding what a stalled client does
//! not read fits into the buffers of the system, and nobody looks whether he is let go.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use engine::config::ConfigurationManager;
use engine::config::sections::MetricsAccess;
use engine::mode::{EditorMode, Offline};
use engine::store::Store;
use engine::store::jobs::NewJob;
use engine::workspace::files::MemoryFiles;
use engine::{Parts, ServerCore};
use futures_util::{SinkExt, StreamExt};
use gateway::{Config, Gateway};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

const ALLOWED: Duration = Duration::from_millis(50);
const PASSWORD: &str = "correct horse battery";

#[tokio::main]
async fn main() -> ExitCode {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let number = |at: usize, usual| numbers.get(at).copied().unwrap_or(usual);
    let (clients, stalled, rate, seconds) = (number(0, 1000), number(1, 0), number(2, 10), number(3, 10));
    let (events, padding) = (rate * seconds, " ".repeat(number(4, 0)));
    let folder = tempfile::tempdir().unwrap();
    let (address, store, token) = service(folder.path()).await;
    let account = store.account_by_name("root").await.unwrap().unwrap().id;
    // A job that nobody does; what its worker says of it is what clients hear.
    let new = NewJob { kind: "none".to_owned(), account, priority: 0, input: json!({}), max_attempts: 1, run_at: None };
    store.create_job(new, None).await.unwrap();
    let leased = store.lease_job("bench", &["none"], 3_600_000, None).await.unwrap().leased.unwrap();
    let began = Instant::now();
    let mut quiet = Vec::new();
    for _ in 0..stalled {
        // As little room as the system gives, so that what is not read stays with the service.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        quiet.push(client(socket.connect(address).await.unwrap(), &token).await);
    }
    let mut hearing = Vec::new();
    for _ in 0..clients - stalled {
        let mut socket = client(TcpStream::connect(address).await.unwrap(), &token).await;
        hearing.push(tokio::spawn(async move {
            let mut took: Vec<Duration> = Vec::with_capacity(events);
            let mut next = 0;
            while took.len() < events {
                let Ok(Some(Ok(message))) = tokio::time::timeout(Duration::from_secs(20), socket.next()).await else {
                    break;
                };
                let Message::Text(text) = message else { continue };
                // The number of the event is in its id, and when it was written in its message.
                let event: Value = serde_json::from_str(&text).unwrap();
                let Some(id) = event["params"]["id"].as_str() else { continue };
                let line: u64 = id.split('.').next().unwrap().parse().unwrap();
                assert!(next == 0 || line == next, "event {line} came where {next} was due");
                next = line + 1;
                let written: u64 = event["params"]["data"]["message"].as_str().unwrap().trim_end().parse().unwrap();
                took.push(began.elapsed().saturating_sub(Duration::from_micros(written)));
            }
            took
        }));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut beat = tokio::time::interval(Duration::from_secs_f64(1.0 / rate as f64));
    for _ in 0..events {
        beat.tick().await;
        let written = format!("{}{padding}", began.elapsed().as_micros());
        store.heartbeat(&leased, 3_600_000, 50, &written).await.unwrap();
    }
    let (mut all, mut lost) = (Vec::new(), 0);
    for one in hearing {
        let took = one.await.unwrap();
        lost += events - took.len();
        all.extend(took);
    }
    all.sort_unstable();
    let due = if padding.is_empty() { 0 } else { stalled };
    let mut let_go = 0;
    if due > 0 {
        // The service waits ten seconds for each before it lets it go.
        tokio::time::sleep(Duration::from_secs(12)).await;
        for socket in &mut quiet {
            let mut heard = 0;
            while let Ok(Some(Ok(message))) = tokio::time::timeout(Duration::from_secs(20), socket.next()).await {
                heard += usize::from(matches!(&message, Message::Text(text) if text.contains("service/event")));
            }
            let_go += usize::from(heard < events);
        }
    }
    let at = |part: f64| all[((all.len() as f64 - 1.0) * part) as usize];
    let ms = |part| at(part).as_secs_f64() * 1000.0;
    println!(
        "{clients} clients, {stalled} of them stalled, {rate} events/s for {seconds} s: {} heard, {lost} lost; median {:.2} ms, p99 {:.2} ms, longest {:.2} ms; {let_go} let go",
        all.len(),
        ms(0.5),
        ms(0.99),
        ms(1.0)
    );
    ExitCode::from(u8::from(lost > 0 || at(0.99) > ALLOWED || let_go < due))
}

async fn service(folder: &std::path::Path) -> (SocketAddr, Store, String) {
    let core = ServerCore::new(Parts {
        file_system: Arc::new(MemoryFiles::default()),
        config: Arc::new(ConfigurationManager::default()),
        metrics: Arc::default(),
        mode: Arc::new(EditorMode),
        strategy: Arc::new(Offline),
        journal: || None,
    });
    let store = Store::open(&format!("sqlite:{}", folder.join("s.db").display())).await.unwrap();
    let config = Config {
        signing_key: folder.join("key.pem"),
        max_body: 1 << 20,
        metrics: MetricsAccess::default(),
        proxies: 0,
        public_url: String::new(),
        is_tls: false,
        oidc: None,
    };
    let gateway = Gateway::new(core, store.clone(), config).await.unwrap();
    let code = gateway.setup_code().unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(gateway::serve(gateway, listener, None, std::future::pending(), Duration::ZERO));
    let ask = async |path: &str, body: Value| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        tokio::io::AsyncWriteExt::write_all(&mut stream, format!("{head}{body}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.unwrap();
        serde_json::from_str::<Value>(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap()
    };
    ask("/api/v2/setup", json!({ "code": code, "name": "root", "password": PASSWORD })).await;
    let signed_in = ask("/api/v2/sessions", json!({ "name": "root", "password": PASSWORD })).await;
    (address, store, signed_in["access_token"].as_str().unwrap().to_owned())
}

async fn client(stream: TcpStream, token: &str) -> WebSocketStream<TcpStream> {
    let mut request = format!("ws://{}/api/v2/ws", stream.peer_addr().unwrap()).into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let (mut socket, _) = client_async(request, stream).await.unwrap();
    let wanted = json!({ "jsonrpc": "2.0", "id": 1, "method": "service/subscribe", "params": { "topics": ["jobs"] } });
    socket.send(Message::text(wanted.to_string())).await.unwrap();
    socket
}
