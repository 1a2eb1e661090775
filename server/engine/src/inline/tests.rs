//! Suggestions against a model server over real sockets.

use super::*;
use crate::config::{ConfigurationManager, Sources};
use crate::mode::{EditorMode, Offline};
use crate::server_core::Parts;
use llm::scripted::{Behaviour, ModelServer};
use serde_json::json;
use workspace::files::MemoryFiles;

const URI: &str = "file:///w/a.py";
const TEXT: &str = "def f(a):\n    return a\n";

fn core(url: &str, uri: &str, enabled: bool) -> ServerCore {
    let files = Arc::new(MemoryFiles::default());
    let sources = Sources { file_system: files.clone(), ..Sources::none() };
    let core = ServerCore::new(Parts {
        file_system: files,
        config: Arc::new(ConfigurationManager::new(sources).0),
        metrics: Arc::default(),
        mode: Arc::new(EditorMode),
        strategy: Arc::new(Offline),
        journal: || None,
    });
    core.set_editor_settings(json!({
        "completion": { "enabled": enabled },
        "models": { "target": [{ "name": "own", "model": "m", "base-url": url, "fill": "qwen" }] },
    }));
    core.open(uri, "python", 1, TEXT);
    core
}

async fn server() -> ModelServer {
    let behaviour =
        Behaviour { words: vec![" + 1\n".into(), "\ndef g():\n".into(), "    pass\n".into()], ..Behaviour::default() };
    ModelServer::start(behaviour.script(), 100).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suggestion_is_made_once_and_typed_ahead_for_nothing() {
    let server = server().await;
    let core = core(&server.url, URI, true);
    let at = TEXT.len() - 1;
    let inline = core.inline(URI, at, None).await.unwrap().unwrap();
    assert_eq!(inline, Inline { text: " + 1".into(), span: Span::at(at) });
    assert_eq!(core.inline(URI, at, None).await.unwrap(), Some(inline));
    for (typed, left) in [(" ", "+ 1"), (" +", " 1"), (" + ", "1")] {
        core.open(URI, "python", 2, &TEXT.replace("return a", &format!("return a{typed}")));
        let inline = core.inline(URI, at + typed.len(), None).await.unwrap().unwrap();
        assert_eq!(inline.text, left);
    }
    assert_eq!(server.requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_newest_wish_is_asked() {
    let server = server().await;
    let core = core(&server.url, URI, true);
    let wishes = (0..5).map(|_| core.inline(URI, TEXT.len() - 1, None));
    let given = futures_util::future::join_all(wishes).await;
    assert_eq!(given.iter().filter(|given| given.as_ref().unwrap().is_some()).count(), 1);
    assert_eq!(server.requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_suggested_unless_it_is_wanted_and_allowed() {
    let server = server().await;
    let off = core(&server.url, URI, false);
    assert_eq!(off.inline(URI, 20, None).await.unwrap(), None);
    let secret = "file:///w/secrets.py";
    let private = core(&server.url, secret, true);
    assert_eq!(private.inline(secret, 20, None).await.unwrap(), None);
    assert_eq!(server.requests(), 0);
    let on = core(&server.url, URI, true);
    // `a` is chosen as `abs` in the list: the suggestion begins with it.
    let at = TEXT.len() - 1;
    let inline = on.inline(URI, at, Some((Span::new(at - 1, at), "abs".into()))).await.unwrap().unwrap();
    assert_eq!(inline, Inline { text: "abs + 1".into(), span: Span::new(at - 1, at) });
}
