//! The documentation only repeats the name.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::Severity;
use crate::names::words;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "restating-doc",
    summary: "The documentation only repeats the name.",
    group: Group::Documentation,
    default_severity: Severity::Hint,
    fixable: false,
    aliases: &["jsdoc/informative-docs"],
    page: include_str!("../../rules/restating-doc.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    let docstring = doc.doc;
    let is_whole = docstring.block.lines.iter().filter(|line| !line.span.is_empty()).count() == docstring.summary.len();
    if doc.index == 0 || docstring.is_structured() || docstring.inherits || docstring.summary.is_empty() || !is_whole {
        return;
    }
    let said = docstring.summary_text(&doc.file.model.text);
    let mut known = words(&doc.symbol.path);
    known.push(doc.symbol.kind.word().to_owned());
    let adds_nothing = |word: &String| {
        const FILLERS: [&str; 16] = ["a", "an", "the", "of", "for", "this", "to", "in", "on", "with", "is", "and", "method", "function", "class", "constructor"];
        FILLERS.contains(&word.as_str()) || known.iter().any(|known| is_form_of(word, known))
    };
    let said: Vec<String> = said.split(|character: char| !character.is_alphanumeric() && character != '_').filter(|word| !word.is_empty()).flat_map(words).collect();
    if !said.is_empty() && said.iter().all(adds_nothing) {
        let place = doc.place_of(&[]);
        report.add(doc.finding(place, format!("The documentation of `{}` only repeats its name.", doc.symbol.name)));
    }
}

/// `gets` for `get`, `names` for `name`.
fn is_form_of(word: &str, known: &str) -> bool {
    let ending = word.strip_prefix(known).or_else(|| word.strip_prefix(known.strip_suffix('e').unwrap_or(known)));
    ending.is_some_and(|ending| matches!(ending, "" | "s" | "es" | "ed" | "ing" | "d"))
}

#[cfg(test)]
mod tests {
    use crate::testing::check_only;

    #[test]
    fn a_text_that_only_repeats_the_name_is_found() {
        check_only("restating-doc", "python", "def get_name(self):\n    \"\"\"Gets the name.\"\"\"\n    return 1\n", &["restating-doc [] at \"Gets the name.\""]);
        check_only("restating-doc", "python", "def get_name(self):\n    \"\"\"Get the display name.\"\"\"\n    return 1\n", &[]);
    }
}
