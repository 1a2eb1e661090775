//! The sums of a day, or of a month, in a Redis that several processes share. Where it cannot be reached, this process counts for itself and tells later.
//!
//! Never refuses a call because the Redis is gone, and never waits for it longer than its deadline. What a process had reserved when it
//! died is given back after a while.

use super::ledger::{Charge, Ledger, Sum, Sums, Three, Ticket};
use super::memory::MemoryLedger;
use super::period::Period;
use super::{BudgetError, Limits};
use crate::shared::Shared;
use crate::shared::gate::Gate;
use futures_util::future::{BoxFuture, join};
use redis::Script;
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A call to a model takes far longer than one to the Redis, and a refusal that is wrong costs more than a miss: so many deadlines of the cache.
const PATIENCE: u32 = 10;
/// A call that takes longer than this loses its reserve, not what it used.
const RESERVE_LASTS: Duration = Duration::from_secs(15 * 60);
/// Sums are kept until the day after is over.
const KEEP_DAY: u64 = 2 * 86_400;
/// Those of a month with some days to spare.
const KEEP_MONTH: u64 = 40 * 86_400;
/// Settlements told at once.
const BATCH: usize = 64;
/// Settlements that wait to be told. Beyond that they are added up, so that a long absence of the Redis costs no memory.
const WAITING: usize = 4096;

const RESERVE: &str = include_str!("reserve.lua");
const SETTLE: &str = include_str!("settle.lua");

/// A call that ended.
#[derive(Clone, Debug)]
struct Settlement {
    id: String,
    /// The day of its reserve.
    reserved: u64,
    used: Charge,
}

/// Sums in a shared Redis.
pub struct RedisLedger {
    shared: Arc<Shared>,
    gate: Gate,
    patience: Duration,
    memory: MemoryLedger,
    reserve: Script,
    settle: Script,
    period: Period,
    /// Differs from that of all other ledgers.
    name: String,
    tickets: AtomicU64,
    waiting: Mutex<VecDeque<Settlement>>,
}

impl std::fmt::Debug for RedisLedger {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RedisLedger").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A reserve that the Redis may have heard of. When it is dropped, as its caller left, it is given back.
struct Asked<'a> {
    ledger: &'a RedisLedger,
    ticket: Ticket,
    most: &'a Charge,
    is_kept: bool,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.ledger.note(self.ticket, self.most, None);
        }
    }
}

impl RedisLedger {
    /// Sums there. The deadline is that of the cache.
    pub fn new(shared: Arc<Shared>, deadline: Duration) -> Self {
        let patience = deadline.saturating_mul(PATIENCE);
        // Keyed anew for each, by the randomness of the system.
        let random = || RandomState::new().hash_one(std::process::id());
        Self {
            shared,
            gate: Gate::new("The Redis for `budget`", patience),
            patience,
            memory: MemoryLedger::default(),
            reserve: Script::new(RESERVE),
            settle: Script::new(SETTLE),
            period: Period::Day,
            name: format!("{:016x}{:016x}", random(), random()),
            tickets: AtomicU64::new(0),
            waiting: Mutex::default(),
        }
    }

    /// The same for the sums of months.
    #[must_use]
    pub fn monthly(self) -> Self {
        Self { period: Period::Month, ..self }
    }

    fn keep_seconds(&self) -> String {
        let seconds = match self.period {
            Period::Day => KEEP_DAY,
            Period::Month => KEEP_MONTH,
        };
        seconds.to_string()
    }

    /// All keys have one hash tag, so that a script may use them together in a cluster.
    fn keys(&self, number: u64) -> Vec<String> {
        let kinds = ["sums", "holds", "due", "settled"];
        kinds.map(|kind| format!("{}:{kind}", self.stem(number))).to_vec()
    }

    fn sums_key(&self, number: u64) -> String {
        format!("{}:sums", self.stem(number))
    }

    fn stem(&self, number: u64) -> String {
        let period = if self.period == Period::Month { "month-" } else { "" };
        format!("code-agent:{{budget}}:v1:{period}{number}")
    }

    /// How many settlements wait to be told.
    pub fn waiting(&self) -> usize {
        self.lock().len()
    }

    fn id(&self, ticket: Ticket) -> String {
        format!("{}-{}", self.name, ticket.0)
    }

    async fn take(&self, limits: &Limits, most: &Charge) -> Result<Ticket, BudgetError> {
        let ticket = Ticket(self.tickets.fetch_add(1, Ordering::Relaxed));
        let mut asked = Asked { ledger: self, ticket, most, is_kept: false };
        // Both go out at once; what is settled gives its room back first.
        let (_, reply) = join(self.tell(), self.gate.pass(self.ask(ticket, limits, most))).await;
        match reply {
            Some((true, together)) => self.memory.taken(most, together),
            Some((false, together)) => {
                asked.is_kept = true;
                self.memory.heard(most, together);
                limits.check(together, most)?;
                // The script and the check read the same numbers; should they ever differ, memory decides.
                self.memory.take(limits, most)?;
            }
            None => {
                self.memory.take(limits, most)?;
            }
        }
        asked.is_kept = true;
        Ok(ticket)
    }

    /// Asks the Redis for room; gives whether there was any, and the sums.
    async fn ask(&self, ticket: Ticket, limits: &Limits, most: &Charge) -> Result<(bool, Three), String> {
        let bound = |limit: Option<String>| limit.unwrap_or_else(|| "-1".to_owned());
        let money = limits.money().map(|limit| bound(limit.map(|limit| limit.max(0).to_string())));
        let tokens = limits.tokens().map(|limit| bound(limit.map(|limit| limit.to_string())));
        let own = [
            self.id(ticket),
            most.money.to_string(),
            most.tokens.to_string(),
            client_field(most),
            model_field(most),
            RESERVE_LASTS.as_millis().to_string(),
            self.keep_seconds(),
        ];
        let arguments: Vec<Vec<u8>> = own.into_iter().chain(money).chain(tokens).map(String::into_bytes).collect();
        let keys = self.keys(most.day);
        let reply = self.shared.script::<Vec<i64>>(&self.reserve, RESERVE, &keys, &arguments).await;
        let reply = reply.map_err(|error| error.category().to_owned())?;
        let [room, numbers @ ..] = reply.as_slice() else { return Err("an empty reply".to_owned()) };
        let sum = |index: usize| -> Option<Sum> {
            Some(Sum {
                money: *numbers.get(2 * index)?,
                tokens: u64::try_from(*numbers.get(2 * index + 1)?).unwrap_or(0),
            })
        };
        match (sum(0), sum(1), sum(2)) {
            (Some(day), Some(client), Some(model)) => Ok((*room == 1, [day, client, model])),
            _ => Err("a reply that is too short".to_owned()),
        }
    }

    /// Tells some of what was settled, those of one pair of days; says whether it was heard. What was not waits for the next time.
    async fn tell(&self) -> bool {
        let batch = self.batch();
        let Some(first) = batch.front() else { return false };
        let mut keys = self.keys(first.reserved);
        keys.push(self.sums_key(first.used.day));
        let mut arguments = vec![self.keep_seconds().into_bytes()];
        for Settlement { id, used, .. } in &batch {
            let fields =
                [id.clone(), used.money.to_string(), used.tokens.to_string(), client_field(used), model_field(used)];
            arguments.extend(fields.map(String::into_bytes));
        }
        let mut told = Told { ledger: self, batch, is_told: false };
        let call = self.shared.script::<i64>(&self.settle, SETTLE, &keys, &arguments);
        let call = async { call.await.map_err(|error| error.category().to_owned()) };
        told.is_told = self.gate.pass(call).await.is_some();
        told.is_told
    }

    /// Tells all that waits, as far as that takes no longer than two calls may.
    async fn tell_all(&self) {
        let all = async { while self.tell().await {} };
        // What is on its way when the time is over waits again.
        let _ = tokio::time::timeout(self.patience.saturating_mul(2), all).await;
    }

    /// The next settlements that can be told together.
    fn batch(&self) -> VecDeque<Settlement> {
        let mut waiting = self.lock();
        let Some(first) = waiting.front() else { return VecDeque::new() };
        let days = (first.reserved, first.used.day);
        let same = waiting.iter().take(BATCH).take_while(|next| (next.reserved, next.used.day) == days).count();
        waiting.drain(..same).collect()
    }

    /// Remembers to tell how a reserve ended.
    fn note(&self, ticket: Ticket, most: &Charge, used: Option<Charge>) {
        let used = used.unwrap_or_else(|| Charge { money: 0, tokens: 0, ..most.clone() });
        let mut waiting = self.lock();
        if waiting.len() >= WAITING {
            // Its reserve runs out by itself.
            let is_same = |other: &&mut Settlement| {
                (other.used.day, &other.used.client, &other.used.model) == (used.day, &used.client, &used.model)
            };
            match waiting.iter_mut().rev().find(is_same) {
                Some(other) => {
                    other.used.money = other.used.money.saturating_add(used.money);
                    other.used.tokens = other.used.tokens.saturating_add(used.tokens);
                }
                None => tracing::warn!("more was spent while the Redis for `budget` was away than can be told it"),
            }
            return;
        }
        waiting.push_back(Settlement { id: self.id(ticket), reserved: most.day, used });
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Settlement>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Settlements on their way. Telling one twice does no harm, so that those of which nobody knows whether they arrived wait again.
struct Told<'a> {
    ledger: &'a RedisLedger,
    batch: VecDeque<Settlement>,
    is_told: bool,
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if !self.is_told {
            let mut waiting = self.ledger.lock();
            while let Some(settlement) = self.batch.pop_back() {
                waiting.push_front(settlement);
            }
        }
    }
}

impl Ledger for RedisLedger {
    fn reserve<'a>(&'a self, limits: &'a Limits, most: &'a Charge) -> BoxFuture<'a, Result<Ticket, BudgetError>> {
        Box::pin(self.take(limits, most))
    }

    fn settle(&self, ticket: Ticket, most: &Charge, used: Option<Charge>) {
        self.note(ticket, most, used.clone());
        self.memory.settle(ticket, most, used);
    }

    fn flush(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.tell_all())
    }

    fn spent(&self, day: u64) -> Sums {
        self.memory.spent(day)
    }
}

fn client_field(charge: &Charge) -> String {
    format!(":client:{}", charge.client)
}

fn model_field(charge: &Charge) -> String {
    format!(":model:{}", charge.model)
}
