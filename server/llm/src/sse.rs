//! Cuts a stream of bytes into events: server-sent events as the HTML standard defines them, or lines of JSON.
//!
//! Bytes may be cut anywhere, in the middle of a character too. A line that is never ended is refused, not kept growing.

/// How events are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `text/event-stream`.
    ServerSentEvents,
    /// One JSON value a line.
    Lines,
}

/// A line or an event above this size is no answer of a model.
const LONGEST: usize = 4 << 20;

/// The stream cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// An event without end.
    #[error("an event of the stream is longer than 4 MiB")]
    TooLong,
    /// It is not UTF-8.
    #[error("the stream is not UTF-8")]
    NotUtf8,
}

/// Reads events from bytes as they come.
#[derive(Debug)]
pub struct EventReader {
    framing: Framing,
    buffer: Vec<u8>,
    /// Data lines of the event that is not complete yet.
    data: String,
    has_data: bool,
}

impl EventReader {
    /// A reader at the start of a stream.
    pub fn new(framing: Framing) -> Self {
        Self { framing, buffer: Vec::new(), data: String::new(), has_data: false }
    }

    /// Gives the data of each event that is complete with these bytes.
    ///
    /// # Errors
    /// If an event has no end or is no text, or whoever takes it fails; nothing more is to be read then.
    pub fn push<E: From<FrameError>>(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        self.buffer.extend_from_slice(bytes);
        let mut at = 0;
        while let Some((line, next)) = next_line(&self.buffer, at) {
            let line =
                std::str::from_utf8(self.buffer.get(line).unwrap_or_default()).map_err(|_| FrameError::NotUtf8)?;
            match self.framing {
                Framing::Lines if !line.trim().is_empty() => take(line)?,
                Framing::Lines => {}
                Framing::ServerSentEvents if line.is_empty() => {
                    if std::mem::take(&mut self.has_data) {
                        take(&self.data)?;
                        self.data.clear();
                    }
                }
                Framing::ServerSentEvents => {
                    // Comments, names of events, ids and retry times say nothing that the data does not say.
                    if let Some(value) = line.strip_prefix("data:") {
                        if self.has_data {
                            self.data.push('\n');
                        }
                        self.data.push_str(value.strip_prefix(' ').unwrap_or(value));
                        self.has_data = true;
                    }
                }
            }
            at = next;
        }
        self.buffer.drain(..at);
        if self.buffer.len() > LONGEST || self.data.len() > LONGEST {
            return Err(FrameError::TooLong.into());
        }
        Ok(())
    }
}

/// The next whole line from `at` on, and where the one after it begins. A lone `\r` at the end of the bytes may be half of `\r\n`.
fn next_line(buffer: &[u8], at: usize) -> Option<(std::ops::Range<usize>, usize)> {
    let rest = buffer.get(at..)?;
    let end = memchr::memchr2(b'\n', b'\r', rest)?;
    let next = match (rest.get(end), rest.get(end + 1)) {
        (Some(b'\r'), None) => return None,
        (Some(b'\r'), Some(b'\n')) => end + 2,
        _ => end + 1,
    };
    Some((at..at + end, at + next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STREAM: &str =
        ": hello\r\nevent: x\r\ndata: {\"a\": \"é🎉\"}\r\n\r\ndata:one\ndata: two\n\nretry: 5\n\ndata: [DONE]\n\n";

    fn read(framing: Framing, pieces: &[&[u8]]) -> Vec<String> {
        let mut reader = EventReader::new(framing);
        let mut events = Vec::new();
        for piece in pieces.iter().chain([&&b"\n\n"[..]]) {
            reader
                .push::<FrameError>(piece, |event| {
                    events.push(event.to_owned());
                    Ok(())
                })
                .unwrap();
        }
        events
    }

    proptest! {
        #[test]
        fn events_do_not_depend_on_where_the_bytes_are_cut(cut in 0..=STREAM.len(), other in 0..=STREAM.len()) {
            let (first, second) = (cut.min(other), cut.max(other));
            let bytes = STREAM.as_bytes();
            let events = read(Framing::ServerSentEvents, &[&bytes[..first], &bytes[first..second], &bytes[second..]]);
            prop_assert_eq!(events, ["{\"a\": \"é🎉\"}", "one\ntwo", "[DONE]"]);
        }
    }

    #[test]
    fn lines_are_events_and_a_last_one_without_end_counts() {
        assert_eq!(read(Framing::Lines, &[b"{\"a\":1}\n\n{\"b\"", b":2}"]), ["{\"a\":1}", "{\"b\":2}"]);
    }

    #[test]
    fn garbage_is_an_error_and_not_memory() {
        let mut reader = EventReader::new(Framing::ServerSentEvents);
        assert_eq!(reader.push(b"data: \xff\xfe\n", |_| Ok(())), Err(FrameError::NotUtf8));
        let mut reader = EventReader::new(Framing::Lines);
        let mut result = Ok(());
        for _ in 0..5 {
            result = reader.push(&[b'x'; 1 << 20], |_| Ok(()));
        }
        assert_eq!(result, Err(FrameError::TooLong));
    }
}
