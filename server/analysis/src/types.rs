//! Types as documentation and annotations write them: whether two spellings mean the same. Prose is never compared.

/// How a documented type and a declared one relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The same, or the documentation only says less (`list` for `list[int]`).
    Same,
    /// Two types that differ.
    Different,
    /// One of them is prose or too involved: nothing can be said.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Type {
    name: String,
    arguments: Vec<Type>,
}

/// Compares a documented type with a declared one.
pub fn compare(documented: &str, declared: &str) -> Comparison {
    if documented.trim() == declared.trim() {
        return Comparison::Same;
    }
    let (Some(said), Some(meant)) = (read(documented), read(declared)) else { return Comparison::Unknown };
    if said.iter().chain(&meant).any(|member| !is_comparable(member)) {
        return Comparison::Unknown;
    }
    let without_nothing =
        |members: &[Type]| members.iter().filter(|member| member.name != "none").cloned().collect::<Vec<_>>();
    // "optional" in prose and a default of `None` are how most documentation says that a value may be missing.
    let (said, meant) = (without_nothing(&said), without_nothing(&meant));
    let covers =
        |left: &[Type], right: &[Type]| left.iter().all(|member| right.iter().any(|other| is_like(member, other)));
    if covers(&said, &meant) && covers(&meant, &said) { Comparison::Same } else { Comparison::Different }
}

/// Whether a documented return type says that nothing is returned.
pub fn is_nothing(text: &str) -> bool {
    let text = text.trim().trim_matches(['`', '{', '}', '.', ':', ' ']);
    let text = text.strip_prefix("Promise<").and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
    matches!(
        text,
        "None"
            | "none"
            | "void"
            | "undefined"
            | "NoReturn"
            | "typing.NoReturn"
            | "Never"
            | "never"
            | "()"
            | "nothing"
            | "Nothing"
            | "null"
            | "!"
    ) || text.split('|').all(|part| matches!(part.trim(), "void" | "undefined" | "null"))
}

/// Whether a type speaks of something that is gone through step by step.
pub fn is_iterator(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["iterator", "generator", "iterable", "yield", "stream", "coroutine"].iter().any(|word| lower.contains(word))
}

fn is_like(left: &Type, right: &Type) -> bool {
    left.name == right.name
        && (left.arguments.is_empty()
            || right.arguments.is_empty()
            || (left.arguments.len() == right.arguments.len()
                && left.arguments.iter().zip(&right.arguments).all(|(left, right)| is_like(left, right))))
}

fn is_comparable(member: &Type) -> bool {
    const VAGUE: [&str; 12] = [
        "any",
        "object",
        "array_like",
        "arraylike",
        "array",
        "ndarray",
        "number",
        "scalar",
        "function",
        "self",
        "callable",
        "sequence",
    ];
    !VAGUE.contains(&member.name.as_str())
        && member.arguments.iter().all(is_comparable)
        && member.name.chars().count() > 1
}

/// The members of a union, in canonical spelling; `None` for prose.
fn read(text: &str) -> Option<Vec<Type>> {
    let text = text.trim().trim_matches('`').replace(['"', '\''], "");
    let text = text.trim().trim_end_matches('=').trim_start_matches(['?', '!']);
    if text.is_empty() || !text.chars().all(|character| character.is_alphanumeric() || "_.[]|<>, ".contains(character))
    {
        return None;
    }
    let joined = text.replace(" or ", " | ");
    let mut members = Vec::new();
    for part in split(&joined, '|')? {
        let part = part.trim();
        if part.is_empty() || part.contains("=>") {
            return None;
        }
        let member = read_one(part)?;
        match member.name.as_str() {
            "optional" => {
                members.extend(member.arguments);
                members.push(Type { name: "none".to_owned(), arguments: Vec::new() });
            }
            "union" => members.extend(member.arguments),
            _ => members.push(member),
        }
    }
    members.sort();
    Some(members)
}

fn read_one(text: &str) -> Option<Type> {
    if let Some(item) = text.strip_suffix("[]") {
        return Some(Type { name: "list".to_owned(), arguments: vec![read_one(item)?] });
    }
    let open = text.find(['[', '<']);
    let name = open.and_then(|open| text.get(..open)).unwrap_or(text).trim();
    // A space outside of brackets is prose: "list of str".
    if name.is_empty() || name.contains([' ', ',', ']', '>']) {
        return None;
    }
    let mut arguments = Vec::new();
    if let Some(open) = open {
        let inner = text.get(open + 1..)?.strip_suffix([']', '>'])?;
        for part in split(inner, ',')? {
            let mut members = read(part)?;
            match (members.pop(), members.is_empty()) {
                (Some(only), true) => arguments.push(only),
                (Some(last), false) => {
                    members.push(last);
                    arguments.push(Type { name: "union".to_owned(), arguments: members });
                }
                (None, _) => return None,
            }
        }
    }
    Some(Type { name: canonical(name), arguments })
}

fn canonical(name: &str) -> String {
    let last = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
    match last.as_str() {
        "string" => "str",
        "integer" => "int",
        "boolean" => "bool",
        "dictionary" | "mapping" | "mutablemapping" | "record" => "dict",
        "nonetype" | "undefined" | "null" | "void" => "none",
        "double" => "float",
        "readonlyarray" | "array" if !last.is_empty() => "list",
        other => other,
    }
    .to_owned()
}

/// Cuts at `separator` outside of brackets; `None` where brackets do not pair.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0usize, 0);
    for (offset, character) in text.char_indices() {
        match character {
            '[' | '<' => depth += 1,
            ']' | '>' => depth = depth.checked_sub(1)?,
            _ if character == separator && depth == 0 => {
                parts.push(text.get(start..offset)?);
                start = offset + separator.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text.get(start..)?);
    (depth == 0).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_type_are_the_same() {
        for (said, meant) in [
            ("Optional[int]", "int | None"),
            ("typing.List[str]", "list[str]"),
            ("str or int", "Union[int, str]"),
            ("string", "str"),
            ("list", "list[int]"),
            ("'Foo'", "pkg.Foo"),
            ("int", "Optional[int]"),
            ("string[]", "Array<string>"),
            ("dict[str, int | None]", "Dict[str, Union[None, int]]"),
        ] {
            assert_eq!(compare(said, meant), Comparison::Same, "{said} {meant}");
        }
    }

    #[test]
    fn types_that_differ_are_seen() {
        for (said, meant) in [("int", "str"), ("list[int]", "list[str]"), ("str | int", "str"), ("Foo", "Bar")] {
            assert_eq!(compare(said, meant), Comparison::Different, "{said} {meant}");
        }
    }

    #[test]
    fn prose_is_never_compared() {
        for (said, meant) in [
            ("list of str", "int"),
            ("array_like", "int"),
            ("{'a', 'b'}", "str"),
            ("array, shape (n,)", "int"),
            ("a number", "str"),
            ("T", "int"),
        ] {
            assert_eq!(compare(said, meant), Comparison::Unknown, "{said} {meant}");
        }
    }

    #[test]
    fn nothing_has_many_names() {
        assert!(["None", "void", "Promise<void>", "undefined|null", "``None``"].iter().all(|text| is_nothing(text)));
        assert!(!["int", "None or int", "Promise<string>"].iter().any(|text| is_nothing(text)));
    }
}
