//! Accounts as those see them who see to them: how people sign in and when they last did, what is refused, and ending all that somebody is signed in with.

use super::*;

const PLACE: &str = "/api/v2/accounts";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_told_who_is_of_the_provider_and_who_signed_in_last() {
    let service = Service::new().await;
    let root = service.account("root", Role::Admin).await;
    let store = service.gateway.store();
    let person = store.create_account_of_person("https://login.example", "s-1", "ann", Role::Viewer).await.unwrap().0;
    let first = service.send("GET", &format!("{PLACE}?limit=1"), &root, None).await.json();
    let after = first["next"].as_str().unwrap();
    let rest = service.send("GET", &format!("{PLACE}?after={after}"), &root, None).await.json();
    let one = service.send("GET", &format!("{PLACE}/{}", person.id), &root, None).await.json();
    for (shown, name, of_provider, has_signed_in) in
        [(&first["items"][0], "root", false, true), (&rest["items"][0], "ann", true, false), (&one, "ann", true, false)]
    {
        assert_eq!((&shown["name"], &shown["of_provider"]), (&json!(name), &json!(of_provider)), "{shown}");
        assert_eq!(shown.get("last_sign_in_at").is_some(), has_signed_in, "{shown}");
    }
    assert!(rest.get("next").is_none() && !rest.to_string().contains("s-1"), "{rest}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_somebody_has_is_refused_by_its_field() {
    let service = Service::new().await;
    let root = service.account("root", Role::Admin).await;
    let make = async |name: &str| {
        let body = json!({ "name": name, "role": "viewer", "password": PASSWORD });
        service.send("POST", PLACE, &root, Some(body)).await
    };
    let made = make("ann").await;
    assert_eq!(
        (made.status, &made.json()["of_provider"]),
        (StatusCode::CREATED, &json!(false)),
        "the control: {made:?}"
    );
    let taken = make("ann").await;
    assert_eq!((taken.status, &taken.json()["pointer"]), (StatusCode::CONFLICT, &json!("/name")), "{taken:?}");
    assert_eq!(taken.json()["detail"], "This name is taken.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_sessions_of_another_are_ended_by_an_admin() {
    let service = Service::new().await;
    let admin = service.account("root", Role::Admin).await;
    let dev = service.account("dev", Role::Developer).await;
    let place = format!("{PLACE}/{}/sessions", service.id_of("dev").await);
    let me = async |token: &str| service.send("GET", "/api/v2/me", token, None).await.status;
    assert_eq!(service.send("DELETE", &place, &dev, None).await.status, StatusCode::FORBIDDEN);
    assert_eq!(me(&dev).await, StatusCode::OK, "the control");
    let second = service.sign_in("dev").await;
    let ended = service.send("DELETE", &place, &admin, None).await;
    assert_eq!((ended.status, &ended.json()["ended"]), (StatusCode::OK, &json!(2)), "{ended:?}");
    for token in [&dev, &second] {
        assert_eq!(me(token).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(me(&admin).await, StatusCode::OK, "those of others go on");
    assert_eq!(me(&service.sign_in("dev").await).await, StatusCode::OK, "and the account is open");
    let unknown = format!("{PLACE}/0192f0c1-7d5e-7000-8000-000000000000/sessions");
    assert_eq!(service.send("DELETE", &unknown, &admin, None).await.status, StatusCode::NOT_FOUND);
    service.age(6).await;
    assert_eq!(service.send("DELETE", &place, &admin, None).await.status, StatusCode::UNAUTHORIZED, "a step-up is due");
    let audit = service.send("GET", "/api/v2/audit?limit=100", &admin, None).await.json();
    let is_told = |item: &Value| item["action"] == "accounts.end_sessions" && item["detail"] == "2 sessions ended";
    assert!(audit["items"].as_array().unwrap().iter().any(is_told), "{audit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_log_tells_what_was_changed_from_what_to_what() {
    let service = Service::new().await;
    let root = service.account("root", Role::Admin).await;
    let own = service.id_of("root").await;
    // What came of an operation, the oldest first: by whom, to what, and what it was.
    let outcomes = async |action: &str| {
        let audit = service.send("GET", "/api/v2/audit?limit=200", &root, None).await.json();
        let is_it = |item: &&Value| item["action"] == action && item["policy"] == "outcome" && item["allowed"] == true;
        let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
        let all = audit["items"].as_array().unwrap().iter().rev().filter(is_it);
        all.map(|item| ["actor", "resource", "detail"].map(|name| text(item, name))).collect::<Vec<_>>()
    };
    let told = |resource: &str, details: &[&str]| {
        details.iter().map(|detail| [&*own, resource, *detail].map(str::to_owned)).collect::<Vec<_>>()
    };
    let body = json!({ "name": "bob", "role": "developer", "password": PASSWORD });
    let made = service.send("POST", PLACE, &root, Some(body)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let bob = service.id_of("bob").await;
    assert_eq!(outcomes("accounts.create").await, told(&bob, &["role developer"]));
    for body in [
        json!({ "role": "maintainer" }),
        json!({ "role": "viewer", "disabled": true }),
        json!({ "role": "viewer" }),
        json!({ "disabled": true }),
        json!({ "disabled": false }),
        json!({}),
    ] {
        let changed = service.send("PATCH", &format!("{PLACE}/{bob}"), &root, Some(body)).await;
        assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    }
    let all = [
        "role from developer to maintainer",
        "state from on to off",
        "role from maintainer to viewer",
        "role viewer as before",
        "state off as before",
        "state from off to on",
    ];
    assert_eq!(outcomes("accounts.change").await, told(&bob, &all));
    // Of what was not done it is not told that it was.
    let refused = service.send("PATCH", &format!("{PLACE}/{own}"), &root, Some(json!({ "role": "viewer" }))).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{refused:?}");
    assert_eq!(outcomes("accounts.change").await.len(), all.len());

    for (scopes, days, detail) in [
        (json!(["documents", "jobs"]), 30, "scopes documents jobs for 30 days"),
        (json!(["metrics"]), 1, "scopes metrics for 1 day"),
    ] {
        let body = json!({ "name": "ci", "scopes": scopes, "days": days });
        let made = service.send("POST", "/api/v2/tokens", &root, Some(body)).await.json();
        let last = outcomes("tokens.create").await.pop().unwrap();
        assert_eq!(vec![last], told(made["token"]["id"].as_str().unwrap(), &[detail]));
        let secret = made["secret"].as_str().unwrap();
        let audit = service.send("GET", "/api/v2/audit?limit=200", &root, None).await;
        assert!(!audit.text.contains(secret), "and nothing that opens anything: {audit:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_switched_off_has_nothing_left_also_where_the_log_cannot_be_written() {
    let service = Service::new().await;
    let root = service.account("root", Role::Admin).await;
    let dev = service.account("dev", Role::Developer).await;
    let body = json!({ "kind": "check", "files": [text()] });
    let job = service.send("POST", "/api/v2/jobs", &dev, Some(body)).await.json();
    let (store, id) = (service.gateway.store(), service.id_of("dev").await);
    assert_eq!(store.sessions(&id).await.unwrap().len(), 1, "the control");
    // What was decided is written down, and what came of it is not.
    let refuse = "WHEN NEW.policy = 'outcome' BEGIN SELECT RAISE(ABORT, 'there is no room'); END";
    service.tamper(&format!("CREATE TRIGGER no_outcome BEFORE INSERT ON audit {refuse}")).await;
    let place = format!("{PLACE}/{id}");
    let failed = service.send("PATCH", &place, &root, Some(json!({ "disabled": true }))).await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE, "{failed:?}");
    assert!(store.account(&id).await.unwrap().unwrap().disabled && store.sessions(&id).await.unwrap().is_empty());
    let job = store.job(job["id"].as_str().unwrap()).await.unwrap().unwrap();
    assert_eq!(job.state, engine::store::jobs::JobState::Cancelled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_lacks_a_scope_is_told_which_and_a_role_that_is_not_enough_is_not() {
    let service = Service::new().await;
    let dev = service.account("dev", Role::Developer).await;
    let body = json!({ "name": "ci", "scopes": ["documents"], "days": 1 });
    let made = service.send("POST", "/api/v2/tokens", &dev, Some(body)).await.json();
    let narrow = made["secret"].as_str().unwrap();
    let checked = service.send("POST", "/api/v2/documents/diagnostics", narrow, Some(text())).await;
    assert_eq!(checked.status, StatusCode::OK, "the control: {checked:?}");
    for (method, path, scope, kind) in [
        ("GET", "/api/v2/jobs", "jobs", "/type"),
        ("GET", "/api/v2/me", "accounts", "/type"),
        ("GET", "/v1/models", "openai", "/error/type"),
        ("POST", "/v1/chat/completions", "openai", "/error/type"),
        ("GET", "/api/v2/ws", "socket", "/type"),
    ] {
        let refused = service.send(method, path, narrow, None).await;
        let asked = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
        assert_eq!((refused.status, &*asked), (StatusCode::FORBIDDEN, told_to(&refused)), "{path}: {refused:?}");
        let wanted = if kind == "/type" { "urn:code-agent:problem:forbidden" } else { "permission_error" };
        assert_eq!(refused.json().pointer(kind), Some(&json!(wanted)), "the body is as it was: {refused:?}");
    }
    let of_role = service.send("GET", PLACE, &dev, None).await;
    assert!(of_role.status == StatusCode::FORBIDDEN && told_to(&of_role).is_empty(), "{of_role:?}");
}

/// What a program is told that it has to come with.
fn told_to(reply: &Reply) -> &str {
    reply.headers.get("www-authenticate").map_or("", |value| value.to_str().unwrap())
}
