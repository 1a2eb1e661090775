//! The durable state on real databases: each test runs on a file of SQLite and on a PostgreSQL that the tests start.

// What is shared by tests may fail a test; clippy knows that only of test functions themselves.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod accounts;
mod audit;
mod crashes;
mod databases;
mod idempotency;
mod invitations;
mod jobs;
mod opening;
mod pages;
mod providers;
mod races;
mod servers;
mod tokens;
