//! A parameter is missing among the documented ones.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{Repair, Severity};
use syntax::docstring::EntryKind;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "param-not-documented",
    summary: "A parameter is missing among the documented ones.",
    group: Group::Documentation,
    default_severity: Severity::Warning,
    fixable: true,
    aliases: &["DOC101", "D417", "PR01", "DAR101", "jsdoc/require-param", "JavadocMethod", "undocumented-param"],
    page: include_str!("../../rules/param-not-documented.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    let Some(matching) = doc.params() else { return };
    if matching.missing.is_empty() && matching.missing_fields.is_empty() {
        return;
    }
    let Some(signature) = doc.signature() else { return };
    let place = doc.place_of(&[EntryKind::Param]);
    for &index in &matching.missing {
        let Some(param) = signature.params.get(index) else { continue };
        let name = if param.name.is_empty() { format!("number {}", index + 1) } else { format!("`{}`", param.name) };
        let mut finding = doc.finding(param.span, format!("The parameter {name} of {} is not documented.", quoted(doc)));
        if !param.name.is_empty() {
            finding = finding.name(&param.name);
        }
        // A text that is there may be meant of it; a second one would hide that.
        let is_settled = !matching.undecided.iter().any(|(_, param)| *param == index);
        report.add(finding.related(place, "The documentation.").repair(Repair::AddParam { param: index }).chosen_unless(is_settled));
    }
    for &(index, field) in &matching.missing_fields {
        let Some(found) = signature.params.get(index).and_then(|param| param.fields.get(field)) else { continue };
        let finding = doc.finding(found.span, format!("The property `{}` of a parameter of {} is not documented.", found.name, quoted(doc)));
        report.add(finding.name(&found.name).related(place, "The documentation.").repair(Repair::AddParamField { param: index, field }));
    }
}

fn quoted(doc: &DocContext<'_>) -> String {
    if doc.symbol.name.is_empty() { "the function".to_owned() } else { format!("`{}`", doc.symbol.name) }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::{check, check_only, check_quiet};

    const GOOGLE: &str = "def f(a, b, *args, **kwargs):\n    \"\"\"Do.\n\n    Args:\n        a: One.\n    \"\"\"\n";

    #[test]
    fn a_parameter_is_missing_among_documented_ones() {
        let quiet = Settings::default();
        check("python", GOOGLE, &quiet, &["param-not-documented [b] at \"b\""]);
        check_only("param-not-documented", "python", GOOGLE, &["param-not-documented [b] at \"b\"", "param-not-documented [args] at \"args\"", "param-not-documented [kwargs] at \"kwargs\""]);
    }

    #[test]
    fn stars_are_optional_and_names_may_be_grouped() {
        check_only("param-not-documented", "python", "def f(x, y, *args, **kw):\n    \"\"\"Do.\n\n    Parameters\n    ----------\n    x, y : int\n        Both.\n    args\n        Rest.\n    **kw\n        More.\n    \"\"\"\n", &[]);
    }

    #[test]
    fn plain_prose_needs_no_parameters() {
        check_only("param-not-documented", "python", "def f(a):\n    \"\"\"Do something with it.\"\"\"\n", &[]);
    }

    #[test]
    fn where_parameters_are_told_in_prose_no_list_is_owed() {
        check_only("param-not-documented", "rust", "/// Makes it.\n///\n/// # Panics\n///\n/// If `a` is zero.\npub fn f(a: u8) -> u8 { assert!(a > 0); 1 / a }\n", &[]);
    }

    #[test]
    fn a_class_may_document_what_its_constructor_takes() {
        check_only("param-not-documented", "python", "class C:\n    \"\"\"A thing.\n\n    Args:\n        a: One.\n    \"\"\"\n\n    def __init__(self, a, b):\n        \"\"\"Make it.\n\n        Args:\n            b: Two.\n        \"\"\"\n", &[]);
    }

    #[test]
    fn a_text_filled_in_at_run_time_is_left_alone() {
        check_quiet("python", "def f(a, b):\n    \"\"\"Do.\n\n    Parameters\n    ----------\n    a : int\n        One.\n    %(rest)s\n    \"\"\"\n");
    }

    #[test]
    fn destructured_parameters_answer_to_any_root_name() {
        check_only("param-not-documented", "javascript", "/**\n * Do.\n * @param {object} options - all\n * @param {number} options.a - one\n */\nfunction f({ a, b }) { return a + b; }\n", &["param-not-documented [b] at \"b\""]);
    }

    #[test]
    fn a_type_comment_is_no_documentation_of_parameters() {
        check_only("param-not-documented", "javascript", "/**\n * @callback F\n * @param {number} a\n */\nfunction f(b) { return b; }\n", &[]);
    }
}
