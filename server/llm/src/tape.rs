//! What models said in a session, written down so that the session can be played again without them.
//!
//! A question is known by a digest of all that it is. Secrets that were taken out of it are taken out of what is written down, too.

use crate::cache::Key;
use crate::error::{Cause, LlmError};
use crate::prompt::Prompt;
use crate::request::{Finish, Piece, Request, Usage};
use crate::tools::{Thought, ToolCall};
use rustc_hash::FxHashMap;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Takes each answer, as a value of JSON, when it ended.
pub type Sink = Box<dyn Fn(Value) + Send + Sync>;

/// Writes answers down, or plays those that were.
pub enum Tape {
    /// Each answer goes there when it ended.
    Recording(Sink),
    /// No model is asked; answers come in the order in which they were written down.
    Playing(Mutex<FxHashMap<String, VecDeque<Value>>>),
}

impl std::fmt::Debug for Tape {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Recording(_) => "Recording",
            Self::Playing(_) => "Playing",
        })
    }
}

impl Tape {
    /// Plays answers that were written down.
    pub fn of(answers: impl IntoIterator<Item = Value>) -> Self {
        let mut by_key: FxHashMap<String, VecDeque<Value>> = FxHashMap::default();
        for answer in answers {
            let key = answer.get("question").and_then(Value::as_str).unwrap_or("").to_owned();
            by_key.entry(key).or_default().push_back(answer);
        }
        Self::Playing(Mutex::new(by_key))
    }

    /// What was said to this question, next in turn; `None` where this is no tape that plays.
    pub(crate) fn played(&self, request: &Request) -> Option<Played> {
        let Self::Playing(answers) = self else { return None };
        let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answers.get_mut(&question(request)).and_then(VecDeque::pop_front);
        let Some(answer) = answer else {
            let error = LlmError::new("record", Cause::NoTarget, "this question is not in the record");
            return Some(Played { pieces: VecDeque::from([Err(error)]), was_kept: false });
        };
        let pieces = answer.get("pieces").and_then(Value::as_array).into_iter().flatten();
        let pieces = pieces.filter_map(|piece| read(piece, &request.prompt)).collect();
        Some(Played { pieces, was_kept: answer.get("kept") == Some(&json!(true)) })
    }
}

/// An answer of a record.
pub(crate) struct Played {
    pub pieces: VecDeque<Result<Piece, LlmError>>,
    /// Whether it came from memory when it was written down.
    pub was_kept: bool,
}

/// An answer that is being written down; it is handed over when it ends or is dropped.
pub(crate) struct Take {
    tape: Arc<Tape>,
    question: String,
    prompt: Arc<Prompt>,
    pieces: Vec<Value>,
    was_kept: bool,
}

impl Take {
    /// Begins to write an answer down, if this is a tape for that.
    pub fn begin(tape: &Arc<Tape>, request: &Request) -> Option<Self> {
        let is_recording = matches!(**tape, Tape::Recording(_));
        is_recording.then(|| Self {
            tape: tape.clone(),
            question: question(request),
            prompt: request.prompt.clone(),
            pieces: Vec::new(),
            was_kept: false,
        })
    }

    /// Takes note of a piece, and of whether the answer comes from memory.
    pub fn push(&mut self, piece: &Result<Piece, LlmError>, is_kept: bool) {
        self.was_kept = is_kept;
        self.pieces.push(written(piece, &self.prompt));
    }
}

impl Drop for Take {
    fn drop(&mut self) {
        if let Tape::Recording(sink) = &*self.tape {
            sink(
                json!({ "question": self.question, "kept": self.was_kept, "pieces": std::mem::take(&mut self.pieces) }),
            );
        }
    }
}

fn question(request: &Request) -> String {
    let target = request.target.as_deref().unwrap_or("");
    Key::of(request, &[target]).hex()
}

fn written(piece: &Result<Piece, LlmError>, prompt: &Prompt) -> Value {
    match piece {
        Ok(Piece::Text(text)) => json!({ "text": prompt.hidden(text) }),
        // Thoughts and parts of calls are signs of life, and are told to nobody.
        Ok(Piece::Thinking | Piece::Thought(_) | Piece::Detail { .. }) => json!("thinking"),
        Ok(Piece::CallPart { .. } | Piece::Signature(_)) => json!("thinking"),
        Ok(Piece::Call(call)) => {
            let mut parts = vec![call.id.clone(), call.name.clone(), prompt.hidden_json(&call.arguments)];
            if let Some(thought) = &call.thought {
                parts.extend([thought.signature.clone(), prompt.hidden(&thought.reasoning)]);
                if !thought.details.is_empty() {
                    parts.push(prompt.hidden_json(&thought.details));
                }
            }
            json!({ "call": parts })
        }
        Ok(Piece::Restart) => json!("restart"),
        Ok(Piece::Usage(usage)) => json!({ "usage": [usage.input, usage.cached, usage.output] }),
        Ok(Piece::From(target)) => json!({ "from": target }),
        Ok(Piece::End(finish)) => json!({ "end": finish }),
        Err(error) => json!({ "error": [error.target, error.cause.name(), error.detail] }),
    }
}

fn read(value: &Value, prompt: &Prompt) -> Option<Result<Piece, LlmError>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(word) = value.as_str() {
        return match word {
            "thinking" => Some(Ok(Piece::Thinking)),
            "restart" => Some(Ok(Piece::Restart)),
            _ => None,
        };
    }
    let (name, value) = value.as_object()?.iter().next()?;
    Some(Ok(match name.as_str() {
        "text" => Piece::Text(prompt.restore(value.as_str()?)),
        "usage" => {
            let count = |index: usize| value.get(index).and_then(Value::as_u64).unwrap_or(0);
            Piece::Usage(Usage { input: count(0), cached: count(1), output: count(2) })
        }
        "call" => Piece::Call(ToolCall {
            id: text(value.get(0)?)?,
            name: text(value.get(1)?)?,
            arguments: prompt.restore_json(value.get(2)?.as_str()?),
            thought: {
                let part = |at: usize| value.get(at).and_then(Value::as_str).unwrap_or_default();
                let details = if part(5).is_empty() { String::new() } else { prompt.restore_json(part(5)) };
                Thought { signature: part(3).to_owned(), reasoning: prompt.restore(part(4)), details }.kept()
            },
        }),
        "from" => Piece::From(text(value)?),
        "end" => Piece::End(match value.as_str()? {
            "length" => Finish::Length,
            "content-filter" => Finish::ContentFilter,
            "tool-calls" => Finish::ToolCalls,
            _ => Finish::Stop,
        }),
        "error" => {
            let cause = value.get(1).and_then(Value::as_str)?;
            let cause = Cause::ALL.into_iter().find(|known| known.name() == cause)?;
            return Some(Err(LlmError::new(text(value.get(0)?)?, cause, text(value.get(2)?)?)));
        }
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{Origin, Part, PromptLimits};

    #[test]
    fn an_answer_is_played_as_it_was_written_down_without_its_secrets() {
        let secret = ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat();
        let parts = [Part::Data(Origin::Code, format!("t = \"{secret}\""))];
        let request = Request::new(Arc::new(Prompt::new(&parts, PromptLimits::default()).unwrap()));
        let told: Arc<Mutex<Vec<Value>>> = Arc::default();
        let sink = told.clone();
        let tape = Arc::new(Tape::Recording(Box::new(move |value| sink.lock().unwrap().push(value))));
        let pieces = [
            Ok(Piece::Text(format!("It is {secret}."))),
            Ok(Piece::Restart),
            Ok(Piece::Usage(Usage { input: 3, cached: 2, output: 1 })),
            Ok(Piece::Call(ToolCall {
                id: "c".into(),
                name: "f".into(),
                arguments: json!({ "said": format!("\"{secret}\"") }).to_string(),
                thought: Thought {
                    signature: "s".into(),
                    reasoning: format!("I need {secret}."),
                    details: json!([{ "type": "reasoning.text", "text": format!("I need {secret}.") }]).to_string(),
                }
                .kept(),
            })),
            Ok(Piece::Call(ToolCall { id: "d".into(), name: "f".into(), ..ToolCall::default() })),
            Ok(Piece::End(Finish::ToolCalls)),
            Ok(Piece::From("own".into())),
            Ok(Piece::End(Finish::Length)),
            Err(LlmError::new("own", Cause::Overload, "too much")),
        ];
        let mut take = Take::begin(&tape, &request).unwrap();
        pieces.iter().for_each(|piece| take.push(piece, true));
        drop(take);
        let told = told.lock().unwrap().clone();
        assert!(!told[0].to_string().contains(&secret));
        let playing = Tape::of(told);
        assert_eq!(Vec::from(playing.played(&request).unwrap().pieces), pieces);
        let again = playing.played(&request).unwrap().pieces;
        assert!(matches!(&again[0], Err(error) if error.detail.contains("not in the record")));
        assert!(tape.played(&request).is_none());
    }
}
