//! What a rule may look at: a file, one symbol of it, one docstring. Costly views are computed once and only when a rule asks.

use crate::RepoFacts;
use crate::diagnostic::{Finding, Severity};
use crate::matching::{self, ParamMatching};
use crate::names::last_segment;
use crate::rules::RuleInfo;
use crate::settings::{Profile, Settings};
use crate::signature::{self, Signature};
use std::cell::OnceCell;
use syntax::docstring::{DocStyle, Docstring, Entry, EntryKind};
use syntax::model::{BodyFacts, FileModel, Symbol, SymbolKind};
use syntax::text::Span;

/// One file, the settings, and what is known of the repository.
pub struct FileContext<'a> {
    /// The file.
    pub model: &'a FileModel,
    /// What the user wants.
    pub settings: &'a Settings,
    /// What is known of the repository.
    pub repo: &'a RepoFacts,
    has_overloads: OnceCell<bool>,
    has_exports: OnceCell<bool>,
    doc_spans: OnceCell<Vec<Span>>,
}

impl<'a> FileContext<'a> {
    /// The view of a file.
    pub fn new(model: &'a FileModel, settings: &'a Settings, repo: &'a RepoFacts) -> Self {
        Self {
            model,
            settings,
            repo,
            has_overloads: OnceCell::new(),
            has_exports: OnceCell::new(),
            doc_spans: OnceCell::new(),
        }
    }

    /// Whether rules say what is likely, or (in the quiet profile) only what is all but certain.
    pub fn is_thorough(&self) -> bool {
        self.settings.profile != Profile::Default
    }

    /// Whether the language is JavaScript or TypeScript.
    pub fn is_script(&self) -> bool {
        matches!(self.model.language.id, "javascript" | "typescript" | "tsx")
    }

    /// Whether the file's language has that identifier.
    pub fn is(&self, language: &str) -> bool {
        self.model.language.id == language
    }

    /// A symbol by its index.
    pub fn symbol(&self, index: usize) -> Option<&'a Symbol> {
        self.model.symbols.get(index)
    }

    /// The members of a symbol; they follow it, so that only its own part of the list is walked.
    pub fn children(&self, parent: usize) -> impl Iterator<Item = (usize, &'a Symbol)> + use<'a> {
        let symbols = &self.model.symbols;
        let end = symbols.get(parent).map_or(0, |symbol| symbol.span.end);
        let rest = symbols.iter().enumerate().skip(parent + 1);
        rest.take_while(move |(_, symbol)| parent == 0 || symbol.span.start < end)
            .filter(move |(_, symbol)| symbol.parent == Some(parent))
    }

    /// The types of the file that derive from a type of it, at first hand or not.
    pub fn heirs(&self, class: usize) -> Vec<usize> {
        let mut family = vec![class];
        let mut next = 0;
        while let Some(name) = family.get(next).and_then(|index| self.symbol(*index)).map(|symbol| symbol.name.as_str())
        {
            next += 1;
            let derives = |symbol: &Symbol| symbol.bases.iter().any(|base| last_segment(base) == name);
            for (index, symbol) in self.model.symbols.iter().enumerate() {
                if symbol.kind.is_type() && !family.contains(&index) && derives(symbol) {
                    family.push(index);
                }
            }
        }
        family.split_off(1)
    }

    /// The constructor that a type writes down itself.
    pub fn constructor(&self, class: usize) -> Option<(usize, &'a Symbol)> {
        let mut found = self.children(class).filter(|(_, symbol)| symbol.kind == SymbolKind::Constructor);
        let first = found.next()?;
        Some(found.find(|(_, symbol)| !symbol.flags.is_overload).unwrap_or(first))
    }

    /// The other symbols of the same name and owner, if they form an overload group with `index`.
    pub fn overloads(&self, index: usize) -> Vec<(usize, &'a Symbol)> {
        let symbols = &self.model.symbols;
        if !*self.has_overloads.get_or_init(|| symbols.iter().any(|symbol| symbol.flags.is_overload)) {
            return Vec::new();
        }
        let Some(own) = symbols.get(index) else { return Vec::new() };
        let is_sibling =
            |symbol: &Symbol| symbol.parent == own.parent && symbol.name == own.name && symbol.kind == own.kind;
        let group: Vec<_> = symbols.iter().enumerate().filter(|(_, symbol)| is_sibling(symbol)).collect();
        if group.iter().any(|(_, symbol)| symbol.flags.is_overload) {
            group.into_iter().filter(|(other, _)| *other != index).collect()
        } else {
            Vec::new()
        }
    }

    /// Whether the file exports anything, so that what it does not export is its own business.
    pub fn has_exports(&self) -> bool {
        *self.has_exports.get_or_init(|| {
            !self.model.exports.is_empty() || self.model.symbols.iter().any(|symbol| symbol.flags.is_exported)
        })
    }

    /// Where documentation stands in the file, in order.
    pub fn doc_spans(&self) -> &[Span] {
        self.doc_spans.get_or_init(|| {
            let docs = self.model.symbols.iter().filter_map(|symbol| symbol.doc.as_ref());
            let mut spans: Vec<Span> = docs.map(|doc| doc.block.span).collect();
            spans.sort();
            spans
        })
    }

    /// A finding about a symbol.
    pub fn finding(&self, symbol: usize, span: Span, message: impl Into<String>) -> Finding {
        let path = self.symbol(symbol).filter(|_| symbol != 0).map_or("", |symbol| symbol.path.as_str());
        Finding::new(symbol, path, span, message)
    }
}

/// One symbol of a file.
pub struct SymbolContext<'a> {
    /// The file.
    pub file: &'a FileContext<'a>,
    /// The symbol's index.
    pub index: usize,
    /// The symbol.
    pub symbol: &'a Symbol,
}

impl SymbolContext<'_> {
    /// A finding about the symbol.
    pub fn finding(&self, span: Span, message: impl Into<String>) -> Finding {
        self.file.finding(self.index, span, message)
    }
}

/// One docstring and its symbol.
pub struct DocContext<'a> {
    /// The file.
    pub file: &'a FileContext<'a>,
    /// The symbol's index.
    pub index: usize,
    /// The symbol.
    pub symbol: &'a Symbol,
    /// Its documentation.
    pub doc: &'a Docstring,
    signature: OnceCell<Option<Signature<'a>>>,
    matching: OnceCell<Option<ParamMatching>>,
}

impl<'a> DocContext<'a> {
    /// The view of a symbol's documentation.
    pub fn new(file: &'a FileContext<'a>, index: usize, symbol: &'a Symbol, doc: &'a Docstring) -> Self {
        Self { file, index, symbol, doc, signature: OnceCell::new(), matching: OnceCell::new() }
    }

    /// The text of a span.
    pub fn text(&self, span: Span) -> &'a str {
        span.of(&self.file.model.text)
    }

    /// A finding about the symbol.
    pub fn finding(&self, span: Span, message: impl Into<String>) -> Finding {
        self.file.finding(self.index, span, message)
    }

    /// The parameters that this documentation speaks of; `None` where they are not known.
    pub fn signature(&self) -> Option<&Signature<'a>> {
        self.signature.get_or_init(|| signature::signature(self)).as_ref()
    }

    /// How entries and parameters fit; `None` where nothing can be said.
    pub fn params(&self) -> Option<&ParamMatching> {
        self.matching.get_or_init(|| matching::match_params(self)).as_ref()
    }

    /// What the body does, where it was read and is more than a stub.
    pub fn facts(&self) -> Option<&'a BodyFacts> {
        let flags = self.symbol.flags;
        if flags.is_stub || flags.is_abstract || flags.is_overload || self.doc.inherits || self.is_hollow() {
            return None;
        }
        self.symbol.facts.as_ref().filter(|_| self.symbol.kind.is_callable())
    }

    /// A body in braces that holds nothing, or only says that others are to write it.
    pub fn is_hollow(&self) -> bool {
        let body = self.symbol.body.map_or("", |body| self.text(body)).trim();
        let Some(inside) = body.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else { return false };
        let code = without_comments(inside);
        let code = code.trim();
        code.is_empty() || (inside.len() < 200 && only_refuses(code))
    }

    /// Entries of a kind, with their indices.
    pub fn entries(&self, kind: EntryKind) -> impl Iterator<Item = (usize, &'a Entry)> + use<'a> {
        self.doc.entries_of(kind)
    }

    /// The documentation says something in a fixed form about what the function takes or gives.
    pub fn has_contract(&self) -> bool {
        let of_contract = |kind: EntryKind| {
            use EntryKind::*;
            matches!(kind, Param | TypeParam | Return | Yield | Receive | Raise | Warn | Reject | Panic | Safety)
        };
        self.doc.entries.iter().any(|entry| of_contract(entry.kind))
            || self.doc.sections.iter().any(|section| of_contract(section.kind))
    }

    /// A comment that declares a type of its own or an overload, whose tags are not those of the function below it.
    pub fn declares_elsewhere(&self) -> bool {
        const TAGS: [&str; 6] = ["type", "callback", "typedef", "overload", "lends", "borrows"];
        matches!(self.doc.style, DocStyle::Jsdoc | DocStyle::Tsdoc)
            && self.doc.entries.iter().any(|entry| entry.tag.as_deref().is_some_and(|tag| TAGS.contains(&tag)))
    }

    /// Where to say that something is missing in a part of the documentation: the title or first tag of `kinds`, else the summary's
    /// first line, else the symbol's name.
    pub fn place_of(&self, kinds: &[EntryKind]) -> Span {
        let title =
            self.doc.sections.iter().find(|section| kinds.contains(&section.kind)).map(|section| section.title_span);
        let tag = || self.doc.entries.iter().find(|entry| kinds.contains(&entry.kind)).and_then(|entry| entry.tag_span);
        let summary = || {
            self.doc
                .block
                .lines
                .get(self.doc.summary.start)
                .filter(|_| !self.doc.summary.is_empty())
                .map(|line| line.span)
        };
        title.or_else(tag).or_else(summary).filter(|span| !span.is_empty()).unwrap_or(self.symbol.name_span)
    }
}

/// Code in braces without the comments between its statements; good enough for bodies that hold next to nothing.
fn without_comments(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("//").into_iter().chain(rest.find("/*")).min() {
        let (before, comment) = rest.split_at(at);
        kept.push_str(before);
        let end = if comment.starts_with("/*") {
            comment.find("*/").map_or(comment.len(), |end| end + 2)
        } else {
            comment.find('\n').unwrap_or(comment.len())
        };
        rest = comment.get(end..).unwrap_or("");
    }
    kept + rest
}

/// Whether a body does nothing but throw an error that calls the function abstract; the error may have to be fetched first.
fn only_refuses(code: &str) -> bool {
    let Some((before, thrown)) = code.split_once("throw ") else { return false };
    let before = before.trim();
    let is_fetched = ["const ", "let ", "var "].iter().any(|word| before.starts_with(word))
        && before.contains("require(")
        && before.trim_end_matches(';').matches(';').count() == 0;
    let is_last = thrown.trim_end().trim_end_matches([';', '}']).matches(';').count() == 0;
    thrown.contains("bstract") && is_last && (before.is_empty() || is_fetched)
}

/// Collects what one rule finds.
pub struct Reporter<'a> {
    findings: &'a mut Vec<Finding>,
    rule: &'static str,
    severity: Severity,
}

impl<'a> Reporter<'a> {
    /// A collector for `rule`.
    pub fn new(findings: &'a mut Vec<Finding>, rule: &'static RuleInfo, severity: Severity) -> Self {
        Self { findings, rule: rule.name, severity }
    }

    /// Takes a finding in.
    pub fn add(&mut self, mut finding: Finding) {
        finding.rule = self.rule;
        finding.severity = self.severity;
        self.findings.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::{only_refuses, without_comments};
    use crate::testing::check_only;

    #[test]
    fn a_line_that_begins_with_a_star_is_code_unless_a_comment_is_open() {
        let source = "/// Returns the first.\npub fn first(all: &[u8]) -> u8 {\n    *all.first().unwrap()\n}\n";
        check_only("panics-not-documented", "rust", source, &["panics-not-documented [] at \"first\""]);
        assert_eq!(without_comments(" a /* b\n * c */ // d\n*e").trim(), "a  \n*e");
        assert_eq!(without_comments("/*\n * only\n */\n// this").trim(), "");
    }

    #[test]
    fn only_a_body_that_throws_is_left_to_others() {
        assert!(only_refuses("throw new Error(\"abstract\");"));
        assert!(only_refuses(
            "const AbstractMethodError = require(\"./AbstractMethodError\");\n\tthrow new AbstractMethodError();"
        ));
        assert!(!only_refuses("console.log(x1.abstract);"));
        assert!(!only_refuses("if (a) throw new Error(\"abstract\"); return 1;"));
        let source = "/**\n * Does.\n * @param {number} a one\n * @returns {number} it\n */\nfunction f(a) { console.log(a.abstract); }\n";
        check_only("returns-not-returned", "javascript", source, &["returns-not-returned [] at \"returns\""]);
    }
}
