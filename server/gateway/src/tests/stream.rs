//! Answers piece by piece through the door for OpenAI's format: when they begin, and what becomes of an error before that and after it.

use super::*;
use llm::scripted::{Behaviour, ModelServer, Script, Trouble};
use std::time::{Duration, Instant};

/// How long an answer may be without a word here.
const SILENCE: Duration = Duration::from_millis(50);

/// A service with a model of its own, and who may ask it.
async fn service(script: Script) -> (Service, String, ModelServer) {
    let server = ModelServer::start(script, 100).await;
    let target = json!({ "name": "own", "model": "m", "base-url": server.url });
    let service = Service::set(json!({ "models": { "target": [target] } }), MetricsAccess::default()).await;
    let token = service.account("dev", Role::Developer).await;
    (service, token, server)
}

/// The answer, as soon as its header is there.
async fn begin(service: &Service, token: &str) -> Response {
    let body = json!({ "model": "auto", "stream": true, "messages": [{ "role": "user", "content": "Go." }] });
    let request = Request::builder().method("POST").uri("/v1/chat/completions");
    let request = request.header("authorization", format!("Bearer {token}")).header("content-type", "application/json");
    service.router.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap()
}

/// The type of an answer, and all of its body.
async fn all(response: Response) -> (String, String) {
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (kind, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_a_word_begins_anyway_and_its_words_come_later() {
    let late = Duration::from_secs(2);
    let behaviour = Behaviour { before_first: late, ..Behaviour::saying("Here at last.") };
    let (service, token, _server) = service(behaviour.script()).await;
    assert_eq!(service.gateway.silence(), Duration::from_secs(15), "programs and proxies wait for a minute or so");
    service.gateway.set_silence(SILENCE);
    let began = Instant::now();
    let response = begin(&service, &token).await;
    let waited = began.elapsed();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["x-accel-buffering"], "no", "proxies pass each piece on at once");
    assert_eq!(response.headers()["cache-control"], "no-cache");
    assert!(waited >= SILENCE && waited < late, "it did not wait for the first word: {waited:?}");
    let (kind, text) = all(response).await;
    assert!(began.elapsed() >= late, "the control: the first word came so late");
    assert!(kind == "text/event-stream" && text.contains("Here") && text.ends_with("data: [DONE]\n\n"), "{text}");
    assert_eq!(text.matches("\"role\":\"assistant\"").count(), 1, "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_before_the_beginning_has_its_status_and_one_after_it_is_the_last_event() {
    let refusing = |after: Duration| {
        let script = Script::Fails(Trouble::ContentFilter, Vec::new());
        service(Script::After(after, Box::new(script)))
    };
    let code = |text: &str| serde_json::from_str::<Value>(text).unwrap()["error"]["code"].clone();
    let (early, token, _server) = refusing(Duration::from_millis(200)).await;
    let response = begin(&early, &token).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let (kind, text) = all(response).await;
    assert_eq!((&*kind, code(&text)), ("application/json", json!("content_filter")), "{text}");
    let (late, token, _server) = refusing(Duration::from_secs(1)).await;
    late.gateway.set_silence(SILENCE);
    let response = begin(&late, &token).await;
    assert_eq!(response.status(), StatusCode::OK);
    let (kind, text) = all(response).await;
    let last = text.lines().filter_map(|line| line.strip_prefix("data: ")).next_back().unwrap();
    assert_eq!((&*kind, code(last)), ("text/event-stream", json!("content_filter")), "{text}");
}
