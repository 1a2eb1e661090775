//! One connection: who the client is, the core it talks to, and the table of methods.
//!
//! Adding a method is one file in `handlers/` and one line in [`service`].

use crate::capabilities::ClientProfile;
use crate::handlers::{
    ask, code_action, code_lens, completion, configuration, diagnostics, execute_command, files, hover,
    inline_completion, life_cycle, pages, symbols, text_sync,
};
use crate::newest::Newest;
use crate::progress::{self, Cancels};
use crate::reorder::Reorder;
use crate::serve::Observer;
use crate::to_proto;
use engine::ServerCore;
use engine::answers::Diagnosis;
use engine::error::CoreError;
use engine::tasks::TaskError;
use futures_util::future::BoxFuture;
use lsp_types::{
    InitializeParams, InitializeResult, InitializedParams, LogTraceNotification, LogTraceParams, MessageType,
};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::{Client, ClientSocket, LanguageServer, LspService};

/// Where work that outlives its message is put: it runs beside the serve loop and ends with the connection.
#[derive(Clone)]
pub(crate) struct Jobs(mpsc::UnboundedSender<BoxFuture<'static, ()>>);

impl Jobs {
    /// The queue's two ends.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<BoxFuture<'static, ()>>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Adds a job. After the end of the connection it is dropped, as all jobs are.
    pub(crate) fn push(&self, job: impl Future<Output = ()> + Send + 'static) {
        let _ = self.0.send(Box::pin(job));
    }
}

/// The state of one connection. Documents live in the core; here is only what concerns the client.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) core: ServerCore,
    pub(crate) client: Client,
    pub(crate) jobs: Jobs,
    pub(crate) cancels: Cancels,
    pub(crate) newest: Arc<Newest>,
    /// Questions to models under way, so that the same one asked again takes the place of the older.
    pub(crate) asking: Arc<ask::Asking>,
    /// Changes that overtook others.
    pub(crate) reorder: Arc<Reorder>,
    pub(crate) shared: Arc<Shared>,
}

/// How long requests and notifications of a client wait, at most, for the settings that it answered with; as a rule that takes no time to speak of.
const SETTLING: Duration = Duration::from_secs(1);

/// What the handlers of a connection share.
#[derive(Default)]
pub(crate) struct Shared {
    profile: OnceLock<ClientProfile>,
    /// The settings that came with `initialize`.
    initial_settings: OnceLock<Value>,
    /// How many times the client was asked for its settings and they were taken over, or will not come.
    settings_taken: watch::Sender<u64>,
    /// How many of its answers with settings had their turn.
    settings_due: AtomicU64,
    /// 0 off, 1 messages, 2 verbose.
    pub(crate) trace: AtomicU8,
    /// Is told when the editor's process is gone.
    pub(crate) abandoned: Notify,
    /// Counts what was done to open documents.
    pub(crate) edits: watch::Sender<u64>,
    /// URIs of the open documents.
    open: Mutex<HashSet<String>>,
    /// The document that was last opened, changed or asked about.
    last: Mutex<Option<String>>,
}

impl Shared {
    /// Takes note of the settings that came with `initialize`.
    pub(crate) fn set_initial_settings(&self, settings: Value) {
        let _ = self.initial_settings.set(settings);
    }

    /// Settings that were asked for are in force, or will not come.
    pub(crate) fn settings_taken(&self) {
        self.settings_taken.send_modify(|taken| *taken += 1);
    }

    /// The settings that came with `initialize`, or none.
    pub(crate) fn initial_settings(&self) -> Value {
        self.initial_settings.get().cloned().unwrap_or_else(|| Value::Object(Map::new()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    /// The state of a new connection.
    pub(crate) fn new(core: ServerCore, client: Client, jobs: Jobs) -> Self {
        Self {
            core,
            client,
            jobs,
            cancels: Cancels::default(),
            newest: Arc::default(),
            asking: Arc::default(),
            reorder: Arc::default(),
            shared: Arc::default(),
        }
    }

    /// What the client can do; before `initialize` nothing.
    pub(crate) fn profile(&self) -> &ClientProfile {
        static NOTHING: OnceLock<ClientProfile> = OnceLock::new();
        self.shared.profile.get().unwrap_or_else(|| NOTHING.get_or_init(ClientProfile::default))
    }

    /// Takes note of what the client can do. Only the first call counts.
    pub(crate) fn set_profile(&self, profile: ClientProfile) {
        let _ = self.shared.profile.set(profile);
    }

    /// Takes note that a document is open.
    pub(crate) fn opened(&self, uri: &str) {
        lock(&self.shared.open).insert(uri.to_owned());
        self.touched(uri);
    }

    /// Takes note that a document is closed.
    pub(crate) fn closed(&self, uri: &str) {
        lock(&self.shared.open).remove(uri);
    }

    /// Takes note that an open document has other findings than before, perhaps.
    pub(crate) fn edited(&self, uri: &str) {
        if self.core.snapshot(uri).is_none_or(|snapshot| snapshot.language.is_some()) {
            self.shared.edits.send_modify(|edits| *edits = edits.wrapping_add(1));
        }
    }

    /// The open documents.
    pub(crate) fn open_documents(&self) -> Vec<String> {
        lock(&self.shared.open).iter().cloned().collect()
    }

    /// Takes note that the user is at work in a document.
    pub(crate) fn touched(&self, uri: &str) {
        let mut last = lock(&self.shared.last);
        if last.as_deref() != Some(uri) {
            *last = Some(uri.to_owned());
        }
    }

    /// The document that the user is at work in, as far as can be told.
    pub(crate) fn last_document(&self) -> Option<String> {
        lock(&self.shared.last).clone()
    }

    /// All diagnostics of a file: what was found, and what a model remarked.
    pub(crate) fn items(&self, diagnosis: &Diagnosis) -> Vec<lsp_types::Diagnostic> {
        let profile = self.profile();
        let mut items = to_proto::diagnostics(profile, diagnosis);
        let remarks = self.core.remarks(diagnosis);
        items.extend(remarks.iter().map(|remark| to_proto::remark(profile, diagnosis, remark)));
        items
    }

    /// Shows the user a sentence, without holding up who asks for it.
    pub(crate) fn show(&self, kind: MessageType, message: impl Into<String>) {
        let (client, message) = (self.client.clone(), message.into());
        self.jobs.push(async move { client.show_message(kind, message).await });
    }
}

/// An answer about a document that cannot be analysed is empty: the user was told when it was opened.
pub(crate) fn or_nothing<T: Default>(result: std::result::Result<T, CoreError>) -> Result<T> {
    match result {
        Err(error) if is_about_document(&error) => Ok(T::default()),
        Err(error) => Err(core_error(&error)),
        Ok(answer) => Ok(answer),
    }
}

/// Whether the reason lies in the document and not in the request or in the server.
pub(crate) fn is_about_document(error: &CoreError) -> bool {
    matches!(
        error,
        CoreError::UnknownDocument { .. }
            | CoreError::UnsupportedLanguage { .. }
            | CoreError::TooLarge { .. }
            | CoreError::File(_)
    )
}

/// The protocol's error for one of the core's.
pub(crate) fn core_error(error: &CoreError) -> Error {
    if let CoreError::Task(TaskError::Panicked { message }) = error {
        tracing::error!(%message, "A task panicked.");
    }
    to_proto::error(error)
}

/// Tells a client that traces what was done, and knows when its settings are in force.
impl Observer for Server {
    async fn settled(&self) {
        let due = self.shared.settings_due.fetch_add(1, Ordering::Relaxed) + 1;
        let mut taken = self.shared.settings_taken.subscribe();
        if tokio::time::timeout(SETTLING, taken.wait_for(|taken| *taken >= due)).await.is_err() {
            tracing::warn!("The settings of the client are taken over later.");
        }
    }

    fn handled(&self, method: &str, took: Duration, error: Option<&Error>) {
        tracing::debug!(method, ?took, failed = error.is_some(), "A message was handled.");
        let level = self.shared.trace.load(Ordering::Relaxed);
        if level == 0 {
            return;
        }
        let message = format!("{method} took {:.3} ms.", took.as_secs_f64() * 1_000.0);
        let verbose = error.filter(|_| level > 1).map(|error| error.message.to_string());
        let client = self.client.clone();
        self.jobs.push(async move {
            client.send_notification::<LogTraceNotification>(LogTraceParams { message, verbose }).await;
        });
    }
}

/// The life cycle, which the framework wants as a trait.
impl LanguageServer for Server {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        life_cycle::initialize(self, params)
    }

    async fn initialized(&self, _: InitializedParams) {
        life_cycle::initialized(self);
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }
}

/// Every method that is served beside the life cycle.
pub(crate) fn service(core: ServerCore, jobs: Jobs) -> (LspService<Server>, ClientSocket) {
    LspService::build_with_lifecycle_methods(|client| Server::new(core, client, jobs))
        .custom_method("$/setTrace", life_cycle::set_trace)
        .custom_method("codeAction/resolve", code_action::resolve)
        .custom_method("codeLens/resolve", code_lens::resolve)
        .custom_method("textDocument/codeAction", code_action::code_action)
        .custom_method("textDocument/codeLens", code_lens::code_lens)
        .custom_method("textDocument/completion", completion::completion)
        .custom_method("textDocument/diagnostic", diagnostics::document)
        .custom_method("textDocument/didChange", text_sync::did_change)
        .custom_method("textDocument/didClose", text_sync::did_close)
        .custom_method("textDocument/didOpen", text_sync::did_open)
        .custom_method("textDocument/didSave", text_sync::did_save)
        .custom_method("textDocument/documentSymbol", symbols::document)
        .custom_method("textDocument/hover", hover::hover)
        .custom_method("textDocument/inlineCompletion", inline_completion::inline_completion)
        .custom_method("window/workDoneProgress/cancel", progress::cancel)
        .custom_method("workspace/diagnostic", diagnostics::workspace)
        .custom_method("workspace/didChangeConfiguration", configuration::did_change)
        .custom_method("workspace/didChangeWatchedFiles", files::did_change_watched)
        .custom_method("workspace/didChangeWorkspaceFolders", files::did_change_folders)
        .custom_method("workspace/textDocumentContent", pages::content)
        .custom_method("workspace/executeCommand", execute_command::execute_command)
        .custom_method("workspace/symbol", symbols::workspace)
        .finish()
}
