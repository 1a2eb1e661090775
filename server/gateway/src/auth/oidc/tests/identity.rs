//! ID tokens: who is believed to have signed in, and when.

use super::*;

const NONCE: &str = "the nonce of this sign-in";

fn id_header(signer: &Signer) -> Value {
    let mut header = header(signer);
    header["typ"] = json!("JWT");
    header
}

#[tokio::test]
async fn an_id_token_is_believed_only_for_this_sign_in() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let provider = Provider::new(stage.config());
    let now = now_ms() / 1000;
    let right = json!({
        "iss": stage.issuer, "aud": CLIENT, "sub": "s-1", "nonce": NONCE, "iat": now, "exp": now + 300, "auth_time": now,
        "amr": ["pwd", "otp", "a b", 7, ""], "preferred_username": "ann",
    });
    let look = async |header: &Value, claims: &Value, since: Option<i64>| {
        let token = signer.signed(&header.to_string(), &claims.to_string());
        match provider.person(&token, NONCE, since).await {
            Ok(person) => Ok(person),
            Err(OidcError::Token(refusal)) => Err(refusal),
            Err(error) => panic!("{error}"),
        }
    };
    let person = look(&id_header(&signer), &right, Some(now)).await.unwrap();
    assert_eq!((person.subject.as_str(), person.name.as_str(), person.auth_time), ("s-1", "ann", Some(now)));
    assert_eq!(person.amr, ["pwd", "otp"]);
    for (name, value, why) in [
        ("nonce", json!("another"), Refusal::Claim("nonce")),
        ("nonce", json!(""), Refusal::Claim("nonce")),
        ("nonce", json!(null), Refusal::Claim("nonce")),
        ("iss", json!("https://evil.example"), Refusal::Issuer),
        ("aud", json!("another"), Refusal::Audience),
        ("aud", json!(AUDIENCE), Refusal::Audience),
        ("aud", json!([]), Refusal::Audience),
        ("aud", json!([CLIENT, "another"]), Refusal::Claim("azp")),
        ("azp", json!("another"), Refusal::Claim("azp")),
        ("azp", json!(7), Refusal::Claim("azp")),
        ("exp", json!(now - 6), Refusal::Time),
        ("exp", json!(null), Refusal::Claim("exp")),
        ("iat", json!(now + 60), Refusal::Time),
        ("iat", json!(now - 700), Refusal::Time),
        ("iat", json!("now"), Refusal::Claim("iat")),
        ("sub", json!(""), Refusal::Claim("sub")),
        ("sub", json!(null), Refusal::Claim("sub")),
        ("auth_time", json!("now"), Refusal::Claim("auth_time")),
    ] {
        let mut wrong = right.clone();
        wrong[name] = value.clone();
        assert_eq!(look(&id_header(&signer), &wrong, None).await, Err(why), "{name} {value}");
    }
    let mut several = right.clone();
    several["aud"] = json!([CLIENT, "another"]);
    several["azp"] = json!(CLIENT);
    assert!(look(&id_header(&signer), &several, None).await.is_ok());
    // An access token is none, whatever stands in it; where it has no type, it is one that is.
    assert_eq!(look(&header(&signer), &right, None).await, Err(Refusal::Type));
    let mut plain = id_header(&signer);
    plain.as_object_mut().unwrap().remove("typ");
    plain.as_object_mut().unwrap().remove("kid");
    assert!(look(&plain, &right, None).await.is_ok(), "there is one key only");
    // Who has to show it anew did so after he left.
    let mut old = right.clone();
    for (at, is_good) in [(json!(now - 4), true), (json!(now - 30), false), (json!(null), false)] {
        old["auth_time"] = at.clone();
        if at.is_null() {
            old.as_object_mut().unwrap().remove("auth_time");
        }
        let looked = look(&id_header(&signer), &old, Some(now)).await;
        assert_eq!(looked.is_ok(), is_good, "{at}: {looked:?}");
        assert!(look(&id_header(&signer), &old, None).await.is_ok(), "{at}: the control");
    }
}
