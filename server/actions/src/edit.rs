//! An edit to one file and the proof that it changes documentation only.
//!
//! Every edit that leaves this room has been through [`prove`]; an edit that cannot be proved is refused, never repaired.

use std::sync::Arc;
use syntax::docstring::{Docstring, EntryKind};
use syntax::extract::{
    CodeFingerprint, Depth, Parsed, code_fingerprint, fingerprint_from, model_from, parse_incremental,
};
use syntax::model::{FileModel, Placement, Symbol, SymbolKind};
use syntax::text::{Span, TextEdit, apply_edits};

/// Why an action made no edit; the text is for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No symbol stands at the place asked for.
    #[error("There is nothing to document at this place.")]
    NoSymbol,
    /// The symbol has documentation already.
    #[error("`{name}` is documented already.")]
    AlreadyDocumented {
        /// Path of the symbol.
        name: String,
    },
    /// The symbol is one that takes its documentation from elsewhere.
    #[error("`{name}` takes its documentation from the definition that it implements or overrides.")]
    Inherited {
        /// Path of the symbol.
        name: String,
    },
    /// There is no line on which a comment could stand.
    #[error(
        "`{name}` leaves no place for documentation, because its definition shares a line with other code or does not parse."
    )]
    NoPlace {
        /// Path of the symbol.
        name: String,
    },
    /// The style does not belong to the language.
    #[error("The style {style} does not belong to {language}.")]
    StyleUnfit {
        /// Name of the style.
        style: &'static str,
        /// Name of the language.
        language: String,
    },
    /// All is as it should be.
    #[error("There is nothing to change.")]
    NothingToDo,
    /// What was chosen is too long for one answer of a model.
    #[error(
        "This has {size} bytes, more than the {limit} that a model is asked to write at once; choose a smaller part."
    )]
    TooLong {
        /// Its size.
        size: usize,
        /// What is allowed.
        limit: usize,
    },
    /// What changed is too long for one question.
    #[error(
        "What changed has {size} bytes with its line numbers, more than the {limit} that a model reviews at once; review it in smaller parts."
    )]
    TooMuchChanged {
        /// Its size.
        size: usize,
        /// What is allowed.
        limit: usize,
    },
    /// The offer speaks of something that the file no longer has.
    #[error("The file changed since this action was offered.")]
    Stale,
    /// Two edits touch the same bytes, or one lies outside of the text.
    #[error("The edits overlap or do not fit the text, so none was made.")]
    Overlap,
    /// An edit reaches beyond documentation.
    #[error("The edit would reach beyond documentation, so it was not made.")]
    OutsideDocumentation,
    /// A token of code, or the shape of the code, would be another.
    #[error("The edit would change code, so it was not made.")]
    CodeChanged,
    /// The text would no longer parse as well as it does.
    #[error("The edit would break the syntax of the file, so it was not made.")]
    NewSyntaxErrors,
    /// The documentation written would not list each parameter once and in order.
    #[error("The documentation of `{name}` would not list each parameter once and in order, so it was not written.")]
    ParametersAmiss {
        /// Path of the symbol.
        name: String,
    },
}

/// What [`prove`] found out.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The model after the edits, its text and the fingerprint of its code included; as deep as documented symbols need.
    pub after: FileModel,
    /// The tree that it was read from, so that nobody needs to parse the text once more.
    pub parsed: Parsed,
    /// Symbols whose documentation the edits change.
    pub touched: Vec<usize>,
}

/// Edits that are proved already.
#[derive(Clone, Debug, Default)]
pub struct Proved {
    /// The edits.
    pub edits: Vec<TextEdit>,
    /// What the proof of all of them together found out, where it is at hand.
    pub proof: Option<Box<Proof>>,
}

impl From<Vec<TextEdit>> for Proved {
    fn from(edits: Vec<TextEdit>) -> Self {
        Self { edits, proof: None }
    }
}

/// Applies `edits` and proves that they change documentation only.
///
/// Code tokens and tree shape are the same, nothing new fails to parse, each edit lies in a documentation comment or at a place for one,
/// and what was written lists each parameter once and in order.
pub fn prove(model: &FileModel, edits: &[TextEdit]) -> Result<Proof, Refusal> {
    proof(model, code_of(model), edits)
}

/// The fingerprint of the code before, taken once however many edits are to be proved.
fn code_of(model: &FileModel) -> CodeFingerprint {
    model.code.unwrap_or_else(|| code_fingerprint(model.language, &model.text))
}

fn proof(model: &FileModel, before: CodeFingerprint, edits: &[TextEdit]) -> Result<Proof, Refusal> {
    let after = apply_edits(&model.text, edits).ok_or(Refusal::Overlap)?;
    let mut touched = Vec::new();
    for edit in edits {
        let symbol = home(model, edit).ok_or(Refusal::OutsideDocumentation)?;
        if !touched.contains(&symbol) {
            touched.push(symbol);
        }
    }
    touched.sort_unstable();
    let after: Arc<str> = after.into();
    let parsed = parse_incremental(model.language, &after, None, &|| false).ok_or(Refusal::NewSyntaxErrors)?;
    let code = fingerprint_from(&parsed, &after);
    if code.errors > before.errors {
        return Err(Refusal::NewSyntaxErrors);
    }
    if code != before {
        return Err(Refusal::CodeChanged);
    }
    let new = FileModel { code: Some(code), ..model_from(&parsed, after, Depth::Documented) };
    if new.symbols.len() != model.symbols.len() {
        return Err(Refusal::CodeChanged);
    }
    for &index in &touched {
        let (Some(old), Some(new)) = (model.symbols.get(index), new.symbols.get(index)) else {
            return Err(Refusal::CodeChanged);
        };
        if old.path != new.path {
            return Err(Refusal::CodeChanged);
        }
        if !parameters_hold(old, new) {
            return Err(Refusal::ParametersAmiss { name: old.path.clone() });
        }
    }
    Ok(Proof { after: new, parsed, touched })
}

/// Which of several parts, each the edits of one docstring, can be proved; halves are tried where the whole cannot.
///
/// The parts that are kept are proved together.
pub fn provable(model: &FileModel, parts: &[Vec<TextEdit>]) -> (Vec<bool>, Option<Box<Proof>>) {
    let before = code_of(model);
    let all: Vec<TextEdit> = parts.iter().flatten().cloned().collect();
    if parts.is_empty() {
        return (Vec::new(), None);
    }
    if let Ok(proof) = proof(model, before, &all) {
        return (vec![true; parts.len()], Some(Box::new(proof)));
    }
    let kept = parted(model, before, parts);
    let together: Vec<TextEdit> =
        parts.iter().zip(&kept).filter(|(_, kept)| **kept).flat_map(|(part, _)| part.iter().cloned()).collect();
    match proof(model, before, &together) {
        Ok(proof) => (kept, Some(Box::new(proof))),
        Err(_) => (vec![false; parts.len()], None),
    }
}

fn halves(model: &FileModel, before: CodeFingerprint, parts: &[Vec<TextEdit>]) -> Vec<bool> {
    let all: Vec<TextEdit> = parts.iter().flatten().cloned().collect();
    if parts.is_empty() || proof(model, before, &all).is_ok() {
        return vec![true; parts.len()];
    }
    parted(model, before, parts)
}

/// [`halves`] of parts that cannot be proved together.
fn parted(model: &FileModel, before: CodeFingerprint, parts: &[Vec<TextEdit>]) -> Vec<bool> {
    if parts.len() < 2 {
        return vec![false; parts.len()];
    }
    let (left, right) = parts.split_at(parts.len() / 2);
    [halves(model, before, left), halves(model, before, right)].concat()
}

/// Edits that are proved already, or [`Refusal::NothingToDo`] where they change nothing.
pub fn changing(model: &FileModel, edits: Vec<TextEdit>) -> Result<Vec<TextEdit>, Refusal> {
    let after = apply_edits(&model.text, &edits).ok_or(Refusal::Overlap)?;
    if after == *model.text { Err(Refusal::NothingToDo) } else { Ok(edits) }
}

/// [`prove`] for edits that a caller hands on: the edits themselves, or [`Refusal::NothingToDo`] where they change nothing.
pub fn proved(model: &FileModel, edits: Vec<TextEdit>) -> Result<Vec<TextEdit>, Refusal> {
    let proof = prove(model, &edits)?;
    if proof.after.text == model.text { Err(Refusal::NothingToDo) } else { Ok(edits) }
}

/// The symbol whose documentation, or place for it, holds the edit.
fn home(model: &FileModel, edit: &TextEdit) -> Option<usize> {
    let place = |symbol: &Symbol| match &symbol.doc {
        Some(doc) => comment_lines(&model.text, doc).contains(edit.span),
        None => symbol.doc_slot.usable && edit.span.is_empty() && edit.span.start == symbol.doc_slot.offset,
    };
    model.symbols.iter().position(place)
}

/// The comment with the white space in front of it and the line break behind it, which a removal takes along.
fn comment_lines(text: &str, doc: &Docstring) -> Span {
    let span = doc.block.span;
    let before = text.get(..span.start).unwrap_or("");
    let start = before.trim_end_matches([' ', '\t']).len();
    let behind = text.get(span.end..).unwrap_or("");
    let blank = behind.len() - behind.trim_start_matches([' ', '\t']).len();
    let rest = behind.get(blank..).unwrap_or("");
    let line_break = if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with(['\n', '\r'])) };
    Span::new(start, if line_break == 0 { span.end } else { span.end + blank + line_break })
}

/// Whether a documentation comment says nothing at all.
pub fn is_empty_doc(text: &str, doc: &Docstring) -> bool {
    !doc.inherits && !doc.is_structured() && doc.block.lines.iter().all(|line| line.span.of(text).trim().is_empty())
}

/// No parameter is listed twice or unknown that was not so before; where the documentation is new, all are there and in order.
fn parameters_hold(old: &Symbol, new: &Symbol) -> bool {
    let Some(doc) = &new.doc else {
        return old.doc.is_none();
    };
    let owner_params: Vec<&str> =
        new.params.iter().map(|param| param.name.as_str()).filter(|name| !name.is_empty()).collect();
    let names = listed(doc);
    let before = old.doc.as_ref().map(listed).unwrap_or_default();
    let count = |list: &[String], name: &str| list.iter().filter(|known| known.as_str() == name).count();
    if names.iter().any(|name| count(&names, name) > count(&before, name).max(1)) {
        return false;
    }
    if old.doc.is_some() && !before.is_empty() || names.is_empty() || new.kind == SymbolKind::Class {
        return true;
    }
    let flat: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.contains('.')).collect();
    let patterns = new.params.iter().any(|param| param.name.is_empty());
    if old.doc.as_ref().is_some_and(|doc| doc.is_structured()) || patterns {
        return owner_params.iter().filter(|name| flat.contains(name)).count() <= owner_params.len();
    }
    flat == owner_params
}

/// Names of the parameters that a docstring lists, in order.
fn listed(doc: &Docstring) -> Vec<String> {
    doc.entries_of(EntryKind::Param).flat_map(|(_, entry)| entry.names.iter().map(|name| name.name.clone())).collect()
}

/// The edit that writes a comment where there is none; `comment` is what [`syntax::docstring::render::render`] returned.
pub fn insert_comment(model: &FileModel, symbol: &Symbol, comment: &str, eol: &str) -> TextEdit {
    let slot = &symbol.doc_slot;
    match slot.placement {
        Placement::Before => TextEdit::insert(slot.offset, format!("{}{comment}{eol}", slot.indent)),
        Placement::Inside => {
            let gap = if symbol.kind == SymbolKind::Module && !model.text.get(slot.offset..).unwrap_or("").is_empty() {
                eol
            } else {
                ""
            };
            TextEdit::insert(slot.offset, format!("{comment}{eol}{gap}{}", slot.indent))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::model;

    const TEXT: &str = "def f(a, b):\r\n    \"\"\"Do 🎉.\r\n\r\n    Args:\r\n        a: One.\r\n    \"\"\"\r\n    return a  # b\r\n\r\ndef g(x):\r\n    return x\r\n";

    fn refusal(edit: TextEdit) -> Refusal {
        prove(&model("python", TEXT), &[edit]).unwrap_err()
    }

    fn at(part: &str) -> Span {
        let start = TEXT.find(part).unwrap();
        Span::new(start, start + part.len())
    }

    #[test]
    fn an_edit_inside_documentation_is_proved_and_told() {
        let proof = prove(&model("python", TEXT), &[TextEdit::replace(at("One"), "Two")]).unwrap();
        assert_eq!(*proof.after.text, *TEXT.replace("One", "Two"));
        assert_eq!(proof.touched, [1]);
    }

    #[test]
    fn code_comments_and_broken_strings_are_out_of_reach() {
        assert_eq!(refusal(TextEdit::replace(at("return a"), "return b")), Refusal::OutsideDocumentation);
        assert_eq!(refusal(TextEdit::replace(at("# b"), "# c")), Refusal::OutsideDocumentation);
        let end = refusal(TextEdit::replace(at("One."), "One.\"\"\"; boom()"));
        assert!(matches!(end, Refusal::NewSyntaxErrors | Refusal::CodeChanged), "{end:?}");
        assert_eq!(refusal(TextEdit::insert(at("return x").start, "boom()\r\n    ")), Refusal::CodeChanged);
        assert_eq!(refusal(TextEdit::insert(9999, "x")), Refusal::Overlap);
    }

    #[test]
    fn what_the_proof_hands_on_is_what_a_fresh_read_finds() {
        let before = model("python", TEXT);
        let proof = prove(&before, &[TextEdit::replace(at("One"), "Two")]).unwrap();
        assert_eq!(proof.after.code, Some(code_fingerprint(before.language, &before.text)));
        assert_eq!(
            proof.parsed.outline(),
            parse_incremental(before.language, &proof.after.text, None, &|| false).unwrap().outline()
        );
        // A wrong fingerprint of the code before is believed, so it must come from the same parse as the model.
        let other = FileModel { code: Some(code_fingerprint(before.language, "x = 1\n")), ..before };
        assert_eq!(prove(&other, &[TextEdit::replace(at("One"), "Two")]).unwrap_err(), Refusal::CodeChanged);
    }

    #[test]
    fn one_part_that_cannot_be_proved_leaves_the_others() {
        let good = vec![TextEdit::replace(at("One"), "Two")];
        let bad = vec![TextEdit::insert(at("return x").start, "boom()\r\n    ")];
        assert_eq!(provable(&model("python", TEXT), &[bad.clone(), good, bad]).0, [false, true, false]);
    }

    #[test]
    fn a_parameter_written_twice_is_refused() {
        let twice = refusal(TextEdit::insert(at("        a: One").start, "        a: One.\r\n"));
        assert_eq!(twice, Refusal::ParametersAmiss { name: "f".into() });
    }

    #[test]
    fn new_documentation_must_list_all_parameters_in_order() {
        let slot = at("return x").start;
        let wrong = TextEdit::insert(slot, "\"\"\"G.\r\n\r\n    Args:\r\n        y: One.\r\n    \"\"\"\r\n    ");
        assert_eq!(refusal(wrong), Refusal::ParametersAmiss { name: "g".into() });
        let right = TextEdit::insert(slot, "\"\"\"G.\r\n\r\n    Args:\r\n        x: One.\r\n    \"\"\"\r\n    ");
        assert!(prove(&model("python", TEXT), &[right]).is_ok());
    }

    #[test]
    fn refusals_are_sentences() {
        let names = [Refusal::NoSymbol, Refusal::Stale, Refusal::CodeChanged, Refusal::NoPlace { name: "f".into() }];
        assert!(names.iter().all(|refusal| refusal.to_string().ends_with('.')));
    }
}
