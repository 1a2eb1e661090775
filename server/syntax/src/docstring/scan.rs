//! Small scanners over one string: brackets, quotes, identifiers.
//!
//! They know nothing of files and offsets, and never look past the string they are given.

/// Calls `stop` for each character that stands outside of brackets and quotes; returns the first place where it agrees.
pub(crate) fn top_level(text: &str, mut stop: impl FnMut(usize, char) -> bool) -> Option<usize> {
    let mut depth = 0usize;
    let mut skip_to = 0;
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        if at < skip_to {
            before = character;
            continue;
        }
        if depth == 0 && stop(at, character) {
            return Some(at);
        }
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            // An apostrophe inside a word quotes nothing.
            '"' | '\'' | '`' if !before.is_alphanumeric() => {
                if let Some(end) = quoted(text.get(at..).unwrap_or("")) {
                    skip_to = at + end;
                }
            }
            _ => {}
        }
        before = character;
    }
    None
}

/// How far a closing bracket or quote is looked for: without a limit, text full of open ones would take time by the square.
pub(crate) const REACH: usize = 4096;

/// Length of the bracketed text at the start of `text`, both brackets included.
pub(crate) fn balanced(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut skip_to = 0;
    let mut before = ' ';
    for (at, character) in text.char_indices().take_while(|&(at, _)| at < REACH) {
        if at < skip_to {
            before = character;
            continue;
        }
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            '"' | '\'' | '`' if !before.is_alphanumeric() => {
                if let Some(end) = quoted(text.get(at..).unwrap_or("")) {
                    skip_to = at + end;
                }
            }
            _ if depth == 0 => return None,
            _ => {}
        }
        before = character;
    }
    None
}

/// Length of the quoted text at the start of `text`, quotes included.
pub(crate) fn quoted(text: &str) -> Option<usize> {
    let quote = text.chars().next()?;
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1).take_while(|&(at, _)| at < REACH) {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if character == quote {
            return Some(at + 1);
        }
    }
    None
}

/// Length of the identifier at the start of `text`; none where a digit or another character stands there.
pub(crate) fn identifier(text: &str) -> usize {
    if text.starts_with(|character: char| character.is_numeric()) {
        return 0;
    }
    text.len() - text.trim_start_matches(|character: char| character.is_alphanumeric() || character == '_').len()
}

/// Length of identifiers joined by dots at the start of `text`; a final dot is left out.
pub(crate) fn dotted(text: &str) -> usize {
    let mut length = identifier(text);
    while length > 0 {
        let next = text.get(length..).and_then(|rest| rest.strip_prefix('.')).map_or(0, identifier);
        if next == 0 {
            break;
        }
        length += 1 + next;
    }
    length
}

/// Length of the run of `mark` at the start of `text`.
pub(crate) fn run(text: &str, mark: char) -> usize {
    text.len() - text.trim_start_matches(mark).len()
}

/// Number of single-character changes between two words, counted up to `limit` + 1.
pub(crate) fn distance(left: &str, right: &str, limit: usize) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    let mut above: Vec<usize> = Vec::new();
    let mut last = '\0';
    for (line, a) in left.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(line + 1);
        for (column, &b) in right.iter().enumerate() {
            let old = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(limit + 1);
            let mut best =
                (old(&row, column) + usize::from(a != b)).min(old(&row, column + 1) + 1).min(old(&next, column) + 1);
            // Two letters swapped are one slip of the fingers.
            if column > 0 && right.get(column - 1) == Some(&a) && last == b {
                best = best.min(old(&above, column - 1) + 1);
            }
            next.push(best);
        }
        if next.iter().all(|&cost| cost > limit) {
            return limit + 1;
        }
        above = std::mem::replace(&mut row, next);
        last = a;
    }
    row.last().copied().unwrap_or(0)
}

/// The word of `known` that `word` may be a slip of: at most two changes, fewer for short words.
pub(crate) fn nearest(word: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let length = word.chars().count();
    let limit = match length {
        0..=3 => return None,
        4..=5 => 1,
        _ => 2,
    };
    let lower = word.to_lowercase();
    known
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= limit)
        .map(|candidate| (distance(&lower, &candidate.to_lowercase(), limit), candidate))
        .filter(|&(cost, _)| cost <= limit)
        .min_by_key(|&(cost, _)| cost)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_nest_and_quotes_hide_them() {
        assert_eq!(balanced("(a, [b], ')') x"), Some(13));
        assert_eq!(balanced("(the user's id) x"), Some(15));
        assert_eq!(balanced("(a"), None);
        assert_eq!(balanced("a)"), None);
        assert_eq!(top_level("{'a': 1}: b", |_, character| character == ':'), Some(8));
    }

    #[test]
    fn slips_are_found_and_other_words_are_not() {
        let known = || ["param", "returns", "throws", "see"].into_iter();
        assert_eq!(nearest("parma", known()), Some("param"));
        assert_eq!(nearest("retruns", known()), Some("returns"));
        assert_eq!(nearest("api", known()), None);
        assert_eq!(nearest("set", known()), None, "three letters are too few to tell");
    }

    #[test]
    fn dotted_names_end_before_a_full_stop() {
        assert_eq!(dotted("np.float64. x"), 10);
        assert_eq!(dotted("1a"), 0);
    }
}
