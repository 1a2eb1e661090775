//! How results are written down, one form a file. Nothing here decides anything.

pub mod diff;
pub mod github;
pub mod json;
pub mod sarif;
pub mod source;
pub mod terminal;
pub mod text;

use engine::answers::{FileReport, Summary};
use std::io::{self, Write};
use std::path::Path;

/// One way to write findings down.
pub trait Reporter {
    /// Takes the findings of one file.
    fn file(&mut self, report: &FileReport, out: &mut dyn Write) -> io::Result<()>;

    /// Ends the report.
    fn finish(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()>;
}

/// A path as it is shown: with forward slashes, without `./` in front.
pub fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    let text = if cfg!(windows) { text.replace('\\', "/") } else { text.into_owned() };
    match text.strip_prefix("./") {
        Some(rest) if !rest.is_empty() => rest.to_owned(),
        _ => text,
    }
}

/// "1 file", "2 files".
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Standard output that falls silent when nobody reads it any more.
///
/// `code-agent check | head` is no failure: what comes after the reader has gone is dropped.
pub struct Pipe<W> {
    inner: W,
    closed: bool,
}

impl<W: Write> Pipe<W> {
    /// Writes to `inner` as long as there is a reader.
    pub fn new(inner: W) -> Self {
        Self { inner, closed: false }
    }

    /// Whether nobody reads it any more.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    fn settle<T>(&mut self, result: io::Result<T>, otherwise: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(otherwise)
            }
            result => result,
        }
    }
}

impl<W: Write> Write for Pipe<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(buffer.len());
        }
        let result = self.inner.write(buffer);
        self.settle(result, buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let result = self.inner.flush();
        self.settle(result, ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, then is gone.
    struct Reader(usize);

    impl Write for Reader {
        fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
            if self.0 < buffer.len() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.0 -= buffer.len();
            Ok(buffer.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_goes_away_is_no_failure() {
        let mut pipe = Pipe::new(Reader(4));
        pipe.write_all(b"four").expect("there is a reader");
        assert!(!pipe.closed);
        pipe.write_all(b"more").expect("nobody reads, nothing fails");
        assert!(pipe.closed);
    }

    #[test]
    fn a_path_is_shown_without_its_dot() {
        assert_eq!(shown(Path::new("./a/b.py")), "a/b.py");
        assert_eq!(shown(Path::new("../a/b.py")), "../a/b.py");
        assert_eq!(shown(Path::new("./")), "./");
    }
}
