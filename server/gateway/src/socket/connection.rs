//! One client on its WebSocket: what comes is shared out, what is to be said is said in the order in which it came about.

use super::Served;
use super::carrier::{Carrier, Ended, Incoming};
use super::cursor::Cursor;
use super::feed::{Feed, Next};
use super::messages::{
    self, DENIED, INTERNAL, INVALID_PARAMS, INVALID_REQUEST, NO_METHOD, PARSE, Subscription, TOO_MANY, Topic,
};
use super::pace::Pace;
use super::standing::{Lost, Standing};
use crate::auth::{self, Principal};
use crate::extract::{Valid, fitting};
use crate::quotas;
use crate::state::Gateway;
use engine::analysis::diagnostic::Severity;
use engine::events::Event;
use engine::queue::{ROOM, Receiver, Sender, queue};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinSet;

/// What a language server that was told to end may take to say its last words.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The beginning of methods that are answered here.
const OWN: &str = "service/";

/// Why a connection was ended by us, with the code that the client reads (RFC 6455, and our own from 4000 on).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    GoingAway,
    NoText,
    TooLarge,
    SignedOut,
    TooSlow,
    Broken,
}

impl Reason {
    fn code(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::NoText => 1003,
            Self::TooLarge => 1009,
            Self::Broken => 1011,
            Self::SignedOut => 4001,
            Self::TooSlow => 4008,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::GoingAway => "going-away",
            Self::NoText => "no-text",
            Self::TooLarge => "too-large",
            Self::Broken => "broken",
            Self::SignedOut => "signed-out",
            Self::TooSlow => "too-slow",
        }
    }

    fn said(self) -> &'static str {
        match self {
            Self::GoingAway => "The service ends; come again in a moment.",
            Self::NoText => "Messages are texts with JSON in them.",
            Self::TooLarge => "The message is larger than `service.max-body` of the service allows.",
            Self::Broken => "What is kept cannot be read just now; come again in a moment.",
            Self::SignedOut => "The session or token is good no more, or its role changed; sign in again.",
            Self::TooSlow => "You read too slowly; go on behind the last event.",
        }
    }
}

impl From<Lost> for Reason {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::SignedOut => Self::SignedOut,
            Lost::Unknown => Self::Broken,
        }
    }
}

/// Talks with one client until either has enough.
pub(crate) async fn converse(gateway: Gateway, principal: Principal, mut carrier: Carrier) {
    let measures = gateway.measures().clone();
    let _open = measures.connected();
    let mut connection = Connection::new(gateway, principal);
    let reason = connection.run(&mut carrier).await;
    // The language server ends with its connection, and with it all that it does.
    drop(connection);
    measures.disconnected(reason.map_or("gone", Reason::name));
    if let Some(reason) = reason {
        carrier.close(reason.code(), reason.said()).await;
    }
}

/// What a message is, as far as it matters here.
#[derive(Deserialize)]
struct Head {
    method: Option<String>,
    id: Option<Value>,
}

#[derive(Deserialize)]
struct Request {
    #[serde(default)]
    params: Value,
}

struct Connection {
    gateway: Gateway,
    principal: Principal,
    feed: Option<Feed>,
    server: Option<Running>,
    /// What the language server has no room for yet. Nothing more is heard until it has.
    held: Option<Held>,
    pace: Pace,
    /// What a language server said that has an end by now.
    last_words: VecDeque<String>,
    /// What was refused already, and is written down once.
    denied: Vec<(String, String)>,
}

/// A language server that runs for this connection.
struct Running {
    to_server: Sender<String>,
    from_server: Receiver<String>,
    /// Tells how it ended, once.
    ended: Option<oneshot::Receiver<Served>>,
    /// It was told to end.
    is_leaving: bool,
    /// Ends with it.
    _tasks: JoinSet<()>,
}

/// A message for the language server.
struct Held {
    text: String,
    /// Of what is to be answered where nobody takes it.
    id: Option<Value>,
}

impl Connection {
    fn new(gateway: Gateway, principal: Principal) -> Self {
        let (last_words, denied) = Default::default();
        let pace = Pace::new(Instant::now());
        Self { gateway, principal, feed: None, server: None, held: None, pace, last_words, denied }
    }

    /// Goes on until there is a reason to end, or the client is gone.
    async fn run(&mut self, carrier: &mut Carrier) -> Option<Reason> {
        let mut stopping = self.gateway.stopping();
        let mut standing = Standing::new(&self.gateway, &self.principal);
        if *stopping.borrow() {
            return Some(Reason::GoingAway);
        }
        if let Some(lost) = standing.lost_by_now().await {
            return Some(lost.into());
        }
        loop {
            let (to_server, from_server, mut ended) = match &mut self.server {
                Some(Running { to_server, from_server, ended, .. }) => {
                    (Some(&*to_server), Some(from_server), ended.as_mut())
                }
                None => (None, None, None),
            };
            let is_full = self.held.is_some();
            let said = tokio::select! {
                incoming = in_time(carrier, is_full, self.pace.wait(Instant::now())) => match incoming {
                    Incoming::Text(text) => {
                        self.pace.count(Instant::now());
                        self.heard(&text).await
                    }
                    Incoming::Binary(_) => return Some(Reason::NoText),
                    Incoming::TooLarge => return Some(Reason::TooLarge),
                    Incoming::Gone => return None,
                },
                is_taken = hand_over(to_server, &mut self.held), if is_full => match is_taken {
                    true => None,
                    false => self.nobody_took(),
                },
                message = said_by(from_server) => match message {
                    Some(message) => Some(message),
                    None => {
                        // How it ended it tells last.
                        if let Some(ended) = ended
                            && let Ok(Ok(Served::TooSlow)) = tokio::time::timeout(LAST_WORDS, ended).await
                        {
                            return Some(Reason::TooSlow);
                        }
                        // It said goodbye; another one may begin.
                        self.server = None;
                        self.nobody_took()
                    }
                },
                served = how_it_ended(&mut ended) => match served {
                    // What it said before is waited for no longer.
                    Served::TooSlow => return Some(Reason::TooSlow),
                    Served::Over => {
                        self.server.iter_mut().for_each(|server| server.ended = None);
                        None
                    }
                },
                next = from_feed(&mut self.feed) => match next {
                    Next::Say(message) => Some(message),
                    Next::FellBehind => return Some(Reason::TooSlow),
                    Next::Broken => return Some(Reason::Broken),
                },
                lost = standing.lost() => return Some(lost.into()),
                _ = stopping.changed() => return Some(Reason::GoingAway),
            };
            // Who lost his rights hears nothing more, whatever was ready first.
            if let Some(lost) = standing.lost_by_now().await {
                return Some(lost.into());
            }
            let last_words = std::mem::take(&mut self.last_words);
            for message in last_words.into_iter().chain(said) {
                match carrier.say(message).await {
                    Ok(()) => {}
                    Err(Ended::Gone) => return None,
                    Err(Ended::Slow) => return Some(Reason::TooSlow),
                }
            }
        }
    }

    /// A message came; gives the answer, where there is one now.
    async fn heard(&mut self, text: &str) -> Option<String> {
        if !text.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok() {
            let said = "A message is a JSON object with a method, or with the result of one.";
            return Some(messages::error(&Value::Null, INVALID_REQUEST, said));
        }
        let head = match serde_json::from_str::<Head>(text) {
            Ok(head) => head,
            Err(error) if error.is_syntax() || error.is_eof() => {
                return Some(messages::error(&Value::Null, PARSE, &format!("The message is no JSON: {error}.")));
            }
            Err(_) => {
                let said = "A message is a JSON object with a method, or with the result of one.";
                return Some(messages::error(&Value::Null, INVALID_REQUEST, said));
            }
        };
        // What wants an answer is a request, and counts as one.
        if let (Some(_), Some(id)) = (&head.method, &head.id) {
            let standing = quotas::take(&self.gateway, &self.principal.account.id).await;
            if let Some(problem) = standing.as_ref().and_then(quotas::exceeded) {
                return Some(messages::error(id, TOO_MANY, &problem.told().detail));
            }
        }
        match head.method.as_deref() {
            Some(method) if method.starts_with(OWN) => {
                let id = head.id?;
                let answer = self.own(method, text).await;
                Some(match answer {
                    Ok(result) => messages::result(&id, result),
                    Err((code, said)) => messages::error(&id, code, &said),
                })
            }
            method => {
                let is_goodbye = method == Some("exit");
                // What wants no answer gets none.
                let id = head.method.and(head.id);
                match self.pass_on(text, is_goodbye, id.clone()).await {
                    Ok(()) => None,
                    Err((code, said)) => id.map(|id| messages::error(&id, code, &said)),
                }
            }
        }
    }

    /// Answers a request about events.
    async fn own(&mut self, method: &str, text: &str) -> Result<Value, (i64, String)> {
        match method {
            "service/subscribe" => {
                let request: Request =
                    serde_json::from_str(text).map_err(|error| (INVALID_REQUEST, error.to_string()))?;
                let Valid(Subscription { topics, after }) = fitting(request.params).map_err(|problem| {
                    let told = problem.told();
                    let place = told.pointer.filter(|pointer| !pointer.is_empty());
                    let place = place.map(|pointer| format!(" (at {pointer})")).unwrap_or_default();
                    (INVALID_PARAMS, format!("{}{place}", told.detail))
                })?;
                let after = after
                    .map(|after| after.parse::<Cursor>())
                    .transpose()
                    .map_err(|_| (INVALID_PARAMS, "`after` is no id of an event.".to_owned()))?;
                for topic in &topics {
                    self.permit(&topic.operation()).await?;
                }
                let feed = Feed::begin(&self.gateway, &self.principal, topics, after).await.map_err(|error| {
                    tracing::error!(error, "The store failed.");
                    (INTERNAL, "What is kept cannot be read just now; try again.".to_owned())
                })?;
                let id = feed.cursor().to_string();
                self.feed = Some(feed);
                Ok(json!({ "id": id }))
            }
            "service/unsubscribe" => {
                self.feed = None;
                Ok(Value::Null)
            }
            _ => Err((
                NO_METHOD,
                format!("There is no method `{method}`; there are `service/subscribe` and `service/unsubscribe`."),
            )),
        }
    }

    async fn permit(&mut self, operation: &crate::openapi::Operation) -> Result<(), (i64, String)> {
        if let Some((_, said)) = self.denied.iter().find(|(id, _)| *id == operation.id) {
            return Err((DENIED, said.clone()));
        }
        let asked = auth::permit(&self.gateway, &self.principal, operation, "/api/v2/ws", false).await;
        asked.map_err(|problem| {
            let said = problem.told().detail;
            if problem.is_denial() {
                self.denied.push((operation.id.clone(), said.clone()));
                return (DENIED, said);
            }
            (INTERNAL, said)
        })
    }

    /// Holds a message for the language server, which the first one starts.
    async fn pass_on(&mut self, text: &str, is_goodbye: bool, id: Option<Value>) -> Result<(), (i64, String)> {
        self.permit(&messages::language_server()).await?;
        let mut running = match self.server.take() {
            Some(mut running) if running.is_leaving => {
                // What it has to say still is said before the next one says anything.
                while let Ok(Some(message)) = tokio::time::timeout(LAST_WORDS, running.from_server.recv()).await {
                    self.last_words.push_back(message);
                }
                self.start().await?
            }
            Some(running) => running,
            None => self.start().await?,
        };
        running.is_leaving |= is_goodbye;
        self.server = Some(running);
        self.held = Some(Held { text: text.to_owned(), id });
        Ok(())
    }

    /// A language server that ended by itself takes no more; whoever asked it something hears so.
    fn nobody_took(&mut self) -> Option<String> {
        let id = self.held.take()?.id?;
        Some(messages::error(&id, INTERNAL, "The language server ended; begin anew with `initialize`."))
    }

    async fn start(&self) -> Result<Running, (i64, String)> {
        let Some(serve) = self.gateway.language_server() else {
            return Err((NO_METHOD, "This service has no language server.".to_owned()));
        };
        let may_ask = auth::is_allowed(&self.gateway, &self.principal, &messages::models());
        let account = self.principal.account.id.clone();
        let core = self.gateway.core("service").session(&account, may_ask).await;
        let core = core.map_err(|error| (INTERNAL, error.to_string()))?;
        let (to_server, from_client) = queue(ROOM);
        let (to_client, from_server) = queue(ROOM);
        let (ends, ended) = oneshot::channel();
        let mut tasks = JoinSet::new();
        // Heard from now on: on a busy machine the server may have looked at its first document before the task has its first turn.
        tasks.spawn(tell_of_findings(self.gateway.clone(), core.events(), account));
        let serving = serve(core, from_client, to_client);
        tasks.spawn(async move {
            // Nobody may hear it any more.
            let _ = ends.send(serving.await);
        });
        Ok(Running { to_server, from_server, ended: Some(ended), is_leaving: false, _tasks: tasks })
    }
}

/// What comes next, after a pause; where there is no room for it, only that nobody is there any more. Dropping it loses nothing.
async fn in_time(carrier: &mut Carrier, is_full: bool, pause: Duration) -> Incoming {
    if is_full { carrier.unheard().await } else { carrier.next_after(pause).await }
}

/// Waits until the language server has room for what is held, and gives it; whether somebody took it. Waits for ever where there is nothing or nobody.
/// Dropping it loses nothing.
async fn hand_over(server: Option<&Sender<String>>, held: &mut Option<Held>) -> bool {
    let (Some(server), Some(bytes)) = (server, held.as_ref().map(|held| held.text.len())) else {
        return std::future::pending().await;
    };
    let Ok(room) = server.room(bytes).await else { return false };
    let text = held.as_mut().map(|held| std::mem::take(&mut held.text)).unwrap_or_default();
    let is_taken = server.put(room, text).is_ok();
    if is_taken {
        *held = None;
    }
    is_taken
}

/// What the language server says; waits for ever where there is none.
async fn said_by(server: Option<&mut Receiver<String>>) -> Option<String> {
    match server {
        Some(server) => server.recv().await,
        None => std::future::pending().await,
    }
}

/// How the language server ended; waits for ever where there is none, or where that was told already.
async fn how_it_ended(ended: &mut Option<&mut oneshot::Receiver<Served>>) -> Served {
    match ended {
        // One that failed is over.
        Some(ended) => ended.await.unwrap_or(Served::Over),
        None => std::future::pending().await,
    }
}

/// The next event; waits for ever where none are wanted.
async fn from_feed(feed: &mut Option<Feed>) -> Next {
    match feed {
        Some(feed) => feed.next().await,
        None => std::future::pending().await,
    }
}

/// Tells the other connections of an account what is found in its documents.
async fn tell_of_findings(gateway: Gateway, mut events: broadcast::Receiver<Event>, account: String) {
    loop {
        let data = match events.recv().await {
            Ok(Event::Diagnostics(diagnosis)) => {
                let of = |severity| diagnosis.findings.iter().filter(|finding| finding.severity == severity).count();
                json!({
                    "uri": diagnosis.uri,
                    "version": diagnosis.version,
                    "findings": diagnosis.findings.len(),
                    "errors": of(Severity::Error),
                    "warnings": of(Severity::Warning),
                })
            }
            Ok(Event::DiagnosticsCleared { uri }) => json!({ "uri": uri, "findings": 0, "closed": true }),
            Ok(_) | Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        gateway.hub().tell(Topic::Diagnostics, Some(&account), data.to_string(), None);
    }
}
