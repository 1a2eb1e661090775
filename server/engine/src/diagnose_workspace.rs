//! The findings of all files of the workspace, open or not, told one after the other.

use crate::answers::WorkspaceReport;
use crate::diagnose::result_id;
use crate::error::CoreError;
use crate::server_core::{ServerCore, Shared};
use crate::tasks::{CancelFlag, Class, TaskSpec};
use rustc_hash::{FxHashMap, FxHashSet};
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;
use workspace::uri;

impl ServerCore {
    /// The findings of all files of the workspace, one after the other; `previous` maps URIs to result ids. Dropping the receiver ends the work.
    ///
    /// # Errors
    /// If too much is waiting already.
    pub fn workspace_diagnostics(&self, previous: FxHashMap<String, String>) -> Result<WorkspaceReports, CoreError> {
        let (sender, receiver) = mpsc::channel(64);
        let complete = Arc::new(AtomicBool::new(false));
        let completed = complete.clone();
        let previous = Previous::new(previous);
        let shared = self.shared().clone();
        let spec = TaskSpec {
            name: "diagnose-workspace",
            class: Class::Bulk,
            client: self.client.clone(),
            key: Some(format!("diagnose-workspace {}", self.client).into()),
            deadline: None,
            correlation: self.metrics().correlation(),
        };
        let work = self.inner.tasks.submit(spec, move |cancel| {
            let stop = || cancel.is_set() || sender.is_closed();
            let mut reported = Reported::default();
            for target in shared.targets(&stop) {
                if stop() {
                    return;
                }
                // A file that cannot be read has no findings; the editor shows it itself.
                let Some(report) = shared.workspace_report(&target, &previous, cancel) else { continue };
                reported.add(target);
                if sender.blocking_send(report).is_err() {
                    return;
                }
            }
            // Work that was stopped knows nothing about the files it did not come to.
            for uri in previous.by_uri.into_keys().filter(|uri| !reported.contains(uri)) {
                if stop() || sender.blocking_send(WorkspaceReport::Gone { uri }).is_err() {
                    return;
                }
            }
            completed.store(true, Ordering::Release);
        })?;
        // The receiver alone says whether anybody listens.
        work.detach();
        Ok(WorkspaceReports { receiver, complete })
    }
}

/// The reports of all files, as they are made. Dropping it ends the work.
#[derive(Debug)]
pub struct WorkspaceReports {
    receiver: mpsc::Receiver<WorkspaceReport>,
    complete: Arc<AtomicBool>,
}

impl WorkspaceReports {
    /// Adds up to `limit` reports to `batch` and says how many; 0 at the end.
    pub async fn recv_many(&mut self, batch: &mut Vec<WorkspaceReport>, limit: usize) -> usize {
        self.receiver.recv_many(batch, limit).await
    }

    /// After the end: whether all files were looked at. Otherwise a newer request of the same client took the place of this one.
    pub fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }
}

/// The result ids that a client has, by every name that it may have for a file.
struct Previous {
    by_uri: FxHashMap<String, String>,
    by_path: FxHashMap<PathBuf, String>,
}

impl Previous {
    fn new(by_uri: FxHashMap<String, String>) -> Self {
        let by_path = by_uri.keys().filter_map(|uri| Some((uri::to_path(uri)?, uri.clone()))).collect();
        Self { by_uri, by_path }
    }

    /// The client's own name for the file, and the id that it has for it.
    fn of<'a>(&'a self, target: &Target) -> Option<(&'a str, &'a str)> {
        let by_path = || self.by_uri.get_key_value(self.by_path.get(target.path.as_ref()?)?);
        let (name, id) = self.by_uri.get_key_value(&*target.uri).or_else(by_path)?;
        Some((name, id))
    }
}

/// A file of the workspace.
pub(crate) struct Target {
    /// As its client wrote it if it is open.
    pub uri: Arc<str>,
    /// Its path, where it has one.
    pub path: Option<PathBuf>,
}

/// The files that were told of, by every name that a client may have for them.
#[derive(Default)]
struct Reported {
    uris: FxHashSet<Arc<str>>,
    paths: FxHashSet<PathBuf>,
}

impl Reported {
    fn add(&mut self, target: Target) {
        self.uris.insert(target.uri);
        self.paths.extend(target.path);
    }

    fn contains(&self, uri: &str) -> bool {
        self.uris.contains(uri) || uri::to_path(uri).is_some_and(|path| self.paths.contains(&path))
    }
}

impl Shared {
    /// All files of the workspace: open documents, then what the roots hold.
    pub fn targets(&self, stop: &(dyn Fn() -> bool + Sync)) -> Vec<Target> {
        let open = self.workspace.open_uris();
        let open_paths: Vec<PathBuf> = open.iter().filter_map(|uri| uri::to_path(uri)).collect();
        let mut targets: Vec<Target> = open.into_iter().map(|uri| Target { path: uri::to_path(&uri), uri }).collect();
        let mut seen: FxHashSet<PathBuf> = open_paths.into_iter().collect();
        for root in self.workspace.roots() {
            for path in self.workspace.files().list(&root, stop) {
                if seen.insert(path.clone()) {
                    targets.push(Target { uri: uri::from_path(&path).into(), path: Some(path) });
                }
            }
        }
        targets
    }

    fn workspace_report(&self, target: &Target, previous: &Previous, cancel: &CancelFlag) -> Option<WorkspaceReport> {
        let snapshot = self.workspace.load(&target.uri, self.size_limit()).ok()?;
        let language = self.check(&snapshot).ok()?;
        let view = self.view();
        let result_id = result_id(&snapshot.text(), view.epoch);
        if let Some((name, id)) = previous.of(target)
            && id == result_id
        {
            return Some(WorkspaceReport::Unchanged { uri: name.to_string(), version: snapshot.version, result_id });
        }
        let run = || self.analyse_document(&snapshot, language, view, cancel);
        // A file that upsets the analysis must not take the others along.
        let analysis = std::panic::catch_unwind(AssertUnwindSafe(run)).ok()??;
        if snapshot.version.is_none() {
            self.remember(&snapshot.uri, &analysis.diagnosis.model);
        }
        Some(WorkspaceReport::Full(analysis.diagnosis.clone()))
    }
}
