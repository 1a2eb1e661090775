//! The first sentence on a function: from the verb and the object of its name, and from its facts.

use super::Person;
use super::condition::clause;
use super::special::special;
use super::subject::{Subject, Tongue, is_bool};
use super::verbs::{self, VerbClass};
use super::words::{article, capital, code, list, phrase, split, the};
use syntax::model::{Param, SymbolKind};

/// The verb and the object of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The verb as it is said; `None` for a name that is a noun.
    pub verb: Option<&'static str>,
    /// The object without article; empty where the name has none.
    pub words: String,
}

const PREPOSITIONS: [&str; 22] = [
    "from", "to", "by", "with", "for", "in", "on", "at", "of", "as", "into", "via", "through", "against", "without",
    "until", "if", "when", "onto", "between", "after", "before",
];

const ASKING: [&str; 14] = [
    "is", "has", "can", "should", "are", "was", "does", "must", "will", "needs", "supports", "contains", "exists",
    "have",
];

/// The first sentence, full stop included.
pub fn summary(subject: &Subject<'_>) -> String {
    let said = said(subject);
    let said = enriched(subject, said);
    let sentence =
        if subject.tongue == Tongue::Go { godoc(subject, &said) } else { with_person(&said, subject.person) };
    format!("{}.", capital(&sentence))
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

fn joined(verb: &str, rest: &str) -> String {
    if rest.is_empty() || rest.starts_with(',') { format!("{verb}{rest}") } else { format!("{verb} {rest}") }
}

/// What is said: a verb and the rest, or a noun phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Verb(String, String),
    Noun(String),
}

fn verb(verb: &str, rest: impl Into<String>) -> Said {
    Said::Verb(verb.to_owned(), rest.into())
}

fn said(subject: &Subject<'_>) -> Said {
    let symbol = subject.symbol;
    if let Some(text) = special(subject) {
        let (first, rest) = text.split_once(' ').unwrap_or((&text, ""));
        return verb(first, rest);
    }
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
fn meaningful(name: &str) -> Vec<String> {
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
        return Said::Noun(format!("whether {}", super::entries::whether(words)));
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

/// For a function that answers yes or no: what is asked, as a clause that can follow "whether" and "if".
pub fn whether_clause(subject: &Subject<'_>) -> Option<String> {
    let words = meaningful(&subject.symbol.name);
    let asking = words.first().is_some_and(|word| ASKING.contains(&word.as_str()))
        || words.iter().skip(1).any(|word| word == "is" || word == "are" || word == "has" || word == "have");
    if subject.returns_bool() || asking && subject.returns_value() {
        if let Some(clause) = asked(subject, &words) {
            return Some(clause);
        }
    }
    const PREDICATES: [&str; 14] = [
        "equal",
        "equals",
        "empty",
        "equiv",
        "valid",
        "close",
        "exists",
        "contains",
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
            (Some(owner), [other], "contains" | "matches") => format!("{owner} {word} {other}"),
            (Some(owner), [], "exists") => format!("{owner} exists"),
            (Some(owner), [], "empty" | "valid") => format!("{owner} is {word}"),
            _ => return None,
        });
    }
    None
}

/// `is_x`, `has_x`, `x_is_y` as a clause about the owner or the first parameter.
fn asked(subject: &Subject<'_>, words: &[String]) -> Option<String> {
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
    let text = phrase(rest);
    let text = if matches!(question, "is" | "was") && is_noun(rest) {
        format!("{} {text}", article(&text))
    } else if matches!(question, "has" | "have" | "needs" | "contains" | "supports")
        && !describes(first)
        && !text.ends_with('s')
        && !PREPOSITIONS.contains(&first)
        && first != "no"
    {
        format!("{} {text}", article(&text))
    } else {
        text
    };
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
    const NOUNS: [&str; 40] = [
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
    words.last().is_some_and(|word| NOUNS.contains(&word.as_str()))
        && words.first().is_none_or(|word| !matches!(word.as_str(), "in" | "not" | "a" | "an" | "the" | "on" | "of"))
}

/// The verb and the object that the name holds.
pub fn object(subject: &Subject<'_>) -> Option<Object> {
    let words = meaningful(&subject.symbol.name);
    let (first, rest) = words.split_first()?;
    let rest_until: Vec<String> =
        rest.iter().take_while(|word| !PREPOSITIONS.contains(&word.as_str())).cloned().collect();
    match verbs::verb(first).filter(|found| !(found.noun_too && rest.is_empty() && subject.required().is_empty())) {
        Some(found) => Some(Object { verb: Some(found.say), words: phrase(&rest_until) }),
        None => {
            let all: Vec<String> =
                words.iter().take_while(|word| !PREPOSITIONS.contains(&word.as_str())).cloned().collect();
            Some(Object { verb: None, words: phrase(&all) })
        }
    }
}

/// The sentence from the words of the name.
fn named(subject: &Subject<'_>, words: &[String]) -> Said {
    let Some((first, rest)) = words.split_first() else {
        let names: Vec<String> = subject.symbol.params.iter().take(3).filter_map(|param| code(&param.name)).collect();
        let given = if names.is_empty() { String::new() } else { format!(", given {}", list(&names, "and")) };
        return Said::Noun(format!("the default function of this file{given}"));
    };
    let required = subject.required();
    let owner = subject.owner_phrase();
    let first_param = required.first().and_then(|param| code(&param.name));
    match first.as_str() {
        "try" if !rest.is_empty() => {
            return match named(subject, rest) {
                Said::Verb(inner, text) => verb("try", format!("to {}", joined(&verbs::base(&inner), &text))),
                noun => noun,
            };
        }
        "to" | "as" if !rest.is_empty() => {
            let what = first_param.or(owner).unwrap_or_else(|| "the value".to_owned());
            return verb("convert", format!("{what} to {}{}", phrase(rest), tail(subject, VerbClass::Check, words, 1)));
        }
        "from" if !rest.is_empty() => {
            let made = subject.an_owner().unwrap_or_else(|| "a value".to_owned());
            let by = first_param.map(|name| format!(" `{}`", name.trim_matches('`'))).unwrap_or_default();
            return verb("create", format!("{made} from {}{by}", the(&phrase(rest))));
        }
        "with" if !rest.is_empty() => return verb("set", format!("{} and return the result", the(&phrase(rest)))),
        "on" if !rest.is_empty() => return verb("react", format!("to {}", the(&phrase(rest)))),
        "init" | "setup" if rest.is_empty() && owner.is_none() => {}
        _ => {}
    }
    let Some(found) = verbs::verb(first).filter(|found| !(found.noun_too && is_noun_here(subject, rest))) else {
        return noun_named(subject, words);
    };
    if found.class == VerbClass::Check
        && let Some(claim) = claim(subject, rest)
    {
        return verb(found.say, format!("that {claim}"));
    }
    let preposition = rest.iter().position(|word| PREPOSITIONS.contains(&word.as_str()));
    if rest.is_empty() || preposition == Some(0) {
        let what = match (&owner, found.class) {
            (_, VerbClass::Add | VerbClass::Remove | VerbClass::Write | VerbClass::Convert | VerbClass::Check)
                if first_param.is_some() =>
            {
                first_param.clone()
            }
            (Some(owner), _) if first_param.is_none() => Some(owner.clone()),
            _ => first_param.clone().or_else(|| owner.clone()),
        };
        let what = what.unwrap_or_default();
        let used = usize::from(what.starts_with('`'));
        let end = tail(subject, found.class, words, used);
        let path = match rest.split_first() {
            Some((word, noun)) if !noun.is_empty() => {
                let noun = phrase(noun);
                let noun = if matches!(word.as_str(), "to" | "as" | "into") { with_article(&noun) } else { the(&noun) };
                format!(" {word} {noun}")
            }
            Some((word, _)) => format!(" {word}"),
            None => String::new(),
        };
        let end = if rest.len() == 1 {
            end.trim_start_matches([',', ' ']).split_once(' ').map_or(String::new(), |(_, names)| format!(" {names}"))
        } else {
            end
        };
        return verb(found.say, format!("{what}{path}{end}").trim().to_owned());
    }
    let (object_words, path_words) = rest.split_at(preposition.unwrap_or(rest.len()));
    let object = the(&phrase(object_words));
    let end = match path_words.split_first() {
        Some((word, names)) if !names.is_empty() => {
            let matching = required
                .iter()
                .find(|param| names.iter().any(|name| split(&param.name).contains(name)))
                .and_then(|param| code(&param.name));
            match matching {
                Some(name) => format!(" {word} {name}"),
                None => format!(
                    " {word} {}{}",
                    if matches!(word.as_str(), "to" | "as" | "into") { phrase(names) } else { the(&phrase(names)) },
                    Some(tail(subject, found.class, words, 0))
                        .filter(|tail| !tail.starts_with(&format!(" {word} ")))
                        .unwrap_or_default()
                ),
            }
        }
        Some((word, _)) => match required.first().and_then(|param| code(&param.name)) {
            Some(name) => format!(" {word} {name}"),
            None => format!(" {word} it"),
        },
        None => tail(subject, found.class, words, 0),
    };
    verb(found.say, format!("{object}{end}"))
}

/// What a check claims: `assert_ends_with(text, end)` that "`text` ends with `end`".
fn claim(subject: &Subject<'_>, rest: &[String]) -> Option<String> {
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
            || matches!(stem, "contain" | "end" | "start" | "match" | "equal" | "exist" | "hold" | "belong")
    })
}

/// Whether a word that is a verb and a noun is a noun in this name: alone, nothing given, something returned.
fn is_noun_here(subject: &Subject<'_>, rest: &[String]) -> bool {
    rest.is_empty() && subject.required().is_empty() && subject.returns_value()
}

fn with_article(noun: &str) -> String {
    let first_upper = noun.chars().next().is_some_and(char::is_uppercase);
    if first_upper
        || noun.ends_with('s') && !noun.ends_with("ss")
        || matches!(noun, "text" | "bytes" | "string") && noun != "string"
    {
        noun.to_owned()
    } else {
        format!("{} {noun}", article(noun))
    }
}

/// A name that begins with no verb.
fn noun_named(subject: &Subject<'_>, words: &[String]) -> Said {
    if let Some(at) =
        words.iter().position(|word| word == "to" || word == "2").filter(|&at| at > 0 && at + 1 < words.len())
    {
        let (from, to) = words.split_at(at);
        return verb(
            "convert",
            format!(
                "{} to {}{}",
                the(&phrase(from)),
                phrase(to.get(1..).unwrap_or(&[])),
                tail(subject, VerbClass::Check, words, 0)
            ),
        );
    }
    let named = the(&phrase(words));
    if subject.flags().is_generator {
        return verb("yield", format!("{named}{}", tail(subject, VerbClass::Query, words, 0)));
    }
    let of = tail(subject, VerbClass::Check, words, 0);
    if subject.returns_value() || subject.flags().is_stub || subject.flags().is_abstract {
        verb(
            "return",
            format!("{named}{}", if of.is_empty() { of_owner(subject) } else { of.replacen(" for ", " of ", 1) }),
        )
    } else {
        verb("carry_out", format!("{named}{of}"))
    }
}

/// What the verb is given: " from `path`", " for `key`". `skip` parameters have been named already.
fn tail(subject: &Subject<'_>, class: VerbClass, words: &[String], skip: usize) -> String {
    let required = subject.required();
    let params: Vec<&&Param> = required
        .iter()
        .skip(skip)
        .filter(|param| !split(&param.name).iter().all(|word| words.contains(word)))
        .collect();
    if params.is_empty() {
        return match class {
            VerbClass::Add => subject.owner_phrase().map(|owner| format!(" to {owner}")).unwrap_or_default(),
            VerbClass::Remove => subject.owner_phrase().map(|owner| format!(" from {owner}")).unwrap_or_default(),
            _ if skip == 0 && words.len() > 1 => {
                subject.owner_phrase().map(|owner| format!(" of {owner}")).unwrap_or_default()
            }
            _ => String::new(),
        };
    }
    let names: Vec<String> = params.iter().take(3).filter_map(|param| code(&param.name)).collect();
    if names.is_empty() {
        return String::new();
    }
    let first = params.first().map_or("", |param| param.name.as_str());
    let source = is_like(
        first,
        &[
            "path", "file", "filename", "filepath", "fname", "url", "uri", "source", "src", "stream", "fp", "text",
            "string", "content", "contents", "data", "buffer",
        ],
    );
    let target = is_like(
        first,
        &[
            "path",
            "file",
            "filename",
            "filepath",
            "fname",
            "fp",
            "stream",
            "url",
            "dest",
            "destination",
            "target",
            "out",
            "output",
        ],
    );
    let value = params
        .iter()
        .rev()
        .find(|param| is_like(&param.name, &["value", "val", "to", "new"]))
        .and_then(|param| code(&param.name));
    let preposition = match class {
        VerbClass::Read | VerbClass::Query if source => "from",
        VerbClass::Write if target => "to",
        VerbClass::Make | VerbClass::Read => "from",
        VerbClass::Add if skip > 0 => "to",
        VerbClass::Remove if skip > 0 => "from",
        VerbClass::Set => match value {
            Some(value) if params.len() == 1 => return format!(" to {value}"),
            _ if params.len() == 1 && skip == 0 && words.len() > 1 => "with",
            _ => "for",
        },
        VerbClass::Act | VerbClass::Convert if skip > 0 => "with",
        VerbClass::Act => "with",
        _ => "for",
    };
    format!(" {preposition} {}", list(&names, "and"))
}

fn is_like(name: &str, list: &[&str]) -> bool {
    split(name).last().is_some_and(|word| list.contains(&word.as_str()))
}

/// Words of little weight.
const LIGHT: &str = " the a an of to for from with and or in on by as at into this that it its is are be given return returns get gets set sets whether all each one new instance value function method class object \
     perform carry out ";

/// The sentence with one fact more where it would only repeat the name.
fn enriched(subject: &Subject<'_>, said: Said) -> Said {
    let (text, says_more) = match &said {
        Said::Verb(verb, rest) => (rest.clone(), says_more(subject, &format!("{verb} {rest}"))),
        Said::Noun(rest) => (rest.clone(), says_more(subject, rest)),
    };
    if says_more {
        return said;
    }
    let addition = extra(subject, &text);
    match said {
        Said::Verb(verb, rest) => Said::Verb(verb, format!("{rest}{addition}")),
        Said::Noun(rest) => Said::Noun(format!("{rest}{addition}")),
    }
}

/// Whether a text says something that the name does not.
fn says_more(subject: &Subject<'_>, text: &str) -> bool {
    let name = split(&subject.symbol.path);
    split(text).iter().any(|word| {
        let known = |known: &String| {
            known == word
                || known.starts_with(word.as_str())
                || word.starts_with(known.as_str())
                || super::words::prose_word(known).split(' ').any(|part| part.eq_ignore_ascii_case(word))
        };
        !LIGHT.contains(&format!(" {word} ")) && !name.iter().any(known)
    })
}

/// One fact that the name does not tell.
fn extra(subject: &Subject<'_>, text: &str) -> String {
    let symbol = subject.symbol;
    let owner = subject.owner_phrase().filter(|owner| !text.contains(owner.as_str()));
    if let Some(owner) = owner {
        return format!(" of {owner}");
    }
    let names: Vec<String> = symbol
        .params
        .iter()
        .filter(|param| !param.name.is_empty() && !text.contains(&format!("`{}`", param.name)))
        .take(2)
        .filter_map(|param| code(&param.name))
        .collect();
    if let Some(first) = names.first().filter(|_| !text.contains('`')) {
        return format!(", given {}", if names.len() == 1 { first.clone() } else { list(&names, "and") });
    }
    let facts = symbol.facts.as_ref();
    let dull = [
        "super",
        "print",
        "len",
        "str",
        "int",
        "list",
        "dict",
        "set",
        "isinstance",
        "range",
        "type",
        "tuple",
        "sorted",
        "cast",
        "float",
        "bool",
        "repr",
        "any",
        "all",
        "zip",
        "map",
        "min",
        "max",
        "sum",
        "enumerate",
        "getattr",
        "hasattr",
        "setattr",
        "iter",
        "next",
        "callable",
        "abs",
        "String",
        "Number",
        "Boolean",
        "require",
    ];
    let is_dull = |call: &str| {
        let last = call.rsplit(['.', ':']).next().unwrap_or(call);
        dull.contains(&last)
            || call.contains("super")
            || last.ends_with("Error")
            || last.ends_with("Exception")
            || call.contains('(')
    };
    let calls: Vec<String> = facts
        .iter()
        .flat_map(|facts| &facts.calls)
        .filter(|call| !is_dull(call) && call.len() <= 40 && **call != symbol.name)
        .take(2)
        .filter_map(|call| code(call))
        .collect();
    if !calls.is_empty() {
        return format!(" by calling {}", list(&calls, "and"));
    }
    if let Some(declared) =
        symbol.return_type.as_ref().and_then(|declared| code(&declared.text)).filter(|_| subject.returns_value())
    {
        return format!(" as {declared}");
    }
    if let Some(value) = facts
        .and_then(|facts| facts.returns.first())
        .and_then(|fact| fact.value.as_ref())
        .and_then(|value| code(&value.text))
    {
        return format!(", which is {value}");
    }
    if let Some(first) =
        facts.and_then(|facts| facts.throws.first()).and_then(|throw| throw.condition.as_deref()).and_then(clause)
    {
        return format!(" unless {first}");
    }
    if symbol.flags.is_abstract || symbol.flags.is_stub {
        return "; left to subclasses".to_owned();
    }
    ", without taking anything".to_owned()
}
