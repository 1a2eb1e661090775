//! Pages of long lists. A cursor is the id of the last item, so that what is added meanwhile moves nothing;
//! it must never be an offset.

use crate::StoreError;

/// The most that one page holds.
const LONGEST: u32 = 1_000;

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Asks for what follows; nothing if this was the last page.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page of rows that were asked for with [`Ask::rows`].
    pub(crate) fn new(mut items: Vec<T>, ask: &Ask<'_>, id: impl Fn(&T) -> &str) -> Self {
        let has_more = items.len() > ask.limit;
        items.truncate(ask.limit);
        let next = items.last().filter(|_| has_more).map(|item| id(item).to_owned());
        Self { items, next }
    }
}

/// What a client asks for.
pub(crate) struct Ask<'a> {
    pub after: Option<&'a str>,
    limit: usize,
}

impl<'a> Ask<'a> {
    /// Takes a cursor of a client, which may be anything.
    pub fn new(after: Option<&'a str>, limit: u32) -> Result<Self, StoreError> {
        if after.is_some_and(|after| uuid::Uuid::try_parse(after).is_err()) {
            return Err(StoreError::Invalid("This cursor was not given out here."));
        }
        Ok(Self { after, limit: limit.clamp(1, LONGEST) as usize })
    }

    /// How many rows to read: one more than is shown tells whether there are more.
    pub fn rows(&self) -> i64 {
        self.limit as i64 + 1
    }
}
