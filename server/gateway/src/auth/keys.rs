//! The key of this service's own access tokens: ES256, short-lived, verified without asking anybody.
//!
//! The algorithm is pinned to the key: what a token says of itself is compared, never believed.

mod es256;

use super::jwt::{self, PinnedKey, Refusal, Unverified};
use super::verified::Verified;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode};
use p256::ecdsa::SigningKey;
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use security::cipher::{Cipher, derived_key};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Whose tokens these are, and for whom.
const ISSUER: &str = "code-agent";
const AUDIENCE: &str = "code-agent-api";
/// The type of an access token (RFC 9068).
const TYPE: &str = "at+jwt";
/// How long an access token is good.
pub(crate) const GOOD_FOR_SECONDS: i64 = 600;

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// Whose token it is.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// The account.
    pub sub: String,
    /// The session.
    pub sid: String,
    /// Seconds of its end.
    pub exp: i64,
    /// Seconds of its beginning.
    pub nbf: i64,
    /// Milliseconds of its making.
    pub iat_ms: i64,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("The signing key {path} cannot be read or written: {reason}.")]
    File {
        /// Its path.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// It is no key.
    #[error("The signing key {path} is no P-256 key in PEM.")]
    Broken {
        /// Its path.
        path: String,
    },
}

/// The key, ready to sign and to verify.
pub(crate) struct Keys {
    encoding: EncodingKey,
    pinned: PinnedKey,
    verified: Verified<jwt::Claims>,
    id: String,
    cipher: Cipher,
    sign_ins: Cipher,
    page: [u8; 32],
}

/// What the secrets of second factors are sealed for. It must never change: what was sealed could not be opened.
const FACTORS: &str = "code-agent 2026-11 secrets of second factors";
/// What the forms of the page are signed for.
const FORMS: &str = "code-agent 2026-11 forms of the page";
/// What is sealed while somebody is at the provider of sign-ins.
const SIGN_INS: &str = "code-agent 2026-11 sign-ins by a provider";

impl Keys {
    /// Reads the key of a file; where there is none, one is made. Replicas share the file, and of those that begin at once all have the key of the
    /// one that was first.
    pub fn open(path: &Path) -> Result<Self, KeyError> {
        es256::install();
        let shown = || path.display().to_string();
        let broken = || KeyError::Broken { path: shown() };
        let failed = |error: std::io::Error| KeyError::File { path: shown(), reason: error.to_string() };
        let pem = match std::fs::read_to_string(path) {
            Ok(pem) => pem,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut bytes = [0; 32];
                let key = loop {
                    getrandom::fill(&mut bytes).map_err(|error| failed(std::io::Error::other(error.to_string())))?;
                    // Nearly all numbers of 32 bytes are keys.
                    if let Ok(key) = SigningKey::from_slice(&bytes) {
                        break key;
                    }
                };
                let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|_| broken())?.to_string();
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder).map_err(failed)?;
                }
                first_of_all(path, pem.as_bytes()).map_err(failed)?;
                std::fs::read_to_string(path).map_err(failed)?
            }
            Err(error) => return Err(failed(error)),
        };
        Self::of_pem(&pem).ok_or_else(broken)
    }

    fn of_pem(pem: &str) -> Option<Self> {
        let key = SigningKey::from_pkcs8_pem(pem).ok()?;
        let public = key.verifying_key().to_public_key_pem(LineEnding::LF).ok()?;
        let id = blake3::hash(public.as_bytes()).to_hex().get(..16)?.to_owned();
        let encoding = EncodingKey::from_ec_pem(pem.as_bytes()).ok()?;
        let pinned = PinnedKey::new(DecodingKey::from_ec_pem(public.as_bytes()).ok()?, Algorithm::ES256)?;
        let secret = key.to_bytes();
        let (cipher, sign_ins) = (Cipher::new(FACTORS, &secret), Cipher::new(SIGN_INS, &secret));
        let (verified, page) = (Verified::default(), derived_key(FORMS, &secret));
        Some(Self { encoding, pinned, verified, id, cipher, sign_ins, page })
    }

    /// Seals the secrets of second factors.
    pub fn cipher(&self) -> &Cipher {
        &self.cipher
    }

    /// Seals what a browser keeps while its owner is at the provider of sign-ins.
    pub fn sign_ins(&self) -> &Cipher {
        &self.sign_ins
    }

    /// The hash of a code that is short enough to be typed, and so could be guessed from a plain hash.
    pub fn hash_of_typed(&self, code: &str) -> String {
        self.form_token(&format!("typed code {code}"))
    }

    /// What only this service and its replicas can write under a form of the page.
    pub fn form_token(&self, owner: &str) -> String {
        blake3::keyed_hash(&self.page, owner.as_bytes()).to_hex().to_string()
    }

    /// A new access token of a session.
    pub fn sign(&self, account: &str, session: &str, now_ms: i64) -> Result<String, jsonwebtoken::errors::Error> {
        let now = now_ms / 1000;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: account.to_owned(),
            sid: session.to_owned(),
            exp: now + GOOD_FOR_SECONDS,
            nbf: now,
            iat_ms: now_ms,
        };
        let header = Header { typ: Some(TYPE.to_owned()), kid: Some(self.id.clone()), ..Header::new(Algorithm::ES256) };
        encode(&header, &claims, &self.encoding)
    }

    /// The name of the key, and the key itself: for tests that forge.
    #[cfg(test)]
    pub fn signer(&self) -> (String, EncodingKey) {
        (self.id.clone(), self.encoding.clone())
    }

    /// What a token says, if it is one of ours and still good.
    pub fn verify(&self, token: &str) -> Result<Claims, Refusal> {
        self.verify_at(token, engine::store::now_ms() / 1000)
    }

    /// The same at a moment in seconds since 1970. A token that was verified before is read no more; whether it is good now is asked each time.
    fn verify_at(&self, token: &str, now: i64) -> Result<Claims, Refusal> {
        if let Some(said) = self.verified.of(token).and_then(|found| found.by(&self.pinned)) {
            return good_at(&said, now);
        }
        let unverified = Unverified::read(token)?;
        if unverified.kind()?.as_deref() != Some(TYPE) {
            return Err(Refusal::Type);
        }
        if unverified.key_id()? != Some(&self.id) {
            return Err(Refusal::Key);
        }
        let said = unverified.verified(&self.pinned)?;
        let claims = good_at(&said, now)?;
        self.verified.remember(token, &self.id, &self.pinned, Arc::new(said));
        Ok(claims)
    }
}

/// What a token that we signed says, if it is one for this service and good at this moment.
fn good_at(said: &jwt::Claims, now: i64) -> Result<Claims, Refusal> {
    said.is_of(ISSUER)?;
    if said.audience()? != [AUDIENCE] {
        return Err(Refusal::Audience);
    }
    said.is_good_at(now, GOOD_FOR_SECONDS)?;
    said.read().map_err(|_| Refusal::Claim("sid"))
}

/// Writes a file, whole, unless there is one by now.
fn first_of_all(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", crate::auth::secrets::number()));
    let draft = path.with_file_name(name);
    let written = private_file(&draft).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    // A link never takes the place of a file that is there, and shows nobody half of one.
    let linked = written.and_then(|()| std::fs::hard_link(&draft, path));
    let removed = std::fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => removed,
        linked => linked.and(removed),
    }
}

/// A new file that only its owner reads.
fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests;
