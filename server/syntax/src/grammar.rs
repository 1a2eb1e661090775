//! A grammar with its compiled queries and its table of node kinds; built once a language, on first use.

use crate::language::Facts;
use tree_sitter::{Language as TsLanguage, Query, QueryError};

/// One file of a language's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueryFile {
    Symbols,
    Signature,
    Docs,
    Calls,
    Complexity,
    Smells,
}

impl QueryFile {
    const ALL: [(QueryFile, &'static str); 6] = [
        (Self::Symbols, "symbols.scm"),
        (Self::Signature, "signature.scm"),
        (Self::Docs, "docs.scm"),
        (Self::Calls, "calls.scm"),
        (Self::Complexity, "complexity.scm"),
        (Self::Smells, "smells.scm"),
    ];

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(file, _)| *file)
    }
}

/// Why a query cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum QueryProblem {
    /// The query does not compile.
    #[error("The query {file} does not compile at line {line}: {reason}.")]
    Broken {
        /// The file's name.
        file: &'static str,
        /// Line, from one.
        line: usize,
        /// What the compiler says.
        reason: String,
    },
    /// No file of a language's folder has that name.
    #[error(
        "There is no query file named {name}; known are symbols.scm, signature.scm, docs.scm, calls.scm, complexity.scm and smells.scm."
    )]
    UnknownFile {
        /// The name given.
        name: String,
    },
    /// The language was used before.
    #[error("Queries for {language} are in use already; restart to replace them.")]
    InUse {
        /// The language.
        language: String,
    },
}

/// What a node kind is to the walk.
pub(crate) mod role {
    /// Looked into for definitions.
    pub const ENTER: u16 = 1;
    /// Root of a pattern in `symbols.scm`.
    pub const ROOT: u16 = 2;
    /// Root of a pattern that makes a callable or a type: looked at in bodies too.
    pub const CODE_ROOT: u16 = 4;
    /// A comment.
    pub const COMMENT: u16 = 8;
    /// A decorator or attribute.
    pub const DECORATOR: u16 = 16;
    /// Belongs to the definition inside.
    pub const WRAPPER: u16 = 32;
    /// A wrapper that exports.
    pub const EXPORT: u16 = 64;
    /// A function that may have no name: what it holds is local.
    pub const BODY: u16 = 128;
    /// Root of a pattern that makes a case of an enumeration, and only in one.
    pub const VARIANT: u16 = 256;
    /// A wrapper that may hold several definitions.
    pub const GROUP: u16 = 512;
    /// A wrapper that names its value.
    pub const NAMER: u16 = 1024;
    /// A decorator of what encloses it.
    pub const INNER_DECORATOR: u16 = 2048;
    /// May stand before the comment that opens a file.
    pub const PREAMBLE: u16 = 4096;
    /// Nothing in a line below can be part of it.
    pub const CLOSED: u16 = 8192;
}

/// A compiled query with its captures' meanings resolved by name.
pub(crate) struct CompiledQuery {
    pub query: Query,
    pub names: Vec<String>,
}

impl CompiledQuery {
    fn new(language: &TsLanguage, file: QueryFile, source: &str) -> Result<Self, QueryProblem> {
        let query = Query::new(language, source).map_err(|error: QueryError| QueryProblem::Broken {
            file: QueryFile::ALL[file as usize].1,
            line: error.row + 1,
            reason: error.message.lines().next().unwrap_or("unknown error").to_string(),
        })?;
        let names = query.capture_names().iter().map(|name| name.to_string()).collect();
        Ok(Self { query, names })
    }
}

/// All that is needed to read one language.
pub(crate) struct Grammar {
    pub language: TsLanguage,
    pub symbols: CompiledQuery,
    pub signature: CompiledQuery,
    pub docs: CompiledQuery,
    /// `calls.scm` and behind it `complexity.scm`: a body is gone through once for both.
    pub bodies: CompiledQuery,
    /// The first pattern of `complexity.scm` in `bodies`.
    pub first_of_complexity: usize,
    pub smells: CompiledQuery,
    roles: Vec<u16>,
    pub smell_triggers: Option<aho_corasick::AhoCorasick>,
    pub literal_triggers: Option<aho_corasick::AhoCorasick>,
}

impl Grammar {
    pub(crate) fn new(language: TsLanguage, facts: &Facts, sources: [&str; 6]) -> Result<Self, QueryProblem> {
        let compile = |file: QueryFile| CompiledQuery::new(&language, file, sources[file as usize]);
        let symbols = compile(QueryFile::Symbols)?;
        let (calls, complexity) = (sources[QueryFile::Calls as usize], sources[QueryFile::Complexity as usize]);
        let both = format!("{calls}\n{complexity}");
        // Which of the two files is broken, and on which line of it, only its own compilation tells.
        let bodies = match CompiledQuery::new(&language, QueryFile::Calls, &both) {
            Ok(bodies) => bodies,
            Err(problem) => {
                return Err(compile(QueryFile::Calls).and(compile(QueryFile::Complexity)).err().unwrap_or(problem));
            }
        };
        let starts_behind = |pattern: &usize| bodies.query.start_byte_for_pattern(*pattern) > calls.len();
        let first_of_complexity = (0..bodies.query.pattern_count()).find(starts_behind).unwrap_or(usize::MAX);
        let mut roles = vec![0u16; language.node_kind_count()];
        let mut mark = |kinds: &[String], bit: u16| {
            for (id, role) in roles.iter_mut().enumerate() {
                let name = language.node_kind_for_id(id as u16).unwrap_or("");
                if language.node_kind_is_named(id as u16) && kinds.iter().any(|kind| kind == name) {
                    *role |= bit;
                }
            }
        };
        mark(&facts.walk.enter, role::ENTER);
        mark(&facts.docs.comments, role::COMMENT);
        mark(&facts.decorators.kinds, role::DECORATOR);
        mark(&facts.decorators.inner, role::INNER_DECORATOR);
        mark(&facts.walk.preamble, role::PREAMBLE);
        mark(&facts.walk.closed, role::CLOSED);
        mark(&facts.walk.wrappers, role::WRAPPER | role::ENTER);
        mark(&facts.walk.groups, role::WRAPPER | role::GROUP | role::ENTER);
        mark(&facts.walk.exports, role::EXPORT);
        mark(&facts.walk.bodies, role::BODY | role::ENTER);
        let namers: Vec<String> = facts.walk.namers.iter().map(|namer| namer.kind.clone()).collect();
        mark(&namers, role::NAMER | role::WRAPPER | role::ENTER);
        for pattern in 0..symbols.query.pattern_count() {
            let start = symbols.query.start_byte_for_pattern(pattern);
            let end = symbols.query.end_byte_for_pattern(pattern);
            let source = sources[QueryFile::Symbols as usize].get(start..end).unwrap_or("");
            mark(&root_kinds(source), pattern_role(source));
        }
        Ok(Self {
            signature: compile(QueryFile::Signature)?,
            docs: compile(QueryFile::Docs)?,
            bodies,
            first_of_complexity,
            smells: compile(QueryFile::Smells)?,
            symbols,
            roles,
            smell_triggers: matcher(&facts.triggers.smells),
            literal_triggers: matcher(&facts.triggers.literals),
            language,
        })
    }

    /// A grammar that finds nothing; stands in where a built-in query is broken, which a test excludes.
    pub(crate) fn empty(language: TsLanguage) -> Self {
        let nothing = || CompiledQuery { query: empty_query(&language), names: Vec::new() };
        Self {
            symbols: nothing(),
            signature: nothing(),
            docs: nothing(),
            bodies: nothing(),
            first_of_complexity: 0,
            smells: nothing(),
            roles: vec![0; language.node_kind_count()],
            smell_triggers: None,
            literal_triggers: None,
            language,
        }
    }

    /// Whether a word that stands somewhere makes the literals around it worth a look.
    pub(crate) fn looks_at_literals_for(&self, word: &str) -> bool {
        self.literal_triggers.as_ref().is_some_and(|triggers| triggers.is_match(word))
    }

    pub(crate) fn role(&self, kind: u16) -> u16 {
        self.roles.get(kind as usize).copied().unwrap_or(0)
    }
}

fn matcher(words: &[String]) -> Option<aho_corasick::AhoCorasick> {
    if words.is_empty() {
        return None;
    }
    aho_corasick::AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok()
}

/// What the captures of a pattern make of the nodes it is rooted at.
fn pattern_role(source: &str) -> u16 {
    let makes = |kind: &str| {
        source
            .match_indices(kind)
            .any(|(at, _)| !source[at + kind.len()..].starts_with(|next: char| next.is_alphanumeric()))
    };
    match () {
        () if makes("@symbol.variant") => role::ROOT | role::VARIANT,
        () if ["@symbol.field", "@symbol.constant", "@export"].into_iter().any(makes) => role::ROOT,
        // Without a kind a pattern only adds to what another one found.
        () if source.contains("@symbol.") => role::ROOT | role::CODE_ROOT,
        () => 0,
    }
}

/// The kinds that a pattern is rooted at: `(function_definition …` → `function_definition`, `[(a) (b …)] @x` → `a` and `b`.
fn root_kinds(pattern: &str) -> Vec<String> {
    let pattern = pattern.trim_start_matches(|character: char| character.is_whitespace() || character == '(');
    let kind_at = |rest: &str| {
        rest.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect::<String>()
    };
    let Some(choices) = pattern.strip_prefix('[') else { return vec![kind_at(pattern)] };
    let (mut kinds, mut depth) = (Vec::new(), 0usize);
    for (at, character) in choices.char_indices() {
        match character {
            '(' | '[' => {
                if depth == 0 {
                    kinds.push(kind_at(&choices[at + 1..]));
                }
                depth += 1;
            }
            ']' if depth == 0 => break,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    kinds
}

#[allow(clippy::expect_used, reason = "the empty query always compiles")]
fn empty_query(language: &TsLanguage) -> Query {
    Query::new(language, "").expect("the empty query compiles")
}
