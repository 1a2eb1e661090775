//! The house rules as tests: what a reviewer would have to say again and again.
//!
//! Each rule is a function from sources to offences, and each has a positive control: a bad sample that it must catch.

mod places;
mod rooms;
mod shipped;
mod text;

/// Fails with all offences, one a line.
fn assert_clean(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}
