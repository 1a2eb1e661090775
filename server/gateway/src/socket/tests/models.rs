//! Calls to a model through the door for OpenAI's format, heard on the WebSocket step by step: by whom, and what of them.

use super::*;
use llm::scripted::{Behaviour, ModelServer, Script, Trouble};

async fn ask(listening: &Listening, token: &str, question: &str) -> u16 {
    let body = json!({ "model": "own", "messages": [{ "role": "user", "content": question }] });
    listening.service.send("POST", "/v1/chat/completions", token, Some(body)).await.status.as_u16()
}

/// What the next events about models tell, without how long it took.
async fn heard(client: &mut Client, count: usize) -> Vec<Value> {
    let mut all = Vec::new();
    for _ in 0..count {
        let message = client.next().await;
        assert_eq!((&message["method"], &message["params"]["topic"]), (&json!("service/event"), &json!("models")));
        let mut data = message["params"]["data"].clone();
        if let Some(took) = data.as_object_mut().unwrap().remove("took_ms") {
            assert!(took.as_f64().is_some_and(|took| took >= 0.0), "{message}");
        }
        all.push(data);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_to_a_model_is_heard_by_who_may_hear_it_and_its_cost_by_who_may_see_that() {
    let answering = Behaviour { prompt: 1000, ..Behaviour::saying("Sesame opens it.") };
    let server = ModelServer::start(answering.script(), 100).await;
    let price = json!({ "input": 2.0, "output": 10.0 });
    let target = json!({ "name": "own", "model": "m", "base-url": server.url, "price": price });
    let listening = Listening::set(json!({ "models": { "target": [target] } })).await;
    let mut clients = Vec::new();
    for role in [Role::Viewer, Role::Developer, Role::Maintainer, Role::Auditor] {
        let token = listening.service.account(role.name(), role).await;
        let mut client = listening.connect(&token).await;
        client.subscribe(json!(["models"])).await;
        clients.push((role, client));
    }
    let token = listening.service.sign_in("developer").await;
    let body = json!({ "name": "ci", "scopes": ["socket", "jobs"], "days": 1 });
    let made = listening.service.send("POST", "/api/v2/tokens", &token, Some(body)).await.json();
    let mut other = listening.connect(made["secret"].as_str().unwrap()).await;
    let refused = other.ask("service/subscribe", json!({ "topics": ["models"] })).await;
    assert_eq!(refused["error"]["code"], -32001, "{refused}");
    other.subscribe(json!(["jobs"])).await;

    assert_eq!(ask(&listening, &token, "What is the word?").await, 200);
    server.next([Script::Fails(Trouble::Auth, Vec::new())]);
    assert_eq!(ask(&listening, &token, "And the next one?").await, 502);
    assert_eq!(server.requests(), 2);

    let asked = json!({ "type": "asked", "target": "own", "provider": "openai", "model": "m", "attempt": 0 });
    let first_word = json!({ "type": "first-word", "target": "own" });
    let failed = json!({ "type": "failed", "target": "own", "cause": "auth" });
    for (role, client) in &mut clients {
        let mut answered = json!({ "type": "answered", "target": "own", "input_tokens": 1000, "output_tokens": 3 });
        if matches!(role, Role::Maintainer | Role::Auditor) {
            answered["cost_dollars"] = json!(0.00203);
        }
        let expected = [asked.clone(), first_word.clone(), answered, asked.clone(), failed.clone()];
        assert_eq!(heard(client, 5).await, expected, "{role:?}");
        assert!(client.is_silent().await, "{role:?} heard more");
    }
    // He hears what he asked for, and of the models nothing.
    let job = listening.job("developer").await;
    assert_eq!(other.event().await.1["job"], *job);
    assert!(other.is_silent().await);
}
