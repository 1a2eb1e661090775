//! A second request where the first is late: after the time in which nearly all first words come, to another target, and the loser ends.
//!
//! From Dean and Barroso, "The Tail at Scale": few requests more take away most of the tail. Few is kept to by an allowance that all
//! questions share.

use crate::attempt::Opened;
use crate::error::LlmError;
use crate::events::Event;
use crate::fallback::{Chain, Lane};
use crate::request::Priority;
use futures_util::future::{Either, select};
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

/// What came of a race: who won with an answer that began; `None` if nobody did, and the chain knows why.
type Won<'a> = Option<(Lane<'a>, Opened<'a>)>;

/// Asks one target, and another besides if its first word is late.
///
/// # Errors
/// If asking others is of no use.
pub(crate) async fn race<'a>(chain: &mut Chain<'a>, first: Lane<'a>) -> Result<Won<'a>, LlmError> {
    let (inner, plan, request) = (chain.inner, chain.plan, chain.request);
    let name = &first.target.name;
    let limit = inner.limiters.of(first.target.watched.limit_name(), plan.limit).report();
    // What waits for its turn here is not late there.
    let has_room = limit.queued == 0 && limit.in_flight < limit.limit;
    let has_pictures = request.prompt.pictures().count > 0;
    let is_worth_it =
        plan.hedges && has_room && !has_pictures && request.priority != Priority::Bulk && chain.has_others();
    let delay = if is_worth_it { inner.health.late_after(name, request.prompt.len()) } else { None };
    let Some(delay) = delay else {
        let (lane, result) = first.open(inner, plan, request).await;
        return settle(chain, lane, result);
    };
    let one = pin!(first.open(inner, plan, request));
    let one = match select(one, pin!(tokio::time::sleep(delay))).await {
        Either::Left(((lane, result), _)) => return settle(chain, lane, result),
        Either::Right(((), one)) => one,
    };
    let Some(second) = chain.next_for_hedge() else {
        let (lane, result) = one.await;
        return settle(chain, lane, result);
    };
    inner.events.tell(Event::Hedged { target: second.target.name.clone(), after: delay });
    let other = pin!(second.open(inner, plan, request));
    // Whoever is not waited for any more is dropped at the end of this function, which ends its call.
    let ((lane, result), rest) = match select(one, other).await {
        Either::Left((done, other)) => (done, Either::Left(other)),
        Either::Right((done, one)) => (done, Either::Right(one)),
    };
    let first = settle(chain, lane, result);
    if let Ok(Some(won)) = first {
        return Ok(Some(won));
    }
    // The other one may still be answered, whatever this one met.
    let (lane, result) = match rest {
        Either::Left(other) => other.await,
        Either::Right(one) => one.await,
    };
    match (settle(chain, lane, result)?, first) {
        (None, Err(error)) => Err(error),
        (won, _) => Ok(won),
    }
}

fn settle<'a>(
    chain: &mut Chain<'a>,
    lane: Lane<'a>,
    result: Result<Opened<'a>, LlmError>,
) -> Result<Won<'a>, LlmError> {
    match result {
        Ok(opened) => Ok(Some((lane, opened))),
        Err(error) => chain.failed(lane, error).map(|()| None),
    }
}

/// How many requests may be made beyond the first for each question, over all questions: so much for each question that is asked, and
/// so much a second (a retry budget, as Finagle has it).
#[derive(Debug)]
pub struct Allowance {
    per_question: f64,
    per_second: f64,
    most: f64,
    state: Mutex<(f64, Instant)>,
}

impl Allowance {
    /// An allowance that begins with what comes in a second, and never holds more than `most`.
    pub fn new(per_question: f64, per_second: f64, most: f64) -> Self {
        Self { per_question, per_second, most, state: Mutex::new((per_second.min(most), Instant::now())) }
    }

    /// A question is asked.
    pub fn asked(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = (state.0 + self.per_question).min(self.most);
    }

    /// Takes leave for one request more, if there is any left.
    pub fn take(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let seconds = now.saturating_duration_since(state.1).as_secs_f64();
        *state = ((state.0 + seconds * self.per_second).min(self.most), now);
        // Sums of shares are not exact.
        let has = state.0 >= 1.0 - 1e-9;
        state.0 -= f64::from(u8::from(has));
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn of_a_hundred_questions_five_may_be_asked_twice() {
        let allowance = Allowance::new(0.05, 0.0, 10.0);
        assert!(!allowance.take(), "nothing was asked yet");
        let taken = (0..1000).filter(|_| {
            allowance.asked();
            allowance.take()
        });
        assert_eq!(taken.count(), 50);
        (0..10_000).for_each(|_| allowance.asked());
        assert_eq!((0..100).filter(|_| allowance.take()).count(), 10, "it does not pile up");
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_seldom_may_try_again_all_the_same() {
        let allowance = Allowance::new(0.2, 10.0, 100.0);
        assert_eq!((0..100).filter(|_| allowance.take()).count(), 10);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((0..100).filter(|_| allowance.take()).count(), 10);
    }
}
