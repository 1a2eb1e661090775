//! Documented and declared generic parameters differ.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{FindingTag, Repair, Severity};
use syntax::docstring::EntryKind;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "type-param-drift",
    summary: "Documented and declared generic parameters differ.",
    group: Group::Documentation,
    default_severity: Severity::Warning,
    fixable: true,
    aliases: &["jsdoc/require-template", "JavadocType"],
    page: include_str!("../../rules/type-param-drift.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    // In JavaScript the documentation is where generic parameters are declared.
    if doc.file.is("javascript") || doc.doc.inherits || doc.declares_elsewhere() || !doc.doc.speaks_of(EntryKind::TypeParam) {
        return;
    }
    let declared = &doc.symbol.type_params;
    let names = doc.entries(EntryKind::TypeParam).flat_map(|(entry, found)| found.names.iter().enumerate().map(move |(name, found)| (entry, name, found)));
    let documented: Vec<_> = names.collect();
    // Prose below the title speaks of them in its own way.
    if documented.is_empty() {
        return;
    }
    let is_documented = |name: &str| documented.iter().any(|(_, _, found)| found.name == name);
    let mut missing: Vec<usize> = (0..declared.len()).filter(|index| declared.get(*index).is_some_and(|param| !is_documented(&param.name))).collect();
    let extra: Vec<_> = documented.iter().filter(|(_, _, found)| !declared.iter().any(|param| param.name == found.name)).collect();
    for (entry, name, found) in &extra {
        let renamed = (extra.len() == 1 && missing.len() == 1).then(|| missing.pop()).flatten().and_then(|index| declared.get(index));
        if let Some(param) = renamed {
            let message = format!("The generic parameter `{}` is documented, but it is called `{}`.", found.name, param.name);
            let finding = doc.finding(found.span, message).name(&found.name).name(&param.name).related(param.span, "The generic parameter.");
            report.add(finding.repair(Repair::RenameName { entry: *entry, name: *name, to: param.name.clone() }));
        } else if !declared.is_empty() || doc.file.is_thorough() {
            let message = format!("The generic parameter `{}` is documented, but `{}` has none of that name.", found.name, doc.symbol.name);
            let finding = doc.finding(found.span, message).name(&found.name).tagged(FindingTag::Unnecessary);
            report.add(finding.repair(Repair::RemoveName { entry: *entry, name: *name }));
        }
    }
    for index in missing {
        let Some(param) = declared.get(index) else { continue };
        let finding = doc.finding(param.span, format!("The generic parameter `{}` of `{}` is not documented.", param.name, doc.symbol.name));
        report.add(finding.name(&param.name).repair(Repair::AddTypeParam { type_param: index }));
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_only;

    #[test]
    fn a_generic_parameter_that_was_renamed_is_found() {
        check_only("type-param-drift", "typescript", "/**\n * Do.\n * @typeParam T - what\n */\nfunction f<Item>(a: Item): void {}\n", &["type-param-drift [T, Item] at \"T\""]);
        check_only("type-param-drift", "typescript", "/**\n * Do.\n * @template T what\n */\nfunction f<T, U>(a: T): U { return a as any; }\n", &["type-param-drift [U] at \"U\""]);
    }

    #[test]
    fn prose_below_the_title_is_no_list() {
        let source = "/// Does.\n///\n/// # Type parameters\n///\n/// The item and its key are whatever the caller has.\npub fn f<T, K>(a: T, b: K) {}\n";
        check_only("type-param-drift", "rust", source, &[]);
    }

    #[test]
    fn javascript_declares_them_in_the_documentation() {
        check_only("type-param-drift", "javascript", "/**\n * @template T\n */\nfunction f() {}\n", &[]);
    }
}
