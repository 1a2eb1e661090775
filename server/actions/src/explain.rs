//! The action *Explain*: what code does, in words, with what it names checked against the code.

use crate::ask::{Action, Checked, Made, Patience, Question, instruction};
use crate::claims::Known;
use crate::hover;
use crate::rewrite::{MOST_CODE, region_at};
use llm::prompt::{Origin, Part};
use std::sync::Arc;
use syntax::model::FileModel;
use syntax::text::Span;

/// Bytes of an explanation; more is no explanation.
const LONGEST: usize = 32 << 10;

/// Explains a definition or a selection.
pub struct Explain {
    model: Arc<FileModel>,
    region: Span,
    context: Vec<Part>,
}

impl Explain {
    /// Explains what is selected, or the definition around a place.
    pub fn new(model: Arc<FileModel>, span: Span, context: Vec<Part>) -> Self {
        let region = if span.of(&model.text).trim().is_empty() { region_at(&model, span) } else { span };
        Self { model, region, context }
    }

    /// What it is about, in a few words.
    pub fn title(&self) -> String {
        let symbol = self.model.symbol_at(self.region.start).and_then(|index| self.model.symbols.get(index));
        let whole = symbol.filter(|symbol| !symbol.name.is_empty() && self.region.contains(symbol.name_span));
        whole.map_or_else(|| "the selection".to_owned(), |symbol| format!("`{}`", symbol.path))
    }
}

impl Action for Explain {
    fn question(&self) -> Question {
        let text = self.region.of(&self.model.text);
        let mut parts = vec![instruction(include_str!("prompts/explain.md"))];
        parts.extend(self.context.iter().cloned());
        parts
            .push(Part::Data(Origin::Code, text.get(..text.floor_char_boundary(MOST_CODE)).unwrap_or(text).to_owned()));
        parts.push(Part::Data(
            Origin::Question,
            format!("Explain the last piece of {} code.", self.model.language.name),
        ));
        Question { parts, schema: None, max_tokens: 900 }
    }

    fn read(&self, answer: &str, _: Patience) -> Result<Checked, String> {
        let text = answer.trim();
        if text.len() < 20 || text.len() > LONGEST {
            return Err("The answer is no explanation.".to_owned());
        }
        let mut known = Known::of(&self.model);
        for part in &self.context {
            if let Part::Data(_, text) = part {
                known.add(text);
            }
        }
        // Words about code are judged by the reader; a name that is nowhere is told to him, not hidden from him.
        let (_, unknown) = known.believed(&outside_of_blocks(text));
        let mut remarks: Vec<String> =
            unknown.iter().map(|name| format!("`{name}` is not in the code that was shown.")).collect();
        remarks.dedup();
        Ok(Checked { made: Made::Text(text.to_owned()), checks: vec!["names looked up"], remarks })
    }

    /// What the code itself says.
    fn offline(&self) -> Option<Checked> {
        let index = self.model.symbol_at(self.region.start)?;
        let symbol = self.model.symbols.get(index)?;
        let text = hover::markdown(&self.model, index, symbol, &[]);
        Some(Checked {
            made: Made::Text(text),
            checks: Vec::new(),
            remarks: vec!["No model explained it; this is what the code says itself.".to_owned()],
        })
    }
}

/// The text without its fenced blocks.
fn outside_of_blocks(text: &str) -> String {
    let mut is_code = false;
    let lines = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_fence && !is_code
    });
    lines.collect::<Vec<_>>().join("\n")
}
