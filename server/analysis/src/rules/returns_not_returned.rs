//! The documentation speaks of a returned value, but nothing is returned.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{FindingTag, Repair, Severity};
use crate::types;
use syntax::docstring::{DocStyle, Entry, EntryKind};

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "returns-not-returned",
    summary: "The documentation speaks of a returned value, but nothing is returned.",
    group: Group::Documentation,
    default_severity: Severity::Warning,
    fixable: true,
    aliases: &["DOC202", "DAR202", "docstring-extraneous-returns", "jsdoc/require-returns-check"],
    page: include_str!("../../rules/returns-not-returned.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    if !doc.doc.speaks_of(EntryKind::Return) || doc.declares_elsewhere() || says_nothing(doc) {
        return;
    }
    let Some(facts) = doc.facts() else { return };
    let is_generator = doc.symbol.flags.is_generator || !facts.yields.is_empty();
    if is_generator || facts.returns.iter().any(|fact| fact.has_value()) {
        return;
    }
    // A body that can only throw, or never ends, stands for one that others write.
    if !facts.falls_through && facts.returns.is_empty() {
        return;
    }
    // `return None` written out, or a promise of nothing in particular, is an answer of its own kind.
    let answers = facts.returns.iter().any(|fact| fact.value.is_some()) && !doc.file.is_thorough();
    let promises = doc.symbol.flags.is_async && doc.entries(EntryKind::Return).all(|(_, entry)| is_bare_promise(entry));
    if answers || promises {
        return;
    }
    // Where a compiler holds the body to the declared type, something is returned: `undefined` may be one of its values.
    let is_held = doc.file.is_script() || matches!(doc.doc.style, DocStyle::Rustdoc | DocStyle::Godoc);
    if is_held && doc.symbol.return_type.as_ref().is_some_and(|declared| !doc.file.is_script() || !types::is_nothing(&declared.text)) {
        return;
    }
    // Lines below "None : for …" may be read as more values while they only go on about nothing.
    let is_in_part_nothing = doc.entries(EntryKind::Return).any(|(_, entry)| entry_says_nothing(doc, entry));
    if is_in_part_nothing && !doc.file.is_thorough() {
        return;
    }
    let finding = doc.finding(doc.place_of(&[EntryKind::Return]), format!("The documentation says what `{}` returns, but it returns nothing.", doc.symbol.name));
    report.add(finding.tagged(FindingTag::Unnecessary).related(doc.symbol.name_span, "The function.").repair(Repair::RemoveKind { kind: EntryKind::Return }).chosen_unless(!is_in_part_nothing));
}

/// Whether what is documented is that nothing, or nothing of use, comes back.
fn says_nothing(doc: &DocContext<'_>) -> bool {
    let mut entries = doc.entries(EntryKind::Return).peekable();
    if entries.peek().is_none() {
        return doc.doc.sections.iter().any(|section| section.kind == EntryKind::Return && section.lines.len() <= section.header.len());
    }
    entries.all(|(_, entry)| entry_says_nothing(doc, entry))
}

fn entry_says_nothing(doc: &DocContext<'_>, entry: &Entry) -> bool {
    let documented = entry.type_text.as_ref().map_or("", |documented| documented.text.as_str());
    let first = entry.names.first().map_or("", |name| name.name.as_str());
    let text = entry.description.trim_start_matches(['`', '*', '-', ' ']);
    let opens = |word: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    types::is_nothing(documented)
        || types::is_nothing(first)
        || (!doc.file.is_thorough() && may_be_nothing(documented))
        || (documented.is_empty() && ["None", "nothing", "void", "undefined", "no ", "n/a", "never"].iter().any(|word| opens(word)))
}

fn is_bare_promise(entry: &Entry) -> bool {
    let documented = entry.type_text.as_ref().map_or("", |documented| documented.text.trim());
    matches!(documented, "Promise" | "Promise<any>" | "Promise<*>" | "Promise<unknown>") || documented.is_empty()
}

/// The quiet profile takes a base class's empty body for one of the answers that the type allows.
fn may_be_nothing(documented: &str) -> bool {
    documented.starts_with("Optional[") || documented.split([',', '|']).any(|part| matches!(part.trim(), "void" | "undefined" | "None"))
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::{check, check_only, check_quiet, findings};

    fn source(body: &str) -> String {
        format!("def f(a):\n    \"\"\"Do.\n\n    Returns:\n        int: The sum.\n    \"\"\"\n{body}")
    }

    #[test]
    fn only_bare_returns_are_no_value() {
        check("python", &source("    _ = a\n    return\n"), &Settings::default(), &["returns-not-returned [] at \"Returns\""]);
        check("python", &source("    print(a)\n"), &Settings::default(), &["returns-not-returned [] at \"Returns\""]);
        check("javascript", "/**\n * Do.\n * @returns {number} sum\n */\nfunction f(a) { { void (a); return; } }\n", &Settings::default(), &["returns-not-returned [] at \"returns\""]);
    }

    #[test]
    fn a_declared_type_that_holds_more_than_nothing_is_believed() {
        let source = "/**\n * Do.\n * @param a - one\n * @returns The first.\n */\nexport const f = (a: T[]): T | undefined => undefined;\n";
        check_only("returns-not-returned", "typescript", source, &[]);
        check_only("returns-not-returned", "typescript", &source.replace("T | undefined", "void"), &["returns-not-returned [] at \"returns\""]);
    }

    #[test]
    fn stubs_and_abstract_bodies_are_left_alone() {
        for body in ["    ...\n", "    pass\n", "    raise NotImplementedError\n", "    raise NotImplementedError('later')\n", ""] {
            check_quiet("python", &source(body));
        }
    }

    #[test]
    fn a_remark_on_nothing_that_goes_on_below_is_no_returned_value() {
        let source = "def f(a):\n    \"\"\"Do.\n\n    Returns\n    -------\n    None : we do not return the status, as this\n    is meant for others.\n    \"\"\"\n    print(a)\n";
        check_quiet("python", source);
        let found = findings("python", source, &Settings::only("returns-not-returned"));
        assert!(found.iter().all(|finding| !finding.is_mended_unasked()), "{found:?}");
    }

    #[test]
    fn saying_that_nothing_is_returned_is_true() {
        check_quiet("javascript", "/**\n * Do.\n * @returns {string | undefined} why\n */\nfunction f(a) { g(a); }\n");
        check_quiet("python", "def f(a):\n    \"\"\"Do.\n\n    Returns:\n        None\n    \"\"\"\n    print(a)\n");
        check_quiet("javascript", "/**\n * Do.\n * @returns {Promise<void>} when done\n */\nasync function f() { await g(); }\n");
    }
}
