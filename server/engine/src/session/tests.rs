//! A core over the network beside the one it comes from: what it shares, what it keeps apart, and that it never looks at this machine's disk.

use super::*;
use crate::ask::{Ask, AskKind};
use crate::config::{ConfigurationManager, Sources};
use crate::mode::{EditorMode, Offline};
use crate::server_core::Parts;
use llm::scripted::{Behaviour, ModelServer};
use serde_json::json;
use std::path::Path;
use std::process::Command;
use syntax::document::Change;
use workspace::files::DiskFiles;

const TEXT: &str = "def total(prices, rate):\n    return sum(price * rate for price in prices)\n";

fn core(url: &str) -> ServerCore {
    let flags = json!({ "models": { "target": [{ "name": "own", "model": "m", "base-url": url }] } });
    ServerCore::new(Parts {
        file_system: Arc::new(DiskFiles),
        config: Arc::new(ConfigurationManager::new(Sources { flags, ..Sources::none() }).0),
        metrics: Arc::default(),
        mode: Arc::new(EditorMode),
        strategy: Arc::new(Offline),
        journal: || None,
    })
}

fn git(folder: &Path, arguments: &[&str]) {
    let run = Command::new("git").arg("-C").arg(folder).args(arguments).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

/// A repository with one file, and what it held before.
fn repository() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("total.py");
    std::fs::write(&file, TEXT.replace("rate for", "1.2 for")).unwrap();
    git(folder.path(), &["init", "-q", "-b", "main"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "one"]);
    std::fs::write(&file, TEXT).unwrap();
    std::fs::write(folder.path().join("secret.txt"), "the plan").unwrap();
    (folder, uri::from_path(&file))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_this_machine_is_looked_at_for_a_client_of_another() {
    let answer = Behaviour { words: vec![r#"{"notes": []}"#.to_owned()], ..Behaviour::default() };
    let server = ModelServer::start(answer.script(), 100).await;
    let here = core(&server.url);
    let (folder, uri) = repository();
    let session = here.session("ann", true).await.unwrap();
    let root = uri::from_path(folder.path());
    for core in [&here, &session] {
        core.add_root(&root);
        core.open(&uri, "python", 1, TEXT);
    }
    let review = || Ask {
        kind: AskKind::Review,
        uri: uri.clone(),
        revision: 0,
        start: 0,
        end: 0,
        words: String::new(),
        problems: Vec::new(),
    };
    // The control: on this machine the history of the file is looked at, and the file that is named is shown.
    here.ask(review(), None).await.unwrap();
    let chat = uri::from_path(&folder.path().join("talk.chat.md"));
    let talk = "## You\n\nWhat does @secret.txt say?\n";
    assert_eq!(here.chat(&chat, talk).await.unwrap().remarks, Vec::<String>::new());
    assert!(!here.roots().is_empty());

    let refused = session.ask(review(), None).await.unwrap_err().to_string();
    assert!(refused.contains("needs the files themselves"), "{refused}");
    let remarks = session.chat(&chat, talk).await.unwrap().remarks;
    assert!(remarks.len() == 1 && remarks[0].contains("needs the files themselves"), "{remarks:?}");
    assert!(session.roots().is_empty());
    let last = |core: &ServerCore| core.last_record().unwrap();
    assert!(session.page_file(&last(&here)).is_err(), "no file is written for it either");
    assert!(here.page_file(&last(&here)).is_ok());
}

#[tokio::test]
async fn documents_are_its_own_and_threads_are_shared() {
    let here = core("http://127.0.0.1:9");
    let (one, other) = (here.session("ann", false).await.unwrap(), here.session("bob", false).await.unwrap());
    let uri = "file:///w/a.py";
    let text =
        |name: &str| format!("def {name}(a):\n    \"\"\"Do.\n\n    Args:\n        b: B.\n    \"\"\"\n    return a\n");
    one.open(uri, "python", 1, &text("one"));
    other.open(uri, "python", 1, &text("other"));
    let (first, second) = tokio::join!(one.diagnostics(uri), other.diagnostics(uri));
    let name = |core: &ServerCore| core.snapshot(uri).unwrap().text().to_string();
    assert_ne!(name(&one), name(&other));
    assert!(!first.unwrap().findings.is_empty(), "neither takes the place of the other");
    assert!(!second.unwrap().findings.is_empty());
    assert!(here.snapshot(uri).is_none());
    assert!(here.health().load.threads >= 1, "the work was done by the threads of the service");
    drop(one);
    assert!(other.diagnostics(uri).await.is_ok(), "whoever leaves stops nobody else's work");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_ask_models_has_none_and_leaves_those_of_the_service_alone() {
    let answer = Behaviour {
        words: vec!["It adds up the prices, each of them times the rate, and gives the sum.".to_owned()],
        ..Behaviour::default()
    };
    let server = ModelServer::start(answer.script(), 100).await;
    let here = core(&server.url);
    // Nobody of the service wanted a model yet, so that whoever is first must not set them up for all.
    let session = here.session("ann", false).await.unwrap();
    let uri = "file:///w/total.py";
    session.open(uri, "python", 1, TEXT);
    session.set_editor_settings(
        json!({ "models": { "target": [{ "name": "x", "model": "m", "base-url": server.url }] }, "completion": { "enabled": true } }),
    );
    assert!(session.config().settings().models.target.is_empty());
    let explain = || Ask {
        kind: AskKind::Explain,
        uri: uri.to_owned(),
        revision: 0,
        start: 4,
        end: 4,
        words: String::new(),
        problems: Vec::new(),
    };
    // Some things are said without a model; what is asked here goes nowhere.
    let _ = session.ask(explain(), None).await;
    assert!(session.chat("file:///w/t.chat.md", "## You\n\nWhy?\n").await.is_err());
    let calls = async |core: &ServerCore| core.models().await.unwrap().counts().answers;
    assert_eq!(calls(&here).await, 0);
    let other = here.session("bob", true).await.unwrap();
    other.open(uri, "python", 1, TEXT);
    other.ask(explain(), None).await.unwrap();
    assert_eq!(calls(&here).await, 1, "the control: who may ask is answered by the service's model");
    let _ = session.ask(explain(), None).await;
    assert_eq!(calls(&here).await, 1);
}

#[tokio::test]
async fn one_connection_holds_only_so_much() {
    let here = core("http://127.0.0.1:9");
    let session = here.session("ann", false).await.unwrap();
    let mut events = session.events();
    let large = "x = 1\n".repeat(MOST_BYTES / 12);
    session.open("file:///w/one.txt", "none", 1, &large);
    session.open("file:///w/two.txt", "none", 1, &large[..large.len() - 6]);
    assert!(session.snapshot("file:///w/two.txt").is_some(), "as much as it may");
    let more = Change { range: None, text: format!("{large}# and more\n") };
    session.change("file:///w/two.txt", 2, &[more]);
    assert!(session.snapshot("file:///w/two.txt").is_none());
    assert!(session.snapshot("file:///w/one.txt").is_some());
    let told = std::iter::from_fn(|| events.try_recv().ok());
    assert!(told.into_iter().any(|event| matches!(event, Event::Message { level: MessageLevel::Warning, text } if text.contains("64 MiB") && text.contains("two.txt"))));
    let long = format!("file:///{}.py", "w".repeat(5000));
    session.open(&long, "python", 1, "x = 1\n");
    assert!(session.snapshot(&long).is_none());
    // All connections together have a bound too, and what one of them lets go is there for the others.
    let (one, other) = (session.shared().held.beside(), session.shared().held.beside());
    let before = one.note(0);
    assert_eq!((one.note(10), other.note(20), one.note(5)), (before + 10, before + 30, before + 25));
    drop(other);
    assert_eq!(one.note(5), before + 5);
    // On this machine there is no such bound.
    here.open("file:///w/one.txt", "none", 1, &large);
    here.open("file:///w/two.txt", "none", 1, &format!("{large}{large}"));
    assert!(here.snapshot("file:///w/two.txt").is_some());
}
