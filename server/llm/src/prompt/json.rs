//! Secrets in JSON: in its strings they stand as they are, whatever its quotes and escapes make of them.
//!
//! JSON in which nothing is changed stays byte by byte as it was written.

use super::{Hidden, Prompt, replaced, restored};
use security::scan::scan;
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
        let json = changed(json, |text| self.text(text));
        // Some are known by the name before them, which stands in another string. Placeholders are no secrets, however they look.
        let is_new = |found: &str| !found.contains(&self.open);
        let found = scan(&json).into_iter().map(|found| found.range);
        let found: Vec<_> = found.filter(|range| json.get(range.clone()).is_some_and(is_new)).collect();
        replaced(&json, found, &self.open, 0, &mut self.secrets)
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
