//! Datei 🎉.

/// Grüße 🎉.
///
/// # Panics
///
/// Wenn leer.
pub fn greet(name: &str) -> String {
    assert!(!name.is_empty());
    // TODO: schöner 🎉
    name.into()
}
