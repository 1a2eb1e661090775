//! Keeps offers, edits and their proof in: what can be done at a place, the edit that does it, and why it is safe.
//!
//! Knows no protocol, asks no model in this file tree's offline half, and never lets out an edit that changes a token of code.

pub mod edit;
