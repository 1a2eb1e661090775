//! What the provider has to confirm of a sign-in: too little begins no session, renews none and opens nothing, each beside what is enough.

use super::browser::{come, get as get_page, sealed};
use super::*;
use crate::auth::totp;
use crate::tests::Reply;
use axum::body::Body;
use axum::extract::Request;
use engine::config::sections::LevelSettings;
use engine::store::tokens::Proof;

pub(super) const PASSWORD: &str = "urn:example:password";
pub(super) const TWO: &str = "urn:example:two-factors";
pub(super) const KEY: &str = "urn:example:key";

pub(super) fn demanded(acr_values: &[&str], amr: &[&str]) -> LevelSettings {
    let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect();
    LevelSettings { acr_values: words(acr_values), amr: words(amr) }
}

pub(super) async fn service(stage: &Stage, sign_in: LevelSettings, step_up: LevelSettings) -> Service {
    let mut config = stage.config();
    config.settings.sign_in = sign_in;
    config.settings.step_up = step_up;
    let service = Service::with_provider(Value::Null, Default::default(), Some(config)).await;
    service.account("root", Role::Admin).await;
    service
}

/// Claims with more, or another, in them.
pub(super) fn with(mut claims: Value, more: &Value) -> Value {
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

/// An ID token for the nonce `n`.
pub(super) fn id_token(stage: &Stage, signer: &Signer, more: &Value) -> String {
    let now = now_ms() / 1000;
    let claims = json!({
        "iss": stage.issuer, "aud": CLIENT, "sub": "s-1", "nonce": "n", "iat": now, "exp": now + 300, "auth_time": now,
        "realm_access": { "roles": ["ca-dev"] },
    });
    let mut header = header(signer);
    header["typ"] = json!("JWT");
    signer.signed(&header.to_string(), &with(claims, more).to_string())
}

#[tokio::test]
async fn an_id_token_has_to_confirm_what_is_demanded() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let nothing = || demanded(&[], &[]);
    let now = now_ms() / 1000;
    let ways: Vec<String> = (0..20).map(|number| format!("w{number}")).chain(["mfa".to_owned()]).collect();
    for (sign_in, step_up, said, comes_in, steps_up) in [
        (nothing(), nothing(), json!({}), true, true),
        (demanded(&[TWO], &[]), nothing(), json!({ "acr": TWO }), true, true),
        (demanded(&[TWO, KEY], &[]), nothing(), json!({ "acr": KEY }), true, true),
        (demanded(&[TWO], &[]), nothing(), json!({ "acr": PASSWORD }), false, false),
        (demanded(&[TWO], &[]), nothing(), json!({ "acr": TWO.to_uppercase() }), false, false),
        (demanded(&[TWO, KEY], &[]), nothing(), json!({ "acr": format!("{TWO} {KEY}") }), false, false),
        (demanded(&[TWO], &[]), nothing(), json!({ "acr": [TWO] }), false, false),
        (demanded(&["2"], &[]), nothing(), json!({ "acr": 2 }), false, false),
        (demanded(&["2"], &[]), nothing(), json!({ "acr": "2" }), true, true),
        (demanded(&[TWO], &[]), nothing(), json!({ "acr": null }), false, false),
        (demanded(&[TWO], &[]), nothing(), json!({ "acr": "" }), false, false),
        (demanded(&[TWO], &[]), nothing(), json!({}), false, false),
        (demanded(&[], &["mfa", "hwk"]), nothing(), json!({ "amr": ["pwd", "mfa"] }), true, true),
        // More ways than are kept.
        (demanded(&[], &["mfa"]), nothing(), json!({ "amr": ways }), true, true),
        (demanded(&[], &["mfa"]), nothing(), json!({ "amr": ["pwd"] }), false, false),
        (demanded(&[], &["mfa"]), nothing(), json!({ "amr": "mfa" }), false, false),
        (demanded(&[], &["mfa"]), nothing(), json!({ "amr": [["mfa"], 7, null, "mfa "] }), false, false),
        (demanded(&[], &["mfa"]), nothing(), json!({ "amr": [] }), false, false),
        (demanded(&[], &["mfa"]), nothing(), json!({ "acr": "mfa" }), false, false),
        (demanded(&[TWO], &["hwk"]), nothing(), json!({ "acr": TWO, "amr": ["hwk"] }), true, true),
        (demanded(&[TWO], &["hwk"]), nothing(), json!({ "acr": TWO }), false, false),
        (demanded(&[TWO], &["hwk"]), nothing(), json!({ "amr": ["hwk"] }), false, false),
        (demanded(&[TWO], &[]), demanded(&[KEY], &[]), json!({ "acr": TWO }), true, false),
        (demanded(&[TWO], &[]), demanded(&[KEY], &[]), json!({ "acr": KEY }), true, true),
        (demanded(&[TWO], &[]), demanded(&[KEY], &[]), json!({ "acr": PASSWORD }), false, false),
        (demanded(&[TWO], &[]), demanded(&[], &["hwk"]), json!({ "acr": TWO }), true, false),
        (demanded(&[TWO], &[]), demanded(&[], &["hwk"]), json!({ "acr": TWO, "amr": ["hwk"] }), true, true),
        (demanded(&[TWO], &[]), demanded(&[], &["hwk"]), json!({ "amr": ["hwk"] }), false, false),
        (nothing(), demanded(&[KEY], &[]), json!({}), true, false),
        (nothing(), demanded(&[KEY], &[]), json!({ "acr": KEY }), true, true),
    ] {
        let mut config = stage.config();
        config.settings.sign_in = sign_in.clone();
        config.settings.step_up = step_up.clone();
        let provider = Provider::new(config);
        let token = id_token(&stage, &signer, &said);
        let is_enough = async |since: Option<i64>| match provider.person(&token, "n", since).await {
            Ok(_) => true,
            Err(OidcError::Level(_)) => false,
            Err(error) => panic!("{error}"),
        };
        let what = format!("{sign_in:?} {step_up:?} {said}");
        assert_eq!((is_enough(None).await, is_enough(Some(now)).await), (comes_in, steps_up), "{what}");
    }
}

#[tokio::test]
async fn whoever_runs_the_service_reads_what_was_lacking() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let mut config = stage.config();
    config.settings.sign_in = demanded(&[TWO, KEY], &[]);
    let provider = Provider::new(config);
    for (said, words) in [
        (json!({}), format!("its claim `acr` is missing, and the settings demand one of {TWO} {KEY}")),
        (json!({ "acr": PASSWORD }), format!("its claim `acr` is \"{PASSWORD}\", and")),
        (json!({ "acr": "a\n\u{202e}b" }), "its claim `acr` is \"a\\nb\", and".to_owned()),
    ] {
        let error = provider.person(&id_token(&stage, &signer, &said), "n", None).await.unwrap_err().to_string();
        assert!(error.contains(&words) && error.ends_with('.'), "{said}: {error}");
    }
    let long = json!({ "acr": "x".repeat(5000) });
    let error = provider.person(&id_token(&stage, &signer, &long), "n", None).await.unwrap_err().to_string();
    assert!(error.len() < 400, "{error}");
}

pub(super) fn asked(reply: &Reply) -> &str {
    reply.headers["www-authenticate"].to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_token_of_too_weak_a_sign_in_opens_nothing() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let by_acr = service(&stage, demanded(&[TWO, KEY], &[]), demanded(&[], &[])).await;
    let by_amr = service(&stage, demanded(&[], &["mfa"]), demanded(&[], &[])).await;
    let plain = "Bearer error=\"insufficient_user_authentication\"";
    let with_acr = format!("{plain}, acr_values=\"{TWO} {KEY}\"");
    for (service, said, refused) in [
        (&by_acr, json!({ "acr": TWO }), None),
        (&by_acr, json!({ "acr": KEY, "amr": ["hwk"] }), None),
        (&by_acr, json!({}), Some((&*with_acr, "(`acr` is missing)"))),
        (&by_acr, json!({ "acr": PASSWORD }), Some((&*with_acr, "by less than this demands"))),
        (&by_amr, json!({ "amr": ["pwd", "mfa"] }), None),
        (&by_amr, json!({ "acr": TWO }), Some((plain, "(`amr` is missing)"))),
        (&by_amr, json!({ "amr": ["pwd"] }), Some((plain, "by less than this demands"))),
    ] {
        let token = token(&signer, &with(stage.access("s-1"), &said));
        let reply = service.send("GET", "/api/v2/me", &token, None).await;
        let Some((header, words)) = refused else {
            assert_eq!(reply.status, StatusCode::OK, "the control: {said}: {reply:?}");
            continue;
        };
        assert_eq!((reply.status, asked(&reply)), (StatusCode::UNAUTHORIZED, header), "{said}: {reply:?}");
        assert_eq!(reply.json()["type"], "urn:code-agent:problem:step-up-needed");
        assert!(reply.text.contains(words), "{said}: {reply:?}");
        // Programs of OpenAI's format read another body, and the same header.
        let reply = service.send("GET", "/v1/models", &token, None).await;
        assert_eq!((reply.status, asked(&reply)), (StatusCode::UNAUTHORIZED, header), "{said}: {reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_a_recent_and_strong_sign_in_may_do_what_is_dangerous() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = service(&stage, demanded(&[], &[]), demanded(&[KEY], &[])).await;
    let now = now_ms() / 1000;
    let body = json!({ "name": "ci", "scopes": ["jobs"], "days": 1 });
    for (said, refused) in [
        (json!({ "acr": KEY, "auth_time": now }), None),
        (json!({ "acr": KEY, "auth_time": now - 200 }), None),
        (json!({ "auth_time": now }), Some("(`acr` is missing)")),
        (json!({ "acr": TWO, "auth_time": now }), Some("by less than this demands")),
        (json!({ "acr": KEY }), Some("(`auth_time` is missing)")),
        (json!({ "acr": KEY, "auth_time": now - 310 }), Some("of the last 5 minutes")),
        // A moment that is to come makes no old token a recent one.
        (json!({ "acr": KEY, "auth_time": now + 9000, "iat": now - 310 }), Some("of the last 5 minutes")),
    ] {
        let token = token(&signer, &with(stage.access("s-1"), &said));
        let me = service.send("GET", "/api/v2/me", &token, None).await;
        assert_eq!(me.status, StatusCode::OK, "all else goes on: {said}: {me:?}");
        let reply = service.send("POST", "/api/v2/tokens", &token, Some(body.clone())).await;
        let Some(words) = refused else {
            assert_eq!(reply.status, StatusCode::CREATED, "the control: {said}: {reply:?}");
            continue;
        };
        let header = format!("Bearer error=\"insufficient_user_authentication\", acr_values=\"{KEY}\", max_age=300");
        assert_eq!((reply.status, asked(&reply)), (StatusCode::UNAUTHORIZED, &*header), "{said}: {reply:?}");
        assert_eq!(reply.json()["type"], "urn:code-agent:problem:step-up-needed");
        assert!(reply.text.contains(words), "{said}: {reply:?}");
    }
    // It gives nobody a role.
    let strong = with(stage.access("s-1"), &json!({ "acr": KEY, "auth_time": now }));
    let new = json!({ "name": "x", "role": "admin", "subject": "s-9" });
    let reply = service.send("POST", "/api/v2/accounts", &token(&signer, &strong), Some(new.clone())).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{reply:?}");
    let admin = with(strong, &json!({ "jti": "of-an-admin", "realm_access": { "roles": ["ca-admin"] } }));
    let reply = service.send("POST", "/api/v2/accounts", &token(&signer, &admin), Some(new)).await;
    assert_eq!(reply.status, StatusCode::CREATED, "the control: {reply:?}");
    // Nor does it make a link that would be good for nothing, since his account is not that of an admin.
    let place = format!("/api/v2/accounts/{}/invitations", service.id_of("root").await);
    let reply = service.send("POST", &place, &token(&signer, &admin), Some(json!({}))).await;
    assert!(reply.status == StatusCode::CONFLICT && reply.text.contains("though your token is one's"), "{reply:?}");
    let root = service.sign_in("root").await;
    let audit = service.send("GET", "/api/v2/audit?limit=100", &root, None).await.json();
    let refused = audit["items"].as_array().unwrap().iter().filter(|item| item["policy"] == "step-up").count();
    assert_eq!(refused, 5, "{audit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_level_of_their_own_no_token_does_what_is_dangerous() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = service(&stage, demanded(&[KEY], &[]), demanded(&[], &[])).await;
    let claims = with(stage.access("s-1"), &json!({ "acr": KEY, "auth_time": now_ms() / 1000 }));
    let token = token(&signer, &claims);
    assert_eq!(service.send("GET", "/api/v2/me", &token, None).await.status, StatusCode::OK, "the control");
    let body = json!({ "name": "ci", "scopes": ["jobs"], "days": 1 });
    let reply = service.send("POST", "/api/v2/tokens", &token, Some(body)).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{reply:?}");
}

pub(super) fn session_cookie(reply: &Reply) -> Option<String> {
    let mut all = reply.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    let line = all.find(|line| line.starts_with("__Host-session="))?;
    line.split(';').next().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_is_too_weak_begins_no_session_and_renews_none() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = service(&stage, demanded(&[TWO], &[]), demanded(&[KEY], &[])).await;
    let store = service.gateway.store();
    let comes = async |said: &Value, session: Option<&str>| {
        *stage.said.id_token.lock().unwrap() = Some(id_token(&stage, &signer, said));
        let away =
            json!({ "state": "s", "nonce": "n", "verifier": "v", "back": "/", "session": session, "at": now_ms() });
        come(&service, &sealed(&service, &away), "s", None).await
    };
    let too_weak = [(json!({}), "(`acr` is missing)"), (json!({ "acr": PASSWORD }), "by less than this demands")];
    for (said, words) in &too_weak {
        let reply = comes(said, None).await;
        assert!(reply.status == StatusCode::UNAUTHORIZED && reply.text.contains(words), "{said}: {reply:?}");
        assert!(session_cookie(&reply).is_none() && reply.text.contains("login?again=yes&amp;back="), "{reply:?}");
    }
    assert_eq!(store.count_accounts().await.unwrap(), 1, "and gives nobody an account");

    let began = comes(&json!({ "acr": TWO }), None).await;
    assert!(began.status == StatusCode::OK && session_cookie(&began).is_some(), "the control: {began:?}");
    let account = store.account_of_person(&stage.issuer, "s-1").await.unwrap().unwrap().id;
    let newest = async || store.sessions(&account).await.unwrap().remove(0);
    let session = newest().await;
    assert_eq!(session.auth_time, 0, "for what is dangerous nothing was shown");
    assert_eq!(session.acr.as_deref(), Some(TWO));
    for said in [json!({}), json!({ "acr": TWO })] {
        let reply = comes(&said, Some(session.id.as_str())).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{said}: {reply:?}");
        assert_eq!(newest().await, session, "{said}");
    }
    let renewed = comes(&json!({ "acr": KEY }), Some(session.id.as_str())).await;
    assert_eq!(renewed.status, StatusCode::OK, "the control: {renewed:?}");
    let session = newest().await;
    assert!(now_ms() - session.auth_time < 60_000 && session.acr.as_deref() == Some(KEY), "{session:?}");
    // Whoever shows that much at once need not do so again.
    let began = comes(&json!({ "acr": KEY }), None).await;
    assert_eq!(began.status, StatusCode::OK, "{began:?}");
    let other = newest().await;
    assert!(other.id != session.id && now_ms() - other.auth_time < 60_000, "{other:?}");

    let root = service.sign_in("root").await;
    let audit = service.send("GET", "/api/v2/audit?limit=100", &root, None).await.json();
    let told =
        |words: &str| audit["items"].as_array().unwrap().iter().any(|item| item["detail"].to_string().contains(words));
    assert!(told("its claim `acr` is missing") && told(PASSWORD), "{audit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_provider_is_asked_for_what_is_demanded() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = service(&stage, demanded(&[TWO, KEY], &[]), demanded(&[KEY], &["hwk"])).await;
    *stage.said.id_token.lock().unwrap() = Some(id_token(&stage, &signer, &json!({ "acr": TWO })));
    let away = json!({ "state": "s", "nonce": "n", "verifier": "v", "back": "/", "session": null, "at": now_ms() });
    let session = session_cookie(&come(&service, &sealed(&service, &away), "s", None).await).unwrap();
    let asked = async |path: &str, cookie: &str| {
        let request = Request::builder().uri(path).header("host", "team.example").header("cookie", cookie);
        let reply = service.raw(request.body(Body::empty()).unwrap()).await;
        let place = reply.headers["location"].to_str().unwrap().to_owned();
        let query = place.split_once('?').unwrap().1.to_owned();
        let of = |wanted: &str| {
            let found = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        [of("acr_values"), of("prompt"), of("max_age")]
    };
    let three = |acr_values: &str, prompt: &str, max_age: &str| [acr_values, prompt, max_age].map(str::to_owned);
    let both = format!("{TWO} {KEY}");
    assert_eq!(asked("/auth/oidc/login", "").await, three(&both, "", ""));
    assert_eq!(asked("/auth/oidc/login?again=yes", "").await, three(&both, "login", "0"));
    assert_eq!(asked("/auth/oidc/login?again=yes", &session).await, three(KEY, "login", "0"));
    // It may say that it cannot.
    let cookie = sealed(&service, &away);
    let path = "/auth/oidc/callback?state=s&error=unmet_authentication_requirements";
    let reply = get_page(&service, path, &cookie).await;
    let words = "cannot sign you in as this service demands";
    assert!(reply.status == StatusCode::FORBIDDEN && reply.text.contains(words), "{reply:?}");
    let reply = get_page(&service, "/auth/oidc/callback?state=s&error=access_denied", &cookie).await;
    assert!(reply.text.contains("did not sign you in: access_denied"), "the control: {reply:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_of_this_service_does_not_stand_for_what_the_provider_confirms() {
    let stage = Stage::new(&[&Signer::ec("k")]).await;
    for (step_up, status) in
        [(demanded(&[], &[]), StatusCode::OK), (demanded(&[KEY], &[]), StatusCode::UNPROCESSABLE_ENTITY)]
    {
        let service = service(&stage, demanded(&[], &[]), step_up).await;
        let (store, keys) = (service.gateway.store(), service.gateway.keys());
        let (account, _) = store.create_account_of_person(&stage.issuer, "s-1", "ann", Role::Developer).await.unwrap();
        // One that was made before people of the provider could make none.
        let secret = keys.cipher().seal(&totp::secret().unwrap(), &account.id).unwrap();
        assert!(store.set_totp(&account.id, &secret).await.unwrap());
        assert!(store.confirm_totp(&account.id, &secret, 1, &[]).await.unwrap());
        let proof = Proof { amr: vec!["oidc".into()], with_factor: true, ..Proof::default() };
        let session = store.start_session(&account.id, "h", now_ms() + 60_000, &proof).await.unwrap();
        let token = keys.sign(&account.id, &session.id, now_ms()).unwrap();
        let code = json!({ "code": service.code("ann", 0).await });
        let reply = service.send("POST", "/api/v2/sessions/current/step-up", &token, Some(code)).await;
        assert_eq!(reply.status, status, "{reply:?}");
    }
}
