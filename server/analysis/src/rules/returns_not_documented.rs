//! A value is returned, but the documentation does not say what.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{Repair, Severity};
use crate::types;
use syntax::docstring::{DocStyle, EntryKind};
use syntax::model::SymbolKind;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "returns-not-documented",
    summary: "A value is returned, but the documentation does not say what.",
    group: Group::Documentation,
    default_severity: Severity::Info,
    fixable: true,
    aliases: &["DOC201", "RT01", "DAR201", "docstring-missing-returns", "jsdoc/require-returns"],
    page: include_str!("../../rules/returns-not-documented.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    let Some(facts) = doc.facts().filter(|_| doc.has_contract() && !doc.declares_elsewhere()) else { return };
    let flags = doc.symbol.flags;
    let is_exempt = flags.is_getter || flags.is_setter || flags.is_generator || !facts.yields.is_empty() || flags.is_test;
    if is_exempt || doc.symbol.kind == SymbolKind::Constructor || doc.doc.speaks_of(EntryKind::Return) || doc.doc.speaks_of(EntryKind::Yield) {
        return;
    }
    // Markdown styles tell what is returned in prose.
    if matches!(doc.doc.style, DocStyle::Rustdoc | DocStyle::Godoc) {
        return;
    }
    let Some(value) = facts.returns.iter().find(|fact| fact.has_value()) else { return };
    if doc.symbol.return_type.as_ref().is_some_and(|declared| types::is_nothing(&declared.text)) || opens_with_returns(doc) {
        return;
    }
    let finding = doc.finding(doc.place_of(&[]), format!("`{}` returns a value, but its documentation does not say what.", doc.symbol.name));
    report.add(finding.related(value.span, "What is returned.").repair(Repair::AddReturn));
}

/// "Return the name." as a summary says it already, where a style allows that.
fn opens_with_returns(doc: &DocContext<'_>) -> bool {
    let style_allows = matches!(doc.doc.style, DocStyle::Google | DocStyle::Plain);
    style_allows && doc.doc.summary_text(&doc.file.model.text).starts_with("Returns ")
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_only, check_quiet};

    const SOURCE: &str = "def f(a):\n    \"\"\"Do.\n\n    :param a: One.\n    \"\"\"\n    return a\n";

    #[test]
    fn a_returned_value_needs_words_where_the_rest_has_them() {
        check_only("returns-not-documented", "python", SOURCE, &["returns-not-documented [] at \"Do.\""]);
        check_quiet("python", SOURCE);
    }

    #[test]
    fn bare_returns_and_plain_prose_need_none() {
        check_only("returns-not-documented", "python", "def f(a):\n    \"\"\"Do.\n\n    :param a: One.\n    \"\"\"\n    if a:\n        return None\n    return\n", &[]);
        check_only("returns-not-documented", "python", "def f(a):\n    \"\"\"Do.\"\"\"\n    return a\n", &[]);
    }

    #[test]
    fn the_body_of_an_arrow_function_is_returned() {
        check_only("returns-not-documented", "javascript", "/**\n * Do.\n * @param {number} a one\n */\nconst f = (a) => a + 1;\n", &["returns-not-documented [] at \"Do.\""]);
    }
}
