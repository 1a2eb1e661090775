//! Measures. (Signatures first.)

/// Counts and times everything.
#[derive(Debug, Default)]
pub struct MetricsCollector {}
