//! Takes the text behind a block tag apart: type, name, default, description.
//!
//! What does not look like a type or a name is description; nothing is guessed from words.

use crate::docstring::flow::{Flow, Lines, Piece};
use crate::docstring::scan::{REACH, balanced, dotted, quoted};
use crate::docstring::{DefaultMention, Entry, EntryKind, EntryName, TypeMention};
use crate::text::Span;

/// Reads type and name of the tag on line `start` into `entry`; returns where its description begins, and on which line.
pub(super) fn read<'a>(
    lines: &'a Lines<'a>,
    rest: Piece<'a>,
    start: usize,
    end: usize,
    tag: &str,
    entry: &mut Entry,
) -> (Piece<'a>, usize) {
    let typed = matches!(
        entry.kind,
        EntryKind::Param
            | EntryKind::TypeParam
            | EntryKind::Return
            | EntryKind::Yield
            | EntryKind::Raise
            | EntryKind::Reject
            | EntryKind::Attribute
    ) || matches!(
        tag,
        "type"
            | "typedef"
            | "enum"
            | "this"
            | "define"
            | "const"
            | "constant"
            | "member"
            | "var"
            | "extends"
            | "augments"
            | "implements"
            | "default"
            | "satisfies"
            | "private"
            | "protected"
            | "public"
            | "package"
            | "export"
            | "final"
            | "suppress"
    );
    if !typed {
        return (rest, start);
    }
    let mut rest = rest;
    let mut line = start;
    // The type or the name may begin on the next line.
    while rest.is_empty() && line + 1 < end && !lines.blank(line + 1) && entry.kind != EntryKind::Other {
        line += 1;
        rest = lines.piece(line);
    }
    if let Some((type_text, after, at)) = braces(lines, rest, line, end) {
        entry.type_text = type_text;
        (rest, line) = (after.trim_start(), at);
        while rest.is_empty() && line + 1 < end && !lines.blank(line + 1) && named(entry.kind) {
            line += 1;
            rest = lines.piece(line);
        }
    }
    if let Some(type_text) = &mut entry.type_text
        && let Some(bare) = type_text.text.strip_suffix('=').map(|bare| bare.trim_end().len())
    {
        // Closure marks an optional parameter in its type.
        entry.optional = true;
        type_text.text.truncate(bare);
        type_text.span = Span::new(type_text.span.start, type_text.span.start + bare);
    }
    let rest = match entry.kind {
        EntryKind::Param | EntryKind::Attribute => name(rest, entry),
        EntryKind::TypeParam => type_params(rest, entry),
        EntryKind::Raise => thrown(rest, entry),
        _ => rest,
    };
    let rest = if named(entry.kind) || entry.names.is_empty() { dash(rest) } else { rest };
    (rest, line)
}

/// Whether the tag of a parameter, result, exception or property begins a type in braces that does not end.
pub(super) fn is_left_open(lines: &Lines<'_>, rest: Piece<'_>, start: usize, end: usize, entry: &Entry) -> bool {
    let is_typed = named(entry.kind)
        || matches!(entry.kind, EntryKind::Return | EntryKind::Yield | EntryKind::Raise | EntryKind::Reject);
    let opens = rest.text.starts_with('{') && !rest.text.starts_with("{@");
    is_typed && opens && braces(lines, rest, start, end).is_none()
}

fn named(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Param | EntryKind::Attribute | EntryKind::TypeParam)
}

/// The text behind a separating hyphen.
fn dash(rest: Piece<'_>) -> Piece<'_> {
    let rest = rest.trim_start();
    let bare = ["--", "-", "–", "—", ":"].iter().find_map(|dash| rest.strip(dash));
    bare.filter(|bare| bare.is_empty() || bare.text.starts_with(char::is_whitespace)).map_or(rest, Piece::trim_start)
}

/// Reads `{type}`, which may go on over lines.
fn braces<'a>(
    lines: &'a Lines<'a>,
    piece: Piece<'a>,
    line: usize,
    end: usize,
) -> Option<(Option<TypeMention>, Piece<'a>, usize)> {
    if !piece.text.starts_with('{') || piece.text.starts_with("{@") {
        return None;
    }
    if let Some(length) = braced(piece.text) {
        let inner = piece.to(length - 1).from(1).trim();
        let mention = (!inner.is_empty()).then(|| TypeMention { text: inner.text.to_owned(), span: inner.span() });
        return Some((mention, piece.from(length), line));
    }
    let mut flow = Flow::default();
    flow.push(piece);
    // An open brace is not looked after for ever.
    for number in line + 1..end.min(line + 300) {
        let before = if lines.blank(number) { flow.text.len() } else { flow.text.len() + 1 };
        flow.push(lines.piece(number));
        if let Some(length) = braced(&flow.text) {
            let last = lines.piece(number);
            let tail = length.saturating_sub(before).min(last.text.len());
            let text = flow.text.get(1..length - 1).unwrap_or("").trim().to_owned();
            let from = piece.from(1).trim_start();
            let inner_end = last.to(tail.saturating_sub(1)).text.trim_end().len();
            let close = if inner_end == 0 { lines.piece(number - 1).span().end } else { last.at + inner_end };
            let first = if from.is_empty() { lines.piece(line + 1).at } else { from.at };
            let mention = (!text.is_empty()).then(|| TypeMention { text, span: Span::new(first, close) });
            return Some((mention, last.from(tail), number));
        }
    }
    None
}

/// Length of the type in braces at the start of `text`. Quotes count only where they close, so an apostrophe cannot swallow the rest.
fn braced(text: &str) -> Option<usize> {
    balanced(text).or_else(|| {
        let mut depth = 0usize;
        text.char_indices().take_while(|&(at, _)| at < 4 * REACH).find_map(|(at, character)| {
            match character {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            (depth == 0).then_some(at + 1)
        })
    })
}

/// Bytes of a name: `x`, `opts.x`, `arr[].x`, `this`, `$el`, `opts["a-b"]`.
fn path_len(text: &str) -> usize {
    let mut at = 0;
    while let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = text.get(at..).unwrap_or("");
        let dot = character == '.'
            && rest
                .get(1..)
                .is_some_and(|next| next.starts_with(|next: char| next.is_alphanumeric() || "_$#*\"'".contains(next)));
        if character.is_alphanumeric()
            || matches!(character, '_' | '$' | '#')
            || dot
            || character == '*' && text.get(..at).is_some_and(|before| before.ends_with('.'))
        {
            at += character.len_utf8();
        } else if character == '['
            && at > 0
            && text.get(at + 1..).is_some_and(|next| {
                next.starts_with([']', '"', '\'', 'n', '*']) || next.starts_with(|next: char| next.is_ascii_digit())
            })
        {
            let Some(length) = balanced(rest) else { break };
            at += length;
        } else if matches!(character, '"' | '\'') && text.get(..at).is_some_and(|before| before.ends_with('.')) {
            let Some(length) = quoted(rest) else { break };
            at += length;
        } else {
            break;
        }
    }
    at
}

/// A name without `[]`.
fn plain(text: &str) -> String {
    let mut name = text.to_owned();
    while let Some(open) = name.find('[') {
        let close = name.get(open..).and_then(|rest| rest.find(']')).map_or(name.len(), |at| open + at + 1);
        let inner = name.get(open + 1..close.saturating_sub(1)).unwrap_or("").trim_matches(['"', '\'']).to_owned();
        let key = if inner.starts_with(|first: char| first.is_alphabetic()) && inner != "n" {
            format!(".{inner}")
        } else {
            String::new()
        };
        name.replace_range(open..close, &key);
    }
    name.replace(['"', '\''], "")
}

/// Reads the name of a parameter or property; returns what stands behind it.
fn name<'a>(rest: Piece<'a>, entry: &mut Entry) -> Piece<'a> {
    let ticks = rest.text.starts_with('`');
    if rest.text.starts_with('[')
        && let Some(length) = balanced(rest.text)
    {
        let inner = rest.to(length - 1).from(1).trim();
        if let Some((name, after)) = bare_name(inner) {
            let after = after.trim_start();
            if let Some(value) = after.strip("=").map(Piece::trim).filter(|value| !value.is_empty()) {
                entry.default = Some(DefaultMention { value: value.text.to_owned(), span: value.span() });
            }
            if after.is_empty() || after.text.starts_with('=') {
                entry.names.push(name);
                entry.optional = true;
                return rest.from(length);
            }
            entry.default = None;
        }
        return rest;
    }
    let inner = if ticks { rest.from(1) } else { rest };
    let Some((name, after)) = bare_name(inner) else { return rest };
    let mut after = after;
    if ticks {
        let Some(closed) = after.strip("`") else { return rest };
        after = closed;
    }
    if let Some(marked) = after.strip("?") {
        entry.optional = true;
        after = marked;
    }
    if let Some(marked) =
        after.strip(",").filter(|after| after.is_empty() || after.text.starts_with(char::is_whitespace))
    {
        after = marked;
    }
    let value =
        after.strip("=").filter(|value| !value.text.starts_with('=') && !value.text.starts_with(char::is_whitespace));
    if let Some(value) = value {
        // Some write `x=5` without brackets.
        let length = value.text.find(char::is_whitespace).unwrap_or(value.text.len());
        let stated = value.to(length);
        if !stated.is_empty() {
            entry.default = Some(DefaultMention { value: stated.text.to_owned(), span: stated.span() });
        }
        entry.optional = true;
        after = value.from(length);
    }
    let ends = after.is_empty()
        || after.text.starts_with(|next: char| {
            next.is_whitespace() || matches!(next, ':' | '-' | '.' | '–' | '—' | '{' | ';' | '(')
        });
    if !ends {
        return rest;
    }
    entry.names.push(name);
    let after = after.text.strip_prefix(['.', ';']).map_or(after, |_| after.from(1));
    // `@param x {string} text`: the type came late.
    let late = after.trim_start();
    if entry.type_text.is_none()
        && late.text.starts_with('{')
        && !late.text.starts_with("{@")
        && let Some(length) = braced(late.text)
    {
        let inner = late.to(length - 1).from(1).trim();
        entry.type_text = (!inner.is_empty()).then(|| TypeMention { text: inner.text.to_owned(), span: inner.span() });
        return late.from(length);
    }
    after
}

fn bare_name(piece: Piece<'_>) -> Option<(EntryName, Piece<'_>)> {
    let (stars, rest) = match piece.strip("...") {
        Some(rest) => ("...", rest),
        None => ("", piece),
    };
    let length = path_len(rest.text);
    let raw = rest.to(length);
    (length > 0)
        .then(|| (EntryName { name: plain(raw.text), span: raw.span(), stars: stars.to_owned() }, rest.from(length)))
}

/// Reads `T`, `T, U`, `[T=string]`.
fn type_params<'a>(rest: Piece<'a>, entry: &mut Entry) -> Piece<'a> {
    let mut rest = rest;
    loop {
        let bracketed = rest.text.starts_with('[').then(|| balanced(rest.text)).flatten();
        let inner = bracketed.map_or(rest, |length| rest.to(length - 1).from(1).trim());
        let length = inner.text.len()
            - inner.text.trim_start_matches(|next: char| next.is_alphanumeric() || matches!(next, '_' | '$')).len();
        if length == 0 {
            return rest;
        }
        let raw = inner.to(length);
        let mut after = inner.from(length);
        if let Some(length) = bracketed {
            let value = after.trim_start().strip("=").map(Piece::trim).filter(|value| !value.is_empty());
            entry.default = entry
                .default
                .take()
                .or(value.map(|value| DefaultMention { value: value.text.to_owned(), span: value.span() }));
            entry.optional = true;
            after = rest.from(length);
        }
        entry.names.push(EntryName { name: raw.text.to_owned(), span: raw.span(), stars: String::new() });
        match after.trim_start().strip(",") {
            Some(next) => rest = next.trim_start(),
            None => return after,
        }
    }
}

/// Reads what is thrown: from `{A|B}`, `{@link A}`, or a leading word that reads like an error.
fn thrown<'a>(rest: Piece<'a>, entry: &mut Entry) -> Piece<'a> {
    if let Some(type_text) = &entry.type_text {
        let mut at = 0;
        for part in type_text.text.split('|') {
            let gap = part.len() - part.trim_start_matches([' ', '(', '!', '?']).len();
            let word = part.get(gap..).unwrap_or("");
            let length = dotted(word);
            let start = type_text.span.start + at + gap;
            // A type that goes on over lines has no bytes of its own for each name.
            if length > 0 && type_text.text.len() == type_text.span.len() {
                let name = word.get(..length).unwrap_or("").to_owned();
                entry.names.push(EntryName { name, span: Span::new(start, start + length), stars: String::new() });
            }
            at += part.len() + 1;
        }
        return rest;
    }
    if let Some(inner) = ["{@link ", "{@linkcode "].iter().find_map(|link| rest.strip(link))
        && let Some(close) = inner.text.find('}')
    {
        let inner_trimmed = inner.to(close).trim();
        let length = dotted(inner_trimmed.text);
        if length > 0 {
            let raw = inner_trimmed.to(length);
            entry.names.push(EntryName { name: raw.text.to_owned(), span: raw.span(), stars: String::new() });
            return inner.from(close + 1);
        }
    }
    let ticked = rest.strip("`");
    let word = ticked.unwrap_or(rest);
    let length = dotted(word.text);
    let raw = word.to(length);
    let last = raw.text.rsplit('.').next().unwrap_or("");
    if length > 0 && (last.ends_with("Error") || last.ends_with("Exception")) && last.starts_with(char::is_uppercase) {
        entry.names.push(EntryName { name: raw.text.to_owned(), span: raw.span(), stars: String::new() });
        let after = word.from(length);
        return if ticked.is_some() { after.strip("`").unwrap_or(after) } else { after };
    }
    rest
}
