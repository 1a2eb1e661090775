//! The code does not parse.

use super::{Check, Group, RuleInfo};
use crate::context::{FileContext, Reporter};
use crate::diagnostic::Severity;
use syntax::text::Span;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "syntax-error",
    summary: "The code does not parse.",
    group: Group::Code,
    default_severity: Severity::Error,
    fixable: false,
    aliases: &["E999", "invalid-syntax"],
    page: include_str!("../../rules/syntax-error.md"),
    needs_bodies: false,
    check: Check::File(check),
};

fn check(file: &FileContext<'_>, report: &mut Reporter<'_>) {
    for error in &file.model.syntax_errors {
        let message = match &error.missing {
            Some(missing) => format!("Something is missing here: {missing}."),
            None => match excerpt(error.span.of(&file.model.text)) {
                Some(text) => format!("`{text}` does not parse."),
                None => "The code does not parse here.".to_owned(),
            },
        };
        // A long stretch that does not parse would colour half a file: its first line is enough.
        let first_line = error.span.of(&file.model.text).find(['\n', '\r']).unwrap_or(error.span.len());
        let symbol = file.model.symbol_at(error.span.start).unwrap_or(0);
        report.add(file.finding(symbol, Span::new(error.span.start, error.span.start + first_line), message));
    }
}

fn excerpt(text: &str) -> Option<String> {
    let line = text.lines().next()?.trim();
    let short: String = line.chars().take(30).collect();
    (!short.is_empty()).then(|| if short.len() < line.len() { format!("{short}…") } else { short })
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::findings;

    #[test]
    fn broken_code_is_told_on_one_line() {
        let source = "def f(:\n    pass\n\nx = 1\n";
        let found = findings("python", source, &Settings::default());
        assert!(!found.is_empty() && found.iter().all(|finding| finding.rule == "syntax-error" && !finding.span.of(source).contains('\n')), "{found:?}");
    }
}
