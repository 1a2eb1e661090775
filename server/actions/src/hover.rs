//! What is shown of a symbol under the cursor: its documentation as Markdown, with marks where it drifted.
//!
//! Shows what is written and what is wrong with it; it never adds words to the documentation itself.

use analysis::diagnostic::Finding;
use syntax::docstring::{DocLine, DocStyle, Docstring, Entry, EntryKind};
use syntax::model::{FileModel, Symbol};
use syntax::text::Span;

/// Text for a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoverText {
    /// What it is about: the symbol's name.
    pub span: Span,
    /// Markdown.
    pub markdown: String,
}

/// What to show at `offset`: on a symbol's name, or on its documentation.
pub fn hover(model: &FileModel, findings: &[Finding], offset: usize) -> Option<HoverText> {
    let holds = |symbol: &Symbol| {
        symbol.name_span.touches(offset) || symbol.doc.as_ref().is_some_and(|doc| doc.block.span.touches(offset))
    };
    let inner = model
        .symbols
        .iter()
        .enumerate()
        .filter(|(_, symbol)| holds(symbol))
        .min_by_key(|(_, symbol)| symbol.span.len());
    let (index, symbol) = inner?;
    if index == 0 && !symbol.doc.as_ref().is_some_and(|doc| doc.block.span.touches(offset)) {
        return None;
    }
    let span = if symbol.name_span.touches(offset) {
        symbol.name_span
    } else {
        symbol.doc.as_ref().map_or(symbol.name_span, |doc| doc.block.span)
    };
    Some(HoverText { span, markdown: markdown(model, index, symbol, findings) })
}

/// The documentation of one symbol as Markdown.
pub fn markdown(model: &FileModel, index: usize, symbol: &Symbol, findings: &[Finding]) -> String {
    let own: Vec<&Finding> = findings.iter().filter(|finding| finding.symbol == index).collect();
    let mut page = Page::default();
    let signature: String = symbol.signature.of(&model.text).split_whitespace().collect::<Vec<_>>().join(" ");
    if !signature.is_empty() {
        page.line(format!("```{}", fence(model)));
        page.line(signature.trim_end_matches(['{', ':', ' ']).to_owned());
        page.line("```".to_owned());
        page.line(String::new());
    }
    let mut shown: Vec<usize> = Vec::new();
    match &symbol.doc {
        Some(doc) => body(model, doc, &own, &mut page, &mut shown),
        None => page.line("*undocumented*".to_owned()),
    }
    let rest: Vec<&&Finding> =
        own.iter().enumerate().filter(|(number, _)| !shown.contains(number)).map(|(_, finding)| finding).collect();
    if symbol.doc.is_some() && !rest.is_empty() {
        page.line(String::new());
        page.line("---".to_owned());
        for finding in rest {
            page.line(format!("⚠ {}  ", finding.message));
        }
    }
    page.text.trim_end().to_owned()
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, line: String) {
        if line.is_empty() && (self.text.is_empty() || self.text.ends_with("\n\n")) {
            return;
        }
        self.text.push_str(&line);
        self.text.push('\n');
    }
}

fn fence(model: &FileModel) -> &'static str {
    model.language.id
}

/// The lines of the comment: prose as it stands, entries as a list, titles in bold, examples in a fence.
fn body(model: &FileModel, doc: &Docstring, own: &[&Finding], page: &mut Page, shown: &mut Vec<usize>) {
    let text: &str = &model.text;
    let raw = matches!(doc.style, DocStyle::Rustdoc | DocStyle::Godoc);
    let mut number = 0;
    let mut kind_before: Option<EntryKind> = None;
    while let Some(line) = doc.block.lines.get(number) {
        if raw {
            page.line(line_text(text, line));
            number += 1;
            continue;
        }
        if let Some(section) = doc.sections.iter().find(|section| section.header.contains(&number)) {
            page.line(String::new());
            page.line(format!("**{}**", section.title));
            page.line(String::new());
            number = section.header.end.max(number + 1);
            continue;
        }
        if let Some(example) =
            doc.examples.iter().find(|example| example.lines.start == number && !example.lines.is_empty())
        {
            let fenced = line.span.of(text).trim_start().starts_with("```");
            if !fenced {
                page.line(format!("```{}", fence(model)));
            }
            for line in doc.block.lines.get(example.lines.clone()).unwrap_or(&[]) {
                page.text.push_str(&line_text(text, line));
                page.text.push('\n');
            }
            if !fenced {
                page.line("```".to_owned());
            }
            number = example.lines.end.max(number + 1);
            continue;
        }
        if let Some(entry) = doc.entries.iter().find(|entry| entry.lines.start == number && !entry.lines.is_empty()) {
            if entry.section.is_none() && kind_before != Some(entry.kind) {
                page.line(String::new());
                page.line(format!("**{}**", heading(entry)));
                page.line(String::new());
            }
            kind_before = Some(entry.kind);
            let marks: Vec<String> = own
                .iter()
                .enumerate()
                .filter(|(_, finding)| touches(doc, entry, finding.span))
                .map(|(at, finding)| {
                    shown.push(at);
                    format!(" ⚠ *{}*", finding.message)
                })
                .collect();
            page.line(format!("- {}{}", entry_text(entry), marks.concat()));
            number = entry.lines.end.max(number + 1);
            continue;
        }
        page.line(line_text(text, line));
        number += 1;
    }
}

fn line_text(text: &str, line: &DocLine) -> String {
    line.span.of(text).trim_end().to_owned()
}

/// Whether a finding speaks of an entry: it begins on one of the entry's lines.
fn touches(doc: &Docstring, entry: &Entry, span: Span) -> bool {
    let lines = doc.block.lines.get(entry.lines.clone()).unwrap_or(&[]);
    lines.iter().any(|line| line.physical.touches(span.start) && !line.physical.is_empty())
}

fn heading(entry: &Entry) -> String {
    match entry.kind {
        EntryKind::Param => "Parameters".to_owned(),
        EntryKind::TypeParam => "Type parameters".to_owned(),
        EntryKind::Return => "Returns".to_owned(),
        EntryKind::Yield => "Yields".to_owned(),
        EntryKind::Raise => "Raises".to_owned(),
        EntryKind::Reject => "Rejects".to_owned(),
        EntryKind::Attribute => "Attributes".to_owned(),
        EntryKind::Example => "Example".to_owned(),
        EntryKind::Deprecated => "Deprecated".to_owned(),
        _ => crate::writer::words::capital(entry.tag.as_deref().unwrap_or("Note")),
    }
}

fn entry_text(entry: &Entry) -> String {
    let names: Vec<String> = entry.names.iter().map(|name| format!("`{}{}`", name.stars, name.name)).collect();
    let declared = entry.type_text.as_ref().map(|declared| format!("`{}`", declared.text)).unwrap_or_default();
    let head = match (names.is_empty(), declared.is_empty()) {
        (true, true) => String::new(),
        (true, false) => declared,
        (false, true) => names.join(", "),
        (false, false) => format!("{} ({declared})", names.join(", ")),
    };
    match (head.is_empty(), entry.description.is_empty()) {
        (true, _) => entry.description.clone(),
        (false, true) => head,
        (false, false) => format!("{head}: {}", entry.description),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{findings, model};

    #[test]
    fn documentation_is_shown_with_marks_where_it_drifted() {
        let text = "def f(a):\n    \"\"\"Do it.\n\n    Args:\n        b: One.\n    \"\"\"\n    return a\n";
        let model = model("python", text);
        let shown = hover(&model, &findings(&model), 4).unwrap();
        assert_eq!(shown.span.of(text), "f");
        assert!(
            shown
                .markdown
                .starts_with("```python\ndef f(a)\n```\n\nDo it.\n\n**Args**\n\n- `b`: One. ⚠ *`b` is documented"),
            "{}",
            shown.markdown
        );
    }

    #[test]
    fn tags_become_lists_under_headings() {
        let text = "/**\n * Adds.\n * @param {number} a - left\n * @returns {number} sum\n */\nfunction add(a) { return a; }\n";
        let model = model("javascript", text);
        let shown = hover(&model, &[], text.find("add").unwrap()).unwrap();
        assert!(
            shown.markdown.contains("**Parameters**\n\n- `a` (`number`): left\n\n**Returns**\n\n- `number`: sum"),
            "{}",
            shown.markdown
        );
    }

    #[test]
    fn code_without_a_definition_shows_nothing() {
        let model = model("python", "x = 1\ny = 2\n");
        assert_eq!(hover(&model, &[], 4), None);
    }
}
