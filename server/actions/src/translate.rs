//! The action *Translate comments*: the words of comments in another language, the code untouched.

use crate::ask::{Action, Checked, Made, Patience, Question, object};
use crate::edit::Refusal;
use crate::rewrite::instructed;
use llm::prompt::{Origin, Part};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use syntax::extract::{code_fingerprint, comments_in, parse_incremental};
use syntax::model::FileModel;
use syntax::text::{Span, TextEdit, apply_edits};

/// Bytes of comments in one question.
const MOST: usize = 16 << 10;

/// Translates the comments and docstrings in a span.
pub struct Translate {
    model: Arc<FileModel>,
    /// Each comment, delimiters included.
    comments: Vec<Span>,
    language: String,
}

impl Translate {
    /// Translates what is selected, or the whole file.
    ///
    /// # Errors
    /// If there is no comment, or there are too many for one answer.
    pub fn new(model: Arc<FileModel>, span: Span, language: &str) -> Result<Self, Refusal> {
        let whole = Span::new(0, model.text.len());
        let span = if span.is_empty() { whole } else { span };
        let parsed = parse_incremental(model.language, &model.text, None, &|| false).ok_or(Refusal::NothingToDo)?;
        let docs = model.symbols.iter().filter_map(|symbol| symbol.doc.as_ref()).map(|doc| doc.block.span);
        let mut comments: Vec<Span> = comments_in(&parsed, span);
        comments.extend(docs.filter(|doc| span.contains(*doc)));
        comments.sort();
        // A docstring of line comments is found as a whole and line by line.
        comments.dedup_by(|next, kept| {
            let is_same = kept.overlaps(*next);
            if is_same {
                *kept = Span::new(kept.start.min(next.start), kept.end.max(next.end));
            }
            is_same
        });
        comments.retain(|comment| comment.of(&model.text).chars().any(char::is_alphabetic));
        let size = comments.iter().map(|comment| comment.len()).sum();
        if comments.is_empty() {
            return Err(Refusal::NothingToDo);
        }
        if size > MOST {
            return Err(Refusal::TooLong { size, limit: MOST });
        }
        let language = if language.trim().is_empty() { "English".to_owned() } else { language.trim().to_owned() };
        Ok(Self { model, comments, language })
    }
}

impl Action for Translate {
    fn question(&self) -> Question {
        let texts: Map<String, Value> = (self.comments.iter().enumerate())
            .map(|(number, comment)| (number.to_string(), json!(comment.of(&self.model.text))))
            .collect();
        let size: usize = self.comments.iter().map(|comment| comment.len()).sum();
        let parts = vec![
            instructed(include_str!("prompts/translate.md"), &[("{language}", "the language that is asked for")]),
            Part::Data(Origin::Code, Value::Object(texts).to_string()),
            Part::Data(
                Origin::Question,
                format!("Translate these comments into {}, comment marks included.", self.language),
            ),
        ];
        Question { parts, schema: None, max_tokens: 256 + size as u32 }
    }

    fn read(&self, answer: &str, patience: Patience) -> Result<Checked, String> {
        let answer = object(answer)?;
        let before = self.model.code.unwrap_or_else(|| code_fingerprint(self.model.language, &self.model.text));
        let (mut edits, mut problems): (Vec<TextEdit>, Vec<String>) = (Vec::new(), Vec::new());
        for (number, comment) in self.comments.iter().enumerate() {
            let old = comment.of(&self.model.text);
            let Some(new) = answer.get(number.to_string()).and_then(Value::as_str) else {
                problems.push(format!("Comment {number} is missing."));
                continue;
            };
            let new = if self.model.text.contains("\r\n") {
                new.replace("\r\n", "\n").replace('\n', "\r\n")
            } else {
                new.to_owned()
            };
            if new == old {
                continue;
            }
            let edit = TextEdit::replace(*comment, new.trim_end().to_owned() + trailing(old));
            // One that is more than a comment afterwards must not spoil the others.
            let is_same_code = apply_edits(&self.model.text, std::slice::from_ref(&edit))
                .is_some_and(|after| code_fingerprint(self.model.language, &after) == before);
            if is_same_code && new.len() <= old.len() * 4 + 200 {
                edits.push(edit);
            } else {
                problems.push(format!("Comment {number} would change the code."));
            }
        }
        if edits.is_empty() || (patience == Patience::Strict && !problems.is_empty()) {
            problems.push("Nothing was translated.".to_owned());
            return Err(problems.join(" "));
        }
        let after = apply_edits(&self.model.text, &edits).ok_or("The comments overlap.")?;
        if code_fingerprint(self.model.language, &after) != before {
            return Err("The comments together would change the code.".to_owned());
        }
        let region = Span::new(
            self.comments.first().map_or(0, |comment| comment.start),
            self.comments.last().map_or(0, |comment| comment.end),
        );
        Ok(Checked {
            made: Made::Edit { edits, region },
            checks: vec!["parses", "only comments changed"],
            remarks: problems,
        })
    }
}

/// White space and line breaks at the end of a comment, which some grammars count in.
fn trailing(comment: &str) -> &str {
    comment.get(comment.trim_end().len()..).unwrap_or("")
}
