//! Makes new words safe to stand in a comment.
//!
//! Text that is already in a file never goes through here: it is safe as it stands, and doubling its backslashes would change it.

use super::{CommentForm, DocStyle};

/// `text` on one line, with nothing in it that would end the comment or be read as an escape.
pub(crate) fn line(text: &str, form: &CommentForm, style: DocStyle) -> String {
    let text = text.split(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']);
    let text = text.map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    match form {
        CommentForm::PythonString { prefix, quote } => python(&text, is_raw(prefix), quote),
        CommentForm::Block { .. } => block(&text, style),
        CommentForm::Lines { .. } => text,
    }
}

/// Whether a string with these letters before its quote keeps backslashes as they are.
pub(crate) fn is_raw(prefix: &str) -> bool {
    prefix.contains(['r', 'R'])
}

/// Whether a line that ends like this may not stand right before the closing delimiter.
pub(crate) fn spoils_the_end(line: &str, form: &CommentForm) -> bool {
    match form {
        CommentForm::PythonString { quote, .. } => {
            let backslashes = line.len() - line.trim_end_matches('\\').len();
            backslashes % 2 == 1
                || quote.chars().next().is_some_and(|mark| line.ends_with(mark) && !is_escaped_end(line))
        }
        CommentForm::Block { .. } => line.ends_with('/'),
        CommentForm::Lines { .. } => false,
    }
}

fn is_escaped_end(line: &str) -> bool {
    let mut characters = line.chars();
    characters.next_back();
    let before = characters.as_str();
    (before.len() - before.trim_end_matches('\\').len()) % 2 == 1
}

fn python(text: &str, raw: bool, quote: &str) -> String {
    let Some(mark) = quote.chars().next() else { return text.to_owned() };
    let other = if mark == '"' { '\'' } else { '"' };
    let text = if raw { text.to_owned() } else { text.replace('\\', "\\\\") };
    let run: String = std::iter::repeat_n(mark, quote.len()).collect();
    let instead: String = if raw {
        std::iter::repeat_n(other, quote.len()).collect()
    } else {
        std::iter::repeat_n(['\\', mark], quote.len()).flatten().collect()
    };
    text.replace(&run, &instead)
}

fn block(text: &str, style: DocStyle) -> String {
    let mut text = text.replace("*/", "*\\/");
    // Block comments nest in Rust, so that an opening mark inside would need its own end.
    if style == DocStyle::Rustdoc {
        text = text.replace("/*", "/\\*");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(prefix: &str, quote: &str) -> CommentForm {
        CommentForm::PythonString { prefix: prefix.into(), quote: quote.into() }
    }

    #[test]
    fn python_strings_stay_closed_and_keep_their_meaning() {
        assert_eq!(line(r"a\nb", &string("", "\"\"\""), DocStyle::Google), r"a\\nb");
        assert_eq!(line(r"a\nb", &string("r", "\"\"\""), DocStyle::Google), r"a\nb");
        assert_eq!(line("say \"\"\"x\"\"\"", &string("", "\"\"\""), DocStyle::Google), "say \\\"\\\"\\\"x\\\"\\\"\\\"");
        assert_eq!(line("say \"\"\"x", &string("R", "\"\"\""), DocStyle::Google), "say '''x");
        assert_eq!(line("it's", &string("", "'"), DocStyle::Google), "it\\'s");
        assert_eq!(line("one\n  two\u{2028}three", &string("", "\"\"\""), DocStyle::Google), "one two three");
    }

    #[test]
    fn block_comments_are_never_closed_by_words() {
        let form = CommentForm::Block { open: "/**".into() };
        assert_eq!(line("glob **/*/ and /* x", &form, DocStyle::Jsdoc), "glob **\\/*\\/ and /* x");
        assert_eq!(line("a/*b*/", &form, DocStyle::Rustdoc), "a/\\*b*\\/");
        assert_eq!(line("a */ b", &CommentForm::Lines { marker: "//".into() }, DocStyle::Godoc), "a */ b");
    }

    #[test]
    fn ends_that_would_run_into_the_delimiter_are_seen() {
        let form = string("", "\"\"\"");
        assert!(spoils_the_end("a \"b\"", &form) && spoils_the_end("a \\", &form));
        assert!(
            !spoils_the_end("a \\\"", &form) && !spoils_the_end("a \\\\", &form) && !spoils_the_end("a 'b'", &form)
        );
    }
}
