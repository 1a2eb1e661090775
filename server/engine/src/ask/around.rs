//! What stands around a place, over files: which are looked at, and which are never shown to a model.

use crate::answers::PlaceAt;
use crate::diagnose::Analysis;
use crate::error::CoreError;
use crate::server_core::{ServerCore, Shared};
use crate::view;
use actions::context::{BYTES_A_TOKEN, Piece, Source, Why, gather, names_defined, names_used};
use actions::fix::Problem;
use actions::rewrite::region_at;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use syntax::extract::Depth;
use syntax::model::FileModel;
use syntax::text::Span;
use workspace::{privacy, uri};

/// Files that are read for one question since they define what is used, and since they use what is asked about.
const MOST_FILES: usize = 6;
const MOST_CALLERS: usize = 3;
/// Findings that are shown.
const MOST_FOUND: usize = 8;
/// Models that are kept, and bytes of text that they may have together.
const KEPT: usize = 32;
const KEPT_TEXT: usize = 1 << 20;
/// Bytes of a file that is read for its symbols; larger ones are passed over, since somebody waits.
const LARGEST: usize = 256 << 10;

impl ServerCore {
    /// What a model would be shown with a place, best first, in at most so many tokens.
    ///
    /// # Errors
    /// If the document is kept from models, or as for [`Self::diagnostics`].
    pub async fn context(&self, uri: &str, place: PlaceAt, tokens: Option<usize>) -> Result<Vec<Piece>, CoreError> {
        let work = |correlation| async move {
            self.shared().check_shown(uri)?;
            let analysis = self.analysis(uri, correlation).await?;
            let span = if place.revision == 0 { place.span } else { self.carried(place, &analysis)? };
            let gather = move |shared: &Shared| {
                let tokens = tokens.unwrap_or(analysis.view.settings.actions.context_tokens);
                shared.pieces(&analysis, span, &[], tokens)
            };
            self.compute("context", correlation, gather).await
        };
        self.measured("context", work).await
    }

    /// Waits until the files of the workspace are known, as far as they are looked at.
    pub async fn know_workspace(&self) {
        // It waits for the scan; what it finds is not wanted.
        drop(self.symbols("").await);
    }
}

impl Shared {
    /// Whether a document may be shown to a model.
    ///
    /// # Errors
    /// [`CoreError::Refused`] with the reason if not.
    pub fn check_shown(&self, uri: &str) -> Result<(), CoreError> {
        let Some(path) = uri::to_path(uri) else { return Ok(()) };
        match privacy::reason(self.root_of(uri).as_deref(), &path) {
            Some(reason) => {
                Err(CoreError::refused(format!("{} is not shown to a model: {reason}.", uri::display(uri))))
            }
            None => Ok(()),
        }
    }

    /// What a model is shown with a span: what was found there, what changed there, and the code around it.
    pub(super) fn pieces(&self, analysis: &Analysis, span: Span, problems: &[Problem], tokens: usize) -> Vec<Piece> {
        if tokens == 0 {
            return Vec::new();
        }
        let (uri, model) = (&analysis.diagnosis.uri, &analysis.diagnosis.model);
        let line = model.lines.line(span.start) + 1;
        let path = self.shown_path(uri);
        let piece = |text, why| Piece { path: path.clone(), line, symbol: String::new(), text, why, score: 1.0 };
        // A third of the room at most is for each of what is not code as it stands.
        let most = (tokens * BYTES_A_TOKEN / 3).saturating_sub(path.len());
        let mut pieces = Vec::new();
        pieces.extend(found_at(analysis, span, problems, most).map(|text| piece(text, Why::Diagnostics)));
        pieces.extend(self.changes_near(uri, model, span, most).map(|text| piece(text, Why::Changes)));
        let taken: usize = pieces.iter().map(Piece::tokens).sum();
        pieces.extend(self.neighbours(analysis, span, tokens.saturating_sub(taken)));
        pieces
    }

    /// The pieces of code around a span.
    pub(super) fn neighbours(&self, analysis: &Analysis, span: Span, tokens: usize) -> Vec<Piece> {
        let (uri, model) = (&analysis.diagnosis.uri, analysis.full_model(self));
        let mut files = vec![Source { path: self.shown_path(uri), model: model.clone() }];
        let index = &self.workspace.index;
        let mut near = index.defining(&names_used(&model, span), MOST_FILES * 2);
        near.truncate(MOST_FILES);
        near.extend(index.calling(&names_defined(&model, span), uri, MOST_CALLERS));
        let mut seen: Vec<Arc<str>> = Vec::new();
        for other in near {
            if !uri::same_file(&other, uri) && !seen.contains(&other) && self.check_shown(&other).is_ok() {
                files.extend(self.source(&other));
                seen.push(other);
            }
        }
        gather(&files, span, tokens)
    }

    fn source(&self, uri: &Arc<str>) -> Option<Source> {
        let snapshot = self.workspace.load(uri, LARGEST as u64).ok()?;
        let language = snapshot.language?;
        let text = snapshot.text();
        let make = || {
            let parsed = view::parse(language, &text, snapshot.parsed.as_ref(), &|| false, &self.metrics)?;
            Some(view::model(&parsed, text.clone(), Depth::Full, language.id, &self.metrics))
        };
        let model = self.nearby.model(uri, &text, make)?;
        Some(Source { path: self.shown_path(uri), model })
    }
}

/// What tools found in the definition around a span, each in a line.
fn found_at(analysis: &Analysis, span: Span, problems: &[Problem], most: usize) -> Option<String> {
    let (model, findings) = (&analysis.diagnosis.model, &analysis.diagnosis.findings);
    let around = region_at(model, span);
    let line = |offset: usize| model.lines.line(offset) + 1;
    let own = findings.iter().filter(|finding| around.overlaps(finding.span));
    let own = own.map(|finding| (finding.span.start, finding.message.as_str()));
    let other = problems.iter().filter(|problem| around.overlaps(Span::new(problem.start, problem.end)));
    let mut found: Vec<(usize, &str)> = own.chain(other.map(|problem| (problem.start, &*problem.message))).collect();
    found.sort_unstable();
    found.dedup();
    let mut text = String::new();
    for (at, said) in found.into_iter().take(MOST_FOUND) {
        let shown = format!("line {}: {said}\n", line(at));
        if text.len() + shown.len() <= most {
            text.push_str(&shown);
        }
    }
    (!text.is_empty()).then_some(text)
}

/// Models of files that were looked at for their symbols, as long as their text is the same: who asks, asks again near by.
#[derive(Default)]
pub(crate) struct Nearby {
    kept: Mutex<VecDeque<(Arc<str>, Arc<FileModel>)>>,
}

impl Nearby {
    fn model(&self, uri: &Arc<str>, text: &str, make: impl FnOnce() -> Option<FileModel>) -> Option<Arc<FileModel>> {
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = {
            let mut kept = lock();
            let at = kept.iter().position(|(known, _)| known == uri);
            at.and_then(|at| kept.remove(at)).map(|(_, model)| model).filter(|model| *model.text == *text)
        };
        let model = match known {
            Some(model) => model,
            None => Arc::new(make()?),
        };
        let mut kept = lock();
        kept.push_back((uri.clone(), model.clone()));
        let size = |kept: &VecDeque<(Arc<str>, Arc<FileModel>)>| -> usize {
            kept.iter().map(|(_, model)| model.text.len()).sum()
        };
        while kept.len() > KEPT || size(&kept) > KEPT_TEXT && kept.len() > 1 {
            kept.pop_front();
        }
        Some(model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_only_when_its_text_is_another() {
        let nearby = Nearby::default();
        let python = syntax::language::Language::from_id("python").unwrap();
        let ask = |uri: &str, text: &str| {
            let mut is_made = false;
            let make = || {
                is_made = true;
                Some(syntax::extract::model(python, text.into(), Depth::Full))
            };
            assert_eq!(*nearby.model(&uri.into(), text, make).unwrap().text, *text);
            is_made
        };
        assert!(ask("a", "x = 1\n") && !ask("a", "x = 1\n"));
        assert!(ask("a", "x = 2\n") && ask("a", "x = 1\n"), "another text, another model");
        let large = "x = 1\n".repeat(KEPT_TEXT / 12);
        assert!(ask("b", &large) && ask("c", &large) && ask("d", &large));
        assert!(ask("a", "x = 1\n"), "the oldest made room");
        assert!(!ask("d", &large));
    }
}
