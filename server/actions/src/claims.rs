//! What prose claims of the code: the names that it uses are there, or the sentence that uses them is not believed.

use analysis::prose::{is_common, is_of_language};
use rustc_hash::FxHashSet;
use syntax::language::Language;
use syntax::model::FileModel;

/// Words that are no claim about the code, though they are written like one.
const OF_THE_WORLD: [&str; 20] = [
    "UTF-8",
    "e.g",
    "i.e",
    "JSON",
    "HTTP",
    "URL",
    "YAML",
    "TOML",
    "XML",
    "HTML",
    "SQL",
    "API",
    "JavaScript",
    "TypeScript",
    "GitHub",
    "PostgreSQL",
    "macOS",
    "iOS",
    "NumPy",
    "O(n)",
];

/// The names that code has.
#[derive(Clone, Debug)]
pub struct Known {
    names: FxHashSet<String>,
    language: &'static Language,
}

impl Known {
    /// The names of a file, its documentation left out, since that may be wrong itself.
    pub fn of(model: &FileModel) -> Self {
        let mut known = Self { names: FxHashSet::default(), language: model.language };
        let mut from = 0;
        let mut docs: Vec<_> = model.symbols.iter().filter_map(|symbol| symbol.doc.as_ref()).collect();
        docs.sort_by_key(|doc| doc.block.span.start);
        for doc in docs {
            known.add(model.text.get(from..doc.block.span.start).unwrap_or(""));
            from = from.max(doc.block.span.end);
        }
        known.add(model.text.get(from..).unwrap_or(""));
        known
    }

    /// Adds the names of more code.
    pub fn add(&mut self, text: &str) {
        self.names.extend(words(text).map(str::to_owned));
    }

    /// Whether code has exactly this name.
    pub fn is_in_code(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Whether code has the name, or the language does.
    pub fn has(&self, name: &str) -> bool {
        self.names.contains(name) || is_of_language(name) || is_common(name) || self.language.is_builtin(name)
    }

    /// The first name in a sentence that no code has.
    pub fn unknown_in(&self, sentence: &str) -> Option<String> {
        claims(sentence).into_iter().find(|claim| {
            let mut parts =
                claim.split(['.', ':', '#', '/', '<', '>', '[', ']', ',', ' ']).filter(|part| !part.is_empty());
            // One part is enough: `os.path` is of the library, `self.x` of the class.
            !parts.all(|part| !is_name(part) || self.has(part))
        })
    }

    /// The text without the sentences that name what no code has, and those names.
    pub fn believed(&self, text: &str) -> (String, Vec<String>) {
        let mut names = Vec::new();
        let mut kept = String::new();
        for sentence in sentences(text) {
            match self.unknown_in(sentence) {
                Some(name) => names.push(name),
                None => kept.push_str(sentence),
            }
        }
        (kept.trim().to_owned(), names)
    }
}

/// The words that may be names, in code or prose.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$');
    text.split(move |character| !is_part(character)).filter(|word| word.starts_with(|first: char| !first.is_numeric()))
}

fn is_name(text: &str) -> bool {
    analysis::names::is_identifier(text)
}

/// What a sentence says about code: what stands in code marks, and words that are written as only code is.
fn claims(sentence: &str) -> Vec<String> {
    let mut claims = Vec::new();
    let mut prose = String::new();
    let mut rest = sentence;
    while let Some(start) = rest.find('`') {
        let ticks = rest.get(start..).unwrap_or("").chars().take_while(|tick| *tick == '`').count();
        let (before, from) = rest.split_at(start);
        prose.push_str(before);
        prose.push(' ');
        let inner = from.get(ticks..).unwrap_or("");
        let Some(end) = inner.find(&"`".repeat(ticks)) else {
            rest = inner;
            continue;
        };
        let marked = inner.get(..end).unwrap_or("").trim().trim_end_matches("()");
        // What is marked and is no name is a value, an expression or a word of another language.
        if !marked.is_empty() && marked.split(['.', ':', '#']).filter(|part| !part.is_empty()).all(is_name) {
            claims.push(marked.to_owned());
        }
        rest = inner.get(end + ticks..).unwrap_or("");
    }
    prose.push_str(rest);
    let of_world = |word: &str| OF_THE_WORLD.contains(&word) || word.contains("://");
    let looks_like_code = |word: &str| {
        let inner_capital =
            word.chars().zip(word.chars().skip(1)).any(|(one, next)| one.is_lowercase() && next.is_uppercase());
        let is_snake = word.trim_matches('_').contains('_') && !word.contains('-');
        (inner_capital || is_snake || word.ends_with("()"))
            && word.chars().all(|c| c.is_alphanumeric() || "_$.()".contains(c))
    };
    let raw = prose.split_whitespace().map(|word| word.trim_matches(|edge: char| ",;:!?\"'[]{}*<>".contains(edge)));
    let raw = raw.map(|word| word.trim_end_matches('.').trim_start_matches('('));
    let raw = raw.map(|word| if word.ends_with("()") { word } else { word.trim_end_matches(')') });
    claims.extend(
        raw.filter(|word| looks_like_code(word) && !of_world(word)).map(|word| word.trim_end_matches("()").to_owned()),
    );
    claims
}

/// The sentences of a text, each with what follows it up to the next one.
pub(crate) fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let is_end = |(at, character): &(usize, char)| {
            let after = rest.get(at + character.len_utf8()..).unwrap_or("");
            matches!(character, '.' | '!' | '?')
                && (after.is_empty() || after.starts_with(char::is_whitespace))
                && !rest.get(..*at).unwrap_or("").ends_with("e.g")
                && !rest.get(..*at).unwrap_or("").ends_with("i.e")
        };
        let end = rest.char_indices().find(is_end).map_or(rest.len(), |(at, character)| at + character.len_utf8());
        let after = rest.get(end..).unwrap_or("");
        let end = end + (after.len() - after.trim_start().len());
        let (sentence, other) = rest.split_at(end);
        rest = other;
        Some(sentence)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::model;

    fn known() -> Known {
        Known::of(&model(
            "python",
            "import os\ndef load_all(path, max_size=3):\n    \"\"\"Use `old_name`.\"\"\"\n    return os.path.join(path)\n",
        ))
    }

    #[test]
    fn a_sentence_that_names_what_is_not_there_is_found() {
        for (sentence, unknown) in [
            ("Loads all from `path`, at most `max_size`.", None),
            ("Calls `os.path.join()` and returns `None` or `True`.", None),
            ("Reads e.g. UTF-8 (see https://a.b/c_d).", None),
            ("The value `3 + x` or `a b`.", None),
            ("Retries with `retry_count`.", Some("retry_count")),
            ("Calls loadEverything first.", Some("loadEverything")),
            ("Calls fetch_it() first.", Some("fetch_it")),
            ("As `old_name` does.", Some("old_name")),
            ("Uses `os.nothing`.", Some("os.nothing")),
        ] {
            assert_eq!(known().unknown_in(sentence).as_deref(), unknown, "{sentence}");
        }
    }

    #[test]
    fn only_the_sentences_that_lie_are_taken_out() {
        let (kept, names) = known().believed("Loads all. Uses `cache_dir` for it! At most `max_size`, e.g. 3.");
        assert_eq!(kept, "Loads all. At most `max_size`, e.g. 3.");
        assert_eq!(names, ["cache_dir"]);
    }

    #[test]
    fn odd_text_is_no_trouble() {
        for text in ["", "`", "``", "```a", "🎉`é`.", "...", ". . .", "`a.b`c`"] {
            known().believed(text);
        }
    }
}
