//! Words in text: whether a name occurs in code, and which words name nothing in particular.

use syntax::text::Span;

fn is_word_character(character: char) -> bool {
    character == '_' || character == '$' || character.is_alphanumeric()
}

/// The places where `word` stands alone in `text`.
pub fn word_places<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    let is_alone = move |start: usize| {
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        let after = text.get(start + word.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(is_word_character) && !after.is_some_and(is_word_character)
    };
    let places = (!word.is_empty()).then(|| text.match_indices(word)).into_iter().flatten();
    places.map(|(start, _)| start).filter(move |start| is_alone(*start))
}

/// Whether `word` stands alone anywhere in `text`.
pub fn has_word(text: &str, word: &str) -> bool {
    word_places(text, word).next().is_some()
}

/// Whether `word` stands in `text` as a whole string literal.
pub fn has_quoted(text: &str, word: &str) -> bool {
    word_places(text, word).any(|start| is_quoted(text, start, word.len()))
}

fn is_quoted(text: &str, start: usize, length: usize) -> bool {
    let before = text.get(..start).and_then(|before| before.chars().next_back());
    let after = text.get(start + length..).and_then(|after| after.chars().next());
    before.is_some_and(|quote| matches!(quote, '"' | '\'' | '`')) && before == after
}

/// Whether `word` is used as a name in `span` of `text`, outside of the spans in `except`.
/// A quoted word, another thing's attribute (`.word`) and a keyword of a call (`word=`) do not count.
pub fn is_used_name(text: &str, span: Span, except: &[Span], word: &str) -> bool {
    places_outside(text, span, except, word).any(|start| {
        let code = span.of(text);
        let before = code.get(..start).unwrap_or("");
        let after = code.get(start + word.len()..).unwrap_or("");
        let is_attribute = before.ends_with('.') && !before.ends_with("..");
        let is_keyword = after.starts_with('=') && !after.starts_with("==") && before.trim_end().ends_with(['(', ',']);
        !is_attribute && !is_keyword && !is_quoted(code, start, word.len())
    })
}

/// Whether `word` occurs at all in `span` of `text`, outside of the spans in `except`.
pub fn occurs(text: &str, span: Span, except: &[Span], word: &str) -> bool {
    places_outside(text, span, except, word).next().is_some()
}

fn places_outside<'t>(
    text: &'t str,
    span: Span,
    except: &'t [Span],
    word: &'t str,
) -> impl Iterator<Item = usize> + 't {
    word_places(span.of(text), word).filter(move |start| {
        let place = Span::at(span.start + start);
        let candidate = except.partition_point(|other| other.end <= place.start);
        !except.get(candidate).is_some_and(|other| other.start <= place.start)
    })
}

/// Words in code marks that name a value, a type of the language or a keyword, and so never a parameter that is gone.
pub fn is_common(word: &str) -> bool {
    const COMMON: &[&str] = &[
        "None",
        "True",
        "False",
        "null",
        "undefined",
        "true",
        "false",
        "nil",
        "self",
        "cls",
        "this",
        "super",
        "NaN",
        "nan",
        "inf",
        "int",
        "str",
        "float",
        "bool",
        "list",
        "dict",
        "tuple",
        "set",
        "bytes",
        "object",
        "type",
        "string",
        "number",
        "boolean",
        "function",
        "async",
        "await",
        "yield",
        "return",
        "raise",
        "import",
        "from",
        "with",
        "lambda",
        "class",
        "def",
        "if",
        "else",
        "for",
        "while",
        "in",
        "is",
        "not",
        "and",
        "or",
        "any",
        "all",
        "Any",
        "Error",
        "Exception",
        "Promise",
        "Array",
        "Object",
        "Map",
        "Set",
        "String",
        "Number",
        "Boolean",
        "Symbol",
        "Self",
        "Option",
        "Result",
        "Some",
        "Ok",
        "Err",
        "Vec",
        "Box",
        "usize",
        "u8",
        "u32",
        "u64",
        "i32",
        "i64",
        "range",
        "len",
        "print",
        "iter",
        "next",
        "open",
        "id",
        "map",
        "filter",
        "slice",
        "error",
        "interface",
        "chan",
        "func",
        "struct",
        "enum",
        "trait",
        "impl",
        "pub",
        "mut",
        "ref",
        "static",
        "const",
        "let",
        "var",
        "new",
        "delete",
        "typeof",
        "void",
        "never",
        "unknown",
        "args",
        "kwargs",
    ];
    COMMON.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_only_when_it_stands_alone() {
        assert!(has_word("f(size, x)", "size"));
        assert!(!has_word("f(size_of, max_size)", "size"));
        assert!(has_word("é.size", "size"));
        assert!(!has_word("abc", ""));
    }

    #[test]
    fn attributes_keywords_and_quoted_words_are_no_use_of_a_name() {
        let used = |text: &str| is_used_name(text, Span::new(0, text.len()), &[], "dtype");
        assert!(!used("base.dtype[n] + f(x, dtype=dtype_value) + g('dtype')"));
        assert!(used("f(dtype)"));
        assert!(used("dtype = 3"));
        assert!(used("f(...dtype)"));
    }

    #[test]
    fn documentation_is_left_out_of_the_search() {
        let text = "code `gone` more";
        let whole = Span::new(0, text.len());
        assert!(occurs(text, whole, &[], "gone"));
        assert!(!occurs(text, whole, &[Span::new(5, 11)], "gone"));
    }
}
