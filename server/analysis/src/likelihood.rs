//! Decides whether a documented name is believable as the earlier name of a parameter, so that a machine may write the new one over it.
//!
//! It must rather say no than put an unrelated name over words that a person wrote.

use crate::names::{similarity, words};
use crate::prose::has_word;
use crate::types;
use crate::values;
use syntax::docstring::Entry;
use syntax::model::Param;

/// Whether two names speak for themselves: near in spelling, with a word in common, one the other's beginning, end or abbreviation.
pub fn are_alike(old: &str, new: &str) -> bool {
    if similarity(old, new) >= 0.6 {
        return true;
    }
    let (old_words, new_words) = (words(old), words(new));
    if old_words.iter().any(|word| new_words.contains(word)) {
        return true;
    }
    let (old, new) = (old_words.concat(), new_words.concat());
    let (short, long, long_words) =
        if old.chars().count() <= new.chars().count() { (&old, &new, &new_words) } else { (&new, &old, &old_words) };
    let length = short.chars().count();
    let is_part = length >= 3 && (long.starts_with(short.as_str()) || long.ends_with(short.as_str()));
    let initials: String = long_words.iter().filter_map(|word| word.chars().next()).collect();
    is_part || (length >= 2 && initials == *short) || (length >= 2 && abbreviates(short, long))
}

/// The consonants of `long`, in order and from its first letter on: `cfg` of `config`, `msg` of `message`.
fn abbreviates(short: &str, long: &str) -> bool {
    let mut letters = long.chars();
    short.chars().next() == long.chars().next()
        && !short.chars().skip(1).any(|letter| "aeiou".contains(letter))
        && short.chars().all(|letter| letters.any(|other| other == letter))
}

/// Whether what is said of a name cannot be meant of the parameter that stands in its place.
pub fn contradicts(name: &str, entry: &Entry, param: &Param) -> bool {
    let said = entry.type_text.as_ref().map(|said| said.text.as_str());
    let declared = param.type_text.as_ref().map(|declared| declared.text.as_str());
    let default = param.default.as_ref().map(|default| default.text.trim());
    (names_itself(name, &entry.description) && are_of_other_kinds(name, &param.name))
        || said.zip(declared).is_some_and(|(said, declared)| differ(said, declared))
        || said.zip(default).is_some_and(|(said, default)| excludes(said, default))
        || (entry.optional && !param.optional && default.is_none())
        || is_no_flag(entry, declared, default)
        || entry
            .default
            .as_ref()
            .zip(default)
            .is_some_and(|(said, coded)| values::agree(&said.value, coded) == values::Agreement::Different)
}

/// Whether a name is said to hold something with parts of its own, while the parameter shows no type and no default that would bear it out.
pub fn is_of_unseen_kind(entry: &Entry, param: &Param) -> bool {
    const THINGS: [&str; 12] = [
        "object",
        "instance",
        "function",
        "callable",
        "callback",
        "list",
        "dict",
        "dictionary",
        "array",
        "mapping",
        "class",
        "iterable",
    ];
    if param.type_text.is_some() || param.default.is_some() {
        return false;
    }
    let is_plain = |kind: &Kind| !matches!(kind, Kind::Many | Kind::Table);
    match &entry.type_text {
        Some(said) => !kinds_of(&said.text).iter().any(is_plain),
        None => {
            let description = entry.description.to_lowercase();
            THINGS.iter().any(|thing| has_word(&description, thing))
        }
    }
}

/// "colour: The colour of the walls." speaks of a colour, whatever else the parameter is called.
fn names_itself(name: &str, description: &str) -> bool {
    let description = description.to_lowercase();
    let is_telling =
        |word: &String| !matches!(word.as_str(), "a" | "i" | "an" | "the" | "is" | "to" | "of" | "in" | "on");
    let is_said = |word: &String| has_word(&description, word) || has_word(&description, &format!("{word}s"));
    words(name).iter().filter(|word| is_telling(word)).any(is_said)
}

/// Names that say by their last word what kind of value they hold, and say it differently: a `path` did not become a `timeout`.
fn are_of_other_kinds(old: &str, new: &str) -> bool {
    const NUMBERS: [&str; 20] = [
        "timeout", "seconds", "count", "number", "size", "length", "width", "height", "depth", "index", "limit",
        "port", "age", "seed", "rate", "ratio", "factor", "weight", "duration", "offset",
    ];
    const TEXTS: [&str; 15] = [
        "path",
        "filename",
        "file",
        "url",
        "uri",
        "name",
        "text",
        "message",
        "title",
        "prefix",
        "suffix",
        "pattern",
        "encoding",
        "directory",
        "host",
    ];
    const SWITCHES: [&str; 9] =
        ["verbose", "force", "enabled", "disabled", "quiet", "strict", "recursive", "debug", "overwrite"];
    let kind_of = |name: &str| {
        let word = words(name).pop()?;
        [&NUMBERS[..], &TEXTS, &SWITCHES].iter().position(|kind| kind.contains(&word.as_str()))
    };
    kind_of(old).zip(kind_of(new)).is_some_and(|(old, new)| old != new)
}

fn differ(said: &str, declared: &str) -> bool {
    let (of_said, of_declared) = (kinds_of(said), kinds_of(declared));
    let is_plain = !of_said.is_empty() && !of_declared.is_empty();
    types::compare(said, declared) == types::Comparison::Different
        || (is_plain && !of_said.iter().any(|kind| *kind != Kind::Nothing && of_declared.contains(kind)))
}

/// Whether a documented type rules a default out; one that does not speak of nothing rules `None` out.
fn excludes(said: &str, default: &str) -> bool {
    let said = kinds_of(said);
    let Some(kind) = kind_of_value(default).filter(|_| !said.is_empty()) else { return false };
    let fits = said.contains(&kind) || (kind == Kind::Whole && said.contains(&Kind::Fraction));
    !fits
}

/// A switch is told of as one: "Whether …", "If true, …".
fn is_no_flag(entry: &Entry, declared: Option<&str>, default: Option<&str>) -> bool {
    const WORDS: [&str; 22] = [
        "whether", "if", "true", "false", "flag", "enable", "enables", "disable", "disables", "when", "should",
        "switch", "turn", "turns", "boolean", "bool", "do", "not", "allow", "force", "skip", "toggle",
    ];
    let is_flag = default.is_some_and(|default| kind_of_value(default) == Some(Kind::Truth))
        || declared.is_some_and(|declared| kinds_of(declared) == [Kind::Truth]);
    let description = entry.description.to_lowercase();
    is_flag && entry.type_text.is_none() && !WORDS.iter().any(|word| has_word(&description, word))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Truth,
    Whole,
    Fraction,
    Text,
    Many,
    Table,
    Nothing,
}

/// The plain kinds of value that a type, in prose too, speaks of; empty where it speaks of others as well.
fn kinds_of(text: &str) -> Vec<Kind> {
    let mut kinds = Vec::new();
    let head = |part: &str| part.split(['[', '<', '{', '(']).next().unwrap_or("").trim().to_lowercase();
    let text = text.replace(" or ", "|").replace(", optional", "");
    for part in text.trim_matches(['`', '"', '\'', '?', '!', '=']).split('|') {
        let found = match head(part).as_str() {
            "bool" | "boolean" => &[Kind::Truth][..],
            "int" | "integer" | "bigint" => &[Kind::Whole],
            "float" | "double" => &[Kind::Fraction],
            "number" => &[Kind::Whole, Kind::Fraction],
            "str" | "string" | "bytes" => &[Kind::Text],
            "list" | "tuple" | "array" | "set" | "frozenset" => &[Kind::Many],
            "dict" | "dictionary" | "map" | "record" => &[Kind::Table],
            "none" | "null" | "undefined" => &[Kind::Nothing],
            _ if part.trim().ends_with("[]") => &[Kind::Many],
            _ => return Vec::new(),
        };
        kinds.extend_from_slice(found);
    }
    kinds
}

fn kind_of_value(value: &str) -> Option<Kind> {
    let first = value.chars().next()?;
    match value {
        "True" | "False" | "true" | "false" => Some(Kind::Truth),
        "None" | "null" | "undefined" => Some(Kind::Nothing),
        _ if first == '"' || first == '\'' => Some(Kind::Text),
        _ if first == '[' || first == '(' => Some(Kind::Many),
        _ if first == '{' => Some(Kind::Table),
        _ if value.parse::<i64>().is_ok() => Some(Kind::Whole),
        _ if first.is_ascii_digit() || first == '-' => value.parse::<f64>().is_ok().then_some(Kind::Fraction),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likeness_is_of_words_spelling_and_abbreviation() {
        for (old, new) in [
            ("x", "x_value"),
            ("request", "requestValue"),
            ("cfg", "config"),
            ("message", "msg"),
            ("maxSize", "max_size"),
            ("colour", "color"),
            ("name", "filename"),
            ("ts", "time_stamp"),
            ("user_id", "account_user_key"),
        ] {
            assert!(are_alike(old, new), "{old} {new}");
        }
        for (old, new) in
            [("colour", "verbose"), ("gone_param", "seed"), ("x", "a"), ("path", "timeout"), ("on", "index")]
        {
            assert!(!are_alike(old, new), "{old} {new}");
        }
    }

    #[test]
    fn a_documented_type_rules_out_a_default_of_another() {
        for (said, default) in
            [("bool", "None"), ("str", "False"), ("int, optional", "None"), ("int", "1.5"), ("list of str", "3")]
        {
            let is_prose = said.contains(" of ");
            assert_eq!(excludes(said, default), !is_prose, "{said} {default}");
        }
        for (said, default) in
            [("int or None", "None"), ("float", "1"), ("array_like", "0"), ("string", "'a'"), ("int", "LIMIT")]
        {
            assert!(!excludes(said, default), "{said} {default}");
        }
    }
}
