//! The lines of a comment as rows that can be moved, changed and dropped, and the way back to text.
//!
//! Delimiters belong to no row, so that the first and the last row can go or move like any other. A row that nobody changed comes
//! back byte for byte.

use crate::docstring::{CommentForm, DocBlock, escape};
use crate::text::Span;

/// One line between the delimiters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// White space and marker before the content.
    pub prefix: String,
    /// The content and the white space behind it.
    pub body: String,
    /// The line break, where the row had one.
    pub eol: Option<String>,
    /// The content line that it comes from.
    pub line: Option<usize>,
    /// Its bytes are those of its content line.
    pub is_kept: bool,
}

impl Row {
    /// Whether it holds no words.
    pub fn is_blank(&self) -> bool {
        self.body.trim().is_empty()
    }
}

/// The frame around the rows: delimiters, and what new rows look like.
pub(super) struct Sheet<'a> {
    text: &'a str,
    block: &'a DocBlock,
    /// White space and marker of a new row.
    pub base: String,
    /// The line break of new rows.
    pub eol: String,
    delimited: bool,
    open_alone: bool,
    close_alone: bool,
}

impl<'a> Sheet<'a> {
    /// Looks at the delimiters and the margin of `block`.
    pub fn new(text: &'a str, block: &'a DocBlock, eol: &str) -> Self {
        let delimited = !matches!(block.form, CommentForm::Lines { .. });
        let count = block.lines.len();
        let blank = |at: usize| block.lines.get(at).is_none_or(|line| line.span.is_empty());
        let mut sheet = Self {
            text,
            block,
            base: String::new(),
            eol: String::new(),
            delimited,
            open_alone: delimited && count > 1 && blank(0),
            close_alone: delimited && count > 1 && blank(count - 1),
        };
        sheet.eol = (0..count).map(|at| sheet.eol_of(at)).find(|found| !found.is_empty()).unwrap_or(eol).to_owned();
        sheet.base = sheet.margin();
        sheet
    }

    /// Content lines that are rows; a line that holds only a delimiter is none.
    pub fn content(&self) -> std::ops::Range<usize> {
        let count = self.block.lines.len();
        usize::from(self.open_alone)
            ..count.saturating_sub(usize::from(self.close_alone)).max(usize::from(self.open_alone))
    }

    /// The row of a content line.
    pub fn row(&self, number: usize) -> Row {
        let Some(line) = self.block.lines.get(number) else {
            return self.new_row("", "");
        };
        let is_last = number + 1 == self.block.lines.len();
        let behind =
            if is_last && self.delimited { "" } else { Span::new(line.span.end, line.physical.end).of(self.text) };
        let eol = self.eol_of(number);
        Row {
            prefix: self.prefix_before(number, line.span.start),
            body: format!("{}{behind}", line.span.of(self.text)),
            eol: (!eol.is_empty()).then(|| eol.to_owned()),
            line: Some(number),
            is_kept: true,
        }
    }

    /// White space and marker before the first word of a content line.
    pub fn prefix(&self, number: usize) -> String {
        let Some(line) = self.block.lines.get(number) else { return self.base.clone() };
        let content = line.span.of(self.text);
        self.prefix_before(number, line.span.start + (content.len() - content.trim_start().len()))
    }

    /// What a new blank row begins with.
    pub fn blank_prefix(&self) -> &str {
        if matches!(self.block.form, CommentForm::PythonString { .. }) { "" } else { self.base.trim_end() }
    }

    /// A new row.
    pub fn new_row(&self, prefix: &str, body: &str) -> Row {
        let (prefix, body) = if body.trim().is_empty() { (self.blank_prefix(), "") } else { (prefix, body) };
        let mut row = Row { prefix: prefix.to_owned(), body: body.to_owned(), eol: None, line: None, is_kept: false };
        self.guard(&mut row);
        row
    }

    /// Keeps a changed row from closing the comment where its marker and its content meet.
    pub fn guard(&self, row: &mut Row) {
        if matches!(self.block.form, CommentForm::Block { .. })
            && row.prefix.ends_with('*')
            && row.body.starts_with('/')
        {
            row.prefix.push(' ');
        }
    }

    fn eol_of(&self, number: usize) -> &'a str {
        match (self.block.lines.get(number), self.block.lines.get(number + 1)) {
            (Some(line), Some(next)) => Span::new(line.physical.end, next.physical.start).of(self.text),
            _ => "",
        }
    }

    fn prefix_before(&self, number: usize, end: usize) -> String {
        let Some(line) = self.block.lines.get(number) else { return String::new() };
        if number > 0 {
            return Span::new(line.physical.start, end).of(self.text).to_owned();
        }
        if self.delimited {
            return format!("{}{}", self.base, Span::new(line.span.start, end).of(self.text));
        }
        format!("{}{}", self.block.indent, Span::new(line.physical.start, end).of(self.text))
    }

    /// The prefix that filled lines share; for a comment that has none, the one that its form asks for.
    fn margin(&self) -> String {
        let lines = self.block.lines.iter().enumerate();
        let filled = lines.filter(|(number, line)| !line.span.is_empty() && (*number > 0 || !self.delimited));
        let mut prefixes: Vec<String> =
            filled.map(|(number, line)| self.prefix_before(number, line.span.start)).collect();
        let indent = &self.block.indent;
        match &self.block.form {
            CommentForm::PythonString { .. } => {
                prefixes.into_iter().min_by_key(String::len).unwrap_or_else(|| indent.clone())
            }
            CommentForm::Block { .. } => match most_common(&prefixes) {
                Some(found) if found.contains('*') || !self.has_starred_blank() => found,
                _ => format!("{indent} * "),
            },
            CommentForm::Lines { marker } => {
                prefixes.retain(|prefix| prefix.trim() == marker && prefix.ends_with([' ', '\t']));
                most_common(&prefixes).unwrap_or_else(|| format!("{indent}{marker} "))
            }
        }
    }

    fn has_starred_blank(&self) -> bool {
        let mut inner = self.block.lines.iter().skip(1);
        inner.any(|line| {
            line.span.is_empty() && Span::new(line.physical.start, line.span.start).of(self.text).contains('*')
        })
    }

    /// The text of the whole comment with these rows in it.
    pub fn assemble(&self, rows: &[Row]) -> String {
        if !self.delimited {
            return self.assemble_lines(rows);
        }
        let was_one_line = self.block.lines.len() <= 1;
        let grows = was_one_line && rows.len() > 1;
        let is_block = matches!(self.block.form, CommentForm::Block { .. });
        // `/** */` has no words, so its one row is no blank line of the comment that it becomes.
        let rows = if grows && is_block && rows.first().is_some_and(Row::is_blank) {
            rows.get(1..).unwrap_or(&[])
        } else {
            rows
        };
        let (mut open, mut close) = (self.open_text().to_owned(), self.close_text().to_owned());
        if grows
            && let CommentForm::PythonString { quote, .. } = &self.block.form
            && quote.len() == 1
        {
            // A string in single quotes cannot hold a line break.
            let triple = quote.repeat(3);
            open = open.replacen(quote.as_str(), &triple, 1);
            close = close.trim().replacen(quote.as_str(), &triple, 1);
        }
        let open_alone = self.open_alone || (grows && is_block);
        let mut close_alone = self.close_alone || grows;
        if let Some(last) = rows.last() {
            close_alone = close_alone
                || (!self.is_old_end(last) && escape::spoils_the_end(last.body.trim_end(), &self.block.form));
        }
        let mut result = String::new();
        if open_alone {
            result.push_str(if self.open_alone { &open } else { open.trim_end() });
            result.push_str(if self.open_alone { self.eol_of(0) } else { &self.eol });
        }
        for (number, row) in rows.iter().enumerate() {
            let is_last = number + 1 == rows.len();
            if number == 0 && !open_alone {
                result.push_str(if row.is_blank() && (grows || !row.is_kept) { open.trim_end() } else { &open });
                if is_block && open.ends_with('*') && row.body.starts_with('/') {
                    result.push(' ');
                }
            } else {
                result.push_str(&row.prefix);
            }
            if is_last && !close_alone {
                result.push_str(if self.is_old_end(row) { &row.body } else { row.body.trim_end() });
                result.push_str(&close);
            } else {
                result.push_str(&row.body);
                result.push_str(row.eol.as_deref().unwrap_or(&self.eol));
            }
        }
        if rows.is_empty() && !open_alone {
            result.push_str(open.trim_end());
            if close_alone {
                result.push_str(&self.eol);
            } else if is_block {
                result.push(' ');
            }
        }
        if close_alone {
            result.push_str(&if self.close_alone { self.close_line().to_owned() } else { self.new_close_line(&close) });
        } else if rows.is_empty() {
            if open_alone {
                result.push_str(&self.new_close_line(&close));
            } else {
                result.push_str(close.trim_start());
            }
        }
        result
    }

    fn is_old_end(&self, row: &Row) -> bool {
        row.is_kept && row.line.is_some_and(|number| number + 1 == self.block.lines.len())
    }

    fn assemble_lines(&self, rows: &[Row]) -> String {
        let mut result = String::new();
        for (number, row) in rows.iter().enumerate() {
            let line = format!("{}{}", row.prefix, row.body);
            // The block begins behind the white space of its first line.
            let line = if number == 0 {
                line.strip_prefix(self.block.indent.as_str()).unwrap_or(line.trim_start())
            } else {
                &line
            };
            result.push_str(line);
            if number + 1 < rows.len() {
                result.push_str(row.eol.as_deref().unwrap_or(&self.eol));
            }
        }
        if rows.is_empty() {
            result.push_str(self.base.trim());
        }
        result
    }

    /// Whether the comment has its end; one that runs on to the end of a broken file is not for editing.
    pub fn is_closed(&self) -> bool {
        match &self.block.form {
            CommentForm::PythonString { quote, .. } => self.close_text().ends_with(quote.as_str()),
            CommentForm::Block { .. } => self.close_text().ends_with("*/"),
            CommentForm::Lines { .. } => true,
        }
    }

    fn open_text(&self) -> &'a str {
        let Some(first) = self.block.lines.first() else { return "" };
        let end = if self.open_alone { first.physical.end } else { first.span.start };
        Span::new(self.block.span.start, end).of(self.text)
    }

    fn close_text(&self) -> &'a str {
        let Some(last) = self.block.lines.last() else { return "" };
        Span::new(last.span.end, self.block.span.end).of(self.text)
    }

    fn close_line(&self) -> &'a str {
        let Some(last) = self.block.lines.last() else { return "" };
        Span::new(last.physical.start, self.block.span.end).of(self.text)
    }

    fn new_close_line(&self, close: &str) -> String {
        let close = close.trim();
        let margin = self.base.trim_end();
        if close == "*/" && margin.ends_with('*') {
            format!("{margin}/")
        } else {
            format!("{}{close}", self.block.indent)
        }
    }
}

/// The value that occurs most often, the first of those that occur equally often.
pub(super) fn most_common<T: Clone + PartialEq>(values: &[T]) -> Option<T> {
    let count = |value: &T| values.iter().filter(|other| *other == value).count();
    let mut best: Option<(usize, &T)> = None;
    for value in values {
        let times = count(value);
        if best.is_none_or(|(most, _)| times > most) {
            best = Some((times, value));
        }
    }
    best.map(|(_, value)| value.clone())
}
