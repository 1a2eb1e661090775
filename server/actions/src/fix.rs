//! The action *Fix*: a model repairs what a tool found, whichever tool that was.

use crate::ask::instruction;
use crate::check::Keeps;
use crate::edit::Refusal;
use crate::rewrite::{MOST_CODE, Rewrite, region_at};
use llm::prompt::{Origin, Part};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use syntax::model::FileModel;
use syntax::text::Span;

/// What a tool found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What it said.
    pub message: String,
    /// The tool, where it gave its name.
    pub source: String,
}

/// Repairs the code around `problems`.
///
/// # Errors
/// If there is no problem, or the code is too long for one answer.
pub fn fix(model: Arc<FileModel>, span: Span, problems: &[Problem], context: Vec<Part>) -> Result<Rewrite, Refusal> {
    let at = problems.first().map_or(span, |problem| Span::new(problem.start, problem.end));
    let region = region_at(&model, at);
    if problems.is_empty() || region.is_empty() {
        return Err(Refusal::NothingToDo);
    }
    if region.len() > MOST_CODE {
        return Err(Refusal::TooLong { size: region.len(), limit: MOST_CODE });
    }
    let said = problems.iter().map(|problem| {
        let line = model.lines.line(problem.start) + 1;
        let first = model.lines.line(region.start) + 1;
        let code = Span::new(problem.start, problem.end).of(&model.text).lines().next().unwrap_or("");
        let tool = if problem.source.is_empty() { "a tool" } else { &problem.source };
        format!("{tool}: {} (line {} of the piece, at `{code}`)", problem.message, (line + 1).saturating_sub(first))
    });
    let wanted = vec![Part::Data(Origin::ToolOutput, said.collect::<Vec<_>>().join("\n"))];
    let instruction = instruction(include_str!("prompts/fix.md"));
    Ok(Rewrite::new(model, region, Keeps::Signatures, instruction, context, wanted))
}
