//! Keeps tree-sitter, the grammars and ropey in: one file's text goes in, a model of it comes out.
//!
//! This room does no I/O, knows no async runtime and cannot fail on input: broken code yields a model and its problems.
//! Above it nobody sees a syntax tree.

pub mod docstring;
pub mod document;
pub mod extract;
pub mod grammar;
pub mod language;
pub mod model;
pub mod outline;
pub mod text;
