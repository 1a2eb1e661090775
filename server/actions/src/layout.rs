//! How new documentation is laid out here: the style, the form of the comment, its indentation and its width.
//!
//! Learned from the docstring itself, then from its file, then from the repository; never from the machine.

use crate::edit::Refusal;
use crate::writer::{Types, WriterOptions};
use syntax::docstring::{CommentForm, DocStyle, EntryKind, Layout};
use syntax::model::{FileModel, Placement, Symbol, SymbolKind};

/// The style for new documentation in this file: the user's, the file's, the repository's, the language's.
pub fn style_for(model: &FileModel, options: &WriterOptions) -> DocStyle {
    let fits = |style: &DocStyle| family(model.language.doc_style).contains(style);
    options
        .style
        .filter(fits)
        .or_else(|| majority(model).filter(fits))
        .or_else(|| options.repository_style(model.language.id).filter(fits))
        .unwrap_or(model.language.doc_style)
}

/// The style asked for by name, or the refusal to write it in this language.
pub fn checked_style(model: &FileModel, style: DocStyle) -> Result<DocStyle, Refusal> {
    if family(model.language.doc_style).contains(&style) {
        Ok(style)
    } else {
        Err(Refusal::StyleUnfit { style: style.name(), language: model.language.name.clone() })
    }
}

/// The styles that a language knows, by the one that is its own.
pub fn family(native: DocStyle) -> &'static [DocStyle] {
    match native {
        DocStyle::Google | DocStyle::Numpy | DocStyle::Sphinx | DocStyle::Epydoc | DocStyle::Plain => {
            &[DocStyle::Google, DocStyle::Numpy, DocStyle::Sphinx]
        }
        DocStyle::Jsdoc | DocStyle::Tsdoc => &[DocStyle::Jsdoc, DocStyle::Tsdoc],
        DocStyle::Rustdoc => &[DocStyle::Rustdoc],
        DocStyle::Godoc => &[DocStyle::Godoc],
    }
}

/// The style of most docstrings of the file that show one.
pub fn majority(model: &FileModel) -> Option<DocStyle> {
    let mut counts: Vec<(DocStyle, usize)> = Vec::new();
    for doc in model.symbols.iter().filter_map(|symbol| symbol.doc.as_ref()) {
        if doc.style == DocStyle::Plain || !doc.is_structured() {
            continue;
        }
        match counts.iter_mut().find(|(style, _)| *style == doc.style) {
            Some((_, count)) => *count += 1,
            None => counts.push((doc.style, 1)),
        }
    }
    counts.into_iter().max_by_key(|&(style, count)| (count, std::cmp::Reverse(style))).map(|(style, _)| style)
}

/// The layout of a comment for `symbol`: that of its own where it has one.
pub fn layout_for(model: &FileModel, symbol: &Symbol, style: DocStyle, options: &WriterOptions) -> Layout {
    let (form, indent) = match &symbol.doc {
        Some(doc) => (doc.block.form.clone(), doc.block.indent.clone()),
        None => (new_form(model, symbol), symbol.doc_slot.indent.clone()),
    };
    Layout {
        form,
        indent,
        indent_unit: indent_unit(model),
        eol: eol(&model.text).to_owned(),
        width: options.width,
        with_types: with_types(model, style, options.types),
    }
}

/// The form in which this language writes the comment of this kind of symbol.
fn new_form(model: &FileModel, symbol: &Symbol) -> CommentForm {
    match model.language.doc_style {
        DocStyle::Jsdoc | DocStyle::Tsdoc => CommentForm::Block { open: "/**".to_owned() },
        DocStyle::Rustdoc => {
            let inner = symbol.kind == SymbolKind::Module || symbol.doc_slot.placement == Placement::Inside;
            CommentForm::Lines { marker: if inner { "//!" } else { "///" }.to_owned() }
        }
        DocStyle::Godoc => CommentForm::Lines { marker: "//".to_owned() },
        _ => CommentForm::PythonString { prefix: String::new(), quote: python_quote(model) },
    }
}

/// The quote that most of the file's docstrings use.
fn python_quote(model: &FileModel) -> String {
    let single = model.symbols.iter().filter_map(|symbol| symbol.doc.as_ref()).fold(0i32, |balance, doc| {
        match &doc.block.form {
            CommentForm::PythonString { quote, .. } if quote == "'''" => balance + 1,
            CommentForm::PythonString { quote, .. } if quote == "\"\"\"" => balance - 1,
            _ => balance,
        }
    });
    if single > 0 { "'''" } else { "\"\"\"" }.to_owned()
}

/// The line break of the text's first line.
pub fn eol(text: &str) -> &'static str {
    match text.find(['\n', '\r']) {
        Some(at) if text.get(at..).is_some_and(|rest| rest.starts_with("\r\n")) => "\r\n",
        Some(at) if text.get(at..).is_some_and(|rest| rest.starts_with('\r')) => "\r",
        _ => "\n",
    }
}

/// One level of indentation: the smallest one that the file's symbols show.
fn indent_unit(model: &FileModel) -> String {
    let smallest = model
        .symbols
        .iter()
        .map(|symbol| symbol.doc_slot.indent.as_str())
        .filter(|indent| !indent.is_empty())
        .min_by_key(|indent| indent.len());
    match smallest {
        Some(indent) if indent.starts_with('\t') => "\t".to_owned(),
        Some(indent) if indent.len() <= 4 => indent.to_owned(),
        _ => "    ".to_owned(),
    }
}

/// [`Types::LikeNeighbours`] as what it comes to in this file.
pub fn types_of(model: &FileModel, style: DocStyle, types: Types) -> Types {
    if with_types(model, style, types) { Types::Always } else { Types::Never }
}

/// Whether entries carry types: as asked, else as most of the file's entries do.
fn with_types(model: &FileModel, style: DocStyle, types: Types) -> bool {
    match types {
        Types::Always => true,
        Types::Never => false,
        Types::LikeNeighbours => {
            let balance: i32 = model
                .symbols
                .iter()
                .filter_map(|symbol| symbol.doc.as_ref())
                .flat_map(|doc| doc.entries_of(EntryKind::Param))
                .map(|(_, entry)| if entry.type_text.is_some() { 1 } else { -1 })
                .sum();
            if balance == 0 { style != DocStyle::Tsdoc && !model.language.id.starts_with("t") } else { balance > 0 }
        }
    }
}
