//! What is said of results: returned and yielded values, and the attributes of a type that is mainly its data.

use super::asked::whether_clause;
use super::entries::{literal_type, type_words};
use super::naming::{Object, object};
use super::special::special;
use super::subject::{Subject, Tongue};
use super::summary::got;
use super::usage::holds_word;
use super::verbs::{self, VerbClass};
use super::words::{capital, code, list, phrase, singular, split, the};
use syntax::docstring::{DocStyle, EntryDraft};
use syntax::model::{Spanned, SymbolKind};

/// The entry for the returned value, where there is one.
pub fn returns(subject: &Subject<'_>) -> Option<EntryDraft> {
    if !subject.returns_value() {
        return None;
    }
    let (name, type_text) = headed(subject, return_type(subject));
    Some(EntryDraft { name, type_text, text: return_text(subject), ..EntryDraft::default() })
}

/// What stands before the words on a result. In NumPy's style the first line of an entry is its type, whatever other entries show.
fn headed(subject: &Subject<'_>, type_text: Option<String>) -> (String, Option<String>) {
    match type_text {
        Some(shown) if subject.style == DocStyle::Numpy => (shown, None),
        other => (String::new(), other),
    }
}

/// The type of what is returned as far as the values written tell, in NumPy's words.
fn seen_type(subject: &Subject<'_>) -> String {
    let values = values(subject);
    let kinds: Vec<Option<&str>> = values.iter().map(|value| literal_kind(value)).collect();
    let own = subject.owner_name.as_deref().filter(|_| values.iter().all(|value| *value == "self"));
    let kind = match kinds.split_first() {
        _ if subject.returns_bool() => "bool",
        Some((Some(first), rest)) if rest.iter().all(|kind| *kind == Some(first)) => first,
        _ => own.unwrap_or("object"),
    };
    if may_be_nothing(subject) && kind != "object" { format!("{kind} or None") } else { kind.to_owned() }
}

/// The class of a literal or of a conversion in Python.
fn literal_kind(value: &str) -> Option<&'static str> {
    let whole = |open: char, close: char| value.starts_with(open) && value.ends_with(close);
    let called = ["str", "int", "float", "bool", "list", "dict", "tuple", "set", "len", "sorted"];
    let callee = value.find('(').filter(|_| closes_at_end(value)).and_then(|at| value.get(..at));
    Some(match value.as_bytes().first()? {
        b'"' | b'\'' => "str",
        b'f' if value.starts_with("f\"") || value.starts_with("f'") => "str",
        b'b' if value.starts_with("b\"") || value.starts_with("b'") => "bytes",
        b'[' if whole('[', ']') && !value.contains("][") => "list",
        _ if value.parse::<i64>().is_ok() => "int",
        _ if value.parse::<f64>().is_ok() && value.starts_with(|first: char| first.is_ascii_digit()) => "float",
        _ => match callee.and_then(|callee| called.iter().find(|known| **known == callee))? {
            &"len" => "int",
            &"sorted" => "list",
            known => known,
        },
    })
}

fn return_type(subject: &Subject<'_>) -> Option<String> {
    if let Some(declared) = &subject.symbol.return_type {
        return Some(type_words(&declared.text));
    }
    if subject.style == DocStyle::Numpy {
        return Some(seen_type(subject));
    }
    if subject.tongue != Tongue::JavaScript {
        return None;
    }
    let values = values(subject);
    let inner = if subject.returns_bool() {
        "boolean".to_owned()
    } else {
        let kinds: Vec<String> = values.iter().map(|value| literal_type(Some(value))).collect();
        match kinds.split_first() {
            Some((first, rest)) if rest.iter().all(|kind| kind == first) => first.clone(),
            _ => "*".to_owned(),
        }
    };
    Some(if subject.flags().is_async { format!("Promise<{inner}>") } else { inner })
}

/// Values returned, as written, "nothing" left out.
fn values<'a>(subject: &Subject<'a>) -> Vec<&'a str> {
    let facts = subject.symbol.facts.as_ref();
    facts
        .map(|facts| {
            facts
                .returns
                .iter()
                .filter(|fact| fact.has_value())
                .filter_map(|fact| fact.value.as_ref())
                .map(|value| value.text.trim())
                .collect()
        })
        .unwrap_or_default()
}

/// Whether some way out hands back nothing.
fn may_be_nothing(subject: &Subject<'_>) -> bool {
    subject.symbol.facts.as_ref().is_some_and(|facts| facts.returns.iter().any(|fact| !fact.has_value()))
}

fn return_text(subject: &Subject<'_>) -> String {
    let (yes, no, nothing) = match subject.tongue {
        Tongue::Python => ("`True`", "`False`", "`None`"),
        _ => ("`true`", "`false`", "`undefined`"),
    };
    let promised = special(subject).and_then(|text| text.strip_prefix("return ").map(str::to_owned));
    match promised.as_deref().map(|text| (text, text.strip_prefix("whether "))) {
        Some((_, Some(clause))) => return format!("{yes} if {clause}, {no} otherwise."),
        Some((value, None)) => return format!("{}.", capital(value)),
        None => {}
    }
    if let Some(clause) = whether_clause(subject) {
        return format!("{yes} if {clause}, {no} otherwise.");
    }
    if subject.flags().is_getter && !subject.returns_bool() {
        return format!("{}.", capital(&got(subject)));
    }
    if subject.returns_bool() {
        return match truth_reason(subject) {
            Some(reason) => format!("{yes} if {reason}, {no} otherwise."),
            None => format!("Either {yes} or {no}."),
        };
    }
    let values = values(subject);
    let nothing = match subject
        .symbol
        .facts
        .as_ref()
        .and_then(|facts| facts.returns.iter().find_map(|fact| fact.value.as_ref().filter(|_| !fact.has_value())))
    {
        Some(value) => code(&value.text).unwrap_or_else(|| nothing.to_owned()),
        None => nothing.to_owned(),
    };
    let end = if may_be_nothing(subject) { format!(", or {nothing}") } else { String::new() };
    let core = one_value(subject, &values).unwrap_or_else(|| by_name(subject));
    format!("{}{end}.", capital(&core))
}

/// When a function without a telling name returns true: what its one returned expression says.
fn truth_reason(subject: &Subject<'_>) -> Option<String> {
    match values(subject).as_slice() {
        [one] if !matches!(*one, "True" | "False" | "true" | "false") => subject.clause(one),
        _ => None,
    }
}

/// Words for the value where all ways out return the same kind of thing.
fn one_value(subject: &Subject<'_>, values: &[&str]) -> Option<String> {
    let first = *values.first()?;
    let all = |holds: &dyn Fn(&str) -> bool| values.iter().all(|value| holds(value));
    let name = |text: &str| {
        !text.is_empty()
            && text.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '$'))
            && !text.starts_with(|character: char| character.is_numeric())
    };
    if all(&|value| matches!(value, "self" | "this")) {
        return Some("the instance itself".to_owned());
    }
    if values.len() == 1 && (first.parse::<f64>().is_ok() || first.starts_with(['"', '\'']) && first.len() > 1) {
        let only = subject.symbol.facts.as_ref().is_some_and(|facts| facts.returns.len() == 1 && !facts.falls_through);
        return code(first).map(|literal| if only { format!("always {literal}") } else { literal });
    }
    if all(&|value| value == first) && name(first) {
        if subject.symbol.params.iter().any(|param| param.name == first) && !subject.usage(first).reassigned {
            return code(first)
                .map(|name| format!("{name}, as it was given or changed in place"))
                .filter(|_| subject.usage(first).occurrences > 1)
                .or_else(|| code(first).map(|name| format!("{name}, unchanged")));
        }
        let words = split(first);
        let generic = [
            "result", "results", "res", "ret", "out", "output", "rv", "value", "val", "x", "r", "retval", "obj",
            "data", "self", "this", "cls", "None", "ans", "tmp", "temp", "y", "z", "s", "d", "a", "b", "c", "n", "i",
        ];
        if !generic.contains(&first) && first.len() > 1 {
            return Some(the(&phrase(&words)));
        }
        return None;
    }
    if all(&|value| value.starts_with("cls(") && closes_at_end(value))
        && let Some(owner) = subject.owner.and_then(|owner| code(&owner.name))
    {
        return Some(format!("a new {owner}"));
    }
    let constructed = |value: &str| -> Option<String> {
        let value = value.strip_prefix("new ").unwrap_or(value);
        let callee = value.get(..value.find('(')?)?;
        let whole = value.ends_with(')') && closes_at_end(value);
        let last = callee.rsplit('.').next()?;
        (whole
            && last.starts_with(char::is_uppercase)
            && callee.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '.')))
        .then(|| callee.to_owned())
    };
    if let Some(class) =
        constructed(first).filter(|class| values.iter().all(|value| constructed(value).as_ref() == Some(class)))
    {
        let quoted = code(&class)?;
        return Some(format!("a new {quoted}"));
    }
    let items: Vec<&str> =
        first.trim_matches(['(', ')']).split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
    if subject.tongue == Tongue::Python && values.len() == 1 && items.len() > 1 && items.iter().all(|item| name(item)) {
        let quoted: Vec<String> = items.iter().filter_map(|item| code(item)).collect();
        return Some(format!("a tuple of {}", list(&quoted, "and")));
    }
    if values.len() > 1 {
        return None;
    }
    if let Some(attribute) =
        first.strip_prefix("self.").or_else(|| first.strip_prefix("this.")).filter(|attribute| name(attribute))
    {
        return Some(the(&phrase(&split(attribute))));
    }
    if first.starts_with('[') && first.contains(" for ") {
        return Some("a list with one item for each element gone through".to_owned());
    }
    let bare = first.strip_prefix("await ").unwrap_or(first);
    let callee = bare.get(..bare.find('(')?)?;
    let dotted = callee.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '.' | '$'));
    let dull = ["len", "str", "int", "float", "bool", "list", "tuple", "dict", "set", "super", "sorted"];
    if dotted && closes_at_end(bare) && !callee.is_empty() && !dull.contains(&callee) && !callee.starts_with('.') {
        // A function that is named for what it hands out says it better than the call does.
        if matches!(object(subject), Some(Object { verb: Some(verb), words }) if !words.is_empty() && hands_out(verb)) {
            return None;
        }
        return code(callee).map(|callee| format!("the result of {callee}"));
    }
    None
}

/// Whether the bracket opened first closes at the very end.
fn closes_at_end(text: &str) -> bool {
    let mut depth = 0i32;
    let last = text.len().saturating_sub(1);
    for (offset, character) in text.char_indices() {
        depth += i32::from(character == '(') - i32::from(character == ')');
        if depth == 0 && character == ')' {
            return offset == last;
        }
    }
    false
}

/// Whether the value returned by a function named with this verb is its object.
pub(super) fn hands_out(verb: &str) -> bool {
    verbs::verb(verb).is_some_and(|verb| {
        matches!(verb.class, VerbClass::Query | VerbClass::Read | VerbClass::Make | VerbClass::Convert)
    })
}

/// Words from what the function's name promises: "the parsed configuration".
fn by_name(subject: &Subject<'_>) -> String {
    match object(subject) {
        Some(Object { verb: Some(verb), words }) if !words.is_empty() && hands_out(verb) => {
            let bare = words.trim_start_matches("the ");
            match verb {
                "return" | "yield" => the(&words),
                "make" | "create" | "build" | "generate" | "construct" | "produce" | "instantiate" | "allocate" => {
                    format!("the new {bare}")
                }
                _ => format!("the {} {bare}", verbs::participle(verb)),
            }
        }
        Some(Object { verb: Some("return"), .. }) => "the value found".to_owned(),
        Some(Object { verb: Some(verb), .. }) if hands_out(verb) => format!("the {} value", verbs::participle(verb)),
        Some(Object { verb: Some(verb), .. }) => format!("the result of {}", verbs::gerund(verb)),
        // A letter names nothing.
        Some(Object { verb: None, words }) if words.chars().count() > 1 => match words.rsplit_once(' ') {
            // An adjective behind its noun is no noun phrase.
            Some((noun, "missing" | "pending" | "existing" | "remaining" | "changed" | "needed" | "wanted")) => {
                let used: Vec<String> = subject
                    .required()
                    .iter()
                    .filter(|param| values(subject).iter().any(|value| holds_word(value, &param.name)))
                    .filter_map(|param| code(&param.name))
                    .collect();
                match used.is_empty() {
                    true => the(noun),
                    false => format!("{}, worked out from {}", the(noun), list(&used, "and")),
                }
            }
            _ => the(&words),
        },
        _ => "the resulting value".to_owned(),
    }
}

/// The entry for yielded values, where there are any.
pub fn yields(subject: &Subject<'_>) -> Option<EntryDraft> {
    let facts = subject.symbol.facts.as_ref()?;
    let first = facts.yields.first()?;
    if facts.yields.is_empty() {
        return None;
    }
    let value = first.value.as_deref().map(str::trim).unwrap_or("");
    let name = !value.is_empty()
        && value.len() > 1
        && value.chars().all(|character| character.is_alphanumeric() || character == '_')
        && !matches!(value, "None" | "True" | "False");
    let text = if first.delegates {
        let callee = value.get(..value.find('(').unwrap_or(value.len())).unwrap_or(value);
        let source = subject.loop_source(value).and_then(code).map(|source| format!("the items of {source}"));
        source
            .or_else(|| code(callee).filter(|_| !subject.names_local(callee)))
            .map_or_else(|| "Each value of the inner iterator.".to_owned(), |callee| format!("Each value of {callee}."))
    } else if value.is_empty() || value == "None" {
        "Control, without a value.".to_owned()
    } else if name {
        format!("{}.", capital(&format!("each {}", singular(&phrase(&split(value))))))
    } else {
        let words = match object(subject) {
            Some(Object { words, .. }) if !words.is_empty() => {
                singular(words.trim_start_matches("the ").trim_start_matches("all "))
            }
            _ => "value".to_owned(),
        };
        format!("Each {words} in turn.")
    };
    let declared = subject.symbol.return_type.as_ref().and_then(|declared| yielded_type(&type_words(&declared.text)));
    let unknown = || (subject.style == DocStyle::Numpy).then(|| "object".to_owned());
    let (name, type_text) = headed(subject, declared.or_else(unknown));
    Some(EntryDraft { name, type_text, text, ..EntryDraft::default() })
}

/// `Iterator[T]` yields `T`.
fn yielded_type(declared: &str) -> Option<String> {
    let declared = declared.trim();
    let (outer, inner) = declared.split_once('[')?;
    let outer = outer.rsplit('.').next().unwrap_or(outer);
    let inner = inner.strip_suffix(']')?;
    match outer {
        "Iterator" | "Iterable" | "AsyncIterator" | "AsyncIterable" => Some(inner.trim().to_owned()),
        "Generator" | "AsyncGenerator" => {
            let mut depth = 0;
            let end = inner.find(|character: char| {
                depth += i32::from(character == '[') - i32::from(character == ']');
                character == ',' && depth == 0
            });
            Some(inner.get(..end.unwrap_or(inner.len())).unwrap_or(inner).trim().to_owned())
        }
        _ => None,
    }
}

/// Entries for the attributes of a type that is mainly its data.
pub fn attributes(subject: &Subject<'_>) -> Vec<EntryDraft> {
    let symbol = subject.symbol;
    let data =
        symbol.decorators.iter().any(|decorator| decorator.contains("dataclass") || decorator.starts_with("attr"))
            || symbol.bases.iter().any(|base| base.ends_with("NamedTuple") || base.ends_with("TypedDict"));
    if subject.tongue != Tongue::Python || !data {
        return Vec::new();
    }
    // All attributes or none: a list that leaves some out would claim that there are no others.
    let members = || subject.model.children(subject.index).map(|(_, child)| child);
    let mut found: Vec<(&str, Option<&Spanned>)> = Vec::new();
    let fields = members()
        .filter(|child| matches!(child.kind, SymbolKind::Field | SymbolKind::Constant) && child.doc.is_none())
        .map(|child| (child.name.as_str(), child.value_type.as_ref()));
    let assigned = members()
        .flat_map(|child| child.facts.iter().flat_map(|facts| &facts.assigned_attributes))
        .map(|attribute| (attribute.text.as_str(), None));
    for (name, declared) in fields.chain(assigned) {
        let is_property = members().any(|child| child.name == name && child.kind == SymbolKind::Property);
        if !name.starts_with('_') && !is_property && found.iter().all(|(known, _)| *known != name) {
            found.push((name, declared));
        }
    }
    if found.iter().all(|(_, declared)| declared.is_none()) {
        return Vec::new();
    }
    found.into_iter().map(|(name, declared)| attribute(name, declared)).collect()
}

/// The entry for one attribute.
pub fn attribute(name: &str, declared: Option<&Spanned>) -> EntryDraft {
    let words = split(name);
    let truth = declared.is_some_and(|declared| matches!(declared.text.trim(), "bool" | "boolean"));
    let text = if truth {
        format!("Whether {}.", super::entries::whether(&words, name))
    } else {
        format!("{} of the instance.", capital(&the(&phrase(&words))))
    };
    EntryDraft {
        name: name.to_owned(),
        type_text: declared.map(|declared| type_words(&declared.text)),
        text,
        ..EntryDraft::default()
    }
}
