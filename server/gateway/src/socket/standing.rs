//! Whether somebody who stays connected still may: he is asked about when something of his was revoked, when his rights end by themselves, and once in
//! a while besides. It must not ask the store for each connection again and again: a thousand may be open, and most of them are quiet.

use crate::auth::{self, Principal, Via};
use crate::state::Gateway;
use engine::store::now_ms;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{Instant, sleep_until};

/// What is taken away is heard of at once; a look besides finds what was told to nobody.
const LOOK: Duration = Duration::from_secs(60);
/// When it is asked again where the store did not answer.
const AGAIN: Duration = Duration::from_millis(300);
/// How long the store may leave it open whether the rights still hold.
const DOUBT: Duration = Duration::from_secs(15);

/// Why somebody may be here no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// His session or token is good no more, or his role is another one.
    SignedOut,
    /// The store does not say whether it is.
    Unknown,
}

/// What lets somebody stay.
pub(crate) struct Standing {
    gateway: Gateway,
    principal: Principal,
    revoked: Receiver<Arc<Vec<String>>>,
    /// When it has to be asked, whatever happens. It stays until there was an answer, whoever drops the question.
    ask_at: Instant,
    /// Since when the store does not say.
    in_doubt: Option<Instant>,
}

impl Standing {
    /// Hears of what is revoked from now on. What was revoked between the door and here was told to nobody, so it is asked about first.
    pub fn new(gateway: &Gateway, principal: &Principal) -> Self {
        let revoked = gateway.hub().rights();
        let ask_at = Instant::now();
        Self { gateway: gateway.clone(), principal: principal.clone(), revoked, ask_at, in_doubt: None }
    }

    /// Waits until he may be here no longer, and says why. Dropping it loses nothing.
    pub async fn lost(&mut self) -> Lost {
        loop {
            if let Some(lost) = self.asked().await {
                return lost;
            }
            tokio::select! {
                revoked = self.revoked.recv() => match revoked {
                    Ok(revoked) if !self.concerns(&revoked) => {}
                    // Who is behind asks.
                    Ok(_) | Err(RecvError::Lagged(_)) => self.ask_at = Instant::now(),
                    Err(RecvError::Closed) => return Lost::Unknown,
                },
                () = sleep_until(self.ask_at) => {}
            }
        }
    }

    /// Whether he may be here no longer by what was heard up to now.
    pub async fn lost_by_now(&mut self) -> Option<Lost> {
        loop {
            match self.revoked.try_recv() {
                Ok(revoked) if !self.concerns(&revoked) => {}
                Ok(_) | Err(TryRecvError::Lagged(_)) => self.ask_at = Instant::now(),
                Err(TryRecvError::Empty) => return self.asked().await,
                Err(TryRecvError::Closed) => return Some(Lost::Unknown),
            }
        }
    }

    /// Whether something that was revoked is this account, its session or its token, or may be.
    fn concerns(&self, revoked: &[String]) -> bool {
        let (Via::Session { id, .. } | Via::Token { id, .. } | Via::Provider { mark: id, .. }) = &self.principal.via;
        revoked.is_empty() || revoked.iter().any(|one| one == id || *one == self.principal.account.id)
    }

    /// Asks where it has to be asked. A store that does not answer for a while says neither.
    async fn asked(&mut self) -> Option<Lost> {
        if Instant::now() < self.ask_at {
            return None;
        }
        match auth::good_until(&self.gateway, &self.principal).await {
            Ok(Some(until)) => {
                let left = u64::try_from(until.saturating_sub(now_ms())).unwrap_or(0);
                self.ask_at = Instant::now() + Duration::from_millis(left).min(LOOK);
                self.in_doubt = None;
                None
            }
            Ok(None) => Some(Lost::SignedOut),
            Err(_) => {
                self.ask_at = Instant::now() + AGAIN;
                let since = *self.in_doubt.get_or_insert_with(Instant::now);
                (since.elapsed() > DOUBT).then_some(Lost::Unknown)
            }
        }
    }
}
