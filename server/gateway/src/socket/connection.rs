//! One client on its WebSocket: what comes is shared out, what is to be said is said in the order in which it came about.

use super::carrier::{Carrier, Ended, Incoming};
use super::cursor::Cursor;
use super::feed::{Feed, Next};
use super::messages::{self, DENIED, INTERNAL, INVALID_PARAMS, INVALID_REQUEST, NO_METHOD, PARSE, Subscription, Topic};
use crate::auth::{self, Principal};
use crate::extract::{Valid, fitting};
use crate::state::Gateway;
use engine::ServerCore;
use engine::analysis::diagnostic::Severity;
use engine::events::Event;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Messages between the connection and its language server, in each direction.
const BETWEEN: usize = 64;
/// Rights end by themselves too, when a token is over; those that are taken away are heard of at once.
const LOOK_AT_RIGHTS: Duration = Duration::from_secs(5);
/// The beginning of methods that are answered here.
const OWN: &str = "service/";

/// Why a connection was ended by us, with the code that the client reads (RFC 6455, and our own from 4000 on).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    GoingAway,
    NoText,
    SignedOut,
    TooSlow,
    Broken,
}

impl Reason {
    fn code(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::NoText => 1003,
            Self::Broken => 1011,
            Self::SignedOut => 4001,
            Self::TooSlow => 4008,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::GoingAway => "going-away",
            Self::NoText => "no-text",
            Self::Broken => "broken",
            Self::SignedOut => "signed-out",
            Self::TooSlow => "too-slow",
        }
    }

    fn said(self) -> &'static str {
        match self {
            Self::GoingAway => "The service ends; come again in a moment.",
            Self::NoText => "Messages are texts with JSON in them.",
            Self::Broken => "What is kept cannot be read just now; come again in a moment.",
            Self::SignedOut => "The session or token is good no more, or its role changed; sign in again.",
            Self::TooSlow => "You read too slowly; go on behind the last event.",
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
}

/// A language server that runs for this connection.
struct Running {
    to_server: mpsc::Sender<String>,
    from_server: mpsc::Receiver<String>,
    /// Ends with it.
    _tasks: JoinSet<()>,
}

impl Connection {
    fn new(gateway: Gateway, principal: Principal) -> Self {
        Self { gateway, principal, feed: None, server: None }
    }

    /// Goes on until there is a reason to end, or the client is gone.
    async fn run(&mut self, carrier: &mut Carrier) -> Option<Reason> {
        let mut stopping = self.gateway.stopping();
        let mut rights = self.gateway.hub().rights();
        let mut look = tokio::time::interval_at(tokio::time::Instant::now() + LOOK_AT_RIGHTS, LOOK_AT_RIGHTS);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        if *stopping.borrow() {
            return Some(Reason::GoingAway);
        }
        loop {
            let said = tokio::select! {
                incoming = carrier.next() => match incoming {
                    Incoming::Text(text) => self.heard(&text).await,
                    Incoming::Binary(_) => return Some(Reason::NoText),
                    Incoming::Gone => return None,
                },
                message = from_server(&mut self.server) => {
                    if message.is_none() {
                        // It said goodbye; another one may begin.
                        self.server = None;
                    }
                    message
                }
                next = from_feed(&mut self.feed) => match next {
                    Next::Say(message) => Some(message),
                    Next::FellBehind => return Some(Reason::TooSlow),
                    Next::Broken => return Some(Reason::Broken),
                },
                () = async { tokio::select! { _ = rights.changed() => {}, _ = look.tick() => {} } } => {
                    if !auth::is_still_good(&self.gateway, &self.principal).await {
                        return Some(Reason::SignedOut);
                    }
                    None
                }
                _ = stopping.changed() => return Some(Reason::GoingAway),
            };
            if let Some(message) = said {
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
        match head.method.as_deref() {
            Some(method) if method.starts_with(OWN) => {
                let id = head.id?;
                let answer = self.own(method, text).await;
                Some(match answer {
                    Ok(result) => messages::result(&id, result),
                    Err((code, said)) => messages::error(&id, code, &said),
                })
            }
            _ => match self.to_language_server(text).await {
                Ok(()) => None,
                // What wants no answer gets none.
                Err((code, said)) => head.method.and(head.id).map(|id| messages::error(&id, code, &said)),
            },
        }
    }

    /// Answers a request about events.
    async fn own(&mut self, method: &str, text: &str) -> Result<Value, (i64, String)> {
        match method {
            "service/subscribe" => {
                let request: Request = serde_json::from_str(text).map_err(|error| (INVALID_REQUEST, error.to_string()))?;
                let Valid(Subscription { topics, after }) = fitting(request.params).map_err(|problem| {
                    let told = problem.told();
                    let place = told.pointer.filter(|pointer| !pointer.is_empty());
                    let place = place.map(|pointer| format!(" (at {pointer})")).unwrap_or_default();
                    (INVALID_PARAMS, format!("{}{place}", told.detail))
                })?;
                let after = after.map(|after| after.parse::<Cursor>()).transpose().map_err(|_| {
                    (INVALID_PARAMS, "`after` is no id of an event.".to_owned())
                })?;
                for topic in &topics {
                    self.permit(&topic.operation()).await?;
                }
                let feed = Feed::begin(&self.gateway, &self.principal, topics, after).await.map_err(|error| {
                    tracing::error!(%error, "The store failed.");
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
            _ => Err((NO_METHOD, format!("There is no method `{method}`; there are `service/subscribe` and `service/unsubscribe`."))),
        }
    }

    async fn permit(&self, operation: &crate::openapi::Operation) -> Result<(), (i64, String)> {
        let asked = auth::permit(&self.gateway, &self.principal, operation, "/api/v2/ws", false).await;
        asked.map_err(|problem| (if problem.is_denial() { DENIED } else { INTERNAL }, problem.told().detail))
    }

    /// Hands a message to the language server, which the first one starts.
    async fn to_language_server(&mut self, text: &str) -> Result<(), (i64, String)> {
        self.permit(&messages::language_server()).await?;
        let running = match self.server.take() {
            Some(running) => running,
            None => self.start().await?,
        };
        let running = self.server.insert(running);
        // One that just said goodbye takes no more; the client hears of its end.
        running.to_server.send(text.to_owned()).await.ok();
        Ok(())
    }

    async fn start(&self) -> Result<Running, (i64, String)> {
        let Some(serve) = self.gateway.language_server() else {
            return Err((NO_METHOD, "This service has no language server.".to_owned()));
        };
        let may_ask = auth::is_allowed(&self.gateway, &self.principal, &messages::models());
        let account = self.principal.account.id.clone();
        let core = self.gateway.core("service").session(&account, may_ask).await;
        let core = core.map_err(|error| (INTERNAL, error.to_string()))?;
        let (to_server, from_client) = mpsc::channel(BETWEEN);
        let (to_client, from_server) = mpsc::channel(BETWEEN);
        let mut tasks = JoinSet::new();
        tasks.spawn(tell_of_findings(self.gateway.clone(), core.clone(), account));
        tasks.spawn(serve(core, from_client, to_client));
        Ok(Running { to_server, from_server, _tasks: tasks })
    }
}

/// What the language server says; waits for ever where there is none.
async fn from_server(server: &mut Option<Running>) -> Option<String> {
    match server {
        Some(running) => running.from_server.recv().await,
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
async fn tell_of_findings(gateway: Gateway, core: ServerCore, account: String) {
    let mut events = core.events();
    drop(core);
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
