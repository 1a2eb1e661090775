//! What happens outside of the open documents: watched files and root folders.

use crate::server::Server;
use engine::syntax::language::Language;
use lsp_types::{
    DidChangeWatchedFilesParams, DidChangeWatchedFilesRegistrationOptions, DidChangeWorkspaceFoldersParams,
    FileSystemWatcher, Registration, WorkspaceFolder,
};
use serde_json::json;

/// `workspace/didChangeWatchedFiles`.
pub(crate) async fn did_change_watched(server: &Server, params: DidChangeWatchedFilesParams) {
    let uris: Vec<String> = params.changes.into_iter().map(|change| change.uri.0).collect();
    server.core.watched_files_changed(&uris);
}

/// `workspace/didChangeWorkspaceFolders`.
pub(crate) async fn did_change_folders(server: &Server, params: DidChangeWorkspaceFoldersParams) {
    let uris = |folders: Vec<WorkspaceFolder>| folders.into_iter().map(|folder| folder.uri.0).collect::<Vec<_>>();
    server.core.change_roots(&uris(params.event.removed), &uris(params.event.added));
}

/// Asks the client to watch files and to tell of changed settings, if it can be asked.
pub(crate) fn register(server: &Server) {
    let mut registrations = Vec::new();
    if server.profile().registers_watchers {
        registrations.push(Registration {
            id: "code-agent.files".to_owned(),
            method: "workspace/didChangeWatchedFiles".to_owned(),
            register_options: Some(json!(DidChangeWatchedFilesRegistrationOptions { watchers: watchers() })),
        });
    }
    if server.profile().registers_configuration {
        registrations.push(Registration {
            id: "code-agent.configuration".to_owned(),
            method: "workspace/didChangeConfiguration".to_owned(),
            register_options: Some(json!({ "section": "code-agent" })),
        });
    }
    if registrations.is_empty() {
        return;
    }
    let client = server.client.clone();
    server.jobs.push(async move {
        if let Err(error) = client.register_capability(registrations).await {
            tracing::warn!(%error, "The client did not register what it said it could.");
        }
    });
}

/// The files whose change outside of the editor matters: settings, and sources of every language.
fn watchers() -> Vec<FileSystemWatcher> {
    let mut extensions: Vec<&str> =
        Language::all().flat_map(|language| language.extensions.iter().map(String::as_str)).collect();
    extensions.sort_unstable();
    extensions.dedup();
    let mut patterns = vec!["**/code-agent.toml".to_owned(), "**/.gitignore".to_owned()];
    if !extensions.is_empty() {
        patterns.push(format!("**/*.{{{}}}", extensions.join(",")));
    }
    patterns.into_iter().map(|pattern| FileSystemWatcher { glob_pattern: pattern.into(), kind: None }).collect()
}
