//! Keeps offers, edits and their proof in: what can be done at a place, the edit that does it, and why it is safe.
//!
//! Knows no protocol, does no I/O, asks no model in this file tree's offline half, and never lets out an edit that changes a token of code.

pub mod complete;
pub mod convert;
pub mod document;
pub mod edit;
pub mod fix_all;
pub mod hover;
pub mod layout;
pub mod lens;
pub mod offer;
#[cfg(test)]
mod testing;
pub mod update_docs;
pub mod writer;
