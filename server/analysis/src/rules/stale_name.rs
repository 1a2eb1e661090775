//! The text names something in code marks that no longer exists.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{Finding, Repair, Severity};
use crate::matching::NameRef;
use crate::names::{is_identifier, is_near, same_loosely, words};
use crate::prose::{self, is_common, is_constant};
use syntax::docstring::{EntryKind, Mention, MentionKind};
use syntax::model::{Param, Symbol};
use syntax::text::Span;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "stale-name",
    summary: "The text names something in code marks that no longer exists.",
    group: Group::Documentation,
    default_severity: Severity::Warning,
    fixable: true,
    aliases: &["jsdoc/no-undefined-types", "rustdoc::broken_intra_doc_links", "broken_intra_doc_links", "invalidLink"],
    page: include_str!("../../rules/stale-name.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    if doc.doc.mentions.is_empty() || doc.doc.inherits {
        return;
    }
    if doc.file.is_thorough() {
        check_links(doc, report);
    }
    let params: &[Param] = match doc.signature() {
        Some(signature) => &signature.params,
        None => &doc.symbol.params,
    };
    let gone = gone_names(doc);
    if params.is_empty() && gone.is_empty() {
        return;
    }
    let mut told: Vec<&str> = Vec::new();
    for mention in &doc.doc.mentions {
        let Some(name) = reference(mention) else { continue };
        if told.contains(&name) || !is_candidate(doc, name, params) {
            continue;
        }
        let successor = params.iter().find(|param| may_succeed(doc, mention, name, &param.name));
        let is_gone = gone.contains(&name);
        let speaks_of_param = doc.file.is_thorough() && successor.is_none() && !is_gone && !is_common(name) && is_called_param(doc, mention);
        if (successor.is_none() && !is_gone && !speaks_of_param) || is_still_known(doc, name) {
            continue;
        }
        told.push(name);
        report.add(finding(doc, mention, name, successor.filter(|_| !is_gone)));
    }
}

/// Links to what the file does not know, while it has a name that is nearly the same: other files are linked to all the time.
fn check_links(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    if !doc.file.is_script() && !doc.file.is("rust") {
        return;
    }
    let (model, mut told) = (doc.file.model, Vec::new());
    for mention in doc.doc.mentions.iter().filter(|mention| mention.kind == MentionKind::Link) {
        let target = mention.text.trim().trim_matches('`').split([' ', '|']).next().unwrap_or("");
        let name = target.strip_suffix("()").unwrap_or(target);
        let is_known = || doc.file.repo.known_names.contains(name) || prose::occurs(&model.text, Span::new(0, model.text.len()), doc.file.doc_spans(), name);
        if name.chars().count() < 4 || !is_identifier(name) || is_constant(name) || told.contains(&name) || is_known() {
            continue;
        }
        let is_alike = |other: &&Symbol| !other.flags.is_local && other.name.chars().count() >= 4 && is_near(name, &other.name);
        // Parameters are told of below.
        let is_param = doc.symbol.params.iter().any(|param| is_near(name, &param.name));
        let Some(other) = model.symbols.iter().find(is_alike).filter(|_| !is_param) else { continue };
        told.push(name);
        let finding = doc.finding(mention.span, format!("The link leads to `{name}`, which this file does not know; it has `{}`.", other.name));
        report.add(finding.name(name).name(&other.name).related(other.name_span, "The similar name."));
    }
}

/// Whether `param` is likely what `name` became. The quiet profile wants words that call it a parameter, or the same words
/// in another spelling: a name that is merely near is as likely to be something else.
fn may_succeed(doc: &DocContext<'_>, mention: &Mention, name: &str, param: &str) -> bool {
    let is_capital = |text: &str| text.starts_with(char::is_uppercase);
    if is_capital(name) && !is_capital(param) || !is_near(name, param) {
        return false;
    }
    if doc.file.is_thorough() || renamed_to(doc, name) == Some(param) {
        return true;
    }
    // Prose that uses the parameter's own name too means something else by this one, and prose on the past is right about it.
    let is_told_apart = doc.doc.mentions.iter().any(|other| reference(other) == Some(param));
    if is_common(name) || is_told_apart || speaks_of_past(doc, mention) {
        return false;
    }
    let is_respelt = same_loosely(name, param) && name.trim_matches('_') != param.trim_matches('_');
    let is_shorter = words(name).len() <= words(param).len();
    is_respelt || (is_shorter && is_called_param(doc, mention))
}

/// The parameter that the one entry of that very name is the earlier documentation of.
fn renamed_to<'a>(doc: &'a DocContext<'_>, name: &str) -> Option<&'a str> {
    let (matching, signature) = (doc.params()?, doc.signature()?);
    let name_at = |at: &NameRef| doc.doc.entries.get(at.entry).and_then(|entry| entry.names.get(at.name));
    let mut found = matching.renamed.iter().filter(|rename| name_at(&rename.documented).is_some_and(|old| old.name == name));
    let only = found.next().filter(|rename| found.next().is_none() && rename.is_believable)?;
    signature.params.get(only.param).map(|param| param.name.as_str())
}

/// Whether nothing else can be meant than a parameter whose name got more words at its end: it is documented, no other one is near,
/// its new name stands nowhere in the prose, and the old one nowhere in the code of the file or the repository.
fn is_outgrown(doc: &DocContext<'_>, mention: &Mention, name: &str, param: &Param) -> bool {
    const THINGS: [&str; 16] = [
        "attribute", "method", "function", "class", "module", "field", "property", "option", "flag", "command", "key", "file", "object",
        "type", "call", "syscall",
    ];
    let (old, new) = (words(name), words(&param.name));
    let is_documented = doc.entries(EntryKind::Param).any(|(_, entry)| entry.names.iter().any(|found| found.name == param.name));
    let params = doc.signature().map_or(&[][..], |signature| &signature.params);
    let is_only = params.iter().filter(|other| is_near(name, &other.name)).count() == 1;
    let text = &doc.file.model.text;
    let after = text.get(mention.span.end..).unwrap_or("").trim_start_matches(['`', '}', ' ', '\n']);
    let next: String = after.chars().take_while(|next| next.is_alphabetic()).collect();
    let is_thing = THINGS.iter().any(|thing| next == *thing || next.strip_suffix('s') == Some(thing));
    let is_told_apart = doc.doc.mentions.iter().any(|other| reference(other) == Some(&param.name));
    let is_plain = mention.kind == MentionKind::Code && mention.text.trim() == name && name.chars().count() > 1;
    let is_known = || doc.file.repo.known_names.contains(name) || prose::occurs(text, Span::new(0, text.len()), doc.file.doc_spans(), name);
    old.len() < new.len() && new.starts_with(&old) && is_plain && is_documented && is_only
        && !(is_common(name) || prose::is_of_language(name) || is_thing || is_told_apart || speaks_of_past(doc, mention) || is_known())
}

/// Whether the sentence around a mention tells what was: "previously accepted a `x` parameter", "`x` was removed".
fn speaks_of_past(doc: &DocContext<'_>, mention: &Mention) -> bool {
    const WORDS: [&str; 14] = [
        "previously", "formerly", "removed", "no longer", "used to", "deprecated", "renamed", "earlier", "versionchanged", "versionadded",
        "was added", "were added", "old name", "legacy",
    ];
    let text = &doc.file.model.text;
    let block = doc.doc.block.span;
    let before = Span::new(block.start, mention.span.start.max(block.start)).of(text);
    let after = Span::new(mention.span.end.min(block.end), block.end).of(text);
    let paragraph_start = before.rfind("\n\n").map_or(before, |at| before.get(at..).unwrap_or(before));
    let paragraph_end = after.find("\n\n").map_or(after, |at| after.get(..at).unwrap_or(after));
    let around = format!("{paragraph_start} {paragraph_end}").to_lowercase();
    WORDS.iter().any(|word| around.contains(word))
}

fn finding(doc: &DocContext<'_>, mention: &Mention, name: &str, successor: Option<&Param>) -> Finding {
    let of = if doc.symbol.name.is_empty() { "the function".to_owned() } else { format!("`{}`", doc.symbol.name) };
    let Some(param) = successor else {
        return doc.finding(mention.span, format!("The text speaks of `{name}`, but {of} has no such parameter.")).name(name);
    };
    let message = format!("The text speaks of `{name}`, but {of} has no such name, only the parameter `{}`.", param.name);
    let start = mention.span.start + mention.text.find(name).unwrap_or(0);
    let finding = doc.finding(mention.span, message).name(name).name(&param.name).related(param.span, "The parameter.");
    // Prose may be right about a name that only resembles a parameter's.
    let is_proved = renamed_to(doc, name) == Some(param.name.as_str()) || is_outgrown(doc, mention, name, param);
    finding.repair(Repair::Replace { span: Span::new(start, start + name.len()), to: param.name.clone() }).chosen_unless(is_proved)
}

/// The plain name that a mention stands for, where it can be a parameter's.
fn reference(mention: &Mention) -> Option<&str> {
    if mention.kind == MentionKind::Role && !matches!(mention.role.as_deref(), Some("paramref" | "param" | "code" | "data" | "any" | "arg")) {
        return None;
    }
    let text = mention.text.trim().trim_start_matches('*');
    let text = text.strip_suffix("()").unwrap_or(text);
    is_identifier(text).then_some(text)
}

fn is_candidate(doc: &DocContext<'_>, name: &str, params: &[Param]) -> bool {
    let is_param = |param: &Param| param.name == name || param.fields.iter().any(|field| names_of(&field.name, name));
    let is_own = name == doc.symbol.name || doc.symbol.path.split('.').any(|part| part == name) || doc.symbol.type_params.iter().any(|param| param.name == name);
    let is_overload = doc.signature().is_some_and(|signature| signature.known.contains(&name));
    let is_result = doc.doc.entries.iter().any(|entry| entry.kind != EntryKind::Param && entry.names.iter().any(|found| found.name == name));
    // `__format__` is a hook of the language, whatever the parameters are called.
    let is_hook = name.len() > 4 && name.starts_with("__") && name.ends_with("__");
    !params.iter().any(is_param) && !is_hook && !is_own && !is_overload && !is_result && !is_constant(name) && name.chars().any(char::is_lowercase)
}

fn names_of(dotted: &str, name: &str) -> bool {
    dotted.split('.').any(|part| part == name)
}

/// Names of entries whose parameter is gone; those that were renamed are mended, in prose too, with their entry.
fn gone_names<'a>(doc: &DocContext<'a>) -> Vec<&'a str> {
    let Some(matching) = doc.params() else { return Vec::new() };
    let name_at = |at: &NameRef| doc.doc.entries.get(at.entry).and_then(|entry| entry.names.get(at.name)).map(|name| name.name.as_str());
    if doc.file.is_thorough() { matching.extra.iter().filter_map(name_at).collect() } else { Vec::new() }
}

/// "the `x` parameter", "argument `x`".
fn is_called_param(doc: &DocContext<'_>, mention: &Mention) -> bool {
    let text = &doc.file.model.text;
    let after = text.get(mention.span.end..).unwrap_or("").trim_start_matches(['`', '}', ' ', '\n']);
    let before = text.get(..mention.span.start).unwrap_or("").trim_end_matches(['`', ' ', '\n', ':']);
    let is_word = |text: &str, word: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    ["parameter", "argument", "keyword argument"].iter().any(|word| is_word(after, word) || before.ends_with(word))
}

/// Whether the name still occurs: in the function (thorough), or anywhere in the file or the repository (quiet).
fn is_still_known(doc: &DocContext<'_>, name: &str) -> bool {
    let model = doc.file.model;
    let owner = doc.signature().and_then(|signature| doc.file.symbol(signature.owner)).unwrap_or(doc.symbol);
    let parent = owner.parent.and_then(|parent| doc.file.symbol(parent));
    let is_sibling = || parent.is_some() && model.symbols.iter().any(|other| other.name == name && !other.flags.is_local);
    if doc.file.is_thorough() {
        return prose::is_used_name(&model.text, owner.span, doc.file.doc_spans(), doc.file.is("python"), name) || is_sibling();
    }
    doc.file.repo.known_names.contains(name) || prose::occurs(&model.text, Span::new(0, model.text.len()), doc.file.doc_spans(), name)
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Repair;
    use crate::settings::Settings;
    use crate::testing::{check, check_only, check_quiet, findings};

    const SOURCE: &str = "def full_like(fill_value_value):\n    \"\"\"Fill with the `fill_value` parameter.\n\n    Args:\n        fill_value_value: The value.\n    \"\"\"\n    return fill_value_value\n";

    #[test]
    fn a_former_name_in_prose_is_found_and_replaced() {
        check("python", SOURCE, &Settings::default(), &["stale-name [fill_value, fill_value_value] at \"fill_value\""]);
        let found = findings("python", SOURCE, &Settings::default());
        assert!(matches!(&found[0].repairs[..], [Repair::Replace { span, to }] if span.of(SOURCE) == "fill_value" && to == "fill_value_value"));
    }

    #[test]
    fn what_a_name_became_must_be_proved_to_be_mended_unasked() {
        let told = |source: &str| findings("python", source, &Settings::only("stale-name"))[0].needs_choice;
        assert!(!told(SOURCE), "a documented parameter's name got one more word, and the old one is nowhere else");
        assert!(told(&SOURCE.replace("`fill_value` parameter", "`fill_value` attribute")));
        assert!(told(&format!("{SOURCE}\n\ndef g(fill_value):\n    h(fill_value)\n")));
        assert!(told(&SOURCE.replace("Fill with", "Unlike `fill_value_value`, fill with")));
        for own in ["import", "format", "print", "typeof", "len"] {
            let source = SOURCE.replace("fill_value", own);
            assert!(findings("python", &source, &Settings::only("stale-name")).iter().all(|finding| finding.needs_choice), "{own}");
            let hook = source.replace(&format!("`{own}` parameter"), &format!("``__{own}__``"));
            check_only("stale-name", "python", &hook, &[]);
        }
        let renamed = SOURCE.replace("        fill_value_value:", "        fill_value:");
        let of_prose: Vec<_> = findings("python", &renamed, &Settings::default()).into_iter().filter(|finding| finding.rule == "stale-name").collect();
        assert!(of_prose.len() == 1 && !of_prose[0].needs_choice, "{of_prose:?}");
    }

    #[test]
    fn a_name_that_is_as_likely_something_else_is_left_alone() {
        for (params, text) in [
            ("writer, data", "Uses `write` where `writev` is missing."),
            ("eq_default", "``eq_default`` indicates whether the ``eq`` parameter is assumed."),
            ("labels_true", "Switching ``label_true`` with ``label_pred`` gives the same."),
            ("abs_", "As `abs` does it."),
            ("unicode", "As ``unicode_`` does it."),
            ("subdomain", "Previously this accepted a bogus `calculate_subdomain` parameter."),
            ("subdomain", "Takes the `calculate_subdomain` parameter of the map."),
        ] {
            check_quiet("python", &format!("def f({params}):\n    \"\"\"Do it.\n\n    {text}\n    \"\"\"\n    g()\n"));
        }
        for (param, text) in [("rng", "See `make_rng`."), ("X", "See `check_X`."), ("request", "See `request_id`.")] {
            let source = format!("def f({param}):\n    \"\"\"Do it.\n\n    {text}\n    \"\"\"\n    g()\n");
            assert!(findings("python", &source, &Settings::only("stale-name")).iter().all(|finding| finding.needs_choice));
        }
        let respelt = "def f(max_size):\n    \"\"\"Do it up to `maxSize`.\"\"\"\n    g()\n";
        check("python", respelt, &Settings::default(), &["stale-name [maxSize, max_size] at \"maxSize\""]);
    }

    #[test]
    fn a_link_to_nearly_a_name_of_the_file_is_found() {
        let script = "/** See {@link Gatherr}. */\nexport function f() {}\n\n/** It. */\nexport class Gatherer {}\n";
        check_only("stale-name", "typescript", script, &["stale-name [Gatherr, Gatherer] at \"Gatherr\""]);
        let rust = "/// See [`Gatherr`].\npub fn f() {}\n\n/// It.\npub struct Gatherer;\n";
        check_only("stale-name", "rust", rust, &["stale-name [Gatherr, Gatherer] at \"Gatherr\""]);
        check_quiet("rust", rust);
        for other in ["Gatherer", "Elsewhere"] {
            check_only("stale-name", "rust", &rust.replace("Gatherr", other), &[]);
        }
    }

    #[test]
    fn names_that_exist_are_fine() {
        check_quiet("python", "def f(values):\n    \"\"\"Take `values`, see `value` and ``None``.\"\"\"\n    for value in values:\n        pass\n");
        check_only("stale-name", "python", "def f(values):\n    \"\"\"Take `values`, see `value` and ``None``.\"\"\"\n    for value in values:\n        print(value)\n", &[]);
    }

    #[test]
    fn a_word_used_elsewhere_in_the_file_is_known_to_the_quiet_profile_only() {
        let source = format!("value = 1\n\n{}", SOURCE.replace("fill_value", "value"));
        check_quiet("python", &source);
        check_only("stale-name", "python", &source.replace("value = 1", "g(value=1)"), &["stale-name [value, value_value] at \"value\""]);
    }
}
