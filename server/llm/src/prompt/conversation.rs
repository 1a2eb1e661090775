//! A conversation that somebody else leads, by whatever program: its words go out as they are, each turn by whom it was said, without a fence
//! and without a word of ours.
//!
//! Secrets are taken out of all of it as everywhere, of what tools are told and say too, and come back in the answer.

use super::hidden::{Secrets, Taken};
use super::json::{Cleaner, Known};
use super::picture::{Picture, PictureError, Pictures};
use super::{Prompt, PromptError, PromptLimits, digest, opening, push_paragraph};
use crate::tools::{Tool, ToolCall};
use std::sync::Arc;

/// What somebody said in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Whoever asks.
    User(String),
    /// Whoever asks, who shows something.
    Showing(Vec<Shown>),
    /// The model.
    Assistant {
        /// What it said, which may be nothing where it called tools.
        text: String,
        /// The tools that it called after that.
        calls: Vec<ToolCall>,
    },
    /// A tool that was called.
    Tool {
        /// The name of the call.
        id: String,
        /// The name of the tool.
        name: String,
        /// What it said.
        text: String,
    },
}

/// A piece of a turn in which something is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Words about it.
    Text(String),
    /// A picture.
    Picture(Picture),
}

impl Shown {
    /// The words, of words.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Picture(_) => None,
        }
    }

    /// The picture, of a picture.
    pub(crate) fn picture(&self) -> Option<&Picture> {
        match self {
            Self::Text(_) => None,
            Self::Picture(picture) => Some(picture),
        }
    }

    fn with_text(self, change: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::Text(text) => Self::Text(change(&text)),
            picture @ Self::Picture(_) => picture,
        }
    }

    fn is_blank(&self) -> bool {
        self.text().is_some_and(|text| text.trim().is_empty())
    }
}

/// A turn as formats write it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Said<'a> {
    User(&'a str),
    Showing(&'a [Shown]),
    Assistant(&'a str, &'a [ToolCall]),
    Tool { id: &'a str, name: &'a str, text: &'a str },
}

impl<'a> Said<'a> {
    /// The words of it.
    pub fn texts(self) -> impl Iterator<Item = &'a str> {
        let (own, shown): (Option<&'a str>, &'a [Shown]) = match self {
            Self::User(text) | Self::Assistant(text, _) | Self::Tool { text, .. } => (Some(text), &[]),
            Self::Showing(shown) => (None, shown),
        };
        own.into_iter().chain(shown.iter().filter_map(Shown::text))
    }
}

impl Turn {
    /// Bytes of its texts; those of pictures are none.
    pub fn bytes(&self) -> usize {
        self.texts().map(str::len).sum()
    }

    /// The same, borrowed.
    pub(super) fn said(&self) -> Said<'_> {
        match self {
            Self::User(text) => Said::User(text),
            Self::Showing(shown) => Said::Showing(shown),
            Self::Assistant { text, calls } => Said::Assistant(text, calls),
            Self::Tool { id, name, text } => Said::Tool { id, name, text },
        }
    }

    /// Every text of it. What is in a picture is none.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let own: [&str; 3] = match self {
            Self::User(text) | Self::Assistant { text, .. } => [text.as_str(), "", ""],
            Self::Showing(_) => [""; 3],
            Self::Tool { id, name, text } => [id.as_str(), name.as_str(), text.as_str()],
        };
        let shown = self.shown().iter().filter_map(Shown::text);
        own.into_iter().chain(shown).chain(self.calls().iter().flat_map(ToolCall::texts))
    }

    /// What is shown in it.
    fn shown(&self) -> &[Shown] {
        match self {
            Self::Showing(shown) => shown,
            Self::User(_) | Self::Assistant { .. } | Self::Tool { .. } => &[],
        }
    }

    /// The calls of tools in it.
    fn calls(&self) -> &[ToolCall] {
        match self {
            Self::Assistant { calls, .. } => calls,
            Self::User(_) | Self::Showing(_) | Self::Tool { .. } => &[],
        }
    }

    /// The pictures in it.
    fn pictures(&self) -> impl Iterator<Item = &Picture> {
        self.shown().iter().filter_map(Shown::picture)
    }

    /// The same without its secrets. Names are told as they are: they have to be the same in all turns.
    fn clean(self, cleaner: &mut Cleaner) -> Self {
        match self {
            Self::User(text) => Self::User(cleaner.text(&text)),
            Self::Showing(shown) => {
                Self::Showing(shown.into_iter().map(|one| one.with_text(|text| cleaner.text(text))).collect())
            }
            Self::Assistant { text, calls } => {
                let text = cleaner.text(&text);
                let clean = |call: ToolCall| ToolCall {
                    arguments: cleaner.json(&call.arguments),
                    thought: call.thought.and_then(|thought| cleaner.thought(*thought)),
                    ..call
                };
                Self::Assistant { text, calls: calls.into_iter().map(clean).collect() }
            }
            // Mostly a file or what a command printed, and mostly no JSON; where it is some, the quotes are a part of the text.
            Self::Tool { id, name, text } => Self::Tool { id, name, text: cleaner.text(&text) },
        }
    }

    /// The same without what was found to be a secret in any of the turns.
    fn without(self, known: &Known) -> Self {
        match self {
            Self::User(text) => Self::User(known.text(&text)),
            Self::Showing(shown) => {
                Self::Showing(shown.into_iter().map(|one| one.with_text(|text| known.text(text))).collect())
            }
            Self::Assistant { text, calls } => {
                let clean = |call: ToolCall| ToolCall {
                    arguments: known.json(&call.arguments),
                    thought: call.thought.and_then(|thought| known.thought(*thought)),
                    ..call
                };
                Self::Assistant { text: known.text(&text), calls: calls.into_iter().map(clean).collect() }
            }
            Self::Tool { id, name, text } => Self::Tool { id, name, text: known.text(&text) },
        }
    }
}

impl Prompt {
    /// The only way to a prompt that goes on with a conversation: instructions, which may be empty, turns, of which the last is the user's or
    /// a tool's, and the tools that may be called.
    ///
    /// # Errors
    /// If the last turn is the model's, or the user's and says nothing, or all of it is larger than allowed; if there are more pictures than may
    /// be, or one has an address in which there is a secret.
    pub fn conversation(
        instructions: &[String],
        turns: Vec<Turn>,
        tools: Vec<Tool>,
        limits: PromptLimits,
    ) -> Result<Self, PromptError> {
        let schemas: Vec<String> = tools.iter().map(|tool| tool.parameters.to_string()).collect();
        let of_tools = tools.iter().flat_map(|tool| [&tool.name, &tool.description]).chain(&schemas);
        let texts: Vec<&str> =
            instructions.iter().chain(of_tools).map(String::as_str).chain(turns.iter().flat_map(Turn::texts)).collect();
        let size = texts.iter().map(|text| text.len()).sum();
        if size > limits.max_bytes {
            return Err(PromptError::TooLarge { size, limit: limits.max_bytes });
        }
        let pictures = Pictures::of(turns.iter().flat_map(Turn::pictures), limits)?;
        let mut cleaner = Cleaner { open: opening(&texts), secrets: Taken::default() };
        let mut system = String::new();
        for text in instructions {
            push_paragraph(&mut system, &cleaner.text(text));
        }
        let mut turns: Vec<Turn> = turns.into_iter().map(|turn| turn.clean(&mut cleaner)).collect();
        let clean = |tool: Tool| Tool {
            description: cleaner.text(&tool.description),
            parameters: cleaner.value(&tool.parameters),
            ..tool
        };
        let mut tools: Vec<Tool> = tools.into_iter().map(clean).collect();
        if !cleaner.secrets.is_empty() {
            let known = cleaner.known();
            // Nothing in an address can be replaced.
            let has_secret = |picture: &Picture| picture.address().is_some_and(|address| known.is_in(address));
            if turns.iter().flat_map(Turn::pictures).any(has_secret) {
                return Err(PromptError::Picture(PictureError::Secret));
            }
            system = known.text(&system);
            turns = turns.into_iter().map(|turn| turn.without(&known)).collect();
            let again = |tool: Tool| Tool {
                description: known.text(&tool.description),
                parameters: known.value(&tool.parameters),
                ..tool
            };
            tools = tools.into_iter().map(again).collect();
        }
        let user = match turns.pop() {
            Some(Turn::User(text)) if !text.trim().is_empty() => text,
            Some(last) if matches!(last, Turn::Tool { .. }) || last.shown().iter().any(|one| !one.is_blank()) => {
                turns.push(last);
                String::new()
            }
            _ => return Err(PromptError::Empty),
        };
        let secrets = Secrets::new(cleaner.open, Taken::default(), cleaner.secrets);
        let digest = digest(&system, &turns, &tools, &user, None, &secrets);
        let thoughts = Thoughts::of(turns.iter().flat_map(Turn::calls));
        let around = bytes_of(&turns, &tools).saturating_sub(thoughts.all());
        let secrets = Arc::new(secrets);
        let earlier = turns;
        Ok(Self { system, earlier, user, tools, around, thoughts, pictures, hole: None, secrets, digest })
    }

    /// What was said before, in order; nothing but in a conversation.
    pub fn earlier(&self) -> &[Turn] {
        &self.earlier
    }

    /// The tools that may be called.
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// Whether the last turn is the result of a tool.
    pub(crate) fn ends_with_a_result(&self) -> bool {
        self.user.is_empty() && matches!(self.earlier.last(), Some(Turn::Tool { .. }))
    }

    /// The calls of tools so far.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.earlier.iter().flat_map(Turn::calls)
    }

    /// How much there is of what models thought before calls; none of it is in [`Self::len`], since few models are told.
    pub(crate) fn thoughts(&self) -> Thoughts {
        self.thoughts
    }

    /// How much there is of pictures.
    pub(crate) fn pictures(&self) -> Pictures {
        self.pictures
    }

    /// The addresses at which pictures are to be found that are not attached.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &str> {
        self.shown_pictures().filter_map(Picture::address)
    }

    /// The pictures.
    pub(crate) fn shown_pictures(&self) -> impl Iterator<Item = &Picture> {
        // Mostly there are none, however long the conversation is.
        let turns: &[Turn] = if self.pictures.count == 0 { &[] } else { &self.earlier };
        turns.iter().flat_map(Turn::pictures)
    }

    /// All turns; the last is what is to be answered now.
    pub(crate) fn turns(&self) -> impl Iterator<Item = Said<'_>> {
        // After the result of a tool, and after what was shown, there is nothing more that the user says.
        let is_asked =
            !matches!(self.earlier.last(), Some(Turn::Tool { .. } | Turn::Showing(_))) || !self.user.is_empty();
        let last = is_asked.then_some(Said::User(self.user.as_str()));
        self.earlier.iter().map(Turn::said).chain(last)
    }
}

/// Bytes of what models thought before calls, in each of the forms in which some of them are told it again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Thoughts {
    /// For a provider to read.
    pub signatures: usize,
    /// In words.
    pub reasoning: usize,
    /// In OpenRouter's form.
    pub details: usize,
}

impl Thoughts {
    fn of<'a>(calls: impl Iterator<Item = &'a ToolCall>) -> Self {
        calls.filter_map(|call| call.thought.as_ref()).fold(Self::default(), |sum, thought| Self {
            signatures: sum.signatures + thought.signature.len(),
            reasoning: sum.reasoning + thought.reasoning.len(),
            details: sum.details + thought.details.len(),
        })
    }

    fn all(self) -> usize {
        self.signatures + self.reasoning + self.details
    }
}

/// Bytes of what was said before and of what may be called.
fn bytes_of(turns: &[Turn], tools: &[Tool]) -> usize {
    let of_tool = |tool: &Tool| tool.name.len() + tool.description.len() + tool.parameters.to_string().len();
    turns.iter().map(Turn::bytes).sum::<usize>() + tools.iter().map(of_tool).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::super::Part;
    use super::super::hidden::Hidden;
    use super::*;
    use crate::prompt::Origin;
    use crate::tools::Thought;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::cmp::Reverse;

    fn user(text: &str) -> Turn {
        Turn::User(text.to_owned())
    }

    fn assistant(text: &str) -> Turn {
        Turn::Assistant { text: text.to_owned(), calls: Vec::new() }
    }

    fn calling(id: &str, name: &str, arguments: &str) -> Turn {
        thinking(id, name, arguments, "", "")
    }

    fn thinking(id: &str, name: &str, arguments: &str, signature: &str, reasoning: &str) -> Turn {
        let thought = Thought::of(signature.to_owned(), reasoning.to_owned());
        let call = ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned(), thought };
        Turn::Assistant { text: String::new(), calls: vec![call] }
    }

    fn result(id: &str, text: &str) -> Turn {
        Turn::Tool { id: id.to_owned(), name: "f".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_secret_that_was_put_back_leaves_in_no_later_turn() {
        let secret = ["t7Gq2vLx", "9ZpR4mW8"].concat();
        let arguments = json!({ "cmd": format!("psql -p {secret}") }).to_string();
        let turns = vec![
            user(&format!("db_password = \"{secret}\"")),
            calling("c", "f", &arguments),
            result("c", &format!("PGPASSWORD={secret} psql: connected")),
            user(&format!("And now with {secret} again?")),
        ];
        let prompt = Prompt::conversation(&[], turns, Vec::new(), PromptLimits::default()).unwrap();
        let said: String = prompt.turns().flat_map(Said::texts).collect();
        let called = prompt.calls().next().unwrap().arguments.clone();
        assert!(!said.contains(&secret) && !called.contains(&secret), "{said} {called}");
        assert_eq!(called, r#"{"cmd":"psql -p __SECRET_1__"}"#);
        assert_eq!(prompt.restore_json(&called), arguments);
    }

    fn tool(name: &str, description: &str, parameters: Value) -> Tool {
        Tool { name: name.to_owned(), description: description.to_owned(), parameters, strict: None }
    }

    fn with_tools(instructions: &[&str], turns: Vec<Turn>, tools: Vec<Tool>) -> Result<Prompt, PromptError> {
        let instructions: Vec<String> = instructions.iter().map(|text| (*text).to_owned()).collect();
        Prompt::conversation(&instructions, turns, tools, PromptLimits { max_bytes: 400, ..PromptLimits::default() })
    }

    fn conversation(instructions: &[&str], turns: Vec<Turn>) -> Result<Prompt, PromptError> {
        with_tools(instructions, turns, Vec::new())
    }

    fn key() -> String {
        ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat()
    }

    #[test]
    fn turns_stay_as_they_are_and_secrets_of_all_of_them_stay_here() {
        let said = format!("token = \"{}\"", key());
        let made = conversation(
            &["Be brief.", "Answer in French."],
            vec![user(&said), assistant("Oui."), user("<<< code\nEncore ?")],
        )
        .unwrap();
        assert_eq!(made.system(), "Be brief.\n\nAnswer in French.");
        let turns: Vec<_> = made.turns().collect();
        assert_eq!(turns.len(), 3);
        assert_eq!(turns[0], Said::User("token = \"__SECRET_1__\""));
        assert_eq!(turns[1..], [Said::Assistant("Oui.", &[]), Said::User("<<< code\nEncore ?")]);
        assert_eq!(made.restore("use __SECRET_1__"), format!("use {}", key()));
        assert_eq!(made.len(), "Be brief.\n\nAnswer in French.token = \"__SECRET_1__\"Oui.<<< code\nEncore ?".len());
    }

    #[test]
    fn secrets_of_calls_results_and_tools_stay_here_too() {
        let arguments = json!({ "header": format!("use {}", key()) }).to_string();
        let turns =
            vec![user("Go."), calling("1", "f", &arguments), result("1", &format!("{{\"token\": \"{}\"}}", key()))];
        let tools = vec![tool("f", &format!("Knows {}.", key()), json!({ "enum": [key()] }))];
        let made = with_tools(&[], turns, tools).unwrap();
        assert!(!format!("{made:?}").contains(&key()));
        assert_eq!(made.hidden_secrets(), 1);
        assert_eq!(made.calls().next().unwrap().arguments, r#"{"header":"use __SECRET_1__"}"#);
        let result: String = made.turns().last().unwrap().texts().collect();
        assert_eq!(result, r#"{"token": "__SECRET_1__"}"#);
        assert_eq!(made.tools()[0].description, "Knows __SECRET_1__.");
        assert_eq!(made.tools()[0].parameters, json!({ "enum": ["__SECRET_1__"] }));
        assert_eq!(made.restore_json(r#"{"header":"use __SECRET_1__"}"#), arguments);
    }

    #[test]
    fn secrets_of_thoughts_stay_here_and_what_cannot_be_cleaned_is_not_told() {
        let reasoning = format!("With {} it will work.", key());
        let told = |signature: &str, reasoning: &str| {
            let turns = vec![user("Go."), thinking("1", "f", "{}", signature, reasoning), result("1", "done")];
            let made = conversation(&[], turns).unwrap();
            let thought = made.calls().next().unwrap().thought.clone();
            (made, thought.map(|thought| *thought))
        };
        let (made, thought) = told("c2lnbmVk+/-_==", &reasoning);
        let thought = thought.unwrap();
        assert!(!format!("{made:?}").contains(&key()));
        assert_eq!(thought.signature, "c2lnbmVk+/-_==", "what is no secret is told as it came");
        assert_eq!(thought.reasoning, "With __SECRET_1__ it will work.");
        assert_eq!(made.restore(&thought.reasoning), reasoning);
        // No client makes a signature of what it likes.
        for signature in [key(), format!("token={}", key()), "Say it in words.".to_owned(), "__SECRET_1__ ".to_owned()]
        {
            let (made, thought) = told(&signature, "");
            assert_eq!(thought, None, "{signature}");
            assert!(!format!("{made:?}").contains(&key()));
        }
    }

    #[test]
    fn thoughts_in_a_form_of_their_own_lose_their_secrets_or_are_not_told() {
        let told = |details: &Value| {
            let thought = Thought { details: details.to_string(), ..Thought::default() };
            let call = ToolCall { id: "1".into(), name: "f".into(), thought: thought.kept(), ..ToolCall::default() };
            let turns =
                vec![user("Go."), Turn::Assistant { text: String::new(), calls: vec![call] }, result("1", "done")];
            let made = conversation(&[], turns).unwrap();
            assert!(!format!("{made:?}").contains(&key()));
            made.calls().next().unwrap().thought.clone().map(|thought| thought.details)
        };
        let text = |text: &str| json!([{ "type": "reasoning.text", "text": text, "signature": "c2ln", "index": 0 }]);
        assert_eq!(told(&text("Fine.")), Some(text("Fine.").to_string()), "what is no secret is told as it came");
        let hidden = text("With __SECRET_1__.").to_string();
        assert_eq!(told(&text(&format!("With {}.", key()))), Some(hidden));
        assert_eq!(told(&json!([{ "type": "reasoning.encrypted", "data": key() }])), None);
    }

    #[test]
    fn a_secret_that_another_turn_told_is_in_no_thought_either() {
        let secret = ["t7Gq2vLx", "9ZpR4mW8"].concat();
        let turns = vec![
            user(&format!("db_password = \"{secret}\"")),
            thinking("1", "f", "{}", &format!("abc{secret}"), &format!("I try {secret}.")),
            result("1", "done"),
        ];
        let made = conversation(&[], turns).unwrap();
        assert!(!format!("{made:?}").contains(&secret));
        let thought = made.calls().next().unwrap().thought.clone().unwrap();
        assert_eq!((thought.signature.as_str(), thought.reasoning.as_str()), ("", "I try __SECRET_1__."));
    }

    #[test]
    fn a_placeholder_in_a_name_or_a_schema_is_nobodys() {
        for tools in [vec![tool("__SECRET_1__", "", Value::Null)], vec![tool("f", "", json!({ "__SECRET_1__": 1 }))]] {
            let made = with_tools(&[], vec![user(&format!("t = '{}'", key()))], tools).unwrap();
            assert_eq!(made.restore_json("[\"__SECRET_1__\"]"), "[\"__SECRET_1__\"]");
        }
    }

    #[test]
    fn who_said_what_and_in_which_order_is_another_question() {
        let strict = Tool { strict: Some(true), ..tool("f", "", json!({})) };
        let made = [
            conversation(&[], vec![user("a"), assistant("b"), user("c")]),
            conversation(&[], vec![assistant("a"), user("b"), user("c")]),
            conversation(&[], vec![user("ab"), user("c")]),
            conversation(&[], vec![user("a"), user("bc")]),
            conversation(&["a"], vec![assistant("b"), user("c")]),
            conversation(&[], vec![user("a"), calling("1", "f", "{}"), result("1", "b")]),
            conversation(&[], vec![user("a"), calling("2", "f", "{}"), result("2", "b")]),
            conversation(&[], vec![user("a"), calling("1", "g", "{}"), result("1", "b")]),
            conversation(&[], vec![user("a"), calling("1", "f", "[]"), result("1", "b")]),
            conversation(&[], vec![user("a"), thinking("1", "f", "{}", "s", ""), result("1", "b")]),
            conversation(&[], vec![user("a"), thinking("1", "f", "{}", "", "s"), result("1", "b")]),
            conversation(&[], vec![user("a"), thinking("1", "f", "{}", "s", "s"), result("1", "b")]),
            conversation(&[], vec![user("a"), calling("1", "f", "{}"), result("1", "")]),
            conversation(&[], vec![user("a"), calling("1", "f", "{}"), result("1", "b"), user("c")]),
            with_tools(&[], vec![user("c")], vec![tool("f", "", json!({}))]),
            with_tools(&[], vec![user("c")], vec![tool("f", "d", json!({}))]),
            with_tools(&[], vec![user("c")], vec![tool("f", "", json!({ "type": "object" }))]),
            with_tools(&[], vec![user("c")], vec![tool("f", "", json!({})), tool("g", "", json!({}))]),
            with_tools(&[], vec![user("c")], vec![strict]),
            conversation(&[], vec![user("a"), showing("b", &[])]),
            conversation(&[], vec![user("a"), showing("b", &[PNG])]),
            conversation(&[], vec![user("a"), showing("b", &[GIF])]),
            conversation(&[], vec![user("a"), showing("b", &[PNG, GIF])]),
            conversation(&[], vec![user("a"), showing("b", &[GIF, PNG])]),
            conversation(&[], vec![showing("a", &[PNG]), user("b")]),
        ];
        let mut digests: Vec<_> = made.iter().map(|prompt| *prompt.as_ref().unwrap().digest()).collect();
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), made.len());
        let plain = Prompt::new(&[Part::Data(Origin::Question, "c".into())], PromptLimits::default()).unwrap();
        let single = conversation(&[], vec![user("c")]).unwrap();
        assert_eq!(plain.digest(), single.digest(), "the same question, whoever asks it");
    }

    #[test]
    fn what_asks_nothing_or_too_much_is_refused() {
        assert_eq!(conversation(&["Be brief."], vec![]), Err(PromptError::Empty));
        assert_eq!(conversation(&[], vec![user("a"), assistant("b")]), Err(PromptError::Empty));
        assert_eq!(conversation(&[], vec![user("a"), calling("1", "f", "{}")]), Err(PromptError::Empty));
        assert_eq!(conversation(&[], vec![user(" \n")]), Err(PromptError::Empty));
        let long = "x".repeat(300);
        let refused = conversation(&[&long], vec![assistant(&long), user("a")]);
        assert_eq!(refused, Err(PromptError::TooLarge { size: 601, limit: 400 }));
        let refused = conversation(&[], vec![user("a"), calling("1", "f", &long), result("1", &long)]);
        assert_eq!(refused, Err(PromptError::TooLarge { size: 605, limit: 400 }));
        let refused = conversation(&[], vec![user("a"), thinking("1", "f", "{}", &long, &long), result("1", "")]);
        assert_eq!(refused, Err(PromptError::TooLarge { size: 607, limit: 400 }));
        let refused = with_tools(&[], vec![user("a")], vec![tool("f", &long, json!([long]))]);
        assert_eq!(refused, Err(PromptError::TooLarge { size: 606, limit: 400 }));
    }

    const PNG: &str = "data:image/png;base64,iVBORw0KGgo=";
    const GIF: &str = "data:image/gif;base64,R0lGODdh";

    fn showing(text: &str, urls: &[&str]) -> Turn {
        let pictures = urls.iter().map(|url| Shown::Picture(Picture::of((*url).to_owned(), None).unwrap()));
        Turn::Showing([Shown::Text(text.to_owned())].into_iter().chain(pictures).collect())
    }

    #[test]
    fn what_is_shown_may_be_the_last_word_and_counts_for_its_tokens() {
        let secret = format!("token = '{}'", key());
        let made = conversation(&[], vec![showing(&secret, &[PNG]), assistant("b"), showing("", &[GIF, PNG])]).unwrap();
        let turns: Vec<_> = made.turns().collect();
        assert_eq!((turns.len(), made.user()), (3, ""));
        assert!(matches!(turns[2], Said::Showing(shown) if shown.len() == 3));
        let first: String = turns[0].texts().collect();
        assert_eq!(first, "token = '__SECRET_1__'");
        assert!(!format!("{made:?}").contains("iVBOR"), "nothing of a picture is printed");
        let bytes = PNG.len() * 2 + GIF.len();
        assert_eq!(made.pictures(), Pictures { count: 3, bytes });
        assert_eq!(made.len(), first.len() + 1 + 3 * 1600 * 3);
        let asked = conversation(&[], vec![showing("a", &[PNG]), user("And now?")]).unwrap();
        assert_eq!((asked.turns().count(), asked.user()), (2, "And now?"));
        assert_eq!(conversation(&[], vec![showing(" ", &[])]), Err(PromptError::Empty));
    }

    #[test]
    fn pictures_are_bounded_or_refused_whoever_made_the_conversation() {
        let of = |count: usize, pictures: usize| {
            let turns = vec![showing("a", &vec![PNG; count - 1]), showing("b", &[PNG])];
            let limits = PromptLimits { pictures, ..PromptLimits::default() };
            Prompt::conversation(&[], turns, Vec::new(), limits).map(|made| made.pictures().count)
        };
        assert_eq!((of(20, 20), of(21, 20)), (Ok(20), Err(PromptError::TooManyPictures { limit: 20 })));
        assert_eq!(of(2, 0), Err(PromptError::NoPictures));
        let limits = PromptLimits { pictures: 0, ..PromptLimits::default() };
        assert!(Prompt::conversation(&[], vec![user("a")], Vec::new(), limits).is_ok());
    }

    #[test]
    fn an_address_that_has_a_secret_of_another_turn_goes_nowhere() {
        let secret = ["t7Gq2vLx", "9ZpR4mW8"].concat();
        let told = user(&format!("db_password = \"{secret}\""));
        let of = |path: &str| vec![told.clone(), showing("a", &[format!("https://example.org/{path}").as_str()])];
        let refused = conversation(&[], of(&secret));
        assert_eq!(refused, Err(PromptError::Picture(PictureError::Secret)));
        let made = conversation(&[], of("a.png")).unwrap();
        assert_eq!(made.addresses().collect::<Vec<_>>(), ["https://example.org/a.png"]);
    }

    #[test]
    fn twenty_thousand_secrets_leave_twenty_thousand_turns_and_come_back_piece_by_piece() {
        let secret = |number: usize| format!("{}{}{number:05}", "ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gK");
        let secrets: Vec<String> = (0..20_000).map(secret).collect();
        let told = secrets.join("\n");
        // Behind a letter none of them is known by its form. To look for each in each turn took minutes.
        let again = secrets.iter().map(|secret| assistant(&format!("x{secret}")));
        let turns = [user(&told)].into_iter().chain(again).chain([user("And now?")]).collect();
        let limits = PromptLimits { max_bytes: 4 << 20, ..PromptLimits::default() };
        let made = Prompt::conversation(&[], turns, Vec::new(), limits).unwrap();
        assert_eq!(made.hidden_secrets(), secrets.len());
        let (first, others) = made.earlier().split_first().unwrap();
        assert_eq!(others.len(), secrets.len());
        let mut restorer = made.restorer();
        for (number, (turn, secret)) in others.iter().zip(&secrets).enumerate() {
            let text: String = turn.texts().collect();
            assert_eq!(text, format!("x__SECRET_{}__", number + 1));
            assert_eq!(restorer.push(&text), format!("x{secret}"));
        }
        let clean: String = first.texts().collect();
        assert_eq!(made.restore(&clean), told);
        assert_eq!(made.hidden(&told), clean);
    }

    proptest! {
        #[test]
        fn many_secrets_leave_and_come_back_as_if_each_was_looked_for_alone(
            parts in prop::collection::vec((0usize..24, 1usize..=24, "[ xé]{0,2}"), 1..8),
            numbers in prop::collection::vec((1usize..50, "(SECRET_[1-9]__| |_|é)?"), 0..8),
        ) {
            // All pieces of this of 16 characters or more: most of them stand in others, or overlap.
            let long = ["t7Gq2vLx", "9ZpR4mW8", "kB3nYc6D"].concat();
            let pieces = (16..=24usize).flat_map(|length| (0..=24 - length).map(move |at| at..at + length));
            let told: String = pieces.map(|piece| format!("db_password = \"{}\"\n", &long[piece])).collect();
            let parts = parts.iter().map(|(at, length, rest)| [&long[*at..(at + length).min(24)], rest.as_str()].concat());
            let said = format!("So: {}", parts.collect::<String>());
            let turns = vec![user(&told), user(&said)];
            let made = Prompt::conversation(&[], turns, Vec::new(), PromptLimits::default()).unwrap();
            prop_assert_eq!(made.hidden_secrets(), 45);
            let secrets = made.secrets.list();
            let hide = |text: String, (placeholder, secret): &(Arc<str>, Hidden)| text.replace(&*secret.0, placeholder);
            prop_assert_eq!(made.hidden(&said), secrets.iter().fold(said.clone(), hide));
            let mut longest_first = secrets.to_vec();
            longest_first.sort_by_key(|(_, secret)| Reverse(secret.0.len()));
            prop_assert_eq!(made.user(), longest_first.iter().fold(said, hide));
            let answer: String = numbers.iter().map(|(number, rest)| format!("__SECRET_{number}__{rest}")).collect();
            let plain = secrets.iter().fold(answer.clone(), |text, (placeholder, secret)| text.replace(&**placeholder, &secret.0));
            prop_assert_eq!(made.restore(&answer), plain);
        }
    }

    #[test]
    fn thoughts_are_counted_apart() {
        let turns = vec![user("a"), thinking("1", "f", "{}", "c2ln", "hmm"), result("1", "")];
        let made = conversation(&[], turns).unwrap();
        assert_eq!(made.len(), "a1f{}1f".len());
        assert_eq!(made.thoughts(), Thoughts { signatures: 4, reasoning: 3, details: 0 });
    }

    #[test]
    fn the_last_word_may_be_a_tools() {
        let made = conversation(&[], vec![user("a"), calling("1", "f", "{}"), result("1", "")]).unwrap();
        let turns: Vec<_> = made.turns().collect();
        assert_eq!((turns.len(), turns[2]), (3, Said::Tool { id: "1", name: "f", text: "" }));
        assert_eq!(made.len(), "a1f{}1f".len());
        assert!(made.user().is_empty());
    }
}
