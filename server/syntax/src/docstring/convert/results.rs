//! Results that have names: NumPy has a place for the name, Google writes `name (type): text`, Sphinx marks the name in the text.
//!
//! A name is read only where a type stands beside it; words that may be a sentence stay the text that they are.

use super::Source;
use crate::docstring::scan::{balanced, dotted};
use crate::docstring::shape::{Body, Item};
use crate::docstring::{DocStyle, Entry, EntryKind};

/// Whether the kind is one of results.
pub(super) fn is_result(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Return | EntryKind::Yield | EntryKind::Receive)
}

/// The results that the text of an entry names, whose words are in `item`; `None` where it names none.
pub(super) fn named(source: &Source<'_>, entry: &Entry, item: &Item) -> Option<Vec<Item>> {
    let Body::Lines(lines) = &item.body else { return None };
    if !is_result(entry.kind) || !entry.names.is_empty() {
        return None;
    }
    match source.doc.style {
        DocStyle::Sphinx | DocStyle::Epydoc => marked(item, lines).map(|item| vec![item]),
        DocStyle::Google if item.type_text.is_none() => listed(item, lines),
        _ => None,
    }
}

/// `text` with the name in front, marked as Sphinx itself marks it; [`named`] reads it back.
pub(super) fn with_mark(item: Item) -> Option<Item> {
    let Body::Lines(mut lines) = item.body else { return None };
    let text = if lines.is_empty() { String::new() } else { lines.remove(0) };
    let gap = if text.is_empty() { "" } else { " -- " };
    lines.insert(0, format!("**{}**{gap}{text}", item.name));
    Some(Item { name: String::new(), body: Body::Lines(lines), ..item })
}

/// `**name** -- text`, with the type in a field of its own.
fn marked(item: &Item, lines: &[String]) -> Option<Item> {
    item.type_text.as_ref()?;
    let (first, rest) = lines.split_first()?;
    let (name, text) = first.strip_prefix("**")?.split_once("**")?;
    let text = if text.is_empty() && rest.is_empty() { text } else { text.strip_prefix(" -- ")? };
    if !name.split(", ").all(is_name) {
        return None;
    }
    let body = if text.is_empty() { Vec::new() } else { lines_of(text, rest) };
    Some(Item { name: name.to_owned(), body: Body::Lines(body), ..item.clone() })
}

/// Lines of `name (type): text`, later lines of a text moved in; one such line may be followed by plain text.
fn listed(item: &Item, lines: &[String]) -> Option<Vec<Item>> {
    let is_outer = |line: &&String| !line.is_empty() && !line.starts_with(char::is_whitespace);
    let heads = lines.iter().filter(is_outer).filter(|line| headed(line).is_some()).count();
    let is_one = heads == 1;
    if heads == 0 || !is_one && heads != lines.iter().filter(is_outer).count() {
        return None;
    }
    headed(lines.first()?)?;
    let mut items = Vec::new();
    let mut rest = lines;
    while let Some((first, behind)) = rest.split_first() {
        let Some((name, type_text, text)) = headed(first) else { break };
        let count = behind.iter().position(|line| !is_one && is_outer(&line)).unwrap_or(behind.len());
        let (own, next) = behind.split_at(count);
        let kept = own.len() - own.iter().rev().take_while(|line| line.is_empty()).count();
        let margin = own.iter().filter(|line| !line.is_empty()).map(|line| indent(line)).min().unwrap_or(0);
        let own: Vec<String> = own.iter().take(kept).map(|line| line.get(margin..).unwrap_or("").to_owned()).collect();
        let body = if text.is_empty() && own.is_empty() { own } else { lines_of(text, &own) };
        items.push(Item {
            name: name.to_owned(),
            type_text: Some(type_text.to_owned()),
            body: Body::Lines(body),
            ..item.clone()
        });
        rest = next;
    }
    Some(items)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn lines_of(first: &str, rest: &[String]) -> Vec<String> {
    std::iter::once(first.to_owned()).chain(rest.iter().cloned()).collect()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && dotted(text) == text.len()
}

/// Name, type and text of `name (type): text`.
fn headed(line: &str) -> Option<(&str, &str, &str)> {
    let open = line.find(" (")?;
    let (name, bracket) = (line.get(..open)?, line.get(open + 1..)?);
    let length = balanced(bracket)?;
    let type_text = bracket.get(1..length.checked_sub(1)?)?.trim();
    let text = bracket.get(length..)?.strip_prefix(':')?;
    let spaced = text.is_empty() || text.starts_with(' ');
    let named = name.split(", ").all(is_name) && !name.contains('.') && !(is_noun(name) && is_extent(type_text));
    (spaced && named && !type_text.is_empty()).then(|| (name, type_text, text.trim_start()))
}

/// Words that are a type themselves, so that a bracket behind them may hold its parts.
fn is_noun(name: &str) -> bool {
    matches!(name, "tuple" | "list" | "dict" | "set" | "array" | "ndarray" | "tensor" | "matrix" | "Tuple" | "List")
}

/// `n, m` and `int, str`: parts rather than a type.
fn is_extent(type_text: &str) -> bool {
    type_text.contains(',')
        || type_text.chars().count() < 3
        || type_text.starts_with(|first: char| first.is_ascii_digit())
}
