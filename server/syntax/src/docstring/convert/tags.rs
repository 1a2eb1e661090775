//! Between JSDoc and TSDoc: tags keep their order, and all that is not a parameter, result or exception keeps its lines.

use super::Source;
use crate::docstring::render::frame;
use crate::docstring::shape::Shape;
use crate::docstring::{DocStyle, Entry, EntryKind, Layout};

/// The comment in the style `to`.
pub(super) fn convert(source: &Source<'_>, to: DocStyle, layout: &Layout) -> Option<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut number = 0;
    let count = source.doc.block.lines.len();
    while number < count {
        let entry = source.doc.entries.iter().find(|entry| entry.lines.start == number);
        match entry.filter(|entry| is_rewritten(entry.kind)) {
            Some(entry) => {
                lines.extend(written(source, entry, to, layout)?);
                number = entry.lines.end.max(number + 1);
            }
            None => {
                lines.push(source.line(number).to_owned());
                number += 1;
            }
        }
    }
    Some(frame(&lines, layout))
}

fn is_rewritten(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Param | EntryKind::TypeParam | EntryKind::Return | EntryKind::Yield | EntryKind::Raise)
}

fn written(source: &Source<'_>, entry: &Entry, to: DocStyle, layout: &Layout) -> Option<Vec<String>> {
    let mut item = source.item(entry, &layout.indent_unit)?;
    if to == DocStyle::Tsdoc {
        let nested = entry.kind == EntryKind::Param && item.name.contains('.') && !item.name.starts_with("...");
        // TSDoc has no words for a default, a part of a parameter, or one of several exceptions.
        let stated = entry.default.as_ref().is_some_and(|default| !entry.description_span.contains(default.span));
        if nested || stated || entry.kind == EntryKind::Raise && entry.names.len() != 1 {
            return None;
        }
        item.name = item.name.trim_start_matches('.').to_owned();
    }
    let mut shape = Shape::of(to, entry.kind, layout)?;
    if entry.kind == EntryKind::TypeParam && entry.description.is_empty() {
        shape.separator = String::new();
    }
    Some(shape.write(entry.kind, &item, usize::MAX).all())
}
