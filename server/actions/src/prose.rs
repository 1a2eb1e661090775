//! The action *Document with a model*: the model is given facts and fills slots with prose; our own renderer writes the comment.
//!
//! The model never writes markup, names or types, so it cannot get them wrong. A sentence that names what does not exist is taken out, and a
//! slot that is left empty keeps the words of the offline writer.

use crate::ask::{Action, Checked, Made, Patience, Question, instruction, object};
use crate::claims::{Known, sentences};
use crate::document::{self, Scope};
use crate::edit::{Refusal, insert_comment, prove};
use crate::layout::{eol, layout_for, style_for};
use crate::writer::subject::person_of;
use crate::writer::{Person, WriterOptions, draft};
use llm::prompt::{Origin, Part};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use syntax::docstring::render::render;
use syntax::docstring::{DocDraft, DocStyle, EntryDraft};
use syntax::model::{FileModel, Symbol};
use syntax::text::{Span, TextEdit};

/// Characters of a text in a slot; a longer one is a chapter and no entry.
const LONGEST: usize = 600;
/// Characters of a summary.
const LONGEST_SUMMARY: usize = 160;
/// Bytes of code that are shown.
const MOST_CODE: usize = 24 << 10;

/// Documents one symbol with a model.
pub struct Document {
    model: Arc<FileModel>,
    symbol: usize,
    options: WriterOptions,
    style: DocStyle,
    /// The words of the offline writer.
    words: DocDraft,
    known: Known,
    context: Vec<Part>,
}

impl Document {
    /// Prepares to document a symbol; `context` is shown to the model besides.
    ///
    /// # Errors
    /// If it has documentation, takes it from elsewhere, or has no place for any.
    pub fn new(
        model: Arc<FileModel>,
        symbol: usize,
        options: WriterOptions,
        context: Vec<Part>,
    ) -> Result<Self, Refusal> {
        // Whatever the offline writer cannot place nobody can.
        document::document_scope(&model, Scope::Symbol(symbol), &options)?;
        let style = style_for(&model, &options);
        let words = draft(&model, symbol, style, &options).ok_or(Refusal::NoSymbol)?;
        let mut known = Known::of(&model);
        context.iter().for_each(|part| {
            if let Part::Data(_, text) = part {
                known.add(text);
            }
        });
        Ok(Self { model, symbol, options, style, words, known, context })
    }

    fn item(&self) -> Option<&Symbol> {
        self.model.symbols.get(self.symbol)
    }

    fn facts(&self) -> Value {
        let Some(item) = self.item() else { return Value::Null };
        let facts = item.facts.as_ref();
        let throws = facts.map_or(&[][..], |facts| &facts.throws);
        json!({
            "language": self.model.language.name,
            "kind": item.kind.word(),
            "name": item.path,
            "signature": item.signature.of(&self.model.text).trim(),
            "parameters": item.params.iter().map(|param| json!({
                "name": param.name,
                "type": param.type_text.as_ref().map(|text| &text.text),
                "default": param.default.as_ref().map(|text| &text.text),
            })).collect::<Vec<_>>(),
            "returns": item.return_type.as_ref().map(|text| &text.text),
            "raises": throws.iter().map(|throw| json!({
                "type": throw.type_name, "condition": throw.condition, "message": throw.message,
            })).collect::<Vec<_>>(),
            "calls": facts.map_or(&[][..], |facts| &facts.calls),
        })
    }

    /// The comment with the words of `draft`, proved.
    fn edit(&self, draft: &DocDraft) -> Result<Vec<TextEdit>, Refusal> {
        let item = self.item().ok_or(Refusal::NoSymbol)?;
        let layout = layout_for(&self.model, item, self.style, &self.options);
        let comment = render(draft, self.style, &layout);
        let edit = match &item.doc {
            Some(doc) => TextEdit::replace(doc.block.span, comment),
            None => insert_comment(&self.model, item, &comment, eol(&self.model.text)),
        };
        prove(&self.model, std::slice::from_ref(&edit))?;
        Ok(vec![edit])
    }

    fn region(&self) -> Span {
        self.item().map_or(Span::at(0), |item| item.span)
    }

    fn checked(&self, edits: Vec<TextEdit>, checks: Vec<&'static str>, remarks: Vec<String>) -> Checked {
        Checked { made: Made::Edit { edits, region: self.region() }, checks, remarks }
    }

    /// The draft with the answer's words where they are good, and what is wrong with the others.
    fn filled(&self, answer: &Value) -> (DocDraft, usize, Vec<String>) {
        let mut draft = self.words.clone();
        let mut slots = Slots { known: &self.known, filled: 0, problems: Vec::new() };
        slots.fill(&mut draft.summary, answer.get("summary"), "summary", LONGEST_SUMMARY);
        if let Some(details) = answer.get("details").and_then(Value::as_str).filter(|text| !text.trim().is_empty()) {
            let mut text = String::new();
            slots.fill(&mut text, Some(&json!(details)), "details", LONGEST * 3);
            draft.details = Some(text).filter(|text| !text.is_empty()).into_iter().collect();
        }
        for (group, entries) in groups(&mut draft) {
            for entry in entries {
                let name = entry.name.clone();
                let value = answer.get(group).and_then(|group| group.get(&name));
                slots.fill(&mut entry.text, value, &format!("{group}.{name}"), LONGEST);
            }
        }
        for (name, entry) in [("returns", draft.returns.as_mut()), ("yields", draft.yields.as_mut())] {
            if let Some(entry) = entry {
                slots.fill(&mut entry.text, answer.get(name), name, LONGEST);
            }
        }
        if self.style == DocStyle::Godoc {
            let name = self.item().map_or("", |item| item.name.as_str());
            if !draft.summary.starts_with(name) {
                slots.problems.push(format!("`summary` must begin with `{name}`."));
                draft.summary.clone_from(&self.words.summary);
            }
        }
        let Slots { filled, problems, .. } = slots;
        (draft, filled, problems)
    }
}

/// The groups of named entries.
fn groups(draft: &mut DocDraft) -> [(&'static str, &mut Vec<EntryDraft>); 4] {
    [
        ("params", &mut draft.params),
        ("raises", &mut draft.raises),
        ("attributes", &mut draft.attributes),
        ("type_params", &mut draft.type_params),
    ]
}

/// Takes over what is good of an answer.
struct Slots<'a> {
    known: &'a Known,
    filled: usize,
    problems: Vec<String>,
}

impl Slots<'_> {
    fn fill(&mut self, slot: &mut String, value: Option<&Value>, name: &str, longest: usize) {
        let Some(text) = value.and_then(Value::as_str).filter(|text| !text.trim().is_empty()) else {
            self.problems.push(format!("`{name}` is missing."));
            return;
        };
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(mark) =
            ["*/", "/*", "\"\"\"", "'''", "```", "TODO", "<!--"].iter().find(|mark| text.contains(**mark))
        {
            self.problems.push(format!("`{name}` must not contain `{mark}`."));
            return;
        }
        let (kept, unknown) = self.known.believed(&text);
        self.problems
            .extend(unknown.iter().map(|unknown| format!("`{name}` names `{unknown}`, which is not in the code.")));
        // A sentence is cut nowhere but at its end.
        let mut fitting = String::new();
        for sentence in sentences(&kept) {
            if fitting.trim_end().chars().count() + sentence.trim_end().chars().count() > longest {
                self.problems.push(format!("`{name}` is longer than {longest} characters."));
                break;
            }
            fitting.push_str(sentence);
        }
        let fitting = fitting.trim_end();
        if !fitting.chars().any(char::is_alphabetic) {
            return;
        }
        *slot = if fitting.ends_with(['.', '!', '?']) { fitting.to_owned() } else { format!("{fitting}.") };
        self.filled += 1;
    }
}

impl Action for Document {
    fn question(&self) -> Question {
        let person = match person_of(&self.model, &self.options) {
            Person::Imperative => "imperative (\"Return the …\")",
            Person::Third => "third person (\"Returns the …\")",
        };
        let text = include_str!("prompts/document.md").replace("{person}", person);
        let mut parts = vec![instruction(&text)];
        if self.style == DocStyle::Godoc {
            parts.push(Part::Instruction("`summary` begins with the name of the definition.".to_owned()));
        }
        parts.extend(self.context.iter().cloned());
        let code = self.region().of(&self.model.text);
        parts
            .push(Part::Data(Origin::Code, code.get(..code.floor_char_boundary(MOST_CODE)).unwrap_or(code).to_owned()));
        parts.push(Part::Data(Origin::ToolOutput, self.facts().to_string()));
        parts.push(Part::Data(Origin::Question, "Fill the slots of the schema for this definition.".to_owned()));
        let entries = self.words.params.len() + self.words.raises.len() + self.words.attributes.len();
        Question { parts, schema: Some(self.schema()), max_tokens: 256 + 64 * entries.min(40) as u32 }
    }

    fn read(&self, answer: &str, patience: Patience) -> Result<Checked, String> {
        let (draft, filled, problems) = self.filled(&object(answer)?);
        if filled == 0 || (patience == Patience::Strict && !problems.is_empty()) {
            return Err(problems.join(" "));
        }
        let edits = self.edit(&draft).map_err(|refusal| refusal.to_string())?;
        let remarks = problems.iter().map(|problem| format!("Left to the code's own words: {problem}")).collect();
        Ok(self.checked(
            edits,
            vec!["parses", "only documentation changed", "names exist", "parameters complete"],
            remarks,
        ))
    }

    fn offline(&self) -> Option<Checked> {
        let edits = self.edit(&self.words).ok()?;
        Some(self.checked(edits, vec!["parses", "only documentation changed"], Vec::new()))
    }
}

impl Document {
    /// The slots as a JSON Schema in the part of it that every provider takes.
    fn schema(&self) -> Value {
        let text = json!({ "type": "string" });
        let object = |properties: Map<String, Value>| {
            let names: Vec<Value> = properties.keys().map(|name| json!(name)).collect();
            json!({ "type": "object", "properties": properties, "required": names, "additionalProperties": false })
        };
        let mut properties = Map::new();
        properties.insert("summary".to_owned(), text.clone());
        properties.insert("details".to_owned(), text.clone());
        let mut words = self.words.clone();
        for (group, entries) in groups(&mut words) {
            if !entries.is_empty() {
                let slots = entries.iter().map(|entry| (entry.name.clone(), text.clone())).collect();
                properties.insert(group.to_owned(), object(slots));
            }
        }
        for (name, entry) in [("returns", &words.returns), ("yields", &words.yields)] {
            if entry.is_some() {
                properties.insert(name.to_owned(), text.clone());
            }
        }
        object(properties)
    }
}

#[cfg(test)]
mod tests;
