//! Code actions: what can be done at a place, and the edit of the one that is chosen.
//!
//! Listing is free. An edit is made when the client resolves the action, and at once only for clients that cannot.

use crate::capabilities::ClientProfile;
use crate::commands;
use crate::from_proto;
use crate::handlers::{ask, chat};
use crate::server::{Server, core_error, is_about_document};
use crate::to_proto;
use engine::actions::chat::Chat;
use engine::answers::{Diagnosis, Offer, OfferKind, PlaceAt, WorkspaceEdit};
use engine::error::CoreError;
use lsp_types::{
    CodeAction, CodeActionDisabled, CodeActionKind, CodeActionParams, CodeActionResponse, Command, Diagnostic,
    MessageType,
};
use serde_json::json;
use std::sync::Arc;
use tower_lsp::jsonrpc::Result;

/// All kinds of offers.
const KINDS: [OfferKind; 4] = [OfferKind::QuickFix, OfferKind::Rewrite, OfferKind::Source, OfferKind::FixAll];

/// `textDocument/codeAction`.
pub(crate) async fn code_action(server: &Server, params: CodeActionParams) -> Result<Option<Vec<CodeActionResponse>>> {
    let (uri, profile) = (params.text_document.uri.0, server.profile());
    let Some(snapshot) = server.core.snapshot(&uri) else { return Ok(None) };
    if Chat::is_one(&uri) {
        return Ok(Some(chat::actions(server, &uri, params.context.only.as_deref())));
    }
    server.touched(&uri);
    let wanted = wanted(params.context.only.as_deref());
    if !profile.takes_actions() {
        return Ok(Some(Vec::new()));
    }
    let (start, end) = from_proto::range(params.range);
    let place = PlaceAt { span: snapshot.span(start, end, profile.encoding), revision: snapshot.revision };
    // Where all kinds are wanted nothing is to be left out.
    let only: &[OfferKind] = if wanted.len() == KINDS.len() { &[] } else { &wanted };
    let work = async {
        if wanted.is_empty() {
            return Ok(ask::actions(server, &snapshot, place, &params.context).await);
        }
        let offers = match server.core.offers(&uri, place, only).await {
            Ok(offers) => offers,
            Err(error) => return unavailable(profile, params.context.only.as_deref(), &error),
        };
        let needs_findings = offers.iter().any(|offer| !offer.findings.is_empty());
        let diagnosis = if needs_findings { server.core.diagnostics(&uri).await.ok() } else { None };
        let mut actions = Vec::with_capacity(offers.len());
        for offer in offers {
            actions.extend(action(server, offer, diagnosis.as_ref(), &params.context.diagnostics).await);
        }
        actions.extend(ask::actions(server, &snapshot, place, &params.context).await);
        Ok(actions)
    };
    let kind = if params.context.only.is_some() { "codeAction/only" } else { "codeAction" };
    server.newest.run(kind, &uri, snapshot.version, work).await.map(Some)
}

/// Whether a client wants a kind: one stands for all those below it.
pub(crate) fn includes(only: Option<&[CodeActionKind]>, kind: &str) -> bool {
    let Some(only) = only else { return true };
    only.iter().any(|wanted| {
        let wanted = wanted.as_str();
        wanted.is_empty() || kind.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// The kinds of offers that a client wants: a kind stands for all those below it.
fn wanted(only: Option<&[CodeActionKind]>) -> Vec<OfferKind> {
    KINDS.into_iter().filter(|kind| includes(only, kind.name())).collect()
}

/// What to answer where nothing can be offered: to a user who asked for this kind of action by name, the reason.
fn unavailable(
    profile: &ClientProfile,
    only: Option<&[CodeActionKind]>,
    error: &CoreError,
) -> Result<Vec<CodeActionResponse>> {
    match only.and_then(<[CodeActionKind]>::first) {
        _ if !is_about_document(error) => Err(core_error(error)),
        Some(kind) if profile.disabled_actions && profile.action_objects => Ok(vec![
            CodeAction {
                title: "Document this code".to_owned(),
                kind: Some(kind.clone()),
                disabled: Some(CodeActionDisabled { reason: error.to_string() }),
                ..CodeAction::default()
            }
            .into(),
        ]),
        _ => Ok(Vec::new()),
    }
}

/// One offer as the client takes it; nothing where its edit had to be made at once and could not.
async fn action(
    server: &Server,
    offer: Offer,
    diagnosis: Option<&Arc<Diagnosis>>,
    shown: &[Diagnostic],
) -> Option<CodeActionResponse> {
    let profile = server.profile();
    if !profile.action_objects {
        let command = commands::full_name("apply");
        let (title, arguments) = (offer.title.clone(), Some(vec![json!(offer)]));
        return Some(Command { title, tooltip: None, command, arguments }.into());
    }
    let edit = if profile.resolves_action_edits {
        None
    } else {
        let edit = resolved(server, &offer).await.ok()?;
        Some(to_proto::workspace_edit(profile, &edit))
    };
    let diagnostics = diagnosis
        .filter(|diagnosis| diagnosis.version == offer.version)
        .map(|diagnosis| mended(profile, diagnosis, &offer, shown))
        .filter(|mended| !mended.is_empty());
    let action = CodeAction {
        title: offer.title.clone(),
        kind: Some(CodeActionKind::from(offer.kind.name())),
        diagnostics,
        is_preferred: offer.preferred.then_some(true),
        data: edit.is_none().then(|| json!(offer)),
        edit,
        ..CodeAction::default()
    };
    Some(action.into())
}

/// The diagnostics that an offer mends, as the client itself sent them where it did, since it compares them by all they hold.
fn mended(profile: &ClientProfile, diagnosis: &Diagnosis, offer: &Offer, shown: &[Diagnostic]) -> Vec<Diagnostic> {
    let findings = offer.findings.iter().filter_map(|&index| diagnosis.findings.get(index));
    let ours = findings.map(|finding| to_proto::diagnostic(profile, diagnosis, finding));
    ours.map(|ours| {
        let same = |theirs: &&Diagnostic| theirs.range == ours.range && theirs.code == ours.code;
        shown.iter().find(same).cloned().unwrap_or(ours)
    })
    .collect()
}

/// `codeAction/resolve`: the edit, moved to the text of now.
pub(crate) async fn resolve(server: &Server, mut action: CodeAction) -> Result<CodeAction> {
    let Some(offer) = action.data.as_ref().and_then(|data| serde_json::from_value::<Offer>(data.clone()).ok()) else {
        return Ok(action);
    };
    if action.edit.is_some() {
        return Ok(action);
    }
    match resolved(server, &offer).await {
        Ok(edit) => {
            action.edit = Some(to_proto::workspace_edit(server.profile(), &edit));
            Ok(action)
        }
        Err(error) => {
            // Clients pass over a "content modified" in silence, but here somebody chose an action and waits for it.
            if matches!(error, CoreError::Conflict(_)) {
                server.show(MessageType::Warning, error.to_string());
            }
            Err(core_error(&error))
        }
    }
}

/// The edit of an offer, moved to the texts of now right before it goes out.
async fn resolved(server: &Server, offer: &Offer) -> std::result::Result<WorkspaceEdit, CoreError> {
    server.core.rebase(server.core.resolve(offer).await?).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_stands_for_those_below_it_and_for_no_other() {
        let names = |only: &[&'static str]| {
            let only: Vec<CodeActionKind> = only.iter().map(|name| CodeActionKind::from(*name)).collect();
            wanted(Some(&only)).into_iter().map(OfferKind::name).collect::<Vec<_>>()
        };
        assert_eq!(names(&["source"]), ["source", "source.fixAll.code-agent"]);
        assert_eq!(names(&["source.fixAll"]), ["source.fixAll.code-agent"]);
        assert_eq!(names(&["source.fixAll.code-agent", "quickfix"]), ["quickfix", "source.fixAll.code-agent"]);
        assert_eq!(names(&["refactor"]), ["refactor.rewrite"]);
        assert_eq!(
            names(&["refactor.extract", "quick", "source.organizeImports", "quickfix.import"]),
            Vec::<&str>::new()
        );
        assert_eq!(names(&[""]).len(), 4);
        assert_eq!(wanted(None).len(), 4);
    }
}
