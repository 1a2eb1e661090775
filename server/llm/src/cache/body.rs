//! The form in which an answer lies in a shared store: a byte for the version, one for flags, a digest, and JSON, packed when it is long.
//!
//! A store is not trusted: whatever is not exactly what was put there under this key is no answer. What is unpacked is bounded.

use super::key::Key;
use crate::request::{Answer, Finish, Usage};
use serde::{Deserialize, Serialize};

const VERSION: u8 = 1;
const PACKED: u8 = 1;
const DIGEST: usize = 32;
const HEAD: usize = 2 + DIGEST;
/// Shorter ones gain nothing by packing.
const WORTH_PACKING: usize = 1024;
/// Packing is to take less time than sending what it saves.
const LEVEL: i32 = 3;
/// Bytes of a value, packed and unpacked; a longer one is neither written nor read.
pub(crate) const LONGEST: usize = 4 << 20;

/// An answer and the time at which it was given, in seconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Body {
    pub answer: Answer,
    pub born: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    text: String,
    target: String,
    usage: Option<[u64; 3]>,
    born: u64,
}

impl Body {
    /// The bytes to store; `None` for an answer that is too long, or that is not whole.
    pub fn write(&self, key: &Key) -> Option<Vec<u8>> {
        if self.answer.finish != Finish::Stop {
            return None;
        }
        let stored = Stored {
            text: self.answer.text.clone(),
            target: self.answer.target.clone(),
            usage: self.answer.usage.map(|usage| [usage.input, usage.cached, usage.output]),
            born: self.born,
        };
        let plain = serde_json::to_vec(&stored).ok().filter(|plain| plain.len() <= LONGEST - HEAD)?;
        let packed = if plain.len() > WORTH_PACKING { zstd::bulk::compress(&plain, LEVEL).ok() } else { None };
        let packed = packed.filter(|packed| packed.len() < plain.len());
        let mut bytes = vec![VERSION, if packed.is_some() { PACKED } else { 0 }];
        bytes.extend(digest(key, &plain));
        bytes.extend(packed.unwrap_or(plain));
        Some(bytes)
    }

    /// What lies under a key, if it is what was put there.
    pub fn read(key: &Key, bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        let ([VERSION, flags], expected) = head.split_at_checked(2)? else { return None };
        let plain = match *flags {
            0 => rest.to_vec(),
            // Nothing is unpacked beyond the bound, whatever it claims to be.
            PACKED => zstd::bulk::decompress(rest, LONGEST).ok()?,
            _ => return None,
        };
        if digest(key, &plain) != expected {
            return None;
        }
        let stored: Stored = serde_json::from_slice(&plain).ok()?;
        let usage = stored.usage.map(|[input, cached, output]| Usage { input, cached, output });
        let answer = Answer { text: stored.text, finish: Finish::Stop, usage, target: stored.target, from_cache: true };
        Some(Self { answer, born: stored.born })
    }
}

/// Binds a value to its key and to each of its bytes. It keeps accidents away, not somebody who may write to the store.
fn digest(key: &Key, plain: &[u8]) -> [u8; DIGEST] {
    *blake3::keyed_hash(key.bytes(), plain).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{Origin, Part, Prompt, PromptLimits};
    use crate::request::Request;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn key(text: &str) -> Key {
        let prompt = Prompt::new(&[Part::Data(Origin::Code, text.into())], PromptLimits::default()).unwrap();
        Key::of(&Request::new(Arc::new(prompt)), &["m"])
    }

    fn body(text: &str) -> Body {
        let usage = Some(Usage { input: 3, cached: 1, output: 2 });
        let answer = Answer { text: text.into(), finish: Finish::Stop, usage, target: "t".into(), from_cache: true };
        Body { answer, born: 1_700_000_000 }
    }

    #[test]
    fn a_long_answer_is_packed_and_a_short_one_is_not() {
        let long = "the same words again and again ".repeat(1000);
        for (text, flags) in [("short", 0), (long.as_str(), PACKED)] {
            let bytes = body(text).write(&key("q")).unwrap();
            assert_eq!((bytes[0], bytes[1]), (VERSION, flags));
            assert_eq!(Body::read(&key("q"), &bytes), Some(body(text)));
            assert_eq!(Body::read(&key("another"), &bytes), None, "a value under a key that is not its own");
        }
        assert!(body(&long).write(&key("q")).unwrap().len() < long.len() / 10);
    }

    #[test]
    fn what_is_too_long_or_not_whole_is_not_written() {
        assert_eq!(body(&"x".repeat(LONGEST)).write(&key("q")), None);
        let mut cut = body("x");
        cut.answer.finish = Finish::Length;
        assert_eq!(cut.write(&key("q")), None);
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let unpacked = vec![b' '; LONGEST + 1];
        let mut bytes = vec![VERSION, PACKED];
        bytes.extend(digest(&key("q"), &unpacked));
        bytes.extend(zstd::bulk::compress(&unpacked, LEVEL).unwrap());
        assert!(bytes.len() < 10_000);
        assert_eq!(Body::read(&key("q"), &bytes), None);
        // One byte less is unpacked: it is the bound that refused it.
        assert!(zstd::bulk::decompress(&zstd::bulk::compress(&unpacked[1..], LEVEL).unwrap(), LONGEST).is_ok());
    }

    proptest! {
        #[test]
        fn a_value_with_any_change_in_it_is_no_answer(text in "\\PC{0,3000}", place in any::<prop::sample::Index>(), other in 1u8.., cut in any::<prop::sample::Index>()) {
            let bytes = body(&text).write(&key("q")).unwrap();
            prop_assert_eq!(Body::read(&key("q"), &bytes), Some(body(&text)));
            let mut changed = bytes.clone();
            changed[place.index(bytes.len())] ^= other;
            let read = Body::read(&key("q"), &changed);
            // A frame of zstd has bits that mean nothing; what comes out of it is the same then.
            prop_assert!(read.is_none() || read == Some(body(&text)));
            let short = Body::read(&key("q"), &bytes[..cut.index(bytes.len())]);
            prop_assert!(short.is_none());
        }

        #[test]
        fn garbage_is_no_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(Body::read(&key("q"), &bytes), None);
            let mut with_head = vec![VERSION, bytes.first().copied().unwrap_or(0) & 1];
            with_head.extend(&bytes);
            prop_assert_eq!(Body::read(&key("q"), &with_head), None);
        }
    }
}
