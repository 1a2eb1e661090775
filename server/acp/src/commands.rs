//! The commands that a user types with a slash: a place and what is to be done there. The core does it; here it is asked for and told.

use crate::change::Outcome;
use crate::content::Question;
use crate::place::{Place, code_of};
use crate::turn::{Stop, Turn};
use engine::actions::fix::Problem;
use engine::answers::Diagnosis;
use engine::ask::{Ask, AskKind, Asked};
use engine::error::CoreError;
use engine::syntax::text::Span;
use engine::workspace::uri;
use serde_json::{Value, json};
use std::path::Path;

/// A command: its name, what it does, what stands behind it.
struct Command {
    name: &'static str,
    kind: AskKind,
    description: &'static str,
    hint: &'static str,
}

const COMMANDS: [Command; 5] = [
    Command {
        name: "explain",
        kind: AskKind::Explain,
        description: "Explain the code at a place",
        hint: "path:line or path:first-last",
    },
    Command {
        name: "document",
        kind: AskKind::Document,
        description: "Write documentation for the definition at a place",
        hint: "path:line",
    },
    Command {
        name: "review",
        kind: AskKind::Review,
        description: "Review what changed in a file since the last commit",
        hint: "path",
    },
    Command {
        name: "tests",
        kind: AskKind::WriteTests,
        description: "Write tests for the definition at a place",
        hint: "path:line",
    },
    Command {
        name: "fix",
        kind: AskKind::Fix,
        description: "Repair what was found at a place, or what you say is wrong there",
        hint: "path:line [what is wrong]",
    },
];

/// What is ordered.
#[derive(Debug)]
pub(crate) struct Order {
    kind: AskKind,
    place: Place,
    words: String,
}

/// The update that tells a client of the commands.
pub(crate) fn advertised() -> Value {
    let commands: Vec<Value> = COMMANDS
        .iter()
        .map(|command| {
            json!({
                "name": command.name,
                "description": command.description,
                "input": { "hint": command.hint },
            })
        })
        .collect();
    json!({ "sessionUpdate": "available_commands_update", "availableCommands": commands })
}

/// The command that a question is, if it is one; what is wrong with it is one sentence.
pub(crate) fn read(question: &Question, root: &Path) -> Option<Result<Order, String>> {
    let typed = question.typed.trim().strip_prefix('/')?;
    let (name, rest) = typed.split_once(char::is_whitespace).unwrap_or((typed, ""));
    let command = COMMANDS.iter().find(|command| command.name == name)?;
    let rest = rest.trim();
    // A place that was linked to is not typed as well.
    let (place, words) = match question.places.first() {
        Some(place) => (place.clone(), rest),
        None => {
            let (word, words) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            if word.is_empty() {
                return Some(Err(format!("Name a place behind the command: `/{name} {}`.", command.hint)));
            }
            (Place::typed(word, root), words.trim())
        }
    };
    Some(Ok(Order { kind: command.kind, place, words: words.to_owned() }))
}

impl Turn<'_> {
    /// Carries out a command.
    pub async fn carry_out(&self, order: Order) -> Stop {
        let root = &self.session.root;
        if !order.place.is_below(&self.core.roots()) {
            return self.failed(&CoreError::refused(format!(
                "{} is outside of the folders of this connection.",
                order.place.shown(root)
            )));
        }
        // Other files are shown beside the place, as far as they are known by then.
        self.core.survey();
        let call = format!("call-{}", self.client.number());
        self.client.update(&self.session.id, begun(&call, &order));
        let result = self.ask(&order).await;
        let (status, stop) = match result {
            Ok((asked, diagnosis)) => {
                let outcome = self.tell(&call, &order, &asked, &diagnosis).await;
                (if outcome == Outcome::Failed { "failed" } else { "completed" }, Stop::End)
            }
            Err(error) => ("failed", self.failed(&error)),
        };
        let update = json!({ "sessionUpdate": "tool_call_update", "toolCallId": call, "status": status });
        self.client.update(&self.session.id, update);
        stop
    }

    async fn ask(&self, order: &Order) -> Result<(Asked, std::sync::Arc<Diagnosis>), CoreError> {
        let uri = uri::from_path(&order.place.path);
        let diagnosis = self.core.diagnostics(&uri).await?;
        let (text, lines) = (&diagnosis.model.text, &diagnosis.model.lines);
        let span = order.place.span(text, lines, &self.session.root).map_err(CoreError::refused)?;
        let problems = if order.kind == AskKind::Fix { problems(&diagnosis, span, &order.words) } else { Vec::new() };
        if order.kind == AskKind::Fix && problems.is_empty() {
            return Err(CoreError::refused("Nothing was found there; say behind the place what is wrong."));
        }
        let ask = Ask {
            kind: order.kind,
            uri,
            revision: diagnosis.revision,
            start: span.start,
            end: span.end,
            words: order.words.clone(),
            problems,
        };
        Ok((self.core.ask(ask, None).await?, diagnosis))
    }

    /// Tells what came of it: something to read, or edits that the user is asked about.
    async fn tell(&self, call: &str, order: &Order, asked: &Asked, diagnosis: &Diagnosis) -> Outcome {
        if let Some(page) = &asked.page {
            self.say(&page.text);
            return Outcome::Done;
        }
        if !asked.edit.files.is_empty() {
            return self.change(call, asked).await;
        }
        let shown = order.place.shown(&self.session.root);
        let mut text = format!("{}\n", asked.note);
        if order.kind == AskKind::Review {
            for remark in self.core.remarks(diagnosis) {
                let line = diagnosis.model.lines.line(remark.span.start) + 1;
                text.push_str(&format!("\n- `{shown}:{line}`: {}", remark.message));
            }
        }
        self.say(&text);
        Outcome::Done
    }
}

/// What is wrong at a place: what the user says, or else what was found.
fn problems(diagnosis: &Diagnosis, span: Span, words: &str) -> Vec<Problem> {
    let (text, lines) = (&diagnosis.model.text, &diagnosis.model.lines);
    let first = lines.line_span(text, lines.line(span.start));
    let last = lines.line_span(text, lines.line(span.end));
    if !words.is_empty() {
        let code = if span.is_empty() { code_of(text, first) } else { span };
        let (message, source) = (words.to_owned(), "the user".to_owned());
        return vec![Problem { start: code.start, end: code.end, message, source }];
    }
    let there = diagnosis.findings.iter().filter(|finding| {
        let at = finding.span;
        at.start <= last.end && at.end >= first.start
    });
    let problem = |span: Span, message: &str| Problem {
        start: span.start,
        end: span.end,
        message: message.to_owned(),
        source: "code-agent".to_owned(),
    };
    there.map(|finding| problem(finding.span, &finding.message)).collect()
}

/// The update that shows that something is being done.
fn begun(call: &str, order: &Order) -> Value {
    let edits = matches!(order.kind, AskKind::Document | AskKind::WriteTests | AskKind::Fix);
    let mut location = json!({ "path": order.place.path });
    if let Some((line, _)) = order.place.lines {
        location["line"] = json!(line);
    }
    json!({
        "sessionUpdate": "tool_call",
        "toolCallId": call,
        "title": order.kind.title(),
        "kind": if edits { "edit" } else { "think" },
        "status": if edits { "pending" } else { "in_progress" },
        "locations": [location],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Option<Result<Order, String>> {
        read(&Question { typed: text.to_owned(), ..Question::default() }, Path::new("/w"))
    }

    #[test]
    fn commands_are_told_from_questions() {
        let order = typed(" /fix a.py:3  it is slow ").unwrap().unwrap();
        assert_eq!((order.kind, order.place.lines, order.words.as_str()), (AskKind::Fix, Some((3, 3)), "it is slow"));
        assert_eq!(
            typed("/explain").unwrap().unwrap_err(),
            "Name a place behind the command: `/explain path:line or path:first-last`."
        );
        assert!(typed("/etc/hosts is what?").is_none() && typed("explain a.py").is_none());
        let linked = Place::linked("file:///w/b.py#L2:4").unwrap();
        let question = Question { typed: "/tests ".into(), places: vec![linked.clone()], ..Question::default() };
        assert_eq!(read(&question, Path::new("/w")).unwrap().unwrap().place, linked);
    }
}
