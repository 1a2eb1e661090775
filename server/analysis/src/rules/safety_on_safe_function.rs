//! A safe function has a section on safety.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{FindingTag, Repair, Severity};
use syntax::docstring::EntryKind;
use syntax::model::SymbolKind;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "safety-on-safe-function",
    summary: "A safe function has a section on safety.",
    group: Group::Documentation,
    default_severity: Severity::Info,
    fixable: true,
    aliases: &["unnecessary_safety_doc", "clippy::unnecessary_safety_doc"],
    page: include_str!("../../rules/safety-on-safe-function.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    if !doc.file.is("rust") || !doc.symbol.kind.is_callable() || doc.symbol.kind == SymbolKind::Macro || doc.symbol.flags.is_unsafe {
        return;
    }
    if !doc.doc.speaks_of(EntryKind::Safety) {
        return;
    }
    let finding = doc.finding(doc.place_of(&[EntryKind::Safety]), format!("`{}` is not unsafe, but its documentation has a section on safety.", doc.symbol.name));
    report.add(finding.tagged(FindingTag::Unnecessary).related(doc.symbol.name_span, "The function.").repair(Repair::RemoveKind { kind: EntryKind::Safety }));
}

#[cfg(test)]
mod tests {
    use crate::testing::check_only;

    #[test]
    fn a_safe_function_needs_no_section_on_safety() {
        let doc = "/// Does.\n///\n/// # Safety\n///\n/// None.\n";
        check_only("safety-on-safe-function", "rust", &format!("{doc}pub fn f() {{}}\n"), &["safety-on-safe-function [] at \"Safety\""]);
        check_only("safety-on-safe-function", "rust", &format!("{doc}pub unsafe fn f() {{}}\n"), &[]);
    }
}
