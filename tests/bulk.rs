//! `code-agent ask --bulk` as a user runs it, killed and run again, against a server with batches and one without.

use crate::support::batch_server::{BatchServer, Fault, Step};
use crate::support::program::{Outcome, Project};
use std::process::Stdio;
use std::time::Duration;

/// Where what is known is kept, seen from the folder that is the user's home in a test.
const STATE: &str = ".local/state/code-agent/bulk";

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

fn project(url: &str, provider: &str, questions: &str) -> Project {
    let settings = format!(
        "[[models.target]]\nname = 'one'\nmodel = 'm'\nprovider = '{provider}'\nbase-url = '{url}'\nprice = {{ input = 10.0 }}\n"
    );
    Project::with(&[("code-agent.toml", &settings), ("q.jsonl", questions), ("a.py", "def a(): pass\n")])
}

fn kept(project: &Project) -> usize {
    std::fs::read_dir(project.path(STATE)).map_or(0, Iterator::count)
}

/// What was answered, by name.
fn texts(outcome: &Outcome) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mut texts: Vec<_> = outcome.json_lines().iter().map(|line| (text(&line["id"]), text(&line["text"]))).collect();
    texts.sort();
    texts
}

const QUESTIONS: &str =
    "{\"id\": \"first\", \"question\": \"what is a?\", \"file\": \"a.py\"}\n\n\"why?\"\nplain words\n";

#[test]
fn a_file_of_questions_is_answered_a_line_each() {
    let runtime = runtime();
    for provider in ["openai", "anthropic"] {
        let server = runtime.block_on(BatchServer::start());
        server.change(|state| state.looks = 1);
        let project = project(&server.url, provider, QUESTIONS);
        let outcome = project.run(&["ask", "--bulk", "q.jsonl"]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        let answered = texts(&outcome);
        assert_eq!(answered[0], ("3".into(), "answer to why?".into()));
        assert_eq!(answered[1], ("4".into(), "answer to plain words".into()));
        assert!(answered[2].0 == "first" && answered[2].1.contains("def a(): pass"), "{answered:?}");
        assert!(outcome.stderr.contains("3 questions answered, for $0.0015."), "{}", outcome.stderr);
        assert_eq!(kept(&project), 0, "nothing stays behind");
    }
}

#[test]
fn a_program_that_is_killed_goes_on_when_it_is_run_again() {
    let runtime = runtime();
    for (step, fault) in
        [(Step::Create, Fault::HangAfter), (Step::Look, Fault::HangBefore), (Step::Results, Fault::Stall)]
    {
        let server = runtime.block_on(BatchServer::start());
        server.change(|state| state.looks = 1);
        server.fail(step, fault.clone());
        let project = project(&server.url, "openai", QUESTIONS);
        let mut command = project.command(&["ask", "--bulk", "q.jsonl"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        runtime.block_on(async {
            let hangs = tokio::time::timeout(Duration::from_secs(60), server.hangs.notified());
            hangs.await.expect("it comes so far");
        });
        // A second one does not ask the same at the same time.
        project.run(&["ask", "--bulk", "q.jsonl"]).assert_one_sentence("Another process");
        child.kill().expect("it runs");
        child.wait().expect("it ended");
        assert_eq!(kept(&project), 2, "{step:?}");
        let outcome = project.run(&["ask", "--bulk", "q.jsonl", "--json"]);
        assert_eq!((outcome.code, texts(&outcome).len()), (Some(0), 3), "{step:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("\"answered\":3"), "{}", outcome.stderr);
        assert_eq!((server.count(Step::Upload), server.count(Step::Create)), (1, 1), "{step:?}");
        assert_eq!(kept(&project), 0);
    }
}

#[test]
fn a_model_without_batches_is_asked_one_by_one() {
    let runtime = runtime();
    let server = runtime.block_on(BatchServer::start());
    server.fail(Step::Upload, Fault::Status(404));
    let outcome = project(&server.url, "openai", QUESTIONS).run(&["ask", "--bulk", "q.jsonl"]);
    assert_eq!((outcome.code, outcome.json_lines().len()), (Some(0), 3), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("one takes no batches"), "{}", outcome.stderr);
    assert!(texts(&outcome).iter().all(|(_, text)| text.starts_with("single ")), "{}", outcome.stdout);
    assert_eq!((server.count(Step::Upload), server.count(Step::Single)), (1, 3));
}

#[test]
fn what_failed_is_told_and_asked_again() {
    let runtime = runtime();
    let server = runtime.block_on(BatchServer::start());
    server.change(|state| state.looks = 1);
    let project = project(&server.url, "openai", "good\ntoo long\n");
    let outcome = project.run(&["ask", "--bulk", "q.jsonl"]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("1 question answered, 1 failed"), "{}", outcome.stderr);
    assert!(outcome.json_lines().iter().any(|line| line["error"] == "context-length"), "{}", outcome.stdout);
    project.run(&["ask", "--bulk", "q.jsonl"]);
    let state = server.state.lock().expect("no panic");
    assert_eq!(state.batches.iter().map(|batch| batch.questions.len()).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn a_line_that_is_wrong_is_named() {
    for (questions, part) in [
        ("fine\n{\"question\": }\n", "q.jsonl, line 2"),
        ("{\"id\": \"x\"}\n", "question"),
        ("{\"question\": \"a\", \"files\": 1}\n", "files"),
        ("{\"question\": \"a\", \"id\": []}\n", "`id`"),
        ("{\"question\": \"a\", \"file\": \"gone.py\"}\n", "gone.py"),
        ("{\"question\": \" \"}\n", "line 1"),
        ("{\"id\": 2, \"question\": \"a\"}\nb\n", "the id 2"),
    ] {
        let project = project("http://127.0.0.1:1", "openai", questions);
        let outcome = project.run(&["ask", "--bulk", "q.jsonl"]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{questions}");
        outcome.assert_one_sentence(part);
    }
    let project = project("http://127.0.0.1:1", "openai", "");
    project.run(&["ask", "--bulk", "gone.jsonl"]).assert_one_sentence("gone.jsonl");
    assert_eq!(project.run(&["ask", "--bulk", "q.jsonl", "why?"]).code, Some(2));
    assert_eq!(project.run(&["ask"]).code, Some(2));
}
