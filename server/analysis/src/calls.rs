//! Finds calls of one function in example code, without a parser: examples are short, often broken, and of any dialect.

use crate::prose::word_places;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<'t> {
    /// From the name to the closing bracket.
    pub text: &'t str,
    /// Arguments without a name.
    pub positional: usize,
    /// Names of the others.
    pub keywords: Vec<&'t str>,
    /// An argument is spread (`*all`, `...all`, `**all`).
    pub has_spread: bool,
    /// The name follows a dot.
    pub has_receiver: bool,
}

/// The calls of `name` in `code`; a call whose bracket does not close is left out.
pub fn find<'t>(code: &'t str, name: &'t str) -> Vec<Call<'t>> {
    let mut calls = Vec::new();
    for start in word_places(code, name) {
        let before = code.get(..start).unwrap_or("");
        let word_before = before.trim_end().rsplit(|character: char| !character.is_alphanumeric()).next().unwrap_or("");
        let is_definition =
            matches!(word_before, "def" | "function" | "class" | "fn" | "func") && before.ends_with(' ');
        let open = start + name.len();
        let Some(rest) = code.get(open..).filter(|rest| rest.starts_with('(') && !is_definition) else { continue };
        let Some((arguments, length)) = arguments(rest) else { continue };
        let mut call = Call {
            text: code.get(start..open + length).unwrap_or(name),
            positional: 0,
            keywords: Vec::new(),
            has_spread: false,
            has_receiver: before.ends_with('.'),
        };
        let mut is_elided = false;
        for argument in arguments.into_iter().map(str::trim).filter(|argument| !argument.is_empty()) {
            match keyword_of(argument) {
                _ if argument == "..." || argument == "…" => is_elided = true,
                _ if argument.starts_with(['*', '#']) || argument.starts_with("...") => call.has_spread = true,
                Some(keyword) => call.keywords.push(keyword),
                None => call.positional += 1,
            }
        }
        if !is_elided {
            calls.push(call);
        }
    }
    calls
}

fn keyword_of(argument: &str) -> Option<&str> {
    let (name, value) = argument.split_once('=')?;
    let name = name.trim_end();
    (crate::names::is_identifier(name) && !value.starts_with(['=', '>'])).then_some(name)
}

/// Cuts `(a, b)` at its commas; gives the length up to the closing bracket too.
fn arguments(text: &str) -> Option<(Vec<&str>, usize)> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0usize, 1);
    let mut quote: Option<char> = None;
    let mut escaped = false;
    for (offset, character) in text.char_indices() {
        if let Some(open) = quote {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if character == open => quote = None,
                _ => {}
            }
            continue;
        }
        match character {
            '"' | '\'' | '`' => quote = Some(character),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    parts.push(text.get(start..offset)?);
                    return Some((parts, offset + 1));
                }
            }
            // A lambda's own commas belong to it; where one begins, counting would be a guess.
            ',' if depth == 1 => {
                if text.get(start..offset)?.trim_start().starts_with("lambda")
                    && !text.get(start..offset)?.contains(':')
                {
                    continue;
                }
                parts.push(text.get(start..offset)?);
                start = offset + 1;
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_counted_outside_of_brackets_and_quotes() {
        let calls = find("r = f(a, [1, 2], 'x, (y', key=3, *rest) + obj.f()", "f");
        assert_eq!(calls.len(), 2);
        assert_eq!(
            (calls[0].positional, &calls[0].keywords[..], calls[0].has_spread, calls[0].has_receiver),
            (3, &["key"][..], true, false)
        );
        assert!(calls[1].has_receiver && calls[1].positional == 0);
    }

    #[test]
    fn definitions_comparisons_and_open_calls_are_no_calls_with_keywords() {
        assert_eq!(find("def f(a, b): pass", "f"), []);
        assert_eq!(find("f(a == b)", "f")[0].positional, 1);
        assert_eq!(find("f(lambda x, y: x, 2)", "f")[0].positional, 2);
        assert_eq!(find("f(a, (b", "f"), []);
        assert_eq!(find("f(1, ...)", "f"), []);
    }
}
