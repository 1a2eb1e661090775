//! The messages of the connection itself: what can be asked of it, and what it says.

use crate::openapi::Operation;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// What events are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Topic {
    /// What happens to jobs: to one's own, and to all of them for those who see to them.
    Jobs,
    /// Each step of calls to models, without a word of what was asked.
    Models,
    /// What was found in documents of one's own connections.
    Diagnostics,
}

impl Topic {
    /// The operation that the policies are asked for.
    pub fn operation(self) -> Operation {
        match self {
            Self::Jobs => operation("socket.jobs", "jobs", "jobs.read"),
            Self::Models => operation("socket.models", "models", "models.read"),
            Self::Diagnostics => operation("socket.diagnostics", "documents", "documents.run"),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Models => "models",
            Self::Diagnostics => "diagnostics",
        }
    }
}

/// What is asked for a message that goes to the language server.
pub(crate) fn language_server() -> Operation {
    operation("socket.language-server", "documents", "documents.run")
}

/// What is asked before a language server may ask models.
pub(crate) fn models() -> Operation {
    operation("socket.ask", "models", "models.ask")
}

/// What is asked before what is spent is told.
pub(crate) fn usage() -> Operation {
    operation("socket.usage", "models", "usage.read")
}

fn operation(id: &str, tag: &str, group: &str) -> Operation {
    Operation {
        id: id.to_owned(),
        tag: tag.to_owned(),
        group: group.to_owned(),
        is_public: false,
        is_for_neighbours: false,
        needs_step_up: false,
    }
}

/// The operations of messages, which stand in no path, with the groups that policies speak of.
pub(crate) const OPERATIONS: [(&str, &str); 6] = [
    ("socket.language-server", "documents.run"),
    ("socket.ask", "models.ask"),
    ("socket.jobs", "jobs.read"),
    ("socket.models", "models.read"),
    ("socket.usage", "usage.read"),
    ("socket.diagnostics", "documents.run"),
];

/// The parameters of `service/subscribe`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subscription {
    /// What is to be heard.
    #[schema(min_items = 1, max_items = 3)]
    pub topics: Vec<Topic>,
    /// The id of the last event that was heard, or that a `service/subscribe` was answered with; what came after it is told first. Without it
    /// only what comes is told.
    #[schema(min_length = 1, max_length = 64, example = "4711.0123456789abcdef.12")]
    pub after: Option<String>,
}

/// JSON-RPC's codes of errors, and our own for what is not allowed.
pub(crate) const PARSE: i64 = -32700;
pub(crate) const INVALID_REQUEST: i64 = -32600;
pub(crate) const NO_METHOD: i64 = -32601;
pub(crate) const INVALID_PARAMS: i64 = -32602;
pub(crate) const INTERNAL: i64 = -32603;
pub(crate) const DENIED: i64 = -32001;
pub(crate) const TOO_MANY: i64 = -32002;

/// An answer.
pub(crate) fn result(id: &Value, result: Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string()
}

/// An answer that is none.
pub(crate) fn error(id: &Value, code: i64, message: &str) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } }).to_string()
}

/// An event. `data` is JSON already.
pub(crate) fn event(id: &str, topic: Topic, data: &str) -> String {
    let topic = topic.name();
    format!(r#"{{"jsonrpc":"2.0","method":"service/event","params":{{"id":"{id}","topic":"{topic}","data":{data}}}}}"#)
}

/// Events were lost that nobody has any more.
pub(crate) fn lost(topics: &[Topic]) -> String {
    let message =
        "Some events since then are kept no longer; what there is now is told by the other parts of the service.";
    let params = json!({ "topics": topics, "message": message });
    json!({ "jsonrpc": "2.0", "method": "service/lost", "params": params }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_json_and_each_operation_of_a_message_is_in_the_list() {
        let event: Value = serde_json::from_str(&event("1.0123456789abcdef.2", Topic::Jobs, r#"{"job":"x"}"#)).unwrap();
        assert_eq!(event["params"]["data"]["job"], "x");
        for operation in [
            Topic::Jobs.operation(),
            Topic::Models.operation(),
            Topic::Diagnostics.operation(),
            language_server(),
            models(),
            usage(),
        ] {
            assert!(OPERATIONS.contains(&(&*operation.id, &*operation.group)), "{operation:?}");
        }
    }
}
