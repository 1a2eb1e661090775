//! What is said of failure: exceptions, rejections, errors, panics, and what an unsafe caller owes.

use super::condition::clause;
use super::subject::{Subject, Tongue};
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
    let mut clauses: Vec<String> = Vec::new();
    for throw in throws {
        let clause = reason(subject, throw);
        if !clauses.contains(&clause) {
            clauses.push(clause);
        }
    }
    let known: Vec<String> = clauses.iter().filter(|clause| !clause.starts_with("the call cannot")).cloned().collect();
    let mut clauses = if known.is_empty() { clauses } else { known };
    clauses.truncate(3);
    let text = match clauses.split_first() {
        Some((only, [])) => format!("If {only}."),
        Some((first, rest)) => format!("If {first}, or if {}.", rest.join(", or if ")),
        None => "If the call cannot be completed.".to_owned(),
    };
    EntryDraft { name: name.to_owned(), text, ..EntryDraft::default() }
}

/// When an exception is raised, as a clause behind "if".
fn reason(subject: &Subject<'_>, throw: &ThrowFact) -> String {
    if subject.flags().is_stub && throw.condition.is_none() {
        return "a subclass does not provide this method".to_owned();
    }
    if let Some(clause) = throw.condition.as_deref().and_then(clause) {
        return clause;
    }
    if let Some(clause) = around(subject, throw.span) {
        return clause;
    }
    if let Some(message) = throw.message.as_deref().and_then(from_message) {
        return message;
    }
    "the call cannot be completed".to_owned()
}

/// What the block directly around a raise says: `except KeyError` is "a `KeyError` occurs".
fn around(subject: &Subject<'_>, place: Span) -> Option<String> {
    let text = &subject.model.text;
    let body = subject.symbol.body?;
    // From the start of the line, so that the first statement has its indentation.
    let lead = text.get(..body.start)?.rsplit(['\n', '\r']).next()?;
    let start = if lead.trim().is_empty() { body.start - lead.len() } else { body.start };
    let before = text.get(start..place.start)?;
    let header = if subject.tongue == Tongue::Python {
        let column = before.rsplit(['\n', '\r']).next()?.len();
        if let Some(clause) = after_loop(before, column) {
            return Some(clause);
        }
        before
            .lines()
            .rev()
            .skip(1)
            .find(|line| !line.trim().is_empty() && line.len() - line.trim_start().len() < column)?
            .trim()
    } else {
        let mut depth = 0;
        let at = before.char_indices().rev().find(|(_, character)| {
            depth += i32::from(*character == '}') - i32::from(*character == '{');
            depth < 0
        })?;
        before.get(..at.0)?.rsplit(['\n', '\r']).next()?.trim()
    };
    let header = header.trim_end_matches([':', '{', ' ']);
    if let Some(caught) = header.strip_prefix("except") {
        let caught = caught.trim().split(" as ").next()?.trim();
        let types: Vec<String> = caught
            .trim_matches(['(', ')'])
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .filter_map(code)
            .collect();
        return Some(match types.first() {
            None => "anything inside fails".to_owned(),
            Some(first) => format!("{} {} occurs", article(first), list(&types, "or")),
        });
    }
    if header.contains("catch") {
        return Some("a step inside fails".to_owned());
    }
    if let Some(condition) = header.strip_prefix("while ") {
        return clause(condition.trim_matches(['(', ')']));
    }
    None
}

/// A raise right behind a loop that returns: nothing that the loop went through did.
fn after_loop(before: &str, column: usize) -> Option<String> {
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
            panic.condition.as_deref().and_then(clause)
        } else if let Some(receiver) = unwrapped.as_deref().and_then(|receiver| code(&receiver.replace(" .", "."))) {
            Some(format!("{receiver} holds no value"))
        } else {
            panic.condition.as_deref().and_then(clause)
        };
        let reason = reason.or_else(|| panic.message.as_deref().and_then(from_message)).unwrap_or_else(|| {
            match code(&panic.call) {
                Some(name) => format!("the body reaches {name}"),
                None => "the call cannot be completed".to_owned(),
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
        [] => "Returns an error if the call cannot be completed.".to_owned(),
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
