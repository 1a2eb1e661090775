//! Roles that the provider gives and takes: what somebody has here from before does not outlive them.

use super::*;
use crate::auth::oidc::admission::account_of;
use crate::auth::oidc::level::Reached;
use crate::auth::{Principal, Via, good_until};
use crate::tests::gone_once;
use engine::store::tokens::Proof;

fn person(subject: &str, role: Option<Role>) -> Person {
    let level = Reached { sign_in: Ok(()), step_up: Ok(()) };
    let (subject, name) = (subject.to_owned(), subject.to_owned());
    Person { subject, name, role, amr: Vec::new(), acr: None, auth_time: None, level }
}

async fn begin(service: &Service, account: &str, hash: &str) -> String {
    let store = service.gateway.store();
    store.start_session(account, hash, now_ms() + 60_000, &Proof::default()).await.unwrap().id
}

async fn is_open(service: &Service, session: &str) -> bool {
    service.gateway.store().session(session).await.unwrap().unwrap().revoked_at.is_none()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_was_taken_away_goes_on_nowhere() {
    let stage = Stage::new(&[&Signer::ec("k")]).await;
    let mut config = stage.config();
    config.settings.unknown_people = UnknownPeople::WithRole;
    let service = Service::with_provider(Value::Null, Default::default(), Some(config)).await;
    service.account("root", Role::Admin).await;
    let store = service.gateway.store();
    let comes = async |role: Option<Role>, kept: bool| account_of(&service.gateway, &person("s", role), kept).await;
    let role = async |id: &str| store.account(id).await.unwrap().unwrap().role;

    let id = comes(Some(Role::Developer), true).await.unwrap().id;
    let session = begin(&service, &id, "a").await;
    assert_eq!(comes(Some(Role::Maintainer), true).await.unwrap().role, Role::Maintainer);
    assert!(is_open(&service, &session).await, "who may do more signs in no second time");
    // An access token may be older than the role.
    assert_eq!(comes(Some(Role::Viewer), false).await.unwrap().role, Role::Viewer);
    assert!(comes(None, false).await.is_err());
    assert!(role(&id).await == Role::Maintainer && is_open(&service, &session).await);

    assert_eq!(comes(Some(Role::Developer), true).await.unwrap().role, Role::Developer);
    assert!(role(&id).await == Role::Developer && !is_open(&service, &session).await, "he may do less");
    let session = begin(&service, &id, "b").await;
    let refused = comes(None, true).await.unwrap_err();
    assert_eq!(refused.told().kind, Kind::Forbidden);
    assert!(role(&id).await == Role::Viewer && !is_open(&service, &session).await, "he may do nothing");
    let session = begin(&service, &id, "c").await;
    assert!(comes(None, true).await.is_err());
    assert!(!is_open(&service, &session).await, "whatever role he had");
    // The auditor stands beside the others.
    assert_eq!(comes(Some(Role::Developer), true).await.unwrap().role, Role::Developer);
    let session = begin(&service, &id, "d").await;
    assert_eq!(comes(Some(Role::Auditor), true).await.unwrap().role, Role::Auditor);
    assert!(!is_open(&service, &session).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_token_with_a_role_that_was_taken_away_is_good_no_more() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let mut config = stage.config();
    config.settings.unknown_people = UnknownPeople::WithRole;
    let service = Service::with_provider(Value::Null, Default::default(), Some(config)).await;
    service.account("root", Role::Admin).await;
    let comes = async |subject: &str, role| account_of(&service.gateway, &person(subject, role), true).await.is_ok();
    let tokens = ["s-1", "s-2", "s-3"].map(|subject| token(&signer, &stage.access(subject)));
    let status = async |number: usize| service.send("GET", "/api/v2/me", &tokens[number], None).await.status;
    for subject in ["s-1", "s-2", "s-3"] {
        assert!(comes(subject, Some(Role::Developer)).await);
    }
    assert!(comes("s-1", Some(Role::Maintainer)).await);
    for number in 0..3 {
        assert_eq!(status(number).await, StatusCode::OK, "the control, also for who may do more by now");
    }
    assert!(comes("s-1", Some(Role::Viewer)).await);
    assert_eq!(status(0).await, StatusCode::UNAUTHORIZED, "he may do less");
    assert!(!comes("s-2", None).await);
    assert_eq!(status(1).await, StatusCode::UNAUTHORIZED, "he may do nothing");
    assert!(!comes("s-2", None).await, "once more, with nothing left to be taken");
    assert_eq!(status(2).await, StatusCode::OK, "that of somebody else goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_made_is_written_down_also_where_whoever_it_is_for_goes_away() {
    let stage = Stage::new(&[&Signer::ec("k")]).await;
    let service = Service::with_provider(Value::Null, Default::default(), Some(stage.config())).await;
    service.account("root", Role::Admin).await;
    let store = service.gateway.store();
    for number in 0..20 {
        let someone = person(&format!("s-{number}"), Some(Role::Developer));
        let is_made = async || store.account_of_person(&stage.issuer, &someone.subject).await.unwrap().is_some();
        gone_once(is_made, account_of(&service.gateway, &someone, true)).await;
        service.gateway.deeds().all_done().await;
    }
    let lines = store.audit_entries(None, 1000).await.unwrap();
    assert_eq!(lines.iter().filter(|line| line.action == "accounts.create").count(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_roles_of_the_provider_those_whom_an_admin_made_come_in() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let mut config = stage.config();
    config.settings.unknown_people = UnknownPeople::WithRole;
    config.settings.role_claim = String::new();
    let service = Service::with_provider(Value::Null, Default::default(), Some(config)).await;
    let root = service.account("root", Role::Admin).await;
    let body = json!({ "name": "carl", "role": "maintainer", "subject": "s-3" });
    let made = service.send("POST", "/api/v2/accounts", &root, Some(body)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let carl = token(&signer, &stage.access("s-3"));
    let me = service.send("GET", "/api/v2/me", &carl, None).await;
    assert_eq!((me.status, &me.json()["role"]), (StatusCode::OK, &json!("maintainer")), "{me:?}");
    // He shows a second factor to the provider, and is not told to make one here.
    assert!(me.json().get("advice").is_none(), "{me:?}");
    let of_root = service.send("GET", "/api/v2/me", &root, None).await;
    assert!(of_root.json()["advice"].is_string(), "the control: {of_root:?}");
    let unknown = service.send("GET", "/api/v2/me", &token(&signer, &stage.access("s-4")), None).await;
    assert_eq!(unknown.status, StatusCode::FORBIDDEN, "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_on_for_long_ends_with_the_role_that_let_it_in() {
    for (claim, stays) in [("roles", true), ("", false)] {
        let stage = Stage::new(&[&Signer::ec("k")]).await;
        let mut config = stage.config();
        config.settings.role_claim = claim.into();
        let service = Service::with_provider(Value::Null, Default::default(), Some(config)).await;
        service.account("root", Role::Admin).await;
        let store = service.gateway.store();
        let (account, _) = store.create_account_of_person(&stage.issuer, "s", "s", Role::Developer).await.unwrap();
        let ends = now_ms() + 60_000;
        let via = Via::Provider { id: "t".into(), mark: "m".into(), made: 0, ends, scopes: None, shown: None };
        let principal = Principal { account: account.clone(), via };
        assert!(good_until(&service.gateway, &principal).await.unwrap().is_some(), "the control");
        store.set_role(&account.id, Role::Viewer).await.unwrap();
        assert_eq!(good_until(&service.gateway, &principal).await.unwrap().is_some(), stays, "{claim}");
    }
}
