//! The documentation opens with the name of something else.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{Repair, Severity};
use crate::names::{edit_distance, is_identifier, same_loosely, similarity};
use crate::prose::{self, is_common};
use syntax::model::{SymbolKind, Visibility};
use syntax::text::Span;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "stale-subject",
    summary: "The documentation opens with the name of something else.",
    group: Group::Documentation,
    default_severity: Severity::Warning,
    fixable: true,
    aliases: &["ST1020", "ST1021", "ST1022", "exported", "doc-name"],
    page: include_str!("../../rules/stale-subject.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    if doc.index == 0 || doc.doc.inherits || doc.symbol.name.is_empty() {
        return;
    }
    let Some(line) = doc.doc.block.lines.get(doc.doc.summary.start).filter(|_| !doc.doc.summary.is_empty()) else { return };
    let text = doc.text(line.span);
    let Some((offset, subject)) = subject(doc, text) else { return };
    if subject == doc.symbol.name || is_common(subject) || !is_stale(doc, subject) {
        return;
    }
    let span = Span::new(line.span.start + offset, line.span.start + offset + subject.len());
    let message = format!("The documentation of `{}` speaks of `{subject}`.", doc.symbol.name);
    let finding = doc.finding(span, message).name(subject).name(&doc.symbol.name).related(doc.symbol.name_span, "The name.");
    report.add(finding.repair(Repair::Replace { span, to: doc.symbol.name.clone() }));
}

/// The name that the first line begins with, where it is clearly a name: the first word in Go, else "`name` …", "name() …" or "Class Name …".
fn subject<'t>(doc: &DocContext<'_>, text: &'t str) -> Option<(usize, &'t str)> {
    let word_at = |offset: usize| {
        let rest = text.get(offset..)?;
        let end = rest.find(|character: char| !(character == '_' || character.is_alphanumeric())).unwrap_or(rest.len());
        Some((offset, rest.get(..end)?)).filter(|(_, word)| is_identifier(word))
    };
    let (_, first) = word_at(text.len() - text.trim_start_matches('`').len())?;
    let ticks = text.len() - text.trim_start_matches('`').len();
    let after = text.get(ticks + first.len()..)?;
    if doc.file.is("go") {
        // Constants and fields are often told of together; words in capitals are terms.
        let is_asked = doc.symbol.kind.is_callable() || doc.symbol.kind.is_type();
        let is_term = !first.contains(char::is_lowercase) || doc.symbol.flags.is_test;
        if !is_asked || doc.symbol.visibility != Visibility::Public {
            return None;
        }
        if looks_like_name(first) {
            return (!is_term).then_some((ticks, first));
        }
        // "A Dog is …" of a type; a plain word is a subject only where a verb in the third person follows.
        let has_article = matches!(first, "A" | "An" | "The") && doc.symbol.kind.is_type();
        let (offset, word) = if has_article { word_at(ticks + first.len() + 1)? } else { (ticks, first) };
        let verb = text.get(offset + word.len()..)?.trim_start_matches('`').split_whitespace().next().unwrap_or("");
        let is_other = doc.file.is_thorough() && is_declared(doc, word);
        // Behind an article the name in small letters is the plain noun.
        let is_noun = has_article && word.eq_ignore_ascii_case(&doc.symbol.name);
        let is_subject = !is_noun && verb.ends_with('s') && (is_other || is_slip(word, &doc.symbol.name));
        return (is_subject && !doc.symbol.flags.is_test).then_some((offset, word));
    }
    let is_marked = ticks > 0 && after.starts_with(&"`".repeat(ticks)) && doc.doc.summary.len() == 1;
    if is_marked || after.starts_with("()") {
        let verb = after.trim_start_matches(['`', '(', ')', ' ']).split(' ').next().unwrap_or("");
        return (verb.ends_with('s') || verb.is_empty()).then_some((ticks, first));
    }
    let is_kind = first.eq_ignore_ascii_case(doc.symbol.kind.word());
    let (offset, second) = word_at(first.len() + after.len() - after.trim_start_matches([' ', '`']).len())?;
    (ticks == 0 && is_kind && looks_like_name(second)).then_some((offset, second))
}

/// Inner capitals, digits or underscores: no word of English.
fn looks_like_name(word: &str) -> bool {
    word.contains('_') || word.chars().skip(1).any(|character| character.is_uppercase() || character.is_numeric())
}

/// The name in another case, or with a letter wrong; a form of the word (`Opens`, `Opened` of `Open`) is none.
fn is_slip(word: &str, name: &str) -> bool {
    let is_form = word.starts_with(name) || name.starts_with(word) || (word.ends_with('s') && !name.ends_with('s'));
    let is_long = word.chars().count() >= 4 && name.chars().count() >= 4;
    word.eq_ignore_ascii_case(name) || (is_long && !is_form && edit_distance(word, name) <= 1)
}

/// Whether the file declares something else of the same sort under that name.
fn is_declared(doc: &DocContext<'_>, word: &str) -> bool {
    let own = doc.symbol.kind;
    let is_like = |kind: SymbolKind| (kind.is_type() && own.is_type()) || (kind.is_callable() && own.is_callable());
    doc.file.model.symbols.iter().any(|other| other.name == word && is_like(other.kind) && !other.flags.is_local)
}

fn is_stale(doc: &DocContext<'_>, subject: &str) -> bool {
    let model = doc.file.model;
    // In Go a first word that is the name in another case is a slip as well.
    if same_loosely(subject, &doc.symbol.name) {
        return true;
    }
    if doc.file.is("go") && doc.file.is_thorough() && !looks_like_name(subject) && is_declared(doc, subject) {
        return true;
    }
    let is_known = || doc.file.repo.known_names.contains(subject) || prose::occurs(&model.text, Span::new(0, model.text.len()), doc.file.doc_spans(), subject);
    (similarity(subject, &doc.symbol.name) >= 0.5 || doc.file.is_thorough()) && !is_known()
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::{check, check_only, check_quiet};

    #[test]
    fn a_go_comment_begins_with_the_name() {
        check("go", "package p\n\n// ParseOld reads.\nfunc ParseNew() {}\n", &Settings::default(), &["stale-subject [ParseOld, ParseNew] at \"ParseOld\""]);
        check_quiet("go", "package p\n\n// ParseNew reads.\nfunc ParseNew() {}\n");
        check_quiet("go", "package p\n\n// Deprecated: do not use.\nfunc ParseNew() {}\n");
    }

    #[test]
    fn a_slip_in_a_go_subject_is_found_and_a_verb_is_none() {
        let quiet = Settings::default();
        check("go", "package p\n\n// Openr does it.\nfunc Opener() {}\n", &quiet, &["stale-subject [Openr, Opener] at \"Openr\""]);
        check("go", "package p\n\n// fetch gets it.\nfunc Fetch() {}\n", &quiet, &["stale-subject [fetch, Fetch] at \"fetch\""]);
        check_quiet("go", "package p\n\n// Opens files.\nfunc Open() {}\n");
        check_quiet("go", "package p\n\n// Parses files.\ntype Parser struct{}\n");
    }

    #[test]
    fn the_name_of_another_type_is_found_in_go() {
        let source = "package p\n\n// A Dog is an animal.\ntype Dog struct{}\n\n// A Dog is an animal.\ntype Cat struct{}\n";
        check_only("stale-subject", "go", source, &["stale-subject [Dog, Cat] at \"Dog\""]);
        check_only("stale-subject", "go", &source.replace("animal.\ntype Cat", "animal.\ntype Wolf").replace("// A Dog is an animal.\ntype Wolf", "// A wolf is an animal.\ntype Wolf"), &[]);
    }

    #[test]
    fn a_marked_subject_that_is_gone_is_found() {
        check("python", "def load_all(a):\n    \"\"\"`load_every` loads all.\"\"\"\n", &Settings::default(), &["stale-subject [load_every, load_all] at \"load_every\""]);
        check_quiet("python", "def load_all(a):\n    \"\"\"`json` loads all.\"\"\"\n");
    }
}
