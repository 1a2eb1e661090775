//! The action *Convert style*: writes a docstring down in another style and keeps its words.

use crate::edit::{Refusal, prove};
use crate::layout::{checked_style, layout_for};
use crate::writer::WriterOptions;
use syntax::docstring::{DocStyle, EntryKind, convert as rewrite};
use syntax::model::{FileModel, Symbol};
use syntax::text::TextEdit;

/// The edits that write the documentation of one symbol in the style `to`.
pub fn convert(
    model: &FileModel,
    symbol: usize,
    to: DocStyle,
    options: &WriterOptions,
) -> Result<Vec<TextEdit>, Refusal> {
    let to = checked_style(model, to)?;
    let item = model.symbols.get(symbol).ok_or(Refusal::NoSymbol)?;
    let edit = converted(model, item, to, options).ok_or(Refusal::NothingToDo)?;
    prove(model, std::slice::from_ref(&edit))?;
    Ok(vec![edit])
}

/// The edits that write all structured documentation of the file in the style `to`; empty where all of it is so already.
///
/// What cannot be converted without losing something stays as it is.
pub fn convert_file(model: &FileModel, to: DocStyle, options: &WriterOptions) -> Result<Vec<TextEdit>, Refusal> {
    let to = checked_style(model, to)?;
    let mut edits: Vec<TextEdit> = Vec::new();
    for edit in model.symbols.iter().filter_map(|symbol| converted(model, symbol, to, options)) {
        // Several names of one definition can share a comment.
        if edits.iter().all(|known| known.span != edit.span) {
            edits.push(edit);
        }
    }
    if prove(model, &edits).is_err() {
        edits.retain(|edit| prove(model, std::slice::from_ref(edit)).is_ok());
    }
    Ok(edits)
}

fn converted(model: &FileModel, symbol: &Symbol, to: DocStyle, options: &WriterOptions) -> Option<TextEdit> {
    let doc = symbol.doc.as_ref()?;
    if !doc.is_structured() || doc.style == to || doc.inherits {
        return None;
    }
    let mut layout = layout_for(model, symbol, to, options);
    layout.with_types =
        doc.entries_of(EntryKind::Param).any(|(_, entry)| entry.type_text.is_some()) || layout.with_types;
    let comment = rewrite::convert(&model.text, doc, to, &layout)?;
    (comment != doc.block.span.of(&model.text)).then(|| TextEdit::replace(doc.block.span, comment))
}
