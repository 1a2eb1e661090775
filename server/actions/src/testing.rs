//! What the tests of this room share: models and findings of short texts, and edits applied to them.

use crate::writer::WriterOptions;
use analysis::RepoFacts;
use analysis::diagnostic::Finding;
use analysis::settings::{Profile, Settings};
use syntax::extract::Depth;
use syntax::language::Language;
use syntax::model::FileModel;
use syntax::text::{TextEdit, apply_edits};

/// The model of a text.
pub fn model(language: &str, text: &str) -> FileModel {
    syntax::extract::model(Language::from_id(language).expect("a known language"), text.into(), Depth::Full)
}

/// All findings of the strict profile.
pub fn findings(model: &FileModel) -> Vec<Finding> {
    let settings = Settings { profile: Profile::Strict, ..Settings::default() };
    analysis::diagnostics(model, &settings, &RepoFacts::default())
}

/// The text after the edits.
pub fn after(model: &FileModel, edits: &[TextEdit]) -> String {
    apply_edits(&model.text, edits).expect("edits that fit")
}

/// The text after everything that can be mended is mended.
pub fn mended(language: &str, text: &str) -> String {
    let model = model(language, text);
    let edits = crate::fix_all::fix_all(&model, &findings(&model), &WriterOptions::default()).expect("a mending").edits;
    after(&model, &edits)
}

/// The index of the symbol with that path.
pub fn symbol(model: &FileModel, path: &str) -> usize {
    model.symbols.iter().position(|symbol| symbol.path == path).expect("a symbol of that path")
}
