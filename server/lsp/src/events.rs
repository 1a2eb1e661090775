//! What the core tells of its own accord, passed on to the client: findings, messages, and that something is to be asked for anew.

use crate::server::Server;
use crate::to_proto;
use engine::answers::Diagnosis;
use engine::events::{Event, MessageLevel};
use lsp_types::{MessageType, Uri};
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
            Ok(Event::Diagnostics(diagnosis)) => publish(&server, &diagnosis).await,
            Ok(Event::DiagnosticsCleared { uri }) => {
                if !server.profile().pulls_diagnostics {
                    server.client.publish_diagnostics(Uri(uri), Vec::new(), None).await;
                }
            }
            Ok(Event::ConfigChanged | Event::WorkspaceChanged) => {
                refresh_at.get_or_insert_with(|| Instant::now() + SETTLE);
            }
            Ok(Event::Message { level, text }) => tell(&server, level, text).await,
            // Whoever began the work listens for its progress.
            Ok(Event::Progress { .. }) => {}
            Err(RecvError::Lagged(_)) => catch_up(&server).await,
            Err(RecvError::Closed) => return,
        }
    }
}

/// Pushes findings, if they are those of the newest version and the client does not pull.
async fn publish(server: &Server, diagnosis: &Arc<Diagnosis>) {
    let profile = server.profile();
    let is_newest = || {
        let now = server.core.snapshot(&diagnosis.uri).and_then(|snapshot| snapshot.version);
        now.is_some() && now == diagnosis.version
    };
    if profile.pulls_diagnostics || !is_newest() {
        return;
    }
    let version = diagnosis.version.filter(|_| profile.versioned_push);
    let items = to_proto::diagnostics(profile, diagnosis);
    server.client.publish_diagnostics(Uri(diagnosis.uri.clone()), items, version).await;
}

/// Events were lost: every open document is looked at again.
async fn catch_up(server: &Server) {
    if server.profile().pulls_diagnostics {
        return refresh(server).await;
    }
    for uri in server.open_documents() {
        if let Ok(diagnosis) = server.core.diagnostics(&uri).await {
            publish(server, &diagnosis).await;
        }
    }
}

/// Has the client ask anew for diagnostics and lenses. Its answer is not waited for here.
async fn refresh(server: &Server) {
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
