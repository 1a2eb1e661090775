//! What a service asks of the core: texts that come with a request and go with its answer, and what models are doing.
//!
//! All of it runs with the other tasks, fairly between clients; nothing is opened, and no file is looked at.

mod steps;

pub use steps::{ModelStep, ModelSteps};

use crate::answers::{BatchOptions, FileChangeReport, FileReport, OutlineItem};
use crate::error::CoreError;
use crate::server_core::ServerCore;
use crate::tasks::{Class, TaskError, TaskSpec};
use llm::budget::Limits;
use llm::cache::SecondCounts;
use llm::incidents::Incident;
use llm::{Spending, TargetReport};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use syntax::extract::Depth;
use syntax::language::Language;
use tokio::sync::oneshot;

/// What there is to measure of language models.
#[derive(Clone, Debug)]
pub struct ModelFigures {
    /// What is counted where it happens, in the text format of Prometheus.
    pub text: String,
    /// How each target is just now.
    pub targets: Vec<TargetReport>,
    /// What was spent today.
    pub spending: Spending,
    /// What may be spent a day.
    pub limits: Limits,
    /// What became of what a Redis was asked, where there is one.
    pub shared_cache: Option<SecondCounts>,
    /// Trouble that is remembered.
    pub incidents: Vec<Incident>,
}

impl ServerCore {
    /// Does work that costs, away from the threads that talk.
    ///
    /// # Errors
    /// If too much is waiting, or it took too long.
    pub async fn apart<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, CoreError> {
        self.compute(name, self.metrics().correlation(), move |_| work()).await
    }

    /// The same for work that can wait: it goes behind all that somebody waits for, and has a deadline of its own, or none. The deadline
    /// counts from when the work begins.
    ///
    /// # Errors
    /// If too much is waiting, or it took too long.
    pub async fn apart_in_background<T: Send + 'static>(
        &self,
        name: &'static str,
        deadline: Option<Duration>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, CoreError> {
        let spec = TaskSpec {
            name,
            class: Class::Background,
            client: self.client.clone(),
            key: None,
            deadline: None,
            correlation: self.metrics().correlation(),
        };
        let (begins, begun) = oneshot::channel();
        let mut work = self.inner.tasks.submit(spec, move |_| {
            // Who gave up meanwhile hears nothing of it.
            let _ = begins.send(());
            work()
        })?;
        let over = async {
            match deadline {
                Some(deadline) if begun.await.is_ok() => tokio::time::sleep(deadline).await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            result = &mut work => Ok(result?),
            () = over => Err(TaskError::Deadline.into()),
        }
    }

    /// What is wrong with a text, as if it were a file of this name.
    ///
    /// # Errors
    /// As for [`Self::apart`].
    pub async fn check(&self, name: PathBuf, text: Arc<str>) -> Result<FileReport, CoreError> {
        let core = self.clone();
        self.measured("check", |_| async { self.apart("check", move || core.check_text(&name, text)).await }).await
    }

    /// The text with the documentation that it lacks.
    ///
    /// # Errors
    /// As for [`Self::apart`].
    pub async fn document(&self, name: PathBuf, text: Arc<str>) -> Result<FileChangeReport, CoreError> {
        let core = self.clone();
        let work = move || core.document_text(&name, text, &BatchOptions::default());
        self.measured("document", |_| async { self.apart("document", work).await }).await
    }

    /// The text with its documentation made true again, as far as that is certain.
    ///
    /// # Errors
    /// As for [`Self::apart`].
    pub async fn update_docs(&self, name: PathBuf, text: Arc<str>) -> Result<FileChangeReport, CoreError> {
        let core = self.clone();
        let work = move || core.fix_text(&name, text, &BatchOptions::default());
        self.measured("update-docs", |_| async { self.apart("update-docs", work).await }).await
    }

    /// What is defined in a text.
    ///
    /// # Errors
    /// [`CoreError::UnsupportedLanguage`] by its name; else as for [`Self::apart`].
    pub async fn outline_of(&self, name: PathBuf, text: Arc<str>) -> Result<Vec<OutlineItem>, CoreError> {
        let shown = name.display().to_string();
        let language = Language::from_path(&name).ok_or(CoreError::UnsupportedLanguage { uri: shown.clone() })?;
        let limit = self.shared().size_limit() as usize;
        if text.len() > limit {
            return Err(CoreError::TooLarge { uri: shown, size: text.len(), limit });
        }
        let work = move || crate::look::outline(&syntax::extract::model(language, text, Depth::Documented));
        self.measured("outline", |_| async { self.apart("outline", work).await }).await
    }

    /// How the models are. None is asked.
    ///
    /// # Errors
    /// As for [`Self::models`].
    pub async fn model_report(&self) -> Result<Vec<TargetReport>, CoreError> {
        Ok(self.models().await?.report())
    }

    /// Trouble with models, put together by what lies behind it, the newest first.
    ///
    /// # Errors
    /// As for [`Self::models`].
    pub async fn model_incidents(&self) -> Result<Vec<Incident>, CoreError> {
        Ok(self.models().await?.incidents())
    }

    /// What was spent today.
    ///
    /// # Errors
    /// As for [`Self::models`].
    pub async fn spent_today(&self) -> Result<Spending, CoreError> {
        Ok(self.models().await?.spending())
    }

    /// The figures of the models, for Prometheus.
    ///
    /// # Errors
    /// As for [`Self::models`].
    pub async fn model_figures(&self) -> Result<ModelFigures, CoreError> {
        let models = self.models().await?;
        Ok(ModelFigures {
            text: models.plain_metrics(),
            targets: models.report(),
            spending: models.spending(),
            limits: self.config().settings().budget,
            shared_cache: models.shared_cache(),
            incidents: models.incidents(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::tests::core;
    use serde_json::json;
    // Work that takes its time on a thread of the tasks, as parsing does; nothing is waited for by it.
    use std::thread::sleep;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_deadline_of_work_that_can_wait_counts_from_its_beginning() {
        let core = core(json!({ "core": { "threads": 1 } }));
        // With one thread the second begins when the first is over.
        let slow = core.apart_in_background("slow", None, || sleep(Duration::from_millis(900)));
        let quick = core.apart_in_background("quick", Some(Duration::from_millis(600)), || 7);
        let (slow, quick) = tokio::join!(slow, quick);
        assert!(slow.is_ok() && matches!(quick, Ok(7)), "{quick:?}");
        let deadline = Some(Duration::from_millis(50));
        let late = core.apart_in_background("late", deadline, || sleep(Duration::from_millis(900))).await;
        assert!(matches!(late, Err(CoreError::Task(TaskError::Deadline))), "{late:?}");
    }
}
