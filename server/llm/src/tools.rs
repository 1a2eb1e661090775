//! Tools that a model may call, and its calls of them: plain data. Nothing here calls a tool; whoever asks does, and tells what came of it.

use serde_json::{Value, json};

/// A tool that a model may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does; empty where nobody says.
    pub description: String,
    /// The JSON Schema of its arguments; null where it takes none.
    pub parameters: Value,
    /// Whether the arguments must fulfil the schema to the letter, where a format has a place for that.
    pub strict: Option<bool>,
}

impl Tool {
    /// Bytes of its texts, those in its schema among them, without writing the schema down.
    pub fn bytes(&self) -> usize {
        self.name.len() + self.description.len() + bytes_in(&self.parameters)
    }

    /// The schema of its arguments as all formats take it: that of an object.
    pub(crate) fn schema(&self) -> Value {
        let mut schema = self.parameters.clone();
        match schema.as_object_mut() {
            Some(fields) if fields.contains_key("type") => {}
            Some(fields) => {
                fields.insert("type".to_owned(), json!("object"));
                fields.entry("properties").or_insert_with(|| json!({}));
            }
            None => schema = json!({ "type": "object", "properties": {} }),
        }
        schema
    }
}

/// Bytes of the strings in a value, the names of fields among them. It is no deeper than what was read.
fn bytes_in(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(bytes_in).sum(),
        Value::Object(fields) => fields.iter().map(|(name, item)| name.len() + bytes_in(item)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// A call of a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// Its name, by which the result is told.
    pub id: String,
    /// The name of the tool.
    pub name: String,
    /// The arguments, as the model wrote them: JSON, if it kept to what it was told.
    pub arguments: String,
    /// What the model thought before it, where its provider wants that back with the call.
    pub thought: Option<Box<Thought>>,
}

impl ToolCall {
    /// Every text of it.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let thoughts =
            self.thought.iter().flat_map(|thought| [&thought.signature, &thought.reasoning, &thought.details]);
        [&self.id, &self.name, &self.arguments].into_iter().chain(thoughts).map(String::as_str)
    }
}

/// What a model thought before it called a tool. Some providers refuse to go on with a conversation in which it is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thought {
    /// The thoughts in a form that only the provider can read; empty where it gave none.
    pub signature: String,
    /// The thoughts in words, at the first call of a turn; empty where nobody wants them back.
    pub reasoning: String,
    /// The thoughts as OpenRouter tells those of all its models, at the first call of a turn: a list in JSON, or empty.
    pub details: String,
}

impl Thought {
    /// Both, or nothing where both are empty.
    pub fn of(signature: String, reasoning: String) -> Option<Box<Self>> {
        Self { signature, reasoning, details: String::new() }.kept()
    }

    /// Itself, or nothing where all of it is empty.
    pub fn kept(self) -> Option<Box<Self>> {
        let is_there = [&self.signature, &self.reasoning, &self.details].into_iter().any(|part| !part.is_empty());
        is_there.then(|| Box::new(self))
    }
}

/// Whether a model is to call tools.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// As it likes.
    #[default]
    Auto,
    /// It must not.
    None,
    /// It must call one.
    Required,
    /// It must call the one of this name.
    Named(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_always_an_object() {
        let schema = |parameters: Value| {
            Tool { name: "f".into(), description: String::new(), parameters, strict: None }.schema()
        };
        let nothing = json!({ "type": "object", "properties": {} });
        assert_eq!(schema(Value::Null), nothing);
        assert_eq!(schema(json!({})), nothing);
        let own = json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"] });
        assert_eq!(schema(own.clone()), own);
        let untyped = schema(json!({ "properties": { "a": {} } }));
        assert_eq!(untyped, json!({ "properties": { "a": {} }, "type": "object" }));
    }
}
