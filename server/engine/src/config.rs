//! Settings. (Signatures first; the layers follow.)

/// Why settings were not taken over. One sentence with file, key, and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    /// The sentence.
    pub message: String,
}

/// The one place where settings come together: `flags > editor > environment > workspace file > user file > defaults`.
#[derive(Debug, Default)]
pub struct ConfigurationManager {}
