//! What is said of failure: exceptions, rejections, errors, panics, and what an unsafe caller owes.

use super::condition::Kind;
use super::subject::{Subject, Tongue};
use super::surroundings::{Around, around};
use super::usage::{Token, called_name, holds_word, tokens};
use super::words::{article, code, list};
use syntax::docstring::EntryDraft;
use syntax::model::ThrowFact;
use syntax::text::Span;

/// The entries for exceptions, one a type, in the order in which they are first raised.
pub fn raises(subject: &Subject<'_>) -> Vec<EntryDraft> {
    let Some(facts) = &subject.symbol.facts else {
        return Vec::new();
    };
    grouped(subject, &facts.throws)
}

/// The entries for rejections.
pub fn rejects(subject: &Subject<'_>) -> Vec<EntryDraft> {
    let Some(facts) = &subject.symbol.facts else {
        return Vec::new();
    };
    grouped(subject, &facts.rejects)
}

fn grouped(subject: &Subject<'_>, throws: &[ThrowFact]) -> Vec<EntryDraft> {
    let mut types: Vec<&str> = Vec::new();
    for throw in throws {
        if !types.contains(&throw.type_name.as_str()) && !throw.type_name.is_empty() {
            types.push(&throw.type_name);
        }
    }
    types
        .iter()
        .map(|name| {
            let own: Vec<&ThrowFact> = throws.iter().filter(|throw| throw.type_name == *name).collect();
            raise_entry(subject, name, &own)
        })
        .collect()
}

/// The entry for one exception type and all places that raise it.
pub fn raise_entry(subject: &Subject<'_>, name: &str, throws: &[&ThrowFact]) -> EntryDraft {
    let reasons: Vec<Reason> = throws.iter().map(|throw| reason(subject, throw)).collect();
    let mut clauses: Vec<&String> = Vec::new();
    for reason in &reasons {
        if let Reason::Clause(clause) = reason
            && !clauses.contains(&clause)
        {
            clauses.push(clause);
        }
    }
    clauses.truncate(3);
    let text = match clauses.split_first() {
        Some((only, [])) => format!("If {only}."),
        Some((first, rest)) => {
            format!(
                "If {first}, or if {}.",
                rest.iter().map(|clause| clause.as_str()).collect::<Vec<_>>().join(", or if ")
            )
        }
        None => reasons
            .iter()
            .find_map(|reason| match reason {
                Reason::Sentence(sentence) => Some(sentence.clone()),
                Reason::Clause(_) => None,
            })
            .unwrap_or_else(|| IN_SOME_CASES.to_owned()),
    };
    EntryDraft { name: name.to_owned(), text, ..EntryDraft::default() }
}

/// All that is known of an exception whose condition only the body can name.
const IN_SOME_CASES: &str = "Raised in some cases.";

/// When an exception is raised.
enum Reason {
    /// What can follow "if".
    Clause(String),
    /// Less than a condition, but true.
    Sentence(String),
}

fn reason(subject: &Subject<'_>, throw: &ThrowFact) -> Reason {
    if subject.flags().is_stub && throw.condition.is_none() {
        return Reason::Clause("a subclass does not provide this method".to_owned());
    }
    let around = around(subject, throw.span);
    let mut clauses: Vec<String> = Vec::new();
    let mut is_partial = false;
    let mut untold: Vec<&str> = Vec::new();
    for part in &around {
        let said = match part {
            Around::If(condition) => guarded(subject, condition, &around),
            Around::Unless(condition) => guarded(subject, &format!("not ({condition})"), &around),
            Around::Caught(types, tried) => Some(caught(subject, types, tried, throw)),
            Around::For(..) | Around::While(_) => continue,
            Around::Other => None,
        };
        match said {
            Some(clause) if clauses.contains(&clause) => {}
            Some(clause) => clauses.push(clause),
            None => {
                is_partial = true;
                untold.extend(match part {
                    Around::If(condition) | Around::Unless(condition) => Some(condition.as_str()),
                    _ => None,
                });
            }
        }
    }
    // What a clause names already is not said twice, and a built-in function decides nothing by itself.
    let mut untold = deciders(subject, &untold);
    untold.retain(|name| clauses.iter().all(|clause| !clause.contains(name.as_str())));
    untold.retain(|name| {
        !matches!(
            name.trim_matches('`'),
            "abs"
                | "len"
                | "isinstance"
                | "type"
                | "any"
                | "all"
                | "min"
                | "max"
                | "int"
                | "str"
                | "getattr"
                | "hasattr"
                | "callable"
        )
    });
    if clauses.is_empty() {
        return unguarded(subject, throw, &around, &untold);
    }
    if let Some(message) = throw.message.as_deref().and_then(from_message).filter(|_| is_partial || clauses.len() > 3) {
        return Reason::Clause(message);
    }
    if clauses.len() > 3 {
        is_partial = true;
        clauses.drain(..clauses.len() - 2);
    }
    let joiner =
        if clauses.len() > 1 && clauses.iter().any(|clause| clause.contains(" or ")) { ", and " } else { " and " };
    let end = match untold.as_slice() {
        [] if is_partial => " and a further condition holds".to_owned(),
        [] => String::new(),
        some => format!(", depending on {}", list(some, "and")),
    };
    Reason::Clause(format!("{}{end}", clauses.join(joiner)))
}

/// What decides a condition that has no words of its own: at most two parameters, attributes of the instance, or calls.
fn deciders(subject: &Subject<'_>, conditions: &[&str]) -> Vec<String> {
    let own = match subject.tongue {
        Tongue::Python => "self",
        Tongue::JavaScript | Tongue::TypeScript => "this",
        _ => "",
    };
    let mut found: Vec<String> = Vec::new();
    let mut add = |text: &str| {
        if let Some(quoted) = code(text).filter(|quoted| !subject.names_local(text) && !found.contains(quoted)) {
            found.push(quoted);
        }
    };
    for condition in conditions {
        let tokens = tokens(condition);
        for (index, token) in tokens.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|before| tokens.get(before));
            match token {
                Token::Word(word) if *word == own && !own.is_empty() => {
                    if let (Some(Token::Mark('.')), Some(Token::Word(name))) =
                        (tokens.get(index + 1), tokens.get(index + 2))
                    {
                        add(&format!("{own}.{name}"));
                    }
                }
                Token::Word(word)
                    if !matches!(before, Some(Token::Mark('.') | Token::Operator("::")))
                        && subject.symbol.params.iter().any(|param| param.name == *word) =>
                {
                    add(word);
                }
                Token::Mark('(') => {
                    if let Some(name) =
                        called_name(&tokens, index).filter(|name| !name.starts_with(own) || own.is_empty())
                    {
                        add(&name);
                    }
                }
                _ => {}
            }
        }
    }
    // A method of something that is named already says no more than that.
    let names = found.clone();
    let holds = |quoted: &String, holder: &String| {
        let (inner, outer) = (quoted.trim_matches('`'), holder.trim_matches('`'));
        inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with(['.', ':']))
    };
    found.retain(|quoted| !names.iter().any(|holder| holds(quoted, holder)));
    found.truncate(2);
    found
}

/// A condition in words; the name that a loop gives to one item is told as that.
fn guarded(subject: &Subject<'_>, condition: &str, around: &[Around]) -> Option<String> {
    if let Some(clause) = subject.clause(condition) {
        return Some(clause);
    }
    let (item, source) = around.iter().find_map(|part| match part {
        Around::For(item, source) if holds_word(condition, item) => Some((item, source)),
        _ => None,
    })?;
    let items = code(source).filter(|_| !subject.names_local(source))?;
    let others = tokens(condition).into_iter().any(|token| match token {
        Token::Word(word) => word != item && subject.names_local(word),
        _ => false,
    });
    let said = super::condition::clause(condition, &|_| Kind::Unknown).filter(|_| !others)?;
    let quoted = code(item)?;
    // Only a name that stands alone can be told as what it is.
    let alone = said.matches(quoted.as_str()).count() == 1 && usage_count(&said, item) == 1;
    alone.then(|| said.replacen(&quoted, &format!("an item of {items}"), 1))
}

fn usage_count(text: &str, name: &str) -> usize {
    tokens(&text.replace('`', " ")).iter().filter(|token| **token == Token::Word(name)).count()
}

/// What a handler says: the step that fails, where there are few, else what was caught.
fn caught(subject: &Subject<'_>, types: &[String], tried: &str, throw: &ThrowFact) -> String {
    let wide = |name: &String| matches!(name.rsplit('.').next(), Some("Exception" | "BaseException"));
    let quoted: Vec<String> = types.iter().filter_map(|name| code(name)).collect();
    let same = types.contains(&throw.type_name);
    let steps = steps(subject, tried);
    let fails = if steps.is_empty() { None } else { Some(list(&steps, "or")) };
    match (fails, quoted.first()) {
        (Some(steps), Some(first)) if !same && !types.iter().any(wide) => {
            format!("{steps} raises {} {}", article(first), list(&quoted, "or"))
        }
        (Some(steps), _) => format!("{steps} fails"),
        (None, Some(first)) if throw.is_rethrow => {
            format!("{} {} is caught and raised again", article(first), list(&quoted, "or"))
        }
        (None, Some(first)) if !types.iter().any(wide) => {
            format!("{} {} is caught", article(first), list(&quoted, "or"))
        }
        (None, _) if subject.tongue == Tongue::Python => "any exception is caught inside".to_owned(),
        (None, _) => "an error is caught inside".to_owned(),
    }
}

/// What can fail in guarded code: its one short expression, or its calls where they are no more than three.
fn steps(subject: &Subject<'_>, tried: &str) -> Vec<String> {
    let lines: Vec<&str> = tried.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if let [only] = lines.as_slice() {
        let bare = only.trim_end_matches(';');
        let bare = bare.strip_prefix("return ").or_else(|| bare.strip_prefix("yield ")).unwrap_or(bare);
        let value = match bare.split_once(" = ") {
            Some((target, value)) if !target.contains(['(', '=']) => value,
            _ => bare,
        };
        let value = value.trim().trim_start_matches("await ");
        let first = value.split([' ', '(', '.', '[']).next().unwrap_or("");
        let statement = ["del", "raise", "throw", "assert", "import", "from", "if", "for", "with", "while", "global"];
        if value.chars().count() <= 40
            && !statement.contains(&first)
            && value.contains(['(', '['])
            && !subject.names_local(value)
            && let Some(quoted) = code(value)
        {
            return vec![quoted];
        }
    }
    let tokens = tokens(tried);
    let mut calls: Vec<String> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if *token != Token::Mark('(') {
            continue;
        }
        let Some(name) = called_name(&tokens, index).filter(|name| !subject.names_local(name)) else { continue };
        if let Some(quoted) = code(&name).filter(|quoted| !calls.contains(quoted)) {
            calls.push(quoted);
        }
    }
    if calls.len() > 3 { Vec::new() } else { calls }
}

/// An exception under no condition that can be told.
fn unguarded(subject: &Subject<'_>, throw: &ThrowFact, around: &[Around], untold: &[String]) -> Reason {
    if let Some(clause) = after_loop(subject, throw.span) {
        return Reason::Clause(clause);
    }
    if let Some(message) = throw.message.as_deref().and_then(from_message) {
        return Reason::Clause(message);
    }
    let first = subject.tokens().iter().find(|token| **token != Token::Line);
    if around.is_empty() && matches!(first, Some(Token::Word("raise" | "throw"))) {
        return Reason::Sentence("Raised by every call.".to_owned());
    }
    if let Some(message) = throw.message.as_deref().and_then(quotable) {
        return Reason::Sentence(format!("Raised with the message “{message}”."));
    }
    let returns =
        subject.symbol.facts.as_ref().is_some_and(|facts| !facts.returns.is_empty() || !facts.yields.is_empty());
    Reason::Sentence(match (around.is_empty(), returns) {
        (true, false) => "Raised by every call that gets to the end of the body.".to_owned(),
        (true, true) => "If none of the cases that return before applies.".to_owned(),
        _ => match (gone_through(subject, around), untold) {
            (Some(items), []) => format!("Raised while going through {items}."),
            (Some(items), deciders) => {
                format!("Raised while going through {items}, depending on {}.", list(deciders, "and"))
            }
            (None, []) => IN_SOME_CASES.to_owned(),
            (None, deciders) => format!("Raised depending on {}.", list(deciders, "and")),
        },
    })
}

/// What the loop around a place goes through, where a reader from outside knows it.
fn gone_through(subject: &Subject<'_>, around: &[Around]) -> Option<String> {
    around.iter().find_map(|part| match part {
        Around::For(_, source) => code(source).filter(|_| !subject.names_local(source)),
        _ => None,
    })
}

/// A message that can stand in quotes in every style.
fn quotable(message: &str) -> Option<&str> {
    let flat = message.trim();
    let plain = !flat.is_empty()
        && flat.len() <= 70
        && !flat.contains(['%', '{', '}', '$', '\\', '`', '\n', '\r', '"', '*', '|', '<', '>', '@', '“', '”']);
    // A word that ends in an underscore is a link in reStructuredText.
    let links = flat.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|word| word.ends_with('_'));
    (plain && !links).then_some(flat)
}

/// A raise right behind a loop that returns: nothing that the loop went through did.
fn after_loop(subject: &Subject<'_>, place: Span) -> Option<String> {
    if subject.tongue != Tongue::Python {
        return None;
    }
    let text = &subject.model.text;
    let body = subject.symbol.body?;
    // From the start of the line, so that the first statement has its indentation.
    let lead = text.get(..body.start)?.rsplit(['\n', '\r']).next()?;
    let start = if lead.trim().is_empty() { body.start - lead.len() } else { body.start };
    let before = text.get(start..place.start)?;
    let column = before.rsplit(['\n', '\r']).next()?.len();
    let indent = |line: &str| line.len() - line.trim_start().len();
    // Only a return behind a condition is a match; a loop that returns in any case is none.
    let mut return_at = None;
    let (mut matched, mut returned) = (false, false);
    for line in before.lines().rev().skip(1).filter(|line| !line.trim().is_empty()) {
        if indent(line) > column {
            let start = line.trim_start();
            if start.starts_with("break") {
                return None;
            }
            if start.starts_with("return") {
                returned = true;
                return_at = Some(indent(line));
            } else if return_at.is_some_and(|at| indent(line) < at) {
                matched |= start.starts_with("if ") || start.starts_with("elif ");
                return_at = None;
            }
            continue;
        }
        let gone_through = line.trim().strip_prefix("for ")?.trim_end_matches(':').split_once(" in ")?.1;
        if gone_through.trim_start().starts_with("range(") {
            let counter = line.trim().strip_prefix("for ")?.split(" in ").next()?.trim();
            let tries = matches!(counter, "attempt" | "retry" | "try_" | "trial" | "attempts" | "retries");
            return (tries && returned && indent(line) == column).then(|| "all attempts fail".to_owned());
        }
        return code(gone_through)
            .filter(|_| matched && indent(line) == column)
            .map(|items| format!("nothing in {items} fits"));
    }
    None
}

/// A message that is a plain statement of what is wrong.
fn from_message(message: &str) -> Option<String> {
    let flat = message.trim().trim_end_matches(['.', '!', ':']);
    let plain = !flat.is_empty()
        && flat.len() <= 70
        && flat.contains(' ')
        && !flat.contains(['%', '{', '}', '$', '\\', '`', '\n', '"', '*', ':']);
    let statement = [
        " is ",
        " are ",
        " has ",
        " have ",
        " was ",
        " were ",
        " does ",
        " do ",
        " failed",
        " exceeds ",
        " cannot be ",
    ]
    .iter()
    .any(|verb| flat.contains(verb));
    let speaks = ["must", "should", "please", "expected", "you ", "can't", "cannot use"]
        .iter()
        .any(|word| flat.to_lowercase().contains(word));
    if !plain || !statement || speaks {
        return None;
    }
    let mut characters = flat.chars();
    let first = characters.next()?;
    let second_upper = flat.chars().nth(1).is_some_and(char::is_uppercase);
    Some(if second_upper { flat.to_owned() } else { first.to_lowercase().chain(characters).collect() })
}

/// When a function panics, one sentence a place.
pub fn panics(subject: &Subject<'_>) -> Vec<String> {
    let Some(facts) = subject.symbol.facts.as_ref().filter(|_| subject.tongue == Tongue::Rust) else {
        return Vec::new();
    };
    let mut sentences: Vec<String> = Vec::new();
    for panic in &facts.panics {
        let call = panic.span.of(&subject.model.text);
        let unwrapped = call
            .rfind(".unwrap")
            .or_else(|| call.rfind(".expect"))
            .and_then(|at| call.get(..at))
            .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
        let reason = if panic.call.starts_with("assert") {
            panic.condition.as_deref().and_then(|condition| subject.clause(condition))
        } else if let Some(receiver) = unwrapped.as_deref().and_then(|receiver| code(&receiver.replace(" .", "."))) {
            Some(format!("{receiver} holds no value"))
        } else {
            panic.condition.as_deref().and_then(|condition| subject.clause(condition))
        };
        let reason = reason.or_else(|| panic.message.as_deref().and_then(from_message)).unwrap_or_else(|| {
            match code(&panic.call) {
                Some(name) => format!("the body reaches {name}"),
                None => "the body reaches a panic".to_owned(),
            }
        });
        let sentence = format!("Panics if {reason}.");
        if !sentences.contains(&sentence) && sentences.len() < 4 {
            sentences.push(sentence);
        }
    }
    sentences
}

/// `# Errors` of a Rust function: what fails in it.
pub fn errors(subject: &Subject<'_>) -> Vec<EntryDraft> {
    let declared = subject.symbol.return_type.as_ref().map_or("", |declared| declared.text.trim());
    let outer = declared.split('<').next().unwrap_or("");
    if !outer.ends_with("Result") {
        return Vec::new();
    }
    let thrown = raises(subject);
    if !thrown.is_empty() {
        let texts: Vec<String> = thrown.iter().map(|entry| entry.text.trim_end_matches('.').to_owned()).collect();
        let named: Vec<String> = thrown
            .iter()
            .zip(&texts)
            .filter_map(|(entry, text)| {
                let name = code(&entry.name)?;
                Some(match text.strip_prefix("If ") {
                    Some(clause) => format!("Returns {name} if {clause}."),
                    None => format!("Returns {name} in some cases."),
                })
            })
            .collect();
        return named.into_iter().map(|text| EntryDraft { text, ..EntryDraft::default() }).collect();
    }
    let failing = question_marks(subject.symbol.body.map(|body| body.of(&subject.model.text)).unwrap_or(""));
    let text = match failing.as_slice() {
        [] => "Returns the errors that the body builds.".to_owned(),
        some => format!("Returns an error if {} fails.", list(some, "or")),
    };
    vec![EntryDraft { text, ..EntryDraft::default() }]
}

/// Calls followed by `?`, at most three, in back-ticks.
fn question_marks(body: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (at, _) in body.match_indices(")?") {
        let mut depth = 0i32;
        let before = body.get(..=at).unwrap_or("");
        let open = before.char_indices().rev().find(|(_, character)| {
            depth += i32::from(*character == ')') - i32::from(*character == '(');
            depth == 0
        });
        let Some((open, _)) = open else { continue };
        let head = before.get(..open).unwrap_or("");
        let start = head
            .rfind(|character: char| !(character.is_alphanumeric() || matches!(character, '_' | ':')))
            .map_or(0, |at| at + 1);
        if let Some(name) =
            head.get(start..).map(|name| name.trim_matches(':')).filter(|name| !name.is_empty()).and_then(code)
            && !found.contains(&name)
        {
            found.push(name);
        }
    }
    found.truncate(3);
    found
}

/// `# Safety` of an unsafe function: only what is a fact.
pub fn safety(subject: &Subject<'_>) -> Option<String> {
    if !subject.flags().is_unsafe || !subject.symbol.kind.is_callable() {
        return None;
    }
    const KNOWN: [&str; 12] = [
        "from_raw_parts",
        "from_raw_parts_mut",
        "get_unchecked",
        "get_unchecked_mut",
        "from_utf8_unchecked",
        "from_raw",
        "copy_nonoverlapping",
        "assume_init",
        "unwrap_unchecked",
        "transmute",
        "unreachable_unchecked",
        "new_unchecked",
    ];
    let calls = subject.symbol.facts.as_ref().map(|facts| facts.calls.as_slice()).unwrap_or(&[]);
    let known: Vec<String> = calls
        .iter()
        .filter(|call| KNOWN.iter().any(|name| call.rsplit([':', '.']).next() == Some(name)))
        .filter_map(|call| code(call))
        .take(3)
        .collect();
    match known.as_slice() {
        [] if subject.symbol.body.is_none() => owed_by_signature(subject),
        [] => Some("The caller must uphold the contracts of the unsafe operations in the body.".to_owned()),
        some => Some(format!("The caller must uphold the contract of {}.", list(some, "and"))),
    }
}

/// What a signature without a body tells of safety: its raw pointers; nothing where the contract is not to be seen.
fn owed_by_signature(subject: &Subject<'_>) -> Option<String> {
    let is_raw = |text: &str| text.trim_start().starts_with("*const ") || text.trim_start().starts_with("*mut ");
    let params = subject.symbol.params.iter();
    let raw = params.filter(|param| param.type_text.as_ref().is_some_and(|declared| is_raw(&declared.text)));
    let names: Vec<String> = raw.filter_map(|param| code(&param.name)).collect();
    match names.as_slice() {
        [] => None,
        [only] => Some(format!("{only} must be a valid pointer.")),
        some => Some(format!("{} must be valid pointers.", list(some, "and"))),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{model, symbol};
    use crate::writer::{WriterOptions, draft};
    use syntax::docstring::DocDraft;

    fn drafted(language: &str, text: &str, path: &str) -> DocDraft {
        let model = model(language, text);
        draft(&model, symbol(&model, path), model.language.doc_style, &WriterOptions::default()).unwrap()
    }

    #[test]
    fn safety_without_a_body_is_told_by_raw_pointers_or_not_at_all() {
        for (method, safety) in [
            ("unsafe fn f(&self, to: *mut u8, from: *const u8);", Some("`to` and `from` must be valid pointers.")),
            ("unsafe fn f(&self, to: *mut u8);", Some("`to` must be a valid pointer.")),
            ("unsafe fn f(&self, n: usize);", None),
            (
                "unsafe fn f(&self) { g() }",
                Some("The caller must uphold the contracts of the unsafe operations in the body."),
            ),
        ] {
            let text = format!("pub trait T {{\n    {method}\n}}\n");
            assert_eq!(drafted("rust", &text, "T.f").safety.as_deref(), safety, "{method}");
        }
    }

    #[test]
    fn a_condition_without_words_names_what_decides_it() {
        for (body, text) in [
            ("n = g()\n    n += 1\n    if n > a * b:\n        raise E", "Raised depending on `a` and `b`."),
            (
                "for x in b.rows:\n        if a.get(x.key, 0) < x.count:\n            raise E",
                "Raised while going through `b.rows`, depending on `a`.",
            ),
            (
                "n = 1\n    n += g()\n    for i in a:\n        n += i\n        if n > 3:\n            raise E",
                "Raised while going through `a`.",
            ),
            ("n = 1\n    n += g()\n    if n > 3:\n        raise E", "Raised in some cases."),
        ] {
            let draft = drafted("python", &format!("def f(a, b):\n    {body}\n"), "f");
            let found: Vec<&str> = draft.raises.iter().map(|entry| entry.text.as_str()).collect();
            assert_eq!(found, [text], "{body}");
        }
    }

    #[test]
    fn methods_without_a_body_are_told_plainly() {
        for (language, text, path, summary) in [
            ("typescript", "export interface I { close(): void; }\n", "I.close", "Close this instance."),
            ("typescript", "export interface I { data(): void; }\n", "I.data", "Handle the data of the `I`."),
            (
                "typescript",
                "export interface I { getName(id: string): string; }\n",
                "I.getName",
                "Return the name for `id` as `string`.",
            ),
            (
                "go",
                "package p\n\ntype I interface {\n\tClose() error\n}\n",
                "I.Close",
                "Close releases what the I holds.",
            ),
            ("go", "package p\n\ntype I interface {\n\tData()\n}\n", "I.Data", "Data handles the data of the I."),
        ] {
            assert_eq!(drafted(language, text, path).summary, summary, "{text}");
        }
    }
}
