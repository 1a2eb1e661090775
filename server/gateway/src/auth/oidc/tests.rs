//! A provider of our own making, which says what the tests want: tokens of both realms that are hostile, each beside the same one made rightly; what the
//! provider may say of itself; and how often it is asked.

mod browser;
mod hostile;
mod identity;
mod levels;
mod outliving;
mod remembered;
mod roles;
mod scopes;
mod seen;
mod sessions;
mod warnings;

use super::known::{FRESH, ONCE_IN, STALE, may_be_of};
use super::*;
use crate::tests::Service;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::config::sections::{RoleSetting, UnknownPeople};
use engine::store::accounts::Role;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use p256::ecdsa::SigningKey;
use p256::pkcs8::{EncodePrivateKey, LineEnding};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::Mutex as Lock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const CLIENT: &str = "the-service";
const AUDIENCE: &str = "https://team.example/api";

/// A key that signs.
struct Signer {
    id: String,
    key: EncodingKey,
    algorithm: Algorithm,
}

impl Signer {
    fn ec(id: &str) -> Self {
        let mut bytes = [7; 32];
        getrandom::fill(&mut bytes[1..]).unwrap();
        let pem = SigningKey::from_slice(&bytes).unwrap().to_pkcs8_pem(LineEnding::LF).unwrap();
        let key = EncodingKey::from_ec_pem(pem.as_bytes()).unwrap();
        Self { id: id.into(), key, algorithm: Algorithm::ES256 }
    }

    fn ed(id: &str) -> Self {
        let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).unwrap();
        der.extend(seed);
        Self { id: id.into(), key: EncodingKey::from_ed_der(&der), algorithm: Algorithm::EdDSA }
    }

    fn rsa(id: &str, bits: &str) -> Self {
        let made = std::process::Command::new("openssl").args(["genrsa", bits]).output().unwrap();
        let key = EncodingKey::from_rsa_pem(&made.stdout).unwrap();
        Self { id: id.into(), key, algorithm: Algorithm::RS256 }
    }

    /// Its public half, as a provider shows it.
    fn public(&self) -> Value {
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&self.key, self.algorithm).unwrap()).unwrap();
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk
    }

    fn signed(&self, header: &str, claims: &str) -> String {
        let said = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = jsonwebtoken::crypto::sign(said.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{said}.{signature}")
    }
}

/// What the provider says, and how often it was asked.
#[derive(Clone, Default)]
struct Said {
    description: Arc<Lock<(u16, Value)>>,
    keys: Arc<Lock<Value>>,
    /// What a code is worth.
    id_token: Arc<Lock<Option<String>>>,
    asked: Arc<AtomicUsize>,
    /// How long it thinks before it gives its keys.
    thinks: Arc<Lock<Duration>>,
}

/// A provider that says what it is told to.
struct Stage {
    issuer: String,
    said: Said,
}

impl Stage {
    async fn new(signers: &[&Signer]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}/realm", listener.local_addr().unwrap());
        let said = Said::default();
        *said.description.lock().unwrap() = (
            200,
            json!({
                "issuer": issuer, "authorization_endpoint": format!("{issuer}/auth"),
                "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/jwks"),
            }),
        );
        let description = async |State(said): State<Said>| {
            let (status, text) = said.description.lock().unwrap().clone();
            (StatusCode::from_u16(status).unwrap(), text.to_string())
        };
        let keys = async |State(said): State<Said>| {
            said.asked.fetch_add(1, Ordering::SeqCst);
            let thinks = *said.thinks.lock().unwrap();
            tokio::time::sleep(thinks).await;
            said.keys.lock().unwrap().to_string()
        };
        let redeemed = async |State(said): State<Said>| {
            let token = said.id_token.lock().unwrap().clone();
            let status = if token.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
            (status, json!({ "id_token": token }).to_string())
        };
        let router = Router::new()
            .route("/realm/.well-known/openid-configuration", get(description))
            .route("/realm/jwks", get(keys))
            .route("/realm/token", post(redeemed))
            .with_state(said.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let stage = Self { issuer, said };
        stage.show(signers);
        stage
    }

    fn show(&self, signers: &[&Signer]) {
        let keys: Vec<Value> = signers.iter().map(|signer| signer.public()).collect();
        *self.said.keys.lock().unwrap() = json!({ "keys": keys });
    }

    fn config(&self) -> OidcConfig {
        let settings = OidcSettings {
            issuer: self.issuer.clone(),
            client_id: CLIENT.into(),
            audience: AUDIENCE.into(),
            role_claim: "realm_access.roles".into(),
            roles: [("ca-dev", RoleSetting::Developer), ("ca-admin", RoleSetting::Admin)]
                .map(|(name, role)| (name.to_owned(), role))
                .into(),
            unknown_people: UnknownPeople::Welcome,
            ..OidcSettings::default()
        };
        OidcConfig { settings, client_secret: None }
    }

    /// The claims of an access token that is right.
    fn access(&self, subject: &str) -> Value {
        let now = now_ms() / 1000;
        json!({
            "iss": self.issuer, "aud": AUDIENCE, "sub": subject, "client_id": "cli", "jti": secrets_number(),
            "iat": now, "exp": now + 300, "scope": "openid", "realm_access": { "roles": ["x", "ca-dev"] },
        })
    }
}

fn secrets_number() -> String {
    crate::auth::secrets::number()
}

fn header(signer: &Signer) -> Value {
    let algorithm = serde_json::to_value(signer.algorithm).unwrap();
    json!({ "alg": algorithm, "typ": "at+jwt", "kid": signer.id })
}

fn token(signer: &Signer, claims: &Value) -> String {
    signer.signed(&header(signer).to_string(), &claims.to_string())
}

async fn refusal(provider: &Provider, token: &str) -> Refusal {
    match provider.access(token).await {
        Err(OidcError::Token(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn keys_that_cannot_be_trusted_are_not_read() {
    let (good, twice, other) = (Signer::ec("good"), Signer::ec("twice"), Signer::ec("twice"));
    let (weak, strong) = (Signer::rsa("weak", "1024"), Signer::rsa("strong", "2048"));
    let with = |signer: &Signer, name: &str, value: Value| {
        let mut key = signer.public();
        key[name] = value;
        key["kid"] = json!(format!("{}-{name}", signer.id));
        key
    };
    let mut plain = strong.public();
    plain.as_object_mut().unwrap().remove("alg");
    plain["kid"] = json!("plain");
    let keys = json!({ "keys": [
        good.public(), twice.public(), other.public(), weak.public(), strong.public(), plain,
        { "kty": "oct", "k": "c2VjcmV0", "kid": "shared", "alg": "HS256", "use": "sig" },
        with(&good, "use", json!("enc")), with(&good, "alg", json!("RS256")), with(&good, "alg", json!("HS256")),
        with(&strong, "alg", json!("RS512")), with(&strong, "alg", json!("ES256")), with(&good, "alg", json!("none")),
        7, null, {},
    ] });
    let allowed = OidcSettings::default().algorithms;
    let set = KeySet::read(keys.to_string().as_bytes(), &allowed).unwrap();
    let found: Vec<&str> =
        ["good", "twice", "weak", "strong", "plain", "shared", "good-use", "good-alg", "strong-alg", ""]
            .into_iter()
            .filter(|id| set.find(Some(id)).is_some())
            .collect();
    // Of RSA without a word of its own, the first that is allowed counts.
    assert_eq!(found, ["good", "strong", "plain"]);
    assert!(set.find(None).is_none(), "there are several");
    let alone = json!({ "keys": [good.public()] });
    assert!(KeySet::read(alone.to_string().as_bytes(), &allowed).unwrap().find(None).is_some());
    for wrong in ["", "[]", "{}", "{\"keys\": 7}", "<html>"] {
        assert!(KeySet::read(wrong.as_bytes(), &allowed).is_none(), "{wrong}");
    }
}

#[tokio::test]
async fn a_key_that_is_new_is_asked_for_and_a_flood_of_unknown_ones_asks_once() {
    let (first, second) = (Signer::ec("first"), Signer::ec("second"));
    let stage = Stage::new(&[&first]).await;
    let provider = Provider::new(stage.config());
    let asked = || stage.said.asked.load(Ordering::SeqCst);
    for _ in 0..50 {
        provider.access(&token(&first, &stage.access("a"))).await.unwrap();
    }
    assert_eq!(asked(), 1);
    stage.show(&[&first, &second]);
    for number in 0..200 {
        let mut claims = stage.access("a");
        claims["n"] = json!(number);
        assert_eq!(refusal(&provider, &token(&second, &claims)).await, Refusal::Key, "it was asked a moment ago");
    }
    assert_eq!(asked(), 1);
    // As if that had been a while ago; a machine that began a moment ago knows no such moment.
    provider.asked.lock().await[1] = Instant::now().checked_sub(ONCE_IN);
    let floods = (0..50).map(|_| async { provider.access(&token(&second, &stage.access("a"))).await.is_ok() });
    let all = futures_util::future::join_all(floods).await;
    assert!(all.iter().all(|is_good| *is_good) && asked() == 2, "{all:?} {}", asked());
}

/// As if the keys were read so long ago, and nobody had asked since.
async fn let_keys_age(provider: &Provider, age: Duration) {
    let kept = Arc::into_inner(provider.keys.swap(None).unwrap()).unwrap();
    provider.keys.store(Some(Arc::new(Kept::new(kept.value, age))));
    provider.asked.lock().await[1] = None;
}

#[tokio::test]
async fn what_a_provider_says_of_itself_has_to_be_true() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let right = stage.said.description.lock().unwrap().clone();
    let good = token(&signer, &stage.access("a"));
    let with = |name: &str, value: Value| {
        let mut wrong = right.1.clone();
        wrong[name] = value;
        (200, wrong)
    };
    for (wrong, words) in [
        (with("issuer", json!("https://evil.example")), "another issuer"),
        (with("issuer", json!(format!("{}/", stage.issuer))), "another issuer"),
        (with("issuer", json!(null)), "not what it has to be"),
        (with("jwks_uri", json!("http://evil.example/jwks")), "no address to send secrets to"),
        (with("jwks_uri", json!("file:///etc/passwd")), "no address to send secrets to"),
        (with("token_endpoint", json!("http://evil.example/token")), "no address to send secrets to"),
        (with("authorization_endpoint", json!("http://evil.example/auth")), "no address to send secrets to"),
        (with("authorization_endpoint", json!("javascript:alert(1)")), "no address to send secrets to"),
        (with("authorization_endpoint", json!("/auth")), "no address to send secrets to"),
        (with("jwks_uri", json!(format!("{}/gone", stage.issuer))), "its status is 404"),
        ((200, json!([])), "not what it has to be"),
        ((500, json!({})), "its status is 500"),
        ((302, json!({})), "its status is 302"),
    ] {
        *stage.said.description.lock().unwrap() = wrong.clone();
        let error = Provider::new(stage.config()).access(&good).await.unwrap_err();
        assert!(error.to_string().contains(words), "{wrong:?}: {error}");
        let status = axum::response::IntoResponse::into_response(Problem::from(error)).status();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{wrong:?}");
    }
    *stage.said.description.lock().unwrap() = right;
    let provider = Provider::new(stage.config());
    assert!(provider.access(&good).await.is_ok(), "the control");
    // What is known is used while the provider is away.
    *stage.said.description.lock().unwrap() = (500, json!({}));
    *stage.said.keys.lock().unwrap() = json!("away");
    let_keys_age(&provider, FRESH).await;
    assert!(provider.access(&token(&signer, &stage.access("a"))).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_should_be_read_again_are_used_for_a_day_and_whoever_runs_the_service_sees_it() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = Service::with_provider(Value::Null, Default::default(), Some(stage.config())).await;
    let provider = service.gateway.provider().unwrap();
    let is_let_in = async || provider.access(&token(&signer, &stage.access("s-1"))).await.is_ok();
    let figure = async || {
        let text = crate::metrics::text(&service.gateway).await;
        text.lines().find_map(|line| line.strip_prefix("code_agent_provider_keys_old ").map(str::to_owned))
    };
    assert!(is_let_in().await && figure().await.as_deref() == Some("0"), "the control");
    *stage.said.keys.lock().unwrap() = json!("away");
    let_keys_age(provider, FRESH - Duration::from_secs(60)).await;
    assert!(is_let_in().await && figure().await.as_deref() == Some("0"), "nobody had to ask");
    let_keys_age(provider, FRESH).await;
    assert!(is_let_in().await && figure().await.as_deref() == Some("1"));
    stage.show(&[&signer]);
    provider.asked.lock().await[1] = None;
    assert!(is_let_in().await && figure().await.as_deref() == Some("0"), "they were read again");
    *stage.said.keys.lock().unwrap() = json!("away");
    let_keys_age(provider, STALE - Duration::from_secs(60)).await;
    assert!(is_let_in().await && figure().await.as_deref() == Some("1"));
    let_keys_age(provider, STALE).await;
    let refused = provider.access(&token(&signer, &stage.access("s-1"))).await;
    assert!(matches!(refused, Err(OidcError::Answer("set of keys", _))), "{refused:?}");
}

#[tokio::test]
async fn whoever_has_a_key_that_is_good_still_does_not_wait_for_a_provider_that_is_silent() {
    let (signer, new) = (Signer::ec("k"), Signer::ec("new"));
    let stage = Stage::new(&[&signer]).await;
    let provider = Provider::new(stage.config());
    let good = token(&signer, &stage.access("a"));
    assert!(provider.access(&good).await.is_ok(), "the control");
    let_keys_age(&provider, FRESH).await;
    stage.show(&[&signer, &new]);
    *stage.said.thinks.lock().unwrap() = Duration::from_secs(6);
    for _ in 0..3 {
        let answer = tokio::time::timeout(Duration::from_secs(4), provider.access(&good)).await;
        assert!(answer.is_ok_and(|access| access.is_ok()), "it is used as it is");
    }
    let other = token(&new, &stage.access("a"));
    let waits = tokio::time::timeout(Duration::from_millis(500), provider.access(&other)).await;
    assert!(waits.is_err(), "the control: a key that is not known is waited for");
    // What nobody else waited for is read still.
    assert!(provider.access(&other).await.is_ok());
    assert_eq!(stage.said.asked.load(Ordering::SeqCst), 2);
}

#[test]
fn plain_http_is_for_a_provider_on_this_machine_alone() {
    for (url, issuer, may) in [
        ("https://idp.example/auth", "https://idp.example", true),
        ("https://idp.example/auth?tenant=1", "https://idp.example", true),
        ("https://other.example/auth", "http://127.0.0.1:1", true),
        ("http://127.0.0.1:1/auth", "http://127.0.0.1:1", true),
        ("http://127.0.0.1:1/auth", "https://idp.example", false),
        ("http://idp.example/auth", "http://127.0.0.1:1", false),
        ("https://idp.example/auth#x", "https://idp.example", false),
        ("https://idp.example/auth?a b", "https://idp.example", false),
        ("https://idp.example/auth?a\r\nset-cookie:x", "https://idp.example", false),
        ("https://user@idp.example/auth", "https://idp.example", false),
        ("javascript:alert(1)", "https://idp.example", false),
        ("", "https://idp.example", false),
    ] {
        assert_eq!(may_be_of(url, issuer), may, "{url} of {issuer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_give_roles_and_closed_accounts_stay_outside() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = Service::with_provider(Value::Null, Default::default(), Some(stage.config())).await;
    let me = async |claims: &Value| service.send("GET", "/api/v2/me", &token(&signer, claims), None).await;
    let first = me(&stage.access("s-1")).await;
    assert!(first.status == StatusCode::FORBIDDEN && first.text.contains("no admin yet"), "{first:?}");
    let root = service.account("root", Role::Admin).await;
    let mut named = stage.access("s-1");
    named["preferred_username"] = json!("root");
    named["email"] = json!("root@team.example");
    let made = me(&named).await;
    assert_eq!(
        (made.status, &made.json()["name"], &made.json()["role"]),
        (StatusCode::OK, &json!("root-2"), &json!("developer"))
    );
    let id = made.json()["id"].as_str().unwrap().to_owned();
    for (roles, role) in [
        (json!(["ca-admin", "ca-dev"]), "admin"),
        (json!("ca-dev"), "developer"),
        // A text is one value, and not a list with blanks.
        (json!("ca-dev other"), "viewer"),
        (json!("other ca-admin"), "viewer"),
        (json!(["ca-dev-2"]), "viewer"),
        (json!([7, null]), "viewer"),
        (json!({ "ca-admin": true }), "viewer"),
    ] {
        let mut claims = stage.access("s-1");
        claims["realm_access"]["roles"] = roles.clone();
        let reply = me(&claims).await;
        assert_eq!((&reply.json()["role"], &reply.json()["id"]), (&json!(role), &json!(id)), "{roles}");
    }
    // A token of the provider makes no tokens: nobody stands behind it who could show that it is he.
    let body = json!({ "name": "ci", "scopes": ["jobs"], "days": 1 });
    let mut claims = stage.access("s-1");
    claims["realm_access"]["roles"] = json!(["ca-admin"]);
    let asked = service.send("POST", "/api/v2/tokens", &token(&signer, &claims), Some(body)).await;
    assert_eq!(asked.status, StatusCode::FORBIDDEN, "{asked:?}");
    let kept = token(&signer, &stage.access("s-1"));
    assert_eq!(service.send("GET", "/api/v2/me", &kept, None).await.status, StatusCode::OK);
    let place = format!("/api/v2/accounts/{id}");
    let closed = service.send("PATCH", &place, &root, Some(json!({ "disabled": true }))).await;
    assert_eq!(closed.status, StatusCode::OK, "{closed:?}");
    let reply = service.send("GET", "/api/v2/me", &kept, None).await;
    assert!(reply.status == StatusCode::FORBIDDEN && reply.text.contains("closed"), "at once: {reply:?}");
    let audit = service.send("GET", "/api/v2/audit?limit=100", &root, None).await.json();
    let by_oidc = audit["items"].as_array().unwrap().iter().filter(|item| item["policy"] == "oidc").count();
    assert!(by_oidc >= 1, "{audit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_with_which_somebody_signed_out_is_good_no_more() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = Service::with_provider(Value::Null, Default::default(), Some(stage.config())).await;
    service.account("root", Role::Admin).await;
    // Names that are the same as far as they are shown, and a name that somebody else has too.
    let named = |subject: &str, name: &str| {
        let mut claims = stage.access(subject);
        claims["jti"] = json!(format!("{}{name}", "x".repeat(80)));
        claims
    };
    let [gone, other, of_another] =
        [("s-1", "a"), ("s-1", "b"), ("s-2", "a")].map(|(subject, name)| token(&signer, &named(subject, name)));
    let me = async |token: &str| service.send("GET", "/api/v2/me", token, None).await;
    for token in [&gone, &other, &of_another] {
        assert_eq!(me(token).await.status, StatusCode::OK, "the control");
    }
    let out = service.send("DELETE", "/api/v2/sessions/current", &gone, None).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT, "{out:?}");
    let refused = me(&gone).await;
    assert!(refused.status == StatusCode::UNAUTHORIZED && refused.text.contains("You signed out"), "{refused:?}");
    // By whatever letters it is shown, it is the same token still.
    let mut again = named("s-1", "a");
    again["scope"] = json!("openid email");
    assert_eq!(me(&token(&signer, &again)).await.status, StatusCode::UNAUTHORIZED);
    for token in [&other, &of_another] {
        assert_eq!(me(token).await.status, StatusCode::OK, "only that one");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_people_stay_outside_unless_the_settings_let_them_in() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    for (unknown, with_role, without) in [
        (UnknownPeople::Refuse, StatusCode::FORBIDDEN, StatusCode::FORBIDDEN),
        (UnknownPeople::WithRole, StatusCode::OK, StatusCode::FORBIDDEN),
        (UnknownPeople::Welcome, StatusCode::OK, StatusCode::OK),
    ] {
        let mut config = stage.config();
        config.settings.unknown_people = unknown;
        let service = Service::with_provider(Value::Null, Default::default(), Some(config)).await;
        let root = service.account("root", Role::Admin).await;
        let mut bare = stage.access("s-2");
        bare.as_object_mut().unwrap().remove("realm_access");
        for (claims, status) in [(stage.access("s-1"), with_role), (bare, without)] {
            let reply = service.send("GET", "/api/v2/me", &token(&signer, &claims), None).await;
            assert_eq!(reply.status, status, "{unknown:?} {reply:?}");
        }
        // An admin knows people before they come.
        let body = json!({ "name": "carl", "role": "viewer", "subject": "s-3" });
        let made = service.send("POST", "/api/v2/accounts", &root, Some(body.clone())).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        assert_eq!(service.send("POST", "/api/v2/accounts", &root, Some(body)).await.status, StatusCode::CONFLICT);
        let me = service.send("GET", "/api/v2/me", &token(&signer, &stage.access("s-3")), None).await;
        assert_eq!((me.status, &me.json()["name"]), (StatusCode::OK, &json!("carl")), "{me:?}");
        let both = json!({ "name": "dora", "role": "viewer", "password": "correct horse battery", "subject": "s-4" });
        let reply = service.send("POST", "/api/v2/accounts", &root, Some(both)).await;
        assert_eq!(reply.status, StatusCode::CONFLICT, "{reply:?}");
    }
}
