//! Actions and search over texts that come with a request and go with its answer.
//!
//! Nothing is opened, indexed or kept between two requests: an offer is found again by its name in the same text, and what others sent is in
//! nobody's answer. No file is looked at.

mod offers;
mod review;

pub use offers::{TextOffer, is_of_model};
pub(crate) use review::TextReview;

use crate::act::refused;
use crate::answers::FoundSymbol;
use crate::ask::{Answered, TEXT};
use crate::diagnose::Analysis;
use crate::error::CoreError;
use crate::model_offers::AskOffer;
use crate::progress::Progress;
use crate::server_core::{ServerCore, Shared};
use crate::tasks::{CancelFlag, Class, TaskError, TaskSpec};
use actions::ask::Made;
use actions::edit::Refusal;
use actions::offer as action;
use offers::{model_offer, own_offer};
use rustc_hash::FxHashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use syntax::document::Content;
use syntax::extract::Depth;
use syntax::language::Language;
use syntax::text::{PositionEncoding, Span, TextEdit, apply_edits};
use workspace::index::{FileRecord, SymbolIndex};
use workspace::{Snapshot, privacy};

/// What running an offer came to.
#[derive(Clone, Debug)]
pub struct TextDone {
    /// The edits, sorted, none overlapping.
    pub edits: Vec<TextEdit>,
    /// The text after them.
    pub after: Arc<str>,
    /// Another file that is to be written, or to be added to at its end: its name, and what is added.
    pub file: Option<(String, String)>,
    /// What is to be read, as Markdown.
    pub page: Option<String>,
    /// One sentence on what was done.
    pub note: String,
    /// What was verified, each in a few words.
    pub checks: Vec<String>,
    /// What else is to be known.
    pub remarks: Vec<String>,
    /// Whether an answer of a model is in it.
    pub is_by_model: bool,
}

/// A chosen offer.
enum Chosen {
    Own(action::Offer),
    Model(Box<AskOffer>),
}

impl ServerCore {
    /// What can be done at a place of a text, as if it were a file of this name. No model is asked; `with_models` lists too what would ask one.
    ///
    /// # Errors
    /// As for [`Self::outline_of`].
    pub async fn text_offers(
        &self,
        name: PathBuf,
        text: Arc<str>,
        span: Span,
        with_models: bool,
    ) -> Result<Vec<TextOffer>, CoreError> {
        self.measured("offers", |correlation| async move {
            let analysis = self.analysis_of_text(&name, text, correlation).await?;
            let list = move |shared: &Shared| {
                let (own, models) = shared.offers_of(&name, &analysis, span, with_models);
                own.iter().map(own_offer).chain(models.iter().map(model_offer)).collect()
            };
            self.compute("offers", correlation, list).await
        })
        .await
    }

    /// Does what an offer says, which is looked for among those of the same text and place. Its edit is proved or judged as everywhere.
    ///
    /// # Errors
    /// [`CoreError::Refused`] if there is no such offer there or it cannot be done, [`CoreError::NothingToDo`] if it would change nothing; as for
    /// [`Self::ask`] where a model is asked.
    pub async fn run_text_offer(
        &self,
        name: PathBuf,
        text: Arc<str>,
        span: Span,
        id: String,
    ) -> Result<TextDone, CoreError> {
        self.measured("act", |correlation| async move {
            let analysis = self.analysis_of_text(&name, text, correlation).await?;
            let chosen = {
                let (analysis, with_models) = (analysis.clone(), is_of_model(&id));
                let choose = move |shared: &Shared| {
                    let (own, models) = shared.offers_of(&name, &analysis, span, with_models);
                    let own = own.into_iter().find(|offer| offer.id == id).map(Chosen::Own);
                    let models = || models.into_iter().find(|offer| model_offer(offer).id == id);
                    own.or_else(|| models().map(|offer| Chosen::Model(Box::new(offer))))
                };
                self.compute("act", correlation, choose).await?.ok_or_else(|| refused(Refusal::Stale))?
            };
            match chosen {
                Chosen::Own(offer) => {
                    self.compute("act", correlation, move |shared| shared.run_own(&analysis, &offer)).await?
                }
                Chosen::Model(offer) => self.run_model(analysis, *offer, correlation).await,
            }
        })
        .await
    }

    async fn run_model(
        &self,
        analysis: Arc<Analysis>,
        offer: AskOffer,
        correlation: u64,
    ) -> Result<TextDone, CoreError> {
        let ask = offer.ask;
        let progress = Progress::begin(self.shared().clone(), None, ask.kind.title());
        let subject = {
            let analysis = analysis.clone();
            let prepare = move |shared: &Shared| shared.subject(&ask, &analysis, Span::new(ask.start, ask.end));
            self.compute("ask", correlation, prepare).await??
        };
        let answered = self.answer(&subject, &progress).await?;
        let title = subject.title;
        self.compute("act", correlation, move |shared| shared.finish_text(&analysis, &title, answered)).await?
    }

    /// Definitions of some texts by name, best first. `kinds` are words for kinds; empty means all.
    ///
    /// # Errors
    /// As for [`Self::apart`].
    pub async fn search_texts(
        &self,
        texts: Vec<(PathBuf, Arc<str>)>,
        query: String,
        kinds: Vec<String>,
        limit: usize,
    ) -> Result<Vec<FoundSymbol>, CoreError> {
        let work = move || {
            let index = SymbolIndex::default();
            for (name, text) in texts {
                let Some(language) = Language::from_path(&name) else { continue };
                let model = syntax::extract::model(language, text, Depth::Documented);
                index.update(&name.to_string_lossy().into(), FileRecord::of(&model, PositionEncoding::Utf16));
            }
            let wanted: FxHashSet<&str> = kinds.iter().map(String::as_str).collect();
            // What is of no wanted kind is left out after the ranking.
            let most = if wanted.is_empty() { limit } else { usize::MAX };
            let found = index.search(&query, most).into_iter();
            let found = found.filter(|(_, place)| wanted.is_empty() || wanted.contains(place.kind.word()));
            found.take(limit).map(|(name, place)| crate::look::found_symbol(&name, place)).collect()
        };
        self.measured("symbols", |_| async { self.apart("symbols", work).await }).await
    }

    async fn analysis_of_text(
        &self,
        name: &Path,
        text: Arc<str>,
        correlation: u64,
    ) -> Result<Arc<Analysis>, CoreError> {
        let spec = TaskSpec {
            name: "diagnose",
            class: Class::Interactive,
            client: self.client.clone(),
            key: None,
            deadline: Some(self.shared().view().settings.limits.deadline()),
            correlation,
        };
        let (shared, name) = (self.shared().clone(), name.to_path_buf());
        let work = self.inner.tasks.submit(spec, move |cancel| shared.analysis_of_text(&name, text, cancel))?;
        work.await?
    }
}

impl Shared {
    fn analysis_of_text(&self, name: &Path, text: Arc<str>, cancel: &CancelFlag) -> Result<Arc<Analysis>, CoreError> {
        let shown = name.display().to_string();
        let language = Language::from_path(name).ok_or(CoreError::UnsupportedLanguage { uri: shown.clone() })?;
        // Never taken for the name of a file.
        let uri: Arc<str> = format!("{TEXT}{shown}").into();
        let snapshot = Snapshot::new(uri, None, 0, Some(language), Arc::new(Content::plain(text)), None);
        let limit = usize::try_from(self.size_limit()).unwrap_or(usize::MAX);
        if snapshot.size() > limit {
            return Err(CoreError::TooLarge { uri: shown, size: snapshot.size(), limit });
        }
        self.analyse_document(&snapshot, language, self.view(), cancel).ok_or(TaskError::Cancelled.into())
    }

    fn offers_of(
        &self,
        name: &Path,
        analysis: &Analysis,
        span: Span,
        with_models: bool,
    ) -> (Vec<action::Offer>, Vec<AskOffer>) {
        let diagnosis = &analysis.diagnosis;
        let own = action::offers(&diagnosis.model, &diagnosis.findings, span, &[]);
        // What its name keeps from models is no more shown to one here than elsewhere.
        let is_shown = with_models && privacy::reason(None, name).is_none();
        let models = if is_shown { self.model_offers_of(analysis, span) } else { Vec::new() };
        (own, models)
    }

    fn run_own(&self, analysis: &Analysis, offer: &action::Offer) -> Result<TextDone, CoreError> {
        let model = analysis.full_model(self);
        let writer = analysis.view.writer();
        let proved = self.strategy.run(&model, &analysis.diagnosis.findings, offer, &writer).map_err(refused)?;
        let note = format!("{}.", offer.title.trim_end_matches('.'));
        let checks = vec!["only documentation changed".to_owned()];
        changed(&model.text, proved.edits, TextDone { note, checks, ..TextDone::nothing(model.text.clone()) })
    }

    /// What came of asking a model; nothing is kept of it.
    fn finish_text(&self, analysis: &Analysis, title: &str, answered: Answered) -> Result<TextDone, CoreError> {
        let text = &analysis.diagnosis.model.text;
        let Answered { checked, record, is_offline } = answered;
        let mut checks: Vec<String> = checked.checks.iter().map(|&check| check.to_owned()).collect();
        let done = TextDone {
            note: format!("{title} · {}.", record.source()),
            remarks: checked.remarks,
            is_by_model: !is_offline,
            ..TextDone::nothing(text.clone())
        };
        match checked.made {
            Made::Edit { edits, region } => {
                let (edits, more) = self.through_programs(&analysis.diagnosis.uri, analysis, region, edits)?;
                checks.extend(more.into_iter().map(str::to_owned));
                changed(text, edits, TextDone { checks, ..done })
            }
            Made::Text(page) => Ok(TextDone { page: Some(page), checks, ..done }),
            Made::File { path, text } => Ok(TextDone { file: Some((path, text)), checks, ..done }),
            Made::Notes(_) => Err(CoreError::refused("Remarks on changes need a repository, and a text has none.")),
        }
    }
}

impl TextDone {
    fn nothing(after: Arc<str>) -> Self {
        Self {
            edits: Vec::new(),
            after,
            file: None,
            page: None,
            note: String::new(),
            checks: Vec::new(),
            remarks: Vec::new(),
            is_by_model: false,
        }
    }
}

fn changed(before: &str, mut edits: Vec<TextEdit>, done: TextDone) -> Result<TextDone, CoreError> {
    edits.sort_by_key(|edit| edit.span);
    let after = apply_edits(before, &edits).ok_or_else(|| CoreError::refused("The edits overlap."))?;
    Ok(TextDone { edits, after: after.into(), ..done })
}

#[cfg(test)]
pub(crate) mod tests;
