//! Reads lines of bounded length. What is too long is passed over to its end and told, never gathered.

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, BufReader};

/// Bytes of a message.
pub(crate) const LONGEST: usize = 16 << 20;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line without its end.
    Text(Vec<u8>),
    /// A line that is longer than is allowed.
    TooLong,
    /// Nothing more comes.
    End,
}

/// The lines of an input. A wait for the next one can be given up and begun anew.
pub(crate) struct Lines<R> {
    input: BufReader<R>,
    limit: usize,
    begun: Vec<u8>,
    is_too_long: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub fn new(input: R, limit: usize) -> Self {
        Self { input: BufReader::with_capacity(64 << 10, input), limit, begun: Vec::new(), is_too_long: false }
    }

    pub async fn next(&mut self) -> Line {
        loop {
            // An input that cannot be read has ended.
            let Ok(chunk) = self.input.fill_buf().await else { return Line::End };
            if chunk.is_empty() {
                return if self.begun.is_empty() && !self.is_too_long { Line::End } else { self.take() };
            }
            let end = chunk.iter().position(|&byte| byte == b'\n');
            let (part, used) = match end {
                Some(end) => (chunk.get(..end).unwrap_or(chunk), end + 1),
                None => (chunk, chunk.len()),
            };
            if self.is_too_long || self.begun.len() + part.len() > self.limit {
                self.is_too_long = true;
                self.begun = Vec::new();
            } else {
                self.begun.extend_from_slice(part);
            }
            std::pin::Pin::new(&mut self.input).consume(used);
            if end.is_some() {
                return self.take();
            }
        }
    }

    fn take(&mut self) -> Line {
        let line = std::mem::take(&mut self.begun);
        if std::mem::take(&mut self.is_too_long) { Line::TooLong } else { Line::Text(line) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_one_by_one_and_long_ones_are_passed_over() {
        let mut lines = Lines::new(&b"one\n\n12345678\r\n123456789\ntwo\nlast"[..], 9);
        let mut all = Vec::new();
        loop {
            match lines.next().await {
                Line::End => break,
                line => all.push(line),
            }
        }
        let text = |text: &str| Line::Text(text.into());
        assert_eq!(all, [text("one"), text(""), text("12345678\r"), text("123456789"), text("two"), text("last")]);
        let mut lines = Lines::new(&b"1234567890\nok\n1234567890"[..], 9);
        assert_eq!(lines.next().await, Line::TooLong);
        assert_eq!(lines.next().await, text("ok"));
        assert_eq!(lines.next().await, Line::TooLong);
        assert_eq!(lines.next().await, Line::End);
    }
}
