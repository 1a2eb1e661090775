//! Tells what one JSON text is: a request, a notification, a reply, or something that must be answered with an error.
//!
//! Lenient where a client's slip is harmless, strict where an answer would go to nobody. Never panics on any text.

use super::mend;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Response};

/// A message from the client.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// Wants exactly one reply.
    Request { id: Id, method: String, params: Option<Value> },
    /// Wants none.
    Notification { method: String, params: Option<Value> },
    /// Answers a request of ours.
    Reply(Response),
    /// An object with an identifier and nothing else: a reply without a result if we asked under that identifier, an invalid request if not.
    Bare(Id),
    /// Nothing that can be served; each of these replies is due.
    Invalid(Vec<Response>),
}

/// Reads one message. `Err` means that the text is no JSON at all, or that it cannot be said who waits for an answer.
pub(crate) fn parse(body: &[u8]) -> Result<Incoming, serde_json::Error> {
    let error = match serde_json::from_slice(body) {
        Ok(value) => return Ok(classify(value)),
        Err(error) => error,
    };
    // A message that is not read is an edit that is lost, so half an emoji must not cost it.
    if let Some(value) = mend::replace_lone_surrogates(body).and_then(|body| serde_json::from_slice(&body).ok()) {
        return Ok(classify(value));
    }
    match mend::read_envelope(body) {
        Some((id, true)) => {
            Ok(invalid(id, "The message cannot be read: it is nested too deeply or holds broken text."))
        }
        Some((id, false)) => Ok(Incoming::Reply(Response::from_error(id, Error::parse_error()))),
        None => Err(error),
    }
}

fn classify(value: Value) -> Incoming {
    match value {
        Value::Object(mut fields) => {
            let id = match fields.remove("id") {
                None => None,
                Some(id) => match read_id(&id) {
                    Some(id) => Some(id),
                    None => return invalid(Id::Null, "A message's id must be a whole number or a string."),
                },
            };
            match (fields.remove("method"), id) {
                (Some(Value::String(method)), Some(id)) => {
                    Incoming::Request { id, method, params: fields.remove("params") }
                }
                (Some(Value::String(method)), None) => {
                    Incoming::Notification { method, params: fields.remove("params") }
                }
                (Some(_), id) => invalid(id.unwrap_or(Id::Null), "A message's method must be a string."),
                (None, Some(id)) => {
                    if let Some(error) = fields.remove("error").filter(|error| !error.is_null()) {
                        Incoming::Reply(Response::from_error(id, read_error(error)))
                    } else if let Some(result) = fields.remove("result") {
                        Incoming::Reply(Response::from_ok(id, result))
                    } else {
                        Incoming::Bare(id)
                    }
                }
                (None, None) => invalid(Id::Null, "A message has neither a method nor an id."),
            }
        }
        Value::Array(members) => Incoming::Invalid(refuse_batch(&members)),
        _ => invalid(Id::Null, "A message must be a JSON object."),
    }
}

/// The protocol has no batches. Every request in one is told so, so that nobody waits for an answer.
fn refuse_batch(members: &[Value]) -> Vec<Response> {
    let reason = "Batches of messages are not part of the Language Server Protocol.";
    let mut replies: Vec<Response> = members
        .iter()
        .filter(|member| member.get("method").is_some())
        .filter_map(|member| read_id(member.get("id")?))
        .map(|id| Response::from_error(id, invalid_request(reason)))
        .collect();
    if replies.is_empty() {
        replies.push(Response::from_error(Id::Null, invalid_request(reason)));
    }
    replies
}

/// The request identifier in a value; a whole number written as `1.0` counts.
pub(crate) fn read_id(value: &Value) -> Option<Id> {
    match value {
        Value::Null => Some(Id::Null),
        Value::String(text) => Some(Id::String(text.clone())),
        Value::Number(number) => number.as_i64().map(Id::Number).or_else(|| {
            let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9e15)?;
            Some(Id::Number(float as i64))
        }),
        _ => None,
    }
}

/// A client's error, which may lack what the specification asks for.
fn read_error(value: Value) -> Error {
    serde_json::from_value(value.clone()).unwrap_or_else(|_| Error {
        code: ErrorCode::InternalError,
        message: value.get("message").and_then(Value::as_str).unwrap_or("The client failed.").to_owned().into(),
        data: Some(value),
    })
}

fn invalid(id: Id, reason: &'static str) -> Incoming {
    Incoming::Invalid(vec![Response::from_error(id, invalid_request(reason))])
}

/// An "invalid request" that says why.
pub(crate) fn invalid_request(reason: &'static str) -> Error {
    Error { code: ErrorCode::InvalidRequest, message: reason.into(), data: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replies(text: &str) -> Vec<(Id, i64)> {
        match parse(text.as_bytes()) {
            Ok(Incoming::Invalid(replies)) => {
                replies.iter().map(|reply| (reply.id().clone(), reply.error().unwrap().code.code())).collect()
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_cannot_be_served_is_answered_once_each() {
        for text in
            ["1", "null", "\"x\"", "{}", "[]", "[1]", r#"{"id":true,"method":"x"}"#, r#"{"id":1.5,"method":"x"}"#]
        {
            assert_eq!(replies(text), [(Id::Null, -32600)], "{text}");
        }
        assert_eq!(replies(r#"{"id":7,"method":1}"#), [(Id::Number(7), -32600)]);
        let batch = r#"[{"id":1,"method":"a"},{"method":"b"},{"id":"x","method":"c"},{"id":9,"result":1}]"#;
        assert_eq!(replies(batch), [(Id::Number(1), -32600), (Id::String("x".into()), -32600)]);
        assert!(parse(b"{\"id\":1").is_err());
        assert!(parse(b"\xff").is_err());
    }

    #[test]
    fn slips_that_harm_nobody_are_forgiven() {
        assert!(matches!(
            parse(br#"{"method":"x","id":3.0,"params":null}"#),
            Ok(Incoming::Request { id: Id::Number(3), params: Some(Value::Null), .. })
        ));
        assert!(
            matches!(parse(br#"{"id":3,"result":null,"error":null}"#), Ok(Incoming::Reply(reply)) if reply.is_ok())
        );
        assert!(matches!(parse(br#"{"id":3,"error":"no"}"#), Ok(Incoming::Reply(reply)) if reply.is_error()));
        assert!(matches!(parse(br#"{"id":3}"#), Ok(Incoming::Bare(Id::Number(3)))));
    }
}
