//! One run of bulk work, its first half: divides the questions, makes the batches that are missing, finds those that an earlier run made.
//!
//! Each step is written down before the next is begun, so that a run which ends anywhere leaves the next one enough to go on.

use super::pauses::Pauses;
use super::state::{Part, Store};
use super::vendor::{Found, Sought, Vendor, number};
use super::wire::{Refusal, Wire};
use super::{BulkError, BulkOptions, Listener, Question, Told, half};
use crate::LlmManager;
use crate::budget::{Budget, Limits, Money, Reserve};
use crate::config::Target;
use crate::error::{Cause, LlmError};
use crate::manager::Plan;
use crate::providers::{Endpoint, WireRequest};
use crate::request::Usage;
use serde_json::Value;

/// Pages of a list of batches that are looked through for one.
const PAGES: usize = 20;
/// So many answers that make no sense come from a server that knows no batches.
const NONSENSE: usize = 3;
/// Bytes of a token, on the safe side.
const BYTES_A_TOKEN: usize = 3;
/// Bytes of a batch, however much the provider takes: what is sent is held in memory, and more than once.
const LARGEST: usize = 48 << 20;

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing yet.
    Open,
    /// An earlier run brought its answer.
    Known,
    /// It has its answer.
    Answered,
    /// It has none.
    Failed,
}

/// Why a step ended.
pub(super) enum Halt {
    /// The provider did not do what it was asked.
    Refused(Refusal),
    /// The work cannot go on.
    Ended(BulkError),
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<LlmError> for Halt {
    fn from(error: LlmError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<BulkError> for Halt {
    fn from(error: BulkError) -> Self {
        Self::Ended(error)
    }
}

/// One run.
pub(super) struct Run<'a> {
    pub manager: &'a LlmManager,
    pub plan: &'a Plan,
    pub target: &'a Target,
    pub questions: &'a [Question],
    pub options: &'a BulkOptions,
    pub store: Store,
    tell: Listener<'a>,
    pub fates: Vec<Fate>,
    pub reserves: Vec<Option<Reserve>>,
    pub cost: Money,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        manager: &'a LlmManager,
        plan: &'a Plan,
        target: &'a Target,
        questions: &'a [Question],
        options: &'a BulkOptions,
        store: Store,
        tell: Listener<'a>,
    ) -> Self {
        let mut store = store;
        // The file is the owner's, who may have changed it.
        for part in &mut store.state.parts {
            part.questions.retain(|at| *at < questions.len());
        }
        let fates = vec![Fate::Open; questions.len()];
        let reserves = questions.iter().map(|_| None).collect();
        Self { manager, plan, target, questions, options, store, tell, fates, reserves, cost: 0 }
    }

    /// What became of a question; one that there is not has failed.
    pub(super) fn fate(&self, at: usize) -> Fate {
        self.fates.get(at).copied().unwrap_or(Fate::Failed)
    }

    pub(super) fn say(&mut self, told: Told<'_>) -> Result<(), BulkError> {
        if (self.tell)(told).is_break() { Err(BulkError::Stopped) } else { Ok(()) }
    }

    pub(super) fn fail(&mut self, at: usize, error: &LlmError) -> Result<(), BulkError> {
        let questions = self.questions;
        let Some(question) = questions.get(at).filter(|_| self.fate(at) == Fate::Open) else { return Ok(()) };
        self.fates[at] = Fate::Failed;
        self.reserves[at] = None;
        self.say(Told::Answer { id: &question.id, result: Err(error) })
    }

    /// Everything by batches. What the provider does not take in any is left open, and the state then says `ordinary`.
    pub(super) async fn batches(&mut self, vendor: &'static dyn Vendor) -> Result<(), BulkError> {
        let wire = self.wire();
        let earlier = self.store.state.parts.len();
        self.divide(vendor)?;
        let (made, missing): (Vec<usize>, Vec<usize>) =
            self.open_parts().into_iter().partition(|at| self.part(*at).batch.is_some());
        let spent = &self.manager.inner.budget;
        let (unbound, bound) = (spent.with_limits(Limits::default()), self.plan.budget(spent));
        for at in made {
            // What is paid already is not refused for want of money; what is not made yet may be.
            self.reserve(at, &unbound).await?;
            let Part { batch, questions, .. } = self.part(at).clone();
            self.say(Told::Batch { id: &batch.unwrap_or_default(), questions: questions.len(), found: true })?;
        }
        // There is room for all that is not made yet, or nothing of it is made.
        let mut refused = None;
        for at in &missing {
            refused = self.reserve(*at, &bound).await.err();
            if refused.is_some() {
                missing.iter().for_each(|at| self.free(*at));
                break;
            }
        }
        for at in missing {
            if refused.is_none() && !self.store.state.ordinary {
                self.submit(&wire, vendor, at, at < earlier).await?;
            }
        }
        self.await_all(&wire, vendor).await?;
        if self.store.state.ordinary {
            self.store.state.parts.retain(|part| part.batch.is_some());
            self.store.save()?;
        }
        match refused {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    pub(super) fn part(&self, at: usize) -> &Part {
        &self.store.state.parts[at]
    }

    pub(super) fn part_mut(&mut self, at: usize) -> &mut Part {
        &mut self.store.state.parts[at]
    }

    fn open_parts(&self) -> Vec<usize> {
        let parts = self.store.state.parts.iter().enumerate();
        parts.filter(|(_, part)| !part.done).map(|(at, _)| at).collect()
    }

    /// Puts the questions that are in no batch into new ones, and writes that down.
    fn divide(&mut self, vendor: &dyn Vendor) -> Result<(), BulkError> {
        let mut is_free: Vec<bool> = self.fates.iter().map(|fate| *fate == Fate::Open).collect();
        for part in self.store.state.parts.iter().filter(|part| !part.done) {
            part.questions.iter().for_each(|at| {
                if let Some(free) = is_free.get_mut(*at) {
                    *free = false
                }
            });
        }
        let largest = vendor.largest();
        let most = largest.questions.min(self.options.largest).max(1);
        let (mut questions, mut bytes) = (Vec::new(), 0);
        let mut parts = Vec::new();
        for at in (0..self.questions.len()).filter(|at| is_free[*at]) {
            // The longest mark there is, so that the size is not underestimated.
            let size = vendor.question(&mark(u64::MAX, ""), &self.body(at)).len();
            if questions.len() == most || (bytes + size > largest.bytes.min(LARGEST) && !questions.is_empty()) {
                parts.push(std::mem::take(&mut questions));
                bytes = 0;
            }
            questions.push(at);
            bytes += size;
        }
        if !questions.is_empty() {
            parts.push(questions);
        }
        for questions in parts {
            let state = &mut self.store.state;
            let mut hasher = blake3::Hasher::new();
            hasher.update(format!("{} {} {:?}", state.digest, state.begun, questions).as_bytes());
            hasher.update(&state.parts.len().to_le_bytes());
            let mark = hasher.finalize().to_hex().chars().take(32).collect();
            state.parts.push(Part { questions, mark, ..Part::default() });
        }
        self.store.save()
    }

    /// The bytes of one question, as a single call has them.
    fn body(&self, at: usize) -> Vec<u8> {
        self.questions.get(at).map(|question| self.single(question).body).unwrap_or_default()
    }

    fn single(&self, question: &Question) -> WireRequest {
        let endpoint = Endpoint {
            base_url: &self.target.base_url,
            model: &self.target.model,
            key: self.target.key.as_ref(),
            stream: false,
            quirks: self.manager.inner.quirks(self.target),
        };
        self.target.provider.provider().request(&question.request, &endpoint)
    }

    fn wire(&self) -> Wire {
        let headers = self.questions.first().map(|question| self.single(question).headers).unwrap_or_default();
        Wire { pool: self.manager.inner.pool.clone(), target: self.target.clone(), headers, bounds: self.plan.bounds }
    }

    /// Takes room in the budget for a whole batch, or for nothing of it.
    async fn reserve(&mut self, at: usize, budget: &Budget) -> Result<(), LlmError> {
        let price = half(self.target.price);
        let mut reserves = Vec::new();
        for at in &self.part(at).questions {
            let Some(request) = self.questions.get(*at).filter(|_| self.fate(*at) == Fate::Open).map(|q| &q.request)
            else {
                continue;
            };
            let most = Usage { input: tokens(request.prompt.len()), cached: 0, output: u64::from(request.max_tokens) };
            let reserve = budget.reserve(&request.client, &self.target.name, most, price).await;
            reserves.push((*at, reserve?));
        }
        for (at, reserve) in reserves {
            self.reserves[at] = Some(reserve);
        }
        Ok(())
    }

    /// Gives the room of a batch back.
    fn free(&mut self, at: usize) {
        for at in self.part(at).questions.clone() {
            if let Some(reserve) = self.reserves.get_mut(at) {
                *reserve = None;
            }
        }
    }

    /// Makes the batch of a part, or finds the one that was made. Says in the state if the target has none.
    pub(super) async fn submit(
        &mut self,
        wire: &Wire,
        vendor: &'static dyn Vendor,
        at: usize,
        was_begun: bool,
    ) -> Result<(), BulkError> {
        let mut pauses = Pauses::new(self.options);
        // Whether it may have been made without anybody here knowing.
        let mut unsure = was_begun;
        let mut nonsense = 0;
        loop {
            match self.try_submit(wire, vendor, at, unsure).await {
                Ok(found) => {
                    let (batch, questions) = (self.part(at).batch.clone(), self.part(at).questions.len());
                    return self.say(Told::Batch { id: &batch.unwrap_or_default(), questions, found });
                }
                Err(Halt::Ended(error)) => return Err(error),
                Err(Halt::Refused(refusal)) => {
                    nonsense += usize::from(refusal.error.cause == Cause::Malformed);
                    let part = self.part(at);
                    // Some servers answer to any address, with something else. Where nothing was sent yet, nothing is lost.
                    let knows_none = nonsense == NONSENSE && part.file.is_none() && part.before.is_none();
                    if refusal.is_missing() || knows_none {
                        self.store.state.ordinary = true;
                        return Ok(());
                    }
                    if !pauses.bears(&refusal) {
                        return Err(refusal.error.into());
                    }
                    unsure = true;
                    self.say(Told::Trouble(&refusal.error))?;
                    pauses.wait(refusal.error.retry_after).await;
                }
            }
        }
    }

    /// Says whether the batch was found instead of made.
    async fn try_submit(
        &mut self,
        wire: &Wire,
        vendor: &'static dyn Vendor,
        at: usize,
        unsure: bool,
    ) -> Result<bool, Halt> {
        // Where the newest batch is to be known before one is made, and is not, none was made.
        let may_be_there = unsure && (!vendor.looks_before() || self.part(at).before.is_some());
        if may_be_there && let Some(batch) = self.find(wire, vendor, at).await? {
            let part = self.part_mut(at);
            (part.batch, part.found) = (Some(batch), true);
            self.store.save()?;
            return Ok(true);
        }
        if vendor.looks_before() {
            let page = wire.call(vendor.list(None)).await?;
            self.part_mut(at).before = Some(number(page.pointer("/data/0/id")).unwrap_or_default());
            self.store.save()?;
        }
        let mark_of = self.part(at).mark.clone();
        let lines: Vec<u8> = self
            .part(at)
            .questions
            .iter()
            .flat_map(|at| vendor.question(&mark(*at as u64, &mark_of), &self.body(*at)))
            .collect();
        let was_uploaded = self.part(at).file.is_some();
        if !was_uploaded && let Some(call) = vendor.upload(&mark_of, &lines) {
            let body = wire.call(call).await?;
            self.part_mut(at).file = Some(named(wire, &body)?);
            self.store.save()?;
        }
        let file = self.part(at).file.clone().unwrap_or_default();
        let made = match wire.call(vendor.create(&mark_of, &file, &lines)).await {
            Ok(body) => named(wire, &body)?,
            // The file of an earlier run may be gone.
            Err(refusal) if was_uploaded && matches!(refusal.status, Some(400 | 404)) => {
                self.part_mut(at).file = None;
                self.store.save()?;
                return Box::pin(self.try_submit(wire, vendor, at, false)).await;
            }
            Err(refusal) => return Err(refusal.into()),
        };
        let part = self.part_mut(at);
        (part.batch, part.found) = (Some(made), false);
        self.store.save()?;
        Ok(false)
    }

    /// Looks for a batch that was made without its number being written down.
    async fn find(&self, wire: &Wire, vendor: &'static dyn Vendor, at: usize) -> Result<Option<String>, Refusal> {
        let part = self.part(at);
        let sought = Sought {
            mark: &part.mark,
            before: part.before.as_deref(),
            questions: part.questions.len(),
            others: &part.others,
        };
        let mut after: Option<String> = None;
        for _ in 0..PAGES {
            let page = wire.call(vendor.list(after.as_deref())).await?;
            match vendor.found(&page, sought) {
                Found::Batch(batch) => return Ok(Some(batch)),
                Found::After(last) => after = Some(last),
                Found::Nothing => break,
            }
        }
        Ok(None)
    }
}

/// What every question of a batch is marked with, before its number.
pub(super) fn mark_prefix(mark: &str) -> String {
    let short: String = mark.chars().take(16).collect();
    format!("{short}-")
}

/// What a question is marked with.
fn mark(number: u64, mark: &str) -> String {
    format!("{}{number}", mark_prefix(mark))
}

/// The number of what was made.
fn named(wire: &Wire, body: &Value) -> Result<String, LlmError> {
    number(body.get("id")).ok_or_else(|| wire.error(Cause::Malformed, "it names nothing that it made"))
}

pub(super) fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(BYTES_A_TOKEN) as u64
}
