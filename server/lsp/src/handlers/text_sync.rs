//! Open, change, save, close: applied to the core at once, in the order in which they come, without a single await.

use crate::from_proto::DidChange;
use crate::reorder;
use crate::server::Server;
use engine::syntax::document::Change;
use engine::workspace::ChangeOutcome;
use lsp_types::{DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams, MessageType};
use serde::Deserialize;
use serde_json::Value;

/// `textDocument/didOpen`.
pub(crate) async fn did_open(server: &Server, params: DidOpenTextDocumentParams) {
    let document = params.text_document;
    server.reorder.forget(&document.uri.0);
    server.core.open(&document.uri.0, document.language_id.as_str(), document.version, &document.text);
    // One that is more than the core keeps is not open.
    if server.core.snapshot(&document.uri.0).is_none() {
        return;
    }
    server.opened(&document.uri.0);
    server.edited(&document.uri.0);
}

/// `textDocument/didChange`. A change that cannot be read leaves the text unlike the editor's, so the user is told.
pub(crate) async fn did_change(server: &Server, params: Value) {
    let params = match DidChange::deserialize(params) {
        Ok(params) => params,
        Err(error) => {
            tracing::error!(%error, "A change of a document could not be read.");
            let message =
                format!("A change of a document could not be read ({error}); please close and open it again.");
            return server.show(MessageType::Error, message);
        }
    };
    let document = params.text_document;
    let changes: Vec<Change> = params.content_changes.into_iter().map(Change::from).collect();
    let version = document
        .version
        .or_else(|| Some(server.core.snapshot(&document.uri)?.version?.wrapping_add(1)))
        .unwrap_or_default();
    server.touched(&document.uri);
    let known = server.core.snapshot(&document.uri).and_then(|snapshot| snapshot.version);
    let Some(known) = known.filter(|_| server.profile().overtakes_itself) else {
        return apply(server, &document.uri, version, &changes);
    };
    let uri = document.uri;
    let is_held =
        server.reorder.take(&uri, known, version, changes, |version, changes| apply(server, &uri, version, changes));
    if is_held {
        let own = server.clone();
        server.jobs.push(async move {
            tokio::time::sleep(reorder::PATIENCE).await;
            own.reorder.give_up(&uri, version, |version, changes| apply(&own, &uri, version, changes));
        });
    }
}

fn apply(server: &Server, uri: &str, version: i32, changes: &[Change]) {
    match server.core.change(uri, version, changes) {
        ChangeOutcome::Applied { .. } => server.edited(uri),
        ChangeOutcome::OutOfOrder { version, previous } => {
            tracing::warn!(uri, version, previous, "A document's version did not grow.");
        }
        ChangeOutcome::NotOpen => {
            tracing::warn!(uri, "A document was changed that is not open.");
        }
    }
}

/// `textDocument/didSave`.
pub(crate) async fn did_save(server: &Server, params: DidSaveTextDocumentParams) {
    server.core.save(&params.text_document.uri.0);
}

/// `textDocument/didClose`.
pub(crate) async fn did_close(server: &Server, params: DidCloseTextDocumentParams) {
    server.closed(&params.text_document.uri.0);
    server.reorder.forget(&params.text_document.uri.0);
    server.core.close(&params.text_document.uri.0);
    server.edited(&params.text_document.uri.0);
}
