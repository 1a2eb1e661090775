//! A proxy that does the least that one can do which understands what it passes on: it parses the JSON of the request and writes it anew, and the
//! same with the answer, whole or event by event. It knows nobody, keeps nothing and decides nothing.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::StreamExt;
use http_body_util::{BodyExt, BodyStream, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::convert::Infallible;

#[derive(Clone)]
struct Proxy {
    client: Client<HttpConnector, Full<Bytes>>,
    upstream: String,
}

/// Serves until it is ended.
pub async fn serve(upstream: &str) {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let proxy = Proxy { client, upstream: format!("{upstream}/v1/chat/completions") };
    let router = Router::new().route("/v1/chat/completions", post(pass_on)).with_state(proxy);
    let listener = axum::serve::ListenerExt::tap_io(crate::listener().await, |socket| {
        let _ = socket.set_nodelay(true);
    });
    axum::serve(listener, router).await.expect("it goes on");
}

/// The same JSON, written anew.
fn anew(bytes: &[u8]) -> Option<Vec<u8>> {
    serde_json::to_vec(&serde_json::from_slice::<Value>(bytes).ok()?).ok()
}

async fn pass_on(State(proxy): State<Proxy>, request: Bytes) -> Response {
    let Some(body) = anew(&request) else { return StatusCode::BAD_REQUEST.into_response() };
    let request = Request::post(&proxy.upstream)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .expect("a plain address");
    let Ok(answer) = proxy.client.request(request).await else { return StatusCode::BAD_GATEWAY.into_response() };
    let kind = answer.headers().get(header::CONTENT_TYPE).cloned();
    let is_streamed = kind.as_ref().is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    let body = if is_streamed {
        events(answer.into_body())
    } else {
        let Ok(whole) = answer.into_body().collect().await else { return StatusCode::BAD_GATEWAY.into_response() };
        let Some(whole) = anew(&whole.to_bytes()) else { return StatusCode::BAD_GATEWAY.into_response() };
        Body::from(whole)
    };
    let mut response = Response::new(body);
    if let Some(kind) = kind {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

/// Each event with its JSON written anew, as soon as it is whole; those that came together go on together.
fn events(body: hyper::body::Incoming) -> Body {
    let mut rest = Vec::new();
    let stream = BodyStream::new(body).map(move |frame| {
        let frame = frame.ok().and_then(|frame| frame.into_data().ok()).unwrap_or_default();
        rest.extend_from_slice(&frame);
        let mut written = Vec::with_capacity(rest.len());
        let mut from = 0;
        while let Some(length) = rest.get(from..).and_then(|rest| rest.windows(2).position(|two| two == b"\n\n")) {
            let event = rest.get(from..from + length).unwrap_or_default();
            let data = event.strip_prefix(b"data: ").unwrap_or(event);
            written.extend_from_slice(b"data: ");
            match anew(data) {
                Some(json) => written.extend_from_slice(&json),
                None => written.extend_from_slice(data),
            }
            written.extend_from_slice(b"\n\n");
            from += length + 2;
        }
        rest.drain(..from);
        Ok::<_, Infallible>(Bytes::from(written))
    });
    Body::from_stream(stream)
}
