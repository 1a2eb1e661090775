//! Tools and calls of them in OpenAI's format. The older form, `functions`, is refused elsewhere.

use crate::error::{Kind, Problem};
use engine::converse::{Thought, Tool, ToolCall, ToolChoice};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A tool that the model may call.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChatTool)]
pub(super) struct ToolEntry {
    /// Always `function`.
    #[schema(pattern = "^function$", example = "function")]
    r#type: String,
    /// What it is.
    function: FunctionEntry,
}

/// What a tool is.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChatFunction)]
struct FunctionEntry {
    /// Its name.
    #[schema(pattern = "^[a-zA-Z0-9_.:-]{1,128}$", example = "read_file")]
    name: String,
    /// What it does, for the model.
    description: Option<String>,
    /// The JSON Schema of its arguments; none where it is left out.
    #[schema(value_type = Option<Object>)]
    parameters: Option<Value>,
    /// Whether the arguments must fulfil the schema to the letter.
    strict: Option<bool>,
}

/// Whether the model is to call tools: as it likes where it is left out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ChatToolChoice)]
pub(super) enum ChoiceEntry {
    /// Whether at all.
    Word(ChoiceWord),
    /// This one.
    One(NamedTool),
}

/// Whether tools are called at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ChatToolChoiceWord)]
pub(super) enum ChoiceWord {
    /// As the model likes.
    Auto,
    /// Never.
    None,
    /// At least one.
    Required,
}

/// The one tool that is to be called.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChatNamedTool)]
pub(super) struct NamedTool {
    /// Always `function`.
    #[schema(pattern = "^function$", example = "function")]
    r#type: String,
    /// Which one.
    function: NamedFunction,
}

/// The name of a tool.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ChatNamedFunction)]
struct NamedFunction {
    /// It.
    #[schema(max_length = 128, example = "read_file")]
    name: String,
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[schema(as = ChatToolCall)]
pub(super) struct CallEntry {
    /// The name of the call, by which its result is told.
    #[schema(min_length = 1, max_length = 500, example = "call_0")]
    id: String,
    /// Always `function`.
    #[schema(pattern = "^function$", example = "function")]
    r#type: String,
    /// What is called.
    function: CalledFunction,
    /// What the provider of the model attached to the call. It is to stand at the call again when the conversation goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<ExtraContent>,
}

/// What a provider attached to a call.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[schema(as = ChatExtraContent)]
struct ExtraContent {
    /// What Google's models attach.
    google: Option<GoogleContent>,
}

/// What Google's models attach to a call.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[schema(as = ChatGoogleContent)]
struct GoogleContent {
    /// What the model thought before the call, for itself to read: its newer generations think less well without.
    #[schema(max_length = 100_000, example = "c2lnbmVk")]
    thought_signature: Option<String>,
}

/// What is called.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[schema(as = ChatCalledFunction)]
struct CalledFunction {
    /// The name of the tool.
    #[schema(min_length = 1, max_length = 128, example = "read_file")]
    name: String,
    /// The arguments as the model wrote them, as a rule JSON.
    #[schema(example = "{\"path\": \"README.md\"}")]
    arguments: String,
}

/// What the model thought before it called tools, as it stands in its message.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Thoughts {
    /// In words.
    pub reasoning: Option<String>,
    /// In OpenRouter's form.
    pub details: Option<Vec<Value>>,
}

impl Thoughts {
    /// These, and what they lack of others.
    pub fn or(self, others: Self) -> Self {
        Self { reasoning: self.reasoning.or(others.reasoning), details: self.details.or(others.details) }
    }
}

impl CallEntry {
    /// The call with what the model thought before it.
    fn with_thoughts(self, thoughts: Thoughts) -> ToolCall {
        let google = self.extra_content.and_then(|extra| extra.google);
        let signature = google.and_then(|google| google.thought_signature).unwrap_or_default();
        let Thoughts { reasoning, details } = thoughts;
        let details = details.filter(|list| !list.is_empty());
        let details = details.map(|list| Value::Array(list).to_string()).unwrap_or_default();
        let thought = Thought { signature, reasoning: reasoning.unwrap_or_default(), details }.kept();
        ToolCall { id: self.id, name: self.function.name, arguments: self.function.arguments, thought }
    }

    /// A call of the model, and what it thought before it, where it is to be told that again.
    pub fn told(call: ToolCall) -> (Self, Thoughts) {
        let Thought { signature, reasoning, details } = call.thought.map(|thought| *thought).unwrap_or_default();
        let google = Some(GoogleContent { thought_signature: Some(signature) });
        let entry = Self {
            id: call.id,
            r#type: "function".to_owned(),
            function: CalledFunction { name: call.name, arguments: call.arguments },
            extra_content: Some(ExtraContent { google }).filter(ExtraContent::says_anything),
        };
        let reasoning = Some(reasoning).filter(|reasoning| !reasoning.is_empty());
        (entry, Thoughts { reasoning, details: serde_json::from_str(&details).ok() })
    }
}

impl ExtraContent {
    fn says_anything(&self) -> bool {
        let signature = self.google.as_ref().and_then(|google| google.thought_signature.as_ref());
        signature.is_some_and(|signature| !signature.is_empty())
    }
}

/// The tools that may be called, and whether they are to be.
///
/// # Errors
/// If two have one name, or one is to be called that is not there.
pub(super) fn offered(
    entries: Option<Vec<ToolEntry>>,
    choice: Option<ChoiceEntry>,
) -> Result<(Vec<Tool>, ToolChoice), Problem> {
    let mut names = FxHashSet::default();
    let mut tools = Vec::new();
    for (number, ToolEntry { r#type, function }) in entries.unwrap_or_default().into_iter().enumerate() {
        check_type(&r#type).map_err(|problem| problem.at(format!("/tools/{number}/type")))?;
        if !names.insert(function.name.clone()) {
            let said = format!("There are two tools of the name `{}`.", function.name);
            return Err(Problem::new(Kind::Refused, said).at(format!("/tools/{number}/function/name")));
        }
        tools.push(Tool {
            name: function.name,
            description: function.description.unwrap_or_default(),
            parameters: function.parameters.unwrap_or_default(),
            strict: function.strict,
        });
    }
    let choice = match choice {
        None | Some(ChoiceEntry::Word(ChoiceWord::Auto)) => ToolChoice::Auto,
        Some(ChoiceEntry::Word(ChoiceWord::None)) => ToolChoice::None,
        Some(ChoiceEntry::Word(ChoiceWord::Required)) if tools.is_empty() => {
            let said = "`tool_choice` wants a tool to be called, and there is none.";
            return Err(Problem::new(Kind::Refused, said).at("/tool_choice"));
        }
        Some(ChoiceEntry::Word(ChoiceWord::Required)) => ToolChoice::Required,
        Some(ChoiceEntry::One(NamedTool { r#type, function })) => {
            check_type(&r#type).map_err(|problem| problem.at("/tool_choice/type"))?;
            if !names.contains(&function.name) {
                let said = format!("`tool_choice` names the tool `{}`, and there is none of that name.", function.name);
                return Err(Problem::new(Kind::Refused, said).at("/tool_choice/function/name"));
            }
            ToolChoice::Named(function.name)
        }
    };
    Ok((tools, choice))
}

/// Only functions are called; the schema says so too.
fn check_type(name: &str) -> Result<(), Problem> {
    match name {
        "function" => Ok(()),
        _ => Err(Problem::new(Kind::Refused, "Only tools of the type `function` go through this service.")),
    }
}

/// The calls in a message of the model, which is at this place, and what it thought before the first of them.
///
/// # Errors
/// If one calls something else than a function.
pub(super) fn called(
    entries: Option<Vec<CallEntry>>,
    mut thoughts: Thoughts,
    at: &str,
) -> Result<Vec<ToolCall>, Problem> {
    let mut calls = Vec::new();
    for (number, entry) in entries.unwrap_or_default().into_iter().enumerate() {
        check_type(&entry.r#type).map_err(|problem| problem.at(format!("{at}/tool_calls/{number}/type")))?;
        calls.push(entry.with_thoughts(std::mem::take(&mut thoughts)));
    }
    Ok(calls)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(tools: Value, choice: Value) -> Result<(Vec<Tool>, ToolChoice), String> {
        let (tools, choice) = (serde_json::from_value(tools).unwrap(), serde_json::from_value(choice).unwrap());
        offered(tools, choice).map_err(|problem| problem.pointer().unwrap_or("").to_owned())
    }

    fn tool(name: &str) -> Value {
        json!({ "type": "function", "function": { "name": name } })
    }

    #[test]
    fn tools_are_read_as_the_sdks_write_them() {
        let parameters = json!({ "type": "object", "properties": {} });
        let full = json!({ "type": "function", "function": {
            "name": "f", "description": "It does.", "parameters": parameters, "strict": true, "new": 1 } });
        let (tools, choice) = read(json!([full, tool("g")]), json!("auto")).unwrap();
        assert_eq!(choice, ToolChoice::Auto);
        let expected = [
            Tool { name: "f".into(), description: "It does.".into(), parameters, strict: Some(true) },
            Tool { name: "g".into(), description: String::new(), parameters: Value::Null, strict: None },
        ];
        assert_eq!(tools, expected);
        assert_eq!(read(Value::Null, Value::Null).unwrap(), (Vec::new(), ToolChoice::Auto));
        assert_eq!(read(json!([tool("f")]), json!("none")).unwrap().1, ToolChoice::None);
        assert_eq!(read(json!([tool("f")]), json!("required")).unwrap().1, ToolChoice::Required);
        assert_eq!(read(json!([tool("f")]), tool("f")).unwrap().1, ToolChoice::Named("f".into()));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_place() {
        assert_eq!(read(json!([tool("f"), tool("f")]), Value::Null).unwrap_err(), "/tools/1/function/name");
        assert_eq!(read(json!([tool("f")]), tool("g")).unwrap_err(), "/tool_choice/function/name");
        assert_eq!(read(json!([]), json!("required")).unwrap_err(), "/tool_choice");
        let custom = json!([{ "type": "custom", "function": { "name": "f" } }]);
        assert_eq!(read(custom, Value::Null).unwrap_err(), "/tools/0/type");
        let other = json!({ "type": "custom", "function": { "name": "f" } });
        assert_eq!(read(json!([tool("f")]), other).unwrap_err(), "/tool_choice/type");
    }

    #[test]
    fn a_call_is_the_same_in_both_directions() {
        let call = json!({ "id": "c", "type": "function", "function": { "name": "f", "arguments": "{\"a\":1}" } });
        let read = |call: &Value, reasoning: Option<&str>, details: Option<Vec<Value>>| {
            let thoughts = Thoughts { reasoning: reasoning.map(str::to_owned), details };
            called(serde_json::from_value(json!([call])).unwrap(), thoughts, "/messages/1")
        };
        let calls = read(&call, None, None).unwrap();
        let plain = ToolCall { id: "c".into(), name: "f".into(), arguments: "{\"a\":1}".into(), thought: None };
        assert_eq!(calls, std::slice::from_ref(&plain));
        let (entry, thoughts) = CallEntry::told(plain.clone());
        assert_eq!((json!(entry), thoughts), (call.clone(), Thoughts::default()));
        let mut signed = call.clone();
        signed["extra_content"] = json!({ "google": { "thought_signature": "c2lnbmVk" } });
        let list = vec![json!({ "type": "reasoning.encrypted", "data": "b3BhcXVl", "index": 0 })];
        let thought = Thought {
            signature: "c2lnbmVk".into(),
            reasoning: "It may rain.".into(),
            details: json!(list).to_string(),
        };
        let calls = read(&signed, Some("It may rain."), Some(list.clone())).unwrap();
        assert_eq!(calls, [ToolCall { thought: thought.kept(), ..plain.clone() }]);
        let (entry, thoughts) = CallEntry::told(calls[0].clone());
        let expected = Thoughts { reasoning: Some("It may rain.".into()), details: Some(list) };
        assert_eq!((json!(entry), thoughts), (signed.clone(), expected));
        assert_eq!(read(&call, None, Some(Vec::new())).unwrap(), std::slice::from_ref(&plain));
        // What is of nobody who is known here is passed over.
        for extra in
            [json!(null), json!({}), json!({ "other": 1 }), json!({ "google": null }), json!({ "google": { "x": 1 } })]
        {
            signed["extra_content"] = extra;
            assert_eq!(read(&signed, None, None).unwrap(), std::slice::from_ref(&plain));
        }
        let custom = json!([{ "id": "c", "type": "custom", "function": { "name": "f", "arguments": "" } }]);
        let problem = called(serde_json::from_value(custom).unwrap(), Thoughts::default(), "/messages/1").unwrap_err();
        assert_eq!(problem.pointer(), Some("/messages/1/tool_calls/0/type"));
    }
}
