//! Whether somebody who stays connected still may: he is asked about when something of his was revoked, and once in a while, since rights end by
//! themselves too. It must not ask the store for each connection again and again: a thousand may be open, and most of them are quiet.

use crate::auth::{self, Principal, Via};
use crate::state::Gateway;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{Interval, MissedTickBehavior, interval_at};

/// Rights end by themselves too, when a token is over; those that are taken away are heard of at once.
const LOOK: Duration = Duration::from_secs(5);
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
    look: Interval,
    /// Something happened after which it has to be asked. It stays until there was an answer, whoever drops the question.
    must_ask: bool,
    /// Since when the store does not say.
    in_doubt: Option<Instant>,
}

impl Standing {
    /// Hears of what is revoked from now on. What was revoked between the door and here was told to nobody, so it is asked about first.
    pub fn new(gateway: &Gateway, principal: &Principal) -> Self {
        let mut look = interval_at(tokio::time::Instant::now() + LOOK, LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let revoked = gateway.hub().rights();
        Self { gateway: gateway.clone(), principal: principal.clone(), revoked, look, must_ask: true, in_doubt: None }
    }

    /// Waits until he may be here no longer, and says why. Dropping it loses nothing.
    pub async fn lost(&mut self) -> Lost {
        loop {
            if let Some(lost) = self.asked().await {
                return lost;
            }
            self.must_ask = tokio::select! {
                revoked = self.revoked.recv() => match revoked {
                    Ok(revoked) => self.concerns(&revoked),
                    // Who is behind asks.
                    Err(RecvError::Lagged(_)) => true,
                    Err(RecvError::Closed) => return Lost::Unknown,
                },
                _ = self.look.tick() => true,
            };
        }
    }

    /// Whether he may be here no longer by what was heard up to now.
    pub async fn lost_by_now(&mut self) -> Option<Lost> {
        loop {
            match self.revoked.try_recv() {
                Ok(revoked) => self.must_ask |= self.concerns(&revoked),
                Err(TryRecvError::Lagged(_)) => self.must_ask = true,
                Err(TryRecvError::Empty) => return self.asked().await,
                Err(TryRecvError::Closed) => return Some(Lost::Unknown),
            }
        }
    }

    /// Whether something that was revoked is this account, its session or its token.
    fn concerns(&self, revoked: &[String]) -> bool {
        let (Via::Session { id, .. } | Via::Token { id, .. } | Via::Provider { mark: id, .. }) = &self.principal.via;
        revoked.iter().any(|one| one == id || *one == self.principal.account.id)
    }

    /// Asks where it has to be asked. A store that does not answer for a while says neither.
    async fn asked(&mut self) -> Option<Lost> {
        if !self.must_ask {
            return None;
        }
        let answer = auth::still_good(&self.gateway, &self.principal).await;
        self.must_ask = false;
        match answer {
            Ok(true) => {
                self.in_doubt = None;
                None
            }
            Ok(false) => Some(Lost::SignedOut),
            Err(_) => {
                let since = *self.in_doubt.get_or_insert_with(Instant::now);
                (since.elapsed() > DOUBT).then_some(Lost::Unknown)
            }
        }
    }
}
