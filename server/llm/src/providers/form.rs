//! The form of an answer, as formats ask for it.

use super::Quirks;
use crate::request::Form;
use serde_json::{Value, json};

/// As chat completions have it.
pub(super) fn response_format(form: &Form, quirks: Quirks) -> Value {
    match named(form) {
        Some(schema) => json!({ "type": "json_schema", "json_schema": schema }),
        None if quirks.no_object => {
            json!({ "type": "json_schema", "json_schema": { "name": "answer", "schema": form.schema(), "strict": false } })
        }
        None => json!({ "type": "json_object" }),
    }
}

/// As OpenAI's responses have it.
pub(super) fn text_format(form: &Form) -> Value {
    match named(form) {
        Some(mut schema) => {
            schema["type"] = json!("json_schema");
            schema
        }
        None => json!({ "type": "json_object" }),
    }
}

/// A schema with what is told of it; nothing where any object will do, which is asked for by another type.
fn named(form: &Form) -> Option<Value> {
    let Form::Schema { schema, strict, name, description } = form else { return None };
    let mut named = json!({ "name": name.as_deref().unwrap_or("answer"), "schema": schema, "strict": strict });
    if let Some(description) = description {
        named["description"] = json!(description);
    }
    Some(named)
}

/// As the end of the instructions, where a format has no field for it.
pub(super) fn in_words(form: &Form) -> String {
    format!("\n\nAnswer with one JSON value that fulfils this JSON Schema, and nothing else: {}", form.schema())
}
