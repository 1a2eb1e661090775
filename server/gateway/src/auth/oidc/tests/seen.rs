//! When people were last here who come with tokens of the provider: written down once a minute, and told to those who see to accounts.

use super::*;
use engine::store::tokens::Proof;

/// When an account was last seen, once all that is on its way is written down.
async fn last_seen(service: &Service, account: &str) -> Option<i64> {
    service.gateway.seen().written().await;
    service.gateway.store().seen_account(account).await.unwrap().unwrap().last_seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_told_when_somebody_with_an_access_token_was_last_here() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = Service::with_provider(Value::Null, Default::default(), Some(stage.config())).await;
    let root = service.account("root", Role::Admin).await;
    let comes = async || {
        // Who came a moment ago is believed for a moment; here each is looked at.
        service.gateway.recent().forget();
        let reply = service.send("GET", "/api/v2/me", &token(&signer, &stage.access("s-1")), None).await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        reply.json()["id"].as_str().unwrap().to_owned()
    };
    let began = now_ms();
    let id = comes().await;
    let last = || last_seen(&service, &id);
    assert!(last().await.is_some_and(|last| last >= began));
    let shown = service.send("GET", &format!("/api/v2/accounts/{id}"), &root, None).await.json();
    assert!(shown["last_seen_at"].is_string() && shown.get("last_sign_in_at").is_none(), "{shown}");
    let listed = service.send("GET", "/api/v2/accounts", &root, None).await.json();
    let of_root = listed["items"].as_array().unwrap().iter().find(|one| one["name"] == "root").unwrap();
    assert!(of_root.get("last_seen_at").is_none() && of_root["last_sign_in_at"].is_string(), "{of_root}");

    // Within the minute nobody asks the store for it.
    service.tamper("UPDATE identities SET last_seen_at = 7").await;
    for _ in 0..20 {
        comes().await;
    }
    assert_eq!(last().await, Some(7));
    // As if it were over.
    service.gateway.seen().forget();
    comes().await;
    assert!(last().await.is_some_and(|last| last >= began));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_refused_was_not_here_and_a_session_of_the_provider_counts() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = Service::with_provider(Value::Null, Default::default(), Some(stage.config())).await;
    service.account("root", Role::Admin).await;
    let store = service.gateway.store();
    let (account, _) = store.create_account_of_person(&stage.issuer, "s-1", "ann", Role::Viewer).await.unwrap();
    let last = || last_seen(&service, &account.id);
    let access = token(&signer, &stage.access("s-1"));
    store.set_disabled(&account.id, true).await.unwrap();
    assert_eq!(service.send("GET", "/api/v2/me", &access, None).await.status, StatusCode::FORBIDDEN);
    assert_eq!(last().await, None);
    store.set_disabled(&account.id, false).await.unwrap();
    for (way, is_seen) in [("otp", false), ("oidc", true)] {
        let proof = Proof { amr: vec![way.to_owned()], with_factor: true, ..Proof::default() };
        let session = store.start_session(&account.id, way, now_ms() + 60_000, &proof).await.unwrap();
        let own = service.gateway.keys().sign(&account.id, &session.id, now_ms()).unwrap();
        assert_eq!(service.send("GET", "/api/v2/me", &own, None).await.status, StatusCode::OK, "{way}");
        assert_eq!(last().await.is_some(), is_seen, "{way}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_only_looks_is_let_in_where_nothing_can_be_written() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = Service::with_provider(Value::Null, Default::default(), Some(stage.config())).await;
    let root = service.account("root", Role::Admin).await;
    let body = json!({ "name": "ci", "scopes": ["accounts"], "days": 1 });
    let api = service.send("POST", "/api/v2/tokens", &root, Some(body)).await.json();
    let api = api["secret"].as_str().unwrap();
    let store = service.gateway.store();
    let (account, _) = store.create_account_of_person(&stage.issuer, "s-1", "ann", Role::Developer).await.unwrap();
    let proof = Proof { amr: vec!["oidc".to_owned()], with_factor: true, ..Proof::default() };
    let secret = crate::auth::secrets::hash("page s");
    let session = store.start_session(&account.id, &secret, now_ms() + 60_000, &proof).await.unwrap();
    let own = service.gateway.keys().sign(&account.id, &session.id, now_ms()).unwrap();
    let access = token(&signer, &stage.access("s-1"));
    for table in ["identities", "tokens"] {
        let refuse = "BEGIN SELECT RAISE(ABORT, 'there is no room'); END";
        service.tamper(&format!("CREATE TRIGGER no_{table} BEFORE UPDATE ON {table} {refuse}")).await;
    }
    assert!(store.touch_person(&account.id).await.is_err(), "the control");
    for token in [api, &*own, &*access] {
        for _ in 0..3 {
            service.gateway.recent().forget();
            service.gateway.seen().forget();
            let reply = service.send("GET", "/api/v2/me", token, None).await;
            assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        }
    }
    let page = axum::extract::Request::builder().uri("/account").header("host", "team.example");
    let page = page.header("cookie", "__Host-session=s").body(axum::body::Body::empty()).unwrap();
    service.gateway.seen().forget();
    let shown = service.raw(page).await;
    assert!(shown.status == StatusCode::OK && shown.text.contains("Sign out"), "{shown:?}");
    assert_eq!(last_seen(&service, &account.id).await, None, "none of it could be written down");
    assert!(store.tokens(None, None, 10).await.unwrap().items.iter().all(|token| token.last_used_at.is_none()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_only_looks_does_not_wait_for_others_who_write_and_is_written_down_after_them() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = Service::with_provider(Value::Null, Default::default(), Some(stage.config())).await;
    let root = service.account("root", Role::Admin).await;
    let body = json!({ "name": "ci", "scopes": ["accounts"], "days": 1 });
    let api = service.send("POST", "/api/v2/tokens", &root, Some(body)).await.json();
    let api = api["secret"].as_str().unwrap();
    let store = service.gateway.store();
    let (account, _) = store.create_account_of_person(&stage.issuer, "s-1", "ann", Role::Developer).await.unwrap();
    let access = token(&signer, &stage.access("s-1"));
    // The provider is asked for its keys before the time is taken.
    assert!(service.gateway.provider().unwrap().access(&access).await.is_ok(), "the control");
    let mut writer = service.busy_writer();
    let others = tokio::time::timeout(Duration::from_secs(1), store.touch_person(&account.id)).await;
    assert!(others.is_err(), "the control: nobody else writes");
    for token in [api, &*access] {
        let looks = service.send("GET", "/api/v2/me", token, None);
        let reply = tokio::time::timeout(Duration::from_secs(2), looks).await.expect("it does not wait");
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    }
    drop(writer.stdin.take());
    assert!(writer.wait().unwrap().success());
    assert!(last_seen(&service, &account.id).await.is_some());
    let used = async || store.tokens(None, None, 10).await.unwrap().items[0].last_used_at;
    assert!(used().await.is_some());
    // Within the minute nobody asks the store for it.
    service.tamper("UPDATE tokens SET last_used_at = 7").await;
    for _ in 0..3 {
        service.gateway.recent().forget();
        assert_eq!(service.send("GET", "/api/v2/me", api, None).await.status, StatusCode::OK);
    }
    service.gateway.seen().written().await;
    assert_eq!(used().await, Some(7));
}
