//! The pages for accounts: who gets them, that forms of others change nothing, that a change wants a step-up, and what can be changed of whom.

use super::*;
use crate::auth::oidc::OidcConfig;
use engine::config::sections::OidcSettings;
use serde_json::Value;

/// The forms of one account, after its place, with what can be sent by each.
const FORMS: &[(&str, &[(&str, &str)])] = &[
    ("/invitation", &[]),
    ("/invitation/end", &[]),
    ("/role", &[("role", "maintainer")]),
    ("/state", &[("disabled", "true")]),
    ("/sessions/end", &[]),
    ("/second-factor/remove", &[]),
];
/// What a new account is made of.
const NEW: &[(&str, &str)] = &[("name", "new"), ("role", "viewer"), ("password", PASSWORD)];

async fn role_of(service: &Service, name: &str) -> Role {
    service.gateway.store().account_by_name(name).await.unwrap().unwrap().role
}

pub(super) async fn place_of(service: &Service, name: &str) -> String {
    format!("/accounts/{}", service.id_of(name).await)
}

async fn status_of(service: &Service, token: &str) -> StatusCode {
    service.send("GET", "/api/v2/me", token, None).await.status
}

pub(super) fn location(reply: &Reply) -> &str {
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{reply:?}");
    reply.headers["location"].to_str().unwrap()
}

/// The form was refused in this sentence, which is read aloud.
pub(super) fn assert_refused(reply: &Reply, status: u16, words: &str) {
    assert!(reply.status.as_u16() == status && reply.text.contains(words), "{status} {words}: {reply:?}");
    assert!(reply.text.contains("role=\"alert\""), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_are_refused_and_auditors_only_look() {
    let service = Service::new().await;
    for (name, role) in
        [("root", Role::Admin), ("eve", Role::Viewer), ("max", Role::Maintainer), ("aud", Role::Auditor)]
    {
        service.account(name, role).await;
    }
    let place = place_of(&service, "eve").await;
    let mut root = Browser::signed_in(&service, "root").await;
    let list = root.get("/accounts").await;
    assert!(list.status == StatusCode::OK && list.text.contains(&format!("<a href=\"{place}\">eve</a>")), "{list:?}");
    assert!(list.text.contains("action=\"/accounts\""), "the control: {list:?}");
    assert!(root.get(&place).await.text.contains(&format!("action=\"{place}/role\"")), "the control");
    for name in ["eve", "max"] {
        let mut browser = Browser::signed_in(&service, name).await;
        for page in ["/accounts", &place] {
            let reply = browser.get(page).await;
            assert!(reply.status == StatusCode::FORBIDDEN && reply.text.contains("does not allow"), "{reply:?}");
            assert!(!reply.text.contains("root"), "nobody is named: {reply:?}");
        }
    }
    let mut auditor = Browser::signed_in(&service, "aud").await;
    for page in ["/accounts", &place] {
        let reply = auditor.get(page).await;
        assert!(reply.status == StatusCode::OK && reply.text.contains("eve"), "{reply:?}");
        assert!(!reply.text.contains("action=\"/accounts") && !reply.text.contains("/step-up"), "{reply:?}");
    }
    for name in ["eve", "max", "aud"] {
        let mut browser = Browser::signed_in(&service, name).await;
        browser.get("/account").await;
        let made = browser.post("/accounts", NEW).await;
        assert!(made.status == StatusCode::FORBIDDEN && made.text.contains("does not allow"), "{made:?}");
        for (form, fields) in FORMS {
            let reply = browser.post(&format!("{place}{form}"), fields).await;
            assert!(
                reply.status == StatusCode::FORBIDDEN && reply.text.contains("does not allow"),
                "{form}: {reply:?}"
            );
        }
    }
    let eve = service.gateway.store().account_by_name("eve").await.unwrap().unwrap();
    assert_eq!((eve.role, eve.disabled), (Role::Viewer, false));
    assert_eq!(service.gateway.store().count_accounts().await.unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_of_others_change_no_account() {
    let service = Service::new().await;
    service.account("root", Role::Admin).await;
    let dev = service.account("dev", Role::Developer).await;
    service.add_factor("dev", &dev).await;
    let place = place_of(&service, "dev").await;
    let mut root = Browser::signed_in(&service, "root").await;
    root.get(&place).await;
    let right = root.token.clone();
    let mut forms: Vec<(String, &[(&str, &str)])> =
        FORMS.iter().map(|(form, fields)| (format!("{place}{form}"), *fields)).collect();
    forms.push(("/accounts".to_owned(), NEW));
    for (path, fields) in &forms {
        for (origin, site) in [("https://evil.example", "cross-site"), ("null", "same-origin")] {
            root.token.clone_from(&right);
            let request = root.form(path, fields).header("origin", origin).header("sec-fetch-site", site);
            let reply = service.raw(request.body(root.body(fields)).unwrap()).await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path} {origin}: {reply:?}");
        }
        for wrong in ["", "0", &right[1..]] {
            root.token = wrong.to_owned();
            let reply = root.post(path, fields).await;
            assert!(
                reply.status == StatusCode::FORBIDDEN && reply.text.contains("another session"),
                "{path}: {reply:?}"
            );
        }
    }
    let kept = service.gateway.store().account_by_name("dev").await.unwrap().unwrap();
    assert_eq!((kept.role, kept.disabled, kept.has_totp), (Role::Developer, false, true));
    let seen = service.gateway.store().seen_account(&kept.id).await.unwrap().unwrap();
    assert_eq!(seen.invited_until, None);
    assert_eq!(status_of(&service, &dev).await, StatusCode::OK);
    assert_eq!(service.gateway.store().count_accounts().await.unwrap(), 2);
    // The control: the same forms with the right token.
    root.token = right;
    for (path, fields) in &forms {
        let reply = root.post(path, fields).await;
        assert!(reply.status.is_success() || reply.status == StatusCode::SEE_OTHER, "{path}: {reply:?}");
    }
    let changed = service.gateway.store().account_by_name("dev").await.unwrap().unwrap();
    assert_eq!((changed.role, changed.disabled, changed.has_totp), (Role::Maintainer, true, false));
    assert_eq!(service.gateway.store().count_accounts().await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_wants_a_step_up() {
    let service = Service::new().await;
    service.account("root", Role::Admin).await;
    service.account("dev", Role::Developer).await;
    let place = place_of(&service, "dev").await;
    let mut root = Browser::signed_in(&service, "root").await;
    root.get(&place).await;
    service.age(6).await;
    let list = root.get("/accounts").await;
    assert!(!list.text.contains("Make the account") && list.text.contains("/step-up?back=/accounts\""), "{list:?}");
    let one = root.get(&place).await;
    assert!(!one.text.contains("Change the role") && one.text.contains(&format!("/step-up?back={place}\"")), "{one:?}");
    let made = root.post("/accounts", NEW).await;
    assert_eq!(location(&made), "/step-up?back=%2Faccounts");
    let back = format!("/step-up?back={}", place.replace('/', "%2F"));
    for (form, fields) in FORMS {
        assert_eq!(location(&root.post(&format!("{place}{form}"), fields).await), back);
    }
    assert_eq!(role_of(&service, "dev").await, Role::Developer);
    assert_eq!(service.gateway.store().count_accounts().await.unwrap(), 2);
    root.get(&back).await;
    let shown = root.post("/step-up", &[("password", PASSWORD), ("back", place.as_str())]).await;
    assert_eq!(location(&shown), place);
    let changed = root.post(&format!("{place}/role"), &[("role", "maintainer")]).await;
    assert_eq!(location(&changed), format!("{place}?done=role"));
    assert_eq!(role_of(&service, "dev").await, Role::Maintainer);
    let told = root.get(&format!("{place}?done=role")).await;
    assert!(told.text.contains("The role is maintainer now."), "{told:?}");
    let token = service.sign_in("root").await;
    let audit = service.send("GET", "/api/v2/audit?limit=100", &token, None).await.json();
    let is_told = |policy: &str, allowed: bool| {
        let is_it = |item: &&Value| item["action"] == "accounts.change" && item["policy"] == policy;
        let found =
            audit["items"].as_array().unwrap().iter().find(is_it).unwrap_or_else(|| panic!("{policy}: {audit}"));
        assert_eq!(found["allowed"], allowed, "{found}");
    };
    is_told("step-up", false);
    is_told("admins-see-to-accounts", true);
    is_told("outcome", true);
    let log = root.get("/audit").await;
    assert!(log.text.contains("<td>role from developer to maintainer</td>"), "{log:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_admin_stays() {
    let service = Service::new().await;
    service.account("root", Role::Admin).await;
    let place = place_of(&service, "root").await;
    let mut root = Browser::signed_in(&service, "root").await;
    assert!(root.get(&place).await.text.contains("This is your own account"));
    for (form, fields) in [("/role", [("role", "viewer")]), ("/state", [("disabled", "true")])] {
        let reply = root.post(&format!("{place}{form}"), &fields).await;
        assert_refused(&reply, 409, "The last admin who is enabled and has a way in must stay one.");
        assert!(reply.text.contains("Change the role"), "the form is there still: {reply:?}");
    }
    assert_eq!(role_of(&service, "root").await, Role::Admin);
    // The control: with another one he may go.
    service.account("second", Role::Admin).await;
    let gone = root.post(&format!("{place}/role"), &[("role", "viewer")]).await;
    assert_eq!(location(&gone), "/account", "he may not see accounts any more");
    assert_eq!(role_of(&service, "root").await, Role::Viewer);
    assert_eq!(root.get("/accounts").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_made_and_switched_off_and_on_again() {
    let service = Service::new().await;
    service.account("root", Role::Admin).await;
    let mut root = Browser::signed_in(&service, "root").await;
    let list = root.get("/accounts").await;
    assert!(!list.text.contains("name=\"subject\"") && list.text.contains("left empty, you get a link"), "{list:?}");
    for (name, role, password, status, words) in [
        ("a b", "viewer", PASSWORD, 400, "A name has 1 to 64 characters"),
        ("bob", "", PASSWORD, 400, "Choose what the account may do."),
        ("bob", "king", PASSWORD, 400, "Choose what the account may do."),
        ("bob", "viewer", "short", 400, "A password has 12 to 256 characters."),
        ("root", "viewer", PASSWORD, 409, "This name is taken."),
    ] {
        let reply = root.post("/accounts", &[("name", name), ("role", role), ("password", password)]).await;
        assert_refused(&reply, status, words);
        assert!(reply.text.contains(&format!("value=\"{name}\"")), "what was typed stays: {reply:?}");
        assert!(!reply.text.contains(PASSWORD), "but for the password: {reply:?}");
    }
    let made = root.post("/accounts", &[("name", " Bob "), ("role", "developer"), ("password", PASSWORD)]).await;
    let place = place_of(&service, "bob").await;
    assert_eq!(location(&made), format!("{place}?done=made"));
    assert!(root.get(location(&made)).await.text.contains("the first password"));
    let token = service.sign_in("bob").await;
    assert_eq!(role_of(&service, "bob").await, Role::Developer);

    let ended = root.post(&format!("{place}/sessions/end"), &[]).await;
    assert!(ended.status == StatusCode::OK && ended.text.contains("1 session was ended."), "{ended:?}");
    assert_eq!(status_of(&service, &token).await, StatusCode::UNAUTHORIZED);
    let token = service.sign_in("bob").await;
    assert_eq!(status_of(&service, &token).await, StatusCode::OK, "the control");
    assert_refused(&root.post(&format!("{place}/state"), &[("disabled", "perhaps")]).await, 400, "switched off or on");
    let off = root.post(&format!("{place}/state"), &[("disabled", "true")]).await;
    let off = root.get(location(&off)).await;
    assert!(off.text.contains("The account is switched off now.") && off.text.contains("state off"), "{off:?}");
    assert_eq!(status_of(&service, &token).await, StatusCode::UNAUTHORIZED);
    let body = serde_json::json!({ "name": "bob", "password": PASSWORD });
    let refused = service.send("POST", "/api/v2/sessions", "", Some(body)).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{refused:?}");
    let on = root.post(&format!("{place}/state"), &[("disabled", "false")]).await;
    assert!(root.get(location(&on)).await.text.contains("The account is switched on now."));
    service.sign_in("bob").await;
    let nobody = root.get(&format!("/accounts/{ID}")).await;
    assert!(nobody.status == StatusCode::NOT_FOUND && nobody.text.contains("There is no account"), "{nobody:?}");
    let nobody = root.post(&format!("/accounts/{ID}/role"), &[("role", "viewer")]).await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND, "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_factor_that_was_lost_is_removed() {
    let service = Service::new().await;
    service.account("root", Role::Admin).await;
    let dev = service.account("dev", Role::Developer).await;
    let place = place_of(&service, "dev").await;
    let mut root = Browser::signed_in(&service, "root").await;
    assert!(!root.get(&place).await.text.contains("Remove the second factor"), "there is none");
    service.add_factor("dev", &dev).await;
    assert!(root.get(&place).await.text.contains("Remove the second factor"));
    let removed = root.post(&format!("{place}/second-factor/remove"), &[]).await;
    let told = root.get(location(&removed)).await;
    assert!(told.text.contains("There is no second factor now."), "{told:?}");
    assert_eq!(status_of(&service, &dev).await, StatusCode::UNAUTHORIZED, "his sessions ended");
    service.sign_in("dev").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_list_is_read_on() {
    let service = Service::new().await;
    for name in ["root", "ann"] {
        service.account(name, Role::Admin).await;
    }
    let mut root = Browser::signed_in(&service, "root").await;
    let first = root.get("/accounts?limit=1").await;
    let next = format!("/accounts?after={}", service.id_of("root").await);
    assert!(first.text.contains(&format!("<a href=\"{next}\" rel=\"next\">More</a>")), "{first:?}");
    assert!(first.text.contains(">root</a>") && !first.text.contains(">ann</a>"), "{first:?}");
    let rest = root.get(&next).await;
    assert!(rest.text.contains(">ann</a>") && !rest.text.contains(">root</a>"), "{rest:?}");
    assert!(rest.text.contains("<a href=\"/accounts\">First</a>") && !rest.text.contains("rel=\"next\""), "{rest:?}");
    let end = root.get(&format!("/accounts?after={}", service.id_of("ann").await)).await;
    assert!(end.text.contains("There are no accounts further on."), "{end:?}");
    assert_eq!(root.get("/accounts?after=x").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_told_what_of_an_account_of_the_provider_can_be_changed() {
    for (claim, told, not_told) in [
        ("roles", "holds until the next sign-in", "is given here"),
        ("", "is given here", "holds until the next sign-in"),
    ] {
        let settings = OidcSettings {
            issuer: "https://login.example/realm".into(),
            client_id: "the-service".into(),
            role_claim: claim.into(),
            ..OidcSettings::default()
        };
        let config = OidcConfig { settings, client_secret: None };
        let service = Service::with_provider(Value::Null, Default::default(), Some(config)).await;
        service.account("root", Role::Admin).await;
        let mut root = Browser::signed_in(&service, "root").await;
        let list = root.get("/accounts").await;
        assert!(list.text.contains("name=\"subject\"") && !list.text.contains("by the provider"), "{list:?}");
        let new =
            |fields: &[(&'static str, &'static str)]| [&[("name", "ann"), ("role", "viewer")][..], fields].concat();
        let both = root.post("/accounts", &new(&[("password", PASSWORD), ("subject", "s-1")])).await;
        assert_refused(&both, 409, "either a password or the subject of a person");
        let made = root.post("/accounts", &new(&[("subject", "s-1")])).await;
        let page = root.get(location(&made)).await;
        assert!(page.text.contains("Its owner signs in by the provider.") && page.text.contains(told), "{page:?}");
        assert!(!page.text.contains(not_told) && !page.text.contains("Remove the second factor"), "{page:?}");
        assert!(!page.text.contains("Make a link for a new password"), "{page:?}");
        let refused = root.post(&format!("{}/invitation", place_of(&service, "ann").await), &[]).await;
        assert_refused(&refused, 422, "of the provider, where its password is");
        assert!(page.text.contains("<dt>Last seen</dt><dd>not known</dd>"), "{page:?}");
        service.gateway.store().touch_person(&service.id_of("ann").await).await.unwrap();
        let page = root.get(location(&made)).await;
        assert!(page.text.contains("<dt>Last seen</dt><dd><time datetime="), "{page:?}");
        let again = root.post("/accounts", &new(&[("subject", "s-1")])).await;
        assert_refused(&again, 409, "This person has an account.");
        assert!(root.get("/accounts").await.text.contains("by the provider"));
        let own = root.get(&place_of(&service, "root").await).await;
        assert!(own.status == StatusCode::OK && !own.text.contains(told), "the control: {own:?}");
        assert!(own.text.contains("<dt>Last seen</dt><dd>–</dd>"), "nobody is asked about him: {own:?}");
    }
}

#[test]
fn a_form_stands_on_the_page_of_what_it_changes() {
    for (path, home) in [
        ("/accounts", "/accounts"),
        ("/accounts/a-1/role", "/accounts/a-1"),
        ("/accounts/a-1/second-factor/remove", "/accounts/a-1"),
        ("/accounts/a-1", "/accounts/a-1"),
        ("/account", "/account"),
        ("/account/sessions/end", "/account"),
        ("/tokens/a-1/revoke", "/tokens"),
        ("/jobs/a-1/cancel", "/jobs/a-1"),
    ] {
        assert_eq!(home_of(path), home, "{path}");
    }
}
