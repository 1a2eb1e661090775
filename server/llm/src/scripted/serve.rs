//! Takes connections and requests, and looks up how each request is answered.

use super::behaviour::{Behaviour, Fault, Script, Trouble};
use super::body::{Body, Guard, end_of, streamed, whole};
use super::formats::Format;
use super::{Options, RequestInfo, Seen, remember};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use serde_json::Value;
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::Instant;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long the end of a client is waited for after the last answer of a connection.
const LINGER: Duration = Duration::from_secs(5);
/// How long the first word takes where it is to be slow and nothing else is said.
const QUICK: Duration = Duration::from_millis(1);

/// What all connections of a server share.
pub(super) struct Stage {
    pub options: Options,
    pub seen: Arc<Seen>,
    pub scripts: Arc<Mutex<VecDeque<Script>>>,
}

/// One connection.
struct Connection {
    requests: AtomicUsize,
    under_way: AtomicUsize,
    last: Mutex<Instant>,
    /// It has had all the requests that it may have.
    is_full: Notify,
}

/// A request on a connection.
struct OnConnection(Arc<Connection>);

impl Drop for OnConnection {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// Takes connections until the runtime ends.
pub(super) async fn listen(listener: TcpListener, stage: Arc<Stage>) {
    while let Ok((socket, _)) = listener.accept().await {
        stage.seen.connections.fetch_add(1, Ordering::Relaxed);
        // Where it cannot be set, small pieces go out a little later.
        let _ = socket.set_nodelay(true);
        tokio::spawn(serve(socket, stage.clone()));
    }
}

async fn serve(socket: TcpStream, stage: Arc<Stage>) {
    let connection = Arc::new(Connection {
        requests: AtomicUsize::new(0),
        under_way: AtomicUsize::new(0),
        last: Mutex::new(Instant::now()),
        is_full: Notify::new(),
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(stage.options.streams);
    let (all, on) = (stage.clone(), connection.clone());
    let service = service_fn(move |request| answer(request, all.clone(), on.clone()));
    // A second hold on the socket, so that it is not closed with the connection.
    let Ok((socket, mut rest)) = doubled(socket) else { return };
    let mut goes_away = false;
    let mut served = pin!(builder.serve_connection(TokioIo::new(socket), service));
    loop {
        let idle = stage.options.idle.map(|idle| connection.idle_at(idle));
        tokio::select! {
            // A client that leaves is what some tests are about.
            _ended = served.as_mut() => break,
            () = connection.is_full.notified() => {
                goes_away = true;
                served.as_mut().graceful_shutdown();
            }
            () = tokio::time::sleep_until(idle.unwrap_or_else(Instant::now)), if idle.is_some() => {
                let is_idle = connection.under_way.load(Ordering::Relaxed) == 0;
                if is_idle && idle.is_some_and(|idle| idle <= Instant::now()) {
                    return;
                }
            }
        }
    }
    if goes_away {
        // What comes after the last answer is read and dropped. Were the socket closed with bytes of the client unread, the client would
        // be told of a reset, and what it has not read itself by then would be lost.
        let mut dropped = [0; 1024];
        let read_all = async { while rest.read(&mut dropped).await.is_ok_and(|count| count > 0) {} };
        let _ = tokio::time::timeout(LINGER, read_all).await;
    }
}

/// A socket twice.
fn doubled(socket: TcpStream) -> std::io::Result<(TcpStream, TcpStream)> {
    let socket = socket.into_std()?;
    let other = socket.try_clone()?;
    Ok((TcpStream::from_std(socket)?, TcpStream::from_std(other)?))
}

impl Connection {
    /// When it will have been idle for so long; never before now where something is under way.
    fn idle_at(&self, idle: Duration) -> Instant {
        let since = match self.under_way.load(Ordering::Relaxed) {
            0 => *self.last.lock().unwrap_or_else(PoisonError::into_inner),
            _ => Instant::now(),
        };
        since + idle
    }
}

async fn answer(
    request: Request<Incoming>,
    stage: Arc<Stage>,
    connection: Arc<Connection>,
) -> Result<Response<Body>, Failure> {
    let seen = &stage.seen;
    connection.under_way.fetch_add(1, Ordering::Relaxed);
    let on_connection = OnConnection(connection.clone());
    let requests = connection.requests.fetch_add(1, Ordering::Relaxed) + 1;
    if stage.options.requests_a_connection == Some(requests) {
        connection.is_full.notify_one();
    }
    for name in ["authorization", "x-api-key", "x-goog-api-key"] {
        if let Some(key) = request.headers().get(name).and_then(|key| key.to_str().ok()) {
            remember(&seen.keys, key.to_owned());
        }
    }
    let full_path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let path = request.uri().path().to_owned();
    // A request that is not whole is none: the client withdrew it while it was on its way.
    let bytes = request.into_body().collect().await?.to_bytes();
    let number = seen.requests.fetch_add(1, Ordering::Relaxed);
    let (mut guard, at_once) = Guard::begin(seen);
    let body = String::from_utf8_lossy(&bytes).into_owned();
    let json: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    remember(&seen.bodies, body.clone());
    remember(&seen.paths, full_path.clone());
    let format = Format::of(&path);
    let stream = format.is_some_and(|format| format.streams(&path, &json));
    let info = RequestInfo { path: full_path, format, stream, body, at_once };
    let next = stage.scripts.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let mut script = next.unwrap_or_else(|| stage.options.usual.of(number, &info));
    while let Script::After(time, then) = script {
        tokio::time::sleep(time).await;
        script = *then;
    }
    let format = format.unwrap_or(Format::ChatCompletions);
    let wants_usage = json.pointer("/stream_options/include_usage").and_then(Value::as_bool).unwrap_or(false);
    let mut wire = format.writer(format.model(&path, &json), wants_usage);
    let behaviour = match script {
        Script::Status(status, headers, body) => return reply(status, "application/json", headers, whole(body, guard)),
        Script::Fails(trouble, headers) => {
            let (status, body) = format.trouble(trouble);
            // What is told with success is told as an answer is.
            let is_event = stream && status == 200;
            let body = if is_event { wire.trouble(trouble) } else { body.to_string() };
            return reply(status, format.content_type(is_event), headers, whole(body, guard));
        }
        Script::Refused => {
            guard.give_up();
            return Err(h2::Error::from(h2::Reason::REFUSED_STREAM).into());
        }
        Script::Words(words, pace) => Behaviour { words, pace, ..Behaviour::default() },
        Script::Broken(words, fault) => Behaviour { words, fault: Some(fault), ..Behaviour::default() },
        Script::Open(words) => Behaviour { words, stays_open: true, ..Behaviour::default() },
        Script::Late(before_first, words) => Behaviour { words, before_first, ..Behaviour::default() },
        Script::Full(behaviour) => *behaviour,
        Script::After(..) => Behaviour::default(),
    };
    let Some(behaviour) = slowed(behaviour, &stage.options, number, at_once) else {
        seen.turned_away.fetch_add(1, Ordering::Relaxed);
        let (_, body) = format.trouble(Trouble::Rate);
        return reply(429, "application/json", Vec::new(), whole(body.to_string(), guard));
    };
    tokio::time::sleep(behaviour.before_head).await;
    let headers = behaviour.headers.clone();
    let body = if stream {
        streamed(behaviour, wire, guard)
    } else {
        let pieces = behaviour.thoughts + behaviour.words.len() * behaviour.times;
        let time = behaviour.pace.saturating_mul(u32::try_from(pieces).unwrap_or(u32::MAX));
        tokio::time::sleep(behaviour.before_first + time).await;
        match behaviour.fault {
            Some(fault) => return broken(fault, format, headers, guard).await,
            None => {
                let text = behaviour.words.concat().repeat(behaviour.times);
                let thoughts = "hmm ".repeat(behaviour.thoughts);
                let answer = wire.whole(&thoughts, &text, &end_of(&behaviour));
                whole(wire.with_calls(answer, &behaviour.calls).to_string(), guard)
            }
        }
    };
    let body = body.map_frame(move |frame| {
        // The request is under way on its connection for as long as its body is.
        let _held = &on_connection;
        frame
    });
    reply(200, format.content_type(stream), headers, body.boxed_unsync())
}

/// What an answer that should come whole is, where something goes wrong with it.
async fn broken(
    fault: Fault,
    format: Format,
    headers: Vec<(&'static str, String)>,
    mut guard: Guard,
) -> Result<Response<Body>, Failure> {
    let said = |trouble| format.trouble(trouble).1.to_string().into_bytes();
    let body = match fault {
        Fault::Cut => {
            guard.give_up();
            return Err("cut".into());
        }
        Fault::Stall => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Vec::new()
        }
        Fault::Ends | Fault::Garbage => b"{\"choices\": [{".to_vec(),
        Fault::NotUtf8 => b"{\"text\": \"\xff\"}".to_vec(),
        Fault::Quota => said(Trouble::Quota),
        Fault::Says(trouble) => said(trouble),
    };
    reply(200, format.content_type(false), headers, whole(body, guard))
}

/// The behaviour under the load of this moment; nothing where the request is one too many.
fn slowed(mut behaviour: Behaviour, options: &Options, number: usize, at_once: usize) -> Option<Behaviour> {
    if let Some(knee) = options.knee {
        behaviour.before_first += knee.first_word(at_once)?;
    }
    if let Some(tail) = options.tail.filter(|tail| tail.has(number)) {
        behaviour.before_first = behaviour.before_first.max(QUICK).mul_f64(tail.times.clamp(1.0, 1e6));
    }
    Some(behaviour)
}

fn reply(
    status: u16,
    content_type: &str,
    headers: Vec<(&'static str, String)>,
    body: Body,
) -> Result<Response<Body>, Failure> {
    let mut response = Response::builder().status(status).header("content-type", content_type);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    Ok(response.body(body)?)
}
