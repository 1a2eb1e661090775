//! From the bytes of a streamed answer to its pieces. What came together goes on together: words that stand in one read are one piece.
//!
//! Events of one answer mostly differ in their one word, so an event that is the one before but for its word is not read as JSON again.
//! Reads what came and nothing else; how long that may take is the business of [`crate::attempt`].

use crate::echo::Echo;
use crate::error::{Cause, LlmError};
use crate::providers::{Failed, Provider};
use crate::request::Piece;
use crate::sse::{EventReader, FrameError};

/// Reads one answer.
pub(crate) struct Reading {
    provider: &'static dyn Provider,
    events: EventReader,
    alike: Alike,
    /// What is taken out of failures.
    echo: Echo,
}

/// What went wrong with an event.
enum Broken {
    Frame(FrameError),
    Failed(Failed),
}

impl From<FrameError> for Broken {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl Reading {
    /// At the start of an answer.
    pub fn new(provider: &'static dyn Provider) -> Self {
        Self { provider, events: EventReader::new(provider.framing()), alike: Alike::default(), echo: Echo::default() }
    }

    /// The same; failures that it tells have nothing of this in them.
    pub fn without(self, echo: Echo) -> Self {
        Self { echo, ..self }
    }

    /// The pieces of all events that are complete with these bytes. `name` is that of the target, for failures.
    ///
    /// # Errors
    /// If they cannot be read, or say that something went wrong.
    pub fn push(&mut self, name: &str, bytes: &[u8]) -> Result<Vec<Piece>, LlmError> {
        let (provider, alike, echo, mut pieces) = (self.provider, &mut self.alike, &self.echo, Vec::new());
        // Around each word stands many times as much; so the text seldom has to grow.
        let room = bytes.len() / 8;
        let read = self
            .events
            .push(bytes, |event| take(provider, alike, echo, event, room, &mut pieces).map_err(Broken::Failed));
        match read {
            Ok(()) => Ok(pieces),
            Err(Broken::Frame(error)) => Err(LlmError::new(name, Cause::Malformed, error.to_string())),
            Err(Broken::Failed(failed)) => Err(LlmError::new(name, failed.cause, failed.detail)),
        }
    }

    /// What stands at the end of a stream that closed without ending its last line.
    ///
    /// # Errors
    /// As for [`Self::push`].
    pub fn finish(&mut self, name: &str) -> Result<Vec<Piece>, LlmError> {
        // Two line ends complete whatever is there.
        self.push(name, b"\n\n")
    }
}

/// Adds what an event says. A text begins with so much room.
fn take(
    provider: &dyn Provider,
    alike: &mut Alike,
    echo: &Echo,
    event: &str,
    room: usize,
    pieces: &mut Vec<Piece>,
) -> Result<(), Failed> {
    if let Some(word) = alike.word(event) {
        add(pieces, word, room);
        return Ok(());
    }
    let said = provider.event(event).map_err(|failed| echo.cleaned(failed, anew(provider, echo, event)))?;
    if let [Piece::Text(word)] = said.as_slice() {
        alike.learn(provider, event, word);
    }
    for piece in said {
        match piece {
            Piece::Text(word) => add(pieces, &word, room),
            piece => pieces.push(piece),
        }
    }
    Ok(())
}

/// What an event that tells a failure says without what is taken out of those; nothing where there is nothing to be taken out, or it is none then.
fn anew(provider: &dyn Provider, echo: &Echo, event: &str) -> Option<Failed> {
    if echo.is_none() {
        return None;
    }
    let clean = echo.clean_json(event.as_bytes());
    provider.event(std::str::from_utf8(&clean).ok()?).err()
}

/// Adds text to the last piece, if that is one of text.
fn add(pieces: &mut Vec<Piece>, word: &str, room: usize) {
    match pieces.last_mut() {
        Some(Piece::Text(text)) => text.push_str(word),
        _ => {
            let mut text = String::with_capacity(word.len().max(room));
            text.push_str(word);
            pieces.push(Piece::Text(text));
        }
    }
}

/// So many events in a row that were like no other one, and it is given up.
const MOST_MISSES: u32 = 4;

/// The last event that was nothing but a word: what stands around it. An event with the same bytes around another word without escapes is
/// the same JSON with another string, and says that word.
#[derive(Debug, Default)]
struct Alike {
    head: String,
    tail: String,
    misses: u32,
}

impl Alike {
    /// The word of an event that differs in nothing else.
    fn word<'a>(&mut self, event: &'a str) -> Option<&'a str> {
        let word = event.strip_prefix(self.head.as_str()).filter(|_| !self.head.is_empty())?;
        let word = word.strip_suffix(self.tail.as_str())?;
        let is_plain = !word.is_empty() && word.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
        is_plain.then(|| self.misses = 0).map(|()| word)
    }

    /// Takes an event that said this word, if it can be told where in it the word stands.
    fn learn(&mut self, provider: &dyn Provider, event: &str, word: &str) {
        // Another one than the word, so that the format itself shows that it is read from this place.
        const PROBE: &str = "probe \u{2713}";
        if self.misses == MOST_MISSES || event.contains('\\') {
            return;
        }
        self.misses += 1;
        let quoted = format!("\"{word}\"");
        let mut places = event.match_indices(&quoted).map(|(at, _)| at + 1);
        let (Some(at), None) = (places.next(), places.next()) else { return };
        let (Some(head), Some(tail)) = (event.get(..at), event.get(at + word.len()..)) else { return };
        let is_read_from_there = provider
            .event(&[head, PROBE, tail].concat())
            .is_ok_and(|said| matches!(said.as_slice(), [Piece::Text(said)] if said == PROBE));
        if is_read_from_there {
            head.clone_into(&mut self.head);
            tail.clone_into(&mut self.tail);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::ProviderKind;
    use proptest::prelude::*;

    const KINDS: [ProviderKind; 5] = [
        ProviderKind::Openai,
        ProviderKind::OpenaiResponses,
        ProviderKind::Anthropic,
        ProviderKind::Gemini,
        ProviderKind::Ollama,
    ];

    /// An event of each format that says this word, which is a string of JSON already, and nothing else.
    fn event(kind: ProviderKind, string: &str, id: usize) -> String {
        match kind {
            ProviderKind::Openai => format!(
                r#"{{"id":"c-{id}","object":"chat.completion.chunk","created":1,"model":"m","choices":[{{"index":0,"delta":{{"content":{string}}},"finish_reason":null}}]}}"#
            ),
            ProviderKind::OpenaiResponses => {
                format!(r#"{{"type":"response.output_text.delta","item_id":"c-{id}","delta":{string}}}"#)
            }
            ProviderKind::Anthropic => format!(
                r#"{{"type":"content_block_delta","index":{id},"delta":{{"type":"text_delta","text":{string}}}}}"#
            ),
            ProviderKind::Gemini => format!(
                r#"{{"candidates":[{{"content":{{"parts":[{{"text":{string}}}],"role":"model"}},"index":0}}],"responseId":"c-{id}"}}"#
            ),
            ProviderKind::Ollama => {
                format!(r#"{{"model":"m-{id}","message":{{"role":"assistant","content":{string}}},"done":false}}"#)
            }
        }
    }

    fn framed(kind: ProviderKind, events: &[String]) -> String {
        let frame = |event: &String| match kind {
            ProviderKind::Ollama => format!("{event}\n"),
            _ => format!("data: {event}\n\n"),
        };
        events.iter().map(frame).collect()
    }

    fn text(pieces: &[Piece]) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            _ => String::new(),
        };
        pieces.iter().map(text).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn what_is_read_is_what_each_event_says_by_itself(
            words in prop::collection::vec("(model|index|text|assistant|\\PC{0,4}|[\"\\\\\n\t ]{1,3}|[a-z]{1,3})", 1..24),
            ids in prop::collection::vec(0usize..2, 24),
            cuts in prop::collection::vec(1usize..200, 1..8),
        ) {
            for kind in KINDS {
                let provider = kind.provider();
                let events: Vec<String> = words.iter().zip(&ids)
                    .map(|(word, id)| event(kind, &serde_json::to_string(word).unwrap(), *id)).collect();
                let alone: Vec<Piece> = events.iter().flat_map(|event| provider.event(event).unwrap()).collect();
                let stream = framed(kind, &events);
                let (mut reading, mut rest, mut pieces) = (Reading::new(provider), stream.as_bytes(), Vec::new());
                for cut in cuts.iter().cycle() {
                    let (now, later) = rest.split_at((*cut).min(rest.len()));
                    pieces.extend(reading.push("t", now).unwrap());
                    rest = later;
                    if rest.is_empty() {
                        break;
                    }
                }
                pieces.extend(reading.finish("t").unwrap());
                prop_assert_eq!(text(&pieces), words.concat(), "{:?}", kind);
                prop_assert_eq!(text(&alone), words.concat(), "{:?}", kind);
                prop_assert!(pieces.iter().all(|piece| matches!(piece, Piece::Text(_))));
            }
        }
    }

    #[test]
    fn events_that_differ_in_their_word_only_are_known_without_reading_them() {
        for kind in KINDS {
            let mut alike = Alike::default();
            assert_eq!(alike.word(&event(kind, "\"one\"", 1)), None);
            alike.learn(kind.provider(), &event(kind, "\"one\"", 1), "one");
            assert_eq!(alike.word(&event(kind, "\"zwei 🎉\"", 1)), Some("zwei 🎉"), "{kind:?}");
            for (string, id) in [("\"\"", 1), ("\"a\\n\"", 1), ("\"a\",\"b\":\"c\"", 1), ("\"two\"", 2), ("null", 1)] {
                assert_eq!(alike.word(&event(kind, string, id)), None, "{kind:?} {string}");
            }
            assert_eq!(alike.word("[DONE]"), None);
        }
    }

    #[test]
    fn a_word_whose_place_is_not_sure_is_not_learnt() {
        for word in ["model", "m"] {
            let mut alike = Alike::default();
            let said = event(ProviderKind::Openai, &format!("\"{word}\""), 1);
            alike.learn(ProviderKind::Openai.provider(), &said, word);
            assert_eq!(alike.word(&event(ProviderKind::Openai, "\"x\"", 1)), None, "{word}");
        }
        // As if a format made its text of something else than one string.
        let mut alike = Alike::default();
        alike.learn(ProviderKind::Openai.provider(), &event(ProviderKind::Openai, "\"x\"", 1), "chat.completion.chunk");
        assert!(alike.head.is_empty());
    }

    #[test]
    fn words_that_came_together_are_one_piece_and_an_end_is_its_own() {
        let provider = ProviderKind::Openai.provider();
        let mut events: Vec<String> =
            ["\"a\"", "\" b\"", "\" c\""].map(|word| event(ProviderKind::Openai, word, 1)).to_vec();
        events.push(r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#.to_owned());
        let pieces = Reading::new(provider).push("t", framed(ProviderKind::Openai, &events).as_bytes()).unwrap();
        assert_eq!(pieces, [Piece::Text("a b c".to_owned()), Piece::End(crate::request::Finish::Length)]);
    }

    #[test]
    fn parts_of_calls_between_words_are_pieces_of_their_own() {
        let provider = ProviderKind::Openai.provider();
        let called = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]}}]}"#;
        let mut events: Vec<String> =
            ["\"a\"", "\" b\"", "\" c\""].map(|word| event(ProviderKind::Openai, word, 1)).to_vec();
        events.insert(2, called.to_owned());
        let pieces = Reading::new(provider).push("t", framed(ProviderKind::Openai, &events).as_bytes()).unwrap();
        let part = Piece::CallPart { index: 0, id: Some("c".into()), name: Some("f".into()), arguments: "{}".into() };
        assert_eq!(pieces, [Piece::Text("a b".into()), part, Piece::Text(" c".into())]);
    }

    #[test]
    fn an_event_that_is_none_is_a_failure_after_any_words() {
        let provider = ProviderKind::Openai.provider();
        let mut reading = Reading::new(provider);
        let events = ["\"a\"", "\"b\""].map(|word| event(ProviderKind::Openai, word, 1));
        reading.push("t", framed(ProviderKind::Openai, &events).as_bytes()).unwrap();
        let broken = events[0].replace("}]}", "}]");
        let error = reading.push("t", framed(ProviderKind::Openai, &[broken]).as_bytes()).unwrap_err();
        assert_eq!(error.cause, Cause::Malformed);
        let error = reading.push("t", b"data: \xff\n\n").unwrap_err();
        assert_eq!(error.cause, Cause::Malformed);
    }
}
