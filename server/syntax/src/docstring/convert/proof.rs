//! Reads a converted comment back and compares it with the old one.

use super::Source;
use crate::docstring::{DocStyle, Docstring, EntryKind, parse};
use crate::text::Span;

/// Whether the new comment says what the old one said.
pub(super) fn holds(source: &Source<'_>, new: &str, to: DocStyle) -> bool {
    let indent = &source.doc.block.indent;
    let text = format!("{indent}{new}");
    let mut form = source.doc.block.form.clone();
    if let crate::docstring::CommentForm::PythonString { quote, .. } = &mut form
        && quote.len() == 1
        && new.contains(['\n', '\r'])
    {
        *quote = quote.repeat(3);
    }
    let doc = parse(&text, Span::new(indent.len(), text.len()), form, to);
    let has_types = to != DocStyle::Tsdoc && source.doc.style != DocStyle::Tsdoc;
    let by_name = named_results(source.doc);
    let whole = squeezed(&text);
    doc.problems.len() <= source.doc.problems.len()
        && facts(source.doc, has_types, &by_name) == facts(&doc, has_types, &by_name)
        && told(source.doc, &by_name).iter().all(|words| whole.contains(words.as_str()))
        && words(source.text, source.doc).iter().all(|line| text.contains(line.as_str()))
}

type Fact = (EntryKind, String, Option<String>, String);

/// Each name with its type and description, kind by kind.
fn facts(doc: &Docstring, has_types: bool, but: &[EntryKind]) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    for entry in doc.entries.iter().filter(|entry| is_named(entry.kind)) {
        if but.contains(&entry.kind) {
            facts.push((entry.kind, String::new(), None, String::new()));
            continue;
        }
        let thrown = matches!(entry.kind, EntryKind::Raise | EntryKind::Reject | EntryKind::Warn);
        let type_text =
            entry.type_text.as_ref().filter(|_| has_types && !thrown).map(|mention| squeezed(&mention.text));
        let description = squeezed(&entry.description);
        if entry.names.is_empty() {
            facts.push((entry.kind, String::new(), type_text.clone(), description.clone()));
        }
        for name in &entry.names {
            facts.push((entry.kind, name.name.clone(), type_text.clone(), description.clone()));
        }
    }
    facts.sort_by_key(|fact| (fact.0 as u8, fact.1.clone()));
    facts.dedup_by(|a, b| a == b && but.contains(&a.0));
    facts
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Kinds of results that have names, which not every style can say apart from the text.
fn named_results(doc: &Docstring) -> Vec<EntryKind> {
    let is_result = |kind| matches!(kind, EntryKind::Return | EntryKind::Yield | EntryKind::Receive);
    let named = doc.entries.iter().filter(|entry| is_result(entry.kind) && !entry.names.is_empty());
    named.map(|entry| entry.kind).collect()
}

/// Descriptions, names and types of those kinds.
fn told(doc: &Docstring, kinds: &[EntryKind]) -> Vec<String> {
    let entries = doc.entries.iter().filter(|entry| kinds.contains(&entry.kind));
    entries
        .flat_map(|entry| {
            let names = entry.names.iter().map(|name| name.name.clone());
            let types = entry.type_text.iter().map(|mention| squeezed(&mention.text));
            names.chain(types).chain([squeezed(&entry.description)]).collect::<Vec<_>>()
        })
        .collect()
}

fn is_named(kind: EntryKind) -> bool {
    !matches!(kind, EntryKind::Other | EntryKind::Example | EntryKind::Deprecated)
}

/// The words of each line that belongs to no entry and is no title.
fn words(text: &str, doc: &Docstring) -> Vec<String> {
    let line_of = |offset: usize| doc.block.lines.partition_point(|line| line.physical.start <= offset).checked_sub(1);
    let types: Vec<Option<usize>> =
        doc.entries.iter().map(|entry| line_of(entry.type_text.as_ref()?.span.start)).collect();
    let is_prose = |number: &usize| {
        !doc.sections.iter().any(|section| section.header.contains(number))
            && !doc.entries.iter().any(|entry| entry.lines.contains(number) && is_named(entry.kind))
            && !types.contains(&Some(*number))
    };
    let lines = (0..doc.block.lines.len()).filter(is_prose).filter_map(|number| doc.block.lines.get(number));
    lines.map(|line| line.span.of(text).trim().to_owned()).filter(|line| !line.is_empty()).collect()
}
