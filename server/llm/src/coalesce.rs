//! One question asked by many at the same time is asked once: all get the same pieces, whenever they come in.
//!
//! The call belongs to all who wait for it together: whoever still waits drives it, so that no one's leaving harms the others, and when
//! the last one leaves it is dropped, which ends it at the provider.

use crate::cache::Key;
use crate::error::LlmError;
use crate::request::Piece;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

type Map = Arc<Mutex<FxHashMap<Key, Flight>>>;
type Call = Shared<BoxFuture<'static, ()>>;

/// What came so far. Pieces are only ever added.
#[derive(Debug, Default)]
struct Log {
    pieces: Vec<Piece>,
    result: Option<Result<(), LlmError>>,
    /// Whether the pieces are those of an answer that was kept.
    is_kept: bool,
}

/// Where the one call writes its pieces.
#[derive(Clone)]
pub struct Writer {
    log: Arc<Mutex<Log>>,
    news: watch::Sender<()>,
}

impl Writer {
    /// Adds a piece for all.
    pub fn push(&self, piece: Piece) {
        lock(&self.log).pieces.push(piece);
        self.news.send_replace(());
    }

    /// Says to all that this is an answer that was kept.
    pub fn mark_kept(&self) {
        lock(&self.log).is_kept = true;
    }

    /// Ends the answer for all.
    pub fn end(&self, result: Result<(), LlmError>) {
        lock(&self.log).result.get_or_insert(result);
        self.news.send_replace(());
    }
}

/// A call under way.
struct Flight {
    call: WeakShared<BoxFuture<'static, ()>>,
    log: Arc<Mutex<Log>>,
    news: watch::Receiver<()>,
}

/// All calls under way, by their question.
#[derive(Default)]
pub struct Flights {
    flights: Map,
}

/// One who waits: gets every piece from the first on, whenever he came.
pub struct Follower {
    call: Option<Call>,
    log: Arc<Mutex<Log>>,
    news: watch::Receiver<()>,
    next: usize,
    /// Where the call is to be forgotten once nobody waits for it any more.
    flights: Option<(Map, Key)>,
}

impl Flights {
    /// Joins the call for a question, or begins it. Says whether it was begun.
    pub fn join<F>(&self, key: Key, begin: impl FnOnce(Writer) -> F) -> (Follower, bool)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut flights = lock(&self.flights);
        if let Some(flight) = flights.get(&key)
            && let Some(call) = flight.call.upgrade()
            && lock(&flight.log).result.is_none()
        {
            let (log, news) = (flight.log.clone(), flight.news.clone());
            let flights = Some((self.flights.clone(), key));
            return (Follower { call: Some(call), log, news, next: 0, flights }, false);
        }
        let (writer, call, news) = alone(begin);
        let weak = call.downgrade();
        if let Some(weak) = weak {
            flights.insert(key, Flight { call: weak, log: writer.log.clone(), news: news.clone() });
        }
        let flights = Some((self.flights.clone(), key));
        (Follower { call: Some(call), log: writer.log, news, next: 0, flights }, true)
    }

    /// How many calls are under way.
    pub fn len(&self) -> usize {
        lock(&self.flights).len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn alone<F>(begin: impl FnOnce(Writer) -> F) -> (Writer, Call, watch::Receiver<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (sender, news) = watch::channel(());
    let writer = Writer { log: Arc::default(), news: sender };
    let call = begin(writer.clone()).boxed().shared();
    (writer, call, news)
}

impl Follower {
    /// A call that nobody else can join.
    pub fn alone<F>(begin: impl FnOnce(Writer) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (writer, call, news) = alone(begin);
        Self { call: Some(call), log: writer.log, news, next: 0, flights: None }
    }

    /// Pieces that are there already.
    pub fn of(pieces: Vec<Piece>) -> Self {
        let (_, news) = watch::channel(());
        let log = Arc::new(Mutex::new(Log { pieces, result: Some(Ok(())), is_kept: true }));
        Self { call: None, log, news, next: 0, flights: None }
    }

    /// Whether the answer was kept, as far as is known yet.
    pub fn is_kept(&self) -> bool {
        lock(&self.log).is_kept
    }

    /// The next piece; `None` at the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Piece, LlmError>> {
        loop {
            self.news.mark_unchanged();
            {
                let mut log = lock(&self.log);
                if let Some(piece) = log.pieces.get(self.next) {
                    self.next += 1;
                    return Some(Ok(piece.clone()));
                }
                match &mut log.result {
                    Some(Ok(())) => return None,
                    Some(Err(error)) => {
                        let error = error.clone();
                        drop(log);
                        // Said once to each who waits.
                        self.log = Arc::new(Mutex::new(Log { result: Some(Ok(())), ..Log::default() }));
                        self.next = 0;
                        return Some(Err(error));
                    }
                    None => {}
                }
            }
            let call = self.call.clone()?;
            let is_over = tokio::select! {
                biased;
                () = call => true,
                Ok(()) = self.news.changed() => false,
            };
            // A call that ends without saying how has nothing more to say.
            if is_over && lock(&self.log).result.is_none() && lock(&self.log).pieces.len() == self.next {
                return None;
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let Some((flights, key)) = self.flights.take() else { return };
        // Dropped before the map is looked at: the last one's going is what ends the call.
        drop(self.call.take());
        let mut flights = lock(&flights);
        if flights.get(&key).is_some_and(|flight| flight.call.upgrade().is_none()) {
            flights.remove(&key);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Cause;
    use proptest::prelude::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    fn key() -> Key {
        let prompt = crate::prompt::Prompt::new(
            &[crate::prompt::Part::Data(crate::prompt::Origin::Question, "x".into())],
            crate::prompt::PromptLimits::default(),
        );
        Key::of(&crate::request::Request::new(Arc::new(prompt.unwrap())), &["m"])
    }

    async fn rest(mut follower: Follower) -> (String, Option<LlmError>) {
        let mut text = String::new();
        loop {
            match follower.next().await {
                Some(Ok(Piece::Text(piece))) => text.push_str(&piece),
                Some(Ok(_)) => {}
                Some(Err(error)) => return (text, Some(error)),
                None => return (text, None),
            }
        }
    }

    /// Ten pieces, one every 10 ms.
    async fn slow(writer: Writer, calls: Arc<AtomicUsize>) {
        calls.fetch_add(1, Ordering::Relaxed);
        for number in 0..10 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            writer.push(Piece::Text(number.to_string()));
        }
        writer.end(Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_callers_make_one_call_and_get_the_same() {
        let (flights, calls) = (Flights::default(), Arc::new(AtomicUsize::new(0)));
        let followers: Vec<Follower> =
            (0..1000).map(|_| flights.join(key(), |writer| slow(writer, calls.clone())).0).collect();
        let answers =
            futures_util::future::join_all(followers.into_iter().map(|follower| tokio::spawn(rest(follower)))).await;
        assert!(answers.into_iter().all(|answer| answer.unwrap() == ("0123456789".to_owned(), None)));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert!(flights.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_one_who_leaves_ends_the_call() {
        struct Told(Arc<AtomicUsize>);
        impl Drop for Told {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let (flights, ended) = (Flights::default(), Arc::new(AtomicUsize::new(0)));
        let begin = |told: Told| {
            move |_: Writer| async move {
                let _told = told;
                std::future::pending::<()>().await;
            }
        };
        let (mut first, began) = flights.join(key(), begin(Told(ended.clone())));
        assert!(began);
        assert!(tokio::time::timeout(Duration::from_millis(5), first.next()).await.is_err());
        let (second, began) = flights.join(key(), |_| async {});
        assert!(!began);
        drop(first);
        assert_eq!((ended.load(Ordering::Relaxed), flights.len()), (0, 1));
        drop(second);
        assert_eq!((ended.load(Ordering::Relaxed), flights.len()), (1, 0));
    }

    #[tokio::test]
    async fn a_failure_reaches_all_once_and_the_next_caller_asks_anew() {
        let flights = Flights::default();
        let fail = |writer: Writer| async move {
            tokio::task::yield_now().await;
            writer.end(Err(LlmError::new("t", Cause::Server, "no")));
        };
        let (one, other) = (flights.join(key(), fail).0, flights.join(key(), fail).0);
        let (one, other) = tokio::join!(rest(one), rest(other));
        assert!(one.1.is_some() && one == other);
        assert!(flights.join(key(), fail).1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn whoever_stays_gets_everything_wherever_others_leave(leaves in prop::collection::vec(0u64..130, 1..6), joins in prop::collection::vec(0u64..90, 1..6)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let (flights, calls) = (Arc::new(Flights::default()), Arc::new(AtomicUsize::new(0)));
                let mut tasks = Vec::new();
                for at in leaves {
                    let follower = flights.join(key(), |writer| slow(writer, calls.clone())).0;
                    tasks.push(tokio::spawn(async move {
                        tokio::time::timeout(Duration::from_millis(at), rest(follower)).await.ok();
                        None
                    }));
                }
                let stays = flights.join(key(), |writer| slow(writer, calls.clone())).0;
                tasks.push(tokio::spawn(async move { Some(rest(stays).await) }));
                for at in joins {
                    let (flights, calls) = (flights.clone(), calls.clone());
                    tasks.push(tokio::spawn(async move {
                        tokio::time::sleep(Duration::from_millis(at)).await;
                        let follower = flights.join(key(), |writer| slow(writer, calls)).0;
                        Some(rest(follower).await)
                    }));
                }
                for task in tasks {
                    if let Some(answer) = task.await.unwrap() {
                        assert_eq!(answer, ("0123456789".to_owned(), None));
                    }
                }
                assert_eq!(calls.load(Ordering::Relaxed), 1);
            });
        }
    }
}
