//! The sentence that the words of a name make: verb, object, and what leads to the arguments.

use super::Person;
use super::asked::claim;
use super::subject::{Subject, Tongue};
use super::summary::{Said, joined, meaningful, of_owner, verb};
use super::verbs::{self, VerbClass};
use super::words::{article, code, list, phrase, split, the};
use syntax::model::{Param, SymbolKind};

/// The verb and the object of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The verb as it is said; `None` for a name that is a noun.
    pub verb: Option<&'static str>,
    /// The object without article; empty where the name has none.
    pub words: String,
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
pub(super) fn named(subject: &Subject<'_>, words: &[String]) -> Said {
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
        "with" if !rest.is_empty() => return verb("set", format!("{}, returning the result", the(&phrase(rest)))),
        "on" if !rest.is_empty() => return verb("react", format!("to {}", the(&phrase(rest)))),
        "init" | "setup" if rest.is_empty() && owner.is_none() => {}
        _ => {}
    }
    // `MustParse` parses; a demand is no question.
    if first == "must" && rest.first().is_some_and(|word| verbs::verb(word).is_some()) {
        return named(subject, rest);
    }
    if let Some(glued) = unglued(words) {
        return named(subject, &glued);
    }
    if words.iter().all(|word| word.chars().count() < 2) {
        return lettered(subject);
    }
    let Some(found) = verbs::verb(first).filter(|found| !(found.noun_too && is_noun_here(subject, rest))) else {
        return noun_named(subject, words);
    };
    // `call_soon`: how it is done, not what it is done to.
    if !rest.is_empty() && rest.iter().all(|word| is_adverb(word)) {
        let done = required
            .iter()
            .find(|param| {
                matches!(param.name.as_str(), "callback" | "cb" | "func" | "fn" | "function" | "callable" | "f")
            })
            .filter(|_| found.class == VerbClass::Act)
            .or(required.first())
            .and_then(|param| code(&param.name))
            .or(owner)
            .unwrap_or_else(|| "it".to_owned());
        return verb(found.say, format!("{done} {}", phrase(rest)));
    }
    // With neither a value returned nor a name for what is asked, a yes or no is all that is known.
    if found.say == "return" && !rest.is_empty() && first == "return" && subject.returns_bool() {
        let (yes, no) = if subject.tongue == Tongue::Python { ("`True`", "`False`") } else { ("`true`", "`false`") };
        let end = tail(subject, VerbClass::Query, words, 0).replacen(" for ", ", given ", 1);
        return verb("return", format!("{yes} or {no} for {}{end}", the(&phrase(rest))));
    }
    // `listen_and_serve` is two verbs.
    if let Some(joint @ ("and" | "or")) = rest.first().map(String::as_str)
        && rest.get(1).is_some_and(|word| verbs::verb(word).is_some())
        && let Said::Verb(other, text) = named(subject, rest.get(1..).unwrap_or(&[]))
    {
        let other = if subject.person == Person::Third { verbs::third(&other) } else { verbs::base(&other) };
        return verb(found.say, format!("{joint} {}", joined(&other, &text)));
    }
    if found.class == VerbClass::Check
        && let Some(claim) = claim(subject, rest)
    {
        return verb(found.say, format!("that {claim}"));
    }
    if found.class == VerbClass::Check
        && let [only] = rest
        && matches!(only.as_str(), "ok" | "true" | "false" | "valid" | "empty" | "none" | "null")
        && let Some(name) = &first_param
    {
        return verb(found.say, format!("that {name} is {}", if only == "ok" { "OK" } else { only }));
    }
    let preposition = rest.iter().position(|word| PREPOSITIONS.contains(&word.as_str()));
    // What is asked with is not what is handed back.
    if rest.is_empty() && found.say == "return" {
        let given: Vec<String> = required.iter().take(3).filter_map(|param| code(&param.name)).collect();
        if !given.is_empty() {
            return verb(found.say, format!("the {} for {}", result_noun(subject), list(&given, "and")));
        }
        return verb(found.say, format!("the {}{}", result_noun(subject), of_owner(subject)));
    }
    if rest.is_empty() || preposition == Some(0) {
        let what = match (&owner, found.class) {
            (_, VerbClass::Add | VerbClass::Remove | VerbClass::Write | VerbClass::Convert | VerbClass::Check)
                if first_param.is_some() =>
            {
                first_param.clone()
            }
            (Some(owner), _) if first_param.is_none() => Some(owner.clone()),
            // A context or a set of options is not what is acted on.
            (Some(owner), VerbClass::Act) if required.first().is_some_and(|param| is_aside(&param.name)) => {
                Some(owner.clone())
            }
            _ => first_param.clone().or_else(|| owner.clone()),
        };
        let what = what.unwrap_or_default();
        let used = usize::from(what.starts_with('`'));
        // "Schedule the action to the action."
        let end = Some(tail(subject, found.class, words, used));
        let end = end.filter(|end| what.is_empty() || !end.ends_with(&what)).unwrap_or_default();
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

/// What is handed back, by its declared type where that has a name of its own: "`Cart`", else "value".
fn result_noun(subject: &Subject<'_>) -> String {
    let declared = subject.symbol.return_type.as_ref().map_or("", |declared| declared.text.trim());
    let first = match declared.strip_prefix('(') {
        Some(several) => several.split(',').next().unwrap_or("").trim_end_matches(')'),
        None => declared,
    };
    let bare = first.trim().trim_start_matches(['*', '&']);
    let bare = if subject.tongue == Tongue::Go { bare.split('[').next().unwrap_or("") } else { bare };
    let named = bare.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '.'))
        && bare.rsplit('.').next().is_some_and(|last| last.starts_with(char::is_uppercase) && last.chars().count() > 1)
        && !matches!(bare, "Any" | "Self" | "None" | "String" | "Object" | "Optional" | "T_co");
    Some(bare).filter(|_| named).and_then(code).unwrap_or_else(|| "value".to_owned())
}

/// A word that says how something is done.
fn is_adverb(word: &str) -> bool {
    matches!(
        word,
        "soon"
            | "later"
            | "now"
            | "once"
            | "again"
            | "back"
            | "together"
            | "forever"
            | "anyway"
            | "always"
            | "twice"
            | "early"
            | "late"
            | "threadsafe"
    ) || word.len() > 4
        && word.ends_with("ly")
        && !matches!(word, "assembly" | "family" | "reply" | "anomaly" | "supply")
}

/// `getregentry` as "get" and "regentry": one lower-case word that begins with a verb and is no word itself.
fn unglued(words: &[String]) -> Option<Vec<String>> {
    const WHOLE: &str = " settings setting settle settled setup setter sets getter gets reader readers ready reading readings readable readonly reads writer writers \
         writing writable writes written opener opening opened opens finder finding findings finds loader loaders loading loads loaded sender sends parser \
         parsers parsing parsed parses maker making makes makefile openssl setback getaway readme reader readiness writeable ";
    let [word] = words else { return None };
    if WHOLE.contains(&format!(" {word} ")) {
        return None;
    }
    ["get", "set", "read", "write", "open", "find", "load", "send", "parse", "make"].iter().find_map(|start| {
        let rest = word.strip_prefix(start).filter(|rest| rest.len() > 2)?;
        Some(vec![(*start).to_owned(), rest.to_owned()])
    })
}

/// A name of single letters says nothing: it is told as a name.
fn lettered(subject: &Subject<'_>) -> Said {
    let symbol = subject.symbol;
    let kind = if symbol.kind == SymbolKind::Method { "method" } else { symbol.kind.word() };
    let name = code(&symbol.name).unwrap_or_default();
    let given: Vec<String> = symbol.params.iter().take(3).filter_map(|param| code(&param.name)).collect();
    let given = if given.is_empty() { String::new() } else { format!(", given {}", list(&given, "and")) };
    Said::Noun(format!("the {kind} {name}{}{given}", of_owner(subject)))
}

/// Whether a word that is a verb and a noun is a noun in this name: alone, nothing given, something returned.
fn is_noun_here(subject: &Subject<'_>, rest: &[String]) -> bool {
    // `FlagServer` is a server.
    let is_agent = rest.last().is_some_and(|last| {
        matches!(
            last.as_str(),
            "server"
                | "handler"
                | "callback"
                | "listener"
                | "hook"
                | "middleware"
                | "factory"
                | "helper"
                | "demo"
                | "example"
        )
    });
    is_agent && rest.len() == 1 || rest.is_empty() && subject.required().is_empty() && subject.returns_value()
}

/// Whether a parameter only goes along with a call.
fn is_aside(name: &str) -> bool {
    matches!(name, "ctx" | "context" | "options" | "opts" | "config" | "timeout" | "deadline" | "signal")
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

/// Whether a word is a past participle.
fn is_past(word: &str) -> bool {
    word.len() > 4 && word.ends_with("ed")
        || matches!(word, "lost" | "made" | "done" | "found" | "sent" | "built" | "read" | "written" | "set")
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
    if let Some((last, before)) = words.split_last().filter(|(last, _)| is_past(last)) {
        match (before.is_empty(), subject.owner_phrase().filter(|_| subject.has_instance())) {
            (false, _) if !subject.returns_value() => {
                return verb("react", format!("when {} is {last}", the(&phrase(before))));
            }
            (true, Some(owner)) if subject.returns_value() && subject.symbol.params.is_empty() => {
                return verb("return", format!("whether {owner} is {last}"));
            }
            _ => {}
        }
    }
    // "distance to": a preposition at the end leads to the first parameter, or falls away with what it would lead to.
    let (words, led): (&[String], Option<&str>) = match words.split_last() {
        Some((last, before)) if !before.is_empty() && PREPOSITIONS.contains(&last.as_str()) => {
            (before, Some(last.as_str()))
        }
        _ => (words, None),
    };
    if let ([only], None) = (words, led)
        && PREPOSITIONS.contains(&only.as_str())
    {
        let made = subject.an_owner().filter(|_| subject.returns_value() && !subject.has_instance());
        let given: Vec<String> = subject.required().iter().take(3).filter_map(|param| code(&param.name)).collect();
        let given = if given.is_empty() { String::new() } else { format!(" from {}", list(&given, "and")) };
        return match made {
            Some(made) => verb("create", format!("{made}{given}")),
            None if subject.returns_value() => {
                verb("return", format!("the {}{}", result_noun(subject), given.replacen("from", "for", 1)))
            }
            None => verb("apply", format!("`{only}`{}", given.replacen("from", "to", 1))),
        };
    }
    if let Some(word) = led
        && subject.returns_value()
        && let Some(name) = subject.required().first().and_then(|param| code(&param.name))
    {
        return verb("return", format!("{}{} {word} {name}", the(&phrase(words)), of_owner(subject)));
    }
    let named = the(&phrase(words));
    if subject.flags().is_generator {
        return verb("yield", format!("{named}{}", tail(subject, VerbClass::Query, words, 0)));
    }
    let of = tail(subject, VerbClass::Check, words, 0);
    let left_open = (subject.flags().is_stub || subject.flags().is_abstract) && !declares_nothing(subject);
    if subject.returns_value() || left_open {
        verb(
            "return",
            match (of.is_empty(), of_owner(subject)) {
                (true, owner) => format!("{named}{owner}"),
                (false, owner) if owner.is_empty() || of.contains(&owner) => {
                    format!("{named}{}", of.replacen(" for ", " of ", 1))
                }
                (false, owner) => format!("{named}{owner}{of}"),
            },
        )
    } else if subject.symbol.kind == SymbolKind::Macro {
        verb("expand", format!("to {named}"))
    } else if words.len() > 1 && words.last().is_some_and(|last| verbs::agent(last).is_some() || last == "server") {
        // `HelloServer` is one that serves, not something that is done.
        let given: Vec<String> = subject.required().iter().take(3).filter_map(|param| code(&param.name)).collect();
        let given = if given.is_empty() { String::new() } else { format!(", given {}", list(&given, "and")) };
        Said::Noun(format!("{named} {}{}{given}", subject.symbol.kind.word(), of_owner(subject)))
    } else {
        // Nothing comes back, so that the first word is what is done.
        match words.split_first() {
            Some((first, rest))
                if first.len() > 2
                    && first.chars().all(|letter| letter.is_ascii_lowercase())
                    && super::words::prose_word(first) == first.as_str()
                    && (rest.is_empty() || ["ate", "ize", "ise", "ify"].iter().any(|end| first.ends_with(end)))
                    && !["data", "s", "ion", "er", "or", "ity", "ness", "age", "ment"]
                        .iter()
                        .any(|end| first.ends_with(end)) =>
            {
                let object = if rest.is_empty() {
                    let given: Vec<String> =
                        subject.required().iter().take(3).filter_map(|param| code(&param.name)).collect();
                    if given.is_empty() { subject.owner_phrase().unwrap_or_default() } else { list(&given, "and") }
                } else {
                    format!("{}{of}", the(&phrase(rest)))
                };
                verb(first, object)
            }
            // `bulk_update_mappings`: a word that only says how stands before verb and object.
            Some((how, [doing, rest @ ..]))
                if !rest.is_empty() && super::verbs::verb(doing).is_some() && is_manner(how) =>
            {
                verb(doing, format!("{}{of}", the(&phrase(rest))))
            }
            _ => verb("handle", format!("{named}{of}")),
        }
    }
}

/// Whether a signature without a body says that nothing comes back.
fn declares_nothing(subject: &Subject<'_>) -> bool {
    let declared = subject.symbol.return_type.as_ref().map(|declared| declared.text.trim());
    match subject.tongue {
        Tongue::Go | Tongue::Rust => declared.is_none(),
        _ => matches!(declared, Some("void" | "undefined" | "never" | "Promise<void>")),
    }
}

/// Whether a word says how something is done rather than what.
fn is_manner(how: &str) -> bool {
    matches!(how, "bulk" | "batch" | "mass" | "multi" | "auto" | "force" | "async")
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
    let measure = is_like(
        first,
        &[
            "count", "n", "size", "limit", "timeout", "length", "flags", "mode", "options", "opts", "max", "num",
            "amount",
        ],
    );
    let preposition = match class {
        VerbClass::Read | VerbClass::Query | VerbClass::Make if measure => "with",
        _ if skip > 0 && words.first().is_some_and(|word| word == "divide" || word == "multiply") => "by",
        VerbClass::Read | VerbClass::Query if source => "from",
        VerbClass::Write if target => "to",
        VerbClass::Make | VerbClass::Read if skip > 0 => "with",
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

pub(super) const PREPOSITIONS: [&str; 22] = [
    "from", "to", "by", "with", "for", "in", "on", "at", "of", "as", "into", "via", "through", "against", "without",
    "until", "if", "when", "onto", "between", "after", "before",
];
