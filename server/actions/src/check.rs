//! The verifier: code that a model wrote takes the place of a region, in an overlay, and is judged before anybody sees it.
//!
//! It must parse as well as before, keep what it must keep, leave nothing out, and name nothing that does not exist. What passes becomes
//! the smallest edits that make it; nothing outside of the region is ever touched.

mod ground;

pub use ground::Ground;

use ground::After;
use rustc_hash::FxHashSet;
use similar::{DiffOp, TextDiff};
use syntax::extract::names_in;
use syntax::model::{FileModel, Symbol, SymbolKind};
use syntax::text::{Span, TextEdit};

/// So many times as long as what it replaces new code may be, and some more.
const LONGER: usize = 8;
const SOME_MORE: usize = 16 << 10;

/// What new code must keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// Every definition of the region, with its parameters.
    Signatures,
    /// Every definition of the region that others can name.
    Names,
}

/// Judges `code` in the place of `region`: the edits that put it there.
///
/// # Errors
/// What is wrong with it, in a sentence.
pub fn judge(ground: &Ground, region: Span, code: &str, keeps: Keeps) -> Result<Vec<TextEdit>, String> {
    let model = ground.model();
    let old = region.of(&model.text);
    if code.trim().is_empty() {
        return Err("The answer has no code.".to_owned());
    }
    if code.len() > old.len() * LONGER + SOME_MORE {
        return Err(format!("The code has {} bytes, far more than the {} that it replaces.", code.len(), old.len()));
    }
    if let Some(character) = code.chars().find(|character| is_invisible(*character) && !old.contains(*character)) {
        return Err(format!("The code has the invisible character U+{:04X}.", character as u32));
    }
    if let Some(line) = left_out(old, code) {
        return Err(format!("The code leaves a part out (`{line}`); the whole code is wanted."));
    }
    let code = fitted(model, region, code);
    if code == old {
        return Err("The code is the same as before.".to_owned());
    }
    let edits = smallest(region, old, &code);
    let after = ground.after(region, &code)?;
    keep(ground, &after, region, keeps)?;
    if let Some(name) = invented(ground, &after) {
        return Err(format!("The code calls `{name}`, which does not exist."));
    }
    Ok(edits)
}

/// Characters that nobody sees, some of which make code look like other code (CVE-2021-42574).
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || character.is_control() && !matches!(character, '\n' | '\r' | '\t' | '\u{c}')
}

/// A line that stands for code which was left out. One that the old code has is no such line.
fn left_out<'a>(old: &str, code: &'a str) -> Option<&'a str> {
    const MARKS: [&str; 8] = [
        "rest of",
        "remaining code",
        "existing code",
        "unchanged",
        "same as before",
        "your code here",
        "implementation here",
        "omitted",
    ];
    code.lines().map(str::trim).find(|line| {
        let words = line.trim_start_matches(['/', '#', '*', '-', '.', '…', '<', '!', ' ', '{']);
        let is_comment = words.len() < line.len() && line.starts_with(['/', '#', '*', '-', '.', '…', '<', '{']);
        let lower = words.to_lowercase();
        is_comment
            && MARKS.iter().any(|mark| lower.contains(mark))
            && (line.contains("...") || line.contains('…') || words.len() < 60)
            && !old.contains(*line)
    })
}

/// The white space before a region, where nothing else stands before it on its line.
fn indent_of(model: &FileModel, region: Span) -> &str {
    let line_start = model.text.get(..region.start).unwrap_or("").rfind('\n').map_or(0, |at| at + 1);
    let lead = model.text.get(line_start..region.start).unwrap_or("");
    if lead.trim().is_empty() { lead } else { "" }
}

/// The code of a region as it would stand at the left edge, with plain line breaks: what a model is shown.
pub(crate) fn shown(model: &FileModel, region: Span) -> String {
    let indent = indent_of(model, region);
    let text = region.of(&model.text).replace("\r\n", "\n");
    let mut lines = text.split('\n').map(|line| line.strip_prefix(indent).unwrap_or(line));
    let first = lines.next().unwrap_or("").to_owned();
    lines.fold(first, |text, line| format!("{text}\n{line}"))
}

/// The least white space before a line, the first one left out.
fn least_indent(text: &str) -> Option<usize> {
    let lines = text.lines().skip(1).filter(|line| !line.trim().is_empty());
    lines.map(|line| line.len() - line.trim_start_matches([' ', '\t']).len()).min()
}

/// The code with the indentation and the line breaks of the region: models begin at the left edge, or as the region does.
fn fitted(model: &FileModel, region: Span, code: &str) -> String {
    let old = region.of(&model.text);
    let indent = indent_of(model, region);
    let code = code.replace("\r\n", "\n");
    let code = code.trim_start_matches('\n').trim_end();
    let first = code.lines().next().unwrap_or("");
    let own = first.len() - first.trim_start_matches([' ', '\t']).len();
    let own_indent = first.get(..own).unwrap_or("");
    let is_indented =
        own == 0 && !indent.is_empty() && least_indent(old).is_some_and(|old| least_indent(code) >= Some(old));
    let indent = if is_indented { "" } else { indent };
    let mut fitted = String::with_capacity(code.len() + 64);
    for (number, line) in code.lines().enumerate() {
        let line = line.strip_prefix(own_indent).unwrap_or(line);
        if number > 0 {
            fitted.push('\n');
            if !line.trim().is_empty() {
                fitted.push_str(indent);
            }
        }
        fitted.push_str(line);
    }
    fitted.push_str(old.get(old.trim_end().len()..).unwrap_or(""));
    if model.text.contains("\r\n") { fitted.replace("\r\n", "\n").replace('\n', "\r\n") } else { fitted }
}

/// The edits of whole lines that make the new text of the old.
pub fn smallest(region: Span, old: &str, new: &str) -> Vec<TextEdit> {
    let diff = TextDiff::from_lines(old, new);
    let starts = |text: &str| {
        let mut starts = vec![0];
        starts.extend(text.split_inclusive('\n').scan(0, |at, line| {
            *at += line.len();
            Some(*at)
        }));
        starts
    };
    let (old_starts, new_starts) = (starts(old), starts(new));
    let at = |starts: &[usize], line: usize| starts.get(line).or(starts.last()).copied().unwrap_or(0);
    let mut edits = Vec::new();
    for op in diff.ops() {
        let (from, to) = (op.old_range(), op.new_range());
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        let text = new.get(at(&new_starts, to.start)..at(&new_starts, to.end)).unwrap_or("");
        let span = Span::new(region.start + at(&old_starts, from.start), region.start + at(&old_starts, from.end));
        edits.push(TextEdit::replace(span, text));
    }
    edits
}

/// What changes between two texts, as a unified difference.
pub fn difference(before: &str, after: &str) -> String {
    TextDiff::from_lines(before, after).unified_diff().context_radius(3).to_string()
}

/// The definitions that lie in a span and can be named from outside of it.
fn definitions(model: &FileModel, span: Span) -> impl Iterator<Item = &Symbol> {
    let is_inside =
        move |symbol: &&Symbol| span.contains(symbol.span) && !symbol.name.is_empty() && !symbol.flags.is_local;
    model.symbols.iter().skip(1).filter(is_inside)
}

/// Nothing outside of the region is another, and in it stands what must.
fn keep(ground: &Ground, after: &After, region: Span, keeps: Keeps) -> Result<(), String> {
    let (old, new, written) = (ground.part(), &after.model, after.written);
    let region = ground.in_part(region);
    let outside = |model: &FileModel, span: Span| -> Vec<String> {
        model
            .symbols
            .iter()
            .skip(1)
            .filter(|symbol| !span.contains(symbol.span))
            .map(|symbol| symbol.path.clone())
            .collect()
    };
    if outside(old, region) != outside(new, written) {
        return Err("The code would change what stands around it.".to_owned());
    }
    let around = outside(old, region);
    if let Some(twice) = definitions(new, written).find(|symbol| {
        symbol.kind != SymbolKind::Impl && (around.contains(&symbol.path) || ground.is_defined_elsewhere(&symbol.path))
    }) {
        return Err(format!("The code defines `{}` a second time.", twice.path));
    }
    let count = |model, span, path: &str| definitions(model, span).filter(|symbol| symbol.path == path).count();
    for symbol in definitions(old, region) {
        if count(new, written, &symbol.path) > count(old, region, &symbol.path) {
            return Err(format!("The code defines `{}` more than once.", symbol.path));
        }
        let mut same = definitions(new, written).filter(|other| other.path == symbol.path && other.kind == symbol.kind);
        let Some(first) = same.next() else {
            return Err(format!("The code no longer defines `{}`.", symbol.path));
        };
        let names = |symbol: &Symbol| symbol.params.iter().map(|param| param.name.clone()).collect::<Vec<_>>();
        let is_same = |other: &Symbol| names(other) == names(symbol) && other.visibility == symbol.visibility;
        if keeps == Keeps::Signatures && !is_same(first) && !same.any(is_same) {
            return Err(format!("The code changes the parameters or the visibility of `{}`.", symbol.path));
        }
    }
    Ok(())
}

/// A function that new code calls by its plain name, or on the instance itself, and that nothing defines.
fn invented(ground: &Ground, after: &After) -> Option<String> {
    let (model, known) = (ground.model(), ground.known());
    let (text, written) = (&*after.model.text, after.written);
    let names = names_in(&after.parsed, text, written);
    // What the new code binds itself it uses somewhere without calling it.
    let bound: FxHashSet<&str> = names
        .iter()
        .filter(|name| !name.is_member && (!name.is_called || is_definition(text, name.span)))
        .map(|name| name.span.of(text))
        .collect();
    let is_own = |span: Span| {
        let before = text.get(..span.start).unwrap_or("").trim_end();
        ["self.", "this.", "cls.", "self::", "Self::"].iter().any(|own| before.ends_with(own))
    };
    let is_invented = |name: &&syntax::extract::CodeName| {
        let word = name.span.of(text);
        name.is_called
            && (!name.is_member || is_own(name.span))
            && !is_definition(text, name.span)
            && !known.is_in_code(word)
            && !model.language.is_builtin(word)
            && (name.is_member || !bound.contains(word))
            // A method of a base class is not seen from here.
            && !(name.is_member && has_unseen_bases(model, ground.in_file(written)))
    };
    names.iter().find(is_invented).map(|name| name.span.of(text).to_owned())
}

/// Whether a name is given here to what it names.
fn is_definition(text: &str, span: Span) -> bool {
    let before = text.get(..span.start).unwrap_or("").trim_end();
    let word: String = before.chars().rev().take_while(|character| character.is_alphanumeric()).collect();
    let word: String = word.chars().rev().collect();
    let is_method = || {
        // A method of an object or class in a language without a keyword for it: `name(…) {`.
        let after = text.get(span.end..).unwrap_or("");
        let close = after.find(')').and_then(|at| after.get(at + 1..)).unwrap_or("");
        close.trim_start_matches([' ', '\t']).starts_with('{')
            && (before.ends_with(['{', '}', ';', ',']) || word == "async")
    };
    matches!(word.as_str(), "def" | "fn" | "function" | "func" | "class" | "macro_rules" | "struct") || is_method()
        // Go: `func (s *T) Name(`.
        || (before.ends_with(')') && before.rsplit_once('\n').map_or(before, |(_, line)| line).trim_start().starts_with("func "))
}

fn has_unseen_bases(model: &FileModel, written: Span) -> bool {
    let owner = model.symbols.iter().filter(|symbol| symbol.kind.is_type() && symbol.span.touches(written.start));
    owner
        .into_iter()
        .any(|owner| owner.bases.iter().any(|base| !model.symbols.iter().any(|symbol| symbol.name == *base)))
}

#[cfg(test)]
mod tests;
