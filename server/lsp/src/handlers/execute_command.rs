//! Commands: the work is done by the core, its edit is put before the client to be applied, and what came of it is said.

use crate::commands::{self, Task};
use crate::handlers::{ask, chat};
use crate::progress::{Audience, Progress};
use crate::server::{Server, core_error};
use crate::to_proto;
use engine::answers::{Command, WorkspaceEdit};
use engine::ask::Ask;
use engine::error::CoreError;
use lsp_types::{
    ApplyWorkspaceEditParams, ApplyWorkspaceEditRequest, ApplyWorkspaceEditResult, ExecuteCommandParams, LspAny,
    MessageType,
};
use serde_json::json;
use std::cell::Cell;
use std::time::{Duration, Instant};
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};

/// How long the editor may take to apply an edit. It may ask the user first, so there is time to read.
const APPLY_TIMEOUT: Duration = if cfg!(test) { Duration::from_secs(3) } else { Duration::from_secs(120) };

/// How often an edit is put before an editor whose text moved on while it came.
const MOST_ATTEMPTS: usize = 4;
/// An answer that took longer is a person's, who is not asked again.
const AT_ONCE: Duration = Duration::from_secs(2);

/// `workspace/executeCommand`.
pub(crate) async fn execute_command(server: &Server, params: ExecuteCommandParams) -> Result<Option<LspAny>> {
    let encoding = server.profile().encoding;
    // The state of the document in which the command's place is counted.
    let revision = Cell::new(None);
    let offset = |uri: &str, at| {
        let snapshot = server.core.snapshot(uri)?;
        revision.set(Some(snapshot.revision));
        Some(snapshot.offset(at, encoding))
    };
    let arguments = params.arguments.unwrap_or_default();
    let task = commands::read(&params.command, &arguments, server.last_document(), offset);
    let command = match task.map_err(Error::invalid_params)? {
        Task::Stats if server.core.is_elsewhere() => {
            return Err(Error::invalid_params("The figures of a service are at its `/metrics`."));
        }
        Task::Stats => return Ok(Some(json!(server.core.metrics().stats()))),
        Task::Status => return Ok(Some(server.core.model_status().await)),
        Task::ShowLast => return ask::show_last(server).await,
        Task::Ask(ask) => {
            let ask =
                Ask { revision: if ask.revision == 0 { revision.get().unwrap_or(0) } else { ask.revision }, ..ask };
            return ask::run(server, ask, params.work_done_progress_params.work_done_token).await;
        }
        Task::Answer(uri) => return chat::run(server, uri, params.work_done_progress_params.work_done_token).await,
        Task::Edit(command) => command,
    };
    let revision = revision.into_inner();
    if !server.profile().applies_edits {
        return Err(failed(
            "The editor does not let language servers apply edits, so the command can do nothing.".to_owned(),
        ));
    }
    let title = commands::title(&command);
    let given = params.work_done_progress_params.work_done_token;
    let audience = match command {
        Command::DocumentWorkspace => Audience::GivenOrNew(given),
        _ => Audience::Given(given),
    };
    let events = server.core.events();
    let name = server.cancels.new_name();
    let mut progress = Progress::begin(server, audience, title).await;
    let work = async {
        let edit = server.core.run(command, revision, Some(&name)).await.map_err(|error| told(server, &error))?;
        let note = edit.note.clone();
        apply(server, title, edit).await.map(|answer| (answer, note))
    };
    let result = progress.watch(&name, events, work).await;
    let message = match &result {
        Ok((_, note)) => note.clone(),
        Err(error) => error.message.to_string(),
    };
    progress.end(Some(message)).await;
    result.map(|(answer, _)| Some(answer))
}

/// Has the client apply an edit.
async fn apply(server: &Server, title: &str, edit: WorkspaceEdit) -> Result<LspAny> {
    apply_with(server, title, edit, None).await
}

/// The same, after a file was made.
pub(crate) async fn apply_with(
    server: &Server,
    title: &str,
    edit: WorkspaceEdit,
    creates: Option<&str>,
) -> Result<LspAny> {
    let mut edit = edit;
    let mut attempt = 0;
    loop {
        attempt += 1;
        // A file that is yet to be made cannot have changed.
        edit = match creates {
            Some(_) => edit,
            None => server.core.rebase(edit).await.map_err(|error| told(server, &error))?,
        };
        if edit.files.is_empty() {
            let message = if edit.note.is_empty() { "There is nothing to change.".to_owned() } else { edit.note };
            server.show(MessageType::Info, message.clone());
            return Ok(json!({ "applied": false, "files": 0, "message": message }));
        }
        let began = Instant::now();
        let answer = apply_once(server, title, &edit, creates).await?;
        let files = edit.files.len();
        if answer.applied {
            return Ok(json!({ "applied": true, "files": files, "message": edit.note }));
        }
        // An editor whose user typed while the edit was on its way does not take it, and has told of what was typed by now.
        let is_newer = edit
            .files
            .iter()
            .any(|file| server.core.snapshot(&file.uri).is_some_and(|now| now.revision != file.revision));
        if is_newer && attempt < MOST_ATTEMPTS && began.elapsed() < AT_ONCE {
            continue;
        }
        let reason = answer.failure_reason.unwrap_or_else(|| "it gave no reason".to_owned());
        let message = format!("The editor did not apply the edit: {}.", reason.trim_end_matches('.'));
        server.show(MessageType::Warning, message.clone());
        return Ok(json!({ "applied": false, "files": files, "message": message }));
    }
}

async fn apply_once(
    server: &Server,
    title: &str,
    edit: &WorkspaceEdit,
    creates: Option<&str>,
) -> Result<ApplyWorkspaceEditResult> {
    let request = ApplyWorkspaceEditParams {
        label: Some(if edit.note.is_empty() { title.to_owned() } else { edit.note.clone() }),
        metadata: to_proto::metadata(server.profile(), edit),
        edit: to_proto::creating(creates, to_proto::workspace_edit(server.profile(), edit)),
    };
    let asked = server.client.send_request::<ApplyWorkspaceEditRequest>(request);
    let Ok(answer) = tokio::time::timeout(APPLY_TIMEOUT, asked).await else {
        let message = format!("{title} was given up: the editor did not say whether it applied the edit.");
        server.show(MessageType::Warning, message.clone());
        return Err(failed(message));
    };
    answer
}

/// The protocol's error; one that clients pass over in silence is shown, since somebody waits for the command.
pub(crate) fn told(server: &Server, error: &CoreError) -> Error {
    if matches!(error, CoreError::Conflict(_)) {
        server.show(MessageType::Warning, error.to_string());
    }
    core_error(error)
}

pub(crate) fn failed(message: String) -> Error {
    Error { code: ErrorCode::ServerError(to_proto::REQUEST_FAILED), message: message.into(), data: None }
}
