//! What the core tells of its own accord, passed on to the client: findings, messages, and that something is to be asked for anew.

use crate::server::Server;
use engine::answers::Diagnosis;
use engine::events::{Event, MessageLevel};
use lsp_types::{MessageType, Uri};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

/// Refreshes that come together are asked for once.
const SETTLE: Duration = Duration::from_millis(100);
/// How long the client may take to answer a refresh before it is asked again at the next occasion.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(10);

/// Passes events on until the core is gone.
pub(crate) async fn pass_on(server: Server, mut events: Receiver<Event>) {
    let mut refresh_at: Option<Instant> = None;
    let mut shown = Shown::default();
    loop {
        let settled = async {
            match refresh_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let event = tokio::select! {
            biased;
            event = events.recv() => event,
            () = settled => {
                refresh_at = None;
                refresh(&server).await;
                continue;
            }
        };
        match event {
            Ok(Event::Diagnostics(diagnosis)) => {
                publish(&server, &diagnosis, &mut shown).await;
                server.core.diagnose_owed();
            }
            Ok(Event::DiagnosticsCleared { uri }) => clear(&server, uri, &mut shown).await,
            Ok(Event::ConfigChanged | Event::WorkspaceChanged) => {
                refresh_at.get_or_insert_with(|| Instant::now() + SETTLE);
            }
            Ok(Event::Message { level, text }) => tell(&server, level, text).await,
            // Whoever began the work listens for its progress.
            Ok(Event::Progress { .. }) => {}
            Err(RecvError::Lagged(_)) => catch_up(&server, &mut shown).await,
            Err(RecvError::Closed) => return,
        }
    }
}

/// Documents for which the client shows findings of ours.
type Shown = HashSet<String>;

/// Pushes findings, if they are those of the newest text and settings and the client does not pull.
async fn publish(server: &Server, diagnosis: &Arc<Diagnosis>, shown: &mut Shown) {
    let profile = server.profile();
    if profile.pulls_diagnostics || !server.core.is_newest(diagnosis) {
        return;
    }
    if diagnosis.findings.is_empty() && server.core.remarks(diagnosis).is_empty() {
        shown.remove(&diagnosis.uri);
    } else {
        shown.insert(diagnosis.uri.clone());
    }
    let (count, newest) = (diagnosis.findings.len(), diagnosis.version);
    tracing::debug!(uri = diagnosis.uri, version = newest, count, "Findings are pushed.");
    let version = diagnosis.version.filter(|_| profile.versioned_push);
    let items = server.items(diagnosis);
    server.client.publish_diagnostics(Uri(diagnosis.uri.clone()), items, version).await;
}

/// Has the client show nothing for a document any more.
async fn clear(server: &Server, uri: String, shown: &mut Shown) {
    if !server.profile().pulls_diagnostics {
        shown.remove(&uri);
        server.client.publish_diagnostics(Uri(uri), Vec::new(), None).await;
    }
}

/// Events were lost: every open document is looked at again, and what is shown for others goes away.
async fn catch_up(server: &Server, shown: &mut Shown) {
    if server.profile().pulls_diagnostics {
        return refresh(server).await;
    }
    let open: HashSet<String> = server.open_documents().into_iter().collect();
    for uri in shown.difference(&open).cloned().collect::<Vec<_>>() {
        clear(server, uri, shown).await;
    }
    for uri in open {
        if let Ok(diagnosis) = server.core.diagnostics(&uri).await {
            publish(server, &diagnosis, shown).await;
        }
    }
}

/// Has the client ask anew for diagnostics and lenses, or pushes what other customs change. Its answer is not waited for here.
async fn refresh(server: &Server) {
    server.core.diagnose_all();
    let (refreshes_diagnostics, refreshes_lenses) = {
        let profile = server.profile();
        (profile.pulls_diagnostics && profile.refreshes_diagnostics, profile.refreshes_lenses)
    };
    let client = server.client.clone();
    server.jobs.push(async move {
        if refreshes_diagnostics {
            let _ = tokio::time::timeout(REFRESH_TIMEOUT, client.workspace_diagnostic_refresh()).await;
        }
        if refreshes_lenses {
            let _ = tokio::time::timeout(REFRESH_TIMEOUT, client.code_lens_refresh()).await;
        }
    });
}

async fn tell(server: &Server, level: MessageLevel, text: String) {
    match level {
        MessageLevel::Error => server.client.show_message(MessageType::Error, text).await,
        MessageLevel::Warning => server.client.show_message(MessageType::Warning, text).await,
        MessageLevel::Info => server.client.show_message(MessageType::Info, text).await,
        MessageLevel::Log => server.client.log_message(MessageType::Log, text).await,
    }
}
