//! The page over its router: who sees what, which forms are refused, and that nothing that somebody typed becomes markup.

mod accounts;
mod invitations;
mod models;

use super::*;
use crate::tests::{PASSWORD, Reply, Service};
use axum::body::Body;
use axum::http::StatusCode;
use engine::store::accounts::Role;
use engine::store::now_ms;
use engine::store::tokens::Proof;
use std::collections::HashSet;
use tower::ServiceExt;

/// A browser: it keeps cookies, and says where a form comes from.
struct Browser<'a> {
    service: &'a Service,
    cookies: Vec<(String, String)>,
    token: String,
}

impl<'a> Browser<'a> {
    fn new(service: &'a Service) -> Self {
        Self { service, cookies: Vec::new(), token: String::new() }
    }

    async fn signed_in(service: &'a Service, name: &str) -> Self {
        let mut browser = Self::new(service);
        browser.get("/sign-in").await;
        let reply = browser.post("/sign-in", &[("name", name), ("password", PASSWORD)]).await;
        assert_eq!(
            (reply.status, reply.headers["location"].to_str().unwrap()),
            (StatusCode::SEE_OTHER, "/"),
            "{reply:?}"
        );
        browser
    }

    fn cookie(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    async fn send(&mut self, request: Request) -> Reply {
        let mut reply = self.service.raw(request).await;
        // Slashes are escaped too, which reads badly.
        reply.text = reply.text.replace("&#x2f;", "/");
        for line in reply.headers.get_all("set-cookie") {
            let line = line.to_str().unwrap();
            assert!(line.starts_with("__Host-") && line.ends_with("Secure; HttpOnly; SameSite=Strict"), "{line}");
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        if let Some((_, rest)) = reply.text.split_once("name=\"token-of-form\" value=\"") {
            self.token = rest.split('"').next().unwrap().to_owned();
        }
        reply
    }

    async fn get(&mut self, path: &str) -> Reply {
        let request = Request::builder().uri(path).header("host", "team.example").header("cookie", self.cookie());
        self.send(request.body(Body::empty()).unwrap()).await
    }

    fn form(&self, path: &str, fields: &[(&str, &str)]) -> axum::http::request::Builder {
        let _ = fields;
        Request::builder()
            .method("POST")
            .uri(path)
            .header("host", "team.example")
            .header("cookie", self.cookie())
            .header("content-type", "application/x-www-form-urlencoded")
    }

    fn body(&self, fields: &[(&str, &str)]) -> Body {
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.append_pair("token-of-form", &self.token).extend_pairs(fields);
        Body::from(text.finish())
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let request =
            self.form(path, fields).header("origin", "https://team.example").header("sec-fetch-site", "same-origin");
        self.send(request.body(self.body(fields)).unwrap()).await
    }
}

const ID: &str = "0192f0c1-7d5e-7000-8000-000000000000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_asks_the_policies_of_the_interface() {
    let service = Service::new().await;
    for role in [Role::Viewer, Role::Developer, Role::Maintainer, Role::Admin, Role::Auditor] {
        service.account(role.name(), role).await;
        let mut browser = Browser::signed_in(&service, role.name()).await;
        let account = service.gateway.store().account_by_name(role.name()).await.unwrap().unwrap();
        let api = auth::secrets::api_token().unwrap();
        let scopes = ["accounts", "jobs", "tokens"].map(str::to_owned);
        service.gateway.store().create_token(&account.id, "ci", &api.hash, &scopes, None).await.unwrap();
        for (method, path, access) in PAGES {
            let Operation(operation) = access else { continue };
            assert!(service.gateway.operations().by_id(operation).is_some(), "{operation} stands in the document");
            if *operation == "sessions.delete" {
                continue;
            }
            let path = path.replace("{id}", ID);
            let allowed = service.gateway.policies().decide(&account, operation, None).is_allowed;
            let reply = match *method {
                "GET" => browser.get(&path).await,
                _ => browser.post(&path, &[]).await,
            };
            let is_refused = reply.status == StatusCode::FORBIDDEN && reply.text.contains("does not allow");
            assert_eq!(is_refused, !allowed, "{} {method} {path}: {reply:?}", role.name());
            assert_ne!(reply.status.as_u16(), 500, "{method} {path}: {reply:?}");
            let policy = reply.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
            assert_eq!(reply.headers["cache-control"], "no-store");
            if *method == "GET" && allowed && reply.status == StatusCode::OK && !path.ends_with("/events") {
                assert!(reply.text.contains("<main id=\"content\"") && reply.text.contains("Sign out"), "{path}");
            }
            // The same without anybody, and with a token of the interface instead of a cookie.
            let mut nobody = Browser::new(&service);
            nobody.get("/sign-in").await;
            let reply = match *method {
                "GET" => nobody.get(&path).await,
                _ => nobody.post(&path, &[]).await,
            };
            let (by_token, body) = match *method {
                "GET" => (Request::builder().uri(&path).header("host", "team.example"), Body::empty()),
                _ => (nobody.form(&path, &[]).header("origin", "https://team.example"), nobody.body(&[])),
            };
            let by_token = by_token.header("authorization", format!("Bearer {}", api.secret)).body(body).unwrap();
            for reply in [reply, service.raw(by_token).await] {
                let place = reply.headers["location"].to_str().unwrap();
                assert!(
                    reply.status == StatusCode::SEE_OTHER && place.starts_with("/sign-in?back="),
                    "{method} {path}: {reply:?}"
                );
            }
        }
        let me = service.send("GET", "/api/v2/me", &api.secret, None).await;
        assert_eq!(me.status, StatusCode::OK, "the control: the token is good where tokens are: {me:?}");
        for (path, name, operation) in [
            ("/audit", "Audit", "audit.list"),
            ("/usage", "Usage", "usage.show"),
            ("/accounts", "Accounts", "accounts.list"),
        ] {
            let shown = browser.get("/account").await.text.contains(&format!("<a href=\"{path}\">{name}</a>"));
            assert_eq!(shown, service.gateway.policies().decide(&account, operation, None).is_allowed, "{path}");
        }
    }
}

#[test]
fn a_page_that_is_not_in_the_list_is_open_to_nobody() {
    assert_eq!(access(&Method::GET, "/jobs"), Some(Operation("jobs.list")));
    assert_eq!(access(&Method::HEAD, "/jobs"), Some(Operation("jobs.list")));
    for (method, path) in
        [(Method::POST, "/jobs"), (Method::GET, "/people"), (Method::DELETE, "/jobs/{id}"), (Method::GET, "")]
    {
        assert_eq!(access(&method, path), None, "{method} {path}");
    }
    let all: HashSet<_> = PAGES.iter().map(|(method, path, _)| (method, path)).collect();
    assert_eq!(all.len(), PAGES.len(), "none stands there twice");
    let open: Vec<_> = PAGES.iter().filter(|(_, _, access)| *access == Open).map(|(_, path, _)| *path).collect();
    let [sign_in, set_up, by_link] = ["/sign-in", "/set-up", "/invitation"];
    let provider = ["/auth/oidc/login", "/auth/oidc/callback"];
    let wanted = ["/assets/{name}", sign_in, sign_in, provider[0], provider[1], set_up, set_up, by_link, by_link];
    assert_eq!(open, wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_of_a_page_that_is_not_in_the_list_is_open_to_nobody() {
    let service = Service::new().await;
    let open: Router = Router::new().route("/jobs", axum::routing::put(async || "in"));
    let shut = open.clone().route_layer(middleware::from_fn_with_state(service.gateway.clone(), gate));
    // The first is the control: nothing but the gate shuts it.
    for (router, status) in [(open, StatusCode::OK), (shut, StatusCode::FORBIDDEN)] {
        let request = Request::builder().method("PUT").uri("/jobs").body(Body::empty()).unwrap();
        assert_eq!(router.oneshot(request).await.unwrap().status(), status);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_of_others_are_refused() {
    let service = Service::new().await;
    service.account("ann", Role::Developer).await;
    service.account("eve", Role::Developer).await;
    let mut browser = Browser::signed_in(&service, "ann").await;
    browser.get("/tokens").await;
    let fields = [("name", "ci"), ("scope", "jobs"), ("days", "7")];
    let made = browser.post("/tokens", &fields).await;
    assert!(made.status == StatusCode::CREATED && made.text.contains("cagt_"), "the control: {made:?}");
    let list = browser.get("/tokens").await;
    assert!(!list.text.contains("cagt_"), "it is shown once");

    let refused = |reply: Reply| assert_eq!(reply.status, StatusCode::FORBIDDEN, "{reply:?}");
    let right = browser.token.clone();
    for (origin, site) in
        [("https://evil.example", "cross-site"), ("https://team.example", "cross-site"), ("null", "same-origin")]
    {
        let request = browser.form("/tokens", &fields).header("origin", origin).header("sec-fetch-site", site);
        refused(service.raw(request.body(browser.body(&fields)).unwrap()).await);
    }
    refused(service.raw(browser.form("/tokens", &fields).body(browser.body(&fields)).unwrap()).await);
    let mut eve = Browser::signed_in(&service, "eve").await;
    eve.get("/tokens").await;
    for wrong in ["", "0", &right[1..], &eve.token] {
        browser.token = wrong.to_owned();
        refused(browser.post("/tokens", &fields).await);
    }
    // Nobody is signed in to another account by a form of somebody else.
    let mut stranger = Browser::new(&service);
    stranger.get("/sign-in").await;
    stranger.token = eve.token.clone();
    refused(stranger.post("/sign-in", &[("name", "eve"), ("password", PASSWORD)]).await);
    stranger.cookies.clear();
    let reply = stranger.post("/sign-in", &[("name", "eve"), ("password", PASSWORD)]).await;
    assert!(reply.status == StatusCode::FORBIDDEN && reply.text.contains("HTTPS"), "{reply:?}");
    assert_eq!(service.gateway.store().tokens(None, None, 100).await.unwrap().items.len(), 1, "only the control");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_was_made_is_shown_also_where_the_others_cannot_be_read_any_more() {
    let service = Service::new().await;
    service.account("ann", Role::Developer).await;
    let mut browser = Browser::signed_in(&service, "ann").await;
    browser.get("/tokens").await;
    let breaks = "UPDATE tokens SET scopes = 'no list' WHERE id = NEW.id";
    service.tamper(&format!("CREATE TRIGGER unread AFTER INSERT ON tokens BEGIN {breaks}; END")).await;
    let made = browser.post("/tokens", &[("name", "ci"), ("scope", "jobs"), ("days", "7")]).await;
    assert!(made.status == StatusCode::CREATED && made.text.contains("cagt_"), "{made:?}");
    assert_eq!(browser.get("/tokens").await.status, StatusCode::SERVICE_UNAVAILABLE, "the control");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cookie_and_the_tokens_of_the_interface_are_not_good_for_each_other() {
    let service = Service::new().await;
    let access = service.account("ann", Role::Developer).await;
    let mut browser = Browser::signed_in(&service, "ann").await;
    assert_eq!(browser.get("/jobs").await.status, StatusCode::OK, "the control");
    let secret = browser.cookies.iter().find(|(name, _)| name == "__Host-session").unwrap().1.clone();
    let cookie = Request::builder().uri("/api/v2/me").header("cookie", browser.cookie()).body(Body::empty()).unwrap();
    assert_eq!(service.raw(cookie).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(service.send("GET", "/api/v2/me", &secret, None).await.status, StatusCode::UNAUTHORIZED);
    let body = serde_json::json!({ "refresh_token": secret });
    assert_eq!(service.send("POST", "/api/v2/sessions/refresh", "", Some(body)).await.status, StatusCode::UNAUTHORIZED);
    for (name, value) in [("authorization", format!("Bearer {access}")), ("cookie", format!("__Host-session={access}"))]
    {
        let request = Request::builder().uri("/jobs").header(name, value).body(Body::empty()).unwrap();
        assert_eq!(service.raw(request).await.status, StatusCode::SEE_OTHER);
    }
    browser.get("/jobs").await;
    let kept = browser.cookies.clone();
    let out = browser.post("/sign-out", &[]).await;
    assert_eq!(out.headers["location"], "/sign-in?done=out");
    browser.cookies = kept;
    assert_eq!(
        browser.get("/jobs").await.status,
        StatusCode::SEE_OTHER,
        "what was ended is ended, also for who kept the cookie"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_no_account_can_have_is_not_written_down() {
    let service = Service::new().await;
    service.account("ann", Role::Viewer).await;
    let lines = async || service.gateway.store().audit_entries(None, 100).await.unwrap().len();
    let before = lines().await;
    let mut browser = Browser::new(&service);
    browser.get("/sign-in").await;
    let (longest, long) = ("a".repeat(64), "a".repeat(100_000));
    let reply = browser.post("/sign-in", &[("name", &*longest), ("password", "wrong")]).await;
    assert_eq!((reply.status, lines().await), (StatusCode::UNAUTHORIZED, before + 1), "the control: {reply:?}");
    let far_too_long = [("name", &*long), ("password", "wrong")];
    for fields in [&far_too_long[..], &[("name", "ann"), ("password", &*long)], &[("name", "ann"), ("password", "")]] {
        let reply = browser.post("/sign-in", fields).await;
        assert_eq!((reply.status, lines().await), (StatusCode::BAD_REQUEST, before + 1), "{}", reply.status);
        assert!(reply.text.contains("role=\"alert\""), "it is said why");
    }
    let code = [("name", "ann"), ("password", PASSWORD), ("code", &*long)];
    assert_eq!(browser.post("/sign-in", &code).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(browser.post("/sign-in", &code[..2]).await.status, StatusCode::SEE_OTHER, "the control");
    // Nor is a path that leads nowhere, by somebody who may look at nothing there.
    let token = service.sign_in("ann").await;
    let place = format!("/api/v2/accounts/{}", "a".repeat(60_000));
    assert_eq!(service.send("GET", &place, &token, None).await.status, StatusCode::FORBIDDEN);
    let newest = service.gateway.store().audit_entries(None, 1).await.unwrap().remove(0);
    assert!(newest.resource.starts_with("/api/v2/accounts/aaa") && newest.resource.len() < 500, "{}", newest.seq);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_somebody_typed_becomes_markup() {
    let service = Service::new().await;
    service.account("ann", Role::Admin).await;
    let mut browser = Browser::signed_in(&service, "ann").await;
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let is_escaped = |reply: &Reply| {
        assert!(!reply.text.contains("<script>alert") && !reply.text.contains("<img"), "{}", reply.text);
        // The control: it is there, as text.
        assert!(
            reply.text.contains("&lt;script&gt;alert(1)") && reply.text.contains("&lt;img src=x"),
            "{}",
            reply.text
        );
    };
    browser.get("/tokens").await;
    let name = "<script>alert(1)</script>\"'><img src=x onerror=a()>";
    is_escaped(&browser.post("/tokens", &[("name", name), ("scope", "jobs"), ("days", "7")]).await);
    is_escaped(&browser.get("/tokens").await);
    is_escaped(&browser.post("/tokens", &[("name", evil), ("days", "x")]).await);
    browser.get("/jobs/new").await;
    let path = evil.replace('/', "");
    is_escaped(&browser.post("/jobs/new", &[("kind", "check"), ("path", evil), ("text", evil)]).await);
    let made = browser
        .post("/jobs/new", &[("kind", "check"), ("path", &format!("{path}.py")), ("text", evil), ("once", "12345678")])
        .await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{made:?}");
    let place = made.headers["location"].to_str().unwrap().to_owned();
    let leased = service.gateway.store().lease_job("w", &["check"], 60_000, None).await.unwrap().leased.unwrap();
    let result = serde_json::json!({ "files": [
        { "path": evil, "text": format!("new {evil}"), "written": 1, "mended": 0, "problem": evil },
        { "path": evil, "problem": null, "diagnostics": [{ "code": evil, "severity": evil, "message": evil, "range": { "start": { "line": 0 } } }] },
        { "path": evil, "problem": null, "remarks": [{ "severity": evil, "message": format!("remark {evil}"), "range": { "start": { "line": 6 } } }] },
        { "path": "b.py", "problem": null, "remarks": [], "why_none": "unchanged" },
        { "path": "c.py", "problem": null, "remarks": [], "why_none": "left-out" },
    ] });
    let done = engine::store::jobs::Outcome::Succeeded(result);
    assert!(service.gateway.store().finish_job(&leased, &done).await.unwrap().is_some());
    let job = browser.get(&place).await;
    is_escaped(&job);
    assert!(job.text.contains("<ins>new &lt;script&gt;"), "{}", job.text);
    assert!(job.text.contains("<td>7</td>") && job.text.contains("<td>remark &lt;script&gt;"), "{}", job.text);
    assert!(job.text.contains("<p>Nothing changed.</p>"), "{}", job.text);
    assert!(job.text.contains("<p>The model's remarks were left out"), "{}", job.text);
    let mut nobody = Browser::new(&service);
    nobody.get("/sign-in").await;
    is_escaped(&nobody.post("/sign-in", &[("name", evil), ("password", "x")]).await);
    let away = nobody.get("/sign-in?back=//evil.example/x").await;
    assert!(!away.text.contains("evil.example"), "nobody is sent to another host");
    let nowhere =
        Request::builder().uri("/%3Cscript%3Ealert(1)").header("accept", "text/html").body(Body::empty()).unwrap();
    let nowhere = service.raw(nowhere).await;
    assert!(nowhere.status == StatusCode::NOT_FOUND && nowhere.text.contains("There is no such page"), "{nowhere:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dangerous_wants_a_step_up_here_too() {
    let service = Service::new().await;
    service.account("ann", Role::Developer).await;
    let mut browser = Browser::signed_in(&service, "ann").await;
    assert!(browser.get("/tokens").await.text.contains("Make the token"));
    service.age(6).await;
    let list = browser.get("/tokens").await;
    assert!(!list.text.contains("Make the token") && list.text.contains("/step-up?back=/tokens"), "{}", list.text);
    let fields = [("name", "ci"), ("scope", "jobs"), ("days", "7")];
    let sent = browser.post("/tokens", &fields).await;
    assert_eq!(
        (sent.status, &sent.headers["location"]),
        (StatusCode::SEE_OTHER, &"/step-up?back=%2Ftokens".parse().unwrap())
    );
    browser.get("/step-up?back=/tokens").await;
    let wrong = browser.post("/step-up", &[("password", "wrong"), ("back", "/tokens")]).await;
    assert!(wrong.status == StatusCode::FORBIDDEN && wrong.text.contains("The password is wrong."), "{wrong:?}");
    let done = browser.post("/step-up", &[("password", PASSWORD), ("back", "/tokens")]).await;
    assert_eq!((done.status, &done.headers["location"]), (StatusCode::SEE_OTHER, &"/tokens".parse().unwrap()));
    assert_eq!(browser.post("/tokens", &fields).await.status, StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_shown_before_it_is_let_in() {
    let service = Service::new().await;
    service.account("dev", Role::Developer).await;
    let mut browser = Browser::signed_in(&service, "dev").await;
    for (answer, status, words) in
        [("let-in", StatusCode::OK, "is let in"), ("refuse", StatusCode::BAD_REQUEST, "was refused")]
    {
        let (code, typed) = service.begin_device("a laptop").await;
        browser.get("/device").await;
        let wrong = browser.post("/device", &[("code", "BBBB-BBBB")]).await;
        assert!(wrong.status == StatusCode::NOT_FOUND && wrong.text.contains("No device waits"), "{wrong:?}");
        let shown = browser.post("/device", &[("code", &*typed)]).await;
        assert!(shown.status == StatusCode::OK && shown.text.contains(">a laptop</dd>"), "{shown:?}");
        assert!(shown.text.contains("Let it in") && !shown.text.contains("is let in"), "{shown:?}");
        let waits = service.poll_device(&code).await;
        assert_eq!(waits.json()["error"], "authorization_pending", "nothing is decided yet: {waits:?}");
        let decided = browser.post("/device", &[("code", &*typed), ("answer", answer)]).await;
        assert!(decided.status == StatusCode::OK && decided.text.contains(words), "{decided:?}");
        let reply = service.poll_device(&code).await;
        assert_eq!(reply.status, status, "{reply:?}");
        let again = browser.post("/device", &[("code", &*typed)]).await;
        assert_eq!(again.status, StatusCode::NOT_FOUND, "it is good once");
    }
    // Codes cannot be guessed by looking either.
    let mut last = browser.post("/device", &[("code", "BBBB-BBBB")]).await;
    assert!(last.status == StatusCode::NOT_FOUND && !last.headers.contains_key("retry-after"), "the control: {last:?}");
    for _ in 0..12 {
        last = browser.post("/device", &[("code", "BBBB-BBBB")]).await;
    }
    let wait: u64 = last.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(last.status == StatusCode::TOO_MANY_REQUESTS && (1..=30).contains(&wait), "{last:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signs_in_by_the_provider_has_no_password_and_no_second_factor_here() {
    let service = Service::new().await;
    let store = service.gateway.store();
    let made = store.create_account_of_person("https://login.example", "s", "ann", Role::Viewer).await.unwrap();
    let secret = auth::secrets::page_secret().unwrap();
    let proof = Proof { with_factor: true, ..Proof::default() };
    store.start_session(&made.0.id, &session::hash(&secret), now_ms() + 60_000, &proof).await.unwrap();
    let mut browser = Browser::new(&service);
    browser.cookies.push(("__Host-session".to_owned(), secret));
    let decides = "the provider by whom you sign in decides on second factors";
    let forms = ["action=\"/account/second-factor\"", "action=\"/account/password\""];
    let page = browser.get("/account").await;
    assert!(page.status == StatusCode::OK && page.text.contains(decides), "{page:?}");
    assert!(!forms.iter().any(|form| page.text.contains(form)), "{page:?}");
    let refused = browser.post("/account/second-factor", &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{refused:?}");
    service.account("bob", Role::Viewer).await;
    let page = Browser::signed_in(&service, "bob").await.get("/account").await;
    assert!(forms.iter().all(|form| page.text.contains(form)) && !page.text.contains(decides), "{page:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_sessions_are_ended_by_a_button() {
    let service = Service::new().await;
    let other = service.account("dev", Role::Developer).await;
    let mut browser = Browser::signed_in(&service, "dev").await;
    assert!(browser.get("/account").await.text.contains("action=\"/account/sessions/end\""));
    assert_eq!(service.send("GET", "/api/v2/me", &other, None).await.status, StatusCode::OK, "the control");
    let done = browser.post("/account/sessions/end", &[]).await;
    assert!(done.status == StatusCode::OK && done.text.contains("1 other session was ended"), "{done:?}");
    assert_eq!(service.send("GET", "/api/v2/me", &other, None).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.get("/account").await.status, StatusCode::OK, "this one goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assets_are_kept_by_browsers_and_files_come_by_a_form() {
    let service = Service::new().await;
    service.account("dev", Role::Developer).await;
    let mut browser = Browser::signed_in(&service, "dev").await;
    for path in [assets::style(), assets::script()] {
        let asset = browser.get(path).await;
        assert_eq!(
            (asset.status, &asset.headers["cache-control"]),
            (StatusCode::OK, &"public, max-age=31536000, immutable".parse().unwrap())
        );
        let again =
            Request::builder().uri(path).header("if-none-match", &asset.headers["etag"]).body(Body::empty()).unwrap();
        assert_eq!(service.raw(again).await.status, StatusCode::NOT_MODIFIED);
    }
    assert_eq!(browser.get("/assets/page-0.css").await.status, StatusCode::NOT_FOUND);
    browser.get("/jobs/new").await;
    let part = |head: &str, body: &str| format!("--b\r\ncontent-disposition: form-data; {head}\r\n\r\n{body}\r\n");
    let form = |bytes: &[u8], name: &str, token: &str| {
        let mut body =
            part("name=\"token-of-form\"", token) + &part("name=\"kind\"", "check") + &part("name=\"text\"", "");
        body += &part("name=\"path\"", "");
        let mut body = (body
            + &format!("--b\r\ncontent-disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n\r\n"))
            .into_bytes();
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--b--\r\n");
        body
    };
    for (bytes, name, status, words) in [
        (&b"def f():\n    pass\n"[..], "C:\\\\work\\\\a.py", 303, ""),
        (b"\xff\xfe", "a.py", 400, "no text in UTF-8"),
        (b"x", "a.exe", 400, "in no language"),
        (b"", "", 400, "Type a text or choose files"),
        (&vec![b'x'; 2 << 20], "a.py", 413, "more bytes"),
    ] {
        let request = browser.form("/jobs/new", &[]).header("origin", "https://team.example");
        let mut request = request.body(Body::from(form(bytes, name, &browser.token))).unwrap();
        request.headers_mut().insert("content-type", "multipart/form-data; boundary=b".parse().unwrap());
        let reply = service.raw(request).await;
        assert_eq!(reply.status.as_u16(), status, "{name}: {reply:?}");
        assert!(reply.text.contains(words), "{name}: {}", reply.text);
    }
    let jobs = browser.get("/jobs").await;
    assert!(jobs.text.contains("queued") && jobs.text.contains("New job"), "{}", jobs.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_admin_is_made_with_the_link_that_was_printed() {
    let service = Service::new().await;
    let mut browser = Browser::new(&service);
    let first = browser.get("/sign-in").await;
    assert_eq!(first.headers["location"], "/set-up", "there is nobody yet");
    let code = service.gateway.setup_code().unwrap().to_owned();
    let form = browser.get(&format!("/set-up?code={code}")).await;
    assert!(form.text.contains(&code) && form.status == StatusCode::OK);
    let fields = |code: &'static str| [("code", code), ("name", "Root"), ("password", PASSWORD)];
    let wrong = browser.post("/set-up", &fields("guessed")).await;
    assert!(wrong.status == StatusCode::FORBIDDEN && wrong.text.contains("The code is not right"), "{wrong:?}");
    let made = browser.post("/set-up", &[("code", code.as_str()), ("name", "Root"), ("password", PASSWORD)]).await;
    assert_eq!(made.headers["location"], "/sign-in", "{made:?}");
    Browser::signed_in(&service, "root").await;
    assert_eq!(browser.get("/set-up").await.headers["location"], "/sign-in", "it is there once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_count_for_the_quota_of_their_account() {
    let settings = serde_json::json!({ "service": { "quotas": { "requests-per-minute": 2 } } });
    let service = Service::set(settings, Default::default()).await;
    service.account("ann", Role::Viewer).await;
    let mut browser = Browser::signed_in(&service, "ann").await;
    let mut statuses = Vec::new();
    for _ in 0..2 {
        statuses.push(browser.get("/account").await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200]);
    let refused = browser.get("/account").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.text.contains("The quota of 2 requests a minute is used up"), "{refused:?}");
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{refused:?}");
    let token = service.sign_in("ann").await;
    assert_eq!(service.send("GET", "/api/v2/me", &token, None).await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_finds_no_room_is_refused_in_the_form() {
    let settings = serde_json::json!({ "service": { "quotas": { "waiting-jobs": 1 } } });
    let service = Service::set(settings, Default::default()).await;
    service.account("dev", Role::Developer).await;
    let mut browser = Browser::signed_in(&service, "dev").await;
    browser.get("/jobs/new").await;
    let fields = [("kind", "check"), ("path", "a.py"), ("text", "x = 1\n")];
    let made = browser.post("/jobs/new", &fields).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{made:?}");
    let refused = browser.post("/jobs/new", &fields).await;
    assert_eq!(
        (refused.status, &refused.headers["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, &"10".parse().unwrap())
    );
    assert!(
        refused.text.contains("As many jobs of this account wait as may") && refused.text.contains("x = 1"),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_can_be_read_in_a_browser_and_brings_along_all_that_it_needs() {
    let service = Service::new().await;
    let page = service.send("GET", "/api/v2/docs", "", None).await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(page.status == StatusCode::OK && policy.contains("script-src 'self';"), "{page:?}");
    assert!(!page.text.contains("http://") && !page.text.contains("https://"), "nothing is fetched from elsewhere");
    let scripts: Vec<&str> =
        page.text.split("<script src=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(scripts.len(), 2);
    for (script, words) in scripts.iter().zip(["createApiReference", "/api/v2/openapi.json"]) {
        let reply = service.send("GET", script, "", None).await;
        assert!(reply.status == StatusCode::OK && reply.text.contains(words), "{script}");
        assert_eq!(reply.headers["content-type"], "text/javascript; charset=utf-8");
        let known = Request::get(*script).header("if-none-match", &reply.headers["etag"]);
        let again = service.raw(known.body(Body::empty()).unwrap()).await;
        assert_eq!((again.status, again.text.len()), (StatusCode::NOT_MODIFIED, 0));
    }
    assert_eq!(service.send("GET", "/assets/scalar-0.js", "", None).await.status, StatusCode::NOT_FOUND);
}
