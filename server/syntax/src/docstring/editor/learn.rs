//! Learns from the entries that are there how a new one is to be written.

use super::rows::{Sheet, most_common};
use super::units::{Units, is_type_word, line_of};
use crate::docstring::shape::{Hang, Shape, Types};
use crate::docstring::{DocStyle, Docstring, Entry, EntryKind, Layout, canon};
use crate::text::Span;

/// What the entries around say of a new entry.
pub(super) struct Habit {
    /// How it is written.
    pub shape: Shape,
    /// White space and marker before its first line.
    pub prefix: String,
    /// Blank lines between it and others of its kind.
    pub gap: usize,
    /// Blank lines between it and entries of another kind, for tags.
    pub outer_gap: usize,
    /// The type's field does not stand beside the entry but after the types of others.
    pub types_apart: bool,
}

/// The comment that is learned from.
pub(super) struct Pupil<'a> {
    pub text: &'a str,
    pub doc: &'a Docstring,
    pub sheet: &'a Sheet<'a>,
    pub units: &'a Units,
    pub layout: &'a Layout,
    pub style: DocStyle,
}

impl Pupil<'_> {
    /// How entries of `kind` are written here; `None` where the style cannot say such a thing.
    pub fn habit(&self, kind: EntryKind) -> Option<Habit> {
        if self.style == DocStyle::Godoc {
            return None;
        }
        let own = self.samples(|other| other == kind);
        let like: Vec<usize> =
            if own.is_empty() { self.samples(|other| is_unnamed(other) == is_unnamed(kind)) } else { own.clone() };
        let mut shape = Shape::of(self.style, kind, self.layout)?;
        if self.style == DocStyle::Rustdoc {
            shape.bullet = Some(own.iter().find_map(|&entry| self.bullet(entry))?);
        }
        if let Some(tag) = most_common(&own.iter().filter_map(|&entry| self.tag(entry)).collect::<Vec<_>>()) {
            shape.tag = tag;
        }
        self.learn_types(kind, &own, &mut shape);
        if let Some(separator) = most_common(&own.iter().filter_map(|&entry| self.separator(entry)).collect::<Vec<_>>())
        {
            shape.separator = separator;
        }
        let hanging =
            |entries: &[usize]| entries.iter().filter_map(|&entry| self.hang(entry, shape.below)).collect::<Vec<_>>();
        let mut hangs = hanging(&own);
        if hangs.is_empty() {
            hangs = hanging(&like);
        }
        if hangs.is_empty() && self.style == DocStyle::Numpy {
            hangs = hanging(&self.samples(|_| true));
        }
        if let Some(hang) = most_common(&hangs) {
            shape.hang = hang;
        }
        if self.style == DocStyle::Google && !own.is_empty() {
            let below = own.iter().filter(|&&entry| self.is_below(entry)).count();
            shape.below = below * 2 > own.len();
        }
        if canon::is_js(self.style) {
            self.learn_columns(&own, &mut shape);
        }
        let types_apart = shape.types == Types::Field && own.iter().any(|&entry| self.type_stands_apart(entry));
        Some(Habit {
            prefix: self.prefix(kind, &own),
            gap: self.gap(|a, b| a == b && a == kind).or_else(|| self.gap(|a, b| a == b)).unwrap_or(0),
            outer_gap: self.gap(|a, b| a != b).or_else(|| self.gap(|a, b| a == b)).unwrap_or(0),
            shape,
            types_apart,
        })
    }

    fn entry(&self, number: usize) -> Option<&Entry> {
        self.doc.entries.get(number)
    }

    fn samples(&self, wanted: impl Fn(EntryKind) -> bool) -> Vec<usize> {
        let entries = self.doc.entries.iter().enumerate();
        entries.filter(|(_, entry)| wanted(entry.kind) && !self.is_in_header(entry)).map(|(number, _)| number).collect()
    }

    /// `Returns: the sum` in one line shows nothing of how entries are laid out.
    fn is_in_header(&self, entry: &Entry) -> bool {
        let section = entry.section.and_then(|section| self.doc.sections.get(section));
        section.is_some_and(|section| section.header.contains(&entry.lines.start))
    }

    fn tag(&self, number: usize) -> Option<String> {
        let entry = self.entry(number)?;
        let tag = entry.tag_span.map(|span| span.of(self.text))?;
        (!is_type_word(tag) && !tag.is_empty()).then(|| tag.to_owned())
    }

    fn learn_types(&self, kind: EntryKind, own: &[usize], shape: &mut Shape) {
        if matches!(kind, EntryKind::Raise | EntryKind::Warn | EntryKind::Reject) || shape.style == DocStyle::Tsdoc {
            return;
        }
        let typed_kind =
            |kind| matches!(kind, EntryKind::Param | EntryKind::Attribute | EntryKind::Return | EntryKind::Yield);
        let others = self.samples(typed_kind);
        let teachers = if own.is_empty() { &others } else { own };
        if teachers.is_empty() {
            return;
        }
        let typed: Vec<&Entry> = teachers
            .iter()
            .filter_map(|&number| self.entry(number))
            .filter(|entry| entry.type_text.is_some())
            .collect();
        if typed.len() * 2 < teachers.len() || typed.is_empty() {
            shape.types = Types::Hidden;
            return;
        }
        shape.types = Types::Inline;
        if canon::is_field(self.style) {
            let fields = teachers.iter().filter(|&&number| self.type_field(number).is_some()).count();
            // A type beside the name is only possible where there is a name.
            shape.types = if fields * 2 >= typed.len() || is_unnamed(kind) { Types::Field } else { Types::Inline };
        }
        if typed.iter().any(|entry| entry.optional) {
            shape.optional = true;
        } else if typed.iter().any(|entry| entry.default.is_some()) {
            shape.optional = false;
        }
    }

    fn type_field(&self, number: usize) -> Option<std::ops::Range<usize>> {
        self.units.type_lines.get(number).cloned().flatten()
    }

    fn type_stands_apart(&self, number: usize) -> bool {
        self.units.units.iter().any(|unit| unit.entry == Some(number) && unit.is_type)
    }

    /// What stands between name and type in NumPy, and before the description in the other styles.
    fn separator(&self, number: usize) -> Option<String> {
        let entry = self.entry(number)?;
        let name_end = entry.names.last().map(|name| name.span.end);
        if self.style == DocStyle::Numpy {
            let between = Span::new(name_end?, entry.type_text.as_ref()?.span.start).of(self.text);
            return (between.trim() == ":").then(|| between.to_owned());
        }
        if entry.description.is_empty() || line_of(self.doc, entry.description_span.start) != Some(entry.lines.start) {
            return None;
        }
        if canon::is_js(self.style) {
            let start = self.doc.block.lines.get(entry.lines.start)?.span.start;
            let before = Span::new(start, entry.description_span.start).of(self.text).trim_end();
            return Some(if before.ends_with(" -") { " - " } else { " " }.to_owned());
        }
        let inline_type =
            entry.type_text.as_ref().filter(|_| self.type_field(number).is_none()).map(|mention| mention.span.end);
        let start = name_end.into_iter().chain(inline_type).chain(entry.tag_span.map(|span| span.end)).max()?;
        let between = Span::new(start, entry.description_span.start).of(self.text);
        let mark = between.get(between.rfind(')').map_or(0, |at| at + 1)..)?;
        (!mark.is_empty() && mark.chars().all(|character| matches!(character, ' ' | ':' | '-')))
            .then(|| mark.to_owned())
    }

    fn is_below(&self, number: usize) -> bool {
        let Some(entry) = self.entry(number) else { return false };
        !entry.description.is_empty()
            && !entry.names.is_empty()
            && line_of(self.doc, entry.description_span.start) != Some(entry.lines.start)
    }

    /// How far the second line of an entry is moved in.
    fn hang(&self, number: usize, below: bool) -> Option<Hang> {
        let entry = self.entry(number)?;
        let types = self.type_field(number);
        let is_type = |line: usize| types.as_ref().is_some_and(|lines| lines.contains(&line));
        let filled = |line: &usize| self.doc.block.lines.get(*line).is_some_and(|line| !line.span.is_empty());
        let next = (entry.lines.start + 1..entry.lines.end).find(|line| filled(line) && !is_type(*line))?;
        let (first, second) = (self.sheet.prefix(entry.lines.start), self.sheet.prefix(next));
        let extra = second.strip_prefix(first.as_str())?;
        let line = self.doc.block.lines.get(entry.lines.start)?.span;
        let indent = line.len() - line.of(self.text).trim_start().len();
        let column =
            Span::new(line.start + indent, entry.description_span.start.max(line.start + indent)).of(self.text);
        let is_aligned = !below && !column.is_empty() && extra.chars().count() == column.chars().count();
        let same_line = line_of(self.doc, entry.description_span.start) == Some(entry.lines.start);
        Some(if is_aligned && same_line { Hang::Align } else { Hang::Indent(extra.to_owned()) })
    }

    /// The columns at which names and descriptions of tags stand, where they are aligned on purpose.
    fn learn_columns(&self, own: &[usize], shape: &mut Shape) {
        let column = |number: usize, offset: usize| {
            let entry = self.entry(number)?;
            let line = self.doc.block.lines.get(entry.lines.start)?;
            let start = entry.tag_span?.start.checked_sub(1)?;
            (offset <= line.span.end && start <= offset).then(|| Span::new(start, offset).of(self.text).chars().count())
        };
        // Before brackets and dots: where the word with the name begins.
        let word_start = |offset: usize, number: usize| {
            let line = self.doc.block.lines.get(self.entry(number)?.lines.start)?;
            let before = Span::new(line.span.start, offset).of(self.text);
            Some(offset - (before.len() - before.trim_end_matches(['[', '.']).len()))
        };
        let mut names: Vec<(usize, usize)> = Vec::new();
        let mut texts: Vec<(usize, usize)> = Vec::new();
        for &number in own {
            let Some(entry) = self.entry(number) else { continue };
            let Some(name) = entry.names.first() else { continue };
            let Some(start) = word_start(name.span.start, number) else { continue };
            if let (Some(mention), Some(at)) = (&entry.type_text, column(number, start))
                && let Some(end) = column(number, mention.span.end)
            {
                names.push((at, end));
            }
            if entry.description.is_empty() {
                continue;
            }
            let before = Span::new(name.span.end, entry.description_span.start).of(self.text);
            let mark = before.trim_end();
            let at = if mark.ends_with('-') { name.span.end + mark.len() - 1 } else { entry.description_span.start };
            if let (Some(at), Some(end)) = (column(number, at), column(number, name.span.end)) {
                texts.push((at, end));
            }
        }
        shape.name_column = aligned(&names);
        shape.text_column = aligned(&texts);
    }

    /// What stands around the name in a Markdown list of parameters.
    fn bullet(&self, number: usize) -> Option<(String, String)> {
        let entry = self.entry(number)?;
        let name = entry.names.first()?;
        let line = self.doc.block.lines.get(entry.lines.start)?.span;
        let before = Span::new(line.start, name.span.start).of(self.text).trim_start();
        let after = Span::new(name.span.end, entry.description_span.start).of(self.text);
        (!before.is_empty() && !after.contains(['\n', '\r'])).then(|| (before.to_owned(), after.to_owned()))
    }

    fn prefix(&self, kind: EntryKind, own: &[usize]) -> String {
        if let Some(entry) = own.first().and_then(|&number| self.entry(number)) {
            return self.sheet.prefix(entry.lines.start);
        }
        if canon::has_tags(self.style) {
            let entries = self.samples(|_| true);
            let first = entries.first().and_then(|&number| self.entry(number));
            return first.map_or_else(|| self.sheet.base.clone(), |entry| self.sheet.prefix(entry.lines.start));
        }
        let others = self.samples(|other| other != kind && other != EntryKind::Other);
        if let Some(entry) = others.first().and_then(|&number| self.entry(number)) {
            return self.sheet.prefix(entry.lines.start);
        }
        let header = self.header_prefix();
        if self.style == DocStyle::Google { format!("{header}{}", self.layout.indent_unit) } else { header }
    }

    /// White space and marker before the title of a section.
    pub fn header_prefix(&self) -> String {
        let section = self.doc.sections.first();
        section.map_or_else(|| self.sheet.base.clone(), |section| self.sheet.prefix(section.header.start))
    }

    /// The fewest blank lines between neighbours of these kinds.
    fn gap(&self, wanted: impl Fn(EntryKind, EntryKind) -> bool) -> Option<usize> {
        let pairs = self.doc.entries.iter().zip(self.doc.entries.iter().skip(1));
        let gaps = pairs.filter(|(a, b)| a.section == b.section && wanted(a.kind, b.kind)).map(|(a, b)| {
            let between = a.lines.end..b.lines.start;
            let blank = |line: &usize| self.doc.block.lines.get(*line).is_some_and(|line| line.span.is_empty());
            between.filter(blank).count()
        });
        gaps.min()
    }
}

fn is_unnamed(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Return | EntryKind::Yield | EntryKind::Receive)
}

/// The column that all share although the words before it end in different places.
fn aligned(columns: &[(usize, usize)]) -> Option<usize> {
    let (&(first, end), rest) = columns.split_first()?;
    let same = rest.iter().all(|&(at, _)| at == first);
    let differ = rest.iter().any(|&(_, other)| other != end);
    (same && differ).then_some(first)
}
