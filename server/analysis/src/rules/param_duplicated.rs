//! A parameter is documented twice.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{FindingTag, Repair, Severity};
use crate::matching::NameRef;
use syntax::docstring::{Entry, EntryName};

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "param-duplicated",
    summary: "A parameter is documented twice.",
    group: Group::Documentation,
    default_severity: Severity::Warning,
    fixable: true,
    aliases: &["jsdoc/check-param-names", "duplicate-param"],
    page: include_str!("../../rules/param-duplicated.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    let Some(matching) = doc.params() else { return };
    for (later, first) in &matching.duplicated {
        let Some((entry, name)) = find(doc, *later) else { continue };
        let Some((first_entry, first_name)) = find(doc, *first) else { continue };
        let finding = doc.finding(name.span, format!("The parameter `{}` is documented twice.", name.name));
        let finding = finding.name(&name.name).related(first_name.span, "The first time.").tagged(FindingTag::Unnecessary);
        // Two different descriptions are for a person to choose from.
        let is_same = entry.description.is_empty() || entry.description == first_entry.description;
        report.add(if is_same { finding.repair(Repair::RemoveName { entry: later.entry, name: later.name }) } else { finding });
    }
}

fn find<'a>(doc: &DocContext<'a>, at: NameRef) -> Option<(&'a Entry, &'a EntryName)> {
    let entry = doc.doc.entries.get(at.entry)?;
    Some((entry, entry.names.get(at.name)?))
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::{check, findings};

    #[test]
    fn the_second_entry_is_found() {
        let source = "def f(a):\n    \"\"\"Do.\n\n    :param a: One.\n    :param a: One.\n    \"\"\"\n";
        check("python", source, &Settings::default(), &["param-duplicated [a] at \"a\""]);
        assert_eq!(findings("python", source, &Settings::default())[0].repairs.len(), 1);
    }

    #[test]
    fn two_different_texts_are_not_mended_by_a_machine() {
        let source = "def f(a):\n    \"\"\"Do.\n\n    :param a: One.\n    :param a: Two.\n    \"\"\"\n";
        assert!(findings("python", source, &Settings::default())[0].repairs.is_empty());
    }
}
