//! What a client cannot do, what never comes, and what comes and goes.

use super::*;

#[tokio::test]
async fn a_client_is_offered_only_what_it_can_carry_out() {
    let mut editor = Editor::start(Profile::Bare).await;
    editor.open(URI, "python", PARTY).await;
    let diagnostics = editor.diagnostics(URI).await;
    keep("diagnostics", Profile::Bare, &json!(diagnostics));
    let offered = &editor.initialized["capabilities"];
    assert!(offered.get("codeActionProvider").is_none() && offered.get("codeLensProvider").is_none(), "{offered}");
    let commands = ["explain", "review", "showLast", "status", "stats"].map(|name| format!("code-agent.{name}"));
    assert_eq!(offered["executeCommandProvider"]["commands"], json!(commands), "what changes nothing");
    let range = editor.range(URI, PARTY.find("nom").unwrap(), PARTY.find("nom").unwrap() + 3);
    assert!(editor.actions(URI, &range, &[], None).await.is_empty());
    let params = json!({ "textDocument": { "uri": URI } });
    assert_eq!(editor.client.result("textDocument/codeLens", params).await, Value::Null);
    let params = json!({ "command": "code-agent.fixAll", "arguments": [URI] });
    let reply = editor.client.call("workspace/executeCommand", params).await;
    assert_eq!(reply["error"]["code"], -32803, "it cannot apply edits: {reply}");
    editor.stop().await;

    let mut editor = Editor::start(Profile::Plain).await;
    editor.open(URI, "python", PARTY).await;
    let actions = editor.actions(URI, &range, &[], Some(&["quickfix"])).await;
    assert_eq!(actions[0]["command"], "code-agent.apply", "{actions:?}");
    let params = json!({ "command": "code-agent.apply", "arguments": actions[0]["arguments"] });
    let id = editor.client.ask("workspace/executeCommand", params).await;
    let request = editor.client.wait_method("workspace/applyEdit").await;
    editor.apply(&request["params"]["edit"]).await;
    assert!(editor.text(URI).contains("name: Who is greeted 🎉."));
    editor.client.answer(&request, json!({ "applied": true })).await;
    assert_eq!(editor.client.reply(id).await["result"]["applied"], true);
    editor.stop().await;
}

#[tokio::test]
async fn a_command_whose_edit_is_never_answered_is_given_up_with_a_sentence() {
    let mut editor = Editor::start(Profile::Helix).await;
    editor.open(URI, "python", PARTY).await;
    let params = json!({ "command": "code-agent.fixAll", "arguments": [{ "uri": URI }] });
    let reply = editor.client.call("workspace/executeCommand", params).await;
    assert_eq!(reply["error"]["code"], -32803, "{reply}");
    let message = editor.client.wait_method("window/showMessage").await;
    assert_eq!(message["params"]["message"], reply["error"]["message"]);
    editor.stop().await;
}

#[tokio::test]
async fn a_workspace_report_that_is_held_back_goes_out_when_a_document_changes() {
    let mut editor = Editor::with_files(Profile::VsCode, &[("/project/party.py", PARTY)]).await;
    let report = editor.client.result("workspace/diagnostic", json!({ "previousResultIds": [] })).await;
    let known = json!([{ "uri": URI, "value": report["items"][0]["resultId"] }]);
    for opens in [true, false] {
        // The first survey of the workspace is news as well; it has to be over.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let id = editor.client.ask("workspace/diagnostic", json!({ "previousResultIds": known })).await;
        if opens {
            editor.open(URI, "python", PARTY).await;
        } else {
            editor.replace(URI, "nom:", "name:").await;
        }
        assert!(editor.client.reply(id).await["result"].is_object());
    }
    editor.stop().await;
}

#[tokio::test]
async fn a_language_that_is_not_supported_is_told_of_once_and_only_in_the_log() {
    let mut editor = Editor::start(Profile::Neovim).await;
    for number in 0..3 {
        editor.open(&format!("file:///project/notes{number}.xyz"), "nonsense", "🎉\r\n").await;
    }
    editor.open("file:///project/other.abc", "gibberish", "🎉\r\n").await;
    editor.client.wait_for(|message| message.to_string().contains("other.abc")).await;
    let told = editor.client.unread.iter().filter(|message| message.to_string().contains("not supported"));
    let told: Vec<_> = told.map(|message| message["method"].clone()).collect();
    assert_eq!(told, ["window/logMessage"]);
    editor.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_server_ends_when_the_process_of_its_editor_is_gone() {
    let mut parent = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let mut editor = Editor::with_parent(Profile::Neovim, &[], Some(parent.id())).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    editor.client.result("workspace/symbol", json!({ "query": "" })).await;
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert_eq!(editor.outcome().await, crate::Outcome::Unclean);
}

#[tokio::test]
async fn a_traced_server_tells_what_it_did() {
    let mut editor = Editor::start(Profile::Neovim).await;
    editor.client.notify("$/setTrace", json!({ "value": "verbose" })).await;
    editor.client.result("workspace/symbol", json!({ "query": "x" })).await;
    let trace = editor
        .client
        .wait_for(|message| message["method"] == "$/logTrace" && message.to_string().contains("workspace/symbol"))
        .await;
    assert!(trace["params"]["message"].as_str().unwrap().starts_with("workspace/symbol took "), "{trace}");
    editor.client.notify("$/setTrace", json!({ "value": "off" })).await;
    editor.client.result("workspace/symbol", json!({ "query": "x" })).await;
    editor.client.unread.clear();
    editor.client.result("workspace/symbol", json!({ "query": "y" })).await;
    assert!(editor.client.unread.iter().all(|message| message["method"] != "$/logTrace"));
    editor.stop().await;
}

#[tokio::test]
async fn folders_come_and_go_and_watched_files_are_read_again() {
    let text = "def in_second_folder():\r\n    return '🎉'\r\n";
    let mut editor = Editor::with_files(Profile::Neovim, &[("/second/a.py", text)]).await;
    let folder = json!({ "uri": "file:///second", "name": "second" });
    let change = |added: Value, removed: Value| json!({ "event": { "added": added, "removed": removed } });
    editor.client.notify("workspace/didChangeWorkspaceFolders", change(json!([folder]), json!([]))).await;
    assert_eq!(names_of(&mut editor, "in_second_folder", 1).await, ["in_second_folder"]);
    editor.files.put("/second/a.py", text.replace("in_second", "in_other").into_bytes());
    let event = json!({ "changes": [{ "uri": "file:///second/a.py", "type": 2 }] });
    editor.client.notify("workspace/didChangeWatchedFiles", event).await;
    assert_eq!(names_of(&mut editor, "in_other_folder", 1).await, ["in_other_folder"]);
    editor.client.notify("workspace/didChangeWorkspaceFolders", change(json!([]), json!([folder]))).await;
    assert_eq!(names_of(&mut editor, "in_other_folder", 0).await, Vec::<String>::new());
    editor.stop().await;
}

/// The names found in the workspace, asked for until there are so many.
pub(super) async fn names_of(editor: &mut Editor, query: &str, expected: usize) -> Vec<String> {
    let mut names = Vec::new();
    for _ in 0..250 {
        let found = editor.client.result("workspace/symbol", json!({ "query": query })).await;
        names = found.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        if names.len() == expected {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    names
}

#[tokio::test]
async fn the_newest_of_many_requests_is_answered_and_so_is_every_other() {
    let mut editor = Editor::start(Profile::Helix).await;
    let long = PARTY.repeat(200);
    editor.open(URI, "python", &long).await;
    let mut asked = Vec::new();
    for _ in 0..30 {
        editor.replace(URI, "party", "party 🎉").await;
        asked.push(editor.client.ask("textDocument/documentSymbol", json!({ "textDocument": { "uri": URI } })).await);
    }
    for (index, &id) in asked.iter().enumerate() {
        let reply = editor.client.reply(id).await;
        if index + 1 == asked.len() {
            assert!(reply["result"].is_array(), "the newest gets its answer");
        } else {
            assert!(reply["result"].is_array() || reply["error"]["code"] == -32801, "{reply}");
        }
    }
    editor.stop().await;
}
