//! Conditions of code in words: `x < 0` is "`x` is negative".

use super::words::{article, code, list};

/// What is known of the values of a name, as far as it decides what "not" means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Yes or no.
    Truth,
    /// A number.
    Number,
    /// A text or a collection.
    Sized,
    /// Not known.
    Unknown,
}

/// `condition` as a clause that can follow "if"; what cannot be put into words is quoted: "`cond` holds".
/// `None` where it cannot even be quoted. `kinds` knows the values of names.
pub fn clause(condition: &str, kinds: &dyn Fn(&str) -> Kind) -> Option<String> {
    let flat = condition.split_whitespace().collect::<Vec<_>>().join(" ");
    spoken(&flat, false, 0, kinds)
}

fn spoken(condition: &str, negated: bool, depth: usize, kinds: &dyn Fn(&str) -> Kind) -> Option<String> {
    let condition = unwrapped(condition.trim());
    if condition.is_empty() || depth > 6 {
        return None;
    }
    for (words, joiner, opposite) in [(["or", "||"], "or", "and"), (["and", "&&"], "and", "or")] {
        let parts = cut(condition, &words);
        if parts.len() > 1 {
            // Words have no brackets: a mixture of "and" and "or" is clearer in code.
            let mixed = parts.iter().any(|part| {
                cut(
                    unwrapped(part.trim_start_matches("not ").trim_start_matches('!').trim()),
                    &["or", "||", "and", "&&"],
                )
                .len()
                    > 1
            });
            if mixed || parts.len() > 4 {
                let quoted = code(condition)?;
                return Some(if negated { format!("{quoted} does not hold") } else { format!("{quoted} holds") });
            }
            let spoken: Option<Vec<String>> =
                parts.iter().map(|part| spoken(part, negated, depth + 1, kinds)).collect();
            return Some(spoken?.join(&format!(" {} ", if negated { opposite } else { joiner })));
        }
    }
    if let Some(inner) = condition.strip_prefix("not ") {
        return spoken(inner, !negated, depth + 1, kinds);
    }
    if let Some(inner) = condition.strip_prefix('!').filter(|inner| !inner.starts_with('=')) {
        return spoken(inner, !negated, depth + 1, kinds);
    }
    compared(condition, negated)
        .or_else(|| called(condition, negated))
        .or_else(|| bare(condition, negated, kinds(condition)))
}

/// Without the brackets around the whole.
fn unwrapped(mut text: &str) -> &str {
    while let Some(inner) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        if !balanced(inner) {
            break;
        }
        text = inner.trim();
    }
    text
}

fn balanced(text: &str) -> bool {
    let mut depth = 0i32;
    for (character, quoted) in scan(text) {
        if !quoted {
            depth += i32::from(character == '(') - i32::from(character == ')');
            if depth < 0 {
                return false;
            }
        }
    }
    depth == 0
}

/// Each character with whether it stands in a string.
fn scan(text: &str) -> impl Iterator<Item = (char, bool)> {
    let mut quote: Option<char> = None;
    let mut escaped = false;
    text.chars().map(move |character| {
        let inside = quote.is_some();
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if open == character => quote = None,
            Some(_) => {}
            None if matches!(character, '"' | '\'' | '`') => quote = Some(character),
            None => {}
        }
        (character, inside || quote.is_some())
    })
}

/// The parts between the top-level operators `words`.
fn cut<'a>(text: &'a str, words: &[&str]) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut next_free = 0;
    let mut depth = 0i32;
    let mut offset = 0;
    for (character, quoted) in scan(text) {
        if !quoted && offset >= next_free {
            depth += i32::from(matches!(character, '(' | '[' | '{')) - i32::from(matches!(character, ')' | ']' | '}'));
            let rest = text.get(offset..).unwrap_or("");
            let free = |word: &str| {
                let apart =
                    |edge: Option<char>| !edge.is_some_and(|edge| edge.is_alphanumeric() || edge == '_' || edge == '.');
                !word.chars().all(char::is_alphabetic)
                    || apart(text.get(..offset).and_then(|text| text.chars().last()))
                        && apart(rest.get(word.len()..).and_then(|text| text.chars().next()))
            };
            if depth == 0
                && let Some(word) = words.iter().find(|word| rest.starts_with(**word) && free(word))
            {
                parts.push(text.get(start..offset).unwrap_or("").trim());
                start = offset + word.len();
                next_free = start;
            }
        }
        offset += character.len_utf8();
    }
    parts.push(text.get(start..).unwrap_or("").trim());
    parts
}

/// The two sides of a comparison and its operator; `None` where there is none or more than one.
fn comparison(text: &str) -> Option<(&str, &'static str, &str)> {
    const OPERATORS: [&str; 16] = [
        "!==",
        "===",
        "is not",
        "not in",
        "==",
        "!=",
        "<=",
        ">=",
        "instanceof",
        "=>",
        "<<",
        ">>",
        "is",
        "in",
        "<",
        ">",
    ];
    let mut found = None;
    for operator in OPERATORS {
        let parts = cut(text, &[operator]);
        match parts.as_slice() {
            [_] => continue,
            [left, right] if !left.is_empty() && !right.is_empty() => {
                if cut(left, &OPERATORS).len() == 1 && cut(right, &OPERATORS).len() == 1 {
                    found = Some((*left, operator, *right));
                }
                break;
            }
            _ => break,
        }
    }
    found.filter(|(_, operator, _)| !matches!(*operator, "=>" | "<<" | ">>"))
}

/// Whether an expression is one comparison, so that its value is true or false.
pub fn is_comparison(text: &str) -> bool {
    cut(text, &["or", "||", "and", "&&", "if", "?", "for", ","]).len() == 1
        && comparison(unwrapped(text.trim())).is_some()
}

fn opposite(operator: &'static str) -> &'static str {
    match operator {
        "==" => "!=",
        "!=" => "==",
        "===" => "!==",
        "!==" => "===",
        "is" => "is not",
        "is not" => "is",
        "in" => "not in",
        "not in" => "in",
        "<" => ">=",
        ">=" => "<",
        ">" => "<=",
        "<=" => ">",
        other => other,
    }
}

fn compared(condition: &str, negated: bool) -> Option<String> {
    let (left, operator, right) = comparison(condition)?;
    if operator == "instanceof" {
        return instance(left, right, negated);
    }
    let operator = if negated { opposite(operator) } else { operator };
    if let Some(operand) = left.strip_prefix("typeof ") {
        let kind = right.trim_matches(['\'', '"']);
        let subject = code(operand)?;
        let is = if operator.starts_with('!') { "is not" } else { "is" };
        return Some(if kind == "undefined" {
            format!("{subject} {is} `undefined`")
        } else {
            format!("{subject} {is} {} {kind}", article(kind))
        });
    }
    if let Some(counted) = length_of(left) {
        return counted_clause(counted, operator, right);
    }
    let (mut left, mut operator, mut right) = (left, operator, right);
    let literal = |text: &str| text.parse::<f64>().is_ok() || matches!(text, "None" | "null" | "undefined");
    if literal(left) && !literal(right) {
        operator = match operator {
            "<" => ">",
            ">" => "<",
            "<=" => ">=",
            ">=" => "<=",
            other => other,
        };
        (left, right) = (right, left);
    }
    let subject = operand(left)?;
    Some(match (operator, right) {
        ("<", "0") => format!("{subject} is negative"),
        (">", "0") => format!("{subject} is positive"),
        ("<=", "0") => format!("{subject} is not positive"),
        (">=", "0") => format!("{subject} is not negative"),
        ("==" | "===" | "is", _) => format!("{subject} is {}", operand(right)?),
        ("!=" | "!==" | "is not", _) => format!("{subject} is not {}", operand(right)?),
        ("<", _) => format!("{subject} is less than {}", operand(right)?),
        (">", _) => format!("{subject} is greater than {}", operand(right)?),
        ("<=", _) => format!("{subject} is not greater than {}", operand(right)?),
        (">=", _) => format!("{subject} is not less than {}", operand(right)?),
        ("in", _) => format!("{subject} is {}", membership(right, false)?),
        ("not in", _) => format!("{subject} is {}", membership(right, true)?),
        _ => return None,
    })
}

/// "in `y`", or "one of `'a'` and `'b'`" for a written list.
fn membership(right: &str, negated: bool) -> Option<String> {
    let inner = right.strip_prefix(['(', '[', '{']).and_then(|text| text.strip_suffix([')', ']', '}']));
    let not = if negated { "not " } else { "" };
    if let Some(inner) = inner {
        let items: Vec<&str> = cut(inner, &[","]).into_iter().filter(|item| !item.is_empty()).collect();
        let plain = items.iter().all(|item| !item.contains([' ', ':']) || item.starts_with(['\'', '"']));
        if plain && (1..=6).contains(&items.len()) {
            let quoted: Option<Vec<String>> = items.iter().map(|item| code(item)).collect();
            return Some(format!("{}{}", if negated { "none of " } else { "one of " }, list(&quoted?, "and")));
        }
    }
    Some(format!("{not}in {}", code(right)?))
}

/// What stands in `len(…)` or before `.length`.
fn length_of(text: &str) -> Option<&str> {
    text.strip_prefix("len(")
        .and_then(|text| text.strip_suffix(')'))
        .filter(|inner| balanced(inner))
        .or_else(|| text.strip_suffix(".length"))
        .or_else(|| text.strip_suffix(".len()"))
        .or_else(|| text.strip_suffix(".size"))
        .filter(|inner| !inner.is_empty() && !inner.contains(' '))
}

fn counted_clause(counted: &str, operator: &str, right: &str) -> Option<String> {
    let subject = code(counted)?;
    Some(match (operator, right) {
        ("==" | "===" | "<=", "0") | ("<", "1") => format!("{subject} is empty"),
        ("!=" | "!==" | ">", "0") | (">=", "1") => format!("{subject} is not empty"),
        _ => {
            let words = match operator {
                "==" | "===" => "is",
                "!=" | "!==" => "is not",
                "<" => "is less than",
                ">" => "is greater than",
                "<=" => "is not greater than",
                ">=" => "is not less than",
                _ => return None,
            };
            format!("the length of {subject} {words} {}", operand(right)?)
        }
    })
}

fn operand(text: &str) -> Option<String> {
    if let Some(counted) = length_of(text) {
        return Some(format!("the length of {}", code(counted)?));
    }
    code(text)
}

fn instance(subject: &str, class: &str, negated: bool) -> Option<String> {
    let subject = code(subject)?;
    let classes: Vec<&str> = match class.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        Some(inner) => cut(inner, &[","]).into_iter().filter(|item| !item.is_empty()).collect(),
        None => vec![class],
    };
    let quoted: Option<Vec<String>> = classes.iter().map(|class| code(class)).collect();
    let quoted = quoted?;
    let first = quoted.first()?;
    let not = if negated { "not " } else { "" };
    Some(format!("{subject} is {not}{} {}", article(first), list(&quoted, "or")))
}

/// Calls whose meaning is known.
fn called(condition: &str, negated: bool) -> Option<String> {
    let open = condition.find('(')?;
    let inner = condition.get(open + 1..)?.strip_suffix(')').filter(|inner| balanced(inner))?;
    let name = condition.get(..open)?;
    let arguments: Vec<&str> = cut(inner, &[","]).into_iter().filter(|item| !item.is_empty()).collect();
    let not = if negated { "not " } else { "" };
    let does = |positive: &str, negative: &str| if negated { negative.to_owned() } else { positive.to_owned() };
    match (name, arguments.as_slice()) {
        ("isinstance", [subject, class]) => return instance(subject, class, negated),
        ("issubclass", [subject, class]) => {
            return Some(format!("{} is {not}a subclass of {}", code(subject)?, code(class)?));
        }
        ("callable", [subject]) => return Some(format!("{} is {not}callable", code(subject)?)),
        ("hasattr", [subject, attribute]) => {
            return Some(format!(
                "{} {} the attribute {}",
                code(subject)?,
                does("has", "does not have"),
                code(attribute)?
            ));
        }
        ("any" | "all", [one]) if one.contains(" for ") => return bare(condition, negated, Kind::Truth),
        ("os.path.exists" | "os.path.isfile" | "os.path.isdir" | "path.exists" | "fs.existsSync", [subject]) => {
            return Some(match name {
                "os.path.isfile" => format!("{} is {not}a file", code(subject)?),
                "os.path.isdir" => format!("{} is {not}a directory", code(subject)?),
                _ => format!("{} {}", code(subject)?, does("exists", "does not exist")),
            });
        }
        ("Array.isArray", [subject]) => return Some(format!("{} is {not}an array", code(subject)?)),
        ("Number.isInteger", [subject]) => return Some(format!("{} is {not}an integer", code(subject)?)),
        ("isNaN" | "Number.isNaN" | "math.isnan" | "np.isnan", [subject]) => {
            return Some(format!("{} is {not}a NaN", code(subject)?));
        }
        _ => {}
    }
    let (subject, method) = name.rsplit_once('.')?;
    let simple = subject.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '.' | '$'));
    if !simple {
        return None;
    }
    match (method, arguments.as_slice()) {
        ("startswith" | "startsWith" | "starts_with", [what]) => {
            Some(format!("{} {} with {}", code(subject)?, does("starts", "does not start"), code(what)?))
        }
        ("endswith" | "endsWith" | "ends_with", [what]) => {
            Some(format!("{} {} with {}", code(subject)?, does("ends", "does not end"), code(what)?))
        }
        ("exists", []) => Some(format!("{} {}", code(subject)?, does("exists", "does not exist"))),
        ("is_file", []) => Some(format!("{} is {not}a file", code(subject)?)),
        ("is_dir", []) => Some(format!("{} is {not}a directory", code(subject)?)),
        ("is_empty" | "isEmpty", []) => Some(format!("{} is {not}empty", code(subject)?)),
        ("is_none", []) => Some(format!("{} is {not}`None`", code(subject)?)),
        ("has" | "includes" | "contains" | "hasOwnProperty" | "contains_key", [what]) => {
            Some(format!("{} {} {}", code(subject)?, does("contains", "does not contain"), code(what)?))
        }
        _ => None,
    }
}

/// A name or any other expression on its own.
fn bare(condition: &str, negated: bool, kind: Kind) -> Option<String> {
    let name = condition.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '.' | '$'));
    let quoted = code(condition)?;
    let last = condition.rsplit('.').next().unwrap_or(condition);
    let truth = ["is_", "has_", "can_", "should_", "allow_", "use_", "enable", "isA", "supports_"]
        .iter()
        .any(|start| last.starts_with(start))
        || (last.starts_with("is") || last.starts_with("has"))
            && last.chars().nth(if last.starts_with("is") { 2 } else { 3 }).is_some_and(char::is_uppercase);
    // Without a known kind only words are true that fit each value that counts as false.
    let words = match (name && !truth, kind, negated) {
        (_, Kind::Truth, true) if name => "is false",
        (_, Kind::Truth, false) if name => "is true",
        (true, Kind::Number, true) => "is zero",
        (true, Kind::Number, false) => "is not zero",
        (true, Kind::Sized, true) => "is empty",
        (true, Kind::Sized, false) => "is not empty",
        (true, _, true) => "is falsy",
        (true, _, false) => "is truthy",
        (false, _, true) => "does not hold",
        (false, _, false) => "holds",
    };
    Some(format!("{quoted} {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(name: &str) -> Kind {
        match name {
            "flag" => Kind::Truth,
            "count" => Kind::Number,
            "rows" => Kind::Sized,
            _ => Kind::Unknown,
        }
    }

    #[test]
    fn common_conditions_are_put_into_words() {
        for (code, words) in [
            ("x < 0", "`x` is negative"),
            ("not x", "`x` is falsy"),
            ("not flag", "`flag` is false"),
            ("count and not flag", "`count` is not zero and `flag` is false"),
            ("not rows", "`rows` is empty"),
            ("x is None", "`x` is `None`"),
            ("x === null", "`x` is `null`"),
            ("not isinstance(x, str)", "`x` is not a `str`"),
            ("not isinstance(x, (int, float))", "`x` is not an `int` or `float`"),
            ("x not in names", "`x` is not in `names`"),
            ("mode not in ('r', 'w')", "`mode` is none of `'r'` and `'w'`"),
            ("len(x) == 0", "`x` is empty"),
            ("items.length === 0", "`items` is empty"),
            ("len(a) != len(b)", "the length of `a` is not the length of `b`"),
            ("x > y", "`x` is greater than `y`"),
            ("x is None or y < 0", "`x` is `None` or `y` is negative"),
            ("not (a is None and b > 1)", "`a` is not `None` or `b` is not greater than `1`"),
            ("!x", "`x` is falsy"),
            ("typeof x !== 'string'", "`x` is not a string"),
            ("!(x instanceof Foo)", "`x` is not a `Foo`"),
            ("not os.path.exists(p)", "`p` does not exist"),
            ("0 < x < 1", "`0 < x < 1` holds"),
            ("f(x, y)", "`f(x, y)` holds"),
            ("'or' in words", "`'or'` is in `words`"),
            ("0 > x", "`x` is negative"),
        ] {
            assert_eq!(clause(code, &kinds).as_deref(), Some(words), "{code}");
        }
    }

    #[test]
    fn what_cannot_be_quoted_is_not_said() {
        assert_eq!(clause("x == '\\n'", &kinds), None);
        assert_eq!(clause("", &kinds), None);
        assert_eq!(clause(&"x".repeat(200), &kinds), None);
    }
}
