//! Programs that are let in by a code, and sessions that their owner ends.

use super::*;
use engine::store::now_ms;
use engine::store::tokens::Proof;

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

impl Service {
    /// Sends a form, as programs do by OAuth.
    async fn oauth(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .header("host", "team.example")
            .header("content-type", "application/x-www-form-urlencoded");
        self.raw(request.body(Body::from(text)).unwrap()).await
    }

    /// Begins to let a device in: its own code, and the one that is typed.
    pub(crate) async fn begin_device(&self, name: &str) -> (String, String) {
        let fields = [("client_id", "code-agent"), ("device_name", name)];
        let codes = self.oauth("/oauth/device_authorization", &fields).await;
        assert_eq!(codes.status, StatusCode::OK, "{codes:?}");
        let text = |name: &str| codes.json()[name].as_str().unwrap().to_owned();
        (text("device_code"), text("user_code"))
    }

    /// What a device gets for its code.
    pub(crate) async fn poll_device(&self, code: &str) -> Reply {
        let fields = [("grant_type", DEVICE_GRANT), ("client_id", "code-agent"), ("device_code", code)];
        self.oauth("/oauth/token", &fields).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_was_let_in_has_to_show_itself_who_it_is() {
    let service = Service::new().await;
    let owner = service.account("root", Role::Admin).await;
    let (code, typed) = service.begin_device("laptop").await;
    let (_, other) = service.begin_device("another").await;
    let decide = async |token: &str, typed: &str| {
        service.send("POST", "/api/v2/devices", token, Some(json!({ "user_code": typed, "let_in": true }))).await
    };
    let make = async |token: &str| {
        let body = json!({ "name": "ci", "scopes": ["jobs"], "days": 1 });
        service.send("POST", "/api/v2/tokens", token, Some(body)).await
    };
    assert_eq!(make(&owner).await.status, StatusCode::CREATED, "the control: its owner signed in just now");
    let decided = decide(&owner, &typed).await;
    assert_eq!((decided.status, &decided.json()["name"]), (StatusCode::OK, &json!("laptop")), "{decided:?}");
    let tokens = service.poll_device(&code).await;
    assert_eq!(tokens.status, StatusCode::OK, "{tokens:?}");
    let token = tokens.json()["access_token"].as_str().unwrap().to_owned();
    let me = service.send("GET", "/api/v2/me", &token, None).await;
    assert_eq!((me.status, &me.json()["session"]["is_fresh"]), (StatusCode::OK, &json!(false)), "{me:?}");
    for reply in [make(&token).await, decide(&token, &other).await] {
        let kind = reply.json()["type"].clone();
        assert_eq!(
            (reply.status, kind),
            (StatusCode::UNAUTHORIZED, json!("urn:code-agent:problem:step-up-needed")),
            "{reply:?}"
        );
    }
    let body = Some(json!({ "password": PASSWORD }));
    let shown = service.send("POST", "/api/v2/sessions/current/step-up", &token, body).await;
    assert_eq!(shown.status, StatusCode::OK, "{shown:?}");
    assert_eq!(make(&token).await.status, StatusCode::CREATED, "the device itself showed it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_let_in_tells_how_many_sessions_it_ended() {
    let service = Service::new().await;
    let oldest = service.account("ann", Role::Developer).await;
    let owner = service.sign_in("ann").await;
    let store = service.gateway.store();
    let account = store.account_by_name("ann").await.unwrap().unwrap().id;
    for number in 0..98 {
        let ends = now_ms() + 60_000;
        store.start_session(&account, &format!("h{number}"), ends, &Proof::default()).await.unwrap();
    }
    let (code, typed) = service.begin_device("laptop").await;
    let body = json!({ "user_code": typed, "let_in": true });
    assert_eq!(service.send("POST", "/api/v2/devices", &owner, Some(body)).await.status, StatusCode::OK);
    assert_eq!(service.poll_device(&code).await.status, StatusCode::OK);
    let newest = store.audit_entries(None, 1).await.unwrap().remove(0);
    assert_eq!((&*newest.action, &*newest.detail), ("sessions.create", "pwd; 1 of the oldest sessions ended"));
    for (token, status) in [(&oldest, StatusCode::UNAUTHORIZED), (&owner, StatusCode::OK)] {
        assert_eq!(service.send("GET", "/api/v2/me", token, None).await.status, status);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_sessions_of_an_account_are_ended_by_its_owner() {
    let service = Service::new().await;
    let (own, stranger) = (service.account("ann", Role::Developer).await, service.account("bob", Role::Viewer).await);
    let other = service.sign_in("ann").await;
    let (code, typed) = service.begin_device("laptop").await;
    let body = json!({ "user_code": typed, "let_in": true });
    assert_eq!(service.send("POST", "/api/v2/devices", &own, Some(body)).await.status, StatusCode::OK);
    let device = service.poll_device(&code).await.json();
    let device = device["access_token"].as_str().unwrap();
    let body = json!({ "name": "ci", "scopes": ["accounts"], "days": 1 });
    let made = service.send("POST", "/api/v2/tokens", &own, Some(body)).await.json();
    let api = made["secret"].as_str().unwrap();
    let me = async |token: &str| service.send("GET", "/api/v2/me", token, None).await.status;
    for token in [&*own, &*other, device, &*stranger, api] {
        assert_eq!(me(token).await, StatusCode::OK, "the control");
    }
    let by_token = service.send("DELETE", "/api/v2/sessions", api, None).await;
    assert_eq!(by_token.status, StatusCode::FORBIDDEN, "{by_token:?}");
    let ended = service.send("DELETE", "/api/v2/sessions", &own, None).await;
    assert_eq!((ended.status, &ended.json()["ended"]), (StatusCode::OK, &json!(2)), "{ended:?}");
    for token in [&*other, device] {
        assert_eq!(me(token).await, StatusCode::UNAUTHORIZED, "at once");
    }
    for token in [&*own, &*stranger, api] {
        assert_eq!(me(token).await, StatusCode::OK);
    }
    let again = service.send("DELETE", "/api/v2/sessions", &own, None).await;
    assert_eq!(again.json()["ended"], 0, "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_others_begin_no_devices() {
    let service = Service::new().await;
    let ask = async |origin: &str| {
        let request =
            Request::builder().method("POST").uri("/oauth/device_authorization").header("host", "team.example");
        let request = request.header("content-type", "application/x-www-form-urlencoded").header("origin", origin);
        service.raw(request.body(Body::from("client_id=code-agent")).unwrap()).await
    };
    for _ in 0..30 {
        for origin in ["https://evil.example", "https://team.example.evil.example", "null"] {
            let reply = ask(origin).await;
            assert_eq!((reply.status, &reply.json()["error"]), (StatusCode::BAD_REQUEST, &json!("access_denied")));
        }
    }
    // None of them took one of the tries of the address.
    service.begin_device("laptop").await;
    assert_eq!(ask("https://team.example").await.status, StatusCode::OK, "a page of our own");
}
