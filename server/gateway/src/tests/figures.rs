//! What is told of models that were asked: tokens and cost, how each of them is, and what trouble there was.

use super::*;
use llm::scripted::{Behaviour, ModelServer, Script, Trouble};

/// A service that asked its models: `own` answered twice, `weak` failed for a moment and when it was asked again, and `shut` does not take its key.
pub(crate) struct Asked {
    pub(crate) service: Service,
    /// The addresses of the providers of those that failed.
    pub(crate) weak: String,
    pub(crate) shut: String,
}

pub(crate) async fn service_that_asked() -> Asked {
    let answering = Behaviour { prompt: 1000, ..Behaviour::saying("It is done.") };
    let own = ModelServer::start(answering.script(), 100).await;
    let weak = ModelServer::start(Script::Fails(Trouble::Server, Vec::new()), 100).await;
    // It is left alone for longer than a test takes.
    let pause = vec![("retry-after", "600".to_owned())];
    let said = json!({ "error": { "message": "<b>Wrong</b> key." } }).to_string();
    let shut = ModelServer::start(Script::Status(401, pause, said), 100).await;
    let target = |name: &str, server: &ModelServer| {
        let price = json!({ "input": 2.0, "output": 10.0 });
        json!({ "name": name, "model": format!("m-{name}"), "base-url": server.url, "price": price })
    };
    let targets = [target("own", &own), target("weak", &weak), target("shut", &shut)];
    let service = Service::set(json!({ "models": { "target": targets } }), MetricsAccess::default()).await;
    let token = service.account("dev", Role::Developer).await;
    for (name, question, status) in
        [("own", "One?", 200), ("own", "Two?", 200), ("weak", "Three?", 502), ("shut", "Four?", 502)]
    {
        let body = json!({ "model": name, "messages": [{ "role": "user", "content": question }] });
        let reply = service.send("POST", "/v1/chat/completions", &token, Some(body)).await;
        assert_eq!(reply.status.as_u16(), status, "{name}: {reply:?}");
    }
    assert_eq!((own.requests(), weak.requests(), shut.requests()), (2, 2, 1));
    Asked { service, weak: weak.url, shut: shut.url }
}

/// An object, and those of its fields that are never the same twice.
fn apart<const COUNT: usize>(object: &Value, fields: [&str; COUNT]) -> (Value, [Option<Value>; COUNT]) {
    let mut rest = object.as_object().unwrap().clone();
    let taken = fields.map(|field| rest.remove(field));
    (Value::Object(rest), taken)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_asked_and_what_failed_is_told_in_figures() {
    let Asked { service, weak, shut } = service_that_asked().await;
    let token = service.account("mia", Role::Maintainer).await;
    let get = async |path: &str| {
        let reply = service.send("GET", path, &token, None).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {reply:?}");
        reply.json()
    };

    // A thousand tokens of a prompt and three of an answer, twice; what failed took nothing.
    let own = json!({ "name": "own", "dollars": 0.00406, "tokens": 2006 });
    let expected = json!({ "dollars": 0.00406, "tokens": 2006, "models": [own] });
    assert_eq!(get("/api/v2/usage").await, expected);

    let models = get("/api/v2/models").await["models"].clone();
    let expected = [("own", "ready", 2, 0, true), ("weak", "ready", 0, 2, false), ("shut", "left alone", 0, 1, false)];
    assert_eq!(models.as_array().map(Vec::len), Some(expected.len()), "{models}");
    for (place, (name, state, answers, failures, has_words)) in expected.into_iter().enumerate() {
        let (rest, words) = apart(&models[place], ["first_word_p50_ms", "first_word_p95_ms"]);
        let told = json!({
            "name": name, "model": format!("m-{name}"), "provider": "openai", "state": state, "answers": answers,
            "in_flight": 0, "failures": failures,
        });
        assert_eq!(rest, told);
        for word in words {
            assert_eq!(word.is_some(), has_words, "{name}");
            assert!(word.is_none_or(|word| word.as_f64().is_some_and(|word| word > 0.0)), "{name}");
        }
    }

    let incidents = get("/api/v2/incidents").await["incidents"].clone();
    let expected = [
        json!({
            "number": 2, "scope": "key", "provider": shut, "cause": "auth", "message": "<b>Wrong</b> key", "failures": 1,
            "targets": ["shut"], "is_open": true,
        }),
        json!({
            "number": 1, "scope": "provider", "provider": weak, "cause": "server", "failures": 2, "targets": ["weak"],
            "message": "The server had an error while processing your request. Sorry about that!", "is_open": true,
        }),
    ];
    assert_eq!(incidents.as_array().map(Vec::len), Some(expected.len()), "{incidents}");
    for (place, told) in expected.into_iter().enumerate() {
        let (rest, times) = apart(&incidents[place], ["began_at", "last_at"]);
        assert_eq!(rest, told);
        let [began, last] = times.map(|time| time.unwrap().as_str().unwrap().to_owned());
        assert!(began <= last && began.ends_with('Z'), "{began} {last}");
    }
}
