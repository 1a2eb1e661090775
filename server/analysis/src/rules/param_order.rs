//! Parameters are documented in another order than they are declared.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{Repair, Severity};

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "param-order",
    summary: "Parameters are documented in another order than they are declared.",
    group: Group::Documentation,
    default_severity: Severity::Info,
    fixable: true,
    aliases: &["DOC104", "PR03", "jsdoc/check-param-names", "AtclauseOrder"],
    page: include_str!("../../rules/param-order.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    let Some(matching) = doc.params() else { return };
    let names = matching.out_of_order.iter().filter_map(|at| doc.doc.entries.get(at.entry).and_then(|entry| entry.names.get(at.name)));
    let names: Vec<_> = names.collect();
    let Some(first) = names.first() else { return };
    let list = names.iter().map(|name| format!("`{}`", name.name)).collect::<Vec<_>>().join(", ");
    let verb = if names.len() == 1 { "is" } else { "are" };
    let finding = doc.finding(first.span, format!("{list} {verb} documented in another place than in the signature."));
    let signature_of = doc.signature().and_then(|signature| doc.file.symbol(signature.owner)).map_or(doc.symbol.name_span, |owner| owner.name_span);
    report.add(finding.names(names.iter().map(|name| name.name.as_str())).related(signature_of, "The signature.").repair(Repair::OrderParams));
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_only, check_quiet};

    #[test]
    fn the_names_that_moved_are_told() {
        check_only("param-order", "python", "def f(b, c, a):\n    \"\"\"Do.\n\n    Args:\n        a: One.\n        b: Two.\n        c: Three.\n    \"\"\"\n", &["param-order [a] at \"a\""]);
        check_only("param-order", "javascript", "/**\n * @param {number} a one\n * @param {number} b two\n */\nfunction f(b, a) {}\n", &["param-order [b] at \"b\""]);
    }

    #[test]
    fn keyword_parameters_may_stand_anywhere_in_the_quiet_profile() {
        check_quiet("python", "def f(a, *, b, c):\n    \"\"\"Do.\n\n    Args:\n        a: One.\n        c: Three.\n        b: Two.\n    \"\"\"\n");
    }
}
