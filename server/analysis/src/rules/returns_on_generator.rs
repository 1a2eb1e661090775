//! A generator documents what it returns instead of what it yields.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{Repair, Severity};
use crate::types;
use syntax::docstring::{Entry, EntryKind};
use syntax::model::{Symbol, YieldFact};

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
    let Some(first) = mistaken_yield(doc) else { return };
    let finding = doc.finding(doc.place_of(&[EntryKind::Return]), format!("`{}` is a generator, but its documentation says what it returns.", doc.symbol.name));
    report.add(finding.related(first.span, "What is yielded.").repair(Repair::Retitle { from: EntryKind::Return, to: EntryKind::Yield }));
}

/// The first value that is yielded where the documentation speaks of a returned one.
pub(super) fn mistaken_yield<'a>(doc: &DocContext<'a>) -> Option<&'a YieldFact> {
    if !doc.doc.speaks_of(EntryKind::Return) || doc.doc.speaks_of(EntryKind::Yield) || doc.declares_elsewhere() {
        return None;
    }
    let facts = doc.facts()?;
    let first = facts.yields.first().filter(|_| !facts.returns.iter().any(|fact| fact.has_value()))?;
    if is_context_manager(doc.symbol) || doc.entries(EntryKind::Return).any(|(_, entry)| speaks_of_iteration(entry)) {
        return None;
    }
    // In TypeScript the declared type says what a caller gets.
    let declared = doc.symbol.return_type.as_ref().map_or("", |declared| declared.text.as_str());
    if doc.file.is_script() && types::is_iterator(declared) && !doc.file.is_thorough() {
        return None;
    }
    Some(first)
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
    use crate::settings::{Profile, Settings};
    use crate::testing::{check, check_quiet};

    fn source(said: &str) -> String {
        format!("def f(a):\n    \"\"\"Do.\n\n    Returns:\n        {said}\n    \"\"\"\n    yield a\n")
    }

    #[test]
    fn a_return_that_became_a_yield_is_found() {
        check("python", &source("int: The sum."), &Settings::default(), &["returns-on-generator [] at \"Returns\""]);
    }

    #[test]
    fn one_mistake_is_one_finding() {
        let strict = Settings { profile: Profile::Strict, ..Settings::default() };
        let typed = source("int: The sum.").replace("Returns:", "Args:\n        a (int): One.\n\n    Returns:");
        check("python", &typed, &strict, &["returns-on-generator [] at \"Returns\""]);
    }

    #[test]
    fn an_iterator_is_what_a_generator_returns() {
        check_quiet("python", &source("Iterator[int]: The sums."));
        check_quiet("python", &source("A generator of sums."));
    }
}
