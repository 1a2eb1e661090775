//! How many requests a client may make: so many at once, and as many again within a minute, evenly (GCRA). Counted in a Redis that replicas
//! share, where there is one, and in this process where there is none or it does not answer.
//!
//! Never lets a request through uncounted, and never waits for the Redis longer than its deadline.

use super::Shared;
use super::gate::Gate;
use redis::Script;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const TAKE: &str = include_str!("rate.lua");
/// A refusal that is wrong costs more than a miss of the cache: so many of its deadlines.
const PATIENCE: u32 = 10;
/// Clients that are remembered before those that owe nothing are forgotten.
const MANY: usize = 10_000;
/// The time in which as many requests as may be made at once are worked off.
const MINUTE: Duration = Duration::from_secs(60);

/// How a client stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How many it may make in a minute.
    pub limit: u32,
    /// How many it could make now.
    pub left: u32,
    /// When it could make all of them again.
    pub whole_in: Duration,
    /// When it can make the next one, if this one is refused.
    pub refused_for: Option<Duration>,
}

impl Standing {
    fn of(limit: u32, has_room: bool, owed: Duration) -> Self {
        let each = each(limit);
        let room = MINUTE.saturating_sub(owed).as_secs_f64() / each.as_secs_f64();
        let wait = (owed + each).saturating_sub(MINUTE);
        Self {
            limit,
            // A microsecond that was rounded up does not cost a request.
            left: (room + 1e-3).floor().clamp(0.0, f64::from(limit)) as u32,
            whole_in: owed,
            refused_for: (!has_room).then_some(wait),
        }
    }
}

/// What one request takes to be worked off.
fn each(limit: u32) -> Duration {
    MINUTE / limit.max(1)
}

/// Counts requests by client.
pub struct RequestRates {
    shared: Option<(Arc<Shared>, Gate, Script)>,
    /// When the requests of each client are worked off.
    own: Mutex<FxHashMap<String, Instant>>,
}

impl std::fmt::Debug for RequestRates {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RequestRates").field("is_shared", &self.shared.is_some()).finish_non_exhaustive()
    }
}

impl RequestRates {
    /// Counts in this process, and in a Redis where there is one. The deadline is that of the cache.
    pub fn new(shared: Option<Arc<Shared>>, deadline: Duration) -> Self {
        let gate = || Gate::new("The Redis for `service.quotas`", deadline.saturating_mul(PATIENCE));
        Self { shared: shared.map(|shared| (shared, gate(), Script::new(TAKE))), own: Mutex::default() }
    }

    /// Takes one request of a client that may make `limit` in a minute; `None` where that is 0, which is no bound.
    pub async fn take(&self, client: &str, limit: u32) -> Option<Standing> {
        if limit == 0 {
            return None;
        }
        if let Some((shared, gate, script)) = &self.shared {
            let call = async {
                let reply = ask(shared, script, client, limit).await;
                reply.map_err(|error| error.category().to_owned())
            };
            if let Some((has_room, owed)) = gate.pass(call).await {
                let owed = Duration::from_micros(owed);
                // Should the Redis go away, this process goes on from here.
                let now = Instant::now();
                self.own(now).insert(client.to_owned(), now + owed);
                return Some(Standing::of(limit, has_room == 1, owed));
            }
        }
        Some(self.take_here(client, limit, Instant::now()))
    }

    /// Whether all replicas count together: also where there is no Redis to do so. Asks one that did not answer whether it is back.
    pub async fn is_together(&self) -> bool {
        let Some((shared, gate, _)) = &self.shared else { return true };
        let ping = async {
            let reply = shared.query::<String>(&redis::cmd("PING")).await;
            reply.map_err(|error| error.category().to_owned())
        };
        gate.pass(ping).await.is_some()
    }

    fn take_here(&self, client: &str, limit: u32, now: Instant) -> Standing {
        let mut own = self.own(now);
        let until = own.get(client).copied().unwrap_or(now);
        let owed = until.saturating_duration_since(now).min(MINUTE);
        let then = owed + each(limit);
        if then > MINUTE {
            return Standing::of(limit, false, owed);
        }
        match own.get_mut(client) {
            Some(until) => *until = now + then,
            None => _ = own.insert(client.to_owned(), now + then),
        }
        Standing::of(limit, true, then)
    }

    /// What is counted here; who owes nothing is forgotten where there are many.
    fn own(&self, now: Instant) -> MutexGuard<'_, FxHashMap<String, Instant>> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if own.len() >= MANY {
            own.retain(|_, until| *until > now);
        }
        own
    }
}

async fn ask(shared: &Shared, script: &Script, client: &str, limit: u32) -> Result<(u8, u64), redis::RedisError> {
    // One key a script, so that clients are spread over the nodes of a cluster.
    let keys = [format!("code-agent:requests:v1:{client}")];
    let numbers = [each(limit).as_nanos() as f64 / 1000.0, MINUTE.as_micros() as f64];
    shared.script(script, TAKE, &keys, &numbers.map(|number| number.to_string().into_bytes())).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_then_evenly() {
        let (rates, now) = (RequestRates::new(None, Duration::ZERO), Instant::now());
        let lefts: Vec<u32> = (0..6).map(|_| rates.take_here("a", 6, now).left).collect();
        assert_eq!(lefts, [5, 4, 3, 2, 1, 0]);
        let refused = rates.take_here("a", 6, now);
        assert_eq!(
            refused,
            Standing { limit: 6, left: 0, whole_in: MINUTE, refused_for: Some(Duration::from_secs(10)) }
        );
        assert!(rates.take_here("b", 6, now).refused_for.is_none(), "everybody has a quota of his own");
        // What is refused costs nothing, so the next one comes after a sixth of a minute whatever was asked meanwhile.
        let later = now + Duration::from_secs(10);
        assert_eq!(rates.take_here("a", 6, later).refused_for, None);
        assert!(rates.take_here("a", 6, later).refused_for.is_some());
        assert_eq!(rates.take_here("a", 6, now + Duration::from_secs(600)).left, 5);
    }

    #[test]
    fn odd_limits_are_exact_and_a_smaller_limit_holds_at_once() {
        for limit in [1, 7, 59, 1201, 999_983] {
            let (rates, now) = (RequestRates::new(None, Duration::ZERO), Instant::now());
            let most = limit.min(3000);
            for number in 1..=most {
                let standing = rates.take_here("a", limit, now);
                assert_eq!((standing.left, standing.refused_for), (limit - number, None), "{number} of {limit}");
            }
            assert_eq!(rates.take_here("a", limit, now).refused_for.is_some(), most == limit);
        }
        let (rates, now) = (RequestRates::new(None, Duration::ZERO), Instant::now());
        for _ in 0..50 {
            rates.take_here("a", 100, now);
        }
        assert_eq!(rates.take_here("a", 2, now).left, 0, "half a minute is owed, and one more of two fits");
        assert!(rates.take_here("a", 2, now).refused_for.is_some());
    }

    #[test]
    fn who_owes_nothing_is_forgotten() {
        let (rates, now) = (RequestRates::new(None, Duration::ZERO), Instant::now());
        for number in 0..MANY {
            rates.take_here(&number.to_string(), 1000, now);
        }
        rates.take_here("late", 1000, now + MINUTE);
        assert_eq!(rates.own(now).len(), 1);
    }

    #[tokio::test]
    async fn no_bound_is_no_count() {
        let rates = RequestRates::new(None, Duration::ZERO);
        assert_eq!(rates.take("a", 0).await, None);
        assert!(rates.is_together().await);
        assert_eq!(rates.take("a", 5).await.map(|standing| standing.left), Some(4));
    }
}
