//! Breaks running text into lines of a given width.
//!
//! Widths count characters. A break never falls inside back-ticks or an inline tag, and never where the next line would begin
//! like a tag, a list item or a section title, since a reader of the comment would then take it for one.

/// Breaks `text` into lines: the first of at most `first` characters, the others of at most `rest`.
///
/// A word that is longer than a line stays whole. Text without words gives no line.
pub(crate) fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut length = 0;
    for atom in atoms(text) {
        let width = if lines.len() <= 1 { first } else { rest };
        let atom_length = atom.chars().count();
        match lines.last_mut() {
            Some(line) if length + 1 + atom_length <= width || begins_something(atom) => {
                line.push(' ');
                line.push_str(atom);
                length += 1 + atom_length;
            }
            _ => {
                lines.push(atom.to_owned());
                length = atom_length;
            }
        }
    }
    lines
}

/// The pieces of `text` between which a line may be broken.
fn atoms(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = None;
    let mut skip_to = 0;
    for (at, character) in text.char_indices() {
        if at < skip_to {
            continue;
        }
        if character.is_whitespace() {
            if let Some(from) = start.take() {
                pieces.push(text.get(from..at).unwrap_or(""));
            }
            continue;
        }
        start.get_or_insert(at);
        skip_to = at + unbroken(text.get(at..).unwrap_or(""));
    }
    if let Some(from) = start {
        pieces.push(text.get(from..).unwrap_or(""));
    }
    pieces
}

/// Length of what must stay on one line at the start of `text`, white space included; 0 where nothing special stands there.
fn unbroken(text: &str) -> usize {
    if text.starts_with('`') {
        let ticks = text.len() - text.trim_start_matches('`').len();
        let (marks, inside) = text.split_at(ticks);
        return inside.find(marks).map_or(ticks, |end| ticks + end + ticks);
    }
    if text.starts_with("{@") {
        return text.find('}').map_or(0, |end| end + 1);
    }
    0
}

/// Whether a line that begins with this word would be read as a tag, a list item, a title, an underline or a prompt.
fn begins_something(atom: &str) -> bool {
    let number = atom.trim_start_matches(|character: char| character.is_ascii_digit());
    let is_list_number = number.len() < atom.len() && matches!(number, "." | ")");
    let is_list_mark = matches!(atom, "-" | "*" | "+" | "--" | "…" | "...");
    let is_title = atom.ends_with(':') && atom.starts_with(char::is_alphabetic);
    let is_field = atom.starts_with(['@', ':', '#', '>', '|', '=', '~', '\\'])
        || atom.starts_with("..")
        || atom.starts_with("---");
    is_list_number || is_list_mark || is_title || is_field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fill_the_width_and_count_characters() {
        assert_eq!(wrap("aa bb cc", 5, 5), ["aa bb", "cc"]);
        assert_eq!(wrap("é🎉 ü日 cc", 5, 5), ["é🎉 ü日", "cc"]);
        assert_eq!(wrap("aa bb cc dd", 2, 5), ["aa", "bb cc", "dd"]);
        assert!(wrap(" \n ", 5, 5).is_empty());
    }

    #[test]
    fn back_ticks_and_inline_tags_stay_whole() {
        assert_eq!(wrap("see `a b c` now", 6, 6), ["see", "`a b c`", "now"]);
        assert_eq!(wrap("see ``a ` c``, now", 6, 6), ["see", "``a ` c``,", "now"]);
        assert_eq!(wrap("a {@link Foo bar} b", 4, 4), ["a", "{@link Foo bar}", "b"]);
        assert_eq!(wrap("an `open tick is text", 8, 8), ["an `open", "tick is", "text"]);
    }

    #[test]
    fn no_line_begins_like_a_tag_or_a_title() {
        assert_eq!(wrap("mail to @you or Returns: it", 8, 8), ["mail to @you", "or Returns:", "it"]);
        assert_eq!(wrap("one two - three", 7, 7), ["one two -", "three"]);
        assert_eq!(wrap("made in 2020. Then", 7, 7), ["made in 2020.", "Then"]);
    }
}
