//! The path of a request, in the order in which it travels:
//! observe → cache → coalesce → fallback → router → breaker → hedge → [limit → budget → provider].
//!
//! What is guarded is guarded before: a [`crate::prompt::Prompt`] cannot be made with a secret in it. Of two candidates each takes this path.

use crate::cache::Key;
use crate::coalesce::{Follower, Writer};
use crate::error::{Cause, LlmError};
use crate::events::Event;
use crate::fallback::{OFFLINE, fall_back, may_answer, offline_pieces};
use crate::manager::{Inner, Plan};
use crate::request::{Answer, Finish, Piece, Priority, Request};
use std::sync::Arc;
use tokio::time::Instant;

/// Takes a request on its way, and says whether its answer was in memory. The answer comes piece by piece; dropping the follower ends the
/// call if nobody else waits for it.
pub(crate) fn travel(inner: &Arc<Inner>, plan: &Arc<Plan>, request: Request) -> Result<(Follower, bool), LlmError> {
    let came = Instant::now();
    let may_answer: Vec<_> =
        plan.targets.iter().zip(&plan.identities).filter(|(target, _)| may_answer(target, &request)).collect();
    let error = if may_answer.is_empty() { Some(nobody(plan, &request)) } else { None };
    let is_misnamed = error.is_some() && request.target.is_some();
    if let Some(offline) = request.offline.as_ref().filter(|_| error.is_some() && !is_misnamed) {
        inner.events.tell(Event::Offline { error: None });
        let mut pieces = Vec::new();
        offline_pieces(&offline.answer(), |piece| pieces.push(piece));
        return Ok((Follower::of(pieces), false));
    }
    if let Some(error) = error {
        return Err(error);
    }
    if !request.is_repeatable() {
        return Ok((Follower::alone(call(inner.clone(), plan.clone(), request, came, None)), false));
    }
    let key = Key::of(&request, &may_answer.iter().map(|(_, identity)| identity).collect::<Vec<_>>());
    // What is at an address may be another picture a moment later. Who asks at the same moment gets the same answer all the same.
    let is_kept = request.prompt.addresses().next().is_none();
    if let Some(hit) = is_kept.then(|| inner.cache.get(&key)).flatten() {
        inner.events.tell(Event::CacheHit { took: came.elapsed() });
        if hit.is_stale {
            refresh(inner, plan, &request, key);
        }
        return Ok((Follower::of(pieces_of(&hit.answer)), true));
    }
    let flight = key.of_flight(request.priority);
    let (follower, begun) = inner
        .flights
        .join(flight, call(inner.clone(), plan.clone(), request, came, is_kept.then_some((key, Kept::Any))));
    if !begun {
        inner.events.tell(Event::Coalesced);
    }
    Ok((follower, false))
}

/// What is said where a picture is attached that a format does not know.
const OTHER_TYPE: &str = "its format has no place for a picture of this type";

/// Why no target can be asked a request.
pub(crate) fn nobody(plan: &Plan, request: &Request) -> LlmError {
    let models: Vec<&str> = plan.targets.iter().map(|target| target.name.as_str()).collect();
    let is_of_pictures = request.prompt.pictures().count > 0;
    let has_address = request.prompt.addresses().next().is_some();
    match request.target.as_deref() {
        Some(name) if models.contains(&name) && is_of_pictures => {
            let is_open = plan.targets.iter().any(|target| target.name == name && target.is_open);
            let detail = match is_open {
                _ if !has_address => OTHER_TYPE,
                true => "its format has no place for a picture that is at an address only",
                false => "it is no server of the open web, and is given no address from which it would fetch a picture",
            };
            LlmError::new(name, Cause::NoPicture, detail)
        }
        Some(name) if models.contains(&name) => {
            LlmError::new(name, Cause::NoFill, "it is given no holes to fill, since its `fill` is not set")
        }
        Some(name) => {
            let known =
                if models.is_empty() { "none is set".to_owned() } else { format!("there are {}", models.join(", ")) };
            LlmError::unknown(name, &known)
        }
        None if models.is_empty() => LlmError::none_set(),
        None if is_of_pictures && !has_address => {
            LlmError::new("models", Cause::NoPicture, "none of them takes a picture of this type")
        }
        None if is_of_pictures => {
            LlmError::new("models", Cause::NoPicture, "none of them fetches a picture that is at an address only")
        }
        None => LlmError::new(
            "models",
            Cause::NoTarget,
            "no `[[models.target]]` has a `fill`, which says how it fills a hole",
        ),
    }
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
            let call = call(inner.clone(), plan, request, Instant::now(), Some((key, Kept::Fresh)));
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
    came: Instant,
    key: Option<(Key, Kept)>,
) -> impl FnOnce(Writer) -> futures_util::future::BoxFuture<'static, ()> {
    move |writer| {
        Box::pin(async move {
            if let Some((key, kept)) = key
                && let Some(hit) = inner.cache.get_shared(&key, &request.prompt).await
                && (kept == Kept::Any || !hit.is_stale)
            {
                inner.events.tell(Event::CacheHit { took: came.elapsed() });
                writer.mark_kept();
                pieces_of(&hit.answer).into_iter().for_each(|piece| writer.push(piece));
                writer.end(Ok(()));
                // Only now, since until its end this call is the one that a refresh would join.
                if hit.is_stale {
                    refresh(&inner, &plan, &request, key);
                }
                return;
            }
            let result = fall_back(&inner, &plan, &request, came, &writer).await;
            if let (Ok(answer), Some((key, _))) = (&result, key)
                && answer.finish == Finish::Stop
                && answer.target != OFFLINE
                // Whoever asks once more where nothing was said wants another answer.
                && (!answer.text.is_empty() || request.prompt.hole().is_some())
            {
                inner.cache.put(&key, answer, &request.prompt).await;
            }
            inner.budget.flush().await;
            writer.end(result.map(drop));
        })
    }
}
