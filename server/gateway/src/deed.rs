//! Deeds that are carried through to their end once they are begun, whether or not somebody still waits for them: a client that closes its connection drops
//! the handler of its request wherever that waits, so between what is changed and the line of the audit log that tells of it.
//!
//! Never begins anything by itself, and lasts no longer than its deed.

use crate::error::{CORRELATION, Kind, Problem, correlation};
use dashmap::{DashMap, Entry};
use std::future::Future;
use std::sync::Arc;
use tracing::Instrument;

/// Does it in a task of its own, under the number of the request, and waits for it.
///
/// # Errors
/// As the deed, or if that panics.
pub(crate) async fn carried_through<T: Send + 'static>(
    deed: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    let deed = tokio::spawn(CORRELATION.scope(correlation(), deed).in_current_span());
    deed.await.unwrap_or_else(|_| Err(Problem::new(Kind::Internal, "Something failed here.")))
}

/// What is being done, so that the same is not done twice at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnderWay(Arc<DashMap<String, ()>>);

/// One thing that is being done, until this is dropped.
#[derive(Debug)]
pub(crate) struct Begun {
    all: UnderWay,
    what: String,
}

impl UnderWay {
    /// Begins what has this name; `None` where it is being done.
    pub fn begin(&self, what: &str) -> Option<Begun> {
        match self.0.entry(what.to_owned()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(place) => {
                place.insert(());
                Some(Begun { all: self.clone(), what: what.to_owned() })
            }
        }
    }

    /// Whether nothing is being done.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.all.0.remove(&self.what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn it_goes_on_where_nobody_waits_any_more() {
        let (begin, begun) = oneshot::channel::<()>();
        let (end, ended) = oneshot::channel();
        let deed = carried_through(async move {
            let _ = begun.await;
            let _ = end.send(correlation());
            Ok(())
        });
        let waiting = CORRELATION.scope("12345678".to_owned(), deed);
        assert!(tokio::time::timeout(Duration::from_millis(10), waiting).await.is_err(), "and it is dropped");
        begin.send(()).unwrap();
        assert_eq!(ended.await.unwrap(), "12345678", "under the number of the request");
        let failed = carried_through::<()>(async { Err(Problem::missing("account", "x")) }).await.unwrap_err();
        assert_eq!(failed.told().kind, Kind::NotFound);
    }

    #[test]
    fn the_same_is_begun_once_until_it_is_done() {
        let all = UnderWay::default();
        let first = all.begin("a").unwrap();
        assert!(all.begin("a").is_none() && all.begin("b").is_some(), "each has its own");
        drop(first);
        assert!(all.is_empty() && all.begin("a").is_some());
    }
}
