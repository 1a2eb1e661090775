//! Keeps offers, edits and their proof in: what can be done at a place, the edit that does it, and why it is safe.
//!
//! Knows no protocol, does no I/O, and talks to no model: it says what is asked (`ask.rs`) and reads what was answered. What is done without a
//! model never changes a token of code; what a model wrote is judged in an overlay (`check.rs`) before it becomes an edit.

pub mod ask;
pub mod chat;
pub mod check;
pub mod claims;
pub mod complete;
pub mod context;
pub mod convert;
pub mod custom;
pub mod document;
pub mod edit;
pub mod explain;
pub mod fix;
pub mod fix_all;
pub mod hover;
pub mod inline;
pub mod layout;
pub mod lens;
pub mod offer;
pub mod prose;
pub mod refactor;
pub mod review;
pub mod rewrite;
#[cfg(test)]
mod testing;
pub mod translate;
pub mod update_docs;
pub mod write_tests;
pub mod writer;
