//! From a document to its findings: one task for each state of a document, shared by all who ask, gone when the document moves on or nobody asks any more.

use crate::answers::{Diagnosis, PlaceAt};
use crate::error::CoreError;
use crate::events::Event;
use crate::server_core::{ServerCore, Shared};
use crate::tasks::{CancelFlag, Class, TaskError, TaskHandle, TaskSpec, panic_message};
use crate::view::{self, Customs, View};
use rustc_hash::FxHasher;
use std::hash::Hasher;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use syntax::extract::{Depth, Parsed};
use syntax::language::Language;
use syntax::model::FileModel;
use syntax::text::Span;
use tokio::sync::watch;
use workspace::index::FileRecord;
use workspace::{Snapshot, uri};

/// What was found in one state of one document.
pub(crate) struct Analysis {
    /// The state.
    pub revision: u64,
    /// Findings and model, as doors get them.
    pub diagnosis: Arc<Diagnosis>,
    /// Settings and customs that it was made under.
    pub view: Arc<View>,
    parsed: Parsed,
    full: OnceLock<Arc<FileModel>>,
    indexed: AtomicBool,
}

impl Analysis {
    /// The model with all bodies read, as writing needs it; made when first asked for.
    pub fn full_model(&self, shared: &Shared) -> Arc<FileModel> {
        let make = || {
            let model = &self.diagnosis.model;
            if self.view.depth() == Depth::Full {
                return model.clone();
            }
            Arc::new(view::model(&self.parsed, model.text.clone(), Depth::Full, model.language.id, &shared.metrics))
        };
        self.full.get_or_init(make).clone()
    }
}

type Answer = Option<Result<Arc<Analysis>, TaskError>>;

/// The analysis of an open document: under way, or done.
pub(crate) struct Slot {
    revision: u64,
    epoch: u64,
    answer: watch::Receiver<Answer>,
    waiters: Arc<AtomicUsize>,
    /// Dropping it cancels the work.
    _work: TaskHandle<()>,
}

/// Someone who waits for a slot's answer.
struct Waiter<'a> {
    core: &'a ServerCore,
    uri: Arc<str>,
    revision: u64,
    waiters: Arc<AtomicUsize>,
    answer: watch::Receiver<Answer>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let is_last = self.waiters.fetch_sub(1, Ordering::AcqRel) == 1;
        if is_last && self.answer.borrow().is_none() && !self.core.shared().push.load(Ordering::Relaxed) {
            let slots = &self.core.inner.slots;
            // Taken out of the map first, so that the work is cancelled outside of the map's lock.
            let slot = slots.remove_if(&self.uri, |_, slot| {
                slot.revision == self.revision
                    && slot.waiters.load(Ordering::Acquire) == 0
                    && slot.answer.borrow().is_none()
            });
            drop(slot);
        }
    }
}

impl ServerCore {
    /// The findings of a document, or of a file on disk that is not open.
    ///
    /// # Errors
    /// If there is no such document, it is too large, of an unknown language, or the task was cancelled.
    pub async fn diagnostics(&self, uri: &str) -> Result<Arc<Diagnosis>, CoreError> {
        let work = |correlation| self.analysis(uri, correlation);
        self.measured("diagnostics", work).await.map(|analysis| analysis.diagnosis.clone())
    }

    /// The analysis of the newest state of a document, or of a file on disk.
    pub(crate) async fn analysis(&self, uri: &str, correlation: u64) -> Result<Arc<Analysis>, CoreError> {
        let deadline = self.shared().view().settings.limits.deadline();
        let work = async {
            loop {
                let Some(snapshot) = self.snapshot_of(uri) else {
                    return self.analysis_of_file(uri, correlation).await;
                };
                let revision = snapshot.revision;
                let mut waiter = match self.begin(snapshot, correlation) {
                    Ok(waiter) => waiter,
                    Err(CoreError::Task(TaskError::Replaced)) => continue,
                    Err(error) => return Err(error),
                };
                let answer = match waiter.answer.wait_for(Option::is_some).await {
                    Ok(answer) => (*answer).clone(),
                    Err(_closed) => None,
                };
                match answer {
                    Some(Ok(analysis)) => return Ok(analysis),
                    Some(Err(TaskError::Panicked { message })) => return Err(TaskError::Panicked { message }.into()),
                    // Cancelled in favour of a newer state, or of newer settings: that is the one to ask for.
                    _ if self.snapshot_of(uri).is_some_and(|now| now.revision != revision) => {}
                    _ => tokio::task::yield_now().await,
                }
            }
        };
        tokio::time::timeout(deadline, work).await.unwrap_or_else(|_elapsed| Err(TaskError::Deadline.into()))
    }

    /// Where a place that was counted in one state of a document lies in the state that was analysed.
    ///
    /// # Errors
    /// If what it held was changed in between.
    pub(crate) fn carried(&self, place: PlaceAt, analysis: &Analysis) -> Result<Span, CoreError> {
        Ok(self.workspace().carry(&analysis.diagnosis.uri, place.span, place.revision, analysis.revision)?)
    }

    /// Whether no newer text, settings or customs than those of `diagnosis` are there: only then it is worth showing.
    pub fn is_newest(&self, diagnosis: &Diagnosis) -> bool {
        diagnosis.epoch == self.shared().view().epoch
            && self.workspace().snapshot(&diagnosis.uri).is_some_and(|now| now.revision == diagnosis.revision)
    }

    /// The document under this or another spelling of its URI.
    fn snapshot_of(&self, uri: &str) -> Option<Snapshot> {
        self.workspace().snapshot(uri).or_else(|| {
            let open = self.workspace().open_uri_of(&uri::to_path(uri)?)?;
            self.workspace().snapshot(&open)
        })
    }

    /// Joins the work for this state of a document, or begins it.
    fn begin(&self, snapshot: Snapshot, correlation: u64) -> Result<Waiter<'_>, CoreError> {
        let language = self.shared().check(&snapshot)?;
        let (uri, revision) = (snapshot.uri.clone(), snapshot.revision);
        let view = self.shared().view();
        let epoch = view.epoch;
        let entry = self.inner.slots.entry(uri.clone());
        if let dashmap::Entry::Occupied(slot) = &entry {
            let slot = slot.get();
            if slot.revision > revision || slot.epoch > epoch {
                return Err(TaskError::Replaced.into());
            }
            let is_alive = slot.answer.has_changed().is_ok() || matches!(&*slot.answer.borrow(), Some(Ok(_)));
            if slot.revision == revision && slot.epoch == epoch && is_alive {
                return Ok(self.wait_for(slot, uri));
            }
        }
        let (sender, answer) = watch::channel(None);
        let shared = self.shared().clone();
        let spec = TaskSpec {
            name: "diagnose",
            class: Class::Interactive,
            client: self.client.clone(),
            key: Some(format!("diagnose {uri}").into()),
            deadline: None,
            correlation,
        };
        let work = self.inner.tasks.submit(spec, move |cancel| {
            let run = || shared.analyse_document(&snapshot, language, view, cancel);
            match std::panic::catch_unwind(AssertUnwindSafe(run)) {
                Ok(Some(analysis)) => {
                    sender.send_replace(Some(Ok(analysis.clone())));
                    cancel.settle();
                    shared.made(&snapshot, &analysis);
                }
                Ok(None) => {}
                Err(panic) => {
                    sender.send_replace(Some(Err(TaskError::Panicked { message: panic_message(&*panic) })));
                    std::panic::resume_unwind(panic);
                }
            }
        })?;
        let slot = Slot { revision, epoch, answer, waiters: Arc::default(), _work: work };
        let (entry, old) = match entry {
            dashmap::Entry::Occupied(mut entry) => {
                let old = std::mem::replace(entry.get_mut(), slot);
                (entry.into_ref(), Some(old))
            }
            dashmap::Entry::Vacant(entry) => (entry.insert(slot), None),
        };
        let waiter = self.wait_for(&entry, uri);
        drop(entry);
        // Cancels the work for the older state, outside of the map's lock.
        drop(old);
        Ok(waiter)
    }

    fn wait_for<'a>(&'a self, slot: &Slot, uri: Arc<str>) -> Waiter<'a> {
        slot.waiters.fetch_add(1, Ordering::AcqRel);
        Waiter { core: self, uri, revision: slot.revision, waiters: slot.waiters.clone(), answer: slot.answer.clone() }
    }

    /// Begins the work for a document if findings are to be published.
    pub(crate) fn diagnose_if_pushing(&self, snapshot: Snapshot) {
        if !self.shared().push.load(Ordering::Relaxed) {
            return;
        }
        let uri = snapshot.uri.clone();
        let mut newest = Some(snapshot);
        while let Some(snapshot) = newest.take() {
            match self.begin(snapshot, self.metrics().correlation()).map(drop) {
                Ok(()) => {}
                // Work for a newer text or newer settings is there, but perhaps not for both: nobody else may ask for that.
                Err(CoreError::Task(TaskError::Replaced)) => newest = self.workspace().snapshot(&uri),
                // Without room it waits until some is free.
                Err(CoreError::Task(TaskError::Busy { .. })) => {
                    self.inner.owed.insert(uri.clone());
                }
                // What was found before it grew is not true any more.
                Err(error) => {
                    tracing::debug!(%uri, %error, "not diagnosed");
                    drop(self.inner.slots.remove(&uri));
                    self.shared().publish(Event::DiagnosticsCleared { uri: uri.to_string() });
                }
            }
        }
    }

    /// Begins the work for documents for which there was no room; to be called when findings come in.
    pub fn diagnose_owed(&self) {
        // The guard of the iterator is gone before the set is changed.
        let next = || self.inner.owed.iter().next().map(|uri| (*uri).clone());
        while let Some(uri) = next() {
            self.inner.owed.remove(&uri);
            if let Some(snapshot) = self.workspace().snapshot(&uri) {
                self.diagnose_if_pushing(snapshot);
            }
            if self.inner.owed.contains(&uri) {
                return;
            }
        }
    }

    /// Begins the work for all open documents that were not yet judged under the settings and customs of now, if findings are to be published.
    pub fn diagnose_all(&self) {
        for uri in self.workspace().open_uris() {
            if let Some(snapshot) = self.workspace().snapshot(&uri) {
                self.diagnose_if_pushing(snapshot);
            }
        }
    }

    /// The analysis of a file on disk; not kept.
    async fn analysis_of_file(&self, uri: &str, correlation: u64) -> Result<Arc<Analysis>, CoreError> {
        let path = uri::to_path(uri).ok_or_else(|| CoreError::UnknownDocument { uri: uri.to_string() })?;
        if Language::from_path(&path).is_none() {
            return Err(CoreError::UnsupportedLanguage { uri: uri.to_string() });
        }
        let spec = TaskSpec {
            name: "diagnose-file",
            class: Class::Interactive,
            client: self.client.clone(),
            key: None,
            deadline: None,
            correlation,
        };
        let (shared, uri) = (self.shared().clone(), uri.to_string());
        let work = self.inner.tasks.submit(spec, move |cancel| {
            let snapshot = shared.workspace.load(&uri, shared.size_limit())?;
            let language = shared.check(&snapshot)?;
            let view = shared.view();
            shared.analyse_document(&snapshot, language, view, cancel).ok_or(CoreError::Task(TaskError::Cancelled))
        })?;
        work.await?
    }
}

impl Shared {
    /// The language of a document that can be analysed.
    pub fn check(&self, snapshot: &Snapshot) -> Result<&'static Language, CoreError> {
        let uri = || uri::display(&snapshot.uri);
        let language = snapshot.language.ok_or_else(|| CoreError::UnsupportedLanguage { uri: uri() })?;
        let limit = usize::try_from(self.size_limit()).unwrap_or(usize::MAX);
        if snapshot.size() > limit {
            return Err(CoreError::TooLarge { uri: uri(), size: snapshot.size(), limit });
        }
        Ok(language)
    }

    /// Text to tree to model to findings; `None` when cancelled.
    pub fn analyse_document(
        &self,
        snapshot: &Snapshot,
        language: &'static Language,
        view: Arc<View>,
        cancel: &CancelFlag,
    ) -> Option<Arc<Analysis>> {
        let cancelled = || cancel.is_set();
        let text = snapshot.text();
        let parsed = view::parse(language, &text, snapshot.parsed.as_ref(), &cancelled, &self.metrics)?;
        if snapshot.revision != 0 {
            self.workspace.adopt(&snapshot.uri, snapshot.revision, parsed.clone());
        }
        if cancelled() {
            return None;
        }
        let result_id = result_id(&text, view.epoch);
        let model = view::model(&parsed, text, view.depth(), language.id, &self.metrics);
        if cancelled() {
            return None;
        }
        let findings = view::findings(&model, &view, &self.metrics);
        let diagnosis = Diagnosis {
            uri: snapshot.uri.to_string(),
            version: snapshot.version,
            revision: snapshot.revision,
            epoch: view.epoch,
            result_id,
            findings: findings.into(),
            model: Arc::new(model),
        };
        let (revision, diagnosis) = (snapshot.revision, Arc::new(diagnosis));
        Some(Arc::new(Analysis {
            revision,
            diagnosis,
            view,
            parsed,
            full: OnceLock::new(),
            indexed: AtomicBool::new(false),
        }))
    }

    /// Makes known what was found in an open document.
    fn made(&self, snapshot: &Snapshot, analysis: &Analysis) {
        if self.workspace.snapshot(&snapshot.uri).is_none_or(|now| now.revision != snapshot.revision) {
            return;
        }
        if self.push.load(Ordering::Relaxed) {
            self.publish(Event::Diagnostics(analysis.diagnosis.clone()));
        }
        self.index_once(&snapshot.uri, analysis);
    }

    /// Puts an open document into the index, unless its task has done so already.
    pub fn index_once(&self, uri: &Arc<str>, analysis: &Analysis) {
        if !analysis.indexed.swap(true, Ordering::AcqRel) {
            self.remember(uri, &analysis.diagnosis.model);
        }
    }

    /// Puts a model's names and customs into the index.
    pub fn remember(&self, uri: &Arc<str>, model: &FileModel) {
        let record = FileRecord::of(model, self.workspace.encoding());
        if self.workspace.index.update(uri, record) && self.renew_view(Some(Customs::of(&self.workspace.index.facts())))
        {
            self.publish(Event::WorkspaceChanged);
        }
    }
}

/// Equal for equal text under equal settings.
pub(crate) fn result_id(text: &str, epoch: u64) -> String {
    let mut hasher = FxHasher::default();
    hasher.write(text.as_bytes());
    hasher.write_usize(text.len());
    format!("{:016x}.{epoch}", hasher.finish())
}
