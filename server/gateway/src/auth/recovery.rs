//! Recovery codes: for whoever lost what gives the codes of the second factor. Each is good once; only hashes are kept.

use crate::auth::totp::base32;
use crate::error::{Kind, Problem};

/// How many are given out at once.
const MANY: usize = 10;
/// Bytes of chance in one: with 80 bits a fast hash is enough.
const BYTES: usize = 10;
/// Letters between dashes.
const GROUP: usize = 4;

/// New codes, to be shown once, and their hashes.
pub(crate) fn fresh(account: &str) -> Result<(Vec<String>, Vec<String>), Problem> {
    let mut codes = Vec::with_capacity(MANY);
    for _ in 0..MANY {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(|_| Problem::new(Kind::Internal, "The system gives no random numbers."))?;
        let letters = base32(&bytes).to_lowercase();
        let groups: Vec<&str> =
            (0..letters.len()).step_by(GROUP).filter_map(|at| letters.get(at..at + GROUP)).collect();
        codes.push(groups.join("-"));
    }
    let hashes = codes.iter().filter_map(|code| hash(account, code)).collect();
    Ok((codes, hashes))
}

/// The hash of what somebody typed, if it can be a code: case, blanks and dashes do not matter.
pub(crate) fn hash(account: &str, typed: &str) -> Option<String> {
    let code: String = typed.chars().filter(|letter| !letter.is_whitespace() && *letter != '-').collect();
    let is_one = code.len() == BYTES * 8 / 5 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_one.then(|| blake3::hash(format!("{account} {}", code.to_ascii_lowercase()).as_bytes()).to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_however_they_are_typed() {
        let (codes, hashes) = fresh("ann").unwrap();
        assert!(codes.len() == MANY && hashes.len() == MANY && codes[0] != codes[1]);
        assert_eq!(codes[0].len(), 19, "{}", codes[0]);
        let typed = format!(" {} ", codes[0].to_uppercase().replace('-', " "));
        assert_eq!(hash("ann", &typed).as_ref(), Some(&hashes[0]));
        assert_ne!(hash("bob", &typed).as_ref(), Some(&hashes[0]), "it is that of one account");
        assert_eq!((hash("ann", "123456"), hash("ann", "")), (None, None));
    }
}
