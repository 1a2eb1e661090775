//! Findings as workflow commands of GitHub, which shows them beside the lines of a pull request.

use super::{Reporter, counted, shown};
use engine::analysis::diagnostic::{Finding, Severity};
use engine::answers::{FileReport, Summary};
use engine::syntax::text::PositionEncoding;
use std::io::{self, Write};

/// Writes findings as workflow commands.
pub struct Github;

impl Reporter for Github {
    fn file(&mut self, report: &FileReport, out: &mut dyn Write) -> io::Result<()> {
        for finding in &report.findings {
            writeln!(out, "{}", command(report, finding))?;
        }
        Ok(())
    }

    fn finish(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{} in {}.", counted(summary.findings, "problem"), counted(summary.files, "file"))
    }
}

fn command(report: &FileReport, finding: &Finding) -> String {
    let start = report.lines.position(&report.text, finding.span.start, PositionEncoding::Utf16);
    let end = report.lines.position(&report.text, finding.span.end, PositionEncoding::Utf16);
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info | Severity::Hint => "notice",
    };
    let mut place = format!("file={},line={},endLine={}", property(&shown(&report.path)), start.line + 1, end.line + 1);
    // Columns are refused where the place runs over several lines.
    if start.line == end.line {
        place.push_str(&format!(",col={},endColumn={}", start.character + 1, end.character + 1));
    }
    format!("::{level} {place},title={}::{}", property(&format!("code-agent {}", finding.rule)), data(&finding.message))
}

/// Text behind the last pair of colons.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_ends_the_command() {
        assert_eq!(data("100 %\r\n::error::x"), "100 %25%0D%0A::error::x");
        assert_eq!(property("C:\\a,b::c"), "C%3A\\a%2Cb%3A%3Ac");
    }
}
