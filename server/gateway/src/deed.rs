//! Deeds that are carried through to their end once they are begun, whether or not somebody still waits for them: a client that closes its connection drops
//! the handler of its request wherever that waits, so between what is changed and the line of the audit log that tells of it.
//!
//! Never begins anything by itself, and lasts no longer than its deed.

use crate::error::{Kind, Problem, correlation, of_this_request};
use crate::state::Gateway;
use dashmap::{DashMap, Entry};
use futures_util::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio_util::task::TaskTracker;

/// The deeds that are under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deeds(TaskTracker);

impl Deeds {
    /// Waits until none is under way.
    pub async fn all_done(&self) {
        // Those that begin meanwhile are waited for too.
        self.0.close();
        self.0.wait().await;
    }
}

/// Does it in a task of its own, under the number of the request, and waits for it. Whatever was remembered of who may do what is forgotten after it.
///
/// # Errors
/// As the deed, or if that panics, which is written into the log whether or not somebody waits.
pub(crate) async fn carried_through<T: Send + 'static>(
    gateway: &Gateway,
    deed: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    let here = gateway.clone();
    let deed = caught(deed).map(move |done| {
        here.recent().forget();
        // While the store is away nothing is taken back, and what watches the service reads that it is.
        if !matches!(&done, Err(problem) if problem.is_unavailable()) {
            here.scrapers().forget();
        }
        done
    });
    spawned(gateway, deed).await
}

/// The same for a deed that is done often and takes nothing from anybody, or forgets by itself: what was remembered stays.
///
/// # Errors
/// As the deed, or if that panics.
pub(crate) async fn carried_on<T: Send + 'static>(
    gateway: &Gateway,
    deed: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    spawned(gateway, caught(deed)).await
}

async fn spawned<T: Send + 'static>(
    gateway: &Gateway,
    deed: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    let deed = gateway.deeds().0.spawn(of_this_request(deed));
    let ends = || Problem::new(Kind::Unavailable, "The service ends just now; look whether it was done still.");
    deed.await.unwrap_or_else(|_| Err(ends()))
}

/// A deed that fails where it would panic, which is written into the log.
fn caught<T>(deed: impl Future<Output = Result<T, Problem>>) -> impl Future<Output = Result<T, Problem>> {
    AssertUnwindSafe(deed).catch_unwind().map(|done| {
        done.unwrap_or_else(|_| {
            tracing::error!(correlation = correlation(), "A change was not carried through to its end.");
            Err(Problem::new(Kind::Internal, "Something failed here."))
        })
    })
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
    use crate::error::CORRELATION;
    use crate::tests::Service;
    use std::time::Duration;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn it_goes_on_where_nobody_waits_any_more_and_an_end_waits_for_it() {
        let service = Service::new().await;
        let gateway = &service.gateway;
        let (begin, begun) = oneshot::channel::<()>();
        let (end, ended) = oneshot::channel();
        let deed = carried_through(gateway, async move {
            let _ = begun.await;
            let _ = end.send(correlation());
            Ok(())
        });
        let waiting = CORRELATION.scope("12345678".to_owned(), deed);
        assert!(tokio::time::timeout(Duration::from_millis(10), waiting).await.is_err(), "and it is dropped");
        let all_done = || tokio::time::timeout(Duration::from_millis(50), gateway.deeds().all_done());
        assert!(all_done().await.is_err(), "it is under way still");
        begin.send(()).unwrap();
        assert_eq!(ended.await.unwrap(), "12345678", "under the number of the request");
        gateway.deeds().all_done().await;
    }

    #[tokio::test]
    async fn one_that_fails_says_so_and_is_under_way_no_longer() {
        let service = Service::new().await;
        let gateway = &service.gateway;
        let failed = async { Err(Problem::missing("account", "x")) };
        let failed = carried_through::<()>(gateway, failed).await.unwrap_err();
        assert_eq!(failed.told().kind, Kind::NotFound);
        let panics = async { if std::hint::black_box(true) { panic!("it was meant to") } else { Ok(()) } };
        let failed = carried_through::<()>(gateway, panics).await.unwrap_err();
        assert_eq!(failed.told().kind, Kind::Internal);
        gateway.deeds().all_done().await;
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
