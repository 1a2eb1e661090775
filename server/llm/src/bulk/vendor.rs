//! What every batch API has in common: requests out, a state, lines of answers back. Pure: nothing here talks to anybody.

use super::{anthropic, openai};
use crate::error::Cause;
use crate::providers::{Failed, ProviderKind};
use hyper::Method;
use serde_json::Value;

/// What a vendor takes in one batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Largest {
    /// Questions.
    pub questions: usize,
    /// Bytes of all of them.
    pub bytes: usize,
}

/// A request to a batch API.
#[derive(Debug)]
pub(super) struct Call {
    pub method: Method,
    /// The path after the base URL.
    pub path: String,
    /// The `content-type` of the body.
    pub kind: String,
    pub body: Vec<u8>,
}

impl Call {
    /// Asks for something.
    pub(super) fn get(path: String) -> Self {
        Self { method: Method::GET, path, kind: String::new(), body: Vec::new() }
    }

    /// Sends JSON.
    pub(super) fn post(path: &str, body: Vec<u8>) -> Self {
        Self { method: Method::POST, path: path.to_owned(), kind: "application/json".to_owned(), body }
    }
}

/// How a batch stands.
#[derive(Debug, PartialEq)]
pub(super) enum Stand {
    /// It is worked on.
    Running,
    /// Nothing more will be done.
    Ended {
        /// Where answers lie: a path after the base URL, or a whole address.
        results: Vec<String>,
        /// What befell the questions that have no line there.
        rest: Failed,
    },
}

/// A batch that is looked for because nobody wrote its number down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sought<'a> {
    /// What it was marked with.
    pub mark: &'a str,
    /// The newest batch from before it was made.
    pub before: Option<&'a str>,
    /// How many questions are in it.
    pub questions: usize,
    /// Batches that it is not.
    pub others: &'a [String],
}

/// What a page of a list of batches says of one that is looked for.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// It is this one.
    Batch(String),
    /// It may be on the page after this number.
    After(String),
    /// There is none.
    Nothing,
}

/// One line of answers: whose it is, and what it says.
pub(super) struct Line {
    /// What the question was marked with.
    pub mark: String,
    /// The answer's body as a single call has it, or why there is none.
    pub result: Result<Value, Failed>,
}

/// A batch API.
pub(super) trait Vendor: Send + Sync + 'static {
    /// What it takes in one batch.
    fn largest(&self) -> Largest;

    /// One question, as it stands in what is sent.
    fn question(&self, mark: &str, body: &[u8]) -> Vec<u8>;

    /// Sends the questions ahead, where that is a step of its own.
    fn upload(&self, mark: &str, questions: &[u8]) -> Option<Call>;

    /// Makes a batch, of what was sent ahead or of the questions themselves.
    fn create(&self, mark: &str, file: &str, questions: &[u8]) -> Call;

    /// Whether the newest batch must be known before one is made, so that it can be found again.
    fn looks_before(&self) -> bool;

    /// Lists batches, the newest first.
    fn list(&self, after: Option<&str>) -> Call;

    /// What a page of the list says.
    fn found(&self, page: &Value, sought: Sought<'_>) -> Found;

    /// Asks how a batch stands.
    fn look(&self, batch: &str) -> Call;

    /// How it stands.
    fn stand(&self, body: &Value) -> Stand;

    /// A line of answers; nothing where it cannot be read.
    fn line(&self, line: &Value) -> Option<Line>;
}

/// The batch API of a provider, if it has one.
pub(super) fn vendor(kind: ProviderKind) -> Option<&'static dyn Vendor> {
    match kind {
        ProviderKind::Openai => Some(&openai::Batches),
        ProviderKind::Anthropic => Some(&anthropic::MessageBatches),
        // Gemini's is another API altogether, the others have none for their formats.
        ProviderKind::OpenaiResponses | ProviderKind::Gemini | ProviderKind::Ollama => None,
    }
}

/// The number of something in an answer. It becomes a part of an address, so nothing else than a number is taken for one.
pub(super) fn number(value: Option<&Value>) -> Option<String> {
    let number = value?.as_str()?;
    let is_number = (1..=200).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && !number.starts_with('.');
    is_number.then(|| number.to_owned())
}

/// A batch or a question that ended without an answer.
pub(super) fn without_answer(cause: Cause, detail: &str) -> Failed {
    Failed { cause, detail: detail.to_owned() }
}

pub(super) fn expired() -> Failed {
    without_answer(Cause::Timeout, "its batch expired before this was answered")
}

pub(super) fn canceled() -> Failed {
    without_answer(Cause::Server, "its batch was canceled at the provider")
}

pub(super) fn no_line() -> Failed {
    without_answer(Cause::Malformed, "the batch ended without an answer to this")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_no_number_does_not_get_into_an_address() {
        assert_eq!(number(Some(&json!("batch_a-1.b"))), Some("batch_a-1.b".to_owned()));
        for wrong in [json!(""), json!("../files"), json!("a/b"), json!("a?b"), json!(7), json!("x".repeat(201))] {
            assert_eq!(number(Some(&wrong)), None, "{wrong}");
        }
    }
}
