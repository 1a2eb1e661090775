//! The limit against upstreams that bear so much and no more, in time that is not real.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

fn admission(priority: Priority, client: &str) -> Admission<'_> {
    Admission { priority, client, bytes: 1000, patience: Duration::from_secs(3600) }
}

fn limiter(first: usize) -> Arc<Limiter> {
    Arc::new(Limiter::new(LimitConfig { first, foresees: false, ..LimitConfig::default() }))
}

/// An upstream that answers `capacity` at a time in `service`; with more under way each takes longer, by the power `steep`.
struct Upstream {
    capacity: f64,
    service: f64,
    steep: f64,
    /// With more under way it refuses.
    most: usize,
    under_way: AtomicUsize,
    refused: AtomicUsize,
}

impl Upstream {
    fn new(capacity: usize, steep: f64, most: usize) -> Arc<Self> {
        Arc::new(Self {
            capacity: capacity as f64,
            service: 0.1,
            steep,
            most,
            under_way: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
        })
    }

    async fn answer(&self, chance: f64) -> bool {
        let under_way = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        let is_refused = under_way > self.most;
        let slower = (under_way as f64 / self.capacity).max(1.0).powf(self.steep);
        let seconds = if is_refused { 0.005 } else { self.service * slower * chance };
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        self.refused.fetch_add(usize::from(is_refused), Ordering::Relaxed);
        !is_refused
    }
}

/// Answers a second from `after` to `until`, with as many callers as ever are let in.
async fn goodput(
    limiter: Arc<Limiter>,
    upstream: Arc<Upstream>,
    chance: fn(u64) -> f64,
    after: f64,
    until: f64,
) -> f64 {
    let began = Instant::now();
    let good = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..400u64)
        .map(|caller| {
            let (limiter, upstream, good) = (limiter.clone(), upstream.clone(), good.clone());
            tokio::spawn(async move {
                for call in 0.. {
                    let permit = limiter.admit("t", admission(Priority::Interactive, "me")).await.unwrap();
                    let sent = Instant::now();
                    if upstream.answer(chance(caller * 7919 + call)).await {
                        permit.first_word(sent.elapsed());
                        let at = began.elapsed().as_secs_f64();
                        good.fetch_add(usize::from(at >= after && at < until), Ordering::Relaxed);
                    } else {
                        permit.refused();
                    }
                    drop(permit);
                    if began.elapsed().as_secs_f64() >= until {
                        return;
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    good.load(Ordering::Relaxed) as f64 / (until - after)
}

fn even(_: u64) -> f64 {
    1.0
}

/// Times as models have them: some take twice as long as others, whatever is under way.
fn uneven(number: u64) -> f64 {
    let hash = blake3::hash(&number.to_le_bytes());
    let draw = |index: usize| f64::from(hash.as_bytes()[index]) / 255.0;
    // Nearly normal, then its exponential.
    let normal = (0..12).map(draw).sum::<f64>() - 6.0;
    (normal * 0.35).exp()
}

#[tokio::test(start_paused = true)]
async fn it_finds_the_knee_of_an_upstream_from_below_and_from_above() {
    let mut table = Vec::new();
    for (steep, most) in [(1.0, 10_000), (2.0, 10_000), (1.0, 24), (2.0, 24)] {
        for capacity in [4, 16, 64] {
            for first in [1, 32, 100] {
                if steep > 1.0 && most > 100 && first > capacity * 4 {
                    // One answer takes longer than finding the limit may.
                    continue;
                }
                let upstream = Upstream::new(capacity, steep, most.max(capacity + capacity / 2));
                let limiter = limiter(first);
                let reached = goodput(limiter.clone(), upstream, even, 10.0, 60.0).await;
                let best = capacity as f64 / 0.1;
                let found = limiter.report().limit;
                let share = reached / best;
                table.push((
                    share,
                    format!("steep {steep} most {most} capacity {capacity} first {first}: {share:.3}, {found}"),
                ));
            }
        }
    }
    // Of four at a time one more or less is a quarter, and the trying costs its share.
    let aim = |line: &str| if line.contains("capacity 4 ") { 0.9 } else { 0.95 };
    let short: Vec<_> = table.iter().filter(|(share, line)| *share < aim(line)).collect();
    assert!(short.is_empty(), "{short:#?}");
}

#[tokio::test(start_paused = true)]
async fn chance_alone_does_not_lower_it() {
    let upstream = Upstream::new(64, 1.0, 10_000);
    let mean = (0..10_000).map(uneven).sum::<f64>() / 10_000.0;
    let limiter = limiter(32);
    let reached = goodput(limiter.clone(), upstream, uneven, 20.0, 80.0).await;
    let best = 64.0 / (0.1 * mean);
    assert!(reached >= 0.85 * best, "{reached} of {best}: {:?}", limiter.report());
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_goes_by_priority_and_clients_take_turns() {
    let limiter = limiter(1);
    let order = Arc::new(Mutex::new(Vec::new()));
    let first = limiter.admit("t", admission(Priority::Interactive, "x")).await.unwrap();
    let mut tasks = Vec::new();
    for (priority, client) in [
        (Priority::Bulk, "a"),
        (Priority::Background, "a"),
        (Priority::Background, "a"),
        (Priority::Background, "a"),
        (Priority::Background, "b"),
        (Priority::Interactive, "c"),
    ] {
        let (limiter, order) = (limiter.clone(), order.clone());
        tasks.push(tokio::spawn(async move {
            let _permit = limiter.admit("t", admission(priority, client)).await.unwrap();
            order.lock().unwrap().push(format!("{priority:?} {client}"));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(limiter.report(), LimitReport { limit: 1, in_flight: 1, queued: 6 });
    drop(first);
    for task in tasks {
        task.await.unwrap();
    }
    let expected = ["Interactive c", "Background a", "Background b", "Background a", "Background a", "Bulk a"];
    assert_eq!(*order.lock().unwrap(), expected);
    assert_eq!(limiter.report(), LimitReport { limit: 1, in_flight: 0, queued: 0 });
}

#[tokio::test(start_paused = true)]
async fn what_can_wait_leaves_room_to_what_cannot() {
    let limiter = limiter(8);
    let mut bulk = Vec::new();
    for _ in 0..4 {
        bulk.push(limiter.admit("t", admission(Priority::Bulk, "a")).await.unwrap());
    }
    let more = limiter.admit("t", admission(Priority::Bulk, "a"));
    assert!(tokio::time::timeout(Duration::from_secs(1), more).await.is_err(), "half is for others");
    assert!(limiter.admit("t", admission(Priority::Interactive, "b")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_leaves_the_queue_takes_no_place_and_who_waits_too_long_is_told() {
    let limiter = limiter(1);
    let first = limiter.admit("t", admission(Priority::Interactive, "x")).await.unwrap();
    for _ in 0..1000 {
        let waiting = limiter.admit("t", admission(Priority::Interactive, "x"));
        assert!(tokio::time::timeout(Duration::from_millis(1), waiting).await.is_err());
    }
    assert!(limiter.report().queued <= 16, "{:?}", limiter.report());
    let patience = Duration::from_secs(2);
    let error = limiter.admit("t", Admission { patience, ..admission(Priority::Interactive, "x") }).await.unwrap_err();
    assert_eq!(error.cause, Cause::Busy);
    assert!(error.to_string().contains("2 seconds"), "{error}");
    drop(first);
    let next = limiter.admit("t", admission(Priority::Interactive, "x")).await.unwrap();
    // One who leaves at the moment in which his turn comes passes it on.
    let (one, other) = (limiter.clone(), limiter.clone());
    let mut gone = Box::pin(async move { one.admit("t", admission(Priority::Interactive, "x")).await });
    assert!(poll_once(&mut gone).is_pending());
    let stays = tokio::spawn(async move { other.admit("t", admission(Priority::Interactive, "x")).await.map(drop) });
    tokio::task::yield_now().await;
    drop(next);
    drop(gone);
    assert!(tokio::time::timeout(Duration::from_secs(1), stays).await.unwrap().unwrap().is_ok());
    assert_eq!(limiter.report().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn one_who_left_takes_no_turn_from_others_of_another_priority() {
    let limiter = limiter(1);
    let first = limiter.admit("t", admission(Priority::Interactive, "x")).await.unwrap();
    let left = limiter.admit("t", admission(Priority::Interactive, "x"));
    assert!(tokio::time::timeout(Duration::from_millis(1), left).await.is_err());
    let other = limiter.clone();
    let waits = tokio::spawn(async move { other.admit("t", admission(Priority::Background, "x")).await.map(drop) });
    tokio::task::yield_now().await;
    drop(first);
    assert!(tokio::time::timeout(Duration::from_secs(1), waits).await.unwrap().unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_queue_has_an_end() {
    let limiter = limiter(1);
    let _first = limiter.admit("t", admission(Priority::Interactive, "x")).await.unwrap();
    let mut waiting: Vec<_> =
        (0..LONGEST_QUEUE).map(|_| Box::pin(limiter.admit("t", admission(Priority::Bulk, "x")))).collect();
    for one in &mut waiting {
        assert!(poll_once(one).is_pending());
    }
    let error = limiter.admit("t", admission(Priority::Interactive, "x")).await.unwrap_err();
    assert_eq!(error.cause, Cause::Busy);
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> std::task::Poll<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    std::pin::Pin::new(future).poll(&mut context)
}
