//! Reads the names at the start of an entry.
//!
//! A name is read only where an identifier stands; sentences yield nothing.

use crate::docstring::EntryName;
use crate::docstring::flow::Piece;
use crate::docstring::scan::{dotted, run};

/// Reads names separated by commas; returns them and what stands behind.
///
/// Understands stars, `\*`, `\_`, back-ticks and bold: ``*args``, `\*\*kwargs`, `` `x` ``, `**x**`.
pub(crate) fn read(piece: Piece<'_>) -> Option<(Vec<EntryName>, Piece<'_>)> {
    let mut names = Vec::new();
    let mut rest = piece.trim_start();
    loop {
        let (name, after) = one(rest)?;
        names.push(name);
        rest = after;
        let next = rest.trim_start();
        let Some(mut next) = next.strip(",").or_else(|| next.strip("/").filter(|next| next.text.starts_with(' ')))
        else {
            break;
        };
        next = next.trim_start();
        // `x1, ..., xn` names its ends.
        while let Some(after) = next
            .strip("...")
            .map(Piece::trim_start)
            .filter(|after| after.is_empty() || after.text.starts_with([',', ':']))
        {
            next = after.strip(",").unwrap_or(after).trim_start();
        }
        if next.is_empty() || next.text.starts_with(':') {
            rest = next;
            break;
        }
        let (name, behind) = one(next)?;
        if name.name == "optional" && !behind.text.starts_with('=') {
            // `x, optional` names one thing.
            return Some((names, rest.trim_start()));
        }
        rest = next;
    }
    Some((names, rest))
}

/// Reads one name.
pub(crate) fn one(piece: Piece<'_>) -> Option<(EntryName, Piece<'_>)> {
    let ticks = run(piece.text, '`');
    let mut rest = piece.from(ticks);
    let mut stars = String::new();
    let mut skipped = 0;
    for character in rest.text.chars() {
        match character {
            '*' => stars.push('*'),
            '\\' => {}
            _ => break,
        }
        skipped += 1;
    }
    // Backslashes alone are no stars.
    if stars.is_empty() {
        skipped = 0;
    }
    if rest.text.starts_with("...") {
        stars = "...".to_owned();
        skipped = 3;
    }
    rest = rest.from(skipped);
    let length = escaped(rest.text);
    if length == 0 {
        return None;
    }
    let raw = rest.to(length);
    let mut after = rest.from(length);
    if !stars.is_empty() && stars.starts_with('*') && run(after.text, '*') == stars.len() {
        after = after.from(stars.len());
        stars = String::new();
    }
    if stars.len() > 2 && stars.starts_with('*') {
        return None;
    }
    if ticks > 0 {
        after = after.from(run(after.text, '`').min(ticks));
    }
    let name = raw.text.replace('\\', "");
    Some((EntryName { name, span: raw.span(), stars }, after))
}

/// Length of a dotted name that may hold escaped underscores: `type\_`.
pub(crate) fn escaped(text: &str) -> usize {
    let mut length = dotted(text);
    if length == 0 && !text.starts_with('\\') {
        return 0;
    }
    loop {
        let rest = text.get(length..).unwrap_or("");
        let slashes = run(rest, '\\');
        if slashes == 0 || !rest.get(slashes..).is_some_and(|rest| rest.starts_with('_')) {
            return length;
        }
        length += slashes;
        length += dotted(text.get(length..).unwrap_or(""));
    }
}

/// Reads names of exceptions: ``ValueError, TypeError``, `` :class:`~foo.Bar` ``, `A or B`; returns them and what stands behind.
pub(crate) fn exceptions(piece: Piece<'_>) -> Option<(Vec<EntryName>, Piece<'_>)> {
    let mut names = Vec::new();
    let mut rest = piece.trim_start();
    loop {
        let (name, after) = exception(rest)?;
        names.push(name);
        rest = after;
        let next = rest.trim_start();
        let separator = [",", "|", "/", "or ", "and "].iter().find_map(|word| next.strip(word));
        let Some(mut next) = separator.map(Piece::trim_start) else { break };
        next = next.strip("or ").or_else(|| next.strip("and ")).unwrap_or(next).trim_start();
        // `ValueError, if x is negative` goes on in prose.
        let goes_on = exception(next).is_some_and(|(name, after)| {
            let ends = after.trim_start();
            let alone = ends.is_empty() || ends.text.starts_with([':', ',', '|', '/']);
            looks_like_exception(&name.name) || alone && name.name.contains(char::is_uppercase)
        });
        if !goes_on {
            break;
        }
        rest = next;
    }
    Some((names, rest))
}

fn exception(piece: Piece<'_>) -> Option<(EntryName, Piece<'_>)> {
    let mut rest = piece;
    if let Some(role) = rest.strip(":")
        && let Some(at) = role.text.find('`')
        && role.text.get(..at).is_some_and(|role| role.ends_with(':') && !role.contains(' '))
    {
        rest = role.from(at);
    }
    let ticks = run(rest.text, '`');
    rest = rest.from(ticks);
    rest = rest.from(rest.text.len() - rest.text.trim_start_matches(['~', '!', '.']).len());
    let length = dotted(rest.text);
    if length == 0 {
        return None;
    }
    let name = rest.to(length);
    let mut after = rest.from(length);
    if ticks > 0 {
        after = after.from(run(after.text, '`').min(ticks));
    }
    Some((EntryName { name: name.text.to_owned(), span: name.span(), stars: String::new() }, after))
}

/// Whether a word reads like the name of an exception rather than like prose.
pub(crate) fn looks_like_exception(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let ends = ["Error", "Exception", "Warning", "Interrupt", "Exit", "Iteration", "Abort"]
        .iter()
        .any(|end| last.ends_with(end));
    let humps = last.chars().filter(|character| character.is_uppercase()).count() >= 2
        && last.chars().any(|character| character.is_lowercase())
        && last.starts_with(char::is_uppercase);
    ends || humps
}
