//! OpenAI's batches: a file with a question a line is uploaded, a batch is made of it, answers and failures are files again.
//! Azure, Groq, Perplexity and others speak the same.

use super::vendor::{Call, Found, Largest, Line, Sought, Stand, Vendor};
use super::vendor::{canceled, expired, no_line, number, without_answer};
use crate::error::Cause;
use crate::providers::{Failed, failure};
use serde_json::{Value, json};

/// `/files` and `/batches`.
pub(super) struct Batches;

/// Under which name a batch carries our mark.
const MARK: &str = "code-agent";

impl Vendor for Batches {
    fn largest(&self) -> Largest {
        Largest { questions: 50_000, bytes: 200_000_000 }
    }

    fn question(&self, mark: &str, body: &[u8]) -> Vec<u8> {
        let mut line =
            format!(r#"{{"custom_id":"{mark}","method":"POST","url":"/v1/chat/completions","body":"#).into_bytes();
        line.extend_from_slice(body);
        line.extend_from_slice(b"}\n");
        line
    }

    fn upload(&self, mark: &str, questions: &[u8]) -> Option<Call> {
        // The mark is a hash of the questions, so it does not stand in them.
        let boundary = format!("code-agent-{mark}");
        let mut body = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
             --{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"code-agent.jsonl\"\r\n\
             content-type: application/jsonl\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(questions);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={boundary}");
        Some(Call { kind, ..Call::post("/files", body) })
    }

    fn create(&self, mark: &str, file: &str, _: &[u8]) -> Call {
        let body = json!({
            "input_file_id": file,
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "metadata": { MARK: mark },
        });
        Call::post("/batches", body.to_string().into_bytes())
    }

    fn looks_before(&self) -> bool {
        false
    }

    fn list(&self, after: Option<&str>) -> Call {
        Call::get(
            after.map_or_else(|| "/batches?limit=100".to_owned(), |after| format!("/batches?limit=100&after={after}")),
        )
    }

    fn found(&self, page: &Value, sought: Sought<'_>) -> Found {
        let batches = page.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let is_ours =
            |batch: &&Value| batch.pointer(&format!("/metadata/{MARK}")).and_then(Value::as_str) == Some(sought.mark);
        if let Some(batch) = batches.iter().filter(is_ours).find_map(|batch| number(batch.get("id"))) {
            return Found::Batch(batch);
        }
        let more = page.get("has_more").and_then(Value::as_bool) == Some(true);
        match batches.last().and_then(|last| number(last.get("id"))) {
            Some(last) if more => Found::After(last),
            _ => Found::Nothing,
        }
    }

    fn look(&self, batch: &str) -> Call {
        Call::get(format!("/batches/{batch}"))
    }

    fn stand(&self, body: &Value) -> Stand {
        let rest = match body.get("status").and_then(Value::as_str) {
            Some("completed") => no_line(),
            Some("expired") => expired(),
            Some("cancelled" | "canceled") => canceled(),
            Some("failed") => refused(body),
            _ => return Stand::Running,
        };
        let files = ["output_file_id", "error_file_id"].iter().filter_map(|file| number(body.get(*file)));
        Stand::Ended { results: files.map(|file| format!("/files/{file}/content")).collect(), rest }
    }

    fn line(&self, line: &Value) -> Option<Line> {
        let mark = line.get("custom_id")?.as_str()?.to_owned();
        let error = line.get("error").filter(|error| !error.is_null());
        let result = match (line.get("response").filter(|response| !response.is_null()), error) {
            (Some(response), _) => {
                let status =
                    response.get("status_code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
                let body = response.get("body").cloned().unwrap_or(Value::Null);
                match status.unwrap_or(200) {
                    200..=299 => Ok(body),
                    status => Err(failed(status, &body)),
                }
            }
            (None, Some(error)) => Err(match error.get("code").and_then(Value::as_str) {
                Some("batch_expired") => expired(),
                Some("batch_cancelled" | "batch_canceled") => canceled(),
                _ => failed(500, &json!({ "error": error })),
            }),
            (None, None) => return None,
        };
        Some(Line { mark, result })
    }
}

fn failed(status: u16, body: &Value) -> Failed {
    let error = failure("", status, &|_| None, body.to_string().as_bytes());
    Failed { cause: error.cause, detail: error.detail }
}

/// Why a batch was not begun.
fn refused(body: &Value) -> Failed {
    let Some(error) = body.pointer("/errors/data/0") else {
        return without_answer(Cause::BadRequest, "its batch was refused");
    };
    match error.get("code").and_then(Value::as_str) {
        // The account may have only so many tokens waiting in batches.
        Some("token_limit_exceeded") => failed(429, &json!({ "error": { "message": error.get("message") } })),
        _ => failed(400, &json!({ "error": error })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_a_file_of_lines_and_a_name_for_it() {
        let lines = [Batches.question("m-0", br#"{"model":"x"}"#), Batches.question("m-1", b"{}")].concat();
        let first: Value = serde_json::from_slice(lines.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
        assert_eq!(
            first,
            json!({ "custom_id": "m-0", "method": "POST", "url": "/v1/chat/completions", "body": { "model": "x" } })
        );
        let upload = Batches.upload("mark", &lines).unwrap();
        let text = String::from_utf8(upload.body).unwrap();
        let boundary = upload.kind.split("boundary=").nth(1).unwrap();
        let parts: Vec<_> = text.split(&format!("--{boundary}")).collect();
        assert_eq!((parts.len(), parts[3]), (4, "--\r\n"));
        assert!(parts[1].ends_with("\r\n\r\nbatch\r\n") && parts[2].contains(&String::from_utf8(lines).unwrap()));
        let create: Value = serde_json::from_slice(&Batches.create("mark", "file-1", b"").body).unwrap();
        assert_eq!((&create["input_file_id"], &create["metadata"]["code-agent"]), (&json!("file-1"), &json!("mark")));
    }

    #[test]
    fn a_batch_that_nobody_wrote_down_is_found_by_its_mark() {
        let sought = Sought { mark: "m", before: None, questions: 1, others: &[] };
        let page = |marks: &[&str], more| {
            let batches = marks
                .iter()
                .enumerate()
                .map(|(at, mark)| json!({ "id": format!("b{at}"), "metadata": { "code-agent": mark } }));
            json!({ "data": batches.collect::<Vec<_>>(), "has_more": more })
        };
        assert_eq!(Batches.found(&page(&["x", "m"], true), sought), Found::Batch("b1".into()));
        assert_eq!(Batches.found(&page(&["x", "y"], true), sought), Found::After("b1".into()));
        assert_eq!(Batches.found(&page(&["x", "y"], false), sought), Found::Nothing);
        assert_eq!(
            Batches.found(&json!({ "data": [{ "id": "b", "metadata": null }], "has_more": true }), sought),
            Found::After("b".into())
        );
        assert_eq!(Batches.found(&json!("nonsense"), sought), Found::Nothing);
    }

    #[test]
    fn each_end_of_a_batch_says_what_became_of_the_rest() {
        let rest = |body: Value| match Batches.stand(&body) {
            Stand::Ended { results, rest } => (results.len(), rest.cause),
            Stand::Running => panic!("it ended: {body}"),
        };
        assert_eq!(
            rest(json!({ "status": "completed", "output_file_id": "f1", "error_file_id": null })),
            (1, Cause::Malformed)
        );
        assert_eq!(
            rest(json!({ "status": "expired", "output_file_id": "f1", "error_file_id": "f2" })),
            (2, Cause::Timeout)
        );
        assert_eq!(rest(json!({ "status": "cancelled" })), (0, Cause::Server));
        let failed =
            |code: &str| json!({ "status": "failed", "errors": { "data": [{ "code": code, "message": "no" }] } });
        assert_eq!(rest(failed("invalid_json_line")), (0, Cause::BadRequest));
        assert_eq!(rest(failed("token_limit_exceeded")), (0, Cause::Rate));
        for status in ["validating", "in_progress", "finalizing", "cancelling", "something new"] {
            assert_eq!(Batches.stand(&json!({ "status": status })), Stand::Running);
        }
    }

    #[test]
    fn each_kind_of_line_is_read() {
        let read =
            |line: Value| Batches.line(&line).map(|line| (line.mark, line.result.map_err(|failed| failed.cause)));
        let m = || "m".to_owned();
        let answered =
            json!({ "custom_id": "m", "response": { "status_code": 200, "body": { "a": 1 } }, "error": null });
        assert_eq!(read(answered), Some((m(), Ok(json!({ "a": 1 })))));
        let refused = json!({ "custom_id": "m", "response": { "status_code": 400, "body": { "error": { "code": "context_length_exceeded" } } } });
        assert_eq!(read(refused), Some((m(), Err(Cause::ContextLength))));
        for (code, cause) in
            [("batch_expired", Cause::Timeout), ("batch_cancelled", Cause::Server), ("other", Cause::Server)]
        {
            assert_eq!(
                read(json!({ "custom_id": "m", "response": null, "error": { "code": code } })),
                Some((m(), Err(cause)))
            );
        }
        assert_eq!(read(json!({ "custom_id": "m" })), None);
        assert_eq!(read(json!([])), None);
    }
}
