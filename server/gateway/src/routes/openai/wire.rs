//! What is asked in OpenAI's format, and the conversation that it stands for.
//!
//! Fields that are not known are passed over, since each version of each program brings some; what asks for another kind of answer is refused.

use super::AUTO;
use super::pictures::{Content, Words};
use super::tools::{CallEntry, ChoiceEntry, Thoughts, ToolEntry, called, offered};
use crate::error::{Kind, Problem};
use engine::converse::{Conversation, Form, Turn};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A conversation whose last message is to be answered.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({ "model": "auto", "messages": [{ "role": "user", "content": "What does `rsplit` do?" }] }))]
pub(crate) struct ChatRequest {
    /// One of `/v1/models`; `auto` leaves the choice to the service.
    #[schema(min_length = 1, max_length = 200, example = "auto")]
    model: String,
    /// The conversation, the question or the result of a tool last.
    #[schema(min_items = 1, max_items = 1000)]
    messages: Vec<Message>,
    /// The longest answer, in tokens; 16384 where it is left out, or 4096 where a budget or the model has no room for so many.
    #[schema(minimum = 1, maximum = 1_000_000)]
    max_tokens: Option<u32>,
    /// The newer name of the same.
    #[schema(minimum = 1, maximum = 1_000_000)]
    max_completion_tokens: Option<u32>,
    /// 0 gives the same answer each time, and such answers are kept; 1 where it is left out, as OpenAI has it.
    #[schema(minimum = 0.0, maximum = 2.0)]
    temperature: Option<f32>,
    /// Whether the answer is to come in pieces.
    stream: Option<bool>,
    /// What comes with the pieces.
    stream_options: Option<StreamOptions>,
    /// Texts at which the answer ends.
    stop: Option<Stop>,
    /// How many answers are wanted; one is what there is.
    #[schema(minimum = 1, maximum = 1)]
    n: Option<u32>,
    /// The form of the answer.
    response_format: Option<ResponseFormat>,
    /// The tools that the model may call.
    #[schema(max_items = 128)]
    tools: Option<Vec<ToolEntry>>,
    /// Whether it is to call any.
    tool_choice: Option<ChoiceEntry>,
    /// Whether it may call several at once, where the model's provider lets that be said.
    parallel_tool_calls: Option<bool>,
    /// The name of the conversation: its questions go to one model, which remembers how it began.
    #[schema(max_length = 200)]
    prompt_cache_key: Option<String>,
    /// The older name of the same.
    #[schema(max_length = 200)]
    user: Option<String>,
    /// All else.
    #[serde(flatten)]
    #[schema(ignore)]
    more: Map<String, Value>,
}

/// A message.
#[derive(Debug, Deserialize, ToSchema)]
struct Message {
    /// Who says it.
    role: Role,
    /// What is said; nothing where the model only called tools.
    content: Option<Content>,
    /// The tools that the model called.
    #[schema(max_items = 128)]
    tool_calls: Option<Vec<CallEntry>>,
    /// What the model thought before it called these tools, as it stood in its answer: some models refuse to go on without, or think less well.
    #[schema(max_length = 1_000_000)]
    reasoning_content: Option<String>,
    /// The same in OpenRouter's form, unchanged.
    #[schema(max_items = 1000, value_type = Option<Vec<Object>>)]
    reasoning_details: Option<Vec<Value>>,
    /// The call to which a tool says something.
    #[schema(max_length = 500)]
    tool_call_id: Option<String>,
    /// The older form of a call, which this door does not know.
    #[schema(value_type = Option<Object>)]
    function_call: Option<Value>,
}

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    /// What the model is told before.
    System,
    /// The newer name of the same.
    Developer,
    /// Whoever asks.
    User,
    /// The model.
    Assistant,
    /// A tool that the model called.
    Tool,
}

/// Where an answer ends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
enum Stop {
    /// At one text.
    One(String),
    /// At several, four at most.
    Many(Stops),
}

/// Several texts at which an answer ends.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(max_items = 4)]
struct Stops(Vec<String>);

/// What comes with pieces.
#[derive(Debug, Deserialize, ToSchema)]
struct StreamOptions {
    /// Whether the last piece tells what was used.
    include_usage: Option<bool>,
}

/// The form of an answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat {
    /// Any text.
    Text,
    /// Any object.
    JsonObject,
    /// What fulfils a JSON Schema.
    JsonSchema {
        /// The schema with its name.
        json_schema: NamedSchema,
    },
}

/// A schema with a name.
#[derive(Debug, Deserialize, ToSchema)]
struct NamedSchema {
    /// Its name.
    #[schema(max_length = 64)]
    name: Option<String>,
    /// What it is for, for the model.
    description: Option<String>,
    /// The schema.
    #[schema(value_type = Option<Object>)]
    schema: Option<Value>,
    /// Whether the answer must fulfil it to the letter, which not every schema can be; `false` where it is left out.
    strict: Option<bool>,
}

impl NamedSchema {
    /// The form that it asks for, if it has a schema.
    fn form(self) -> Option<Form> {
        let Self { name, description, schema, strict } = self;
        Some(Form::Schema { schema: schema?, strict: strict.unwrap_or(false), name, description })
    }
}

impl ChatRequest {
    /// Whether the answer is to come in pieces.
    pub fn is_streamed(&self) -> bool {
        self.stream == Some(true)
    }

    /// Whether the last piece is to tell what was used.
    pub fn tells_usage(&self) -> bool {
        self.stream_options.as_ref().is_some_and(|options| options.include_usage == Some(true))
    }

    /// The place of the first picture.
    pub fn first_picture(&self) -> Option<String> {
        self.messages.iter().enumerate().find_map(|(message, said)| {
            let part = said.content.as_ref()?.first_picture()?;
            Some(format!("/messages/{message}/content/{part}"))
        })
    }

    /// The fields that only colour an answer, and are not heeded.
    pub fn ignored(&self) -> Vec<&'static str> {
        const COLOUR: [&str; 7] =
            ["top_p", "seed", "presence_penalty", "frequency_penalty", "logit_bias", "reasoning_effort", "verbosity"];
        let says_nothing = |value: &Value| value.is_null() || value.as_f64() == Some(0.0);
        let is_usual = |name: &str, value: &Value| match name {
            "top_p" => value.is_null() || value.as_f64() == Some(1.0),
            _ => says_nothing(value),
        };
        COLOUR.into_iter().filter(|name| self.more.get(*name).is_some_and(|value| !is_usual(name, value))).collect()
    }

    /// What the models are asked.
    ///
    /// # Errors
    /// If it asks for what this door does not give.
    pub fn conversation(self) -> Result<Conversation, Problem> {
        self.check()?;
        let (tools, tool_choice) = offered(self.tools, self.tool_choice)?;
        let (instructions, turns) = said(self.messages)?;
        let form = match self.response_format {
            None | Some(ResponseFormat::Text) => None,
            Some(ResponseFormat::JsonObject) => Some(Form::Object),
            Some(ResponseFormat::JsonSchema { json_schema }) => json_schema.form(),
        };
        Ok(Conversation {
            instructions,
            turns,
            tools,
            tool_choice,
            parallel_tool_calls: self.parallel_tool_calls,
            target: (self.model != AUTO).then_some(self.model),
            max_tokens: self.max_completion_tokens.or(self.max_tokens),
            temperature: self.temperature.unwrap_or(1.0),
            stop: match self.stop {
                None => Vec::new(),
                Some(Stop::One(text)) => vec![text],
                Some(Stop::Many(Stops(texts))) => texts,
            },
            form,
            session: self.prompt_cache_key.or(self.user),
        })
    }

    /// Refuses what cannot be answered as it is asked.
    fn check(&self) -> Result<(), Problem> {
        if self.n.is_some_and(|count| count > 1) {
            return Err(Problem::new(Kind::Refused, "There is one answer to a question here; leave `n` out.").at("/n"));
        }
        let is_there = |name: &str| match self.more.get(name) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Array(items)) => !items.is_empty(),
            Some(_) => true,
        };
        for name in ["functions", "function_call"] {
            if is_there(name) {
                return Err(no_functions().at(format!("/{name}")));
            }
        }
        for name in ["logprobs", "audio", "web_search_options"] {
            if is_there(name) {
                let said = format!("`{name}` is not to be had through this service.");
                return Err(Problem::new(Kind::Refused, said).at(format!("/{name}")));
            }
        }
        Ok(())
    }
}

fn no_functions() -> Problem {
    Problem::new(
        Kind::Refused,
        "The older form of tools does not go through this service; use `tools` and `tool_calls`.",
    )
}

/// What the model is told before, and what was said by whom.
///
/// # Errors
/// If what tools say and what was called do not go together, or the model had the last word.
fn said(messages: Vec<Message>) -> Result<(Vec<String>, Vec<Turn>), Problem> {
    let (mut instructions, mut turns) = (Vec::new(), Vec::new());
    // The tool of each call so far.
    let mut names: FxHashMap<String, String> = FxHashMap::default();
    let (mut last, mut pictures) = (String::new(), 0);
    for (number, message) in messages.into_iter().enumerate() {
        let at = format!("/messages/{number}");
        if message.function_call.is_some() {
            return Err(no_functions().at(format!("{at}/function_call")));
        }
        let words = message.content.map(|content| content.words(message.role, &mut pictures, &at)).transpose()?;
        let thoughts = Thoughts { reasoning: message.reasoning_content, details: message.reasoning_details };
        let calls = called(message.tool_calls, thoughts, &at)?;
        if !calls.is_empty() && message.role != Role::Assistant {
            let said = "Only messages of the model (`assistant`) call tools.";
            return Err(Problem::new(Kind::Refused, said).at(format!("{at}/tool_calls")));
        }
        let text = match words {
            // Whoever shows something is the user.
            Some(Words::Shown(shown)) => {
                turns.push(Turn::Showing(shown));
                last = at;
                continue;
            }
            Some(Words::Text(text)) => text,
            None => String::new(),
        };
        match message.role {
            Role::System | Role::Developer => {
                instructions.push(text);
                continue;
            }
            Role::User => turns.push(Turn::User(text)),
            // Programs leave such ones behind, and most providers refuse them.
            Role::Assistant if text.trim().is_empty() && calls.is_empty() => continue,
            Role::Assistant => {
                names.extend(calls.iter().map(|call| (call.id.clone(), call.name.clone())));
                turns.push(Turn::Assistant { text, calls });
            }
            Role::Tool => {
                let id = message.tool_call_id.unwrap_or_default();
                let Some(name) = names.get(&id).cloned() else {
                    let said = "A message of a tool needs the `tool_call_id` of a call in a message before it.";
                    return Err(Problem::new(Kind::Refused, said).at(format!("{at}/tool_call_id")));
                };
                turns.push(Turn::Tool { id, name, text });
            }
        }
        last = at;
    }
    if matches!(turns.last(), Some(Turn::Assistant { .. })) {
        let said =
            "The model had the last word; the conversation has to end with a question or with the result of a tool.";
        return Err(Problem::new(Kind::Refused, said).at(last));
    }
    // Programs leave blank messages of the user behind too, and most providers refuse them. The last message is what is asked, and stays as it is.
    let asked = turns.pop();
    turns.retain(|turn| !matches!(turn, Turn::User(text) if text.trim().is_empty()));
    turns.extend(asked);
    Ok((instructions, turns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::converse::{Picture, Shown, Thought, ToolCall};
    use serde_json::json;

    fn read(body: Value) -> ChatRequest {
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn a_conversation_is_read_as_the_sdks_write_it() {
        let body = read(json!({
            "model": "work", "temperature": 0, "max_tokens": 5, "max_completion_tokens": 7, "stop": "END", "user": "u",
            "messages": [
                { "role": "developer", "content": "Be brief." },
                { "role": "user", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }], "name": "Ann" },
                { "role": "assistant", "content": "c", "refusal": null, "tool_calls": [] },
                { "role": "user", "content": "d" },
            ],
            "tools": [], "parallel_tool_calls": true, "top_p": 1, "seed": 7, "presence_penalty": 0.0, "x-new": {},
            "response_format": { "type": "json_object" }, "stream": true, "stream_options": { "include_usage": true },
        }));
        assert_eq!(body.ignored(), ["seed"]);
        assert!(body.is_streamed() && body.tells_usage());
        let asked = body.conversation().unwrap();
        assert_eq!(asked.instructions, ["Be brief."]);
        let answer = Turn::Assistant { text: "c".into(), calls: Vec::new() };
        assert_eq!(asked.turns, [Turn::User("a\n\nb".into()), answer, Turn::User("d".into())]);
        assert_eq!((asked.tools, asked.parallel_tool_calls), (Vec::new(), Some(true)));
        assert_eq!((asked.target.as_deref(), asked.max_tokens, asked.temperature), (Some("work"), Some(7), 0.0));
        assert_eq!((asked.stop, asked.session.as_deref()), (vec!["END".to_owned()], Some("u")));
        assert_eq!(asked.form, Some(Form::Object));
    }

    #[test]
    fn what_is_told_of_a_schema_is_kept_and_it_is_strict_only_where_that_is_said() {
        let form = |schema: Value| {
            let format = json!({ "type": "json_schema", "json_schema": schema });
            let messages = json!([{ "role": "user", "content": "a" }]);
            let body = json!({ "model": "auto", "messages": messages, "response_format": format });
            read(body).conversation().unwrap().form
        };
        let schema = json!({ "type": "object", "properties": { "a": {} } });
        let plain = |strict| Form::Schema { schema: schema.clone(), strict, name: None, description: None };
        assert_eq!(form(json!({ "schema": schema })), Some(plain(false)));
        assert_eq!(form(json!({ "schema": schema, "strict": null })), Some(plain(false)));
        assert_eq!(form(json!({ "schema": schema, "strict": true })), Some(plain(true)));
        let (name, description) = (Some("pet".to_owned()), Some("A pet.".to_owned()));
        let expected = Form::Schema { schema: schema.clone(), strict: false, name, description };
        assert_eq!(form(json!({ "schema": schema, "name": "pet", "description": "A pet." })), Some(expected));
        assert_eq!(form(json!({ "name": "pet" })), None);
    }

    #[test]
    fn what_is_left_out_is_as_openai_has_it() {
        let asked = read(json!({ "model": "auto", "messages": [{ "role": "user", "content": "a" }] })).conversation();
        let asked = asked.unwrap();
        assert_eq!((asked.target, asked.max_tokens, asked.temperature), (None, None, 1.0));
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_its_place() {
        let with = |name: &str, value: Value| {
            let mut body = json!({ "model": "auto", "messages": [{ "role": "user", "content": "a" }] });
            body[name] = value;
            read(body).conversation().map_err(|problem| problem.pointer().unwrap_or("").to_owned())
        };
        assert_eq!(with("n", json!(2)).unwrap_err(), "/n");
        assert_eq!(with("functions", json!([{ "name": "f" }])).unwrap_err(), "/functions");
        assert_eq!(with("function_call", json!("auto")).unwrap_err(), "/function_call");
        assert_eq!(with("tool_choice", json!("required")).unwrap_err(), "/tool_choice");
        assert_eq!(with("logprobs", json!(true)).unwrap_err(), "/logprobs");
        assert!(with("logprobs", json!(false)).is_ok() && with("tools", json!([])).is_ok());
        let picture = json!([{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "x" } }] }]);
        assert_eq!(with("messages", picture).unwrap_err(), "/messages/0/content/0/image_url/url");
    }

    #[test]
    fn pictures_are_read_as_the_sdks_write_them() {
        let picture = json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBORw0KGgo=" } });
        let words = |text: &str| json!({ "type": "text", "text": text });
        let user = |content: Value| json!({ "role": "user", "content": content });
        let body = read(json!({ "model": "auto", "messages": [user(json!("a")), user(json!([words("b"), picture]))] }));
        assert_eq!(body.first_picture().as_deref(), Some("/messages/1/content/1"));
        let asked = body.conversation().unwrap();
        let shown = Shown::Picture(Picture::of("data:image/png;base64,iVBORw0KGgo=".into(), None).unwrap());
        let expected = [Turn::User("a".into()), Turn::Showing(vec![Shown::Text("b".into()), shown])];
        assert_eq!(asked.turns, expected);
        let plain = read(json!({ "model": "auto", "messages": [user(json!([words("a"), words("b")]))] }));
        assert_eq!(plain.first_picture(), None);
        let of_a_tool = json!({ "role": "tool", "tool_call_id": "c", "content": [picture] });
        let body =
            read(json!({ "model": "auto", "messages": [user(json!("a")), called("assistant", "c"), of_a_tool] }));
        assert_eq!(body.conversation().unwrap_err().pointer(), Some("/messages/2/content/0"));
    }

    fn called(role: &str, id: &str) -> Value {
        let function = json!({ "name": "read", "arguments": "{}" });
        json!({ "role": role, "content": null, "tool_calls": [{ "id": id, "type": "function", "function": function }] })
    }

    fn answered(id: &str) -> Value {
        json!({ "role": "tool", "tool_call_id": id, "content": "done" })
    }

    #[test]
    fn a_loop_of_tools_is_read_as_the_sdks_write_it() {
        let user = json!({ "role": "user", "content": "Go." });
        let tool = json!({ "type": "function", "function": { "name": "read" } });
        let asked = read(json!({
            "model": "auto", "messages": [user, called("assistant", "c"), answered("c")], "tools": [tool], "tool_choice": "auto",
        }));
        let asked = asked.conversation().unwrap();
        let call = ToolCall { id: "c".into(), name: "read".into(), arguments: "{}".into(), thought: None };
        let expected = |call| {
            [
                Turn::User("Go.".into()),
                Turn::Assistant { text: String::new(), calls: vec![call] },
                Turn::Tool { id: "c".into(), name: "read".into(), text: "done".into() },
            ]
        };
        assert_eq!(asked.turns, expected(call.clone()));
        assert_eq!((asked.tools.len(), asked.parallel_tool_calls), (1, None));
        let mut thinking = called("assistant", "c");
        thinking["reasoning_content"] = json!("hmm");
        let asked = read(json!({ "model": "auto", "messages": [user, thinking, answered("c")] })).conversation();
        let thought = Thought::of(String::new(), "hmm".into());
        assert_eq!(asked.unwrap().turns, expected(ToolCall { thought, ..call }));
    }

    #[test]
    fn thoughts_that_led_to_no_call_are_passed_over() {
        let messages = json!([
            { "role": "user", "content": "Go.", "reasoning_content": "hmm" },
            { "role": "assistant", "content": "Done.", "reasoning_content": "hmm" },
            { "role": "user", "content": "Thanks.", "reasoning_content": null },
        ]);
        let asked = read(json!({ "model": "auto", "messages": messages })).conversation().unwrap();
        let answer = Turn::Assistant { text: "Done.".into(), calls: Vec::new() };
        assert_eq!(asked.turns, [Turn::User("Go.".into()), answer, Turn::User("Thanks.".into())]);
    }

    #[test]
    fn blank_messages_before_the_last_are_left_out() {
        let said = |role: &str, content: Value| json!({ "role": role, "content": content });
        let turns =
            |messages: Value| read(json!({ "model": "auto", "messages": messages })).conversation().unwrap().turns;
        let blank = || said("user", json!(" \n"));
        let user = |text: &str| Turn::User(text.into());
        let answer = Turn::Assistant { text: "b".into(), calls: Vec::new() };
        let messages = json!([
            said("user", json!("a")),
            blank(),
            said("assistant", json!("b")),
            said("user", json!([])),
            said("assistant", json!("")),
            blank(),
            said("user", json!("c")),
        ]);
        assert_eq!(turns(messages), [user("a"), answer, user("c")]);
        // What is asked is asked as it is, so that it is refused where it is nothing.
        assert_eq!(turns(json!([said("user", json!("a")), blank(), blank()])), [user("a"), user(" \n")]);
        assert_eq!(turns(json!([blank()])), [user(" \n")]);
        // In a picture there is something to be seen.
        let picture = json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBORw0KGgo=" } });
        let shown = json!([{ "type": "text", "text": " " }, picture]);
        assert_eq!(turns(json!([said("user", shown), blank(), said("user", json!("c"))])).len(), 2);
    }

    #[test]
    fn calls_and_results_that_do_not_go_together_are_refused_with_their_place() {
        let user = json!({ "role": "user", "content": "Go." });
        let older = json!({ "role": "assistant", "content": null, "function_call": { "name": "f", "arguments": "" } });
        let nameless = json!({ "role": "tool", "content": "x" });
        for (messages, place) in [
            (json!([user, answered("c")]), "/messages/1/tool_call_id"),
            (json!([user, nameless]), "/messages/1/tool_call_id"),
            (json!([user, called("assistant", "c"), answered("d")]), "/messages/2/tool_call_id"),
            (json!([user, answered("c"), called("assistant", "c")]), "/messages/1/tool_call_id"),
            (json!([user, called("assistant", "c")]), "/messages/1"),
            (
                json!([user, { "role": "assistant", "content": "x" }, { "role": "system", "content": "y" }]),
                "/messages/1",
            ),
            (json!([called("user", "c"), user]), "/messages/0/tool_calls"),
            (json!([user, older, user]), "/messages/1/function_call"),
        ] {
            let problem = read(json!({ "model": "auto", "messages": messages })).conversation().unwrap_err();
            assert_eq!(problem.pointer(), Some(place));
        }
    }
}
