//! `code-agent ask`: a question to a language model, and its answer.

use super::{Failure, Outcome, read_input, runtime};
use crate::output::Pipe;
use crate::output::terminal::remark;
use crate::wiring::{self, Wish};
use llm::LlmManager;
use llm::best_of_two::best_of_two;
use llm::prompt::{Origin, Part, Prompt};
use llm::request::{Answer, Finish, Piece, Request};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

const INSTRUCTION: &str =
    "You help a programmer. Answer in plain text, briefly and exactly. Say so where you do not know.";

/// Ask a language model that is set up under `[[models.target]]`. Secrets in the question and in files do not leave this machine.
#[derive(Debug, clap::Args)]
pub struct Ask {
    /// The question; `-` reads it from standard input.
    #[arg(value_name = "QUESTION")]
    question: String,
    /// The model to ask, by its name in the settings; otherwise the settings choose.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// A file that the question is about.
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// The longest answer, in tokens.
    #[arg(long, value_name = "NUMBER", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_tokens: u32,
    /// How the answer comes about: `fast` takes the first model that answers, `best_of_two` asks two at once and takes the first good answer.
    #[arg(long, value_name = "STRATEGY", default_value = "fast", value_parser = ["fast", "best_of_two"])]
    strategy: String,
    /// Show the answer while it comes.
    #[arg(long, conflicts_with = "strategy")]
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
        if !manager.has_models() {
            return Err(Failure(
                "There is no model to ask; set one up under `[[models.target]]` in your settings (all else works without one).".to_owned(),
            ));
        }
        let request = self.request(&manager)?;
        runtime()?.block_on(async {
            let outcome = if self.stream {
                self.print_pieces(&manager, request).await
            } else {
                self.print_whole(&manager, request).await
            };
            manager.flush().await;
            outcome
        })
    }

    fn request(&self, manager: &LlmManager) -> Result<Request, Failure> {
        let question = if self.question == "-" { read_input()?.to_string() } else { self.question.clone() };
        let mut parts = vec![Part::Instruction(INSTRUCTION.to_owned())];
        for path in &self.file {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure(format!("{} could not be read: {error}.", path.display())))?;
            parts.push(Part::Data(Origin::Code, text));
        }
        parts.push(Part::Data(Origin::Question, question));
        let prompt = Prompt::new(&parts, manager.prompt_limits()).map_err(|error| Failure(error.to_string()))?;
        Ok(Request { target: self.model.clone(), max_tokens: self.max_tokens, ..Request::new(Arc::new(prompt)) })
    }

    async fn print_whole(&self, manager: &LlmManager, request: Request) -> Result<Outcome, Failure> {
        let answer = if self.strategy == "best_of_two" {
            best_of_two(manager, request, &[&is_whole]).await.map(|chosen| chosen.answer)
        } else {
            manager.ask(request).await
        };
        let answer = answer.map_err(|error| Failure(error.to_string()))?;
        let mut out = Pipe::new(std::io::stdout().lock());
        if self.json {
            writeln!(out, "{}", json!(answer))?;
        } else {
            writeln!(out, "{}", answer.text.trim_end())?;
        }
        out.flush()?;
        Ok(Outcome::Clean)
    }

    async fn print_pieces(&self, manager: &LlmManager, request: Request) -> Result<Outcome, Failure> {
        let mut stream = manager.stream(request).map_err(|error| Failure(error.to_string()))?;
        let mut out = Pipe::new(std::io::stdout().lock());
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|error| Failure(error.to_string()))?;
            if self.json {
                writeln!(out, "{}", as_json(&piece))?;
            } else {
                match &piece {
                    Piece::Text(text) => out.write_all(text.as_bytes())?,
                    // What is printed cannot be taken back, so it is said.
                    Piece::Restart => writeln!(out, "\n[the answer begins anew]")?,
                    Piece::End(_) => writeln!(out)?,
                    Piece::Usage(_) | Piece::From(_) => {}
                }
            }
            out.flush()?;
        }
        Ok(Outcome::Clean)
    }
}

/// What can be said of any answer without knowing the question.
fn is_whole(answer: &Answer) -> Result<(), String> {
    match answer.finish {
        _ if answer.text.trim().is_empty() => Err("the answer is empty".to_owned()),
        Finish::Stop => Ok(()),
        Finish::Length | Finish::ContentFilter => Err("the answer is cut off".to_owned()),
    }
}

fn as_json(piece: &Piece) -> serde_json::Value {
    match piece {
        Piece::Text(text) => json!({ "text": text }),
        Piece::Restart => json!({ "restart": true }),
        Piece::From(target) => json!({ "target": target }),
        Piece::Usage(usage) => json!({ "usage": usage }),
        Piece::End(finish) => json!({ "finish": finish }),
    }
}
