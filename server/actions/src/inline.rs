//! Code suggested at the cursor: what a model is shown of the text, where a suggestion ends, and how one that was given is given again while the
//! user types it.
//!
//! Pure; the model is asked elsewhere.

use syntax::extract::fingerprint_from;
use syntax::extract::parse_incremental;
use syntax::language::Language;
use syntax::text::Span;

/// Bytes before and after the cursor that are shown.
const BEFORE: usize = 4 << 10;
const AFTER: usize = 1536;
/// Lines of a suggestion.
const LINES: usize = 12;
/// Bytes before the cursor that must be the same for a suggestion to hold.
const TAIL: usize = 256;
/// Suggestions that are remembered for a document.
const REMEMBERED: usize = 8;

/// What is shown: the text before and after the cursor, cut at whole lines.
pub fn window(text: &str, offset: usize) -> (&str, &str) {
    let (before, after) = text.split_at_checked(offset).unwrap_or((text, ""));
    let start = before.len().saturating_sub(BEFORE);
    let start = match start {
        0 => 0,
        start => {
            let start = before.ceil_char_boundary(start);
            before.get(start..).and_then(|rest| rest.find('\n')).map_or(start, |line| start + line + 1)
        }
    };
    let end = match after.len() {
        length if length <= AFTER => length,
        _ => {
            let end = after.floor_char_boundary(AFTER);
            after.get(..end).and_then(|part| part.rfind('\n')).unwrap_or(end)
        }
    };
    (before.get(start..).unwrap_or(""), after.get(..end).unwrap_or(""))
}

/// Whether only the line of the cursor is to be completed, because code follows on it.
pub fn is_single_line(after: &str) -> bool {
    let rest = after.lines().next().unwrap_or("").trim();
    !rest.is_empty() && !rest.chars().all(|closing| matches!(closing, ')' | ']' | '}' | '"' | '\'' | ',' | ';' | ':'))
}

/// Whether a suggestion that grows is long enough: it left the block that the cursor is in, or is as long as one may be.
pub fn is_complete(before: &str, so_far: &str, single_line: bool) -> bool {
    end_of_block(before, so_far, single_line).is_some()
}

/// Where a suggestion leaves the block of the cursor; `None` where it does not yet.
fn end_of_block(before: &str, text: &str, single_line: bool) -> Option<usize> {
    if single_line {
        return text.find('\n');
    }
    let line = before.rsplit('\n').next().unwrap_or("");
    let indent = line.len() - line.trim_start().len();
    // What begins on an empty line belongs to the block of that line; what goes on with a line may go deeper first.
    let mut depth = 0i32;
    let mut at = 0;
    for (number, part) in text.split_inclusive('\n').enumerate() {
        let body = part.trim();
        let own = part.len() - part.trim_start().len();
        let closes_first = body.starts_with([')', ']', '}']);
        if number > 0
            && !body.is_empty()
            && (own < indent || depth <= 0 && own == indent && !line.trim().is_empty() && !closes_first)
        {
            return Some(at);
        }
        if number >= LINES {
            return Some(at);
        }
        for character in part.chars() {
            match character {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
        }
        if depth < 0 && number > 0 {
            return Some(at);
        }
        at += part.len();
    }
    None
}

/// The part of an answer that is worth showing; `None` where there is none.
///
/// Cut where it leaves the block, where it would make the text parse worse, and where it only says what follows anyway.
pub fn fitted(language: &'static Language, text: &str, offset: usize, answer: &str) -> Option<String> {
    let (before, after) = text.split_at_checked(offset)?;
    let single_line = is_single_line(after);
    let answer = answer.replace("\r\n", "\n");
    let end = end_of_block(before, &answer, single_line).unwrap_or(answer.len());
    let answer = answer.get(..end)?.trim_end();
    if answer.trim().is_empty() || answer.contains("__SECRET") {
        return None;
    }
    let errors = |text: &str| {
        parse_incremental(language, text, None, &|| false)
            .map_or(usize::MAX, |parsed| fingerprint_from(&parsed, text).errors)
    };
    let most = errors(text);
    let eol = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<&str> = answer.split('\n').collect();
    // The line after the cursor is not written twice.
    let next = after.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("");
    while lines.len() > 1 && lines.last().is_some_and(|last| last.trim() == next || last.trim().is_empty()) {
        lines.pop();
    }
    if lines.len() == 1 && !next.is_empty() && lines.first().is_some_and(|line| line.trim() == next) {
        return None;
    }
    let whole = lines.join(eol);
    while !lines.is_empty() {
        let part = lines.join(eol);
        if errors(&format!("{before}{part}{after}")) <= most {
            return Some(part);
        }
        lines.pop();
    }
    // Half a line parses no better than what it began with; one line is shown all the same, for the user goes on himself.
    whole.lines().next().map(str::to_owned).filter(|line| !line.trim().is_empty())
}

/// A suggestion that was made.
#[derive(Clone, Debug)]
struct Made {
    /// The end of the text before it.
    tail: String,
    text: String,
}

/// Suggestions of one document, for giving them again while they are typed.
#[derive(Clone, Debug, Default)]
pub struct Suggestions(Vec<Made>);

impl Suggestions {
    /// Takes note of a suggestion behind this text.
    pub fn add(&mut self, before: &str, text: &str) {
        if self.0.len() == REMEMBERED {
            self.0.remove(0);
        }
        let tail = before.get(before.ceil_char_boundary(before.len().saturating_sub(TAIL))..).unwrap_or("");
        self.0.push(Made { tail: tail.to_owned(), text: text.to_owned() });
    }

    /// What is left of a suggestion when the text before the cursor is this: all of it, or what the user has not typed yet.
    pub fn rest(&self, before: &str) -> Option<String> {
        self.0.iter().rev().find_map(|made| {
            let ends = made.text.char_indices().map(|(at, _)| at);
            let typed = ends.into_iter().rev().find(|&typed| {
                let typed = made.text.get(..typed).unwrap_or("");
                before.strip_suffix(typed).is_some_and(|before| before.ends_with(&made.tail))
            })?;
            made.text.get(typed..).map(str::to_owned).filter(|rest| !rest.is_empty())
        })
    }
}

/// The place behind which a suggestion begins, when a list of completions has one chosen: that is taken as typed.
pub fn with_chosen(text: &str, offset: usize, chosen: Option<(Span, &str)>) -> (String, usize, Span) {
    match chosen {
        Some((span, word)) if span.end <= text.len() && span.start <= offset => {
            let text = format!("{}{word}{}", text.get(..span.start).unwrap_or(""), text.get(span.end..).unwrap_or(""));
            (text, span.start + word.len(), span)
        }
        _ => (text.to_owned(), offset, Span::at(offset)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(text: &str, answer: &str) -> Option<String> {
        let offset = text.find('|').unwrap();
        fitted(Language::from_id("python").unwrap(), &text.replacen('|', "", 1), offset, answer)
    }

    #[test]
    fn a_suggestion_ends_with_its_block() {
        assert_eq!(fit("def f(a):\n    return a|\n", " + 1\n\ndef g():\n    pass\n").as_deref(), Some(" + 1"));
        assert_eq!(
            fit("def f(a):\n    |\n", "if a:\n        return 1\n    return 2\n\nx = f(1)\n").as_deref(),
            Some("if a:\n        return 1\n    return 2")
        );
        assert_eq!(fit("x = f(|, 2)\n", "1)\ny = 3").as_deref(), Some("1)"), "one line where code follows");
        assert_eq!(
            fit("def f():\n    |\n    return 1\n", "x = 1\n    return 1").as_deref(),
            Some("x = 1"),
            "not what follows anyway"
        );
        assert_eq!(fit("x = |\n", "  \n"), None);
        assert_eq!(fit("x = |\n", "1 # __SECRET_"), None);
    }

    #[test]
    fn a_suggestion_that_breaks_the_text_is_cut_to_what_does_not() {
        assert_eq!(fit("def f(a):\n    |\n", "x = a\n    y = (((\n").as_deref(), Some("x = a"));
        assert_eq!(
            fit("🎉 = 'ä'\r\ndef f(a):\r\n    |\r\n", "x = a\n    return x").as_deref(),
            Some("x = a\r\n    return x")
        );
    }

    #[test]
    fn what_is_typed_ahead_is_given_again() {
        let mut made = Suggestions::default();
        made.add("def f(a):\n    return a", " + größe");
        assert_eq!(made.rest("def f(a):\n    return a").as_deref(), Some(" + größe"));
        assert_eq!(made.rest("def f(a):\n    return a +").as_deref(), Some(" größe"));
        assert_eq!(made.rest("def f(a):\n    return a + gr").as_deref(), Some("öße"));
        assert_eq!(made.rest("def f(a):\n    return a -"), None);
        assert_eq!(made.rest("def f(a):\n    return a + größe"), None);
        assert_eq!(made.rest("return b"), None);
    }

    #[test]
    fn the_window_is_whole_lines_and_never_cuts_a_character() {
        let text = "é🎉 line\n".repeat(2000);
        let offset = text.len() / 2 + text[text.len() / 2..].find('\n').unwrap();
        let (before, after) = window(&text, offset);
        assert!(before.len() <= BEFORE && before.starts_with("é🎉 line\n") && after.len() <= AFTER);
        assert_eq!(window("ab", 1), ("a", "b"));
        assert_eq!(window("ab", 9), ("ab", ""));
    }

    #[test]
    fn a_chosen_completion_counts_as_typed() {
        let (text, offset, span) = with_chosen("os.pa\n", 5, Some((Span::new(3, 5), "path")));
        assert_eq!((text.as_str(), offset, span), ("os.path\n", 7, Span::new(3, 5)));
    }
}
