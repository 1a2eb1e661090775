//! Tests of the whole house, in one binary: its rules (`tidy`), and the real program as a user runs it (the rest).

// What is shared by tests may fail a test; clippy knows that only of test functions themselves.
#![allow(clippy::expect_used, clippy::panic)]

mod bad_input;
mod bulk;
mod check_command;
mod document_command;
mod models;
mod other_commands;
mod support;
mod tidy;
