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
            .unwrap_or_else(|| "Raised by the body itself.".to_owned()),
    };
    EntryDraft { name: name.to_owned(), text, ..EntryDraft::default() }
}

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
            None => is_partial = true,
        }
    }
    if clauses.is_empty() {
        return unguarded(subject, throw, &around);
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
    let end = if is_partial { ", among other conditions" } else { "" };
    Reason::Clause(format!("{}{end}", clauses.join(joiner)))
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
fn unguarded(subject: &Subject<'_>, throw: &ThrowFact, around: &[Around]) -> Reason {
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
        _ => "Raised by the body itself.".to_owned(),
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
        let texts: Vec<String> =
            thrown.iter().map(|entry| entry.text.trim_start_matches("If ").trim_end_matches('.').to_owned()).collect();
        let named: Vec<String> = thrown
            .iter()
            .zip(&texts)
            .filter_map(|(entry, text)| Some(format!("Returns {} if {text}.", code(&entry.name)?)))
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
    Some(match known.as_slice() {
        [] => "The caller must uphold the contracts of the unsafe operations in the body.".to_owned(),
        some => format!("The caller must uphold the contract of {}.", list(some, "and")),
    })
}
