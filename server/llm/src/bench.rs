//! Measures the path to language models against scripted servers: what it takes itself, and what it gains over doing without.
//!
//! Whatever can be is a ratio between two runs of the same kind one after the other, since machines differ and are seldom idle. Measuring
//! is never part of answering a user.

mod flow;
mod overhead;
mod parts;
mod spread;
mod trouble;

pub use overhead::calls;
pub use parts::Row;

use std::time::Duration;

/// How long is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// As long as the figures need.
    Full,
    /// Long enough to see that it works.
    Short,
}

impl Length {
    /// So many of a full measurement, or a part of them.
    fn of(self, full: usize) -> usize {
        match self {
            Self::Full => full,
            Self::Short => full.div_ceil(8),
        }
    }

    fn time(self, full: Duration) -> Duration {
        match self {
            Self::Full => full,
            Self::Short => full / 4,
        }
    }
}

/// The names of all measurements, in their order.
pub const NAMES: [&str; 12] = [
    "overhead",
    "hit",
    "coalescing",
    "hedging",
    "limit",
    "slow-target",
    "affinity",
    "forecast",
    "brown-out",
    "cancel",
    "streams",
    "growth",
];

/// Runs one measurement; none of an unknown name.
pub async fn run(name: &str, length: Length) -> Vec<Row> {
    match name {
        "overhead" => overhead::miss(length).await,
        "hit" => overhead::hit(length).await,
        "growth" => overhead::growth(length).await,
        "coalescing" => flow::coalescing(length).await,
        "limit" => flow::limit(length).await,
        "forecast" => flow::forecast(length).await,
        "streams" => flow::streams(length).await,
        "hedging" => spread::hedging(length).await,
        "slow-target" => spread::slow_target(length).await,
        "affinity" => spread::affinity(length).await,
        "brown-out" => trouble::brown_out(length).await,
        "cancel" => trouble::cancel(length).await,
        _ => Vec::new(),
    }
}
