//! The languages, as data: a folder of queries, a table of facts, and one line in [`LANGUAGES`].

use crate::docstring::DocStyle;
use std::path::Path;

/// One language.
#[derive(Debug)]
pub struct Language {
    /// `python`, `javascript`, `typescript`, `tsx`, `rust`, `go`.
    pub id: &'static str,
    /// Name for people.
    pub name: &'static str,
    /// File endings without the dot.
    pub extensions: Vec<String>,
    /// Identifiers that editors use (`javascriptreact`).
    pub editor_ids: Vec<String>,
    /// The style of new documentation, and the hint for parsing.
    pub doc_style: DocStyle,
}

impl Language {
    /// All languages.
    pub fn all() -> impl Iterator<Item = &'static Language> {
        std::iter::empty()
    }

    /// By its own identifier or one of an editor.
    pub fn from_id(id: &str) -> Option<&'static Language> {
        Self::all().find(|language| language.id == id || language.editor_ids.iter().any(|known| known == id))
    }

    /// By the ending of a path.
    pub fn from_path(path: &Path) -> Option<&'static Language> {
        let extension = path.extension()?.to_str()?;
        Self::all().find(|language| language.extensions.iter().any(|known| known == extension))
    }
}
