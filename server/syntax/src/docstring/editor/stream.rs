//! The rows of the new comment in a line, and the blank rows between them.
//!
//! Blank rows that nothing has happened next to stay as they are. Where rows went away or came in, no double blank row stays, none
//! at the end, and new rows get the distance that they ask for.

use super::rows::{Row, Sheet};
use crate::docstring::Docstring;

/// A part of the new comment.
pub(super) enum Piece {
    /// A row.
    Row(Row),
    /// Rows went away here.
    Gone,
    /// At least so many blank rows are wanted here, if rows stand on both sides.
    Gap(usize),
}

/// The rows that are left when blank rows have been put in order.
pub(super) fn settle(pieces: Vec<Piece>, sheet: &Sheet<'_>, doc: &Docstring) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut between = Between::default();
    for piece in pieces {
        match piece {
            Piece::Row(row) if row.is_blank() => between.blanks.push((between.gone, row)),
            Piece::Row(row) => {
                std::mem::take(&mut between).close(&mut rows, Some(&row), sheet, doc);
                rows.push(row);
            }
            Piece::Gone => between.gone += 1,
            Piece::Gap(wanted) => between.gap = Some(between.gap.unwrap_or(0).max(wanted)),
        }
    }
    between.close(&mut rows, None, sheet, doc);
    rows
}

/// What stands between two filled rows.
#[derive(Default)]
struct Between {
    /// Blank rows, each with the number of gone runs before it.
    blanks: Vec<(usize, Row)>,
    gone: usize,
    gap: Option<usize>,
}

impl Between {
    fn close(self, rows: &mut Vec<Row>, below: Option<&Row>, sheet: &Sheet<'_>, doc: &Docstring) {
        let at_edge = rows.is_empty() || below.is_none();
        let wanted = if self.gone > 0 {
            let upper = self.blanks.iter().filter(|(gone, _)| *gone == 0).count();
            let lower = self.blanks.iter().filter(|(gone, _)| *gone == self.gone).count();
            let opens_section =
                upper == 0 && rows.last().zip(below).is_some_and(|(above, below)| begins(above, below, doc));
            if at_edge || opens_section { 0 } else { upper.max(lower) }
        } else {
            self.blanks.len()
        };
        let wanted = if at_edge { wanted } else { wanted.max(self.gap.unwrap_or(0)) };
        // Of the blank rows that are there, those nearest to the lower neighbour stay.
        let surplus = self.blanks.len().saturating_sub(wanted);
        let missing = wanted.saturating_sub(self.blanks.len());
        rows.extend(self.blanks.into_iter().skip(surplus).map(|(_, row)| row));
        rows.extend(std::iter::repeat_n(sheet.new_row("", ""), missing));
    }
}

/// Whether `above` is the title of the section in which `below` is an entry.
fn begins(above: &Row, below: &Row, doc: &Docstring) -> bool {
    let (Some(above), Some(below)) = (above.line, below.line) else { return false };
    doc.sections.iter().any(|section| section.header.contains(&above) && section.lines.contains(&below))
}
