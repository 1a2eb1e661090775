//! One fact more for a sentence that would only repeat the name.

use super::subject::{Subject, Tongue};
use super::summary::Said;
use super::words::{code, list, split};
use syntax::model::SymbolKind;

/// Words of little weight.
const LIGHT: &str = " the a an of to for from with and or in on by as at into this that it its is are be given return returns get gets set sets whether all each one new instance value function method class object \
     perform carry out ";

/// The sentence with one fact more where it would only repeat the name.
pub(super) fn enriched(subject: &Subject<'_>, said: Said) -> Said {
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

/// One fact that the name does not tell, behind the owner where it is not named yet.
fn extra(subject: &Subject<'_>, text: &str) -> String {
    let owner = subject.owner_phrase().filter(|owner| !text.contains(owner.as_str()));
    let owner = owner.map(|owner| format!(" of {owner}")).unwrap_or_default();
    format!("{owner}{}", fact(subject, text))
}

/// Whether the name promises the value that is returned, so that its type can follow.
fn reads(subject: &Subject<'_>) -> bool {
    match super::naming::object(subject).and_then(|object| object.verb) {
        Some(verb) => super::outcome::hands_out(verb),
        None => true,
    }
}

fn fact(subject: &Subject<'_>, text: &str) -> String {
    let symbol = subject.symbol;
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
        .filter(|call| !is_dull(call) && !subject.names_local(call) && call.len() <= 40 && **call != symbol.name)
        .take(2)
        .filter_map(|call| code(call))
        .collect();
    if !calls.is_empty() {
        return format!(" by calling {}", list(&calls, "and"));
    }
    if let Some(declared) = symbol.return_type.as_ref().and_then(|declared| code(&declared.text)).filter(|declared| {
        let own = ["Self", "self", "this"].iter().any(|own| declared.trim_matches(['`', '&', ' ']).ends_with(own));
        subject.returns_value() && !own && !subject.flags().is_setter && reads(subject)
    }) {
        return format!(" as {declared}");
    }
    // Only one way out: a value that some calls hand back is not what the function is.
    if let Some([only]) = facts.filter(|facts| !facts.falls_through).map(|facts| facts.returns.as_slice())
        && let Some(value) = only.value.as_ref().filter(|value| reads(subject) && !subject.names_local(&value.text))
        && let Some(value) = code(&value.text).filter(|value| !matches!(value.as_str(), "`self`" | "`this`" | "`s`"))
    {
        return format!(", which is {value}");
    }
    if symbol.flags.is_abstract || symbol.flags.is_stub {
        return match subject.tongue {
            Tongue::Python | Tongue::JavaScript => "; left to subclasses".to_owned(),
            _ => "; left to implementations".to_owned(),
        };
    }
    match symbol.kind {
        SymbolKind::Macro => " where the macro is expanded".to_owned(),
        _ if symbol.params.is_empty() => ", without taking anything".to_owned(),
        _ => String::new(),
    }
}
