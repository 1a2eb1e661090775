//! A conversation that another program leads, for doors that speak the format of a provider: its turns go to the models of the settings, with
//! their cache, fallbacks and budgets, and come back piece by piece.
//!
//! Adds nothing to what is said, looks at no document and calls no tool: calls go to whoever asks.

use crate::error::CoreError;
use crate::server_core::ServerCore;
use llm::manager::AnswerStream;
use llm::prompt::Prompt;
use llm::request::Request;
use std::sync::Arc;

pub use llm::config::PicturesSetting;
pub use llm::error::{Cause, LlmError};
pub use llm::prompt::{Detail, MOST_PICTURES, Picture, PromptError, Shown, Turn};
pub use llm::request::{Finish, Form, Piece, Usage};
pub use llm::tools::{Thought, Tool, ToolCall, ToolChoice};

/// The longest answer where none is asked for, in tokens: what the models of most providers write at most, and enough for a file as the argument
/// of a call. Not left out, though some formats would allow that: room for it is taken in the budget, and nothing may be longer than that.
const LONGEST: u32 = 16_384;
/// Where a budget or a model has no room for that, this will do.
const WILL_DO: u32 = 4096;
/// The question of a conversation of more bytes is made away from the threads that talk: all of it is looked through for secrets.
const SOON_MADE: usize = 64 << 10;

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    /// What the model is told before.
    pub instructions: Vec<String>,
    /// What was said, the question or the result of a tool last.
    pub turns: Vec<Turn>,
    /// The tools that the model may call.
    pub tools: Vec<Tool>,
    /// Whether it is to call any.
    pub tool_choice: ToolChoice,
    /// Whether it may call several at once; as it likes where it is left out.
    pub parallel_tool_calls: Option<bool>,
    /// The target that is wanted; the router chooses where it is left out.
    pub target: Option<String>,
    /// The longest answer, in tokens; as long as there is room for where it is left out.
    pub max_tokens: Option<u32>,
    /// 0 gives the same answer each time; such answers are kept.
    pub temperature: f32,
    /// Texts at which the answer ends.
    pub stop: Vec<String>,
    /// The form that the answer must have.
    pub form: Option<Form>,
    /// The name of the conversation, so that its questions go to one target.
    pub session: Option<String>,
}

impl Conversation {
    /// Bytes of what is said in it, about. Pictures are left out, since nobody reads in them.
    fn bytes(&self) -> usize {
        let instructions = self.instructions.iter().map(String::len).sum::<usize>();
        instructions
            + self.turns.iter().map(Turn::bytes).sum::<usize>()
            + self.tools.iter().map(Tool::bytes).sum::<usize>()
    }
}

/// An answer under way. Dropping it ends it, at the provider too, unless others wait for the same one.
pub struct Conversing(AnswerStream);

impl Conversing {
    /// What comes next; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Piece, LlmError>> {
        self.0.next().await
    }

    /// Whether the answer was kept; known for sure when its first piece came.
    pub fn is_from_cache(&self) -> bool {
        self.0.is_from_cache()
    }
}

impl ServerCore {
    /// Asks the models what a conversation asks.
    ///
    /// # Errors
    /// If nothing is asked or too much, or there is no model to ask.
    pub async fn converse(&self, asked: Conversation) -> Result<Conversing, CoreError> {
        let models = self.models().await?;
        models.check_models()?;
        let (is_large, limits) = (asked.bytes() > SOON_MADE, models.prompt_limits());
        let (instructions, turns, tools) = (asked.instructions, asked.turns, asked.tools);
        let work = move || Prompt::conversation(&instructions, turns, tools, limits);
        let made = if is_large { self.apart("prompt", work).await? } else { work() };
        let prompt = made.map_err(|error| match error {
            // A program that leads a conversation can leave out what was said long ago.
            PromptError::TooLarge { .. } => {
                CoreError::Model(LlmError::new("models", Cause::TooLarge, error.to_string()))
            }
            error => CoreError::refused(error.to_string()),
        })?;
        let request = Request {
            target: asked.target,
            max_tokens: asked.max_tokens.unwrap_or(LONGEST),
            will_do: asked.max_tokens.is_none().then_some(WILL_DO),
            temperature: asked.temperature,
            stop: asked.stop,
            form: asked.form,
            tool_choice: asked.tool_choice,
            parallel_tool_calls: asked.parallel_tool_calls,
            session: asked.session,
            is_led_elsewhere: true,
            client: self.client.to_string(),
            ..Request::new(Arc::new(prompt))
        };
        Ok(Conversing(models.stream(request)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Kind;
    use crate::texts::tests::core;
    use serde_json::json;
    use std::time::Duration;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_large_question_is_made_away_from_the_threads_that_talk_and_a_small_one_at_once() {
        let target = json!([{ "name": "gone", "model": "m", "base-url": "http://127.0.0.1:1" }]);
        let core = core(json!({ "models": { "target": target } }));
        // Refused before any model is asked, since the model has the last word.
        let refused = async |asked: Conversation| match core.converse(asked).await {
            Err(CoreError::Refused { reason }) => reason,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("nothing was asked"),
        };
        let said = |bytes: usize| vec![Turn::Assistant { text: "x".repeat(bytes), calls: Vec::new() }];
        let schema = json!({ "type": "object", "description": "x".repeat(SOON_MADE) });
        let tool = Tool { name: "f".into(), description: String::new(), parameters: schema, strict: None };
        let small = Conversation { turns: said(SOON_MADE), ..Conversation::default() };
        let large = Conversation { turns: said(SOON_MADE + 1), ..Conversation::default() };
        let of_tools = Conversation { turns: said(1), tools: vec![tool], ..Conversation::default() };
        let told =
            Conversation { instructions: vec!["x".repeat(SOON_MADE)], turns: said(1), ..Conversation::default() };
        for asked in [small, large, of_tools, told] {
            assert_eq!(refused(asked).await, PromptError::Empty.to_string());
        }
        let made_apart = || {
            let rows = core.metrics().stats().rows;
            rows.into_iter()
                .filter(|row| row.kind == Kind::Task && row.name == "prompt")
                .map(|row| row.count)
                .sum::<u64>()
        };
        // A task is counted after it has given its result.
        for _ in 0..400 {
            if made_apart() >= 3 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(made_apart(), 3);
    }
}
