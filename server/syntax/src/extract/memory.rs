//! What was read of bodies, kept from one version of a text to the next: an edit changes one body and moves the others.
//!
//! A body is known again by its text and by what its signature says of it, wherever it stands now. Bodies that do not parse are not kept.

use super::body::BodyContext;
use crate::docstring::Docstring;
use crate::model::{BodyFacts, Spanned, ThrowFact};
use crate::text::Span;
use rustc_hash::{FxHashMap, FxHashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

/// A body's text and context, hashed, and its length.
type Key = (u64, usize);

/// What is known of the functions of one document.
#[derive(Debug, Default)]
pub(super) struct FactMemory {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Facts of bodies, with the byte at which each began when it was read.
    facts: FxHashMap<Key, (usize, BodyFacts)>,
    /// Functions that hold no definition.
    plain: FxHashSet<Key>,
    /// Documentation, with the byte at which each began when it was read.
    docs: FxHashMap<Key, (usize, Docstring)>,
}

/// The memory while one model is made: what was known, and what will be known.
#[derive(Default)]
pub(super) struct Recall {
    known: Known,
    kept: Known,
}

impl FactMemory {
    /// Takes what is known; another model made at the same time starts from nothing, which costs only time.
    pub(super) fn recall(&self) -> Recall {
        let known = std::mem::take(&mut *self.known.lock().unwrap_or_else(PoisonError::into_inner));
        Recall { known, kept: Known::default() }
    }

    /// Puts back what the newest model holds; functions that are gone are forgotten.
    pub(super) fn keep(&self, recall: Recall) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = recall.kept;
    }
}

impl Recall {
    /// Whether the function with that source is known to hold no definition, so that it need not be walked.
    pub(super) fn defines_nothing(&mut self, source: &str) -> bool {
        let key = key(source, BodyContext::default());
        let is_known = self.known.plain.contains(&key);
        if is_known {
            self.kept.plain.insert(key);
        }
        is_known
    }

    /// Notes that the function with that source holds no definition.
    pub(super) fn note_that_nothing_is_defined(&mut self, source: &str) {
        self.kept.plain.insert(key(source, BodyContext::default()));
    }

    /// The documentation at `span`: as known, moved to where it stands now, or as `read` now.
    pub(super) fn doc(&mut self, text: &str, span: Span, read: impl FnOnce() -> Docstring) -> Docstring {
        // What stands before it on its line is its indentation, which the reader looks at too.
        let line = text.get(..span.start).and_then(|before| before.rfind(['\n', '\r'])).map_or(0, |at| at + 1);
        let key = key(Span::new(line, span.end).of(text), BodyContext::default());
        let doc = match self.known.docs.remove(&key) {
            Some((start, doc)) => doc.moved(start, span.start),
            None => read(),
        };
        self.kept.docs.insert(key, (span.start, doc.clone()));
        doc
    }

    /// The facts of the body at `span`: as known, moved to where it stands now, or as `read` now.
    pub(super) fn facts(
        &mut self,
        text: &str,
        span: Span,
        context: BodyContext,
        read: impl FnOnce() -> BodyFacts,
    ) -> BodyFacts {
        let key = key(span.of(text), context);
        if let Some((start, facts)) = self.kept.facts.get(&key) {
            return moved(facts.clone(), *start, span.start);
        }
        let facts = match self.known.facts.remove(&key) {
            Some((start, facts)) => moved(facts, start, span.start),
            None => read(),
        };
        self.kept.facts.insert(key, (span.start, facts.clone()));
        facts
    }
}

fn key(source: &str, context: BodyContext) -> Key {
    let mut hasher = DefaultHasher::new();
    (source, context.is_async, context.has_result).hash(&mut hasher);
    (hasher.finish(), source.len())
}

/// The facts of a body that began at `from` and begins at `to` now.
fn moved(mut facts: BodyFacts, from: usize, to: usize) -> BodyFacts {
    if from == to {
        return facts;
    }
    // All spans lie in the body, so that none begins before `from`.
    let shift = |span: &mut Span| *span = Span::new(span.start - from + to, span.end - from + to);
    let shift_spanned = |part: &mut Spanned| shift(&mut part.span);
    for fact in &mut facts.returns {
        shift(&mut fact.span);
        fact.value.iter_mut().for_each(shift_spanned);
    }
    facts.yields.iter_mut().for_each(|fact| shift(&mut fact.span));
    let shift_throw = |fact: &mut ThrowFact| shift(&mut fact.span);
    facts.throws.iter_mut().for_each(shift_throw);
    facts.rejects.iter_mut().for_each(shift_throw);
    facts.panics.iter_mut().for_each(|fact| shift(&mut fact.span));
    facts.assigned_attributes.iter_mut().for_each(shift_spanned);
    facts
}

#[cfg(test)]
mod tests {
    use crate::extract::{Depth, TreeEdit, model, model_from, parse_incremental};
    use crate::language::Language;
    use crate::outline::outline;

    /// Every edit of a file gives the model that a fresh read gives, spans included.
    #[test]
    fn a_model_after_edits_is_the_model_of_the_text() {
        let language = Language::from_id("python").unwrap();
        let part = "def f_N(x):\n    \"\"\"Get 🎉.\n\n    Args:\n        x: A.\n    \"\"\"\n    if x:\n        raise ValueError('x')\n    self.a = 1\n    yield x\n    return x\n\n\n";
        let mut text: String = (0..8).map(|n| part.replace('N', &n.to_string())).collect();
        text.push_str("def g():\n    def h():\n        return 2\n    return h\n");
        let mut parsed = parse_incremental(language, &text, None, &|| false).unwrap();
        // Inserts at the top, in a body, and in the middle of a docstring; then takes one away again.
        let places =
            [(0, "import os\n"), (text.find("return").unwrap() + 10, "(x)"), (text.rfind("Args").unwrap() + 10, "é")];
        for (at, new) in places {
            text.insert_str(at, new);
            let point = |offset: usize| {
                let row = text[..offset].matches('\n').count();
                (row, offset - text[..offset].rfind('\n').map_or(0, |start| start + 1))
            };
            parsed.edit(&TreeEdit {
                start_byte: at,
                old_end_byte: at,
                new_end_byte: at + new.len(),
                start_point: point(at),
                old_end_point: point(at),
                new_end_point: point(at + new.len()),
            });
            parsed = parse_incremental(language, &text, Some(&parsed), &|| false).unwrap();
            let again = model_from(&parsed, text.as_str().into(), Depth::Full);
            let fresh = model(language, text.as_str().into(), Depth::Full);
            assert_eq!(outline(&again), outline(&fresh));
            for (one, other) in again.symbols.iter().zip(&fresh.symbols) {
                assert_eq!(format!("{:?}", one.facts), format!("{:?}", other.facts));
                assert_eq!(one.doc, other.doc);
            }
        }
    }

    /// A tree that was told of a replaced piece is, parsed on, the tree of the new text.
    #[test]
    fn a_replaced_piece_is_told_as_tree_sitter_counts() {
        let language = Language::from_id("python").unwrap();
        let text = "def größe(a):\r\n    return a\r\n\r\ndef g():\n    pass\n";
        for (piece, new) in [
            ("return a", "b = a\n    return (b,\n        a)"),
            ("def g():\n    pass\n", ""),
            ("größe", "size"),
            ("", "import os\n"),
        ] {
            let start = text.find(piece).unwrap();
            let span = crate::text::Span::new(start, start + piece.len());
            let mut parsed = parse_incremental(language, text, None, &|| false).unwrap();
            parsed.edit(&TreeEdit::replacing(text, span, new));
            let after = format!("{}{new}{}", &text[..start], &text[start + piece.len()..]);
            let moved = parse_incremental(language, &after, Some(&parsed), &|| false).unwrap();
            let fresh = parse_incremental(language, &after, None, &|| false).unwrap();
            assert_eq!(moved.points(), fresh.points());
        }
    }
}
