//! Google docstrings: `Args:` and indented entries.
//!
//! A word is a section title only where a section can begin, so a parameter that is called `returns` stays a parameter.

use super::names;
use super::titles::{begins_remark, has_entries, is_exception, is_list, is_placeholder, is_result, kind_of};
use super::{Parts, result_type};
use crate::docstring::code::Survey;
use crate::docstring::flow::{Flow, Lines, Piece, bare_entry, describe};
use crate::docstring::prose::split_type;
use crate::docstring::scan::balanced;
use crate::docstring::{Entry, EntryKind, EntryName, Section};
use crate::text::Span;
use std::ops::Range;

/// Reads all sections.
pub(super) fn parse(lines: &Lines<'_>, survey: &Survey) -> Parts {
    let mut reader = Reader { lines, survey, parts: Parts::default() };
    let mut number = 0;
    while number < lines.len() {
        let next = if survey.is_code(number) || lines.blank(number) {
            None
        } else {
            reader.section(number).or_else(|| reader.one_liner(number))
        };
        number = next.unwrap_or(number + 1).max(number + 1);
    }
    reader.parts
}

struct Reader<'a> {
    lines: &'a Lines<'a>,
    survey: &'a Survey,
    parts: Parts,
}

/// The first line of an entry, taken apart.
struct Head<'a> {
    names: Vec<EntryName>,
    /// The text in brackets.
    kind_line: Option<Flow>,
    description: Piece<'a>,
    /// The line on which the description begins.
    line: usize,
}

fn is_capital(text: &str) -> bool {
    text.starts_with(char::is_uppercase)
}

/// The title in a line that holds only a title.
fn title_of<'a>(piece: Piece<'a>) -> Option<(Piece<'a>, EntryKind)> {
    let bare = piece.text.strip_suffix(':')?.trim_end();
    let title = piece.to(bare.len());
    kind_of(title.text).map(|kind| (title, kind))
}

impl<'a> Reader<'a> {
    /// Whether a section can begin at `number`, outside of any other.
    fn begins(&self, number: usize) -> Option<(Piece<'a>, EntryKind)> {
        if self.survey.is_code(number) {
            return None;
        }
        let (title, kind) = title_of(self.lines.piece(number))?;
        let next = self.lines.next_filled(number + 1);
        let deeper = next.is_some_and(|next| self.lines.indent(next) > self.lines.indent(number));
        // In lower case it may be the end of a sentence, so it must stand apart.
        let parted = number == 0 || self.lines.blank(number - 1);
        (is_capital(title.text) || deeper && parted && has_entries(kind)).then_some((title, kind))
    }

    /// Whether a new section begins at `number`, seen from inside a section whose entries stand at `entry`.
    fn interrupts(&self, number: usize, entry: usize) -> bool {
        let Some((title, kind)) = self.begins(number) else { return false };
        let indent = self.lines.indent(number);
        let next = self.lines.next_filled(number + 1);
        let deeper = next.is_some_and(|next| self.lines.indent(next) > indent);
        let parted = number == 0 || self.lines.blank(number - 1);
        indent < entry || indent == entry && is_capital(title.text) && has_entries(kind) && deeper && parted
    }

    /// Reads the section that begins at `number`; returns the line behind it.
    fn section(&mut self, number: usize) -> Option<usize> {
        let (title, kind) = self.begins(number)?;
        let base = self.lines.indent(number);
        // The text on the opening line has lost its indentation, so the entries below may stand at its column.
        let first = number == 0;
        let mut floor = if first { 0 } else { base + 1 };
        let next = self.lines.next_filled(number + 1);
        let empty = next.is_none_or(|next| self.lines.indent(next) < floor);
        let loose = empty && is_list(kind) && next == Some(number + 1) && self.is_strict_entry(number + 1, kind);
        if loose {
            floor = base;
        }
        let entry_indent = next.filter(|_| loose || !empty).map_or(floor, |next| self.lines.indent(next));
        let mut end = number + 1;
        while end < self.lines.len() {
            let blank = self.lines.blank(end);
            let indent = self.lines.indent(end);
            let ends = if blank {
                loose
            } else if self.survey.is_code(end) {
                indent < floor && kind != EntryKind::Example
            } else {
                let anew = first && entry_indent == 0 && self.begins(end).is_some();
                indent < floor || anew || self.interrupts(end, entry_indent)
            };
            if ends {
                break;
            }
            end += 1;
        }
        let end = self.lines.trim_blank(number + 1, end);
        let section = self.parts.sections.len();
        let from = self.parts.entries.len();
        let body = number + 1..end;
        if is_list(kind) {
            self.entries(kind, section, body.clone(), floor);
        } else if is_result(kind)
            && let Some(start) = self.lines.next_filled(number + 1).filter(|&start| start < end)
        {
            let entry = self.result(kind, section, start..end, self.lines.piece(start));
            self.parts.entries.push(entry);
        }
        let count = self.parts.entries.len() - from;
        self.parts.score += match kind {
            _ if has_entries(kind) => 2 + 2 * count,
            _ => 1,
        };
        self.parts.sections.push(Section {
            kind,
            title: title.text.to_owned(),
            title_span: title.span(),
            header: number..number + 1,
            lines: number..end,
            entries: from..self.parts.entries.len(),
        });
        if is_list(kind) && count == 0 && !body.is_empty() {
            self.parts.note_unreadable(title, self.lines, body);
        }
        Some(end)
    }

    /// Reads `Returns: text` and its kin; returns the line behind it.
    fn one_liner(&mut self, number: usize) -> Option<usize> {
        let piece = self.lines.piece(number);
        let colon = piece.text.find(": ")?;
        let title = piece.to(colon);
        let kind = kind_of(title.text).filter(|&kind| is_result(kind) || is_exception(kind))?;
        is_capital(title.text).then_some(())?;
        let section = self.parts.sections.len();
        let from = self.parts.entries.len();
        let text = piece.from(colon + 1).trim_start();
        let named = if is_result(kind) {
            None
        } else {
            let (names, rest) = names::exceptions(text)?;
            let rest = rest.trim_start();
            let likely = names.iter().all(|name| names::looks_like_exception(&name.name));
            (rest.is_empty() || rest.text.starts_with([':', '-']) || likely).then_some(())?;
            Some((names, rest))
        };
        let indent = self.lines.indent(number);
        let end = (number + 1..self.lines.len())
            .find(|&at| {
                self.lines.blank(at)
                    || self.survey.is_code(at)
                    || self.lines.indent(at) < indent
                    || self.begins(at).is_some()
            })
            .unwrap_or(self.lines.len());
        let entry = match named {
            None => self.result(kind, section, number..end, text),
            Some((names, rest)) => {
                let mut entry = bare_entry(kind, Some(section));
                entry.names = names;
                entry.lines = number..end;
                let mut flow = Flow::default();
                flow.push(rest.strip(":").unwrap_or(rest));
                self.describe(&mut entry, flow, number + 1..end);
                entry
            }
        };
        self.parts.entries.push(entry);
        self.parts.score += 2;
        self.parts.sections.push(Section {
            kind,
            title: title.text.to_owned(),
            title_span: title.span(),
            header: number..number + 1,
            lines: number..end,
            entries: from..from + 1,
        });
        Some(end)
    }

    /// Adds the lines `rest` to the description and gives it to the entry.
    fn describe(&self, entry: &mut Entry, mut flow: Flow, rest: Range<usize>) {
        let last = rest.end.saturating_sub(1);
        for number in rest {
            flow.push(self.lines.piece(number));
        }
        describe(entry, &flow, self.lines.piece(last).span().end);
    }

    fn result(&self, kind: EntryKind, section: usize, body: Range<usize>, first: Piece<'a>) -> Entry {
        let mut entry = bare_entry(kind, Some(section));
        entry.lines = body.clone();
        let (type_text, rest) = result_type(first);
        entry.type_text = type_text;
        let mut flow = Flow::default();
        flow.push(rest);
        self.describe(&mut entry, flow, body.start + 1..body.end);
        entry
    }

    fn entries(&mut self, kind: EntryKind, section: usize, body: Range<usize>, floor: usize) {
        let Some(first) = body.clone().find(|&number| !self.lines.blank(number)) else { return };
        let only = self.lines.trim_blank(first, body.end) == first + 1;
        if only && is_placeholder(self.lines.text(first)) {
            return;
        }
        let mut column = self.lines.indent(first);
        let mut open: Option<(Head<'a>, usize)> = None;
        let mut number = first;
        while number < body.end {
            let indent = self.lines.indent(number);
            if self.lines.blank(number) || self.survey.is_code(number) || indent > column {
                number += 1;
                continue;
            }
            if let Some(head) = self.head(number, kind, body.end).filter(|_| indent >= floor) {
                column = indent;
                let next = head.line + 1;
                self.close(kind, section, open.take(), number);
                open = Some((head, number));
                number = next;
                continue;
            }
            // A line right below an entry that cannot begin one is badly indented text of the entry; behind a gap it is a remark.
            if number > 0 && self.lines.blank(number - 1) {
                self.close(kind, section, open.take(), number);
            }
            number += 1;
        }
        self.close(kind, section, open.take(), body.end);
    }

    fn close(&mut self, kind: EntryKind, section: usize, open: Option<(Head<'a>, usize)>, end: usize) {
        let Some((head, start)) = open else { return };
        let end = self.lines.trim_blank(start + 1, end);
        let mut entry = bare_entry(kind, Some(section));
        entry.names = head.names;
        entry.lines = start..end;
        if let Some(line) = head.kind_line.filter(|_| kind != EntryKind::Method) {
            let parts = split_type(&line);
            entry.type_text = parts.type_text;
            entry.optional = parts.optional;
            entry.default = parts.default;
        }
        let mut flow = Flow::default();
        flow.push(head.description);
        self.describe(&mut entry, flow, head.line + 1..end.max(head.line + 1));
        if entry.description.is_empty() {
            let at = if head.line + 1 < end { entry.description_span.end } else { head.description.span().end };
            entry.description_span = Span::at(at);
        }
        self.parts.entries.push(entry);
    }

    /// Whether the line is an entry beyond doubt: a name, perhaps a type, a colon and text.
    fn is_strict_entry(&self, number: usize, kind: EntryKind) -> bool {
        self.head(number, kind, number + 1).is_some_and(|head| !head.description.is_empty())
    }

    fn head(&self, number: usize, kind: EntryKind, limit: usize) -> Option<Head<'a>> {
        let mut piece = self.lines.piece(number);
        for bullet in ["- ", "* ", "+ ", "• "] {
            piece = piece.strip(bullet).map_or(piece, Piece::trim_start);
        }
        if is_exception(kind) {
            return self.exception_head(piece, number);
        }
        let (names, rest) = names::read(piece)?;
        let is_remark = matches!(names.as_slice(), [name] if begins_remark(&name.name)) && rest.text.starts_with(':');
        if is_remark && kind != EntryKind::Method {
            return None;
        }
        let title = names.first().is_some_and(|name| is_capital(&name.name) && kind_of(&name.name).is_some());
        let rest = rest.trim_start();
        if rest.text.starts_with('(') {
            let (kind_line, after, line) = self.bracketed(rest, number, limit)?;
            let after = after.trim_start();
            let description = separated(after).or_else(|| after.is_empty().then_some(after))?;
            return (!title || after.text.starts_with(':')).then_some(Head {
                names,
                kind_line: Some(kind_line),
                description,
                line,
            });
        }
        if title {
            return None;
        }
        if let Some((note, after)) = rest.strip(",").and_then(|note| Some((note, note.text.find(':')?))) {
            let mut line = Flow::default();
            line.push(note.to(after));
            return Some(Head {
                names,
                kind_line: Some(line),
                description: note.from(after + 1).trim_start(),
                line: number,
            });
        }
        if rest.is_empty() {
            let deeper = !self.lines.blank(number + 1)
                && number + 1 < limit
                && self.lines.indent(number + 1) > self.lines.indent(number);
            let word = names.iter().all(|name| !is_placeholder(&name.name));
            let alone = number == 0
                || self.lines.blank(number - 1)
                || deeper
                || number + 1 >= limit
                || self.starts_list(number);
            return (word && alone).then_some(Head { names, kind_line: None, description: rest, line: number });
        }
        let description = separated(rest)?;
        Some(Head { names, kind_line: None, description, line: number })
    }

    /// Whether the line above is a title.
    fn starts_list(&self, number: usize) -> bool {
        number > 0 && title_of(self.lines.piece(number - 1)).is_some()
    }

    fn exception_head(&self, piece: Piece<'a>, number: usize) -> Option<Head<'a>> {
        let (names, rest) =
            names::exceptions(piece).filter(|(names, _)| !names.iter().any(|name| is_placeholder(&name.name)))?;
        let rest = rest.trim_start();
        let likely = names.iter().all(|name| names::looks_like_exception(&name.name));
        let description = match separated(rest) {
            Some(description) => description,
            None if rest.is_empty() => rest,
            None if likely => rest,
            None => return None,
        };
        let note = names
            .first()
            // Old modules call their exception just `error`.
            .filter(|name| name.name != "error")
            .is_some_and(|name| kind_of(&name.name).is_some_and(|kind| kind == EntryKind::Other) && !likely);
        (!note).then_some(Head { names, kind_line: None, description, line: number })
    }

    /// Reads `(type)`, which may go on over lines; returns the inside, what stands behind, and its line.
    fn bracketed(&self, piece: Piece<'a>, number: usize, limit: usize) -> Option<(Flow, Piece<'a>, usize)> {
        if let Some(length) = balanced(piece.text) {
            let mut flow = Flow::default();
            flow.push(piece.to(length - 1).from(1));
            return Some((flow, piece.from(length), number));
        }
        let mut joined = Flow::default();
        joined.push(piece);
        for line in number + 1..limit.min(number + 12) {
            if self.lines.blank(line) {
                return None;
            }
            let before = joined.text.len() + 1;
            joined.push(self.lines.piece(line));
            if let Some(length) = balanced(&joined.text) {
                let tail = length.checked_sub(before)?;
                let mut flow = Flow::default();
                flow.push(piece.from(1));
                for middle in number + 1..line {
                    flow.push(self.lines.piece(middle));
                }
                let last = self.lines.piece(line);
                flow.push(last.to(tail.saturating_sub(1)));
                return Some((flow, last.from(tail), line));
            }
        }
        None
    }
}

/// What stands behind the colon or dash that parts a name from its description.
fn separated<'a>(rest: Piece<'a>) -> Option<Piece<'a>> {
    if let Some(after) = rest.strip(":") {
        let glued =
            after.text.starts_with(['/', ':', '=', '`']) || after.text.starts_with(|next: char| next.is_ascii_digit());
        return (!glued || after.text.starts_with("``")).then(|| after.trim_start());
    }
    ["-- ", "- ", "– ", "— "].iter().find_map(|dash| rest.strip(dash)).map(Piece::trim_start)
}
