//! The action *Document*: writes documentation where there is none.
//!
//! Never touches documentation that says something, so that a second run changes nothing.

use crate::edit::{Proved, Refusal, insert_comment, is_empty_doc, provable};
use crate::layout::{eol, layout_for, style_for, types_of};
use crate::writer::subject::person_of;
use crate::writer::{Audience, WriterOptions};
use syntax::docstring::render::render;
use syntax::model::{FileModel, Symbol, SymbolKind, Visibility};
use syntax::text::{Span, TextEdit};

/// How much is to be documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One symbol, by its index in the model.
    Symbol(usize),
    /// All symbols whose definition begins in the span.
    Selection(Span),
    /// The file.
    File,
}

/// The edits that document one symbol.
pub fn document(model: &FileModel, symbol: usize, options: &WriterOptions) -> Result<Vec<TextEdit>, Refusal> {
    let item = model.symbols.get(symbol).ok_or(Refusal::NoSymbol)?;
    if item.doc.as_ref().is_some_and(|doc| !is_empty_doc(&model.text, doc)) {
        return Err(Refusal::AlreadyDocumented { name: item.path.clone() });
    }
    if inherits(model, item) {
        return Err(Refusal::Inherited { name: item.path.clone() });
    }
    write(model, symbol, item, options).map(|edit| vec![edit])
}

/// The edit that writes documentation anew where it says nothing of use: there is none, it is empty, or it is only a placeholder.
pub fn redraft(model: &FileModel, symbol: usize, options: &WriterOptions) -> Result<TextEdit, Refusal> {
    let item = model.symbols.get(symbol).ok_or(Refusal::NoSymbol)?;
    if item.doc.as_ref().is_some_and(|doc| doc.is_structured() || doc.inherits) {
        return Err(Refusal::AlreadyDocumented { name: item.path.clone() });
    }
    write(model, symbol, item, options)
}

/// The edits that document all that should be documented in `scope` and is not; empty where there is nothing to do.
pub fn document_scope(model: &FileModel, scope: Scope, options: &WriterOptions) -> Result<Vec<TextEdit>, Refusal> {
    document_proved(model, scope, options).map(|proved| proved.edits)
}

/// [`document_scope`] with what its proof found out.
pub fn document_proved(model: &FileModel, scope: Scope, options: &WriterOptions) -> Result<Proved, Refusal> {
    if let Scope::Symbol(symbol) = scope {
        return document(model, symbol, options).map(Proved::from);
    }
    // What all symbols share is found out once.
    let style = style_for(model, options);
    let options = &WriterOptions {
        style: Some(style),
        person: Some(person_of(model, options)),
        types: types_of(model, style, options.types),
        ..options.clone()
    };
    let mut edits: Vec<TextEdit> = Vec::new();
    for (index, symbol) in model.symbols.iter().enumerate() {
        let wanted = match scope {
            Scope::Selection(span) => index > 0 && span.touches(symbol.name_span.start),
            _ => true,
        };
        if !wanted || !should_document(model, index, scope, options) {
            continue;
        }
        if let Ok(edit) = write(model, index, symbol, options)
            && edits.iter().all(|known| !(known.span.is_empty() && known.span == edit.span))
        {
            edits.push(edit);
        }
    }
    // One symbol that cannot be documented safely must not keep the others from it.
    let parts: Vec<Vec<TextEdit>> = edits.iter().map(|edit| vec![edit.clone()]).collect();
    let (held, proof) = provable(model, &parts);
    let mut held = held.into_iter();
    edits.retain(|_| held.next().unwrap_or(false));
    Ok(Proved { edits, proof })
}

/// Whether documentation is missing here and should be written without being asked for by name.
pub fn should_document(model: &FileModel, index: usize, scope: Scope, options: &WriterOptions) -> bool {
    let Some(symbol) = model.symbols.get(index) else {
        return false;
    };
    let missing = match &symbol.doc {
        Some(doc) => is_empty_doc(&model.text, doc),
        None => symbol.doc_slot.usable,
    };
    let heard = options.audience == Audience::Everyone
        || symbol.visibility != Visibility::Private
        || matches!(scope, Scope::Selection(_));
    missing && heard && documentable(model, symbol)
}

/// Whether a symbol of this kind carries documentation of its own.
fn documentable(model: &FileModel, symbol: &Symbol) -> bool {
    if symbol.flags.is_local || symbol.flags.is_test || inherits(model, symbol) {
        return false;
    }
    let rust = model.language.id == "rust";
    match symbol.kind {
        SymbolKind::Impl | SymbolKind::Namespace | SymbolKind::Constant => false,
        SymbolKind::Module => false,
        SymbolKind::Field | SymbolKind::Variant => rust,
        SymbolKind::Constructor => {
            !symbol.params.is_empty() || symbol.facts.as_ref().is_some_and(|facts| !facts.throws.is_empty())
        }
        _ => !symbol.name.is_empty(),
    }
}

/// Whether the documentation of the symbol comes from another definition.
fn inherits(model: &FileModel, symbol: &Symbol) -> bool {
    let flags = symbol.flags;
    let decorated = symbol.decorators.iter().any(|decorator| {
        let name = decorator.split(['(', ' ']).next().unwrap_or("");
        matches!(
            name.rsplit('.').next(),
            Some("overload" | "override" | "setter" | "deleter" | "singledispatch_register")
        )
    });
    let accessor =
        flags.is_setter && model.symbols.iter().any(|other| other.path == symbol.path && other.flags.is_getter);
    flags.is_overload || flags.is_override || accessor || decorated || implements_overloads(model, symbol)
}

/// Whether readers never see what stands on the symbol, because signatures of the same name stand before its body.
///
/// Python, whose overloads have bodies, documents the implementation.
fn implements_overloads(model: &FileModel, symbol: &Symbol) -> bool {
    let is_signature =
        |other: &Symbol| other.flags.is_overload && other.body.is_none() && other.parent == symbol.parent;
    model.language.id == "typescript"
        && symbol.kind.is_callable()
        && symbol.body.is_some()
        && model.symbols.iter().any(|other| other.name == symbol.name && is_signature(other))
}

/// Writes the comment of one symbol.
fn write(model: &FileModel, index: usize, symbol: &Symbol, options: &WriterOptions) -> Result<TextEdit, Refusal> {
    if symbol.doc.is_none() && !symbol.doc_slot.usable {
        return Err(Refusal::NoPlace { name: symbol.path.clone() });
    }
    let style = style_for(model, options);
    let draft = crate::writer::draft(model, index, style, options).ok_or(Refusal::NoSymbol)?;
    let layout = layout_for(model, symbol, style, options);
    let comment = render(&draft, style, &layout);
    Ok(match &symbol.doc {
        Some(doc) => TextEdit::replace(doc.block.span, comment),
        None => insert_comment(model, symbol, &comment, eol(&model.text)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{after, findings, model, symbol};
    use syntax::docstring::DocStyle;

    fn documented(language: &str, text: &str, options: &WriterOptions) -> String {
        let before = model(language, text);
        let after = after(&before, &document_scope(&before, Scope::File, options).unwrap());
        let again = model(language, &after);
        assert_eq!(document_scope(&again, Scope::File, options).unwrap(), [], "a second run changes nothing");
        after
    }

    #[test]
    fn a_function_is_documented_from_its_facts() {
        let text = "def load_config(path, retries=3, *args):\n    if not path:\n        raise ValueError('no path')\n    return parse(path, retries, *args)\n";
        let expected = "def load_config(path, retries=3, *args):\n    \"\"\"Load the configuration from `path`.\n\n    Args:\n        path: The path, passed on to `parse`. Must not be empty.\n        retries: The retries, passed on to `parse`. Defaults to `3`.\n        *args: Positional arguments passed on to `parse`.\n\n    Returns:\n        The loaded configuration.\n\n    Raises:\n        ValueError: If `path` is falsy.\n    \"\"\"\n    if not path:\n        raise ValueError('no path')\n    return parse(path, retries, *args)\n";
        let written = documented("python", text, &WriterOptions::default());
        assert_eq!(written, expected);
        assert_eq!(findings(&model("python", &written)), [], "our own rules have nothing to say");
    }

    #[test]
    fn the_style_asked_for_is_written_where_the_language_has_it() {
        let options = WriterOptions { style: Some(DocStyle::Sphinx), ..WriterOptions::default() };
        let written = documented("python", "def f(a):\n    return g(a)\n", &options);
        assert!(written.contains(":param a: The value of ``a``, passed on to ``g``."), "{written}");
        let written = documented("javascript", "function f(a) { return g(a); }\n", &options);
        assert!(written.contains("@param {*} a - "), "{written}");
    }

    #[test]
    fn line_breaks_tabs_and_emoji_stay_as_they_are() {
        let text = "class Ä:\r\n\tdef größe(self, 名):\r\n\t\tx = '🎉'\r\n\t\treturn 名\r\n";
        let written = documented("python", text, &WriterOptions::default());
        assert!(!written.replace("\r\n", "").contains('\n'), "{written:?}");
        assert!(written.contains("\t\t\"\"\""), "{written:?}");
        assert!(written.contains("\t\tx = '🎉'\r\n"), "{written:?}");
    }

    #[test]
    fn what_is_private_overriding_a_test_or_nested_is_left_alone() {
        let text = "def _p(a):\n    return a\n\ndef test_x():\n    assert f()\n\nclass C(B):\n    \"\"\"Doc.\"\"\"\n    @override\n    def m(self):\n        return 1\n";
        assert_eq!(documented("python", text, &WriterOptions::default()), text);
        let everyone = WriterOptions { audience: Audience::Everyone, ..WriterOptions::default() };
        assert!(documented("python", text, &everyone).contains("def _p(a):\n    \"\"\""));
    }

    #[test]
    fn the_implementation_of_overloads_gets_no_draft() {
        let text = "export function f(a: string): void;\nexport function f(a: number): void;\nexport function f(a: any) {\n  use(a);\n}\n";
        assert_eq!(documented("typescript", text, &WriterOptions::default()), text);
        let alone = "export function f(a: any) {\n  use(a);\n}\n";
        assert!(documented("typescript", alone, &WriterOptions::default()).starts_with("/**"));
    }

    #[test]
    fn documentation_that_says_something_is_never_doubled() {
        let model = model("python", "def f(a):\n    \"\"\"Do it.\"\"\"\n    return a\n");
        let refusal = document(&model, symbol(&model, "f"), &WriterOptions::default()).unwrap_err();
        assert_eq!(refusal, Refusal::AlreadyDocumented { name: "f".into() });
    }

    #[test]
    fn an_empty_docstring_is_filled() {
        let written = documented(
            "python",
            "def load(path):\n    \"\"\"\"\"\"\n    return read(path)\n",
            &WriterOptions::default(),
        );
        assert_eq!(written.matches("\"\"\"").count(), 2, "{written}");
        assert!(written.contains("Load `path`") || written.contains("Load"), "{written}");
    }
}
