//! Documented and real attributes of a type differ.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{FindingTag, Repair, Severity};
use crate::names::{is_identifier, is_near, last_segment};
use crate::prose;
use syntax::docstring::{EntryKind, EntryName};
use syntax::model::{Symbol, SymbolKind};
use syntax::text::Span;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "attribute-drift",
    summary: "Documented and real attributes of a type differ.",
    group: Group::Documentation,
    default_severity: Severity::Warning,
    fixable: true,
    aliases: &["DOC601", "DOC602", "DOC603", "DOC604", "DOC605", "jsdoc/check-property-names", "jsdoc/require-property", "RecordComponentName"],
    page: include_str!("../../rules/attribute-drift.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    if !doc.symbol.kind.is_type() || doc.doc.inherits || !doc.doc.speaks_of(EntryKind::Attribute) {
        return;
    }
    let members = members(doc);
    let inherits = doc.symbol.bases.iter().any(|base| !matches!(last_segment(base), "object" | "Generic" | "Protocol" | "ABC" | "Enum"));
    let names = doc.entries(EntryKind::Attribute).flat_map(|(entry, found)| found.names.iter().enumerate().map(move |(name, found)| (entry, name, found)));
    let documented: Vec<(usize, usize, &EntryName)> = names.filter(|(_, _, found)| is_identifier(&found.name) && found.name != "None").collect();
    let mut missing: Vec<&(&str, Span)> = members.iter().filter(|(name, _)| is_missing(doc, name, &documented)).collect();
    for (entry, name, found) in &documented {
        if members.iter().any(|(member, _)| *member == found.name) || inherits && !doc.file.is_thorough() || is_mentioned(doc, &found.name) {
            continue;
        }
        // A base class may speak of what its heirs have.
        let is_of_heirs = doc.file.heirs(doc.index).into_iter().any(|heir| is_mentioned_in(doc, heir, &found.name));
        if is_of_heirs && !doc.file.is_thorough() {
            continue;
        }
        let alike = |candidate: &&&(&str, Span)| is_near(&found.name, candidate.0);
        let renamed = missing.iter().find(alike).map(|member| **member);
        if let Some((member, span)) = renamed {
            missing.retain(|other| other.0 != member);
            let message = format!("The attribute `{}` is documented, but it is called `{member}`.", found.name);
            let finding = doc.finding(found.span, message).name(&found.name).name(member).related(span, "The attribute.");
            report.add(finding.repair(Repair::RenameName { entry: *entry, name: *name, to: member.to_owned() }).chosen_unless(!is_of_heirs));
        } else if !inherits {
            let message = format!("The attribute `{}` is documented, but `{}` has none of that name.", found.name, doc.symbol.name);
            let finding = doc.finding(found.span, message).name(&found.name).tagged(FindingTag::Unnecessary);
            // Attributes are set from outside too; words about one are not thrown away for not being seen here.
            let has_words = doc.doc.entries.get(*entry).is_some_and(|entry| !entry.description.trim().is_empty());
            report.add(finding.repair(Repair::RemoveName { entry: *entry, name: *name }).chosen_unless(!is_of_heirs && !has_words));
        }
    }
    if !doc.file.is_thorough() {
        return;
    }
    for (member, span) in missing {
        let finding = doc.finding(*span, format!("The attribute `{member}` of `{}` is not documented.", doc.symbol.name));
        report.add(finding.name(*member).related(doc.place_of(&[EntryKind::Attribute]), "The documentation.").repair(Repair::AddAttribute { name: (*member).to_owned() }));
    }
}

/// Fields, properties and what the methods assign, each once.
fn members<'a>(doc: &DocContext<'a>) -> Vec<(&'a str, Span)> {
    let mut members: Vec<(&str, Span)> = Vec::new();
    let mut add = |name: &'a str, span: Span| {
        if !members.iter().any(|(known, _)| *known == name) {
            members.push((name, span));
        }
    };
    for (_, member) in doc.file.children(doc.index) {
        if matches!(member.kind, SymbolKind::Field | SymbolKind::Variant | SymbolKind::Constant | SymbolKind::Property) {
            add(&member.name, member.name_span);
        }
        if member.kind == SymbolKind::Constructor {
            for param in member.params.iter().filter(|param| param.is_property) {
                add(&param.name, param.span);
            }
        }
        for assigned in member.facts.iter().flat_map(|facts| &facts.assigned_attributes) {
            add(&assigned.text, assigned.span);
        }
    }
    members
}

/// Public members want documentation, properties and methods have their own.
fn is_missing(doc: &DocContext<'_>, name: &str, documented: &[(usize, usize, &EntryName)]) -> bool {
    let has_own_doc = |member: &Symbol| member.name == name && (member.doc.is_some() || member.kind == SymbolKind::Property);
    !name.starts_with(['_', '#']) && !documented.iter().any(|(_, _, found)| found.name == name) && !doc.file.children(doc.index).any(|(_, member)| has_own_doc(member)) && !is_param(doc, name)
}

fn is_param(doc: &DocContext<'_>, name: &str) -> bool {
    doc.entries(EntryKind::Param).any(|(_, entry)| entry.names.iter().any(|found| found.name == name))
}

/// Bodies are not always read, and attributes may be set in ways that no query sees: a word in the class's code is enough to keep silent.
fn is_mentioned(doc: &DocContext<'_>, name: &str) -> bool {
    let code = doc.text(doc.symbol.span);
    if !doc.file.is_thorough() && ["setattr", "__dict__", "__getattr__", "__getattribute__"].iter().any(|word| prose::has_word(code, word)) {
        return true;
    }
    prose::occurs(&doc.file.model.text, doc.symbol.span, doc.file.doc_spans(), name)
}

/// Whether the code of another type of the file has the name.
fn is_mentioned_in(doc: &DocContext<'_>, other: usize, name: &str) -> bool {
    doc.file.symbol(other).is_some_and(|other| prose::occurs(&doc.file.model.text, other.span, doc.file.doc_spans(), name))
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::{check, check_only, check_quiet, findings};

    const CLASS: &str = "class C:\n    \"\"\"A thing.\n\n    Attributes:\n        colour: One.\n        size: Two.\n    \"\"\"\n\n    color = 1\n    size = 2\n    weight = 3\n";

    #[test]
    fn an_attribute_that_was_renamed_is_found() {
        check("python", CLASS, &Settings::default(), &["attribute-drift [colour, color] at \"colour\""]);
        check_only("attribute-drift", "python", CLASS, &["attribute-drift [colour, color] at \"colour\"", "attribute-drift [weight] at \"weight\""]);
    }

    #[test]
    fn words_on_an_attribute_that_is_not_seen_are_not_removed_unasked() {
        let source = CLASS.replace("        size: Two.", "        gone: Two.");
        let unasked = |source: &str| findings("python", source, &Settings::default()).iter().map(|finding| finding.is_mended_unasked()).collect::<Vec<_>>();
        assert_eq!(unasked(&source), [true, false], "a rename, and words that would be lost");
        let heir = "\n\nclass Heir(C):\n    gone = 1\n    colour = 2\n";
        check_quiet("python", &format!("{source}{heir}"));
        let found = findings("python", &format!("{source}{heir}"), &Settings::only("attribute-drift"));
        let removing = found.iter().filter(|finding| finding.names.iter().any(|name| name == "gone" || name == "colour"));
        assert!(removing.clone().count() == 2 && removing.clone().all(|finding| !finding.is_mended_unasked()), "{found:?}");
    }

    #[test]
    fn attributes_of_a_base_are_not_known() {
        check_quiet("python", &CLASS.replace("class C:", "class C(Base):"));
    }
}
