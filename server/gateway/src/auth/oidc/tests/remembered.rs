//! Access tokens that were verified before: what is remembered of them saves the computing, and lets nobody in who would not be let in without it.

use super::*;

/// A token of each kind of key, all shown by a provider of their own.
async fn stage() -> (Stage, [Signer; 2]) {
    let signers = [Signer::ec("ec"), Signer::ed("ed")];
    let stage = Stage::new(&[&signers[0], &signers[1]]).await;
    (stage, signers)
}

/// As if the keys were so old that they have to be asked for again.
async fn let_keys_grow_old(provider: &Provider) {
    provider.keys.store(None);
    provider.asked.lock().await[1] = None;
}

/// Whether a token is remembered, whatever its key is worth.
fn is_remembered(provider: &Provider, token: &str) -> bool {
    provider.verified.of(token).is_some()
}

#[tokio::test]
async fn a_token_whose_key_was_taken_back_is_refused_though_it_is_remembered() {
    let (stage, signers) = stage().await;
    for (gone, stays) in [(&signers[0], &signers[1]), (&signers[1], &signers[0])] {
        stage.show(&[gone, stays]);
        let provider = Provider::new(stage.config());
        let (old, other) = (token(gone, &stage.access("a")), token(stays, &stage.access("a")));
        for _ in 0..2 {
            for token in [&old, &other] {
                assert!(provider.access(token).await.is_ok() && is_remembered(&provider, token), "the control");
            }
        }
        stage.show(&[stays]);
        let_keys_grow_old(&provider).await;
        assert!(provider.access(&other).await.is_ok(), "its key is there still, and was read anew");
        assert!(is_remembered(&provider, &old));
        for _ in 0..2 {
            assert_eq!(refusal(&provider, &old).await, Refusal::Key, "{}", gone.id);
        }
        // Where it comes back, it is good again.
        stage.show(&[gone, stays]);
        let_keys_grow_old(&provider).await;
        assert!(provider.access(&old).await.is_ok());
    }
}

#[tokio::test]
async fn a_token_whose_key_was_replaced_by_one_of_the_same_name_is_refused_though_it_is_remembered() {
    let (stage, signers) = stage().await;
    let provider = Provider::new(stage.config());
    let old = token(&signers[0], &stage.access("a"));
    assert!(provider.access(&old).await.is_ok() && is_remembered(&provider, &old), "the control");
    let new = Signer::ec(&signers[0].id);
    stage.show(&[&new, &signers[1]]);
    let_keys_grow_old(&provider).await;
    assert!(provider.access(&token(&new, &stage.access("a"))).await.is_ok());
    assert!(is_remembered(&provider, &old));
    assert_eq!(refusal(&provider, &old).await, Refusal::Signature);
}

#[tokio::test]
async fn what_is_remembered_is_held_against_the_clock_each_time() {
    let (stage, signers) = stage().await;
    let now = now_ms() / 1000;
    for signer in &signers {
        let provider = Provider::new(stage.config());
        let mut claims = stage.access("a");
        claims["nbf"] = json!(now);
        claims["exp"] = json!(now + 60);
        let token = token(signer, &claims);
        let is_good = async |at: i64| match provider.access_at(&token, at).await {
            Ok(access) => {
                assert_eq!(access.person.subject, "a");
                true
            }
            Err(OidcError::Token(Refusal::Time)) => false,
            Err(error) => panic!("{error}"),
        };
        assert!(!is_good(now + 65).await && !is_remembered(&provider, &token), "what is refused is not remembered");
        assert!(is_good(now).await && is_remembered(&provider, &token), "the control");
        // Clocks may differ by five seconds.
        for (at, found) in [(now + 64, true), (now + 65, false), (now - 6, false), (now, true)] {
            assert_eq!(is_good(at).await, found, "at {}", at - now);
        }
    }
}

#[tokio::test]
async fn another_byte_of_the_signature_is_another_token() {
    let (stage, signers) = stage().await;
    let provider = Provider::new(stage.config());
    for signer in &signers {
        let token = token(signer, &stage.access("a"));
        let (said, signature) = token.rsplit_once('.').unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            assert!(provider.access(&token).await.is_ok() && is_remembered(&provider, &token), "the control");
            let mut other = bytes.clone();
            other[at] ^= 1;
            let other = format!("{said}.{}", URL_SAFE_NO_PAD.encode(other));
            for _ in 0..2 {
                assert_eq!(refusal(&provider, &other).await, Refusal::Signature, "{} at {at}", signer.id);
            }
            assert!(!is_remembered(&provider, &other));
        }
    }
}

#[tokio::test]
async fn what_is_refused_for_its_claims_is_not_remembered() {
    let (stage, signers) = stage().await;
    let provider = Provider::new(stage.config());
    for (name, value, why) in [
        ("aud", json!("another"), Refusal::Audience),
        ("iss", json!("https://evil.example"), Refusal::Issuer),
        ("client_id", json!("a"), Refusal::Program),
    ] {
        let mut claims = stage.access("a");
        claims[name] = value;
        let wrong = token(&signers[0], &claims);
        assert_eq!(refusal(&provider, &wrong).await, why);
        assert!(!is_remembered(&provider, &wrong), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_back_is_asked_each_time() {
    let (stage, signers) = stage().await;
    let service = Service::with_provider(Value::Null, Default::default(), Some(stage.config())).await;
    let own = service.account("root", Role::Admin).await;
    let [gone, stays] = ["s-1", "s-1"].map(|subject| token(&signers[0], &stage.access(subject)));
    let status = async |token: &str| {
        // Who came a moment ago is believed for a moment; here each is looked at.
        service.gateway.recent().forget();
        service.send("GET", "/api/v2/me", token, None).await.status
    };
    for _ in 0..2 {
        for token in [&own, &gone, &stays] {
            assert_eq!(status(token).await, StatusCode::OK, "the control");
        }
    }
    for token in [&gone, &own] {
        let out = service.send("DELETE", "/api/v2/sessions/current", token, None).await;
        assert_eq!(out.status, StatusCode::NO_CONTENT, "{out:?}");
        assert_eq!(status(token).await, StatusCode::UNAUTHORIZED);
    }
    // What they say is good as before, and remembered; only what was taken back is not.
    let provider = service.gateway.provider().unwrap();
    assert!(is_remembered(provider, &gone) && provider.access(&gone).await.is_ok());
    assert!(service.gateway.keys().verify(&own).is_ok());
    assert_eq!(status(&stays).await, StatusCode::OK);
}
