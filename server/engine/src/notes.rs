//! Remarks of models on documents: shown beside the findings, moved along while the user types, gone where their line was changed.

use crate::events::Event;
use crate::server_core::{ServerCore, Shared};
use actions::ask::{Note, Severity};
use dashmap::DashMap;
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

/// The remarks on each document, as they were made.
#[derive(Default)]
pub(crate) struct Notes {
    by_uri: DashMap<String, (u64, Vec<Remark>)>,
}

impl Notes {
    /// Puts the remarks on a state of a document in the place of older ones.
    pub fn put(&self, uri: &str, revision: u64, model: &FileModel, notes: &[Note]) {
        let place = |line: usize| {
            let span = model.lines.line_span(&model.text, line);
            let text = span.of(&model.text);
            let lead = text.len() - text.trim_start().len();
            Span::new(span.start + lead, span.start + text.trim_end().len().max(lead))
        };
        let remark =
            |note: &Note| Remark { span: place(note.line), severity: note.severity, message: note.message.clone() };
        self.by_uri.insert(uri.to_owned(), (revision, notes.iter().map(remark).collect()));
    }

    /// Drops those on a document.
    pub fn forget(&self, uri: &str) {
        if self.by_uri.remove(uri).is_some() {}
    }
}

impl ServerCore {
    /// The remarks on a document, at their places in this state of it. Those whose line was changed are gone.
    pub fn remarks(&self, uri: &str, revision: u64) -> Vec<Remark> {
        self.shared().remarks(uri, revision)
    }

    /// Has the remarks shown that were just made.
    pub(crate) fn show_remarks(&self) {
        self.shared().renew_epoch();
        self.shared().publish(Event::ConfigChanged);
        self.diagnose_all();
    }
}

impl Shared {
    fn remarks(&self, uri: &str, revision: u64) -> Vec<Remark> {
        let Some(entry) = self.notes.by_uri.get(uri) else { return Vec::new() };
        let (made, remarks) = entry.value();
        let moved = |remark: &Remark| {
            let span = self.workspace.carry(uri, remark.span, *made, revision).ok()?;
            Some(Remark { span, ..remark.clone() })
        };
        remarks.iter().filter_map(moved).collect()
    }
}
