//! Settings that change while models answer, over real sockets.

use super::Turn;
use crate::config::{ConfigurationManager, Sources};
use crate::events::Event;
use crate::mode::{EditorMode, Offline};
use crate::server_core::{Parts, ServerCore};
use llm::prompt::{Origin, Part, Prompt, PromptLimits};
use llm::request::{Piece, Request};
use llm::scripted::{ModelServer, Script, words};
use std::sync::Arc;
use std::time::Duration;
use workspace::files::MemoryFiles;

fn request(text: &str) -> Request {
    let prompt = Prompt::new(&[Part::Data(Origin::Question, text.into())], PromptLimits::default()).unwrap();
    Request::new(Arc::new(prompt))
}

fn settings(url: &str) -> serde_json::Value {
    serde_json::json!({ "models": { "target": [{ "name": "own", "model": "m", "base-url": url }] } })
}

fn core() -> ServerCore {
    core_of(Arc::default())
}

/// The user's own settings lie at `/user.toml`.
fn core_of(files: Arc<MemoryFiles>) -> ServerCore {
    let sources = Sources { file_system: files.clone(), user_file: Some("/user.toml".into()), ..Sources::none() };
    ServerCore::new(Parts {
        file_system: files,
        config: Arc::new(ConfigurationManager::new(sources).0),
        metrics: Arc::default(),
        mode: Arc::new(EditorMode),
        strategy: Arc::new(Offline),
        journal: || None,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_models_hold_from_the_next_question_on_and_no_call_is_lost() {
    let one = ModelServer::start(Script::Words(words("all of this is from one"), Duration::from_millis(60)), 100).await;
    let two = ModelServer::start(Script::Words(words("from two"), Duration::ZERO), 100).await;
    let quick = ModelServer::start(Script::Words(words("from three"), Duration::ZERO), 100).await;
    let core = core();
    core.set_editor_settings(settings(&one.url));
    let models = core.models().await.unwrap();
    let mut running = models.stream(request("x")).unwrap();
    let mut text = String::new();
    if let Some(Ok(Piece::Text(piece))) = running.next().await {
        text.push_str(&piece);
    }
    core.set_editor_settings(settings(&two.url));
    // It is taken over away from the one who typed.
    let mut answer = String::new();
    for number in 0..400 {
        answer = models.ask(request(&number.to_string())).await.unwrap().text;
        if answer == "from two" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(answer, "from two");
    // Whoever asks for the models anew never gets those of before.
    for (number, (server, text)) in
        [(&quick, "from three"), (&two, "from two")].into_iter().cycle().take(20).enumerate()
    {
        core.set_editor_settings(settings(&server.url));
        let models = core.models().await.unwrap();
        assert_eq!(models.ask(request(&format!("again {number}"))).await.unwrap().text, text);
    }
    while let Some(piece) = running.next().await {
        if let Piece::Text(piece) = piece.unwrap() {
            text.push_str(&piece);
        }
    }
    assert_eq!(text, "all of this is from one", "what was under way ends as it began");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_takes_long_holds_up_those_who_ask_for_models_and_nobody_else() {
    let server = ModelServer::start(Script::Words(words("with a key"), Duration::ZERO), 100).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("go on");
    let wait = format!("until [ -e '{}' ]; do sleep 0.01; done; echo key", file.display());
    let files = Arc::new(MemoryFiles::default());
    let core = core_of(files.clone());
    // A program is named by the user alone.
    let take = |name: &str, rest: serde_json::Value| {
        let mut settings = settings(&server.url);
        settings["models"]["target"][0]["name"] = name.into();
        settings["models"]["target"][0]["api-key"] = serde_json::json!({ "command": ["sh", "-c", wait] });
        settings["analysis"] = rest;
        files.put("/user.toml", toml::to_string(&settings).unwrap());
        core.reload_settings();
    };
    for name in ["first", "second"] {
        take(name, serde_json::json!({}));
        let ask = || {
            let core = core.clone();
            tokio::spawn(async move { core.models().await.map(|models| models.report()[0].name.clone()) })
        };
        let (leaving, staying): (Vec<_>, Vec<_>) = (0..8).map(|_| (ask(), ask())).unzip();
        // Some go away, as typing does.
        leaving.iter().for_each(tokio::task::JoinHandle::abort);
        for _ in 0..16 {
            core.compute("hover", 0, |_| ()).await.unwrap();
        }
        assert!(staying.iter().all(|asking| !asking.is_finished()), "none has an answer before the key is read");
        std::fs::write(&file, "").unwrap();
        for asking in staying {
            assert_eq!(asking.await.unwrap().unwrap(), name);
        }
        std::fs::remove_file(&file).unwrap();
        take(name, serde_json::json!({ "rules": { "param-renamed": "off" } }));
        assert_eq!(core.models().await.unwrap().report()[0].name, name, "what else changed is nothing to wait for");
        // The background reads it again.
        std::fs::write(&file, "").unwrap();
        while *core.shared().models.generation.borrow() != core.config().generation() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        std::fs::remove_file(&file).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_one_who_panics_sets_the_models_up_himself() {
    let server = ModelServer::start(Script::Words(words("here"), Duration::ZERO), 100).await;
    let core = core();
    core.set_editor_settings(settings(&server.url));
    let shared = core.shared().clone();
    let (held, is_held) = std::sync::mpsc::channel();
    let (panic, is_wanted) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || {
        let turn = shared.models.setting_up.lock().unwrap();
        let _turn = Turn { held: Some(turn), generation: &shared.models.generation };
        held.send(()).unwrap();
        is_wanted.recv().unwrap();
        panic!("on purpose");
    });
    is_held.recv().unwrap();
    let asking = tokio::spawn({
        let core = core.clone();
        async move { core.models().await.map(|models| models.report()[0].name.clone()) }
    });
    // It has met the other one, and waits.
    while core.shared().models.generation.receiver_count() == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        core.compute("hover", 0, |_| ()).await.unwrap();
    }
    panic.send(()).unwrap();
    assert!(other.join().is_err());
    assert_eq!(asking.await.unwrap().unwrap(), "own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_cannot_be_asked_is_told_and_the_others_hold() {
    let core = core();
    let mut events = core.events();
    let mut settings = settings("http://127.0.0.1:9/v1");
    let keyless =
        serde_json::json!({ "name": "keyless", "model": "m", "api-key": { "env": "CODE_AGENT_NO_SUCH_KEY" } });
    settings["models"]["target"].as_array_mut().unwrap().push(keyless);
    core.set_editor_settings(settings);
    let models = core.models().await.unwrap();
    assert_eq!(models.report().iter().map(|report| report.name.as_str()).collect::<Vec<_>>(), ["own"]);
    loop {
        let event = tokio::time::timeout(Duration::from_secs(20), events.recv()).await.unwrap().unwrap();
        if let Event::Message { text, .. } = event {
            assert!(text.contains("keyless") && text.contains("CODE_AGENT_NO_SUCH_KEY"), "{text}");
            return;
        }
    }
}
