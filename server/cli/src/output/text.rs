//! Findings for people: the sentence, the place, the line of source with a mark under it, and one sentence at the end.

use super::source::excerpt;
use super::terminal::{ERROR, FRAME, NOTE, STRONG, WARNING};
use super::{Reporter, counted, shown};
use anstyle::Style;
use engine::analysis::diagnostic::{Finding, Severity};
use engine::answers::{FileReport, Summary};
use engine::syntax::text::{PositionEncoding, Span};
use std::io::{self, Write};

/// Writes findings for people.
pub struct Text {
    /// Whether the reader sees colours.
    pub colours: bool,
    /// Files that had findings, counted here.
    files_with_findings: usize,
}

impl Text {
    /// A report with or without colours.
    pub fn new(colours: bool) -> Self {
        Self { colours, files_with_findings: 0 }
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.colours { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn finding(&self, report: &FileReport, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
        let (word, style) = match finding.severity {
            Severity::Error => ("error", ERROR),
            Severity::Warning => ("warning", WARNING),
            Severity::Info => ("info", NOTE),
            Severity::Hint => ("hint", NOTE),
        };
        let head = self.paint(style, &format!("{word}[{}]", finding.rule));
        writeln!(out, "{head}: {}", self.paint(STRONG, &finding.message))?;
        let (line, column) = place(report, finding.span);
        let width = (line + 1).to_string().len();
        let frame = |text: &str| self.paint(FRAME, text);
        writeln!(out, "{:width$}{} {}:{}:{}", "", frame("-->"), shown(&report.path), line + 1, column + 1)?;
        let source = report.lines.line_span(&report.text, line);
        let end = finding.span.end.min(source.end).max(finding.span.start);
        let start = finding.span.start.saturating_sub(source.start);
        let shown_line = excerpt(source.of(&report.text), start, end.saturating_sub(source.start));
        writeln!(out, "{:width$} {}", "", frame("|"))?;
        writeln!(out, "{} {} {}", frame(&(line + 1).to_string()), frame("|"), shown_line.line)?;
        let mark = self.paint(style, &"^".repeat(shown_line.marked));
        writeln!(out, "{:width$} {} {:before$}{mark}", "", frame("|"), "", before = shown_line.before)?;
        for related in &finding.related {
            let (line, column) = place(report, related.span);
            let at = format!("{}:{}:{}", shown(&report.path), line + 1, column + 1);
            writeln!(out, "{:width$} {} {at}: {}", "", frame("="), related.message)?;
        }
        let mut remarks = Vec::new();
        if !finding.symbol_path.is_empty() {
            remarks.push(format!("in `{}`", finding.symbol_path));
        }
        if !finding.repairs.is_empty() {
            remarks.push("can be mended".to_owned());
        }
        if !remarks.is_empty() {
            writeln!(out, "{:width$} {} {}", "", frame("="), remarks.join(", "))?;
        }
        writeln!(out)
    }
}

impl Reporter for Text {
    fn file(&mut self, report: &FileReport, out: &mut dyn Write) -> io::Result<()> {
        self.files_with_findings += usize::from(!report.findings.is_empty());
        for finding in &report.findings {
            self.finding(report, finding, out)?;
        }
        Ok(())
    }

    fn finish(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", sentence(summary, self.files_with_findings))
    }
}

/// Line and column from zero, the column in characters as editors count them for people.
fn place(report: &FileReport, span: Span) -> (usize, usize) {
    let position = report.lines.position(&report.text, span.start, PositionEncoding::Utf32);
    (position.line as usize, position.character as usize)
}

/// The end of a report.
fn sentence(summary: &Summary, files_with_findings: usize) -> String {
    let mut parts = Vec::new();
    if summary.mended > 0 {
        parts.push(format!("Mended {} in {}", counted(summary.mended, "problem"), counted(summary.changed, "file")));
    }
    let files = counted(summary.files, "file");
    if summary.findings == 0 {
        parts.push(format!("{} in {files}", if parts.is_empty() { "No problems" } else { "no problems are left" }));
    } else {
        let found = if parts.is_empty() { "Found" } else { "found" };
        let fixable = match summary.fixable {
            0 => String::new(),
            count if count == summary.findings => ", which --fix can mend".to_owned(),
            count => format!(", {count} of which --fix can mend"),
        };
        let problems = counted(summary.findings, "problem");
        parts.push(format!("{found} {problems} in {files_with_findings} of {files}{fixable}"));
    }
    if summary.skipped > 0 {
        parts.push(format!("{} skipped", counted(summary.skipped, "file")));
    }
    format!("{}.", parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_sentence_tells_what_was_found_and_done() {
        let clean = Summary { files: 1, ..Summary::default() };
        assert_eq!(sentence(&clean, 0), "No problems in 1 file.");
        let found = Summary { files: 9, findings: 3, fixable: 2, skipped: 1, ..Summary::default() };
        let text = "Found 3 problems in 2 of 9 files, 2 of which --fix can mend; 1 file skipped.";
        assert_eq!(sentence(&found, 2), text);
        let mended = Summary { files: 9, findings: 1, mended: 4, changed: 2, ..Summary::default() };
        assert_eq!(sentence(&mended, 1), "Mended 4 problems in 2 files; found 1 problem in 1 of 9 files.");
        let all = Summary { files: 9, mended: 4, changed: 1, ..Summary::default() };
        assert_eq!(sentence(&all, 0), "Mended 4 problems in 1 file; no problems are left in 9 files.");
    }
}
