//! Second readings of a message that is no JSON to a strict reader: half a surrogate pair, or nesting without end.
//!
//! Never guesses what was meant: a half that stands alone becomes U+FFFD, of the same width in every unit of columns, and nothing else changes.

use super::message::read_id;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use tower_lsp::jsonrpc::Id;

/// What an escape of a half is replaced with.
const REPLACEMENT: &[u8] = br"\ufffd";

/// The text with each escape of a lone surrogate replaced; nothing if it holds none.
pub(super) fn replace_lone_surrogates(body: &[u8]) -> Option<Vec<u8>> {
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(found) = body.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == b'\\')) {
        at += found;
        at += match code_unit(body, at) {
            // Any other escape: what follows the backslash is not looked at, so that `\\ud83d` stays the text it is.
            None => 2,
            Some(0xD800..=0xDBFF) if matches!(code_unit(body, at + 6), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                // The replacement is as long as what it replaces, so that all places stay what they are.
                let text = mended.get_or_insert_with(|| body.to_vec());
                if let Some(escape) = text.get_mut(at..at + REPLACEMENT.len()) {
                    escape.copy_from_slice(REPLACEMENT);
                }
                6
            }
            Some(_) => 6,
        };
    }
    mended
}

/// The code unit of the `\uXXXX` at a place.
fn code_unit(body: &[u8], at: usize) -> Option<u32> {
    let digits = body.get(at..at + 6)?.strip_prefix(br"\u")?;
    digits.iter().try_fold(0, |unit, &digit| Some(unit * 16 + char::from(digit).to_digit(16)?))
}

/// The identifier of a message that cannot be read as a whole, and whether it is a request rather than a reply.
pub(super) fn read_envelope(body: &[u8]) -> Option<(Id, bool)> {
    #[derive(Deserialize)]
    struct Envelope {
        id: Value,
        method: Option<IgnoredAny>,
    }
    // A struct may be read from an array too, and an array is no message.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    // What is ignored is skipped without recursion, however deep it is.
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    Some((read_id(&envelope.id)?, envelope.method.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(text: &str) -> Option<String> {
        replace_lone_surrogates(text.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn only_halves_that_stand_alone_are_replaced() {
        for (text, expected) in [
            (r#""\ud83d""#, r#""\ufffd""#),
            (r#""a\uDE00\ud83d\ude00z""#, r#""a\ufffd\ud83d\ude00z""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ud83d\n\\\udfff""#, r#""\ufffd\n\\\ufffd""#),
            (r#""🎉\ud83d🎉""#, r#""🎉\ufffd🎉""#),
        ] {
            assert_eq!(mended(text).as_deref(), Some(expected), "{text}");
        }
        for text in [r#""\ud83d\ude00""#, r#""\\ud83d""#, r#""\u00e9""#, r#""\ud83"#, "\"\\", "{}"] {
            assert_eq!(mended(text), None, "{text}");
        }
    }

    #[test]
    fn the_identifier_is_found_beside_any_depth() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let request = format!(r#"{{"params":{{"id":3,"x":{deep}}},"id":"a","method":"m"}}"#);
        assert_eq!(read_envelope(request.as_bytes()), Some((Id::String("a".into()), true)));
        let reply = format!(r#"{{"id":7,"result":{deep}}}"#);
        assert_eq!(read_envelope(reply.as_bytes()), Some((Id::Number(7), false)));
        assert_eq!(read_envelope(deep.as_bytes()), None);
        assert_eq!(read_envelope(br#"[7,"m"]"#), None);
        assert_eq!(read_envelope(format!(r#"{{"method":"m","params":{deep}}}"#).as_bytes()), None);
    }
}
