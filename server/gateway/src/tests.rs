//! The whole service over its router, with a real store in a file: who may do what, what is refused and how, and a job from its request to its result.

mod accounts;
mod devices;
mod examples;
mod factors;
pub(crate) mod figures;
mod following;
mod invitations;
mod pictures;
mod promises;
mod refusals;
mod reviews;
mod roles;
mod stream;
mod texts;
mod tokens;
mod tools;

use super::*;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use engine::config::sections::MetricsAccess;
use engine::config::{ConfigurationManager, Sources};
use engine::jobs::JobRunner;
use engine::mode::{EditorMode, Offline};
use engine::store::Store;
use engine::store::accounts::Role;
use engine::workspace::files::MemoryFiles;
use engine::{Parts, ServerCore};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::watch;
use tower::ServiceExt;

pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct Service {
    pub(crate) gateway: Gateway,
    pub(crate) router: Router,
    pub(crate) core: ServerCore,
    _folder: tempfile::TempDir,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl Service {
    pub(crate) async fn new() -> Self {
        Self::set(Value::Null, MetricsAccess::default()).await
    }

    /// A service with settings of its own.
    pub(crate) async fn set(settings: Value, metrics: MetricsAccess) -> Self {
        Self::with_provider(settings, metrics, None).await
    }

    /// A service with a provider of sign-ins.
    pub(crate) async fn with_provider(settings: Value, metrics: MetricsAccess, oidc: Option<OidcConfig>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Arc::new(MemoryFiles::default());
        let sources = Sources { file_system: files.clone(), flags: settings, ..Sources::none() };
        let core = ServerCore::new(Parts {
            file_system: files,
            config: Arc::new(ConfigurationManager::new(sources).0),
            metrics: Arc::default(),
            mode: Arc::new(EditorMode),
            strategy: Arc::new(Offline),
            journal: || None,
        });
        let store = Store::open(&format!("sqlite:{}", folder.path().join("s.db").display())).await.unwrap();
        let config = Config {
            signing_key: folder.path().join("key.pem"),
            max_body: 1 << 20,
            metrics,
            proxies: 0,
            public_url: String::new(),
            is_tls: false,
            oidc,
        };
        let gateway = Gateway::new(core.clone(), store, config).await.unwrap();
        Self { router: router(gateway.clone()), gateway, core, _folder: folder }
    }

    pub(crate) async fn send(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.raw(request.body(body).unwrap()).await
    }

    pub(crate) async fn raw(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Reply { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    /// Does something while the store is looked at for those who follow jobs, as the service has it.
    pub(crate) async fn watched<T>(&self, talk: impl Future<Output = T>) -> T {
        tokio::select! {
            said = talk => said,
            () = socket::watch(&self.gateway) => panic!("it looks for ever"),
        }
    }

    /// Makes an account and signs it in.
    pub(crate) async fn account(&self, name: &str, role: Role) -> String {
        let hash = self.gateway.passwords().hash(&self.core, PASSWORD.into()).await.unwrap();
        self.gateway.store().create_account(name, role, Some(&hash)).await.unwrap();
        self.sign_in(name).await
    }

    pub(crate) async fn sign_in(&self, name: &str) -> String {
        let reply =
            self.send("POST", "/api/v2/sessions", "", Some(json!({ "name": name, "password": PASSWORD }))).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{reply:?}");
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }
}

/// Does something for a client that goes away as soon as `is_so`.
pub(crate) async fn gone_once(is_so: impl AsyncFn() -> bool, deed: impl Future) {
    let seen = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = seen => {}
        _ = deed => {}
    }
}

fn text() -> Value {
    json!({ "path": "a.py", "text": "def f(a):\n    \"\"\"Do.\n\n    Args:\n        b: B.\n    \"\"\"\n    return a\n" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_admin_is_made_once_with_the_code_that_was_printed() {
    let service = Service::new().await;
    let code = service.gateway.setup_code().unwrap().to_owned();
    let ask = async |code: &str, name: &str| {
        let body = json!({ "code": code, "name": name, "password": PASSWORD });
        service.send("POST", "/api/v2/setup", "", Some(body)).await
    };
    assert_eq!(ask("guessed", "eve").await.status, StatusCode::FORBIDDEN);
    let made = ask(&code, "ann").await;
    assert_eq!((made.status, made.json()["role"].as_str()), (StatusCode::CREATED, Some("admin")), "{made:?}");
    assert_eq!(ask(&code, "bob").await.status, StatusCode::FORBIDDEN, "it is good once");
    let token = service.sign_in("ann").await;
    let me = service.send("GET", "/api/v2/me", &token, None).await;
    assert_eq!(me.json()["name"], "ann");
    let audit = service.send("GET", "/api/v2/audit?limit=5", &token, None).await.json();
    let done: Vec<&str> =
        audit["items"].as_array().unwrap().iter().map(|item| item["action"].as_str().unwrap()).collect();
    assert_eq!(done, ["sessions.create", "service.setup"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_gets_its_status_and_a_sentence() {
    let service = Service::new().await;
    let token = service.account("dev", Role::Developer).await;
    let path = "/api/v2/documents/diagnostics";
    let deep = format!("{{\"path\": \"a.py\", \"text\": {}{}}}", "[".repeat(100), "]".repeat(100));
    let large = json!({ "path": "a.py", "text": "x".repeat(2 << 20) }).to_string();
    for (body, status, pointer, words) in [
        ("", 400, None, "no JSON"),
        ("{", 400, None, "no JSON"),
        ("[]", 400, Some(""), "object"),
        ("{\"path\": \"a.py\"}", 400, Some(""), "text"),
        ("{\"path\": 7, \"text\": \"\"}", 400, Some("/path"), "string"),
        ("{\"path\": \"a.py\", \"text\": \"\", \"more\": 1}", 400, Some(""), "more"),
        ("{\"path\": \"../a.py\", \"text\": \"\"}", 400, Some("/path"), "does not match"),
        ("{\"path\": \"a/./b/../c.py\", \"text\": \"\"}", 400, Some("/path"), "does not match"),
        ("{\"path\": \"/etc/a.py\", \"text\": \"\"}", 400, Some("/path"), "does not match"),
        ("{\"path\": \"a\\\\b.py\", \"text\": \"\"}", 400, Some("/path"), "does not match"),
        ("{\"path\": \"a.xyz\", \"text\": \"\"}", 400, Some("/path"), "does not match"),
        (&*deep, 400, None, "in each other"),
        (&*large, 413, None, "more bytes"),
    ] {
        let request = Request::builder().method("POST").uri(path).header("authorization", format!("Bearer {token}"));
        let request = request.header("content-type", "application/json").body(Body::from(body.to_owned())).unwrap();
        let reply = service.raw(request).await;
        let shown = body.get(..60).unwrap_or(body);
        assert_eq!(reply.status.as_u16(), status, "{shown}: {reply:?}");
        assert_eq!(reply.headers["content-type"], "application/problem+json");
        let problem = reply.json();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(words) && detail.ends_with('.'), "{shown}: {detail}");
        assert_eq!(problem["pointer"].as_str(), pointer, "{shown}: {problem}");
        assert_eq!(problem["correlation"].as_str(), reply.headers["x-correlation-id"].to_str().ok());
    }
    for (method, path, status) in [
        ("GET", "/nowhere", 404),
        ("PUT", "/api/v2/jobs", 405),
        ("GET", "/api/v2/jobs/1", 404),
        ("GET", "/api/v2/jobs/../../etc/passwd", 404),
        ("GET", "/api/v2/jobs?limit=0", 400),
        ("GET", "/api/v2/jobs?limit=1&limit=2", 400),
        ("GET", "/api/v2/jobs?more=1", 400),
        ("GET", "/api/v2/jobs?state=lost", 400),
    ] {
        let reply = service.send(method, path, &token, None).await;
        assert_eq!(reply.status.as_u16(), status, "{method} {path}: {reply:?}");
        assert!(reply.json()["detail"].as_str().unwrap().ends_with('.'));
    }
    // What is wrong with a password is told without it.
    let short = json!({ "code": "c", "name": "ann", "password": "hunter2" });
    let reply = service.send("POST", "/api/v2/setup", "", Some(short)).await;
    assert!(reply.status == StatusCode::BAD_REQUEST && !reply.text.contains("hunter2"), "{reply:?}");
    let plain = Request::builder().method("POST").uri(path).header("authorization", format!("Bearer {token}"));
    let plain = plain.header("content-type", "text/plain").body(Body::from("{}")).unwrap();
    assert_eq!(service.raw(plain).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_all_languages_are_taken() {
    let service = Service::new().await;
    let token = service.account("eve", Role::Viewer).await;
    for ending in engine::syntax::language::Language::all().flat_map(|language| &language.extensions) {
        for folder in ["", "src/", ".github/", "größe/..a/"] {
            let body = json!({ "path": format!("{folder}x.{ending}"), "text": "" });
            let reply = service.send("POST", "/api/v2/documents/symbols", &token, Some(body)).await;
            assert_eq!(reply.status, StatusCode::OK, "{folder}x.{ending}: {reply:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_is_checked_documented_and_mended() {
    let service = Service::new().await;
    let token = service.account("eve", Role::Viewer).await;
    let ask = async |what: &str| {
        service.send("POST", &format!("/api/v2/documents/{what}"), &token, Some(text())).await.json()
    };
    let found = ask("diagnostics").await;
    assert!(
        found["diagnostics"].as_array().unwrap().iter().any(|one| one["message"].as_str().unwrap().contains("`b`")),
        "{found}"
    );
    let symbols = ask("symbols").await;
    assert_eq!(symbols["symbols"][0]["name"], "f");
    let mended = ask("update-docs").await;
    assert!(mended["text"].as_str().unwrap().contains("        a: B.\n"), "{mended}");
    let bare = json!({ "path": "b.py", "text": "def total(prices):\n    return sum(prices)\n" });
    let written = service.send("POST", "/api/v2/documents/document", &token, Some(bare)).await.json();
    assert!(written["written"] == 1 && written["text"].as_str().unwrap().contains("\"\"\""), "{written}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_open_their_part_and_end_when_they_are_revoked() {
    let service = Service::new().await;
    let session = service.account("dev", Role::Developer).await;
    let body = json!({ "name": "ci", "scopes": ["documents"], "days": 30 });
    let made = service.send("POST", "/api/v2/tokens", &session, Some(body.clone())).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let (secret, id) =
        (made.json()["secret"].as_str().unwrap().to_owned(), made.json()["token"]["id"].as_str().unwrap().to_owned());
    let checked = service.send("POST", "/api/v2/documents/diagnostics", &secret, Some(text())).await;
    assert_eq!(checked.status, StatusCode::OK);
    assert_eq!(service.send("GET", "/api/v2/jobs", &secret, None).await.status, StatusCode::FORBIDDEN, "another part");
    assert_eq!(service.send("POST", "/api/v2/tokens", &secret, Some(body)).await.status, StatusCode::FORBIDDEN);
    let listed = service.send("GET", "/api/v2/tokens", &session, None).await;
    assert!(listed.json()["items"][0]["id"] == id.as_str() && !listed.text.contains(&secret), "{listed:?}");
    let stranger = service.account("other", Role::Developer).await;
    assert_eq!(
        service.send("DELETE", &format!("/api/v2/tokens/{id}"), &stranger, None).await.status.as_u16(),
        404,
        "it learns nothing"
    );
    assert_eq!(
        service.send("DELETE", &format!("/api/v2/tokens/{id}"), &session, None).await.status,
        StatusCode::NO_CONTENT
    );
    let checked = service.send("POST", "/api/v2/documents/diagnostics", &secret, Some(text())).await;
    assert_eq!(checked.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_that_is_used_up_is_answered_whatever_else_cannot_be_read() {
    let service = Service::new().await;
    let access = service.account("ann", Role::Viewer).await;
    let body = json!({ "name": "ann", "password": PASSWORD });
    let signed = service.send("POST", "/api/v2/sessions", "", Some(body)).await.json();
    service.tamper("UPDATE accounts SET role = 'unreadable'").await;
    let me = service.send("GET", "/api/v2/me", &access, None).await;
    assert!(me.status.is_server_error(), "the control: {me:?}");
    let body = json!({ "refresh_token": signed["refresh_token"] });
    let next = service.send("POST", "/api/v2/sessions/refresh", "", Some(body)).await;
    assert_eq!(next.status, StatusCode::OK, "{next:?}");
    // An account that is closed gets none; that is looked at where the token is used up.
    service.tamper("UPDATE accounts SET role = 'viewer', disabled = 1").await;
    let body = json!({ "refresh_token": next.json()["refresh_token"] });
    let closed = service.send("POST", "/api/v2/sessions/refresh", "", Some(body.clone())).await;
    assert_eq!(closed.status, StatusCode::UNAUTHORIZED, "{closed:?}");
    service.tamper("UPDATE accounts SET disabled = 0").await;
    let open = service.send("POST", "/api/v2/sessions/refresh", "", Some(body)).await;
    assert_eq!(open.status, StatusCode::OK, "the control, and it was not used up: {open:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_used_refresh_token_is_written_down_also_where_whoever_showed_it_goes_away() {
    let service = Service::new().await;
    service.account("ann", Role::Viewer).await;
    let (store, id) = (service.gateway.store(), service.id_of("ann").await);
    let ends = engine::store::now_ms() + 60_000;
    for number in 0..20 {
        let used = crate::auth::secrets::refresh_token().unwrap();
        let session = store.start_session(&id, &used.hash, ends, &Default::default()).await.unwrap().id;
        store.rotate_session(&used.hash, &format!("next {number}")).await.unwrap();
        let is_ended = async || store.session(&session).await.unwrap().unwrap().revoked_at.is_some();
        let body = json!({ "refresh_token": used.secret });
        gone_once(is_ended, service.send("POST", "/api/v2/sessions/refresh", "", Some(body))).await;
        service.gateway.deeds().all_done().await;
    }
    let lines = store.audit_entries(None, 1000).await.unwrap();
    assert_eq!(lines.iter().filter(|line| line.policy == "refresh-reuse").count(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_is_good_once_and_used_twice_ends_its_session() {
    let service = Service::new().await;
    service.account("ann", Role::Viewer).await;
    let signed =
        service.send("POST", "/api/v2/sessions", "", Some(json!({ "name": "ann", "password": PASSWORD }))).await.json();
    let refresh = async |token: &Value| {
        service.send("POST", "/api/v2/sessions/refresh", "", Some(json!({ "refresh_token": token }))).await
    };
    let next = refresh(&signed["refresh_token"]).await;
    assert_eq!(next.status, StatusCode::OK);
    let access = next.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(service.send("GET", "/api/v2/me", &access, None).await.status, StatusCode::OK);
    assert_eq!(refresh(&signed["refresh_token"]).await.status, StatusCode::UNAUTHORIZED, "it was used");
    assert_eq!(refresh(&next.json()["refresh_token"]).await.status, StatusCode::UNAUTHORIZED, "the session was ended");
    assert_eq!(service.send("GET", "/api/v2/me", &access, None).await.status, StatusCode::UNAUTHORIZED);
    let wrong = async || {
        service.send("POST", "/api/v2/sessions", "", Some(json!({ "name": "ann", "password": "wrong" }))).await
    };
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(wrong().await.status.as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429], "passwords cannot be guessed");
    assert!(wrong().await.headers.contains_key("retry-after"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_account_is_out_at_once_and_the_last_admin_stays() {
    let service = Service::new().await;
    let admin = service.account("root", Role::Admin).await;
    let dev = service.account("dev", Role::Developer).await;
    let id = service.send("GET", "/api/v2/me", &dev, None).await.json()["id"].as_str().unwrap().to_owned();
    let closed =
        service.send("PATCH", &format!("/api/v2/accounts/{id}"), &admin, Some(json!({ "disabled": true }))).await;
    assert_eq!((closed.status, &closed.json()["disabled"]), (StatusCode::OK, &json!(true)), "{closed:?}");
    assert_eq!(service.send("GET", "/api/v2/me", &dev, None).await.status, StatusCode::UNAUTHORIZED);
    let own = service.send("GET", "/api/v2/me", &admin, None).await.json()["id"].as_str().unwrap().to_owned();
    let last =
        service.send("PATCH", &format!("/api/v2/accounts/{own}"), &admin, Some(json!({ "role": "viewer" }))).await;
    assert_eq!(last.status, StatusCode::CONFLICT, "{last:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_done_and_told_of_and_asked_for_twice_it_is_one() {
    let service = Service::new().await;
    let token = service.account("dev", Role::Developer).await;
    let stranger = service.account("other", Role::Developer).await;
    let (stop, stopped) = watch::channel(false);
    let runner = JobRunner::new(
        service.core.clone(),
        service.gateway.store().clone(),
        "w".into(),
        service.gateway.new_jobs(),
        stopped,
    )
    .observed_by(service.gateway.observer_of_jobs());
    let body = json!({ "kind": "update-docs", "files": [text(), { "path": "b.go", "text": "package" }] });
    let create_by = async |key: &str| {
        let request =
            Request::builder().method("POST").uri("/api/v2/jobs").header("authorization", format!("Bearer {token}"));
        let request = request.header("content-type", "application/json").header("idempotency-key", key);
        service.raw(request.body(Body::from(body.to_string())).unwrap()).await
    };
    let create = async || create_by("one").await;
    for key in ["", "o ne", "o\tne", "öne", &"o".repeat(129)] {
        let refused = create_by(key).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{key:?}: {refused:?}");
        assert!(refused.text.contains("1 to 128 visible characters"), "{key:?}: {refused:?}");
    }
    let talk = async {
        let made = create().await;
        assert_eq!(made.status, StatusCode::ACCEPTED, "{made:?}");
        let place = made.headers["location"].to_str().unwrap().to_owned();
        assert_eq!(create().await.json()["id"], made.json()["id"], "the key makes them one");
        assert_eq!(service.send("GET", &place, &stranger, None).await.status, StatusCode::NOT_FOUND);
        let events = service.watched(service.send("GET", &format!("{place}/events"), &token, None)).await;
        assert!(events.text.contains("event: job") && events.text.contains("\"succeeded\""), "{}", events.text);
        let done = service.send("GET", &place, &token, None).await.json();
        assert_eq!(done["state"], "succeeded", "{done}");
        let files = done["result"]["files"].as_array().unwrap();
        assert!(files[0]["text"].as_str().unwrap().contains("        a: B.\n"), "{files:?}");
        assert!(files.len() == 2 && files[1]["text"].is_null(), "nothing was to be done: {files:?}");
        let listed = service.send("GET", "/api/v2/jobs?state=succeeded", &token, None).await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        assert_eq!(service.send("GET", "/api/v2/jobs", &stranger, None).await.json()["items"], json!([]));
        let figures = metrics::text(&service.gateway).await;
        for line in [
            "code_agent_jobs{kind=\"update-docs\",state=\"succeeded\"} 1",
            "code_agent_job_duration_seconds_count{kind=\"update-docs\",outcome=\"succeeded\"} 1",
            "code_agent_job_wait_seconds_count{kind=\"update-docs\"} 1",
            "code_agent_oldest_waiting_job_seconds 0.0",
        ] {
            assert!(figures.lines().any(|found| found == line), "{line}\n{figures}");
        }
        stop.send_replace(true);
    };
    tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(runner.run(2), talk) }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_waits_is_cancelled_at_once() {
    let service = Service::new().await;
    let token = service.account("dev", Role::Developer).await;
    let body = json!({ "kind": "check", "files": [text()] });
    let made = service.send("POST", "/api/v2/jobs", &token, Some(body)).await.json();
    let place = format!("/api/v2/jobs/{}", made["id"].as_str().unwrap());
    let ended = service.send("DELETE", &place, &token, None).await;
    assert_eq!((ended.status, &ended.json()["state"]), (StatusCode::ACCEPTED, &json!("cancelled")), "{ended:?}");
}

#[test]
fn the_document_in_the_repository_is_the_one_of_the_code() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let now = document();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &now).unwrap();
        return;
    }
    assert!(kept == now, "run the tests of this room with UPDATE=1 to write {} anew", path.display());
}
