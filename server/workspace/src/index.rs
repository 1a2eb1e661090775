//! What is known of all files seen so far: where names are defined, which documentation style each language mostly has, and which unknown tags are in use.
//!
//! Filled from models; it reads no file itself. Each file's part is replaced whole, so nothing stale stays.

mod postings;

use postings::{Number, Postings, Use, Word};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};
use std::hash::BuildHasher;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use syntax::docstring::{DocProblemKind, DocStyle};
use syntax::model::{FileModel, SymbolKind};
use syntax::text::{Position, PositionEncoding};

/// A tag that is used this often is a custom of the house and no typing error.
const CUSTOM_TAG_USES: u32 = 3;

/// One symbol that can be found by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its own name.
    pub name: Box<str>,
    /// Path of the owner; empty at the top level.
    pub container: Box<str>,
    /// What it is.
    pub kind: SymbolKind,
    /// Beginning of the name, in the encoding given when it was indexed.
    pub start: Position,
    /// End of the name.
    pub end: Position,
}

/// What one file adds to the index.
#[derive(Clone, Debug, Default)]
pub struct FileRecord {
    language: &'static str,
    places: Vec<Place>,
    /// What it defines and what it calls without defining it, until the index has taken it in.
    words: Vec<Word>,
    styles: Vec<(DocStyle, u32)>,
    unknown_tags: Vec<Box<str>>,
}

impl FileRecord {
    /// Reads the part of one file from its model.
    pub fn of(model: &FileModel, encoding: PositionEncoding) -> Self {
        let mut record = Self::customs_of(model);
        for symbol in &model.symbols {
            if !symbol.name.is_empty() && symbol.kind != SymbolKind::Module && symbol.kind != SymbolKind::Impl {
                let container = symbol.path.strip_suffix(symbol.name.as_str()).unwrap_or("").trim_end_matches('.');
                record.words.push(Word::new(Use::Defines, &symbol.name));
                record.places.push(Place {
                    name: symbol.name.as_str().into(),
                    container: container.into(),
                    kind: symbol.kind,
                    start: model.lines.position(&model.text, symbol.name_span.start, encoding),
                    end: model.lines.position(&model.text, symbol.name_span.end, encoding),
                });
            }
        }
        let mut called: FxHashSet<&str> = called_names(&model.text).collect();
        model.symbols.iter().for_each(|symbol| _ = called.remove(symbol.name.as_str()));
        called.retain(|name| !model.language.is_builtin(name));
        record.words.extend(called.into_iter().map(|name| Word::new(Use::Calls, name)));
        record.words.sort_unstable();
        record.words.dedup();
        record
    }

    /// Reads only the customs that a file follows; no symbol can be found by it.
    pub fn customs_of(model: &FileModel) -> Self {
        let mut record = Self { language: model.language.id, ..Self::default() };
        for symbol in &model.symbols {
            let Some(doc) = &symbol.doc else { continue };
            if doc.style != DocStyle::Plain {
                match record.styles.iter_mut().find(|(style, _)| *style == doc.style) {
                    Some((_, count)) => *count += 1,
                    None => record.styles.push((doc.style, 1)),
                }
            }
            for problem in &doc.problems {
                if let DocProblemKind::UnknownTag { tag, .. } = &problem.kind {
                    record.unknown_tags.push(tag.as_str().into());
                }
            }
        }
        record
    }
}

/// Customs of the repository, as far as it has been seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositoryFacts {
    styles: FxHashMap<&'static str, Vec<(DocStyle, u32)>>,
    tags: FxHashMap<Box<str>, u32>,
}

impl RepositoryFacts {
    /// Counts a file in.
    pub fn add(&mut self, record: &FileRecord) {
        let styles = self.styles.entry(record.language).or_default();
        for (style, count) in &record.styles {
            match styles.iter_mut().find(|(known, _)| known == style) {
                Some((_, total)) => *total += count,
                None => styles.push((*style, *count)),
            }
        }
        for tag in &record.unknown_tags {
            *self.tags.entry(tag.clone()).or_default() += 1;
        }
    }

    /// The style that most structured docstrings of the language have; `None` where there are none, or the first is no clear one.
    pub fn style(&self, language: &str) -> Option<DocStyle> {
        let styles = self.styles.get(language)?;
        let (style, count) = styles.iter().max_by_key(|(style, count)| (*count, std::cmp::Reverse(*style)))?;
        let total: u32 = styles.iter().map(|(_, count)| count).sum();
        (count * 2 > total).then_some(*style)
    }

    /// Whether an unknown tag is used so often that it is meant.
    pub fn is_custom_tag(&self, tag: &str) -> bool {
        self.tags.get(tag).is_some_and(|&uses| uses >= CUSTOM_TAG_USES)
    }

    /// All tags for which [`Self::is_custom_tag`] holds, sorted.
    pub fn custom_tags(&self) -> Vec<&str> {
        let mut tags: Vec<&str> = self.tags.keys().map(|tag| &**tag).filter(|tag| self.is_custom_tag(tag)).collect();
        tags.sort_unstable();
        tags
    }
}

/// The names that stand before an opening parenthesis.
fn called_names(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices('(').filter_map(move |(at, _)| {
        let before = text.get(..at)?;
        let before = before.strip_suffix('!').unwrap_or(before);
        let start = before.rfind(|character| !is_part(character)).map_or(0, |last| before.ceil_char_boundary(last + 1));
        let name = before.get(start..)?;
        (name.len() > 1 && !name.starts_with(|first: char| first.is_numeric())).then_some(name)
    })
}

/// A record, and the number of its words.
#[derive(Debug)]
struct Known {
    record: FileRecord,
    words: u64,
    number: Number,
}

#[derive(Debug, Default)]
struct Records {
    files: FxHashMap<Arc<str>, Known>,
    postings: Postings,
}

/// All records, by file.
#[derive(Debug, Default)]
pub struct SymbolIndex {
    records: RwLock<Records>,
}

impl SymbolIndex {
    /// Replaces what is known of a file. Says whether a custom of the repository may have changed.
    pub fn update(&self, uri: &Arc<str>, mut record: FileRecord) -> bool {
        let words = std::mem::take(&mut record.words);
        let print = FxBuildHasher.hash_one(&words);
        let records = &mut *self.write();
        match records.files.get_mut(uri) {
            Some(known) => {
                // Most edits change no name, and then nothing is sorted anew.
                if known.words != print {
                    records.postings.remove(known.number);
                    known.number = records.postings.add(uri, &words);
                    known.words = print;
                }
                let is_same =
                    (&known.record.styles, &known.record.unknown_tags) == (&record.styles, &record.unknown_tags);
                known.record = record;
                !is_same
            }
            None => {
                let number = records.postings.add(uri, &words);
                records.files.insert(uri.clone(), Known { record, words: print, number });
                true
            }
        }
    }

    /// Forgets a file.
    pub fn remove(&self, uri: &str) {
        let records = &mut *self.write();
        if let Some(known) = records.files.remove(uri) {
            records.postings.remove(known.number);
        }
    }

    /// Forgets all files but those to keep.
    pub fn retain(&self, keep: impl Fn(&str) -> bool) {
        let records = &mut *self.write();
        let postings = &mut records.postings;
        records.files.retain(|uri, known| {
            let is_kept = keep(uri);
            if !is_kept {
                postings.remove(known.number);
            }
            is_kept
        });
    }

    /// The files known, sorted.
    pub fn files(&self) -> Vec<Arc<str>> {
        let mut files: Vec<Arc<str>> = self.read().files.keys().cloned().collect();
        files.sort_unstable();
        files
    }

    /// Number of files known.
    pub fn len(&self) -> usize {
        self.read().files.len()
    }

    /// Whether no file is known.
    pub fn is_empty(&self) -> bool {
        self.read().files.is_empty()
    }

    /// Symbols whose name holds the letters of `query` in order, best first: whole name, beginning, part, scattered letters.
    pub fn search(&self, query: &str, limit: usize) -> Vec<(Arc<str>, Place)> {
        let query = query.to_lowercase();
        let records = self.read();
        let records = records.files.iter().map(|(uri, known)| (uri, &known.record));
        let mut found: Vec<(Rank, &Arc<str>, &Place)> = records
            .flat_map(|(uri, record)| record.places.iter().map(move |place| (uri, place)))
            .filter_map(|(uri, place)| Some((rank(&query, &place.name)?, uri, place)))
            .collect();
        found.sort_by(|left, right| {
            (left.0, &left.2.name, left.1, left.2.start).cmp(&(right.0, &right.2.name, right.1, right.2.start))
        });
        found.into_iter().take(limit).map(|(_, uri, place)| (uri.clone(), place.clone())).collect()
    }

    /// The files that define symbols of exactly these names, those with most of them first.
    pub fn defining(&self, names: &[String], limit: usize) -> Vec<Arc<str>> {
        let records = self.read();
        let words: Vec<Word> = names.iter().map(|name| Word::new(Use::Defines, name)).collect();
        let mut files = records.postings.having(&words);
        files.sort_unstable();
        files.dedup();
        let count = |file: &Arc<str>| {
            let places = &records.files.get(file)?.record.places;
            let is_defined = |name: &&String| places.iter().any(|place| *place.name == ***name);
            Some(names.iter().filter(is_defined).count()).filter(|count| *count > 0)
        };
        let mut found: Vec<(usize, Arc<str>)> =
            files.into_iter().filter_map(|file| Some((count(file)?, file.clone()))).collect();
        found.sort_by(|(most, one), (other_most, other)| other_most.cmp(most).then_with(|| one.cmp(other)));
        found.into_iter().take(limit).map(|(_, uri)| uri).collect()
    }

    /// Files that call something of one of these names without defining it: those nearest to `near` in the tree of folders first. A file in a
    /// hundred thousand or so is named wrongly.
    pub fn calling(&self, names: &[String], near: &str, limit: usize) -> Vec<Arc<str>> {
        let records = self.read();
        let words: Vec<Word> = names.iter().map(|name| Word::new(Use::Calls, name)).collect();
        let mut found: Vec<(usize, &Arc<str>)> =
            records.postings.having(&words).into_iter().map(|file| (shared_folders(file, near), file)).collect();
        found.sort_by(|(near, one), (other_near, other)| other_near.cmp(near).then_with(|| one.cmp(other)));
        found.dedup();
        found.into_iter().take(limit).map(|(_, uri)| uri.clone()).collect()
    }

    /// The customs of the repository, over all files known.
    pub fn facts(&self) -> RepositoryFacts {
        let mut facts = RepositoryFacts::default();
        self.read().files.values().for_each(|known| facts.add(&known.record));
        facts
    }

    fn read(&self) -> RwLockReadGuard<'_, Records> {
        self.records.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Records> {
        self.records.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many folders two files have in common, from the root on.
fn shared_folders(one: &str, other: &str) -> usize {
    one.split('/').zip(other.split('/')).take_while(|(one, other)| one == other).count()
}

/// Smaller is better: the sort of match, then the length of what was not asked for.
type Rank = (u8, usize);

fn rank(query: &str, name: &str) -> Option<Rank> {
    let rest = name.len().saturating_sub(query.len());
    let name = name.to_lowercase();
    if name == query {
        return Some((0, 0));
    }
    if let Some(at) = name.find(query) {
        return Some((if at == 0 { 1 } else { 2 }, rest));
    }
    let mut letters = name.chars();
    query.chars().all(|wanted| letters.any(|letter| letter == wanted)).then_some((3, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(names: &[&str], styles: &[(DocStyle, u32)], tags: &[&str]) -> FileRecord {
        let place = |name: &&str| Place {
            name: (*name).into(),
            container: "".into(),
            kind: SymbolKind::Function,
            start: Position::default(),
            end: Position::default(),
        };
        FileRecord {
            language: "python",
            places: names.iter().map(place).collect(),
            words: names.iter().map(|name| Word::new(Use::Defines, name)).collect(),
            styles: styles.to_vec(),
            unknown_tags: tags.iter().map(|tag| (*tag).into()).collect(),
        }
    }

    #[test]
    fn the_best_match_comes_first() {
        let index = SymbolIndex::default();
        index.update(&"a".into(), record(&["reload_config", "config", "configure", "confine_gate", "other"], &[], &[]));
        let names: Vec<String> = index.search("Config", 9).into_iter().map(|(_, place)| place.name.into()).collect();
        assert_eq!(names, ["config", "configure", "reload_config", "confine_gate"]);
        let names: Vec<String> = index.search("cnfnt", 9).into_iter().map(|(_, place)| place.name.into()).collect();
        assert_eq!(names, ["confine_gate"], "only scattered letters");
        assert_eq!(index.search("", 2).len(), 2);
        index.remove("a");
        assert!(index.search("config", 9).is_empty() && index.is_empty());
    }

    #[test]
    fn files_are_found_by_the_names_that_they_define() {
        let index = SymbolIndex::default();
        let many: Vec<String> = (0..400).map(|number| format!("name_{number}")).collect();
        for (number, pair) in many.chunks(2).enumerate() {
            index.update(&format!("f{number}").into(), record(&[&pair[0], &pair[1]], &[], &[]));
        }
        let found = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            index.defining(&names, 9).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(found(&["name_6"]), ["f3"]);
        assert_eq!(found(&["name_2", "name_10", "name_11"]), ["f5", "f1"], "the one with most of them first");
        assert_eq!(found(&["name", "Name_6", "x"]), Vec::<String>::new());
        assert_eq!(index.files().len(), 200);
    }

    #[test]
    fn files_are_found_by_what_they_call_near_ones_first() {
        let index = SymbolIndex::default();
        let python = syntax::language::Language::from_id("python").unwrap();
        let update = |uri: &str, text: &str| {
            let model = syntax::extract::model(python, text.into(), syntax::extract::Depth::Documented);
            index.update(&uri.into(), FileRecord::of(&model, PositionEncoding::Utf8))
        };
        update("w/a/x.py", "import y\n\ndef f():\n    return y.größe(1) + len('a')\n");
        update("w/b/x.py", "print(größe(2))\n");
        update("w/b/own.py", "def größe(x):\n    return größe(x - 1)\n");
        let found = |name: &str, near: &str| {
            index.calling(&[name.to_owned()], near, 9).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(found("größe", "w/b/own.py"), ["w/b/x.py", "w/a/x.py"]);
        assert_eq!(found("größe", "w/a/own.py"), ["w/a/x.py", "w/b/x.py"]);
        assert_eq!(found("len", "w/a/own.py"), Vec::<String>::new(), "of the language");
        update("w/b/x.py", "print(2)\n");
        assert_eq!(found("größe", "w/b/own.py"), ["w/a/x.py"], "what it no longer calls is forgotten");
        index.retain(|uri| uri != "w/a/x.py");
        assert_eq!(found("größe", "w/b/own.py"), Vec::<String>::new());
        assert_eq!(index.defining(&["größe".to_owned()], 9).len(), 1);
    }

    #[test]
    fn a_style_wins_only_with_more_than_half() {
        let index = SymbolIndex::default();
        index.update(&"a".into(), record(&[], &[(DocStyle::Google, 2), (DocStyle::Numpy, 2)], &[]));
        assert_eq!(index.facts().style("python"), None);
        index.update(&"b".into(), record(&[], &[(DocStyle::Numpy, 1)], &[]));
        assert_eq!(index.facts().style("python"), Some(DocStyle::Numpy));
        assert_eq!(index.facts().style("go"), None);
    }

    #[test]
    fn a_tag_used_three_times_is_a_custom() {
        let index = SymbolIndex::default();
        assert!(index.update(&"a".into(), record(&[], &[], &["internal", "internal", "typo"])));
        assert!(!index.facts().is_custom_tag("internal"));
        assert!(index.update(&"b".into(), record(&[], &[], &["internal"])));
        assert!(!index.update(&"b".into(), record(&["x"], &[], &["internal"])));
        assert_eq!(index.facts().custom_tags(), ["internal"]);
    }
}
