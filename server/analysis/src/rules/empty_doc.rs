//! Documentation is there but says nothing, or still holds a placeholder.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{Repair, Severity};
use syntax::text::Span;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "empty-doc",
    summary: "Documentation is there but says nothing, or still holds a placeholder.",
    group: Group::Documentation,
    default_severity: Severity::Info,
    fixable: true,
    aliases: &["D419", "GL03", "clippy::empty_docs", "empty_docs", "jsdoc/no-blank-blocks", "jsdoc/require-description"],
    page: include_str!("../../rules/empty-doc.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

/// What generators leave to be filled in.
const PLACEHOLDERS: &[&str] =
    &["_summary_", "_description_", "_type_", "[summary]", "[description]", "[type]", "[TODO", "<TODO", "TODO: document", "TODO: Document", "TODO: describe", "TODO: Describe", "Describe me", "Describe this", "!TODO!"];

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    let docstring = doc.doc;
    if docstring.inherits {
        return;
    }
    let has_words = docstring.block.lines.iter().any(|line| doc.text(line.span).contains(char::is_alphanumeric));
    if !has_words {
        let finding = doc.finding(docstring.block.span, format!("The documentation of {} is empty.", name_of(doc)));
        report.add(finding.repair(Repair::Draft));
        return;
    }
    let text = doc.text(docstring.block.span);
    for placeholder in PLACEHOLDERS {
        let Some(start) = text.find(placeholder) else { continue };
        let start = docstring.block.span.start + start;
        let span = Span::new(start, start + placeholder.len());
        // Only a line of its own, or a whole entry, is a placeholder; prose may speak of one.
        let Some(line) = docstring.block.lines.iter().find(|line| line.span.contains(span)) else { continue };
        let before = doc.text(Span::new(line.span.start, span.start));
        if before.trim().is_empty() || before.trim_end().ends_with([':', '-', '(']) {
            let finding = doc.finding(span, format!("The documentation of {} still holds the placeholder `{placeholder}`.", name_of(doc)));
            let is_summary = docstring.block.lines.get(docstring.summary.clone()).is_some_and(|lines| lines.iter().any(|line| line.span.contains(span)));
            report.add(if is_summary && !docstring.is_structured() { finding.repair(Repair::Draft) } else { finding });
            return;
        }
    }
}

fn name_of(doc: &DocContext<'_>) -> String {
    if doc.index == 0 { "the module".to_owned() } else { format!("`{}`", doc.symbol.name) }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_only;

    #[test]
    fn empty_and_placeholder_texts_are_found() {
        check_only("empty-doc", "python", "def f():\n    \"\"\"\"\"\"\n", &["empty-doc [] at \"\\\"\\\"\\\"\\\"\\\"\\\"\""]);
        check_only("empty-doc", "python", "def f():\n    \"\"\"_summary_\"\"\"\n", &["empty-doc [] at \"_summary_\""]);
        check_only("empty-doc", "python", "def f(x):\n    \"\"\"Does.\n\n    Args:\n        x (_type_): _description_\n    \"\"\"\n", &["empty-doc [] at \"_description_\""]);
    }

    #[test]
    fn prose_about_a_placeholder_is_no_placeholder() {
        check_only("empty-doc", "python", "def f():\n    \"\"\"Replace each _summary_ by words.\"\"\"\n", &[]);
    }
}
