//! What can be seen of the code: hovers, drafts, lenses, outlines, and symbols by name. Nothing here changes anything.

use crate::answers::{Command, Completion, FoundSymbol, Hover, Lens, OutlineItem, PlaceAt, Seen};
use crate::error::CoreError;
use crate::events::Event;
use crate::server_core::{ServerCore, Shared};
use crate::tasks::{CancelFlag, Class, TaskSpec};
use crate::view;
use actions::lens::LensKind;
use rustc_hash::FxHashSet;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use syntax::extract::Depth;
use syntax::model::{FileModel, Symbol};
use syntax::text::Span;
use tokio::sync::watch;
use workspace::files::FileError;
use workspace::index::Place;
use workspace::uri;

/// Files that are looked at for the customs of the repository when the first document is opened.
const SURVEY_FILES: usize = 200;
/// Files whose symbols are kept; beyond it a search would be slow and the index large.
const SCAN_FILES: usize = 50_000;
/// How long a search waits for the first scan; then it answers with what is known.
const SCAN_PATIENCE: Duration = Duration::from_millis(1500);
/// Symbols in one answer; more than anybody reads.
const MAX_FOUND: usize = 256;

/// The scan of all files for their symbols, begun once.
#[derive(Default)]
pub(crate) struct Scan {
    done: Mutex<Option<watch::Receiver<bool>>>,
}

impl ServerCore {
    /// What is known of the symbol at a place.
    ///
    /// # Errors
    /// As for [`Self::diagnostics`], and if the place was changed meanwhile.
    pub async fn hover(&self, uri: &str, place: PlaceAt) -> Result<Option<Seen<Hover>>, CoreError> {
        if !self.shared().view().settings.editor.hover {
            return Ok(None);
        }
        let work = |correlation| async move {
            let analysis = self.analysis(uri, correlation).await?;
            let offset = self.carried(place, &analysis)?.start;
            let diagnosis = analysis.diagnosis.clone();
            let look = move |shared: &Shared| {
                let mut hover = actions::hover::hover(&diagnosis.model, &diagnosis.findings, offset)?;
                if let Some(words) = shared.explained.of(&diagnosis, offset) {
                    hover.markdown = format!("{}\n\n---\n{words}", hover.markdown.trim_end());
                }
                Some(hover)
            };
            let hover = self.compute("hover", correlation, look).await?;
            Ok(hover.map(|hover| Seen {
                diagnosis: analysis.diagnosis.clone(),
                value: Hover { span: hover.span, markdown: hover.markdown },
            }))
        };
        self.measured("hover", work).await
    }

    /// A docstring drafted behind the opening (`"""`, `/**`, `///`, …) that ends at a byte.
    ///
    /// # Errors
    /// As for [`Self::diagnostics`].
    pub async fn completion(&self, uri: &str, offset: usize) -> Result<Option<Completion>, CoreError> {
        self.measured("completion", |correlation| self.draft(uri, offset, correlation)).await
    }

    async fn draft(&self, uri: &str, offset: usize, correlation: u64) -> Result<Option<Completion>, CoreError> {
        let snapshot =
            self.workspace().snapshot(uri).ok_or_else(|| CoreError::UnknownDocument { uri: uri.to_string() })?;
        let language = self.shared().check(&snapshot)?;
        let view = self.shared().view();
        if !view.settings.editor.completion {
            return Ok(None);
        }
        let spec = TaskSpec {
            name: "complete",
            class: Class::Interactive,
            client: self.client.clone(),
            // Only the newest draft of a client is of any use to it.
            key: Some(format!("complete {}", self.client).into()),
            deadline: Some(view.settings.limits.deadline()),
            correlation,
        };
        let work = self.inner.tasks.submit(spec, move |_| {
            actions::complete::doc_completion(language, &snapshot.text(), offset, &view.writer())
        })?;
        let draft = work.await?;
        Ok(draft.map(|draft| Completion {
            detail: preview(&draft.plain),
            label: draft.label,
            span: draft.span,
            text: draft.plain,
            snippet: draft.snippet,
        }))
    }

    /// The lenses of a file.
    ///
    /// # Errors
    /// As for [`Self::diagnostics`].
    pub async fn lenses(&self, uri: &str) -> Result<Option<Seen<Vec<Lens>>>, CoreError> {
        if !self.shared().view().settings.editor.lenses {
            return Ok(None);
        }
        let work = |correlation| async move {
            let analysis = self.analysis(uri, correlation).await?;
            let diagnosis = analysis.diagnosis.clone();
            let look = move |_: &Shared| actions::lens::lenses(&diagnosis.model, &diagnosis.findings);
            let lenses = self.compute("lenses", correlation, look).await?.into_iter();
            let lens =
                |lens: actions::lens::Lens| Lens { command: click(uri, &lens), span: lens.span, title: lens.title };
            Ok(Some(Seen { diagnosis: analysis.diagnosis.clone(), value: lenses.map(lens).collect() }))
        };
        self.measured("lenses", work).await
    }

    /// The outline of a file.
    ///
    /// # Errors
    /// As for [`Self::diagnostics`].
    pub async fn outline(&self, uri: &str) -> Result<Seen<Vec<OutlineItem>>, CoreError> {
        let work = |correlation| async move {
            let diagnosis = self.analysis(uri, correlation).await?.diagnosis.clone();
            let model = diagnosis.model.clone();
            let value = self.compute("outline", correlation, move |_| outline(&model)).await?;
            Ok(Seen { diagnosis, value })
        };
        self.measured("outline", work).await
    }

    /// Symbols of the workspace by name, best first.
    ///
    /// # Errors
    /// If too much is waiting already.
    pub async fn symbols(&self, query: &str) -> Result<Vec<FoundSymbol>, CoreError> {
        let work = |correlation| async move {
            let mut done = self.scan()?;
            let known = async {
                // With the scan gone, the answer is what is known so far.
                done.wait_for(|done| *done).await.ok();
                // What is typed counts, not what is on disk, whether anybody asked for its findings or not.
                for uri in self.workspace().open_uris() {
                    if let Ok(analysis) = self.analysis(&uri, correlation).await {
                        self.shared().index_once(&uri, &analysis);
                    }
                }
            };
            // Without patience left as well.
            tokio::time::timeout(SCAN_PATIENCE, known).await.ok();
            let query = query.to_string();
            let search = move |shared: &Shared| shared.workspace.index.search(&query, MAX_FOUND);
            let found = self.compute("symbols", correlation, search).await?;
            Ok(found.into_iter().map(|(uri, place)| found_symbol(&uri, place)).collect())
        };
        self.measured("symbols", work).await
    }

    /// Begins, once, to read the symbols of all files.
    fn scan(&self) -> Result<watch::Receiver<bool>, CoreError> {
        let mut scan = self.inner.scan.done.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(done) = &*scan {
            return Ok(done.clone());
        }
        let (sender, done) = watch::channel(false);
        self.begin_indexing("scan", Class::Background, move |shared, cancel| {
            shared.index_files(shared.unopened(&|| cancel.is_set()), SCAN_FILES, cancel);
            sender.send_replace(true);
        })?;
        *scan = Some(done.clone());
        Ok(done)
    }

    /// Begins, once, to look at a part of the files for the customs of the repository. Opening a document does so; a door that opens none calls it.
    pub fn survey(&self) {
        if self.roots().is_empty() || self.inner.surveyed.swap(true, Ordering::Relaxed) {
            return;
        }
        let begun = self.begin_indexing("survey", Class::Bulk, |shared, cancel| {
            let files = shared.unopened(&|| cancel.is_set());
            // Spread over the whole tree, so that one corner does not speak for all.
            let step = files.len().div_ceil(SURVEY_FILES).max(1);
            shared.index_files(files.into_iter().step_by(step).collect(), SURVEY_FILES, cancel);
        });
        if let Err(error) = begun {
            tracing::debug!(%error, "no survey");
        }
    }

    /// Looks at the files of all roots anew when somebody asks next: other roots are there, or other files are ignored.
    pub(crate) fn forget_scan(&self) {
        drop(self.inner.scan.done.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.workspace().index.retain(|uri| self.workspace().is_open(uri));
        self.inner.surveyed.store(false, Ordering::Relaxed);
        if !self.workspace().open_uris().is_empty() {
            self.survey();
        }
        self.shared().publish(Event::WorkspaceChanged);
    }

    /// Reads files again that changed on disk; what is gone is forgotten.
    pub(crate) fn index_again(&self, paths: Vec<PathBuf>) {
        let is_scanned = self.inner.scan.done.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let roots = self.roots();
        let (changed, gone): (Vec<_>, Vec<_>) = paths
            .into_iter()
            .filter(|path| roots.iter().any(|root| path.starts_with(root)))
            .partition(|path| self.workspace().files().exists(path));
        gone.iter().for_each(|path| self.workspace().index.remove(&uri::from_path(path)));
        let begun = if is_scanned {
            self.begin_indexing("index", Class::Background, |shared, cancel| {
                // Only a walk knows which files are ignored.
                let walked: FxHashSet<PathBuf> = shared.unopened(&|| cancel.is_set()).into_iter().collect();
                let changed = changed.into_iter().filter(|path| walked.contains(path)).collect();
                shared.index_files(changed, SCAN_FILES, cancel);
                shared.publish(Event::WorkspaceChanged);
            })
        } else {
            self.shared().publish(Event::WorkspaceChanged);
            Ok(())
        };
        if let Err(error) = begun {
            tracing::debug!(%error, "changed files are not indexed");
        }
    }

    fn begin_indexing(
        &self,
        name: &'static str,
        class: Class,
        work: impl FnOnce(&Shared, &CancelFlag) + Send + 'static,
    ) -> Result<(), CoreError> {
        let correlation = self.metrics().correlation();
        let spec = TaskSpec { name, class, client: self.client.clone(), key: None, deadline: None, correlation };
        let shared = self.shared().clone();
        // It serves all who come later, so it does not end with the one who asked first.
        self.inner.tasks.submit(spec, move |cancel| work(&shared, cancel))?.detach();
        Ok(())
    }
}

/// What a click on a lens does.
fn click(uri: &str, lens: &actions::lens::Lens) -> Command {
    match lens.kind {
        LensKind::Undocumented => Command::DocumentSymbol { uri: uri.to_string(), offset: lens.span.start },
        LensKind::Drifted => Command::UpdateDocs { uri: uri.to_string(), offset: Some(lens.span.start) },
    }
}

pub(crate) fn found_symbol(uri: &str, place: Place) -> FoundSymbol {
    FoundSymbol {
        name: place.name.into(),
        kind: place.kind,
        container: place.container.into(),
        uri: uri.to_string(),
        start: place.start,
        end: place.end,
    }
}

impl Shared {
    fn unopened(&self, stop: &(dyn Fn() -> bool + Sync)) -> Vec<PathBuf> {
        let targets = self.targets(stop).into_iter();
        targets.filter(|target| !self.workspace.is_open(&target.uri)).filter_map(|target| target.path).collect()
    }

    fn index_files(&self, paths: Vec<PathBuf>, limit: usize, cancel: &CancelFlag) {
        for path in paths.into_iter().take(limit) {
            if cancel.is_set() {
                return;
            }
            let index = || -> Result<(), FileError> {
                let Some(language) = syntax::language::Language::from_path(&path) else { return Ok(()) };
                let text = self.read(&path)?;
                let cancelled = || cancel.is_set();
                let Some(parsed) = view::parse(language, &text, None, &cancelled, &self.metrics) else { return Ok(()) };
                let model = view::model(&parsed, text, Depth::Documented, language.id, &self.metrics);
                let uri: Arc<str> = uri::from_path(&path).into();
                let record = workspace::index::FileRecord::of(&model, self.workspace.encoding());
                // The sum is made once, after all files.
                self.workspace.index.update(&uri, record);
                Ok(())
            };
            match std::panic::catch_unwind(AssertUnwindSafe(index)) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "not indexed"),
                Err(_) => tracing::error!(path = %path.display(), "indexing panicked"),
            }
        }
        let customs = view::Customs::of(&self.workspace.index.facts());
        if self.renew_view(Some(customs)) {
            self.publish(Event::WorkspaceChanged);
        }
    }
}

/// The first line with a word in it, comment marks taken off.
fn preview(comment: &str) -> String {
    let words = comment.lines().map(|line| line.trim().trim_start_matches(['/', '*', '#', '"', '\'', '!']).trim());
    words
        .map(|line| line.trim_end_matches(['"', '\'', '*', '/']).trim_end())
        .find(|line| !line.is_empty())
        .unwrap_or("")
        .to_string()
}

/// Nests the symbols of a file by their owners.
pub(crate) fn outline(model: &FileModel) -> Vec<OutlineItem> {
    fn children(model: &FileModel, by_parent: &[Vec<usize>], parent: usize) -> Vec<OutlineItem> {
        let indices = by_parent.get(parent).map_or(&[][..], Vec::as_slice);
        indices
            .iter()
            .filter_map(|&index| {
                let symbol = model.symbols.get(index)?;
                let children = children(model, by_parent, index);
                Some(OutlineItem {
                    name: display_name(symbol),
                    detail: detail(model, symbol),
                    kind: symbol.kind,
                    span: symbol.extent(),
                    name_span: symbol.name_span,
                    deprecated: symbol.flags.is_deprecated,
                    children,
                })
            })
            .collect()
    }
    let mut by_parent = vec![Vec::new(); model.symbols.len()];
    for (index, symbol) in model.symbols.iter().enumerate().skip(1) {
        // An owner always stands before what it owns, so that this never runs in a circle.
        if let Some(list) = symbol.parent.filter(|&parent| parent < index).and_then(|parent| by_parent.get_mut(parent))
        {
            list.push(index);
        }
    }
    children(model, &by_parent, 0)
}

fn display_name(symbol: &Symbol) -> String {
    // Editors refuse an outline that has a nameless item.
    if symbol.name.is_empty() { format!("<{}>", symbol.kind.word()) } else { symbol.name.clone() }
}

/// The signature behind the name, on one line.
fn detail(model: &FileModel, symbol: &Symbol) -> String {
    const LONGEST: usize = 80;
    let rest = Span::new(symbol.name_span.end, symbol.signature.end);
    let words: Vec<&str> = rest.of(&model.text).split_whitespace().collect();
    let line = words.join(" ");
    let line = line.trim_end_matches([':', '{']).trim_end();
    match line.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", line.get(..cut).unwrap_or("")),
        None => line.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syntax::language::Language;

    #[test]
    fn an_outline_nests_members_in_their_owners() {
        let text =
            "class C:\n    x = 1\n\n    def m(self, a,\n          b=2) -> int:\n        pass\n\n\ndef f():\n    pass\n";
        let model = syntax::extract::model(Language::from_id("python").unwrap(), text.into(), Depth::Documented);
        let items = outline(&model);
        let names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(names, ["C", "f"]);
        let method = items[0].children.iter().find(|item| item.name == "m").unwrap();
        assert_eq!(method.detail, "(self, a, b=2) -> int");
        assert!(items[0].span.contains(method.span) && method.span.contains(method.name_span));
    }
}
