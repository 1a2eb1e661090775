//! The blocks of a prompt as one question: links become mentions that the core looks at, what is embedded stands fenced at the end.

use crate::message::beginning;
use crate::place::Place;
use engine::workspace::privacy;
use serde::Deserialize;
use std::path::Path;

/// Bytes of embedded resources that are shown; the question itself must fit beside them.
const MOST_EMBEDDED: usize = 40 << 10;

/// A block of a prompt.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Block {
    /// What the user wrote.
    Text { text: String },
    /// Something that is named.
    ResourceLink { uri: String },
    /// Something with its content.
    Resource { resource: Resource },
    /// An image, a sound, or what is not known yet.
    #[serde(other)]
    Other,
}

/// Something with its content.
#[derive(Debug, Deserialize)]
pub(crate) struct Resource {
    uri: String,
    /// Missing where the content is no text.
    text: Option<String>,
}

/// What is asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Question {
    /// All of it, as a turn of the conversation.
    pub text: String,
    /// What the user wrote himself.
    pub typed: String,
    /// Files that were linked to or embedded.
    pub places: Vec<Place>,
    /// What was left out, and why; each is one sentence.
    pub remarks: Vec<String>,
}

impl Question {
    /// Reads the blocks of a prompt in a session whose folder is `root`.
    pub fn read(blocks: Vec<Block>, root: &Path) -> Self {
        let mut question = Self::default();
        let mut attached = String::new();
        let mut room = MOST_EMBEDDED;
        for block in blocks {
            match block {
                Block::Text { text } => {
                    question.typed.push_str(&text);
                    question.push(&text);
                }
                Block::ResourceLink { uri } => question.link(&uri, root),
                Block::Resource { resource } => {
                    attached.push_str(&question.embed(resource, root, &mut room).unwrap_or_default());
                }
                Block::Other => question.remarks.push("Images and sounds are not read; they were left out.".to_owned()),
            }
        }
        question.text.push_str(&attached);
        question.remarks.dedup();
        question
    }

    /// Adds words, apart from those before them.
    fn push(&mut self, words: &str) {
        let touches = self.text.ends_with(|letter: char| !letter.is_whitespace());
        if touches && words.starts_with(|letter: char| letter.is_alphanumeric() || letter == '@' || letter == '`') {
            self.text.push(' ');
        }
        self.text.push_str(words);
    }

    fn link(&mut self, address: &str, root: &Path) {
        let Some(place) = Place::linked(address) else { return self.push(&format!("`{address}`")) };
        let shown = place.shown(root);
        // A mention ends at a space, and a full stop behind it is not of it.
        if shown.contains(char::is_whitespace) || shown.ends_with(['.', ',', ';', ':', '?', '!', ')']) {
            self.remarks.push(format!("{shown} was not shown: files with such names cannot be mentioned."));
            self.push(&format!("`{shown}`"));
        } else {
            self.push(&format!("@{shown}{}", lines_in_words(&place)));
        }
        self.places.push(place);
    }

    /// Mentions a resource; what is to stand at the end of the question.
    fn embed(&mut self, resource: Resource, root: &Path, room: &mut usize) -> Option<String> {
        let place = Place::linked(&resource.uri);
        let name = match &place {
            Some(place) => format!("{}{}", place.shown(root), lines_in_words(place)),
            None => resource.uri,
        };
        self.push(&format!("`{name}`"));
        let kept = place.as_ref().and_then(|place| privacy::reason(Some(root), &place.path));
        self.places.extend(place);
        if let Some(reason) = kept {
            self.remarks.push(format!("{name} was not shown: {reason}."));
            return None;
        }
        let Some(text) = resource.text else {
            self.remarks.push(format!("{name} was not shown: it is no text."));
            return None;
        };
        let shown = beginning(&text, *room);
        if shown.len() < text.len() {
            self.remarks.push(format!("Only the first {} bytes of {name} were shown.", shown.len()));
        }
        *room -= shown.len();
        Some(format!("\n\n`{name}`:\n\n{}\n", fenced(shown)))
    }
}

fn lines_in_words(place: &Place) -> String {
    match place.lines {
        Some((first, last)) if first < last => format!(" (lines {first} to {last})"),
        Some((first, _)) => format!(" (line {first})"),
        None => String::new(),
    }
}

/// Text between fences that it does not contain.
fn fenced(text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{}\n{fence}", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(blocks: serde_json::Value) -> Question {
        Question::read(serde_json::from_value(blocks).unwrap(), Path::new("/w"))
    }

    #[test]
    fn links_become_mentions_and_what_is_embedded_stands_at_the_end() {
        let question = read(json!([
            { "type": "text", "text": "Compare " },
            { "type": "resource_link", "uri": "file:///w/src/a.py#L3:9", "name": "a.py" },
            { "type": "resource", "resource": { "uri": "file:///w/b.md", "text": "x\n```\ny\n```\n", "mimeType": "text/x" } },
            { "type": "text", "text": ", please." },
            { "type": "resource_link", "uri": "https://example.org/x", "name": "x" },
        ]));
        assert_eq!(
            question.text,
            "Compare @src/a.py (lines 3 to 9) `b.md`, please. `https://example.org/x`\n\n`b.md`:\n\n````\nx\n```\ny\n```\n````\n"
        );
        assert_eq!(question.typed, "Compare , please.");
        assert_eq!(question.places.len(), 2);
        assert_eq!(question.remarks, [""; 0]);
    }

    #[test]
    fn what_is_left_out_is_said() {
        let question = read(json!([
            { "type": "image", "data": "", "mimeType": "image/png" },
            { "type": "resource", "resource": { "uri": "file:///w/.env", "text": "TOKEN=abc" } },
            { "type": "resource", "resource": { "uri": "file:///w/logo.png", "blob": "AAAA" } },
            { "type": "resource", "resource": { "uri": "file:///w/long.txt", "text": "ü".repeat(MOST_EMBEDDED) } },
            { "type": "resource", "resource": { "uri": "file:///w/more.txt", "text": "more" } },
            { "type": "resource_link", "uri": "file:///w/my%20notes.md", "name": "notes" },
        ]));
        assert!(!question.text.contains("abc") && question.text.len() < MOST_EMBEDDED + 500);
        let remarks = question.remarks.join("\n");
        for part in [
            "Images",
            ".env was not shown: its name",
            "logo.png was not shown: it is no text",
            "bytes of long.txt",
            "first 0 bytes of more.txt",
            "my notes.md was not shown",
        ] {
            assert!(remarks.contains(part), "{part}: {remarks}");
        }
    }
}
