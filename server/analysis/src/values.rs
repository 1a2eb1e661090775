//! Default values as documentation and code write them: whether two spellings mean the same.

/// Whether a documented and a coded value agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// The same value.
    Same,
    /// Two values that can be compared and differ.
    Different,
    /// One of them is no plain value: nothing can be said.
    Unknown,
}

#[derive(Debug, PartialEq)]
enum Value<'a> {
    Number(f64),
    Text(&'a str),
    Nothing,
    Truth(bool),
    /// A name, its last part: `Color.RED`, `np.inf`.
    Name(&'a str),
    /// A bracketed literal of plain values without white space.
    Collection(String),
}

/// Compares a documented default with one in code.
pub fn agree(documented: &str, coded: &str) -> Agreement {
    let (documented, coded) = (tidy(documented), tidy(coded));
    if documented == coded {
        return Agreement::Same;
    }
    // Marks that say that nothing was given, not what is used then.
    if matches!(coded.trim_matches(['"', '\'']), "deprecated" | "warn") {
        return Agreement::Unknown;
    }
    let (Some(said), Some(meant)) = (read(documented), read(coded)) else { return Agreement::Unknown };
    compare(&said, &meant)
}

fn compare(said: &Value<'_>, meant: &Value<'_>) -> Agreement {
    let verdict = |same: bool| if same { Agreement::Same } else { Agreement::Different };
    match (said, meant) {
        (Value::Number(said), Value::Number(meant)) => {
            verdict((said - meant).abs() <= f64::EPSILON * said.abs().max(meant.abs()))
        }
        // A string that is documented without its quotes.
        (Value::Text(said) | Value::Name(said), Value::Text(meant)) => verdict(said == meant),
        (Value::Text(said), Value::Name(meant)) if said == meant => Agreement::Same,
        (Value::Name(said), Value::Name(meant)) if said == meant => Agreement::Same,
        (Value::Name(_), _) | (_, Value::Name(_)) => Agreement::Unknown,
        // `None` in code often stands for a value that the body fills in, which the documentation rightly names.
        (said, Value::Nothing) => {
            if *said == Value::Nothing {
                Agreement::Same
            } else {
                Agreement::Unknown
            }
        }
        (Value::Collection(said), Value::Collection(meant)) => {
            let bare = |text: &str| text.trim_matches(['(', ')', '[', ']', '{', '}', ',']).replace(['"', '\''], "");
            if said == meant || bare(said) == bare(meant) { Agreement::Same } else { Agreement::Different }
        }
        (Value::Collection(_), _) | (_, Value::Collection(_)) => Agreement::Unknown,
        (Value::Truth(said), Value::Number(meant)) | (Value::Number(meant), Value::Truth(said))
            if *meant == f64::from(u8::from(*said)) =>
        {
            Agreement::Same
        }
        // "''" said of an empty text, "0" said of a text that reads as that number.
        (Value::Number(_), Value::Text(meant))
            if read(meant).is_some_and(|meant| compare(said, &meant) == Agreement::Same) =>
        {
            Agreement::Same
        }
        (said, meant) => verdict(said == meant),
    }
}

/// The value in the spelling of the other side's language: `None` for one that a reader of Python expects, quotes of the code, …
pub fn respell(coded: &str, documented: &str) -> String {
    let quote_of = |text: &str| text.chars().next().filter(|quote| matches!(quote, '"' | '\''));
    match (quote_of(documented), quote_of(coded)) {
        (None, Some(quote)) if is_simple_text(coded) => coded.trim_matches(quote).to_owned(),
        (Some(said), Some(meant)) if said != meant && is_simple_text(coded) => {
            format!("{said}{}{said}", coded.trim_matches(meant))
        }
        _ => coded.to_owned(),
    }
}

fn is_simple_text(coded: &str) -> bool {
    let inner = coded.get(1..coded.len().saturating_sub(1)).unwrap_or("");
    !inner.is_empty() && !inner.contains(['"', '\'', '\\', '`', ' ', ','])
}

/// Whether a default in code is a plain value that documentation can state.
pub fn is_literal(text: &str) -> bool {
    !matches!(read(tidy(text)), None | Some(Value::Name(_)))
}

fn tidy(text: &str) -> &str {
    let text = text.trim().trim_matches('`').trim();
    let text = text
        .strip_suffix('.')
        .filter(|rest| !rest.is_empty() && !rest.ends_with(|last: char| last.is_ascii_digit()))
        .unwrap_or(text);
    text.trim_matches('`').trim()
}

fn read(text: &str) -> Option<Value<'_>> {
    let text = text.trim();
    match text {
        "None" | "null" | "undefined" | "nil" | "none" => return Some(Value::Nothing),
        "True" | "true" | "TRUE" => return Some(Value::Truth(true)),
        "False" | "false" | "FALSE" => return Some(Value::Truth(false)),
        _ => {}
    }
    let unprefixed =
        text.strip_prefix(['r', 'b', 'u', 'f']).filter(|rest| rest.starts_with(['"', '\''])).unwrap_or(text);
    for quote in ['"', '\'', '`'] {
        let inner = unprefixed.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner.filter(|inner| !inner.contains(quote)) {
            return Some(Value::Text(inner));
        }
    }
    if let Some(number) = number(text) {
        return Some(Value::Number(number));
    }
    if text.starts_with(['(', '[', '{']) && text.ends_with([')', ']', '}']) {
        let is_plain =
            text.chars().all(|character| character.is_alphanumeric() || " ()[]{},.:'\"_-+".contains(character));
        return is_plain
            .then(|| Value::Collection(text.chars().filter(|character| !character.is_whitespace()).collect()));
    }
    let is_name = |part: &str| crate::names::is_identifier(part);
    if text.split('.').all(is_name) {
        return text.rsplit('.').next().map(Value::Name);
    }
    // Words such as `no-cache` that stand for a string.
    let is_word =
        !text.is_empty() && text.chars().all(|character| character.is_alphanumeric() || "-_/:".contains(character));
    is_word.then_some(Value::Name(text))
}

fn number(text: &str) -> Option<f64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest.trim_start()),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    let plain: String = digits.chars().filter(|character| *character != '_').collect();
    let lower = plain.to_ascii_lowercase();
    for (prefix, base) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(rest) = lower.strip_prefix(prefix) {
            return i64::from_str_radix(rest, base).ok().map(|number| sign * number as f64);
        }
    }
    let bare = lower.strip_suffix('n').unwrap_or(&lower);
    bare.parse::<f64>().ok().map(|number| sign * number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_value_agree() {
        for (said, meant) in [
            ("0.001", "1e-3"),
            ("1_000", "1000"),
            ("1.", "1.0"),
            ("``None``", "None"),
            ("null", "undefined"),
            ("true", "True"),
            ("localhost", "'localhost'"),
            ("\"linear\"", "'linear'"),
            ("RED", "Color.RED"),
            ("enums.Color.RED", "Color.RED"),
            ("(25, 75)", "(25,75)"),
            ("[]", "()"),
            ("'utf-8'.", "\"utf-8\""),
            ("0x10", "16"),
            ("0", "False"),
        ] {
            assert_eq!(agree(said, meant), Agreement::Same, "{said} {meant}");
        }
    }

    #[test]
    fn two_values_that_differ_are_seen() {
        for (said, meant) in [
            ("1", "8"),
            ("True", "False"),
            ("'x'", "'changed'"),
            ("None", "5"),
            ("localhost", "'changed'"),
            ("0.3", "7.3"),
            ("(1, 2)", "(1, 3)"),
        ] {
            assert_eq!(agree(said, meant), Agreement::Different, "{said} {meant}");
        }
    }

    #[test]
    fn what_is_no_plain_value_is_left_alone() {
        for (said, meant) in [
            ("5", "None"),
            ("the current time", "5"),
            ("inf", "5"),
            ("5", "DEFAULT"),
            ("sys.maxsize", "9"),
            ("empty", "[]"),
            ("30 seconds", "30000"),
            ("100", "\"deprecated\""),
        ] {
            assert_eq!(agree(said, meant), Agreement::Unknown, "{said} {meant}");
        }
    }

    #[test]
    fn a_new_value_is_written_as_the_old_one_was() {
        assert_eq!(respell("'changed'", "\"linear\""), "\"changed\"");
        assert_eq!(respell("'changed'", "linear"), "changed");
        assert_eq!(respell("8", "1"), "8");
        assert_eq!(respell("'two words'", "linear"), "'two words'");
    }
}
