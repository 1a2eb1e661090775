//! Anthropic's message batches: the questions go in one body, the answers lie at an address that the batch names.
//!
//! A batch carries no mark of its own. One that nobody wrote down is looked for among those that came after the newest one known before,
//! by the number of its questions; whether it is the right one is seen by the marks in its answers.

use super::vendor::{Call, Found, Largest, Line, Sought, Stand, Vendor};
use super::vendor::{canceled, expired, no_line, number};
use crate::providers::failed;
use serde_json::{Value, json};

/// `/v1/messages/batches`.
pub(super) struct MessageBatches;

impl Vendor for MessageBatches {
    fn largest(&self) -> Largest {
        // Of the 256 MB a little is left for what stands around the questions.
        Largest { questions: 100_000, bytes: 255_000_000 }
    }

    fn question(&self, mark: &str, body: &[u8]) -> Vec<u8> {
        let mut params: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        // How an answer comes is no parameter of a question in a batch.
        if let Some(params) = params.as_object_mut() {
            params.remove("stream");
        }
        let mut question = json!({ "custom_id": mark, "params": params }).to_string().into_bytes();
        question.push(b',');
        question
    }

    fn upload(&self, _: &str, _: &[u8]) -> Option<Call> {
        None
    }

    fn create(&self, _: &str, _: &str, questions: &[u8]) -> Call {
        let questions = questions.strip_suffix(b",").unwrap_or(questions);
        Call::post("/v1/messages/batches", [br#"{"requests":["#, questions, b"]}"].concat())
    }

    fn looks_before(&self) -> bool {
        true
    }

    fn list(&self, after: Option<&str>) -> Call {
        let path = "/v1/messages/batches?limit=100";
        Call::get(after.map_or_else(|| path.to_owned(), |after| format!("{path}&after_id={after}")))
    }

    fn found(&self, page: &Value, sought: Sought<'_>) -> Found {
        let batches = page.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut last = None;
        for batch in batches {
            let Some(id) = number(batch.get("id")) else { continue };
            if sought.before == Some(id.as_str()) {
                return Found::Nothing;
            }
            let counts = batch.get("request_counts").and_then(Value::as_object);
            let total: u64 = counts.into_iter().flat_map(|counts| counts.values()).filter_map(Value::as_u64).sum();
            if total == sought.questions as u64 && !sought.others.contains(&id) {
                return Found::Batch(id);
            }
            last = Some(id);
        }
        let more = page.get("has_more").and_then(Value::as_bool) == Some(true);
        last.filter(|_| more).map_or(Found::Nothing, Found::After)
    }

    fn look(&self, batch: &str) -> Call {
        Call::get(format!("/v1/messages/batches/{batch}"))
    }

    fn stand(&self, body: &Value) -> Stand {
        if body.get("processing_status").and_then(Value::as_str) != Some("ended") {
            return Stand::Running;
        }
        let results = body.get("results_url").and_then(Value::as_str).map(str::to_owned);
        Stand::Ended { results: results.into_iter().collect(), rest: no_line() }
    }

    fn line(&self, line: &Value) -> Option<Line> {
        let mark = line.get("custom_id")?.as_str()?.to_owned();
        let result = line.get("result")?;
        let result = match result.get("type")?.as_str()? {
            "succeeded" => Ok(result.get("message")?.clone()),
            "expired" => Err(expired()),
            "canceled" => Err(canceled()),
            _ => Err(failed(result.get("error").unwrap_or(&Value::Null))),
        };
        Some(Line { mark, result })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Cause;

    #[test]
    fn a_batch_is_one_body() {
        let questions =
            [MessageBatches.question("m-0", br#"{"model":"x","stream":false}"#), MessageBatches.question("m-1", b"{}")]
                .concat();
        let create: Value = serde_json::from_slice(&MessageBatches.create("m", "", &questions).body).unwrap();
        let wanted = json!([{ "custom_id": "m-0", "params": { "model": "x" } }, { "custom_id": "m-1", "params": {} }]);
        assert_eq!(create, json!({ "requests": wanted }));
    }

    #[test]
    fn a_batch_that_nobody_wrote_down_is_newer_than_the_last_one_known_and_of_the_same_size() {
        let batch = |id: &str, processing: u64, succeeded: u64| json!({ "id": id, "request_counts": { "processing": processing, "succeeded": succeeded, "errored": 0 } });
        let page = json!({ "data": [batch("new", 9, 0), batch("ours", 1, 2), batch("old", 3, 0)], "has_more": true });
        let found =
            |before, questions| MessageBatches.found(&page, Sought { mark: "m", before, questions, others: &[] });
        assert_eq!(found(Some("old"), 3), Found::Batch("ours".into()));
        assert_eq!(found(Some("ours"), 3), Found::Nothing, "what was there before is somebody else's");
        let others = ["ours".to_owned()];
        let next =
            MessageBatches.found(&page, Sought { mark: "m", before: Some("old"), questions: 3, others: &others });
        assert_eq!(next, Found::Nothing, "it was looked at and is not ours");
        assert_eq!(found(None, 4), Found::After("old".into()));
    }

    #[test]
    fn each_kind_of_line_is_read() {
        let read = |result: Value| {
            let line = MessageBatches.line(&json!({ "custom_id": "m", "result": result }));
            line.map(|line| line.result.map_err(|failed| (failed.cause, failed.detail)).map_err(|(cause, _)| cause))
        };
        assert_eq!(read(json!({ "type": "succeeded", "message": { "a": 1 } })), Some(Ok(json!({ "a": 1 }))));
        let error =
            json!({ "type": "error", "error": { "type": "invalid_request_error", "message": "prompt is too long" } });
        assert_eq!(read(json!({ "type": "errored", "error": error })), Some(Err(Cause::ContextLength)));
        assert_eq!(read(json!({ "type": "expired" })), Some(Err(Cause::Timeout)));
        assert_eq!(read(json!({ "type": "canceled" })), Some(Err(Cause::Server)));
        assert_eq!(read(json!({ "type": "succeeded" })), None);
        let stand = MessageBatches.stand(&json!({ "processing_status": "ended", "results_url": "https://x/y" }));
        assert!(matches!(stand, Stand::Ended { results, .. } if results == ["https://x/y"]));
        assert_eq!(MessageBatches.stand(&json!({ "processing_status": "canceling" })), Stand::Running);
    }
}
