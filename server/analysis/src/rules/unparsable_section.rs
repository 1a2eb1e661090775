//! A section of the documentation does not have the form that its style asks for.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::Severity;
use crate::matching::is_templated;
use syntax::docstring::DocProblemKind;
use syntax::model::SymbolKind;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "unparsable-section",
    summary: "A section of the documentation does not have the form that its style asks for.",
    group: Group::Documentation,
    default_severity: Severity::Info,
    fixable: false,
    aliases: &["DOC001", "DOC002", "DOC003", "D405", "D406", "D407", "D412", "jsdoc/valid-types"],
    page: include_str!("../../rules/unparsable-section.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    if doc.doc.problems.is_empty() || is_templated(doc) {
        return;
    }
    for problem in &doc.doc.problems {
        if let DocProblemKind::UnparsableSection { title, reason } = &problem.kind {
            // A module tells under such a title what is in it; it takes and raises nothing that could be listed.
            if doc.symbol.kind == SymbolKind::Module && !title.starts_with('@') {
                continue;
            }
            let reason = reason.trim().trim_end_matches('.');
            let what = if title.starts_with('@') { "tag" } else { "section" };
            report.add(doc.finding(problem.span, format!("The {what} `{title}` cannot be read: {reason}.")).name(title));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::{Profile, Settings};
    use crate::testing::{check, check_only};

    #[test]
    fn prose_below_a_title_of_a_module_is_no_section() {
        let prose = "\"\"\"Numbers.\n\nExceptions\n----------\n\nA single exception is defined: Odd is one of its own.\n\"\"\"\n";
        check_only("unparsable-section", "python", prose, &[]);
        let function = "def f():\n    \"\"\"Do.\n\n    Args:\n        See the other function.\n    \"\"\"\n";
        check_only("unparsable-section", "python", function, &["unparsable-section [Args] at \"Args\""]);
    }

    #[test]
    fn a_type_that_is_never_closed_is_unreadable_and_its_parameter_not_missing() {
        let source = "/**\n * Adds.\n * @param {string a the text\n * @param {number} b more\n */\nfunction f(a, b) { use(a, b); }\n";
        for language in ["javascript", "typescript"] {
            for profile in [Profile::Default, Profile::Strict] {
                let settings = Settings { profile, ..Settings::default() };
                check(language, source, &settings, &["unparsable-section [@param] at \"param\""]);
            }
        }
    }
}
