//! Who gets the figures, and what stands in them.

use super::*;
use crate::tests::{PASSWORD, Service};
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use engine::config::sections::MetricsAccess;
use engine::store::accounts::Role;
use engine::store::now_ms;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A request for the figures.
struct Scrape<'a> {
    peer: Option<&'a str>,
    host: &'a str,
    headers: &'a [(&'a str, &'a str)],
    token: &'a str,
}

const LOCAL: Scrape<'static> = Scrape { peer: Some("127.0.0.1:4000"), host: "127.0.0.1:7420", headers: &[], token: "" };

async fn scrape(service: &Service, scrape: Scrape<'_>) -> (StatusCode, String) {
    let mut request = Request::builder().uri("/metrics").header("host", scrape.host);
    for (name, value) in scrape.headers {
        request = request.header(*name, *value);
    }
    if !scrape.token.is_empty() {
        request = request.header("authorization", format!("Bearer {}", scrape.token));
    }
    let mut request = request.body(Body::empty()).unwrap();
    if let Some(peer) = scrape.peer {
        request.extensions_mut().insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
    }
    let reply = service.raw(request).await;
    (reply.status, reply.text)
}

async fn token(service: &Service, session: &str, scopes: Value) -> String {
    let body = json!({ "name": "prometheus", "scopes": scopes, "days": 1 });
    let made = service.send("POST", "/api/v2/tokens", session, Some(body)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    made.json()["secret"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_token_only_programs_on_this_machine_get_figures() {
    let service = Service::new().await;
    let (status, text) = scrape(&service, LOCAL).await;
    assert!(status == StatusCode::OK && text.contains("code_agent_build_info"), "{text}");
    for peer in ["[::1]:4000", "[::ffff:127.0.0.1]:4000", "127.1.2.3:4000"] {
        assert_eq!(scrape(&service, Scrape { peer: Some(peer), ..LOCAL }).await.0, StatusCode::OK, "{peer}");
    }
    for host in ["localhost", "LocalHost:7420", "[::1]:7420", "127.0.0.2"] {
        assert_eq!(scrape(&service, Scrape { host, ..LOCAL }).await.0, StatusCode::OK, "{host}");
    }
    for peer in [Some("192.0.2.7:4000"), Some("[2001:db8::1]:4000"), Some("[::ffff:192.0.2.7]:4000"), None] {
        assert_eq!(scrape(&service, Scrape { peer, ..LOCAL }).await.0, StatusCode::UNAUTHORIZED, "{peer:?}");
    }
    for header in ["forwarded", "x-forwarded-for", "X-Forwarded-Host", "x-real-ip", "via", "cf-connecting-ip"] {
        let headers = &[(header, "192.0.2.7")];
        assert_eq!(scrape(&service, Scrape { headers, ..LOCAL }).await.0, StatusCode::UNAUTHORIZED, "{header}");
    }
    for host in ["rebound.example", "code-agent.example:443", "192.0.2.7", "localhost.example", "127.0.0.1.example", ""]
    {
        assert_eq!(scrape(&service, Scrape { host, ..LOCAL }).await.0, StatusCode::UNAUTHORIZED, "{host}");
    }
    let wrong = Scrape { token: "cagt_wrong", ..LOCAL };
    assert_eq!(scrape(&service, wrong).await.0, StatusCode::UNAUTHORIZED, "a token that is shown has to be right");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_for_figures_opens_them_and_nothing_else() {
    let service = Service::new().await;
    let far = || Scrape { peer: Some("192.0.2.7:4000"), host: "code-agent.example", ..LOCAL };
    for (role, is_allowed) in [
        (Role::Viewer, false),
        (Role::Developer, false),
        (Role::Maintainer, true),
        (Role::Admin, true),
        (Role::Auditor, true),
    ] {
        let session = service.account(role.name(), role).await;
        let own = token(&service, &session, json!(["metrics"])).await;
        let status = scrape(&service, Scrape { token: &own, ..far() }).await.0;
        assert_eq!(status == StatusCode::OK, is_allowed, "{role:?}: {status}");
        let other = token(&service, &session, json!(["models"])).await;
        assert_eq!(scrape(&service, Scrape { token: &other, ..far() }).await.0, StatusCode::FORBIDDEN, "{role:?}");
        let elsewhere = service.send("GET", "/api/v2/usage", &own, None).await;
        assert_eq!(elsewhere.status, StatusCode::FORBIDDEN, "{role:?}");
        let behind = Scrape { token: &own, headers: &[("x-forwarded-for", "192.0.2.9")], ..LOCAL };
        assert_eq!(scrape(&service, behind).await.0 == StatusCode::OK, is_allowed, "{role:?} by a proxy");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_setting_opens_the_figures_or_shuts_them() {
    let open = Service::set(Value::Null, MetricsAccess::Open).await;
    let far =
        || Scrape { peer: Some("192.0.2.7:4000"), host: "x.example", headers: &[("forwarded", "for=1")], token: "" };
    assert_eq!(scrape(&open, far()).await.0, StatusCode::OK);
    assert_eq!(scrape(&open, Scrape { token: "cagt_wrong", ..far() }).await.0, StatusCode::UNAUTHORIZED);
    let shut = Service::set(Value::Null, MetricsAccess::Token).await;
    assert_eq!(scrape(&shut, LOCAL).await.0, StatusCode::UNAUTHORIZED);
    let session = shut.account("ann", Role::Auditor).await;
    let own = token(&shut, &session, json!(["metrics"])).await;
    assert_eq!(scrape(&shut, Scrape { token: &own, ..LOCAL }).await.0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_read_the_figures_still_does_while_the_store_is_away() {
    let service = Service::new().await;
    let session = service.account("ann", Role::Maintainer).await;
    let own = token(&service, &session, json!(["metrics", "models"])).await;
    let unused = token(&service, &session, json!(["metrics"])).await;
    let narrow = token(&service, &session, json!(["models"])).await;
    let body = json!({ "name": "old", "scopes": ["metrics"], "days": 1 });
    let old = service.send("POST", "/api/v2/tokens", &session, Some(body)).await.json();
    let (revoked, id) = (old["secret"].as_str().unwrap(), old["token"]["id"].as_str().unwrap());
    let status = async |token: &str| scrape(&service, Scrape { token, ..LOCAL }).await.0;
    assert_eq!((status(&own).await, status(revoked).await), (StatusCode::OK, StatusCode::OK));
    let gone = service.send("DELETE", &format!("/api/v2/tokens/{id}"), &session, None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{gone:?}");
    assert_eq!((status(&own).await, status(&narrow).await), (StatusCode::OK, StatusCode::FORBIDDEN));
    assert_eq!(status(&session).await, StatusCode::OK);
    service.gateway.recent().forget();
    service.gateway.store().close().await;
    for _ in 0..2 {
        let (status, text) = scrape(&service, Scrape { token: &own, ..LOCAL }).await;
        assert_eq!((status, value(&text, "code_agent_ready{part=\"store\"}")), (StatusCode::OK, 0.0), "{text}");
    }
    for never in [&*unused, &*narrow, &*session, revoked, "cagt_wrong"] {
        assert_eq!(status(never).await, StatusCode::SERVICE_UNAVAILABLE, "it was not good lately, or is of a sign-in");
    }
    let elsewhere = service.send("GET", "/api/v2/models", &own, None).await;
    assert_eq!(elsewhere.status, StatusCode::SERVICE_UNAVAILABLE, "it opens the figures and nothing else");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_read_the_figures_is_remembered_for_ten_minutes_or_until_the_token_is_over() {
    let service = Service::new().await;
    let session = service.account("ann", Role::Maintainer).await;
    let own = token(&service, &session, json!(["metrics"])).await;
    let is_known_in = |seconds: u64| {
        let then = Instant::now() + Duration::from_secs(seconds);
        service.gateway.scrapers().of(&own, then).is_some()
    };
    for (last, over) in [(540, 600), (30, 60)] {
        assert_eq!(scrape(&service, Scrape { token: &own, ..LOCAL }).await.0, StatusCode::OK);
        assert!(is_known_in(last) && !is_known_in(over), "{last} {over}");
        service.tamper(&format!("UPDATE tokens SET expires_at = {}", now_ms() + 60_000)).await;
    }
}

/// The value of a line, which has to be there.
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok());
    line.unwrap_or_else(|| panic!("{series} is missing:\n{text}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_counted_by_route_and_never_by_path() {
    let service = Service::new().await;
    let dev = service.account("dev", Role::Developer).await;
    for number in 0..50 {
        service.send("GET", &format!("/nowhere/{number}"), &dev, None).await;
        service.send("GET", &format!("/api/v2/jobs/0192f0c1-7d5e-7000-8000-0000000000{number:02}"), &dev, None).await;
    }
    service.send("BREW", "/api/v2/me", &dev, None).await;
    service.send("GET", "/api/v2/accounts", &dev, None).await;
    let wrong = json!({ "name": "dev", "password": "wrong" });
    for _ in 0..7 {
        service.send("POST", "/api/v2/sessions", "", Some(wrong.clone())).await;
    }
    let text = text(&service.gateway).await;
    let requests = |method: &str, route: &str, status: u16| {
        let labels =
            format!("http_request_method=\"{method}\",http_route=\"{route}\",http_response_status_code=\"{status}\"");
        value(&text, &format!("http_server_request_duration_seconds_count{{{labels}}}")) as u64
    };
    assert_eq!(requests("GET", "/api/v2/jobs/{id}", 404), 50);
    assert_eq!(requests("GET", "", 404), 50);
    assert_eq!(requests("_OTHER", "/api/v2/me", 405), 1);
    assert_eq!(value(&text, "http_server_active_requests{http_request_method=\"GET\"}"), 0.0);
    assert!(!text.contains("nowhere") && !text.contains("0192f0c1") && !text.contains("BREW"), "{text}");
    for (outcome, count) in [("succeeded", 1.0), ("refused", 5.0), ("throttled", 2.0), ("replayed", 0.0)] {
        assert_eq!(value(&text, &format!("code_agent_sign_ins_total{{outcome=\"{outcome}\"}}")), count, "{outcome}");
    }
    let denials = "code_agent_policy_denials_total{group=\"accounts.read\",policy=\"default-deny\"}";
    assert_eq!(value(&text, denials), 1.0);
    assert!(!text.contains(PASSWORD));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_still_sent_is_an_active_request() {
    let service = Service::new().await;
    let token = service.account("dev", Role::Developer).await;
    let body = json!({ "kind": "check", "files": [{ "path": "a.py", "text": "" }] });
    let job = service.send("POST", "/api/v2/jobs", &token, Some(body)).await.json();
    let path = format!("/api/v2/jobs/{}/events", job["id"].as_str().unwrap());
    let request = Request::builder().uri(path).header("authorization", format!("Bearer {token}"));
    let events =
        tower::ServiceExt::oneshot(service.router.clone(), request.body(Body::empty()).unwrap()).await.unwrap();
    let active =
        async || value(&text(&service.gateway).await, "http_server_active_requests{http_request_method=\"GET\"}");
    assert_eq!(active().await, 1.0);
    drop(events);
    assert_eq!(active().await, 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_are_given_without_those_of_a_store_that_does_not_answer() {
    let service = Service::new().await;
    let before = text(&service.gateway).await;
    assert_eq!(value(&before, "code_agent_ready{part=\"store\"}"), 1.0);
    assert_eq!(value(&before, "code_agent_jobs{kind=\"check\",state=\"dead\"}"), 0.0);
    service.gateway.store().close().await;
    let (status, after) = scrape(&service, LOCAL).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(value(&after, "code_agent_ready{part=\"store\"}"), 0.0);
    assert!(value(&after, "code_agent_store_errors_total{error_type=\"unavailable\"}") >= 1.0);
    assert!(!after.contains("code_agent_jobs{") && after.contains("process_resident_memory_bytes"), "{after}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_have_their_figures_before_and_after_they_are_asked() {
    use llm::prompt::{Origin, Part, Prompt, PromptLimits};
    use llm::scripted::{ModelServer, Script, words};
    let broken = ModelServer::start(Script::Status(500, Vec::new(), String::new()), 100).await;
    let whole = ModelServer::start(Script::Words(words("Hello you"), Duration::ZERO), 100).await;
    let price = json!({ "input": 1.0, "output": 2.0 });
    let target = |name: &str, server: &ModelServer| json!({ "name": name, "model": "m", "base-url": server.url, "price": price });
    let settings = json!({
        "models": { "target": [target("one", &broken), target("two", &whole)] },
        "routing": { "strategy": "ordered" }, "budget": { "dollars-per-day": 5.0, "tokens-per-day": 1_000_000 },
    });
    let service = Service::set(settings, MetricsAccess::default()).await;
    let two = "target=\"two\",gen_ai_provider_name=\"openai\",gen_ai_request_model=\"m\"";
    let answers = format!("gen_ai_client_operation_duration_seconds_count{{{two}}}");
    let cost = format!("code_agent_llm_cost_dollars_total{{{two}}}");
    let failures = "code_agent_llm_failures_total{target=\"one\",error_type=\"server\"}";
    let before = text(&service.gateway).await;
    for series in [
        &*answers,
        &*cost,
        failures,
        "code_agent_llm_fallbacks_total",
        "code_agent_llm_spent_today_dollars{target=\"two\"}",
    ] {
        assert_eq!(value(&before, series), 0.0, "{series}");
    }
    assert_eq!(value(&before, "code_agent_llm_breaker{target=\"two\",state=\"closed\"}"), 1.0);
    assert_eq!(value(&before, "code_agent_llm_budget_dollars"), 5.0);
    assert_eq!(value(&before, "code_agent_llm_budget_tokens"), 1e6);
    let parts = [Part::Instruction("Answer.".into()), Part::Data(Origin::Question, "marmalade".into())];
    let prompt = Arc::new(Prompt::new(&parts, PromptLimits::default()).unwrap());
    let models = service.core.models().await.unwrap();
    for _ in 0..2 {
        models.ask(llm::request::Request::new(prompt.clone())).await.unwrap();
    }
    let after = text(&service.gateway).await;
    assert_eq!((value(&after, &answers), value(&after, failures)), (1.0, 1.0), "{after}");
    assert_eq!(value(&after, "code_agent_llm_fallbacks_total"), 1.0);
    assert_eq!(value(&after, "code_agent_llm_cache_hits_total"), 1.0);
    assert!(value(&after, &cost) > 0.0 && value(&after, "code_agent_llm_spent_today_tokens{target=\"two\"}") > 0.0);
    assert!(!after.contains("marmalade") && !after.contains("Hello"), "{after}");
}
