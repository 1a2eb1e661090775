//! The agent: takes messages in their order, answers at once what is short, and drives the turns of all sessions side by side.

use crate::GRACE;
use crate::client::Client;
use crate::commands;
use crate::content::{Block, Question};
use crate::lines::{LONGEST, Line, Lines};
use crate::message::{self, Failure, Incoming, params};
use crate::session::Session;
use crate::turn::{Stop, Turn};
use engine::ServerCore;
use engine::workspace::uri;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::io::AsyncRead;

/// The version of the protocol.
const VERSION: u16 = 1;

/// What a client can do; what is not said it cannot.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Initialize {
    client_capabilities: Capabilities,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Capabilities {
    fs: Files,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Files {
    read_text_file: bool,
    write_text_file: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewSession {
    cwd: PathBuf,
    #[serde(default)]
    mcp_servers: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Prompt {
    session_id: String,
    prompt: Vec<Block>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cancel {
    session_id: String,
}

/// One client's agent.
pub(crate) struct Agent {
    core: ServerCore,
    client: Arc<Client>,
    sessions: HashMap<String, Arc<Session>>,
    turns: FuturesUnordered<BoxFuture<'static, ()>>,
}

impl Agent {
    pub fn new(core: ServerCore, client: Arc<Client>) -> Self {
        Self { core, client, sessions: HashMap::new(), turns: FuturesUnordered::new() }
    }

    /// Serves until the input ends; turns that are under way then are cancelled.
    pub async fn run<I: AsyncRead + Unpin>(mut self, input: I) {
        let mut lines = Lines::new(input, LONGEST);
        loop {
            let line = tokio::select! {
                line = lines.next() => line,
                Some(()) = self.turns.next(), if !self.turns.is_empty() => continue,
            };
            match line {
                Line::Text(line) if line.trim_ascii().is_empty() => {}
                Line::Text(line) => self.take(message::parse(&line)),
                Line::TooLong => {
                    let failure = Failure::request(format!("A message may have {LONGEST} bytes at most."));
                    self.client.reply(&Value::Null, Err(failure));
                }
                Line::End => break,
            }
        }
        self.sessions.values().for_each(|session| session.cancel(None));
        let ended = async { while self.turns.next().await.is_some() {} };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            tracing::warn!("A turn did not end in time.");
        }
    }

    fn take(&mut self, message: Incoming) {
        match message {
            Incoming::Request { id, method, params } if method == "session/prompt" => {
                if let Err(failure) = self.prompt(&id, &method, params) {
                    self.client.reply(&id, Err(failure));
                }
            }
            Incoming::Request { id, method, params } => {
                let (result, session) = match self.answer(&method, params) {
                    Ok((result, session)) => (Ok(result), session),
                    Err(failure) => (Err(failure), None),
                };
                self.client.reply(&id, result);
                // A client knows a session once it has read the reply.
                if let Some(session) = session {
                    self.client.update(&session.id, commands::advertised());
                }
            }
            Incoming::Notification { method, params } => self.notice(&method, params),
            Incoming::Reply { id, result } => self.client.answered(&id, result),
            Incoming::Invalid { id, failure } => self.client.reply(&id, Err(failure)),
        }
    }

    /// What is answered at once, and the session that it made.
    fn answer(&mut self, method: &str, given: Value) -> Result<(Value, Option<Arc<Session>>), Failure> {
        match method {
            "initialize" => {
                // A client that says nothing of itself can do nothing for us.
                let Initialize { client_capabilities } = params(method, given).unwrap_or_default();
                self.client.reads_files.store(client_capabilities.fs.read_text_file, Ordering::Relaxed);
                self.client.writes_files.store(client_capabilities.fs.write_text_file, Ordering::Relaxed);
                Ok((initialized(), None))
            }
            "authenticate" => Ok((json!({}), None)),
            "session/new" => {
                let session = self.new_session(params(method, given)?)?;
                Ok((json!({ "sessionId": session.id }), Some(session)))
            }
            _ => Err(Failure::method(method)),
        }
    }

    fn new_session(&mut self, NewSession { cwd, mcp_servers }: NewSession) -> Result<Arc<Session>, Failure> {
        if !cwd.is_absolute() {
            return Err(Failure::params("The `cwd` of a session must be an absolute path."));
        }
        if !mcp_servers.is_empty() {
            tracing::warn!(
                "This agent uses no MCP servers; of those that the client named, {} are passed over.",
                mcp_servers.len()
            );
        }
        match self.core.roots() {
            roots if roots.contains(&cwd) => {}
            roots if roots.is_empty() => self.core.add_root(&uri::from_path(&cwd)),
            // What was looked at before is looked at anew.
            _ => self.core.change_roots(&[], &[uri::from_path(&cwd)]),
        }
        let session = Arc::new(Session::new(format!("session-{}", self.client.number()), cwd));
        self.sessions.insert(session.id.clone(), session.clone());
        Ok(session)
    }

    /// Begins a turn. Its reply comes when it is over.
    fn prompt(&mut self, id: &Value, method: &str, given: Value) -> Result<(), Failure> {
        let Prompt { session_id, prompt } = params(method, given)?;
        let session = self.sessions.get(&session_id).ok_or_else(|| Failure::session(&session_id))?.clone();
        let question = Question::read(prompt, &session.root);
        if question.text.trim().is_empty() {
            return Err(Failure::params("The prompt says nothing that this agent can read."));
        }
        let cancelled = session
            .begin(id)
            .ok_or_else(|| Failure::request("This session still answers a prompt; cancel that one first."))?;
        let (core, client, id) = (self.core.clone(), self.client.clone(), id.clone());
        self.turns.push(Box::pin(async move {
            let turn = Turn { core: &core, client: &client, session: &session };
            let work = AssertUnwindSafe(turn.take(question)).catch_unwind();
            // What is left of the turn is dropped here, which ends its calls; nothing of it can follow the reply.
            let result = tokio::select! {
                biased;
                _ = cancelled => Ok(Stop::Cancelled),
                result = work => result,
            };
            session.end();
            client.reply(
                &id,
                match result {
                    Ok(stop) => Ok(json!({ "stopReason": stop.name() })),
                    Err(_panic) => {
                        Err(Failure::internal("Answering this prompt failed inside the agent; it goes on serving."))
                    }
                },
            );
        }));
        Ok(())
    }

    /// Notifications get no answer, whatever is wrong with them.
    fn notice(&self, method: &str, given: Value) {
        match method {
            "session/cancel" => match params::<Cancel>(method, given) {
                Ok(Cancel { session_id }) => {
                    if let Some(session) = self.sessions.get(&session_id) {
                        session.cancel(None);
                    }
                }
                Err(failure) => tracing::warn!("{}", failure.message),
            },
            "$/cancel_request" => {
                let id = given.get("requestId").unwrap_or(&Value::Null);
                self.sessions.values().for_each(|session| session.cancel(Some(id)));
            }
            _ => tracing::debug!("The notification `{method}` is not known."),
        }
    }
}

fn initialized() -> Value {
    json!({
        "protocolVersion": VERSION,
        "agentCapabilities": {
            "loadSession": false,
            "promptCapabilities": { "image": false, "audio": false, "embeddedContext": true },
            "mcpCapabilities": { "http": false, "sse": false },
        },
        "agentInfo": { "name": "code-agent", "title": "code-agent", "version": env!("CARGO_PKG_VERSION") },
        "authMethods": [],
    })
}
