//! What an action is done to: the action itself, made from the code, its surroundings and what the user said.

use super::{Ask, AskKind};
use crate::act::refused;
use crate::diagnose::Analysis;
use crate::error::CoreError;
use crate::server_core::Shared;
use actions::ask::Action;
use actions::custom::Custom;
use actions::edit::Refusal;
use actions::explain::Explain;
use actions::prose::Document;
use actions::refactor::How;
use actions::review::Review;
use actions::translate::Translate;
use actions::write_tests::{Home, WriteTests, candidates, framework};
use llm::strategy::AnswerStrategy;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use syntax::model::FileModel;
use syntax::text::Span;
use workspace::uri;

/// The folder of custom actions, below the root.
const ACTIONS: &str = ".code-agent/actions";
/// What the names of texts begin with that are no files.
pub(crate) const TEXT: &str = "text:";
/// Custom actions that are read; more are no menu.
const MOST_ACTIONS: usize = 64;

/// An action, ready to be asked.
pub(crate) struct Subject {
    pub action: Box<dyn Action>,
    pub strategy: AnswerStrategy,
    /// What it is, for the user.
    pub title: String,
}

impl Shared {
    /// Makes the action of a place. Reads files; for a thread that may wait.
    pub fn subject(&self, ask: &Ask, analysis: &Analysis, span: Span) -> Result<Subject, CoreError> {
        let model = analysis.full_model(self);
        let settings = &analysis.view.settings.actions;
        let path = self.shown_path(&ask.uri);
        let around =
            |span: Span| actions::context::parts(&self.pieces(analysis, span, &ask.problems, settings.context_tokens));
        let symbol = model.symbol_at(span.start);
        let name = symbol.and_then(|index| model.symbols.get(index)).map_or("", |symbol| symbol.name.as_str());
        let at_name = if name.is_empty() { "the code".to_owned() } else { format!("`{name}`") };
        let mut strategy = settings.strategy;
        let (action, title): (Box<dyn Action>, String) = match ask.kind {
            AskKind::Document => {
                let symbol = symbol.ok_or_else(|| refused(Refusal::NoSymbol))?;
                let action = Document::new(model.clone(), symbol, analysis.view.writer(), around(span));
                (Box::new(action.map_err(refused)?), format!("Documented {at_name}"))
            }
            AskKind::Explain => {
                let action = Explain::new(model.clone(), span, around(span));
                let title = format!("Explanation of {}", action.title());
                (Box::new(action), title)
            }
            AskKind::Fix => {
                let action = actions::fix::fix(model.clone(), span, &ask.problems, around(span)).map_err(refused)?;
                (Box::new(action), format!("Fixed {at_name}"))
            }
            AskKind::Refactor => {
                let how = How::of(&ask.words);
                let action = actions::refactor::refactor(model.clone(), span, &how, around(span)).map_err(refused)?;
                (Box::new(action), format!("Refactored {at_name}"))
            }
            AskKind::WriteTests => {
                let home = self.home_of_tests(&ask.uri, &model);
                let context = around(span);
                let action = WriteTests::new(model.clone(), span, path, home, context).map_err(refused)?;
                (Box::new(action), format!("Wrote tests for {at_name}"))
            }
            AskKind::Review => {
                let commit = if ask.words.is_empty() { "HEAD" } else { &ask.words };
                return self.review_of(analysis, &self.committed_text(&ask.uri, commit)?);
            }
            AskKind::Translate => {
                let action = Translate::new(model.clone(), span, &ask.words).map_err(refused)?;
                (Box::new(action), "Translated the comments".to_owned())
            }
            AskKind::Custom => {
                let custom = self.custom(&ask.uri, &ask.words)?;
                strategy = custom.strategy;
                let said: Vec<String> = ask.problems.iter().map(|problem| problem.message.clone()).collect();
                let context = around(span);
                let action = custom.action(model.clone(), span, &path, &said.join("\n"), context).map_err(refused)?;
                (action, custom.title)
            }
        };
        Ok(Subject { action, strategy, title })
    }

    /// The review of a document against the text that it had.
    pub fn review_of(&self, analysis: &Analysis, before: &str) -> Result<Subject, CoreError> {
        let model = analysis.full_model(self);
        let settings = &analysis.view.settings.actions;
        // What changed is shown anyway.
        let context = self.neighbours(analysis, Span::new(0, model.text.len()), settings.context_tokens);
        let action = Review::new(model, before, actions::context::parts(&context)).map_err(refused)?;
        Ok(Subject { action: Box::new(action), strategy: settings.strategy, title: "Review of the changes".to_owned() })
    }

    /// The root that a document lies in.
    pub(crate) fn root_of(&self, uri: &str) -> Option<PathBuf> {
        let path = uri::to_path(uri)?;
        let roots = self.workspace.roots();
        roots.into_iter().filter(|root| path.starts_with(root)).max_by_key(|root| root.as_os_str().len())
    }

    /// A document as it is shown: relative to its root.
    pub(crate) fn shown_path(&self, uri: &str) -> String {
        let Some(path) = uri::to_path(uri) else {
            return uri.strip_prefix(TEXT).map_or_else(|| uri::display(uri), str::to_owned);
        };
        let root = self.root_of(uri);
        let shown = root.as_deref().and_then(|root| path.strip_prefix(root).ok()).unwrap_or(&path);
        let shown = if root.is_some() { shown } else { Path::new(path.file_name().unwrap_or_default()) };
        shown.to_string_lossy().replace('\\', "/")
    }

    /// Where the tests of a document go.
    fn home_of_tests(&self, uri: &str, model: &FileModel) -> Home {
        let path = self.shown_path(uri);
        let root =
            self.root_of(uri).or_else(|| uri::to_path(uri).and_then(|path| path.parent().map(Path::to_path_buf)));
        let read = |path: &str| {
            let path = root.as_ref()?.join(path);
            self.workspace
                .load(&uri::from_path(&path), self.size_limit())
                .ok()
                .map(|snapshot| snapshot.text().to_string())
        };
        let places = candidates(model.language, &path);
        let found = places.iter().find_map(|place| Some((place.clone(), read(place)?)));
        let example = || {
            let is_test = |uri: &Arc<str>| {
                let name = uri.rsplit('/').next().unwrap_or("");
                name.starts_with("test_")
                    || name.contains("_test.")
                    || name.contains(".test.")
                    || name.contains(".spec.")
            };
            let file = self.workspace.index.files().into_iter().find(is_test)?;
            self.check_shown(&file).ok()?;
            self.workspace.load(&file, self.size_limit()).ok().map(|snapshot| snapshot.text().to_string())
        };
        let manifests =
            ["pyproject.toml", "setup.cfg", "tox.ini", "requirements-dev.txt", "pytest.ini", "package.json"];
        let manifest: String = manifests.iter().filter_map(|name| read(name)).collect();
        let (path, text) = match found {
            Some((path, text)) => (Some(path), text),
            // A folder of tests that is there is where new ones go.
            None => {
                let has_folder = |place: &&String| {
                    let folder = place.rsplit_once('/').map_or("", |(folder, _)| folder);
                    let is_there = |root: &PathBuf| self.workspace.files().is_directory(&root.join(folder));
                    !folder.is_empty() && root.as_ref().is_some_and(is_there)
                };
                (places.iter().find(has_folder).or(places.first()).cloned(), String::new())
            }
        };
        let example = if text.is_empty() { example().unwrap_or_default() } else { String::new() };
        let shown = if text.is_empty() { &example } else { &text };
        Home { framework: framework(model.language, &manifest, shown), path, text, example }
    }

    fn custom(&self, uri: &str, name: &str) -> Result<Custom, CoreError> {
        let (customs, problems) = self.customs(uri);
        let found = customs.into_iter().find(|custom| custom.name == name);
        found.ok_or_else(|| {
            let problem = problems.into_iter().find(|problem| problem.contains(&format!("`{name}`")));
            CoreError::refused(problem.unwrap_or_else(|| format!("There is no action `{name}` in `{ACTIONS}`.")))
        })
    }

    /// The custom actions of the root of a document, and what is wrong with others.
    pub(crate) fn customs(&self, uri: &str) -> (Vec<Custom>, Vec<String>) {
        let Some(folder) = self.root_of(uri).map(|root| root.join(ACTIONS)) else { return Default::default() };
        let Ok(entries) = std::fs::read_dir(folder) else { return Default::default() };
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
        files.sort();
        let (mut customs, mut problems) = (Vec::new(), Vec::new());
        for path in files.into_iter().take(MOST_ACTIONS) {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            match self.read(&path).map_err(|error| error.to_string()).and_then(|text| Custom::read(&name, &text)) {
                Ok(custom) => customs.push(custom),
                Err(problem) => problems.push(problem),
            }
        }
        (customs, problems)
    }
}
