//! A comment marks work that is left to do.

use super::{Check, Group, RuleInfo};
use crate::context::{FileContext, Reporter};
use crate::diagnostic::Severity;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "todo",
    summary: "A comment marks work that is left to do.",
    group: Group::Code,
    default_severity: Severity::Hint,
    fixable: false,
    aliases: &["FIX001", "FIX002", "FIX003", "FIX004", "TD002", "no-warning-comments", "fixme", "W0511", "godox"],
    page: include_str!("../../rules/todo.md"),
    needs_bodies: false,
    check: Check::File(check),
};

fn check(file: &FileContext<'_>, report: &mut Reporter<'_>) {
    for todo in &file.model.todos {
        let symbol = file.model.symbol_at(todo.span.start).unwrap_or(0);
        let text = todo.text.trim().trim_start_matches([':', ' ', '-']).trim_end_matches(['.', ' ']);
        let message = if text.is_empty() { format!("There is a {} here.", todo.mark) } else { format!("{}: {text}.", todo.mark) };
        report.add(file.finding(symbol, todo.span, message).name(&todo.mark));
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_only;

    #[test]
    fn marks_in_comments_are_listed() {
        check_only("todo", "python", "# TODO: later\nx = 'TODO: no'\n", &["todo [TODO] at \"TODO: later\""]);
    }
}
