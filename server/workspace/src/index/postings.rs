//! Which files have a word: an inverted index that stays sorted while files come, change and go.
//!
//! Words are known by a hash, so that an answer may name a file too many, and never one too few. What is added waits in a short list until it is
//! worth sorting in (a log-structured merge of two levels; O'Neil et al. 1996), and a file that changed gets a new number: what stands under its
//! old one is dropped with the next merge.

use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Postings that wait at least, before they are sorted in.
const WAITING: usize = 1 << 14;
/// Beyond it, a share of those that are sorted: the larger these are, the less often they are moved.
const SHARE: usize = 16;

/// A word by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Word(u32);

/// What a file does with a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Use {
    Defines,
    Calls,
}

impl Word {
    pub fn new(usage: Use, name: &str) -> Self {
        let mut hasher = FxHasher::default();
        (usage, name).hash(&mut hasher);
        // The upper bits of this hash are the mixed ones.
        Self((hasher.finish() >> 32) as u32)
    }
}

/// A file by its number.
pub(super) type Number = u32;

/// Words, and the files that have them.
#[derive(Debug, Default)]
pub(super) struct Postings {
    sorted: Vec<(Word, Number)>,
    waiting: Vec<(Word, Number)>,
    files: Vec<Option<Arc<str>>>,
    /// Numbers that stand nowhere.
    free: Vec<Number>,
    /// Numbers of files that are gone, which may still stand somewhere.
    gone: Vec<Number>,
}

impl Postings {
    /// Adds a file with its words; it is known by the number from now on.
    pub fn add(&mut self, file: &Arc<str>, words: &[Word]) -> Number {
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                self.files.push(None);
                (self.files.len() - 1) as Number
            }
        };
        if let Some(place) = self.files.get_mut(number as usize) {
            *place = Some(file.clone());
        }
        self.waiting.extend(words.iter().map(|word| (*word, number)));
        if self.waiting.len() > WAITING.max(self.sorted.len() / SHARE) {
            self.merge();
        }
        number
    }

    /// Forgets the file of a number.
    pub fn remove(&mut self, number: Number) {
        if self.files.get_mut(number as usize).is_some_and(|place| place.take().is_some()) {
            self.gone.push(number);
        }
    }

    /// The files that have any of the words, each as often as it has one.
    pub fn having<'a>(&'a self, words: &[Word]) -> Vec<&'a Arc<str>> {
        let mut wanted = words.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let mut numbers = Vec::new();
        for word in &wanted {
            let first = self.sorted.partition_point(|(known, _)| known < word);
            // Those before `first` are of smaller words.
            let of_word = self.sorted.iter().skip(first).take_while(|(known, _)| known == word);
            numbers.extend(of_word.map(|(_, number)| *number));
        }
        let is_wanted = |(word, _): &&(Word, Number)| wanted.binary_search(word).is_ok();
        numbers.extend(self.waiting.iter().filter(is_wanted).map(|(_, number)| *number));
        numbers.into_iter().filter_map(|number| self.files.get(number as usize)?.as_ref()).collect()
    }

    fn merge(&mut self) {
        let files = &self.files;
        let is_there = |(_, number): &(Word, Number)| files.get(*number as usize).is_some_and(Option::is_some);
        self.waiting.retain(is_there);
        self.sorted.retain(is_there);
        self.sorted.append(&mut self.waiting);
        // Two runs that are nearly sorted: the standard sort finds and merges them.
        self.sorted.sort();
        self.sorted.shrink_to(self.sorted.len() + self.sorted.len() / SHARE);
        self.free.append(&mut self.gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// After many files came, changed and went, the answers are those of a plain list.
    #[test]
    fn what_is_found_is_what_is_there() {
        let mut postings = Postings::default();
        let mut plain: BTreeMap<String, (Number, Vec<u32>)> = BTreeMap::new();
        let mut random: u64 = 7;
        let mut next = |most: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % most
        };
        for _ in 0..4_000 {
            let file = format!("f{}", next(300));
            if let Some((number, _)) = plain.remove(&file) {
                postings.remove(number);
                postings.remove(number);
            }
            if next(4) > 0 {
                let words: Vec<u32> = (0..next(40)).map(|_| next(500) as u32).collect();
                let number = postings.add(&file.as_str().into(), &words.iter().copied().map(Word).collect::<Vec<_>>());
                plain.insert(file, (number, words));
            }
        }
        assert!(!postings.sorted.is_empty() && !postings.waiting.is_empty(), "both levels are looked at");
        assert!(postings.files.len() < 2_000, "numbers are used again: {}", postings.files.len());
        for word in 0..500 {
            let mut found: Vec<&str> = postings.having(&[Word(word)]).into_iter().map(|file| &**file).collect();
            found.sort_unstable();
            found.dedup();
            let there = plain.iter().filter(|(_, (_, words))| words.contains(&word)).map(|(file, _)| file.as_str());
            assert_eq!(found, there.collect::<Vec<_>>());
        }
        assert!(postings.having(&[]).is_empty());
    }
}
