//! What a provider said of itself and its keys: fetched when they are needed, and remembered.
//!
//! It is never asked often, whoever sends what. While it does not answer, whoever needs something that is not known waits for it. A key that is old and still
//! good is used: each time that the provider is asked for it anew, one request waits a moment for that, and the others do not wait.

use super::keyset::KeySet;
use super::{OidcError, Provider};
use crate::auth::jwt::{PinnedKey, Refusal};
use crate::error::{correlation, of_this_request};
use engine::fetch::{Method, is_private};
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long what the provider said of itself, and its keys, are taken as they are.
pub(super) const FRESH: Duration = Duration::from_secs(3600);
/// How long they are taken while the provider does not answer: as long as an access token may be good, so that nobody's ends by that. It gives no
/// new ones meanwhile, and a key that it took back is believed for no longer than this.
pub(super) const STALE: Duration = Duration::from_secs(86_400);
/// A key that is not known is a reason to ask once in this time, whoever sends tokens.
pub(super) const ONCE_IN: Duration = Duration::from_secs(10);
/// How long a request whose key is old and still good waits for the keys to be read again.
const A_MOMENT: Duration = Duration::from_secs(1);

/// Why it is not asked again at once.
const NOT_HAD: &str = "it could not be had a moment ago";

/// What the provider says of itself.
#[derive(Debug, Deserialize)]
pub(super) struct Discovered {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// Something that was fetched, and until when it is taken.
pub(super) struct Kept<T> {
    pub value: T,
    fresh_until: Instant,
    stale_until: Instant,
}

impl<T> Kept<T> {
    /// Something that was fetched so long ago. Moments that are to come can always be told; one of long ago may be from before the machine began.
    pub fn new(value: T, age: Duration) -> Self {
        let now = Instant::now();
        Self { value, fresh_until: now + FRESH.saturating_sub(age), stale_until: now + STALE.saturating_sub(age) }
    }

    /// Whether it is taken as it is.
    fn is_fresh(&self) -> bool {
        Instant::now() < self.fresh_until
    }

    /// Whether it is taken while the provider does not answer.
    fn is_usable(&self) -> bool {
        Instant::now() < self.stale_until
    }
}

impl Provider {
    async fn fetched(&self, what: &'static str, url: &str) -> Result<Vec<u8>, OidcError> {
        let answer = self.fetcher.send(Method::GET, url, &[], None).await?;
        match answer.status {
            200 => Ok(answer.body),
            status => Err(OidcError::Answer(what, format!("its status is {status}"))),
        }
    }

    /// What the provider says of itself, asked for when it is not known or old.
    pub(super) async fn discovered(&self) -> Result<Arc<Kept<Discovered>>, OidcError> {
        let fresh = || self.discovered.load_full().filter(|kept| kept.is_fresh());
        let usable = || self.discovered.load_full().filter(|kept| kept.is_usable());
        if let Some(kept) = fresh() {
            return Ok(kept);
        }
        let mut asked = match (self.asked.try_lock(), usable()) {
            (Ok(asked), _) => asked,
            // Somebody else asks, and what is known is good for long.
            (Err(_), Some(kept)) => return Ok(kept),
            (Err(_), None) => self.asked.lock().await,
        };
        if let Some(kept) = fresh() {
            return Ok(kept);
        }
        let [last, _] = &mut *asked;
        if last.is_some_and(|last| last.elapsed() < ONCE_IN) {
            return usable().ok_or_else(|| OidcError::Answer("description", NOT_HAD.to_owned()));
        }
        let result = self.discover().await;
        *last = Some(Instant::now());
        match result {
            Ok(value) => {
                let kept = Arc::new(Kept::new(value, Duration::ZERO));
                self.discovered.store(Some(kept.clone()));
                Ok(kept)
            }
            Err(error) => usable().ok_or(error),
        }
    }

    async fn discover(&self) -> Result<Discovered, OidcError> {
        const WHAT: &str = "description";
        let issuer = &self.settings().issuer;
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let found: Discovered = serde_json::from_slice(&self.fetched(WHAT, &url).await?)
            .map_err(|error| OidcError::Answer(WHAT, error.to_string()))?;
        if found.issuer != *issuer {
            return Err(OidcError::Answer(WHAT, "it is that of another issuer".to_owned()));
        }
        // People are sent to the first of them with what makes their sign-in theirs, and the others are asked.
        for (name, url) in [
            ("authorization_endpoint", &found.authorization_endpoint),
            ("token_endpoint", &found.token_endpoint),
            ("jwks_uri", &found.jwks_uri),
        ] {
            if !may_be_of(url, issuer) {
                return Err(OidcError::Answer(WHAT, format!("its `{name}` is no address to send secrets to")));
            }
        }
        Ok(found)
    }

    /// The key of this name. One that is not known is asked for, but not often.
    pub(super) async fn key(&self, id: Option<&str>) -> Result<PinnedKey, OidcError> {
        if let Some(key) = self.known(id, Kept::is_fresh) {
            return Ok(key);
        }
        let Some((old, me)) = self.known(id, Kept::is_usable).zip(self.me.upgrade()) else {
            return self.key_read_again(id).await;
        };
        let id = id.map(str::to_owned);
        let reads = tokio::spawn(of_this_request(async move { me.key_read_again(id.as_deref()).await }));
        match tokio::time::timeout(A_MOMENT, reads).await {
            Ok(Ok(key)) => key,
            // Reading goes on in its task, for those who come later.
            Ok(Err(_)) | Err(_) => Ok(old),
        }
    }

    /// The key of this name in what was read before, if that is good.
    fn known(&self, id: Option<&str>, is_good: fn(&Kept<KeySet>) -> bool) -> Option<PinnedKey> {
        let kept = self.keys.load();
        kept.as_ref().filter(|kept| is_good(kept)).and_then(|kept| kept.value.find(id).cloned())
    }

    /// The key of this name, after the keys were asked for, where that was not done a moment ago.
    async fn key_read_again(&self, id: Option<&str>) -> Result<PinnedKey, OidcError> {
        let (fresh, usable) = (|| self.known(id, Kept::is_fresh), || self.known(id, Kept::is_usable));
        let discovered = self.discovered().await?;
        let mut asked = match (self.asked.try_lock(), usable()) {
            (Ok(asked), _) => asked,
            (Err(_), Some(key)) => return Ok(key),
            (Err(_), None) => self.asked.lock().await,
        };
        // Somebody else may have asked meanwhile.
        if let Some(key) = fresh() {
            return Ok(key);
        }
        let [_, last] = &mut *asked;
        if last.is_some_and(|last| last.elapsed() < ONCE_IN) {
            let why = match self.keys.load().is_some() {
                true => OidcError::Token(Refusal::Key),
                false => OidcError::Answer("set of keys", NOT_HAD.to_owned()),
            };
            return usable().ok_or(why);
        }
        let fetched = self.fetched("set of keys", &discovered.value.jwks_uri).await;
        *last = Some(Instant::now());
        let read = fetched.and_then(|document| {
            KeySet::read(&document, &self.settings().algorithms)
                .ok_or_else(|| OidcError::Answer("set of keys", "it is no JSON Web Key Set".to_owned()))
        });
        match read {
            Ok(value) => {
                self.keys.store(Some(Arc::new(Kept::new(value, Duration::ZERO))));
                if self.uses_old_keys.swap(false, Ordering::Relaxed) {
                    tracing::info!(correlation = correlation(), "The provider of sign-ins gives its keys again.");
                }
                fresh().ok_or(OidcError::Token(Refusal::Key))
            }
            Err(error) => {
                self.tell_of_old_keys(&error);
                usable().ok_or(error)
            }
        }
    }

    /// Says that keys are used which should have been read again; once, until they are.
    fn tell_of_old_keys(&self, error: &OidcError) {
        let keys = self.keys.load();
        let Some(kept) = keys.as_ref().filter(|kept| !kept.is_fresh()) else { return };
        if !self.uses_old_keys.swap(true, Ordering::Relaxed) {
            let hours_left = kept.stale_until.saturating_duration_since(Instant::now()).as_secs() / 3600;
            let said = "The provider of sign-ins does not give its keys; those that it gave before are used.";
            tracing::warn!(correlation = correlation(), %error, hours_left, "{said}");
        }
    }

    /// Whether keys are used which should have been read again, since the provider does not give them.
    pub fn uses_old_keys(&self) -> bool {
        self.uses_old_keys.load(Ordering::Relaxed)
    }
}

/// Whether an address may be one of this issuer: nobody on the way hears or changes what goes there, and plain HTTP is only for an issuer who has it too.
pub(super) fn may_be_of(url: &str, issuer: &str) -> bool {
    let place = url.split('?').next().unwrap_or_default();
    let is_as_safe = url.starts_with("https://") || issuer.starts_with("http://");
    is_as_safe
        && is_private(place)
        && !url.contains(['#', '\\', ' '])
        && !url.bytes().any(|byte| byte.is_ascii_control())
}
