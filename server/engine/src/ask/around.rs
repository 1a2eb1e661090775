//! What stands around a place, over files: which are looked at, and which are never shown to a model.

use crate::answers::PlaceAt;
use crate::error::CoreError;
use crate::server_core::{ServerCore, Shared};
use crate::view;
use actions::context::{Piece, Source, gather, names_used};
use std::sync::Arc;
use syntax::extract::Depth;
use syntax::model::FileModel;
use syntax::text::Span;
use workspace::{privacy, uri};

/// Other files that are read for one question.
const MOST_FILES: usize = 6;
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
            let uri = uri.to_owned();
            let gather = move |shared: &Shared| {
                let model = analysis.full_model(shared);
                let tokens = tokens.unwrap_or(analysis.view.settings.actions.context_tokens);
                shared.pieces(&uri, &model, span, tokens)
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

    /// The pieces of code around a span.
    pub fn pieces(&self, uri: &str, model: &Arc<FileModel>, span: Span, tokens: usize) -> Vec<Piece> {
        if tokens == 0 {
            return Vec::new();
        }
        let mut files = vec![Source { path: self.shown_path(uri), model: model.clone() }];
        let names = names_used(model, span);
        let defining = self.workspace.index.defining(&names, MOST_FILES * 2);
        let others = defining.into_iter().filter(|other| !uri::same_file(other, uri));
        let shown = others.filter(|other| self.check_shown(other).is_ok()).take(MOST_FILES);
        files.extend(shown.filter_map(|other| self.source(&other)));
        gather(&files, span, tokens)
    }

    fn source(&self, uri: &str) -> Option<Source> {
        let snapshot = self.workspace.load(uri, LARGEST as u64).ok()?;
        let language = snapshot.language?;
        let text = snapshot.text();
        let parsed = view::parse(language, &text, snapshot.parsed.as_ref(), &|| false, &self.metrics)?;
        let model = view::model(&parsed, text, Depth::Full, language.id, &self.metrics);
        Some(Source { path: self.shown_path(uri), model: Arc::new(model) })
    }
}
