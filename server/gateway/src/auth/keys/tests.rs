//! Hostile tokens: none is accepted, and for each the same token made rightly is.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

const NOW: i64 = 1000;

fn now_ms() -> i64 {
    engine::store::now_ms()
}

fn keys(folder: &Path, name: &str) -> Keys {
    Keys::open(&folder.join(name)).unwrap()
}

/// A token with any header and any claims, signed by the key.
fn forged(keys: &Keys, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let said = format!("{}.{}", part(header), part(claims));
    let signature = jsonwebtoken::crypto::sign(said.as_bytes(), &keys.encoding, Algorithm::ES256).unwrap();
    format!("{said}.{signature}")
}

fn header(keys: &Keys) -> Value {
    json!({ "alg": "ES256", "typ": "at+jwt", "kid": keys.id })
}

fn claims() -> Value {
    let now = now_ms() / NOW;
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "a", "sid": "s", "exp": now + 60, "nbf": now - 1, "iat_ms": now * NOW,
    })
}

#[test]
fn what_we_signed_is_believed_also_after_a_new_start() {
    let folder = tempfile::tempdir().unwrap();
    let token = keys(folder.path(), "k.pem").sign("account", "session", now_ms()).unwrap();
    let again = keys(folder.path(), "k.pem").verify(&token).unwrap();
    assert_eq!((&*again.sub, &*again.sid), ("account", "session"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.path().join("k.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    std::fs::write(folder.path().join("broken.pem"), "no key").unwrap();
    let Err(error) = Keys::open(&folder.path().join("broken.pem")) else { panic!("no key") };
    assert!(error.to_string().ends_with("is no P-256 key in PEM."), "{error}");
}

#[test]
fn of_replicas_that_begin_at_once_all_have_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let path = folder.path().join(format!("{round}.pem"));
        let ids: Vec<String> = std::thread::scope(|scope| {
            let begun: Vec<_> = (0..16).map(|_| scope.spawn(|| Keys::open(&path).unwrap().id)).collect();
            begun.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 20, "no draft is left");
}

#[test]
fn no_forged_token_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let (own, other) = (keys(folder.path(), "own.pem"), keys(folder.path(), "other.pem"));
    let with = |mut value: Value, name: &str, new: Value| {
        value[name] = new;
        value
    };
    let without = |mut value: Value, name: &str| {
        value.as_object_mut().unwrap().remove(name);
        value
    };
    let now = now_ms() / NOW;
    // The control: made the same way, and right.
    assert!(own.verify(&forged(&own, &header(&own), &claims())).is_ok());
    let mut hostile: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, token: String| hostile.push((name.to_owned(), token));
    add("another key", forged(&other, &header(&own), &claims()));
    for alg in
        ["none", "None", "NONE", "nOnE", "HS256", "HS384", "RS256", "PS256", "ES384", "EdDSA", "es256", "", "ES256K"]
    {
        add(&format!("algorithm {alg}"), forged(&own, &with(header(&own), "alg", json!(alg)), &claims()));
    }
    for alg in [json!(null), json!(256), json!(["ES256"]), json!({ "ES256": 1 })] {
        add(&format!("algorithm {alg}"), forged(&own, &with(header(&own), "alg", alg), &claims()));
    }
    for (name, kind) in [("typ", json!("JWT")), ("typ", json!("id+jwt")), ("typ", json!("")), ("typ", json!(null))] {
        add(&format!("type {kind}"), forged(&own, &with(header(&own), name, kind), &claims()));
    }
    for kid in ["", "../../../dev/null", "' OR 1=1 --", &other.id, "https://evil.example/key"] {
        add(&format!("key id {kid}"), forged(&own, &with(header(&own), "kid", json!(kid)), &claims()));
    }
    for name in ["alg", "typ", "kid"] {
        add(&format!("no {name}"), forged(&own, &without(header(&own), name), &claims()));
    }
    for (name, value) in [
        ("iss", json!("evil")),
        ("iss", json!("")),
        ("iss", json!(["code-agent-2"])),
        ("aud", json!("another")),
        ("aud", json!([])),
        ("aud", json!("")),
        ("exp", json!(now - 60)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("exp", json!("never")),
        ("exp", json!(null)),
        ("nbf", json!(now + 600)),
        ("nbf", json!("now")),
        ("sub", json!(null)),
        ("sub", json!(7)),
        ("sid", json!(null)),
    ] {
        add(&format!("{name} {value}"), forged(&own, &header(&own), &with(claims(), name, value.clone())));
    }
    for name in ["iss", "aud", "exp", "nbf", "sub", "sid", "iat_ms"] {
        add(&format!("no {name}"), forged(&own, &header(&own), &without(claims(), name)));
    }
    let good = forged(&own, &header(&own), &claims());
    let parts: Vec<&str> = good.split('.').collect();
    let changed = URL_SAFE_NO_PAD.encode(with(claims(), "sub", json!("admin")).to_string());
    add("claims changed", format!("{}.{changed}.{}", parts[0], parts[2]));
    add("no signature", format!("{}.{}.", parts[0], parts[1]));
    add("two parts", format!("{}.{}", parts[0], parts[1]));
    add("four parts", format!("{good}.{}", parts[2]));
    add("nothing", String::new());
    add("dots", "..".to_owned());
    add("zero signature", format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode([0; 64])));
    add("signature cut", good[..good.len() - 4].to_owned());
    // The public key as the secret of an HMAC: the oldest confusion there is.
    let public = std::fs::read_to_string(folder.path().join("own.pem")).unwrap();
    let header = Header { typ: Some(TYPE.to_owned()), kid: Some(own.id.clone()), ..Header::new(Algorithm::HS256) };
    let secret = EncodingKey::from_secret(public.as_bytes()).unwrap();
    add("HMAC by the key", encode(&header, &claims(), &secret).unwrap());
    assert!(hostile.len() >= 50, "{}", hostile.len());
    for (name, token) in hostile {
        assert!(own.verify(&token).is_err(), "{name} was accepted: {token}");
    }
}

/// Whether a token is remembered.
fn is_remembered(keys: &Keys, token: &str) -> bool {
    keys.verified.of(token).and_then(|found| found.by(&keys.pinned)).is_some()
}

#[test]
fn what_is_remembered_of_a_token_is_held_against_the_clock_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let keys = keys(folder.path(), "k.pem");
    let now = now_ms() / NOW;
    let mut said = claims();
    said["nbf"] = json!(now - 1);
    said["iat"] = json!(now);
    said["exp"] = json!(now + 60);
    let token = forged(&keys, &header(&keys), &said);
    let look = |at: i64| keys.verify_at(&token, at).map(|claims| claims.sid);
    assert_eq!(look(now + 65), Err(Refusal::Time));
    assert!(!is_remembered(&keys, &token), "what is refused is not remembered");
    assert_eq!(look(now), Ok("s".to_owned()));
    assert!(is_remembered(&keys, &token));
    // Clocks may differ by five seconds.
    for (at, found) in [
        (now, Ok("s".to_owned())),
        (now + 64, Ok("s".to_owned())),
        (now + 65, Err(Refusal::Time)),
        (now + 1000, Err(Refusal::Time)),
        (now - 5, Ok("s".to_owned())),
        (now - 6, Err(Refusal::Time)),
        (now, Ok("s".to_owned())),
    ] {
        assert_eq!(look(at), found, "at {}", at - now);
    }
}

#[test]
fn another_letter_of_the_signature_is_another_token() {
    let folder = tempfile::tempdir().unwrap();
    let keys = keys(folder.path(), "k.pem");
    let token = forged(&keys, &header(&keys), &claims());
    for _ in 0..2 {
        assert!(keys.verify(&token).is_ok() && is_remembered(&keys, &token), "the control");
    }
    let (said, signature) = token.rsplit_once('.').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 1;
        let other = format!("{said}.{}", URL_SAFE_NO_PAD.encode(other));
        for _ in 0..2 {
            assert_eq!(keys.verify(&other), Err(Refusal::Signature), "byte {at}");
        }
        assert!(!is_remembered(&keys, &other), "byte {at}");
    }
    assert!(keys.verify(&token).is_ok());
}

#[test]
fn what_another_key_verified_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let (own, other) = (keys(folder.path(), "own.pem"), keys(folder.path(), "other.pem"));
    let said = |keys: &Keys| {
        let token = forged(keys, &header(keys), &claims());
        assert!(keys.verify(&token).is_ok());
        keys.verified.of(&token).unwrap().by(&keys.pinned).unwrap()
    };
    // These letters are no token at all: whoever believes them, does so by memory alone.
    own.verified.remember("letters", &own.id, &own.pinned, said(&own));
    assert!(own.verify("letters").is_ok(), "the control");
    own.verified.remember("letters", &own.id, &other.pinned, said(&other));
    assert_eq!(own.verify("letters"), Err(Refusal::Form));
    // The same key, read again, is another one too.
    let again = keys(folder.path(), "own.pem");
    own.verified.remember("letters", &own.id, &again.pinned, said(&again));
    assert_eq!(own.verify("letters"), Err(Refusal::Form));
}
