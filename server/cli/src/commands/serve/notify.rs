//! Tells systemd how the service is, where it was systemd that started it. Elsewhere nothing is told to anybody.
//!
//! It says that it is alive from within the loop that serves, so that one that hangs says nothing and is begun anew.

#[cfg(unix)]
pub use unix::{alive, ready, stopping};

#[cfg(not(unix))]
pub use elsewhere::{alive, ready, stopping};

#[cfg(unix)]
mod unix {
    use sd_notify::NotifyState;
    use std::time::Duration;

    /// The service listens.
    pub fn ready(address: &str) {
        tell(&[NotifyState::Ready, NotifyState::Status(&format!("Listening on {address}."))]);
    }

    /// The service ends what is under way.
    pub fn stopping() {
        tell(&[NotifyState::Stopping, NotifyState::Status("Ending what is under way.")]);
    }

    /// Says again and again that the service is alive, where that is wanted; until it is dropped.
    pub async fn alive() {
        let Some(within) = sd_notify::watchdog_enabled() else { return std::future::pending().await };
        // As its manual asks: twice in the time after which it would be taken for dead.
        let every = (within / 2).max(Duration::from_millis(1));
        loop {
            tell(&[NotifyState::Watchdog]);
            tokio::time::sleep(every).await;
        }
    }

    fn tell(states: &[NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(states) {
            tracing::warn!(%error, "systemd could not be told how the service is.");
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    /// Nobody is told.
    pub fn ready(_: &str) {}

    /// Nobody is told.
    pub fn stopping() {}

    /// Nobody is told.
    pub async fn alive() {
        std::future::pending().await
    }
}
