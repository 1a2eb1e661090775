//! The change log of a document: what was replaced by what, version by version, so that an edit computed from an older text can still be made.

use std::collections::VecDeque;
use syntax::extract::TreeEdit;
use syntax::text::{Span, TextEdit};

/// How many splices are remembered; an edit from further back is refused.
const CAPACITY: usize = 2048;

/// The document moved on, and the edit cannot be made any more: the protocol's "content modified".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The range of the edit was changed meanwhile.
    #[error("The text to be edited was changed meanwhile; run the action again.")]
    Touched,
    /// The version is too old, or was never there.
    #[error("The document changed too much since the edit was prepared; run the action again.")]
    Forgotten,
}

/// What happened to one document.
#[derive(Clone, Debug)]
pub struct ChangeLog {
    /// Each splice with the revision that it led to, oldest first.
    splices: VecDeque<(u64, TreeEdit)>,
    /// Revisions from here on can be rebased.
    oldest: u64,
}

impl ChangeLog {
    /// Begins at `revision`.
    pub fn new(revision: u64) -> Self {
        Self { splices: VecDeque::new(), oldest: revision }
    }

    /// Adds what led to `revision`.
    pub fn push(&mut self, revision: u64, splice: TreeEdit) {
        self.splices.push_back((revision, splice));
        while self.splices.len() > CAPACITY {
            if let Some((revision, _)) = self.splices.pop_front() {
                self.oldest = self.oldest.max(revision);
            }
        }
    }

    /// What happened after `revision`; `None` where that is not known any more.
    pub fn since(&self, revision: u64) -> Option<impl Iterator<Item = TreeEdit> + '_> {
        self.between(revision, u64::MAX)
    }

    fn between(&self, from: u64, to: u64) -> Option<impl Iterator<Item = TreeEdit> + '_> {
        (from >= self.oldest).then(|| {
            let place = |revision| self.splices.partition_point(|(led_to, _)| *led_to <= revision);
            let first = place(from);
            self.splices.range(first..place(to).max(first)).map(|(_, splice)| *splice)
        })
    }

    /// Where a place of revision `from` lies in the later revision `to`.
    ///
    /// # Errors
    /// If something was changed inside of it, or `from` is not remembered.
    pub fn carry(&self, place: Span, from: u64, to: u64) -> Result<Span, Conflict> {
        let mut splices = self.between(from, to).ok_or(Conflict::Forgotten)?;
        splices.try_fold(place, |place, splice| shift_around(place, splice).ok_or(Conflict::Touched))
    }

    /// Moves edits made for `revision` to the text of now, and with them the places that they rely on. All of them hold, or none.
    ///
    /// # Errors
    /// If the range of an edit was touched, its borders included, if something was changed inside a place relied on, or if the
    /// revision is not remembered.
    pub fn rebase(&self, edits: &[TextEdit], relied_on: &[Span], revision: u64) -> Result<Rebased, Conflict> {
        let mut spans: Vec<Span> = edits.iter().map(|edit| edit.span).collect();
        let mut relied_on = relied_on.to_vec();
        for splice in self.since(revision).ok_or(Conflict::Forgotten)? {
            for span in &mut spans {
                *span = shift(*span, splice).ok_or(Conflict::Touched)?;
            }
            for span in &mut relied_on {
                *span = shift_around(*span, splice).ok_or(Conflict::Touched)?;
            }
        }
        let edits = edits.iter().zip(spans).map(|(edit, span)| TextEdit::replace(span, edit.text.clone())).collect();
        Ok(Rebased { edits, relied_on })
    }
}

/// Edits that fit the text of now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebased {
    /// The edits.
    pub edits: Vec<TextEdit>,
    /// The places that they rely on.
    pub relied_on: Vec<Span>,
}

/// Where `span` lies after `splice`; `None` where the splice touches it. Borders count: text typed right at the place of
/// an insert changes what the insert would mean, so it is refused rather than guessed.
pub fn shift(span: Span, splice: TreeEdit) -> Option<Span> {
    if span.end < splice.start_byte || span.start > splice.old_end_byte { shift_around(span, splice) } else { None }
}

/// The same for a place that is only relied on: what happens at its borders does not concern it.
fn shift_around(span: Span, splice: TreeEdit) -> Option<Span> {
    if span.end <= splice.start_byte {
        Some(span)
    } else if span.start >= splice.old_end_byte {
        let moved = |offset: usize| offset - splice.old_end_byte + splice.new_end_byte;
        Some(Span::new(moved(span.start), moved(span.end)))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syntax::text::apply_edits;

    fn splice(start: usize, old_end: usize, new_end: usize) -> TreeEdit {
        TreeEdit {
            start_byte: start,
            old_end_byte: old_end,
            new_end_byte: new_end,
            start_point: (0, start),
            old_end_point: (0, old_end),
            new_end_point: (0, new_end),
        }
    }

    fn log_of(splices: &[(u64, usize, usize, usize)]) -> ChangeLog {
        let mut log = ChangeLog::new(1);
        for &(version, start, old_end, new_end) in splices {
            log.push(version, splice(start, old_end, new_end));
        }
        log
    }

    #[test]
    fn an_edit_moves_with_what_was_typed_before_it() {
        // "abc def" -> "Xabc def" -> "Xabc"
        let log = log_of(&[(2, 0, 0, 1), (3, 4, 8, 4)]);
        let edits = vec![TextEdit::replace(Span::new(0, 0), "!"), TextEdit::replace(Span::new(1, 2), "B")];
        assert_eq!(
            log.rebase(&edits[1..], &[], 1).map(|moved| apply_edits("Xabc", &moved.edits)),
            Ok(Some("XaBc".into()))
        );
        assert_eq!(log.rebase(&edits, &[], 1), Err(Conflict::Touched), "typing where the insert goes is a conflict");
        assert_eq!(log.rebase(&edits, &[], 3).map(|moved| moved.edits), Ok(edits));
    }

    #[test]
    fn a_place_is_carried_from_one_revision_to_another() {
        let log = log_of(&[(2, 0, 0, 3), (3, 10, 12, 10), (4, 0, 0, 1)]);
        assert_eq!(log.carry(Span::new(4, 6), 1, 2), Ok(Span::new(7, 9)), "what came later does not count");
        assert_eq!(log.carry(Span::at(20), 1, 4), Ok(Span::at(22)));
        assert_eq!(log.carry(Span::new(7, 9), 1, 3), Err(Conflict::Touched));
        assert_eq!(log.carry(Span::at(5), 0, 4), Err(Conflict::Forgotten));
        assert_eq!(log.carry(Span::at(5), 4, 4), Ok(Span::at(5)));
    }

    #[test]
    fn an_edit_whose_range_changed_is_refused_whole() {
        let log = log_of(&[(2, 5, 6, 6)]);
        let far = TextEdit::insert(20, "x");
        for span in [Span::new(4, 7), Span::new(5, 5), Span::new(6, 9), Span::new(0, 5)] {
            let edits = [far.clone(), TextEdit::replace(span, "y")];
            assert_eq!(log.rebase(&edits, &[], 1), Err(Conflict::Touched), "{span:?}");
        }
        assert_eq!(log.rebase(std::slice::from_ref(&far), &[], 1).map(|moved| moved.edits), Ok(vec![far]));
    }

    #[test]
    fn an_edit_falls_with_what_it_relies_on_but_not_with_its_neighbours() {
        let log = log_of(&[(2, 5, 6, 8), (3, 20, 20, 21)]);
        let edits = [TextEdit::insert(12, "x")];
        let rebase = |start, end| log.rebase(&edits, &[Span::new(start, end)], 1).map(|moved| moved.relied_on);
        assert_eq!(rebase(6, 18), Ok(vec![Span::new(8, 20)]), "typed right before and right behind it");
        assert_eq!(rebase(5, 10), Err(Conflict::Touched));
        assert_eq!(rebase(6, 19), Err(Conflict::Touched));
        assert_eq!(rebase(0, 5), Ok(vec![Span::new(0, 5)]));
    }

    #[test]
    fn versions_that_are_not_remembered_are_refused() {
        let mut log = ChangeLog::new(1);
        for version in 2..(CAPACITY as u64 + 12) {
            log.push(version, splice(0, 0, 1));
        }
        assert_eq!(log.rebase(&[], &[], 1), Err(Conflict::Forgotten));
        assert_eq!(log.rebase(&[], &[], 0), Err(Conflict::Forgotten));
        assert_eq!(log.rebase(&[], &[], 11), Ok(Rebased::default()));
    }
}
