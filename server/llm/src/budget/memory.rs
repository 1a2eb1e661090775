//! The sums of a day in the memory of this process. Does no I/O and never waits.

use super::ledger::{Charge, Ledger, Sum, Sums, Three, Ticket};
use super::{BudgetError, Limits};
use futures_util::future::{BoxFuture, ready};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
struct Day {
    number: u64,
    /// What this process spent and reserved.
    own: Sums,
    /// What others did, as far as it was told.
    others: Sums,
}

impl Day {
    /// Begins a new day. A step back of one is two callers at midnight; a longer one is a clock that was set right.
    fn turn_to(&mut self, day: u64) {
        if day > self.number || day + 1 < self.number {
            *self = Self { number: day, ..Self::default() };
        }
    }
}

/// Sums in memory.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    day: Mutex<Day>,
}

impl MemoryLedger {
    /// Takes room, if there is any beside what others are known to have spent.
    pub(super) fn take(&self, limits: &Limits, most: &Charge) -> Result<(), BudgetError> {
        let mut day = self.lock();
        day.turn_to(most.day);
        let (own, others) = (day.own.of(most), day.others.of(most));
        limits.check([0, 1, 2].map(|index| own[index].and(others[index])), most)?;
        day.own.change(most, |sum, _| sum.add(most));
        Ok(())
    }

    /// Counts room that was taken elsewhere, and what all together have spent for those for whom it counts, itself included.
    pub(super) fn taken(&self, most: &Charge, together: Three) {
        let mut day = self.lock();
        day.turn_to(most.day);
        day.own.change(most, |sum, _| sum.add(most));
        let own = day.own.of(most);
        day.others.change(most, |sum, index| *sum = together[index].without(own[index]));
    }

    /// What all together have spent, where room was refused.
    pub(super) fn heard(&self, most: &Charge, together: Three) {
        let mut day = self.lock();
        day.turn_to(most.day);
        let own = day.own.of(most);
        day.others.change(most, |sum, index| *sum = together[index].without(own[index]));
    }

    fn lock(&self) -> MutexGuard<'_, Day> {
        self.day.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger for MemoryLedger {
    fn reserve<'a>(&'a self, limits: &'a Limits, most: &'a Charge) -> BoxFuture<'a, Result<Ticket, BudgetError>> {
        Box::pin(ready(self.take(limits, most).map(|()| Ticket(0))))
    }

    fn settle(&self, _: Ticket, most: &Charge, used: Option<Charge>) {
        let mut day = self.lock();
        if let Some(used) = &used {
            day.turn_to(used.day);
            day.own.change(used, |sum, _| sum.add(used));
        }
        if day.number == most.day {
            day.own.change(most, |sum, _| sum.subtract(most));
        }
    }

    fn flush(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }

    fn spent(&self, number: u64) -> Sums {
        let day = self.lock();
        if day.number != number {
            return Sums::default();
        }
        let mut sums = day.own.clone();
        let and = |sum: &mut Sum, other: &Sum| *sum = sum.and(*other);
        and(&mut sums.all, &day.others.all);
        day.others.clients.iter().for_each(|(name, other)| and(sums.clients.entry(name.clone()).or_default(), other));
        day.others.models.iter().for_each(|(name, other)| and(sums.models.entry(name.clone()).or_default(), other));
        sums
    }
}
