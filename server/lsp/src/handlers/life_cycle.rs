//! The first and the last messages of a connection, and how much the client wants to be told in between.

use crate::capabilities::{ClientProfile, trace_level};
use crate::handlers::{configuration, files};
use crate::parent;
use crate::server::Server;
use lsp_types::{InitializeParams, InitializeResult, RootPath, ServerInfo, SetTraceParams, WorkspaceFolders};
use std::sync::atomic::Ordering;
use tower_lsp::jsonrpc::Result;

/// `initialize`: agrees on what both sides can do. Reads nothing from disk that is not a setting.
pub(crate) fn initialize(server: &Server, params: InitializeParams) -> Result<InitializeResult> {
    let profile = ClientProfile::new(&params);
    let capabilities = profile.server_capabilities();
    server.core.set_encoding(profile.encoding);
    server.core.set_push(!profile.pulls_diagnostics);
    server.shared.trace.store(trace_level(params.trace.as_ref()), Ordering::Relaxed);
    server.set_profile(profile);
    // The number of a process on another machine says nothing here.
    if let Some(process) = params.process_id.filter(|_| !server.core.is_elsewhere()) {
        let shared = server.shared.clone();
        server.jobs.push(async move {
            parent::gone(process).await;
            tracing::warn!(process, "The editor is gone, so the server ends.");
            shared.abandoned.notify_one();
        });
    }
    for root in roots(&params) {
        server.core.add_root(&root);
    }
    if let Some(options) = params.initialization_options {
        configuration::apply_initial(server, options);
    }
    Ok(InitializeResult {
        capabilities,
        server_info: Some(ServerInfo {
            name: "code-agent".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }),
    })
}

/// `initialized`: now the client may be asked for things. Its answers are awaited beside the loop, never in it.
pub(crate) fn initialized(server: &Server) {
    configuration::pull(server);
    files::register(server);
}

/// `$/setTrace`.
pub(crate) async fn set_trace(server: &Server, params: SetTraceParams) {
    server.shared.trace.store(trace_level(Some(&params.value)), Ordering::Relaxed);
}

/// The root folders, by whichever of its three generations of fields the client names them.
fn roots(params: &InitializeParams) -> Vec<String> {
    if let Some(WorkspaceFolders::WorkspaceFolderList(folders)) =
        &params.workspace_folders_initialize_params.workspace_folders
        && !folders.is_empty()
    {
        return folders.iter().map(|folder| folder.uri.0.clone()).collect();
    }
    #[allow(deprecated)]
    let (root_uri, root_path) = (&params.root_uri, &params.root_path);
    match (root_uri, root_path) {
        (Some(uri), _) => vec![uri.0.clone()],
        (None, Some(RootPath::String(path))) if !path.is_empty() => {
            vec![engine::workspace::uri::from_path(std::path::Path::new(path))]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn roots_are_read_from_new_and_old_fields() {
        let read = |params: serde_json::Value| roots(&serde_json::from_value(params).unwrap());
        let folders = json!([{ "uri": "file:///a", "name": "a" }, { "uri": "file:///b", "name": "b" }]);
        let all = json!({ "capabilities": {}, "workspaceFolders": folders, "rootUri": "file:///old" });
        assert_eq!(read(all), ["file:///a", "file:///b"]);
        assert_eq!(
            read(json!({ "capabilities": {}, "workspaceFolders": null, "rootUri": "file:///old" })),
            ["file:///old"]
        );
        assert_eq!(read(json!({ "capabilities": {}, "rootUri": null, "rootPath": "/x y" })), ["file:///x%20y"]);
        assert_eq!(read(json!({ "capabilities": {} })), Vec::<String>::new());
    }
}
