//! Actions that ask a language model: what each of them asks, and how its answer is read.
//!
//! An answer is untrusted text. It becomes an edit only in [`Action::read`], which checks it; what does not pass is told in a sentence that
//! the model is given for its second try. Nothing here talks to a model.

use llm::prompt::Part;
use serde_json::Value;
use syntax::text::TextEdit;

/// What a model is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// What is said: instructions of this program, and data.
    pub parts: Vec<Part>,
    /// The JSON Schema that the answer must fulfil, where it is not free text.
    pub schema: Option<Value>,
    /// The longest answer, in tokens.
    pub max_tokens: u32,
}

/// How much is asked of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Whatever is wrong with it sends it back.
    Strict,
    /// It is the last one: what is right in it is used, where a part can be used alone.
    Lenient,
}

/// What comes of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// Edits of the document that was asked about.
    Edit {
        /// Sorted, none overlapping.
        edits: Vec<TextEdit>,
        /// The part of the text that they rely on: changed meanwhile, they are refused.
        region: syntax::text::Span,
    },
    /// Text for the user, Markdown.
    Text(String),
    /// Remarks on lines of the document.
    Notes(Vec<Note>),
    /// Another file, written anew or with text added at its end.
    File {
        /// Where, beside the document or under its root: a path relative to the root.
        path: String,
        /// What is added.
        text: String,
    },
}

/// A remark on a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The line, from 0.
    pub line: usize,
    /// How serious: `error`, `warning` or `info`.
    pub severity: Severity,
    /// One sentence.
    pub message: String,
}

/// How serious a remark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It does not work.
    Error,
    /// It may not work.
    Warning,
    /// It could be better.
    Info,
}

/// An answer that was read and found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What comes of it.
    pub made: Made,
    /// What was verified, each in a few words: "parses", "only documentation changed".
    pub checks: Vec<&'static str>,
    /// What the user should know: what was left out of the answer, and why.
    pub remarks: Vec<String>,
}

/// Something that is done with a model.
pub trait Action: Send + Sync {
    /// What is asked.
    fn question(&self) -> Question;

    /// Reads an answer.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence for the model and for the user.
    fn read(&self, answer: &str, patience: Patience) -> Result<Checked, String>;

    /// What is done where no model answers, or none gives a good answer; `None` where nothing can be done without one.
    fn offline(&self) -> Option<Checked> {
        None
    }
}

/// The instructions of an action, which stand in `prompts/`.
pub(crate) fn instruction(text: &str) -> Part {
    Part::Instruction(text.trim().to_owned())
}

/// The JSON object in an answer, which models like to dress up.
///
/// # Errors
/// If there is none, in a sentence.
pub(crate) fn object(answer: &str) -> Result<Value, String> {
    let start = answer.find('{').ok_or("The answer has no JSON object.")?;
    let end = answer.rfind('}').filter(|end| *end > start).ok_or("The answer has no whole JSON object.")?;
    let text = answer.get(start..=end).unwrap_or("");
    serde_json::from_str(text).map_err(|error| format!("The answer is no JSON ({error})."))
}

/// The code in an answer: the only fenced block, or the text itself where there is no fence.
///
/// # Errors
/// If there are several blocks or none is closed, in a sentence.
pub(crate) fn code(answer: &str) -> Result<String, String> {
    let answer = answer.replace("\r\n", "\n");
    let mut blocks: Vec<String> = Vec::new();
    let mut open: Option<(String, Vec<&str>)> = None;
    for line in answer.lines() {
        let trimmed = line.trim();
        match &mut open {
            None if trimmed.starts_with("```") || trimmed.starts_with("~~~") => {
                let mark: String = trimmed.chars().take_while(|mark| matches!(mark, '`' | '~')).collect();
                open = Some((mark, Vec::new()));
            }
            None => {}
            Some((mark, lines)) if trimmed == mark => {
                blocks.push(lines.iter().map(|line| format!("{line}\n")).collect());
                open = None;
            }
            Some((_, lines)) => lines.push(line),
        }
    }
    match (blocks.as_slice(), open) {
        (_, Some(_)) => Err("The answer breaks off in the middle of the code.".to_owned()),
        ([block], None) => Ok(block.clone()),
        ([], None) => Ok(answer),
        (_, None) => Err("The answer has several blocks of code; exactly one is wanted.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_taken_out_of_its_fence_and_nothing_is_guessed() {
        assert_eq!(code("Sure!\n```python\nx = 1\n```\nDone."), Ok("x = 1\n".to_owned()));
        assert_eq!(code("````md\n```\nx\n```\n````"), Ok("```\nx\n```\n".to_owned()));
        assert_eq!(code("x = 1"), Ok("x = 1".to_owned()));
        assert!(code("```\nx\n```\n```\ny\n```").is_err());
        assert!(code("```\nx").is_err());
    }

    #[test]
    fn json_is_found_in_what_stands_around_it() {
        assert_eq!(object("Here:\n```json\n{\"a\": 1}\n```").unwrap()["a"], 1);
        for broken in ["", "}{", "{", "{\"a\": }", "no"] {
            assert!(object(broken).unwrap_err().ends_with('.'), "{broken}");
        }
    }
}
