//! Codes that change with time (RFC 6238, over RFC 4226): SHA-1, 30 seconds, six digits, which is what authenticator apps know.
//!
//! Only computes; that each step is good once is kept by the store.

use crate::error::{Kind, Problem};
use form_urlencoded::byte_serialize;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Seconds of a step.
const STEP: i64 = 30;
/// Digits of a code.
const DIGITS: usize = 6;
/// Steps that a clock may be off, either way.
const DRIFT: i64 = 1;
/// Bytes of a secret: what RFC 4226 recommends.
const BYTES: usize = 20;
/// Who asks for the code, as the app shows it.
const ISSUER: &str = "code-agent";
/// The letters of base32 (RFC 4648).
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new secret.
pub(crate) fn secret() -> Result<Vec<u8>, Problem> {
    let mut bytes = vec![0; BYTES];
    getrandom::fill(&mut bytes).map_err(|_| Problem::new(Kind::Internal, "The system gives no random numbers."))?;
    Ok(bytes)
}

/// The step for which this is the code, at this second.
pub(crate) fn step_of(secret: &[u8], code: &str, seconds: i64) -> Option<i64> {
    let now = seconds.div_euclid(STEP);
    let mut found = None;
    // All are computed, so that the time it takes tells nothing.
    for step in now - DRIFT..=now + DRIFT {
        let right = code_at(secret, step)?;
        let differs = right
            .bytes()
            .zip(code.bytes())
            .fold(right.len() ^ code.len(), |differs, (a, b)| differs | usize::from(a ^ b));
        if differs == 0 {
            found = Some(step);
        }
    }
    found
}

/// The code of a step; none before 1970.
fn code_at(secret: &[u8], step: i64) -> Option<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).ok()?;
    mac.update(&u64::try_from(step).ok()?.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = usize::from(hash.last()? & 0xf);
    let four: [u8; 4] = hash.get(offset..offset + 4)?.try_into().ok()?;
    let number = u32::from_be_bytes(four) & 0x7fff_ffff;
    Some(format!("{:0DIGITS$}", number % 10_u32.pow(DIGITS as u32)))
}

/// The code of this second, as an authenticator app shows it.
#[cfg(test)]
pub(crate) fn code(secret: &[u8], seconds: i64) -> String {
    code_at(secret, seconds / STEP).unwrap_or_default()
}

/// Whether a text can be a code.
pub(crate) fn looks_like_one(code: &str) -> bool {
    code.len() == DIGITS && code.bytes().all(|byte| byte.is_ascii_digit())
}

/// Bytes in base32, without the signs that fill it up.
pub(crate) fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(LETTERS[(held >> bits & 31) as usize]));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(LETTERS[(held << (5 - bits) & 31) as usize]));
    }
    text
}

/// What an authenticator app reads out of a QR code.
pub(crate) fn uri(account: &str, secret: &[u8]) -> String {
    let account: String = byte_serialize(account.as_bytes()).collect();
    let secret = base32(secret);
    format!(
        "otpauth://totp/{ISSUER}:{account}?secret={secret}&issuer={ISSUER}&algorithm=SHA1&digits={DIGITS}&period={STEP}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_are_those_of_the_standards() {
        // RFC 6238, appendix B: the last six of its eight digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_at(SECRET, seconds / STEP).as_deref(), Some(code));
            assert_eq!(step_of(SECRET, code, seconds), Some(seconds / STEP));
        }
        // RFC 4226, appendix D.
        let codes =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for (step, code) in codes.into_iter().enumerate() {
            assert_eq!(code_at(SECRET, step as i64).as_deref(), Some(code));
        }
    }

    #[test]
    fn a_clock_may_be_off_by_one_step_and_no_more() {
        let code = code_at(SECRET, 100).unwrap();
        for (step, found) in [(98, None), (99, Some(100)), (100, Some(100)), (101, Some(100)), (102, None)] {
            assert_eq!(step_of(SECRET, &code, step * STEP + 29), found, "{step}");
        }
        for wrong in ["", "000000", &code[..5], &format!("{code}0"), "ａｂｃ"] {
            assert_eq!(step_of(SECRET, wrong, 100 * STEP), None, "{wrong}");
        }
        assert_eq!(step_of(SECRET, &code, i64::MIN / 2), None);
        assert!(looks_like_one("012345") && !looks_like_one("01234a") && !looks_like_one("0123456"));
    }

    #[test]
    fn base32_is_that_of_the_standard() {
        // RFC 4648, 10.
        for (plain, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(plain.as_bytes()), text);
        }
        let uri = uri("a b@c", SECRET);
        assert!(
            uri.starts_with("otpauth://totp/code-agent:a+b%40c?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer="),
            "{uri}"
        );
    }
}
