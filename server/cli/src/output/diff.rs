//! What would change in a file, as a unified diff that `patch` and `git apply` read.

use super::shown;
use engine::answers::FileChangeReport;
use similar::{ChangeTag, TextDiff};
use std::io::{self, Write};

/// Lines around a change.
const CONTEXT: usize = 3;

/// Writes the difference between a file before and after; nothing where there is none.
pub fn write(report: &FileChangeReport, out: &mut dyn Write, colours: bool) -> io::Result<()> {
    if report.before == report.after {
        return Ok(());
    }
    let path = shown(&report.path);
    let name = path.strip_prefix('/').unwrap_or(&path);
    writeln!(out, "--- a/{name}\n+++ b/{name}")?;
    let diff = TextDiff::from_lines(&*report.before, &*report.after);
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        writeln!(out, "{}", hunk.header())?;
        for change in hunk.iter_changes() {
            let (sign, style) = match change.tag() {
                ChangeTag::Delete => ("-", super::terminal::REMOVED),
                ChangeTag::Insert => ("+", super::terminal::ADDED),
                ChangeTag::Equal => (" ", anstyle::Style::new()),
            };
            let (on, off) = if colours {
                (style.render().to_string(), style.render_reset().to_string())
            } else {
                Default::default()
            };
            let line = change.value();
            // The carriage return of a Windows line belongs to the line, or the diff would not apply.
            let body = line.strip_suffix('\n').unwrap_or(line);
            writeln!(out, "{on}{sign}{body}{off}")?;
            if change.missing_newline() {
                writeln!(out, "\\ No newline at end of file")?;
            }
        }
    }
    Ok(())
}
