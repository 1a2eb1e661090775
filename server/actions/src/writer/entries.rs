//! What is said of parameters: from name, type, default and use.

use super::condition::Kind;
use super::subject::{Subject, Tongue, is_bool};
use super::surroundings::{Around, around};
use super::usage::{Usage, masked};
use super::verbs;
use super::words::{capital, code, list, phrase, split, the};
use syntax::docstring::{DocStyle, EntryDraft};
use syntax::model::{Param, ParamKind};

/// The entries for all parameters, in order; a destructured one is followed by its fields.
pub fn params(subject: &Subject<'_>) -> Vec<EntryDraft> {
    let mut entries = Vec::new();
    for index in 0..subject.symbol.params.len() {
        entries.extend(param(subject, index));
    }
    entries
}

/// The entry for one parameter, and those for its fields.
pub fn param(subject: &Subject<'_>, index: usize) -> Vec<EntryDraft> {
    let Some(param) = subject.symbol.params.get(index) else {
        return Vec::new();
    };
    let default = param
        .default
        .as_ref()
        .map(|default| default.text.trim())
        .filter(|text| code(text).is_some() && text.len() <= 40);
    let root = root_name(subject, index);
    let mut entries = vec![EntryDraft {
        name: match (param.kind, subject.tongue) {
            (ParamKind::Rest, Tongue::Python) => format!("*{}", param.name),
            (ParamKind::KeywordRest, _) => format!("**{}", param.name),
            (ParamKind::Pattern, _) => root.clone(),
            _ => param.name.clone(),
        },
        type_text: param_type(subject, param),
        optional: param.optional || param.default.is_some(),
        default: default.map(str::to_owned),
        text: format!(
            "{}{}",
            text(subject, param),
            stated(
                subject,
                param.default.as_ref().map(|default| default.text.trim()).filter(|_| param.kind != ParamKind::Pattern)
            )
        ),
    }];
    if param.kind == ParamKind::Pattern || !param.fields.is_empty() {
        entries.extend((0..param.fields.len()).filter_map(|at| field(subject, index, at)));
    }
    entries
}

/// The entry for one field of a destructured parameter.
pub fn field(subject: &Subject<'_>, index: usize, field: usize) -> Option<EntryDraft> {
    let param = subject.symbol.params.get(index)?;
    let field = param.fields.get(field)?;
    let own = field.name.rsplit('.').next().unwrap_or(&field.name);
    let default = field
        .default
        .as_ref()
        .map(|default| default.text.trim().to_owned())
        .filter(|text| code(text).is_some() && text.len() <= 40);
    let stand_in = Param { name: own.to_owned(), default: field.default.clone(), ..Param::default() };
    Some(EntryDraft {
        name: format!("{}.{}", root_name(subject, index), field.name),
        type_text: (subject.style == DocStyle::Jsdoc && subject.tongue == Tongue::JavaScript)
            .then(|| literal_type(field.default.as_ref().map(|default| default.text.as_str()))),
        // With `= {}` the whole argument may be left out, and each field with it.
        optional: field.default.is_some() || param.optional || param.default.is_some(),
        text: format!("{}{}", text(subject, &stand_in), stated(subject, default.as_deref())),
        default,
    })
}

/// The sentence on a default, in the styles that have no notation for it.
fn stated(subject: &Subject<'_>, default: Option<&str>) -> String {
    // An escape would have to be escaped again, and then be read as another text.
    let spoken = match default.map(|default| default.trim_matches(['"', '\''])) {
        Some("\\n") => Some("a line break".to_owned()),
        Some("\\r\\n") => Some("a carriage return and a line break".to_owned()),
        Some("\\r") => Some("a carriage return".to_owned()),
        Some("\\t") => Some("a tab".to_owned()),
        Some("\\0") => Some("a zero byte".to_owned()),
        Some("\\\\") => Some("a backslash".to_owned()),
        _ => default.filter(|text| text.len() <= 40).and_then(code),
    };
    match spoken.filter(|_| subject.style != DocStyle::Jsdoc) {
        Some(default) => format!(" Defaults to {default}."),
        None => String::new(),
    }
}

/// The name under which a destructured parameter is documented: that of its entry where there is one, else `options`.
pub fn root_name(subject: &Subject<'_>, index: usize) -> String {
    let params = &subject.symbol.params;
    match params.get(index) {
        Some(param) if !param.name.is_empty() => return param.name.clone(),
        _ => {}
    }
    let taken = |name: &str| params.iter().any(|param| param.name == name);
    let earlier = params.iter().take(index).filter(|param| param.name.is_empty()).count();
    let name = if earlier == 0 { "options".to_owned() } else { format!("options{}", earlier + 1) };
    if taken(&name) { format!("root{index}") } else { name }
}

/// The type to be shown: the declared one; for JSDoc without types what the default tells.
fn param_type(subject: &Subject<'_>, param: &Param) -> Option<String> {
    if let Some(declared) = &param.type_text {
        return Some(type_words(&declared.text)).filter(|flat| !flat.is_empty());
    }
    if subject.tongue != Tongue::JavaScript {
        return None;
    }
    Some(match param.kind {
        ParamKind::Rest => "...*".to_owned(),
        ParamKind::Pattern if param.span.of(&subject.model.text).trim_start().starts_with('[') => "Array".to_owned(),
        ParamKind::Pattern => "object".to_owned(),
        _ if subject.usage(&param.name).called_with.is_some() => "Function".to_owned(),
        _ => literal_type(param.default.as_ref().map(|default| default.text.as_str())),
    })
}

/// A declared type on one line: without comments, without quotes around the whole, without space inside of brackets.
pub fn type_words(declared: &str) -> String {
    let bare = masked(declared, false);
    let mut flat = String::new();
    let mut quote: Option<char> = None;
    for character in bare.chars() {
        match quote {
            Some(open) if open == character => quote = None,
            Some(_) => {}
            None if matches!(character, '"' | '\'' | '`') => quote = Some(character),
            None if character.is_whitespace() => {
                if !flat.ends_with([' ', '(', '[']) && !flat.is_empty() {
                    flat.push(' ');
                }
                continue;
            }
            None if matches!(character, ')' | ']' | ',') => {
                while flat.ends_with(' ') || character == ']' && flat.ends_with(',') {
                    flat.pop();
                }
            }
            None => {}
        }
        flat.push(character);
    }
    let mut flat = flat.trim();
    // Brackets that only let a type go over several lines.
    while let Some(inner) = flat.strip_prefix('(').and_then(|flat| flat.strip_suffix(')')) {
        let mut depth = 0i32;
        let is_whole = inner.chars().all(|character| {
            depth += i32::from(matches!(character, '(' | '[')) - i32::from(matches!(character, ')' | ']'));
            depth >= 0 && (depth > 0 || character != ',')
        });
        if !is_whole || inner.trim().is_empty() || bare.contains("=>") {
            break;
        }
        flat = inner.trim();
    }
    let inner = ['"', '\''].iter().find_map(|quote| flat.strip_prefix(*quote)?.strip_suffix(*quote));
    match inner.filter(|inner| !inner.contains(['"', '\''])) {
        Some(inner) => inner.trim().to_owned(),
        None => flat.to_owned(),
    }
}

/// The type of a literal in JavaScript; `*` where it is not known.
pub fn literal_type(literal: Option<&str>) -> String {
    let text = literal.unwrap_or("").trim();
    let kind = if matches!(text, "true" | "false") {
        "boolean"
    } else if text.starts_with(['"', '\'', '`']) && text.len() > 1 && text.ends_with(['"', '\'', '`']) {
        "string"
    } else if text.parse::<f64>().is_ok() {
        "number"
    } else if text.starts_with('[') && text.ends_with(']') {
        "Array"
    } else if text.starts_with('{') && text.ends_with('}') {
        "object"
    } else if text.starts_with("new ") {
        let class: String = text
            .chars()
            .skip(4)
            .take_while(|character| character.is_alphanumeric() || matches!(character, '_' | '.' | '$'))
            .collect();
        return if class.is_empty() { "*".to_owned() } else { class };
    } else {
        "*"
    };
    kind.to_owned()
}

/// One or two sentences on a parameter.
fn text(subject: &Subject<'_>, param: &Param) -> String {
    let usage = subject.usage(&param.name);
    let words = split(&param.name);
    match param.kind {
        ParamKind::Pattern => return pattern_text(subject, param),
        ParamKind::Rest | ParamKind::KeywordRest => return rest_text(subject, param, &usage, &words),
        _ => {}
    }
    if is_bool(param) {
        let end = usage
            .passed_to
            .first()
            .and_then(|callee| code(callee))
            .map_or(String::new(), |callee| format!(", passed on to {callee}"));
        return format!("Whether {}{end}.", whether(&words, &param.name));
    }
    if words.len() == 1 && is_small(&param.name) {
        return match usage.passed_to.first().and_then(|callee| code(callee)) {
            Some(callee) => format!("Value that is passed on to {callee}.{}", guard(subject, param)),
            None => format!("The value of `{}`.{}", param.name, guard(subject, param)),
        };
    }
    let head = head(&words, &param.name, &usage);
    let clause = use_clause(subject, param, &usage);
    let clause = if head.contains(" to ") && clause.starts_with(" to ") { String::new() } else { clause };
    format!("{head}{clause}.{}", guard(subject, param))
}

fn pattern_text(subject: &Subject<'_>, param: &Param) -> String {
    let fields: Vec<String> =
        param.fields.iter().filter(|field| !field.name.contains('.')).filter_map(|field| code(&field.name)).collect();
    let _ = subject;
    match fields.len() {
        0 => "The value to take apart.".to_owned(),
        1..=4 => format!("Holds {}.", list(&fields, "and")),
        _ => "Holds the properties listed below.".to_owned(),
    }
}

fn rest_text(subject: &Subject<'_>, param: &Param, usage: &Usage, words: &[String]) -> String {
    let what = match (param.kind, subject.tongue) {
        (ParamKind::KeywordRest, _) => "keyword arguments",
        (_, Tongue::Python) => "positional arguments",
        _ => "arguments",
    };
    let usual = matches!(
        param.name.as_str(),
        "args" | "kwargs" | "kw" | "arguments" | "rest" | "kwds" | "keywords" | "params" | "options" | "_"
    );
    let passed = usage.unpacked_into.as_deref().and_then(code);
    if usual {
        return match passed {
            Some(callee) => format!("{} passed on to {callee}.", capital(what)),
            None => format!("Additional {what}."),
        };
    }
    let named = phrase(words);
    let given_to = usage.passed_to.first().and_then(|callee| code(callee)).filter(|_| !usage.iterated);
    let end = match (passed.or(given_to), usage.iterated) {
        (Some(callee), _) => format!(", passed on to {callee}"),
        (None, true) => ", one after the other".to_owned(),
        (None, false) => format!(", given as {what}"),
    };
    format!("{}{end}.", capital(&the(&named)))
}

/// What a yes-or-no name asks: "to keep the order", "the order is kept". `name` is the name as the code has it.
pub fn whether(words: &[String], name: &str) -> String {
    const PREPOSITIONS: [&str; 14] =
        ["from", "to", "by", "with", "for", "in", "on", "at", "of", "as", "into", "if", "when", "only"];
    const ADJECTIVES: [&str; 34] = [
        "verbose",
        "strict",
        "recursive",
        "quiet",
        "silent",
        "lazy",
        "eager",
        "greedy",
        "inclusive",
        "exclusive",
        "exact",
        "safe",
        "unique",
        "global",
        "case_sensitive",
        "sensitive",
        "interactive",
        "deterministic",
        "symmetric",
        "sparse",
        "persistent",
        "ascending",
        "descending",
        "sync",
        "loud",
        "fast",
        "slow",
        "visible",
        "hidden",
        "active",
        "public",
        "private",
        "optional",
        "mutable",
    ];
    let Some(first) = words.first() else {
        return "it applies".to_owned();
    };
    let rest = words.get(1..).unwrap_or(&[]);
    let last = words.last().map_or("", String::as_str);
    match first.as_str() {
        "is" | "are" if !rest.is_empty() => return format!("it is {}", phrase(rest)),
        "has" if !rest.is_empty() => return format!("it has {}", phrase(rest)),
        "can" | "should" | "must" | "will" if !rest.is_empty() => return format!("it {first} {}", phrase(rest)),
        "no" | "without" if !rest.is_empty() => return format!("to leave out {}", the(&phrase(rest))),
        "with" if !rest.is_empty() => return format!("to include {}", the(&phrase(rest))),
        "do" if !rest.is_empty() => return whether(rest, name),
        _ => {}
    }
    if ADJECTIVES.contains(&last) {
        return format!("to be {}", phrase(words));
    }
    if first.ends_with('s')
        && first.strip_suffix('s').is_some_and(|stem| verbs::verb(stem).is_some())
        && !rest.is_empty()
    {
        return format!("it {}", phrase(words));
    }
    let past = last.ends_with("ed") && last.len() > 4;
    if past && words.len() > 1 {
        return format!("{} is {}", the(&phrase(words.get(..words.len() - 1).unwrap_or(&[]))), last);
    }
    if past {
        return format!("it is {last}");
    }
    match verbs::verb(first) {
        Some(verb) if rest.is_empty() => format!("to {}", verbs::base(verb.say)),
        Some(verb) if rest.first().is_some_and(|word| PREPOSITIONS.contains(&word.as_str())) => {
            format!("to {} {}", verbs::base(verb.say), phrase(rest))
        }
        Some(verb) if rest.iter().all(|word| word.ends_with("ly")) => {
            format!("to {} {}", verbs::base(verb.say), phrase(rest))
        }
        Some(verb) => format!("to {} {}", verbs::base(verb.say), the(&phrase(rest))),
        // A word that is not known may be an adjective as well as a noun.
        None if rest.is_empty() => format!("`{name}` applies"),
        None => format!("{} is wanted", the(&phrase(words))),
    }
}

/// Whether a name is a pronoun or a preposition, which can take no article.
fn is_small(name: &str) -> bool {
    super::naming::PREPOSITIONS.contains(&name) || matches!(name, "it" | "he" | "them" | "they" | "me" | "us" | "who")
}

/// The noun that a parameter is.
fn head(words: &[String], name: &str, usage: &Usage) -> String {
    let last = words.last().map_or("", String::as_str);
    let rest = words.get(..words.len().saturating_sub(1)).unwrap_or(&[]);
    let tail = words.get(1..).unwrap_or(&[]);
    match words.first().map_or("", String::as_str) {
        "" => return "The value".to_owned(),
        "max" | "maximum" if !tail.is_empty() => return format!("The upper limit of {}", the(&phrase(tail))),
        "min" | "minimum" if !tail.is_empty() => return format!("The lower limit of {}", the(&phrase(tail))),
        "timeout" if tail.is_empty() => return "How long to wait".to_owned(),
        "encoding" if tail.is_empty() => return "The character encoding".to_owned(),
        "default" if tail.is_empty() => return "The value to fall back to".to_owned(),
        "callback" | "cb" if tail.is_empty() => return "The function to call back".to_owned(),
        "fn" | "func" | "function" if tail.is_empty() => return "The function".to_owned(),
        "x" | "y" | "z" | "a" | "b" | "c" | "v" | "val" | "value" | "data" if words.len() == 1 && usage.iterated => {
            return "The values".to_owned();
        }
        "is" | "has" | "can" | "should" if !tail.is_empty() && usage.called_with.is_some() => {
            return format!("The test for {}", phrase(tail));
        }
        "on" if !tail.is_empty() => return format!("The callback for {}", the(&phrase(tail))),
        word if words.len() == 1 && the(word) == word => return format!("The value of `{name}`"),
        word if words.len() == 1
            && word.trim_end_matches(|digit: char| digit.is_ascii_digit()).chars().count() <= 1 =>
        {
            return "The value".to_owned();
        }
        _ => {}
    }
    if let ([one], false) = (rest, tail.is_empty())
        && let Some(verb) =
            verbs::verb(one).filter(|verb| !verb.noun_too && !matches!(verb.say, "end" | "stop" | "start" | "set"))
        && last.ends_with('s')
    {
        return format!("The {} to {}", phrase(&words[words.len() - 1..]), verbs::base(verb.say));
    }
    const HEADS: [&str; 27] = [
        "name", "type", "size", "path", "url", "index", "key", "prefix", "suffix", "format", "length", "width",
        "height", "date", "time", "mode", "version", "status", "label", "title", "color", "offset", "position",
        "shape", "id", "idx", "names",
    ];
    if !rest.is_empty()
        && HEADS.contains(&last)
        && !matches!(rest, [word] if matches!(word.as_str(), "file" | "base" | "new" | "old" | "full" | "data" | "default" | "start" | "end" | "input" | "output" | "source" | "target" | "first" | "last"))
    {
        return format!("The {} of {}", phrase(&words[words.len() - 1..]), the(&phrase(rest)));
    }
    capital(&the(&phrase(words)))
}

/// What is done with it.
fn use_clause(subject: &Subject<'_>, param: &Param, usage: &Usage) -> String {
    let quoted = |items: &[String], most: usize| -> Option<String> {
        let codes: Vec<String> = items.iter().take(most).filter_map(|item| code(item)).collect();
        (!codes.is_empty()).then(|| list(&codes, "and"))
    };
    if let Some(arguments) = &usage.called_with {
        return match code(&format!("{}({arguments})", param.name)) {
            Some(call) if arguments.len() <= 40 => format!(", called as {call}"),
            _ => ", called by the body".to_owned(),
        };
    }
    if let Some(literals) = quoted(&usage.compared, 5) {
        return format!(", compared with {literals}");
    }
    if usage.iterated {
        return " to iterate over".to_owned();
    }
    if param.is_property {
        return code(&format!("this.{}", param.name)).map(|name| format!(", kept as {name}")).unwrap_or_default();
    }
    if let Some(attribute) = usage.stored.as_ref().and_then(|attribute| code(attribute)) {
        return format!(", kept as {attribute}");
    }
    if let Some(callees) = quoted(&usage.passed_to, 2) {
        return format!(", passed on to {callees}");
    }
    if let Some(callee) = usage.unpacked_into.as_ref().and_then(|callee| code(callee)) {
        return format!(", unpacked into {callee}");
    }
    if let Some(keys) = quoted(&usage.keys, 4) {
        return format!(", read at {} {keys}", if usage.keys.len() == 1 { "the key" } else { "the keys" });
    }
    let attributes: Vec<String> =
        usage.attributes.iter().map(|attribute| format!("{}.{attribute}", param.name)).collect();
    if let Some(attributes) = quoted(&attributes, 3) {
        return format!(
            ", of which {attributes} {} used",
            if usage.attributes.len().min(3) == 1 { "is" } else { "are" }
        );
    }
    let plain = [
        (usage.is_key, ", used as a key"),
        (usage.indexed, ", read by index or key"),
        (usage.searched, " to search"),
        (usage.returned && !usage.reassigned && only_return(subject), ", returned as it is"),
        (usage.formatted, " to put into the text"),
        (usage.computed, " to compute with"),
        (usage.tested, ", tested for being set"),
    ];
    if let Some((_, words)) = plain.iter().find(|(holds, _)| *holds) {
        return (*words).to_owned();
    }
    let has_body = subject.symbol.body.is_some() && !subject.flags().is_stub && !subject.flags().is_abstract;
    if has_body
        && usage.occurrences == 0
        && !usage.reassigned
        && !subject.is_opaque()
        && param.kind != ParamKind::Pattern
    {
        return ", accepted but not used".to_owned();
    }
    " to use".to_owned()
}

/// Whether the body has one way out that hands something back.
fn only_return(subject: &Subject<'_>) -> bool {
    subject.symbol.facts.as_ref().is_some_and(|facts| facts.returns.len() == 1 && !facts.falls_through)
}

/// What a guard at a raise forbids: only where it alone leads to the raise, and not what the default is.
fn guard(subject: &Subject<'_>, param: &Param) -> &'static str {
    let (Some(facts), name) = (&subject.symbol.facts, &param.name) else {
        return "";
    };
    let default = param.default.as_ref().map(|default| default.text.trim());
    let number = default.and_then(|default| default.parse::<f64>().ok());
    for throw in facts.throws.iter().chain(&facts.rejects) {
        let leads = around(subject, throw.span);
        let [Around::If(condition)] = leads.as_slice() else { continue };
        let is = |forms: &[&str]| forms.iter().any(|form| *condition == form.replace('§', name));
        let nothing = matches!(default, Some("None" | "null" | "undefined"));
        let (said, allowed) = if is(&["§ is None"]) {
            (" Must not be `None`.", nothing)
        } else if is(&["§ === null", "§ == null", "§ === undefined"]) {
            (" Must be given.", param.optional || default.is_some())
        } else if is(&["§ < 0"]) {
            (" Must not be negative.", nothing || number.is_some_and(|number| number < 0.0))
        } else if is(&["§ <= 0"]) {
            (" Must be positive.", nothing || number.is_some_and(|number| number <= 0.0))
        } else if is(&["not §", "!§", "len(§) == 0", "§.length === 0"]) {
            match subject.kind_of(name) {
                Kind::Number => (" Must not be zero.", number == Some(0.0)),
                Kind::Truth => ("", true),
                _ => (" Must not be empty.", default.is_some()),
            }
        } else {
            continue;
        };
        if !allowed && !subject.usage(name).reassigned {
            return said;
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use crate::testing::{model, symbol};
    use crate::writer::{WriterOptions, draft};
    use syntax::docstring::DocStyle;

    fn texts(text: &str) -> Vec<String> {
        let model = model("python", text);
        let draft = draft(&model, symbol(&model, "f"), DocStyle::Google, &WriterOptions::default());
        draft.into_iter().flat_map(|draft| draft.params).map(|entry| entry.text).collect()
    }

    #[test]
    fn types_are_told_on_one_line_without_what_is_no_type() {
        for (declared, told) in [
            ("dict[  # noqa: A002\n    str, int\n]", "dict[str, int]"),
            ("( str | None )", "str | None"),
            ("(A, B)", "(A, B)"),
            ("Literal[ 'a ', 'b', ]", "Literal['a ', 'b']"),
            ("\"list[int]\"", "list[int]"),
            ("'A' | 'B'", "'A' | 'B'"),
        ] {
            assert_eq!(super::type_words(declared), told);
        }
    }

    #[test]
    fn names_in_back_ticks_and_defaults_are_those_of_the_code() {
        let told = texts("def f(_simple=False, async_=False, sep='\\n'):\n    g(sep)\n");
        assert_eq!(
            told,
            [
                "Whether `_simple` applies. Defaults to `False`.",
                "Whether `async_` applies. Defaults to `False`.",
                "The separator, passed on to `g`. Defaults to a line break."
            ]
        );
    }

    #[test]
    fn only_a_guard_that_stands_alone_forbids_a_value() {
        let guarded = "def f(x):\n    if x is None:\n        raise ValueError\n    g(x)\n";
        assert_eq!(texts(guarded), ["The value, passed on to `g`. Must not be `None`."]);
        let default = guarded.replace("(x):", "(x=None):");
        assert_eq!(texts(&default), ["The value, passed on to `g`. Defaults to `None`."]);
        let nested = "def f(x, on):\n    if on:\n        if x is None:\n            raise ValueError\n    g(x)\n";
        assert_eq!(texts(nested).first().map(String::as_str), Some("The value, passed on to `g`."));
    }
}
