//! Keeps mechanisms of protection in, knows nobody: here, what a secret looks like.
