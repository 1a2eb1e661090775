//! A review as a job: a model remarks on what changed in each file. Where there is no remark, the result says why.

use super::range;
use crate::error::CoreError;
use crate::server_core::ServerCore;
use crate::texts::TextReview;
use actions::ask::Severity;
use llm::error::{Cause, LlmError};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The longest pause that a provider gets by asking for it, in milliseconds.
const LONGEST_PAUSE: i64 = 600_000;

/// What came of one file.
///
/// # Errors
/// If the others need not be tried either, now or at all.
pub(super) async fn reviewed(
    core: &ServerCore,
    name: PathBuf,
    before: Option<String>,
    text: Arc<str>,
    deadline: Duration,
) -> Result<Value, CoreError> {
    // All of a new file is new.
    let before = before.unwrap_or_default();
    if *before == *text {
        return Ok(without(&name, "unchanged", None));
    }
    match core.review_text(name.clone(), before, text, deadline).await {
        Ok(review) => Ok(shown(&name, &review)),
        Err(error) => match why_none(&error) {
            Some("only-deletions") => Ok(without(&name, "only-deletions", None)),
            Some(why) => Ok(without(&name, why, Some(error.to_string()))),
            None => Err(error),
        },
    }
}

/// Why one file has no remarks, where that says nothing of the others.
fn why_none(error: &CoreError) -> Option<&'static str> {
    match error {
        CoreError::UnsupportedLanguage { .. } => Some("unknown-language"),
        // Lines that went away alone have no place for a remark.
        CoreError::NothingToDo => Some("only-deletions"),
        CoreError::Refused { .. } | CoreError::TooLarge { .. } => Some("refused"),
        CoreError::Model(error) if is_of_file(error) => Some("refused"),
        _ => None,
    }
}

/// Whether a model has no answer to this file, while it may have one to the next.
fn is_of_file(error: &LlmError) -> bool {
    match error.cause {
        // It was asked twice already.
        Cause::Malformed => true,
        Cause::ContextLength | Cause::ContentFilter | Cause::TooLarge | Cause::LongAnswer | Cause::Empty => {
            error.is_final()
        }
        _ => error.is_of_request(),
    }
}

/// Whether another attempt may get an answer: the model is away for a moment, and neither unknown, nor closed to us, nor used up for today.
pub(super) fn may_answer_later(error: &LlmError) -> bool {
    match error.cause {
        Cause::Busy => true,
        // Left alone after it failed, other than not there at all.
        Cause::NoTarget => !error.is_missing(),
        _ => !error.is_final(),
    }
}

/// For how long a provider wants to be left alone, in milliseconds.
pub(super) fn asked_pause(error: &CoreError) -> i64 {
    match error {
        CoreError::Model(LlmError { retry_after: Some(wait), .. }) => {
            i64::try_from(wait.as_millis()).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE)
        }
        _ => 0,
    }
}

fn without(name: &Path, why: &str, problem: Option<String>) -> Value {
    json!({ "path": name, "remarks": [], "why_none": why, "problem": problem })
}

fn shown(name: &Path, review: &TextReview) -> Value {
    let model = &review.model;
    let remarks: Vec<Value> = review
        .remarks
        .iter()
        .map(|remark| {
            json!({
                "range": range(&model.lines, &model.text, remark.span), "severity": word(remark.severity), "message": remark.message,
            })
        })
        .collect();
    let none = if review.left_out.is_empty() { "nothing-found" } else { "left-out" };
    let why_none = remarks.is_empty().then_some(none);
    json!({
        "path": name, "remarks": remarks, "why_none": why_none, "left_out": review.left_out, "model": review.source, "problem": null,
    })
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::JobFile;
    use crate::texts::tests::core;
    use llm::scripted::{Behaviour, ModelServer};

    const BEFORE: &str = "def half(x):\n    return x / 2\n";
    const AFTER: &str = "def half(x):\n    y = x / 0\n    return y\n";
    const SAYS: &str = r#"{"notes": [{"line": 2, "severity": "error", "message": "`x` is divided by zero."}]}"#;

    async fn one(core: &ServerCore, path: &str, before: Option<&str>, text: &str) -> Result<Value, CoreError> {
        let file = JobFile { path: path.into(), text: text.into(), before: before.map(str::to_owned) };
        crate::jobs::one_file(core, crate::jobs::JobKind::Review, file, Duration::from_secs(60)).await
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn each_file_has_its_remarks_or_the_reason_why_there_is_none() {
        let script = Behaviour { words: vec![SAYS.to_owned()], ..Behaviour::default() }.script();
        let server = ModelServer::start(script, 100).await;
        let target = json!([{ "name": "own", "model": "m", "base-url": server.url }]);
        let core = core(json!({ "models": { "target": target } }));
        assert_eq!(core.why_no_model().await.unwrap(), None);
        for (path, before, text, why) in [
            ("a.py", Some(AFTER), AFTER, "unchanged"),
            ("a.py", None, "", "unchanged"),
            ("a.txt", Some("x"), "y", "unknown-language"),
            ("secrets.py", Some(BEFORE), AFTER, "refused"),
            ("a.py", Some(AFTER), "def half(x):\n    return y\n", "only-deletions"),
        ] {
            let file = one(&core, path, before, text).await.unwrap();
            assert_eq!((&file["path"], &file["remarks"], &file["why_none"]), (&json!(path), &json!([]), &json!(why)));
            assert_eq!(file["problem"].is_null(), why == "unchanged" || why == "only-deletions", "{file}");
        }
        assert_eq!(server.requests(), 0, "none of them is shown to a model");
        let file = one(&core, "src/a.py", Some(BEFORE), AFTER).await.unwrap();
        let range = json!({ "start": { "line": 1, "character": 4 }, "end": { "line": 1, "character": 13 } });
        let remark = json!({ "range": range, "severity": "error", "message": "`x` is divided by zero." });
        assert_eq!((&file["remarks"], &file["why_none"]), (&json!([remark]), &Value::Null), "{file}");
        assert!(file["model"].as_str().is_some_and(|model| model.starts_with("own")), "{file}");
        assert_eq!(server.requests(), 1);
        // The same again is kept, as the answers of all who ask are.
        assert_eq!(one(&core, "src/a.py", Some(BEFORE), AFTER).await.unwrap()["remarks"], file["remarks"]);
        assert_eq!(server.requests(), 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn remarks_of_no_use_are_not_taken_for_none() {
        let says = r#"{"notes": [{"line": 1, "severity": "error", "message": "That is old."}]}"#;
        let server =
            ModelServer::start(Behaviour { words: vec![says.to_owned()], ..Behaviour::default() }.script(), 100).await;
        let target = json!([{ "name": "own", "model": "m", "base-url": server.url }]);
        let file = one(&core(json!({ "models": { "target": target } })), "a.py", Some(BEFORE), AFTER).await.unwrap();
        assert_eq!((&file["remarks"], &file["why_none"]), (&json!([]), &json!("left-out")), "{file}");
        assert_eq!(file["left_out"], json!(["A remark is on a line that is not new: That is old."]));
        assert_eq!(server.requests(), 2, "it was asked once more");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn all_of_a_new_file_is_reviewed() {
        let says = r#"{"notes": [{"line": 1, "severity": "info", "message": "`half` has no docstring."},
            {"line": 3, "severity": "warning", "message": "`y` may be infinite."}]}"#;
        let server =
            ModelServer::start(Behaviour { words: vec![says.to_owned()], ..Behaviour::default() }.script(), 100).await;
        let target = json!([{ "name": "own", "model": "m", "base-url": server.url }]);
        let core = core(json!({ "models": { "target": target } }));
        for before in [None, Some("")] {
            let file = one(&core, "src/a.py", before, AFTER).await.unwrap();
            let lines: Vec<_> =
                file["remarks"].as_array().unwrap().iter().map(|r| &r["range"]["start"]["line"]).collect();
            assert_eq!(lines, [0, 2], "each line of it may be remarked on: {file}");
            assert_eq!((&file["why_none"], &file["left_out"]), (&Value::Null, &json!([])));
        }
        let shown = |server: &ModelServer| server.seen.bodies.lock().unwrap().last().cloned().unwrap();
        assert!(
            shown(&server).contains(r"+     1 def half(x):\n+     2     y = x / 0\n+     3     return y\n"),
            "{}",
            shown(&server)
        );
        // A key in it stays here.
        let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDx7s8Y2kPq0Lm\n";
        let key = ["KEY = \"\"\"-----BEGIN ", "PRIVATE KEY-----\n"].concat()
            + &line.repeat(9)
            + "-----END PRIVATE KEY-----\"\"\"\n";
        one(&core, "src/a.py", None, &format!("{key}{AFTER}")).await.unwrap();
        assert!(shown(&server).contains("def half") && !shown(&server).contains("MII"), "{}", shown(&server));
        // The control: of a file that was there, what did not change is not remarked on.
        let file = one(&core, "src/a.py", Some(BEFORE), AFTER).await.unwrap();
        assert_eq!(file["remarks"].as_array().unwrap().len(), 1, "{file}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn without_a_model_there_is_none_to_ask_and_one_that_is_away_may_come_back() {
        let why = async |core: &ServerCore| core.why_no_model().await.unwrap().unwrap_or_default();
        assert!(why(&core(json!({}))).await.contains("`[[models.target]]`"));
        let target = json!([{ "name": "gone", "model": "m", "base-url": "http://127.0.0.1:1" }]);
        let offline = json!({ "models": { "target": target.clone() }, "actions": { "strategy": "offline" } });
        let shut = core(offline);
        assert!(why(&shut).await.contains("`actions.strategy` is `offline`"));
        let core = core(json!({ "models": { "target": target } }));
        assert_eq!(why(&core).await, "");
        match one(&core, "a.py", Some(BEFORE), AFTER).await {
            Err(CoreError::Model(error)) => assert!(may_answer_later(&error), "{error:?}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_no_attempt_changes_is_told_from_what_one_may() {
        let later = |cause| may_answer_later(&LlmError::new("own", cause, "so it is"));
        for cause in [Cause::Rate, Cause::Overload, Cause::Server, Cause::Transport, Cause::Timeout, Cause::Busy] {
            assert!(later(cause), "{cause:?}");
        }
        assert!(later(Cause::NoTarget), "it is left alone for a while");
        for cause in [Cause::Auth, Cause::Forbidden, Cause::Quota, Cause::Budget, Cause::BadRequest] {
            assert!(!later(cause), "{cause:?}");
            assert_eq!(
                why_none(&LlmError::new("own", cause, "so it is").into()),
                None,
                "{cause:?}: no file has an answer"
            );
        }
        for cause in [Cause::ContentFilter, Cause::ContextLength, Cause::Malformed] {
            let error = LlmError::new("own", cause, "so it is").into();
            assert_eq!(why_none(&error), Some("refused"), "{cause:?}: the next file may have one");
        }
        let waits = |seconds| {
            let mut error = LlmError::new("own", Cause::Rate, "so it is");
            error.retry_after = Some(Duration::from_secs(seconds));
            error
        };
        assert_eq!(asked_pause(&waits(7).into()), 7000);
        assert_eq!(asked_pause(&waits(86_400).into()), LONGEST_PAUSE);
    }
}
