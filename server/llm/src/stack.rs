//! The path of a request, in the order in which it travels:
//! observe → cache → coalesce → router → fallback → [breaker → budget → provider].
//!
//! What is guarded is guarded before: a [`crate::prompt::Prompt`] cannot be made with a secret in it.

use crate::breaker::{State, Watched};
use crate::budget::{Money, Reserve};
use crate::cache::Key;
use crate::coalesce::{Follower, Writer};
use crate::config::Target;
use crate::error::{Cause, LlmError};
use crate::events::Event;
use crate::manager::{Inner, Plan};
use crate::providers::{Endpoint, Failed, failure};
use crate::request::{Answer, Finish, Piece, Priority, Request, Usage};
use crate::router::{self, Candidate};
use crate::splice::Splice;
use crate::sse::EventReader;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Calls that one question may cost, retries and fallbacks together.
const ATTEMPTS: usize = 4;
/// A wish to wait that is kept while somebody waits; a longer one is left to the next target.
const PATIENCE: Duration = Duration::from_secs(3);
/// Before the same target is asked again.
const BACKOFF: Duration = Duration::from_millis(200);
/// Bytes of a token in code and English prose, on the safe side.
const BYTES_A_TOKEN: usize = 3;
/// How long the end of a stream is waited for after the answer said that it is whole.
const GRACE: Duration = Duration::from_secs(1);
/// So many stalls fit into the time in which an answer that comes whole is written.
const WHOLE: u32 = 10;
/// Bytes around a byte of text at the worst: an event for each token, with names and numbers of its own.
const EVENT_OVERHEAD: usize = 1024;
/// A report of an error is never longer than this.
const ERROR_BYTES: usize = 64 << 10;

/// Takes a request on its way, and says whether its answer was in memory. The answer comes piece by piece; dropping the follower ends the
/// call if nobody else waits for it.
pub(crate) fn travel(inner: &Arc<Inner>, plan: &Arc<Plan>, request: Request) -> Result<(Follower, bool), LlmError> {
    let models: Vec<&str> = plan.targets.iter().map(|target| target.name.as_str()).collect();
    let asked = request.target.as_deref();
    if let Some(name) = asked.filter(|name| !models.contains(name)) {
        let known =
            if models.is_empty() { "none is set".to_owned() } else { format!("there are {}", models.join(", ")) };
        return Err(LlmError::new(name, Cause::NoTarget, format!("there is no model of this name; {known}")));
    }
    if models.is_empty() {
        return Err(LlmError::new("models", Cause::NoTarget, "no `[[models.target]]` is set"));
    }
    if !request.is_repeatable() {
        return Ok((Follower::alone(call(inner.clone(), plan.clone(), request, None)), false));
    }
    let may_answer = plan.targets.iter().zip(&plan.identities);
    let may_answer = may_answer.filter(|(target, _)| asked.is_none_or(|name| name == target.name));
    let key = Key::of(&request, &may_answer.map(|(_, identity)| identity).collect::<Vec<_>>());
    if let Some(hit) = inner.cache.get(&key) {
        inner.events.tell(Event::CacheHit);
        if hit.is_stale {
            refresh(inner, plan, &request, key);
        }
        return Ok((Follower::of(pieces_of(&hit.answer)), true));
    }
    let (follower, begun) = inner.flights.join(key, call(inner.clone(), plan.clone(), request, Some((key, Kept::Any))));
    if !begun {
        inner.events.tell(Event::Coalesced);
    }
    Ok((follower, false))
}

/// Which kept answers will do.
#[derive(Clone, Copy, PartialEq)]
enum Kept {
    Any,
    Fresh,
}

/// An answer that was kept, as it would come.
fn pieces_of(answer: &Answer) -> Vec<Piece> {
    let usage = answer.usage.map(Piece::Usage);
    let text = [Piece::Text(answer.text.clone()), Piece::From(answer.target.clone())];
    text.into_iter().chain(usage).chain([Piece::End(answer.finish)]).collect()
}

/// Fetches another answer while the old one is given. It flies under the same key, so that whoever misses joins it.
fn refresh(inner: &Arc<Inner>, plan: &Arc<Plan>, request: &Request, key: Key) {
    inner.refreshes.begin(key, || {
        let request = Request { priority: Priority::Background, ..request.clone() };
        let (inner, plan) = (inner.clone(), plan.clone());
        async move {
            let call = call(inner.clone(), plan, request, Some((key, Kept::Fresh)));
            let (mut follower, _) = inner.flights.join(key, call);
            while let Some(piece) = follower.next().await {
                if piece.is_err() {
                    return false;
                }
            }
            true
        }
    });
}

/// The call for a question, to be begun by whoever asks it first.
fn call(
    inner: Arc<Inner>,
    plan: Arc<Plan>,
    request: Request,
    key: Option<(Key, Kept)>,
) -> impl FnOnce(Writer) -> futures_util::future::BoxFuture<'static, ()> {
    move |writer| {
        Box::pin(async move {
            if let Some((key, kept)) = key
                && let Some(hit) = inner.cache.get_shared(&key, &request.prompt).await
                && (kept == Kept::Any || !hit.is_stale)
            {
                inner.events.tell(Event::CacheHit);
                writer.mark_kept();
                pieces_of(&hit.answer).into_iter().for_each(|piece| writer.push(piece));
                writer.end(Ok(()));
                // Only now, since until its end this call is the one that a refresh would join.
                if hit.is_stale {
                    refresh(&inner, &plan, &request, key);
                }
                return;
            }
            let result = fall_back(&inner, &plan, &request, &writer).await;
            if let (Ok(answer), Some((key, _))) = (&result, key)
                && answer.finish == Finish::Stop
            {
                inner.cache.put(&key, answer, &request.prompt).await;
            }
            inner.budget.flush().await;
            writer.end(result.map(drop));
        })
    }
}

/// Asks one target after the other until one answers.
async fn fall_back(inner: &Inner, plan: &Plan, request: &Request, writer: &Writer) -> Result<Answer, LlmError> {
    let mut splice = Splice::new(writer.clone(), &request.prompt);
    let mut last: Option<LlmError> = None;
    let mut attempts = 0;
    // Targets that will not answer this, however often they are asked.
    let mut hopeless: Vec<String> = Vec::new();
    // The second round is for those that only had a bad moment.
    for round in 0..2 {
        let mut soonest = Duration::MAX;
        for candidate in ordered(inner, plan, request) {
            let target = candidate.target;
            if attempts == ATTEMPTS || hopeless.contains(&target.name) {
                continue;
            }
            let watched = watched(target);
            let Some(pass) = inner.breakers.admit(&watched) else {
                soonest = soonest.min(match inner.breakers.state(&watched) {
                    State::Open(left) => left,
                    State::HalfOpen | State::Closed => BACKOFF,
                });
                continue;
            };
            attempts += 1;
            let mut result = attempt(inner, plan, request, target, attempts, &mut splice, writer).await;
            // A model that refuses a field is asked once more without it.
            if let Err(error) = &result
                && inner.learn(target, error)
            {
                result = attempt(inner, plan, request, target, attempts, &mut splice, writer).await;
            }
            match result {
                Ok(answer) => {
                    pass.success();
                    return Ok(answer);
                }
                Err(error) => {
                    pass.failure(&error);
                    inner.events.tell(Event::Failed { error: error.clone() });
                    if !error.cause.may_pass_elsewhere() {
                        return Err(error);
                    }
                    if error.cause.may_pass() {
                        soonest = soonest.min(error.retry_after.unwrap_or(BACKOFF));
                    } else {
                        hopeless.push(target.name.clone());
                    }
                    last = Some(error);
                }
            }
        }
        if round == 1 || attempts >= ATTEMPTS || soonest > PATIENCE {
            break;
        }
        tokio::time::sleep(soonest).await;
    }
    Err(last.unwrap_or_else(none_left))
}

fn none_left() -> LlmError {
    LlmError::new("models", Cause::NoTarget, "all models failed a moment ago and are left alone for a while")
}

/// The targets that may answer, in the order in which they are to be asked.
pub(crate) fn ordered<'a>(inner: &Inner, plan: &'a Plan, request: &Request) -> Vec<Candidate<'a>> {
    let candidates = plan.targets.iter().map(|target| Candidate {
        target,
        health: inner.health.of(&target.name),
        state: inner.breakers.state(&watched(target)),
    });
    router::order(candidates.collect(), request, plan.routing, inner.ticket())
}

/// What breakers watch over for a target.
pub(crate) fn watched(target: &Target) -> Watched {
    let key = target.key.as_ref().map(|key| blake3::hash(key.expose().as_bytes()).to_hex().to_string());
    Watched { provider: target.base_url.clone(), model: target.model.clone(), key: key.unwrap_or_default() }
}

/// Asks one target once.
async fn attempt(
    inner: &Inner,
    plan: &Plan,
    request: &Request,
    target: &Target,
    number: usize,
    splice: &mut Splice,
    writer: &Writer,
) -> Result<Answer, LlmError> {
    let reserve = reserve(inner, plan, request, target).await?;
    let under_way = inner.health.begin(&target.name);
    let provider = target.provider.provider();
    inner.events.tell(Event::Asked {
        target: target.name.clone(),
        provider: provider.name(),
        model: target.model.clone(),
        attempt: number - 1,
    });
    let began = Instant::now();
    splice.begin();
    let mut meter = Meter { reserve: Some(reserve), gathered: Gathered::default(), target, request, was_read: false };
    let first_word = |took: Duration| {
        under_way.first_word(took);
        inner.events.tell(Event::FirstWord { target: target.name.clone(), took });
    };
    let result = exchange(inner, plan, request, target, began, splice, &mut meter, &first_word).await;
    if let Err(error) = result {
        under_way.failure(&error);
        return Err(error);
    }
    under_way.success();
    let text = splice.finish();
    let finish = meter.gathered.end.unwrap_or(Finish::Stop);
    let (usage, cost) = meter.settle();
    inner.events.tell(Event::Answered { target: target.name.clone(), took: began.elapsed(), usage, cost });
    writer.push(Piece::From(target.name.clone()));
    writer.push(Piece::Usage(usage));
    writer.push(Piece::End(finish));
    Ok(Answer { text, finish, usage: Some(usage), target: target.name.clone(), from_cache: false })
}

/// Counts what an attempt costs, whichever way it ends: a provider that began to answer is paid, though nobody waits any more.
struct Meter<'a> {
    reserve: Option<Reserve>,
    gathered: Gathered,
    target: &'a Target,
    request: &'a Request,
    /// Whether the provider took the request.
    was_read: bool,
}

impl Meter<'_> {
    fn settle(&mut self) -> (Usage, Money) {
        let estimate =
            Usage { input: tokens(self.request.prompt.len()), cached: 0, output: tokens(self.gathered.bytes) };
        let usage = match self.gathered.usage {
            // Until the end providers tell less than there is.
            Some(usage) if self.gathered.end.is_none() => usage.with(estimate),
            Some(usage) => usage,
            None => estimate,
        };
        let cost = self.reserve.take().map(|reserve| reserve.settle(usage, self.target.price));
        (usage, cost.unwrap_or_default())
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        if self.was_read && self.reserve.is_some() {
            self.settle();
        }
    }
}

async fn reserve(inner: &Inner, plan: &Plan, request: &Request, target: &Target) -> Result<Reserve, LlmError> {
    let most = Usage { input: tokens(request.prompt.len()), cached: 0, output: u64::from(request.max_tokens) };
    plan.budget(&inner.budget)
        .reserve(&request.client, &target.name, most, target.price)
        .await
        .map_err(|error| LlmError::new("budget", Cause::Budget, error.to_string()))
}

fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(BYTES_A_TOKEN) as u64
}

/// What came of an attempt besides its text.
#[derive(Debug, Default)]
struct Gathered {
    bytes: usize,
    usage: Option<Usage>,
    end: Option<Finish>,
}

/// Sends the request and reads the answer.
#[allow(clippy::too_many_arguments, reason = "they are the parts of one attempt, and nobody else takes them")]
async fn exchange(
    inner: &Inner,
    plan: &Plan,
    request: &Request,
    target: &Target,
    began: Instant,
    splice: &mut Splice,
    meter: &mut Meter<'_>,
    first_word: &(dyn Fn(Duration) + Sync),
) -> Result<(), LlmError> {
    let (name, bounds) = (target.name.as_str(), plan.bounds);
    let provider = target.provider.provider();
    let endpoint = Endpoint {
        base_url: &target.base_url,
        model: &target.model,
        key: target.key.as_ref(),
        stream: target.stream,
        quirks: inner.quirks(target),
    };
    let wire = provider.request(request, &endpoint);
    let first_by = began + bounds.first_word;
    let late = |what: &str| LlmError::new(name, Cause::Timeout, what.to_owned());
    let sent = inner.pool.post(name, &wire.url, &wire.headers, wire.body, target.http2);
    let mut reply = tokio::time::timeout_at(first_by, sent).await.map_err(|_| late("no answer began in time"))??;
    if !(200..300).contains(&reply.status()) {
        let body = tokio::time::timeout(bounds.stall, reply.whole(name, ERROR_BYTES)).await;
        let body = body.map_err(|_| late("its report of an error broke off"))?.unwrap_or_default();
        return Err(failure(name, reply.status(), &|header| reply.header(header), &body));
    }
    meter.was_read = true;
    let gathered = &mut meter.gathered;
    let failed = |failed: Failed| LlmError::new(name, failed.cause, failed.detail);
    if !target.stream {
        // It is written whole before anything of it comes.
        let by = first_by + bounds.stall.saturating_mul(WHOLE);
        let body = tokio::time::timeout_at(by, reply.whole(name, bounds.answer.saturating_mul(2))).await;
        let body = body.map_err(|_| late("no answer came in time"))??;
        first_word(began.elapsed());
        let body = serde_json::from_slice(&body)
            .map_err(|error| LlmError::new(name, Cause::Malformed, format!("the answer is not JSON ({error})")))?;
        take(provider.whole(&body).map_err(failed)?, splice, gathered);
        return ended(name, gathered);
    }
    let mut events = EventReader::new(provider.framing());
    let mut had_word = false;
    let mut read = 0;
    let mut deadline = first_by;
    loop {
        let what = if had_word { "the answer stopped in the middle" } else { "no first word came in time" };
        let bytes = match tokio::time::timeout_at(deadline, reply.bytes(name)).await {
            Ok(Ok(Some(bytes))) => bytes,
            Ok(Ok(None)) => break,
            // Everything was said; how the connection ends does not matter.
            _ if gathered.end.is_some() => break,
            Ok(Err(error)) => return Err(error),
            Err(_elapsed) => return Err(late(what)),
        };
        read += bytes.len();
        if read > bounds.answer.saturating_mul(EVENT_OVERHEAD) || gathered.bytes > bounds.answer {
            let detail = format!("the answer is longer than the {} bytes of `models.max-answer-bytes`", bounds.answer);
            return Err(LlmError::new(name, Cause::TooLarge, detail));
        }
        let complete = events.push(&bytes).map_err(|error| LlmError::new(name, Cause::Malformed, error.to_string()))?;
        for event in complete {
            let pieces = provider.event(&event).map_err(failed)?;
            if pieces.is_empty() {
                // Signs of life are no answer, and the clock goes on.
                continue;
            }
            take(pieces, splice, gathered);
            if !had_word && gathered.bytes > 0 {
                had_word = true;
                first_word(began.elapsed());
            }
            if had_word {
                deadline = Instant::now() + if gathered.end.is_some() { GRACE } else { bounds.stall };
            }
        }
    }
    for event in events.finish() {
        take(provider.event(&event).map_err(failed)?, splice, gathered);
    }
    ended(name, gathered)
}

/// An answer that says that it ended did; one that only stops did not.
fn ended(name: &str, gathered: &Gathered) -> Result<(), LlmError> {
    match gathered.end {
        Some(Finish::ContentFilter) => {
            Err(LlmError::new(name, Cause::ContentFilter, "the provider cut the answer off"))
        }
        Some(Finish::Stop) if gathered.bytes == 0 => Err(LlmError::new(name, Cause::Malformed, "the answer is empty")),
        Some(_) => Ok(()),
        None => Err(LlmError::new(name, Cause::Transport, "the answer broke off")),
    }
}

fn take(pieces: Vec<Piece>, splice: &mut Splice, gathered: &mut Gathered) {
    for piece in pieces {
        match piece {
            Piece::Text(text) => {
                gathered.bytes += text.len();
                splice.push(&text);
            }
            Piece::Usage(usage) => gathered.usage = Some(gathered.usage.unwrap_or_default().with(usage)),
            Piece::End(finish) => gathered.end = Some(finish),
            Piece::From(_) | Piece::Restart => {}
        }
    }
}
