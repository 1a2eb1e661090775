//! The documentation names an exception that is not raised.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{FindingTag, Repair, Severity};
use super::raises_not_documented::exceptions_of;
use crate::exceptions;
use crate::names::{is_identifier, last_segment};
use crate::prose::{has_word, word_places};
use syntax::docstring::EntryKind;
use syntax::model::{BodyFacts, SymbolKind};
use syntax::text::Span;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "raises-not-raised",
    summary: "The documentation names an exception that is not raised.",
    group: Group::Documentation,
    default_severity: Severity::Warning,
    fixable: true,
    aliases: &["DOC502", "DAR402", "docstring-extraneous-exception"],
    page: include_str!("../../rules/raises-not-raised.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    if doc.file.is("rust") {
        return check_errors(doc, report);
    }
    if !doc.doc.speaks_of(EntryKind::Raise) || doc.file.is("go") {
        return;
    }
    let Some(facts) = doc.facts().filter(|_| !doc.declares_elsewhere()) else { return };
    let raised = |name: &str| facts.throws.iter().chain(&facts.rejects).any(|thrown| last_segment(&thrown.type_name) == name);
    // Something of unknown type may be just what is documented.
    if facts.throws.iter().any(|thrown| thrown.type_name.is_empty() && thrown.is_rethrow) && !doc.file.is_thorough() {
        return;
    }
    let documented: Vec<&str> = doc.entries(EntryKind::Raise).flat_map(|(_, entry)| exceptions_of(entry)).collect();
    let gone = documented.iter().filter(|name| !raised(name)).count();
    let mut new: Vec<&str> = facts.throws.iter().map(|thrown| last_segment(&thrown.type_name)).collect();
    new.retain(|name| !name.is_empty() && !documented.contains(name));
    new.dedup();
    // One type went and another came: the raise is the same, only its type is new, unless a callee may raise the old one.
    let is_changed = gone == 1 && new.len() == 1 && !calls_others(doc, facts);
    for (index, entry) in doc.entries(EntryKind::Raise) {
        for name in exceptions_of(entry) {
            if raised(name) || !is_identifier(name) || is_tolerated(doc, facts, name) {
                continue;
            }
            let is_of_heirs = is_raised_by_heirs(doc, name);
            if is_of_heirs && !doc.file.is_thorough() {
                continue;
            }
            let is_certain = !is_of_heirs && (is_changed || !may_come_from_elsewhere(doc, facts, name));
            let (span, repair) = match entry.names.iter().position(|found| last_segment(&found.name) == name) {
                Some(position) => (entry.names.get(position).map(|found| found.span), Repair::RemoveName { entry: index, name: position }),
                None => (entry.type_text.as_ref().map(|documented| documented.span), Repair::RemoveEntry { entry: index }),
            };
            let finding = doc.finding(span.unwrap_or(entry.description_span), format!("`{}` is documented, but `{}` does not raise it.", name, doc.symbol.name));
            report.add(finding.name(name).tagged(FindingTag::Unnecessary).related(doc.symbol.name_span, "The function.").repair(repair).chosen_unless(is_certain));
        }
    }
}

/// A section on errors of a function whose type has no room for one.
fn check_errors(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    let is_function = doc.symbol.kind.is_callable() && doc.symbol.kind != SymbolKind::Macro;
    if !is_function || !doc.file.is_thorough() || !doc.doc.speaks_of(EntryKind::Raise) {
        return;
    }
    // An alias may hide a `Result`; opaque, generic and associated types may be one.
    let returned = doc.symbol.return_type.as_ref().map_or("", |returned| returned.text.as_str());
    let may_fail = ["Result", "Error", "impl ", "dyn ", "Future", "Fut", "Either", "ControlFlow", "Poll", "Self::", "!"];
    let is_generic = doc.symbol.type_params.iter().any(|param| has_word(returned, &param.name));
    if is_generic || may_fail.iter().any(|word| returned.contains(word)) || returned.contains("Output") {
        return;
    }
    let place = doc.place_of(&[EntryKind::Raise]);
    let finding = doc.finding(place, format!("The documentation of `{}` has a section on errors, but it returns no `Result`.", doc.symbol.name));
    report.add(finding.tagged(FindingTag::Unnecessary).related(doc.symbol.name_span, "The function."));
}

/// What the body does by itself; the documentation stands in the body in some languages, and always before its code.
fn code_of<'a>(doc: &DocContext<'a>) -> &'a str {
    let body = doc.symbol.body.unwrap_or_default();
    doc.text(Span::new(if body.contains(doc.doc.block.span) { doc.doc.block.span.end } else { body.start }, body.end))
}

/// The quiet profile speaks only where nothing in the body can raise: no call, and no operation that fails by itself.
fn is_tolerated(doc: &DocContext<'_>, facts: &BodyFacts, name: &str) -> bool {
    if name == "AssertionError" && has_word(code_of(doc), "assert") {
        return true;
    }
    !doc.file.is_thorough() && (!facts.throws.is_empty() || may_come_from_elsewhere(doc, facts, name))
}

/// Whether something that the body calls or reaches for can raise the exception, or what its decorators put around it.
fn may_come_from_elsewhere(doc: &DocContext<'_>, facts: &BodyFacts, name: &str) -> bool {
    const PLAIN_DECORATORS: [&str; 4] = ["staticmethod", "classmethod", "property", "final"];
    let code = code_of(doc);
    let is_wrapped = doc.symbol.decorators.iter().any(|decorator| !PLAIN_DECORATORS.contains(&decorator.as_str()));
    let acts = calls_others(doc, facts) || is_wrapped || ["await", "import", name].iter().any(|word| has_word(code, word));
    // Another object's attribute may be a property, and its look-up anything.
    let reaches_out = || code.contains('[') || code.match_indices('.').any(|(place, _)| !code.get(..place).is_some_and(|before| before.ends_with("self") || before.ends_with("this")));
    acts || reaches_out() || exceptions::IMPLICIT.contains(&name) || exceptions::is_base_of_implicit(name)
}

/// Whether the body calls anything but the makers of what it raises itself.
fn calls_others(doc: &DocContext<'_>, facts: &BodyFacts) -> bool {
    const HARMLESS: [&str; 5] = ["isinstance", "issubclass", "callable", "type", "id"];
    let makes_exception = |call: &String| facts.throws.iter().chain(&facts.rejects).any(|thrown| thrown.type_name == *call);
    // `new X()` is no call to the queries, but runs code all the same.
    let code = code_of(doc);
    let makes = || word_places(code, "new").any(|place| !code.get(..place).is_some_and(|before| before.trim_end().ends_with("throw")));
    facts.calls.iter().any(|call| !HARMLESS.contains(&call.as_str()) && !makes_exception(call)) || (doc.file.is_script() && makes())
}

/// Whether a subclass in the file overrides the method and speaks of the exception there: the text is the contract of both.
fn is_raised_by_heirs(doc: &DocContext<'_>, name: &str) -> bool {
    let Some(class) = doc.symbol.parent.filter(|parent| doc.file.symbol(*parent).is_some_and(|parent| parent.kind.is_type())) else { return false };
    doc.file.heirs(class).into_iter().any(|heir| {
        doc.file.children(heir).any(|(_, member)| member.name == doc.symbol.name && member.body.is_some_and(|body| has_word(doc.text(body), name)))
    })
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::{check, check_only, check_quiet, findings};

    fn source(body: &str) -> String {
        format!("def f(a):\n    \"\"\"Do.\n\n    Raises:\n        ValueError: If bad.\n    \"\"\"\n    {body}\n")
    }

    #[test]
    fn an_exception_that_nothing_can_raise_is_found() {
        check("python", &source("self.a = a"), &Settings::default(), &["raises-not-raised [ValueError] at \"ValueError\""]);
    }

    #[test]
    fn a_section_on_errors_needs_a_result() {
        let source = "/// Does.\n///\n/// # Errors\n///\n/// If not.\npub fn f() -> u8 { 1 }\n";
        check_only("raises-not-raised", "rust", source, &["raises-not-raised [] at \"Errors\""]);
        for returned in ["Result<u8, E>", "io::Result<u8>", "ParseResult", "impl Future"] {
            check_only("raises-not-raised", "rust", &source.replace("u8", returned), &[]);
        }
        check_quiet("rust", source);
    }

    #[test]
    fn a_callee_may_raise_it() {
        check_quiet("python", &source("return int(a)"));
        check_only("raises-not-raised", "python", &source("return int(a)"), &["raises-not-raised [ValueError] at \"ValueError\""]);
    }

    #[test]
    fn what_a_callee_or_a_decorator_may_raise_is_not_removed_unasked() {
        let settings = Settings::only("raises-not-raised");
        let unasked = |text: &str| findings("python", text, &settings).iter().map(|finding| finding.is_mended_unasked()).collect::<Vec<_>>();
        assert_eq!(unasked(&source("return int(a)")), [false]);
        assert_eq!(unasked(&source("self.a = a")), [true]);
        assert_eq!(unasked(&source("raise g.Other(a.b)")), [true], "one type went and one came");
        assert_eq!(unasked(&source("if a:\n        raise TypeError(a)\n    return server.post(a)")), [false], "the callee may raise the old one");
        let wrapped = format!("@dispatches(g)\n{}", source("return (a,)"));
        assert_eq!(unasked(&wrapped), [false]);
        check_quiet("python", &wrapped);
    }

    #[test]
    fn what_a_subclass_raises_in_the_same_method_is_the_base_class_contract() {
        let base = "class Base:\n    def f(self, a):\n        \"\"\"Do.\n\n        Raises:\n            ValueError: If bad.\n        \"\"\"\n        self.a = a\n\n\n";
        let heir = "class Middle(Base):\n    pass\n\n\nclass Heir(Middle):\n    def f(self, a):\n        raise ValueError(a)\n";
        check("python", base, &Settings::default(), &["raises-not-raised [ValueError] at \"ValueError\""]);
        check_quiet("python", &format!("{base}{heir}"));
        let found = findings("python", &format!("{base}{heir}"), &Settings::only("raises-not-raised"));
        assert!(found.len() == 1 && !found[0].is_mended_unasked(), "{found:?}");
        check("python", &format!("{base}{}", heir.replace("def f", "def g")), &Settings::default(), &["raises-not-raised [ValueError] at \"ValueError\""]);
    }

    #[test]
    fn what_is_raised_or_asserted_is_documented_rightly() {
        check_only("raises-not-raised", "python", &source("raise pkg.ValueError(a)"), &[]);
        check_only("raises-not-raised", "python", &source("assert a").replace("ValueError", "AssertionError"), &[]);
    }
}
