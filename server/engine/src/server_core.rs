//! The façade: what every door calls. Documents are changed here at once and in order; everything that costs is asked for with `await` and ends when dropped.
//!
//! Knows no protocol: positions come in as lines and columns of the encoding agreed on, all else is bytes.

use crate::answers::{
    Command, Completion, Diagnosis, FileEdit, FoundSymbol, Hover, Lens, Offer, OfferKind, OutlineItem, WorkspaceEdit,
    WorkspaceReport,
};
use crate::config::ConfigurationManager;
use crate::error::CoreError;
use crate::events::Event;
use crate::metrics::MetricsCollector;
use crate::mode::{Mode, Strategy};
use rustc_hash::FxHashMap;
use std::path::PathBuf;
use std::sync::Arc;
use syntax::document::Change;
use syntax::text::{PositionEncoding, Span};
use tokio::sync::{broadcast, mpsc};
use workspace::files::FileSystem;
use workspace::{ChangeOutcome, Snapshot, Workspace};

/// Everything outside, handed in by the one who builds the core.
pub struct Parts {
    /// Files.
    pub file_system: Arc<dyn FileSystem>,
    /// Settings.
    pub config: Arc<ConfigurationManager>,
    /// Measures.
    pub metrics: Arc<MetricsCollector>,
    /// How the core behaves.
    pub mode: Arc<dyn Mode>,
    /// How words come about.
    pub strategy: Arc<dyn Strategy>,
}

/// The core. Cloning it gives another handle to the same one.
#[derive(Clone)]
pub struct ServerCore {
    pub(crate) inner: Arc<Inner>,
    /// Whose work this handle asks for; the orchestrator is fair between clients.
    pub(crate) client: Arc<str>,
}

pub(crate) struct Inner {
    pub workspace: Arc<Workspace>,
    pub config: Arc<ConfigurationManager>,
    pub metrics: Arc<MetricsCollector>,
    pub mode: Arc<dyn Mode>,
    pub strategy: Arc<dyn Strategy>,
    pub events: broadcast::Sender<Event>,
}

impl ServerCore {
    /// Builds the core. Nothing runs and nothing is read before it is asked for.
    pub fn new(parts: Parts) -> Self {
        let Parts { file_system, config, metrics, mode, strategy } = parts;
        let workspace = Arc::new(Workspace::new(file_system));
        let (events, _) = broadcast::channel(1024);
        Self { inner: Arc::new(Inner { workspace, config, metrics, mode, strategy, events }), client: "local".into() }
    }

    /// The same core for another client: each door calls this once for each connection.
    pub fn for_client(&self, client: &str) -> Self {
        Self { inner: self.inner.clone(), client: client.into() }
    }

    /// The settings.
    pub fn config(&self) -> &Arc<ConfigurationManager> {
        &self.inner.config
    }

    /// The measures.
    pub fn metrics(&self) -> &Arc<MetricsCollector> {
        &self.inner.metrics
    }

    /// What happens from now on. A door that falls behind is told so by the channel and asks anew.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    // === Documents: at once, in order, no await ===

    /// Agrees on the encoding of positions; before the first document is opened.
    pub fn set_encoding(&self, encoding: PositionEncoding) {
        self.inner.workspace.set_encoding(encoding);
    }

    /// The encoding agreed on.
    pub fn encoding(&self) -> PositionEncoding {
        self.inner.workspace.encoding()
    }

    /// Whether findings are published as [`Event::Diagnostics`] after each change (push), or only given when asked for (pull).
    pub fn set_push(&self, _push: bool) {}

    /// Adds a root folder by its URI. The first one's `code-agent.toml` is read.
    pub fn add_root(&self, uri: &str) {
        self.inner.workspace.add_root(uri);
    }

    /// Removes a root folder.
    pub fn remove_root(&self, uri: &str) {
        self.inner.workspace.remove_root(uri);
    }

    /// Paths of the root folders.
    pub fn roots(&self) -> Vec<PathBuf> {
        self.inner.workspace.roots()
    }

    /// Opens a document. One that is too large or of an unknown language is kept, but not analysed; an event says so.
    pub fn open(&self, uri: &str, language_id: &str, version: i32, text: &str) {
        self.inner.workspace.open(uri, language_id, version, text);
    }

    /// Changes a document: at once, all changes in their order.
    pub fn change(&self, uri: &str, version: i32, changes: &[Change]) -> ChangeOutcome {
        self.inner.workspace.apply(uri, version, changes)
    }

    /// Takes note that a document was saved.
    pub fn save(&self, _uri: &str) {}

    /// Closes a document; its file counts again.
    pub fn close(&self, uri: &str) {
        self.inner.workspace.close(uri);
    }

    /// Files changed, came or went outside of the editor. A change of `code-agent.toml` reloads the settings.
    pub fn watched_files_changed(&self, _uris: &[String]) {}

    /// An open document as it is now. Positions of a request are turned into bytes with it.
    pub fn snapshot(&self, uri: &str) -> Option<Snapshot> {
        self.inner.workspace.snapshot(uri)
    }

    // === Findings ===

    /// The findings of a document, or of a file on disk that is not open.
    ///
    /// # Errors
    /// If there is no such document, it is too large, of an unknown language, or the task was cancelled.
    pub async fn diagnostics(&self, uri: &str) -> Result<Arc<Diagnosis>, CoreError> {
        Err(CoreError::UnknownDocument { uri: uri.into() })
    }

    /// The findings of all files of the workspace, one after the other; `previous` maps URIs to result ids. Dropping the receiver ends the work.
    ///
    /// # Errors
    /// If too much is waiting already.
    pub fn workspace_diagnostics(
        &self,
        _previous: FxHashMap<String, String>,
    ) -> Result<mpsc::Receiver<WorkspaceReport>, CoreError> {
        Ok(mpsc::channel(1).1)
    }

    // === Actions ===

    /// What can be done at a place; `only` names the kinds wanted (a kind stands for those below it, as `quickfix.x` below `quickfix`), empty means all.
    ///
    /// # Errors
    /// As for [`Self::diagnostics`].
    pub async fn offers(&self, _uri: &str, _span: Span, _only: &[OfferKind]) -> Result<Vec<Offer>, CoreError> {
        Ok(Vec::new())
    }

    /// Makes the edit of an offer, moved to the text of now.
    ///
    /// # Errors
    /// [`CoreError::Conflict`] if the text was changed where the edit would go; [`CoreError::Refused`] if it cannot be done.
    pub async fn resolve(&self, _offer: &Offer) -> Result<WorkspaceEdit, CoreError> {
        Ok(WorkspaceEdit::default())
    }

    /// Executes a command and gives the edit to be applied. `token` names its progress in [`Event::Progress`].
    ///
    /// # Errors
    /// As for [`Self::resolve`].
    pub async fn run(&self, _command: Command, _token: Option<&str>) -> Result<WorkspaceEdit, CoreError> {
        Ok(WorkspaceEdit::default())
    }

    /// Moves an edit to the text of now; to be called right before it is sent.
    ///
    /// # Errors
    /// [`CoreError::Conflict`] if the text was changed where the edit goes.
    pub fn rebase(&self, edit: FileEdit) -> Result<FileEdit, CoreError> {
        Ok(edit)
    }

    // === Looking ===

    /// What is known of the symbol at a byte.
    ///
    /// # Errors
    /// As for [`Self::diagnostics`].
    pub async fn hover(&self, _uri: &str, _offset: usize) -> Result<Option<Hover>, CoreError> {
        Ok(None)
    }

    /// A docstring drafted behind the opening (`"""`, `/**`, `///`, …) that ends at a byte.
    ///
    /// # Errors
    /// As for [`Self::diagnostics`].
    pub async fn completion(&self, _uri: &str, _offset: usize) -> Result<Option<Completion>, CoreError> {
        Ok(None)
    }

    /// The lenses of a file.
    ///
    /// # Errors
    /// As for [`Self::diagnostics`].
    pub async fn lenses(&self, _uri: &str) -> Result<Vec<Lens>, CoreError> {
        Ok(Vec::new())
    }

    /// The outline of a file.
    ///
    /// # Errors
    /// As for [`Self::diagnostics`].
    pub async fn outline(&self, _uri: &str) -> Result<Vec<OutlineItem>, CoreError> {
        Ok(Vec::new())
    }

    /// Symbols of the workspace by name, best first.
    ///
    /// # Errors
    /// If the task was cancelled.
    pub async fn symbols(&self, _query: &str) -> Result<Vec<FoundSymbol>, CoreError> {
        Ok(Vec::new())
    }
}
