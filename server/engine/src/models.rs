//! The language models behind the core: set up when somebody first wants them, and set up anew when the settings change.
//!
//! Reading a key may take as long as a program takes to print it, so it never happens where somebody types.

use crate::config::keys::read_key;
use crate::error::CoreError;
use crate::events::{Event, MessageLevel};
use crate::server_core::{ServerCore, Shared};
use crate::tasks::{Class, TaskError, TaskSpec};
use arc_swap::ArcSwapOption;
use llm::LlmManager;
use llm::config::{KeySource, Settings};
use llm::tape::Tape;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError};
use tokio::sync::watch;

/// The manager, made when it is first wanted.
pub(crate) struct Models {
    manager: OnceLock<LlmManager>,
    /// Names the folder in which calls are written down.
    journal: fn() -> Option<PathBuf>,
    /// The generation of the settings that it holds to, for whoever waits for it.
    generation: watch::Sender<u64>,
    /// These settings; nothing while others are taken over.
    in_force: ArcSwapOption<Settings>,
    /// Held by who sets it up: reading keys may take long, and is to take one thread and no more.
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
            generation: watch::Sender::default(),
            in_force: ArcSwapOption::default(),
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

/// The turn of who sets up. Its end wakes who waits, also where setting up panics: then one of them has to do it.
struct Turn<'a> {
    held: Option<MutexGuard<'a, ()>>,
    generation: &'a watch::Sender<u64>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.held = None;
        self.generation.send_modify(|_| ());
    }
}

impl ServerCore {
    /// The language models of the settings in force. Calls under way go on as they began when these change. Those of a session are the service's, and
    /// hold to its settings as soon as the service took them over: beside its work, or with its own next question at the latest.
    ///
    /// # Errors
    /// If too much is waiting already to set them up, that takes longer than the deadline, or it panicked.
    pub async fn models(&self) -> Result<LlmManager, CoreError> {
        let shared = self.shared();
        let mut taken_over = shared.models.generation.subscribe();
        loop {
            // Before anything is looked at, so that what is taken over from here on wakes.
            taken_over.mark_unchanged();
            if let Some(manager) = shared.current_models() {
                return Ok(manager);
            }
            let did = self.compute("models", self.metrics().correlation(), Shared::set_up_models).await?;
            if !did {
                let deadline = shared.view().settings.limits.deadline();
                // Its sender lives as long as the core does, so all that can fail is that it takes too long.
                tokio::time::timeout(deadline, taken_over.changed()).await.ok().ok_or(TaskError::Deadline)?.ok();
            }
        }
    }

    /// Writes down what models say, or plays what was written down; before the first of them is asked.
    pub fn set_tape(&self, tape: Tape) {
        // A session has one record.
        let _ = self.shared().models.tape.set(Arc::new(tape));
    }

    /// The settings changed: takes them over, if anybody ever wanted a model.
    pub(crate) fn renew_models(&self) {
        // Those of a session are those of the service, whose settings it cannot change.
        if self.is_elsewhere() {
            return;
        }
        fence(Ordering::SeqCst);
        if self.shared().models.manager.get().is_none() {
            return;
        }
        let correlation = self.metrics().correlation();
        let client = self.client.clone();
        let spec =
            TaskSpec { name: "models", class: Class::Background, client, key: None, deadline: None, correlation };
        let shared = self.shared().clone();
        match self.inner.tasks.submit(spec, move |_| shared.set_up_models()) {
            Ok(task) => task.detach(),
            Err(error) => {
                let text = format!("The settings of the language models are not taken over yet: {error}");
                self.shared().publish(Event::Message { level: MessageLevel::Error, text });
            }
        }
    }
}

impl Shared {
    /// The manager, where it holds to the settings in force. What else changed in them is nothing to wait for.
    fn current_models(&self) -> Option<LlmManager> {
        let manager = self.models.manager.get()?;
        let is_current = || {
            // In this order: settings that come back to what they were are current only where nobody is about to take others over.
            let settings = self.settings_of_models();
            fence(Ordering::SeqCst);
            self.models.in_force.load().as_deref() == Some(&settings)
        };
        let is_newest = *self.models.generation.borrow() == self.config.generation();
        (self.is_elsewhere || is_newest || is_current()).then(|| manager.clone())
    }

    fn settings_of_models(&self) -> Settings {
        let all = self.config.settings();
        let mut settings = all.llm();
        if self.models.has_quotas.load(Ordering::Relaxed) {
            settings.budget.quotas = all.service.quotas.of_models();
        }
        settings
    }

    /// Takes the settings over, and again if they change meanwhile. `false` if somebody else is at it, who will.
    fn set_up_models(&self) -> bool {
        loop {
            // Whoever changed the settings sees the turn given back, or the one who had it sees that they changed; for that both need the fence.
            fence(Ordering::SeqCst);
            let turn = match self.models.setting_up.try_lock() {
                Ok(turn) => turn,
                // Another one who set up panicked, and left it as not taken over.
                Err(TryLockError::Poisoned(turn)) => turn.into_inner(),
                Err(TryLockError::WouldBlock) => return false,
            };
            let turn = Turn { held: Some(turn), generation: &self.models.generation };
            // Read before the settings: those that change in between are taken over once more.
            let generation = self.config.generation();
            if self.models.manager.get().is_none() || *self.models.generation.borrow() != generation {
                self.take_over();
                self.models.generation.send_modify(|held| *held = generation);
            }
            drop(turn);
            fence(Ordering::SeqCst);
            if self.config.generation() == generation {
                return true;
            }
        }
    }

    fn take_over(&self) {
        let mut settings = self.settings_of_models();
        if self.models.in_force.load().as_deref() != Some(&settings) {
            // From here on the manager may hold to these or to those; whoever found it current did so before, and so before these settings.
            self.models.in_force.store(None);
            fence(Ordering::SeqCst);
            settings = self.settings_of_models();
        }
        let key = |source: &KeySource| read_key(self.workspace.files(), source);
        let with_journal = Settings { journal: (self.models.journal)(), ..settings.clone() };
        let errors = match self.models.manager.get() {
            Some(manager) => manager.reconfigure(&with_journal, &key),
            None => {
                let (manager, errors) = LlmManager::new(&with_journal, &key);
                if let Some(tape) = self.models.tape.get() {
                    manager.set_tape(tape.clone());
                }
                // Whoever takes over has the turn, so nobody else made one.
                let _ = self.models.manager.set(manager);
                errors
            }
        };
        self.models.in_force.store(Some(Arc::new(settings)));
        for error in errors {
            self.publish(Event::Message { level: MessageLevel::Error, text: error.to_string() });
        }
    }
}

#[cfg(test)]
mod tests;
