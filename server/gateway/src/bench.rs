//! Measures what the gate takes of each request: to verify a token, and to have the policies decide. Measuring is never part of answering anybody.

use crate::auth::keys::Keys;
use crate::auth::policy::Policies;
use crate::openapi::{Operations, document_value};
use crate::state::StartError;
use engine::store::accounts::{Account, Role};
use engine::store::now_ms;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

/// So many are done before anything is measured.
const WARM: usize = 200;
/// Tokens that are shown in turn where they are remembered.
const KNOWN: usize = 1000;

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Half of them took no longer.
    pub p50: Duration,
    /// One in a hundred took longer.
    pub p99: Duration,
}

impl Figures {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or(Duration::MAX);
        Self { p50: at(0.5), p99: at(0.99) }
    }
}

fn timed(count: usize, mut one: impl FnMut(usize)) -> Figures {
    (0..WARM).for_each(&mut one);
    let time = |number| {
        let began = Instant::now();
        one(number);
        began.elapsed()
    };
    Figures::of((WARM..WARM + count).map(time).collect())
}

/// Access tokens (ES256) that were never seen before, from the text to what they say. The key is made in this file.
///
/// # Errors
/// If there is no key, or it does not verify what it signed.
pub fn verification(key: &Path, count: usize) -> Result<Figures, StartError> {
    let keys = Keys::open(key)?;
    verified(&keys, &signed(&keys, WARM + count)?, count)
}

/// The same for access tokens that were verified before.
///
/// # Errors
/// As for [`verification`].
pub fn remembered(key: &Path, count: usize) -> Result<Figures, StartError> {
    let keys = Keys::open(key)?;
    let tokens = signed(&keys, KNOWN)?;
    if tokens.iter().any(|token| keys.verify(token).is_err()) {
        return Err(StartError::Chance);
    }
    verified(&keys, &tokens, count)
}

/// So many access tokens, each of a session of its own.
fn signed(keys: &Keys, count: usize) -> Result<Vec<String>, StartError> {
    let sign =
        |number: usize| keys.sign("0192f0c1-7d5e-7000-8000-000000000000", &format!("session-{number}"), now_ms());
    let tokens: Result<Vec<String>, _> = (0..count).map(sign).collect();
    tokens.map_err(|_| StartError::Chance)
}

/// What it takes to verify these tokens in turn.
fn verified(keys: &Keys, tokens: &[String], count: usize) -> Result<Figures, StartError> {
    let mut bad = 0;
    let figures = timed(count, |number| {
        let token = tokens.get(number % tokens.len().max(1));
        let is_good = token.is_some_and(|token| black_box(keys.verify(token)).is_ok());
        bad += usize::from(!is_good);
    });
    if bad == 0 { Ok(figures) } else { Err(StartError::Chance) }
}

/// What all operations of the document are answered by the policies, for each role and for one's own and others' things, in turn.
/// With `anew` nothing that was decided is remembered, and else all of it.
///
/// # Errors
/// If the policies are wrong.
pub fn decision(count: usize, anew: bool) -> Result<Figures, StartError> {
    let groups = Operations::of(document_value()).groups();
    let policies = Policies::new(&groups)?;
    let account = |role| Account {
        id: "0192f0c1-7d5e-7000-8000-000000000000".to_owned(),
        name: "a".to_owned(),
        role,
        disabled: false,
        has_totp: false,
        created_at: 0,
    };
    let accounts = [Role::Viewer, Role::Developer, Role::Maintainer, Role::Admin, Role::Auditor].map(account);
    let owners = [None, Some("0192f0c1-7d5e-7000-8000-000000000000"), Some("somebody-else")];
    let mut questions = Vec::new();
    for account in &accounts {
        for owner in owners {
            questions.extend(groups.iter().map(|(operation, _)| (account, operation.as_str(), owner)));
        }
    }
    if !anew {
        for (account, operation, owner) in &questions {
            policies.decide(account, operation, *owner);
        }
    }
    Ok(timed(count, |number| {
        if anew {
            policies.forget();
        }
        if let Some((account, operation, owner)) = questions.get(number % questions.len().max(1)) {
            black_box(policies.decide(account, operation, *owner));
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_measures_what_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key.pem");
        let (verified, again) = (verification(&key, 200).unwrap(), remembered(&key, 200).unwrap());
        let (known, anew) = (decision(200, false).unwrap(), decision(200, true).unwrap());
        // A decision that is remembered is looked up, and one that is not is made, which takes far more than three times as long.
        assert!(known.p50 * 3 < anew.p50, "{known:?} {anew:?}");
        assert!(verified.p50 > Duration::ZERO && verified.p50 <= verified.p99, "{verified:?}");
        // What is remembered is not computed again.
        assert!(again.p50 > Duration::ZERO && again.p50 < verified.p50, "{again:?} {verified:?}");
    }
}
