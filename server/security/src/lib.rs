//! Keeps mechanisms of protection in, knows nobody: here, what a secret looks like, how one is sealed, and how a process is started.

pub mod cage;
pub mod cipher;
pub mod formats;
pub mod scan;
pub mod secret;
