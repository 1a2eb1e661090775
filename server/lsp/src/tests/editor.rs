//! An editor in small: keeps buffers, applies the server's edits in the encoding agreed on, and answers the server as its profile says.

use super::client::TestClient;
use crate::serve::Outcome;
use engine::config::ConfigurationManager;
use engine::metrics::MetricsCollector;
use engine::mode::{EditorMode, Offline};
use engine::workspace::files::MemoryFiles;
use engine::{Parts, ServerCore};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Who the client pretends to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Profile {
    Neovim,
    Helix,
    VsCode,
    /// Names no capability at all.
    Bare,
    /// Applies edits and knows nothing else.
    Plain,
}

impl Profile {
    pub(super) const EDITORS: [Profile; 3] = [Profile::Neovim, Profile::Helix, Profile::VsCode];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Neovim => "neovim",
            Self::Helix => "helix",
            Self::VsCode => "vscode",
            Self::Bare => "bare",
            Self::Plain => "plain",
        }
    }

    fn params(self) -> Value {
        let text = match self {
            Self::Neovim => include_str!("profiles/neovim.json"),
            Self::Helix => include_str!("profiles/helix.json"),
            Self::VsCode => include_str!("profiles/vscode.json"),
            Self::Bare => r#"{ "capabilities": {} }"#,
            Self::Plain => r#"{ "capabilities": { "workspace": { "applyEdit": true } } }"#,
        };
        let mut params: Value = serde_json::from_str(text).unwrap();
        params["rootUri"] = json!("file:///project");
        params["workspaceFolders"] = json!([{ "uri": "file:///project", "name": "project" }]);
        params
    }

    pub(super) fn pulls(self) -> bool {
        matches!(self, Self::Neovim | Self::VsCode)
    }

    fn is_utf16(self) -> bool {
        matches!(self, Self::VsCode | Self::Bare | Self::Plain)
    }
}

/// A session with a server of its own.
pub(super) struct Editor {
    pub(super) profile: Profile,
    pub(super) client: TestClient,
    pub(super) files: Arc<MemoryFiles>,
    pub(super) initialized: Value,
    server: JoinHandle<Outcome>,
    buffers: BTreeMap<String, (i64, String)>,
}

impl Editor {
    /// Starts a server over files in memory and shakes hands.
    pub(super) async fn start(profile: Profile) -> Self {
        Self::with_files(profile, &[]).await
    }

    pub(super) async fn with_files(profile: Profile, contents: &[(&str, &str)]) -> Self {
        Self::with_parent(profile, contents, None).await
    }

    /// A session whose editor says that it is this process.
    pub(super) async fn with_parent(profile: Profile, contents: &[(&str, &str)], parent: Option<u32>) -> Self {
        let files = Arc::new(MemoryFiles::default());
        for (path, content) in contents {
            files.put(*path, content.as_bytes());
        }
        let core = ServerCore::new(Parts {
            journal: || None,
            file_system: files.clone(),
            config: Arc::new(ConfigurationManager::default()),
            metrics: Arc::new(MetricsCollector::default()),
            mode: Arc::new(EditorMode),
            strategy: Arc::new(Offline),
        });
        let (mut client, input, output) = TestClient::pair();
        let server = tokio::spawn(crate::serve(core, input, output));
        let mut params = profile.params();
        params["processId"] = json!(parent);
        let initialized = client.result("initialize", params).await;
        client.notify("initialized", json!({})).await;
        Self { profile, client, files, initialized, server, buffers: BTreeMap::new() }
    }

    /// Ends the session as the protocol says.
    pub(super) async fn stop(mut self) {
        self.client.result("shutdown", Value::Null).await;
        self.client.notify("exit", Value::Null).await;
        let outcome = tokio::time::timeout(std::time::Duration::from_secs(10), self.server).await;
        assert_eq!(outcome.expect("the server ends").expect("no panic"), Outcome::Clean);
    }

    /// Waits until the server ends of its own accord.
    pub(super) async fn outcome(self) -> Outcome {
        let outcome = tokio::time::timeout(std::time::Duration::from_secs(10), self.server).await;
        outcome.expect("the server ends").expect("no panic")
    }

    pub(super) async fn open(&mut self, uri: &str, language: &str, text: &str) {
        self.buffers.insert(uri.to_owned(), (1, text.to_owned()));
        let document = json!({ "uri": uri, "languageId": language, "version": 1, "text": text });
        self.client.notify("textDocument/didOpen", json!({ "textDocument": document })).await;
    }

    pub(super) fn text(&self, uri: &str) -> &str {
        &self.buffers[uri].1
    }

    /// Replaces the first occurrence of a text, and tells the server with an incremental change.
    pub(super) async fn replace(&mut self, uri: &str, old: &str, new: &str) {
        let start = self.text(uri).find(old).unwrap_or_else(|| panic!("{old:?} is not in the buffer"));
        let range = self.range(uri, start, start + old.len());
        self.change(uri, &[json!({ "range": range, "text": new })]).await;
    }

    /// Applies changes to the buffer and sends them, as one new version.
    pub(super) async fn change(&mut self, uri: &str, changes: &[Value]) {
        for change in changes {
            let start = self.offset(uri, &change["range"]["start"]);
            let end = self.offset(uri, &change["range"]["end"]);
            let text = change.get("text").or(change.get("newText")).and_then(Value::as_str).unwrap();
            self.buffers.get_mut(uri).unwrap().1.replace_range(start..end, text);
        }
        let buffer = self.buffers.get_mut(uri).unwrap();
        buffer.0 += 1;
        let document = json!({ "uri": uri, "version": buffer.0 });
        let params = json!({ "textDocument": document, "contentChanges": changes });
        self.client.notify("textDocument/didChange", params).await;
    }

    /// Applies a workspace edit to the buffers, refusing one for another version as Helix does, and tells the server.
    pub(super) async fn apply(&mut self, edit: &Value) {
        let mut files = Vec::new();
        for change in edit["documentChanges"].as_array().into_iter().flatten() {
            let uri = change["textDocument"]["uri"].as_str().unwrap().to_owned();
            let version = &change["textDocument"]["version"];
            if let Some((current, _)) = self.buffers.get(&uri) {
                assert_eq!(version, current, "the edit is for the buffer as it is");
            }
            files.push((uri, change["edits"].as_array().unwrap().clone()));
        }
        for (uri, edits) in edit["changes"].as_object().into_iter().flatten() {
            files.push((uri.clone(), edits.as_array().unwrap().clone()));
        }
        assert!(!files.is_empty(), "an edit changes something: {edit}");
        for (uri, mut edits) in files {
            if !self.buffers.contains_key(&uri) {
                continue;
            }
            // Backwards, so that no edit moves another.
            edits.sort_by_key(|edit| std::cmp::Reverse(self.offset(&uri, &edit["range"]["start"])));
            let edits: Vec<Value> = edits
                .into_iter()
                .map(|edit| {
                    let snippet = edit["snippet"]["value"].as_str().map(without_stops);
                    json!({ "range": edit["range"], "text": snippet.map_or(edit["newText"].clone(), Value::from) })
                })
                .collect();
            self.change(&uri, &edits).await;
        }
    }

    /// Findings of an open document, pulled or waited for as this client does.
    pub(super) async fn diagnostics(&mut self, uri: &str) -> Vec<Value> {
        if self.profile.pulls() {
            let params = json!({ "textDocument": { "uri": uri } });
            let report = self.client.result("textDocument/diagnostic", params).await;
            return report["items"].as_array().unwrap_or_else(|| panic!("{report}")).clone();
        }
        let version = self.buffers[uri].0;
        let push = self
            .client
            .wait_for(|message| {
                message["method"] == "textDocument/publishDiagnostics"
                    && message["params"]["uri"] == uri
                    && message["params"]["version"].as_i64().is_none_or(|of| of == version)
            })
            .await;
        push["params"]["diagnostics"].as_array().unwrap().clone()
    }

    /// Code actions for a range.
    pub(super) async fn actions(
        &mut self,
        uri: &str,
        range: &Value,
        diagnostics: &[Value],
        only: Option<&[&str]>,
    ) -> Vec<Value> {
        let mut context = json!({ "diagnostics": diagnostics });
        if let Some(only) = only {
            context["only"] = json!(only);
        }
        let params = json!({ "textDocument": { "uri": uri }, "range": range, "context": context });
        let actions = self.client.result("textDocument/codeAction", params).await;
        actions.as_array().cloned().unwrap_or_default()
    }

    /// The position parameters of the first occurrence of a text, `skip` bytes into it.
    pub(super) fn at(&self, uri: &str, text: &str, skip: usize) -> Value {
        let offset = self.text(uri).find(text).unwrap_or_else(|| panic!("{text:?} is not in the buffer")) + skip;
        json!({ "textDocument": { "uri": uri }, "position": self.position(uri, offset) })
    }

    /// The text of a range of the buffer.
    pub(super) fn slice(&self, uri: &str, range: &Value) -> &str {
        let (start, end) = (self.offset(uri, &range["start"]), self.offset(uri, &range["end"]));
        &self.text(uri)[start..end]
    }

    pub(super) fn range(&self, uri: &str, start: usize, end: usize) -> Value {
        json!({ "start": self.position(uri, start), "end": self.position(uri, end) })
    }

    fn position(&self, uri: &str, offset: usize) -> Value {
        let before = &self.text(uri)[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        json!({ "line": before.matches('\n').count(), "character": self.units(&before[line_start..]) })
    }

    fn units(&self, text: &str) -> usize {
        if self.profile.is_utf16() { text.encode_utf16().count() } else { text.len() }
    }

    fn offset(&self, uri: &str, position: &Value) -> usize {
        let text = self.text(uri);
        let line = position["line"].as_u64().unwrap() as usize;
        let start = text.split_inclusive('\n').take(line).map(str::len).sum::<usize>();
        let mut column = 0;
        for (offset, character) in text[start..].char_indices() {
            if column >= position["character"].as_u64().unwrap() as usize {
                return start + offset;
            }
            column += if self.profile.is_utf16() { character.len_utf16() } else { character.len_utf8() };
        }
        text.len()
    }
}

/// A snippet as an editor inserts it when nobody touches its stops.
fn without_stops(snippet: &str) -> String {
    let mut text = String::new();
    let mut characters = snippet.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            '$' if characters.peek() == Some(&'{') => while characters.next().is_some_and(|next| next != ':') {},
            '}' => {}
            other => text.push(other),
        }
    }
    text
}
