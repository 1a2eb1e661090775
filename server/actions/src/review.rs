//! The action *Review changes*: remarks of a model on the lines that a difference adds.

use crate::ask::{Action, Checked, Made, Note, Patience, Question, Severity, instruction, object};
use crate::claims::Known;
use crate::edit::Refusal;
use llm::prompt::{Origin, Part, covered};
use serde_json::Value;
use similar::{ChangeTag, DiffableStr, TextDiff};
use std::fmt::Write;
use std::sync::Arc;
use syntax::model::FileModel;

/// Bytes of a difference in one question.
const MOST: usize = 48 << 10;
/// Lines around a change.
const AROUND: usize = 6;
/// Remarks on one difference; more are noise.
const MOST_NOTES: usize = 12;
/// Characters of a remark.
const LONGEST: usize = 500;

/// Reviews what changed in a file.
pub struct Review {
    model: Arc<FileModel>,
    /// The difference, new lines numbered.
    shown: String,
    /// The lines that are new, from 0.
    new_lines: Vec<usize>,
    context: Vec<Part>,
}

impl Review {
    /// Reviews the file against the text that it had.
    ///
    /// # Errors
    /// If nothing changed, or too much did.
    pub fn new(model: Arc<FileModel>, before: &str, context: Vec<Part>) -> Result<Self, Refusal> {
        let diff = TextDiff::from_lines(before, &*model.text);
        // What is shown is without secrets before it is cut and numbered, since in pieces they would not be known as such.
        let (old, new) = (covered(before), covered(&model.text));
        let (old, new) = (old.tokenize_lines(), new.tokenize_lines());
        let (mut shown, mut new_lines) = (String::new(), Vec::new());
        for group in diff.grouped_ops(AROUND) {
            for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                let line = change.new_index();
                let (sign, number) = match change.tag() {
                    ChangeTag::Delete => ('-', String::new()),
                    ChangeTag::Equal => (' ', line.map_or(String::new(), |line| (line + 1).to_string())),
                    ChangeTag::Insert => {
                        new_lines.extend(line);
                        ('+', line.map_or(String::new(), |line| (line + 1).to_string()))
                    }
                };
                let text = match line {
                    Some(line) => new.get(line),
                    None => change.old_index().and_then(|line| old.get(line)),
                };
                // Writing into a string does not fail.
                let _ = writeln!(shown, "{sign}{number:>6} {}", text.unwrap_or(&"").trim_end_matches(['\n', '\r']));
            }
            shown.push_str("…\n");
        }
        if new_lines.is_empty() {
            return Err(Refusal::NothingToDo);
        }
        if shown.len() > MOST {
            return Err(Refusal::TooMuchChanged { size: shown.len(), limit: MOST });
        }
        Ok(Self { model, shown, new_lines, context })
    }
}

impl Action for Review {
    fn question(&self) -> Question {
        let mut parts = vec![instruction(include_str!("prompts/review.md"))];
        parts.extend(self.context.iter().cloned());
        parts.push(Part::Data(Origin::Code, self.shown.clone()));
        parts.push(Part::Data(Origin::Question, format!("Review this change of {} code.", self.model.language.name)));
        Question { parts, schema: None, max_tokens: 1200 }
    }

    fn read(&self, answer: &str, patience: Patience) -> Result<Checked, String> {
        let answer = object(answer)?;
        let list = answer.get("notes").and_then(Value::as_array).ok_or("The answer has no list `notes`.")?;
        let mut known = Known::of(&self.model);
        known.add(&self.shown);
        let (mut notes, mut problems) = (Vec::new(), Vec::new());
        for note in list {
            let line = note.get("line").and_then(Value::as_u64).and_then(|line| usize::try_from(line).ok());
            let message = note
                .get("message")
                .and_then(Value::as_str)
                .unwrap_or("")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            let Some(line) = line.and_then(|line| line.checked_sub(1)).filter(|line| self.new_lines.contains(line))
            else {
                problems.push(format!("A remark is on a line that is not new: {message}"));
                continue;
            };
            if let Some(name) = known.unknown_in(&message) {
                problems.push(format!("A remark on line {} names `{name}`, which is not in the code.", line + 1));
                continue;
            }
            if message.is_empty() || message.chars().count() > LONGEST {
                problems.push(format!("A remark on line {} is empty or too long.", line + 1));
                continue;
            }
            let severity = match note.get("severity").and_then(Value::as_str) {
                Some("error") => Severity::Error,
                Some("info") => Severity::Info,
                _ => Severity::Warning,
            };
            notes.push(Note { line, severity, message });
        }
        if patience == Patience::Strict && !problems.is_empty() && notes.is_empty() {
            return Err(problems.join(" "));
        }
        if notes.len() > MOST_NOTES {
            notes.sort_by_key(|note| note.severity);
            problems.extend(
                notes
                    .drain(MOST_NOTES..)
                    .map(|note| format!("One too many, on line {}: {}", note.line + 1, note.message)),
            );
        }
        notes.sort_by_key(|note| note.line);
        Ok(Checked { made: Made::Notes(notes), checks: vec!["on new lines only", "names exist"], remarks: problems })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::model;

    #[test]
    fn of_too_many_remarks_the_least_harmful_are_left_out_and_told() {
        let text: String = (1..=20).map(|line| format!("x{line} = {line}\n")).collect();
        let review = Review::new(Arc::new(model("python", &text)), "", Vec::new()).unwrap();
        let severity = |line| if line == 20 { "error" } else { "info" };
        let notes: Vec<Value> = (1..=20)
            .map(|line| serde_json::json!({ "line": line, "severity": severity(line), "message": format!("`x{line}` is wrong.") }))
            .collect();
        let checked = review.read(&serde_json::json!({ "notes": notes }).to_string(), Patience::Strict).unwrap();
        let Made::Notes(kept) = &checked.made else { panic!("{checked:?}") };
        assert_eq!(kept.iter().map(|note| note.line + 1).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 20]);
        assert_eq!(checked.remarks.len(), 8);
        assert_eq!(checked.remarks[0], "One too many, on line 12: `x12` is wrong.");
    }

    #[test]
    fn a_secret_of_many_lines_is_not_shown_whichever_of_them_changed() {
        let key = ["-----BEGIN ", "PRIVATE KEY-----\n"].concat()
            + &"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDx7s8Y2kPq0Lm\n".repeat(30);
        let text = format!("A = 1\nKEY = \"\"\"{key}{}PRIVATE KEY-----\"\"\"\nB = 2\n", "-----END ");
        let (first, last) = (text.replacen("MIIE", "MIIF", 1), text.replace("B = 2", "B = 3"));
        // All of it new, its first line changed, and only its end around what changed.
        for (before, after) in [("", &text), (first.as_str(), &text), (text.as_str(), &last)] {
            let review = Review::new(Arc::new(model("python", after)), before, Vec::new()).unwrap();
            assert!(!review.shown.contains("MII"), "{}", review.shown);
            assert_eq!(review.shown.contains("[secret]"), before != text, "{}", review.shown);
        }
        let last = Review::new(Arc::new(model("python", &last)), &text, Vec::new()).unwrap();
        assert_eq!(last.new_lines, [33], "lines stay where they were");
        assert!(last.shown.contains("+    34 B = 3\n"), "{}", last.shown);
    }

    #[test]
    fn remarks_stand_on_new_lines_and_speak_of_what_is_there() {
        let model = Arc::new(model("python", "def a(x):\n    y = x / 0\n    return y\n"));
        let review = Review::new(model.clone(), "def a(x):\n    return x\n", Vec::new()).unwrap();
        let answer = r#"{"notes": [{"line": 2, "severity": "error", "message": "`x` is divided by zero."},
            {"line": 1, "severity": "error", "message": "Old."}, {"line": 3, "message": "Calls `gone_away`."}, {"line": 99, "message": "x"}, 7]}"#;
        let checked = review.read(answer, Patience::Strict).unwrap();
        let expected = vec![Note { line: 1, severity: Severity::Error, message: "`x` is divided by zero.".into() }];
        assert_eq!(checked.made, Made::Notes(expected));
        assert_eq!(checked.remarks.len(), 4);
        assert_eq!(review.read("{\"notes\": []}", Patience::Strict).unwrap().made, Made::Notes(Vec::new()));
        assert!(review.read("{}", Patience::Lenient).is_err());
        assert_eq!(Review::new(model.clone(), &model.text, Vec::new()).err(), Some(Refusal::NothingToDo));
        assert!(
            review
                .question()
                .parts
                .iter()
                .any(|part| matches!(part, Part::Data(Origin::Code, text) if text.contains("+     2     y = x / 0")))
        );
    }
}
