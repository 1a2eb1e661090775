//! What the code itself says to a question, without any model: the signatures and the documentation of what the question names.
//!
//! It never guesses: where nothing is named, it says nothing.

use crate::server_core::ServerCore;
use crate::view;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use syntax::extract::Depth;
use syntax::language::Language;
use syntax::model::FileModel;
use workspace::uri;

/// Symbols that one answer tells of.
const MOST: usize = 8;
/// Words of a question that are looked for; a text that has more is no question.
const MOST_NAMES: usize = 200;
/// The shortest word that is taken for a name though it does not look like code.
const SHORTEST: usize = 3;

impl ServerCore {
    /// What the code says to a question: about the symbols that it names, in these files or, where there are none, in the whole workspace;
    /// `None` where it names none.
    pub async fn facts(&self, question: &str, files: &[PathBuf]) -> Option<String> {
        let names = names_in(question);
        let mut found: Vec<(PathBuf, FileModel)> = Vec::new();
        if files.is_empty() {
            for name in &names {
                for symbol in self.symbols(name).await.unwrap_or_default() {
                    let path = uri::to_path(&symbol.uri).filter(|_| symbol.name == *name);
                    let path = path.filter(|path| !found.iter().any(|(known, _)| known == path));
                    found.extend(path.and_then(|path| Some((path.clone(), self.model_at(&path)?))));
                }
            }
        } else {
            found.extend(files.iter().filter_map(|path| Some((path.clone(), self.model_at(path)?))));
        }
        Some(facts(&found, &names)).filter(|facts| !facts.is_empty())
    }

    fn model_at(&self, path: &Path) -> Option<FileModel> {
        let language = Language::from_path(path)?;
        let text = self.shared().read(path).ok()?;
        let parsed = view::parse(language, &text, None, &|| false, self.metrics())?;
        Some(view::model(&parsed, text, Depth::Full, language.id, self.metrics()))
    }
}

/// What is said of the symbols of these names, the first few of them.
fn facts(files: &[(PathBuf, FileModel)], names: &[String]) -> String {
    let mut text = String::new();
    let symbols = files.iter().flat_map(|(path, model)| {
        let of_file = model.symbols.iter().enumerate();
        let named = of_file.filter(|(index, symbol)| *index > 0 && names.contains(&symbol.name));
        named.map(move |(index, symbol)| (path, model, index, symbol))
    });
    for (path, model, index, symbol) in symbols.take(MOST) {
        let line = model.lines.line(symbol.name_span.start) + 1;
        let markdown = actions::hover::markdown(model, index, symbol, &[]);
        // Writing into a string does not fail.
        let _ = write!(text, "{}:{line}\n\n{}\n\n", path.display(), markdown.trim_end());
    }
    text.truncate(text.trim_end().len());
    text
}

/// The words of a question that may be names.
fn names_in(question: &str) -> Vec<String> {
    let words =
        question.split(|character: char| !(character.is_alphanumeric() || character == '_' || character == '$'));
    let mut seen = rustc_hash::FxHashSet::default();
    let words = words.filter(|word| word.chars().count() >= SHORTEST && seen.insert(*word));
    words.take(MOST_NAMES).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_question_are_names_once_and_whole() {
        let names = names_in("What does `parse_url` do, and Parser.load()? What is a $x1?");
        assert_eq!(names, ["What", "does", "parse_url", "and", "Parser", "load", "$x1"]);
    }
}
