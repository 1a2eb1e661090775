//! Signing in to a service for teams from a command line (RFC 8628): the service gives codes, its user types one in a browser, and the tokens come here.
//!
//! Opens no browser and asks for no password. Tokens go only to the address that its user named, which has to be private, and are kept in a file that
//! nobody else reads.

mod kept;

pub use kept::Logins;

use crate::fetch::{FetchError, Fetched, Fetcher, Method};
use form_urlencoded::Serializer;
use security::secret::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How all programs call themselves at a service.
const CLIENT: &str = "code-agent";
/// What a service says of itself.
const METADATA: &str = "/.well-known/oauth-authorization-server";
/// What asking too often adds to the wait.
const SLOWER: Duration = Duration::from_secs(5);
/// The shortest and the longest wait between two questions, whatever the service says.
const WAITS: (u64, u64) = (1, 60);
/// How long the codes can be good at most, in seconds.
const LONGEST: u64 = 3600;

/// Why nobody is signed in, one sentence each.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// There is no connection.
    #[error("{0}")]
    Fetch(#[from] FetchError),
    /// It is no service of this kind.
    #[error("{0} does not answer as a service of code-agent: {1}.")]
    Strange(String, String),
    /// It calls itself something else.
    #[error("The service calls itself {0}; sign in to that address.")]
    Elsewhere(String),
    /// Somebody refused.
    #[error("The sign-in was refused in the browser.")]
    Refused,
    /// Nobody typed the code.
    #[error("Nobody typed the code in time; begin again.")]
    Late,
    /// The service refuses.
    #[error("The service refuses: {0}.")]
    Denied(String),
    /// The file of logins cannot be used.
    #[error("The file {0} of your logins cannot be read or written: {1}.")]
    File(String, String),
    /// There is no login.
    #[error("You are not signed in{0}; `code-agent login URL` signs in.")]
    Nobody(String),
}

/// Where programs sign in.
#[derive(Debug, Deserialize)]
struct Metadata {
    issuer: String,
    token_endpoint: String,
    device_authorization_endpoint: String,
}

/// What is shown to the user, and what is asked with meanwhile.
#[derive(Deserialize)]
pub struct Codes {
    device_code: String,
    /// To be typed.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    expires_in: u64,
    interval: Option<u64>,
}

/// The tokens of a login.
pub struct Tokens {
    /// Opens the interface for some minutes.
    pub access: Secret,
    /// Gives the next ones, once.
    pub refresh: Secret,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    refresh_token: String,
}

#[derive(Deserialize)]
struct Complaint {
    error: String,
    #[serde(default)]
    error_description: String,
}

/// A service that is signed in to.
#[derive(Debug)]
pub struct Service {
    fetcher: Fetcher,
    url: String,
    metadata: Metadata,
}

impl Service {
    /// The service at an address, if it is one.
    ///
    /// # Errors
    /// If it is not there, is no such service, or calls itself something else.
    pub async fn at(url: &str) -> Result<Self, LoginError> {
        let url = url.trim_end_matches('/').to_owned();
        let fetcher = Fetcher::default();
        let answer = fetcher.send(Method::GET, &format!("{url}{METADATA}"), &[], None).await?;
        let metadata: Metadata = read(&url, &answer)?;
        if metadata.issuer != url {
            return Err(LoginError::Elsewhere(printable(&metadata.issuer)));
        }
        // A token goes nowhere else.
        let is_there = |endpoint: &str| endpoint.strip_prefix(&url).is_some_and(|path| path.starts_with('/'));
        if !is_there(&metadata.token_endpoint) || !is_there(&metadata.device_authorization_endpoint) {
            return Err(LoginError::Strange(url, "it sends programs elsewhere".to_owned()));
        }
        Ok(Self { fetcher, url, metadata })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Begins: gives what is shown to the user.
    ///
    /// # Errors
    /// If the service gives no codes.
    pub async fn begin(&self, name: Option<&str>) -> Result<Codes, LoginError> {
        let mut form = Serializer::new(String::new());
        form.append_pair("client_id", CLIENT);
        if let Some(name) = name {
            form.append_pair("device_name", name);
        }
        let endpoint = &self.metadata.device_authorization_endpoint;
        let answer = self.fetcher.send(Method::POST, endpoint, &[], Some(&form.finish())).await?;
        if answer.status != 200 {
            return Err(self.denied(&answer));
        }
        let mut codes: Codes = read(&self.url, &answer)?;
        codes.user_code = printable(&codes.user_code);
        if !codes.verification_uri.starts_with(&format!("{}/", self.url)) {
            return Err(LoginError::Strange(self.url.clone(), "it sends people elsewhere".to_owned()));
        }
        codes.verification_uri = printable(&codes.verification_uri);
        Ok(codes)
    }

    /// Waits until the user has typed the code.
    ///
    /// # Errors
    /// If he refused, nobody came, or the service is away for long.
    pub async fn tokens(&self, codes: &Codes) -> Result<Tokens, LoginError> {
        let form = Serializer::new(String::new())
            .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
            .append_pair("client_id", CLIENT)
            .append_pair("device_code", &codes.device_code)
            .finish();
        let mut wait = Duration::from_secs(codes.interval.unwrap_or(5).clamp(WAITS.0, WAITS.1));
        let end = tokio::time::Instant::now() + Duration::from_secs(codes.expires_in.min(LONGEST));
        loop {
            tokio::time::sleep(wait).await;
            if tokio::time::Instant::now() > end {
                return Err(LoginError::Late);
            }
            let answer = match self.fetcher.send(Method::POST, &self.metadata.token_endpoint, &[], Some(&form)).await {
                Ok(answer) if answer.status < 500 && answer.status != 429 => answer,
                // A service that starts anew is back in a moment; as RFC 8628 wants it, it is asked less often meanwhile.
                Ok(_) | Err(FetchError::Away(..) | FetchError::Late(_)) => {
                    wait = (wait * 2).min(Duration::from_secs(WAITS.1));
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            match self.tokens_in(&answer) {
                Err(complaint) => match complaint.error.as_str() {
                    "authorization_pending" => {}
                    "slow_down" => wait += SLOWER,
                    "access_denied" => return Err(LoginError::Refused),
                    "expired_token" => return Err(LoginError::Late),
                    _ => return Err(self.denied(&answer)),
                },
                Ok(tokens) => return Ok(tokens),
            }
        }
    }

    /// The next tokens.
    ///
    /// # Errors
    /// If the session is over, or the service is away.
    pub async fn refreshed(&self, refresh: &Secret) -> Result<Tokens, LoginError> {
        let form = Serializer::new(String::new())
            .append_pair("grant_type", "refresh_token")
            .append_pair("client_id", CLIENT)
            .append_pair("refresh_token", refresh.expose())
            .finish();
        let answer = self.fetcher.send(Method::POST, &self.metadata.token_endpoint, &[], Some(&form)).await?;
        self.tokens_in(&answer).map_err(|_| self.denied(&answer))
    }

    /// Ends the session of an access token.
    ///
    /// # Errors
    /// If the service is away or does not do it.
    pub async fn end(&self, access: &Secret) -> Result<(), LoginError> {
        let header = ("authorization", Secret::new(format!("Bearer {}", access.expose())));
        let url = format!("{}/api/v2/sessions/current", self.url);
        let answer = self.fetcher.send(Method::DELETE, &url, &[header], None).await?;
        match answer.status {
            204 | 401 => Ok(()),
            status => Err(LoginError::Denied(format!("its status is {status}"))),
        }
    }

    fn tokens_in(&self, answer: &Fetched) -> Result<Tokens, Complaint> {
        let strange = || Complaint { error: String::new(), error_description: String::new() };
        if answer.status != 200 {
            return Err(serde_json::from_slice(&answer.body).unwrap_or_else(|_| strange()));
        }
        let tokens: TokenAnswer = serde_json::from_slice(&answer.body).map_err(|_| strange())?;
        Ok(Tokens { access: Secret::new(tokens.access_token), refresh: Secret::new(tokens.refresh_token) })
    }

    fn denied(&self, answer: &Fetched) -> LoginError {
        match serde_json::from_slice::<Complaint>(&answer.body) {
            Ok(complaint) if !complaint.error_description.is_empty() => {
                LoginError::Denied(printable(complaint.error_description.trim_end_matches('.')))
            }
            Ok(complaint) => LoginError::Denied(printable(&complaint.error)),
            Err(_) => LoginError::Strange(self.url.clone(), format!("its status is {}", answer.status)),
        }
    }
}

fn read<T: DeserializeOwned>(url: &str, answer: &Fetched) -> Result<T, LoginError> {
    let strange = |why: String| LoginError::Strange(url.to_owned(), why);
    match answer.status {
        200 => serde_json::from_slice(&answer.body).map_err(|_| strange("what it says is something else".to_owned())),
        status => Err(strange(format!("its status is {status}"))),
    }
}

/// What may stand in a terminal: nothing that moves its cursor.
fn printable(text: &str) -> String {
    text.chars().filter(|letter| letter.is_ascii_graphic() || *letter == ' ').take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_says_moves_no_cursor() {
        assert_eq!(printable("AB-CD\u{1b}[2J\r\nx"), "AB-CD[2Jx");
        assert_eq!(printable(&"x".repeat(1000)).len(), 200);
    }

    #[tokio::test]
    async fn an_address_that_others_could_hear_is_refused() {
        let error = Service::at("http://team.example").await.unwrap_err().to_string();
        assert!(error.contains("https://"), "{error}");
    }
}
