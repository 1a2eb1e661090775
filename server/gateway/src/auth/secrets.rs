//! Secrets that are given out once: API tokens, refresh tokens and the code of the first start. Only their hashes are kept.

use crate::error::{Kind, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What an API token begins with, so that scanners of secrets know it.
const TOKEN: &str = "cagt_";
/// What a refresh token begins with.
const REFRESH: &str = "cagr_";
/// Bytes of chance in a secret.
const BYTES: usize = 32;

/// A secret and its hash.
pub(crate) struct Fresh {
    /// Told to its owner, once.
    pub secret: String,
    /// Kept.
    pub hash: String,
}

fn fresh(prefix: &str) -> Result<Fresh, Problem> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|_| Problem::new(Kind::Internal, "The system gives no random numbers."))?;
    let secret = format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes));
    let hash = hash(&secret);
    Ok(Fresh { secret, hash })
}

/// A new API token.
pub(crate) fn api_token() -> Result<Fresh, Problem> {
    fresh(TOKEN)
}

/// A new refresh token.
pub(crate) fn refresh_token() -> Result<Fresh, Problem> {
    fresh(REFRESH)
}

/// The secret of a cookie of the page, of which the page keeps a hash of its own.
pub(crate) fn page_secret() -> Result<String, Problem> {
    fresh("").map(|fresh| fresh.secret)
}

/// The code of the first start.
pub(crate) fn setup_code() -> Result<Fresh, Problem> {
    fresh("")
}

/// The hash of what looks like an API token.
pub(crate) fn hash_of_api_token(token: &str) -> Option<String> {
    token.starts_with(TOKEN).then(|| hash(token))
}

/// The hash under which a secret is kept. Secrets have 256 bits of chance, so that a fast hash is enough.
pub(crate) fn hash(secret: &str) -> String {
    blake3::hash(secret.as_bytes()).to_hex().to_string()
}

/// A number for a request: 128 bits of chance, or the time where there is none.
pub(crate) fn number() -> String {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => URL_SAFE_NO_PAD.encode(bytes).replace('_', "-"),
        Err(_) => format!("at-{}", engine::store::now_ms()),
    }
}
