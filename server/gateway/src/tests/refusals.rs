//! What programs of OpenAI's format are told where no model answers: the status by which they decide what to do, and whether to ask again.

use super::*;
use llm::scripted::{ModelServer, Script, Trouble};

/// A service with a model of its own, and who may ask it.
async fn service(script: Script) -> (Service, String, ModelServer) {
    let server = ModelServer::start(script, 100).await;
    let target = json!({ "name": "own", "model": "m", "base-url": server.url });
    let models = json!({ "target": [target], "max-prompt-bytes": 1000, "max-answer-bytes": 4096 });
    let service = Service::set(json!({ "models": models }), MetricsAccess::default()).await;
    let token = service.account("dev", Role::Developer).await;
    (service, token, server)
}

async fn ask(service: &Service, token: &str, changes: &[(&str, Value)]) -> Reply {
    let mut body = json!({ "model": "auto", "messages": [{ "role": "user", "content": "Go." }] });
    changes.iter().for_each(|(name, value)| body[*name] = value.clone());
    service.send("POST", "/v1/chat/completions", token, Some(body)).await
}

/// The status, whether to ask again, and the sentence.
fn told(reply: &Reply) -> (u16, Option<String>, String) {
    let should_retry = reply.headers.get("x-should-retry").map(|value| value.to_str().unwrap().to_owned());
    let message = reply.json()["error"]["message"].as_str().unwrap().to_owned();
    (reply.status.as_u16(), should_retry, message)
}

fn saying(status: u16, message: &str) -> Script {
    Script::Status(status, Vec::new(), json!({ "error": { "message": message } }).to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_provider_does_not_take_is_told_with_its_words_as_a_mistake_of_the_request() {
    let (service, token, server) = service(saying(400, "Invalid value for 'messages'.")).await;
    for stream in [false, true] {
        let (status, _, message) = told(&ask(&service, &token, &[("stream", json!(stream))]).await);
        assert_eq!((status, &*message), (400, "own: Invalid value for 'messages' (it does not take this request)."));
    }
    assert_eq!(server.requests(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_is_told_not_to_ask_again_where_that_is_of_no_use_and_only_there() {
    let no = Some("false".to_owned());
    for (script, status, should_retry, said) in [
        (saying(404, "model not found"), 502, &no, "check its `model` and `base-url`"),
        (saying(400, "The model `m` does not exist."), 502, &no, "check its `model` and `base-url`"),
        (Script::Fails(Trouble::Auth, Vec::new()), 502, &no, "check its `api-key`"),
        (Script::Fails(Trouble::Quota, Vec::new()), 502, &no, "its account has no credit left"),
        (Script::Fails(Trouble::Server, Vec::new()), 502, &None, "it failed, try again later"),
    ] {
        let (service, token, _server) = service(script).await;
        let (found, asks, message) = told(&ask(&service, &token, &[]).await);
        assert_eq!((found, &asks), (status, should_retry), "{message}");
        assert!(message.contains(said), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_is_too_long_is_told_as_one_and_an_answer_that_is_too_long_is_not() {
    let long = Script::Words(vec!["x".repeat(1000); 100], Duration::ZERO);
    let (service, token, server) = service(long).await;
    let messages = json!([{ "role": "user", "content": "Go. ".repeat(300) }]);
    let reply = ask(&service, &token, &[("messages", messages)]).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["error"]["code"]), (400, &json!("context_length_exceeded")));
    assert!(told(&reply).2.contains("`models.max-prompt-bytes`"), "{reply:?}");
    assert_eq!(server.requests(), 0);
    let reply = ask(&service, &token, &[]).await;
    let (status, should_retry, message) = told(&reply);
    assert_eq!((status, should_retry.as_deref()), (502, Some("false")), "{message}");
    assert!(message.contains("`models.max-answer-bytes`") && server.requests() == 1, "{message}");
    assert_ne!(reply.json()["error"]["code"], "context_length_exceeded");
}
