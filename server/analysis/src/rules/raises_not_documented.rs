//! An exception is raised that the documentation does not name.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{Repair, Severity};
use crate::exceptions;
use crate::names::last_segment;
use syntax::docstring::{Entry, EntryKind};
use syntax::model::{ThrowFact, Visibility};

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "raises-not-documented",
    summary: "An exception is raised that the documentation does not name.",
    group: Group::Documentation,
    default_severity: Severity::Info,
    fixable: true,
    aliases: &["DOC501", "DOC503", "DAR401", "docstring-missing-exception", "missing_errors_doc", "clippy::missing_errors_doc", "jsdoc/require-throws"],
    page: include_str!("../../rules/raises-not-documented.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    if doc.file.is("rust") {
        return check_errors(doc, report);
    }
    let Some(facts) = doc.facts() else { return };
    let speaks = doc.doc.speaks_of(EntryKind::Raise);
    let is_asked = speaks || (doc.file.is_thorough() && doc.has_contract());
    if !is_asked || doc.declares_elsewhere() || doc.symbol.flags.is_test {
        return;
    }
    // A throw in an asynchronous function is a rejection; both ways to document it count.
    let rejects = if doc.doc.speaks_of(EntryKind::Reject) { &[][..] } else { &facts.rejects };
    let documented: Vec<&str> = doc.entries(EntryKind::Raise).flat_map(|(_, entry)| exceptions_of(entry)).collect();
    if speaks && documented.is_empty() {
        return;
    }
    let mut told: Vec<&str> = Vec::new();
    let throws = facts.throws.iter().enumerate().map(|(index, thrown)| (thrown, Repair::AddRaise { throw: index }));
    // A rejection that is none of those is told of by the rule on rejections, unless exceptions are how this text tells of them.
    let is_told_here = |thrown: &ThrowFact| speaks || doc.text(thrown.span).starts_with("throw");
    let rejected = rejects.iter().enumerate().filter(|(_, thrown)| is_told_here(thrown)).map(|(index, thrown)| (thrown, Repair::AddReject { reject: index }));
    for (thrown, repair) in throws.chain(rejected) {
        let name = last_segment(&thrown.type_name);
        if name.is_empty() || !name.starts_with(|first: char| first.is_uppercase() || first == '_') || told.contains(&name) {
            continue;
        }
        if is_covered(doc, name, &documented) {
            continue;
        }
        told.push(name);
        let place = doc.place_of(&[EntryKind::Raise]);
        let finding = doc.finding(place, format!("`{}` raises `{name}`, but its documentation does not name it.", doc.symbol.name));
        report.add(finding.name(name).related(thrown.span, "Where it is raised.").repair(repair));
    }
}

/// Rust documents errors in one section, for whatever `Result` holds.
fn check_errors(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    let is_asked = doc.file.is_thorough() && doc.symbol.visibility == Visibility::Public && doc.symbol.kind.is_callable();
    if !is_asked || doc.doc.speaks_of(EntryKind::Raise) || doc.symbol.flags.is_test || doc.symbol.flags.is_override {
        return;
    }
    let Some(returned) = doc.symbol.return_type.as_ref().filter(|returned| is_result(&returned.text)) else { return };
    let finding = doc.finding(doc.symbol.name_span, format!("`{}` returns a `Result`, but its documentation has no section on errors.", doc.symbol.name));
    report.add(finding.related(returned.span, "The returned type.").repair(Repair::AddSection { kind: EntryKind::Raise }));
}

fn is_result(returned: &str) -> bool {
    let head = returned.split('<').next().unwrap_or(returned);
    head.rsplit("::").next().is_some_and(|name| name.trim() == "Result")
}

/// The exception types of an entry: its names, or its type where the tag has one in braces, or the marked name that its text begins with.
pub(super) fn exceptions_of(entry: &Entry) -> impl Iterator<Item = &str> {
    let in_names = entry.names.iter().map(|name| name.name.as_str());
    let typed = entry.type_text.iter().filter(|_| entry.names.is_empty());
    let typed = typed.flat_map(|documented| documented.text.split(['|', ',', '(', ')']));
    let marked = opening_mark(&entry.description).filter(|_| entry.names.is_empty() && entry.type_text.is_none());
    let names = in_names.chain(typed).chain(marked);
    names.map(|name| last_segment(name.trim().trim_matches(['`', '~', '!', '?']))).filter(|name| !name.is_empty())
}

/// `X` of a text that begins with `` :exc:`X` `` or `` `X` ``.
fn opening_mark(description: &str) -> Option<&str> {
    let role = description.strip_prefix(":exc:").or_else(|| description.strip_prefix(":class:")).unwrap_or(description);
    let inner = role.strip_prefix('`')?.trim_start_matches('`');
    inner.split('`').next().filter(|name| !name.is_empty() && !name.contains(' '))
}

fn is_covered(doc: &DocContext<'_>, name: &str, documented: &[&str]) -> bool {
    if documented.contains(&name) {
        return true;
    }
    if doc.file.is_thorough() {
        return false;
    }
    // The quiet profile takes a base class for its children.
    let own_bases = doc.file.model.symbols.iter().find(|symbol| symbol.name == name && symbol.kind.is_type()).map(|symbol| &symbol.bases);
    let is_documented = |base: &str| documented.contains(&last_segment(base));
    own_bases.is_some_and(|bases| bases.iter().any(|base| is_documented(base))) || exceptions::ancestors(name).any(is_documented)
}

#[cfg(test)]
mod tests {
    use crate::settings::{Profile, Settings};
    use crate::testing::{check, check_only, check_quiet};

    const RAISES: &str = "def f(a):\n    \"\"\"Do.\n\n    Raises:\n        ValueError: If bad.\n    \"\"\"\n    if a:\n        raise errors.NotFound(a)\n    raise ValueError\n";

    #[test]
    fn a_second_exception_is_missing_beside_a_documented_one() {
        check("python", RAISES, &Settings::default(), &["raises-not-documented [NotFound] at \"Raises\""]);
    }

    #[test]
    fn a_documented_base_covers_its_children_in_the_quiet_profile() {
        let source = "def f(a):\n    \"\"\"Do.\n\n    Raises:\n        OSError: If bad.\n    \"\"\"\n    raise PermissionError\n";
        check_quiet("python", source);
        check_only("raises-not-documented", "python", source, &["raises-not-documented [PermissionError] at \"Raises\""]);
    }

    #[test]
    fn without_a_section_only_the_thorough_form_asks() {
        let source = "def f(a):\n    \"\"\"Do.\n\n    Args:\n        a: One.\n    \"\"\"\n    raise ValueError\n";
        check_quiet("python", source);
        check_only("raises-not-documented", "python", source, &["raises-not-documented [ValueError] at \"Do.\""]);
    }

    #[test]
    fn a_caught_exception_that_is_raised_again_counts() {
        check_only("raises-not-documented", "python", "def f(a):\n    \"\"\"Do.\n\n    Args:\n        a: One.\n    \"\"\"\n    try:\n        g()\n    except KeyError:\n        raise\n", &["raises-not-documented [KeyError] at \"Do.\""]);
    }

    #[test]
    fn throws_in_javascript_are_exceptions() {
        check_only("raises-not-documented", "javascript", "/**\n * Do.\n * @param {number} a one\n */\nfunction f(a) { if (!a) throw new RangeError(\"no\"); }\n", &["raises-not-documented [RangeError] at \"Do.\""]);
        check_only("raises-not-documented", "javascript", "/**\n * Do.\n * @throws {RangeError} if no\n */\nfunction f(a) { if (!a) throw new RangeError(\"no\"); }\n", &[]);
    }

    #[test]
    fn a_rejection_is_found_once() {
        let source = "/**\n * Do.\n * @param {number} a one\n * @returns {Promise<number>} it\n */\nfunction f(a) { return Promise.reject(new RangeError(\"no\")); }\n";
        let strict = Settings { profile: Profile::Strict, ..Settings::default() };
        check("javascript", source, &strict, &["rejects-not-documented [RangeError] at \"Do.\""]);
        let told = source.replace(" */", " * @throws {TypeError} never\n */");
        check_only("raises-not-documented", "javascript", &told, &["raises-not-documented [RangeError] at \"throws\""]);
    }

    #[test]
    fn a_result_needs_a_section_on_errors() {
        check_only("raises-not-documented", "rust", "/// Does.\npub fn f() -> std::io::Result<()> { g() }\n", &["raises-not-documented [] at \"f\""]);
        check_only("raises-not-documented", "rust", "/// Does.\n///\n/// # Errors\n///\n/// If not.\npub fn f() -> Result<(), E> { g() }\n", &[]);
    }
}
