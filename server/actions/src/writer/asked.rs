//! Names that ask or claim something, as a clause about the owner or the arguments: `is_valid`, `assert_ends_with`.

use super::naming::PREPOSITIONS;
use super::subject::Subject;
use super::summary::meaningful;
use super::verbs;
use super::words::{article, code, list, phrase, split, the};

const ASKING: [&str; 14] = [
    "is", "has", "can", "should", "are", "was", "does", "must", "will", "needs", "supports", "contains", "exists",
    "have",
];

/// For a function that answers yes or no: what is asked, as a clause that can follow "whether" and "if".
pub fn whether_clause(subject: &Subject<'_>) -> Option<String> {
    let words = meaningful(&subject.symbol.name);
    let asking = words.first().is_some_and(|word| ASKING.contains(&word.as_str()))
        || words.iter().skip(1).any(|word| word == "is" || word == "are" || word == "has" || word == "have");
    let untyped = subject.symbol.return_type.as_ref().is_none_or(|declared| {
        let text = &declared.text;
        ["bool", " is ", "TypeGuard", "TypeIs"].iter().any(|part| text.contains(part))
    });
    // A stub that asks by its name leaves the answer to others, but the question is the same.
    let answers = subject.returns_value()
        || matches!(words.first().map(String::as_str), Some("is" | "has" | "are"))
            && (subject.flags().is_stub || subject.symbol.facts.as_ref().is_some_and(|facts| !facts.throws.is_empty()));
    if (subject.returns_bool() || asking && untyped && answers && !is_modal(&words))
        && let Some(clause) = asked(subject, &words)
    {
        return Some(clause);
    }
    const PREDICATES: [&str; 16] = [
        "equal",
        "equals",
        "empty",
        "equiv",
        "valid",
        "close",
        "exists",
        "contains",
        "has",
        "includes",
        "matches",
        "startswith",
        "endswith",
        "subset",
        "superset",
        "identical",
    ];
    if subject.returns_bool() && words.last().is_some_and(|word| PREDICATES.contains(&word.as_str())) {
        let names: Vec<String> = subject.required().iter().take(2).filter_map(|param| code(&param.name)).collect();
        let word = words.last().map_or("", String::as_str);
        let subject_phrase = subject.owner_phrase();
        return Some(match (subject_phrase, names.as_slice(), word) {
            (None, [_, _], "equal" | "equals" | "equiv" | "identical" | "close") => {
                format!("{} are {}", list(&names, "and"), if word == "equals" { "equal" } else { word })
            }
            (Some(owner), [other], "equals" | "equal") => format!("{owner} is equal to {other}"),
            (Some(owner), [other], "contains" | "matches" | "has" | "includes") => format!("{owner} {word} {other}"),
            (Some(owner), [], "exists") => format!("{owner} exists"),
            (Some(owner), [], "empty" | "valid") => format!("{owner} is {word}"),
            _ => return None,
        });
    }
    None
}

/// `must_parse` and its like ask nothing unless the answer is seen to be yes or no.
fn is_modal(words: &[String]) -> bool {
    matches!(words.first().map(String::as_str), Some("must" | "should" | "can" | "will"))
}

/// `is_x`, `has_x`, `x_is_y` as a clause about the owner or the first parameter.
pub(super) fn asked(subject: &Subject<'_>, words: &[String]) -> Option<String> {
    let at = words.iter().position(|word| ASKING.contains(&word.as_str()))?;
    let question = words.get(at)?.as_str();
    let rest = words.get(at + 1..).unwrap_or(&[]);
    if rest.is_empty() && !matches!(question, "exists") {
        return None;
    }
    let required = subject.required();
    let mut params = required.iter();
    let (asked_of, rest): (String, &[String]) = if at > 0 {
        (the(&phrase(words.get(..at).unwrap_or(&[]))), rest)
    } else if let Some(owner) = subject.owner_phrase().filter(|_| subject.has_instance()) {
        (owner, rest)
    } else if question == "is" && rest.len() > 1 && rest.last().is_some_and(|word| describes(word)) {
        (the(&phrase(rest.get(..rest.len() - 1).unwrap_or(&[]))), rest.get(rest.len() - 1..).unwrap_or(&[]))
    } else if let Some(name) = params.next().and_then(|param| code(&param.name)) {
        (name, rest)
    } else {
        ("the program".to_owned(), rest)
    };
    let first = rest.first().map_or("", String::as_str);
    // `is_takes_value_set` asks for a setting, whose name is a clause of its own.
    if let ("is", [setting @ .., "set"]) = (question, rest.iter().map(String::as_str).collect::<Vec<_>>().as_slice())
        && !setting.is_empty()
        && at == 0
    {
        let setting: Vec<String> = setting.iter().map(|word| (*word).to_owned()).collect();
        let kind = if setting.iter().any(|word| verbs_in_third(word)) { " setting" } else { "" };
        return Some(format!("the {}{kind} of {asked_of} is set", phrase(&setting)));
    }
    let text = phrase(rest);
    let is_thing = matches!(question, "is" | "was") && is_noun(rest);
    let has_thing = matches!(question, "has" | "have" | "needs" | "contains" | "supports")
        && !describes(first)
        && !text.ends_with('s')
        && !PREPOSITIONS.contains(&first)
        && first != "no";
    let text = if is_thing || has_thing { format!("{} {text}", article(&text)) } else { text };
    let given: Vec<String> = params
        .filter(|param| !asked_of.contains(&format!("`{}`", param.name)))
        .take(2)
        .filter_map(|param| code(&param.name))
        .collect();
    let last = rest.last().map_or("", String::as_str);
    let end = match given.as_slice() {
        [] => String::new(),
        [one] if PREPOSITIONS.contains(&last) => format!(" {one}"),
        some => format!(", given {}", list(some, "and")),
    };
    Some(format!("{asked_of} {question} {text}{end}").trim_end().to_owned())
}

/// Words that describe: participles and adjectives.
fn describes(word: &str) -> bool {
    const PLAIN: [&str; 34] = [
        "valid",
        "empty",
        "ready",
        "open",
        "equal",
        "true",
        "false",
        "active",
        "alive",
        "null",
        "none",
        "done",
        "free",
        "full",
        "safe",
        "dirty",
        "clean",
        "visible",
        "public",
        "private",
        "present",
        "absent",
        "available",
        "current",
        "correct",
        "same",
        "stale",
        "fresh",
        "online",
        "offline",
        "local",
        "remote",
        "idle",
        "busy",
    ];
    PLAIN.contains(&word)
        || word.len() > 4
            && ["ed", "able", "ible", "ing", "ive", "ful", "ous", "ent", "ant", "less"]
                .iter()
                .any(|end| word.ends_with(end))
}

/// Whether "is" needs an article before these words.
fn is_noun(words: &[String]) -> bool {
    const NOUNS: [&str; 48] = [
        "mount",
        "symlink",
        "socket",
        "junction",
        "device",
        "pipe",
        "tty",
        "package",
        "file",
        "dir",
        "directory",
        "function",
        "string",
        "number",
        "list",
        "dict",
        "array",
        "object",
        "class",
        "module",
        "url",
        "path",
        "name",
        "key",
        "member",
        "instance",
        "leaf",
        "node",
        "root",
        "subset",
        "superset",
        "type",
        "method",
        "generator",
        "iterator",
        "integer",
        "int",
        "float",
        "bool",
        "tuple",
        "letter",
        "digit",
        "keyword",
        "link",
        "error",
        "test",
        "prefix",
        "suffix",
    ];
    const ENDINGS: [&str; 9] = ["ison", "tion", "sion", "ment", "ity", "ence", "ance", "ness", "ism"];
    words.last().is_some_and(|word| NOUNS.contains(&word.as_str()) || ENDINGS.iter().any(|end| word.ends_with(end)))
        && words.first().is_none_or(|word| !matches!(word.as_str(), "in" | "not" | "a" | "an" | "the" | "on" | "of"))
}

/// What a check claims: `assert_ends_with(text, end)` that "`text` ends with `end`".
pub(super) fn claim(subject: &Subject<'_>, rest: &[String]) -> Option<String> {
    let required = subject.required();
    let name = |at: usize| required.get(at).and_then(|param| code(&param.name));
    let first = rest.first()?.as_str();
    let last = rest.last()?.as_str();
    let actor = name(0)?;
    if matches!(last, "equal" | "equals" | "identical" | "close") {
        return Some(format!("{actor} and {} are {}", name(1)?, if last == "equals" { "equal" } else { last }));
    }
    let (predicate, rest) = match (first, rest) {
        ("not", [_, is, rest @ ..]) if matches!(is.as_str(), "is" | "has" | "in") => (format!("{is} not"), rest),
        ("is" | "has" | "can", [_, rest @ ..]) => (first.to_owned(), rest),
        ("in", [_, rest @ ..]) => ("is in".to_owned(), rest),
        (word, [_, rest @ ..]) if word.ends_with('s') && verbs_in_third(word) => (word.to_owned(), rest),
        _ => return None,
    };
    let second = required.get(1).filter(|_| !matches!(first, "is" | "has") || !rest.is_empty());
    let named: Vec<String> =
        rest.iter().filter(|word| !second.is_some_and(|param| split(&param.name).contains(word))).cloned().collect();
    let words = phrase(&named);
    let end = second.and_then(|param| code(&param.name)).map(|name| format!(" {name}")).unwrap_or_default();
    let words = if words.is_empty() { words } else { format!(" {words}") };
    Some(format!("{actor} {predicate}{words}{end}"))
}

fn verbs_in_third(word: &str) -> bool {
    word.strip_suffix('s').is_some_and(|stem| {
        verbs::verb(stem).is_some()
            || matches!(
                stem,
                "contain"
                    | "take"
                    | "need"
                    | "want"
                    | "end"
                    | "start"
                    | "match"
                    | "equal"
                    | "exist"
                    | "hold"
                    | "belong"
            )
    })
}
