//! One run of bulk work, its second half: looks at the batches until they ended, and reads their answers, in whichever order they come.

use super::pauses::Pauses;
use super::run::{Fate, Halt, Run, mark_prefix, tokens};
use super::vendor::{Stand, Vendor, without_answer};
use super::wire::Wire;
use super::{BulkError, Told, half};
use crate::error::{Cause, LlmError};
use crate::providers::{Failed, gather};
use crate::repair::tells_strict;
use crate::request::{Answer, Usage};
use serde_json::Value;

/// Bytes around an answer, and for each byte of it, in a file of answers.
const LINE_OVERHEAD: usize = 64 << 10;
const LINE_FACTOR: usize = 6;

impl Run<'_> {
    /// The batches that are worked on, as far as is known.
    fn running(&self) -> Vec<usize> {
        let parts = self.store.state.parts.iter().enumerate();
        parts.filter(|(_, part)| !part.done && part.batch.is_some()).map(|(at, _)| at).collect()
    }

    /// Looks at all batches until none is under way.
    pub(super) async fn await_all(&mut self, wire: &Wire, vendor: &'static dyn Vendor) -> Result<(), BulkError> {
        let mut pauses = Pauses::new(self.options);
        loop {
            let (mut wish, mut is_well) = (None, true);
            for at in self.running() {
                match self.look(wire, vendor, at).await {
                    Ok(()) => {}
                    Err(Halt::Ended(error)) => return Err(error),
                    Err(Halt::Refused(refusal)) if pauses.bears(&refusal) => {
                        is_well = false;
                        wish = wish.max(refusal.error.retry_after);
                        self.say(Told::Trouble(&refusal.error))?;
                    }
                    Err(Halt::Refused(refusal)) => return Err(refusal.error.into()),
                }
            }
            if self.running().is_empty() {
                return Ok(());
            }
            if is_well {
                pauses.all_is_well();
            }
            pauses.wait(wish).await;
        }
    }

    /// Looks at one batch, and reads its answers if it ended.
    async fn look(&mut self, wire: &Wire, vendor: &'static dyn Vendor, at: usize) -> Result<(), Halt> {
        let batch = self.part(at).batch.clone().unwrap_or_default();
        let body = match wire.call(vendor.look(&batch)).await {
            Ok(body) => body,
            Err(refusal) if refusal.is_missing() => {
                let gone = without_answer(Cause::BadRequest, "its batch is not known to the provider any more");
                return Ok(self.close(at, &gone)?);
            }
            Err(refusal) => return Err(refusal.into()),
        };
        let Stand::Ended { results, mut rest } = vendor.stand(&body) else { return Ok(()) };
        let mut is_ours = !self.part(at).found || !vendor.looks_before();
        for place in results {
            match self.read(wire, vendor, at, &place, &mut is_ours).await {
                Ok(()) => {}
                Err(Halt::Refused(refusal)) if refusal.is_missing() => {
                    rest = without_answer(Cause::BadRequest, "the answers of its batch are not kept any more");
                }
                Err(halt) => return Err(halt),
            }
        }
        if is_ours {
            return Ok(self.close(at, &rest)?);
        }
        // It only looked like ours. The budget has its room still.
        let part = self.part_mut(at);
        (part.batch, part.found) = (None, false);
        part.others.push(batch);
        self.store.save()?;
        Ok(self.submit(wire, vendor, at, true).await?)
    }

    /// Reads a file of answers. Those that are known already, from a reading that broke off, are passed over.
    async fn read(
        &mut self,
        wire: &Wire,
        vendor: &'static dyn Vendor,
        at: usize,
        place: &str,
        is_ours: &mut bool,
    ) -> Result<(), Halt> {
        let longest = self.plan.bounds.answer.saturating_mul(LINE_FACTOR).saturating_add(LINE_OVERHEAD);
        let mut lines = wire.lines(place, longest).await?;
        let prefix = mark_prefix(&self.part(at).mark);
        let mut expected: Vec<bool> = vec![false; self.questions.len()];
        for at in &self.part(at).questions {
            if let Some(expected) = expected.get_mut(*at) {
                *expected = true;
            }
        }
        while let Some(lines) = lines.next().await? {
            for line in lines {
                // A line that cannot be read is nobody's; the question without one is told at the end.
                let Some(line) = serde_json::from_slice::<Value>(&line).ok().and_then(|line| vendor.line(&line)) else {
                    continue;
                };
                let question = line.mark.strip_prefix(&prefix).and_then(|number| number.parse::<usize>().ok());
                let Some(question) = question.filter(|question| expected.get(*question) == Some(&true)) else {
                    continue;
                };
                *is_ours = true;
                if self.fate(question) == Fate::Open {
                    self.take(wire, question, line.result).await?;
                }
            }
        }
        Ok(())
    }

    /// Takes what a batch says of a question.
    async fn take(&mut self, wire: &Wire, at: usize, result: Result<Value, Failed>) -> Result<(), BulkError> {
        let questions = self.questions;
        let answer = result
            .and_then(|body| self.target.provider.provider().whole(&body))
            .map_err(|failed| wire.error(failed.cause, failed.detail))
            .and_then(|pieces| gather(&self.target.name, pieces))
            .and_then(|answer| match self.plan.bounds.answer {
                limit if answer.text.len() > limit => Err(LlmError::long_answer(&self.target.name, limit)),
                _ => Ok(answer),
            });
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                // What this model does not take is left out when it is asked again.
                let (inner, request) = (&self.manager.inner, &questions[at].request);
                let way = inner.quirks(self.target);
                inner.learn(self.target, request, &error, way, tells_strict(self.target, request, way));
                return self.fail(at, &error);
            }
        };
        self.store.keep(at, &answer)?;
        self.fates[at] = Fate::Answered;
        let request = &questions[at].request;
        let estimate = Usage { input: tokens(request.prompt.len()), cached: 0, output: tokens(answer.text.len()) };
        if let Some(reserve) = self.reserves[at].take() {
            let usage = answer.usage.unwrap_or(estimate);
            self.cost += reserve.settle(usage, half(self.target.price));
        }
        let text = request.prompt.restore(&answer.text);
        self.say(Told::Answer { id: &questions[at].id, result: Ok(&Answer { text, ..answer }) })
    }

    /// Nothing more comes of a batch.
    fn close(&mut self, at: usize, rest: &Failed) -> Result<(), BulkError> {
        self.part_mut(at).done = true;
        self.store.save()?;
        let error = LlmError::new(&self.target.name, rest.cause, rest.detail.clone());
        for question in self.part(at).questions.clone() {
            self.fail(question, &error)?;
        }
        Ok(())
    }
}
