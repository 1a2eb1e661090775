//! `code-agent ask --bulk`: a file of questions to a language model, at half the price where the provider has batches.

use super::ask::INSTRUCTION;
use super::{Failure, Outcome, read_input};
use crate::output::Pipe;
use crate::output::counted;
use crate::output::terminal::remark;
use llm::LlmManager;
use llm::bulk::{BulkError, BulkOptions, Question, Summary, Told};
use llm::error::Cause;
use llm::prompt::{Origin, Part, Prompt};
use llm::request::Request;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is asked, and of whom.
#[derive(Debug)]
pub struct Bulk<'a> {
    /// The file with a question a line; `-` is standard input.
    pub file: &'a Path,
    /// The model, by its name in the settings.
    pub model: Option<String>,
    /// The longest answer, in tokens.
    pub max_tokens: u32,
    /// Whether the summary is JSON too.
    pub json: bool,
}

/// One line of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: Option<Value>,
    question: String,
    file: Option<PathBuf>,
}

impl Bulk<'_> {
    /// Asks all questions and prints each answer as it comes.
    pub async fn run(self, manager: &LlmManager) -> Result<Outcome, Failure> {
        let questions = self.questions(manager)?;
        let folder = engine::config::state_dir().map_err(|error| Failure(error.to_string()))?.join("bulk");
        let options = BulkOptions { target: self.model.clone(), ..BulkOptions::new(folder) };
        let mut out = Pipe::new(io::stdout());
        let (mut unwritten, mut trouble) = (None, String::new());
        let result = manager
            .bulk(&questions, &options, &mut |told| match told {
                Told::Answer { id, result } => match print(&mut out, id, result) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        unwritten = Some(error);
                        ControlFlow::Break(())
                    }
                },
                other => {
                    say(&other, &mut trouble);
                    ControlFlow::Continue(())
                }
            })
            .await;
        if let Some(error) = unwritten {
            return Err(error.into());
        }
        match result {
            Ok(summary) => {
                remark(&if self.json { json!(summary).to_string() } else { in_words(summary) });
                Ok(if summary.failed == 0 { Outcome::Clean } else { Outcome::Trouble })
            }
            Err(BulkError::Model(error)) if error.cause != Cause::NoTarget => {
                Err(Failure(format!("{error} What was asked so far is kept: the same command goes on.")))
            }
            Err(error) => Err(Failure(error.to_string())),
        }
    }

    fn questions(&self, manager: &LlmManager) -> Result<Vec<Question>, Failure> {
        let text = if self.file == Path::new("-") { read_input()?.to_string() } else { read(self.file)? };
        let lines = text.strip_prefix('\u{feff}').unwrap_or(&text).lines().enumerate();
        let questions = lines.filter(|(_, line)| !line.trim().is_empty());
        questions.map(|(at, line)| self.question(manager, at + 1, line)).collect()
    }

    fn question(&self, manager: &LlmManager, number: usize, line: &str) -> Result<Question, Failure> {
        let wrong = |why: &dyn std::fmt::Display| {
            Failure(format!("{}, line {number}: {}.", self.file.display(), why.to_string().trim_end_matches('.')))
        };
        let plain = |question: String| Line { id: None, question, file: None };
        let line = match line.trim() {
            object if object.starts_with('{') => serde_json::from_str(object).map_err(|error| wrong(&error))?,
            text if text.starts_with('"') => plain(serde_json::from_str(text).map_err(|error| wrong(&error))?),
            text => plain(text.to_owned()),
        };
        let id = match line.id {
            None => number.to_string(),
            Some(Value::String(id)) => id,
            Some(Value::Number(id)) => id.to_string(),
            Some(_) => return Err(wrong(&"`id` must be a text or a number")),
        };
        let mut parts = vec![Part::Instruction(INSTRUCTION.to_owned())];
        if let Some(file) = &line.file {
            parts.push(Part::Data(Origin::Code, read(file).map_err(|Failure(why)| wrong(&why))?));
        }
        parts.push(Part::Data(Origin::Question, line.question));
        let prompt = Prompt::new(&parts, manager.prompt_limits()).map_err(|error| wrong(&error))?;
        Ok(Question { id, request: Request { max_tokens: self.max_tokens, ..Request::new(Arc::new(prompt)) } })
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure(format!("{} could not be read: {error}.", path.display())))
}

/// One line for one question, which is out of our hands before the next one is.
fn print(
    out: &mut impl Write,
    id: &str,
    result: Result<&llm::request::Answer, &llm::error::LlmError>,
) -> io::Result<()> {
    let line = match result {
        Ok(answer) => json!({
            "id": id, "text": answer.text, "finish": answer.finish, "usage": answer.usage, "target": answer.target,
        }),
        Err(error) => json!({ "id": id, "error": error.cause.name(), "message": error.to_string() }),
    };
    writeln!(out, "{line}")?;
    out.flush()
}

/// Says what happens besides answers; the same trouble is said once.
fn say(told: &Told<'_>, trouble: &mut String) {
    match told {
        Told::Batch { id, questions, found } => {
            let questions = counted(*questions, "question");
            let what = if *found { "is there from an earlier run" } else { "is at the provider" };
            remark(&format!(
                "The batch {id} of {questions} {what}; it may take a day. Interrupted, the same command goes on."
            ));
        }
        Told::OneByOne(target) => {
            remark(&format!("{target} takes no batches, so the questions are asked one by one, at the full price."));
        }
        Told::Trouble(error) => {
            let sentence = error.to_string();
            if *trouble != sentence {
                remark(&format!("{sentence} It will be tried again."));
                *trouble = sentence;
            }
        }
        Told::Answer { .. } => {}
    }
}

fn in_words(summary: Summary) -> String {
    let mut words = format!("{} answered", counted(summary.answered, "question"));
    if summary.known > 0 {
        words.push_str(&format!(" ({} by an earlier run)", summary.known));
    }
    if summary.failed > 0 {
        words.push_str(&format!(", {} failed; the same command asks those again", summary.failed));
    }
    if summary.dollars > 0.0 {
        words.push_str(&format!(", for ${:.4}", summary.dollars));
    }
    words.push('.');
    words
}
