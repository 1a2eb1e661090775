//! The middle of the loop: takes messages in their order and runs the handlers.

use super::message::invalid_request;
use super::unread::Unread;
use super::{Ended, GRACE, Lines, Observer, Outcome, Waiting, Work};
use engine::queue::Receiver;
use futures_util::FutureExt;
use serde_json::Value;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Request, Response};
use tower_lsp::{LanguageServer, LspService};
use tower_service::Service;

/// Takes messages in order and runs their handlers.
pub(super) struct Dispatcher<S, W> {
    pub(super) service: LspService<S>,
    pub(super) lines: Arc<Lines>,
    pub(super) observer: W,
    /// `shutdown` was answered, so that the end is a clean one.
    pub(super) was_shut_down: bool,
}

impl<S: LanguageServer, W: Observer> Dispatcher<S, W> {
    /// Runs until the client leaves.
    pub(super) async fn dispatch(mut self, mut queue: Receiver<Waiting>, tasks: &mut JoinSet<Ended>) -> Outcome {
        let mut handlers = JoinSet::new();
        loop {
            let work = tokio::select! {
                biased;
                ended = tasks.join_next() => match ended {
                    // The client closed its reading end, or the writer failed: nobody hears us any more.
                    Some(Ok(Ended::Writer)) | Some(Err(_)) | None => return self.outcome(),
                    Some(Ok(Ended::Reader)) => continue,
                },
                () = self.lines.unread.too_much() => {
                    tracing::warn!("The client reads too little of what is said to it, and is left.");
                    return Outcome::Unread;
                }
                waiting = next(&self.lines.unread, &mut queue) => waiting.map(|waiting| waiting.work),
                Some(_) = handlers.join_next(), if !handlers.is_empty() => continue,
            };
            match work {
                Some(Work::Notification { method, params }) => self.notify(method, params).await,
                Some(Work::Request { number, id, method, params, cancelled }) => {
                    self.request(number, id, method, params, cancelled, &mut handlers).await;
                }
                Some(Work::Settings) => self.observer.settled().await,
                Some(Work::Forget(number)) => {
                    let params = serde_json::json!({ "id": number });
                    self.notify("$/cancelRequest".to_owned(), Some(params)).await;
                }
                Some(Work::Exit) => {
                    self.cancel_all(&mut handlers).await;
                    return self.outcome();
                }
                Some(Work::End) | None => {
                    drain(&mut handlers).await;
                    self.cancel_all(&mut handlers).await;
                    return self.outcome();
                }
            }
        }
    }

    /// Answers every request that is still running, so that nobody waits for a reply when the server is gone.
    async fn cancel_all(&self, handlers: &mut JoinSet<()>) {
        self.lines.cancel_all();
        drain(handlers).await;
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
        if method == "shutdown" {
            // Its own cancel goes with the others, which harms nothing: it is not looked at any more.
            self.cancel_all(handlers).await;
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

/// What is next, as soon as there is room for what comes of it. Dropping it loses nothing.
async fn next(unread: &Unread, queue: &mut Receiver<Waiting>) -> Option<Waiting> {
    unread.room().await;
    queue.recv().await
}

/// Waits for the handlers, for a while.
async fn drain(handlers: &mut JoinSet<()>) {
    let drained = async { while handlers.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(GRACE, drained).await;
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
fn panicked(method: &str) -> Error {
    let message = format!("Answering {method} failed inside the server; it goes on serving.");
    Error { code: ErrorCode::InternalError, message: message.into(), data: None }
}
