//! What came of an attempt so far, and whether that is an answer. Reads nothing and shows nothing.

use crate::calls::Calls;
use crate::error::{Cause, LlmError};
use crate::request::{Finish, Piece, Request, Usage};

/// What came of an attempt, its text left out.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Bytes of the text and of the calls.
    pub bytes: usize,
    /// Whether calls are a part of the answer.
    pub takes_calls: bool,
    /// Whether the model wants what it thought before the calls back with them.
    pub wants_thoughts: bool,
    /// The same in OpenRouter's form.
    pub wants_details: bool,
    /// The calls of tools.
    pub calls: Calls,
    /// Whether there is any text.
    pub has_text: bool,
    /// What was used, as far as it was told.
    pub usage: Option<Usage>,
    /// Why it ended, where it did.
    pub end: Option<Finish>,
    /// Whether the model told that it thinks.
    pub thinks: bool,
}

impl Gathered {
    /// Takes what came next.
    pub fn take(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            match piece {
                Piece::Text(text) => {
                    self.bytes += text.len();
                    self.has_text |= !text.is_empty();
                }
                Piece::CallPart { index, id, name, arguments } if self.takes_calls => {
                    self.bytes += self.calls.take(*index, id.as_deref(), name.as_deref(), arguments);
                }
                Piece::Usage(usage) => self.usage = Some(self.usage.unwrap_or_default().with(*usage)),
                Piece::End(finish) => self.end = Some(finish.after(self.end)),
                Piece::Signature(signature) if self.takes_calls => self.bytes += self.calls.sign(signature),
                Piece::Thinking => self.thinks = true,
                Piece::Thought(thought) => {
                    self.thinks = true;
                    if self.wants_thoughts {
                        self.calls.think(thought);
                    }
                }
                Piece::Detail { detail, is_part } => {
                    self.thinks = true;
                    if self.wants_details {
                        self.calls.detail(detail, *is_part);
                    }
                }
                Piece::CallPart { .. } | Piece::Signature(_) | Piece::Call(_) | Piece::From(_) | Piece::Restart => {}
            }
        }
    }

    /// Bytes of all that is kept. Thoughts are no answer and begin none.
    pub fn kept(&self) -> usize {
        self.bytes + self.calls.thoughts()
    }

    /// Whether that is an answer. One that says that it ended did; one that only stops did not.
    ///
    /// # Errors
    /// Why it is none: it was cut off or broke off, calls too many tools, or is empty though the request does not allow that.
    pub fn ended(&self, name: &str, request: &Request) -> Result<(), LlmError> {
        let is_empty = !self.has_text && self.calls.is_empty();
        match self.end {
            Some(Finish::ContentFilter) => {
                Err(LlmError::new(name, Cause::ContentFilter, "the provider cut the answer off"))
            }
            Some(_) if self.calls.has_too_many() => {
                Err(LlmError::new(name, Cause::Malformed, "the answer calls more tools than anybody could"))
            }
            Some(finish) if is_empty && !request.may_be_empty(finish) => Err(match finish {
                Finish::ToolCalls => {
                    LlmError::new(name, Cause::Malformed, "the answer calls no tool that it was offered")
                }
                Finish::Length => {
                    LlmError::new(name, Cause::Empty, "no word of an answer came within its longest length")
                }
                _ => LlmError::new(name, Cause::Empty, "the answer is empty"),
            }),
            Some(_) => Ok(()),
            None => Err(LlmError::new(name, Cause::Transport, "the answer broke off")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{Origin, Part, Prompt, PromptLimits, Turn};
    use crate::tools::ToolCall;
    use std::sync::Arc;

    fn led(turns: Vec<Turn>) -> Request {
        let prompt = Prompt::conversation(&[], turns, Vec::new(), PromptLimits::default()).unwrap();
        Request { is_led_elsewhere: true, ..Request::new(Arc::new(prompt)) }
    }

    #[test]
    fn an_answer_without_a_word_is_one_where_nothing_is_missing_and_else_blames_nobody() {
        let user = || Turn::User("Go.".into());
        let result = || Turn::Tool { id: "c".into(), name: "read".into(), text: "done".into() };
        let call = ToolCall { id: "c".into(), name: "read".into(), arguments: "{}".into(), thought: None };
        let calling = || Turn::Assistant { text: String::new(), calls: vec![call.clone()] };
        let asked = led(vec![user()]);
        let after_a_tool = led(vec![user(), calling(), result()]);
        let after_a_word = led(vec![user(), calling(), result(), user()]);
        let ends_at = Request { stop: vec!["END".into()], ..led(vec![user()]) };
        let hole = Request::new(Arc::new(Prompt::fill("a = ", "\n", PromptLimits::default()).unwrap()));
        let parts = [Part::Data(Origin::Question, "Go.".into())];
        let ours = Request::new(Arc::new(Prompt::new(&parts, PromptLimits::default()).unwrap()));
        for (request, end, failure) in [
            (&asked, Finish::Stop, Some(Cause::Empty)),
            (&asked, Finish::Length, None),
            (&after_a_tool, Finish::Stop, None),
            (&after_a_tool, Finish::Length, None),
            (&after_a_tool, Finish::ToolCalls, Some(Cause::Malformed)),
            (&after_a_tool, Finish::ContentFilter, Some(Cause::ContentFilter)),
            (&after_a_word, Finish::Stop, Some(Cause::Empty)),
            // Whether it began with that text, or is broken, nobody says.
            (&ends_at, Finish::Stop, Some(Cause::Empty)),
            (&hole, Finish::Stop, None),
            (&ours, Finish::Stop, Some(Cause::Empty)),
            (&ours, Finish::Length, Some(Cause::Empty)),
        ] {
            let gathered = Gathered { end: Some(end), ..Gathered::default() };
            assert_eq!(gathered.ended("t", request).map_err(|error| error.cause).err(), failure, "{end:?} {request:?}");
            let broken = Gathered::default().ended("t", request).unwrap_err();
            assert_eq!(broken.cause, Cause::Transport, "one that only stops is none");
        }
    }
}
