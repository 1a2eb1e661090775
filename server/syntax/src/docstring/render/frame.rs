//! Puts lines between the delimiters of a comment.

use crate::docstring::{CommentForm, Layout, escape};

/// Characters that a line of content may have.
pub(crate) fn room(layout: &Layout) -> usize {
    let taken = match &layout.form {
        CommentForm::PythonString { .. } => 0,
        CommentForm::Block { .. } => 3,
        CommentForm::Lines { marker } => marker.chars().count() + 1,
    };
    let indent: usize = layout.indent.chars().map(|character| if character == '\t' { 4 } else { 1 }).sum();
    layout.width.saturating_sub(indent + taken).max(20)
}

/// Characters that the first line of content may have.
pub(crate) fn first_room(layout: &Layout) -> usize {
    match &layout.form {
        CommentForm::PythonString { prefix, .. } => room(layout).saturating_sub(prefix.chars().count() + 3).max(20),
        _ => room(layout),
    }
}

/// The comment with these lines in it; blank lines at its ends are dropped.
pub(crate) fn frame(lines: &[String], layout: &Layout) -> String {
    framed(lines, layout, false)
}

/// As [`frame`]; with `open_alone` the opening quote of a string has a line of its own.
pub(crate) fn framed(lines: &[String], layout: &Layout, open_alone: bool) -> String {
    let start = lines.iter().position(|line| !line.trim().is_empty()).unwrap_or(lines.len());
    let end = lines.iter().rposition(|line| !line.trim().is_empty()).map_or(start, |last| last + 1);
    let lines: Vec<&str> = lines.get(start..end).unwrap_or(&[]).iter().map(|line| line.trim_end()).collect();
    match &layout.form {
        CommentForm::PythonString { prefix, quote } => python(&lines, prefix, quote, open_alone, layout),
        CommentForm::Block { open } => block(&lines, open, layout),
        CommentForm::Lines { marker } => marked(&lines, marker, layout),
    }
}

fn python(lines: &[&str], prefix: &str, quote: &str, open_alone: bool, layout: &Layout) -> String {
    let Layout { indent, eol, .. } = layout;
    let first = lines.first().copied().unwrap_or("");
    let spoils = lines.last().is_some_and(|last| escape::spoils_the_end(last, &layout.form));
    if lines.len() <= 1 && !spoils && !open_alone && first.chars().count() + quote.len() <= first_room(layout) {
        return format!("{prefix}{quote}{first}{quote}");
    }
    // A string in single quotes cannot hold a line break.
    let quote = if quote.len() == 1 { quote.repeat(3) } else { quote.to_owned() };
    let mut text =
        if open_alone { format!("{prefix}{quote}{eol}{indent}{first}") } else { format!("{prefix}{quote}{first}") };
    for line in lines.iter().skip(1) {
        text.push_str(eol);
        if !line.is_empty() {
            text.push_str(indent);
            text.push_str(line);
        }
    }
    format!("{text}{eol}{indent}{quote}")
}

fn block(lines: &[&str], open: &str, layout: &Layout) -> String {
    let Layout { indent, eol, .. } = layout;
    if let [] | [_] = lines {
        let line = lines.first().copied().unwrap_or("");
        if line.is_empty() {
            return format!("{open} */");
        }
        if line.chars().count() + open.len() < room(layout) {
            return format!("{open} {line} */");
        }
    }
    let mut text = open.to_owned();
    for line in lines {
        let line = if line.is_empty() { format!("{eol}{indent} *") } else { format!("{eol}{indent} * {line}") };
        text.push_str(&line);
    }
    format!("{text}{eol}{indent} */")
}

fn marked(lines: &[&str], marker: &str, layout: &Layout) -> String {
    let marked = lines.iter().map(|line| if line.is_empty() { marker.to_owned() } else { format!("{marker} {line}") });
    let text = marked.collect::<Vec<_>>().join(&format!("{}{}", layout.eol, layout.indent));
    if text.is_empty() { marker.to_owned() } else { text }
}
