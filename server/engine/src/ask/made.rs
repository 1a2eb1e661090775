//! From an answer that holds to what a door applies or shows: edits moved to the text of now, formatted and verified by the user's own programs.

use super::{Answered, Ask, AskKind, Asked};
use crate::answers::{FileEdit, WorkspaceEdit};
use crate::diagnose::Analysis;
use crate::error::CoreError;
use crate::server_core::Shared;
use actions::ask::Made;
use security::cage::{Bounds, run};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use syntax::text::{LineIndex, Span, TextEdit, apply_edits};
use workspace::uri;

/// What a formatter or a verifier may take.
const PROGRAM: Bounds = Bounds { time: Duration::from_secs(30), output: 4 << 20 };

impl Shared {
    /// What is applied or shown.
    pub fn finish_ask(
        &self,
        ask: &Ask,
        analysis: &Analysis,
        span: Span,
        title: &str,
        answered: Answered,
    ) -> Result<Asked, CoreError> {
        let Answered { checked, record, is_offline } = answered;
        let mut checks = checked.checks.clone();
        let source = record.source();
        let settings = &analysis.view.settings.actions;
        let confirm = settings.confirm;
        let note = |checks: &[&str]| match checks {
            [] => format!("{title} · {source}."),
            checks => format!("{title} · {source} · verified: {}.", checks.join(", ")),
        };
        let keep = |checks: &[&str], diff: &str| {
            let text = format!("# {title}\n\n{}", record.page(checks, &checked.remarks, diff));
            self.pages.keep(&format!("Record: {title}"), text)
        };
        match checked.made {
            Made::Text(text) => {
                if ask.kind == AskKind::Explain && !is_offline {
                    self.explained.keep(&analysis.diagnosis, span, &text, &source);
                }
                let mut page = format!("# {title}\n\n{}\n", text.trim_end());
                for remark in &checked.remarks {
                    page.push_str(&format!("\n> {remark}\n"));
                }
                let line = if is_offline { "without a model".to_owned() } else { source.clone() };
                page.push_str(&format!("\n---\n{line}\n"));
                keep(&checks, "");
                let page = self.pages.keep(title, page);
                Ok(Asked { page: Some(page), note: note(&[]), ..Asked::default() })
            }
            Made::Notes(notes) => {
                keep(&checks, "");
                let count = notes.len();
                self.notes.put(&ask.uri, analysis.revision, &analysis.diagnosis.model, &notes);
                let found = match count {
                    0 => "nothing to remark".to_owned(),
                    1 => "1 remark".to_owned(),
                    count => format!("{count} remarks"),
                };
                Ok(Asked { note: format!("{title}: {found} · {source}."), ..Asked::default() })
            }
            Made::Edit { edits, region } => {
                let before = &analysis.diagnosis.model.text;
                let (edits, more) = self.through_programs(&ask.uri, analysis, region, edits)?;
                checks.extend(more);
                let after = apply_edits(before, &edits).ok_or_else(|| CoreError::refused("The edits overlap."))?;
                let record = keep(&checks, &difference(before, &after));
                let file = self.code_edit(analysis, edits, region)?;
                let note = note(&checks);
                Ok(Asked {
                    edit: WorkspaceEdit { files: vec![file], note: note.clone(), confirm },
                    note,
                    preview: settings.preview.then_some(record),
                    ..Asked::default()
                })
            }
            Made::File { path, text } => {
                let root = self.root_of(&ask.uri).or_else(|| uri::to_path(&ask.uri)?.parent().map(PathBuf::from));
                let path = root.ok_or_else(|| CoreError::refused("The tests have no folder."))?.join(path);
                let target = uri::from_path(&path);
                self.check_shown(&target)?;
                let now = self.workspace.load(&target, self.size_limit()).ok();
                let old: Arc<str> = now.as_ref().map_or_else(|| Arc::from(""), workspace::Snapshot::text);
                let record = keep(&checks, &difference(&old, &format!("{old}{text}")));
                let file = FileEdit {
                    uri: now.as_ref().map_or_else(|| target.clone(), |now| now.uri.to_string()),
                    version: now.as_ref().and_then(|now| now.version),
                    revision: now.as_ref().map_or(0, |now| now.revision),
                    lines: Arc::new(LineIndex::new(&old)),
                    edits: vec![TextEdit::insert(old.len(), text)],
                    text: old,
                    relied_on: Vec::new(),
                    placeholders: Vec::new(),
                };
                let note = note(&checks);
                let creates = now.is_none().then_some(target);
                Ok(Asked {
                    edit: WorkspaceEdit { files: vec![file], note: note.clone(), confirm },
                    creates,
                    note,
                    preview: settings.preview.then_some(record),
                    ..Asked::default()
                })
            }
        }
    }

    /// Edits of code, moved to the text of now. They hold as long as nothing in their region was touched.
    fn code_edit(&self, analysis: &Analysis, edits: Vec<TextEdit>, region: Span) -> Result<FileEdit, CoreError> {
        let model = &analysis.diagnosis.model;
        self.rebase(FileEdit {
            relied_on: vec![region],
            uri: analysis.diagnosis.uri.clone(),
            version: analysis.diagnosis.version,
            revision: analysis.revision,
            edits,
            text: model.text.clone(),
            lines: model.lines.clone(),
            placeholders: Vec::new(),
        })
    }

    /// Has the user's formatter and verifier look at the whole text in a file of its own, and says what they verified.
    pub(crate) fn through_programs(
        &self,
        uri: &str,
        analysis: &Analysis,
        region: Span,
        edits: Vec<TextEdit>,
    ) -> Result<(Vec<TextEdit>, Vec<&'static str>), CoreError> {
        let settings = &analysis.view.settings.actions;
        if settings.format.is_empty() && settings.verify.is_empty() {
            return Ok((edits, Vec::new()));
        }
        let before = &analysis.diagnosis.model.text;
        let after = apply_edits(before, &edits).ok_or_else(|| CoreError::refused("The edits overlap."))?;
        let overlay = Overlay::new(uri, &after)?;
        let (mut edits, mut checks) = (edits, Vec::new());
        if !settings.format.is_empty() {
            overlay.run(&settings.format, "formatted")?;
            let formatted = overlay.text()?;
            let whole = actions::check::smallest(Span::new(0, before.len()), before, &formatted);
            // A formatter that has more to do in the file does it another time.
            // The difference is one of whole lines, their ends included.
            let lines = &analysis.diagnosis.model.lines;
            let start = lines.line_start(before, lines.line(region.start));
            let end = before
                .get(region.end..)
                .and_then(|rest| rest.find('\n'))
                .map_or(before.len(), |at| region.end + at + 1);
            let around = Span::new(start, end);
            let inside: Vec<TextEdit> = whole.into_iter().filter(|edit| around.contains(edit.span)).collect();
            if !inside.is_empty() {
                edits = inside;
                checks.push("formatted");
            }
        }
        if !settings.verify.is_empty() {
            let text = apply_edits(before, &edits).ok_or_else(|| CoreError::refused("The edits overlap."))?;
            overlay.put(&text)?;
            overlay.run(&settings.verify, "verified")?;
            checks.push("passes your check");
        }
        Ok((edits, checks))
    }
}

/// A copy of a text in a file that only programs of the user see.
struct Overlay {
    path: PathBuf,
}

impl Overlay {
    fn new(uri: &str, text: &str) -> Result<Self, CoreError> {
        let folder = crate::config::state_dir().map_err(|error| CoreError::refused(error.to_string()))?;
        let name = uri::to_path(uri).and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()));
        // A text that is no file has a name all the same, by which programs know its language.
        let name = name.or_else(|| uri.rsplit(['/', '\\', ':']).next().map(str::to_owned));
        let own = format!("overlay-{}-{:x}", std::process::id(), std::ptr::from_ref(text).addr());
        let folder = folder.join(own);
        std::fs::create_dir_all(&folder)
            .map_err(|error| CoreError::refused(format!("A copy of the file could not be made: {error}.")))?;
        let overlay =
            Self { path: folder.join(name.filter(|name| !name.is_empty()).unwrap_or_else(|| "text".to_owned())) };
        overlay.put(text)?;
        Ok(overlay)
    }

    fn put(&self, text: &str) -> Result<(), CoreError> {
        std::fs::write(&self.path, text)
            .map_err(|error| CoreError::refused(format!("A copy of the file could not be written: {error}.")))
    }

    fn text(&self) -> Result<String, CoreError> {
        std::fs::read_to_string(&self.path)
            .map_err(|error| CoreError::refused(format!("What was formatted cannot be read: {error}.")))
    }

    fn run(&self, command: &[String], what: &str) -> Result<(), CoreError> {
        let Some((program, arguments)) = command.split_first() else { return Ok(()) };
        let path = self.path.to_string_lossy();
        let arguments: Vec<String> = arguments.iter().map(|argument| argument.replace("{file}", &path)).collect();
        match run(program, &arguments, PROGRAM) {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(CoreError::refused(format!("The answer could not be {what}, so nothing was changed: {error}")))
            }
        }
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        if let Some(folder) = self.path.parent() {
            // What cannot be removed lies in a folder that nobody else reads.
            std::fs::remove_dir_all(folder).ok();
        }
    }
}

/// What changes, as a unified difference.
fn difference(before: &str, after: &str) -> String {
    actions::check::difference(before, after)
}
