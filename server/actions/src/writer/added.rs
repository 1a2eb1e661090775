//! One fact more for a sentence that would only repeat the name.

use super::subject::{Subject, Tongue};
use super::summary::Said;
use super::usage::Token;
use super::words::{code, list, split};
use analysis::names::words;
use syntax::model::SymbolKind;

/// Words of little weight.
const LIGHT: &str = " the a an of to for from with and or in on by as at into this that it its is are be given return returns get gets set sets whether all each one new instance value function method class object \
     perform carry handle out ";

/// The sentence with one fact more where it would only repeat the name.
pub(super) fn enriched(subject: &Subject<'_>, said: Said) -> Said {
    let (text, says_more) = match &said {
        Said::Verb(verb, rest) => (rest.clone(), says_more(subject, &format!("{verb} {rest}"))),
        Said::Noun(rest) => (rest.clone(), says_more(subject, rest)),
    };
    let verb = match &said {
        Said::Verb(verb, _) => verb.as_str(),
        Said::Noun(_) => "",
    };
    if says_more && !restates(subject, &format!("{verb} {text}")) {
        return said;
    }
    let addition = extra(subject, &text);
    let text = match addition.is_empty() {
        false => format!("{text}{addition}"),
        true if restates(subject, &format!("{verb} {text}")) => plainly(subject, &text),
        true => text,
    };
    match said {
        Said::Verb(verb, _) => Said::Verb(verb, text),
        Said::Noun(_) => Said::Noun(text),
    }
}

/// Whether a text only repeats the path of the symbol, as the rule `restating-doc` sees it.
pub(super) fn restates(subject: &Subject<'_>, text: &str) -> bool {
    const FILLERS: &str = " a an the of for this to in on with is and method function class constructor ";
    let mut known = words(&subject.symbol.path);
    known.push(subject.symbol.kind.word().to_owned());
    let is_form = |word: &str, known: &str| {
        let stem = known.strip_suffix('e').unwrap_or(known);
        let ending = word.strip_prefix(known).or_else(|| word.strip_prefix(stem));
        ending.is_some_and(|ending| matches!(ending, "" | "s" | "es" | "ed" | "ing" | "d"))
    };
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
        .flat_map(words)
        .all(|word| FILLERS.contains(&format!(" {word} ")) || known.iter().any(|known| is_form(&word, known)))
}

/// The sentence where nothing can be added: the owner's name is in the path already, so that "this instance" says as much.
fn plainly(subject: &Subject<'_>, text: &str) -> String {
    let owner = subject.owner_phrase().filter(|_| subject.has_instance() && subject.tongue != Tongue::Go);
    let plain = match owner.filter(|owner| text.contains(owner.as_str())) {
        Some(owner) => text.replacen(&owner, "this instance", 1),
        None if subject.has_instance() => format!("{text} of this instance"),
        None => format!("{text} in this module"),
    };
    let plain = if restates(subject, &plain) { format!("{text} where it is called") } else { plain };
    plain.trim().to_owned()
}

/// Whether a text says something that the name does not.
fn says_more(subject: &Subject<'_>, text: &str) -> bool {
    let name = split(&subject.symbol.path);
    split(text).iter().any(|word| {
        let known = |known: &String| {
            known == word
                || known.starts_with(word.as_str())
                || word.len() > 3 && known.ends_with(word.as_str())
                || word.starts_with(known.as_str())
                || super::words::prose_word(known).split(' ').any(|part| part.eq_ignore_ascii_case(word))
        };
        !LIGHT.contains(&format!(" {word} ")) && !name.iter().any(known)
    })
}

/// One fact that the name does not tell, behind the owner where it is not named yet.
fn extra(subject: &Subject<'_>, text: &str) -> String {
    let owner = subject.owner_phrase().filter(|_| !text.contains('`'));
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
        .filter(|call| facts.is_none_or(|facts| facts.throws.iter().all(|throw| throw.type_name != **call)))
        .filter(|call| !is_dull(call) && !subject.names_local(call) && call.len() <= 40 && **call != symbol.name)
        .take(2)
        .filter_map(|call| code(call))
        .collect();
    if !calls.is_empty() {
        return format!(" by calling {}", list(&calls, "and"));
    }
    if let Some(declared) = symbol.return_type.as_ref().and_then(|declared| code(&declared.text)).filter(|declared| {
        let own = ["Self", "self", "this"].iter().any(|own| declared.trim_matches(['`', '&', ' ']).ends_with(own));
        subject.returns_value()
            && !own
            && !text.contains(", given ")
            && !text.starts_with("whether ")
            && !subject.flags().is_setter
            && reads(subject)
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
    let unimplemented = facts.is_some_and(|facts| {
        facts.throws.iter().any(|throw| throw.type_name.starts_with("NotImplemented") && throw.condition.is_none())
    });
    let interface = subject.owner.is_some_and(|owner| owner.kind == SymbolKind::Interface) && symbol.body.is_none();
    match subject.tongue {
        Tongue::Python if symbol.flags.is_abstract || symbol.flags.is_stub && unimplemented => {
            return "; left to subclasses".to_owned();
        }
        Tongue::Rust if symbol.flags.is_abstract && interface => {
            return "; left to implementations".to_owned();
        }
        _ => {}
    }
    if symbol.kind == SymbolKind::Macro {
        return " where the macro is expanded".to_owned();
    }
    of_the_body(subject)
}

/// What the tokens of the body tell: what is set, thrown, changed or used.
fn of_the_body(subject: &Subject<'_>) -> String {
    let facts = subject.symbol.facts.as_ref();
    let own = match subject.tongue {
        Tongue::Python => "self",
        Tongue::JavaScript | Tongue::TypeScript => "this",
        _ => "",
    };
    let set: Vec<String> = facts
        .iter()
        .flat_map(|facts| &facts.assigned_attributes)
        .filter_map(|attribute| code(&format!("{own}.{}", attribute.text)))
        .take(2)
        .collect();
    if !own.is_empty() && !set.is_empty() && subject.symbol.kind != SymbolKind::Constructor {
        return format!(" by setting {}", list(&set, "and"));
    }
    let tokens = subject.tokens();
    let mut changed: Vec<String> = Vec::new();
    let mut used: Vec<String> = Vec::new();
    for window in tokens.windows(3) {
        match window {
            [Token::Word("global"), Token::Word(name), _] => changed.extend(code(name)),
            [Token::Word(owner), Token::Mark('.'), Token::Word(name)] if *owner == own && !own.is_empty() => {
                if let Some(name) = code(&format!("{own}.{name}")).filter(|name| !used.contains(name)) {
                    used.push(name);
                }
            }
            _ => {}
        }
    }
    if let Some(first) = changed.first() {
        return format!(" by changing {first}");
    }
    if !used.is_empty() && subject.symbol.kind != SymbolKind::Constructor {
        used.truncate(2);
        let how = if subject.flags().is_getter { ", based on" } else { ", using" };
        return format!("{how} {}", list(&used, "and"));
    }
    let called: Vec<String> = facts
        .iter()
        .flat_map(|facts| &facts.calls)
        .filter(|call| facts.is_none_or(|facts| facts.throws.iter().all(|throw| throw.type_name != **call)))
        .filter(|call| !subject.names_local(call) && call.len() <= 40 && !call.contains(['(', '[']))
        .take(2)
        .filter_map(|call| code(call))
        .collect();
    if !called.is_empty() {
        return format!(" by calling {}", list(&called, "and"));
    }
    let thrown = facts.and_then(|facts| facts.throws.first()).and_then(|throw| code(&throw.type_name));
    if let Some(thrown) = thrown.filter(|_| tokens.len() < 40) {
        let raises = if subject.tongue == Tongue::Python { "raises" } else { "throws" };
        return format!("; {raises} {thrown}");
    }
    let nothing = |token: &Token<'_>| {
        matches!(
            token,
            Token::Line
                | Token::Mark('{' | '}' | ';')
                | Token::Word("pass" | "return" | "None")
                | Token::Operator("...")
        )
    };
    if subject.symbol.body.is_some() && tokens.iter().all(nothing) && subject.symbol.kind != SymbolKind::Constructor {
        return "; does nothing by itself".to_owned();
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use crate::testing::{model, symbol};
    use crate::writer::{WriterOptions, draft};

    #[test]
    fn what_is_added_is_true_and_no_padding() {
        for (language, text, path, summary) in [
            (
                "python",
                "class Aifc:\n    def close(self):\n        self._file = None\n",
                "Aifc.close",
                "Close the `Aifc` by setting `self._file`.",
            ),
            (
                "python",
                "class C:\n    def reset(self):\n        pass\n",
                "C.reset",
                "Reset the `C`; does nothing by itself.",
            ),
            ("python", "def usage():\n    print(1)\n", "usage", "Handle the usage by calling `print`."),
            (
                "go",
                "package p\n\ntype I interface {\n\tM(a int) int\n}\n",
                "I.M",
                "M is the method M of the I, given a.",
            ),
        ] {
            let model = model(language, text);
            let index = symbol(&model, path);
            let draft = draft(&model, index, model.language.doc_style, &WriterOptions::default());
            assert_eq!(draft.map(|draft| draft.summary).as_deref(), Some(summary), "{text}");
        }
    }
}
