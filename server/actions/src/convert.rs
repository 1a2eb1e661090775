//! The action *Convert style*: writes a docstring down in another style and keeps its words.

use crate::edit::{Refusal, provable, prove};
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

/// Whether [`convert`] would find something to write.
pub fn can_convert(model: &FileModel, symbol: usize, to: DocStyle, options: &WriterOptions) -> bool {
    checked_style(model, to).is_ok()
        && model.symbols.get(symbol).is_some_and(|item| converted(model, item, to, options).is_some())
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
    let parts: Vec<Vec<TextEdit>> = edits.iter().map(|edit| vec![edit.clone()]).collect();
    let mut held = provable(model, &parts).0.into_iter();
    edits.retain(|_| held.next().unwrap_or(false));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{after, model};

    const GOOGLE: &str = "def f(a):\n    \"\"\"Do it.\n\n    Args:\n        a (int): One, in words of its own.\n\n    Returns:\n        str: All.\n    \"\"\"\n    return str(a)\n";

    #[test]
    fn a_docstring_is_written_in_another_style_with_its_words() {
        let before = model("python", GOOGLE);
        let edits = convert(&before, 1, DocStyle::Sphinx, &WriterOptions::default()).unwrap();
        let sphinx = after(&before, &edits);
        assert!(
            sphinx.contains(":param a: One, in words of its own.")
                || sphinx.contains(":param int a: One, in words of its own."),
            "{sphinx}"
        );
        let back = model("python", &sphinx);
        let google = after(&back, &convert_file(&back, DocStyle::Google, &WriterOptions::default()).unwrap());
        assert_eq!(google, GOOGLE);
    }

    #[test]
    fn a_style_of_another_language_and_the_same_style_are_refused() {
        let model = model("python", GOOGLE);
        assert!(matches!(
            convert(&model, 1, DocStyle::Jsdoc, &WriterOptions::default()),
            Err(Refusal::StyleUnfit { .. })
        ));
        assert_eq!(convert(&model, 1, DocStyle::Google, &WriterOptions::default()), Err(Refusal::NothingToDo));
    }
}
