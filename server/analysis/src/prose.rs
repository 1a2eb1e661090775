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

/// Whether `word` is looked up by its text in `span`: `kwargs["word"]`, `.pop("word")`, `"word" in kwargs`.
pub fn is_looked_up(text: &str, span: Span, except: &[Span], word: &str) -> bool {
    places_outside(text, span, except, word).any(|start| {
        let code = span.of(text);
        let before = code.get(..start).unwrap_or("");
        let after = code.get(start + word.len()..).unwrap_or("");
        let before_quote = before.strip_suffix(['"', '\'']).unwrap_or("").trim_end();
        let is_key = ["[", "get(", "pop(", "setdefault("].iter().any(|opening| before_quote.ends_with(opening));
        let behind_quote = after.strip_prefix(['"', '\'']).unwrap_or("").trim_start();
        let is_tested = behind_quote.starts_with("in ") || behind_quote.starts_with("not in ");
        is_quoted(code, start, word.len()) && (is_key || is_tested)
    })
}

fn is_quoted(text: &str, start: usize, length: usize) -> bool {
    let before = text.get(..start).and_then(|before| before.chars().next_back());
    let after = text.get(start + length..).and_then(|after| after.chars().next());
    before.is_some_and(|quote| matches!(quote, '"' | '\'' | '`')) && before == after
}

/// Whether `word` is used as a name in `span` of `text`, outside of the spans in `except`.
/// Another thing's attribute (`.word`), a keyword of a call (`word=`) and what stands in strings and comments do not count:
/// a name that a string fills in is bound somewhere in the code as well.
pub fn is_used_name(text: &str, span: Span, except: &[Span], hashes: bool, word: &str) -> bool {
    let mut inert: Option<Vec<Span>> = None;
    places_outside(text, span, except, word).any(|start| {
        let code = span.of(text);
        let before = code.get(..start).unwrap_or("");
        let after = code.get(start + word.len()..).unwrap_or("");
        let is_attribute = before.ends_with('.') && !before.ends_with("..");
        let is_keyword = after.starts_with('=') && !after.starts_with("==") && before.trim_end().ends_with(['(', ',']);
        if is_attribute || is_keyword {
            return false;
        }
        let inert = inert.get_or_insert_with(|| inert_spans(code, hashes));
        !inert.iter().any(|other| other.start <= start && start < other.end)
    })
}

/// Strings and comments of a stretch of code; `hashes` says that comments begin with `#`.
///
/// This is a guess by marks alone, good enough to weigh words: a string that does not end on its line is taken for none.
fn inert_spans(code: &str, hashes: bool) -> Vec<Span> {
    let bytes = code.as_bytes();
    let mut spans = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        let length = match byte {
            b'#' if hashes => line_length(rest),
            b'/' if !hashes && rest.starts_with(b"//") => line_length(rest),
            b'/' if !hashes && rest.starts_with(b"/*") => length_to(rest, b"*/", 2).unwrap_or(rest.len()),
            b'"' | b'\'' if hashes && rest.starts_with(&[byte; 3]) => length_to(rest, &[byte; 3], 3).unwrap_or(1),
            b'"' | b'\'' => string_length(rest, byte, true).unwrap_or(1),
            b'`' if !hashes => string_length(rest, byte, false).unwrap_or(1),
            _ => 0,
        };
        if length > 1 {
            spans.push(Span::new(at, at + length));
        }
        at += length.max(1);
    }
    spans
}

fn line_length(rest: &[u8]) -> usize {
    rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len())
}

fn length_to(rest: &[u8], end: &[u8], from: usize) -> Option<usize> {
    let tail = rest.get(from..)?;
    tail.windows(end.len().max(1)).position(|window| window == end).map(|place| from + place + end.len())
}

fn string_length(rest: &[u8], quote: u8, on_one_line: bool) -> Option<usize> {
    let mut escaped = false;
    for (offset, &byte) in rest.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'\n' if on_one_line => return None,
            _ if byte == quote => return Some(offset + 1),
            _ => {}
        }
    }
    None
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
        except.get(candidate).is_none_or(|other| other.start > place.start)
    })
}

/// Words in code marks that are constants or receivers, and so never a parameter that is gone.
pub fn is_constant(word: &str) -> bool {
    const CONSTANTS: &[&str] = &[
        "None",
        "True",
        "False",
        "null",
        "undefined",
        "true",
        "false",
        "nil",
        "self",
        "this",
        "super",
        "NaN",
        "nan",
        "inf",
        "Ellipsis",
    ];
    CONSTANTS.contains(&word)
}

/// Whether a word is a keyword or a built-in function of one of the languages, so that code marks around it need mean no parameter.
pub fn is_of_language(word: &str) -> bool {
    const WORDS: &str = " abs aiter all anext any as ascii assert async await bin bool break breakpoint bytearray bytes callable case \
        catch chan chr class classmethod compile complex const continue copy crate debugger def default defer del delattr delete dict dir \
        divmod do dyn elif else enum enumerate eval except exec export extends extern fallthrough filter finally float fn for format from \
        frozenset func function get getattr global globals go goto hasattr hash help hex id if impl import in input instanceof int \
        interface is isinstance issubclass iter lambda len let list locals loop make map match max memoryview min mod move mut new next \
        nonlocal not object oct of open or ord package panic pass pow print property pub raise range recover ref repr require return \
        reversed round select self set setattr slice sorted static staticmethod str struct sum super switch this throw trait try tuple \
        type typeof union unsafe use var vars void where while with yield zip append cap close ";
    WORDS.split_ascii_whitespace().any(|known| known == word)
}

/// Words in code marks that name a type or a function of the language or a keyword, and so hardly ever a parameter that is gone.
pub fn is_common(word: &str) -> bool {
    const COMMON: &[&str] = &[
        "cls",
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
    is_constant(word) || COMMON.contains(&word)
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
    fn strings_and_comments_are_no_use_of_a_name() {
        let used = |text: &str, hashes| is_used_name(text, Span::new(0, text.len()), &[], hashes, "deg");
        assert!(!used("raise E('deg must be') # deg\n\"\"\"deg\"\"\"", true));
        assert!(used("it's(deg)", true), "an apostrophe that opens nothing hides nothing");
        assert!(!used("`${deg}` /* deg */ // deg", false));
        assert!(used("'a' + deg", false));
    }

    #[test]
    fn looking_a_word_up_is_not_stating_it() {
        let looked_up = |text: &str| is_looked_up(text, Span::new(0, text.len()), &[], "x");
        assert!(looked_up("kw.pop('x', 1)") && looked_up("kw[\"x\"]") && looked_up("if 'x' in kw"));
        assert!(!looked_up("{'x': x}") && !looked_up("f(x)"));
    }

    #[test]
    fn attributes_keywords_and_quoted_words_are_no_use_of_a_name() {
        let used = |text: &str| is_used_name(text, Span::new(0, text.len()), &[], true, "dtype");
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
