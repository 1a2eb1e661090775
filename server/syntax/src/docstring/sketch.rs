//! One line of text for each entry, for the tests of the parsers.

use super::{CommentForm, DocStyle, Docstring, parse};
use crate::text::Span;

/// Reads a Python string with this content.
pub(crate) fn python(body: &str, hint: DocStyle) -> (String, Docstring) {
    let text = format!("def f():\n    \"\"\"{body}\"\"\"\n");
    let form = CommentForm::PythonString { prefix: String::new(), quote: "\"\"\"".into() };
    let doc = parse(&text, Span::new(13, text.len() - 1), form, hint);
    (text, doc)
}

/// Reads a block comment.
pub(crate) fn block(text: &str, hint: DocStyle) -> Docstring {
    parse(text, Span::new(0, text.len()), CommentForm::Block { open: "/**".into() }, hint)
}

/// Reads line comments.
pub(crate) fn lines(text: &str, marker: &str, hint: DocStyle) -> Docstring {
    parse(text, Span::new(0, text.len()), CommentForm::Lines { marker: marker.into() }, hint)
}

/// `Param x, *y (int)? =5: text` for each entry.
pub(crate) fn entries(doc: &Docstring) -> Vec<String> {
    let each = doc.entries.iter().map(|entry| {
        let names: Vec<String> = entry.names.iter().map(|name| format!("{}{}", name.stars, name.name)).collect();
        let mut line = format!("{:?} {}", entry.kind, names.join(", "));
        if let Some(type_text) = &entry.type_text {
            line += &format!(" ({})", type_text.text);
        }
        if entry.optional {
            line += "?";
        }
        if let Some(default) = &entry.default {
            line += &format!(" ={}", default.value);
        }
        let line = if entry.description.is_empty() { line } else { format!("{line}: {}", entry.description) };
        line.replace("  ", " ").replace(" :", ":")
    });
    each.collect()
}

/// `Kind Title lines` for each section.
pub(crate) fn sections(doc: &Docstring) -> Vec<String> {
    doc.sections.iter().map(|section| format!("{:?} {} {:?}", section.kind, section.title, section.lines)).collect()
}

/// The text of each mention.
pub(crate) fn mentions(doc: &Docstring) -> Vec<String> {
    let each = doc.mentions.iter().map(|mention| match &mention.role {
        Some(role) => format!("{role}:{}", mention.text),
        None => mention.text.clone(),
    });
    each.collect()
}
