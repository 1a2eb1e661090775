//! `code-agent ask`: a question to a language model, and its answer.

use super::ask_bulk::Bulk;
use super::ask_fill::Fill;
use super::{Failure, Outcome, read_input, runtime};
use crate::output::Pipe;
use crate::output::terminal::{complain, remark};
use crate::wiring::{self, Wish};
use llm::LlmManager;
use llm::best_of_two::Check;
use llm::error::{Cause, LlmError};
use llm::prompt::{Origin, Part, Prompt};
use llm::request::{Answer, Finish, Piece, Request};
use llm::strategy::AnswerStrategy;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

pub(super) const INSTRUCTION: &str =
    "You help a programmer. Answer in plain text, briefly and exactly. Say so where you do not know.";

/// Ask a language model that is set up under `[[models.target]]`. Secrets in the question and in files do not leave this machine.
#[derive(Debug, clap::Args)]
pub struct Ask {
    /// The question; `-` reads it from standard input.
    #[arg(value_name = "QUESTION", required_unless_present_any = ["bulk", "fill"])]
    question: Option<String>,
    /// Ask the questions in a file instead, one a line: a text, or `{"id": "…", "question": "…", "file": "…"}`. They may take a day, and cost
    /// half where the provider has batches; an answer is a line of JSON. Interrupted, the same command goes on.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["question", "file", "strategy", "stream"])]
    bulk: Option<PathBuf>,
    /// Fill the hole between two texts instead, as an inline completion does: the files with what stands before it and after it. Only a model
    /// with a `fill` in the settings can.
    #[arg(long, num_args = 2, value_names = ["BEFORE", "AFTER"], conflicts_with_all = ["question", "bulk", "file", "strategy", "stream"])]
    fill: Vec<PathBuf>,
    /// The model to ask, by its name in the settings; otherwise the settings choose.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// A file that the question is about.
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// The longest answer, in tokens.
    #[arg(long, value_name = "NUMBER", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_tokens: u32,
    /// How the answer comes about: `fast` takes the first model that answers, `best_of_two` asks two at once and takes the first good answer,
    /// `cascade` asks the cheapest first, `offline` asks none and tells what the code itself says. The others end in `offline` as well.
    #[arg(long, value_name = "STRATEGY", default_value = "fast", value_parser = strategy)]
    strategy: AnswerStrategy,
    /// Show the answer while it comes.
    #[arg(long)]
    stream: bool,
    /// Print JSON: one object, or with --stream one for each piece.
    #[arg(long)]
    json: bool,
}

impl Ask {
    /// Asks and prints the answer.
    pub fn run(self) -> Result<Outcome, Failure> {
        let (manager, problems) = wiring::models(Wish::default())?;
        problems.iter().for_each(|problem| remark(problem));
        let no_model = || Failure(NO_MODEL.to_owned());
        // Who names a model, or comes with a file full of questions, wants no other answer.
        if !manager.has_models() && (self.model.is_some() || self.bulk.is_some()) {
            return Err(no_model());
        }
        if self.stream && !matches!(self.strategy, AnswerStrategy::Fast | AnswerStrategy::Offline) {
            let name = self.strategy.name();
            return Err(Failure(format!(
                "--stream cannot be had with --strategy {name}, which shows an answer only when it passed."
            )));
        }
        if let Some(file) = &self.bulk {
            let (model, max_tokens, json) = (self.model.clone(), self.max_tokens, self.json);
            return runtime()?.block_on(Bulk { file, model, max_tokens, json }.run(&manager));
        }
        if !self.fill.is_empty() {
            let (model, max_tokens, json) = (self.model.clone(), self.max_tokens, self.json);
            return runtime()?.block_on(Fill { files: &self.fill, model, max_tokens, json }.run(&manager));
        }
        let (question, request) = self.request(&manager)?;
        runtime()?.block_on(async {
            if self.strategy == AnswerStrategy::Offline || !manager.has_models() {
                let is_wanted = self.strategy == AnswerStrategy::Offline;
                return match self.print_facts(&question).await? {
                    true if is_wanted => Ok(Outcome::Clean),
                    true => {
                        remark(NO_MODEL);
                        Ok(Outcome::Clean)
                    }
                    false if is_wanted => Err(Failure(NO_FACTS.to_owned())),
                    false => Err(no_model()),
                };
            }
            let result = if self.stream {
                self.print_pieces(&manager, request).await
            } else {
                self.print_whole(&manager, request).await
            };
            manager.flush().await;
            match result {
                Ok(()) => Ok(Outcome::Clean),
                Err(Failed::NoAnswer(error)) if self.model.is_none() && self.print_facts(&question).await? => {
                    complain(&error.to_string());
                    remark("No model answered; what is printed is what the code itself says.");
                    Ok(Outcome::Findings)
                }
                Err(Failed::NoAnswer(error)) => Err(Failure(error.to_string())),
                Err(Failed::Printing(failure)) => Err(failure),
            }
        })
    }

    /// Prints what the code itself says. Says whether it says anything.
    async fn print_facts(&self, question: &str) -> Result<bool, Failure> {
        let core = wiring::batch(Wish { places: self.file.clone(), ..Wish::default() })?;
        if let Ok(folder) = std::env::current_dir() {
            core.add_root(&engine::workspace::uri::from_path(&folder));
        }
        let Some(text) = core.facts(question, &self.file).await else { return Ok(false) };
        let target = llm::fallback::OFFLINE.to_owned();
        self.print(&Answer { text, finish: Finish::Stop, usage: None, target, from_cache: false })?;
        Ok(true)
    }

    fn print(&self, answer: &Answer) -> Result<(), Failure> {
        let mut out = Pipe::new(std::io::stdout().lock());
        if self.json {
            writeln!(out, "{}", json!(answer))?;
        } else {
            writeln!(out, "{}", answer.text.trim_end())?;
        }
        out.flush()?;
        Ok(())
    }

    fn request(&self, manager: &LlmManager) -> Result<(String, Request), Failure> {
        let question = self.question.clone().unwrap_or_default();
        let question = if question == "-" { read_input()?.to_string() } else { question };
        let mut parts = vec![Part::Instruction(INSTRUCTION.to_owned())];
        for path in &self.file {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure(format!("{} could not be read: {error}.", path.display())))?;
            parts.push(Part::Data(Origin::Code, text));
        }
        parts.push(Part::Data(Origin::Question, question.clone()));
        let prompt = Prompt::new(&parts, manager.prompt_limits()).map_err(|error| Failure(error.to_string()))?;
        let (target, max_tokens) = (self.model.clone(), self.max_tokens);
        Ok((question, Request { target, max_tokens, ..Request::new(Arc::new(prompt)) }))
    }

    async fn print_whole(&self, manager: &LlmManager, request: Request) -> Result<(), Failed> {
        // Of a single answer the end is as good as it is; of two the one that is whole is better.
        let checks: &[&dyn Check] = if self.strategy == AnswerStrategy::Fast { &[] } else { &[&is_whole] };
        let chosen = manager.answer(request, self.strategy, checks).await;
        let answer = chosen.map_err(Failed::of)?.answer;
        if answer.finish == Finish::Length {
            remark(CUT_OFF);
        }
        self.print(&answer).map_err(Failed::Printing)
    }

    async fn print_pieces(&self, manager: &LlmManager, request: Request) -> Result<(), Failed> {
        let mut stream = manager.stream(request).map_err(Failed::of)?;
        let mut is_silent = true;
        let mut out = Pipe::new(std::io::stdout().lock());
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|error| match is_silent {
                true => Failed::of(error),
                // What is printed already is no place for another answer.
                false => Failed::Printing(Failure(error.to_string())),
            })?;
            is_silent = false;
            if piece == Piece::End(Finish::Length) {
                remark(CUT_OFF);
            }
            if self.json {
                writeln!(out, "{}", as_json(&piece)).map_err(Failed::printing)?;
            } else {
                match &piece {
                    Piece::Text(text) => out.write_all(text.as_bytes()).map_err(Failed::printing)?,
                    // What is printed cannot be taken back, so it is said.
                    Piece::Restart => writeln!(out, "\n[the answer begins anew]").map_err(Failed::printing)?,
                    Piece::End(_) => writeln!(out).map_err(Failed::printing)?,
                    Piece::Usage(_) | Piece::From(_) | Piece::Thinking | Piece::Thought(_) | Piece::Detail { .. } => {}
                    // A question of this command has no tools.
                    Piece::CallPart { .. } | Piece::Signature(_) | Piece::Call(_) => {}
                }
            }
            out.flush().map_err(Failed::printing)?;
        }
        Ok(())
    }
}

/// Why no answer was printed.
enum Failed {
    /// No model gave one; the code itself may.
    NoAnswer(LlmError),
    /// It could not be printed, or the question cannot be answered by anybody.
    Printing(Failure),
}

impl Failed {
    fn of(error: LlmError) -> Self {
        match error.cause {
            Cause::TooLarge | Cause::LongAnswer => Self::Printing(Failure(error.to_string())),
            _ => Self::NoAnswer(error),
        }
    }

    fn printing(error: std::io::Error) -> Self {
        Self::Printing(error.into())
    }
}

fn strategy(name: &str) -> Result<AnswerStrategy, String> {
    let known = || AnswerStrategy::ALL.map(AnswerStrategy::name).join(", ");
    let found = AnswerStrategy::ALL.into_iter().find(|strategy| strategy.name() == name);
    found.ok_or_else(|| format!("it is one of {}", known()))
}

const NO_MODEL: &str =
    "There is no model to ask; set one up under `[[models.target]]` in your settings (all else works without one).";
const CUT_OFF: &str = "The answer is cut off; --max-tokens allows a longer one.";
const NO_FACTS: &str = "Without a model nothing can be said to this: it names nothing that is in the code.";

/// What can be said of any answer without knowing the question.
fn is_whole(answer: &Answer) -> Result<(), String> {
    match answer.finish {
        _ if answer.text.trim().is_empty() => Err("the answer is empty".to_owned()),
        Finish::Stop | Finish::ToolCalls => Ok(()),
        Finish::Length | Finish::ContentFilter => Err("the answer is cut off".to_owned()),
    }
}

fn as_json(piece: &Piece) -> serde_json::Value {
    match piece {
        Piece::Text(text) => json!({ "text": text }),
        Piece::Thinking | Piece::Thought(_) | Piece::Detail { .. } | Piece::CallPart { .. } | Piece::Signature(_) => {
            json!({ "thinking": true })
        }
        Piece::Call(call) => json!({ "call": { "id": call.id, "name": call.name, "arguments": call.arguments } }),
        Piece::Restart => json!({ "restart": true }),
        Piece::From(target) => json!({ "target": target }),
        Piece::Usage(usage) => json!({ "usage": usage }),
        Piece::End(finish) => json!({ "finish": finish }),
    }
}
