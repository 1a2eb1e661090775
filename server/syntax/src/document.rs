//! One open document: a rope, its tree and its version.
