//! What the document and the guides promise of all routes together.

use super::*;
use axum::routing::{get, post};

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
