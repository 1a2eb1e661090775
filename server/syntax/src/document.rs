//! One open document: a rope, its last tree, and the exact byte edits that lead from one version to the next.
//!
//! Applying a change costs microseconds whatever the size of the text; nothing here parses. Positions are clamped, never trusted.

use crate::extract::{Parsed, TreeEdit};
use crate::text::{LineIndex, Position, PositionEncoding};
use ropey::{Rope, RopeSlice};
use std::sync::{Arc, OnceLock};

/// One change of a document as a client tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What goes away, in the text as the change before left it; `None` replaces the whole text.
    pub range: Option<(Position, Position)>,
    /// What comes in its place.
    pub text: String,
}

/// The text of one version. Never changes; what is costly to make of it is made once, when first asked for.
#[derive(Debug)]
pub struct Content {
    store: Store,
    text: OnceLock<Arc<str>>,
    lines: OnceLock<Arc<LineIndex>>,
}

/// How the text is kept.
#[derive(Clone, Debug)]
enum Store {
    /// For documents that change.
    Rope {
        rope: Rope,
        /// Number of `\n`. Trees count rows by these alone, clients count lone `\r` too.
        newlines: usize,
    },
    /// For files that are only read; the text itself stands in [`Content::text`].
    Plain,
}

impl Content {
    /// The content of a document that will change.
    pub fn editable(text: &str) -> Self {
        Self::of_rope(Rope::from_str(text), count_newlines(text))
    }

    /// The content of a file that is only read.
    pub fn plain(text: Arc<str>) -> Self {
        Self { store: Store::Plain, text: OnceLock::from(text), lines: OnceLock::new() }
    }

    fn of_rope(rope: Rope, newlines: usize) -> Self {
        Self { store: Store::Rope { rope, newlines }, text: OnceLock::new(), lines: OnceLock::new() }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        match &self.store {
            Store::Rope { rope, .. } => rope.len_bytes(),
            Store::Plain => self.text().len(),
        }
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole text.
    pub fn text(&self) -> Arc<str> {
        let made = self.text.get_or_init(|| match &self.store {
            Store::Rope { rope, .. } => {
                let mut text = String::with_capacity(rope.len_bytes());
                rope.chunks().for_each(|chunk| text.push_str(chunk));
                text.into()
            }
            Store::Plain => "".into(),
        });
        made.clone()
    }

    /// Where its lines begin.
    pub fn lines(&self) -> Arc<LineIndex> {
        self.lines.get_or_init(|| Arc::new(LineIndex::new(&self.text()))).clone()
    }

    /// The byte at a position; past the end of the line or the text it is their end, inside a character its beginning.
    pub fn offset(&self, position: Position, encoding: PositionEncoding) -> usize {
        match &self.store {
            Store::Rope { rope, .. } => offset_in_rope(rope, position, encoding),
            Store::Plain => self.lines().offset(&self.text(), position, encoding),
        }
    }

    /// The position of a byte; past the end of the text it is its end, inside a character its beginning.
    pub fn position(&self, offset: usize, encoding: PositionEncoding) -> Position {
        match &self.store {
            Store::Rope { rope, .. } => position_in_rope(rope, offset, encoding),
            Store::Plain => self.lines().position(&self.text(), offset, encoding),
        }
    }

    fn rope(&self) -> (Rope, usize) {
        match &self.store {
            Store::Rope { rope, newlines } => (rope.clone(), *newlines),
            Store::Plain => (Rope::from_str(&self.text()), count_newlines(&self.text())),
        }
    }
}

/// An open document. Its owner sees to it that changes come one at a time and in order.
#[derive(Clone, Debug)]
pub struct Document {
    content: Arc<Content>,
    parsed: Option<Parsed>,
}

impl Document {
    /// Opens a document.
    pub fn new(text: &str) -> Self {
        Self { content: Arc::new(Content::editable(text)), parsed: None }
    }

    /// The text of now.
    pub fn content(&self) -> &Arc<Content> {
        &self.content
    }

    /// The last tree, moved along with all edits since it was parsed.
    pub fn parsed(&self) -> Option<&Parsed> {
        self.parsed.as_ref()
    }

    /// Takes over a tree parsed from an earlier text, after which `since` was applied.
    pub fn adopt(&mut self, mut parsed: Parsed, since: impl Iterator<Item = TreeEdit>) {
        since.for_each(|edit| parsed.edit(&edit));
        self.parsed = Some(parsed);
    }

    /// Applies the changes in their order and says what happened in bytes; a change that changes nothing is left out.
    pub fn apply(&mut self, changes: &[Change], encoding: PositionEncoding) -> Vec<TreeEdit> {
        let (mut rope, mut newlines) = self.content.rope();
        let mut edits = Vec::with_capacity(changes.len());
        for change in changes {
            let splice = match change.range {
                Some((start, end)) => {
                    let start = offset_in_rope(&rope, start, encoding);
                    let end = offset_in_rope(&rope, end, encoding).max(start);
                    Splice { start, end, text: &change.text }
                }
                None => difference(&rope, &change.text),
            };
            edits.extend(splice.make(&mut rope, &mut newlines));
        }
        if !edits.is_empty() {
            if let Some(parsed) = &mut self.parsed {
                edits.iter().for_each(|edit| parsed.edit(edit));
            }
            self.content = Arc::new(Content::of_rope(rope, newlines));
        }
        edits
    }
}

/// The bytes `start..end` are to become `text`; both ends lie between characters.
struct Splice<'a> {
    start: usize,
    end: usize,
    text: &'a str,
}

impl Splice<'_> {
    /// Changes the rope, and tells trees what happened; `None` where nothing did.
    fn make(&self, rope: &mut Rope, newlines: &mut usize) -> Option<TreeEdit> {
        if self.start == self.end && self.text.is_empty() {
            return None;
        }
        let start_point = point(rope, *newlines, self.start);
        let old_end_point = point(rope, *newlines, self.end);
        let (first, last) = (rope.byte_to_char(self.start), rope.byte_to_char(self.end));
        if first < last {
            let removed: usize = rope.slice(first..last).chunks().map(count_newlines).sum();
            *newlines -= removed;
            rope.remove(first..last);
        }
        if !self.text.is_empty() {
            rope.insert(first, self.text);
            *newlines += count_newlines(self.text);
        }
        let new_end = self.start + self.text.len();
        Some(TreeEdit {
            start_byte: self.start,
            old_end_byte: self.end,
            new_end_byte: new_end,
            start_point,
            old_end_point,
            new_end_point: point(rope, *newlines, new_end),
        })
    }
}

/// The smallest splice that makes `text` of the rope, so that a client that sends whole texts keeps its tree and its pending edits.
fn difference<'a>(rope: &Rope, text: &'a str) -> Splice<'a> {
    let limit = rope.len_bytes().min(text.len());
    let mut start = 0;
    for chunk in rope.chunks() {
        let same = common_prefix(chunk.as_bytes(), &text.as_bytes()[start..]);
        start += same;
        if same < chunk.len() {
            break;
        }
    }
    while !text.is_char_boundary(start) || !is_boundary(rope, start) {
        start -= 1;
    }
    let mut same_end = 0;
    let mut chunks = rope.chunks_at_byte(rope.len_bytes()).0;
    while let Some(chunk) = chunks.prev() {
        let same = common_suffix(chunk.as_bytes(), &text.as_bytes()[..text.len() - same_end]);
        same_end += same;
        if same < chunk.len() {
            break;
        }
    }
    same_end = same_end.min(limit - start);
    while !text.is_char_boundary(text.len() - same_end) || !is_boundary(rope, rope.len_bytes() - same_end) {
        same_end -= 1;
    }
    Splice { start, end: rope.len_bytes() - same_end, text: text.get(start..text.len() - same_end).unwrap_or("") }
}

fn common_prefix(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take_while(|(left, right)| left == right).count()
}

fn common_suffix(left: &[u8], right: &[u8]) -> usize {
    left.iter().rev().zip(right.iter().rev()).take_while(|(left, right)| left == right).count()
}

fn is_boundary(rope: &Rope, byte: usize) -> bool {
    rope.char_to_byte(rope.byte_to_char(byte)) == byte
}

fn count_newlines(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes()).count()
}

/// Row and byte column as trees count them: rows end at `\n` only.
fn point(rope: &Rope, newlines: usize, byte: usize) -> (usize, usize) {
    // Without a lone `\r` both ways of counting agree, and the rope knows the answer.
    if rope.len_lines() == newlines + 1 {
        let row = rope.byte_to_line(byte);
        return (row, byte - rope.line_to_byte(row));
    }
    let (mut row, mut row_start, mut chunk_start) = (0, 0, 0);
    for chunk in rope.chunks() {
        let before = &chunk.as_bytes()[..chunk.len().min(byte.saturating_sub(chunk_start))];
        row += memchr::memchr_iter(b'\n', before).count();
        if let Some(last) = memchr::memrchr(b'\n', before) {
            row_start = chunk_start + last + 1;
        }
        chunk_start += chunk.len();
        if chunk_start >= byte {
            break;
        }
    }
    (row, byte - row_start)
}

/// Characters of a line without its break.
fn content_chars(line: RopeSlice<'_>) -> usize {
    let mut end = line.len_chars();
    if end > 0 && line.get_char(end - 1) == Some('\n') {
        end -= 1;
    }
    if end > 0 && line.get_char(end - 1) == Some('\r') {
        end -= 1;
    }
    end
}

fn offset_in_rope(rope: &Rope, position: Position, encoding: PositionEncoding) -> usize {
    let (line, column) = (position.line as usize, position.character as usize);
    let Some(slice) = rope.get_line(line) else { return rope.len_bytes() };
    let end = content_chars(slice);
    let character = match encoding {
        PositionEncoding::Utf8 => slice.byte_to_char(column.min(slice.char_to_byte(end))),
        PositionEncoding::Utf16 => slice.utf16_cu_to_char(column.min(slice.char_to_utf16_cu(end))),
        PositionEncoding::Utf32 => column.min(end),
    };
    rope.line_to_byte(line) + slice.char_to_byte(character)
}

fn position_in_rope(rope: &Rope, offset: usize, encoding: PositionEncoding) -> Position {
    let character = rope.byte_to_char(offset.min(rope.len_bytes()));
    let line = rope.char_to_line(character);
    let start = rope.line_to_char(line);
    let column = match encoding {
        PositionEncoding::Utf8 => rope.char_to_byte(character) - rope.char_to_byte(start),
        PositionEncoding::Utf16 => rope.char_to_utf16_cu(character) - rope.char_to_utf16_cu(start),
        PositionEncoding::Utf32 => character - start,
    };
    Position { line: line as u32, character: column as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::{Depth, model_from, parse_incremental};
    use crate::language::Language;

    const ENCODINGS: [PositionEncoding; 3] = [PositionEncoding::Utf8, PositionEncoding::Utf16, PositionEncoding::Utf32];

    /// A small generator of numbers: the same sequence on every machine.
    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % limit.max(1) as u64) as usize
        }
    }

    /// How many random edits are made; a long run sets `CODE_AGENT_EDITS`.
    fn edit_count(usual: usize) -> usize {
        std::env::var("CODE_AGENT_EDITS").ok().and_then(|count| count.parse().ok()).unwrap_or(usual)
    }

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    fn typed(start: Position, end: Position, text: &str) -> Change {
        Change { range: Some((start, end)), text: text.into() }
    }

    #[test]
    fn changes_of_one_message_see_what_the_ones_before_left() {
        let mut document = Document::new("a🎉b\r\nc");
        let changes = [typed(at(0, 3), at(0, 3), "é\r"), typed(at(1, 0), at(1, 1), ""), typed(at(9, 9), at(9, 9), "!")];
        let edits = document.apply(&changes, PositionEncoding::Utf16);
        assert_eq!(&*document.content().text(), "a🎉é\r\r\nc!");
        assert_eq!((edits[0].start_byte, edits[0].old_end_byte, edits[0].new_end_byte), (5, 5, 8));
        assert_eq!((edits[1].start_point, edits[1].old_end_point), ((0, 8), (0, 9)), "a lone \\r begins no row");
        assert_eq!(edits[2].start_point, (1, 1));
    }

    #[test]
    fn positions_out_of_range_and_turned_round_are_clamped() {
        let mut document = Document::new("é\nx");
        document.apply(&[typed(at(7, 0), at(0, 0), "1")], PositionEncoding::Utf16);
        document.apply(&[typed(at(0, u32::MAX), at(u32::MAX, u32::MAX), "2")], PositionEncoding::Utf8);
        document.apply(&[typed(at(0, 1), at(0, 1), "3")], PositionEncoding::Utf8);
        assert_eq!(&*document.content().text(), "3é2");
    }

    #[test]
    fn replacing_the_whole_text_changes_only_what_differs() {
        let mut document = Document::new("fn a() {}\nfn é() {}\nfn c() {}\n");
        let whole = |text: &str| [Change { range: None, text: text.into() }];
        let edits = document.apply(&whole("fn a() {}\nfn ê() {}\nfn c() {}\n"), PositionEncoding::Utf16);
        assert_eq!((edits[0].start_byte, edits[0].old_end_byte, edits[0].new_end_byte), (13, 15, 15));
        assert!(document.apply(&whole("fn a() {}\nfn ê() {}\nfn c() {}\n"), PositionEncoding::Utf16).is_empty());
        let edits = document.apply(&whole(""), PositionEncoding::Utf16);
        assert_eq!((edits[0].start_byte, edits[0].new_end_byte), (0, 0));
        document.apply(&whole("aaa"), PositionEncoding::Utf16);
        let edits = document.apply(&whole("aaaa"), PositionEncoding::Utf16);
        assert_eq!(edits[0].new_end_byte - edits[0].start_byte, 1);
        assert_eq!(&*document.content().text(), "aaaa");
    }

    #[test]
    fn random_edits_agree_with_a_plain_string_in_every_encoding() {
        const PIECES: [&str; 14] = [
            "a", "é", "🎉", "\n", "\r\n", "\r", "\t", "  x = 1", "\u{feff}", "\u{2028}", "", "e\u{301}", "\"\"\"",
            "x\r",
        ];
        for (number, encoding) in ENCODINGS.into_iter().enumerate() {
            let mut random = Random(0x9e37_79b9_7f4a_7c15 + number as u64);
            let mut model = String::from("first\r\nsecond\n");
            let mut document = Document::new(&model);
            for step in 0..edit_count(4000) {
                let lines = LineIndex::new(&model);
                let mut place = || at(random.below(lines.lines() + 1) as u32, random.below(24) as u32);
                let (one, other) = (place(), place());
                let (start, end) = if random.below(4) > 0 { (one, one) } else { (one.min(other), one.max(other)) };
                let text: String = (0..random.below(5)).map(|_| PIECES[random.below(PIECES.len())]).collect();
                let whole = random.below(50) == 0;
                let range = (lines.offset(&model, start, encoding), lines.offset(&model, end, encoding));
                let before = model.clone();
                if whole {
                    let keep = lines.offset(&model, one, encoding);
                    model.insert_str(keep, &text);
                } else {
                    model.replace_range(range.0..range.1, &text);
                }
                let change = if whole { Change { range: None, text: model.clone() } } else { typed(start, end, &text) };
                let edits = document.apply(&[change], encoding);
                assert_eq!(&*document.content().text(), model, "{encoding:?} step {step}");
                for edit in &edits {
                    let rows = |text: &str, offset: usize| {
                        let row_start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
                        (text[..offset].matches('\n').count(), offset - row_start)
                    };
                    assert_eq!(edit.start_point, rows(&before, edit.start_byte), "step {step}");
                    assert_eq!(edit.old_end_point, rows(&before, edit.old_end_byte), "step {step}");
                    assert_eq!(edit.new_end_point, rows(&model, edit.new_end_byte), "step {step}");
                }
                let probe = random.below(model.len() + 2);
                let expected = LineIndex::new(&model).position(&model, probe, encoding);
                assert_eq!(
                    document.content().position(probe, encoding),
                    expected,
                    "{encoding:?} step {step} byte {probe}"
                );
                if model.len() > 600 {
                    model.clear();
                    document = Document::new("");
                }
            }
        }
    }

    #[test]
    fn incremental_trees_are_those_of_a_fresh_parse() {
        const SOURCE: &str = "def f(a, b=1):\n    \"\"\"Tell 🎉.\n\n    Args:\n        a: é.\n    \"\"\"\n    return a\n\n\nclass C:\n    x = 'ü'\n\n    def m(self):\n        raise ValueError('no')\n";
        const PIECES: [&str; 8] = ["x", "é", "🎉", " ", "# note\n", "\n", "y = 2\n", "\r\n"];
        let language = Language::from_id("python").unwrap();
        let mut random = Random(42);
        let mut document = Document::new(SOURCE);
        for step in 0..edit_count(1500) / 5 {
            let text = document.content().text();
            let offset = random.below(text.len() + 1);
            let (start, end) = (offset, offset + random.below(3));
            let place = |offset| document.content().position(offset, PositionEncoding::Utf16);
            let change = typed(place(start), place(end), PIECES[random.below(PIECES.len())]);
            document.apply(&[change], PositionEncoding::Utf16);
            let text = document.content().text();
            let parsed = parse_incremental(language, &text, document.parsed(), &|| false).unwrap();
            let fresh = parse_incremental(language, &text, None, &|| false).unwrap();
            document.adopt(parsed.clone(), std::iter::empty());
            // Recovery from errors may choose another of several wrong trees when it reuses parts; sound trees have no choice.
            if !fresh.outline().contains("ERROR") && !fresh.outline().contains("MISSING") {
                assert_eq!(parsed.outline(), fresh.outline(), "step {step}: {text}");
                let spans = |parsed| -> Vec<_> {
                    let model = model_from(parsed, text.clone(), Depth::Full);
                    model.symbols.iter().map(|symbol| (symbol.path.clone(), symbol.span, symbol.name_span)).collect()
                };
                assert_eq!(spans(&parsed), spans(&fresh), "step {step}: {text}");
            }
            if text.len() > 1200 || random.below(12) == 0 {
                document = Document::new(SOURCE);
            }
        }
    }

    #[test]
    fn a_tree_that_comes_late_is_moved_along() {
        let language = Language::from_id("python").unwrap();
        let mut document = Document::new("x = 1\ny = 2\n");
        let parsed = parse_incremental(language, &document.content().text(), None, &|| false).unwrap();
        let edits = document.apply(&[typed(at(0, 0), at(0, 0), "z = 3\n")], PositionEncoding::Utf8);
        document.adopt(parsed, edits.into_iter());
        let text = document.content().text();
        let incremental = parse_incremental(language, &text, document.parsed(), &|| false).unwrap();
        assert_eq!(incremental.outline(), parse_incremental(language, &text, None, &|| false).unwrap().outline());
    }

    #[test]
    fn plain_content_answers_like_a_rope() {
        let text = "é🎉\r\nb\rc\n";
        let (rope, plain) = (Content::editable(text), Content::plain(text.into()));
        for encoding in ENCODINGS {
            for offset in 0..=text.len() + 1 {
                assert_eq!(rope.position(offset, encoding), plain.position(offset, encoding), "{encoding:?} {offset}");
            }
            for line in 0..6 {
                for column in 0..9 {
                    let (one, other) =
                        (rope.offset(at(line, column), encoding), plain.offset(at(line, column), encoding));
                    assert_eq!(one, other, "{encoding:?} {line}:{column}");
                }
            }
        }
    }
}
