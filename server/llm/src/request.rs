//! What is asked of a model, and what comes back: plain data.

use crate::prompt::Prompt;
use crate::providers::Quirks;
use crate::tools::{ToolCall, ToolChoice};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How soon an answer is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Somebody waits for it.
    #[default]
    Interactive,
    /// Somebody will look at it soon.
    Background,
    /// It may take its time.
    Bulk,
}

impl Priority {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Interactive, Self::Background, Self::Bulk];
}

/// One question.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is said.
    pub prompt: Arc<Prompt>,
    /// The name of the target that is wanted; `None` leaves the choice to the router.
    pub target: Option<String>,
    /// The longest answer, in tokens.
    pub max_tokens: u32,
    /// A shorter length that will do where there is no room for the longest, in a budget or at a model; `None` where nothing else than
    /// `max_tokens` was asked for.
    pub will_do: Option<u32>,
    /// 0 gives the same answer each time; such answers are kept.
    pub temperature: f32,
    /// Texts at which the answer ends, none of them in it. They are sent where the format has a place for them, so that nothing is written beyond:
    /// not in OpenAI's responses, in OpenAI's other formats the first four, in Gemini's the first five, in Anthropic's those that are not blank.
    /// Where a model goes on all the same, the answer is cut.
    pub stop: Vec<String>,
    /// The form that the answer must have; what fills a hole has none.
    pub form: Option<Form>,
    /// Whether the tools of the prompt are to be called.
    pub tool_choice: ToolChoice,
    /// Whether several may be called at once, where a format has a place for that; as the model likes where it is left out.
    pub parallel_tool_calls: Option<bool>,
    /// Whose request it is, for budgets and for keeping answers apart.
    pub client: String,
    /// How soon it is wanted.
    pub priority: Priority,
    /// The conversation that it belongs to. Questions of one conversation go to one target, which remembers how it began; without a name
    /// the instructions stand for it.
    pub session: Option<String>,
    /// How long it may wait for its turn; as its priority has it where it is left out.
    pub deadline: Option<Duration>,
    /// What to answer where no model can.
    pub offline: Option<Offline>,
    /// Whether only an answer will do that is made for this request: none that is kept, and none that another one waits for.
    pub must_be_new: bool,
    /// Who is told how far the answer is, while it comes.
    pub heard: Option<Heard>,
    /// Whether another program leads the conversation, which knows what to do with an answer that has no word.
    pub is_led_elsewhere: bool,
}

/// The form that an answer must have.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// Any JSON object.
    Object,
    /// A JSON value that fulfils a schema.
    Schema {
        /// The JSON Schema.
        schema: Value,
        /// Whether it is fulfilled to the letter, where a format has a place for that. Only schemas that are written for it are taken then.
        strict: bool,
        /// Its name, where a format has a place for that.
        name: Option<String>,
        /// What it is for, likewise.
        description: Option<String>,
    },
}

impl Form {
    /// A schema that is written so that it can be fulfilled to the letter: no field may be left out, and there is no other.
    pub fn strict(schema: Value) -> Self {
        Self::Schema { schema, strict: true, name: None, description: None }
    }

    /// Whether nothing is said of it but a schema that is fulfilled to the letter.
    pub(crate) fn is_only_strict(&self) -> bool {
        matches!(self, Self::Schema { strict: true, name: None, description: None, .. })
    }

    /// The schema, for formats that have no other word for any object.
    pub(crate) fn schema(&self) -> Value {
        match self {
            Self::Object => json!({ "type": "object" }),
            Self::Schema { schema, .. } => schema.clone(),
        }
    }
}

/// Is told how far an answer is.
#[derive(Clone)]
pub struct Heard(Arc<dyn Fn(usize) + Send + Sync>);

impl Heard {
    /// `tell` is called for each piece with the bytes that the answer has so far. It must return at once.
    pub fn new(tell: impl Fn(usize) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn tell(&self, bytes: usize) {
        (self.0)(bytes);
    }
}

impl fmt::Debug for Heard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Heard")
    }
}

/// An answer that needs no model, and therefore cannot fail.
#[derive(Clone)]
pub struct Offline(Arc<dyn Fn() -> String + Send + Sync>);

impl Offline {
    /// What is answered is found out only when it is needed.
    pub fn new(answer: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(answer))
    }

    /// The answer.
    pub fn answer(&self) -> String {
        (self.0)()
    }
}

impl fmt::Debug for Offline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Offline")
    }
}

impl Request {
    /// A request with the usual settings.
    pub fn new(prompt: Arc<Prompt>) -> Self {
        Self {
            prompt,
            target: None,
            max_tokens: 1024,
            will_do: None,
            temperature: 0.0,
            stop: Vec::new(),
            form: None,
            tool_choice: ToolChoice::Auto,
            parallel_tool_calls: None,
            client: "local".to_owned(),
            priority: Priority::Interactive,
            session: None,
            deadline: None,
            offline: None,
            must_be_new: false,
            heard: None,
            is_led_elsewhere: false,
        }
    }

    /// How long it may wait for its turn, where somebody who waits is given `usual`.
    pub fn patience(&self, usual: Duration) -> Duration {
        const HOUR: Duration = Duration::from_secs(3600);
        self.deadline.unwrap_or(match self.priority {
            Priority::Interactive => usual,
            Priority::Background => usual.saturating_mul(10),
            Priority::Bulk => usual.saturating_mul(10).max(HOUR),
        })
    }

    /// The texts at which the answer ends, without empty ones, which some servers refuse and others find everywhere.
    pub(crate) fn stops(&self) -> impl Iterator<Item = &str> {
        self.stop.iter().map(String::as_str).filter(|stop| !stop.is_empty())
    }

    /// The longest answer that a model with these quirks is asked for, in tokens.
    pub(crate) fn longest(&self, quirks: Quirks) -> u32 {
        let shorter = self.will_do.filter(|_| quirks.short_answers);
        shorter.map_or(self.max_tokens, |tokens| tokens.min(self.max_tokens))
    }

    /// Whether the answer may call tools; calls of a model that was not asked for any are no answer.
    pub(crate) fn takes_calls(&self) -> bool {
        self.tool_choice != ToolChoice::None && !self.prompt.tools().is_empty()
    }

    /// Whether an answer that ended so may have no word. A model that has nothing to add to the result of a tool says nothing, and one whose
    /// thoughts take up the longest length has no room for more; and a hole may have nothing missing.
    pub(crate) fn may_be_empty(&self, end: Finish) -> bool {
        let is_over = match end {
            Finish::Stop => self.prompt.ends_with_a_result(),
            Finish::Length => true,
            Finish::ContentFilter | Finish::ToolCalls => false,
        };
        self.prompt.hole().is_some() || (self.is_led_elsewhere && is_over)
    }

    /// Whether the same question may be answered by the same answer.
    pub fn is_repeatable(&self) -> bool {
        self.temperature == 0.0 && !self.must_be_new
    }
}

/// Tokens as the provider counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Tokens of the prompt, those read from the provider's cache included.
    pub input: u64,
    /// Of those, the ones read from its cache.
    pub cached: u64,
    /// Tokens of the answer, hidden reasoning included.
    pub output: u64,
}

impl Usage {
    /// What is known after another count came: counts only grow, and some providers tell each of them once.
    pub fn with(self, later: Self) -> Self {
        Self {
            input: self.input.max(later.input),
            cached: self.cached.max(later.cached),
            output: self.output.max(later.output),
        }
    }
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finish {
    /// It is complete.
    Stop,
    /// It reached `max_tokens`.
    Length,
    /// The provider cut it off.
    ContentFilter,
    /// It calls tools, and goes on when it is told what came of it.
    ToolCalls,
}

impl Finish {
    /// The reason that holds after an earlier one: who refused to answer did so, though the message that says it was complete.
    #[must_use]
    pub fn after(self, earlier: Option<Self>) -> Self {
        if earlier == Some(Self::ContentFilter) { Self::ContentFilter } else { self }
    }
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The text.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// What it used, where the provider said so.
    pub usage: Option<Usage>,
    /// The target that gave it.
    pub target: String,
    /// Whether it came from memory.
    pub from_cache: bool,
}

/// A piece of an answer as it comes.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// More text.
    Text(String),
    /// The model thinks: a sign of life, of which only the attempt itself hears. What it thinks is told to nobody.
    Thinking,
    /// The same with what it thinks, in a format whose providers may want it back with the calls that follow. Only the attempt itself hears it.
    Thought(String),
    /// The same in OpenRouter's form, which its models want back unchanged. Only the attempt itself hears it.
    Detail {
        /// An item of its list, or a part of one.
        detail: Value,
        /// Whether it may go on where the one before it ended.
        is_part: bool,
    },
    /// What came so far does not count: another target began the answer anew, in other words.
    Restart,
    /// What was used so far; see [`Usage::with`].
    Usage(Usage),
    /// The target that gave the answer.
    From(String),
    /// A part of a call of a tool, of which only the attempt itself hears: a call that is not whole is of no use to anybody.
    CallPart {
        /// Parts with the same number are parts of one call. [`WHOLE_CALL`] is that of calls that have no other part.
        index: u32,
        /// The name of the call, where this part has it.
        id: Option<String>,
        /// The name of the tool, where this part has it.
        name: Option<String>,
        /// What comes next of the arguments.
        arguments: String,
    },
    /// What the provider attached to the call whose part came last, and wants back with it. Only the attempt itself hears it.
    Signature(String),
    /// A call of a tool, whole. All of them come after the text.
    Call(ToolCall),
    /// It ended.
    End(Finish),
}

/// The number of a part of a call that is a call of its own.
pub const WHOLE_CALL: u32 = u32::MAX;
