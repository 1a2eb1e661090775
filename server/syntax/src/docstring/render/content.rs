//! A comment as parts, and the lines that each style makes of them.

use super::frame::{first_room, room};
use crate::docstring::shape::{Hang, Item, Shape};
use crate::docstring::wrap::wrap;
use crate::docstring::{DocDraft, DocStyle, EntryDraft, EntryKind, Layout, canon, escape};

/// A part of a comment; its words are safe to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Lines of prose.
    Prose(Vec<String>),
    /// Entries of one kind, under a title of their own where it is not the style's usual one.
    Entries(EntryKind, Option<String>, Vec<Item>),
    /// A titled part that holds no entries.
    Section(String, Vec<String>),
}

/// All parts in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    /// The parts.
    pub parts: Vec<Part>,
}

impl Content {
    /// What a draft says, in the order of the style; kinds that the style cannot say are left out.
    pub fn of(draft: &DocDraft, style: DocStyle, layout: &Layout) -> Self {
        let mut content = Self::default();
        let room = room(layout);
        content.paragraph(&draft.summary, style, layout, first_room(layout));
        if is_python(style)
            && let Some(text) = &draft.deprecated
        {
            content.parts.push(Part::Prose(directive(text, style, layout, room)));
        }
        for detail in &draft.details {
            content.paragraph(detail, style, layout, room);
        }
        match style {
            DocStyle::Rustdoc => content.rust(draft, layout, room),
            DocStyle::Godoc | DocStyle::Plain => {
                if let Some(text) = &draft.deprecated {
                    content.paragraph(&format!("Deprecated: {text}"), style, layout, room);
                }
            }
            _ => content.entries(draft, style, layout),
        }
        content
    }

    fn paragraph(&mut self, text: &str, style: DocStyle, layout: &Layout, first: usize) {
        let lines = paragraph(text, style, layout, first, room(layout));
        if !lines.is_empty() {
            self.parts.push(Part::Prose(lines));
        }
    }

    fn entries(&mut self, draft: &DocDraft, style: DocStyle, layout: &Layout) {
        let one = |entry: &Option<EntryDraft>| entry.iter().cloned().collect::<Vec<_>>();
        let texts = |text: &Option<String>| {
            let draft = |text: &String| EntryDraft { text: text.clone(), ..EntryDraft::default() };
            text.iter().map(draft).collect::<Vec<_>>()
        };
        let deprecated = if canon::is_js(style) { texts(&draft.deprecated) } else { Vec::new() };
        let (raises, rejects) = if canon::is_js(style) {
            (draft.raises.clone(), draft.rejects.clone())
        } else {
            (draft.raises.iter().chain(&draft.rejects).cloned().collect(), Vec::new())
        };
        let kinds = [
            (EntryKind::Deprecated, deprecated),
            (EntryKind::TypeParam, draft.type_params.clone()),
            (EntryKind::Param, draft.params.clone()),
            (EntryKind::Attribute, draft.attributes.clone()),
            (EntryKind::Return, one(&draft.returns)),
            (EntryKind::Yield, one(&draft.yields)),
            (EntryKind::Raise, raises),
            (EntryKind::Reject, rejects),
        ];
        for (kind, drafts) in kinds {
            let says =
                |draft: &&EntryDraft| !draft.name.is_empty() || !draft.text.is_empty() || draft.type_text.is_some();
            let items: Vec<Item> =
                drafts.iter().filter(says).map(|draft| Item::of(draft, &layout.form, style)).collect();
            let known = canon::has_tags(style) || canon::title(style, kind).is_some();
            if known && !items.is_empty() && Shape::of(style, kind, layout).is_some() {
                self.parts.push(Part::Entries(kind, None, items));
            }
        }
    }

    fn rust(&mut self, draft: &DocDraft, layout: &Layout, room: usize) {
        let raised: Vec<&str> = draft.raises.iter().chain(&draft.rejects).map(|raise| raise.text.as_str()).collect();
        let texts = |text: &Option<String>| text.iter().cloned().collect::<Vec<_>>();
        let (safety, deprecated) = (texts(&draft.safety), texts(&draft.deprecated));
        let sections = [
            (EntryKind::Deprecated, deprecated.iter().map(String::as_str).collect()),
            (EntryKind::Raise, raised),
            (EntryKind::Panic, draft.panics.iter().map(String::as_str).collect()),
            (EntryKind::Safety, safety.iter().map(String::as_str).collect::<Vec<_>>()),
        ];
        for (kind, texts) in sections {
            let texts: Vec<&str> = texts.into_iter().filter(|text| !text.trim().is_empty()).collect();
            let Some(title) = canon::title(DocStyle::Rustdoc, kind).filter(|_| !texts.is_empty()) else { continue };
            let mut lines = Vec::new();
            for text in &texts {
                if texts.len() == 1 {
                    lines.extend(paragraph(text, DocStyle::Rustdoc, layout, room, room));
                    continue;
                }
                let item = paragraph(text, DocStyle::Rustdoc, layout, room.saturating_sub(2), room.saturating_sub(2));
                lines.extend(item.iter().enumerate().map(|(at, line)| {
                    let mark = if at == 0 { "- " } else { "  " };
                    format!("{mark}{line}")
                }));
            }
            self.parts.push(Part::Section(title.to_owned(), lines));
        }
    }

    /// The lines of the comment; `None` where the style has no way to say one of the parts.
    pub fn lay(&self, style: DocStyle, layout: &Layout) -> Option<Vec<String>> {
        let mut lines: Vec<String> = Vec::new();
        let prose = self.parts.iter().filter(|part| matches!(part, Part::Prose(_))).count();
        let mut before: Option<&Part> = None;
        for part in &self.parts {
            let own = lay_part(part, style, layout)?;
            let parted = match (before, part) {
                (None, _) => false,
                (Some(Part::Entries(..)), Part::Entries(..)) => !canon::has_tags(style),
                (Some(Part::Prose(_)), Part::Entries(..)) => style != DocStyle::Jsdoc || prose > 1,
                _ => true,
            };
            if parted && !own.is_empty() {
                lines.push(String::new());
            }
            if !own.is_empty() {
                before = Some(part);
            }
            lines.extend(own);
        }
        Some(lines)
    }
}

fn lay_part(part: &Part, style: DocStyle, layout: &Layout) -> Option<Vec<String>> {
    let unit = &layout.indent_unit;
    let moved = |line: &String| if line.is_empty() { String::new() } else { format!("{unit}{line}") };
    match part {
        Part::Prose(lines) => Some(lines.clone()),
        Part::Section(title, lines) => {
            let head = match style {
                DocStyle::Google => vec![format!("{title}:")],
                DocStyle::Numpy => vec![title.clone(), "-".repeat(title.chars().count())],
                DocStyle::Rustdoc => vec![format!("# {title}"), String::new()],
                _ => return None,
            };
            let body = lines.iter().map(|line| if style == DocStyle::Google { moved(line) } else { line.clone() });
            Some(head.into_iter().chain(body).collect())
        }
        Part::Entries(kind, title, items) => {
            let mut shape = Shape::of(style, *kind, layout)?;
            let is_result = matches!(kind, EntryKind::Return | EntryKind::Yield | EntryKind::Receive);
            if is_result && items.iter().any(|item| !item.name.is_empty()) {
                // Where results have names, their later lines must not look like one more.
                shape.hang = Hang::Indent(unit.clone());
            }
            let room = room(layout);
            let taken = if style == DocStyle::Google { unit.chars().count() } else { 0 };
            let written = items.iter().flat_map(|item| shape.write(*kind, item, room.saturating_sub(taken)).all());
            if canon::has_tags(style) {
                return Some(written.collect());
            }
            let title = title.clone().or_else(|| canon::title(style, *kind).map(str::to_owned))?;
            lay_part(&Part::Section(title, written.collect()), style, layout)
        }
    }
}

/// A paragraph: wrapped, unless it comes in lines of its own.
fn paragraph(text: &str, style: DocStyle, layout: &Layout, first: usize, rest: usize) -> Vec<String> {
    let text = text.trim_matches(['\n', '\r']).trim_end();
    if !text.contains('\n') {
        return wrap(&escape::line(text, &layout.form, style), first, rest);
    }
    let line = |line: &str| {
        let words = line.trim_start();
        let indent = line.get(..line.len() - words.len()).unwrap_or("");
        format!("{indent}{}", escape::line(words, &layout.form, style)).trim_end().to_owned()
    };
    text.lines().map(line).collect()
}

/// `.. deprecated::`, as all styles of Python docstrings have it.
fn directive(text: &str, style: DocStyle, layout: &Layout, room: usize) -> Vec<String> {
    let unit = &layout.indent_unit;
    let text = escape::line(&format!(".. deprecated:: {text}"), &layout.form, style);
    let lines = wrap(&text, room, room.saturating_sub(unit.chars().count()));
    let hung = |(at, line): (usize, String)| if at == 0 { line } else { format!("{unit}{line}") };
    lines.into_iter().enumerate().map(hung).collect()
}

fn is_python(style: DocStyle) -> bool {
    matches!(style, DocStyle::Google | DocStyle::Numpy | DocStyle::Sphinx | DocStyle::Epydoc)
}
