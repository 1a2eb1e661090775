//! What can be done at a place with a model. Offering is free: no model is asked, no key is read; what it would cost is told in the title.

use crate::answers::PlaceAt;
use crate::ask::{Ask, AskKind, BRANCH, Page};
use crate::error::CoreError;
use crate::server_core::{ServerCore, Shared};
use actions::document::{Scope, should_document};
use actions::fix::Problem;
use actions::rewrite::{MOST_CODE, region_at};
use actions::writer::WriterOptions;
use llm::config::Label;
use llm::strategy::AnswerStrategy;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Problems for which a fix is offered at one place.
const MOST_FIXES: usize = 3;
/// Characters of a problem in a title.
const SHORT: usize = 60;
/// Tokens of an answer, for the price that is told before.
const USUAL_ANSWER: f64 = 300.0;
/// Tokens of instructions.
const INSTRUCTIONS: f64 = 350.0;

/// The kind under which editors sort an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskGroup {
    /// `quickfix`.
    QuickFix,
    /// `refactor.rewrite`.
    Rewrite,
    /// `refactor.extract`.
    Extract,
    /// `source.code-agent`: concerns the whole file.
    Source,
    /// `code-agent.explain`: changes nothing.
    Read,
}

/// Something that a model can do at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskOffer {
    /// What is done.
    pub ask: Ask,
    /// What the user reads: what, which model, what it costs.
    pub title: String,
    /// Where it is sorted.
    pub group: AskGroup,
    /// Which of the problems given it is for.
    pub problem: Option<usize>,
}

impl ServerCore {
    /// What a model can do at a place; nothing where none is set up, or the document is kept from models.
    ///
    /// # Errors
    /// As for [`Self::diagnostics`].
    pub async fn ask_offers(
        &self,
        uri: &str,
        place: PlaceAt,
        problems: Vec<Problem>,
    ) -> Result<Vec<AskOffer>, CoreError> {
        let settings = self.shared().view().settings.clone();
        let Some(label) = settings.models.first().filter(|_| settings.actions.strategy != AnswerStrategy::Offline)
        else {
            return Ok(Vec::new());
        };
        let work = |correlation| async move {
            let analysis = self.analysis(uri, correlation).await?;
            let span = self.carried(place, &analysis)?;
            self.inner.offered.remember(&analysis);
            let uri = uri.to_owned();
            let list = move |shared: &Shared| {
                if shared.check_shown(&uri).is_err() {
                    return Vec::new();
                }
                shared.ask_offers(&Ground { label, analysis: &analysis, uri: &uri, span, problems: &problems })
            };
            self.compute("offers", correlation, list).await
        };
        self.measured("ask_offers", work).await
    }

    /// A page that was made here.
    pub fn page(&self, uri: &str) -> Option<Page> {
        self.shared().pages.get(uri)
    }

    /// A page as a file that can only be read, for editors without documents of a server's own. Those of another day are removed, since
    /// they hold code and are read once.
    ///
    /// # Errors
    /// [`CoreError::Refused`] if it cannot be written.
    pub fn page_file(&self, page: &Page) -> Result<PathBuf, CoreError> {
        self.shared().wants_disk()?;
        let unwritten = |error: std::io::Error| CoreError::refused(format!("The page could not be written: {error}."));
        let state = crate::config::state_dir().map_err(|error| CoreError::refused(error.to_string()))?;
        let folder = state.join("pages").join(std::process::id().to_string());
        remove_old(&state.join("pages"));
        std::fs::create_dir_all(&folder).map_err(unwritten)?;
        let name = page.uri.rsplit('/').next().unwrap_or("page.md");
        let number = page.uri.trim_start_matches("code-agent:/").split('/').next().unwrap_or("0");
        let path = folder.join(format!("{number}-{name}"));
        if !path.exists() {
            std::fs::write(&path, page.text.as_bytes()).map_err(unwritten)?;
            let mut permissions = std::fs::metadata(&path).map_err(unwritten)?.permissions();
            permissions.set_readonly(true);
            std::fs::set_permissions(&path, permissions).map_err(unwritten)?;
        }
        Ok(path)
    }

    /// What was last asked, as it was asked: prompt, answer, checks, cost.
    ///
    /// # Errors
    /// [`CoreError::Refused`] if nothing was asked yet.
    pub fn last_record(&self) -> Result<Page, CoreError> {
        self.shared().pages.last("Record: ").ok_or_else(|| CoreError::refused("No model was asked yet."))
    }

    /// How the models are, for a line of status. No model is asked.
    pub async fn model_status(&self) -> Value {
        let settings = self.shared().view().settings.clone();
        if settings.models.target.is_empty() {
            return json!({ "models": [], "asking": 0, "calls": 0, "cost_today": null });
        }
        let Ok(manager) = self.models().await else {
            return json!({ "models": [], "asking": 0, "calls": 0, "cost_today": null });
        };
        let report = manager.report();
        let asking: usize = report.iter().map(|target| target.in_flight).sum();
        let calls: u64 = report.iter().map(|target| target.answers).sum();
        // What all others of a service spent is for those who may see that.
        let cost = (!self.is_elsewhere()).then(|| manager.spending().dollars);
        let models: Vec<Value> = report
            .iter()
            .map(|target| json!({ "name": target.name, "model": target.model, "provider": target.provider, "state": target.state }))
            .collect();
        json!({ "models": models, "asking": asking, "calls": calls, "cost_today": cost })
    }
}

/// Removes what other runs left behind in a folder more than a day ago.
fn remove_old(folder: &Path) {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age > DAY) {
            // What cannot be removed now is tried with the next page.
            std::fs::remove_dir_all(entry.path()).ok();
        }
    }
}

/// What offers are made from.
struct Ground<'a> {
    label: Label,
    analysis: &'a crate::diagnose::Analysis,
    uri: &'a str,
    span: syntax::text::Span,
    problems: &'a [Problem],
}

impl Ground<'_> {
    fn offer(&self, kind: AskKind, words: &str, title: &str, group: AskGroup) -> AskOffer {
        let ask = Ask {
            kind,
            uri: self.uri.to_owned(),
            revision: self.analysis.revision,
            start: self.span.start,
            end: self.span.end,
            words: words.to_owned(),
            problems: Vec::new(),
        };
        AskOffer { ask, title: format!("{title} · {}", self.price()), group, problem: None }
    }

    /// The model and what a question here may cost.
    fn price(&self) -> String {
        if self.label.is_local {
            return "local model".to_owned();
        }
        let Some(price) = self.label.price else { return self.label.name.clone() };
        let region = region_at(&self.analysis.diagnosis.model, self.span).len() as f64 / 3.0;
        let context = self.analysis.view.settings.actions.context_tokens as f64 / 2.0;
        let dollars = ((INSTRUCTIONS + region + context) * price.input + (USUAL_ANSWER + region) * price.output) / 1e6;
        format!("{} · ~{:.1} ct", self.label.name, (dollars * 100.0).max(0.1))
    }
}

impl Shared {
    /// What a model can do at a place of a text that is no document; nothing where none is set up.
    #[cfg(feature = "service")]
    pub(crate) fn model_offers_of(
        &self,
        analysis: &crate::diagnose::Analysis,
        span: syntax::text::Span,
    ) -> Vec<AskOffer> {
        let settings = &analysis.view.settings;
        let label = settings.models.first().filter(|_| settings.actions.strategy != AnswerStrategy::Offline);
        label.map_or_else(Vec::new, |label| {
            self.ask_offers(&Ground { label, analysis, uri: &analysis.diagnosis.uri, span, problems: &[] })
        })
    }

    fn ask_offers(&self, ground: &Ground<'_>) -> Vec<AskOffer> {
        let model = &ground.analysis.diagnosis.model;
        let mut offers = Vec::new();
        for (number, problem) in ground.problems.iter().enumerate().take(MOST_FIXES) {
            let said = problem.message.lines().next().unwrap_or("").trim_end_matches('.');
            let short: String = said.chars().take(SHORT).collect();
            let more = if said.chars().count() > SHORT { "…" } else { "" };
            let offer = ground.offer(AskKind::Fix, "", &format!("Fix “{short}{more}”"), AskGroup::QuickFix);
            let ask = Ask { problems: vec![problem.clone()], ..offer.ask };
            offers.push(AskOffer { ask, problem: Some(number), ..offer });
        }
        let symbol = model.symbol_at(ground.span.start).and_then(|index| Some((index, model.symbols.get(index)?)));
        let selected = ground.span.of(&model.text).trim();
        if let Some((index, symbol)) = symbol {
            let name = &symbol.name;
            let is_short = symbol.span.len() <= MOST_CODE;
            if should_document(model, index, Scope::Selection(ground.span), &WriterOptions::default()) {
                offers.push(ground.offer(AskKind::Document, "", &format!("Document `{name}`"), AskGroup::Rewrite));
            }
            if symbol.kind.is_callable() && is_short {
                offers.push(ground.offer(
                    AskKind::Refactor,
                    "simplify",
                    &format!("Simplify `{name}`"),
                    AskGroup::Rewrite,
                ));
                let title = format!("Rename the variables of `{name}` by meaning");
                offers.push(ground.offer(AskKind::Refactor, "rename", &title, AskGroup::Rewrite));
                if selected.contains('\n') {
                    offers.push(ground.offer(AskKind::Refactor, "extract", "Extract a function", AskGroup::Extract));
                }
            }
            if (symbol.kind.is_callable() || symbol.kind.is_type()) && is_short && !symbol.flags.is_test {
                offers.push(ground.offer(
                    AskKind::WriteTests,
                    "",
                    &format!("Write tests for `{name}`"),
                    AskGroup::Source,
                ));
            }
            offers.push(ground.offer(AskKind::Explain, "", &format!("Explain `{name}`"), AskGroup::Read));
        } else if !selected.is_empty() {
            offers.push(ground.offer(AskKind::Explain, "", "Explain the selection", AskGroup::Read));
        }
        if let Some(root) = self.root_of(ground.uri).filter(|root| root.join(".git").exists()) {
            offers.push(ground.offer(AskKind::Review, "", "Review the changes of this file", AskGroup::Source));
            if self.is_on_branch(&root) {
                offers.push(ground.offer(
                    AskKind::Review,
                    BRANCH,
                    "Review the changes of this branch",
                    AskGroup::Source,
                ));
            }
        }
        let language = &ground.analysis.view.settings.actions.translate_to;
        let shown = if selected.is_empty() { &model.text } else { selected };
        // Letters of other alphabets, or a wish that is not the default, and no look at every comment of a file that nobody asked about.
        if language != "English" || shown.chars().any(|letter| !letter.is_ascii() && letter.is_alphabetic()) {
            let title = format!("Translate the comments into {language}");
            offers.push(ground.offer(AskKind::Translate, language, &title, AskGroup::Rewrite));
        }
        for custom in self.customs(ground.uri).0.into_iter().filter(|custom| custom.is_for(model.language)) {
            let group = match custom.output {
                actions::custom::Output::Edit => AskGroup::Rewrite,
                actions::custom::Output::Text => AskGroup::Read,
            };
            offers.push(ground.offer(AskKind::Custom, &custom.name, &custom.title, group));
        }
        offers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn pages_of_another_day_are_removed_and_those_of_today_are_not() {
        let folder = tempfile::tempdir().unwrap();
        for (name, hours) in [("old", 25), ("new", 23)] {
            let own = folder.path().join(name);
            std::fs::create_dir(&own).unwrap();
            let page = own.join("0-page.md");
            std::fs::write(&page, "x").unwrap();
            let mut permissions = std::fs::metadata(&page).unwrap().permissions();
            permissions.set_readonly(true);
            std::fs::set_permissions(&page, permissions).unwrap();
            let at = SystemTime::now() - Duration::from_secs(hours * 3600);
            std::fs::File::open(&own).unwrap().set_modified(at).unwrap();
        }
        remove_old(folder.path());
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["new"]);
        remove_old(&folder.path().join("nowhere"));
    }
}
