//! Keeps mechanisms of protection in, knows nobody: here, what a secret looks like, and how a process is started.

pub mod cage;
pub mod formats;
pub mod scan;
pub mod secret;
