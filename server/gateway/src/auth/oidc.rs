//! A provider by whom people sign in (OpenID Connect): what it says of itself, its keys, and its tokens.
//!
//! Asks the provider over TLS only, with bounds in size and time, and remembers what it said. A token is never a reason to ask another address than the
//! one that the provider named, nor to ask it often.

pub(crate) mod admission;
pub(crate) mod claims;
mod keyset;
mod known;
pub(crate) mod level;

use super::jwt::{Claims, Refusal, Unverified};
use super::seldom::Seldom;
use super::verified::Verified;
use crate::error::{Kind, Problem, correlation};
use arc_swap::ArcSwapOption;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use claims::{Access, Person};
use engine::config::sections::OidcSettings;
use engine::fetch::{FetchError, Fetcher, Method};
use engine::store::now_ms;
use form_urlencoded::Serializer;
use keyset::KeySet;
use known::{Discovered, Kept};
use level::Lack;
use security::secret::Secret;
use serde::Deserialize;
use std::fmt::Display;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::time::Instant;
use tokio::sync::Mutex;

/// A provider and what it gave to this service.
#[derive(Clone, Debug)]
pub struct OidcConfig {
    /// How it is set.
    pub settings: OidcSettings,
    /// The secret of this service at the provider.
    pub client_secret: Option<Secret>,
}

/// Why a provider could not be asked, or its token not be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OidcError {
    /// It does not answer.
    #[error("{0}")]
    Away(#[from] FetchError),
    /// It answers with something else.
    #[error("The provider's {0} is not what it has to be: {1}.")]
    Answer(&'static str, String),
    /// It refuses.
    #[error("The provider refuses: {0}.")]
    Refused(String),
    /// Its token is not good.
    #[error("The provider's token is refused: {0}.")]
    Token(#[from] Refusal),
    /// Its token is good, and its owner showed less than is demanded.
    #[error("The provider's token is of too weak a sign-in: {0}.")]
    Level(#[from] Lack),
}

impl OidcError {
    /// Which kind of it this is; nothing in it is what somebody said.
    fn reason(&self) -> &'static str {
        match self {
            Self::Away(_) => "away",
            Self::Answer(what, _) => what,
            Self::Refused(_) => "refused",
            Self::Token(_) => "token",
            Self::Level(lack) => lack.reason(),
        }
    }
}

impl From<OidcError> for Problem {
    fn from(error: OidcError) -> Self {
        match error {
            OidcError::Away(_) | OidcError::Answer(..) => {
                let said = "The provider of sign-ins does not answer as it should; try again later. Accounts of this service work.";
                Self::new(Kind::Unavailable, said).retry_after(10)
            }
            OidcError::Refused(_) => {
                Self::new(Kind::Forbidden, "The provider did not confirm the sign-in; begin again.")
            }
            OidcError::Token(Refusal::Claim("auth_time")) => {
                Self::new(Kind::Forbidden, "The provider did not ask anew who you are, so nothing is shown by it.")
            }
            OidcError::Level(lack) => Self::new(Kind::StepUpNeeded, lack.said()),
            OidcError::Token(_) => {
                Self::new(Kind::Forbidden, "What the provider says of the sign-in is not to be believed; begin again.")
            }
        }
    }
}

/// What a browser is sent to the provider with.
pub(crate) struct Asked<'a> {
    /// Where it is to come back.
    pub redirect: &'a str,
    /// What it brings back.
    pub state: &'a str,
    /// What stands in the ID token.
    pub nonce: &'a str,
    /// The hash of what shows later that it is the same one.
    pub challenge: &'a str,
    /// Whether its owner has to show anew who he is.
    pub again: bool,
    /// The classes of sign-ins of which it is to be one, the best one first.
    pub acr_values: &'a [String],
}

/// The provider.
pub(crate) struct Provider {
    /// Itself, for tasks that go on when nobody waits for them any more.
    me: Weak<Self>,
    config: OidcConfig,
    fetcher: Fetcher,
    discovered: ArcSwapOption<Kept<Discovered>>,
    keys: ArcSwapOption<Kept<KeySet>>,
    /// The keys should have been read again, and the provider does not give them.
    uses_old_keys: AtomicBool,
    /// Access tokens that one of the keys signed.
    verified: Verified<Claims>,
    /// What the log was told lately.
    seldom: Seldom,
    /// When it was last asked for its description and for its keys; whoever holds it asks.
    asked: Mutex<[Option<Instant>; 2]>,
}

impl Provider {
    /// A provider that is asked when somebody first needs it.
    pub fn new(config: OidcConfig) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            config,
            fetcher: Fetcher::default(),
            discovered: ArcSwapOption::empty(),
            keys: ArcSwapOption::empty(),
            uses_old_keys: AtomicBool::new(false),
            verified: Verified::default(),
            seldom: Seldom::default(),
            asked: Mutex::default(),
        })
    }

    /// How it is set.
    pub fn settings(&self) -> &OidcSettings {
        &self.config.settings
    }

    /// Whether it says which roles people have here.
    pub fn gives_roles(&self) -> bool {
        !self.settings().role_claim.is_empty()
    }

    /// How people are told which provider it is.
    pub fn shown(&self) -> &str {
        let issuer = self.settings().issuer.as_str();
        let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }

    /// Warns whoever runs the service: of those that are alike the first in a minute, with how many were passed over since the one before.
    pub fn warn(&self, warning: &'static str, reason: &'static str, error: &dyn Display) {
        if let Some(passed_over) = self.seldom.take(warning, reason, Instant::now()) {
            let issuer = self.settings().issuer.as_str();
            tracing::warn!(correlation = correlation(), issuer, %error, passed_over, "{warning}");
        }
    }

    /// What somebody is told whose sign-in failed; the log hears why.
    pub fn failed(&self, error: OidcError) -> Problem {
        self.warn("A sign-in by the provider failed.", error.reason(), &error);
        error.into()
    }

    /// What a program is told that came with something of too weak a sign-in (RFC 9470). How long ago that was does not matter.
    pub fn wants_more(&self, lack: &Lack) -> Problem {
        Problem::new(Kind::StepUpNeeded, lack.said()).asking_for(&self.settings().sign_in.acr_values, None)
    }

    /// Where a browser is sent to sign in.
    pub async fn place_to_sign_in(&self, asked: &Asked<'_>) -> Result<String, OidcError> {
        let discovered = self.discovered().await?;
        let endpoint = &discovered.value.authorization_endpoint;
        let mut query = Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings().client_id)
            .append_pair("redirect_uri", asked.redirect)
            .append_pair("scope", &self.settings().scopes.join(" "))
            .append_pair("state", asked.state)
            .append_pair("nonce", asked.nonce)
            .append_pair("code_challenge", asked.challenge)
            .append_pair("code_challenge_method", "S256");
        if asked.again {
            query.append_pair("prompt", "login").append_pair("max_age", "0");
        }
        if !asked.acr_values.is_empty() {
            query.append_pair("acr_values", &asked.acr_values.join(" "));
        }
        let mark = if endpoint.contains('?') { '&' } else { '?' };
        Ok(format!("{endpoint}{mark}{}", query.finish()))
    }

    /// Whether an answer is of this provider, as far as it says so (RFC 9207).
    pub async fn is_answer_of(&self, issuer: Option<&str>) -> Result<bool, OidcError> {
        let says_so = self.discovered().await?.value.authorization_response_iss_parameter_supported;
        Ok(issuer.map_or(!says_so, |issuer| issuer == self.settings().issuer))
    }

    /// Gives a code to the provider, and gets the ID token for it.
    pub async fn redeem(&self, code: &str, verifier: &str, redirect: &str) -> Result<String, OidcError> {
        #[derive(Deserialize)]
        struct Answer {
            id_token: String,
        }
        #[derive(Deserialize)]
        struct Complaint {
            error: String,
        }
        let discovered = self.discovered().await?;
        let client = self.settings().client_id.as_str();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect),
            ("code_verifier", verifier),
        ];
        let mut headers = vec![("accept", Secret::new("application/json"))];
        let methods = discovered.value.token_endpoint_auth_methods_supported.as_deref();
        // Where nothing is said, it is the first of them (OpenID Connect Discovery, 3).
        let takes_basic = methods.is_none_or(|all| all.iter().any(|one| one == "client_secret_basic"));
        match &self.config.client_secret {
            Some(secret) if takes_basic => {
                let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let pair = format!("{}:{}", encoded(client), encoded(secret.expose()));
                headers.push(("authorization", Secret::new(format!("Basic {}", STANDARD.encode(pair)))));
            }
            Some(secret) => {
                form.extend([("client_id", client), ("client_secret", secret.expose())]);
            }
            None => form.push(("client_id", client)),
        }
        let form = Serializer::new(String::new()).extend_pairs(form).finish();
        let url = &discovered.value.token_endpoint;
        let answer = self.fetcher.send(Method::POST, url, &headers, Some(&form)).await?;
        match answer.status {
            200 => serde_json::from_slice::<Answer>(&answer.body)
                .map(|answer| answer.id_token)
                .map_err(|_| OidcError::Answer("answer to a code", "there is no ID token in it".to_owned())),
            400 | 401 | 403 => {
                let complaint = serde_json::from_slice::<Complaint>(&answer.body).map(|complaint| complaint.error);
                Err(OidcError::Refused(word(&complaint.unwrap_or_default()).to_owned()))
            }
            status => Err(OidcError::Answer("answer to a code", format!("its status is {status}"))),
        }
    }

    /// Whom an ID token is of, if what he showed is enough: for what is dangerous where he had to show it anew (`since`), else for coming in.
    pub async fn person(&self, token: &str, nonce: &str, since: Option<i64>) -> Result<Person, OidcError> {
        let token = Unverified::read(token)?;
        // An access token is none, however much stands in it.
        if token.kind()?.is_some_and(|kind| kind != "jwt") {
            return Err(Refusal::Type.into());
        }
        let key = self.key(token.key_id()?).await?;
        let claims = token.verified(&key)?;
        let person = claims::of_id_token(&claims, self.settings(), nonce, since, now_ms() / 1000)?;
        let level = if since.is_some() { &person.level.step_up } else { &person.level.sign_in };
        level.clone()?;
        Ok(person)
    }

    /// Whom an access token is of, if what he showed is enough for coming in.
    pub async fn access(&self, token: &str) -> Result<Access, OidcError> {
        self.access_at(token, now_ms() / 1000).await
    }

    /// The same at a moment in seconds since 1970. A token that was verified before is read no more, as long as its key is known still; all else is
    /// asked each time.
    async fn access_at(&self, token: &str, now: i64) -> Result<Access, OidcError> {
        if let Some(found) = self.verified.of(token) {
            let key = self.key(Some(found.key_id())).await?;
            if let Some(claims) = found.by(&key) {
                return self.admitted(&claims, now);
            }
        }
        let unverified = Unverified::read(token)?;
        if unverified.kind()?.as_deref() != Some("at+jwt") {
            return Err(Refusal::Type.into());
        }
        let id = unverified.key_id()?.ok_or(Refusal::Key)?.to_owned();
        let key = self.key(Some(&id)).await?;
        let claims = unverified.verified(&key)?;
        let access = self.admitted(&claims, now)?;
        self.verified.remember(token, &id, &key, Arc::new(claims));
        Ok(access)
    }

    /// Whom claims of an access token are of, if what he showed is enough for coming in.
    fn admitted(&self, claims: &Claims, now: i64) -> Result<Access, OidcError> {
        let access = claims::of_access_token(claims, self.settings(), now)?;
        access.person.level.sign_in.clone()?;
        Ok(access)
    }
}

/// A word of an error of OAuth; nothing that somebody else could have written for people to read.
pub(crate) fn word(text: &str) -> &str {
    let is_word = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_word { text } else { "no reason that is understood" }
}

#[cfg(test)]
mod tests;
