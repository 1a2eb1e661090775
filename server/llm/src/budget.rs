//! Money and tokens: reserved before a call, settled after it, so that no crowd of callers can spend what one of them may.
//!
//! Prices are data with a date and a source; what has no price costs nothing and counts its tokens. Where the sums are kept is the business
//! of a [`Ledger`]: in memory, or where several processes share them.

pub(crate) mod ledger;
pub(crate) mod memory;
pub(crate) mod period;
mod redis;

pub use self::redis::RedisLedger;
use crate::error::{Cause, LlmError};
use crate::request::Usage;
use ledger::{Charge, Ledger, Sum, Ticket};
pub use memory::MemoryLedger;
use period::Period;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Millionths of a cent, so that sums are exact.
pub type Money = i64;

const PER_DOLLAR: f64 = 100_000_000.0;
const DAY_SECONDS: u64 = 86_400;

/// What a million tokens cost, in dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Price {
    /// A million tokens of a prompt.
    pub input: f64,
    /// A million of those that the provider had in its cache; as `input` where it is left out.
    pub cached: Option<f64>,
    /// A million tokens of an answer.
    pub output: f64,
}

impl Price {
    /// What a call costs.
    pub fn of(&self, usage: Usage) -> Money {
        let cached = usage.cached.min(usage.input);
        let input = (usage.input - cached) as f64 * self.input + cached as f64 * self.cached.unwrap_or(self.input);
        let dollars = (input + usage.output as f64 * self.output) / 1_000_000.0;
        (dollars * PER_DOLLAR).ceil() as Money
    }
}

/// Money as a person reads it.
pub fn dollars(money: Money) -> f64 {
    money as f64 / PER_DOLLAR
}

/// The prices that ship. Where and when they are from stands in the file, for whoever reads it.
#[derive(Debug, Deserialize)]
struct PriceList {
    models: FxHashMap<String, Price>,
}

/// The price of a model, by its name or the longest beginning of it that is known.
pub fn price_of(model: &str) -> Option<Price> {
    static LIST: std::sync::LazyLock<Option<PriceList>> =
        std::sync::LazyLock::new(|| toml::from_str(include_str!("prices.toml")).ok());
    let model = model.rsplit('/').next().unwrap_or(model);
    let known = LIST.as_ref()?.models.iter().filter(|(name, _)| model.starts_with(name.as_str()));
    known.max_by_key(|(name, _)| name.len()).map(|(_, price)| *price)
}

/// What may be spent in a day; `None` is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// Dollars a day, in all.
    pub dollars_per_day: Option<f64>,
    /// Dollars a day and client.
    pub dollars_per_client: Option<f64>,
    /// Dollars a day and model, by the name under which it is set.
    pub dollars_per_model: Option<f64>,
    /// Tokens a day, in all.
    pub tokens_per_day: Option<u64>,
    /// Tokens a day and client.
    pub tokens_per_client: Option<u64>,
    /// Tokens a day and model, by the name under which it is set.
    pub tokens_per_model: Option<u64>,
    /// What the settings of a service allow each client besides.
    #[serde(skip)]
    pub quotas: Quotas,
}

/// What each client of a service may spend; `None` is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quotas {
    /// Tokens a day.
    pub tokens_per_day: Option<u64>,
    /// Dollars a day.
    pub dollars_per_day: Option<f64>,
    /// Dollars a calendar month.
    pub dollars_per_month: Option<f64>,
}

/// Which budget has no room.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BudgetError {
    /// Money.
    #[error("${spent:.2} of the ${limit:.2} of `{setting}` are spent or reserved for {period}")]
    Dollars {
        /// The setting.
        setting: &'static str,
        /// `today` or `this month`.
        period: &'static str,
        /// Spent and reserved.
        spent: f64,
        /// Allowed.
        limit: f64,
        /// The day, counted from 1970, on which nothing is spent yet.
        until: u64,
    },
    /// Tokens.
    #[error("{spent} of the {limit} tokens of `{setting}` are used or reserved for today")]
    Tokens {
        /// The setting.
        setting: &'static str,
        /// Used and reserved.
        spent: u64,
        /// Allowed.
        limit: u64,
        /// The day, counted from 1970, on which nothing is used yet.
        until: u64,
    },
}

impl BudgetError {
    /// The day, counted from 1970, from which on there is room again.
    pub fn until(&self) -> u64 {
        match self {
            Self::Dollars { until, .. } | Self::Tokens { until, .. } => *until,
        }
    }
}

impl From<BudgetError> for LlmError {
    fn from(error: BudgetError) -> Self {
        let wait = Duration::from_secs(error.until().saturating_mul(DAY_SECONDS)).saturating_sub(since_1970());
        Self { retry_after: Some(wait), ..Self::new("budget", Cause::Budget, error.to_string()) }
    }
}

/// What was spent, held against limits. Tells the day through a function, so that tests have their own.
#[derive(Clone, Debug)]
pub struct Budget {
    limits: Limits,
    /// The sums of a day, and those of a month.
    ledger: Arc<dyn Ledger>,
    month: Arc<dyn Ledger>,
    today: fn() -> u64,
}

/// Room in the budget for one call. What is not settled is given back.
#[derive(Debug)]
pub struct Reserve {
    holds: Vec<Hold>,
    today: fn() -> u64,
}

/// Room in one ledger.
#[derive(Debug)]
struct Hold {
    ledger: Arc<dyn Ledger>,
    period: Period,
    ticket: Ticket,
    most: Charge,
}

/// Days since 1970, by the clock of the machine.
pub(crate) fn day_of_clock() -> u64 {
    since_1970().as_secs() / DAY_SECONDS
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl Budget {
    /// Nothing is spent, and what will be is counted in memory.
    pub fn new(limits: Limits) -> Self {
        Self::with_ledger(limits, Arc::new(MemoryLedger::default()))
    }

    /// Counts days where the ledger does, and months in memory.
    pub fn with_ledger(limits: Limits, ledger: Arc<dyn Ledger>) -> Self {
        Self::with_ledgers(limits, ledger, Arc::new(MemoryLedger::default()))
    }

    /// Counts where the ledgers do, which are for days and for months.
    pub fn with_ledgers(limits: Limits, ledger: Arc<dyn Ledger>, month: Arc<dyn Ledger>) -> Self {
        Self { limits, ledger, month, today: day_of_clock }
    }

    /// The same spendings under other limits.
    pub fn with_limits(&self, limits: Limits) -> Self {
        Self { limits, ..self.clone() }
    }

    /// Takes room for a call to a model that may cost so much.
    ///
    /// # Errors
    /// If one of the budgets has no room.
    pub async fn reserve(&self, client: &str, model: &str, most: Usage, price: Price) -> Result<Reserve, BudgetError> {
        let (client, model) = (client.to_owned(), model.to_owned());
        let most = Charge { day: (self.today)(), client, model, money: price.of(most), tokens: tokens_of(most) };
        let mut reserve = Reserve { holds: Vec::with_capacity(2), today: self.today };
        // What was taken from the first is given back if the second refuses.
        reserve.take(&self.ledger, Period::Day, &self.limits.of_day(), &most).await?;
        if let Some(limits) = self.limits.of_month() {
            reserve.take(&self.month, Period::Month, &limits, &most).await?;
        }
        Ok(reserve)
    }

    /// Whether one of the limits for all is nearly reached: nothing is to be spent then that could be saved.
    pub fn is_tight(&self) -> bool {
        const NEARLY: f64 = 0.9;
        if self.limits == Limits::default() {
            return false;
        }
        let spent = self.ledger.spent((self.today)()).all;
        let money = self.limits.money()[0].is_some_and(|limit| spent.money as f64 >= limit as f64 * NEARLY);
        money || self.limits.tokens()[0].is_some_and(|limit| spent.tokens as f64 >= limit as f64 * NEARLY)
    }

    /// Money and tokens spent and reserved today, and the same for each model.
    pub fn today(&self) -> (Money, u64, Vec<(String, Money, u64)>) {
        let sums = self.ledger.spent((self.today)());
        let models = sums.models.into_iter().filter(|(_, sum)| *sum != Sum::default());
        let mut models: Vec<_> = models.map(|(model, sum)| (model, sum.money, sum.tokens)).collect();
        models.sort();
        (sums.all.money, sums.all.tokens, models)
    }

    /// Writes down what was settled and is not written yet, for ledgers that others share.
    pub async fn flush(&self) {
        self.ledger.flush().await;
        self.month.flush().await;
    }
}

impl Reserve {
    async fn take(
        &mut self,
        ledger: &Arc<dyn Ledger>,
        period: Period,
        limits: &Limits,
        most: &Charge,
    ) -> Result<(), BudgetError> {
        let most = Charge { day: period.of(most.day), ..most.clone() };
        let ticket = ledger.reserve(limits, &most).await?;
        self.holds.push(Hold { ledger: ledger.clone(), period, ticket, most });
        Ok(())
    }

    /// The call came to an end and used this. Waits for nothing, so that a destructor can call it.
    pub fn settle(mut self, usage: Usage, price: Price) -> Money {
        let money = price.of(usage);
        for Hold { ledger, period, ticket, most } in self.holds.drain(..) {
            // A call that ends after midnight counts for the day on which it ends.
            let used = Charge { day: period.of((self.today)()), money, tokens: tokens_of(usage), ..most.clone() };
            ledger.settle(ticket, &most, Some(used));
        }
        money
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        for hold in &self.holds {
            hold.ledger.settle(hold.ticket, &hold.most, None);
        }
    }
}

fn tokens_of(usage: Usage) -> u64 {
    usage.input.saturating_add(usage.output)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICE: Price = Price { input: 10.0, cached: Some(1.0), output: 30.0 };

    fn budget(dollars: f64) -> Budget {
        Budget::new(Limits { dollars_per_day: Some(dollars), ..Limits::default() })
    }

    fn usage(input: u64, output: u64) -> Usage {
        Usage { input, cached: 0, output }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_crowd_never_spends_more_than_is_allowed() {
        let budget = budget(1.0);
        let callers: Vec<_> = (0..64)
            .map(|_| {
                let budget = budget.clone();
                tokio::spawn(async move {
                    let mut calls = 0;
                    for _ in 0..50 {
                        // A reserve of four cents, of which two are used.
                        if let Ok(reserve) = budget.reserve("c", "m", usage(1000, 1000), PRICE).await {
                            tokio::task::yield_now().await;
                            reserve.settle(usage(1000, 333), PRICE);
                            calls += 1;
                        }
                    }
                    calls
                })
            })
            .collect();
        let mut calls: i64 = 0;
        for caller in callers {
            calls += caller.await.unwrap();
        }
        let (money, ..) = budget.today();
        assert_eq!(money, calls * PRICE.of(usage(1000, 333)));
        assert!(dollars(money) <= 1.0 && dollars(money) > 0.95, "{} by {calls} calls", dollars(money));
    }

    #[tokio::test]
    async fn what_is_not_used_is_given_back() {
        let budget = budget(0.05);
        let reserve = budget.reserve("c", "m", usage(1000, 1000), PRICE).await.unwrap();
        assert_eq!(budget.today().2, [("m".to_owned(), PRICE.of(usage(1000, 1000)), 2000)]);
        let refused = budget.reserve("c", "m", usage(1000, 1000), PRICE).await.unwrap_err().to_string();
        assert_eq!(refused, "$0.04 of the $0.05 of `budget.dollars-per-day` are spent or reserved for today");
        drop(reserve);
        assert_eq!(budget.today(), (0, 0, Vec::new()));
    }

    #[tokio::test]
    async fn each_limit_holds_for_what_it_names_and_no_other() {
        let none = Limits::default();
        let all = [
            (Limits { dollars_per_day: Some(0.05), ..none }, "budget.dollars-per-day", false, false),
            (Limits { dollars_per_client: Some(0.05), ..none }, "budget.dollars-per-client", true, false),
            (Limits { dollars_per_model: Some(0.05), ..none }, "budget.dollars-per-model", false, true),
            (Limits { tokens_per_day: Some(3000), ..none }, "budget.tokens-per-day", false, false),
            (Limits { tokens_per_client: Some(3000), ..none }, "budget.tokens-per-client", true, false),
            (Limits { tokens_per_model: Some(3000), ..none }, "budget.tokens-per-model", false, true),
        ];
        for (limits, setting, other_client, other_model) in all {
            let budget = Budget::new(limits);
            let _held = budget.reserve("a", "m", usage(1000, 1000), PRICE).await.unwrap();
            let refused = budget.reserve("a", "m", usage(1000, 1000), PRICE).await.unwrap_err().to_string();
            assert!(refused.contains(setting), "{refused}");
            assert_eq!(budget.reserve("b", "m", usage(1000, 1000), PRICE).await.is_ok(), other_client, "{setting}");
            assert_eq!(budget.reserve("a", "n", usage(1000, 1000), PRICE).await.is_ok(), other_model, "{setting}");
        }
    }

    #[tokio::test]
    async fn quotas_of_a_service_hold_for_each_client_and_are_called_by_their_names() {
        let quotas = |quotas| Limits { quotas, ..Limits::default() };
        let none = Quotas::default();
        let all = [
            (quotas(Quotas { tokens_per_day: Some(3000), ..none }), "`service.quotas.tokens-per-day` are used or"),
            (quotas(Quotas { dollars_per_day: Some(0.05), ..none }), "`service.quotas.dollars-per-day` are spent or"),
            (
                quotas(Quotas { dollars_per_month: Some(0.05), ..none }),
                "`service.quotas.dollars-per-month` are spent or reserved for this month",
            ),
            (
                Limits { dollars_per_client: Some(0.05), ..quotas(Quotas { dollars_per_day: Some(9.0), ..none }) },
                "`budget.dollars-per-client` are spent or reserved for today",
            ),
        ];
        for (limits, said) in all {
            let budget = Budget::new(limits);
            let held = budget.reserve("a", "m", usage(1000, 1000), PRICE).await.unwrap();
            let refused = budget.reserve("a", "n", usage(1000, 1000), PRICE).await.unwrap_err().to_string();
            assert!(refused.contains(said), "{refused}");
            assert!(budget.reserve("b", "m", usage(1000, 1000), PRICE).await.is_ok(), "{said}");
            assert_eq!(budget.today().1, 2000, "what was refused holds nothing, and what was dropped neither");
            held.settle(usage(100, 100), PRICE);
            assert!(budget.reserve("a", "m", usage(1000, 1000), PRICE).await.is_ok(), "{said}");
        }
    }

    #[tokio::test]
    async fn a_new_month_begins_with_nothing_spent_and_a_new_day_does_not() {
        static DAY: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let limits =
            Limits { quotas: Quotas { dollars_per_month: Some(0.05), ..Quotas::default() }, ..Limits::default() };
        let budget = Budget { today: || DAY.load(std::sync::atomic::Ordering::Relaxed), ..Budget::new(limits) };
        // From the 30th of November 2026 on; where there is no room, until when.
        for (day, until) in
            [(20_787, None), (20_787, Some(20_788)), (20_788, None), (20_789, Some(20_819)), (20_819, None)]
        {
            DAY.store(day, std::sync::atomic::Ordering::Relaxed);
            let reserve = budget.reserve("a", "m", usage(1000, 1000), PRICE).await;
            assert_eq!(reserve.as_ref().err().map(BudgetError::until), until, "on day {day}");
            reserve.map(|reserve| reserve.settle(usage(1000, 1000), PRICE)).ok();
        }
    }

    #[tokio::test]
    async fn whoever_has_spent_all_is_told_when_the_day_or_the_month_is_over() {
        let none = Quotas::default();
        for (quotas, period) in [
            (Quotas { dollars_per_month: Some(0.0), ..none }, Period::Month),
            (Quotas { dollars_per_day: Some(0.0), ..none }, Period::Day),
            (Quotas { tokens_per_day: Some(0), ..none }, Period::Day),
        ] {
            let budget = Budget::new(Limits { quotas, ..Limits::default() });
            let error: LlmError = budget.reserve("a", "m", usage(1, 1), PRICE).await.unwrap_err().into();
            let end = Duration::from_secs(period.end(period.of(day_of_clock())) * DAY_SECONDS);
            let wait = error.retry_after.unwrap();
            assert!(wait.abs_diff(end - since_1970()) < Duration::from_secs(60), "{wait:?} {quotas:?}");
            assert_eq!(error.cause, Cause::Budget);
        }
    }

    #[test]
    fn tokens_from_the_providers_cache_cost_what_they_cost() {
        let with_cache = Usage { input: 1_000_000, cached: 900_000, output: 0 };
        assert_eq!(dollars(PRICE.of(with_cache)), 1.9);
        assert_eq!(Price { cached: None, ..PRICE }.of(with_cache), PRICE.of(usage(1_000_000, 0)));
    }

    #[test]
    fn the_price_list_is_whole_and_finds_names_by_their_beginning() {
        assert!(price_of("claude-sonnet-4-5-20250929").is_some());
        assert!(price_of("openai/gpt-4o-mini").unwrap().input < price_of("gpt-4o").unwrap().input);
        assert_eq!(price_of("my-own-model"), None);
    }
}
