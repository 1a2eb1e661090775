//! The ways in which an answer comes about, as values: chosen by whoever asks.

use crate::LlmManager;
use crate::best_of_two::{Check, Chosen, Start, ask, best_of_two};
use crate::error::{Cause, LlmError};
use crate::fallback::offline_pieces;
use crate::request::Request;
use crate::stack::nobody;
use serde::{Deserialize, Serialize};

/// How an answer comes about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerStrategy {
    /// Without any model.
    Offline,
    /// The first model that answers.
    #[default]
    Fast,
    /// Two candidates at once; the first that passes all checks.
    BestOfTwo,
    /// The cheapest model first, the next one where its answer does not pass.
    Cascade,
}

impl AnswerStrategy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Offline, Self::Fast, Self::BestOfTwo, Self::Cascade];

    /// Its name where people choose it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Fast => "fast",
            Self::BestOfTwo => "best_of_two",
            Self::Cascade => "cascade",
        }
    }
}

impl LlmManager {
    /// Asks in the way that is wanted, for an answer that passes all checks. Where no model gives one, it is the answer that needs none, if
    /// the request has one.
    ///
    /// # Errors
    /// If there is no answer that passes, and none without a model.
    pub async fn answer(
        &self,
        request: Request,
        strategy: AnswerStrategy,
        checks: &[&dyn Check],
    ) -> Result<Chosen, LlmError> {
        let offline = request.offline.clone();
        // It is given here, at the end of all tries, and not as the answer of one of them.
        let of_models = Request { offline: None, ..request };
        let result = match strategy {
            AnswerStrategy::Offline => {
                Err(LlmError::new("offline", Cause::NoTarget, "there is no answer to this without a model"))
            }
            _ if !self.has_models() => Err(LlmError::none_set()),
            AnswerStrategy::Fast => ask(self, of_models, checks, None).await.map(Chosen::only),
            AnswerStrategy::BestOfTwo => best_of_two(self, of_models, checks, Start::Together).await,
            AnswerStrategy::Cascade => self.cascade(of_models, checks).await,
        };
        match (result, offline) {
            (Ok(chosen), _) => Ok(chosen),
            (Err(error), None) => Err(error),
            (Err(error), Some(offline)) => {
                let is_asked_for = strategy == AnswerStrategy::Offline;
                self.tell_offline((!is_asked_for).then(|| error.clone()));
                let answer = offline_pieces(&offline.answer(), drop);
                let refused = (!is_asked_for).then(|| error.to_string());
                Ok(Chosen { refused, ..Chosen::only(answer) })
            }
        }
    }

    /// From the cheapest target upwards, each gated by the checks: what an answer is worth is found out, not believed (FrugalGPT, with
    /// a verifier in place of a score).
    async fn cascade(&self, request: Request, checks: &[&dyn Check]) -> Result<Chosen, LlmError> {
        let mut last = None;
        for name in self.names_by_price(&request) {
            match ask(self, Request { target: Some(name), ..request.clone() }, checks, None).await {
                Ok(answer) => {
                    let refused = last.map(|error: LlmError| error.to_string());
                    return Ok(Chosen { refused, ..Chosen::only(answer) });
                }
                Err(error) if !error.cause.may_pass_elsewhere() => return Err(error),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| nobody(&self.plan(), &request)))
    }
}
