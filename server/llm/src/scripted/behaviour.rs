//! What a scripted server does with one request, and how it slows down under load. Plain data; it is carried out elsewhere.

use crate::request::Finish;
use crate::tools::ToolCall;
use std::time::Duration;

/// What the server does with one request.
#[derive(Clone, Debug)]
pub enum Script {
    /// Streams these words, with so long before each.
    Words(Vec<String>, Duration),
    /// Streams these words, then does something wrong.
    Broken(Vec<String>, Fault),
    /// Answers with a status, headers and a body.
    Status(u16, Vec<(&'static str, String)>, String),
    /// Streams these words to their end and keeps the connection open.
    Open(Vec<String>),
    /// Sends nothing for so long, then the words.
    Late(Duration, Vec<String>),
    /// Fails as the provider documents it, with these headers besides.
    Fails(Trouble, Vec<(&'static str, String)>),
    /// Says that it was not looked at and may be sent again: REFUSED_STREAM in HTTP/2; HTTP/1.1 cannot say so, and the connection ends.
    Refused,
    /// Waits, then does something else.
    After(Duration, Box<Script>),
    /// Everything that can be said.
    Full(Box<Behaviour>),
}

/// What goes wrong after a stream began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends.
    Cut,
    /// The stream ends as if it were complete, without saying so.
    Ends,
    /// Nothing more comes.
    Stall,
    /// An event is no JSON.
    Garbage,
    /// An event is no UTF-8.
    NotUtf8,
    /// An event says that the quota is used up.
    Quota,
    /// An event says what went wrong.
    Says(Trouble),
}

/// What a provider may say instead of an answer. Each format has its own words for it, as far as its provider documents any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The key is wrong.
    Auth,
    /// There is no credit.
    Quota,
    /// There are too many requests.
    Rate,
    /// There is no room.
    Overload,
    /// The prompt is too long.
    ContextLength,
    /// The prompt is not to be answered.
    ContentFilter,
    /// It failed.
    Server,
}

/// Everything that can be said of one answer.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Headers besides the usual ones.
    pub headers: Vec<(&'static str, String)>,
    /// How long the head of the answer takes.
    pub before_head: Duration,
    /// How long the first word takes after the head.
    pub before_first: Duration,
    /// Pieces of thought before the first word.
    pub thoughts: usize,
    /// The words.
    pub words: Vec<String>,
    /// How often they come again.
    pub times: usize,
    /// The tools that are called after them, in formats that have a place for that.
    pub calls: Vec<ToolCall>,
    /// How long each word, each thought and each call takes.
    pub pace: Duration,
    /// What goes wrong after them.
    pub fault: Option<Fault>,
    /// Why the answer ends.
    pub finish: Finish,
    /// Whether the stream stays open after its end.
    pub stays_open: bool,
    /// Whether there are events, fields and values of which nobody knows yet.
    pub is_novel: bool,
    /// Tokens of the prompt.
    pub prompt: u64,
    /// Of those, the ones that the provider remembered.
    pub cached: u64,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            headers: Vec::new(),
            before_head: Duration::ZERO,
            before_first: Duration::ZERO,
            thoughts: 0,
            words: Vec::new(),
            times: 1,
            calls: Vec::new(),
            pace: Duration::ZERO,
            fault: None,
            finish: Finish::Stop,
            stays_open: false,
            is_novel: false,
            prompt: 10,
            cached: 0,
        }
    }
}

impl Behaviour {
    /// These words and nothing unusual.
    pub fn saying(text: &str) -> Self {
        Self { words: words(text), ..Self::default() }
    }

    /// These words, and then these calls of tools: the name of each and its arguments.
    pub fn calling(text: &str, calls: &[(&str, &str)]) -> Self {
        let call = |(number, (name, arguments)): (usize, &(&str, &str))| ToolCall {
            id: format!("call_scripted_{number}"),
            name: (*name).to_owned(),
            arguments: (*arguments).to_owned(),
            thought: None,
        };
        let calls = calls.iter().enumerate().map(call).collect();
        Self { calls, finish: Finish::ToolCalls, ..Self::saying(text) }
    }

    /// As a script.
    pub fn script(self) -> Script {
        Script::Full(Box::new(self))
    }
}

/// The words of a text; together they are the text.
pub fn words(text: &str) -> Vec<String> {
    text.split_inclusive(' ').map(str::to_owned).collect()
}

/// A server whose first word comes after `service` while no more than `capacity` requests are under way, and later the more there are.
#[derive(Clone, Copy, Debug)]
pub struct Knee {
    /// Requests that it serves at one time without any waiting for another.
    pub capacity: usize,
    /// How long the first word takes then.
    pub service: Duration,
    /// How steep it gets beyond: 1 where requests wait for one another, 2 where they hinder one another as well.
    pub power: f64,
    /// More than so many at one time are turned away with status 429.
    pub at_most: Option<usize>,
}

impl Knee {
    /// How long the first word takes with so many under way; nothing where there are too many.
    pub fn first_word(&self, at_once: usize) -> Option<Duration> {
        if self.at_most.is_some_and(|most| at_once > most) {
            return None;
        }
        let load = at_once as f64 / self.capacity.max(1) as f64;
        Some(self.service.mul_f64(load.max(1.0).powf(self.power).min(1e6)))
    }
}

/// A share of the requests whose first word comes later than that of the others.
#[derive(Clone, Copy, Debug)]
pub struct Tail {
    /// The share, from 0 to 1.
    pub share: f64,
    /// So many times later.
    pub times: f64,
}

impl Tail {
    /// Whether the request of this number is one of them: the same ones each time, spread without a pattern.
    pub fn has(&self, number: usize) -> bool {
        // The finish of splitmix64, which spreads neighbouring numbers over the whole range.
        let mut mixed = (number as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) as f64) < self.share * u64::MAX as f64
    }
}
