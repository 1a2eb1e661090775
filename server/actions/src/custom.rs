//! Custom actions: a Markdown file in `.code-agent/actions/`, with front matter that says what it is and a template that says what is asked.
//!
//! The file belongs to the workspace, which may be anybody's: what it says is put to the model as a question, never as an instruction of this
//! program, and what comes back is checked as any other answer.

use crate::ask::{Action, Checked, Made, Patience, Question, instruction};
use crate::check::Keeps;
use crate::edit::Refusal;
use crate::rewrite::{MOST_CODE, Rewrite, region_at};
use llm::prompt::{Origin, Part};
use llm::strategy::AnswerStrategy;
use std::sync::Arc;
use syntax::language::Language;
use syntax::model::FileModel;
use syntax::text::Span;

/// What comes of a custom action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// Text that is shown.
    #[default]
    Text,
    /// Code that takes the place of the selection or of the definition.
    Edit,
}

/// A custom action as its file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Custom {
    /// The name of its file, without ending.
    pub name: String,
    /// What the user reads in the menu.
    pub title: String,
    /// What comes of it.
    pub output: Output,
    /// The languages that it is for; all where it names none.
    pub languages: Vec<String>,
    /// Whether the surroundings are shown to the model.
    pub context: bool,
    /// The way in which the answer comes about.
    pub strategy: AnswerStrategy,
    /// What is asked.
    pub template: String,
}

/// What may stand between `{{` and `}}`.
const MARKERS: [&str; 6] = ["selection", "symbol", "file", "language", "path", "diagnostics"];

impl Custom {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence that names the line.
    pub fn read(name: &str, text: &str) -> Result<Self, String> {
        let text = text.replace("\r\n", "\n");
        let wrong = |what: String| format!("The action `{name}` cannot be used: {what}.");
        let rest = text.strip_prefix("---\n").ok_or_else(|| wrong("it does not begin with a line `---`".to_owned()))?;
        let (front, template) =
            rest.split_once("\n---\n").ok_or_else(|| wrong("its front matter has no end `---`".to_owned()))?;
        let mut custom = Self {
            name: name.to_owned(),
            title: String::new(),
            output: Output::Text,
            languages: Vec::new(),
            context: true,
            strategy: AnswerStrategy::Fast,
            template: template.trim().to_owned(),
        };
        for (number, line) in front.lines().enumerate() {
            let line = line.split(" #").next().unwrap_or("").trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let at = |what: String| wrong(format!("line {} {what}", number + 2));
            let (key, value) = line.split_once(':').ok_or_else(|| at("is not `key: value`".to_owned()))?;
            let value = value.trim().trim_matches(['"', '\'']);
            match key.trim() {
                "title" => custom.title = value.to_owned(),
                "kinds" | "kind" | "output" => {
                    custom.output = match value.trim_matches(['[', ']']).trim() {
                        "text" | "explain" => Output::Text,
                        "edit" | "refactor" | "quickfix" => Output::Edit,
                        other => return Err(at(format!("has the kind `{other}`; there are `text` and `edit`"))),
                    }
                }
                "languages" => custom.languages = list(value),
                "context" => custom.context = !matches!(value, "false" | "none" | "no"),
                "strategy" => {
                    custom.strategy = AnswerStrategy::ALL
                        .into_iter()
                        .find(|strategy| strategy.name() == value)
                        .ok_or_else(|| at(format!("has the strategy `{value}`, which does not exist")))?;
                }
                other => return Err(at(format!("has the key `{other}`, which does not exist"))),
            }
        }
        if custom.title.is_empty() {
            return Err(wrong("it has no title".to_owned()));
        }
        if custom.template.is_empty() {
            return Err(wrong("it asks nothing".to_owned()));
        }
        if let Some(language) = custom.languages.iter().find(|id| Language::from_id(id).is_none()) {
            return Err(wrong(format!("it is for the language `{language}`, which does not exist")));
        }
        if let Some(marker) = markers(&custom.template).find(|marker| !MARKERS.contains(marker)) {
            return Err(wrong(format!("`{{{{{marker}}}}}` stands for nothing; there are {}", MARKERS.join(", "))));
        }
        Ok(custom)
    }

    /// Whether it is for a language.
    pub fn is_for(&self, language: &Language) -> bool {
        self.languages.is_empty()
            || self.languages.iter().any(|id| Language::from_id(id).is_some_and(|known| known.id == language.id))
    }

    /// The action on a place of a file.
    ///
    /// # Errors
    /// If the place holds too much for one answer, or nothing.
    pub fn action(
        &self,
        model: Arc<FileModel>,
        span: Span,
        path: &str,
        diagnostics: &str,
        context: Vec<Part>,
    ) -> Result<Box<dyn Action>, Refusal> {
        let selected = span.of(&model.text).trim();
        let region = if selected.is_empty() { region_at(&model, span) } else { span };
        let context = if self.context { context } else { Vec::new() };
        let wanted = self.filled(&model, region, path, diagnostics);
        match self.output {
            Output::Edit if region.is_empty() => Err(Refusal::NothingToDo),
            Output::Edit if region.len() > MOST_CODE => Err(Refusal::TooLong { size: region.len(), limit: MOST_CODE }),
            Output::Edit => {
                let region = if selected.is_empty() { region } else { trimmed(&model, region) };
                let instruction = instruction(include_str!("prompts/custom.md"));
                Ok(Box::new(Rewrite::new(model, region, Keeps::Names, instruction, context, wanted)))
            }
            Output::Text => Ok(Box::new(Text { parts: context.into_iter().chain(wanted).collect() })),
        }
    }

    /// The template with what its markers stand for, which is data.
    fn filled(&self, model: &FileModel, region: Span, path: &str, diagnostics: &str) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut rest = self.template.as_str();
        let mut words = String::new();
        while let Some((before, from)) = rest.split_once("{{") {
            let (marker, after) = from.split_once("}}").unwrap_or((from, ""));
            words.push_str(before);
            rest = after;
            let code = |span: Span| {
                span.of(&model.text).get(..span.of(&model.text).floor_char_boundary(MOST_CODE)).unwrap_or("").to_owned()
            };
            let data = match marker.trim() {
                "selection" => Part::Data(Origin::Code, code(region)),
                "symbol" => Part::Data(Origin::Code, code(region_at(model, region))),
                "file" => Part::Data(Origin::Code, code(Span::new(0, model.text.len()))),
                "diagnostics" => Part::Data(Origin::ToolOutput, diagnostics.to_owned()),
                "language" => {
                    words.push_str(&model.language.name);
                    continue;
                }
                _ => {
                    words.push_str(path);
                    continue;
                }
            };
            parts.push(Part::Data(Origin::Question, std::mem::take(&mut words)));
            parts.push(data);
        }
        words.push_str(rest);
        parts.push(Part::Data(Origin::Question, words));
        parts.retain(|part| !matches!(part, Part::Data(_, text) if text.trim().is_empty()));
        parts
    }
}

/// The span without the white space at its ends.
fn trimmed(model: &FileModel, span: Span) -> Span {
    let text = span.of(&model.text);
    let lead = text.len() - text.trim_start().len();
    Span::new(span.start + lead, span.start + text.trim_end().len().max(lead))
}

fn list(value: &str) -> Vec<String> {
    let items = value.trim_matches(['[', ']']).split(',').map(|item| item.trim().trim_matches(['"', '\'']).to_owned());
    items.filter(|item| !item.is_empty() && item != "*").collect()
}

fn markers(template: &str) -> impl Iterator<Item = &str> {
    template.split("{{").skip(1).map(|from| from.split("}}").next().unwrap_or("").trim())
}

/// A question whose answer is shown.
struct Text {
    parts: Vec<Part>,
}

impl Action for Text {
    fn question(&self) -> Question {
        let mut parts = vec![instruction(include_str!("prompts/answer.md"))];
        parts.extend(self.parts.iter().cloned());
        Question { parts, schema: None, max_tokens: 1200 }
    }

    fn read(&self, answer: &str, _: Patience) -> Result<Checked, String> {
        if answer.trim().is_empty() {
            return Err("The answer is empty.".to_owned());
        }
        Ok(Checked { made: Made::Text(answer.trim().to_owned()), checks: Vec::new(), remarks: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{after, model};

    const FILE: &str = "---\ntitle: Add logging\nkinds: [edit]\nlanguages: [python, typescript]\ncontext: false  # small\nstrategy: best_of_two\n---\nAdd a log line to this {{language}} code:\n{{selection}}\nAs in {{path}}.\n";

    #[test]
    fn a_file_becomes_an_action_that_edits() {
        let custom = Custom::read("logging", FILE).unwrap();
        assert_eq!(
            (custom.title.as_str(), custom.output, custom.strategy),
            ("Add logging", Output::Edit, AnswerStrategy::BestOfTwo)
        );
        assert!(
            custom.is_for(Language::from_id("python").unwrap()) && !custom.is_for(Language::from_id("go").unwrap())
        );
        let model = Arc::new(model("python", "def a(x):\n    return x\n"));
        let action = custom
            .action(model.clone(), Span::at(6), "a.py", "", vec![Part::Data(Origin::Code, "context".into())])
            .unwrap();
        let said = format!("{:?}", action.question().parts);
        assert!(
            said.contains("to this Python code") && said.contains("As in a.py.") && !said.contains("context\""),
            "{said}"
        );
        let only_ours =
            action.question().parts.iter().filter(|part| matches!(part, Part::Instruction(_))).all(|part| match part {
                Part::Instruction(text) => !text.contains("log line"),
                Part::Data(..) => true,
            });
        assert!(only_ours, "a file of the workspace gives no instructions");
        let checked = action.read("```python\ndef a(x):\n    print(x)\n    return x\n```", Patience::Strict).unwrap();
        let Made::Edit { edits, .. } = checked.made else { panic!("an edit") };
        assert_eq!(after(&model, &edits), "def a(x):\n    print(x)\n    return x\n");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        for (text, reason) in [
            ("title: x", "does not begin with"),
            ("---\ntitle: x\n", "no end"),
            ("---\nkinds: text\n---\nAsk.", "no title"),
            ("---\ntitle: x\n---\n", "asks nothing"),
            ("---\ntitle: x\nkinds: dance\n---\nAsk.", "line 3"),
            ("---\ntitle: x\nstrategy: slow\n---\nAsk.", "`slow`"),
            ("---\ntitle: x\nlanguages: [cobol]\n---\nAsk.", "cobol"),
            ("---\ntitle: x\n---\nAsk {{evreything}}.", "{{evreything}}"),
            ("---\ntitle: x\nwords\n---\nAsk.", "line 3"),
        ] {
            let refusal = Custom::read("x", text).unwrap_err();
            assert!(refusal.contains(reason) && refusal.ends_with('.'), "{refusal}");
        }
    }
}
