//! The first sentence on what is no function: types, fields, variants, constants and whole files.

use super::added::restates;
use super::subject::{Subject, Tongue};
use super::usage::Token;
use super::verbs;
use super::words::{article, capital, code, list, phrase, plural, split, the};
use syntax::model::{Symbol, SymbolKind, Visibility};

/// The first sentence on a file: what it defines.
pub fn module(subject: &Subject<'_>) -> String {
    let mut names: Vec<String> = top_level(subject, |symbol| symbol.visibility == Visibility::Public);
    if names.is_empty() {
        names = top_level(subject, |_| true);
    }
    let shown: Vec<String> = names.iter().take(3).cloned().collect();
    let verb =
        if subject.person == super::Person::Third || subject.tongue == Tongue::Python { "Defines" } else { "Define" };
    match names.len() {
        0 => "Holds statements that run when the file is loaded.".to_owned(),
        1..=3 => format!("{verb} {}.", list(&shown, "and")),
        _ => format!("{verb} {} and {} more.", shown.join(", "), names.len() - shown.len()),
    }
}

fn top_level(subject: &Subject<'_>, wanted: impl Fn(&Symbol) -> bool) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let children =
        || subject.model.children(0).map(|(_, child)| child).filter(|child| wanted(child) && !child.name.is_empty());
    let typed = children().filter(|child| child.kind.is_type());
    let called = children().filter(|child| matches!(child.kind, SymbolKind::Function | SymbolKind::Macro));
    let rest = children().filter(|child| matches!(child.kind, SymbolKind::Constant | SymbolKind::TypeAlias));
    for child in typed.chain(called).chain(rest) {
        if let Some(name) = code(&child.name)
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// The first sentence on a type, field, variant, constant or alias.
pub fn noun(subject: &Subject<'_>) -> String {
    let symbol = subject.symbol;
    let text = match symbol.kind {
        SymbolKind::Module => return module(subject),
        kind if kind.is_type() => {
            let text = type_text(subject);
            if restates(subject, &text) { told_more(subject, &text) } else { text }
        }
        SymbolKind::TypeAlias => {
            match symbol.value.as_ref().or(symbol.value_type.as_ref()).and_then(|value| code(&value.text)) {
                // `type A B` makes a new type in Go, `type A = B` a second name.
                Some(value) if subject.tongue == Tongue::Go && !symbol.span.of(&subject.model.text).contains('=') => {
                    format!("A type of its own, based on {value}")
                }
                Some(value) => format!("Another name for {value}"),
                None => format!("{} as a type of its own", capital(&the(&phrase(&split(&symbol.name))))),
            }
        }
        SymbolKind::Variant => variant(subject),
        _ => field(subject),
    };
    match subject.tongue {
        Tongue::Go => format!("{} {}.", symbol.name, go_form(&text)),
        _ => format!("{text}."),
    }
}

/// "A parser …" becomes "is a parser …", "Parses …" "parses …".
fn go_form(text: &str) -> String {
    let mut characters = text.chars();
    let lower: String = characters.next().into_iter().flat_map(char::to_lowercase).chain(characters).collect();
    if ["a ", "an ", "the ", "another ", "one ", "whether "].iter().any(|start| lower.starts_with(start)) {
        format!("is {lower}")
    } else {
        lower
    }
}

fn field(subject: &Subject<'_>) -> String {
    let symbol = subject.symbol;
    let words = split(&symbol.name);
    let truth = symbol.value_type.as_ref().is_some_and(|declared| matches!(declared.text.trim(), "bool" | "boolean"));
    if truth {
        return format!("Whether {}", super::entries::whether(&words, &symbol.name));
    }
    let owner = subject.owner.and_then(|owner| code(&owner.name));
    let held = symbol
        .value_type
        .as_ref()
        .and_then(|declared| code(&declared.text))
        .map(|declared| format!(", held as {declared}"));
    let value = symbol.value.as_ref().and_then(|value| code(&value.text));
    let end = match (owner, value) {
        (Some(owner), _) => format!(" of the {owner}{}", held.unwrap_or_default()),
        (None, Some(value)) => format!(", {value}"),
        (None, None) => held.unwrap_or_else(|| " of this file".to_owned()),
    };
    format!("{}{end}", capital(&the(&phrase(&words))))
}

fn variant(subject: &Subject<'_>) -> String {
    let owner = subject.owner.and_then(|owner| code(&owner.name)).map(|owner| format!(" of {owner}"));
    format!("The {} case{}", phrase(&split(&subject.symbol.name)), owner.unwrap_or_default())
}

/// One fact more on a type whose sentence only repeats its name: members that are not for all, or how many there are.
fn told_more(subject: &Subject<'_>, text: &str) -> String {
    let members = || subject.model.children(subject.index).map(|(_, member)| member);
    let mut names: Vec<String> = Vec::new();
    for name in
        members().filter(|member| member.kind != SymbolKind::Constructor).filter_map(|member| code(&member.name))
    {
        if !names.contains(&name) && !text.contains(&name) {
            names.push(name);
        }
    }
    names.truncate(2);
    let longer = format!("{text}, {} {}", if text.contains('`') { "and" } else { "with" }, list(&names, "and"));
    match names.is_empty() {
        false if !restates(subject, &longer) => longer,
        _ if text.contains('`') => {
            format!("{text} as its only public {}", if members().count() == 1 { "member" } else { "name" })
        }
        _ => format!("{text} as a type of its own"),
    }
}

fn type_text(subject: &Subject<'_>) -> String {
    let symbol = subject.symbol;
    let words = split(&symbol.name);
    let error = symbol.name.ends_with("Error")
        || symbol.name.ends_with("Exception")
        || symbol.bases.iter().any(|base| base.ends_with("Error") || base.ends_with("Exception"));
    if error && symbol.kind != SymbolKind::Interface {
        return error_text(subject, &words);
    }
    if symbol.kind == SymbolKind::Enum
        || symbol
            .bases
            .iter()
            .any(|base| matches!(base.rsplit('.').next(), Some("Enum" | "IntEnum" | "StrEnum" | "Flag" | "IntFlag")))
    {
        return enum_text(subject, &words);
    }
    if words.len() > 1 && matches!(words.first().map(String::as_str), Some("base" | "abstract")) {
        let rest = plural(&phrase(words.get(1..).unwrap_or(&[])));
        return format!("The common base of {rest}{}", with_members(subject, "which provides"));
    }
    let last = words.last().cloned().unwrap_or_default();
    let rest = words.get(..words.len().saturating_sub(1)).unwrap_or(&[]);
    let rest_phrase = phrase(rest);
    if !rest.is_empty() {
        match last.as_str() {
            "config" | "configuration" | "settings" | "options" | "opts" | "params" => {
                return format!("Holds the settings of {}{}", the(&rest_phrase), with_members(subject, "such as"));
            }
            "manager" => return format!("Manages {}{}", plural(&rest_phrase), with_members(subject, "with")),
            "factory" => return format!("Creates {}{}", plural(&rest_phrase), with_members(subject, "with")),
            "test" | "tests" => {
                return format!("Tests of {}{}", the(&rest_phrase), with_members(subject, "among them"));
            }
            "mixin" => return format!("Adds {} to the classes that inherit it", rest_phrase),
            _ => {}
        }
        if let Some(verb) = verbs::agent(&last).filter(|_| {
            // "Decodes incrementals": what describes the agent is not what is acted on.
            !rest.last().is_some_and(|word| describes_agent(word))
                && !matches!(
                    last.as_str(),
                    "user"
                        | "number"
                        | "order"
                        | "layer"
                        | "server"
                        | "container"
                        | "pointer"
                        | "counter"
                        | "computer"
                        | "letter"
                )
        }) {
            return format!(
                "{} {}{}",
                capital(&verbs::third(verb)),
                plural(&rest_phrase),
                with_members(subject, "with")
            );
        }
    }
    if words.first().is_some_and(|word| word == "test") && words.len() > 1 {
        return format!(
            "Tests of {}{}",
            the(&phrase(words.get(1..).unwrap_or(&[]))),
            with_members(subject, "among them")
        );
    }
    let named = phrase(&words);
    if symbol.name.chars().count() == 1
        && let Some(name) = code(&symbol.name)
    {
        return format!("The type {name}{}", with_members(subject, "with"));
    }
    if is_empty_class(subject) {
        return format!("An empty {named}");
    }
    if named.ends_with('s') && !named.ends_with("ss") && !named.ends_with("us") {
        return format!("{}{}", capital(&named), with_members(subject, "with"));
    }
    let base = symbol
        .bases
        .iter()
        .find(|base| {
            !matches!(base.as_str(), "object" | "ABC" | "Protocol" | "Generic" | "abc.ABC") && !base.contains('=')
        })
        .and_then(|base| code(base));
    match base {
        Some(base) if symbol.kind == SymbolKind::Class => {
            format!("{} {named} that extends {base}", capital(article(&named)))
        }
        _ => format!("{} {named}{}", capital(article(&named)), with_members(subject, "with")),
    }
}

/// Whether a word in front of an agent tells of what kind it is.
fn describes_agent(word: &str) -> bool {
    const PLAIN: &str = " safe simple basic default raw fast slow async sync lazy strict smart local remote global new old multi single custom generic \
         abstract null dummy fake mock main master sub super low high last first next inner outer plain pure pretty my our auto bulk full \
         static dynamic thread threaded threading base common internal external tiny mini micro big small ";
    PLAIN.contains(&format!(" {word} "))
        || word.len() > 4
            && ["al", "ive", "ic", "ous", "able", "ible", "ed", "ing", "ful", "less", "ary", "ory", "ent", "ant"]
                .iter()
                .any(|end| word.ends_with(end))
}

/// Whether a class of Python or JavaScript holds nothing at all and inherits nothing.
fn is_empty_class(subject: &Subject<'_>) -> bool {
    let scripted = matches!(subject.tongue, Tongue::Python | Tongue::JavaScript | Tongue::TypeScript);
    let nothing = |token: &Token<'_>| {
        matches!(token, Token::Line | Token::Mark('{' | '}') | Token::Word("pass") | Token::Operator("..."))
    };
    scripted
        && subject.symbol.kind == SymbolKind::Class
        && subject.symbol.body.is_some()
        && subject.symbol.bases.is_empty()
        && subject.symbol.decorators.is_empty()
        && subject.tokens().iter().all(nothing)
}

/// ", with `a`, `b` and `c`": what the type has, so that the sentence tells more than its name.
fn with_members(subject: &Subject<'_>, joiner: &str) -> String {
    let impls: Vec<usize> = subject
        .model
        .symbols
        .iter()
        .enumerate()
        .filter(|(_, symbol)| {
            symbol.kind == SymbolKind::Impl && symbol.name.split('<').next() == Some(subject.symbol.name.as_str())
        })
        .map(|(index, _)| index)
        .collect();
    let member = |symbol: &&Symbol| {
        symbol.parent == Some(subject.index) || symbol.parent.is_some_and(|parent| impls.contains(&parent))
    };
    let mut names: Vec<String> = Vec::new();
    for symbol in subject.model.symbols.iter().filter(member) {
        let wanted = symbol.visibility == Visibility::Public
            && !symbol.name.starts_with("__")
            && symbol.kind != SymbolKind::Constructor;
        if let Some(name) = code(&symbol.name).filter(|name| wanted && !names.contains(name)) {
            names.push(name);
        }
    }
    if names.is_empty() {
        return match subject.symbol.bases.first().and_then(|base| code(base)) {
            Some(base) => format!(", based on {base}"),
            None => String::new(),
        };
    }
    let shown: Vec<String> = names.iter().take(3).cloned().collect();
    if names.len() > 3 {
        format!(", {joiner} {} and others", shown.join(", "))
    } else {
        format!(", {joiner} {}", list(&shown, "and"))
    }
}

fn enum_text(subject: &Subject<'_>, words: &[String]) -> String {
    // The plural of a letter is no word.
    let kinds = match code(&subject.symbol.name) {
        Some(name) if subject.symbol.name.chars().count() == 1 => format!("cases of {name}:"),
        _ => plural(&phrase(words)),
    };
    let cases: Vec<String> = subject
        .model
        .children(subject.index)
        .filter(|(_, child)| matches!(child.kind, SymbolKind::Variant | SymbolKind::Field))
        .filter_map(|(_, child)| code(&child.name))
        .collect();
    let shown: Vec<String> = cases.iter().take(4).cloned().collect();
    match cases.len() {
        0 => format!("Enumerates the {}", kinds.trim_end_matches(':')),
        1..=4 => format!("Enumerates the {kinds} {}", list(&shown, "and")),
        _ => format!("Enumerates the {kinds} {} and others", shown.join(", ")),
    }
}

fn error_text(subject: &Subject<'_>, words: &[String]) -> String {
    let words: Vec<String> =
        words.iter().filter(|word| !matches!(word.as_str(), "error" | "exception" | "err")).cloned().collect();
    let verb = if matches!(subject.tongue, Tongue::Rust | Tongue::Go) { "Returned" } else { "Raised" };
    let Some((first, rest)) = words.split_first() else {
        return format!("{verb} when something goes wrong");
    };
    let last = words.last().map_or("", String::as_str);
    if let Some(at) = words.iter().position(|word| word == "not") {
        let thing = if at == 0 { "something".to_owned() } else { the(&phrase(words.get(..at).unwrap_or(&[]))) };
        return format!("{verb} when {thing} is not {}", phrase(words.get(at + 1..).unwrap_or(&[])));
    }
    if matches!(
        first.as_str(),
        "invalid"
            | "missing"
            | "unknown"
            | "unsupported"
            | "duplicate"
            | "bad"
            | "unexpected"
            | "illegal"
            | "too"
            | "no"
    ) && !rest.is_empty()
    {
        let thing = phrase(rest);
        return match first.as_str() {
            "missing" => format!("{verb} when {} is missing", the(&thing)),
            "no" => format!("{verb} when there is no {thing}"),
            "too" => format!("{verb} when something is {}", phrase(&words)),
            adjective => format!("{verb} on {} {adjective} {thing}", article(adjective)),
        };
    }
    if let Some(found) = verbs::verb(first).filter(|found| !found.noun_too || rest.is_empty()) {
        let object = if rest.is_empty() { String::new() } else { format!(" {}", the(&phrase(rest))) };
        return format!("{verb} when {}{object} fails", verbs::gerund(found.say));
    }
    if ["tion", "sion", "ment"].iter().any(|end| last.ends_with(end)) {
        return format!("{verb} when {} fails", the(&phrase(&words)));
    }
    if last == "timeout" {
        return format!("{verb} when the time allowed for it has passed");
    }
    let named = phrase(&words);
    if named.chars().count() > 3 {
        return format!("{verb} on a problem with {}", the(&named));
    }
    match subject.symbol.bases.first().and_then(|base| code(base)) {
        Some(base) => format!("A kind of {base} of its own"),
        None => "An error of its own kind".to_owned(),
    }
}
