//! What the tests of the house share: where the repository is, and a way to run the real program in a folder of its own.

pub mod batch_server;
pub mod program;
pub mod repository;
