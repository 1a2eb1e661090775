//! Two candidates for one answer: the first that passes all checks wins, and the other is ended there and then.
//!
//! What a good answer is only the asker knows, so the checks are his. Nobody's opinion is asked where a check can tell.

use crate::LlmManager;
use crate::error::{Cause, LlmError};
use crate::request::{Answer, Request};
use futures_util::future::{Either, select};
use std::pin::pin;

/// What an answer must fulfil.
pub trait Check: Send + Sync {
    /// Passes the answer, or says in a sentence what is wrong with it.
    ///
    /// # Errors
    /// If the answer is not good enough.
    fn check(&self, answer: &Answer) -> Result<(), String>;
}

impl<F: Fn(&Answer) -> Result<(), String> + Send + Sync> Check for F {
    fn check(&self, answer: &Answer) -> Result<(), String> {
        self(answer)
    }
}

/// What came of two candidates.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// The answer that passed.
    pub answer: Answer,
    /// Why the other one lost, where it came first.
    pub refused: Option<String>,
}

/// Asks for two candidates at once and gives the first that passes `checks`. The two are asked of the first two targets in the order of the
/// router; with one target it gives two samples.
///
/// # Errors
/// If neither passes: the failure of the second, or what is wrong with its answer.
pub async fn best_of_two(manager: &LlmManager, request: Request, checks: &[&dyn Check]) -> Result<Chosen, LlmError> {
    let names = manager.names_in_order(&request);
    let candidate = |index: usize| {
        let target = names.get(index).or(names.first()).cloned();
        // The same target gives a second opinion only if it is not held to one.
        let is_sample = index > 0 && names.len() < 2;
        let temperature = if is_sample { request.temperature.max(SAMPLE_TEMPERATURE) } else { request.temperature };
        let request = Request { target: target.or_else(|| request.target.clone()), temperature, ..request.clone() };
        async move {
            let answer = manager.ask(request).await?;
            let problem = checks.iter().find_map(|check| check.check(&answer).err());
            match problem {
                None => Ok(answer),
                Some(problem) => Err(LlmError::new(answer.target, Cause::Malformed, problem)),
            }
        }
    };
    let (first, second) = (pin!(candidate(0)), pin!(candidate(1)));
    // Dropping the loser, at the end of the function, ends its call.
    let (result, other) = match select(first, second).await {
        Either::Left((result, other)) => (result, Either::Left(other)),
        Either::Right((result, other)) => (result, Either::Right(other)),
    };
    match result {
        Ok(answer) => Ok(Chosen { answer, refused: None }),
        Err(refused) => {
            let answer = match other {
                Either::Left(other) => other.await?,
                Either::Right(other) => other.await?,
            };
            Ok(Chosen { answer, refused: Some(refused.to_string()) })
        }
    }
}

/// At which two samples of one model differ.
const SAMPLE_TEMPERATURE: f32 = 0.7;
