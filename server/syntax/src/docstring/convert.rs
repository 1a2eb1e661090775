//! Writes a whole comment anew in another style of the same family.
//!
//! Words are moved, never changed: they come from the file as they stand and are not escaped again. The result is read back, and
//! thrown away where an entry, a type or a line of prose would be another.

mod proof;
mod python;
mod results;
mod tags;
#[cfg(test)]
mod tests;

use super::{CommentForm, DocProblemKind, DocStyle, Docstring, Entry, EntryKind, EntryName, Layout, canon, scan};
use crate::docstring::shape::{Body, Item};
use crate::text::Span;

/// The whole comment in the style `to`, as [`super::render::render`] would return it.
///
/// Form, indentation and line breaks are those of the comment itself. `None` where there is nothing to convert, or something could
/// not be kept.
pub fn convert(text: &str, doc: &Docstring, to: DocStyle, layout: &Layout) -> Option<String> {
    let unreadable = |kind: &DocProblemKind| matches!(kind, DocProblemKind::UnparsableSection { .. });
    if doc.style == to || doc.inherits || doc.problems.iter().any(|problem| unreadable(&problem.kind)) {
        return None;
    }
    let source = Source { text, doc };
    let layout = Layout {
        form: doc.block.form.clone(),
        indent: doc.block.indent.clone(),
        eol: source.eol().unwrap_or(&layout.eol).to_owned(),
        // What is shown already stays shown.
        with_types: true,
        ..layout.clone()
    };
    let held = |new: Option<String>| new.filter(|new| proof::holds(&source, new, to));
    match (doc.style, to) {
        (DocStyle::Jsdoc, DocStyle::Tsdoc) | (DocStyle::Tsdoc, DocStyle::Jsdoc) => {
            held(tags::convert(&source, to, &layout))
        }
        (
            DocStyle::Google | DocStyle::Numpy | DocStyle::Sphinx | DocStyle::Epydoc,
            DocStyle::Google | DocStyle::Numpy | DocStyle::Sphinx,
        ) => {
            let written = |place| held(python::convert(&source, to, &layout, place));
            // Behind some sections a directive would be read as one more entry, so it stands before all of them there.
            written(python::Directives::InPlace).or_else(|| written(python::Directives::First))
        }
        _ => None,
    }
}

/// A comment to take words from.
pub(super) struct Source<'a> {
    pub text: &'a str,
    pub doc: &'a Docstring,
}

impl<'a> Source<'a> {
    /// The line break behind the first line.
    fn eol(&self) -> Option<&'a str> {
        let [first, second, ..] = self.doc.block.lines.as_slice() else { return None };
        Some(Span::new(first.physical.end, second.physical.start).of(self.text))
    }

    /// The content of a line.
    fn line(&self, number: usize) -> &'a str {
        self.doc.block.lines.get(number).map_or("", |line| line.span.of(self.text))
    }

    /// White space at the start of a line's content.
    fn indent(&self, number: usize) -> usize {
        let line = self.line(number);
        line.len() - line.trim_start().len()
    }

    /// Lines with their common indentation taken off.
    fn dedented(&self, lines: impl Iterator<Item = usize> + Clone) -> Vec<String> {
        let filled = lines.clone().filter(|&number| !self.line(number).is_empty());
        let margin = filled.map(|number| self.indent(number)).min().unwrap_or(0);
        lines.map(|number| self.line(number).get(margin..).unwrap_or("").to_owned()).collect()
    }

    /// The description of an entry as lines: later ones keep their indentation to each other.
    fn description(&self, entry: &Entry, unit: &str) -> Body {
        if entry.description.is_empty() {
            return Body::Lines(Vec::new());
        }
        let lines = &self.doc.block.lines;
        let start = entry.description_span.start;
        let first = lines.partition_point(|line| line.physical.start <= start).saturating_sub(1);
        let end = lines.partition_point(|line| line.physical.start < entry.description_span.end).max(first + 1);
        let head = lines.get(first).map_or("", |line| Span::new(start, line.span.end).of(self.text)).trim_start();
        let begins_line =
            lines.get(first).is_some_and(|line| Span::new(line.span.start, start).of(self.text).trim().is_empty());
        let rest = first + 1..end;
        let margin =
            rest.clone().filter(|&number| !self.line(number).is_empty()).map(|number| self.indent(number)).min();
        let margin = if begins_line { margin.map(|margin| margin.min(self.indent(first))) } else { margin };
        let mut margin = margin.unwrap_or(0);
        let next = rest.clone().find(|&number| !self.line(number).is_empty());
        let is_block_only = next.is_some_and(|next| next > first + 1 && self.indent(next) == margin);
        if !begins_line && head.ends_with("::") && is_block_only {
            // A literal block must stay deeper than the text that announces it.
            margin = margin.saturating_sub(unit.len());
        }
        let rest = rest.map(|number| self.line(number).get(margin..).unwrap_or("").to_owned());
        Body::Lines(std::iter::once(head.to_owned()).chain(rest).collect())
    }

    /// The entry's words; `None` where a part of them has no place in an item.
    fn item(&self, entry: &Entry, unit: &str) -> Option<Item> {
        let names: Vec<String> = entry.names.iter().map(|name| self.name(entry.kind, name)).collect();
        let mut item = Item {
            name: names.join(", "),
            type_text: entry.type_text.as_ref().map(|mention| mention.text.clone()),
            optional: entry.optional,
            default: entry.default.as_ref().map(|default| default.value.clone()),
            body: self.description(entry, unit),
        };
        let stated = entry.default.as_ref().filter(|default| !entry.description_span.contains(default.span));
        match (&entry.type_text, stated) {
            (Some(mention), Some(default)) if canon::is_js(self.doc.style) => _ = (mention, default),
            (Some(mention), Some(default)) if default.span.start >= mention.span.end => {
                // `int, default: 5` is taken over as it stands.
                let raw = Span::new(mention.span.start, default.span.end).of(self.text);
                item.type_text = Some(raw.split_whitespace().collect::<Vec<_>>().join(" "));
                item.optional = entry.optional && !raw.contains("optional");
            }
            (_, Some(_)) if !canon::is_js(self.doc.style) => return None,
            (None, None) if entry.optional && !canon::is_js(self.doc.style) => {
                // All that is said in the place of the type.
                item.type_text = Some("optional".to_owned());
                item.optional = false;
            }
            _ => {}
        }
        Some(item)
    }

    /// A name as written, with its stars; an exception of Python keeps its role and its leading dot.
    fn name(&self, kind: EntryKind, name: &EntryName) -> String {
        let bare = || format!("{}{}", name.stars, name.name);
        let thrown = matches!(kind, EntryKind::Raise | EntryKind::Warn);
        if !thrown || canon::is_js(self.doc.style) {
            return bare();
        }
        let before = self.text.get(..name.span.start).unwrap_or("");
        let unmarked = before.trim_end_matches(['~', '!', '.']);
        let unticked = unmarked.trim_end_matches('`');
        let ticks = unmarked.len() - unticked.len();
        let behind = self.text.get(name.span.end..).unwrap_or("");
        let closed = ticks > 0 && scan::run(behind, '`') == ticks;
        let is_role = |next: char| next.is_alphanumeric() || matches!(next, ':' | '-' | '_' | '.');
        let start = match unticked.strip_suffix(':') {
            Some(role) if closed => {
                let start = role.trim_end_matches(is_role).len();
                if role.get(start..).is_some_and(|role| role.starts_with(':')) { start } else { unticked.len() }
            }
            _ if closed => unticked.len(),
            _ => unmarked.len(),
        };
        let end = name.span.end + if closed { ticks } else { 0 };
        self.text.get(start..end).map_or_else(bare, str::to_owned)
    }

    /// Whether the quote that opens a string has a line of its own.
    fn opens_alone(&self) -> bool {
        let lines = &self.doc.block.lines;
        let is_string = matches!(self.doc.block.form, CommentForm::PythonString { .. });
        is_string && lines.len() > 1 && lines.first().is_some_and(|line| line.span.is_empty())
    }
}
