//! Field lists: Sphinx `:param x:` and Epydoc `@param x:`.
//!
//! The two share their names and their layout; only the leader differs. A `:type x:` field is never an entry of its own where the
//! parameter has one.

use super::Parts;
use super::names;
use crate::docstring::code::Survey;
use crate::docstring::flow::{Flow, Lines, Piece, bare_entry, describe};
use crate::docstring::prose::split_type;
use crate::docstring::scan::{balanced, nearest, top_level};
use crate::docstring::{DefaultMention, DocProblem, DocProblemKind, Entry, EntryKind, EntryName, TypeMention};
use crate::text::Span;
use std::ops::Range;

/// What a field does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It documents something.
    Says(EntryKind),
    /// It gives the type of something documented elsewhere.
    Types(EntryKind),
}

/// The known fields of both dialects.
const FIELDS: &[(&str, Role)] = &[
    ("param", Role::Says(EntryKind::Param)),
    ("parameter", Role::Says(EntryKind::Param)),
    ("arg", Role::Says(EntryKind::Param)),
    ("argument", Role::Says(EntryKind::Param)),
    ("key", Role::Says(EntryKind::Param)),
    ("keyword", Role::Says(EntryKind::Param)),
    ("kwarg", Role::Says(EntryKind::Param)),
    ("kwparam", Role::Says(EntryKind::Param)),
    ("type", Role::Types(EntryKind::Param)),
    ("paramtype", Role::Types(EntryKind::Param)),
    ("kwtype", Role::Types(EntryKind::Param)),
    ("return", Role::Says(EntryKind::Return)),
    ("returns", Role::Says(EntryKind::Return)),
    ("rtype", Role::Types(EntryKind::Return)),
    ("returntype", Role::Types(EntryKind::Return)),
    ("yield", Role::Says(EntryKind::Yield)),
    ("yields", Role::Says(EntryKind::Yield)),
    ("ytype", Role::Types(EntryKind::Yield)),
    ("yieldtype", Role::Types(EntryKind::Yield)),
    ("raise", Role::Says(EntryKind::Raise)),
    ("raises", Role::Says(EntryKind::Raise)),
    ("except", Role::Says(EntryKind::Raise)),
    ("exception", Role::Says(EntryKind::Raise)),
    ("throws", Role::Says(EntryKind::Raise)),
    ("warns", Role::Says(EntryKind::Warn)),
    ("var", Role::Says(EntryKind::Attribute)),
    ("ivar", Role::Says(EntryKind::Attribute)),
    ("cvar", Role::Says(EntryKind::Attribute)),
    ("variable", Role::Says(EntryKind::Attribute)),
    ("vartype", Role::Types(EntryKind::Attribute)),
    ("deprecated", Role::Says(EntryKind::Deprecated)),
    ("author", Role::Says(EntryKind::Other)),
    ("authors", Role::Says(EntryKind::Other)),
    ("attention", Role::Says(EntryKind::Other)),
    ("bug", Role::Says(EntryKind::Other)),
    ("contact", Role::Says(EntryKind::Other)),
    ("copyright", Role::Says(EntryKind::Other)),
    ("date", Role::Says(EntryKind::Other)),
    ("group", Role::Says(EntryKind::Other)),
    ("invariant", Role::Says(EntryKind::Other)),
    ("license", Role::Says(EntryKind::Other)),
    ("meta", Role::Says(EntryKind::Other)),
    ("note", Role::Says(EntryKind::Other)),
    ("organization", Role::Says(EntryKind::Other)),
    ("postcondition", Role::Says(EntryKind::Other)),
    ("precondition", Role::Says(EntryKind::Other)),
    ("requires", Role::Says(EntryKind::Other)),
    ("see", Role::Says(EntryKind::Other)),
    ("seealso", Role::Says(EntryKind::Other)),
    ("since", Role::Says(EntryKind::Other)),
    ("sort", Role::Says(EntryKind::Other)),
    ("status", Role::Says(EntryKind::Other)),
    ("summary", Role::Says(EntryKind::Other)),
    ("todo", Role::Says(EntryKind::Other)),
    ("undocumented", Role::Says(EntryKind::Other)),
    ("version", Role::Says(EntryKind::Other)),
    ("warning", Role::Says(EntryKind::Other)),
];

fn role_of(tag: &str) -> Option<Role> {
    FIELDS.iter().find(|(name, _)| *name == tag).map(|&(_, role)| role)
}

/// The first line of a field, taken apart.
struct Head<'a> {
    tag: Piece<'a>,
    arguments: Piece<'a>,
    body: Piece<'a>,
    /// The closing colon is there.
    closed: bool,
}

/// The type given by a field of its own.
struct Typed {
    tag: String,
    tag_span: Span,
    role: EntryKind,
    names: Vec<EntryName>,
    flow: Flow,
    end: usize,
    lines: Range<usize>,
}

/// Reads all fields that begin with `leader`.
pub(super) fn parse(lines: &Lines<'_>, survey: &Survey, leader: char) -> Parts {
    let mut parts = Parts::default();
    let mut types = Vec::new();
    let mut number = 0;
    while number < lines.len() {
        let Some(head) = head(lines, survey, number, leader) else {
            number += 1;
            continue;
        };
        let end = extent(lines, survey, number, leader);
        let mut next = number + 1;
        let mut head = head;
        if head.body.is_empty() && next < end {
            // The text may begin below the tag.
            head.body = lines.piece(next);
            next += 1;
        }
        let (raised, body) = raised(&head);
        let mut flow = Flow::default();
        flow.push(body);
        for line in next..end {
            flow.push(lines.piece(line));
        }
        let close = lines.piece(end - 1).span().end;
        match role_of(head.tag.text) {
            Some(Role::Types(role)) => {
                let names = arguments(head.arguments).0;
                let (tag, tag_span) = (head.tag.text.to_owned(), head.tag.span());
                types.push(Typed { tag, tag_span, role, names, flow, end: close, lines: number..end });
                parts.score += 3;
            }
            Some(Role::Says(kind)) => {
                if kind != EntryKind::Other {
                    parts.score += 3;
                }
                if !head.closed && leader == ':' {
                    let reason = "Expected a colon behind the name.".to_owned();
                    let kind = DocProblemKind::UnparsableSection { title: head.tag.text.to_owned(), reason };
                    parts.problems.push(DocProblem { kind, span: lines.piece(number).span() });
                }
                parts.entries.push(said(kind, &head, raised, flow, close, number..end));
            }
            None => {
                let near = nearest(
                    head.tag.text,
                    FIELDS.iter().filter(|(_, role)| *role != Role::Says(EntryKind::Other)).map(|&(name, _)| name),
                );
                let lower = head.tag.text.bytes().all(|byte| byte.is_ascii_lowercase());
                // Field lists are free for all in reStructuredText, so only a likely slip is worth a word.
                if let Some(near) = near.filter(|_| lower) {
                    let kind =
                        DocProblemKind::UnknownTag { tag: head.tag.text.to_owned(), nearest: Some(near.to_owned()) };
                    parts.problems.push(DocProblem { kind, span: head.tag.span() });
                }
                parts.entries.push(said(EntryKind::Other, &head, raised, flow, close, number..end));
            }
        }
        number = end;
    }
    for typed in types {
        merge(typed, &mut parts.entries);
    }
    parts.entries.sort_by_key(|entry| entry.lines.start);
    parts
}

fn head<'a>(lines: &Lines<'a>, survey: &Survey, number: usize, leader: char) -> Option<Head<'a>> {
    if survey.is_code(number) {
        return None;
    }
    let piece = lines.piece(number);
    let rest = piece.strip(if leader == ':' { ":" } else { "@" })?;
    let length = rest.text.len()
        - rest.text.trim_start_matches(|next: char| next.is_ascii_alphabetic() || next == '-' || next == '_').len();
    let tag = rest.to(length);
    let after = rest.from(length);
    (length > 0).then_some(())?;
    let role = role_of(tag.text);
    // At a line's start `@property` is a decorator far more often than a field.
    (leader == ':' || role.is_some()).then_some(())?;
    if let Some(body) = after.strip(":") {
        let spaced = body.is_empty() || body.text.starts_with(char::is_whitespace);
        let glued = role.is_some() && !body.text.starts_with(['`', ':']);
        return (spaced || glued).then(|| Head { tag, arguments: after.to(0), body: body.trim_start(), closed: true });
    }
    after.text.starts_with(char::is_whitespace).then_some(())?;
    let after = after.trim_start();
    let is_end = |at: usize| {
        after.text.get(at + 1..).is_none_or(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
    };
    let close = top_level(after.text, |at, character| character == ':' && is_end(at));
    let close = close.or_else(|| {
        role?;
        after.text.char_indices().find(|&(at, character)| character == ':' && is_end(at)).map(|(at, _)| at)
    });
    if let Some(at) = close {
        return Some(Head { tag, arguments: after.to(at).trim(), body: after.from(at + 1).trim_start(), closed: true });
    }
    let role = role?;
    if matches!(role, Role::Says(EntryKind::Return | EntryKind::Yield | EntryKind::Other | EntryKind::Deprecated)) {
        // `@return text` and `:return text` say it without a colon.
        return (leader == '@').then_some(Head { tag, arguments: after.to(0), body: after, closed: false });
    }
    if matches!(role, Role::Types(_)) && leader == ':' {
        return None;
    }
    // `:param x:text`, then `:param x text`.
    let (name, rest) = names::one(after)?;
    let glued = rest.strip(":").filter(|_| !name.name.is_empty());
    let prose = rest.is_empty() || rest.text.starts_with(char::is_whitespace);
    (glued.is_some() || prose).then(|| Head {
        tag,
        arguments: after.to(after.text.len() - rest.text.len()),
        body: glued.unwrap_or(rest).trim_start().strip("- ").unwrap_or(glued.unwrap_or(rest)).trim_start(),
        closed: glued.is_some(),
    })
}

/// The line behind the field that begins at `number`.
fn extent(lines: &Lines<'_>, survey: &Survey, number: usize, leader: char) -> usize {
    let indent = lines.indent(number);
    let mut end = number + 1;
    while end < lines.len() {
        if lines.blank(end) {
            match lines.next_filled(end).filter(|&next| lines.indent(next) > indent) {
                Some(next) => end = next,
                None => break,
            }
            continue;
        }
        if lines.indent(end) <= indent {
            // Text at the column of the field goes on only right below it.
            let lazy = lines.indent(end) == indent && !lines.blank(end - 1) && !lines.text(end).starts_with("..");
            if !lazy || survey.is_code(end) || head(lines, survey, end, leader).is_some() {
                break;
            }
        } else if head(lines, survey, end, leader).is_some_and(|head| role_of(head.tag.text).is_some()) {
            break;
        }
        end += 1;
    }
    lines.trim_blank(number + 1, end)
}

/// The exceptions that a field names, and its text behind them: `:raises X: text`, `:raises: X: text`, `:raises: XError if …`.
fn raised<'a>(head: &Head<'a>) -> (Vec<EntryName>, Piece<'a>) {
    if !matches!(role_of(head.tag.text), Some(Role::Says(EntryKind::Raise | EntryKind::Warn))) {
        return (Vec::new(), head.body);
    }
    if !head.arguments.is_empty() {
        return (names::exceptions(head.arguments).map(|(names, _)| names).unwrap_or_default(), head.body);
    }
    match names::exceptions(head.body).map(|(names, rest)| (names, rest.trim_start())) {
        Some((names, rest)) if rest.is_empty() => (names, rest),
        Some((names, rest)) if rest.text.starts_with(':') => (names, rest.from(1).trim_start()),
        Some((names, rest)) if names.iter().all(|name| names::looks_like_exception(&name.name)) => (names, rest),
        _ => (Vec::new(), head.body),
    }
}

fn said(
    kind: EntryKind,
    head: &Head<'_>,
    raised: Vec<EntryName>,
    flow: Flow,
    close: usize,
    lines: Range<usize>,
) -> Entry {
    let mut entry = bare_entry(kind, None);
    entry.tag = Some(head.tag.text.to_owned());
    entry.tag_span = Some(head.tag.span());
    entry.lines = lines;
    match kind {
        EntryKind::Param | EntryKind::Attribute => {
            let (names, type_text, default) = arguments(head.arguments);
            entry.names = names;
            entry.default = default;
            if let Some(piece) = type_text {
                let mut line = Flow::default();
                line.push(piece);
                let split = split_type(&line);
                entry.type_text = split.type_text;
                entry.optional = split.optional;
                entry.default = entry.default.or(split.default);
            }
        }
        EntryKind::Raise | EntryKind::Warn => entry.names = raised,
        EntryKind::Return | EntryKind::Yield if !head.arguments.is_empty() => {
            entry.type_text = Some(TypeMention { text: head.arguments.text.to_owned(), span: head.arguments.span() });
        }
        _ => {}
    }
    describe(&mut entry, &flow, close);
    entry
}

type Arguments<'a> = (Vec<EntryName>, Option<Piece<'a>>, Option<DefaultMention>);

/// Reads what stands between the field's name and its colon: `x`, `int x`, `x, y`, `x (int)`, `lazy='select'`, `\*args`.
fn arguments(piece: Piece<'_>) -> Arguments<'_> {
    let piece = piece.trim();
    if piece.is_empty() {
        return (Vec::new(), None, None);
    }
    if let Some((names, rest)) = names::read(piece) {
        let rest = rest.trim_start();
        if rest.is_empty() {
            return (names, None, None);
        }
        if rest.text.starts_with('(') && balanced(rest.text) == Some(rest.text.len()) && names.len() == 1 {
            return (names, Some(rest.to(rest.text.len() - 1).from(1).trim()), None);
        }
        if let Some(value) = rest.strip("=").map(Piece::trim)
            && names.len() == 1
        {
            let default = DefaultMention { value: value.text.to_owned(), span: value.span() };
            return (names, None, Some(default).filter(|default| !default.value.is_empty()));
        }
    }
    let mut last = 0;
    top_level(piece.text, |at, character| {
        if character.is_whitespace() {
            last = at + character.len_utf8();
        }
        false
    });
    let token = piece.from(last);
    match names::one(token) {
        Some((name, rest)) if rest.is_empty() || rest.text.starts_with(['=', ',', ':']) => {
            let value = rest.strip("=").map(Piece::trim).filter(|value| !value.is_empty());
            let default = value.map(|value| DefaultMention { value: value.text.to_owned(), span: value.span() });
            (vec![name], Some(piece.to(last).trim()).filter(|piece| !piece.is_empty()), default)
        }
        _ => {
            let first = names::one(piece).filter(|(_, rest)| rest.text.starts_with(char::is_whitespace));
            (first.map(|(name, _)| vec![name]).unwrap_or_default(), None, None)
        }
    }
}

/// Gives the type to the entry that it belongs to, or makes an entry of it.
fn merge(typed: Typed, entries: &mut Vec<Entry>) {
    let split = split_type(&typed.flow);
    let fits = |entry: &Entry| match typed.role {
        EntryKind::Param | EntryKind::Attribute => {
            let same = |name: &EntryName| typed.names.iter().any(|other| other.name == name.name);
            matches!(entry.kind, EntryKind::Param | EntryKind::Attribute) && entry.names.iter().any(same)
        }
        kind => entry.kind == kind,
    };
    if let Some(entry) = entries.iter_mut().find(|entry| fits(entry) && entry.type_text.is_none()) {
        entry.type_text = split.type_text;
        entry.optional |= split.optional;
        if entry.default.is_none() {
            entry.default = split.default;
        }
        return;
    }
    let alone = matches!(typed.role, EntryKind::Return | EntryKind::Yield) && !entries.iter().any(fits);
    let kind = if alone { typed.role } else { EntryKind::Other };
    let mut entry = bare_entry(kind, None);
    entry.tag = Some(typed.tag);
    entry.tag_span = Some(typed.tag_span);
    entry.names = typed.names;
    entry.type_text = split.type_text;
    entry.optional = split.optional;
    entry.default = split.default;
    entry.description_span = Span::at(typed.end);
    entry.lines = typed.lines;
    entries.push(entry);
}
