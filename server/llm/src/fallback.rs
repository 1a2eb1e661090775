//! One target after the other, until one answers: the chain of those that may be asked, and what one question may cost in calls.
//!
//! Retries, fallbacks and hedges draw on the same number of calls for a question, and retries and hedges on allowances that all questions
//! share, so that a provider in trouble is not asked more but less.

use crate::attempt::{Call, Opened, open};
use crate::breaker::{Pass, State};
use crate::coalesce::Writer;
use crate::config::Target;
use crate::error::{Cause, LlmError};
use crate::events::Event;
use crate::hedge;
use crate::manager::{Inner, Plan};
use crate::providers::sees_nothing;
use crate::request::{Answer, Finish, Piece, Request};
use crate::router::{self, Candidate};
use crate::splice::Splice;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// Calls that one question may cost, retries, fallbacks and hedges together.
const ATTEMPTS: usize = 4;
/// A wish to wait that is kept while somebody waits; a longer one is left to the next target.
const PATIENCE: Duration = Duration::from_secs(3);
/// Before the same target is asked again.
const BACKOFF: Duration = Duration::from_millis(200);

/// Asks one target after the other until one answers.
pub(crate) async fn fall_back(
    inner: &Inner,
    plan: &Plan,
    request: &Request,
    came: Instant,
    writer: &Writer,
) -> Result<Answer, LlmError> {
    let mut splice = Splice::new(writer.clone(), request);
    let mut chain = Chain::new(inner, plan, request, came);
    inner.retries.asked();
    inner.hedges.asked();
    // The second round is for those that only had a bad moment.
    for round in 0..2 {
        while let Some(lane) = chain.next() {
            let Some((lane, opened)) = hedge::race(&mut chain, lane).await? else { continue };
            splice.begin();
            // How long pictures take says nothing of whether a target is slow.
            let has_pictures = request.prompt.pictures().count > 0;
            let first_word = if has_pictures { Duration::ZERO } else { opened.first_word };
            match opened.go_on(&mut splice, writer).await {
                Ok(answer) => {
                    inner.incidents.success(&lane.target.watched);
                    lane.pass.success(first_word);
                    return Ok(answer);
                }
                Err(error) => chain.failed(lane, error)?,
            }
        }
        if round == 1 || !chain.rest().await {
            break;
        }
    }
    let error = chain.last.take().unwrap_or_else(|| none_left(chain.soonest));
    let error = LlmError { others_may: chain.others_may, ..error };
    offline(inner, request, error, writer)
}

/// The end of every chain: the answer that needs no model, where the asker has one.
fn offline(inner: &Inner, request: &Request, error: LlmError, writer: &Writer) -> Result<Answer, LlmError> {
    let Some(text) = request.offline.as_ref().map(|offline| offline.answer()) else { return Err(error) };
    inner.events.tell(Event::Offline { error: Some(error) });
    writer.push(Piece::Restart);
    Ok(offline_pieces(&text, |piece| writer.push(piece)))
}

/// What a reader gets of an answer that needs no model.
pub(crate) fn offline_pieces(text: &str, mut push: impl FnMut(Piece)) -> Answer {
    push(Piece::Text(text.to_owned()));
    push(Piece::From(OFFLINE.to_owned()));
    push(Piece::End(Finish::Stop));
    Answer { text: text.to_owned(), finish: Finish::Stop, usage: None, target: OFFLINE.to_owned(), from_cache: false }
}

/// The name under which an answer without a model comes.
pub const OFFLINE: &str = "offline";

fn none_left(soonest: Duration) -> LlmError {
    let retry_after = Some(soonest).filter(|wait| *wait != Duration::MAX);
    let wait = retry_after.map_or_else(|| "a while".to_owned(), |wait| format!("{:.1} s", wait.as_secs_f64()));
    let detail = format!("each of them failed or asked for a pause a moment ago, and is left alone for {wait}");
    LlmError { retry_after, ..LlmError::new("models", Cause::NoTarget, detail) }
}

/// Whether a target is one of those that are wanted, and can be asked such a thing at all.
pub(crate) fn may_answer(target: &Target, request: &Request) -> bool {
    request.target.as_ref().is_none_or(|name| *name == target.name)
        && target.speaks(request).is_some()
        && target.sees(request)
}

/// Whether a target is left out because its model sees nothing, as it said a while ago.
fn is_blind(inner: &Inner, target: &Target, request: &Request) -> bool {
    request.prompt.pictures().count > 0 && inner.blind.has(&target.watched.limit_name().to_owned())
}

/// Whether what a model says of pictures, asked this, is so of all: not of pictures that somebody has to fetch, nor beside tools or a schema.
fn may_be_blind(request: &Request) -> bool {
    let prompt = &request.prompt;
    prompt.addresses().next().is_none() && prompt.tools().is_empty() && request.form.is_none()
}

/// The targets that may answer, in the order in which they are to be asked.
pub(crate) fn ordered<'a>(inner: &Inner, plan: &'a Plan, request: &Request) -> Vec<Candidate<'a>> {
    let fit = plan.targets.iter().filter(|target| may_answer(target, request) && !is_blind(inner, target, request));
    let candidates = fit.map(|target| Candidate {
        target,
        vitals: inner.health.of(&target.name),
        state: inner.breakers.state(&target.watched),
        limit: inner.limiters.of(target.watched.limit_name(), plan.limit).report(),
    });
    router::order(candidates.collect(), request, plan.routing, inner.ticket())
}

/// A target that is about to be asked, with leave to do so.
pub(crate) struct Lane<'a> {
    pub target: &'a Target,
    pub pass: Pass<'a>,
    attempt: usize,
    came: Instant,
    in_need: bool,
}

impl<'a> Lane<'a> {
    /// Asks it, as far as to its first word.
    pub async fn open(
        self,
        inner: &'a Inner,
        plan: &'a Plan,
        request: &'a Request,
    ) -> (Self, Result<Opened<'a>, LlmError>) {
        let call = Call {
            inner,
            plan,
            request,
            target: self.target,
            attempt: self.attempt,
            came: self.came,
            in_need: self.in_need,
        };
        // Boxed, since it is large and is moved: into a race, and with all that waits around it into memory that followers share.
        let result = Box::pin(open(call)).await;
        (self, result)
    }
}

/// Those who are still to be asked, and how it went with the others.
pub(crate) struct Chain<'a> {
    pub inner: &'a Inner,
    pub plan: &'a Plan,
    pub request: &'a Request,
    came: Instant,
    waiting: VecDeque<&'a Target>,
    attempts: usize,
    /// How many of these were refused by a model that sees nothing.
    blind: usize,
    /// Targets that were asked already: asking them again is a retry.
    asked: Vec<&'a str>,
    /// Targets whose breakers let nothing through.
    refused: Vec<&'a Target>,
    /// Targets that will not answer this, however often they are asked.
    hopeless: Vec<&'a str>,
    /// The soonest time at which one of them may be asked again.
    soonest: Duration,
    /// Whether one of them was not well or is left alone, and may answer this at another time.
    others_may: bool,
    last: Option<LlmError>,
}

impl<'a> Chain<'a> {
    fn new(inner: &'a Inner, plan: &'a Plan, request: &'a Request, came: Instant) -> Self {
        let waiting: VecDeque<_> =
            ordered(inner, plan, request).into_iter().map(|candidate| candidate.target).collect();
        // Where nobody is left, it is because of this.
        let is_fit = |target: &&Target| waiting.is_empty() && may_answer(target, request);
        let blind = plan.targets.iter().filter(is_fit).find(|target| is_blind(inner, target, request));
        let last = blind.map(|target| {
            let detail = "its model sees no pictures, as it said a few minutes ago";
            LlmError::new(&target.name, Cause::NoPicture, detail)
        });
        Self {
            inner,
            plan,
            request,
            came,
            waiting,
            attempts: 0,
            blind: 0,
            asked: Vec::new(),
            refused: Vec::new(),
            hopeless: Vec::new(),
            soonest: Duration::MAX,
            others_may: false,
            last,
        }
    }

    /// The next one that may be asked now.
    fn next(&mut self) -> Option<Lane<'a>> {
        while let Some(target) = self.waiting.pop_front() {
            if self.turns() >= ATTEMPTS {
                return None;
            }
            let is_retry = self.asked.contains(&target.name.as_str());
            if self.hopeless.contains(&target.name.as_str()) || (is_retry && !self.inner.retries.take()) {
                continue;
            }
            if let Some(lane) = self.lane(target) {
                return Some(lane);
            }
            self.soonest = self.soonest.min(match self.inner.breakers.state(&target.watched) {
                State::Open(left) => left,
                State::HalfOpen | State::Closed => BACKOFF,
            });
            self.others_may = true;
            self.refused.push(target);
        }
        // Nobody could be asked at all.
        let in_need = if self.turns() == 0 { std::mem::take(&mut self.refused) } else { Vec::new() };
        in_need.into_iter().find_map(|target| {
            let pass = self.inner.breakers.admit_in_need(&target.watched)?;
            Some(Lane { in_need: true, ..self.lane_with(target, pass) })
        })
    }

    /// Another one to be asked besides the one that is late: only one that is well and has room at once.
    pub fn next_for_hedge(&mut self) -> Option<Lane<'a>> {
        if self.turns() >= ATTEMPTS {
            return None;
        }
        let budget = self.plan.budget(&self.inner.budget);
        if budget.is_tight() {
            return None;
        }
        let place = self.waiting.iter().position(|target| {
            if self.hopeless.contains(&target.name.as_str()) || self.asked.contains(&target.name.as_str()) {
                return false;
            }
            let limit = self.inner.limiters.of(target.watched.limit_name(), self.plan.limit).report();
            self.inner.breakers.state(&target.watched) == State::Closed
                && limit.queued == 0
                && limit.in_flight < limit.limit
        })?;
        if !self.inner.hedges.take() {
            return None;
        }
        let target = self.waiting.remove(place)?;
        self.lane(target)
    }

    /// How many of the calls that a question may cost are used up.
    fn turns(&self) -> usize {
        self.attempts.saturating_sub(self.blind)
    }

    /// Whether anybody could be asked besides.
    pub fn has_others(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn lane(&mut self, target: &'a Target) -> Option<Lane<'a>> {
        let pass = self.inner.breakers.admit(&target.watched)?;
        Some(self.lane_with(target, pass))
    }

    fn lane_with(&mut self, target: &'a Target, pass: Pass<'a>) -> Lane<'a> {
        self.asked.push(&target.name);
        self.attempts += 1;
        Lane { target, pass, attempt: self.attempts - 1, came: self.came, in_need: false }
    }

    /// One of them failed. That is the end where nobody else could do better.
    ///
    /// # Errors
    /// If asking others is of no use.
    pub fn failed(&mut self, lane: Lane<'a>, error: LlmError) -> Result<(), LlmError> {
        let scope = self.inner.incidents.failure(&lane.target.watched, &lane.target.name, &error);
        lane.pass.failure(&error, scope);
        self.inner.events.tell(Event::Failed { error: error.clone(), watched: lane.target.watched.clone() });
        if !error.cause.may_pass_elsewhere() {
            return Err(error);
        }
        if error.cause.may_pass() {
            self.others_may = true;
            self.soonest = self.soonest.min(error.retry_after.unwrap_or(BACKOFF));
        } else {
            self.hopeless.push(&lane.target.name);
            if sees_nothing(&error) {
                // It could not have answered, and takes nobody's turn.
                self.blind += 1;
                if may_be_blind(self.request) {
                    self.inner.blind.add(lane.target.watched.limit_name().to_owned());
                }
            }
        }
        self.last = Some(error);
        Ok(())
    }

    /// Waits until one of them may be asked again. Says whether that is worth it.
    async fn rest(&mut self) -> bool {
        if self.turns() >= ATTEMPTS || self.soonest > PATIENCE {
            return false;
        }
        // Nobody comes back at the same moment as all others who failed with it.
        let spread = 1.0 + (self.inner.ticket() % 16) as f64 / 64.0;
        tokio::time::sleep(self.soonest.mul_f64(spread)).await;
        self.soonest = Duration::MAX;
        let ordered = ordered(self.inner, self.plan, self.request);
        self.waiting = ordered.into_iter().map(|candidate| candidate.target).collect();
        true
    }
}
