//! Quotas and ETags over the whole router.

use super::*;
use crate::tests::{Reply, Service};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use engine::config::sections::MetricsAccess;
use engine::store::accounts::Role;
use serde_json::{Value, json};

#[test]
fn one_more_comes_before_all_of_them() {
    let seconds = Duration::from_secs;
    // Six in a minute: one each ten seconds.
    for (left, whole_in, next) in [(6, 0, 0), (5, 10, 10), (5, 3, 3), (3, 25, 5), (0, 60, 10), (0, 51, 1)] {
        let standing = Standing { limit: 6, left, whole_in: seconds(whole_in), refused_for: None };
        assert_eq!(one_more_in(&standing), seconds(next), "{standing:?}");
    }
}

async fn service(quotas: Value) -> Service {
    Service::set(json!({ "service": { "quotas": quotas } }), MetricsAccess::default()).await
}

fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    reply.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_account_has_its_quota_and_is_told_how_it_stands() {
    let service = service(json!({ "requests-per-minute": 3 })).await;
    let (ann, bob) = (service.account("ann", Role::Viewer).await, service.account("bob", Role::Viewer).await);
    for left in ["2", "1", "0"] {
        let reply = service.send("GET", "/api/v2/me", &ann, None).await;
        assert_eq!(reply.status, StatusCode::OK);
        assert_eq!(header(&reply, "ratelimit-policy"), "\"requests\";q=3;w=60");
        let told = header(&reply, "ratelimit");
        let (more, next) = told.rsplit_once(";t=").unwrap();
        assert_eq!(more, format!("\"requests\";r={left}"));
        assert!((15..=20).contains(&next.parse::<u64>().unwrap()), "one more in a third of a minute: {told}");
    }
    let refused = service.send("GET", "/api/v2/me", &ann, None).await;
    assert_eq!(
        (refused.status, header(&refused, "content-type")),
        (StatusCode::TOO_MANY_REQUESTS, "application/problem+json")
    );
    let problem = refused.json();
    assert_eq!(problem["type"], "urn:code-agent:problem:quota-exceeded");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with("The quota of 3 requests a minute is used up; try again in "), "{detail}");
    let wait: u64 = header(&refused, "retry-after").parse().unwrap();
    let told = header(&refused, "ratelimit");
    assert!((1..=20).contains(&wait) && told.starts_with("\"requests\";r=0;t="), "{refused:?}");
    // What is told by one of them is not earlier than by the other.
    assert_eq!(told, format!("\"requests\";r=0;t={wait}"));
    // What is denied counts too, and an account has one quota whatever it signs in with.
    let denied = service.send("GET", "/api/v2/accounts", &bob, None).await;
    assert!(denied.status == StatusCode::FORBIDDEN && header(&denied, "ratelimit").contains("r=2;"), "{denied:?}");
    let other = service.sign_in("ann").await;
    assert_eq!(service.send("GET", "/api/v2/me", &other, None).await.status, StatusCode::TOO_MANY_REQUESTS);
    // Who is not known has none, and neither have those who only look whether the service is there.
    let open = service.send("GET", "/api/v2/health/ready", "", None).await;
    assert!(open.status == StatusCode::OK && header(&open, "ratelimit").is_empty(), "{open:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_of_openai_are_told_in_its_words() {
    let service = service(json!({ "requests-per-minute": 1 })).await;
    let dev = service.account("dev", Role::Developer).await;
    let first = service.send("GET", "/v1/models", &dev, None).await;
    assert_eq!((first.status, header(&first, "x-ratelimit-remaining-requests")), (StatusCode::OK, "0"));
    assert_eq!(
        (header(&first, "x-ratelimit-limit-requests"), header(&first, "x-ratelimit-reset-requests")),
        ("1", "60s")
    );
    let refused = service.send("GET", "/v1/models", &dev, None).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.json()["error"]["code"], "rate_limit_exceeded", "{refused:?}");
    assert!(!header(&refused, "retry-after").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_many_jobs_of_an_account_wait_and_one_more_is_refused() {
    let service = service(json!({ "waiting-jobs": 2 })).await;
    let (ann, bob) = (service.account("ann", Role::Developer).await, service.account("bob", Role::Developer).await);
    let create = async |token: &str| {
        let body = json!({ "kind": "check", "files": [{ "path": "a.py", "text": "" }] });
        service.send("POST", "/api/v2/jobs", token, Some(body)).await
    };
    let first = create(&ann).await;
    assert_eq!([first.status, create(&ann).await.status], [StatusCode::ACCEPTED; 2], "{first:?}");
    let refused = create(&ann).await;
    assert_eq!(
        (refused.status, header(&refused, "content-type"), header(&refused, "retry-after")),
        (StatusCode::TOO_MANY_REQUESTS, "application/problem+json", "10")
    );
    let problem = refused.json();
    assert_eq!(problem["type"], "urn:code-agent:problem:quota-exceeded");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("As many jobs of this account wait as may (2, `service.quotas.waiting-jobs`)"),
        "{detail}"
    );
    assert_eq!(create(&bob).await.status, StatusCode::ACCEPTED, "somebody else has a quota of his own");
    let place = header(&first, "location");
    assert_eq!(service.send("DELETE", place, &ann, None).await.status, StatusCode::ACCEPTED);
    assert_eq!(create(&ann).await.status, StatusCode::ACCEPTED, "there is room again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_bound_is_no_header() {
    let service = service(json!({ "requests-per-minute": 0 })).await;
    let ann = service.account("ann", Role::Viewer).await;
    for _ in 0..50 {
        let reply = service.send("GET", "/api/v2/me", &ann, None).await;
        assert!(reply.status == StatusCode::OK && header(&reply, "ratelimit").is_empty(), "{reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_again_is_not_sent_again() {
    let service = service(json!({})).await;
    let ann = service.account("ann", Role::Viewer).await;
    let ask = async |path: &str, token: &str, known: &str| {
        let mut request = Request::builder().method("GET").uri(path).header("if-none-match", known);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        service.raw(request.body(Body::empty()).unwrap()).await
    };
    for (path, token, kept) in [("/api/v2/me", &*ann, "private, no-cache"), ("/api/v2/openapi.json", "", "no-cache")] {
        let first = ask(path, token, "\"another\"").await;
        let tag = header(&first, "etag").to_owned();
        assert_eq!((first.status, header(&first, "cache-control")), (StatusCode::OK, kept), "{path}");
        let again = ask(path, token, &tag).await;
        assert_eq!(
            (again.status, &*again.text, header(&again, "etag")),
            (StatusCode::NOT_MODIFIED, "", &*tag),
            "{path}"
        );
    }
    // Another answer has another tag, and an answer that is none has no tag.
    let tag = header(&ask("/api/v2/me", &ann, "").await, "etag").to_owned();
    let bob = service.account("bob", Role::Viewer).await;
    assert_eq!(ask("/api/v2/me", &bob, &tag).await.status, StatusCode::OK);
    let health = ask("/api/v2/health/live", "", "*").await;
    assert!(health.status == StatusCode::OK && header(&health, "etag").is_empty(), "{health:?}");
    assert_eq!(header(&ask("/api/v2/accounts", &ann, "*").await, "etag"), "");
    let refused = ask("/api/v2/me", "nobody", &tag).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "a tag opens nothing");
}
