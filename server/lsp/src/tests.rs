//! Whole conversations with each editor's capabilities, over a pipe in memory. Every text holds an emoji and CRLF line ends.
//!
//! What the server says is kept as snapshots; what becomes of the buffer is asserted in the tests themselves.

pub(crate) mod client;
mod editor;
mod limits;
mod messages;

use editor::{Editor, Profile};
use limits::names_of;
use serde_json::{Value, json};
use std::time::Duration;

const URI: &str = "file:///project/party.py";

/// A parameter was renamed, one is not documented; the second function has no documentation at all.
const PARTY: &str = concat!(
    "# 🎉 party\r\n",
    "def greet(name, times=1):\r\n",
    "    \"\"\"🎉 Greet somebody.\r\n",
    "\r\n",
    "    Args:\r\n",
    "        nom: Who is greeted 🎉.\r\n",
    "        times: How often.\r\n",
    "\r\n",
    "    Returns:\r\n",
    "        The greeting.\r\n",
    "    \"\"\"\r\n",
    "    return \"🎉\" + name * times\r\n",
    "\r\n",
    "\r\n",
    "def read_guests(path):\r\n",
    "    return open(path).read()\r\n",
);

/// Keeps what the server said under the name of the conversation and of the editor.
fn keep(name: &str, profile: Profile, value: &Value) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "tests/snapshots" }, {
        insta::assert_json_snapshot!(format!("{name}@{}", profile.name()), value);
    });
}

#[tokio::test]
async fn initialize_offers_each_editor_what_it_can_use() {
    for profile in [Profile::Neovim, Profile::Helix, Profile::VsCode, Profile::Bare] {
        let mut editor = Editor::start(profile).await;
        let mut initialized = editor.initialized.clone();
        assert_eq!(initialized["serverInfo"]["version"].take(), env!("CARGO_PKG_VERSION"));
        keep("initialize", profile, &initialized);
        // Only what a client allowed is registered, and its settings are asked for where it can be asked.
        if profile == Profile::VsCode || profile == Profile::Helix {
            let registration = editor.client.wait_method("client/registerCapability").await;
            keep("register", profile, &registration["params"]);
            editor.client.answer(&registration, Value::Null).await;
        }
        if profile != Profile::Bare {
            let pull = editor.client.wait_method("workspace/configuration").await;
            assert_eq!(pull["params"]["items"], json!([{ "section": "code-agent" }]));
            editor.client.answer(&pull, json!([null])).await;
        }
        editor.client.result("workspace/symbol", json!({ "query": "" })).await;
        let asked: Vec<_> = editor.client.unread.iter().filter_map(|message| message["method"].as_str()).collect();
        assert!(!asked.contains(&"client/registerCapability"), "{profile:?}: {asked:?}");
        editor.stop().await;
    }
}

#[tokio::test]
async fn a_drifted_docstring_is_seen_and_mended() {
    for profile in Profile::EDITORS {
        let mut editor = Editor::start(profile).await;
        editor.open(URI, "python", PARTY).await;
        let diagnostics = editor.diagnostics(URI).await;
        keep("diagnostics", profile, &json!(diagnostics));
        let renamed = diagnostics.iter().find(|one| one["code"] == "param-renamed").expect("the drift is seen");
        assert_eq!(editor.slice(URI, &renamed["range"]), "nom", "only the name is underlined");

        let actions = editor.actions(URI, &renamed["range"], std::slice::from_ref(renamed), Some(&["quickfix"])).await;
        keep("actions", profile, &json!(titles(&actions)));
        let fix = actions.iter().find(|action| action["isPreferred"] == true).expect("a preferred fix");
        assert_eq!(fix["kind"], "quickfix");
        assert_eq!(fix["diagnostics"], json!([renamed]), "the fix names the diagnostic as the client knows it");
        assert!(fix.get("edit").is_none(), "the edit is made when asked for");
        let resolved = editor.client.result("codeAction/resolve", fix.clone()).await;
        keep("resolved", profile, &resolved["edit"]);
        editor.apply(&resolved["edit"]).await;
        assert_eq!(editor.text(URI), PARTY.replace("nom:", "name:"), "nothing else is touched");

        let diagnostics = editor.diagnostics(URI).await;
        assert!(diagnostics.iter().all(|one| one["code"] != "param-renamed"), "{diagnostics:?}");
        editor.stop().await;
    }
}

fn titles(actions: &[Value]) -> Vec<Value> {
    let brief = |action: &Value| json!({ "title": action["title"], "kind": action["kind"], "isPreferred": action["isPreferred"] });
    actions.iter().map(brief).collect()
}

#[tokio::test]
async fn an_undocumented_function_is_documented_with_tab_stops_where_they_are_taken() {
    for profile in Profile::EDITORS {
        let mut editor = Editor::start(profile).await;
        editor.open(URI, "python", PARTY).await;
        let at = editor.at(URI, "read_guests", 2)["position"].clone();
        let range = json!({ "start": at, "end": at });
        let actions = editor.actions(URI, &range, &[], Some(&["refactor.rewrite"])).await;
        let document =
            actions.iter().find(|action| action["title"].as_str().unwrap().starts_with("Document")).expect("an offer");
        let resolved = editor.client.result("codeAction/resolve", document.clone()).await;
        keep("documented", profile, &resolved["edit"]);
        let has_snippet = resolved["edit"].to_string().contains("\"snippet\"");
        assert_eq!(has_snippet, profile == Profile::VsCode);
        editor.apply(&resolved["edit"]).await;
        let text = editor.text(URI);
        assert!(text.contains("def read_guests(path):\r\n    \"\"\""), "{text}");
        assert!(!text.replace("\r\n", "").contains('\n'), "every line ends as the file's lines do");
        editor.stop().await;
    }
}

#[tokio::test]
async fn fix_all_runs_on_save() {
    for profile in Profile::EDITORS {
        let mut editor = Editor::start(profile).await;
        editor.open(URI, "python", PARTY).await;
        let range = editor.range(URI, 0, PARTY.len());
        let actions = editor.actions(URI, &range, &[], Some(&["source.fixAll"])).await;
        assert_eq!(actions.len(), 1, "{actions:?}");
        assert_eq!(actions[0]["kind"], "source.fixAll.code-agent");
        let resolved = editor.client.result("codeAction/resolve", actions[0].clone()).await;
        editor.apply(&resolved["edit"]).await;
        assert!(editor.text(URI).contains("name: Who is greeted 🎉."));
        let none = editor.actions(URI, &range, &[], Some(&["source.organizeImports"])).await;
        assert!(none.is_empty(), "{none:?}");
        editor.stop().await;
    }
}

#[tokio::test]
async fn hover_speaks_the_clients_markup() {
    for profile in [Profile::Neovim, Profile::VsCode, Profile::Bare] {
        let mut editor = Editor::start(profile).await;
        editor.open(URI, "python", PARTY).await;
        let params = editor.at(URI, "greet", 1);
        let hover = editor.client.result("textDocument/hover", params).await;
        assert_eq!(editor.slice(URI, &hover["range"]), "greet");
        keep("hover", profile, &hover["contents"]);
        let params = editor.at(URI, "party", 0);
        assert_eq!(editor.client.result("textDocument/hover", params).await, Value::Null);
        editor.stop().await;
    }
}

#[tokio::test]
async fn a_docstring_is_drafted_behind_its_opening() {
    for profile in [Profile::Neovim, Profile::Helix, Profile::VsCode, Profile::Bare] {
        let mut editor = Editor::start(profile).await;
        editor.open(URI, "python", PARTY).await;
        editor.replace(URI, "    return open", "    \"\"\"\r\n    return open").await;
        let mut params = editor.at(URI, "\"\"\"\r\n    return open", 3);
        params["context"] = json!({ "triggerKind": 2, "triggerCharacter": "\"" });
        let list = editor.client.result("textDocument/completion", params).await;
        keep("completion", profile, &list["items"]);
        let item = &list["items"][0];
        assert_eq!(editor.slice(URI, &item["textEdit"]["range"]), "\"\"\"");
        assert_eq!(item["filterText"], "\"\"\"");
        let params = editor.at(URI, "open(path)", 4);
        let nothing = editor.client.result("textDocument/completion", params).await;
        assert_eq!(nothing, Value::Null, "only documentation is completed");
        editor.stop().await;
    }
}

#[tokio::test]
async fn lenses_are_resolved_and_their_command_is_applied() {
    for profile in Profile::EDITORS {
        let mut editor = Editor::start(profile).await;
        editor.open(URI, "python", PARTY).await;
        let lenses = editor.client.result("textDocument/codeLens", json!({ "textDocument": { "uri": URI } })).await;
        let mut shown = Vec::new();
        for lens in lenses.as_array().unwrap() {
            assert!(lens.get("command").is_none());
            let resolved = editor.client.result("codeLens/resolve", lens.clone()).await;
            shown.push(json!({ "on": editor.slice(URI, &lens["range"]), "command": resolved["command"] }));
        }
        keep("lenses", profile, &json!(shown));
        let drifted = shown.iter().find(|lens| lens["on"] == "greet").expect("a lens over the drifted function");
        let command = &drifted["command"];
        let params = json!({ "command": command["command"], "arguments": command["arguments"] });
        let id = editor.client.ask("workspace/executeCommand", params).await;
        let request = editor.client.wait_method("workspace/applyEdit").await;
        editor.apply(&request["params"]["edit"]).await;
        editor.client.answer(&request, json!({ "applied": true })).await;
        let reply = editor.client.reply(id).await;
        assert_eq!(reply["result"]["applied"], true, "{reply}");
        assert!(editor.text(URI).contains("name: Who is greeted 🎉."));
        editor.stop().await;
    }
}

#[tokio::test]
async fn symbols_are_nested_or_flat_as_the_client_wants() {
    let text = "class Café:\r\n    \"\"\"A 🎉 place.\"\"\"\r\n\r\n    def open(self, hour):\r\n        return hour\r\n";
    for profile in Profile::EDITORS {
        let mut editor = Editor::with_files(profile, &[("/project/cafe.py", text)]).await;
        editor.open("file:///project/cafe.py", "python", text).await;
        let params = json!({ "textDocument": { "uri": "file:///project/cafe.py" } });
        let symbols = editor.client.result("textDocument/documentSymbol", params).await;
        keep("symbols", profile, &symbols);
        assert_eq!(names_of(&mut editor, "open", 1).await, ["open"]);
        let found = editor.client.result("workspace/symbol", json!({ "query": "open" })).await;
        keep("workspace_symbols", profile, &found);
        editor.stop().await;
    }
}

#[tokio::test]
async fn pulled_diagnostics_have_result_ids_and_come_in_parts() {
    for profile in [Profile::Neovim, Profile::VsCode] {
        let clean = "def nothing():\r\n    \"\"\"Do nothing 🎉.\"\"\"\r\n";
        let files = [("/project/party.py", PARTY), ("/project/clean.py", clean)];
        let mut editor = Editor::with_files(profile, &files).await;
        editor.open(URI, "python", PARTY).await;
        let document = json!({ "uri": URI });
        let first = editor.client.result("textDocument/diagnostic", json!({ "textDocument": document })).await;
        assert_eq!(first["kind"], "full");
        let again = json!({ "textDocument": document, "previousResultId": first["resultId"] });
        let second = editor.client.result("textDocument/diagnostic", again.clone()).await;
        assert_eq!(second, json!({ "kind": "unchanged", "resultId": first["resultId"] }));
        editor.replace(URI, "nom:", "name:").await;
        let third = editor.client.result("textDocument/diagnostic", again).await;
        assert_eq!(third["kind"], "full");
        assert_ne!(third["resultId"], first["resultId"]);

        let params = json!({ "previousResultIds": [], "workDoneToken": "w", "partialResultToken": 7 });
        let id = editor.client.ask("workspace/diagnostic", params).await;
        let reply = editor.client.reply(id).await;
        assert_eq!(reply["result"], json!({ "items": [] }), "all of it went out in parts");
        let progress: Vec<Value> = std::mem::take(&mut editor.client.unread)
            .into_iter()
            .filter(|message| message["method"] == "$/progress")
            .map(|message| message["params"].clone())
            .collect();
        let work: Vec<&Value> =
            progress.iter().filter(|one| one["token"] == "w").map(|one| &one["value"]["kind"]).collect();
        assert_eq!((work.first(), work.last()), (Some(&&json!("begin")), Some(&&json!("end"))));
        let items: Vec<&Value> = progress
            .iter()
            .filter(|one| one["token"] == 7)
            .flat_map(|one| one["value"]["items"].as_array().unwrap())
            .collect();
        let open = items.iter().find(|item| item["uri"] == URI).expect("the open file");
        assert_eq!((&open["version"], &open["resultId"]), (&json!(2), &third["resultId"]));
        let closed = items.iter().find(|item| item["uri"] == "file:///project/clean.py").expect("the closed file");
        assert_eq!((&closed["version"], &closed["kind"]), (&Value::Null, &json!("full")));

        let previous: Vec<Value> =
            items.iter().map(|item| json!({ "uri": item["uri"], "value": item["resultId"] })).collect();
        if profile == Profile::Neovim {
            let params = json!({ "previousResultIds": previous });
            let report = editor.client.result("workspace/diagnostic", params).await;
            let kinds: Vec<&Value> = report["items"].as_array().unwrap().iter().map(|item| &item["kind"]).collect();
            assert_eq!(kinds, vec![&json!("unchanged"); items.len()]);
        } else {
            // Visual Studio Code asks again at once, so it is kept waiting until there is news; it can still cancel.
            let id = editor.client.ask("workspace/diagnostic", json!({ "previousResultIds": previous })).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert!(editor.client.unread.iter().all(|message| message["id"] != id));
            editor.client.notify("$/cancelRequest", json!({ "id": id })).await;
            assert_eq!(editor.client.reply(id).await["error"]["code"], -32800);
        }
        editor.stop().await;
    }
}

#[tokio::test]
async fn what_the_client_still_shows_for_a_file_that_is_gone_is_cleared() {
    let mut editor = Editor::with_files(Profile::Neovim, &[("/project/party.py", PARTY)]).await;
    let report = editor.client.result("workspace/diagnostic", json!({ "previousResultIds": [] })).await;
    let known = json!({ "uri": URI, "value": report["items"][0]["resultId"] });
    let gone = json!({ "uri": "file:///project/gone.py", "value": "old" });
    // Another spelling of a file that is there must not be cleared: the client takes both for the same file.
    let spelled = json!({ "uri": "file:///project/%70arty.py", "value": "old" });
    let params = json!({ "previousResultIds": [known, gone, spelled] });
    let report = editor.client.result("workspace/diagnostic", params).await;
    let items = report["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{report}");
    assert_eq!(items[0]["kind"], "unchanged");
    assert_eq!(items[1], json!({ "kind": "full", "uri": "file:///project/gone.py", "version": null, "items": [] }));
    editor.stop().await;
}

#[tokio::test]
async fn pushed_diagnostics_are_versioned_and_cleared_on_close_and_never_pushed_to_who_pulls() {
    let mut editor = Editor::start(Profile::Helix).await;
    editor.open(URI, "python", PARTY).await;
    assert!(!editor.diagnostics(URI).await.is_empty());
    for _ in 0..20 {
        editor.replace(URI, "times=1", "times=1 ").await;
    }
    assert!(!editor.diagnostics(URI).await.is_empty(), "those of the last version come");
    editor.client.notify("textDocument/didClose", json!({ "textDocument": { "uri": URI } })).await;
    let cleared = editor.client.wait_for(|message| message["params"]["diagnostics"] == json!([])).await;
    assert_eq!(cleared["params"]["uri"], URI);
    editor.stop().await;

    let mut editor = Editor::start(Profile::Neovim).await;
    editor.open(URI, "python", PARTY).await;
    editor.diagnostics(URI).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    editor.client.result("workspace/symbol", json!({ "query": "" })).await;
    let pushed = editor.client.unread.iter().any(|message| message["method"] == "textDocument/publishDiagnostics");
    assert!(!pushed);
    editor.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_right_behind_the_settings_is_heard_under_them() {
    let mut editor = Editor::start(Profile::VsCode).await;
    editor.open(URI, "python", PARTY).await;
    let mut pull = editor.client.wait_method("workspace/configuration").await;
    for number in 0..50 {
        let level = if number % 2 == 0 { "off" } else { "warning" };
        editor.client.answer(&pull, json!([{ "analysis": { "rules": { "param-renamed": level } } }])).await;
        let found = editor.diagnostics(URI).await.iter().any(|one| one["code"] == "param-renamed");
        assert_eq!(found, level == "warning", "settings {number}");
        editor.client.notify("workspace/didChangeConfiguration", json!({ "settings": null })).await;
        pull = editor.client.wait_method("workspace/configuration").await;
    }
    // What is no answer, and one with nothing in it, hold nobody up either: one that is waited for in vain takes a second.
    let error = json!({ "code": -32803, "message": "no" });
    for answer in [json!({ "result": [{}] }), json!({ "error": error }), json!({}), json!({ "result": [] })] {
        let mut fastest = Duration::MAX;
        for _ in 0..5 {
            let mut answer = answer.clone();
            answer["id"] = pull["id"].clone();
            answer["jsonrpc"] = "2.0".into();
            let began = std::time::Instant::now();
            editor.client.send(&answer).await;
            assert!(!editor.diagnostics(URI).await.is_empty());
            fastest = fastest.min(began.elapsed());
            editor.client.notify("workspace/didChangeConfiguration", json!({ "settings": null })).await;
            pull = editor.client.wait_method("workspace/configuration").await;
        }
        assert!(fastest < Duration::from_secs(1), "{answer} is waited for in vain");
    }
    editor.stop().await;
}

#[tokio::test]
async fn changed_settings_take_effect_and_the_client_is_told_to_ask_anew() {
    let mut editor = Editor::start(Profile::VsCode).await;
    let pull = editor.client.wait_method("workspace/configuration").await;
    editor.client.answer(&pull, json!([{}])).await;
    editor.open(URI, "python", PARTY).await;
    let codes = |diagnostics: &[Value]| diagnostics.iter().map(|one| one["code"].clone()).collect::<Vec<_>>();
    assert!(codes(&editor.diagnostics(URI).await).contains(&json!("param-renamed")));
    editor.client.notify("workspace/didChangeConfiguration", json!({ "settings": null })).await;
    let pull = editor.client.wait_method("workspace/configuration").await;
    editor.client.answer(&pull, json!([{ "analysis": { "rules": { "param-renamed": "off" } } }])).await;
    let refresh = editor.client.wait_method("workspace/diagnostic/refresh").await;
    editor.client.answer(&refresh, Value::Null).await;
    let lenses = editor.client.wait_method("workspace/codeLens/refresh").await;
    editor.client.answer(&lenses, Value::Null).await;
    assert!(!codes(&editor.diagnostics(URI).await).contains(&json!("param-renamed")));
    // The user deleted the settings: `null` means that there are none, and not that nothing changed.
    editor.client.notify("workspace/didChangeConfiguration", json!({ "settings": null })).await;
    let pull = editor.client.wait_method("workspace/configuration").await;
    editor.client.answer(&pull, json!([null])).await;
    editor.client.wait_method("workspace/diagnostic/refresh").await;
    assert!(codes(&editor.diagnostics(URI).await).contains(&json!("param-renamed")));
    editor.stop().await;

    // A client that cannot be asked sends its settings along; what is wrong with them is said in one sentence.
    let mut editor = Editor::start(Profile::Bare).await;
    let settings = json!({ "settings": { "code-agent": { "analysis": { "rules": { "no-such-rule": "off" } } } } });
    editor.client.notify("workspace/didChangeConfiguration", settings).await;
    let message = editor.client.wait_method("window/showMessage").await;
    assert!(message["params"]["message"].as_str().unwrap().contains("no-such-rule"), "{message}");
    editor.stop().await;
}

#[tokio::test]
async fn an_edit_whose_document_moved_on_is_moved_along_or_refused() {
    for profile in Profile::EDITORS {
        let mut editor = Editor::start(profile).await;
        editor.open(URI, "python", PARTY).await;
        let range = editor.range(URI, PARTY.find("nom").unwrap(), PARTY.find("nom").unwrap() + 3);
        let actions = editor.actions(URI, &range, &[], Some(&["quickfix"])).await;
        let fix =
            actions.iter().find(|action| action["title"].as_str().unwrap().contains("name")).expect("the fix").clone();

        // Typing elsewhere, with an emoji: the edit is moved along.
        editor.replace(URI, "# 🎉 party\r\n", "# 🎉🎉 a party\r\nimport os\r\n").await;
        let resolved = editor.client.result("codeAction/resolve", fix.clone()).await;
        let expected = editor.text(URI).replace("nom:", "name:");
        editor.apply(&resolved["edit"]).await;
        assert_eq!(editor.text(URI), expected);

        // Typing in the very place: refused, and the user is told in one sentence.
        editor.replace(URI, "name: Who is greeted", "nombre: Who is greeted").await;
        let reply = editor.client.call("codeAction/resolve", fix).await;
        assert_eq!(reply["error"]["code"], -32801, "{reply}");
        let message = editor.client.wait_method("window/showMessage").await;
        assert_eq!(message["params"]["message"], reply["error"]["message"]);
        assert!(editor.text(URI).contains("nombre"), "nothing is lost");
        editor.stop().await;
    }
}

#[tokio::test]
async fn the_workspace_is_documented_with_progress_that_can_be_cancelled() {
    let text = "def count_guests(names):\r\n    return len(names)  # 🎉\r\n";
    for profile in [Profile::Helix, Profile::VsCode] {
        let mut editor = Editor::with_files(profile, &[("/project/a.py", text), ("/project/b.py", text)]).await;
        editor.open("file:///project/a.py", "python", text).await;
        let id =
            editor.client.ask("workspace/executeCommand", json!({ "command": "code-agent.documentWorkspace" })).await;
        let create = editor.client.wait_method("window/workDoneProgress/create").await;
        let token = create["params"]["token"].clone();
        assert!(token.is_string(), "not every client understands a number: {create}");
        editor.client.answer(&create, Value::Null).await;
        let request = editor.client.wait_method("workspace/applyEdit").await;
        keep("workspace_edit", profile, &request["params"]);
        editor.apply(&request["params"]["edit"]).await;
        editor.client.answer(&request, json!({ "applied": true })).await;
        assert_eq!(editor.client.reply(id).await["result"]["applied"], true);
        let steps = progress_of(&mut editor, &token);
        assert_eq!((steps.first().unwrap(), steps.last().unwrap()), (&json!("begin"), &json!("end")), "{steps:?}");
        assert!(editor.text("file:///project/a.py").contains("\"\"\"Count"), "{}", editor.text("file:///project/a.py"));
        editor.stop().await;
    }
}

/// The kinds of progress steps seen for a token.
fn progress_of(editor: &mut Editor, token: &Value) -> Vec<Value> {
    let unread = std::mem::take(&mut editor.client.unread);
    let steps =
        unread.into_iter().filter(|message| message["method"] == "$/progress" && &message["params"]["token"] == token);
    steps.map(|message| message["params"]["value"]["kind"].clone()).collect()
}

#[tokio::test]
async fn a_command_is_cancelled_from_the_progress_bar_or_by_its_request_and_the_bar_ends() {
    let mut editor = Editor::start(Profile::VsCode).await;
    editor.open(URI, "python", PARTY).await;
    for by_bar in [true, false] {
        let params = json!({ "command": "code-agent.fixAll", "arguments": [{ "uri": URI }], "workDoneToken": 12 });
        let id = editor.client.ask("workspace/executeCommand", params).await;
        let begin = editor.client.wait_method("$/progress").await;
        assert_eq!((&begin["params"]["token"], &begin["params"]["value"]["kind"]), (&json!(12), &json!("begin")));
        // The edit is not answered: the command is still running.
        editor.client.wait_method("workspace/applyEdit").await;
        if by_bar {
            editor.client.notify("window/workDoneProgress/cancel", json!({ "token": 12 })).await;
        } else {
            editor.client.notify("$/cancelRequest", json!({ "id": id })).await;
        }
        assert_eq!(editor.client.reply(id).await["error"]["code"], -32800);
        let end = editor.client.wait_for(|message| message["params"]["value"]["kind"] == "end").await;
        assert_eq!(end["params"]["token"], 12);
    }
    editor.stop().await;
}

#[tokio::test]
async fn commands_that_cannot_be_done_are_refused_with_a_sentence() {
    let mut editor = Editor::start(Profile::Neovim).await;
    editor.open(URI, "python", PARTY).await;
    for (command, arguments) in [
        ("code-agent.nothing", json!([])),
        ("code-agent.fixAll", json!([{ "uri": "file:///project/missing.py" }])),
        ("code-agent.convertStyle", json!([{ "uri": URI, "style": "baroque" }])),
        ("code-agent.documentFile", json!([{ "uri": "untitled:1" }])),
    ] {
        let reply =
            editor.client.call("workspace/executeCommand", json!({ "command": command, "arguments": arguments })).await;
        let message = reply["error"]["message"].as_str().unwrap_or_else(|| panic!("{command}: {reply}"));
        assert!(message.ends_with(['.', '…']), "{message}");
    }
    let stats = editor.client.result("workspace/executeCommand", json!({ "command": "code-agent.stats" })).await;
    assert!(stats.is_object() || stats.is_array(), "{stats}");
    // Nobody is asked to apply an edit that changes nothing.
    editor.open("file:///project/empty.py", "python", "# 🎉\r\n").await;
    let params = json!({ "command": "code-agent.documentFile", "arguments": ["file:///project/empty.py"] });
    let reply = editor.client.call("workspace/executeCommand", params).await;
    assert!(reply["result"]["applied"] == false || reply["error"]["message"].is_string(), "{reply}");
    assert!(editor.client.unread.iter().all(|message| message["method"] != "workspace/applyEdit"));
    editor.stop().await;
}

#[tokio::test]
async fn places_out_of_every_range_are_answered_and_change_nothing_else() {
    for profile in [Profile::Helix, Profile::VsCode] {
        let mut editor = Editor::start(profile).await;
        editor.open(URI, "python", PARTY).await;
        let far = json!({ "line": 4_000_000_000_u32, "character": 4_000_000_000_u32 });
        let pair = json!({ "line": 0, "character": 3 });
        for at in [far.clone(), pair, json!({ "line": 0, "character": 9_999 })] {
            let place = json!({ "textDocument": { "uri": URI }, "position": at });
            editor.client.result("textDocument/hover", place.clone()).await;
            editor.client.result("textDocument/completion", place.clone()).await;
            editor.actions(URI, &json!({ "start": at, "end": json!({ "line": 0, "character": 0 }) }), &[], None).await;
        }
        for bad in [json!(-1), json!("x"), json!(1.5), json!(99_999_999_999_u64), Value::Null] {
            let place = json!({ "textDocument": { "uri": URI }, "position": { "line": bad, "character": 0 } });
            let reply = editor.client.call("textDocument/hover", place).await;
            assert_eq!(reply["error"]["code"], -32602, "{reply}");
        }
        // A change at an impossible place is put at the nearest possible one, like the editors' own libraries do.
        let end = json!({ "start": { "line": 9_999_999_999_u64, "character": -5 }, "end": far });
        let params = json!({ "textDocument": { "uri": URI, "version": 2 }, "contentChanges": [{ "range": end, "text": "\r\ndef more(x):\r\n    return x\r\n" }] });
        editor.client.notify("textDocument/didChange", params).await;
        let symbols =
            editor.client.result("textDocument/documentSymbol", json!({ "textDocument": { "uri": URI } })).await;
        assert!(symbols.to_string().contains("more"), "{symbols}");
        // One that cannot be read at all is not guessed at.
        let params =
            json!({ "textDocument": { "uri": URI, "version": 3 }, "contentChanges": [{ "range": 7, "text": "" }] });
        editor.client.notify("textDocument/didChange", params).await;
        let message = editor.client.wait_method("window/showMessage").await;
        assert_eq!(message["params"]["type"], 1);
        let symbols =
            editor.client.result("textDocument/documentSymbol", json!({ "textDocument": { "uri": URI } })).await;
        assert!(symbols.to_string().contains("more"), "the text was not replaced by nothing");
        editor.stop().await;
    }
}

#[tokio::test]
async fn documents_that_cannot_be_analysed_get_empty_answers_and_a_reason() {
    let mut editor = Editor::start(Profile::Neovim).await;
    editor.open("file:///project/notes.xyz", "nonsense", "🎉\r\n").await;
    for uri in ["file:///project/notes.xyz", "file:///project/missing.py", "untitled:Untitled-1"] {
        let document = json!({ "uri": uri });
        let place = json!({ "textDocument": document, "position": { "line": 0, "character": 0 } });
        assert_eq!(editor.client.result("textDocument/hover", place.clone()).await, Value::Null);
        assert_eq!(editor.client.result("textDocument/completion", place).await, Value::Null);
        let report = editor.client.result("textDocument/diagnostic", json!({ "textDocument": document })).await;
        assert_eq!(report["items"], json!([]));
        editor.client.result("textDocument/codeLens", json!({ "textDocument": document })).await;
        editor.client.result("textDocument/documentSymbol", json!({ "textDocument": document })).await;
    }
    let range = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 0, "character": 0 } });
    let actions = editor.actions("file:///project/notes.xyz", &range, &[], Some(&["refactor.rewrite"])).await;
    assert!(actions[0]["disabled"]["reason"].as_str().unwrap().contains("not supported"), "{actions:?}");
    let actions = editor.actions("file:///project/notes.xyz", &range, &[], None).await;
    assert!(actions.is_empty(), "{actions:?}");
    editor.stop().await;
}
