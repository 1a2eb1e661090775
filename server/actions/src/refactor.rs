//! The action *Refactor*: a model writes a definition or a selection anew without changing what it does.

use crate::check::Keeps;
use crate::edit::Refusal;
use crate::rewrite::{MOST_CODE, Rewrite, instructed, region_at};
use llm::prompt::{Origin, Part};
use std::sync::Arc;
use syntax::model::FileModel;
use syntax::text::Span;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// A part of the selection becomes a function of its own.
    Extract,
    /// The same, easier to read.
    Simplify,
    /// Local names that say what they stand for.
    Rename,
    /// What the user wrote.
    Free(String),
}

impl How {
    /// By the name that a command carries; any other text is an instruction of the user.
    pub fn of(text: &str) -> Self {
        match text.trim() {
            "extract" => Self::Extract,
            "simplify" | "" => Self::Simplify,
            "rename" => Self::Rename,
            free => Self::Free(free.to_owned()),
        }
    }

    fn words(&self) -> &str {
        match self {
            Self::Extract => {
                "Extract the part that does one thing of its own into a new function beside it, with a name that says what it does."
            }
            Self::Simplify => {
                "Make it simpler to read: fewer branches and levels, no repetition, names that say what they mean."
            }
            Self::Rename => "Give its local variables names that say what they stand for. Change nothing else.",
            Self::Free(words) => words,
        }
    }
}

/// Whether the user wants the parameters to be others; callers are his to mend then.
fn speaks_of_signature(words: &str) -> bool {
    let words = words.to_lowercase();
    ["param", "argument", "signature", "rename", "async"].iter().any(|word| words.contains(word))
}

/// Refactors the definition around a place, or the selected lines.
///
/// # Errors
/// If there is nothing at the place, or it is too long for one answer.
pub fn refactor(model: Arc<FileModel>, span: Span, how: &How, context: Vec<Part>) -> Result<Rewrite, Refusal> {
    let region = region_at(&model, span);
    if region.is_empty() {
        return Err(Refusal::NothingToDo);
    }
    if region.len() > MOST_CODE {
        return Err(Refusal::TooLong { size: region.len(), limit: MOST_CODE });
    }
    let (keeps, signatures) = match how {
        How::Free(words) if speaks_of_signature(words) => (Keeps::Names, ""),
        _ => (Keeps::Signatures, " and its parameters"),
    };
    let instruction = instructed(include_str!("prompts/refactor.md"), &[("{signatures}", signatures)]);
    let mut wanted = Vec::new();
    let selected = span.of(&model.text).trim();
    if !selected.is_empty() && selected.len() < region.len() {
        wanted.push(Part::Data(Origin::Question, "What is wanted concerns this part of it:".to_owned()));
        wanted.push(Part::Data(Origin::Code, selected.to_owned()));
    }
    wanted.push(Part::Data(Origin::Question, how.words().to_owned()));
    Ok(Rewrite::new(model, region, keeps, instruction, context, wanted))
}
