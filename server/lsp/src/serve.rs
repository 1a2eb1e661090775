//! The serve loop: the one place where messages come in and go out, and where their order is kept.
//!
//! Replies of the client are routed the moment they are read. Notifications and the requests of the life cycle are awaited one after
//! the other, in order. Every other request is polled once in its turn, which is when its handler takes its snapshot of the state,
//! and then runs on its own. Every request gets exactly one reply: after a cancel, a panic and malformed input too.
//! The framework's own loop is never used: it runs notifications and cancels through the same few slots as slow requests.

#[cfg(test)]
mod conformance;
mod framing;
mod message;

use framing::{Frame, FrameReader};
use futures_util::{FutureExt, Sink, SinkExt, Stream, StreamExt};
use message::{Incoming, invalid_request};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Request, Response};
use tower_lsp::{ClientSocket, LanguageServer, LspService};
use tower_service::Service;

/// How long running requests may still be answered after the client closed its end without saying goodbye.
const GRACE: Duration = Duration::from_secs(1);

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The client asked for shutdown first.
    Clean,
    /// It did not: `exit` without `shutdown`, or a closed pipe.
    Unclean,
}

impl Outcome {
    /// The exit code that the protocol asks for.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Unclean => 1,
        }
    }
}

/// Is told of every message that was handled.
pub(crate) trait Observer: Clone + Send + Sync + 'static {
    /// A message of this method took so long, and perhaps ended with an error.
    fn handled(&self, method: &str, took: Duration, error: Option<&Error>);
}

/// Serves one client until it says `exit` or closes a pipe.
pub(crate) async fn run<S, I, O>(
    service: LspService<S>,
    socket: ClientSocket,
    input: I,
    output: O,
    observer: impl Observer,
) -> Outcome
where
    S: LanguageServer,
    I: AsyncRead + Send + Unpin + 'static,
    O: AsyncWrite + Send + Unpin + 'static,
{
    let (requests, replies) = socket.split();
    let (out, outgoing) = mpsc::unbounded_channel();
    let (work, queue) = mpsc::unbounded_channel();
    let lines = Arc::new(Lines { out, running: Mutex::default(), asked: Mutex::default() });

    let mut tasks = JoinSet::new();
    let writer = tasks.spawn(write(output, outgoing, requests, lines.clone()));
    let reader = tasks.spawn(read(input, work, replies, lines.clone()));
    let outcome =
        Dispatcher { service, lines: lines.clone(), observer, was_shut_down: false }.dispatch(queue, &mut tasks).await;

    reader.abort();
    lines.send(Outgoing::Close);
    if !writer.is_finished() {
        // A client that reads nothing any more must not keep the process alive.
        let closed = async { while tasks.join_next().await.is_some() && !writer.is_finished() {} };
        let _ = tokio::time::timeout(GRACE, closed).await;
    }
    outcome
}

/// What goes to the writer.
enum Outgoing {
    Reply(Response),
    /// Nothing follows: write out what is there and end.
    Close,
}

/// What the reader hands to the dispatcher, in order.
enum Work {
    Request {
        number: i32,
        id: Id,
        method: String,
        params: Option<Value>,
        cancelled: oneshot::Receiver<()>,
    },
    Notification {
        method: String,
        params: Option<Value>,
    },
    /// The request of this number was cancelled: the framework may forget it.
    Forget(i32),
    Exit,
    /// The input ended.
    End,
}

/// A request that has no reply yet.
struct Running {
    number: i32,
    cancel: Option<oneshot::Sender<()>>,
}

/// What reader, dispatcher, handlers and writer share.
struct Lines {
    out: mpsc::UnboundedSender<Outgoing>,
    /// Requests of the client without a reply, by the client's identifier.
    running: Mutex<HashMap<Id, Running>>,
    /// Requests of ours without a reply.
    asked: Mutex<HashSet<Id>>,
}

impl Lines {
    fn send(&self, message: Outgoing) {
        // The only failure is a writer that is gone, and then the dispatcher is ending the session already.
        let _ = self.out.send(message);
    }

    fn reply(&self, response: Response) {
        self.send(Outgoing::Reply(response));
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Id, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self) -> MutexGuard<'_, HashSet<Id>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the one reply of a request, in the client's own identifier.
    fn finish(&self, id: Id, result: Result<Value, Error>) {
        self.running().remove(&id);
        self.reply(Response::from_parts(id, result));
    }
}

/// Reads messages, answers what is no message, routes replies and cancels at once, and queues the rest.
async fn read<I: AsyncRead + Unpin>(
    input: I,
    work: mpsc::UnboundedSender<Work>,
    mut replies: impl Sink<Response> + Unpin,
    lines: Arc<Lines>,
) -> Ended {
    let mut frames = FrameReader::new(input);
    let mut next_number = 0_i32;
    loop {
        let body = match frames.next().await {
            Frame::Body(body) => body,
            Frame::Garbage(reason) => {
                tracing::warn!(%reason, "Input was skipped.");
                lines.reply(Response::from_error(Id::Null, parse_error(reason)));
                continue;
            }
            Frame::End => {
                let _ = work.send(Work::End);
                return Ended::Reader;
            }
        };
        if body.is_empty() {
            continue;
        }
        let item = match parse_or_mend(&body, &mut frames) {
            Err(error) => {
                lines.reply(Response::from_error(Id::Null, parse_error(format!("The message is no JSON: {error}."))));
                continue;
            }
            Ok(Incoming::Invalid(due)) => {
                due.into_iter().for_each(|reply| lines.reply(reply));
                continue;
            }
            Ok(Incoming::Reply(response)) => {
                lines.asked().remove(response.id());
                let _ = replies.send(response).await;
                continue;
            }
            Ok(Incoming::Bare(id)) => {
                if lines.asked().remove(&id) {
                    let _ = replies.send(Response::from_ok(id, Value::Null)).await;
                } else {
                    lines.reply(Response::from_error(
                        id,
                        invalid_request("A message has neither a method nor a result."),
                    ));
                }
                continue;
            }
            Ok(Incoming::Notification { method, params }) => match method.as_str() {
                "exit" => Work::Exit,
                "$/cancelRequest" => match cancel(&lines, params.as_ref()) {
                    Some(number) => Work::Forget(number),
                    None => continue,
                },
                _ => Work::Notification { method, params },
            },
            Ok(Incoming::Request { id, method, params }) => {
                let (cancel, cancelled) = oneshot::channel();
                next_number = next_number.checked_add(1).unwrap_or(1);
                let running = Running { number: next_number, cancel: Some(cancel) };
                let mut table = lines.running();
                if table.contains_key(&id) {
                    drop(table);
                    let reason = "A request with this id is still being answered.";
                    lines.reply(Response::from_error(id, invalid_request(reason)));
                    continue;
                }
                table.insert(id.clone(), running);
                drop(table);
                Work::Request { number: next_number, id, method, params, cancelled }
            }
        };
        let is_exit = matches!(item, Work::Exit);
        if work.send(item).is_err() || is_exit {
            return Ended::Reader;
        }
    }
}

/// Parses a body. One that swallowed the next message, because its length was too great, is cut where that one begins.
fn parse_or_mend<R: AsyncRead + Unpin>(body: &[u8], frames: &mut FrameReader<R>) -> serde_json::Result<Incoming> {
    message::parse(body).or_else(|error| {
        let mut values = serde_json::Deserializer::from_slice(body).into_iter::<serde::de::IgnoredAny>();
        let Some(Ok(_)) = values.next() else { return Err(error) };
        let (first, rest) = body.split_at(values.byte_offset());
        let mark = b"content-length:";
        let start = rest.trim_ascii_start();
        let shared = start.len().min(mark.len());
        if shared == 0 || !start.iter().zip(mark).all(|(byte, expected)| byte.eq_ignore_ascii_case(expected)) {
            return Err(error);
        }
        let parsed = message::parse(first)?;
        frames.give_back(start);
        Ok(parsed)
    })
}

/// Cancels the request that a `$/cancelRequest` names, and says which one it was.
fn cancel(lines: &Lines, params: Option<&Value>) -> Option<i32> {
    let id = message::read_id(params?.get("id")?)?;
    let mut running = lines.running();
    let request = running.get_mut(&id)?;
    request.cancel.take()?.send(()).ok()?;
    Some(request.number)
}

/// Takes messages in order and runs their handlers.
struct Dispatcher<S, W> {
    service: LspService<S>,
    lines: Arc<Lines>,
    observer: W,
    was_shut_down: bool,
}

impl<S: LanguageServer, W: Observer> Dispatcher<S, W> {
    async fn dispatch(mut self, mut queue: mpsc::UnboundedReceiver<Work>, tasks: &mut JoinSet<Ended>) -> Outcome {
        let mut handlers = JoinSet::new();
        loop {
            let work = tokio::select! {
                biased;
                ended = tasks.join_next() => match ended {
                    // The client closed its reading end, or the writer failed: nobody hears us any more.
                    Some(Ok(Ended::Writer)) | Some(Err(_)) | None => return self.outcome(),
                    Some(Ok(Ended::Reader)) => continue,
                },
                work = queue.recv() => work,
                Some(_) = handlers.join_next(), if !handlers.is_empty() => continue,
            };
            match work {
                Some(Work::Notification { method, params }) => self.notify(method, params).await,
                Some(Work::Request { number, id, method, params, cancelled }) => {
                    self.request(number, id, method, params, cancelled, &mut handlers).await;
                }
                Some(Work::Forget(number)) => {
                    let params = serde_json::json!({ "id": number });
                    self.notify("$/cancelRequest".to_owned(), Some(params)).await;
                }
                Some(Work::Exit) => return self.outcome(),
                Some(Work::End) | None => {
                    let drained = async { while handlers.join_next().await.is_some() {} };
                    let _ = tokio::time::timeout(GRACE, drained).await;
                    return self.outcome();
                }
            }
        }
    }

    fn outcome(&self) -> Outcome {
        if self.was_shut_down { Outcome::Clean } else { Outcome::Unclean }
    }

    async fn notify(&mut self, method: String, params: Option<Value>) {
        let began = Instant::now();
        let notification = build(Request::build(method.clone()), params).finish();
        // A panic in reading the parameters is caught as well as one in the handler.
        let handled = AssertUnwindSafe(async { self.service.call(notification).await }).catch_unwind().await;
        if handled.is_err() {
            tracing::error!(%method, "The handler of a notification panicked.");
        }
        self.observer.handled(&method, began.elapsed(), None);
    }

    async fn request(
        &mut self,
        number: i32,
        id: Id,
        method: String,
        params: Option<Value>,
        mut cancelled: oneshot::Receiver<()>,
        handlers: &mut JoinSet<()>,
    ) {
        if cancelled.try_recv().is_ok() {
            return self.lines.finish(id, Err(Error::request_cancelled()));
        }
        match method.as_str() {
            "exit" | "$/cancelRequest" => {
                let reason = "This message is a notification and must have no id.";
                return self.lines.finish(id, Err(invalid_request(reason)));
            }
            _ => {}
        }
        // Some clients send an empty object where the specification allows nothing.
        let params = params.filter(|_| method != "shutdown");
        let began = Instant::now();
        let request = build(Request::build(method.clone()).id(i64::from(number)), params).finish();
        let mut answer = Box::pin(AssertUnwindSafe(self.service.call(request)).catch_unwind());
        if matches!(method.as_str(), "initialize" | "shutdown") {
            let result = read_answer(&method, answer.await);
            self.was_shut_down |= method == "shutdown" && result.is_ok();
            self.observer.handled(&method, began.elapsed(), result.as_ref().err());
            return self.lines.finish(id, result);
        }
        // The handler runs here up to its first wait, so that it sees the state as the messages before it left it.
        if let Some(answer) = (&mut answer).now_or_never() {
            let result = read_answer(&method, answer);
            self.observer.handled(&method, began.elapsed(), result.as_ref().err());
            return self.lines.finish(id, result);
        }
        let (lines, observer) = (self.lines.clone(), self.observer.clone());
        handlers.spawn(async move {
            let result = tokio::select! {
                biased;
                Ok(()) = cancelled => Err(Error::request_cancelled()),
                answer = &mut answer => read_answer(&method, answer),
            };
            // Dropping the handler is what cancels its work; it comes before the reply so that nothing of it can follow.
            drop(answer);
            observer.handled(&method, began.elapsed(), result.as_ref().err());
            lines.finish(id, result);
        });
    }
}

/// Which of the two pipes ended.
enum Ended {
    Reader,
    Writer,
}

fn build(builder: tower_lsp::jsonrpc::RequestBuilder, params: Option<Value>) -> tower_lsp::jsonrpc::RequestBuilder {
    match params {
        Some(params) => builder.params(params),
        None => builder,
    }
}

type Answer = std::thread::Result<Result<Option<Response>, tower_lsp::ExitedError>>;

/// What to reply, whatever became of the handler.
fn read_answer(method: &str, answer: Answer) -> Result<Value, Error> {
    match answer {
        Ok(Ok(Some(response))) => response.into_parts().1,
        Ok(Ok(None)) if method.starts_with("$/") => Err(Error::method_not_found()),
        Ok(Ok(None)) => Err(invalid_request("This message is a notification and must have no id.")),
        Ok(Err(_)) => Err(invalid_request("The server is exiting.")),
        Err(_) => {
            tracing::error!(%method, "The handler of a request panicked.");
            Err(panicked(method))
        }
    }
}

/// The reply to a request whose handler panicked.
pub(crate) fn panicked(method: &str) -> Error {
    let message = format!("Answering {method} failed inside the server; it goes on serving.");
    Error { code: ErrorCode::InternalError, message: message.into(), data: None }
}

fn parse_error(message: String) -> Error {
    Error { code: ErrorCode::ParseError, message: message.into(), data: None }
}

/// Writes replies and our own requests and notifications.
///
/// What a handler sent before it returned stands before its reply, because our own messages are always taken first.
async fn write<O: AsyncWrite + Unpin>(
    mut output: O,
    mut outgoing: mpsc::UnboundedReceiver<Outgoing>,
    mut requests: impl Stream<Item = Request> + Unpin,
    lines: Arc<Lines>,
) -> Ended {
    let mut buffer = Vec::with_capacity(16 << 10);
    let mut requests_open = true;
    let mut is_closing = false;
    loop {
        let wrote = tokio::select! {
            biased;
            request = requests.next(), if requests_open => match request {
                Some(request) => {
                    if let Some(id) = request.id() {
                        lines.asked().insert(id.clone());
                    }
                    encode(&mut buffer, &request)
                }
                None => {
                    requests_open = false;
                    true
                }
            },
            message = outgoing.recv(), if !is_closing => match message {
                Some(Outgoing::Reply(response)) => encode(&mut buffer, &response),
                Some(Outgoing::Close) | None => {
                    is_closing = true;
                    true
                }
            },
            // Nothing is ready: what has gathered goes out in one write.
            () = std::future::ready(()), if is_closing || !buffer.is_empty() => {
                if output.write_all(&buffer).await.is_err() || output.flush().await.is_err() || is_closing {
                    return Ended::Writer;
                }
                buffer.clear();
                buffer.shrink_to(1 << 20);
                true
            }
        };
        if !wrote {
            tracing::error!("A message could not be written as JSON.");
        }
    }
}

/// Appends one message with its header.
fn encode(buffer: &mut Vec<u8>, message: &impl serde::Serialize) -> bool {
    match serde_json::to_vec(message) {
        Ok(body) => {
            buffer.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
            buffer.extend_from_slice(&body);
            true
        }
        Err(_) => false,
    }
}
