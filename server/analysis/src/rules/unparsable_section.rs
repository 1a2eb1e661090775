//! A section of the documentation does not have the form that its style asks for.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::Severity;
use crate::matching::is_templated;
use syntax::docstring::DocProblemKind;

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
            let reason = reason.trim().trim_end_matches('.');
            report.add(doc.finding(problem.span, format!("The section `{title}` cannot be read: {reason}.")).name(title));
        }
    }
}
