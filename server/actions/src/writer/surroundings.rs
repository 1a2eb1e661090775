//! What stands around a place in a body: the branches, handlers and loops that must be gone through to reach it.
//!
//! A light reading of lines and braces, not a parse; what it cannot read it calls [`Around::Other`], so that no sentence claims too much.

use super::subject::{Subject, Tongue};
use syntax::text::Span;

/// One thing that must hold, or go on, for a place to be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Around {
    /// A branch that is taken, with its condition as written.
    If(String),
    /// An earlier branch that is not taken.
    Unless(String),
    /// A handler: the types as written, and the code that it guards.
    Caught(Vec<String>, String),
    /// A loop over something, with the name that stands for one item.
    For(String, String),
    /// A loop with a condition.
    While(String),
    /// Something else that decides: a case, the other branch of a loop.
    Other,
}

/// All that stands around the place, from the outside in.
pub fn around(subject: &Subject<'_>, place: Span) -> Vec<Around> {
    let masks = subject.masks();
    let (Some(at), true) = (place.start.checked_sub(masks.start), subject.symbol.body.is_some()) else {
        return Vec::new();
    };
    let (bare, blank) = (masks.bare.as_str(), masks.blank.as_str());
    let mut found =
        if subject.tongue == Tongue::Python { by_lines(bare, blank, at) } else { by_braces(bare, blank, at) };
    found.reverse();
    found
}

/// A statement's first line with those that continue it.
struct Logical {
    indent: usize,
    start: usize,
    end: usize,
}

fn logical_lines(blank: &str) -> Vec<Logical> {
    let mut lines: Vec<Logical> = Vec::new();
    let (mut depth, mut continued, mut offset) = (0i32, false, 0);
    for line in blank.split_inclusive(['\n', '\r']) {
        let content = line.trim_end();
        let (start, end) = (offset, offset + content.len());
        offset += line.len();
        if content.trim().is_empty() && depth == 0 && !continued {
            continue;
        }
        match lines.last_mut().filter(|_| depth > 0 || continued) {
            Some(last) => last.end = end.max(last.end),
            None => lines.push(Logical { indent: content.len() - content.trim_start().len(), start, end }),
        }
        for character in content.chars() {
            depth += i32::from(matches!(character, '(' | '[' | '{')) - i32::from(matches!(character, ')' | ']' | '}'));
        }
        depth = depth.max(0);
        continued = content.ends_with('\\');
    }
    lines
}

/// The keyword that a line begins with, and what stands between it and its colon.
fn header<'a>(bare: &'a str, blank: &str, line: &Logical) -> (&'a str, &'a str) {
    let (Some(text), Some(mask)) = (bare.get(line.start..line.end), blank.get(line.start..line.end)) else {
        return ("", "");
    };
    let mut depth = 0i32;
    let colon = mask.char_indices().find(|(_, character)| {
        depth += i32::from(matches!(character, '(' | '[' | '{')) - i32::from(matches!(character, ')' | ']' | '}'));
        *character == ':' && depth == 0
    });
    let head = text.get(..colon.map_or(text.len(), |(at, _)| at)).unwrap_or(text).trim();
    let head = head.strip_prefix("async ").unwrap_or(head);
    let end = head.find(|character: char| !character.is_alphanumeric()).unwrap_or(head.len());
    (head.get(..end).unwrap_or(""), head.get(end..).unwrap_or("").trim().trim_start_matches('*').trim())
}

fn by_lines(bare: &str, blank: &str, at: usize) -> Vec<Around> {
    let lines = logical_lines(blank);
    let Some(own) = lines.iter().rposition(|line| line.start <= at) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let Some(mut column) = lines.get(own).map(|line| line.indent) else {
        return found;
    };
    let shares_line = lines.get(own).is_some_and(|line| line.start + line.indent < at);
    let mut index = own;
    if shares_line {
        one_header(bare, blank, &lines, index, &mut found);
    }
    while let Some(outer) = (0..index).rev().find(|&outer| lines.get(outer).is_some_and(|line| line.indent < column)) {
        one_header(bare, blank, &lines, outer, &mut found);
        column = lines.get(outer).map_or(0, |line| line.indent);
        index = outer;
    }
    found
}

/// Notes what one header of Python asks, with those before it that it goes with.
fn one_header(bare: &str, blank: &str, lines: &[Logical], index: usize, found: &mut Vec<Around>) {
    let Some(line) = lines.get(index) else { return };
    let siblings = || {
        (0..index)
            .rev()
            .take_while(|&other| lines.get(other).is_some_and(|other| other.indent >= line.indent))
            .filter(|&other| lines.get(other).is_some_and(|other| other.indent == line.indent))
    };
    let (keyword, rest) = header(bare, blank, line);
    match keyword {
        "if" => found.push(Around::If(rest.to_owned())),
        "elif" | "else" => {
            if keyword == "elif" {
                found.push(Around::If(rest.to_owned()));
            }
            for (other, condition) in
                siblings().filter_map(|other| lines.get(other)).map(|other| header(bare, blank, other))
            {
                match other {
                    "elif" => found.push(Around::Unless(condition.to_owned())),
                    "if" => {
                        found.push(Around::Unless(condition.to_owned()));
                        return;
                    }
                    _ => {
                        found.push(Around::Other);
                        return;
                    }
                }
            }
        }
        "except" => {
            let caught = rest.split(" as ").next().unwrap_or("").trim().trim_matches(['(', ')']);
            let types = caught.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
            let opener =
                siblings().find(|&other| lines.get(other).is_some_and(|other| header(bare, blank, other).0 == "try"));
            let guarded = opener.map(|opener| {
                let end = (opener + 1..=index)
                    .find(|&next| lines.get(next).is_some_and(|next| next.indent <= line.indent))
                    .unwrap_or(index);
                let from = lines.get(opener + 1).map_or(0, |first| first.start);
                let to = lines.get(end).map_or(from, |end| end.start);
                bare.get(from..to.max(from)).unwrap_or("")
            });
            found.push(Around::Caught(types, guarded.unwrap_or("").to_owned()));
        }
        "for" => match rest.split_once(" in ") {
            Some((item, source)) => found.push(Around::For(item.trim().to_owned(), source.trim().to_owned())),
            None => found.push(Around::Other),
        },
        "while" => found.push(Around::While(rest.to_owned())),
        "try" | "with" | "finally" | "def" | "class" => {}
        _ => found.push(Around::Other),
    }
}

/// The text before `end` back to what ends the statement before it, and where it begins.
fn statement_before<'a>(text: &'a str, blank: &str, end: usize) -> (&'a str, usize) {
    let mut depth = 0i32;
    let start = blank
        .get(..end)
        .unwrap_or("")
        .char_indices()
        .rev()
        .find(|(_, character)| {
            depth += i32::from(matches!(character, ')' | ']')) - i32::from(matches!(character, '(' | '['));
            depth <= 0 && matches!(character, ';' | '{' | '}')
        })
        .map_or(0, |(at, _)| at + 1);
    (text.get(start..end).unwrap_or("").trim(), start)
}

/// Where the block that ends before `end` begins.
fn block_before(blank: &str, end: usize) -> Option<usize> {
    let before = blank.get(..end)?.trim_end();
    let mut depth = 0i32;
    before.ends_with('}').then_some(())?;
    let open = before.char_indices().rev().find(|(_, character)| {
        depth += i32::from(*character == '}') - i32::from(*character == '{');
        depth == 0
    });
    open.map(|(at, _)| at)
}

fn by_braces(bare: &str, blank: &str, at: usize) -> Vec<Around> {
    let mut found = Vec::new();
    let (head, start) = statement_before(bare, blank, at);
    if !head.is_empty() {
        braced(bare, blank, head, start, &mut found);
    }
    let mut depth = 0i32;
    let before = blank.get(..at).unwrap_or("");
    for (open, _) in before.char_indices().rev().filter(|(_, character)| matches!(character, '{' | '}')) {
        depth += if before.as_bytes().get(open) == Some(&b'}') { 1 } else { -1 };
        if depth >= 0 {
            continue;
        }
        depth = 0;
        let (head, start) = statement_before(bare, blank, open);
        if head.is_empty() {
            continue;
        }
        if !braced(bare, blank, head, start, &mut found) {
            break;
        }
    }
    found
}

/// Notes what one header of a language with braces asks; false where the function itself begins.
fn braced(bare: &str, blank: &str, head: &str, start: usize, found: &mut Vec<Around>) -> bool {
    let end = head.find(|character: char| !character.is_alphanumeric()).unwrap_or(head.len());
    let (keyword, rest) = (head.get(..end).unwrap_or(""), head.get(end..).unwrap_or("").trim());
    match keyword {
        "if" => found.push(Around::If(condition(rest))),
        "else" => {
            if let Some(inner) = rest.strip_prefix("if") {
                found.push(Around::If(condition(inner.trim())));
            }
            let mut end = start;
            loop {
                let Some(open) = block_before(blank, end) else {
                    found.push(Around::Other);
                    break;
                };
                let (head, start) = statement_before(bare, blank, open);
                let earlier = head.strip_prefix("else").map(str::trim).unwrap_or(head);
                match earlier.strip_prefix("if") {
                    Some(asked) => found.push(Around::Unless(condition(asked.trim()))),
                    None => found.push(Around::Other),
                }
                if earlier.len() == head.len() || !earlier.starts_with("if") {
                    break;
                }
                end = start;
            }
        }
        "catch" => {
            let open = block_before(blank, start);
            let guarded = open.and_then(|open| bare.get(open + 1..start.saturating_sub(1))).unwrap_or("");
            found.push(Around::Caught(Vec::new(), guarded.to_owned()));
        }
        "for" => {
            let inner = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest);
            match inner.split_once(" of ").or_else(|| inner.split_once(" in ")) {
                Some((item, source)) if !inner.contains(';') => {
                    let item = item.trim();
                    let item =
                        ["const ", "let ", "var "].iter().find_map(|word| item.strip_prefix(word)).unwrap_or(item);
                    found.push(Around::For(item.trim().to_owned(), source.trim().to_owned()));
                }
                _ => found.push(Around::While(String::new())),
            }
        }
        "while" => found.push(Around::While(condition(rest))),
        "try" | "do" | "finally" | "loop" | "unsafe" => {}
        "function" | "fn" | "func" | "async" => return false,
        _ if head.ends_with("=>") || head.ends_with(')') => return false,
        _ => found.push(Around::Other),
    }
    true
}

/// The condition without its brackets, where they are around the whole of it; what stands behind them is another statement's.
fn condition(text: &str) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut depth = 0i32;
    let close = flat.char_indices().find(|(_, character)| {
        depth += i32::from(*character == '(') - i32::from(*character == ')');
        depth == 0
    });
    match close {
        Some((at, ')')) if flat.starts_with('(') && at + 1 == flat.len() => flat.get(1..at).unwrap_or("").to_owned(),
        _ => flat,
    }
}
