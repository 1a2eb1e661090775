//! NumPy docstrings: underlined section titles, entries at the column of the title.
//!
//! A title needs its underline; without one this file sees prose.

use super::names;
use super::titles::{begins_remark, has_entries, is_exception, is_list, is_placeholder, is_result, kind_of};
use super::{Parts, is_type_like, result_type};
use crate::docstring::code::Survey;
use crate::docstring::flow::{Flow, Lines, Piece, bare_entry, describe};
use crate::docstring::prose::split_type;
use crate::docstring::scan::top_level;
use crate::docstring::{DefaultMention, EntryKind, EntryName, Section, TypeMention};
use std::ops::Range;

/// Reads all sections.
pub(super) fn parse(lines: &Lines<'_>, survey: &Survey) -> Parts {
    let mut parts = Parts::default();
    let headers: Vec<usize> = (0..lines.len()).filter(|&number| is_header(lines, survey, number)).collect();
    for (index, &number) in headers.iter().enumerate() {
        let next = headers.get(index + 1).copied().unwrap_or(lines.len());
        let piece = lines.piece(number);
        let title = piece.to(piece.text.trim_end_matches(':').trim_end().len());
        let kind = kind_of(title.text).unwrap_or(EntryKind::Other);
        let end = lines.trim_blank(number + 2, next);
        let section = parts.sections.len();
        let from = parts.entries.len();
        let body = number + 2..end;
        let reader = Reader { lines, survey, kind, section };
        if has_entries(kind) {
            reader.entries(body.clone(), &mut parts);
        }
        let count = parts.entries.len() - from;
        parts.score += match kind {
            _ if has_entries(kind) => 4 + 2 * count,
            _ if kind_of(title.text).is_some() => 3,
            _ => 0,
        };
        parts.sections.push(Section {
            kind,
            title: title.text.to_owned(),
            title_span: title.span(),
            header: number..number + 2,
            lines: number..end,
            entries: from..parts.entries.len(),
        });
        let placeholder = lines.next_filled(number + 2).is_some_and(|first| is_placeholder(lines.text(first)));
        if is_list(kind) && count == 0 && !body.is_empty() && !placeholder {
            parts.note_unreadable(title, lines, body);
        }
    }
    parts
}

fn is_rule(text: &str) -> bool {
    text.len() >= 3
        && ["-", "=", "_", "~"].iter().any(|mark| text.trim_matches(mark.chars().next().unwrap_or('-')).is_empty())
}

fn is_header(lines: &Lines<'_>, survey: &Survey, number: usize) -> bool {
    let title = lines.text(number);
    if lines.blank(number)
        || is_rule(title)
        || survey.is_code(number)
        || survey.is_code(number + 1)
        || !is_rule(lines.text(number + 1))
    {
        return false;
    }
    if kind_of(title.trim_end_matches(':')).is_some() {
        return true;
    }
    // An unknown title needs to look like one: a short line of its own, not the head of a table.
    let parted = number == 0 || lines.blank(number - 1);
    parted && title.len() <= 48 && !title.ends_with(['.', ',']) && lines.indent(number) == lines.indent(number + 1)
}

struct Reader<'a> {
    lines: &'a Lines<'a>,
    survey: &'a Survey,
    kind: EntryKind,
    section: usize,
}

/// The first lines of an entry, taken apart.
struct Head<'a> {
    names: Vec<EntryName>,
    default: Option<DefaultMention>,
    type_line: Option<Flow>,
    type_text: Option<TypeMention>,
    description: Option<Piece<'a>>,
    /// The first line behind the head.
    next: usize,
}

impl<'a> Reader<'a> {
    fn entries(&self, body: Range<usize>, parts: &mut Parts) {
        let Some(first) = body.clone().find(|&number| !self.lines.blank(number)) else { return };
        if is_placeholder(self.lines.text(first))
            && self.lines.trim_blank(first, body.end) == first + 1
            && is_list(self.kind)
        {
            return;
        }
        // Entries stand at the title's column, or deeper where somebody indented the whole body.
        let column = self.lines.indent(first);
        let mut open: Option<(Head<'a>, usize)> = None;
        let mut number = first;
        while number < body.end {
            if self.lines.blank(number) || self.survey.is_code(number) || self.lines.indent(number) > column {
                number += 1;
                continue;
            }
            let continues = open.as_ref().is_some_and(|(head, start)| self.goes_on(head, *start, number));
            if !continues && let Some(head) = self.head(number, body.end) {
                let next = head.next;
                self.close(open.take(), number, parts);
                open = Some((head, number));
                number = next.max(number + 1);
                continue;
            }
            if !continues {
                self.close(open.take(), number, parts);
            }
            number += 1;
        }
        self.close(open, body.end, parts);
    }

    /// Whether an unindented line is running text of the result above: people write Returns sections as prose.
    fn goes_on(&self, head: &Head<'a>, start: usize, number: usize) -> bool {
        let prose =
            is_result(self.kind) && head.names.is_empty() && head.type_text.is_none() && head.type_line.is_none();
        prose && (start..number).all(|at| !self.lines.blank(at)) && self.named(number).is_none()
    }

    fn named(&self, number: usize) -> Option<(Vec<EntryName>, Piece<'a>)> {
        let (names, rest) = names::read(self.lines.piece(number))?;
        let colon = rest.text.trim_start().starts_with(": ");
        (colon && rest.text.starts_with(' ')).then_some((names, rest))
    }

    fn close(&self, open: Option<(Head<'a>, usize)>, end: usize, parts: &mut Parts) {
        let Some((head, start)) = open else { return };
        let end = self.lines.trim_blank(head.next.max(start + 1), end);
        let mut entry = bare_entry(self.kind, Some(self.section));
        entry.names = head.names;
        entry.lines = start..end;
        entry.default = head.default;
        entry.type_text = head.type_text;
        let mut flow = Flow::default();
        if let Some(line) = head.type_line {
            let split = split_type(&line);
            entry.type_text = split.type_text;
            entry.optional = split.optional;
            entry.default = entry.default.or(split.default);
        }
        if let Some(piece) = head.description {
            flow.push(piece);
        }
        for number in head.next..end {
            flow.push(self.lines.piece(number));
        }
        describe(&mut entry, &flow, self.lines.piece(end.saturating_sub(1)).span().end);
        parts.entries.push(entry);
    }

    fn deeper_follows(&self, number: usize, limit: usize) -> bool {
        number + 1 < limit
            && self
                .lines
                .next_filled(number + 1)
                .is_some_and(|next| next < limit && self.lines.indent(next) > self.lines.indent(number))
    }

    fn head(&self, number: usize, limit: usize) -> Option<Head<'a>> {
        let piece = self.lines.piece(number);
        if is_result(self.kind) {
            return Some(self.result_head(piece, number, limit));
        }
        if is_exception(self.kind) {
            return self.exception_head(piece, number, limit);
        }
        let piece = if piece.text.starts_with("- ") || piece.text.starts_with("* ") {
            piece.from(2).trim_start()
        } else {
            piece
        };
        let (names, rest) = names::read(piece)?;
        let mut rest = rest.trim_start();
        // `Note: text` at the column of the entries is a remark.
        if let [name] = names.as_slice()
            && name.name.starts_with(char::is_uppercase)
            && (kind_of(&name.name).is_some() || begins_remark(&name.name) && rest.text.starts_with(':'))
        {
            return None;
        }
        let mut default = None;
        if let Some(value) = rest.strip("=").filter(|value| !value.text.starts_with('=')) {
            // SciPy and others write `x=5 : int`.
            let end = top_level(value.text, |_, character| character == ':').unwrap_or(value.text.len());
            let stated = value.to(end).trim();
            default =
                (!stated.is_empty()).then(|| DefaultMention { value: stated.text.to_owned(), span: stated.span() });
            rest = value.from(end).trim_start();
        }
        let bare = Head { names, default, type_line: None, type_text: None, description: None, next: number + 1 };
        if self.kind == EntryKind::Method && rest.text.starts_with('(') {
            return Some(bare);
        }
        if let Some(after) = rest.strip(":") {
            (!after.text.starts_with([':', '/'])).then_some(())?;
            let (line, next) = self.type_line(after, number, limit);
            return Some(Head { type_line: Some(line), next, ..bare });
        }
        if rest.text.starts_with('(') {
            let length = crate::docstring::scan::balanced(rest.text)?;
            let after = rest.from(length).trim_start();
            let description = after.strip(":").map(Piece::trim_start);
            (after.is_empty() || description.is_some()).then_some(())?;
            let mut line = Flow::default();
            line.push(rest.to(length - 1).from(1));
            return Some(Head {
                type_line: Some(line),
                description: description.filter(|text| !text.is_empty()),
                ..bare
            });
        }
        if let Some(note) = rest.strip(",") {
            let mut line = Flow::default();
            line.push(note);
            return Some(Head { type_line: Some(line), ..bare });
        }
        if let Some(text) = rest.strip("- ") {
            return Some(Head { description: Some(text.trim_start()), ..bare });
        }
        let placeholder = bare.names.iter().any(|name| is_placeholder(&name.name));
        (rest.is_empty() && !placeholder).then_some(bare)
    }

    /// The type behind the colon; it goes on below a backslash, a comma or an open bracket.
    fn type_line(&self, piece: Piece<'a>, number: usize, limit: usize) -> (Flow, usize) {
        let mut flow = Flow::default();
        let mut piece = piece.trim();
        let mut next = number + 1;
        let column = self.lines.indent(number);
        loop {
            let joined = piece.text.ends_with('\\');
            flow.push(piece.to(piece.text.trim_end_matches('\\').len()));
            let open = unclosed(&flow.text);
            let comma = flow.text.ends_with(',');
            if !(joined || open || comma)
                || next >= limit
                || self.lines.blank(next)
                || self.lines.indent(next) <= column
                || next > number + 8
            {
                break;
            }
            if open
                && !joined
                && !comma
                && !(next..limit.min(number + 9)).any(|at| self.lines.text(at).contains([')', ']', '}']))
            {
                break;
            }
            piece = self.lines.piece(next);
            next += 1;
        }
        (flow, next)
    }

    fn result_head(&self, piece: Piece<'a>, number: usize, limit: usize) -> Head<'a> {
        let bare = Head {
            names: Vec::new(),
            default: None,
            type_line: None,
            type_text: None,
            description: None,
            next: number + 1,
        };
        let deeper = self.deeper_follows(number, limit);
        if let Some((names, rest)) = names::read(piece) {
            let colon = rest.trim_start().strip(":").filter(|after| after.is_empty() || after.text.starts_with(' '));
            if let Some(after) = colon
                && (rest.text.starts_with(' ') || deeper || after.is_empty())
            {
                let (line, next) = self.type_line(after, number, limit);
                return Head { names, type_line: Some(line), next, ..bare };
            }
        }
        let (type_text, rest) = result_type(piece);
        if type_text.is_some() && !rest.is_empty() {
            return Head { type_text, description: Some(rest), ..bare };
        }
        if deeper || is_type_like(piece.text) {
            let (line, next) = self.type_line(piece, number, limit);
            return Head { type_line: Some(line), next, ..bare };
        }
        Head { description: Some(piece), ..bare }
    }

    fn exception_head(&self, piece: Piece<'a>, number: usize, limit: usize) -> Option<Head<'a>> {
        let piece = if piece.text.starts_with("- ") || piece.text.starts_with("* ") {
            piece.from(2).trim_start()
        } else {
            piece
        };
        let (names, rest) =
            names::exceptions(piece).filter(|(names, _)| !names.iter().any(|name| is_placeholder(&name.name)))?;
        let rest = rest.trim_start();
        let bare = Head { names, default: None, type_line: None, type_text: None, description: None, next: number + 1 };
        if rest.is_empty() {
            return Some(bare);
        }
        if let Some(after) = rest.strip(":").or_else(|| rest.strip("- ")) {
            return Some(Head { description: Some(after.trim_start()).filter(|text| !text.is_empty()), ..bare });
        }
        let likely = bare.names.iter().all(|name| names::looks_like_exception(&name.name));
        (likely || self.deeper_follows(number, limit) && !rest.text.contains(' '))
            .then_some(Head { description: Some(rest), ..bare })
    }
}

/// Whether a bracket stays open.
fn unclosed(text: &str) -> bool {
    let mut depth = 0isize;
    for character in text.chars() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
    }
    depth > 0
}
