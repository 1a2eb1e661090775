//! Names into words: camel case, snake case, acronyms, digits, and what the common abbreviations stand for.

/// What short forms mean in prose. Only forms with one usual meaning are listed.
const SHORT_FORMS: &[(&str, &str)] = &[
    ("addr", "address"),
    ("arg", "argument"),
    ("args", "arguments"),
    ("arr", "array"),
    ("attr", "attribute"),
    ("attrs", "attributes"),
    ("auth", "authentication"),
    ("buf", "buffer"),
    ("cb", "callback"),
    ("cfg", "configuration"),
    ("char", "character"),
    ("chars", "characters"),
    ("cls", "class"),
    ("cmd", "command"),
    ("cmds", "commands"),
    ("conf", "configuration"),
    ("config", "configuration"),
    ("conn", "connection"),
    ("coord", "coordinate"),
    ("coords", "coordinates"),
    ("ctx", "context"),
    ("cur", "current"),
    ("decl", "declaration"),
    ("dep", "dependency"),
    ("deps", "dependencies"),
    ("dest", "destination"),
    ("diff", "difference"),
    ("dim", "dimension"),
    ("dims", "dimensions"),
    ("dir", "directory"),
    ("dirs", "directories"),
    ("dst", "destination"),
    ("elem", "element"),
    ("elems", "elements"),
    ("elt", "element"),
    ("env", "environment"),
    ("err", "error"),
    ("exc", "exception"),
    ("expr", "expression"),
    ("fn", "function"),
    ("func", "function"),
    ("freq", "frequency"),
    ("hdr", "header"),
    ("idx", "index"),
    ("img", "image"),
    ("impl", "implementation"),
    ("info", "information"),
    ("kw", "keyword"),
    ("kwargs", "keyword arguments"),
    ("lang", "language"),
    ("len", "length"),
    ("lib", "library"),
    ("mem", "memory"),
    ("msg", "message"),
    ("msgs", "messages"),
    ("num", "number"),
    ("obj", "object"),
    ("objs", "objects"),
    ("opt", "option"),
    ("opts", "options"),
    ("orig", "original"),
    ("param", "parameter"),
    ("params", "parameters"),
    ("pkg", "package"),
    ("pos", "position"),
    ("prev", "previous"),
    ("proc", "process"),
    ("prop", "property"),
    ("props", "properties"),
    ("ptr", "pointer"),
    ("qs", "query string"),
    ("ref", "reference"),
    ("refs", "references"),
    ("repo", "repository"),
    ("req", "request"),
    ("resp", "response"),
    ("ret", "result"),
    ("rv", "result"),
    ("seq", "sequence"),
    ("sep", "separator"),
    ("sess", "session"),
    ("spec", "specification"),
    ("specs", "specifications"),
    ("src", "source"),
    ("stmt", "statement"),
    ("str", "string"),
    ("strs", "strings"),
    ("tmp", "temporary"),
    ("tok", "token"),
    ("tpl", "template"),
    ("util", "utility"),
    ("val", "value"),
    ("vals", "values"),
    ("var", "variable"),
    ("vars", "variables"),
    ("vec", "vector"),
];

/// Words that are written in capitals, or in a way of their own.
const ACRONYMS: &[(&str, &str)] = &[
    ("api", "API"),
    ("ascii", "ASCII"),
    ("ast", "AST"),
    ("cli", "CLI"),
    ("cors", "CORS"),
    ("cpu", "CPU"),
    ("crc", "CRC"),
    ("crc32", "CRC-32"),
    ("csp", "CSP"),
    ("css", "CSS"),
    ("csv", "CSV"),
    ("cwd", "working directory"),
    ("db", "database"),
    ("dns", "DNS"),
    ("dom", "DOM"),
    ("eof", "end of file"),
    ("eol", "line break"),
    ("fifo", "FIFO"),
    ("ftp", "FTP"),
    ("gpu", "GPU"),
    ("grpc", "gRPC"),
    ("gui", "GUI"),
    ("html", "HTML"),
    ("http", "HTTP"),
    ("https", "HTTPS"),
    ("id", "identifier"),
    ("ids", "identifiers"),
    ("io", "I/O"),
    ("ip", "IP"),
    ("ipv4", "IPv4"),
    ("ipv6", "IPv6"),
    ("json", "JSON"),
    ("jwt", "JWT"),
    ("lru", "LRU"),
    ("lsp", "LSP"),
    ("md5", "MD5"),
    ("mime", "MIME"),
    ("os", "OS"),
    ("pdf", "PDF"),
    ("pid", "process identifier"),
    ("pk", "primary key"),
    ("png", "PNG"),
    ("ram", "RAM"),
    ("rfc3339", "RFC 3339"),
    ("rgb", "RGB"),
    ("rgba", "RGBA"),
    ("rpc", "RPC"),
    ("rsa", "RSA"),
    ("sdk", "SDK"),
    ("sha1", "SHA-1"),
    ("sha256", "SHA-256"),
    ("sql", "SQL"),
    ("ssh", "SSH"),
    ("ssl", "SSL"),
    ("svg", "SVG"),
    ("tcp", "TCP"),
    ("tls", "TLS"),
    ("toml", "TOML"),
    ("ttl", "time to live"),
    ("tz", "time zone"),
    ("udp", "UDP"),
    ("ui", "UI"),
    ("uri", "URI"),
    ("url", "URL"),
    ("urls", "URLs"),
    ("utc", "UTC"),
    ("utf8", "UTF-8"),
    ("utf16", "UTF-16"),
    ("uuid", "UUID"),
    ("vm", "VM"),
    ("wsgi", "WSGI"),
    ("xml", "XML"),
    ("yaml", "YAML"),
];

/// The words of a name, in lower case; runs of capitals are one word, digits stay with the word before them.
pub fn split(name: &str) -> Vec<String> {
    let characters: Vec<char> = name.chars().collect();
    let mut words = Vec::new();
    let mut word = String::new();
    for (index, &character) in characters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| characters.get(before)).copied();
        let after = characters.get(index + 1).copied();
        if !character.is_alphanumeric() {
            push(&mut words, &mut word);
            continue;
        }
        let hump =
            character.is_uppercase() && before.is_some_and(|before| before.is_lowercase() || before.is_numeric());
        let acronym_ends = character.is_uppercase()
            && before.is_some_and(char::is_uppercase)
            && after.is_some_and(char::is_lowercase)
            && !(after == Some('s') && characters.get(index + 2).is_none_or(|next| !next.is_lowercase()));
        if hump || acronym_ends {
            push(&mut words, &mut word);
        }
        word.extend(character.to_lowercase());
    }
    push(&mut words, &mut word);
    words
}

fn push(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

/// One word as it stands in prose.
pub fn prose_word(word: &str) -> String {
    let find =
        |table: &[(&str, &str)]| table.iter().find(|(short, _)| *short == word).map(|(_, long)| (*long).to_owned());
    find(ACRONYMS).or_else(|| find(SHORT_FORMS)).unwrap_or_else(|| word.to_owned())
}

/// Words as a noun phrase without article: `n_items` is "number of items", `user_id` "user identifier".
pub fn phrase(words: &[String]) -> String {
    match words {
        [first, rest @ ..]
            if !rest.is_empty()
                && matches!(first.as_str(), "n" | "num" | "nb" | "number")
                && rest.first().is_none_or(|word| word != "of") =>
        {
            format!("number of {}", phrase(rest))
        }
        [rest @ .., last] if !rest.is_empty() && last == "count" => format!("number of {}", phrase(rest)),
        _ => words.iter().map(|word| prose_word(word)).collect::<Vec<_>>().join(" "),
    }
}

/// The phrase with "the" in front, where it can take one.
pub fn the(phrase: &str) -> String {
    let first = phrase.split(' ').next().unwrap_or("");
    if matches!(
        first,
        "all"
            | "each"
            | "every"
            | "any"
            | "some"
            | "no"
            | "the"
            | "this"
            | "only"
            | "both"
            | "which"
            | "what"
            | "if"
            | "a"
            | "an"
    ) || phrase.is_empty()
    {
        phrase.to_owned()
    } else {
        format!("the {phrase}")
    }
}

/// "a" or "an", by how the next word sounds.
pub fn article(next: &str) -> &'static str {
    let word = next.trim_start_matches(['`', '\'', '"', '_']);
    let lower = word.to_lowercase();
    let silent = [
        "hour", "honest", "html", "http", "xml", "sql", "ssh", "ssl", "svg", "rgb", "rfc", "lru", "lsp", "mime",
        "fifo", "ftp",
    ];
    let voiced =
        ["uni", "usa", "use", "usu", "uti", "url", "uri", "utf", "utc", "udp", "ui", "uuid", "one", "once", "eu"];
    let acronym = |list: &[&str]| list.iter().any(|start| lower.starts_with(start));
    if lower.starts_with("unin") || lower.starts_with("unim") || lower.starts_with("unident") {
        return "an";
    }
    match lower.chars().next() {
        _ if acronym(&silent) => "an",
        _ if acronym(&voiced) => "a",
        Some('a' | 'e' | 'i' | 'o' | 'u' | '8') => "an",
        _ => "a",
    }
}

/// The plural of the last word of a phrase.
pub fn plural(phrase: &str) -> String {
    let last = phrase.rsplit(' ').next().unwrap_or("");
    let uncountable = [
        "data",
        "metadata",
        "information",
        "configuration",
        "settings",
        "json",
        "html",
        "xml",
        "text",
        "authentication",
        "memory",
        "input",
        "output",
        "i/o",
        "code",
    ];
    let lower = last.to_lowercase();
    if lower.is_empty()
        || uncountable.contains(&lower.as_str())
        || (lower.ends_with('s') && !lower.ends_with("ss") && !lower.ends_with("us"))
    {
        return phrase.to_owned();
    }
    let stem = phrase.get(..phrase.len() - 1).unwrap_or(phrase);
    let before_last = lower.chars().rev().nth(1);
    if lower.ends_with('y') && !before_last.is_some_and(|vowel| "aeiou".contains(vowel)) {
        format!("{stem}ies")
    } else if ["s", "x", "z", "ch", "sh"].iter().any(|end| lower.ends_with(end)) {
        format!("{phrase}es")
    } else {
        format!("{phrase}s")
    }
}

/// The singular of the last word of a phrase; a word that is none stays.
pub fn singular(phrase: &str) -> String {
    if let Some(stem) = phrase.strip_suffix("ies").filter(|stem| stem.len() > 2) {
        format!("{stem}y")
    } else if ["sses", "xes", "ches", "shes"].iter().any(|end| phrase.ends_with(end)) {
        phrase.get(..phrase.len() - 2).unwrap_or(phrase).to_owned()
    } else if phrase.ends_with('s')
        && !["ss", "us", "is", "as", "os"].iter().any(|end| phrase.ends_with(end))
        && phrase.len() > 2
    {
        phrase.get(..phrase.len() - 1).unwrap_or(phrase).to_owned()
    } else {
        phrase.to_owned()
    }
}

/// With a capital first letter; what begins with a mark stays.
pub fn capital(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

/// A list in prose: "a, b and c".
pub fn list(items: &[String], last: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., end] => format!("{} {last} {end}", rest.join(", ")),
    }
}

/// A piece of code in back-ticks, where it can stand in every kind of comment: one short line without quotes of comments or escapes.
pub fn code(text: &str) -> Option<String> {
    let flat = text.trim();
    let awkward =
        ["`", "\\", "\n", "\r", "\"\"\"", "'''", "*/", "/*", "\t", "{@"].iter().any(|mark| flat.contains(mark));
    (!flat.is_empty()
        && !awkward
        && flat.chars().count() <= 60
        && flat.is_ascii() | !flat.chars().any(char::is_control))
    .then(|| format!("`{flat}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split_at_humps_acronyms_and_underscores() {
        assert_eq!(split("HTTPServer"), ["http", "server"]);
        assert_eq!(split("parse_URL"), ["parse", "url"]);
        assert_eq!(split("getURLs"), ["get", "urls"]);
        assert_eq!(split("__init__"), ["init"]);
        assert_eq!(split("toRfc3339String"), ["to", "rfc3339", "string"]);
        assert_eq!(split("x1"), ["x1"]);
        assert_eq!(split("straßeName"), ["straße", "name"]);
        assert!(split("_").is_empty());
    }

    #[test]
    fn phrases_read_as_prose() {
        assert_eq!(phrase(&split("n_items")), "number of items");
        assert_eq!(phrase(&split("user_id")), "user identifier");
        assert_eq!(phrase(&split("retry_count")), "number of retry");
        assert_eq!(the("all users"), "all users");
        assert_eq!(article("`IndexError`"), "an");
        assert_eq!(article("user"), "a");
        assert_eq!(plural("query"), "queries");
        assert_eq!(plural("key"), "keys");
        assert_eq!(singular("entries"), "entry");
        assert_eq!(singular("class"), "class");
    }

    #[test]
    fn code_that_could_end_a_comment_is_not_quoted() {
        assert_eq!(code("x < 0").as_deref(), Some("`x < 0`"));
        assert_eq!(code("'\\n'"), None);
        assert_eq!(code("a */ b"), None);
        assert_eq!(code("\"\"\"x\"\"\""), None);
    }
}
