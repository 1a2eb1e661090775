//! What a token of the provider leaves behind can do no more than the token, and ends when all of an account is ended.

use super::*;
use crate::auth::bearer::authenticate;
use crate::auth::good_until;
use crate::auth::jwt::LEEWAY;
use engine::config::sections::LevelSettings;
use engine::store::tokens::Proof;

const KEY: &str = "urn:example:key";

/// A service in which tokens of the provider may do what is dangerous, and have scopes.
async fn service(stage: &Stage) -> Service {
    let mut config = stage.config();
    config.settings.step_up = LevelSettings { acr_values: vec![KEY.into()], amr: Vec::new() };
    config.settings.scope_prefix = "ca:".into();
    let service = Service::with_provider(Value::Null, Default::default(), Some(config)).await;
    service.account("root", Role::Admin).await;
    service
}

/// A strong token of so many seconds ago, with these scopes and roles.
fn strong(stage: &Stage, signer: &Signer, age: i64, scope: &str, role: &str) -> String {
    let (mut claims, now) = (stage.access("s-1"), now_ms() / 1000);
    let more = json!({
        "acr": KEY, "auth_time": now - age, "iat": now - age, "jti": format!("{scope} {role} {age}"), "scope": scope,
        "realm_access": { "roles": [role] },
    });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    token(signer, &claims)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_makes_none_with_scopes_that_it_has_not() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = service(&stage).await;
    for (scope, status) in [
        ("ca:tokens", StatusCode::FORBIDDEN),
        ("ca:tokens ca:documents", StatusCode::FORBIDDEN),
        ("ca:tokens ca:documents ca:jobs", StatusCode::CREATED),
        ("ca:*", StatusCode::CREATED),
    ] {
        let token = strong(&stage, &signer, 0, scope, "ca-dev");
        let body = json!({ "name": "ci", "scopes": ["documents", "jobs"], "days": 1 });
        let reply = service.send("POST", "/api/v2/tokens", &token, Some(body)).await;
        assert_eq!(reply.status, status, "{scope}: {reply:?}");
        if status == StatusCode::FORBIDDEN {
            let asked = "Bearer error=\"insufficient_scope\", scope=\"ca:tokens ca:documents ca:jobs\"";
            assert!(reply.text.contains("has not the scope"), "{reply:?}");
            assert_eq!(reply.headers["www-authenticate"], asked, "{reply:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_the_provider_took_away_goes_on_in_no_new_token() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = service(&stage).await;
    let admin = strong(&stage, &signer, 0, "ca:*", "ca-admin");
    let me = service.send("GET", "/api/v2/me", &admin, None).await.json();
    service.gateway.store().set_role(me["id"].as_str().unwrap(), Role::Admin).await.unwrap();
    for (role, status) in [("ca-admin", StatusCode::CREATED), ("ca-dev", StatusCode::FORBIDDEN)] {
        let token = strong(&stage, &signer, 1, "ca:*", role);
        let body = json!({ "name": "ci", "scopes": ["accounts"], "days": 1 });
        let reply = service.send("POST", "/api/v2/tokens", &token, Some(body)).await;
        assert_eq!(reply.status, status, "{role}: {reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_an_account_is_signed_in_with_ends_with_its_tokens_of_the_provider() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = service(&stage).await;
    let (older, other) = (
        strong(&stage, &signer, 60, "ca:*", "ca-dev"),
        token(&signer, &{
            let mut claims = stage.access("s-2");
            claims["scope"] = json!("ca:*");
            claims
        }),
    );
    let me = async |token: &str| service.send("GET", "/api/v2/me", token, None).await;
    let id = me(&older).await.json()["id"].as_str().unwrap().to_owned();
    let principal = authenticate(&service.gateway, Some(&format!("Bearer {older}").parse().unwrap())).await.unwrap();
    assert!(good_until(&service.gateway, &principal).await.unwrap().is_some(), "the control");
    assert_eq!(me(&other).await.status, StatusCode::OK, "the control");
    let root = service.sign_in("root").await;
    let reply = service.send("DELETE", &format!("/api/v2/accounts/{id}/sessions"), &root, None).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    assert_eq!(me(&older).await.status, StatusCode::UNAUTHORIZED);
    assert!(good_until(&service.gateway, &principal).await.unwrap().is_none(), "what goes on for long ends too");
    assert_eq!(me(&other).await.status, StatusCode::OK, "that of somebody else goes on");
    // Whoever signs in anew has another one, made later than the clocks may differ by.
    let mut claims = stage.access("s-1");
    let later = now_ms() / 1000 + LEEWAY;
    claims
        .as_object_mut()
        .unwrap()
        .extend(json!({ "iat": later + 1, "scope": "ca:*", "jti": "new" }).as_object().unwrap().clone());
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let reply = me(&token(&signer, &claims)).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_our_own_that_is_over_is_refused_also_while_the_provider_is_away() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = service(&stage).await;
    stage.said.description.lock().unwrap().0 = 500;
    let id = service.id_of("root").await;
    let session = service.gateway.store().sessions(&id).await.unwrap()[0].id.clone();
    let own = |age: i64| service.gateway.keys().sign(&id, &session, now_ms() - age).unwrap();
    let changed = format!("{}x", own(1000));
    for (token, status) in [
        (own(1000), StatusCode::OK),
        (own(700_000), StatusCode::UNAUTHORIZED),
        (changed, StatusCode::UNAUTHORIZED),
        ("no token".into(), StatusCode::UNAUTHORIZED),
        (token(&signer, &stage.access("s-1")), StatusCode::SERVICE_UNAVAILABLE),
    ] {
        let reply = service.send("GET", "/api/v2/me", &token, None).await;
        assert_eq!(reply.status, status, "{token}: {reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_of_the_provider_end_with_all_other_sessions_and_with_the_account() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = service(&stage).await;
    let (store, root) = (service.gateway.store(), service.sign_in("root").await);
    let tokens = ["s-1", "s-2", "s-3"].map(|subject| {
        let mut claims = stage.access(subject);
        claims["scope"] = json!("ca:*");
        token(&signer, &claims)
    });
    let me = async |token: &str| service.send("GET", "/api/v2/me", token, None).await;
    let mut ids = Vec::new();
    for token in &tokens {
        ids.push(me(token).await.json()["id"].as_str().unwrap().to_owned());
    }
    let proof = Proof { amr: vec!["oidc".to_owned()], with_factor: true, ..Proof::default() };
    let session = store.start_session(&ids[0], "hash", now_ms() + 60_000, &proof).await.unwrap();
    let own = service.gateway.keys().sign(&ids[0], &session.id, now_ms()).unwrap();
    assert_eq!(me(&own).await.status, StatusCode::OK, "the control");
    let ended = service.send("DELETE", "/api/v2/sessions", &own, None).await;
    assert_eq!(ended.status, StatusCode::OK, "{ended:?}");
    assert_eq!(me(&tokens[0]).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(me(&own).await.status, StatusCode::OK, "what asked for it goes on");
    assert_eq!(me(&tokens[1]).await.status, StatusCode::OK, "and so does that of somebody else");

    let place = format!("/api/v2/accounts/{}", ids[1]);
    for disabled in [true, false] {
        let reply = service.send("PATCH", &place, &root, Some(json!({ "disabled": disabled }))).await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        let status = me(&tokens[1]).await.status;
        assert_ne!(status, StatusCode::OK, "it does not come back with the account: {disabled}");
    }
    assert_eq!(me(&tokens[2]).await.status, StatusCode::OK, "that of somebody else goes on");
}
