//! What the document and the guides promise of all routes together.

use super::*;
use axum::routing::{any, get, post};
use futures_util::StreamExt;
use std::convert::Infallible;
use tokio::time::Instant;

/// What is said of anything but reading that took too long.
const UNKNOWN: &str = "It took too long; whether it was done is not known.";

/// A body of which one piece comes and nothing more. Time stands still from then on, and passes at once where everybody waits; what was asked of the store
/// before that has its own time, and a moment to be put away.
fn endless(held: Arc<()>) -> Body {
    let first = futures_util::stream::once(async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        tokio::time::pause();
        Ok::<_, Infallible>("{")
    });
    Body::from_stream(first.chain(futures_util::stream::pending()).inspect(move |_| {
        let _held = &held;
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_that_does_not_stand_in_the_document_is_open_to_nobody() {
    let mut service = Service::new().await;
    let admin = service.account("root", Role::Admin).await;
    let (listed, _) = routes::all().split_for_parts();
    // The list of routes makes the document too, so a route can be forgotten there only beside it: with its path, or with one method of a path.
    let beside = listed.route("/api/v2/beside", get(async || "in")).route("/api/v2/me", post(async || "in"));
    let forgotten = [("GET", "/api/v2/beside"), ("POST", "/api/v2/me")];
    service.router = beside.clone().with_state(service.gateway.clone());
    for (method, path) in forgotten {
        let reply = service.send(method, path, "", None).await;
        assert_eq!((reply.status, &*reply.text), (StatusCode::OK, "in"), "the control: nothing but the gate shuts it");
    }
    service.router = guarded(service.gateway.clone(), beside);
    for (method, path) in forgotten {
        for token in ["", &*admin] {
            let reply = service.send(method, path, token, None).await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{method} {path}: {reply:?}");
            assert_eq!(reply.json()["detail"], "This route is open to nobody.");
        }
    }
    let known = service.send("GET", "/api/v2/me", &admin, None).await;
    assert_eq!(known.status, StatusCode::OK, "the control: {known:?}");
    let nothing = service.send("PUT", "/api/v2/me", "", None).await;
    assert!(nothing.status == 405 && nothing.headers.contains_key("allow"), "{nothing:?}");
}

#[tokio::test]
async fn what_takes_longer_than_its_bound_is_ended_with_a_sentence() {
    let mut service = Service::new().await;
    let slow = any(|uri: Uri| async move {
        match uri.path() {
            "/api/v2/in-time" => tokio::time::sleep(Duration::from_secs(59)).await,
            _ => std::future::pending().await,
        }
    });
    let attended = middleware::from_fn_with_state(service.gateway.clone(), crate::attend::attend);
    service.router = Router::new().route("/{*path}", slow).layer(attended);
    tokio::time::pause();
    let in_time = service.send("POST", "/api/v2/in-time", "", None).await;
    assert_eq!(in_time.status, StatusCode::OK, "the control: {in_time:?}");
    for (method, path, seconds, sentence) in [
        ("GET", "/api/v2/jobs", 60, "It took too long."),
        ("POST", "/api/v2/jobs", 60, UNKNOWN),
        ("POST", "/api/v2/actions/run", 600, UNKNOWN),
        ("POST", "/v1/chat/completions", 600, UNKNOWN),
    ] {
        let began = Instant::now();
        let reply = service.send(method, path, "", None).await;
        assert_eq!((reply.status, began.elapsed().as_secs()), (StatusCode::GATEWAY_TIMEOUT, seconds), "{path}");
        let (kind, place) = match path.starts_with("/v1/") {
            true => ("application/json", "/error/message"),
            false => ("application/problem+json", "/detail"),
        };
        assert_eq!(reply.headers["content-type"], kind, "{path}");
        assert_eq!(reply.json().pointer(place), Some(&json!(sentence)), "{path}: {reply:?}");
    }
}

#[tokio::test]
async fn a_body_that_never_ends_holds_its_handler_no_longer_than_the_bound() {
    let service = Service::new().await;
    let token = service.account("dev", Role::Developer).await;
    for path in ["/api/v2/sessions", "/api/v2/documents/diagnostics", "/api/v2/jobs"] {
        let held = Arc::new(());
        let request = Request::builder().method("POST").uri(path).header("authorization", format!("Bearer {token}"));
        let request = request.header("content-type", "application/json").body(endless(held.clone())).unwrap();
        let began = Instant::now();
        let reply = service.raw(request).await;
        assert_eq!(reply.status, StatusCode::GATEWAY_TIMEOUT, "{path}: {reply:?}");
        assert!((60..65).contains(&began.elapsed().as_secs()), "{path}: {:?}", began.elapsed());
        assert_eq!(reply.json()["detail"], UNKNOWN, "{path}");
        assert_eq!(Arc::strong_count(&held), 1, "{path}: nobody reads the body any more");
        tokio::time::resume();
    }
}

/// Asks with headers of one's own.
async fn ask(service: &Service, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    service.raw(request.body(body).unwrap()).await
}

/// The headers by which browsers let the pages of other origins in.
fn of_cors(headers: &HeaderMap) -> Vec<&str> {
    headers.keys().map(|name| name.as_str()).filter(|name| name.starts_with("access-control-")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_other_origins_are_let_in_nowhere() {
    let service = Service::new().await;
    let bearer = format!("Bearer {}", service.account("root", Role::Admin).await);
    let origin = ("origin", "https://evil.example");
    let preflight = [
        origin,
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization, content-type"),
    ];
    for path in ["/api/v2/jobs", "/api/v2/sessions", "/v1/chat/completions", "/oauth/token"] {
        let reply = ask(&service, "OPTIONS", path, &preflight, &Value::Null).await;
        assert!(reply.status == 405 && of_cors(&reply.headers).is_empty(), "{path}: {reply:?}");
    }
    for path in ["/api/v2/jobs", "/api/v2/openapi.json", "/api/v2/health/live", "/v1/models"] {
        let mut reply = ask(&service, "GET", path, &[origin, ("authorization", &*bearer)], &Value::Null).await;
        assert!(reply.status == 200 && of_cors(&reply.headers).is_empty(), "{path}: {:?}", reply.headers);
        reply.headers.insert("access-control-allow-origin", "*".parse().unwrap());
        assert_eq!(of_cors(&reply.headers), ["access-control-allow-origin"], "the control: it would be seen");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idempotency_key_stands_for_one_body_of_one_account() {
    let service = Service::new().await;
    let [ann, bob] = [service.account("ann", Role::Developer).await, service.account("bob", Role::Developer).await];
    let create = async |token: &str, key: &str, kind: &str| {
        let (bearer, body) = (format!("Bearer {token}"), json!({ "kind": kind, "files": [text()] }));
        let headers = [("authorization", &*bearer), ("idempotency-key", key)];
        ask(&service, "POST", "/api/v2/jobs", &headers, &body).await
    };
    let first = create(&ann, "one", "check").await;
    let again = create(&ann, "one", "check").await;
    assert_eq!((first.status, again.status), (StatusCode::ACCEPTED, StatusCode::ACCEPTED), "{first:?} {again:?}");
    assert_eq!(first.json()["id"], again.json()["id"]);
    let other = create(&ann, "one", "document").await;
    assert_eq!(other.status, StatusCode::CONFLICT, "{other:?}");
    assert_eq!(other.headers["content-type"], "application/problem+json");
    assert_eq!(other.json()["detail"], "This `Idempotency-Key` was used with another body.");
    for (token, key) in [(&ann, "two"), (&bob, "one")] {
        let made = create(token, key, "document").await;
        assert_eq!(made.status, StatusCode::ACCEPTED, "the control: {made:?}");
    }
    let jobs = service.send("GET", "/api/v2/jobs", &ann, None).await.json();
    assert_eq!(jobs["items"].as_array().unwrap().len(), 2, "what was refused made none: {jobs}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_shows_the_tag_of_an_answer_is_told_that_it_still_holds() {
    let service = Service::new().await;
    let admin = service.account("root", Role::Admin).await;
    let bearer = format!("Bearer {admin}");
    let job = json!({ "kind": "check", "files": [text()] });
    let job = service.send("POST", "/api/v2/jobs", &admin, Some(job)).await.json()["id"].as_str().unwrap().to_owned();
    let account = service.id_of("root").await;
    let mut count = 0;
    for (path, methods) in crate::openapi::document_value()["paths"].as_object().unwrap() {
        let answers = &methods["get"]["responses"];
        if answers["304"].is_null() && answers["200"]["headers"]["ETag"].is_null() {
            continue;
        }
        let id = if path.contains("/jobs/") { &job } else { &account };
        let path = path.replace("{id}", id).replace("{model}", "auto");
        let get = async |known: &str| {
            let headers = [("authorization", &*bearer), ("if-none-match", known)];
            ask(&service, "GET", &path, &headers, &Value::Null).await
        };
        let first = get("\"another\"").await;
        assert_eq!(first.status, StatusCode::OK, "{path}: {first:?}");
        let tag = first.headers["etag"].to_str().unwrap();
        let again = get(tag).await;
        assert_eq!((again.status, &*again.text), (StatusCode::NOT_MODIFIED, ""), "{path}: {again:?}");
        assert_eq!(again.headers["etag"], tag, "{path}");
        count += 1;
    }
    assert!(count >= 15, "{count}");
}

/// The values of a field in all of a list, which is read two at a time; between the parts something else is done.
async fn followed(service: &Service, token: &str, path: &str, field: &str, meanwhile: impl AsyncFn()) -> Vec<Value> {
    let (mut told, mut after) = (Vec::new(), String::new());
    loop {
        let part = service.send("GET", &format!("{path}?limit=2{after}"), token, None).await;
        assert_eq!(part.status, StatusCode::OK, "{path}{after}: {part:?}");
        let part = part.json();
        let items = part["items"].as_array().unwrap();
        assert!(items.len() <= 2, "{part}");
        told.extend(items.iter().map(|item| item[field].clone()));
        let Some(next) = part["next"].as_str() else { return told };
        after = format!("&after={next}");
        meanwhile().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_grows_while_it_is_read_is_told_whole_and_once() {
    let service = Service::new().await;
    let admin = service.account("root", Role::Admin).await;
    let create = async || {
        let body = json!({ "kind": "check", "files": [text()] });
        let made = service.send("POST", "/api/v2/jobs", &admin, Some(body)).await;
        assert_eq!(made.status, StatusCode::ACCEPTED, "{made:?}");
    };
    for _ in 0..5 {
        create().await;
    }
    // A job that is asked for is an entry of the audit log too.
    for (path, field) in [("/api/v2/jobs", "id"), ("/api/v2/audit", "number")] {
        let whole = async || {
            let reply = service.send("GET", &format!("{path}?limit=200"), &admin, None).await.json();
            let items = reply["items"].as_array().unwrap();
            items.iter().map(|item| item[field].clone()).collect::<Vec<_>>()
        };
        let before = whole().await;
        assert!(before.len() >= 5, "{before:?}");
        assert_eq!(followed(&service, &admin, path, field, &create).await, before, "{path}");
        let after = whole().await;
        assert!(after.ends_with(&before) && after.len() >= before.len() + 2, "the control: {path} grew: {after:?}");
    }
}
