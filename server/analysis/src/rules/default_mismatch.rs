//! The documentation states another default than the code has.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{Repair, Severity};
use crate::values::{self, Agreement};
use syntax::docstring::Entry;
use syntax::model::ParamKind;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "default-mismatch",
    summary: "The documentation states another default than the code has.",
    group: Group::Documentation,
    default_severity: Severity::Warning,
    fixable: true,
    aliases: &["jsdoc/no-defaults", "PR05"],
    page: include_str!("../../rules/default-mismatch.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    if !doc.doc.entries.iter().any(|entry| entry.default.is_some()) {
        return;
    }
    let Some(matching) = doc.params() else { return };
    let Some(signature) = doc.signature() else { return };
    for (at, param) in &matching.documented {
        let Some(entry) = doc.doc.entries.get(at.entry) else { continue };
        let Some(said) = &entry.default else { continue };
        let Some(param) = param.and_then(|index| signature.params.get(index)) else { continue };
        if matches!(param.kind, ParamKind::Rest | ParamKind::KeywordRest | ParamKind::Pattern) {
            continue;
        }
        let Some(coded) = &param.default else {
            if doc.file.is_thorough() && values::is_literal(&said.value) && !param.optional && doc.file.is("python") {
                let message = format!("The documentation says that `{}` defaults to `{}`, but it has no default.", param.name, said.value);
                report.add(doc.finding(said.span, message).name(&param.name).related(param.span, "The parameter."));
            }
            continue;
        };
        if !is_stated_plainly(doc, entry, &said.value, &coded.text) || values::agree(&said.value, &coded.text) != Agreement::Different {
            continue;
        }
        let message = format!("The documentation says that `{}` defaults to `{}`, but it is `{}`.", param.name, said.value, coded.text);
        let finding = doc.finding(said.span, message).name(&param.name).related(coded.span, "The default.");
        report.add(finding.repair(Repair::SetDefault { entry: at.entry, to: values::respell(&coded.text, &said.value) }));
    }
}

/// A bare word stands for a string only where it is marked as code or given as `default=word`; in prose it is a word.
fn is_stated_plainly(doc: &DocContext<'_>, entry: &Entry, said: &str, coded: &str) -> bool {
    let Some(mention) = &entry.default else { return false };
    let is_bare = said.starts_with(char::is_alphabetic) && coded.trim_start().starts_with(['"', '\'']);
    let is_constant = matches!(said, "True" | "False" | "None" | "true" | "false" | "null");
    if !is_bare || is_constant {
        return true;
    }
    let text = &doc.file.model.text;
    let before = text.get(..mention.span.start).unwrap_or("").chars().next_back();
    let after = text.get(mention.span.end..).unwrap_or("").chars().next();
    (before == Some('`') && after == Some('`')) || before == Some('=')
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Repair;
    use crate::settings::Settings;
    use crate::testing::{check, check_quiet, findings};

    #[test]
    fn a_stale_default_is_found_with_its_value() {
        let source = "def f(times=8):\n    \"\"\"Do.\n\n    Parameters\n    ----------\n    times : int, optional\n        How often. Default is 1.\n    \"\"\"\n";
        check("python", source, &Settings::default(), &["default-mismatch [times] at \"1\""]);
        assert_eq!(findings("python", source, &Settings::default())[0].repairs, [Repair::SetDefault { entry: 0, to: "8".to_owned() }]);
    }

    #[test]
    fn a_default_that_the_body_fills_in_is_left_alone() {
        check_quiet("python", "def f(size=None):\n    \"\"\"Do.\n\n    Args:\n        size: How many. Defaults to 5.\n    \"\"\"\n    size = size or 5\n");
    }

    #[test]
    fn another_spelling_of_the_same_value_is_no_drift() {
        check_quiet("python", "def f(tol=1e-3, mode='valid'):\n    \"\"\"Do.\n\n    Args:\n        tol: How near. Defaults to 0.001.\n        mode: Which. Defaults to `\"valid\"`.\n    \"\"\"\n");
    }

    #[test]
    fn a_default_in_brackets_is_compared_too() {
        check("javascript", "/**\n * Do.\n * @param {number} [size=3] how many\n */\nfunction f(size = 4) {}\n", &Settings::default(), &["default-mismatch [size] at \"3\""]);
    }
}
