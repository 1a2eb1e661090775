//! The first sentence on a function: from the verb and the object of its name, and from its facts.

use super::Person;
use super::added::enriched;
use super::asked::{asked, whether_clause};
use super::naming::named;
use super::special::special;
use super::subject::{Subject, Tongue, is_bool};
use super::verbs;
use super::words::{capital, code, list, phrase, split, the};
use syntax::model::SymbolKind;

/// The first sentence, full stop included.
pub fn summary(subject: &Subject<'_>) -> String {
    let said = match special(subject) {
        Some(text) => {
            let (first, rest) = text.split_once(' ').unwrap_or((&text, ""));
            let third = subject.person == Person::Third || subject.tongue == Tongue::Go;
            let rest = if third { rest.replacen(" and return ", " and returns ", 1) } else { rest.to_owned() };
            verb(first, rest)
        }
        None => enriched(subject, said(subject)),
    };
    match subject.tongue {
        // The name that a godoc sentence begins with keeps its letters.
        Tongue::Go => format!("{}.", godoc(subject, &said)),
        _ => format!("{}.", capital(&with_person(&said, subject.person))),
    }
}

/// The sentence in the person of the file; the first word is a verb in its base form.
fn with_person(said: &Said, person: Person) -> String {
    match (said, person) {
        (Said::Noun(text), _) => text.clone(),
        (Said::Verb(verb, rest), Person::Imperative) => joined(&verbs::base(verb), rest),
        (Said::Verb(verb, rest), Person::Third) => joined(&verbs::third(verb), rest),
    }
}

/// "Name does …", as godoc wants it.
fn godoc(subject: &Subject<'_>, said: &Said) -> String {
    let name = &subject.symbol.name;
    match said {
        Said::Noun(text) => format!("{name} is {text}"),
        Said::Verb(verb, rest) => format!("{name} {}", joined(&verbs::third(verb), rest)),
    }
}

pub(super) fn joined(verb: &str, rest: &str) -> String {
    let rest = rest.trim();
    if rest.is_empty() || rest.starts_with([',', ';']) { format!("{verb}{rest}") } else { format!("{verb} {rest}") }
}

/// What is said: a verb and the rest, or a noun phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Verb(String, String),
    Noun(String),
}

pub(super) fn verb(verb: &str, rest: impl Into<String>) -> Said {
    Said::Verb(verb.to_owned(), rest.into())
}

fn said(subject: &Subject<'_>) -> Said {
    let symbol = subject.symbol;
    if symbol.kind == SymbolKind::Constructor {
        return constructor(subject);
    }
    if symbol.flags.is_test || symbol.name.starts_with("test_") {
        return test(subject);
    }
    let words = meaningful(&symbol.name);
    if symbol.flags.is_setter {
        let value = subject
            .symbol
            .params
            .first()
            .and_then(|param| code(&param.name))
            .map(|name| format!(" to {name}"))
            .unwrap_or_default();
        return verb("set", format!("{}{}{value}", the(&phrase(&words)), of_owner(subject)));
    }
    if symbol.flags.is_getter || symbol.kind == SymbolKind::Property {
        return getter(subject, &words);
    }
    if let Some(clause) = whether_clause(subject) {
        return verb("return", format!("whether {clause}"));
    }
    named(subject, &words)
}

/// What a getter's name is, with its owner.
pub fn got(subject: &Subject<'_>) -> String {
    let words = meaningful(&subject.symbol.name);
    format!("{}{}", the(&phrase(&words)), of_owner(subject))
}

/// The words of a name that carry meaning: leading underscores and bookkeeping words taken off.
pub(super) fn meaningful(name: &str) -> Vec<String> {
    let mut words = split(name);
    while words.len() > 1
        && matches!(words.first().map(String::as_str), Some("do" | "async" | "maybe" | "internal" | "impl"))
    {
        words.remove(0);
    }
    while words.len() > 1 && matches!(words.last().map(String::as_str), Some("impl" | "internal" | "async" | "helper"))
    {
        words.pop();
    }
    words
}

fn constructor(subject: &Subject<'_>) -> Said {
    let owner = subject.owner_phrase().unwrap_or_else(|| "the instance".to_owned());
    let names: Vec<String> = subject
        .symbol
        .params
        .iter()
        .filter(|param| !param.name.is_empty() && !is_bool(param))
        .take(3)
        .filter_map(|param| code(&param.name))
        .collect();
    let more = subject.symbol.params.len() > names.len();
    let verb_word =
        if matches!(subject.tongue, Tongue::JavaScript | Tongue::TypeScript) { "create" } else { "initialize" };
    let owner = if verb_word == "create" { subject.an_owner().unwrap_or(owner) } else { owner };
    match (names.is_empty(), more) {
        (true, _) => verb(verb_word, format!("{owner} in its first state")),
        (false, true) => verb(verb_word, format!("{owner} with {} and further settings", names.join(", "))),
        (false, false) => verb(verb_word, format!("{owner} with {}", list(&names, "and"))),
    }
}

fn test(subject: &Subject<'_>) -> Said {
    let mut words = split(&subject.symbol.name);
    if words.first().is_some_and(|word| word == "test") {
        words.remove(0);
    }
    let says = [
        "is", "are", "has", "have", "does", "can", "cannot", "returns", "raises", "fails", "keeps", "works", "yields",
        "throws", "accepts", "rejects", "not", "must", "should", "will",
    ];
    let text = words.iter().map(|word| super::words::prose_word(word)).collect::<Vec<_>>().join(" ");
    if words.iter().any(|word| {
        says.contains(&word.as_str()) || word.ends_with('s') && verbs::verb(word.trim_end_matches('s')).is_some()
    }) {
        return verb("test", format!("that {text}"));
    }
    let calls: Vec<String> = subject
        .symbol
        .facts
        .iter()
        .flat_map(|facts| &facts.calls)
        .filter(|call| !call.contains("assert") && !call.starts_with("self."))
        .take(2)
        .filter_map(|call| code(call))
        .collect();
    match (text.is_empty(), calls.is_empty()) {
        (true, true) => verb("run", "the test"),
        (true, false) => verb("test", list(&calls, "and")),
        (false, true) => verb("test", format!("how {text} behaves")),
        (false, false) => verb("test", format!("{text} by calling {}", list(&calls, "and"))),
    }
}

fn getter(subject: &Subject<'_>, words: &[String]) -> Said {
    if let Some(clause) = asked(subject, words) {
        return Said::Noun(format!("whether {clause}"));
    }
    if subject.returns_bool() {
        return Said::Noun(format!("whether {}", super::entries::whether(words, &subject.symbol.name)));
    }
    let words: &[String] = match words {
        [first, rest @ ..] if !rest.is_empty() && first == "get" => rest,
        other => other,
    };
    Said::Noun(format!("{}{}", the(&phrase(words)), of_owner(subject)))
}

/// " of the `Owner`", for what belongs to one.
pub fn of_owner(subject: &Subject<'_>) -> String {
    subject.owner_phrase().map(|owner| format!(" of {owner}")).unwrap_or_default()
}
