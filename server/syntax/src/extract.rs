//! From a syntax tree to the model.

use crate::language::Language;
use crate::model::FileModel;
use std::sync::Arc;

/// For which symbols the bodies are read; reading bodies costs most of the time of a cold check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Only bodies of symbols whose documentation has sections or tags.
    #[default]
    Documented,
    /// All bodies.
    Full,
}

/// Parses `text` afresh and reads its model.
pub fn model(_language: &'static Language, _text: Arc<str>, _depth: Depth) -> FileModel {
    todo!()
}

/// A fingerprint of the code: kinds and texts of all leaves that are no comments and no documentation strings, in order.
/// Two texts with the same fingerprint have the same tokens and the same tree without comments.
pub fn code_fingerprint(_language: &'static Language, _text: &str) -> CodeFingerprint {
    todo!()
}

/// See [`code_fingerprint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeFingerprint {
    /// Hash of the tokens.
    pub tokens: u64,
    /// Hash of the tree's shape without comments and documentation strings.
    pub shape: u64,
    /// Number of nodes that do not parse.
    pub errors: usize,
}
