//! The pages of links for a new password: shown once to whoever makes one, good once for whoever has it, and telling nobody else whose account it is.

use super::accounts::{assert_refused, location, place_of};
use super::*;

const MAKE: &str = "Make a link for a new password";

/// The link that a page shows.
fn link_in(reply: &Reply) -> String {
    let (_, rest) =
        reply.text.split_once("<input id=\"secret\" readonly value=\"").unwrap_or_else(|| panic!("{reply:?}"));
    rest.split('"').next().unwrap().to_owned()
}

/// Where the page of a link is on this service.
fn path_of(link: &str) -> &str {
    let path = link.strip_prefix("http://team.example").unwrap_or_else(|| panic!("{link}"));
    assert!(path.starts_with("/invitation?code=") && path.len() > 50, "{path}");
    path
}

/// The page tells that the link is not good, and nothing else.
fn assert_not_good(reply: &Reply, name: &str) {
    assert_refused(reply, 403, "The link is not good: it was used or taken back");
    assert!(!reply.text.contains(&format!(">{name}<")) && !reply.text.contains("type=\"password\""), "{reply:?}");
}

async fn has_link(service: &Service, name: &str) -> bool {
    let id = service.id_of(name).await;
    service.gateway.store().seen_account(&id).await.unwrap().unwrap().invited_until.is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_shown_once_and_taken_back() {
    let service = Service::new().await;
    service.account("root", Role::Admin).await;
    service.account("dev", Role::Developer).await;
    let place = place_of(&service, "dev").await;
    let mut root = Browser::signed_in(&service, "root").await;
    let before = root.get(&place).await;
    assert!(before.text.contains(MAKE) && !before.text.contains("Take the link back"), "{before:?}");
    assert!(!before.text.contains("clear-factor"), "there is no second factor that could go: {before:?}");
    let made = root.post(&format!("{place}/invitation"), &[]).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let link = link_in(&made);
    assert!(
        made.text.contains("may not be right for its owner"),
        "nothing says by which address people come: {made:?}"
    );
    // Whoever loads that page anew sends the same form once more.
    let again = root.post(&format!("{place}/invitation"), &[("open", "")]).await;
    assert_refused(&again, 409, "none was made now");
    assert!(again.text.contains("open until ") && !again.text.contains("/invitation?code="), "{again:?}");
    assert_eq!(Browser::new(&service).get(path_of(&link)).await.status, StatusCode::OK, "the first one is good still");
    let after = root.get(&place).await;
    assert!(!after.text.contains(path_of(&link)) && after.text.contains("open until "), "it is shown once: {after:?}");
    // The form that knows of it makes another one, as it says.
    let (_, open) = after.text.split_once("name=\"open\" value=\"").unwrap();
    let replaced = root.post(&format!("{place}/invitation"), &[("open", open.split('"').next().unwrap())]).await;
    assert!(replaced.status == StatusCode::CREATED && link_in(&replaced) != link, "{replaced:?}");
    let back = root.post(&format!("{place}/invitation/end"), &[]).await;
    assert_eq!(location(&back), format!("{place}?done=link"));
    let told = root.get(location(&back)).await;
    assert!(told.text.contains("The link is taken back") && !told.text.contains("open until "), "{told:?}");
    assert_not_good(&Browser::new(&service).get(path_of(&link)).await, "dev");
    // One's own account, and one that is switched off, get none.
    let own = root.get(&place_of(&service, "root").await).await;
    assert!(own.status == StatusCode::OK && !own.text.contains(MAKE), "{own:?}");
    root.post(&format!("{place}/state"), &[("disabled", "true")]).await;
    let off = root.get(&place).await;
    assert!(off.text.contains("Switch the account on") && !off.text.contains(MAKE), "{off:?}");
    assert_refused(&root.post(&format!("{place}/invitation"), &[]).await, 409, "The account is closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_without_a_first_password_is_made_with_its_link() {
    let service = Service::new().await;
    let token = service.account("root", Role::Admin).await;
    let mut root = Browser::signed_in(&service, "root").await;
    root.get("/accounts").await;
    let fields = [("name", "bob"), ("role", "developer"), ("password", "")];
    let made = root.post("/accounts", &fields).await;
    assert!(made.status == StatusCode::CREATED && made.text.contains("Account bob"), "{made:?}");
    assert!(made.text.contains("has no password yet"), "{made:?}");
    let link = link_in(&made);
    let audit = service.send("GET", "/api/v2/audit?limit=100", &token, None).await;
    for action in ["accounts.create", "accounts.invite"] {
        assert!(audit.text.contains(&format!("\"{action}\"")), "{action}: {audit:?}");
    }
    assert!(!audit.text.contains(path_of(&link)), "{audit:?}");
    let again = root.post("/accounts", &fields).await;
    assert_refused(&again, 409, "This name is taken.");
    assert!(!again.text.contains("/invitation?code="), "{again:?}");

    let mut bob = Browser::new(&service);
    let form = bob.get(path_of(&link)).await;
    assert!(form.status == StatusCode::OK && form.text.contains("<strong id=\"name\">bob</strong>"), "{form:?}");
    let code = path_of(&link).split_once('=').unwrap().1;
    let short = bob.post("/invitation", &[("code", code), ("password", "short")]).await;
    assert_refused(&short, 400, "A password has 12 to 256 characters.");
    assert!(short.text.contains("bob") && short.text.contains(code), "the form is there still: {short:?}");
    let done = bob.post("/invitation", &[("code", code), ("password", PASSWORD)]).await;
    assert_eq!(location(&done), "/sign-in?done=invitation");
    assert!(bob.get(location(&done)).await.text.contains("The password is set, and the link is used up."));
    Browser::signed_in(&service, "bob").await;
    for used in
        [bob.get(path_of(&link)).await, bob.post("/invitation", &[("code", code), ("password", PASSWORD)]).await]
    {
        assert_not_good(&used, "bob");
    }
    let list = root.get("/accounts").await;
    assert!(list.text.contains("with a password") && !list.text.contains("has no password yet"), "{list:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_factor_goes_where_the_box_was_ticked() {
    let service = Service::new().await;
    service.account("root", Role::Admin).await;
    let dev = service.account("dev", Role::Developer).await;
    service.add_factor("dev", &dev).await;
    let place = place_of(&service, "dev").await;
    let mut root = Browser::signed_in(&service, "root").await;
    assert!(root.get(&place).await.text.contains("name=\"clear-factor\""));
    let has_factor = async || service.gateway.store().account_by_name("dev").await.unwrap().unwrap().has_totp;
    for (fields, keeps) in [(&[][..], true), (&[("clear-factor", "yes")][..], false)] {
        let link = link_in(&root.post(&format!("{place}/invitation"), fields).await);
        let mut his = Browser::new(&service);
        let form = his.get(path_of(&link)).await;
        assert_eq!(form.text.contains("Its second factor is removed"), !keeps, "{form:?}");
        assert!(has_factor().await, "until it is used nothing changes");
        let code = path_of(&link).split_once('=').unwrap().1;
        let done = his.post("/invitation", &[("code", code), ("password", PASSWORD)]).await;
        assert_eq!(location(&done), "/sign-in?done=invitation");
        assert_eq!(has_factor().await, keeps);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_of_others_use_no_link_and_its_address_is_told_to_nobody() {
    let service = Service::new().await;
    let root = service.account("root", Role::Admin).await;
    service.account("dev", Role::Developer).await;
    let code = service.link_for(&root, "dev").await;
    let mut his = Browser::new(&service);
    let form = his.get(&format!("/invitation?code={code}")).await;
    assert_eq!(form.headers["referrer-policy"], "strict-origin", "{form:?}");
    assert_eq!(form.headers["cache-control"], "no-store");
    assert!(!form.text.contains(&format!("code={code}")), "no address on it has the code: {form:?}");
    assert_eq!(his.get("/sign-in").await.headers["referrer-policy"], "same-origin", "the control");
    his.get(&format!("/invitation?code={code}")).await;
    let fields = [("code", &*code), ("password", "battery staple horse")];
    let right = his.token.clone();
    for (origin, site) in [("https://evil.example", "cross-site"), ("null", "same-origin")] {
        let request = his.form("/invitation", &fields).header("origin", origin).header("sec-fetch-site", site);
        let reply = service.raw(request.body(his.body(&fields)).unwrap()).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{origin}: {reply:?}");
    }
    his.token = right[1..].to_owned();
    assert_eq!(his.post("/invitation", &fields).await.status, StatusCode::FORBIDDEN);
    assert!(has_link(&service, "dev").await, "nothing of it used the link up");
    his.token = right;
    assert_eq!(location(&his.post("/invitation", &fields).await), "/sign-in?done=invitation", "the control");
    // Codes cannot be guessed by looking either.
    let mut last = his.get("/invitation?code=guessed").await;
    assert_not_good(&last, "dev");
    for _ in 0..6 {
        last = his.get("/invitation?code=guessed").await;
    }
    assert!(last.status == StatusCode::TOO_MANY_REQUESTS && last.headers.contains_key("retry-after"), "{last:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_signed_in_as_somebody_else_stays_it_and_who_is_the_owner_is_out() {
    let service = Service::new().await;
    let root = service.account("root", Role::Admin).await;
    for name in ["dev", "eve"] {
        service.account(name, Role::Developer).await;
    }
    for (name, stays) in [("eve", true), ("dev", false)] {
        let code = service.link_for(&root, "dev").await;
        let mut browser = Browser::signed_in(&service, name).await;
        let form = browser.get(&format!("/invitation?code={code}")).await;
        assert!(form.status == StatusCode::OK && form.text.contains("<strong id=\"name\">dev</strong>"), "{form:?}");
        let done = browser.post("/invitation", &[("code", &*code), ("password", PASSWORD)]).await;
        if stays {
            assert!(
                done.status == StatusCode::OK && done.text.contains("The account dev has the new password"),
                "{done:?}"
            );
        } else {
            assert_eq!(location(&done), "/sign-in?done=invitation");
            assert!(browser.get(location(&done)).await.text.contains("The password is set"));
        }
        assert_eq!(browser.get("/account").await.status == StatusCode::OK, stays, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_others_that_draw_a_link_in_use_up_nothing_and_write_nothing() {
    let service = Service::new().await;
    let root = service.account("root", Role::Admin).await;
    service.account("dev", Role::Developer).await;
    let code = service.link_for(&root, "dev").await;
    let asks = async |code: &str, mode: &str| {
        let request = Request::builder().uri(format!("/invitation?code={code}")).header("host", "team.example");
        let request = request.header("sec-fetch-site", "cross-site").header("sec-fetch-mode", mode);
        service.raw(request.body(Body::empty()).unwrap()).await
    };
    for round in 0..100 {
        // Whether the code is good makes no difference.
        let reply = asks(if round % 2 == 0 { "guessed" } else { &code }, "no-cors").await;
        assert_refused(&reply, 403, "Open the link itself");
        assert!(!reply.text.contains(">dev<"), "{reply:?}");
    }
    let lines = async || {
        let audit = service.send("GET", "/api/v2/audit?limit=200", &root, None).await.json();
        audit["items"].as_array().unwrap().iter().filter(|item| item["action"] == "invitations.accept").count()
    };
    assert_eq!(lines().await, 0);
    let gone_to = asks(&code, "navigate").await;
    assert!(gone_to.status == StatusCode::OK && gone_to.text.contains(">dev<"), "the control: {gone_to:?}");
    assert_not_good(&asks("guessed", "navigate").await, "dev");
    assert_eq!(lines().await, 1, "the control");
    // However many are tried, who signs in from there is not kept out.
    for _ in 0..100 {
        asks("guessed", "navigate").await;
    }
    assert!(lines().await < 10);
    Browser::signed_in(&service, "dev").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_was_made_is_shown_also_where_its_link_could_not_be_made() {
    let service = Service::new().await;
    service.account("root", Role::Admin).await;
    let mut root = Browser::signed_in(&service, "root").await;
    root.get("/accounts").await;
    let refuse = "BEGIN SELECT RAISE(ABORT, 'there is no room'); END";
    let trigger = format!("CREATE TRIGGER no_link BEFORE INSERT ON invitations {refuse}");
    service.tamper(&trigger).await;
    let made = root.post("/accounts", &[("name", "bob"), ("role", "developer"), ("password", "")]).await;
    assert_refused(&made, 503, "The account was made, and there is no link that could be shown.");
    assert!(made.text.contains("Account bob") && made.text.contains(MAKE), "its page is there: {made:?}");
    service.tamper("DROP TRIGGER no_link").await;
    let refuse = "WHEN NEW.action = 'accounts.invite' BEGIN SELECT RAISE(ABORT, 'there is no room'); END";
    service.tamper(&format!("CREATE TRIGGER no_line BEFORE INSERT ON audit {refuse}")).await;
    let made = root.post("/accounts", &[("name", "eve"), ("role", "viewer"), ("password", "")]).await;
    assert_refused(&made, 503, "The account was made, and there is no link that could be shown.");
    assert!(made.text.contains("Account eve") && !made.text.contains("/invitation?code="), "{made:?}");
    service.tamper("DROP TRIGGER no_line").await;
    let link = root.post(&format!("{}/invitation", place_of(&service, "eve").await), &[("open", "")]).await;
    assert_eq!(link.status, StatusCode::CREATED, "and there it can be made: {link:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_was_made_is_shown_also_where_its_account_cannot_be_read_any_more() {
    let service = Service::new().await;
    service.account("root", Role::Admin).await;
    service.account("dev", Role::Developer).await;
    let place = place_of(&service, "dev").await;
    let mut root = Browser::signed_in(&service, "root").await;
    root.get(&place).await;
    let breaks = "UPDATE accounts SET role = 'none' WHERE id = NEW.account";
    service.tamper(&format!("CREATE TRIGGER unread AFTER INSERT ON invitations BEGIN {breaks}; END")).await;
    let made = root.post(&format!("{place}/invitation"), &[("open", "")]).await;
    assert!(made.status == StatusCode::CREATED && path_of(&link_in(&made)).len() > 50, "{made:?}");
    assert_eq!(root.get(&place).await.status, StatusCode::SERVICE_UNAVAILABLE, "the control");
    root.get("/account").await;
    let made = root.post("/accounts", &[("name", "bob"), ("role", "viewer"), ("password", "")]).await;
    assert!(made.status == StatusCode::CREATED && path_of(&link_in(&made)).len() > 50, "{made:?}");
}
