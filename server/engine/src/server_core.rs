//! The façade: what every door calls. Documents are changed here at once and in order; everything that costs is asked for with `await` and ends when dropped.
//!
//! Knows no protocol: positions come in as lines and columns of the encoding agreed on, all else is bytes.
//! The calls that cost stand in `diagnose.rs`, `act.rs`, `look.rs` and `batch.rs`.

use crate::config::{ConfigError, ConfigurationManager};
use crate::diagnose::Slot;
use crate::error::CoreError;
use crate::events::{Event, MessageLevel};
use crate::health::Health;
use crate::metrics::{Kind, MetricsCollector, Outcome};
use crate::mode::{Mode, Strategy};
use crate::models::Models;
use crate::offered::Offered;
use crate::tasks::{Class, TaskOrchestrator, TaskSpec};
use crate::view::{Customs, View};
use arc_swap::ArcSwap;
use dashmap::{DashMap, DashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use syntax::document::Change;
use syntax::text::PositionEncoding;
use tokio::sync::broadcast;
use tracing::Instrument;
use workspace::files::FileSystem;
use workspace::{ChangeOutcome, Snapshot, Workspace, uri};

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
    /// Names the folder in which calls to language models are written down; asked when the first model is wanted.
    pub journal: fn() -> Option<PathBuf>,
}

/// Languages that are not supported of which the user is told; an editor has no more.
const MOST_TOLD: usize = 256;

/// What a core is put together from.
pub(crate) struct Rooms {
    pub file_system: Arc<dyn FileSystem>,
    pub config: Arc<ConfigurationManager>,
    pub metrics: Arc<MetricsCollector>,
    pub mode: Arc<dyn Mode>,
    pub strategy: Arc<dyn Strategy>,
    pub models: Arc<Models>,
    pub tasks: TaskOrchestrator,
    pub is_elsewhere: bool,
    pub held: crate::session::Held,
}

/// The core. Cloning it gives another handle to the same one.
#[derive(Clone)]
pub struct ServerCore {
    pub(crate) inner: Arc<Inner>,
    /// Whose work this handle asks for; the orchestrator is fair between clients.
    pub(crate) client: Arc<str>,
}

/// The one state behind all handles. Tasks hold this part alone, so that the orchestrator outlives none of them.
pub(crate) struct Shared {
    pub workspace: Workspace,
    /// The files of its documents lie on another machine: nothing of this one is looked at for them.
    pub is_elsewhere: bool,
    /// What the documents of connections hold.
    pub held: crate::session::Held,
    pub config: Arc<ConfigurationManager>,
    pub metrics: Arc<MetricsCollector>,
    pub strategy: Arc<dyn Strategy>,
    pub models: Arc<Models>,
    /// What can be read about questions to models.
    pub pages: crate::ask::Pages,
    /// What was explained, for hovers.
    pub explained: crate::ask::Explained,
    /// Files that were looked at for questions.
    pub nearby: crate::ask::Nearby,
    /// Remarks of models on documents.
    pub notes: crate::notes::Notes,
    /// What was suggested where somebody types.
    pub inlines: crate::inline::Inlines,
    pub events: broadcast::Sender<Event>,
    pub push: AtomicBool,
    view: ArcSwap<View>,
    /// Held while a new view is made, so that no change is lost between two makers.
    view_maker: Mutex<()>,
}

pub(crate) struct Inner {
    pub shared: Arc<Shared>,
    pub mode: Arc<dyn Mode>,
    pub tasks: TaskOrchestrator,
    /// The newest analysis of each open document, done or under way.
    pub slots: DashMap<Arc<str>, Slot>,
    /// What actions were last offered for.
    pub offered: Offered,
    /// Open documents whose findings are to be published, but for which there was no room in the queue.
    pub owed: DashSet<Arc<str>>,
    /// Open documents of which the user was told that they are too large.
    pub told_sizes: DashSet<Arc<str>>,
    pub began: Instant,
    /// The root whose settings are in force.
    pub followed: Mutex<Option<PathBuf>>,
    pub surveyed: AtomicBool,
    pub scan: crate::look::Scan,
    /// The languages that are not supported of which the user was told.
    pub told_languages: DashSet<String>,
}

impl ServerCore {
    /// Builds the core. Nothing runs and nothing is read before it is asked for.
    pub fn new(parts: Parts) -> Self {
        let Parts { file_system, config, metrics, mode, strategy, journal } = parts;
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        let threads = match config.settings().core.threads {
            0 => mode.threads(processors),
            threads => usize::from(threads),
        };
        let tasks = TaskOrchestrator::new(threads, mode.queue_limit(), metrics.clone());
        let models = Arc::new(Models::new(journal));
        let rooms = Rooms {
            file_system,
            config,
            metrics,
            mode,
            strategy,
            models,
            tasks,
            is_elsewhere: false,
            held: Default::default(),
        };
        Self::of(rooms, "local", 1024)
    }

    /// A core of these parts. So many events are kept for doors that are slow.
    pub(crate) fn of(rooms: Rooms, client: &str, events: usize) -> Self {
        let Rooms { file_system, config, metrics, mode, strategy, models, tasks, is_elsewhere, held } = rooms;
        let (events, _) = broadcast::channel(events);
        let view = View::new(0, config.generation(), config.settings(), Customs::default());
        let shared = Shared {
            workspace: Workspace::new(file_system),
            is_elsewhere,
            held,
            config,
            metrics,
            strategy,
            models,
            pages: Default::default(),
            explained: Default::default(),
            nearby: Default::default(),
            notes: Default::default(),
            inlines: Default::default(),
            events,
            push: AtomicBool::new(false),
            view: ArcSwap::from_pointee(view),
            view_maker: Mutex::new(()),
        };
        let inner = Inner {
            shared: Arc::new(shared),
            tasks,
            mode,
            slots: DashMap::with_shard_amount(8),
            offered: Offered::default(),
            owed: DashSet::new(),
            told_sizes: DashSet::new(),
            began: Instant::now(),
            followed: Mutex::default(),
            surveyed: AtomicBool::new(false),
            scan: crate::look::Scan::default(),
            told_languages: DashSet::new(),
        };
        let core = Self { inner: Arc::new(inner), client: client.into() };
        let (weak, client) = (Arc::downgrade(&core.inner), core.client.clone());
        core.config().watch(move || {
            if let Some(inner) = weak.upgrade() {
                Self { inner, client: client.clone() }.settings_changed();
            }
        });
        core
    }

    /// The same core for another client: each door calls this once for each connection.
    pub fn for_client(&self, client: &str) -> Self {
        Self { inner: self.inner.clone(), client: client.into() }
    }

    /// The settings. What is changed there takes effect here by itself.
    pub fn config(&self) -> &Arc<ConfigurationManager> {
        &self.shared().config
    }

    /// The measures.
    pub fn metrics(&self) -> &Arc<MetricsCollector> {
        &self.shared().metrics
    }

    /// How the core is.
    pub fn health(&self) -> Health {
        Health {
            version: env!("CARGO_PKG_VERSION").to_string(),
            mode: self.inner.mode.name().to_string(),
            strategy: self.shared().strategy.name().to_string(),
            uptime_seconds: self.inner.began.elapsed().as_secs_f64(),
            open_documents: self.workspace().open_uris().len(),
            indexed_files: self.workspace().index.len(),
            load: self.inner.tasks.load(),
        }
    }

    /// What happens from now on. A door that falls behind is told so by the channel and asks anew.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.shared().events.subscribe()
    }

    // === Documents: at once, in order, no await ===

    /// Agrees on the encoding of positions; before the first document is opened.
    pub fn set_encoding(&self, encoding: PositionEncoding) {
        self.workspace().set_encoding(encoding);
    }

    /// The encoding agreed on.
    pub fn encoding(&self) -> PositionEncoding {
        self.workspace().encoding()
    }

    /// Whether findings are published as [`Event::Diagnostics`] after each change (push), or only given when asked for (pull).
    pub fn set_push(&self, push: bool) {
        self.shared().push.store(push, Ordering::Relaxed);
    }

    /// Adds a root folder by its URI, before anything was opened. The first one's `code-agent.toml` is read.
    pub fn add_root(&self, root: &str) {
        // A folder of another machine is none here, whatever lies at its path.
        if self.is_elsewhere() {
            return;
        }
        self.workspace().add_root(root);
        self.follow_first_root();
    }

    /// Takes root folders away and adds others. The settings are those of the first one there is then.
    pub fn change_roots(&self, removed: &[String], added: &[String]) {
        if self.is_elsewhere() {
            return;
        }
        removed.iter().for_each(|root| self.workspace().remove_root(root));
        added.iter().for_each(|root| self.workspace().add_root(root));
        self.follow_first_root();
        self.forget_scan();
    }

    /// The settings of the workspace are those of its first root.
    fn follow_first_root(&self) {
        let first = self.roots().into_iter().next();
        let mut followed = self.inner.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if *followed != first {
            let result = self.config().set_workspace(first.as_deref());
            *followed = first;
            drop(followed);
            self.tell_config_errors(result.err());
        }
    }

    /// Paths of the root folders.
    pub fn roots(&self) -> Vec<PathBuf> {
        self.workspace().roots()
    }

    /// Opens a document. One that is too large or of an unknown language is kept, but not analysed; an event says so.
    pub fn open(&self, uri: &str, language_id: &str, version: i32, text: &str) {
        if !self.may_open(uri, language_id) {
            return;
        }
        let snapshot = self.workspace().open(uri, language_id, version, text);
        if self.is_too_much(uri) {
            return;
        }
        if snapshot.language.is_none() {
            if self.inner.told_languages.len() < MOST_TOLD && self.inner.told_languages.insert(language_id.to_string())
            {
                let error = CoreError::UnsupportedLanguage { uri: uri::display(&snapshot.uri) };
                self.shared().publish(Event::Message { level: MessageLevel::Log, text: error.to_string() });
            }
            return;
        }
        if self.tell_size(&snapshot) {
            return;
        }
        self.survey();
        self.diagnose_if_pushing(snapshot);
    }

    /// Tells the user once that a document is too large, when it is opened or has grown. Says whether it is.
    fn tell_size(&self, snapshot: &Snapshot) -> bool {
        let Err(error @ CoreError::TooLarge { .. }) = self.shared().check(snapshot) else {
            self.inner.told_sizes.remove(&snapshot.uri);
            return false;
        };
        if self.inner.told_sizes.insert(snapshot.uri.clone()) {
            self.shared().publish(Event::Message { level: MessageLevel::Warning, text: error.to_string() });
        }
        true
    }

    /// Changes a document: at once, all changes in their order.
    pub fn change(&self, uri: &str, version: i32, changes: &[Change]) -> ChangeOutcome {
        let began = Instant::now();
        let outcome = self.workspace().apply(uri, version, changes);
        self.metrics().record(Kind::Edit, "change", began.elapsed(), Outcome::Success);
        if outcome != ChangeOutcome::NotOpen
            && !self.is_too_much(uri)
            && let Some(snapshot) = self.workspace().snapshot(uri)
            && snapshot.language.is_some()
        {
            self.tell_size(&snapshot);
            self.diagnose_if_pushing(snapshot);
        }
        outcome
    }

    /// Takes note that a document was saved.
    pub fn save(&self, uri: &str) {
        if uri::to_path(uri).is_some_and(|path| self.config().reads(&path)) {
            self.reload_settings();
        }
    }

    /// Closes a document; its file counts again.
    pub fn close(&self, uri: &str) {
        // Dropping the slot cancels the work that is under way for it.
        let slot = self.inner.slots.remove(uri);
        drop(slot);
        self.inner.offered.forget(uri);
        self.shared().notes.forget(uri);
        self.shared().inlines.forget(uri);
        self.inner.owed.remove(uri);
        self.inner.told_sizes.remove(uri);
        if self.workspace().close(uri) && self.shared().push.load(Ordering::Relaxed) {
            self.shared().publish(Event::DiagnosticsCleared { uri: uri.to_string() });
        }
    }

    /// Files changed, came or went outside of the editor. A change of `code-agent.toml` reloads the settings.
    pub fn watched_files_changed(&self, uris: &[String]) {
        let paths: Vec<(PathBuf, &String)> = uris.iter().filter_map(|uri| Some((uri::to_path(uri)?, uri))).collect();
        if paths.iter().any(|(path, _)| self.config().reads(path)) {
            self.reload_settings();
        }
        if paths.iter().any(|(path, _)| path.file_name().is_some_and(|name| name == ".gitignore" || name == ".ignore"))
        {
            self.forget_scan();
        }
        let sources = paths.into_iter().filter(|(path, uri)| {
            syntax::language::Language::from_path(path).is_some()
                && self.workspace().open_uri_of(path).is_none()
                && !self.workspace().is_open(uri)
        });
        let sources: Vec<PathBuf> = sources.map(|(path, _)| path).collect();
        if !sources.is_empty() {
            self.index_again(sources);
        }
    }

    /// An open document as it is now. Positions of a request are turned into bytes with it.
    pub fn snapshot(&self, uri: &str) -> Option<Snapshot> {
        self.workspace().snapshot(uri)
    }

    // === Settings ===

    /// Takes over the editor's settings, the object under the key `code-agent`. What is wrong with them is told by an event.
    pub fn set_editor_settings(&self, settings: serde_json::Value) {
        if let Some(text) = self.config().left_out(&settings) {
            self.shared().publish(Event::Message { level: MessageLevel::Log, text });
        }
        let result = self.config().set_editor(settings);
        self.tell_config_errors(result.err());
    }

    /// Reads all settings files again.
    pub fn reload_settings(&self) {
        let errors = self.config().reload();
        self.tell_config_errors(errors);
    }

    /// Puts changed settings to work: findings are made anew.
    fn settings_changed(&self) {
        self.shared().renew_view(None);
        self.shared().publish(Event::ConfigChanged);
        self.renew_models();
        self.diagnose_all();
    }

    fn tell_config_errors(&self, errors: impl IntoIterator<Item = ConfigError>) {
        for error in errors {
            self.shared().publish(Event::Message { level: MessageLevel::Error, text: error.to_string() });
        }
    }

    /// Measures a request and ties all that it causes together, in measures and in traces.
    pub(crate) async fn measured<T, F: Future<Output = Result<T, CoreError>>>(
        &self,
        name: &'static str,
        work: impl FnOnce(u64) -> F,
    ) -> Result<T, CoreError> {
        let measure = self.metrics().request(name);
        let correlation = measure.correlation;
        let result = work(correlation).instrument(tracing::debug_span!("request", name, correlation)).await;
        measure.end(result)
    }

    /// Has something computed that somebody waits for, away from the threads that talk.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        name: &'static str,
        correlation: u64,
        work: impl FnOnce(&Shared) -> T + Send + 'static,
    ) -> Result<T, CoreError> {
        let spec = TaskSpec {
            name,
            class: Class::Interactive,
            client: self.client.clone(),
            key: None,
            deadline: Some(self.shared().view().settings.limits.deadline()),
            correlation,
        };
        let shared = self.shared().clone();
        Ok(self.inner.tasks.submit(spec, move |_| work(&shared))?.await?)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }

    pub(crate) fn workspace(&self) -> &Workspace {
        &self.inner.shared.workspace
    }
}

impl Shared {
    /// Settings and customs in force.
    pub fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// Makes a new view from the settings of now, and from other customs if given. Says whether findings may be others by the customs.
    pub fn renew_view(&self, customs: Option<Customs>) -> bool {
        let _one_at_a_time = self.view_maker.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.view();
        // The generation is read first: settings that change in between are then seen as new once more.
        let generation = self.config.generation();
        let customs = customs.unwrap_or_else(|| old.customs().clone());
        let is_same_config = generation == old.config_generation;
        if is_same_config && customs == *old.customs() {
            return false;
        }
        let finds_the_same = customs.finds_the_same(old.customs());
        let epoch = if is_same_config && finds_the_same { old.epoch } else { old.epoch + 1 };
        self.view.store(Arc::new(View::new(epoch, generation, self.config.settings(), customs)));
        !finds_the_same
    }

    /// Has everything judged anew: what is shown beside findings is another.
    pub fn renew_epoch(&self) {
        let _one_at_a_time = self.view_maker.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.view();
        let view = View::new(old.epoch + 1, old.config_generation, old.settings.clone(), old.customs().clone());
        self.view.store(Arc::new(view));
    }

    /// Tells all doors; without any door nobody hears it.
    pub fn publish(&self, event: Event) {
        self.events.send(event).ok();
    }

    /// The largest file that is analysed.
    pub fn size_limit(&self) -> u64 {
        self.view().settings.limits.max_file_size
    }

    /// Reads a file's text.
    pub fn read(&self, path: &Path) -> Result<Arc<str>, workspace::files::FileError> {
        workspace::files::read_text(self.workspace.files(), path, self.size_limit())
    }
}

#[cfg(test)]
mod tests;
