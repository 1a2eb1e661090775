//! The reading half of the loop: what must not wait is done at once, the rest is queued in order.
//!
//! Never runs a handler, so that replies and cancels get through whatever the handlers do.

use super::framing::{Frame, FrameReader};
use super::message::{self, Incoming, invalid_request};
use super::{Ended, Lines, Running, Waiting, Work};
use engine::queue::Sender;
use futures_util::{Sink, SinkExt};
use serde_json::Value;
use std::sync::Arc;
use tokio::io::AsyncRead;
use tokio::sync::oneshot;
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Response};

/// Reads messages, answers what is no message, routes replies and cancels at once, and queues the rest.
pub(super) async fn read<I: AsyncRead + Unpin>(
    input: I,
    work: Sender<Waiting>,
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
                refuse(&lines, &Response::from_error(Id::Null, parse_error(reason))).await;
                continue;
            }
            Frame::End => {
                lines.unread.hears_no_more();
                let _ = work.send(Waiting { work: Work::End, bytes: 0 }).await;
                return Ended::Reader;
            }
        };
        if body.is_empty() {
            continue;
        }
        let item = match parse_or_mend(&body, &mut frames) {
            Err(error) => {
                let error = parse_error(format!("The message is no JSON: {error}."));
                refuse(&lines, &Response::from_error(Id::Null, error)).await;
                continue;
            }
            Ok(Incoming::Invalid(due)) => {
                for reply in &due {
                    refuse(&lines, reply).await;
                }
                continue;
            }
            Ok(Incoming::Reply(response)) => {
                let are_settings = lines.asked().remove(response.id()) == Some(true);
                let _ = replies.send(response).await;
                if !are_settings {
                    continue;
                }
                Work::Settings
            }
            Ok(Incoming::Bare(id)) => {
                let asked = lines.asked().remove(&id);
                if asked.is_some() {
                    let _ = replies.send(Response::from_ok(id, Value::Null)).await;
                } else {
                    let error = invalid_request("A message has neither a method nor a result.");
                    refuse(&lines, &Response::from_error(id, error)).await;
                }
                if asked != Some(true) {
                    continue;
                }
                Work::Settings
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
                if !lines.begin(&id, running) {
                    let error = invalid_request("A request with this id is still being answered.");
                    refuse(&lines, &Response::from_error(id, error)).await;
                    continue;
                }
                Work::Request { number: next_number, id, method, params, cancelled }
            }
        };
        let is_exit = matches!(item, Work::Exit);
        if is_exit {
            lines.unread.hears_no_more();
        }
        // Where much waits, nothing more is read until some of it had its turn; no notification waits for the client, so it comes, unless the client
        // does not read what is said to it.
        if work.send(Waiting { work: item, bytes: body.len() }).await.is_err() || is_exit {
            return Ended::Reader;
        }
    }
}

/// Answers what is no message, as soon as there is room for it: whoever sends nothing else is not read faster than he reads.
async fn refuse(lines: &Lines, reply: &Response) {
    lines.unread.room().await;
    lines.reply(reply);
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

fn parse_error(message: String) -> Error {
    Error { code: ErrorCode::ParseError, message: message.into(), data: None }
}
