//! Links for a new password at the interface: who makes them and for whom, that each is good once, and what using one ends.

use super::*;

const PLACE: &str = "/api/v2/accounts";
const NEW: &str = "battery staple horse";

impl Service {
    async fn invite(&self, token: &str, name: &str, body: Value) -> Reply {
        let place = format!("{PLACE}/{}/invitations", self.id_of(name).await);
        self.send("POST", &place, token, Some(body)).await
    }

    async fn take_back(&self, token: &str, name: &str) -> Reply {
        self.send("DELETE", &format!("{PLACE}/{}/invitations", self.id_of(name).await), token, None).await
    }

    /// The code of a new link that is good for a day.
    pub(crate) async fn link_for(&self, token: &str, name: &str) -> String {
        let made = self.invite(token, name, json!({})).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        made.json()["code"].as_str().unwrap().to_owned()
    }

    async fn accept(&self, code: &str, password: &str) -> Reply {
        self.send("POST", "/api/v2/invitations", "", Some(json!({ "code": code, "password": password }))).await
    }

    async fn is_good(&self, code: &str) -> bool {
        let hash = crate::auth::secrets::hash(code);
        self.gateway.store().invited(&hash).await.unwrap().is_some()
    }

    async fn signs_in(&self, name: &str, password: &str) -> bool {
        let body = json!({ "name": name, "password": password });
        self.send("POST", "/api/v2/sessions", "", Some(body)).await.status == StatusCode::CREATED
    }

    async fn is_let_in(&self, token: &str) -> bool {
        self.send("GET", "/api/v2/me", token, None).await.status == StatusCode::OK
    }
}

/// The sentence for a link that is not good, which is the same for each of them.
fn assert_not_good(reply: &Reply) {
    let said = "The link is not good: it was used or taken back, is over, or never was one; ask for another.";
    assert_eq!((reply.status, &reply.json()["detail"]), (StatusCode::FORBIDDEN, &json!(said)), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_gets_its_first_password_from_its_owner() {
    let service = Service::new().await;
    let root = service.account("root", Role::Admin).await;
    let made = service.send("POST", PLACE, &root, Some(json!({ "name": "bob", "role": "viewer" }))).await;
    let (status, bob) = (made.status, made.json());
    assert_eq!(
        (status, &bob["has_password"], &bob["of_provider"]),
        (StatusCode::CREATED, &json!(false), &json!(false))
    );
    assert!(!service.signs_in("bob", PASSWORD).await, "nobody is let in yet");
    let made = service.invite(&root, "bob", json!({ "hours": 2 })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let made = made.json();
    let code = made["code"].as_str().unwrap();
    assert_eq!(made["link"], format!("/invitation?code={code}"));
    let place = format!("{PLACE}/{}", service.id_of("bob").await);
    let shown = service.send("GET", &place, &root, None).await;
    assert_eq!(shown.json()["invited_until"], made["expires_at"], "{shown:?}");
    assert!(!shown.text.contains(code), "it is shown once: {shown:?}");
    let until = service.gateway.store().seen_account(&service.id_of("bob").await).await.unwrap().unwrap();
    let minutes = (until.invited_until.unwrap() - engine::store::now_ms()) / 60_000;
    assert!((118..=120).contains(&minutes), "{minutes}");

    let short = service.accept(code, "short").await;
    assert_eq!((short.status, &short.json()["pointer"]), (StatusCode::BAD_REQUEST, &json!("/password")), "{short:?}");
    assert!(service.is_good(code).await, "that did not use it up");
    let done = service.accept(code, PASSWORD).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{done:?}");
    assert_not_good(&service.accept(code, NEW).await);
    assert_not_good(&service.accept("never-was-one", NEW).await);
    assert!(service.signs_in("bob", PASSWORD).await && !service.signs_in("bob", NEW).await);
    let shown = service.send("GET", &place, &root, None).await.json();
    assert!(shown["has_password"] == true && shown.get("invited_until").is_none(), "{shown}");

    let audit = service.send("GET", "/api/v2/audit?limit=100", &root, None).await;
    let items = audit.json()["items"].clone();
    let details = |action: &str, allowed: bool| {
        let of_it = |item: &&Value| item["action"] == action && item["allowed"] == allowed;
        items.as_array().unwrap().iter().filter(of_it).map(|item| item["detail"].to_string()).collect::<Vec<_>>()
    };
    let told = |details: &[String], words: &str| details.iter().any(|detail| detail.contains(words));
    assert!(told(&details("accounts.invite", true), "good until 2"), "{items}");
    let by = format!("by the link of {}; 0 sessions ended", service.id_of("root").await);
    assert!(told(&details("invitations.accept", true), &by), "{items}");
    assert_eq!(details("invitations.accept", false).len(), 2, "{items}");
    let hash = crate::auth::secrets::hash(code);
    assert!(!audit.text.contains(code) && !audit.text.contains(&hash) && !audit.text.contains("never-was-one"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn using_a_link_ends_sessions_and_leaves_tokens_and_the_second_factor() {
    let service = Service::new().await;
    let root = service.account("root", Role::Admin).await;
    let dev = service.account("dev", Role::Developer).await;
    let body = json!({ "name": "ci", "scopes": ["accounts"], "days": 1 });
    let api = service.send("POST", "/api/v2/tokens", &dev, Some(body)).await.json();
    let api = api["secret"].as_str().unwrap();
    service.add_factor("dev", &dev).await;
    let code = service.link_for(&root, "dev").await;
    for token in [&*dev, api, &*root] {
        assert!(service.is_let_in(token).await, "until it is used nothing changes");
    }
    assert_eq!(service.accept(&code, NEW).await.status, StatusCode::NO_CONTENT);
    assert!(!service.is_let_in(&dev).await, "at once");
    assert!(service.is_let_in(api).await && service.is_let_in(&root).await);
    let alone = service.send("POST", "/api/v2/sessions", "", Some(json!({ "name": "dev", "password": NEW }))).await;
    assert_eq!(alone.json()["type"], "urn:code-agent:problem:second-factor-needed", "{alone:?}");

    // The phone is lost too.
    let made = service.invite(&root, "dev", json!({ "clear_factor": true })).await.json();
    let alone = service.send("POST", "/api/v2/sessions", "", Some(json!({ "name": "dev", "password": NEW }))).await;
    assert_eq!(alone.status, StatusCode::UNAUTHORIZED, "until it is used nothing changes: {alone:?}");
    assert_eq!(service.accept(made["code"].as_str().unwrap(), PASSWORD).await.status, StatusCode::NO_CONTENT);
    let me = service.send("GET", "/api/v2/me", &service.sign_in("dev").await, None).await.json();
    assert_eq!((&me["second_factor"], &me["recovery_codes_left"]), (&json!(false), &json!(0)));
    let audit = service.send("GET", "/api/v2/audit?limit=100", &root, None).await.text;
    assert!(audit.contains("; the second factor goes with it") && audit.contains("; the second factor was removed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_ended_is_not_good_and_codes_cannot_be_guessed() {
    let service = Service::new().await;
    let root = service.account("root", Role::Admin).await;
    let dev = service.account("dev", Role::Developer).await;
    let place = format!("{PLACE}/{}", service.id_of("dev").await);
    let good = async || {
        let code = service.link_for(&root, "dev").await;
        assert!(service.is_good(&code).await, "the control");
        code
    };
    let replaced = good().await;
    let changed = good().await;
    assert_not_good(&service.accept(&replaced, NEW).await);
    let body = json!({ "old": PASSWORD, "password": "another one of mine" });
    let done = service.send("PUT", "/api/v2/me/password", &dev, Some(body)).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{done:?}");
    assert_not_good(&service.accept(&changed, NEW).await);
    let taken_back = good().await;
    assert_eq!(service.take_back(&root, "dev").await.status, StatusCode::NO_CONTENT);
    assert_eq!(service.take_back(&root, "dev").await.status, StatusCode::NO_CONTENT, "there was none");
    assert_not_good(&service.accept(&taken_back, NEW).await);
    let disabled = good().await;
    for (is_disabled, status) in [(true, StatusCode::CONFLICT), (false, StatusCode::CREATED)] {
        let body = json!({ "disabled": is_disabled });
        assert_eq!(service.send("PATCH", &place, &root, Some(body)).await.status, StatusCode::OK);
        assert!(!service.is_good(&disabled).await, "nor does it come back");
        let made = service.invite(&root, "dev", json!({})).await;
        assert_eq!(made.status, status, "{made:?}");
    }
    assert_not_good(&service.accept(&disabled, NEW).await);
    let expired = good().await;
    service.tamper("UPDATE invitations SET expires_at = 1").await;
    assert_not_good(&service.accept(&expired, NEW).await);
    let mut throttled = service.accept("guessed", NEW).await;
    for _ in 0..6 {
        throttled = service.accept("guessed", NEW).await;
    }
    assert_eq!(throttled.status, StatusCode::TOO_MANY_REQUESTS, "{throttled:?}");
    assert!(throttled.headers.contains_key("retry-after"), "{throttled:?}");
    assert!(service.signs_in("dev", "another one of mine").await, "nothing of it changed the password");
    // One that is good is taken all the same: nobody keeps its owner out.
    assert_eq!(service.accept(&good().await, NEW).await.status, StatusCode::NO_CONTENT);
    assert!(service.signs_in("dev", NEW).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_ends_with_its_maker_and_with_all_sessions_of_its_account() {
    let service = Service::new().await;
    let root = service.account("root", Role::Admin).await;
    let eve = service.account("eve", Role::Admin).await;
    service.account("dev", Role::Developer).await;
    let place = async |name: &str| format!("{PLACE}/{}", service.id_of(name).await);
    let of_eve = service.link_for(&eve, "dev").await;
    assert!(service.is_good(&of_eve).await, "the control");
    let changed = service.send("PATCH", &place("eve").await, &root, Some(json!({ "role": "viewer" }))).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    assert_not_good(&service.accept(&of_eve, NEW).await);
    let of_root = service.link_for(&root, "dev").await;
    let sessions = format!("{}/sessions", place("dev").await);
    assert_eq!(service.send("DELETE", &sessions, &root, None).await.status, StatusCode::OK);
    assert_not_good(&service.accept(&of_root, NEW).await);
    assert!(service.signs_in("dev", PASSWORD).await, "nothing of it changed the password");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_some_who_use_a_link_at_once_one_gives_the_password() {
    let service = Service::new().await;
    let root = service.account("root", Role::Admin).await;
    service.account("dev", Role::Developer).await;
    let code = service.link_for(&root, "dev").await;
    let passwords: Vec<String> = (0..4).map(|number| format!("the password of number {number}")).collect();
    let replies = passwords.iter().map(|password| service.accept(&code, password));
    let replies = futures_util::future::join_all(replies).await;
    let first = replies.iter().position(|reply| reply.status == StatusCode::NO_CONTENT).expect("one of them");
    for (number, (reply, password)) in replies.iter().zip(&passwords).enumerate() {
        if number != first && reply.status == StatusCode::TOO_MANY_REQUESTS {
            assert!(reply.text.contains("is being used just now") && reply.headers.contains_key("retry-after"));
        } else if number != first {
            assert_not_good(reply);
        }
        assert_eq!(service.signs_in("dev", password).await, number == first, "{number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_used_by_one_at_a_time() {
    let service = Service::new().await;
    let root = service.account("root", Role::Admin).await;
    for name in ["dev", "eve"] {
        service.account(name, Role::Developer).await;
    }
    let (code, other) = (service.link_for(&root, "dev").await, service.link_for(&root, "eve").await);
    let begun = service.gateway.links_in_use().begin(&crate::auth::secrets::hash(&code)).unwrap();
    let refused = service.accept(&code, NEW).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{refused:?}");
    assert!(refused.headers.contains_key("retry-after") && service.is_good(&code).await, "{refused:?}");
    assert_eq!(service.accept(&other, NEW).await.status, StatusCode::NO_CONTENT, "each link has its own");
    drop(begun);
    assert_eq!(service.accept(&code, NEW).await.status, StatusCode::NO_CONTENT);
    assert!(service.gateway.links_in_use().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_is_used_by_who_goes_away_is_written_down() {
    let service = Service::new().await;
    let root = service.account("root", Role::Admin).await;
    service.account("dev", Role::Developer).await;
    let code = service.link_for(&root, "dev").await;
    let mut request = Box::pin(service.accept(&code, NEW));
    // The connection is closed while the password is computed.
    while service.gateway.links_in_use().is_empty() && service.is_good(&code).await {
        let _ = tokio::time::timeout(Duration::from_millis(1), &mut request).await;
    }
    drop(request);
    let is_told = async || {
        let audit = service.send("GET", "/api/v2/audit?limit=20", &root, None).await;
        audit.text.contains("a new password by the link of")
    };
    for _ in 0..1000 {
        if is_told().await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(is_told().await && service.signs_in("dev", NEW).await, "it was done, and the log knows it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_admin_who_showed_who_he_is_makes_a_link() {
    let service = Service::new().await;
    let root = service.account("root", Role::Admin).await;
    service.account("victim", Role::Developer).await;
    for role in [Role::Viewer, Role::Developer, Role::Maintainer, Role::Auditor] {
        let token = service.account(role.name(), role).await;
        let made = service.invite(&token, "victim", json!({})).await;
        assert!(made.status == StatusCode::FORBIDDEN && !made.text.contains("code\""), "{role:?}: {made:?}");
    }
    let body = json!({ "name": "ci", "scopes": ["accounts"], "days": 1 });
    let api = service.send("POST", "/api/v2/tokens", &root, Some(body)).await.json();
    let api = api["secret"].as_str().unwrap();
    assert_eq!(service.send("GET", PLACE, api, None).await.status, StatusCode::OK, "the control");
    assert_eq!(service.invite(api, "victim", json!({})).await.status, StatusCode::FORBIDDEN);
    let seen = service.gateway.store().seen_account(&service.id_of("victim").await).await.unwrap().unwrap();
    assert_eq!(seen.invited_until, None, "none of it made one");
    let code = service.link_for(&root, "victim").await;
    for name in ["viewer", "maintainer"] {
        let token = service.sign_in(name).await;
        assert_eq!(service.take_back(&token, "victim").await.status, StatusCode::FORBIDDEN, "{name}");
    }
    service.age(6).await;
    for reply in [service.invite(&root, "victim", json!({})).await, service.take_back(&root, "victim").await] {
        assert_eq!(reply.json()["type"], "urn:code-agent:problem:step-up-needed", "{reply:?}");
    }
    assert!(service.is_good(&code).await, "nothing of it ended the one that is open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_for_an_account_of_this_service_that_is_open_and_not_ones_own() {
    let service = Service::new().await;
    let root = service.account("root", Role::Admin).await;
    let store = service.gateway.store();
    store.create_account_of_person("https://login.example", "s-1", "ann", Role::Viewer).await.unwrap();
    service.account("bob", Role::Viewer).await;
    for (name, body, status, words) in [
        ("ann", json!({}), 422, "of the provider, where its password is"),
        ("root", json!({}), 409, "Your own password is changed with the old one"),
        ("bob", json!({ "hours": 0 }), 400, ""),
        ("bob", json!({ "hours": 169 }), 400, ""),
        ("bob", json!({ "password": PASSWORD }), 400, "password"),
        ("bob", json!({ "hours": 168, "clear_factor": null }), 201, "/invitation?code="),
    ] {
        let reply = service.invite(&root, name, body.clone()).await;
        assert!(reply.status.as_u16() == status && reply.text.contains(words), "{name} {body}: {reply:?}");
    }
    for method in ["POST", "DELETE"] {
        let unknown = format!("{PLACE}/0192f0c1-7d5e-7000-8000-000000000000/invitations");
        let body = (method == "POST").then(|| json!({}));
        let reply = service.send(method, &unknown, &root, body).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{method}: {reply:?}");
    }
}
