//! Lenses over symbols that are undocumented or whose documentation drifted.
//!
//! A lens goes out without its command; `codeLens/resolve` adds it, so that a list of them is small.

use crate::commands;
use crate::server::{Server, or_nothing};
use crate::to_proto;
use engine::answers::Seen;
use engine::syntax::text::Span;
use lsp_types::{CodeLens, CodeLensParams, Command};
use serde_json::json;
use tower_lsp::jsonrpc::Result;

/// `textDocument/codeLens`.
pub(crate) async fn code_lens(server: &Server, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
    let (uri, profile) = (params.text_document.uri.0, server.profile());
    // Every lens runs a command that ends in an edit.
    if !profile.applies_edits {
        return Ok(None);
    }
    let Some(snapshot) = server.core.snapshot(&uri) else { return Ok(None) };
    let work = async { or_nothing(server.core.lenses(&uri).await) };
    let Some(Seen { diagnosis, value: lenses }) = server.newest.run("codeLens", &uri, snapshot.version, work).await?
    else {
        return Ok(Some(Vec::new()));
    };
    let end = |offset| to_proto::position(diagnosis.range(Span::at(offset), profile.encoding).0);
    let lenses = lenses.into_iter().map(|lens| CodeLens {
        range: to_proto::range(diagnosis.range(lens.span, profile.encoding)),
        command: None,
        data: Some(json!(commands::to_proto(&lens.command, lens.title, &end))),
    });
    Ok(Some(lenses.collect()))
}

/// `codeLens/resolve`: what a click does was said in the lens itself.
pub(crate) async fn resolve(_: &Server, mut lens: CodeLens) -> Result<CodeLens> {
    if lens.command.is_none() {
        lens.command = lens.data.as_ref().and_then(|data| serde_json::from_value::<Command>(data.clone()).ok());
    }
    Ok(lens)
}
