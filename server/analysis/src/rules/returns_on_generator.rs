//! A generator documents what it returns instead of what it yields.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{Repair, Severity};
use crate::types;
use syntax::docstring::{Entry, EntryKind};
use syntax::model::Symbol;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "returns-on-generator",
    summary: "A generator documents what it returns instead of what it yields.",
    group: Group::Documentation,
    default_severity: Severity::Warning,
    fixable: true,
    aliases: &["DOC402", "DOC201", "jsdoc/require-yields"],
    page: include_str!("../../rules/returns-on-generator.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    if !doc.doc.speaks_of(EntryKind::Return) || doc.doc.speaks_of(EntryKind::Yield) || doc.declares_elsewhere() {
        return;
    }
    let Some(facts) = doc.facts() else { return };
    let Some(first) = facts.yields.first().filter(|_| !facts.returns.iter().any(|fact| fact.has_value())) else { return };
    if is_context_manager(doc.symbol) || doc.entries(EntryKind::Return).any(|(_, entry)| speaks_of_iteration(entry)) {
        return;
    }
    // In TypeScript the declared type says what a caller gets.
    let declared = doc.symbol.return_type.as_ref().map_or("", |declared| declared.text.as_str());
    if doc.file.is_script() && types::is_iterator(declared) && !doc.file.is_thorough() {
        return;
    }
    let finding = doc.finding(doc.place_of(&[EntryKind::Return]), format!("`{}` is a generator, but its documentation says what it returns.", doc.symbol.name));
    report.add(finding.related(first.span, "What is yielded.").repair(Repair::Retitle { from: EntryKind::Return, to: EntryKind::Yield }));
}

/// Whether a returned value is described as something to iterate over.
pub(super) fn speaks_of_iteration(entry: &Entry) -> bool {
    entry.type_text.as_ref().is_some_and(|documented| types::is_iterator(&documented.text)) || types::is_iterator(&entry.description) || entry.names.iter().any(|name| types::is_iterator(&name.name))
}

/// Whether a decorator turns the generator into something else.
pub(super) fn is_context_manager(symbol: &Symbol) -> bool {
    symbol.decorators.iter().any(|decorator| ["contextmanager", "fixture", "coroutine", "inlineCallbacks"].iter().any(|word| decorator.contains(word)))
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::{check, check_quiet};

    fn source(said: &str) -> String {
        format!("def f(a):\n    \"\"\"Do.\n\n    Returns:\n        {said}\n    \"\"\"\n    yield a\n")
    }

    #[test]
    fn a_return_that_became_a_yield_is_found() {
        check("python", &source("int: The sum."), &Settings::default(), &["returns-on-generator [] at \"Returns\""]);
    }

    #[test]
    fn an_iterator_is_what_a_generator_returns() {
        check_quiet("python", &source("Iterator[int]: The sums."));
        check_quiet("python", &source("A generator of sums."));
    }
}
