//! What an answer is kept under: a digest of the question and of everything that its answer depends on.
//!
//! Each part is hashed with its length before it, so that no two questions run into the same bytes; nothing is copied together for it.

use crate::request::{Form, Priority, Request};
use crate::tools::ToolChoice;
use blake3::Hasher;
use serde_json::Value;

/// Stands for a question and for everything that its answer depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 32]);

/// Changed when the same question is hashed in another way, so that old answers are not taken for new ones.
const FORM: &[u8] = b"code-agent answer 3";

impl Key {
    /// The key under which a call for a question is joined. What can wait flies alone, so that nobody who waits for an answer has to wait
    /// in its queue.
    #[must_use]
    pub fn of_flight(self, priority: Priority) -> Self {
        let mut bytes = self.0;
        if priority == Priority::Bulk
            && let Some(first) = bytes.first_mut()
        {
            *first ^= 0xff;
        }
        Self(bytes)
    }

    /// The key of a question to one of `models`, in the order in which they would be asked.
    pub fn of<S: AsRef<str>>(request: &Request, models: &[S]) -> Self {
        let mut hasher = Hasher::new();
        part(&mut hasher, FORM);
        number(&mut hasher, models.len() as u64);
        models.iter().for_each(|model| part(&mut hasher, model.as_ref().as_bytes()));
        // With what its placeholders stand for, which is another question though the text is the same, and with its tools.
        hasher.update(request.prompt.digest());
        number(&mut hasher, u64::from(request.max_tokens));
        number(&mut hasher, u64::from(request.temperature.to_bits()));
        number(&mut hasher, request.stop.len() as u64);
        request.stop.iter().for_each(|stop| part(&mut hasher, stop.as_bytes()));
        part(&mut hasher, request.client.as_bytes());
        match &request.form {
            None => number(&mut hasher, 0),
            Some(Form::Object) => number(&mut hasher, 2),
            Some(form @ Form::Schema { schema, .. }) if form.is_only_strict() => {
                number(&mut hasher, 1);
                value(&mut hasher, schema);
            }
            Some(Form::Schema { schema, strict, name, description }) => {
                number(&mut hasher, 3);
                number(&mut hasher, u64::from(*strict));
                for word in [name, description] {
                    number(&mut hasher, u64::from(word.is_some()));
                    part(&mut hasher, word.as_deref().unwrap_or_default().as_bytes());
                }
                value(&mut hasher, schema);
            }
        }
        // Behind all else, so that questions without tools are hashed as ever.
        let (choice, named) = match &request.tool_choice {
            ToolChoice::Auto => ("", ""),
            ToolChoice::None => ("none", ""),
            ToolChoice::Required => ("required", ""),
            ToolChoice::Named(name) => ("named", name.as_str()),
        };
        if !choice.is_empty() || request.parallel_tool_calls.is_some() {
            part(&mut hasher, choice.as_bytes());
            part(&mut hasher, named.as_bytes());
            number(&mut hasher, request.parallel_tool_calls.map_or(2, u64::from));
        }
        if let Some(tokens) = request.will_do {
            part(&mut hasher, b"will do");
            number(&mut hasher, u64::from(tokens));
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// The digest.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest in hexadecimal digits.
    pub fn hex(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }
}

fn number(hasher: &mut Hasher, number: u64) {
    hasher.update(&number.to_le_bytes());
}

fn part(hasher: &mut Hasher, bytes: &[u8]) {
    number(hasher, bytes.len() as u64);
    hasher.update(bytes);
}

/// A value with the keys of all objects in order, whatever order they were built in.
fn value(hasher: &mut Hasher, json: &Value) {
    match json {
        Value::Null => part(hasher, b"null"),
        Value::Bool(true) => part(hasher, b"true"),
        Value::Bool(false) => part(hasher, b"false"),
        Value::Number(digits) => {
            part(hasher, b"number");
            part(hasher, digits.to_string().as_bytes());
        }
        Value::String(text) => {
            part(hasher, b"string");
            part(hasher, text.as_bytes());
        }
        Value::Array(list) => {
            part(hasher, b"list");
            number(hasher, list.len() as u64);
            list.iter().for_each(|item| value(hasher, item));
        }
        Value::Object(map) => {
            part(hasher, b"object");
            number(hasher, map.len() as u64);
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_unstable_by_key(|(name, _)| *name);
            for (name, item) in pairs {
                part(hasher, name.as_bytes());
                value(hasher, item);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{Origin, Part, Prompt, PromptLimits, Turn};
    use crate::tools::Tool;
    use proptest::prelude::*;
    use serde_json::json;
    use std::collections::HashMap;
    use std::sync::Arc;

    fn request(text: &str) -> Request {
        let prompt = Prompt::new(&[Part::Data(Origin::Code, text.into())], PromptLimits::default()).unwrap();
        Request::new(Arc::new(prompt))
    }

    fn key(request: &Request) -> Key {
        Key::of(request, &["m"])
    }

    fn with_tools(tools: &[(&str, &str, Value)]) -> Request {
        let tool = |(name, description, parameters): &(&str, &str, Value)| Tool {
            name: (*name).to_owned(),
            description: (*description).to_owned(),
            parameters: parameters.clone(),
            strict: None,
        };
        let turns = vec![Turn::User("x = 1".into())];
        let tools = tools.iter().map(tool).collect();
        Request::new(Arc::new(Prompt::conversation(&[], turns, tools, PromptLimits::default()).unwrap()))
    }

    #[test]
    fn everything_that_matters_is_in_the_key_and_the_order_of_a_schema_is_not() {
        let base = request("x = 1");
        let strict = |schema: Value| Some(Form::strict(schema));
        let told = |strict: bool, name: Option<&str>, description: Option<&str>| {
            let (name, description) = (name.map(str::to_owned), description.map(str::to_owned));
            let schema = json!({ "type": "object" });
            Request { form: Some(Form::Schema { schema, strict, name, description }), ..base.clone() }
        };
        let one = Request { form: strict(json!({ "a": 1, "b": { "c": 2, "d": 3 } })), ..base.clone() };
        let other: Value = serde_json::from_str(r#"{"b": {"d": 3, "c": 2}, "a": 1}"#).unwrap();
        assert_eq!(key(&one), key(&Request { form: strict(other), ..base.clone() }));
        let different = [
            request("x = 2"),
            Request { max_tokens: 1, ..base.clone() },
            Request { will_do: Some(1), ..base.clone() },
            Request { temperature: 0.5, ..base.clone() },
            Request { stop: vec!["a".into(), "b".into()], ..base.clone() },
            Request { stop: vec!["ab".into()], ..base.clone() },
            Request { prompt: Arc::new(Prompt::fill("x = 1", "", PromptLimits::default()).unwrap()), ..base.clone() },
            Request { prompt: Arc::new(Prompt::fill("x = ", "1", PromptLimits::default()).unwrap()), ..base.clone() },
            Request { client: "other".into(), ..base.clone() },
            Request { tool_choice: ToolChoice::None, ..base.clone() },
            Request { tool_choice: ToolChoice::Required, ..base.clone() },
            Request { tool_choice: ToolChoice::Named("a".into()), ..base.clone() },
            Request { tool_choice: ToolChoice::Named("b".into()), ..base.clone() },
            Request { parallel_tool_calls: Some(false), ..base.clone() },
            Request { parallel_tool_calls: Some(true), ..base.clone() },
            Request { parallel_tool_calls: Some(true), tool_choice: ToolChoice::Required, ..base.clone() },
            with_tools(&[("f", "", json!({}))]),
            with_tools(&[("g", "", json!({}))]),
            with_tools(&[("f", "", json!({ "type": "object" }))]),
            with_tools(&[("f", "It does.", json!({}))]),
            with_tools(&[("f", "", json!({})), ("g", "", json!({}))]),
            Request { form: strict(Value::Null), ..base.clone() },
            Request { form: strict(json!([])), ..base.clone() },
            Request { form: strict(json!({})), ..base.clone() },
            Request { form: strict(json!({ "type": "object" })), ..base.clone() },
            Request { form: Some(Form::Object), ..base.clone() },
            told(false, None, None),
            told(true, Some(""), None),
            told(true, None, Some("")),
            told(true, Some("a"), None),
            told(true, None, Some("a")),
            told(false, Some("a"), None),
            one,
        ];
        let models: [&[&str]; 5] = [&["m"], &["n"], &["m", "n"], &["n", "m"], &["mn"]];
        let of_models = models.into_iter().map(|models| Key::of(&base, models));
        let mut keys: Vec<Key> = different.iter().map(key).chain(of_models).collect();
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count);
        let secret =
            |tail: &str| request(&format!("t = \"{}{tail}\"", ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5U"].concat()));
        assert_ne!(key(&secret("oI")), key(&secret("oJ")), "two secrets are two questions");
    }

    /// Any JSON value, not too deep.
    fn schema() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map("\\PC{0,4}", inner, 0..5)
                    .prop_map(|map: HashMap<String, Value>| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// The same value, each object written with its keys the other way round and read again.
    fn turned_round(value: &Value) -> String {
        match value {
            Value::Object(map) => {
                let pairs: Vec<_> =
                    map.iter().rev().map(|(name, item)| format!("{}: {}", json!(name), turned_round(item))).collect();
                format!("{{ {} }}", pairs.join(" , "))
            }
            Value::Array(list) => format!("[{}]", list.iter().map(turned_round).collect::<Vec<_>>().join(", ")),
            leaf => leaf.to_string(),
        }
    }

    proptest! {
        #[test]
        fn one_value_has_one_key_and_two_have_two(one in schema(), other in schema()) {
            let of = |value: &Value| key(&Request { form: Some(Form::strict(value.clone())), ..request("x") });
            let again: Value = serde_json::from_str(&turned_round(&one)).unwrap();
            prop_assert_eq!(of(&one), of(&again));
            prop_assert_eq!(of(&one) == of(&other), one == other);
        }

        #[test]
        fn no_two_questions_run_together(
            one in prop::array::uniform4("\\PC{0,3}"), other in prop::array::uniform4("\\PC{0,3}"),
        ) {
            let of = |[system, user, client, model]: &[String; 4]| {
                let parts = [Part::Instruction(system.clone()), Part::Data(Origin::Question, format!("?{user}"))];
                let prompt = Prompt::new(&parts, PromptLimits::default()).unwrap();
                let said = (prompt.system().to_owned(), prompt.user().to_owned());
                let key = Key::of(&Request { client: client.clone(), ..Request::new(Arc::new(prompt)) }, &[model]);
                (key, (said, client.clone(), model.clone()))
            };
            let ((first, means), (second, also)) = (of(&one), of(&other));
            prop_assert_eq!(first == second, means == also);
        }
    }
}
