//! Pages: what can only be read, as a document of our own where the client has such, else as a file, else as a message.

use crate::server::{Server, core_error};
use engine::ask::Page;
use engine::workspace::uri;
use lsp_types::{MessageType, ShowDocumentParams, ShowDocumentRequest, Uri};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tower_lsp::jsonrpc::{Error, Result};

/// How long a client may take to show a document before it is thought to be unable to.
const SHOW_TIMEOUT: Duration = Duration::from_secs(10);
/// Characters of a page that fit into a message.
const MESSAGE: usize = 1500;

/// The parameters of `workspace/textDocumentContent`.
#[derive(Debug, Deserialize)]
pub(crate) struct ContentParams {
    uri: String,
}

/// Its result.
#[derive(Debug, Serialize)]
pub(crate) struct Content {
    text: String,
}

/// `workspace/textDocumentContent`.
pub(crate) async fn content(server: &Server, params: ContentParams) -> Result<Content> {
    // A client may write the address in its own way.
    let asked = params.uri.replace("code-agent:///", "code-agent:/");
    match server.core.page(&asked) {
        Some(page) => Ok(Content { text: page.text.to_string() }),
        None => Err(Error::invalid_params(format!("{} is no longer kept; ask for it again.", params.uri))),
    }
}

/// Brings a page before the user, and gives its address.
pub(crate) async fn show(server: &Server, page: &Page) -> Result<String> {
    let profile = server.profile();
    // A file of the service's machine is none that the client could open.
    let address = if profile.takes_content || server.core.is_elsewhere() {
        page.uri.clone()
    } else {
        let file = server.core.page_file(page).map_err(|error| core_error(&error))?;
        uri::from_path(&file)
    };
    if profile.shows_documents {
        let params = ShowDocumentParams {
            uri: Uri(address.clone()),
            external: Some(false),
            take_focus: Some(true),
            selection: None,
        };
        let shown = tokio::time::timeout(SHOW_TIMEOUT, server.client.send_request::<ShowDocumentRequest>(params)).await;
        if matches!(shown, Ok(Ok(result)) if result.success) {
            return Ok(address);
        }
    }
    let text: String = page.text.chars().take(MESSAGE).collect();
    let more = if text.len() < page.text.len() { format!("…\n(All of it is in {address}.)") } else { String::new() };
    server.show(MessageType::Info, format!("{text}{more}"));
    Ok(address)
}
