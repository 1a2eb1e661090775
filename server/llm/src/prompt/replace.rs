//! Replaces many words of a text in one pass, as if one were replaced after the other. What is put in is not looked at again.

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, PatternID};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

/// So few words are looked for one by one: that is faster, and nothing has to be built before.
const FEW: usize = 16;

/// Words, each with what takes its place.
pub(super) struct Replacer {
    /// Earlier words are replaced before later ones.
    pairs: Vec<(Arc<str>, Arc<str>)>,
    /// Finds them all at once, with the state in which it begins; nothing where they are looked for one by one.
    finder: Option<(NFA, StateID)>,
}

impl Replacer {
    /// Replaces the first of each pair by the second. No word is empty.
    pub fn new(pairs: Vec<(Arc<str>, Arc<str>)>) -> Self {
        Self::with_finder_above(FEW, pairs)
    }

    fn with_finder_above(few: usize, pairs: Vec<(Arc<str>, Arc<str>)>) -> Self {
        let finder = if pairs.len() > few { finder(&pairs) } else { None };
        Self { pairs, finder }
    }

    /// The text with other words.
    pub fn replace<'a>(&self, text: Cow<'a, str>) -> Cow<'a, str> {
        let Some((finder, start)) = &self.finder else { return self.one_by_one(text) };
        let places = places(finder, *start, &text);
        if places.is_empty() {
            return text;
        }
        let mut new = String::with_capacity(text.len());
        let mut at = 0;
        for (begin, (end, word)) in places {
            new.push_str(text.get(at..begin).unwrap_or(""));
            new.push_str(self.pairs.get(word.as_usize()).map_or("", |(_, with)| &**with));
            at = end;
        }
        new.push_str(text.get(at..).unwrap_or(""));
        Cow::Owned(new)
    }

    /// Whether any of the words stands in a text.
    pub fn finds(&self, text: &str) -> bool {
        let Some((finder, start)) = &self.finder else {
            return self.pairs.iter().any(|(word, _)| text.contains(&**word));
        };
        let mut state = *start;
        text.bytes().any(|byte| {
            state = finder.next_state(Anchored::No, state, byte);
            finder.is_match(state)
        })
    }

    fn one_by_one<'a>(&self, mut text: Cow<'a, str>) -> Cow<'a, str> {
        for (word, with) in &self.pairs {
            if text.contains(&**word) {
                text = Cow::Owned(text.replace(&**word, with));
            }
        }
        text
    }
}

/// Numbers the words in their order. Nothing where they are too many to be built in: they are replaced one by one then, so that no secret stays.
fn finder(pairs: &[(Arc<str>, Arc<str>)]) -> Option<(NFA, StateID)> {
    let finder = NFA::builder().prefilter(false).build(pairs.iter().map(|(word, _)| word.as_bytes())).ok()?;
    let start = finder.start_state(Anchored::No).ok()?;
    Some((finder, start))
}

/// A place where a word stands: which word, its beginning, its end, and the state there, which tells all words that end at it.
type Place = (PatternID, usize, usize, StateID);

/// Where words are replaced, by their beginnings, each with its end.
///
/// Replacing one word after the other takes earlier words before later ones, each from left to right, and nothing that overlaps what was taken.
/// So does this. For each place where words end, the earliest of these words waits. Where it overlaps what was taken before its turn came, the
/// earliest of the shorter ones that do not waits instead.
fn places(finder: &NFA, start: StateID, text: &str) -> BTreeMap<usize, (usize, PatternID)> {
    let first = |state: StateID, from: usize, end: usize| -> Option<Reverse<Place>> {
        let words = (0..finder.match_len(state)).map(|index| finder.match_pattern(state, index));
        let begun = words.filter_map(|word| Some((word, end.checked_sub(finder.pattern_len(word))?)));
        let (word, begin) = begun.filter(|(_, begin)| *begin >= from).min()?;
        Some(Reverse((word, begin, end, state)))
    };
    let mut waiting: BinaryHeap<Reverse<Place>> = BinaryHeap::new();
    let mut state = start;
    for (at, byte) in text.bytes().enumerate() {
        state = finder.next_state(Anchored::No, state, byte);
        if finder.is_match(state) {
            waiting.extend(first(state, 0, at + 1));
        }
    }
    let mut taken: BTreeMap<usize, (usize, PatternID)> = BTreeMap::new();
    while let Some(Reverse((word, begin, end, state))) = waiting.pop() {
        // None of those taken overlaps another, so only the last one that begins before this end can overlap this place.
        let before = taken.range(..end).next_back().map(|(_, &(other, _))| other);
        match before {
            // It covers the last byte here, so no shorter word fits either.
            Some(other) if other >= end => {}
            Some(other) if other > begin => waiting.extend(first(state, other, end)),
            _ => {
                taken.insert(begin, (end, word));
            }
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn replacer(pairs: &[(String, String)], few: usize) -> Replacer {
        let pairs = pairs.iter().map(|(word, with)| (word.as_str().into(), with.as_str().into())).collect();
        Replacer::with_finder_above(few, pairs)
    }

    /// The plain way.
    fn one_after_the_other(pairs: &[(String, String)], text: &str) -> String {
        pairs.iter().fold(text.to_owned(), |text, (word, with)| text.replace(word.as_str(), with))
    }

    /// What takes the place of each word has no character of any word.
    fn numbered(words: &[&str]) -> Vec<(String, String)> {
        words.iter().enumerate().map(|(number, word)| ((*word).to_owned(), format!("<{number}>"))).collect()
    }

    #[test]
    fn earlier_words_are_replaced_first_and_what_overlaps_them_is_not() {
        for (words, text, expected) in [
            (&["abcd", "bc", "a"][..], "abcd abc bc", "<0> <2><1> <1>"),
            (&["bc", "abcd"], "abcd", "a<0>d"),
            (&["cd", "abc", "ab"], "abcd", "<2><0>"),
            (&["cdef", "abcd", "b", "ab"], "abcdef", "a<2><0>"),
            (&["aa"], "aaaaa", "<0><0>a"),
            (&["é", "éa"], "éaé", "<0>a<0>"),
            (&["x"], "", ""),
            (&["x"], "abc", "abc"),
        ] {
            let pairs = numbered(words);
            assert_eq!(one_after_the_other(&pairs, text), expected);
            for few in [0, FEW] {
                assert_eq!(replacer(&pairs, few).replace(Cow::Borrowed(text)), expected, "{words:?}");
            }
        }
    }

    #[test]
    fn few_words_need_nothing_to_be_built_and_what_stays_is_not_copied() {
        let words: Vec<String> = (0..=FEW).map(|number| format!("word{number:02}")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert!(replacer(&numbered(&words[..FEW]), FEW).finder.is_none());
        let many = replacer(&numbered(&words), FEW);
        assert!(many.finder.is_some());
        assert!(matches!(many.replace(Cow::Borrowed("word")), Cow::Borrowed("word")));
        assert!(matches!(Replacer::new(Vec::new()).replace(Cow::Borrowed("word")), Cow::Borrowed("word")));
    }

    proptest! {
        #[test]
        fn all_at_once_is_the_same_as_one_after_the_other(
            words in prop::collection::vec("[abé]{1,5}", 1..14),
            text in "[abé]{0,60}",
        ) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let pairs = numbered(&words);
            let made = replacer(&pairs, 0);
            prop_assert_eq!(made.replace(Cow::Borrowed(text.as_str())), one_after_the_other(&pairs, &text));
            prop_assert_eq!(made.finds(&text), words.iter().any(|word| text.contains(word)));
        }
    }
}
