//! A line of source as it is shown under a finding: no control characters, no endless lines, and where the marks go.

use unicode_width::UnicodeWidthChar;

/// Columns of a line that are shown at most.
const WIDEST: usize = 120;
/// Columns before the marked place that stay when a line is cut.
const LEAD: usize = 40;

/// A line ready to be shown, and the columns to underline.
#[derive(Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The text.
    pub line: String,
    /// Columns in front of the mark.
    pub before: usize,
    /// Columns of the mark, at least one.
    pub marked: usize,
}

/// Prepares `line` with the bytes `start..end` to be underlined.
pub fn excerpt(line: &str, start: usize, end: usize) -> Excerpt {
    let mut text = String::new();
    let (mut column, mut before, mut after) = (0, None, None);
    for (offset, character) in line.char_indices() {
        if offset >= start && before.is_none() {
            before = Some(column);
        }
        if offset >= end && after.is_none() {
            after = Some(column);
        }
        match character {
            '\t' => {
                let width = 4 - column % 4;
                text.extend(std::iter::repeat_n(' ', width));
                column += width;
            }
            character if is_harmful(character) => {
                text.push(char::REPLACEMENT_CHARACTER);
                column += 1;
            }
            character => {
                text.push(character);
                column += character.width().unwrap_or(0);
            }
        }
    }
    let before = before.unwrap_or(column);
    let marked = after.unwrap_or(column).saturating_sub(before).max(1);
    cut(text, column, before, marked)
}

/// Characters that steer a terminal, or turn the direction of what is read.
fn is_harmful(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Cuts a line that is wider than what is shown, around the mark.
fn cut(text: String, width: usize, before: usize, marked: usize) -> Excerpt {
    if width <= WIDEST {
        return Excerpt { line: text, before, marked };
    }
    let first = before.saturating_sub(LEAD);
    let mut line = String::new();
    let (mut column, mut kept_from) = (0, None);
    for character in text.chars() {
        let next = column + character.width().unwrap_or(0);
        if column >= first && next <= first + WIDEST {
            kept_from.get_or_insert(column);
            line.push(character);
        }
        column = next;
    }
    let kept_from = kept_from.unwrap_or(first);
    let (head, tail) = (if kept_from > 0 { "…" } else { "" }, if column > first + WIDEST { "…" } else { "" });
    let before = before - kept_from + usize::from(!head.is_empty());
    let room = (WIDEST + 1).saturating_sub(before).max(1);
    Excerpt { line: format!("{head}{line}{tail}"), before, marked: marked.min(room) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(line: &str, what: &str) -> (String, usize, usize) {
        let start = line.find(what).expect("the part is in the line");
        let shown = excerpt(line, start, start + what.len());
        (shown.line, shown.before, shown.marked)
    }

    #[test]
    fn a_mark_stands_under_its_word_behind_tabs_and_emoji() {
        assert_eq!(marked("\tx = y", "x"), ("    x = y".to_owned(), 4, 1));
        assert_eq!(marked("🎉 name", "name"), ("🎉 name".to_owned(), 3, 4));
        assert_eq!(marked("a\tb", "b"), ("a   b".to_owned(), 4, 1));
    }

    #[test]
    fn a_line_cannot_steer_the_terminal() {
        let (line, before, _) = marked("\u{1b}[31mred \u{202e}x", "x");
        assert_eq!(line, "\u{fffd}[31mred \u{fffd}x");
        assert_eq!(before, 10);
    }

    #[test]
    fn an_empty_place_still_has_a_mark() {
        assert_eq!(excerpt("", 0, 0), Excerpt { line: String::new(), before: 0, marked: 1 });
        assert_eq!(excerpt("ab", 2, 2).before, 2);
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let line = format!("{}name{}", "a".repeat(5000), "b".repeat(5000));
        let (shown, before, marked) = marked(&line, "name");
        assert_eq!(shown.chars().skip(before).take(marked).collect::<String>(), "name");
        assert!(shown.chars().count() <= WIDEST + 2);
        assert!(shown.starts_with('…') && shown.ends_with('…'));
        let whole = excerpt(&line, 0, line.len());
        assert!(whole.before + whole.marked <= WIDEST + 2);
    }
}
