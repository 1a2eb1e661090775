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
