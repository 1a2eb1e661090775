//! Secrets in JSON: in its strings they stand as they are, whatever its quotes and escapes make of them.
//!
//! JSON in which nothing is changed stays byte by byte as it was written.

use super::hidden::Taken;
use super::replace::Replacer;
use super::{Prompt, replaced};
use crate::tools::Thought;
use security::scan::{scan, scan_value};
use serde_json::Value;
use std::borrow::Cow;
use std::cmp::Reverse;

/// Takes secrets out of the texts of one prompt, one after the other.
pub(super) struct Cleaner {
    /// What every placeholder begins with.
    pub open: String,
    /// What was taken out so far.
    pub secrets: Taken,
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

    /// What was found so far to be a secret in any of the texts.
    pub fn known(&self) -> Known {
        let secrets = self.secrets.list().iter();
        let mut secrets: Vec<_> =
            secrets.map(|(placeholder, secret)| (secret.0.clone(), placeholder.clone())).collect();
        // One may stand in another.
        secrets.sort_by_key(|(secret, _)| Reverse(secret.len()));
        Known(Replacer::new(secrets))
    }
}

/// What was found to be a secret anywhere: where it is said again, nothing around it may tell that it is one. A model that was given a
/// placeholder calls a tool with it, the program at the other end gets the secret itself, and says what it did.
pub(super) struct Known(Replacer);

impl Known {
    /// A text without it.
    pub fn text(&self, text: &str) -> String {
        self.0.replace(Cow::Borrowed(text)).into_owned()
    }

    /// Whether any of it is in a text.
    pub fn is_in(&self, text: &str) -> bool {
        self.0.finds(text)
    }

    /// JSON without it; text that is none is taken as it is.
    pub fn json(&self, json: &str) -> String {
        changed(json, |text| self.text(text))
    }

    /// A value without it.
    pub fn value(&self, value: &Value) -> Value {
        with_strings(value, &mut |text| self.text(text))
    }

    /// Thoughts without it.
    pub fn thought(&self, thought: Thought) -> Option<Box<Thought>> {
        let signature = if self.is_in(&thought.signature) { String::new() } else { thought.signature };
        let reasoning = self.text(&thought.reasoning);
        Thought { signature, reasoning, details: details(&thought.details, |list| self.value(list)) }.kept()
    }
}

impl Prompt {
    /// JSON of an answer with the secrets put back where their placeholders stand; text that is none is taken as it is.
    pub(crate) fn restore_json(&self, json: &str) -> String {
        if self.secrets.list().is_empty() {
            return json.to_owned();
        }
        changed(json, |text| self.secrets.restored(text))
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
    use super::super::hidden::Secrets;
    use super::*;
    use serde_json::json;

    const OPEN: &str = "__SECRET_";

    fn key() -> String {
        ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat()
    }

    fn cleaner() -> Cleaner {
        Cleaner { open: OPEN.to_owned(), secrets: Taken::default() }
    }

    /// JSON with what a cleaner took out put back.
    fn back(cleaner: Cleaner, json: &str) -> String {
        let secrets = Secrets::new(cleaner.open, Taken::default(), cleaner.secrets);
        changed(json, |text| secrets.restored(text))
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
        assert_eq!(back(cleaner, &clean), escaped);
    }

    #[test]
    fn a_secret_that_its_field_tells_leaves_whole_whatever_its_characters() {
        for secret in ["aB3$dE6gH9jK2m\"x7", "aB3$dE6\\gH9jK2mQ", "aB3$dE6gH9jK2mQ7"] {
            let json = json!({ "password": secret, "list": [{ "path": "src" }] }).to_string();
            let mut cleaner = cleaner();
            let clean = cleaner.json(&json);
            let value: Value = serde_json::from_str(&clean).unwrap();
            assert_eq!(value["password"], "__SECRET_1__", "{secret}");
            assert_eq!(back(cleaner, &clean), json);
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
