//! What is done with a model: offered as actions that carry a command, run with progress, applied as an edit or shown as a page.
//!
//! No model is asked before the user chose: some clients resolve every action that they list, so the work is in the command.

use crate::capabilities::EXPLAIN;
use crate::commands;
use crate::handlers::code_action::includes;
use crate::handlers::execute_command::{apply_with, failed, told};
use crate::handlers::pages;
use crate::progress::{Audience, Progress};
use crate::server::{Server, core_error};
use crate::{from_proto, to_proto};
use engine::actions::fix::Problem;
use engine::answers::PlaceAt;
use engine::ask::{Ask, AskKind, Page};
use engine::model_offers::{AskGroup, AskOffer};
use engine::workspace::Snapshot;
use lsp_types::{
    CodeAction, CodeActionContext, CodeActionKind, CodeActionResponse, CodeActionTag, Command, Diagnostic, LspAny,
    Message, MessageActionItem, MessageType, ProgressToken,
};
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tower_lsp::jsonrpc::Result;

/// How long somebody may read what is going to be done.
const READ_TIMEOUT: Duration = if cfg!(test) { Duration::from_secs(3) } else { Duration::from_secs(900) };

/// A document and what is done there.
type Key = (String, AskKind);

/// Questions under way, by document and what is done there: the same one asked again ends the older, since some clients never cancel.
#[derive(Default)]
pub(crate) struct Asking {
    running: Mutex<HashMap<Key, (u64, oneshot::Sender<()>)>>,
}

impl Asking {
    fn enter(&self, key: Key) -> (u64, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let number = running.get(&key).map_or(0, |(number, _)| number + 1);
        // Dropping the sender of the older one ends it.
        running.insert(key, (number, sender));
        (number, receiver)
    }

    fn leave(&self, key: &Key, number: u64) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.get(key).is_some_and(|(own, _)| *own == number) {
            running.remove(key);
        }
    }
}

/// The actions with a model at a place of a state of a document.
pub(crate) async fn actions(
    server: &Server,
    snapshot: &Snapshot,
    place: PlaceAt,
    context: &CodeActionContext,
) -> Vec<CodeActionResponse> {
    let profile = server.profile();
    let shown: Vec<&Diagnostic> = context.diagnostics.iter().filter(|diagnostic| wants_model(diagnostic)).collect();
    let problem = |diagnostic: &&Diagnostic| {
        let (start, end) = from_proto::range(diagnostic.range);
        let span = snapshot.span(start, end, profile.encoding);
        let message = match &diagnostic.message {
            Message::String(text) => text.clone(),
            Message::MarkupContent(content) => content.value.clone(),
        };
        Problem { start: span.start, end: span.end, message, source: diagnostic.source.clone().unwrap_or_default() }
    };
    let problems: Vec<Problem> = shown.iter().map(problem).collect();
    // Without an offer there is nothing to tell: what failed was told by what needs no model.
    let offers = server.core.ask_offers(&snapshot.uri, place, problems).await.unwrap_or_default();
    let wanted = offers.into_iter().filter(|offer| includes(context.only.as_deref(), kind_of(offer.group)));
    wanted.filter_map(|offer| action(server, offer, &shown)).collect()
}

/// Whether a diagnostic has no mending of our own that needs no model.
fn wants_model(diagnostic: &Diagnostic) -> bool {
    let is_ours = diagnostic.source.as_deref() == Some(to_proto::SOURCE);
    let is_mended = diagnostic.data.as_ref().and_then(|data| data.get("fixable")) == Some(&json!(true));
    !is_ours || !is_mended && diagnostic.data.is_some()
}

fn kind_of(group: AskGroup) -> &'static str {
    match group {
        AskGroup::QuickFix => "quickfix",
        AskGroup::Rewrite => "refactor.rewrite",
        AskGroup::Extract => "refactor.extract",
        AskGroup::Source => "source.code-agent",
        AskGroup::Read => EXPLAIN,
    }
}

fn action(server: &Server, offer: AskOffer, shown: &[&Diagnostic]) -> Option<CodeActionResponse> {
    let profile = server.profile();
    let is_edit = !matches!(offer.ask.kind, AskKind::Explain | AskKind::Review);
    if is_edit && !profile.applies_edits && offer.ask.kind != AskKind::Custom {
        return None;
    }
    let arguments = Some(vec![json!(offer.ask)]);
    let command = Command { title: offer.title.clone(), tooltip: None, command: commands::full_name("ask"), arguments };
    if !profile.action_objects {
        return Some(command.into());
    }
    let diagnostics = offer.problem.and_then(|index| shown.get(index)).map(|diagnostic| vec![(*diagnostic).clone()]);
    let action = CodeAction {
        title: offer.title,
        kind: Some(CodeActionKind::from(kind_of(offer.group))),
        diagnostics,
        command: Some(command),
        tags: profile.marks_generated.then(|| vec![CodeActionTag::LLMGenerated]),
        ..CodeAction::default()
    };
    Some(action.into())
}

/// Runs a question. A client that cannot cancel and does not wait is answered at once, and gets the edit when it is there.
pub(crate) async fn run(server: &Server, ask: Ask, token: Option<ProgressToken>) -> Result<Option<LspAny>> {
    if server.profile().is_impatient {
        let own = server.clone();
        server.jobs.push(async move {
            if let Err(error) = run_it(&own, ask, token).await {
                own.show(MessageType::Error, error.message.to_string());
            }
        });
        return Ok(Some(json!({ "applied": false, "message": "It goes on; the edit comes when it is ready." })));
    }
    run_it(server, ask, token).await
}

async fn run_it(server: &Server, ask: Ask, token: Option<ProgressToken>) -> Result<Option<LspAny>> {
    let key = (ask.uri.clone(), ask.kind);
    let (number, overtaken) = server.asking.enter(key.clone());
    let title = ask.kind.title();
    let events = server.core.events();
    let name = server.cancels.new_name();
    let mut progress = Progress::begin(server, Audience::GivenOrNew(token), title).await;
    let work = async {
        let asked = tokio::select! {
            biased;
            _ = overtaken => return Err(failed("The same was asked again, so this one was ended.".to_owned())),
            asked = server.core.ask(ask, Some(&name)) => asked.map_err(|error| told(server, &error))?,
        };
        let mut answer = json!({ "applied": false, "files": 0, "message": asked.note });
        if let Some(page) = &asked.page {
            let address = pages::show(server, page).await?;
            answer =
                json!({ "applied": false, "files": 0, "message": asked.note, "shown": address, "text": &*page.text });
        }
        if !asked.edit.files.is_empty() {
            if asked.creates.is_some() && !server.profile().creates_files {
                let page = server.core.last_record().map_err(|error| core_error(&error))?;
                pages::show(server, &page).await?;
                return Err(failed(
                    "The editor does not let language servers make files; the tests are shown instead.".to_owned(),
                ));
            }
            if let Some(page) = &asked.preview
                && !is_wanted(server, page, &asked.note).await?
            {
                let message = format!("{title}: nothing was changed.");
                return Ok((json!({ "applied": false, "files": 0, "message": message }), message));
            }
            answer = apply_with(server, title, asked.edit, asked.creates.as_deref()).await?;
        }
        Ok((answer, asked.note))
    };
    let result = progress.watch(&name, events, work).await;
    server.asking.leave(&key, number);
    let message = match &result {
        Ok((_, note)) => note.clone(),
        Err(error) => error.message.to_string(),
    };
    progress.end(Some(message)).await;
    result.map(|(answer, _)| Some(answer))
}

/// Shows what is going to be done, and asks whether it is to be done.
async fn is_wanted(server: &Server, page: &Page, note: &str) -> Result<bool> {
    const APPLY: &str = "Apply";
    pages::show(server, page).await?;
    let item = |title: &str| MessageActionItem { title: title.to_owned(), properties: Default::default() };
    let choice = vec![item(APPLY), item("Discard")];
    let asked = server.client.show_message_request(MessageType::Info, note, Some(choice));
    match tokio::time::timeout(READ_TIMEOUT, asked).await {
        Ok(Ok(chosen)) => Ok(chosen.is_some_and(|item| item.title == APPLY)),
        Ok(Err(error)) => Err(failed(format!(
            "The editor cannot ask whether the edit is wanted ({}), so nothing was changed; `actions.preview` can be turned off.",
            error.message.trim_end_matches('.')
        ))),
        Err(_) => Err(failed("Nobody said whether the edit is wanted, so nothing was changed.".to_owned())),
    }
}

/// Shows what was last asked.
pub(crate) async fn show_last(server: &Server) -> Result<Option<LspAny>> {
    let page = server.core.last_record().map_err(|error| core_error(&error))?;
    let address = pages::show(server, &page).await?;
    Ok(Some(json!({ "shown": address, "text": &*page.text })))
}
