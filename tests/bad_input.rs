//! What a user can do wrong, and what the world can: each is answered by one clear sentence, and nothing is lost.

use crate::support::program::{Outcome, Project};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

const CLEAN: &str = "\"\"\"A module.\"\"\"\n";

#[test]
fn a_path_that_does_not_exist_is_named() {
    let outcome = Project::new().run(&["check", "nowhere.py"]);
    assert_eq!(outcome.code, Some(2));
    outcome.assert_one_sentence("nowhere.py");
}

#[test]
fn a_language_that_is_not_known_is_named() {
    let project = Project::with(&[("notes.xyz", "text")]);
    for command in ["check", "document"] {
        let outcome = project.run(&[command, "notes.xyz"]);
        assert_eq!(outcome.code, Some(2), "{}", outcome.stdout);
        outcome.assert_one_sentence("notes.xyz");
    }
}

#[test]
fn a_query_that_does_not_compile_is_named() {
    let project = Project::with(&[
        ("code-agent.toml", "[core]\nqueries = \"own\"\n"),
        ("own/python/smells.scm", "(call function: (identifier"),
        ("fine.py", CLEAN),
    ]);
    let outcome = project.run(&["check", "fine.py"]);
    assert_eq!(outcome.code, Some(0), "the built-in queries do the work: {}", outcome.stdout);
    outcome.assert_one_sentence("smells.scm");
    project.write("own/python/smells.scm", b"; nothing smells here\n");
    assert_eq!(project.run(&["check", "fine.py"]).code, Some(0));
}

#[test]
fn a_binary_file_is_refused_when_named_and_skipped_when_met() {
    let project = Project::new();
    project.write("blob.py", b"\x00\x01\x02\x00\xff\xfe binary");
    let named = project.run(&["check", "blob.py"]);
    assert_eq!(named.code, Some(2));
    named.assert_one_sentence("blob.py");
    let met = project.run(&["check"]);
    assert_eq!(met.code, Some(0), "{}", met.stdout);
    met.assert_one_sentence("blob.py");
}

#[test]
fn a_huge_file_is_refused_when_named_and_skipped_when_met() {
    let project = Project::new();
    let mut content = CLEAN.as_bytes().to_vec();
    while content.len() < 50 * 1024 * 1024 {
        content.extend_from_slice(
            b"value = 'a line that is repeated until the file is far too large to be worth reading'\n",
        );
    }
    project.write("huge.py", &content);
    let named = project.run(&["check", "huge.py"]);
    assert_eq!(named.code, Some(2));
    named.assert_one_sentence("huge.py");
    let met = project.run(&["document", "--write"]);
    assert_eq!(met.code, Some(0));
    met.assert_one_sentence("huge.py");
    assert_eq!(project.bytes("huge.py"), content);
}

#[test]
fn invalid_utf_8_is_never_written_back_changed() {
    let project = Project::new();
    let content = b"# caf\xe9\ndef undocumented(x):\n    return x\n".to_vec();
    project.write("latin.py", &content);
    let named = project.run(&["document", "--write", "latin.py"]);
    assert_eq!(project.bytes("latin.py"), content);
    assert_eq!(named.code, Some(2));
    named.assert_one_sentence("latin.py");
    let met = project.run(&["check", "--fix"]);
    assert_eq!(met.code, Some(0));
    met.assert_one_sentence("latin.py");
    assert_eq!(project.bytes("latin.py"), content);
}

#[test]
fn invalid_utf_8_on_standard_input_is_refused() {
    let outcome = Project::new().run_with_input(&["check", "--stdin-filename", "a.py"], b"caf\xe9");
    assert_eq!(outcome.code, Some(2));
    outcome.assert_one_sentence("UTF-8");
}

#[test]
fn broken_settings_are_named_with_their_file() {
    let project = Project::with(&[("a.py", CLEAN), ("code-agent.toml", "[rules\nprofile = 3\n")]);
    let outcome = project.run(&["check"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stdout);
    outcome.assert_one_sentence("code-agent.toml");
}

#[test]
fn an_unknown_rule_in_the_settings_is_named() {
    let project = Project::with(&[("a.py", CLEAN), ("code-agent.toml", "[analysis.rules]\nmising-doc = \"error\"\n")]);
    let outcome = project.run(&["check"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stdout);
    outcome.assert_one_sentence("mising-doc");
}

#[cfg(unix)]
#[test]
fn an_unreadable_path_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::with(&[("closed.py", CLEAN), ("open.py", CLEAN)]);
    let closed = project.path("closed.py");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).expect("permissions are set");
    // A superuser reads everything; a folder in the place of a file cannot be read by anybody.
    if std::fs::read(&closed).is_ok() {
        std::fs::remove_file(&closed).expect("the file goes");
        std::os::unix::fs::symlink("closed.py", &closed).expect("a link to itself");
    }
    let outcome = project.run(&["check", "closed.py", "open.py"]);
    assert_eq!(outcome.code, Some(2), "{}", outcome.stdout);
    outcome.assert_one_sentence("closed.py");
}

#[test]
fn a_file_that_cannot_be_parsed_is_no_crash() {
    let project = Project::with(&[
        ("a.py", "def (((:\n  class\n\"\"\" unfinished"),
        ("b.js", "function { /** `${"),
        ("c.rs", "fn \""),
    ]);
    let outcome = project.run(&["check", "--format", "json"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert!(outcome.codes().iter().all(|code| code == "syntax-error"), "{:?}", outcome.codes());
    assert_eq!(project.run(&["document", "--write"]).code, Some(0));
}

#[test]
fn an_empty_file_and_an_empty_folder_are_clean() {
    let project = Project::new();
    assert_eq!(project.run(&["check"]).code, Some(0));
    project.write("empty.py", "");
    assert_eq!(project.run(&["check"]).code, Some(0));
    assert_eq!(project.run(&["document", "empty.py"]).code, Some(0));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let project = Project::new();
    for number in 0..200 {
        project.write(&format!("file_{number}.py"), "def undocumented(x):\n    return x\n");
    }
    let mut child = project
        .command(&["check", "--format", "json", "--profile", "strict"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut first = [0; 10];
    let mut stdout = child.stdout.take().expect("a pipe");
    stdout.read_exact(&mut first).expect("something is printed");
    drop(stdout);
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_pipe_closed_inside_a_message_ends_the_server_quietly() {
    for input in ["", "Content-Length: 100\r\n\r\n{\"jsonrpc\":", "Content-Le", "garbage\r\n\r\n"] {
        let outcome = Project::new().run_with_input(&["lsp"], input.as_bytes());
        assert!(matches!(outcome.code, Some(0 | 1)), "{input:?}: {outcome:?}");
        assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    }
}

#[test]
fn the_server_starts_with_and_without_its_name() {
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}"#;
    let shutdown = r#"{"jsonrpc":"2.0","id":2,"method":"shutdown"}"#;
    let exit = r#"{"jsonrpc":"2.0","method":"exit"}"#;
    let conversation: String = [initialize, shutdown, exit]
        .iter()
        .map(|message| format!("Content-Length: {}\r\n\r\n{message}", message.len()))
        .collect();
    for arguments in [&["lsp"][..], &["lsp", "--stdio"], &[], &["--stdio"]] {
        let outcome: Outcome = Project::new().run_with_input(arguments, conversation.as_bytes());
        assert_eq!(outcome.code, Some(0), "{arguments:?}: {outcome:?}");
        assert!(outcome.stdout.contains("\"capabilities\""), "{arguments:?}: {outcome:?}");
        assert_eq!(outcome.stderr, "", "{arguments:?}: standard error is quiet");
    }
}

#[test]
fn the_end_of_the_input_is_the_good_end_of_an_agent() {
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":1}}"#;
    for input in ["", "\n\n", "{\"jsonrpc\":", "garbage\n", "\u{0}\u{1}\n[]\n", initialize] {
        let outcome = Project::new().run_with_input(&["acp"], input.as_bytes());
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{input:?}: {outcome:?}");
        let replies = outcome.json_lines();
        assert_eq!(replies.is_empty(), input.trim().is_empty(), "{input:?}: {outcome:?}");
        let is_told = |reply: &serde_json::Value| reply.get("result").is_some() == (input == initialize);
        assert!(replies.iter().all(is_told), "{input:?}: {outcome:?}");
    }
}

#[test]
fn an_agent_without_a_model_says_so() {
    let project = Project::new();
    let session = serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": "session/new", "params": { "cwd": project.root(), "mcpServers": [] } });
    let mut child = project
        .command(&["acp"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut next = move || -> serde_json::Value {
        let line = lines.next().expect("the agent answers").expect("the line is read");
        serde_json::from_str(&line).expect("the line is JSON")
    };
    writeln!(stdin, "{session}").expect("the agent reads");
    let id = next()["result"]["sessionId"].clone();
    let prompt = serde_json::json!({ "sessionId": id, "prompt": [{ "type": "text", "text": "Hello?" }] });
    let prompt = serde_json::json!({ "jsonrpc": "2.0", "id": 2, "method": "session/prompt", "params": prompt });
    writeln!(stdin, "{prompt}").expect("the agent reads");
    assert_eq!(next()["params"]["update"]["sessionUpdate"], "available_commands_update");
    let said = next()["params"]["update"]["content"]["text"].to_string();
    assert!(said.contains("[[models.target]]"), "{said}");
    assert_eq!(next()["result"]["stopReason"], "end_turn");
    drop(stdin);
    assert_eq!(child.wait().expect("the program ends").code(), Some(0));
}

#[test]
fn a_server_whose_reader_is_gone_ends() {
    let project = Project::new();
    let mut child =
        project.command(&["lsp"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
    drop(child.stdout.take());
    let message = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}"#;
    let mut stdin = child.stdin.take().expect("a pipe");
    let _ = stdin.write_all(format!("Content-Length: {}\r\n\r\n{message}", message.len()).as_bytes());
    drop(stdin);
    let status = child.wait().expect("the program ends");
    assert!(status.code().is_some(), "{status:?}");
}

#[test]
fn wrong_usage_ends_with_two() {
    let project = Project::new();
    for arguments in [
        &["chekc"][..],
        &["check", "--format", "xml"],
        &["check", "--write-baseline"],
        &["document", "--diff", "--write"],
    ] {
        let outcome = project.run(arguments);
        assert_eq!(outcome.code, Some(2), "{arguments:?}");
        assert!(outcome.stderr.starts_with("error: "), "{}", outcome.stderr);
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_is_no_file_and_nobody_waits_for_it() {
    let project = Project::with(&[("fine.py", CLEAN)]);
    let pipe = project.path("pipe.py");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()));
    let outcome = project.run(&["check", "pipe.py"]);
    assert_eq!(outcome.code, Some(2));
    outcome.assert_one_sentence("pipe.py");
}

#[test]
fn settings_do_not_depend_on_the_order_of_paths() {
    let drifted = "def area(width):\n    \"\"\"Return the area.\n\n    Args:\n        widht: The width.\n    \"\"\"\n    return width\n";
    let project = Project::with(&[
        ("a.py", drifted),
        ("sub/b.py", drifted),
        ("sub/code-agent.toml", "[analysis.rules]\nparam-renamed = 'off'\n"),
    ]);
    assert_eq!(project.run(&["check", "sub", "a.py"]).code, Some(1));
    assert_eq!(project.run(&["check", "a.py", "sub"]).code, Some(1));
    assert_eq!(project.run(&["check", "sub"]).code, Some(0), "its own settings");
}

#[test]
fn an_option_that_a_rule_does_not_have_is_refused() {
    let project =
        Project::with(&[("fine.py", CLEAN), ("code-agent.toml", "[analysis.rules]\ncomplexity = { cyclomatc = 3 }\n")]);
    let outcome = project.run(&["check", "fine.py"]);
    assert_eq!(outcome.code, Some(2));
    outcome.assert_one_sentence("cyclomatc");
}
