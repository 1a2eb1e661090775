//! The commands that a client can have executed: their names, and how they are read and written.
//!
//! Names and arguments are made for people who type them into an editor's settings; the core has commands of its own.

use crate::from_proto::{GivenProblem, Target};
use engine::actions::fix::Problem;
use engine::answers::{Command, Offer};
use engine::ask::{Ask, AskKind};
use engine::syntax::text::Position;
use lsp_types::Position as LspPosition;
use serde_json::{Value, json};

/// What stands before every command's name.
const PREFIX: &str = "code-agent.";

/// The commands by their short names.
const NAMES: [&str; 20] = [
    "apply",
    "document",
    "documentFile",
    "documentWorkspace",
    "updateDocs",
    "fixAll",
    "convertStyle",
    "ask",
    "documentWithModel",
    "explain",
    "fix",
    "refactor",
    "writeTests",
    "review",
    "translate",
    "custom",
    "answer",
    "showLast",
    STATUS,
    STATS,
];

/// Commands that change nothing.
const STATS: &str = "stats";
const STATUS: &str = "status";
const READING: [&str; 5] = [STATS, STATUS, "showLast", "explain", "review"];

/// The names as a client calls them; where it applies no edits, of those that make none.
pub(crate) fn names(applies_edits: bool) -> Vec<String> {
    NAMES.into_iter().filter(|name| applies_edits || READING.contains(name)).map(full_name).collect()
}

/// A name as a client calls it.
pub(crate) fn full_name(short: &str) -> String {
    format!("{PREFIX}{short}")
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Task {
    /// Something that ends in an edit.
    Edit(Command),
    /// Something that a model does.
    Ask(Ask),
    /// Answer the conversation in a document.
    Answer(String),
    /// Show what was last asked of a model.
    ShowLast,
    /// Tell how the models are.
    Status,
    /// Tell the measures.
    Stats,
}

/// Reads a command. `fallback` is the document that is meant where none is named; `offset` turns a position in a document into bytes.
pub(crate) fn read(
    name: &str,
    arguments: &[Value],
    fallback: Option<String>,
    offset: impl Fn(&str, Position) -> Option<usize>,
) -> Result<Task, String> {
    let short = name.strip_prefix(PREFIX).unwrap_or(name);
    match short {
        STATS => return Ok(Task::Stats),
        STATUS => return Ok(Task::Status),
        "showLast" => return Ok(Task::ShowLast),
        "ask" => {
            let ask = serde_json::from_value::<Ask>(arguments.first().cloned().unwrap_or_default());
            return ask.map(Task::Ask).map_err(|error| format!("What is to be asked cannot be read: {error}."));
        }
        _ => {}
    }
    if short == "apply" {
        let offer = arguments.first().cloned().unwrap_or_default();
        return match serde_json::from_value::<Offer>(offer) {
            Ok(offer) => Ok(Task::Edit(Command::Apply { offer })),
            Err(error) => Err(format!("The offer to be applied cannot be read: {error}.")),
        };
    }
    if !NAMES.contains(&short) {
        return Err(format!("There is no command {name}; there are {}.", names(true).join(", ")));
    }
    let target = Target::read(arguments)?;
    if short == "documentWorkspace" {
        return Ok(Task::Edit(Command::DocumentWorkspace));
    }
    let uri = target.uri.or(fallback).ok_or_else(|| format!("{name} needs the uri of a document."))?;
    let at = |position| {
        offset(&uri, position)
            .ok_or_else(|| format!("{uri} is not open, so no place in it can be named; open it first."))
    };
    let place = match target.range {
        Some((start, end)) => Some((at(start)?, at(end)?)),
        None => None,
    };
    if short == "answer" {
        return Ok(Task::Answer(uri));
    }
    if let Some(kind) = ask_kind(short) {
        let (start, end) = place.unwrap_or_default();
        let words = target.words.unwrap_or_default();
        let problem = |given: &GivenProblem| {
            let (start, end) = given.range;
            Ok(Problem {
                start: at(start)?,
                end: at(end)?,
                message: given.message.clone(),
                source: given.source.clone(),
            })
        };
        let problems = target.problems.iter().map(problem).collect::<Result<_, String>>()?;
        return Ok(Task::Ask(Ask {
            kind,
            uri,
            revision: 0,
            start: start.min(end),
            end: start.max(end),
            words,
            problems,
        }));
    }
    let offset = place.map(|(start, _)| start);
    Ok(Task::Edit(match short {
        "document" => match place {
            Some((start, end)) if start == end => Command::DocumentSymbol { uri, offset: start },
            Some((start, end)) => Command::DocumentSelection { uri, start: start.min(end), end: start.max(end) },
            None => Command::DocumentFile { uri },
        },
        "documentFile" => Command::DocumentFile { uri },
        "updateDocs" => Command::UpdateDocs { uri, offset },
        "fixAll" => Command::FixAll { uri },
        _ => {
            let style = target.style.ok_or_else(|| format!("{name} needs a style: google, numpy, sphinx, …"))?;
            Command::ConvertStyle { uri, offset, style }
        }
    }))
}

fn ask_kind(short: &str) -> Option<AskKind> {
    Some(match short {
        "documentWithModel" => AskKind::Document,
        "explain" => AskKind::Explain,
        "fix" => AskKind::Fix,
        "refactor" => AskKind::Refactor,
        "writeTests" => AskKind::WriteTests,
        "review" => AskKind::Review,
        "translate" => AskKind::Translate,
        "custom" => AskKind::Custom,
        _ => return None,
    })
}

/// What a piece of work is called in a progress bar.
pub(crate) fn title(command: &Command) -> &'static str {
    match command {
        Command::Apply { .. } => "Applying an edit",
        Command::DocumentSymbol { .. } | Command::DocumentSelection { .. } | Command::DocumentFile { .. } => {
            "Writing documentation"
        }
        Command::DocumentWorkspace => "Documenting the workspace",
        Command::UpdateDocs { .. } => "Updating documentation",
        Command::FixAll { .. } => "Fixing documentation",
        Command::ConvertStyle { .. } => "Converting documentation",
    }
}

/// A command of the core as the client sends it back. `position` turns bytes of its document into a position.
pub(crate) fn to_proto(
    command: &Command,
    title: String,
    position: &impl Fn(usize) -> LspPosition,
) -> lsp_types::Command {
    let at = |uri: &String, offset: Option<usize>| json!({ "uri": uri, "position": offset.map(position) });
    let (short, argument) = match command {
        Command::Apply { offer } => ("apply", json!(offer)),
        Command::DocumentSymbol { uri, offset } => ("document", at(uri, Some(*offset))),
        Command::DocumentSelection { uri, start, end } => {
            ("document", json!({ "uri": uri, "range": { "start": position(*start), "end": position(*end) } }))
        }
        Command::DocumentFile { uri } => ("documentFile", json!({ "uri": uri })),
        Command::DocumentWorkspace => ("documentWorkspace", json!({})),
        Command::UpdateDocs { uri, offset } => ("updateDocs", at(uri, *offset)),
        Command::FixAll { uri } => ("fixAll", json!({ "uri": uri })),
        Command::ConvertStyle { uri, offset, style } => {
            ("convertStyle", json!({ "uri": uri, "position": offset.map(position), "style": style }))
        }
    };
    lsp_types::Command { title, tooltip: None, command: full_name(short), arguments: Some(vec![argument]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_at(name: &str, arguments: Value) -> Result<Task, String> {
        let offset =
            |uri: &str, at: Position| (uri != "file:///closed").then_some((at.line * 10 + at.character) as usize);
        read(name, arguments.as_array().unwrap(), Some("file:///last".to_owned()), offset)
    }

    #[test]
    fn commands_go_out_and_come_back_the_same() {
        let uri = || "file:///a.py".to_owned();
        for command in [
            Command::DocumentSymbol { uri: uri(), offset: 12 },
            Command::DocumentSelection { uri: uri(), start: 3, end: 45 },
            Command::DocumentFile { uri: uri() },
            Command::DocumentWorkspace,
            Command::UpdateDocs { uri: uri(), offset: Some(7) },
            Command::UpdateDocs { uri: uri(), offset: None },
            Command::FixAll { uri: uri() },
            Command::ConvertStyle { uri: uri(), offset: None, style: "numpy".to_owned() },
        ] {
            let position = |offset: usize| LspPosition { line: offset as u32 / 10, character: offset as u32 % 10 };
            let sent = to_proto(&command, String::new(), &position);
            assert!(names(true).contains(&sent.command));
            assert_eq!(read_at(&sent.command, json!(sent.arguments)), Ok(Task::Edit(command)));
        }
    }

    #[test]
    fn a_command_without_a_document_means_the_one_at_hand() {
        let expected = Command::DocumentFile { uri: "file:///last".to_owned() };
        assert_eq!(read_at("code-agent.document", json!([])), Ok(Task::Edit(expected)));
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_a_sentence() {
        for (name, arguments) in [
            ("code-agent.nothing", json!([])),
            ("code-agent.convertStyle", json!([{ "uri": "file:///a.py" }])),
            ("code-agent.document", json!([{ "uri": "file:///closed", "position": { "line": 0, "character": 0 } }])),
            ("code-agent.apply", json!([])),
            ("code-agent.fixAll", json!([true])),
        ] {
            let sentence = read_at(name, arguments).unwrap_err();
            assert!(sentence.ends_with(['.', '…']), "{sentence}");
        }
    }
}
