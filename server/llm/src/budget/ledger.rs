//! What a place that sums up spendings has to do, wherever it keeps the sums. Decides nothing but whether there is room.

use super::period::Period;
use super::{BudgetError, Limits, Money, PER_DOLLAR, Quotas, dollars};
use futures_util::future::BoxFuture;
use rustc_hash::FxHashMap;

/// What one call costs, and for whom it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The day, counted from 1970; in a ledger of months, the month.
    pub day: u64,
    /// Whose call it is.
    pub client: String,
    /// The name under which the model is set.
    pub model: String,
    /// Money.
    pub money: Money,
    /// Tokens.
    pub tokens: u64,
}

/// Names a reserve within its ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

/// Keeps the sums of a day, or of a month. Each method may be called by many at once.
pub trait Ledger: Send + Sync + std::fmt::Debug {
    /// Takes room for a call if the limits leave it: in one step, so that no two callers take the same room. A future that is dropped
    /// leaves nothing reserved.
    fn reserve<'a>(&'a self, limits: &'a Limits, most: &'a Charge) -> BoxFuture<'a, Result<Ticket, BudgetError>>;

    /// Gives a reserve back and counts what was used instead; `None` is nothing. Is called from destructors, so it never waits: what
    /// takes time is noted, and done by [`Self::flush`] or with the next reserve.
    fn settle(&self, ticket: Ticket, most: &Charge, used: Option<Charge>);

    /// Does what [`Self::settle`] noted, within a bounded time.
    fn flush(&self) -> BoxFuture<'_, ()>;

    /// What is spent and reserved on a day, as far as this process knows.
    fn spent(&self, day: u64) -> Sums;
}

/// Money and tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Money.
    pub money: Money,
    /// Tokens.
    pub tokens: u64,
}

impl Sum {
    /// With a charge more.
    pub fn add(&mut self, charge: &Charge) {
        self.money = self.money.saturating_add(charge.money);
        self.tokens = self.tokens.saturating_add(charge.tokens);
    }

    /// With a charge less.
    pub fn subtract(&mut self, charge: &Charge) {
        self.money = self.money.saturating_sub(charge.money);
        self.tokens = self.tokens.saturating_sub(charge.tokens);
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self { money: self.money.saturating_add(other.money), tokens: self.tokens.saturating_add(other.tokens) }
    }

    /// What is left without the other; never less than nothing.
    pub fn without(self, other: Self) -> Self {
        let money = self.money.saturating_sub(other.money).max(0);
        Self { money, tokens: self.tokens.saturating_sub(other.tokens) }
    }
}

/// The sums of a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Of all calls.
    pub all: Sum,
    /// Of each client.
    pub clients: FxHashMap<String, Sum>,
    /// Of each model.
    pub models: FxHashMap<String, Sum>,
}

/// The three sums for which a charge counts: of all, of its client, of its model.
pub type Three = [Sum; 3];

impl Sums {
    /// The sums for which a charge counts.
    pub fn of(&self, charge: &Charge) -> Three {
        let of = |map: &FxHashMap<String, Sum>, name: &str| map.get(name).copied().unwrap_or_default();
        [self.all, of(&self.clients, &charge.client), of(&self.models, &charge.model)]
    }

    /// Changes the three sums for which a charge counts.
    pub fn change(&mut self, charge: &Charge, change: impl Fn(&mut Sum, usize)) {
        change(&mut self.all, 0);
        for (map, name, index) in [(&mut self.clients, &charge.client, 1), (&mut self.models, &charge.model, 2)] {
            match map.get_mut(name.as_str()) {
                Some(sum) => change(sum, index),
                None => change(map.entry(name.clone()).or_default(), index),
            }
        }
    }
}

/// A limit for each client, with the setting that it stands in.
type Named<T> = (&'static str, Option<T>);

/// The smallest of some limits.
fn least<T: PartialOrd + Copy>(limits: &[Named<T>]) -> Named<T> {
    let mut least = ("", None);
    for (name, limit) in limits {
        if let Some(limit) = limit
            && least.1.is_none_or(|known| *limit < known)
        {
            least = (*name, Some(*limit));
        }
    }
    least
}

impl Limits {
    /// Those that hold for a day.
    pub(super) fn of_day(&self) -> Self {
        Self { quotas: Quotas { dollars_per_month: None, ..self.quotas }, ..*self }
    }

    /// Those that hold for a month, if there are any.
    pub(super) fn of_month(&self) -> Option<Self> {
        let dollars = self.quotas.dollars_per_month?;
        let quotas = Quotas { dollars_per_month: Some(dollars), ..Quotas::default() };
        Some(Self { quotas, ..Self::default() })
    }

    fn money_of_client(&self) -> Named<f64> {
        least(&[
            ("budget.dollars-per-client", self.dollars_per_client),
            ("service.quotas.dollars-per-day", self.quotas.dollars_per_day),
            ("service.quotas.dollars-per-month", self.quotas.dollars_per_month),
        ])
    }

    fn tokens_of_client(&self) -> Named<u64> {
        least(&[
            ("budget.tokens-per-client", self.tokens_per_client),
            ("service.quotas.tokens-per-day", self.quotas.tokens_per_day),
        ])
    }

    /// The limits in money, in the order of [`Three`].
    pub fn money(&self) -> [Option<Money>; 3] {
        [self.dollars_per_day, self.money_of_client().1, self.dollars_per_model]
            .map(|limit| limit.map(|limit| (limit * PER_DOLLAR) as Money))
    }

    /// The limits in tokens, in the order of [`Three`].
    pub fn tokens(&self) -> [Option<u64>; 3] {
        [self.tokens_per_day, self.tokens_of_client().1, self.tokens_per_model]
    }

    /// Whether a charge has room beside what is spent.
    ///
    /// # Errors
    /// The first limit that has none.
    pub fn check(&self, spent: Three, charge: &Charge) -> Result<(), BudgetError> {
        let dollars_of = ["budget.dollars-per-day", self.money_of_client().0, "budget.dollars-per-model"];
        let tokens_of = ["budget.tokens-per-day", self.tokens_of_client().0, "budget.tokens-per-model"];
        for ((limit, sum), setting) in self.money().into_iter().zip(spent).zip(dollars_of) {
            if let Some(limit) = limit.filter(|limit| sum.money.saturating_add(charge.money) > *limit) {
                let (kind, period) =
                    if setting.ends_with("month") { (Period::Month, "this month") } else { (Period::Day, "today") };
                let (spent, limit, until) = (dollars(sum.money), dollars(limit), kind.end(charge.day));
                return Err(BudgetError::Dollars { setting, period, spent, limit, until });
            }
        }
        for ((limit, sum), setting) in self.tokens().into_iter().zip(spent).zip(tokens_of) {
            if let Some(limit) = limit.filter(|limit| sum.tokens.saturating_add(charge.tokens) > *limit) {
                let until = Period::Day.end(charge.day);
                return Err(BudgetError::Tokens { setting, spent: sum.tokens, limit, until });
            }
        }
        Ok(())
    }
}
