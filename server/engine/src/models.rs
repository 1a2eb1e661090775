//! The language models behind the core: set up when somebody first wants them, and set up anew when the settings change.
//!
//! Reading a key may take as long as a program takes to print it, so it never happens where somebody types.

use crate::config::keys::read_key;
use crate::error::CoreError;
use crate::events::{Event, MessageLevel};
use crate::server_core::{ServerCore, Shared};
use crate::tasks::{Class, TaskSpec};
use llm::LlmManager;
use llm::config::{KeySource, Settings};
use llm::tape::Tape;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The manager, made when it is first wanted.
pub(crate) struct Models {
    manager: OnceLock<LlmManager>,
    /// Names the folder in which calls are written down.
    journal: fn() -> Option<PathBuf>,
    /// The generation of the settings that it holds to.
    generation: AtomicU64,
    /// Held by who sets it up, so that the last settings are the ones that hold.
    setting_up: Mutex<()>,
    /// The record of the session, where there is one.
    tape: OnceLock<Arc<Tape>>,
    /// Whether `service.quotas` holds: its clients are accounts of a service.
    pub has_quotas: AtomicBool,
}

impl Models {
    /// Nothing is made yet.
    pub fn new(journal: fn() -> Option<PathBuf>) -> Self {
        Self {
            manager: OnceLock::new(),
            generation: AtomicU64::new(0),
            journal,
            setting_up: Mutex::default(),
            tape: OnceLock::new(),
            has_quotas: AtomicBool::new(false),
        }
    }

    /// No model, whatever the settings say: for somebody who may not ask any.
    pub fn none() -> Self {
        let (manager, _) = LlmManager::new(&Settings::default(), &|_| Err("there is no key".to_owned()));
        Self { manager: OnceLock::from(manager), ..Self::new(|| None) }
    }
}

impl ServerCore {
    /// The language models of the settings in force. Calls under way go on as they began when these change. Those of a session are the service's,
    /// and hold to its settings.
    ///
    /// # Errors
    /// If too much is waiting already to set them up.
    pub async fn models(&self) -> Result<LlmManager, CoreError> {
        let models = &self.shared().models;
        let is_current = || models.generation.load(Ordering::Acquire) == self.config().generation();
        if let Some(manager) = models.manager.get()
            && (self.is_elsewhere() || is_current())
        {
            return Ok(manager.clone());
        }
        self.compute("models", self.metrics().correlation(), Shared::set_up_models).await
    }

    /// Writes down what models say, or plays what was written down; before the first of them is asked.
    pub fn set_tape(&self, tape: Tape) {
        // A session has one record.
        let _ = self.shared().models.tape.set(Arc::new(tape));
    }

    /// The settings changed: takes them over, if anybody ever wanted a model.
    pub(crate) fn renew_models(&self) {
        // Those of a session are those of the service, whose settings it cannot change.
        if self.is_elsewhere() || self.shared().models.manager.get().is_none() {
            return;
        }
        let correlation = self.metrics().correlation();
        let client = self.client.clone();
        let spec =
            TaskSpec { name: "models", class: Class::Background, client, key: None, deadline: None, correlation };
        let shared = self.shared().clone();
        match self.inner.tasks.submit(spec, move |_| drop(shared.set_up_models())) {
            Ok(task) => task.detach(),
            Err(error) => {
                let text = format!("The settings of the language models were not taken over: {error}");
                self.shared().publish(Event::Message { level: MessageLevel::Error, text });
            }
        }
    }
}

impl Shared {
    fn set_up_models(&self) -> LlmManager {
        // A panic of another one who set up leaves nothing half done: settings are taken over in one step.
        let _turn = self.models.setting_up.lock().unwrap_or_else(PoisonError::into_inner);
        // Read before the settings: of those that change in between it is only said that they are to be taken over once more.
        let generation = self.config.generation();
        if let Some(manager) = self.models.manager.get()
            && self.models.generation.load(Ordering::Acquire) == generation
        {
            return manager.clone();
        }
        let all = self.config.settings();
        let mut settings = Settings { journal: (self.models.journal)(), ..all.llm() };
        if self.models.has_quotas.load(Ordering::Relaxed) {
            settings.budget.quotas = all.service.quotas.of_models();
        }
        let key = |source: &KeySource| read_key(self.workspace.files(), source);
        let (manager, errors) = match self.models.manager.get() {
            Some(manager) => (manager.clone(), manager.reconfigure(&settings, &key)),
            None => {
                let (manager, errors) = LlmManager::new(&settings, &key);
                if let Some(tape) = self.models.tape.get() {
                    manager.set_tape(tape.clone());
                }
                (self.models.manager.get_or_init(|| manager).clone(), errors)
            }
        };
        self.models.generation.store(generation, Ordering::Release);
        for error in errors {
            self.publish(Event::Message { level: MessageLevel::Error, text: error.to_string() });
        }
        manager
    }
}

#[cfg(test)]
mod tests;
