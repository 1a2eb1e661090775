//! The file that new code is judged in: read when a model is asked, so that only what changed is read when it answers.
//!
//! Where a language ends its blocks at the left margin, only the definition around the region is read again: its tree-sitter grammar takes over
//! nothing of what stands below a change. Whatever is not sure to parse alone as it does in its place is judged with the whole file.

use crate::claims::Known;
use std::sync::Arc;
use syntax::extract::{Depth, Parsed, TreeEdit, fingerprint_from, model_from, parse_incremental};
use syntax::model::{FileModel, Symbol};
use syntax::text::Span;

/// A file, and the part of it that is read again with each answer.
pub struct Ground {
    model: Arc<FileModel>,
    known: Known,
    /// Whole lines of the file.
    span: Span,
    part: Arc<FileModel>,
    /// The tree of the part, with what was read of it; `None` where the text was too much for the parser.
    parsed: Option<Parsed>,
}

/// The part with new code in it.
pub(super) struct After {
    pub parsed: Parsed,
    pub model: FileModel,
    /// The new code, in the part.
    pub written: Span,
}

impl Ground {
    /// Reads the file around `region`. `more` is code that new code may take names from besides the file.
    pub fn new<'a>(model: Arc<FileModel>, region: Span, more: impl Iterator<Item = &'a str>) -> Self {
        let mut known = Known::of(&model);
        more.for_each(|text| known.add(text));
        let whole = Span::new(0, model.text.len());
        let parsed = parse_incremental(model.language, &model.text, None, &|| false).map(Parsed::remembering);
        if let Some(found) = alone(&model, parsed.as_ref(), region) {
            let (span, part, parsed) = found;
            return Self { model, known, span, part: Arc::new(part), parsed: Some(parsed) };
        }
        if let Some(parsed) = &parsed {
            // Only what is remembered of it is wanted.
            drop(model_from(parsed, model.text.clone(), Depth::Documented));
        }
        Self { part: model.clone(), model, known, span: whole, parsed }
    }

    /// The same, judged with the whole file.
    #[cfg(test)]
    pub(super) fn whole(self) -> Self {
        let parsed = parse_incremental(self.model.language, &self.model.text, None, &|| false);
        Self { part: self.model.clone(), span: Span::new(0, self.model.text.len()), parsed, ..self }
    }

    /// The file.
    pub fn model(&self) -> &Arc<FileModel> {
        &self.model
    }

    pub(super) fn known(&self) -> &Known {
        &self.known
    }

    /// The part that is read again.
    pub(super) fn part(&self) -> &FileModel {
        &self.part
    }

    /// A span of the file, in the part.
    pub(super) fn in_part(&self, span: Span) -> Span {
        Span::new(span.start.saturating_sub(self.span.start), span.end.saturating_sub(self.span.start))
    }

    /// A span of the part, in the file.
    pub(super) fn in_file(&self, span: Span) -> Span {
        Span::new(span.start + self.span.start, span.end + self.span.start)
    }

    /// Whether the file defines this outside of the part.
    pub(super) fn is_defined_elsewhere(&self, path: &str) -> bool {
        let is_elsewhere = |symbol: &&Symbol| !self.span.contains(symbol.span);
        // The first symbol is the file itself.
        self.model.symbols.iter().skip(1).filter(is_elsewhere).any(|symbol| symbol.path == path)
    }

    /// Reads the part with `code` in the place of `region`.
    ///
    /// # Errors
    /// If it parses worse than before, in a sentence.
    pub(super) fn after(&self, region: Span, code: &str) -> Result<After, String> {
        const BROKEN: &str = "The code does not parse in its place.";
        let (before, region) = (&*self.part.text, self.in_part(region));
        let (Some(head), Some(tail)) = (before.get(..region.start), before.get(region.end..)) else {
            return Err(BROKEN.to_owned());
        };
        let text: Arc<str> = format!("{head}{code}{tail}").into();
        let is_whole = self.span.len() == self.model.text.len();
        // A line that goes on would take in what follows the part.
        if !is_whole && text.trim_end_matches(['\r', '\n', ' ', '\t']).ends_with('\\') {
            return Err(BROKEN.to_owned());
        }
        let mut old = self.parsed.clone();
        if let Some(old) = &mut old {
            old.edit(&TreeEdit::replacing(before, region, code));
        }
        let parsed = parse_incremental(self.model.language, &text, old.as_ref(), &|| false).ok_or(BROKEN)?;
        // Text without an error parses no worse than any other; only where it has one are those of both counted.
        let errors = |parsed, text| fingerprint_from(parsed, text).errors;
        let had = || self.parsed.as_ref().map_or(0, |parsed| errors(parsed, before));
        if parsed.has_errors() && errors(&parsed, &text) > had() {
            return Err(BROKEN.to_owned());
        }
        let model = model_from(&parsed, text, Depth::Documented);
        Ok(After { parsed, model, written: Span::new(region.start, region.start + code.len()) })
    }
}

/// The outermost definition around `region`, where it is sure that it parses alone as it does in its place.
fn alone(model: &FileModel, whole: Option<&Parsed>, region: Span) -> Option<(Span, FileModel, Parsed)> {
    if !model.language.ends_blocks_at_margin() || whole.is_none_or(Parsed::has_errors) {
        return None;
    }
    let is_around = |symbol: &&Symbol| symbol.parent == Some(0) && symbol.span.contains(region);
    // The first symbol is the file itself.
    let around = model.symbols.iter().skip(1).find(is_around)?;
    let lines = &model.lines;
    let start = lines.line_start(&model.text, lines.line(around.span.start));
    let end = lines.line_start(&model.text, lines.line(around.span.end) + 1);
    let span = Span::new(start, end);
    let text: Arc<str> = span.of(&model.text).into();
    let begins_at_margin = |text: &str| !text.starts_with([' ', '\t', '\u{c}', '\\']);
    let mut below = model.text.get(end..)?.lines().filter(|line| !line.trim().is_empty());
    if around.span.start != start || !begins_at_margin(&text) || !below.next().is_none_or(begins_at_margin) {
        return None;
    }
    let parsed = parse_incremental(model.language, &text, None, &|| false)?.remembering();
    let part = model_from(&parsed, text, Depth::Documented);
    let facts = |symbol: &Symbol, from: usize| {
        let params: Vec<String> = symbol.params.iter().map(|param| param.name.clone()).collect();
        let span = Span::new(symbol.span.start - from, symbol.span.end - from);
        (symbol.path.clone(), symbol.kind, symbol.visibility, params, span)
    };
    let is_touched = |symbol: &&Symbol| symbol.span.overlaps(span);
    // The file itself touches everything.
    let in_file = model.symbols.iter().skip(1).filter(is_touched);
    if !in_file.clone().all(|symbol| span.contains(symbol.span)) {
        return None;
    }
    let is_same =
        in_file.map(|symbol| facts(symbol, start)).eq(part.symbols.iter().skip(1).map(|symbol| facts(symbol, 0)));
    (is_same && !parsed.has_errors()).then_some((span, part, parsed))
}
