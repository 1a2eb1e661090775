//! Remarks of models on documents: shown beside the findings, moved along while the user types, gone where their line was changed.

use crate::answers::Diagnosis;
use crate::events::Event;
use crate::server_core::{ServerCore, Shared};
use actions::ask::{Note, Severity};
use dashmap::DashMap;
use std::sync::Arc;
use syntax::model::FileModel;
use syntax::text::Span;

/// A remark at its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The line it is on, in the state of the document that was asked for.
    pub span: Span,
    /// How serious.
    pub severity: Severity,
    /// One or two sentences.
    pub message: String,
}

impl Remark {
    /// A note on what stands in its line, without the blanks around it.
    pub(crate) fn of(model: &FileModel, note: &Note) -> Self {
        let span = model.lines.line_span(&model.text, note.line);
        let text = span.of(&model.text);
        let lead = text.len() - text.trim_start().len();
        let span = Span::new(span.start + lead, span.start + text.trim_end().len().max(lead));
        Self { span, severity: note.severity, message: note.message.clone() }
    }
}

/// The remarks on each document, as they were made.
#[derive(Default)]
pub(crate) struct Notes {
    by_uri: DashMap<String, Made>,
}

/// The remarks on a state of a document.
struct Made {
    revision: u64,
    text: Arc<str>,
    remarks: Vec<Remark>,
}

impl Notes {
    /// Puts the remarks on a state of a document in the place of older ones.
    pub fn put(&self, uri: &str, revision: u64, model: &FileModel, notes: &[Note]) {
        let remarks = notes.iter().map(|note| Remark::of(model, note)).collect();
        self.by_uri.insert(uri.to_owned(), Made { revision, text: model.text.clone(), remarks });
    }

    /// Drops those on a document.
    pub fn forget(&self, uri: &str) {
        if self.by_uri.remove(uri).is_some() {}
    }
}

impl ServerCore {
    /// The remarks on a document, at their places in this state of it. Those whose line was changed are gone.
    pub fn remarks(&self, diagnosis: &Diagnosis) -> Vec<Remark> {
        self.shared().remarks(diagnosis)
    }

    /// Has the remarks shown that were just made.
    pub(crate) fn show_remarks(&self) {
        self.shared().renew_epoch();
        self.shared().publish(Event::ConfigChanged);
        self.diagnose_all();
    }
}

impl Shared {
    fn remarks(&self, diagnosis: &Diagnosis) -> Vec<Remark> {
        let uri = &diagnosis.uri;
        let Some(made) = self.notes.by_uri.get(uri) else { return Vec::new() };
        // A file that was reviewed on disk and is opened, or was closed, has no log between the two; then its whole text says it.
        if made.text == diagnosis.model.text {
            return made.remarks.clone();
        }
        let moved = |remark: &Remark| {
            let span = self.workspace.carry(uri, remark.span, made.revision, diagnosis.revision).ok()?;
            Some(Remark { span, ..remark.clone() })
        };
        if made.revision == diagnosis.revision { Vec::new() } else { made.remarks.iter().filter_map(moved).collect() }
    }
}
