//! Makes the rows of new entries and sections.

use super::learn::{Habit, Pupil};
use super::place::{Places, Spot};
use super::rows::Row;
use crate::docstring::shape::{Item, Types};
use crate::docstring::wrap::wrap;
use crate::docstring::{DocStyle, EntryDraft, EntryKind, canon, escape};

/// Rows to be put in together.
pub(super) struct Group {
    /// Where.
    pub spot: Spot,
    /// What it speaks of.
    pub kind: EntryKind,
    /// What.
    pub rows: Vec<Row>,
    /// Blank rows wanted above.
    pub above: usize,
    /// Blank rows wanted below.
    pub below: usize,
}

/// One entry that a caller wants.
pub(super) struct Wish {
    /// What it speaks of.
    pub kind: EntryKind,
    /// The entry that it follows.
    pub after: Option<usize>,
    /// Its words.
    pub draft: EntryDraft,
}

/// Turns wishes into groups of rows.
pub(super) struct Inserter<'a> {
    pub pupil: &'a Pupil<'a>,
    pub places: &'a Places<'a>,
    /// What has been made so far.
    pub groups: Vec<Group>,
}

impl Inserter<'_> {
    /// Adds all entries: those that have a place among others of their kind, then new sections and tags.
    pub fn entries(&mut self, wishes: &[Wish]) {
        let mut homeless: Vec<&Wish> = Vec::new();
        for wish in wishes {
            if !self.beside_others(wish) {
                homeless.push(wish);
            }
        }
        while let Some(kind) = homeless.first().map(|wish| wish.kind) {
            let (own, rest): (Vec<&Wish>, Vec<&Wish>) = homeless.into_iter().partition(|wish| wish.kind == kind);
            self.new_part(kind, &own);
            homeless = rest;
        }
    }

    fn beside_others(&mut self, wish: &Wish) -> bool {
        let doc = self.pupil.doc;
        let is_same =
            |entry: usize| doc.entries.get(entry).is_some_and(|entry| (self.places.kind_of)(entry.kind) == wish.kind);
        let tags = canon::has_tags(self.pupil.style);
        let behind = wish.after.filter(|&entry| tags || is_same(entry));
        let spot = behind
            .and_then(|entry| self.places.behind(entry, &wish.draft.name))
            .or_else(|| if wish.after.is_none() { self.places.first_of(wish.kind) } else { None })
            .or_else(|| if tags { None } else { self.places.end_of_section(wish.kind) });
        let Some(spot) = spot else { return false };
        let source_kind = self.source_kind(wish.kind);
        let Some(habit) = self.habit(wish.kind, source_kind) else { return true };
        let gap = if behind.is_none_or(is_same) { habit.gap } else { habit.outer_gap };
        let (mut rows, type_row) = self.write(wish, &habit);
        match type_row {
            Some(row) if habit.types_apart => match self.places.behind_type(behind, source_kind) {
                Some(spot) => self.groups.push(Group { spot, kind: wish.kind, rows: vec![row], above: 0, below: 0 }),
                None => rows.push(row),
            },
            row => rows.extend(row),
        }
        let (above, below) = match spot {
            Spot::Before(_) => (0, gap),
            _ => (gap, gap),
        };
        // What has been put in at the same place already stays in front.
        match self.groups.iter_mut().rev().find(|group| group.spot == spot && group.kind == wish.kind) {
            Some(group) => {
                group.rows.extend(std::iter::repeat_n(self.pupil.sheet.new_row("", ""), gap));
                group.rows.extend(rows);
            }
            None => self.groups.push(Group { spot, kind: wish.kind, rows, above, below }),
        }
        true
    }

    /// The habit of a kind that entries of the comment may still have under another name.
    fn habit(&self, kind: EntryKind, source: EntryKind) -> Option<Habit> {
        let mut habit = self.pupil.habit(source)?;
        if source != kind {
            habit.shape.tag = canon::tag(self.pupil.style, kind)?.to_owned();
            habit.shape.type_tag = canon::type_tag(self.pupil.style, kind).unwrap_or("").to_owned();
        }
        Some(habit)
    }

    /// The kind that entries which will be of `kind` have in the old comment.
    fn source_kind(&self, kind: EntryKind) -> EntryKind {
        let mut kinds = self.pupil.doc.entries.iter().map(|entry| entry.kind);
        kinds.find(|&old| (self.places.kind_of)(old) == kind).unwrap_or(kind)
    }

    fn new_part(&mut self, kind: EntryKind, wishes: &[&Wish]) {
        let Some(habit) = self.pupil.habit(kind) else { return };
        let style = self.pupil.style;
        let tags = canon::has_tags(style);
        let mut rows = Vec::new();
        if !tags {
            let Some(title) = canon::title(style, kind) else { return };
            rows.extend(self.header(title));
        }
        for (number, wish) in wishes.iter().enumerate() {
            if number > 0 {
                rows.extend(std::iter::repeat_n(self.pupil.sheet.new_row("", ""), habit.gap));
            }
            let (own, type_row) = self.write(wish, &habit);
            rows.extend(own);
            rows.extend(type_row);
        }
        self.part(kind, rows, habit.outer_gap);
    }

    /// Puts a new section or tag where it belongs, at the usual distance from its neighbours.
    fn part(&mut self, kind: EntryKind, rows: Vec<Row>, tag_gap: usize) {
        let spot = self.places.canonical(kind);
        let gap = if canon::has_tags(self.pupil.style) {
            if self.pupil.doc.entries.is_empty() { self.first_gap() } else { tag_gap }
        } else {
            self.section_gap()
        };
        let is_first_after_prose = matches!(spot, Spot::After(unit) if self.is_prose(unit));
        let above = if is_first_after_prose { gap.max(self.first_gap()) } else { gap };
        let above = if matches!(spot, Spot::Before(_)) { 0 } else { above };
        let at = self.groups.iter().position(|group| {
            // Parts that go to one place stand in the order of the style.
            let rank = |kind| canon::rank(self.pupil.style, kind).unwrap_or(u8::MAX);
            group.spot == spot && rank(kind) < rank(group.kind)
        });
        let group = Group { spot, kind, rows, above, below: gap };
        match at {
            Some(at) => self.groups.insert(at, group),
            None => self.groups.push(group),
        }
    }

    fn is_prose(&self, unit: usize) -> bool {
        let Some(unit) = self.pupil.units.units.get(unit) else { return false };
        let line = unit.lines.start;
        unit.entry.is_none() && !self.pupil.doc.sections.iter().any(|section| section.lines.contains(&line))
    }

    /// Blank rows between prose and the first tag, or section.
    fn first_gap(&self) -> usize {
        if self.pupil.style != DocStyle::Jsdoc {
            return 1;
        }
        let lines = &self.pupil.doc.block.lines;
        let content = self.pupil.sheet.content();
        let start = self.pupil.doc.summary.end.max(content.start);
        let prose = lines.get(start..content.end).unwrap_or(&[]).iter().any(|line| !line.span.is_empty());
        usize::from(prose)
    }

    fn section_gap(&self) -> usize {
        let doc = self.pupil.doc;
        let blank = |line: usize| doc.block.lines.get(line).is_some_and(|line| line.span.is_empty());
        let gaps = doc.sections.windows(2).filter_map(|pair| {
            let [a, b] = pair else { return None };
            let between = a.lines.end..b.lines.start.max(a.lines.end);
            between.clone().all(blank).then_some(between.len())
        });
        match (self.pupil.style, gaps.min()) {
            (DocStyle::Google, Some(gap)) => gap.min(2),
            _ => 1,
        }
    }

    fn header(&self, title: &str) -> Vec<Row> {
        let sheet = self.pupil.sheet;
        let prefix = self.pupil.header_prefix();
        match self.pupil.style {
            DocStyle::Numpy => {
                let line = "-".repeat(title.chars().count());
                vec![sheet.new_row(&prefix, title), sheet.new_row(&prefix, &line)]
            }
            DocStyle::Rustdoc => {
                let marks = self.pupil.doc.sections.first().and_then(|section| {
                    let line = self.pupil.doc.block.lines.get(section.header.start)?.span.of(self.pupil.text);
                    let marks = line.len() - line.trim_start_matches('#').len();
                    (marks > 0).then_some(marks)
                });
                let marks = "#".repeat(marks.unwrap_or(1));
                vec![sheet.new_row(&prefix, &format!("{marks} {title}")), sheet.new_row("", "")]
            }
            _ => vec![sheet.new_row(&prefix, &format!("{title}:"))],
        }
    }

    /// The rows of an entry, and the one with its type.
    fn write(&self, wish: &Wish, habit: &Habit) -> (Vec<Row>, Option<Row>) {
        let form = &self.pupil.doc.block.form;
        let item = Item::of(&wish.draft, form, self.pupil.style);
        let written = habit.shape.write(wish.kind, &item, self.room(&habit.prefix));
        let row = |line: String| self.pupil.sheet.new_row(&habit.prefix, &line);
        (written.lines.into_iter().map(row).collect(), written.type_field.map(row))
    }

    fn room(&self, prefix: &str) -> usize {
        self.pupil.layout.width.saturating_sub(width(prefix))
    }

    /// Adds a section of prose, or more prose to the section that is there.
    pub fn prose(&mut self, kind: EntryKind, text: &str) {
        let pupil = self.pupil;
        let header = pupil.header_prefix();
        let indent = if pupil.style == DocStyle::Google { pupil.layout.indent_unit.as_str() } else { "" };
        let prefix = format!("{header}{indent}");
        let paragraphs = self.paragraphs(text, &prefix);
        if paragraphs.is_empty() {
            return;
        }
        if kind == EntryKind::Deprecated && is_python(pupil.style) {
            return self.directive(text);
        }
        if canon::has_tags(pupil.style) {
            let draft = EntryDraft { text: text.to_owned(), ..EntryDraft::default() };
            return self.new_part(kind, &[&Wish { kind, after: None, draft }]);
        }
        if pupil.style == DocStyle::Godoc {
            if kind == EntryKind::Deprecated {
                let rows = self.paragraphs(&format!("Deprecated: {text}"), &prefix);
                self.part(kind, rows, 1);
            }
            return;
        }
        if let Some(spot) = self.places.end_of_section(kind) {
            return self.groups.push(Group { spot, kind, rows: paragraphs, above: 1, below: 1 });
        }
        if let Some(title) = canon::title(pupil.style, kind) {
            let mut rows = self.header(title);
            rows.extend(paragraphs);
            self.part(kind, rows, 1);
        }
    }

    /// `.. deprecated::` behind the summary, as all styles of Python docstrings have it.
    fn directive(&mut self, text: &str) {
        let pupil = self.pupil;
        let safe = escape::line(&format!(".. deprecated:: {text}"), &pupil.doc.block.form, pupil.style);
        let unit = &pupil.layout.indent_unit;
        let room = self.room(&pupil.sheet.base);
        let lines = wrap(&safe, room, room.saturating_sub(width(unit)));
        let hung = |(number, line): (usize, &String)| if number == 0 { line.clone() } else { format!("{unit}{line}") };
        let rows =
            lines.iter().enumerate().map(hung).map(|line| pupil.sheet.new_row(&pupil.sheet.base, &line)).collect();
        let spot = self.places.behind_summary();
        self.groups.push(Group { spot, kind: EntryKind::Deprecated, rows, above: 1, below: 1 });
    }

    fn paragraphs(&self, text: &str, prefix: &str) -> Vec<Row> {
        let mut rows = Vec::new();
        for paragraph in text.replace("\r\n", "\n").split("\n\n") {
            let safe = escape::line(paragraph, &self.pupil.doc.block.form, self.pupil.style);
            let lines = wrap(&safe, self.room(prefix), self.room(prefix));
            if !lines.is_empty() && !rows.is_empty() {
                rows.push(self.pupil.sheet.new_row("", ""));
            }
            rows.extend(lines.iter().map(|line| self.pupil.sheet.new_row(prefix, line)));
        }
        rows
    }

    /// The row of a type field for an entry that had none.
    pub fn type_field(&mut self, entry: usize, to: &str) {
        let Some(old) = self.pupil.doc.entries.get(entry) else { return };
        let Some(mut habit) = self.pupil.habit(old.kind) else { return };
        habit.shape.types = Types::Field;
        let name = old.names.first().map_or(String::new(), |name| name.name.clone());
        let draft = EntryDraft { name, type_text: Some(to.to_owned()), ..EntryDraft::default() };
        let wish = Wish { kind: old.kind, after: None, draft };
        let (_, row) = self.write(&wish, &habit);
        let apart = if habit.types_apart { self.places.behind_type(None, old.kind) } else { None };
        let spot = apart.or_else(|| self.places.behind(entry, "").map(|_| Spot::After(self.main_unit(entry))));
        if let (Some(row), Some(spot)) = (row, spot) {
            // It belongs to the entry, so it stands before whatever else comes behind that.
            self.groups.insert(0, Group { spot, kind: old.kind, rows: vec![row], above: 0, below: 0 });
        }
    }

    fn main_unit(&self, entry: usize) -> usize {
        let units = &self.pupil.units.units;
        units.iter().position(|unit| unit.entry == Some(entry) && !unit.is_type).unwrap_or(units.len())
    }
}

fn is_python(style: DocStyle) -> bool {
    matches!(style, DocStyle::Google | DocStyle::Numpy | DocStyle::Sphinx | DocStyle::Epydoc)
}

/// Characters of white space and markers; a tab counts as four.
pub(super) fn width(prefix: &str) -> usize {
    prefix.chars().map(|character| if character == '\t' { 4 } else { 1 }).sum()
}
