//! What was explained of definitions, in a few words for a hover: shown as long as the definition is, letter for letter, what was explained.

use crate::answers::Diagnosis;
use rustc_hash::FxBuildHasher;
use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};
use syntax::model::Symbol;
use syntax::text::Span;

/// Explanations that are kept.
const KEPT: usize = 128;
/// Bytes of one in a hover.
const SHORT: usize = 600;

/// The beginnings of explanations.
#[derive(Default)]
pub(crate) struct Explained {
    kept: Mutex<VecDeque<Short>>,
}

struct Short {
    uri: String,
    /// Stands for the code that was explained.
    code: u64,
    words: String,
}

impl Explained {
    /// Keeps the first paragraph, if it is a whole definition that was explained.
    pub fn keep(&self, diagnosis: &Diagnosis, span: Span, text: &str, source: &str) {
        let model = &diagnosis.model;
        let region =
            if span.of(&model.text).trim().is_empty() { actions::rewrite::region_at(model, span) } else { span };
        let trimmed = |span: Span| span.of(&model.text).trim();
        let is_whole = |symbol: &&Symbol| trimmed(symbol.span) == trimmed(region) && symbol.span.overlaps(region);
        // The first symbol is the file itself.
        let Some(symbol) = model.symbols.iter().skip(1).find(is_whole) else { return };
        let first = text.split("\n\n").map(str::trim).find(|part| !part.is_empty() && !part.starts_with(['#', '`']));
        let Some(first) = first else { return };
        let end = first.floor_char_boundary(SHORT);
        let more = if end < first.len() { "…" } else { "" };
        let words = format!("{}{more}\n\n*Explained by {source}.*", first.get(..end).unwrap_or(""));
        let code = FxBuildHasher.hash_one(symbol.span.of(&model.text));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|short| short.uri != diagnosis.uri || short.code != code);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Short { uri: diagnosis.uri.clone(), code, words });
    }

    /// What was explained of the definition whose name is at a byte.
    pub fn of(&self, diagnosis: &Diagnosis, offset: usize) -> Option<String> {
        let model = &diagnosis.model;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.iter().any(|short| short.uri == diagnosis.uri) {
            return None;
        }
        // The first symbol is the file itself.
        let at = model.symbols.iter().skip(1).filter(|symbol| symbol.name_span.touches(offset));
        let code = FxBuildHasher.hash_one(at.min_by_key(|symbol| symbol.span.len())?.span.of(&model.text));
        kept.iter().find(|short| short.uri == diagnosis.uri && short.code == code).map(|short| short.words.clone())
    }
}
