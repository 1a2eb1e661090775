//! What running text says by its marks: names in back-ticks, links and roles, and defaults stated in words.
//!
//! Text inside examples is never read here, and a mark that is not closed marks nothing.

mod default;

pub(crate) use default::{default_in, split_type};

use super::code::{Markup, Survey, is_list_item};
use super::flow::{Flow, Lines};
use super::{Entry, Mention, MentionKind};
use crate::text::Span;

/// All marked names outside of examples. Names of entries that are themselves marked are left out.
pub(crate) fn mentions(lines: &Lines<'_>, survey: &Survey, markup: Markup, entries: &[Entry]) -> Vec<Mention> {
    let mut mentions = Vec::new();
    let mut flow = Flow::default();
    let mut indent = 0;
    for number in 0..lines.len() {
        let text = lines.text(number);
        // A mark does not reach from one paragraph, entry or list item into the next.
        let fresh = lines.indent(number) < indent || text.starts_with(['@', ':']) || is_list_item(text);
        if survey.is_code(number) || lines.blank(number) || fresh {
            scan(&flow, markup, &mut mentions);
            flow = Flow::default();
        }
        if !survey.is_code(number) {
            flow.push(lines.piece(number));
            indent = lines.indent(number);
        }
    }
    scan(&flow, markup, &mut mentions);
    let mut names: Vec<Span> = entries.iter().flat_map(|entry| entry.names.iter().map(|name| name.span)).collect();
    names.sort_unstable();
    let last_before = |offset: usize| names.get(names.partition_point(|name| name.start < offset).checked_sub(1)?);
    mentions.retain(|mention| last_before(mention.span.end).is_none_or(|name| name.end <= mention.span.start));
    mentions
}

fn scan(flow: &Flow, markup: Markup, mentions: &mut Vec<Mention>) {
    let text = flow.text.as_str();
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find(['`', '{', '['])) {
        let start = at + found;
        let rest = text.get(start..).unwrap_or("");
        let length = match rest.as_bytes().first() {
            Some(b'`') => code(flow, start, rest, markup, mentions),
            Some(b'{') if markup == Markup::Tags => inline_tag(flow, start, rest, mentions),
            Some(b'[') if markup != Markup::Python => bracket(flow, start, rest, markup, mentions),
            _ => 1,
        };
        at = start + length.max(1);
    }
}

/// Adds the mention of bytes `start..end` of the flow, white space trimmed off.
fn add(flow: &Flow, start: usize, end: usize, kind: MentionKind, role: Option<&str>, mentions: &mut Vec<Mention>) {
    let raw = flow.text.get(start..end).unwrap_or("");
    let text = raw.trim();
    let start = start + (raw.len() - raw.trim_start().len());
    if text.is_empty() {
        return;
    }
    if let Some(span) = flow.span(start, start + text.len()) {
        mentions.push(Mention { text: text.to_owned(), span, kind, role: role.map(str::to_owned) });
    }
}

/// Reads back-ticks; returns how many bytes are done.
fn code(flow: &Flow, start: usize, rest: &str, markup: Markup, mentions: &mut Vec<Mention>) -> usize {
    let run = super::scan::run(rest, '`');
    let Some(inner) = closing_run(rest.get(run..).unwrap_or(""), run) else { return run };
    let length = run + inner + run;
    if run > 2 {
        return length;
    }
    let content = rest.get(run..run + inner).unwrap_or("");
    if markup != Markup::Python || run == 2 {
        add(flow, start + run, start + run + inner, MentionKind::Code, None, mentions);
        return length;
    }
    let after = rest.get(length..).unwrap_or("");
    let role = role_before(flow.text.get(..start).unwrap_or(""));
    if role.is_none() && after.starts_with('_') {
        return length;
    }
    let (mut from, mut to) = (0, inner);
    if let Some(role) = role {
        // `:func:`shown text <target>`` names the target.
        if content.ends_with('>')
            && let Some(open) = content.rfind('<')
        {
            (from, to) = (open + 1, inner - 1);
        }
        let target = content.get(from..to).unwrap_or("");
        from += target.len() - target.trim_start_matches(['~', '!']).len();
        add(flow, start + run + from, start + run + to, MentionKind::Role, Some(role), mentions);
    } else {
        add(flow, start + run + from, start + run + to, MentionKind::Code, None, mentions);
    }
    length
}

/// Bytes before the next run of exactly `run` back-ticks.
fn closing_run(text: &str, run: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = text.get(at..)?.find('`') {
        let start = at + found;
        if start > super::scan::REACH {
            return None;
        }
        let length = super::scan::run(text.get(start..)?, '`');
        if length == run {
            return Some(start);
        }
        at = start + length;
    }
    None
}

/// The role that ends `before`: `func` in `:func:` and in `:py:func:`.
fn role_before(before: &str) -> Option<&str> {
    let inner = before.strip_suffix(':')?;
    let is_role =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, ':' | '-' | '_' | '.' | '+');
    let start = inner.len()
        - inner.chars().rev().take_while(|&character| is_role(character)).map(char::len_utf8).sum::<usize>();
    let role = inner.get(start..)?.strip_prefix(':')?;
    let role = role.strip_prefix("py:").unwrap_or(role);
    (!role.is_empty()).then_some(role)
}

/// Reads `{@link x}` and its kin; returns how many bytes are done.
fn inline_tag(flow: &Flow, start: usize, rest: &str, mentions: &mut Vec<Mention>) -> usize {
    let Some(body) = ["{@linkcode", "{@linkplain", "{@link"].iter().find_map(|tag| rest.strip_prefix(tag)) else {
        return 1;
    };
    let Some(close) = body.find('}').filter(|&close| close < super::scan::REACH) else { return 1 };
    let head = rest.len() - body.len();
    let inner = body.get(..close).unwrap_or("");
    if !inner.starts_with(char::is_whitespace) {
        return 1;
    }
    let gap = inner.len() - inner.trim_start().len();
    let target =
        inner.trim_start().split(|character: char| character == '|' || character.is_whitespace()).next().unwrap_or("");
    if !target.contains("://") {
        let from = start + head + gap;
        add(flow, from, from + target.len(), MentionKind::Link, None, mentions);
    }
    head + close + 1
}

/// Reads `[x]`; returns how many bytes are done.
fn bracket(flow: &Flow, start: usize, rest: &str, markup: Markup, mentions: &mut Vec<Mention>) -> usize {
    let Some(length) = super::scan::balanced(rest) else { return 1 };
    let inner = rest.get(1..length - 1).unwrap_or("");
    let after = rest.get(length..).unwrap_or("");
    if after.starts_with('(')
        && let Some(link) = super::scan::balanced(after)
    {
        return length + link;
    }
    if markup == Markup::Tags {
        return 1;
    }
    if after.starts_with('[')
        && let Some(target) = super::scan::balanced(after)
    {
        let name = after.get(1..target - 1).unwrap_or("");
        if is_path(name.trim_matches('`')) {
            let ticks = super::scan::run(name, '`');
            let from = start + length + 1 + ticks;
            add(flow, from, from + name.trim_matches('`').len(), MentionKind::Link, None, mentions);
        }
        return length + target;
    }
    // A definition `[x]: target` is no mention, and `- [x] done` is a box.
    let boxed =
        matches!(inner, "x" | "X" | " ") && flow.text.get(..start).unwrap_or("").trim_end().ends_with(['-', '*']);
    if after.starts_with(':') && start == 0 || boxed {
        return length;
    }
    let ticks = super::scan::run(inner, '`');
    let name = inner.trim_matches('`');
    // `x[i]` takes an element; Go links only what is exported.
    let bare = ticks == 0;
    let indexes = flow
        .text
        .get(..start)
        .is_some_and(|before| before.ends_with(|last: char| last.is_alphanumeric() || ")]_".contains(last)));
    let exported = markup != Markup::Godoc || is_go_link(name);
    if bare && (indexes || !exported || !is_path(name)) {
        return 1;
    }
    let from = start + 1 + ticks;
    add(flow, from, from + name.len(), MentionKind::Link, None, mentions);
    length
}

/// Whether `text` can name an item: `Vec::new()`, `struct@Foo`, `pkg.Name`, `vec!`.
fn is_path(text: &str) -> bool {
    let text = text.strip_prefix('*').unwrap_or(text);
    let first = text.chars().next().is_some_and(|first| first.is_alphabetic() || matches!(first, '_' | ':' | '<'));
    first && text.chars().all(|character| character.is_alphanumeric() || "_:.@!()<>,&".contains(character))
}

/// Whether Go reads `[text]` as a link: `Name`, `*Name`, `pkg.Name.Method`.
fn is_go_link(text: &str) -> bool {
    let text = text.strip_prefix('*').unwrap_or(text);
    let parts: Vec<&str> = text.split('.').collect();
    let exported = parts.iter().skip(usize::from(parts.len() > 1)).all(|part| part.starts_with(char::is_uppercase));
    exported && parts.iter().all(|part| super::scan::identifier(part) == part.len() && !part.is_empty())
}

#[cfg(test)]
mod tests;
