//! What providers repeat of the addresses of pictures that we sent: taken out of what they say went wrong, before anybody reads it.
//!
//! Whoever asks chooses the words of an address. Nothing is to be learnt from them, and nobody who looks at failures is to see them. An answer
//! is never touched: a model may well speak of an address.

use crate::prompt::Prompt;
use serde_json::Value;
use std::borrow::Cow;

/// A shorter part of an address is no sign of it, and stands in many words.
const TELLING: usize = 4;

/// The parts of addresses that are not repeated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Echo(Vec<String>);

impl Echo {
    /// Of the addresses of a prompt.
    pub fn of(prompt: &Prompt) -> Self {
        let mut parts: Vec<String> = prompt.addresses().flat_map(parts).collect();
        // A part that stands in another one is taken out after that.
        parts.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        parts.dedup();
        Self(parts)
    }

    /// Whether there is nothing to be taken out.
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// A text without them.
    pub fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.0.iter().fold(Cow::Borrowed(text), |text, part| match without(&text, part) {
            Some(clean) => Cow::Owned(clean),
            None => text,
        })
    }

    /// JSON with no text in it that has one of them; all else as it was. Read as JSON, since there are many ways to write a text in it.
    pub fn clean_json<'b>(&self, json: &'b [u8]) -> Cow<'b, [u8]> {
        if self.is_none() {
            return Cow::Borrowed(json);
        }
        match serde_json::from_slice::<Value>(json) {
            Ok(value) => Cow::Owned(self.clean_value(&value).to_string().into_bytes()),
            Err(_) => Cow::Borrowed(json),
        }
    }

    /// The same of JSON that was read.
    pub fn clean_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.clean(text).into_owned()),
            Value::Array(items) => items.iter().map(|item| self.clean_value(item)).collect(),
            Value::Object(fields) => {
                Value::Object(fields.iter().map(|(name, value)| (name.clone(), self.clean_value(value))).collect())
            }
            other => other.clone(),
        }
    }
}

/// An address, what it is without its scheme, its path with its query, each of the two, the host, and the name of the file.
fn parts(address: &str) -> Vec<String> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (host, place) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // Nobody who fetches sends what stands behind it.
    let sent = place.split('#').next().unwrap_or("");
    let (path, query) = sent.split_once('?').unwrap_or((sent, ""));
    let file = path.rsplit('/').next().unwrap_or("");
    let bare = |part: &str| part.trim_start_matches(['/', '?', '#']).to_owned();
    let all = [address, rest, place, sent, path, query, file, host].map(bare);
    all.into_iter().filter(|part| part.len() >= TELLING).collect()
}

/// A text without a part, however it is written in large and small letters; nothing where it does not stand there.
fn without(text: &str, part: &str) -> Option<String> {
    // An address has no letters but those of ASCII, so that places stay the same.
    let (lower, part) = (text.to_ascii_lowercase(), part.to_ascii_lowercase());
    let mut places = lower.match_indices(&part).map(|(at, _)| at).peekable();
    places.peek()?;
    let (mut clean, mut from) = (String::with_capacity(text.len()), 0);
    for at in places {
        clean.push_str(text.get(from..at).unwrap_or(""));
        clean.push('…');
        from = at + part.len();
    }
    clean.push_str(text.get(from..).unwrap_or(""));
    Some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{Picture, PromptLimits, Shown, Turn};
    use serde_json::json;

    fn echo(address: &str) -> Echo {
        let shown = vec![Shown::Picture(Picture::of(address.to_owned(), None).unwrap())];
        Echo::of(&Prompt::conversation(&[], vec![Turn::Showing(shown)], Vec::new(), PromptLimits::default()).unwrap())
    }

    #[test]
    fn no_part_of_an_address_is_left() {
        let echo = echo("https://example.org/max_tokens/temperature.png?word=reasoning_content#part");
        for said in [
            "cannot fetch https://example.org/max_tokens/temperature.png?word=reasoning_content#part",
            "cannot fetch HTTPS://EXAMPLE.org/max_tokens/temperature.png",
            "404 of /max_tokens/temperature.png?word=reasoning_content",
            "no file temperature.png at example.org",
            "word=reasoning_content is unknown",
        ] {
            let clean = echo.clean(said).into_owned();
            let is_left = |part: &str| clean.to_lowercase().contains(part);
            assert!(
                clean.contains('…') && !["temperature", "max_tokens", "reasoning", "example"].into_iter().any(is_left)
            );
        }
        let other = "Unsupported value: 'temperature' does not support 0";
        assert_eq!(echo.clean(other), other, "what was not sent is told");
        assert!(Echo::default().is_none());
    }

    #[test]
    fn texts_of_json_lose_it_however_it_is_written() {
        let echo = echo("https://example.org/temperature.png");
        let said =
            br#"{"error":{"message":"no https:\/\/example.org\/temper\u0061ture.png","code":[7,"temperature.png"]}}"#;
        let clean: Value = serde_json::from_slice(&echo.clean_json(said)).unwrap();
        assert_eq!(clean, json!({ "error": { "message": "no …", "code": [7, "…"] } }));
        assert_eq!(echo.clean_json(b"no JSON").as_ref(), b"no JSON");
    }
}
