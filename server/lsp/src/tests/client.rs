//! A client in memory for the tests: writes raw messages into one end of a pipe and reads what comes out.
//!
//! It answers nothing by itself: a test that expects a request of the server replies to it, so that nothing goes unseen.

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};

/// One end of the pipe.
pub(crate) struct TestClient {
    input: ReadHalf<DuplexStream>,
    output: Option<WriteHalf<DuplexStream>>,
    buffer: Vec<u8>,
    /// Messages read while waiting for another.
    pub(crate) unread: VecDeque<Value>,
    next_id: i64,
}

impl TestClient {
    /// The client and the server's two halves of the pipe.
    pub(crate) fn pair() -> (Self, ReadHalf<DuplexStream>, WriteHalf<DuplexStream>) {
        let (here, there) = tokio::io::duplex(1 << 16);
        let (input, output) = tokio::io::split(here);
        let (server_input, server_output) = tokio::io::split(there);
        let client = Self { input, output: Some(output), buffer: Vec::new(), unread: VecDeque::new(), next_id: 1 };
        (client, server_input, server_output)
    }

    /// Writes bytes as they are.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        self.output.as_mut().expect("the pipe is open").write_all(bytes).await.expect("the server reads");
    }

    /// Writes one message.
    pub(crate) async fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.raw(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await;
    }

    /// Sends a notification.
    pub(crate) async fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params })).await;
    }

    /// Sends a request and gives its identifier.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
        id
    }

    /// Sends a request and gives the whole reply.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params).await;
        self.reply(id).await
    }

    /// Sends a request and gives its result; fails on an error.
    pub(crate) async fn result(&mut self, method: &str, params: Value) -> Value {
        let reply = self.call(method, params).await;
        assert!(reply.get("error").is_none(), "{method} failed: {reply}");
        reply["result"].clone()
    }

    /// Waits for the reply to a request of this client.
    pub(crate) async fn reply(&mut self, id: i64) -> Value {
        self.wait_for(|message| message.get("method").is_none() && message["id"] == id).await
    }

    /// Waits for a message of this method.
    pub(crate) async fn wait_method(&mut self, method: &str) -> Value {
        self.wait_for(|message| message["method"] == method).await
    }

    /// Waits for the first message that fits; the others are kept.
    pub(crate) async fn wait_for(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.unread.iter().position(&fits) {
            return self.unread.remove(at).expect("it was just found");
        }
        loop {
            let message = self.read().await.unwrap_or_else(|| panic!("the server hung up; unread: {:?}", self.unread));
            if fits(&message) {
                return message;
            }
            self.unread.push_back(message);
        }
    }

    /// Answers a request of the server.
    pub(crate) async fn answer(&mut self, request: &Value, result: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })).await;
    }

    /// The next message; `None` when the server closed its end.
    pub(crate) async fn read(&mut self) -> Option<Value> {
        tokio::time::timeout(Duration::from_secs(20), self.read_forever())
            .await
            .unwrap_or_else(|_| panic!("nothing came for 20 seconds; unread: {:?}", self.unread))
    }

    async fn read_forever(&mut self) -> Option<Value> {
        loop {
            if let Some(head) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let header = std::str::from_utf8(&self.buffer[..head]).expect("headers are ASCII");
                let length =
                    header.strip_prefix("Content-Length: ").expect("one header").parse::<usize>().expect("a number");
                if self.buffer.len() >= head + 4 + length {
                    let body = self.buffer[head + 4..head + 4 + length].to_vec();
                    self.buffer.drain(..head + 4 + length);
                    return Some(serde_json::from_slice(&body).expect("the server writes JSON"));
                }
            }
            if self.input.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                assert!(self.buffer.is_empty(), "the server broke off in a message");
                return None;
            }
        }
    }

    /// Closes the pipe to the server.
    pub(crate) async fn hang_up(&mut self) {
        if let Some(mut output) = self.output.take() {
            let _ = output.shutdown().await;
        }
    }
}
