//! From the core's plain data to the protocol's types: spans become ranges, in the client's encoding and with the client's limits.
//!
//! Never computes anything that the core did not say, and never sends a field that the client did not ask for.

use crate::capabilities::ClientProfile;
use engine::actions::ask::Severity as NoteSeverity;
use engine::analysis::diagnostic::{Finding, FindingTag, Severity};
use engine::answers::{Diagnosis, FileEdit, OutlineItem, WorkspaceEdit};
use engine::error::CoreError;
use engine::notes::Remark;
use engine::syntax::model::SymbolKind;
use engine::syntax::text::{self, PositionEncoding, Span, TextEdit};
use engine::tasks::TaskError;
use lsp_types::{
    AnnotatedTextEdit, ChangeAnnotation, CodeDescription, CreateFile, CreateFileOptions, Diagnostic,
    DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, DocumentChange, DocumentSymbol, Edit, Location,
    OptionalVersionedTextDocumentIdentifier, Position, Range, SnippetTextEdit, StringValue, SymbolTag,
    TextDocumentEdit, TextDocumentIdentifier, Uri, WorkspaceEditMetadata,
};
use std::collections::HashMap;
use tower_lsp::jsonrpc::{Error, ErrorCode};

/// Where the page of each rule is found.
const RULE_PAGES: &str = "https://github.com/code-agent/code-agent/blob/main/server/analysis/rules/";
/// What our diagnostics are signed with.
pub(crate) const SOURCE: &str = "code-agent";
/// What remarks of a model are signed with.
const REVIEW: &str = "code-agent review";
/// The one label that the edits of a message carry.
const ANNOTATION: &str = "code-agent";

/// A position.
pub(crate) fn position(position: text::Position) -> Position {
    Position { line: position.line, character: position.character }
}

/// A range from its two ends.
pub(crate) fn range((start, end): (text::Position, text::Position)) -> Range {
    Range { start: position(start), end: position(end) }
}

/// One diagnostic.
pub(crate) fn diagnostic(profile: &ClientProfile, diagnosis: &Diagnosis, finding: &Finding) -> Diagnostic {
    let parts = profile.diagnostics;
    let place = |span| range(diagnosis.range(span, profile.encoding));
    let related = || {
        let known = finding.related.iter().map(|related| DiagnosticRelatedInformation {
            location: Location { uri: Uri(diagnosis.uri.clone()), range: place(related.span) },
            message: related.message.clone(),
        });
        known.collect::<Vec<_>>()
    };
    Diagnostic {
        range: place(finding.span),
        severity: Some(match finding.severity {
            Severity::Error => DiagnosticSeverity::Error,
            Severity::Warning => DiagnosticSeverity::Warning,
            Severity::Info => DiagnosticSeverity::Information,
            Severity::Hint => DiagnosticSeverity::Hint,
        }),
        code: Some(finding.rule.into()),
        code_description: parts.link.then(|| CodeDescription { href: Uri(format!("{RULE_PAGES}{}.md", finding.rule)) }),
        source: Some(SOURCE.to_owned()),
        message: finding.message.clone().into(),
        tags: finding.tag.filter(|_| parts.tags).map(|tag| {
            vec![match tag {
                FindingTag::Unnecessary => DiagnosticTag::Unnecessary,
                FindingTag::Deprecated => DiagnosticTag::Deprecated,
            }]
        }),
        related_information: (parts.related && !finding.related.is_empty()).then(related),
        data: parts.data.then(|| {
            serde_json::json!({
                "symbol": finding.symbol_path,
                "names": finding.names,
                "fixable": !finding.repairs.is_empty(),
            })
        }),
    }
}

/// All diagnostics of a file.
pub(crate) fn diagnostics(profile: &ClientProfile, diagnosis: &Diagnosis) -> Vec<Diagnostic> {
    diagnosis.findings.iter().map(|finding| diagnostic(profile, diagnosis, finding)).collect()
}

/// A remark of a model on a line of a document.
pub(crate) fn remark(profile: &ClientProfile, diagnosis: &Diagnosis, remark: &Remark) -> Diagnostic {
    Diagnostic {
        range: range(diagnosis.range(remark.span, profile.encoding)),
        severity: Some(match remark.severity {
            NoteSeverity::Error => DiagnosticSeverity::Error,
            NoteSeverity::Warning => DiagnosticSeverity::Warning,
            NoteSeverity::Info => DiagnosticSeverity::Information,
        }),
        source: Some(REVIEW.to_owned()),
        message: remark.message.clone().into(),
        ..Diagnostic::default()
    }
}

/// The edits to a number of files, as the client can take them.
pub(crate) fn workspace_edit(profile: &ClientProfile, edit: &WorkspaceEdit) -> lsp_types::WorkspaceEdit {
    if !profile.document_changes {
        let files = edit.files.iter().map(|file| {
            let edits = file.edits.iter().map(|edit| text_edit(profile.encoding, file, edit)).collect();
            (Uri(file.uri.clone()), edits)
        });
        return lsp_types::WorkspaceEdit { changes: Some(files.collect()), ..Default::default() };
    }
    let changes = edit.files.iter().map(|file| {
        DocumentChange::TextDocumentEdit(TextDocumentEdit {
            text_document: OptionalVersionedTextDocumentIdentifier {
                version: file.version,
                text_document_identifier: TextDocumentIdentifier { uri: Uri(file.uri.clone()) },
            },
            edits: file_edits(profile, file),
        })
    });
    lsp_types::WorkspaceEdit {
        document_changes: Some(changes.collect()),
        change_annotations: profile.change_annotations.then(|| {
            let annotation = ChangeAnnotation {
                label: if edit.note.is_empty() { "Update documentation".to_owned() } else { edit.note.clone() },
                needs_confirmation: Some(edit.confirm),
                description: None,
            };
            HashMap::from([(ANNOTATION.to_owned(), annotation)])
        }),
        ..Default::default()
    }
}

/// An edit that makes a file first, where one is to be made.
pub(crate) fn creating(file: Option<&str>, mut edit: lsp_types::WorkspaceEdit) -> lsp_types::WorkspaceEdit {
    if let (Some(file), Some(changes)) = (file, edit.document_changes.as_mut()) {
        let options = CreateFileOptions { overwrite: Some(false), ignore_if_exists: Some(true) };
        changes.insert(0, CreateFile { uri: Uri(file.to_owned()), options: Some(options), annotation_id: None }.into());
    }
    edit
}

/// What the client may know of an edit beside its text: one that reaches into several files is a refactoring.
pub(crate) fn metadata(profile: &ClientProfile, edit: &WorkspaceEdit) -> Option<WorkspaceEditMetadata> {
    (profile.edit_metadata && edit.files.len() > 1).then_some(WorkspaceEditMetadata { is_refactoring: Some(true) })
}

fn file_edits(profile: &ClientProfile, file: &FileEdit) -> Vec<Edit> {
    let mut shift: isize = 0;
    let mut done = 0;
    let mut edits = Vec::with_capacity(file.edits.len());
    for edit in &file.edits {
        let start = edit.span.start.saturating_add_signed(shift);
        shift += edit.text.len() as isize - edit.span.len() as isize;
        let annotation = profile.change_annotations.then(|| ANNOTATION.to_owned());
        let stops = stops_within(&file.placeholders, Span::new(start, start + edit.text.len()));
        edits.push(if profile.snippet_edits && !stops.is_empty() {
            snippet_edit(profile.encoding, file, edit, &stops, done, annotation)
        } else {
            let text_edit = text_edit(profile.encoding, file, edit);
            match annotation {
                Some(annotation_id) => Edit::AnnotatedTextEdit(AnnotatedTextEdit { annotation_id, text_edit }),
                None => Edit::TextEdit(text_edit),
            }
        });
        done = edit.span.end;
    }
    edits
}

/// An edit with tab stops that begins at the start of its line where it can.
///
/// Editors indent a snippet's lines, blank ones too, like the text before it on its line; at the start of a line there is none.
fn snippet_edit(
    encoding: PositionEncoding,
    file: &FileEdit,
    edit: &TextEdit,
    stops: &[Span],
    done: usize,
    annotation_id: Option<String>,
) -> Edit {
    let line_start = file.lines.line_start(&file.text, file.lines.line(edit.span.start));
    let before = Span::new(line_start, edit.span.start).of(&file.text);
    let is_free = line_start >= done && before.chars().all(|character| matches!(character, ' ' | '\t'));
    let indent = if is_free { before } else { "" };
    let span = Span::new(edit.span.start - indent.len(), edit.span.end);
    let place = text_edit(encoding, file, &TextEdit::replace(span, ""));
    let snippet = StringValue { value: format!("{indent}{}", snippet(&edit.text, stops)) };
    Edit::SnippetTextEdit(SnippetTextEdit { range: place.range, snippet, annotation_id })
}

fn text_edit(encoding: PositionEncoding, file: &FileEdit, edit: &TextEdit) -> lsp_types::TextEdit {
    let at = |offset| position(file.lines.position(&file.text, offset, encoding));
    let range = Range { start: at(edit.span.start), end: at(edit.span.end) };
    lsp_types::TextEdit { range, new_text: edit.text.clone() }
}

/// The placeholders that lie in `span` of the new text, counted from its start, in order and apart from one another.
fn stops_within(placeholders: &[Span], span: Span) -> Vec<Span> {
    let mut stops: Vec<Span> = placeholders
        .iter()
        .filter(|stop| span.contains(**stop) && !span.is_empty())
        .map(|stop| Span::new(stop.start - span.start, stop.end - span.start))
        .collect();
    stops.sort_by_key(|stop| (stop.start, stop.end));
    stops.dedup_by(|later, earlier| later.start < earlier.end || *later == *earlier);
    stops
}

/// A text in snippet syntax with numbered tab stops at `stops`.
fn snippet(text: &str, stops: &[Span]) -> String {
    let mut result = String::with_capacity(text.len() + stops.len() * 6);
    let mut done = 0;
    for (index, stop) in stops.iter().enumerate() {
        escape_snippet(Span::new(done, stop.start).of(text), &mut result);
        result.push_str("${");
        result.push_str(&(index + 1).to_string());
        result.push(':');
        escape_snippet(stop.of(text), &mut result);
        result.push('}');
        done = stop.end;
    }
    escape_snippet(Span::new(done, text.len()).of(text), &mut result);
    result
}

fn escape_snippet(text: &str, result: &mut String) {
    for character in text.chars() {
        if matches!(character, '\\' | '$' | '}') {
            result.push('\\');
        }
        result.push(character);
    }
}

/// The protocol's kind of a symbol.
pub(crate) fn symbol_kind(kind: SymbolKind) -> lsp_types::SymbolKind {
    use lsp_types::SymbolKind as Kind;
    match kind {
        SymbolKind::Module => Kind::Module,
        SymbolKind::Class => Kind::Class,
        SymbolKind::Interface => Kind::Interface,
        SymbolKind::Struct => Kind::Struct,
        SymbolKind::Enum => Kind::Enum,
        SymbolKind::Variant => Kind::EnumMember,
        SymbolKind::Impl => Kind::Object,
        SymbolKind::Namespace => Kind::Namespace,
        SymbolKind::Function => Kind::Function,
        SymbolKind::Method => Kind::Method,
        SymbolKind::Constructor => Kind::Constructor,
        SymbolKind::Property => Kind::Property,
        SymbolKind::Field => Kind::Field,
        SymbolKind::Constant => Kind::Constant,
        SymbolKind::TypeAlias => Kind::Class,
        SymbolKind::Macro => Kind::Function,
    }
}

/// An outline as a tree. `place` turns a span into a range.
pub(crate) fn document_symbols(items: &[OutlineItem], place: &impl Fn(Span) -> Range) -> Vec<DocumentSymbol> {
    let symbols = items.iter().map(|item| {
        // The protocol asks for the name to lie inside the whole, and clients refuse the list where it does not.
        let whole = Span::new(item.span.start.min(item.name_span.start), item.span.end.max(item.name_span.end));
        #[allow(deprecated)]
        DocumentSymbol {
            name: shown_name(&item.name),
            detail: (!item.detail.is_empty()).then(|| item.detail.clone()),
            kind: symbol_kind(item.kind),
            tags: item.deprecated.then(|| vec![SymbolTag::Deprecated]),
            deprecated: None,
            range: place(whole),
            selection_range: place(item.name_span),
            children: (!item.children.is_empty()).then(|| document_symbols(&item.children, place)),
        }
    });
    symbols.collect()
}

/// Clients refuse symbols without a name.
pub(crate) fn shown_name(name: &str) -> String {
    if name.is_empty() { "(anonymous)".to_owned() } else { name.to_owned() }
}

/// The protocol's error for what the core could not do: its message is for the user, its code for the client.
pub(crate) fn error(error: &CoreError) -> Error {
    let code = match error {
        CoreError::Conflict(_) => ErrorCode::ContentModified,
        CoreError::Task(TaskError::Replaced) => ErrorCode::ContentModified,
        CoreError::Task(TaskError::Cancelled) => ErrorCode::RequestCancelled,
        CoreError::UnknownDocument { .. } | CoreError::UnsupportedLanguage { .. } => ErrorCode::InvalidParams,
        _ => ErrorCode::ServerError(REQUEST_FAILED),
    };
    Error { code, message: error.to_string().into(), data: None }
}

/// The protocol's "request failed": the request was right and could not be fulfilled.
pub(crate) const REQUEST_FAILED: i64 = -32803;

#[cfg(test)]
mod tests {
    use super::*;
    use engine::syntax::text::LineIndex;
    use serde_json::json;
    use std::sync::Arc;

    fn edit_of(text: &str, edits: Vec<TextEdit>, placeholders: Vec<Span>) -> WorkspaceEdit {
        let file = FileEdit {
            uri: "file:///a.py".to_owned(),
            version: Some(7),
            revision: 1,
            edits,
            text: Arc::from(text),
            lines: Arc::new(LineIndex::new(text)),
            relied_on: Vec::new(),
            placeholders,
        };
        WorkspaceEdit { files: vec![file], note: "Documented 1 function.".to_owned(), confirm: false }
    }

    #[test]
    fn edits_are_counted_in_the_clients_encoding_and_versioned_where_it_can() {
        let edit = edit_of("🎉é = 1\r\n", vec![TextEdit::replace(Span::new(4, 6), "x")], Vec::new());
        for (encoding, start, end) in
            [(PositionEncoding::Utf8, 4, 6), (PositionEncoding::Utf16, 2, 3), (PositionEncoding::Utf32, 1, 2)]
        {
            let mut profile = ClientProfile { encoding, document_changes: true, ..ClientProfile::default() };
            let range = json!({ "start": { "line": 0, "character": start }, "end": { "line": 0, "character": end } });
            let change = json!({ "range": range, "newText": "x" });
            assert_eq!(
                serde_json::to_value(workspace_edit(&profile, &edit)).unwrap(),
                json!({ "documentChanges": [{ "textDocument": { "uri": "file:///a.py", "version": 7 }, "edits": [change] }] })
            );
            profile.document_changes = false;
            assert_eq!(
                serde_json::to_value(workspace_edit(&profile, &edit)).unwrap(),
                json!({ "changes": { "file:///a.py": [change] } })
            );
        }
    }

    #[test]
    fn tab_stops_become_a_snippet_only_where_the_client_takes_them() {
        let edits = vec![TextEdit::replace(Span::new(0, 1), ""), TextEdit::insert(2, "a $b} c")];
        // In the new text the insert begins at 1.
        let edit = edit_of("xyz", edits, vec![Span::new(3, 5), Span::new(7, 8)]);
        let mut profile = ClientProfile {
            document_changes: true,
            snippet_edits: true,
            change_annotations: true,
            ..Default::default()
        };
        let value = serde_json::to_value(workspace_edit(&profile, &edit)).unwrap();
        let second = &value["documentChanges"][0]["edits"][1];
        assert_eq!(second["snippet"]["value"], "a ${1:\\$b}\\} ${2:c}");
        assert_eq!(second["annotationId"], "code-agent");
        assert_eq!(value["changeAnnotations"]["code-agent"]["label"], "Documented 1 function.");
        profile.snippet_edits = false;
        let value = serde_json::to_value(workspace_edit(&profile, &edit)).unwrap();
        assert_eq!(value["documentChanges"][0]["edits"][1]["newText"], "a $b} c");
    }

    #[test]
    fn a_snippet_begins_at_the_start_of_its_line_unless_something_stands_before_it() {
        let profile = ClientProfile { document_changes: true, snippet_edits: true, ..Default::default() };
        let made = |text: &str, offset: usize| {
            let edit = edit_of(
                text,
                vec![TextEdit::insert(offset, "\"\"\"Do.\"\"\"\n\t")],
                vec![Span::new(offset + 3, offset + 6)],
            );
            let value = serde_json::to_value(workspace_edit(&profile, &edit)).unwrap();
            let edit = &value["documentChanges"][0]["edits"][0];
            (edit["range"]["start"]["character"].clone(), edit["snippet"]["value"].clone())
        };
        assert_eq!(made("x:\n\tpass", 4), (json!(0), json!("\t\"\"\"${1:Do.}\"\"\"\n\t")));
        assert_eq!(made("x: pass", 3), (json!(3), json!("\"\"\"${1:Do.}\"\"\"\n\t")));
    }

    #[test]
    fn a_symbols_range_always_holds_its_name() {
        let item = OutlineItem {
            name: String::new(),
            detail: String::new(),
            kind: SymbolKind::Function,
            span: Span::new(4, 9),
            name_span: Span::new(2, 5),
            deprecated: true,
            children: Vec::new(),
        };
        let place = |span: Span| Range {
            start: Position { line: 0, character: span.start as u32 },
            end: Position { line: 0, character: span.end as u32 },
        };
        let symbols = document_symbols(&[item], &place);
        assert_eq!(symbols[0].range.start.character, 2);
        assert_eq!(symbols[0].name, "(anonymous)");
        assert_eq!(symbols[0].tags, Some(vec![SymbolTag::Deprecated]));
    }
}
