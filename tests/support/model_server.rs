//! A model server for tests: real sockets, HTTP/1.1 and HTTP/2, the wire format of chat completions, and faults on demand.
//!
//! It proves how the path behaves, not that a real provider answers as it does.

use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

/// What the server does with one request.
#[derive(Clone, Debug)]
pub enum Script {
    /// Streams these words, with so long before each.
    Words(Vec<String>, Duration),
    /// Streams these words, then does something wrong.
    Broken(Vec<String>, Fault),
    /// Answers with a status, headers and a body.
    Status(u16, Vec<(&'static str, String)>, String),
    /// Streams these words to their end and keeps the connection open.
    Open(Vec<String>),
    /// Sends nothing for so long, then the words.
    Late(Duration, Vec<String>),
    /// Answers each question with the question itself.
    #[allow(dead_code, reason = "only some tests need it")]
    Echo,
}

/// What goes wrong after a stream began.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The connection ends.
    Cut,
    /// Nothing more comes.
    Stall,
    /// An event is no JSON.
    Garbage,
    /// An event says that the quota is used up.
    Quota,
}

/// What the server has seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Requests that came.
    pub requests: AtomicUsize,
    /// Requests whose client left before the answer was whole.
    pub aborted: AtomicUsize,
    /// Connections that were opened.
    pub connections: AtomicUsize,
    /// The most requests that were under way at one time.
    pub most_at_once: AtomicUsize,
    at_once: AtomicUsize,
    /// Keys that came in the usual header.
    pub keys: Mutex<Vec<String>>,
    /// Bodies, the last of them.
    pub bodies: Mutex<Vec<String>>,
}

/// A running server; it ends with the runtime.
pub struct ModelServer {
    /// Its address, as `base-url`.
    pub url: String,
    /// What it has seen.
    pub seen: Arc<Seen>,
    scripts: Arc<Mutex<VecDeque<Script>>>,
}

impl ModelServer {
    /// Starts one that does what `usual` says, on a port of its own, with so many streams on an HTTP/2 connection.
    pub async fn start(usual: Script, streams: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let (seen, scripts) = (Arc::new(Seen::default()), Arc::new(Mutex::new(VecDeque::new())));
        let (counts, queue) = (seen.clone(), scripts.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                counts.connections.fetch_add(1, Ordering::Relaxed);
                let (counts, queue, usual) = (counts.clone(), queue.clone(), usual.clone());
                let service = service_fn(move |request| answer(request, counts.clone(), queue.clone(), usual.clone()));
                tokio::spawn(async move {
                    let mut builder = Builder::new(TokioExecutor::new());
                    builder.http2().max_concurrent_streams(streams);
                    // A client that leaves is what some tests are about.
                    let _ = builder.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { url, seen, scripts }
    }

    /// Has the next requests answered in another way, each once.
    pub fn next(&self, scripts: impl IntoIterator<Item = Script>) {
        self.scripts.lock().expect("no panic").extend(scripts);
    }

    /// How many requests came.
    pub fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::Relaxed)
    }
}

/// Words that end.
pub fn words(text: &str) -> Vec<String> {
    text.split_inclusive(' ').map(str::to_owned).collect()
}

/// Is dropped with the body, whole or not.
struct Guard {
    seen: Arc<Seen>,
    done: bool,
}

impl Guard {
    fn finish(&mut self) {
        self.done = true;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.seen.at_once.fetch_sub(1, Ordering::Relaxed);
        if !self.done {
            self.seen.aborted.fetch_add(1, Ordering::Relaxed);
        }
    }
}

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

async fn answer(
    request: Request<Incoming>,
    seen: Arc<Seen>,
    queue: Arc<Mutex<VecDeque<Script>>>,
    usual: Script,
) -> Result<Response<Body>, Infallible> {
    seen.requests.fetch_add(1, Ordering::Relaxed);
    let now = seen.at_once.fetch_add(1, Ordering::Relaxed) + 1;
    seen.most_at_once.fetch_max(now, Ordering::Relaxed);
    if let Some(key) = request.headers().get("authorization").and_then(|key| key.to_str().ok()) {
        seen.keys.lock().expect("no panic").push(key.to_owned());
    }
    let guard = Guard { seen: seen.clone(), done: false };
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    {
        let mut bodies = seen.bodies.lock().expect("no panic");
        bodies.push(String::from_utf8_lossy(&body).into_owned());
        if bodies.len() > 16 {
            bodies.remove(0);
        }
    }
    let script = queue.lock().expect("no panic").pop_front().unwrap_or(usual);
    let (status, headers, frames) = match script {
        Script::Status(status, headers, body) => (status, headers, vec![Step::Send(body)]),
        Script::Words(words, pace) => (200, Vec::new(), stream(words, pace, true)),
        Script::Echo => (200, Vec::new(), stream(vec![question(&body)], Duration::ZERO, true)),
        Script::Open(words) => {
            let mut steps = stream(words, Duration::ZERO, true);
            steps.push(Step::Wait(Duration::from_secs(3600)));
            (200, Vec::new(), steps)
        }
        Script::Late(wait, words) => {
            let mut steps = vec![Step::Wait(wait)];
            steps.extend(stream(words, Duration::ZERO, true));
            (200, Vec::new(), steps)
        }
        Script::Broken(words, fault) => {
            let mut steps = stream(words, Duration::ZERO, false);
            steps.push(match fault {
                Fault::Cut => Step::Cut,
                Fault::Stall => Step::Wait(Duration::from_secs(3600)),
                Fault::Garbage => Step::Send("data: {\"choices\": [{\"delta\"\n\n".to_owned()),
                Fault::Quota => Step::Send(event(
                    &serde_json::json!({ "error": { "code": "insufficient_quota", "message": "no credit" } }),
                )),
            });
            (200, Vec::new(), steps)
        }
    };
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    Ok(response.body(body_of(frames, guard)).expect("a response"))
}

/// The last thing that was said to the model.
fn question(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let last = body["messages"].as_array().and_then(|messages| messages.last());
    last.and_then(|message| message["content"].as_str()).unwrap_or_default().to_owned()
}

enum Step {
    Send(String),
    Wait(Duration),
    Cut,
}

fn event(value: &serde_json::Value) -> String {
    format!("data: {value}\n\n")
}

fn stream(words: Vec<String>, pace: Duration, whole: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    let count = words.len();
    for word in words {
        if !pace.is_zero() {
            steps.push(Step::Wait(pace));
        }
        steps.push(Step::Send(event(&serde_json::json!({ "choices": [{ "delta": { "content": word } }] }))));
    }
    if whole {
        steps.push(Step::Send(event(&serde_json::json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] }))));
        let usage = serde_json::json!({ "prompt_tokens": 10, "completion_tokens": count });
        steps.push(Step::Send(event(&serde_json::json!({ "choices": [], "usage": usage }))));
        steps.push(Step::Send("data: [DONE]\n\n".to_owned()));
    }
    steps
}

fn body_of(steps: Vec<Step>, guard: Guard) -> Body {
    let frames = futures_util::stream::unfold((steps.into_iter(), guard), |(mut steps, mut guard)| async move {
        loop {
            match steps.next() {
                Some(Step::Send(text)) => {
                    return Some((Ok(Frame::data(Bytes::from(text))), (steps, guard)));
                }
                Some(Step::Wait(time)) => tokio::time::sleep(time).await,
                Some(Step::Cut) => {
                    guard.finish();
                    return Some((Err(std::io::Error::other("cut")), (steps, guard)));
                }
                None => {
                    guard.finish();
                    return None;
                }
            }
        }
    });
    http_body_util::StreamBody::new(frames).boxed_unsync()
}
