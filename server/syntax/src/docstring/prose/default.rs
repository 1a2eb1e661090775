//! Defaults stated in words or in a type line.
//!
//! Only values that read like code are taken: a missed default costs little, a wrong one costs the user's trust.

use crate::docstring::flow::Flow;
use crate::docstring::scan::{balanced, dotted, quoted, run, top_level};
use crate::docstring::{DefaultMention, TypeMention};

/// Words behind a value that tie it to a case.
const CONDITIONS: &[&str] = &[
    "if",
    "when",
    "unless",
    "for",
    "or",
    "times",
    "otherwise",
    "depending",
    "percent",
    "plus",
    "minus",
    "except",
    "in",
    "on",
];

/// Words behind a number that make it a measure: the code may count in another unit.
const UNITS: &[&str] = &[
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "year",
    "ms",
    "millisecond",
    "kb",
    "mb",
    "gb",
    "kib",
    "mib",
    "gib",
    "byte",
    "kilobyte",
    "megabyte",
    "gigabyte",
    "px",
    "pixel",
];

/// A value found in running text.
struct Value {
    start: usize,
    end: usize,
    /// Where the text goes on, closing marks skipped.
    next: usize,
    /// A literal of some language, marked or not.
    literal: bool,
    /// It stood in back-ticks, quotes or brackets.
    marked: bool,
}

/// The first default that a description states.
pub(crate) fn default_in(flow: &Flow) -> Option<DefaultMention> {
    let text = flow.text.as_str();
    let lower = text.to_ascii_lowercase();
    for (at, _) in lower.match_indices("default") {
        let before = text.get(..at).unwrap_or("");
        if before.ends_with(|character: char| character.is_alphanumeric() || "_`'\"-.".contains(character)) {
            continue;
        }
        if let Some((start, end)) = stated_after(text, &lower, at).or_else(|| stated_before(text, &lower, at)) {
            return flow.default_at(start, end);
        }
    }
    None
}

/// "Defaults to X", "Default is X", "default: X", "(default X)", "by default X".
fn stated_after(text: &str, lower: &str, at: usize) -> Option<(usize, usize)> {
    let rest = lower.get(at..)?;
    let before = lower.get(..at)?.trim_end();
    // "If the default is None" speaks of a case, not of the value.
    if before
        .rsplit(|character: char| !character.is_alphanumeric())
        .take(2)
        .any(|word| matches!(word, "if" | "when" | "unless"))
    {
        return None;
    }
    let word = ["defaults", "defaulted", "defaulting", "default"].iter().find_map(|word| rest.strip_prefix(word))?;
    let skipped = |tail: &str| text.len() - tail.len();
    let tail = word.trim_start();
    let spaced = tail.len() < word.len();
    let tail = tail.strip_prefix("value").filter(|_| spaced).map_or(tail, str::trim_start);
    let said = ["to ", "is ", "of ", "to: ", "is: "].iter().find_map(|verb| tail.strip_prefix(verb)).filter(|_| spaced);
    if let Some(tail) = said {
        let value = value_at(text, skipped(tail))?;
        let named = text
            .get(value.start..value.end)?
            .contains(|character: char| character == '_' || character == '.' || character.is_uppercase());
        return if value.literal || value.marked || named { whole(text, &value) } else { None };
    }
    if let Some(tail) = tail.strip_prefix(':').or_else(|| tail.strip_prefix('=')) {
        if tail.starts_with(['=', ':']) {
            return None;
        }
        let value = value_at(text, skipped(tail))?;
        let alone = value.literal || value.marked || ends_sentence(text, value.next);
        return if alone { whole(text, &value) } else { None };
    }
    if !spaced || tail.is_empty() {
        return None;
    }
    let value = value_at(text, skipped(tail))?;
    let alone = ends_sentence(text, value.next);
    let bracketed = before.ends_with(['(', '[']) && alone;
    let literal = (value.literal || value.marked && !before.ends_with("the") && !before.ends_with("by")) && alone;
    (bracketed || literal).then_some((value.start, value.end))
}

/// "100 by default", "``None`` by default".
fn stated_before(text: &str, lower: &str, at: usize) -> Option<(usize, usize)> {
    let before = lower.get(..at)?.strip_suffix("by ")?.trim_end();
    let start = before.rfind(' ').map_or(0, |space| space + 1);
    let start = start + (before.get(start..)?.len() - before.get(start..)?.trim_start_matches('(').len());
    let value = value_at(text, start)?;
    let ahead = before.get(..start)?.trim_end();
    let opens = ahead.is_empty() || ahead.ends_with(['.', '(', ',', ';']) || ahead.ends_with(" is");
    (value.literal && value.next == before.len() && opens).then_some((value.start, value.end))
}

/// A value that is only part of an expression, a measure or a condition is not taken.
fn whole(text: &str, value: &Value) -> Option<(usize, usize)> {
    let rest = text.get(value.next..)?;
    let tail = rest.trim_start();
    let operator = tail.starts_with(['*', '/', '+', '^', '%', '<', '>', '=', '|', '&']);
    let word = tail.split(|character: char| !character.is_alphanumeric()).next().unwrap_or("").to_ascii_lowercase();
    let spaced = tail.len() < rest.len();
    let bound = spaced && CONDITIONS.contains(&word.as_str());
    let measure =
        spaced && !value.marked && UNITS.iter().any(|unit| word == *unit || word.strip_suffix('s') == Some(unit));
    (!operator && !bound && !measure).then_some((value.start, value.end))
}

fn ends_sentence(text: &str, at: usize) -> bool {
    let rest = text.get(at..).unwrap_or("").trim_start();
    rest.is_empty() || rest.starts_with([')', '.', ',', ';', ']'])
}

/// The value at or behind `at`.
fn value_at(text: &str, at: usize) -> Option<Value> {
    let rest = text.get(at..)?;
    let start = at + (rest.len() - rest.trim_start().len());
    let rest = text.get(start..)?;
    // Other roles than these point at a thing: what they show is not what the code says.
    let role = [":obj:", ":py:obj:", ":const:", ":py:const:", ":data:", ":py:data:", ":code:"]
        .iter()
        .find(|role| rest.starts_with(**role));
    let start = start + role.map_or(0, |role| role.len());
    let rest = text.get(start..)?;
    for mark in ['`', '*'] {
        let ticks = run(rest, mark);
        if ticks > 0 {
            let inner = rest.get(ticks..)?;
            let close = inner.find(mark)?;
            let content = inner.get(..close)?;
            let value = content.trim();
            let from = start + ticks + (content.len() - content.trim_start().len());
            let from = from + (value.len() - value.trim_start_matches(['~', '!']).len());
            let to = start + ticks + content.trim_end().len();
            let next = start + ticks + close + ticks;
            let value = text.get(from..to)?;
            let assigned = value.split_once('=').is_some_and(|(name, _)| dotted(name) == name.len());
            return (!value.is_empty() && !assigned && next <= text.len()).then(|| Value {
                start: from,
                end: to,
                next,
                literal: is_literal(value),
                marked: true,
            });
        }
    }
    let first = rest.chars().next()?;
    let (length, literal, marked) = match first {
        '"' | '\'' => (quoted(rest)?, true, true),
        '(' | '[' | '{' => {
            let length = balanced(rest)?;
            let plain = !rest.get(..length)?.contains('`');
            (if plain { length } else { 0 }, true, true)
        }
        _ => {
            let number = number_len(rest);
            if number > 0 {
                (number, true, false)
            } else {
                let name = dotted(rest.strip_prefix('-').unwrap_or(rest)) + usize::from(rest.starts_with('-'));
                let call = rest.get(name..).filter(|tail| tail.starts_with('(')).and_then(balanced).unwrap_or(0);
                (name + call, is_literal(rest.get(..name)?), call > 0)
            }
        }
    };
    let end = start + length;
    let tail = text.get(end..)?;
    let bound =
        tail.is_empty() || tail.starts_with(|next: char| next.is_whitespace() || ".,;:)]}!?\"'`—".contains(next));
    // A full stop that a letter follows goes on: `1.foo`.
    let dotted_on = tail.strip_prefix('.').is_some_and(|next| next.starts_with(|next: char| next.is_alphanumeric()));
    (length > 0 && bound && !dotted_on).then_some(Value { start, end, next: end, literal, marked })
}

/// Length of the number at the start of `text`.
fn number_len(text: &str) -> usize {
    let mut end = 0;
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        let sign = matches!(character, '+' | '-') && (at == 0 || matches!(before, 'e' | 'E'));
        if !(sign || character.is_ascii_alphanumeric() || matches!(character, '.' | '_')) {
            break;
        }
        end = at + 1;
        before = character;
    }
    let number = text.get(..end).unwrap_or("").trim_end_matches('.');
    let plain = number.trim_start_matches(['+', '-']).replace('_', "");
    let digits = plain.trim_end_matches('j');
    let prefixed = ["0x", "0b", "0o"].iter().any(|prefix| {
        digits
            .strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    let starts = plain.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    // `1.` is a number only where no sentence ends with it, so the bare form is taken.
    if starts && (digits.parse::<f64>().is_ok() || prefixed) { number.len() } else { 0 }
}

fn is_literal(text: &str) -> bool {
    let word = matches!(
        text,
        "True"
            | "False"
            | "None"
            | "true"
            | "false"
            | "null"
            | "undefined"
            | "nil"
            | "NaN"
            | "nan"
            | "inf"
            | "-inf"
            | "Infinity"
            | "Ellipsis"
            | "..."
    );
    let quoted_all = text.starts_with(['"', '\'']) && quoted(text) == Some(text.len());
    let bracketed = text.starts_with(['(', '[', '{']) && balanced(text) == Some(text.len());
    word || quoted_all || bracketed || number_len(text) == text.len() && !text.is_empty()
}

/// What a type line says: `int, optional`, `{'a', 'b'}, default: 'a'`, `bool, default=True`.
pub(crate) struct TypeLine {
    /// The type alone.
    pub type_text: Option<TypeMention>,
    /// Marked as optional.
    pub optional: bool,
    /// The stated default.
    pub default: Option<DefaultMention>,
}

/// Takes a type line apart.
pub(crate) fn split_type(flow: &Flow) -> TypeLine {
    let text = flow.text.as_str();
    let lower = text.to_ascii_lowercase();
    let mut cut = text.len();
    let mut start = 0;
    let mut optional = false;
    let mut default = None;
    let mut at_word = true;
    let mut marks: Vec<usize> = Vec::new();
    top_level(text, |at, character| {
        if at_word && is_note(lower.get(at..).unwrap_or("")) {
            marks.push(at);
        }
        // A bracket that holds only such words opens a note as well: `int (default 5)`.
        let inside = lower.get(at + 1..).unwrap_or("").trim_start();
        if matches!(character, '(' | '[') && at > 0 && is_note(inside) {
            marks.push(at);
        }
        at_word = !character.is_alphanumeric() && !matches!(character, '_' | '-' | '.' | '=' | '\\');
        false
    });
    for at in marks {
        let note = lower.get(at..).unwrap_or("");
        let open = note.len() - note.trim_start_matches(['(', '[', ' ']).len();
        let word_at = at + open;
        let note = lower.get(word_at..).unwrap_or("");
        if note.starts_with("optional") {
            optional = true;
            if text.get(start..at).unwrap_or("").trim().is_empty() {
                start = word_at + "optional".len();
                continue;
            }
        } else if default.is_none() {
            default = stated_default(text, &lower, word_at).and_then(|(from, to)| flow.default_at(from, to));
        }
        cut = cut.min(at);
    }
    let raw = text.get(start..cut.max(start)).unwrap_or("");
    let raw = raw.trim_end().strip_suffix("by").filter(|rest| rest.ends_with([' ', ','])).unwrap_or(raw);
    let spare = |character: char| character.is_whitespace() || matches!(character, ',' | ';' | '\\');
    let from = start + (raw.len() - raw.trim_start_matches(spare).len());
    let name = raw.trim_matches(spare);
    TypeLine { type_text: type_at(flow, from, from + name.len()), optional, default }
}

fn is_note(text: &str) -> bool {
    ["optional", "defaults", "default"].iter().any(|word| {
        text.strip_prefix(word).is_some_and(|rest| {
            !rest.starts_with(|next: char| next.is_alphanumeric() || matches!(next, '_' | '.' | '['))
        })
    })
}

fn stated_default(text: &str, lower: &str, at: usize) -> Option<(usize, usize)> {
    let rest = lower.get(at..)?;
    let rest = rest.strip_prefix("defaults").or_else(|| rest.strip_prefix("default"))?.trim_start();
    let rest = rest.strip_prefix("value").unwrap_or(rest).trim_start();
    let rest = ["to ", "is ", ":", "="].iter().find_map(|word| rest.strip_prefix(word)).unwrap_or(rest);
    let value = value_at(text, text.len() - rest.len())?;
    // More words behind a bare word make it prose: "default the current directory".
    (value.literal || value.marked || ends_sentence(text, value.next)).then_some((value.start, value.end))
}

/// A type at bytes `start..end` of the flow. It may stretch over lines: then its place covers all of them.
fn type_at(flow: &Flow, start: usize, end: usize) -> Option<TypeMention> {
    let text = flow.text.get(start..end).filter(|text| !text.is_empty())?;
    let head = flow.span(start, start + text.chars().next().map_or(1, char::len_utf8))?;
    let last = text.chars().next_back().map_or(1, char::len_utf8);
    let tail = flow.span(end - last, end)?;
    Some(TypeMention { text: text.to_owned(), span: crate::text::Span::new(head.start, tail.end) })
}
