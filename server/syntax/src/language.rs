//! The languages, as data: a folder of queries, a table of facts (`language.toml`), and one line in [`LANGUAGES`].
//!
//! Nothing here knows a language by name; what differs between languages is in `queries/<language>/`.

use crate::docstring::DocStyle;
use crate::grammar::{Grammar, QueryFile, QueryProblem};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{LazyLock, OnceLock};

/// One line a language: identifier, folder of queries, grammar.
macro_rules! languages {
    ($($id:literal in $folder:literal => $grammar:expr),* $(,)?) => {
        static LANGUAGES: LazyLock<Vec<Language>> = LazyLock::new(|| vec![$(Language::new(
            $id,
            || $grammar.into(),
            [
                include_str!(concat!("../../../queries/", $folder, "/language.toml")),
                include_str!(concat!("../../../queries/", $folder, "/symbols.scm")),
                include_str!(concat!("../../../queries/", $folder, "/signature.scm")),
                include_str!(concat!("../../../queries/", $folder, "/docs.scm")),
                include_str!(concat!("../../../queries/", $folder, "/calls.scm")),
                include_str!(concat!("../../../queries/", $folder, "/complexity.scm")),
                include_str!(concat!("../../../queries/", $folder, "/smells.scm")),
            ],
        )),*]);
    };
}

languages! {
    "python" in "python" => tree_sitter_python::LANGUAGE,
    "javascript" in "javascript" => tree_sitter_javascript::LANGUAGE,
    "typescript" in "typescript" => tree_sitter_typescript::LANGUAGE_TYPESCRIPT,
    "tsx" in "typescript" => tree_sitter_typescript::LANGUAGE_TSX,
    "rust" in "rust" => tree_sitter_rust::LANGUAGE,
    "go" in "go" => tree_sitter_go::LANGUAGE,
}

/// One language.
pub struct Language {
    /// `python`, `javascript`, `typescript`, `tsx`, `rust`, `go`.
    pub id: &'static str,
    /// Name for people.
    pub name: String,
    /// File endings without the dot.
    pub extensions: Vec<String>,
    /// Identifiers that editors use (`javascriptreact`).
    pub editor_ids: Vec<String>,
    /// The style of new documentation, and the hint for parsing.
    pub doc_style: DocStyle,
    /// All other facts.
    pub(crate) facts: Facts,
    #[cfg(test)]
    table: &'static str,
    make_grammar: fn() -> tree_sitter::Language,
    queries: [&'static str; 6],
    grammar: OnceLock<Grammar>,
}

impl std::fmt::Debug for Language {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Language").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Which endings, places and words a language has: the content of `language.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Facts {
    pub name: String,
    pub extensions: Vec<String>,
    pub editor_ids: Vec<String>,
    pub doc_style: String,
    pub docs: DocFacts,
    pub walk: WalkFacts,
    pub names: NameFacts,
    pub decorators: DecoratorFacts,
    pub patterns: PatternFacts,
    pub body: BodyFactsTable,
    pub triggers: TriggerFacts,
    /// Dialects with a grammar of their own: what differs from the language, by identifier.
    pub dialects: BTreeMap<String, DialectFacts>,
}

/// A dialect that shares the language's folder.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DialectFacts {
    pub name: String,
    pub extensions: Vec<String>,
    pub editor_ids: Vec<String>,
}

/// How documentation is attached.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DocFacts {
    /// `inside` (a string that opens the body) or `before` (a comment).
    pub placement: String,
    /// Node kinds of comments.
    pub comments: Vec<String>,
    /// Openings of documentation blocks: `/**`.
    pub blocks: Vec<String>,
    /// Markers of documentation lines: `///`.
    pub lines: Vec<String>,
    /// Markers of lines that document what encloses them: `//!`.
    pub inner: Vec<String>,
    /// Beginnings of comments that are directives, not documentation: `//go:`.
    pub directives: Vec<String>,
    /// Blank lines allowed between the comment and the definition.
    pub gap: usize,
    /// Tags that make a comment at the start of a file the documentation of the file: `@file`.
    pub file_tags: Vec<String>,
    /// Tags of comments that document no definition below them: `@typedef`.
    pub standalone: Vec<String>,
    /// For `inside`: kinds of the statement that holds the string, of the string, and of the bodies that it may open.
    pub statement: String,
    pub literal: String,
    pub bodies: Vec<String>,
    /// For `inside`: letters before the quote that make the string no documentation.
    pub never_prefixes: String,
}

/// Where definitions are looked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WalkFacts {
    /// Node kinds that are looked into.
    pub enter: Vec<String>,
    /// Node kinds around a definition that belong to it: their comments are its documentation, their span is its span.
    pub wrappers: Vec<String>,
    /// Blocks end by indentation alone: what begins at the left margin of a new line, outside of brackets and strings, is a statement of its own.
    pub margin: bool,
    /// Wrappers that make a definition exported.
    pub exports: Vec<String>,
    /// Functions that may have no name: what they hold is local. They are symbols only where a namer, `export` or a comment says so.
    pub bodies: Vec<String>,
    /// Expressions that end with a brace for good: what looks like a call of one in the next line is a statement of its own.
    pub closed: Vec<String>,
    /// Wrappers that may hold several definitions, each with a comment of its own.
    pub groups: Vec<String>,
    /// Wrappers that name the function or type which is their value.
    pub namers: Vec<NamerFacts>,
    /// What may stand before the comment that opens a file: `#!…`.
    pub preamble: Vec<String>,
    /// Kinds of a name with an owner (`a.b`), with the fields of owner and name.
    pub paths: Vec<PathFacts>,
}

/// One kind of node that names its value.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NamerFacts {
    pub kind: String,
    /// The field of the name.
    pub name: String,
    /// A function that is its value is a method.
    pub member: bool,
}

/// One kind of dotted name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PathFacts {
    pub kind: String,
    pub owner: String,
    pub name: String,
}

/// What names say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NameFacts {
    /// `underscore`, `keyword` or `capital`.
    pub visibility: String,
    /// Names of constructors.
    pub constructors: Vec<String>,
    /// Words that begin the names of free functions which make an instance.
    pub constructor_prefixes: Vec<String>,
    /// Words that begin the names of test functions.
    pub tests: Vec<String>,
    /// Objects whose members are exports when they are assigned: `module.exports`.
    pub export_objects: Vec<String>,
    /// The member of a type that holds its methods: `prototype`.
    pub prototype: String,
    /// Words for the instance that a method works on: `this`.
    pub selves: Vec<String>,
    /// The first parameter of a method that is not static is the receiver.
    pub first_is_receiver: bool,
    /// Same-named neighbours with a signature only are overloads.
    pub overloads: bool,
    /// Names that are there without being defined or imported.
    pub builtins: Vec<String>,
}

/// What decorators say; compared with the text before any bracket, and with its last dotted part.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DecoratorFacts {
    /// Node kinds before a definition.
    pub kinds: Vec<String>,
    /// Node kinds that decorate what encloses them: `#![…]`.
    pub inner: Vec<String>,
    pub statics: Vec<String>,
    pub class_methods: Vec<String>,
    pub getters: Vec<String>,
    pub setters: Vec<String>,
    pub overloads: Vec<String>,
    pub abstracts: Vec<String>,
    pub overrides: Vec<String>,
    pub deprecated: Vec<String>,
    pub tests: Vec<String>,
    /// Beginnings, without white space, of those that hold documentation themselves: `doc=`.
    pub documents: Vec<String>,
    /// Those that hide a definition and what it holds from documentation: `doc(hidden)`.
    pub hides: Vec<String>,
}

/// Kinds of the parts of a destructured parameter.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PatternFacts {
    /// `{…}`, whose names are fields.
    pub objects: Vec<String>,
    /// `key: value` in one.
    pub pairs: Vec<String>,
    /// `left = right` in one.
    pub defaults: Vec<String>,
    /// `...rest` in one.
    pub rests: Vec<String>,
}

/// How bodies are read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BodyFactsTable {
    /// Kinds of bodies in braces or by indentation; any other body is an expression whose value is returned.
    pub blocks: Vec<String>,
    /// Nodes that guard: with the fields of their condition, consequence and alternative.
    pub guards: Vec<GuardFacts>,
    /// Statements after which the end is not reached.
    pub terminators: Vec<String>,
    /// Statements whose end is not reached where none of their blocks and clauses reaches its own.
    pub all_end: Vec<String>,
    /// Clauses that do not count for `all_end`.
    pub never_count: Vec<String>,
    /// Where the last expression of a body is its value: through which nodes the value is handed out. A list of fields,
    /// `*` for all children, `$` for the last child.
    pub tails: BTreeMap<String, Vec<String>>,
    /// A throw in an async function is a rejection.
    pub async_rejects: bool,
    /// Bodies, as text, that say that there is none.
    pub stubs: Vec<String>,
    /// A body without any statement is a stub too.
    pub empty_is_stub: bool,
    /// Statements that may stand beside a stub's: documentation and `raise NotImplementedError`.
    pub stub_throws: Vec<String>,
    /// Types whose handler catches everything.
    pub catch_all: Vec<String>,
    /// How a condition is negated: `not `, `!`.
    pub negation: String,
}

/// One kind of guard.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GuardFacts {
    pub kind: String,
    /// The field of the condition; empty where what is inside has a condition that cannot be written down.
    pub condition: String,
    pub consequence: String,
    /// Kinds of conditions that cannot be negated.
    pub opaque: Vec<String>,
}

/// Words whose presence makes a closer look worth while.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TriggerFacts {
    /// For `smells.scm`.
    pub smells: Vec<String>,
    /// For named literals in `smells.scm`.
    pub literals: Vec<String>,
}

impl DocFacts {
    /// Whether a string literal can be documentation: it has no letter before its quote that makes it something else.
    pub(crate) fn is_documentation_string(&self, literal: &str) -> bool {
        !literal.chars().take_while(char::is_ascii_alphabetic).any(|letter| self.never_prefixes.contains(letter))
    }
}

impl Language {
    /// Whether the literals around this word are read into [`crate::model::FileModel::literals`].
    pub fn looks_at_literals_for(&'static self, word: &str) -> bool {
        self.grammar().looks_at_literals_for(word)
    }

    fn new(id: &'static str, make_grammar: fn() -> tree_sitter::Language, sources: [&'static str; 7]) -> Self {
        let [table, queries @ ..] = sources;
        // A broken built-in table is caught by the test below; at run time it yields a language that no file has.
        let mut facts: Facts = toml::from_str(table).unwrap_or_default();
        if let Some(dialect) = facts.dialects.remove(id) {
            (facts.name, facts.extensions, facts.editor_ids) = (dialect.name, dialect.extensions, dialect.editor_ids);
        }
        Self {
            id,
            name: facts.name.clone(),
            extensions: facts.extensions.clone(),
            editor_ids: facts.editor_ids.clone(),
            doc_style: DocStyle::from_name(&facts.doc_style).unwrap_or(DocStyle::Plain),
            facts,
            #[cfg(test)]
            table,
            make_grammar,
            queries,
            grammar: OnceLock::new(),
        }
    }

    /// All languages, in the order of the list.
    pub fn all() -> impl Iterator<Item = &'static Language> {
        LANGUAGES.iter()
    }

    /// By its own identifier or one of an editor.
    pub fn from_id(id: &str) -> Option<&'static Language> {
        Self::all().find(|language| language.id == id || language.editor_ids.iter().any(|known| known == id))
    }

    /// Whether a name is there in every file of the language without being defined or imported.
    pub fn is_builtin(&self, name: &str) -> bool {
        self.facts.names.builtins.iter().any(|known| known == name)
    }

    /// Whether blocks end by indentation alone, so that what begins at the left margin begins anew.
    pub fn ends_blocks_at_margin(&self) -> bool {
        self.facts.walk.margin
    }

    /// By the ending of a path.
    pub fn from_path(path: &Path) -> Option<&'static Language> {
        let extension = path.extension()?.to_str()?;
        Self::all().find(|language| language.extensions.iter().any(|known| known == extension))
    }

    /// Puts other query files, given by name and source, in the place of the built-in ones for the rest of the process.
    /// To be called once, before the first file of the language is read.
    ///
    /// # Errors
    /// If a query does not compile, if there is no such file, or if the language is in use already; all built-in queries then stay.
    pub fn replace_queries(&'static self, files: &[(String, String)]) -> Result<(), QueryProblem> {
        let mut queries: [&str; 6] = self.queries;
        for (name, source) in files {
            let file = QueryFile::from_name(name).ok_or_else(|| QueryProblem::UnknownFile { name: name.clone() })?;
            queries[file as usize] = source;
        }
        let grammar = Grammar::new((self.make_grammar)(), &self.facts, queries)?;
        self.grammar.set(grammar).map_err(|_| QueryProblem::InUse { language: self.id.to_string() })
    }

    pub(crate) fn grammar(&'static self) -> &'static Grammar {
        self.grammar.get_or_init(|| {
            let language = (self.make_grammar)();
            Grammar::new(language.clone(), &self.facts, self.queries).unwrap_or_else(|_| Grammar::empty(language))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_and_every_query_is_sound() {
        for language in Language::all() {
            toml::from_str::<Facts>(language.table).unwrap_or_else(|error| panic!("{}: {error}", language.id));
            assert!(!language.extensions.is_empty(), "{}", language.id);
            Grammar::new((language.make_grammar)(), &language.facts, language.queries)
                .unwrap_or_else(|problem| panic!("{}: {problem}", language.id));
        }
    }

    #[test]
    fn a_broken_query_is_refused_with_one_sentence() {
        let language = Language::from_id("go").unwrap();
        let problem =
            language.replace_queries(&[("smells.scm".to_owned(), "(call_expression".to_owned())]).unwrap_err();
        assert!(problem.to_string().contains("smells.scm"), "{problem}");
    }
}
