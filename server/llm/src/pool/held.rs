//! Bounds the bytes that all calls hold at one time: over the bound is a refusal, not growth.
//!
//! Pictures have a bound of their own, at which is waited: a few of them are as much as all texts together, and whoever asks without any is not
//! to be refused because of them.

use crate::error::{Cause, LlmError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What may be held where nothing is set.
pub(crate) const MOST: usize = 64 << 20;

/// Bytes of pictures that may go out at one time: as much as the bodies of all places that the gateway has for large ones.
pub(super) const MOST_PICTURES: usize = 8 * (32 << 20);
/// Bytes are counted in so many, since there are more of them than a number of places may have.
const UNIT: usize = 1 << 10;

/// All bytes of pictures that go out.
#[derive(Debug)]
pub(super) struct Uploads(Arc<Semaphore>);

impl Default for Uploads {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST_PICTURES / UNIT)))
    }
}

impl Uploads {
    /// Waits for room for so many bytes. More than all that there is room for is as much as that.
    ///
    /// # Errors
    /// If there is none in so long.
    pub async fn wait(&self, target: &str, bytes: usize, patience: Duration) -> Result<Upload, LlmError> {
        let units = u32::try_from(bytes.min(MOST_PICTURES).div_ceil(UNIT)).unwrap_or(u32::MAX);
        let turn = tokio::time::timeout(patience, self.0.clone().acquire_many_owned(units)).await;
        let busy = || LlmError::new(target, Cause::Busy, "too many pictures go out at the same time");
        Ok(Upload { _room: turn.map_err(|_elapsed| busy())?.map_err(|_closed| busy())?, bytes })
    }
}

/// Room for the pictures of one request; it is given back when this is dropped.
#[derive(Debug)]
pub struct Upload {
    _room: OwnedSemaphorePermit,
    /// Bytes of the pictures.
    pub bytes: usize,
}

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
