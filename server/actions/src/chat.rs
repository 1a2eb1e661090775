//! A conversation in a document: `## You` and `## Assistant` part it into turns, and the answer is written at its end.
//!
//! Files that a turn names as `@path` are shown to the model, as far as the rules for context let them.

use crate::ask::instruction;
use llm::prompt::{Origin, Part};

/// Bytes of the conversation that are shown; older turns fall away first.
const MOST: usize = 64 << 10;
/// What stands over a turn of the user.
pub const YOU: &str = "## You";
/// What stands over a turn of the model.
pub const ASSISTANT: &str = "## Assistant";

/// One turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Whether the model said it.
    pub is_answer: bool,
    /// What was said.
    pub text: String,
}

/// A conversation, as far as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// The turns in order; the last one is the question.
    pub turns: Vec<Turn>,
}

impl Chat {
    /// Whether a document is a conversation.
    pub fn is_one(uri: &str) -> bool {
        uri.ends_with(".chat.md")
    }

    /// Reads a document. What stands before the first heading is of the user.
    pub fn read(text: &str) -> Self {
        let mut turns = vec![Turn { is_answer: false, text: String::new() }];
        let mut is_code = false;
        for line in text.lines() {
            let line = line.trim_end_matches('\r');
            is_code ^= line.trim_start().starts_with("```");
            let heading = (!is_code).then(|| line.trim_end()).filter(|line| *line == YOU || *line == ASSISTANT);
            match (heading, turns.last_mut()) {
                (Some(heading), _) => turns.push(Turn { is_answer: heading == ASSISTANT, text: String::new() }),
                (None, Some(turn)) => {
                    turn.text.push_str(line);
                    turn.text.push('\n');
                }
                (None, None) => {}
            }
        }
        turns.retain(|turn| !turn.text.trim().is_empty());
        Self { turns }
    }

    /// The question that waits for an answer.
    pub fn question(&self) -> Option<&str> {
        self.turns.last().filter(|turn| !turn.is_answer).map(|turn| turn.text.trim())
    }

    /// The paths that the question names as `@path`.
    pub fn files(&self) -> Vec<String> {
        let words = self.question().unwrap_or("").split_whitespace();
        let named = words
            .filter_map(|word| word.strip_prefix('@'))
            .map(|path| path.trim_end_matches(['.', ',', ';', ':', '?', '!', ')']));
        let mut files: Vec<String> = named.filter(|path| !path.is_empty()).map(str::to_owned).collect();
        files.dedup();
        files
    }

    /// What is asked, with these files (path and text) shown.
    pub fn parts(&self, files: &[(String, String)]) -> Vec<Part> {
        let mut parts = vec![instruction(include_str!("prompts/answer.md"))];
        for (path, text) in files {
            parts.push(Part::Data(Origin::Question, format!("The file {path}:")));
            parts.push(Part::Data(Origin::Code, text.clone()));
        }
        let mut size = 0;
        let fitting = self.turns.iter().rev().take_while(|turn| {
            size += turn.text.len();
            size <= MOST
        });
        let mut fitting: Vec<&Turn> = fitting.collect();
        fitting.reverse();
        let (last, before) = match fitting.split_last() {
            Some((last, before)) => (Some(*last), before),
            None => (self.turns.last(), &[][..]),
        };
        let said = before
            .iter()
            .map(|turn| format!("{}:\n{}", if turn.is_answer { "Assistant" } else { "User" }, turn.text.trim()));
        let said = said.collect::<Vec<_>>().join("\n\n");
        if !said.is_empty() {
            parts.push(Part::Data(Origin::Question, format!("The conversation so far:\n\n{said}")));
        }
        let last = last.map_or("", |turn| turn.text.trim());
        parts.push(Part::Data(Origin::Question, last.get(..last.floor_char_boundary(MOST)).unwrap_or(last).to_owned()));
        parts
    }
}

/// What is put at the end of the document before the answer, and after it.
pub fn frame(text: &str) -> (String, String) {
    let gap = if text.is_empty() || text.ends_with("\n\n") {
        ""
    } else if text.ends_with('\n') {
        "\n"
    } else {
        "\n\n"
    };
    (format!("{gap}{ASSISTANT}\n\n"), format!("\n\n{YOU}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_as_turns() {
        let chat = Chat::read("Hello\n\n## Assistant\n\nHi.\n```\n## You\n```\n\n## You\r\n\r\nWhat is @src/a.py?\r\n");
        assert_eq!(chat.turns.len(), 3);
        assert!(chat.turns[1].is_answer && chat.turns[1].text.contains("## You"));
        assert_eq!(chat.question(), Some("What is @src/a.py?"));
        assert_eq!(chat.files(), ["src/a.py"]);
        assert_eq!(Chat::read("x\n## Assistant\ny\n").question(), None);
        assert_eq!(Chat::read("").question(), None);
    }

    #[test]
    fn old_turns_fall_away_and_the_question_stays() {
        let text = format!("{}\n## Assistant\nyes\n## You\nAnd now?\n", "old ".repeat(40_000));
        let parts = Chat::read(&text).parts(&[]);
        let said = format!("{parts:?}");
        assert!(said.contains("And now?") && said.contains("yes") && !said.contains("old old"), "{}", said.len());
    }
}
