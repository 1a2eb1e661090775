//! The first start: a code that is printed once and makes the first admin. There is no default password.

use crate::auth::secrets;
use crate::state::StartError;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// How long the code is good.
const GOOD_FOR: Duration = Duration::from_secs(3600);

/// The code, as long as it is good.
pub(crate) struct Setup {
    code: Option<String>,
    hash: Mutex<Option<(String, Instant)>>,
}

impl Setup {
    /// Makes a code where one is wanted.
    pub fn new(is_wanted: bool) -> Result<Self, StartError> {
        if !is_wanted {
            return Ok(Self { code: None, hash: Mutex::default() });
        }
        let fresh = secrets::setup_code().map_err(|_| StartError::Chance)?;
        Ok(Self { code: Some(fresh.secret), hash: Mutex::new(Some((fresh.hash, Instant::now()))) })
    }

    /// The code, for whoever started the service.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether this is the code. Only hashes are compared, so that the time it takes tells nothing.
    pub fn is_right(&self, code: &str) -> bool {
        let known = self.hash.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().is_some_and(|(hash, made)| *hash == secrets::hash(code) && made.elapsed() < GOOD_FOR)
    }

    /// The code was used.
    pub fn spend(&self) {
        *self.hash.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
