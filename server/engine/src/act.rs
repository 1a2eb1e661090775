//! What can be done, and the edits that do it. Offering is free; an edit is made only when asked for, proved, and moved to the text of now.

use crate::answers::{Command, FileEdit, Offer, OfferKind, PlaceAt, WorkspaceEdit};
use crate::commands::{action_offer, offer_of};
use crate::diagnose::Analysis;
use crate::diagnose_workspace::Target;
use crate::error::CoreError;
use crate::progress::Progress;
use crate::server_core::{ServerCore, Shared};
use crate::tasks::{CancelFlag, Class, TaskError, TaskSpec};
use actions::edit::Refusal;
use actions::offer::{self as action, OfferGroup};
use std::sync::Arc;
use syntax::extract::Depth;
use syntax::language::Language;
use syntax::model::FileModel;
use syntax::text::{Span, TextEdit, apply_edits};
use workspace::log::Conflict;
use workspace::uri;

impl ServerCore {
    /// What can be done at a place; `only` names the kinds wanted, empty means all.
    ///
    /// # Errors
    /// As for [`Self::diagnostics`].
    pub async fn offers(&self, uri: &str, place: PlaceAt, only: &[OfferKind]) -> Result<Vec<Offer>, CoreError> {
        let groups: Vec<OfferGroup> = only.iter().map(|kind| kind.group()).collect();
        let work = |correlation| async move {
            let analysis = self.analysis(uri, correlation).await?;
            let span = self.carried(place, &analysis)?;
            self.inner.offered.remember(&analysis);
            let list = move |_: &Shared| {
                let diagnosis = &analysis.diagnosis;
                let offers = action::offers(&diagnosis.model, &diagnosis.findings, span, &groups);
                offers.into_iter().map(|offer| Offer::of(offer, &analysis)).collect()
            };
            self.compute("offers", correlation, list).await
        };
        self.measured("offers", work).await
    }

    /// Makes the edit of an offer, moved to the text of now.
    ///
    /// # Errors
    /// [`CoreError::Conflict`] if the text was changed where the edit would go; [`CoreError::Refused`] if it cannot be done,
    /// [`CoreError::NothingToDo`] if it would change nothing.
    pub async fn resolve(&self, offer: &Offer) -> Result<WorkspaceEdit, CoreError> {
        self.measured("resolve", |correlation| self.resolve_offer(offer, correlation)).await
    }

    async fn resolve_offer(&self, offer: &Offer, correlation: u64) -> Result<WorkspaceEdit, CoreError> {
        let analysis = self.analysis_of_revision(&offer.uri, offer.revision, correlation).await?;
        let (id, span) = (offer.id.clone(), Span::new(offer.start, offer.end));
        let choose = move |analysis: &Analysis| {
            let diagnosis = &analysis.diagnosis;
            let all = action::offers(&diagnosis.model, &diagnosis.findings, span, &[]);
            all.into_iter().find(|one| one.id == id).ok_or_else(|| refused(Refusal::Stale))
        };
        self.edit_by(analysis, choose, correlation).await
    }

    /// The analysis that an offer was made from, as long as it is remembered.
    async fn analysis_of_revision(
        &self,
        uri: &str,
        revision: u64,
        correlation: u64,
    ) -> Result<Arc<Analysis>, CoreError> {
        if let Some(analysis) = self.inner.offered.recall(uri, revision) {
            return Ok(analysis);
        }
        let analysis = self.analysis(uri, correlation).await?;
        if analysis.revision == revision { Ok(analysis) } else { Err(Conflict::Forgotten.into()) }
    }

    /// Has an action chosen and done on a thread for such work.
    async fn edit_by(
        &self,
        analysis: Arc<Analysis>,
        choose: impl FnOnce(&Analysis) -> Result<action::Offer, CoreError> + Send + 'static,
        correlation: u64,
    ) -> Result<WorkspaceEdit, CoreError> {
        let work = move |shared: &Shared| {
            let offer = choose(&analysis)?;
            let model = analysis.full_model(shared);
            let writer = analysis.view.writer();
            let proved = shared.strategy.run(&model, &analysis.diagnosis.findings, &offer, &writer).map_err(refused)?;
            let mut file = shared.file_edit(&analysis, proved.edits)?;
            if matches!(offer.kind, action::OfferKind::Document(_)) {
                file.placeholders = placeholders(&file, model.language);
            }
            Ok(WorkspaceEdit {
                files: vec![file],
                note: format!("{}.", offer.title.trim_end_matches('.')),
                confirm: false,
            })
        };
        self.compute("act", correlation, work).await?
    }

    /// Executes a command and gives the edit to be applied. `revision` is the state of the document that the command's place was
    /// counted in, if it has one. `token` names its progress in [`Event::Progress`](crate::events::Event::Progress).
    ///
    /// # Errors
    /// As for [`Self::resolve`].
    pub async fn run(
        &self,
        command: Command,
        revision: Option<u64>,
        token: Option<&str>,
    ) -> Result<WorkspaceEdit, CoreError> {
        let progress = Progress::begin(self.shared().clone(), token, command.title());
        let name = command.name();
        let work = |correlation| self.run_command(command, revision, &progress, correlation);
        let result = self.measured(name, work).await;
        progress.end(match &result {
            Ok(edit) => edit.note.clone(),
            Err(error) => error.to_string(),
        });
        result
    }

    async fn run_command(
        &self,
        command: Command,
        revision: Option<u64>,
        progress: &Progress,
        correlation: u64,
    ) -> Result<WorkspaceEdit, CoreError> {
        let uri = match &command {
            Command::Apply { offer } => return self.resolve_offer(offer, correlation).await,
            Command::DocumentWorkspace => return self.document_workspace(progress, correlation).await,
            Command::DocumentSymbol { uri, .. }
            | Command::DocumentSelection { uri, .. }
            | Command::DocumentFile { uri }
            | Command::UpdateDocs { uri, .. }
            | Command::FixAll { uri }
            | Command::ConvertStyle { uri, .. } => uri.clone(),
        };
        let analysis = self.analysis(&uri, correlation).await?;
        let carry = |span| match revision {
            Some(revision) => self.carried(PlaceAt { span, revision }, &analysis),
            None => Ok(span),
        };
        let command = command.moved(carry)?;
        self.edit_by(analysis, move |analysis| offer_of(&command, analysis), correlation).await
    }

    /// Documents all files of the workspace, one after the other.
    async fn document_workspace(&self, progress: &Progress, correlation: u64) -> Result<WorkspaceEdit, CoreError> {
        let (shared, progress) = (self.shared().clone(), progress.teller());
        let spec = TaskSpec {
            name: "document-workspace",
            class: Class::Bulk,
            client: self.client.clone(),
            key: None,
            deadline: None,
            correlation,
        };
        let work = self.inner.tasks.submit(spec, move |cancel| {
            let stop = || cancel.is_set();
            let targets = shared.targets(&stop);
            let mut edit = WorkspaceEdit::default();
            let mut written = 0;
            for (number, target) in targets.iter().enumerate() {
                if stop() {
                    return Err(TaskError::Cancelled.into());
                }
                progress.report(&uri::display(&target.uri), number * 100 / targets.len().max(1));
                // A file in which nothing can be done safely is left as it is; the others are not.
                if let Ok(Some(file)) = shared.document_target(target, cancel) {
                    written += file.edits.len();
                    edit.files.push(file);
                }
            }
            edit.files.sort_by(|left, right| left.uri.cmp(&right.uri));
            edit.note = format!("Wrote {written} docstrings in {} files.", edit.files.len());
            Ok(edit)
        })?;
        work.await?
    }

    /// Moves an edit to the texts of now; to be called right before it is sent. One that goes over several files is made in those
    /// that did not change meanwhile, and its note says how many did.
    ///
    /// # Errors
    /// [`CoreError::Conflict`] if it concerns one file and that was changed where the edit goes.
    pub async fn rebase(&self, edit: WorkspaceEdit) -> Result<WorkspaceEdit, CoreError> {
        if let [file] = edit.files.as_slice()
            && file.revision != 0
        {
            let file = self.shared().rebase(file.clone())?;
            return Ok(WorkspaceEdit { files: vec![file], ..edit });
        }
        self.compute("rebase", self.metrics().correlation(), move |shared| shared.rebase_all(edit)).await?
    }
}

impl Shared {
    fn document_target(&self, target: &Target, cancel: &CancelFlag) -> Result<Option<FileEdit>, CoreError> {
        let snapshot = self.workspace.load(&target.uri, self.size_limit())?;
        let language = self.check(&snapshot)?;
        let run = || -> Result<Option<FileEdit>, CoreError> {
            let Some(analysis) = self.analyse_document(&snapshot, language, self.view(), cancel) else {
                return Ok(None);
            };
            let model = analysis.full_model(self);
            let offer = action_offer(action::OfferKind::DocumentFile, Span::new(0, model.text.len()), Vec::new());
            match self.strategy.run(&model, &analysis.diagnosis.findings, &offer, &analysis.view.writer()) {
                Ok(proved) if proved.edits.is_empty() => Ok(None),
                Ok(proved) => self.file_edit(&analysis, proved.edits).map(Some),
                Err(Refusal::NothingToDo) => Ok(None),
                Err(refusal) => Err(refused(refusal)),
            }
        };
        // A file that upsets the writer must not take the others along.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or(Ok(None))
    }

    /// Edits of an analysed text, moved to the text of now.
    fn file_edit(&self, analysis: &Analysis, edits: Vec<TextEdit>) -> Result<FileEdit, CoreError> {
        let model = &analysis.diagnosis.model;
        self.rebase(FileEdit {
            relied_on: relied_on(model, &edits),
            uri: analysis.diagnosis.uri.clone(),
            version: analysis.diagnosis.version,
            revision: analysis.revision,
            edits,
            text: model.text.clone(),
            lines: model.lines.clone(),
            placeholders: Vec::new(),
        })
    }

    fn rebase_all(&self, edit: WorkspaceEdit) -> Result<WorkspaceEdit, CoreError> {
        let WorkspaceEdit { files, mut note, confirm } = edit;
        let of_one_file = files.len() == 1;
        let mut moved = Vec::with_capacity(files.len());
        let mut left_out = 0;
        for file in files {
            match self.rebase(file) {
                Ok(file) => moved.push(file),
                Err(error) if of_one_file => return Err(error),
                Err(_) => left_out += 1,
            }
        }
        if left_out > 0 {
            note = format!("{note} {left_out} files were left out, because they were changed meanwhile.");
        }
        Ok(WorkspaceEdit { files: moved, note: note.trim_start().to_string(), confirm })
    }

    pub(crate) fn rebase(&self, mut edit: FileEdit) -> Result<FileEdit, CoreError> {
        edit.edits.sort_by_key(|edit| edit.span);
        if edit.revision == 0 {
            // Made for the file: it holds as long as that, or the document opened since then, has the same text.
            let now = self.workspace.load(&edit.uri, self.size_limit())?;
            if now.text() != edit.text {
                return Err(Conflict::Forgotten.into());
            }
            if now.revision == 0 {
                return Ok(edit);
            }
            return Ok(FileEdit { uri: now.uri.to_string(), version: now.version, revision: now.revision, ..edit });
        }
        if self.workspace.snapshot(&edit.uri).is_some_and(|now| now.revision == edit.revision) {
            return Ok(edit);
        }
        let (snapshot, moved) = self.workspace.rebase(&edit.uri, edit.revision, &edit.edits, &edit.relied_on)?;
        // Tab stops move with the edit that they stand in; there is only ever one edit that has any.
        let first = |edits: &[TextEdit]| edits.first().map_or(0, |edit| edit.span.start);
        let (old, new) = (first(&edit.edits), first(&moved.edits));
        let moved_stop =
            |stop: &Span| Span::new((stop.start + new).saturating_sub(old), (stop.end + new).saturating_sub(old));
        Ok(FileEdit {
            uri: edit.uri,
            version: snapshot.version,
            revision: snapshot.revision,
            edits: moved.edits,
            text: snapshot.text(),
            lines: snapshot.lines(),
            relied_on: moved.relied_on,
            placeholders: edit.placeholders.iter().map(moved_stop).collect(),
        })
    }
}

/// The signatures and docstrings of the symbols that the edits document.
fn relied_on(model: &FileModel, edits: &[TextEdit]) -> Vec<Span> {
    let mut spans = Vec::new();
    for symbol in &model.symbols {
        let doc = symbol.doc.as_ref().map(|doc| doc.block.span);
        let is_concerned = edits.iter().any(|edit| match doc {
            Some(doc) => doc.touches(edit.span.start) || doc.touches(edit.span.end),
            None => edit.span.touches(symbol.doc_slot.offset),
        });
        if is_concerned {
            spans.extend(doc);
            spans.push(symbol.signature);
        }
    }
    spans
}

/// The sentences of the docstring that the one edit of `file` writes, in the text after it; those over several lines are left out.
fn placeholders(file: &FileEdit, language: &'static Language) -> Vec<Span> {
    let [edit] = file.edits.as_slice() else { return Vec::new() };
    let Some(after) = apply_edits(&file.text, &file.edits) else { return Vec::new() };
    let written = Span::new(edit.span.start, edit.span.start + edit.text.len());
    let model = syntax::extract::model(language, after.into(), Depth::Documented);
    let Some(doc) =
        model.symbols.iter().filter_map(|symbol| symbol.doc.as_ref()).find(|doc| written.contains(doc.block.span))
    else {
        return Vec::new();
    };
    let summary = doc
        .block
        .lines
        .get(doc.summary.clone())
        .and_then(|lines| Some(Span::new(lines.first()?.span.start, lines.last()?.span.end)));
    let descriptions = doc.entries.iter().map(|entry| entry.description_span);
    let on_one_line = |span: &Span| !span.is_empty() && !span.of(&model.text).contains(['\n', '\r']);
    summary.into_iter().chain(descriptions).filter(on_one_line).collect()
}

pub(crate) fn refused(refusal: Refusal) -> CoreError {
    match refusal {
        Refusal::NothingToDo => CoreError::NothingToDo,
        other => CoreError::refused(other.to_string()),
    }
}

impl Offer {
    fn of(offer: action::Offer, analysis: &Analysis) -> Self {
        Self {
            kind: OfferKind::of(offer.kind.group()),
            id: offer.id,
            title: offer.title,
            uri: analysis.diagnosis.uri.clone(),
            version: analysis.diagnosis.version,
            revision: analysis.revision,
            start: offer.span.start,
            end: offer.span.end,
            preferred: offer.preferred,
            findings: offer.findings,
        }
    }
}

impl OfferKind {
    pub(crate) fn of(group: OfferGroup) -> Self {
        match group {
            OfferGroup::QuickFix => Self::QuickFix,
            OfferGroup::Rewrite => Self::Rewrite,
            OfferGroup::Source => Self::Source,
            OfferGroup::FixAll => Self::FixAll,
        }
    }

    fn group(self) -> OfferGroup {
        match self {
            Self::QuickFix => OfferGroup::QuickFix,
            Self::Rewrite => OfferGroup::Rewrite,
            Self::Source => OfferGroup::Source,
            Self::FixAll => OfferGroup::FixAll,
        }
    }
}
