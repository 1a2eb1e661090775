//! Jobs that have a model review what changed: from the request to the remarks, and who gets none.

use super::*;
use llm::scripted::{Behaviour, ModelServer};

const BEFORE: &str = "def half(x):\n    return x / 2\n";
const AFTER: &str = "def half(x):\n    y = x / 0\n    return y\n";
const SAYS: &str = r#"{"notes": [{"line": 2, "severity": "error", "message": "`x` is divided by zero."}]}"#;

/// A service whose model is at this address; none where there is no address.
async fn service(url: Option<&str>) -> Service {
    let targets: Vec<Value> =
        url.map(|url| json!({ "name": "own", "model": "m", "base-url": url })).into_iter().collect();
    Service::set(json!({ "models": { "target": targets } }), MetricsAccess::default()).await
}

async fn remarking() -> ModelServer {
    let script = Behaviour { words: vec![SAYS.to_owned()], ..Behaviour::default() }.script();
    ModelServer::start(script, 100).await
}

fn review() -> Value {
    json!({ "kind": "review", "files": [
        { "path": "src/a.py", "text": AFTER, "before": BEFORE },
        { "path": "src/b.py", "text": AFTER, "before": AFTER },
    ] })
}

/// The job of this body as it is when `is_so` of it, with a runner beside.
async fn done(service: &Service, token: &str, body: Value, is_so: impl Fn(&Value) -> bool) -> Value {
    let (stop, stopped) = watch::channel(false);
    let store = service.gateway.store().clone();
    let runner = JobRunner::new(service.core.clone(), store, "w".into(), service.gateway.new_jobs(), stopped);
    let talk = async {
        let made = service.send("POST", "/api/v2/jobs", token, Some(body)).await;
        assert_eq!(made.status, StatusCode::ACCEPTED, "{made:?}");
        let place = format!("/api/v2/jobs/{}", made.json()["id"].as_str().unwrap());
        loop {
            let job = service.send("GET", &place, token, None).await.json();
            if is_so(&job) {
                stop.send_replace(true);
                return job;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let (_, job) =
        tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(runner.run(1), talk) }).await.unwrap();
    job
}

fn is_over(job: &Value) -> bool {
    !["queued", "running"].contains(&job["state"].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_review_comes_to_its_remarks_and_what_is_unchanged_asks_nobody() {
    let server = remarking().await;
    let service = service(Some(&server.url)).await;
    let dev = service.account("dev", Role::Developer).await;
    let job = done(&service, &dev, review(), is_over).await;
    assert_eq!((&job["state"], &job["kind"]), (&json!("succeeded"), &json!("review")), "{job}");
    let files = &job["result"]["files"];
    assert_eq!((&files[0]["path"], &files[1]["path"]), (&json!("src/a.py"), &json!("src/b.py")));
    let remark = files[0]["remarks"][0].clone();
    assert_eq!((&remark["severity"], &remark["range"]["start"]["line"]), (&json!("error"), &json!(1)), "{job}");
    assert_eq!(remark["message"], "`x` is divided by zero.");
    assert_eq!((&files[1]["remarks"], &files[1]["why_none"]), (&json!([]), &json!("unchanged")), "{job}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_model_a_review_fails_for_good_and_one_that_is_away_is_asked_again() {
    let bare = service(None).await;
    let dev = bare.account("dev", Role::Developer).await;
    let job = done(&bare, &dev, review(), is_over).await;
    assert_eq!((&job["state"], &job["attempts"]), (&json!("failed"), &json!(1)), "{job}");
    assert!(job["error"].as_str().is_some_and(|error| error.starts_with("This needs a language model;")), "{job}");
    let away = service(Some("http://127.0.0.1:1")).await;
    let dev = away.account("dev", Role::Developer).await;
    let job = done(&away, &dev, review(), |job| is_over(job) || job["attempts"] == 2).await;
    assert!(!is_over(&job), "there is another attempt: {job}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_file_is_reviewed_without_a_text_before() {
    let server = remarking().await;
    let service = service(Some(&server.url)).await;
    let dev = service.account("dev", Role::Developer).await;
    let body = json!({ "kind": "review", "files": [{ "path": "src/new.py", "text": AFTER }] });
    let job = done(&service, &dev, body, is_over).await;
    let file = &job["result"]["files"][0];
    assert_eq!((&job["state"], &file["why_none"]), (&json!("succeeded"), &Value::Null), "{job}");
    assert_eq!(file["remarks"][0]["range"]["start"]["line"], 1, "{job}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_ask_models_gets_no_review() {
    let server = remarking().await;
    let service = service(Some(&server.url)).await;
    let (viewer, dev) = (service.account("eve", Role::Viewer).await, service.account("dev", Role::Developer).await);
    let create = async |token: &str| service.send("POST", "/api/v2/jobs", token, Some(review())).await;
    let scoped = async |scopes: Value| {
        let body = json!({ "name": "ci", "scopes": scopes, "days": 1 });
        let made = service.send("POST", "/api/v2/tokens", &dev, Some(body)).await;
        made.json()["secret"].as_str().unwrap_or_else(|| panic!("{made:?}")).to_owned()
    };
    let (narrow, wide) = (scoped(json!(["jobs"])).await, scoped(json!(["jobs", "models"])).await);
    assert_eq!(create(&viewer).await.status, StatusCode::FORBIDDEN);
    let refused = create(&narrow).await;
    assert_eq!(
        (refused.status, refused.json()["detail"].as_str()),
        (StatusCode::FORBIDDEN, Some("A review needs a token with the scope `models` too.")),
        "{refused:?}"
    );
    assert_eq!(refused.headers["www-authenticate"], "Bearer error=\"insufficient_scope\", scope=\"models\"");
    let check = json!({ "kind": "check", "files": [text()] });
    let made = service.send("POST", "/api/v2/jobs", &narrow, Some(check)).await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "the control: it asks nobody: {made:?}");
    for token in [&wide, &dev] {
        assert_eq!(create(token).await.status, StatusCode::ACCEPTED, "the control");
    }
    assert_eq!(server.requests(), 0, "nobody did the jobs yet");
}
