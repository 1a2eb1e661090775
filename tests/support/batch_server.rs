//! A server for tests that speaks the batch APIs of OpenAI and Anthropic over real sockets, and fails on demand.
//!
//! It proves how bulk work behaves, not that a real provider answers as it does.

use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// What a client can ask of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Sending questions ahead.
    Upload,
    /// Listing batches.
    List,
    /// Making one.
    Create,
    /// Looking at one.
    Look,
    /// Reading answers.
    Results,
    /// An ordinary call.
    Single,
}

/// What goes wrong.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "not every binary of tests has each of them happen")]
pub enum Fault {
    /// This status, and nothing is done.
    Status(u16),
    /// This status, and a wish to be asked again after so many milliseconds.
    Later(u64),
    /// Nothing is done and nothing is answered.
    HangBefore,
    /// It is done, and nothing is answered.
    HangAfter,
    /// It is done, and the answer breaks off in its middle.
    Cut,
    /// It is done, and the answer stops in its middle.
    Stall,
    /// It is done, and this is answered.
    Instead(String),
}

/// A batch.
#[derive(Default)]
pub struct Made {
    id: String,
    /// Marks and what is asked under each.
    pub questions: Vec<(String, String)>,
    metadata: Value,
    looks: usize,
}

/// What the server knows.
#[derive(Default)]
pub struct State {
    /// Requests by step.
    counts: BTreeMap<Step, usize>,
    /// Uploaded files.
    files: BTreeMap<String, String>,
    /// Batches in the order in which they were made.
    pub batches: Vec<Made>,
    /// What is to go wrong, in order.
    pub faults: Vec<(Step, Fault)>,
    /// Bodies that came.
    pub bodies: Vec<String>,
    /// Keys that came.
    pub keys: Vec<String>,
    /// Looks until a batch ended.
    pub looks: usize,
    /// The status that it ends with, in OpenAI's words.
    pub end: &'static str,
    /// Where Anthropic's answers are said to lie.
    pub elsewhere: Option<String>,
}

/// A running server; it ends with the runtime.
pub struct BatchServer {
    /// Its address, as `base-url`.
    pub url: String,
    /// What it has seen and is to do.
    pub state: Arc<Mutex<State>>,
    /// Told when somebody waits for nothing.
    pub hangs: Arc<Notify>,
}

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

impl BatchServer {
    /// Starts one on a port of its own, whose batches end with the second look at them.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a test's own part works");
        let url = format!("http://{}", listener.local_addr().expect("a test's own part works"));
        let state = Arc::new(Mutex::new(State { looks: 2, end: "completed", ..State::default() }));
        let hangs = Arc::new(Notify::new());
        let (shared, told, base) = (state.clone(), hangs.clone(), url.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, told, base) = (shared.clone(), told.clone(), base.clone());
                let service = service_fn(move |request| serve(request, shared.clone(), told.clone(), base.clone()));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { url, state, hangs }
    }

    /// Has the next request for this step go wrong.
    pub fn fail(&self, step: Step, fault: Fault) {
        self.state.lock().expect("a test's own part works").faults.push((step, fault));
    }

    /// How many requests for this step came.
    pub fn count(&self, step: Step) -> usize {
        self.state.lock().expect("a test's own part works").counts.get(&step).copied().unwrap_or(0)
    }

    /// Changes what it does.
    pub fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().expect("a test's own part works"));
    }
}

async fn serve(
    request: hyper::Request<Incoming>,
    shared: Arc<Mutex<State>>,
    hangs: Arc<Notify>,
    base: String,
) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let step = match (&parts.method, path.as_str()) {
        (&Method::POST, "/files") => Step::Upload,
        (&Method::POST, "/batches" | "/v1/messages/batches") => Step::Create,
        (&Method::GET, "/batches" | "/v1/messages/batches") => Step::List,
        (&Method::POST, _) => Step::Single,
        (_, path) if path.ends_with("/content") || path.ends_with("/results") => Step::Results,
        _ => Step::Look,
    };
    // A client that leaves before the whole of its request came has asked for nothing.
    let Ok(body) = body.collect().await else { return Ok(reply(400, String::new(), None)) };
    let body = String::from_utf8(body.to_bytes().to_vec()).expect("a test's own part works");
    let fault = {
        let mut state = shared.lock().expect("a test's own part works");
        *state.counts.entry(step).or_default() += 1;
        let key = parts.headers.get("authorization").or(parts.headers.get("x-api-key"));
        state.keys.push(key.map(|key| key.to_str().expect("a test's own part works").to_owned()).unwrap_or_default());
        state.bodies.push(body.clone());
        let at = state.faults.iter().position(|(other, _)| *other == step);
        at.map(|at| state.faults.remove(at).1)
    };
    match fault {
        Some(Fault::Status(status)) => {
            return Ok(reply(status, json!({ "error": { "message": "no" } }).to_string(), None));
        }
        Some(Fault::Later(wait)) => {
            let mut reply = reply(429, "{}".to_owned(), None);
            reply.headers_mut().insert("retry-after-ms", wait.into());
            return Ok(reply);
        }
        Some(Fault::HangBefore) => {
            hangs.notify_one();
            std::future::pending::<()>().await;
        }
        _ => {}
    }
    let text = answer(&shared, step, &path, &body, &base);
    Ok(match fault {
        Some(Fault::HangAfter) => {
            hangs.notify_one();
            std::future::pending().await
        }
        Some(Fault::Instead(text)) => reply(200, text, None),
        Some(Fault::Cut) => reply(200, text, Some(None)),
        Some(Fault::Stall) => reply(200, text, Some(Some(hangs))),
        _ => match text.as_str() {
            "" => reply(404, json!({ "error": { "message": "not found" } }).to_string(), None),
            _ => reply(200, text, None),
        },
    })
}

/// The whole of a text, or its half and then an end or nothing more.
fn reply(status: u16, text: String, half: Option<Option<Arc<Notify>>>) -> Response<Body> {
    let bytes = Bytes::from(text);
    let body: Body = match half {
        None => http_body_util::Full::new(bytes).map_err(|never| match never {}).boxed_unsync(),
        Some(end) => {
            let first = bytes.slice(..bytes.len() / 2);
            let frames = stream::unfold((Some(first), end), |(first, end)| async move {
                match (first, &end) {
                    (Some(first), _) => Some((Ok(Frame::data(first)), (None, end))),
                    (None, None) => {
                        // What was sent before is to arrive before the end does.
                        tokio::time::sleep(Duration::from_millis(30)).await;
                        Some((Err(std::io::Error::other("cut")), (None, None)))
                    }
                    (None, Some(hangs)) => {
                        tokio::time::sleep(Duration::from_millis(30)).await;
                        hangs.notify_one();
                        std::future::pending().await
                    }
                }
            });
            StreamBody::new(frames).boxed_unsync()
        }
    };
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(body)
        .expect("a test's own part works")
}

fn answer(shared: &Mutex<State>, step: Step, path: &str, body: &str, base: &str) -> String {
    let mut state = shared.lock().expect("a test's own part works");
    let is_anthropic = path.starts_with("/v1/messages");
    let id_at = |place: usize| path.split('/').nth(place).unwrap_or("").to_owned();
    match step {
        Step::Upload => {
            assert!(body.contains("name=\"purpose\"\r\n\r\nbatch\r\n"), "{body}");
            let lines: Vec<_> = body.lines().filter(|line| line.starts_with("{\"custom_id\"")).collect();
            let id = format!("file-{}", state.files.len());
            state.files.insert(id.clone(), lines.join("\n"));
            json!({ "id": id, "object": "file" }).to_string()
        }
        Step::Create => {
            let asked: Value = serde_json::from_str(body).expect("a test's own part works");
            let lines: Vec<Value> = if is_anthropic {
                asked["requests"].as_array().expect("a test's own part works").clone()
            } else {
                let file = asked["input_file_id"].as_str().expect("a test's own part works");
                let Some(file) = state.files.get(file) else { return String::new() };
                file.lines().map(|line| serde_json::from_str(line).expect("a test's own part works")).collect()
            };
            let questions = lines.iter().map(|line| {
                let body = if is_anthropic { &line["params"] } else { &line["body"] };
                assert_ne!(body["stream"], json!(true));
                let user = body["messages"]
                    .as_array()
                    .expect("a test's own part works")
                    .last()
                    .expect("a test's own part works")["content"]
                    .as_str()
                    .expect("a test's own part works");
                (line["custom_id"].as_str().expect("a test's own part works").to_owned(), user.to_owned())
            });
            let made = Made {
                id: format!("batch-{}", state.batches.len()),
                questions: questions.collect(),
                metadata: asked["metadata"].clone(),
                looks: 0,
            };
            state.batches.push(made);
            describe(&state, state.batches.len() - 1, is_anthropic, base)
        }
        Step::List => {
            let all: Vec<Value> = (0..state.batches.len())
                .rev()
                .map(|at| {
                    serde_json::from_str(&describe(&state, at, is_anthropic, base)).expect("a test's own part works")
                })
                .collect();
            json!({ "data": all, "has_more": false }).to_string()
        }
        Step::Look => {
            let id = id_at(if is_anthropic { 4 } else { 2 });
            let Some(at) = state.batches.iter().position(|batch| batch.id == id) else { return String::new() };
            state.batches[at].looks += 1;
            describe(&state, at, is_anthropic, base)
        }
        Step::Results => {
            let id = if is_anthropic { id_at(4) } else { id_at(2) };
            let (id, wants_errors) = match id.strip_prefix("errors-") {
                Some(id) => (id.to_owned(), true),
                None => (id.trim_start_matches("output-").to_owned(), false),
            };
            let Some(batch) = state.batches.iter().find(|batch| batch.id == id) else { return String::new() };
            let lines =
                batch.questions.iter().rev().filter_map(|(mark, user)| line(mark, user, is_anthropic, wants_errors));
            lines.map(|line| line + "\n").collect::<String>() + "\n"
        }
        Step::Single => {
            let asked: Value = serde_json::from_str(body).expect("a test's own part works");
            let user =
                asked["messages"].as_array().expect("a test's own part works").last().expect("a test's own part works")
                    ["content"]
                    .as_str()
                    .expect("a test's own part works");
            // A stream, since single calls are not told otherwise.
            let word = json!({ "choices": [{ "delta": { "content": format!("single {user}") } }] });
            let end = json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] });
            format!("data: {word}\n\ndata: {end}\n\ndata: [DONE]\n\n")
        }
    }
}

fn describe(state: &State, at: usize, is_anthropic: bool, base: &str) -> String {
    let batch = &state.batches[at];
    let is_ended = batch.looks >= state.looks;
    if is_anthropic {
        let url = format!("{}/v1/messages/batches/{}/results", state.elsewhere.as_deref().unwrap_or(base), batch.id);
        return json!({
            "id": batch.id,
            "processing_status": if is_ended { "ended" } else { "in_progress" },
            "request_counts": { "processing": batch.questions.len(), "succeeded": 0 },
            "results_url": is_ended.then_some(url),
        })
        .to_string();
    }
    json!({
        "id": batch.id,
        "status": if is_ended { state.end } else { "in_progress" },
        "metadata": batch.metadata,
        "errors": (state.end == "failed").then(|| json!({ "data": [{ "code": "invalid", "message": "a line is wrong" }] })),
        "output_file_id": (is_ended && state.end != "failed").then(|| format!("output-{}", batch.id)),
        "error_file_id": (is_ended && state.end != "failed").then(|| format!("errors-{}", batch.id)),
    })
    .to_string()
}

/// A line of answers: what a question says decides what comes of it.
fn line(mark: &str, user: &str, is_anthropic: bool, wants_errors: bool) -> Option<String> {
    let is_error = user.contains("too long") || user.contains("expire");
    if user.contains("silence") || (!is_anthropic && is_error != wants_errors) {
        return None;
    }
    if user.contains("garbage") {
        return Some(format!("{{\"custom_id\":\"{mark}\", nonsense"));
    }
    let text = format!("answer to {user}");
    Some(if is_anthropic {
        let result = if user.contains("too long") {
            json!({ "type": "errored", "error": { "type": "error", "error": { "type": "invalid_request_error", "message": "prompt is too long" } } })
        } else if user.contains("expire") {
            json!({ "type": "expired" })
        } else {
            let usage = json!({ "input_tokens": 100, "output_tokens": 10 });
            json!({ "type": "succeeded", "message": { "content": [{ "type": "text", "text": text }], "stop_reason": "end_turn", "usage": usage } })
        };
        json!({ "custom_id": mark, "result": result }).to_string()
    } else if user.contains("too long") {
        let body = json!({ "error": { "code": "context_length_exceeded", "message": "too long" } });
        json!({ "custom_id": mark, "response": { "status_code": 400, "body": body }, "error": null }).to_string()
    } else if user.contains("expire") {
        json!({ "custom_id": mark, "response": null, "error": { "code": "batch_expired", "message": "expired" } })
            .to_string()
    } else {
        let message = json!({ "message": { "content": text }, "finish_reason": "stop" });
        let body = json!({ "choices": [message], "usage": { "prompt_tokens": 100, "completion_tokens": 10 } });
        json!({ "custom_id": mark, "response": { "status_code": 200, "body": body }, "error": null }).to_string()
    })
}
