//! What tokens of a provider have to say to be believed: ID tokens (OpenID Connect Core, 3.1.3.7) and access tokens (RFC 9068).

use super::level::{Lack, Reached, reached};
use crate::auth::jwt::{Claims, LEEWAY, Refusal};
use crate::auth::secrets;
use engine::config::sections::{OidcSettings, RoleSetting};
use engine::store::accounts::Role;
use serde_json::Value;

/// How long an access token of a provider may be good, in seconds.
const LONGEST_ACCESS: i64 = 86_400;
/// The same for an ID token, of which nothing is wanted after the sign-in that it is for.
const LONGEST_ID: i64 = 86_400;
/// How old an ID token may be when it comes.
const OLDEST_ID: i64 = 600;
/// Ways of signing in that are kept of a token.
const MOST_WAYS: usize = 8;
/// Letters of a class of sign-ins that is kept.
const LONGEST_CLASS: usize = 1024;

/// Somebody whom a provider knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    /// How the provider names him, for ever.
    pub subject: String,
    /// How he is called; for people to read, and never to know him by.
    pub name: String,
    /// The role that his claims stand for.
    pub role: Option<Role>,
    /// By what he showed the provider who he is.
    pub amr: Vec<String>,
    /// Of which class that was, where it is one that settings can demand.
    pub acr: Option<String>,
    /// When he did, in seconds; `None` where the provider does not say.
    pub auth_time: Option<i64>,
    /// What that is enough for.
    pub level: Reached,
}

/// An access token of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// Whose it is.
    pub person: Person,
    /// How the provider names the token, for people to read.
    pub id: String,
    /// What stands for the token here, where it is given back. Its letters do not: of some kinds of signatures anybody makes another one that is good.
    pub mark: String,
    /// When it was made, in seconds.
    pub made: i64,
    /// When it is over, in seconds.
    pub ends: i64,
    /// The parts of the service that its scopes name; `None` where the settings leave scopes alone.
    pub scopes: Option<Vec<String>>,
    /// When its owner showed enough for what is dangerous, in Unix milliseconds, or what he lacks; `None` where the settings let no token do that.
    pub shown: Option<Result<i64, Lack>>,
}

/// Looks at the claims of an ID token. `since` is the moment after which its owner has to have signed in, where that matters.
pub(super) fn of_id_token(
    claims: &Claims,
    settings: &OidcSettings,
    nonce: &str,
    since: Option<i64>,
    now: i64,
) -> Result<Person, Refusal> {
    claims.is_of(&settings.issuer)?;
    let audience = claims.audience()?;
    if !audience.contains(&settings.client_id.as_str()) {
        return Err(Refusal::Audience);
    }
    // One that is for others too says to whom it was given.
    let party = claims.get("azp").map(|party| party.as_str().ok_or(Refusal::Claim("azp"))).transpose()?;
    let is_ours = party.map_or(audience.len() == 1, |party| party == settings.client_id);
    if !is_ours {
        return Err(Refusal::Claim("azp"));
    }
    claims.is_good_at(now, LONGEST_ID)?;
    let made = claims.moment("iat")?.ok_or(Refusal::Claim("iat"))?;
    if made < now - OLDEST_ID {
        return Err(Refusal::Time);
    }
    // Hashes are compared, so that the time it takes tells nothing.
    if secrets::hash(claims.text("nonce")?) != secrets::hash(nonce) {
        return Err(Refusal::Claim("nonce"));
    }
    let person = person(claims, settings)?;
    match since {
        Some(since) if person.auth_time.is_none_or(|at| at < since - LEEWAY) => Err(Refusal::Claim("auth_time")),
        _ => Ok(person),
    }
}

/// Looks at the claims of an access token.
pub(super) fn of_access_token(claims: &Claims, settings: &OidcSettings, now: i64) -> Result<Access, Refusal> {
    claims.is_of(&settings.issuer)?;
    if settings.audience.is_empty() || !claims.audience()?.contains(&settings.audience.as_str()) {
        return Err(Refusal::Audience);
    }
    claims.is_good_at(now, LONGEST_ACCESS)?;
    let made = claims.moment("iat")?.ok_or(Refusal::Claim("iat"))?;
    let client = claims.text("client_id")?;
    let name = claims.text("jti")?;
    let id: String = name.chars().filter(char::is_ascii_graphic).take(64).collect();
    let ends = claims.moment("exp")?.ok_or(Refusal::Claim("exp"))?;
    let person = person(claims, settings)?;
    if person.subject == client {
        return Err(Refusal::Program);
    }
    let mark = secrets::hash(&serde_json::json!([settings.issuer, person.subject, name]).to_string());
    let shown = (!settings.step_up.is_empty()).then(|| shown(&person, made));
    Ok(Access { scopes: scopes(claims, &settings.scope_prefix)?, shown, person, id, mark, made, ends })
}

/// When somebody showed enough for what is dangerous, in milliseconds, where a token that was made in this second says so.
fn shown(person: &Person, made: i64) -> Result<i64, Lack> {
    person.level.step_up.clone()?;
    // A moment that is still to come would be a recent one for as long as it takes.
    person.auth_time.map(|at| at.min(made).saturating_mul(1000)).ok_or(Lack::Moment)
}

/// The parts of the service that the scopes of a token name, where the settings say how they begin.
fn scopes(claims: &Claims, prefix: &str) -> Result<Option<Vec<String>>, Refusal> {
    if prefix.is_empty() {
        return Ok(None);
    }
    let said: Vec<&str> = match (claims.get("scope"), claims.get("scp")) {
        // It is a text (RFC 9068, 2.2.3), and what else stands there changes nothing.
        (Some(scope), _) => scope.as_str().ok_or(Refusal::Claim("scope"))?.split(' ').collect(),
        // Some providers have another name for it, and some of those a list.
        (None, Some(Value::String(scopes))) => scopes.split(' ').collect(),
        (None, Some(Value::Array(scopes))) => {
            scopes.iter().map(|scope| scope.as_str().ok_or(Refusal::Claim("scp"))).collect::<Result<_, _>>()?
        }
        (None, Some(_)) => return Err(Refusal::Claim("scp")),
        (None, None) => Vec::new(),
    };
    Ok(Some(said.into_iter().filter_map(|scope| scope.strip_prefix(prefix)).map(str::to_owned).collect()))
}

fn person(claims: &Claims, settings: &OidcSettings) -> Result<Person, Refusal> {
    let subject = claims.text("sub")?;
    if subject.len() > 255 || subject.chars().any(char::is_control) {
        return Err(Refusal::Claim("sub"));
    }
    let text = |name: &'static str| claims.text(name).ok();
    let name = text("preferred_username").or_else(|| text("name")).unwrap_or(subject).to_owned();
    let ways = claims.get("amr").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_word = |way: &str| {
        (1..=32).contains(&way.len()) && way.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
    };
    // What is demanded is kept in any case: by what is kept a session is held against the settings each time.
    let is_demanded = |way: &str| settings.sign_in.amr.iter().chain(&settings.step_up.amr).any(|wanted| wanted == way);
    let mut ways: Vec<&str> =
        ways.iter().filter_map(Value::as_str).filter(|way| is_word(way) || is_demanded(way)).collect();
    ways.sort_by_key(|way| !is_demanded(way));
    let amr = ways.into_iter().take(MOST_WAYS).map(str::to_owned).collect();
    let is_class = |acr: &&str| acr.len() <= LONGEST_CLASS && acr.bytes().all(|byte| byte.is_ascii_graphic());
    let acr = claims.get("acr").and_then(Value::as_str).filter(is_class).map(str::to_owned);
    let auth_time = claims.moment("auth_time")?;
    let (role, level) = (role(claims, settings), reached(claims, settings));
    Ok(Person { subject: subject.to_owned(), name, role, amr, acr, auth_time, level })
}

/// The role that a setting names.
pub(crate) fn of_setting(role: RoleSetting) -> Role {
    match role {
        RoleSetting::Viewer => Role::Viewer,
        RoleSetting::Developer => Role::Developer,
        RoleSetting::Maintainer => Role::Maintainer,
        RoleSetting::Admin => Role::Admin,
        RoleSetting::Auditor => Role::Auditor,
    }
}

/// The role that the claims stand for.
fn role(claims: &Claims, settings: &OidcSettings) -> Option<Role> {
    let path = settings.role_claim.as_str();
    if path.is_empty() {
        return None;
    }
    // Some claims have a dot in their own name, as those that are addresses.
    let value = claims.get(path).or_else(|| {
        let (first, rest) = path.split_once('.')?;
        rest.split('.').try_fold(claims.get(first)?, |value, name| value.get(name))
    })?;
    let said: Vec<&str> = match value {
        Value::String(one) => vec![one.as_str()],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let has = |role: &RoleSetting| said.iter().any(|one| settings.roles.get(*one) == Some(role));
    use RoleSetting::{Admin, Auditor, Developer, Maintainer, Viewer};
    [Admin, Maintainer, Developer, Auditor, Viewer].into_iter().find(has).map(of_setting)
}
