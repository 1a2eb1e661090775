//! The documented type of the returned value is not the declared one.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{Repair, Severity};
use crate::types::{self, Comparison};
use syntax::docstring::EntryKind;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "return-type-mismatch",
    summary: "The documented type of the returned value is not the declared one.",
    group: Group::Documentation,
    default_severity: Severity::Info,
    fixable: true,
    aliases: &["DOC203", "DAR203", "jsdoc/check-types"],
    page: include_str!("../../rules/return-type-mismatch.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    let Some(declared) = doc.symbol.return_type.as_ref().filter(|_| doc.symbol.kind.is_callable() && !doc.doc.inherits) else { return };
    let mut entries = doc.entries(EntryKind::Return);
    // Several entries are the parts of a tuple.
    let (Some((index, entry)), None) = (entries.next(), entries.next()) else { return };
    let Some(said) = &entry.type_text else { return };
    if types::compare(&said.text, &declared.text) != Comparison::Different || is_promise_of(&declared.text, &said.text) {
        return;
    }
    let message = format!("The returned value is documented as `{}`, but declared as `{}`.", said.text, declared.text);
    let finding = doc.finding(said.span, message).related(declared.span, "The declared type.");
    report.add(finding.repair(Repair::SetType { entry: index, to: declared.text.clone() }));
}

/// Documentation of asynchronous functions names what is awaited.
fn is_promise_of(declared: &str, said: &str) -> bool {
    let awaited = ["Promise<", "Awaitable[", "Coroutine[Any, Any, "].iter().find_map(|open| declared.trim().strip_prefix(open));
    awaited.and_then(|rest| rest.strip_suffix(['>', ']'])).is_some_and(|awaited| types::compare(said, awaited) == Comparison::Same)
}

#[cfg(test)]
mod tests {
    use crate::testing::check_only;

    #[test]
    fn the_declared_type_is_the_truth() {
        let source = "def f() -> str:\n    \"\"\"Do.\n\n    Returns:\n        int: The sum.\n    \"\"\"\n    return g()\n";
        check_only("return-type-mismatch", "python", source, &["return-type-mismatch [] at \"int\""]);
        check_only("return-type-mismatch", "python", &source.replace("-> str", "-> 'int | None'"), &[]);
    }
}
