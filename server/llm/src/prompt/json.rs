//! Secrets in JSON: in its strings they stand as they are, whatever its quotes and escapes make of them.
//!
//! JSON in which nothing is changed stays byte by byte as it was written.

use super::{Hidden, Prompt, replaced, restored};
use crate::tools::Thought;
use security::scan::{scan, scan_value};
use serde_json::Value;

/// Takes secrets out of the texts of one prompt, one after the other.
pub(super) struct Cleaner {
    /// What every placeholder begins with.
    pub open: String,
    /// What was taken out so far.
    pub secrets: Vec<(String, Hidden)>,
}

impl Cleaner {
    /// A text without its secrets.
    pub fn text(&mut self, text: &str) -> String {
        replaced(text, scan(text).into_iter().map(|found| found.range), &self.open, 0, &mut self.secrets)
    }

    /// A value without the secrets in its strings.
    pub fn value(&mut self, value: &Value) -> Value {
        with_strings(value, &mut |text| self.text(text))
    }

    /// JSON without its secrets; text that is none is taken as it is.
    pub fn json(&mut self, json: &str) -> String {
        let Ok(value) = serde_json::from_str::<Value>(json) else { return self.text(json) };
        let new = self.named(&value);
        if new == value { json.to_owned() } else { new.to_string() }
    }

    /// A value without the secrets in its strings, some of which are known by the names of their fields only.
    fn named(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let clean = fields.iter().map(|(name, item)| {
                    let item = match item {
                        Value::String(text) => Value::String(self.under(name, text)),
                        item => self.named(item),
                    };
                    (self.text(name), item)
                });
                Value::Object(clean.collect())
            }
            Value::Array(list) => Value::Array(list.iter().map(|item| self.named(item)).collect()),
            value => self.value(value),
        }
    }

    /// The text of a field without its secrets.
    fn under(&mut self, name: &str, text: &str) -> String {
        let clean = self.text(text);
        // Placeholders are no secrets, however they look.
        let found = if clean.contains(&self.open) { None } else { scan_value(name, &clean) };
        replaced(&clean, found.map(|found| found.range), &self.open, 0, &mut self.secrets)
    }

    /// Thoughts without their secrets. What only a provider can read is told as it came or not at all, since nothing in it can be replaced.
    pub fn thought(&mut self, thought: Thought) -> Option<Box<Thought>> {
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte);
        let is_opaque = thought.signature.bytes().all(is_fine) && scan(&thought.signature).is_empty();
        let signature = if is_opaque { thought.signature } else { String::new() };
        let reasoning = self.text(&thought.reasoning);
        Thought { signature, reasoning, details: details(&thought.details, |list| self.value(list)) }.kept()
    }

    /// The same without what was found to be a secret anywhere.
    pub fn known_thought(&self, thought: Thought) -> Option<Box<Thought>> {
        let signature = if self.has_known(&thought.signature) { String::new() } else { thought.signature };
        let reasoning = self.known(&thought.reasoning);
        Thought { signature, reasoning, details: details(&thought.details, |list| self.known_value(list)) }.kept()
    }

    /// A text without what was found to be a secret anywhere: where it is said again, nothing around it may tell that it is one. A model that
    /// was given a placeholder calls a tool with it, the program at the other end gets the secret itself, and says what it did.
    pub fn known(&self, text: &str) -> String {
        let mut secrets: Vec<_> = self.secrets.iter().collect();
        // One may stand in another.
        secrets.sort_by_key(|(_, secret)| std::cmp::Reverse(secret.0.len()));
        secrets.into_iter().fold(text.to_owned(), |text, (placeholder, secret)| text.replace(&secret.0, placeholder))
    }

    /// Whether a text has anything in it that was found to be a secret anywhere.
    pub fn has_known(&self, text: &str) -> bool {
        self.secrets.iter().any(|(_, secret)| text.contains(&secret.0))
    }

    /// JSON without what was found to be a secret anywhere; text that is none is taken as it is.
    pub fn known_json(&self, json: &str) -> String {
        changed(json, |text| self.known(text))
    }

    /// The same for a value.
    pub fn known_value(&self, value: &Value) -> Value {
        with_strings(value, &mut |text| self.known(text))
    }
}

impl Prompt {
    /// JSON of an answer with the secrets put back where their placeholders stand; text that is none is taken as it is.
    pub(crate) fn restore_json(&self, json: &str) -> String {
        if self.secrets.is_empty() {
            return json.to_owned();
        }
        changed(json, |text| restored(&self.secrets, text))
    }

    /// JSON of an answer with placeholders where its secrets are, for keeping it.
    pub(crate) fn hidden_json(&self, json: &str) -> String {
        changed(json, |text| self.hidden(text))
    }
}

/// A list of thoughts with other strings. What only a provider can read has to stay as it is, so that without it there is nothing to tell.
fn details(json: &str, change: impl FnOnce(&Value) -> Value) -> String {
    const OPAQUE: [&str; 2] = ["data", "signature"];
    let Ok(list) = serde_json::from_str::<Value>(json) else { return String::new() };
    let new = change(&list);
    let items = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let is_same = |(one, other): (Value, Value)| OPAQUE.iter().all(|name| one.get(*name) == other.get(*name));
    match new == list {
        true => json.to_owned(),
        false if items(&list).into_iter().zip(items(&new)).all(is_same) => new.to_string(),
        false => String::new(),
    }
}

/// JSON with other strings. What is no JSON is one text.
fn changed(json: &str, mut change: impl FnMut(&str) -> String) -> String {
    let Ok(value) = serde_json::from_str::<Value>(json) else { return change(json) };
    let new = with_strings(&value, &mut change);
    if new == value { json.to_owned() } else { new.to_string() }
}

/// A value with other strings, the names of fields among them. It is no deeper than what was read or held against a schema.
fn with_strings(value: &Value, change: &mut dyn FnMut(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(text)),
        Value::Array(list) => Value::Array(list.iter().map(|item| with_strings(item, change)).collect()),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, item)| (change(name), with_strings(item, change))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const OPEN: &str = "__SECRET_";

    fn key() -> String {
        ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat()
    }

    fn cleaner() -> Cleaner {
        Cleaner { open: OPEN.to_owned(), secrets: Vec::new() }
    }

    #[test]
    fn secrets_leave_json_wherever_they_stand_and_come_back() {
        let escaped = json!({ "cmd": format!("say \"{}\"\n", key()), "list": [key()], key(): 1 }).to_string();
        let mut cleaner = cleaner();
        let clean = cleaner.json(&escaped);
        assert!(
            !clean.contains(&key()) && clean.contains("__SECRET_1__") && !clean.contains("__SECRET_2__"),
            "{clean}"
        );
        let back = changed(&clean, |text| restored(&cleaner.secrets, text));
        assert_eq!(back, escaped);
    }

    #[test]
    fn a_secret_that_its_field_tells_leaves_whole_whatever_its_characters() {
        for secret in ["aB3$dE6gH9jK2m\"x7", "aB3$dE6\\gH9jK2mQ", "aB3$dE6gH9jK2mQ7"] {
            let json = json!({ "password": secret, "list": [{ "path": "src" }] }).to_string();
            let mut cleaner = cleaner();
            let clean = cleaner.json(&json);
            let value: Value = serde_json::from_str(&clean).unwrap();
            assert_eq!(value["password"], "__SECRET_1__", "{secret}");
            assert_eq!(changed(&clean, |text| restored(&cleaner.secrets, text)), json);
        }
    }

    #[test]
    fn json_without_any_stays_as_it_was_written() {
        for text in ["{ \"a\" : 1.50, \"b\": 12345678901234567890123 }", "[]", "not {json", "", "\"a\\u0041\""] {
            assert_eq!(cleaner().json(text), text);
        }
    }

    #[test]
    fn text_that_is_no_json_loses_its_secrets_too() {
        let mut cleaner = cleaner();
        let clean = cleaner.json(&format!("{{\"cut\": \"{}", key()));
        assert_eq!(clean, "{\"cut\": \"__SECRET_1__");
        assert_eq!(cleaner.value(&json!({ "default": [key()] })), json!({ "default": ["__SECRET_1__"] }));
    }
}
