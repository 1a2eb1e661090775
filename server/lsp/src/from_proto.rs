//! From the protocol's types to the core's plain data, lenient with numbers that no text can have.
//!
//! A change that cannot be read must never be taken for another one: what is not understood is an error, not a guess.

use engine::syntax::document::Change;
use engine::syntax::text::Position;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The parameters of `textDocument/didChange`.
///
/// Read by our own types: the generated ones take a change with a broken range for a replacement of the whole text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DidChange {
    pub(crate) text_document: VersionedDocument,
    pub(crate) content_changes: Vec<ContentChange>,
}

/// Names a document and one of its versions.
#[derive(Debug, Deserialize)]
pub(crate) struct VersionedDocument {
    pub(crate) uri: String,
    #[serde(default)]
    pub(crate) version: Option<i32>,
}

/// One change; without a range it replaces the whole text.
#[derive(Debug, Deserialize)]
pub(crate) struct ContentChange {
    #[serde(default)]
    range: Option<WireRange>,
    text: String,
}

impl From<ContentChange> for Change {
    fn from(change: ContentChange) -> Self {
        Self { range: change.range.map(|range| (range.start.into(), range.end.into())), text: change.text }
    }
}

/// A range as it comes.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct WireRange {
    pub(crate) start: WirePosition,
    pub(crate) end: WirePosition,
}

/// A position as it comes, which may be out of every range.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct WirePosition {
    #[serde(deserialize_with = "clamped")]
    line: u32,
    #[serde(deserialize_with = "clamped")]
    character: u32,
}

impl From<WirePosition> for Position {
    fn from(position: WirePosition) -> Self {
        Self { line: position.line, character: position.character }
    }
}

fn clamped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let number = number.as_f64().unwrap_or(0.0);
    // A conversion of a float saturates, and there is no other fraction than that of a number written as `3.0`.
    Ok(number as u32)
}

/// A position of the generated types.
pub(crate) fn position(position: lsp_types::Position) -> Position {
    Position { line: position.line, character: position.character }
}

/// A range of the generated types, its ends in order.
pub(crate) fn range(range: lsp_types::Range) -> (Position, Position) {
    let (start, end) = (position(range.start), position(range.end));
    if start <= end { (start, end) } else { (end, start) }
}

/// What a command is about, as editors and users write it: an object, or the same in order without names.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Target {
    pub(crate) uri: Option<String>,
    pub(crate) range: Option<(Position, Position)>,
    pub(crate) style: Option<String>,
    /// The user's words: an instruction, a language, the name of an action.
    pub(crate) words: Option<String>,
    /// What tools found there.
    pub(crate) problems: Vec<GivenProblem>,
}

/// A diagnostic that a command carries.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GivenProblem {
    pub(crate) range: (Position, Position),
    pub(crate) message: String,
    pub(crate) source: String,
}

impl GivenProblem {
    fn read(value: &Value) -> Option<Self> {
        let range = WireRange::deserialize(value.get("range")?).ok()?;
        let message = value.get("message")?;
        let message = message.as_str().or_else(|| message.get("value")?.as_str())?;
        let source = value.get("source").and_then(Value::as_str).unwrap_or("");
        Some(Self {
            range: (range.start.into(), range.end.into()),
            message: message.to_owned(),
            source: source.to_owned(),
        })
    }
}

impl Target {
    /// Reads the arguments of a command; what has no meaning is refused with a sentence.
    pub(crate) fn read(arguments: &[Value]) -> Result<Self, String> {
        let mut target = Self::default();
        for argument in arguments {
            match argument {
                Value::Null => {}
                Value::String(text) if target.uri.is_none() && text.contains(':') => target.uri = Some(text.clone()),
                Value::String(text) => target.style = Some(text.clone()),
                Value::Object(fields) => {
                    let document = fields.get("textDocument").and_then(|document| document.get("uri"));
                    if let Some(uri) = fields.get("uri").or(document) {
                        target.uri = Some(uri.as_str().ok_or("The uri of a command must be a string.")?.to_owned());
                    }
                    if let Some(style) = fields.get("style").filter(|style| !style.is_null()) {
                        target.style =
                            Some(style.as_str().ok_or("The style of a command must be a string.")?.to_owned());
                    }
                    let words = ["instruction", "language", "name"].iter().find_map(|name| fields.get(*name));
                    if let Some(words) = words.filter(|words| !words.is_null()) {
                        target.words =
                            Some(words.as_str().ok_or("The words of a command must be a string.")?.to_owned());
                    }
                    if let Some(list) = fields.get("diagnostics").and_then(Value::as_array) {
                        target.problems = list.iter().filter_map(GivenProblem::read).collect();
                    }
                    let read = |value: &Value| WirePosition::deserialize(value).map(Position::from);
                    let place = if let Some(range) = fields.get("range").filter(|range| !range.is_null()) {
                        WireRange::deserialize(range).map(|range| Some((range.start.into(), range.end.into())))
                    } else if let Some(at) = fields.get("position").filter(|at| !at.is_null()) {
                        read(at).map(|at| Some((at, at)))
                    } else if fields.contains_key("line") {
                        read(argument).map(|at| Some((at, at)))
                    } else if fields.contains_key("start") {
                        WireRange::deserialize(argument).map(|range| Some((range.start.into(), range.end.into())))
                    } else {
                        Ok(None)
                    };
                    let place =
                        place.map_err(|error| format!("The place that a command names cannot be read: {error}."))?;
                    target.range = place.or(target.range);
                }
                other => return Err(format!("A command cannot do anything with the argument {other}.")),
            }
        }
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    #[test]
    fn impossible_numbers_are_clamped_and_a_broken_range_is_no_whole_text() {
        let change = |range: Value| serde_json::from_value::<ContentChange>(json!({ "range": range, "text": "" }));
        let place = |start: Value, end: Value| json!({ "start": start, "end": end });
        let read = change(place(
            json!({ "line": -1, "character": 99_999_999_999_u64 }),
            json!({ "line": 1e30, "character": 3.0 }),
        ));
        assert_eq!(Change::from(read.unwrap()).range, Some((at(0, u32::MAX), at(u32::MAX, 3))));
        assert!(change(json!({ "start": {} })).is_err());
        assert!(change(json!("all")).is_err());
        assert_eq!(Change::from(change(Value::Null).unwrap()).range, None);
    }

    #[test]
    fn a_commands_target_is_read_from_every_common_shape() {
        let uri = Some("file:///a.py".to_owned());
        let expected = Target {
            uri: uri.clone(),
            range: Some((at(1, 2), at(1, 2))),
            style: Some("numpy".to_owned()),
            ..Target::default()
        };
        let position = json!({ "line": 1, "character": 2 });
        for arguments in [
            json!([{ "uri": "file:///a.py", "position": position, "style": "numpy" }]),
            json!([{ "textDocument": { "uri": "file:///a.py" }, "range": { "start": position, "end": position }, "style": "numpy" }]),
            json!(["file:///a.py", position, "numpy"]),
            json!(["file:///a.py", { "start": position, "end": position }, "numpy"]),
            json!([null, { "uri": "file:///a.py" }, { "position": position }, { "style": "numpy" }]),
        ] {
            assert_eq!(Target::read(arguments.as_array().unwrap()), Ok(expected.clone()), "{arguments}");
        }
        assert_eq!(Target::read(&[]), Ok(Target::default()));
        assert!(Target::read(&[json!(7)]).is_err());
        assert!(Target::read(&[json!({ "uri": 7 })]).is_err());
        assert!(Target::read(&[json!({ "position": "here" })]).is_err());
    }
}
