//! Actions and searches over texts, and the bounds of texts.

use super::*;

const DRIFTED: &str = "def area(width, height):\n    \"\"\"Return the area.\n\n    Args:\n        widht: The 🎉 width.\n        height: The height.\n    \"\"\"\n    return width * height\n";

async fn post(service: &Service, token: &str, path: &str, body: Value) -> Reply {
    service.send("POST", &format!("/api/v2/{path}"), token, Some(body)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_is_run_with_its_text_and_knows_no_other() {
    let service = Service::new().await;
    let token = service.account("eve", Role::Viewer).await;
    let asked = json!({ "path": "src/a.py", "text": DRIFTED });
    let offers = post(&service, &token, "actions/offers", asked.clone()).await;
    assert_eq!(offers.status, StatusCode::OK, "{offers:?}");
    let offers = offers.json()["offers"].as_array().unwrap().clone();
    let fix = offers.iter().find(|offer| offer["title"] == "Rename to `width` in the documentation").unwrap();
    assert_eq!((&fix["kind"], &fix["asks_model"]), (&json!("quickfix"), &json!(false)), "{fix}");
    assert_eq!(fix["range"]["start"], json!({ "line": 4, "character": 8 }), "{fix}");
    let with = |changes: &[(&str, Value)]| {
        let mut body = asked.clone();
        body["id"] = fix["id"].clone();
        changes.iter().for_each(|(name, value)| body[*name] = value.clone());
        body
    };
    let done = post(&service, &token, "actions/run", with(&[])).await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
    let done = done.json();
    assert_eq!(done["text"], DRIFTED.replace("widht", "width"));
    assert_eq!((&done["by_model"], done["edits"].as_array().map(Vec::len)), (&json!(false), Some(1)), "{done}");
    let range = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 1, "character": 0 } });
    for (changes, status) in [
        (vec![("text", json!(format!("\n{DRIFTED}")))], 404),
        (vec![("path", json!("src/b.py"))], 404),
        (vec![("range", range)], 404),
        (vec![("id", json!("fix:0"))], 404),
        (vec![("id", json!("@"))], 404),
        (vec![("path", json!("../a.py"))], 400),
        (vec![("range", json!({ "start": { "line": -1, "character": 0 } }))], 400),
    ] {
        let reply = post(&service, &token, "actions/run", with(&changes)).await;
        assert_eq!(reply.status.as_u16(), status, "{changes:?}: {reply:?}");
    }
    // A place may be given backwards and far behind the end.
    let far = json!({ "start": { "line": 2_000_000_000, "character": 7 }, "end": { "line": 0, "character": 4 } });
    let reply =
        post(&service, &token, "actions/offers", json!({ "path": "a.py", "text": DRIFTED, "range": far })).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    let ranged = json!({ "path": "a.py", "text": "", "range": { "start": { "line": 5, "character": 5 }, "end": { "line": 5, "character": 5 } } });
    assert_eq!(post(&service, &token, "actions/offers", ranged).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_asked_by_who_may_and_by_nobody_else() {
    let script = llm::scripted::Behaviour {
        words: vec!["It multiplies the width by the height, which is the area of a rectangle.".to_owned()],
        ..Default::default()
    }
    .script();
    let server = llm::scripted::ModelServer::start(script, 100).await;
    let target = json!({ "name": "own", "model": "m", "base-url": server.url });
    let settings = json!({ "models": { "target": [target] }, "service": { "quotas": { "tokens-per-day": 100_000 } } });
    let service = Service::set(settings, MetricsAccess::default()).await;
    let (viewer, dev) = (service.account("eve", Role::Viewer).await, service.account("dev", Role::Developer).await);
    let place = json!({ "start": { "line": 0, "character": 5 }, "end": { "line": 0, "character": 5 } });
    let asked = json!({ "path": "a.py", "text": DRIFTED, "range": place });
    let titles = async |token: &str| {
        let offers = post(&service, token, "actions/offers", asked.clone()).await.json();
        let of_models = |offer: &&Value| offer["asks_model"] == true;
        offers["offers"].as_array().unwrap().iter().filter(of_models).cloned().collect::<Vec<_>>()
    };
    assert!(titles(&viewer).await.is_empty());
    let offers = titles(&dev).await;
    let explain = offers.iter().find(|offer| offer["kind"] == "code-agent.explain").unwrap();
    assert!(explain["title"].as_str().unwrap().starts_with("Explain `area` · "), "{explain}");
    assert_eq!(server.requests(), 0);
    let mut body = asked.clone();
    body["id"] = explain["id"].clone();
    let refused = post(&service, &viewer, "actions/run", body.clone()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{refused:?}");
    assert_eq!(refused.json()["detail"], "The role `viewer` may not have a model asked.");
    assert!(!refused.headers.contains_key("www-authenticate"), "{refused:?}");
    let done = post(&service, &dev, "actions/run", body.clone()).await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
    let done = done.json();
    assert_eq!(
        (&done["page"], &done["by_model"], &done["text"]),
        (
            &json!("It multiplies the width by the height, which is the area of a rectangle."),
            &json!(true),
            &json!(DRIFTED)
        )
    );
    assert_eq!(server.requests(), 1);
    // A token opens no more than its scopes say, whatever its account may.
    let scoped = async |scopes: Value| {
        let body = json!({ "name": "ci", "scopes": scopes, "days": 1 });
        let made = service.send("POST", "/api/v2/tokens", &dev, Some(body)).await;
        made.json()["secret"].as_str().unwrap_or_else(|| panic!("{made:?}")).to_owned()
    };
    let (narrow, wide) = (scoped(json!(["actions"])).await, scoped(json!(["actions", "models"])).await);
    assert!(titles(&narrow).await.is_empty() && !titles(&wide).await.is_empty());
    let refused = post(&service, &narrow, "actions/run", body.clone()).await;
    assert_eq!(
        (refused.status, refused.json()["detail"].as_str()),
        (StatusCode::FORBIDDEN, Some("An offer of a model needs a token with the scope `models` too.")),
        "{refused:?}"
    );
    assert_eq!(refused.headers["www-authenticate"], "Bearer error=\"insufficient_scope\", scope=\"models\"");
    // The same question may be answered out of the cache, so what it is answered with tells, and not whether the model heard it.
    let done = post(&service, &wide, "actions/run", body).await;
    assert_eq!((done.status, &done.json()["by_model"]), (StatusCode::OK, &json!(true)), "{done:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_and_tokens_of_an_account_have_an_end() {
    let script = llm::scripted::Behaviour { words: vec!["Yes.".to_owned()], ..Default::default() }.script();
    let server = llm::scripted::ModelServer::start(script, 100).await;
    let target = json!({ "name": "own", "model": "m", "base-url": server.url });
    let settings = json!({ "models": { "target": [target] }, "service": { "quotas": { "tokens-per-day": 1 } } });
    let service = Service::set(settings, MetricsAccess::default()).await;
    let dev = service.account("dev", Role::Developer).await;
    let question = json!({ "model": "auto", "messages": [{ "role": "user", "content": "Is it?" }] });
    let refused = service.send("POST", "/v1/chat/completions", &dev, Some(question)).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{refused:?}");
    let error = refused.json()["error"].clone();
    assert_eq!(error["code"], "insufficient_quota", "{error}");
    assert!(error["message"].as_str().unwrap().contains("`service.quotas.tokens-per-day`"), "{error}");
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=86_400).contains(&wait), "until the day is over: {wait}");
    assert_eq!(server.requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definitions_are_found_in_the_texts_that_are_sent() {
    let service = Service::new().await;
    let token = service.account("eve", Role::Viewer).await;
    let files = json!([{ "path": "a.py", "text": DRIFTED }, { "path": "b.go", "text": "package b\n\nfunc Area() {}\n\ntype Areal struct{}\n" }]);
    let found = post(&service, &token, "search", json!({ "query": "area", "files": files })).await;
    assert_eq!(found.status, StatusCode::OK, "{found:?}");
    let found = found.json();
    let names: Vec<String> = found["symbols"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{}:{}", one["path"].as_str().unwrap(), one["name"].as_str().unwrap()))
        .collect();
    assert_eq!(names, ["b.go:Area", "a.py:area", "b.go:Areal"]);
    assert_eq!(
        found["symbols"][1]["range"],
        json!({ "start": { "line": 0, "character": 4 }, "end": { "line": 0, "character": 8 } })
    );
    let some =
        post(&service, &token, "search", json!({ "query": "", "files": files, "kinds": ["struct"], "limit": 5 })).await;
    assert_eq!(some.json()["symbols"].as_array().unwrap().len(), 1, "{some:?}");
    for (body, pointer) in [
        (json!({ "query": "a", "files": [] }), "/files"),
        (json!({ "query": "a", "files": files, "kinds": ["thing"] }), "/kinds/0"),
        (json!({ "query": "a", "files": files, "limit": 0 }), "/limit"),
    ] {
        let reply = post(&service, &token, "search", body).await;
        assert_eq!((reply.status.as_u16(), reply.json()["pointer"].as_str()), (400, Some(pointer)), "{reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_above_the_limit_of_files_is_refused_wherever_it_stands() {
    let settings = json!({ "limits": { "max-file-size": 1024 } });
    let service = Service::set(settings, MetricsAccess::default()).await;
    let token = service.account("dev", Role::Developer).await;
    let (large, small) =
        (json!({ "path": "a.py", "text": "x = 1\n".repeat(200) }), json!({ "path": "b.py", "text": "x = 1\n" }));
    let mut run = large.clone();
    run["id"] = json!("fix-all@000000000000");
    let mut grown = small.clone();
    grown["before"] = large["text"].clone();
    for (path, body, pointer) in [
        ("documents/diagnostics", large.clone(), "/text"),
        ("documents/symbols", large.clone(), "/text"),
        ("documents/document", large.clone(), "/text"),
        ("documents/update-docs", large.clone(), "/text"),
        ("actions/offers", large.clone(), "/text"),
        ("actions/run", run, "/text"),
        ("search", json!({ "query": "", "files": [small.clone(), large.clone()] }), "/files/1/text"),
        ("jobs", json!({ "kind": "check", "files": [small.clone(), large.clone()] }), "/files/1/text"),
        ("jobs", json!({ "kind": "review", "files": [grown] }), "/files/0/before"),
    ] {
        let reply = post(&service, &token, path, body).await;
        assert_eq!(
            (reply.status, reply.json()["pointer"].as_str()),
            (StatusCode::PAYLOAD_TOO_LARGE, Some(pointer)),
            "{path}: {reply:?}"
        );
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert_eq!(detail, "The text has 1200 bytes, and 1024 are allowed (`limits.max-file-size`).", "{path}");
    }
    assert_eq!(
        post(&service, &token, "jobs", json!({ "kind": "check", "files": [small] })).await.status,
        StatusCode::ACCEPTED
    );
}
