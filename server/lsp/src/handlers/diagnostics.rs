//! Diagnostics for clients that ask for them: of a document and of the workspace, each file under a result id.

use crate::progress::{Audience, Progress};
use crate::server::{Server, core_error, or_nothing};
use engine::answers::WorkspaceReport;
use engine::error::CoreError;
use engine::events::Event;
use engine::tasks::TaskError;
use lsp_types::{
    DocumentDiagnosticParams, DocumentDiagnosticReport, FullDocumentDiagnosticReport, LspErrorCodes,
    ProgressNotification, ProgressParams, RelatedFullDocumentDiagnosticReport,
    RelatedUnchangedDocumentDiagnosticReport, UnchangedDocumentDiagnosticReport, Uri, WorkspaceDiagnosticParams,
    WorkspaceDiagnosticReport, WorkspaceDiagnosticReportPartialResult, WorkspaceDocumentDiagnosticReport,
    WorkspaceFullDocumentDiagnosticReport, WorkspaceUnchangedDocumentDiagnosticReport,
};
use serde_json::json;
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};

/// How many files go out in one partial result at most.
const BATCH: usize = 64;
/// How long an answer without news is held back from a client that would ask again at once.
const HOLD: Duration = Duration::from_secs(30);

/// How long nothing may be typed before an answer that is held back goes out.
const QUIET: Duration = Duration::from_millis(500);

/// `textDocument/diagnostic`.
pub(crate) async fn document(server: &Server, params: DocumentDiagnosticParams) -> Result<DocumentDiagnosticReport> {
    let uri = params.text_document.uri.0;
    let version = server.core.snapshot(&uri).and_then(|snapshot| snapshot.version);
    let work = async {
        match server.core.diagnostics(&uri).await {
            Err(CoreError::Task(error @ (TaskError::Busy { .. } | TaskError::Deadline))) => {
                Err(come_back(&error.to_string()))
            }
            result => or_nothing(result.map(Some)),
        }
    };
    let diagnosis = server.newest.run("diagnostic", &uri, version, work).await?;
    let Some(diagnosis) = diagnosis else {
        return Ok(RelatedFullDocumentDiagnosticReport::default().into());
    };
    if params.previous_result_id.as_ref() == Some(&diagnosis.result_id) {
        let unchanged = UnchangedDocumentDiagnosticReport { result_id: diagnosis.result_id.clone() };
        return Ok(RelatedUnchangedDocumentDiagnosticReport {
            related_documents: None,
            unchanged_document_diagnostic_report: unchanged,
        }
        .into());
    }
    let full =
        FullDocumentDiagnosticReport { result_id: Some(diagnosis.result_id.clone()), items: server.items(&diagnosis) };
    Ok(RelatedFullDocumentDiagnosticReport { related_documents: None, full_document_diagnostic_report: full }.into())
}

/// The protocol's "server cancelled": the client is to ask again.
fn come_back(sentence: &str) -> Error {
    Error {
        code: ErrorCode::from(i64::from(i32::from(LspErrorCodes::ServerCancelled))),
        message: sentence.to_owned().into(),
        data: Some(json!({ "retriggerRequest": true })),
    }
}

/// `workspace/diagnostic`: file by file, in partial results where the client gave a token for them.
pub(crate) async fn workspace(server: &Server, params: WorkspaceDiagnosticParams) -> Result<WorkspaceDiagnosticReport> {
    let (news, edits) = (server.core.events(), server.shared.edits.subscribe());
    let previous = params.previous_result_ids.into_iter().map(|previous| (previous.uri.0, previous.value)).collect();
    let mut reports = server.core.workspace_diagnostics(previous).map_err(|error| core_error(&error))?;
    let partial = params.partial_result_params.partial_result_token;
    let audience = Audience::Given(params.work_done_progress_params.work_done_token);
    let mut progress = Progress::begin(server, audience, "Checking documentation").await;
    let mut items = Vec::new();
    let (mut files, mut has_news) = (0_usize, false);
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let count = tokio::select! {
            biased;
            () = progress.cancelled() => {
                progress.end(Some("Cancelled.".to_owned())).await;
                return Err(Error::request_cancelled());
            }
            count = reports.recv_many(&mut batch, BATCH) => count,
        };
        if count == 0 {
            break;
        }
        files += count;
        has_news |= batch.iter().any(|report| !matches!(report, WorkspaceReport::Unchanged { .. }));
        items.extend(batch.drain(..).map(|report| workspace_report(server, report)));
        if let Some(token) = &partial {
            let value = json!(WorkspaceDiagnosticReportPartialResult { items: std::mem::take(&mut items) });
            let params = ProgressParams { token: token.clone(), value };
            server.client.send_notification::<ProgressNotification>(params).await;
        }
        progress.report(format!("{files} files"), None).await;
    }
    if !reports.is_complete() {
        let sentence = "A newer check of the workspace took the place of this one.";
        progress.end(Some(sentence.to_owned())).await;
        return Err(come_back(sentence));
    }
    progress.end(Some(format!("{files} files checked."))).await;
    if !has_news && server.profile().polls_workspace {
        let _ = tokio::time::timeout(HOLD, something_new(news, edits)).await;
    }
    Ok(WorkspaceDiagnosticReport { items })
}

/// Waits until diagnostics may be other ones.
async fn something_new(mut events: broadcast::Receiver<Event>, mut edits: watch::Receiver<u64>) {
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(Event::ConfigChanged | Event::WorkspaceChanged | Event::Diagnostics(_)) | Err(_) => return,
                Ok(_) => {}
            },
            Ok(()) = edits.changed() => break,
        }
    }
    // The whole workspace is not checked for every key: whoever types goes on typing for a while.
    while let Ok(Ok(())) = tokio::time::timeout(QUIET, edits.changed()).await {}
}

fn workspace_report(server: &Server, report: WorkspaceReport) -> WorkspaceDocumentDiagnosticReport {
    match report {
        WorkspaceReport::Full(diagnosis) => WorkspaceFullDocumentDiagnosticReport {
            uri: Uri(diagnosis.uri.clone()),
            version: diagnosis.version,
            full_document_diagnostic_report: FullDocumentDiagnosticReport {
                result_id: Some(diagnosis.result_id.clone()),
                items: server.items(&diagnosis),
            },
        }
        .into(),
        // Without a result id, so that the client does not name the file again.
        WorkspaceReport::Gone { uri } => WorkspaceFullDocumentDiagnosticReport {
            uri: Uri(uri),
            version: None,
            full_document_diagnostic_report: FullDocumentDiagnosticReport::default(),
        }
        .into(),
        WorkspaceReport::Unchanged { uri, version, result_id } => WorkspaceUnchangedDocumentDiagnosticReport {
            uri: Uri(uri),
            version,
            unchanged_document_diagnostic_report: UnchangedDocumentDiagnosticReport { result_id },
        }
        .into(),
    }
}
