//! Marked names in prose.
