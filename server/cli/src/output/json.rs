//! One finding a line, as JSON. Columns count UTF-16 code units from zero, as the protocol's default does.

use super::{Reporter, shown};
use engine::analysis::diagnostic::Finding;
use engine::answers::{FileReport, Summary};
use engine::syntax::text::{Position, PositionEncoding};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Writes findings as lines of JSON.
pub struct Json;

impl Reporter for Json {
    fn file(&mut self, report: &FileReport, out: &mut dyn Write) -> io::Result<()> {
        for finding in &report.findings {
            writeln!(out, "{}", line(report, finding))?;
        }
        Ok(())
    }

    fn finish(&mut self, _summary: &Summary, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

fn line(report: &FileReport, finding: &Finding) -> Value {
    let place = |offset| position(report.lines.position(&report.text, offset, PositionEncoding::Utf16));
    json!({
        "path": shown(&report.path),
        "code": finding.rule,
        "symbol": finding.symbol_path,
        "names": finding.names,
        "severity": finding.severity,
        "message": finding.message,
        "range": { "start": place(finding.span.start), "end": place(finding.span.end) },
        "fixable": !finding.repairs.is_empty(),
    })
}

fn position(position: Position) -> Value {
    json!({ "line": position.line, "character": position.character })
}
