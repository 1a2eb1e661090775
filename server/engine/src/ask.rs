//! What is done with a model: from a place in a document to an edit that was verified, or to a page that is shown.
//!
//! One walk for all actions: the code is read, its surroundings are gathered, the model is asked, its answer is judged, sent back once where it
//! does not hold, and at last the words that need no model take its place. Dropping the future ends it all, at the provider too.

mod around;
mod branch;
mod explained;
mod history;
mod made;
mod record;
mod subject;

pub(crate) use around::Nearby;
pub(crate) use branch::BRANCH;
pub(crate) use explained::Explained;
pub(crate) use record::Pages;
pub use record::{Page, SCHEME};
#[cfg(feature = "service")]
pub(crate) use subject::TEXT;

use crate::answers::{PlaceAt, WorkspaceEdit};
use crate::diagnose::Analysis;
use crate::error::CoreError;
use crate::progress::Progress;
use crate::server_core::ServerCore;
use actions::ask::{Action, Checked, Patience, Question};
use actions::fix::Problem;
use llm::LlmManager;
use llm::best_of_two::Check;
use llm::error::{Cause, LlmError};
use llm::prompt::{Origin, Part, Prompt};
use llm::request::{Answer, Form, Heard, Request};
use llm::strategy::AnswerStrategy;
use record::Record;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use subject::Subject;
use syntax::text::Span;

/// How often progress is told at most.
const TOLD_EVERY: Duration = Duration::from_millis(200);

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AskKind {
    /// Write documentation.
    Document,
    /// Explain code.
    Explain,
    /// Repair what a tool found.
    Fix,
    /// Write code anew without changing what it does.
    Refactor,
    /// Write tests.
    WriteTests,
    /// Remark on what changed.
    Review,
    /// Put comments into another language.
    Translate,
    /// What a file in `.code-agent/actions/` says.
    Custom,
}

impl AskKind {
    /// What a user reads while it runs.
    pub fn title(self) -> &'static str {
        match self {
            Self::Document => "Documenting with a model",
            Self::Explain => "Explaining",
            Self::Fix => "Fixing with a model",
            Self::Refactor => "Refactoring with a model",
            Self::WriteTests => "Writing tests",
            Self::Review => "Reviewing changes",
            Self::Translate => "Translating comments",
            Self::Custom => "Asking a model",
        }
    }
}

/// A place and what is to be done there. It serialises, so that a door can send it out and get it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// What is to be done.
    pub kind: AskKind,
    /// The document.
    pub uri: String,
    /// The state of the document that the place was counted in; 0 for that of now.
    #[serde(default)]
    pub revision: u64,
    /// First byte of the place.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// The user's words: an instruction, a language, or the name of a custom action.
    #[serde(default)]
    pub words: String,
    /// What tools found there.
    #[serde(default)]
    pub problems: Vec<Problem>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Edits to be applied; none where there is only something to read.
    pub edit: WorkspaceEdit,
    /// A file to be made before the edits are applied.
    pub creates: Option<String>,
    /// What is to be shown.
    pub page: Option<Page>,
    /// One sentence on what was done, and with what.
    pub note: String,
    /// What is shown before the edits are applied, where the user wants to see it first.
    pub preview: Option<Page>,
}

impl ServerCore {
    /// Does something with a model. `token` names its progress in [`Event::Progress`](crate::events::Event::Progress).
    ///
    /// # Errors
    /// If the document is kept from models, the place is gone, or no model answered and nothing can be done without one.
    pub async fn ask(&self, ask: Ask, token: Option<&str>) -> Result<Asked, CoreError> {
        let progress = Progress::begin(self.shared().clone(), token, ask.kind.title());
        let result = self.measured("ask", |correlation| self.ask_it(ask, &progress, correlation)).await;
        progress.end(match &result {
            Ok(asked) => asked.note.clone(),
            Err(error) => error.to_string(),
        });
        result
    }

    async fn ask_it(&self, ask: Ask, progress: &Progress, correlation: u64) -> Result<Asked, CoreError> {
        if ask.kind == AskKind::Review && ask.words == BRANCH {
            return self.review_branch(&ask, progress, correlation).await;
        }
        let is_review = ask.kind == AskKind::Review;
        let asked = self.ask_one(ask, progress, correlation).await?;
        if is_review {
            self.show_remarks();
        }
        Ok(asked)
    }

    async fn ask_one(&self, ask: Ask, progress: &Progress, correlation: u64) -> Result<Asked, CoreError> {
        self.shared().check_shown(&ask.uri)?;
        let analysis = self.analysis_for(&ask, correlation).await?;
        let span = match ask.revision {
            0 => Span::new(ask.start, ask.end),
            revision => self.carried(PlaceAt { span: Span::new(ask.start, ask.end), revision }, &analysis)?,
        };
        let subject = {
            let (ask, analysis) = (ask.clone(), analysis.clone());
            let prepare = move |shared: &crate::server_core::Shared| shared.subject(&ask, &analysis, span);
            self.compute("ask", correlation, prepare).await??
        };
        let asked = self.answer(&subject, progress).await?;
        let shared_ask = ask.clone();
        let finish = move |shared: &crate::server_core::Shared| {
            shared.finish_ask(&shared_ask, &analysis, span, &subject.title, asked)
        };
        self.compute("ask", correlation, finish).await?
    }

    /// The text that the place belongs to, as long as it is remembered; else that of now.
    async fn analysis_for(&self, ask: &Ask, correlation: u64) -> Result<Arc<Analysis>, CoreError> {
        if ask.revision != 0
            && let Some(analysis) = self.inner.offered.recall(&ask.uri, ask.revision)
        {
            return Ok(analysis);
        }
        let analysis = self.analysis(&ask.uri, correlation).await?;
        // What runs long is moved to the text of its end, whatever is offered meanwhile.
        self.inner.offered.remember(&analysis);
        Ok(analysis)
    }

    /// Asks the models: once, once more with what was wrong, and at last nobody.
    pub(crate) async fn answer(&self, subject: &Subject, progress: &Progress) -> Result<Answered, CoreError> {
        let began = Instant::now();
        let manager = self.models().await?;
        let Subject { action, strategy, .. } = subject;
        let question = action.question();
        let mut tries =
            Tries { manager: &manager, client: &self.client, progress, problems: Vec::new(), prompts: Vec::new() };
        let failed = if *strategy == AnswerStrategy::Offline {
            None
        } else {
            match tries.twice(&**action, &question, *strategy).await {
                Ok((answer, checked)) => {
                    let record = Record::new(&tries.prompts, &tries.problems, Some(&answer), &manager, began);
                    return Ok(Answered { checked, record, is_offline: false });
                }
                Err(error) => Some(error),
            }
        };
        let Some(mut checked) = action.offline() else {
            return Err(failed.map_or_else(|| CoreError::refused(NEEDS_MODEL), CoreError::from));
        };
        if let Some(error) = &failed {
            checked
                .remarks
                .insert(0, format!("No model's answer was used ({error}), so this is made from the code alone."));
        }
        let record = Record::new(&tries.prompts, &tries.problems, None, &manager, began);
        Ok(Answered { checked, record, is_offline: true })
    }
}

pub(crate) const NEEDS_MODEL: &str =
    "This needs a language model; set one up under `[[models.target]]` in your settings.";
/// What is said where a model may be set up, and none may be asked.
pub(crate) const OFFLINE: &str =
    "This needs a language model, and the settings let none be asked (`actions.strategy` is `offline`).";

/// An answer that holds, with how it came about.
pub(crate) struct Answered {
    pub checked: Checked,
    pub record: Record,
    pub is_offline: bool,
}

/// The tries at one question.
struct Tries<'a> {
    manager: &'a LlmManager,
    client: &'a str,
    progress: &'a Progress,
    /// What was wrong with the answers so far.
    problems: Vec<String>,
    /// What was said, secrets taken out.
    prompts: Vec<Arc<Prompt>>,
}

impl Tries<'_> {
    /// A question, and the same once more with what was wrong.
    async fn twice(
        &mut self,
        action: &dyn Action,
        question: &Question,
        strategy: AnswerStrategy,
    ) -> Result<(Answer, Checked), LlmError> {
        match self.once(action, question, strategy, Patience::Strict).await {
            Err(LlmError { cause: Cause::Malformed | Cause::Empty, .. }) if !self.problems.is_empty() => {}
            result => return result,
        }
        let problem = self.problems.last().cloned().unwrap_or_default();
        self.progress.teller().say(&format!("Asking once more: {problem}"));
        let words = include_str!("../../actions/src/prompts/repair.md").replace("{problem}", &problem);
        let mut again = question.clone();
        again.parts.push(Part::Data(Origin::Question, words));
        // What is right in the last answer is used.
        self.once(action, &again, AnswerStrategy::Fast, Patience::Lenient).await
    }

    async fn once(
        &mut self,
        action: &dyn Action,
        question: &Question,
        strategy: AnswerStrategy,
        patience: Patience,
    ) -> Result<(Answer, Checked), LlmError> {
        let prompt = Prompt::new(&question.parts, self.manager.prompt_limits())
            .map_err(|error| LlmError::new("models", Cause::TooLarge, error.to_string()))?;
        let prompt = Arc::new(prompt);
        self.prompts.push(prompt.clone());
        let request = Request {
            max_tokens: question.max_tokens,
            form: question.schema.clone().map(Form::strict),
            client: self.client.to_owned(),
            heard: Some(self.heard()),
            ..Request::new(prompt.clone())
        };
        let problems = Mutex::new(Vec::new());
        let good: Mutex<Option<(String, Checked)>> = Mutex::new(None);
        let check = |answer: &Answer| match action.read(&answer.text, patience) {
            Ok(checked) => {
                *good.lock().unwrap_or_else(PoisonError::into_inner) = Some((answer.text.clone(), checked));
                Ok(())
            }
            Err(problem) => {
                problems.lock().unwrap_or_else(PoisonError::into_inner).push(problem.clone());
                Err(problem)
            }
        };
        let check: &dyn Check = &check;
        let result = self.manager.answer(request, strategy, &[check]).await;
        self.problems.append(&mut problems.into_inner().unwrap_or_else(PoisonError::into_inner));
        let chosen = result?;
        let kept =
            good.into_inner().unwrap_or_else(PoisonError::into_inner).filter(|(text, _)| *text == chosen.answer.text);
        match kept {
            Some((_, checked)) => Ok((chosen.answer, checked)),
            // A judge may have chosen the other of two that both passed.
            None => match action.read(&chosen.answer.text, patience) {
                Ok(checked) => Ok((chosen.answer, checked)),
                Err(problem) => Err(LlmError::new(chosen.answer.target, Cause::Malformed, problem)),
            },
        }
    }

    /// Tells how far the answer is: at its first word, and now and then.
    fn heard(&self) -> Heard {
        let teller = self.progress.teller();
        let told: Mutex<Option<Instant>> = Mutex::new(None);
        Heard::new(move |bytes| {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.is_none_or(|at| at.elapsed() >= TOLD_EVERY) {
                *told = Some(Instant::now());
                teller.say(&format!("{bytes} bytes written"));
            }
        })
    }
}

#[cfg(test)]
mod tests;
