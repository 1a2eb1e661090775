//! A safe function has a section on safety.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{FindingTag, Repair, Severity};
use syntax::docstring::{EntryKind, Section};
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
    report.add(finding.tagged(FindingTag::Unnecessary).related(doc.symbol.name_span, "The function.").repair(Repair::RemoveKind { kind: EntryKind::Safety }).chosen_unless(says_nothing(doc)));
}

/// Whether no words would be lost with the section: a safe function may well say why it is safe.
fn says_nothing(doc: &DocContext<'_>) -> bool {
    let sections = doc.doc.sections.iter().filter(|section| section.kind == EntryKind::Safety);
    let body = |section: &Section| doc.doc.block.lines.get(section.header.end..section.lines.end).unwrap_or(&[]);
    let words: Vec<&str> = sections.flat_map(body).map(|line| doc.text(line.span).trim()).filter(|text| !text.is_empty()).collect();
    match words[..] {
        [] => true,
        [only] => matches!(only.trim_end_matches('.').to_lowercase().as_str(), "none" | "n/a" | "nothing"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::{check_only, findings};

    #[test]
    fn a_safe_function_needs_no_section_on_safety() {
        let doc = "/// Does.\n///\n/// # Safety\n///\n/// None.\n";
        check_only("safety-on-safe-function", "rust", &format!("{doc}pub fn f() {{}}\n"), &["safety-on-safe-function [] at \"Safety\""]);
        check_only("safety-on-safe-function", "rust", &format!("{doc}pub unsafe fn f() {{}}\n"), &[]);
    }

    #[test]
    fn only_a_section_without_words_is_removed_unasked() {
        let unasked = |section: &str| {
            let source = format!("/// Does.\n///\n/// # Safety\n///\n{section}pub fn f() {{}}\n");
            findings("rust", &source, &Settings::only("safety-on-safe-function")).iter().map(|finding| finding.is_mended_unasked()).collect::<Vec<_>>()
        };
        assert_eq!(unasked("/// None.\n"), [true]);
        assert_eq!(unasked(""), [true]);
        assert_eq!(unasked("/// This is safe, for the pointer is checked.\n"), [false]);
        assert_eq!(unasked("/// None.\n///\n/// But see the notes of the type.\n"), [false]);
    }
}
