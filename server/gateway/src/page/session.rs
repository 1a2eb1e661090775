//! Who looks at the page: a cookie that no script reads, and the marks of a form that is ours.
//!
//! The cookie is a secret of its own. It is none of the tokens of the interface, and neither is ever good in the place of the other.

use super::Form;
use crate::auth::factors::PROVIDER;
use crate::auth::seen::note_seen;
use crate::auth::{Principal, Via, secrets};
use crate::error::{Kind, Problem};
use crate::extract::is_own_origin;
use crate::state::Gateway;
use axum::http::{HeaderMap, HeaderValue, Uri, header};

/// The cookie of who signed in. `__Host-` keeps other hosts of the same domain, and plain HTTP, from setting it.
const SESSION: &str = "__Host-session";
/// The cookie of who has not signed in yet, to which the forms of signing in are bound.
const BEFORE: &str = "__Host-before";
/// How long somebody stays signed in, in milliseconds; closing the browser ends it earlier.
pub(super) const GOOD_FOR_MS: i64 = 12 * 3_600_000;
/// The field of a form that only this service can write.
const TOKEN: &str = "token-of-form";

/// Somebody who signed in with the page.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    /// Who, as the interface knows him too.
    pub principal: Principal,
    /// What stands in his forms.
    pub form_token: String,
}

/// What somebody is told whose session is of too weak a sign-in for what is demanded by now. He counts as one who is not signed in.
#[derive(Clone, Debug)]
pub(super) struct TooWeak(pub String);

/// The hash under which the secret of a cookie is kept; not that of a refresh token with the same letters.
pub(super) fn hash(secret: &str) -> String {
    secrets::hash(&format!("page {secret}"))
}

fn cookie<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut all = lines.flat_map(|line| line.split(';')).filter_map(|one| one.trim().split_once('='));
    all.find(|(name, _)| *name == wanted).map(|(_, value)| value).filter(|value| !value.is_empty())
}

/// Who looks, if he is signed in, and surely enough.
pub(super) async fn visitor(
    gateway: &Gateway,
    headers: &HeaderMap,
) -> Result<Result<Option<Visitor>, TooWeak>, Problem> {
    let Some(secret) = cookie(headers, SESSION) else { return Ok(Ok(None)) };
    let Some(session) = gateway.store().session_by_secret(&hash(secret)).await? else { return Ok(Ok(None)) };
    let account = gateway.store().account(&session.account).await?.filter(|account| !account.disabled);
    let Some(account) = account else { return Ok(Ok(None)) };
    let form_token = gateway.keys().form_token(&owner_of_session(&session.id));
    let principal = match Principal::of_session(gateway, account, session) {
        Ok(principal) => principal,
        Err(problem) => return Ok(Err(TooWeak(problem.told().detail))),
    };
    if principal.came_by(PROVIDER) {
        note_seen(gateway, &principal.account.id).await;
    }
    Ok(Ok(Some(Visitor { principal, form_token })))
}

fn owner_of_session(id: &str) -> String {
    format!("session {id}")
}

/// To whom forms are bound: the session, or the cookie of who has none.
pub(super) fn owner_of_forms(visitor: Option<&Visitor>, headers: &HeaderMap) -> Option<String> {
    match visitor.map(|visitor| &visitor.principal.via) {
        Some(Via::Session { id, .. }) => Some(owner_of_session(id)),
        _ => cookie(headers, BEFORE).map(|before| format!("before {before}")),
    }
}

/// What stands in the forms of somebody who is not signed in, and the cookie that he needs for them if he has none.
pub(super) fn before(gateway: &Gateway, headers: &HeaderMap) -> (String, Option<HeaderValue>) {
    let (value, set) = match cookie(headers, BEFORE) {
        Some(value) => (value.to_owned(), None),
        None => {
            let value = secrets::number();
            (value.clone(), set(BEFORE, &value))
        }
    };
    (gateway.keys().form_token(&format!("before {value}")), set)
}

fn set(name: &str, value: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Strict")).ok()
}

/// The cookie of a session that began.
pub(super) fn cookie_of(secret: &str) -> Option<HeaderValue> {
    set(SESSION, secret)
}

/// What a browser keeps while its owner is at the provider of sign-ins, sealed. It comes back with a page of another site, so it cannot be strict.
const AWAY: &str = "__Host-away";

/// The cookie for the time at the provider.
pub(super) fn cookie_of_away(sealed: &str, seconds: i64) -> Option<HeaderValue> {
    let line = format!("{AWAY}={sealed}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    HeaderValue::from_str(&line).ok()
}

/// What the browser kept meanwhile.
pub(super) fn away(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, AWAY)
}

/// Takes it away.
pub(super) fn no_cookie_of_away() -> HeaderValue {
    HeaderValue::from_static("__Host-away=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")
}

/// Takes the cookie away.
pub(super) fn no_cookie() -> HeaderValue {
    HeaderValue::from_static("__Host-session=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict")
}

/// Whether the browser says that a form was sent from a page of this service. Each browser of today says so in one of two ways; who says nothing is
/// no browser, and has the interface.
pub(super) fn is_from_us(public_url: &str, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let is_own = |origin: &str| is_own_origin(origin, public_url, uri, headers);
    let is_ours = match (text("sec-fetch-site"), text("origin")) {
        (None, None) => false,
        (site, origin) => site.is_none_or(|site| site == "same-origin") && origin.is_none_or(is_own),
    };
    match is_ours {
        true => Ok(()),
        false => Err(Problem::new(Kind::Forbidden, "The form was not sent from a page of this service; open it here.")),
    }
}

/// Whether a form has the token of its owner.
pub(super) fn check_form(gateway: &Gateway, owner: Option<&str>, form: &Form) -> Result<(), Problem> {
    let Some(owner) = owner else {
        return Err(Problem::new(
            Kind::Forbidden,
            "The browser sent no cookie back. Allow cookies here; over plain HTTP browsers keep them only from this very machine, so use HTTPS.",
        ));
    };
    // Hashes are compared, so that the time it takes tells nothing.
    let is_right =
        form.get(TOKEN).is_some_and(|sent| secrets::hash(sent) == secrets::hash(&gateway.keys().form_token(owner)));
    match is_right {
        true => Ok(()),
        false => Err(Problem::new(Kind::Forbidden, "The form is of another session; open the page again.")),
    }
}

/// Whether another site had the browser ask for this without anybody going here, as with the address of a picture or of a frame. Who says nothing is asked
/// no further.
pub(super) fn is_drawn_in_elsewhere(headers: &HeaderMap) -> bool {
    let said = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    let is_of_another = said("sec-fetch-site").is_some_and(|site| !matches!(site, b"same-origin" | b"none"));
    let goes_here = said("sec-fetch-mode") == Some(&b"navigate"[..])
        && said("sec-fetch-dest").is_none_or(|place| place == b"document");
    is_of_another && !goes_here
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (header::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_form_has_to_come_from_a_page_of_ours() {
        let host = ("host", "team.example:7420");
        for (ours, all) in [
            (true, &[host, ("origin", "https://team.example:7420")][..]),
            (true, &[host, ("sec-fetch-site", "same-origin")]),
            (true, &[host, ("sec-fetch-site", "same-origin"), ("origin", "http://TEAM.example:7420")]),
            (false, &[host]),
            (false, &[host, ("origin", "null")]),
            (false, &[host, ("origin", "https://evil.example")]),
            (false, &[host, ("origin", "https://team.example:7420.evil.example")]),
            (false, &[host, ("origin", "https://team.example")]),
            (false, &[host, ("sec-fetch-site", "same-site")]),
            (false, &[host, ("sec-fetch-site", "cross-site"), ("origin", "https://team.example:7420")]),
            (false, &[host, ("sec-fetch-site", "none")]),
            (false, &[("origin", "https://evil.example")]),
        ] {
            assert_eq!(is_from_us("", &Uri::from_static("/tokens"), &headers(all)).is_ok(), ours, "{all:?}");
        }
        let http_2 = Uri::from_static("https://team.example:7420/tokens");
        for (ours, origin) in [(true, "https://team.example:7420"), (false, "https://evil.example")] {
            assert_eq!(is_from_us("", &http_2, &headers(&[("origin", origin)])).is_ok(), ours, "{origin}");
        }
    }

    #[test]
    fn a_form_may_come_from_the_public_address_also_where_a_proxy_names_another_host() {
        let uri = Uri::from_static("/tokens");
        let is_ours = |public_url: &str, origin: &str, site: &str| {
            let sent = headers(&[("host", "10.0.0.7:7420"), ("origin", origin), ("sec-fetch-site", site)]);
            is_from_us(public_url, &uri, &sent).is_ok()
        };
        for (ours, public_url, origin) in [
            (true, "https://team.example", "https://team.example"),
            (true, "https://Team.example:443", "https://team.example"),
            (true, "https://team.example:8443", "https://team.example:8443"),
            (true, "https://team.example", "http://10.0.0.7:7420"),
            (false, "", "https://team.example"),
            (false, "https://team.example", "http://team.example"),
            (false, "https://team.example", "https://team.example:80"),
            (false, "https://team.example", "https://team.example:8443"),
            (false, "https://team.example:8443", "https://team.example"),
            (false, "https://team.example", "https://team.example.evil.example"),
            (false, "https://team.example", "https://evil.example"),
            (false, "https://team.example", "null"),
            (false, "", "null"),
        ] {
            assert_eq!(is_ours(public_url, origin, "same-origin"), ours, "{public_url} {origin}");
            assert!(!is_ours(public_url, origin, "cross-site"), "{public_url} {origin}");
        }
    }

    #[test]
    fn a_page_that_another_site_draws_in_is_told_from_one_that_somebody_goes_to() {
        for (is_drawn_in, all) in [
            (true, &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")][..]),
            (true, &[("sec-fetch-site", "cross-site")]),
            (true, &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")]),
            (true, &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")]),
            (true, &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "object")]),
            (
                false,
                &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
            ),
            (false, &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]),
            (false, &[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")]),
            (false, &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")]),
            (false, &[]),
        ] {
            assert_eq!(is_drawn_in_elsewhere(&headers(all)), is_drawn_in, "{all:?}");
        }
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let sent = headers(&[("cookie", "a=1; x__Host-session=no; __Host-session=yes; __Host-before=")]);
        assert_eq!((cookie(&sent, SESSION), cookie(&sent, BEFORE), cookie(&sent, "b")), (Some("yes"), None, None));
    }
}
