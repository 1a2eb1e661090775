//! Clients that ask as fast as they are answered, each on a connection of its own, and what they saw, as JSON.

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What is to be done.
pub struct Plan {
    /// `HOST:PORT`.
    address: String,
    connections: usize,
    seconds: f64,
    model: String,
    token: String,
    is_streamed: bool,
    /// Each question is another one, so that none is answered from memory.
    is_unique: bool,
    /// Headers besides, `NAME:VALUE`.
    headers: Vec<(String, String)>,
    /// Where the numbers of questions begin.
    first: u64,
}

/// What one client saw; times in nanoseconds.
#[derive(Default)]
struct Seen {
    requests: u64,
    errors: u64,
    error: String,
    took: Vec<u64>,
    first_word: Vec<u64>,
    /// From when a word was sent by the model to when it was read.
    on_its_way: Vec<u64>,
}

impl Plan {
    /// Reads `NAME=VALUE`.
    pub fn of(arguments: &[&str]) -> Self {
        let value = |name: &str, usual: &str| {
            arguments
                .iter()
                .find_map(|argument| argument.split_once('=').filter(|(key, _)| *key == name))
                .map_or(usual, |(_, value)| value)
                .to_owned()
        };
        let headers = arguments.iter().filter_map(|argument| argument.strip_prefix("header=")?.split_once(':'));
        Self {
            address: value("url", "").trim_start_matches("http://").to_owned(),
            connections: value("connections", "64").parse().expect("a number"),
            seconds: value("seconds", "3").parse().expect("a number"),
            model: value("model", "words-32-0"),
            token: value("token", "none"),
            is_streamed: value("stream", "no") == "yes",
            is_unique: value("unique", "yes") == "yes",
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            first: crate::now(),
        }
    }

    fn request(&self, number: u64) -> Request<Full<Bytes>> {
        let number = if self.is_unique { self.first + number } else { 0 };
        // Two kilobytes, as a question with some code has.
        let code = "    total = total + value * rate  # the rate is that of today\n".repeat(30);
        let mut body = json!({
            "model": self.model, "temperature": 0,
            "messages": [
                { "role": "system", "content": "You are a careful reviewer of code." },
                { "role": "user", "content": format!("Question {number}: what does this do?\n{code}") },
            ],
        });
        if self.is_streamed {
            body["stream"] = true.into();
        }
        let mut request = Request::post("/v1/chat/completions")
            .header("host", &self.address)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.token));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(Bytes::from(body.to_string()))).expect("plain headers")
    }
}

/// Carries the plan out.
pub async fn run(plan: &Plan) -> Value {
    let began = Instant::now();
    let until = began + Duration::from_secs_f64(plan.seconds);
    let seen = join_all((0..plan.connections).map(|client| ask(plan, client as u64 * 10_000_000, until))).await;
    let seconds = began.elapsed().as_secs_f64();
    let mut all = Seen::default();
    for one in seen {
        all.requests += one.requests;
        all.errors += one.errors;
        all.took.extend(one.took);
        all.first_word.extend(one.first_word);
        all.on_its_way.extend(one.on_its_way);
        if all.error.is_empty() {
            all.error = one.error;
        }
    }
    json!({
        "requests": all.requests, "errors": all.errors, "error": all.error, "seconds": seconds,
        "took": quantiles(all.took), "first_word": quantiles(all.first_word), "on_its_way": quantiles(all.on_its_way),
    })
}

/// In milliseconds.
fn quantiles(mut times: Vec<u64>) -> Value {
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).map(|time| *time as f64 / 1e6);
    json!({ "count": times.len(), "p50": at(0.5), "p99": at(0.99) })
}

async fn connected(plan: &Plan) -> Option<SendRequest<Full<Bytes>>> {
    let socket = tokio::net::TcpStream::connect(&plan.address).await.ok()?;
    let _ = socket.set_nodelay(true);
    let (sender, connection) = handshake(TokioIo::new(socket)).await.ok()?;
    tokio::spawn(connection);
    Some(sender)
}

async fn ask(plan: &Plan, first: u64, until: Instant) -> Seen {
    let mut seen = Seen::default();
    let mut sender = None;
    while Instant::now() < until {
        let Some(mut open) = (match sender.take() {
            Some(open) => Some(open),
            None => connected(plan).await,
        }) else {
            seen.errors += 1;
            seen.error = "no connection".to_owned();
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let began = crate::now();
        let answered = async {
            open.ready().await?;
            let answer = open.send_request(plan.request(first + seen.requests + seen.errors)).await?;
            read(plan, answer, began, &mut seen).await
        };
        match answered.await {
            Ok(None) => {
                seen.requests += 1;
                seen.took.push(crate::now() - began);
                sender = Some(open);
            }
            Ok(Some(said)) => {
                seen.errors += 1;
                seen.error = said;
                sender = Some(open);
            }
            Err(error) => {
                seen.errors += 1;
                seen.error = error.to_string();
            }
        }
    }
    seen
}

/// Reads an answer; what it says where it is none.
async fn read(
    plan: &Plan,
    answer: Response<hyper::body::Incoming>,
    began: u64,
    seen: &mut Seen,
) -> Result<Option<String>, hyper::Error> {
    let status = answer.status();
    let mut body = answer.into_body();
    let (mut text, mut read_to, mut has_begun) = (Vec::new(), 0, false);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        text.extend_from_slice(&data);
        if !plan.is_streamed {
            continue;
        }
        let now = crate::now();
        while let Some((sent, next)) = word(&text, read_to) {
            read_to = next;
            if !has_begun {
                has_begun = true;
                seen.first_word.push(now - began);
            }
            seen.on_its_way.push(now.saturating_sub(sent));
        }
    }
    let is_whole = match plan.is_streamed {
        true => has_begun && text.ends_with(b"data: [DONE]\n\n"),
        false => text.windows(9).any(|part| part == b"\"content\""),
    };
    let is_good = status.is_success() && is_whole;
    Ok((!is_good).then(|| format!("{status}: {}", String::from_utf8_lossy(text.get(..300).unwrap_or(&text)))))
}

/// The next word behind a place, which is the time at which it was sent, and the place behind it.
fn word(text: &[u8], from: usize) -> Option<(u64, usize)> {
    const MARK: &[u8] = b"\"content\":\"";
    let rest = text.get(from..)?;
    let begin = rest.windows(MARK.len()).position(|part| part == MARK)? + MARK.len();
    let length = rest.get(begin..)?.iter().position(|byte| *byte == b'"')?;
    let sent = std::str::from_utf8(rest.get(begin..begin + length)?).ok()?;
    // A piece may hold several words, or none; the last of them is the one that had least time.
    let sent = sent.split_whitespace().last().and_then(|word| word.parse().ok());
    match sent {
        Some(sent) => Some((sent, from + begin + length)),
        None => word(text, from + begin + length),
    }
}
