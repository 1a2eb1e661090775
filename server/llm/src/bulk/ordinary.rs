//! Bulk work without batches: single calls behind everything else that is asked, a few at a time. What was answered is kept all the same.

use super::run::{Fate, Run};
use super::{BulkError, Told};
use crate::request::{Answer, Priority, Request};
use futures_util::StreamExt;
use futures_util::stream;

impl Run<'_> {
    /// Asks the questions that nothing is known of.
    pub(super) async fn one_by_one(&mut self) -> Result<(), BulkError> {
        let open: Vec<usize> = (0..self.questions.len()).filter(|at| self.fate(*at) == Fate::Open).collect();
        if open.is_empty() {
            return Ok(());
        }
        // Each call takes its own room in the budget.
        self.reserves.iter_mut().for_each(|reserve| *reserve = None);
        self.say(Told::OneByOne(&self.target.name))?;
        let (manager, questions, options) = (self.manager, self.questions, self.options);
        let calls = open.into_iter().filter_map(|at| questions.get(at).map(|question| (at, question)));
        let mut answers = stream::iter(calls)
            .map(|(at, question)| {
                let target = options.target.clone();
                let request = Request { target, priority: Priority::Bulk, ..question.request.clone() };
                async move { (at, manager.ask(request).await) }
            })
            .buffer_unordered(options.at_once.max(1));
        while let Some((at, result)) = answers.next().await {
            match result {
                Ok(answer) => {
                    let prompt = &questions[at].request.prompt;
                    self.store.keep(at, &Answer { text: prompt.hidden(&answer.text), ..answer.clone() })?;
                    self.fates[at] = Fate::Answered;
                    self.say(Told::Answer { id: &questions[at].id, result: Ok(&answer) })?;
                }
                Err(error) => self.fail(at, &error)?,
            }
        }
        Ok(())
    }
}
