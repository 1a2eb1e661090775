//! What one line is: a request, a notification, a reply, or something that is answered with an error. Never panics on any text.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Why a request gets no result; its text is one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub code: i64,
    pub message: String,
}

impl Failure {
    /// The line is no JSON.
    pub fn parse(message: impl Into<String>) -> Self {
        Self { code: -32700, message: message.into() }
    }

    /// The message is none that can be served, or not now.
    pub fn request(message: impl Into<String>) -> Self {
        Self { code: -32600, message: message.into() }
    }

    /// There is no such method.
    pub fn method(method: &str) -> Self {
        Self { code: -32601, message: format!("This agent has no method `{}`.", short(method)) }
    }

    /// The parameters are not those of the method.
    pub fn params(message: impl Into<String>) -> Self {
        Self { code: -32602, message: message.into() }
    }

    /// It failed here.
    pub fn internal(message: impl Into<String>) -> Self {
        Self { code: -32603, message: message.into() }
    }

    /// There is no such session.
    pub fn session(id: &str) -> Self {
        Self { code: -32002, message: format!("There is no session `{}`; `session/new` makes one.", short(id)) }
    }
}

/// The beginning of a name that a client sent, which may be of any length.
fn short(name: &str) -> &str {
    beginning(name, 80)
}

/// The beginning of a text, so many bytes at most, without half a letter at its end.
pub(crate) fn beginning(text: &str, most: usize) -> &str {
    (0..=most.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// A message from the client.
#[derive(Debug, PartialEq)]
pub(crate) enum Incoming {
    /// Wants exactly one reply.
    Request { id: Value, method: String, params: Value },
    /// Wants none.
    Notification { method: String, params: Value },
    /// Answers a request of ours.
    Reply { id: Value, result: Result<Value, String> },
    /// Nothing that can be served; this reply is due.
    Invalid { id: Value, failure: Failure },
}

/// Reads one message.
pub(crate) fn parse(line: &[u8]) -> Incoming {
    let invalid = |id, message: &str| Incoming::Invalid { id, failure: Failure::request(message) };
    let mut fields = match serde_json::from_slice(line) {
        Ok(Value::Object(fields)) => fields,
        Ok(Value::Array(_)) => {
            return invalid(Value::Null, "Batches of messages are not served; send one message a line.");
        }
        Ok(_) => return invalid(Value::Null, "A message must be a JSON object."),
        Err(error) => {
            let failure = Failure::parse(format!("The line is no JSON: {error}."));
            return Incoming::Invalid { id: Value::Null, failure };
        }
    };
    let id = fields.remove("id");
    if id.as_ref().is_some_and(|id| !(id.is_null() || id.is_string() || id.is_i64() || id.is_u64())) {
        return invalid(Value::Null, "A message's id must be a whole number or a string.");
    }
    let params = fields.remove("params").unwrap_or(Value::Null);
    match (fields.remove("method"), id) {
        (Some(Value::String(method)), Some(id)) => Incoming::Request { id, method, params },
        (Some(Value::String(method)), None) => Incoming::Notification { method, params },
        (Some(_), id) => invalid(id.unwrap_or_default(), "A message's method must be a string."),
        (None, Some(id)) => {
            let result = match (fields.remove("error").filter(|error| !error.is_null()), fields.remove("result")) {
                (Some(error), _) => {
                    let message = error.get("message").and_then(Value::as_str);
                    Err(message.unwrap_or("the client gave no reason").to_owned())
                }
                (None, Some(result)) => Ok(result),
                (None, None) => return invalid(id, "A message has neither a method nor a result."),
            };
            Incoming::Reply { id, result }
        }
        (None, None) => invalid(Value::Null, "A message has neither a method nor an id."),
    }
}

/// The parameters of a method.
pub(crate) fn params<T: DeserializeOwned>(method: &str, params: Value) -> Result<T, Failure> {
    serde_json::from_value(params)
        .map_err(|error| Failure::params(format!("The parameters of `{method}` cannot be read: {error}.")))
}

/// A reply.
pub(crate) fn reply(id: &Value, result: Result<Value, Failure>) -> Value {
    match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(Failure { code, message }) => {
            json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_served_is_answered_and_says_why() {
        let nested = "[".repeat(100_000);
        for (text, code) in [
            ("{", -32700),
            ("\u{fffd}", -32700),
            (nested.as_str(), -32700),
            ("1", -32600),
            ("[]", -32600),
            ("{}", -32600),
            (r#"{"id":true,"method":"x"}"#, -32600),
            (r#"{"id":1.5,"method":"x"}"#, -32600),
            (r#"{"id":1,"method":7}"#, -32600),
            (r#"{"id":1}"#, -32600),
        ] {
            let Incoming::Invalid { failure, .. } = parse(text.as_bytes()) else { panic!("{text}") };
            assert_eq!(failure.code, code, "{failure:?}");
            assert!(failure.message.ends_with('.'), "{failure:?}");
        }
        assert!(matches!(parse(b"\xff\xfe"), Incoming::Invalid { .. }));
        assert_eq!(
            parse(br#"{"id":3,"error":{"code":1,"message":"no"}}"#),
            Incoming::Reply { id: json!(3), result: Err("no".into()) }
        );
        assert_eq!(parse(br#"{"id":3,"result":null}"#), Incoming::Reply { id: json!(3), result: Ok(Value::Null) });
    }
}
