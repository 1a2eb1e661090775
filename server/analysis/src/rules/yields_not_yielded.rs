//! The documentation speaks of yielded values, but nothing is yielded.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{Repair, Severity};
use super::returns_on_generator::is_context_manager;
use crate::types;
use syntax::docstring::EntryKind;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "yields-not-yielded",
    summary: "The documentation speaks of yielded values, but nothing is yielded.",
    group: Group::Documentation,
    default_severity: Severity::Warning,
    fixable: true,
    aliases: &["DOC403", "DAR302", "docstring-extraneous-yields", "jsdoc/require-yields-check"],
    page: include_str!("../../rules/yields-not-yielded.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    if !doc.doc.speaks_of(EntryKind::Yield) || doc.declares_elsewhere() {
        return;
    }
    let Some(facts) = doc.facts() else { return };
    if doc.symbol.flags.is_generator || !facts.yields.is_empty() || (!facts.falls_through && facts.returns.is_empty()) {
        return;
    }
    let declared = doc.symbol.return_type.as_ref().map_or("", |declared| declared.text.as_str());
    // A function may hand on a generator that it got from another one.
    let hands_on = facts.returns.iter().any(|fact| fact.has_value()) && (!doc.file.is_thorough() || types::is_iterator(declared));
    if hands_on || types::is_iterator(declared) || declared.contains("ContextManager") || is_context_manager(doc.symbol) {
        return;
    }
    let finding = doc.finding(doc.place_of(&[EntryKind::Yield]), format!("The documentation says what `{}` yields, but it yields nothing.", doc.symbol.name));
    let returns = facts.returns.iter().any(|fact| fact.has_value()) && !doc.doc.speaks_of(EntryKind::Return);
    let repair = if returns { Repair::Retitle { from: EntryKind::Yield, to: EntryKind::Return } } else { Repair::RemoveKind { kind: EntryKind::Yield } };
    report.add(finding.related(doc.symbol.name_span, "The function.").repair(repair));
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::{check, check_quiet};

    fn source(body: &str) -> String {
        format!("def f(a):\n    \"\"\"Do.\n\n    Yields:\n        int: The next.\n    \"\"\"\n    {body}\n")
    }

    #[test]
    fn a_body_that_yields_nothing_is_found() {
        check("python", &source("print(a)"), &Settings::default(), &["yields-not-yielded [] at \"Yields\""]);
    }

    #[test]
    fn handing_on_another_generator_is_fine() {
        check_quiet("python", &source("return other(a)"));
        check_quiet("python", &source("yield from a"));
    }
}
