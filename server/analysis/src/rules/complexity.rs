//! A function has more branches than a reader can follow.

use super::{Check, Group, RuleInfo};
use crate::context::{Reporter, SymbolContext};
use crate::diagnostic::Severity;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "complexity",
    summary: "A function has more branches than a reader can follow.",
    group: Group::Code,
    default_severity: Severity::Info,
    fixable: false,
    aliases: &["C901", "complexity", "sonarjs/cognitive-complexity", "clippy::cognitive_complexity", "cognitive_complexity", "gocyclo", "gocognit"],
    page: include_str!("../../rules/complexity.md"),
    needs_bodies: true,
    check: Check::Symbol(check),
};

/// Where ESLint draws its line.
const CYCLOMATIC: u32 = 20;
/// Where clippy draws its line.
const COGNITIVE: u32 = 25;

fn check(context: &SymbolContext<'_>, report: &mut Reporter<'_>) {
    let Some(facts) = context.symbol.facts.as_ref().filter(|_| context.symbol.kind.is_callable()) else { return };
    let limit = |option: &str, fallback: u32| context.file.settings.number(RULE.name, option).unwrap_or(fallback);
    let (cyclomatic, cognitive) = (limit("cyclomatic", CYCLOMATIC), limit("cognitive", COGNITIVE));
    let (measure, value, allowed) = if facts.cognitive > cognitive {
        ("cognitive", facts.cognitive, cognitive)
    } else if facts.cyclomatic > cyclomatic {
        ("cyclomatic", facts.cyclomatic, cyclomatic)
    } else {
        return;
    };
    let message = format!("`{}` has a {measure} complexity of {value}, more than {allowed}.", context.symbol.name);
    report.add(context.finding(context.symbol.name_span, message).name(&context.symbol.name));
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::{check, check_only};

    #[test]
    fn the_limits_can_be_set() {
        let source = "def f(a):\n    if a:\n        if a > 1:\n            return 1\n    return 2\n";
        check_only("complexity", "python", source, &[]);
        let settings: Settings = serde_json::from_str(r#"{"rules": {"complexity": {"level": "warning", "cyclomatic": 2}}}"#).unwrap();
        check("python", source, &settings, &["complexity [f] at \"f\""]);
    }
}
