//! The recorder: a conversation between an editor and this server written down message by message, and played again.
//!
//! A record holds what the editor sent, the text of its documents with it, so it is as private as they are. One line of JSON for each message,
//! in the order in which they went by; answers of models stand between them.

use engine::ServerCore;
use engine::tape::Tape;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes that are moved at a time.
const CHUNK: usize = 64 << 10;
/// How long a message of the server is waited for when a record is played.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a record goes.
#[derive(Clone)]
pub struct Record(Arc<Mutex<Box<dyn Write + Send>>>);

impl Record {
    /// A record that goes to `out`.
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Box::new(out))))
    }

    /// The part of it that models write to.
    pub fn tape(&self) -> Tape {
        let record = self.clone();
        Tape::Recording(Box::new(move |answer| record.write(&json!({ "model": answer }))))
    }

    fn write(&self, line: &Value) {
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk must not end the session that is recorded.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// Finds the messages in a stream of bytes.
#[derive(Default)]
struct Messages {
    held: Vec<u8>,
}

impl Messages {
    /// The messages that are complete with these bytes.
    fn push(&mut self, bytes: &[u8]) -> Vec<Value> {
        self.held.extend_from_slice(bytes);
        let mut found = Vec::new();
        loop {
            let Some(end) = self.held.windows(4).position(|four| four == b"\r\n\r\n") else { return found };
            let head = String::from_utf8_lossy(self.held.get(..end).unwrap_or(&[])).to_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
            let Some(length) = length else {
                // What is no message is passed over, as the server does.
                self.held.drain(..end + 4);
                continue;
            };
            let Some(body) = self.held.get(end + 4..end + 4 + length) else { return found };
            found.push(serde_json::from_slice(body).unwrap_or_else(|_| json!(String::from_utf8_lossy(body))));
            self.held.drain(..end + 4 + length);
        }
    }
}

/// Moves bytes from one side to the other and writes the messages in them down.
async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, who: &'static str, record: Record) {
    let mut messages = Messages::default();
    let mut chunk = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        let bytes = chunk.get(..length).unwrap_or(&[]);
        for message in messages.push(bytes) {
            record.write(&json!({ "from": who, "message": message }));
        }
        if to.write_all(bytes).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

/// Serves one client as [`crate::serve`] does, and writes the conversation down.
pub async fn serve_recorded<I, O>(core: ServerCore, input: I, output: O, record: Record) -> crate::Outcome
where
    I: AsyncRead + Send + Unpin + 'static,
    O: AsyncWrite + Send + Unpin + 'static,
{
    core.set_tape(record.tape());
    record.write(&json!({ "record": 1, "version": env!("CARGO_PKG_VERSION") }));
    let (ours, theirs) = tokio::io::duplex(CHUNK);
    let (from_server, to_server) = tokio::io::split(ours);
    let (input_of_server, output_of_server) = tokio::io::split(theirs);
    let incoming = pass(input, to_server, "editor", record.clone());
    let outgoing = pass(from_server, output, "server", record);
    let serving = crate::serve(core, input_of_server, output_of_server);
    let mut passing = std::pin::pin!(async { tokio::join!(incoming, outgoing) });
    let mut serving = std::pin::pin!(serving);
    let outcome = tokio::select! {
        outcome = &mut serving => outcome,
        _ = &mut passing => return serving.await,
    };
    // What the server said last still goes out; the editor may never close its end.
    let _ = tokio::time::timeout(Duration::from_millis(200), passing).await;
    outcome
}

/// What is different between a record and the same session played again; empty where nothing is.
///
/// # Errors
/// If the record cannot be read, in a sentence.
pub async fn replay(core: ServerCore, record: &str) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    for (number, line) in record.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let value: Value = serde_json::from_str(line)
            .map_err(|error| format!("Line {} of the record is no JSON: {error}.", number + 1))?;
        lines.push(value);
    }
    if lines.first().and_then(|line| line.get("record")) != Some(&json!(1)) {
        return Err("This is no record of a session, or one of another version.".to_owned());
    }
    core.set_tape(Tape::of(lines.iter().filter_map(|line| line.get("model").cloned())));
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let (mut from_server, mut to_server) = tokio::io::split(ours);
    let (input, output) = tokio::io::split(theirs);
    let play = async {
        let mut messages = Messages::default();
        let mut said: Vec<Value> = Vec::new();
        let mut differences = Vec::new();
        let spoken: Vec<(&str, &Value)> = lines
            .iter()
            .filter_map(|line| Some((line.get("from")?.as_str()?, line.get("message")?)))
            .filter(|(_, message)| !is_of_the_clock(message))
            .collect();
        for (number, (who, message)) in spoken.iter().enumerate() {
            if *who == "editor" {
                let body = without_process(message).to_string();
                let mut frame = String::new();
                // Writing into a string does not fail.
                let _ = write!(frame, "Content-Length: {}\r\n\r\n{body}", body.len());
                if to_server.write_all(frame.as_bytes()).await.is_err() {
                    differences.push(format!("The server ended before message {number} of the editor."));
                    break;
                }
                continue;
            }
            if is_overtaken(message, spoken.get(number + 1..).unwrap_or(&[])) {
                continue;
            }
            if !awaited(&mut from_server, &mut messages, &mut said, message).await {
                // What comes behind the first difference is different too.
                differences.push(format!("The server did not say again: {}", short(message)));
                differences.extend(said.iter().take(3).map(|other| format!("It said instead: {}", short(other))));
                break;
            }
        }
        differences
    };
    let serving = crate::serve(core, input, output);
    let mut serving = std::pin::pin!(serving);
    let mut play = std::pin::pin!(play);
    tokio::select! {
        differences = &mut play => Ok(differences),
        _ = &mut serving => Ok(tokio::time::timeout(PATIENCE, play).await.unwrap_or_else(|_| vec!["The server ended early.".to_owned()])),
    }
}

/// Waits until the server says this message; what it says meanwhile is kept for later ones.
async fn awaited(
    from: &mut (impl AsyncRead + Unpin),
    messages: &mut Messages,
    said: &mut Vec<Value>,
    wanted: &Value,
) -> bool {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut chunk = vec![0; CHUNK];
    loop {
        if let Some(at) = said.iter().position(|message| message == wanted) {
            said.remove(at);
            return true;
        }
        match tokio::time::timeout_at(deadline, from.read(&mut chunk)).await {
            Ok(Ok(length @ 1..)) => said.extend(messages.push(chunk.get(..length).unwrap_or(&[]))),
            _ => return false,
        }
    }
}

/// The editor's process, whose end would end the session, is not there any more.
fn without_process(message: &Value) -> Value {
    let mut message = message.clone();
    if let Some(process) = message.pointer_mut("/params/processId") {
        *process = Value::Null;
    }
    message
}

/// Whether a message depends on how long something took: how far an answer is, and what a trace tells.
fn is_of_the_clock(message: &Value) -> bool {
    let method = message.get("method").and_then(Value::as_str).unwrap_or("");
    let kind = message.pointer("/params/value/kind").and_then(Value::as_str);
    method == "$/logTrace" || method == "window/logMessage" || (method == "$/progress" && kind == Some("report"))
}

/// Whether the same document's findings are pushed again before the editor says anything: how often depends on the clock.
fn is_overtaken(message: &Value, later: &[(&str, &Value)]) -> bool {
    const METHOD: &str = "textDocument/publishDiagnostics";
    let uri = |message: &Value| {
        let is_push = message.get("method").and_then(Value::as_str) == Some(METHOD);
        is_push.then(|| message.pointer("/params/uri").cloned()).flatten()
    };
    let Some(own) = uri(message) else { return false };
    later.iter().any(|(who, later)| *who == "server" && uri(later).as_ref() == Some(&own))
}

fn short(message: &Value) -> String {
    message.to_string().chars().take(300).collect()
}
