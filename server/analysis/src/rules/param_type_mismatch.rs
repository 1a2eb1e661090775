//! The documented type of a parameter is not the declared one.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{Repair, Severity};
use crate::types::{self, Comparison};

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "param-type-mismatch",
    summary: "The documented type of a parameter is not the declared one.",
    group: Group::Documentation,
    default_severity: Severity::Info,
    fixable: true,
    aliases: &["DOC105", "DOC106", "DOC107", "DOC109", "DOC110", "DOC111", "PR04", "DAR103", "jsdoc/check-types"],
    page: include_str!("../../rules/param-type-mismatch.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    let Some(matching) = doc.params() else { return };
    let Some(signature) = doc.signature() else { return };
    for (at, param) in &matching.documented {
        let Some(entry) = doc.doc.entries.get(at.entry) else { continue };
        let Some(param) = param.and_then(|index| signature.params.get(index)) else { continue };
        let (Some(said), Some(declared)) = (&entry.type_text, &param.type_text) else { continue };
        let is_plain_mismatch = doc.file.is_script() && are_other_primitives(&said.text, &declared.text);
        if types::compare(&said.text, &declared.text) != Comparison::Different && !is_plain_mismatch {
            continue;
        }
        let message = format!("`{}` is documented as `{}`, but declared as `{}`.", param.name, said.text, declared.text);
        let finding = doc.finding(said.span, message).name(&param.name).related(declared.span, "The declared type.");
        let is_shared = entry.names.len() > 1;
        report.add(if is_shared { finding } else { finding.repair(Repair::SetType { entry: at.entry, to: declared.text.clone() }) });
    }
}

/// In scripts `number` is one type, where elsewhere it may be any of several.
fn are_other_primitives(said: &str, declared: &str) -> bool {
    let is_primitive = |text: &str| matches!(text, "number" | "string" | "boolean" | "bigint" | "symbol");
    let (said, declared) = (said.trim(), declared.trim());
    is_primitive(said) && is_primitive(declared) && said != declared
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_only, check_quiet};

    const SOURCE: &str = "def f(a: int, b: 'str | None' = None, c: list[int] = ()):\n    \"\"\"Do.\n\n    Args:\n        a (str): One.\n        b (str, optional): Two.\n        c (list of int): Three.\n    \"\"\"\n";

    #[test]
    fn only_types_that_truly_differ_are_found() {
        check_only("param-type-mismatch", "python", SOURCE, &["param-type-mismatch [a] at \"str\""]);
    }

    #[test]
    fn a_number_is_no_string_in_typescript() {
        let source = "/**\n * Do.\n * @param {number} a one\n */\nexport function f(a: string): void { g(a); }\n";
        check_only("param-type-mismatch", "typescript", source, &["param-type-mismatch [a] at \"number\""]);
        check_only("param-type-mismatch", "typescript", &source.replace("a: string", "a: number"), &[]);
        check_only("param-type-mismatch", "typescript", &source.replace("a: string", "a: Size"), &[]);
    }

    #[test]
    fn the_quiet_profile_leaves_types_alone() {
        check_quiet("python", SOURCE);
    }
}
