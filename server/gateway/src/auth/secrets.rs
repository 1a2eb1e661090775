//! Secrets that are given out once: API tokens, refresh tokens, the code of the first start and those of links. Only their hashes are kept.

use crate::error::{Kind, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::cell::RefCell;

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

/// The code of a link for a new password.
pub(crate) fn invitation_code() -> Result<Fresh, Problem> {
    fresh("")
}

/// What a device shows until somebody lets it in.
pub(crate) fn device_code() -> Result<Fresh, Problem> {
    fresh("")
}

/// Letters that nobody mistakes for others, and that make no words (RFC 8628, 6.1).
const TYPED: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Letters of a code that people type: 34 bits, which nobody guesses with some tries in ten minutes.
const TYPED_LETTERS: usize = 8;

/// A code that people type.
pub(crate) fn typed_code() -> Result<String, Problem> {
    let mut code = String::new();
    while code.len() < TYPED_LETTERS {
        let mut byte = [0];
        getrandom::fill(&mut byte).map_err(|_| Problem::new(Kind::Internal, "The system gives no random numbers."))?;
        let [byte] = byte;
        // Beyond the last whole round of letters some would come more often than others.
        if byte < 240
            && let Some(letter) = TYPED.get(usize::from(byte) % TYPED.len())
        {
            code.push(char::from(*letter));
        }
    }
    Ok(code)
}

/// A code as it was typed, without what people put between its letters.
pub(crate) fn as_typed(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).take(64).collect()
}

/// The hash of what looks like an API token.
pub(crate) fn hash_of_api_token(token: &str) -> Option<String> {
    token.starts_with(TOKEN).then(|| hash(token))
}

/// The hash under which a secret is kept. Secrets have 256 bits of chance, so that a fast hash is enough.
pub(crate) fn hash(secret: &str) -> String {
    blake3::hash(secret.as_bytes()).to_hex().to_string()
}

/// Chance for so many numbers is asked of the system at a time: each asking costs more than the number.
const AHEAD: usize = 64;

thread_local! {
    /// Chance that was not used yet.
    static CHANCE: RefCell<Vec<[u8; 16]>> = const { RefCell::new(Vec::new()) };
}

/// A number for a request: 128 bits of chance, or the time where there is none.
pub(crate) fn number() -> String {
    match CHANCE.with_borrow_mut(|chance| chance.pop().map_or_else(|| more(chance), Ok)) {
        Ok(bytes) => URL_SAFE_NO_PAD.encode(bytes).replace('_', "-"),
        Err(_) => format!("at-{}", engine::store::now_ms()),
    }
}

fn more(chance: &mut Vec<[u8; 16]>) -> Result<[u8; 16], getrandom::Error> {
    let mut all = [[0; 16]; AHEAD];
    getrandom::fill(all.as_flattened_mut())?;
    chance.extend(all);
    chance.pop().ok_or(getrandom::Error::UNSUPPORTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_plain_and_no_two_are_the_same() {
        let threads: Vec<_> =
            (0..4).map(|_| std::thread::spawn(|| (0..AHEAD * 3 + 1).map(|_| number()).collect::<Vec<_>>())).collect();
        let mut numbers: Vec<String> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert!(numbers.iter().all(|number| number.len() == 22));
        assert!(
            numbers.iter().flat_map(|number| number.bytes()).all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        );
        let count = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), count);
    }
}
