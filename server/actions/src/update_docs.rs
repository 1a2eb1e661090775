//! The action *Update documentation*: makes existing documentation true again and keeps every human sentence.
//!
//! Rules say what is to be mended, the writer finds the words, the editor of docstrings places them. Nothing is rewritten that no finding names.

mod plan;
pub mod rename;

use crate::document::redraft;
use crate::edit::{Refusal, provable, prove};
use crate::layout::{layout_for, style_for};
use crate::writer::WriterOptions;
use analysis::diagnostic::{Finding, Repair};
use plan::Plan;
use syntax::docstring::{DocStyle, EntryKind};
use syntax::model::{FileModel, Symbol};
use syntax::text::{Span, TextEdit, apply_edits};

/// What [`mend_reported`] did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mending {
    /// The edits, sorted, none overlapping.
    pub edits: Vec<TextEdit>,
    /// Findings (by index in the list given) that no edit mends, and why.
    pub skipped: Vec<Skipped>,
}

/// A finding that was left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Index in the findings given.
    pub finding: usize,
    /// One sentence.
    pub reason: String,
}

/// The edits that mend what `findings` say; all findings of one docstring are mended together.
pub fn mend(model: &FileModel, findings: &[Finding], options: &WriterOptions) -> Result<Vec<TextEdit>, Refusal> {
    mend_reported(model, findings, options).map(|mending| mending.edits)
}

/// [`mend`] where a user asked for it: names are paired by their place too, so that no sentence is lost that may still be meant.
pub fn update(model: &FileModel, findings: &[Finding], options: &WriterOptions) -> Result<Vec<TextEdit>, Refusal> {
    mend(model, &rename::renamed(model, findings), options)
}

/// [`mend`] with a list of what could not be mended.
///
/// The edits are proved; where the edits of one docstring cannot be, they alone are dropped.
pub fn mend_reported(model: &FileModel, findings: &[Finding], options: &WriterOptions) -> Result<Mending, Refusal> {
    let mut groups: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut mending = Mending::default();
    for (index, finding) in findings.iter().enumerate() {
        if finding.repairs.is_empty() {
            mending.skipped.push(Skipped {
                finding: index,
                reason: "There is no repair for it that a machine can make.".to_owned(),
            });
            continue;
        }
        match groups.iter_mut().find(|(symbol, _)| *symbol == finding.symbol) {
            Some((_, members)) => members.push(index),
            None => groups.push((finding.symbol, vec![index])),
        }
    }
    let mut parts: Vec<(Vec<usize>, Vec<TextEdit>)> = Vec::new();
    for (symbol, members) in groups {
        match mend_symbol(model, symbol, &members, findings, options, &mut mending.skipped) {
            Ok(edits) => parts.push((members, edits)),
            Err(refusal) => skip_all(&mut mending.skipped, &members, &refusal),
        }
    }
    let edits: Vec<Vec<TextEdit>> = parts.iter().map(|(_, edits)| edits.clone()).collect();
    let mut held = provable(model, &edits).0.into_iter();
    parts.retain(|(members, edits)| {
        let is_held = held.next().unwrap_or(false);
        if !is_held {
            let refusal = prove(model, edits).err().unwrap_or(Refusal::Overlap);
            skip_all(&mut mending.skipped, members, &refusal);
        }
        is_held
    });
    mending.edits = parts.into_iter().flat_map(|(_, edits)| edits).collect();
    mending.edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    mending.skipped.sort_by_key(|skipped| skipped.finding);
    Ok(mending)
}

fn skip_all(skipped: &mut Vec<Skipped>, members: &[usize], refusal: &Refusal) {
    for &finding in members {
        if skipped.iter().all(|known| known.finding != finding) {
            skipped.push(Skipped { finding, reason: refusal.to_string() });
        }
    }
}

/// The edits for one symbol's documentation.
fn mend_symbol(
    model: &FileModel,
    index: usize,
    members: &[usize],
    findings: &[Finding],
    options: &WriterOptions,
    skipped: &mut Vec<Skipped>,
) -> Result<Vec<TextEdit>, Refusal> {
    let symbol = model.symbols.get(index).ok_or(Refusal::Stale)?;
    let repairs: Vec<(usize, &Repair)> = members
        .iter()
        .filter_map(|&finding| Some((finding, findings.get(finding)?)))
        .flat_map(|(number, finding)| finding.repairs.iter().map(move |repair| (number, repair)))
        .collect();
    if repairs.iter().any(|(_, repair)| matches!(repair, Repair::Draft)) {
        return redraft(model, index, options).map(|edit| vec![edit]);
    }
    let doc = symbol.doc.as_ref().ok_or(Refusal::Stale)?;
    let style = if doc.style == DocStyle::Plain { style_for(model, options) } else { doc.style };
    let mut layout = layout_for(model, symbol, style, options);
    if let Some(types) = own_types(symbol) {
        layout.with_types = types;
    }
    let plan = |doc| Plan::new(model, index, symbol, doc, style, options);
    let (moves, others): (Vec<_>, Vec<_>) =
        repairs.into_iter().partition(|(_, repair)| matches!(repair, Repair::OrderParams));
    if moves.is_empty() || others.is_empty() {
        let edits = plan(doc).mend(&[others.clone(), moves].concat(), layout, skipped);
        return reads_back(model, symbol, &edits, &others).map(|()| edits);
    }
    // Entries are moved in the text that all other repairs leave, so that what is added takes part in the order.
    let first = plan(doc).mend(&others, layout.clone(), skipped);
    let between = apply_edits(&model.text, &first).ok_or(Refusal::Overlap)?;
    let block = doc.block.span;
    let old_rest = model.text.len() - block.end;
    let span = Span::new(block.start, between.len().saturating_sub(old_rest));
    let moved = syntax::docstring::parse(&between, span, doc.block.form.clone(), model.language.doc_style);
    let second = plan(&moved).in_text(&between).mend(&moves, layout, skipped);
    let after = apply_edits(&between, &second).ok_or(Refusal::Overlap)?;
    let edits = changed(&model.text, &after, block.start, after.len().saturating_sub(old_rest), block.end);
    reads_back(model, symbol, &edits, &others).map(|()| edits)
}

/// Makes sure that parameters that were added are read as such: among entries in a form of their own, new ones may be taken for the text
/// of the last, and would be added again and again.
fn reads_back(
    model: &FileModel,
    symbol: &Symbol,
    edits: &[TextEdit],
    repairs: &[(usize, &Repair)],
) -> Result<(), Refusal> {
    let added = repairs.iter().filter_map(|(_, repair)| match repair {
        Repair::AddParam { param } => symbol.params.get(*param).map(|param| param.name.trim_start_matches('*')),
        _ => None,
    });
    let added: Vec<&str> = added.filter(|name| !name.is_empty()).collect();
    let Some(doc) = symbol.doc.as_ref().filter(|_| !added.is_empty()) else { return Ok(()) };
    let after = apply_edits(&model.text, edits).ok_or(Refusal::Overlap)?;
    let rest = model.text.len() - doc.block.span.end;
    let span = Span::new(doc.block.span.start, after.len().saturating_sub(rest));
    let mended = syntax::docstring::parse(&after, span, doc.block.form.clone(), model.language.doc_style);
    let is_listed = |name: &&str| {
        let mut names = mended.entries_of(EntryKind::Param).flat_map(|(_, entry)| &entry.names);
        names.any(|known| known.name.trim_start_matches('*') == *name)
    };
    if added.iter().all(is_listed) { Ok(()) } else { Err(Refusal::ParametersAmiss { name: symbol.path.clone() }) }
}

/// One edit that makes the comment what it is in `after`, without the bytes that both have at its ends.
fn changed(before: &str, after: &str, start: usize, after_end: usize, before_end: usize) -> Vec<TextEdit> {
    let old = before.get(start..before_end).unwrap_or("");
    let new = after.get(start..after_end).unwrap_or("");
    let mut head = old.bytes().zip(new.bytes()).take_while(|(old, new)| old == new).count();
    while !old.is_char_boundary(head) || !new.is_char_boundary(head) {
        head -= 1;
    }
    let (old, new) = (old.get(head..).unwrap_or(""), new.get(head..).unwrap_or(""));
    let mut tail = old.bytes().rev().zip(new.bytes().rev()).take_while(|(old, new)| old == new).count();
    while !old.is_char_boundary(old.len() - tail) || !new.is_char_boundary(new.len() - tail) {
        tail -= 1;
    }
    if old == new {
        return Vec::new();
    }
    let text = new.get(..new.len() - tail).unwrap_or(new);
    vec![TextEdit::replace(Span::new(start + head, before_end - tail), text)]
}

/// Whether the entries of this docstring carry types; `None` where it has none to tell by.
fn own_types(symbol: &Symbol) -> Option<bool> {
    let doc = symbol.doc.as_ref()?;
    let balance: i32 =
        doc.entries_of(EntryKind::Param).map(|(_, entry)| if entry.type_text.is_some() { 1 } else { -1 }).sum();
    (balance != 0).then_some(balance > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{findings, mended, model};

    fn check(language: &str, before: &str, after: &str) {
        assert_eq!(mended(language, before), after);
        assert_eq!(mended(language, after), after, "a second run changes nothing");
    }

    #[test]
    fn a_rename_keeps_the_sentence_and_follows_in_prose() {
        check(
            "python",
            "def f(name_value):\n    \"\"\"Greet `name` 🎉.\n\n    Args:\n        name: Whom to greet,   oddly   spaced.\n    \"\"\"\n    print(name_value)\n",
            "def f(name_value):\n    \"\"\"Greet `name_value` 🎉.\n\n    Args:\n        name_value: Whom to greet,   oddly   spaced.\n    \"\"\"\n    print(name_value)\n",
        );
    }

    #[test]
    fn entries_come_go_and_move_together() {
        check(
            "python",
            "def f(c, a, b=2):\n    \"\"\"Do it.\n\n    Args:\n        a: First.\n        c: Third.\n        gone: Old.\n    \"\"\"\n    use(a, b, c)\n",
            "def f(c, a, b=2):\n    \"\"\"Do it.\n\n    Args:\n        c: Third.\n        a: First.\n        b: The value, passed on to `use`. Defaults to `2`.\n    \"\"\"\n    use(a, b, c)\n",
        );
    }

    #[test]
    fn a_function_that_became_a_generator_yields() {
        let mended = mended(
            "python",
            "def f(xs):\n    \"\"\"Do it.\n\n    Args:\n        xs: Some.\n\n    Returns:\n        The items.\n    \"\"\"\n    for x in xs:\n        yield x\n",
        );
        assert!(mended.contains("    Yields:\n        The items.\n"), "{mended}");
        assert!(!mended.contains("Returns"), "{mended}");
    }

    #[test]
    fn exceptions_are_told_with_their_condition() {
        let mended = mended(
            "python",
            "def f(x):\n    \"\"\"Do it.\n\n    Raises:\n        KeyError: Never now.\n    \"\"\"\n    if x < 0:\n        raise ValueError('no')\n",
        );
        assert!(mended.contains("        ValueError: If `x` is negative.\n"), "{mended}");
        assert!(!mended.contains("KeyError"), "{mended}");
    }

    #[test]
    fn jsdoc_is_mended_in_place() {
        check(
            "javascript",
            "/**\r\n * Adds 🎉.\r\n * @param {number} a - left\r\n * @param {number} old - gone\r\n * @returns {number} the sum\r\n */\r\nfunction add(a, b) {\r\n  return plus(a, b);\r\n}\r\n",
            "/**\r\n * Adds 🎉.\r\n * @param {number} a - left\r\n * @param {number} b - gone\r\n * @returns {number} the sum\r\n */\r\nfunction add(a, b) {\r\n  return plus(a, b);\r\n}\r\n",
        );
    }

    #[test]
    fn entries_that_would_not_be_read_are_not_added() {
        let text = "def f(a, b=1):\n    \"\"\"\n    Do it for all.\n\n    Keyword Arguments:\n     `b` => The name of it.\n\n     `c` => Boolean - take more.\n    \"\"\"\n    return a + b\n";
        let mended = |text: &str| {
            let model = crate::testing::model("python", text);
            let findings = crate::testing::findings(&model);
            assert!(
                findings.iter().any(|finding| finding.repairs.contains(&Repair::AddParam { param: 0 })),
                "`a` is missing"
            );
            let edits = mend(&model, &findings, &WriterOptions::default()).unwrap_or_default();
            apply_edits(text, &edits).unwrap()
        };
        let once = mended(text);
        assert_eq!(mended(&once), once, "a second run changes nothing");
    }

    #[test]
    fn a_clean_file_is_left_alone() {
        let text = "def f(a):\n    \"\"\"Do  it .\n\n    Args:\n      a:   One\n    \"\"\"\n    use(a)\n";
        check("python", text, text);
    }

    #[test]
    fn findings_without_repair_are_told() {
        let model = model(
            "python",
            "def f(a):\n    \"\"\"Do it.\n\n    Args:\n        a: One.\n        b: Two.\n    \"\"\"\n    use(a)\n",
        );
        let mut findings = findings(&model);
        findings[0].repairs.clear();
        let mending = mend_reported(&model, &findings, &WriterOptions::default()).unwrap();
        assert_eq!(mending.skipped.iter().map(|skipped| skipped.finding).collect::<Vec<_>>(), [0]);
        assert_eq!(mending.edits, []);
    }
}
