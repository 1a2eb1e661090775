//! Messages that are refused: what stands of them in the audit log.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_refused_is_written_down_once_with_its_policy() {
    let listening = Listening::new().await;
    let service = &listening.service;
    let auditor = service.account("otto", Role::Auditor).await;
    let mut client = listening.connect(&auditor).await;
    // The second time he is only told so again, and what is allowed leaves no line.
    for (method, topic, is_refused) in [
        ("service/subscribe", "jobs", true),
        ("service/subscribe", "jobs", true),
        ("initialize", "", true),
        ("service/subscribe", "models", false),
    ] {
        let answer = client.ask(method, json!({ "topics": [topic] })).await;
        assert_eq!(answer["error"]["code"] == -32001, is_refused, "{method} {topic}: {answer}");
    }
    let session = service.account("ann", Role::Developer).await;
    let body = json!({ "name": "ci", "scopes": ["socket", "jobs"], "days": 1 });
    let made = service.send("POST", "/api/v2/tokens", &session, Some(body)).await.json();
    let mut client = listening.connect(made["secret"].as_str().unwrap()).await;
    let answer = client.ask("service/subscribe", json!({ "topics": ["models"] })).await;
    assert_eq!(answer["error"]["code"], -32001, "{answer}");

    let (otto, ann) = (service.id_of("otto").await, service.id_of("ann").await);
    let lines = service.gateway.store().audit_entries(None, 100).await.unwrap();
    let of_messages = lines.iter().rev().filter(|line| line.resource == "/api/v2/ws");
    let of_messages: Vec<_> =
        of_messages.map(|line| (&*line.actor, &*line.action, line.allowed, &*line.policy)).collect();
    let expected = [
        (&*otto, "socket.jobs", false, "default-deny"),
        (&*otto, "socket.language-server", false, "default-deny"),
        (&*ann, "socket.models", false, "token-scope"),
    ];
    assert_eq!(of_messages, expected);
    let token = format!("token {}", made["token"]["id"].as_str().unwrap());
    assert!(lines.iter().any(|line| line.action == "socket.models" && line.detail == token), "{lines:?}");
}
