//! A piece of code written anew by a model: what *Fix*, *Refactor* and custom actions that edit have in common.

use crate::ask::{Action, Checked, Made, Patience, Question, code, instruction};
use crate::check::{Ground, Keeps, judge, shown};
use llm::prompt::{Origin, Part};
use std::sync::Arc;
use syntax::model::FileModel;
use syntax::text::Span;

/// Bytes of code that one action may write anew.
pub const MOST_CODE: usize = 32 << 10;
/// Bytes of a token in code, on the safe side.
const BYTES_A_TOKEN: usize = 3;

/// A region of a file that a model writes anew.
pub struct Rewrite {
    ground: Ground,
    region: Span,
    keeps: Keeps,
    instruction: Part,
    context: Vec<Part>,
    wanted: Vec<Part>,
}

impl Rewrite {
    /// Has `region` written anew, but for what `keeps` says. `context` is what stands around it, best first; `wanted` is what is wanted, in words
    /// of the user or of a tool.
    pub fn new(
        model: Arc<FileModel>,
        region: Span,
        keeps: Keeps,
        instruction: Part,
        context: Vec<Part>,
        wanted: Vec<Part>,
    ) -> Self {
        let ground = Ground::new(model, region, context.iter().chain(&wanted).filter_map(data));
        Self { ground, region, keeps, instruction, context, wanted }
    }
}

/// The text of a part that came from outside.
fn data(part: &Part) -> Option<&str> {
    match part {
        Part::Data(_, text) => Some(text),
        Part::Instruction(_) => None,
    }
}

impl Action for Rewrite {
    fn question(&self) -> Question {
        let text = shown(self.ground.model(), self.region);
        let mut parts = vec![self.instruction.clone()];
        parts.extend(self.context.iter().cloned());
        parts.push(Part::Data(Origin::Code, text.clone()));
        parts.extend(self.wanted.iter().cloned());
        parts.push(Part::Data(
            Origin::Question,
            format!("Write the last piece of {} code anew.", self.ground.model().language.name),
        ));
        // As long as it is, and half as long again, in tokens.
        let max_tokens = 512 + (text.len() * 3 / 2 / BYTES_A_TOKEN) as u32;
        Question { parts, schema: None, max_tokens }
    }

    fn read(&self, answer: &str, _: Patience) -> Result<Checked, String> {
        let edits = judge(&self.ground, self.region, &code(answer)?, self.keeps)?;
        let kept = match self.keeps {
            Keeps::Signatures => "signatures kept",
            Keeps::Names => "definitions kept",
        };
        let made = Made::Edit { edits, region: self.region };
        Ok(Checked { made, checks: vec!["parses", "confined to its range", kept, "names exist"], remarks: Vec::new() })
    }
}

/// The piece of code that a place belongs to: the innermost definition with a body around it, else its whole lines.
pub fn region_at(model: &FileModel, span: Span) -> Span {
    let holds = |symbol: &&syntax::model::Symbol| {
        symbol.span.contains(span)
            && (symbol.kind.is_callable() || symbol.kind.is_type())
            && symbol.span.len() <= MOST_CODE
    };
    if let Some(symbol) = model.symbols.iter().skip(1).filter(holds).min_by_key(|symbol| symbol.span.len()) {
        return symbol.span;
    }
    // Whole lines, from the first word on.
    let first = model.lines.line(span.start);
    let last = model.lines.line(span.end.max(span.start));
    let start = model.lines.line_start(&model.text, first);
    let end = model.lines.line_span(&model.text, last).end;
    let text = model.text.get(start..end).unwrap_or("");
    let lead = text.len() - text.trim_start().len();
    Span::new(start + lead, start + text.trim_end().len().max(lead))
}

/// The instructions of a template that holds markers.
pub(crate) fn instructed(template: &str, markers: &[(&str, &str)]) -> Part {
    let filled = markers.iter().fold(template.to_owned(), |text, (marker, value)| text.replace(marker, value));
    instruction(&filled)
}
