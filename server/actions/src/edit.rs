//! An edit to one file and the proof that it changes documentation only.
