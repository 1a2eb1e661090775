//! The path of a request, in the order in which it travels:
//! observe → cache → coalesce → fallback → router → [breaker → limit → budget → hedge → provider].
//!
//! What is guarded is guarded before: a [`crate::prompt::Prompt`] cannot be made with a secret in it. Of two candidates each takes this path.

use crate::cache::Key;
use crate::coalesce::{Follower, Writer};
use crate::error::{Cause, LlmError};
use crate::events::Event;
use crate::fallback::{fall_back, offline_pieces};
use crate::manager::{Inner, Plan};
use crate::request::{Finish, Piece, Request};
use std::sync::Arc;
use tokio::time::Instant;

/// Takes a request on its way, and says whether its answer was in memory. The answer comes piece by piece; dropping the follower ends the
/// call if nobody else waits for it.
pub(crate) fn travel(inner: &Arc<Inner>, plan: &Arc<Plan>, request: Request) -> Result<(Follower, bool), LlmError> {
    let came = Instant::now();
    let models: Vec<&str> = plan.targets.iter().map(|target| target.name.as_str()).collect();
    let asked = request.target.as_deref();
    if let Some(name) = asked.filter(|name| !models.contains(name)) {
        let known =
            if models.is_empty() { "none is set".to_owned() } else { format!("there are {}", models.join(", ")) };
        return Err(LlmError::new(name, Cause::NoTarget, format!("there is no model of this name; {known}")));
    }
    if let Some(offline) = request.offline.as_ref().filter(|_| models.is_empty()) {
        inner.events.tell(Event::Offline { error: None });
        let mut pieces = Vec::new();
        offline_pieces(&offline.answer(), |piece| pieces.push(piece));
        return Ok((Follower::of(pieces), false));
    }
    if models.is_empty() {
        return Err(LlmError::new("models", Cause::NoTarget, "no `[[models.target]]` is set"));
    }
    if !request.is_repeatable() {
        return Ok((Follower::alone(call(inner.clone(), plan.clone(), request, came, None)), false));
    }
    // What a name stands for may change while answers are kept.
    let may_answer = plan.targets.iter().filter(|target| asked.is_none_or(|name| name == target.name));
    let identities: Vec<String> =
        may_answer.map(|target| format!("{:?} {} {}", target.provider, target.base_url, target.model)).collect();
    let key = Key::of(&request, &identities.iter().map(String::as_str).collect::<Vec<_>>());
    if let Some(answer) = inner.cache.get(&key) {
        inner.events.tell(Event::CacheHit { took: came.elapsed() });
        let usage = answer.usage.map(Piece::Usage);
        let text = [Piece::Text(answer.text.clone()), Piece::From(answer.target.clone())];
        let pieces = text.into_iter().chain(usage).chain([Piece::End(answer.finish)]);
        return Ok((Follower::of(pieces.collect()), true));
    }
    let (follower, begun) = inner.flights.join(key, call(inner.clone(), plan.clone(), request, came, Some(key)));
    if !begun {
        inner.events.tell(Event::Coalesced);
    }
    Ok((follower, false))
}

/// The call for a question, to be begun by whoever asks it first.
fn call(
    inner: Arc<Inner>,
    plan: Arc<Plan>,
    request: Request,
    came: Instant,
    key: Option<Key>,
) -> impl FnOnce(Writer) -> futures_util::future::BoxFuture<'static, ()> {
    move |writer| {
        Box::pin(async move {
            let result = fall_back(&inner, &plan, &request, came, &writer).await;
            if let (Ok(answer), Some(key)) = (&result, key)
                && answer.finish == Finish::Stop
                && answer.target != crate::fallback::OFFLINE
            {
                inner.cache.put(key, answer);
            }
            writer.end(result.map(drop));
        })
    }
}
