//! Drafts a documentation comment behind its opening: `"""`, `/**`, `///`, `//`, `#`.
//!
//! Only where documentation goes and none is; anywhere else an opening is left to the user.

use crate::layout::{layout_for, style_for};
use crate::writer::{WriterOptions, draft};
use std::sync::Arc;
use syntax::docstring::render::render;
use syntax::docstring::{CommentForm, DocStyle, Docstring};
use syntax::extract::Depth;
use syntax::language::Language;
use syntax::model::{FileModel, Placement, Symbol};
use syntax::text::Span;

/// A comment to be put in place of its opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocCompletion {
    /// What is replaced: the opening, and the closing where the editor put one.
    pub span: Span,
    /// The comment with tab stops (`${1:…}`), `$`, `}` and `\` escaped; indentation is as it must be, nothing is to be adjusted.
    pub snippet: String,
    /// The comment without tab stops.
    pub plain: String,
    /// What the user reads in the list.
    pub label: String,
}

/// The opening of a comment on a line of its own.
struct Opening {
    /// From its first byte to the cursor, and further over a closing that the editor put there.
    span: Span,
    form: CommentForm,
}

/// The comment for the opening just before `offset`, if documentation goes there.
///
/// The text is read again without the opening, since an unclosed one breaks the parse.
pub fn doc_completion(
    language: &'static Language,
    text: &str,
    offset: usize,
    options: &WriterOptions,
) -> Option<DocCompletion> {
    let opening = opening(language, text, offset)?;
    let inside = matches!(opening.form, CommentForm::PythonString { .. });
    // A statement in place of a docstring keeps a body that has no other.
    let stand_in = if inside { "pass" } else { "" };
    let without: Arc<str> =
        format!("{}{stand_in}{}", text.get(..opening.span.start)?, text.get(opening.span.end..)?).into();
    let model = syntax::extract::model(language, without, Depth::Full);
    let index = if is_about_file(&opening.form) {
        // Never the definition below: this comment is about what it stands in.
        model.symbols.first().filter(|file| fits(&model, file, opening.span.start)).map(|_| 0)?
    } else {
        documented_at(&model, opening.span.start)?
    };
    let symbol = model.symbols.get(index)?;
    let style = style_for(&model, options);
    let words = draft(&model, index, style, options)?;
    let mut layout = layout_for(&model, symbol, style, options);
    layout.form = opening.form.clone();
    let line_start = text.get(..opening.span.start)?.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    layout.indent = text.get(line_start..opening.span.start)?.to_owned();
    let plain = render(&words, style, &layout);
    let parsed = syntax::docstring::parse(&plain, Span::new(0, plain.len()), opening.form, style);
    let snippet = snippet(&plain, &parsed);
    let name = if symbol.name.is_empty() { "this file" } else { &symbol.name };
    Some(DocCompletion { span: opening.span, snippet, plain, label: format!("Document {name}") })
}

/// The opening that ends at the cursor and stands alone on its line.
fn opening(language: &'static Language, text: &str, offset: usize) -> Option<Opening> {
    let before = text.get(..offset)?;
    let line_start = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let typed = before.get(line_start..)?.trim_start();
    let rest = text.get(offset..)?;
    let line_rest = rest.get(..rest.find(['\n', '\r']).unwrap_or(rest.len()))?;
    let closing = line_rest.trim();
    let (form, closings): (CommentForm, &[&str]) = match (language.doc_style, typed.trim_end()) {
        (DocStyle::Google | DocStyle::Numpy | DocStyle::Sphinx, written) => {
            let quote = ["\"\"\"", "'''"].into_iter().find(|quote| written.ends_with(quote))?;
            let prefix = written.strip_suffix(quote)?;
            if !matches!(prefix, "" | "r" | "R" | "u" | "U") {
                return None;
            }
            (
                CommentForm::PythonString { prefix: prefix.to_owned(), quote: quote.to_owned() },
                if quote == "'''" { &["", "'''"] } else { &["", "\"\"\""] },
            )
        }
        (DocStyle::Jsdoc | DocStyle::Tsdoc, "/**") => (CommentForm::Block { open: "/**".to_owned() }, &["", "*/"]),
        (DocStyle::Rustdoc, marker @ ("///" | "//!")) => (CommentForm::Lines { marker: marker.to_owned() }, &[""]),
        (DocStyle::Godoc, "//") => (CommentForm::Lines { marker: "//".to_owned() }, &[""]),
        _ => return None,
    };
    if !closings.contains(&closing) {
        return None;
    }
    let start = offset - before.get(line_start..)?.trim_start().len();
    Some(Opening { span: Span::new(start, offset + line_rest.trim_end().len()), form })
}

/// Whether the comment is about what holds it, as `//!` is.
fn is_about_file(form: &CommentForm) -> bool {
    matches!(form, CommentForm::Lines { marker } if marker == "//!")
}

/// Whether the symbol is undocumented and its documentation would stand at `at`.
fn fits(model: &FileModel, symbol: &Symbol, at: usize) -> bool {
    if symbol.doc.is_some() || !symbol.doc_slot.usable {
        return false;
    }
    let slot = symbol.doc_slot.offset;
    match symbol.doc_slot.placement {
        Placement::Inside => slot == at,
        Placement::Before => {
            let (from, to) = if slot <= at { (slot, at) } else { (at, slot) };
            let between = model.text.get(from..to).unwrap_or("x");
            between.trim().is_empty() && between.matches('\n').count() <= 1
        }
    }
}

/// The undocumented symbol whose documentation would stand at `at`.
fn documented_at(model: &FileModel, at: usize) -> Option<usize> {
    // The file comes last: a comment in front of the first definition belongs to that.
    model
        .symbols
        .iter()
        .enumerate()
        .skip(1)
        .find(|(_, symbol)| fits(model, symbol, at))
        .map(|(index, _)| index)
        .or_else(|| model.symbols.first().filter(|symbol| fits(model, symbol, at)).map(|_| 0))
}

/// The comment with a tab stop around each text.
fn snippet(plain: &str, doc: &Docstring) -> String {
    let mut stops: Vec<Span> = Vec::new();
    if let (Some(first), Some(last)) = (
        doc.block.lines.get(doc.summary.start),
        doc.summary.end.checked_sub(1).and_then(|last| doc.block.lines.get(last)),
    ) && !doc.summary.is_empty()
    {
        stops.push(Span::new(first.span.start, last.span.end));
    }
    stops.extend(doc.entries.iter().map(|entry| entry.description_span).filter(|span| !span.is_empty()));
    stops.sort();
    let mut result = String::with_capacity(plain.len() + stops.len() * 6);
    let mut done = 0;
    let mut number = 1;
    for stop in stops {
        if stop.start < done || plain.get(stop.range()).is_none() {
            continue;
        }
        result.push_str(&escaped(plain.get(done..stop.start).unwrap_or("")));
        result.push_str(&format!("${{{number}:{}}}", escaped(stop.of(plain))));
        done = stop.end;
        number += 1;
    }
    result.push_str(&escaped(plain.get(done..).unwrap_or("")));
    result.push_str("$0");
    result
}

/// Text as it must stand in a snippet.
fn escaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '$' | '}' | '\\') {
            result.push('\\');
        }
        result.push(character);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `§` is the cursor.
    fn complete(language: &str, text: &str) -> Option<(DocCompletion, String)> {
        let offset = text.find('§').expect("a cursor");
        let text = text.replace('§', "");
        let completion =
            doc_completion(Language::from_id(language).unwrap(), &text, offset, &WriterOptions::default())?;
        let after = format!("{}{}{}", &text[..completion.span.start], completion.plain, &text[completion.span.end..]);
        Some((completion, after))
    }

    #[test]
    fn an_unclosed_docstring_is_drafted() {
        let (completion, after) = complete(
            "python",
            "class C:\n    def load(self, path):\n        \"\"\"§\n        return read(path)\n\ndef g():\n    pass\n",
        )
        .unwrap();
        assert!(after.contains("        \"\"\"Load `path`"), "{after}");
        assert!(after.contains("\n            path: The path, passed on to `read`.\n"), "{after}");
        assert!(after.ends_with("        \"\"\"\n        return read(path)\n\ndef g():\n    pass\n"), "{after}");
        assert!(completion.snippet.starts_with("\"\"\"${1:Load"), "{}", completion.snippet);
        assert!(completion.snippet.contains("path: ${2:The path, passed on to `read`.}"), "{}", completion.snippet);
        assert_eq!(completion.label, "Document load");
    }

    #[test]
    fn the_closing_that_an_editor_put_is_replaced() {
        let (_, after) = complete("python", "def f(x):\n    \"\"\"§\"\"\"\n    return g(x)\n").unwrap();
        assert_eq!(after.matches("\"\"\"").count(), 2, "{after}");
        let (_, after) = complete("javascript", "/**§ */\nfunction f(x) { return g(x); }\n").unwrap();
        assert_eq!(after.matches("*/").count(), 1, "{after}");
        assert!(after.contains(" * @param {*} x - "), "{after}");
    }

    #[test]
    fn a_body_of_nothing_else_is_enough() {
        assert!(complete("python", "def f(x):\n    \"\"\"§\n").is_some());
    }

    #[test]
    fn an_inner_comment_is_never_about_the_function_below() {
        let below = "pub fn load(path: &str) -> String {\n    read(path)\n}\n";
        let drafted = |marker: &str| complete("rust", &format!("{marker}§\n{below}")).map(|(one, _)| one.label);
        assert_eq!(drafted("///").as_deref(), Some("Document load"));
        assert!(drafted("//!").is_none_or(|label| label == "Document this file"), "{:?}", drafted("//!"));
        assert!(complete("rust", &format!("fn a() {{}}\n\n//!§\n{below}")).is_none());
    }

    #[test]
    fn snippets_escape_what_they_must() {
        assert_eq!(escaped("a${b}\\c"), "a\\${b\\}\\\\c");
    }

    #[test]
    fn elsewhere_nothing_is_offered() {
        assert!(complete("python", "x = \"\"\"§\n").is_none());
        assert!(complete("python", "def f():\n    y = 1\n    \"\"\"§\n    return y\n").is_none());
        assert!(complete("python", "def f():\n    \"\"\"Done.\"\"\"\n    \"\"\"§\n").is_none());
        assert!(complete("javascript", "const a = 1; /**§\n").is_none());
        assert!(complete("python", "🎉§").is_none());
    }
}
