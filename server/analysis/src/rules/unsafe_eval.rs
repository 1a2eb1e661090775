//! Text is run as code, or data is read in a way that can run code.

use super::{Check, Group, RuleInfo};
use crate::context::{FileContext, Reporter};
use crate::diagnostic::Severity;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "unsafe-eval",
    summary: "Text is run as code, or data is read in a way that can run code.",
    group: Group::Code,
    default_severity: Severity::Info,
    fixable: false,
    aliases: &["S307", "S102", "S301", "B307", "B301", "no-eval", "no-implied-eval", "no-new-func"],
    page: include_str!("../../rules/unsafe-eval.md"),
    needs_bodies: false,
    check: Check::File(check),
};

fn check(file: &FileContext<'_>, report: &mut Reporter<'_>) {
    super::injection_risk::report_smells(file, RULE.name, report);
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::findings;

    #[test]
    fn the_languages_own_patterns_are_reported() {
        let source = "def f(x):\n    return eval(x)\n";
        let found = findings("python", source, &Settings::only("unsafe-eval"));
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
