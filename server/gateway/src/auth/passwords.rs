//! Passwords: kept as argon2id hashes, never as they are. Checking one costs much on purpose, so it is done away from the threads that talk, and
//! only so many at a time: who floods the door makes others wait a moment, and takes no more memory than that.

use crate::error::{Kind, Problem};
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use engine::ServerCore;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The shortest password.
pub(crate) const SHORTEST: usize = 12;
/// Memory in KiB, passes and lanes: what OWASP's cheat sheet asks of argon2id.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// The hash of a password that nobody has: a name that is not there takes as long as one that is.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$5bJ9rXyBq1eBTj2l9gm+Yq1SRmC8Q1yBd9YpN3k4e8k";
/// How many may wait for their turn; a turn takes some ten milliseconds.
const MOST_WAITING: usize = 64;
/// Seconds after which it is worth trying again.
const LATER: u64 = 2;

/// The turns in which passwords are computed.
#[derive(Debug)]
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        let at_once = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8);
        Self { turns: Arc::new(Semaphore::new(at_once)), places: Arc::new(Semaphore::new(at_once + MOST_WAITING)) }
    }
}

fn argon2() -> Result<Argon2<'static>, Problem> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None)
        .map_err(|_| Problem::new(Kind::Internal, "The cost of passwords is wrong."))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

impl Passwords {
    /// Waits for a turn, if not too many do.
    async fn turn(&self) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), Problem> {
        let busy = || {
            let said = "Too many passwords are being looked at just now; try again in a moment.";
            Problem::new(Kind::Unavailable, said).retry_after(LATER)
        };
        let place = self.places.clone().try_acquire_owned().map_err(|_| busy())?;
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| busy())?;
        Ok((place, turn))
    }

    /// The hash of a new password.
    ///
    /// # Errors
    /// If it is too short, or too many wait.
    pub async fn hash(&self, core: &ServerCore, password: String) -> Result<String, Problem> {
        if password.chars().count() < SHORTEST {
            let detail = format!("A password has {SHORTEST} characters or more.");
            return Err(Problem::new(Kind::Refused, detail).at("/password"));
        }
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|_| Problem::new(Kind::Internal, "The system gives no random numbers."))?;
        let turn = self.turn().await?;
        let work = move || {
            // The turn ends with the computing, also where nobody waits for it any more.
            let _turn = turn;
            let hash = argon2()?.hash_password_with_salt(password.as_bytes(), &salt);
            hash.map(|hash| hash.to_string())
                .map_err(|_| Problem::new(Kind::Internal, "The password could not be hashed."))
        };
        core.apart("hash", work).await?
    }

    /// Whether a password is the one of this hash; `None` costs the same and is never right.
    ///
    /// # Errors
    /// If too many wait.
    pub async fn is_right(&self, core: &ServerCore, password: String, hash: Option<String>) -> Result<bool, Problem> {
        let turn = self.turn().await?;
        let work = move || {
            let _turn = turn;
            let known = hash.as_deref().unwrap_or(NOBODY);
            let parsed = PasswordHash::new(known)
                .map_err(|_| Problem::new(Kind::Internal, "A kept password cannot be read."))?;
            let is_right = argon2()?.verify_password(password.as_bytes(), &parsed).is_ok();
            Ok(is_right && hash.is_some())
        };
        core.apart("verify", work).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{PASSWORD, Service};
    use axum::http::StatusCode;
    use engine::store::accounts::Role;
    use serde_json::json;
    use std::collections::HashSet;

    /// What a hash says of how it was computed, and its salt and result.
    fn parts(hash: &str) -> (&str, &str, &str) {
        let (rest, result) = hash.rsplit_once('$').unwrap();
        let (how, salt) = rest.rsplit_once('$').unwrap();
        (how, salt, result)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_kept_of_equal_passwords_is_argon2id_and_not_equal() {
        let service = Service::new().await;
        let root = service.account("root", Role::Admin).await;
        for name in ["ann", "bob"] {
            let body = json!({ "name": name, "role": "viewer", "password": PASSWORD });
            let made = service.send("POST", "/api/v2/accounts", &root, Some(body)).await;
            assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        }
        let kept = service.kept();
        assert!(kept.iter().all(|(_, value)| !value.contains(PASSWORD)), "nowhere as it is");
        let of_accounts = kept.iter().filter(|(place, _)| place == "accounts.password_hash");
        let hashes: Vec<&str> = of_accounts.map(|(_, hash)| hash.as_str()).collect();
        assert_eq!(hashes.len(), 3, "the control: {hashes:?}");
        for hash in &hashes {
            let (how, salt, result) = parts(hash);
            let cost = how.strip_prefix("$argon2id$v=19$").unwrap();
            let numbers: Vec<(&str, u32)> = cost
                .split(',')
                .map(|number| number.split_once('=').map(|(name, value)| (name, value.parse().unwrap())).unwrap())
                .collect();
            let [("m", memory), ("t", passes), ("p", lanes)] = numbers[..] else { panic!("{hash}") };
            // The least of OWASP's cheat sheet: 19 MiB, two passes, one lane.
            assert!(memory >= 19 * 1024 && passes >= 2 && lanes >= 1, "{hash}");
            // 16 bytes and 32 bytes in base64.
            assert!(salt.len() >= 22 && result.len() >= 43, "{hash}");
            assert_eq!(how, parts(NOBODY).0, "a name that is not there takes as long");
        }
        let salts: HashSet<&str> = hashes.iter().map(|hash| parts(hash).1).collect();
        let results: HashSet<&str> = hashes.iter().map(|hash| parts(hash).2).collect();
        assert_eq!((salts.len(), results.len()), (3, 3), "{hashes:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_wrong_password_is_refused() {
        let service = Service::new().await;
        let passwords = service.gateway.passwords();
        let hash = passwords.hash(&service.core, PASSWORD.to_owned()).await.unwrap();
        let is_right = async |password: &str, hash: Option<String>| {
            passwords.is_right(&service.core, password.to_owned(), hash).await.unwrap()
        };
        assert!(is_right(PASSWORD, Some(hash.clone())).await, "the control");
        let (upper, longer) = (PASSWORD.to_uppercase(), format!("{PASSWORD} "));
        for wrong in ["", &PASSWORD[1..], &upper, &longer, &hash] {
            assert!(!is_right(wrong, Some(hash.clone())).await, "{wrong:?}");
        }
        assert!(!is_right(PASSWORD, None).await, "no password is that of nobody");
        // And where people sign in.
        service.account("ann", Role::Viewer).await;
        for (password, status) in [(&*longer, StatusCode::UNAUTHORIZED), (PASSWORD, StatusCode::CREATED)] {
            let body = json!({ "name": "ann", "password": password });
            let reply = service.send("POST", "/api/v2/sessions", "", Some(body)).await;
            assert_eq!(reply.status, status, "{password:?}: {reply:?}");
        }
    }
}
