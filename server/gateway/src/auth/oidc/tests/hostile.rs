//! Hostile tokens, against our own keys and against each kind of key of a provider. Each differs in one thing from a token that is accepted in the same
//! breath, and is refused for that thing.
//!
//! Showing a bearer token again is no attack, it is how one is used (RFC 6750). "Replayed" is held of what is good once: of refresh tokens in
//! `a_refresh_token_is_good_once_and_used_twice_ends_its_session`, of ID tokens by their nonce in `an_id_token_is_believed_only_for_this_sign_in`, and of
//! answers of the provider in `test_people_sign_in_by_the_provider_and_answers_of_others_are_refused` (`tests/service/test_oidc.py`).

use super::*;
use Refusal::{Algorithm as Alg, Audience, Claim, Critical, Form, Issuer, Key, Program, Signature, Time, Type};

/// With what those scopes begin that are meant for this service, and the one that opens all of it.
const PREFIX: &str = "ca:";
const EVERYTHING: &str = "ca:*";

/// A token that is being made.
struct Forge<'a> {
    header: Value,
    claims: Value,
    header_text: Option<String>,
    claims_text: Option<String>,
    signer: &'a Signer,
    /// Signs with another algorithm of the same key.
    algorithm: Option<Algorithm>,
    /// Signs with this secret.
    secret: Option<Vec<u8>>,
    /// Changes what was made.
    after: fn(String) -> String,
}

impl Forge<'_> {
    fn made(&self) -> String {
        let header = self.header_text.clone().unwrap_or_else(|| self.header.to_string());
        let claims = self.claims_text.clone().unwrap_or_else(|| self.claims.to_string());
        let said = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = match &self.secret {
            Some(secret) => {
                let key = EncodingKey::from_secret(secret).unwrap();
                jsonwebtoken::crypto::sign(said.as_bytes(), &key, Algorithm::HS256).unwrap()
            }
            None => {
                let algorithm = self.algorithm.unwrap_or(self.signer.algorithm);
                jsonwebtoken::crypto::sign(said.as_bytes(), &self.signer.key, algorithm).unwrap()
            }
        };
        (self.after)(format!("{said}.{signature}"))
    }
}

/// What a forger has.
struct Loot {
    evil: Signer,
    /// Another key of the provider, of the first kind.
    other: Signer,
}

/// How a token is made wrong, and for which of the reasons it has to be refused.
type Case = (String, Vec<Refusal>, Box<dyn for<'a> Fn(&mut Forge<'a>, &'a Loot)>);

fn case(name: &str, why: &[Refusal], change: impl for<'a> Fn(&mut Forge<'a>, &'a Loot) + 'static) -> Case {
    (name.to_owned(), why.to_vec(), Box::new(change))
}

fn in_header(name: &'static str, value: Value, why: &[Refusal]) -> Case {
    case(&format!("header {name} {value}"), why, move |forge, _| forge.header[name] = value.clone())
}

fn in_claims(name: &'static str, value: Value, why: &[Refusal]) -> Case {
    case(&format!("claim {name} {value}"), why, move |forge, _| forge.claims[name] = value.clone())
}

fn without(name: &'static str, why: &[Refusal]) -> Case {
    case(&format!("no {name}"), why, move |forge, _| {
        forge.header.as_object_mut().unwrap().remove(name);
        forge.claims.as_object_mut().unwrap().remove(name);
    })
}

fn twice(name: &'static str) -> Case {
    case(&format!("{name} twice"), &[Form], move |forge, _| {
        let place = if forge.header.get(name).is_some() { &forge.header } else { &forge.claims };
        let text = place.to_string().replacen('{', &format!("{{\"{name}\":\"evil\","), 1);
        let is_header = forge.header.get(name).is_some();
        if is_header { forge.header_text = Some(text) } else { forge.claims_text = Some(text) }
    })
}

fn after(name: &str, why: &[Refusal], change: fn(String) -> String) -> Case {
    case(name, why, move |forge, _| forge.after = change)
}

fn parts(token: &str) -> (String, String, String) {
    let all: Vec<&str> = token.split('.').collect();
    (all[0].to_owned(), all[1].to_owned(), all[2].to_owned())
}

fn with_signature(token: &str, bytes: &[u8]) -> String {
    let (header, claims, _) = parts(token);
    format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// The two numbers of a signature in ASN.1, as other programs write them.
fn as_der(token: String) -> String {
    let bytes = URL_SAFE_NO_PAD.decode(parts(&token).2).unwrap();
    let number = |bytes: &[u8]| {
        let bytes: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign = bytes.first().is_some_and(|first| first & 0x80 != 0);
        let bytes = if sign { [vec![0], bytes].concat() } else { bytes };
        [vec![2, bytes.len() as u8], bytes].concat()
    };
    let (r, s) = bytes.split_at(bytes.len().min(64) / 2);
    let both = [number(r), number(&s[..s.len().min(32)])].concat();
    with_signature(&token, &[vec![0x30, both.len() as u8], both].concat())
}

/// A part of a key as ASN.1 has it.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match content.len() {
        short @ 0..128 => vec![short as u8],
        long => vec![0x82, (long >> 8) as u8, long as u8],
    };
    [vec![tag], length, content.to_vec()].concat()
}

/// The public key as `openssl` writes it, which is what somebody finds who looks for it.
fn pem(jwk: &Value) -> String {
    let part = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    // A number is one below zero if its first bit is set.
    let number = |name: &str| der(2, &[vec![0], part(name)].concat());
    let (kind, key) = match jwk["kty"].as_str().unwrap() {
        "EC" => (
            &b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"[..],
            [vec![4], part("x"), part("y")].concat(),
        ),
        "RSA" => {
            let exponent = der(2, &part("e"));
            (&b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"[..], der(0x30, &[number("n"), exponent].concat()))
        }
        _ => (&b"\x06\x03\x2b\x65\x70"[..], part("x")),
    };
    let whole = der(0x30, &[der(0x30, kind), der(3, &[vec![0], key].concat())].concat());
    let text = STANDARD.encode(whole);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

#[test]
fn the_pem_of_the_hostile_tokens_is_the_key() {
    for signer in [Signer::ec("ec"), Signer::ed("ed"), Signer::rsa("rsa", "2048")] {
        let pem = pem(&signer.public());
        let key = match signer.algorithm {
            Algorithm::ES256 => jsonwebtoken::DecodingKey::from_ec_pem(pem.as_bytes()),
            Algorithm::RS256 => jsonwebtoken::DecodingKey::from_rsa_pem(pem.as_bytes()),
            _ => jsonwebtoken::DecodingKey::from_ed_pem(pem.as_bytes()),
        };
        let signature = jsonwebtoken::crypto::sign(b"said", &signer.key, signer.algorithm).unwrap();
        let is_right = jsonwebtoken::crypto::verify(&signature, b"said", &key.unwrap(), signer.algorithm);
        assert!(is_right.unwrap(), "{pem}");
    }
}

fn cases() -> Vec<Case> {
    let now = now_ms() / 1000;
    let mut all = Vec::new();
    for alg in [
        "none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "ES512", "ES256K", "RS1", "es256", "rs256",
        "eddsa", " ES256",
    ] {
        all.push(in_header("alg", json!(alg), &[Alg]));
    }
    for alg in [json!(null), json!(256), json!(["ES256", "RS256", "EdDSA"]), json!({ "ES256": 1 }), json!(true)] {
        all.push(in_header("alg", alg, &[Alg]));
    }
    all.push(case("none and no signature", &[Alg], |forge, _| {
        forge.header["alg"] = json!("none");
        forge.after = |token| format!("{}.", token.rsplit_once('.').unwrap().0);
    }));
    // The public key as the secret of an HMAC, in each form in which somebody could have it.
    for form in ["jwk", "pem", "pem without its last line's end", "numbers"] {
        all.push(case(&format!("HMAC by the public key as {form}"), &[Alg], move |forge, _| {
            let jwk = forge.signer.public();
            let secret = match form {
                "jwk" => jwk.to_string(),
                "pem" => pem(&jwk),
                "pem without its last line's end" => pem(&jwk).trim_end().to_owned(),
                _ => ["n", "x"].iter().find_map(|name| jwk[*name].as_str()).unwrap().to_owned(),
            };
            forge.header["alg"] = json!("HS256");
            forge.secret = Some(secret.into_bytes());
        }));
    }
    all.push(case("another algorithm of the same key", &[Alg], |forge, _| match forge.signer.algorithm {
        Algorithm::RS256 => {
            forge.header["alg"] = json!("PS256");
            forge.algorithm = Some(Algorithm::PS256);
        }
        _ => forge.header["alg"] = json!("ES384"),
    }));
    for kid in [
        "",
        "../../../../dev/null",
        "/proc/self/environ",
        "' OR 1=1 --",
        "k' UNION SELECT 'secret",
        "https://evil.example/jwks.json",
        "|id",
        "\u{0}",
        "evil",
    ] {
        all.push(in_header("kid", json!(kid), &[Key]));
    }
    for kid in [json!(null), json!(0), json!([]), json!({ "$ne": null }), json!(true)] {
        all.push(in_header("kid", kid, &[Key]));
    }
    all.push(case("the name of another key", &[Signature, Alg, Key], |forge, loot| {
        forge.header["kid"] = json!(loot.other.id)
    }));
    all.push(case("signed by a stranger", &[Signature, Alg], |forge, loot| forge.signer = &loot.evil));
    for name in ["jwk", "jku", "x5u", "x5c"] {
        all.push(case(&format!("a stranger's {name}"), &[Signature, Alg], move |forge, loot| {
            forge.header[name] = match name {
                "jwk" => loot.evil.public(),
                "x5c" => json!(["MIIB"]),
                _ => json!("https://evil.example/keys"),
            };
            forge.signer = &loot.evil;
        }));
    }
    all.push(case("a stranger's key by its own name", &[Key], |forge, loot| {
        forge.header["kid"] = json!(loot.evil.id);
        forge.header["jwk"] = loot.evil.public();
        forge.signer = &loot.evil;
    }));
    for kind in [
        json!("JWT"),
        json!("jwt"),
        json!(""),
        json!(null),
        json!(1),
        json!("id+jwt"),
        json!("logout+jwt"),
        json!("at+jwt "),
        json!("at+jwt;x"),
        json!(["at+jwt"]),
    ] {
        all.push(in_header("typ", kind, &[Type]));
    }
    for crit in [json!(["exp"]), json!([]), json!(["b64"]), json!(null)] {
        all.push(in_header("crit", crit, &[Critical]));
    }
    for (name, value) in [("b64", json!(false)), ("zip", json!("DEF")), ("enc", json!("A128GCM"))] {
        all.push(in_header(name, value, &[Critical]));
    }
    for issuer in [json!("https://evil.example"), json!(""), json!(null), json!([]), json!(7)] {
        all.push(in_claims("iss", issuer, &[Issuer]));
    }
    all.push(case("the issuer with a slash", &[Issuer], |forge, _| {
        forge.claims["iss"] = json!(format!("{}/", forge.claims["iss"].as_str().unwrap()))
    }));
    all.push(case("the issuer in a list", &[Issuer], |forge, _| forge.claims["iss"] = json!([forge.claims["iss"]])));
    all.push(case("the issuer in capitals", &[Issuer], |forge, _| {
        forge.claims["iss"] = json!(forge.claims["iss"].as_str().unwrap().to_uppercase())
    }));
    for audience in [
        json!("another"),
        json!(""),
        json!([]),
        json!(null),
        json!(7),
        json!([7]),
        json!({ "a": 1 }),
        json!(["another"]),
        json!(CLIENT),
    ] {
        all.push(in_claims("aud", audience, &[Audience]));
    }
    all.push(case("the audience and more behind it", &[Audience], |forge, _| {
        forge.claims["aud"] = json!(format!("{}x", forge.claims["aud"].as_str().unwrap()))
    }));
    for (exp, why) in [
        (json!(now - 6), Time),
        (json!(0), Time),
        (json!(now + 400_000), Time),
        (json!(253_402_300_799_i64), Time),
        (json!(i64::MAX), Claim("exp")),
        (json!(1e300), Claim("exp")),
        (json!(-1), Claim("exp")),
        (json!("never"), Claim("exp")),
        (json!((now + 60).to_string()), Claim("exp")),
        (json!(null), Claim("exp")),
        (json!(true), Claim("exp")),
        (json!([now + 60]), Claim("exp")),
    ] {
        all.push(in_claims("exp", exp, &[why]));
    }
    for (name, value, why) in [
        ("nbf", json!(now + 600), Time),
        ("nbf", json!("now"), Claim("nbf")),
        ("nbf", json!(null), Claim("nbf")),
        ("iat", json!(now + 600), Time),
        ("iat", json!("now"), Claim("iat")),
    ] {
        all.push(in_claims(name, value, &[why]));
    }
    for sub in [json!(null), json!(7), json!([]), json!({}), json!(true)] {
        all.push(in_claims("sub", sub, &[Claim("sub"), Claim("sid")]));
    }
    for (name, why) in
        [("alg", Alg), ("typ", Type), ("kid", Key), ("iss", Issuer), ("aud", Audience), ("exp", Claim("exp"))]
    {
        all.push(without(name, &[why]));
    }
    all.push(without("sub", &[Claim("sub"), Claim("sid")]));
    for name in ["alg", "kid", "typ", "iss", "aud", "sub", "exp"] {
        all.push(twice(name));
    }
    all.push(after("nothing", &[Form], |_| String::new()));
    all.push(after("one dot", &[Form], |_| ".".to_owned()));
    all.push(after("two dots", &[Form], |_| "..".to_owned()));
    all.push(after("two parts", &[Form], |token| token.rsplit_once('.').unwrap().0.to_owned()));
    all.push(after("four parts", &[Form], |token| format!("{token}.{}", parts(&token).2)));
    all.push(after("five parts", &[Form], |token| format!("{token}.a.b")));
    all.push(after("a blank within", &[Form, Signature], |token| token.replacen('.', ". ", 1)));
    all.push(after("a padded header", &[Form], |token| token.replacen('.', "=.", 1)));
    all.push(after("a header that is cut", &[Form], |token| token[3..].to_owned()));
    all.push(after("a header that is a list", &[Form], |token| format!("W10.{}.{}", parts(&token).1, parts(&token).2)));
    all.push(after("claims that are a number", &[Form], |token| format!("{}.Nw.{}", parts(&token).0, parts(&token).2)));
    all.push(after("claims that are no text", &[Form], |token| {
        format!("{}._____w.{}", parts(&token).0, parts(&token).2)
    }));
    all.push(after("ever deeper claims", &[Form], |token| {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(4000), "]".repeat(4000));
        format!("{}.{}.{}", parts(&token).0, URL_SAFE_NO_PAD.encode(deep), parts(&token).2)
    }));
    all.push(case("longer than any", &[Form], |forge, _| forge.claims["x"] = json!("x".repeat(20_000))));
    all.push(after("claims of somebody else", &[Signature], |token| {
        let (header, claims, signature) = parts(&token);
        let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        claims["sub"] = json!("admin");
        format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }));
    all.push(after("no signature", &[Signature], |token| with_signature(&token, &[])));
    all.push(after("r and s are 0", &[Signature], |token| with_signature(&token, &[0; 64])));
    all.push(after("zeros of another length", &[Signature], |token| with_signature(&token, &[0; 256])));
    all.push(after("r is the order of the curve", &[Signature], |token| {
        let order = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";
        let order: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&order[at * 2..at * 2 + 2], 16).unwrap()).collect();
        with_signature(&token, &[order.clone(), order].concat())
    }));
    all.push(after("a signature in DER", &[Signature], as_der));
    all.push(after("a signature that is cut", &[Signature], |token| token[..token.len() - 4].to_owned()));
    all.push(after("a signature with more behind it", &[Signature], |token| format!("{token}AAAA")));
    all.push(after("a padded signature", &[Signature], |token| format!("{token}==")));
    all.push(after("a signature twice", &[Signature], |token| format!("{token}{}", parts(&token).2)));
    all.push(after("one bit of the signature", &[Signature], |token| {
        let mut bytes = URL_SAFE_NO_PAD.decode(parts(&token).2).unwrap();
        bytes[9] ^= 1;
        with_signature(&token, &bytes)
    }));
    all
}

/// What holds for tokens of a provider only.
fn cases_of_provider() -> Vec<Case> {
    let mut all: Vec<Case> =
        ["jti", "client_id", "iat"].into_iter().map(|name| without(name, &[Claim(name)])).collect();
    for (name, value) in
        [("jti", json!(7)), ("jti", json!("")), ("client_id", json!(null)), ("sub", json!("")), ("sub", json!("a\nb"))]
    {
        all.push(in_claims(name, value, &[Claim(name)]));
    }
    all.push(in_claims("sub", json!("x".repeat(256)), &[Claim("sub")]));
    for scope in [json!(7), json!(null), json!([EVERYTHING]), json!({ EVERYTHING: true })] {
        all.push(in_claims("scope", scope, &[Claim("scope")]));
    }
    for scp in
        [json!(7), json!(null), json!(true), json!({ EVERYTHING: true }), json!([EVERYTHING, 7]), json!([[EVERYTHING]])]
    {
        all.push(case(&format!("claim scp {scp} and no scope"), &[Claim("scp")], move |forge, _| {
            forge.claims.as_object_mut().unwrap().remove("scope");
            forge.claims["scp"] = scp.clone();
        }));
    }
    // The token of a program that is called as a person could be.
    all.push(in_claims("sub", json!("cli"), &[Program]));
    all.push(in_claims("client_id", json!("s-1"), &[Program]));
    all.push(case("an ID token", &[Type], |forge, _| {
        forge.header["typ"] = json!("JWT");
        forge.claims["aud"] = json!(CLIENT);
        forge.claims["nonce"] = json!("n");
    }));
    all.push(case("an ID token of another time's making", &[Audience], |forge, _| forge.claims["aud"] = json!(CLIENT)));
    all.push(case("of another realm of the same provider", &[Issuer], |forge, _| {
        forge.claims["iss"] = json!(forge.claims["iss"].as_str().unwrap().replace("/realm", "/other"));
    }));
    all
}

/// What holds for our own only.
fn cases_of_own() -> Vec<Case> {
    let mut all =
        vec![without("nbf", &[Claim("sid")]), without("sid", &[Claim("sid")]), without("iat_ms", &[Claim("sid")])];
    all.push(in_claims("sid", json!(7), &[Claim("sid")]));
    all.push(case("a list with the audience", &[Audience], |forge, _| {
        forge.claims["aud"] = json!([forge.claims["aud"], "another"])
    }));
    all
}

fn own_claims(account: &str, session: &str) -> Value {
    let now = now_ms();
    json!({
        "iss": "code-agent", "aud": "code-agent-api", "sub": account, "sid": session, "exp": now / 1000 + 60,
        "nbf": now / 1000 - 1, "iat_ms": now,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_hostile_token_of_either_realm_is_accepted() {
    let signers = [Signer::ec("ec"), Signer::ed("ed"), Signer::rsa("rsa", "2048")];
    let loot = Loot { evil: Signer::ec("evil"), other: Signer::ec("another") };
    let stage = Stage::new(&[&signers[0], &signers[1], &signers[2], &loot.other]).await;
    let mut config = stage.config();
    config.settings.scope_prefix = PREFIX.into();
    let service = Service::with_provider(Value::Null, Default::default(), Some(config)).await;
    // What opens all of the service to a token that is right in everything else.
    let access_of = |subject: &str| {
        let mut claims = stage.access(subject);
        claims["scope"] = json!(format!("openid {EVERYTHING}"));
        claims
    };
    let ann = service.account("ann", Role::Developer).await;
    let (sub, sid) = {
        let claims = service.gateway.keys().verify(&ann).unwrap();
        (claims.sub, claims.sid)
    };
    let (own_id, own_key) = service.gateway.keys().signer();
    let own = Signer { id: own_id, key: own_key, algorithm: Algorithm::ES256 };
    let provider = service.gateway.provider().unwrap();
    let is_let_in = async |token: &str| {
        // Recently seen tokens are believed for a moment; here each is looked at.
        service.gateway.recent().forget();
        let request = axum::extract::Request::builder().uri("/api/v2/me");
        let Ok(request) = request.header("authorization", format!("Bearer {token}")).body(axum::body::Body::empty())
        else {
            return false;
        };
        service.raw(request).await.status == StatusCode::OK
    };
    let mut refused = 0;
    for signer in signers.iter().chain([&own]) {
        let is_own = std::ptr::eq(signer, &own);
        let right = || Forge {
            header: header(signer),
            claims: if is_own { own_claims(&sub, &sid) } else { access_of("s-1") },
            header_text: None,
            claims_text: None,
            signer,
            algorithm: None,
            secret: None,
            after: |token| token,
        };
        let more = if is_own { cases_of_own() } else { cases_of_provider() };
        for (name, why, change) in cases().into_iter().chain(more) {
            assert!(is_let_in(&right().made()).await, "the control of {name} for {}", signer.id);
            let mut forge = right();
            change(&mut forge, &loot);
            let token = forge.made();
            assert!(!is_let_in(&token).await, "{name} for {} was accepted: {token}", signer.id);
            let found = match is_own {
                true => service.gateway.keys().verify(&token).unwrap_err(),
                false => refusal(provider, &token).await,
            };
            assert!(why.contains(&found), "{name} for {} was refused for {found:?}: {token}", signer.id);
            refused += 1;
        }
    }
    assert!(refused > 400, "{refused}");

    // Each realm has its own keys, and a key of one is worth nothing in the other.
    let (ec, access) = (&signers[0], access_of("s-1"));
    let as_if = |signer: &Signer, kid: &str, claims: &Value| {
        let mut forged = header(signer);
        forged["kid"] = json!(kid);
        signer.signed(&forged.to_string(), &claims.to_string())
    };
    for token in [
        as_if(ec, &own.id, &own_claims(&sub, &sid)),
        as_if(ec, &ec.id, &own_claims(&sub, &sid)),
        as_if(&own, &ec.id, &access),
        as_if(&own, &own.id, &access),
    ] {
        assert!(!is_let_in(&token).await, "{token}");
    }
    // What is spelled otherwise and means the same is the same.
    for kind in ["AT+JWT", "application/at+jwt"] {
        let mut other = header(ec);
        other["typ"] = json!(kind);
        assert!(is_let_in(&ec.signed(&other.to_string(), &access.to_string())).await, "{kind}");
    }
    let mut several = access.clone();
    several["aud"] = json!(["another", AUDIENCE]);
    several["exp"] = json!(now_ms() as f64 / 1000.0 + 60.5);
    assert!(is_let_in(&token(ec, &several)).await);
    // Scopes of another name open as much, where there are none of the right one, and nothing beside those that are.
    let scoped = |scope: Option<&str>, scp: Value| {
        let mut claims = access.clone();
        claims.as_object_mut().unwrap().remove("scope");
        if let Some(scope) = scope {
            claims["scope"] = json!(scope);
        }
        claims["scp"] = scp;
        token(ec, &claims)
    };
    for (scope, scp, is_good) in [
        (None, json!(EVERYTHING), true),
        (None, json!(["openid", EVERYTHING]), true),
        (Some(EVERYTHING), json!("openid"), true),
        (Some("openid"), json!(EVERYTHING), false),
        (Some("openid"), json!([EVERYTHING]), false),
        (Some(""), json!(EVERYTHING), false),
    ] {
        assert_eq!(is_let_in(&scoped(scope, scp.clone())).await, is_good, "{scope:?} {scp}");
    }
    // Clocks may differ by as much.
    let mut early = access.clone();
    early["nbf"] = json!(now_ms() / 1000 + 3);
    early["exp"] = json!(now_ms() / 1000 - 3);
    assert!(is_let_in(&token(ec, &early)).await);

    // Both are worth nothing after what they stand for was taken back.
    let (mine, theirs) = (ann, token(ec, &access));
    assert!(is_let_in(&mine).await && is_let_in(&theirs).await);
    let person = service.gateway.store().account_of_person(&stage.issuer, "s-1").await.unwrap().unwrap();
    service.gateway.store().set_disabled(&person.id, true).await.unwrap();
    service.gateway.store().revoke_session(&sid).await.unwrap();
    assert!(!is_let_in(&mine).await && !is_let_in(&theirs).await);
}
