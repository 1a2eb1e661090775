//! A query or a command is put together from values that others may choose.

use super::{Check, Group, RuleInfo};
use crate::context::{FileContext, Reporter};
use crate::diagnostic::Severity;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "injection-risk",
    summary: "A query or a command is put together from values that others may choose.",
    group: Group::Code,
    default_severity: Severity::Info,
    fixable: false,
    aliases: &["S608", "S602", "S605", "B608", "B602", "security/detect-sql-injection", "G201", "G202", "G204"],
    page: include_str!("../../rules/injection-risk.md"),
    needs_bodies: false,
    check: Check::File(check),
};

fn check(file: &FileContext<'_>, report: &mut Reporter<'_>) {
    report_smells(file, RULE.name, report);
}

/// Tells of the places that a language's `smells.scm` gives to a rule.
pub(super) fn report_smells(file: &FileContext<'_>, rule: &str, report: &mut Reporter<'_>) {
    for smell in file.model.smells.iter().filter(|smell| smell.rule == rule) {
        let symbol = file.model.symbol_at(smell.span.start).unwrap_or(0);
        if file.symbol(symbol).is_some_and(|symbol| symbol.flags.is_test) {
            continue;
        }
        let mut note = smell.note.trim().trim_end_matches('.').to_owned();
        if let Some(first) = note.get(..1) {
            note.replace_range(..1, &first.to_uppercase());
        }
        report.add(file.finding(symbol, smell.span, format!("{note}.")));
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::findings;

    #[test]
    fn the_languages_own_patterns_are_reported() {
        let source = "import sqlite3\ndef f(db, name):\n    db.execute(f\"SELECT * FROM t WHERE n = {name}\")\n";
        let found = findings("python", source, &Settings::only("injection-risk"));
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
