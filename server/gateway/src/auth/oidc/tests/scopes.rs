//! Scopes of the provider's access tokens: what they name is open, where the account may do it, and nothing else.

use super::*;
use crate::tests::Reply;

const DOCUMENT: &str = "/api/v2/documents/symbols";

async fn service(stage: &Stage, prefix: &str) -> Service {
    let mut config = stage.config();
    config.settings.scope_prefix = prefix.into();
    let service = Service::with_provider(Value::Null, Default::default(), Some(config)).await;
    service.account("root", Role::Admin).await;
    service
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_may_do_what_its_scopes_name_and_nothing_else() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = service(&stage, "code-agent:").await;
    let with = |scope: &Value| {
        let mut claims = stage.access("s-1");
        claims["scope"] = scope.clone();
        if scope.is_null() {
            claims.as_object_mut().unwrap().remove("scope");
        }
        token(&signer, &claims)
    };
    let text = json!({ "path": "a.py", "text": "def f():\n    pass\n" });
    let (ok, no, bad) = (StatusCode::OK, StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED);
    for (scope, me, document) in [
        (json!("openid code-agent:accounts"), ok, no),
        (json!("code-agent:documents openid"), no, ok),
        (json!("code-agent:documents code-agent:accounts"), ok, ok),
        (json!("code-agent:*"), ok, ok),
        (json!(null), no, no),
        (json!(""), no, no),
        (json!("openid"), no, no),
        (json!("accounts documents *"), no, no),
        (json!("code-agent: accounts"), no, no),
        (json!("Code-Agent:accounts code-agent:Documents"), no, no),
        (json!("x-code-agent:accounts code-agent:documents.read"), no, no),
        // It is a text (RFC 9068, 2.2.3).
        (json!(["code-agent:accounts"]), bad, bad),
        (json!({ "code-agent:accounts": true }), bad, bad),
    ] {
        let token = with(&scope);
        let reply = service.send("GET", "/api/v2/me", &token, None).await;
        assert_eq!(reply.status, me, "{scope}: {reply:?}");
        if me == no {
            assert!(reply.text.contains("the scope of the token"), "{reply:?}");
            assert_eq!(wanted(&reply), "Bearer error=\"insufficient_scope\", scope=\"code-agent:accounts\"");
        }
        let reply = service.send("POST", DOCUMENT, &token, Some(text.clone())).await;
        assert_eq!(reply.status, document, "{scope}: {reply:?}");
        if document == no {
            assert_eq!(wanted(&reply), "Bearer error=\"insufficient_scope\", scope=\"code-agent:documents\"");
        }
    }
    // A scope is no role, and no other scope would help.
    let all = with(&json!("code-agent:*"));
    let reply = service.send("GET", "/api/v2/accounts", &all, None).await;
    assert!(reply.status == no && !reply.headers.contains_key("www-authenticate"), "{reply:?}");
    // Whoever signs out needs the part that this belongs to.
    let out = async |scope: &str| service.send("DELETE", "/api/v2/sessions/current", &with(&json!(scope)), None).await;
    assert_eq!(out("code-agent:accounts").await.status, no);
    assert_eq!(out("code-agent:sessions").await.status, StatusCode::NO_CONTENT);
}

/// What a program is told that it has to come with.
fn wanted(reply: &Reply) -> &str {
    reply.headers["www-authenticate"].to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scopes_of_another_name_count_where_there_are_none_of_the_right_one() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = service(&stage, "code-agent:").await;
    let (ok, no, bad) = (StatusCode::OK, StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED);
    let (right, other) = ("code-agent:accounts", "code-agent:jobs");
    for (scope, scp, status) in [
        (None, json!("openid code-agent:accounts"), ok),
        (None, json!(["openid", "code-agent:accounts"]), ok),
        (None, json!(other), no),
        (None, json!([other]), no),
        (None, json!([]), no),
        (None, json!(""), no),
        // Each one of a list is one scope.
        (None, json!(["openid code-agent:accounts"]), no),
        (None, json!(7), bad),
        (None, json!(null), bad),
        (None, json!({ "code-agent:accounts": true }), bad),
        (None, json!(["code-agent:accounts", 7]), bad),
        (None, json!([["code-agent:accounts"]]), bad),
        (Some(right), json!(other), ok),
        (Some(other), json!(right), no),
        (Some(other), json!([right]), no),
        (Some(""), json!(right), no),
        (Some(right), json!(7), ok),
    ] {
        let mut claims = stage.access("s-1");
        claims.as_object_mut().unwrap().remove("scope");
        if let Some(scope) = scope {
            claims["scope"] = json!(scope);
        }
        claims["scp"] = scp.clone();
        let reply = service.send("GET", "/api/v2/me", &token(&signer, &claims), None).await;
        assert_eq!(reply.status, status, "{scope:?} {scp}: {reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_prefix_scopes_are_left_alone() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = service(&stage, "").await;
    for scope in [json!("openid"), json!("code-agent:documents"), json!(["a"]), json!(7)] {
        for name in ["scope", "scp"] {
            let mut claims = stage.access("s-1");
            claims[name] = scope.clone();
            let reply = service.send("GET", "/api/v2/me", &token(&signer, &claims), None).await;
            assert_eq!(reply.status, StatusCode::OK, "{name} {scope}: {reply:?}");
        }
    }
}
