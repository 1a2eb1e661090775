//! Reads a converted comment back and compares it with the old one.

use super::{Source, python, results};
use crate::docstring::shape::Body;
use crate::docstring::{DocStyle, EntryKind, canon, parse};
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
    let new = Source { text: &text, doc: &doc };
    let same = |named| facts(source, has_types, named) == facts(&new, has_types, named);
    doc.problems.len() <= source.doc.problems.len()
        // The name of a result has a place of its own, or one in the text.
        && (same(false) || same(true))
        && words(source).iter().all(|line| text.contains(line.as_str()))
}

/// What is said of a thing: kind, name, type, whether it may be left out, description.
type Fact = (EntryKind, String, Option<String>, bool, String);

/// Each name with its type and description, kind by kind; names of results are taken out of their text where `named` says so.
fn facts(source: &Source<'_>, has_types: bool, named: bool) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    let has_marks = has_types && !canon::is_js(source.doc.style);
    for entry in source.doc.entries.iter().filter(|entry| is_named(entry.kind)) {
        let item = if named && results::is_result(entry.kind) { source.item(entry, "    ") } else { None };
        if let Some(found) = item.and_then(|item| results::named(source, entry, &item)) {
            for item in found {
                let (type_text, optional) = unmarked(item.type_text.as_deref(), item.optional);
                let Body::Lines(lines) = &item.body else { continue };
                let description = squeezed(&lines.join(" "));
                for name in item.name.split(", ") {
                    let name = name.to_owned();
                    facts.push((entry.kind, name, type_text.clone(), optional, description.clone()));
                }
            }
            continue;
        }
        let thrown = matches!(entry.kind, EntryKind::Raise | EntryKind::Reject | EntryKind::Warn);
        let type_text = entry.type_text.as_ref().filter(|_| has_types && !thrown).map(|mention| mention.text.as_str());
        let (type_text, optional) = unmarked(type_text, entry.optional);
        let (optional, description) = (optional && has_marks, squeezed(&entry.description));
        if entry.names.is_empty() {
            facts.push((entry.kind, String::new(), type_text.clone(), optional, description.clone()));
        }
        for name in &entry.names {
            facts.push((entry.kind, name.name.clone(), type_text.clone(), optional, description.clone()));
        }
    }
    facts.sort_by_key(|fact| (fact.0 as u8, fact.1.clone()));
    facts
}

/// A type without the mark that it may be left out, and whether it has the mark.
fn unmarked(type_text: Option<&str>, optional: bool) -> (Option<String>, bool) {
    let Some(text) = type_text.map(squeezed) else { return (None, optional) };
    match text.strip_suffix(", optional") {
        Some(bare) => (Some(bare.to_owned()), true),
        None => (Some(text), optional),
    }
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_named(kind: EntryKind) -> bool {
    !matches!(kind, EntryKind::Other | EntryKind::Example | EntryKind::Deprecated)
}

/// The words of each line that belongs to no entry and is no title.
fn words(source: &Source<'_>) -> Vec<String> {
    let Source { text, doc } = *source;
    let fields = python::type_lines(source);
    let line_of = |offset: usize| doc.block.lines.partition_point(|line| line.physical.start <= offset).checked_sub(1);
    let types: Vec<Option<usize>> =
        doc.entries.iter().map(|entry| line_of(entry.type_text.as_ref()?.span.start)).collect();
    let is_prose = |number: &usize| {
        !doc.sections.iter().any(|section| section.header.contains(number))
            && !doc.entries.iter().any(|entry| entry.lines.contains(number) && is_named(entry.kind))
            && !types.contains(&Some(*number))
            && !fields.iter().any(|lines| lines.contains(number))
    };
    let lines = (0..doc.block.lines.len()).filter(is_prose).filter_map(|number| doc.block.lines.get(number));
    lines.map(|line| line.span.of(text).trim().to_owned()).filter(|line| !line.is_empty()).collect()
}
