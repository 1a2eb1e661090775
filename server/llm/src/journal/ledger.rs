//! Budgets over the processes of one machine: each adds what it spent to the journal, and reads what the others added before it takes room.
//!
//! Where no limit is set nobody waits for these lines, and those of calls that are under way together are written together.
//!
//! What others have reserved and not yet spent is not known, so that together they may spend more than is allowed by what each of them has
//! under way. Replicas on several machines share a Redis instead.

use super::{Entry, Journal, entries, path, read_lines, today};
use crate::budget::ledger::{Charge, Ledger, Sums, Ticket};
use crate::budget::memory::MemoryLedger;
use crate::budget::period::Period;
use crate::budget::{BudgetError, Limits};
use futures_util::future::{BoxFuture, ready};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Sums in memory, with those of other processes added.
#[derive(Debug)]
pub struct JournalLedger {
    journal: Arc<Journal>,
    memory: MemoryLedger,
    writer: u64,
    period: Period,
    /// Whether a limit is set, as far as the last call knew.
    is_limited: AtomicBool,
    /// Calls that are under way.
    under_way: AtomicUsize,
    /// The day and the place up to which the file was read.
    read: Mutex<(u64, u64)>,
}

impl JournalLedger {
    /// A ledger over a journal.
    pub fn new(journal: Arc<Journal>) -> Self {
        // Unlike that of any other process that writes today.
        let digest = blake3::hash(format!("{} {:?}", std::process::id(), std::time::SystemTime::now()).as_bytes());
        let mut writer = [0; 8];
        writer.copy_from_slice(digest.as_bytes().first_chunk::<8>().unwrap_or(&[0; 8]));
        // A number that every reader of JSON can hold.
        let writer = u64::from_le_bytes(writer) >> 12;
        Self::of(journal, writer, Period::Day)
    }

    fn of(journal: Arc<Journal>, writer: u64, period: Period) -> Self {
        Self {
            journal,
            memory: MemoryLedger::default(),
            writer,
            period,
            is_limited: AtomicBool::new(true),
            under_way: AtomicUsize::new(0),
            read: Mutex::new((0, 0)),
        }
    }

    /// Whether lines may wait: nobody has to know of them at once, and another call is to end that will write them.
    fn may_wait(&self) -> bool {
        !self.is_limited.load(Ordering::Relaxed) && self.under_way.load(Ordering::Relaxed) > 0
    }

    /// A ledger of months beside this one: what this one writes down is its own.
    pub fn monthly(&self) -> Self {
        Self::of(self.journal.clone(), self.writer, Period::Month)
    }

    /// Reads what others added: today, or since the month began.
    fn catch_up(&self) {
        let today = today();
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = self.period.of(read.0) == self.period.of(today);
        if !is_same || read.0 == 0 {
            *read = (self.period.start(self.period.of(today)), 0);
        }
        for day in read.0..=today {
            if day != read.0 {
                *read = (day, 0);
            }
            self.read_on(day, &mut read);
        }
    }

    fn read_on(&self, day: u64, read: &mut (u64, u64)) {
        let number = self.period.of(day);
        read.1 = read_lines(&path(&self.journal.folder, day), read.1, |bytes| {
            for entry in entries(bytes) {
                if let Entry::Spent { writer, client, model, money, tokens } = entry
                    && writer != self.writer
                {
                    self.memory.others(&Charge { day: number, client, model, money, tokens });
                }
            }
        });
    }
}

impl Ledger for JournalLedger {
    fn reserve<'a>(&'a self, limits: &'a Limits, most: &'a Charge) -> BoxFuture<'a, Result<Ticket, BudgetError>> {
        let is_limited = *limits != Limits::default();
        self.is_limited.store(is_limited, Ordering::Relaxed);
        if is_limited {
            self.catch_up();
        }
        let taken = self.memory.take(limits, most).map(|()| {
            self.under_way.fetch_add(1, Ordering::Relaxed);
            Ticket(0)
        });
        Box::pin(ready(taken))
    }

    fn settle(&self, ticket: Ticket, most: &Charge, used: Option<Charge>) {
        // There is none to take away only where none was counted.
        let _ = self.under_way.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1));
        // What it is spent on is written down once.
        let is_written = |used: &&Charge| self.period == Period::Day && used.day == today();
        if let Some(used) = used.as_ref().filter(is_written) {
            let entry = Entry::Spent {
                writer: self.writer,
                client: used.client.clone(),
                model: used.model.clone(),
                money: used.money,
                tokens: used.tokens,
            };
            self.journal.add(&entry, self.may_wait());
        }
        self.memory.settle(ticket, most, used);
    }

    fn flush(&self) -> BoxFuture<'_, ()> {
        // What a ledger of months counts is written down by that of days.
        if self.period == Period::Day && !self.may_wait() {
            self.journal.flush();
        }
        Box::pin(ready(()))
    }

    fn spent(&self, day: u64) -> Sums {
        self.catch_up();
        self.memory.spent(day)
    }
}
