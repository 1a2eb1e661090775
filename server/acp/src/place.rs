//! Places as a client names them: a path with lines behind it, or the address of a file. Lines count from one.

use engine::syntax::text::{LineIndex, Span};
use engine::workspace::uri;
use std::path::{Component, Path, PathBuf};

/// A file and perhaps some of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub path: PathBuf,
    /// The first line and the last one.
    pub lines: Option<(usize, usize)>,
}

impl Place {
    /// Reads `path`, `path:3`, `path:3:7` (a column says nothing more) or `path:3-9`; a relative path lies below `root`.
    pub fn typed(word: &str, root: &Path) -> Self {
        let word = word.strip_prefix('@').unwrap_or(word);
        let mut parts = word.splitn(3, ':');
        let (path, lines) = (parts.next().unwrap_or(word), parts.next().and_then(lines));
        let path = if lines.is_some() { path } else { word };
        Self { path: root.join(path), lines }
    }

    /// Reads the address of a file, with lines as in `#L3`, `#L3:9` or `#L3-L9`.
    pub fn linked(address: &str) -> Option<Self> {
        let fragment = address.split_once('#').map(|(_, fragment)| fragment);
        let lines = fragment.and_then(|fragment| lines(fragment.strip_prefix('L')?));
        Some(Self { path: uri::to_path(address)?, lines })
    }

    /// The path as it is shown and mentioned: relative to the root where it lies below it.
    pub fn shown(&self, root: &Path) -> String {
        self.path.strip_prefix(root).unwrap_or(&self.path).to_string_lossy().replace('\\', "/")
    }

    /// Whether it lies below one of these folders by its name.
    pub fn is_below(&self, roots: &[PathBuf]) -> bool {
        let goes_up = self.path.components().any(|part| part == Component::ParentDir);
        !goes_up && roots.iter().any(|root| self.path.starts_with(root))
    }

    /// The bytes that are meant: the first letter of a line, all of several lines, or the whole text. What is wrong is one sentence.
    pub fn span(&self, text: &str, index: &LineIndex, root: &Path) -> Result<Span, String> {
        let Some((first, last)) = self.lines else { return Ok(Span::new(0, text.len())) };
        if first == 0 || first > index.lines() {
            return Err(format!("{} has no line {first}; it has {}.", self.shown(root), index.lines()));
        }
        let start = code_of(text, index.line_span(text, first - 1));
        if last <= first {
            return Ok(Span::at(start.start));
        }
        let end = code_of(text, index.line_span(text, last.min(index.lines()) - 1));
        Ok(Span::new(start.start, end.end))
    }
}

/// A line without the space around it.
pub(crate) fn code_of(text: &str, line: Span) -> Span {
    let code = line.of(text);
    let lead = code.len() - code.trim_start().len();
    if lead == code.len() {
        return Span::at(line.start);
    }
    Span::new(line.start + lead, line.start + code.trim_end().len())
}

/// `3`, `3-9`, `3:9` or `3-L9`.
fn lines(text: &str) -> Option<(usize, usize)> {
    let (first, last) = text.split_once(['-', ':']).unwrap_or((text, text));
    let first: usize = first.parse().ok()?;
    let last = last.strip_prefix('L').unwrap_or(last).parse().ok()?;
    Some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_people_and_clients_write_them() {
        let root = Path::new("/w");
        let typed = |word: &str| {
            let place = Place::typed(word, root);
            (place.shown(root), place.lines)
        };
        assert_eq!(typed("src/a.py:3"), ("src/a.py".into(), Some((3, 3))));
        assert_eq!(typed("@src/a.py:3-9"), ("src/a.py".into(), Some((3, 9))));
        assert_eq!(typed("/w/a.py:3:7"), ("a.py".into(), Some((3, 3))));
        assert_eq!(typed("a:b.py"), ("a:b.py".into(), None));
        assert_eq!(typed("a.py"), ("a.py".into(), None));
        let linked = |address: &str| Place::linked(address).map(|place| (place.shown(root), place.lines));
        assert_eq!(linked("file:///w/a%20b.py#L3:9"), Some(("a b.py".into(), Some((3, 9)))));
        assert_eq!(linked("file:///w/a.py#L3-L9"), Some(("a.py".into(), Some((3, 9)))));
        assert_eq!(linked("file:///w/a.py#L4"), Some(("a.py".into(), Some((4, 4)))));
        assert_eq!(linked("https://example.org/"), None);
        let roots = [PathBuf::from("/w")];
        assert!(Place::typed("a.py", root).is_below(&roots));
        assert!(!Place::typed("../a.py", root).is_below(&roots) && !Place::typed("/etc/x", root).is_below(&roots));
    }

    #[test]
    fn lines_become_bytes() {
        let text = "a\n  🎉 b  \n\nlast";
        let index = LineIndex::new(text);
        let span = |word: &str| Place::typed(word, Path::new("/w")).span(text, &index, Path::new("/w"));
        assert_eq!(span("x:2"), Ok(Span::at(4)));
        assert_eq!(span("x:3"), Ok(Span::at(13)));
        assert_eq!(span("x:2-4").map(|span| span.of(text)), Ok("🎉 b  \n\nlast"));
        assert_eq!(span("x:2-900").map(|span| span.end), Ok(text.len()));
        assert_eq!(span("x"), Ok(Span::new(0, text.len())));
        assert_eq!(span("x:9"), Err("x has no line 9; it has 4.".to_owned()));
        assert!(span("x:0").is_err());
    }
}
