//! Changes inside a line: which bytes of the old text are replaced by what.
//!
//! Each function adds its replacements to [`Spots`], which keeps the first where two would touch the same bytes.

use super::units::{below, is_type_word, line_of, tag_word};
use crate::docstring::{DocStyle, Docstring, Entry, EntryKind, MentionKind, canon, escape};
use crate::text::Span;

/// Replacements in the old text.
pub(super) struct Spots<'a> {
    text: &'a str,
    doc: &'a Docstring,
    style: DocStyle,
    list: Vec<(Span, String)>,
}

impl<'a> Spots<'a> {
    /// No replacement yet.
    pub fn new(text: &'a str, doc: &'a Docstring, style: DocStyle) -> Self {
        Self { text, doc, style, list: Vec::new() }
    }

    /// Replaces bytes as given, if they lie between the delimiters and nothing else has replaced them.
    pub fn put(&mut self, span: Span, to: String) {
        if !self.is_inside(span) || self.list.iter().any(|(other, _)| clash(*other, span)) {
            return;
        }
        self.list.push((span, to));
    }

    /// Replaces bytes by new words.
    pub fn words(&mut self, span: Span, to: &str) {
        self.put(span, escape::line(to, &self.doc.block.form, self.style));
    }

    /// The replacements, sorted.
    pub fn sorted(mut self) -> Vec<(Span, String)> {
        self.list.sort_by_key(|(span, _)| (span.start, span.end));
        self.list
    }

    fn is_inside(&self, span: Span) -> bool {
        let lines = &self.doc.block.lines;
        let inner = lines.first().zip(lines.last()).map(|(first, last)| Span::new(first.span.start, last.span.end));
        let fits = self.text.is_char_boundary(span.start) && self.text.is_char_boundary(span.end);
        fits && inner.is_some_and(|inner| inner.contains(span))
            && self.in_content(span.start)
            && self.in_content(span.end)
    }

    /// Whether the byte stands in the content of a line rather than in its marker.
    fn in_content(&self, offset: usize) -> bool {
        let line = line_of(self.doc, offset).and_then(|line| self.doc.block.lines.get(line));
        line.is_some_and(|line| line.span.start <= offset && offset <= line.physical.end)
    }

    /// Gives a name of an entry another spelling, wherever the comment means that name.
    pub fn rename(&mut self, number: usize, name: usize, to: &str) {
        let Some(entry) = self.doc.entries.get(number) else { return };
        let Some(old) = entry.names.get(name) else { return };
        if to.is_empty() {
            return;
        }
        self.name(old.span, to);
        self.keep_column(old.span, to);
        if !matches!(entry.kind, EntryKind::Param | EntryKind::TypeParam | EntryKind::Attribute) {
            return;
        }
        for other in &self.doc.entries {
            for inner in &other.names {
                let is_child = other.kind == entry.kind && below(&inner.name, &old.name).is_some();
                if is_child && inner.span.of(self.text).starts_with(old.name.as_str()) {
                    self.words(Span::new(inner.span.start, inner.span.start + old.name.len()), to);
                }
            }
        }
        if canon::is_field(self.style) {
            self.rename_type_field(entry, &old.name, to);
            for other in self.doc.entries.iter().filter(|other| is_stray_type(other)) {
                for inner in other.names.iter().filter(|inner| inner.name == old.name) {
                    self.name(inner.span, to);
                }
            }
        }
        for mention in self.doc.mentions.iter().filter(|mention| mention.kind == MentionKind::Code) {
            let rest = mention.text.strip_prefix(old.name.as_str());
            // `x.shape` and `x[0]` speak of `x` too.
            if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '['])) {
                self.words(Span::new(mention.span.start, mention.span.start + old.name.len()), to);
            }
        }
    }

    /// A name in the spelling of the one that it takes the place of: `type\_` has its underscore escaped.
    fn name(&mut self, span: Span, to: &str) {
        let old = span.of(self.text);
        let escaped = ["\\\\_", "\\_"].into_iter().find(|mark| old.ends_with(mark));
        match (escaped, to.strip_suffix('_')) {
            (Some(mark), Some(stem)) => {
                let stem = escape::line(stem, &self.doc.block.form, self.style);
                self.put(span, format!("{stem}{mark}"));
            }
            _ => self.words(span, to),
        }
    }

    /// Where a name is followed by more than one space, what follows stays in its column.
    fn keep_column(&mut self, span: Span, to: &str) {
        let Some(line) = line_of(self.doc, span.start).and_then(|line| self.doc.block.lines.get(line)) else { return };
        let rest = Span::new(span.end, line.span.end).of(self.text);
        let spaces = rest.len() - rest.trim_start_matches(' ').len();
        if spaces < 2 || spaces == rest.len() {
            return;
        }
        let (old, new) = (span.of(self.text).chars().count(), to.chars().count());
        let wanted = (spaces + old).saturating_sub(new).max(1);
        if wanted < spaces {
            self.put(Span::new(span.end + wanted, span.end + spaces), String::new());
        } else if wanted > spaces {
            self.put(Span::at(span.end + spaces), " ".repeat(wanted - spaces));
        }
    }

    /// `:type x:` follows `:param x:`.
    fn rename_type_field(&mut self, entry: &Entry, old: &str, to: &str) {
        let Some(mention) = &entry.type_text else { return };
        let Some(line) = line_of(self.doc, mention.span.start) else { return };
        let Some(word) = tag_word(self.text, self.doc, line).filter(|word| Some(*word) != entry.tag_span) else {
            return;
        };
        let between = Span::new(word.end, mention.span.start).of(self.text);
        let Some(colon) = between.rfind(':') else { return };
        let argument = between.get(..colon).unwrap_or("");
        let name = argument.trim().trim_start_matches('*');
        if !name.is_empty() && name.replace('\\', "") == old {
            let start = word.end + argument.find(name).unwrap_or(0);
            self.name(Span::new(start, start + name.len()), to);
        }
    }

    /// Takes names out of a group; at least one name must stay.
    pub fn drop_names(&mut self, number: usize, dropped: &[usize]) {
        let Some(entry) = self.doc.entries.get(number) else { return };
        let start = |at: usize| entry.names.get(at).map(|name| name.span.start.saturating_sub(name.stars.len()));
        for &at in dropped {
            let Some(name) = entry.names.get(at) else { continue };
            let is_kept_before = (0..at).any(|before| !dropped.contains(&before));
            let span =
                match (is_kept_before, at.checked_sub(1).and_then(|before| entry.names.get(before)), start(at + 1)) {
                    (true, Some(before), _) => Span::new(before.span.end, name.span.end),
                    (_, _, Some(next)) => Span::new(start(at).unwrap_or(name.span.start), next),
                    _ => continue,
                };
            self.put(span, String::new());
        }
    }

    /// Puts the names of a group into another order, stars and all. `order` lists places in the group; `renamed` tells new names.
    pub fn reorder_names(&mut self, number: usize, order: &[usize], renamed: &dyn Fn(usize) -> Option<String>) {
        let Some(entry) = self.doc.entries.get(number) else { return };
        let mut slots = order.to_vec();
        slots.sort_unstable();
        slots.dedup();
        if slots.len() != order.len() || slots.last().is_some_and(|last| *last >= entry.names.len()) {
            return;
        }
        for (slot, wanted) in slots.into_iter().zip(order) {
            let (Some(old), Some(new)) = (entry.names.get(slot), entry.names.get(*wanted)) else { continue };
            if slot == *wanted {
                continue;
            }
            let bare = renamed(*wanted).map(|to| escape::line(&to, &self.doc.block.form, self.style));
            let bare = bare.unwrap_or_else(|| new.span.of(self.text).to_owned());
            let start = old.span.start.saturating_sub(old.stars.len());
            let stars = if Span::new(start, old.span.start).of(self.text) == old.stars { old.stars.len() } else { 0 };
            let own = new.span.start.saturating_sub(new.stars.len());
            let new_stars =
                if Span::new(own, new.span.start).of(self.text) == new.stars { new.stars.as_str() } else { "" };
            self.put(Span::new(old.span.start - stars, old.span.end), format!("{new_stars}{bare}"));
        }
    }

    /// Writes another default over the one that stands there.
    pub fn default(&mut self, number: usize, to: &str) {
        if let Some(default) = self.doc.entries.get(number).and_then(|entry| entry.default.as_ref()) {
            self.words(default.span, to);
        }
    }

    /// Sets, adds or takes away a type that stands beside the name.
    ///
    /// Returns false where that takes a line of its own, which is then for the caller to add.
    pub fn set_type(&mut self, number: usize, to: Option<&str>, as_field: bool) -> bool {
        let Some(entry) = self.doc.entries.get(number) else { return true };
        match (&entry.type_text, to) {
            (Some(mention), Some(to)) => self.words(mention.span, to),
            (Some(mention), None) => self.drop_type(entry, mention.span),
            (None, Some(_)) if as_field => return false,
            (None, Some(to)) => self.add_type(entry, to),
            (None, None) => {}
        }
        true
    }

    fn add_type(&mut self, entry: &Entry, to: &str) {
        let named = entry.names.last();
        let to = escape::line(to, &self.doc.block.form, self.style);
        match (self.style, named) {
            (DocStyle::Google | DocStyle::Plain, Some(name)) if has_typed_names(entry.kind) => {
                self.put(Span::at(name.span.end), format!(" ({to})"));
            }
            (DocStyle::Google | DocStyle::Plain, None) => {
                self.put(Span::at(entry.description_span.start), format!("{to}: "))
            }
            (DocStyle::Numpy, Some(name)) if has_typed_names(entry.kind) => {
                self.put(Span::at(name.span.end), format!(" : {to}"))
            }
            (DocStyle::Sphinx | DocStyle::Epydoc, Some(name)) => {
                self.put(Span::at(name.span.start.saturating_sub(name.stars.len())), format!("{to} "));
            }
            (DocStyle::Jsdoc, _) => {
                if let Some(tag) = entry.tag_span {
                    self.put(Span::at(tag.end), format!(" {{{to}}}"));
                }
            }
            _ => {}
        }
    }

    fn drop_type(&mut self, entry: &Entry, span: Span) {
        let (before, after) = (self.before(span.start), self.after(span.end));
        let bracketed = before.ends_with('(') || before.ends_with('[');
        let gap = |text: &str| text.len() - text.trim_start_matches([' ', '\t']).len();
        let joined = after.trim_start().strip_prefix(',').map(|rest| after.len() - rest.len() + gap(rest));
        match (self.style, entry.names.last()) {
            (DocStyle::Jsdoc | DocStyle::Tsdoc, _) => {
                let (Some(open), Some(close)) = (before.rfind('{'), after.find('}')) else { return };
                let start = span.start - (before.len() - open);
                let end = span.end + close + 1;
                self.put(Span::new(start, end + gap(self.after(end))), String::new());
            }
            (_, Some(_)) if joined.is_some() => {
                self.put(Span::new(span.start, span.end + joined.unwrap_or(0)), String::new());
            }
            (DocStyle::Google | DocStyle::Plain, Some(name)) if bracketed && after.starts_with([')', ']']) => {
                self.put(Span::new(name.span.end.min(span.start - 1), span.end + 1), String::new());
            }
            (DocStyle::Numpy, Some(name)) => self.put(Span::new(name.span.end, span.end), String::new()),
            (DocStyle::Google | DocStyle::Plain, None) if entry.description_span.start >= span.end => {
                self.put(Span::new(span.start, entry.description_span.start), String::new());
            }
            (DocStyle::Sphinx | DocStyle::Epydoc, Some(name)) => {
                self.put(Span::new(span.start, name.span.start.saturating_sub(name.stars.len())), String::new());
            }
            _ => {}
        }
    }

    fn before(&self, offset: usize) -> &'a str {
        let line = line_of(self.doc, offset).and_then(|line| self.doc.block.lines.get(line));
        line.map_or("", |line| Span::new(line.span.start, offset).of(self.text))
    }

    fn after(&self, offset: usize) -> &'a str {
        let line = line_of(self.doc, offset).and_then(|line| self.doc.block.lines.get(line));
        line.map_or("", |line| Span::new(offset, line.span.end).of(self.text))
    }

    /// Gives sections and tags of one kind the words of another.
    pub fn retitle(&mut self, from: EntryKind, to: EntryKind) {
        for section in self.doc.sections.iter().filter(|section| section.kind == from) {
            let Some(title) = canon::reworded(self.style, &section.title, to) else { continue };
            self.put(section.title_span, title.clone());
            let underline = section.header.clone().nth(1).and_then(|line| self.doc.block.lines.get(line));
            let Some(underline) = underline.map(|line| line.span) else { continue };
            let marks = underline.of(self.text);
            if let Some(mark) = marks.chars().next()
                && marks.chars().count() == section.title.chars().count()
            {
                self.put(underline, mark.to_string().repeat(title.chars().count()));
            }
        }
        for entry in self.doc.entries.iter().filter(|entry| entry.kind == from) {
            let field = entry.type_text.as_ref().and_then(|mention| line_of(self.doc, mention.span.start));
            let field = field.and_then(|line| tag_word(self.text, self.doc, line));
            for word in [entry.tag_span, field.filter(|word| Some(*word) != entry.tag_span)].into_iter().flatten() {
                if let Some(new) = canon::reworded(self.style, word.of(self.text), to) {
                    self.put(word, new);
                }
            }
        }
    }
}

/// Whether two replacements cannot both be made. Two insertions at one place can, and so can one right beside a replacement.
fn clash(left: Span, right: Span) -> bool {
    if left.is_empty() && right.is_empty() {
        return false;
    }
    left.start < right.end && right.start < left.end
}

/// Whether this is a field with the type of something that has one already, or is documented nowhere: `:type b:`.
pub(super) fn is_stray_type(entry: &Entry) -> bool {
    entry.kind == EntryKind::Other && !entry.names.is_empty() && entry.tag.as_deref().is_some_and(is_type_word)
}

/// Whether names of this kind carry a type beside them; the name of an exception is a type itself.
fn has_typed_names(kind: EntryKind) -> bool {
    !matches!(kind, EntryKind::Raise | EntryKind::Warn | EntryKind::Method)
}
