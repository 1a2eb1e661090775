//! Two candidates for one answer: the first that passes all checks wins, and the other is ended there and then.
//!
//! What a good answer is only the asker knows, so the checks are his. Nobody's opinion is asked where a check can tell: a judge model is
//! asked only where one is set, both candidates pass, and they differ; it sees them in both orders, since models prefer a place. It sees no
//! pictures, and judges no answers about any.

use crate::LlmManager;
use crate::error::{Cause, LlmError};
use crate::prompt::{Origin, Part, Prompt, Said};
use crate::providers::gather;
use crate::request::{Answer, Piece, Request};
use futures_util::future::{Either, select};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// At which two samples of one model differ.
const SAMPLE_TEMPERATURE: f32 = 0.7;
/// When the first word of a target is late of which too little is known.
const USUALLY_LATE: Duration = Duration::from_secs(2);
/// How long the other candidate is waited for, where a judge is to see both, as a multiple of what the first took.
const AS_LONG_AGAIN: u32 = 1;

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

/// When the second candidate is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With the first: the best answer, at twice the price.
    #[default]
    Together,
    /// When the first word of the first is late, or it failed or did not pass: hardly any price.
    WhenLate,
}

/// What came of two candidates.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// The answer that passed.
    pub answer: Answer,
    /// Why the other one lost, where it came first.
    pub refused: Option<String>,
    /// Whether a judge chose between two that both passed.
    pub was_judged: bool,
}

impl Chosen {
    pub(crate) fn only(answer: Answer) -> Self {
        Self { answer, refused: None, was_judged: false }
    }
}

/// Asks for two candidates and gives the first that passes `checks`. The two are asked of the first two targets in the order of the
/// router; with one target it gives two samples.
///
/// # Errors
/// If neither passes: the failure of the second, or what is wrong with its answer.
pub async fn best_of_two(
    manager: &LlmManager,
    request: Request,
    checks: &[&dyn Check],
    start: Start,
) -> Result<Chosen, LlmError> {
    let names = manager.names_in_order(&request);
    let candidates = [candidate(&request, &names, 0), candidate(&request, &names, 1)];
    let [first, second] = candidates;
    let late_after = match start {
        Start::Together => Duration::ZERO,
        Start::WhenLate => manager.late_after(&first).unwrap_or(USUALLY_LATE),
    };
    let (word, go) = (Notify::new(), Notify::new());
    let began = Instant::now();
    let first = pin!(ask(manager, first, checks, Some(&word)));
    let second = pin!(async {
        if start == Start::WhenLate {
            let late = async {
                if tokio::time::timeout(late_after, word.notified()).await.is_ok() {
                    std::future::pending::<()>().await;
                }
            };
            // Whatever is first: it is late, or it lost.
            select(pin!(late), pin!(go.notified())).await;
        }
        ask(manager, second, checks, None).await
    });
    // Dropping the loser, at the end of the function, ends its call.
    let (result, other) = match select(first, second).await {
        Either::Left((result, other)) => (result, Either::Left(other)),
        Either::Right((result, other)) => (result, Either::Right(other)),
    };
    go.notify_one();
    let answer = match result {
        Ok(answer) => answer,
        Err(refused) => {
            let answer = match other {
                Either::Left(other) => other.await?,
                Either::Right(other) => other.await?,
            };
            return Ok(Chosen { refused: Some(refused.to_string()), ..Chosen::only(answer) });
        }
    };
    // What fills a hole is no answer to a question that a judge could read, and whoever sees no pictures cannot say what they show.
    let is_judged = start == Start::Together && request.prompt.hole().is_none() && request.prompt.pictures().count == 0;
    let Some(judge) = manager.judge().filter(|_| is_judged) else { return Ok(Chosen::only(answer)) };
    let patience = (began.elapsed() * AS_LONG_AGAIN).max(Duration::from_millis(100));
    let other = match other {
        Either::Left(other) => tokio::time::timeout(patience, other).await,
        Either::Right(other) => tokio::time::timeout(patience, other).await,
    };
    match other {
        Ok(Ok(other)) if other.text.trim() != answer.text.trim() => {
            let is_other_better = judged(manager, &judge, &request, &answer, &other).await;
            Ok(Chosen { was_judged: true, ..Chosen::only(if is_other_better { other } else { answer }) })
        }
        _ => Ok(Chosen::only(answer)),
    }
}

/// The request to the candidate of this number.
fn candidate(request: &Request, names: &[String], index: usize) -> Request {
    let target = names.get(index).or(names.first()).cloned().or_else(|| request.target.clone());
    // The same target gives a second opinion only if it is not held to one.
    let is_sample = index > 0 && names.len() < 2;
    let temperature = if is_sample { request.temperature.max(SAMPLE_TEMPERATURE) } else { request.temperature };
    // What needs no model is no candidate.
    Request { target, temperature, offline: None, ..request.clone() }
}

/// Asks, tells when the first word is there, and checks.
pub(crate) async fn ask(
    manager: &LlmManager,
    request: Request,
    checks: &[&dyn Check],
    word: Option<&Notify>,
) -> Result<Answer, LlmError> {
    let heard = request.heard.clone();
    let mut stream = manager.stream(request)?;
    let from_cache = stream.is_from_cache();
    let (mut pieces, mut bytes) = (Vec::new(), 0);
    while let Some(piece) = stream.next().await {
        let piece = piece?;
        match &piece {
            Piece::Text(text) => bytes += text.len(),
            Piece::Restart => bytes = 0,
            _ => {}
        }
        if let (Piece::Text(_), Some(heard)) = (&piece, &heard) {
            heard.tell(bytes);
        }
        if let (Piece::Text(_), Some(word)) = (&piece, word) {
            word.notify_one();
        }
        pieces.push(piece);
    }
    let answer = gather("models", pieces)?;
    match checks.iter().find_map(|check| check.check(&answer).err()) {
        None => Ok(Answer { from_cache, ..answer }),
        Some(problem) => Err(LlmError::new(answer.target, Cause::Malformed, problem)),
    }
}

/// Whether a judge finds the other answer better than the one, in both orders.
async fn judged(manager: &LlmManager, judge: &str, request: &Request, one: &Answer, other: &Answer) -> bool {
    let said = request.prompt.turns().flat_map(Said::texts);
    let question = [request.prompt.system()].into_iter().chain(said).collect::<Vec<_>>().join("\n\n");
    let ask = async |first: &Answer, second: &Answer| {
        let prompt = Prompt::new(
            &[
                Part::Instruction(JUDGE.to_owned()),
                Part::Data(Origin::Question, question.clone()),
                // Secrets that were put back into the answers are taken out again as they were taken out of the question.
                Part::Data(Origin::ToolOutput, format!("Answer 1:\n{}", request.prompt.hidden(&first.text))),
                Part::Data(Origin::ToolOutput, format!("Answer 2:\n{}", request.prompt.hidden(&second.text))),
            ],
            manager.prompt_limits(),
        )
        .ok()?;
        let request = Request {
            target: Some(judge.to_owned()),
            max_tokens: 16,
            client: request.client.clone(),
            priority: request.priority,
            ..Request::new(Arc::new(prompt))
        };
        let verdict = manager.ask(request).await.ok()?.text;
        verdict.chars().find(|character| matches!(character, '1' | '2'))
    };
    let (forth, back) = futures_util::future::join(ask(one, other), ask(other, one)).await;
    // A judge who changes his mind with the order, or does not answer, has none.
    forth == Some('2') && back == Some('1')
}

const JUDGE: &str = "Two answers were given to one question. Say which of them is better: right first, then complete, then short. \
Answer with the digit 1 or 2 and nothing else.";
