//! How far a piece of long work is, told to the doors under the name that a door gave it.

use crate::events::{Event, ProgressStep};
use crate::server_core::Shared;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells how far a command is; ends its progress exactly once, when dropped at the latest.
pub(crate) struct Progress {
    teller: Teller,
    ended: AtomicBool,
}

/// The part of a progress that a task may hold.
#[derive(Clone)]
pub(crate) struct Teller {
    shared: Arc<Shared>,
    token: Option<Arc<str>>,
}

impl Progress {
    /// Tells that the work begins, if it has a name.
    pub fn begin(shared: Arc<Shared>, token: Option<&str>, title: &str) -> Self {
        let teller = Teller { shared, token: token.map(Into::into) };
        teller.tell(ProgressStep::Begin { title: title.to_string() });
        Self { teller, ended: false.into() }
    }

    /// What a task tells its steps with.
    pub fn teller(&self) -> Teller {
        self.teller.clone()
    }

    /// Tells the end, once.
    pub fn end(&self, message: String) {
        if !self.ended.swap(true, Ordering::Relaxed) {
            self.teller.tell(ProgressStep::End { message });
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end("Cancelled.".to_string());
    }
}

impl Teller {
    /// Tells a step.
    pub fn report(&self, message: &str, percent: usize) {
        self.tell(ProgressStep::Report { message: message.to_string(), percent: Some(percent.min(100) as u8) });
    }

    /// Tells what is done now, where nobody knows how much there is.
    pub fn say(&self, message: &str) {
        self.tell(ProgressStep::Report { message: message.to_string(), percent: None });
    }

    fn tell(&self, step: ProgressStep) {
        if let Some(token) = &self.token {
            self.shared.publish(Event::Progress { token: token.to_string(), step });
        }
    }
}
