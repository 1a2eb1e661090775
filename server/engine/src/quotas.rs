//! What the clients of a service may use: the settings of a service hold from when it says so, and not for an editor on the same machine.

use crate::config::keys::read_key;
use crate::error::CoreError;
use crate::server_core::{ServerCore, Shared};
use llm::config::KeySource;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub use llm::shared::rate::{RequestRates, Standing};

impl ServerCore {
    /// Holds what models cost each client against `service.quotas` from now on; to be called before a model is wanted.
    pub fn hold_quotas(&self) {
        self.shared().models.has_quotas.store(true, Ordering::Relaxed);
    }

    /// What counts the requests of clients: together with other replicas where `cache.redis` is set. Beside it one sentence, if that cannot
    /// be used, and requests are counted here alone.
    ///
    /// # Errors
    /// If too much is waiting.
    pub async fn request_rates(&self) -> Result<(RequestRates, Option<String>), CoreError> {
        let settings = self.config().settings().cache.clone();
        let deadline = Duration::from_millis(settings.redis_deadline_ms);
        let read = move |shared: &Shared| {
            let key = |source: &KeySource| read_key(shared.workspace.files(), source);
            llm::manager::shared(&settings, &key)
        };
        Ok(match self.compute("quotas", self.metrics().correlation(), read).await? {
            Ok(redis) => (RequestRates::new(redis, deadline), None),
            Err(problem) => (RequestRates::new(None, deadline), Some(problem)),
        })
    }
}
