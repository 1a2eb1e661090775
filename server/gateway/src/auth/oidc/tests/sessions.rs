//! Sessions of before a level was set, or of before it was as high as now: another sign-in is demanded of them, at the interface, for a refresh token and in
//! the page, each beside one that goes on.

use super::browser::{come, sealed};
use super::levels::{KEY, PASSWORD, TWO, asked, demanded, id_token, service, session_cookie};
use super::*;
use crate::auth::secrets;
use crate::tests::{Reply, gone_once};
use axum::body::Body;
use axum::extract::Request;
use engine::store::tokens::Proof;

/// Begins a session of which this is recorded, with a secret of this hash; its id.
async fn begin(service: &Service, account: &str, hash: &str, amr: &[&str], acr: Option<&str>) -> String {
    let amr = amr.iter().map(|way| (*way).to_owned()).collect();
    let proof = Proof { amr, acr: acr.map(str::to_owned), with_factor: true, ..Proof::default() };
    service.gateway.store().start_session(account, hash, now_ms() + 60_000, &proof).await.unwrap().id
}

/// The account of somebody whom the provider knows.
async fn person(service: &Service, stage: &Stage) -> String {
    let store = service.gateway.store();
    store.create_account_of_person(&stage.issuer, "s-1", "ann", Role::Developer).await.unwrap().0.id
}

fn is_weak(reply: &Reply, words: &str, header: &str) -> bool {
    reply.status == StatusCode::UNAUTHORIZED && reply.text.contains(words) && asked(reply) == header
}

/// What a program gets for its refresh token by OAuth.
async fn refreshed_by_oauth(service: &Service, refresh: &str) -> Reply {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let form = Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::builder().method("POST").uri("/oauth/token").header("host", "team.example");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    service.raw(request.body(Body::from(form)).unwrap()).await
}

/// Which service, what the provider said of a sign-in, and what is said of it where it is not enough.
type Sign = (usize, &'static [&'static str], Option<&'static str>, Option<&'static str>);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_began_before_a_level_was_set_has_to_sign_in_again() {
    let stage = Stage::new(&[&Signer::ec("k")]).await;
    let by_acr = service(&stage, demanded(&[TWO, KEY], &[]), demanded(&[], &[])).await;
    let by_amr = service(&stage, demanded(&[], &["mfa"]), demanded(&[], &[])).await;
    let open = service(&stage, demanded(&[], &[]), demanded(&[], &[])).await;
    let accounts = [person(&by_acr, &stage).await, person(&by_amr, &stage).await, person(&open, &stage).await];
    let plain = "Bearer error=\"insufficient_user_authentication\"";
    let with_acr = format!("{plain}, acr_values=\"{TWO} {KEY}\"");
    let (no_acr, no_amr, less) = ("(`acr` is missing)", "(`amr` is missing)", "by less than this demands");
    let all: [Sign; 14] = [
        (0, &["oidc", "pwd", "otp"], Some(TWO), None),
        (0, &["oidc"], Some(KEY), None),
        (0, &["oidc", "pwd", "otp"], None, Some(no_acr)),
        (0, &["oidc"], Some(PASSWORD), Some(less)),
        // What was shown here stands for nothing that the provider confirms.
        (0, &["otp"], Some(TWO), Some(no_acr)),
        (0, &[], Some(TWO), Some(no_acr)),
        // Who has a password here is none of its people.
        (0, &["pwd"], None, None),
        (1, &["oidc", "pwd", "mfa"], None, None),
        (1, &["oidc"], Some(TWO), Some(no_amr)),
        (1, &["oidc", "pwd"], None, Some(less)),
        (1, &["mfa"], None, Some(no_amr)),
        (1, &["pwd"], None, None),
        (2, &["oidc"], None, None),
        (2, &["otp"], None, None),
    ];
    for (which, amr, acr, refused) in all {
        let (service, header) = [(&by_acr, &*with_acr), (&by_amr, plain), (&open, plain)][which];
        let (account, secret) = (&accounts[which], secrets::refresh_token().unwrap());
        let session = begin(service, account, &secret.hash, amr, acr).await;
        let token = service.gateway.keys().sign(account, &session, now_ms()).unwrap();
        let refresh = async || {
            let body = json!({ "refresh_token": secret.secret });
            service.send("POST", "/api/v2/sessions/refresh", "", Some(body)).await
        };
        let what = format!("{which} {amr:?} {acr:?}");
        // Programs of OpenAI's format read another body, and the same header.
        for path in ["/api/v2/me", "/v1/models"] {
            let reply = service.send("GET", path, &token, None).await;
            match refused {
                Some(words) => assert!(is_weak(&reply, words, header), "{what} {path}: {reply:?}"),
                None => assert_eq!(reply.status, StatusCode::OK, "the control: {what} {path}: {reply:?}"),
            }
        }
        let Some(words) = refused else {
            assert_eq!(refresh().await.status, StatusCode::OK, "the control: {what}");
            continue;
        };
        // It is not used up by that, and whoever shows it once more is no thief.
        for _ in 0..2 {
            let reply = refresh().await;
            assert!(is_weak(&reply, words, header), "{what}: {reply:?}");
            assert_eq!(reply.json()["type"], "urn:code-agent:problem:step-up-needed");
            let reply = refreshed_by_oauth(service, &secret.secret).await;
            assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{what}: {reply:?}");
            assert_eq!(reply.json()["error"], "invalid_grant", "{what}: {reply:?}");
        }
        let kept = service.gateway.store().session(&session).await.unwrap().unwrap();
        assert!(kept.revoked_at.is_none(), "{what}");
    }
    // The same as a program asks for it, where it is enough.
    let secret = secrets::refresh_token().unwrap();
    begin(&by_acr, &accounts[0], &secret.hash, &["oidc"], Some(TWO)).await;
    assert_eq!(refreshed_by_oauth(&by_acr, &secret.secret).await.status, StatusCode::OK, "the control");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_of_less_than_what_is_dangerous_demands_by_now_is_not_fresh() {
    let stage = Stage::new(&[&Signer::ec("k")]).await;
    let service = service(&stage, demanded(&[], &[]), demanded(&[KEY], &[])).await;
    let account = person(&service, &stage).await;
    for (number, (acr, status)) in
        [(Some(KEY), StatusCode::CREATED), (Some(TWO), StatusCode::UNAUTHORIZED), (None, StatusCode::UNAUTHORIZED)]
            .into_iter()
            .enumerate()
    {
        let session = begin(&service, &account, &format!("h{number}"), &["oidc", "otp"], acr).await;
        let token = service.gateway.keys().sign(&account, &session, now_ms()).unwrap();
        let me = service.send("GET", "/api/v2/me", &token, None).await;
        assert_eq!(me.status, StatusCode::OK, "all else goes on: {acr:?}: {me:?}");
        assert_eq!(me.json()["session"]["is_fresh"], status == StatusCode::CREATED, "{acr:?}: {me:?}");
        let body = json!({ "name": "ci", "scopes": ["jobs"], "days": 1 });
        let made = service.send("POST", "/api/v2/tokens", &token, Some(body)).await;
        assert_eq!(made.status, status, "{acr:?}: {made:?}");
        let signed_in_at = me.json()["session"]["auth_time"].as_str().unwrap().to_owned();
        assert!(!signed_in_at.starts_with("1970"), "he did sign in: {signed_in_at}");
        let said = match acr {
            Some(KEY) => continue,
            Some(_) => "by less than this demands",
            None => "(`acr` is missing)",
        };
        // He is told what is lacking, and not to do what would be refused.
        let header = format!("Bearer error=\"insufficient_user_authentication\", acr_values=\"{KEY}\", max_age=300");
        assert!(is_weak(&made, said, &header) && !made.text.contains("step-up` renews it"), "{acr:?}: {made:?}");
        assert_eq!(made.json()["type"], "urn:code-agent:problem:step-up-needed");
    }
    // One that is strong enough and too old is sent there too, since nothing that could be shown here counts.
    let session = begin(&service, &account, "old", &["oidc", "otp"], Some(KEY)).await;
    service.age(6).await;
    let token = service.gateway.keys().sign(&account, &session, now_ms()).unwrap();
    let body = json!({ "name": "ci", "scopes": ["jobs"], "days": 1 });
    let made = service.send("POST", "/api/v2/tokens", &token, Some(body.clone())).await;
    let header = format!("Bearer error=\"insufficient_user_authentication\", acr_values=\"{KEY}\", max_age=300");
    assert!(is_weak(&made, "at the provider of the last 5 minutes", &header), "{made:?}");
    let root = service.sign_in("root").await;
    let made = service.send("POST", "/api/v2/tokens", &root, Some(body.clone())).await;
    assert_eq!(made.status, StatusCode::CREATED, "an account of this service: {made:?}");
    service.age(6).await;
    service.gateway.recent().forget();
    let renews = service.send("POST", "/api/v2/tokens", &root, Some(body)).await;
    let header = "Bearer error=\"insufficient_user_authentication\", max_age=300";
    assert!(is_weak(&renews, "step-up` renews it", header), "who can show it here is told so: {renews:?}");
}

async fn page(service: &Service, path: &str, cookie: &str) -> Reply {
    let request = Request::builder().uri(path).header("host", "team.example").header("cookie", cookie);
    service.raw(request.body(Body::empty()).unwrap()).await
}

fn location(reply: &Reply) -> &str {
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{reply:?}");
    reply.headers["location"].to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_sends_a_session_that_is_too_weak_by_now_to_sign_in_and_says_why() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = service(&stage, demanded(&[TWO, KEY], &[]), demanded(&[], &[])).await;
    let account = person(&service, &stage).await;
    for (secret, amr, acr) in [("a", &["oidc"][..], Some(TWO)), ("b", &["pwd"][..], None)] {
        begin(&service, &account, &secrets::hash(&format!("page {secret}")), amr, acr).await;
        let cookie = format!("__Host-session={secret}");
        let reply = page(&service, "/account", &cookie).await;
        assert_eq!(reply.status, StatusCode::OK, "the control: {reply:?}");
        assert_eq!(location(&page(&service, "/sign-in?back=/account", &cookie).await), "/account", "the control");
    }
    for (secret, acr, words) in [("c", None, "(`acr` is missing)"), ("d", Some(PASSWORD), "by less than this demands")]
    {
        begin(&service, &account, &secrets::hash(&format!("page {secret}")), &["oidc", "pwd"], acr).await;
        let cookie = format!("__Host-session={secret}");
        assert_eq!(location(&page(&service, "/account", &cookie).await), "/sign-in?back=%2Faccount");
        let form = page(&service, "/sign-in?back=/account", &cookie).await;
        assert!(form.status == StatusCode::UNAUTHORIZED && form.text.contains(words), "{form:?}");
        assert!(form.text.contains("login?again=yes&amp;back="), "{form:?}");
        // It is a sign-in like any other, and no step-up of the session that is not enough.
        let left = page(&service, "/auth/oidc/login?again=yes&back=/account", &cookie).await;
        let query = location(&left).split_once('?').unwrap().1.to_owned();
        let of = |wanted: &str| {
            let found = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        assert_eq!((of("acr_values"), of("prompt")), (format!("{TWO} {KEY}"), "login".to_owned()));
    }
    *stage.said.id_token.lock().unwrap() = Some(id_token(&stage, &signer, &json!({ "acr": TWO })));
    let away = json!({ "state": "s", "nonce": "n", "verifier": "v", "back": "/", "session": null, "at": now_ms() });
    let came = session_cookie(&come(&service, &sealed(&service, &away), "s", None).await).unwrap();
    assert_eq!(page(&service, "/account", &came).await.status, StatusCode::OK, "what it said is recorded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_demanded_is_recorded_however_much_else_is_said() {
    const LONG: &str = "https://ways.example/a-way-that-is-longer-than-words-are";
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = service(&stage, demanded(&[], &[LONG]), demanded(&[], &[])).await;
    let ways: Vec<String> = (0..20).map(|number| format!("w{number}")).chain([LONG.to_owned()]).collect();
    *stage.said.id_token.lock().unwrap() = Some(id_token(&stage, &signer, &json!({ "amr": ways, "acr": "a b" })));
    let away = json!({ "state": "s", "nonce": "n", "verifier": "v", "back": "/", "session": null, "at": now_ms() });
    let came = session_cookie(&come(&service, &sealed(&service, &away), "s", None).await).unwrap();
    assert_eq!(page(&service, "/account", &came).await.status, StatusCode::OK);
    let account = service.gateway.store().account_of_person(&stage.issuer, "s-1").await.unwrap().unwrap();
    let session = service.gateway.store().sessions(&account.id).await.unwrap().remove(0);
    assert_eq!(&session.amr[..3], ["oidc", LONG, "w0"], "{session:?}");
    assert_eq!((session.amr.len(), session.acr), (9, None), "a class with a blank is none that settings can demand");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_up_at_the_provider_is_written_down_also_where_the_browser_goes_away() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = service(&stage, demanded(&[], &[]), demanded(&[], &[])).await;
    let (store, account) = (service.gateway.store(), person(&service, &stage).await);
    for number in 0..20 {
        let session = begin(&service, &account, &format!("h{number}"), &["oidc"], None).await;
        let away =
            json!({ "state": "s", "nonce": "n", "verifier": "v", "back": "/", "session": session, "at": now_ms() });
        *stage.said.id_token.lock().unwrap() = Some(id_token(&stage, &signer, &json!({ "acr": TWO })));
        let is_renewed = async || store.session(&session).await.unwrap().unwrap().acr.is_some();
        gone_once(is_renewed, come(&service, &sealed(&service, &away), "s", None)).await;
        service.gateway.deeds().all_done().await;
    }
    let lines = store.audit_entries(None, 1000).await.unwrap();
    let told = lines.iter().filter(|line| line.action == "sessions.step_up" && line.allowed);
    assert_eq!(told.count(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_by_the_provider_tells_how_many_sessions_it_ended() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = service(&stage, demanded(&[], &[]), demanded(&[], &[])).await;
    let account = person(&service, &stage).await;
    for number in 0..100 {
        begin(&service, &account, &format!("h{number}"), &["oidc"], None).await;
    }
    let away = json!({ "state": "s", "nonce": "n", "verifier": "v", "back": "/", "session": null, "at": now_ms() });
    *stage.said.id_token.lock().unwrap() = Some(id_token(&stage, &signer, &json!({})));
    come(&service, &sealed(&service, &away), "s", None).await;
    let newest = service.gateway.store().audit_entries(None, 1).await.unwrap().remove(0);
    assert_eq!((&*newest.action, &*newest.detail), ("sessions.create", "oidc; 1 of the oldest sessions ended"));
}
