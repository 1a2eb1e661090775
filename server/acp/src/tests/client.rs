//! A client at the other end of a pipe in memory, with a folder of its own.

use engine::config::{ConfigurationManager, Sources};
use engine::mode::{EditorMode, Offline};
use engine::workspace::files::DiskFiles;
use engine::workspace::uri;
use engine::{Parts, ServerCore};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines};
use tokio::task::JoinHandle;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct TestClient {
    folder: TempDir,
    input: Option<DuplexStream>,
    output: Lines<BufReader<DuplexStream>>,
    serving: JoinHandle<()>,
    /// Messages that came and that nobody asked for yet.
    inbox: Vec<Value>,
    /// All updates that came.
    updates: Vec<Value>,
    next: u64,
    /// Chunks of the last answer.
    pub chunks: usize,
}

/// A core whose models are at these addresses, in their order; without one if there are none.
fn core(urls: &str) -> ServerCore {
    let core = ServerCore::new(Parts {
        file_system: Arc::new(DiskFiles),
        config: Arc::new(ConfigurationManager::new(Sources::none()).0),
        metrics: Arc::default(),
        mode: Arc::new(EditorMode),
        strategy: Arc::new(Offline),
        journal: || None,
    });
    let targets: Vec<Value> = urls
        .split_whitespace()
        .zip(["own", "other"])
        .map(|(url, name)| json!({ "name": name, "model": "m", "base-url": url }))
        .collect();
    if !targets.is_empty() {
        let (models, routing) = (json!({ "target": targets }), json!({ "strategy": "ordered" }));
        core.set_editor_settings(json!({ "models": models, "routing": routing, "cache": { "max-bytes": 0 } }));
    }
    core
}

impl TestClient {
    pub async fn start(urls: &str) -> Self {
        let (input, theirs) = tokio::io::duplex(64 << 10);
        let (ours, output) = tokio::io::duplex(64 << 10);
        let serving = tokio::spawn(crate::serve(core(urls), theirs, ours));
        Self {
            folder: TempDir::new().unwrap(),
            input: Some(input),
            output: BufReader::new(output).lines(),
            serving,
            inbox: Vec::new(),
            updates: Vec::new(),
            next: 1000,
            chunks: 0,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn uri(&self, name: &str) -> String {
        uri::from_path(&self.path(name))
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), text).unwrap();
    }

    pub async fn line(&mut self, line: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(line).await.unwrap();
        input.write_all(b"\n").await.unwrap();
    }

    pub async fn notify(&mut self, method: &str, params: Value) {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        self.line(message.to_string().as_bytes()).await;
    }

    pub async fn send(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let message = json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params });
        self.line(message.to_string().as_bytes()).await;
        json!(self.next)
    }

    /// Answers a request of the agent.
    pub async fn answer(&mut self, request: &Value, result: Value) {
        let message = json!({ "jsonrpc": "2.0", "id": request["id"], "result": result });
        self.line(message.to_string().as_bytes()).await;
    }

    /// The first message that is wanted, of those that came or are to come.
    async fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            if let Some(place) = self.inbox.iter().position(&wanted) {
                return self.inbox.remove(place);
            }
            let line = tokio::time::timeout(PATIENCE, self.output.next_line()).await.expect("in time").unwrap();
            let message: Value = serde_json::from_str(&line.expect("the agent is there")).unwrap();
            assert_eq!(message["jsonrpc"], "2.0");
            if message["method"] == "session/update" {
                self.updates.push(message["params"].clone());
            }
            self.inbox.push(message);
        }
    }

    pub async fn reply(&mut self, id: Value) -> Value {
        self.wait(|message| message.get("method").is_none() && message["id"] == id).await
    }

    /// A request of the agent.
    pub async fn request(&mut self, method: &str) -> Value {
        self.wait(|message| message["method"] == method && message.get("id").is_some()).await
    }

    /// A message of the agent that came already.
    pub fn unread(&self, method: &str) -> Option<&Value> {
        self.inbox.iter().find(|message| message["method"] == method)
    }

    /// The next update of a session.
    pub async fn update(&mut self, session: &str) -> Value {
        let is_one =
            |message: &Value| message["method"] == "session/update" && message["params"]["sessionId"] == session;
        self.wait(is_one).await["params"]["update"].clone()
    }

    /// The next chunk of an answer.
    pub async fn chunk(&mut self, session: &str) {
        while self.update(session).await["sessionUpdate"] != "agent_message_chunk" {}
    }

    pub async fn ok(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params).await;
        let reply = self.reply(id).await;
        assert!(reply.get("error").is_none(), "{reply}");
        reply["result"].clone()
    }

    pub async fn fail(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params).await;
        let reply = self.reply(id).await;
        assert!(reply.get("result").is_none(), "{reply}");
        reply["error"].clone()
    }

    /// A new session in the folder.
    pub async fn session(&mut self) -> String {
        let params = json!({ "cwd": self.folder.path(), "mcpServers": [{ "name": "x", "command": "y", "args": [] }] });
        self.ok("session/new", params).await["sessionId"].as_str().unwrap().to_owned()
    }

    pub fn params(&self, session: &str, text: &str) -> Value {
        json!({ "sessionId": session, "prompt": [{ "type": "text", "text": text }] })
    }

    /// Sends a prompt and gives the number of its request.
    pub async fn begin(&mut self, session: &str, text: &str) -> Value {
        self.updates.clear();
        self.send("session/prompt", self.params(session, text)).await
    }

    /// Sends a prompt and waits for its end: what was said, and why it ended.
    pub async fn prompt(&mut self, session: &str, text: &str) -> (String, String) {
        self.prompt_blocks(session, json!([{ "type": "text", "text": text }])).await
    }

    pub async fn prompt_blocks(&mut self, session: &str, blocks: Value) -> (String, String) {
        self.updates.clear();
        let result = self.ok("session/prompt", json!({ "sessionId": session, "prompt": blocks })).await;
        (self.said(session), result["stopReason"].as_str().unwrap().to_owned())
    }

    /// What was said since the last prompt.
    pub fn said(&mut self, session: &str) -> String {
        let of_session = self.updates.iter().filter(|params| params["sessionId"] == session);
        let chunks = of_session.filter(|params| params["update"]["sessionUpdate"] == "agent_message_chunk");
        let texts: Vec<&str> = chunks.filter_map(|params| params["update"]["content"]["text"].as_str()).collect();
        self.chunks = texts.len();
        texts.concat()
    }

    /// What was told of tool calls since the last prompt.
    pub fn calls(&self) -> Vec<Value> {
        let is_call =
            |update: &&Value| update["sessionUpdate"].as_str().is_some_and(|kind| kind.starts_with("tool_call"));
        self.updates.iter().map(|params| &params["update"]).filter(is_call).cloned().collect()
    }

    /// Closes the input; whether the agent ends soon after.
    pub async fn end(&mut self) -> bool {
        drop(self.input.take());
        tokio::time::timeout(Duration::from_secs(5), &mut self.serving).await.is_ok_and(|ended| ended.is_ok())
    }
}
