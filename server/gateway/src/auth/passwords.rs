//! Passwords: kept as argon2id hashes, never as they are. Checking one costs much on purpose, so it is done away from the threads that talk.

use crate::error::{Kind, Problem};
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use engine::ServerCore;

/// The shortest password.
pub(crate) const SHORTEST: usize = 12;
/// Memory in KiB, passes and lanes: what OWASP's cheat sheet asks of argon2id.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// The hash of a password that nobody has: a name that is not there takes as long as one that is.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$5bJ9rXyBq1eBTj2l9gm+Yq1SRmC8Q1yBd9YpN3k4e8k";

fn argon2() -> Result<Argon2<'static>, Problem> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None)
        .map_err(|_| Problem::new(Kind::Internal, "The cost of passwords is wrong."))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The hash of a new password.
///
/// # Errors
/// If it is too short.
pub(crate) async fn hash(core: &ServerCore, password: String) -> Result<String, Problem> {
    if password.chars().count() < SHORTEST {
        let detail = format!("A password has {SHORTEST} characters or more.");
        return Err(Problem::new(Kind::Refused, detail).at("/password"));
    }
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|_| Problem::new(Kind::Internal, "The system gives no random numbers."))?;
    let work = move || {
        let hash = argon2()?.hash_password_with_salt(password.as_bytes(), &salt);
        hash.map(|hash| hash.to_string()).map_err(|_| Problem::new(Kind::Internal, "The password could not be hashed."))
    };
    core.apart("hash", work).await?
}

/// Whether a password is the one of this hash; `None` costs the same and is never right.
pub(crate) async fn is_right(core: &ServerCore, password: String, hash: Option<String>) -> Result<bool, Problem> {
    let work = move || {
        let known = hash.as_deref().unwrap_or(NOBODY);
        let parsed =
            PasswordHash::new(known).map_err(|_| Problem::new(Kind::Internal, "A kept password cannot be read."))?;
        let is_right = argon2()?.verify_password(password.as_bytes(), &parsed).is_ok();
        Ok(is_right && hash.is_some())
    };
    core.apart("verify", work).await?
}
