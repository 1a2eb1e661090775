//! A conversation in a document: the answer is written into it while it comes, at the place where it stood last.
//!
//! What the user types elsewhere in the document is left alone; where he changes the answer itself, no more is written.

use crate::commands;
use crate::handlers::code_action::includes;
use crate::handlers::execute_command::{failed, told};
use crate::progress::{Audience, Progress};
use crate::server::Server;
use crate::to_proto;
use engine::actions::chat::{Chat, frame};
use engine::answers::{FileEdit, WorkspaceEdit};
use engine::chat::ChatPiece;
use engine::syntax::text::{Span, TextEdit};
use lsp_types::{
    ApplyWorkspaceEditParams, ApplyWorkspaceEditRequest, CodeAction, CodeActionKind, CodeActionResponse, CodeActionTag,
    Command, LspAny, MessageType, ProgressToken,
};
use serde_json::json;
use std::time::{Duration, Instant};
use tower_lsp::jsonrpc::Result;

/// How often what came is written at most.
const WRITTEN_EVERY: Duration = Duration::from_millis(150);
/// How long the client may take to apply a piece.
const APPLY_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the place is looked for after the client applied a piece and has not told yet that the document changed.
const LOOKS: u32 = 40;

/// The action on a conversation.
pub(crate) fn actions(server: &Server, uri: &str, only: Option<&[CodeActionKind]>) -> Vec<CodeActionResponse> {
    const KIND: &str = "refactor.rewrite";
    let profile = server.profile();
    let text = server.core.snapshot(uri).map(|snapshot| snapshot.text());
    let has_question = text.is_some_and(|text| Chat::read(&text).question().is_some());
    if !has_question || !profile.applies_edits || !includes(only, KIND) {
        return Vec::new();
    }
    let (title, command) = ("Answer".to_owned(), commands::full_name("answer"));
    let command =
        Command { title: title.clone(), tooltip: None, command, arguments: Some(vec![json!({ "uri": uri })]) };
    if !profile.action_objects {
        return vec![command.into()];
    }
    let tags = profile.marks_generated.then(|| vec![CodeActionTag::LLMGenerated]);
    let kind = Some(CodeActionKind::from(KIND));
    vec![CodeAction { title, kind, command: Some(command), tags, ..CodeAction::default() }.into()]
}

/// Answers a conversation.
pub(crate) async fn run(server: &Server, uri: String, token: Option<ProgressToken>) -> Result<Option<LspAny>> {
    if server.profile().is_impatient {
        let own = server.clone();
        server.jobs.push(async move {
            if let Err(error) = answer(&own, &uri, token).await {
                own.show(MessageType::Error, error.message.to_string());
            }
        });
        return Ok(Some(json!({ "applied": false, "message": "The answer is being written." })));
    }
    answer(server, &uri, token).await
}

async fn answer(server: &Server, uri: &str, token: Option<ProgressToken>) -> Result<Option<LspAny>> {
    const TITLE: &str = "Answering";
    let snapshot = server.core.snapshot(uri).ok_or_else(|| failed(format!("{uri} is not open; open it first.")))?;
    let events = server.core.events();
    let name = server.cancels.new_name();
    let mut progress = Progress::begin(server, Audience::GivenOrNew(token), TITLE).await;
    let work = async {
        let text = snapshot.text();
        let mut chatting = server.core.chat(uri, &text).await.map_err(|error| told(server, &error))?;
        for remark in &chatting.remarks {
            server.show(MessageType::Warning, remark.clone());
        }
        let eol = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let (before, after) = frame(&text.replace("\r\n", "\n"));
        let mut page = Writing { server, uri, eol, written: String::new(), anchor: text.len() };
        let mut waiting = before;
        let mut since = Instant::now().checked_sub(WRITTEN_EVERY).unwrap_or_else(Instant::now);
        let head = waiting.clone();
        while let Some(piece) = chatting.next().await {
            match piece {
                Ok(ChatPiece::Text(text)) => waiting.push_str(&text),
                Ok(ChatPiece::Restart) => {
                    page.take_back().await?;
                    waiting.clone_from(&head);
                }
                Ok(ChatPiece::CutOff) => waiting.push_str("\n\n*(The answer is cut off.)*"),
                Err(error) => {
                    // What came stays, with a line that says why it ends.
                    waiting.push_str(&format!("\n\n*({error})*{after}"));
                    page.write(&waiting).await?;
                    return Err(told(server, &error));
                }
            }
            if since.elapsed() >= WRITTEN_EVERY && !waiting.is_empty() {
                page.write(&std::mem::take(&mut waiting)).await?;
                since = Instant::now();
            }
        }
        waiting.push_str(&after);
        page.write(&waiting).await?;
        Ok(json!({ "applied": true, "files": 1, "message": "Answered." }))
    };
    let result = progress.watch(&name, events, work).await;
    let message = match &result {
        Ok(_) => "Answered.".to_owned(),
        Err(error) => error.message.to_string(),
    };
    progress.end(Some(message)).await;
    result.map(Some)
}

/// The place in a document at which an answer is written.
struct Writing<'a> {
    server: &'a Server,
    uri: &'a str,
    eol: &'static str,
    /// All that was written so far, as it stands in the document.
    written: String,
    /// Where it began when it was last seen.
    anchor: usize,
}

impl Writing<'_> {
    /// Writes more at the end of what was written.
    async fn write(&mut self, text: &str) -> Result<()> {
        let text = text.replace("\r\n", "\n").replace('\n', self.eol);
        if text.is_empty() {
            return Ok(());
        }
        let start = self.find().await?;
        let at = start + self.written.len();
        self.apply(TextEdit::insert(at, text.clone())).await?;
        self.written.push_str(&text);
        self.anchor = start;
        Ok(())
    }

    /// Takes back all that was written.
    async fn take_back(&mut self) -> Result<()> {
        if self.written.is_empty() {
            return Ok(());
        }
        let start = self.find().await?;
        let span = Span::new(start, start + self.written.len());
        self.apply(TextEdit::replace(span, "")).await?;
        self.written.clear();
        self.anchor = start;
        Ok(())
    }

    /// Where what was written begins now. The client tells of its change in its own time.
    async fn find(&self) -> Result<usize> {
        for _ in 0..LOOKS {
            let Some(snapshot) = self.server.core.snapshot(self.uri) else {
                return Err(failed("The document was closed while the answer was written.".to_owned()));
            };
            let text = snapshot.text();
            if self.written.is_empty() {
                return Ok(self.anchor.min(text.len()));
            }
            let found = text.match_indices(&self.written).map(|(at, _)| at).min_by_key(|at| at.abs_diff(self.anchor));
            if let Some(at) = found {
                return Ok(at);
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        Err(failed("The answer was changed while it was written, so the rest was not.".to_owned()))
    }

    async fn apply(&self, edit: TextEdit) -> Result<()> {
        let Some(snapshot) = self.server.core.snapshot(self.uri) else {
            return Err(failed("The document was closed while the answer was written.".to_owned()));
        };
        let file = FileEdit {
            uri: self.uri.to_owned(),
            version: snapshot.version,
            revision: snapshot.revision,
            edits: vec![edit],
            text: snapshot.text(),
            lines: snapshot.lines(),
            relied_on: Vec::new(),
            placeholders: Vec::new(),
        };
        let edit = WorkspaceEdit { files: vec![file], note: "Answer".to_owned(), confirm: false };
        let params = ApplyWorkspaceEditParams {
            label: Some("Answer".to_owned()),
            metadata: None,
            edit: to_proto::workspace_edit(self.server.profile(), &edit),
        };
        let asked = self.server.client.send_request::<ApplyWorkspaceEditRequest>(params);
        match tokio::time::timeout(APPLY_TIMEOUT, asked).await {
            Ok(Ok(answer)) if answer.applied => Ok(()),
            Ok(Ok(answer)) => {
                let reason = answer.failure_reason.unwrap_or_else(|| "it gave no reason".to_owned());
                Err(failed(format!("The editor did not take the answer: {}.", reason.trim_end_matches('.'))))
            }
            _ => Err(failed("The editor did not say whether it took the answer.".to_owned())),
        }
    }
}
