//! Work-done progress: a begin, reports, and exactly one end for it, also when the work is cancelled, fails or is dropped.
//!
//! A token that the client gave is always used. One of our own is a string, since not every client understands numbers.

use crate::server::Server;
use engine::events::{Event, ProgressStep};
use lsp_types::{
    ProgressNotification, ProgressParams, ProgressToken, WorkDoneProgressBegin, WorkDoneProgressCancelParams,
    WorkDoneProgressEnd, WorkDoneProgressReport,
};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::oneshot;
use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, Result};

/// How long the client may take to create a token before the work goes on without it.
const CREATE_TIMEOUT: Duration = Duration::from_secs(2);

/// Which pieces of work can be cancelled from the client's progress bar.
#[derive(Clone, Default)]
pub(crate) struct Cancels {
    waiting: Arc<Mutex<HashMap<ProgressToken, oneshot::Sender<()>>>>,
    next: Arc<AtomicU64>,
}

impl Cancels {
    /// Cancels the work of a token.
    pub(crate) fn cancel(&self, token: &ProgressToken) {
        if let Some(cancel) = self.lock().remove(token) {
            let _ = cancel.send(());
        }
    }

    /// A name that no other piece of work has.
    pub(crate) fn new_name(&self) -> String {
        format!("code-agent/{}", self.next.fetch_add(1, Ordering::Relaxed))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ProgressToken, oneshot::Sender<()>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `window/workDoneProgress/cancel`.
pub(crate) async fn cancel(server: &Server, params: WorkDoneProgressCancelParams) {
    server.cancels.cancel(&params.token);
}

/// Who may see the progress of a piece of work.
pub(crate) enum Audience {
    /// The client gave this token, or none.
    Given(Option<ProgressToken>),
    /// The client gave none, but the work is long enough to make one.
    GivenOrNew(Option<ProgressToken>),
}

/// The progress of one piece of work.
pub(crate) struct Progress {
    client: Client,
    server_jobs: crate::server::Jobs,
    /// `None` where nobody looks.
    token: Option<ProgressToken>,
    cancels: Cancels,
    cancelled: oneshot::Receiver<()>,
}

impl Progress {
    /// Begins it.
    pub(crate) async fn begin(server: &Server, audience: Audience, title: &str) -> Self {
        let token = match audience {
            Audience::Given(token) | Audience::GivenOrNew(token @ Some(_)) => token,
            Audience::GivenOrNew(None) if server.profile().server_progress => create(server).await,
            Audience::GivenOrNew(None) => None,
        };
        let (cancel, cancelled) = oneshot::channel();
        if let Some(token) = &token {
            server.cancels.lock().insert(token.clone(), cancel);
        }
        let progress = Self {
            client: server.client.clone(),
            server_jobs: server.jobs.clone(),
            token,
            cancels: server.cancels.clone(),
            cancelled,
        };
        let begin = WorkDoneProgressBegin {
            title: title.to_owned(),
            cancellable: Some(true),
            message: None,
            percentage: Some(0),
        };
        progress.send(json!(begin)).await;
        progress
    }

    /// Tells how far the work is.
    pub(crate) async fn report(&self, message: String, percentage: Option<u32>) {
        let report = WorkDoneProgressReport { cancellable: Some(true), message: Some(message), percentage };
        self.send(json!(report)).await;
    }

    /// Does the work, passing on the core's steps for `name`; ends early where the client cancels.
    pub(crate) async fn watch<T>(
        &mut self,
        name: &str,
        mut events: Receiver<Event>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let is_shown = self.token.is_some();
        let mut work = std::pin::pin!(work);
        let result = loop {
            tokio::select! {
                biased;
                Ok(()) = &mut self.cancelled, if is_shown => return Err(Error::request_cancelled()),
                event = events.recv(), if is_shown => match event {
                    Ok(event) => self.pass_on(name, event).await,
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => break work.await,
                },
                result = &mut work => break result,
            }
        };
        // Steps that were published before the work ended are shown before the end.
        loop {
            match events.try_recv() {
                Ok(event) => self.pass_on(name, event).await,
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return result,
            }
        }
    }

    /// Waits until the client cancels; forever where it cannot.
    pub(crate) async fn cancelled(&mut self) {
        if self.token.is_none() || (&mut self.cancelled).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    async fn pass_on(&self, name: &str, event: Event) {
        if let Event::Progress { token, step: ProgressStep::Report { message, percent } } = event
            && token == name
        {
            self.report(message, percent.map(u32::from)).await;
        }
    }

    /// Ends it with a sentence.
    pub(crate) async fn end(mut self, message: Option<String>) {
        if let Some(token) = self.token.take() {
            self.cancels.lock().remove(&token);
            let value = json!(WorkDoneProgressEnd { message });
            self.client.send_notification::<ProgressNotification>(ProgressParams { token, value }).await;
        }
    }

    async fn send(&self, value: Value) {
        if let Some(token) = self.token.clone() {
            self.client.send_notification::<ProgressNotification>(ProgressParams { token, value }).await;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // The request was dropped in the middle: the bar must not stay.
        if let Some(token) = self.token.take() {
            self.cancels.lock().remove(&token);
            let value = json!(WorkDoneProgressEnd { message: Some("Cancelled.".to_owned()) });
            let client = self.client.clone();
            self.server_jobs.push(async move {
                client.send_notification::<ProgressNotification>(ProgressParams { token, value }).await;
            });
        }
    }
}

/// Has the client make a bar for a token of ours.
async fn create(server: &Server) -> Option<ProgressToken> {
    let token = ProgressToken::String(server.cancels.new_name());
    let created = server.client.create_work_done_progress(token.clone());
    tokio::time::timeout(CREATE_TIMEOUT, created).await.ok()?.ok()?;
    Some(token)
}
