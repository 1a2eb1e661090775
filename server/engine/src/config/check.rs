//! What is wrong with a layer of settings, told by key and by what is allowed there.

use super::sections::Settings;
use serde_json::{Map, Value};

/// What is wrong with a layer: the key, and what is allowed there.
pub(super) fn check(layer: &Value) -> Result<(), String> {
    if layer.is_null() {
        return Ok(());
    }
    let parsed = match serde_json::from_value::<Settings>(layer.clone()) {
        Ok(settings) => settings,
        Err(whole) => return Err(blame(layer).unwrap_or_else(|| whole.to_string())),
    };
    let rules = parsed.analysis.problems();
    match rules.first() {
        Some(problem) => Err(format!("`analysis.rules`: {}", problem.trim_end_matches('.'))),
        None if !(40..=400).contains(&parsed.docs.width) => {
            Err("`docs.width`: a number from 40 to 400 is expected".into())
        }
        None if parsed.limits.deadline_ms == 0 => Err("`limits.deadline-ms`: a number above 0 is expected".into()),
        None if parsed.limits.max_file_size < 1024 => {
            Err("`limits.max-file-size`: a number from 1024 on is expected".into())
        }
        None => Ok(()),
    }
}

/// Finds the first key that is wrong by trying each alone, since the error of the whole does not name it.
fn blame(layer: &Value) -> Option<String> {
    let alone = |section: &str, value: Value| serde_json::from_value::<Settings>(Value::Object(object(section, value)));
    for (section, content) in layer.as_object()? {
        let Value::Object(keys) = content else {
            match alone(section, content.clone()) {
                Ok(_) => continue,
                Err(error) => return Some(format!("`{section}`: {error}")),
            }
        };
        if let Err(error) = alone(section, Value::Object(Map::new())) {
            return Some(format!("`{section}`: {error}"));
        }
        for (key, value) in keys {
            if let Err(error) = alone(section, Value::Object(object(key, value.clone()))) {
                return Some(
                    blame_entry(section, key, value, &alone).unwrap_or_else(|| format!("`{section}.{key}`: {error}")),
                );
            }
        }
    }
    None
}

/// The same one level further down, for tables such as `analysis.rules`.
fn blame_entry(
    section: &str,
    key: &str,
    value: &Value,
    alone: &dyn Fn(&str, Value) -> serde_json::Result<Settings>,
) -> Option<String> {
    value.as_object()?.iter().find_map(|(name, value)| {
        let nested = Value::Object(object(key, Value::Object(object(name, value.clone()))));
        let problem = alone(section, nested).err()?;
        // Rules are the only table with several shapes, and the derived message says nothing of use for it.
        let allowed = if key == "rules" {
            "expected `off`, `on`, `error`, `warning`, `info`, `hint`, or a table with `level` and the rule's options"
                .to_string()
        } else {
            problem.to_string()
        };
        Some(format!("`{section}.{key}.{name}`: {allowed}"))
    })
}

pub(super) fn object(key: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(key.to_string(), value)])
}
