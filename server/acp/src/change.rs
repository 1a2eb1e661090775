//! Edits of the core as differences that the user allows or not. The client writes them, so that its own buffers stay true; nothing is
//! written that is not shown, or over a file that is no longer what the edit was made for.

use crate::turn::Turn;
use engine::answers::FileEdit;
use engine::ask::Asked;
use engine::syntax::text::apply_edits;
use engine::workspace::uri;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// The option that lets an edit be made.
const ALLOW: &str = "allow";

/// What came of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was done, or there was only something to read.
    Done,
    /// It was not done.
    Failed,
}

/// A file as it is to be.
struct Change {
    path: PathBuf,
    /// Nothing for a file that is new.
    before: Option<String>,
    after: String,
}

impl Change {
    fn of(file: &FileEdit, is_new: bool) -> Option<Self> {
        let path = uri::to_path(&file.uri)?;
        let before = (!is_new).then(|| file.text.to_string());
        Some(Self { path, before, after: apply_edits(&file.text, &file.edits)? })
    }

    fn difference(&self) -> Value {
        json!({ "type": "diff", "path": self.path, "oldText": self.before, "newText": self.after })
    }
}

impl Turn<'_> {
    /// Shows edits, asks, and has them written.
    pub async fn change(&self, call: &str, asked: &Asked) -> Outcome {
        let changes: Option<Vec<Change>> = asked
            .edit
            .files
            .iter()
            .map(|file| Change::of(file, asked.creates.as_ref().is_some_and(|new| *new == file.uri)))
            .collect();
        let Some(changes) = changes else {
            self.say("The edit does not fit the file, so nothing was changed.");
            return Outcome::Failed;
        };
        let content: Vec<Value> = changes.iter().map(Change::difference).collect();
        let update =
            json!({ "sessionUpdate": "tool_call_update", "toolCallId": call, "status": "pending", "content": content });
        self.client.update(&self.session.id, update);
        if !self.client.writes_files.load(Ordering::Relaxed) {
            self.say(&format!("{} The client writes no files for agents, so this is only shown.", asked.note));
            return Outcome::Done;
        }
        match self.permission(call, &content).await {
            Ok(true) => {}
            Ok(false) => {
                self.say("Nothing was changed, as you wish.");
                return Outcome::Failed;
            }
            Err(reason) => {
                self.say(&format!("The client did not ask for your permission ({reason}), so nothing was changed."));
                return Outcome::Failed;
            }
        }
        for change in &changes {
            if let Err(sentence) = self.write(change).await {
                self.say(&sentence);
                return Outcome::Failed;
            }
        }
        self.say(&asked.note);
        Outcome::Done
    }

    /// Asks the user.
    async fn permission(&self, call: &str, content: &[Value]) -> Result<bool, String> {
        let params = json!({
            "sessionId": self.session.id,
            "toolCall": { "toolCallId": call, "status": "pending", "content": content },
            "options": [
                { "optionId": ALLOW, "name": "Make the change", "kind": "allow_once" },
                { "optionId": "reject", "name": "Leave it as it is", "kind": "reject_once" },
            ],
        });
        let answer = self.client.ask("session/request_permission", params).await?;
        let outcome = answer.get("outcome");
        let said = |key: &str| outcome.and_then(|outcome| outcome.get(key)).and_then(Value::as_str);
        Ok(said("outcome") == Some("selected") && said("optionId") == Some(ALLOW))
    }

    /// Has a file written, if it still is what the edit was made for.
    async fn write(&self, change: &Change) -> Result<(), String> {
        let shown = change.path.display();
        let now = self.text_now(change).await;
        let is_same = match (&change.before, &now) {
            (Some(before), Some(now)) => is_same_text(before, now),
            (None, None) => true,
            // An editor may tell of a file that is not there as one without text.
            (None, Some(now)) => now.is_empty(),
            (Some(_), None) => false,
        };
        if !is_same {
            return Err(format!("{shown} was changed meanwhile, so it is left as it is; try again."));
        }
        let params = json!({ "sessionId": self.session.id, "path": change.path, "content": change.after });
        match self.client.ask("fs/write_text_file", params).await {
            Ok(_) => Ok(()),
            Err(reason) => Err(format!("The client did not write {shown}: {}.", reason.trim_end_matches('.'))),
        }
    }

    /// What a file holds now: as the user sees it where the client can tell, else as it is on disk.
    async fn text_now(&self, change: &Change) -> Option<String> {
        if self.client.reads_files.load(Ordering::Relaxed) {
            let params = json!({ "sessionId": self.session.id, "path": change.path });
            let answer = self.client.ask("fs/read_text_file", params).await.ok()?;
            return answer.get("content").and_then(Value::as_str).map(str::to_owned);
        }
        let diagnosis = self.core.diagnostics(&uri::from_path(&change.path)).await.ok()?;
        Some(diagnosis.model.text.to_string())
    }
}

/// Editors give the lines of a file with ends of their own, and without a byte order mark.
fn is_same_text(left: &str, right: &str) -> bool {
    fn plain(text: &str) -> String {
        text.trim_start_matches('\u{feff}').replace("\r\n", "\n")
    }
    left == right || plain(left) == plain(right)
}
