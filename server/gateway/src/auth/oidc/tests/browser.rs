//! A browser that comes back from the provider: with an answer of another one, and with a cookie that was changed or is too old. Each is refused beside
//! one that goes on to the provider's token endpoint, where the stage has nothing for them.

use super::*;
use crate::tests::Reply;
use axum::body::Body;
use axum::extract::Request;

/// What stands in the sealed cookie; the page writes it so.
fn away(state: &str, at: i64) -> Value {
    json!({ "state": state, "nonce": "n", "verifier": "v", "back": "/", "session": null, "at": at })
}

pub(super) fn sealed(service: &Service, away: &Value) -> String {
    URL_SAFE_NO_PAD.encode(service.gateway.keys().sign_ins().seal(away.to_string().as_bytes(), "page").unwrap())
}

pub(super) async fn get(service: &Service, path: &str, cookie: &str) -> Reply {
    let request = Request::builder().uri(path).header("host", "team.example");
    service.raw(request.header("cookie", format!("__Host-away={cookie}")).body(Body::empty()).unwrap()).await
}

/// Comes back with a code.
pub(super) async fn come(service: &Service, cookie: &str, state: &str, issuer: Option<&str>) -> Reply {
    let mut query = Serializer::new(String::new());
    query.append_pair("code", "c").append_pair("state", state);
    if let Some(issuer) = issuer {
        query.append_pair("iss", issuer);
    }
    get(service, &format!("/auth/oidc/callback?{}", query.finish()), cookie).await
}

fn went_on(reply: &Reply) -> bool {
    reply.status == StatusCode::SERVICE_UNAVAILABLE && reply.text.contains("does not answer as it should")
}

fn is_refused(reply: &Reply, words: &str) -> bool {
    let mut cookies = reply.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    reply.status == StatusCode::FORBIDDEN
        && reply.text.contains(words)
        && !cookies.any(|line| line.starts_with("__Host-session"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_another_issuer_is_refused() {
    let stage = Stage::new(&[&Signer::ec("k")]).await;
    stage.said.description.lock().unwrap().1["authorization_response_iss_parameter_supported"] = json!(true);
    let service = Service::with_provider(Value::Null, Default::default(), Some(stage.config())).await;
    // What a real way to the provider leaves in the browser.
    let left = get(&service, "/auth/oidc/login", "").await;
    assert_eq!(left.status, StatusCode::SEE_OTHER, "{left:?}");
    let place = left.headers["location"].to_str().unwrap();
    let query = place.strip_prefix(&format!("{}/auth?", stage.issuer)).unwrap();
    let state = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "state").unwrap().1.into_owned();
    let cookie = left.headers["set-cookie"].to_str().unwrap();
    let cookie = cookie.strip_prefix("__Host-away=").unwrap().split(';').next().unwrap();
    let right = come(&service, cookie, &state, Some(&stage.issuer)).await;
    assert!(went_on(&right), "the control: {right:?}");
    let slash = format!("{}/", stage.issuer);
    for issuer in [None, Some(""), Some("https://evil.example"), Some(&*slash)] {
        let reply = come(&service, cookie, &state, issuer).await;
        assert!(is_refused(&reply, "that of another provider"), "{issuer:?}: {reply:?}");
    }
    // A provider that does not say that it names itself need not, but may not name another.
    let stage = Stage::new(&[&Signer::ec("k")]).await;
    let provider = Provider::new(stage.config());
    assert!(provider.is_answer_of(None).await.unwrap() && provider.is_answer_of(Some(&stage.issuer)).await.unwrap());
    assert!(!provider.is_answer_of(Some("https://evil.example")).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cookie_that_was_changed_or_is_old_is_refused() {
    let stage = Stage::new(&[&Signer::ec("k")]).await;
    let service = Service::with_provider(Value::Null, Default::default(), Some(stage.config())).await;
    let root = service.account("root", Role::Admin).await;
    let now = now_ms();
    let good = sealed(&service, &away("s", now));
    for cookie in [&good, &sealed(&service, &away("s", now - 590_000))] {
        let reply = come(&service, cookie, "s", None).await;
        assert!(went_on(&reply), "the control: {reply:?}");
    }
    let audit = async || {
        let log = service.send("GET", "/api/v2/audit?limit=200", &root, None).await.json();
        log["items"].as_array().unwrap().iter().filter(|item| item["policy"] == "oidc").count()
    };
    assert_eq!(audit().await, 2, "codes that were not taken are written down");
    let mut changed = URL_SAFE_NO_PAD.decode(&good).unwrap();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let of_another = service.gateway.keys().sign_ins().seal(away("s", now).to_string().as_bytes(), "other").unwrap();
    let other_key = Service::with_provider(Value::Null, Default::default(), Some(stage.config())).await;
    for cookie in [
        URL_SAFE_NO_PAD.encode(changed),
        good[..good.len() - 4].to_owned(),
        sealed(&service, &away("s", now - 601_000)),
        URL_SAFE_NO_PAD.encode(of_another),
        sealed(&other_key, &away("s", now)),
        URL_SAFE_NO_PAD.encode(away("s", now).to_string()),
        String::new(),
    ] {
        let reply = come(&service, &cookie, "s", None).await;
        assert!(is_refused(&reply, "not begun in this browser"), "{cookie}: {reply:?}");
    }
    assert_eq!(audit().await, 2, "whoever was never sent away fills no log");
    let reply = come(&service, &good, "another", None).await;
    assert!(is_refused(&reply, "belongs to another sign-in"), "{reply:?}");
    assert_eq!(audit().await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_others_use_up_no_ways_to_the_provider_and_count_as_no_guesses() {
    let stage = Stage::new(&[&Signer::ec("k")]).await;
    let service = Service::with_provider(Value::Null, Default::default(), Some(stage.config())).await;
    let asks = async |path: &str, mode: &str, cookie: &str| {
        let request = Request::builder().uri(path).header("host", "team.example");
        let request = request.header("sec-fetch-site", "cross-site").header("sec-fetch-mode", mode);
        service.raw(request.header("cookie", cookie).body(Body::empty()).unwrap()).await
    };
    let refused = async || {
        let text = crate::metrics::text(&service.gateway).await;
        let counted =
            text.lines().find_map(|line| line.strip_prefix("code_agent_sign_ins_total{outcome=\"refused\"} "));
        counted.unwrap().parse::<f64>().unwrap()
    };
    let sent = format!("__Host-away={}", sealed(&service, &away("s", now_ms())));
    for path in ["/auth/oidc/login", "/auth/oidc/callback", "/auth/oidc/callback?code=c&state=x"] {
        for _ in 0..100 {
            for cookie in ["a=1", &sent] {
                let drawn = asks(path, "no-cors", cookie).await;
                assert!(drawn.status == StatusCode::FORBIDDEN && drawn.text.contains("pages of others"), "{drawn:?}");
                assert!(!drawn.headers.contains_key("set-cookie"), "{drawn:?}");
            }
        }
    }
    for _ in 0..100 {
        let linked = asks("/auth/oidc/callback", "navigate", "a=1").await;
        assert!(is_refused(&linked, "not begun in this browser"), "{linked:?}");
    }
    assert_eq!(refused().await, 0.0);
    // Whoever goes there is sent on, and comes back with what he was sent with.
    assert_eq!(asks("/auth/oidc/login", "navigate", "a=1").await.status, StatusCode::SEE_OTHER);
    let back = asks("/auth/oidc/callback?code=c&state=x", "navigate", &sent).await;
    assert!(is_refused(&back, "belongs to another sign-in"), "{back:?}");
    assert_eq!(refused().await, 1.0, "the control");
}
