//! The smallest edits that turn the old lines of a comment into the new ones.

use crate::text::{Span, TextEdit};

/// Above this many pairs of lines the middle is replaced as a whole rather than compared line by line.
const MOST_PAIRS: usize = 4_000_000;

/// The edits that turn `old`, which begins at byte `offset`, into `new`: sorted, none overlapping, none with equal ends.
pub(super) fn edits(old: &str, new: &str, offset: usize) -> Vec<TextEdit> {
    let (olds, news) = (lines(old), lines(new));
    let head = olds.iter().zip(&news).take_while(|(a, b)| a == b).count();
    let most = olds.len().min(news.len()) - head;
    let tail = olds.iter().rev().zip(news.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let old_middle = olds.get(head..olds.len() - tail).unwrap_or(&[]);
    let new_middle = news.get(head..news.len() - tail).unwrap_or(&[]);
    let mut at = offset + olds.iter().take(head).map(|line| line.len()).sum::<usize>();
    let mut result = Vec::new();
    for (gone, come) in hunks(old_middle, new_middle) {
        let same: usize = gone.0.iter().map(|line| line.len()).sum();
        at += same;
        if gone.1.len() == come.len() {
            for (from, to) in gone.1.iter().zip(come) {
                push(&mut result, from, to, at);
                at += from.len();
            }
        } else {
            let (from, to) = (gone.1.concat(), come.concat());
            push(&mut result, &from, &to, at);
            at += from.len();
        }
    }
    result
}

/// Lines with their line breaks.
fn lines(text: &str) -> Vec<&str> {
    let mut result = Vec::new();
    let mut start = 0;
    let bytes = text.as_bytes();
    for at in memchr::memchr2_iter(b'\n', b'\r', bytes) {
        if bytes.get(at) == Some(&b'\r') && bytes.get(at + 1) == Some(&b'\n') {
            continue;
        }
        result.push(text.get(start..at + 1).unwrap_or(""));
        start = at + 1;
    }
    result.push(text.get(start..).unwrap_or(""));
    result
}

type Hunk<'l, 't> = ((&'l [&'t str], &'l [&'t str]), &'l [&'t str]);

/// Runs of changed lines: the equal lines before, the lines that go, the lines that come.
fn hunks<'l, 't>(old: &'l [&'t str], new: &'l [&'t str]) -> Vec<Hunk<'l, 't>> {
    if old.len().saturating_mul(new.len()) > MOST_PAIRS {
        return vec![((&[], old), new)];
    }
    let width = new.len() + 1;
    let mut best = vec![0u32; (old.len() + 1) * width];
    let score = |best: &[u32], a: usize, b: usize| best.get(a * width + b).copied().unwrap_or(0);
    for (a, left) in old.iter().enumerate().rev() {
        for (b, right) in new.iter().enumerate().rev() {
            let value = if left == right {
                score(&best, a + 1, b + 1) + 1
            } else {
                score(&best, a + 1, b).max(score(&best, a, b + 1))
            };
            if let Some(cell) = best.get_mut(a * width + b) {
                *cell = value;
            }
        }
    }
    let mut result = Vec::new();
    let (mut a, mut b) = (0, 0);
    while a < old.len() || b < new.len() {
        let equal_from = a;
        while let (Some(left), Some(right)) = (old.get(a), new.get(b))
            && left == right
        {
            a += 1;
            b += 1;
        }
        let (gone_from, come_from) = (a, b);
        while a < old.len() || b < new.len() {
            match (old.get(a), new.get(b)) {
                (Some(left), Some(right)) if left == right => break,
                (Some(_), Some(_)) if score(&best, a + 1, b) >= score(&best, a, b + 1) => a += 1,
                (Some(_), None) => a += 1,
                _ => b += 1,
            }
        }
        let part = |lines: &'l [&'t str], from: usize, to: usize| lines.get(from..to).unwrap_or(&[]);
        result.push(((part(old, equal_from, gone_from), part(old, gone_from, a)), part(new, come_from, b)));
    }
    result
}

/// Adds the edit from `from` to `to`, without the characters that both begin and end with.
fn push(edits: &mut Vec<TextEdit>, from: &str, to: &str, at: usize) {
    if from == to {
        return;
    }
    let mut head: usize = from.chars().zip(to.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    // A line break of two characters is not taken apart.
    if from.get(..head).is_some_and(|same| same.ends_with('\r')) {
        head -= 1;
    }
    let (from_rest, to_rest) = (from.get(head..).unwrap_or(""), to.get(head..).unwrap_or(""));
    let same_end = from_rest.chars().rev().zip(to_rest.chars().rev()).take_while(|(a, b)| a == b);
    let mut tail: usize = same_end.map(|(a, _)| a.len_utf8()).sum();
    let splits = |text: &str| text.get(..text.len() - tail).is_some_and(|left| left.ends_with('\r'));
    if from_rest.get(from_rest.len() - tail..).is_some_and(|same| same.starts_with('\n'))
        && (splits(from_rest) || splits(to_rest))
    {
        tail -= 1;
    }
    let span = Span::new(at + head, at + from.len() - tail);
    edits.push(TextEdit::replace(span, to_rest.get(..to_rest.len() - tail).unwrap_or("")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::apply_edits;
    use proptest::prelude::*;

    #[test]
    fn only_the_changed_word_is_replaced() {
        let found = edits("a\r\nold é b\r\nc", "a\r\nnew é b\r\nc", 10);
        assert_eq!(found, [TextEdit::replace(Span::new(13, 16), "new")]);
    }

    #[test]
    fn a_moved_line_is_taken_out_and_put_in() {
        let found = edits("a\nb\nc\n", "b\nc\na\n", 0);
        assert_eq!(found, [TextEdit::replace(Span::new(0, 2), ""), TextEdit::insert(6, "a\n")]);
    }

    proptest! {
        #[test]
        fn applying_the_edits_gives_the_new_text(old in "[ab\r\né]{0,24}", new in "[ab\r\né]{0,24}") {
            prop_assert_eq!(apply_edits(&old, &edits(&old, &new, 0)), Some(new));
        }
    }
}
