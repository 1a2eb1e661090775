//! Cuts a byte stream into messages by their `Content-Length` headers, and finds the next message again after garbage.
//!
//! Never looks into a message beyond what is needed to get back in step, and never gives up while bytes arrive.

use tokio::io::{AsyncRead, AsyncReadExt};

/// A body above this size is taken for a broken header: no editor sends a quarter of a gigabyte in one message.
const MAX_BODY: usize = 256 << 20;
/// A header block above this size is taken for garbage.
const MAX_HEADER: usize = 64 << 10;
/// The header that counts, in lower case.
const LENGTH: &[u8] = b"content-length:";

/// What the stream held next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// The body of one message.
    Body(Vec<u8>),
    /// Bytes that are no message were skipped; the sentence says why.
    Garbage(String),
    /// The stream ended, perhaps in the middle of a message.
    End,
}

/// Reads frames from a stream.
pub(crate) struct FrameReader<R> {
    input: R,
    buffer: Vec<u8>,
    /// Bytes of `buffer` already handed out.
    done: usize,
    /// Set while garbage is being skipped, so that one run of it is reported once.
    skipping: bool,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// A reader at the start of `input`.
    pub(crate) fn new(input: R) -> Self {
        Self { input, buffer: Vec::with_capacity(16 << 10), done: 0, skipping: false }
    }

    /// The next frame. An error of the stream is its end: there is nobody left to tell.
    pub(crate) async fn next(&mut self) -> Frame {
        loop {
            match self.header() {
                Header::Length { body_start, length } => {
                    self.skipping = false;
                    while self.buffer.len() - self.done < body_start + length {
                        if !self.fill().await {
                            return Frame::End;
                        }
                    }
                    let start = self.done + body_start;
                    let body = self.buffer.get(start..start + length).unwrap_or_default().to_vec();
                    self.consume(body_start + length);
                    return Frame::Body(body);
                }
                Header::Garbage { length, reason } => {
                    self.consume(length);
                    if !self.skipping {
                        self.skipping = true;
                        return Frame::Garbage(reason);
                    }
                }
                Header::Partial => {
                    if !self.fill().await {
                        return Frame::End;
                    }
                }
            }
        }
    }

    /// Takes back the end of the last body, from `rest` on: its length was too great and it swallowed the next message's header.
    pub(crate) fn give_back(&mut self, rest: &[u8]) {
        self.buffer.splice(..self.done, rest.iter().copied());
        self.done = 0;
    }

    /// Looks at what the unread bytes begin with.
    fn header(&self) -> Header {
        let unread = self.buffer.get(self.done..).unwrap_or_default();
        let Some((block_end, body_start)) = end_of_header(unread) else {
            if unread.len() > MAX_HEADER {
                let length = unread.len() - LENGTH.len();
                return Header::Garbage { length, reason: "A message header is longer than 64 KiB.".to_owned() };
            }
            return Header::Partial;
        };
        let block = unread.get(..block_end).unwrap_or_default();
        let Some(at) = rfind_length(block) else {
            let reason = "A message has no Content-Length header.".to_owned();
            return Header::Garbage { length: body_start, reason };
        };
        if !is_clean(block.get(..at).unwrap_or_default()) {
            // What stands before the header belongs to no message: it is reported once, then the header is read as usual.
            let reason = "There are bytes between two messages that belong to neither.".to_owned();
            return Header::Garbage { length: at, reason };
        }
        let value = block.get(at + LENGTH.len()..).unwrap_or_default();
        let value = value.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii();
        match std::str::from_utf8(value).ok().and_then(|digits| digits.parse::<usize>().ok()) {
            Some(length) if length <= MAX_BODY => Header::Length { body_start, length },
            Some(length) => {
                let reason =
                    format!("A message of {length} bytes is larger than the {MAX_BODY} bytes that are accepted.");
                Header::Garbage { length: body_start, reason }
            }
            None => {
                Header::Garbage { length: body_start, reason: "A Content-Length header is not a number.".to_owned() }
            }
        }
    }

    /// Drops bytes from the front.
    fn consume(&mut self, length: usize) {
        self.done = (self.done + length).min(self.buffer.len());
        if self.done == self.buffer.len() {
            self.buffer.clear();
            self.done = 0;
            // One huge message must not keep its memory for the rest of the session.
            self.buffer.shrink_to(1 << 20);
        } else if self.done > 16 << 10 && self.done > self.buffer.len() / 2 {
            self.buffer.drain(..self.done);
            self.done = 0;
        }
    }

    /// Reads more; false at the end.
    async fn fill(&mut self) -> bool {
        matches!(self.input.read_buf(&mut self.buffer).await, Ok(count) if count > 0)
    }
}

enum Header {
    /// A good header; both numbers count from the first unread byte.
    Length { body_start: usize, length: usize },
    /// So many bytes are to be skipped.
    Garbage { length: usize, reason: String },
    /// More bytes are needed.
    Partial,
}

/// Where the header block ends and where the body starts.
fn end_of_header(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(offset) = bytes.get(from..)?.iter().position(|&byte| byte == b'\n') {
        let line_end = from + offset;
        match bytes.get(line_end + 1..)? {
            [b'\r', b'\n', ..] => return Some((line_end, line_end + 3)),
            [b'\n', ..] => return Some((line_end, line_end + 2)),
            _ => from = line_end + 1,
        }
    }
    None
}

/// The last `Content-Length:` of a block: what stands before it may be the rest of a broken message.
fn rfind_length(block: &[u8]) -> Option<usize> {
    block.windows(LENGTH.len()).rposition(|window| window.eq_ignore_ascii_case(LENGTH))
}

/// Whether the bytes before the length are whole header lines.
fn is_clean(bytes: &[u8]) -> bool {
    bytes.is_empty()
        || bytes.ends_with(b"\n")
            && bytes.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).all(|line| {
                line.split(|&byte| byte == b':').next().is_some_and(|name| {
                    name.len() < line.len() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
                })
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn frames(input: &[u8]) -> Vec<Frame> {
        let mut reader = FrameReader::new(input);
        let mut found = Vec::new();
        loop {
            match reader.next().await {
                Frame::End => return found,
                frame => found.push(frame),
            }
        }
    }

    fn body(text: &str) -> Frame {
        Frame::Body(text.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn reads_messages_with_any_header_spelling_and_order() {
        let input = b"Content-Length: 2\r\n\r\n{}Content-Type: application/vscode-jsonrpc; charset=utf-8\r\ncontent-length:2\r\n\r\n[]Content-Length: 1\nX: y\n\n7";
        assert_eq!(frames(input).await, [body("{}"), body("[]"), body("7")]);
    }

    #[tokio::test]
    async fn a_message_may_arrive_byte_by_byte() {
        let mut input = tokio_test_chunks(b"Content-Length: 4\r\n\r\n\xf0\x9f\x8e\x89Content-Length: 2\r\n\r\n{}");
        let mut reader = FrameReader::new(&mut input);
        assert_eq!(reader.next().await, body("🎉"));
        assert_eq!(reader.next().await, body("{}"));
        assert_eq!(reader.next().await, Frame::End);
    }

    /// A pipe that holds a single byte at a time.
    fn tokio_test_chunks(bytes: &'static [u8]) -> tokio::io::DuplexStream {
        let (mut writer, reader) = tokio::io::duplex(1);
        tokio::spawn(async move { tokio::io::AsyncWriteExt::write_all(&mut writer, bytes).await });
        reader
    }

    #[tokio::test]
    async fn gets_back_in_step_after_garbage() {
        let input = b"hello\r\n\r\nContent-Length: x\r\n\r\nrubbish}Content-Length: 2\r\n\r\n{}";
        let found = frames(input).await;
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(matches!(found[0], Frame::Garbage(_)));
        assert_eq!(found[1], body("{}"));
    }

    #[tokio::test]
    async fn gets_back_in_step_after_a_length_that_was_too_short() {
        let found = frames(b"Content-Length: 3\r\n\r\n{\"a\":1}Content-Length: 2\r\n\r\n{}").await;
        assert_eq!(found[0], body("{\"a"));
        assert!(matches!(found[1], Frame::Garbage(_)));
        assert_eq!(found[2], body("{}"));
    }

    #[tokio::test]
    async fn a_length_beyond_reason_is_refused_and_the_next_message_served() {
        let found = frames(b"Content-Length: 99999999999999\r\n\r\n{}Content-Length: 2\r\n\r\n[]").await;
        assert!(matches!(&found[0], Frame::Garbage(reason) if reason.contains("larger")));
        assert_eq!(found.last(), Some(&body("[]")));
    }

    #[tokio::test]
    async fn a_stream_that_breaks_off_ends() {
        assert_eq!(frames(b"Content-Length: 10\r\n\r\n{\"a\"").await, []);
        assert_eq!(frames(b"Content-Le").await, []);
    }

    #[tokio::test]
    async fn endless_garbage_is_not_kept() {
        let mut reader = FrameReader::new(&[b'x'; 1 << 20][..]);
        assert!(matches!(reader.next().await, Frame::Garbage(_)));
        assert_eq!(reader.next().await, Frame::End);
        assert!(reader.buffer.len() <= 2 * MAX_HEADER, "{}", reader.buffer.len());
    }
}
