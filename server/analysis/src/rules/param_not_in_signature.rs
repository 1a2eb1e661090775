//! A documented parameter does not exist.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{FindingTag, Repair, Severity};

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "param-not-in-signature",
    summary: "A documented parameter does not exist.",
    group: Group::Documentation,
    default_severity: Severity::Warning,
    fixable: true,
    aliases: &["DOC102", "DOC103", "PR02", "DAR102", "jsdoc/check-param-names", "unknown-param"],
    page: include_str!("../../rules/param-not-in-signature.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    let Some(matching) = doc.params().filter(|matching| !matching.extra.is_empty()) else { return };
    let Some(signature) = doc.signature() else { return };
    let owner = doc.file.symbol(signature.owner).unwrap_or(doc.symbol);
    for at in &matching.extra {
        let Some(name) = doc.doc.entries.get(at.entry).and_then(|entry| entry.names.get(at.name)) else { continue };
        let of = if doc.symbol.name.is_empty() { "the function".to_owned() } else { format!("`{}`", doc.symbol.name) };
        let finding = doc.finding(name.span, format!("`{}` is documented, but {of} has no such parameter.", name.name));
        let finding = finding.name(&name.name).tagged(FindingTag::Unnecessary).related(owner.name_span, "The signature.");
        report.add(finding.repair(Repair::RemoveName { entry: at.entry, name: at.name }));
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::{check, check_only, check_quiet};

    #[test]
    fn a_parameter_that_is_gone_is_found_in_every_python_style() {
        for doc in ["Args:\n        a: One.\n        gone: Two.", "Parameters\n    ----------\n    a : int\n        One.\n    gone : int\n        Two.", ":param a: One.\n    :param gone: Two."] {
            let source = format!("def f(a):\n    \"\"\"Do.\n\n    {doc}\n    \"\"\"\n");
            check("python", &source, &Settings::default(), &["param-not-in-signature [gone] at \"gone\""]);
        }
    }

    #[test]
    fn keyword_names_are_fine_where_the_signature_is_open() {
        check_only("param-not-in-signature", "python", "def f(a, **kwargs):\n    \"\"\"Do.\n\n    Args:\n        a: One.\n        colour: Passed on.\n    \"\"\"\n", &[]);
    }

    #[test]
    fn a_name_among_the_real_parameters_is_drift_even_where_the_signature_is_open() {
        check("python", "def f(b, **kwargs):\n    \"\"\"Do.\n\n    Args:\n        gone: One.\n        b: Two.\n        **kwargs: Rest.\n    \"\"\"\n", &Settings::default(), &["param-not-in-signature [gone] at \"gone\""]);
    }

    #[test]
    fn placeholders_and_receivers_are_no_parameters() {
        check_quiet("python", "class C:\n    def f(self):\n        \"\"\"Do.\n\n        Parameters\n        ----------\n        None\n\n        Returns\n        -------\n        None\n        \"\"\"\n        g()\n");
    }

    #[test]
    fn overloads_share_their_parameters() {
        check_quiet("typescript", "/**\n * Do.\n * @param a - one\n * @param b - two\n */\nfunction f(a: string): void;\nfunction f(a: string, b: number): void;\nfunction f(a: any, b?: any): void {}\n");
    }

    #[test]
    fn a_field_that_a_pattern_does_not_bind_is_found() {
        check("javascript", "/**\n * Do.\n * @param {object} o - all\n * @param {number} o.a - one\n * @param {number} o.gone - two\n */\nfunction f({ a }) { use(a); }\n", &Settings::default(), &["param-not-in-signature [o.gone] at \"o.gone\""]);
    }
}
