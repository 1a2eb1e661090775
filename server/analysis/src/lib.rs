//! Keeps the rules in: what is wrong with the documentation and the code of one file, told as [`diagnostic::Finding`]s.
//!
//! Rules read the model, never a tree, do no I/O and cannot fail. They say what to mend ([`diagnostic::Repair`]); how it is written is the business of `actions`.

pub mod diagnostic;
pub mod rules;
