//! The action *Write tests*: tests for one definition, in the repository's own framework and place.
//!
//! Where tests belong is told by what is there: files named as tests beside the code or in a folder of their own, and manifests.

use crate::ask::{Action, Checked, Made, Patience, Question, code};
use crate::claims::Known;
use crate::edit::Refusal;
use crate::rewrite::{MOST_CODE, instructed};
use llm::prompt::{Origin, Part};
use std::sync::Arc;
use syntax::extract::{Depth, code_fingerprint};
use syntax::language::Language;
use syntax::model::{FileModel, Symbol};
use syntax::text::{Span, TextEdit, apply_edits};

/// Bytes of an example of tests that are shown.
const EXAMPLE: usize = 6 << 10;

/// Where tests of a file go, and in which framework they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The framework's name.
    pub framework: &'static str,
    /// The file, relative to the root of the project; `None` where they stand in the file itself.
    pub path: Option<String>,
    /// What stands in that file; empty where it is to be made.
    pub text: String,
    /// Tests of the same project, as an example; may be empty.
    pub example: String,
}

/// The paths at which tests of a file may stand, the most usual first, relative to its root.
pub fn candidates(language: &Language, path: &str) -> Vec<String> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let (stem, ending) = file.rsplit_once('.').unwrap_or((file, ""));
    let inside = |folder: &str, file: String| if folder.is_empty() { file } else { format!("{folder}/{file}") };
    // `src/pkg/a.py` has its tests in `tests/test_a.py` or in `tests/pkg/test_a.py`.
    let below = folder.strip_prefix("src/").or(folder.strip_prefix("lib/")).unwrap_or(folder);
    let below = if matches!(below, "src" | "lib") { "" } else { below };
    let inner = below.split_once('/').map_or("", |(_, inner)| inner);
    match language.id {
        "python" => {
            let file = format!("test_{stem}.py");
            vec![
                inside("tests", file.clone()),
                inside(&inside("tests", below.to_owned()), file.clone()),
                inside(&inside("tests", inner.to_owned()), file.clone()),
                inside("test", file.clone()),
                inside(folder, file.clone()),
                inside(&inside(folder, "tests".to_owned()), file),
                inside(folder, format!("{stem}_test.py")),
            ]
        }
        "go" => vec![inside(folder, format!("{stem}_test.go"))],
        "rust" => Vec::new(),
        _ => {
            let (test, spec) = (format!("{stem}.test.{ending}"), format!("{stem}.spec.{ending}"));
            vec![
                inside(folder, test.clone()),
                inside(folder, spec.clone()),
                inside(&inside(folder, "__tests__".to_owned()), test.clone()),
                inside("test", test.clone()),
                inside("tests", test),
                inside("test", format!("{stem}.{ending}")),
                inside("test", spec),
            ]
        }
    }
}

/// The framework that a project uses, told by its manifest and by an example of its tests.
pub fn framework(language: &Language, manifest: &str, example: &str) -> &'static str {
    match language.id {
        "python" => {
            let is_pytest =
                manifest.contains("pytest") || example.contains("import pytest") || example.contains("\ndef test_");
            let is_unittest = example.contains("unittest");
            if is_unittest && !is_pytest || manifest.is_empty() && example.is_empty() { "unittest" } else { "pytest" }
        }
        "rust" => "Rust's built-in test attribute",
        "go" => "Go's testing package",
        _ => ["vitest", "jest", "mocha", "ava", "tape"]
            .into_iter()
            .find(|name| manifest.contains(&format!("\"{name}\"")) || example.contains(name))
            .unwrap_or("node:test"),
    }
}

/// Writes tests for one definition.
pub struct WriteTests {
    model: Arc<FileModel>,
    symbol: usize,
    /// Path of the file under test, relative to the root.
    path: String,
    home: Home,
    context: Vec<Part>,
}

impl WriteTests {
    /// Prepares to test the definition at a place.
    ///
    /// # Errors
    /// If nothing that can be tested stands there, or it is too long.
    pub fn new(
        model: Arc<FileModel>,
        span: Span,
        path: String,
        home: Home,
        context: Vec<Part>,
    ) -> Result<Self, Refusal> {
        let can_be_tested = |symbol: &Symbol| symbol.kind.is_callable() || symbol.kind.is_type();
        let holders =
            model.symbols.iter().enumerate().skip(1).filter(|(_, symbol)| symbol.extent().touches(span.start));
        let outermost = holders.filter(|(_, symbol)| can_be_tested(symbol) && !symbol.flags.is_local);
        let (symbol, item) = outermost.min_by_key(|(_, symbol)| symbol.span.len()).ok_or(Refusal::NoSymbol)?;
        if item.span.len() > MOST_CODE {
            return Err(Refusal::TooLong { size: item.span.len(), limit: MOST_CODE });
        }
        Ok(Self { model, symbol, path, home, context })
    }

    fn item(&self) -> Option<&Symbol> {
        self.model.symbols.get(self.symbol)
    }

    /// The text that the tests go into, and where its new part begins.
    fn placed(&self, tests: &str) -> (String, Option<TextEdit>) {
        let eol = if self.model.text.contains("\r\n") { "\r\n" } else { "\n" };
        let tests = tests.replace("\r\n", "\n").trim().to_owned();
        if self.home.path.is_some() {
            let gap = if self.home.text.trim().is_empty() { "" } else { "\n\n" };
            let added = format!("{gap}{tests}\n").replace('\n', eol);
            return (added, None);
        }
        // In the file itself: into its module of tests, or into a new one.
        let is_module = |symbol: &&Symbol| {
            symbol.kind == syntax::model::SymbolKind::Namespace && matches!(symbol.name.as_str(), "tests" | "test")
        };
        let inner = tests.strip_prefix("#[cfg(test)]").map_or(tests.as_str(), str::trim_start);
        let inner = match inner.strip_prefix("mod tests").map(str::trim) {
            Some(block) => dedented(block.strip_prefix('{').and_then(|block| block.strip_suffix('}')).unwrap_or(block)),
            None => inner.to_owned(),
        };
        let own_use = |line: &str| matches!(line.trim(), "use super::*;");
        match self.model.symbols.iter().find(is_module) {
            Some(module) => {
                let end = module.span.end.saturating_sub(1);
                let inner: Vec<&str> = inner.lines().filter(|line| !own_use(line)).collect();
                let text = format!("{eol}{}{eol}", indented(inner.join("\n").trim(), eol));
                (String::new(), Some(TextEdit::insert(end, text)))
            }
            None => {
                let uses = if inner.lines().any(own_use) { "" } else { "use super::*;\n\n" };
                let body = indented(format!("{uses}{}", inner.trim()).as_str(), eol);
                let text = format!("{eol}#[cfg(test)]{eol}mod tests {{{eol}{body}{eol}}}{eol}");
                (String::new(), Some(TextEdit::insert(self.model.text.len(), text)))
            }
        }
    }

    /// Whether the text has more tests than before, and parses.
    fn verify(&self, before: &str, after: &str, name: &str) -> Result<(), String> {
        let language = self.model.language;
        if code_fingerprint(language, after).errors > code_fingerprint(language, before).errors {
            return Err("The tests do not parse.".to_owned());
        }
        let count = |text: &str| {
            let model = syntax::extract::model(language, text.into(), Depth::Documented);
            let named = model
                .symbols
                .iter()
                .filter(|symbol| symbol.flags.is_test || symbol.name.to_lowercase().starts_with("test"));
            named.count() + ["it(", "test("].iter().map(|call| text.matches(call).count()).sum::<usize>()
        };
        if count(after) <= count(before) {
            return Err("The answer has no test.".to_owned());
        }
        let added = after.len() - before.len();
        if !after.contains(name) || added == 0 {
            return Err(format!("The tests do not use `{name}`."));
        }
        Ok(())
    }
}

fn dedented(text: &str) -> String {
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let least = text.lines().filter(|line| !line.trim().is_empty()).map(|line| indent(&line)).min().unwrap_or(0);
    text.lines().map(|line| line.get(least..).unwrap_or("")).collect::<Vec<_>>().join("\n")
}

fn indented(text: &str, eol: &str) -> String {
    let lines = text.lines().map(|line| if line.trim().is_empty() { String::new() } else { format!("    {line}") });
    lines.collect::<Vec<_>>().join(eol)
}

impl Action for WriteTests {
    fn question(&self) -> Question {
        let item = self.item();
        let name = item.map_or("", |item| item.path.as_str());
        let place = match &self.home.path {
            Some(_) if self.home.text.is_empty() => "Write a whole new file, imports included.",
            Some(_) => {
                "Write only the new tests; they are added at the end of a file that has its imports already. Imports that it lacks may stand first."
            }
            None => "Write only test functions; they stand in a module that has `use super::*;`.",
        };
        let markers = [("{framework}", self.home.framework), ("{place}", place)];
        let mut parts = vec![instructed(include_str!("prompts/write_tests.md"), &markers)];
        parts.extend(self.context.iter().cloned());
        let example = if self.home.text.is_empty() { &self.home.example } else { &self.home.text };
        if !example.is_empty() {
            let shown = example.get(..example.floor_char_boundary(EXAMPLE)).unwrap_or(example);
            parts.push(Part::Data(Origin::Code, shown.to_owned()));
        }
        let code = item.map_or("", |item| item.extent().of(&self.model.text));
        parts.push(Part::Data(Origin::Code, code.to_owned()));
        let words = format!("Write tests for {name}, which stands in {}.", self.path);
        parts.push(Part::Data(Origin::Question, words));
        Question { parts, schema: None, max_tokens: 1600 }
    }

    fn read(&self, answer: &str, _: Patience) -> Result<Checked, String> {
        let tests = code(answer)?;
        let name = self.item().map_or("", |item| item.name.as_str());
        if tests.trim().is_empty() || tests.len() > MOST_CODE * 2 {
            return Err("The answer has no tests.".to_owned());
        }
        let (added, edit) = self.placed(&tests);
        let checks = vec!["parses", "has tests", "uses what it tests"];
        let made = match (edit, &self.home.path) {
            (Some(edit), _) => {
                let after =
                    apply_edits(&self.model.text, std::slice::from_ref(&edit)).ok_or("The tests have no place.")?;
                self.verify(&self.model.text, &after, name)?;
                let region = self.item().map_or(Span::at(edit.span.start), |item| item.span);
                Made::Edit { edits: vec![edit], region }
            }
            (None, Some(path)) => {
                self.verify(&self.home.text, &format!("{}{added}", self.home.text), name)?;
                Made::File { path: path.clone(), text: added }
            }
            (None, None) => return Err("The tests have no place.".to_owned()),
        };
        let known = Known::of(&self.model);
        let remarks = if known.has(name) { Vec::new() } else { vec![format!("`{name}` is not defined here.")] };
        Ok(Checked { made, checks, remarks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{after, model};

    #[test]
    fn tests_go_where_the_project_has_them() {
        let of = |id: &str, path: &str| candidates(Language::from_id(id).unwrap(), path);
        assert_eq!(of("python", "src/pkg/a.py")[0], "tests/test_a.py");
        assert!(of("python", "src/pkg/sub/a.py").contains(&"tests/sub/test_a.py".to_owned()));
        assert_eq!(of("go", "pkg/a.go"), ["pkg/a_test.go"]);
        assert_eq!(of("typescript", "src/a.ts")[0], "src/a.test.ts");
        let python = Language::from_id("python").unwrap();
        assert_eq!(framework(python, "[tool.pytest.ini_options]", ""), "pytest");
        assert_eq!(framework(python, "", ""), "unittest");
        assert_eq!(framework(python, "", "import unittest\n"), "unittest");
        let js = Language::from_id("javascript").unwrap();
        assert_eq!(framework(js, "{\"devDependencies\": {\"vitest\": \"1\"}}", ""), "vitest");
        assert_eq!(framework(js, "{}", ""), "node:test");
    }

    #[test]
    fn python_tests_are_added_to_their_file_only_if_they_are_tests() {
        let model = Arc::new(model("python", "def add(a, b):\n    return a + b\n"));
        let text = "import pytest\n\n\ndef test_old():\n    pass\n";
        let home = Home {
            framework: "pytest",
            path: Some("tests/test_a.py".into()),
            text: text.into(),
            example: String::new(),
        };
        let action = WriteTests::new(model, Span::at(5), "a.py".into(), home, Vec::new()).unwrap();
        let checked =
            action.read("```python\ndef test_add():\n    assert add(1, 2) == 3\n```", Patience::Strict).unwrap();
        let expected = Made::File {
            path: "tests/test_a.py".into(),
            text: "\n\ndef test_add():\n    assert add(1, 2) == 3\n".into(),
        };
        assert_eq!(checked.made, expected);
        for (answer, reason) in [
            ("```python\ndef helper():\n    return add(1, 2)\n```", "no test"),
            ("```python\ndef test_add(:\n```", "parse"),
            ("```python\ndef test_sub():\n    assert sub(1, 2) == 3\n```", "do not use `add`"),
            ("", "no tests"),
        ] {
            assert!(action.read(answer, Patience::Lenient).unwrap_err().contains(reason), "{answer}");
        }
    }

    #[test]
    fn rust_tests_stand_in_the_module_of_the_file() {
        let text = "pub fn add(a: u8, b: u8) -> u8 {\n    a + b\n}\n";
        let home = || Home { framework: "", path: None, text: String::new(), example: String::new() };
        let answer = "```rust\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn adds() {\n        assert_eq!(add(1, 2), 3);\n    }\n}\n```";
        let written = |text: &str| {
            let model = Arc::new(model("rust", text));
            let action = WriteTests::new(model.clone(), Span::at(8), "a.rs".into(), home(), Vec::new()).unwrap();
            let checked = action.read(answer, Patience::Strict).unwrap();
            let Made::Edit { edits, .. } = checked.made else { panic!("an edit") };
            after(&model, &edits)
        };
        let fresh = written(text);
        assert!(fresh.ends_with("\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn adds() {\n        assert_eq!(add(1, 2), 3);\n    }\n}\n"), "{fresh}");
        let again = written(&fresh);
        assert_eq!(again.matches("mod tests").count(), 1, "{again}");
        assert_eq!(again.matches("fn adds").count(), 2, "{again}");
        assert_eq!(again.matches("use super::*;").count(), 1, "{again}");
    }
}
