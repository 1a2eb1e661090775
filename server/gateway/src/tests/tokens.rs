//! API tokens: what is kept of one opens nothing, and one that is over is refused.

use super::*;
use crate::auth::secrets;
use engine::store::now_ms;

/// A token for texts that its owner made over HTTP: its secret and its id.
async fn made(service: &Service, session: &str) -> (String, String) {
    let body = json!({ "name": "ci", "scopes": ["documents"], "days": 30 });
    let made = service.send("POST", "/api/v2/tokens", session, Some(body)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let made = made.json();
    (made["secret"].as_str().unwrap().to_owned(), made["token"]["id"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_token_the_store_has_the_hash_and_nothing_else() {
    let service = Service::new().await;
    let session = service.account("dev", Role::Developer).await;
    let (secret, _) = made(&service, &session).await;
    // Used and refused, so that what is written on the way is looked at too.
    let checked = service.send("POST", "/api/v2/documents/diagnostics", &secret, Some(text())).await;
    assert_eq!(checked.status, StatusCode::OK, "{checked:?}");
    assert_eq!(service.send("GET", "/api/v2/jobs", &secret, None).await.status, StatusCode::FORBIDDEN);
    let kept = service.kept();
    let places = |text: &str| {
        let found = kept.iter().filter(|(_, value)| value.contains(text));
        found.map(|(place, _)| place.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(places(&secrets::hash(&secret)), ["tokens.hash"], "the control");
    // Neither the whole nor a half of the part that nobody can guess.
    let own = secret.strip_prefix("cagt_").unwrap();
    let (first, second) = own.split_at(own.len() / 2);
    for part in [&*secret, own, first, second] {
        assert!(places(part).is_empty(), "{part}: {:?}", places(part));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_over_is_refused() {
    let service = Service::new().await;
    let session = service.account("dev", Role::Developer).await;
    let (secret, id) = made(&service, &session).await;
    let ends = async |at: i64| service.tamper(&format!("UPDATE tokens SET expires_at = {at} WHERE id = '{id}'")).await;
    let check = async || service.send("POST", "/api/v2/documents/diagnostics", &secret, Some(text())).await;
    // Before it is ever used, because who came a moment ago is not looked up again.
    ends(now_ms() - 1).await;
    let refused = check().await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{refused:?}");
    assert_eq!(refused.json()["type"], "urn:code-agent:problem:unauthenticated");
    ends(now_ms() + 60_000).await;
    let checked = check().await;
    assert_eq!(checked.status, StatusCode::OK, "the control: nothing else was wrong with it: {checked:?}");
}
