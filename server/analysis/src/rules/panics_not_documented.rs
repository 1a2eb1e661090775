//! A public function can panic, but its documentation does not say when.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{Repair, Severity};
use syntax::docstring::EntryKind;
use syntax::model::Visibility;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "panics-not-documented",
    summary: "A public function can panic, but its documentation does not say when.",
    group: Group::Documentation,
    default_severity: Severity::Info,
    fixable: true,
    aliases: &["missing_panics_doc", "clippy::missing_panics_doc"],
    page: include_str!("../../rules/panics-not-documented.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    if doc.file.is("go") {
        return check_go(doc, report);
    }
    if !doc.file.is("rust") || doc.symbol.visibility != Visibility::Public || doc.doc.speaks_of(EntryKind::Panic) || doc.symbol.flags.is_test {
        return;
    }
    let Some(first) = doc.facts().and_then(|facts| facts.panics.first()) else { return };
    let finding = doc.finding(doc.symbol.name_span, format!("`{}` can panic, but its documentation has no section on panics.", doc.symbol.name));
    report.add(finding.related(first.span, format!("`{}` can panic.", first.call)).repair(Repair::AddSection { kind: EntryKind::Panic }));
}

/// Go has no section for it: a word in the text is enough, and the name of a `Must…` function says it already.
fn check_go(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    let is_asked = doc.file.is_thorough() && doc.symbol.visibility == Visibility::Public && !doc.symbol.flags.is_test;
    let says_it = || doc.text(doc.doc.block.span).to_lowercase().contains("panic") || doc.symbol.name.starts_with("Must");
    let Some(first) = doc.facts().filter(|_| is_asked).and_then(|facts| facts.panics.first()) else { return };
    if !says_it() {
        let finding = doc.finding(doc.symbol.name_span, format!("`{}` can panic, but its documentation does not say when.", doc.symbol.name));
        report.add(finding.related(first.span, format!("`{}` can panic.", first.call)));
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_only;

    #[test]
    fn a_panic_in_an_exported_go_function_is_found() {
        let source = "package p\n\n// Do does it.\nfunc Do(x int) {\n\tif x < 0 {\n\t\tpanic(\"negative\")\n\t}\n}\n";
        check_only("panics-not-documented", "go", source, &["panics-not-documented [] at \"Do\""]);
        check_only("panics-not-documented", "go", &source.replace("does it.", "does it. It panics if x is negative."), &[]);
        check_only("panics-not-documented", "go", &source.replace("Do", "do"), &[]);
    }

    #[test]
    fn an_unwrap_in_a_public_function_is_found() {
        check_only("panics-not-documented", "rust", "/// Does.\npub fn f(x: Option<u8>) -> u8 { x.unwrap() }\n", &["panics-not-documented [] at \"f\""]);
        check_only("panics-not-documented", "rust", "/// Does.\n///\n/// # Panics\n///\n/// If none.\npub fn f(x: Option<u8>) -> u8 { x.unwrap() }\n", &[]);
        check_only("panics-not-documented", "rust", "/// Does.\nfn f(x: Option<u8>) -> u8 { x.unwrap() }\n", &[]);
    }
}
