//! What providers repeat of the addresses of pictures that we sent: taken out of what they say went wrong, before anybody reads it.
//!
//! Whoever asks chooses the words of an address. Nothing is to be learnt from them, and nobody who looks at failures is to see them. An answer
//! is never touched: a model may well speak of an address.

use crate::prompt::Prompt;
use crate::providers::Failed;
use serde_json::Value;
use std::borrow::Cow;

/// A shorter part of an address is no sign of it, and stands in many sentences.
const TELLING: usize = 12;
/// Fields of a failure that say in a provider's own words what it is. Nobody is shown them, and what lies behind a failure is told by them.
const OF_THE_CAUSE: [&str; 3] = ["code", "type", "status"];

/// What is not repeated: addresses, and parts of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Echo(Vec<Part>);

/// A text that is taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    text: String,
    /// Whether it is a whole address. A part of one may be a part of a word too, and is taken out where it is none.
    is_whole: bool,
}

impl Echo {
    /// Of the addresses of a prompt.
    pub fn of(prompt: &Prompt) -> Self {
        let mut parts: Vec<Part> = prompt.addresses().flat_map(parts).collect();
        // A part that stands in another one is taken out after that.
        parts.sort_by(|one, other| other.text.len().cmp(&one.text.len()).then_with(|| one.text.cmp(&other.text)));
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

    /// A failure without them. `anew` is what was said after they had been taken out of it: where that is no failure any more, it stays the one
    /// that it was, and is told without them all the same.
    pub fn cleaned(&self, failed: Failed, anew: Option<Failed>) -> Failed {
        let failed = anew.unwrap_or(failed);
        Failed { detail: self.clean(&failed.detail).into_owned(), ..failed }
    }

    /// JSON with no text in it that has one of them, but for those that say what a failure is; all else as it was. Read as JSON, since there are
    /// many ways to write a text in it.
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
                let field = |(name, value): (&String, &Value)| {
                    let is_kept = value.is_string() && OF_THE_CAUSE.contains(&name.as_str());
                    (name.clone(), if is_kept { value.clone() } else { self.clean_value(value) })
                };
                Value::Object(fields.iter().map(field).collect())
            }
            other => other.clone(),
        }
    }
}

/// An address, what it is without its scheme, its path with its query, each of the two, the host, and the name of the file.
fn parts(address: &str) -> Vec<Part> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (host, place) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // Nobody who fetches sends what stands behind it.
    let sent = place.split('#').next().unwrap_or("");
    let (path, query) = sent.split_once('?').unwrap_or((sent, ""));
    let file = path.rsplit('/').next().unwrap_or("");
    let bare = |part: &str| Part { text: part.trim_start_matches(['/', '?', '#']).to_owned(), is_whole: false };
    let all = [rest, place, sent, path, query, file, host].map(bare);
    let telling = all.into_iter().filter(|part| part.text.len() >= TELLING);
    telling.chain([Part { text: address.to_owned(), is_whole: true }]).collect()
}

/// A text without a part, however it is written in large and small letters; nothing where it does not stand there.
fn without(text: &str, part: &Part) -> Option<String> {
    // An address has no letters but those of ASCII, so that places stay the same.
    let (lower, is_whole, part) = (text.to_ascii_lowercase(), part.is_whole, part.text.to_ascii_lowercase());
    let stands_alone = |at: &usize| is_whole || is_at_bounds(&lower, *at, *at + part.len());
    let mut places = lower.match_indices(&part).map(|(at, _)| at).filter(stands_alone).peekable();
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

/// Whether no word goes on over the beginning or the end of a part of a text.
fn is_at_bounds(text: &str, from: usize, to: usize) -> bool {
    let is_of_a_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let ends = |place: usize| {
        let before = text.get(..place).and_then(|text| text.chars().next_back());
        let after = text.get(place..).and_then(|text| text.chars().next());
        !(before.is_some_and(is_of_a_word) && after.is_some_and(is_of_a_word))
    };
    ends(from) && ends(to)
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
        let echo = echo("https://www.example.org/max_tokens/temperature.png?word=reasoning_content#part");
        for said in [
            "cannot fetch https://www.example.org/max_tokens/temperature.png?word=reasoning_content#part",
            "cannot fetch HTTPS://WWW.EXAMPLE.org/max_tokens/temperature.png",
            "404 of /max_tokens/temperature.png?word=reasoning_content",
            "no file temperature.png at www.example.org",
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
    fn what_may_stand_in_any_sentence_is_left() {
        let echo = echo("https://ab.example/error/context?of=rate_limit_exceeded");
        for said in ["an error of ab.example", "context", "xof=rate_limit_exceeded", "of=rate_limit_exceeded_now"] {
            assert_eq!(echo.clean(said), said);
        }
        assert_eq!(echo.clean("(of=rate_limit_exceeded)"), "(…)");
        assert_eq!(echo.clean("no https://ab.example/error/context?of=rate_limit_exceededs"), "no …s");
    }

    #[test]
    fn what_says_what_a_failure_is_stays_as_it_is() {
        let echo = echo("https://example.org/insufficient_quota");
        let said = json!({ "error": {
            "type": "insufficient_quota", "code": "insufficient_quota", "status": "insufficient_quota",
            "message": "insufficient_quota", "param": "insufficient_quota",
        } });
        let clean = echo.clean_value(&said);
        assert_eq!(clean["error"]["message"], "…");
        assert_eq!(clean["error"]["param"], "…");
        for field in OF_THE_CAUSE {
            assert_eq!(clean["error"][field], "insufficient_quota", "{field}");
        }
    }

    #[test]
    fn a_failure_is_told_without_it_even_if_it_is_none_any_more() {
        let echo = echo("https://example.org/temperature.png");
        let of = |detail: &str| Failed { cause: crate::error::Cause::Server, detail: detail.to_owned() };
        assert_eq!(echo.cleaned(of("no temperature.png"), None).detail, "no …");
        assert_eq!(echo.cleaned(of("one"), Some(of("other"))).detail, "other");
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
