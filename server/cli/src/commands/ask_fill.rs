//! `code-agent ask --fill`: what stands between two texts, as an editor's inline completion asks for it.

use super::{Failure, Outcome};
use crate::output::Pipe;
use llm::LlmManager;
use llm::prompt::Prompt;
use llm::request::Request;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is asked, and of whom.
#[derive(Debug)]
pub struct Fill<'a> {
    /// The file with what stands before the hole, and the one with what stands after it.
    pub files: &'a [PathBuf],
    /// The model, by its name in the settings.
    pub model: Option<String>,
    /// The longest answer, in tokens.
    pub max_tokens: u32,
    /// Whether the answer is printed as JSON.
    pub json: bool,
}

impl Fill<'_> {
    /// Asks and prints what fills the hole, to the byte.
    pub async fn run(self, manager: &LlmManager) -> Result<Outcome, Failure> {
        let [prefix, suffix] = self.files else { return Err(Failure("--fill takes two files.".to_owned())) };
        let prompt = Prompt::fill(&read(prefix)?, &read(suffix)?, manager.prompt_limits())
            .map_err(|error| Failure(error.to_string()))?;
        let (target, max_tokens) = (self.model, self.max_tokens);
        let result = manager.ask(Request { target, max_tokens, ..Request::new(Arc::new(prompt)) }).await;
        manager.flush().await;
        let answer = result.map_err(|error| Failure(error.to_string()))?;
        let mut out = Pipe::new(std::io::stdout().lock());
        if self.json {
            writeln!(out, "{}", json!(answer))?;
        } else {
            out.write_all(answer.text.as_bytes())?;
        }
        out.flush()?;
        Ok(Outcome::Clean)
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure(format!("{} could not be read: {error}.", path.display())))
}
