//! How long is waited between two looks at a batch, and how long a provider that fails is borne with.

use super::BulkOptions;
use super::wire::Refusal;
use std::time::Duration;
use tokio::time::Instant;

/// Longer and longer pauses, and how long there was nothing but trouble.
pub(super) struct Pauses {
    next: Duration,
    longest: Duration,
    patience: Duration,
    trouble_since: Option<Instant>,
}

impl Pauses {
    pub(super) fn new(options: &BulkOptions) -> Self {
        let (next, longest) = (options.first_pause, options.longest_pause.max(options.first_pause));
        Self { next, longest, patience: options.patience, trouble_since: None }
    }

    /// Waits, as long as is wished at least.
    pub(super) async fn wait(&mut self, wish: Option<Duration>) {
        tokio::time::sleep(self.next.max(wish.unwrap_or_default())).await;
        self.next = (self.next * 3 / 2).min(self.longest);
    }

    pub(super) fn all_is_well(&mut self) {
        self.trouble_since = None;
    }

    /// Whether it makes sense to try again after this.
    pub(super) fn bears(&mut self, refusal: &Refusal) -> bool {
        let since = *self.trouble_since.get_or_insert_with(Instant::now);
        refusal.may_pass() && since.elapsed() <= self.patience
    }
}
