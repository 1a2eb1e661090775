//! An unsafe function does not say what its caller must uphold.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{Repair, Severity};
use syntax::docstring::EntryKind;
use syntax::model::{SymbolKind, Visibility};

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "safety-not-documented",
    summary: "An unsafe function does not say what its caller must uphold.",
    group: Group::Documentation,
    default_severity: Severity::Warning,
    fixable: true,
    aliases: &["missing_safety_doc", "clippy::missing_safety_doc"],
    page: include_str!("../../rules/safety-not-documented.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    let flags = doc.symbol.flags;
    // An unsafe impl upholds what its trait asks for and asks nothing of its callers.
    let is_asked = doc.symbol.kind != SymbolKind::Impl && flags.is_unsafe && !flags.is_override && !flags.is_test && doc.symbol.visibility == Visibility::Public;
    if !is_asked || doc.doc.speaks_of(EntryKind::Safety) {
        return;
    }
    let finding = doc.finding(doc.symbol.name_span, format!("`{}` is unsafe, but its documentation has no section on safety.", doc.symbol.name));
    report.add(finding.repair(Repair::AddSection { kind: EntryKind::Safety }));
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::{check, check_quiet};

    #[test]
    fn an_unsafe_function_needs_a_section_on_safety() {
        check("rust", "/// Does.\npub unsafe fn f() {}\n", &Settings::default(), &["safety-not-documented [] at \"f\""]);
        check_quiet("rust", "/// Does.\n///\n/// # Safety\n///\n/// None.\npub unsafe fn f() {}\n");
        check_quiet("rust", "/// Does.\nunsafe fn f() {}\n");
        check_quiet("rust", "/// It.\npub struct X;\n\n/// Holds no pointer of its own.\nunsafe impl Send for X {}\n");
        check("rust", "/// It.\npub trait T {\n    /// Does.\n    unsafe fn f(&self);\n}\n", &Settings::default(), &["safety-not-documented [] at \"f\""]);
    }
}
