//! A model in OpenAI's format. Its name says what it answers: `words-COUNT-MICROS` is so many words, with so much time before each; where there is no
//! time they come at once. A word is the time at which it was sent, so that who reads it knows how long it was on its way.

use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::fmt::Write;
use std::time::Duration;

type Body = BoxBody<Bytes, Infallible>;

/// Serves until it is ended.
pub async fn serve() {
    let listener = crate::listener().await;
    while let Ok((socket, _)) = listener.accept().await {
        let _ = socket.set_nodelay(true);
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new();
            // Who leaves has seen enough.
            let _ = connection.serve_connection(TokioIo::new(socket), service_fn(answer)).await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let bytes = request.into_body().collect().await?.to_bytes();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let mut parts = body["model"].as_str().unwrap_or("").split('-').skip(1).map(|part| part.parse().unwrap_or(1));
    let (count, pause): (usize, u64) = (parts.next().unwrap_or(1) as usize, parts.next().unwrap_or(0));
    let is_streamed = body["stream"] == true;
    let wants_usage = body["stream_options"]["include_usage"] == true;
    let (kind, body): (_, Body) = match (is_streamed, pause) {
        (false, _) => ("application/json", whole(count)),
        (true, 0) => ("text/event-stream", at_once(count, wants_usage)),
        (true, pause) => ("text/event-stream", paced(count, Duration::from_micros(pause), wants_usage)),
    };
    Ok(Response::builder().header("content-type", kind).body(body).expect("plain headers"))
}

fn usage(count: usize) -> Value {
    json!({ "prompt_tokens": 500, "completion_tokens": count, "total_tokens": 500 + count })
}

fn whole(count: usize) -> Body {
    let content = "word ".repeat(count);
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "words",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": content, "refusal": null }, "logprobs": null, "finish_reason": "stop" }],
        "usage": usage(count),
    });
    Full::new(Bytes::from(body.to_string())).boxed()
}

fn word(text: &mut String) {
    // Written by hand: the model must not be what is measured.
    let _ = write!(
        text,
        "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"words\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{} \"}},\"finish_reason\":null}}]}}\n\n",
        crate::now()
    );
}

fn end(text: &mut String, count: usize, wants_usage: bool) {
    text.push_str("data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"words\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
    if wants_usage {
        let _ = write!(
            text,
            "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"words\",\"choices\":[],\"usage\":{}}}\n\n",
            usage(count)
        );
    }
    text.push_str("data: [DONE]\n\n");
}

fn at_once(count: usize, wants_usage: bool) -> Body {
    let mut text = String::with_capacity(count * 200 + 500);
    (0..count).for_each(|_| word(&mut text));
    end(&mut text, count, wants_usage);
    Full::new(Bytes::from(text)).boxed()
}

fn paced(count: usize, pause: Duration, wants_usage: bool) -> Body {
    let stream = futures_util::stream::iter(0..=count).then(move |number| async move {
        let mut text = String::new();
        if number < count {
            tokio::time::sleep(pause).await;
            word(&mut text);
        } else {
            end(&mut text, count, wants_usage);
        }
        Ok(Frame::data(Bytes::from(text)))
    });
    BodyExt::boxed(StreamBody::new(stream))
}
