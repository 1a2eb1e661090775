//! The review of a change to a text: the text as it was comes with the one that it is now, so that no history is needed.

use crate::ask::{Answered, NEEDS_MODEL, OFFLINE};
use crate::error::CoreError;
use crate::notes::Remark;
use crate::progress::Progress;
use crate::server_core::ServerCore;
use crate::tasks::CancelFlag;
use actions::ask::Made;
use llm::strategy::AnswerStrategy;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use syntax::model::FileModel;
use workspace::privacy;

/// What a model remarked on a change.
pub(crate) struct TextReview {
    /// On lines that are new, in their order.
    pub remarks: Vec<Remark>,
    /// What of the answer was left out, and why.
    pub left_out: Vec<String>,
    /// The model in a few words.
    pub source: String,
    /// The text as it is now; its lines turn spans into places.
    pub model: Arc<FileModel>,
}

impl ServerCore {
    /// Why the settings let no model be asked by an action, where they let none.
    ///
    /// # Errors
    /// As for [`Self::models`].
    pub(crate) async fn why_no_model(&self) -> Result<Option<&'static str>, CoreError> {
        if self.shared().view().settings.actions.strategy == AnswerStrategy::Offline {
            return Ok(Some(OFFLINE));
        }
        Ok(self.models().await?.report().is_empty().then_some(NEEDS_MODEL))
    }

    /// Has a model review what changed in a text, as if it were a file of this name. The text is read behind all that somebody waits for, within the
    /// deadline; for the model the bounds of its target hold.
    ///
    /// # Errors
    /// [`CoreError::Refused`] if the name is kept from models or too much is new, [`CoreError::NothingToDo`] if nothing is; as for [`Self::ask`].
    pub(crate) async fn review_text(
        &self,
        name: PathBuf,
        before: String,
        text: Arc<str>,
        deadline: Duration,
    ) -> Result<TextReview, CoreError> {
        if let Some(reason) = privacy::reason(None, &name) {
            let shown = name.display();
            return Err(CoreError::refused(format!("{shown} is not shown to a model: {reason}.")));
        }
        let shared = self.shared().clone();
        let prepare = move || {
            let analysis = shared.analysis_of_text(&name, text, &CancelFlag::default())?;
            let subject = shared.review_of(&analysis, &before)?;
            Ok::<_, CoreError>((analysis.diagnosis.model.clone(), subject))
        };
        let (model, subject) = self.apart_in_background("review", Some(deadline), prepare).await??;
        let progress = Progress::begin(self.shared().clone(), None, &subject.title);
        let Answered { checked, record, .. } = self.answer(&subject, &progress).await?;
        let remarks: Vec<Remark> = match &checked.made {
            Made::Notes(notes) => notes.iter().map(|note| Remark::of(&model, note)).collect(),
            // A review makes nothing else.
            _ => Vec::new(),
        };
        Ok(TextReview { remarks, left_out: checked.remarks, source: record.source(), model })
    }
}
