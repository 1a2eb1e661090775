//! Keeps mechanisms of protection in, knows nobody: here, what a secret looks like.

pub mod formats;
pub mod scan;
pub mod secret;
