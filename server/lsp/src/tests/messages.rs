//! The server behind a door that carries whole messages.

use super::*;
use engine::ServerCore;
use engine::config::ConfigurationManager;
use engine::mode::{EditorMode, Offline};
use engine::queue::{ROOM, queue};
use engine::workspace::files::MemoryFiles;
use std::sync::Arc;

/// The core of a service, which has the threads, and one for a client of it.
async fn session() -> (ServerCore, ServerCore) {
    let core = ServerCore::new(engine::Parts {
        journal: || None,
        file_system: Arc::new(MemoryFiles::default()),
        config: Arc::new(ConfigurationManager::default()),
        metrics: Arc::default(),
        mode: Arc::new(EditorMode),
        strategy: Arc::new(Offline),
    });
    let session = core.session("ann", false).await.unwrap();
    (core, session)
}

#[tokio::test]
async fn a_message_is_a_text_and_the_end_of_the_door_is_the_end_of_the_session() {
    let (to_server, from_client) = queue(ROOM);
    let (to_client, mut from_server) = queue(ROOM);
    let (_service, core) = session().await;
    let serving = tokio::spawn(crate::serve_messages(core, from_client, to_client));
    // The number of a process of another machine ends nothing here: this one is not there.
    let params = json!({ "capabilities": {}, "processId": i32::MAX, "rootUri": "file:///project" });
    let send = async |message: Value| to_server.send(message.to_string()).await.unwrap();
    send(json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params })).await;
    let answer: Value = serde_json::from_str(&from_server.recv().await.unwrap()).unwrap();
    assert_eq!((&answer["id"], &answer["result"]["serverInfo"]["name"]), (&json!(1), &json!("code-agent")));
    send(json!({ "jsonrpc": "2.0", "method": "initialized", "params": {} })).await;
    let document = json!({ "uri": URI, "languageId": "python", "version": 1, "text": PARTY });
    send(json!({ "jsonrpc": "2.0", "method": "textDocument/didOpen", "params": { "textDocument": document } })).await;
    let published = loop {
        let message: Value = serde_json::from_str(&from_server.recv().await.unwrap()).unwrap();
        if message["method"] == "textDocument/publishDiagnostics" {
            break message;
        }
    };
    assert_eq!(published["params"]["uri"], URI);
    to_server.send("no JSON".to_owned()).await.unwrap();
    let answer: Value = serde_json::from_str(&from_server.recv().await.unwrap()).unwrap();
    assert_eq!(answer["error"]["code"], -32700, "{answer}");
    drop(to_server);
    let outcome = tokio::time::timeout(Duration::from_secs(10), serving).await.unwrap().unwrap();
    assert_eq!(outcome, crate::Outcome::Unclean);
    assert_eq!(from_server.recv().await, None);
}

#[tokio::test]
async fn a_goodbye_is_one_though_the_door_stays_open() {
    let (to_server, from_client) = queue(ROOM);
    let (to_client, mut from_server) = queue(ROOM);
    let (_service, core) = session().await;
    let serving = tokio::spawn(crate::serve_messages(core, from_client, to_client));
    for message in [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": { "capabilities": {} } }),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "shutdown" }),
        json!({ "jsonrpc": "2.0", "method": "exit" }),
    ] {
        to_server.send(message.to_string()).await.unwrap();
    }
    let outcome = tokio::time::timeout(Duration::from_secs(10), serving).await.unwrap().unwrap();
    assert_eq!(outcome, crate::Outcome::Clean);
    let mut answers = 0;
    while from_server.recv().await.is_some() {
        answers += 1;
    }
    assert_eq!(answers, 2);
}
