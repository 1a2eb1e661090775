//! What a body does with a parameter, read from its tokens: passed on, called, compared, stored, gone through.
//!
//! A light scan, not a parse: it only feeds words, so that what it misses costs a weaker sentence and nothing else.

use syntax::model::{FileModel, Symbol};
use syntax::text::Span;

/// What is done with one name in a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Functions that it is given to, as written.
    pub passed_to: Vec<String>,
    /// Arguments with which it is called.
    pub called_with: Option<String>,
    /// Literals that it is compared with.
    pub compared: Vec<String>,
    /// Attributes and methods of it that are used.
    pub attributes: Vec<String>,
    /// Literal keys that are read from it.
    pub keys: Vec<String>,
    /// The attribute of the instance that it is stored as: `self.name`.
    pub stored: Option<String>,
    /// A loop goes through it.
    pub iterated: bool,
    /// Read by index or key.
    pub indexed: bool,
    /// Asked whether it holds something.
    pub searched: bool,
    /// Used to look something up in another: `table[name]`.
    pub is_key: bool,
    /// Stands beside an arithmetic operator.
    pub computed: bool,
    /// Stands in a formatted string.
    pub formatted: bool,
    /// Decides a branch.
    pub tested: bool,
    /// Returned as it is.
    pub returned: bool,
    /// Given a new value in the body.
    pub reassigned: bool,
    /// Unpacked into a call: `f(*args)`.
    pub unpacked_into: Option<String>,
    /// How often it occurs at all.
    pub occurrences: usize,
}

/// A token of the light scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// A name, a keyword or a number.
    Word(&'a str),
    /// A string literal with its quotes.
    Text(&'a str),
    /// A comparison or assignment of several characters: `==`, `!=`, `<=`, `=>`, `**`.
    Operator(&'a str),
    /// One other character.
    Mark(char),
    /// A line break.
    Line,
}

/// The body of a symbol without its documentation.
pub fn body_text<'a>(model: &'a FileModel, symbol: &Symbol) -> &'a str {
    let Some(body) = symbol.body else {
        return "";
    };
    let start = symbol
        .doc
        .as_ref()
        .map_or(body.start, |doc| if body.contains(doc.block.span) { doc.block.span.end } else { body.start });
    Span::new(start, body.end).of(&model.text)
}

/// The code with comments as blanks, and what stands in strings too where `strings` says so; offsets and line breaks stay.
pub fn masked(text: &str, strings: bool) -> String {
    let mut mask: Vec<u8> = text.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { byte } else { b' ' }).collect();
    let mut at = 0;
    let mut list = Vec::new();
    while at < text.len() {
        let start = at;
        let known = list.len();
        at = step(text, at, &mut list);
        // A comment makes no token.
        let is_token = list.len() > known;
        let is_string = matches!(list.last(), Some(Token::Text(_))) && is_token;
        let kept = match (is_token, is_string && strings) {
            (false, _) => start..start,
            (true, true) => start..start + 1,
            (true, false) => start..at,
        };
        if let (Some(mask), Some(code)) = (mask.get_mut(kept.clone()), text.as_bytes().get(kept)) {
            mask.copy_from_slice(code);
        }
        // Behind a slash only a name matters, so that the list may stay short.
        if list.len() > 64 {
            list.drain(..32);
        }
    }
    String::from_utf8_lossy(&mask).into_owned()
}

/// Cuts code into tokens; comments are dropped. Lenient: an unclosed string ends with its line.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut list = Vec::new();
    let mut at = 0;
    while at < text.len() {
        at = step(text, at, &mut list);
    }
    list
}

/// Reads what begins at `at`, and says where the next begins.
fn step<'a>(text: &'a str, mut at: usize, list: &mut Vec<Token<'a>>) -> usize {
    let bytes = text.as_bytes();
    if let Some(&byte) = bytes.get(at) {
        let rest = text.get(at..).unwrap_or("");
        let length = match byte {
            b'\n' | b'\r' => {
                list.push(Token::Line);
                1
            }
            b' ' | b'\t' => 1,
            b'#' if !rest.starts_with("#[") => rest.find(['\n', '\r']).unwrap_or(rest.len()),
            b'/' if rest.starts_with("//") && !matches!(list.last(), Some(Token::Word(_))) => {
                rest.find(['\n', '\r']).unwrap_or(rest.len())
            }
            b'/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            b'"' | b'\'' | b'`' => {
                let length = string_length(rest);
                list.push(Token::Text(rest.get(..length).unwrap_or(rest)));
                length
            }
            _ if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80 => {
                let length = rest
                    .find(|character: char| !(character.is_alphanumeric() || character == '_' || character == '$'))
                    .unwrap_or(rest.len());
                let length = if length == 0 { rest.chars().next().map_or(1, char::len_utf8) } else { length };
                list.push(Token::Word(rest.get(..length).unwrap_or("")));
                length
            }
            _ => {
                let known = [
                    "===", "!==", "...", "**", "==", "!=", "<=", ">=", "=>", "->", "&&", "||", "::", "+=", "-=", "*=",
                    "/=",
                ];
                match known.iter().find(|operator| rest.starts_with(**operator)) {
                    Some(operator) => {
                        list.push(Token::Operator(rest.get(..operator.len()).unwrap_or("")));
                        operator.len()
                    }
                    None => {
                        list.push(Token::Mark(char::from(byte)));
                        1
                    }
                }
            }
        };
        at += length.max(1);
        while at < text.len() && !text.is_char_boundary(at) {
            at += 1;
        }
    }
    at
}

fn string_length(rest: &str) -> usize {
    let triple = ["\"\"\"", "'''"].into_iter().find(|quote| rest.starts_with(quote));
    if let Some(quote) = triple {
        return rest.get(3..).and_then(|inner| inner.find(quote)).map_or(rest.len(), |end| end + 6);
    }
    let mut characters = rest.char_indices();
    let quote = characters.next().map_or('"', |(_, quote)| quote);
    let mut escaped = false;
    for (offset, character) in characters {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' | '\r' if quote != '`' => return offset,
            _ if character == quote => return offset + character.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// What `tokens` do with `name`.
pub fn usage(tokens: &[Token<'_>], name: &str) -> Usage {
    let mut usage = Usage::default();
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Text(text) if text.contains(name) => {
                let prefixed = matches!(before(tokens, index), Some(Token::Word("f" | "rf" | "fr" | "F")));
                if (prefixed || text.starts_with('`')) && holds_word(text, name) {
                    usage.formatted = true;
                    usage.occurrences += 1;
                }
            }
            Token::Word(word) if *word == name => {
                if matches!(before(tokens, index), Some(Token::Mark('.') | Token::Operator("::"))) {
                    continue;
                }
                one_use(tokens, index, &mut usage);
            }
            _ => {}
        }
    }
    usage
}

/// Whether `name` stands in a text as a word of its own.
pub(super) fn holds_word(text: &str, name: &str) -> bool {
    let part = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().last());
        let after = text.get(at + name.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

fn before<'t, 'a>(tokens: &'t [Token<'a>], index: usize) -> Option<&'t Token<'a>> {
    index.checked_sub(1).and_then(|index| tokens.get(index))
}

fn add(list: &mut Vec<String>, item: &str) {
    if !item.is_empty() && !list.iter().any(|known| known == item) {
        list.push(item.to_owned());
    }
}

/// One occurrence at `index`.
fn one_use(tokens: &[Token<'_>], index: usize, usage: &mut Usage) {
    let previous = before(tokens, index).unwrap_or(&Token::Line);
    let next = tokens.get(index + 1).unwrap_or(&Token::Line);
    let call = enclosing_call(tokens, index);
    if *next == Token::Mark('=') {
        if call.is_none() {
            usage.reassigned = true;
        }
        return;
    }
    usage.occurrences += 1;
    let argument_start = matches!(previous, Token::Mark('(' | ',' | '=' | '*') | Token::Operator("**" | "..."))
        || (*previous == Token::Line && matches!(next, Token::Mark(',' | ')') | Token::Line));
    let in_list = (*previous == Token::Mark('[') && *next == Token::Mark(','))
        || (*previous == Token::Mark(',') && *next == Token::Mark(']'));
    let argument_start = argument_start || in_list;
    let argument_end = in_list || matches!(next, Token::Mark(',' | ')') | Token::Line);
    if let Some(callee) = call.as_ref().filter(|_| argument_start && argument_end) {
        if matches!(previous, Token::Mark('*') | Token::Operator("**" | "...")) {
            usage.unpacked_into.get_or_insert_with(|| callee.clone());
        } else {
            add(&mut usage.passed_to, callee);
        }
    }
    match next {
        Token::Mark('(') => {
            let inner = inside(tokens, index + 2);
            usage.called_with.get_or_insert(inner);
        }
        Token::Mark('.') => {
            if let Some(Token::Word(attribute)) = tokens.get(index + 2) {
                add(&mut usage.attributes, attribute);
            }
        }
        Token::Mark('[') => match (tokens.get(index + 2), tokens.get(index + 3)) {
            (Some(Token::Text(key)), Some(Token::Mark(']'))) => add(&mut usage.keys, key),
            _ => usage.indexed = true,
        },
        Token::Operator("==" | "!=" | "===" | "!==") => {
            if let Some(Token::Text(text)) = tokens.get(index + 2).filter(|_| *previous != Token::Word("typeof")) {
                add(&mut usage.compared, text);
            }
        }
        Token::Word("in") => literals_in(tokens, index + 2, &mut usage.compared),
        Token::Word("not") if tokens.get(index + 2) == Some(&Token::Word("in")) => {
            literals_in(tokens, index + 3, &mut usage.compared)
        }
        Token::Mark('+' | '-' | '*' | '/' | '%' | '<' | '>') | Token::Operator("**" | "<=" | ">=") => {
            usage.computed = true
        }
        _ => {}
    }
    match previous {
        Token::Word("in" | "of") => {
            if in_loop(tokens, index) {
                usage.iterated = true;
            } else {
                usage.searched = true;
            }
        }
        Token::Word("return") if matches!(next, Token::Line | Token::Mark(';' | '}')) => usage.returned = true,
        Token::Word("if" | "not" | "elif" | "while" | "and" | "or")
        | Token::Mark('!')
        | Token::Operator("&&" | "||") => usage.tested = true,
        Token::Mark('[') if *next == Token::Mark(']') => usage.is_key = true,
        Token::Mark('+' | '-' | '/' | '<' | '>') | Token::Operator("<=" | ">=" | "+=" | "-=") => usage.computed = true,
        Token::Mark('*') if call.is_none() => usage.computed = true,
        Token::Mark('=') if matches!(next, Token::Line | Token::Mark(';')) => {
            if let (
                Some(Token::Word(attribute)),
                Some(Token::Mark('.')),
                Some(Token::Word(owner @ ("self" | "this"))),
            ) = (
                index.checked_sub(2).and_then(|at| tokens.get(at)),
                index.checked_sub(3).and_then(|at| tokens.get(at)),
                index.checked_sub(4).and_then(|at| tokens.get(at)),
            ) {
                usage.stored.get_or_insert_with(|| format!("{owner}.{attribute}"));
            }
        }
        _ => {}
    }
    if *next == Token::Mark('?') {
        usage.tested = true;
    }
}

/// Whether the `in` or `of` before `index` belongs to a loop.
fn in_loop(tokens: &[Token<'_>], index: usize) -> bool {
    tokens
        .get(index.saturating_sub(14)..index)
        .unwrap_or(&[])
        .iter()
        .rev()
        .take_while(|token| !matches!(token, Token::Line | Token::Word("if")))
        .any(|token| *token == Token::Word("for"))
}

/// String literals of a bracketed list at `index`.
fn literals_in(tokens: &[Token<'_>], index: usize, list: &mut Vec<String>) {
    if !matches!(tokens.get(index), Some(Token::Mark('(' | '[' | '{'))) {
        return;
    }
    for token in tokens.get(index + 1..).unwrap_or(&[]).iter().take(16) {
        match token {
            Token::Text(text) => add(list, text),
            Token::Mark(',') | Token::Line => {}
            _ => break,
        }
    }
}

/// The arguments of a call whose first argument is at `index`, as short text.
fn inside(tokens: &[Token<'_>], index: usize) -> String {
    let mut text = String::new();
    let mut depth = 0;
    for token in tokens.get(index..).unwrap_or(&[]).iter().take(24) {
        match token {
            Token::Mark(')') if depth == 0 => return text,
            Token::Mark(mark) => {
                depth += i32::from(*mark == '(') - i32::from(*mark == ')');
                text.push(*mark);
                if *mark == ',' {
                    text.push(' ');
                }
            }
            Token::Word(word) | Token::Text(word) | Token::Operator(word) => text.push_str(word),
            Token::Line => return String::new(),
        }
    }
    String::new()
}

/// The function in whose argument list `index` directly stands.
fn enclosing_call(tokens: &[Token<'_>], index: usize) -> Option<String> {
    let mut depth = 0;
    let mut at = index;
    for _ in 0..120 {
        at = at.checked_sub(1)?;
        match tokens.get(at)? {
            Token::Mark(')' | ']' | '}') => depth += 1,
            Token::Mark('(') if depth == 0 && named(before(tokens, at)) => return callee(tokens, at),
            // A written tuple or list is handed on with what is in it.
            Token::Mark('(') if depth == 0 => {}
            Token::Mark('[') if depth == 0 && !named(before(tokens, at)) => {}
            Token::Mark('{') if depth == 0 && matches!(before(tokens, at), Some(Token::Mark('(' | ',' | '['))) => {}
            Token::Mark('[' | '{') if depth == 0 => return None,
            Token::Mark('(' | '[' | '{') => depth -= 1,
            Token::Mark(';') => return None,
            _ => {}
        }
    }
    None
}

/// Whether a bracket behind this token calls or indexes something.
fn named(token: Option<&Token<'_>>) -> bool {
    match token {
        Some(Token::Word(word)) => {
            !matches!(*word, "return" | "in" | "and" | "or" | "not" | "yield" | "await" | "if" | "else")
        }
        Some(Token::Mark(')' | ']')) => true,
        _ => false,
    }
}

/// The dotted name of the function that is called with the bracket at `index`, conversions such as `int` too.
pub(super) fn called_name(tokens: &[Token<'_>], index: usize) -> Option<String> {
    match (before(tokens, index), index.checked_sub(2).and_then(|at| tokens.get(at))) {
        (Some(Token::Word(name @ ("int" | "float" | "next" | "iter"))), other) if other != Some(&Token::Mark('.')) => {
            Some((*name).to_owned())
        }
        (previous, _) if named(previous) => callee(tokens, index),
        _ => None,
    }
}

/// The dotted name that ends before `index`; `None` where it is none, or one that says nothing.
fn callee(tokens: &[Token<'_>], index: usize) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    let mut at = index;
    loop {
        at = at.checked_sub(1)?;
        let Some(Token::Word(word)) = tokens.get(at) else {
            return None;
        };
        parts.push(word);
        match at.checked_sub(1).and_then(|dot| tokens.get(dot)) {
            Some(Token::Mark('.') | Token::Operator("::")) => {
                at -= 1;
                let end = at.checked_sub(1)?;
                if matches!(tokens.get(end), Some(Token::Mark(')' | ']'))) {
                    let inherited =
                        end.checked_sub(2).and_then(|start| tokens.get(start)) == Some(&Token::Word("super"));
                    if !inherited {
                        return None;
                    }
                    parts.push("super()");
                    break;
                }
            }
            _ => break,
        }
    }
    parts.reverse();
    let first = parts.first().copied().unwrap_or("");
    let keyword = [
        "if", "while", "for", "return", "and", "or", "not", "in", "elif", "print", "super", "switch", "catch",
        "function", "typeof", "await", "yield", "def", "class", "with", "assert", "raise", "throw", "lambda", "is",
        "else", "case", "del", "except",
    ];
    let dull = [
        "len",
        "str",
        "int",
        "float",
        "bool",
        "list",
        "tuple",
        "dict",
        "set",
        "repr",
        "isinstance",
        "issubclass",
        "type",
        "callable",
        "range",
        "enumerate",
        "zip",
        "iter",
        "sorted",
        "min",
        "max",
        "sum",
        "any",
        "all",
        "id",
        "format",
        "cast",
        "Some",
        "Ok",
        "Err",
        "String",
        "Number",
        "Boolean",
        "append",
        "Symbol",
    ];
    let last = parts.last().copied().unwrap_or("");
    let is_error = last.ends_with("Error") || last.ends_with("Exception") || last.ends_with("Warning");
    if parts.len() == 1 && (keyword.contains(&first) || dull.contains(&first))
        || is_error
        || first.chars().next().is_some_and(char::is_numeric)
    {
        return None;
    }
    Some(parts.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, name: &str) -> Usage {
        usage(&tokens(text), name)
    }

    #[test]
    fn calls_and_stores_are_seen() {
        let seen = of("self.name = name\nreturn os.path.join(root, name)\n", "name");
        assert_eq!(seen.stored.as_deref(), Some("self.name"));
        assert_eq!(seen.passed_to, ["os.path.join"]);
    }

    #[test]
    fn comparisons_loops_and_calls_of_it_are_seen() {
        let seen = of("if kind == 'a':\n  pass\nelif kind in ('b', 'c'):\n  pass\n", "kind");
        assert_eq!(seen.compared, ["'a'", "'b'", "'c'"]);
        assert!(of("for item in items:\n  x(item)\n", "items").iterated);
        assert_eq!(of("fn(a, 1)", "fn").called_with.as_deref(), Some("a, 1"));
        assert!(of("f'{name}!'", "name").formatted);
        assert_eq!(of("g(*args, **kwargs)", "args").unpacked_into.as_deref(), Some("g"));
    }

    #[test]
    fn keyword_labels_attributes_and_comments_are_no_use() {
        assert_eq!(of("f(name=1) # name\nself.name", "name").occurrences, 0);
        assert_eq!(of("'name'", "name").occurrences, 0);
        assert_eq!(of("f(name=name)", "name").passed_to, ["f"]);
    }
}
