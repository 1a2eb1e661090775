//! How the core is, for people and for probes.

use crate::tasks::Load;
use serde::Serialize;

/// How the core is.
#[derive(Clone, Debug, Serialize)]
pub struct Health {
    /// Of the program.
    pub version: String,
    /// The way to work.
    pub mode: String,
    /// The way in which words come about.
    pub strategy: String,
    /// Since the core was built.
    pub uptime_seconds: f64,
    /// Open documents.
    pub open_documents: usize,
    /// Files whose symbols are known.
    pub indexed_files: usize,
    /// Tasks that wait and run.
    pub load: Load,
}
