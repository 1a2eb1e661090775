//! Bounds the bytes that all calls hold at one time: over the bound is a refusal, not growth.

use crate::error::{Cause, LlmError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What may be held where nothing is set.
pub(crate) const MOST: usize = 64 << 20;

/// All bytes under way.
#[derive(Debug)]
pub(super) struct InFlight {
    bytes: AtomicUsize,
    most: AtomicUsize,
}

impl Default for InFlight {
    fn default() -> Self {
        Self { bytes: AtomicUsize::new(0), most: AtomicUsize::new(MOST) }
    }
}

impl InFlight {
    /// So many may be held from now on.
    pub fn bound(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// How many there are.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// A part that holds nothing yet.
    pub fn nothing(self: &Arc<Self>) -> Held {
        Held { all: self.clone(), bytes: 0 }
    }
}

/// A part of the bytes under way; they are given back when this is dropped.
#[derive(Debug)]
pub struct Held {
    all: Arc<InFlight>,
    bytes: usize,
}

impl Held {
    /// Holds so many more.
    ///
    /// # Errors
    /// If all calls together would hold more than they may.
    pub fn grow(&mut self, target: &str, more: usize) -> Result<(), LlmError> {
        let most = self.all.most.load(Ordering::Relaxed);
        let fits = |held: usize| held.checked_add(more).filter(|held| *held <= most);
        self.all.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map_err(|held| {
            let detail = format!(
                "it needs {more} bytes besides the {held} that are under way, and `models.max-bytes-in-flight` allows {most}"
            );
            LlmError::new(target, Cause::Busy, detail)
        })?;
        self.bytes += more;
        Ok(())
    }

    /// Gives everything back.
    pub fn release(&mut self) {
        self.all.bytes.fetch_sub(std::mem::take(&mut self.bytes), Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release();
    }
}
