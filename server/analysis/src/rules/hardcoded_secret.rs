//! A key, token or password stands in the code.

use super::{Check, Group, RuleInfo};
use crate::context::{FileContext, Reporter};
use crate::diagnostic::Severity;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "hardcoded-secret",
    summary: "A key, token or password stands in the code.",
    group: Group::Code,
    default_severity: Severity::Warning,
    fixable: false,
    aliases: &["S105", "S106", "S107", "B105", "B106", "B107", "no-secrets/no-secrets", "G101"],
    page: include_str!("../../rules/hardcoded-secret.md"),
    needs_bodies: false,
    check: Check::File(check),
};

fn check(file: &FileContext<'_>, report: &mut Reporter<'_>) {
    for literal in &file.model.literals {
        let Some(found) = security::scan::scan_value(&literal.name, &literal.value) else { continue };
        let symbol = file.model.symbol_at(literal.span.start).unwrap_or(0);
        if file.symbol(symbol).is_some_and(|symbol| symbol.flags.is_test) {
            continue;
        }
        // The message goes to logs and reports: no more of the secret than shows which one is meant.
        let secret = literal.value.get(found.range).unwrap_or("");
        let shown: String = secret.chars().take(if secret.chars().count() >= 12 { 4 } else { 0 }).collect();
        let message = format!("`{}` holds what looks like {} (`{shown}…`).", literal.name, found.kind.label());
        report.add(file.finding(symbol, literal.span, message).name(&literal.name));
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::findings;

    #[test]
    fn a_key_is_found_and_not_repeated() {
        let key = format!("{}{}", "AKIA", "Q3EGRIXJ7ZT5NWPL");
        let source = format!("aws_secret_key = '{key}'\nplaceholder_token = 'changeme'\n");
        let found = findings("python", &source, &Settings::default());
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].rule, "hardcoded-secret");
        assert!(!found[0].message.contains(&key[..6]));
    }
}
