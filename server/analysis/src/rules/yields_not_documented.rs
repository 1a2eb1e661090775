//! A value is yielded, but the documentation does not say what.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{Repair, Severity};
use super::returns_on_generator::{is_context_manager, mistaken_yield, speaks_of_iteration};
use syntax::docstring::EntryKind;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "yields-not-documented",
    summary: "A value is yielded, but the documentation does not say what.",
    group: Group::Documentation,
    default_severity: Severity::Info,
    fixable: true,
    aliases: &["DOC402", "DOC404", "YD01", "DAR301", "docstring-missing-yields", "jsdoc/require-yields"],
    page: include_str!("../../rules/yields-not-documented.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    let Some(facts) = doc.facts().filter(|_| doc.has_contract() && !doc.declares_elsewhere()) else { return };
    let Some(first) = facts.yields.first().filter(|_| !doc.doc.speaks_of(EntryKind::Yield)) else { return };
    // "Returns an iterator over …" says the same in other words.
    if doc.entries(EntryKind::Return).any(|(_, entry)| speaks_of_iteration(entry)) || is_context_manager(doc.symbol) {
        return;
    }
    // The rule on returns of generators tells of those already.
    if mistaken_yield(doc).is_some() {
        return;
    }
    let finding = doc.finding(doc.place_of(&[EntryKind::Return]), format!("`{}` yields, but its documentation does not say what.", doc.symbol.name));
    let is_mistaken = doc.doc.speaks_of(EntryKind::Return) && !facts.returns.iter().any(|fact| fact.has_value());
    let repair = if is_mistaken { Repair::Retitle { from: EntryKind::Return, to: EntryKind::Yield } } else { Repair::AddYield };
    report.add(finding.related(first.span, "What is yielded.").repair(repair));
}

#[cfg(test)]
mod tests {
    use crate::testing::check_only;

    #[test]
    fn a_generator_with_documented_parameters_needs_words_on_what_it_yields() {
        check_only("yields-not-documented", "python", "def f(a):\n    \"\"\"Do.\n\n    :param a: One.\n    \"\"\"\n    yield a\n", &["yields-not-documented [] at \"Do.\""]);
        check_only("yields-not-documented", "python", "def f(a):\n    \"\"\"Do.\n\n    Args:\n        a: One.\n\n    Yields:\n        int: It.\n    \"\"\"\n    yield a\n", &[]);
    }
}
